/*
 * json.c: the strict JSON validator, in front of every payload.
 *
 * Invariant: what passes is read the same way by every JSON parser that keeps to RFC 8259, so that no stranger can
 * show one meaning to us and another to the host.  It runs on every append, hence four choices:
 *
 * - Most texts are good, and told to be so by jsonquick.h; what is here asks again, and finds the fault.
 * - Strings are scanned 16 bytes at a time (8 without SSE2).  The last bytes of a text are read again together with
 *   those before them, so that nothing beyond the end is touched.
 * - The names of the objects that are open form a stack in which those of one object lie together, since an inner
 *   object is finished before the outer one goes on.  A small object compares each name with those before it, behind
 *   a filter of 64 bits; a larger one is sorted once when it closes.  Sorting needs no secret: names that were chosen
 *   to collide cost log n comparisons each and no more.
 * - The stack begins in 64 entries of the C stack and moves to memory when they are full, so a usual event allocates
 *   nothing.
 */
#include "codec/json.h"

#include <ctype.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/bytes.h"
#include "codec/jsonpath.h"
#include "codec/jsonquick.h"

#define JSON_NAMES_LOCAL 64 /* names of open objects that need no memory */
#define JSON_NAMES_LINEAR 32 /* names of one object that are compared one by one */

#define JSON_HASH_FACTOR UINT64_C(0xd6e8feb86659fd93)

#define JSON_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define JSON_INLINE __attribute__((always_inline)) static inline

struct json_name {
	const uint8_t *text; /* after the opening quote */
	size_t length;       /* as written, before unescaping */
	uint32_t hash;       /* of the unescaped bytes */
	uint32_t escaped;
};

struct json_frame {
	uint64_t filter; /* bit (hash >> 26) of every name so far */
	size_t first;    /* index of the object's first name */
};

struct json_check {
	const struct skafu__sys *sys;
	const uint8_t *begin;
	const uint8_t *end;
	struct json_name *names;
	size_t names_count;
	size_t names_room;
	uint64_t objects; /* one bit for each open container, the innermost lowest: 1 for an object */
	uint32_t depth;
	uint32_t depth_max;
	uint32_t hash_mask;
	uint32_t escaped; /* the last string had an escape */
	int32_t code;
	const uint8_t *fault_at;
	const char *fault_reason;
	struct json_frame frames[SKAFU__JSON_DEPTH_MAX];
	struct json_name names_local[JSON_NAMES_LOCAL];
};

/* NULL, so that a failing step can return it. */
__attribute__((cold, noinline)) static const uint8_t *json_refuse(struct json_check *check, const uint8_t *at,
								  const char *reason)
{
	check->code = SKAFU_EJSON;
	check->fault_at = at;
	check->fault_reason = reason;
	return NULL;
}

/* ---- bytes of a string --------------------------------------------------------------------------------------- */

JSON_INLINE const uint8_t *json_plain_bytewise(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
		at++;
	return at;
}

/* The high bit of each byte that does not stand for itself.  A borrow may also mark bytes above the first one that
 * is meant, never below, so the lowest mark is right. */
JSON_INLINE uint64_t json_marks_u64(const uint8_t *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word = skafu__load_u64(at);
	uint64_t quote = word ^ (ones * '"');
	uint64_t backslash = word ^ (ones * '\\');
	uint64_t marks = word | ((word - ones * 0x20) & ~word);
	marks |= (quote - ones) & ~quote;
	marks |= (backslash - ones) & ~backslash;
	return marks & (ones * 0x80);
}

JSON_INLINE const uint8_t *json_plain_u64(const uint8_t *at, const uint8_t *end)
{
	for (; end - at >= 8; at += 8) {
		uint64_t marks = json_marks_u64(at);
		if (marks)
			return at + (unsigned)__builtin_ctzll(marks) / 8;
	}
	return json_plain_bytewise(at, end);
}

#if defined(__SSE2__)

/* One bit for each byte that does not stand for itself.  Bytes above 0x7F are negative here, hence below 0x20. */
JSON_INLINE unsigned json_marks_sse2(const uint8_t *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i marks = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
	marks = _mm_or_si128(marks, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
	marks = _mm_or_si128(marks, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
	return (unsigned)_mm_movemask_epi8(marks);
}

JSON_INLINE const uint8_t *json_plain(const uint8_t *begin, const uint8_t *at, const uint8_t *end)
{
	for (; JSON_LIKELY(end - at >= 16); at += 16) {
		unsigned marks = json_marks_sse2(at);
		if (JSON_LIKELY(marks))
			return at + __builtin_ctz(marks);
	}
	if (end - begin < 16)
		return json_plain_u64(at, end);
	unsigned marks = json_marks_sse2(end - 16) >> (16 - (end - at));
	return marks ? at + __builtin_ctz(marks) : end;
}

#else

JSON_INLINE const uint8_t *json_plain(const uint8_t *begin, const uint8_t *at, const uint8_t *end)
{
	(void)begin;
	return json_plain_u64(at, end);
}

#endif

size_t skafu__json_plain_span(const void *text, size_t length)
{
	const uint8_t *begin = text;
	return length ? (size_t)(json_plain(begin, begin, begin + length) - begin) : 0;
}

size_t skafu__json_plain_span_portable(const void *text, size_t length)
{
	const uint8_t *begin = text;
	return length ? (size_t)(json_plain_u64(begin, begin + length) - begin) : 0;
}

size_t skafu__json_skip_blanks(const char *text, size_t from, size_t length)
{
	while (from < length && memchr(" \t\r\n", text[from], 4))
		from++;
	return from;
}

JSON_INLINE int json_is_tail(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

/* RFC 3629: the second byte decides about overlong forms, surrogates, and what lies above U+10FFFF. */
JSON_INLINE size_t json_utf8_step(const uint8_t *at, size_t left)
{
	uint8_t lead = at[0];
	if (lead < 0xE0)
		return lead >= 0xC2 && left >= 2 && json_is_tail(at[1]) ? 2 : 0;
	if (lead < 0xF0) {
		if (left < 3 || !json_is_tail(at[1]) || !json_is_tail(at[2]))
			return 0;
		if ((lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F))
			return 0;
		return 3;
	}
	if (lead > 0xF4 || left < 4 || !json_is_tail(at[1]) || !json_is_tail(at[2]) || !json_is_tail(at[3]))
		return 0;
	if ((lead == 0xF0 && at[1] < 0x90) || (lead == 0xF4 && at[1] > 0x8F))
		return 0;
	return 4;
}

size_t skafu__json_utf8_step(const void *text, size_t length)
{
	return length ? json_utf8_step(text, length) : 0;
}

/* Past the sequences that are well formed. */
JSON_INLINE const uint8_t *json_utf8(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at >= 0x80) {
		size_t step = json_utf8_step(at, (size_t)(end - at));
		if (!step)
			return at;
		at += step;
	}
	return at;
}

size_t skafu__json_utf8_span(const void *text, size_t length)
{
	const uint8_t *begin = text;
	return length ? (size_t)(json_utf8(begin, begin + length) - begin) : 0;
}

/* ---- strings ------------------------------------------------------------------------------------------------- */

__attribute__((cold, noinline)) static const uint8_t *json_refuse_escape(struct json_check *check, const uint8_t *at)
{
	size_t left = (size_t)(check->end - at);
	if (left < 2)
		return json_refuse(check, check->end, "the text ends inside a string");
	if (at[1] != 'u')
		return json_refuse(check, at, "a backslash is followed by a character that makes no escape");
	if (left < 6 || !isxdigit(at[2]) || !isxdigit(at[3]) || !isxdigit(at[4]) || !isxdigit(at[5]))
		return json_refuse(check, at, "an escape \\u has fewer than four hexadecimal digits");
	return json_refuse(check, at, "an escape is one half of a surrogate pair without the other");
}

/* Go on at a byte that does not stand for itself; returns the closing quote. */
static const uint8_t *json_string_rest(struct json_check *check, const uint8_t *at)
{
	for (; at < check->end && *at != '"'; at = json_plain(check->begin, at, check->end)) {
		if (*at == '\\') {
			uint32_t character;
			size_t step = skafu__json_escape_step(at, (size_t)(check->end - at), &character);
			if (!step)
				return json_refuse_escape(check, at);
			check->escaped = 1;
			at += step;
			continue;
		}
		if (*at < 0x20)
			return json_refuse(check, at, "a control character stands unescaped in a string");
		at = json_utf8(at, check->end);
		if (at < check->end && *at >= 0x80)
			return json_refuse(check, at, "a string is not valid UTF-8");
	}
	return at < check->end ? at : json_refuse(check, at, "the text ends inside a string");
}

/* From after the opening quote to the closing one. */
JSON_INLINE const uint8_t *json_string(struct json_check *check, const uint8_t *at)
{
	at = json_plain(check->begin, at, check->end);
	if (JSON_LIKELY(at < check->end && *at == '"'))
		return at;
	return json_string_rest(check, at);
}

/* ---- names: hash and order ----------------------------------------------------------------------------------- */

/* The hash takes the first 8 of the unescaped bytes, the last 8 when there are more, and their number.  Names that
 * differ only between have the same one, and are compared, as in any collision. */
JSON_INLINE uint32_t json_hash_ends(uint64_t first, uint64_t last, size_t length)
{
	return (uint32_t)(((first ^ (last << 7 | last >> 57) ^ length << 56) * JSON_HASH_FACTOR) >> 32);
}

JSON_INLINE uint32_t json_hash_plain(const uint8_t *text, size_t length, const uint8_t *end)
{
	uint64_t first = 0;
	if (length > 8)
		return json_hash_ends(skafu__load_u64(text), skafu__load_u64(text + length - 8), length);
	if (length == 8)
		first = skafu__load_u64(text);
	else if (JSON_LIKELY(end - text >= 8))
		first = skafu__load_u64(text) & ((UINT64_C(1) << (8 * length)) - 1);
	else
		memcpy(&first, text, length);
	return json_hash_ends(first, 0, length);
}

/* The unescaped bytes of a name, one by one. */
struct json_reading {
	const uint8_t *at;
	const uint8_t *end;
	uint8_t decoded[4];
	size_t decoded_at;
	size_t decoded_length;
};

static void json_reading_init(struct json_reading *reading, const uint8_t *text, size_t length)
{
	reading->at = text;
	reading->end = text + length;
	reading->decoded_at = 0;
	reading->decoded_length = 0;
}

/* A byte, or -1 at the end. */
static int json_reading_next(struct json_reading *reading)
{
	if (reading->decoded_at < reading->decoded_length)
		return reading->decoded[reading->decoded_at++];
	if (reading->at == reading->end)
		return -1;
	if (*reading->at != '\\')
		return *reading->at++;
	uint32_t character = 0;
	reading->at += skafu__json_escape_step(reading->at, (size_t)(reading->end - reading->at), &character);
	reading->decoded_length = skafu__json_utf8_write(character, reading->decoded);
	reading->decoded_at = 1;
	return reading->decoded[0];
}

/* NULL when the name holds a NUL, otherwise its text. */
static const uint8_t *json_hash_escaped(struct json_check *check, const uint8_t *text, size_t bytes, uint32_t *out)
{
	struct json_reading reading;
	uint64_t first = 0;
	uint64_t last = 0;
	size_t length = 0;
	const uint8_t *at;
	json_reading_init(&reading, text, bytes);
	for (int byte; at = reading.at, (byte = json_reading_next(&reading)) >= 0; length++) {
		if (byte == 0)
			return json_refuse(check, at, "a name holds the character NUL");
		if (length < 8)
			first |= (uint64_t)byte << (8 * length);
		last = last >> 8 | (uint64_t)byte << 56;
	}
	*out = json_hash_ends(first, length > 8 ? last : 0, length);
	return text;
}

static int json_bytes_compare_escaped(const struct json_name *a, const struct json_name *b)
{
	struct json_reading left;
	struct json_reading right;
	int byte;
	int other;
	json_reading_init(&left, a->text, a->length);
	json_reading_init(&right, b->text, b->length);
	do {
		byte = json_reading_next(&left);
		other = json_reading_next(&right);
	} while (byte == other && byte >= 0);
	return byte - other;
}

/* The order of the unescaped bytes; both forms must agree, since the sort mixes them. */
static int json_bytes_compare(const struct json_name *a, const struct json_name *b)
{
	if (a->escaped | b->escaped)
		return json_bytes_compare_escaped(a, b);
	int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
	return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* By hash, then bytes, then place: 1 when a comes before b. */
static int json_name_before(const struct json_name *a, const struct json_name *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash;
	int order = json_bytes_compare(a, b);
	return order ? order < 0 : a->text < b->text;
}

/* ---- names: the stack ---------------------------------------------------------------------------------------- */

static const char json_twice[] = "a name appears twice in one object";

static void json_names_sift(struct json_name *names, size_t root, size_t count)
{
	struct json_name moved = names[root];
	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		if (child + 1 < count && json_name_before(&names[child], &names[child + 1]))
			child++;
		if (!json_name_before(&moved, &names[child]))
			break;
		names[root] = names[child];
	}
	names[root] = moved;
}

/* A heap sort: no memory, no recursion, no bad case. */
static void json_names_sort(struct json_name *names, size_t count)
{
	for (size_t root = count / 2; root-- > 0;)
		json_names_sift(names, root, count);
	for (size_t last = count; last-- > 1;) {
		struct json_name largest = names[0];
		names[0] = names[last];
		names[last] = largest;
		json_names_sift(names, 0, last);
	}
}

/* The place of the first name that repeats an earlier one; NULL when there is none.  Disturbs the order. */
static const uint8_t *json_names_repeated(struct json_name *names, size_t count)
{
	const uint8_t *place = NULL;
	json_names_sort(names, count);
	for (size_t i = 1; i < count; i++) {
		if (names[i - 1].hash != names[i].hash || json_bytes_compare(&names[i - 1], &names[i]) != 0)
			continue;
		if (!place || names[i].text < place)
			place = names[i].text;
	}
	return place;
}

__attribute__((noinline)) static int json_names_grow(struct json_check *check)
{
	struct json_name *block = check->names == check->names_local ? NULL : check->names;
	size_t room = check->names_room * 2;
	struct json_name *grown = skafu__realloc_array(check->sys, block, room, sizeof *grown);
	if (!grown) {
		check->code = SKAFU_ENOMEM;
		return 0;
	}
	if (!block)
		memcpy(grown, check->names_local, sizeof check->names_local);
	check->names = grown;
	check->names_room = room;
	return 1;
}

/* 1 when a name from `first` on is the one that is about to become the last. */
static int json_names_hold(const struct json_check *check, size_t first)
{
	const struct json_name *name = &check->names[check->names_count];
	for (size_t i = first; i < check->names_count; i++) {
		if (check->names[i].hash == name->hash && json_bytes_compare(&check->names[i], name) == 0)
			return 1;
	}
	return 0;
}

/* NULL when the innermost object has the name already, or there is no memory.  It is put in its place in parts: a
 * copy of a struct that was just written in parts waits for all of them. */
JSON_INLINE const uint8_t *json_names_add(struct json_check *check, const uint8_t *text, size_t length,
					  uint32_t hash)
{
	struct json_frame *frame = &check->frames[check->depth - 1];
	uint64_t bit = UINT64_C(1) << (hash >> 26);
	if (check->names_count == check->names_room && !json_names_grow(check))
		return NULL;
	struct json_name *name = &check->names[check->names_count];
	name->text = text;
	name->length = length;
	name->hash = hash;
	name->escaped = check->escaped;
	if ((frame->filter & bit) && check->names_count - frame->first < JSON_NAMES_LINEAR &&
	    json_names_hold(check, frame->first))
		return json_refuse(check, text, json_twice);
	frame->filter |= bit;
	check->names_count++;
	return text;
}

/* ---- containers ---------------------------------------------------------------------------------------------- */

JSON_INLINE const uint8_t *json_space(const struct json_check *check, const uint8_t *at)
{
	while (at < check->end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	return at;
}

JSON_INLINE const uint8_t *json_colon(struct json_check *check, const uint8_t *at)
{
	at = json_space(check, at);
	if (at == check->end || *at != ':')
		return json_refuse(check, at, "a colon is missing after a name");
	return at + 1;
}

/* A name and its colon. */
JSON_INLINE const uint8_t *json_member(struct json_check *check, const uint8_t *at, uint32_t rules)
{
	at = json_space(check, at);
	if (at == check->end)
		return json_refuse(check, at, "the text ends inside an object");
	if (*at != '"')
		return json_refuse(check, at, "a name in double quotes is missing in an object");
	check->escaped = 0;
	const uint8_t *close = json_string(check, at + 1);
	if (!close)
		return NULL;
	if (!(rules & SKAFU__JSON_RULE_NAMES))
		return json_colon(check, close + 1);
	size_t length = (size_t)(close - at - 1);
	uint32_t hash;
	if (!check->escaped)
		hash = json_hash_plain(at + 1, length, check->end);
	else if (!json_hash_escaped(check, at + 1, length, &hash))
		return NULL;
	if (!json_names_add(check, at + 1, length, hash & check->hash_mask))
		return NULL;
	return json_colon(check, close + 1);
}

/* Past the opening bracket and the space after it. */
JSON_INLINE const uint8_t *json_open(struct json_check *check, const uint8_t *at, unsigned object)
{
	if (check->depth >= check->depth_max)
		return json_refuse(check, at, "objects and arrays are nested too deeply");
	check->objects = check->objects << 1 | object;
	check->frames[check->depth].filter = 0;
	check->frames[check->depth].first = check->names_count;
	check->depth++;
	return json_space(check, at + 1);
}

/* `at` is the closing bracket. */
JSON_INLINE const uint8_t *json_close(struct json_check *check, const uint8_t *at)
{
	size_t first = check->frames[--check->depth].first;
	size_t count = check->names_count - first;
	check->objects >>= 1;
	if (count > JSON_NAMES_LINEAR) {
		const uint8_t *place = json_names_repeated(check->names + first, count);
		if (place)
			return json_refuse(check, place, json_twice);
	}
	check->names_count = first;
	return at + 1;
}

/* After a value: to the next value, or to the end of the text when no container is open any more. */
JSON_INLINE const uint8_t *json_after(struct json_check *check, const uint8_t *at, uint32_t rules)
{
	while (check->depth) {
		unsigned object = check->objects & 1;
		at = json_space(check, at);
		if (at == check->end)
			return json_refuse(check, at, object ? "the text ends inside an object" :
							       "the text ends inside an array");
		if (*at == ',')
			return object ? json_member(check, at + 1, rules) : at + 1;
		if (*at != (object ? '}' : ']'))
			return json_refuse(check, at, object ? "a comma or } is missing after a value" :
							       "a comma or ] is missing after a value");
		at = json_close(check, at);
		if (!at)
			return NULL;
	}
	at = json_space(check, at);
	return at == check->end ? at : json_refuse(check, at, "the text goes on after its value");
}

/* ---- values -------------------------------------------------------------------------------------------------- */

JSON_INLINE const uint8_t *json_digits(const uint8_t *at, const uint8_t *end)
{
	while (at < end && (uint8_t)(*at - '0') < 10)
		at++;
	return at;
}

JSON_INLINE const uint8_t *json_exponent(struct json_check *check, const uint8_t *at)
{
	if (at < check->end && (*at == '+' || *at == '-'))
		at++;
	const uint8_t *after = json_digits(at, check->end);
	return after > at ? after : json_refuse(check, at, "a number has no digit in its exponent");
}

JSON_INLINE const uint8_t *json_number(struct json_check *check, const uint8_t *at)
{
	const uint8_t *end = check->end;
	at += *at == '-';
	const uint8_t *after = at < end && *at == '0' ? at + 1 : json_digits(at, end);
	if (after == at)
		return json_refuse(check, at, "a minus sign is not followed by a digit");
	at = after;
	if (at < end && *at == '.') {
		after = json_digits(at + 1, end);
		if (after == at + 1)
			return json_refuse(check, after, "a number has no digit after its point");
		at = after;
	}
	if (at < end && (*at | 0x20) == 'e')
		return json_exponent(check, at + 1);
	return at;
}

JSON_INLINE const uint8_t *json_word(struct json_check *check, const uint8_t *at, const char *word, size_t length)
{
	if ((size_t)(check->end - at) < length || memcmp(at, word, length) != 0)
		return json_refuse(check, at, "a word is neither true, false nor null");
	return at + length;
}

__attribute__((cold, noinline)) static const uint8_t *json_refuse_value(struct json_check *check, const uint8_t *at)
{
	if (at == check->begin && check->end - at >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
		return json_refuse(check, at, "the text begins with a byte order mark");
	return json_refuse(check, at, "this is not the start of a value");
}

/* A value without parts. */
JSON_INLINE const uint8_t *json_scalar(struct json_check *check, const uint8_t *at)
{
	switch (*at) {
	case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
		return json_number(check, at);
	case 't':
		return json_word(check, at, "true", 4);
	case 'f':
		return json_word(check, at, "false", 5);
	case 'n':
		return json_word(check, at, "null", 4);
	default:
		return json_refuse_value(check, at);
	}
}

/* The end of the text, or NULL.  The rules are known when this is compiled, so that none is asked for in the loop. */
JSON_INLINE const uint8_t *json_run(struct json_check *check, const uint8_t *at, uint32_t rules)
{
	do {
		at = json_space(check, at);
		if (at == check->end)
			return json_refuse(check, at, "the text ends where a value must begin");
		if (*at == '"') {
			at = json_string(check, at + 1);
			at = at ? at + 1 : NULL;
		} else if (*at == '{') {
			at = json_open(check, at, 1);
			if (at && (at == check->end || *at != '}')) {
				at = json_member(check, at, rules);
				continue;
			}
		} else if (*at == '[') {
			at = json_open(check, at, 0);
			if (at && (at == check->end || *at != ']'))
				continue;
		} else {
			at = json_scalar(check, at);
		}
		if (at)
			at = json_after(check, at, rules);
	} while (at && check->depth);
	return at;
}

__attribute__((noinline)) static void json_run_by_the_store(struct json_check *check)
{
	json_run(check, check->begin, SKAFU__JSON_RULES_OF_THE_STORE);
}

__attribute__((noinline)) static void json_run_by_syntax(struct json_check *check)
{
	json_run(check, check->begin, 0);
}

static int32_t json_check_with(struct json_check *check, const void *text, size_t length, uint32_t rules,
			       struct skafu__json_fault *fault)
{
	static const uint8_t nothing[1];
	check->begin = length ? text : nothing;
	check->end = check->begin + length;
	check->names = check->names_local;
	check->names_count = 0;
	check->names_room = JSON_NAMES_LOCAL;
	check->objects = 0;
	check->depth = 0;
	check->code = 0;
	if (JSON_LIKELY(rules & SKAFU__JSON_RULE_NAMES))
		json_run_by_the_store(check);
	else
		json_run_by_syntax(check);
	if (check->names != check->names_local)
		skafu__free(check->sys, check->names);
	if (check->code == SKAFU_EJSON && fault) {
		fault->offset = (size_t)(check->fault_at - check->begin);
		fault->reason = check->fault_reason;
	}
	return check->code;
}

int32_t skafu__json_check(const struct skafu__sys *sys, const void *text, size_t length, uint32_t depth_max,
			  struct skafu__json_fault *fault)
{
	if (JSON_LIKELY(skafu__jsonquick(text, length, depth_max)))
		return 0;
	return skafu__json_check_by(sys, text, length, depth_max, SKAFU__JSON_RULES_OF_THE_STORE, fault);
}

int32_t skafu__json_check_by(const struct skafu__sys *sys, const void *text, size_t length, uint32_t depth_max,
			     uint32_t rules, struct skafu__json_fault *fault)
{
	struct json_check check;
	check.sys = sys;
	check.depth_max = depth_max < SKAFU__JSON_DEPTH_MAX ? depth_max : SKAFU__JSON_DEPTH_MAX;
	check.hash_mask = UINT32_MAX;
	return json_check_with(&check, text, length, rules, fault);
}

int32_t skafu__json_check_weak(const struct skafu__sys *sys, const void *text, size_t length, uint32_t hash_mask,
			       struct skafu__json_fault *fault)
{
	struct json_check check;
	check.sys = sys;
	check.depth_max = SKAFU__JSON_DEPTH_MAX;
	check.hash_mask = hash_mask;
	return json_check_with(&check, text, length, SKAFU__JSON_RULES_OF_THE_STORE, fault);
}
