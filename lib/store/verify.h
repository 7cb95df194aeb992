/*
 * verify.h: a verification under way, as the walk over the commits (verify.c) and the checks of what is derived from
 * them (verify_index.c) share it.
 *
 * Invariant: the host's callback is never called while a view is open; faults wait in `told` until it is closed.
 */
#ifndef SKAFU__STORE_VERIFY_H
#define SKAFU__STORE_VERIFY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "store/derive.h"
#include "store/names.h"
#include "store/view.h"

/* The streams and rows whose hash leaves `residue` when divided by `modulus`: as many as fit into memory at once. */
struct skafu__verify_share {
	uint64_t modulus;
	uint64_t residue;
	uint64_t told_up_to; /* faults of these streams were told for the commits up to here */
};

struct skafu__verify_item {
	struct skafu__entry entry;
	uint32_t dimension;
};

struct skafu__verify {
	skafu_store *store;
	skafu_verify_fn tell;
	void *user;
	uint32_t flags;
	uint32_t map_bytes; /* ceiling of each of the two maps */
	struct skafu_verify_report report;
	int32_t stopped;        /* what the host's callback said */
	struct skafu__buf told; /* texts of faults, each with its NUL */

	struct skafu__index_state goal; /* the index record as it was at the start */
	uint64_t up_to;                 /* the last commit that is looked at */

	/* The walk. */
	struct skafu__chunk_key at; /* the last chunk that was looked at */
	uint64_t commit;            /* reached */
	uint64_t sequence;
	int64_t recorded_ns;
	int is_first;      /* the walk that checks everything but other shares of the streams and rows */
	int has_hole;      /* something before was unreadable, so what follows from it is not known */
	int has_lost;      /* a record before was lost and salvage says so: versions may have gaps */
	int index_is_lost; /* the index cannot be opened at all, which was told */
	struct skafu__names names;
	uint32_t folded_names[SKAFU__NAME_SETS]; /* defined by the commits up to goal.commit */
	uint8_t chain[SKAFU__CHAIN_BYTES];
	struct skafu__buf scratch;

	/* The share of this walk. */
	struct skafu__verify_share share;
	int share_is_full;         /* it does not fit; it will be split */
	struct skafu__map streams; /* name -> version */
	struct skafu__map rows;    /* key in the row table -> what is to be there, see verify_index.h */

	/* What follows from the commits up to goal.commit. */
	uint64_t sums[SKAFU__DIMS]; /* of all entries of a dimension, in any order */
	uint64_t counts[SKAFU__DIMS];
	struct skafu__buf items;    /* struct skafu__verify_item that are to be looked up */
	struct skafu__buf tag_keys; /* u64: tags of the record tag_position so far */
	uint64_t tag_position;
};

/* The work of skafu_store_verify(), with a ceiling for tests. */
int32_t skafu__verify_run(skafu_store *store, uint32_t flags, skafu_verify_fn tell, void *user, uint32_t map_bytes,
			  skafu_verify_report *out_report, skafu_error *error);

/* Note a fault, in one sentence. */
void skafu__verify_fault(struct skafu__verify *verify, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tell the host what was noted; no view is open.  Not 0: the host wants to stop. */
int32_t skafu__verify_flush(struct skafu__verify *verify);

/* 1 when the host stopped the walk, or there is nothing to be checked in the index any more. */
int skafu__verify_is_over(const struct skafu__verify *verify);

int skafu__verify_is_mine(const struct skafu__verify *verify, const void *name, size_t length);

#endif
