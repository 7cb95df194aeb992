/*
 * jsonquick_test.c: the quick yes is said to usual texts, and to nothing that the validator refuses.
 */
#include "codec/jsonquick.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "util/random.h"
#include "util/suite.h"

#define DEPTH SKAFU__JSON_DEPTH_MAX
#define TEXT_MAX 8192
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The text has its memory for itself, so that valgrind and the sanitizer see what is read beside it. */
static int is_quick(const char *text, size_t length, uint32_t depth_max)
{
	uint8_t *copy = malloc(length ? length : 1);
	memcpy(copy, text, length);
	int yes = skafu__jsonquick(copy, length, depth_max);
	free(copy);
	return yes;
}

static int is_good(const char *text, size_t length, uint32_t depth_max)
{
	return skafu__json_check_by(skafu__sys_current(), text, length, depth_max, SKAFU__JSON_RULES_OF_THE_STORE,
				    NULL) == 0;
}

static const char *const usual[] = {
	"{\"trace\":\"00000000000000\",\"v\":1}",
	"{\"account\":\"a123456789\",\"amount\":-1250,\"currency\":\"EUR\",\"note\":\"\"}",
	"{\"a\":0,\"b\":-0,\"c\":1.5e+300,\"d\":-12345678901234567890.125E-7,\"e\":1e5}",
	"[1,2,3,[],{},[{}],true,false,null,\"\",\"x\"]",
	"[1,2,3,4,5]  \r\n\t ",
	"{\n\t\"name\": \"with blanks\",\r\n\t\"list\": [ 1 , 2 ],\n \"inner\": { }\n}\n",
	"{\"text\":\"a \\\"quoted\\\" word\\n\\u00e9 \\ud83d\\ude00\",\"next\":\"\\\\\"}",
	"{\"sch\xc3\xb6n\":\"\xe2\x82\xac 5 \xf0\x9f\x98\x80\",\"b\":\"\xc3\xa9\"}",
	"{\"customer_id1\":1,\"customer_id2\":2,\"customer_id\":3,\"customer\":4,\"c\":5,\"\":6}",
	"[[[[[[[[[[[[\"deep\"]]]]]]]]]]]]", "{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]}},\"b\":\"\x7f\"}",
	"{\"amount07\":0,\"amount09\":1,\"amount17\":2,\"amount19\":3,\"amount\":4}",
	"[null,1]", "[   null]", "[   true]", "[  false]", "[ -0.5e0]", "[\"a\\/b\"]",
};

START_TEST(usual_texts_get_a_quick_yes)
{
	size_t length = strlen(usual[_i]);
	ck_assert(is_good(usual[_i], length, DEPTH));
	ck_assert(is_quick(usual[_i], length, DEPTH));
	ck_assert(is_quick(usual[_i], length, UINT32_MAX));
	for (size_t cut = 0; cut < length; cut++)
		ck_assert(!is_quick(usual[_i], cut, DEPTH) || is_good(usual[_i], cut, DEPTH));
}
END_TEST

static const char *const bad[] = {
	"", "{", "[", "        ", "{}}     ]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
	"{\"a\\u0000\":12345}", "{\"longer than eight\":1,\"longer than eight\":2}",
	"{\"a\":{},\"b\":[],\"a\":0}", "[1,2,3,4,]", "[,1,2,3,4]", "[1 2 3 4]", "{\"abcdef\"}", "{\"abcd\":}",
	"{\"abc\":1,}", "{,\"abc\":1}", "{\"abc\" 1}  ", "{\"abc\":1]  ", "[\"abc\",1}", "[\"abc\",1]]",
	"[\"abc\"],1]", "[[\"abc\"],1", "[01, 1, 2]", "[-, 1, 2]", "[-a, 1, 2]", "[1., 1, 2]", "[.5, 1, 2]",
	"[1e, 1, 2]", "[1e+, 1, 2]", "[1.e5, 1]", "[+1, 1, 2]", "[1.5.5, 1]", "[1e5e5, 1]", "[12345678901a]",
	"[tru, 1, 2]", "[truer, 1]", "[nul]    ", "[True, 1]", "[falsy, 1]", "[fals]   ", "[\"a\tb\", 1]",
	"[\"a\nb\", 1]", "[\"\\x41\", 1]", "[\"\\u12g4\"]", "[\"\\ud800\", 1]", "[\"\\udc00\", 1]",
	"[\"\xff\", 1, 2]", "[\"\xc0\x80\", 1]", "[\"\xed\xa0\x80\"]", "[\"\xe2\x82\", 1]", "{\"\xc3\":12345}",
	"[\"abcdefgh]", "[\"abcdefgh\\\"]", "[1,2,3,4]\v", "[1,2\v,3,4]", "[1,2,\xc2\xa0 3]", "[1,2,3,4]  []",
	"{\"a\":1{\"b\":2}}", "{\"a\":\"x\"\"y\"}", "{\"a\":1\"b\":2}", "{1:2, 3:4}", "{\"a\":1:2}  ",
	"{\"a\"::12}  ", "[\"a\":1, 2]", "\\[1,2,3,4]", "[1,2,3\\,4]", "\xef\xbb\xbf[1,2,3]", "\"a string\"",
	"123456789", "[1]2,3,4]",
};

START_TEST(bad_texts_get_none)
{
	ck_assert(!is_good(bad[_i], strlen(bad[_i]), DEPTH) || (bad[_i][0] != '[' && bad[_i][0] != '{'));
	ck_assert(!is_quick(bad[_i], strlen(bad[_i]), DEPTH));
}
END_TEST

START_TEST(depth_is_counted)
{
	char text[2 * DEPTH + 16];
	for (uint32_t depth = 4; depth <= DEPTH + 2; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		for (uint32_t limit = 0; limit <= DEPTH + 4; limit++)
			ck_assert_int_eq(is_quick(text, 2 * (size_t)depth, limit), depth <= limit && depth <= DEPTH);
	}
}
END_TEST

/* Every pair of names in an object, and very many names in it, and in several that are open. */
START_TEST(names_are_told_apart)
{
	static char text[400 * 16];
	for (size_t count = 2; count < 400; count += count < 40 ? 1 : 13) {
		size_t length = 1;
		text[0] = '{';
		for (size_t i = 0; i < count; i++)
			length += (size_t)sprintf(text + length, "\"n%06zu\":0,", i);
		text[length - 1] = '}';
		ck_assert(count > 128 || is_quick(text, length, DEPTH));
		for (size_t i = 0; i < 20; i++) {
			size_t one = random_index(count);
			size_t other = (one + 1 + random_index(count - 1)) % count;
			char kept[8];
			memcpy(kept, text + 2 + one * 12, 7);
			memcpy(text + 2 + one * 12, text + 2 + other * 12, 7);
			ck_assert(!is_quick(text, length, DEPTH));
			memcpy(text + 2 + one * 12, kept, 7);
		}
	}
}
END_TEST

START_TEST(open_objects_with_many_names_stay_in_bounds)
{
	static char text[64 * 1024];
	size_t length = 0;
	for (size_t depth = 0; depth < 10; depth++) {
		length += (size_t)sprintf(text + length, "{");
		for (size_t i = 0; i < 150; i++)
			length += (size_t)sprintf(text + length, "\"%zu\":0,", i);
		length += (size_t)sprintf(text + length, "\"in\":");
	}
	length += (size_t)sprintf(text + length, "[0]");
	for (size_t depth = 0; depth < 10; depth++)
		length += (size_t)sprintf(text + length, "}");
	ck_assert(is_good(text, length, DEPTH));
	is_quick(text, length, DEPTH); /* either answer is right */
}
END_TEST

/* Strings that begin and end anywhere in and between the windows of marks. */
START_TEST(strings_go_past_windows)
{
	static char text[TEXT_MAX];
	for (size_t first = 0; first < 2200; first += 1 + random_index(40)) {
		size_t second = random_index(2200);
		size_t length = (size_t)sprintf(text, "[%*s\"%0*d\",\"", (int)random_index(70), "", (int)first, 0);
		memset(text + length, 'x', second);
		if (second > 8)
			memcpy(text + length + random_index(second - 2), random_index(2) ? "\\\"" : "\xc3\xa9", 2);
		length += second;
		length += (size_t)sprintf(text + length, "\"%*s,{\"a\":\"\"}]", (int)random_index(1500), "");
		ck_assert(is_good(text, length, DEPTH));
		ck_assert(is_quick(text, length, DEPTH));
		text[length - 3 - random_index(length - 3)] = '"';
		ck_assert(is_good(text, length, DEPTH) || !is_quick(text, length, DEPTH));
	}
}
END_TEST

/* Behind a string that had to be read byte by byte, the marks are right again, in the window or beyond it. */
START_TEST(strings_follow_those_with_escapes)
{
	static const char *const odd[] = {"", "\\\"", "\xc3\xa9", "\xd0\xb6\xe2\x82\xac\\n"};
	static char text[TEXT_MAX];
	for (unsigned round = 0; round < 3000; round++) {
		size_t longest = (size_t)2 << random_index(10);
		size_t length = (size_t)sprintf(text, "[\"first\"");
		while (length < TEXT_MAX / 2) {
			size_t before = random_index(longest);
			size_t after = random_index(longest);
			length += (size_t)sprintf(text + length, ",\"%0*d%s%0*d\"", (int)before, 0,
						  odd[random_index(COUNT(odd))], (int)after, 0);
		}
		text[length++] = ']';
		ck_assert(is_quick(text, length, DEPTH) && is_good(text, length, DEPTH));
		text[length - 3 - random_index(TEXT_MAX / 4)] = '\n';
		ck_assert(!is_quick(text, length, DEPTH));
	}
}
END_TEST

static const char *const pieces[] = {
	"\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", "1.5", "e", "E+1", "true", "null", " ", "\n", "\\u0041",
	"\xc3\xa4", "\xff", "\x01", "\"a\":1", "\"a\":2,", "\"\"", "{}", "[]", "\\n", ".", "00",
};

static size_t change(char *text, size_t length)
{
	size_t at = random_index(length + 1);
	const char *piece = pieces[random_index(COUNT(pieces))];
	size_t bytes = strlen(piece);
	if (random_index(4) == 0 && length > 0)
		return random_index(length);
	if (random_index(3) == 0 && length > 0) {
		at = at < length ? at : length - 1;
		memmove(text + at, text + at + 1, length - at - 1);
		return length - 1;
	}
	memmove(text + at + bytes, text + at, length - at);
	memcpy(text + at, piece, bytes);
	return length + bytes;
}

START_TEST(no_text_gets_a_wrong_yes)
{
	char text[TEXT_MAX];
	size_t quick = 0;
	for (int i = 0; i < 300000; i++) {
		const char *from = usual[random_index(COUNT(usual))];
		size_t length = strlen(from);
		uint32_t depth = random_index(4) ? DEPTH : (uint32_t)random_index(5);
		memcpy(text, from, length);
		for (size_t changes = random_index(5); changes > 0; changes--)
			length = change(text, length);
		if (!is_quick(text, length, depth))
			continue;
		quick++;
		if (!is_good(text, length, depth))
			ck_abort_msg("%.*s", (int)length, text);
	}
	ck_assert_uint_gt(quick, 30000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jsonquick");
	TCase *tests = tcase_create("all");

	seeded("jsonquick_test");
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, usual_texts_get_a_quick_yes, 0, (int)COUNT(usual));
	tcase_add_loop_test(tests, bad_texts_get_none, 0, (int)COUNT(bad));
	tcase_add_test(tests, depth_is_counted);
	tcase_add_test(tests, names_are_told_apart);
	tcase_add_test(tests, open_objects_with_many_names_stay_in_bounds);
	tcase_add_test(tests, strings_go_past_windows);
	tcase_add_test(tests, strings_follow_those_with_escapes);
	tcase_add_test(tests, no_text_gets_a_wrong_yes);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
