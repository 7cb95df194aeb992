/* The counter map that the projections of all subjects fill: open addressing, keyed with the full names. */
#include "bench/subject.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX 96

struct counter {
	uint64_t hash; /* 0: free */
	uint64_t count;
	uint8_t bytes;
	char key[KEY_MAX];
};

struct bench_counters {
	struct counter *slots;
	size_t mask;
	size_t used;
};

struct bench_counters *bench_counters_create(void)
{
	struct bench_counters *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->mask = 65535;
	c->slots = calloc(c->mask + 1, sizeof(*c->slots));
	if (c->slots == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void bench_counters_destroy(struct bench_counters *c)
{
	if (c == NULL)
		return;
	free(c->slots);
	free(c);
}

uint64_t bench_counters_groups(const struct bench_counters *c)
{
	return c->used;
}

static int counters_grow(struct bench_counters *c)
{
	size_t mask = c->mask * 2 + 1, i;
	struct counter *slots = calloc(mask + 1, sizeof(*slots));

	if (slots == NULL)
		return -1;
	for (i = 0; i <= c->mask; i++) {
		size_t at = (size_t)c->slots[i].hash & mask;

		if (c->slots[i].hash == 0)
			continue;
		while (slots[at].hash != 0)
			at = (at + 1) & mask;
		slots[at] = c->slots[i];
	}
	free(c->slots);
	c->slots = slots;
	c->mask = mask;
	return 0;
}

static uint64_t hash_key(const char *key, size_t bytes)
{
	uint64_t hash = bytes, word;

	for (; bytes >= 8; bytes -= 8, key += 8) {
		memcpy(&word, key, 8);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, key, bytes);
	return bench_mix(hash ^ word) | 1;
}

int bench_counters_add(struct bench_counters *c, const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	size_t bytes = a_bytes + 1 + b_bytes, at;
	char key[KEY_MAX];
	uint64_t hash;

	if (bytes > KEY_MAX || (c->used * 2 > c->mask && counters_grow(c) != 0))
		return -1;
	memcpy(key, a, a_bytes);
	key[a_bytes] = '/';
	memcpy(key + a_bytes + 1, b, b_bytes);
	hash = hash_key(key, bytes);
	for (at = (size_t)hash & c->mask; c->slots[at].hash != 0; at = (at + 1) & c->mask) {
		struct counter *slot = &c->slots[at];

		if (slot->hash == hash && slot->bytes == bytes && memcmp(slot->key, key, bytes) == 0) {
			slot->count++;
			return 0;
		}
	}
	c->slots[at].hash = hash;
	c->slots[at].count = 1;
	c->slots[at].bytes = (uint8_t)bytes;
	memcpy(c->slots[at].key, key, bytes);
	c->used++;
	return 0;
}
