/*
 * index_head_test.c: the head that all values of the index share.
 */
#include "codec/index_head.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/crc32c.h"
#include "util/suite.h"

START_TEST(layout)
{
	uint8_t value[40];
	uint8_t crc_input[36];
	uint32_t crc;

	memset(value, 7, sizeof value);
	crc = skafu__index_seal(value, sizeof value, "TEST");
	ck_assert_mem_eq(value, "TEST\1\7\7\7", 8);
	ck_assert_uint_eq(skafu__load_u32(value + 8), crc);
	ck_assert_uint_eq(skafu__load_u32(value + 12), sizeof value);
	memcpy(crc_input, value, 8);
	memcpy(crc_input + 8, value + 12, 28);
	ck_assert_uint_eq(crc, skafu__crc32c_portable(0, crc_input, sizeof crc_input));
	ck_assert_uint_eq(crc, skafu__index_checksum(value, sizeof value));
	ck_assert_int_eq(skafu__index_check(value, sizeof value, "TEST", 0, NULL), SKAFU_OK);
	ck_assert_int_eq(skafu__index_check(value, sizeof value, "TESU", 0, NULL), SKAFU_EDAMAGED);
}
END_TEST

START_TEST(every_bit_and_every_length)
{
	uint8_t value[64] = {0};

	skafu__index_seal(value, 48, "TEST");
	for (size_t length = 0; length <= sizeof value; length++) {
		uint8_t *exact = malloc(length + 1);

		memcpy(exact, value, length);
		ck_assert_int_eq(skafu__index_check(exact, length, "TEST", 0, NULL),
			length == 48 ? SKAFU_OK : SKAFU_EDAMAGED);
		free(exact);
	}
	for (size_t bit = 0; bit < 48 * 8; bit++) {
		value[bit / 8] = (uint8_t)(value[bit / 8] ^ 1 << bit % 8);
		ck_assert_int_eq(skafu__index_check(value, 48, "TEST", 0, NULL), SKAFU_EDAMAGED);
		value[bit / 8] = (uint8_t)(value[bit / 8] ^ 1 << bit % 8);
	}
	ck_assert_int_eq(skafu__index_check(value, 48, "TEST", 0, NULL), SKAFU_OK);
}
END_TEST

START_TEST(trusted_and_newer)
{
	uint8_t value[20] = {0};

	skafu__index_seal(value, sizeof value, "TEST");
	value[18] ^= 1;
	ck_assert_int_eq(skafu__index_check(value, sizeof value, "TEST", 0, NULL), SKAFU_EDAMAGED);
	ck_assert_int_eq(skafu__index_check(value, sizeof value, "TEST", 1, NULL), SKAFU_OK);
	value[4] = 2;
	skafu__store_u32(value + 8, skafu__index_checksum(value, sizeof value));
	ck_assert_int_eq(skafu__index_check(value, sizeof value, "TEST", 0, NULL), SKAFU_ENEWER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("index_head");
	TCase *cases = tcase_create("head");

	tcase_add_test(cases, layout);
	tcase_add_test(cases, every_bit_and_every_length);
	tcase_add_test(cases, trusted_and_newer);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
