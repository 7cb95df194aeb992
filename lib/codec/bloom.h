/*
 * bloom.h: a filter that says of most 64-bit hashes that are not in a run that they are not.
 *
 * Never wrong about a hash that was added; wrong about one in some 1,000 of the others.  All bits of one hash lie in
 * one block of 64 bytes, so a question costs one cache line.
 *
 * Layout, little endian:
 *    0  16 bytes  index_head.h, magic "SKBF"; a = bits per hash, b = bits set per hash, c = 0
 *   16  u64       number of hashes that it was made for
 *   24  u32       number of blocks
 *   28  u32 * 9   0
 *   64  u64 * 8   for each block
 *
 * The block of a hash h is ((h >> 32) * blocks) >> 32.  With m = h * 0x9e3779b97f4a7c15 (mod 2^64), bit i of its
 * eight bits is bit (m >> (16 + 6 * i)) % 64 of the i-th u64 of the block.
 */
#ifndef SKAFU__CODEC_BLOOM_H
#define SKAFU__CODEC_BLOOM_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_base.h"

/* Bytes of a filter for so many hashes (taken as at least 1); 0 when they are more than a filter can hold. */
size_t skafu__bloom_bytes(uint64_t count);

/* Make an empty filter in memory of exactly skafu__bloom_bytes(count) bytes, add hashes, which is quickest in their
 * order, and seal it. */
void skafu__bloom_init(void *bytes, uint64_t count);
void skafu__bloom_add(void *bytes, const uint64_t *hashes, size_t count);
void skafu__bloom_seal(void *bytes, uint64_t count);

/* A filter that was opened; it borrows the bytes. */
struct skafu__bloom {
	const uint8_t *blocks;
	uint32_t block_count;
	uint64_t count;
};

int32_t skafu__bloom_open(struct skafu__bloom *bloom, const void *bytes, size_t length, skafu_error *error);

/* The same for bytes that were opened before: only the two numbers that say where they end are compared. */
int32_t skafu__bloom_open_again(struct skafu__bloom *bloom, const void *bytes);

/* 0 when the hash was certainly not added. */
int skafu__bloom_may_hold(const struct skafu__bloom *bloom, uint64_t hash);

#endif
