/*
 * state.h: the two records of the meta table.
 *
 * "format", written once at creation (and anew by a restore), 112 bytes:
 *    0  8    "SKAFULOG"          8  u32  format version 1        12  u32  page size 4096
 *   16  u64  compatible features: an older library may ignore them
 *   24  u64  features that an older library may read but not write
 *   32  u64  features that an older library must not touch
 *   40  16   birth id           56  16   incarnation            72  16   key of the name hashes
 *   88  i64  created            96  u64  0
 *  104  u32  fan-in: how many runs are merged into one, 2 to 64; 0: 8.  Another one than 8 has its bit among the
 *            features for reading, since whoever merged otherwise would mix up runs
 *  108  u32  CRC32C of bytes 0 .. 108
 *
 * "index", written by every fold, 128 bytes; absent until the first:
 *    0  u32  magic "SKIX"        4  u32  version 1
 *    8  u64  indexed sequence   16  u64  indexed commit         24  u64  generation: counts the changes
 *   32  u64  folds so far       40  u64  chained commit         48  32   chain hash at that commit
 *   80  u64  chained sequence   88  u64  epoch: counts reindexes
 *   96  u64  cleared count     104  u64  cleared commit        112  u64  cleared sequence    (clear.h)
 *  120  u32  0                 124  u32  CRC32C of bytes 0 .. 124
 */
#ifndef SKAFU__STORE_STATE_H
#define SKAFU__STORE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "codec/hash.h"
#include "skafu_base.h"

#define SKAFU__FORMAT_BYTES 112
#define SKAFU__INDEX_BYTES 128
#define SKAFU__CHAIN_BYTES 32
#define SKAFU__FEATURE_FAN_IN UINT64_C(1) /* among those that an older library may read */
#define SKAFU__FAN_IN_MIN 2u
#define SKAFU__FAN_IN_MAX 64u
#define SKAFU__FAN_IN_UNSAID 8u

struct skafu__format {
	uint64_t features_compatible;
	uint64_t features_read_only;
	uint64_t features_incompatible;
	uint8_t birth[16];
	uint8_t incarnation[16];
	uint8_t hash_key[SKAFU__HASH_KEY_BYTES];
	int64_t created_ns;
	uint32_t fan_in;
};

struct skafu__index_state {
	uint64_t sequence; /* records up to here are in runs */
	uint64_t commit;   /* commits up to here are folded */
	uint64_t generation;
	uint64_t folds; /* how many there were: the number of runs of level 0 that have been */
	uint64_t chained_commit;
	uint64_t chained_sequence;
	uint8_t chain[SKAFU__CHAIN_BYTES];
	uint64_t epoch;
	uint64_t cleared_count;
	uint64_t cleared_commit;
	uint64_t cleared_sequence;
};

/* The bit of the fan-in is set by itself. */
void skafu__format_encode(const struct skafu__format *format, uint8_t out[SKAFU__FORMAT_BYTES]);

/* SKAFU_EFOREIGN, SKAFU_ENEWER, SKAFU_EUNSUPPORTED, SKAFU_EDAMAGED.  *out_read_only is 1 when features demand it. */
int32_t skafu__format_decode(const void *bytes, size_t length, struct skafu__format *out, int *out_read_only,
			     skafu_error *error);

void skafu__index_state_encode(const struct skafu__index_state *state, uint8_t out[SKAFU__INDEX_BYTES]);
int32_t skafu__index_state_decode(const void *bytes, size_t length, struct skafu__index_state *out,
				  skafu_error *error);

#endif
