/*
 * crc32c_test.c: the checksum: the vectors of RFC 3720, the portable form against the definition bit by bit, and the
 * instruction against the portable form.
 */
#include "codec/crc32c.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/crc32c_table.h"
#include "util/random.h"
#include "util/suite.h"

typedef uint32_t (*crc_fn)(uint32_t seed, const void *bytes, size_t length);

static const crc_fn forms[] = {skafu__crc32c, skafu__crc32c_portable};

static uint32_t by_bits(uint32_t seed, const uint8_t *at, size_t length)
{
	uint32_t crc = ~seed;

	for (size_t i = 0; i < length; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

START_TEST(known_vectors)
{
	static const uint8_t read_command[48] = {
		0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
		0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	};
	uint8_t bytes[32];

	for (size_t form = 0; form < 2; form++) {
		ck_assert_uint_eq(forms[form](0, "", 0), 0);
		ck_assert_uint_eq(forms[form](0, NULL, 0), 0);
		ck_assert_uint_eq(forms[form](0x1234, NULL, 0), 0x1234);
		ck_assert_uint_eq(forms[form](0, "123456789", 9), 0xe3069283);
		ck_assert_uint_eq(forms[form](0, read_command, 48), 0xd9963a56);
		memset(bytes, 0, sizeof bytes);
		ck_assert_uint_eq(forms[form](0, bytes, 32), 0x8a9136aa);
		memset(bytes, 0xff, sizeof bytes);
		ck_assert_uint_eq(forms[form](0, bytes, 32), 0x62a8ab43);
		for (size_t i = 0; i < 32; i++)
			bytes[i] = (uint8_t)i;
		ck_assert_uint_eq(forms[form](0, bytes, 32), 0x46dd794e);
		for (size_t i = 0; i < 32; i++)
			bytes[i] = (uint8_t)(31 - i);
		ck_assert_uint_eq(forms[form](0, bytes, 32), 0x113fdb5c);
	}
}
END_TEST

START_TEST(table_from_the_polynomial)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (size_t row = 0; row < 8; row++) {
			for (int bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
			ck_assert_uint_eq(crc32c_table[row][i], crc);
		}
	}
}
END_TEST

/* x^31 is the lowest bit of the reflected form; each step multiplies by x. */
START_TEST(powers_from_the_polynomial)
{
	uint32_t power = 1;

	for (size_t n = 0; n < sizeof crc32c_powers / sizeof *crc32c_powers; n++) {
		ck_assert_uint_eq(crc32c_powers[n], power);
		for (int i = 0; i < 64; i++)
			power = power >> 1 ^ (power & 1 ? 0x82f63b78 : 0);
	}
}
END_TEST

static uint8_t *random_bytes(size_t length)
{
	uint8_t *bytes = malloc(length);

	seeded("crc32c_test");
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)random_u64();
	return bytes;
}

/* Every length over all kinds of lanes, at every alignment, and with a seed. */
START_TEST(all_forms_agree)
{
	uint8_t *bytes = random_bytes(30000);
	uint8_t number[8];
	uint8_t copy[1704];

	for (size_t length = 0; length < 1700; length++) {
		const uint8_t *at = bytes + length % 16;
		uint32_t expected = by_bits(0xdeadbeef, at, length);

		ck_assert_uint_eq(skafu__crc32c_portable(0xdeadbeef, at, length), expected);
		ck_assert_uint_eq(skafu__crc32c(0xdeadbeef, at, length), expected);
		skafu__store_u64(number, length * UINT64_C(0x9e3779b97f4a7c15));
		ck_assert_uint_eq(skafu__crc32c_behind(skafu__load_u64(number), at, length),
				  skafu__crc32c_portable(skafu__crc32c_portable(0, number, 8), at, length));
		memset(copy, 0xee, sizeof copy);
		ck_assert_uint_eq(skafu__crc32c_copy(skafu__load_u64(number), copy + length % 3, at, length),
				  skafu__crc32c_behind(skafu__load_u64(number), at, length));
		ck_assert(memcmp(copy + length % 3, at, length) == 0);
		ck_assert_uint_eq(copy[length % 3 + length], 0xee);
	}
	for (size_t length = 1700; length < 29900; length += 13)
		ck_assert_uint_eq(skafu__crc32c(7, bytes + length % 16, length),
				  skafu__crc32c_portable(7, bytes + length % 16, length));
	free(bytes);
}
END_TEST

START_TEST(parts_make_the_whole)
{
	uint8_t *bytes = random_bytes(9000);
	uint32_t whole = skafu__crc32c(0, bytes, 9000);

	for (size_t cut = 0; cut <= 9000; cut++) {
		uint32_t first = skafu__crc32c(0, bytes, cut);

		ck_assert_uint_eq(skafu__crc32c(first, bytes + cut, 9000 - cut), whole);
	}
	free(bytes);
}
END_TEST

/* One turned bit anywhere is always seen. */
START_TEST(single_bits)
{
	uint8_t *bytes = random_bytes(800);
	uint32_t good = skafu__crc32c(3, bytes, 800);

	for (size_t bit = 0; bit < 6400; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_uint_ne(skafu__crc32c(3, bytes, 800), good);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crc32c");
	TCase *tcase = tcase_create("crc32c");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, known_vectors);
	tcase_add_test(tcase, table_from_the_polynomial);
	tcase_add_test(tcase, powers_from_the_polynomial);
	tcase_add_test(tcase, all_forms_agree);
	tcase_add_test(tcase, parts_make_the_whole);
	tcase_add_test(tcase, single_bits);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
