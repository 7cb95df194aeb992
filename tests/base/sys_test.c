/*
 * sys_test.c: the table, its memory helpers, whole transfers, deadlines, futex and the fork mark.
 */
#include "base/sys.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failing.h"
#include "skafu_base.h"
#include "util/suite.h"

START_TEST(real_table_is_complete)
{
	const struct skafu__sys *sys = skafu__sys_current();
	/* Every member is a pointer, and only `user` may be NULL. */
	void *const *members = (void *const *)(const void *)sys;

	for (size_t i = 1; i < sizeof *sys / sizeof *members; i++)
		ck_assert_ptr_nonnull(members[i]);
	ck_assert_int_gt(sys->wall_ns(), INT64_C(1500000000000000000));
	ck_assert_int_gt(sys->monotonic_ns(), 0);
	int64_t tick = sys->wall_tick_ns(); /* of a clock that nobody sets meanwhile */
	ck_assert_int_le(tick, sys->wall_ns());
	ck_assert_int_gt(sys->wall_tick_ns(), sys->wall_ns() - INT64_C(100000000));
}
END_TEST

START_TEST(override_and_back)
{
	const struct skafu__sys *real = skafu__sys_current();
	struct failing failing;

	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	ck_assert_ptr_eq(skafu__sys_current(), &failing.sys);
	skafu__sys_override(NULL);
	ck_assert_ptr_eq(skafu__sys_current(), real);
}
END_TEST

START_TEST(allocator_rules)
{
	const skafu_allocator whole = {.size = sizeof whole, .user = (void *)1, .allocate = failing_allocate,
				       .reallocate = failing_reallocate, .release = failing_release};
	skafu_allocator changed = whole;
	struct skafu__sys sys;

	memset(&sys, 0xee, sizeof sys);
	ck_assert_int_eq(skafu__sys_init(&sys, NULL), SKAFU_OK);
	ck_assert_int_eq(memcmp(&sys, skafu__sys_current(), sizeof sys), 0);
	ck_assert_int_eq(skafu__sys_init(&sys, &whole), SKAFU_OK);
	ck_assert(sys.user == (void *)1 && sys.allocate == failing_allocate && sys.reallocate == failing_reallocate);
	ck_assert(sys.release == failing_release && sys.pread == skafu__sys_current()->pread);
	memset(&sys, 0, sizeof sys);
	for (int missing = 1; missing < 7; missing++) {
		changed = whole;
		changed.allocate = missing & 1 ? NULL : changed.allocate;
		changed.reallocate = missing & 2 ? NULL : changed.reallocate;
		changed.release = missing & 4 ? NULL : changed.release;
		ck_assert_int_eq(skafu__sys_init(&sys, &changed), SKAFU_EOPTION);
	}
	changed = whole;
	changed.size = 0;
	ck_assert_int_eq(skafu__sys_init(&sys, &changed), SKAFU_EOPTION);
	changed.size = 24; /* cuts the functions off in the middle */
	ck_assert_int_eq(skafu__sys_init(&sys, &changed), SKAFU_EOPTION);
	changed = whole;
	changed.reserved = 1;
	ck_assert_int_eq(skafu__sys_init(&sys, &changed), SKAFU_EOPTION);
	ck_assert(sys.wall_ns == NULL); /* untouched by every failure */
	changed = (skafu_allocator){.size = sizeof changed};
	ck_assert_int_eq(skafu__sys_init(&sys, &changed), SKAFU_OK);
	ck_assert(sys.allocate == skafu__sys_current()->allocate);
}
END_TEST

START_TEST(memory)
{
	struct failing failing;
	uint8_t *block;
	char *text;

	failing_init(&failing);
	block = skafu__alloc(&failing.sys, 0);
	ck_assert_ptr_nonnull(block);
	skafu__free(&failing.sys, block);
	block = skafu__alloc_zeroed(&failing.sys, 7, 3);
	for (int i = 0; i < 21; i++)
		ck_assert_uint_eq(block[i], 0);
	block[20] = 9;
	block = skafu__realloc_array(&failing.sys, block, 1000, 2);
	ck_assert_uint_eq(block[20], 9);
	failing.left = 0;
	ck_assert_ptr_null(skafu__realloc_array(&failing.sys, block, 2000, 2));
	ck_assert_uint_eq(block[20], 9);
	ck_assert_ptr_null(skafu__alloc(&failing.sys, 1));
	ck_assert_ptr_null(skafu__alloc_zeroed(&failing.sys, 1, 1));
	ck_assert_ptr_null(skafu__realloc_array(&failing.sys, NULL, 1, 1));
	ck_assert_ptr_null(skafu__strdup(&failing.sys, "x"));
	failing.left = -1;
	skafu__free(&failing.sys, block);
	skafu__free(&failing.sys, NULL);
	text = skafu__strdup(&failing.sys, "h\xc3\xa9");
	ck_assert_str_eq(text, "h\xc3\xa9");
	skafu__free(&failing.sys, text);
	block = skafu__realloc_array(&failing.sys, NULL, 4, 0);
	ck_assert_ptr_nonnull(block);
	skafu__free(&failing.sys, block);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

START_TEST(sizes_that_overflow)
{
	const struct skafu__sys *sys = skafu__sys_current();

	ck_assert_ptr_null(skafu__alloc(sys, SIZE_MAX));
	ck_assert_ptr_null(skafu__alloc(sys, (size_t)PTRDIFF_MAX + 1));
	ck_assert_ptr_null(skafu__alloc_zeroed(sys, SIZE_MAX / 2, 3));
	ck_assert_ptr_null(skafu__alloc_zeroed(sys, (size_t)1 << 32, (size_t)1 << 32));
	ck_assert_ptr_null(skafu__realloc_array(sys, NULL, SIZE_MAX, 2));
}
END_TEST

START_TEST(random_fills)
{
	uint8_t one[700] = {0};
	uint8_t two[700] = {0};

	ck_assert_int_eq(skafu__sys_current()->random(one, sizeof one), 0);
	ck_assert_int_eq(skafu__sys_current()->random(two, sizeof two), 0);
	ck_assert_int_ne(memcmp(one, two, sizeof one), 0);
	ck_assert_int_ne(memcmp(one + 680, two + 680, 20), 0);
	ck_assert_int_eq(skafu__sys_current()->random(one, 0), 0);
}
END_TEST

/* ---- transfers ----------------------------------------------------------------------------------------------- */

static uint8_t disk[64];
static size_t disk_length;
static int disk_calls;
static int disk_fault; /* errno of every third call; EINTR is to be repeated, all others to be reported */
static int disk_writes_nothing;

static ssize_t disk_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	size_t from = (size_t)offset;

	(void)fd;
	if (disk_fault && ++disk_calls % 3 == 0) {
		errno = disk_fault;
		return -1;
	}
	if (from >= disk_length)
		return 0;
	bytes = bytes > 5 ? 5 : bytes;
	bytes = bytes > disk_length - from ? disk_length - from : bytes;
	memcpy(buffer, disk + from, bytes);
	return (ssize_t)bytes;
}

static ssize_t disk_pwrite(int fd, const void *buffer, size_t bytes, off_t offset)
{
	(void)fd;
	if (disk_writes_nothing)
		return 0;
	if (disk_fault && ++disk_calls % 3 == 0) {
		errno = disk_fault;
		return -1;
	}
	bytes = bytes > 7 ? 7 : bytes;
	memcpy(disk + offset, buffer, bytes);
	return (ssize_t)bytes;
}

START_TEST(transfers_are_whole)
{
	struct skafu__sys sys = *skafu__sys_current();
	uint8_t in[64];
	uint8_t out[64];

	sys.pread = disk_pread;
	sys.pwrite = disk_pwrite;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 7 + 1);
	disk_fault = EINTR;
	ck_assert_int_eq(skafu__write_at(&sys, 3, in, 60, 4), 0);
	ck_assert_int_eq(memcmp(disk + 4, in, 60), 0);
	disk_length = 50;
	ck_assert_int_eq(skafu__read_at(&sys, 3, out, 60, 4), 46);
	ck_assert_int_eq(memcmp(out, in, 46), 0);
	ck_assert_int_eq(skafu__read_at(&sys, 3, out, 0, 4), 0);
	ck_assert_int_eq(skafu__read_at(&sys, 3, out, 5, 50), 0);
	disk_fault = EIO;
	errno = 0;
	ck_assert_int_eq(skafu__read_at(&sys, 3, out, 40, 0), -1);
	ck_assert_int_eq(errno, EIO);
	errno = 0;
	ck_assert_int_eq(skafu__write_at(&sys, 3, in, 40, 0), -1);
	ck_assert_int_eq(errno, EIO);
	disk_fault = 0;
	disk_writes_nothing = 1;
	errno = 0;
	ck_assert_int_eq(skafu__write_at(&sys, 3, in, 1, 0), -1);
	ck_assert_int_eq(errno, EIO);
	disk_writes_nothing = 0;
	errno = 0;
	ck_assert_int_eq(skafu__read_at(&sys, 3, out, 1, -1), -1);
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_int_eq(skafu__write_at(&sys, 3, in, 2, INT64_MAX - 1), -1);
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_int_eq(skafu__read_at(&sys, 3, out, SIZE_MAX, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(real_files)
{
	const struct skafu__sys *sys = skafu__sys_current();
	char path[] = "/tmp/skafu-sys-XXXXXX";
	char file[64];
	char moved[64];
	struct stat about;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(file, sizeof file, "%s/d", path);
	ck_assert_int_eq(sys->mkdir(file, 0700), 0);
	ck_assert_int_eq(sys->rmdir(file), 0);
	snprintf(file, sizeof file, "%s/f", path);
	snprintf(moved, sizeof moved, "%s/g", path);
	ck_assert_int_eq(sys->open(file, O_RDWR, 0), -1);
	ck_assert_int_eq(errno, ENOENT);
	fd = sys->open(file, O_RDWR | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(skafu__write_at(sys, fd, "hello", 5, 3), 0);
	ck_assert_int_eq(sys->fsync(fd), 0);
	ck_assert_int_eq(sys->fdatasync(fd), 0);
	ck_assert_int_eq(sys->fstat(fd, &about), 0);
	ck_assert_int_eq(about.st_size, 8);
	ck_assert_int_eq(about.st_mode & 0777, 0600);
	ck_assert_int_eq(sys->ftruncate(fd, 6), 0);
	ck_assert_int_eq(sys->rename(file, moved), 0);
	ck_assert_int_eq(sys->stat(moved, &about), 0);
	ck_assert_int_eq(about.st_size, 6);
	ck_assert_int_eq(sys->unlink(moved), 0);
	ck_assert_int_eq(sys->close(fd), 0);
	ck_assert_int_eq(sys->rmdir(path), 0);
}
END_TEST

/* ---- time ---------------------------------------------------------------------------------------------------- */

static int64_t hand_ns;

static int64_t hand_clock(void)
{
	return hand_ns;
}

START_TEST(files_of_a_directory)
{
	const struct skafu__sys *sys = skafu__sys_current();
	char name[5000];
	int fd = skafu__open_in(sys, "/dev", "null", O_RDONLY);

	ck_assert_int_ge(fd, 0);
	sys->close(fd);
	ck_assert_int_eq(skafu__open_in(sys, "/dev", "no such file", O_RDONLY), -1);
	ck_assert_int_eq(errno, ENOENT);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = 0;
	ck_assert_int_eq(skafu__open_in(sys, "/dev", name, O_RDONLY), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

START_TEST(deadlines)
{
	struct skafu__sys sys = *skafu__sys_current();

	sys.monotonic_ns = hand_clock;
	hand_ns = 1000;
	ck_assert_int_eq(skafu__deadline(&sys, 0), 1000);
	ck_assert_int_eq(skafu__deadline(&sys, 5), 1005);
	ck_assert_int_eq(skafu__deadline(&sys, SKAFU_WAIT_FOREVER), INT64_MAX);
	ck_assert_int_eq(skafu__deadline(&sys, SKAFU_WAIT_FOREVER - 1), INT64_MAX - 1);
	ck_assert_int_eq(skafu__deadline(&sys, (uint64_t)INT64_MAX - 1000), INT64_MAX - 1);
	ck_assert_int_eq(skafu__deadline(&sys, (uint64_t)INT64_MAX - 1001), INT64_MAX - 1);
	ck_assert_int_eq(skafu__deadline(&sys, (uint64_t)INT64_MAX - 1002), INT64_MAX - 2);
	ck_assert_int_eq(skafu__time_left(&sys, INT64_MAX), -1);
	ck_assert_int_eq(skafu__time_left(&sys, 1005), 5);
	ck_assert_int_eq(skafu__time_left(&sys, 1000), 0);
	ck_assert_int_eq(skafu__time_left(&sys, 0), 0);
	ck_assert_int_eq(skafu__time_left(&sys, INT64_MIN), 0);
	hand_ns = -5;
	ck_assert_int_eq(skafu__time_left(&sys, INT64_MAX - 1), INT64_MAX);
}
END_TEST

static uint32_t *futex_word;

static void *futex_waker(void *unused)
{
	const struct skafu__sys *sys = skafu__sys_current();

	(void)unused;
	__atomic_store_n(futex_word, 2, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(futex_word, __ATOMIC_SEQ_CST) == 2) {
		sys->futex_wake(futex_word, 1);
		usleep(1000);
	}
	return NULL;
}

START_TEST(futex_in_one_process)
{
	const struct skafu__sys *sys = skafu__sys_current();
	uint32_t word = 1;
	pthread_t thread;
	int64_t before;

	futex_word = &word;
	errno = 0;
	ck_assert_int_eq(sys->futex_wait(&word, 7, -1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	before = sys->monotonic_ns();
	ck_assert_int_eq(sys->futex_wait(&word, 1, 20000000), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_int_ge(sys->monotonic_ns() - before, 20000000);
	ck_assert_int_eq(sys->futex_wake(&word, 1), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, futex_waker, NULL), 0);
	while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 1)
		usleep(100);
	while (sys->futex_wait(&word, 2, INT64_MAX) != 0) /* the largest timeout is one, too */
		ck_assert_int_eq(errno, EINTR);
	__atomic_store_n(&word, 3, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(futex_between_processes)
{
	const struct skafu__sys *sys = skafu__sys_current();
	uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	int woken = 0;
	pid_t child;

	ck_assert_ptr_ne(word, MAP_FAILED);
	child = fork();
	if (child == 0)
		_exit(sys->futex_wait(word, 0, 5000000000) == 0 ? 0 : 1);
	for (int i = 0; i < 5000 && woken == 0; i++) {
		usleep(1000);
		woken = sys->futex_wake(word, INT32_MAX);
	}
	ck_assert_int_eq(woken, 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	munmap(word, 4096);
}
END_TEST

START_TEST(fork_mark_tells_generations_apart)
{
	uint64_t mine = skafu__fork_mark();
	uint64_t *marks = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;

	ck_assert_ptr_ne(marks, MAP_FAILED);
	ck_assert_uint_ne(mine, 0);
	ck_assert_uint_eq(mine, skafu__fork_mark());
	child = fork();
	if (child == 0) {
		marks[0] = skafu__fork_mark();
		child = fork();
		if (child == 0) {
			marks[1] = skafu__fork_mark();
			_exit(0);
		}
		waitpid(child, &status, 0);
		_exit(marks[0] == skafu__fork_mark() ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(mine, skafu__fork_mark());
	ck_assert(marks[0] != 0 && marks[1] != 0);
	ck_assert(marks[0] != mine && marks[1] != mine && marks[0] != marks[1]);
	munmap(marks, 4096);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sys");
	TCase *tcase = tcase_create("sys");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, real_table_is_complete);
	tcase_add_test(tcase, override_and_back);
	tcase_add_test(tcase, allocator_rules);
	tcase_add_test(tcase, memory);
	tcase_add_test(tcase, sizes_that_overflow);
	tcase_add_test(tcase, random_fills);
	tcase_add_test(tcase, transfers_are_whole);
	tcase_add_test(tcase, real_files);
	tcase_add_test(tcase, files_of_a_directory);
	tcase_add_test(tcase, deadlines);
	tcase_add_test(tcase, futex_in_one_process);
	tcase_add_test(tcase, futex_between_processes);
	tcase_add_test(tcase, fork_mark_tells_generations_apart);
	return suite_run(suite);
}
