/*
 * run.h: one run of the index as this process holds it: its decoded manifest, and the way to its segments in LMDB.
 *
 * A run is immutable and so is everything that is known of it; a segment whose checksum was right once is not looked
 * up or checked again by this process, while the map stays where it is.  A segment that the manifest names and LMDB
 * does not have is damage, never "not found".
 *
 * The number of a run says what it holds: level << 28 | ordinal, where run n of level l covers the folds
 * n * fan_in^l .. (n + 1) * fan_in^l - 1.  So any process that makes it makes the same bytes under the same keys.
 */
#ifndef SKAFU__STORE_RUN_H
#define SKAFU__STORE_RUN_H

#include <lmdb.h>
#include <stdatomic.h>
#include <stdint.h>

#include "codec/manifest.h"
#include "codec/segment_walk.h"
#include "store/overlay.h"
#include "store/view.h"

#define SKAFU__RUN_LEVEL_SHIFT 28
#define SKAFU__RUN_ORDINAL_MAX ((1u << SKAFU__RUN_LEVEL_SHIFT) - 1)

/* Where a value was last seen.  One that has pages of its own stays where it is as long as some snapshot that a view
 * may have lists the run, and until the map moves; so a view of a generation that lists it may go there directly. */
struct skafu__run_place {
	_Atomic(const uint8_t *) bytes; /* NULL: not known.  Its checksum was right */
};

struct skafu__run {
	struct skafu__manifest_run info;
	uint8_t *bytes; /* of all parts */
	struct skafu__manifest_part *parts;
	struct skafu__run_place *places; /* of each segment */
	struct skafu__run_place filter;
};

static inline uint32_t skafu__run_number(uint32_t level, uint64_t ordinal)
{
	return level << SKAFU__RUN_LEVEL_SHIFT | (uint32_t)ordinal;
}

static inline uint32_t skafu__run_ordinal(const struct skafu__manifest_run *run)
{
	return run->run & SKAFU__RUN_ORDINAL_MAX;
}

/* Read the manifest of a run that the root lists. */
int32_t skafu__run_load(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *info,
			struct skafu__run **out, skafu_error *error);
void skafu__run_free(const skafu_store *store, struct skafu__run *run);

/* Open the segment at an index; the bytes are valid as long as the transaction. */
int32_t skafu__run_segment(const skafu_store *store, MDB_txn *txn, struct skafu__run *run, uint32_t index,
			   struct skafu__segment *out, skafu_error *error);

/* The map moved: no place is known any more. */
void skafu__run_forget_places(struct skafu__run *run);

/* Add to out[*count ... max] the postings of a key that are in the range, in its direction. */
int32_t skafu__run_collect(struct skafu__view *view, struct skafu__run *run, uint64_t key,
			   const struct skafu__range *range, struct skafu__entry *out, size_t max, size_t *count,
			   skafu_error *error);

/* How many postings of a key a run has, from the heads of its lists. */
int32_t skafu__run_count(struct skafu__view *view, struct skafu__run *run, uint64_t key, uint64_t *out,
			 skafu_error *error);

#endif
