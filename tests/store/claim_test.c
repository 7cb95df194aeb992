/*
 * claim_test.c: claims within a process, between processes, and of a process that dies.
 */
#include "store/claim.h"

#include <check.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failing.h"
#include "store/store.h"
#include "store/tempstore.h"

static struct tempstore temp;

/* A child that claims numbers, tells through a pipe, and sleeps until it is killed. */
static pid_t claim_in_child(const uint64_t *numbers, size_t count)
{
	int pipes[2];
	char told = 'n';

	ck_assert_int_eq(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		skafu_store *mine = NULL;
		int32_t rc = skafu_store_open(temp.path, NULL, &mine, NULL);
		for (size_t i = 0; rc >= 0 && i < count; i++)
			rc = skafu__claim_try(&mine->claims, numbers[i], NULL) == 1 ? 1 : -1;
		if (write(pipes[1], rc == 1 ? "y" : "n", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq((int)read(pipes[0], &told, 1), 1);
	ck_assert_int_eq(told, 'y');
	close(pipes[0]);
	close(pipes[1]);
	return child;
}

static void kill_child(pid_t child)
{
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

START_TEST(one_process)
{
	skafu_store *memory = memory_store();
	int64_t pid = 1;

	ck_assert_uint_eq(skafu__claim_count(&memory->claims, 0, 100, &pid), 0);
	ck_assert_int_eq(pid, 0);
	ck_assert_int_eq(skafu__claim_try(&memory->claims, 7, NULL), 1);
	ck_assert_int_eq(skafu__claim_try(&memory->claims, 7, NULL), 0);
	ck_assert_int_eq(skafu__claim_try(&memory->claims, 9, NULL), 1);
	ck_assert_uint_eq(skafu__claim_count(&memory->claims, 0, 100, &pid), 2);
	ck_assert_int_eq(pid, getpid());
	skafu__claim_release(&memory->claims, 8);
	skafu__claim_release(&memory->claims, 7);
	ck_assert_int_eq(skafu__claim_try(&memory->claims, 7, NULL), 1);
	skafu_store_close(memory);
}
END_TEST

START_TEST(the_dead_claim_nothing)
{
	const uint64_t top = (UINT64_C(1) << SKAFU__CLAIM_BITS) - 1;
	const uint64_t numbers[] = {5, 6, 9, top};
	int64_t pid = 0;
	pid_t child;

	tempstore_new(&temp);
	child = claim_in_child(numbers, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(skafu__claim_try(&temp.store->claims, numbers[i], NULL), 0);
	ck_assert_int_eq(skafu__claim_try(&temp.store->claims, 7, NULL), 1);
	ck_assert_uint_eq(skafu__claim_count(&temp.store->claims, 5, 1, &pid), 1);
	ck_assert_int_eq(pid, child);
	ck_assert_uint_eq(skafu__claim_count(&temp.store->claims, 0, 64, &pid), 4);
	ck_assert_uint_eq(skafu__claim_count(&temp.store->claims, 6, 3, &pid), 2);
	ck_assert_uint_eq(skafu__claim_count(&temp.store->claims, top, 1, NULL), 1);
	kill_child(child);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(skafu__claim_try(&temp.store->claims, numbers[i], NULL), 1);
	tempstore_done(&temp);
}
END_TEST

START_TEST(without_memory)
{
	struct skafu__claims claims;
	struct failing failing;

	failing_init(&failing);
	skafu__claims_init(&claims, &failing.sys, NULL);
	failing.left = 0;
	refused(SKAFU_ENOMEM, skafu__claim_try(&claims, 3, fault));
	failing.left = -1;
	ck_assert_int_eq(skafu__claim_try(&claims, 3, NULL), 1);
	skafu__claims_done(&claims);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, one_process);
	tcase_add_test(tests, the_dead_claim_nothing);
	tcase_add_test(tests, without_memory);
}

int main(void)
{
	return tempstore_main("claim", add);
}
