/*
 * text_test.c: growth, the limit, and sentences of errors.
 */
#include "text.h"

#include <errno.h>
#include <string.h>

#include "app/kit.h"

START_TEST(grows_and_ends_in_nul)
{
	struct text text = {0};

	ck_assert_str_eq(text_string(&text), "");
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(text_add_format(&text, "%d,", i), SKAFU_OK);
	ck_assert_uint_eq(text.length, strlen(text.bytes));
	ck_assert_int_eq(strncmp(text.bytes, "0,1,2,3,", 8), 0);
	ck_assert_int_eq(text_add(&text, "a\0b", 3), SKAFU_OK);
	ck_assert_mem_eq(text.bytes + text.length - 3, "a\0b", 4);
	text_clear(&text);
	ck_assert_str_eq(text_string(&text), "");
	text_free(&text);
}
END_TEST

START_TEST(keeps_what_was_there_at_the_limit)
{
	struct text text = {.limit = 5};

	ck_assert_int_eq(text_add_string(&text, "abcde"), SKAFU_OK);
	ck_assert_int_eq(text_add_string(&text, "f"), SKAFU_ELIMIT);
	ck_assert_int_eq(text_add_format(&text, "%s", "f"), SKAFU_ELIMIT);
	ck_assert_int_eq(text_add(&text, "", 0), SKAFU_OK);
	ck_assert_str_eq(text.bytes, "abcde");
	text_free(&text);
}
END_TEST

START_TEST(errors_are_sentences)
{
	kit_assert_error(failed(kit_error, SKAFU_EINVAL, "%d of %s.", 3, "them"), SKAFU_EINVAL);
	ck_assert_str_eq(skafu_error_message(kit_error), "3 of them.");
	kit_assert_error(failed_os(kit_error, ENOENT, "The file %s", "x"), SKAFU_ENOTFOUND);
	kit_assert_says("The file x: ");
	kit_assert_error(failed_os(kit_error, ENOSPC, "x"), SKAFU_ENOSPACE);
	kit_assert_error(failed_os(NULL, EIO, "x"), SKAFU_EIO);
	kit_assert_error(failed_text(kit_error, SKAFU_ELIMIT, "a list"), SKAFU_ELIMIT);
	kit_assert_says("too much text in a list");
	kit_assert_ok(failed_text(kit_error, SKAFU_OK, "a list"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *tcase = tcase_create("text");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_add_test(tcase, grows_and_ends_in_nul);
	tcase_add_test(tcase, keeps_what_was_there_at_the_limit);
	tcase_add_test(tcase, errors_are_sentences);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
