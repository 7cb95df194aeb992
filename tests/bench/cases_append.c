/* The cases about appending, growth, memory and disk. */
#include "bench/cases.h"

#include <stdio.h>
#include <string.h>

#define PAIRS 5
/* A slow disk shortens a quick job, it does not stretch the quick run. */
#define QUICK_LIMIT_NS 500000000

static void append_pair(const struct bench_context *ctx, struct bench_job *own, struct bench_job *reference,
	uint64_t events, size_t batch, int sync)
{
	struct bench_job job = {.ctx = ctx, .subject = ctx->own, .run = bench_append_run, .events = events,
		.batch = batch, .streams = 10000, .limit_ns = ctx->quick ? QUICK_LIMIT_NS : 0,
		.store = {.sync = sync}};

	*own = job;
	*reference = job;
	reference->subject = &bench_lmdb;
}

static void synced_batches(const struct bench_context *ctx, const char *name, uint64_t events, size_t batch,
	double bar)
{
	const struct bench_line line = {name, "events/s", "raw LMDB", APPEND_RATE, APPEND_RATE, BAR_RATIO_MIN, bar};
	struct bench_job own, reference;
	struct bench_series series;

	append_pair(ctx, &own, &reference, events, batch, 1);
	bench_job_pairs(&own, &reference, PAIRS, &series);
	bench_report_add(ctx->report, &line, &series);
}

void case_append_1000(const struct bench_context *ctx)
{
	synced_batches(ctx, "append batch 1000, synced", ctx->quick ? 100000 : 1000000, 1000, 0.8);
}

void case_append_100(const struct bench_context *ctx)
{
	synced_batches(ctx, "append batch 100, synced", ctx->quick ? 25000 : 300000, 100, 0.9);
}

/*
 * Judged by CPU time, since the other core's work and the kernel's write-back are not the store's; wall time
 * beside it.
 */
void case_cpu_only(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"append batch 1000, CPU only", "ev/CPU-s", "raw LMDB", APPEND_CPU_RATE, APPEND_CPU_RATE,
			BAR_RATIO_MIN, 0.4},
		{"append batch 1000, no sync, wall", "events/s", "raw LMDB", APPEND_RATE, APPEND_RATE, BAR_NONE, 0},
		{"append batch 100, CPU only", "ev/CPU-s", "raw LMDB", APPEND_CPU_RATE, APPEND_CPU_RATE,
			BAR_RATIO_MIN, 0.4},
	};
	struct bench_job own, reference;
	struct bench_series series;

	append_pair(ctx, &own, &reference, ctx->quick ? 150000 : 1000000, 1000, 0);
	bench_job_pairs(&own, &reference, PAIRS, &series);
	bench_report_add(ctx->report, &lines[0], &series);
	bench_report_add(ctx->report, &lines[1], &series);
	own.batch = reference.batch = 100;
	bench_job_pairs(&own, &reference, PAIRS, &series);
	bench_report_add(ctx->report, &lines[2], &series);
}

/*
 * 10^7 events, synced batches of 1,000; memory is counted at every 50,000 events, and the store is opened again
 * after.
 */
void case_growth(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"10^7 events, last/first 10^5", "ratio", "raw LMDB", APPEND_GROWTH, APPEND_GROWTH, BAR_VALUE_MIN,
			0.5},
		{"10^7 events, last/first, CPU only", "ratio", "raw LMDB", APPEND_GROWTH_CPU, APPEND_GROWTH_CPU,
			BAR_NONE, 0},
		{"10^7 events, longest commit", "ms", "raw LMDB", APPEND_LONGEST_MS, APPEND_LONGEST_MS,
			BAR_VALUE_MAX, 50},
		{"10^7 events, append speed", "events/s", "raw LMDB", APPEND_RATE, APPEND_RATE, BAR_NONE, 0},
		{"10^7 events, memory", "bytes", "raw LMDB", APPEND_ANON, APPEND_ANON, BAR_VALUE_MAX,
			64.0 * 1048576},
		{"10^7 events, disk per event", "bytes", "raw LMDB", APPEND_DISK, APPEND_DISK, BAR_NONE, 0},
		{"10^7 events, open", "us", "raw LMDB", READ_P50_US, READ_P50_US, BAR_VALUE_MAX, 10000},
	};
	char own_dir[BENCH_PATH_MAX], reference_dir[BENCH_PATH_MAX];
	struct bench_job own, reference;
	struct bench_series series;
	unsigned i;

	if (ctx->quick)
		return;
	append_pair(ctx, &own, &reference, 10000000, 1000, 1);
	snprintf(own_dir, sizeof(own_dir), "%s/growth-own", ctx->dir);
	snprintf(reference_dir, sizeof(reference_dir), "%s/growth-raw", ctx->dir);
	own.dir = own_dir;
	reference.dir = reference_dir;
	if (bench_dir_make(own_dir) != 0 || bench_dir_make(reference_dir) != 0) {
		perror(ctx->dir);
		return;
	}
	bench_job_pairs(&own, &reference, 1, &series);
	for (i = 0; i < 6; i++)
		bench_report_add(ctx->report, &lines[i], &series);
	own.run = reference.run = bench_read_run;
	own.kind = reference.kind = READ_OPEN;
	bench_job_pairs(&own, &reference, PAIRS, &series);
	bench_report_add(ctx->report, &lines[6], &series);
	bench_dir_remove(own_dir);
	bench_dir_remove(reference_dir);
}

void case_one_caller(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"append 1 event, 1 caller, synced", "events/s", "raw LMDB", APPEND_RATE, APPEND_RATE,
			BAR_RATIO_MIN, 0.9},
		{"append 1 event, p50", "us", "raw LMDB", APPEND_P50_US, APPEND_P50_US, BAR_NONE, 0},
		{"append 1 event, p99", "us", "raw LMDB", APPEND_P99_US, APPEND_P99_US, BAR_NONE, 0},
		{"append 1 event, against the disk", "events/s", "pwrite+fdatasync", APPEND_RATE, APPEND_RATE,
			BAR_NONE, 0},
	};
	struct bench_job own, reference;
	struct bench_series series, floor;
	unsigned i;

	append_pair(ctx, &own, &reference, ctx->quick ? 4000 : 20000, 1, 1);
	own.limit_ns = reference.limit_ns = ctx->quick ? 150000000 : 2000000000;
	bench_job_pairs(&own, &reference, PAIRS, &series);
	for (i = 0; i < 3; i++)
		bench_report_add(ctx->report, &lines[i], &series);
	reference.subject = &bench_file;
	bench_job_pairs(NULL, &reference, PAIRS, &floor);
	memcpy(series.reference, floor.reference, sizeof(series.reference));
	series.reference_count = floor.reference_count;
	bench_report_add(ctx->report, &lines[3], &series);
}

void case_callers(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"append 1 event, 16 callers, synced", "events/s", "raw LMDB, 1 caller", APPEND_RATE, APPEND_RATE,
			BAR_RATIO_MIN, 7},
		{"append 1 event, 64 callers, synced", "events/s", "raw LMDB, 1 caller", APPEND_RATE, APPEND_RATE,
			BAR_RATIO_MIN, 15},
	};
	static const unsigned callers[] = {16, 64};
	struct bench_job own, reference;
	struct bench_series series;
	unsigned i;

	append_pair(ctx, &own, &reference, ctx->quick ? 4000 : 20000, 1, 1);
	own.run = bench_callers_run;
	own.events = ctx->quick ? 20000 : BENCH_BLOCK_MAX;
	own.limit_ns = reference.limit_ns = ctx->quick ? 150000000 : 2000000000;
	for (i = 0; i < 2; i++) {
		own.store.callers = callers[i];
		bench_job_pairs(&own, &reference, PAIRS, &series);
		bench_report_add(ctx->report, &lines[i], &series);
	}
}

/* The subject against itself; without a subject raw LMDB stands in, which checks nothing. */
void case_duplicates(const struct bench_context *ctx)
{
	static const struct bench_line line = {"duplicate check of foreign ids", "events/s", "same, own ids",
		APPEND_RATE, APPEND_RATE, BAR_RATIO_MIN, 0.6};
	struct bench_job own, reference;
	struct bench_series series;

	append_pair(ctx, &own, &reference, ctx->quick ? 150000 : 1000000, 1000, 0);
	if (ctx->own != NULL)
		reference.subject = ctx->own;
	own.store.foreign_ids = 1;
	bench_job_pairs(&own, &reference, ctx->quick ? 3 : PAIRS, &series);
	bench_report_add(ctx->report, &line, &series);
}

/* Unsynced, which hides less than a flush would. */
void case_many_streams(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"append with 10^6 streams", "events/s", "same, 10^4 streams", APPEND_RATE, APPEND_RATE,
			BAR_RATIO_MIN, 0.7},
		{"append with 10^6 streams, memory", "bytes", "same, 10^4 streams", APPEND_ANON, APPEND_ANON,
			BAR_NONE, 0},
	};
	struct bench_job own, reference;
	struct bench_series series;

	append_pair(ctx, &own, &reference, ctx->quick ? 150000 : 1000000, 1000, 0);
	if (ctx->own != NULL)
		reference.subject = ctx->own;
	own.streams = 1000000;
	bench_job_pairs(&own, &reference, ctx->quick ? 3 : PAIRS, &series);
	bench_report_add(ctx->report, &lines[0], &series);
	bench_report_add(ctx->report, &lines[1], &series);
}

void case_disk(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"disk per event, 10^6", "bytes", "raw LMDB, no index", APPEND_DISK, APPEND_DISK, BAR_RATIO_MAX,
			1.1},
		{"memory at 10^6", "bytes", "raw LMDB", APPEND_ANON, APPEND_ANON, BAR_NONE, 0},
		{"load 10^6, flushed at the end", "events/s", "raw LMDB", APPEND_RATE, APPEND_RATE, BAR_NONE, 0},
	};
	double own[BENCH_FIGURES], reference[BENCH_FIGURES];
	struct bench_series series = {.own_count = 0};
	char path[BENCH_PATH_MAX];
	unsigned i;

	series.own_count = bench_dataset(ctx, ctx->own, 1000000, path, own) == 0;
	series.reference_count = bench_dataset(ctx, &bench_lmdb, 1000000, path, reference) == 0;
	for (i = 0; i < BENCH_FIGURES; i++) {
		series.own[i][0] = series.own_count ? own[i] : 0;
		series.reference[i][0] = series.reference_count ? reference[i] : 0;
	}
	for (i = 0; i < 3; i++)
		bench_report_add(ctx->report, &lines[i], &series);
}
