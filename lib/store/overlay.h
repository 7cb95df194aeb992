/*
 * overlay.h: in memory, what follows from the commits that are not folded into the index yet.
 *
 * Every process builds its own from the commits, so it is never wrong and may be thrown away at any time.  Postings
 * of a dimension lie in one array in the order of their positions, linked by key in both directions; row values lie
 * in an array, linked from newer to older by key.  Postings are linked by the first lookup after they came.
 *
 * Invariant: holds exactly the commits base < number <= covered.  The newest of them may not be on disk yet, or may
 * be newer than a reader's snapshot: readers pass the highest position (commit) that they may see.
 * The caller holds the store's overlay lock: exclusively to change, shared to read.
 */
#ifndef SKAFU__STORE_OVERLAY_H
#define SKAFU__STORE_OVERLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "store/derive.h"

struct skafu__overlay_list;

/* What is kept of one unit of weight, about, at most. */
#define SKAFU__OVERLAY_BYTES_PER_WEIGHT 1024u

/* A commit that is held.  Its weight is what it costs to keep: records, or 1 when it has none, its rows, and what of
 * its index entries is beyond that of records with few tags. */
struct skafu__overlay_mark {
	uint64_t commit;
	uint64_t last_sequence;
	uint64_t weight_up_to; /* of this commit and all before it */
	uint32_t bytes_min_up_to; /* of the smallest of them */
	uint32_t names_up_to; /* that they define */
};

struct skafu__overlay {
	const struct skafu__sys *sys;
	uint64_t base;    /* number of the last commit that is not held any more */
	uint64_t covered; /* number of the last commit that is held; base when none is */
	uint64_t covered_sequence;
	int64_t covered_recorded_ns; /* of that commit, when there are marks */
	struct skafu__overlay_list *lists[SKAFU__DIMS];
	struct skafu__overlay_mark *marks; /* of the commits held, in order */
	size_t mark_count;
	size_t mark_room;
	int is_held;           /* there is somebody who reads slices without the lock */
	size_t entry_count;    /* of all dimensions */
	size_t entries_marked; /* of these, of commits that are covered */
	struct skafu__map row_heads; /* table and key -> index + 1 into row versions */
	struct skafu__overlay_row *rows;
	size_t row_count;
	size_t row_room;
	struct skafu__buf row_bytes; /* keys and values */
};

struct skafu__overlay_row {
	uint64_t commit;
	size_t key_at; /* in row_bytes: u32 BE table, key; then value */
	uint32_t table;
	uint32_t value_length;
	uint32_t before; /* index + 1 of the version before; 0: none here */
	uint8_t operation;
	uint8_t key_length;
};

int32_t skafu__overlay_init(struct skafu__overlay *overlay, const struct skafu__sys *sys);
void skafu__overlay_done(struct skafu__overlay *overlay);

/* Hold nothing, and begin after this commit. */
void skafu__overlay_reset(struct skafu__overlay *overlay, uint64_t base, uint64_t base_sequence);

/* For a derive sink: take in what a commit gives, then say which commit it was. */
int32_t skafu__overlay_add_entries(struct skafu__overlay *overlay, uint32_t dimension,
				   const struct skafu__entry *entries, size_t count);
int32_t skafu__overlay_add_row(struct skafu__overlay *overlay, const struct skafu__row_op *row, uint64_t commit);
int32_t skafu__overlay_cover(struct skafu__overlay *overlay, const struct skafu__commit *commit);

/* The total weight, and the first commit at which it reaches a mark (NULL: it does not).  The weight of a commit is a
 * function of its content alone, so every process, and a reindex, cuts at the same commits. */
uint64_t skafu__overlay_weight(const struct skafu__overlay *overlay);
const struct skafu__overlay_mark *skafu__overlay_cut(const struct skafu__overlay *overlay, uint64_t weight);

/* Which postings of a key, and in which order. */
struct skafu__range {
	uint64_t from; /* positions, both included */
	uint64_t to;
	uint64_t extra_from; /* extras, both included; 0 and UINT64_MAX for all */
	uint64_t extra_to;
	int backward;
};

/* Up to `max` postings of a key; the number found. */
size_t skafu__overlay_collect(const struct skafu__overlay *overlay, uint32_t dimension, uint64_t key,
			      const struct skafu__range *range, struct skafu__entry *out, size_t max);

/* All entries of a dimension with from <= position <= to, in that order: where they lie, and how many. */
size_t skafu__overlay_slice(const struct skafu__overlay *overlay, uint32_t dimension, uint64_t from, uint64_t to,
			    const struct skafu__entry **out_first);

/* What the slices are of stays where it is and as it is, and may be read without the lock, whatever is added or
 * dropped, until it is let go of.  A list that grows meanwhile or is dropped keeps its array of before besides.  One
 * at a time may hold it.  The lock is held shared to hold, exclusively to let go. */
void skafu__overlay_hold(struct skafu__overlay *overlay);
void skafu__overlay_let_go(struct skafu__overlay *overlay);

/* The newest version of a row that is not newer than `commit`; NULL when the overlay has none. */
const struct skafu__overlay_row *skafu__overlay_row_find(const struct skafu__overlay *overlay, uint32_t table,
							 const void *key, size_t key_length, uint64_t commit);

/* Walk the keys that the overlay has rows of, in no order: *at begins as 0; NULL at the end. */
const struct skafu__overlay_row *skafu__overlay_row_next(const struct skafu__overlay *overlay, size_t *at,
							 uint64_t commit);
const uint8_t *skafu__overlay_row_key(const struct skafu__overlay *overlay, const struct skafu__overlay_row *row);
const uint8_t *skafu__overlay_row_value(const struct skafu__overlay *overlay, const struct skafu__overlay_row *row);

size_t skafu__overlay_bytes(const struct skafu__overlay *overlay);

#endif
