/*
 * text.h: bytes that grow, up to a limit, and one way to report a failure.
 *
 * A text always ends in a NUL that is not counted, so that it can be used as a string too.  `{0}` is an empty one.
 * A failed call leaves what was there before.
 */
#ifndef SKAFU_APP_TEXT_H
#define SKAFU_APP_TEXT_H

#include <skafu_base.h>

#define TEXT_LIMIT ((size_t)64 << 20) /* of a text that names none */

struct text {
	char *bytes; /* NULL while nothing was added */
	size_t length;
	size_t capacity;
	size_t limit; /* 0: TEXT_LIMIT */
};

/* SKAFU_ELIMIT above the limit, SKAFU_ENOMEM without memory. */
int32_t text_add(struct text *text, const void *bytes, size_t length);
int32_t text_add_string(struct text *text, const char *string);
int32_t text_add_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The bytes as a string, "" while there are none. */
const char *text_string(const struct text *text);
void text_clear(struct text *text);
void text_free(struct text *text);

/* Fill in the error and return the code.  At most 1,023 bytes of the sentence are kept. */
int32_t failed(skafu_error *error, int32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with the reason of the system call that failed, and the code that belongs to it. */
int32_t failed_os(skafu_error *error, int os_error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* For ends of lists of calls: the error of a text that could not grow. */
int32_t failed_text(skafu_error *error, int32_t code, const char *what);

#endif
