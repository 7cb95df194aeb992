/*
 * map_test.c: the hash map, against an array that holds the truth.
 */
#include "base/map.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/failing.h"
#include "skafu_base.h"
#include "util/suite.h"

#define KEYS 500

static uint64_t state;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void seed_random(void)
{
	const char *given = getenv("SKAFU_TEST_SEED");

	state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)state);
	state = state * 2 + 1;
}

/* Keys of 0 to 40 bytes; number 0 is the empty key. */
static size_t make_key(size_t number, uint8_t *key)
{
	size_t length = number == 0 ? 0 : 2 + number * 7 % 39;

	for (size_t i = 0; i < length; i++)
		key[i] = (uint8_t)(i < 2 ? number >> 8 * i : number * i);
	return length;
}

static uint64_t hash_all_alike(const void *user, const void *key, size_t length)
{
	(void)key;
	(void)length;
	return *(const uint64_t *)user;
}

static uint64_t hash_three_bits(const void *user, const void *key, size_t length)
{
	(void)user;
	return length ? ((const uint8_t *)key)[0] % 8 : 0;
}

static void check_all(struct skafu__map *map, const uint64_t *truth)
{
	struct skafu__map_entry entry;
	uint8_t seen[KEYS] = {0};
	size_t cursor = 0;
	size_t count = 0;

	for (size_t number = 0; number < KEYS; number++) {
		uint8_t key[64];
		uint64_t *value = skafu__map_find(map, key, make_key(number, key));

		if ((value ? *value : 0) != truth[number])
			ck_abort_msg("key %zu", number);
		count += value != NULL;
	}
	ck_assert_uint_eq(skafu__map_count(map), count);
	while (skafu__map_next(map, &cursor, &entry)) {
		size_t number = entry.key_length ? (size_t)(entry.key[0] | entry.key[1] << 8) : 0;
		uint8_t key[64];

		if (number >= KEYS || entry.key_length != make_key(number, key) || entry.value != truth[number] ||
		    seen[number]++ || (entry.key_length && memcmp(entry.key, key, entry.key_length) != 0))
			ck_abort_msg("entry %zu", number);
		count--;
	}
	ck_assert_uint_eq(count, 0);
}

static void forget_what_went(const struct skafu__map *map, uint64_t *truth)
{
	for (size_t number = 0; number < KEYS; number++) {
		uint8_t key[64];

		if (!skafu__map_find(map, key, make_key(number, key)))
			truth[number] = 0;
	}
}

/* Random work with failing allocations and a tight ceiling; a failure must change nothing. */
static void work(skafu__map_hash_fn hash, const void *user, size_t ceiling)
{
	struct failing failing;
	struct skafu__map map;
	uint64_t truth[KEYS] = {0};
	int refused = 0;

	failing_init(&failing);
	skafu__map_init(&map, &failing.sys, ceiling, state);
	skafu__map_set_hash(&map, hash, user);
	for (int i = 0; i < 20000; i++) {
		size_t number = next_random() % KEYS;
		uint8_t key[64];
		size_t length = make_key(number, key);
		uint64_t value = next_random() | 1;

		failing.left = next_random() % 8 == 0 ? 0 : -1;
		if (next_random() % 100 < (i / 2000 % 2 ? 70 : 30)) {
			if (skafu__map_remove(&map, key, length) != (truth[number] != 0))
				ck_abort_msg("removal of key %zu", number);
			truth[number] = 0;
		} else {
			int32_t result = skafu__map_insert(&map, key, length, value);

			if (result >= 0) {
				if (result != (truth[number] == 0))
					ck_abort_msg("insertion of key %zu", number);
				truth[number] = value;
			} else {
				ck_assert(result == SKAFU_ELIMIT || (result == SKAFU_ENOMEM && failing.left == 0));
				ck_assert_uint_eq(truth[number], 0); /* a replacement needs no memory */
				refused += result == SKAFU_ELIMIT;
			}
		}
		if (i % 3000 == 2999) {
			skafu__map_thin(&map);
			forget_what_went(&map, truth);
		}
		if (skafu__map_bytes(&map) > ceiling)
			ck_abort_msg("over the ceiling");
		if (i % 1000 == 0)
			check_all(&map, truth);
	}
	check_all(&map, truth);
	ck_assert_int_eq(refused > 0, ceiling != SIZE_MAX);
	skafu__map_clear(&map);
	memset(truth, 0, sizeof truth);
	check_all(&map, truth);
	skafu__map_done(&map);
	ck_assert_int_eq(failing.live, 0);
}

START_TEST(against_the_truth)
{
	seed_random();
	work(NULL, NULL, SIZE_MAX);
	work(NULL, NULL, 10000);
	work(NULL, NULL, 4000);
}
END_TEST

START_TEST(when_hashes_collide)
{
	const uint64_t one = UINT64_MAX; /* the home is the last slot, so every chain wraps around */

	seed_random();
	work(hash_all_alike, &one, SIZE_MAX);
	work(hash_three_bits, NULL, SIZE_MAX);
	work(hash_three_bits, NULL, 10000);
}
END_TEST

START_TEST(empty_map)
{
	struct skafu__map map;
	struct skafu__map_entry entry;
	size_t cursor = 0;

	skafu__map_init(&map, skafu__sys_current(), 0, 1);
	ck_assert_ptr_null(skafu__map_find(&map, "a", 1));
	ck_assert_int_eq(skafu__map_remove(&map, "a", 1), 0);
	ck_assert_int_eq(skafu__map_next(&map, &cursor, &entry), 0);
	ck_assert_uint_eq(skafu__map_bytes(&map), 0);
	skafu__map_prefetch(&map, 1);
	skafu__map_prefetch_key(&map, 1);
	skafu__map_clear(&map);
	ck_assert_int_eq(skafu__map_insert(&map, "a", 1, 1), SKAFU_ELIMIT);
	ck_assert_int_eq(skafu__map_insert(&map, "a", SIZE_MAX, 1), SKAFU_ELIMIT);
	skafu__map_done(&map);
	skafu__map_done(&map);
}
END_TEST

START_TEST(values_in_place_and_late_hash)
{
	struct skafu__map map;
	uint64_t same = 5;

	skafu__map_init(&map, skafu__sys_current(), 100000, 1);
	ck_assert_int_eq(skafu__map_insert(&map, "a", 1, 1), 1);
	skafu__map_set_hash(&map, hash_all_alike, &same); /* too late: "a" would not be found any more */
	++*skafu__map_find(&map, "a", 1);
	ck_assert_uint_eq(*skafu__map_find(&map, "a", 1), 2);
	ck_assert_int_eq(skafu__map_insert(&map, "a", 1, 9), 0);
	ck_assert_uint_eq(*skafu__map_find(&map, "a", 1), 9);
	skafu__map_done(&map);
}
END_TEST

/* A cache that puts one and drops one for ever neither grows nor refuses. */
START_TEST(steady_turnover)
{
	struct skafu__map map;

	skafu__map_init(&map, skafu__sys_current(), 1 << 16, 1);
	for (uint64_t i = 0; i < 300000; i++) {
		uint64_t old = i - 256;

		if (skafu__map_insert(&map, &i, sizeof i, i) != 1)
			ck_abort_msg("refused %d", (int)i);
		if (i >= 256 && skafu__map_remove(&map, &old, sizeof old) != 1)
			ck_abort_msg("lost %d", (int)old);
	}
	ck_assert_uint_eq(skafu__map_count(&map), 256);
	ck_assert_uint_le(skafu__map_bytes(&map), 32768);
	skafu__map_done(&map);
}
END_TEST

/* Each time another quarter goes; what stays is found, and there is room for new keys. */
START_TEST(thinning)
{
	struct skafu__map map;
	uint64_t left = 20000;

	skafu__map_init(&map, skafu__sys_current(), SIZE_MAX, 1);
	for (uint64_t i = 0; i < left; i++)
		ck_assert_int_eq(skafu__map_insert(&map, &i, sizeof i, i * 3), 1);
	for (unsigned turn = 0; turn < 4; turn++) {
		uint64_t found = 0;

		skafu__map_thin(&map);
		for (uint64_t i = 0; i < 20000; i++) {
			const uint64_t *value = skafu__map_find(&map, &i, sizeof i);

			if (value && *value != i * 3)
				ck_abort_msg("key %d", (int)i);
			found += value != NULL;
		}
		ck_assert_uint_eq(skafu__map_count(&map), found);
		if (left - found < 4500 || left - found > 5500)
			ck_abort_msg("turn %u took %d", turn, (int)(left - found));
		left = found;
	}
	ck_assert_uint_eq(left, 0);
	ck_assert_int_eq(skafu__map_insert(&map, "a", 1, 1), 1);
	skafu__map_done(&map);
	skafu__map_thin(&map);
}
END_TEST

/* Hashes that are all alike: nothing goes, or everything. */
START_TEST(thinning_where_hashes_collide)
{
	for (uint64_t part = 0; part < 4; part++) {
		struct skafu__map map;
		uint64_t hash = part << 62 | 14;

		skafu__map_init(&map, skafu__sys_current(), SIZE_MAX, 1);
		skafu__map_set_hash(&map, hash_all_alike, &hash);
		for (uint64_t i = 0; i < 12; i++) /* they go on at the beginning of the slots */
			ck_assert_int_eq(skafu__map_insert(&map, &i, sizeof i, i), 1);
		for (unsigned turn = 0; turn < 4; turn++) {
			skafu__map_thin(&map);
			ck_assert_uint_eq(skafu__map_count(&map), turn < part ? 12 : 0);
			for (uint64_t i = 0; i < 12; i++)
				ck_assert_int_eq(skafu__map_find(&map, &i, sizeof i) != NULL, turn < part);
		}
		skafu__map_done(&map);
	}
}
END_TEST

/* At the ceiling, room is won back only when enough keys are gone to be worth a pass over all of them. */
START_TEST(packing_at_the_ceiling)
{
	struct skafu__map map;
	uint8_t key[300] = {0};
	size_t dead = 0;
	uint8_t count = 0;

	skafu__map_init(&map, skafu__sys_current(), 10000, 1);
	while (skafu__map_insert(&map, key, sizeof key, count) == 1)
		key[0] = ++count;
	ck_assert_uint_gt(count, 20);
	for (uint8_t i = 0; dead < map.keys_capacity / 8; i++) {
		key[0] = 255;
		ck_assert_int_eq(skafu__map_insert(&map, key, sizeof key, 1), SKAFU_ELIMIT);
		key[0] = i;
		ck_assert_int_eq(skafu__map_remove(&map, key, sizeof key), 1);
		dead += sizeof key;
	}
	key[0] = 255;
	ck_assert_int_eq(skafu__map_insert(&map, key, sizeof key, 1), 1);
	ck_assert_uint_eq(map.keys_dead, 0);
	skafu__map_done(&map);
}
END_TEST

/* The built-in hash must spread what stores use as keys: counters, ids that differ in one byte. */
START_TEST(built_in_hash_spreads)
{
	struct skafu__map map;
	clock_t before = clock();

	skafu__map_init(&map, skafu__sys_current(), SIZE_MAX, 7);
	for (uint64_t i = 0; i < 200000; i++) {
		uint64_t key[3] = {0, i << 40, 0};

		if (skafu__map_insert(&map, key, sizeof key - i % 8, i) != 1)
			ck_abort_msg("insertion of %d", (int)i);
	}
	for (uint64_t i = 0; i < 200000; i++) {
		uint64_t key[3] = {0, i << 40, 0};

		if (*skafu__map_find(&map, key, sizeof key - i % 8) != i)
			ck_abort_msg("value of %d", (int)i);
	}
	/* Chains would make this quadratic: minutes, not milliseconds. */
	ck_assert_int_lt(clock() - before, 10 * CLOCKS_PER_SEC);
	skafu__map_done(&map);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("map");
	TCase *tcase = tcase_create("map");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, against_the_truth);
	tcase_add_test(tcase, when_hashes_collide);
	tcase_add_test(tcase, empty_map);
	tcase_add_test(tcase, values_in_place_and_late_hash);
	tcase_add_test(tcase, steady_turnover);
	tcase_add_test(tcase, thinning);
	tcase_add_test(tcase, thinning_where_hashes_collide);
	tcase_add_test(tcase, packing_at_the_ceiling);
	tcase_add_test(tcase, built_in_hash_spreads);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
