/*
 * facts_test.c: each report of a probe becomes the figures that the page lists, and no stranger's name does harm.
 */
#include "watch/facts.h"

#include <stdio.h>
#include <string.h>

#include "watch/exposition.h"
#include "watch/watchkit.h"

static struct watchkit kit;

static double value_of(const char *name, const char *labels)
{
	return kit_figure(&kit, name, labels, SKAFU_METRIC_VALUE);
}

START_TEST(appends)
{
	skafu_batch *batch;
	skafu_new_record error = event_of(NULL, "ErrorOccurred");

	kit_open(&kit, NULL);
	for (int i = 0; i < 5; i++)
		append_event(kit.store, "s", "T", NULL);
	batch = batch_of(kit.store);
	error.kind = SKAFU_KIND_ERROR;
	error.source = "sales";
	error.severity = SKAFU_SEVERITY_CRITICAL;
	error.flags = SKAFU_RECORD_TIME;
	error.time_ns = KIT_WALL_BEGIN + kit_now_ns - 2 * KIT_SECOND;
	went(skafu_batch_add(batch, &error, fault));
	appended_by(kit.store, batch);
	batch = batch_of(kit.store);
	add_event(batch, "s", "T", NULL);
	went(skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_NONE, 0, fault));
	refused(SKAFU_ECONFLICT, skafu_append(kit.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
	ck_assert(value_of("skafu_published_total", "domain=\"default\",kind=\"event\"") == 5);
	ck_assert(value_of("skafu_published_total", "domain=\"sales\",kind=\"error\"") == 1);
	ck_assert(value_of("skafu_errors_total", "domain=\"sales\",severity=\"CRITICAL\"") == 1);
	ck_assert(kit_figure(&kit, "skafu_error_correlation_seconds", "domain=\"sales\"", SKAFU_METRIC_P95) == 2);
	ck_assert(value_of("skafu_commits_total", NULL) == 6);
	ck_assert(value_of("skafu_flush_seconds", NULL) == 6);
	ck_assert(value_of("skafu_refused_total", "code=\"SKAFU_ECONFLICT\"") == 1);
	kit_step(&kit, 1);
	ck_assert(value_of("skafu_log_records", NULL) == 6);
	ck_assert(value_of("skafu_log_commits", NULL) == 6);
	ck_assert(value_of("skafu_log_unindexed_records", NULL) == 6);
	ck_assert(value_of("skafu_log_used_bytes", NULL) > 0);
	ck_assert(value_of("skafu_memory_bytes", "use=\"overlay\"") > 0);
	ck_assert(kit_figure(&kit, "skafu_published_total", "domain=\"default\",kind=\"event\"",
			     SKAFU_METRIC_RATE) == 5);
	kit_close(&kit);
}
END_TEST

/* Everything that lib/run reports, by one event of each kind. */
static void report_all(void)
{
	static const struct skafu__probe_event events[] = {
		{.kind = SKAFU__PROBE_DELIVERED, .count = 4, .value = 1000000, .name = "mail"},
		{.kind = SKAFU__PROBE_HANDLED, .count = 4, .value = 8000000, .name = "mail", .domain = "mail",
		 .from = "sales", .recorded_ns = KIT_WALL_BEGIN, .end_ns = KIT_WALL_BEGIN + 50000000},
		{.kind = SKAFU__PROBE_FAILED, .count = 1, .value = 120, .name = "mail", .domain = "mail",
		 .from = "sales"},
		{.kind = SKAFU__PROBE_FAILED, .count = 1, .value = 120, .name = "self", .domain = "mail",
		 .from = "mail"},
		{.kind = SKAFU__PROBE_CROSS_DOMAIN, .count = 2, .value = 3000000, .domain = "mail", .from = "sales"},
		{.kind = SKAFU__PROBE_DEAD_LETTER, .count = 1, .value = 120, .name = "mail"},
		{.kind = SKAFU__PROBE_LAG, .value = 77, .name = "mail"},
		{.kind = SKAFU__PROBE_REPLAYED, .count = 10, .value = 1},
		{.kind = SKAFU__PROBE_REPLAYED, .count = 10, .value = 0},
		{.kind = SKAFU__PROBE_REPLAY_DONE},
		{.kind = SKAFU__PROBE_REPLAY_DONE, .value = 61},
		{.kind = SKAFU__PROBE_STEP, .count = 1, .value = 500, .name = "shipping", .text = "order-1"},
		{.kind = SKAFU__PROBE_EXECUTED, .count = 3, .value = 2000000, .name = "Pay", .domain = "sales",
		 .decision = 1},
		{.kind = SKAFU__PROBE_EXECUTED, .count = 1, .value = 10, .name = "Pay", .domain = "sales",
		 .code = SKAFU_EHOST},
		{.kind = SKAFU__PROBE_FOLD, .count = 100, .value = 7000000},
		{.kind = SKAFU__PROBE_MERGE, .count = 100, .value = 7000000},
		{.kind = SKAFU__PROBE_TIMER, .count = 2, .value = 1000000},
		{.kind = 999, .count = 1},
	};

	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		kit_report(&kit, &events[i]);
}

START_TEST(what_runs)
{
	kit_open(&kit, NULL);
	report_all();
	ck_assert(value_of("skafu_handled_total", "consumer=\"mail\"") == 4);
	ck_assert(kit_figure(&kit, "skafu_handler_seconds", "consumer=\"mail\"", SKAFU_METRIC_P50) == 0.002);
	ck_assert(kit_figure(&kit, "skafu_delivery_seconds", "consumer=\"mail\"", SKAFU_METRIC_P99) == 0.001);
	ck_assert(kit_figure(&kit, "skafu_processing_seconds", "consumer=\"mail\"", SKAFU_METRIC_P95) == 0.05);
	ck_assert(value_of("skafu_handler_failures_total", "code=\"SKAFU_EHOST\",consumer=\"mail\"") == 1);
	ck_assert(value_of("skafu_cross_domain_failures_total", "from=\"sales\",to=\"mail\"") == 1);
	refused(SKAFU_ENOTFOUND, skafu_metric_get(kit.watch, "skafu_cross_domain_failures_total",
						  "from=\"mail\",to=\"mail\"", 1, &(double){0}, fault));
	ck_assert(value_of("skafu_cross_domain_total", "from=\"sales\",to=\"mail\"") == 2);
	ck_assert(kit_figure(&kit, "skafu_cross_domain_seconds", "from=\"sales\",to=\"mail\"", SKAFU_METRIC_P95) ==
		  0.003);
	ck_assert(value_of("skafu_dead_letters_total", "consumer=\"mail\"") == 1);
	ck_assert(value_of("skafu_consumer_lag", "consumer=\"mail\"") == 77);
	ck_assert(value_of("skafu_replay_records_total", "result=\"succeeded\"") == 19);
	ck_assert(value_of("skafu_replay_records_total", "result=\"failed\"") == 1);
	ck_assert(value_of("skafu_replay_success_ratio", NULL) == 0.95);
	ck_assert(value_of("skafu_replay_sessions_total", "result=\"succeeded\"") == 1);
	ck_assert(value_of("skafu_replay_sessions_total", "result=\"failed\"") == 1);
	ck_assert(value_of("skafu_process_steps_total", "process=\"shipping\"") == 1);
	ck_assert(value_of("skafu_commands_total", "command=\"Pay\",decision=\"accepted\",domain=\"sales\"") == 1);
	ck_assert(value_of("skafu_commands_total", "command=\"Pay\",decision=\"failed\",domain=\"sales\"") == 1);
	ck_assert(value_of("skafu_command_conflicts_total", "command=\"Pay\"") == 2);
	ck_assert(value_of("skafu_timers_fired_total", NULL) == 2);
	ck_assert(value_of("skafu_fold_seconds", NULL) == 1 && value_of("skafu_merge_seconds", NULL) == 1);
	kit_close(&kit);
}
END_TEST

/* Each metric of the list is exported once something happened, and the page names exactly these. */
START_TEST(the_page_lists_all)
{
	static char page[60000];
	const char *help, *name;
	uint32_t kind, count = 0;
	char *text, why[200];

	ck_assert_uint_gt(file_read("man/skafu-metrics.7", page, sizeof page - 1), 0);
	kit_open(&kit, NULL);
	report_all();
	append_event(kit.store, "s", "T", NULL);
	kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_PUBLISHED, .count = 1, .domain = "d",
						      .record_kind = SKAFU_KIND_ERROR, .severity = 1});
	kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_REFUSED, .count = 1, .value = 20});
	text = kit_prometheus(&kit);
	ck_assert_msg(exposition_read(text, why) > 0, "%s", why);
	for (; (name = skafu__facts_name(count, &help, &kind)) != NULL; count++) {
		char line[600];

		snprintf(line, sizeof line, "# HELP %s %s\n# TYPE %s ", name, help, name);
		ck_assert_msg(strstr(text, line) != NULL, "%s is not exported", name);
		snprintf(line, sizeof line, ".It Va %s", name);
		ck_assert_msg(strstr(page, line) != NULL, "%s is not on the page", name);
	}
	for (const char *at = page; (at = strstr(at, ".It Va ")) != NULL; at++)
		count--;
	ck_assert_uint_eq(count, 0);
	skafu_text_free(text);
	kit_close(&kit);
}
END_TEST

START_TEST(hostile_names)
{
	char large[400];

	kit_open(&kit, &(skafu_watch_opts){.size = sizeof(skafu_watch_opts), .series_max = 50});
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_HANDLED, .count = 1, .name = "\xff\xfe"});
	kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_HANDLED, .count = 1, .name = large});
	kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_HANDLED, .count = UINT64_MAX,
						      .value = INT64_MIN, .name = NULL});
	kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_HANDLED, .count = 0, .name = "none"});
	kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_PUBLISHED, .count = 1, .record_kind = 99,
						      .severity = 99});
	kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_PUBLISHED, .count = 1,
						      .record_kind = SKAFU_KIND_ERROR, .severity = 99});
	for (int i = 0; i < 500; i++) {
		char name[30];

		snprintf(name, sizeof name, "consumer-%d", i);
		kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_LAG, .value = 1, .name = name});
	}
	kit_step(&kit, 1);
	ck_assert(value_of("skafu_series", NULL) == 50);
	ck_assert(value_of("skafu_series_dropped_total", NULL) > 400);
	kit_close(&kit);
}
END_TEST

START_TEST(memory_runs_out_anywhere)
{
	for (long from = 1; from < 200; from++) {
		kit_open(&kit, NULL);
		kit_memory_fails(from);
		report_all();
		kit_memory_fails(0);
		report_all(); /* what failed is made later */
		ck_assert(value_of("skafu_consumer_lag", "consumer=\"mail\"") == 77);
		ck_assert(value_of("skafu_handled_total", "consumer=\"mail\"") >= 4);
		kit_close(&kit);
		ck_assert_int_eq(kit_blocks, 0);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, appends);
	tcase_add_test(tests, what_runs);
	tcase_add_test(tests, the_page_lists_all);
	tcase_add_test(tests, hostile_names);
	tcase_add_test(tests, memory_runs_out_anywhere);
}

int main(void)
{
	return tempstore_main("facts", add);
}
