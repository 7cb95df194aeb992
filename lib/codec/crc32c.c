/*
 * crc32c.c: the CRC32C checksum.
 *
 * The processor's instruction takes 8 bytes a time but needs 3 cycles for its answer, so three streams run beside
 * each other: the bytes are cut into three lanes of equal size, each gets its own CRC, and the first two are moved
 * past the bytes behind them.  To move a CRC past n bytes of zero is to multiply it with x^(8n) in the field; a
 * carry-less multiplication with x^(8n-33) does it, because the CRC instruction that reduces the product gives the
 * other x^33.  The bytes can be copied on the way: the processor stores for nothing while it waits for the checksum.
 */
#include "codec/crc32c.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/crc32c_table.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

static uint32_t crc32c_table_bytes(uint32_t crc, const uint8_t *at, size_t length)
{
	for (size_t i = 0; i < length; i++)
		crc = crc >> 8 ^ crc32c_table[0][(crc ^ at[i]) & 0xff];
	return crc;
}

/* Eight bytes a step: every byte's effect is looked up in the row for the number of bytes behind it. */
uint32_t skafu__crc32c_portable(uint32_t seed, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint32_t crc = ~seed;

	for (; length >= 8; length -= 8, at += 8) {
		uint64_t word = skafu__load_u64(at) ^ crc;

		crc = crc32c_table[7][word & 0xff] ^ crc32c_table[6][word >> 8 & 0xff] ^
		      crc32c_table[5][word >> 16 & 0xff] ^ crc32c_table[4][word >> 24 & 0xff] ^
		      crc32c_table[3][word >> 32 & 0xff] ^ crc32c_table[2][word >> 40 & 0xff] ^
		      crc32c_table[1][word >> 48 & 0xff] ^ crc32c_table[0][word >> 56];
	}
	return ~crc32c_table_bytes(crc, at, length);
}

static uint32_t crc32c_behind_portable(uint64_t number, const void *bytes, size_t length)
{
	uint8_t place[8];

	skafu__store_u64(place, number);
	return skafu__crc32c_portable(skafu__crc32c_portable(0, place, sizeof place), bytes, length);
}

static uint32_t crc32c_copy_portable(uint64_t number, void *to, const void *from, size_t length)
{
	if (length)
		memcpy(to, from, length);
	return crc32c_behind_portable(number, to, length);
}

#if defined(__x86_64__)

#define CRC32C_X86 __attribute__((target("sse4.2,pclmul")))
#define CRC32C_X86_INLINE __attribute__((target("sse4.2,pclmul"), always_inline)) static inline

#define CRC32C_LANE_WORDS_MAX (sizeof crc32c_powers / sizeof *crc32c_powers / 2)

/* A CRC past so many words of zero, but for the reduction. */
CRC32C_X86_INLINE uint64_t crc32c_move(uint64_t crc, size_t words)
{
	__m128i left = _mm_cvtsi64_si128((long long)crc);
	__m128i right = _mm_cvtsi32_si128((int)crc32c_powers[words - 1]);

	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(left, right, 0));
}

/* A constant for each of the two forms, so that neither pays for the other. */
enum crc32c_form { CRC32C_LOOK, CRC32C_COPY };

CRC32C_X86_INLINE uint64_t crc32c_word(enum crc32c_form form, uint8_t *to, const uint8_t *from, size_t at)
{
	uint64_t word = skafu__load_u64(from + at);

	if (form == CRC32C_COPY)
		skafu__store_u64(to + at, word);
	return word;
}

CRC32C_X86_INLINE uint64_t crc32c_three_lanes(enum crc32c_form form, uint64_t crc, uint8_t *to, const uint8_t *from,
					      size_t at, size_t words)
{
	size_t second = at + words * 8;
	size_t third = second + words * 8;
	uint64_t crc_second = 0;
	uint64_t crc_third = 0;

	for (size_t i = 0; i < words * 8; i += 8) {
		crc = _mm_crc32_u64(crc, crc32c_word(form, to, from, at + i));
		crc_second = _mm_crc32_u64(crc_second, crc32c_word(form, to, from, second + i));
		crc_third = _mm_crc32_u64(crc_third, crc32c_word(form, to, from, third + i));
	}
	return crc_third ^ _mm_crc32_u64(0, crc32c_move(crc, 2 * words) ^ crc32c_move(crc_second, words));
}

/* Fewer than eight bytes, each for itself. */
CRC32C_X86_INLINE uint64_t crc32c_few(enum crc32c_form form, uint64_t crc, uint8_t *to, const uint8_t *from,
				      size_t length)
{
	for (size_t i = 0; i < length; i++) {
		crc = _mm_crc32_u8((uint32_t)crc, from[i]);
		if (form == CRC32C_COPY)
			to[i] = from[i];
	}
	return crc;
}

/* `one` when the mask is all ones, `other` when it is 0, with nothing for the processor to guess. */
CRC32C_X86_INLINE uint64_t crc32c_pick(uint64_t mask, uint64_t one, uint64_t other)
{
	return other ^ ((one ^ other) & mask);
}

/* The last bytes of eight or more, fewer than three words.  How many they are is as good as random, and to ask with
 * branches would cost more than the bytes do: two words are always taken, and their outcome only when they are there;
 * instead of one that is not, the last eight bytes are read, which does no harm.  Of these the ones that are left
 * stay, behind zeros, which a register of 0 does not notice; the part of the CRC that they do not reach moves down
 * beside them. */
CRC32C_X86_INLINE uint64_t crc32c_rest(enum crc32c_form form, uint64_t crc, uint8_t *to, const uint8_t *from,
				       size_t at, size_t length)
{
	size_t left = length - at;
	size_t last = length - 8;
	size_t shift = 56 - left % 8 * 8;
	uint64_t has_first = 0 - (uint64_t)((left / 8 + 1) / 2);
	uint64_t has_second = 0 - (uint64_t)(left / 16);
	uint64_t first = crc32c_word(form, to, from, crc32c_pick(has_first, at, last));
	uint64_t second = crc32c_word(form, to, from, crc32c_pick(has_second, at + 8, last));
	uint64_t tail = crc32c_word(form, to, from, last) >> shift >> 8;

	crc = crc32c_pick(has_first, _mm_crc32_u64(crc, first), crc);
	crc = crc32c_pick(has_second, _mm_crc32_u64(crc, second), crc);
	return crc >> left % 8 * 8 ^ _mm_crc32_u64(0, (tail ^ crc) << shift << 8);
}

CRC32C_X86_INLINE uint32_t crc32c_run(enum crc32c_form form, uint32_t seed, uint8_t *to, const uint8_t *from,
				      size_t length)
{
	uint64_t crc = (uint32_t)~seed;
	size_t at = 0;
	size_t words;

	if (length < 8)
		return ~(uint32_t)crc32c_few(form, crc, to, from, length);
	for (; (words = (length - at) / 24) > 1; at += words * 24) {
		if (words > CRC32C_LANE_WORDS_MAX)
			words = CRC32C_LANE_WORDS_MAX;
		crc = crc32c_three_lanes(form, crc, to, from, at, words);
	}
	for (; length - at >= 24; at += 8)
		crc = _mm_crc32_u64(crc, crc32c_word(form, to, from, at));
	return ~(uint32_t)crc32c_rest(form, crc, to, from, at, length);
}

CRC32C_X86 static uint32_t crc32c_by_instruction(uint32_t seed, const uint8_t *at, size_t length)
{
	return crc32c_run(CRC32C_LOOK, seed, NULL, at, length);
}

CRC32C_X86 static uint32_t crc32c_behind_by_instruction(uint64_t number, const uint8_t *at, size_t length)
{
	return crc32c_run(CRC32C_LOOK, ~(uint32_t)_mm_crc32_u64(UINT32_MAX, number), NULL, at, length);
}

CRC32C_X86 static uint32_t crc32c_copy_by_instruction(uint64_t number, uint8_t *to, const uint8_t *from,
						      size_t length)
{
	return crc32c_run(CRC32C_COPY, ~(uint32_t)_mm_crc32_u64(UINT32_MAX, number), to, from, length);
}

static int crc32c_has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

uint32_t skafu__crc32c(uint32_t seed, const void *bytes, size_t length)
{
	if (crc32c_has_instruction())
		return crc32c_by_instruction(seed, bytes, length);
	return skafu__crc32c_portable(seed, bytes, length);
}

uint32_t skafu__crc32c_behind(uint64_t number, const void *bytes, size_t length)
{
	if (crc32c_has_instruction())
		return crc32c_behind_by_instruction(number, bytes, length);
	return crc32c_behind_portable(number, bytes, length);
}

uint32_t skafu__crc32c_copy(uint64_t number, void *to, const void *from, size_t length)
{
	if (crc32c_has_instruction())
		return crc32c_copy_by_instruction(number, to, from, length);
	return crc32c_copy_portable(number, to, from, length);
}

#else

uint32_t skafu__crc32c(uint32_t seed, const void *bytes, size_t length)
{
	return skafu__crc32c_portable(seed, bytes, length);
}

uint32_t skafu__crc32c_behind(uint64_t number, const void *bytes, size_t length)
{
	return crc32c_behind_portable(number, bytes, length);
}

uint32_t skafu__crc32c_copy(uint64_t number, void *to, const void *from, size_t length)
{
	return crc32c_copy_portable(number, to, from, length);
}

#endif
