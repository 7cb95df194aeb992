#include "store/batch.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/hash.h"
#include "store/hidden.h"
#include "store/recorddraft.h"
#include "store/store.h"

#define BATCH_HASHED_AT_ONCE 4u

/* ---- life ---------------------------------------------------------------------------------------------------- */

int32_t skafu_batch_new(skafu_store *store, skafu_batch **out_batch, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc != 0)
		return rc;
	if (!out_batch)
		return skafu__fail(error, SKAFU_EINVAL, "out_batch is NULL; give a place for the batch");
	skafu_batch *batch = skafu__alloc_zeroed(&store->sys, 1, sizeof *batch);
	if (!batch)
		return skafu__fail_memory(error);
	batch->store = store;
	skafu__buf_init(&batch->records, &store->sys, store->opts.batch_bytes_max);
	skafu__buf_init(&batch->texts, &store->sys, store->opts.batch_bytes_max);
	skafu__batchnames_init(&batch->names, &store->sys, skafu__load_u64(store->format.hash_key),
			       store->opts.batch_bytes_max);
	skafu__map_init(&batch->id_index, &store->sys, SIZE_MAX, skafu__load_u64(store->format.hash_key));
	skafu__store_hold(store);
	*out_batch = batch;
	return 0;
}

static void batch_drop_conditions(skafu_batch *batch)
{
	for (uint32_t i = 0; i < batch->condition_count; i++)
		skafu_query_free(batch->conditions[i].query);
	batch->condition_count = 0;
}

void skafu__batch_keep_records(skafu_batch *batch)
{
	batch_drop_conditions(batch);
	batch->row_count = 0;
	batch->hides = 0;
}

void skafu_batch_clear(skafu_batch *batch)
{
	if (!batch)
		return;
	batch_drop_conditions(batch);
	skafu__buf_clear(&batch->records);
	skafu__buf_clear(&batch->texts);
	skafu__batchnames_clear(&batch->names);
	skafu__map_clear(&batch->id_index);
	skafu__ident_stock_clear(&batch->ids);
	batch->record_count = 0;
	batch->hashed_count = 0;
	batch->row_count = 0;
	batch->hides = 0;
	batch->expects_hidden = 0;
	batch->has_id = 0;
	batch->id_is_fixed = 0;
	batch->id_is_new = 0;
	batch->attempted = 0;
}

void skafu_batch_free(skafu_batch *batch)
{
	if (!batch)
		return;
	skafu_store *store = batch->store;
	skafu_batch_clear(batch);
	skafu__buf_done(&batch->records);
	skafu__buf_done(&batch->texts);
	skafu__batchnames_done(&batch->names);
	skafu__map_done(&batch->id_index);
	skafu__free(&store->sys, batch->index);
	skafu__free(&store->sys, batch->conditions);
	skafu__free(&store->sys, batch->rows);
	skafu__free(&store->sys, batch);
	skafu__store_release(store);
}

static int32_t batch_check(const skafu_batch *batch, skafu_error *error)
{
	if (!batch)
		return skafu__fail(error, SKAFU_EINVAL, "the batch is NULL");
	int32_t rc = skafu__store_check(batch->store, error);
	if (rc == 0 && batch->attempted)
		return skafu__fail(error, SKAFU_EMISUSE,
				   "the batch was appended already; clear it before you fill it "
				   "again");
	return rc;
}

/* Room for one more element of an array that grows by doubling. */
static int32_t batch_make_room(const skafu_batch *batch, void **array, uint32_t count, uint32_t *room, size_t bytes)
{
	if (count < *room)
		return 0;
	uint32_t larger = *room ? *room * 2 : 8;
	void *grown = skafu__realloc_array(&batch->store->sys, *array, larger, bytes);
	if (!grown)
		return SKAFU_ENOMEM;
	*array = grown;
	*room = larger;
	return 0;
}

static int32_t batch_grown_too_far(const skafu_batch *batch, int32_t rc, skafu_error *error)
{
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	return skafu__fail(error, SKAFU_ELIMIT, "the batch would exceed %u bytes; append it in several",
			   batch->store->opts.batch_bytes_max);
}

/* ---- names and records --------------------------------------------------------------------------------------- */

const char *skafu__batch_name_text(const skafu_batch *batch, uint32_t index)
{
	return skafu__batchnames_text(&batch->names, index);
}

uint8_t *skafu__batch_record_bytes(const skafu_batch *batch, uint32_t index)
{
	return batch->records.bytes + batch->index[index].at;
}

uint8_t *skafu__batch_id_of(const skafu_batch *batch, uint32_t index)
{
	return skafu__batch_record_bytes(batch, index) + SKAFU__RECORD_AT_ID;
}

void skafu__batch_rename_record(skafu_batch *batch, uint32_t index, const uint8_t id[16])
{
	memcpy(skafu__batch_id_of(batch, index), id, 16);
	batch->index[index].flags |= SKAFU__BATCH_ID_GIVEN;
}

/* ---- a record: add ------------------------------------------------------------------------------------------- */

/* A type comes from one domain: within the batch this is checked here, against the store by the writer. */
static int32_t batch_bind_type(const skafu_batch *batch, uint32_t type, uint32_t source, skafu_error *error)
{
	uint32_t owner = batch->names.list[type].owner;
	if (!skafu__batchnames_is_used(&batch->names, type) || owner == (source | SKAFU__NAME_IS_LOCAL))
		return 0;
	return skafu__fail(error, SKAFU_EDEFINITION, "type %s belongs to domain %s, so domain %s cannot emit it",
			   skafu__batch_name_text(batch, type),
			   skafu__batch_name_text(batch, owner & ~SKAFU__NAME_IS_LOCAL),
			   skafu__batch_name_text(batch, source));
}

/* An id that the host knows may stand in the batch once. */
static int32_t batch_claim_id(skafu_batch *batch, const struct skafu__recorddraft *draft, skafu_error *error)
{
	if (!(draft->flags & SKAFU__BATCH_ID_GIVEN))
		return 0;
	if (skafu__map_find(&batch->id_index, draft->id, 16))
		return skafu__fail(error, SKAFU_EDUPLICATE, "the batch has a record with this id already");
	int32_t rc = skafu__map_insert(&batch->id_index, draft->id, 16, batch->record_count);
	return rc < 0 ? skafu__fail_memory(error) : 0;
}

static int32_t batch_put_name(skafu_batch *batch, uint8_t set, const struct skafu__recorddraft_name *name,
			      uint32_t *out)
{
	if (name->known != 0) {
		*out = name->known - 1;
		return 0;
	}
	int32_t rc = skafu__batchnames_put(&batch->names, set, name->text, name->length, out);
	if (rc == 0 && name->is_default)
		batch->names.defaults[set] = *out + 1;
	else if (rc == 0)
		skafu__batchnames_note(&batch->names, name->text, *out);
	return rc;
}

/* The numbers of a record's names. */
struct batch_names {
	uint32_t type;
	uint32_t source;
	uint32_t content_type;
};

static int32_t batch_put_names(skafu_batch *batch, const struct skafu__recorddraft *draft, struct batch_names *out)
{
	uint8_t types = skafu__type_set(draft->record.kind);
	int32_t rc = batch_put_name(batch, SKAFU__NAME_DOMAIN, &draft->source, &out->source);
	if (rc == 0)
		rc = batch_put_name(batch, types, &draft->type, &out->type);
	/* A domain stands before the types that are its own, so a type that was another's before gets a new place. */
	if (rc == 0 && out->type < out->source && types == SKAFU__NAME_TYPE &&
	    !skafu__batchnames_is_used(&batch->names, out->type))
		rc = skafu__batchnames_renew(&batch->names, out->type, &out->type);
	if (rc == 0)
		rc = batch_put_name(batch, SKAFU__NAME_CONTENT_TYPE, &draft->content_type, &out->content_type);
	return rc;
}

static int32_t batch_resolve(skafu_batch *batch, struct skafu__recorddraft *draft, struct batch_names *names,
			     skafu_error *error)
{
	int32_t rc = batch_put_names(batch, draft, names);
	if (rc != 0)
		return batch_grown_too_far(batch, rc, error);
	if (skafu__type_set(draft->record.kind) == SKAFU__NAME_TYPE)
		rc = batch_bind_type(batch, names->type, names->source, error);
	draft->record.type = names->type | SKAFU__NAME_IS_LOCAL;
	draft->record.source = names->source | SKAFU__NAME_IS_LOCAL;
	draft->record.content_type = names->content_type | SKAFU__NAME_IS_LOCAL;
	return rc;
}

static void batch_use_names(skafu_batch *batch, const struct skafu__recorddraft *draft,
			    const struct batch_names *names)
{
	int has_owner = skafu__type_set(draft->record.kind) == SKAFU__NAME_TYPE;
	skafu__batchnames_use(&batch->names, names->source, 0);
	skafu__batchnames_use(&batch->names, names->content_type, 0);
	skafu__batchnames_use(&batch->names, names->type, has_owner ? names->source | SKAFU__NAME_IS_LOCAL : 0);
}

/* Streams are hashed a few at a time, which is quicker. */
static void batch_hash(skafu_batch *batch, uint32_t count)
{
	struct skafu__part parts[BATCH_HASHED_AT_ONCE];
	uint64_t hashes[BATCH_HASHED_AT_ONCE];
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *record = skafu__batch_record_bytes(batch, batch->hashed_count + i);
		parts[i] = (struct skafu__part){record + SKAFU__RECORD_HEADER_BYTES,
						record[SKAFU__RECORD_AT_STREAM_LENGTH]};
	}
	skafu__hash64_many(batch->store->format.hash_key, parts, count, hashes);
	for (uint32_t i = 0; i < count; i++)
		batch->index[batch->hashed_count + i].stream_hash = hashes[i];
	batch->hashed_count += count;
}

void skafu__batch_hash_streams(skafu_batch *batch)
{
	if (batch->hashed_count < batch->record_count)
		batch_hash(batch, batch->record_count - batch->hashed_count);
}

static int32_t batch_encode(skafu_batch *batch, const struct skafu__recorddraft *draft, skafu_error *error)
{
	int32_t rc = batch_make_room(batch, (void **)&batch->index, batch->record_count, &batch->record_room,
				     sizeof *batch->index);
	uint32_t at = (uint32_t)batch->records.length;
	if (rc == 0)
		rc = skafu__record_encode(&batch->records, &draft->record, draft->tags, draft->tag_lengths);
	if (rc != 0) {
		batch->records.failed = 0;
		return batch_grown_too_far(batch, rc, error);
	}
	struct skafu__batch_record *record = &batch->index[batch->record_count++];
	record->at = at;
	record->size = (uint32_t)batch->records.length - at;
	record->flags = draft->flags;
	record->head = NULL;
	if (batch->record_count - batch->hashed_count == BATCH_HASHED_AT_ONCE)
		batch_hash(batch, BATCH_HASHED_AT_ONCE);
	return 0;
}

static int32_t batch_take(skafu_batch *batch, struct skafu__recorddraft *draft, skafu_error *error)
{
	uint32_t count = batch->names.count;
	struct batch_names names;
	int32_t rc = batch_claim_id(batch, draft, error);
	if (rc != 0)
		return rc;
	rc = batch_resolve(batch, draft, &names, error);
	if (rc == 0)
		rc = batch_encode(batch, draft, error);
	if (rc == 0) {
		batch_use_names(batch, draft, &names);
		return 0;
	}
	skafu__batchnames_cut(&batch->names, count);
	if (draft->flags & SKAFU__BATCH_ID_GIVEN)
		skafu__map_remove(&batch->id_index, draft->id, 16);
	return rc;
}

/* Nobody knows what it was: its digest is that of nothing. */
static void batch_erase_payload(struct skafu__recorddraft *draft)
{
	draft->record.data = NULL;
	draft->record.data_length = 0;
	skafu__record_digest(&draft->record, draft->digest);
	draft->record.data = draft->digest;
	draft->record.data_length = sizeof draft->digest;
	draft->record.flags |= SKAFU__RECORD_ERASED;
}

static int32_t batch_add(skafu_batch *batch, const skafu_new_record *record, int is_erased, skafu_error *error)
{
	struct skafu__recorddraft draft; /* filled in as it is checked */
	int32_t rc = batch_check(batch, error);
	if (rc == 0 && !record)
		rc = skafu__fail(error, SKAFU_EINVAL, "the record is NULL");
	if (rc != 0)
		return rc;
	rc = skafu__recorddraft_make(batch, record, &draft, error);
	if (rc != 0)
		return rc;
	if (batch->record_count == SKAFU__BATCH_RECORDS_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a batch has at most %u records", SKAFU__BATCH_RECORDS_MAX);
	if (is_erased)
		batch_erase_payload(&draft);
	return batch_take(batch, &draft, error);
}

int32_t skafu_batch_add(skafu_batch *batch, const skafu_new_record *record, skafu_error *error)
{
	return batch_add(batch, record, 0, error);
}

int32_t skafu__batch_add_erased(skafu_batch *batch, const skafu_new_record *record, skafu_error *error)
{
	return batch_add(batch, record, 1, error);
}

uint32_t skafu_batch_count(const skafu_batch *batch)
{
	return batch ? batch->record_count : 0;
}

/* From now on others may use the id before this batch does.  What the host sees of the batch stays the same. */
static int32_t batch_tell_id(const skafu_batch *batch, uint32_t index, const uint8_t id[16])
{
	struct skafu__map *known = (void *)(uintptr_t)&batch->id_index;
	struct skafu__batch_record *record = &batch->index[index];
	if (batch->attempted || (record->flags & (SKAFU__BATCH_ID_GIVEN | SKAFU__BATCH_ID_TOLD)))
		return 0;
	if (skafu__map_insert(known, id, 16, index) < 0)
		return SKAFU_ENOMEM;
	record->flags |= SKAFU__BATCH_ID_TOLD;
	return 0;
}

int32_t skafu_batch_record_id(const skafu_batch *batch, uint32_t index, uint8_t out_id[16])
{
	if (!batch || !out_id || index >= batch->record_count)
		return SKAFU_EINVAL;
	const uint8_t *id = skafu__batch_id_of(batch, index);
	if (batch_tell_id(batch, index, id) != 0)
		return SKAFU_ENOMEM;
	memcpy(out_id, id, 16);
	return 0;
}

/* ---- the commit id ------------------------------------------------------------------------------------------- */

static int batch_all_ids_given(const skafu_batch *batch)
{
	for (uint32_t i = 0; i < batch->record_count; i++)
		if (!(batch->index[i].flags & SKAFU__BATCH_ID_GIVEN))
			return 0;
	return batch->record_count != 0;
}

static int32_t batch_derive_id(skafu_batch *batch)
{
	static const char purpose[] = "skafu commit of";
	uint8_t *ids = skafu__alloc(&batch->store->sys, (size_t)batch->record_count * 16);
	if (!ids)
		return SKAFU_ENOMEM;
	for (uint32_t i = 0; i < batch->record_count; i++)
		memcpy(ids + (size_t)i * 16, skafu__batch_id_of(batch, i), 16);
	struct skafu__part parts[2] = {{purpose, sizeof purpose}, {ids, (size_t)batch->record_count * 16}};
	skafu__blake2b(batch->id, 16, parts, 2);
	skafu__ident_stamp_v8(batch->id);
	skafu__free(&batch->store->sys, ids);
	return 0;
}

int32_t skafu__batch_fix_id(skafu_batch *batch, skafu_error *error)
{
	/* An id that was derived for an append that was refused follows what is added since. */
	if (batch->has_id && (batch->id_is_fixed || batch->attempted || batch->id_is_new))
		return 0;
	if (batch_all_ids_given(batch)) {
		if (batch_derive_id(batch) != 0)
			return skafu__fail_memory(error);
	} else {
		if (skafu__ident_new(&batch->store->ident, &batch->store->sys, batch->id, 1) != 0)
			return skafu__fail(error, SKAFU_EIO, "the system gave no random bytes for a commit id");
		batch->id_is_new = 1;
	}
	batch->has_id = 1;
	return 0;
}

int32_t skafu_batch_set_id(skafu_batch *batch, const uint8_t id[16], skafu_error *error)
{
	static const uint8_t nil[16];
	int32_t rc = batch_check(batch, error);
	if (rc != 0)
		return rc;
	if (!id || memcmp(id, nil, 16) == 0)
		return skafu__fail(error, SKAFU_EINVAL,
				   "the commit id is NULL or all zero; give 16 bytes that name the "
				   "commit");
	memcpy(batch->id, id, 16);
	batch->has_id = 1;
	batch->id_is_fixed = 1;
	batch->id_is_new = 0;
	return 0;
}

int32_t skafu_batch_id(skafu_batch *batch, uint8_t out_id[16], skafu_error *error)
{
	if (!batch || !out_id)
		return skafu__fail(error, SKAFU_EINVAL, "the batch or out_id is NULL");
	int32_t rc = skafu__store_check(batch->store, error);
	if (rc == 0)
		rc = skafu__batch_fix_id(batch, error);
	if (rc != 0)
		return rc;
	batch->id_is_fixed = 1;
	batch->id_is_new = 0; /* from now on others may know it */
	memcpy(out_id, batch->id, 16);
	return 0;
}

/* ---- conditions ---------------------------------------------------------------------------------------------- */

static int32_t batch_add_condition(skafu_batch *batch, const struct skafu__condition *condition, skafu_error *error)
{
	if (batch->condition_count == SKAFU__BATCH_CONDITIONS_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a batch has at most %u conditions",
				   SKAFU__BATCH_CONDITIONS_MAX);
	int32_t rc = batch_make_room(batch, (void **)&batch->conditions, batch->condition_count,
				     &batch->condition_room, sizeof *batch->conditions);
	if (rc != 0)
		return skafu__fail_memory(error);
	batch->conditions[batch->condition_count++] = *condition;
	return 0;
}

int32_t skafu_batch_expect_stream(skafu_batch *batch, const char *stream, uint32_t expectation, uint64_t version,
				  skafu_error *error)
{
	size_t length;
	int32_t rc = batch_check(batch, error);
	if (rc == 0)
		rc = skafu__name_measure(stream, batch->store->opts.name_bytes_max, "stream name", &length, error);
	if (rc != 0)
		return rc;
	if (expectation < SKAFU_EXPECT_ANY || expectation > SKAFU_EXPECT_EXACT)
		return skafu__fail(error, SKAFU_EINVAL, "expectation %u is none of SKAFU_EXPECT_", expectation);
	if (version != 0 && expectation != SKAFU_EXPECT_EXACT)
		return skafu__fail(error, SKAFU_EINVAL,
				   "version %llu is given, but only SKAFU_EXPECT_EXACT takes one",
				   (unsigned long long)version);
	struct skafu__condition condition = {.kind = SKAFU__CONDITION_STREAM, .expectation = expectation,
					     .number = version, .text_at = (uint32_t)batch->texts.length,
					     .key_length = (uint32_t)length};
	rc = skafu__buf_put(&batch->texts, stream, length + 1);
	if (rc != 0) {
		batch->texts.failed = 0;
		return batch_grown_too_far(batch, rc, error);
	}
	return batch_add_condition(batch, &condition, error);
}

int32_t skafu_batch_expect_no_match(skafu_batch *batch, const skafu_query *query, uint64_t after, skafu_error *error)
{
	int32_t rc = batch_check(batch, error);
	if (rc != 0)
		return rc;
	if (!query)
		return skafu__fail(error, SKAFU_EINVAL, "the query is NULL");
	struct skafu__condition condition = {.kind = SKAFU__CONDITION_QUERY, .number = after};
	condition.query = skafu__query_copy(query);
	if (!condition.query)
		return skafu__fail_memory(error);
	rc = batch_add_condition(batch, &condition, error);
	if (rc != 0)
		skafu_query_free(condition.query);
	return rc;
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

struct batch_row_draft {
	const char *table;
	const void *key;
	size_t key_length;
	const void *value;
	size_t value_length;
};

static int32_t batch_check_row(skafu_batch *batch, const struct batch_row_draft *row, uint32_t *out_table,
			       uint32_t *out_at, skafu_error *error)
{
	size_t length;
	int32_t rc = batch_check(batch, error);
	if (rc == 0)
		rc = skafu__name_measure(row->table, batch->store->opts.name_bytes_max, "table name", &length, error);
	if (rc == 0 && (!row->key || row->key_length == 0 || row->key_length > 255))
		rc = skafu__fail(error, SKAFU_EINVAL, "the key of a row has 1 to 255 bytes, not %zu",
				 row->key_length);
	if (rc == 0)
		rc = skafu__recorddraft_check_length(batch, row->value, row->value_length, "row value", error);
	if (rc != 0)
		return rc;
	rc = skafu__batchnames_put(&batch->names, SKAFU__NAME_TABLE, row->table, length, out_table);
	size_t before = batch->texts.length;
	if (rc == 0)
		rc = skafu__buf_put(&batch->texts, row->key, row->key_length);
	if (rc == 0 && row->value_length != 0)
		rc = skafu__buf_put(&batch->texts, row->value, row->value_length);
	if (rc != 0) {
		batch->texts.failed = 0;
		batch->texts.length = before;
		return batch_grown_too_far(batch, rc, error);
	}
	skafu__batchnames_use(&batch->names, *out_table, 0);
	*out_at = (uint32_t)before;
	return 0;
}

static int32_t batch_add_row(skafu_batch *batch, const struct batch_row_draft *draft, uint8_t operation,
			     skafu_error *error)
{
	uint32_t table;
	uint32_t at;
	int32_t rc = batch_check_row(batch, draft, &table, &at, error);
	if (rc == 0 && batch_make_room(batch, (void **)&batch->rows, batch->row_count, &batch->row_room,
				       sizeof *batch->rows) != 0)
		rc = skafu__fail_memory(error);
	if (rc != 0)
		return rc;
	batch->rows[batch->row_count++] = (struct skafu__batch_row){
		.table = table | SKAFU__NAME_IS_LOCAL, .at = at, .value_length = (uint32_t)draft->value_length,
		.operation = operation, .key_length = (uint8_t)draft->key_length};
	return 0;
}

/* What is hidden from readers is changed by the functions that are made for it. */
static int32_t batch_check_table(const char *table, skafu_error *error)
{
	if (!table || !skafu__hidden_is_reserved(table))
		return 0;
	return skafu__fail(error, SKAFU_EINVAL,
			   "tables whose names begin with \"" SKAFU__HIDDEN_PREFIX "\" belong to the library; use "
			   "another name");
}

int32_t skafu__batch_put_reserved(skafu_batch *batch, const char *table, const void *key, size_t key_length,
				  const void *value, size_t value_length, skafu_error *error)
{
	static const uint8_t place[8]; /* the judge fills it in */
	struct batch_row_draft draft = {table, key, key_length, value, value_length};
	struct batch_row_draft count = {SKAFU__HIDDEN_COUNT, SKAFU__HIDDEN_COUNT_KEY,
					sizeof SKAFU__HIDDEN_COUNT_KEY - 1, place, sizeof place};
	uint32_t before = batch ? batch->row_count : 0;
	int32_t rc = batch_add_row(batch, &draft, SKAFU__ROW_PUT, error);
	if (rc == 0 && !batch->hides)
		rc = batch_add_row(batch, &count, SKAFU__ROW_PUT, error);
	if (rc == 0)
		batch->hides = 1;
	else if (batch)
		batch->row_count = before;
	return rc;
}

void skafu__batch_expect_hidden(skafu_batch *batch, uint64_t count)
{
	batch->expects_hidden = 1;
	batch->hidden_count = count;
}

int32_t skafu_batch_put_row(skafu_batch *batch, const char *table, const void *key, size_t key_length,
			    const void *value, size_t value_length, skafu_error *error)
{
	struct batch_row_draft draft = {table, key, key_length, value, value_length};
	int32_t rc = batch_check_table(table, error);
	return rc ? rc : batch_add_row(batch, &draft, SKAFU__ROW_PUT, error);
}

int32_t skafu_batch_delete_row(skafu_batch *batch, const char *table, const void *key, size_t key_length,
			       skafu_error *error)
{
	struct batch_row_draft draft = {table, key, key_length, NULL, 0};
	int32_t rc = batch_check_table(table, error);
	return rc ? rc : batch_add_row(batch, &draft, SKAFU__ROW_DELETE, error);
}

static int32_t batch_expect_row(skafu_batch *batch, const struct batch_row_draft *draft, uint32_t present,
				skafu_error *error)
{
	struct skafu__condition condition = {.kind = SKAFU__CONDITION_ROW, .expectation = present,
					     .key_length = (uint32_t)draft->key_length,
					     .value_length = (uint32_t)draft->value_length};
	int32_t rc = batch_check_row(batch, draft, &condition.table, &condition.text_at, error);
	return rc ? rc : batch_add_condition(batch, &condition, error);
}

int32_t skafu_batch_expect_row(skafu_batch *batch, const char *table, const void *key, size_t key_length,
			       const void *value, size_t value_length, skafu_error *error)
{
	struct batch_row_draft draft = {table, key, key_length, value, value_length};
	return batch_expect_row(batch, &draft, 1, error);
}

int32_t skafu_batch_expect_no_row(skafu_batch *batch, const char *table, const void *key, size_t key_length,
				  skafu_error *error)
{
	struct batch_row_draft draft = {table, key, key_length, NULL, 0};
	return batch_expect_row(batch, &draft, 0, error);
}

int skafu__batch_find_row(const skafu_batch *batch, const char *table, const void *key, size_t key_length,
			  const uint8_t **out_value, size_t *out_length)
{
	for (uint32_t i = batch->row_count; i-- > 0;) {
		const struct skafu__batch_row *row = &batch->rows[i];
		const uint8_t *bytes = batch->texts.bytes + row->at;
		if (row->key_length != key_length || memcmp(bytes, key, key_length) != 0 ||
		    strcmp(skafu__batch_name_text(batch, row->table & ~SKAFU__NAME_IS_LOCAL), table) != 0)
			continue;
		*out_value = bytes + key_length;
		*out_length = row->value_length;
		return row->operation == SKAFU__ROW_PUT ? 1 : 2;
	}
	return 0;
}

size_t skafu__batch_bytes(const skafu_batch *batch)
{
	size_t bytes = SKAFU__COMMIT_HEADER_BYTES + (size_t)batch->record_count * 4 + batch->records.length +
		       batch->texts.length + batch->names.texts.length;
	bytes += (size_t)batch->names.count * (SKAFU__NAME_HEADER_BYTES + 1u);
	return bytes + (size_t)batch->row_count * SKAFU__ROW_HEADER_BYTES;
}
