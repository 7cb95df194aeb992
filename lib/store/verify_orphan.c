#include "store/verify_orphan.h"

#include <string.h>

#include "base/error.h"
#include "codec/key.h"
#include "store/filter.h"
#include "store/manifest_set.h"
#include "store/store.h"

/* Where the walk through a table is. */
struct orphan_walk {
	struct skafu__verify *verify;
	int table;
	uint8_t key[SKAFU__RUN_KEY_BYTES]; /* the last one that was looked at */
	size_t key_length;
};

/* 1 when a merge is making the run. */
static int orphan_is_in_progress(const struct skafu__view *view, uint32_t dimension, uint64_t number)
{
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(bytes, dimension, number, SKAFU__MANIFEST_PROGRESS);
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value;
	return mdb_get(view->txn, view->store->env.tables[SKAFU__TABLE_MANIFEST], &key, &value) == 0;
}

/* 1 when the root, or a merge, leads to the key. */
static int orphan_is_led_to(const struct orphan_walk *walk, const struct skafu__view *view, const MDB_val *key)
{
	const uint8_t *at = key->mv_data;
	if (walk->table == SKAFU__TABLE_MANIFEST && key->mv_size == 1 && at[0] == 0)
		return 1;
	if (key->mv_size != SKAFU__RUN_KEY_BYTES || at[0] == 0 || at[0] >= SKAFU__DIMS)
		return 0;
	uint64_t number = skafu__load_u64_be(at + 1);
	uint32_t place = skafu__load_u32_be(at + 9);
	const struct skafu__run *run =
		number <= UINT32_MAX ? skafu__manifest_set_find(view->store->manifest, at[0], (uint32_t)number)
				     : NULL;
	if (!run)
		return orphan_is_in_progress(view, at[0], number);
	if (walk->table == SKAFU__TABLE_MANIFEST)
		return place < run->info.part_count;
	return place < run->info.segment_count ||
	       (place == SKAFU__FILTER_NUMBER && skafu__filter_is_wanted(&run->info));
}

static void orphan_tell(const struct orphan_walk *walk, const MDB_val *key)
{
	const char *table = walk->table == SKAFU__TABLE_RUN ? "segments" : "manifests";
	const uint8_t *at = key->mv_data;
	if (key->mv_size != SKAFU__RUN_KEY_BYTES)
		skafu__verify_fault(walk->verify, "the table of %s has a key that is none; reindex the store", table);
	else
		skafu__verify_fault(
			walk->verify,
			"number %u of run %llu, dimension %u, is in the table of %s and nothing leads to it; "
			"reindex the store",
			skafu__load_u32_be(at + 9), (unsigned long long)skafu__load_u64_be(at + 1), at[0], table);
}

/* Walk on from walk->key: 1 there is more, 0 the end. */
static int32_t orphan_walk_on(struct orphan_walk *walk, const struct skafu__view *view, MDB_cursor *cursor)
{
	int64_t until = walk->verify->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
	MDB_val key = {walk->key_length, walk->key};
	MDB_val value;
	int rc = mdb_cursor_get(cursor, &key, &value, walk->key_length ? MDB_SET_RANGE : MDB_FIRST);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		if (walk->verify->store->sys.monotonic_ns() > until)
			return 1;
		if (key.mv_size == walk->key_length && memcmp(key.mv_data, walk->key, key.mv_size) == 0)
			continue;
		if (!orphan_is_led_to(walk, view, &key))
			orphan_tell(walk, &key);
		if (key.mv_size > sizeof walk->key)
			continue;
		memcpy(walk->key, key.mv_data, key.mv_size);
		walk->key_length = key.mv_size;
	}
	return 0;
}

static int32_t orphan_table(struct skafu__verify *verify, int table, skafu_error *error)
{
	struct orphan_walk walk = {.verify = verify, .table = table};
	skafu_store *store = verify->store;
	int32_t rc = 1;
	while (rc == 1 && !skafu__verify_is_over(verify)) {
		struct skafu__view view;
		MDB_cursor *cursor;
		rc = skafu__view_open(store, &view, error);
		if (rc != 0)
			return rc;
		int opened = mdb_cursor_open(view.txn, store->env.tables[table], &cursor);
		rc = opened ? skafu__env_fail(&store->env, opened, "reading the index", error)
			    : orphan_walk_on(&walk, &view, cursor);
		if (!opened)
			mdb_cursor_close(cursor);
		skafu__view_close(&view);
		skafu__verify_flush(verify);
	}
	return rc < 0 ? rc : 0;
}

int32_t skafu__verify_orphans(struct skafu__verify *verify, skafu_error *error)
{
	int32_t rc = orphan_table(verify, SKAFU__TABLE_MANIFEST, error);
	return rc ? rc : orphan_table(verify, SKAFU__TABLE_RUN, error);
}
