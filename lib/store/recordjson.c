/*
 * recordjson.c: the exported form of a record.
 *
 * Invariant: what comes out is strict JSON on one line.  A payload or metadata that passed the check when it was
 * appended is copied as it is, so numbers keep all their digits; only blanks around it are left out, and line breaks
 * between its tokens become blanks.  A payload that is no JSON travels as base64.
 */
#include "store/recordjson.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/sys.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/jsonpath.h"

#define RECORDJSON_BYTES_MAX (SIZE_MAX / 2)

int skafu__recordjson_is_json(const skafu_record *record)
{
	return (record->flags & SKAFU_RECORD_IS_JSON) && record->data_length > 0;
}

int skafu__recordjson_has_cause(const skafu_record *record)
{
	static const uint8_t nil[SKAFU_ID_BYTES];
	return memcmp(record->causation, nil, sizeof nil) != 0;
}

const char *skafu__recordjson_severity(const skafu_record *record)
{
	static const char *const names[] = {NULL, "WARNING", "ERROR", "CRITICAL"};
	if (record->kind != SKAFU_KIND_ERROR || record->severity > SKAFU_SEVERITY_CRITICAL)
		return NULL;
	return names[record->severity];
}

const char *skafu__recordjson_kind(uint32_t kind)
{
	static const char *const names[] = {"", "event", "command", "error", "outcome"};
	return kind <= SKAFU_KIND_OUTCOME ? names[kind] : "";
}

void skafu__recordjson_version(uint32_t event_version, char out_text[SKAFU__EVENT_VERSION_BYTES])
{
	snprintf(out_text, SKAFU__EVENT_VERSION_BYTES, "%u.%u", (event_version >> 16) & 0xFFFFu,
		 event_version & 0xFFFFu);
}

/* ,"name": which every member but the first begins with. */
static void recordjson_name(struct skafu__buf *out, const char *name)
{
	skafu__buf_printf(out, ",\"%s\":", name);
}

static int32_t recordjson_text(struct skafu__buf *out, const char *name, const char *text)
{
	recordjson_name(out, name);
	return skafu__json_quote(out, text, strlen(text));
}

static int32_t recordjson_ids(struct skafu__buf *out, const skafu_record *record)
{
	char cause[SKAFU_ID_TEXT_BYTES];
	int32_t code = recordjson_text(out, "correlationId", record->correlation);
	if (code < 0 || !skafu__recordjson_has_cause(record))
		return code;
	skafu_id_format(record->causation, cause);
	return recordjson_text(out, "causationId", cause);
}

static int32_t recordjson_tags(struct skafu__buf *out, const skafu_record *record)
{
	const char *tag = record->tags;
	recordjson_name(out, "tags");
	skafu__buf_put_u8(out, '[');
	for (uint32_t i = 0; i < record->tag_count; i++) {
		if (i > 0)
			skafu__buf_put_u8(out, ',');
		int32_t code = skafu__json_quote(out, tag, strlen(tag));
		if (code < 0)
			return code;
		tag += strlen(tag) + 1;
	}
	return skafu__buf_put_u8(out, ']');
}

void skafu__recordjson_trim(const uint8_t **bytes, size_t *length)
{
	size_t blanks = skafu__json_skip_blanks((const char *)*bytes, 0, *length);
	*bytes += blanks;
	*length -= blanks;
	while (*length > 0 && memchr(" \t\r\n", (*bytes)[*length - 1], 4))
		--*length;
}

int32_t skafu__recordjson_put_value(struct skafu__buf *out, const uint8_t *bytes, size_t length)
{
	skafu__recordjson_trim(&bytes, &length);
	size_t at = out->length;
	if (skafu__buf_put(out, bytes, length) != 0)
		return out->failed;
	for (uint8_t *byte = out->bytes + at; byte < out->bytes + out->length; byte++)
		if (*byte == '\n' || *byte == '\r') /* never within a text: it would be escaped there */
			*byte = ' ';
	return 0;
}

int skafu__recordjson_same(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	skafu__recordjson_trim(&a, &a_length);
	skafu__recordjson_trim(&b, &b_length);
	if (a_length != b_length)
		return 0;
	for (size_t i = 0; i < a_length; i++) {
		int are_blanks = a[i] != b[i] && memchr(" \r\n", a[i], 3) && memchr(" \r\n", b[i], 3);
		if (a[i] != b[i] && !are_blanks)
			return 0;
	}
	return 1;
}

static void recordjson_payload(struct skafu__buf *out, const skafu_record *record)
{
	if (record->metadata_length > 0) {
		recordjson_name(out, "metadata");
		skafu__recordjson_put_value(out, record->metadata, record->metadata_length);
	}
	if (record->flags & SKAFU_RECORD_ERASED) {
		recordjson_name(out, "dataErased");
		skafu__buf_printf(out, "true");
		return;
	}
	if (skafu__recordjson_is_json(record)) {
		recordjson_name(out, "data");
		skafu__recordjson_put_value(out, record->data, record->data_length);
		return;
	}
	recordjson_name(out, "data_base64");
	skafu__buf_put_u8(out, '"');
	skafu__base64_put(out, record->data, record->data_length);
	skafu__buf_put_u8(out, '"');
}

static int32_t recordjson_head(struct skafu__buf *out, const skafu_record *record)
{
	char id[SKAFU_ID_TEXT_BYTES];
	char version[SKAFU__EVENT_VERSION_BYTES];
	char time[SKAFU_TIME_TEXT_BYTES];
	skafu_id_format(record->id, id);
	skafu__recordjson_version(record->event_version, version);
	skafu_time_format(record->time_ns, time);
	skafu__buf_printf(out, "{\"eventId\":\"%s\"", id);
	int32_t code = recordjson_text(out, "eventType", record->type);
	if (code == 0)
		code = recordjson_text(out, "eventVersion", version);
	if (code == 0)
		code = recordjson_text(out, "source", record->source);
	if (code == 0)
		code = recordjson_text(out, "timestamp", time);
	if (code == 0)
		code = skafu__buf_printf(out, ",\"sequenceNumber\":%llu", (unsigned long long)record->sequence);
	if (code == 0 && (record->kind == SKAFU_KIND_EVENT || *record->stream))
		code = recordjson_text(out, "streamId", record->stream);
	if (code < 0 || record->kind != SKAFU_KIND_EVENT)
		return code;
	return skafu__buf_printf(out, ",\"streamVersion\":%llu", (unsigned long long)record->stream_version);
}

int32_t skafu__recordjson_put(struct skafu__buf *out, const skafu_record *record)
{
	const char *severity = skafu__recordjson_severity(record);
	int32_t code = recordjson_head(out, record);
	if (code == 0)
		code = recordjson_ids(out, record);
	if (code == 0)
		code = recordjson_tags(out, record);
	if (code < 0)
		return code;
	recordjson_payload(out, record);
	if (severity)
		recordjson_text(out, "severity", severity);
	if (record->kind != SKAFU_KIND_EVENT)
		recordjson_text(out, "recordKind", skafu__recordjson_kind(record->kind));
	if (!skafu__recordjson_is_json(record))
		code = recordjson_text(out, "contentType", record->content_type);
	if (record->hops != 0)
		skafu__buf_printf(out, ",\"hops\":%u", record->hops);
	skafu__buf_put_u8(out, '}');
	return code < 0 ? code : out->failed;
}

int32_t skafu_record_to_json(const skafu_record *record, char **out_text, size_t *out_length, skafu_error *error)
{
	struct skafu__buf text;
	if (!record || !out_text || !out_length)
		return skafu__fail(error, SKAFU_EINVAL, "The record or the place for its text is NULL; give both.");
	skafu__buf_init(&text, skafu__sys_current(), RECORDJSON_BYTES_MAX);
	int32_t code = skafu__recordjson_put(&text, record);
	if (code == 0)
		code = skafu__buf_put_u8(&text, '\0');
	if (code == 0) {
		*out_text = (char *)text.bytes;
		*out_length = text.length - 1;
		return 0;
	}
	skafu__buf_done(&text);
	if (code == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	return skafu__fail(error, code, "A name of the record is not valid UTF-8, so it cannot be written as JSON.");
}

void skafu_text_free(char *text)
{
	skafu__free(skafu__sys_current(), text);
}
