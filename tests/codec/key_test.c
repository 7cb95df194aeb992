/*
 * key_test.c: the order of the bytes of a key is the order of what it says.
 */
#include "codec/key.h"

#include <check.h>
#include <string.h>

#include "util/suite.h"

static const uint64_t numbers[] = {0, 1, 2, 255, 256, 65535, 65536, UINT32_MAX, (uint64_t)UINT32_MAX + 1,
				   INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static int sign(int64_t value)
{
	return value < 0 ? -1 : value > 0;
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

START_TEST(chunk_keys_sort_as_their_numbers)
{
	uint8_t a[SKAFU__CHUNK_KEY_BYTES];
	uint8_t b[SKAFU__CHUNK_KEY_BYTES];

	for (size_t i = 0; i < NUMBERS * NUMBERS; i++)
		for (size_t k = 0; k < NUMBERS * NUMBERS; k++) {
			int wanted = order(numbers[i / NUMBERS], numbers[k / NUMBERS]);

			if (wanted == 0)
				wanted = order(numbers[i % NUMBERS], numbers[k % NUMBERS]);
			skafu__chunk_key_encode(a, numbers[i / NUMBERS], numbers[i % NUMBERS]);
			skafu__chunk_key_encode(b, numbers[k / NUMBERS], numbers[k % NUMBERS]);
			ck_assert_int_eq(sign(memcmp(a, b, sizeof a)), wanted);
		}
}
END_TEST

START_TEST(chunk_key_comes_back)
{
	uint8_t bytes[SKAFU__CHUNK_KEY_BYTES + 1] = {0};
	static const uint8_t wanted[SKAFU__CHUNK_KEY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 1, 0};
	struct skafu__chunk_key key = {7, 7};

	skafu__chunk_key_encode(bytes, UINT64_C(0x0102030405060708), 256);
	ck_assert_mem_eq(bytes, wanted, sizeof wanted);
	ck_assert_int_eq(skafu__chunk_key_decode(bytes, SKAFU__CHUNK_KEY_BYTES, &key), 1);
	ck_assert_uint_eq(key.last_sequence, UINT64_C(0x0102030405060708));
	ck_assert_uint_eq(key.last_commit, 256);
	for (size_t length = 0; length <= sizeof bytes; length++)
		ck_assert_int_eq(skafu__chunk_key_decode(bytes, length, &key), length == SKAFU__CHUNK_KEY_BYTES);
}
END_TEST

START_TEST(name_keys_sort_by_set_then_id)
{
	uint8_t a[SKAFU__NAME_KEY_BYTES];
	uint8_t b[SKAFU__NAME_KEY_BYTES];
	static const uint8_t wanted[] = {4, 0x01, 0x02, 0x03, 0x04};

	skafu__name_key_encode(a, 4, 0x01020304);
	ck_assert_mem_eq(a, wanted, sizeof wanted);
	skafu__name_key_encode(b, 3, UINT32_MAX);
	ck_assert_int_lt(memcmp(b, a, sizeof a), 0);
	skafu__name_key_encode(b, 4, 0x01020305);
	ck_assert_int_gt(memcmp(b, a, sizeof a), 0);
}
END_TEST

START_TEST(row_key_is_table_and_key)
{
	uint8_t out[SKAFU__ROW_KEY_BYTES_MAX + 1];
	uint8_t key[255];
	static const uint8_t wanted[] = {0, 0, 1, 2, 'k', 'e', 'y'};

	memset(out, 0xee, sizeof out);
	ck_assert_uint_eq(skafu__row_key_encode(out, 258, "key", 3), sizeof wanted);
	ck_assert_mem_eq(out, wanted, sizeof wanted);
	ck_assert_uint_eq(out[sizeof wanted], 0xee);
	memset(key, 0xff, sizeof key);
	ck_assert_uint_eq(skafu__row_key_encode(out, UINT32_MAX, key, sizeof key), SKAFU__ROW_KEY_BYTES_MAX);
	ck_assert_uint_eq(out[SKAFU__ROW_KEY_BYTES_MAX - 1], 0xff);
	ck_assert_uint_eq(out[SKAFU__ROW_KEY_BYTES_MAX], 0xee);
	ck_assert_uint_le(SKAFU__ROW_KEY_BYTES_MAX, 511);
}
END_TEST

START_TEST(run_keys_sort_by_dimension_run_segment)
{
	uint8_t a[SKAFU__RUN_KEY_BYTES];
	uint8_t b[SKAFU__RUN_KEY_BYTES];
	static const uint8_t wanted[] = {7, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9};

	skafu__run_key_encode(a, 7, 256, 9);
	ck_assert_mem_eq(a, wanted, sizeof wanted);
	skafu__run_key_encode(b, 7, 256, 8);
	ck_assert_int_lt(memcmp(b, a, sizeof a), 0);
	skafu__run_key_encode(b, 7, 255, UINT32_MAX);
	ck_assert_int_lt(memcmp(b, a, sizeof a), 0);
	skafu__run_key_encode(b, 6, UINT64_MAX, UINT32_MAX);
	ck_assert_int_lt(memcmp(b, a, sizeof a), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("key");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, chunk_keys_sort_as_their_numbers);
	tcase_add_test(tests, chunk_key_comes_back);
	tcase_add_test(tests, name_keys_sort_by_set_then_id);
	tcase_add_test(tests, row_key_is_table_and_key);
	tcase_add_test(tests, run_keys_sort_by_dimension_run_segment);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
