/*
 * sse.c: bytes to lines, lines to fields, fields to events.
 */
#include "sse.h"

#include <stdio.h>
#include <string.h>

static int32_t dispatch(struct sse *sse)
{
	int32_t rc = SKAFU_OK;

	if (sse->has_data)
		rc = sse->on_event(sse->user, sse->event[0] != '\0' ? sse->event : "message", text_string(&sse->data),
				   sse->data.length);
	text_clear(&sse->data);
	sse->has_data = 0;
	sse->event[0] = '\0';
	return rc;
}

static int32_t take_line(struct sse *sse)
{
	const char *line = text_string(&sse->line);
	size_t name = strcspn(line, ":");
	const char *value = line + name;
	int32_t rc = SKAFU_OK;

	if (sse->line.length == 0)
		return dispatch(sse);
	value += *value == ':';
	value += *value == ' ';
	if (name == 5 && strncmp(line, "event", 5) == 0) {
		snprintf(sse->event, sizeof sse->event, "%s", value);
	} else if (name == 4 && strncmp(line, "data", 4) == 0) {
		if (sse->has_data)
			rc = text_add(&sse->data, "\n", 1);
		sse->has_data = 1;
		if (rc == SKAFU_OK)
			rc = text_add(&sse->data, value, sse->line.length - (size_t)(value - line));
	}
	text_clear(&sse->line);
	return rc;
}

int32_t sse_feed(struct sse *sse, const char *bytes, size_t length)
{
	int32_t rc = SKAFU_OK;

	sse->line.limit = SSE_EVENT_BYTES;
	sse->data.limit = SSE_EVENT_BYTES;
	while (length > 0 && rc == SKAFU_OK) {
		size_t part = 0;

		/* The second half of a CR LF. */
		if (sse->after_cr && *bytes == '\n')
			part = 1;
		sse->after_cr = 0;
		bytes += part;
		length -= part;
		for (part = 0; part < length && bytes[part] != '\n' && bytes[part] != '\r';)
			part++;
		rc = text_add(&sse->line, bytes, part);
		if (rc == SKAFU_OK && part < length) {
			sse->after_cr = bytes[part] == '\r';
			rc = take_line(sse);
			part++;
		}
		bytes += part;
		length -= part;
	}
	return rc;
}

void sse_free(struct sse *sse)
{
	text_free(&sse->line);
	text_free(&sse->data);
}
