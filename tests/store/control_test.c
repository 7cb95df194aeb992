/*
 * control_test.c: the page that processes share: who is first, who writes, what is poisoned, the word of those
 * who sleep.
 */
#include "store/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/tempstore.h"

static struct tempstore temp; /* only its directory */
static struct skafu__control control;
static const uint8_t birth[16] = {1, 2, 3};

static void make(void)
{
	tempstore_make(&temp);
	snprintf(temp.path, sizeof temp.path, "%.250s", temp.directory);
	went(skafu__control_open(&control, skafu__sys_current(), temp.path, fault));
	went(skafu__control_join_birth(&control, birth, fault));
	went(skafu__control_admit_others(&control, fault));
}

static void drop(void)
{
	skafu__control_close(&control);
	tempstore_done(&temp);
}

START_TEST(the_first_makes_the_page)
{
	ck_assert_int_eq(control.was_first, 1);
	ck_assert_int_eq(control.was_poisoned, 0);
	ck_assert_uint_eq(skafu__control_word(&control) & 1u, 0);
	ck_assert_int_eq(access(tempstore_file(&temp, "control"), F_OK), 0);
	ck_assert_int_eq(access(tempstore_file(&temp, "wake"), F_OK), 0);
	skafu__control_close(&control);
	skafu__control_close(&control); /* twice is fine */
	went(skafu__control_open(&control, skafu__sys_current(), temp.path, fault));
	ck_assert_int_eq(control.was_first, 1);
	went(skafu__control_admit_others(&control, fault));
}
END_TEST

static int second_process(void *user)
{
	static struct skafu__control other; /* a child ends with it */
	static const uint8_t wrong[16] = {9};
	uint32_t word = skafu__control_word(&control);

	(void)user;
	if (skafu__control_open(&other, skafu__sys_current(), temp.path, NULL) != 0 || other.was_first)
		return 1;
	if (skafu__control_join_birth(&other, birth, NULL) != 0)
		return 2;
	if (skafu__control_join_birth(&other, wrong, NULL) != SKAFU_EDAMAGED)
		return 3;
	if (skafu__control_admit_others(&other, NULL) != 0 || skafu__control_lock(&other, INT64_MAX, NULL) != 0)
		return 4;
	skafu__control_begin_commit(&other);
	if ((skafu__control_word(&other) & 1u) == 0)
		return 5;
	skafu__control_end_commit(&other);
	skafu__control_unlock(&other);
	if (skafu__control_word(&other) == word || skafu__control_word(&other) & 1u)
		return 6;
	skafu__control_close(&other);
	return 0;
}

START_TEST(the_second_finds_it)
{
	uint32_t word = skafu__control_word(&control);

	ck_assert_int_eq(in_child(second_process, NULL, 10), 0);
	ck_assert_uint_ne(skafu__control_word(&control), word); /* a commit counts in every process */
}
END_TEST

static int lock_is_held(void *user)
{
	static struct skafu__control other; /* static, for who looks for leaks: the child ends with them */
	static skafu_error *error;
	int32_t wanted = *(int32_t *)user;
	int32_t rc;

	if (skafu_error_new(&error) != 0 || skafu__control_open(&other, skafu__sys_current(), temp.path, error) != 0)
		return 1;
	rc = skafu__control_lock(&other, skafu__deadline(skafu__sys_current(), 10000000), error);
	if (rc != wanted)
		return 2;
	if (rc == SKAFU_EBUSY && skafu_error_pid(error) != getppid())
		return 3;
	return 0;
}

START_TEST(one_process_writes)
{
	int32_t wanted = SKAFU_EBUSY;

	went(skafu__control_lock(&control, INT64_MAX, fault));
	ck_assert_int_eq(in_child(lock_is_held, &wanted, 10), 0);
	skafu__control_unlock(&control);
	wanted = 0; /* and the child's lock ends with it */
	ck_assert_int_eq(in_child(lock_is_held, &wanted, 10), 0);
	went(skafu__control_lock(&control, 0, fault));
	skafu__control_unlock(&control);
}
END_TEST

START_TEST(poison_is_for_everybody_until_the_next_first)
{
	int32_t wanted = SKAFU_EPOISONED;

	skafu__control_poison(&control);
	refused(SKAFU_EPOISONED, skafu__control_lock(&control, INT64_MAX, fault));
	ck_assert_int_eq(in_child(lock_is_held, &wanted, 10), 0);
	skafu__control_close(&control);
	went(skafu__control_open(&control, skafu__sys_current(), temp.path, fault));
	ck_assert(control.was_first && control.was_poisoned);
	went(skafu__control_admit_others(&control, fault)); /* after it has looked at everything */
	went(skafu__control_lock(&control, 0, fault));
	skafu__control_unlock(&control);
}
END_TEST

START_TEST(a_file_that_was_deleted_is_noticed)
{
	unlink(tempstore_file(&temp, "control"));
	refused(SKAFU_EDAMAGED, skafu__control_lock(&control, INT64_MAX, fault));
	file_write(tempstore_file(&temp, "control"), "", 0);
	refused(SKAFU_EDAMAGED, skafu__control_lock(&control, INT64_MAX, fault));
}
END_TEST

START_TEST(sleeping_ends)
{
	const struct skafu__sys *sys = skafu__sys_current();
	int64_t before = sys->monotonic_ns();
	uint32_t word = skafu__control_word(&control);

	skafu__control_announce_sleeper(&control);
	skafu__control_sleep(&control, word, skafu__deadline(sys, 20000000));
	ck_assert_int_ge(sys->monotonic_ns() - before, 20000000);
	skafu__control_wake_all(&control);
	ck_assert_uint_ne(skafu__control_word(&control), word);
	ck_assert_uint_eq(skafu__control_word(&control) & 1u, 0);
	skafu__control_sleep(&control, word, INT64_MAX); /* the word has changed: no sleep */
	skafu__control_withdraw_sleeper(&control);
	skafu__control_withdraw_sleeper(&control); /* once too often: stays at 0 */
	skafu__control_sleep(&control, skafu__control_word(&control), 0); /* past */
	skafu__control_add_watcher(&control, -1);
	skafu__control_add_watcher(&control, 1);
	skafu__control_add_watcher(&control, -1);
}
END_TEST

static int die_in_a_commit(void *user)
{
	static struct skafu__control other; /* a child ends with it */

	(void)user;
	if (skafu__control_open(&other, skafu__sys_current(), temp.path, NULL) != 0 ||
	    skafu__control_lock(&other, INT64_MAX, NULL) != 0)
		return 1;
	skafu__control_begin_commit(&other);
	return 0;
}

START_TEST(a_writer_that_died_is_found_out)
{
	ck_assert_int_eq(skafu__control_is_orphaned(&control), 0);
	ck_assert_int_eq(in_child(die_in_a_commit, NULL, 10), 0);
	ck_assert_int_eq(skafu__control_is_orphaned(&control), 1);
	went(skafu__control_lock(&control, 0, fault)); /* its lock went with it */
	skafu__control_begin_commit(&control);
	skafu__control_end_commit(&control);
	skafu__control_unlock(&control);
	ck_assert_int_eq(skafu__control_is_orphaned(&control), 0);
}
END_TEST

START_TEST(a_private_page_has_no_files)
{
	struct skafu__control own;

	went(skafu__control_open_private(&own, skafu__sys_current(), fault));
	ck_assert(own.was_first && !own.path && own.fd < 0);
	went(skafu__control_lock(&own, 0, fault));
	skafu__control_begin_commit(&own);
	skafu__control_end_commit(&own);
	skafu__control_unlock(&own);
	ck_assert_uint_eq(skafu__control_word(&own), 2);
	skafu__control_close(&own);
	snprintf(temp.path, sizeof temp.path, "%.200s/none", temp.directory);
	refused(SKAFU_ENOTFOUND, skafu__control_open(&own, skafu__sys_current(), temp.path, fault));
}
END_TEST

/* Dies while it makes the page. */
static int dying_stat(const char *path, struct stat *out)
{
	if (strcmp(path, "/proc/self/ns/pid") == 0)
		_exit(7);
	return stat(path, out);
}

static int dies_as_first(void *user)
{
	struct skafu__sys sys = *skafu__sys_current();
	struct skafu__control own;

	(void)user;
	sys.stat = dying_stat;
	return skafu__control_open(&own, &sys, temp.path, NULL);
}

START_TEST(poison_outlives_a_first_that_dies)
{
	skafu__control_poison(&control);
	skafu__control_close(&control);
	ck_assert_int_eq(in_child(dies_as_first, NULL, 10), 7);
	went(skafu__control_open(&control, skafu__sys_current(), temp.path, fault));
	ck_assert_int_eq(control.was_poisoned, 1);
	ck_assert_int_eq(control.was_clean, 0);
	refused(SKAFU_EPOISONED, skafu__control_lock(&control, INT64_MAX, fault));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, the_first_makes_the_page);
	tcase_add_test(tests, the_second_finds_it);
	tcase_add_test(tests, one_process_writes);
	tcase_add_test(tests, poison_is_for_everybody_until_the_next_first);
	tcase_add_test(tests, poison_outlives_a_first_that_dies);
	tcase_add_test(tests, a_file_that_was_deleted_is_noticed);
	tcase_add_test(tests, sleeping_ends);
	tcase_add_test(tests, a_writer_that_died_is_found_out);
	tcase_add_test(tests, a_private_page_has_no_files);
}

int main(void)
{
	return tempstore_main("control", add);
}
