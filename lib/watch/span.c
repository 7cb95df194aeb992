#include "watch/span.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "codec/jsonpath.h"
#include "skafu_watch.h"
#include "watch/otlp.h"

#define SPAN_NAME_BYTES 300u
#define SPAN_MESSAGE_BYTES_MAX 1023u
#define SPAN_LIBRARY_BYTES 4096u /* for attributes of the library's spans: nine names at most */

void skafu__spans_init(struct skafu__spans *spans, const struct skafu__sys *sys, uint32_t max,
		       uint32_t unsampled_percent)
{
	memset(spans, 0, sizeof *spans);
	spans->sys = sys;
	spans->max = max;
	spans->unsampled_percent = unsampled_percent;
	pthread_mutex_init(&spans->lock, NULL);
}

void skafu__spans_free(const struct skafu__spans *spans, struct skafu__ended *first)
{
	while (first) {
		struct skafu__ended *next = first->next;
		skafu__free(spans->sys, first);
		first = next;
	}
}

void skafu__spans_done(struct skafu__spans *spans)
{
	skafu__spans_free(spans, spans->first);
	pthread_mutex_destroy(&spans->lock);
}

/* ---- the list of those that wait ----------------------------------------------------------------------------- */

/* The oldest goes, to be freed outside of the lock. */
static struct skafu__ended *span_push(struct skafu__spans *spans, struct skafu__ended *span)
{
	struct skafu__ended *oldest = NULL;
	pthread_mutex_lock(&spans->lock);
	if (spans->count == spans->max) {
		oldest = spans->first;
		spans->first = oldest->next;
		spans->count--;
		spans->dropped++;
	}
	if (spans->first)
		spans->last->next = span;
	else
		spans->first = span;
	spans->last = span;
	spans->count++;
	pthread_mutex_unlock(&spans->lock);
	return oldest;
}

static void span_lose(struct skafu__spans *spans)
{
	pthread_mutex_lock(&spans->lock);
	spans->dropped++;
	pthread_mutex_unlock(&spans->lock);
}

uint64_t skafu__spans_lost(struct skafu__spans *spans)
{
	pthread_mutex_lock(&spans->lock);
	uint64_t dropped = spans->dropped;
	pthread_mutex_unlock(&spans->lock);
	return dropped;
}

uint32_t skafu__spans_detach(struct skafu__spans *spans, uint32_t most, struct skafu__ended **out_first)
{
	uint32_t count = 0;
	struct skafu__ended *last = NULL;
	pthread_mutex_lock(&spans->lock);
	*out_first = spans->first;
	for (struct skafu__ended *span = spans->first; span && count < most; span = span->next, count++)
		last = span;
	if (last) {
		spans->first = last->next;
		last->next = NULL;
		spans->count -= count;
	}
	pthread_mutex_unlock(&spans->lock);
	return count;
}

void skafu__spans_attach(struct skafu__spans *spans, struct skafu__ended *first, uint32_t count)
{
	struct skafu__ended *surplus = NULL;
	pthread_mutex_lock(&spans->lock);
	while (first && spans->count + count > spans->max) { /* others came meanwhile, and these are the oldest */
		struct skafu__ended *next = first->next;
		first->next = surplus;
		surplus = first;
		first = next;
		count--;
		spans->dropped++;
	}
	struct skafu__ended *last = first;
	while (last && last->next)
		last = last->next;
	if (last) {
		last->next = spans->first;
		if (!spans->first)
			spans->last = last;
		spans->first = first;
		spans->count += count;
	}
	pthread_mutex_unlock(&spans->lock);
	skafu__spans_free(spans, surplus);
}

/* ---- one span ------------------------------------------------------------------------------------------------ */

static char *span_copy_text(char *to, const char *text, size_t length)
{
	memcpy(to, text, length);
	to[length] = '\0';
	return to + length + 1;
}

void skafu__spans_end(struct skafu__spans *spans, const struct skafu__ending *ending)
{
	size_t name = strlen(ending->name);
	size_t message = ending->message ? strlen(ending->message) : 0;
	if (message > SPAN_MESSAGE_BYTES_MAX)
		message = skafu__utf8_cut(ending->message, message, SPAN_MESSAGE_BYTES_MAX);
	struct skafu__ended *span =
		skafu__alloc(spans->sys, sizeof *span + name + message + 2 + ending->attribute_bytes);
	if (!span) {
		span_lose(spans);
		return;
	}
	*span = (struct skafu__ended){.trace = ending->trace, .has_parent = ending->parent != NULL,
				      .kind = (uint8_t)ending->kind, .attributes = (uint16_t)ending->attribute_count,
				      .code = ending->code, .begin_ns = ending->begin_ns, .end_ns = ending->end_ns};
	if (ending->parent)
		memcpy(span->parent, ending->parent, sizeof span->parent);
	char *to = span_copy_text(span->texts, ending->name, name);
	to = span_copy_text(to, ending->message ? ending->message : "", message);
	if (ending->attribute_bytes != 0)
		memcpy(to, ending->attributes, ending->attribute_bytes);
	skafu__free(spans->sys, span_push(spans, span));
}

/* ---- spans of the library ------------------------------------------------------------------------------------ */

/* Attributes on the stack; what finds no room is left out. */
struct span_texts {
	size_t length;
	uint32_t count;
	char bytes[SPAN_LIBRARY_BYTES];
};

static void span_attribute(struct span_texts *texts, const char *key, const char *value)
{
	size_t key_length = strlen(key) + 1;
	if (!value || !value[0])
		return;
	size_t value_length = strnlen(value, 1024) + 1;
	if (value_length > 1024 || texts->length + key_length + value_length > sizeof texts->bytes)
		return;
	memcpy(texts->bytes + texts->length, key, key_length);
	memcpy(texts->bytes + texts->length + key_length, value, value_length);
	texts->length += key_length + value_length;
	texts->count++;
}

static void span_attribute_id(struct span_texts *texts, const char *key, const uint8_t *id)
{
	char text[SKAFU_ID_TEXT_BYTES];
	if (!id)
		return;
	skafu_id_format(id, text);
	span_attribute(texts, key, text);
}

static void span_attribute_number(struct span_texts *texts, const char *key, uint64_t number)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, number);
	if (number != 0)
		span_attribute(texts, key, text);
}

struct span_place {
	struct skafu__trace trace; /* span_id: of the parent */
	int has_parent;
};

static int span_is_zero(const uint8_t *id)
{
	return skafu__load_u64(id) == 0 && skafu__load_u64(id + 8) == 0;
}

/* Where the subject stands: 0 when its trace is left out. */
static int span_place_of(const struct skafu__spans *spans, const struct skafu__probe_event *event,
			 struct span_place *out)
{
	memset(out, 0, sizeof *out);
	if (event->metadata_length != 0 &&
	    skafu__trace_of_metadata(event->metadata, event->metadata_length, &out->trace) > 0) {
		out->has_parent = 1;
		return out->trace.flags & SKAFU__TRACE_SAMPLED;
	}
	skafu__trace_id_of(event->correlation ? event->correlation : "", out->trace.trace_id);
	out->trace.flags = SKAFU__TRACE_SAMPLED;
	if (event->from && event->causation && !span_is_zero(event->causation)) {
		skafu__trace_span_of(event->causation, event->from, "", out->trace.span_id);
		out->has_parent = 1;
	}
	return !skafu__trace_is_left_out(out->trace.trace_id, spans->unsampled_percent);
}

/* Of a failure may be known only when it was. */
static int64_t span_begin(const struct skafu__probe_event *event)
{
	return event->begin_ns != 0 ? event->begin_ns : event->end_ns;
}

static const char *span_text(const char *text)
{
	return text ? text : "";
}

/* 1 when the work may have the id that effects point at: nobody else had it lately. */
static int span_claim(struct skafu__spans *spans, const uint8_t span_id[8], const char *name)
{
	static const uint8_t nothing[16] = {0};
	uint8_t owner_bytes[8];
	uint64_t id = skafu__load_u64(span_id);
	skafu__trace_span_of(nothing, span_text(name), "", owner_bytes);
	uint64_t owner = skafu__load_u64(owner_bytes);
	size_t at = (size_t)(id >> 8) % SKAFU__SPAN_RECENT;
	pthread_mutex_lock(&spans->lock);
	int is_free = spans->recent_ids[at] != id || spans->recent[at] == owner;
	spans->recent_ids[at] = id;
	if (is_free)
		spans->recent[at] = owner;
	pthread_mutex_unlock(&spans->lock);
	return is_free;
}

/* The id of the work itself. */
static void span_work_id(struct skafu__spans *spans, const struct skafu__probe_event *event, uint8_t out[8])
{
	char part[SPAN_NAME_BYTES];
	skafu__trace_span_of(event->id, span_text(event->domain), "", out);
	int is_cause = event->emitted != 0 || event->kind == SKAFU__PROBE_EXECUTED;
	if (is_cause && span_claim(spans, out, event->name))
		return;
	snprintf(part, sizeof part, "%u %u %s", event->kind, event->attempt, span_text(event->name));
	skafu__trace_span_of(event->id, span_text(event->domain), part, out);
}

static void span_common_attributes(struct span_texts *texts, const struct skafu__probe_event *event)
{
	texts->length = 0;
	texts->count = 0;
	span_attribute(texts, "skafu.type", event->type);
	span_attribute(texts, "skafu.domain", event->domain);
	span_attribute(texts, "skafu.correlation", event->correlation);
	span_attribute_id(texts, "skafu.record", event->id);
	span_attribute_number(texts, "skafu.sequence", event->sequence);
}

/* From recorded to delivered.  The id is that which the handler has as its parent. */
static void span_delivery(struct skafu__spans *spans, const struct skafu__probe_event *event,
			  const struct span_place *place, const uint8_t span_id[8])
{
	struct span_texts texts;
	char name[SPAN_NAME_BYTES];
	struct skafu__ending ending = {.trace = place->trace, .kind = SKAFU_SPAN_PRODUCER, .name = name,
				       .parent = place->has_parent ? place->trace.span_id : NULL,
				       .begin_ns = event->recorded_ns, .end_ns = span_begin(event)};
	if (event->attempt > 1 || event->recorded_ns == 0)
		return;
	if (ending.end_ns < ending.begin_ns)
		ending.end_ns = ending.begin_ns;
	memcpy(ending.trace.span_id, span_id, 8);
	snprintf(name, sizeof name, "deliver %s", span_text(event->type));
	span_common_attributes(&texts, event);
	span_attribute(&texts, "skafu.source", event->from);
	span_attribute(&texts, "skafu.consumer", event->name);
	ending.attributes = texts.bytes;
	ending.attribute_bytes = texts.length;
	ending.attribute_count = texts.count;
	skafu__spans_end(spans, &ending);
}

static void span_work_attributes(struct span_texts *texts, const struct skafu__probe_event *event)
{
	static const char *const decisions[] = {NULL, "accepted", "refused"};
	int is_step = event->kind == SKAFU__PROBE_STEP;
	span_common_attributes(texts, event);
	if (event->kind == SKAFU__PROBE_EXECUTED) {
		span_attribute(texts, "skafu.decision", decisions[event->decision <= 2 ? event->decision : 0]);
		span_attribute(texts, "skafu.refusal", event->text);
	} else {
		span_attribute(texts, is_step ? "skafu.process" : "skafu.consumer", event->name);
		span_attribute(texts, "skafu.instance", is_step ? event->text : NULL);
	}
	span_attribute_number(texts, "skafu.emitted", event->emitted);
	span_attribute_number(texts, "skafu.attempt", event->attempt);
}

static void span_work(struct skafu__spans *spans, const struct skafu__probe_event *event,
		      const struct skafu__trace *trace, const uint8_t *parent)
{
	struct span_texts texts;
	char name[SPAN_NAME_BYTES];
	int is_failure = event->kind == SKAFU__PROBE_FAILED;
	int is_execute = event->kind == SKAFU__PROBE_EXECUTED;
	const char *verb = is_execute ? "execute" : event->kind == SKAFU__PROBE_STEP ? "step" : "handle";
	const char *of = event->kind == SKAFU__PROBE_STEP ? event->name : event->type;
	struct skafu__ending ending = {.trace = *trace, .parent = parent, .name = name, .begin_ns = span_begin(event),
				       .end_ns = event->end_ns,
				       .kind = is_execute ? SKAFU_SPAN_INTERNAL : SKAFU_SPAN_CONSUMER,
				       .code = is_failure ? (int32_t)-event->value : event->code,
				       .message = is_failure ? event->text : NULL};
	span_work_id(spans, event, ending.trace.span_id);
	snprintf(name, sizeof name, "%s %s", verb, span_text(of));
	span_work_attributes(&texts, event);
	ending.attributes = texts.bytes;
	ending.attribute_bytes = texts.length;
	ending.attribute_count = texts.count;
	skafu__spans_end(spans, &ending);
}

void skafu__spans_of(struct skafu__spans *spans, const struct skafu__probe_event *event)
{
	struct span_place place;
	char part[SPAN_NAME_BYTES];
	uint8_t delivery[8];
	int is_execute = event->kind == SKAFU__PROBE_EXECUTED;
	if (!is_execute && event->kind != SKAFU__PROBE_HANDLED && event->kind != SKAFU__PROBE_FAILED &&
	    event->kind != SKAFU__PROBE_STEP)
		return;
	if (!event->id || (event->begin_ns == 0 && event->end_ns == 0) || !span_place_of(spans, event, &place))
		return;
	if (is_execute || event->recorded_ns == 0) {
		span_work(spans, event, &place.trace, place.has_parent ? place.trace.span_id : NULL);
		return;
	}
	snprintf(part, sizeof part, "deliver %s", span_text(event->name));
	skafu__trace_span_of(event->id, span_text(event->domain), part, delivery);
	span_delivery(spans, event, &place, delivery);
	span_work(spans, event, &place.trace, delivery);
}

/* ---- as JSON ------------------------------------------------------------------------------------------------- */

static void span_hex(struct skafu__buf *out, const char *member, const uint8_t *bytes, size_t count)
{
	skafu__buf_printf(out, "\"%s\":\"", member);
	for (size_t i = 0; i < count; i++)
		skafu__buf_printf(out, "%02x", bytes[i]);
	skafu__buf_put_text(out, "\",");
}

/* A text of the host that is not UTF-8 is said to be there, no more. */
static void span_quote(struct skafu__buf *out, const char *text)
{
	if (skafu__json_quote(out, text, strlen(text)) == SKAFU_EUTF8)
		skafu__buf_put_text(out, "\"?\"");
}

static void span_write_attributes(struct skafu__buf *out, const struct skafu__ended *span, const char *at)
{
	skafu__buf_put_text(out, ",\"attributes\":[");
	for (uint32_t i = 0; i < span->attributes; i++) {
		const char *value = at + strlen(at) + 1;
		skafu__otlp_attribute(out, i == 0, at, strlen(at), value, strlen(value));
		at = value + strlen(value) + 1;
	}
	skafu__buf_put_text(out, "]");
}

static void span_write_status(struct skafu__buf *out, const struct skafu__ended *span, const char *message)
{
	if (span->code >= 0)
		return;
	skafu__buf_put_text(out, ",\"status\":{\"code\":2,\"message\":");
	span_quote(out, message[0] ? message : skafu_result_name(span->code));
	skafu__buf_put_u8(out, '}');
}

static void span_write(struct skafu__buf *out, const struct skafu__ended *span)
{
	const char *message = span->texts + strlen(span->texts) + 1;
	skafu__buf_put_u8(out, '{');
	span_hex(out, "traceId", span->trace.trace_id, 16);
	span_hex(out, "spanId", span->trace.span_id, 8);
	if (span->has_parent)
		span_hex(out, "parentSpanId", span->parent, 8);
	skafu__buf_printf(out, "\"flags\":%u,\"name\":", span->trace.flags & SKAFU__TRACE_SAMPLED);
	span_quote(out, span->texts);
	skafu__buf_printf(out, ",\"kind\":%u,", span->kind);
	skafu__otlp_time(out, "startTimeUnixNano", span->begin_ns);
	skafu__buf_put_u8(out, ',');
	skafu__otlp_time(out, "endTimeUnixNano", span->end_ns);
	span_write_attributes(out, span, message + strlen(message) + 1);
	span_write_status(out, span, message);
	skafu__buf_put_u8(out, '}');
}

void skafu__spans_write(struct skafu__buf *out, const struct skafu__ended *first, const char *service)
{
	skafu__otlp_begin(out, "Spans", "spans", service);
	for (const struct skafu__ended *span = first; span; span = span->next) {
		if (span != first)
			skafu__buf_put_u8(out, ',');
		span_write(out, span);
	}
	skafu__otlp_end(out);
}
