/* The cases about reading 10^6 events, projections, commands and opening. */
#include "bench/cases.h"

#define PAIRS 5
#define EVENTS 1000000

static void read_pair(const struct bench_context *ctx, const struct bench_line *lines, unsigned line_count,
	int kind, size_t reads)
{
	char own_dir[BENCH_PATH_MAX], reference_dir[BENCH_PATH_MAX];
	struct bench_job own = {.ctx = ctx, .subject = ctx->own, .run = bench_read_run, .dir = own_dir,
		.events = EVENTS, .streams = 10000, .batch = reads, .kind = kind, .store = {.sync = 1}};
	struct bench_job reference = own;
	struct bench_series series;
	unsigned i;

	reference.subject = &bench_lmdb;
	reference.dir = reference_dir;
	if (bench_dataset(ctx, ctx->own, EVENTS, own_dir, NULL) != 0)
		own.subject = NULL;
	if (bench_dataset(ctx, &bench_lmdb, EVENTS, reference_dir, NULL) != 0)
		reference.subject = NULL;
	bench_job_pairs(&own, &reference, ctx->quick && kind != READ_SCAN ? 3 : PAIRS, &series);
	for (i = 0; i < line_count; i++)
		bench_report_add(ctx->report, &lines[i], &series);
}

/* The subject checks checksums, raw LMDB checks nothing; both decode the header and touch the payload. */
void case_scan(const struct bench_context *ctx)
{
	static const struct bench_line line = {"full scan", "events/s", "raw LMDB cursor", READ_RATE, READ_RATE,
		BAR_RATIO_MIN, 1.0};

	read_pair(ctx, &line, 1, READ_SCAN, 0);
}

void case_stream(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"stream of 100 events, p50", "us", NULL, READ_P50_US, 0, BAR_VALUE_MAX, 60},
		{"stream of 100 events, p99", "us", NULL, READ_P99_US, 0, BAR_NONE, 0},
	};

	read_pair(ctx, lines, 2, READ_STREAM, 500);
}

void case_by_id(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"event by id, p50", "us", NULL, READ_P50_US, 0, BAR_VALUE_MAX, 4},
		{"event by id, p99", "us", NULL, READ_P99_US, 0, BAR_NONE, 0},
	};

	read_pair(ctx, lines, 2, READ_ID, 10000);
}

void case_by_sequence(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"event by sequence, p50", "us", "raw LMDB", READ_P50_US, READ_P50_US, BAR_VALUE_MAX, 4},
		{"event by sequence, p99", "us", "raw LMDB", READ_P99_US, READ_P99_US, BAR_NONE, 0},
	};

	read_pair(ctx, lines, 2, READ_SEQUENCE, 10000);
}

void case_rebuild(const struct bench_context *ctx)
{
	static const struct bench_line line = {"projection rebuild", "events/s", NULL, READ_RATE, 0,
		BAR_VALUE_MIN, 1000000};

	read_pair(ctx, &line, 1, READ_REBUILD, 0);
}

/* A session over a reaction that counts; what a handler gives is discarded, as in a dry run. */
void case_replay(const struct bench_context *ctx)
{
	static const struct bench_line line = {"replay to a counter", "events/s", NULL, READ_RATE, 0, BAR_VALUE_MIN,
		1000000};

	read_pair(ctx, &line, 1, READ_REPLAY, 0);
}

/* Without the flush: unsynced on both sides. */
void case_command(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"command without the flush, p50", "us", "SQLite, sync off", READ_P50_US, READ_P50_US,
			BAR_VALUE_MAX, 15},
		{"command without the flush, p99", "us", "SQLite, sync off", READ_P99_US, READ_P99_US, BAR_NONE, 0},
	};
	struct bench_job own = {.ctx = ctx, .subject = ctx->own, .run = bench_command_run,
		.streams = ctx->quick ? 1000 : 10000, .limit_ns = ctx->quick ? 300000000 : 0};
	struct bench_job reference = own;
	struct bench_series series;

	reference.subject = &bench_sqlite;
	bench_job_pairs(&own, &reference, ctx->quick ? 3 : PAIRS, &series);
	bench_report_add(ctx->report, &lines[0], &series);
	bench_report_add(ctx->report, &lines[1], &series);
}

void case_open(const struct bench_context *ctx)
{
	static const struct bench_line line = {"open at 10^6", "us", "raw LMDB", READ_P50_US, READ_P50_US,
		BAR_VALUE_MAX, 10000};

	read_pair(ctx, &line, 1, READ_OPEN, 0);
}
