#include "store/run.h"

#include <string.h>

#include "base/error.h"
#include "codec/key.h"
#include "store/store.h"

#define RUN_OWN_PAGES_BYTES 2048 /* LMDB keeps values of this size and above out of the leaf pages, which move */

/* ---- load ---------------------------------------------------------------------------------------------------- */

static int32_t run_damaged(const struct skafu__manifest_run *info, const char *what, uint32_t number,
			   skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED,
			   "%s %u of index run %u (dimension %u) is damaged or missing; reindex the "
			   "store",
			   what, number, info->run, info->dimension);
}

static int run_get(const skafu_store *store, MDB_txn *txn, int table, const struct skafu__manifest_run *info,
		   uint32_t number, MDB_val *value)
{
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(bytes, info->dimension, info->run, number);
	MDB_val key = {sizeof bytes, bytes};
	return mdb_get(txn, store->env.tables[table], &key, value);
}

static int32_t run_measure_parts(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *info,
				 size_t *out_bytes, skafu_error *error)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < info->part_count; i++) {
		MDB_val value;
		if (run_get(store, txn, SKAFU__TABLE_MANIFEST, info, i, &value) != 0)
			return run_damaged(info, "manifest part", i, error);
		bytes += value.mv_size;
	}
	*out_bytes = bytes;
	return 0;
}

static int32_t run_copy_parts(const skafu_store *store, MDB_txn *txn, struct skafu__run *run, skafu_error *error)
{
	uint8_t *at = run->bytes;
	for (uint32_t i = 0; i < run->info.part_count; i++) {
		MDB_val value;
		if (run_get(store, txn, SKAFU__TABLE_MANIFEST, &run->info, i, &value) != 0)
			return run_damaged(&run->info, "manifest part", i, error);
		memcpy(at, value.mv_data, value.mv_size);
		int32_t rc = skafu__manifest_part_open(&run->parts[i], at, value.mv_size, 0, error);
		if (rc != 0)
			return rc;
		at += value.mv_size;
	}
	return skafu__manifest_run_check(&run->info, run->parts, error);
}

int32_t skafu__run_load(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *info,
			struct skafu__run **out, skafu_error *error)
{
	size_t bytes = 0;
	int32_t rc = run_measure_parts(store, txn, info, &bytes, error);
	if (rc != 0)
		return rc;
	struct skafu__run *run = skafu__alloc_zeroed(&store->sys, 1, sizeof *run);
	if (!run)
		return skafu__fail_memory(error);
	run->info = *info;
	run->bytes = skafu__alloc(&store->sys, bytes ? bytes : 1);
	run->parts = skafu__alloc_zeroed(&store->sys, info->part_count, sizeof *run->parts);
	run->places = skafu__alloc_zeroed(&store->sys, info->segment_count + 1u, sizeof *run->places);
	rc = run->bytes && run->parts && run->places ? run_copy_parts(store, txn, run, error)
						       : skafu__fail_memory(error);
	if (rc != 0) {
		skafu__run_free(store, run);
		return rc;
	}
	*out = run;
	return 0;
}

void skafu__run_free(const skafu_store *store, struct skafu__run *run)
{
	if (!run)
		return;
	skafu__free(&store->sys, run->bytes);
	skafu__free(&store->sys, run->parts);
	skafu__free(&store->sys, run->places);
	skafu__free(&store->sys, run);
}

/* ---- segments ------------------------------------------------------------------------------------------------ */

void skafu__run_forget_places(struct skafu__run *run)
{
	for (uint32_t i = 0; i < run->info.segment_count; i++)
		atomic_store_explicit(&run->places[i].bytes, NULL, memory_order_relaxed);
	atomic_store_explicit(&run->filter.bytes, NULL, memory_order_relaxed);
}

int32_t skafu__run_segment(const skafu_store *store, MDB_txn *txn, struct skafu__run *run, uint32_t index,
			   struct skafu__segment *out, skafu_error *error)
{
	struct skafu__segment_info info;
	struct skafu__run_place *place = &run->places[index];
	skafu__manifest_run_segment(run->parts, index, &info);
	const uint8_t *known = atomic_load_explicit(&place->bytes, memory_order_relaxed);
	if (known && skafu__segment_open(out, known, info.bytes, SKAFU__SEGMENT_TRUSTED, NULL) == 0)
		return 0;
	MDB_val value;
	if (run_get(store, txn, SKAFU__TABLE_RUN, &run->info, info.number, &value) != 0)
		return run_damaged(&run->info, "segment", info.number, error);
	if (skafu__segment_open(out, value.mv_data, value.mv_size, 0, NULL) != 0 ||
	    skafu__segment_match(out, &info, NULL) != 0)
		return run_damaged(&run->info, "segment", info.number, error);
	if (value.mv_size >= RUN_OWN_PAGES_BYTES)
		atomic_store_explicit(&place->bytes, value.mv_data, memory_order_relaxed);
	return 0;
}

/* ---- postings ------------------------------------------------------------------------------------------------ */

struct run_search {
	struct skafu__view *view;
	struct skafu__run *run;
	uint64_t key;
	const struct skafu__range *range;
	struct skafu__entry *out;
	size_t max;
	size_t *count;
	int past; /* the rest is outside the range */
};

static int run_wants(const struct skafu__range *range, uint64_t extra)
{
	return extra >= range->extra_from && extra <= range->extra_to;
}

/* Where to begin in a list: 1 and the cursor on the first posting to look at, 0 when there is none. */
static int32_t run_place(const struct run_search *search, struct skafu__segment_cursor *cursor)
{
	const struct skafu__range *range = search->range;
	if (range->backward)
		return skafu__segment_cursor_seek_back(cursor, range->to, NULL);
	if (range->extra_from == 0)
		return skafu__segment_cursor_seek(cursor, range->from, NULL);
	int32_t rc = skafu__segment_cursor_seek_extra(cursor, range->extra_from, NULL);
	if (rc == 1 && skafu__segment_cursor_position(cursor) < range->from)
		rc = skafu__segment_cursor_seek(cursor, range->from, NULL);
	return rc;
}

/* The postings of one segment. */
static int32_t run_collect_list(struct run_search *search, struct skafu__segment_cursor *cursor)
{
	const struct skafu__range *range = search->range;
	int32_t rc = run_place(search, cursor);
	while (rc == 1 && *search->count < search->max) {
		uint64_t position = skafu__segment_cursor_position(cursor);
		uint64_t extra = skafu__segment_cursor_extra(cursor);
		if (range->backward ? position < range->from : position > range->to) {
			search->past = 1;
			return 0;
		}
		if (run_wants(range, extra))
			search->out[(*search->count)++] = (struct skafu__entry){search->key, position, extra};
		rc = range->backward ? skafu__segment_cursor_prev(cursor, NULL)
				     : skafu__segment_cursor_next(cursor, NULL);
	}
	return rc < 0 ? rc : 0;
}

static int32_t run_collect_segment(struct run_search *search, uint32_t index, skafu_error *error)
{
	struct skafu__segment segment;
	struct skafu__segment_cursor cursor;
	int32_t rc = skafu__run_segment(search->view->store, search->view->txn, search->run, index, &segment, error);
	if (rc != 0)
		return rc;
	rc = search->range->backward ? skafu__segment_find_last(&segment, search->key, &cursor, NULL)
				     : skafu__segment_find(&segment, search->key, &cursor, NULL);
	if (rc == 1)
		rc = run_collect_list(search, &cursor);
	return rc < 0 ? run_damaged(&search->run->info, "segment", index, error) : 0;
}

int32_t skafu__run_collect(struct skafu__view *view, struct skafu__run *run, uint64_t key,
			   const struct skafu__range *range, struct skafu__entry *out, size_t max, size_t *count,
			   skafu_error *error)
{
	struct run_search search = {view, run, key, range, out, max, count, 0};
	uint32_t begin;
	uint32_t end;
	skafu__manifest_run_find(run->parts, key, range->backward ? 0 : range->from, &begin, &end);
	if (begin < end && !range->backward && range->extra_from != 0)
		begin = skafu__manifest_run_find_extra(run->parts, range->extra_from, begin, end);
	int32_t rc = 0;
	for (uint32_t i = begin; rc == 0 && i < end && *count < max && !search.past; i++) {
		uint32_t index = range->backward ? end - 1 - (i - begin) : i;
		rc = run_collect_segment(&search, index, error);
	}
	return rc;
}

int32_t skafu__run_count(struct skafu__view *view, struct skafu__run *run, uint64_t key, uint64_t *out,
			 skafu_error *error)
{
	uint32_t begin;
	uint32_t end;
	uint64_t total = 0;
	skafu__manifest_run_find(run->parts, key, 0, &begin, &end);
	for (uint32_t i = begin; i < end; i++) {
		struct skafu__segment segment;
		struct skafu__segment_cursor cursor;
		int32_t rc = skafu__run_segment(view->store, view->txn, run, i, &segment, error);
		if (rc == 0)
			rc = skafu__segment_find(&segment, key, &cursor, NULL) == 1
				     ? (int32_t)skafu__segment_cursor_count(&cursor)
				     : 0;
		if (rc < 0)
			return rc;
		total += (uint64_t)rc;
	}
	*out = total;
	return 0;
}
