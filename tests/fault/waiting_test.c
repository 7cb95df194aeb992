/*
 * waiting_test.c: waiting for more: it ends when there is more, it costs nothing until then, and who dies waiting
 * harms nobody.
 */
#include <check.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "fault/actors.h"
#include "fault/idle.h"
#include "skafu_store.h"
#include "store/store.h"
#include "util/suite.h"

#define ROUNDS 400
#define IDLE_NS (2 * ACTORS_SECOND)
#define THREADS 4
#define MORTALS 12

static char scratch[256];
static char path[300];
static skafu_store *store;
static uint64_t appended;

static void setup(void)
{
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};
	struct skafu__tuning tuning = {.no_sync = 1}; /* what is measured is the wake-up, not the disk */

	actors_forgive();
	actors_scratch(scratch, "waiting", 1);
	snprintf(path, sizeof path, "%s/store", scratch);
	skafu__tuning_override(&tuning);
	ck_assert_int_eq(skafu_store_open(path, &opts, &store, NULL), 0);
	appended = 0;
}

static void teardown(void)
{
	skafu_store_close(store);
	skafu__tuning_override(NULL);
	actors_scratch_gone(scratch);
}

/* Append one commit; returns the head. */
static uint64_t append_one(void)
{
	skafu_appended done = {.size = sizeof done};
	struct skafu_error error = {0};

	ck_assert_msg(actors_append(store, 0, ++appended, ACTORS_SECOND, &done, &error) == 0, "%s", error.message);
	return done.last_sequence;
}

static struct idle_waiter *new_waiter(int through_fd, int rounds)
{
	struct idle_waiter *waiter = actors_share(sizeof *waiter);

	waiter->path = path;
	waiter->through_fd = through_fd;
	waiter->rounds = rounds;
	return waiter;
}

static int await_head(struct idle_waiter *waiter, uint64_t head, int64_t ns_max)
{
	int64_t until = actors_now_ns() + ns_max;

	while (atomic_load(&waiter->seen) < head) {
		if (actors_now_ns() > until)
			return 0;
		actors_nap(ACTORS_MS / 20);
	}
	return 1;
}

static int compare_times(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

START_TEST(another_process_hears_of_every_commit)
{
	static int64_t times[ROUNDS];
	struct idle_waiter *waiter = new_waiter(_i, 0);

	pid_t pid = idle_spawn(waiter);
	ck_assert_int_gt(pid, 0);
	for (int i = 0; i < ROUNDS; i++) {
		actors_nap(ACTORS_MS / 4);
		int64_t before = actors_now_ns();
		uint64_t head = append_one();
		ck_assert_msg(await_head(waiter, head, 2 * ACTORS_SECOND), "round %d: not woken %s", i,
			      actors_failure() ? actors_failure() : "");
		times[i] = waiter->woke_ns - before;
	}
	qsort(times, ROUNDS, sizeof *times, compare_times);
	printf("append to wake in another process, %s: p50 %.1f us, p99 %.1f us\n", _i ? "descriptor" : "sleep",
	       (double)times[ROUNDS / 2] / 1e3, (double)times[ROUNDS * 99 / 100] / 1e3);
	actors_kill(pid);
}
END_TEST

START_TEST(idle_runs_nothing)
{
	char why[200];
	append_one();
	struct idle_waiter *waiter = new_waiter(_i, 0);
	waiter->after = append_one();

	pid_t pid = idle_spawn(waiter);
	ck_assert_int_gt(pid, 0);
	ck_assert(idle_settled(pid));
	ck_assert_int_ge(actors_cpu_ns(pid), 0);
	ck_assert_msg(idle_runs(pid, IDLE_NS, why, sizeof why) == 0, "%s", why);
	printf("idle for 2 s, %s: %s, so no system call\n", _i ? "descriptor" : "sleep", why);
	uint64_t head = append_one();
	ck_assert(await_head(waiter, head, 2 * ACTORS_SECOND)); /* it was waiting indeed */
	actors_kill(pid);
}
END_TEST

/* ---- interrupts ---------------------------------------------------------------------------------------------- */

struct waiting_thread {
	pthread_t thread;
	uint64_t after;
	uint64_t head;
	int64_t woke_ns;
	int32_t code;
	_Atomic uint32_t ready;
};

static void *waiting_run(void *user)
{
	struct waiting_thread *t = user;

	atomic_store(&t->ready, 1u);
	t->code = skafu_store_wait(store, t->after, 10 * ACTORS_SECOND, &t->head, NULL);
	t->woke_ns = actors_now_ns();
	return NULL;
}

static void start_threads(struct waiting_thread *threads, uint64_t after)
{
	memset(threads, 0, THREADS * sizeof *threads);
	for (int i = 0; i < THREADS; i++) {
		threads[i].after = after;
		ck_assert_int_eq(pthread_create(&threads[i].thread, NULL, waiting_run, &threads[i]), 0);
		ck_assert(actors_await(&threads[i].ready, 1, 5 * ACTORS_SECOND));
	}
	actors_nap(30 * ACTORS_MS);
}

static void assert_threads(struct waiting_thread *threads, int32_t code, int64_t since)
{
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i].thread, NULL), 0);
		ck_assert_msg(threads[i].code == code, "%s", skafu_result_name(threads[i].code));
		ck_assert_int_lt(threads[i].woke_ns - since, ACTORS_SECOND);
	}
}

START_TEST(an_interrupt_ends_all_waits_of_the_process_and_no_other)
{
	struct waiting_thread threads[THREADS];
	struct idle_waiter *other = new_waiter(0, 1);

	pid_t pid = idle_spawn(other);
	ck_assert_int_gt(pid, 0);
	start_threads(threads, 0);
	int64_t before = actors_now_ns();
	skafu_store_interrupt(store);
	assert_threads(threads, SKAFU_EINTERRUPTED, before);
	/* It is over: a later wait sleeps again. */
	ck_assert_int_eq(skafu_store_wait(store, 0, 20 * ACTORS_MS, NULL, NULL), SKAFU_ETIMEOUT);
	ck_assert_uint_eq(other->seen, 0);
	append_one();
	ck_assert_int_eq(actors_join(pid, 5 * ACTORS_SECOND), 0);
}
END_TEST

static void interrupt_handler(int signal)
{
	(void)signal;
	skafu_store_interrupt(store);
}

static void *interrupt_main_thread(void *user)
{
	actors_nap(50 * ACTORS_MS);
	pthread_kill(*(pthread_t *)user, SIGUSR1);
	return NULL;
}

START_TEST(a_signal_handler_can_interrupt)
{
	struct sigaction action = {.sa_handler = interrupt_handler, .sa_flags = _i ? SA_RESTART : 0};
	pthread_t self = pthread_self();
	pthread_t helper;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(pthread_create(&helper, NULL, interrupt_main_thread, &self), 0);
	int64_t before = actors_now_ns();
	ck_assert_int_eq(skafu_store_wait(store, 0, 10 * ACTORS_SECOND, NULL, NULL), SKAFU_EINTERRUPTED);
	ck_assert_int_lt(actors_now_ns() - before, ACTORS_SECOND);
	pthread_join(helper, NULL);
	signal(SIGUSR1, SIG_DFL);
}
END_TEST

START_TEST(one_commit_wakes_all_threads)
{
	struct waiting_thread threads[THREADS];

	for (int round = 0; round < 5; round++) {
		uint64_t head = append_one();
		start_threads(threads, head);
		int64_t before = actors_now_ns();
		uint64_t next = append_one();
		assert_threads(threads, 0, before);
		for (int i = 0; i < THREADS; i++)
			ck_assert_uint_eq(threads[i].head, next);
	}
}
END_TEST

/* ---- deadlines ----------------------------------------------------------------------------------------------- */

START_TEST(a_wait_ends_at_its_deadline)
{
	static const int64_t allowed[] = {0, ACTORS_MS, 40 * ACTORS_MS, 150 * ACTORS_MS};
	uint64_t head = append_one();
	uint64_t found = 77;

	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		int64_t before = actors_now_ns();
		ck_assert_int_eq(skafu_store_wait(store, head, (uint64_t)allowed[i], &found, NULL), SKAFU_ETIMEOUT);
		int64_t took = actors_now_ns() - before;
		ck_assert_int_ge(took, allowed[i]);
		ck_assert_int_le(took, allowed[i] + 100 * ACTORS_MS * actors_slack());
		ck_assert_uint_eq(found, 77); /* outputs are written on success only */
	}
	ck_assert_int_eq(skafu_store_wait(store, head - 1, 0, &found, NULL), 0);
	ck_assert_uint_eq(found, head);
}
END_TEST

/* ---- descriptors --------------------------------------------------------------------------------------------- */

static int is_readable(skafu_waiter *waiter, int ms)
{
	struct pollfd event = {.fd = skafu_waiter_fd(waiter), .events = POLLIN};

	return poll(&event, 1, ms) == 1;
}

START_TEST(a_descriptor_tells_in_the_same_process)
{
	skafu_waiter *waiter = NULL;
	uint64_t head = append_one();

	ck_assert_int_eq(skafu_waiter_new(store, &waiter, NULL), 0);
	ck_assert_int_eq(skafu_waiter_arm(waiter, head - 1, NULL), 1); /* do not sleep */
	ck_assert_int_eq(skafu_waiter_clear(waiter, NULL), 0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(skafu_waiter_arm(waiter, head, NULL), 0);
		ck_assert_int_eq(is_readable(waiter, 0), 0);
		head = append_one();
		ck_assert_int_eq(is_readable(waiter, 2000), 1);
		ck_assert_int_eq(skafu_waiter_clear(waiter, NULL), 0);
		ck_assert_int_eq(is_readable(waiter, 0), 0);
	}
	append_one(); /* nobody waits that way: the file is left alone */
	ck_assert_int_eq(is_readable(waiter, 20), 0);
	skafu_waiter_free(waiter);
	ck_assert_int_eq(skafu_waiter_fd(NULL), -1);
}
END_TEST

/* ---- death --------------------------------------------------------------------------------------------------- */

START_TEST(killed_waiters_break_nobody)
{
	struct idle_waiter *mortals[MORTALS];
	pid_t pids[MORTALS];
	struct idle_waiter *survivors[2] = {new_waiter(0, 0), new_waiter(1, 0)};
	pid_t living[2];

	append_one();
	for (int i = 0; i < 2; i++)
		ck_assert_int_gt(living[i] = idle_spawn(survivors[i]), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MORTALS; i++) {
			mortals[i] = new_waiter(i % 2, 0);
			mortals[i]->after = append_one();
			ck_assert_int_gt(pids[i] = idle_spawn(mortals[i]), 0);
		}
		for (int i = 0; i < MORTALS; i++)
			actors_kill(pids[i]);
		for (int i = 0; i < 10; i++) {
			uint64_t head = append_one();
			for (int k = 0; k < 2; k++)
				ck_assert_msg(await_head(survivors[k], head, 2 * ACTORS_SECOND), "%s not woken",
					      k ? "descriptor" : "sleeper");
		}
	}
	for (int i = 0; i < 2; i++)
		actors_kill(living[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("waiting");
	TCase *tests = tcase_create("waiting");

	setvbuf(stdout, NULL, _IOLBF, 0);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, another_process_hears_of_every_commit, 0, 2);
	tcase_add_loop_test(tests, idle_runs_nothing, 0, 2);
	tcase_add_test(tests, an_interrupt_ends_all_waits_of_the_process_and_no_other);
	tcase_add_loop_test(tests, a_signal_handler_can_interrupt, 0, 2);
	tcase_add_test(tests, one_commit_wakes_all_threads);
	tcase_add_test(tests, a_wait_ends_at_its_deadline);
	tcase_add_test(tests, a_descriptor_tells_in_the_same_process);
	tcase_add_test(tests, killed_waiters_break_nobody);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
