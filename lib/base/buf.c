/*
 * buf.c: growable bytes with a ceiling.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "skafu_base.h"

#define BUF_CAPACITY_MIN 64

void skafu__buf_init(struct skafu__buf *buf, const struct skafu__sys *sys, size_t ceiling)
{
	*buf = (struct skafu__buf){.sys = sys, .ceiling = ceiling};
}

void skafu__buf_done(struct skafu__buf *buf)
{
	skafu__free(buf->sys, buf->bytes);
	buf->bytes = NULL;
	buf->length = 0;
	buf->capacity = 0;
	buf->failed = SKAFU_OK;
}

void skafu__buf_clear(struct skafu__buf *buf)
{
	buf->length = 0;
	buf->failed = SKAFU_OK;
}

/* At least `needed` bytes of memory.  Doubles, so that many small writes stay cheap, but does not double past the
 * ceiling. */
static int32_t buf_grow(struct skafu__buf *buf, size_t needed)
{
	size_t capacity = buf->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : buf->capacity;
	uint8_t *bytes;

	while (capacity < needed && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	if (capacity > buf->ceiling)
		capacity = buf->ceiling;
	if (capacity < needed)
		capacity = needed;
	bytes = skafu__realloc_array(buf->sys, buf->bytes, capacity, 1);
	if (!bytes)
		return SKAFU_ENOMEM;
	buf->bytes = bytes;
	buf->capacity = capacity;
	return SKAFU_OK;
}

/* 0 when `bytes` more may be written and there is memory for them and `spare` more. */
static int32_t buf_room(struct skafu__buf *buf, size_t bytes, size_t spare)
{
	size_t needed;

	if (buf->failed)
		return buf->failed;
	if (buf->length > buf->ceiling || bytes > buf->ceiling - buf->length) {
		buf->failed = SKAFU_ELIMIT;
		return buf->failed;
	}
	if (__builtin_add_overflow(buf->length + bytes, spare, &needed))
		buf->failed = SKAFU_ENOMEM;
	else if (needed > buf->capacity || !buf->bytes)
		buf->failed = buf_grow(buf, needed);
	return buf->failed;
}

uint8_t *skafu__buf_reserve(struct skafu__buf *buf, size_t bytes)
{
	if (buf_room(buf, bytes, 0) < 0)
		return NULL;
	return buf->bytes + buf->length;
}

void skafu__buf_commit(struct skafu__buf *buf, size_t bytes)
{
	if (buf->failed)
		return;
	if (bytes > buf->capacity - buf->length)
		buf->failed = SKAFU_ELIMIT;
	else
		buf->length += bytes;
}

int32_t skafu__buf_put(struct skafu__buf *buf, const void *bytes, size_t length)
{
	uint8_t *at = skafu__buf_reserve(buf, length);

	if (!at)
		return buf->failed;
	if (length > 0)
		memcpy(at, bytes, length);
	buf->length += length;
	return SKAFU_OK;
}

int32_t skafu__buf_put_u8(struct skafu__buf *buf, uint8_t value)
{
	return skafu__buf_put(buf, &value, sizeof value);
}

int32_t skafu__buf_put_u16(struct skafu__buf *buf, uint16_t value)
{
	uint8_t bytes[2];

	skafu__store_u16(bytes, value);
	return skafu__buf_put(buf, bytes, sizeof bytes);
}

int32_t skafu__buf_put_u32(struct skafu__buf *buf, uint32_t value)
{
	uint8_t bytes[4];

	skafu__store_u32(bytes, value);
	return skafu__buf_put(buf, bytes, sizeof bytes);
}

int32_t skafu__buf_put_u64(struct skafu__buf *buf, uint64_t value)
{
	uint8_t bytes[8];

	skafu__store_u64(bytes, value);
	return skafu__buf_put(buf, bytes, sizeof bytes);
}

int32_t skafu__buf_put_varint(struct skafu__buf *buf, uint64_t value)
{
	uint8_t bytes[10];

	return skafu__buf_put(buf, bytes, skafu__varint_write(bytes, value));
}

int32_t skafu__buf_put_text(struct skafu__buf *buf, const char *text)
{
	return skafu__buf_put(buf, text, strlen(text));
}

int32_t skafu__buf_printf(struct skafu__buf *buf, const char *format, ...)
{
	va_list arguments;
	int wanted;

	if (buf->failed)
		return buf->failed;
	va_start(arguments, format);
	wanted = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (wanted < 0) {
		buf->failed = SKAFU_ELIMIT;
		return buf->failed;
	}
	/* The NUL that vsnprintf writes takes memory, but no part of the ceiling. */
	if (buf_room(buf, (size_t)wanted, 1) < 0)
		return buf->failed;
	va_start(arguments, format);
	vsnprintf((char *)buf->bytes + buf->length, (size_t)wanted + 1, format, arguments);
	va_end(arguments);
	buf->length += (size_t)wanted;
	return SKAFU_OK;
}
