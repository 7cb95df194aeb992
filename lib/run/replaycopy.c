#include "run/replaycopy.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "codec/hash.h"
#include "model/model.h"
#include "run/register.h"
#include "store/batch.h"
#include "store/store.h"

#define REPLAYCOPY_FORM 1u
#define REPLAYCOPY_VALUE_BYTES 9u
#define REPLAYCOPY_BYTES_MAX (4u << 20) /* of a block */
#define REPLAYCOPY_RECORDS_MAX 4096u
#define REPLAYCOPY_TAGS_MAX 255u

static const char replaycopy_table[] = "skafu.replay_copies";

/* What a record in the other store must be. */
struct replaycopy_meant {
	uint8_t id[16];
	uint8_t digest[16];
	uint32_t is_added; /* by this block */
};

void skafu__replay_copy_init(struct skafu__replay_copy *copy, skafu_model *model, const uint8_t session[16])
{
	memset(copy, 0, sizeof *copy);
	copy->model = model;
	memcpy(copy->session, session, 16);
	skafu__lens_init(&copy->lens, &model->registry);
	skafu__lens_init(&copy->masks, &model->registry);
	skafu__buf_init(&copy->meant, &model->sys, SIZE_MAX);
	skafu__buf_init(&copy->scratch, &model->sys, SIZE_MAX);
}

void skafu__replay_copy_done(struct skafu__replay_copy *copy)
{
	if (!copy->model)
		return;
	skafu_batch_free(copy->batch);
	skafu__lens_done(&copy->lens);
	skafu__lens_done(&copy->masks);
	skafu__buf_done(&copy->meant);
	skafu__buf_done(&copy->scratch);
	if (copy->to)
		skafu__store_release(copy->to);
	memset(copy, 0, sizeof *copy);
}

void skafu__replay_copy_clear(struct skafu__replay_copy *copy)
{
	skafu_batch_clear(copy->batch);
	skafu__buf_clear(&copy->meant);
	copy->first = 0;
	copy->last = 0;
}

/* ---- how far the other store is -------------------------------------------------------------------------------- */

static int32_t replaycopy_read(const struct skafu__replay_copy *copy, uint64_t *out_sequence, skafu_error *error)
{
	struct skafu_error own = {0};
	void *value = NULL;
	size_t length = 0;
	int32_t rc = skafu_row_get(copy->to, replaycopy_table, copy->session, 16, &value, &length, &own);
	*out_sequence = 0;
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	if (length != REPLAYCOPY_VALUE_BYTES || ((const uint8_t *)value)[0] != REPLAYCOPY_FORM)
		rc = skafu__fail(error, SKAFU_EDAMAGED, "what the target store remembers of the replay is damaged; "
				 "verify that store");
	else
		*out_sequence = skafu__load_u64((const uint8_t *)value + 1);
	skafu_bytes_free(value);
	return rc;
}

int32_t skafu__replay_copy_begin(struct skafu__replay_copy *copy, skafu_error *error)
{
	int32_t rc = copy->batch ? 0 : skafu_batch_new(copy->to, &copy->batch, error);
	if (rc == 0)
		rc = replaycopy_read(copy, &copy->copied_to, error);
	skafu__replay_copy_clear(copy);
	return rc;
}

static int32_t replaycopy_move(struct skafu__replay_copy *copy, skafu_error *error)
{
	uint8_t value[REPLAYCOPY_VALUE_BYTES] = {REPLAYCOPY_FORM};
	int32_t rc;
	skafu__store_u64(value + 1, copy->copied_to);
	rc = copy->copied_to != 0
		     ? skafu_batch_expect_row(copy->batch, replaycopy_table, copy->session, 16, value, sizeof value,
					      error)
		     : skafu_batch_expect_no_row(copy->batch, replaycopy_table, copy->session, 16, error);
	skafu__store_u64(value + 1, copy->last);
	if (rc == 0)
		rc = skafu_batch_put_row(copy->batch, replaycopy_table, copy->session, 16, value, sizeof value,
					 error);
	return rc;
}

/* ---- one record ------------------------------------------------------------------------------------------------ */

static size_t replaycopy_tags_length(const skafu_record *record)
{
	const char *tag = record->tags;
	for (uint32_t i = 0; i < record->tag_count; i++)
		tag += strlen(tag) + 1;
	return record->tag_count ? (size_t)(tag - record->tags) : 0;
}

/* Everything that a record says, but for its place in a log. */
static int32_t replaycopy_digest(struct skafu__replay_copy *copy, const skafu_record *record, uint8_t out[16])
{
	static const char purpose[] = "skafu replay copy 1";
	struct skafu__buf *buf = &copy->scratch;
	const char *const texts[] = {record->stream, record->type, record->source, record->correlation,
				     record->content_type};
	skafu__buf_clear(buf);
	skafu__buf_put_u32(buf, record->kind);
	skafu__buf_put_u32(buf, record->event_version);
	skafu__buf_put_u32(buf, record->severity);
	skafu__buf_put_u32(buf, record->hops);
	skafu__buf_put_u32(buf, record->tag_count);
	skafu__buf_put_u64(buf, (uint64_t)record->time_ns);
	skafu__buf_put(buf, record->id, 16);
	skafu__buf_put(buf, record->causation, 16);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		skafu__buf_put(buf, texts[i], strlen(texts[i]) + 1);
	skafu__buf_put(buf, record->tags, replaycopy_tags_length(record));
	const struct skafu__part parts[] = {{purpose, sizeof purpose},
					    {buf->bytes, buf->length},
					    {record->data, record->data_length},
					    {record->metadata, record->metadata_length}};
	if (buf->failed)
		return buf->failed;
	skafu__blake2b(out, 16, parts, 4);
	return 0;
}

static int32_t replaycopy_put(struct skafu__replay_copy *copy, const skafu_record *record, skafu_error *error)
{
	static const uint8_t nil[16];
	const char *tags[REPLAYCOPY_TAGS_MAX];
	skafu_new_record made = {.size = sizeof made, .flags = SKAFU_RECORD_TIME, .kind = record->kind,
				 .event_version = record->event_version, .type = record->type,
				 .source = record->source, .content_type = record->content_type,
				 .data = record->data, .data_length = record->data_length, .tags = tags,
				 .tag_count = record->tag_count, .id = record->id,
				 .correlation = record->correlation, .time_ns = record->time_ns,
				 .severity = record->severity, .hops = record->hops};
	const char *tag = record->tags;
	for (uint32_t i = 0; i < record->tag_count && i < REPLAYCOPY_TAGS_MAX; i++, tag += strlen(tag) + 1)
		tags[i] = tag;
	if (record->stream[0] != '\0')
		made.stream = record->stream;
	if (record->metadata_length != 0) {
		made.metadata = record->metadata;
		made.metadata_length = record->metadata_length;
	}
	if (memcmp(record->causation, nil, 16) != 0)
		made.causation = record->causation;
	if (copy->is_dry)
		return 0;
	return skafu_batch_add(copy->batch, &made, error);
}

/* Is it there already?  1 yes, as it was meant; 0 no. */
static int32_t replaycopy_is_there(struct skafu__replay_copy *copy, const struct replaycopy_meant *meant,
				   skafu_error *error)
{
	struct skafu_error own = {0};
	uint8_t digest[16];
	skafu_record *record = NULL;
	int32_t rc = skafu_get_by_id(copy->to, meant->id, &record, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	if (replaycopy_digest(copy, record, digest) != 0)
		rc = skafu__fail_memory(error);
	else if (memcmp(digest, meant->digest, 16) != 0)
		rc = skafu__fail(error, SKAFU_EDUPLICATE,
				 "the target store has a record of the same id at its sequence %llu, and it says "
				 "something else",
				 (unsigned long long)record->sequence);
	skafu_record_free(record);
	return rc ? rc : 1;
}

static int32_t replaycopy_missing(const skafu_record *record, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED, "record %llu should be in the target store and is not; verify that "
			   "store", (unsigned long long)record->sequence);
}

/* The further forms of a record have ids of their own. */
static void replaycopy_identify(const skafu_record *stored, uint32_t ordinal, uint8_t out[16])
{
	static const char purpose[] = "skafu replay form 1";
	uint8_t number[4];
	const struct skafu__part parts[] = {{purpose, sizeof purpose}, {stored->id, 16}, {number, 4}};
	memcpy(out, stored->id, 16);
	if (ordinal == 0)
		return;
	skafu__store_u32(number, ordinal);
	skafu__blake2b(out, 16, parts, 3);
	skafu__ident_stamp_v8(out);
}

/* One form of it, under its id. */
static int32_t replaycopy_add_form(struct skafu__replay_copy *copy, const skafu_record *stored, uint32_t ordinal,
				   const skafu_record *form, skafu_error *error)
{
	struct replaycopy_meant meant = {.is_added = 1};
	skafu_record made = *form;
	replaycopy_identify(stored, ordinal, meant.id);
	made.id = meant.id;
	if ((made.flags & SKAFU_RECORD_ERASED) && (made.flags & SKAFU_RECORD_IS_JSON)) {
		made.data = (const uint8_t *)"{}"; /* as a record without a payload is kept */
		made.data_length = 2;
	}
	if (replaycopy_digest(copy, &made, meant.digest) != 0)
		return skafu__fail_memory(error);
	if (stored->sequence <= copy->copied_to || copy->looks) {
		int32_t rc = copy->is_dry ? 0 : replaycopy_is_there(copy, &meant, error);
		if (rc == 0 && stored->sequence <= copy->copied_to && !copy->is_dry)
			rc = replaycopy_missing(stored, error);
		if (rc != 0)
			return rc < 0 ? rc : 0;
	}
	int32_t rc = replaycopy_put(copy, &made, error);
	if (rc == 0 && skafu__buf_put(&copy->meant, &meant, sizeof meant) != 0)
		rc = skafu__fail_memory(error);
	return rc;
}

static int32_t replaycopy_mask(struct skafu__replay_copy *copy, const skafu_record *stored, const skafu_record *form,
			       uint32_t *ordinal, skafu_error *error)
{
	if (!copy->mask)
		return replaycopy_add_form(copy, stored, (*ordinal)++, form, error);
	int32_t rc = skafu__lens_mask(&copy->masks, copy->mask, copy->user, form, error);
	for (uint32_t i = 0; rc >= 0 && i < copy->masks.count; i++) {
		int32_t added = replaycopy_add_form(copy, stored, (*ordinal)++, copy->masks.shown[i], error);
		rc = added ? added : rc;
	}
	return rc < 0 ? rc : 0;
}

int32_t skafu__replay_copy_add(struct skafu__replay_copy *copy, const skafu_record *record, skafu_error *error)
{
	uint32_t ordinal = 0;
	int32_t rc = 0;
	if (!copy->upcasts || record->kind != SKAFU_KIND_EVENT) {
		rc = replaycopy_mask(copy, record, record, &ordinal, error);
	} else {
		rc = skafu__lens_look(&copy->lens, record, error);
		for (uint32_t i = 0; rc >= 0 && i < copy->lens.count; i++) {
			int32_t masked = replaycopy_mask(copy, record, copy->lens.shown[i], &ordinal, error);
			rc = masked ? masked : rc;
		}
	}
	if (rc < 0)
		return rc;
	copy->first = copy->first ? copy->first : record->sequence;
	copy->last = record->sequence;
	return 0;
}

int skafu__replay_copy_is_full(const struct skafu__replay_copy *copy)
{
	return copy->meant.length / sizeof(struct replaycopy_meant) >= REPLAYCOPY_RECORDS_MAX ||
	       (copy->batch && skafu__batch_bytes(copy->batch) > REPLAYCOPY_BYTES_MAX);
}

/* ---- a block --------------------------------------------------------------------------------------------------- */

static int32_t replaycopy_differs(const skafu_record *record, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED,
			   "what was written to the target store is not what is read there at its sequence %llu; "
			   "verify that store",
			   (unsigned long long)record->sequence);
}

/* What was appended is read back. */
static int32_t replaycopy_verify(struct skafu__replay_copy *copy, const skafu_appended *at, skafu_error *error)
{
	const struct replaycopy_meant *meant = (const struct replaycopy_meant *)(const void *)copy->meant.bytes;
	size_t left = copy->meant.length / sizeof *meant;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL, .from = at->first_sequence,
				.to = at->last_sequence};
	skafu_cursor *cursor = NULL;
	const skafu_record *record = NULL;
	int32_t rc = 0;
	if (left == 0)
		return 0;
	rc = skafu_read(copy->to, NULL, SKAFU_NO_LIMIT, &opts, &cursor, error);
	while (rc == 0 && (rc = skafu_cursor_next(cursor, &record, error)) == 1) {
		uint8_t digest[16];
		rc = replaycopy_digest(copy, record, digest) != 0 ? skafu__fail_memory(error) : 0;
		if (rc == 0 && (left == 0 || memcmp(digest, meant->digest, 16) != 0))
			rc = replaycopy_differs(record, error);
		meant++;
		left--;
	}
	skafu_cursor_free(cursor);
	if (rc == 0 && left != 0)
		rc = skafu__fail(error, SKAFU_EDAMAGED, "%zu records that were written to the target store are not "
				 "there; verify that store", left);
	return rc;
}

static int32_t replaycopy_append(struct skafu__replay_copy *copy, skafu_appended *out, skafu_error *error)
{
	static const char purpose[] = "skafu replay block 1";
	uint8_t id[16], numbers[16];
	const struct skafu__part parts[] = {{purpose, sizeof purpose}, {copy->session, 16}, {numbers, 16}};
	skafu__store_u64(numbers, copy->copied_to);
	skafu__store_u64(numbers + 8, copy->last);
	skafu__blake2b(id, 16, parts, 3);
	skafu__ident_stamp_v8(id);
	int32_t rc = replaycopy_move(copy, error);
	if (rc == 0)
		rc = skafu_batch_set_id(copy->batch, id, error);
	return rc ? rc : skafu_append(copy->to, copy->batch, SKAFU__RUN_WAIT_NS, out, error);
}

int32_t skafu__replay_copy_flush(struct skafu__replay_copy *copy, skafu_error *error)
{
	struct skafu_error own = {0};
	skafu_appended at = {.size = sizeof at};
	if (copy->is_dry || copy->last <= copy->copied_to) {
		skafu__replay_copy_clear(copy);
		return 0;
	}
	int32_t rc = replaycopy_append(copy, &at, &own);
	if (rc == SKAFU_EDUPLICATE && !copy->looks) {
		copy->looks = 1;
		skafu__replay_copy_clear(copy);
		return 1;
	}
	if (rc == 0)
		rc = replaycopy_verify(copy, &at, &own);
	if (rc == 0)
		copy->copied_to = copy->last;
	skafu__replay_copy_clear(copy);
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}
