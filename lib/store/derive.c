#include "store/derive.h"

#include <string.h>

#include "skafu_store.h"
#include "store/batch.h"

struct derive_walk {
	const uint8_t *hash_key;
	const struct skafu__derive_sink *sink;
	const struct skafu__batch_record *made; /* what the writer knows of the record; NULL when it was read */
	uint64_t *out_damaged;                  /* may be NULL */
	uint64_t sequence;
};

static int32_t derive_entry(const struct derive_walk *walk, uint32_t dimension, uint64_t key, uint64_t extra)
{
	return walk->sink->entry(walk->sink->user, dimension, key, walk->sequence, extra);
}

static int32_t derive_tags(const struct derive_walk *walk, const struct skafu__record *record)
{
	const char *tag = record->tags;
	for (uint32_t i = 0; i < record->tag_count; i++) {
		size_t length = strlen(tag);
		uint64_t key = skafu__hash64(walk->hash_key, tag, length);
		int32_t rc = derive_entry(walk, SKAFU__DIM_TAG, key, 0);
		if (rc != 0)
			return rc;
		tag += length + 1;
	}
	return 0;
}

static int32_t derive_event(const struct derive_walk *walk, const struct skafu__record *record)
{
	uint64_t key = walk->made ? walk->made->stream_hash
				  : skafu__hash64(walk->hash_key, record->stream, record->stream_length);
	int32_t rc = derive_entry(walk, SKAFU__DIM_STREAM, key, record->stream_version);
	if (rc == 0 && walk->sink->event)
		rc = walk->sink->event(walk->sink->user, record, walk->sequence);
	return rc;
}

static int32_t derive_record(const struct derive_walk *walk, const struct skafu__record *record)
{
	const uint8_t *key = walk->hash_key;
	if (record->kind == SKAFU__KIND_LOST)
		return 0;
	int32_t rc =
		derive_entry(walk, SKAFU__DIM_TYPE, skafu__type_key(skafu__type_set(record->kind), record->type), 0);
	if (rc == 0)
		rc = derive_entry(walk, SKAFU__DIM_CORRELATION,
				  skafu__hash64(key, record->correlation, record->correlation_length), 0);
	if (rc == 0)
		rc = derive_entry(walk, SKAFU__DIM_ID, skafu__hash64(key, record->id, 16), 0);
	if (rc == 0)
		rc = derive_tags(walk, record);
	if (rc != 0)
		return rc;
	if (record->kind == SKAFU_KIND_EVENT)
		return derive_event(walk, record);
	return derive_entry(walk, SKAFU__DIM_KIND, record->kind, 0);
}

static int32_t derive_names(const struct skafu__commit *commit, const struct skafu__derive_sink *sink)
{
	const uint8_t *at = commit->names;
	for (uint32_t i = 0; i < commit->name_count; i++) {
		struct skafu__name_def name;
		skafu__commit_next_name(&at, &name);
		int32_t rc = sink->name(sink->user, &name);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int32_t derive_rows(const struct skafu__commit *commit, const struct skafu__derive_sink *sink)
{
	const uint8_t *at = commit->rows;
	for (uint32_t i = 0; i < commit->row_count; i++) {
		struct skafu__row_op row;
		skafu__commit_next_row(&at, &row);
		int32_t rc = sink->row(sink->user, &row, commit->number);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int32_t derive_commit(const struct derive_walk *walk, const struct skafu__commit *commit)
{
	return walk->sink->entry(walk->sink->user, SKAFU__DIM_COMMIT, skafu__hash64(walk->hash_key, commit->id, 16),
				 commit->number, skafu__commit_last_sequence(commit));
}

static int32_t derive_all(struct derive_walk *walk, const struct skafu__commit *commit, enum skafu__check check)
{
	int32_t rc = derive_names(commit, walk->sink);
	if (rc == 0)
		rc = derive_commit(walk, commit);
	for (uint32_t i = 0; rc == 0 && i < commit->record_count; i++) {
		struct skafu__record record;
		walk->sequence = commit->first_sequence + i;
		rc = skafu__commit_record(commit, i, check, &record);
		if (rc == SKAFU_EDAMAGED && walk->out_damaged)
			*walk->out_damaged = walk->sequence;
		if (rc == 0)
			rc = derive_record(walk, &record);
		if (walk->made)
			walk->made++;
	}
	return rc ? rc : derive_rows(commit, walk->sink);
}

int32_t skafu__derive(const uint8_t hash_key[SKAFU__HASH_KEY_BYTES], const struct skafu__commit *commit,
		      const struct skafu__derive_sink *sink, enum skafu__check check, uint64_t *out_damaged)
{
	struct derive_walk walk = {.hash_key = hash_key, .sink = sink, .out_damaged = out_damaged};
	return derive_all(&walk, commit, check);
}

int32_t skafu__derive_made(const uint8_t hash_key[SKAFU__HASH_KEY_BYTES], const struct skafu__commit *commit,
			   const struct skafu__batch_record *made, const struct skafu__derive_sink *sink)
{
	struct derive_walk walk = {.hash_key = hash_key, .sink = sink, .made = made};
	return derive_all(&walk, commit, SKAFU__CHECK_LENGTHS);
}
