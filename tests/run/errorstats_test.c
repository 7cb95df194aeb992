/*
 * errorstats_test.c: summaries of errors agree with a fold of the log, by every way to group them.
 */
#include "run/errorstats.h"

#include <stdio.h>
#include <string.h>

#include "run/kit.h"

static struct kit kit;

static void report(const char *source, const char *code, uint32_t severity, const char *correlation)
{
	const skafu_error_report_def def = {.size = sizeof def, .source = source, .code = code, .message = "m",
					    .severity = severity, .correlation = correlation};
	went(skafu_error_report(kit.model, &def, fault));
}

/* "value:warnings/errors/criticals ..." */
static const char *summary(uint32_t by, uint64_t limit)
{
	static char text[4000];
	const skafu_error_summary *entry;
	skafu_error_summary_list *list = NULL;
	text[0] = '\0';
	went(skafu_error_summary_list_open(kit.model, by, limit, SKAFU_WAIT_FOREVER, &list, fault));
	while (skafu_error_summary_list_next(list, &entry, fault) == 1) {
		size_t at = strlen(text);
		snprintf(text + at, sizeof text - at, "%s%s:%d/%d/%d", at ? " " : "", entry->value,
			 (int)entry->warnings, (int)entry->errors, (int)entry->criticals);
	}
	skafu_error_summary_list_free(list);
	return text;
}

START_TEST(errors_are_grouped_and_the_most_frequent_come_first)
{
	kit_open(&kit);
	report("sales", "A", SKAFU_SEVERITY_ERROR, "c-1");
	report("sales", "A", SKAFU_SEVERITY_ERROR, "c-2");
	report("stock", "A", SKAFU_SEVERITY_WARNING, "c-2");
	report("stock", "B", SKAFU_SEVERITY_CRITICAL, "c-2");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_CODE, SKAFU_NO_LIMIT), "A:1/2/0 B:0/0/1");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_SOURCE, SKAFU_NO_LIMIT), "sales:0/2/0 stock:1/0/1");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_SEVERITY, SKAFU_NO_LIMIT),
			 "ERROR:0/2/0 CRITICAL:0/0/1 WARNING:1/0/0");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_CORRELATION, SKAFU_NO_LIMIT), "c-2:1/1/1 c-1:0/1/0");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_CORRELATION, 1), "c-2:1/1/1");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_CODE, 0), "");
	kit_close(&kit);
}
END_TEST

START_TEST(a_summary_goes_on_where_it_was)
{
	kit_open(&kit);
	report("sales", "A", SKAFU_SEVERITY_ERROR, "c-1");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_CODE, 10), "A:0/1/0");
	kit_orders(&kit, 3000, 7);
	report("sales", "A", SKAFU_SEVERITY_ERROR, "c-1");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_CODE, 10), "A:0/2/0");
	kit_reopen(&kit);
	report("sales", "C", SKAFU_SEVERITY_ERROR, "c-1");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_CODE, 10), "A:0/2/0 C:0/1/0");
	kit_close(&kit);
}
END_TEST

/* Which command began what failed: the recorded one, or what came first. */
START_TEST(errors_are_traced_to_what_began_them)
{
	skafu_record *order = NULL;
	kit_open(&kit);
	kit_order(&kit, "order-1");
	went(skafu_get(kit.store, head_of(kit.store), &order, fault));
	report("sales", "A", SKAFU_SEVERITY_ERROR, order->correlation);
	report("sales", "A", SKAFU_SEVERITY_ERROR, "of nothing");
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_COMMAND, 10), "Ordered:0/1/0");
	skafu_record_free(order);
	kit_close(&kit);
}
END_TEST

START_TEST(a_storm_counts_as_what_it_stands_for)
{
	kit_open(&kit);
	for (int i = 0; i < 500; i++)
		report("sales", "DOWN", SKAFU_SEVERITY_ERROR, "c-1");
	kit_reopen(&kit); /* closing the model writes the count */
	ck_assert_str_eq(summary(SKAFU_ERRORS_BY_CODE, 10), "DOWN:0/500/0");
	kit_close(&kit);
}
END_TEST

START_TEST(an_engine_keeps_it_up_to_date)
{
	kit_open(&kit);
	report("sales", "A", SKAFU_SEVERITY_ERROR, "c-1");
	kit_run(&kit);
	skafu_view *view = NULL;
	uint64_t count = 0;
	went(skafu_view_open(kit.model, "skafu.errors", 0, 0, &view, fault));
	went(skafu_view_count(view, "code", NULL, &count, fault));
	ck_assert_uint_eq(count, 1);
	skafu_view_close(view);
	kit_close(&kit);
}
END_TEST

START_TEST(minutes_are_listed_newest_first)
{
	kit_open(&kit);
	report("sales", "A", SKAFU_SEVERITY_ERROR, "c-1");
	const char *text = summary(SKAFU_ERRORS_BY_MINUTE, 10);
	ck_assert_ptr_nonnull(strstr(text, ":00Z:0/1/0"));
	kit_close(&kit);
}
END_TEST

START_TEST(bad_input_is_refused)
{
	skafu_error_summary_list *list = NULL;
	kit_open(&kit);
	refused(SKAFU_EINVAL, skafu_error_summary_list_open(kit.model, 0, 1, 0, &list, fault));
	refused(SKAFU_EINVAL, skafu_error_summary_list_open(kit.model, 7, 1, 0, &list, fault));
	refused(SKAFU_EINVAL, skafu_error_summary_list_open(kit.model, 1, 1, 0, NULL, fault));
	refused(SKAFU_EINVAL, skafu_error_summary_list_open(NULL, 1, 1, 0, &list, fault));
	refused(SKAFU_EINVAL, skafu_error_summary_list_next(NULL, NULL, fault));
	skafu_error_summary_list_free(NULL);
	kit_close(&kit);
}
END_TEST

START_TEST(hosts_cannot_take_its_name)
{
	skafu_projection_def def = {.size = sizeof def, .domain = "shop", .name = "skafu.errors"};
	kit_open(&kit);
	refused(SKAFU_EDEFINITION, skafu_model_add_projection(kit.model, &def, fault));
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, errors_are_grouped_and_the_most_frequent_come_first);
	tcase_add_test(tests, a_summary_goes_on_where_it_was);
	tcase_add_test(tests, errors_are_traced_to_what_began_them);
	tcase_add_test(tests, a_storm_counts_as_what_it_stands_for);
	tcase_add_test(tests, an_engine_keeps_it_up_to_date);
	tcase_add_test(tests, minutes_are_listed_newest_first);
	tcase_add_test(tests, bad_input_is_refused);
	tcase_add_test(tests, hosts_cannot_take_its_name);
}

int main(void)
{
	return tempstore_main("errorstats", add);
}
