#include "store/rowlook.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/commit.h"
#include "codec/key.h"
#include "store/rows.h"
#include "store/store.h"

/* ---- changes ------------------------------------------------------------------------------------------------- */

/* The first row version of a commit after `commit`: they lie in the order of the commits. */
static size_t rowlook_first(const struct skafu__overlay *overlay, uint64_t commit)
{
	size_t low = 0;
	size_t high = overlay->row_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (overlay->rows[middle].commit <= commit)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void rowlook_tell(const struct skafu__view *view, uint32_t table, uint64_t after, skafu__row_changed_fn tell,
			 void *user)
{
	const struct skafu__overlay *overlay = &view->store->overlay;
	for (size_t i = rowlook_first(overlay, after); i < overlay->row_count; i++) {
		const struct skafu__overlay_row *row = &overlay->rows[i];
		if (row->commit > view->commit)
			return;
		if (row->table == table)
			tell(user, skafu__overlay_row_key(overlay, row), row->key_length,
			     row->operation != SKAFU__ROW_DELETE);
	}
}

static uint32_t rowlook_table(const skafu_store *store, const char *table)
{
	return skafu__names_find(&store->names, SKAFU__NAME_TABLE, table, strlen(table));
}

int32_t skafu__rows_changed(skafu_store *store, const char *table, uint64_t *inout_commit, skafu__row_changed_fn tell,
			    void *user, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	int is_whole = *inout_commit >= store->overlay.base;
	if (is_whole && view.commit > *inout_commit)
		rowlook_tell(&view, rowlook_table(store, table), *inout_commit, tell, user);
	*inout_commit = view.commit;
	skafu__view_close(&view);
	return is_whole;
}

/* ---- count --------------------------------------------------------------------------------------------------- */

static int32_t rowlook_count_folded(struct skafu__view *view, uint32_t table, uint64_t *count, skafu_error *error)
{
	uint8_t bytes[SKAFU__ROW_KEY_BYTES_MAX];
	MDB_cursor *cursor;
	MDB_val key = {skafu__row_key_encode(bytes, table, "", 0), bytes};
	MDB_val value;
	int rc = mdb_cursor_open(view->txn, view->store->env.tables[SKAFU__TABLE_ROW], &cursor);
	if (rc != 0)
		return skafu__env_fail(&view->store->env, rc, "counting rows", error);
	for (rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	     rc == 0 && key.mv_size >= 4 && skafu__load_u32_be(key.mv_data) == table;
	     rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))
		++*count;
	mdb_cursor_close(cursor);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return skafu__env_fail(&view->store->env, rc, "counting rows", error);
	return 0;
}

static int32_t rowlook_is_folded(struct skafu__view *view, uint32_t table, const void *key, size_t key_length,
				 int64_t *out_is_there, skafu_error *error)
{
	uint8_t bytes[SKAFU__ROW_KEY_BYTES_MAX];
	MDB_val name = {skafu__row_key_encode(bytes, table, key, key_length), bytes};
	MDB_val value;
	int rc = mdb_get(view->txn, view->store->env.tables[SKAFU__TABLE_ROW], &name, &value);
	*out_is_there = rc == 0;
	if (rc != 0 && rc != MDB_NOTFOUND)
		return skafu__env_fail(&view->store->env, rc, "counting rows", error);
	return 0;
}

/* What the overlay adds to the folded rows, or takes away. */
static int32_t rowlook_count_changed(struct skafu__view *view, uint32_t table, uint64_t *count, skafu_error *error)
{
	const struct skafu__overlay *overlay = &view->store->overlay;
	const struct skafu__overlay_row *row;
	size_t at = 0;
	int32_t rc = 0;
	while (rc == 0 && (row = skafu__overlay_row_next(overlay, &at, view->commit)) != NULL) {
		int64_t was = 0;
		if (row->table != table || row->commit <= view->index.commit)
			continue;
		rc = rowlook_is_folded(view, table, skafu__overlay_row_key(overlay, row), row->key_length, &was,
				       error);
		*count += (uint64_t)((row->operation != SKAFU__ROW_DELETE) - was);
	}
	return rc;
}

int32_t skafu__rows_count(skafu_store *store, const char *table, uint64_t *out_count, skafu_error *error)
{
	struct skafu__view view;
	uint64_t count = 0;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	uint32_t id = rowlook_table(store, table);
	if (id != 0)
		rc = rowlook_count_folded(&view, id, &count, error);
	if (id != 0 && rc == 0)
		rc = rowlook_count_changed(&view, id, &count, error);
	skafu__view_close(&view);
	if (rc == 0)
		*out_count = count;
	return rc;
}
