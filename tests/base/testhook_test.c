/*
 * testhook_test.c: a thread with a hook asks the hook; every other thread, and this one without it, the machine.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/failing.h"
#include "base/sys.h"
#include "base/testhook.h"
#include "util/suite.h"

#define THEN_NS INT64_C(1000000000000)

struct seen {
	uint32_t what;    /* asked last */
	uint32_t fails;   /* this fails */
	int64_t slept_ns;
	uint32_t told;
	struct skafu_test_note note;
};

static int64_t then_ns(void *user)
{
	(void)user;
	return THEN_NS;
}

static int sevens(void *user, void *out, size_t bytes)
{
	(void)user;
	memset(out, 7, bytes);
	return 0;
}

static void sleeps(void *user, int64_t time_ns)
{
	((struct seen *)user)->slept_ns += time_ns;
}

static int fails(void *user, uint32_t what)
{
	struct seen *seen = user;

	seen->what = what;
	return what == seen->fails ? EIO : 0;
}

static void told(void *user, const struct skafu_test_note *note)
{
	struct seen *seen = user;

	seen->told++;
	seen->note = *note;
}

static struct seen seen;
static const struct skafu_test_hook hook = {.size = sizeof(hook), .user = &seen, .wall_ns = then_ns,
					    .monotonic_ns = then_ns, .random = sevens, .sleep = sleeps,
					    .fails = fails, .told = told};

static void setup(void)
{
	memset(&seen, 0, sizeof(seen));
	skafu__sys_override(NULL);
}

static void teardown(void)
{
	ck_assert_int_eq(skafu_test_hook_enter(NULL), 0);
	skafu__sys_override(NULL);
}

START_TEST(the_thread_that_entered_asks_the_hook)
{
	struct skafu__sys sys;
	uint8_t bytes[3];
	uint32_t word = 1;
	int ends[2];

	ck_assert_int_eq(skafu_test_hook_enter(&hook), 0);
	ck_assert_int_eq(skafu__sys_init(&sys, NULL), 0);
	ck_assert_int_eq(sys.wall_ns(), THEN_NS);
	ck_assert_int_eq(sys.wall_tick_ns(), THEN_NS);
	ck_assert_int_eq(sys.monotonic_ns(), THEN_NS);
	ck_assert_int_eq(sys.random(bytes, 3), 0);
	ck_assert_int_eq(bytes[2], 7);
	ck_assert_int_eq(sys.futex_wait(&word, 1, 5), -1); /* nobody would wake it */
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_int_eq(seen.slept_ns, 5);
	ck_assert_int_eq(sys.futex_wait(&word, 2, -1), -1); /* for ever: the machine's, which sees another word */
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(sys.poll(ends[0], 6), 0);
	ck_assert_int_eq(seen.slept_ns, 11);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(sys.poll(ends[0], 6), 1); /* there already: no wait, and so no time */
	ck_assert_int_eq(sys.poll(ends[0], -1), 1);
	ck_assert_int_eq(seen.slept_ns, 11);
	close(ends[0]);
	close(ends[1]);
	ck_assert_int_eq(sys.storage(SKAFU__TESTHOOK_WRITE), 0);
	ck_assert_uint_eq(seen.what, SKAFU__TESTHOOK_WRITE);
	seen.fails = SKAFU__TESTHOOK_WRITE;
	ck_assert_int_eq(sys.storage(SKAFU__TESTHOOK_WRITE), EIO);
}
END_TEST

START_TEST(a_thread_that_left_asks_the_machine)
{
	struct skafu__sys sys;
	uint8_t bytes[16] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
	uint8_t before[16];

	memcpy(before, bytes, 16);
	ck_assert_int_eq(skafu_test_hook_enter(&hook), 0);
	ck_assert_int_eq(skafu__sys_init(&sys, NULL), 0); /* an object that outlives the hook */
	ck_assert_int_eq(skafu_test_hook_enter(NULL), 0);
	seen.fails = SKAFU__TESTHOOK_MEMORY;
	ck_assert_int_gt(sys.wall_ns(), INT64_C(1600000000000000000));
	ck_assert_int_gt(sys.wall_tick_ns(), INT64_C(1600000000000000000));
	ck_assert_int_ne(sys.monotonic_ns(), THEN_NS);
	ck_assert_int_eq(sys.random(bytes, 16), 0);
	ck_assert_int_ne(memcmp(bytes, before, 16), 0);
	ck_assert_int_eq(sys.storage(SKAFU__TESTHOOK_WRITE), 0);
	void *block = skafu__alloc(&sys, 10);
	ck_assert_ptr_nonnull(block);
	skafu__free(&sys, block);
	skafu__testhook_tell(SKAFU__TESTHOOK_TYPE, NULL, "a", "b", 1, 0);
	ck_assert_uint_eq(seen.told, 0);
	ck_assert_uint_eq(seen.what, 0);
}
END_TEST

static void *another(void *arg)
{
	int64_t *out = arg;

	*out = skafu__sys_current()->wall_ns();
	return NULL;
}

START_TEST(another_thread_asks_the_machine)
{
	pthread_t thread;
	int64_t now = 0;

	ck_assert_int_eq(skafu_test_hook_enter(&hook), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, another, &now), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_gt(now, THEN_NS);
	ck_assert_int_eq(skafu__sys_current()->wall_ns(), THEN_NS);
}
END_TEST

START_TEST(memory_fails_on_command_but_not_the_kits)
{
	struct skafu__sys sys;
	struct failing failing;
	char *block;

	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	ck_assert_int_eq(skafu_test_hook_enter(&hook), 0);
	ck_assert_int_eq(skafu__sys_init(&sys, NULL), 0);
	seen.fails = SKAFU__TESTHOOK_MEMORY;
	ck_assert_ptr_null(skafu__alloc(&sys, 10));
	block = skafu_test_hook_memory(NULL, 10);
	ck_assert_ptr_nonnull(block);
	strcpy(block, "123456789");
	ck_assert_ptr_null(skafu__realloc_array(&sys, block, 1, 100));
	block = skafu_test_hook_memory(block, 100);
	ck_assert_ptr_nonnull(block);
	ck_assert_str_eq(block, "123456789");
	ck_assert_int_eq(failing.live, 1); /* it is memory of the table below */
	failing.left = 0;
	ck_assert_ptr_null(skafu_test_hook_memory(NULL, 1));
	ck_assert_ptr_null(skafu_test_hook_memory(block, 0));
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

START_TEST(what_is_told_arrives)
{
	ck_assert_int_eq(skafu_test_hook_enter(&hook), 0);
	skafu__testhook_tell(SKAFU__TESTHOOK_FAILED, &seen, "consumer", "why", 12, SKAFU_EHOST);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_uint_eq(seen.note.kind, SKAFU__TESTHOOK_FAILED);
	ck_assert_ptr_eq(seen.note.object, &seen);
	ck_assert_str_eq(seen.note.name, "consumer");
	ck_assert_str_eq(seen.note.text, "why");
	ck_assert_uint_eq(seen.note.number, 12);
	ck_assert_int_eq(seen.note.code, SKAFU_EHOST);
}
END_TEST

START_TEST(a_kit_of_another_version_is_refused)
{
	struct skafu_test_hook other = hook;

	other.size -= 8;
	ck_assert_int_eq(skafu_test_hook_enter(&other), SKAFU_EOPTION);
	skafu__testhook_tell(SKAFU__TESTHOOK_FAILED, NULL, "a", "b", 0, 0);
	ck_assert_uint_eq(seen.told, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testhook");
	TCase *tests = tcase_create("testhook");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_thread_that_entered_asks_the_hook);
	tcase_add_test(tests, a_thread_that_left_asks_the_machine);
	tcase_add_test(tests, another_thread_asks_the_machine);
	tcase_add_test(tests, memory_fails_on_command_but_not_the_kits);
	tcase_add_test(tests, what_is_told_arrives);
	tcase_add_test(tests, a_kit_of_another_version_is_refused);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
