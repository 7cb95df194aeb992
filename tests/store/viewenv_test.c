/*
 * viewenv_test.c: the files of the views: made, shared, lost, foreign, damaged, full.
 */
#include "store/viewenv.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/tempstore.h"
#include "store/viewrow.h"

static struct tempstore temp;
static struct skafu__views *views;

static void make(void)
{
	tempstore_new(&temp);
	went(skafu__viewenv_of(temp.store, 0, &views, fault));
}

static void drop(void)
{
	tempstore_done(&temp);
}

static void reopen(void)
{
	tempstore_reopen(&temp);
	went(skafu__viewenv_of(temp.store, 0, &views, fault));
}

static void put(const char *key, const char *value)
{
	struct skafu__viewtxn txn;

	went(skafu__viewenv_write(views, INT64_MAX, &txn, fault));
	went(skafu__viewenv_put(&txn, SKAFU__VIEW_META, key, strlen(key), value, strlen(value), fault));
	went(skafu__viewenv_commit(&txn, fault));
}

static int has(const char *key)
{
	struct skafu__viewtxn txn;
	const uint8_t *value;
	size_t length;
	int32_t rc;

	went(skafu__viewenv_read(views, &txn, fault));
	rc = skafu__viewenv_get(&txn, SKAFU__VIEW_META, key, strlen(key), &value, &length, fault);
	skafu__viewenv_end(&txn);
	return rc;
}

START_TEST(kept_over_a_reopen)
{
	ck_assert_int_ne(access(tempstore_file(&temp, "views"), F_OK), 0); /* nobody has used it yet */
	put("k", "v");
	ck_assert_int_eq(has("k"), 1);
	reopen();
	ck_assert_int_eq(has("k"), 1);
	ck_assert_int_eq(has("other"), 0);
}
END_TEST

START_TEST(aborted_is_as_it_was)
{
	struct skafu__viewtxn txn;

	went(skafu__viewenv_write(views, INT64_MAX, &txn, fault));
	went(skafu__viewenv_put(&txn, SKAFU__VIEW_META, "k", 1, "v", 1, fault));
	skafu__viewenv_end(&txn);
	ck_assert_int_eq(has("k"), 0);
}
END_TEST

/* Deleted while they are open: new ones are made, at the next transaction. */
START_TEST(deleted_while_open)
{
	put("k", "v");
	ck_assert_int_eq(unlink(tempstore_file(&temp, "views")), 0);
	ck_assert_int_eq(has("k"), 0);
	put("k", "w");
	ck_assert_int_eq(has("k"), 1);
	ck_assert_int_eq(unlink(tempstore_file(&temp, "views")), 0);
	ck_assert_int_eq(unlink(tempstore_file(&temp, "views-lock")), 0);
	put("l", "w");
	reopen();
	ck_assert_int_eq(has("k"), 0);
	ck_assert_int_eq(has("l"), 1);
}
END_TEST

static int child_sees(void *user)
{
	const char *key = user;
	skafu_store *store;
	struct skafu__views *own;
	struct skafu__viewtxn txn;
	const uint8_t *value;
	size_t length;
	int32_t rc;

	if (skafu_store_open(temp.path, NULL, &store, NULL) != 0 || skafu__viewenv_of(store, 0, &own, NULL) != 0 ||
	    skafu__viewenv_read(own, &txn, NULL) != 0)
		return 90;
	rc = skafu__viewenv_get(&txn, SKAFU__VIEW_META, key, strlen(key), &value, &length, NULL);
	skafu__viewenv_end(&txn);
	skafu_store_close(store);
	return rc < 0 ? 91 : rc;
}

START_TEST(another_process_sees_it)
{
	char key[] = "k", lost[] = "lost";

	put("k", "v");
	ck_assert_int_eq(in_child(child_sees, key, 30), 1);
	put("lost", "v");
	unlink(tempstore_file(&temp, "views"));
	ck_assert_int_eq(in_child(child_sees, lost, 30), 0); /* makes new files; ours are gone */
	ck_assert_int_eq(has("k"), 0);
}
END_TEST

/* Every byte of the file changed, one after another: never a crash, never a value that was not written. */
START_TEST(damaged_files)
{
	static uint8_t whole[1 << 20];
	const char *path;
	size_t length;

	seeded("viewenv_test");
	for (int i = 0; i < 50; i++) {
		char key[16];

		snprintf(key, sizeof key, "k%d", i);
		put(key, "a value that is long enough to be seen");
	}
	skafu_store_close(temp.store);
	temp.store = NULL;
	path = tempstore_file(&temp, "views");
	length = file_read(path, whole, sizeof whole);
	ck_assert_uint_lt(length, sizeof whole);
	for (int i = 0; i < 150; i++) {
		uint8_t byte = (uint8_t)random_u64();
		size_t at = i < 75 ? random_below(8192) : random_below((uint32_t)length);

		file_write(tempstore_file(&temp, "views"), whole, length);
		file_patch(tempstore_file(&temp, "views"), at, &byte, 1);
		tempstore_open(&temp, NULL);
		went(skafu__viewenv_of(temp.store, 0, &views, fault));
		int32_t rc = has("k7");
		ck_assert_int_eq(rc == 0 || rc == 1 || rc == SKAFU_EDAMAGED, 1);
		if (rc == SKAFU_EDAMAGED)
			ck_assert_int_eq(has("k7"), 0); /* new files */
		put("new", "v");
		skafu_store_close(temp.store);
		temp.store = NULL;
	}
	tempstore_open(&temp, NULL);
}
END_TEST

START_TEST(files_of_others)
{
	static const char text[] = "this is no database";
	static uint8_t whole[1 << 20];
	struct tempstore other;
	size_t length;

	put("k", "v");
	skafu_store_close(temp.store);
	length = file_read(tempstore_file(&temp, "views"), whole, sizeof whole);
	file_write(tempstore_file(&temp, "views"), text, sizeof text);
	tempstore_open(&temp, NULL);
	went(skafu__viewenv_of(temp.store, 0, &views, fault));
	ck_assert_int_eq(has("k"), 0);
	put("k", "v");
	/* The views of another store are sound, and not ours. */
	tempstore_new(&other);
	file_write(tempstore_file(&other, "views"), whole, length);
	went(skafu__viewenv_of(other.store, 0, &views, fault));
	ck_assert_int_eq(has("k"), 0);
	tempstore_done(&other);
	went(skafu__viewenv_of(temp.store, 0, &views, fault));
	ck_assert_int_eq(has("k"), 1);
}
END_TEST

START_TEST(limit)
{
	static char large[100000];
	struct skafu__views *small = NULL;
	struct skafu__viewtxn txn;
	int32_t rc = 0;

	went(skafu__viewenv_private(temp.store, 1 << 20, &small, fault));
	for (int i = 0; i < 30 && rc == 0; i++) {
		went(skafu__viewenv_write(small, INT64_MAX, &txn, fault));
		rc = skafu__viewenv_put(&txn, SKAFU__VIEW_META, &i, sizeof i, large, sizeof large, fault);
		if (rc == 0)
			rc = skafu__viewenv_commit(&txn, fault);
		else
			skafu__viewenv_end(&txn);
	}
	ck_assert_int_eq(rc, SKAFU_EFULL);
	message_names("views_bytes_max");
	went(skafu__viewenv_read(small, &txn, fault)); /* what was there is still there */
	const uint8_t *value;
	size_t length;
	int first = 0;
	ck_assert_int_eq(skafu__viewenv_get(&txn, SKAFU__VIEW_META, &first, sizeof first, &value, &length, fault), 1);
	skafu__viewenv_end(&txn);
	skafu__viewenv_free(small);
}
END_TEST

START_TEST(for_reading_only)
{
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_READONLY};
	struct skafu__viewtxn txn;

	skafu_store_close(temp.store);
	tempstore_open(&temp, &opts);
	went(skafu__viewenv_of(temp.store, 0, &views, fault));
	refused(SKAFU_ENOTFOUND, skafu__viewenv_read(views, &txn, fault));
	refused(SKAFU_EREADONLY, skafu__viewenv_write(views, INT64_MAX, &txn, fault));
	skafu_store_close(temp.store);
	tempstore_open(&temp, NULL);
	went(skafu__viewenv_of(temp.store, 0, &views, fault));
	put("k", "v");
	skafu_store_close(temp.store);
	tempstore_open(&temp, &opts);
	went(skafu__viewenv_of(temp.store, 0, &views, fault));
	ck_assert_int_eq(has("k"), 1);
}
END_TEST

START_TEST(a_value_that_is_damaged)
{
	struct skafu__viewtxn txn;
	MDB_val key = {1, (void *)(uintptr_t)"x"}, value = {8, (void *)(uintptr_t)"garbage!"};

	put("k", "v");
	went(skafu__viewenv_write(views, INT64_MAX, &txn, fault));
	ck_assert_int_eq(mdb_put(txn.txn, skafu__viewenv_table(views, SKAFU__VIEW_META), &key, &value, 0), 0);
	went(skafu__viewenv_commit(&txn, fault));
	ck_assert_int_eq(has("k"), 1);
	ck_assert_int_eq(has("x"), SKAFU_EDAMAGED);
	ck_assert_int_eq(has("k"), 0); /* all of it was thrown away */
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, kept_over_a_reopen);
	tcase_add_test(tests, aborted_is_as_it_was);
	tcase_add_test(tests, deleted_while_open);
	tcase_add_test(tests, another_process_sees_it);
	tcase_add_test(tests, damaged_files);
	tcase_add_test(tests, files_of_others);
	tcase_add_test(tests, limit);
	tcase_add_test(tests, for_reading_only);
	tcase_add_test(tests, a_value_that_is_damaged);
}

int main(void)
{
	return tempstore_main("viewenv", add);
}
