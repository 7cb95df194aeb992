/*
 * key.h: the ordered keys of the log's tables.
 *
 * All numbers big endian, so that the order of the bytes is the order of the numbers, at most 511 bytes (LMDB's
 * limit):
 *   chunk     u64 last sequence, u64 last commit number          of the commits in the chunk
 *   name      u8 set, u32 id
 *   row       u32 table, key (1 to 255 bytes)
 *   run       u8 dimension, u64 run number, u32 segment number
 *   manifest  u8 dimension, u64 run number, u32 part             the root manifest is the single byte 0
 */
#ifndef SKAFU__CODEC_KEY_H
#define SKAFU__CODEC_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define SKAFU__CHUNK_KEY_BYTES 16
#define SKAFU__NAME_KEY_BYTES 5
#define SKAFU__ROW_KEY_BYTES_MAX 259
#define SKAFU__RUN_KEY_BYTES 13

struct skafu__chunk_key {
	uint64_t last_sequence;
	uint64_t last_commit;
};

void skafu__chunk_key_encode(uint8_t out[SKAFU__CHUNK_KEY_BYTES], uint64_t last_sequence, uint64_t last_commit);
/* 0 when the length is wrong. */
int skafu__chunk_key_decode(const void *bytes, size_t length, struct skafu__chunk_key *out);

void skafu__name_key_encode(uint8_t out[SKAFU__NAME_KEY_BYTES], uint8_t set, uint32_t id);

/* The length of the key. */
size_t skafu__row_key_encode(uint8_t out[SKAFU__ROW_KEY_BYTES_MAX], uint32_t table, const void *key,
			     size_t key_length);

void skafu__run_key_encode(uint8_t out[SKAFU__RUN_KEY_BYTES], uint32_t dimension, uint64_t run, uint32_t segment);

#endif
