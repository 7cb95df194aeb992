/*
 * buf_test.c: growable bytes with a ceiling.
 */
#include "base/buf.h"

#include <check.h>
#include <string.h>

#include "base/failing.h"
#include "skafu_base.h"
#include "util/suite.h"

START_TEST(all_writers)
{
	static const uint8_t expected[] = {0xab, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12, 8, 7, 6, 5, 4, 3, 2, 1, 0xac,
					   0x02, 't', 'e', 'x', 't', '-', '4', '2', 9, 9, 9};
	struct skafu__buf buf;
	uint8_t *at;

	skafu__buf_init(&buf, skafu__sys_current(), 1000);
	ck_assert_int_eq(skafu__buf_put_u8(&buf, 0xab), 0);
	ck_assert_int_eq(skafu__buf_put_u16(&buf, 0x1234), 0);
	ck_assert_int_eq(skafu__buf_put_u32(&buf, 0x12345678), 0);
	ck_assert_int_eq(skafu__buf_put_u64(&buf, UINT64_C(0x0102030405060708)), 0);
	ck_assert_int_eq(skafu__buf_put_varint(&buf, 300), 0);
	ck_assert_int_eq(skafu__buf_put_text(&buf, "text"), 0);
	ck_assert_int_eq(skafu__buf_printf(&buf, "-%d", 42), 0);
	ck_assert_int_eq(skafu__buf_put(&buf, NULL, 0), 0);
	at = skafu__buf_reserve(&buf, 5);
	ck_assert_ptr_nonnull(at);
	memset(at, 9, 5);
	skafu__buf_commit(&buf, 3);
	ck_assert_uint_eq(buf.length, sizeof expected);
	ck_assert_mem_eq(buf.bytes, expected, sizeof expected);
	skafu__buf_clear(&buf);
	ck_assert_uint_eq(buf.length, 0);
	ck_assert_uint_gt(buf.capacity, 0);
	skafu__buf_done(&buf);
	ck_assert_ptr_null(buf.bytes);
	ck_assert_int_eq(skafu__buf_put_u8(&buf, 1), 0); /* usable again */
	skafu__buf_done(&buf);
	skafu__buf_done(&buf);
}
END_TEST

START_TEST(ceiling_is_exact)
{
	uint8_t block[200] = {0};

	for (size_t ceiling = 0; ceiling < 200; ceiling++) {
		for (size_t first = 0; first <= ceiling; first += ceiling / 3 + 1) {
			struct skafu__buf buf;

			skafu__buf_init(&buf, skafu__sys_current(), ceiling);
			ck_assert_int_eq(skafu__buf_put(&buf, block, first), 0);
			ck_assert_int_eq(skafu__buf_put(&buf, block, ceiling - first), 0);
			ck_assert_uint_eq(buf.length, ceiling);
			ck_assert_ptr_nonnull(skafu__buf_reserve(&buf, 0));
			ck_assert_int_eq(skafu__buf_put_u8(&buf, 1), SKAFU_ELIMIT);
			ck_assert_uint_eq(buf.length, ceiling);
			ck_assert_int_eq(skafu__buf_put(&buf, block, 0), SKAFU_ELIMIT); /* sticks */
			ck_assert_ptr_null(skafu__buf_reserve(&buf, 0));
			skafu__buf_clear(&buf);
			ck_assert_int_eq(buf.failed, 0);
			ck_assert_int_eq(skafu__buf_put(&buf, block, ceiling), 0);
			skafu__buf_done(&buf);
		}
	}
}
END_TEST

START_TEST(printf_and_the_ceiling)
{
	struct skafu__buf buf;

	skafu__buf_init(&buf, skafu__sys_current(), 100);
	ck_assert_int_eq(skafu__buf_printf(&buf, "%099d", 7), 0);
	ck_assert_int_eq(skafu__buf_printf(&buf, "%d", 8), 0); /* fills it to the last byte, NUL not counted */
	ck_assert_uint_eq(buf.length, 100);
	ck_assert_uint_eq(buf.bytes[98], '7');
	ck_assert_uint_eq(buf.bytes[99], '8');
	ck_assert_int_eq(skafu__buf_printf(&buf, "%s", ""), 0);
	ck_assert_int_eq(skafu__buf_printf(&buf, "%d", 9), SKAFU_ELIMIT);
	ck_assert_int_eq(skafu__buf_printf(&buf, "%s", ""), SKAFU_ELIMIT);
	ck_assert_uint_eq(buf.length, 100);
	skafu__buf_done(&buf);
}
END_TEST

START_TEST(memory_fails)
{
	struct failing failing;
	struct skafu__buf buf;
	uint8_t block[100] = {5};

	failing_init(&failing);
	failing.left = 0;
	skafu__buf_init(&buf, &failing.sys, SIZE_MAX);
	ck_assert_int_eq(skafu__buf_put_u8(&buf, 1), SKAFU_ENOMEM);
	ck_assert_int_eq(buf.failed, SKAFU_ENOMEM);
	failing.left = 1;
	skafu__buf_clear(&buf);
	ck_assert_int_eq(skafu__buf_put(&buf, block, 60), 0);
	ck_assert_int_eq(skafu__buf_put(&buf, block, 60), SKAFU_ENOMEM);
	ck_assert_uint_eq(buf.length, 60);
	ck_assert_uint_eq(buf.bytes[0], 5);
	failing.left = -1;
	ck_assert_int_eq(skafu__buf_put_u8(&buf, 1), SKAFU_ENOMEM); /* sticks although there is memory again */
	skafu__buf_clear(&buf);
	ck_assert_int_eq(skafu__buf_put_u8(&buf, 1), 0);
	ck_assert_ptr_null(skafu__buf_reserve(&buf, SIZE_MAX - 1)); /* no overflow into a small size */
	ck_assert_int_eq(buf.failed, SKAFU_ENOMEM);
	skafu__buf_clear(&buf);
	ck_assert_int_eq(skafu__buf_put_u8(&buf, 1), 0);
	ck_assert_ptr_null(skafu__buf_reserve(&buf, SIZE_MAX));
	ck_assert_int_eq(buf.failed, SKAFU_ELIMIT);
	skafu__buf_done(&buf);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

START_TEST(commit_beyond_the_room)
{
	struct skafu__buf buf;

	skafu__buf_init(&buf, skafu__sys_current(), 64);
	skafu__buf_commit(&buf, 1);
	ck_assert_int_eq(buf.failed, SKAFU_ELIMIT);
	ck_assert_uint_eq(buf.length, 0);
	skafu__buf_commit(&buf, 0);
	ck_assert_uint_eq(buf.length, 0);
	skafu__buf_done(&buf);
}
END_TEST

START_TEST(many_small_writes)
{
	struct skafu__buf buf;

	skafu__buf_init(&buf, skafu__sys_current(), 1 << 20);
	for (uint32_t i = 0; i < 200000; i++)
		ck_assert_int_eq(skafu__buf_put_u32(&buf, i), 0);
	ck_assert_uint_eq(buf.length, 800000);
	ck_assert_uint_le(buf.capacity, 1 << 20);
	for (uint32_t i = 0; i < 200000; i += 997)
		ck_assert_uint_eq(buf.bytes[4 * i + 1], i >> 8 & 0xff);
	skafu__buf_done(&buf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tcase = tcase_create("buf");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, all_writers);
	tcase_add_test(tcase, ceiling_is_exact);
	tcase_add_test(tcase, printf_and_the_ceiling);
	tcase_add_test(tcase, memory_fails);
	tcase_add_test(tcase, commit_beyond_the_room);
	tcase_add_test(tcase, many_small_writes);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
