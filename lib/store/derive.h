/*
 * derive.h: what follows from a commit: the one pure function from which every derived table is made.
 *
 * The memory overlay, the fold, reindex and verify all call it, and nothing else writes a derived table; so a table
 * that is lost can be made again, byte for byte, and one that is damaged can be found out.  What a truncated or
 * deleted stream and an erased payload hide is hidden from readers (hidden.h), and keeps its entries.
 */
#ifndef SKAFU__STORE_DERIVE_H
#define SKAFU__STORE_DERIVE_H

#include <stdint.h>

#include "codec/commit.h"
#include "codec/entry.h"
#include "codec/hash.h"

struct skafu__batch_record;

/* Dimensions of the index.  Positions are sequences, but for commits, whose position is the commit number. */
enum skafu__dimension {
	SKAFU__DIM_STREAM = 1,      /* key: hash of the name; extra: the stream version; events only */
	SKAFU__DIM_TYPE = 2,        /* key: skafu__type_key(); all kinds */
	SKAFU__DIM_CORRELATION = 3, /* key: hash of the text; all kinds */
	SKAFU__DIM_TAG = 4,         /* key: hash of the tag; all kinds */
	SKAFU__DIM_ID = 5,          /* key: hash of the record id; all kinds */
	SKAFU__DIM_COMMIT = 6,      /* key: hash of the commit id; extra: the commit's last sequence */
	SKAFU__DIM_KIND = 7,        /* key: the kind; all kinds but events */
	SKAFU__DIMS = 8
};

/* Types of errors and outcomes are numbered apart from those of events and commands. */
static inline uint64_t skafu__type_key(uint8_t set, uint32_t id)
{
	return set == SKAFU__NAME_NOTE ? (UINT64_C(1) << 32 | id) : id;
}

static inline int skafu__dimension_has_extra(uint32_t dimension)
{
	return dimension == SKAFU__DIM_STREAM || dimension == SKAFU__DIM_COMMIT;
}

struct skafu__derive_sink {
	void *user;
	int32_t (*name)(void *user, const struct skafu__name_def *name);
	int32_t (*entries)(void *user, uint32_t dimension, const struct skafu__entry *entries, size_t count);
	int32_t (*event)(void *user, const struct skafu__record *record, uint64_t sequence); /* may be NULL */
	int32_t (*row)(void *user, const struct skafu__row_op *row, uint64_t commit);
};

/* Names, then entries, then rows.  The entries of some records at a time, by dimension; those of a dimension come in
 * the order of their positions.  Stops at the first failure of the sink and returns it.  A record that does not stand
 * the check: SKAFU_EDAMAGED, with its sequence in *out_damaged, when the entries of all before it are given. */
int32_t skafu__derive(const uint8_t hash_key[SKAFU__HASH_KEY_BYTES], const struct skafu__commit *commit,
		      const struct skafu__derive_sink *sink, enum skafu__check check, uint64_t *out_damaged);

/* The same for a commit that this process just made of the records of a batch, whose hashes it takes over. */
int32_t skafu__derive_made(const uint8_t hash_key[SKAFU__HASH_KEY_BYTES], const struct skafu__commit *commit,
			   const struct skafu__batch_record *made, const struct skafu__derive_sink *sink);

#endif
