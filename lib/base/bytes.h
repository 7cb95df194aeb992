/*
 * bytes.h: integers in bytes, unaligned and bounded.
 *
 * Everything that is read from a file goes through a reader: it never passes its end, a read beyond it gives 0 and
 * sets `failed`, which sticks.  Little endian, but for the _be forms that ordered keys need.
 */
#ifndef SKAFU__BASE_BYTES_H
#define SKAFU__BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t skafu__load_u16(const void *from)
{
	uint16_t value;
	memcpy(&value, from, sizeof value);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap16(value);
}

static inline uint32_t skafu__load_u32(const void *from)
{
	uint32_t value;
	memcpy(&value, from, sizeof value);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap32(value);
}

static inline uint64_t skafu__load_u64(const void *from)
{
	uint64_t value;
	memcpy(&value, from, sizeof value);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

static inline void skafu__store_u16(void *to, uint16_t value)
{
	value = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap16(value);
	memcpy(to, &value, sizeof value);
}

static inline void skafu__store_u32(void *to, uint32_t value)
{
	value = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap32(value);
	memcpy(to, &value, sizeof value);
}

static inline void skafu__store_u64(void *to, uint64_t value)
{
	value = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
	memcpy(to, &value, sizeof value);
}

static inline uint32_t skafu__load_u32_be(const void *from)
{
	uint32_t value;
	memcpy(&value, from, sizeof value);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(value) : value;
}

static inline uint64_t skafu__load_u64_be(const void *from)
{
	uint64_t value;
	memcpy(&value, from, sizeof value);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(value) : value;
}

static inline void skafu__store_u32_be(void *to, uint32_t value)
{
	value = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(value) : value;
	memcpy(to, &value, sizeof value);
}

static inline void skafu__store_u64_be(void *to, uint64_t value)
{
	value = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(value) : value;
	memcpy(to, &value, sizeof value);
}

struct skafu__reader {
	const uint8_t *at;
	const uint8_t *end;
	int failed;
};

void skafu__reader_init(struct skafu__reader *reader, const void *bytes, size_t length);
size_t skafu__reader_left(const struct skafu__reader *reader);
uint8_t skafu__reader_u8(struct skafu__reader *reader);
uint16_t skafu__reader_u16(struct skafu__reader *reader);
uint32_t skafu__reader_u32(struct skafu__reader *reader);
uint64_t skafu__reader_u64(struct skafu__reader *reader);
uint64_t skafu__reader_varint(struct skafu__reader *reader); /* longest form refused: must fit 64 bits, no padding */
const uint8_t *skafu__reader_take(struct skafu__reader *reader, size_t length); /* NULL when it is not there */

/* A varint at `to`, which has room for 10 bytes; the number of bytes written. */
size_t skafu__varint_write(uint8_t *to, uint64_t value);

#endif
