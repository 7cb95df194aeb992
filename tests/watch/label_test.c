/*
 * label_test.c: labels in one form, whoever wrote them; hostile ones refused.
 */
#include "watch/label.h"

#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"

static struct skafu__labels labels;

static const char *form(const char *given)
{
	went(skafu__labels_read(given, &labels, fault));
	ck_assert_uint_eq(labels.length, strlen(labels.text));
	return labels.text;
}

START_TEST(one_form)
{
	ck_assert_str_eq(form(NULL), "");
	ck_assert_str_eq(form(""), "");
	ck_assert_str_eq(form("a=\"1\""), "a=\"1\"");
	ck_assert_str_eq(form("b=\"2\",a=\"1\""), "a=\"1\",b=\"2\"");
	ck_assert_str_eq(form("ab=\"2\",a=\"1\",A=\"\",a_=\"\""), "A=\"\",a=\"1\",a_=\"\",ab=\"2\"");
	ck_assert_str_eq(form("a=\"\\\\ \\\" \\n ,b=}{ \xc3\xa4\""), "a=\"\\\\ \\\" \\n ,b=}{ \xc3\xa4\"");
}
END_TEST

START_TEST(what_is_none)
{
	static const char *const bad[] = {
		"a",
		"a=",
		"a=\"",
		"a=\"x",
		"=\"x\"",
		"1=\"x\"",
		"a-b=\"x\"",
		"a=x",
		"a=\"x\",",
		"a=\"x\" ,b=\"y\"",
		" a=\"x\"",
		"a=\"x\"b=\"y\"",
		"a=\"\\t\"",
		"a=\"\\",
		"a=\"\\\"",
		"a=\"line\nfeed\"",
		"a=\"1\",a=\"2\"",
		"a=\"1\",b=\"2\",a=\"3\"",
		"le=\"1\"",
		"__name__=\"x\"",
		"a:b=\"x\"",
		",a=\"1\"",
		"a=\"1\",,b=\"2\"",
		"a=\"1\"}",
		"{a=\"1\"}",
		"\xc3\xa4=\"x\"",
	};
	char large[3000];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused(SKAFU_EINVAL, skafu__labels_read(bad[i], &labels, fault));
	refused(SKAFU_EUTF8, skafu__labels_read("a=\"\xff\"", &labels, fault));
	refused(SKAFU_EUTF8, skafu__labels_read("a=\"\xed\xa0\x80\"", &labels, fault));
	memset(large, 'x', sizeof large);
	memcpy(large, "a=\"", 3);
	memcpy(large + SKAFU__LABELS_BYTES_MAX - 1, "\"", 2);
	form(large);
	ck_assert_uint_eq(labels.length, SKAFU__LABELS_BYTES_MAX);
	memcpy(large + SKAFU__LABELS_BYTES_MAX - 1, "x\"", 3);
	refused(SKAFU_ELIMIT, skafu__labels_read(large, &labels, fault));
	large[0] = '\0';
	for (size_t i = 0; i < 17; i++)
		snprintf(large + strlen(large), 20, "%sm%c=\"\"", i ? "," : "", (char)('a' + i));
	refused(SKAFU_ELIMIT, skafu__labels_read(large, &labels, fault));
}
END_TEST

START_TEST(made_and_walked)
{
	const char *const names[] = {"code", "consumer"};
	const char *const values[] = {"q\"uo\\te\nfeed", NULL};
	const char *at, *name;
	size_t length;
	struct skafu__buf value;
	char large[1100];

	ck_assert_int_eq(skafu__labels_make(names, values, 2, &labels), 0);
	ck_assert_str_eq(labels.text, "code=\"q\\\"uo\\\\te\\nfeed\",consumer=\"\"");
	ck_assert_str_eq(form(labels.text), labels.text);
	skafu__buf_init(&value, skafu__sys_current(), SKAFU__LABELS_BYTES_MAX);
	at = labels.text;
	ck_assert(skafu__labels_next(&at, &name, &length, &value));
	ck_assert(length == 4 && memcmp(name, "code", 4) == 0);
	ck_assert(value.length == strlen(values[0]) && memcmp(value.bytes, values[0], value.length) == 0);
	ck_assert(skafu__labels_next(&at, &name, &length, &value));
	ck_assert(length == 8 && value.length == 0);
	ck_assert(!skafu__labels_next(&at, &name, &length, &value));
	skafu__buf_done(&value);
	memset(large, 'v', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	ck_assert_int_eq(skafu__labels_make(names, (const char *const[]){large}, 1, &labels), SKAFU_ELIMIT);
	ck_assert_int_eq(skafu__labels_make(names, (const char *const[]){"\x80"}, 1, &labels), SKAFU_EUTF8);
}
END_TEST

/* Random texts of the signs that matter: what is taken must be a fixed point, and sorted. */
START_TEST(any_text)
{
	static const char signs[] = "ab=\"\\,n\n{ ";

	seeded("label");
	for (int i = 0; i < 300000; i++) {
		char text[24];
		struct skafu__labels again;
		size_t length = random_below(sizeof text);

		for (size_t k = 0; k < length; k++)
			text[k] = signs[random_below(sizeof signs - 1)];
		text[length] = '\0';
		if (skafu__labels_read(text, &labels, NULL) != 0)
			continue;
		ck_assert_uint_eq(labels.length, length);
		ck_assert_int_eq(skafu__labels_read(labels.text, &again, NULL), 0);
		ck_assert_str_eq(again.text, labels.text);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, one_form);
	tcase_add_test(tests, what_is_none);
	tcase_add_test(tests, made_and_walked);
	tcase_add_test(tests, any_text);
}

int main(void)
{
	return tempstore_main("label", add);
}
