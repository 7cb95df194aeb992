#include "test/wording.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/testhook.h"
#include "skafu_model.h"

#define WORDING_ROOM 256u
#define WORDING_SENTENCE 1024

void *skafu__kit_memory(void *block, size_t bytes)
{
	return skafu_test_hook_memory(block, bytes);
}

char *skafu__kit_copy(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = skafu__kit_memory(NULL, bytes);
	if (copy)
		memcpy(copy, text, bytes);
	return copy;
}

int32_t skafu__kit_grow(void **array, size_t *room, size_t count, size_t element)
{
	if (count < *room)
		return 0;
	size_t more = *room ? *room * 2 : 8;
	void *larger = more > SIZE_MAX / element ? NULL : skafu__kit_memory(*array, more * element);
	if (!larger)
		return SKAFU_ENOMEM;
	*array = larger;
	*room = more;
	return 0;
}

void skafu__kit_text_done(struct skafu__kit_text *text)
{
	skafu__kit_memory(text->bytes, 0);
	*text = (struct skafu__kit_text){0};
}

void skafu__kit_text_clear(struct skafu__kit_text *text)
{
	text->length = 0;
	text->failed = 0;
	if (text->bytes)
		text->bytes[0] = '\0';
}

void skafu__kit_text_put(struct skafu__kit_text *text, const char *bytes, size_t length)
{
	size_t left = SKAFU__KIT_TEXT_BYTES_MAX - text->length;
	if (length > left)
		length = left;
	if (text->length + length + 1 > text->room) {
		size_t room = text->room ? text->room : WORDING_ROOM;
		while (room < text->length + length + 1)
			room *= 2;
		char *larger = skafu__kit_memory(text->bytes, room);
		if (!larger) {
			text->failed = SKAFU_ENOMEM;
			return;
		}
		text->bytes = larger;
		text->room = room;
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void skafu__kit_text_say(struct skafu__kit_text *text, const char *format, ...)
{
	char sentence[WORDING_SENTENCE];
	va_list list;
	va_start(list, format);
	int length = vsnprintf(sentence, sizeof sentence, format, list);
	va_end(list);
	if (length < 0)
		return;
	skafu__kit_text_put(text, sentence, (size_t)length < sizeof sentence ? (size_t)length : sizeof sentence - 1);
}

/* ---- values -------------------------------------------------------------------------------------------------- */

static int wording_is_text(const uint8_t *value, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (value[i] < 0x20 || value[i] == 0x7f)
			return 0;
	return length != 0;
}

static void wording_part(struct skafu__kit_text *text, const uint8_t *value, size_t length, int is_text)
{
	if (is_text) {
		skafu__kit_text_put(text, (const char *)value, length);
		return;
	}
	for (size_t i = 0; i < length; i++)
		skafu__kit_text_say(text, "%02x", value[i]);
}

void skafu__kit_text_value(struct skafu__kit_text *text, const void *value, size_t length)
{
	const uint8_t *bytes = value;
	int is_text = wording_is_text(bytes, length);
	size_t shown = is_text ? SKAFU__KIT_VALUE_BYTES_MAX : SKAFU__KIT_VALUE_BYTES_MAX / 2;
	int64_t number;
	if (length == 0) {
		skafu__kit_text_say(text, "no bytes");
		return;
	}
	if (!is_text)
		skafu__kit_text_say(text, "the bytes ");
	if (length <= shown) {
		wording_part(text, bytes, length, is_text);
	} else {
		wording_part(text, bytes, shown / 2, is_text);
		skafu__kit_text_say(text, " ... ");
		wording_part(text, bytes + length - shown / 2, shown / 2, is_text);
	}
	if (!is_text && skafu_count_value(value, length, &number, NULL) == 0)
		skafu__kit_text_say(text, " (as a counter: %" PRId64 ")", number);
}

int32_t skafu__kit_fail(skafu_error *error, int32_t code, const char *format, ...)
{
	char sentence[WORDING_SENTENCE];
	va_list list;
	va_start(list, format);
	int length = vsnprintf(sentence, sizeof sentence, format, list);
	va_end(list);
	skafu_error_set(error, code, length < 0 ? "" : sentence);
	return code;
}
