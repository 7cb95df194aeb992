/*
 * canonical.c: the canonical form of a commit, over which the hash chain, proofs and replication are computed.
 *
 * Little endian, every text and byte string preceded by its length in u32:
 *    "skafu commit 1" and a NUL
 *    u64 commit number, u64 first sequence, i64 recorded time, 16 bytes commit id
 *    u32 record count, then of each: u8 kind, u8 flags, u8 hops, u8 severity, u32 event version, u64 stream version,
 *        i64 time, 16 id, 16 causation, type, source, content type, stream, correlation, u32 tag count and the tags,
 *        metadata, u32 length and BLAKE2b-256 of the data
 *    u32 row count, then of each: table, u8 operation, key, value
 * A record that was lost has only what stands before its type.  How a record is kept (its payload erased, flag 4)
 * does not appear, nor do ids of names and the way in which commits are packed into chunks, so these may change.
 */
#include "codec/canonical.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/hash.h"

static const char canonical_magic[] = "skafu commit 1";

static void canonical_put(struct skafu__buf *out, const void *bytes, size_t length)
{
	skafu__buf_put_u32(out, (uint32_t)length);
	skafu__buf_put(out, bytes, length);
}

struct canonical_names {
	skafu__name_of_fn name_of;
	const void *user;
};

static int32_t canonical_put_name(struct skafu__buf *out, const struct canonical_names *names, uint8_t set,
				  uint32_t id)
{
	size_t length = 0;
	const char *name = names->name_of(names->user, set, id, &length);
	if (!name)
		return SKAFU_EDAMAGED;
	canonical_put(out, name, length);
	return 0;
}

static void canonical_put_tags(struct skafu__buf *out, const struct skafu__record *record)
{
	skafu__buf_put_u32(out, record->tag_count);
	const char *tag = record->tags;
	for (uint32_t i = 0; i < record->tag_count; i++) {
		size_t length = strlen(tag);
		canonical_put(out, tag, length);
		tag += length + 1;
	}
}

static void canonical_put_fixed(struct skafu__buf *out, const struct skafu__record *record)
{
	skafu__buf_put_u8(out, record->kind);
	skafu__buf_put_u8(out, (uint8_t)(record->flags & ~SKAFU__RECORD_ERASED));
	skafu__buf_put_u8(out, record->hops);
	skafu__buf_put_u8(out, record->severity);
	skafu__buf_put_u32(out, record->event_version);
	skafu__buf_put_u64(out, record->stream_version);
	skafu__buf_put_u64(out, (uint64_t)record->time_ns);
	skafu__buf_put(out, record->id, 16);
	skafu__buf_put(out, record->causation, 16);
}

static int32_t canonical_put_record(struct skafu__buf *out, const struct canonical_names *names,
				    const struct skafu__record *record)
{
	uint8_t digest[SKAFU__DIGEST_BYTES];
	canonical_put_fixed(out, record);
	if (record->kind == SKAFU__KIND_LOST)
		return out->failed;
	if (canonical_put_name(out, names, skafu__type_set(record->kind), record->type) ||
	    canonical_put_name(out, names, SKAFU__NAME_DOMAIN, record->source) ||
	    canonical_put_name(out, names, SKAFU__NAME_CONTENT_TYPE, record->content_type))
		return SKAFU_EDAMAGED;
	canonical_put(out, record->stream, record->stream_length);
	canonical_put(out, record->correlation, record->correlation_length);
	canonical_put_tags(out, record);
	canonical_put(out, record->metadata, record->metadata_length);
	skafu__record_digest(record, digest);
	skafu__buf_put(out, digest, sizeof digest);
	return 0;
}

static int32_t canonical_put_rows(struct skafu__buf *out, const struct canonical_names *names,
				  const struct skafu__commit *commit)
{
	skafu__buf_put_u32(out, commit->row_count);
	const uint8_t *at = commit->rows;
	for (uint32_t i = 0; i < commit->row_count; i++) {
		struct skafu__row_op row;
		skafu__commit_next_row(&at, &row);
		if (canonical_put_name(out, names, SKAFU__NAME_TABLE, row.table))
			return SKAFU_EDAMAGED;
		skafu__buf_put_u8(out, row.operation);
		canonical_put(out, row.key, row.key_length);
		canonical_put(out, row.value, row.value_length);
	}
	return 0;
}

int32_t skafu__commit_canonical(const struct skafu__commit *commit, skafu__name_of_fn name_of, const void *user,
				struct skafu__buf *out)
{
	struct canonical_names names = {name_of, user};
	skafu__buf_put(out, canonical_magic, sizeof canonical_magic);
	skafu__buf_put_u64(out, commit->number);
	skafu__buf_put_u64(out, commit->first_sequence);
	skafu__buf_put_u64(out, (uint64_t)commit->recorded_ns);
	skafu__buf_put(out, commit->id, 16);
	skafu__buf_put_u32(out, commit->record_count);
	for (uint32_t i = 0; i < commit->record_count; i++) {
		struct skafu__record record;
		int32_t rc = skafu__commit_record(commit, i, SKAFU__CHECK_ALL, &record);
		if (rc == 0)
			rc = canonical_put_record(out, &names, &record);
		if (rc != 0)
			return rc;
	}
	int32_t rc = canonical_put_rows(out, &names, commit);
	return rc ? rc : out->failed;
}

void skafu__chain_start(const uint8_t birth[16], uint8_t out[SKAFU__CHAIN_HASH_BYTES])
{
	static const char name[] = "skafu chain 1";
	struct skafu__part parts[2] = {{name, sizeof name - 1}, {birth, 16}};
	skafu__blake2b(out, SKAFU__CHAIN_HASH_BYTES, parts, 2);
}

void skafu__chain_link(uint8_t chain[SKAFU__CHAIN_HASH_BYTES], const void *canonical, size_t length)
{
	uint8_t next[SKAFU__CHAIN_HASH_BYTES];
	struct skafu__part parts[2] = {{chain, SKAFU__CHAIN_HASH_BYTES}, {canonical, length}};
	skafu__blake2b(next, sizeof next, parts, 2);
	memcpy(chain, next, sizeof next);
}
