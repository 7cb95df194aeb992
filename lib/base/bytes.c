/*
 * bytes.c: the bounded reader, and varints.
 */
#include "base/bytes.h"

void skafu__reader_init(struct skafu__reader *reader, const void *bytes, size_t length)
{
	/* An address that is not NULL, so that a take of 0 bytes is not mistaken for a failure. */
	static const uint8_t nothing[1];

	reader->at = bytes ? bytes : nothing;
	reader->end = reader->at + (bytes ? length : 0);
	reader->failed = bytes == NULL && length > 0;
}

size_t skafu__reader_left(const struct skafu__reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

const uint8_t *skafu__reader_take(struct skafu__reader *reader, size_t length)
{
	const uint8_t *at = reader->at;

	if (reader->failed || length > skafu__reader_left(reader)) {
		reader->failed = 1;
		return NULL;
	}
	reader->at += length;
	return at;
}

uint8_t skafu__reader_u8(struct skafu__reader *reader)
{
	const uint8_t *at = skafu__reader_take(reader, 1);

	return at ? *at : 0;
}

uint16_t skafu__reader_u16(struct skafu__reader *reader)
{
	const uint8_t *at = skafu__reader_take(reader, 2);

	return at ? skafu__load_u16(at) : 0;
}

uint32_t skafu__reader_u32(struct skafu__reader *reader)
{
	const uint8_t *at = skafu__reader_take(reader, 4);

	return at ? skafu__load_u32(at) : 0;
}

uint64_t skafu__reader_u64(struct skafu__reader *reader)
{
	const uint8_t *at = skafu__reader_take(reader, 8);

	return at ? skafu__load_u64(at) : 0;
}

uint64_t skafu__reader_varint(struct skafu__reader *reader)
{
	const uint8_t *at = reader->at;
	uint64_t value = 0;

	if (reader->failed)
		return 0;
	for (unsigned shift = 0; at < reader->end && shift < 64; shift += 7) {
		uint8_t byte = *at++;

		if (shift == 63 && byte > 1)
			break; /* more than 64 bits */
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte >= 0x80)
			continue;
		if (byte == 0 && shift > 0)
			break; /* padded: one value has one form, else equal records could differ */
		reader->at = at;
		return value;
	}
	reader->failed = 1;
	return 0;
}

size_t skafu__varint_write(uint8_t *to, uint64_t value)
{
	size_t length = 0;

	while (value >= 0x80) {
		to[length++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[length++] = (uint8_t)value;
	return length;
}
