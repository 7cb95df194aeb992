/*
 * wording.h: a text that grows, in which a check says what it expected and what it found.
 *
 * Invariant: `bytes` ends in a NUL once anything was put; a text that failed to grow, or is longer than its bound,
 * keeps what it has and remembers it.
 */
#ifndef SKAFU__TEST_WORDING_H
#define SKAFU__TEST_WORDING_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_base.h"

#define SKAFU__KIT_TEXT_BYTES_MAX (UINT32_C(1) << 16)
#define SKAFU__KIT_VALUE_BYTES_MAX 200u /* of one value; the middle of a longer one is left out */

struct skafu__kit_text {
	char *bytes;
	size_t length;
	size_t room;
	int32_t failed; /* 0 or SKAFU_ENOMEM; a text that is cut has not failed */
};

/* All zero is an empty text. */
void skafu__kit_text_done(struct skafu__kit_text *text);
void skafu__kit_text_clear(struct skafu__kit_text *text);
void skafu__kit_text_put(struct skafu__kit_text *text, const char *bytes, size_t length);
void skafu__kit_text_say(struct skafu__kit_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes as people read them: text as it is, else in hexadecimal, with the number when they may be a counter. */
void skafu__kit_text_value(struct skafu__kit_text *text, const void *value, size_t length);

/* Fill in the host's error; returns the code. */
int32_t skafu__kit_fail(skafu_error *error, int32_t code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Memory of the kit: as realloc(), and bytes 0 releases. */
void *skafu__kit_memory(void *block, size_t bytes);
char *skafu__kit_copy(const char *text);

/* Make room for one more element behind `count`; 0 or SKAFU_ENOMEM. */
int32_t skafu__kit_grow(void **array, size_t *room, size_t count, size_t element);

#endif
