/*
 * bloom.c: the filter that spares most look-ups of what is new; bloom.h has the layout.
 *
 * Invariant: a filter that was opened has exactly the blocks that its length leaves room for, so every hash falls
 * inside it.
 */
#include "codec/bloom.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/index_head.h"

#define BLOOM_MAGIC "SKBF"

enum {
	bloom_hash_bits = 16,
	bloom_probes = 8,
	bloom_block_bytes = 64,
	bloom_block_hashes = bloom_block_bytes * 8 / bloom_hash_bits,
	bloom_probe_bits = 6,
	bloom_probe_shift = 16
};

static uint64_t bloom_block_count(uint64_t count)
{
	return count ? (count - 1) / bloom_block_hashes + 1 : 1;
}

size_t skafu__bloom_bytes(uint64_t count)
{
	uint64_t blocks = bloom_block_count(count);

	if (blocks > (UINT32_MAX - bloom_block_bytes) / bloom_block_bytes)
		return 0;
	return (size_t)(blocks + 1) * bloom_block_bytes;
}

void skafu__bloom_init(void *bytes, uint64_t count)
{
	uint8_t *at = bytes;

	memset(at, 0, skafu__bloom_bytes(count));
	at[5] = bloom_hash_bits;
	at[6] = bloom_probes;
	skafu__store_u64(at + 16, count);
	skafu__store_u32(at + 24, (uint32_t)bloom_block_count(count));
}

void skafu__bloom_seal(void *bytes, uint64_t count)
{
	skafu__index_seal(bytes, skafu__bloom_bytes(count), BLOOM_MAGIC);
}

static size_t bloom_block(uint64_t hash, uint32_t block_count)
{
	return (size_t)(((hash >> 32) * block_count) >> 32) * bloom_block_bytes;
}

static uint64_t bloom_mix(uint64_t hash)
{
	return (hash * UINT64_C(0x9e3779b97f4a7c15)) >> bloom_probe_shift;
}

static inline void bloom_mark(uint64_t *words, uint64_t mix)
{
	_Static_assert(bloom_probes == 8, "each has its line");
	words[0] |= UINT64_C(1) << mix % 64;
	words[1] |= UINT64_C(1) << (mix >> bloom_probe_bits) % 64;
	words[2] |= UINT64_C(1) << (mix >> 2 * bloom_probe_bits) % 64;
	words[3] |= UINT64_C(1) << (mix >> 3 * bloom_probe_bits) % 64;
	words[4] |= UINT64_C(1) << (mix >> 4 * bloom_probe_bits) % 64;
	words[5] |= UINT64_C(1) << (mix >> 5 * bloom_probe_bits) % 64;
	words[6] |= UINT64_C(1) << (mix >> 6 * bloom_probe_bits) % 64;
	words[7] |= UINT64_C(1) << (mix >> 7 * bloom_probe_bits) % 64;
}

static inline void bloom_load(uint64_t *words, const uint8_t *block)
{
	for (unsigned i = 0; i < bloom_probes; i++)
		words[i] = skafu__load_u64(block + 8 * i);
}

static inline void bloom_store(uint8_t *block, const uint64_t *words)
{
	for (unsigned i = 0; i < bloom_probes; i++)
		skafu__store_u64(block + 8 * i, words[i]);
}

void skafu__bloom_add(void *bytes, const uint64_t *hashes, size_t count)
{
	uint8_t *blocks = (uint8_t *)bytes + bloom_block_bytes;
	uint32_t block_count = skafu__load_u32((uint8_t *)bytes + 24);
	size_t at = 0;
	uint64_t words[bloom_probes];

	bloom_load(words, blocks);
	for (size_t i = 0; i < count; i++) {
		size_t next = bloom_block(hashes[i], block_count);

		if (next != at) {
			bloom_store(blocks + at, words);
			bloom_load(words, blocks + next);
			at = next;
		}
		bloom_mark(words, bloom_mix(hashes[i]));
	}
	bloom_store(blocks + at, words);
}

int skafu__bloom_may_hold(const struct skafu__bloom *bloom, uint64_t hash)
{
	const uint8_t *block = bloom->blocks + bloom_block(hash, bloom->block_count);
	uint64_t mix = bloom_mix(hash);
	uint64_t missing = 0;
	unsigned i;

	for (i = 0; i < bloom_probes; i++, mix >>= bloom_probe_bits, block += 8)
		missing |= ~skafu__load_u64(block) >> (mix % 64);
	return !(missing & 1);
}

static void bloom_take(struct skafu__bloom *bloom, const uint8_t *at, uint64_t count)
{
	bloom->blocks = at + bloom_block_bytes;
	bloom->block_count = (uint32_t)bloom_block_count(count);
	bloom->count = count;
}

int32_t skafu__bloom_open(struct skafu__bloom *bloom, const void *bytes, size_t length, skafu_error *error)
{
	static const uint8_t zeros[36] = {0};
	const uint8_t *at = bytes;
	int32_t result = skafu__index_check(bytes, length, BLOOM_MAGIC, 0, error);
	uint64_t count;

	if (result < 0)
		return result;
	if (length < 2 * bloom_block_bytes || at[5] != bloom_hash_bits || at[6] != bloom_probes || at[7] != 0
		|| memcmp(at + 28, zeros, sizeof zeros) != 0)
		return skafu__fail(error, SKAFU_EDAMAGED,
			"A filter of the index has a head that does not exist; reindex the store.");
	count = skafu__load_u64(at + 16);
	if (skafu__bloom_bytes(count) != length || skafu__load_u32(at + 24) != bloom_block_count(count))
		return skafu__fail(error, SKAFU_EDAMAGED,
			"A filter of the index has a length that does not fit its number of hashes; reindex it.");
	bloom_take(bloom, at, count);
	return SKAFU_OK;
}

int32_t skafu__bloom_open_again(struct skafu__bloom *bloom, const void *bytes)
{
	const uint8_t *at = bytes;
	uint64_t count = skafu__load_u64(at + 16);

	if (skafu__bloom_bytes(count) == 0 || skafu__load_u32(at + 24) != bloom_block_count(count))
		return SKAFU_EDAMAGED;
	bloom_take(bloom, at, count);
	return SKAFU_OK;
}
