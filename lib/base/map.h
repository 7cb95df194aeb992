/*
 * map.h: a hash map from bytes to a number, for caches and small indexes in memory.
 *
 * Keys are copied into one block of the map, so the caller's bytes may go.  Slots probe linearly and a removal moves
 * the followers back, so there are no gravestones and a lookup never gets slower with age.  The room of removed keys
 * is won back when the block would have to grow; at the ceiling only when it is an eighth of the block, so a cache
 * that evicts one key for one key does not pack the block each time.
 *
 * Invariant: slots and keys together never take more than the ceiling (while it grows, the old and the new block
 * exist for a moment beside each other); a failed insert leaves the map as it was.  The order of iteration means
 * nothing and must not reach anything that is stored.  One thread at a time.
 */
#ifndef SKAFU__BASE_MAP_H
#define SKAFU__BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"

typedef uint64_t (*skafu__map_hash_fn)(const void *user, const void *key, size_t length);

struct skafu__map_slot;

struct skafu__map {
	const struct skafu__sys *sys;
	skafu__map_hash_fn hash; /* NULL: the built-in one */
	const void *hash_user;
	uint64_t seed; /* of the built-in one, which is quick but no defence: see below */
	size_t ceiling;
	struct skafu__map_slot *slots;
	size_t slot_count; /* 0 or a power of two */
	size_t used;
	uint8_t *keys;
	size_t keys_length;
	size_t keys_capacity;
	size_t keys_dead; /* bytes of keys that were removed */
	uint32_t thinned; /* how often */
};

struct skafu__map_entry {
	const uint8_t *key; /* borrowed until the map changes */
	size_t key_length;
	uint64_t value;
};

/* An empty map takes no memory.  The seed makes the built-in hash differ from map to map; where strangers choose the
 * keys, set a keyed hash. */
void skafu__map_init(struct skafu__map *map, const struct skafu__sys *sys, size_t ceiling, uint64_t seed);
void skafu__map_done(struct skafu__map *map); /* releases everything; the map may be used again */

/* Use this hash; only while the map is empty. */
void skafu__map_set_hash(struct skafu__map *map, skafu__map_hash_fn hash, const void *user);

/* 1 when the key is new, 0 when its value was replaced; SKAFU_ELIMIT at the ceiling, SKAFU_ENOMEM without memory. */
int32_t skafu__map_insert(struct skafu__map *map, const void *key, size_t length, uint64_t value);

/* The value of the key, to read or change in place until the map changes; NULL when there is none. */
uint64_t *skafu__map_find(const struct skafu__map *map, const void *key, size_t length);

/* The same for who knows the hash already, which must be the one that the map's own function gives; and for who looks
 * up a little later: first the slot is fetched into the processor's cache, then, once it is there, the key. */
uint64_t *skafu__map_find_hashed(const struct skafu__map *map, uint64_t hash, const void *key, size_t length);
void skafu__map_prefetch(const struct skafu__map *map, uint64_t hash);
void skafu__map_prefetch_key(const struct skafu__map *map, uint64_t hash);

/* 1 when the key was there. */
int skafu__map_remove(struct skafu__map *map, const void *key, size_t length);

void skafu__map_clear(struct skafu__map *map); /* memory is kept */

/* Room in a cache that is full: remove about a quarter of the keys, those whose hashes begin with certain bits, each
 * time with others.  What is in use comes back soon, and most of what is not is there longer than after a clear. */
void skafu__map_thin(struct skafu__map *map);
size_t skafu__map_count(const struct skafu__map *map);
size_t skafu__map_bytes(const struct skafu__map *map); /* what counts against the ceiling */

/* 1 and the next entry, 0 at the end.  *cursor is 0 at the start; the map must not change in between. */
int skafu__map_next(const struct skafu__map *map, size_t *cursor, struct skafu__map_entry *out);

#endif
