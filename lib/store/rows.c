#include "store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/key.h"
#include "codec/sealed.h"
#include "store/store.h"

#define ROWS_BYTES_MAX (UINT64_C(64) << 20) /* what one rows cursor may hold */

/* ---- one row ------------------------------------------------------------------------------------------------- */

int32_t skafu__rows_open_folded(const MDB_val *key, const MDB_val *value, struct skafu__row_value *out,
				skafu_error *error)
{
	if (skafu__sealed_read(key->mv_data, key->mv_size, value->mv_data, value->mv_size, &out->bytes,
			       &out->length) == 0)
		return 0;
	return skafu__fail(error, SKAFU_EDAMAGED,
			   "a row of the folded table is damaged; reindex the store, which makes it "
			   "again from the commits");
}

/* A key that was changed by damage lies beside the place where it is looked for, and its checksum tells. */
static int32_t rows_check_beside(struct skafu__view *view, const MDB_val *name, skafu_error *error)
{
	MDB_cursor *cursor;
	struct skafu__row_value ignored;
	MDB_val key = *name;
	MDB_val value;
	int32_t result = 0;
	int rc = mdb_cursor_open(view->txn, view->store->env.tables[SKAFU__TABLE_ROW], &cursor);
	if (rc != 0)
		return skafu__env_fail(&view->store->env, rc, "reading a row", error);
	int at_or_behind = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	if (at_or_behind == 0)
		result = skafu__rows_open_folded(&key, &value, &ignored, error);
	rc = mdb_cursor_get(cursor, &key, &value, at_or_behind == 0 ? MDB_PREV : MDB_LAST);
	if (result == 0 && rc == 0)
		result = skafu__rows_open_folded(&key, &value, &ignored, error);
	mdb_cursor_close(cursor);
	return result;
}

static int32_t rows_find_folded(struct skafu__view *view, uint32_t table, const void *key, size_t key_length,
				struct skafu__row_value *out, skafu_error *error)
{
	uint8_t bytes[SKAFU__ROW_KEY_BYTES_MAX];
	MDB_val name = {skafu__row_key_encode(bytes, table, key, key_length), bytes};
	MDB_val value;
	int rc = mdb_get(view->txn, view->store->env.tables[SKAFU__TABLE_ROW], &name, &value);
	if (rc == MDB_NOTFOUND) {
		out->bytes = NULL;
		out->length = 0;
		return rows_check_beside(view, &name, error);
	}
	if (rc != 0)
		return skafu__env_fail(&view->store->env, rc, "reading a row", error);
	return skafu__rows_open_folded(&name, &value, out, error);
}

int32_t skafu__rows_find(struct skafu__view *view, uint32_t table, const void *key, size_t key_length,
			 struct skafu__row_value *out, skafu_error *error)
{
	const struct skafu__overlay *overlay = &view->store->overlay;
	const struct skafu__overlay_row *row = skafu__overlay_row_find(overlay, table, key, key_length, view->commit);
	if (!row || row->commit <= view->index.commit)
		return rows_find_folded(view, table, key, key_length, out, error);
	if (row->operation == SKAFU__ROW_DELETE) {
		out->bytes = NULL;
		out->length = 0;
		return 0;
	}
	out->bytes = skafu__overlay_row_value(overlay, row);
	out->length = row->value_length;
	return 0;
}

static int32_t rows_copy_value(const skafu_store *store, const struct skafu__row_value *value, void **out_value,
			       size_t *out_length, skafu_error *error)
{
	(void)store;
	const struct skafu__sys *sys = skafu__sys_current();
	void *copy = skafu__alloc(sys, value->length ? value->length : 1);
	if (!copy)
		return skafu__fail_memory(error);
	if (value->length != 0)
		memcpy(copy, value->bytes, value->length);
	*out_value = copy;
	*out_length = value->length;
	return 0;
}

static int32_t rows_check(skafu_store *store, const char *table, size_t *out_length, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	return rc ? rc : skafu__name_measure(table, store->opts.name_bytes_max, "table name", out_length, error);
}

int32_t skafu_row_get(skafu_store *store, const char *table, const void *key, size_t key_length,
		      void **out_value, size_t *out_length, skafu_error *error)
{
	size_t length;
	struct skafu__view view;
	struct skafu__row_value value = {0};
	int32_t rc = rows_check(store, table, &length, error);
	if (rc == 0 && (!key || key_length == 0 || key_length > 255 || !out_value || !out_length))
		rc = skafu__fail(error, SKAFU_EINVAL, "give a key of 1 to 255 bytes and places for the value and its "
				 "length");
	if (rc == 0)
		rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	uint32_t id = skafu__names_find(&store->names, SKAFU__NAME_TABLE, table, length);
	if (id != 0)
		rc = skafu__rows_find(&view, id, key, key_length, &value, error);
	if (rc == 0 && !value.bytes)
		rc = skafu__fail(error, SKAFU_ENOTFOUND, "table %s has no row with this key", table);
	if (rc == 0)
		rc = rows_copy_value(store, &value, out_value, out_length, error);
	skafu__view_close(&view);
	return rc;
}

void skafu_bytes_free(void *bytes)
{
	skafu__free(skafu__sys_current(), bytes);
}

/* ---- a range of rows ----------------------------------------------------------------------------------------- */

struct rows_place {
	size_t at; /* in bytes: key, value */
	uint32_t value_length;
	uint8_t key_length;
};

struct skafu_rows {
	skafu_store *store;
	struct skafu__buf bytes;
	struct rows_place *places;
	size_t count;
	size_t room;
	size_t next;
	struct skafu_row row; /* lent */
};

/* The rows that a range selects, merged from the folded table and the overlay. */
struct rows_gather {
	struct skafu__view *view;
	struct skafu_rows *rows;
	const struct skafu_key_range *range;
	const struct skafu__overlay_row **changed; /* of the overlay, in key order */
	size_t changed_count;
	size_t changed_at;
	uint32_t table;
	uint64_t limit;
};

int32_t skafu__rows_new(skafu_store *store, skafu_rows **out_rows)
{
	skafu_rows *rows = skafu__alloc_zeroed(&store->sys, 1, sizeof *rows);
	if (!rows)
		return SKAFU_ENOMEM;
	rows->store = store;
	skafu__buf_init(&rows->bytes, &store->sys, ROWS_BYTES_MAX);
	skafu__store_hold(store);
	*out_rows = rows;
	return 0;
}

void skafu__rows_clear(skafu_rows *rows)
{
	skafu__buf_clear(&rows->bytes);
	rows->count = 0;
}

int32_t skafu__rows_fail(int32_t code, skafu_error *error)
{
	if (code == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	return skafu__fail(error, SKAFU_ELIMIT,
			   "the rows take more than %llu bytes; read them in pages, with a limit",
			   (unsigned long long)ROWS_BYTES_MAX);
}

static int rows_compare(const void *a, size_t a_length, const void *b, size_t b_length)
{
	size_t common = a_length < b_length ? a_length : b_length;
	int order = common ? memcmp(a, b, common) : 0;
	if (order != 0)
		return order;
	return a_length < b_length ? -1 : a_length > b_length;
}

static int rows_in_range(const struct skafu_key_range *range, const void *key, size_t length)
{
	if (range->from && rows_compare(key, length, range->from, range->from_length) < 0)
		return 0;
	return !range->to || rows_compare(key, length, range->to, range->to_length) < 0;
}

int32_t skafu__rows_add(skafu_rows *rows, const void *key, size_t key_length, const struct skafu__row_value *value)
{
	if (rows->count == rows->room) {
		size_t room = rows->room ? rows->room * 2 : 16;
		void *grown = skafu__realloc_array(&rows->store->sys, rows->places, room, sizeof *rows->places);
		if (!grown)
			return SKAFU_ENOMEM;
		rows->places = grown;
		rows->room = room;
	}
	size_t at = rows->bytes.length;
	skafu__buf_put(&rows->bytes, key, key_length);
	if (value->length != 0)
		skafu__buf_put(&rows->bytes, value->bytes, value->length);
	if (rows->bytes.failed)
		return rows->bytes.failed;
	rows->places[rows->count++] =
		(struct rows_place){at, (uint32_t)value->length, (uint8_t)key_length};
	return 0;
}

static int32_t rows_take_changed(struct rows_gather *gather)
{
	const struct skafu__overlay *overlay = &gather->view->store->overlay;
	const struct skafu__overlay_row *row = gather->changed[gather->changed_at++];
	struct skafu__row_value value = {skafu__overlay_row_value(overlay, row), row->value_length};
	if (row->operation == SKAFU__ROW_DELETE)
		return 0;
	return skafu__rows_add(gather->rows, skafu__overlay_row_key(overlay, row), row->key_length, &value);
}

/* Take the overlay's rows before a key of the folded table (NULL: all that are left): 1 when one of them is that
 * key. */
static int32_t rows_take_changed_before(struct rows_gather *gather, const void *key, size_t length)
{
	const struct skafu__overlay *overlay = &gather->view->store->overlay;
	while (gather->changed_at < gather->changed_count && gather->rows->count < gather->limit) {
		const struct skafu__overlay_row *row = gather->changed[gather->changed_at];
		int order =
			key ? rows_compare(skafu__overlay_row_key(overlay, row), row->key_length, key, length) : -1;
		if (order > 0)
			return 0;
		int32_t rc = rows_take_changed(gather);
		if (rc != 0)
			return rc;
		if (order == 0)
			return 1;
	}
	return 0;
}

static int32_t rows_walk_folded(struct rows_gather *gather, MDB_cursor *cursor, skafu_error *error)
{
	uint8_t bytes[SKAFU__ROW_KEY_BYTES_MAX];
	const struct skafu_key_range *range = gather->range;
	size_t from = range->from_length > 255 ? 255 : range->from_length;
	MDB_val key = {
		skafu__row_key_encode(bytes, gather->table, range->from ? range->from : "", range->from ? from : 0),
		bytes};
	MDB_val value;
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && gather->rows->count < gather->limit) {
		const uint8_t *at = key.mv_data;
		if (key.mv_size < 5 || skafu__load_u32_be(at) != gather->table)
			return 0;
		if (range->to && rows_compare(at + 4, key.mv_size - 4, range->to, range->to_length) >= 0)
			return 0;
		int32_t result = rows_take_changed_before(gather, at + 4, key.mv_size - 4);
		struct skafu__row_value found = {0};
		if (result == 0)
			result = skafu__rows_open_folded(&key, &value, &found, error);
		if (result == 0 && gather->rows->count < gather->limit &&
		    rows_in_range(range, at + 4, key.mv_size - 4))
			result = skafu__rows_add(gather->rows, at + 4, key.mv_size - 4, &found);
		if (result < 0)
			return result;
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		return skafu__env_fail(&gather->view->store->env, rc, "reading rows", error);
	return 0;
}

static int rows_order_changed(const void *a, const void *b, void *user)
{
	const struct skafu__overlay *overlay = user;
	const struct skafu__overlay_row *x = *(const struct skafu__overlay_row *const *)a;
	const struct skafu__overlay_row *y = *(const struct skafu__overlay_row *const *)b;
	return rows_compare(skafu__overlay_row_key(overlay, x), x->key_length, skafu__overlay_row_key(overlay, y),
			    y->key_length);
}

/* The overlay's rows of the table that lie in the range, in key order. */
static int32_t rows_gather_changed(struct rows_gather *gather)
{
	const skafu_store *store = gather->view->store;
	const struct skafu__overlay *overlay = &store->overlay;
	const struct skafu__overlay_row *row;
	size_t at = 0;
	size_t room = skafu__map_count(&overlay->row_heads);
	gather->changed = skafu__alloc(&store->sys, (room + 1) * sizeof *gather->changed);
	if (!gather->changed)
		return SKAFU_ENOMEM;
	while ((row = skafu__overlay_row_next(overlay, &at, gather->view->commit)) != NULL)
		if (row->table == gather->table && row->commit > gather->view->index.commit &&
		    rows_in_range(gather->range, skafu__overlay_row_key(overlay, row), row->key_length))
			gather->changed[gather->changed_count++] = row;
	qsort_r(gather->changed, gather->changed_count, sizeof *gather->changed, rows_order_changed,
		(void *)(uintptr_t)overlay);
	return 0;
}

static int32_t rows_gather(struct rows_gather *gather, skafu_error *error)
{
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(gather->view->txn, gather->view->store->env.tables[SKAFU__TABLE_ROW], &cursor);
	if (rc != 0)
		return skafu__env_fail(&gather->view->store->env, rc, "reading rows", error);
	int32_t result = rows_gather_changed(gather);
	if (result == 0)
		result = rows_walk_folded(gather, cursor, error);
	if (result == 0)
		result = rows_take_changed_before(gather, NULL, 0);
	mdb_cursor_close(cursor);
	skafu__free(&gather->view->store->sys, gather->changed);
	return result == SKAFU_ENOMEM || result == SKAFU_ELIMIT ? skafu__rows_fail(result, error) : result;
}

static int32_t rows_fill(struct skafu_rows *rows, const char *table, size_t table_length,
			 const struct skafu_key_range *range, uint64_t limit, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(rows->store, &view, error);
	if (rc != 0)
		return rc;
	struct rows_gather gather = {.view = &view, .rows = rows, .range = range, .limit = limit};
	gather.table = skafu__names_find(&rows->store->names, SKAFU__NAME_TABLE, table, table_length);
	if (gather.table != 0 && limit != 0)
		rc = rows_gather(&gather, error);
	skafu__view_close(&view);
	return rc;
}

int32_t skafu_rows_open(skafu_store *store, const char *table, const skafu_key_range *range, uint64_t limit,
			skafu_rows **out_rows, skafu_error *error)
{
	size_t length;
	struct skafu_key_range wanted;
	int32_t rc = rows_check(store, table, &length, error);
	if (rc == 0)
		rc = skafu__opts_read(&wanted, sizeof wanted, range, "skafu_key_range", error);
	if (rc == 0 && !out_rows)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_rows is NULL; give a place for the rows");
	if (rc != 0)
		return rc;
	skafu_rows *rows;
	if (skafu__rows_new(store, &rows) != 0)
		return skafu__fail_memory(error);
	rc = rows_fill(rows, table, length, &wanted, limit, error);
	if (rc != 0) {
		skafu_rows_free(rows);
		return rc;
	}
	*out_rows = rows;
	return 0;
}

int32_t skafu_rows_next(skafu_rows *rows, const skafu_row **out_row, skafu_error *error)
{
	if (!rows || !out_row)
		return skafu__fail(error, SKAFU_EINVAL, "rows or out_row is NULL");
	int32_t rc = skafu__store_check(rows->store, error);
	if (rc != 0 || rows->next == rows->count)
		return rc;
	const struct rows_place *place = &rows->places[rows->next++];
	rows->row.size = sizeof rows->row;
	rows->row.key = rows->bytes.bytes + place->at;
	rows->row.key_length = place->key_length;
	rows->row.value = rows->row.key + place->key_length;
	rows->row.value_length = place->value_length;
	*out_row = &rows->row;
	return 1;
}

void skafu_rows_free(skafu_rows *rows)
{
	if (!rows)
		return;
	skafu_store *store = rows->store;
	skafu__buf_done(&rows->bytes);
	skafu__free(&store->sys, rows->places);
	skafu__free(&store->sys, rows);
	skafu__store_release(store);
}
