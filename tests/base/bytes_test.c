/*
 * bytes_test.c: unaligned integers, the bounded reader, varints.
 */
#include "base/bytes.h"

#include <check.h>

#include "util/suite.h"

START_TEST(byte_orders)
{
	uint8_t bytes[16];

	for (size_t at = 0; at < 8; at++) {
		skafu__store_u16(bytes + at, 0x0102);
		ck_assert(bytes[at] == 2 && bytes[at + 1] == 1 && skafu__load_u16(bytes + at) == 0x0102);
		skafu__store_u32(bytes + at, 0x01020304);
		ck_assert(bytes[at] == 4 && bytes[at + 3] == 1 && skafu__load_u32(bytes + at) == 0x01020304);
		skafu__store_u64(bytes + at, UINT64_C(0x0102030405060708));
		ck_assert(bytes[at] == 8 && bytes[at + 7] == 1);
		ck_assert(skafu__load_u64(bytes + at) == UINT64_C(0x0102030405060708));
		ck_assert(skafu__load_u64_be(bytes + at) == UINT64_C(0x0807060504030201));
		skafu__store_u32_be(bytes + at, 0x01020304);
		ck_assert(bytes[at] == 1 && bytes[at + 3] == 4 && skafu__load_u32_be(bytes + at) == 0x01020304);
		skafu__store_u64_be(bytes + at, UINT64_C(0x0102030405060708));
		ck_assert(bytes[at] == 1 && bytes[at + 7] == 8);
		ck_assert(skafu__load_u64_be(bytes + at) == UINT64_C(0x0102030405060708));
	}
}
END_TEST

START_TEST(reader_reads_all)
{
	static const uint8_t bytes[] = {1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0x85, 0x01, 'x', 'y'};
	struct skafu__reader reader;
	const uint8_t *at;

	skafu__reader_init(&reader, bytes, sizeof bytes);
	ck_assert_uint_eq(skafu__reader_left(&reader), sizeof bytes);
	ck_assert_uint_eq(skafu__reader_u8(&reader), 1);
	ck_assert_uint_eq(skafu__reader_u16(&reader), 2);
	ck_assert_uint_eq(skafu__reader_u32(&reader), 3);
	ck_assert_uint_eq(skafu__reader_u64(&reader), 4);
	ck_assert_uint_eq(skafu__reader_varint(&reader), 133);
	at = skafu__reader_take(&reader, 2);
	ck_assert_ptr_eq(at, bytes + 17);
	ck_assert_uint_eq(skafu__reader_left(&reader), 0);
	ck_assert_ptr_nonnull(skafu__reader_take(&reader, 0));
	ck_assert_int_eq(reader.failed, 0);
	ck_assert_ptr_null(skafu__reader_take(&reader, 1));
	ck_assert_int_eq(reader.failed, 1);
}
END_TEST

/* Every read with too few bytes: 0, failed, nothing consumed, and failing goes on though bytes are left. */
START_TEST(reader_stops_at_the_end)
{
	static const uint8_t bytes[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const size_t wants[] = {1, 2, 4, 8};

	for (size_t kind = 0; kind < 4; kind++) {
		for (size_t length = 0; length < wants[kind]; length++) {
			struct skafu__reader reader;
			uint64_t got = 1;

			skafu__reader_init(&reader, bytes, length);
			if (kind == 0)
				got = skafu__reader_u8(&reader);
			else if (kind == 1)
				got = skafu__reader_u16(&reader);
			else if (kind == 2)
				got = skafu__reader_u32(&reader);
			else
				got = skafu__reader_u64(&reader);
			ck_assert_uint_eq(got, 0);
			ck_assert_int_eq(reader.failed, 1);
			ck_assert_uint_eq(skafu__reader_left(&reader), length);
			ck_assert_uint_eq(skafu__reader_u8(&reader), 0);
			ck_assert_uint_eq(skafu__reader_varint(&reader), 0);
			ck_assert_ptr_null(skafu__reader_take(&reader, 0));
			ck_assert_uint_eq(skafu__reader_left(&reader), length);
		}
	}
}
END_TEST

START_TEST(reader_of_nothing)
{
	struct skafu__reader reader;

	skafu__reader_init(&reader, NULL, 0);
	ck_assert_int_eq(reader.failed, 0);
	ck_assert_uint_eq(skafu__reader_left(&reader), 0);
	ck_assert_ptr_nonnull(skafu__reader_take(&reader, 0));
	ck_assert_ptr_null(skafu__reader_take(&reader, SIZE_MAX));
	skafu__reader_init(&reader, NULL, 5);
	ck_assert_int_eq(reader.failed, 1);
	ck_assert_uint_eq(skafu__reader_left(&reader), 0);
}
END_TEST

static uint64_t varint_of(const uint8_t *bytes, size_t length, int *failed, size_t *used)
{
	struct skafu__reader reader;
	uint64_t value;

	skafu__reader_init(&reader, bytes, length);
	value = skafu__reader_varint(&reader);
	*failed = reader.failed;
	*used = length - skafu__reader_left(&reader);
	return value;
}

static void check_round_trip(uint64_t value)
{
	uint8_t bytes[12] = {0};
	size_t length = skafu__varint_write(bytes, value);
	size_t expected = value == 0 ? 1 : (size_t)(64 - __builtin_clzll(value) + 6) / 7;
	size_t used;
	int failed;

	ck_assert_uint_eq(length, expected);
	ck_assert_uint_eq(varint_of(bytes, sizeof bytes, &failed, &used), value);
	ck_assert(!failed && used == length);
	for (size_t cut = 0; cut < length; cut++) {
		ck_assert_uint_eq(varint_of(bytes, cut, &failed, &used), 0);
		ck_assert(failed && used == 0);
	}
}

START_TEST(varint_edges)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int64_t near = -3; near <= 3; near++)
			check_round_trip((UINT64_C(1) << bit) + (uint64_t)near);
	}
	for (uint64_t value = 0; value < 70000; value++)
		check_round_trip(value);
	check_round_trip(UINT64_MAX);
}
END_TEST

START_TEST(varint_refuses)
{
	uint8_t bytes[11];
	size_t used;
	int failed;

	/* Padding with zeros, at every length. */
	for (size_t length = 2; length <= 11; length++) {
		memset(bytes, 0x80, sizeof bytes);
		bytes[length - 1] = 0;
		ck_assert_uint_eq(varint_of(bytes, length, &failed, &used), 0);
		ck_assert(failed && used == 0);
	}
	/* The tenth byte holds one bit. */
	memset(bytes, 0xff, sizeof bytes);
	for (unsigned last = 0; last < 256; last++) {
		uint64_t value;

		bytes[9] = (uint8_t)last;
		value = varint_of(bytes, 11, &failed, &used);
		ck_assert_int_eq(failed, last != 1);
		ck_assert_uint_eq(value, last == 1 ? UINT64_MAX : 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bytes");
	TCase *tcase = tcase_create("bytes");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, byte_orders);
	tcase_add_test(tcase, reader_reads_all);
	tcase_add_test(tcase, reader_stops_at_the_end);
	tcase_add_test(tcase, reader_of_nothing);
	tcase_add_test(tcase, varint_edges);
	tcase_add_test(tcase, varint_refuses);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
