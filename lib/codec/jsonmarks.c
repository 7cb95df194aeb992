/*
 * jsonmarks.c: marks of 64 bytes at a time, by the instructions that the processor has.
 *
 * Invariant: nothing outside the text is read.  A last block that is not whole is read together with bytes before it,
 * or by an instruction that takes only those that are wanted.
 */
#include "codec/jsonmarks.h"

#include <stddef.h>

#include "base/bytes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define JSONMARKS_ONES UINT64_C(0x0101010101010101)
#define JSONMARKS_LOW_BITS (JSONMARKS_ONES * 0x7f)
#define JSONMARKS_GATHER UINT64_C(0x0102040810204080) /* brings the lowest bits of eight bytes together in the last */

/* The marks of a block, or of the `length` bytes that are left of the text, where its end has one, too. */
typedef uint64_t (*jsonmarks_block_fn)(const uint8_t *at);
typedef uint64_t (*jsonmarks_rest_fn)(const uint8_t *begin, const uint8_t *at, size_t length);

__attribute__((always_inline)) static inline void jsonmarks_fill(jsonmarks_block_fn of_block,
								 jsonmarks_rest_fn of_rest, const uint8_t *begin,
								 const uint8_t *at, const uint8_t *end,
								 uint64_t *words)
{
	for (uint32_t i = 0; i < SKAFU__JSONMARKS_WORDS; i++, at += SKAFU__JSONMARKS_BLOCK) {
		size_t left = (size_t)(end - at);
		if (left < SKAFU__JSONMARKS_BLOCK) {
			words[i] = (left ? of_rest(begin, at, left) : 0) | UINT64_C(1) << left;
			return;
		}
		words[i] = of_block(at);
	}
}

/* ---- portable ------------------------------------------------------------------------------------------------ */

/* The high bit of every byte whose lower bits are not all 0; nothing is carried from byte to byte. */
static uint64_t jsonmarks_filled(uint64_t word)
{
	return (word & JSONMARKS_LOW_BITS) + JSONMARKS_LOW_BITS;
}

static uint64_t jsonmarks_of_8(uint64_t word)
{
	uint64_t printable = (word & JSONMARKS_LOW_BITS) + JSONMARKS_ONES * (0x80 - 0x20);
	uint64_t plain = printable & jsonmarks_filled(word ^ JSONMARKS_ONES * '"') &
			 jsonmarks_filled(word ^ JSONMARKS_ONES * '\\') & ~word;
	return ((~plain >> 7 & JSONMARKS_ONES) * JSONMARKS_GATHER) >> 56;
}

static uint64_t jsonmarks_block_portable(const uint8_t *at)
{
	uint64_t marks = 0;
	for (uint32_t i = 0; i < SKAFU__JSONMARKS_BLOCK; i += 8)
		marks |= jsonmarks_of_8(skafu__load_u64(at + i)) << i;
	return marks;
}

static uint64_t jsonmarks_rest_portable(const uint8_t *begin, const uint8_t *at, size_t length)
{
	uint64_t marks = 0;
	uint64_t word = 0;
	size_t i = 0;
	(void)begin;
	for (; length - i >= 8; i += 8)
		marks |= jsonmarks_of_8(skafu__load_u64(at + i)) << i;
	for (size_t k = i; k < length; k++)
		word |= (uint64_t)at[k] << 8 * (k - i);
	return (marks | jsonmarks_of_8(word) << i) & ((UINT64_C(1) << length) - 1);
}

void skafu__jsonmarks_portable(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
			       uint64_t words[SKAFU__JSONMARKS_WORDS])
{
	jsonmarks_fill(jsonmarks_block_portable, jsonmarks_rest_portable, begin, at, end, words);
}

#if defined(__x86_64__)

/* ---- SSE2 ---------------------------------------------------------------------------------------------------- */

/* Bytes above 0x7F are negative here, hence below 0x20. */
static inline uint64_t jsonmarks_of_16(const uint8_t *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i marks = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
	marks = _mm_or_si128(marks, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
	marks = _mm_or_si128(marks, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
	return (uint32_t)_mm_movemask_epi8(marks);
}

static inline uint64_t jsonmarks_block(const uint8_t *at)
{
	return jsonmarks_of_16(at) | jsonmarks_of_16(at + 16) << 16 | jsonmarks_of_16(at + 32) << 32 |
	       jsonmarks_of_16(at + 48) << 48;
}

static inline uint64_t jsonmarks_rest(const uint8_t *begin, const uint8_t *at, size_t length)
{
	uint64_t marks = 0;
	if (at != begin)
		return jsonmarks_block(at + length - SKAFU__JSONMARKS_BLOCK) >> (SKAFU__JSONMARKS_BLOCK - length);
	if (length < 16)
		return jsonmarks_rest_portable(begin, at, length);
	for (size_t i = 0; i + 16 < length; i += 16)
		marks |= jsonmarks_of_16(at + i) << i;
	return marks | jsonmarks_of_16(at + length - 16) << (length - 16);
}

void skafu__jsonmarks_plain(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
			    uint64_t words[SKAFU__JSONMARKS_WORDS])
{
	jsonmarks_fill(jsonmarks_block, jsonmarks_rest, begin, at, end, words);
}

/* ---- AVX-512 ------------------------------------------------------------------------------------------------- */

#define JSONMARKS_AVX512 __attribute__((target("avx512f,avx512bw")))

JSONMARKS_AVX512 static inline uint64_t jsonmarks_wanted(const uint8_t *at, uint64_t wanted)
{
	__m512i bytes = _mm512_maskz_loadu_epi8(wanted, at);
	uint64_t marks = _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(0x20));
	marks |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
	marks |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'));
	return marks & wanted;
}

JSONMARKS_AVX512 static inline uint64_t jsonmarks_block_avx512(const uint8_t *at)
{
	return jsonmarks_wanted(at, UINT64_MAX);
}

JSONMARKS_AVX512 static inline uint64_t jsonmarks_rest_avx512(const uint8_t *begin, const uint8_t *at, size_t length)
{
	(void)begin;
	return jsonmarks_wanted(at, (UINT64_C(1) << length) - 1);
}

JSONMARKS_AVX512 static void jsonmarks_avx512(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
					      uint64_t *words)
{
	jsonmarks_fill(jsonmarks_block_avx512, jsonmarks_rest_avx512, begin, at, end, words);
}

void skafu__jsonmarks(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
		      uint64_t words[SKAFU__JSONMARKS_WORDS])
{
	if (__builtin_cpu_supports("avx512bw"))
		jsonmarks_avx512(begin, at, end, words);
	else
		skafu__jsonmarks_plain(begin, at, end, words);
}

#else

void skafu__jsonmarks_plain(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
			    uint64_t words[SKAFU__JSONMARKS_WORDS])
{
	skafu__jsonmarks_portable(begin, at, end, words);
}

void skafu__jsonmarks(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
		      uint64_t words[SKAFU__JSONMARKS_WORDS])
{
	skafu__jsonmarks_portable(begin, at, end, words);
}

#endif
