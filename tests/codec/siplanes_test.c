/*
 * siplanes_test.c: four texts at once against libsodium one by one, and no byte read beside them.
 */
#include "codec/siplanes.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/random.h"
#include "util/suite.h"

#define TEXT_BYTES_MAX 300u

static void fill(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(random_u64() >> 7);
}

static uint64_t one(const uint8_t key[16], const struct skafu__part *part)
{
	uint8_t out[8];
	uint64_t hash = 0;

	crypto_shorthash(out, part->bytes ? part->bytes : out, part->length, key);
	for (size_t i = 0; i < 8; i++)
		hash |= (uint64_t)out[i] << 8 * i;
	return hash;
}

/* Each text in memory of its own that begins and ends with it, so that valgrind and the sanitizer see any other. */
static void compare(const size_t lengths[4], const uint8_t key[16])
{
	struct skafu__part parts[4];
	uint64_t hashes[4];
	uint64_t plain[4];
	uint8_t *bytes[4];

	for (size_t i = 0; i < 4; i++) {
		bytes[i] = lengths[i] ? malloc(lengths[i]) : NULL;
		fill(bytes[i], lengths[i]);
		parts[i] = (struct skafu__part){bytes[i], lengths[i]};
	}
	ck_assert(skafu__siplanes_fit(parts));
	skafu__siplanes_hash(key, parts, hashes);
	skafu__siplanes_hash_plain(key, parts, plain);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(hashes[i], one(key, &parts[i]));
		ck_assert_uint_eq(plain[i], one(key, &parts[i]));
		free(bytes[i]);
	}
}

/* All tails beside each other, and lengths whose low byte comes round. */
START_TEST(the_values_are_those_of_libsodium)
{
	uint8_t key[16];

	for (size_t words = 0; words < TEXT_BYTES_MAX / 8; words += words < 7 ? 1 : 6)
		for (size_t rests = 0; rests < 8 * 8 * 8; rests++) {
			size_t lengths[4] = {8 * words + rests % 8, 8 * words + rests / 8 % 8, 8 * words + rests / 64,
					     8 * words + random_index(8)};

			fill(key, sizeof key);
			compare(lengths, key);
		}
}
END_TEST

START_TEST(only_as_many_words_fit)
{
	for (size_t a = 0; a < 40; a++)
		for (size_t b = 0; b < 40; b++) {
			struct skafu__part parts[4] = {{NULL, a}, {NULL, a}, {NULL, a}, {NULL, a}};

			parts[1 + b % 3].length = b;
			ck_assert_int_eq(skafu__siplanes_fit(parts), a / 8 == b / 8);
		}
}
END_TEST

/* Any number of texts of any lengths, of which some fit and some do not. */
START_TEST(many_texts_of_any_length)
{
	uint8_t bytes[TEXT_BYTES_MAX];
	uint8_t key[16];
	struct skafu__part parts[40];
	uint64_t hashes[41];

	fill(bytes, sizeof bytes);
	fill(key, sizeof key);
	for (int round = 0; round < 20000; round++) {
		size_t count = random_index(41);
		unsigned bits = round % 4 ? 0 : 1 + random_below(63);
		uint64_t kept = bits ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;
		size_t limit = round % 3 ? 12 : sizeof bytes;

		for (size_t i = 0; i < count; i++) {
			size_t length = random_index(limit);

			parts[i].bytes = bytes + random_index(sizeof bytes - length);
			parts[i].length = length;
		}
		hashes[count] = 7;
		skafu__hash64_weaken(bits);
		skafu__hash64_many(key, parts, count, hashes);
		for (size_t i = 0; i < count; i++)
			ck_assert_uint_eq(hashes[i], one(key, &parts[i]) & kept);
		ck_assert_uint_eq(hashes[count], 7);
	}
	skafu__hash64_weaken(0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("siplanes");
	TCase *tcase = tcase_create("siplanes");

	seeded("siplanes_test");
	suite_add_tcase(suite, tcase);
	if (skafu__siplanes_are_there())
		tcase_add_test(tcase, the_values_are_those_of_libsodium);
	tcase_add_test(tcase, only_as_many_words_fit);
	tcase_add_test(tcase, many_texts_of_any_length);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
