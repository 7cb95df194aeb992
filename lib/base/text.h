/*
 * text.h: checks of names and texts that strangers chose.
 *
 * A name (stream, type, domain, tag, correlation, table, content type) is 1 to limit bytes of UTF-8 without control
 * characters (U+0000..U+001F, U+007F..U+009F).  Names are compared byte for byte: no folding, no normalisation.
 */
#ifndef SKAFU__BASE_TEXT_H
#define SKAFU__BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_base.h"

/* 1 when the bytes are well-formed UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF). */
int skafu__utf8_is_valid(const void *bytes, size_t length);

/* The largest length up to bytes_max that does not cut a character of the first `length` bytes in two.  For messages:
 * bytes that are not UTF-8 are cut anywhere. */
size_t skafu__utf8_cut(const char *text, size_t length, size_t bytes_max);

/* The length of `length` bytes without a character at their end that lacks its last bytes. */
size_t skafu__utf8_trim(const char *text, size_t length);

/* The length of a name, or 0 after setting the error (EINVAL, ELIMIT, EUTF8); `what` is "stream name" or so. */
size_t skafu__name_check(const char *name, size_t bytes_max, const char *what, skafu_error *error);

/* The same for callers that need the code: 0 and the length, or the code. */
int32_t skafu__name_measure(const char *name, size_t bytes_max, const char *what, size_t *out_length,
			    skafu_error *error);

/* 1 when the bytes, at least one, are all printable ASCII, which makes a good name.  The second is the form for
 * processors without SSE2, for tests to compare with. */
int skafu__text_is_plain(const char *at, size_t length);
int skafu__text_is_plain_portable(const char *at, size_t length);

#endif
