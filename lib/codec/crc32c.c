/*
 * crc32c.c: the CRC32C checksum.
 *
 * The processor's instruction takes 8 bytes a time but needs 3 cycles for its answer, so three streams run beside
 * each other: a block is cut into three lanes of equal size, each gets its own CRC, and the first two are moved past
 * the bytes behind them.  To move a CRC past n bytes of zero is to multiply it with x^(8n) in the field; a carry-less
 * multiplication with x^(8n-33) does it, because the CRC instruction that reduces the product gives the other x^33.
 */
#include "codec/crc32c.h"

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

#if defined(__x86_64__)

#define CRC32C_X86 __attribute__((target("sse4.2,pclmul")))

struct crc32c_lane {
	size_t bytes;
	uint32_t past_one; /* x^(8 * bytes - 33) mod P, reflected */
	uint32_t past_two; /* x^(16 * bytes - 33) */
};

static const struct crc32c_lane crc32c_lanes[] = {
	{2048, 0xa51b6135, 0x82f89c77},
	{256, 0xb9e02b86, 0xdd7e3b0c},
	{128, 0x0d3b6092, 0xb9e02b86},
	{96, 0x0715ce53, 0xab7aff2a}, /* most records end within this and the next */
	{64, 0x9e4addf8, 0x0d3b6092},
	{32, 0xba4fc28e, 0x9e4addf8},
};

CRC32C_X86 static uint64_t crc32c_multiply(uint64_t crc, uint32_t by)
{
	__m128i left = _mm_cvtsi64_si128((long long)crc);
	__m128i right = _mm_cvtsi32_si128((int)by);

	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(left, right, 0));
}

CRC32C_X86 static uint64_t crc32c_three_lanes(uint64_t crc, const uint8_t *at, const struct crc32c_lane *lane)
{
	const uint8_t *second = at + lane->bytes;
	const uint8_t *third = second + lane->bytes;
	uint64_t crc_second = 0;
	uint64_t crc_third = 0;

	for (size_t i = 0; i < lane->bytes; i += 8) {
		crc = _mm_crc32_u64(crc, skafu__load_u64(at + i));
		crc_second = _mm_crc32_u64(crc_second, skafu__load_u64(second + i));
		crc_third = _mm_crc32_u64(crc_third, skafu__load_u64(third + i));
	}
	return crc_third ^ _mm_crc32_u64(0, crc32c_multiply(crc, lane->past_two) ^
						    crc32c_multiply(crc_second, lane->past_one));
}

CRC32C_X86 static uint32_t crc32c_by_instruction(uint32_t seed, const uint8_t *at, size_t length)
{
	uint64_t crc = (uint32_t)~seed;

	for (size_t i = 0; i < sizeof crc32c_lanes / sizeof *crc32c_lanes; i++) {
		const struct crc32c_lane *lane = &crc32c_lanes[i];

		for (; length >= 3 * lane->bytes; length -= 3 * lane->bytes, at += 3 * lane->bytes)
			crc = crc32c_three_lanes(crc, at, lane);
	}
	for (; length >= 8; length -= 8, at += 8)
		crc = _mm_crc32_u64(crc, skafu__load_u64(at));
	if (length & 4) {
		crc = _mm_crc32_u32((uint32_t)crc, skafu__load_u32(at));
		at += 4;
	}
	if (length & 2) {
		crc = _mm_crc32_u16((uint32_t)crc, skafu__load_u16(at));
		at += 2;
	}
	if (length & 1)
		crc = _mm_crc32_u8((uint32_t)crc, *at);
	return ~(uint32_t)crc;
}

uint32_t skafu__crc32c(uint32_t seed, const void *bytes, size_t length)
{
	if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
		return crc32c_by_instruction(seed, bytes, length);
	return skafu__crc32c_portable(seed, bytes, length);
}

CRC32C_X86 static uint32_t crc32c_behind_by_instruction(uint64_t number, const uint8_t *at, size_t length)
{
	return crc32c_by_instruction(~(uint32_t)_mm_crc32_u64(UINT32_MAX, number), at, length);
}

uint32_t skafu__crc32c_behind(uint64_t number, const void *bytes, size_t length)
{
	if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
		return crc32c_behind_by_instruction(number, bytes, length);
	return crc32c_behind_portable(number, bytes, length);
}

#else

uint32_t skafu__crc32c_behind(uint64_t number, const void *bytes, size_t length)
{
	return crc32c_behind_portable(number, bytes, length);
}

uint32_t skafu__crc32c(uint32_t seed, const void *bytes, size_t length)
{
	return skafu__crc32c_portable(seed, bytes, length);
}

#endif
