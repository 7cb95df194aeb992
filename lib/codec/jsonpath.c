/*
 * jsonpath.c: reading and writing JSON text without a tree.
 *
 * Invariant: numbers and strings are never put into a form that holds less than their text.  A number is compared as
 * its digits and the place of its point; the exponent too stays text of any length, since only the difference of two
 * exponents is ever needed, and one beyond the length of both texts decides whatever it is.
 */
#include "codec/jsonpath.h"

#include <string.h>

#include "codec/json.h"

/* A difference of exponents that no position of a digit in a text can outweigh. */
#define JSONPATH_POWER_FAR INT64_C(100000000000000000)

/* ---- characters ---------------------------------------------------------------------------------------------- */

size_t skafu__json_utf8_write(uint32_t character, uint8_t out[4])
{
	if (character < 0x80) {
		out[0] = (uint8_t)character;
		return 1;
	}
	size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
	for (size_t i = length - 1; i > 0; i--) {
		out[i] = (uint8_t)(0x80 | (character & 0x3F));
		character >>= 6;
	}
	out[0] = (uint8_t)((0xF0u << (4 - length)) | character);
	return length;
}

static inline int jsonpath_hex(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The number in \uXXXX; -1 when this is none. */
static int32_t jsonpath_unit(const uint8_t *at, size_t left)
{
	int32_t unit = 0;
	if (left < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = jsonpath_hex(at[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static size_t jsonpath_unicode(const uint8_t *at, size_t left, uint32_t *character)
{
	int32_t unit = jsonpath_unit(at, left);
	if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
		return 0;
	if (unit < 0xD800 || unit > 0xDBFF) {
		*character = (uint32_t)unit;
		return 6;
	}
	int32_t low = jsonpath_unit(at + 6, left - 6);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0;
	*character = 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
	return 12;
}

static uint8_t jsonpath_short(uint8_t letter)
{
	switch (letter) {
	case '"':
	case '\\':
	case '/':
		return letter;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return 0;
	}
}

size_t skafu__json_escape_step(const void *text, size_t length, uint32_t *character)
{
	const uint8_t *at = text;
	if (length < 2 || at[0] != '\\')
		return 0;
	if (at[1] == 'u')
		return jsonpath_unicode(at, length, character);
	uint8_t byte = jsonpath_short(at[1]);
	if (!byte)
		return 0;
	*character = byte;
	return 2;
}

/* Undo all that was appended since `start`. */
static int32_t jsonpath_undo(struct skafu__buf *out, size_t start, int32_t code)
{
	out->length = start;
	return code;
}

int32_t skafu__json_unescape(struct skafu__buf *out, const void *raw, size_t length)
{
	const uint8_t *at = raw;
	size_t start = out->length;
	while (length && !out->failed) {
		const uint8_t *backslash = memchr(at, '\\', length);
		size_t run = backslash ? (size_t)(backslash - at) : length;
		if (run) {
			skafu__buf_put(out, at, run);
		} else {
			uint8_t bytes[4];
			uint32_t character = 0;
			run = skafu__json_escape_step(at, length, &character);
			if (!run)
				return jsonpath_undo(out, start, SKAFU_EJSON);
			skafu__buf_put(out, bytes, skafu__json_utf8_write(character, bytes));
		}
		at += run;
		length -= run;
	}
	return out->failed ? jsonpath_undo(out, start, out->failed) : 0;
}

/* The escape of a byte that must not stand in a string by itself; its length. */
static size_t jsonpath_escape(uint8_t byte, uint8_t out[6])
{
	static const char controls[] = "btnvfr"; /* U+0008 to U+000D; JSON has no form for U+000B */
	static const char digits[] = "0123456789abcdef";
	out[0] = '\\';
	if (byte == '"' || byte == '\\') {
		out[1] = byte;
		return 2;
	}
	if (byte >= '\b' && byte <= '\r' && byte != '\v') {
		out[1] = (uint8_t)controls[byte - '\b'];
		return 2;
	}
	memcpy(out + 1, "u00", 3);
	out[4] = (uint8_t)digits[byte >> 4];
	out[5] = (uint8_t)digits[byte & 15];
	return 6;
}

/* How many bytes can be copied as they are; *valid becomes 0 when what follows them is not UTF-8. */
static size_t jsonpath_copyable(const uint8_t *text, size_t length, int *valid)
{
	size_t at = 0;
	for (;;) {
		at += skafu__json_plain_span(text + at, length - at);
		if (at == length || text[at] < 0x80)
			return at;
		size_t step = skafu__json_utf8_step(text + at, length - at);
		if (!step) {
			*valid = 0;
			return at;
		}
		at += step;
	}
}

int32_t skafu__json_quote(struct skafu__buf *out, const void *text, size_t length)
{
	const uint8_t *at = text;
	size_t start = out->length;
	int valid = 1;
	skafu__buf_put_u8(out, '"');
	while (length && !out->failed) {
		size_t run = jsonpath_copyable(at, length, &valid);
		if (!valid)
			return jsonpath_undo(out, start, SKAFU_EUTF8);
		if (run) {
			skafu__buf_put(out, at, run);
		} else {
			uint8_t escape[6];
			run = 1;
			skafu__buf_put(out, escape, jsonpath_escape(*at, escape));
		}
		at += run;
		length -= run;
	}
	skafu__buf_put_u8(out, '"');
	return out->failed ? jsonpath_undo(out, start, out->failed) : 0;
}

/* ---- tokens -------------------------------------------------------------------------------------------------- */

void skafu__json_walk_init(struct skafu__json_walk *walk, const void *text, size_t length)
{
	*walk = (struct skafu__json_walk){.text = text, .length = length};
}

static int32_t jsonpath_open(struct skafu__json_walk *walk, struct skafu__json_token *token, uint32_t kind)
{
	if (walk->depth >= SKAFU__JSON_DEPTH_MAX)
		return SKAFU_EJSON;
	walk->objects = walk->objects << 1 | (kind == SKAFU__JSON_OBJECT_BEGIN);
	walk->depth++;
	walk->value_next = 0;
	token->kind = kind;
	token->length = 1;
	return 1;
}

static int32_t jsonpath_close(struct skafu__json_walk *walk, struct skafu__json_token *token, uint32_t kind)
{
	if (!walk->depth)
		return SKAFU_EJSON;
	walk->objects >>= 1;
	walk->depth--;
	token->kind = kind;
	token->depth = walk->depth;
	token->length = 1;
	return 1;
}

/* A name or a string; `at` of the walk is its opening quote. */
static int32_t jsonpath_string(struct skafu__json_walk *walk, struct skafu__json_token *token)
{
	size_t at = walk->at + 1;
	token->offset = at;
	for (;;) {
		at += skafu__json_plain_span(walk->text + at, walk->length - at);
		while (at < walk->length && walk->text[at] >= 0x80)
			at++;
		if (at == walk->length || walk->text[at] < 0x20)
			return SKAFU_EJSON;
		if (walk->text[at] == '"')
			break;
		if (walk->text[at] != '\\')
			continue;
		if (walk->length - at < 2)
			return SKAFU_EJSON;
		token->escaped = 1;
		at += 2;
	}
	token->length = at - token->offset;
	token->kind = (walk->objects & 1) && !walk->value_next ? SKAFU__JSON_NAME : SKAFU__JSON_STRING;
	walk->value_next = token->kind == SKAFU__JSON_NAME;
	return 1;
}

/* A number, true, false or null: up to the next byte that cannot be part of one. */
static int32_t jsonpath_bare(struct skafu__json_walk *walk, struct skafu__json_token *token)
{
	size_t at = walk->at;
	uint8_t first = walk->text[at];
	while (at < walk->length && !strchr(" \t\r\n,:]}[{\"", walk->text[at]))
		at++;
	token->length = at - walk->at;
	walk->value_next = 0;
	if (first == '-' || (first >= '0' && first <= '9'))
		token->kind = SKAFU__JSON_NUMBER;
	else if (first == 't' && token->length == 4)
		token->kind = SKAFU__JSON_TRUE;
	else if (first == 'f' && token->length == 5)
		token->kind = SKAFU__JSON_FALSE;
	else if (first == 'n' && token->length == 4)
		token->kind = SKAFU__JSON_NULL;
	else
		return SKAFU_EJSON;
	return 1;
}

static int32_t jsonpath_token(struct skafu__json_walk *walk, struct skafu__json_token *token)
{
	switch (walk->text[walk->at]) {
	case '{':
		return jsonpath_open(walk, token, SKAFU__JSON_OBJECT_BEGIN);
	case '[':
		return jsonpath_open(walk, token, SKAFU__JSON_ARRAY_BEGIN);
	case '}':
		return jsonpath_close(walk, token, SKAFU__JSON_OBJECT_END);
	case ']':
		return jsonpath_close(walk, token, SKAFU__JSON_ARRAY_END);
	case '"':
		return jsonpath_string(walk, token);
	default:
		return jsonpath_bare(walk, token);
	}
}

static int jsonpath_is_between(uint8_t byte)
{
	return byte == ' ' || byte == ',' || byte == ':' || byte == '\n' || byte == '\t' || byte == '\r';
}

int32_t skafu__json_next(struct skafu__json_walk *walk, struct skafu__json_token *token)
{
	while (walk->at < walk->length && jsonpath_is_between(walk->text[walk->at]))
		walk->at++;
	if (walk->at == walk->length)
		return walk->depth ? SKAFU_EJSON : 0;
	struct skafu__json_token found = {.depth = walk->depth, .offset = walk->at};
	int32_t code = jsonpath_token(walk, &found);
	if (code != 1)
		return code;
	walk->at = found.offset + found.length;
	if (found.kind == SKAFU__JSON_NAME || found.kind == SKAFU__JSON_STRING)
		walk->at++;
	*token = found;
	return 1;
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* 0.d1d2d3... * 10 ^ (point + power), where d1 is not zero. */
struct jsonpath_number {
	const uint8_t *digit; /* d1; == digit_end for zero */
	const uint8_t *digit_end;
	const uint8_t *power; /* its digits */
	size_t power_length;
	int64_t point;
	int power_sign; /* 1 or -1 */
	int negative;
};

static int jsonpath_is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* The digits before and after the point; returns where they end. */
static const uint8_t *jsonpath_read_digits(struct jsonpath_number *number, const uint8_t *at, const uint8_t *end)
{
	int after_point = 0;
	number->digit = NULL;
	for (; at < end && (jsonpath_is_digit(*at) || *at == '.'); at++) {
		if (*at == '.') {
			after_point = 1;
		} else if (number->digit || *at != '0') {
			if (!number->digit)
				number->digit = at;
			number->point += !after_point;
		} else {
			number->point -= after_point;
		}
	}
	number->digit_end = at;
	if (!number->digit)
		number->digit = at;
	return at;
}

static void jsonpath_read_number(struct jsonpath_number *number, const uint8_t *at, size_t length)
{
	const uint8_t *end = at + length;
	*number = (struct jsonpath_number){.power_sign = 1};
	if (at < end && *at == '-') {
		number->negative = 1;
		at++;
	}
	at = jsonpath_read_digits(number, at, end);
	if (at == end || (*at | 0x20) != 'e')
		return;
	at++;
	if (at < end && (*at == '+' || *at == '-'))
		number->power_sign = *at++ == '-' ? -1 : 1;
	number->power = at;
	while (at < end && jsonpath_is_digit(*at))
		at++;
	number->power_length = (size_t)(at - number->power);
}

/* The digit of the exponent that has `below` digits after it, with its sign. */
static int jsonpath_power_digit(const struct jsonpath_number *number, size_t below)
{
	if (below >= number->power_length)
		return 0;
	return number->power_sign * (number->power[number->power_length - 1 - below] - '0');
}

/* power of a - power of b, or a number beyond JSONPATH_POWER_FAR with the right sign: digits that are left move a
 * sum of this size by no more than a few units of its last place. */
static int64_t jsonpath_power_difference(const struct jsonpath_number *a, const struct jsonpath_number *b)
{
	int64_t difference = 0;
	size_t places = a->power_length > b->power_length ? a->power_length : b->power_length;
	while (places-- > 0 && difference < JSONPATH_POWER_FAR && difference > -JSONPATH_POWER_FAR)
		difference = difference * 10 + jsonpath_power_digit(a, places) - jsonpath_power_digit(b, places);
	return difference;
}

/* The next digit, or 0 for ever. */
static int jsonpath_next_digit(const uint8_t **at, const uint8_t *end)
{
	if (*at < end && **at == '.')
		++*at;
	return *at < end ? *(*at)++ - '0' : 0;
}

static int jsonpath_compare_size(const struct jsonpath_number *a, const struct jsonpath_number *b)
{
	int64_t difference = jsonpath_power_difference(a, b) + (a->point - b->point);
	if (difference)
		return difference < 0 ? -1 : 1;
	const uint8_t *left = a->digit;
	const uint8_t *right = b->digit;
	while (left < a->digit_end || right < b->digit_end) {
		int order = jsonpath_next_digit(&left, a->digit_end) - jsonpath_next_digit(&right, b->digit_end);
		if (order)
			return order;
	}
	return 0;
}

static int jsonpath_sign(const struct jsonpath_number *number)
{
	if (number->digit == number->digit_end)
		return 0;
	return number->negative ? -1 : 1;
}

int skafu__json_number_compare(const void *a, size_t a_length, const void *b, size_t b_length)
{
	static const uint8_t nothing[1];
	struct jsonpath_number left;
	struct jsonpath_number right;
	jsonpath_read_number(&left, a_length ? a : nothing, a_length);
	jsonpath_read_number(&right, b_length ? b : nothing, b_length);
	int sign = jsonpath_sign(&left);
	if (sign != jsonpath_sign(&right))
		return sign - jsonpath_sign(&right);
	return sign ? sign * jsonpath_compare_size(&left, &right) : 0;
}
