/*
 * hostspan.c: spans of the host, and taking all that ended.
 */
#include "skafu_watch.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "watch/span.h"
#include "watch/watch.h"

#define HOSTSPAN_NAME_BYTES_MAX 255u
#define HOSTSPAN_KEY_BYTES_MAX 255u
#define HOSTSPAN_EXPORT_BYTES_MAX (1024u * 1024 * 1024)

struct skafu_span {
	skafu_watch *watch;
	struct skafu__trace trace;
	uint8_t parent[8];
	int has_parent;
	uint32_t kind;
	uint32_t attribute_count;
	int64_t begin_ns;
	int64_t begin_monotonic_ns;
	struct skafu__buf attributes; /* key NUL value NUL ... */
	char name[];
};

/* ---- contexts ------------------------------------------------------------------------------------------------ */

static int hostspan_is_zero(const uint8_t *bytes, size_t count)
{
	uint8_t any = 0;
	for (size_t i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

static int32_t hostspan_take_parent(skafu_span *span, const skafu_trace_context *parent, skafu_error *error)
{
	if (parent->size < sizeof *parent)
		return skafu__fail(error, SKAFU_EOPTION, "the parent has size %u; set it to "
				   "sizeof(skafu_trace_context)", parent->size);
	if (hostspan_is_zero(parent->trace_id, 16) || hostspan_is_zero(parent->span_id, 8))
		return skafu__fail(error, SKAFU_EINVAL, "an id of the parent is all zero, which no place in a trace "
				   "has");
	memcpy(span->trace.trace_id, parent->trace_id, 16);
	memcpy(span->parent, parent->span_id, 8);
	span->trace.flags = (uint8_t)(parent->flags & SKAFU__TRACE_SAMPLED);
	span->has_parent = 1;
	return 0;
}

static void hostspan_begin_trace(skafu_span *span)
{
	uint32_t percent = span->watch->spans.unsampled_percent;
	span->trace.trace_id[0] = (uint8_t)(span->trace.trace_id[0] | hostspan_is_zero(span->trace.trace_id, 16));
	if (!skafu__trace_is_left_out(span->trace.trace_id, percent))
		span->trace.flags = SKAFU__TRACE_SAMPLED;
}

static int32_t hostspan_identify(skafu_span *span, const skafu_trace_context *parent, skafu_error *error)
{
	uint8_t random[24];
	if (span->watch->sys.random(random, sizeof random) != 0)
		return skafu__fail(error, SKAFU_EIO, "the system gave no random bytes for the ids of the span");
	memcpy(span->trace.trace_id, random, 16);
	memcpy(span->trace.span_id, random + 16, 8);
	span->trace.span_id[0] = (uint8_t)(span->trace.span_id[0] | hostspan_is_zero(span->trace.span_id, 8));
	if (parent)
		return hostspan_take_parent(span, parent, error);
	hostspan_begin_trace(span);
	return 0;
}

/* ---- a span -------------------------------------------------------------------------------------------------- */

static void hostspan_free(skafu_span *span)
{
	skafu_watch *watch = span->watch;
	skafu__buf_done(&span->attributes);
	skafu__free(&watch->sys, span);
	skafu__watch_release(watch);
}

static int32_t hostspan_check(skafu_watch *watch, const char *name, uint32_t kind, skafu_span **out_span,
			      size_t *out_length, skafu_error *error)
{
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0)
		rc = skafu__name_measure(name, HOSTSPAN_NAME_BYTES_MAX, "name of a span", out_length, error);
	if (rc == 0 && (kind < SKAFU_SPAN_INTERNAL || kind > SKAFU_SPAN_CONSUMER))
		rc = skafu__fail(error, SKAFU_EINVAL, "the span %s has the kind %u; use one of SKAFU_SPAN_", name,
				 kind);
	if (rc == 0 && !out_span)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_span is NULL; give a place for the span");
	return rc;
}

int32_t skafu_span_begin(skafu_watch *watch, const char *name, uint32_t kind, const skafu_trace_context *parent,
			 skafu_span **out_span, skafu_error *error)
{
	size_t length;
	int32_t rc = hostspan_check(watch, name, kind, out_span, &length, error);
	if (rc != 0)
		return rc;
	skafu_span *span = skafu__alloc(&watch->sys, sizeof *span + length + 1);
	if (!span)
		return skafu__fail_memory(error);
	memset(span, 0, sizeof *span);
	memcpy(span->name, name, length + 1);
	span->watch = watch;
	span->kind = kind;
	skafu__buf_init(&span->attributes, &watch->sys, SKAFU__SPAN_ATTRIBUTE_BYTES_MAX);
	skafu__watch_hold(watch);
	rc = hostspan_identify(span, parent, error);
	if (rc != 0) {
		hostspan_free(span);
		return rc;
	}
	span->begin_ns = watch->sys.wall_ns();
	span->begin_monotonic_ns = watch->sys.monotonic_ns();
	*out_span = span;
	return 0;
}

/* Where an attribute of this key begins and ends; 0 when there is none. */
static int hostspan_find(const skafu_span *span, const char *key, size_t *out_from, size_t *out_to)
{
	const char *texts = (const char *)span->attributes.bytes;
	size_t at = 0;
	while (at < span->attributes.length) {
		size_t value = at + strlen(texts + at) + 1;
		size_t next = value + strlen(texts + value) + 1;
		if (strcmp(texts + at, key) == 0) {
			*out_from = at;
			*out_to = next;
			return 1;
		}
		at = next;
	}
	return 0;
}

/* The new one is put at the end first, so that a failure leaves the old one. */
static int32_t hostspan_put(skafu_span *span, const char *key, size_t key_length, const char *value,
			    size_t value_length, skafu_error *error)
{
	size_t from = 0;
	size_t to = 0;
	int replaces = hostspan_find(span, key, &from, &to);
	struct skafu__buf *attributes = &span->attributes;
	if (!replaces && span->attribute_count == SKAFU__SPAN_ATTRIBUTES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "the span has %u attributes, which is the most it takes",
				   SKAFU__SPAN_ATTRIBUTES_MAX);
	uint8_t *place = skafu__buf_reserve(attributes, key_length + value_length + 2);
	if (!place) {
		int32_t failed = attributes->failed;
		attributes->failed = 0;
		if (failed == SKAFU_ENOMEM)
			return skafu__fail_memory(error);
		return skafu__fail(error, SKAFU_ELIMIT, "the attributes of the span take more than %u bytes; shorten "
				   "them", SKAFU__SPAN_ATTRIBUTE_BYTES_MAX);
	}
	memcpy(place, key, key_length + 1);
	memcpy(place + key_length + 1, value, value_length + 1);
	skafu__buf_commit(attributes, key_length + value_length + 2);
	if (replaces) {
		memmove(attributes->bytes + from, attributes->bytes + to, attributes->length - to);
		attributes->length -= to - from;
	}
	span->attribute_count += !replaces;
	return 0;
}

int32_t skafu_span_set(skafu_span *span, const char *attribute, const char *value, skafu_error *error)
{
	size_t key_length;
	if (!span || !value)
		return skafu__fail(error, SKAFU_EINVAL, "the span or the value is NULL; give both");
	int32_t rc = skafu__watch_check(span->watch, error);
	if (rc == 0)
		rc = skafu__name_measure(attribute, HOSTSPAN_KEY_BYTES_MAX, "name of an attribute", &key_length,
					 error);
	if (rc != 0)
		return rc;
	size_t value_length = strnlen(value, SKAFU__SPAN_ATTRIBUTE_BYTES_MAX);
	if (!skafu__utf8_is_valid(value, value_length))
		return skafu__fail(error, SKAFU_EUTF8, "the value of the attribute %s is not UTF-8", attribute);
	return hostspan_put(span, attribute, key_length, value, value_length, error);
}

int32_t skafu_span_context(const skafu_span *span, skafu_trace_context *out_context)
{
	if (!span || !out_context || out_context->size < sizeof *out_context)
		return SKAFU_EINVAL;
	out_context->flags = span->trace.flags;
	memcpy(out_context->trace_id, span->trace.trace_id, 16);
	memcpy(out_context->span_id, span->trace.span_id, 8);
	return 0;
}

void skafu_span_end(skafu_span *span, int32_t code, const char *message)
{
	if (!span || span->watch->fork_mark != skafu__fork_mark())
		return;
	skafu_watch *watch = span->watch;
	int64_t took_ns = watch->sys.monotonic_ns() - span->begin_monotonic_ns;
	const struct skafu__ending ending = {.trace = span->trace, .parent = span->has_parent ? span->parent : NULL,
					     .name = span->name, .message = message, .kind = span->kind, .code = code,
					     .attributes = (const char *)span->attributes.bytes,
					     .attribute_bytes = span->attributes.length,
					     .attribute_count = span->attribute_count, .begin_ns = span->begin_ns,
					     .end_ns = span->begin_ns + took_ns};
	if ((span->trace.flags & SKAFU__TRACE_SAMPLED) && !atomic_load(&watch->is_closed))
		skafu__spans_end(&watch->spans, &ending);
	hostspan_free(span);
}

/* ---- taking -------------------------------------------------------------------------------------------------- */

static int32_t hostspan_text(const skafu_watch *watch, const struct skafu__ended *first, struct skafu__buf *text,
			     skafu_error *error)
{
	skafu__spans_write(text, first, watch->service);
	skafu__buf_put_u8(text, '\0');
	if (text->failed == SKAFU_ELIMIT)
		return skafu__fail(error, SKAFU_ELIMIT, "the spans take more than %u bytes; take fewer at a time",
				   HOSTSPAN_EXPORT_BYTES_MAX);
	return text->failed ? skafu__fail_memory(error) : 0;
}

static int32_t hostspan_take(skafu_watch *watch, uint32_t most, char **out_text, size_t *out_length,
			     skafu_error *error)
{
	struct skafu__ended *first;
	struct skafu__buf text;
	uint32_t count = skafu__spans_detach(&watch->spans, most, &first);
	if (count == 0)
		return 0;
	skafu__buf_init(&text, skafu__sys_current(), HOSTSPAN_EXPORT_BYTES_MAX);
	int32_t rc = hostspan_text(watch, first, &text, error);
	if (rc != 0) {
		skafu__buf_done(&text);
		skafu__spans_attach(&watch->spans, first, count);
		return rc;
	}
	skafu__spans_free(&watch->spans, first);
	*out_text = (char *)text.bytes;
	*out_length = text.length - 1;
	return (int32_t)count;
}

int32_t skafu_spans_take(skafu_watch *watch, uint32_t spans_max, char **out_text, size_t *out_length,
			 skafu_error *error)
{
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0 && spans_max == 0)
		rc = skafu__fail(error, SKAFU_EINVAL, "spans_max is 0; say how many spans to take at most");
	if (rc == 0 && (!out_text || !out_length))
		rc = skafu__fail(error, SKAFU_EINVAL, "a place for the text or its length is NULL; give both");
	return rc ? rc : hostspan_take(watch, spans_max, out_text, out_length, error);
}
