/*
 * record_fuzz.c: any bytes as a record.  What decodes lies within its bytes, and encodes to what decodes to the same.
 *
 * The first byte says whether size and checksum are made right, so that the fuzzer need not guess them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
	if (!condition)
		abort();
}

static void is_within(const uint8_t *bytes, size_t size, const void *part, size_t length)
{
	const uint8_t *at = part;
	demand(length == 0 || (at >= bytes && at <= bytes + size && length <= (size_t)(bytes + size - at)));
}

static void look(const uint8_t *bytes, const struct skafu__record *record)
{
	size_t size = record->size;
	is_within(bytes, size, record->id, 16);
	if (record->causation != skafu__record_no_cause)
		is_within(bytes, size, record->causation, 16);
	is_within(bytes, size, record->stream, record->stream_length + 1u);
	is_within(bytes, size, record->correlation, record->correlation_length + 1u);
	is_within(bytes, size, record->tags, record->tags_length);
	is_within(bytes, size, record->metadata, record->metadata_length);
	is_within(bytes, size, record->data, record->data_length);
	demand(strlen(record->stream) == record->stream_length);
	demand(strlen(record->correlation) == record->correlation_length);
	const char *tag = record->tags;
	for (uint32_t i = 0; i < record->tag_count; i++)
		tag += strlen(tag) + 1;
	demand(record->tag_count == 0 || tag == record->tags + record->tags_length);
}

/* There and back, twice. */
static void encode(const struct skafu__record *record)
{
	const struct skafu__sys *sys = skafu__sys_current();
	struct skafu__buf first;
	struct skafu__buf second;
	struct skafu__record again;
	uint8_t digest[SKAFU__DIGEST_BYTES];
	skafu__buf_init(&first, sys, SIZE_MAX);
	skafu__buf_init(&second, sys, SIZE_MAX);
	demand(skafu__record_encode(&first, record, NULL, NULL) == 0);
	demand(skafu__record_decode(first.bytes, first.length, &again) == 0);
	demand(again.size == first.length && again.data_length == record->data_length);
	demand(again.tag_count == record->tag_count && again.stream_version == record->stream_version);
	demand(skafu__record_encode(&second, &again, NULL, NULL) == 0);
	demand(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
	skafu__record_seal(first.bytes, again.size, 7);
	demand(skafu__record_is_intact(first.bytes, again.size, 7));
	demand(!skafu__record_is_intact(first.bytes, again.size, 8));
	if (!(record->flags & SKAFU__RECORD_ERASED) || record->data_length == SKAFU__DIGEST_BYTES)
		skafu__record_digest(record, digest);
	skafu__buf_done(&first);
	skafu__buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skafu__record record;
	if (size < 2)
		return 0;
	size_t length = size - 1;
	uint8_t *bytes = malloc(length); /* of exactly this size, so that reading beyond it is noticed */
	if (!bytes)
		return 0;
	memcpy(bytes, data + 1, length);
	if ((data[0] & 1) && length >= SKAFU__RECORD_HEADER_BYTES) {
		skafu__store_u32(bytes, (uint32_t)length);
		skafu__record_seal(bytes, (uint32_t)length, 7);
		demand(skafu__record_is_intact(bytes, (uint32_t)length, 7));
	}
	if (skafu__record_decode(bytes, length, &record) == 0) {
		look(bytes, &record);
		encode(&record);
		demand(skafu__record_decode_own(bytes, length, &record) == 0);
	}
	free(bytes);
	return 0;
}
