/*
 * json.c: the writer, which knows from the last byte whether a comma is due.
 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <skafu_model.h>

static void keep(struct json *json, int32_t rc)
{
	if (json->rc == SKAFU_OK)
		json->rc = rc;
}

static void add(struct json *json, const char *bytes, size_t length)
{
	keep(json, text_add(&json->text, bytes, length));
}

/* Bytes of the character at `at`, 0 when it is none. */
static size_t character(const unsigned char *at)
{
	size_t length = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* No longer forms than needed, no surrogates, nothing above U+10FFFF. */
	if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] >= 0xa0) || (*at == 0xf0 && at[1] < 0x90) ||
	    (*at == 0xf4 && at[1] >= 0x90))
		return 0;
	return length;
}

static void add_character(struct json *json, const unsigned char **at)
{
	size_t length = character(*at);

	if (**at < 0x20 || **at == 0x7f)
		keep(json, text_add_format(&json->text, "\\u%04x", **at));
	else if (**at == '"' || **at == '\\')
		keep(json, text_add_format(&json->text, "\\%c", **at));
	else
		add(json, length > 0 ? (const char *)*at : "?", length > 0 ? length : 1);
	*at += length > 0 ? length : 1;
}

static void add_quoted(struct json *json, const char *value)
{
	add(json, "\"", 1);
	for (const unsigned char *at = (const unsigned char *)value; *at != '\0';)
		add_character(json, &at);
	add(json, "\"", 1);
}

static void begin(struct json *json, const char *key)
{
	size_t length = json->text.length;

	if (length > 0 && json->text.bytes[length - 1] != '{' && json->text.bytes[length - 1] != '[')
		add(json, ",", 1);
	if (key == NULL)
		return;
	add_quoted(json, key);
	add(json, ":", 1);
}

void json_open(struct json *json, const char *key, char bracket)
{
	begin(json, key);
	add(json, &bracket, 1);
}

void json_close(struct json *json, char bracket)
{
	add(json, &bracket, 1);
}

void json_text(struct json *json, const char *key, const char *value)
{
	begin(json, key);
	add_quoted(json, value);
}

void json_number(struct json *json, const char *key, int64_t value)
{
	begin(json, key);
	keep(json, text_add_format(&json->text, "%" PRId64, value));
}

void json_real(struct json *json, const char *key, double value)
{
	begin(json, key);
	keep(json, text_add_format(&json->text, "%.6g", isfinite(value) ? value : 0.0));
}

void json_truth(struct json *json, const char *key, int value)
{
	begin(json, key);
	add(json, value ? "true" : "false", value ? 4 : 5);
}

void json_raw(struct json *json, const char *key, const char *value, size_t length)
{
	begin(json, key);
	add(json, value, length);
}

void json_free(struct json *json)
{
	text_free(&json->text);
	json->rc = SKAFU_OK;
}

const char *json_get(const void *document, size_t length, const char *pointer, char *out, size_t size)
{
	if (skafu_json_text(document, length, pointer, size, out, NULL) != SKAFU_OK)
		out[0] = '\0';
	return out;
}

int64_t json_get_number(const void *document, size_t length, const char *pointer)
{
	int64_t value = 0;

	return skafu_json_int64(document, length, pointer, &value, NULL) == SKAFU_OK ? value : 0;
}

int json_get_truth(const void *document, size_t length, const char *pointer)
{
	const char *member;
	size_t member_length;

	return skafu_json_find(document, length, pointer, &member, &member_length, NULL) == SKAFU_OK &&
	       member_length == 4 && memcmp(member, "true", 4) == 0;
}
