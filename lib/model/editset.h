/*
 * editset.h: what a batch of a projection has read and changed so far, in memory.
 *
 * A row is found by the number of its table and its key.  It begins unknown, is learnt once from the rows that are
 * stored, and is then what the handler made of it.
 *
 * Invariant: keys, rows and values together never take more than bytes_max; a refused change leaves the row as it
 * was.  One thread at a time.
 */
#ifndef SKAFU__MODEL_EDITSET_H
#define SKAFU__MODEL_EDITSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/hash.h"

enum skafu__editrow_state {
	SKAFU__EDITROW_UNKNOWN,
	SKAFU__EDITROW_ABSENT,  /* as stored: there is none */
	SKAFU__EDITROW_STORED,  /* as stored */
	SKAFU__EDITROW_PUT,     /* changed */
	SKAFU__EDITROW_DELETED
};

struct skafu__editrow {
	uint32_t name_at; /* in names: u8 table, key */
	uint32_t value_at;
	uint32_t value_length;
	uint32_t value_room;
	uint16_t name_length;
	uint8_t state;
	uint8_t stored; /* what was learnt: a state, or UNKNOWN */
	uint32_t first; /* of a chain that whoever groups events by rows keeps; 0: none */
	uint32_t last;
};

struct skafu__editslot {
	uint32_t hash;
	uint32_t row; /* + 1, or 0 */
};

struct skafu__editset {
	const struct skafu__sys *sys;
	struct skafu__editslot *slots;
	uint32_t slot_count; /* 0 or a power of two, at most half full */
	struct skafu__buf names;
	struct skafu__editrow *rows;
	uint32_t count;
	uint32_t room;
	struct skafu__buf values;
	size_t bytes_max;
	uint8_t hash_key[SKAFU__HASH_KEY_BYTES];
};

void skafu__editset_init(struct skafu__editset *set, const struct skafu__sys *sys, size_t bytes_max,
			 const uint8_t hash_key[SKAFU__HASH_KEY_BYTES]);
void skafu__editset_done(struct skafu__editset *set);
void skafu__editset_clear(struct skafu__editset *set); /* memory is kept */
size_t skafu__editset_bytes(const struct skafu__editset *set);

/* The number of the row of a key, which is added when it is new.  SKAFU_ELIMIT, SKAFU_ENOMEM. */
int32_t skafu__editset_find(struct skafu__editset *set, uint32_t table, const void *key, size_t key_length,
			    uint32_t *out_row);

/*
 * The same by its name, u8 table and key, and the hash of that.  Whoever has many names to find can have the memory
 * of one fetched while it works at others: first the slot, then the row, then the name and the value of that row.
 * These are hints: _fetch_row gives the row that the name has, or another one, or a number that no row has.
 */
int32_t skafu__editset_find_name(struct skafu__editset *set, const uint8_t *name, size_t length, uint32_t hash,
				 uint32_t *out_row);
uint32_t skafu__editset_hash(const struct skafu__editset *set, const uint8_t *name, size_t length);
void skafu__editset_fetch_slot(const struct skafu__editset *set, uint32_t hash);
uint32_t skafu__editset_fetch_row(const struct skafu__editset *set, uint32_t hash);
void skafu__editset_fetch_name(const struct skafu__editset *set, uint32_t row);
void skafu__editset_fetch_value(const struct skafu__editset *set, uint32_t row);

/* Its name, u8 table and key.  Valid until a row is added. */
const uint8_t *skafu__editset_name(const struct skafu__editset *set, uint32_t row, size_t *out_length);

/* Its value; NULL when the row is absent, deleted or unknown.  Valid until the next change. */
const uint8_t *skafu__editset_value(const struct skafu__editset *set, uint32_t row, size_t *out_length);

/* Where in the set a value lies that was lent from it, SIZE_MAX when it does not; and back again, after a change may
 * have moved it. */
size_t skafu__editset_place(const struct skafu__editset *set, const void *value);
const void *skafu__editset_at(const struct skafu__editset *set, size_t place, const void *otherwise);

/* Give it a value (NULL: none; it may be one of the set) and a state. */
int32_t skafu__editset_set(struct skafu__editset *set, uint32_t row, uint32_t state, const void *value,
			   size_t length);

/* The changed rows in the order of their keys. */
struct skafu__editchange {
	const uint8_t *name; /* u8 table, key */
	size_t name_length;
	const uint8_t *value; /* NULL: deleted */
	size_t value_length;
	uint32_t stored; /* as it was learnt: ABSENT, STORED or UNKNOWN */
};

/* *out_changes is to be freed with skafu__free(); lent are the bytes that it points to.  SKAFU_ENOMEM. */
int32_t skafu__editset_changes(const struct skafu__editset *set, struct skafu__editchange **out_changes,
			       size_t *out_count);

#endif
