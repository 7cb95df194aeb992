/*
 * alarms_test.c: the list of alarms as they stand, and those that come with the library.
 */
#include "watch/watch.h"

#include <stdio.h>
#include <string.h>

#include "watch/watchkit.h"

static struct watchkit kit;

/* "name{labels}+ " for each; + when it is raised. */
static const char *listed(uint32_t raised_only)
{
	static char text[4000];
	skafu_alarm_list *list = NULL;
	const skafu_alarm_info *alarm = NULL;
	int32_t rc;

	text[0] = '\0';
	went(skafu_alarm_list_open(kit.watch, raised_only, &list, fault));
	while ((rc = skafu_alarm_list_next(list, &alarm, fault)) == 1)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s{%s}%s ", alarm->name, alarm->labels,
			 alarm->raised ? "+" : "");
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(skafu_alarm_list_next(list, &alarm, fault), 0);
	skafu_alarm_list_free(list);
	return text;
}

START_TEST(lists)
{
	skafu_alarm_def def = {.size = sizeof def, .name = "b", .metric = "x", .statistic = SKAFU_METRIC_VALUE,
			       .raise_at = 10, .clear_at = 5, .severity = SKAFU_SEVERITY_CRITICAL};
	skafu_alarm_list *list = NULL;
	const skafu_alarm_info *alarm = NULL;

	kit_open(&kit, NULL);
	ck_assert_str_eq(listed(0), "");
	went(skafu_alarm_add(kit.watch, &def, fault));
	def.name = "a";
	def.labels = "n=\"1\"";
	went(skafu_alarm_add(kit.watch, &def, fault));
	ck_assert_str_eq(listed(0), "a{n=\"1\"} b{} ");
	went(skafu_metric_set(kit.watch, "x", "n=\"2\"", 50, fault));
	went(skafu_metric_set(kit.watch, "x", "n=\"1\"", 1, fault));
	kit_step(&kit, 1);
	ck_assert_str_eq(listed(0), "a{n=\"1\"} b{n=\"1\"} b{n=\"2\"}+ ");
	ck_assert_str_eq(listed(1), "b{n=\"2\"}+ ");
	went(skafu_alarm_list_open(kit.watch, 1, &list, fault));
	went(skafu_alarm_remove(kit.watch, "b", fault)); /* the list is of its moment */
	skafu_watch_close(kit.watch);
	ck_assert_int_eq(skafu_alarm_list_next(list, &alarm, fault), 1);
	ck_assert(alarm->severity == SKAFU_SEVERITY_CRITICAL && alarm->value == 50 && alarm->threshold == 10);
	ck_assert_int_eq(alarm->since_ns, KIT_WALL_BEGIN + kit_now_ns);
	ck_assert_str_eq(alarm->message, "x{n=\"2\"} is 50, raised above 10.");
	skafu_alarm_list_free(list);
	skafu_alarm_list_free(NULL);
	kit.watch = NULL;
	kit_close(&kit);
}
END_TEST

static void report(uint32_t kind, int64_t value)
{
	kit_report(&kit, &(struct skafu__probe_event){.kind = kind, .count = 1, .value = value, .name = "mail",
						      .domain = "mail", .from = "sales",
						      .record_kind = SKAFU_KIND_ERROR, .severity = 2,
						      .recorded_ns = KIT_WALL_BEGIN,
						      .end_ns = KIT_WALL_BEGIN + value});
}

/* Trouble of each kind that the alarms are for, for two minutes; then none. */
START_TEST(those_that_come_with_the_library)
{
	kit_open(&kit, NULL);
	went(skafu_alarm_add_defaults(kit.watch, fault));
	refused(SKAFU_EEXISTS, skafu_alarm_add_defaults(kit.watch, fault));
	for (int i = 0; i < 120; i++) {
		report(SKAFU__PROBE_HANDLED, 300000000);
		report(SKAFU__PROBE_CROSS_DOMAIN, 900000000);
		report(SKAFU__PROBE_DEAD_LETTER, 120);
		report(SKAFU__PROBE_LAG, 50000);
		for (int k = 0; k < 3; k++) {
			report(SKAFU__PROBE_FAILED, 120);
			report(SKAFU__PROBE_PUBLISHED, 2000000000);
		}
		kit_step(&kit, 1);
	}
	ck_assert_str_eq(listed(1),
			 "consumer-lag{consumer=\"mail\"}+ cross-domain-failures{from=\"sales\",to=\"mail\"}+ "
			 "error-spike{domain=\"mail\",severity=\"ERROR\"}+ failed-deliveries{consumer=\"mail\"}+ "
			 "failing-handler{code=\"SKAFU_EHOST\",consumer=\"mail\"}+ "
			 "high-processing-latency{consumer=\"mail\"}+ slow-cross-domain{from=\"sales\",to=\"mail\"}+ "
			 "slow-error-correlation{domain=\"mail\"}+ ");
	for (int i = 0; i < 200; i++) {
		report(SKAFU__PROBE_HANDLED, 1000);
		report(SKAFU__PROBE_CROSS_DOMAIN, 1000);
		report(SKAFU__PROBE_LAG, 0);
		if (i % 15 == 0)
			report(SKAFU__PROBE_PUBLISHED, 1000);
		kit_step(&kit, 1);
	}
	ck_assert_str_eq(listed(1), "error-spike{domain=\"mail\",severity=\"ERROR\"}+ ");
	kit_step(&kit, 15);
	for (int i = 0; i < 61; i++)
		kit_step(&kit, 1);
	ck_assert_str_eq(listed(1), "");
	kit_close(&kit);
}
END_TEST

START_TEST(all_defaults_or_none)
{
	skafu_alarm_def def = {.size = sizeof def, .name = "slow-cross-domain", .metric = "x",
			       .statistic = SKAFU_METRIC_VALUE};

	kit_open(&kit, NULL);
	went(skafu_alarm_add(kit.watch, &def, fault));
	refused(SKAFU_EEXISTS, skafu_alarm_add_defaults(kit.watch, fault));
	ck_assert_str_eq(listed(0), "slow-cross-domain{} ");
	went(skafu_alarm_remove(kit.watch, "slow-cross-domain", fault));
	for (long from = 1; from < 8; from++) {
		kit_memory_fails(from);
		ck_assert_int_eq(skafu_alarm_add_defaults(kit.watch, fault), SKAFU_ENOMEM);
		kit_memory_fails(0);
		ck_assert_str_eq(listed(0), "");
	}
	kit_close(&kit);
}
END_TEST

START_TEST(bad_calls)
{
	skafu_alarm_list *list = NULL;
	const skafu_alarm_info *alarm = NULL;

	kit_open(&kit, NULL);
	refused(SKAFU_EINVAL, skafu_alarm_list_open(NULL, 0, &list, fault));
	refused(SKAFU_EINVAL, skafu_alarm_list_open(kit.watch, 0, NULL, fault));
	refused(SKAFU_EINVAL, skafu_alarm_list_next(NULL, &alarm, fault));
	refused(SKAFU_ENOTFOUND, skafu_alarm_remove(kit.watch, "x", fault));
	refused(SKAFU_EINVAL, skafu_alarm_remove(kit.watch, NULL, fault));
	refused(SKAFU_EINVAL, skafu_alarm_remove(NULL, "x", fault));
	refused(SKAFU_EINVAL, skafu_alarm_add_defaults(NULL, fault));
	went(skafu_alarm_add_defaults(kit.watch, fault));
	for (long from = 1; from < 4; from++) {
		kit_memory_fails(from);
		ck_assert_int_eq(skafu_alarm_list_open(kit.watch, 0, &list, fault), SKAFU_ENOMEM);
		kit_memory_fails(0);
		ck_assert_ptr_null(list);
	}
	kit_close(&kit);
	ck_assert_int_eq(kit_blocks, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, lists);
	tcase_add_test(tests, those_that_come_with_the_library);
	tcase_add_test(tests, all_defaults_or_none);
	tcase_add_test(tests, bad_calls);
}

int main(void)
{
	return tempstore_main("alarms", add);
}
