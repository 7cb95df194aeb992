/*
 * jsonpath_test.c: the walk over tokens, strings there and back, and the order of numbers, which is compared with
 * sums made by hand on long rows of digits.
 */
#include "codec/jsonpath.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "util/random.h"
#include "util/suite.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct skafu__sys machine;
static struct skafu__buf out;
static size_t allocations_left;

static void *limited_allocate(void *user, size_t bytes)
{
	(void)user;
	return allocations_left && allocations_left-- ? malloc(bytes) : NULL;
}

static void *limited_reallocate(void *user, void *block, size_t bytes)
{
	(void)user;
	return allocations_left && allocations_left-- ? realloc(block, bytes) : NULL;
}

static void limited_release(void *user, void *block)
{
	(void)user;
	free(block);
}

static void set_up(void)
{
	ck_assert_int_eq(skafu__sys_init(&machine, NULL), 0);
	machine.allocate = limited_allocate;
	machine.reallocate = limited_reallocate;
	machine.release = limited_release;
	allocations_left = SIZE_MAX;
	skafu__buf_init(&out, &machine, 1 << 20);
}

static void tear_down(void)
{
	skafu__buf_done(&out);
}

/* Exactly the bytes, so that a sanitizer sees a step beyond them. */
static void *exact(const void *bytes, size_t length)
{
	void *copy = malloc(length ? length : 1);
	memcpy(copy, bytes, length);
	return copy;
}

/* ---- tokens -------------------------------------------------------------------------------------------------- */

/* A token as text: a letter for its kind, the depth, "!" when escaped, and the raw text. */
static void describe(char *to, size_t room, const char *text)
{
	struct skafu__json_walk walk;
	struct skafu__json_token token;
	char *copy = exact(text, strlen(text));
	int32_t code;
	*to = 0;
	skafu__json_walk_init(&walk, copy, strlen(text));
	while ((code = skafu__json_next(&walk, &token)) == 1) {
		size_t used = strlen(to);
		snprintf(to + used, room - used, "%c%u%s%.*s ", " {}[]NSntfz"[token.kind], token.depth,
			 token.escaped ? "!" : "", (int)token.length, copy + token.offset);
	}
	ck_assert_int_eq(code, skafu__json_next(&walk, &token));
	if (code < 0)
		strcat(to, "bad");
	free(copy);
}

static const char *const walks[][2] = {
	{"null", "z0null "},
	{" true ", "t0true "},
	{"-1.5e+3", "n0-1.5e+3 "},
	{"\"\"", "S0 "},
	{"\"a\\\"b\\\\\"", "S0!a\\\"b\\\\ "},
	{"\"\xC3\xA9 und noch etwas mehr Text\"", "S0\xC3\xA9 und noch etwas mehr Text "},
	{"[]", "[0[ ]0] "},
	{"{}", "{0{ }0} "},
	{"[1,[false],{}]", "[0[ n11 [1[ f2false ]1] {1{ }1} ]0] "},
	{"{\"a\":\"b\",\"c\\u0064\":{\"e\":[\"f\",{\"g\":0}]},\"h\":null}",
	 "{0{ N1a S1b N1!c\\u0064 {1{ N2e [2[ S3f {3{ N4g n40 }3} ]2] }1} N1h z1null }0} "},
	{"{\"a\" : { } , \"b\" : [ ] , \"c\":\"d\"}", "{0{ N1a {1{ }1} N1b [1[ ]1] N1c S1d }0} "},
	/* never seen behind the check, but not to run away with */
	{"", ""},
	{"[", "[0[ bad"},
	{"]", "bad"},
	{"\"abc", "bad"},
	{"\"abc\\", "bad"},
	{"\"a\tb\"", "bad"},
	{"nul", "bad"},
	{"tru", "bad"},
	{"truth", "bad"},
	{"fal", "bad"},
	{"falsehood", "bad"},
	{"/1", "bad"},
	{"+1", "bad"},
	{"\x80", "bad"},
};

START_TEST(walk_gives_every_token)
{
	char seen[512];
	describe(seen, sizeof seen, walks[_i][0]);
	ck_assert_str_eq(seen, walks[_i][1]);
}
END_TEST

START_TEST(walk_is_as_deep_as_the_check)
{
	char text[2 * SKAFU__JSON_DEPTH_MAX + 2];
	struct skafu__json_walk walk;
	struct skafu__json_token token;
	memset(text, '[', SKAFU__JSON_DEPTH_MAX + 1);
	skafu__json_walk_init(&walk, text, SKAFU__JSON_DEPTH_MAX + 1);
	for (uint32_t depth = 0; depth < SKAFU__JSON_DEPTH_MAX; depth++) {
		ck_assert_int_eq(skafu__json_next(&walk, &token), 1);
		ck_assert_uint_eq(token.depth, depth);
	}
	ck_assert_int_eq(skafu__json_next(&walk, &token), SKAFU_EJSON);
	ck_assert_uint_eq(token.depth, SKAFU__JSON_DEPTH_MAX - 1); /* a failure leaves the token alone */
	memset(text + SKAFU__JSON_DEPTH_MAX, ']', SKAFU__JSON_DEPTH_MAX);
	skafu__json_walk_init(&walk, text, 2 * SKAFU__JSON_DEPTH_MAX);
	for (int i = 0; i < 2 * SKAFU__JSON_DEPTH_MAX; i++)
		ck_assert_int_eq(skafu__json_next(&walk, &token), 1);
	ck_assert_int_eq(skafu__json_next(&walk, &token), 0);
}
END_TEST

/* ---- strings ------------------------------------------------------------------------------------------------- */

struct string_case {
	const char *raw;
	const char *bytes;
	size_t length;
};

#define STRING_CASE(raw, bytes) {raw, bytes, sizeof bytes - 1}

static const struct string_case string_cases[] = {
	STRING_CASE("", ""),
	STRING_CASE("plain", "plain"),
	STRING_CASE("\\\"\\\\\\b\\f\\n\\r\\t", "\"\\\b\f\n\r\t"),
	STRING_CASE("a\\u0000b\\u000bc\\u001f\x7F", "a\0b\vc\x1F\x7F"),
	STRING_CASE("/\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80", "/\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80"),
};

START_TEST(strings_go_there_and_back)
{
	const struct string_case *item = &string_cases[_i];
	size_t raw_length = strlen(item->raw);
	void *raw = exact(item->raw, raw_length);
	void *bytes = exact(item->bytes, item->length);
	ck_assert_int_eq(skafu__buf_put_text(&out, "x"), 0);
	ck_assert_int_eq(skafu__json_unescape(&out, raw, raw_length), 0);
	ck_assert_uint_eq(out.length, 1 + item->length);
	ck_assert_int_eq(memcmp(out.bytes, "x", 1), 0);
	if (item->length)
		ck_assert_mem_eq(out.bytes + 1, bytes, item->length);
	skafu__buf_clear(&out);
	ck_assert_int_eq(skafu__json_quote(&out, bytes, item->length), 0);
	ck_assert_uint_eq(out.length, raw_length + 2);
	ck_assert_int_eq(skafu__json_check(&machine, out.bytes, out.length, 0, NULL), 0);
	ck_assert_uint_eq(out.bytes[0], '"');
	ck_assert_uint_eq(out.bytes[out.length - 1], '"');
	if (raw_length)
		ck_assert_mem_eq(out.bytes + 1, raw, raw_length);
	free(raw);
	free(bytes);
}
END_TEST

START_TEST(unescape_reads_all_forms)
{
	static const char raw[] = "\\/\\u0041\\u00e9\\u65E5\\uD83D\\ude00.";
	static const char bytes[] = "/A\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80.";
	ck_assert_int_eq(skafu__json_unescape(&out, raw, sizeof raw - 1), 0);
	ck_assert_uint_eq(out.length, sizeof bytes - 1);
	ck_assert_mem_eq(out.bytes, bytes, sizeof bytes - 1);
}
END_TEST

START_TEST(broken_strings_leave_the_buffer_alone)
{
	static const char *const raws[] = {"abc\\", "abc\\x", "abc\\u12", "a\\ud800", "a\\ud800\\u0041", "a\\udc00"};
	static const char *const texts[] = {"abc\xFF", "abc\xC3", "abc\xED\xA0\x80", "\"\xC0\xAF", "abc\xF0\x9F\x98"};
	ck_assert_int_eq(skafu__buf_put_text(&out, "kept"), 0);
	for (size_t i = 0; i < COUNT(raws); i++) {
		char *raw = exact(raws[i], strlen(raws[i]));
		ck_assert_int_eq(skafu__json_unescape(&out, raw, strlen(raws[i])), SKAFU_EJSON);
		free(raw);
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		char *text = exact(texts[i], strlen(texts[i]));
		ck_assert_int_eq(skafu__json_quote(&out, text, strlen(texts[i])), SKAFU_EUTF8);
		free(text);
	}
	ck_assert_uint_eq(out.length, 4);
	ck_assert_int_eq(out.failed, 0);
	ck_assert_mem_eq(out.bytes, "kept", 4);
}
END_TEST

START_TEST(full_buffer_is_reported_and_nothing_kept)
{
	struct skafu__buf small;
	for (size_t ceiling = 0; ceiling < 12; ceiling++) {
		skafu__buf_init(&small, &machine, ceiling);
		ck_assert_int_eq(skafu__json_quote(&small, "abc\n\x01", 5), SKAFU_ELIMIT);
		ck_assert_uint_eq(small.length, 0);
		ck_assert_int_eq(skafu__json_quote(&small, "", 0), SKAFU_ELIMIT);
		skafu__buf_clear(&small);
		ck_assert_int_eq(skafu__json_unescape(&small, "abc\\nxxxxxxx\\t", 14), SKAFU_ELIMIT);
		ck_assert_uint_eq(small.length, 0);
		skafu__buf_done(&small);
	}
	skafu__buf_init(&small, &machine, 13);
	ck_assert_int_eq(skafu__json_quote(&small, "abc\n\x01", 5), 0);
	ck_assert_mem_eq(small.bytes, "\"abc\\n\\u0001\"", 13);
	skafu__buf_clear(&small);
	ck_assert_int_eq(skafu__json_unescape(&small, "abcd\\nxxxxxxx\\t", 15), 0);
	skafu__buf_done(&small);
	skafu__buf_init(&small, &machine, 100);
	allocations_left = 0;
	ck_assert_int_eq(skafu__json_quote(&small, "abc", 3), SKAFU_ENOMEM);
	skafu__buf_clear(&small);
	ck_assert_int_eq(skafu__json_unescape(&small, "abc", 3), SKAFU_ENOMEM);
	ck_assert_uint_eq(small.length, 0);
	skafu__buf_done(&small);
}
END_TEST

START_TEST(random_strings_are_read_by_us_and_by_cjson)
{
	seeded("jsonpath_test");
	for (int round = 0; round < 5000; round++) {
		uint8_t bytes[256];
		size_t length = 0;
		for (size_t count = random_index(40); count > 0; count--) {
			static const uint32_t limits[] = {0x20, 0x80, 0x80, 0x80, 0x800, 0xD800, 0x110000};
			uint32_t character = 1 + (uint32_t)random_index(limits[random_index(COUNT(limits))] - 1);
			if (character < 0xD800 || character > 0xDFFF)
				length += skafu__json_utf8_write(character, bytes + length);
		}
		bytes[length] = 0;
		skafu__buf_clear(&out);
		ck_assert_int_eq(skafu__json_quote(&out, bytes, length), 0);
		cJSON *tree = cJSON_ParseWithLength((const char *)out.bytes, out.length);
		const char *read = cJSON_GetStringValue(tree);
		ck_assert_msg(read && strcmp(read, (const char *)bytes) == 0, "round %d", round);
		cJSON_Delete(tree);
		size_t quoted = out.length;
		uint8_t *raw = exact(out.bytes + 1, quoted - 2);
		ck_assert_int_eq(skafu__json_unescape(&out, raw, quoted - 2), 0);
		ck_assert_uint_eq(out.length - quoted, length);
		ck_assert_int_eq(memcmp(out.bytes + quoted, bytes, length), 0);
		free(raw);
	}
}
END_TEST

START_TEST(escape_step_measures)
{
	static const struct {
		const char *text;
		size_t step;
		uint32_t character;
	} cases[] = {{"\\n", 2, '\n'}, {"\\nx", 2, '\n'}, {"\\u0000", 6, 0}, {"\\uFFFF", 6, 0xFFFF},
		     {"\\uD800\\uDC00", 12, 0x10000}, {"\\uDBFF\\uDFFF!", 12, 0x10FFFF}, {"\\ud7ff", 6, 0xD7FF},
		     {"\\ue000", 6, 0xE000}, {"\\", 0, 7}, {"", 0, 7}, {"n", 0, 7}, {"\\u000", 0, 7},
		     {"\\U0041", 0, 7}, {"nn", 0, 7},
		     {"\\uD800", 0, 7}, {"\\uD800\\uDBFF", 0, 7}, {"\\uD800\\uDC0", 0, 7}, {"\\u00g0", 0, 7}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t character = 7;
		char *text = exact(cases[i].text, strlen(cases[i].text));
		ck_assert_uint_eq(skafu__json_escape_step(text, strlen(cases[i].text), &character), cases[i].step);
		ck_assert_uint_eq(character, cases[i].character);
		free(text);
	}
}
END_TEST

START_TEST(written_characters_are_the_ones_that_are_read)
{
	for (uint32_t character = 0x80; character <= 0x10FFFF; character++) {
		uint8_t bytes[4];
		size_t length = skafu__json_utf8_write(character, bytes);
		size_t expected = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
		if (character >= 0xD800 && character <= 0xDFFF)
			continue;
		uint32_t value = bytes[0] & (0x7Fu >> length);
		for (size_t i = 1; i < length; i++)
			value = value << 6 | (bytes[i] & 63u);
		if (length != expected || value != character || skafu__json_utf8_step(bytes, length) != length)
			ck_abort_msg("U+%X", character);
	}
}
END_TEST

/* ---- numbers ------------------------------------------------------------------------------------------------- */

static int compare(const char *a, const char *b)
{
	char *left = exact(a, strlen(a));
	char *right = exact(b, strlen(b));
	int order = skafu__json_number_compare(left, strlen(a), right, strlen(b));
	int back = skafu__json_number_compare(right, strlen(b), left, strlen(a));
	ck_assert_msg((order > 0) - (order < 0) == (back < 0) - (back > 0), "%s and %s", a, b);
	free(left);
	free(right);
	return (order > 0) - (order < 0);
}

/* Each line is one value in several forms. */
static const char *const same_values[][12] = {
	{"1", "1.0", "10e-1", "0.1e1", "0.01E+2", "1e0", "1e-0", "100e-2", "1.000000000000000000000000", NULL},
	{"0", "-0", "0.0", "0e999999999999999999999999", "-0.000e-5", "0e-1", NULL},
	{"1e1000000000000000000000", "10e999999999999999999999", "0.1e1000000000000000000001", NULL},
	{"1e-1000000000000000000000", "10e-1000000000000000000001", "0.1e-999999999999999999999", NULL},
	{"9007199254740993", "9007199254740993.0", "9.007199254740993e15", "900719925474099300e-2", NULL},
	{"-12.5", "-1.25e1", "-125e-1", "-0.00125E4", "-12.50", NULL},
	{"1e5", "1e00000000000000000000000000000000005", "100000", NULL},
};

START_TEST(equal_numbers_are_equal)
{
	const char *const *forms = same_values[_i];
	for (size_t i = 0; forms[i]; i++) {
		for (size_t k = 0; forms[k]; k++)
			ck_assert_msg(compare(forms[i], forms[k]) == 0, "%s and %s", forms[i], forms[k]);
	}
}
END_TEST

static const char *const ascending[] = {
	"-1e99999999999999999999999999", "-1e99999999999999999999999998", "-1e400", "-9007199254740993",
	"-9007199254740992", "-10", "-9.99", "-1", "-1e-400", "-1e-99999999999999999999999999", "0",
	"1e-99999999999999999999999999", "9e-99999999999999999999999999", "1e-99999999999999999999999998", "1e-401",
	"0.1e-399", "0.0999", "0.1", "0.10000000000000000000000000000000000001", "0.99999999999999999999", "1",
	"1.00000000000000000000000000001", "9.99", "10", "99", "100", "9007199254740992", "9007199254740992.5",
	"9007199254740993", "9223372036854775807", "9223372036854775808", "1e308", "1e309", "2e309", "1e400",
	"1e4000000000000000000", "1e9223372036854775807", "1e9223372036854775808", "1e18446744073709551616",
	"9.9e99999999999999999999999998", "1e99999999999999999999999999", "1e100000000000000000000000000",
};

START_TEST(numbers_have_their_order)
{
	for (size_t i = 0; i < COUNT(ascending); i++) {
		for (size_t k = 0; k < COUNT(ascending); k++) {
			int order = compare(ascending[i], ascending[k]);
			ck_assert_msg(order == (i > k) - (i < k), "%s and %s", ascending[i], ascending[k]);
		}
	}
}
END_TEST

/* value * 10 ^ scale in one of its many forms */
static void random_form(char *to, int64_t value, int scale)
{
	char digits[64];
	int shift = (int)random_index(9) - 4; /* where the point goes, counted from the end */
	int zeros = value ? (int)random_index(3) : 0;
	uint64_t size = value < 0 ? (uint64_t)-value : (uint64_t)value;
	int length = sprintf(digits, "%llu", (unsigned long long)size);
	for (int i = 0; i < zeros; i++)
		digits[length++] = '0';
	digits[length] = 0;
	scale -= zeros;
	to += sprintf(to, "%s", value < 0 ? "-" : "");
	if (shift > 0 && shift < length)
		to += sprintf(to, "%.*s.%se%+03d", length - shift, digits, digits + length - shift, scale + shift);
	else if (shift < 0)
		to += sprintf(to, "0.%.*s%sE%d", -shift, "00000", digits, scale + length - shift);
	else
		to += sprintf(to, "%se%d", digits, scale);
}

START_TEST(random_forms_of_numbers_compare_by_value)
{
	seeded("jsonpath_test");
	for (int round = 0; round < 20000; round++) {
		int64_t a = (int64_t)random_index(2001) - 1000;
		int64_t b = random_index(3) ? (int64_t)random_index(2001) - 1000 : a;
		int scale = (int)random_index(9) - 4;
		int power = (int)random_index(4);
		static const int64_t powers[] = {1, 10, 100, 1000};
		char left[128];
		char right[128];
		random_form(left, a, scale);
		random_form(right, b, scale + power);
		int64_t other = b * powers[power];
		ck_assert_int_eq(skafu__json_check(&machine, left, strlen(left), 0, NULL), 0);
		ck_assert_msg(compare(left, right) == (a > other) - (a < other), "%s and %s", left, right);
	}
}
END_TEST

START_TEST(long_numbers_differ_in_their_last_digit)
{
	enum { LENGTH = 100000 };
	char *a = malloc(LENGTH + 1);
	char *b = malloc(LENGTH + 1);
	memset(a, '7', LENGTH);
	memset(b, '7', LENGTH);
	ck_assert_int_eq(skafu__json_number_compare(a, LENGTH, b, LENGTH), 0);
	b[LENGTH - 1] = '8';
	ck_assert_int_lt(skafu__json_number_compare(a, LENGTH, b, LENGTH), 0);
	a[1] = b[1] = 'e'; /* the exponent too may be that long */
	ck_assert_int_lt(skafu__json_number_compare(a, LENGTH, b, LENGTH), 0);
	a[0] = '8';
	ck_assert_int_lt(skafu__json_number_compare(a, LENGTH, b, LENGTH), 0);
	a[2] = '9';
	ck_assert_int_gt(skafu__json_number_compare(a, LENGTH, b, LENGTH), 0);
	free(a);
	free(b);
	ck_assert_int_eq(skafu__json_number_compare(NULL, 0, NULL, 0), 0);
	ck_assert_int_lt(compare("", "1"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jsonpath");
	TCase *tcase = tcase_create("jsonpath");
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, walk_gives_every_token, 0, (int)COUNT(walks));
	tcase_add_test(tcase, walk_is_as_deep_as_the_check);
	tcase_add_loop_test(tcase, strings_go_there_and_back, 0, (int)COUNT(string_cases));
	tcase_add_test(tcase, unescape_reads_all_forms);
	tcase_add_test(tcase, broken_strings_leave_the_buffer_alone);
	tcase_add_test(tcase, full_buffer_is_reported_and_nothing_kept);
	tcase_add_test(tcase, random_strings_are_read_by_us_and_by_cjson);
	tcase_add_test(tcase, escape_step_measures);
	tcase_add_test(tcase, written_characters_are_the_ones_that_are_read);
	tcase_add_loop_test(tcase, equal_numbers_are_equal, 0, (int)COUNT(same_values));
	tcase_add_test(tcase, numbers_have_their_order);
	tcase_add_test(tcase, random_forms_of_numbers_compare_by_value);
	tcase_add_test(tcase, long_numbers_differ_in_their_last_digit);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
