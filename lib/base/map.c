/*
 * map.c: a hash map from bytes to a number.
 *
 * A slot is free when its place is MAP_FREE.  The full hash is kept in the slot: most keys that differ are told apart
 * without touching the key block, and growing needs no hashing.
 */
#include "base/map.h"

#include <string.h>

#include "base/bytes.h"
#include "skafu_base.h"

#define MAP_FREE UINT32_MAX
#define MAP_SLOTS_MIN 16
#define MAP_KEYS_MIN 256
#define MAP_KEYS_MAX ((size_t)UINT32_MAX - 1)
#define MAP_PART_BITS 2 /* thinning takes a part away */
#define MAP_PARTS (1u << MAP_PART_BITS)

struct skafu__map_slot {
	uint64_t hash;
	uint64_t value;
	uint32_t place; /* of the key in the block */
	uint32_t length;
};

void skafu__map_init(struct skafu__map *map, const struct skafu__sys *sys, size_t ceiling, uint64_t seed)
{
	*map = (struct skafu__map){.sys = sys, .ceiling = ceiling, .seed = seed};
}

void skafu__map_done(struct skafu__map *map)
{
	skafu__free(map->sys, map->slots);
	skafu__free(map->sys, map->keys);
	map->slots = NULL;
	map->slot_count = 0;
	map->used = 0;
	map->keys = NULL;
	map->keys_length = 0;
	map->keys_capacity = 0;
	map->keys_dead = 0;
}

void skafu__map_set_hash(struct skafu__map *map, skafu__map_hash_fn hash, const void *user)
{
	if (map->used == 0) {
		map->hash = hash;
		map->hash_user = user;
	}
}

/* ---- hashing ------------------------------------------------------------------------------------------------- */

static uint64_t map_mix(uint64_t value)
{
	value ^= value >> 32;
	value *= UINT64_C(0x9e3779b97f4a7c15);
	return value ^ value >> 29;
}

static uint64_t map_hash_bytes(uint64_t seed, const uint8_t *at, size_t length)
{
	uint64_t hash = map_mix(seed ^ (uint64_t)length);
	uint64_t tail = 0;

	for (; length >= 8; length -= 8, at += 8)
		hash = map_mix(hash ^ skafu__load_u64(at)) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < length; i++)
		tail |= (uint64_t)at[i] << 8 * i;
	return map_mix(map_mix(hash ^ tail));
}

static uint64_t map_hash(const struct skafu__map *map, const void *key, size_t length)
{
	return map->hash ? map->hash(map->hash_user, key, length) : map_hash_bytes(map->seed, key, length);
}

/* ---- slots --------------------------------------------------------------------------------------------------- */

/* The slot that holds the key, or the free one where it belongs.  There is always a free one. */
static struct skafu__map_slot *map_probe(const struct skafu__map *map, uint64_t hash, const void *key, size_t length)
{
	size_t mask = map->slot_count - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct skafu__map_slot *slot = &map->slots[i];

		if (slot->place == MAP_FREE)
			return slot;
		if (slot->hash == hash && slot->length == length &&
		    (length == 0 || memcmp(map->keys + slot->place, key, length) == 0))
			return slot;
	}
}

static void map_slots_empty(struct skafu__map_slot *slots, size_t count)
{
	for (size_t i = 0; i < count; i++)
		slots[i].place = MAP_FREE;
}

static void map_slots_move(struct skafu__map *map, struct skafu__map_slot *slots, size_t count)
{
	for (size_t i = 0; i < map->slot_count; i++) {
		const struct skafu__map_slot *slot = &map->slots[i];
		size_t to;

		if (slot->place == MAP_FREE)
			continue;
		to = slot->hash & (count - 1);
		while (slots[to].place != MAP_FREE)
			to = (to + 1) & (count - 1);
		slots[to] = *slot;
	}
}

static size_t map_bytes_of(size_t slot_count, size_t keys_capacity)
{
	return slot_count * sizeof(struct skafu__map_slot) + keys_capacity;
}

/* Keep a quarter of the slots free: linear probing gets slow when they fill up. */
static int32_t map_slots_grow(struct skafu__map *map)
{
	size_t count = map->slot_count ? map->slot_count * 2 : MAP_SLOTS_MIN;
	struct skafu__map_slot *slots;

	if (map->slot_count && map->used + 1 <= map->slot_count - map->slot_count / 4)
		return SKAFU_OK;
	if (count > map->ceiling / sizeof *slots || map_bytes_of(count, map->keys_capacity) > map->ceiling)
		return SKAFU_ELIMIT;
	slots = skafu__realloc_array(map->sys, NULL, count, sizeof *slots);
	if (!slots)
		return SKAFU_ENOMEM;
	map_slots_empty(slots, count);
	map_slots_move(map, slots, count);
	skafu__free(map->sys, map->slots);
	map->slots = slots;
	map->slot_count = count;
	return SKAFU_OK;
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

/* Copy the living keys to another block, one behind the other. */
static void map_keys_pack(struct skafu__map *map, uint8_t *keys)
{
	size_t length = 0;

	for (size_t i = 0; i < map->slot_count; i++) {
		struct skafu__map_slot *slot = &map->slots[i];

		if (slot->place == MAP_FREE)
			continue;
		if (slot->length > 0 && map->keys)
			memcpy(keys + length, map->keys + slot->place, slot->length);
		slot->place = (uint32_t)length;
		length += slot->length;
	}
	map->keys_length = length;
	map->keys_dead = 0;
}

/* How large the block must be for `length` more bytes: the old size when packing alone wins enough, else the double,
 * or what the ceiling leaves; 0 when that is too little. */
static size_t map_keys_wanted(const struct skafu__map *map, size_t length)
{
	size_t slots_bytes = map_bytes_of(map->slot_count, 0);
	size_t most = map->ceiling > slots_bytes ? map->ceiling - slots_bytes : 0;
	size_t living = map->keys_length - map->keys_dead;
	size_t capacity = map->keys_capacity ? map->keys_capacity : MAP_KEYS_MIN;

	if (most > MAP_KEYS_MAX)
		most = MAP_KEYS_MAX;
	if (length > most || living > most - length)
		return 0;
	/* Packing costs a pass over everything: it must win a quarter, or the next insert would pack again. */
	while (capacity - capacity / 4 < living + length && capacity < most)
		capacity = capacity > most / 2 ? most : capacity * 2;
	if (capacity > most)
		capacity = most;
	return capacity == map->keys_capacity && map->keys_dead < capacity / 8 ? 0 : capacity;
}

static int32_t map_keys_grow(struct skafu__map *map, size_t length)
{
	size_t capacity;
	uint8_t *keys;

	if (map->keys && length <= map->keys_capacity - map->keys_length)
		return SKAFU_OK;
	capacity = map_keys_wanted(map, length);
	if (capacity == 0)
		return SKAFU_ELIMIT;
	keys = skafu__alloc(map->sys, capacity);
	if (!keys)
		return SKAFU_ENOMEM;
	map_keys_pack(map, keys);
	skafu__free(map->sys, map->keys);
	map->keys = keys;
	map->keys_capacity = capacity;
	return SKAFU_OK;
}

/* ---- operations ---------------------------------------------------------------------------------------------- */

static int32_t map_insert_new(struct skafu__map *map, uint64_t hash, const void *key, size_t length, uint64_t value)
{
	struct skafu__map_slot *slot;
	int32_t result = map_slots_grow(map);

	if (result == SKAFU_OK)
		result = map_keys_grow(map, length);
	if (result < 0)
		return result;
	slot = map_probe(map, hash, key, length);
	*slot = (struct skafu__map_slot){hash, value, (uint32_t)map->keys_length, (uint32_t)length};
	if (length > 0)
		memcpy(map->keys + map->keys_length, key, length);
	map->keys_length += length;
	map->used++;
	return 1;
}

int32_t skafu__map_insert(struct skafu__map *map, const void *key, size_t length, uint64_t value)
{
	uint64_t hash;

	if (length > MAP_KEYS_MAX)
		return SKAFU_ELIMIT;
	hash = map_hash(map, key, length);
	if (map->slot_count) {
		struct skafu__map_slot *slot = map_probe(map, hash, key, length);

		if (slot->place != MAP_FREE) {
			slot->value = value;
			return 0;
		}
	}
	return map_insert_new(map, hash, key, length, value);
}

static struct skafu__map_slot *map_slot_of_hashed(const struct skafu__map *map, uint64_t hash, const void *key,
						  size_t length)
{
	struct skafu__map_slot *slot;

	if (map->used == 0)
		return NULL;
	slot = map_probe(map, hash, key, length);
	return slot->place == MAP_FREE ? NULL : slot;
}

static struct skafu__map_slot *map_slot_of(const struct skafu__map *map, const void *key, size_t length)
{
	return map->used == 0 ? NULL : map_slot_of_hashed(map, map_hash(map, key, length), key, length);
}

uint64_t *skafu__map_find_hashed(const struct skafu__map *map, uint64_t hash, const void *key, size_t length)
{
	struct skafu__map_slot *slot = map_slot_of_hashed(map, hash, key, length);

	return slot ? &slot->value : NULL;
}

void skafu__map_prefetch(const struct skafu__map *map, uint64_t hash)
{
	if (map->used != 0)
		__builtin_prefetch(&map->slots[hash & (map->slot_count - 1)]);
}

void skafu__map_prefetch_key(const struct skafu__map *map, uint64_t hash)
{
	if (map->used == 0)
		return;
	const struct skafu__map_slot *slot = &map->slots[hash & (map->slot_count - 1)];
	if (slot->place != MAP_FREE)
		__builtin_prefetch(map->keys + slot->place);
}

uint64_t *skafu__map_find(const struct skafu__map *map, const void *key, size_t length)
{
	struct skafu__map_slot *slot = map_slot_of(map, key, length);

	return slot ? &slot->value : NULL;
}

/* Move back every follower that a probe would not find past the hole any more. */
static void map_close_hole(struct skafu__map *map, size_t hole)
{
	size_t mask = map->slot_count - 1;

	for (size_t i = (hole + 1) & mask; map->slots[i].place != MAP_FREE; i = (i + 1) & mask) {
		size_t home = map->slots[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		map->slots[hole] = map->slots[i];
		hole = i;
	}
	map->slots[hole].place = MAP_FREE;
}

int skafu__map_remove(struct skafu__map *map, const void *key, size_t length)
{
	struct skafu__map_slot *slot = map_slot_of(map, key, length);

	if (!slot)
		return 0;
	map->keys_dead += slot->length;
	if (--map->used == 0) {
		map->keys_length = 0;
		map->keys_dead = 0;
	}
	map_close_hole(map, (size_t)(slot - map->slots));
	return 1;
}

void skafu__map_thin(struct skafu__map *map)
{
	uint64_t part = map->thinned++ % MAP_PARTS;

	for (size_t i = 0; i < map->slot_count; i++) /* a follower that moves back to i is looked at, too */
		while (map->slots[i].place != MAP_FREE && map->slots[i].hash >> (64 - MAP_PART_BITS) == part) {
			map->keys_dead += map->slots[i].length;
			map->used--;
			map_close_hole(map, i);
		}
	if (map->used == 0)
		skafu__map_clear(map);
}

void skafu__map_clear(struct skafu__map *map)
{
	map_slots_empty(map->slots, map->slot_count);
	map->used = 0;
	map->keys_length = 0;
	map->keys_dead = 0;
}

size_t skafu__map_count(const struct skafu__map *map)
{
	return map->used;
}

size_t skafu__map_bytes(const struct skafu__map *map)
{
	return map_bytes_of(map->slot_count, map->keys_capacity);
}

int skafu__map_next(const struct skafu__map *map, size_t *cursor, struct skafu__map_entry *out)
{
	for (; *cursor < map->slot_count; ++*cursor) {
		const struct skafu__map_slot *slot = &map->slots[*cursor];

		if (slot->place == MAP_FREE)
			continue;
		*out = (struct skafu__map_entry){map->keys + slot->place, slot->length, slot->value};
		++*cursor;
		return 1;
	}
	return 0;
}
