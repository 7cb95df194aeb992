/*
 * iotrace_test.c: the recorder sees every call, LMDB's included, and fails exactly the call that it was told to.
 */
#include "fault/iotrace.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fault/crashstates.h"
#include "fault/statedir.h"
#include "fault/subject_lmdb.h"
#include "util/suite.h"

static char dir[256];
static char path[400];

static void setup(void)
{
	statedir_scratch(dir, "iotrace");
	snprintf(path, sizeof(path), "%s/f", dir);
}

static void teardown(void)
{
	iolog_free(iotrace_stop());
	statedir_scratch_gone(dir);
}

static const char *below(const char *name)
{
	static char out[8][400];
	static unsigned next;
	char *at = out[next++ % 8];

	snprintf(at, 400, "%s/%s", dir, name);
	return at;
}

static size_t count_kind(const struct iolog *log, enum iolog_kind kind)
{
	size_t i, count = 0;

	for (i = 0; i < log->op_count; i++)
		count += log->ops[i].kind == kind;
	return count;
}

static void assert_matches(const struct iolog *log)
{
	char why[256] = "";

	ck_assert_msg(crashstates_matches(log, why, sizeof(why)), "%s", why);
}

START_TEST(lmdb_is_seen)
{
	const struct crash_subject *subject = &crash_subject_lmdb;
	void *run = subject->start(dir, 7);
	struct iolog *log;
	size_t i, durable = 0, op;

	iotrace_start(dir);
	ck_assert_int_eq(subject->create(run), 0);
	for (op = 0; op < 3 * subject->op_count; op++)
		ck_assert_int_eq(subject->perform(run, op % subject->op_count), 0);
	subject->close(run);
	log = iotrace_stop();
	for (i = 0; i < log->op_count; i++)
		durable += log->ops[i].kind == IOLOG_WRITE && log->ops[i].durable;
	/* One meta page and one sync a transaction: 18 with a change, and those of the creation. */
	ck_assert_uint_ge(durable, 18);
	ck_assert_uint_ge(count_kind(log, IOLOG_SYNC), 18);
	ck_assert_uint_eq(count_kind(log, IOLOG_RENAME), 1);
	assert_matches(log);
	subject->free(run);
	iolog_free(log);
}
END_TEST

/* The way in which liblmdb writes pages that do not follow each other. */
START_TEST(lseek_and_writev)
{
	struct iovec parts[2] = {{"abc", 3}, {"defgh", 5}};
	struct iolog *log;
	int fd;

	iotrace_start(dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(lseek(fd, 100, SEEK_SET), 100);
	ck_assert_int_eq(writev(fd, parts, 2), 8);
	ck_assert_int_eq(write(fd, "i", 1), 1);
	ck_assert_int_eq(pwritev(fd, parts, 2, 50), 8);
	ck_assert_int_eq(pwrite(fd, "xy", 2, 0), 2);
	close(fd);
	log = iotrace_stop();
	ck_assert_uint_eq(log->op_count, 5);
	ck_assert_int_eq(log->ops[0].kind, IOLOG_LINK);
	ck_assert_uint_eq(log->ops[1].offset, 100);
	ck_assert_uint_eq(log->ops[1].length, 8);
	ck_assert_mem_eq(log->ops[1].bytes, "abcdefgh", 8);
	ck_assert_uint_eq(log->ops[2].offset, 108);
	ck_assert_uint_eq(log->ops[3].offset, 50);
	ck_assert_uint_eq(log->ops[4].offset, 0);
	assert_matches(log);
	iolog_free(log);
}
END_TEST

START_TEST(appending_and_cutting)
{
	struct iolog *log;
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	ck_assert_int_eq(write(fd, "before", 6), 6);
	close(fd);
	iotrace_start(dir);
	fd = open(path, O_WRONLY | O_APPEND);
	ck_assert_int_eq(write(fd, "after", 5), 5);
	close(fd);
	fd = open(path, O_RDWR);
	ck_assert_int_eq(ftruncate(fd, 4), 0);
	ck_assert_int_eq(ftruncate(fd, 9), 0);
	close(fd);
	close(open(path, O_RDWR | O_TRUNC));
	log = iotrace_stop();
	ck_assert_uint_eq(log->op_count, 4);
	ck_assert_uint_eq(log->ops[0].offset, 6);
	ck_assert_int_eq(log->ops[1].kind, IOLOG_TRUNCATE);
	ck_assert_uint_eq(log->ops[1].offset, 4);
	ck_assert_uint_eq(log->ops[2].offset, 9);
	ck_assert_uint_eq(log->ops[3].offset, 0);
	assert_matches(log);
	iolog_free(log);
}
END_TEST

START_TEST(names)
{
	struct iolog *log;
	int fd, top;

	iotrace_start(dir);
	ck_assert_int_eq(mkdir(below("d"), 0700), 0);
	fd = open(below("d/a"), O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(rename(below("d/a"), below("d/b")), 0);
	ck_assert_int_eq(write(fd, "x", 1), 1); /* the descriptor follows the file, not the name */
	close(fd);
	ck_assert_int_eq(rename(below("d"), below("e")), 0);
	top = open(dir, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(fsync(top), 0);
	fd = openat(top, "e/c", O_WRONLY | O_CREAT, 0600);
	close(fd);
	ck_assert_int_eq(unlink(below("e/c")), 0);
	ck_assert_int_eq(mkdir(below("g"), 0700), 0);
	ck_assert_int_eq(rmdir(below("g")), 0);
	close(top);
	log = iotrace_stop();
	ck_assert_uint_eq(count_kind(log, IOLOG_LINK), 4);
	ck_assert_uint_eq(count_kind(log, IOLOG_RENAME), 2);
	ck_assert_uint_eq(count_kind(log, IOLOG_UNLINK), 2);
	ck_assert_uint_eq(count_kind(log, IOLOG_SYNC), 1);
	ck_assert_uint_eq(log->now.count, 2);
	assert_matches(log);
	iolog_free(log);
}
END_TEST

START_TEST(calls_that_fail_by_themselves_are_not_noted)
{
	struct iolog *log;
	int fd;

	iotrace_start(dir);
	ck_assert_int_eq(open(below("nothing"), O_RDONLY), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(unlink(below("nothing")), -1);
	ck_assert_int_eq(rename(below("nothing"), below("more")), -1);
	ck_assert_int_eq(rmdir(below("nothing")), -1);
	fd = open(path, O_RDONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	close(fd);
	log = iotrace_stop();
	ck_assert_uint_eq(log->op_count, 1);
	assert_matches(log);
	iolog_free(log);
}
END_TEST

START_TEST(what_is_missed_is_noticed)
{
	struct iolog *log;
	char why[256];
	int fd;

	iotrace_start(dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(pwrite(fd, "abcd", 4, 0), 4);
	ck_assert_int_eq(syscall(SYS_pwrite64, fd, "X", 1L, 2L), 1);
	close(fd);
	log = iotrace_stop();
	ck_assert_int_eq(crashstates_matches(log, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "byte 2"));
	iolog_free(log);

	iotrace_start(dir);
	ck_assert_int_eq((int)syscall(SYS_mkdir, below("unseen"), 0700), 0);
	log = iotrace_stop();
	ck_assert_int_eq(crashstates_matches(log, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "unseen"));
	iolog_free(log);
}
END_TEST

START_TEST(other_directories_do_not_count)
{
	struct iotrace_fault all = {IOTRACE_ALL, 1, 1, IOTRACE_NOT_DONE, EIO};
	char other[256], file[400];
	struct iolog *log;
	int fd;

	statedir_scratch(other, "iotrace-other");
	snprintf(file, sizeof(file), "%s/f", other);
	iotrace_start(dir);
	iotrace_fail(&all);
	fd = open(file, O_RDWR | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_uint_eq(iotrace_calls(), 0);
	iotrace_fail(NULL);
	log = iotrace_stop();
	ck_assert_uint_eq(log->op_count, 0);
	iolog_free(log);
	statedir_scratch_gone(other);
}
END_TEST

START_TEST(mapped_writes)
{
	struct iolog *log;
	unsigned char *map;
	int fd;

	iotrace_start(dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	map[1000] = 'm';
	iotrace_mark(IOLOG_ACK, 1);
	map[2000] = 'n';
	ck_assert_int_eq(msync(map, 4096, MS_SYNC), 0);
	map[3000] = 'o';
	munmap(map, 4096);
	close(fd);
	log = iotrace_stop();
	ck_assert_uint_eq(count_kind(log, IOLOG_WRITE), 3);
	ck_assert_uint_eq(count_kind(log, IOLOG_SYNC), 1);
	ck_assert_uint_eq(log->ops[2].offset, 512);
	ck_assert_int_eq(log->ops[2].bytes[1000 - 512], 'm');
	ck_assert_int_eq(log->ops[3].kind, IOLOG_ACK);
	ck_assert_int_eq(log->objects[log->ops[0].object].mapped, 1);
	assert_matches(log);
	iolog_free(log);
}
END_TEST

/* ---- failures ------------------------------------------------------------------------------------------------ */

static void fail_with(unsigned classes, uint64_t nth, int from_then_on, enum iotrace_how how)
{
	struct iotrace_fault fault = {classes, nth, from_then_on, how, ENOSPC};

	iotrace_fail(&fault);
}

START_TEST(the_nth_call_fails)
{
	struct iolog *log;
	int fd, i;

	iotrace_start(dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	fail_with(IOTRACE_WRITE, 3, 0, IOTRACE_NOT_DONE);
	for (i = 1; i <= 5; i++) {
		ck_assert_int_eq(pwrite(fd, "x", 1, i), i == 3 ? -1 : 1);
		ck_assert_int_eq(fsync(fd), 0); /* another class: neither counted nor failed */
	}
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_uint_eq(iotrace_calls(), 5);
	ck_assert_uint_eq(iotrace_failures(), 1);
	fail_with(IOTRACE_WRITE | IOTRACE_SYNC, 2, 1, IOTRACE_NOT_DONE);
	ck_assert_int_eq(write(fd, "y", 1), 1);
	ck_assert_int_eq(fdatasync(fd), -1);
	ck_assert_int_eq(write(fd, "y", 1), -1);
	ck_assert_uint_eq(iotrace_failures(), 2);
	iotrace_fail(NULL);
	ck_assert_int_eq(write(fd, "z", 1), 1);
	close(fd);
	log = iotrace_stop();
	ck_assert_uint_eq(count_kind(log, IOLOG_WRITE), 6);
	assert_matches(log);
	iolog_free(log);
}
END_TEST

START_TEST(happened_but_reported_as_failed)
{
	struct iolog *log;
	char byte = 0;
	int fd;

	iotrace_start(dir);
	fd = open(path, O_RDWR | O_CREAT | O_DSYNC, 0600);
	fail_with(IOTRACE_WRITE, 1, 0, IOTRACE_DONE);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	ck_assert_int_eq(byte, 'x');
	fail_with(IOTRACE_RENAME, 1, 0, IOTRACE_DONE);
	ck_assert_int_eq(rename(path, below("g")), -1);
	ck_assert_int_eq(access(below("g"), F_OK), 0);
	close(fd);
	log = iotrace_stop();
	ck_assert_int_eq(log->ops[1].durable, 0); /* done, but nothing says that it was synced */
	ck_assert_uint_eq(count_kind(log, IOLOG_RENAME), 1);
	assert_matches(log);
	iolog_free(log);
}
END_TEST

START_TEST(short_transfers)
{
	struct iolog *log;
	char back[8];
	int fd;

	iotrace_start(dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	fail_with(IOTRACE_WRITE, 1, 0, IOTRACE_SHORT);
	ck_assert_int_eq(pwrite(fd, "abcdefgh", 8, 0), 4);
	ck_assert_int_eq(pwrite(fd, "efgh", 4, 4), 4);
	fail_with(IOTRACE_READ, 1, 0, IOTRACE_SHORT);
	ck_assert_int_eq(pread(fd, back, 8, 0), 4);
	ck_assert_int_eq(pread(fd, back, 8, 0), 8);
	close(fd);
	log = iotrace_stop();
	ck_assert_uint_eq(log->ops[1].length, 4);
	assert_matches(log);
	iolog_free(log);
}
END_TEST

/* Each class fails, alone, and with the errno that was asked for. */
START_TEST(every_class_fails)
{
	unsigned bit = 1u << _i;
	char byte;
	int results[IOTRACE_CLASSES], fd, spare, i;
	void *map;

	iotrace_start(dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	spare = open(path, O_RDWR);
	fail_with(bit, 1, 1, IOTRACE_NOT_DONE);
	i = open(below("new"), O_RDWR | O_CREAT, 0600);
	results[0] = i < 0;
	results[3] = pwrite(fd, "x", 1, 0) < 0;
	results[2] = pread(fd, &byte, 1, 0) < 0;
	results[4] = lseek(fd, 0, SEEK_SET) < 0;
	results[5] = fsync(fd) < 0;
	results[6] = ftruncate(fd, 10) < 0;
	results[7] = rename(path, below("other")) < 0;
	results[8] = unlink(results[7] ? path : below("other")) < 0;
	results[9] = mkdir(below("d"), 0700) < 0;
	results[10] = results[9] ? 0 : rmdir(below("d")) < 0;
	map = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	results[11] = map == MAP_FAILED;
	results[1] = close(spare) < 0;
	ck_assert_uint_ge(iotrace_failures(), 1);
	iotrace_fail(NULL);
	for (i = 0; i < IOTRACE_CLASSES; i++)
		ck_assert_msg(results[i] == (i == _i), "class %s when %s fails", iotrace_class_name(1u << i),
			      iotrace_class_name(bit));
	if (map != MAP_FAILED)
		munmap(map, 1);
	close(fd);
}
END_TEST

/* ---- threads ------------------------------------------------------------------------------------------------- */

#define THREADS 4
#define WRITES 200

static void *write_much(void *opaque)
{
	int i, fd = *(int *)opaque;

	for (i = 0; i < WRITES; i++) {
		if (pwrite(fd, &i, sizeof(i), (off_t)(i * 7)) != sizeof(i) || (i % 16 == 0 && fdatasync(fd) != 0))
			return "failed";
	}
	return NULL;
}

START_TEST(threads_keep_their_order)
{
	pthread_t threads[THREADS];
	struct iolog *log;
	void *failed;
	int fd, i;

	iotrace_start(dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_much, &fd), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	close(fd);
	log = iotrace_stop();
	ck_assert_uint_eq(count_kind(log, IOLOG_WRITE), THREADS * WRITES);
	assert_matches(log); /* they overlap: only the true order gives the true file */
	iolog_free(log);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iotrace");
	TCase *record = tcase_create("record"), *failing = tcase_create("fail");

	tcase_add_checked_fixture(record, setup, teardown);
	tcase_add_test(record, lmdb_is_seen);
	tcase_add_test(record, lseek_and_writev);
	tcase_add_test(record, appending_and_cutting);
	tcase_add_test(record, names);
	tcase_add_test(record, calls_that_fail_by_themselves_are_not_noted);
	tcase_add_test(record, what_is_missed_is_noticed);
	tcase_add_test(record, other_directories_do_not_count);
	tcase_add_test(record, mapped_writes);
	tcase_add_test(record, threads_keep_their_order);
	suite_add_tcase(suite, record);
	tcase_add_checked_fixture(failing, setup, teardown);
	tcase_add_test(failing, the_nth_call_fails);
	tcase_add_test(failing, happened_but_reported_as_failed);
	tcase_add_test(failing, short_transfers);
	tcase_add_loop_test(failing, every_class_fails, 0, IOTRACE_CLASSES);
	suite_add_tcase(suite, failing);
	return suite_run(suite);
}
