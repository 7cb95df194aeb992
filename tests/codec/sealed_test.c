/*
 * sealed_test.c: what was written is read, and every changed bit of key or value is found out.
 */
#include "codec/sealed.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "skafu_base.h"
#include "util/suite.h"

START_TEST(what_was_written_is_read)
{
	uint8_t bytes[64];
	const uint8_t *value;
	size_t length;
	skafu__sealed_write(bytes, "key", 3, "the value", 9);
	ck_assert_int_eq(skafu__sealed_read("key", 3, bytes, 13, &value, &length), 0);
	ck_assert_uint_eq(length, 9);
	ck_assert_mem_eq(value, "the value", 9);
	skafu__sealed_write(bytes, "key", 3, NULL, 0);
	ck_assert_int_eq(skafu__sealed_read("key", 3, bytes, 4, &value, &length), 0);
	ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(every_bit_counts)
{
	uint8_t bytes[13];
	const uint8_t *value;
	size_t length;
	skafu__sealed_write(bytes, "key", 3, "the value", 9);
	for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(skafu__sealed_read("key", 3, bytes, sizeof bytes, &value, &length), SKAFU_EDAMAGED);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_int_eq(skafu__sealed_read("kez", 3, bytes, sizeof bytes, &value, &length), SKAFU_EDAMAGED);
	for (size_t cut = 0; cut < sizeof bytes; cut++)
		ck_assert_int_eq(skafu__sealed_read("key", 3, bytes, cut, &value, &length), SKAFU_EDAMAGED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sealed");
	TCase *all = tcase_create("all");
	tcase_add_test(all, what_was_written_is_read);
	tcase_add_test(all, every_bit_counts);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
