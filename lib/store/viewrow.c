#include "store/viewrow.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/sealed.h"

#define VIEWROW_NAME_BYTES (SKAFU__VIEWROW_HEAD_BYTES + SKAFU__VIEWROW_KEY_MAX)

static MDB_val viewrow_name(uint8_t bytes[VIEWROW_NAME_BYTES], uint32_t generation, uint32_t table, const void *key,
			    size_t key_length)
{
	MDB_val name = {SKAFU__VIEWROW_HEAD_BYTES + key_length, bytes};
	skafu__store_u32_be(bytes, generation);
	bytes[4] = (uint8_t)table;
	if (key_length != 0)
		memcpy(bytes + SKAFU__VIEWROW_HEAD_BYTES, key, key_length);
	return name;
}

int skafu__viewrow_compare(const void *a, size_t a_length, const void *b, size_t b_length)
{
	size_t common = a_length < b_length ? a_length : b_length;
	int order = common ? memcmp(a, b, common) : 0;
	if (order != 0)
		return order < 0 ? -1 : 1;
	return a_length < b_length ? -1 : a_length > b_length;
}

int32_t skafu__viewrow_get(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table, const void *key,
			   size_t key_length, struct skafu__row_value *out, skafu_error *error)
{
	uint8_t bytes[VIEWROW_NAME_BYTES];
	MDB_val name = viewrow_name(bytes, generation, table, key, key_length);
	int32_t rc = skafu__viewenv_get(txn, SKAFU__VIEW_ROW, name.mv_data, name.mv_size, &out->bytes, &out->length,
					error);
	if (rc == 0)
		*out = (struct skafu__row_value){NULL, 0};
	return rc;
}

/* ---- walking ------------------------------------------------------------------------------------------------- */

static int32_t viewrow_cursor(struct skafu__viewtxn *txn, skafu_error *error)
{
	if (txn->rows)
		return 0;
	int rc = mdb_cursor_open(txn->txn, skafu__viewenv_table(txn->views, SKAFU__VIEW_ROW), &txn->rows);
	if (rc == 0)
		return 0;
	txn->rows = NULL;
	return skafu__viewenv_fail(txn, rc, error);
}

static int32_t viewrow_show(struct skafu__viewtxn *txn, int rc, const MDB_val prefix, const MDB_val *key,
			    const MDB_val *value, struct skafu__viewrow *out, skafu_error *error)
{
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__viewenv_fail(txn, rc, error);
	if (key->mv_size <= SKAFU__VIEWROW_HEAD_BYTES)
		return skafu__viewenv_damaged(txn, error);
	if (memcmp(key->mv_data, prefix.mv_data, SKAFU__VIEWROW_HEAD_BYTES) != 0)
		return 0;
	if (skafu__sealed_read(key->mv_data, key->mv_size, value->mv_data, value->mv_size, &out->value.bytes,
			       &out->value.length) != 0)
		return skafu__viewenv_damaged(txn, error);
	out->key = (const uint8_t *)key->mv_data + SKAFU__VIEWROW_HEAD_BYTES;
	out->key_length = key->mv_size - SKAFU__VIEWROW_HEAD_BYTES;
	return 1;
}

int32_t skafu__viewrow_seek(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table, const void *from,
			    size_t from_length, struct skafu__viewrow *out, skafu_error *error)
{
	uint8_t bytes[VIEWROW_NAME_BYTES];
	size_t length = from_length > SKAFU__VIEWROW_KEY_MAX ? SKAFU__VIEWROW_KEY_MAX : from_length;
	MDB_val name = viewrow_name(bytes, generation, table, from, length);
	MDB_val key = name;
	MDB_val value;
	int32_t result = viewrow_cursor(txn, error);
	if (result != 0)
		return result;
	int rc = mdb_cursor_get(txn->rows, &key, &value, MDB_SET_RANGE);
	result = viewrow_show(txn, rc, name, &key, &value, out, error);
	/* A bound that is longer than any key lies behind the key that it begins with. */
	if (result == 1 && from_length > length &&
	    skafu__viewrow_compare(out->key, out->key_length, from, from_length) < 0)
		return skafu__viewrow_next(txn, generation, table, out, error);
	return result;
}

int32_t skafu__viewrow_next(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table,
			    struct skafu__viewrow *out, skafu_error *error)
{
	uint8_t bytes[VIEWROW_NAME_BYTES];
	MDB_val name = viewrow_name(bytes, generation, table, NULL, 0);
	MDB_val key;
	MDB_val value;
	int rc = mdb_cursor_get(txn->rows, &key, &value, MDB_NEXT);
	return viewrow_show(txn, rc, name, &key, &value, out, error);
}

/* ---- changes ------------------------------------------------------------------------------------------------- */

static int32_t viewrow_remove(struct skafu__viewtxn *txn, MDB_val *name, int *difference, skafu_error *error)
{
	int rc = mdb_del(txn->txn, skafu__viewenv_table(txn->views, SKAFU__VIEW_ROW), name, NULL);
	*difference = rc == 0 ? -1 : 0;
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : skafu__viewenv_fail(txn, rc, error);
}

static int viewrow_put(struct skafu__viewtxn *txn, MDB_val *name, size_t bytes, unsigned flags, MDB_val *place)
{
	place->mv_size = bytes;
	place->mv_data = NULL;
	return mdb_cursor_put(txn->rows, name, place, MDB_RESERVE | flags);
}

int32_t skafu__viewrow_set(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table, const void *key,
			   size_t key_length, const struct skafu__row_value *value, enum skafu__viewrow_known known,
			   int *difference, skafu_error *error)
{
	uint8_t bytes[VIEWROW_NAME_BYTES];
	MDB_val name = viewrow_name(bytes, generation, table, key, key_length);
	MDB_val place;
	size_t length = value->length + SKAFU__SEALED_HEAD_BYTES;
	if (!value->bytes)
		return viewrow_remove(txn, &name, difference, error);
	int32_t result = viewrow_cursor(txn, error);
	if (result != 0)
		return result;
	unsigned flags = known == SKAFU__VIEWROW_LAST ? MDB_APPEND : known == SKAFU__VIEWROW_UNKNOWN ? MDB_NOOVERWRITE
												     : 0;
	int rc = viewrow_put(txn, &name, length, flags, &place);
	*difference = rc == 0 && known != SKAFU__VIEWROW_THERE;
	if (rc == MDB_KEYEXIST && known == SKAFU__VIEWROW_UNKNOWN)
		rc = viewrow_put(txn, &name, length, 0, &place);
	if (rc != 0)
		return skafu__viewenv_fail(txn, rc, error);
	skafu__sealed_write(place.mv_data, name.mv_data, name.mv_size, value->bytes, value->length);
	return 0;
}

int32_t skafu__viewrow_is_last(struct skafu__viewtxn *txn, uint32_t generation, skafu_error *error)
{
	MDB_val key;
	MDB_val value;
	int32_t result = viewrow_cursor(txn, error);
	if (result != 0)
		return result;
	int rc = mdb_cursor_get(txn->rows, &key, &value, MDB_LAST);
	if (rc == MDB_NOTFOUND)
		return 1;
	if (rc != 0)
		return skafu__viewenv_fail(txn, rc, error);
	if (key.mv_size < SKAFU__VIEWROW_HEAD_BYTES)
		return skafu__viewenv_damaged(txn, error);
	return skafu__load_u32_be(key.mv_data) < generation;
}

int32_t skafu__viewrow_sweep(struct skafu__viewtxn *txn, uint32_t generation, uint32_t rows_max, skafu_error *error)
{
	uint8_t bytes[VIEWROW_NAME_BYTES];
	MDB_val name = viewrow_name(bytes, generation, 0, NULL, 0);
	MDB_val value;
	int32_t result = viewrow_cursor(txn, error);
	if (result != 0)
		return result;
	for (uint32_t i = 0; i < rows_max; i++) {
		MDB_val key = name;
		int rc = mdb_cursor_get(txn->rows, &key, &value, MDB_SET_RANGE);
		if (rc == MDB_NOTFOUND || (rc == 0 && (key.mv_size < 4 || memcmp(key.mv_data, bytes, 4) != 0)))
			return 1;
		if (rc == 0)
			rc = mdb_cursor_del(txn->rows, 0);
		if (rc != 0)
			return skafu__viewenv_fail(txn, rc, error);
	}
	return 0;
}
