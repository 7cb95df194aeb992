/*
 * payload.c: members of JSON documents by their pointer (RFC 6901), for hosts without a JSON library.
 *
 * No tree is built: the document is walked up to the member.  It should have passed the strict check, as all payloads
 * of a store have; of other text nothing useful is said, but nothing is read beyond it.
 */
#include "skafu_model.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/sys.h"
#include "codec/jsonpath.h"

#define PAYLOAD_TEXT_BYTES_MAX (64u << 20)

/* Where the walk is: at the first token of a value. */
struct payload_walk {
	struct skafu__json_walk walk;
	struct skafu__json_token token;
	const uint8_t *text;
};

static int32_t payload_broken(skafu_error *error)
{
	return skafu__fail(error, SKAFU_EJSON, "the document is not JSON");
}

static int32_t payload_missing(const char *pointer, skafu_error *error)
{
	return skafu__fail(error, SKAFU_ENOTFOUND, "the document has no member %s", pointer);
}

/* One step of a pointer, "~0" and "~1" undone, against a name of the document. */
static int payload_same_name(const char *step, size_t step_length, const uint8_t *name, size_t name_length)
{
	size_t at = 0;
	for (size_t i = 0; i < step_length; i++, at++) {
		char c = step[i];
		if (c == '~' && i + 1 < step_length)
			c = step[++i] == '0' ? '~' : '/';
		if (at == name_length || name[at] != (uint8_t)c)
			return 0;
	}
	return at == name_length;
}

/* 1, 0, or a negative code. */
static int32_t payload_is_name(const struct payload_walk *at, const char *step, size_t step_length,
			       skafu_error *error)
{
	struct skafu__buf name;
	const uint8_t *raw = at->text + at->token.offset;
	if (!at->token.escaped)
		return payload_same_name(step, step_length, raw, at->token.length);
	skafu__buf_init(&name, skafu__sys_current(), PAYLOAD_TEXT_BYTES_MAX);
	int32_t rc = skafu__json_unescape(&name, raw, at->token.length);
	if (rc == 0)
		rc = payload_same_name(step, step_length, name.bytes, name.length);
	else
		rc = rc == SKAFU_EJSON ? payload_broken(error) : skafu__fail_memory(error);
	skafu__buf_done(&name);
	return rc;
}

static int32_t payload_next(struct payload_walk *at, skafu_error *error)
{
	int32_t rc = skafu__json_next(&at->walk, &at->token);
	return rc == 1 ? 0 : payload_broken(error);
}

/* 1 at the member of this name, 0 when the object ended. */
static int32_t payload_enter_object(struct payload_walk *at, const char *step, size_t length, skafu_error *error)
{
	uint32_t depth = at->token.depth;
	for (;;) {
		int32_t rc = payload_next(at, error);
		if (rc != 0)
			return rc;
		if (at->token.kind == SKAFU__JSON_OBJECT_END && at->token.depth == depth)
			return 0;
		if (at->token.kind != SKAFU__JSON_NAME || at->token.depth != depth + 1)
			continue;
		rc = payload_is_name(at, step, length, error);
		if (rc == 0)
			continue;
		if (rc == 1)
			rc = payload_next(at, error);
		return rc ? rc : 1;
	}
}

/* The number that a step is: digits without a zero in front; UINT64_MAX when it is none. */
static uint64_t payload_index(const char *step, size_t length)
{
	uint64_t index = 0;
	if (length == 0 || length > 18 || (length > 1 && step[0] == '0'))
		return UINT64_MAX;
	for (size_t i = 0; i < length; i++) {
		if (step[i] < '0' || step[i] > '9')
			return UINT64_MAX;
		index = index * 10 + (uint64_t)(step[i] - '0');
	}
	return index;
}

static int32_t payload_enter_array(struct payload_walk *at, const char *step, size_t length, skafu_error *error)
{
	uint32_t depth = at->token.depth;
	uint64_t left = payload_index(step, length);
	if (left == UINT64_MAX)
		return 0;
	for (;;) {
		int32_t rc = payload_next(at, error);
		if (rc != 0)
			return rc;
		uint32_t kind = at->token.kind;
		if (kind == SKAFU__JSON_ARRAY_END && at->token.depth == depth)
			return 0;
		if (at->token.depth != depth + 1 || kind == SKAFU__JSON_ARRAY_END || kind == SKAFU__JSON_OBJECT_END)
			continue;
		if (left-- == 0)
			return 1;
	}
}

/* Go to the value that the pointer names. */
static int32_t payload_go(struct payload_walk *at, const char *pointer, skafu_error *error)
{
	const char *step = pointer;
	int32_t rc = payload_next(at, error);
	while (rc == 0 && *step) {
		size_t length = strcspn(++step, "/");
		int32_t found = 0;
		if (at->token.kind == SKAFU__JSON_OBJECT_BEGIN)
			found = payload_enter_object(at, step, length, error);
		else if (at->token.kind == SKAFU__JSON_ARRAY_BEGIN)
			found = payload_enter_array(at, step, length, error);
		if (found == 0)
			return payload_missing(pointer, error);
		rc = found < 0 ? found : 0;
		step += length;
	}
	return rc;
}

static int32_t payload_open(struct payload_walk *at, const void *json, size_t length, const char *pointer,
			    skafu_error *error)
{
	if (!json || !pointer)
		return skafu__fail(error, SKAFU_EINVAL, "the document or the pointer is NULL");
	if (*pointer && *pointer != '/')
		return skafu__fail(error, SKAFU_EINVAL, "the pointer %s does not begin with a slash", pointer);
	for (const char *c = pointer; (c = strchr(c, '~')) != NULL; c++)
		if (c[1] != '0' && c[1] != '1')
			return skafu__fail(error, SKAFU_EINVAL, "the pointer %s has a ~ without 0 or 1 behind it",
					   pointer);
	skafu__json_walk_init(&at->walk, json, length);
	at->text = json;
	return payload_go(at, pointer, error);
}

int32_t skafu_json_find(const void *json, size_t length, const char *pointer, const char **out_member,
			size_t *out_length, skafu_error *error)
{
	struct payload_walk at;
	int32_t rc = payload_open(&at, json, length, pointer, error);
	if (rc == 0 && (!out_member || !out_length))
		rc = skafu__fail(error, SKAFU_EINVAL, "out_member or out_length is NULL");
	if (rc != 0)
		return rc;
	size_t from = at.token.offset;
	size_t to = from + at.token.length;
	uint32_t begun = at.token.kind;
	uint32_t depth = at.token.depth;
	if (begun == SKAFU__JSON_STRING) {
		from--;
		to++;
	}
	while (begun == SKAFU__JSON_OBJECT_BEGIN || begun == SKAFU__JSON_ARRAY_BEGIN) {
		rc = payload_next(&at, error);
		if (rc != 0)
			return rc;
		to = at.token.offset + at.token.length;
		if (at.token.depth == depth &&
		    (at.token.kind == SKAFU__JSON_OBJECT_END || at.token.kind == SKAFU__JSON_ARRAY_END))
			break;
	}
	*out_member = (const char *)json + from;
	*out_length = to - from;
	return 0;
}

/* An integer in range, written without fraction and exponent. */
static int payload_integer(const uint8_t *text, size_t length, int64_t *out)
{
	size_t i = length != 0 && text[0] == '-';
	int64_t value = 0;
	if (i == length)
		return 0;
	for (; i < length; i++) {
		int64_t digit = text[i] - '0';
		if (digit < 0 || digit > 9)
			return 0;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, digit, &value))
			return 0;
	}
	if (text[0] != '-' && __builtin_sub_overflow(0, value, &value))
		return 0;
	*out = value;
	return 1;
}

int32_t skafu_json_int64(const void *json, size_t length, const char *pointer, int64_t *out_value,
			 skafu_error *error)
{
	struct payload_walk at;
	int64_t value;
	int32_t rc = payload_open(&at, json, length, pointer, error);
	if (rc == 0 && !out_value)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_value is NULL; give a place for the number");
	if (rc != 0)
		return rc;
	if (at.token.kind != SKAFU__JSON_NUMBER || !payload_integer(at.text + at.token.offset, at.token.length,
								    &value))
		return skafu__fail(error, SKAFU_EINVAL, "the member %s is no integer of 64 bits", pointer);
	*out_value = value;
	return 0;
}

static int32_t payload_copy_text(const struct payload_walk *at, struct skafu__buf *out, skafu_error *error)
{
	skafu__buf_init(out, skafu__sys_current(), PAYLOAD_TEXT_BYTES_MAX);
	int32_t rc = skafu__json_unescape(out, at->text + at->token.offset, at->token.length);
	if (rc == 0)
		rc = skafu__buf_put_u8(out, 0);
	if (rc == 0)
		return 0;
	return rc == SKAFU_EJSON ? payload_broken(error) : skafu__fail_memory(error);
}

int32_t skafu_json_text(const void *json, size_t length, const char *pointer, size_t text_size, char *out_text,
			skafu_error *error)
{
	struct payload_walk at;
	struct skafu__buf text;
	int32_t rc = payload_open(&at, json, length, pointer, error);
	if (rc == 0 && !out_text)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_text is NULL; give a place for the text");
	if (rc == 0 && at.token.kind != SKAFU__JSON_STRING)
		rc = skafu__fail(error, SKAFU_EINVAL, "the member %s is no text", pointer);
	if (rc != 0)
		return rc;
	rc = payload_copy_text(&at, &text, error);
	if (rc == 0 && strlen((const char *)text.bytes) + 1 != text.length)
		rc = skafu__fail(error, SKAFU_EINVAL, "the member %s is a text with a NUL in it", pointer);
	if (rc == 0 && text.length > text_size)
		rc = skafu__fail(error, SKAFU_ELIMIT, "the member %s needs %zu bytes, and %zu are there", pointer,
				 text.length,
				 text_size);
	if (rc == 0)
		memcpy(out_text, text.bytes, text.length);
	skafu__buf_done(&text);
	return rc;
}

int32_t skafu_json_quote(const char *text, size_t json_size, char *out_json, skafu_error *error)
{
	struct skafu__buf json;
	if (!text || !out_json)
		return skafu__fail(error, SKAFU_EINVAL, "text or out_json is NULL");
	skafu__buf_init(&json, skafu__sys_current(), PAYLOAD_TEXT_BYTES_MAX);
	int32_t rc = skafu__json_quote(&json, text, strlen(text));
	if (rc == 0)
		rc = skafu__buf_put_u8(&json, 0);
	if (rc == SKAFU_EUTF8)
		skafu__fail(error, rc, "the text is not UTF-8");
	else if (rc != 0)
		rc = skafu__fail_memory(error);
	else if (json.length > json_size)
		rc = skafu__fail(error, SKAFU_ELIMIT, "the JSON string needs %zu bytes, and %zu are there",
				 json.length,
				 json_size);
	else
		memcpy(out_json, json.bytes, json.length);
	skafu__buf_done(&json);
	return rc;
}
