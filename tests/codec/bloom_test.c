/*
 * bloom_test.c: no hash that was added is denied, few others are granted, damage is noticed.
 */
#include "codec/bloom.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/index_head.h"
#include "codec/runs.h"
#include "util/suite.h"

START_TEST(never_denies_what_was_added)
{
	for (uint64_t count = 0; count < 3000; count = count * 2 + 1) {
		size_t bytes = skafu__bloom_bytes(count);
		uint8_t *filter = malloc(bytes);
		uint64_t *hashes = malloc((count + 1) * sizeof *hashes);
		struct skafu__bloom bloom;
		unsigned wrong = 0;

		skafu__bloom_init(filter, count);
		for (uint64_t i = 0; i < count; i++)
			hashes[i] = i == 0 ? 0 : i == 1 ? UINT64_MAX : runs_random();
		skafu__bloom_add(filter, hashes, count / 3); /* at once or not: the same */
		skafu__bloom_add(filter, hashes + count / 3, count - count / 3);
		skafu__bloom_seal(filter, count);
		ck_assert_int_eq(skafu__bloom_open(&bloom, filter, bytes, NULL), SKAFU_OK);
		ck_assert_uint_eq(bloom.count, count);
		memset(&bloom, 0, sizeof bloom);
		ck_assert_int_eq(skafu__bloom_open_again(&bloom, filter), SKAFU_OK);
		ck_assert_uint_eq(bloom.count, count);
		for (uint64_t i = 0; i < count; i++)
			ck_assert_int_eq(skafu__bloom_may_hold(&bloom, hashes[i]), 1);
		for (unsigned i = 0; i < 10000; i++)
			wrong += skafu__bloom_may_hold(&bloom, runs_random()) != 0;
		ck_assert_uint_le(wrong, 60); /* some 10 are expected of a full filter */
		free(hashes);
		free(filter);
	}
}
END_TEST

/* The bytes of a filter are part of the format. */
START_TEST(layout)
{
	uint8_t filter[128];
	uint64_t hash = UINT64_C(0x0123456789abcdef);
	uint64_t mix = hash * UINT64_C(0x9e3779b97f4a7c15);

	ck_assert_uint_eq(skafu__bloom_bytes(32), 128);
	ck_assert_uint_eq(skafu__bloom_bytes(33), 192);
	skafu__bloom_init(filter, 3);
	skafu__bloom_add(filter, &hash, 1);
	skafu__bloom_seal(filter, 3);
	ck_assert_mem_eq(filter, "SKBF\1\20\10\0", 8);
	ck_assert_uint_eq(skafu__load_u64(filter + 16), 3);
	ck_assert_uint_eq(skafu__load_u32(filter + 24), 1);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(skafu__load_u64(filter + 64 + 8 * i), UINT64_C(1) << (mix >> (16 + 6 * i)) % 64);
}
END_TEST

START_TEST(damage_is_noticed)
{
	size_t bytes = skafu__bloom_bytes(70);
	uint8_t *filter = malloc(bytes);
	struct skafu__bloom bloom;

	skafu__bloom_init(filter, 70);
	skafu__bloom_add(filter, &(uint64_t){99}, 1);
	skafu__bloom_seal(filter, 70);
	for (size_t bit = 0; bit < bytes * 8; bit++) {
		filter[bit / 8] = (uint8_t)(filter[bit / 8] ^ 1 << bit % 8);
		ck_assert_int_eq(skafu__bloom_open(&bloom, filter, bytes, NULL), SKAFU_EDAMAGED);
		filter[bit / 8] = (uint8_t)(filter[bit / 8] ^ 1 << bit % 8);
	}
	for (size_t bit = 16 * 8; bit < 28 * 8; bit++) {
		filter[bit / 8] = (uint8_t)(filter[bit / 8] ^ 1 << bit % 8);
		if (skafu__bloom_open_again(&bloom, filter) == SKAFU_OK)
			ck_assert_uint_eq(bloom.block_count, 3); /* another number that needs as many blocks */
		filter[bit / 8] = (uint8_t)(filter[bit / 8] ^ 1 << bit % 8);
	}
	for (size_t length = 0; length < bytes; length++)
		ck_assert_int_eq(skafu__bloom_open(&bloom, filter, length, NULL), SKAFU_EDAMAGED);
	free(filter);
}
END_TEST

/* A wrong head under a right checksum: nothing may be believed. */
START_TEST(hostile_heads)
{
	size_t bytes = skafu__bloom_bytes(70);
	uint8_t *filter = malloc(bytes);
	unsigned opened = 0;

	for (unsigned round = 0; round < 20000; round++) {
		struct skafu__bloom bloom;
		size_t length = 16 + runs_below(2) * 48 + 64 * runs_below(4);
		uint8_t *exact;

		skafu__bloom_init(filter, 70);
		filter[5 + runs_below(59)] = (uint8_t)runs_random();
		exact = malloc(length);
		memcpy(exact, filter, length);
		skafu__index_seal(exact, length, "SKBF");
		if (skafu__bloom_open(&bloom, exact, length, NULL) == SKAFU_OK) {
			opened++;
			for (unsigned i = 0; i < 20; i++)
				ck_assert_int_eq(skafu__bloom_may_hold(&bloom, runs_random()), 0);
		}
		free(exact);
	}
	ck_assert_uint_gt(opened, 0); /* where the change met a field that the seal writes */
	ck_assert_uint_lt(opened, 2000);
	free(filter);
}
END_TEST

START_TEST(too_many_hashes)
{
	ck_assert_uint_gt(skafu__bloom_bytes(UINT64_C(2000000000)), 0);
	ck_assert_uint_eq(skafu__bloom_bytes(UINT64_C(2200000000)), 0);
	ck_assert_uint_eq(skafu__bloom_bytes(UINT64_MAX), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bloom");
	TCase *cases = tcase_create("bloom");

	runs_seed("bloom");
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, never_denies_what_was_added);
	tcase_add_test(cases, layout);
	tcase_add_test(cases, damage_is_noticed);
	tcase_add_test(cases, hostile_heads);
	tcase_add_test(cases, too_many_hashes);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
