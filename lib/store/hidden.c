#include "store/hidden.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/index.h"
#include "store/rows.h"
#include "store/store.h"

int skafu__hidden_is_reserved(const char *table)
{
	return strncmp(table, SKAFU__HIDDEN_PREFIX, sizeof SKAFU__HIDDEN_PREFIX - 1) == 0;
}

void skafu__hidden_mark_encode(const struct skafu__hidden_mark *mark, uint8_t out[SKAFU__HIDDEN_STREAM_BYTES])
{
	skafu__store_u64(out, mark->before);
	skafu__store_u32(out + 8, mark->is_tombstone ? 1u : 0u);
	skafu__store_u32(out + 12, 0);
}

/* 0 when no commit has used the table yet, which is what makes all this cost nothing. */
static uint32_t hidden_table(const skafu_store *store, const char *table)
{
	if (store->names.library_tables == 0)
		return 0;
	return skafu__names_find(&store->names, SKAFU__NAME_TABLE, table, strlen(table));
}

int skafu__hidden_is_in_use(const skafu_store *store)
{
	return hidden_table(store, SKAFU__HIDDEN_STREAMS) != 0 || hidden_table(store, SKAFU__HIDDEN_ERASED) != 0;
}

int32_t skafu__hidden_stream(struct skafu__view *view, const char *stream, size_t length,
			     struct skafu__hidden_mark *out, skafu_error *error)
{
	struct skafu__row_value row = {0};
	uint32_t table = hidden_table(view->store, SKAFU__HIDDEN_STREAMS);
	int32_t rc = table && length ? skafu__rows_find(view, table, stream, length, &row, error) : 0;
	memset(out, 0, sizeof *out);
	if (rc != 0 || !row.bytes)
		return rc;
	if (row.length != SKAFU__HIDDEN_STREAM_BYTES)
		return skafu__fail(error, SKAFU_EDAMAGED,
				   "the mark of stream %.*s is not one; restore a backup, or salvage what is whole",
				   (int)length, stream);
	out->before = skafu__load_u64(row.bytes);
	out->is_tombstone = skafu__load_u32(row.bytes + 8) != 0;
	return 0;
}

int32_t skafu__hidden_count(struct skafu__view *view, uint64_t *out, skafu_error *error)
{
	struct skafu__row_value row = {0};
	uint32_t table = hidden_table(view->store, SKAFU__HIDDEN_COUNT);
	int32_t rc = table ? skafu__rows_find(view, table, SKAFU__HIDDEN_COUNT_KEY,
					      sizeof SKAFU__HIDDEN_COUNT_KEY - 1, &row, error)
			   : 0;
	*out = 0;
	if (rc != 0 || !row.bytes)
		return rc;
	if (row.length != sizeof(uint64_t))
		return skafu__fail(error, SKAFU_EDAMAGED,
				   "the count of what was hidden is not one; restore a backup, or salvage what is "
				   "whole");
	*out = skafu__load_u64(row.bytes);
	return 0;
}

int32_t skafu__hidden_now(skafu_store *store, const char *stream, struct skafu__hidden_moment *out,
			  skafu_error *error)
{
	struct skafu__view view;
	struct skafu__hidden_mark mark = {0};
	struct skafu__hidden_moment moment = {0};
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	rc = skafu__hidden_count(&view, &moment.count, error);
	if (rc == 0 && stream)
		rc = skafu__hidden_stream(&view, stream, strlen(stream), &mark, error);
	skafu__view_close(&view);
	moment.before = mark.before;
	if (rc == 0)
		*out = moment;
	return rc;
}

/* 1 when there is a row that says so. */
static int32_t hidden_is_erased(struct skafu__view *view, uint64_t sequence, skafu_error *error)
{
	uint8_t key[8];
	struct skafu__row_value row = {0};
	uint32_t table = hidden_table(view->store, SKAFU__HIDDEN_ERASED);
	if (table == 0)
		return 0;
	skafu__store_u64_be(key, sequence);
	int32_t rc = skafu__rows_find(view, table, key, sizeof key, &row, error);
	return rc ? rc : row.bytes != NULL;
}

/* 1 when the record is an event of a stream that was truncated or deleted behind it. */
static int32_t hidden_is_cut(struct skafu__view *view, const struct skafu__record *record, skafu_error *error)
{
	struct skafu__hidden_mark mark;
	if (record->kind != SKAFU_KIND_EVENT)
		return 0;
	int32_t rc = skafu__hidden_stream(view, record->stream, record->stream_length, &mark, error);
	return rc ? rc : record->stream_version < mark.before;
}

/* A record that was read, as readers see it. */
static int32_t hidden_apply(struct skafu__view *view, uint64_t sequence, struct skafu__record *record,
			    skafu_error *error)
{
	if (record->kind == SKAFU__KIND_LOST)
		return SKAFU_ENOTFOUND;
	if (view->store->names.library_tables == 0 && !(record->flags & SKAFU__RECORD_ERASED))
		return 0;
	int32_t rc = hidden_is_cut(view, record, error);
	if (rc != 0)
		return rc == 1 ? SKAFU_ENOTFOUND : rc;
	rc = record->flags & SKAFU__RECORD_ERASED ? 1 : hidden_is_erased(view, sequence, error);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		record->flags = (uint8_t)((record->flags | SKAFU_RECORD_ERASED) & ~SKAFU_RECORD_IS_JSON);
		record->data_length = 0;
	}
	return 0;
}

int32_t skafu__hidden_read(struct skafu__view *view, uint64_t sequence, struct skafu__record *out, skafu_error *error)
{
	int32_t rc = skafu__view_record(view, sequence, out, error);
	return rc ? rc : hidden_apply(view, sequence, out, error);
}

int32_t skafu__hidden_read_copy(struct skafu__view *view, const struct skafu__view_place *place, uint8_t *to,
				struct skafu__record *out, skafu_error *error)
{
	int32_t rc = skafu__view_record_copy(place, to, out, error);
	return rc ? rc : hidden_apply(view, place->sequence, out, error);
}

int32_t skafu__hidden_payload(struct skafu__view *view, uint64_t sequence, const struct skafu__record *record,
			      skafu_error *error)
{
	if (record->kind == SKAFU__KIND_LOST || (record->flags & SKAFU__RECORD_ERASED))
		return 0;
	int32_t rc = hidden_is_cut(view, record, error);
	return rc ? rc : hidden_is_erased(view, sequence, error);
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

static int32_t hidden_refuse_deleted(const char *stream, size_t length, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDELETED,
			   "stream %.*s was deleted for good, and its name cannot be used again; use another stream",
			   (int)length, stream);
}

int32_t skafu__hidden_judge_streams(struct skafu__view *view, const skafu_batch *batch, skafu_error *error)
{
	int is_in_use = hidden_table(view->store, SKAFU__HIDDEN_STREAMS) != 0;
	for (uint32_t i = 0; is_in_use && i < batch->record_count; i++) {
		struct skafu__record record;
		struct skafu__hidden_mark mark;
		if (skafu__record_decode(skafu__batch_record_bytes(batch, i), batch->index[i].size, &record) != 0 ||
		    record.kind != SKAFU_KIND_EVENT)
			continue;
		int32_t rc = skafu__hidden_stream(view, record.stream, record.stream_length, &mark, error);
		if (rc == 0 && mark.is_tombstone) {
			rc = hidden_refuse_deleted(record.stream, record.stream_length, error);
			skafu__error_set_item(error, i + 1);
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* A mark never shows what was hidden, and never hides what is not there yet.  It can be further than the next event
 * of a stream only where a salvage lost the last ones; it may then go back to that. */
static int32_t hidden_judge_mark(struct skafu__view *view, const char *stream, size_t length,
				 const struct skafu__hidden_mark *wanted, skafu_error *error)
{
	struct skafu__hidden_mark mark;
	uint64_t version;
	uint64_t sequence;
	int32_t rc = skafu__hidden_stream(view, stream, length, &mark, error);
	if (rc == 0 && mark.is_tombstone)
		return hidden_refuse_deleted(stream, length, error);
	if (rc == 0)
		rc = skafu__index_stream_head(view, stream, length, &version, &sequence, error);
	if (rc != 0 || wanted->is_tombstone)
		return rc;
	if (wanted->before == version + 1 || (wanted->before <= version && wanted->before >= mark.before))
		return 0;
	skafu__fail(
		error, SKAFU_EINVAL,
		"stream %.*s cannot be truncated before version %llu: it is at version %llu, and truncated before "
		"%llu already",
		(int)length, stream, (unsigned long long)wanted->before, (unsigned long long)version,
		(unsigned long long)mark.before);
	skafu__error_set_version(error, version);
	return SKAFU_EINVAL;
}

static int32_t hidden_judge_erasure(struct skafu__view *view, uint64_t sequence, skafu_error *error)
{
	struct skafu__record record;
	int32_t rc = skafu__view_record(view, sequence, &record, error);
	if (rc != SKAFU_ENOTFOUND && (rc != 0 || record.kind != SKAFU__KIND_LOST))
		return rc;
	skafu__fail(error, SKAFU_ENOTFOUND, "there is no record %llu to be erased; the log ends at %llu",
		    (unsigned long long)sequence, (unsigned long long)view->head);
	skafu__error_set_sequence(error, sequence);
	return SKAFU_ENOTFOUND;
}

static int32_t hidden_judge_row(struct skafu__view *view, const skafu_batch *batch,
				const struct skafu__batch_row *row, skafu_error *error)
{
	const char *table = skafu__batch_name_text(batch, row->table & ~SKAFU__NAME_IS_LOCAL);
	const uint8_t *key = batch->texts.bytes + row->at;
	const uint8_t *value = key + row->key_length;
	if (strcmp(table, SKAFU__HIDDEN_ERASED) == 0)
		return hidden_judge_erasure(view, skafu__load_u64_be(key), error);
	if (strcmp(table, SKAFU__HIDDEN_STREAMS) != 0)
		return 0;
	struct skafu__hidden_mark wanted = {skafu__load_u64(value), skafu__load_u32(value + 8) != 0};
	return hidden_judge_mark(view, (const char *)key, row->key_length, &wanted, error);
}

/* The batch holds a place for the count. */
static int32_t hidden_fill_count(struct skafu__view *view, const skafu_batch *batch, skafu_error *error)
{
	const uint8_t *place;
	size_t length;
	uint64_t count;
	if (skafu__batch_find_row(batch, SKAFU__HIDDEN_COUNT, SKAFU__HIDDEN_COUNT_KEY,
				  sizeof SKAFU__HIDDEN_COUNT_KEY - 1, &place, &length) != 1)
		return 0;
	int32_t rc = skafu__hidden_count(view, &count, error);
	if (rc == 0)
		skafu__store_u64(batch->texts.bytes + (place - batch->texts.bytes), count + 1);
	return rc;
}

int32_t skafu__hidden_judge(struct skafu__view *view, const skafu_batch *batch, skafu_error *error)
{
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && batch->hides && i < batch->row_count; i++)
		rc = hidden_judge_row(view, batch, &batch->rows[i], error);
	if (rc == 0 && batch->hides)
		rc = hidden_fill_count(view, batch, error);
	return rc;
}

int32_t skafu__hidden_judge_count(struct skafu__view *view, const skafu_batch *batch, skafu_error *error)
{
	uint64_t count;
	if (!batch->expects_hidden)
		return 0;
	int32_t rc = skafu__hidden_count(view, &count, error);
	if (rc != 0 || count == batch->hidden_count)
		return rc;
	skafu__fail(error, SKAFU_ECONFLICT, "condition 1 does not hold: events were truncated, deleted or erased "
		    "since they were read; read again and decide again");
	skafu__error_set_condition(error, 1);
	return SKAFU_ECONFLICT;
}
