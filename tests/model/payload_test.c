/*
 * payload_test.c: JSON members by their pointer.
 */
#include <check.h>
#include <string.h>

#include "base/error.h"
#include "base/failing.h"
#include "skafu_model.h"
#include "util/suite.h"

static const char document[] = "{\"amount\":-42,\"big\":9223372036854775807,\"small\":-9223372036854775808,"
			       "\"over\":9223372036854775808,\"half\":0.5,\"ten\":1e1,\"a/b\":1,\"m~n\":2,\"\":3,"
			       "\"name\":\"Zo\\u00eb \\\"x\\\"\",\"nul\":\"a\\u0000b\",\"es\\u0063\":4,"
			       "\"lines\":[{\"price\":7},[],{\"price\":8,\"deep\":{\"price\":9}}],\"no\":null}";

static int32_t number(const char *pointer, int64_t *out)
{
	return skafu_json_int64(document, sizeof document - 1, pointer, out, NULL);
}

START_TEST(numbers)
{
	static const struct {
		const char *pointer;
		int64_t value;
	} good[] = {{"/amount", -42}, {"/big", INT64_MAX}, {"/small", INT64_MIN}, {"/a~1b", 1}, {"/m~0n", 2}, {"/",
													       3},
		    {"/esc", 4}, {"/lines/0/price", 7}, {"/lines/2/price", 8}, {"/lines/2/deep/price", 9}};
	static const struct {
		const char *pointer;
		int32_t code;
	} bad[] = {{"/over", SKAFU_EINVAL}, {"/half", SKAFU_EINVAL}, {"/ten", SKAFU_EINVAL}, {"/name", SKAFU_EINVAL},
		   {"/lines", SKAFU_EINVAL}, {"", SKAFU_EINVAL}, {"/none", SKAFU_ENOTFOUND}, {"/price",
											      SKAFU_ENOTFOUND},
		   {"/lines/3", SKAFU_ENOTFOUND}, {"/lines/00", SKAFU_ENOTFOUND}, {"/lines/-", SKAFU_ENOTFOUND},
		   {"/lines/1/price", SKAFU_ENOTFOUND}, {"/amount/x", SKAFU_ENOTFOUND}, {"amount", SKAFU_EINVAL},
		   {"/m~2", SKAFU_EINVAL}, {"/m~", SKAFU_EINVAL}, {"/amoun", SKAFU_ENOTFOUND}, {"/amounts",
												SKAFU_ENOTFOUND}};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t value = 0;

		ck_assert_int_eq(number(good[i].pointer, &value), 0);
		ck_assert_int_eq(value, good[i].value);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t value = 77;

		ck_assert_int_eq(number(bad[i].pointer, &value), bad[i].code);
		ck_assert_int_eq(value, 77);
	}
	ck_assert_int_eq(number("/amount", NULL), SKAFU_EINVAL);
	ck_assert_int_eq(number(NULL, NULL), SKAFU_EINVAL);
}
END_TEST

START_TEST(texts)
{
	char text[16] = "?";
	size_t length = sizeof document - 1;

	ck_assert_int_eq(skafu_json_text(document, length, "/name", sizeof text, text, NULL), 0);
	ck_assert_str_eq(text, "Zo\xc3\xab \"x\"");
	ck_assert_int_eq(skafu_json_text(document, length, "/name", 8, text, NULL), SKAFU_ELIMIT);
	ck_assert_int_eq(skafu_json_text(document, length, "/name", 9, text, NULL), 0);
	ck_assert_int_eq(skafu_json_text(document, length, "/nul", sizeof text, text, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_json_text(document, length, "/amount", sizeof text, text, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_json_text(document, length, "/name", sizeof text, NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_json_quote("a\"b\n", sizeof text, text, NULL), 0);
	ck_assert_str_eq(text, "\"a\\\"b\\n\"");
	ck_assert_int_eq(skafu_json_quote("a\"b\n", 8, text, NULL), SKAFU_ELIMIT);
	ck_assert_int_eq(skafu_json_quote("\xff", sizeof text, text, NULL), SKAFU_EUTF8);
	ck_assert_int_eq(skafu_json_quote(NULL, sizeof text, text, NULL), SKAFU_EINVAL);
}
END_TEST

static void is_member(const char *pointer, const char *expected)
{
	const char *member = NULL;
	size_t length = 0;

	ck_assert_int_eq(skafu_json_find(document, sizeof document - 1, pointer, &member, &length, NULL), 0);
	ck_assert_uint_eq(length, strlen(expected));
	ck_assert(memcmp(member, expected, length) == 0);
}

START_TEST(members)
{
	const char *member;
	size_t length;

	is_member("", document);
	is_member("/half", "0.5");
	is_member("/no", "null");
	is_member("/nul", "\"a\\u0000b\"");
	is_member("/lines", "[{\"price\":7},[],{\"price\":8,\"deep\":{\"price\":9}}]");
	is_member("/lines/1", "[]");
	is_member("/lines/2/deep", "{\"price\":9}");
	ck_assert_int_eq(skafu_json_find(document, 5, "/amount", &member, &length, NULL), SKAFU_EJSON);
	for (size_t cut = 0; cut < sizeof document; cut++) /* of broken text: an end, and nothing beyond it */
		skafu_json_find(document, cut, "/no", &member, &length, NULL);
}
END_TEST

START_TEST(without_memory)
{
	struct failing failing;
	char text[16];
	int64_t value;

	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	failing.left = 0;
	ck_assert_int_eq(skafu_json_text(document, sizeof document - 1, "/name", 16, text, NULL), SKAFU_ENOMEM);
	ck_assert_int_eq(skafu_json_quote("x", 16, text, NULL), SKAFU_ENOMEM);
	ck_assert_int_eq(number("/esc", &value), SKAFU_ENOMEM);
	ck_assert_int_eq(number("/amount", &value), 0); /* needs none */
	skafu__sys_override(NULL);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("payload");
	TCase *tests = tcase_create("payload");

	tcase_add_test(tests, numbers);
	tcase_add_test(tests, texts);
	tcase_add_test(tests, members);
	tcase_add_test(tests, without_memory);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
