/*
 * index_head.c: writes and checks the common head of the index values; index_head.h has the layout.
 *
 * Invariant: nothing but a complete value whose CRC matches is ever reported as good, unless the caller vouches for
 * the bytes.
 */
#include "codec/index_head.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/crc32c.h"

enum { index_head_format = 1, index_head_crc_at = 8, index_head_length_at = 12 };

uint32_t skafu__index_checksum(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint32_t crc = skafu__crc32c(0, at, index_head_crc_at);

	return skafu__crc32c(crc, at + index_head_length_at, length - index_head_length_at);
}

uint32_t skafu__index_seal(void *bytes, size_t length, const char magic[4])
{
	uint8_t *at = bytes;
	uint32_t crc;

	memcpy(at, magic, 4);
	at[4] = index_head_format;
	skafu__store_u32(at + index_head_length_at, (uint32_t)length);
	crc = skafu__index_checksum(at, length);
	skafu__store_u32(at + index_head_crc_at, crc);
	return crc;
}

int32_t skafu__index_check(const void *bytes, size_t length, const char magic[4], int trusted, skafu_error *error)
{
	const uint8_t *at = bytes;

	if (length < SKAFU__INDEX_HEAD_BYTES || memcmp(at, magic, 4) != 0)
		return skafu__fail(error, SKAFU_EDAMAGED,
			"A value of the index does not begin with the letters %.4s; reindex the store.", magic);
	if (skafu__load_u32(at + index_head_length_at) != length)
		return skafu__fail(error, SKAFU_EDAMAGED,
			"A value of the index (%.4s) has another length than it says; reindex the store.", magic);
	if (!trusted && skafu__load_u32(at + index_head_crc_at) != skafu__index_checksum(at, length))
		return skafu__fail(error, SKAFU_EDAMAGED,
			"A value of the index (%.4s) does not match its checksum; reindex the store.", magic);
	if (at[4] != index_head_format)
		return skafu__fail(error, SKAFU_ENEWER,
			"A value of the index (%.4s) has the format %u; use a version of libskafu that knows it.",
			magic, (unsigned)at[4]);
	return SKAFU_OK;
}
