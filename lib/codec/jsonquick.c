/*
 * jsonquick.c: the usual JSON text, with as few instructions as it can be told to be good.
 *
 * Invariant: it says yes to nothing that the validator would refuse.
 *
 * - The text must end in a bracket, behind blanks that are cut off.  No token but a bracket takes that byte, so what
 *   reads on byte by byte stops at it, and only a bracket that closes looks for the end.
 * - Strings are not scanned: where the next mark is (jsonmarks.h) was found out for 64 bytes at once, and does not
 *   depend on what was read before.  Blanks that have marks take them along, so that the next mark is that of the
 *   quote where a string begins.  The last bracket has one, too: no string goes past it.
 * - Of a name only its hash is kept.  Two in one object that have the same one are left to the validator.
 */
#include "codec/jsonquick.h"

#include "base/bytes.h"
#include "codec/json.h"
#include "codec/jsonmarks.h"
#include "codec/jsonpath.h"

#define QUICK_LINEAR_MAX 128u /* names of one object that are compared one by one */
#define QUICK_OBJECT_MAX (64u + QUICK_LINEAR_MAX) /* as many names as an object can come to: see quick_add_name() */
#define QUICK_NAMES_MAX (3u * QUICK_OBJECT_MAX) /* of the objects that are open */
#define QUICK_BYTES_MIN 8    /* of a text, which lets a name be loaded at once */
#define QUICK_HASH_FACTOR UINT64_C(0xd6e8feb86659fd93)
#define QUICK_ONES UINT64_C(0x0101010101010101)

#define QUICK_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define QUICK_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define QUICK_INLINE __attribute__((always_inline)) static inline

/* An object or array that is open, while one inside it is read. */
struct quick_frame {
	uint64_t filter;
	uint32_t first;
	uint32_t is_object;
};

struct quick_stack {
	uint64_t words[SKAFU__JSONMARKS_WORDS];
	uint32_t hashes[QUICK_NAMES_MAX];
	struct quick_frame frames[SKAFU__JSON_DEPTH_MAX];
};

/* Its address is given to nothing that is not inlined, so that it lives in registers. */
struct quick {
	const uint8_t *begin;
	const uint8_t *last; /* the bracket at the end of the text */
	struct quick_stack *stack;
	uint64_t marks; /* of the block, those that are not past: none is before the byte that is read next */
	const uint8_t *block;
	const uint64_t *word;
	uint64_t filter; /* bit (hash >> 26) of every name of the innermost object */
	uint32_t first;  /* index of its first name */
	uint32_t count;  /* of names */
	uint32_t is_object;
	uint32_t depth;
	uint32_t depth_max;
};

/* ---- marks --------------------------------------------------------------------------------------------------- */

/* To a byte, before which all marks are past. */
QUICK_INLINE void quick_seek(struct quick *quick, const uint8_t *at)
{
	size_t offset = (size_t)(at - quick->begin);
	quick->block = quick->begin + offset / SKAFU__JSONMARKS_BLOCK * SKAFU__JSONMARKS_BLOCK;
	skafu__jsonmarks(quick->begin, quick->block, quick->last, quick->stack->words);
	quick->word = quick->stack->words;
	quick->marks = *quick->word & ~UINT64_C(0) << offset % SKAFU__JSONMARKS_BLOCK;
}

/* To a byte further on, before which all marks are past; mostly they are made already. */
QUICK_INLINE void quick_resume(struct quick *quick, const uint8_t *at)
{
	size_t ahead = (size_t)(at - quick->block) / SKAFU__JSONMARKS_BLOCK;
	if (QUICK_UNLIKELY(ahead >= (size_t)(quick->stack->words + SKAFU__JSONMARKS_WORDS - quick->word))) {
		quick_seek(quick, at);
		return;
	}
	quick->block += ahead * SKAFU__JSONMARKS_BLOCK;
	quick->word += ahead;
	quick->marks = *quick->word & ~UINT64_C(0) << (at - quick->block);
}

/* To the next mark, in whichever block. */
QUICK_INLINE void quick_fill(struct quick *quick)
{
	while (QUICK_UNLIKELY(quick->marks == 0)) {
		quick->block += SKAFU__JSONMARKS_BLOCK;
		if (++quick->word == quick->stack->words + SKAFU__JSONMARKS_WORDS)
			quick_seek(quick, quick->block);
		else
			quick->marks = *quick->word;
	}
}

/* Past the next mark, of which it is known where it is. */
QUICK_INLINE void quick_pass(struct quick *quick)
{
	quick_fill(quick);
	quick->marks &= quick->marks - 1;
}

/* ---- strings ------------------------------------------------------------------------------------------------- */

/* From a byte that does not stand for itself to the closing quote; NULL when it is not known to be good. */
__attribute__((noinline)) static const uint8_t *quick_string_rest(const uint8_t *at, const uint8_t *end, int is_name)
{
	while (at < end && *at != '"') {
		uint32_t character;
		size_t left = (size_t)(end - at);
		size_t step = 0;
		if (*at == '\\' && !is_name)
			step = skafu__json_escape_step(at, left, &character);
		else if (*at >= 0x80)
			step = skafu__json_utf8_span(at, left);
		if (step == 0)
			return NULL;
		at += step;
		if (at < end && *at < 0x80)
			at += skafu__json_plain_span(at, (size_t)(end - at));
	}
	return at < end ? at : NULL;
}

/* From the opening quote, which has the next mark, to the closing one. */
QUICK_INLINE const uint8_t *quick_string(struct quick *quick, int is_name)
{
	quick_pass(quick);
	quick_fill(quick);
	const uint8_t *close = quick->block + __builtin_ctzll(quick->marks);
	quick->marks &= quick->marks - 1;
	if (QUICK_LIKELY(*close == '"'))
		return close;
	close = quick_string_rest(close, quick->last, is_name);
	if (close)
		quick_resume(quick, close + 1);
	return close;
}

/* ---- names --------------------------------------------------------------------------------------------------- */

/* Of the first 8 bytes, the last 8 when there are as many, and their number.  When these are the same ones, seven
 * times what they say tells all of them apart.  The text has at least 8 bytes. */
QUICK_INLINE uint32_t quick_hash(const struct quick *quick, const uint8_t *text, const uint8_t *close)
{
	size_t length = (size_t)(close - text);
	uint64_t ends;
	if (length >= 8) {
		ends = skafu__load_u64(text) + skafu__load_u64(close - 8) * 6;
	} else {
		const uint8_t *from = text < quick->last - 7 ? text : quick->last - 7;
		ends = skafu__load_u64(from) >> 8 * (text - from) & ((UINT64_C(1) << 8 * length) - 1);
	}
	return (uint32_t)(((ends ^ (uint64_t)length << 56) * QUICK_HASH_FACTOR) >> 32);
}

/* 0 when the object may have the name already, or has very many.  Names that bring a bit are up to 64, the others up
 * to QUICK_LINEAR_MAX. */
QUICK_INLINE int quick_add_name(struct quick *quick, uint32_t hash)
{
	uint64_t bit = UINT64_C(1) << (hash >> 26);
	if (QUICK_UNLIKELY(quick->filter & bit)) {
		if (quick->count - quick->first >= QUICK_LINEAR_MAX)
			return 0;
		for (uint32_t i = quick->first; i < quick->count; i++)
			if (quick->stack->hashes[i] == hash)
				return 0;
	}
	quick->filter |= bit;
	quick->stack->hashes[quick->count++] = hash;
	return 1;
}

/* ---- scalars ------------------------------------------------------------------------------------------------- */

QUICK_INLINE int quick_is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* Those that are no spaces have marks. */
QUICK_INLINE const uint8_t *quick_blanks(struct quick *quick, const uint8_t *at)
{
	for (; quick_is_blank(*at); at++)
		if (*at != ' ')
			quick_pass(quick);
	return at;
}

/* What is wanted, and nothing but blanks before it. */
QUICK_INLINE const uint8_t *quick_want(struct quick *quick, const uint8_t *at, uint8_t wanted)
{
	if (QUICK_LIKELY(*at == wanted))
		return at;
	at = quick_blanks(quick, at);
	return *at == wanted ? at : NULL;
}

QUICK_INLINE int quick_is_digit(uint8_t byte)
{
	return (uint8_t)(byte - '0') < 10;
}

/* Past all digits. */
QUICK_INLINE const uint8_t *quick_digits(const struct quick *quick, const uint8_t *at)
{
	for (; quick->last - at >= 8; at += 8) {
		uint64_t word = skafu__load_u64(at) ^ QUICK_ONES * '0';
		uint64_t others = (((word & QUICK_ONES * 0x7f) + QUICK_ONES * 0x76) | word) & QUICK_ONES * 0x80;
		if (QUICK_LIKELY(others))
			return at + (unsigned)__builtin_ctzll(others) / 8;
	}
	while (quick_is_digit(*at))
		at++;
	return at;
}

/* Past a whole number, which begins with a digit or a sign. */
QUICK_INLINE const uint8_t *quick_integer(const struct quick *quick, const uint8_t *at)
{
	if (*at == '-' && !quick_is_digit(*++at))
		return NULL;
	if (!quick_is_digit(at[1]))
		return at + 1;
	return *at == '0' ? NULL : quick_digits(quick, at + 2);
}

/* Past what may follow it. */
QUICK_INLINE const uint8_t *quick_fraction(const struct quick *quick, const uint8_t *at)
{
	if (*at == '.') {
		if (!quick_is_digit(*++at))
			return NULL;
		at = quick_digits(quick, at + 1);
	}
	if ((*at | 0x20) == 'e') {
		at++;
		at += *at == '+' || *at == '-';
		return quick_is_digit(*at) ? quick_digits(quick, at + 1) : NULL;
	}
	return at;
}

QUICK_INLINE const uint8_t *quick_word(const struct quick *quick, const uint8_t *at)
{
	if (quick->last - at < 4)
		return NULL;
	if (memcmp(at, "true", 4) == 0 || memcmp(at, "null", 4) == 0)
		return at + 4;
	return quick->last - at >= 5 && memcmp(at, "false", 5) == 0 ? at + 5 : NULL;
}

/* ---- containers ---------------------------------------------------------------------------------------------- */

/* Past the opening bracket. */
QUICK_INLINE const uint8_t *quick_open(struct quick *quick, const uint8_t *at)
{
	struct quick_frame *frame = &quick->stack->frames[quick->depth];
	if (quick->depth >= quick->depth_max || quick->count > QUICK_NAMES_MAX - QUICK_OBJECT_MAX)
		return NULL;
	frame->filter = quick->filter;
	frame->first = quick->first;
	frame->is_object = quick->is_object;
	quick->depth++;
	quick->filter = 0;
	quick->first = quick->count;
	quick->is_object = *at == '{';
	return at + 1;
}

/* Past the closing bracket. */
QUICK_INLINE const uint8_t *quick_close(struct quick *quick, const uint8_t *at)
{
	const struct quick_frame *frame = &quick->stack->frames[--quick->depth];
	quick->count = quick->first;
	quick->filter = frame->filter;
	quick->first = frame->first;
	quick->is_object = frame->is_object;
	return (at == quick->last) == (quick->depth == 0) ? at + 1 : NULL;
}

/* A name and its colon. */
QUICK_INLINE const uint8_t *quick_name(struct quick *quick, const uint8_t *at)
{
	at = quick_want(quick, at, '"');
	if (!at)
		return NULL;
	const uint8_t *close = quick_string(quick, 1);
	if (!close || !quick_add_name(quick, quick_hash(quick, at + 1, close)))
		return NULL;
	at = quick_want(quick, close + 1, ':');
	return at ? at + 1 : NULL;
}

/* What follows a comma or is first, up to where a container begins or this one has ended. */
QUICK_INLINE const uint8_t *quick_members(struct quick *quick, const uint8_t *at, int is_object)
{
	for (;; at++) {
		at = is_object ? quick_name(quick, at) : at;
		if (!at)
			return NULL;
		if (*at != '"' && quick_is_blank(*at))
			at = quick_blanks(quick, at);
		if (*at == '"') {
			at = quick_string(quick, 0);
			if (!at)
				return NULL;
			at++;
			if (QUICK_LIKELY(*at == ','))
				continue;
		} else if (quick_is_digit(*at) || *at == '-') {
			at = quick_integer(quick, at);
			if (!at)
				return NULL;
			if (QUICK_LIKELY(*at == ','))
				continue;
			at = quick_fraction(quick, at);
		} else if (*at == '{' || *at == '[') {
			return quick_open(quick, at);
		} else {
			at = quick_word(quick, at);
		}
		if (!at)
			return NULL;
		at = quick_blanks(quick, at);
		if (*at != ',')
			return *at == (is_object ? '}' : ']') ? quick_close(quick, at) : NULL;
	}
}

/* 1 when the text is good. */
QUICK_INLINE int quick_run(const uint8_t *text, size_t length, uint32_t depth_max)
{
	struct quick_stack stack;
	if (length < QUICK_BYTES_MIN || (*text != '{' && *text != '['))
		return 0;
	struct quick quick = {.begin = text, .last = text + length - 1, .stack = &stack, .depth_max = depth_max};
	while (quick_is_blank(*quick.last))
		quick.last--;
	if (quick.last - text < QUICK_BYTES_MIN - 1 || (*quick.last != '}' && *quick.last != ']'))
		return 0;
	quick_seek(&quick, quick.begin);
	const uint8_t *at = quick_open(&quick, quick.begin);
	while (at && quick.depth != 0) {
		int is_fresh = at[-1] == '{' || at[-1] == '[';
		at = quick_blanks(&quick, at);
		if (*at == (quick.is_object ? '}' : ']')) {
			at = quick_close(&quick, at);
			continue;
		}
		if (!is_fresh && *at++ != ',')
			return 0;
		at = quick.is_object ? quick_members(&quick, at, 1) : quick_members(&quick, at, 0);
	}
	return at != NULL;
}

static int quick_run_plain(const uint8_t *text, size_t length, uint32_t depth_max)
{
	return quick_run(text, length, depth_max);
}

#if defined(__x86_64__)

__attribute__((target("bmi,bmi2"))) static int quick_run_bmi(const uint8_t *text, size_t length, uint32_t depth_max)
{
	return quick_run(text, length, depth_max);
}

#endif

int skafu__jsonquick(const void *text, size_t length, uint32_t depth_max)
{
	if (depth_max > SKAFU__JSON_DEPTH_MAX)
		depth_max = SKAFU__JSON_DEPTH_MAX;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("bmi2"))
		return quick_run_bmi(text, length, depth_max);
#endif
	return quick_run_plain(text, length, depth_max);
}
