/*
 * buf.h: growable bytes with a ceiling.
 *
 * Invariant: a failed write leaves the buffer as it was and is remembered in `failed`, so that a run of writes needs
 * one check at its end.  All integers are written little endian.
 */
#ifndef SKAFU__BASE_BUF_H
#define SKAFU__BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"

struct skafu__buf {
	const struct skafu__sys *sys;
	uint8_t *bytes;
	size_t length;
	size_t capacity;
	size_t ceiling; /* in bytes; a write beyond it fails with SKAFU_ELIMIT */
	int32_t failed; /* 0, SKAFU_ENOMEM or SKAFU_ELIMIT; sticks until a clear */
};

void skafu__buf_init(struct skafu__buf *buf, const struct skafu__sys *sys, size_t ceiling);
void skafu__buf_done(struct skafu__buf *buf);  /* releases the bytes; the buffer may be used again */
void skafu__buf_clear(struct skafu__buf *buf); /* length 0, failed 0, memory kept */

/* Room for `bytes` more at the end; NULL when there is none.  The caller fills it and then commits the length. */
uint8_t *skafu__buf_reserve(struct skafu__buf *buf, size_t bytes);
void skafu__buf_commit(struct skafu__buf *buf, size_t bytes);

/* Append.  The bytes must not lie in the buffer itself, which may move. */
int32_t skafu__buf_put(struct skafu__buf *buf, const void *bytes, size_t length);
int32_t skafu__buf_put_u8(struct skafu__buf *buf, uint8_t value);
int32_t skafu__buf_put_u16(struct skafu__buf *buf, uint16_t value);
int32_t skafu__buf_put_u32(struct skafu__buf *buf, uint32_t value);
int32_t skafu__buf_put_u64(struct skafu__buf *buf, uint64_t value);
int32_t skafu__buf_put_varint(struct skafu__buf *buf, uint64_t value); /* LEB128, 1 to 10 bytes */
int32_t skafu__buf_put_text(struct skafu__buf *buf, const char *text); /* without a NUL */
int32_t skafu__buf_printf(struct skafu__buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
