#include "codec/jsonmember.h"

#include <string.h>

void skafu__json_members_init(struct skafu__json_members *members, const struct skafu__sys *sys, const void *text,
			      size_t length, uint32_t depth_max)
{
	memset(members, 0, sizeof *members);
	members->sys = sys;
	members->text = text;
	members->length = length;
	members->depth_max = depth_max;
}

static int jsonmember_is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void jsonmember_skip(struct skafu__json_members *members)
{
	while (members->at < members->length && jsonmember_is_blank(members->text[members->at]))
		members->at++;
}

static int jsonmember_sees(const struct skafu__json_members *members, char byte)
{
	return members->at < members->length && members->text[members->at] == byte;
}

static int32_t jsonmember_fail(struct skafu__json_members *members, size_t offset, const char *reason)
{
	members->fault.offset = offset;
	members->fault.reason = reason;
	return SKAFU_EJSON;
}

/* The end of a string that begins with its quote at `at`. */
static size_t jsonmember_string_end(const char *text, size_t length, size_t at)
{
	for (at++; at < length && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < length ? at + 1 : length;
}

size_t skafu__json_value_end(const char *text, size_t length, size_t at)
{
	size_t depth = 0;
	while (at < length) {
		char byte = text[at];
		if (byte == '"') {
			at = jsonmember_string_end(text, length, at);
			if (depth == 0)
				return at;
			continue;
		}
		if (depth == 0 && (byte == ',' || byte == '}' || byte == ']' || jsonmember_is_blank(byte)))
			return at;
		at++;
		if (byte == '{' || byte == '[')
			depth++;
		if ((byte == '}' || byte == ']') && --depth == 0)
			return at;
	}
	return length;
}

/* Check the piece from `from` to where it stands now. */
static int32_t jsonmember_check(struct skafu__json_members *members, size_t from, uint32_t depth_max)
{
	struct skafu__json_fault fault;
	int32_t rc = skafu__json_check(members->sys, members->text + from, members->at - from, depth_max, &fault);
	if (rc == SKAFU_EJSON)
		return jsonmember_fail(members, from + fault.offset, fault.reason);
	return rc;
}

static int32_t jsonmember_name(struct skafu__json_members *members, struct skafu__json_member *out)
{
	size_t from = members->at;
	if (!jsonmember_sees(members, '"'))
		return jsonmember_fail(members, from, "a name in quotes is expected");
	members->at = jsonmember_string_end(members->text, members->length, from);
	int32_t rc = jsonmember_check(members, from, 0);
	if (rc != 0)
		return rc;
	out->name = members->text + from + 1;
	out->name_length = members->at - from - 2;
	jsonmember_skip(members);
	if (!jsonmember_sees(members, ':'))
		return jsonmember_fail(members, members->at, "a colon is expected");
	members->at++;
	jsonmember_skip(members);
	return 0;
}

static int32_t jsonmember_value(struct skafu__json_members *members, struct skafu__json_member *out)
{
	size_t from = members->at;
	members->at = skafu__json_value_end(members->text, members->length, from);
	int32_t rc = jsonmember_check(members, from, members->depth_max);
	if (rc != 0)
		return rc;
	out->value = members->text + from;
	out->value_length = members->at - from;
	out->offset = from;
	jsonmember_skip(members);
	return 0;
}

static int32_t jsonmember_end(struct skafu__json_members *members)
{
	members->at++;
	jsonmember_skip(members);
	if (members->at < members->length)
		return jsonmember_fail(members, members->at, "something follows the object");
	return 0;
}

int32_t skafu__json_members_next(struct skafu__json_members *members, struct skafu__json_member *out)
{
	if (members->count == 0) {
		jsonmember_skip(members);
		if (!jsonmember_sees(members, '{'))
			return jsonmember_fail(members, members->at, "an object is expected");
		members->at++;
		jsonmember_skip(members);
	}
	if (jsonmember_sees(members, '}'))
		return jsonmember_end(members);
	if (members->count > 0) {
		if (!jsonmember_sees(members, ','))
			return jsonmember_fail(members, members->at, "a comma or the end of the object is expected");
		members->at++;
		jsonmember_skip(members);
	}
	int32_t rc = jsonmember_name(members, out);
	if (rc == 0)
		rc = jsonmember_value(members, out);
	if (rc != 0)
		return rc;
	members->count++;
	return 1;
}
