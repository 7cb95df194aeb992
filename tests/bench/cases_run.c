/* The cases of an engine. */
#include "bench/cases.h"

void case_engine(const struct bench_context *ctx)
{
	static const struct bench_line lines[] = {
		{"event to handler elsewhere, p50", "us", NULL, ENGINE_P50_US, 0, BAR_VALUE_MAX, 100},
		{"event to handler elsewhere, p95", "ms", NULL, ENGINE_P95_MS, 0, BAR_VALUE_MAX, 100},
		{"domain to domain, p95", "ms", NULL, ENGINE_CROSS_P95_MS, 0, BAR_VALUE_MAX, 500},
	};
	static const struct bench_line rate = {"reactions, one engine, synced", "1/min", NULL, ENGINE_PER_MINUTE, 0,
		BAR_VALUE_MIN, 10000};
	static const struct bench_line cost = {"reactions, figures read 100/s", "1/s", "figures not read",
		ENGINE_RATE, ENGINE_RATE, BAR_RATIO_MIN, 0.95};
	struct bench_job own = {.ctx = ctx, .subject = ctx->own, .run = bench_engine_run,
		.events = ctx->quick ? 500 : 4000, .kind = 1};
	struct bench_job reference;
	struct bench_series series;
	unsigned i;

	bench_job_pairs(&own, NULL, ctx->quick ? 1 : 3, &series);
	for (i = 0; i < 3; i++)
		bench_report_add(ctx->report, &lines[i], &series);
	own.kind = 0;
	own.events = ctx->quick ? 8000 : 100000;
	own.store.sync = 1;
	bench_job_pairs(&own, NULL, 1, &series);
	bench_report_add(ctx->report, &rate, &series);
	/* So long that the figures are read dozens of times, quick or not. */
	own.events = ctx->quick ? 60000 : 100000;
	own.store.sync = 0;
	reference = own;
	own.kind = 2;
	bench_job_pairs(&own, &reference, ctx->quick ? 3 : 5, &series);
	bench_report_add(ctx->report, &cost, &series);
}

/* Quick: 10^5 pending ones. */
void case_timers(const struct bench_context *ctx)
{
	static const struct bench_line pending = {"engine, 10^6 pending timers", "1/s", "no timers", TIMER_RATE,
		TIMER_RATE, BAR_RATIO_MIN, 0.83};
	static const struct bench_line fired = {"timers fired, synced", "1/s", NULL, TIMER_RATE, 0, BAR_VALUE_MIN,
		10000};
	struct bench_job own = {.ctx = ctx, .subject = ctx->own, .run = bench_timer_run,
		.events = ctx->quick ? 20000 : 200000, .streams = ctx->quick ? 100000 : 1000000};
	struct bench_job reference = own;
	struct bench_series series;

	reference.streams = 0;
	bench_job_pairs(&own, &reference, ctx->quick ? 2 : 5, &series);
	bench_report_add(ctx->report, &pending, &series);
	own.kind = 1;
	own.store.sync = 1;
	own.events = ctx->quick ? 10000 : 100000;
	bench_job_pairs(&own, NULL, ctx->quick ? 1 : 3, &series);
	bench_report_add(ctx->report, &fired, &series);
}

void case_errors(const struct bench_context *ctx)
{
	static const struct bench_line seen = {"error reported to seen in analytics, p99", "ms", NULL, ERROR_P99_MS,
		0, BAR_VALUE_MAX, 1000};
	const struct bench_job own = {.ctx = ctx, .subject = ctx->own, .run = bench_error_run,
		.events = ctx->quick ? 100 : 1000, .store.sync = 1};
	struct bench_series series;

	bench_job_pairs(&own, NULL, ctx->quick ? 1 : 3, &series);
	bench_report_add(ctx->report, &seen, &series);
}

void case_rules(const struct bench_context *ctx)
{
	static const struct bench_line line = {"event against 10,000 rules", "us", "10 rules", RULES_EVENT_US,
		RULES_EVENT_US, BAR_RATIO_MAX, 3};
	struct bench_job own = {.ctx = ctx, .subject = ctx->own, .run = bench_rules_run, .events = 2000,
		.streams = 10000};
	struct bench_job reference = own;
	struct bench_series series;

	reference.streams = 10;
	bench_job_pairs(&own, &reference, ctx->quick ? 2 : 5, &series);
	bench_report_add(ctx->report, &line, &series);
}
