/*
 * base64.h: bytes as text, RFC 4648: the standard alphabet, padded.
 *
 * Invariant: reading accepts exactly what writing gives, so that equal bytes have one text and one text only.
 */
#ifndef SKAFU__CODEC_BASE64_H
#define SKAFU__CODEC_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Append the text of the bytes. */
int32_t skafu__base64_put(struct skafu__buf *out, const void *bytes, size_t length);

/* Append the bytes of a text: at most 3 for each 4 characters.  0; SKAFU_EINVAL when the text is none (wrong length,
 * a foreign character, bits that are lost); or the failure of the buffer.  A failure appends nothing. */
int32_t skafu__base64_read(struct skafu__buf *out, const void *text, size_t length);

#endif
