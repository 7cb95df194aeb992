/*
 * text.c: well-formed UTF-8 and well-behaved names.
 */
#include "base/text.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/bytes.h"
#include "base/error.h"

#define TEXT_HIGH_BITS UINT64_C(0x8080808080808080)
#define TEXT_FIVE_SPACES UINT64_C(0x2020202020000000)

static int text_is_tail(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/*
 * The length of the character at `at`, of which `left` bytes are there; 0 when it is malformed.  The second byte
 * decides alone about overlong forms, surrogates and what lies above U+10FFFF.
 */
static size_t text_character(const uint8_t *at, size_t left)
{
	uint8_t first = at[0];
	uint8_t second;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4 || left < 2)
		return 0;
	second = at[1];
	if (!text_is_tail(second))
		return 0;
	if (first < 0xe0)
		return 2;
	if (left < 3 || !text_is_tail(at[2]))
		return 0;
	if (first < 0xf0)
		return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
	if (left < 4 || !text_is_tail(at[3]))
		return 0;
	return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
}

int skafu__utf8_is_valid(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	size_t i = 0;

	while (i < length) {
		size_t step;

		if (length - i >= 8 && (skafu__load_u64(at + i) & TEXT_HIGH_BITS) == 0) {
			i += 8;
			continue;
		}
		step = text_character(at + i, length - i);
		if (step == 0)
			return 0;
		i += step;
	}
	return 1;
}

static size_t text_character_wants(uint8_t first)
{
	if (first < 0xc0)
		return 1;
	if (first < 0xe0)
		return 2;
	return first < 0xf0 ? 3 : 4;
}

size_t skafu__utf8_trim(const char *text, size_t length)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t back = 1;

	while (back <= 4 && back <= length && text_is_tail(at[length - back]))
		back++;
	if (back > 4 || back > length)
		return length;
	return text_character_wants(at[length - back]) > back ? length - back : length;
}

size_t skafu__utf8_cut(const char *text, size_t length, size_t bytes_max)
{
	return length <= bytes_max ? length : skafu__utf8_trim(text, bytes_max);
}

/* C0, DEL, or C1 (which UTF-8 writes as C2 80 .. C2 9F).  The bytes are valid UTF-8 that a NUL ends. */
static int text_has_control(const uint8_t *at, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (at[i] < 0x20 || at[i] == 0x7f || (at[i] == 0xc2 && at[i + 1] < 0xa0))
			return 1;
	}
	return 0;
}

/* No high bit when every byte of a word is 0x20 .. 0x7E: less would borrow, DEL carries into its own high bit.  Carry
 * and borrow reach other bytes only from one that is refused anyway. */
static uint64_t text_word_marks(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	return word | (word + ones) | (word - ones * 0x20);
}

/* The bytes of 1 to 7, each at least once, and spaces. */
static uint64_t text_short_word(const char *at, size_t length)
{
	if (length >= 4)
		return skafu__load_u32(at) | (uint64_t)skafu__load_u32(at + length - 4) << 32;
	return TEXT_FIVE_SPACES | (uint64_t)(uint8_t)at[0] | (uint64_t)(uint8_t)at[length / 2] << 8 |
	       (uint64_t)(uint8_t)at[length - 1] << 16;
}

/* Printable ASCII, which nearly all names are: good UTF-8 without controls, in one pass.  At least 1 byte. */
int skafu__text_is_plain_portable(const char *at, size_t length)
{
	if (length < 8)
		return (text_word_marks(text_short_word(at, length)) & TEXT_HIGH_BITS) == 0;
	uint64_t marks = text_word_marks(skafu__load_u64(at + length - 8));
	for (size_t i = 0; i + 8 < length; i += 8)
		marks |= text_word_marks(skafu__load_u64(at + i));
	return (marks & TEXT_HIGH_BITS) == 0;
}

#if defined(__SSE2__)

/* Bytes that are no printable ASCII have their high bits set; those above 0x7F are negative, hence below 0x20. */
static inline __m128i text_vector_marks(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	return _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
}

int skafu__text_is_plain(const char *at, size_t length)
{
	if (length < 16)
		return skafu__text_is_plain_portable(at, length);
	__m128i marks = text_vector_marks(at + length - 16);
	for (size_t i = 0; i + 16 < length; i += 16)
		marks = _mm_or_si128(marks, text_vector_marks(at + i));
	return _mm_movemask_epi8(marks) == 0;
}

#else

int skafu__text_is_plain(const char *at, size_t length)
{
	return skafu__text_is_plain_portable(at, length);
}

#endif

/* Any other name, and what is none. */
__attribute__((noinline)) static int32_t text_judge_name(const char *name, size_t length, size_t bytes_max,
							 const char *what, skafu_error *error)
{
	if (length == 0)
		return skafu__fail(error, SKAFU_EINVAL, "The %s is empty; give at least 1 byte.", what);
	if (length > bytes_max)
		return skafu__fail(error, SKAFU_ELIMIT,
				   "The %s is longer than its limit of %zu bytes; use a shorter one.", what,
				   bytes_max);
	if (!skafu__utf8_is_valid(name, length))
		return skafu__fail(error, SKAFU_EUTF8, "The %s is not valid UTF-8; encode it as UTF-8.", what);
	if (text_has_control((const uint8_t *)name, length))
		return skafu__fail(error, SKAFU_EUTF8, "The %s holds a control character; leave it out.", what);
	return 0;
}

int32_t skafu__name_measure(const char *name, size_t bytes_max, const char *what, size_t *out_length,
			    skafu_error *error)
{
	if (!name)
		return skafu__fail(error, SKAFU_EINVAL, "The %s is missing (NULL); give one.", what);
	/* Reading stops one byte past the limit, however long the text is. */
	size_t length = strnlen(name, bytes_max < SIZE_MAX ? bytes_max + 1 : bytes_max);
	int32_t rc = 0;
	if (length == 0 || length > bytes_max || !skafu__text_is_plain(name, length))
		rc = text_judge_name(name, length, bytes_max, what, error);
	if (rc == 0)
		*out_length = length;
	return rc;
}

size_t skafu__name_check(const char *name, size_t bytes_max, const char *what, skafu_error *error)
{
	size_t length = 0;
	return skafu__name_measure(name, bytes_max, what, &length, error) == 0 ? length : 0;
}
