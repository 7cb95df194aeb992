/*
 * A job is one measurement of one subject, run in a child process of its own, so that no run sees another's
 * memory, and in a directory of its own. Pairs of jobs alternate, so that the disk's moods reach both sides.
 */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include "bench/report.h"
#include "bench/subject.h"
#include "bench/timing.h"

#define BENCH_PATH_MAX 400

struct bench_context {
	const char *dir;
	int quick;
	uint64_t hurry_ns; /* from this time on one pair must do; 0: never */
	const struct bench_subject *own; /* NULL: only the references run */
	struct bench_report *report;
};

/* A job's result for a subject that lacks what is asked of it. */
#define BENCH_ABSENT 1

struct bench_job {
	const struct bench_context *ctx;
	const struct bench_subject *subject; /* NULL: this side is absent */
	int (*run)(const struct bench_job *job, double figures[BENCH_FIGURES]);
	const char *dir; /* NULL: a fresh one, removed afterwards */
	struct bench_store_options store;
	uint64_t events;
	uint32_t streams;
	size_t batch;
	uint64_t limit_ns; /* of timed work; 0: none */
	int kind;	   /* for the job function alone */
};

/* Runs a job in a child; 0, BENCH_ABSENT, or -1 with a message on stderr. */
int bench_job_run(const struct bench_job *job, double figures[BENCH_FIGURES]);
/* `pairs` interleaved runs of own and reference (either may be NULL), fewer when the context is in a hurry. */
void bench_job_pairs(const struct bench_job *own, const struct bench_job *reference, unsigned pairs,
	struct bench_series *series);

/* Jobs that several cases use, and their figures. */
enum append_figure {
	APPEND_RATE,	 /* events/s */
	APPEND_CPU_RATE, /* events per second of CPU time */
	APPEND_P50_US,
	APPEND_P99_US,
	APPEND_LONGEST_MS,
	APPEND_DISK,   /* bytes per event */
	APPEND_ANON,   /* bytes of memory that the store holds, at most */
	APPEND_GROWTH, /* speed of the last 10^5 events over that of the first */
	APPEND_GROWTH_CPU, /* the same by CPU time, which a tired disk does not change */
};
int bench_append_run(const struct bench_job *job, double figures[BENCH_FIGURES]);
int bench_callers_run(const struct bench_job *job, double figures[BENCH_FIGURES]);

enum read_kind { READ_SCAN, READ_STREAM, READ_CORRELATION, READ_ID, READ_SEQUENCE, READ_REBUILD, READ_REPLAY,
	READ_OPEN };
enum read_figure { READ_RATE, READ_P50_US, READ_P99_US, READ_COUNT };
int bench_read_run(const struct bench_job *job, double figures[BENCH_FIGURES]);
/* After READ_*: same figures, of commands. */
int bench_command_run(const struct bench_job *job, double figures[BENCH_FIGURES]);

enum live_figure { LIVE_CALL_P50_US, LIVE_CALL_P99_US, LIVE_RETURN_P50_US, LIVE_IDLE_CPU, LIVE_LONGEST_MS,
	LIVE_DISK };
int bench_live_run(const struct bench_job *job, double figures[BENCH_FIGURES]);

enum engine_figure { ENGINE_P50_US, ENGINE_P95_MS, ENGINE_P99_US, ENGINE_CROSS_P95_MS, ENGINE_RATE,
	ENGINE_PER_MINUTE };
enum timer_figure { TIMER_RATE };
enum error_figure { ERROR_P99_MS };
enum rules_figure { RULES_EVENT_US };
int bench_rules_run(const struct bench_job *job, double figures[BENCH_FIGURES]);
int bench_error_run(const struct bench_job *job, double figures[BENCH_FIGURES]);
int bench_timer_run(const struct bench_job *job, double figures[BENCH_FIGURES]);
int bench_engine_run(const struct bench_job *job, double figures[BENCH_FIGURES]);

/*
 * A loaded store that read jobs share, built at the first call. Fills path, and figures (append_figure) of the load
 * when not NULL: all 0 when an earlier call built it.
 */
int bench_dataset(const struct bench_context *ctx, const struct bench_subject *subject, uint64_t events,
	char path[BENCH_PATH_MAX], double figures[BENCH_FIGURES]);

#endif
