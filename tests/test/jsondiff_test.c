/*
 * jsondiff_test.c: what is the same by its meaning, what is not, and where.
 */
#include <check.h>
#include <string.h>

#include "test/jsondiff.h"
#include "util/suite.h"

static struct skafu__kit_text text;

static void teardown(void)
{
	skafu__kit_text_done(&text);
}

static unsigned diff(const char *expected, const char *found, int some)
{
	skafu__kit_text_clear(&text);
	return skafu__kit_json_diff(&text, expected, strlen(expected), found, strlen(found), some);
}

static const char *const same[][2] = {
	{"{}", " { } "},
	{"[]", "[\n]"},
	{"{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [ true , null ] , \"a\" : 1 }"},
	{"1", "1.0"},
	{"1", "10e-1"},
	{"100", "1E+2"},
	{"0.001", "1e-3"},
	{"0", "-0.00e9"},
	{"-12.50", "-1.25e1"},
	{"123456789012345678901234567890", "123456789012345678901234567890.0"},
	{"\"\\u0041\\n\\/\"", "\"A\\u000a/\""},
	{"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
	{"\"\\u00e9\"", "\"\xc3\xa9\""},
	{"{\"\\u0061\":{\"x\":\"]}\"}}", "{\"a\":{\"x\":\"]}\"}}"},
	{"\"\\\"\\\\\"", "\"\\u0022\\u005c\""},
};

START_TEST(the_same_by_meaning)
{
	ck_assert_msg(diff(same[_i][0], same[_i][1], 0) == 0, "%s and %s: %s", same[_i][0], same[_i][1], text.bytes);
	ck_assert_uint_eq(diff(same[_i][1], same[_i][0], 0), 0);
}
END_TEST

static const struct {
	const char *expected, *found, *says;
} differ[] = {
	{"1", "2", "\n  the whole: expected 1, found 2"},
	{"123456789012345678901", "123456789012345678902",
	 "\n  the whole: expected 123456789012345678901, found 123456789012345678902"},
	{"10", "1", "\n  the whole: expected 10, found 1"},
	{"0.1", "0.01", "\n  the whole: expected 0.1, found 0.01"},
	{"1", "-1", "\n  the whole: expected 1, found -1"},
	{"101", "1.1", "\n  the whole: expected 101, found 1.1"},
	{"0", "1", "\n  the whole: expected 0, found 1"},
	{"\"1\"", "1", "\n  the whole: expected \"1\", found 1"},
	{"true", "false", "\n  the whole: expected true, found false"},
	{"null", "{}", "\n  the whole: expected null, found {}"},
	{"\"ab\"", "\"a\"", "\n  the whole: expected \"ab\", found \"a\""},
	{"{\"a\":{\"b/c\":[1,{\"~\":2}]}}", "{\"a\":{\"b/c\":[1,{\"~\":3}]}}",
	 "\n  at /a/b~1c/1/~0: expected 2, found 3"},
	{"[1,2,3]", "[1,2]", "\n  at /2: expected 3, found nothing"},
	{"[1]", "[1,2]", "\n  at /1: nothing expected, found 2"},
	{"{\"a\":1,\"b\":2}", "{\"b\":3,\"c\":4}",
	 "\n  at /a: expected 1, found nothing\n  at /b: expected 2, found 3\n  at /c: nothing expected, found 4"},
};

START_TEST(where_they_differ)
{
	ck_assert_uint_gt(diff(differ[_i].expected, differ[_i].found, 0), 0);
	ck_assert_str_eq(text.bytes, differ[_i].says);
}
END_TEST

START_TEST(further_members_may_be_fine)
{
	ck_assert_uint_eq(diff("{\"a\":{\"b\":1}}", "{\"skafu\":{},\"a\":{\"b\":1}}", 1), 0);
	ck_assert_uint_eq(diff("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1,\"c\":2}}", 1), 1); /* only of the outermost */
	ck_assert_uint_eq(diff("{\"a\":1}", "{\"skafu\":{}}", 1), 1);
}
END_TEST

START_TEST(not_more_differences_than_anybody_reads)
{
	char one[2000] = "[0", other[2000] = "[1";

	for (int i = 0; i < 100; i++) {
		strcat(one, ",0");
		strcat(other, ",1");
	}
	strcat(one, "]");
	strcat(other, "]");
	ck_assert_uint_eq(diff(one, other, 0), SKAFU__KIT_DIFFERENCES_MAX);
	ck_assert_uint_lt(text.length, 2000);
}
END_TEST

START_TEST(deep_documents)
{
	char one[300] = "", other[300] = "";

	for (int i = 0; i < 64; i++) {
		strcat(one, "[");
		strcat(other, "[");
	}
	strcat(one, "1");
	strcat(other, "2");
	for (int i = 0; i < 64; i++) {
		strcat(one, "]");
		strcat(other, "]");
	}
	ck_assert_uint_eq(diff(one, one, 0), 0);
	ck_assert_uint_eq(diff(one, other, 0), 1);
}
END_TEST

START_TEST(no_document_at_all)
{
	ck_assert_uint_eq(diff("", "", 0), 0);
	ck_assert_uint_eq(diff("{}", "", 0), 1);
	ck_assert_uint_eq(diff("", "1", 0), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jsondiff");
	TCase *tests = tcase_create("jsondiff");

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_loop_test(tests, the_same_by_meaning, 0, sizeof(same) / sizeof(same[0]));
	tcase_add_loop_test(tests, where_they_differ, 0, sizeof(differ) / sizeof(differ[0]));
	tcase_add_test(tests, further_members_may_be_fine);
	tcase_add_test(tests, not_more_differences_than_anybody_reads);
	tcase_add_test(tests, deep_documents);
	tcase_add_test(tests, no_document_at_all);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
