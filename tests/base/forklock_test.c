/*
 * forklock_test.c: a lock that was held at a fork can be taken in the child, and exactly one taker is told that what
 * it guards is the parent's.
 */
#include "base/forklock.h"

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/suite.h"

#define THREADS 8
#define ROUNDS 100

static struct skafu__forklock lock = SKAFU__FORKLOCK_INITIALIZER;
static int guarded; /* how often it was taken */
static int told;

static void *take_often(void *user)
{
	(void)user;
	for (int i = 0; i < ROUNDS; i++) {
		if (skafu__forklock_take(&lock)) {
			told++;
			guarded = 0;
		}
		guarded++;
		skafu__forklock_release(&lock);
	}
	return NULL;
}

static void take_in_threads(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, take_often, NULL) != 0)
			abort();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* The thread sanitizer remembers over the fork who held the lock, and lets only the same thread have it again. */
static int take_in_child(void)
{
#if defined(__SANITIZE_THREAD__)
	take_often(NULL);
	return told == 1 && guarded == ROUNDS;
#else
	take_in_threads();
	return told == 1 && guarded == THREADS * ROUNDS;
#endif
}

/* In a child of a process that holds the lock, with what it guards half changed. */
static int child_of_a_holder(void)
{
	pid_t child;
	int status = -1;

	skafu__forklock_take(&lock);
	guarded = -1000000;
	told = 0;
	child = fork();
	if (child == 0) {
		alarm(10);
		_exit(take_in_child() ? 0 : 1);
	}
	skafu__forklock_release(&lock);
	return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

START_TEST(one_is_told)
{
	take_in_threads();
	ck_assert_int_eq(told, 1);
	ck_assert_int_eq(guarded, THREADS * ROUNDS);
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(child_of_a_holder(), 0);
}
END_TEST

START_TEST(one_that_was_made_is_ours)
{
	struct skafu__forklock own;

	skafu__forklock_init(&own);
	ck_assert_int_eq(skafu__forklock_take(&own), 0);
	skafu__forklock_release(&own);
	skafu__forklock_done(&own);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forklock");
	TCase *tcase = tcase_create("forklock");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, one_is_told);
	tcase_add_test(tcase, one_that_was_made_is_ours);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
