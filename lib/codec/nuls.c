/*
 * nuls.c: where the NULs are in a window of bytes, by the instructions that every processor of the kind has.
 */
#include "codec/nuls.h"

#include <string.h>

#include "base/bytes.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define NULS_LOW_BITS UINT64_C(0x7f7f7f7f7f7f7f7f)
#define NULS_GATHER UINT64_C(0x0102040810204080) /* brings the lowest bits of eight bytes together in the last one */

static uint64_t nuls_of_8(const uint8_t *at)
{
	uint64_t word = skafu__load_u64(at);
	uint64_t zeros = ~(((word & NULS_LOW_BITS) + NULS_LOW_BITS) | word | NULS_LOW_BITS);
	return ((zeros >> 7) * NULS_GATHER) >> 56;
}

uint64_t skafu__nuls_portable(const uint8_t window[SKAFU__NULS_WINDOW])
{
	uint64_t nuls = 0;
	for (uint32_t i = 0; i < SKAFU__NULS_WINDOW; i += 8)
		nuls |= nuls_of_8(window + i) << i;
	return nuls;
}

#if defined(__SSE2__)

static uint64_t nuls_of_16(const uint8_t *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
}

uint64_t skafu__nuls(const uint8_t window[SKAFU__NULS_WINDOW])
{
	return nuls_of_16(window) | nuls_of_16(window + 16) << 16 | nuls_of_16(window + 32) << 32 |
	       nuls_of_16(window + 48) << 48;
}

#else

uint64_t skafu__nuls(const uint8_t window[SKAFU__NULS_WINDOW])
{
	return skafu__nuls_portable(window);
}

#endif

uint64_t skafu__nuls_within(const uint8_t *at, size_t length, size_t readable)
{
	uint8_t copy[SKAFU__NULS_WINDOW];
	if (readable < SKAFU__NULS_WINDOW) {
		memset(copy, 0, sizeof copy);
		memcpy(copy, at, readable);
		at = copy;
	}
	uint64_t nuls = skafu__nuls(at);
	return length < SKAFU__NULS_WINDOW ? nuls & ((UINT64_C(1) << length) - 1) : nuls;
}
