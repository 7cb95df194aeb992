/*
 * dirtime_test.c: a look at the directory says whether a name came or went, and never trusts a time that is too
 * young.
 */
#include "store/dirtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/tempstore.h"

static struct tempstore temp; /* only its directory */
static struct skafu__sys sys;
static struct skafu__dirtime dirtime;
static int64_t wall_ns;
static int64_t monotonic_ns;
static int fstat_fails;

static int64_t fake_wall_ns(void)
{
	return wall_ns;
}

static int64_t fake_monotonic_ns(void)
{
	return monotonic_ns;
}

static int fake_fstat(int fd, struct stat *out)
{
	if (!fstat_fails)
		return fstat(fd, out);
	errno = EIO;
	return -1;
}

/* The directory was last changed at the beginning of 2020, and it is a day later. */
static void make(void)
{
	const struct timespec old[2] = {{1577836800, 5}, {1577836800, 5}};

	tempstore_make(&temp);
	snprintf(temp.path, sizeof temp.path, "%.250s", temp.directory);
	file_write(tempstore_file(&temp, "control"), "x", 1);
	ck_assert_int_eq(utimensat(AT_FDCWD, temp.directory, old, 0), 0);
	wall_ns = INT64_C(1577923200) * 1000000000;
	fstat_fails = 0;
	sys = *skafu__sys_current();
	sys.wall_ns = fake_wall_ns;
	sys.monotonic_ns = fake_monotonic_ns;
	sys.wall_tick_ns = fake_wall_ns;
	sys.fstat = fake_fstat;
	skafu__dirtime_init(&dirtime, &sys);
	went(skafu__dirtime_open(&dirtime, temp.directory, fault));
}

static void drop(void)
{
	skafu__dirtime_close(&dirtime);
	skafu__dirtime_close(&dirtime); /* twice is fine */
	tempstore_done(&temp);
}

static void trust(void)
{
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 0);
	skafu__dirtime_trust(&dirtime);
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 1);
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 1);
}

START_TEST(names_that_come_and_go)
{
	trust();
	unlink(tempstore_file(&temp, "control"));
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 0);
	wall_ns = INT64_C(4102444800) * 1000000000; /* 2100 */
	skafu__dirtime_trust(&dirtime);
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 1);
	usleep(20000);
	file_write(tempstore_file(&temp, "control"), "y", 1);
	trust();
	usleep(20000);
	file_write(tempstore_file(&temp, "other"), "z", 1);
	trust();
	usleep(20000);
	ck_assert_int_eq(rename(tempstore_file(&temp, "other"), "/dev/null/none"), -1);
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 1);
	ck_assert_int_eq(chmod(tempstore_file(&temp, "other"), 0600), 0);
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 1);
}
END_TEST

/* Within the step of time in which the last name came another one could come unseen.  _i: 0, the file system counts
 * in seconds; 1, in hundredths; 2, in smaller steps. */
START_TEST(a_young_time_is_not_trusted)
{
	static const long parts_ns[] = {0, 10000000, 12345678};
	static const int64_t settled_ns[] = {3000000000, 3000000000, 100000000};
	const struct timespec last[2] = {{1577836800, parts_ns[_i]}, {1577836800, parts_ns[_i]}};

	ck_assert_int_eq(utimensat(AT_FDCWD, temp.directory, last, 0), 0);
	wall_ns = INT64_C(1577836800) * 1000000000 + parts_ns[_i] + settled_ns[_i];
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 0);
		skafu__dirtime_trust(&dirtime);
	}
	wall_ns -= INT64_C(3600) * 1000000000; /* a clock that was set back */
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 0);
	skafu__dirtime_trust(&dirtime);
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 0);
	wall_ns += INT64_C(3600) * 1000000000 + 1;
	trust();
}
END_TEST

static void an_age_of(int64_t age_ns)
{
	wall_ns = INT64_C(1577836800) * 1000000000 + 5 + age_ns;
	monotonic_ns = age_ns;
}

/* The next look at all names is due when the time is twice as old, until it is old enough. */
START_TEST(a_small_step_is_trusted_for_a_while)
{
	int looks = 0;

	for (int64_t age_ns = 101000000; age_ns < 20000000000; age_ns += 1000000) {
		an_age_of(age_ns);
		if (skafu__dirtime_is_same(&dirtime))
			continue;
		skafu__dirtime_trust(&dirtime);
		looks++;
		ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 1);
	}
	ck_assert_int_eq(looks, 6); /* at 0.1, 0.2, 0.4, 0.8, 1.6 and 3.2 seconds */
}
END_TEST

START_TEST(a_look_that_fails_trusts_nothing)
{
	trust();
	fstat_fails = 1;
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 0);
	skafu__dirtime_trust(&dirtime);
	ck_assert_int_eq(skafu__dirtime_is_same(&dirtime), 0);
	fstat_fails = 0;
	trust();
}
END_TEST

START_TEST(no_directory)
{
	struct skafu__dirtime none;

	skafu__dirtime_init(&none, &sys);
	ck_assert_int_eq(skafu__dirtime_is_same(&none), 1);
	refused(SKAFU_ENOTFOUND, skafu__dirtime_open(&none, "/dev/null/none", fault));
	ck_assert_int_eq(skafu__dirtime_is_same(&none), 1);
	skafu__dirtime_close(&none);
}
END_TEST

/* A store whose directory has been quiet for long, and whose writers therefore do not walk the paths any more. */
static void quiet_store(void)
{
	const struct timespec old[2] = {{1577836800, 5}, {1577836800, 5}};

	tempstore_open(&temp, NULL);
	ck_assert_int_eq(utimensat(AT_FDCWD, temp.path, old, 0), 0);
	append_event(temp.store, "s", "Happened", NULL);
	ck_assert_int_eq(temp.store->dirtime.is_trusted, 1);
	append_event(temp.store, "s", "Happened", NULL);
}

static void refused_append(void)
{
	skafu_batch *batch = batch_of(temp.store);

	add_event(batch, "s", "Happened", NULL);
	refused(SKAFU_EDAMAGED, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
}

START_TEST(writers_notice_what_was_moved_or_deleted)
{
	static const char *const names[] = {"log-lock", "control"};
	char away[400];

	snprintf(temp.path, sizeof temp.path, "%.200s/store", temp.directory);
	quiet_store();
	for (size_t i = 0; i < 2; i++) {
		snprintf(away, sizeof away, "%.300s/away", temp.path);
		ck_assert_int_eq(rename(tempstore_file(&temp, names[i]), away), 0);
		refused_append();
		message_names(names[i]);
		refused_append();
		ck_assert_int_eq(rename(away, tempstore_file(&temp, names[i])), 0);
		append_event(temp.store, "s", "Happened", NULL);
	}
	ck_assert_uint_eq(head_of(temp.store), 4);
	unlink(tempstore_file(&temp, "control"));
	refused_append();
	file_write(tempstore_file(&temp, "control"), "", 0);
	refused_append();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, names_that_come_and_go);
	tcase_add_loop_test(tests, a_young_time_is_not_trusted, 0, 3);
	tcase_add_test(tests, a_small_step_is_trusted_for_a_while);
	tcase_add_test(tests, a_look_that_fails_trusts_nothing);
	tcase_add_test(tests, no_directory);
	tcase_add_test(tests, writers_notice_what_was_moved_or_deleted);
}

int main(void)
{
	return tempstore_main("dirtime", add);
}
