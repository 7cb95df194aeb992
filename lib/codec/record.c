#include "codec/record.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/crc32c.h"
#include "codec/hash.h"
#include "codec/nuls.h"
#include "skafu_store.h"

#define RECORD_CAUSE_BYTES 16u

enum {
	RECORD_AT_METADATA_LENGTH = 28,
	RECORD_AT_DATA_LENGTH = 32,
	RECORD_AT_CORRELATION_LENGTH = 69,
	RECORD_AT_TAG_COUNT = 70,
	RECORD_AT_HAS_CAUSE = 71,
	RECORD_AT_TAGS_LENGTH = 72
};

const uint8_t skafu__record_no_cause[RECORD_CAUSE_BYTES];

static int record_has_cause(const struct skafu__record *record)
{
	return record->causation && memcmp(record->causation, skafu__record_no_cause, RECORD_CAUSE_BYTES) != 0;
}

static void record_encode_header(uint8_t *to, const struct skafu__record *record, int has_cause)
{
	to[8] = record->kind;
	to[9] = record->flags;
	to[10] = record->hops;
	to[11] = record->severity;
	skafu__store_u32(to + 12, record->event_version);
	skafu__store_u32(to + 16, record->type);
	skafu__store_u32(to + 20, record->source);
	skafu__store_u32(to + 24, record->content_type);
	skafu__store_u32(to + RECORD_AT_METADATA_LENGTH, record->metadata_length);
	skafu__store_u32(to + RECORD_AT_DATA_LENGTH, record->data_length);
	skafu__store_u64(to + 36, record->stream_version);
	skafu__store_u64(to + 44, (uint64_t)record->time_ns);
	memcpy(to + SKAFU__RECORD_AT_ID, record->id, 16);
	to[SKAFU__RECORD_AT_STREAM_LENGTH] = record->stream_length;
	to[RECORD_AT_CORRELATION_LENGTH] = record->correlation_length;
	to[RECORD_AT_TAG_COUNT] = record->tag_count;
	to[RECORD_AT_HAS_CAUSE] = (uint8_t)has_cause;
	skafu__store_u16(to + RECORD_AT_TAGS_LENGTH, record->tags_length);
}

/* Not inline: a compiler that knows that a length fits a byte copies with an instruction that takes long to start. */
__attribute__((noinline)) static uint8_t *record_put(uint8_t *to, const void *bytes, size_t length)
{
	if (length)
		memcpy(to, bytes, length);
	return to + length;
}

/* A name with its NUL: most are short, and a call would cost more than they do.  The last bytes are copied together
 * with those before them. */
static inline uint8_t *record_put_name(uint8_t *to, const char *name, size_t length)
{
	if (length >= 16) {
		for (size_t i = 0; i + 16 < length; i += 16)
			memcpy(to + i, name + i, 16);
		memcpy(to + length - 16, name + length - 16, 16);
	} else if (length >= 8) {
		memcpy(to, name, 8);
		memcpy(to + length - 8, name + length - 8, 8);
	} else if (length >= 4) {
		memcpy(to, name, 4);
		memcpy(to + length - 4, name + length - 4, 4);
	} else {
		for (size_t i = 0; i < length; i++)
			to[i] = (uint8_t)name[i];
	}
	to[length] = 0;
	return to + length + 1;
}

static uint8_t *record_put_tags(uint8_t *to, const struct skafu__record *record, const char *const *tag_list,
				const uint8_t *tag_lengths)
{
	if (!tag_list)
		return record_put(to, record->tags, record->tags_length);
	for (uint32_t i = 0; i < record->tag_count; i++)
		to = record_put_name(to, tag_list[i], tag_lengths[i]);
	return to;
}

int32_t skafu__record_encode(struct skafu__buf *buf, const struct skafu__record *record, const char *const *tag_list,
			     const uint8_t *tag_lengths)
{
	int has_cause = record_has_cause(record);
	size_t size = SKAFU__RECORD_HEADER_BYTES + record->stream_length + 1u + record->correlation_length + 1u +
		      record->tags_length + (size_t)record->metadata_length + record->data_length +
		      (has_cause ? RECORD_CAUSE_BYTES : 0);
	uint8_t *start = skafu__buf_reserve(buf, size);
	if (!start)
		return buf->failed;
	skafu__store_u32(start, (uint32_t)size);
	skafu__store_u32(start + SKAFU__RECORD_AT_CRC, 0);
	record_encode_header(start, record, has_cause);
	uint8_t *to = start + SKAFU__RECORD_HEADER_BYTES;
	to = record_put_name(to, record->stream, record->stream_length);
	to = record_put_name(to, record->correlation, record->correlation_length);
	to = record_put_tags(to, record, tag_list, tag_lengths);
	to = record_put(to, record->metadata, record->metadata_length);
	to = record_put(to, record->data, record->data_length);
	if (has_cause)
		record_put(to, record->causation, RECORD_CAUSE_BYTES);
	skafu__buf_commit(buf, size);
	return 0;
}

static uint32_t record_crc(const uint8_t *bytes, uint32_t size, uint64_t sequence)
{
	return skafu__crc32c_behind(sequence, bytes + 8, size - 8);
}

void skafu__record_seal(uint8_t *bytes, uint32_t size, uint64_t sequence)
{
	skafu__store_u32(bytes + SKAFU__RECORD_AT_CRC, record_crc(bytes, size, sequence));
}

/* Copy a record; the CRC that the copy should have. */
static uint32_t record_copy(uint8_t *to, const uint8_t *bytes, uint32_t size, uint64_t sequence)
{
	memcpy(to, bytes, 8);
	return skafu__crc32c_copy(sequence, to + 8, bytes + 8, size - 8);
}

void skafu__record_copy_sealed(uint8_t *to, const uint8_t *bytes, uint32_t size, uint64_t sequence)
{
	skafu__store_u32(to + SKAFU__RECORD_AT_CRC, record_copy(to, bytes, size, sequence));
}

int skafu__record_is_intact(const uint8_t *bytes, uint32_t size, uint64_t sequence)
{
	return skafu__load_u32(bytes + SKAFU__RECORD_AT_CRC) == record_crc(bytes, size, sequence);
}

int skafu__record_copy_is_intact(uint8_t *to, const uint8_t *bytes, uint32_t size, uint64_t sequence)
{
	uint32_t crc = record_copy(to, bytes, size, sequence);
	return skafu__load_u32(to + SKAFU__RECORD_AT_CRC) == crc;
}

static void record_decode_header(const uint8_t *bytes, struct skafu__record *out)
{
	out->kind = bytes[8];
	out->flags = bytes[9];
	out->hops = bytes[10];
	out->severity = bytes[11];
	out->event_version = skafu__load_u32(bytes + 12);
	out->type = skafu__load_u32(bytes + 16);
	out->source = skafu__load_u32(bytes + 20);
	out->content_type = skafu__load_u32(bytes + 24);
	out->metadata_length = skafu__load_u32(bytes + RECORD_AT_METADATA_LENGTH);
	out->data_length = skafu__load_u32(bytes + RECORD_AT_DATA_LENGTH);
	out->stream_version = skafu__load_u64(bytes + 36);
	out->time_ns = (int64_t)skafu__load_u64(bytes + 44);
	out->id = bytes + SKAFU__RECORD_AT_ID;
	out->stream_length = bytes[SKAFU__RECORD_AT_STREAM_LENGTH];
	out->correlation_length = bytes[RECORD_AT_CORRELATION_LENGTH];
	out->tag_count = bytes[RECORD_AT_TAG_COUNT];
	out->tags_length = skafu__load_u16(bytes + RECORD_AT_TAGS_LENGTH);
}

/* Stream, correlation and tags lie side by side: a NUL where stream and correlation end and none before, then as many
 * as there are tags, the last one at the end, and none behind another.  Texts are short: to go to every NUL of all of
 * them costs less than to wait for the end of each. */
static int record_texts_are_whole(const uint8_t *bytes, size_t size)
{
	const uint8_t *texts = bytes + SKAFU__RECORD_HEADER_BYTES;
	size_t stream_end = bytes[SKAFU__RECORD_AT_STREAM_LENGTH];
	size_t ends[2] = {stream_end, stream_end + 1 + bytes[RECORD_AT_CORRELATION_LENGTH]};
	size_t length = ends[1] + 1 + skafu__load_u16(bytes + RECORD_AT_TAGS_LENGTH);
	size_t before = 0;
	size_t count = 0;
	int misplaced = texts[length - 1] != 0;
	for (size_t at = 0; at < length; at += SKAFU__NULS_WINDOW) {
		uint64_t nuls = skafu__nuls_within(texts + at, length - at,
						   size - SKAFU__RECORD_HEADER_BYTES - at);
		for (; nuls != 0; nuls &= nuls - 1, count++) {
			size_t nul = at + (size_t)__builtin_ctzll(nuls);
			misplaced |= count < 2 ? nul != ends[count] : nul == before + 1;
			before = nul;
		}
	}
	return !misplaced && count == bytes[RECORD_AT_TAG_COUNT] + 2u;
}

/* The size of the record when its lengths agree with each other and with what may be read; 0 when not. */
static size_t record_size(const uint8_t *bytes, size_t length)
{
	if (length < SKAFU__RECORD_HEADER_BYTES + 2)
		return 0;
	size_t size = SKAFU__RECORD_HEADER_BYTES + bytes[SKAFU__RECORD_AT_STREAM_LENGTH] + 1u +
		      bytes[RECORD_AT_CORRELATION_LENGTH] + 1u + skafu__load_u16(bytes + RECORD_AT_TAGS_LENGTH) +
		      (size_t)skafu__load_u32(bytes + RECORD_AT_METADATA_LENGTH) +
		      skafu__load_u32(bytes + RECORD_AT_DATA_LENGTH) +
		      bytes[RECORD_AT_HAS_CAUSE] * RECORD_CAUSE_BYTES;
	if (bytes[RECORD_AT_HAS_CAUSE] > 1)
		return 0;
	if (bytes[8] < SKAFU_KIND_EVENT || bytes[8] > SKAFU__KIND_LOST)
		return 0;
	if ((bytes[SKAFU__RECORD_AT_FLAGS] & SKAFU__RECORD_ERASED) &&
	    skafu__load_u32(bytes + RECORD_AT_DATA_LENGTH) != SKAFU__DIGEST_BYTES)
		return 0;
	return size == skafu__load_u32(bytes) && size <= length ? size : 0;
}

/* In place: a copy of what was just written in pieces would wait for all of them. */
static void record_fill(const uint8_t *bytes, size_t size, struct skafu__record *out)
{
	out->size = (uint32_t)size;
	record_decode_header(bytes, out);
	out->stream = (const char *)bytes + SKAFU__RECORD_HEADER_BYTES;
	out->correlation = out->stream + out->stream_length + 1;
	out->tags = out->correlation + out->correlation_length + 1;
	out->metadata = (const uint8_t *)out->tags + out->tags_length;
	out->data = out->metadata + out->metadata_length;
	out->causation = bytes[RECORD_AT_HAS_CAUSE] ? out->data + out->data_length : skafu__record_no_cause;
}

int32_t skafu__record_decode_own(const uint8_t *bytes, size_t length, struct skafu__record *out)
{
	size_t size = record_size(bytes, length);
	if (size == 0)
		return SKAFU_EDAMAGED;
	record_fill(bytes, size, out);
	return 0;
}

int32_t skafu__record_decode(const uint8_t *bytes, size_t length, struct skafu__record *out)
{
	size_t size = record_size(bytes, length);
	if (size == 0 || !record_texts_are_whole(bytes, size))
		return SKAFU_EDAMAGED;
	record_fill(bytes, size, out);
	return 0;
}

void skafu__record_digest(const struct skafu__record *record, uint8_t out[SKAFU__DIGEST_BYTES])
{
	struct skafu__part part = {record->data, record->data_length};
	if (record->flags & SKAFU__RECORD_ERASED) {
		memcpy(out, record->data, SKAFU__DIGEST_BYTES);
		return;
	}
	skafu__store_u32(out, record->data_length);
	skafu__blake2b(out + 4, SKAFU__DIGEST_BYTES - 4, &part, 1);
}
