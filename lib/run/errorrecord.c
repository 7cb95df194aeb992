#include "run/errorrecord.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/jsonpath.h"

#define ERRORRECORD_NAME_BYTES_MAX 255u
#define ERRORRECORD_CORRELATION_BYTES_MAX 128u
#define ERRORRECORD_MESSAGE_BYTES_MAX 4095u
#define ERRORRECORD_TRACE_BYTES_MAX 65535u
#define ERRORRECORD_DATA_BYTES_MAX (1u << 20)

/* ---- copies ---------------------------------------------------------------------------------------------------- */

/* Where the texts of the fields lie, and how long they may be. */
struct errorrecord_text {
	size_t offset;
	size_t bytes_max;
};

static const struct errorrecord_text errorrecord_texts[] = {
	{offsetof(struct skafu__error_fields, source), ERRORRECORD_NAME_BYTES_MAX},
	{offsetof(struct skafu__error_fields, code), ERRORRECORD_NAME_BYTES_MAX},
	{offsetof(struct skafu__error_fields, message), ERRORRECORD_MESSAGE_BYTES_MAX},
	{offsetof(struct skafu__error_fields, service), ERRORRECORD_NAME_BYTES_MAX},
	{offsetof(struct skafu__error_fields, function), ERRORRECORD_NAME_BYTES_MAX},
	{offsetof(struct skafu__error_fields, user_id), ERRORRECORD_NAME_BYTES_MAX},
	{offsetof(struct skafu__error_fields, stack_trace), ERRORRECORD_TRACE_BYTES_MAX},
	{offsetof(struct skafu__error_fields, correlation), ERRORRECORD_CORRELATION_BYTES_MAX},
};

#define ERRORRECORD_TEXTS (sizeof errorrecord_texts / sizeof errorrecord_texts[0])

static const char *errorrecord_get(const struct skafu__error_fields *fields, size_t index)
{
	const char *text;
	memcpy(&text, (const char *)fields + errorrecord_texts[index].offset, sizeof text);
	return text;
}

static void errorrecord_set(struct skafu__error_fields *fields, size_t index, const char *text)
{
	memcpy((char *)fields + errorrecord_texts[index].offset, &text, sizeof text);
}

static size_t errorrecord_length(const struct skafu__error_fields *fields, size_t index)
{
	const char *text = errorrecord_get(fields, index);
	size_t bytes_max = errorrecord_texts[index].bytes_max;
	return skafu__utf8_cut(text, strnlen(text, bytes_max + 1), bytes_max);
}

/* What a library under the host says may be anything: it must not keep its own error from being recorded. */
static void errorrecord_clean(char *text, size_t length)
{
	int is_text = skafu__utf8_is_valid(text, length);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f || (!is_text && (unsigned char)text[i] > 0x7f))
			text[i] = text[i] == '\n' || text[i] == '\t' ? text[i] : '?';
}

struct skafu__errorrecord_copy *skafu__errorrecord_copy_new(const struct skafu__sys *sys,
						const struct skafu__error_fields *fields)
{
	size_t bytes = sizeof(struct skafu__errorrecord_copy);
	for (size_t i = 0; i < ERRORRECORD_TEXTS; i++)
		bytes += errorrecord_get(fields, i) ? errorrecord_length(fields, i) + 1 : 0;
	struct skafu__errorrecord_copy *copy = skafu__alloc(sys, bytes);
	if (!copy)
		return NULL;
	memset(copy, 0, sizeof *copy);
	copy->bytes = bytes;
	copy->fields = *fields;
	char *at = (char *)(copy + 1);
	for (size_t i = 0; i < ERRORRECORD_TEXTS; i++) {
		if (!errorrecord_get(fields, i))
			continue;
		size_t length = errorrecord_length(fields, i);
		memcpy(at, errorrecord_get(fields, i), length);
		at[length] = '\0';
		errorrecord_clean(at, length);
		errorrecord_set(&copy->fields, i, at);
		at += length + 1;
	}
	if (fields->causation)
		copy->fields.causation = memcpy(copy->causation, fields->causation, 16);
	return copy;
}

/* ---- the record ------------------------------------------------------------------------------------------------ */

static void errorrecord_member(struct skafu__buf *out, const char *begin, const char *text)
{
	skafu__buf_put_text(out, begin);
	skafu__json_quote(out, text ? text : "", text ? strlen(text) : 0);
}

static void errorrecord_occurrences(struct skafu__buf *out, const struct skafu__error_fields *fields)
{
	char first[SKAFU_TIME_TEXT_BYTES], last[SKAFU_TIME_TEXT_BYTES];
	if (fields->count < 2)
		return;
	skafu_time_format(fields->first_ns, first);
	skafu_time_format(fields->last_ns, last);
	skafu__buf_printf(out, ",\"occurrences\":{\"count\":%" PRIu64 ",\"first\":\"%s\",\"last\":\"%s\"}",
			  fields->count, first, last);
}

static int32_t errorrecord_data(struct skafu__buf *out, const struct skafu__error_fields *fields)
{
	errorrecord_member(out, "{\"errorCode\":", fields->code);
	errorrecord_member(out, ",\"errorMessage\":", fields->message);
	errorrecord_member(out, ",\"context\":{\"service\":", fields->service);
	errorrecord_member(out, ",\"function\":", fields->function);
	errorrecord_member(out, ",\"userId\":", fields->user_id);
	errorrecord_member(out, "},\"stackTrace\":", fields->stack_trace);
	skafu__buf_put_text(out, fields->can_retry ? ",\"canRetry\":true" : ",\"canRetry\":false");
	errorrecord_occurrences(out, fields);
	return skafu__buf_put_u8(out, '}');
}

int32_t skafu__errorrecord_add(skafu_batch *batch, const struct skafu__sys *sys,
			       const struct skafu__error_fields *fields, skafu_error *error)
{
	struct skafu__buf data;
	skafu__buf_init(&data, sys, ERRORRECORD_DATA_BYTES_MAX);
	int32_t rc = errorrecord_data(&data, fields) ? skafu__fail_memory(error) : 0;
	skafu_new_record record = {
		.size = sizeof record, .kind = SKAFU_KIND_ERROR, .type = SKAFU__ERROR_TYPE, .source = fields->source,
		.data = data.bytes, .data_length = data.length, .causation = fields->causation,
		.correlation = fields->correlation, .severity = fields->severity,
		.hops = fields->hops};
	if (fields->last_ns != 0) {
		record.flags = SKAFU_RECORD_TIME;
		record.time_ns = fields->last_ns;
	}
	if (rc == 0)
		rc = skafu_batch_add(batch, &record, error);
	skafu__buf_done(&data);
	return rc;
}
