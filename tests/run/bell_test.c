/*
 * bell_test.c: a sleeper that is woken: by a commit, a ring, an interrupt or its moment; with a descriptor and
 * without one.
 */
#include "run/bell.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/trouble.h"
#include "run/kit.h"

#define MS INT64_C(1000000)

static struct kit kit;
static struct skafu__bell bell;

/* _i: 0 a store in memory, without a descriptor; 1 a directory, with one. */
static void open_bell(int in_files)
{
	if (in_files)
		kit_open_files(&kit);
	else
		kit_open(&kit);
	went(skafu__bell_init(&bell, kit.store, fault));
	ck_assert_int_eq(skafu__bell_fd(&bell) >= 0, in_files);
	skafu__bell_note_interrupts(&bell);
}

static void close_bell(void)
{
	skafu__bell_done(&bell);
	kit_close(&kit);
}

static int64_t now(void)
{
	return kit.store->sys.monotonic_ns();
}

/* Sleeps until nothing happens any more, since opening a store is something that happens, too. */
static void settle(void)
{
	int64_t began;

	do {
		went(skafu__bell_attend(&bell, fault));
		began = now();
		went(skafu__bell_sleep(&bell, began + 20 * MS, fault));
	} while (now() - began < 15 * MS);
}

/* How long it slept, in milliseconds, at most so long. */
static int64_t sleep_ms(int64_t at_most)
{
	int64_t began = now();

	went(skafu__bell_sleep(&bell, began + at_most * MS, fault));
	return (now() - began) / MS;
}

START_TEST(until_the_moment)
{
	open_bell(_i);
	settle();
	went(skafu__bell_attend(&bell, fault));
	ck_assert_int_ge(sleep_ms(30), 29);
	went(skafu__bell_attend(&bell, fault));
	ck_assert_int_le(sleep_ms(0), 1000); /* the moment is over */
	close_bell();
}
END_TEST

/* What happens between the look and the sleep keeps it awake. */
START_TEST(what_happens_before_it_sleeps)
{
	open_bell(_i);
	settle();
	went(skafu__bell_attend(&bell, fault));
	kit_order(&kit, "o");
	ck_assert_int_lt(sleep_ms(20000), 10000);
	settle();
	went(skafu__bell_attend(&bell, fault));
	skafu__bell_ring(&bell);
	ck_assert_int_lt(sleep_ms(20000), 10000);
	ck_assert_int_eq(skafu__bell_take_ring(&bell), 1);
	ck_assert_int_eq(skafu__bell_take_ring(&bell), 0);
	settle();
	went(skafu__bell_attend(&bell, fault));
	ck_assert_int_eq(skafu__bell_is_interrupted(&bell), 0);
	skafu_store_interrupt(kit.store);
	ck_assert_int_eq(skafu__bell_is_interrupted(&bell), 1);
	ck_assert_int_lt(sleep_ms(20000), 10000);
	skafu__bell_note_interrupts(&bell);
	ck_assert_int_eq(skafu__bell_is_interrupted(&bell), 0);
	close_bell();
}
END_TEST

static void *order_later(void *arg)
{
	(void)arg;
	usleep(30000);
	kit_order(&kit, "o");
	return NULL;
}

static void *ring_later(void *arg)
{
	(void)arg;
	usleep(30000);
	skafu__bell_ring(&bell);
	return NULL;
}

static void *wake_later(void *arg)
{
	(void)arg;
	usleep(30000);
	skafu__bell_wake_all(kit.store);
	return NULL;
}

START_TEST(woken_while_it_sleeps)
{
	static void *(*const deeds[])(void *) = {order_later, ring_later, wake_later};
	pthread_t thread;

	open_bell(_i);
	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		settle();
		went(skafu__bell_attend(&bell, fault));
		ck_assert_int_eq(pthread_create(&thread, NULL, deeds[i], NULL), 0);
		ck_assert_int_lt(sleep_ms(20000), 10000);
		pthread_join(thread, NULL);
	}
	close_bell();
}
END_TEST

START_TEST(armed_for_an_event_loop)
{
	struct pollfd watched = {.events = POLLIN};

	open_bell(1);
	settle();
	went(skafu__bell_attend(&bell, fault));
	watched.fd = skafu__bell_fd(&bell);
	ck_assert_int_eq(skafu__bell_arm(&bell, fault), 0);
	ck_assert_int_eq(poll(&watched, 1, 0), 0);
	kit_order(&kit, "o");
	ck_assert_int_eq(poll(&watched, 1, 10000), 1);
	ck_assert_int_eq(skafu__bell_arm(&bell, fault), 1);
	settle();
	ck_assert_int_eq(poll(&watched, 1, 0), 0);
	close_bell();
	open_bell(0);
	went(skafu__bell_attend(&bell, fault));
	ck_assert_int_eq(skafu__bell_arm(&bell, fault), 0);
	skafu__bell_ring(&bell);
	ck_assert_int_eq(skafu__bell_arm(&bell, fault), 1);
	close_bell();
}
END_TEST

static void nothing(int signal)
{
	(void)signal;
}

static void *signal_later(void *arg)
{
	usleep(30000);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

/* A signal is no failure: the caller looks and sleeps again. */
START_TEST(a_signal)
{
	struct sigaction action = {.sa_handler = nothing};
	pthread_t thread, self = pthread_self();

	open_bell(1);
	settle();
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, signal_later, &self), 0);
	went(skafu__bell_attend(&bell, fault));
	ck_assert_int_lt(sleep_ms(20000), 10000);
	pthread_join(thread, NULL);
	close_bell();
}
END_TEST

/* Who only steps has none to close. */
START_TEST(no_descriptor_before_the_first_sleep)
{
	kit_open_files(&kit);
	went(skafu__bell_init(&bell, kit.store, fault));
	went(skafu__bell_attend(&bell, fault));
	ck_assert_ptr_null(bell.waiter);
	went(skafu__bell_sleep(&bell, now(), fault));
	ck_assert_ptr_nonnull(bell.waiter);
	close_bell();
}
END_TEST

/* ---- without a descriptor -------------------------------------------------------------------------------------- */

/* The system gives no descriptor: the word of the control page is slept on, and looked at now and then. */
START_TEST(a_directory_without_one)
{
	struct rlimit limit, none;

	kit_open_files(&kit);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	went(skafu__bell_init(&bell, kit.store, fault));
	int32_t fd = skafu__bell_fd(&bell);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(fd, -1);
	settle();
	went(skafu__bell_attend(&bell, fault));
	ck_assert_int_lt(sleep_ms(20000), 10000); /* looks at the other processes */
	went(skafu__bell_attend(&bell, fault));
	ck_assert_int_ge(sleep_ms(30), 29);
	kit_order(&kit, "o");
	ck_assert_int_lt(sleep_ms(20000), 10000);
	close_bell();
}
END_TEST

static int32_t arm_and_done(void *user)
{
	struct skafu__bell made;
	int32_t rc = skafu__bell_init(&made, kit.store, fault);

	(void)user;
	if (rc == 0)
		rc = skafu__bell_attend(&made, fault);
	if (rc == 0)
		rc = skafu__bell_arm(&made, fault);
	skafu__bell_done(&made);
	return rc;
}

START_TEST(without_memory)
{
	trouble_put();
	kit_open_files(&kit);
	ck_assert_uint_gt(trouble_each(TROUBLE_MEMORY, arm_and_done, NULL), 0);
	kit_close(&kit);
	trouble_remove();
}
END_TEST

static int fork_init(void *user)
{
	struct skafu__bell made;

	(void)user;
	if (skafu__bell_init(&made, kit.store, NULL) != SKAFU_EFORK)
		return 1;
	return skafu__bell_attend(&bell, NULL) == 0 && skafu__bell_arm(&bell, NULL) != SKAFU_EFORK ? 2 : 0;
}

START_TEST(after_a_fork)
{
	open_bell(1);
	ck_assert_int_eq(in_child(fork_init, NULL, 10), 0);
	close_bell();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_loop_test(tests, until_the_moment, 0, 2);
	tcase_add_loop_test(tests, what_happens_before_it_sleeps, 0, 2);
	tcase_add_loop_test(tests, woken_while_it_sleeps, 0, 2);
	tcase_add_test(tests, armed_for_an_event_loop);
	tcase_add_test(tests, a_signal);
	tcase_add_test(tests, no_descriptor_before_the_first_sleep);
	tcase_add_test(tests, a_directory_without_one);
	tcase_add_test(tests, without_memory);
	tcase_add_test(tests, after_a_fork);
}

int main(void)
{
	return tempstore_main("bell", add);
}
