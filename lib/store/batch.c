#include "store/batch.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/hash.h"
#include "codec/json.h"
#include "store/hidden.h"
#include "store/store.h"

#define BATCH_CORRELATION_BYTES_MAX 128u
#define BATCH_HOPS_MAX 255u

static const char batch_json[] = "application/json";
static const char batch_default_source[] = "default";

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
	skafu__map_init(&batch->name_index, &store->sys, SIZE_MAX, skafu__load_u64(store->format.hash_key));
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
	skafu__map_clear(&batch->name_index);
	skafu__map_clear(&batch->id_index);
	memset(batch->recent_names, 0, sizeof batch->recent_names);
	batch->record_count = 0;
	batch->name_count = 0;
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
	skafu__map_done(&batch->name_index);
	skafu__map_done(&batch->id_index);
	skafu__free(&store->sys, batch->index);
	skafu__free(&store->sys, batch->names);
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

/* ---- names --------------------------------------------------------------------------------------------------- */

const char *skafu__batch_name_text(const skafu_batch *batch, uint32_t index)
{
	return (const char *)batch->texts.bytes + batch->names[index].text_at;
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

static int batch_name_is(const skafu_batch *batch, uint32_t index, uint8_t set, const char *text,
			 size_t length)
{
	const struct skafu__batch_name *name = &batch->names[index];
	return name->set == set && name->length == length &&
	       memcmp(skafu__batch_name_text(batch, index), text, length) == 0;
}

static int32_t batch_add_name(skafu_batch *batch, uint8_t set, const char *text, size_t length, uint32_t *out)
{
	uint8_t key[256];
	key[0] = set;
	memcpy(key + 1, text, length);
	const uint64_t *known = skafu__map_find(&batch->name_index, key, length + 1);
	if (known) {
		*out = (uint32_t)*known;
		return 0;
	}
	int32_t rc = batch_make_room(batch, (void **)&batch->names, batch->name_count, &batch->name_room,
				     sizeof *batch->names);
	uint32_t text_at = (uint32_t)batch->texts.length;
	if (rc == 0)
		rc = skafu__buf_put(&batch->texts, text, length + 1);
	if (rc == 0)
		rc = skafu__map_insert(&batch->name_index, key, length + 1, batch->name_count);
	if (rc < 0) {
		batch->texts.failed = 0;
		return rc;
	}
	batch->names[batch->name_count] =
		(struct skafu__batch_name){.set = set, .length = (uint8_t)length, .text_at = text_at};
	*out = batch->name_count++;
	return 0;
}

/* Where a name is noted that was used lately.  Names that share the place only cost each other a lookup. */
static uint32_t *batch_recent(skafu_batch *batch, const char *text, size_t length)
{
	uint32_t mix = (uint8_t)text[0] + 7u * (uint8_t)text[length / 2] + 17u * (uint8_t)text[length - 1];
	return &batch->recent_names[(mix + 5u * (uint32_t)length) % SKAFU__BATCH_RECENT];
}

/* The index of a name in the batch; most records repeat a name of those before. */
static int32_t batch_name(skafu_batch *batch, uint8_t set, const char *text, size_t length, uint32_t *out)
{
	uint32_t *recent = batch_recent(batch, text, length);
	if (*recent != 0 && batch_name_is(batch, *recent - 1, set, text, length)) {
		*out = *recent - 1;
		return 0;
	}
	int32_t rc = batch_add_name(batch, set, text, length, out);
	if (rc == 0)
		*recent = *out + 1;
	return rc;
}

/* ---- a record: checks ---------------------------------------------------------------------------------------- */

/* What skafu_batch_add() makes of the host's struct before anything changes.  It is not zeroed as a whole, which
 * would cost as much as all names: the checks set every member, and what only some of them set is set first. */
struct batch_draft {
	struct skafu__record record;
	const char *type;
	const char *source;
	const char *content_type;
	const char *const *tags;
	size_t type_length;
	size_t source_length;
	size_t content_type_length;
	uint32_t flags;
	uint8_t id[16];
	char correlation[SKAFU_ID_TEXT_BYTES];
	uint8_t digest[SKAFU__DIGEST_BYTES]; /* of a payload that was erased */
};

static int32_t batch_check_kind(const struct skafu_new_record *given, struct batch_draft *draft, skafu_error *error)
{
	uint32_t kind = given->kind ? given->kind : SKAFU_KIND_EVENT;
	if (kind > SKAFU_KIND_OUTCOME)
		return skafu__fail(error, SKAFU_EINVAL, "kind %u is none of SKAFU_KIND_", kind);
	if (kind == SKAFU_KIND_EVENT && !given->stream)
		return skafu__fail(error, SKAFU_EINVAL, "an event needs a stream; give its name");
	if (given->severity > SKAFU_SEVERITY_CRITICAL || (given->severity != 0 && kind != SKAFU_KIND_ERROR))
		return skafu__fail(error, SKAFU_EINVAL, "severity %u is none of SKAFU_SEVERITY_, or the record is no "
				   "error", given->severity);
	if (given->hops > BATCH_HOPS_MAX)
		return skafu__fail(error, SKAFU_EINVAL, "hops is %u; it is at most %u", given->hops, BATCH_HOPS_MAX);
	draft->record.kind = (uint8_t)kind;
	draft->record.severity = (uint8_t)given->severity;
	draft->record.hops = (uint8_t)given->hops;
	draft->record.event_version = given->event_version ? given->event_version : 1u << 16;
	return 0;
}

static int32_t batch_check_names(const skafu_batch *batch, const struct skafu_new_record *given,
				 struct batch_draft *draft, skafu_error *error)
{
	size_t max = batch->store->opts.name_bytes_max;
	size_t stream = 0;
	size_t correlation = 0;
	draft->type = given->type;
	draft->source = batch_default_source;
	draft->source_length = sizeof batch_default_source - 1;
	draft->content_type = batch_json;
	draft->content_type_length = sizeof batch_json - 1;
	int32_t rc = skafu__name_measure(given->type, max, "type", &draft->type_length, error);
	if (rc == 0 && given->stream)
		rc = skafu__name_measure(given->stream, max, "stream name", &stream, error);
	if (rc == 0 && given->source)
		rc = skafu__name_measure(draft->source = given->source, max, "source", &draft->source_length, error);
	if (rc == 0 && given->content_type)
		rc = skafu__name_measure(draft->content_type = given->content_type, max, "content type",
					 &draft->content_type_length, error);
	if (rc == 0 && given->correlation)
		rc = skafu__name_measure(given->correlation, BATCH_CORRELATION_BYTES_MAX, "correlation id",
					 &correlation, error);
	draft->record.stream = given->stream;
	draft->record.stream_length = (uint8_t)stream;
	draft->record.correlation = given->correlation;
	draft->record.correlation_length = (uint8_t)correlation;
	return rc;
}

static int32_t batch_check_tags(const skafu_batch *batch, const struct skafu_new_record *given,
				struct batch_draft *draft, skafu_error *error)
{
	size_t bytes = 0;
	if (given->tag_count > batch->store->opts.tags_max)
		return skafu__fail(error, SKAFU_ELIMIT, "the record has %zu tags; at most %u are allowed",
				   given->tag_count, batch->store->opts.tags_max);
	if (given->tag_count != 0 && !given->tags)
		return skafu__fail(error, SKAFU_EINVAL, "tag_count is %zu but tags is NULL", given->tag_count);
	for (size_t i = 0; i < given->tag_count; i++) {
		size_t length;
		int32_t rc = skafu__name_measure(given->tags[i], batch->store->opts.name_bytes_max, "tag", &length,
						 error);
		if (rc != 0)
			return rc;
		bytes += length + 1;
	}
	draft->tags = given->tags;
	draft->record.tag_count = (uint8_t)given->tag_count;
	draft->record.tags_length = (uint16_t)bytes;
	return 0;
}

static int32_t batch_check_json(const skafu_batch *batch, const void *text, size_t length, const char *what,
				skafu_error *error)
{
	struct skafu__json_fault fault;
	int32_t rc = skafu__json_check(&batch->store->sys, text, length, batch->store->opts.json_depth_max, &fault);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (rc != 0)
		return skafu__fail(error, SKAFU_EJSON, "the %s is not strict JSON: at byte %zu, %s", what,
				   fault.offset, fault.reason);
	return 0;
}

static int32_t batch_check_length(const skafu_batch *batch, const void *bytes, size_t length, const char *what,
				  skafu_error *error)
{
	if (length != 0 && !bytes)
		return skafu__fail(error, SKAFU_EINVAL, "the length of the %s is %zu but its bytes are NULL", what,
				   length);
	if (length > batch->store->opts.payload_bytes_max)
		return skafu__fail(error, SKAFU_ELIMIT, "the %s has %zu bytes; at most %u are allowed", what, length,
				   batch->store->opts.payload_bytes_max);
	return 0;
}

static int batch_starts_object(const void *text, size_t length)
{
	size_t at = skafu__json_skip_blanks(text, 0, length);
	return at < length && ((const char *)text)[at] == '{';
}

static int32_t batch_check_metadata(const skafu_batch *batch, const struct skafu_new_record *given,
				    struct batch_draft *draft, skafu_error *error)
{
	int32_t rc = batch_check_length(batch, given->metadata, given->metadata_length, "metadata", error);
	if (rc == 0 && given->metadata_length != 0)
		rc = batch_check_json(batch, given->metadata, given->metadata_length, "metadata", error);
	if (rc == 0 && given->metadata_length != 0 && !batch_starts_object(given->metadata, given->metadata_length))
		rc = skafu__fail(error, SKAFU_EJSON, "the metadata is JSON but not an object");
	draft->record.metadata = given->metadata;
	draft->record.metadata_length = (uint32_t)given->metadata_length;
	return rc;
}

static int32_t batch_check_payload(const skafu_batch *batch, const struct skafu_new_record *given,
				   struct batch_draft *draft, skafu_error *error)
{
	int is_json = draft->content_type == batch_json || strcmp(draft->content_type, batch_json) == 0;
	draft->record.data = given->data;
	draft->record.data_length = (uint32_t)given->data_length;
	int32_t rc = batch_check_length(batch, given->data, given->data_length, "payload", error);
	if (rc == 0 && is_json && given->data_length == 0) {
		draft->record.data = (const uint8_t *)"{}";
		draft->record.data_length = 2;
	} else if (rc == 0 && is_json) {
		rc = batch_check_json(batch, given->data, given->data_length, "payload", error);
	}
	draft->record.flags = is_json ? SKAFU_RECORD_IS_JSON : 0;
	return rc ? rc : batch_check_metadata(batch, given, draft, error);
}

/* Ids and time.  Making an id can fail, so it comes last, when all else is known to be right. */
static int32_t batch_check_identity(const skafu_batch *batch, const struct skafu_new_record *given,
				    struct batch_draft *draft, skafu_error *error)
{
	static const uint8_t nil[16];
	if (given->id && memcmp(given->id, nil, 16) == 0)
		return skafu__fail(error, SKAFU_EINVAL,
				   "the record id is all zero, which means none; give a real one");
	if (given->id)
		memcpy(draft->id, given->id, 16);
	else if (skafu__ident_new(&batch->store->ident, &batch->store->sys, draft->id, 1) != 0)
		return skafu__fail(error, SKAFU_EIO, "the system gave no random bytes for a record id");
	draft->record.id = draft->id;
	draft->record.causation = given->causation;
	draft->record.time_ns = given->time_ns;
	if (given->id)
		draft->flags |= SKAFU__BATCH_ID_GIVEN;
	if (given->time_ns != 0 || (given->flags & SKAFU_RECORD_TIME))
		draft->flags |= SKAFU__BATCH_TIME_GIVEN;
	if (given->correlation) {
		draft->flags |= SKAFU__BATCH_CORRELATION_GIVEN;
		return 0;
	}
	skafu_id_format(draft->id, draft->correlation);
	draft->record.correlation = draft->correlation;
	draft->record.correlation_length = SKAFU_ID_TEXT_BYTES - 1;
	return 0;
}

static int32_t batch_draft(const skafu_batch *batch, const struct skafu_new_record *given, struct batch_draft *draft,
			   skafu_error *error)
{
	draft->record.stream_version = 0;
	draft->record.tags = NULL;
	int32_t rc = skafu__opts_flags(given->flags, SKAFU_RECORD_TIME, "skafu_new_record", error);
	if (rc == 0)
		rc = batch_check_kind(given, draft, error);
	if (rc == 0)
		rc = batch_check_names(batch, given, draft, error);
	if (rc == 0)
		rc = batch_check_tags(batch, given, draft, error);
	if (rc == 0)
		rc = batch_check_payload(batch, given, draft, error);
	return rc ? rc : batch_check_identity(batch, given, draft, error);
}

/* ---- a record: add ------------------------------------------------------------------------------------------- */

/* A type comes from one domain: within the batch this is checked here, against the store by the writer. */
static int32_t batch_bind_type(skafu_batch *batch, uint32_t type, uint32_t source, skafu_error *error)
{
	struct skafu__batch_name *name = &batch->names[type];
	uint32_t owner = source | SKAFU__NAME_IS_LOCAL;
	if (name->owner == 0)
		name->owner = owner;
	if (name->owner == owner)
		return 0;
	return skafu__fail(error, SKAFU_EDEFINITION, "type %s belongs to domain %s, so domain %s cannot emit it",
			   skafu__batch_name_text(batch, type),
			   skafu__batch_name_text(batch, name->owner & ~SKAFU__NAME_IS_LOCAL),
			   skafu__batch_name_text(batch, source));
}

/* Take back the names that a refused record brought in. */
static void batch_forget_names(skafu_batch *batch, uint32_t count, size_t texts_length)
{
	uint8_t key[256];
	while (batch->name_count > count) {
		const struct skafu__batch_name *name = &batch->names[--batch->name_count];
		key[0] = name->set;
		memcpy(key + 1, skafu__batch_name_text(batch, batch->name_count), name->length);
		skafu__map_remove(&batch->name_index, key, name->length + 1u);
	}
	batch->texts.length = texts_length;
	memset(batch->recent_names, 0, sizeof batch->recent_names);
}

/* An id that the host knows may stand in the batch once. */
static int32_t batch_claim_id(skafu_batch *batch, const struct batch_draft *draft, skafu_error *error)
{
	if (!(draft->flags & SKAFU__BATCH_ID_GIVEN))
		return 0;
	if (skafu__map_find(&batch->id_index, draft->id, 16))
		return skafu__fail(error, SKAFU_EDUPLICATE, "the batch has a record with this id already");
	int32_t rc = skafu__map_insert(&batch->id_index, draft->id, 16, batch->record_count);
	return rc < 0 ? skafu__fail_memory(error) : 0;
}

static int32_t batch_resolve(skafu_batch *batch, struct batch_draft *draft, skafu_error *error)
{
	uint32_t type;
	uint32_t source;
	uint32_t content_type;
	int32_t rc = batch_name(batch, SKAFU__NAME_DOMAIN, draft->source, draft->source_length, &source);
	if (rc == 0)
		rc = batch_name(batch, skafu__type_set(draft->record.kind), draft->type, draft->type_length, &type);
	if (rc == 0)
		rc = batch_name(batch, SKAFU__NAME_CONTENT_TYPE, draft->content_type, draft->content_type_length,
				&content_type);
	if (rc != 0)
		return batch_grown_too_far(batch, rc, error);
	if (skafu__type_set(draft->record.kind) == SKAFU__NAME_TYPE)
		rc = batch_bind_type(batch, type, source, error);
	draft->record.type = type | SKAFU__NAME_IS_LOCAL;
	draft->record.source = source | SKAFU__NAME_IS_LOCAL;
	draft->record.content_type = content_type | SKAFU__NAME_IS_LOCAL;
	return rc;
}

static int32_t batch_encode(skafu_batch *batch, const struct batch_draft *draft, skafu_error *error)
{
	int32_t rc = batch_make_room(batch, (void **)&batch->index, batch->record_count, &batch->record_room,
				     sizeof *batch->index);
	uint32_t at = (uint32_t)batch->records.length;
	uint64_t stream_hash = 0;
	if (draft->record.kind == SKAFU_KIND_EVENT)
		stream_hash = skafu__hash64(batch->store->format.hash_key, draft->record.stream,
					    draft->record.stream_length);
	if (rc == 0)
		rc = skafu__record_encode(&batch->records, &draft->record, draft->tags);
	if (rc != 0) {
		batch->records.failed = 0;
		return batch_grown_too_far(batch, rc, error);
	}
	batch->index[batch->record_count++] = (struct skafu__batch_record){
		.at = at, .size = (uint32_t)batch->records.length - at, .flags = draft->flags,
		.stream_hash = stream_hash};
	return 0;
}

static int32_t batch_take(skafu_batch *batch, struct batch_draft *draft, skafu_error *error)
{
	uint32_t names = batch->name_count;
	size_t texts = batch->texts.length;
	int32_t rc = batch_claim_id(batch, draft, error);
	if (rc != 0)
		return rc;
	rc = batch_resolve(batch, draft, error);
	if (rc == 0)
		rc = batch_encode(batch, draft, error);
	if (rc == 0)
		return 0;
	batch_forget_names(batch, names, texts);
	if (draft->flags & SKAFU__BATCH_ID_GIVEN)
		skafu__map_remove(&batch->id_index, draft->id, 16);
	return rc;
}

/* Nobody knows what it was: its digest is that of nothing. */
static void batch_erase_payload(struct batch_draft *draft)
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
	skafu_new_record given;
	struct batch_draft draft; /* filled in as it is checked */
	draft.flags = 0;
	int32_t rc = batch_check(batch, error);
	if (rc == 0 && !record)
		rc = skafu__fail(error, SKAFU_EINVAL, "the record is NULL");
	if (rc == 0)
		rc = skafu__opts_read(&given, sizeof given, record, "skafu_new_record", error);
	if (rc == 0)
		rc = batch_draft(batch, &given, &draft, error);
	if (rc == 0 && is_erased)
		batch_erase_payload(&draft);
	if (rc == 0 && batch->record_count == SKAFU__BATCH_RECORDS_MAX)
		rc = skafu__fail(error, SKAFU_ELIMIT, "a batch has at most %u records", SKAFU__BATCH_RECORDS_MAX);
	return rc ? rc : batch_take(batch, &draft, error);
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
		rc = batch_check_length(batch, row->value, row->value_length, "row value", error);
	if (rc != 0)
		return rc;
	rc = batch_name(batch, SKAFU__NAME_TABLE, row->table, length, out_table);
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
		       batch->texts.length;
	bytes += (size_t)batch->name_count * (SKAFU__NAME_HEADER_BYTES + 1u);
	return bytes + (size_t)batch->row_count * SKAFU__ROW_HEADER_BYTES;
}
