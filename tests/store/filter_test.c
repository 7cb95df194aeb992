/*
 * filter_test.c: which runs have a filter, what it says of keys that are there and of others, and that reads are the
 * same without it.
 */
#include "store/filter.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "codec/segment_walk.h"
#include "store/manifest_set.h"
#include "store/tempstore.h"
#include "store/view.h"

#define STREAMS 2900 /* so that some runs have more keys than the least that filters are made for */
#define ASKED 2000

static struct tempstore temp;
static char told[256];

static void make(void)
{
	struct skafu__tuning small = {.no_sync = 1,
				      .fold_records = 512,
				      .fan_in = 2,
				      .chunk_bytes = 4096,
				      .segment_bytes = 1024,
				      .linger_off = 1};
	char name[32];

	tempstore_make(&temp);
	skafu__tuning_override(&small);
	tempstore_open(&temp, NULL);
	for (int i = 0; i < STREAMS * 4; i++) {
		snprintf(name, sizeof name, "stream-%d", i * 11 % STREAMS);
		append_event(temp.store, name, "T", "a:b");
	}
	tempstore_reopen(&temp); /* nothing of it is remembered */
}

static void drop(void)
{
	tempstore_done(&temp);
}

static uint64_t check_keys(struct skafu__view *view, struct skafu__run *run)
{
	uint64_t keys = 0;

	for (uint32_t i = 0; i < run->info.segment_count; i++) {
		struct skafu__segment segment;

		went(skafu__run_segment(temp.store, view->txn, run, i, &segment, fault));
		for (uint32_t k = 0; k < segment.key_count; k++, keys++)
			ck_assert_int_eq(skafu__filter_may_hold(view, run, skafu__segment_key(&segment, k)), 1);
	}
	return keys;
}

START_TEST(runs_of_ids_and_of_streams_have_one)
{
	struct skafu__view view;
	unsigned with = 0;
	unsigned above = 0;

	went(skafu__view_open(temp.store, &view, fault));
	const struct skafu__manifest_set *set = temp.store->manifest;
	for (uint32_t i = 0; i < set->begin[SKAFU__DIMS]; i++) {
		struct skafu__run *run = set->runs[i];
		int is_asked = run->info.dimension == SKAFU__DIM_ID || run->info.dimension == SKAFU__DIM_STREAM;
		unsigned granted = 0;

		ck_assert_uint_gt(check_keys(&view, run), 0);
		for (unsigned k = 0; k < ASKED; k++)
			granted += skafu__filter_may_hold(&view, run, random_u64()) != 0;
		ck_assert_int_eq(skafu__filter_is_wanted(&run->info), is_asked && run->info.level <= 2);
		if (skafu__filter_is_wanted(&run->info))
			ck_assert_uint_le(granted, ASKED / 50);
		else
			ck_assert_uint_eq(granted, ASKED);
		with += is_asked && run->info.level <= 2;
		above += is_asked && run->info.level > 2;
	}
	skafu__view_close(&view);
	ck_assert(with >= 4 && above >= 2);
}
END_TEST

/* Take every filter away, or damage it. */
static void spoil(int damage)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	unsigned spoiled = 0;

	ck_assert_int_eq(mdb_txn_begin(temp.store->env.mdb, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_cursor_open(txn, temp.store->env.tables[SKAFU__TABLE_RUN], &cursor), 0);
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		uint8_t bytes[65536];

		if (((const uint8_t *)key.mv_data)[9] != 0xff)
			continue;
		ck_assert_uint_le(value.mv_size, sizeof bytes);
		memcpy(bytes, value.mv_data, value.mv_size);
		bytes[value.mv_size / 2] ^= 1;
		MDB_val changed = {value.mv_size, bytes};
		ck_assert_int_eq(damage ? mdb_cursor_put(cursor, &key, &changed, MDB_CURRENT)
					: mdb_cursor_del(cursor, 0), 0);
		spoiled++;
	}
	mdb_cursor_close(cursor);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	ck_assert_uint_ge(spoiled, 4);
	tempstore_reopen(&temp);
}

static int32_t remember(void *user, uint64_t done, uint64_t total, const char *what)
{
	(void)user;
	(void)done;
	(void)total;
	if (what)
		snprintf(told, sizeof told, "%s", what);
	return 0;
}

static uint64_t faults(void)
{
	skafu_verify_report report = {.size = sizeof report};

	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX, remember, NULL, &report, fault));
	return report.faults;
}

START_TEST(without_it_reads_are_the_same)
{
	char name[32];

	ck_assert_uint_eq(faults(), 0);
	spoil(_i);
	for (int i = 0; i <= STREAMS; i++) {
		snprintf(name, sizeof name, "stream-%d", i);
		ck_assert_uint_eq(version_of(temp.store, name), i < STREAMS ? 4 : 0);
	}
	ck_assert_uint_ge(faults(), 4);
	ck_assert_msg(strstr(told, "filter of index run"), "%s", told);
	went(skafu_store_reindex(temp.store, fault));
	ck_assert_uint_eq(faults(), 0);
}
END_TEST

static void add(TCase *tests)
{
	seeded("filter_test");
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, runs_of_ids_and_of_streams_have_one);
	tcase_add_loop_test(tests, without_it_reads_are_the_same, 0, 2);
}

int main(void)
{
	return tempstore_main("filter", add);
}
