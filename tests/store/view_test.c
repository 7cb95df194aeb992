/*
 * view_test.c: moments of the log: records and commits by number, walks, catching up with other processes.
 */
#include "store/view.h"

#include <string.h>

#include "store/tempstore.h"

static struct tempstore temp;

/* Commit 1: records 1 2, 2: rows, 3: record 3, 4: rows, 5: records 4 5 6. */
static void make(void)
{
	skafu_batch *batch;

	tempstore_new(&temp);
	batch = batch_of(temp.store);
	add_event(batch, "a", "T", NULL);
	add_event(batch, "b", "T", NULL);
	appended_by(temp.store, batch);
	append_row(temp.store, "t", "k", "v");
	append_event(temp.store, "a", "T", NULL);
	append_row(temp.store, "t", "k", "w");
	batch = batch_of(temp.store);
	for (int i = 0; i < 3; i++)
		add_event(batch, "a", "T", NULL);
	appended_by(temp.store, batch);
}

static void drop(void)
{
	tempstore_done(&temp);
}

static const uint64_t commit_of[] = {0, 1, 1, 3, 5, 5, 5};

START_TEST(records_by_sequence_in_any_order)
{
	struct skafu__view view;
	struct skafu__record record;

	went(skafu__view_open(temp.store, &view, fault));
	ck_assert(view.head == 6 && view.commit == 5);
	for (int round = 0; round < 500; round++) {
		uint64_t sequence = random_below(9);
		int32_t rc = skafu__view_record(&view, sequence, &record, fault);

		if (sequence == 0 || sequence > 6) {
			ck_assert_int_eq(rc, SKAFU_ENOTFOUND);
			continue;
		}
		ck_assert_int_eq(rc, 0);
		ck_assert_uint_eq(view.current.number, commit_of[sequence]);
		ck_assert_str_eq(record.stream, sequence == 2 ? "b" : "a");
	}
	skafu__view_close(&view);
}
END_TEST

START_TEST(commits_by_number)
{
	static const uint64_t last[] = {0, 2, 2, 3, 3, 6};
	struct skafu__view view;

	went(skafu__view_open(temp.store, &view, fault));
	for (int round = 0; round < 300; round++) {
		uint64_t number = 1 + random_below(5);

		went(skafu__view_commit(&view, number, last[number], fault));
		ck_assert_uint_eq(view.current.number, number);
		ck_assert_uint_eq(skafu__commit_last_sequence(&view.current), last[number]);
	}
	refused(SKAFU_EDAMAGED, skafu__view_commit(&view, 6, 6, fault));
	refused(SKAFU_EDAMAGED, skafu__view_commit(&view, 9, 100, fault));
	skafu__view_close(&view);
}
END_TEST

START_TEST(walks_begin_anywhere)
{
	static const uint64_t last[] = {0, 2, 2, 3, 3, 6};
	struct skafu__view view;

	went(skafu__view_open(temp.store, &view, fault));
	for (uint64_t after = 0; after <= 6; after++) {
		uint64_t number = after;

		went(skafu__view_walk(&view, after, last[after < 6 ? after : 5], fault));
		while (skafu__view_walk_next(&view, fault) == 1)
			ck_assert_uint_eq(view.current.number, ++number);
		ck_assert_uint_eq(number, after > 5 ? after : 5);
	}
	skafu__view_close(&view);
}
END_TEST

START_TEST(the_newest_time_is_known)
{
	struct skafu__view view;
	skafu_store *empty = memory_store();
	int64_t recorded = 0;

	went(skafu__view_open(temp.store, &view, fault));
	went(skafu__view_last_recorded(&view, &recorded, fault));
	went(skafu__view_commit(&view, 5, 6, fault));
	ck_assert_int_eq(recorded, view.current.recorded_ns);
	skafu__view_close(&view);
	went(skafu__view_open(empty, &view, fault));
	went(skafu__view_last_recorded(&view, &recorded, fault));
	ck_assert_int_eq(recorded, INT64_MIN);
	ck_assert(view.head == 0 && view.commit == 0);
	skafu__view_close(&view);
	skafu_store_close(empty);
}
END_TEST

static int append_elsewhere(void *user)
{
	skafu_store *store = NULL;
	skafu_batch *batch = NULL;
	skafu_new_record record = event_of("new stream", "NewType");

	(void)user;
	if (skafu_store_open(temp.path, NULL, &store, NULL) != 0 || skafu_batch_new(store, &batch, NULL) != 0)
		return 1;
	record.source = "new domain";
	if (skafu_batch_add(batch, &record, NULL) != 0 ||
	    skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL) != 0)
		return 2;
	skafu_batch_free(batch);
	skafu_store_close(store);
	return 0;
}

START_TEST(a_view_catches_up_with_others)
{
	struct skafu__view view;
	struct skafu__record record;

	ck_assert_int_eq(in_child(append_elsewhere, NULL, 10), 0);
	ck_assert_uint_eq(temp.store->overlay.covered, 5);
	went(skafu__view_open(temp.store, &view, fault));
	ck_assert(view.head == 7 && view.commit == 6);
	ck_assert_uint_eq(temp.store->overlay.covered, 6);
	went(skafu__view_record(&view, 7, &record, fault));
	ck_assert_str_eq(skafu__names_text(&temp.store->names, SKAFU__NAME_TYPE, record.type, NULL), "NewType");
	skafu__view_close(&view);
	append_event(temp.store, "new stream", "T", NULL);
	ck_assert_uint_eq(version_of(temp.store, "new stream"), 2);
}
END_TEST

START_TEST(what_was_thrown_away_comes_back)
{
	pthread_rwlock_wrlock(&temp.store->gate);
	skafu__view_invalidate(temp.store);
	pthread_rwlock_unlock(&temp.store->gate);
	ck_assert_uint_eq(temp.store->overlay.covered, 0);
	ck_assert_uint_eq(version_of(temp.store, "a"), 5);
	ck_assert_uint_eq(temp.store->overlay.covered, 5);
	ck_assert_uint_eq(append_event(temp.store, "a", "T", NULL), 7);
	ck_assert_uint_eq(version_of(temp.store, "a"), 6);
}
END_TEST

static void change_chunk_key(uint64_t last_sequence, uint64_t commit, uint64_t claimed)
{
	uint8_t bytes[SKAFU__CHUNK_KEY_BYTES];
	uint8_t copy[4096];
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value;
	MDB_txn *txn;
	MDB_dbi table = temp.store->env.tables[SKAFU__TABLE_CHUNK];

	skafu__chunk_key_encode(bytes, last_sequence, commit);
	ck_assert_int_eq(mdb_txn_begin(temp.store->env.mdb, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_get(txn, table, &key, &value), 0);
	ck_assert_uint_le(value.mv_size, sizeof copy);
	memcpy(copy, value.mv_data, value.mv_size);
	ck_assert_int_eq(mdb_del(txn, table, &key, NULL), 0);
	skafu__chunk_key_encode(bytes, claimed, commit);
	value.mv_data = copy;
	ck_assert_int_eq(mdb_put(txn, table, &key, &value, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
}

/* No record is taken for a hole because the key of its chunk says that it is not there. */
START_TEST(a_chunk_that_says_too_little_is_damage)
{
	struct skafu__view view;
	struct skafu__record record;
	skafu_batch *batch = batch_of(temp.store);

	add_event(batch, "a", "T", NULL);
	add_event(batch, "a", "T", NULL);
	appended_by(temp.store, batch);
	append_event(temp.store, "a", "T", NULL);
	change_chunk_key(8, 6, 7);
	went(skafu__view_open(temp.store, &view, fault));
	went(skafu__view_record(&view, 6, &record, fault));
	refused(SKAFU_EDAMAGED, skafu__view_record(&view, 7, &record, fault));
	refused(SKAFU_EDAMAGED, skafu__view_record(&view, 8, &record, fault));
	went(skafu__view_record(&view, 9, &record, fault));
	skafu__view_close(&view);
}
END_TEST

static void add(TCase *tests)
{
	seeded("view_test");
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, records_by_sequence_in_any_order);
	tcase_add_test(tests, commits_by_number);
	tcase_add_test(tests, walks_begin_anywhere);
	tcase_add_test(tests, the_newest_time_is_known);
	tcase_add_test(tests, a_view_catches_up_with_others);
	tcase_add_test(tests, what_was_thrown_away_comes_back);
	tcase_add_test(tests, a_chunk_that_says_too_little_is_damage);
}

int main(void)
{
	return tempstore_main("view", add);
}
