/*
 * result_test.c: codes in words, compared with the header; the version.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skafu_base.h"
#include "util/suite.h"

START_TEST(every_code_of_the_header)
{
	FILE *file = fopen("include/skafu_base.h", "r");
	char line[512];
	int codes = 0;

	if (!file) {
		printf("skipped: run from the root of the repository\n");
		return;
	}
	while (fgets(line, sizeof line, file)) {
		char name[64];
		int code;

		if (sscanf(line, "#define %63s (%d)", name, &code) != 2 &&
		    sscanf(line, "#define %63s %d", name, &code) != 2)
			continue;
		if (strncmp(name, "SKAFU_E", 7) != 0 && strcmp(name, "SKAFU_OK") != 0)
			continue;
		codes++;
		ck_assert_str_eq(skafu_result_name(code), name);
		ck_assert_uint_gt(strlen(skafu_result_text(code)), 5);
		ck_assert_ptr_null(strchr(skafu_result_text(code), '\n'));
		ck_assert_int_eq(skafu_result_text(code)[strlen(skafu_result_text(code)) - 1], '.');
	}
	fclose(file);
	ck_assert_int_ge(codes, 40);
}
END_TEST

START_TEST(unknown_codes)
{
	static const int32_t codes[] = {-99, -1000, 1, 7, INT32_MIN, INT32_MAX};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		ck_assert_str_eq(skafu_result_name(codes[i]), "SKAFU_E?");
		ck_assert_uint_gt(strlen(skafu_result_text(codes[i])), 5);
	}
	ck_assert_str_eq(skafu_result_text(5), skafu_result_text(SKAFU_OK));
	ck_assert_str_ne(skafu_result_text(-99), skafu_result_text(SKAFU_OK));
}
END_TEST

START_TEST(predicates)
{
	int retriable = 0;
	int conflicts = 0;

	for (int32_t code = -200; code <= 200; code++) {
		retriable += skafu_result_is_retriable(code);
		conflicts += skafu_result_is_conflict(code);
	}
	ck_assert_int_eq(retriable, 3);
	ck_assert_int_eq(conflicts, 6);
	ck_assert(skafu_result_is_retriable(SKAFU_EBUSY) && skafu_result_is_retriable(SKAFU_ETIMEOUT));
	ck_assert(skafu_result_is_retriable(SKAFU_EINTERRUPTED));
	ck_assert(skafu_result_is_conflict(SKAFU_ECONFLICT) && skafu_result_is_conflict(SKAFU_EMATCH));
	ck_assert(skafu_result_is_conflict(SKAFU_EROW) && skafu_result_is_conflict(SKAFU_EDUPLICATE));
	ck_assert(skafu_result_is_conflict(SKAFU_ECOMMIT) && skafu_result_is_conflict(SKAFU_EDELETED));
}
END_TEST

START_TEST(version)
{
	char text[32];

	snprintf(text, sizeof text, "%d.%d.%d", SKAFU_VERSION_MAJOR, SKAFU_VERSION_MINOR, SKAFU_VERSION_PATCH);
	ck_assert_str_eq(skafu_version_text(), text);
	ck_assert_uint_eq(skafu_version() >> 16, SKAFU_VERSION_MAJOR);
	ck_assert_uint_eq(skafu_version() >> 8 & 0xff, SKAFU_VERSION_MINOR);
	ck_assert_uint_eq(skafu_version() & 0xff, SKAFU_VERSION_PATCH);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("result");
	TCase *tcase = tcase_create("result");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, every_code_of_the_header);
	tcase_add_test(tcase, unknown_codes);
	tcase_add_test(tcase, predicates);
	tcase_add_test(tcase, version);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
