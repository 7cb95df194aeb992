/*
 * lane_test.c: one at a time on a key, nobody waits for ever, and a thread that ends in it holds nobody up.
 */
#include "model/lane.h"

#include <check.h>
#include <pthread.h>
#include <stddef.h>

#include "base/failing.h"
#include "util/suite.h"

static struct skafu__lanes lanes;
static long counted;

static void *count(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		struct skafu__lane *lane = skafu__lane_enter(&lanes, "key", 3, INT64_C(10000000000));

		if (!lane)
			return arg;
		counted++;
		skafu__lane_leave(&lanes, lane);
	}
	return NULL;
}

START_TEST(one_at_a_time)
{
	pthread_t threads[4];
	int token;

	skafu__lanes_init(&lanes, skafu__sys_current());
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count, &token);
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	ck_assert_int_eq(counted, 8000);
	ck_assert_ptr_null(lanes.first);
	skafu__lanes_done(&lanes);
}
END_TEST

static void *enter_other(void *arg)
{
	struct skafu__lane *same = skafu__lane_enter(&lanes, "key", 3, 1000000);
	struct skafu__lane *other = skafu__lane_enter(&lanes, "yek", 3, 0);

	*(int *)arg = (same != NULL) + 2 * (other != NULL);
	skafu__lane_leave(&lanes, same);
	skafu__lane_leave(&lanes, other);
	return NULL;
}

static void *enter_and_end(void *arg)
{
	skafu__lane_enter(&lanes, "key", 3, 0);
	return arg;
}

START_TEST(nobody_waits_for_ever)
{
	pthread_t thread;
	int got = -1;

	skafu__lanes_init(&lanes, skafu__sys_current());
	struct skafu__lane *lane = skafu__lane_enter(&lanes, "key", 3, 0);
	ck_assert_ptr_nonnull(lane);
	pthread_create(&thread, NULL, enter_other, &got);
	pthread_join(thread, NULL);
	ck_assert_int_eq(got, 2);
	skafu__lane_leave(&lanes, lane);
	pthread_create(&thread, NULL, enter_and_end, NULL);
	pthread_join(thread, NULL);
	lane = skafu__lane_enter(&lanes, "key", 3, 0);
	ck_assert_ptr_nonnull(lane);
	skafu__lane_leave(&lanes, lane);
	skafu__lane_leave(&lanes, NULL);
	skafu__lanes_done(&lanes);
}
END_TEST

START_TEST(without_memory)
{
	struct failing failing;

	failing_init(&failing);
	skafu__lanes_init(&lanes, &failing.sys);
	failing.left = 0;
	ck_assert_ptr_null(skafu__lane_enter(&lanes, "key", 3, 0));
	skafu__lanes_done(&lanes);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lane");
	TCase *tests = tcase_create("lane");

	tcase_add_test(tests, one_at_a_time);
	tcase_add_test(tests, nobody_waits_for_ever);
	tcase_add_test(tests, without_memory);
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
