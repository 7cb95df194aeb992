/*
 * opts_test.c: sized options structs.
 */
#include "base/opts.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "util/suite.h"

struct opts {
	uint32_t size;
	uint32_t a;
	uint64_t b;
	uint32_t c;
	uint32_t d;
};

START_TEST(all_defaults)
{
	struct opts known;
	skafu_error error;

	memset(&known, 0xee, sizeof known);
	skafu_error_clear(&error);
	ck_assert_int_eq(skafu__opts_read(&known, sizeof known, NULL, "options", &error), SKAFU_OK);
	ck_assert(known.size == sizeof known && known.a == 0 && known.b == 0 && known.c == 0 && known.d == 0);
	ck_assert_int_eq(error.code, 0);
}
END_TEST

/* Every size from 0 to far too large; the bytes behind the stated size are poison that must not be read. */
START_TEST(every_size)
{
	uint8_t given[sizeof(struct opts) + 64];

	for (uint32_t size = 0; size <= sizeof given; size++) {
		int good = size >= 4 && size % 4 == 0;
		uint8_t expected[sizeof(struct opts)] = {0};
		uint32_t own_size = sizeof(struct opts);
		struct opts known;
		skafu_error error;

		skafu_error_clear(&error);
		memset(given, 0xee, sizeof given);
		for (size_t i = 4; i < size; i++)
			given[i] = i < sizeof known ? (uint8_t)i : 0;
		memcpy(given, &size, sizeof size);
		memset(&known, 0x55, sizeof known);
		memcpy(expected, given, size < sizeof known ? size : sizeof known);
		memcpy(expected, &own_size, sizeof own_size);
		if (!good)
			memset(expected, 0x55, sizeof expected);
		ck_assert_int_eq(skafu__opts_read(&known, sizeof known, given, "read options", &error),
				 good ? SKAFU_OK : SKAFU_EOPTION);
		ck_assert_mem_eq(&known, expected, sizeof known);
		if (!good)
			ck_assert_ptr_nonnull(strstr(error.message, "read options"));
		ck_assert_int_eq(error.code, good ? SKAFU_OK : SKAFU_EOPTION);
	}
}
END_TEST

START_TEST(unknown_surplus)
{
	uint8_t given[sizeof(struct opts) + 64] = {0};
	uint32_t size = sizeof given;
	struct opts known;
	skafu_error error;

	memcpy(given, &size, sizeof size);
	for (size_t i = sizeof known; i < sizeof given; i++) {
		char place[16];

		given[i] = 1;
		memset(&known, 0x55, sizeof known);
		ck_assert_int_eq(skafu__opts_read(&known, sizeof known, given, "options", &error), SKAFU_EOPTION);
		snprintf(place, sizeof place, "byte %zu ", i);
		ck_assert_ptr_nonnull(strstr(error.message, place));
		ck_assert_uint_eq(known.size, 0x55555555);
		given[i] = 0;
	}
	ck_assert_int_eq(skafu__opts_read(&known, sizeof known, given, "options", &error), SKAFU_OK);
	/* Garbage as a size is not followed to wherever it leads. */
	size = 0xeeeeeeec;
	memcpy(given, &size, sizeof size);
	ck_assert_int_eq(skafu__opts_read(&known, sizeof known, given, "options", NULL), SKAFU_EOPTION);
}
END_TEST

START_TEST(flags)
{
	skafu_error error;

	skafu_error_clear(&error);
	ck_assert_int_eq(skafu__opts_flags(0, 0, "open options", &error), SKAFU_OK);
	ck_assert_int_eq(skafu__opts_flags(5, 7, "open options", &error), SKAFU_OK);
	ck_assert_int_eq(error.code, 0);
	ck_assert_int_eq(skafu__opts_flags(0x35, 5, "open options", &error), SKAFU_EOPTION);
	ck_assert_str_eq(error.message, "The open options has the unknown flag 0x10; leave it out.");
	ck_assert_int_eq(skafu__opts_flags(0x80000000u, 0x7fffffff, "open options", &error), SKAFU_EOPTION);
	ck_assert_ptr_nonnull(strstr(error.message, "0x80000000;"));
	ck_assert_int_eq(skafu__opts_flags(1, 0, "open options", NULL), SKAFU_EOPTION);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("opts");
	TCase *tcase = tcase_create("opts");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, all_defaults);
	tcase_add_test(tcase, every_size);
	tcase_add_test(tcase, unknown_surplus);
	tcase_add_test(tcase, flags);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
