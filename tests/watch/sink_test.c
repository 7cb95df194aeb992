/*
 * sink_test.c: who is told, once each; sinks that call the watch, end their thread, or close it; user pointers.
 */
#include "watch/sink.h"

#include <pthread.h>
#include <string.h>

#include "watch/watchkit.h"

static struct watchkit kit;
static uint32_t told;
static uint32_t freed;
static int32_t answers[8];

static void count(void *user, const skafu_alarm_info *alarm)
{
	(void)alarm;
	told += *(uint32_t *)user;
}

static void note_freed(void *user)
{
	(void)user;
	freed++;
}

static void arm(void)
{
	skafu_alarm_def def = {.size = sizeof def, .name = "a", .metric = "x", .statistic = SKAFU_METRIC_VALUE,
			       .raise_at = 10, .clear_at = 5};

	kit_open(&kit, NULL);
	told = freed = 0;
	went(skafu_alarm_add(kit.watch, &def, fault));
	went(skafu_metric_set(kit.watch, "x", "n=\"1\"", 11, fault));
	went(skafu_metric_set(kit.watch, "x", "n=\"2\"", 12, fault));
}

START_TEST(all_are_told_once)
{
	static uint32_t one = 1, hundred = 100;

	arm();
	went(skafu_alarm_add_sink(kit.watch, count, &one, note_freed, fault));
	went(skafu_alarm_add_sink(kit.watch, count, &hundred, note_freed, fault));
	kit_step(&kit, 1);
	ck_assert_uint_eq(told, 202);
	kit_step(&kit, 1);
	ck_assert_uint_eq(told, 202);
	kit_close(&kit);
	ck_assert_uint_eq(freed, 2);
}
END_TEST

START_TEST(user_pointers_are_released)
{
	static uint32_t one = 1;

	arm();
	refused(SKAFU_EINVAL, skafu_alarm_add_sink(kit.watch, NULL, &one, note_freed, fault));
	refused(SKAFU_EINVAL, skafu_alarm_add_sink(NULL, count, &one, note_freed, fault));
	kit_memory_fails(1);
	refused(SKAFU_ENOMEM, skafu_alarm_add_sink(kit.watch, count, &one, note_freed, fault));
	kit_memory_fails(0);
	ck_assert_uint_eq(freed, 3);
	for (uint32_t i = 0; i < SKAFU__ALARM_SINKS_MAX; i++)
		went(skafu_alarm_add_sink(kit.watch, count, &one, note_freed, fault));
	refused(SKAFU_ELIMIT, skafu_alarm_add_sink(kit.watch, count, &one, note_freed, fault));
	ck_assert_uint_eq(freed, 4);
	kit_close(&kit);
	ck_assert_uint_eq(freed, 4 + SKAFU__ALARM_SINKS_MAX);
}
END_TEST

static void call_back(void *user, const skafu_alarm_info *alarm)
{
	skafu_span *span = NULL;
	char *text = NULL;
	size_t length;

	(void)user;
	(void)alarm;
	answers[0] = skafu_metric_add(kit.watch, "y", NULL, 1, NULL);
	answers[1] = skafu_watch_step(kit.watch, NULL, NULL);
	answers[2] = skafu_alarm_remove(kit.watch, "a", NULL);
	answers[3] = skafu_metrics_prometheus(kit.watch, &text, &length, NULL);
	answers[4] = skafu_span_begin(kit.watch, "s", SKAFU_SPAN_CLIENT, NULL, &span, NULL);
}

START_TEST(a_sink_may_not_call_the_watch)
{
	arm();
	went(skafu_alarm_add_sink(kit.watch, call_back, NULL, NULL, fault));
	kit_step(&kit, 1);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(answers[i], SKAFU_EMISUSE);
	went(skafu_metric_add(kit.watch, "y", NULL, 1, fault));
	kit_close(&kit);
}
END_TEST

static void end_thread(void *user, const skafu_alarm_info *alarm)
{
	(void)alarm;
	if ((*(uint32_t *)user)++ == 0)
		pthread_exit(NULL);
}

static void *step_in_thread(void *user)
{
	(void)user;
	skafu_watch_step(kit.watch, NULL, NULL);
	return NULL;
}

START_TEST(a_sink_may_end_its_thread)
{
	uint32_t calls = 0;
	pthread_t thread;

	arm();
	went(skafu_alarm_add_sink(kit.watch, end_thread, &calls, NULL, fault));
	kit_now_ns += KIT_SECOND;
	ck_assert_int_eq(pthread_create(&thread, NULL, step_in_thread, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(calls, 1);
	kit_step(&kit, 1); /* the other change is told now */
	ck_assert_uint_eq(calls, 2);
	went(skafu_metric_add(kit.watch, "y", NULL, 1, fault));
	kit_close(&kit);
	ck_assert_int_eq(kit_blocks, 0);
}
END_TEST

static void close_it(void *user, const skafu_alarm_info *alarm)
{
	(void)user;
	(void)alarm;
	skafu_watch_close(kit.watch);
}

START_TEST(a_sink_may_close_it)
{
	skafu_watch *again = NULL;

	arm();
	went(skafu_alarm_add_sink(kit.watch, close_it, NULL, note_freed, fault));
	kit_now_ns += KIT_SECOND;
	went(skafu_watch_step(kit.watch, NULL, fault));
	ck_assert_uint_eq(freed, 1);
	went(skafu_watch_open(kit.store, NULL, &again, fault));
	kit.watch = again;
	kit_close(&kit);
	ck_assert_int_eq(kit_blocks, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, all_are_told_once);
	tcase_add_test(tests, user_pointers_are_released);
	tcase_add_test(tests, a_sink_may_not_call_the_watch);
	tcase_add_test(tests, a_sink_may_end_its_thread);
	tcase_add_test(tests, a_sink_may_close_it);
}

int main(void)
{
	return tempstore_main("sink", add);
}
