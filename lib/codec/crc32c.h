/*
 * crc32c.h: the CRC32C (Castagnoli) checksum of RFC 3720, by the processor's instruction where it has one.
 *
 * The seed is the CRC of what came before, so that crc(crc(0, a), b) == crc(0, a b).  It detects accidents, and no
 * attackers.
 */
#ifndef SKAFU__CODEC_CRC32C_H
#define SKAFU__CODEC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t skafu__crc32c(uint32_t seed, const void *bytes, size_t length);

/* Of the eight bytes of a number, little endian, and then the bytes. */
uint32_t skafu__crc32c_behind(uint64_t number, const void *bytes, size_t length);

/* The same, and a copy of the bytes in one go; the two places do not overlap. */
uint32_t skafu__crc32c_copy(uint64_t number, void *to, const void *from, size_t length);

/* The portable form, for tests to compare with. */
uint32_t skafu__crc32c_portable(uint32_t seed, const void *bytes, size_t length);

#endif
