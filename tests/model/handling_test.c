/*
 * handling_test.c: one at a time, deadlines, threads that end while they wait.
 */
#include "model/handling.h"

#include <check.h>

#include "base/error.h"
#include "base/sys.h"
#include "util/suite.h"

static struct skafu__handling handling;
static int inside, most, turns;

static void *take_turns(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(skafu__handling_enter(&handling, INT64_MAX, NULL), 0);
		if (++inside > most)
			most = inside;
		turns++;
		inside--;
		skafu__handling_leave(&handling);
	}
	return NULL;
}

START_TEST(one_at_a_time)
{
	pthread_t threads[4];

	skafu__handling_init(&handling);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, take_turns, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(most, 1);
	ck_assert_int_eq(turns, 8000);
	skafu__handling_done(&handling);
}
END_TEST

START_TEST(deadline_passes)
{
	struct skafu_error error = {0};

	skafu__handling_init(&handling);
	ck_assert_int_eq(skafu__handling_enter(&handling, 0, NULL), 0);
	ck_assert_int_eq(skafu__handling_enter(&handling, skafu__deadline(skafu__sys_current(), 20000000), &error),
			 SKAFU_EBUSY);
	ck_assert_int_ne(error.message[0], 0);
	skafu__handling_leave(&handling);
	ck_assert_int_eq(skafu__handling_enter(&handling, 0, NULL), 0);
	skafu__handling_done(&handling);
}
END_TEST

static void *wait_for_ever(void *arg)
{
	(void)arg;
	skafu__handling_enter(&handling, INT64_MAX, NULL);
	return NULL;
}

START_TEST(a_cancelled_waiter_leaves_no_lock)
{
	pthread_t thread;

	skafu__handling_init(&handling);
	ck_assert_int_eq(skafu__handling_enter(&handling, 0, NULL), 0);
	pthread_create(&thread, NULL, wait_for_ever, NULL);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	skafu__handling_leave(&handling);
	ck_assert_int_eq(skafu__handling_enter(&handling, 0, NULL), 0);
	skafu__handling_done(&handling);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handling");
	TCase *tests = tcase_create("handling");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, one_at_a_time);
	tcase_add_test(tests, deadline_passes);
	tcase_add_test(tests, a_cancelled_waiter_leaves_no_lock);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
