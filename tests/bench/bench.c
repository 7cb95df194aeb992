/*
 * The benches of libskafu: every row of the table of bars, as ratios in one run on one machine.
 *
 *   BENCH_DIR   where the data goes: on the disk that is to be measured, removed at the end
 *               (default build/bench-data)
 *   BENCH_ONLY  runs only the cases whose name holds this text
 *   QUICK=1     leaves out what needs more than 10^6 events, and takes smaller samples
 *
 * A full run takes about 15 minutes on a machine with two cores and a flush of 0.15 ms, and 12 GiB of disk (two
 * stores of 10^7 events and three of 10^6); the stores of 10^7 events alone take 5 minutes on a disk with a flush of
 * 5 ms, and BENCH_ONLY=growth measures nothing else. A quick run ends in 50 s and takes 2.5 GiB.
 *
 * Prints a table with a column "met", writes build/bench.json (BENCH_JSON names another file), and exits 0
 * whatever was measured. Without BENCH_SKAFU it measures the references alone.
 */
#include "bench/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A quick run that is so old finishes with one pair a row, to end in 50 s on a slow machine too. */
#define QUICK_HURRY_S 34
/* So much later no further case starts. */
#define QUICK_GRACE_S 6

struct named_case {
	const char *name;
	bench_case *run;
};

static const struct named_case cases[] = {
	{"append_1000", case_append_1000},
	{"append_100", case_append_100},
	{"cpu_only", case_cpu_only},
	{"one_caller", case_one_caller},
	{"callers", case_callers},
	{"duplicates", case_duplicates},
	{"disk", case_disk}, /* before every other case that reads its store, to see it loaded */
	{"sqlite_append", case_sqlite_append},
	{"sqlite_callers", case_sqlite_callers},
	{"sqlite_bulk", case_sqlite_bulk},
	{"sqlite_reads", case_sqlite_reads},
	{"sqlite_command", case_sqlite_command},
	{"scan", case_scan},
	{"stream", case_stream},
	{"by_id", case_by_id},
	{"by_sequence", case_by_sequence},
	{"rebuild", case_rebuild},
	{"replay", case_replay},
	{"open", case_open},
	{"command", case_command},
	{"notify", case_notify},
	{"live_commits", case_live_commits},
	{"engine", case_engine},
	{"timers", case_timers},
	{"errors", case_errors},
	{"rules", case_rules},
	{"many_streams", case_many_streams},
	{"growth", case_growth},
};

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : otherwise;
}

static void run_cases(const struct bench_context *ctx, const char *only)
{
	int timed = strcmp(setting("BENCH_TIMES", "0"), "0") != 0;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t start = bench_now_ns();

		if (strstr(cases[i].name, only) == NULL)
			continue;
		if (ctx->hurry_ns != 0 && start > ctx->hurry_ns + UINT64_C(1000000000) * QUICK_GRACE_S) {
			fprintf(stderr, "bench: %s is left out, the quick run took too long already\n",
				cases[i].name);
			continue;
		}
		cases[i].run(ctx);
		if (timed)
			fprintf(stderr, "%s took %.1f s\n", cases[i].name, (double)(bench_now_ns() - start) / 1e9);
	}
}

int main(void)
{
	struct bench_context ctx = {.dir = setting("BENCH_DIR", "build/bench-data")};
	uint64_t start = bench_now_ns();
	const char *own_name = "not built in";

#ifdef BENCH_SKAFU
	ctx.own = &bench_skafu;
	own_name = ctx.own->name;
#endif
	ctx.quick = strcmp(setting("QUICK", "0"), "0") != 0;
	if (ctx.quick)
		ctx.hurry_ns = start + UINT64_C(1000000000) * QUICK_HURRY_S;
	if (getenv("BENCH_DIR") == NULL || getenv("BENCH_JSON") == NULL)
		bench_dir_make("build");
	ctx.report = bench_report_create();
	bench_dir_remove(ctx.dir);
	if (ctx.report == NULL || bench_dir_make(ctx.dir) != 0) {
		perror(ctx.dir);
		bench_report_destroy(ctx.report);
		return 0;
	}
	bench_report_head(own_name);
	run_cases(&ctx, setting("BENCH_ONLY", ""));
	bench_dir_remove(ctx.dir);
	if (!ctx.quick)
		printf("up to 12 GiB of disk were needed; BENCH_ONLY measures single cases\n");
	printf("%.1f s%s; ", (double)(bench_now_ns() - start) / 1e9, ctx.quick ? ", quick" : "");
	bench_report_end(ctx.report, setting("BENCH_JSON", "build/bench.json"), own_name, ctx.quick);
	bench_report_destroy(ctx.report);
	return 0;
}
