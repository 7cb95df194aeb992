/*
 * manifest.h: which runs the index of a store has, and which segments each run has.
 *
 * One small root lists the runs.  The segments of a run are listed in its parts, values of a bounded size, so that a
 * run may have any number of them and a change of the root rewrites no list of segments.  Rows have a fixed width: a
 * search reads the few rows that it compares, and nothing has to be decoded first.
 *
 * Layout of the root, little endian:
 *    0  16 bytes  index_head.h, magic "SKRT"; a, b, c = 0
 *   16  u32       number of runs
 *   20  u32       0
 *   24  48 bytes for each run, by dimension, then by first sequence; the ranges of a dimension do not overlap:
 *           0  u8   dimension          8  u64  first sequence      32  u32  number of segments
 *           1  u8   level             16  u64  last sequence       36  u32  number of parts
 *           2  u16  0                 24  u64  number of entries   40  u32  CRC of the parts
 *           4  u32  run number                                     44  u32  0
 *       The CRC of the parts is the CRC32C of the CRC fields of all parts of the run, one after the other.
 *
 * Layout of a part, little endian:
 *    0  16 bytes  index_head.h, magic "SKRM"; a = dimension, b = level, c = 0
 *   16  u32       run number
 *   20  u32       number of this part, from 0
 *   24  u32       number of parts of the run, at least 1
 *   28  u32       number of segments of the run
 *   32  u32       index, within the run, of the first segment of this part
 *   36  u32       number of segments of this part
 *   40  u64       first sequence of the run
 *   48  u64       last sequence
 *   56  u64       number of entries of the run
 *   64  64 bytes for each segment, in the order of their entries:
 *           0  u32  segment number     16  u64  first key          40  u64  last position
 *           4  u32  bytes              24  u64  first position     48  u64  last extra
 *           8  u32  CRC                32  u64  last key           56  u64  largest extra of the last key
 *          12  u32  number of entries
 *       All parts of a run but the last list the same number of segments.  A run without entries has one part that
 *       lists none.
 *
 * Invariants: what was opened is consistent in itself and within its bytes, so nothing that is read from it later has
 * to be checked; a run that was opened is the one that the root means, not an older one with the same number.
 */
#ifndef SKAFU__CODEC_MANIFEST_H
#define SKAFU__CODEC_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "codec/segment.h"
#include "skafu_base.h"

#define SKAFU__MANIFEST_ROW_BYTES 64
#define SKAFU__MANIFEST_HEAD_BYTES 64
#define SKAFU__MANIFEST_PART_BYTES_MIN (SKAFU__MANIFEST_HEAD_BYTES + SKAFU__MANIFEST_ROW_BYTES)
#define SKAFU__MANIFEST_PART_BYTES_DEFAULT 61440
#define SKAFU__MANIFEST_ROOT_HEAD_BYTES 24
#define SKAFU__MANIFEST_RUN_BYTES 48

#define SKAFU__MANIFEST_TRUSTED 1u /* the checksum of these bytes was checked before: leave it out */

/* A run, as the root lists it.  The CRC is that of skafu__manifest_parts_crc(). */
struct skafu__manifest_run {
	uint8_t dimension;
	uint8_t level;
	uint32_t run;
	uint64_t first_sequence;
	uint64_t last_sequence;
	uint64_t entry_count;
	uint32_t segment_count;
	uint32_t part_count;
	uint32_t crc;
};

/* ---- root ---------------------------------------------------------------------------------------------------- */

/* A root that was opened; it borrows the bytes. */
struct skafu__manifest_root {
	const uint8_t *bytes;
	uint32_t run_count;
};

/* The length of a root; 0 when so many runs are not possible. */
size_t skafu__manifest_root_bytes(uint32_t run_count);

/* Write a root of exactly that many bytes.  SKAFU_EINVAL when the runs are not in order or not consistent. */
int32_t skafu__manifest_root_encode(void *out, const struct skafu__manifest_run *runs, uint32_t run_count,
	skafu_error *error);

int32_t skafu__manifest_root_open(struct skafu__manifest_root *root, const void *bytes, size_t length, unsigned flags,
	skafu_error *error);

/* The run at an index below run_count. */
void skafu__manifest_root_run(const struct skafu__manifest_root *root, uint32_t index,
	struct skafu__manifest_run *out_run);

/* The runs of a dimension are those from *out_begin, without *out_end, oldest sequences first. */
void skafu__manifest_root_dimension(const struct skafu__manifest_root *root, uint8_t dimension, uint32_t *out_begin,
	uint32_t *out_end);

/* ---- parts --------------------------------------------------------------------------------------------------- */

/* How many segments a part of at most bytes_max bytes lists (0 below the minimum), and how many parts a run needs. */
uint32_t skafu__manifest_part_rows(size_t bytes_max);
uint32_t skafu__manifest_part_count(uint32_t segment_count, size_t bytes_max);

/* The length of part `part` of a run. */
size_t skafu__manifest_part_bytes(uint32_t segment_count, uint32_t part, size_t bytes_max);

/*
 * Write part `part` of a run, exactly that many bytes; run->part_count must be skafu__manifest_part_count().
 * `segments` are all those of the run.  *out_crc is for skafu__manifest_parts_crc().  SKAFU_EINVAL when the segments
 * are not in order, or the run is not consistent.
 */
int32_t skafu__manifest_part_encode(void *out, const struct skafu__manifest_run *run,
	const struct skafu__segment_info *segments, uint32_t part, size_t bytes_max, uint32_t *out_crc,
	skafu_error *error);

/* The CRC for the root: begin with 0, add the CRC of each part in its order. */
uint32_t skafu__manifest_parts_crc(uint32_t crc, uint32_t part_crc);

/* A part that was opened; it borrows the bytes. */
struct skafu__manifest_part {
	const uint8_t *bytes;
	struct skafu__manifest_run run; /* as this part describes it; the crc is 0 */
	uint32_t part;
	uint32_t first_index;
	uint32_t segment_count;
	uint32_t crc;
	uint64_t entry_count; /* of the segments of this part */
};

int32_t skafu__manifest_part_open(struct skafu__manifest_part *part, const void *bytes, size_t length, unsigned flags,
	skafu_error *error);

/* ---- runs ---------------------------------------------------------------------------------------------------- */

/* SKAFU_EDAMAGED unless `parts`, all that the run has, in their order, are those that the root means. */
int32_t skafu__manifest_run_check(const struct skafu__manifest_run *run, const struct skafu__manifest_part *parts,
	skafu_error *error);

/* The segment at an index below run.segment_count.  `parts` are those of a checked run, here and below. */
void skafu__manifest_run_segment(const struct skafu__manifest_part *parts, uint32_t index,
	struct skafu__segment_info *out_segment);

/*
 * The segments that can hold `key` at `position` or above are those from *out_begin, without *out_end; none when the
 * two are equal.  With position 0 these are all segments of the key.
 */
void skafu__manifest_run_find(const struct skafu__manifest_part *parts, uint64_t key, uint64_t position,
	uint32_t *out_begin, uint32_t *out_end);

/*
 * The first segment, of those that find gave for a key, that can hold a posting of it with at least this extra; the
 * last of them when the others cannot.  It is right when several streams share the key, too.
 */
uint32_t skafu__manifest_run_find_extra(const struct skafu__manifest_part *parts, uint64_t extra, uint32_t begin,
	uint32_t end);

#endif
