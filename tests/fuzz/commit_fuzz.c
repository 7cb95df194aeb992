/*
 * commit_fuzz.c: any bytes as a commit: decoded in every way, walked, put into canonical form, derived from and
 * written anew.  A commit that is kept whole by a rewrite has the canonical form that it had.
 *
 * The first byte: bit 0 makes the checksum of the front right, bit 1 those of records that decode; bit 2: the rest is
 * changes to a commit that is made by hand, of 3 bytes each (place, value), else the bytes of the commit.
 */
#include "codec/madecommit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/canonical.h"
#include "codec/rewrite.h"
#include "store/derive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touched;

static void demand(int condition)
{
	if (!condition)
		abort();
}

static const char *name_of(const void *user, uint8_t set, uint32_t id, size_t *out_length)
{
	(void)user;
	*out_length = 4;
	return set != 0 && id != 0 && id < 1000 ? "name" : NULL;
}

static int32_t take_name(void *user, const struct skafu__name_def *name)
{
	(void)user;
	touched += name->set + strlen(name->name);
	return 0;
}

static int32_t take_entries(void *user, uint32_t dimension, const struct skafu__entry *entries, size_t count)
{
	(void)user;
	demand(dimension > 0 && dimension < SKAFU__DIMS && count > 0);
	for (size_t i = 0; i < count; i++)
		touched += entries[i].key ^ entries[i].position ^ entries[i].extra;
	return 0;
}

static int32_t take_row(void *user, const struct skafu__row_op *row, uint64_t commit)
{
	(void)user;
	for (size_t i = 0; i < row->key_length; i++)
		touched += row->key[i];
	for (size_t i = 0; i < row->value_length; i++)
		touched += row->value[i];
	touched += commit;
	return 0;
}

static void seal_records(uint8_t *bytes, const struct skafu__commit *commit)
{
	for (uint32_t i = 0; i < commit->record_count; i++) {
		const uint8_t *at;
		uint32_t length;
		if (skafu__commit_place(commit, i, &at, &length) != 0 || length < SKAFU__RECORD_HEADER_BYTES)
			continue;
		skafu__record_seal(bytes + (at - bytes), length, commit->first_sequence + i);
	}
}

/* 1 when all of it was kept. */
static int rewrite(const struct skafu__commit *commit, struct skafu__buf *out)
{
	struct skafu__rewrite rewriting;
	struct skafu__rewrite_part names;
	struct skafu__rewrite_part rows;
	struct skafu__commit_head head = {.number = commit->number, .first_sequence = commit->first_sequence,
					  .recorded_ns = commit->recorded_ns, .id = commit->id};
	int is_whole = 1;
	skafu__rewrite_init(&rewriting, skafu__sys_current());
	skafu__rewrite_begin(&rewriting);
	for (uint32_t i = 0; i < commit->record_count; i++) {
		struct skafu__record record;
		uint64_t sequence = commit->first_sequence + i;
		if (skafu__commit_record(commit, i, SKAFU__CHECK_ALL, &record) != 0) {
			is_whole = 0;
			demand(skafu__rewrite_lose(&rewriting, sequence) == 0);
		} else if (i % 2 && record.kind != SKAFU__KIND_LOST && !(record.flags & SKAFU__RECORD_ERASED)) {
			demand(skafu__rewrite_erase(&rewriting, &record, sequence) == 0);
		} else {
			const uint8_t *at;
			uint32_t length;
			demand(skafu__commit_place(commit, i, &at, &length) == 0);
			demand(skafu__rewrite_keep(&rewriting, at, length) == 0);
		}
	}
	skafu__rewrite_parts(commit, &names, &rows);
	demand(skafu__rewrite_end(&rewriting, &head, &names, &rows, out) == 0);
	skafu__rewrite_done(&rewriting);
	return is_whole;
}

static void use(const struct skafu__commit *commit)
{
	static const uint8_t hash_key[SKAFU__HASH_KEY_BYTES] = {1, 2, 3};
	const struct skafu__derive_sink sink = {.name = take_name, .entries = take_entries, .row = take_row};
	struct skafu__buf canonical;
	struct skafu__buf other;
	struct skafu__buf written;
	struct skafu__commit again;
	uint64_t damaged = 0;
	skafu__buf_init(&canonical, skafu__sys_current(), SIZE_MAX);
	skafu__buf_init(&other, skafu__sys_current(), SIZE_MAX);
	skafu__buf_init(&written, skafu__sys_current(), SIZE_MAX);
	int32_t rc = skafu__derive(hash_key, commit, &sink, SKAFU__CHECK_ALL, &damaged);
	demand(rc == 0 || rc == SKAFU_EDAMAGED);
	int32_t canon = skafu__commit_canonical(commit, name_of, NULL, &canonical);
	int is_whole = rewrite(commit, &written);
	demand(skafu__commit_decode(written.bytes, written.length, &again) == 0);
	demand(again.number == commit->number && again.record_count == commit->record_count);
	if (is_whole && canon == 0) {
		demand(skafu__commit_canonical(&again, name_of, NULL, &other) == 0);
		demand(other.length == canonical.length &&
		       memcmp(other.bytes, canonical.bytes, other.length) == 0);
	}
	skafu__buf_done(&canonical);
	skafu__buf_done(&other);
	skafu__buf_done(&written);
}

static uint8_t *make_input(const uint8_t *data, size_t size, size_t *out_length)
{
	struct skafu__buf made;
	skafu__buf_init(&made, skafu__sys_current(), 1 << 20);
	if (data[0] & 4) {
		made_commit(&made);
		for (size_t i = 1; i + 3 <= size; i += 3)
			made.bytes[(data[i] | (size_t)data[i + 1] << 8) % made.length] = data[i + 2];
	} else {
		skafu__buf_put(&made, data + 1, size - 1);
	}
	uint8_t *bytes = malloc(made.length ? made.length : 1);
	demand(bytes != NULL);
	memcpy(bytes, made.bytes, made.length);
	*out_length = made.length;
	skafu__buf_done(&made);
	return bytes;
}

/* What the seal covers has to be there. */
static int may_be_sealed(const uint8_t *bytes, size_t length)
{
	if (length < SKAFU__COMMIT_HEADER_BYTES)
		return 0;
	uint32_t records_offset = skafu__load_u32(bytes + 56);
	return records_offset >= SKAFU__COMMIT_HEADER_BYTES && records_offset <= length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skafu__commit commit;
	size_t length;
	if (size == 0)
		return 0;
	uint8_t *bytes = make_input(data, size, &length);
	if ((data[0] & 1) && may_be_sealed(bytes, length))
		skafu__commit_seal(bytes);
	if (length >= SKAFU__COMMIT_HEADER_BYTES)
		skafu__commit_peek(bytes, &commit);
	if (skafu__commit_decode_quick(bytes, length, &commit) == 0) {
		if (data[0] & 2)
			seal_records(bytes, &commit);
		for (uint32_t i = 0; i < commit.record_count && i < 1000; i++) {
			struct skafu__record record;
			skafu__commit_record(&commit, i, SKAFU__CHECK_ALL, &record);
		}
	}
	if (skafu__commit_decode(bytes, length, &commit) == 0)
		use(&commit);
	free(bytes);
	return 0;
}
