/*
 * jsontwo_test.c: the JSON validator against two other parsers, on texts made at random and changed at random.
 *
 * A reference written here, recursive and without any cleverness, from RFC 8259 and our own three rules (no name
 * twice in an object, no NUL in a name, no lone surrogate), must agree on every text; cJSON, which is more
 * forgiving, must accept all that the validator does.
 */
#include "codec/json.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

#define TEXT_MAX 4096u
#define ROUNDS 150000u
#define DEPTH_MAX SKAFU__JSON_DEPTH_MAX

/* ---- the reference -------------------------------------------------------------------------------------------- */

struct reference {
	const uint8_t *at;
	const uint8_t *end;
	uint32_t depth;
};

static int value(struct reference *text);

static void blanks(struct reference *text)
{
	while (text->at < text->end && memchr(" \t\r\n", *text->at, 4))
		text->at++;
}

static int next_is(struct reference *text, uint8_t byte)
{
	if (text->at == text->end || *text->at != byte)
		return 0;
	text->at++;
	return 1;
}

static int word(struct reference *text, const char *expected)
{
	size_t length = strlen(expected);

	if ((size_t)(text->end - text->at) < length || memcmp(text->at, expected, length) != 0)
		return 0;
	text->at += length;
	return 1;
}

static int digits(struct reference *text)
{
	int count = 0;

	for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
		count++;
	return count;
}

static int number(struct reference *text)
{
	next_is(text, '-');
	if (!next_is(text, '0') && digits(text) == 0)
		return 0;
	if (next_is(text, '.') && digits(text) == 0)
		return 0;
	if (!next_is(text, 'e') && !next_is(text, 'E'))
		return 1;
	if (!next_is(text, '+'))
		next_is(text, '-');
	return digits(text) > 0;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(struct reference *text)
{
	int32_t code = 0;

	for (int i = 0; i < 4; i++, text->at++) {
		if (text->at == text->end)
			return -1;
		uint8_t byte = *text->at;
		int digit = byte >= '0' && byte <= '9' ? byte - '0'
			    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
			    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
							 : -1;
		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code;
}

static size_t utf8_put(uint32_t code, char *to)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = length - 1; i > 0; i--, code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(heads[length] | code);
	return length;
}

/* One character in UTF-8, copied: its length, or 0. */
static size_t utf8_take(struct reference *text, char *to)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t head = *text->at;
	size_t length = head < 0x80 ? 1 : head < 0xc0 ? 0 : head < 0xe0 ? 2 : head < 0xf0 ? 3 : head < 0xf8 ? 4 : 0;
	uint32_t code = head & (length == 1 ? 0x7fu : 0xffu >> (length + 1));

	if (length == 0 || (size_t)(text->end - text->at) < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((text->at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text->at[i] & 0x3fu);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	memcpy(to, text->at, length);
	text->at += length;
	return length;
}

/* The character of an escape: its length in UTF-8, or 0. */
static size_t escape(struct reference *text, char *to)
{
	static const char from[] = "\"\\/bfnrt";
	static const char into[] = "\"\\/\b\f\n\r\t";

	if (text->at == text->end)
		return 0;
	uint8_t kind = *text->at++;
	const char *found = kind ? strchr(from, kind) : NULL;
	if (found) {
		*to = into[found - from];
		return 1;
	}
	int32_t code = kind == 'u' ? hex4(text) : -1;
	if (code < 0 || (code >= 0xdc00 && code < 0xe000))
		return 0;
	if (code >= 0xd800 && code < 0xdc00) {
		if (!next_is(text, '\\') || !next_is(text, 'u'))
			return 0;
		int32_t low = hex4(text);
		if (low < 0xdc00 || low >= 0xe000)
			return 0;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	return utf8_put((uint32_t)code, to);
}

/* A string behind its first quote; what it says goes to `to`, which has room for all. */
static int string(struct reference *text, char *to, size_t *out_length)
{
	*out_length = 0;
	while (text->at < text->end) {
		if (next_is(text, '"'))
			return 1;
		size_t length = *text->at < 0x20 ? 0 : next_is(text, '\\') ? escape(text, to) : utf8_take(text, to);
		if (length == 0)
			return 0;
		to += length;
		*out_length += length;
	}
	return 0;
}

struct name {
	char *text;
	size_t length;
};

static int name_is_new(const struct name *names, size_t count, const struct name *name)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].length == name->length && memcmp(names[i].text, name->text, name->length) == 0)
			return 0;
	return !memchr(name->text, 0, name->length);
}

static int member(struct reference *text, struct name *names, size_t *count)
{
	struct name *name = &names[*count];

	blanks(text);
	if (!next_is(text, '"'))
		return 0;
	name->text = malloc((size_t)(text->end - text->at) + 4);
	++*count;
	if (!string(text, name->text, &name->length) || !name_is_new(names, *count - 1, name))
		return 0;
	blanks(text);
	return next_is(text, ':') && value(text);
}

static int object(struct reference *text)
{
	struct name *names = calloc((size_t)(text->end - text->at) + 1, sizeof *names);
	size_t count = 0;
	int good;

	blanks(text);
	good = next_is(text, '}') ? 2 : 1;
	while (good == 1) {
		good = member(text, names, &count);
		blanks(text);
		if (good && next_is(text, '}'))
			good = 2;
		else if (good && !next_is(text, ','))
			good = 0;
	}
	while (count > 0)
		free(names[--count].text);
	free(names);
	return good == 2;
}

static int array(struct reference *text)
{
	blanks(text);
	if (next_is(text, ']'))
		return 1;
	for (;;) {
		if (!value(text))
			return 0;
		blanks(text);
		if (next_is(text, ']'))
			return 1;
		if (!next_is(text, ','))
			return 0;
	}
}

static int value(struct reference *text)
{
	static char ignored[TEXT_MAX + 4];
	size_t length;
	int good;

	blanks(text);
	if (text->at == text->end)
		return 0;
	if (next_is(text, '"'))
		return string(text, ignored, &length);
	if (*text->at != '{' && *text->at != '[')
		return word(text, "true") || word(text, "false") || word(text, "null") || number(text);
	if (++text->depth > DEPTH_MAX)
		return 0;
	good = *text->at++ == '{' ? object(text) : array(text);
	text->depth--;
	return good;
}

static int reference_accepts(const uint8_t *bytes, size_t length)
{
	struct reference text = {bytes, bytes + length, 0};

	if (!value(&text))
		return 0;
	blanks(&text);
	return text.at == text.end;
}

/* ---- texts ---------------------------------------------------------------------------------------------------- */

static char made[TEXT_MAX];
static size_t made_length;

static void put(const char *piece)
{
	size_t length = strlen(piece);

	if (made_length + length <= TEXT_MAX / 2) {
		memcpy(made + made_length, piece, length);
		made_length += length;
	}
}

static void put_one_of(const char *const *pieces, uint32_t count)
{
	put(pieces[random_below(count)]);
}

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

static void put_blanks(void)
{
	static const char *const pieces[] = {"", "", "", " ", "\t", "\r\n", "  "};

	put_one_of(pieces, COUNT(pieces));
}

static void put_string(void)
{
	static const char *const pieces[] = {"a", "b", "\\n", "\\u0041", "\\u00e9", "\xc3\xa9", "\xe2\x82\xac",
					     "\\ud83d\\ude00", "\xf0\x9f\x98\x80", "\\\"", "\\\\", "\\/",
					     "\\u0000", "\x7f", "\\ud83d", "\xed\xa0\x80", "\xc0\x80", "\\uD",
					     "\x01"};
	uint32_t count = random_below(4);

	put("\"");
	while (count-- > 0)
		put(random_below(40) ? pieces[random_below(COUNT(pieces) - 7)] : pieces[random_below(COUNT(pieces))]);
	put("\"");
}

static void put_number(void)
{
	static const char *const pieces[] = {"0", "-0", "1", "12", "-7", "0.5", "1e5", "1E-5", "1.25e+10", "1e999",
					     "123456789012345678901234567890", "01", ".5", "1.", "1e", "+1", "-",
					     "0x1"};

	put_one_of(pieces, random_below(30) ? COUNT(pieces) - 7 : COUNT(pieces));
}

static void put_value(uint32_t depth)
{
	static const char *const words[] = {"true", "false", "null"};
	uint32_t kind = random_below(depth > 6 ? 4 : 8);
	uint32_t count = random_below(4);

	put_blanks();
	if (kind == 0)
		put_one_of(words, COUNT(words));
	else if (kind == 1)
		put_number();
	else if (kind < 4)
		put_string();
	put(kind < 4 ? "" : kind < 6 ? "{" : "[");
	for (uint32_t i = 0; kind >= 4 && i < count; i++) {
		put(i ? "," : "");
		put_blanks();
		if (kind < 6) {
			put_string();
			put_blanks();
			put(":");
		}
		put_value(depth + 1);
	}
	put(kind < 4 ? "" : kind < 6 ? "}" : "]");
	put_blanks();
}

/* Bytes go, come, change and change places. */
static void spoil(void)
{
	static const char likely[] = "{}[]:,\"\\ue0.-+ \n\t\x80\xff\xed\xf4";
	uint32_t changes = random_below(3);

	while (changes-- > 0 && made_length > 0) {
		size_t at = random_below((uint32_t)made_length);
		size_t other = random_below((uint32_t)made_length);
		char byte = random_below(2) ? likely[random_below(sizeof likely)] : (char)random_below(256);

		switch (random_below(4)) {
		case 0:
			memmove(made + at, made + at + 1, --made_length - at);
			break;
		case 1:
			memmove(made + at + 1, made + at, made_length++ - at);
			made[at] = byte;
			break;
		case 2:
			made[at] = byte;
			break;
		default:
			byte = made[at];
			made[at] = made[other];
			made[other] = byte;
			break;
		}
	}
}

static void put_deep(void)
{
	uint32_t depth = DEPTH_MAX - 2 + random_below(5);

	for (uint32_t i = 0; i < depth; i++)
		put("[");
	for (uint32_t i = 0; i < depth; i++)
		put("]");
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

static int cjson_accepts(void)
{
	const char *end = NULL;
	cJSON *parsed = cJSON_ParseWithLengthOpts(made, made_length, &end, 0);

	cJSON_Delete(parsed);
	return parsed != NULL;
}

START_TEST(three_parsers_agree)
{
	uint32_t accepted = 0;

	seeded("jsontwo_test");
	for (uint32_t i = 0; i < ROUNDS; i++) {
		made_length = 0;
		if (i % 100 == 0)
			put_deep();
		else
			put_value(0);
		if (i % 3)
			spoil();
		/* Of exactly this size, so that reading beyond it is noticed. */
		uint8_t *text = malloc(made_length + !made_length);
		memcpy(text, made, made_length);
		int ours = skafu__json_check(skafu__sys_current(), text, made_length, DEPTH_MAX, NULL) == 0;
		int weak = skafu__json_check_weak(skafu__sys_current(), text, made_length, 1, NULL) == 0;
		int reference = reference_accepts(text, made_length);
		ck_assert_msg(ours == reference && weak == reference, "round %u: %d, and the reference %d: %.*s", i,
			      ours, reference, (int)made_length, made);
		ck_assert_msg(!ours || cjson_accepts(), "round %u: cJSON refuses %.*s", i, (int)made_length, made);
		accepted += (uint32_t)ours;
		free(text);
	}
	printf("%u of %u accepted\n", accepted, ROUNDS);
	ck_assert_uint_gt(accepted, ROUNDS / 4);
	ck_assert_uint_lt(accepted, ROUNDS / 4 * 3);
}
END_TEST

/* The reference itself can fail. */
START_TEST(the_reference_has_teeth)
{
	static const char *const good[] = {"{}", " [1,2.5e3] ", "\"\\ud83d\\ude00\"", "{\"a\":{\"a\":null}}"};
	static const char *const bad[] = {"", "{", "[1,]", "{\"a\":1,\"\\u0061\":2}", "\"\\ud83d\"", "01",
					  "{\"\\u0000\":1}", "\"\xc0\x80\"", "nul", "[] []", "\"\t\""};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(reference_accepts((const uint8_t *)good[i], strlen(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!reference_accepts((const uint8_t *)bad[i], strlen(bad[i])), "%s", bad[i]);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, three_parsers_agree);
	tcase_add_test(tests, the_reference_has_teeth);
}

int main(void)
{
	return tempstore_main("jsontwo", add);
}
