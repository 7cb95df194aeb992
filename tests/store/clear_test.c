/*
 * clear_test.c: what is hidden goes from the file when the store is maintained: its space is used again, everything
 * that can be read, the chain and the index stay as they were, and it can be stopped and gone on with anywhere.
 */
#include "store/clear.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hash.h"
#include "store/chain.h"
#include "store/fold.h"
#include "store/merge.h"
#include "store/store.h"
#include "store/tempstore.h"

#define PAYLOAD_BYTES 1500
#define SECRET "the secret word"

static struct tempstore temp;

static void setup(void)
{
	static const struct skafu__tuning tuning = {.no_sync = 1, .fold_records = 50, .chunk_bytes = 16368,
						    .linger_off = 1};

	tempstore_make(&temp);
	skafu__tuning_override(&tuning);
	tempstore_open(&temp, NULL);
}

static void teardown(void)
{
	tempstore_done(&temp);
	skafu__tuning_override(NULL);
}

static void add_long(skafu_batch *batch, const char *stream, int is_secret)
{
	char data[PAYLOAD_BYTES + 1];
	skafu_new_record record = event_of(stream, "Said");

	memset(data, 'x', sizeof data);
	memcpy(data, "{\"said\":\"", 9);
	if (is_secret)
		memcpy(data + 700, SECRET, sizeof SECRET - 1);
	memcpy(data + PAYLOAD_BYTES - 2, "\"}", 2);
	record.data = data;
	record.data_length = PAYLOAD_BYTES;
	went(skafu_batch_add(batch, &record, fault));
}

/* So many commits of 4 records, of which two are of stream "secret". */
static void fill(int commits)
{
	for (int i = 0; i < commits; i++) {
		skafu_batch *batch = batch_of(temp.store);

		for (int n = 0; n < 4; n++)
			add_long(batch, n % 2 ? "secret" : "open", n % 2);
		appended_by(temp.store, batch);
	}
}

static void truncate_secret(void)
{
	skafu_batch *batch = batch_of(temp.store);

	went(skafu_batch_truncate_stream(batch, "secret", version_of(temp.store, "secret") + 1, fault));
	appended_by(temp.store, batch);
}

static void erase(uint64_t sequence)
{
	skafu_batch *batch = batch_of(temp.store);

	went(skafu_batch_erase(batch, sequence, fault));
	appended_by(temp.store, batch);
}

static uint32_t maintain(uint64_t budget_ns)
{
	uint32_t calls = 1;
	int32_t rc;

	while ((rc = skafu_store_maintain(temp.store, budget_ns, fault)) == 1)
		calls++;
	went(rc);
	return calls;
}

/* How often the commits in the chunks hold the secret, and all their bytes. */
static uint32_t secrets(uint64_t *out_bytes)
{
	uint32_t count = 0;
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;

	*out_bytes = 0;
	went(skafu__env_read_begin(&temp.store->env, &txn, fault));
	ck_assert_int_eq(mdb_cursor_open(txn, temp.store->env.tables[SKAFU__TABLE_CHUNK], &cursor), 0);
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		const char *at = value.mv_data;
		const char *end = at + value.mv_size;

		*out_bytes += value.mv_size;
		while ((at = memmem(at, (size_t)(end - at), SECRET, sizeof SECRET - 1)) != NULL) {
			at++;
			count++;
		}
	}
	mdb_cursor_close(cursor);
	skafu__env_read_end(&temp.store->env, txn);
	return count;
}

static uint64_t sum_of_derived(void)
{
	static const uint8_t hash_key[SKAFU__HASH_KEY_BYTES];
	uint64_t sum = 0;
	MDB_txn *txn;

	went(skafu__env_read_begin(&temp.store->env, &txn, fault));
	for (int table = 0; table < SKAFU__TABLES; table++) {
		MDB_cursor *cursor;
		MDB_val key;
		MDB_val value;

		if (table == SKAFU__TABLE_META || table == SKAFU__TABLE_CHUNK)
			continue;
		ck_assert_int_eq(mdb_cursor_open(txn, temp.store->env.tables[table], &cursor), 0);
		while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
			sum = sum * 31 + skafu__hash64(hash_key, key.mv_data, key.mv_size);
			sum = sum * 31 + skafu__hash64(hash_key, value.mv_data, value.mv_size);
		}
		mdb_cursor_close(cursor);
	}
	skafu__env_read_end(&temp.store->env, txn);
	return sum;
}

/* Pages of the file that hold something or did. */
static uint64_t pages_of_file(void)
{
	MDB_envinfo info;

	ck_assert_int_eq(mdb_env_info(temp.store->env.mdb, &info), 0);
	return info.me_last_pgno + 1;
}

static void verified(void)
{
	skafu_verify_report report = {.size = sizeof report};

	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	ck_assert_uint_eq(report.chained_up_to, report.commits);
}

static void chain_of(uint8_t out[SKAFU__CHAIN_BYTES])
{
	struct skafu__view view;

	went(skafu__view_open(temp.store, &view, fault));
	memcpy(out, view.index.chain, SKAFU__CHAIN_BYTES);
	skafu__view_close(&view);
}

static uint64_t generation_now(void)
{
	struct skafu__view view;

	went(skafu__view_open(temp.store, &view, fault));
	skafu__view_close(&view);
	return view.index.generation;
}

/* All that readers see, in exported form. */
static char *all_seen(void)
{
	skafu_cursor *cursor;
	const skafu_record *record;
	size_t length = 0;
	char *text = calloc(1, 1);

	went(skafu_read(temp.store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1) {
		char *json = NULL;
		size_t more = 0;

		went(skafu_record_to_json(record, &json, &more, fault));
		text = realloc(text, length + more + 1);
		memcpy(text + length, json, more);
		length += more;
		text[length] = '\0';
		skafu_text_free(json);
	}
	skafu_cursor_free(cursor);
	return text;
}

/* ---- tests --------------------------------------------------------------------------------------------------- */

START_TEST(space_is_used_again)
{
	uint64_t bytes;
	uint64_t cleared;
	uint64_t pages;
	uint64_t again;

	fill(1500);
	maintain(SKAFU_WAIT_FOREVER);
	ck_assert_uint_eq(secrets(&bytes), 3000);
	truncate_secret();
	/* What hides them and the youngest commits are folded with what comes later. */
	for (int i = 0; i < 60; i++)
		append_event(temp.store, "filler", "Happened", NULL);
	pages = pages_of_file();
	maintain(SKAFU_WAIT_FOREVER);
	ck_assert_uint_eq(secrets(&cleared), 0);
	ck_assert_uint_lt(cleared, bytes * 6 / 10);
	verified();
	again = pages_of_file();
	ck_assert_uint_lt(again - pages, 3 * (1u << 20) / 4096);
	/* Not quite as much as went: the file hardly grows. */
	fill(500);
	ck_assert_uint_lt(pages_of_file() - again, pages / 20);
	printf("clear_test: %llu pages before, %llu after clearing, %llu after appending a third again\n",
	       (unsigned long long)pages, (unsigned long long)again, (unsigned long long)pages_of_file());
	maintain(SKAFU_WAIT_FOREVER);
	ck_assert_uint_eq(secrets(&bytes), 1000);
	verified();
}
END_TEST

START_TEST(nothing_else_changes)
{
	uint8_t chain[SKAFU__CHAIN_BYTES];
	uint8_t after[SKAFU__CHAIN_BYTES];
	uint64_t bytes;
	skafu_cursor *cursor;
	const skafu_record *record;

	fill(100);
	truncate_secret();
	erase(9);
	append_row(temp.store, "rows", "key", "value");
	fill(20);
	went(skafu_store_fork(temp.store, tempstore_file(&temp, "before"), 0, NULL, NULL, fault));
	went(skafu_store_backup(temp.store, tempstore_file(&temp, "backup"), 0, NULL, NULL, fault));
	while (skafu__fold_once(temp.store, INT64_MAX, fault) == 1)
		;
	while (skafu__chain_step(temp.store, SKAFU__CHAIN_WALK_NS, INT64_MAX, fault) == 1)
		;
	while (skafu__merge_step(temp.store, INT64_MAX, fault) == 1)
		;
	chain_of(chain);
	uint64_t sum = sum_of_derived();
	char *seen = all_seen();
	ck_assert_uint_gt(secrets(&bytes), 200);
	/* A reader that is under way reads on. */
	went(skafu_read(temp.store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 1);
	maintain(SKAFU_WAIT_FOREVER);
	ck_assert_uint_le(secrets(&bytes), 40 + 8); /* those of the last 20 commits, and what is not folded */
	uint32_t count = 1;
	while (skafu_cursor_next(cursor, &record, fault) == 1)
		count++;
	ck_assert_uint_eq(count, 2 * 100 + 4 * 20);
	skafu_cursor_free(cursor);
	chain_of(after);
	ck_assert_mem_eq(chain, after, sizeof chain);
	ck_assert_uint_eq(sum_of_derived(), sum);
	char *now = all_seen();
	ck_assert_str_eq(now, seen);
	free(now);
	verified();
	went(skafu_store_reindex(temp.store, fault));
	maintain(SKAFU_WAIT_FOREVER);
	ck_assert_uint_eq(sum_of_derived(), sum);
	verified();
	tempstore_reopen(&temp);
	now = all_seen();
	ck_assert_str_eq(now, seen);
	free(now);
	free(seen);
	/* A copy that was begun before goes on. */
	fill(5);
	went(skafu_store_backup(temp.store, tempstore_file(&temp, "backup"), 0, NULL, NULL, fault));
	maintain(SKAFU_WAIT_FOREVER);
	verified();
}
END_TEST

/* A commit that is tried again is known by its digests. */
START_TEST(a_retry_is_known)
{
	static const uint8_t id[16] = {7, 1};
	skafu_appended first = {.size = sizeof first};
	skafu_appended second = {.size = sizeof second};
	skafu_batch *batch = batch_of(temp.store);
	uint64_t bytes;

	add_long(batch, "secret", 1);
	went(skafu_batch_set_id(batch, id, fault));
	went(skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, &first, fault));
	truncate_secret();
	for (int i = 0; i < 120; i++)
		append_event(temp.store, "filler", "Happened", NULL);
	maintain(SKAFU_WAIT_FOREVER);
	ck_assert_uint_eq(secrets(&bytes), 0);
	went(skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, &second, fault));
	ck_assert_uint_eq(second.commit, first.commit);
	skafu_batch_free(batch);
}
END_TEST

/* In small steps, over openings of the store, while more is hidden and appended. */
START_TEST(it_goes_on_where_it_was)
{
	uint64_t bytes;
	uint32_t calls = 0;

	seeded("clear_test");
	fill(1500);
	truncate_secret();
	fill(15);
	maintain(0);
	for (int i = 0; i < 40; i++) {
		int32_t rc = skafu_store_maintain(temp.store, 1, fault);

		went(rc);
		calls += rc == 1;
		if (i % 8 == 3)
			tempstore_reopen(&temp);
		if (i % 10 == 5)
			erase(1 + 2 * random_below(1500)); /* of stream open, behind and before it */
	}
	truncate_secret();
	for (int i = 0; i < 120; i++)
		append_event(temp.store, "filler", "Happened", NULL);
	calls += maintain(1);
	ck_assert_uint_eq(secrets(&bytes), 0);
	verified();
	/* And then there is nothing to do. */
	uint64_t generation = generation_now();
	ck_assert_uint_eq(maintain(SKAFU_WAIT_FOREVER), 1);
	ck_assert_uint_eq(generation_now(), generation);
	printf("clear_test: %u steps\n", calls);
	ck_assert_uint_gt(calls, 3);
}
END_TEST

/* What is hidden while nothing is folded waits for the fold. */
START_TEST(the_tail_is_left_alone)
{
	uint64_t bytes;

	fill(5);
	truncate_secret();
	maintain(SKAFU_WAIT_FOREVER);
	ck_assert_uint_eq(secrets(&bytes), 10);
	for (int i = 0; i < 100; i++)
		append_event(temp.store, "filler", "Happened", NULL);
	maintain(SKAFU_WAIT_FOREVER);
	ck_assert_uint_eq(secrets(&bytes), 0);
	verified();
}
END_TEST

static struct skafu__sys real;
static uint32_t allocations_left = UINT32_MAX;

static void *limited_allocate(void *user, size_t bytes)
{
	return allocations_left == 0 || allocations_left-- == 0 ? NULL : real.allocate(user, bytes);
}

static void *limited_reallocate(void *user, void *block, size_t bytes)
{
	return allocations_left == 0 || allocations_left-- == 0 ? NULL : real.reallocate(user, block, bytes);
}

/* Every allocation fails once: the step is done or it is not. */
START_TEST(no_memory)
{
	uint64_t bytes;
	uint32_t failures = 0;

	fill(40);
	truncate_secret();
	for (int i = 0; i < 100; i++)
		append_event(temp.store, "filler", "Happened", NULL);
	while (skafu__fold_once(temp.store, INT64_MAX, fault) == 1)
		;
	real = temp.store->sys;
	temp.store->sys.allocate = limited_allocate;
	temp.store->sys.reallocate = limited_reallocate;
	for (uint32_t at = 0; at < 500; at++) {
		allocations_left = at;
		int32_t rc = skafu__clear_step(temp.store, INT64_MAX, fault);
		int hit = allocations_left == 0;
		allocations_left = UINT32_MAX;
		ck_assert_msg(rc >= 0 || rc == SKAFU_ENOMEM, "%d", rc);
		failures += rc == SKAFU_ENOMEM;
		if (!hit)
			break;
	}
	temp.store->sys = real;
	ck_assert_uint_gt(failures, 0);
	maintain(SKAFU_WAIT_FOREVER);
	verified();
	ck_assert_uint_eq(secrets(&bytes), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, space_is_used_again);
	tcase_add_test(tests, nothing_else_changes);
	tcase_add_test(tests, a_retry_is_known);
	tcase_add_test(tests, it_goes_on_where_it_was);
	tcase_add_test(tests, the_tail_is_left_alone);
	tcase_add_test(tests, no_memory);
}

int main(void)
{
	return tempstore_main("clear", add);
}
