/*
 * traps_test.c: what LMDB does to those who use it as it comes, and that it does not happen here.
 *
 * The numbers are those of the table in skafu-testing(7), which names for each trap the defence and the test: here,
 * or beside the code that defends, or why there is none.  tests/doc/traps.sh compares the two.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sys.h"
#include "fault/actors.h"
#include "fault/hooks.h"
#include "skafu_store.h"
#include "store/store.h"
#include "util/suite.h"

#define SOME 12u
#define NFS_MAGIC 0x6969

static char scratch[256];
static char path[300];
static struct skafu_error error;

static void setup(void)
{
	actors_forgive();
	actors_scratch(scratch, "traps", 1);
	snprintf(path, sizeof path, "%s/store", scratch);
	memset(&error, 0, sizeof error);
}

static void teardown(void)
{
	hooks_set(NULL);
	skafu__tuning_override(NULL);
	skafu__sys_override(NULL);
	actors_scratch_gone(scratch);
}

static skafu_store *open_with(uint32_t flags, uint32_t readers_max)
{
	skafu_store *store = NULL;
	skafu_store_opts opts = {.size = sizeof opts, .flags = flags, .readers_max = readers_max};

	ck_assert_msg(skafu_store_open(path, &opts, &store, &error) == 0, "open: %s", error.message);
	return store;
}

static skafu_store *open_new(void)
{
	return open_with(SKAFU_STORE_CREATE, 0);
}

static int32_t open_code(void)
{
	skafu_store *store = NULL;
	int32_t rc = skafu_store_open(path, NULL, &store, &error);

	skafu_store_close(store);
	return rc;
}

/* Commits `from` .. of writer 0. */
static void append_some(skafu_store *store, uint64_t from, uint64_t count)
{
	for (uint64_t i = from; i < from + count; i++)
		ck_assert_msg(actors_append(store, 0, i, 5 * ACTORS_SECOND, NULL, &error) == 0, "%s", error.message);
}

static uint64_t head_of(skafu_store *store)
{
	uint64_t head = 0;

	ck_assert_msg(skafu_store_head(store, &head, &error) == 0, "%s", error.message);
	return head;
}

static void make_some(void)
{
	skafu_store *store = open_new();

	append_some(store, 1, SOME);
	skafu_store_close(store);
}

/* Every record, read and checked: how many, or the code of the failure. */
static int64_t read_all(skafu_store *store)
{
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	int64_t count = 0;
	int32_t rc = skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, &error);

	while (rc == 0 && (rc = skafu_cursor_next(cursor, &record, &error)) == 1) {
		count++;
		rc = 0;
	}
	skafu_cursor_free(cursor);
	return rc ? rc : count;
}

static const char *file_name(const char *name)
{
	static char out[340];

	snprintf(out, sizeof out, "%s/%s", path, name);
	return out;
}

static off_t log_bytes(void)
{
	struct stat status;

	ck_assert_int_eq(stat(file_name("log"), &status), 0);
	return status.st_size;
}

/* ---- 1: a crash while the store is made ---------------------------------------------------------------------- */

static _Atomic uint32_t *hook_calls;
static uint32_t hook_dies_at;

static int hook_dies(enum hooks_point point, int after)
{
	(void)point;
	(void)after;
	if (atomic_fetch_add(hook_calls, 1u) + 1 == hook_dies_at)
		raise(SIGKILL);
	return 0;
}

static void create_and_die(void *user)
{
	skafu_store *store = NULL;

	(void)user;
	hooks_set(hook_dies);
	if (skafu_store_create(path, NULL, &store, &error) != 0)
		actors_fail("create: %s", error.message);
	skafu_store_close(store);
}

START_TEST(trap01_a_death_while_creating_leaves_a_store_or_none)
{
	int code = 128 + SIGKILL;

	hook_calls = actors_share(sizeof *hook_calls);
	for (hook_dies_at = 1; code == 128 + SIGKILL; hook_dies_at++) {
		atomic_store(hook_calls, 0u);
		code = actors_join(actors_spawn(create_and_die, NULL), 10 * ACTORS_SECOND);
		ck_assert_msg(code == 0 || code == 128 + SIGKILL, "exit %d", code);
		struct stat status;
		int is_there = stat(path, &status) == 0;
		ck_assert(is_there || code != 0);
		skafu_store *store = is_there ? open_with(0, 0) : open_new();
		append_some(store, 1, 2);
		skafu_store_close(store);
		actors_scratch_gone(path);
	}
	ck_assert_uint_gt(hook_dies_at, 10);
}
END_TEST

/* ---- 2, 8: files that are empty or cut ----------------------------------------------------------------------- */

START_TEST(trap02_an_empty_file_is_no_new_store)
{
	make_some();
	ck_assert_int_eq(truncate(file_name("log"), 0), 0);
	ck_assert_int_eq(open_code(), SKAFU_EFOREIGN);
	skafu_store *store = NULL;
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};
	ck_assert_int_eq(skafu_store_open(path, &opts, &store, &error), SKAFU_EFOREIGN);
	ck_assert_int_eq(skafu_store_create(path, NULL, &store, &error), SKAFU_EEXISTS);
	ck_assert_int_eq(log_bytes(), 0);
}
END_TEST

START_TEST(trap08_a_short_file_is_refused_at_every_length)
{
	int refused = 0;

	make_some();
	skafu_store *whole = open_with(0, 0);
	uint64_t head = head_of(whole);
	skafu_store_close(whole);
	for (off_t bytes = log_bytes() - 4096; bytes >= 0; bytes -= 2048) {
		ck_assert_int_eq(truncate(file_name("log"), bytes), 0);
		skafu_store *store = NULL;
		int32_t rc = skafu_store_open(path, NULL, &store, &error);
		/* Free pages at the end are no loss: then it is all there. */
		int is_whole = rc == 0 && read_all(store) == (int64_t)head;
		skafu_store_close(store);
		ck_assert_msg(is_whole || rc == SKAFU_EDAMAGED || rc == SKAFU_EFOREIGN, "%lld bytes: %s",
			      (long long)bytes, skafu_result_name(rc));
		refused += rc != 0;
	}
	ck_assert_int_gt(refused, 10);
}
END_TEST

/* ---- 4: a handle that panics --------------------------------------------------------------------------------- */

static int hook_meta_fails(enum hooks_point point, int after)
{
	return point == HOOKS_META && after ? EIO : 0;
}

START_TEST(trap04_a_panic_is_a_clear_refusal_until_the_reopen)
{
	skafu_store *store = open_new();

	append_some(store, 1, 3);
	hooks_set(hook_meta_fails);
	ck_assert_int_eq(actors_append(store, 0, 4, 0, NULL, &error), SKAFU_EUNKNOWN);
	hooks_set(NULL);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(actors_append(store, 0, 5, 0, NULL, &error), SKAFU_EPOISONED);
		/* LMDB does not even read for the process whose write failed; others read on (processes_test). */
		ck_assert_int_eq(read_all(store), SKAFU_EPOISONED);
	}
	skafu_store_close(store);
	store = open_with(0, 0);
	append_some(store, 4, 2);
	skafu_store_close(store);
}
END_TEST

/* ---- 5: no checksum in LMDB ---------------------------------------------------------------------------------- */

START_TEST(trap05_a_flipped_bit_is_never_read)
{
	make_some();
	static char bytes[1 << 20];
	int fd = open(file_name("log"), O_RDWR);
	ssize_t length = pread(fd, bytes, sizeof bytes, 0);
	int found = 0;
	for (ssize_t i = 0; i + 12 < length; i++) {
		if (memcmp(bytes + i, "{\"w\":0,\"n\":", 11) != 0)
			continue;
		char other = bytes[i + 5] ^ 1;
		found++;
		ck_assert_int_eq(pwrite(fd, &other, 1, i + 5), 1);
		skafu_store *store = NULL;
		int32_t rc = skafu_store_open(path, NULL, &store, &error);
		int64_t read = rc == 0 ? read_all(store) : rc;
		skafu_store_close(store);
		/* Copies of pages that are free by now may hold it too: those do no harm. */
		ck_assert_msg(read == SKAFU_EDAMAGED || read > 0, "%" PRId64, read);
		found += read == SKAFU_EDAMAGED ? 1000 : 0;
		ck_assert_int_eq(pwrite(fd, bytes + i + 5, 1, i + 5), 1);
	}
	close(fd);
	ck_assert_int_ge(found / 1000, (int)SOME);
	ck_assert_int_eq(open_code(), 0);
}
END_TEST

/* ---- 9, 10: one file, one process ---------------------------------------------------------------------------- */

static void lock_is_held(void *user)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(file_name("log-lock"), O_RDWR);

	(void)user;
	if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		actors_fail("nobody holds LMDB's lock file");
}

START_TEST(trap09_a_second_open_keeps_the_locks)
{
	char other[320];
	skafu_store *first = open_new();
	skafu_store *second = NULL;
	skafu_store *third = NULL;

	ck_assert_int_eq(skafu_store_open(path, NULL, &second, &error), 0);
	snprintf(other, sizeof other, "%s/link", scratch);
	ck_assert_int_eq(symlink(path, other), 0);
	ck_assert_int_eq(skafu_store_open(other, NULL, &third, &error), 0);
	ck_assert(first == second && first == third);
	skafu_store_close(second);
	skafu_store_close(third);
	ck_assert_int_eq(actors_join(actors_spawn(lock_is_held, NULL), 5 * ACTORS_SECOND), 0);
	append_some(first, 1, 1);
	skafu_store_close(first);
}
END_TEST

static skafu_store *inherited;

static void use_inherited(void *user)
{
	skafu_store *own = NULL;
	uint64_t head = 0;

	(void)user;
	if (actors_append(inherited, 0, 2, 0, NULL, &error) != SKAFU_EFORK ||
	    skafu_store_head(inherited, &head, &error) != SKAFU_EFORK)
		actors_fail("a handle of before the fork can be used");
	skafu_store_close(inherited);
	if (skafu_store_open(path, NULL, &own, &error) != 0 || own == inherited ||
	    actors_append(own, 0, 2, 5 * ACTORS_SECOND, NULL, &error) != 0)
		actors_fail("the child cannot open: %s", error.message);
	skafu_store_close(own);
}

START_TEST(trap10_descriptors_close_at_exec_and_handles_end_at_fork)
{
	char target[400];
	char name[64];
	int looked_at = 0;

	inherited = open_new();
	append_some(inherited, 1, 1);
	for (int fd = 0; fd < 256; fd++) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		ssize_t length = readlink(name, target, sizeof target - 1);
		target[length > 0 ? length : 0] = 0;
		if (length <= 0 || !strstr(target, scratch))
			continue;
		looked_at++;
		ck_assert_msg(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%s stays open in a program that is started", target);
	}
	ck_assert_int_ge(looked_at, 4);
	int code = actors_join(actors_spawn(use_inherited, NULL), 5 * ACTORS_SECOND);
	ck_assert_msg(code == 0, "%s", actors_failure() ? actors_failure() : "died");
	append_some(inherited, 3, 1);
	ck_assert_uint_eq(head_of(inherited), actors_events(0, 1) + actors_events(0, 2) + actors_events(0, 3));
	skafu_store_close(inherited);
}
END_TEST

/* ---- 11, 12, 15: threads ------------------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	skafu_store *store;
	uint32_t number;
	uint32_t rounds;
	int32_t code;
};

static void *worker_appends(void *user)
{
	struct worker *w = user;

	for (uint64_t i = 1; w->code == 0 && i <= w->rounds; i++)
		w->code = actors_append(w->store, w->number, i, 20 * ACTORS_SECOND, NULL, NULL);
	return NULL;
}

static void *worker_reads(void *user)
{
	struct worker *w = user;
	uint64_t head = 0;

	for (uint32_t i = 0; w->code == 0 && i < w->rounds; i++) {
		skafu_cursor *cursor = NULL;
		const skafu_record *record;
		w->code = skafu_read(w->store, NULL, 10, NULL, &cursor, NULL);
		while (w->code == 0 && (w->code = skafu_cursor_next(cursor, &record, NULL)) == 1)
			w->code = record->sequence == ++head ? 0 : SKAFU_EDAMAGED;
		head = 0;
		skafu_cursor_free(cursor);
	}
	return NULL;
}

static void start_workers(struct worker *workers, uint32_t count, skafu_store *store, uint32_t rounds,
			  void *(*run)(void *))
{
	for (uint32_t i = 0; i < count; i++) {
		workers[i] = (struct worker){.store = store, .number = i, .rounds = rounds};
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
	}
}

/* Each ends with 0, or where that is allowed with `other`. */
static void end_workers(struct worker *workers, uint32_t count, int32_t other)
{
	for (uint32_t i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		ck_assert_msg(workers[i].code == 0 || workers[i].code == other, "%s",
			      skafu_result_name(workers[i].code));
	}
}

START_TEST(trap11_writers_of_one_process_take_turns)
{
	struct worker workers[8];
	skafu_store *store = open_new();

	start_workers(workers, 8, store, 20, worker_appends);
	end_workers(workers, 8, 0);
	/* 12: those threads have ended, and their writing with them. */
	append_some(store, 100, 3);
	skafu_store_close(store);
}
END_TEST

START_TEST(trap15_many_threads_read_at_once)
{
	static struct worker workers[160];
	skafu_store *store = open_new();

	append_some(store, 1, SOME);
	start_workers(workers, 160, store, 20, worker_reads);
	end_workers(workers, 160, 0);
	skafu_store_close(store);
	actors_scratch_gone(path);
	store = open_with(SKAFU_STORE_CREATE, 2); /* too few slots: a clear refusal, and no harm */
	append_some(store, 1, SOME);
	start_workers(workers, 16, store, 200, worker_reads);
	end_workers(workers, 16, SKAFU_EBUSY);
	ck_assert_int_gt(read_all(store), 0);
	skafu_store_close(store);
}
END_TEST

/* ---- 13, 14: readers that stay ------------------------------------------------------------------------------- */

static void read_and_hang(void *user)
{
	_Atomic uint32_t *ready = user;
	skafu_store *store = NULL;

	if (skafu_store_open(path, NULL, &store, &error) != 0 || read_all(store) < 0)
		actors_fail("reading: %s", error.message);
	atomic_fetch_add(ready, 1u);
	pause();
}

START_TEST(trap13_slots_of_killed_readers_are_taken_back)
{
	_Atomic uint32_t *ready = actors_share(sizeof *ready);
	skafu_store *store = open_with(SKAFU_STORE_CREATE, 6);

	append_some(store, 1, SOME);
	for (uint32_t i = 1; i <= 30; i++) {
		pid_t pid = actors_spawn(read_and_hang, ready);
		ck_assert_msg(actors_await(ready, i, 5 * ACTORS_SECOND), "%s",
			      actors_failure() ? actors_failure() : "no reader");
		actors_kill(pid);
	}
	ck_assert_int_gt(read_all(store), 0);
	skafu_store_close(store);
}
END_TEST

static off_t grow_beside(int with_cursor)
{
	skafu_cursor *cursor = NULL;
	const skafu_record *record;

	actors_scratch_gone(path);
	skafu_store *store = open_new();
	append_some(store, 1, SOME);
	if (with_cursor) {
		ck_assert_int_eq(skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, &error), 0);
		ck_assert_int_eq(skafu_cursor_next(cursor, &record, &error), 1);
	}
	append_some(store, SOME + 1, 400);
	off_t bytes = log_bytes();
	int32_t rc = 0;
	for (uint64_t last = 1; with_cursor && (rc = skafu_cursor_next(cursor, &record, &error)) == 1; last++)
		ck_assert_uint_eq(record->sequence, last + 1);
	ck_assert_int_eq(rc, 0);
	skafu_cursor_free(cursor);
	skafu_store_close(store);
	return bytes;
}

START_TEST(trap14_a_cursor_that_stays_open_pins_nothing)
{
	off_t without = grow_beside(0);
	off_t with = grow_beside(1);

	ck_assert_msg(with <= without + without / 20, "%lld bytes beside a cursor, %lld without", (long long)with,
		      (long long)without);
}
END_TEST

/* ---- 16, 17: maps that grow ---------------------------------------------------------------------------------- */

static void append_big(skafu_store *store, uint32_t count)
{
	static char data[100000];
	skafu_batch *batch = NULL;

	memset(data, 'x', sizeof data);
	skafu_new_record record = {.size = sizeof record, .stream = "big", .type = "Big", .data = data,
				   .data_length = sizeof data, .content_type = "text/plain"};
	ck_assert_int_eq(skafu_batch_new(store, &batch, &error), 0);
	for (uint32_t i = 0; i < count; i++) {
		skafu_batch_clear(batch);
		ck_assert_int_eq(skafu_batch_add(batch, &record, &error), 0);
		ck_assert_msg(skafu_append(store, batch, 5 * ACTORS_SECOND, NULL, &error) == 0, "%s", error.message);
	}
	skafu_batch_free(batch);
}

START_TEST(trap16_the_map_grows_under_readers)
{
	struct skafu__tuning tuning = {.map_bytes = 1 << 20};
	struct worker workers[4];

	skafu__tuning_override(&tuning);
	skafu_store *store = open_new();
	append_some(store, 1, SOME);
	start_workers(workers, 4, store, 400, worker_reads);
	append_big(store, 120);
	end_workers(workers, 4, 0);
	ck_assert_int_gt(log_bytes(), 8 << 20);
	skafu_store_close(store);
}
END_TEST

static void grow_elsewhere(void *user)
{
	skafu_store *store = NULL;

	(void)user;
	if (skafu_store_open(path, NULL, &store, &error) != 0)
		actors_fail("open: %s", error.message);
	append_big(store, 40);
	skafu_store_close(store);
}

START_TEST(trap17_the_growth_of_another_process_is_adopted)
{
	struct skafu__tuning tuning = {.map_bytes = 1 << 20};

	skafu__tuning_override(&tuning);
	skafu_store *store = open_new();
	append_some(store, 1, SOME);
	uint64_t head = head_of(store);
	for (uint32_t round = 1; round <= 2; round++) {
		int code = actors_join(actors_spawn(grow_elsewhere, NULL), 20 * ACTORS_SECOND);
		ck_assert_msg(code == 0, "%s", actors_failure() ? actors_failure() : "died");
		if (round == 1)
			ck_assert_uint_eq(head_of(store), head + 40); /* a reader meets it first */
		append_some(store, SOME + round, 1);                  /* and then a writer */
	}
	ck_assert_int_eq(read_all(store), (int64_t)head_of(store));
	skafu_store_close(store);
}
END_TEST

/* ---- 18: values that move ------------------------------------------------------------------------------------ */

START_TEST(trap18_what_a_cursor_lent_stays_while_others_write)
{
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	skafu_store *store = open_new();

	append_some(store, 1, 60);
	ck_assert_int_eq(skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, &error), 0);
	for (uint64_t i = 0; i < 50; i++) {
		ck_assert_int_eq(skafu_cursor_next(cursor, &record, &error), 1);
		skafu_record *copy = NULL;
		ck_assert_int_eq(skafu_record_copy(record, &copy, &error), 0);
		append_some(store, 61 + i, 1);
		ck_assert_uint_eq(copy->data_length, record->data_length);
		ck_assert_int_eq(memcmp(copy->data, record->data, copy->data_length), 0);
		ck_assert_str_eq(copy->stream, record->stream);
		skafu_record_free(copy);
	}
	skafu_cursor_free(cursor);
	skafu_store_close(store);
}
END_TEST

/* ---- 19: a disk that is full --------------------------------------------------------------------------------- */

static void write_under_a_limit(void *user)
{
	skafu_store *store = NULL;
	struct rlimit limit;
	uint64_t number = 1;
	int32_t rc = 0;

	(void)user;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 400000;
	if (skafu_store_open(path, NULL, &store, &error) != 0)
		actors_fail("open: %s", error.message);
	setrlimit(RLIMIT_FSIZE, &limit);
	while (rc == 0 && number < 3000)
		rc = actors_append(store, 0, number++, 0, NULL, &error);
	if (rc != SKAFU_ENOSPACE)
		actors_fail("with the file at its limit: %s: %s", skafu_result_name(rc), error.message);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (actors_append(store, 0, number - 1, 0, NULL, &error) != 0)
		actors_fail("with room again: %s", error.message);
	if (read_all(store) < (int64_t)number)
		actors_fail("read %s", error.message);
	skafu_store_close(store);
}

START_TEST(trap19_a_full_disk_is_a_refusal_and_works_again_with_room)
{
	skafu_store_close(open_new());
	int code = actors_join(actors_spawn(write_under_a_limit, NULL), 20 * ACTORS_SECOND);
	ck_assert_msg(code == 0, "%d %s", code, actors_failure() ? actors_failure() : "");
}
END_TEST

/* ---- 21: lock files that go ---------------------------------------------------------------------------------- */

START_TEST(trap21_a_lock_file_that_was_removed_stops_the_writers)
{
	static const char *const names[] = {"log-lock", "control"};

	for (int replaced = 0; replaced < 2; replaced++) {
		actors_scratch_gone(path);
		skafu_store *store = open_new();
		append_some(store, 1, 2);
		ck_assert_int_eq(unlink(file_name(names[_i])), 0);
		if (replaced)
			close(open(file_name(names[_i]), O_RDWR | O_CREAT, 0600));
		ck_assert_int_eq(actors_append(store, 0, 3, 0, NULL, &error), SKAFU_EDAMAGED);
		ck_assert_ptr_nonnull(strstr(error.message, names[_i]));
		skafu_store_close(store);
		store = open_with(0, 0);
		append_some(store, 3, 2);
		skafu_store_close(store);
	}
}
END_TEST

/* ---- 22: pid namespaces -------------------------------------------------------------------------------------- */

static struct skafu__sys elsewhere_sys;

static int stat_elsewhere(const char *name, struct stat *out)
{
	int rc = stat(name, out);

	if (strcmp(name, "/proc/self/ns/pid") == 0)
		out->st_ino ^= 1;
	return rc;
}

static void open_elsewhere(void *user)
{
	(void)user;
	elsewhere_sys = *skafu__sys_current();
	elsewhere_sys.stat = stat_elsewhere;
	skafu__sys_override(&elsewhere_sys);
	if (open_code() != SKAFU_EUNSUPPORTED)
		actors_fail("another pid namespace: %s", error.message);
}

START_TEST(trap22_another_pid_namespace_is_refused)
{
	skafu_store *store = open_new();

	int code = actors_join(actors_spawn(open_elsewhere, NULL), 10 * ACTORS_SECOND);
	ck_assert_msg(code == 0, "%s", actors_failure() ? actors_failure() : "died");
	append_some(store, 1, 1);
	skafu_store_close(store);
}
END_TEST

/* ---- 23, 24: flags ------------------------------------------------------------------------------------------- */

START_TEST(trap23_no_unsafe_flag_is_ever_set)
{
	unsigned flags = 0;
	skafu_store *store = open_new();

	ck_assert_int_eq(mdb_env_get_flags(store->env.mdb, &flags), 0);
	ck_assert_uint_eq(flags & (MDB_NOSYNC | MDB_NOMETASYNC | MDB_MAPASYNC | MDB_WRITEMAP | MDB_NOLOCK), 0);
	ck_assert_uint_eq(flags & MDB_NOTLS, MDB_NOTLS);
	skafu_store_close(store);
	ck_assert_int_eq(skafu_store_open_memory(NULL, &store, &error), 0);
	ck_assert_int_eq(mdb_env_get_flags(store->env.mdb, &flags), 0);
	ck_assert_uint_eq(flags & (MDB_NOMETASYNC | MDB_MAPASYNC | MDB_WRITEMAP | MDB_NOLOCK), 0);
	skafu_store_close(store);
}
END_TEST

START_TEST(trap24_every_table_is_a_plain_one)
{
	MDB_txn *txn;
	unsigned flags = 1;
	skafu_store *store = open_new();

	append_some(store, 1, 1);
	ck_assert_int_eq(mdb_txn_begin(store->env.mdb, NULL, MDB_RDONLY, &txn), 0);
	for (int i = 0; i < SKAFU__TABLES; i++) {
		ck_assert_int_eq(mdb_dbi_flags(txn, store->env.tables[i], &flags), 0);
		ck_assert_uint_eq(flags, 0);
	}
	mdb_txn_abort(txn);
	skafu_store_close(store);
}
END_TEST

/* ---- 25: transactions that are too large --------------------------------------------------------------------- */

START_TEST(trap25_a_commit_beyond_the_limit_is_refused)
{
	static char data[1 << 20];
	skafu_batch *batch = NULL;
	skafu_store *store = open_new();
	int32_t rc = 0;

	memset(data, 'x', sizeof data);
	skafu_new_record record = {.size = sizeof record, .stream = "big", .type = "Big", .data = data,
				   .data_length = sizeof data, .content_type = "text/plain"};
	ck_assert_int_eq(skafu_batch_new(store, &batch, &error), 0);
	for (int i = 0; rc == 0 && i < 20; i++)
		rc = skafu_batch_add(batch, &record, &error);
	if (rc == 0)
		rc = skafu_append(store, batch, 0, NULL, &error);
	ck_assert_msg(rc == SKAFU_ELIMIT, "%s", skafu_result_name(rc));
	ck_assert_uint_eq(head_of(store), 0);
	skafu_batch_free(batch);
	append_some(store, 1, 1);
	skafu_store_close(store);
}
END_TEST

/* ---- 26: a table that is gone -------------------------------------------------------------------------------- */

START_TEST(trap26_a_missing_table_is_damage_and_not_empty)
{
	static const char *const tables[] = {"meta", "chunk", "name", "row", "run", "manifest"};
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;

	make_some();
	ck_assert_int_eq(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 8);
	ck_assert_int_eq(mdb_env_open(env, file_name("log"), MDB_NOSUBDIR, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, tables[_i], 0, &table), 0);
	ck_assert_int_eq(mdb_drop(txn, table, 1), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	int32_t rc = open_code();
	ck_assert_msg(rc == SKAFU_EDAMAGED || rc == SKAFU_EFOREIGN, "%s", skafu_result_name(rc));
}
END_TEST

/* ---- 27: reading only ---------------------------------------------------------------------------------------- */

START_TEST(trap27_a_read_only_open_sees_the_newest_commit)
{
	skafu_store_close(open_new());
	for (uint64_t i = 1; i <= 8; i++) {
		skafu_store *store = open_with(0, 0);
		append_some(store, i, 1);
		uint64_t head = head_of(store);
		skafu_store_close(store);
		unlink(file_name("log-lock"));
		store = open_with(SKAFU_STORE_READONLY, 0);
		ck_assert_uint_eq(head_of(store), head);
		ck_assert_int_eq(actors_append(store, 0, i + 1, 0, NULL, &error), SKAFU_EREADONLY);
		skafu_store_close(store);
	}
}
END_TEST

/* ---- 28: releases with a known fault ------------------------------------------------------------------------- */

static int lmdb_patch = 24;
static char lmdb_warning[300];

#pragma GCC visibility push(default)
char *mdb_version(int *major, int *minor, int *patch)
{
	static char text[] = "LMDB 0.9.x";

	*major = 0;
	*minor = 9;
	*patch = lmdb_patch;
	return text;
}
#pragma GCC visibility pop

static void note_warning(void *user, int32_t level, const char *text)
{
	(void)user;
	if (level == SKAFU_LOG_WARNING)
		snprintf(lmdb_warning, sizeof lmdb_warning, "%s", text);
}

START_TEST(trap28_releases_that_lose_locks_are_named)
{
	skafu_store_opts opts = {.size = sizeof opts, .log = note_warning};

	make_some();
	for (lmdb_patch = 23; lmdb_patch <= 33; lmdb_patch++) {
		skafu_store *store = NULL;
		lmdb_warning[0] = 0;
		ck_assert_int_eq(skafu_store_open(path, &opts, &store, &error), 0);
		skafu_store_close(store);
		ck_assert_int_eq(lmdb_warning[0] != 0, lmdb_patch >= 26 && lmdb_patch <= 31);
	}
	lmdb_patch = 24;
}
END_TEST

/* ---- 30: keys ------------------------------------------------------------------------------------------------ */

static int32_t append_named(skafu_store *store, size_t length)
{
	char name[300];
	skafu_batch *batch = NULL;
	const char *tags[] = {name};

	memset(name, 'n', sizeof name);
	name[length] = 0;
	skafu_new_record record = {.size = sizeof record, .stream = name, .type = name, .source = name, .tags = tags,
				   .tag_count = 1};
	int32_t rc = skafu_batch_new(store, &batch, &error);
	if (rc == 0)
		rc = skafu_batch_add(batch, &record, &error);
	if (rc == 0)
		rc = skafu_batch_put_row(batch, name, name, length, "v", 1, &error);
	if (rc == 0)
		rc = skafu_append(store, batch, 0, NULL, &error);
	skafu_batch_free(batch);
	return rc;
}

START_TEST(trap30_every_key_that_is_taken_fits)
{
	skafu_store *store = open_new();
	uint64_t version = 0;
	char name[256];

	ck_assert_msg(append_named(store, 255) == 0, "%s", error.message);
	ck_assert_int_eq(append_named(store, 1), 0);
	ck_assert_int_eq(append_named(store, 256), SKAFU_ELIMIT);
	int32_t empty = append_named(store, 0);
	ck_assert_msg(empty == SKAFU_EINVAL, "%s", skafu_result_name(empty));
	memset(name, 'n', 255);
	name[255] = 0;
	ck_assert_int_eq(skafu_stream_version(store, name, &version, &error), 0);
	ck_assert_uint_eq(version, 1);
	ck_assert_uint_eq(head_of(store), 2);
	skafu_store_close(store);
}
END_TEST

/* ---- 31: file systems of other machines ---------------------------------------------------------------------- */

static int is_network;

#pragma GCC visibility push(default)
int statfs(const char *name, struct statfs *out)
{
	int rc = (int)syscall(SYS_statfs, name, out);

	if (is_network)
		out->f_type = NFS_MAGIC;
	return rc;
}
#pragma GCC visibility pop

START_TEST(trap31_a_network_file_system_is_refused_unless_forced)
{
	make_some();
	is_network = 1;
	ck_assert_int_eq(open_code(), SKAFU_EFILESYSTEM);
	ck_assert_ptr_nonnull(strstr(error.message, "NFS"));
	skafu_store_close(open_with(SKAFU_STORE_FORCE_FILESYSTEM, 0));
	is_network = 0;
	ck_assert_int_eq(open_code(), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, trap01_a_death_while_creating_leaves_a_store_or_none);
	tcase_add_test(tests, trap02_an_empty_file_is_no_new_store);
	tcase_add_test(tests, trap04_a_panic_is_a_clear_refusal_until_the_reopen);
	tcase_add_test(tests, trap05_a_flipped_bit_is_never_read);
	tcase_add_test(tests, trap08_a_short_file_is_refused_at_every_length);
	tcase_add_test(tests, trap09_a_second_open_keeps_the_locks);
	tcase_add_test(tests, trap10_descriptors_close_at_exec_and_handles_end_at_fork);
	tcase_add_test(tests, trap11_writers_of_one_process_take_turns);
	tcase_add_test(tests, trap13_slots_of_killed_readers_are_taken_back);
	tcase_add_test(tests, trap14_a_cursor_that_stays_open_pins_nothing);
	tcase_add_test(tests, trap15_many_threads_read_at_once);
	tcase_add_test(tests, trap16_the_map_grows_under_readers);
	tcase_add_test(tests, trap17_the_growth_of_another_process_is_adopted);
	tcase_add_test(tests, trap18_what_a_cursor_lent_stays_while_others_write);
	tcase_add_test(tests, trap19_a_full_disk_is_a_refusal_and_works_again_with_room);
	tcase_add_loop_test(tests, trap21_a_lock_file_that_was_removed_stops_the_writers, 0, 2);
	tcase_add_test(tests, trap22_another_pid_namespace_is_refused);
	tcase_add_test(tests, trap23_no_unsafe_flag_is_ever_set);
	tcase_add_test(tests, trap24_every_table_is_a_plain_one);
	tcase_add_test(tests, trap25_a_commit_beyond_the_limit_is_refused);
	tcase_add_loop_test(tests, trap26_a_missing_table_is_damage_and_not_empty, 0, 6);
	tcase_add_test(tests, trap27_a_read_only_open_sees_the_newest_commit);
	tcase_add_test(tests, trap28_releases_that_lose_locks_are_named);
	tcase_add_test(tests, trap30_every_key_that_is_taken_fits);
	tcase_add_test(tests, trap31_a_network_file_system_is_refused_unless_forced);
}

int main(void)
{
	Suite *suite = suite_create("traps");
	TCase *tests = tcase_create("traps");

	setvbuf(stdout, NULL, _IOLBF, 0);
	tcase_add_checked_fixture(tests, setup, teardown);
	add_tests(tests);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
