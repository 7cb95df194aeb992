/*
 * hash_test.c: SipHash-2-4 and BLAKE2b against published values, framing.
 */
#include "codec/hash.h"

#include <check.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "util/suite.h"

START_TEST(siphash_vectors)
{
	/* From the paper of SipHash, appendix A, and its reference table. */
	uint8_t key[16];
	uint8_t bytes[64];

	for (uint8_t i = 0; i < 64; i++) {
		bytes[i] = i;
		key[i % 16] = i % 16;
	}
	ck_assert_uint_eq(skafu__hash64(key, bytes, 15), UINT64_C(0xa129ca6149be45e5));
	ck_assert_uint_eq(skafu__hash64(key, bytes, 0), UINT64_C(0x726fdb47dd0e0e31));
	ck_assert_uint_eq(skafu__hash64(key, NULL, 0), UINT64_C(0x726fdb47dd0e0e31));
	ck_assert_uint_eq(skafu__hash64(key, bytes, 1), UINT64_C(0x74f839c593dc67fd));
	key[0] ^= 1;
	ck_assert_uint_ne(skafu__hash64(key, bytes, 15), UINT64_C(0xa129ca6149be45e5));
}
END_TEST

START_TEST(weak_hashes)
{
	static const uint8_t key[16] = {1};
	uint64_t whole = skafu__hash64(key, "abc", 3);

	for (unsigned bits = 1; bits < 64; bits++) {
		skafu__hash64_weaken(bits);
		ck_assert_uint_eq(skafu__hash64(key, "abc", 3), whole & ((UINT64_C(1) << bits) - 1));
	}
	skafu__hash64_weaken(64);
	ck_assert_uint_eq(skafu__hash64(key, "abc", 3), whole);
	skafu__hash64_weaken(5);
	skafu__hash64_weaken(0);
	ck_assert_uint_eq(skafu__hash64(key, "abc", 3), whole);
}
END_TEST

/* What the header promises, written down by hand and hashed in one go. */
START_TEST(blake2b_framing)
{
	static const uint8_t framed[] = {2, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 0, 0, 0, 0, 0, 0, 0, 0,
					 1, 0, 0, 0, 0, 0, 0, 0, 'c'};
	const struct skafu__part parts[] = {{"ab", 2}, {NULL, 0}, {"c", 1}};

	for (size_t size = 16; size <= 64; size++) {
		uint8_t expected[64];
		uint8_t out[65];

		memset(out, 0x77, sizeof out);
		ck_assert_int_eq(crypto_generichash(expected, size, framed, sizeof framed, NULL, 0), 0);
		skafu__blake2b(out, size, parts, 3);
		ck_assert_mem_eq(out, expected, size);
		ck_assert_uint_eq(out[size], 0x77);
	}
}
END_TEST

START_TEST(blake2b_published_value)
{
	/* BLAKE2b-512 of nothing, RFC 7693's function with no parts. */
	static const uint8_t expected[8] = {0x78, 0x6a, 0x02, 0xf7, 0x42, 0x01, 0x59, 0x03};
	uint8_t out[64];

	skafu__blake2b(out, sizeof out, NULL, 0);
	ck_assert_mem_eq(out, expected, sizeof expected);
}
END_TEST

START_TEST(parts_are_kept_apart)
{
	const struct skafu__part one[] = {{"ab", 2}, {"c", 1}};
	const struct skafu__part two[] = {{"a", 1}, {"bc", 2}};
	const struct skafu__part three[] = {{"abc", 3}};
	uint8_t digests[3][32];

	skafu__blake2b(digests[0], 32, one, 2);
	skafu__blake2b(digests[1], 32, two, 2);
	skafu__blake2b(digests[2], 32, three, 1);
	ck_assert_mem_ne(digests[0], digests[1], 32);
	ck_assert_mem_ne(digests[0], digests[2], 32);
	ck_assert_mem_ne(digests[1], digests[2], 32);
}
END_TEST

START_TEST(size_out_of_range)
{
	static const uint8_t zeros[80];
	uint8_t out[80];

	memset(out, 0x77, sizeof out);
	skafu__blake2b(out, 0, NULL, 0);
	ck_assert_uint_eq(out[0], 0x77);
	skafu__blake2b(out, 80, NULL, 0);
	ck_assert_mem_eq(out, zeros, 80);
}
END_TEST

START_TEST(seeds_are_spread)
{
	uint8_t seed[32] = {1};
	uint8_t bytes[3][100];
	uint8_t expected[100];

	memset(bytes, 0x77, sizeof bytes);
	skafu__spread(seed, bytes[0], 100);
	skafu__spread(seed, bytes[1], 40);
	ck_assert_mem_eq(bytes[0], bytes[1], 40);
	ck_assert_uint_eq(bytes[1][40], 0x77);
	ck_assert_int_eq(crypto_stream_chacha20_ietf(expected, 100, (const uint8_t *)"LibsodiumDRG", seed), 0);
	ck_assert_mem_eq(bytes[0], expected, 100);
	seed[31] = 1;
	skafu__spread(seed, bytes[2], 100);
	ck_assert_mem_ne(bytes[2], bytes[0], 16);
}
END_TEST

static void *hash_in_thread(void *out)
{
	const struct skafu__part part = {"x", 1};

	skafu__blake2b(out, 32, &part, 1);
	return NULL;
}

START_TEST(first_use_by_threads)
{
	uint8_t digests[4][32];
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hash_in_thread, digests[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 1; i < 4; i++)
		ck_assert_mem_eq(digests[0], digests[i], 32);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash");
	TCase *tcase = tcase_create("hash");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, siphash_vectors);
	tcase_add_test(tcase, weak_hashes);
	tcase_add_test(tcase, blake2b_framing);
	tcase_add_test(tcase, blake2b_published_value);
	tcase_add_test(tcase, parts_are_kept_apart);
	tcase_add_test(tcase, size_out_of_range);
	tcase_add_test(tcase, seeds_are_spread);
	tcase_add_test(tcase, first_use_by_threads);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
