/*
 * iomap.c: finding what was stored into shared mappings, see iomap.h.
 */
#include "fault/iomap.h"

#include <stdlib.h>
#include <string.h>

#define MAP_COUNT 64
#define MAP_BYTES_MAX ((size_t)1 << 20) /* larger mappings are known, but not copied */
#define MAP_STEP ((size_t)512)

struct map_slot {
	unsigned char *at; /* NULL: free */
	size_t length;
	uint32_t object;
	uint64_t offset;
	unsigned char *seen; /* what the log knows of it */
};

static struct map_slot map_slots[MAP_COUNT];

/* The mapping belongs to other threads as well, whose stores are not ours to synchronise with. */
__attribute__((no_sanitize("thread"), noinline)) static int map_peek(unsigned char *to,
								     const volatile unsigned char *from, size_t bytes)
{
	size_t i;
	int changed = 0;

	for (i = 0; i < bytes; i++) {
		unsigned char byte = from[i];

		changed |= byte != to[i];
		to[i] = byte;
	}
	return changed;
}

static struct map_slot *map_find(const void *at)
{
	const unsigned char *byte = at;
	size_t i;

	for (i = 0; i < MAP_COUNT; i++) {
		struct map_slot *map = &map_slots[i];

		if (map->at && byte >= map->at && byte < map->at + map->length)
			return map;
	}
	return NULL;
}

static void map_capture(struct iolog *log, struct map_slot *map)
{
	uint64_t size = log->objects[map->object].size_now;
	size_t at;

	for (at = 0; map->seen && at < map->length && map->offset + at < size; at += MAP_STEP) {
		size_t bytes = map->length - at < MAP_STEP ? map->length - at : MAP_STEP;

		if (map->offset + at + bytes > size)
			bytes = (size_t)(size - map->offset - at);
		if (map_peek(map->seen + at, map->at + at, bytes))
			iolog_write(log, map->object, map->offset + at, map->seen + at, bytes);
	}
}

void iomap_capture(struct iolog *log, const void *at)
{
	struct map_slot *only = at ? map_find(at) : NULL;
	size_t i;

	for (i = 0; i < MAP_COUNT; i++) {
		if (map_slots[i].at && (!at || &map_slots[i] == only))
			map_capture(log, &map_slots[i]);
	}
}

uint32_t iomap_object(const void *at)
{
	const struct map_slot *map = map_find(at);

	return map ? map->object : IOLOG_NONE;
}

static void map_drop(struct map_slot *map)
{
	free(map->seen);
	memset(map, 0, sizeof(*map));
}

void iomap_remove(const void *at)
{
	struct map_slot *map = map_find(at);

	if (map)
		map_drop(map);
}

void iomap_clear(void)
{
	size_t i;

	for (i = 0; i < MAP_COUNT; i++)
		map_drop(&map_slots[i]);
}

void iomap_add(struct iolog *log, void *at, size_t length, uint32_t object, uint64_t offset)
{
	uint64_t size = log->objects[object].size_now;
	struct map_slot *map;
	size_t i;

	log->objects[object].mapped = 1;
	for (i = 0; i < MAP_COUNT && map_slots[i].at; i++)
		continue;
	if (i == MAP_COUNT)
		return;
	map = &map_slots[i];
	map->at = at;
	map->length = length;
	map->object = object;
	map->offset = offset;
	if (length > MAP_BYTES_MAX || log->is_thin)
		return;
	map->seen = iolog_need(length);
	if (size > offset)
		map_peek(map->seen, map->at, size - offset < length ? (size_t)(size - offset) : length);
}
