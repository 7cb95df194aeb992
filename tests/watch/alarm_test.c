/*
 * alarm_test.c: when an alarm is raised and cleared: thresholds, durations, directions, series that come later.
 */
#include "watch/alarm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "watch/watchkit.h"

static struct watchkit kit;
static char told[4000];

static void note(void *user, const skafu_alarm_info *alarm)
{
	(void)user;
	ck_assert_uint_eq(alarm->size, sizeof *alarm);
	ck_assert_uint_gt(strlen(alarm->message), 10);
	snprintf(told + strlen(told), sizeof told - strlen(told), "%s{%s} %s %g; ", alarm->name, alarm->labels,
		 alarm->raised ? "raised" : "cleared", alarm->value);
}

static void open_noted(void)
{
	kit_open(&kit, NULL);
	went(skafu_alarm_add_sink(kit.watch, note, NULL, NULL, fault));
	told[0] = '\0';
}

/* What was told since the last time. */
static const char *news(void)
{
	static char copy[sizeof told];

	strcpy(copy, told);
	told[0] = '\0';
	return copy;
}

static skafu_alarm_def def_of(const char *name, double raise_at, double clear_at)
{
	skafu_alarm_def def = {.size = sizeof def, .name = name, .metric = "x", .statistic = SKAFU_METRIC_VALUE,
			       .raise_at = raise_at, .clear_at = clear_at};

	return def;
}

static const char *set_and_step(double value, int64_t seconds)
{
	went(skafu_metric_set(kit.watch, "x", NULL, value, fault));
	kit_step(&kit, seconds);
	return news();
}

START_TEST(hysteresis)
{
	skafu_alarm_def def = def_of("high", 10, 5);

	open_noted();
	went(skafu_alarm_add(kit.watch, &def, fault));
	ck_assert_str_eq(set_and_step(10, 1), ""); /* not above */
	ck_assert_str_eq(set_and_step(11, 1), "high{} raised 11; ");
	ck_assert_str_eq(set_and_step(12, 1), "");
	ck_assert_str_eq(set_and_step(6, 1), ""); /* between the two it stays */
	ck_assert_str_eq(set_and_step(5, 1), "high{} cleared 5; ");
	ck_assert_str_eq(set_and_step(9, 1), "");
	kit_close(&kit);
}
END_TEST

START_TEST(durations)
{
	skafu_alarm_def def = def_of("slow", 10, 10);

	def.raise_after_ns = 5 * KIT_SECOND;
	def.clear_after_ns = 3 * KIT_SECOND;
	open_noted();
	went(skafu_alarm_add(kit.watch, &def, fault));
	for (int i = 0; i < 5; i++)
		ck_assert_str_eq(set_and_step(20, 1), "");
	ck_assert_str_eq(set_and_step(1, 1), ""); /* one good figure, and it begins anew */
	for (int i = 0; i < 5; i++)
		ck_assert_str_eq(set_and_step(20, 1), "");
	ck_assert_str_eq(set_and_step(20, 1), "slow{} raised 20; ");
	ck_assert_str_eq(set_and_step(1, 1), "");
	ck_assert_str_eq(set_and_step(1, 2), "");
	ck_assert_str_eq(set_and_step(30, 1), "");
	ck_assert_str_eq(set_and_step(1, 1), "");
	ck_assert_str_eq(set_and_step(1, 3), "slow{} cleared 1; ");
	kit_close(&kit);
}
END_TEST

START_TEST(below)
{
	skafu_alarm_def def = def_of("low", 10, 20);

	def.direction = SKAFU_ALARM_BELOW;
	open_noted();
	went(skafu_alarm_add(kit.watch, &def, fault));
	ck_assert_str_eq(set_and_step(10, 1), "");
	ck_assert_str_eq(set_and_step(9, 1), "low{} raised 9; ");
	ck_assert_str_eq(set_and_step(19, 1), "");
	ck_assert_str_eq(set_and_step(20, 1), "low{} cleared 20; ");
	kit_close(&kit);
}
END_TEST

START_TEST(each_series_has_a_state)
{
	skafu_alarm_def all = def_of("all", 10, 5), one = def_of("one", 10, 5);

	one.labels = "b=\"2\",a=\"1\"";
	open_noted();
	went(skafu_alarm_add(kit.watch, &all, fault));
	went(skafu_alarm_add(kit.watch, &one, fault));
	ck_assert_str_eq(set_and_step(50, 1), "all{} raised 50; ");
	went(skafu_metric_set(kit.watch, "x", "a=\"1\",b=\"2\"", 60, fault));
	went(skafu_metric_set(kit.watch, "x", "a=\"1\",b=\"3\"", 1, fault));
	kit_step(&kit, 1);
	ck_assert_str_eq(news(), "all{a=\"1\",b=\"2\"} raised 60; one{a=\"1\",b=\"2\"} raised 60; ");
	went(skafu_metric_set(kit.watch, "x", "a=\"1\",b=\"3\"", 70, fault));
	kit_step(&kit, 1);
	ck_assert_str_eq(news(), "all{a=\"1\",b=\"3\"} raised 70; ");
	ck_assert(kit_figure(&kit, "skafu_alarms_raised", NULL, SKAFU_METRIC_VALUE) == 3);
	kit_step(&kit, 1);
	ck_assert(kit_figure(&kit, "skafu_alarms_raised", NULL, SKAFU_METRIC_VALUE) == 4);
	went(skafu_alarm_remove(kit.watch, "all", fault));
	kit_step(&kit, 1);
	ck_assert(kit_figure(&kit, "skafu_alarms_raised", NULL, SKAFU_METRIC_VALUE) == 1);
	ck_assert_str_eq(news(), "");
	kit_close(&kit);
}
END_TEST

START_TEST(no_figure_no_change)
{
	skafu_alarm_def def = def_of("p95", 1, 0.5);

	def.statistic = SKAFU_METRIC_P95;
	def.raise_after_ns = 2 * KIT_SECOND;
	open_noted();
	went(skafu_alarm_add(kit.watch, &def, fault));
	went(skafu_metric_observe(kit.watch, "x", NULL, 7, fault));
	kit_step(&kit, 1);
	kit_step(&kit, 80); /* the minute is over: nothing is known, and the duration begins anew */
	ck_assert_str_eq(news(), "");
	went(skafu_metric_observe(kit.watch, "x", NULL, 7, fault));
	kit_step(&kit, 1);
	kit_step(&kit, 2);
	ck_assert_str_eq(news(), "p95{} raised 7; ");
	kit_step(&kit, 300);
	ck_assert_str_eq(news(), "");
	went(skafu_metric_observe(kit.watch, "x", NULL, 0.25, fault));
	kit_step(&kit, 1);
	ck_assert_str_eq(news(), "p95{} cleared 0.25; ");
	kit_close(&kit);
}
END_TEST

START_TEST(bad_definitions)
{
	skafu_alarm_def good = def_of("a", 10, 5), def;
	char large[600];

	open_noted();
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	went(skafu_alarm_add(kit.watch, &good, fault));
	refused(SKAFU_EEXISTS, skafu_alarm_add(kit.watch, &good, fault));
	refused(SKAFU_EINVAL, skafu_alarm_add(kit.watch, NULL, fault));
#define BAD(code, change) \
	(def = def_of("b", 10, 5), (void)(change), refused(code, skafu_alarm_add(kit.watch, &def, fault)))
	BAD(SKAFU_EOPTION, def.size = 0);
	BAD(SKAFU_EINVAL, def.name = NULL);
	BAD(SKAFU_EINVAL, def.name = "");
	BAD(SKAFU_ELIMIT, def.name = large);
	BAD(SKAFU_EINVAL, def.metric = NULL);
	BAD(SKAFU_EINVAL, def.metric = "no metric");
	BAD(SKAFU_ELIMIT, def.metric = large);
	BAD(SKAFU_EINVAL, def.labels = "x");
	BAD(SKAFU_EINVAL, def.statistic = 0);
	BAD(SKAFU_EINVAL, def.statistic = 6);
	BAD(SKAFU_EINVAL, def.direction = 2);
	BAD(SKAFU_EINVAL, def.severity = 4);
	BAD(SKAFU_EINVAL, def.raise_at = (double)INFINITY);
	BAD(SKAFU_EINVAL, def.clear_at = (double)NAN);
	BAD(SKAFU_EINVAL, def.clear_at = 11);
	BAD(SKAFU_EINVAL, def.direction = SKAFU_ALARM_BELOW);
	BAD(SKAFU_EINVAL, def.raise_after_ns = UINT64_MAX);
	BAD(SKAFU_EINVAL, def.clear_after_ns = UINT64_MAX);
#undef BAD
	for (uint32_t i = 1; i < SKAFU__ALARMS_MAX; i++) {
		char name[20];

		snprintf(name, sizeof name, "n%u", i);
		def = def_of(name, 10, 5);
		went(skafu_alarm_add(kit.watch, &def, fault));
	}
	def = def_of("surplus", 10, 5);
	refused(SKAFU_ELIMIT, skafu_alarm_add(kit.watch, &def, fault));
	kit_close(&kit);
}
END_TEST

/* Memory that fails while a state is made is told, and made up for at the next step. */
START_TEST(memory_runs_out)
{
	skafu_alarm_def def = def_of("a", 10, 5);
	int32_t rc = SKAFU_ENOMEM;

	def.labels = "a=\"1\"";
	for (long from = 1; rc == SKAFU_ENOMEM && from < 10; from++) {
		kit_open(&kit, NULL);
		kit_memory_fails(from);
		rc = skafu_alarm_add(kit.watch, &def, fault);
		kit_memory_fails(0);
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		kit_close(&kit);
		ck_assert_int_eq(kit_blocks, 0);
	}
	ck_assert_int_eq(rc, 0);
	open_noted();
	def.labels = NULL;
	went(skafu_alarm_add(kit.watch, &def, fault));
	went(skafu_metric_set(kit.watch, "x", NULL, 100, fault));
	kit_now_ns += KIT_SECOND;
	kit_memory_fails(1);
	rc = skafu_watch_step(kit.watch, NULL, fault);
	kit_memory_fails(0);
	ck_assert_int_eq(rc, SKAFU_ENOMEM);
	kit_step(&kit, 1);
	ck_assert_str_eq(news(), "a{} raised 100; ");
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, hysteresis);
	tcase_add_test(tests, durations);
	tcase_add_test(tests, below);
	tcase_add_test(tests, each_series_has_a_state);
	tcase_add_test(tests, no_figure_no_change);
	tcase_add_test(tests, bad_definitions);
	tcase_add_test(tests, memory_runs_out);
}

int main(void)
{
	return tempstore_main("alarm", add);
}
