#include "model/turn.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/json.h"
#include "store/batch.h"
#include "store/store.h"

#define TURN_REFUSAL_BYTES_MAX 8192u
#define TURN_CODE_BYTES_MAX 255u
#define TURN_MESSAGE_BYTES_MAX 4095u

void skafu__turn_init(struct skafu_turn *turn, const struct skafu__sys *sys)
{
	memset(turn, 0, sizeof *turn);
	skafu__buf_init(&turn->refusal, sys, TURN_REFUSAL_BYTES_MAX);
	skafu__buf_init(&turn->metadata, sys, 0);
}

void skafu__turn_done(struct skafu_turn *turn)
{
	skafu__buf_done(&turn->refusal);
	skafu__buf_done(&turn->metadata);
}

void skafu__turn_reset(struct skafu_turn *turn)
{
	skafu_batch_clear(turn->batch);
	skafu__buf_clear(&turn->refusal);
	turn->failed = 0;
	turn->event_count = 0;
	turn->own_count = 0;
	turn->last_is_own = 0;
	turn->refused = 0;
}

/* ---- traces ---------------------------------------------------------------------------------------------------- */

void skafu__turn_continue_trace(struct skafu_turn *turn, const void *metadata, size_t length)
{
	struct skafu__trace trace;
	turn->traceparent[0] = '\0';
	if (length == 0 || !turn->causation || skafu__trace_of_metadata(metadata, length, &trace) <= 0)
		return;
	skafu__trace_span_of(turn->causation, turn->domain->name, "", trace.span_id);
	skafu__trace_format(&trace, turn->traceparent);
}

/* The first byte of a JSON object's inside; length when it is none. */
static size_t turn_inside(const char *object, size_t length)
{
	size_t brace = skafu__json_skip_blanks(object, 0, length);
	return brace < length && object[brace] == '{' ? brace + 1 : length;
}

static int turn_is_blank(const char *text, size_t length)
{
	size_t at = skafu__json_skip_blanks(text, 0, length);
	return at < length && text[at] == '}';
}

/* What is wrong with given metadata is said by the batch, which checks them; a traceparent that finds no room within
 * the limit of metadata is left out. */
int32_t skafu__turn_metadata(struct skafu_turn *turn, skafu_new_record *record, skafu_error *error)
{
	static const char nothing[] = "{}";
	struct skafu__trace own;
	const char *given = record->metadata_length ? record->metadata : nothing;
	size_t length = record->metadata_length ? record->metadata_length : sizeof nothing - 1;
	if (!turn->traceparent[0] || !given || skafu__trace_of_metadata(given, length, &own))
		return 0;
	size_t inside = turn_inside(given, length);
	if (inside == length)
		return 0;
	struct skafu__buf *out = &turn->metadata;
	skafu__buf_clear(out);
	out->ceiling = turn->batch->store->opts.payload_bytes_max;
	skafu__buf_put_text(out, "{\"traceparent\":\"");
	skafu__buf_put_text(out, turn->traceparent);
	skafu__buf_put_text(out, turn_is_blank(given + inside, length - inside) ? "\"" : "\",");
	skafu__buf_put(out, given + inside, length - inside);
	if (out->failed == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (out->failed)
		return 0;
	record->metadata = out->bytes;
	record->metadata_length = out->length;
	return 0;
}

/* ---- emit ------------------------------------------------------------------------------------------------------ */

static int32_t turn_check(const skafu_turn *turn, const char *what, skafu_error *error)
{
	if (!turn)
		return skafu__fail(error, SKAFU_EINVAL, "the turn is NULL");
	if (!turn->is_open)
		return skafu__fail(error, SKAFU_EMISUSE, "%s is called outside of the handler that the turn was "
				   "given to", what);
	return 0;
}

static int32_t turn_find_type(const skafu_turn *turn, const char *name, const struct skafu__type **out,
			      skafu_error *error)
{
	const struct skafu__type *type = name ? skafu__registry_type(turn->registry, name) : NULL;
	if (!name)
		return skafu__fail(error, SKAFU_EINVAL, "an emitted event has no type");
	if (!type || !type->domain)
		return skafu__fail(error, SKAFU_EDEFINITION, "domain %s emits %s, which is no defined event type; "
				   "define it", turn->domain->name, name);
	if (type->domain != turn->domain)
		return skafu__fail(error, SKAFU_EDEFINITION, "domain %s emits %s, which belongs to domain %s; a "
				   "domain emits its own events only", turn->domain->name, name, type->domain->name);
	*out = type;
	return 0;
}

/* What the handler left out. */
static int32_t turn_complete(const skafu_turn *turn, const struct skafu__type *type, skafu_new_record *event,
			     skafu_error *error)
{
	if (event->kind != 0 && event->kind != SKAFU_KIND_EVENT)
		return skafu__fail(error, SKAFU_EINVAL, "a handler emits events, not records of kind %u",
				   event->kind);
	if (event->event_version != 0 && event->event_version != type->version)
		return skafu__fail(error, SKAFU_EDEFINITION, "%s is emitted in version %u.%u, but its newest is "
				   "%u.%u", type->name, event->event_version >> 16, event->event_version & 0xffffu,
				   type->version >> 16, type->version & 0xffffu);
	if (event->source && strcmp(event->source, turn->domain->name) != 0)
		return skafu__fail(error, SKAFU_EDEFINITION, "an event of domain %s is emitted with the source %s; "
				   "leave it out", turn->domain->name, event->source);
	event->event_version = type->version;
	event->source = turn->domain->name;
	if (!event->stream)
		event->stream = turn->stream;
	if (!event->stream)
		return skafu__fail(error, SKAFU_EINVAL, "an emitted %s names no stream, and neither does the input",
				   type->name);
	if (!event->correlation)
		event->correlation = turn->correlation;
	if (!event->causation)
		event->causation = turn->causation;
	if (event->hops == 0)
		event->hops = turn->hops;
	return 0;
}

static int32_t turn_ask_check(const struct skafu__type *type, const skafu_new_record *event, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = type->check ? type->check(type->user, event, &own) : 0;
	if (rc >= 0)
		return 0;
	if (own.code == 0)
		skafu__fail(&own, rc, "the check of %s refused the event", type->name);
	return skafu__error_copy(error, &own, rc);
}

int32_t skafu__turn_fill(skafu_turn *turn, const skafu_new_record *given, skafu_new_record *out, skafu_error *error)
{
	const struct skafu__type *type = NULL;
	int32_t rc = skafu__opts_read(out, sizeof *out, given, "skafu_new_record", error);
	if (rc == 0)
		rc = turn_find_type(turn, out->type, &type, error);
	if (rc == 0 && type)
		rc = turn_complete(turn, type, out, error);
	if (rc == 0 && type)
		rc = turn_ask_check(type, out, error);
	return rc ? rc : skafu__turn_metadata(turn, out, error);
}

static int32_t turn_emit(skafu_turn *turn, const skafu_new_record *given, skafu_error *error)
{
	skafu_new_record event;
	int32_t rc = skafu__turn_fill(turn, given, &event, error);
	if (rc == 0)
		rc = skafu_batch_add(turn->batch, &event, error);
	if (rc != 0)
		return rc;
	turn->event_count++;
	turn->last_is_own = turn->stream && strcmp(event.stream, turn->stream) == 0;
	turn->own_count += turn->last_is_own;
	return 0;
}

int32_t skafu_turn_emit(skafu_turn *turn, const skafu_new_record *event, skafu_error *error)
{
	int32_t rc = turn_check(turn, "skafu_turn_emit", error);
	if (rc == 0 && turn->refused)
		rc = skafu__fail(error, SKAFU_EMISUSE, "the command is refused already, so nothing can be emitted");
	if (rc == 0 && !turn->domain)
		rc = skafu__fail(error, SKAFU_EMISUSE, "a subscription belongs to no domain, so it cannot emit; make "
				 "it a reaction");
	if (rc == 0 && !event)
		rc = skafu__fail(error, SKAFU_EINVAL, "the event is NULL");
	if (rc != 0)
		return rc;
	rc = turn_emit(turn, event, error);
	if (rc != 0)
		turn->failed = rc;
	return rc;
}

/* ---- refuse ---------------------------------------------------------------------------------------------------- */

static int32_t turn_check_refusal(const char *code, const char *message, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(code, TURN_CODE_BYTES_MAX, "code of a refusal", &length, error);
	if (rc == 0 && message && strnlen(message, TURN_MESSAGE_BYTES_MAX + 1) > TURN_MESSAGE_BYTES_MAX)
		rc = skafu__fail(error, SKAFU_ELIMIT, "the message of a refusal has more than %u bytes",
				 TURN_MESSAGE_BYTES_MAX);
	if (rc == 0 && message && !skafu__utf8_is_valid(message, strlen(message)))
		rc = skafu__fail(error, SKAFU_EUTF8, "the message of a refusal is not UTF-8");
	return rc;
}

int32_t skafu_turn_refuse(skafu_turn *turn, const char *code, const char *message, skafu_error *error)
{
	int32_t rc = turn_check(turn, "skafu_turn_refuse", error);
	if (rc == 0 && turn->kind != SKAFU__TURN_DECIDER)
		rc = skafu__fail(error, SKAFU_EMISUSE, "only a decider refuses; what has happened cannot be refused");
	if (rc == 0)
		rc = turn_check_refusal(code, message, error);
	if (rc != 0)
		return rc;
	skafu__turn_reset(turn);
	skafu__buf_put(&turn->refusal, code, strlen(code) + 1);
	skafu__buf_put(&turn->refusal, message ? message : "", message ? strlen(message) + 1 : 1);
	turn->refused = 1;
	if (!turn->refusal.failed)
		return 0;
	turn->failed = SKAFU_ENOMEM;
	return skafu__fail_memory(error);
}

const char *skafu__turn_refusal_code(const struct skafu_turn *turn)
{
	return turn->refused ? (const char *)turn->refusal.bytes : "";
}

const char *skafu__turn_refusal_message(const struct skafu_turn *turn)
{
	const char *code = skafu__turn_refusal_code(turn);
	return turn->refused ? code + strlen(code) + 1 : "";
}

int64_t skafu_turn_now(const skafu_turn *turn)
{
	return turn ? turn->now_ns : 0;
}
