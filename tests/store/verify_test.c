/*
 * verify_test.c: a whole store has no faults; damage of every kind is found and named; upkeep (folds, merges, chain,
 * reindex) leaves a whole store, and a reindex gives the same tables byte for byte.
 */
#include "store/verify.h"

#include <check.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/hash.h"
#include "codec/sealed.h"
#include "store/index.h"
#include "store/manifest_set.h"
#include "store/runbuild.h"
#include "store/store.h"
#include "util/suite.h"

static char root[64];
static skafu_error *error;
static char told[256];

static void set_up(void)
{
	struct skafu__tuning tiny = {
		.fold_records = 7, .fan_in = 2, .chunk_bytes = 4096, .segment_bytes = 256, .no_sync = 1};
	snprintf(root, sizeof root, "/tmp/skafu-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert_int_eq(skafu_error_new(&error), 0);
	skafu__tuning_override(&tiny);
	told[0] = 0;
}

static void tear_down(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
	skafu_error_free(error);
	skafu__tuning_override(NULL);
	skafu__hash64_weaken(0);
}

static skafu_store *open_store(void)
{
	char path[96];
	skafu_store *store;
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};
	snprintf(path, sizeof path, "%s/log", root);
	int32_t rc = skafu_store_open(path, &opts, &store, error);
	ck_assert_msg(rc == 0, "%s", skafu_error_message(error));
	return store;
}

static void append_some(skafu_store *store, int commits)
{
	skafu_batch *batch;
	ck_assert_int_eq(skafu_batch_new(store, &batch, error), 0);
	for (int i = 0; i < commits; i++) {
		skafu_batch_clear(batch);
		for (int k = 0; k < i % 4; k++) {
			char stream[32];
			char type[32];
			snprintf(stream, sizeof stream, "stream-%d", (i * 7 + k) % 20);
			snprintf(type, sizeof type, "Type%d", i % 9);
			const char *tags[] = {"all", stream, stream};
			skafu_new_record record = {.size = sizeof record,
						   .stream = stream,
						   .type = type,
						   .tags = tags,
						   .tag_count = 3,
						   .correlation = "one",
						   .kind = i % 11 == 10 ? SKAFU_KIND_ERROR : SKAFU_KIND_EVENT};
			ck_assert_int_eq(skafu_batch_add(batch, &record, error), 0);
		}
		int key = i % 30;
		if (i % 5 == 4)
			ck_assert_int_eq(skafu_batch_delete_row(batch, "rows", &key, sizeof key, error), 0);
		else
			ck_assert_int_eq(skafu_batch_put_row(batch, "rows", &key, sizeof key, &i, sizeof i, error),
					 0);
		ck_assert_int_eq(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error), 0);
	}
	skafu_batch_free(batch);
}

static void maintain_all(skafu_store *store)
{
	int32_t rc;
	do
		rc = skafu_store_maintain(store, UINT64_C(1000000000), error);
	while (rc == 1);
	ck_assert_msg(rc == 0, "%s", skafu_error_message(error));
}

static int32_t remember(void *user, uint64_t done, uint64_t total, const char *fault)
{
	(void)user;
	(void)done;
	(void)total;
	if (fault && !told[0])
		snprintf(told, sizeof told, "%s", fault);
	return 0;
}

static uint64_t faults_of(skafu_store *store)
{
	skafu_verify_report report = {.size = sizeof report};
	int32_t rc =
		skafu_store_verify(store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, remember, NULL, &report, error);
	ck_assert_msg(rc == 0, "%s", skafu_error_message(error));
	return report.faults;
}

START_TEST(a_whole_store_has_no_faults)
{
	skafu_verify_report report = {.size = sizeof report};
	skafu_store *store = open_store();
	ck_assert_uint_eq(faults_of(store), 0);
	append_some(store, 300);
	ck_assert_msg(faults_of(store) == 0, "%s", told);
	maintain_all(store);
	ck_assert_msg(faults_of(store) == 0, "%s", told);
	ck_assert_int_eq(
		skafu_store_verify(store, SKAFU_VERIFY_CHAIN | SKAFU_VERIFY_INDEX, NULL, NULL, &report, error), 0);
	ck_assert_uint_eq(report.commits, 300);
	ck_assert_uint_eq(report.records, 450);
	ck_assert_uint_eq(report.rows, 300);
	ck_assert_uint_eq(report.chained_up_to, 300);
	ck_assert_uint_gt(report.index_entries, 450 * 5);
	skafu_store_close(store);
}
END_TEST

START_TEST(names_that_collide_do_not_matter)
{
	skafu__hash64_weaken(3);
	skafu_store *store = open_store();
	append_some(store, 200);
	maintain_all(store);
	ck_assert_msg(faults_of(store) == 0, "%s", told);
	skafu_store_close(store);
}
END_TEST

/* All keys and values of the tables that are derived, as one sum. */
static uint64_t sum_of_tables(skafu_store *store)
{
	static const int tables[] = {SKAFU__TABLE_RUN, SKAFU__TABLE_MANIFEST, SKAFU__TABLE_ROW, SKAFU__TABLE_NAME};
	static const uint8_t key[SKAFU__HASH_KEY_BYTES];
	uint64_t sum = 0;
	MDB_txn *txn;
	ck_assert_int_eq(mdb_txn_begin(store->env.mdb, NULL, MDB_RDONLY, &txn), 0);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		MDB_cursor *cursor;
		MDB_val name;
		MDB_val value;
		ck_assert_int_eq(mdb_cursor_open(txn, store->env.tables[tables[i]], &cursor), 0);
		while (mdb_cursor_get(cursor, &name, &value, MDB_NEXT) == 0) {
			sum = sum * 31 + skafu__hash64(key, name.mv_data, name.mv_size);
			sum = sum * 31 + skafu__hash64(key, value.mv_data, value.mv_size);
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return sum;
}

START_TEST(a_reindex_makes_the_same_tables)
{
	skafu_store *store = open_store();
	for (int i = 0; i < 20; i++) {
		append_some(store, 13 + i);
		maintain_all(store);
		uint64_t before = sum_of_tables(store);
		ck_assert_int_eq(skafu_store_reindex(store, error), 0);
		maintain_all(store);
		ck_assert_uint_eq(sum_of_tables(store), before);
		ck_assert_msg(faults_of(store) == 0, "%s", told);
	}
	skafu_store_close(store);
	store = open_store();
	ck_assert_msg(faults_of(store) == 0, "%s", told);
	skafu_store_close(store);
}
END_TEST

/* Change a byte in the middle of some value of a table, behind the library's back. */
static void damage(skafu_store *store, int table, unsigned skip)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	uint8_t copy[70000];
	ck_assert_int_eq(mdb_txn_begin(store->env.mdb, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_cursor_open(txn, store->env.tables[table], &cursor), 0);
	do
		ck_assert_int_eq(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
	while (skip-- > 0);
	ck_assert_uint_le(value.mv_size, sizeof copy);
	memcpy(copy, value.mv_data, value.mv_size);
	copy[value.mv_size / 2] ^= 0x10;
	MDB_val changed = {value.mv_size, copy};
	ck_assert_int_eq(mdb_cursor_put(cursor, &key, &changed, MDB_CURRENT), 0);
	mdb_cursor_close(cursor);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
}

static void told_is(const char *what)
{
	ck_assert_msg(strstr(told, what) != NULL, "\"%s\" does not say \"%s\"", told, what);
}

/* Put, change or delete (value_length 0) a value behind the library's back, for good. */
static void put_raw(skafu_store *store, int table, const void *key, size_t key_length, const void *value,
		    size_t value_length)
{
	MDB_txn *txn;
	MDB_val name = {key_length, (void *)(uintptr_t)key};
	MDB_val bytes = {value_length, (void *)(uintptr_t)value};
	ck_assert_int_eq(mdb_txn_begin(store->env.mdb, NULL, 0, &txn), 0);
	if (value_length == 0)
		ck_assert_int_eq(mdb_del(txn, store->env.tables[table], &name, NULL), 0);
	else
		ck_assert_int_eq(mdb_put(txn, store->env.tables[table], &name, &bytes, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
}

/* Read everything: 0, or the code that is given, with a sentence that says what helps. */
static void read_all(skafu_store *store, int32_t wanted)
{
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	int32_t rc = skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, error);
	while (rc == 0 && (rc = skafu_cursor_next(cursor, &record, error)) == 1)
		rc = 0;
	skafu_cursor_free(cursor);
	ck_assert_int_eq(rc, wanted);
	if (wanted)
		ck_assert_ptr_nonnull(strstr(skafu_error_message(error), "reindex"));
}

static void damage_is_found(int table, unsigned skip)
{
	skafu_store *store = open_store();
	append_some(store, 120);
	maintain_all(store);
	damage(store, table, skip);
	skafu_store_close(store);
	skafu_store_opts opts = {.size = sizeof opts};
	char path[96];
	snprintf(path, sizeof path, "%s/log", root);
	int32_t rc = skafu_store_open(path, &opts, &store, error);
	if (rc != 0) {
		ck_assert_int_eq(rc, SKAFU_EDAMAGED); /* so bad that it is refused at once */
		ck_assert_int_eq(table, SKAFU__TABLE_CHUNK);
		return;
	}
	skafu_verify_report report = {.size = sizeof report};
	rc = skafu_store_verify(store, SKAFU_VERIFY_INDEX, remember, NULL, &report, error);
	ck_assert(rc == SKAFU_EDAMAGED || report.faults != 0);
	if (table != SKAFU__TABLE_CHUNK) {
		/* The commits are whole, so a reindex makes a whole store of it. */
		ck_assert_msg(skafu_store_reindex(store, error) == 0, "%s", skafu_error_message(error));
		ck_assert_msg(faults_of(store) == 0, "%s", told);
		read_all(store, 0);
	}
	skafu_store_close(store);
}

START_TEST(damage_of_every_table_is_found)
{
	static const int tables[] = {SKAFU__TABLE_CHUNK, SKAFU__TABLE_RUN, SKAFU__TABLE_MANIFEST, SKAFU__TABLE_ROW,
				     SKAFU__TABLE_NAME};
	damage_is_found(tables[_i % 5], (unsigned)_i / 5);
}
END_TEST

static void note_warning(void *user, int32_t level, const char *text)
{
	if (level == SKAFU_LOG_WARNING && strstr(text, "reindex"))
		++*(int *)user;
}

/* What is read when a store is opened: it opens, says so, and answers nothing wrong until it is repaired. */
START_TEST(a_store_with_a_damaged_index_opens)
{
	static const int tables[] = {SKAFU__TABLE_META, SKAFU__TABLE_MANIFEST, SKAFU__TABLE_NAME};
	char path[96];
	int warned = 0;
	skafu_store_opts opts = {.size = sizeof opts, .log = note_warning, .log_user = &warned};
	skafu_store *store = open_store();
	append_some(store, 120);
	maintain_all(store);
	/* The record "index" is the second of its table, the root manifest the first. */
	damage(store, tables[_i], tables[_i] == SKAFU__TABLE_META ? 1 : 0);
	skafu_store_close(store);
	snprintf(path, sizeof path, "%s/log", root);
	ck_assert_int_eq(skafu_store_open(path, &opts, &store, error), 0);
	ck_assert_int_eq(warned, 1);
	read_all(store, SKAFU_EDAMAGED);
	read_all(store, SKAFU_EDAMAGED); /* the second time, too */
	ck_assert_uint_gt(faults_of(store), 0);
	told_is("reindex");
	ck_assert_msg(skafu_store_reindex(store, error) == 0, "%s", skafu_error_message(error));
	told[0] = 0;
	ck_assert_msg(faults_of(store) == 0, "%s", told);
	read_all(store, 0);
	skafu_store_close(store);
}
END_TEST

START_TEST(orphans_are_found)
{
	uint8_t key[SKAFU__RUN_KEY_BYTES];
	skafu_store *store = open_store();
	append_some(store, 100);
	maintain_all(store);
	skafu__run_key_encode(key, SKAFU__DIM_TAG, 77, 3);
	put_raw(store, _i ? SKAFU__TABLE_RUN : SKAFU__TABLE_MANIFEST, key, sizeof key, "left", 4);
	ck_assert_uint_eq(faults_of(store), 1);
	told_is("nothing leads to it");
	put_raw(store, _i ? SKAFU__TABLE_RUN : SKAFU__TABLE_MANIFEST, key, 9, "none", 4);
	ck_assert_uint_eq(faults_of(store), 2);
	ck_assert_int_eq(skafu_store_reindex(store, error), 0);
	ck_assert_uint_eq(faults_of(store), 0);
	skafu_store_close(store);
}
END_TEST

START_TEST(a_broken_chain_is_found)
{
	skafu_store *store = open_store();
	append_some(store, 50);
	maintain_all(store);
	MDB_txn *txn;
	MDB_val key = {5, (void *)(uintptr_t) "index"};
	MDB_val value;
	struct skafu__index_state state;
	uint8_t bytes[SKAFU__INDEX_BYTES];
	ck_assert_int_eq(mdb_txn_begin(store->env.mdb, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_get(txn, store->env.tables[SKAFU__TABLE_META], &key, &value), 0);
	ck_assert_int_eq(skafu__index_state_decode(value.mv_data, value.mv_size, &state, error), 0);
	ck_assert_uint_eq(state.chained_commit, 50);
	state.chain[7] ^= 1;
	skafu__index_state_encode(&state, bytes);
	MDB_val changed = {sizeof bytes, bytes};
	ck_assert_int_eq(mdb_put(txn, store->env.tables[SKAFU__TABLE_META], &key, &changed, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	ck_assert_uint_eq(faults_of(store), 1);
	ck_assert_ptr_nonnull(strstr(told, "chain"));
	skafu_store_close(store);
}
END_TEST

static int32_t stop_at_once(void *user, uint64_t done, uint64_t total, const char *fault)
{
	(void)done;
	(void)total;
	(void)fault;
	return *(int32_t *)user;
}

START_TEST(the_host_can_stop_it_and_mistakes_are_refused)
{
	skafu_verify_report report = {.size = sizeof report};
	skafu_store *store = open_store();
	append_some(store, 20);
	maintain_all(store);
	damage(store, SKAFU__TABLE_ROW, 0);
	int32_t answer = SKAFU_EHOST;
	ck_assert_int_eq(skafu_store_verify(store, SKAFU_VERIFY_INDEX, stop_at_once, &answer, &report, error),
			 SKAFU_EHOST);
	answer = 1;
	ck_assert_int_eq(skafu_store_verify(store, SKAFU_VERIFY_INDEX, stop_at_once, &answer, &report, error), 0);
	ck_assert_int_eq(skafu_store_verify(store, 8, NULL, NULL, &report, error), SKAFU_EOPTION);
	ck_assert_int_eq(skafu_store_verify(store, 0, NULL, NULL, NULL, error), SKAFU_EOPTION);
	ck_assert_int_eq(skafu_store_verify(NULL, 0, NULL, NULL, &report, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_store_reindex(NULL, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_store_maintain(NULL, 0, error), SKAFU_EINVAL);
	skafu_store_close(store);
}
END_TEST

/* ---- what the index has too little or too much ----------------------------------------------------------------- */

/* The first key of a table at or above one. */
static size_t first_key(skafu_store *store, int table, const void *from, size_t length, uint8_t out[512])
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key = {length, (void *)(uintptr_t)from};
	MDB_val value;
	ck_assert_int_eq(mdb_txn_begin(store->env.mdb, NULL, MDB_RDONLY, &txn), 0);
	ck_assert_int_eq(mdb_cursor_open(txn, store->env.tables[table], &cursor), 0);
	ck_assert_int_eq(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE), 0);
	memcpy(out, key.mv_data, key.mv_size);
	length = key.mv_size;
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return length;
}

START_TEST(a_row_too_many_or_too_few_is_found)
{
	static const uint8_t foreign[] = {0, 0, 0, 1, 9, 9};
	uint8_t value[12] = {0};
	uint8_t key[512];
	skafu_store *store = open_store();
	append_some(store, 100);
	maintain_all(store);
	skafu__sealed_write(value, foreign, sizeof foreign, "12345678", 8);
	put_raw(store, SKAFU__TABLE_ROW, foreign, sizeof foreign, value, sizeof value);
	ck_assert_uint_eq(faults_of(store), 1);
	told_is("is not what the commits make of it");
	put_raw(store, SKAFU__TABLE_ROW, foreign, sizeof foreign, NULL, 0);
	ck_assert_uint_eq(faults_of(store), 0);
	told[0] = 0;
	put_raw(store, SKAFU__TABLE_ROW, key, first_key(store, SKAFU__TABLE_ROW, "", 1, key), NULL, 0);
	ck_assert_uint_eq(faults_of(store), 1);
	told_is("is missing in the folded table");
	ck_assert_int_eq(skafu_store_reindex(store, error), 0);
	ck_assert_uint_eq(faults_of(store), 0);
	skafu_store_close(store);
}
END_TEST

START_TEST(a_missing_segment_or_name_is_found)
{
	static const uint8_t ids[] = {SKAFU__DIM_CORRELATION};
	uint8_t key[512];
	skafu_store *store = open_store();
	append_some(store, 100);
	maintain_all(store);
	put_raw(store, SKAFU__TABLE_RUN, key, first_key(store, SKAFU__TABLE_RUN, ids, 1, key), NULL, 0);
	skafu_store_close(store);
	store = open_store();
	ck_assert_uint_gt(faults_of(store), 1);
	told_is("missing");
	told[0] = 0;
	ck_assert_int_eq(skafu_store_reindex(store, error), 0);
	maintain_all(store);
	ck_assert_uint_eq(faults_of(store), 0);
	put_raw(store, SKAFU__TABLE_NAME, key, first_key(store, SKAFU__TABLE_NAME, "", 1, key), NULL, 0);
	ck_assert_uint_eq(faults_of(store), 1);
	told_is("table of names has");
	skafu_store_close(store);
}
END_TEST

/* The first run of the kinds made again with one entry more than the commits make: well formed in itself. */
static void add_entry(skafu_store *store)
{
	MDB_txn *txn;
	struct skafu__root_edit edit;
	struct skafu__runbuild build;
	struct skafu__manifest_run run;
	struct skafu__view view;
	struct skafu__entry entries[300];
	struct skafu__entry scratch[300];
	struct skafu__range range = skafu__range_all(0);
	size_t count = 0;
	ck_assert_int_eq(skafu__view_open(store, &view, error), 0);
	run = store->manifest->runs[store->manifest->begin[SKAFU__DIM_KIND]]->info;
	range.to = run.last_sequence;
	ck_assert_int_eq(
		skafu__index_collect(&view, SKAFU__DIM_KIND, SKAFU_KIND_ERROR, &range, entries, 299, &count, error),
		0);
	skafu__view_close(&view);
	ck_assert_uint_eq(count, run.entry_count);
	entries[count++] = (struct skafu__entry){SKAFU_KIND_OUTCOME, run.last_sequence, 0};
	run.entry_count = run.segment_count = 0;
	ck_assert_int_eq(skafu__runbuild_init(&build, store, &run), 0);
	ck_assert_int_eq(skafu__runbuild_fill(&build, entries, count, scratch), 0);
	ck_assert_int_eq(mdb_txn_begin(store->env.mdb, NULL, 0, &txn), 0);
	ck_assert_int_eq(skafu__root_edit_begin(store, txn, &edit, error), 0);
	ck_assert_int_eq(skafu__root_edit_remove(&edit, run.dimension, run.run, &run), 1);
	ck_assert_int_eq(skafu__runbuild_put(&build, txn, error), 0);
	ck_assert_int_eq(skafu__runbuild_put_manifest(&build, txn, error), 0);
	ck_assert_int_eq(skafu__root_edit_add(&edit, &build.run), 0);
	ck_assert_int_eq(skafu__root_edit_put(store, txn, &edit, error), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	skafu__root_edit_done(&edit);
	skafu__runbuild_done(&build);
}

START_TEST(an_entry_too_many_is_found)
{
	skafu_store *store = open_store();
	append_some(store, 100);
	maintain_all(store);
	add_entry(store);
	skafu_store_close(store);
	store = open_store();
	ck_assert_uint_eq(faults_of(store), 1);
	told_is("entries up to commit");
	skafu_store_close(store);
}
END_TEST

START_TEST(streams_and_rows_beyond_memory_are_checked_in_shares)
{
	skafu_verify_report report = {.size = sizeof report};
	skafu_store *store = open_store();
	append_some(store, 300);
	maintain_all(store);
	for (uint32_t bytes = 1024; bytes <= 16384; bytes *= 2) {
		int32_t rc = skafu__verify_run(store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, remember, NULL, bytes,
					       &report, error);
		ck_assert_msg(rc == 0 && report.faults == 0, "%u: %s %s", bytes, skafu_error_message(error), told);
		ck_assert_uint_eq(report.commits, 300);
		ck_assert_uint_eq(report.records, 450);
		ck_assert_uint_eq(report.rows, 300);
	}
	damage(store, SKAFU__TABLE_ROW, 3);
	ck_assert_int_eq(skafu__verify_run(store, SKAFU_VERIFY_INDEX, remember, NULL, 1024, &report, error), 0);
	ck_assert_uint_eq(report.faults, 1);
	ck_assert_int_eq(skafu__verify_run(store, 0, remember, NULL, 64, &report, error), SKAFU_ELIMIT);
	skafu_store_close(store);
}
END_TEST

/* The walk goes on behind damage, and names what cannot be read. */
START_TEST(a_damaged_chunk_does_not_hide_the_rest)
{
	skafu_verify_report report = {.size = sizeof report};
	skafu_store *store = open_store();
	append_some(store, 300);
	maintain_all(store);
	damage(store, SKAFU__TABLE_CHUNK, 2);
	ck_assert_int_eq(skafu_store_verify(store, 0, remember, NULL, &report, error), 0);
	ck_assert_uint_ge(report.faults, 1);
	ck_assert_uint_gt(report.commits, 200);
	ck_assert(strstr(told, "damaged") && strstr(told, "record"));
	skafu_store_close(store);
}
END_TEST

/* ---- the chain ------------------------------------------------------------------------------------------------- */

static struct skafu__index_state index_of(skafu_store *store)
{
	struct skafu__view view;
	ck_assert_int_eq(skafu__view_open(store, &view, error), 0);
	struct skafu__index_state state = view.index;
	skafu__view_close(&view);
	return state;
}

START_TEST(the_chain_advances_at_close_and_in_upkeep_only)
{
	skafu_store *store = open_store();
	append_some(store, 40);
	ck_assert_uint_eq(index_of(store).chained_commit, 0);
	skafu_store *second = open_store();
	skafu_store_close(second);
	ck_assert_uint_eq(index_of(store).chained_commit, 0);
	skafu_store_close(store);
	store = open_store();
	struct skafu__index_state at_close = index_of(store);
	ck_assert_uint_eq(at_close.chained_commit, 40);
	append_some(store, 10);
	ck_assert_uint_eq(index_of(store).chained_commit, 40);
	maintain_all(store);
	ck_assert_uint_eq(index_of(store).chained_commit, 50);
	ck_assert_uint_eq(faults_of(store), 0);
	struct skafu__index_state before = index_of(store);
	ck_assert_int_eq(skafu_store_reindex(store, error), 0);
	struct skafu__index_state after = index_of(store);
	ck_assert_uint_eq(after.chained_commit, 50);
	ck_assert_mem_eq(after.chain, before.chain, SKAFU__CHAIN_BYTES);
	ck_assert_uint_eq(after.epoch, before.epoch + 1);
	ck_assert_uint_eq(after.folds, before.folds);
	skafu_store_close(store);
}
END_TEST

static void *append_in_thread(void *user)
{
	append_some(user, 400);
	return NULL;
}

START_TEST(others_may_write_meanwhile)
{
	pthread_t thread;
	skafu_store *store = open_store();
	append_some(store, 100);
	ck_assert_int_eq(pthread_create(&thread, NULL, append_in_thread, store), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_msg(faults_of(store) == 0, "%s", told);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(faults_of(store) == 0, "%s", told);
	skafu_store_close(store);
}
END_TEST

/* A reader in another thread meets an index that is being made anew: it waits or helps, and sees everything. */
static void *read_in_thread(void *user)
{
	skafu_store *store = user;
	for (int i = 0; i < 200; i++) {
		skafu_cursor *cursor;
		const skafu_record *record;
		uint64_t count = 0;
		int32_t rc = skafu_read_correlation(store, "one", SKAFU_NO_LIMIT, NULL, &cursor, NULL);
		while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, NULL)) == 1)
			count++;
		skafu_cursor_free(cursor);
		if (rc != 0 || count == 0)
			return user;
	}
	return NULL;
}

START_TEST(readers_go_on_during_a_reindex)
{
	pthread_t thread;
	void *failed;
	skafu_store *store = open_store();
	append_some(store, 200);
	maintain_all(store);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_in_thread, store), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(skafu_store_reindex(store, error), 0);
	ck_assert_int_eq(pthread_join(thread, &failed), 0);
	ck_assert_ptr_null(failed);
	skafu_store_close(store);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verify");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 60);
	tcase_add_test(all, a_whole_store_has_no_faults);
	tcase_add_test(all, names_that_collide_do_not_matter);
	tcase_add_test(all, a_reindex_makes_the_same_tables);
	tcase_add_loop_test(all, damage_of_every_table_is_found, 0, 15);
	tcase_add_loop_test(all, a_store_with_a_damaged_index_opens, 0, 3);
	tcase_add_loop_test(all, orphans_are_found, 0, 2);
	tcase_add_test(all, a_broken_chain_is_found);
	tcase_add_test(all, the_host_can_stop_it_and_mistakes_are_refused);
	tcase_add_test(all, a_row_too_many_or_too_few_is_found);
	tcase_add_test(all, a_missing_segment_or_name_is_found);
	tcase_add_test(all, an_entry_too_many_is_found);
	tcase_add_test(all, streams_and_rows_beyond_memory_are_checked_in_shares);
	tcase_add_test(all, a_damaged_chunk_does_not_hide_the_rest);
	tcase_add_test(all, the_chain_advances_at_close_and_in_upkeep_only);
	tcase_add_test(all, others_may_write_meanwhile);
	tcase_add_test(all, readers_go_on_during_a_reindex);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
