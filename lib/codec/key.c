#include "codec/key.h"

void skafu__chunk_key_encode(uint8_t out[SKAFU__CHUNK_KEY_BYTES], uint64_t last_sequence, uint64_t last_commit)
{
	skafu__store_u64_be(out, last_sequence);
	skafu__store_u64_be(out + 8, last_commit);
}

int skafu__chunk_key_decode(const void *bytes, size_t length, struct skafu__chunk_key *out)
{
	if (length != SKAFU__CHUNK_KEY_BYTES)
		return 0;
	out->last_sequence = skafu__load_u64_be(bytes);
	out->last_commit = skafu__load_u64_be((const uint8_t *)bytes + 8);
	return 1;
}

void skafu__name_key_encode(uint8_t out[SKAFU__NAME_KEY_BYTES], uint8_t set, uint32_t id)
{
	out[0] = set;
	skafu__store_u32_be(out + 1, id);
}

size_t skafu__row_key_encode(uint8_t out[SKAFU__ROW_KEY_BYTES_MAX], uint32_t table, const void *key,
			     size_t key_length)
{
	skafu__store_u32_be(out, table);
	memcpy(out + 4, key, key_length);
	return 4 + key_length;
}

void skafu__run_key_encode(uint8_t out[SKAFU__RUN_KEY_BYTES], uint32_t dimension, uint64_t run, uint32_t segment)
{
	out[0] = (uint8_t)dimension;
	skafu__store_u64_be(out + 1, run);
	skafu__store_u32_be(out + 9, segment);
}
