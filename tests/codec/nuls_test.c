/*
 * nuls_test.c: both forms against a loop over the bytes, and no byte read behind the last one.
 */
#include "codec/nuls.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/random.h"
#include "util/suite.h"

static uint8_t a_byte(void)
{
	static const uint8_t near_zero[] = {0, 0, 1, 0x7f, 0x80, 0x81, 0xff, 'a'};

	return near_zero[random_u64() >> 61];
}

static uint64_t one_by_one(const uint8_t *at, size_t length)
{
	uint64_t nuls = 0;

	for (size_t i = 0; i < length; i++)
		nuls |= (uint64_t)(at[i] == 0) << i;
	return nuls;
}

START_TEST(every_nul_is_found_and_no_other_byte)
{
	for (int round = 0; round < 20000; round++) {
		uint8_t window[SKAFU__NULS_WINDOW];

		for (size_t i = 0; i < sizeof window; i++)
			window[i] = a_byte();
		uint64_t wanted = one_by_one(window, sizeof window);
		ck_assert_uint_eq(skafu__nuls(window), wanted);
		ck_assert_uint_eq(skafu__nuls_portable(window), wanted);
	}
}
END_TEST

/* The bytes end where their memory ends, so that valgrind and the sanitizer see a read behind them. */
START_TEST(only_what_can_be_read_is_read)
{
	for (size_t readable = 1; readable <= SKAFU__NULS_WINDOW + 3; readable++)
		for (size_t length = 0; length <= readable && length <= SKAFU__NULS_WINDOW; length++) {
			uint8_t *bytes = malloc(readable);

			for (size_t i = 0; i < readable; i++)
				bytes[i] = a_byte();
			ck_assert_uint_eq(skafu__nuls_within(bytes, length, readable), one_by_one(bytes, length));
			free(bytes);
		}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nuls");
	TCase *tests = tcase_create("all");

	seeded("nuls_test");
	tcase_add_test(tests, every_nul_is_found_and_no_other_byte);
	tcase_add_test(tests, only_what_can_be_read_is_read);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
