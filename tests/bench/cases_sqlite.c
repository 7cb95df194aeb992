/*
 * Every operation against SQLite, the store that a user would pick instead. The bar is to be ahead, except for
 * one event of one caller, where a tail in LMDB pays two flushes and SQLite one: that row is printed without a
 * bar.
 */
#include "bench/cases.h"

#include <stdio.h>
#include <string.h>

static unsigned pairs(const struct bench_context *ctx)
{
	return ctx->quick ? 3 : 5;
}

static struct bench_job sqlite_job(const struct bench_context *ctx, const struct bench_subject *subject)
{
	struct bench_job job = {.ctx = ctx, .subject = subject, .run = bench_append_run, .streams = 10000,
		.store = {.sync = 1, .foreign_ids = 1}};

	return job;
}

static uint64_t set_events(const struct bench_context *ctx)
{
	return ctx->quick ? 100000 : 1000000;
}

static void append_case(const struct bench_context *ctx, const struct bench_line *line, uint64_t events,
	size_t batch)
{
	struct bench_job own = sqlite_job(ctx, ctx->own), reference = sqlite_job(ctx, &bench_sqlite);
	struct bench_series series;

	own.events = reference.events = events;
	own.batch = reference.batch = batch;
	own.limit_ns = reference.limit_ns = ctx->quick ? 200000000 : 3000000000;
	bench_job_pairs(&own, &reference, pairs(ctx), &series);
	bench_report_add(ctx->report, line, &series);
}

void case_sqlite_append(const struct bench_context *ctx)
{
	static const struct bench_line one = {"SQLite: append, 1 caller", "events/s", "SQLite", APPEND_RATE,
		APPEND_RATE, BAR_NONE, 0};
	static const struct bench_line batch = {"SQLite: append batch 100", "events/s", "SQLite", APPEND_RATE,
		APPEND_RATE, BAR_RATIO_MIN, 1};

	append_case(ctx, &one, ctx->quick ? 4000 : 20000, 1);
	append_case(ctx, &batch, ctx->quick ? 10000 : 100000, 100);
}

/* A mutex and a connection a caller, or one connection and a leader: the faster of the two is SQLite's figure. */
void case_sqlite_callers(const struct bench_context *ctx)
{
	struct bench_line line = {"SQLite: append, 16 callers", "events/s", "SQLite, group commit", APPEND_RATE,
		APPEND_RATE, BAR_RATIO_MIN, 1};
	struct bench_job own = sqlite_job(ctx, ctx->own), reference = sqlite_job(ctx, &bench_sqlite);
	struct bench_series series, locked;

	own.run = reference.run = bench_callers_run;
	own.events = reference.events = ctx->quick ? 20000 : 100000;
	own.limit_ns = reference.limit_ns = ctx->quick ? 200000000 : 2000000000;
	own.store.callers = reference.store.callers = 16;
	bench_job_pairs(NULL, &reference, pairs(ctx), &locked);
	reference.store.group = 1;
	bench_job_pairs(&own, &reference, pairs(ctx), &series);
	if (bench_median(locked.reference[APPEND_RATE], locked.reference_count) >
	    bench_median(series.reference[APPEND_RATE], series.reference_count)) {
		memcpy(series.reference, locked.reference, sizeof(series.reference));
		series.reference_count = locked.reference_count;
		line.reference = "SQLite, mutex";
	}
	bench_report_add(ctx->report, &line, &series);
}

/* The load that the reads below use; each side in its own fastest way, all on disk at the end. */
void case_sqlite_bulk(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"SQLite: bulk load", "events/s", "SQLite, sync at end", APPEND_RATE, APPEND_RATE, BAR_RATIO_MIN,
			1},
		{"SQLite: disk per event", "bytes", "SQLite", APPEND_DISK, APPEND_DISK, BAR_NONE, 0},
	};
	struct bench_job own = sqlite_job(ctx, ctx->own), reference = sqlite_job(ctx, &bench_sqlite);
	struct bench_series series;

	own.events = reference.events = ctx->quick ? 60000 : 300000;
	own.batch = reference.batch = 10000;
	own.store.bulk = reference.store.bulk = 1;
	bench_job_pairs(&own, &reference, ctx->quick ? 1 : 3, &series);
	bench_report_add(ctx->report, &lines[0], &series);
	bench_report_add(ctx->report, &lines[1], &series);
}

static void read_case(const struct bench_context *ctx, const struct bench_line *line, int kind, size_t reads)
{
	struct bench_job own = sqlite_job(ctx, ctx->own), reference = sqlite_job(ctx, &bench_sqlite);
	char own_dir[BENCH_PATH_MAX], reference_dir[BENCH_PATH_MAX];
	struct bench_series series;

	own.run = reference.run = bench_read_run;
	own.events = reference.events = set_events(ctx);
	own.kind = reference.kind = kind;
	own.batch = reference.batch = reads;
	own.dir = own_dir;
	reference.dir = reference_dir;
	if (bench_dataset(ctx, ctx->own, own.events, own_dir, NULL) != 0)
		own.subject = NULL;
	if (bench_dataset(ctx, &bench_sqlite, own.events, reference_dir, NULL) != 0)
		reference.subject = NULL;
	bench_job_pairs(&own, &reference, pairs(ctx), &series);
	bench_report_add(ctx->report, line, &series);
	if (kind == READ_REBUILD && series.own_count > 0 && series.reference_count > 0 &&
	    series.own[READ_COUNT][0] != series.reference[READ_COUNT][0])
		fprintf(stderr, "bench: the projections differ: %.0f and %.0f groups\n", series.own[READ_COUNT][0],
			series.reference[READ_COUNT][0]);
}

void case_sqlite_reads(const struct bench_context *ctx)
{
	static const struct {
		struct bench_line line;
		int kind;
		size_t reads;
	} cases[] = {
		{{"SQLite: full scan", "events/s", "SQLite", READ_RATE, READ_RATE, BAR_RATIO_MIN, 1}, READ_SCAN, 0},
		{{"SQLite: stream of 100, p50", "us", "SQLite", READ_P50_US, READ_P50_US, BAR_RATIO_MAX, 1},
			READ_STREAM, 500},
		{{"SQLite: by correlation, p50", "us", "SQLite", READ_P50_US, READ_P50_US, BAR_RATIO_MAX, 1},
			READ_CORRELATION, 5000},
		{{"SQLite: event by id, p50", "us", "SQLite", READ_P50_US, READ_P50_US, BAR_RATIO_MAX, 1},
			READ_ID, 5000},
		{{"SQLite: by sequence, p50", "us", "SQLite", READ_P50_US, READ_P50_US, BAR_RATIO_MAX, 1},
			READ_SEQUENCE, 5000},
		{{"SQLite: projection rebuild", "events/s", "SQLite fold", READ_RATE, READ_RATE, BAR_RATIO_MIN, 1},
			READ_REBUILD, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		read_case(ctx, &cases[i].line, cases[i].kind, cases[i].reads);
}

void case_sqlite_command(const struct bench_context *ctx)
{
	static const struct bench_line line = {"SQLite: command, synced", "cmds/s", "SQLite", READ_RATE, READ_RATE,
		BAR_RATIO_MIN, 1};
	struct bench_job own = sqlite_job(ctx, ctx->own), reference = sqlite_job(ctx, &bench_sqlite);
	struct bench_series series;

	own.run = reference.run = bench_command_run;
	own.streams = reference.streams = ctx->quick ? 800 : 10000;
	own.limit_ns = reference.limit_ns = ctx->quick ? 200000000 : 3000000000;
	bench_job_pairs(&own, &reference, pairs(ctx), &series);
	bench_report_add(ctx->report, &line, &series);
}
