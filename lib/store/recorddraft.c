/*
 * recorddraft.c: the checks that a record passes before it comes into a batch.
 *
 * Invariant: whatever is wrong is found before anything changes.  Names that the batch knows were checked when they
 * came, and are not again.
 */
#include "store/recorddraft.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/json.h"
#include "store/batch.h"
#include "store/store.h"

#define RECORDDRAFT_CORRELATION_BYTES_MAX 128u
#define RECORDDRAFT_HOPS_MAX 255u

static const char recorddraft_json[] = "application/json";
static const char recorddraft_default_source[] = "default";

static int32_t recorddraft_check_kind(const struct skafu_new_record *given, struct skafu__recorddraft *draft,
				      skafu_error *error)
{
	uint32_t kind = given->kind ? given->kind : SKAFU_KIND_EVENT;
	if (kind > SKAFU_KIND_OUTCOME)
		return skafu__fail(error, SKAFU_EINVAL, "kind %u is none of SKAFU_KIND_", kind);
	if (kind == SKAFU_KIND_EVENT && !given->stream)
		return skafu__fail(error, SKAFU_EINVAL, "an event needs a stream; give its name");
	if (given->severity > SKAFU_SEVERITY_CRITICAL || (given->severity != 0 && kind != SKAFU_KIND_ERROR))
		return skafu__fail(error, SKAFU_EINVAL, "severity %u is none of SKAFU_SEVERITY_, or the record is no "
				   "error", given->severity);
	if (given->hops > RECORDDRAFT_HOPS_MAX)
		return skafu__fail(error, SKAFU_EINVAL, "hops is %u; it is at most %u", given->hops,
				   RECORDDRAFT_HOPS_MAX);
	draft->record.kind = (uint8_t)kind;
	draft->record.severity = (uint8_t)given->severity;
	draft->record.hops = (uint8_t)given->hops;
	draft->record.event_version = given->event_version ? given->event_version : 1u << 16;
	return 0;
}

/* A type, source or content type, which the batch mostly knows already. */
static int32_t recorddraft_check_name(const skafu_batch *batch, uint8_t set, const char *text, const char *what,
				      struct skafu__recorddraft_name *out, skafu_error *error)
{
	out->text = text;
	out->is_default = 0;
	out->known = skafu__batchnames_recall(&batch->names, set, text);
	if (out->known != 0)
		return 0;
	return skafu__name_measure(text, batch->store->opts.name_bytes_max, what, &out->length, error);
}

static void recorddraft_take_default(const skafu_batch *batch, uint8_t set, const char *text,
				     struct skafu__recorddraft_name *out)
{
	out->text = text;
	out->is_default = 1;
	out->known = batch->names.defaults[set];
	if (out->known == 0)
		out->length = strlen(text);
}

static int32_t recorddraft_check_type(const skafu_batch *batch, const struct skafu_new_record *given,
				      struct skafu__recorddraft *draft, skafu_error *error)
{
	return recorddraft_check_name(batch, skafu__type_set(draft->record.kind), given->type, "type", &draft->type,
				      error);
}

static int32_t recorddraft_check_source(const skafu_batch *batch, const struct skafu_new_record *given,
					struct skafu__recorddraft *draft, skafu_error *error)
{
	if (given->source)
		return recorddraft_check_name(batch, SKAFU__NAME_DOMAIN, given->source, "source", &draft->source,
					      error);
	recorddraft_take_default(batch, SKAFU__NAME_DOMAIN, recorddraft_default_source, &draft->source);
	return 0;
}

static int32_t recorddraft_check_content_type(const skafu_batch *batch, const struct skafu_new_record *given,
					      struct skafu__recorddraft *draft, skafu_error *error)
{
	if (given->content_type)
		return recorddraft_check_name(batch, SKAFU__NAME_CONTENT_TYPE, given->content_type, "content type",
					      &draft->content_type, error);
	recorddraft_take_default(batch, SKAFU__NAME_CONTENT_TYPE, recorddraft_json, &draft->content_type);
	return 0;
}

static int32_t recorddraft_check_names(const skafu_batch *batch, const struct skafu_new_record *given,
				       struct skafu__recorddraft *draft, skafu_error *error)
{
	size_t stream = 0;
	size_t correlation = 0;
	int32_t rc = recorddraft_check_type(batch, given, draft, error);
	if (rc == 0 && given->stream)
		rc = skafu__name_measure(given->stream, batch->store->opts.name_bytes_max, "stream name", &stream,
					 error);
	if (rc == 0)
		rc = recorddraft_check_source(batch, given, draft, error);
	if (rc == 0)
		rc = recorddraft_check_content_type(batch, given, draft, error);
	if (rc == 0 && given->correlation)
		rc = skafu__name_measure(given->correlation, RECORDDRAFT_CORRELATION_BYTES_MAX, "correlation id",
					 &correlation, error);
	draft->record.stream = given->stream;
	draft->record.stream_length = (uint8_t)stream;
	draft->record.correlation = given->correlation;
	draft->record.correlation_length = (uint8_t)correlation;
	return rc;
}

static int32_t recorddraft_check_tags(const skafu_batch *batch, const struct skafu_new_record *given,
				      struct skafu__recorddraft *draft, skafu_error *error)
{
	size_t bytes = 0;
	if (given->tag_count > batch->store->opts.tags_max)
		return skafu__fail(error, SKAFU_ELIMIT, "the record has %zu tags; at most %u are allowed",
				   given->tag_count, batch->store->opts.tags_max);
	if (given->tag_count != 0 && !given->tags)
		return skafu__fail(error, SKAFU_EINVAL, "tag_count is %zu but tags is NULL", given->tag_count);
	for (size_t i = 0; i < given->tag_count; i++) {
		size_t length;
		int32_t rc =
			skafu__name_measure(given->tags[i], batch->store->opts.name_bytes_max, "tag", &length, error);
		if (rc != 0)
			return rc;
		draft->tag_lengths[i] = (uint8_t)length;
		bytes += length + 1;
	}
	draft->tags = given->tags;
	draft->record.tag_count = (uint8_t)given->tag_count;
	draft->record.tags_length = (uint16_t)bytes;
	return 0;
}

static int32_t recorddraft_check_json(const skafu_batch *batch, const void *text, size_t length, const char *what,
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

int32_t skafu__recorddraft_check_length(const skafu_batch *batch, const void *bytes, size_t length, const char *what,
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

/* At least 1 byte, mostly with no blank in front. */
static int recorddraft_starts_object(const char *text, size_t length)
{
	size_t at = *text == '{' ? 0 : skafu__json_skip_blanks(text, 0, length);
	return at < length && text[at] == '{';
}

static int32_t recorddraft_check_metadata(const skafu_batch *batch, const struct skafu_new_record *given,
					  struct skafu__recorddraft *draft, skafu_error *error)
{
	int32_t rc =
		skafu__recorddraft_check_length(batch, given->metadata, given->metadata_length, "metadata", error);
	if (rc == 0 && given->metadata_length != 0)
		rc = recorddraft_check_json(batch, given->metadata, given->metadata_length, "metadata", error);
	if (rc == 0 && given->metadata_length != 0 &&
	    !recorddraft_starts_object(given->metadata, given->metadata_length))
		rc = skafu__fail(error, SKAFU_EJSON, "the metadata is JSON but not an object");
	draft->record.metadata = given->metadata;
	draft->record.metadata_length = (uint32_t)given->metadata_length;
	return rc;
}

static int32_t recorddraft_check_payload(const skafu_batch *batch, const struct skafu_new_record *given,
					 struct skafu__recorddraft *draft, skafu_error *error)
{
	int is_json = draft->content_type.text == recorddraft_json ||
		      strcmp(draft->content_type.text, recorddraft_json) == 0;
	draft->record.data = given->data;
	draft->record.data_length = (uint32_t)given->data_length;
	int32_t rc = skafu__recorddraft_check_length(batch, given->data, given->data_length, "payload", error);
	if (rc == 0 && is_json && given->data_length == 0) {
		draft->record.data = (const uint8_t *)"{}";
		draft->record.data_length = 2;
	} else if (rc == 0 && is_json) {
		rc = recorddraft_check_json(batch, given->data, given->data_length, "payload", error);
	}
	draft->record.flags = is_json ? SKAFU_RECORD_IS_JSON : 0;
	return rc ? rc : recorddraft_check_metadata(batch, given, draft, error);
}

/* Ids and time.  Making an id can fail, so it comes last, when all else is known to be right. */
static int32_t recorddraft_check_identity(skafu_batch *batch, const struct skafu_new_record *given,
					  struct skafu__recorddraft *draft, skafu_error *error)
{
	static const uint8_t nil[16];
	if (given->id && memcmp(given->id, nil, 16) == 0)
		return skafu__fail(error, SKAFU_EINVAL,
				   "the record id is all zero, which means none; give a real one");
	if (given->id)
		memcpy(draft->id, given->id, 16);
	else if (skafu__ident_take(&batch->store->ident, &batch->ids, &batch->store->sys, draft->id) != 0)
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

static int32_t recorddraft_check(skafu_batch *batch, const struct skafu_new_record *given,
				 struct skafu__recorddraft *draft, skafu_error *error)
{
	draft->flags = 0;
	draft->record.stream_version = 0;
	draft->record.tags = NULL;
	int32_t rc = skafu__opts_flags(given->flags, SKAFU_RECORD_TIME, "skafu_new_record", error);
	if (rc == 0)
		rc = recorddraft_check_kind(given, draft, error);
	if (rc == 0)
		rc = recorddraft_check_names(batch, given, draft, error);
	if (rc == 0)
		rc = recorddraft_check_tags(batch, given, draft, error);
	if (rc == 0)
		rc = recorddraft_check_payload(batch, given, draft, error);
	return rc ? rc : recorddraft_check_identity(batch, given, draft, error);
}

/* A host of another version: its struct is smaller or larger. */
__attribute__((noinline)) static int32_t recorddraft_make_sized(skafu_batch *batch, const skafu_new_record *record,
								struct skafu__recorddraft *draft, skafu_error *error)
{
	skafu_new_record given;
	int32_t rc = skafu__opts_read(&given, sizeof given, record, "skafu_new_record", error);
	return rc ? rc : recorddraft_check(batch, &given, draft, error);
}

int32_t skafu__recorddraft_make(skafu_batch *batch, const skafu_new_record *record, struct skafu__recorddraft *draft,
				skafu_error *error)
{
	return record->size == sizeof *record ? recorddraft_check(batch, record, draft, error)
					      : recorddraft_make_sized(batch, record, draft, error);
}
