#include "store/viewmark.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/sealed.h"
#include "store/store.h"

#define VIEWMARK_HEAD_BYTES 104u
#define VIEWMARK_PLACE_BYTES 8u
#define VIEWMARK_TABLES_BYTES (SKAFU__VIEW_TABLES_MAX * 256u)

/* ---- marks in memory ----------------------------------------------------------------------------------------- */

void skafu__viewmark_init(struct skafu__viewmark *mark, const struct skafu__sys *sys)
{
	memset(mark, 0, sizeof *mark);
	skafu__buf_init(&mark->tables, sys, VIEWMARK_TABLES_BYTES);
}

void skafu__viewmark_done(struct skafu__viewmark *mark)
{
	skafu__buf_done(&mark->tables);
}

int32_t skafu__viewmark_copy(struct skafu__viewmark *to, const struct skafu__viewmark *from, skafu_error *error)
{
	struct skafu__buf tables = to->tables;
	skafu__buf_clear(&tables);
	if (skafu__buf_put(&tables, from->tables.bytes, from->tables.length) != 0) {
		to->tables = tables;
		return skafu__fail_memory(error);
	}
	*to = *from;
	to->tables = tables;
	return 0;
}

const char *skafu__viewmark_table_name(const struct skafu__viewmark *mark, uint32_t number)
{
	const char *at = (const char *)mark->tables.bytes;
	if (number >= mark->table_count || !at)
		return NULL;
	while (number-- > 0)
		at += strlen(at) + 1;
	return at;
}

int32_t skafu__viewmark_table(const struct skafu__viewmark *mark, const char *name)
{
	const char *at = (const char *)mark->tables.bytes;
	for (uint32_t i = 0; i < mark->table_count; i++) {
		if (strcmp(at, name) == 0)
			return (int32_t)i;
		at += strlen(at) + 1;
	}
	return -1;
}

int32_t skafu__viewmark_add_table(struct skafu__viewmark *mark, const char *name, skafu_error *error)
{
	int32_t number = skafu__viewmark_table(mark, name);
	if (number >= 0)
		return number;
	if (mark->table_count == SKAFU__VIEW_TABLES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a projection has at most %u tables; put the name of this "
				   "one into the keys of another", SKAFU__VIEW_TABLES_MAX);
	if (skafu__buf_put(&mark->tables, name, strlen(name) + 1) != 0)
		return skafu__fail_memory(error);
	return (int32_t)mark->table_count++;
}

/* ---- bytes --------------------------------------------------------------------------------------------------- */

static int32_t viewmark_encode(const struct skafu__viewmark *mark, struct skafu__buf *out)
{
	size_t message = strlen(mark->halt_message);
	skafu__buf_put(out, mark->fingerprint, 16);
	skafu__buf_put(out, mark->anchor, 16);
	skafu__buf_put_u64(out, mark->sequence);
	skafu__buf_put_u64(out, mark->muted_to);
	skafu__buf_put_u64(out, mark->rows);
	skafu__buf_put_u64(out, (uint64_t)mark->made_ns);
	skafu__buf_put_u64(out, (uint64_t)mark->pid);
	skafu__buf_put_u32(out, mark->version);
	skafu__buf_put_u32(out, mark->flags);
	skafu__buf_put_u64(out, mark->halt_sequence);
	skafu__buf_put_u32(out, (uint32_t)mark->halt_code);
	skafu__buf_put_u16(out, (uint16_t)message);
	skafu__buf_put_u8(out, (uint8_t)mark->table_count);
	skafu__buf_put_u8(out, 0);
	skafu__buf_put_u64(out, mark->hidden);
	skafu__buf_put(out, mark->halt_message, message);
	for (uint32_t i = 0; i < mark->table_count; i++) {
		const char *name = skafu__viewmark_table_name(mark, i);
		size_t length = name ? strlen(name) : 0;
		skafu__buf_put_u8(out, (uint8_t)length);
		skafu__buf_put(out, name, length);
	}
	return out->failed;
}

static void viewmark_decode_tables(struct skafu__reader *reader, uint32_t count, struct skafu__viewmark *out)
{
	skafu__buf_clear(&out->tables);
	for (uint32_t i = 0; i < count; i++) {
		size_t length = skafu__reader_u8(reader);
		const uint8_t *name = skafu__reader_take(reader, length);
		if (name)
			skafu__buf_put(&out->tables, name, length);
		skafu__buf_put_u8(&out->tables, 0);
	}
	out->table_count = count;
}

/* 0, SKAFU_EDAMAGED or SKAFU_ENOMEM. */
static int32_t viewmark_decode(const uint8_t *bytes, size_t length, struct skafu__viewmark *out)
{
	struct skafu__reader reader;
	if (length < VIEWMARK_HEAD_BYTES)
		return SKAFU_EDAMAGED;
	memcpy(out->fingerprint, bytes, 16);
	memcpy(out->anchor, bytes + 16, 16);
	skafu__reader_init(&reader, bytes + 32, length - 32);
	out->sequence = skafu__reader_u64(&reader);
	out->muted_to = skafu__reader_u64(&reader);
	out->rows = skafu__reader_u64(&reader);
	out->made_ns = (int64_t)skafu__reader_u64(&reader);
	out->pid = (int64_t)skafu__reader_u64(&reader);
	out->version = skafu__reader_u32(&reader);
	out->flags = skafu__reader_u32(&reader);
	out->halt_sequence = skafu__reader_u64(&reader);
	out->halt_code = (int32_t)skafu__reader_u32(&reader);
	size_t message = skafu__reader_u16(&reader);
	uint32_t tables = skafu__reader_u8(&reader);
	skafu__reader_u8(&reader);
	out->hidden = skafu__reader_u64(&reader);
	const uint8_t *text = message <= SKAFU__VIEW_MESSAGE_MAX ? skafu__reader_take(&reader, message) : NULL;
	if (!text && message != 0)
		return SKAFU_EDAMAGED;
	if (message != 0)
		memcpy(out->halt_message, text, message);
	out->halt_message[message] = 0;
	viewmark_decode_tables(&reader, tables, out);
	if (reader.failed || skafu__reader_left(&reader) != 0)
		return SKAFU_EDAMAGED;
	return out->tables.failed ? SKAFU_ENOMEM : 0;
}

/* ---- places -------------------------------------------------------------------------------------------------- */

int32_t skafu__viewmark_get_place(struct skafu__viewtxn *txn, const char *projection, struct skafu__viewplace *out,
				  skafu_error *error)
{
	const uint8_t *value;
	size_t length;
	int32_t rc = skafu__viewenv_get(txn, SKAFU__VIEW_PROJECTION, projection, strlen(projection), &value, &length,
					error);
	out->live = 0;
	out->shadow = 0;
	if (rc != 1)
		return rc;
	if (length != VIEWMARK_PLACE_BYTES)
		return skafu__viewenv_damaged(txn, error);
	out->live = skafu__load_u32(value);
	out->shadow = skafu__load_u32(value + 4);
	return 1;
}

int32_t skafu__viewmark_put_place(struct skafu__viewtxn *txn, const char *projection,
				  const struct skafu__viewplace *place, skafu_error *error)
{
	uint8_t value[VIEWMARK_PLACE_BYTES];
	skafu__store_u32(value, place->live);
	skafu__store_u32(value + 4, place->shadow);
	return skafu__viewenv_put(txn, SKAFU__VIEW_PROJECTION, projection, strlen(projection), value, sizeof value,
				  error);
}

/* ---- marks --------------------------------------------------------------------------------------------------- */

int32_t skafu__viewmark_get(struct skafu__viewtxn *txn, uint32_t generation, struct skafu__viewmark *out,
			    skafu_error *error)
{
	uint8_t key[4];
	const uint8_t *value;
	size_t length;
	skafu__store_u32_be(key, generation);
	int32_t rc = skafu__viewenv_get(txn, SKAFU__VIEW_GENERATION, key, sizeof key, &value, &length, error);
	if (rc != 1)
		return rc;
	rc = viewmark_decode(value, length, out);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	return rc ? skafu__viewenv_damaged(txn, error) : 1;
}

int32_t skafu__viewmark_put(struct skafu__viewtxn *txn, uint32_t generation, const struct skafu__viewmark *mark,
			    skafu_error *error)
{
	uint8_t key[4];
	struct skafu__buf value;
	skafu__store_u32_be(key, generation);
	skafu__buf_init(&value, mark->tables.sys, SIZE_MAX);
	int32_t rc = viewmark_encode(mark, &value) ? skafu__fail_memory(error) : 0;
	if (rc == 0)
		rc = skafu__viewenv_put(txn, SKAFU__VIEW_GENERATION, key, sizeof key, value.bytes, value.length,
					error);
	skafu__buf_done(&value);
	return rc;
}

int32_t skafu__viewmark_delete(struct skafu__viewtxn *txn, uint32_t generation, skafu_error *error)
{
	uint8_t key[4];
	skafu__store_u32_be(key, generation);
	return skafu__viewenv_delete(txn, SKAFU__VIEW_GENERATION, key, sizeof key, error);
}

int32_t skafu__viewmark_next(struct skafu__viewtxn *txn, uint32_t *out_generation, skafu_error *error)
{
	static const char key[] = "next";
	uint8_t bytes[4];
	const uint8_t *value;
	size_t length;
	uint32_t next = 1;
	int32_t rc = skafu__viewenv_get(txn, SKAFU__VIEW_META, key, 4, &value, &length, error);
	if (rc < 0)
		return rc;
	if (rc == 1 && length != 4)
		return skafu__viewenv_damaged(txn, error);
	if (rc == 1)
		next = skafu__load_u32(value);
	skafu__store_u32(bytes, next + 1);
	rc = skafu__viewenv_put(txn, SKAFU__VIEW_META, key, 4, bytes, 4, error);
	if (rc == 0)
		*out_generation = next;
	return rc;
}

/* Few generations exist at a time, so they are simply looked through. */
int32_t skafu__viewmark_find_dropped(struct skafu__viewtxn *txn, uint32_t *out_generation, skafu_error *error)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int rc = mdb_cursor_open(txn->txn, skafu__viewenv_table(txn->views, SKAFU__VIEW_GENERATION), &cursor);
	if (rc != 0)
		return skafu__viewenv_fail(txn, rc, error);
	const uint8_t *bytes;
	size_t length;
	int32_t found = 0;
	while (found == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if (key.mv_size != 4 || skafu__sealed_read(key.mv_data, 4, value.mv_data, value.mv_size, &bytes,
							   &length) != 0 || length < VIEWMARK_HEAD_BYTES)
			found = skafu__viewenv_damaged(txn, error);
		else if (skafu__load_u32(bytes + 76) & SKAFU__VIEWMARK_DROPPED)
			found = 1;
	}
	if (found == 1)
		*out_generation = skafu__load_u32_be(key.mv_data);
	mdb_cursor_close(cursor);
	if (found == 0 && rc != MDB_NOTFOUND)
		return skafu__viewenv_fail(txn, rc, error);
	return found;
}
