#include "store/derive.h"

#include <string.h>

#include "skafu_store.h"
#include "store/batch.h"

/* Records are taken in blocks, since hashing their texts together is far quicker than one by one. */
#define DERIVE_BLOCK 16u
#define DERIVE_PARTS 288u /* of a block; one record with as many tags as there can be has 258 */

/* Columns of a block, each with a text of every record, which may be empty: tag i is DERIVE_TAGS + i. */
enum { DERIVE_STREAM, DERIVE_ID, DERIVE_CORRELATION, DERIVE_TAGS };

struct derive_block {
	uint32_t count;
	uint32_t columns;
	struct skafu__record records[DERIVE_BLOCK];
	struct skafu__part parts[DERIVE_PARTS]; /* column by column */
	uint64_t keys[DERIVE_PARTS];            /* their hashes */
};

struct derive_walk {
	const uint8_t *hash_key;
	const struct skafu__derive_sink *sink;
	const struct skafu__commit *commit;
	const struct skafu__batch_record *made; /* what the writer knows of the records; NULL when they were read */
	enum skafu__check check;
	uint64_t *out_damaged; /* may be NULL */
};

/* ---- a block of records -------------------------------------------------------------------------------------- */

/* The records from `first` on, as many as go together.  When one does not stand the check, those before it. */
static int32_t derive_decode(const struct derive_walk *walk, uint32_t first, struct derive_block *block)
{
	block->count = 0;
	block->columns = DERIVE_TAGS;
	while (block->count < DERIVE_BLOCK && first + block->count < walk->commit->record_count) {
		struct skafu__record *record = &block->records[block->count];
		int32_t rc = skafu__commit_record(walk->commit, first + block->count, walk->check, record);
		if (rc == SKAFU_EDAMAGED && walk->out_damaged)
			*walk->out_damaged = walk->commit->first_sequence + first + block->count;
		if (rc != 0)
			return rc;
		uint32_t columns = DERIVE_TAGS + record->tag_count;
		columns = columns > block->columns ? columns : block->columns;
		if (block->count != 0 && (block->count + 1) * columns > DERIVE_PARTS)
			return 0; /* it comes with the next block */
		block->columns = columns;
		block->count++;
	}
	return 0;
}

static void derive_fill_tags(struct derive_block *block, uint32_t index)
{
	const struct skafu__record *record = &block->records[index];
	struct skafu__part *part = &block->parts[DERIVE_TAGS * block->count + index];
	const char *tag = record->tags;
	for (uint32_t i = 0; i < block->columns - DERIVE_TAGS; i++, part += block->count) {
		*part = (struct skafu__part){tag, 0};
		if (i >= record->tag_count)
			continue;
		part->length = strlen(tag);
		tag += part->length + 1;
	}
}

static void derive_hash(const struct derive_walk *walk, struct derive_block *block)
{
	for (uint32_t i = 0; i < block->count; i++) {
		const struct skafu__record *record = &block->records[i];
		struct skafu__part *part = &block->parts[i];
		part[DERIVE_STREAM * block->count] = (struct skafu__part){record->stream, record->stream_length};
		part[DERIVE_ID * block->count] = (struct skafu__part){record->id, 16};
		part[DERIVE_CORRELATION * block->count] =
			(struct skafu__part){record->correlation, record->correlation_length};
		derive_fill_tags(block, i);
	}
	uint32_t known = walk->made ? (DERIVE_STREAM + 1) * block->count : 0;
	skafu__hash64_many(walk->hash_key, block->parts + known, (size_t)block->count * block->columns - known,
			   block->keys + known);
}

/* ---- entries ------------------------------------------------------------------------------------------------- */

/* Those of one dimension, on their way to the sink. */
struct derive_out {
	const struct derive_walk *walk;
	const struct derive_block *block;
	uint64_t sequence; /* of the first record of the block */
	size_t count;
	struct skafu__entry entries[DERIVE_PARTS];
};

static inline void derive_put(struct derive_out *out, uint32_t index, uint64_t key, uint64_t extra)
{
	out->entries[out->count++] = (struct skafu__entry){key, out->sequence + index, extra};
}

static int32_t derive_give(struct derive_out *out, uint32_t dimension)
{
	const struct skafu__derive_sink *sink = out->walk->sink;
	size_t count = out->count;
	out->count = 0;
	return count ? sink->entries(sink->user, dimension, out->entries, count) : 0;
}

static int32_t derive_types(struct derive_out *out)
{
	const struct skafu__record *record = out->block->records;
	for (uint32_t i = 0; i < out->block->count; i++, record++)
		if (record->kind != SKAFU__KIND_LOST)
			derive_put(out, i, skafu__type_key(skafu__type_set(record->kind), record->type), 0);
	return derive_give(out, SKAFU__DIM_TYPE);
}

static int32_t derive_column(struct derive_out *out, uint32_t dimension, uint32_t column)
{
	const uint64_t *keys = &out->block->keys[column * out->block->count];
	for (uint32_t i = 0; i < out->block->count; i++)
		if (out->block->records[i].kind != SKAFU__KIND_LOST)
			derive_put(out, i, keys[i], 0);
	return derive_give(out, dimension);
}

static int32_t derive_tags(struct derive_out *out)
{
	const struct derive_block *block = out->block;
	for (uint32_t i = 0; i < block->count; i++) {
		const uint64_t *key = &block->keys[DERIVE_TAGS * block->count + i];
		uint32_t tags = block->records[i].kind != SKAFU__KIND_LOST ? block->records[i].tag_count : 0;
		for (; tags > 0; tags--, key += block->count)
			derive_put(out, i, *key, 0);
	}
	return derive_give(out, SKAFU__DIM_TAG);
}

/* `made` is what the writer knows of the first record of the block, or NULL. */
static int32_t derive_streams(struct derive_out *out, const struct skafu__batch_record *made)
{
	const struct derive_block *block = out->block;
	for (uint32_t i = 0; i < block->count; i++)
		if (block->records[i].kind == SKAFU_KIND_EVENT)
			derive_put(out, i, made ? made[i].stream_hash : block->keys[DERIVE_STREAM * block->count + i],
				   block->records[i].stream_version);
	return derive_give(out, SKAFU__DIM_STREAM);
}

static int32_t derive_kinds(struct derive_out *out)
{
	const struct skafu__record *record = out->block->records;
	for (uint32_t i = 0; i < out->block->count; i++, record++)
		if (record->kind != SKAFU_KIND_EVENT && record->kind != SKAFU__KIND_LOST)
			derive_put(out, i, record->kind, 0);
	return derive_give(out, SKAFU__DIM_KIND);
}

static int32_t derive_events(const struct derive_out *out)
{
	const struct skafu__derive_sink *sink = out->walk->sink;
	const struct skafu__record *record = out->block->records;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && sink->event && i < out->block->count; i++, record++)
		if (record->kind == SKAFU_KIND_EVENT)
			rc = sink->event(sink->user, record, out->sequence + i);
	return rc;
}

static int32_t derive_block(const struct derive_walk *walk, uint32_t first, struct derive_block *block)
{
	struct derive_out out;
	derive_hash(walk, block);
	out.walk = walk;
	out.block = block;
	out.sequence = walk->commit->first_sequence + first;
	out.count = 0;
	int32_t rc = derive_types(&out);
	if (rc == 0)
		rc = derive_column(&out, SKAFU__DIM_CORRELATION, DERIVE_CORRELATION);
	if (rc == 0)
		rc = derive_column(&out, SKAFU__DIM_ID, DERIVE_ID);
	if (rc == 0)
		rc = derive_tags(&out);
	if (rc == 0)
		rc = derive_streams(&out, walk->made ? walk->made + first : NULL);
	if (rc == 0)
		rc = derive_kinds(&out);
	return rc ? rc : derive_events(&out);
}

static int32_t derive_records(const struct derive_walk *walk)
{
	struct derive_block block;
	int32_t rc = 0;
	for (uint32_t first = 0; rc == 0 && first < walk->commit->record_count; first += block.count) {
		int32_t decoded = derive_decode(walk, first, &block);
		rc = derive_block(walk, first, &block);
		rc = rc ? rc : decoded;
	}
	return rc;
}

/* ---- a commit ------------------------------------------------------------------------------------------------ */

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

static int32_t derive_commit(const struct derive_walk *walk)
{
	const struct skafu__commit *commit = walk->commit;
	const struct skafu__entry entry = {skafu__hash64(walk->hash_key, commit->id, 16), commit->number,
					   skafu__commit_last_sequence(commit)};
	return walk->sink->entries(walk->sink->user, SKAFU__DIM_COMMIT, &entry, 1);
}

static int32_t derive_all(const struct derive_walk *walk)
{
	int32_t rc = derive_names(walk->commit, walk->sink);
	if (rc == 0)
		rc = derive_commit(walk);
	if (rc == 0)
		rc = derive_records(walk);
	return rc ? rc : derive_rows(walk->commit, walk->sink);
}

int32_t skafu__derive(const uint8_t hash_key[SKAFU__HASH_KEY_BYTES], const struct skafu__commit *commit,
		      const struct skafu__derive_sink *sink, enum skafu__check check, uint64_t *out_damaged)
{
	struct derive_walk walk = {.hash_key = hash_key, .sink = sink, .commit = commit, .check = check,
				   .out_damaged = out_damaged};
	return derive_all(&walk);
}

int32_t skafu__derive_made(const uint8_t hash_key[SKAFU__HASH_KEY_BYTES], const struct skafu__commit *commit,
			   const struct skafu__batch_record *made, const struct skafu__derive_sink *sink)
{
	struct derive_walk walk = {.hash_key = hash_key, .sink = sink, .commit = commit, .made = made,
				   .check = SKAFU__CHECK_LENGTHS};
	return derive_all(&walk);
}
