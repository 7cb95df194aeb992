/*
 * text.c: the growing buffer and the sentences of errors.
 */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t text_reserve(struct text *text, size_t more)
{
	size_t limit = text->limit != 0 ? text->limit : TEXT_LIMIT;
	size_t capacity = text->capacity != 0 ? text->capacity : 128;
	char *bytes;

	if (text->length > limit || more > limit - text->length)
		return SKAFU_ELIMIT;
	if (text->bytes != NULL && text->length + more < text->capacity)
		return SKAFU_OK;
	while (capacity <= text->length + more)
		capacity *= 2;
	bytes = realloc(text->bytes, capacity);
	if (bytes == NULL)
		return SKAFU_ENOMEM;
	text->bytes = bytes;
	text->capacity = capacity;
	return SKAFU_OK;
}

int32_t text_add(struct text *text, const void *bytes, size_t length)
{
	int32_t rc = text_reserve(text, length);

	if (rc != SKAFU_OK)
		return rc;
	if (length > 0)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
	return SKAFU_OK;
}

int32_t text_add_string(struct text *text, const char *string)
{
	return text_add(text, string, strlen(string));
}

int32_t text_add_format(struct text *text, const char *format, ...)
{
	va_list args;
	int length;
	int32_t rc;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		return SKAFU_EINVAL;
	rc = text_reserve(text, (size_t)length);
	if (rc != SKAFU_OK)
		return rc;
	va_start(args, format);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, args);
	va_end(args);
	text->length += (size_t)length;
	return SKAFU_OK;
}

const char *text_string(const struct text *text)
{
	return text->bytes != NULL ? text->bytes : "";
}

void text_clear(struct text *text)
{
	text->length = 0;
	if (text->bytes != NULL)
		text->bytes[0] = '\0';
}

void text_free(struct text *text)
{
	free(text->bytes);
	text->bytes = NULL;
	text->length = 0;
	text->capacity = 0;
}

int32_t failed(skafu_error *error, int32_t code, const char *format, ...)
{
	char sentence[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof sentence, format, args);
	va_end(args);
	skafu_error_set(error, code, sentence);
	return code;
}

static int32_t code_of(int os_error)
{
	switch (os_error) {
	case ENOENT:
		return SKAFU_ENOTFOUND;
	case EEXIST:
	case ENOTEMPTY:
		return SKAFU_EEXISTS;
	case EACCES:
	case EPERM:
		return SKAFU_EACCESS;
	case ENOSPC:
	case EDQUOT:
		return SKAFU_ENOSPACE;
	case EROFS:
		return SKAFU_EREADONLY;
	case ENOMEM:
		return SKAFU_ENOMEM;
	default:
		return SKAFU_EIO;
	}
}

int32_t failed_os(skafu_error *error, int os_error, const char *format, ...)
{
	char what[800];
	char reason[128];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return failed(error, code_of(os_error), "%s: %s.", what, strerror_r(os_error, reason, sizeof reason));
}

int32_t failed_text(skafu_error *error, int32_t code, const char *what)
{
	if (code == SKAFU_OK)
		return SKAFU_OK;
	if (code == SKAFU_ENOMEM)
		return failed(error, code, "There is no memory for %s.", what);
	return failed(error, code, "There is too much text in %s.", what);
}
