/*
 * jsonpath.h: reading and writing JSON text without a tree: a walk over its tokens, strings, exact numbers.
 *
 * For text that passed skafu__json_check(): these functions take its grammar for granted and say nothing useful about
 * broken text, but they stay inside the given bytes and end on any input.
 */
#ifndef SKAFU__CODEC_JSONPATH_H
#define SKAFU__CODEC_JSONPATH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum skafu__json_kind {
	SKAFU__JSON_OBJECT_BEGIN = 1,
	SKAFU__JSON_OBJECT_END,
	SKAFU__JSON_ARRAY_BEGIN,
	SKAFU__JSON_ARRAY_END,
	SKAFU__JSON_NAME,
	SKAFU__JSON_STRING,
	SKAFU__JSON_NUMBER,
	SKAFU__JSON_TRUE,
	SKAFU__JSON_FALSE,
	SKAFU__JSON_NULL
};

struct skafu__json_token {
	uint32_t kind;
	uint32_t depth;   /* objects and arrays around it; a bracket has the depth of the whole it opens or closes */
	uint32_t escaped; /* a name or string: 1 when it must be unescaped before it is compared */
	uint32_t reserved;
	size_t offset; /* of the raw text; that of a name or string lies between its quotes */
	size_t length;
};

struct skafu__json_walk {
	const uint8_t *text;
	size_t length;
	size_t at;
	uint64_t objects; /* one bit for each open container, the innermost lowest: 1 for an object */
	uint32_t depth;
	uint32_t value_next; /* the next string of an object is a value */
};

void skafu__json_walk_init(struct skafu__json_walk *walk, const void *text, size_t length);

/* 1 with the next token; 0 after the last; SKAFU_EJSON when the text is such as the check refuses (not every such
 * text is noticed).  Commas and colons are no tokens. */
int32_t skafu__json_next(struct skafu__json_walk *walk, struct skafu__json_token *token);

/* Append the bytes that the raw text of a name or string (between its quotes) stands for: at most as many bytes as
 * it has.  0, SKAFU_EJSON, or the failure of the buffer; a failure appends nothing. */
int32_t skafu__json_unescape(struct skafu__buf *out, const void *raw, size_t length);

/* Append a JSON string in its quotes, with the escapes that RFC 8259 demands and no others.  0, SKAFU_EUTF8 when the
 * text is not UTF-8, or the failure of the buffer; a failure appends nothing. */
int32_t skafu__json_quote(struct skafu__buf *out, const void *text, size_t length);

/* Compare two JSON numbers by value, exactly and for any length and exponent: 1.0, 1 and 10e-1 are equal, 2^53 + 1
 * is not 2^53, -0 is 0.  Below 0, 0, above 0, as a is less, equal, greater.  Time grows with the length only. */
int skafu__json_number_compare(const void *a, size_t a_length, const void *b, size_t b_length);

/* The escape that text begins with, at its backslash: how many bytes it is long (2, 6, or 12 for a pair of
 * surrogates) and which character it stands for; 0 when it is none, is cut off, or is half of a pair. */
size_t skafu__json_escape_step(const void *text, size_t length, uint32_t *character);

/* Write a character up to U+10FFFF as UTF-8; the number of bytes. */
size_t skafu__json_utf8_write(uint32_t character, uint8_t out[4]);

#endif
