/* The cases with a subscriber in another process. */
#include "bench/cases.h"

#define PAIRS 5

/*
 * Unsynced, from the call of append to the read event, which is more than the way from the commit to the
 * subscriber.
 */
void case_notify(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"commit to subscriber, p50", "us", "raw LMDB, 1 ms poll", LIVE_CALL_P50_US, LIVE_CALL_P50_US,
			BAR_VALUE_MAX, 100},
		{"commit to subscriber, p99", "us", "raw LMDB, 1 ms poll", LIVE_CALL_P99_US, LIVE_CALL_P99_US,
			BAR_VALUE_MAX, 1000},
		{"idle subscriber, CPU", "percent", "raw LMDB, 1 ms poll", LIVE_IDLE_CPU, LIVE_IDLE_CPU,
			BAR_VALUE_MAX, 0.1},
		{"synced append call to subscriber", "us", "raw LMDB, 1 ms poll", LIVE_CALL_P50_US,
			LIVE_CALL_P50_US, BAR_NONE, 0},
	};
	struct bench_job own = {.ctx = ctx, .subject = ctx->own, .run = bench_live_run, .streams = 10000,
		.events = ctx->quick ? 300 : 4000, .kind = 1};
	struct bench_job reference = own;
	struct bench_series series;
	unsigned i;

	reference.subject = &bench_lmdb;
	bench_job_pairs(&own, &reference, ctx->quick ? 3 : PAIRS, &series);
	for (i = 0; i < 3; i++)
		bench_report_add(ctx->report, &lines[i], &series);
	own.store.sync = reference.store.sync = 1;
	bench_job_pairs(&own, &reference, ctx->quick ? 1 : 3, &series);
	bench_report_add(ctx->report, &lines[3], &series);
}

/*
 * One-event commits, unsynced, while another process follows; the file against the same events loaded in
 * batches.
 */
void case_live_commits(const struct bench_context *ctx)
{
	static const struct bench_line file = {"live 1-event commits, file", "bytes/ev", "same, bulk loaded",
		LIVE_DISK, APPEND_DISK, BAR_RATIO_MAX, 1.3};
	static const struct bench_line longest = {"live 1-event commits, longest", "ms", "raw LMDB",
		LIVE_LONGEST_MS, LIVE_LONGEST_MS, BAR_VALUE_MAX, 50};
	struct bench_job own = {.ctx = ctx, .subject = ctx->own, .run = bench_live_run, .streams = 10000,
		.events = ctx->quick ? 100000 : 1000000};
	struct bench_job raw = own, bulk = own;
	struct bench_series series, loaded;
	unsigned i;

	raw.subject = &bench_lmdb;
	bulk.subject = ctx->own != NULL ? ctx->own : &bench_lmdb;
	bulk.run = bench_append_run;
	bulk.batch = 10000;
	bulk.store.bulk = 1;
	bench_job_pairs(&own, &raw, 1, &series);
	bench_report_add(ctx->report, &longest, &series);
	bench_job_pairs(NULL, &bulk, 1, &loaded);
	for (i = 0; i < BENCH_FIGURES; i++)
		series.reference[i][0] = loaded.reference[i][0];
	series.reference_count = loaded.reference_count;
	bench_report_add(ctx->report, &file, &series);
}
