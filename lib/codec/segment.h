/*
 * segment.h: packed segments of an index run: check and look up.  segment_build.h makes them, segment_walk.h
 * goes through all those of a run.
 *
 * A run covers a contiguous range of sequences in one dimension of the index.  Its entries (entry.h), sorted, are cut
 * into segments: immutable values of at most a given number of bytes.  The entries of one key may fill many segments.
 *
 * Layout of a segment, little endian:
 *
 *    0  16 bytes  index_head.h, magic "SKSG"; a = flags (bit 0: entries have an extra), b = width W of a key in
 *                 bytes, 1 to 8, c = 0
 *   16  u32       number of entries
 *   20  u16       number K of distinct keys, at least 1
 *   22  u16       0
 *   24  u64       first key
 *   32  u64       last key
 *   40  u64       base: a position that is not above any in the segment
 *   48  K * W     the keys, ascending, each less the first key
 *       K * u16   where the list of each key begins, counted from the end of this table; ascending, the first is 0
 *       ...       the lists, in the order of the keys and without gaps, up to the end of the segment
 *
 * Numbers of a list are varints (LEB128, at most 10 bytes, no padding) unless another width is given.  "Next" is
 * the code of a posting that follows another one:
 *   without extra   position - previous position
 *   with extra      (position - previous position) << 1 | x; if x is 1, then zigzag(extra - (previous extra + 1)),
 *                   modulo 2^64; if x is 0, the extra is the previous one plus 1
 *
 * A list of 1 to 64 postings:
 *   without extra   (position - base) << 1
 *   with extra      (position - base) << 2 | x << 1; if x is 1, then the extra; if x is 0, the extra is 1
 *   then            "next" codes to the end of the list
 *
 * A list of more than 64 postings is cut into blocks of 64, the last one shorter:
 *   varint          count << 2 | ascending << 1 | 1; ascending: the extras never decrease
 *   u8              width P of a position, 1 to 8, in the low four bits; width E of an extra, 0 to 8, in the high
 *                   ones; E is 0 exactly when the segment has no extras
 *   blocks * (P + E + 2)   of each block: first position - base; first extra; u16 where the block's codes end,
 *                   counted from the end of this table
 *   codes           of each block: "next" codes of all its postings but the first
 *
 * Invariants: entries ascend strictly by key, position, extra; positions are at most SKAFU__POSITION_MAX.  The reader
 * believes nothing: whatever the bytes are, it stays within them, and reports SKAFU_EDAMAGED for a list that is not
 * as above.  The checksum detects accidents; it is checked once, by skafu__segment_open().
 */
#ifndef SKAFU__CODEC_SEGMENT_H
#define SKAFU__CODEC_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "codec/entry.h"
#include "skafu_base.h"

#define SKAFU__SEGMENT_MAGIC "SKSG"
#define SKAFU__SEGMENT_HEAD_BYTES 48
#define SKAFU__SEGMENT_HAS_EXTRA 1u
#define SKAFU__SEGMENT_BYTES_MIN 256
#define SKAFU__SEGMENT_BYTES_MAX 65535
#define SKAFU__SEGMENT_BYTES_DEFAULT 61424 /* 15 pages, less the 16 bytes that LMDB puts before a large value */
#define SKAFU__SEGMENT_BLOCK 64
#define SKAFU__POSITION_MAX ((UINT64_C(1) << 62) - 1)

/* What a manifest says about a segment. */
struct skafu__segment_info {
	uint32_t number; /* of the segment within its run: part of the key under which it is stored */
	uint32_t bytes;
	uint32_t crc;
	uint32_t entry_count;
	uint64_t first_key;
	uint64_t first_position;
	uint64_t last_key;
	uint64_t last_position;
	uint64_t last_extra;
	uint64_t last_extra_max; /* the largest extra that the last key has in this segment */
};

/* ---- read ---------------------------------------------------------------------------------------------------- */

#define SKAFU__SEGMENT_TRUSTED 1u /* the checksum of these bytes was checked before: leave it out */
#define SKAFU__SEGMENT_DEEP 2u    /* decode every posting, and check order, counts and flags */

/* A segment that was opened; it borrows the bytes.  Any number of threads may read it. */
struct skafu__segment {
	const uint8_t *bytes;
	size_t length;
	uint32_t entry_count;
	uint32_t key_count;
	uint32_t crc;
	unsigned key_width;
	int has_extra;
	uint64_t first_key;
	uint64_t last_key;
	uint64_t base;
	const uint8_t *starts;
	const uint8_t *lists;
	size_t lists_bytes;
};

int32_t skafu__segment_open(struct skafu__segment *segment, const void *bytes, size_t length, unsigned flags,
	skafu_error *error);

/* SKAFU_EDAMAGED unless this is the segment that a manifest means. */
int32_t skafu__segment_match(const struct skafu__segment *segment, const struct skafu__segment_info *info,
	skafu_error *error);

/* The key at an index below key_count. */
uint64_t skafu__segment_key(const struct skafu__segment *segment, uint32_t index);

/* As many keys from an index on, all of them below key_count. */
void skafu__segment_keys(const struct skafu__segment *segment, uint32_t index, uint64_t *out, uint32_t count);

/* The index of the first key that is not below `key`; key_count when there is none. */
uint32_t skafu__segment_lower_bound(const struct skafu__segment *segment, uint64_t key);

/*
 * A place in the list of one key.  It holds one decoded block, so moving is cheap and needs no memory.  It always
 * stands on a posting once it was opened; a move that fails leaves a cursor that must be opened again.
 */
struct skafu__segment_cursor {
	const struct skafu__segment *segment;
	const uint8_t *table; /* of a list in blocks, else NULL */
	const uint8_t *codes;
	const uint8_t *codes_end;
	uint64_t key;
	uint32_t key_index;
	uint32_t count;
	uint32_t block_count;
	uint32_t block; /* the one that is decoded */
	unsigned position_width;
	unsigned extra_width;
	int ascending;
	uint32_t filled; /* postings of the decoded block */
	uint32_t at;
	uint64_t positions[SKAFU__SEGMENT_BLOCK];
	uint64_t extras[SKAFU__SEGMENT_BLOCK];
};

/* Open the list of a key: 1 and the cursor on its first (last) posting, or 0 when the segment does not have it. */
int32_t skafu__segment_find(const struct skafu__segment *segment, uint64_t key, struct skafu__segment_cursor *cursor,
	skafu_error *error);
int32_t skafu__segment_find_last(const struct skafu__segment *segment, uint64_t key,
	struct skafu__segment_cursor *cursor, skafu_error *error);

/* Open the list of the key at an index below key_count, on the first posting. */
int32_t skafu__segment_list(const struct skafu__segment *segment, uint32_t index,
	struct skafu__segment_cursor *cursor, skafu_error *error);

/* For a walk: the entries of the lists from the key at *index on, as long as they are of one block each and there is
 * room for one; `room` is at least a block.  *index moves to the first list that is not in `out`.  The number of
 * entries; 0 when that list is one in blocks or is damaged, which a cursor will tell.  The keys ascend: a key that is
 * not above the one before it ends what is given. */
uint32_t skafu__segment_unpack(const struct skafu__segment *segment, uint32_t *index, struct skafu__entry *out,
	uint32_t room);

static inline uint64_t skafu__segment_cursor_position(const struct skafu__segment_cursor *cursor)
{
	return cursor->positions[cursor->at];
}

static inline uint64_t skafu__segment_cursor_extra(const struct skafu__segment_cursor *cursor)
{
	return cursor->segment->has_extra ? cursor->extras[cursor->at] : 0;
}

/* How many postings the list has. */
static inline uint32_t skafu__segment_cursor_count(const struct skafu__segment_cursor *cursor)
{
	return cursor->count;
}

/* Moves: 1 when there is such a posting, 0 when there is none.  next and prev then stay where they are. */
int32_t skafu__segment_cursor_next(struct skafu__segment_cursor *cursor, skafu_error *error);
int32_t skafu__segment_cursor_prev(struct skafu__segment_cursor *cursor, skafu_error *error);
int32_t skafu__segment_cursor_first(struct skafu__segment_cursor *cursor, skafu_error *error);
int32_t skafu__segment_cursor_last(struct skafu__segment_cursor *cursor, skafu_error *error);

/* The first posting at or above a position, or the last at or below it.  After a 0 the cursor stands on the last
 * (first) posting of the list. */
int32_t skafu__segment_cursor_seek(struct skafu__segment_cursor *cursor, uint64_t position, skafu_error *error);
int32_t skafu__segment_cursor_seek_back(struct skafu__segment_cursor *cursor, uint64_t position, skafu_error *error);

/* The first posting, in the order of positions, whose extra is at least this one.  Where two streams share a key the
 * extras go up and down; no posting of either stream that has such an extra is before that place.  After a 0 the
 * cursor stands on the last posting. */
int32_t skafu__segment_cursor_seek_extra(struct skafu__segment_cursor *cursor, uint64_t extra, skafu_error *error);

#endif
