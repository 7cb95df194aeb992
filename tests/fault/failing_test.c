/*
 * failing_test.c: the driver reaches every call, reports what goes wrong, and raw LMDB is what it is said to be.
 */
#include "fault/failing.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/crashstates.h"
#include "fault/statedir.h"
#include "fault/subject_lmdb.h"
#include "util/suite.h"

static char scratch[256], dir[300], path[400];

static void setup(void)
{
	statedir_scratch(scratch, "failing");
	snprintf(dir, sizeof(dir), "%s/dir", scratch);
	snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
}

static void teardown(void)
{
	failing_table_remove();
	statedir_scratch_gone(scratch);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

#define PIECES 5

struct pieces {
	int leak; /* what act does wrong */
	size_t made;
	void *leaked;
};

/* Three blocks and two larger ones through the table; gives all back. */
static int act_memory(void *opaque)
{
	const struct skafu__sys *sys = skafu__sys_current();
	struct pieces *p = opaque;
	void *blocks[3] = {NULL, NULL, NULL}, *bigger;
	size_t i;
	int bad = 0;

	p->made = 0;
	for (i = 0; i < 3 && !bad; i++) {
		blocks[i] = skafu__alloc(sys, 10 + i);
		bad = !blocks[i];
		p->made += !bad;
	}
	for (i = 0; i < 2 && !bad; i++) {
		bigger = skafu__realloc_array(sys, blocks[i], 100, 7);
		bad = !bigger;
		blocks[i] = bigger ? bigger : blocks[i];
		p->made += !bad;
	}
	for (i = 0; i < 3; i++) {
		if (bad && p->leak && blocks[i] && i == 1)
			p->leaked = blocks[i];
		else
			skafu__free(sys, blocks[i]);
	}
	return bad;
}

static int check_memory(void *opaque, const struct failing_case *which, int result, char *why, size_t room)
{
	const struct pieces *p = opaque;

	if (result != which->hit)
		snprintf(why, room, "result %d", result);
	else if (which->hit && p->made != which->nth - 1)
		snprintf(why, room, "made %zu", p->made);
	else
		return 0;
	return 1;
}

START_TEST(every_allocation_is_reached)
{
	struct pieces pieces = {0, 0, NULL};
	struct failing_test test = {.act = act_memory, .check = check_memory, .user = &pieces};
	struct failing_case which = {.what = FAILING_ALLOCATION, .error = ENOMEM};
	struct failing_report report = {0, 0, ""};

	ck_assert_msg(failing_case_run(&test, &which, &report) == 0, "%s", report.first);
	ck_assert_uint_eq(report.runs, PIECES);
	which.from_then_on = 1;
	ck_assert_msg(failing_case_run(&test, &which, &report) == 0, "%s", report.first);
	ck_assert_uint_eq(report.runs, 2 * PIECES);
}
END_TEST

START_TEST(a_leak_is_found)
{
	struct pieces pieces = {1, 0, NULL};
	struct failing_test test = {.act = act_memory, .check = check_memory, .user = &pieces};
	struct failing_case which = {.what = FAILING_ALLOCATION, .error = ENOMEM};
	struct failing_report report = {0, 0, ""};

	ck_assert_uint_eq(failing_case_run(&test, &which, &report), 1);
	ck_assert_msg(strstr(report.first, "allocation 3 fails once") && strstr(report.first, "1 blocks"), "%s",
		      report.first);
	skafu__free(skafu__sys_current(), pieces.leaked);
}
END_TEST

static int act_ignores(void *opaque)
{
	(void)opaque;
	skafu__free(skafu__sys_current(), skafu__alloc(skafu__sys_current(), 1));
	return 0;
}

START_TEST(an_ignored_failure_is_found)
{
	struct pieces pieces = {0, 0, NULL};
	struct failing_test test = {.act = act_ignores, .check = check_memory, .user = &pieces};
	struct failing_case which = {.what = FAILING_ALLOCATION, .error = ENOMEM};
	struct failing_report report = {0, 0, ""};

	ck_assert_uint_eq(failing_case_run(&test, &which, &report), 1);
	ck_assert_ptr_nonnull(strstr(report.first, "result 0"));
}
END_TEST

/* Asks once more in each run, and does not care for the answer. */
static int act_grows(void *opaque)
{
	uint64_t *runs = opaque, i;

	++*runs;
	for (i = 0; i < *runs; i++)
		skafu__free(skafu__sys_current(), skafu__alloc(skafu__sys_current(), 1));
	return 0;
}

/* Such a thing would never come to an end. */
START_TEST(no_end_is_noticed)
{
	uint64_t runs = 0;
	struct failing_test test = {.act = act_grows, .user = &runs, .nth_max = 50};
	struct failing_case which = {.what = FAILING_ALLOCATION, .error = ENOMEM};
	struct failing_report report = {0, 0, ""};

	ck_assert_uint_eq(failing_case_run(&test, &which, &report), 1);
	ck_assert_ptr_nonnull(strstr(report.first, "still more calls"));
}
END_TEST

static int act_malloc(void *opaque)
{
	void *volatile block[4] = {malloc(3), calloc(2, 3), realloc(NULL, 9), NULL};
	void *aligned = NULL;
	int i, failed = posix_memalign(&aligned, 64, 100) != 0;

	block[3] = aligned;
	for (i = 0; i < 4; i++) {
		failed += !block[i] && i < 3;
		free(block[i]);
	}
	*(int *)opaque = failed;
	return failed;
}

static int check_count(void *opaque, const struct failing_case *which, int result, char *why, size_t room)
{
	int wanted = !which->hit ? 0 : which->from_then_on ? 5 - (int)which->nth : 1;

	(void)opaque;
	if (result == wanted)
		return 0;
	snprintf(why, room, "%d failed, not %d", result, wanted);
	return 1;
}

START_TEST(malloc_and_its_kin)
{
	int failed = 0;
	struct failing_test test = {.act = act_malloc, .check = check_count, .user = &failed};
	struct failing_case which = {.what = FAILING_MALLOC, .error = ENOMEM};
	struct failing_report report = {0, 0, ""};

	if (!failing_has_malloc()) {
		printf("skipped: malloc belongs to a sanitizer or valgrind here\n");
		return;
	}
	ck_assert_msg(failing_case_run(&test, &which, &report) == 0, "%s", report.first);
	ck_assert_uint_eq(report.runs, 4);
	which.from_then_on = 1;
	ck_assert_msg(failing_case_run(&test, &which, &report) == 0, "%s", report.first);
	ck_assert_uint_eq(report.runs, 8);
}
END_TEST

/* ---- files --------------------------------------------------------------------------------------------------- */

static int prepare_file(void *opaque)
{
	(void)opaque;
	unlink(path);
	return 0;
}

/* Through the table: open, stat, 2 writes, sync, truncate, close; a descriptor is always given back. */
static int act_file(void *opaque)
{
	const struct skafu__sys *sys = skafu__sys_current();
	int fd = sys->open(path, O_RDWR | O_CREAT, 0600), bad;
	struct stat info;

	(void)opaque;
	if (fd < 0)
		return -errno;
	bad = sys->fstat(fd, &info) != 0 || skafu__write_at(sys, fd, "abcd", 4, 0) != 0 ||
	      skafu__write_at(sys, fd, "efgh", 4, 4) != 0 || sys->fdatasync(fd) != 0 || sys->ftruncate(fd, 6) != 0;
	if (sys->close(fd) != 0 && !bad)
		bad = 1;
	return bad ? -errno : 0;
}

/* A short write is continued, so it is no failure; everything else is reported with its errno. */
static int check_file(void *opaque, const struct failing_case *which, int result, char *why, size_t room)
{
	int wanted = which->hit && !(which->how == IOTRACE_SHORT && result == 0) ? -which->error : 0;

	++*(int *)opaque;
	if (result == wanted)
		return 0;
	snprintf(why, room, "%d, not %d", result, wanted);
	return 1;
}

START_TEST(every_file_call_is_reached)
{
	int checks = 0;
	struct failing_test test = {.root = dir, .prepare = prepare_file, .act = act_file, .check = check_file,
				    .user = &checks};
	struct failing_report report = {0, 0, ""};

	ck_assert_msg(failing_run(&test, &report) == 0, "%s", report.first);
	/* 2 errnos, once and from then on: (open, sync, truncate; 2 writes) x 2 ways, 2 short writes at first (3 once
	 * the first is cut); close with one errno, 2 ways; stat twice. */
	ck_assert_uint_ge(report.runs, 2 * 2 * (3 + 2) * 2 + 2 * 2 * 2 + 2 * 2 + 2);
	ck_assert_int_gt(checks, (int)report.runs);
}
END_TEST

static int act_keeps_descriptor(void *opaque)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	(void)opaque;
	if (write(fd, "x", 1) != 1)
		return -1;
	close(fd);
	return 0;
}

START_TEST(a_lost_descriptor_is_found)
{
	struct failing_test test = {.root = dir, .act = act_keeps_descriptor};
	struct failing_case which = {.what = FAILING_WRITE, .error = EIO};
	struct failing_report report = {0, 0, ""};
	int fd, next = dup(0);

	close(next);
	ck_assert_uint_eq(failing_case_run(&test, &which, &report), 1);
	ck_assert_msg(strstr(report.first, "1 descriptors") != NULL, "%s", report.first);
	for (fd = next; fd < next + 4; fd++)
		close(fd);
}
END_TEST

/* ---- raw LMDB ------------------------------------------------------------------------------------------------ */

struct lmdb_case {
	void *run;
};

static int lmdb_prepare(void *opaque)
{
	struct lmdb_case *c = opaque;
	size_t op;

	statedir_scratch_gone(dir);
	if (mkdir(dir, 0700) != 0)
		return -1;
	c->run = crash_subject_lmdb.start(dir, 11);
	if (!c->run || crash_subject_lmdb.create(c->run) != 0)
		return -1;
	for (op = 0; op < 3; op++) {
		if (crash_subject_lmdb.perform(c->run, op) != 0)
			return -1;
	}
	return 0;
}

static int lmdb_act(void *opaque)
{
	struct lmdb_case *c = opaque;

	return crash_subject_lmdb.perform(c->run, 1);
}

/* Whatever failed: after closing, what was there before is there, and the failed operation whole or not at all. */
static int lmdb_check(void *opaque, const struct failing_case *which, int result, char *why, size_t room)
{
	struct lmdb_case *c = opaque;
	enum crash_verdict verdict;

	crash_subject_lmdb.close(c->run);
	if (which->hit && !result && which->how == IOTRACE_NOT_DONE && which->error != EINTR) {
		snprintf(why, room, "LMDB did not notice");
		crash_subject_lmdb.free(c->run);
		return 1;
	}
	verdict = crash_subject_lmdb.verify(c->run, dir, result ? 4 : 5, 5);
	crash_subject_lmdb.free(c->run);
	if (verdict == CRASH_FINE)
		return 0;
	snprintf(why, room, "result %d, verdict %d", result, (int)verdict);
	return 1;
}

/* Everything but malloc: a transaction of raw LMDB fails cleanly wherever it is stopped. */
START_TEST(lmdb_fails_cleanly)
{
	static const enum failing_what whats[] = {FAILING_MALLOC, FAILING_WRITE, FAILING_SYNC, FAILING_SEEK};
	struct lmdb_case c = {NULL};
	struct failing_test test = {.root = scratch, .prepare = lmdb_prepare, .act = lmdb_act, .check = lmdb_check,
				    .user = &c};
	struct failing_report report = {0, 0, ""};
	struct failing_case which;
	uint64_t runs;
	size_t i;

	for (i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
		memset(&which, 0, sizeof(which));
		which.what = whats[i];
		which.error = whats[i] == FAILING_MALLOC ? ENOMEM : EIO;
		runs = report.runs;
		for (which.from_then_on = 0; which.from_then_on < 2; which.from_then_on++)
			ck_assert_msg(failing_case_run(&test, &which, &report) == 0, "%s", report.first);
		which.how = IOTRACE_DONE;
		if (whats[i] != FAILING_MALLOC)
			ck_assert_msg(failing_case_run(&test, &which, &report) == 0, "%s", report.first);
		/* LMDB's own malloc is seen; its seek comes only with pages that do not follow each other. */
		if (whats[i] != FAILING_SEEK && (whats[i] != FAILING_MALLOC || failing_has_malloc()))
			ck_assert_uint_gt(report.runs, runs);
	}
}
END_TEST

/* The log of a failing run is as true as any other. */
static int lmdb_log(void *opaque, const struct failing_case *which, const struct iolog *log, char *why, size_t room)
{
	(void)opaque;
	(void)which;
	return !crashstates_matches(log, why, room);
}

START_TEST(the_log_of_a_failing_run_is_true)
{
	struct lmdb_case c = {NULL};
	struct failing_test test = {.root = scratch, .prepare = lmdb_prepare, .act = lmdb_act, .check = lmdb_check,
				    .log = lmdb_log, .user = &c};
	struct failing_case which = {.what = FAILING_WRITE, .how = (enum iotrace_how)_i, .error = EIO};
	struct failing_report report = {0, 0, ""};

	ck_assert_msg(failing_case_run(&test, &which, &report) == 0, "%s", report.first);
	ck_assert_uint_ge(report.runs, 2);
}
END_TEST

int main(void)
{
	unsetenv("SKAFU_TEST_SCALE"); /* all sites are wanted here, however slow */
	Suite *suite = suite_create("failing");
	TCase *driver = tcase_create("driver"), *lmdb = tcase_create("lmdb");

	tcase_add_checked_fixture(driver, setup, teardown);
	tcase_add_test(driver, every_allocation_is_reached);
	tcase_add_test(driver, a_leak_is_found);
	tcase_add_test(driver, an_ignored_failure_is_found);
	tcase_add_test(driver, no_end_is_noticed);
	tcase_add_test(driver, malloc_and_its_kin);
	tcase_add_test(driver, every_file_call_is_reached);
	tcase_add_test(driver, a_lost_descriptor_is_found);
	suite_add_tcase(suite, driver);
	tcase_add_checked_fixture(lmdb, setup, teardown);
	tcase_add_test(lmdb, lmdb_fails_cleanly);
	tcase_add_loop_test(lmdb, the_log_of_a_failing_run_is_true, IOTRACE_NOT_DONE, IOTRACE_SHORT + 1);
	suite_add_tcase(suite, lmdb);
	return suite_run(suite);
}
