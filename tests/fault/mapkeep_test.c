/*
 * mapkeep_test.c: a kept map is handed out for the same file mapped in the same way only, and shows what the file
 * holds.
 */
#include "fault/mapkeep.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault/iotrace.h"
#include "fault/statedir.h"
#include "util/suite.h"

#define BYTES 8192

static char dir[256];
static int file, other;

static int file_make(const char *name)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, BYTES), 0);
	return fd;
}

static void setup(void)
{
	statedir_scratch(dir, "mapkeep");
	file = file_make("file");
	other = file_make("other");
	mapkeep_start();
}

static void teardown(void)
{
	mapkeep_stop();
	close(file);
	close(other);
	statedir_scratch_gone(dir);
}

static char *map(int fd, size_t length, int protection, int flags)
{
	char *at = mmap(NULL, length, protection, flags, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

START_TEST(the_same_file_in_the_same_way)
{
	unsigned long before = mapkeep_reused();
	char *at = map(file, BYTES, PROT_READ, MAP_SHARED), *again;

	ck_assert_int_eq(at[4096], 0);
	ck_assert_int_eq(munmap(at, BYTES), 0);
	ck_assert_int_eq(pwrite(file, "x", 1, 4096), 1);
	again = map(file, BYTES, PROT_READ, MAP_SHARED);
	ck_assert_ptr_eq(again, at);
	ck_assert_uint_eq(mapkeep_reused(), before + 1);
	ck_assert_int_eq(again[4096], 'x');
	ck_assert_int_eq(munmap(again, BYTES), 0);
	ck_assert_int_eq(ftruncate(file, 4096), 0);
	ck_assert_int_eq(ftruncate(file, BYTES), 0);
	again = map(file, BYTES, PROT_READ, MAP_SHARED);
	ck_assert_ptr_eq(again, at);
	ck_assert_int_eq(again[4096], 0);
	munmap(again, BYTES);
}
END_TEST

START_TEST(nothing_else)
{
	unsigned long before = mapkeep_reused();
	char *at = map(file, BYTES, PROT_READ, MAP_SHARED), *second = map(file, BYTES, PROT_READ, MAP_SHARED);

	ck_assert_ptr_ne(at, second);
	munmap(at, BYTES);
	ck_assert_int_eq(munmap(map(other, BYTES, PROT_READ, MAP_SHARED), BYTES), 0);
	ck_assert_int_eq(munmap(map(file, 4096, PROT_READ, MAP_SHARED), 4096), 0);
	ck_assert_int_eq(munmap(map(file, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED), BYTES), 0);
	ck_assert_int_eq(munmap(map(file, BYTES, PROT_READ, MAP_PRIVATE), BYTES), 0);
	ck_assert_uint_eq(mapkeep_reused(), before);
	munmap(second, BYTES);
}
END_TEST

START_TEST(more_files_than_are_kept)
{
	char name[16];
	int i;

	for (i = 0; i < 40; i++) {
		int fd;

		snprintf(name, sizeof(name), "%d", i);
		fd = file_make(name);
		ck_assert_int_eq(pwrite(fd, name, 2, 0), 2);
		char *at = map(fd, BYTES, PROT_READ, MAP_SHARED);
		ck_assert_int_eq(memcmp(at, name, 2), 0);
		ck_assert_int_eq(munmap(at, BYTES), 0);
		close(fd);
	}
}
END_TEST

START_TEST(a_part_that_goes_is_gone)
{
	char *at = map(file, BYTES, PROT_READ, MAP_SHARED);
	unsigned long before = mapkeep_reused();

	ck_assert_int_eq(munmap(at + 4096, 4096), 0);
	ck_assert_int_eq(munmap(at, 4096), 0);
	munmap(map(file, BYTES, PROT_READ, MAP_SHARED), BYTES);
	ck_assert_uint_eq(mapkeep_reused(), before);
}
END_TEST

START_TEST(nothing_is_kept_behind_stop)
{
	unsigned long before = mapkeep_reused();

	munmap(map(file, BYTES, PROT_READ, MAP_SHARED), BYTES);
	mapkeep_stop();
	munmap(map(file, BYTES, PROT_READ, MAP_SHARED), BYTES);
	munmap(map(file, BYTES, PROT_READ, MAP_SHARED), BYTES);
	ck_assert_uint_eq(mapkeep_reused(), before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mapkeep");
	TCase *keeping = tcase_create("keep");

	tcase_add_checked_fixture(keeping, setup, teardown);
	tcase_add_test(keeping, the_same_file_in_the_same_way);
	tcase_add_test(keeping, nothing_else);
	tcase_add_test(keeping, more_files_than_are_kept);
	tcase_add_test(keeping, a_part_that_goes_is_gone);
	tcase_add_test(keeping, nothing_is_kept_behind_stop);
	suite_add_tcase(suite, keeping);
	return suite_run(suite);
}
