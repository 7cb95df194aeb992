/*
 * leftover_test.c: what a dead creator left is removed when it is old, and nothing else ever is.
 */
#include "store/leftover.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/suite.h"

static char leftover_parent[64];

static void make_directory(const char *name, int is_old)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", leftover_parent, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/%s/log", leftover_parent, name);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	if (!is_old)
		return;
	struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	snprintf(path, sizeof path, "%s/%s", leftover_parent, name);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int is_there(const char *name)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", leftover_parent, name);
	return access(path, F_OK) == 0;
}

START_TEST(only_old_leftovers_of_this_store_go)
{
	char path[160];
	const struct skafu__sys *sys = skafu__sys_current();
	snprintf(leftover_parent, sizeof leftover_parent, "/tmp/skafu-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(leftover_parent));
	make_directory("db.new-0123456789abcdef", 1);
	make_directory("db.new-0123456789abcde0", 0);
	make_directory("db.new-0123456789abcdeX", 1);
	make_directory("db2.new-0123456789abcdef", 1);
	make_directory("db", 1);
	snprintf(path, sizeof path, "%s/db/", leftover_parent);
	skafu__leftover_remove(sys, leftover_parent, path);
	ck_assert(!is_there("db.new-0123456789abcdef"));
	ck_assert(is_there("db.new-0123456789abcde0"));
	ck_assert(is_there("db.new-0123456789abcdeX"));
	ck_assert(is_there("db2.new-0123456789abcdef"));
	ck_assert(is_there("db/log"));
	const char *left[] = {"db.new-0123456789abcde0", "db.new-0123456789abcdeX", "db2.new-0123456789abcdef", "db"};
	for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
		snprintf(path, sizeof path, "%s/%s", leftover_parent, left[i]);
		skafu__leftover_remove_store(sys, path);
		ck_assert(!is_there(left[i]));
	}
	ck_assert_int_eq(rmdir(leftover_parent), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("leftover");
	TCase *all = tcase_create("all");
	tcase_add_test(all, only_old_leftovers_of_this_store_go);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
