/*
 * wait_test.c: sleeping until there is more: in time, out of time, interrupted, by descriptor, from another process.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/tempstore.h"

#define MS UINT64_C(1000000)

static struct tempstore temp;

static void make(void)
{
	tempstore_new(&temp);
	append_event(temp.store, "s", "T", NULL);
}

static void drop(void)
{
	tempstore_done(&temp);
}

static int64_t now(void)
{
	return skafu__sys_current()->monotonic_ns();
}

START_TEST(what_is_there_is_told_at_once)
{
	uint64_t head = 0;

	went(skafu_store_wait(temp.store, 0, 0, &head, fault));
	ck_assert_uint_eq(head, 1);
	went(skafu_store_wait(temp.store, 0, SKAFU_WAIT_FOREVER, NULL, fault));
	head = 77;
	refused(SKAFU_ETIMEOUT, skafu_store_wait(temp.store, 1, 0, &head, fault));
	refused(SKAFU_ETIMEOUT, skafu_store_wait(temp.store, UINT64_MAX, 0, &head, fault));
	ck_assert_uint_eq(head, 77);
	refused(SKAFU_EINVAL, skafu_store_wait(NULL, 0, 0, &head, fault));
	skafu_store_interrupt(NULL);
}
END_TEST

START_TEST(the_deadline_is_kept)
{
	int64_t before = now();

	refused(SKAFU_ETIMEOUT, skafu_store_wait(temp.store, 1, 60 * MS, NULL, fault));
	before = now() - before;
	ck_assert_msg(before >= 60 * (int64_t)MS && before < 2000 * (int64_t)MS, "%lld ns", (long long)before);
}
END_TEST

/* A commit without records wakes nobody for good. */
START_TEST(rows_alone_are_no_news)
{
	append_row(temp.store, "t", "k", "v");
	refused(SKAFU_ETIMEOUT, skafu_store_wait(temp.store, 1, 1 * MS, NULL, fault));
}
END_TEST

static void pause_ms(long ms)
{
	struct timespec pause = {.tv_nsec = ms * 1000000};

	nanosleep(&pause, NULL);
}

static void *interrupt_soon(void *user)
{
	pause_ms(30);
	skafu_store_interrupt(user);
	return NULL;
}

START_TEST(an_interrupt_ends_it)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_soon, temp.store), 0);
	refused(SKAFU_EINTERRUPTED, skafu_store_wait(temp.store, 1, SKAFU_WAIT_FOREVER, NULL, fault));
	pthread_join(thread, NULL);
	refused(SKAFU_ETIMEOUT, skafu_store_wait(temp.store, 1, 5 * MS, NULL, fault)); /* only those before it */
}
END_TEST

START_TEST(an_interrupt_before_it_is_kept)
{
	uint64_t head = 0;

	skafu_store_interrupt(temp.store);
	skafu_store_interrupt(temp.store);
	/* Records come first. */
	ck_assert_int_eq(skafu_store_wait(temp.store, 0, SKAFU_WAIT_FOREVER, &head, fault), 0);
	ck_assert_uint_eq(head, 1);
	refused(SKAFU_EINTERRUPTED, skafu_store_wait(temp.store, 1, SKAFU_WAIT_FOREVER, NULL, fault));
	refused(SKAFU_ETIMEOUT, skafu_store_wait(temp.store, 1, 1 * MS, NULL, fault)); /* and ends one wait */
}
END_TEST

static int append_to(const char *path, long after_ms)
{
	skafu_store *store = NULL;
	skafu_batch *batch = NULL;
	skafu_new_record record = event_of("s", "T");
	int32_t rc;

	pause_ms(after_ms);
	rc = skafu_store_open(path, NULL, &store, NULL);
	if (rc == 0)
		rc = skafu_batch_new(store, &batch, NULL);
	if (rc == 0)
		rc = skafu_batch_add(batch, &record, NULL);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
	skafu_batch_free(batch);
	skafu_store_close(store);
	return rc ? 1 : 0;
}

static pid_t append_in_child(long after_ms)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(append_to(temp.path, after_ms));
	ck_assert_int_gt(pid, 0);
	return pid;
}

static void *append_soon(void *user)
{
	skafu_batch *batch = NULL;
	skafu_new_record record = event_of("s", "T");

	pause_ms(30);
	if (skafu_batch_new(user, &batch, NULL) == 0 && skafu_batch_add(batch, &record, NULL) == 0)
		skafu_append(user, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
	skafu_batch_free(batch);
	return NULL;
}

START_TEST(threads_and_processes_wake_it)
{
	pthread_t thread;
	uint64_t head = 0;
	int status = 1;
	pid_t pid = append_in_child(30);

	went(skafu_store_wait(temp.store, 1, 10000 * MS, &head, fault));
	ck_assert_uint_eq(head, 2);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, append_soon, temp.store), 0);
	went(skafu_store_wait(temp.store, 2, 10000 * MS, &head, fault));
	ck_assert_uint_eq(head, 3);
	pthread_join(thread, NULL);
}
END_TEST

static int readable(int fd, int timeout_ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	return poll(&poller, 1, timeout_ms);
}

START_TEST(a_descriptor_tells)
{
	skafu_waiter *waiter = NULL;
	int status = 1;
	pid_t pid;
	int fd;

	went(skafu_waiter_new(temp.store, &waiter, fault));
	fd = skafu_waiter_fd(waiter);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(skafu_waiter_arm(waiter, 0, fault), 1); /* newer already: do not sleep */
	ck_assert_int_eq(skafu_waiter_arm(waiter, 1, fault), 0);
	ck_assert_int_eq(readable(fd, 0), 0);
	pid = append_in_child(20);
	ck_assert_int_eq(readable(fd, 10000), 1);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	went(skafu_waiter_clear(waiter, fault));
	ck_assert_int_eq(readable(fd, 0), 0);
	ck_assert_int_eq(skafu_waiter_arm(waiter, 1, fault), 1);
	ck_assert_int_eq(skafu_waiter_arm(waiter, 2, fault), 0);
	append_event(temp.store, "s", "T", NULL); /* by this process */
	ck_assert_int_eq(readable(fd, 10000), 1);
	skafu_waiter_free(waiter);
	skafu_waiter_free(NULL);
}
END_TEST

START_TEST(nobody_waits_nobody_writes)
{
	skafu_waiter *waiter = NULL;
	int fd;

	went(skafu_waiter_new(temp.store, &waiter, fault));
	fd = skafu_waiter_fd(waiter);
	for (int i = 0; i < 5; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert_int_eq(readable(fd, 0), 0); /* not armed: the file was not touched */
	skafu_waiter_free(waiter);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	skafu_waiter *waiter = NULL;
	skafu_store *memory = memory_store();

	refused(SKAFU_EINVAL, skafu_waiter_new(NULL, &waiter, fault));
	refused(SKAFU_EINVAL, skafu_waiter_new(temp.store, NULL, fault));
	refused(SKAFU_EUNSUPPORTED, skafu_waiter_new(memory, &waiter, fault));
	refused(SKAFU_EINVAL, skafu_waiter_arm(NULL, 0, fault));
	refused(SKAFU_EINVAL, skafu_waiter_clear(NULL, fault));
	ck_assert_int_eq(skafu_waiter_fd(NULL), -1);
	refused(SKAFU_ETIMEOUT, skafu_store_wait(memory, 0, MS, NULL, fault));
	skafu_store_close(memory);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, what_is_there_is_told_at_once);
	tcase_add_test(tests, the_deadline_is_kept);
	tcase_add_test(tests, rows_alone_are_no_news);
	tcase_add_test(tests, an_interrupt_ends_it);
	tcase_add_test(tests, an_interrupt_before_it_is_kept);
	tcase_add_test(tests, threads_and_processes_wake_it);
	tcase_add_test(tests, a_descriptor_tells);
	tcase_add_test(tests, nobody_waits_nobody_writes);
	tcase_add_test(tests, bad_calls_are_refused);
}

int main(void)
{
	return tempstore_main("wait", add);
}
