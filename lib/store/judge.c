#include "store/judge.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/testhook.h"
#include "store/hidden.h"
#include "store/index.h"
#include "store/rows.h"
#include "store/select.h"
#include "store/store.h"

/* ---- is it a retry? ------------------------------------------------------------------------------------------ */

int32_t skafu__judge_outcome(const struct skafu__commit *commit, struct skafu_appended *out, skafu_error *error)
{
	struct skafu_appended outcome = {.size = sizeof outcome, .commit = commit->number,
					 .recorded_ns = commit->recorded_ns};
	if (commit->record_count != 0) {
		outcome.first_sequence = commit->first_sequence;
		outcome.last_sequence = skafu__commit_last_sequence(commit);
	}
	for (uint32_t i = commit->record_count; i > 0 && outcome.stream_version == 0; i--) {
		struct skafu__record record;
		if (skafu__commit_record(commit, i - 1, SKAFU__CHECK_ALL, &record) != 0)
			return skafu__fail(error, SKAFU_EDAMAGED,
					   "record %llu is damaged; restore a backup, or salvage "
					   "what is whole",
					   (unsigned long long)(commit->first_sequence + i - 1));
		outcome.stream_version = record.stream_version;
	}
	*out = outcome;
	return 0;
}

static int judge_same_name(const skafu_batch *batch, uint32_t local, const struct skafu__names *names, uint8_t set,
			   uint32_t id)
{
	size_t length;
	const char *text = skafu__names_text(names, set, id, &length);
	const struct skafu__batchname *name = &batch->names.list[local & ~SKAFU__NAME_IS_LOCAL];
	return text && name->length == length &&
	       memcmp(text, skafu__batch_name_text(batch, local & ~SKAFU__NAME_IS_LOCAL), length) == 0;
}

static int judge_same_bytes(const void *a, size_t a_length, const void *b, size_t b_length)
{
	return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static int judge_same_fixed(const struct skafu__record *given, const struct skafu__record *stored, uint32_t flags)
{
	if (given->kind != stored->kind || given->hops != stored->hops || given->severity != stored->severity ||
	    given->event_version != stored->event_version || memcmp(given->causation, stored->causation, 16) != 0)
		return 0;
	if ((flags & SKAFU__BATCH_ID_GIVEN) && memcmp(given->id, stored->id, 16) != 0)
		return 0;
	return !(flags & SKAFU__BATCH_TIME_GIVEN) || given->time_ns == stored->time_ns;
}

/* Of a payload that was erased there is still the digest. */
static int judge_same_payload(const struct skafu__record *given, const struct skafu__record *stored)
{
	uint8_t digest[SKAFU__DIGEST_BYTES];
	if (!(stored->flags & SKAFU__RECORD_ERASED))
		return judge_same_bytes(given->data, given->data_length, stored->data, stored->data_length);
	skafu__record_digest(given, digest);
	return memcmp(digest, stored->data, sizeof digest) == 0;
}

/* What the host gave is compared; what the library chose (ids, times) is not. */
static int judge_same_record(const skafu_batch *batch, uint32_t index, const struct skafu__record *stored,
			     const struct skafu__names *names)
{
	struct skafu__record given;
	const struct skafu__batch_record *place = &batch->index[index];
	if (skafu__record_decode(skafu__batch_record_bytes(batch, index), place->size, &given) != 0)
		return 0;
	if (!judge_same_fixed(&given, stored, place->flags))
		return 0;
	if ((place->flags & SKAFU__BATCH_CORRELATION_GIVEN) && strcmp(given.correlation, stored->correlation) != 0)
		return 0;
	return strcmp(given.stream, stored->stream) == 0 &&
	       judge_same_bytes(given.tags, given.tags_length, stored->tags, stored->tags_length) &&
	       judge_same_bytes(given.metadata, given.metadata_length, stored->metadata, stored->metadata_length) &&
	       judge_same_payload(&given, stored) &&
	       judge_same_name(batch, given.type, names, skafu__type_set(stored->kind), stored->type) &&
	       judge_same_name(batch, given.source, names, SKAFU__NAME_DOMAIN, stored->source) &&
	       judge_same_name(batch, given.content_type, names, SKAFU__NAME_CONTENT_TYPE, stored->content_type);
}

static int judge_is_count(const skafu_batch *batch, const struct skafu__batch_row *row)
{
	return batch->hides && strcmp(skafu__batch_name_text(batch, row->table & ~SKAFU__NAME_IS_LOCAL),
				      SKAFU__HIDDEN_COUNT) == 0;
}

static int judge_same_rows(const skafu_batch *batch, const struct skafu__commit *commit,
			   const struct skafu__names *names)
{
	const uint8_t *at = commit->rows;
	if (batch->row_count != commit->row_count)
		return 0;
	for (uint32_t i = 0; i < batch->row_count; i++) {
		struct skafu__row_op stored;
		const struct skafu__batch_row *given = &batch->rows[i];
		const uint8_t *key = batch->texts.bytes + given->at;
		skafu__commit_next_row(&at, &stored);
		if (judge_is_count(batch, given) && judge_same_name(batch, given->table, names, SKAFU__NAME_TABLE,
								    stored.table))
			continue; /* its value is not of the host */
		if (given->operation != stored.operation ||
		    !judge_same_bytes(key, given->key_length, stored.key, stored.key_length) ||
		    !judge_same_bytes(key + given->key_length, given->value_length, stored.value,
				      stored.value_length) ||
		    !judge_same_name(batch, given->table, names, SKAFU__NAME_TABLE, stored.table))
			return 0;
	}
	return 1;
}

static int judge_same_content(const skafu_batch *batch, const struct skafu__commit *commit,
			      const struct skafu__names *names)
{
	if (batch->record_count != commit->record_count)
		return 0;
	for (uint32_t i = 0; i < commit->record_count; i++) {
		struct skafu__record stored;
		if (skafu__commit_record(commit, i, SKAFU__CHECK_ALL, &stored) != 0 ||
		    !judge_same_record(batch, i, &stored, names))
			return 0;
	}
	return judge_same_rows(batch, commit, names);
}

static int32_t judge_commit_id(struct skafu__writer *writer, skafu_batch *batch, struct skafu_appended *out,
			       skafu_error *error)
{
	if (batch->id_is_new && !batch->attempted)
		return 0;
	int32_t rc = skafu__index_find_commit(&writer->view, batch->id, error);
	if (rc <= 0)
		return rc;
	const struct skafu__commit *commit = &writer->view.current;
	if (!judge_same_content(batch, commit, &writer->store->names)) {
		skafu__fail(error, SKAFU_ECOMMIT, "the commit id is in the log already, as commit %llu, with other "
			    "content; use a new id for new content", (unsigned long long)commit->number);
		skafu__error_set_sequence(error, commit->record_count ? commit->first_sequence : 0);
		return SKAFU_ECOMMIT;
	}
	rc = skafu__judge_outcome(commit, out, error);
	out->flags |= SKAFU_APPENDED_RETRY;
	return rc ? rc : 1;
}

/* ---- record ids ---------------------------------------------------------------------------------------------- */

static int32_t judge_record_ids(struct skafu__writer *writer, const skafu_batch *batch, skafu_error *error)
{
	for (uint32_t i = 0; i < batch->record_count; i++) {
		uint64_t holder;
		uint32_t is_known = batch->index[i].flags & (SKAFU__BATCH_ID_GIVEN | SKAFU__BATCH_ID_TOLD);
		if (!is_known && !batch->attempted)
			continue; /* nobody can have used it */
		const uint8_t *id = skafu__batch_id_of(batch, i);
		int32_t rc = skafu__index_find_id(&writer->view, id, &holder, error);
		if (rc != 0)
			return rc;
		if (holder == 0)
			continue;
		char text[SKAFU_ID_TEXT_BYTES];
		skafu_id_format(id, text);
		skafu__fail(error, SKAFU_EDUPLICATE,
			    "record %u of the batch has the id %s, which record %llu has already", i + 1, text,
			    (unsigned long long)holder);
		skafu__error_set_sequence(error, holder);
		skafu__error_set_item(error, i + 1);
		return SKAFU_EDUPLICATE;
	}
	return 0;
}

/* ---- conditions ---------------------------------------------------------------------------------------------- */

static int32_t judge_row(struct skafu__writer *writer, const skafu_batch *batch, uint32_t number, skafu_error *error)
{
	const struct skafu__condition *condition = &batch->conditions[number];
	const char *table = skafu__batch_name_text(batch, condition->table);
	const uint8_t *key = batch->texts.bytes + condition->text_at;
	struct skafu__row_value value = {0};
	uint32_t id = skafu__names_find(&writer->store->names, SKAFU__NAME_TABLE, table, strlen(table));
	int32_t rc = id ? skafu__rows_find(&writer->view, id, key, condition->key_length, &value, error) : 0;
	if (rc != 0)
		return rc;
	int holds = condition->expectation == 0
			    ? value.bytes == NULL
			    : value.bytes && judge_same_bytes(value.bytes, value.length, key + condition->key_length,
							      condition->value_length);
	if (holds)
		return 0;
	skafu__fail(error, SKAFU_EROW, "condition %u does not hold: the row of table %s %s", number + 1, table,
		    condition->expectation == 0 ? "exists already"
		    : value.bytes               ? "has another value"
						: "does not exist");
	skafu__error_set_condition(error, number + 1);
	return SKAFU_EROW;
}

/* A stream whose events are all hidden has none, and still is at the version of its last one. */
static int judge_stream_holds(const struct skafu__condition *condition, uint64_t version,
			      const struct skafu__hidden_mark *mark)
{
	int has_events = version != 0 && version >= mark->before;
	if (condition->expectation == SKAFU_EXPECT_EXISTS)
		return has_events;
	return version == condition->number || (condition->number == 0 && !has_events && !mark->is_tombstone);
}

static int32_t judge_stream(struct skafu__writer *writer, const skafu_batch *batch, uint32_t number,
			    skafu_error *error)
{
	const struct skafu__condition *condition = &batch->conditions[number];
	const char *stream = (const char *)batch->texts.bytes + condition->text_at;
	uint64_t version;
	struct skafu__hidden_mark mark;
	if (condition->expectation == SKAFU_EXPECT_ANY)
		return 0;
	int32_t rc = skafu__writer_stream_version(writer, stream, condition->key_length, &version, error);
	if (rc == 0)
		rc = skafu__hidden_stream(&writer->view, stream, condition->key_length, &mark, error);
	if (rc != 0)
		return rc;
	if (judge_stream_holds(condition, version, &mark))
		return 0;
	if (condition->expectation == SKAFU_EXPECT_EXISTS)
		skafu__fail(error, SKAFU_ECONFLICT, "condition %u does not hold: stream %s has no events", number + 1,
			    stream);
	else
		skafu__fail(error, SKAFU_ECONFLICT,
			    "condition %u does not hold: stream %s is expected at version %llu "
			    "and is at version %llu; read what is new and decide again",
			    number + 1, stream, (unsigned long long)condition->number, (unsigned long long)version);
	skafu__error_set_condition(error, number + 1);
	skafu__error_set_version(error, version);
	return SKAFU_ECONFLICT;
}

static int32_t judge_matched(uint32_t number, uint32_t item, uint64_t sequence, const char *type, skafu_error *error)
{
	skafu__fail(error, SKAFU_EMATCH,
		    "condition %u does not hold: event %llu (%s) matches item %u of its query; read "
		    "what is new and decide again",
		    number + 1, (unsigned long long)sequence, type, item);
	skafu__error_set_condition(error, number + 1);
	skafu__error_set_item(error, item);
	skafu__error_set_sequence(error, sequence);
	return SKAFU_EMATCH;
}

static int32_t judge_candidates(struct skafu__writer *writer, const skafu_query *query, uint32_t number,
				struct skafu__select *select, skafu_error *error)
{
	uint64_t sequence;
	int32_t rc;
	while ((rc = skafu__select_next(select, &writer->view, &sequence, error)) == 1) {
		struct skafu__record record;
		rc = skafu__hidden_read(&writer->view, sequence, &record, error);
		if (rc == SKAFU_ENOTFOUND)
			continue;
		if (rc != 0)
			return rc;
		if (record.kind != SKAFU_KIND_EVENT)
			continue;
		uint32_t item = skafu__query_match(query, &record, &writer->store->names);
		if (item != 0)
			return judge_matched(
				number, item, sequence,
				skafu__names_text(&writer->store->names, SKAFU__NAME_TYPE, record.type, NULL), error);
	}
	return rc;
}

static int32_t judge_query(struct skafu__writer *writer, const skafu_batch *batch, uint32_t number,
			   skafu_error *error)
{
	const struct skafu__condition *condition = &batch->conditions[number];
	struct skafu__range range = {condition->number + 1, writer->view.head, 0, UINT64_MAX, 0};
	struct skafu__select select;
	if (condition->number >= writer->view.head)
		return 0;
	skafu__select_init(&select, &writer->store->sys, 0);
	int32_t rc = skafu__select_add_query(&select, &writer->view, condition->query, &range);
	if (rc != 0)
		rc = skafu__fail_memory(error);
	else
		rc = judge_candidates(writer, condition->query, number, &select, error);
	skafu__select_done(&select);
	return rc;
}

static int32_t judge_conditions(struct skafu__writer *writer, const skafu_batch *batch, uint32_t kind,
				skafu_error *error)
{
	for (uint32_t i = 0; i < batch->condition_count; i++) {
		int32_t rc = 0;
		if (batch->conditions[i].kind != kind)
			continue;
		if (kind == SKAFU__CONDITION_ROW)
			rc = judge_row(writer, batch, i, error);
		else if (kind == SKAFU__CONDITION_STREAM)
			rc = judge_stream(writer, batch, i, error);
		else
			rc = judge_query(writer, batch, i, error);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int32_t judge_overtaken(const struct skafu__condition *condition, uint32_t number, skafu_error *error)
{
	int32_t rc = condition->kind == SKAFU__CONDITION_ROW      ? SKAFU_EROW
		     : condition->kind == SKAFU__CONDITION_STREAM ? SKAFU_ECONFLICT
								  : SKAFU_EMATCH;
	skafu__fail(error, rc, "condition %u does not hold: a test says that another was faster", number + 1);
	skafu__error_set_condition(error, number + 1);
	return rc;
}

/* A test may say that a condition does not hold which does. */
static int32_t judge_test(const struct skafu__writer *writer, const skafu_batch *batch, skafu_error *error)
{
	for (uint32_t i = 0; i < batch->condition_count; i++) {
		const struct skafu__condition *condition = &batch->conditions[i];
		if (condition->kind == SKAFU__CONDITION_STREAM && condition->expectation == SKAFU_EXPECT_ANY)
			continue;
		return writer->store->sys.storage(SKAFU__TESTHOOK_APPEND) ? judge_overtaken(condition, i, error) : 0;
	}
	return 0;
}

int32_t skafu__judge(struct skafu__writer *writer, skafu_batch *batch, struct skafu_appended *out,
		     skafu_error *error)
{
	int32_t rc = judge_commit_id(writer, batch, out, error);
	if (rc == 0)
		rc = judge_record_ids(writer, batch, error);
	if (rc == 0)
		rc = skafu__hidden_judge_streams(&writer->view, batch, error);
	if (rc == 0)
		rc = judge_conditions(writer, batch, SKAFU__CONDITION_ROW, error);
	if (rc == 0)
		rc = skafu__hidden_judge_count(&writer->view, batch, error);
	if (rc == 0)
		rc = judge_conditions(writer, batch, SKAFU__CONDITION_STREAM, error);
	if (rc == 0)
		rc = judge_conditions(writer, batch, SKAFU__CONDITION_QUERY, error);
	if (rc == 0)
		rc = skafu__hidden_judge(&writer->view, batch, error);
	if (rc == 0)
		rc = judge_test(writer, batch, error);
	return rc;
}
