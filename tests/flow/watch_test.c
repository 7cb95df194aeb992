/*
 * watch_test.c: what an engine does is seen by a watch: every metric of the document's list comes from real work.
 */
#include <stdio.h>
#include <string.h>

#include "run/kit.h"
#include "skafu_watch.h"

static struct kit kit;
static skafu_watch *watch;
static const char *const ordered[] = {"Ordered"};

static void begin(const skafu_retry_policy *retry)
{
	const skafu_source source = kit_source(ordered, 1);
	kit_open(&kit);
	went(skafu_watch_open(kit.store, NULL, &watch, fault));
	kit_add_reaction(&kit, "reserve", &source, retry, kit_reserve);
}

static void end(void)
{
	skafu_watch_close(watch);
	kit_close(&kit);
}

static double figure(const char *name, const char *labels, uint32_t statistic)
{
	double value = -1;
	int32_t rc = skafu_metric_get(watch, name, labels, statistic, &value, fault);
	ck_assert_msg(rc == 0, "%s{%s}: %s", name, labels ? labels : "", skafu_error_message(fault));
	return value;
}

START_TEST(the_way_of_an_event_is_measured)
{
	begin(NULL);
	kit_orders(&kit, 100, 7);
	kit_run(&kit);
	ck_assert_double_eq(figure("skafu_handled_total", "consumer=\"reserve\"", SKAFU_METRIC_VALUE), 100);
	ck_assert_double_gt(figure("skafu_processing_seconds", "consumer=\"reserve\"", SKAFU_METRIC_P95), 0);
	ck_assert_double_eq(figure("skafu_cross_domain_total", "from=\"shop\",to=\"stock\"",
				   SKAFU_METRIC_VALUE), 100);
	ck_assert_double_ge(figure("skafu_consumer_lag", "consumer=\"reserve\"", SKAFU_METRIC_VALUE), 0);
	end();
}
END_TEST

START_TEST(failures_and_dead_letters_are_counted)
{
	const skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 2, .delay_ns = 1000};
	begin(&retry);
	kit.fails = 2;
	kit_order(&kit, "one");
	kit_run(&kit);
	ck_assert_double_eq(figure("skafu_dead_letters_total", "consumer=\"reserve\"", SKAFU_METRIC_VALUE), 1);
	ck_assert_double_eq(figure("skafu_cross_domain_failures_total", "from=\"shop\",to=\"stock\"",
				   SKAFU_METRIC_VALUE), 2);
	end();
}
END_TEST

START_TEST(a_span_of_a_handler_hangs_under_its_cause)
{
	char *text = NULL;
	size_t length = 0;
	begin(NULL);
	kit_order(&kit, "one");
	kit_run(&kit);
	int32_t count = skafu_spans_take(watch, 100, &text, &length, fault);
	ck_assert_int_gt(count, 0);
	ck_assert_ptr_nonnull(strstr(text, "handle Ordered"));
	skafu_text_free(text);
	end();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, the_way_of_an_event_is_measured);
	tcase_add_test(tests, failures_and_dead_letters_are_counted);
	tcase_add_test(tests, a_span_of_a_handler_hangs_under_its_cause);
}

int main(void)
{
	return tempstore_main("watch", add);
}
