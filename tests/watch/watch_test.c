/*
 * watch_test.c: opening, closing and stepping a watch: one for a store, memory, forks, while others append.
 */
#include "watch/watch.h"

#include <pthread.h>
#include <string.h>

#include "watch/watchkit.h"

static struct watchkit kit;

START_TEST(one_for_a_store)
{
	skafu_watch *second = NULL, *third = NULL;
	skafu_store *other;

	kit_open(&kit, NULL);
	refused(SKAFU_EEXISTS, skafu_watch_open(kit.store, NULL, &second, fault));
	ck_assert_ptr_null(second);
	other = memory_store();
	went(skafu_watch_open(other, NULL, &second, fault));
	skafu_store_close(other); /* the watch keeps it open */
	went(skafu_metric_add(second, "c", NULL, 1, fault));
	skafu_watch_close(second);
	skafu_watch_close(NULL);
	skafu_watch_close(kit.watch);
	went(skafu_watch_open(kit.store, NULL, &third, fault));
	kit.watch = third;
	kit_close(&kit);
	ck_assert_int_eq(kit_blocks, 0);
}
END_TEST

START_TEST(options)
{
	skafu_watch_opts opts = {.size = sizeof opts};
	skafu_watch *watch = NULL;
	skafu_store *store;
	char large[300];

	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	kit_clock_install();
	store = memory_store();
	opts.unsampled_percent = 101;
	refused(SKAFU_EINVAL, skafu_watch_open(store, &opts, &watch, fault));
	opts = (skafu_watch_opts){.size = sizeof opts, .series_max = 1000001};
	refused(SKAFU_EINVAL, skafu_watch_open(store, &opts, &watch, fault));
	opts = (skafu_watch_opts){.size = sizeof opts, .spans_max = 1000001};
	refused(SKAFU_EINVAL, skafu_watch_open(store, &opts, &watch, fault));
	opts = (skafu_watch_opts){.size = sizeof opts, .service = "\xff"};
	refused(SKAFU_EUTF8, skafu_watch_open(store, &opts, &watch, fault));
	opts.service = large;
	refused(SKAFU_ELIMIT, skafu_watch_open(store, &opts, &watch, fault));
	opts = (skafu_watch_opts){.size = 0};
	refused(SKAFU_EOPTION, skafu_watch_open(store, &opts, &watch, fault));
	refused(SKAFU_EINVAL, skafu_watch_open(store, NULL, NULL, fault));
	refused(SKAFU_EINVAL, skafu_watch_open(NULL, NULL, &watch, fault));
	ck_assert_ptr_null(watch);
	opts = (skafu_watch_opts){.size = sizeof opts, .series_max = 1, .spans_max = 1}; /* little, but it works */
	went(skafu_watch_open(store, &opts, &watch, fault));
	append_event(store, "s", "T", NULL);
	skafu_watch_close(watch);
	skafu_store_close(store);
	skafu__sys_override(NULL);
}
END_TEST

START_TEST(memory_runs_out_anywhere)
{
	int32_t rc = SKAFU_ENOMEM;
	skafu_store *store;

	kit_clock_install();
	store = memory_store();
	for (long from = 1; rc == SKAFU_ENOMEM && from < 20; from++) {
		skafu_watch *watch = NULL;
		long before = kit_blocks;

		kit_memory_fails(from);
		rc = skafu_watch_open(store, NULL, &watch, fault);
		kit_memory_fails(0);
		ck_assert((rc == 0) == (watch != NULL));
		if (watch)
			append_event(store, "s", "T", NULL);
		else
			ck_assert_int_eq(kit_blocks, before);
		skafu_watch_close(watch);
	}
	ck_assert_int_eq(rc, 0);
	skafu_store_close(store);
	skafu__sys_override(NULL);
}
END_TEST

START_TEST(steps)
{
	uint64_t wait = 0;

	kit_open(&kit, NULL);
	went(skafu_watch_step(kit.watch, &wait, fault));
	ck_assert_uint_eq(wait, KIT_SECOND);
	kit_now_ns += 400000000;
	went(skafu_watch_step(kit.watch, &wait, fault));
	ck_assert_uint_eq(wait, 600000000);
	kit_now_ns += 600000000;
	went(skafu_watch_step(kit.watch, &wait, fault));
	ck_assert_uint_eq(wait, KIT_SECOND);
	went(skafu_watch_step(kit.watch, &wait, fault));
	ck_assert_uint_eq(wait, KIT_SECOND);
	refused(SKAFU_EINVAL, skafu_watch_step(NULL, &wait, fault));
	kit_close(&kit);
}
END_TEST

static int32_t other_rc;

static void *step_too(void *user)
{
	other_rc = skafu_watch_step(user, NULL, NULL);
	return NULL;
}

static void step_elsewhere(void *user, const skafu_alarm_info *alarm)
{
	pthread_t thread;

	(void)alarm;
	pthread_create(&thread, NULL, step_too, user);
	pthread_join(thread, NULL);
}

START_TEST(one_steps_at_a_time)
{
	skafu_alarm_def def = {.size = sizeof def, .name = "a", .metric = "x", .statistic = SKAFU_METRIC_VALUE};

	kit_open(&kit, NULL);
	went(skafu_alarm_add(kit.watch, &def, fault));
	went(skafu_alarm_add_sink(kit.watch, step_elsewhere, kit.watch, NULL, fault));
	went(skafu_metric_set(kit.watch, "x", NULL, 1, fault));
	kit_step(&kit, 1);
	ck_assert_int_eq(other_rc, SKAFU_EMISUSE);
	kit_close(&kit);
}
END_TEST

static int after_the_fork(void *user)
{
	(void)user;
	if (skafu_metric_add(kit.watch, "c", NULL, 1, NULL) != SKAFU_EFORK)
		return 1;
	skafu_watch_close(kit.watch);
	return 0;
}

START_TEST(forks)
{
	kit_open(&kit, NULL);
	ck_assert_int_eq(in_child(after_the_fork, NULL, 20), 0);
	went(skafu_metric_add(kit.watch, "c", NULL, 1, fault));
	kit_close(&kit);
}
END_TEST

static _Atomic uint32_t stop;

static void *append_on(void *user)
{
	while (!stop)
		append_event(user, "s", "T", NULL);
	return NULL;
}

/* A watch that comes and goes while others append is never called after it went. */
START_TEST(comes_and_goes)
{
	skafu_store *store = memory_store();
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, append_on, store), 0);
	for (int i = 0; i < 200; i++) {
		skafu_watch *watch = NULL;

		ck_assert_int_eq(skafu_watch_open(store, NULL, &watch, NULL), 0);
		skafu_metric_add(watch, "c", NULL, 1, NULL);
		skafu_watch_close(watch);
	}
	stop = 1;
	pthread_join(thread, NULL);
	skafu_store_close(store);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, one_for_a_store);
	tcase_add_test(tests, options);
	tcase_add_test(tests, memory_runs_out_anywhere);
	tcase_add_test(tests, steps);
	tcase_add_test(tests, one_steps_at_a_time);
	tcase_add_test(tests, forks);
	tcase_add_test(tests, comes_and_goes);
}

int main(void)
{
	return tempstore_main("watch", add);
}
