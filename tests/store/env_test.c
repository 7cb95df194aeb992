/*
 * env_test.c: the LMDB environment: made, opened, read in a pool, written, grown, its failures in our words.
 */
#include "store/env.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/failing.h"
#include "store/tempstore.h"

static struct tempstore temp; /* only its directory */
static struct skafu__env env;
static struct skafu__env_config config;

static void make(void)
{
	tempstore_make(&temp);
	snprintf(temp.path, sizeof temp.path, "%.250s", temp.directory);
	config = (struct skafu__env_config){.map_bytes = 1u << 20, .map_bytes_max = 4u << 20, .readers_max = 20,
					    .no_sync = 1};
	went(skafu__env_create(skafu__sys_current(), temp.path, &config, "format", 6, fault));
	unlink(tempstore_file(&temp, "log-lock"));
	went(skafu__env_open(&env, skafu__sys_current(), temp.path, &config, fault));
}

static void drop(void)
{
	skafu__env_close(&env);
	tempstore_done(&temp);
}

static MDB_val val(const char *text)
{
	MDB_val value = {strlen(text), (void *)(uintptr_t)text};

	return value;
}

static int put(MDB_txn *txn, const char *key, size_t bytes)
{
	static char data[200000];
	MDB_val name = val(key);
	MDB_val value = {bytes, data};

	return mdb_put(txn, env.tables[SKAFU__TABLE_CHUNK], &name, &value, 0);
}

START_TEST(a_new_one_has_its_tables_and_format)
{
	MDB_txn *txn;
	MDB_val key = val("format");
	MDB_val value;

	went(skafu__env_read_begin(&env, &txn, fault));
	ck_assert_int_eq(mdb_get(txn, env.tables[SKAFU__TABLE_META], &key, &value), 0);
	ck_assert(value.mv_size == 6 && memcmp(value.mv_data, "format", 6) == 0);
	for (int i = 0; i < SKAFU__TABLES; i++) {
		MDB_stat stat;

		ck_assert_int_eq(mdb_stat(txn, env.tables[i], &stat), 0);
		ck_assert_uint_eq(stat.ms_entries, i == SKAFU__TABLE_META);
	}
	skafu__env_read_end(&env, txn);
}
END_TEST

START_TEST(dangerous_flags_are_never_set)
{
	unsigned flags = 0;

	ck_assert_int_eq(mdb_env_get_flags(env.mdb, &flags), 0);
	ck_assert_uint_eq(flags & (MDB_NOMETASYNC | MDB_MAPASYNC | MDB_WRITEMAP | MDB_NOLOCK), 0);
	ck_assert(flags & MDB_NOTLS);
	skafu__env_close(&env);
	config.no_sync = 0;
	went(skafu__env_open(&env, skafu__sys_current(), temp.path, &config, fault));
	ck_assert_int_eq(mdb_env_get_flags(env.mdb, &flags), 0);
	ck_assert_uint_eq(flags & MDB_NOSYNC, 0);
}
END_TEST

START_TEST(readers_are_pooled_and_see_one_moment)
{
	MDB_txn *readers[15];
	MDB_txn *writer;
	MDB_val key = val("k");
	MDB_val value;

	for (int i = 0; i < 15; i++)
		went(skafu__env_read_begin(&env, &readers[i], fault));
	went(skafu__env_write_begin(&env, &writer, fault));
	ck_assert_int_eq(put(writer, "k", 10), 0);
	went(skafu__env_write_commit(&env, writer, fault));
	ck_assert_int_eq(mdb_get(readers[0], env.tables[SKAFU__TABLE_CHUNK], &key, &value), MDB_NOTFOUND);
	for (int i = 0; i < 15; i++)
		skafu__env_read_end(&env, readers[i]);
	ck_assert_uint_le(env.idle_count, SKAFU__ENV_IDLE_MAX);
	went(skafu__env_read_begin(&env, &readers[0], fault));
	ck_assert_int_eq(mdb_get(readers[0], env.tables[SKAFU__TABLE_CHUNK], &key, &value), 0);
	skafu__env_read_end(&env, readers[0]);
}
END_TEST

START_TEST(too_many_readers_are_told)
{
	MDB_txn *readers[64];
	int count = 0;
	int32_t rc = 0;

	while (rc == 0 && count < 64)
		rc = skafu__env_read_begin(&env, &readers[count++], fault);
	ck_assert_int_eq(rc, SKAFU_EBUSY);
	ck_assert_int_ge(count, 20);
	message_names("readers_max");
	while (--count > 0)
		skafu__env_read_end(&env, readers[count - 1]);
	went(skafu__env_read_begin(&env, &readers[0], fault));
	skafu__env_read_end(&env, readers[0]);
}
END_TEST

static int fill(MDB_txn *txn)
{
	char key[16];
	int rc = 0;

	for (int i = 0; rc == 0 && i < 100; i++) {
		snprintf(key, sizeof key, "%d", i);
		rc = put(txn, key, 100000);
	}
	return rc;
}

START_TEST(a_full_map_grows_to_its_limit)
{
	MDB_envinfo info;
	MDB_txn *txn;
	int rc;

	for (size_t wanted = 1u << 20; wanted <= 4u << 20; wanted *= 2) {
		mdb_env_info(env.mdb, &info);
		ck_assert_uint_eq(info.me_mapsize, wanted);
		went(skafu__env_write_begin(&env, &txn, fault));
		rc = fill(txn);
		refused(SKAFU_EFULL, skafu__env_fail(&env, rc, "filling", fault));
		message_names("filling");
		mdb_txn_abort(txn);
		if (wanted < 4u << 20)
			went(skafu__env_grow(&env, 0, fault));
	}
	refused(SKAFU_EFULL, skafu__env_grow(&env, 0, fault));
	message_names("4194304");
	went(skafu__env_grow(&env, 1, fault));
	went(skafu__env_write_begin(&env, &txn, fault));
	ck_assert_int_eq(put(txn, "k", 1000), 0);
	went(skafu__env_write_commit(&env, txn, fault));
}
END_TEST

START_TEST(failures_have_our_codes)
{
	static const struct {
		int mdb;
		int32_t code;
	} wanted[] = {
		{MDB_MAP_FULL, SKAFU_EFULL},	     {MDB_READERS_FULL, SKAFU_EBUSY},
		{MDB_CORRUPTED, SKAFU_EDAMAGED},
		{MDB_PAGE_NOTFOUND, SKAFU_EDAMAGED}, {MDB_INVALID, SKAFU_EDAMAGED},	 {MDB_PANIC, SKAFU_EPOISONED},
		{MDB_VERSION_MISMATCH, SKAFU_EDAMAGED}, {MDB_TXN_FULL, SKAFU_ELIMIT}, {ENOSPC, SKAFU_ENOSPACE},
		{ENOMEM, SKAFU_ENOMEM},		     {EACCES, SKAFU_EACCESS},		 {EIO, SKAFU_EIO},
		{EROFS, SKAFU_EREADONLY},	     {MDB_BAD_VALSIZE, SKAFU_EINTERNAL},
	};

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		refused(wanted[i].code, skafu__env_fail(&env, wanted[i].mdb, "testing", fault));
	ck_assert_int_eq(skafu__env_fail(&env, MDB_MAP_RESIZED, "testing", fault), SKAFU_EMISUSE);
}
END_TEST

START_TEST(a_lost_lock_file_is_noticed)
{
	went(skafu__env_check_lock(&env, fault));
	unlink(tempstore_file(&temp, "log-lock"));
	refused(SKAFU_EDAMAGED, skafu__env_check_lock(&env, fault));
	file_write(tempstore_file(&temp, "log-lock"), "", 0);
	refused(SKAFU_EDAMAGED, skafu__env_check_lock(&env, fault));
	env.lock_inode = 0; /* a store in memory */
	went(skafu__env_check_lock(&env, fault));
}
END_TEST

/* The lock file's blocks are there before it is mapped: a full disk is an answer, not a signal. */
START_TEST(the_lock_file_is_written_out)
{
	struct stat status;

	ck_assert_int_eq(stat(tempstore_file(&temp, "log-lock"), &status), 0);
	ck_assert_int_ge(status.st_size, 19 * 64);
	ck_assert_int_ge(status.st_blocks * 512, status.st_size);
}
END_TEST

/* LMDB gives the old map up before it asks for the new one. */
START_TEST(a_map_that_has_no_room_stays_as_it_is)
{
	MDB_txn *txn;
	int32_t rc;

	skafu__env_close(&env);
	config.map_bytes = UINT64_C(1) << 46;
	config.map_bytes_max = UINT64_C(1) << 50;
	went(skafu__env_open(&env, skafu__sys_current(), temp.path, &config, fault));
	do
		rc = skafu__env_grow(&env, 0, fault);
	while (rc == 0);
	if (env.map_is_lost) /* the thread sanitizer and valgrind have a map refused that there is room for */
		return;
	ck_assert_int_eq(rc, SKAFU_ENOMEM);
	went(skafu__env_read_begin(&env, &txn, fault));
	skafu__env_read_end(&env, txn);
	went(skafu__env_write_begin(&env, &txn, fault));
	ck_assert_int_eq(put(txn, "a", 100), 0);
	went(skafu__env_write_commit(&env, txn, fault));
}
END_TEST

/* The sanitizers have mmap() themselves. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static int maps_of_files_are_refused;

/* LMDB's, too. */
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (maps_of_files_are_refused && fd >= 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

/* Something else took the room that was there. */
START_TEST(a_lost_map_is_told)
{
	MDB_txn *txn;

	went(skafu__env_read_begin(&env, &txn, fault));
	skafu__env_read_end(&env, txn);
	maps_of_files_are_refused = 1;
	refused(SKAFU_ENOMEM, skafu__env_grow(&env, 0, fault));
	maps_of_files_are_refused = 0;
	refused(SKAFU_ENOMEM, skafu__env_read_begin(&env, &txn, fault));
	ck_assert_ptr_nonnull(strstr(skafu_error_message(fault), "open it again"));
	refused(SKAFU_ENOMEM, skafu__env_write_begin(&env, &txn, fault));
	refused(SKAFU_ENOMEM, skafu__env_grow(&env, 0, fault));
	refused(SKAFU_ENOMEM, skafu__env_grow(&env, 1, fault));
	skafu__env_close(&env);
	went(skafu__env_open(&env, skafu__sys_current(), temp.path, &config, fault));
	went(skafu__env_read_begin(&env, &txn, fault));
	skafu__env_read_end(&env, txn);
}
END_TEST
#endif

static int32_t grow_and_fill(struct skafu__env *other)
{
	static char data[900000];
	MDB_val name = val("big");
	MDB_val value = {sizeof data, data};
	MDB_txn *txn;
	int32_t rc = skafu__env_grow(other, 0, NULL);

	if (rc == 0)
		rc = skafu__env_write_begin(other, &txn, NULL);
	if (rc == 0 && mdb_put(txn, other->tables[SKAFU__TABLE_CHUNK], &name, &value, 0) != 0)
		return 2;
	return rc ? rc : skafu__env_write_commit(other, txn, NULL);
}

static int another_grows(void *user)
{
	struct skafu__env other;
	int32_t rc = skafu__env_open(&other, skafu__sys_current(), temp.path, &config, NULL);

	(void)user;
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = grow_and_fill(&other);
	skafu__env_close(&other);
	return rc != 0;
}

/* Of two threads that find a larger map, one adopts it and writes; the other comes late. */
START_TEST(a_larger_map_is_adopted_once)
{
	MDB_txn *txn;
	MDB_txn *writing;

	ck_assert_int_eq(in_child(another_grows, NULL, 20), 0);
	ck_assert_int_eq(skafu__env_read_begin(&env, &txn, fault), SKAFU_EMISUSE);
	went(skafu__env_grow(&env, 1, fault));
	went(skafu__env_write_begin(&env, &writing, fault));
	went(skafu__env_grow(&env, 1, fault));
	mdb_txn_abort(writing);
	went(skafu__env_read_begin(&env, &txn, fault));
	skafu__env_read_end(&env, txn);
}
END_TEST

/* ---- readers that are killed --------------------------------------------------------------------------------- */

static int killed_while_reading(void *user)
{
	struct skafu__env other;
	MDB_txn *txn;

	(void)user;
	if (skafu__env_open(&other, skafu__sys_current(), temp.path, &config, NULL) != 0 ||
	    skafu__env_read_begin(&other, &txn, NULL) != 0)
		return 1;
	raise(SIGKILL);
	return 2;
}

START_TEST(a_reader_that_was_killed_holds_nothing_for_long)
{
	MDB_envinfo info;

	skafu__env_close(&env);
	config.map_bytes = 64u << 20;
	config.map_bytes_max = 64u << 20;
	went(skafu__env_open(&env, skafu__sys_current(), temp.path, &config, fault));
	ck_assert_int_eq(in_child(killed_while_reading, NULL, 20), 1000 + SIGKILL);
	for (int i = 0; i < 2000; i++) {
		MDB_txn *txn;

		went(skafu__env_write_begin(&env, &txn, fault));
		ck_assert_int_eq(put(txn, "a", 100), 0);
		went(skafu__env_write_commit(&env, txn, fault));
	}
	mdb_env_info(env.mdb, &info);
	ck_assert_uint_lt(info.me_last_pgno, 2000); /* it was 5 for each commit */
}
END_TEST

START_TEST(opening_fails_whole)
{
	struct skafu__env other;
	struct failing failing;
	char path[400];

	snprintf(path, sizeof path, "%s/none", temp.directory);
	refused(SKAFU_ENOTFOUND, skafu__env_open(&other, skafu__sys_current(), path, &config, fault));
	ck_assert_ptr_null(other.mdb);
	refused(SKAFU_ENOTFOUND, skafu__env_create(skafu__sys_current(), path, &config, "f", 1, fault));
	skafu__env_close(&env);
	failing_init(&failing);
	for (long left = 0; left < 2; left++) {
		failing.left = left;
		refused(SKAFU_ENOMEM, skafu__env_open(&other, &failing.sys, temp.path, &config, fault));
		ck_assert_int_eq(failing.live, 0);
	}
	went(skafu__env_open(&env, skafu__sys_current(), temp.path, &config, fault));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, a_new_one_has_its_tables_and_format);
	tcase_add_test(tests, dangerous_flags_are_never_set);
	tcase_add_test(tests, readers_are_pooled_and_see_one_moment);
	tcase_add_test(tests, too_many_readers_are_told);
	tcase_add_test(tests, a_full_map_grows_to_its_limit);
	tcase_add_test(tests, failures_have_our_codes);
	tcase_add_test(tests, a_lost_lock_file_is_noticed);
	tcase_add_test(tests, the_lock_file_is_written_out);
	tcase_add_test(tests, a_map_that_has_no_room_stays_as_it_is);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	tcase_add_test(tests, a_lost_map_is_told);
#endif
	tcase_add_test(tests, a_larger_map_is_adopted_once);
	tcase_add_test(tests, a_reader_that_was_killed_holds_nothing_for_long);
	tcase_add_test(tests, opening_fails_whole);
}

int main(void)
{
	return tempstore_main("env", add);
}
