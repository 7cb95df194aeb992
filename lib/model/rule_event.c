/*
 * rule_event.c: taking in an event.
 *
 * Invariant: what no rule asks for costs a step over its text and no memory.  Of a value are made only the forms that
 * the conditions at its path need.
 */
#include "model/rule_event.h"

#include <stdio.h>
#include <string.h>

#include "base/sys.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/jsonpath.h"
#include "model/rule_index.h"
#include "model/rule_key.h"
#include "model/rule_table.h"
#include "store/recordjson.h"

enum ruleevent_field {
	RULEEVENT_ID,
	RULEEVENT_TYPE,
	RULEEVENT_VERSION,
	RULEEVENT_SOURCE,
	RULEEVENT_TIMESTAMP,
	RULEEVENT_SEQUENCE,
	RULEEVENT_STREAM,
	RULEEVENT_STREAM_VERSION,
	RULEEVENT_CORRELATION,
	RULEEVENT_CAUSATION,
	RULEEVENT_TAGS,
	RULEEVENT_METADATA,
	RULEEVENT_DATA,
	RULEEVENT_BASE64,
	RULEEVENT_SEVERITY,
	RULEEVENT_KIND,
	RULEEVENT_CONTENT_TYPE,
	RULEEVENT_HOPS
};

const char *const skafu__rule_envelope[SKAFU__RULE_ENVELOPE] = {
	"eventId", "eventType", "eventVersion", "source", "timestamp", "sequenceNumber", "streamId", "streamVersion",
	"correlationId", "causationId", "tags", "metadata", "data", "data_base64", "severity", "recordKind",
	"contentType", "hops"};

/* A scalar on its way in. */
struct ruleevent_scalar {
	uint32_t kind;
	uint32_t escaped; /* a text as it stands in JSON, with escapes */
	const uint8_t *text;
	size_t length;
};

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

/* Returns the number of the node, NONE without memory, which set->nodes remembers. */
static uint32_t ruleevent_node(struct skafu_rules *set, uint32_t parent, uint32_t path, uint32_t shape)
{
	struct skafu__rule_node node = {.path = path, .shape = shape, .first = SKAFU__RULE_NONE};
	uint32_t number = (uint32_t)(set->nodes.length / sizeof node);
	node.value = node.last = node.next = SKAFU__RULE_NONE;
	if (skafu__buf_put(&set->nodes, &node, sizeof node) < 0)
		return SKAFU__RULE_NONE;
	if (parent == SKAFU__RULE_NONE)
		return number;
	struct skafu__rule_node *above = skafu__rule_node(set, parent);
	if (above->last == SKAFU__RULE_NONE)
		above->first = number;
	else
		skafu__rule_node(set, above->last)->next = number;
	above->last = number;
	if (above->shape == SKAFU__RULE_ARRAY && shape != SKAFU__RULE_VALUE && ++above->wholes > 1)
		set->several = 1;
	return number;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static uint32_t ruleevent_id(const struct skafu_rules *set, uint32_t path, uint32_t kind,
		struct skafu__rule_span bytes)
{
	struct skafu__rule_item wanted = {.owner = path, .kind = kind, .length = bytes.count};
	if (bytes.count > UINT32_MAX / 4)
		return SKAFU__RULE_NONE;
	const uint8_t *text = bytes.count ? set->scratch.bytes + bytes.from : (const uint8_t *)"";
	return skafu__rule_find(set, &set->texts, &wanted, text);
}

static struct skafu__rule_span ruleevent_since(const struct skafu_rules *set, uint32_t from)
{
	return (struct skafu__rule_span){from, (uint32_t)set->scratch.length - from};
}

static struct skafu__rule_span ruleevent_fold(struct skafu_rules *set, struct skafu__rule_span plain)
{
	uint32_t from = (uint32_t)set->scratch.length;
	/* Room for all at once, so that the plain text does not move while it is read. */
	if (skafu__buf_reserve(&set->scratch, 2 * (size_t)plain.count + 8))
		skafu__rule_fold(&set->scratch, set->scratch.bytes + plain.from, plain.count);
	return ruleevent_since(set, from);
}

static struct skafu__rule_span ruleevent_reverse(struct skafu_rules *set, struct skafu__rule_span text)
{
	uint32_t from = (uint32_t)set->scratch.length;
	if (skafu__buf_reserve(&set->scratch, text.count)) {
		skafu__buf_put(&set->scratch, set->scratch.bytes + text.from, text.count);
		skafu__rule_reverse(set->scratch.bytes + from, text.count);
	}
	return ruleevent_since(set, from);
}

static void ruleevent_address(struct skafu_rules *set, struct skafu__rule_value *value)
{
	uint8_t key[SKAFU__RULE_ADDRESS_BYTES];
	struct skafu__rule_span plain = value->form[0];
	size_t length = skafu__rule_key_address(set->scratch.bytes + plain.from, plain.count, key);
	value->key_at = (uint32_t)set->scratch.length;
	if (length && skafu__buf_put(&set->scratch, key, length) == 0)
		value->key_length = (uint32_t)length;
}

static void ruleevent_text(struct skafu_rules *set, uint32_t path, const struct ruleevent_scalar *scalar,
			   struct skafu__rule_value *value)
{
	const uint32_t folded = SKAFU__RULE_NEED_FOLD | SKAFU__RULE_NEED_FORM(SKAFU__RULE_FOLDED)
		| SKAFU__RULE_NEED_FORM(SKAFU__RULE_FOLDED | SKAFU__RULE_REVERSED);
	uint32_t needs = skafu__rule_path(set, path)->needs;
	uint32_t from = (uint32_t)set->scratch.length;
	if (scalar->escaped)
		skafu__json_unescape(&set->scratch, scalar->text, scalar->length);
	else
		skafu__buf_put(&set->scratch, scalar->text, scalar->length);
	value->form[0] = ruleevent_since(set, from);
	if (set->scratch.failed)
		return;
	if (needs & SKAFU__RULE_NEED_TEXT)
		value->ids[0] = ruleevent_id(set, path, SKAFU__RULE_TEXT, value->form[0]);
	if (needs & folded)
		value->form[SKAFU__RULE_FOLDED] = ruleevent_fold(set, value->form[0]);
	if ((needs & SKAFU__RULE_NEED_FOLD) && !set->scratch.failed)
		value->ids[1] = ruleevent_id(set, path, SKAFU__RULE_FOLD, value->form[SKAFU__RULE_FOLDED]);
	for (uint32_t form = 0; form < 2; form++) {
		if (needs & SKAFU__RULE_NEED_FORM(form | SKAFU__RULE_REVERSED))
			value->form[form | SKAFU__RULE_REVERSED] = ruleevent_reverse(set, value->form[form]);
	}
	if ((needs & SKAFU__RULE_NEED_ADDRESS) && !set->scratch.failed)
		ruleevent_address(set, value);
}

static void ruleevent_number(struct skafu_rules *set, uint32_t path, const struct ruleevent_scalar *scalar,
			     struct skafu__rule_value *value)
{
	uint32_t from = (uint32_t)set->scratch.length;
	if (!(skafu__rule_path(set, path)->needs & SKAFU__RULE_NEED_NUMBER)
	    || skafu__rule_key_number(&set->scratch, scalar->text, scalar->length) < 0)
		return;
	struct skafu__rule_span key = ruleevent_since(set, from);
	value->key_at = key.from;
	value->key_length = key.count;
	value->ids[0] = ruleevent_id(set, path, SKAFU__RULE_NUMBER, key);
}

static void ruleevent_value(struct skafu_rules *set, uint32_t parent, uint32_t path,
			    const struct ruleevent_scalar *scalar)
{
	struct skafu__rule_value value = {.kind = scalar->kind, .ids = {SKAFU__RULE_NONE, SKAFU__RULE_NONE}};
	const struct skafu__rule_span nothing = {0, 0};
	if (path == SKAFU__RULE_NONE || skafu__rule_path(set, path)->terms == 0)
		return;
	if (scalar->kind == SKAFU__RULE_TEXT)
		ruleevent_text(set, path, scalar, &value);
	else if (scalar->kind == SKAFU__RULE_NUMBER)
		ruleevent_number(set, path, scalar, &value);
	else
		value.ids[0] = ruleevent_id(set, path, scalar->kind, nothing);
	uint32_t number = (uint32_t)(set->event_values.length / sizeof value);
	uint32_t node = ruleevent_node(set, parent, path, SKAFU__RULE_VALUE);
	if (set->scratch.failed || node == SKAFU__RULE_NONE
	    || skafu__buf_put(&set->event_values, &value, sizeof value) < 0)
		return;
	skafu__rule_node(set, node)->value = number;
	skafu__rule_fire(set, path, &value);
}

static int32_t ruleevent_outcome(const struct skafu_rules *set)
{
	return set->scratch.failed || set->nodes.failed || set->event_values.failed ? SKAFU_ENOMEM : 0;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

/* An open object or array; node NONE when no rule asks for what is in it. */
struct ruleevent_frame {
	uint32_t node;
	uint32_t path; /* of the next value in it; of an object, after a name */
	uint32_t home; /* of the container itself */
};

struct ruleevent_walk {
	struct skafu_rules *set;
	const uint8_t *text;
	struct ruleevent_frame frames[SKAFU__JSON_DEPTH_MAX + 1]; /* the first holds the whole text */
};

static void ruleevent_name(struct ruleevent_walk *walk, const struct skafu__json_token *token)
{
	struct ruleevent_frame *frame = &walk->frames[token->depth];
	struct skafu_rules *set = walk->set;
	const uint8_t *name = walk->text + token->offset;
	size_t length = token->length;
	size_t before = set->scratch.length;
	if (frame->node == SKAFU__RULE_NONE)
		return;
	if (token->escaped) {
		if (skafu__json_unescape(&set->scratch, name, length) < 0)
			return;
		name = set->scratch.bytes + before;
		length = set->scratch.length - before;
	}
	frame->path = skafu__rule_child(set, frame->home, name, length);
	set->scratch.length = before;
}

static void ruleevent_open(struct ruleevent_walk *walk, const struct skafu__json_token *token)
{
	struct ruleevent_frame *outer = &walk->frames[token->depth];
	struct ruleevent_frame *inner = outer + 1;
	int is_object = token->kind == SKAFU__JSON_OBJECT_BEGIN;
	uint32_t path = outer->path;
	*inner = (struct ruleevent_frame){SKAFU__RULE_NONE, SKAFU__RULE_NONE, path};
	if (path == SKAFU__RULE_NONE || (is_object && skafu__rule_path(walk->set, path)->children == 0))
		return;
	inner->node = ruleevent_node(walk->set, outer->node, path,
			is_object ? SKAFU__RULE_OBJECT : SKAFU__RULE_ARRAY);
	if (!is_object && inner->node != SKAFU__RULE_NONE)
		inner->path = path;
}

static void ruleevent_scalar(struct ruleevent_walk *walk, const struct skafu__json_token *token)
{
	const struct ruleevent_frame *frame = &walk->frames[token->depth];
	struct ruleevent_scalar scalar = {0, token->escaped, walk->text + token->offset, token->length};
	switch (token->kind) {
	case SKAFU__JSON_STRING:
		scalar.kind = SKAFU__RULE_TEXT;
		break;
	case SKAFU__JSON_NUMBER:
		scalar.kind = SKAFU__RULE_NUMBER;
		break;
	case SKAFU__JSON_TRUE:
		scalar.kind = SKAFU__RULE_TRUE;
		break;
	case SKAFU__JSON_FALSE:
		scalar.kind = SKAFU__RULE_FALSE;
		break;
	default:
		scalar.kind = SKAFU__RULE_NULL;
	}
	ruleevent_value(walk->set, frame->node, frame->path, &scalar);
}

/* The text becomes a child of `parent` at `path`. */
static int32_t ruleevent_json(struct skafu_rules *set, uint32_t parent, uint32_t path, const uint8_t *text,
			      size_t length)
{
	struct ruleevent_walk walk;
	struct skafu__json_walk tokens;
	struct skafu__json_token token;
	int32_t more;
	walk.set = set;
	walk.text = text;
	walk.frames[0] = (struct ruleevent_frame){parent, path, SKAFU__RULE_NONE};
	skafu__json_walk_init(&tokens, text, length);
	while ((more = skafu__json_next(&tokens, &token)) == 1) {
		if (token.kind == SKAFU__JSON_NAME)
			ruleevent_name(&walk, &token);
		else if (token.kind == SKAFU__JSON_OBJECT_BEGIN || token.kind == SKAFU__JSON_ARRAY_BEGIN)
			ruleevent_open(&walk, &token);
		else if (token.kind != SKAFU__JSON_OBJECT_END && token.kind != SKAFU__JSON_ARRAY_END)
			ruleevent_scalar(&walk, &token);
		if (set->scratch.failed || set->nodes.failed || set->event_values.failed)
			return SKAFU_ENOMEM;
	}
	return more;
}

int32_t skafu__rule_take_json(struct skafu_rules *set, const uint8_t *text, size_t length)
{
	size_t start = 0;
	while (start < length && (text[start] == ' ' || (text[start] >= '\t' && text[start] <= '\r')))
		start++;
	if (start == length || text[start] != '{')
		return SKAFU_EJSON;
	if (skafu__rule_path(set, 0)->children == 0) {
		ruleevent_node(set, SKAFU__RULE_NONE, 0, SKAFU__RULE_OBJECT);
		return ruleevent_outcome(set);
	}
	return ruleevent_json(set, SKAFU__RULE_NONE, 0, text, length);
}

/* ---- records --------------------------------------------------------------------------------------------------- */

static void ruleevent_bytes(struct skafu_rules *set, uint32_t parent, uint32_t path, const void *bytes, size_t length)
{
	struct ruleevent_scalar scalar = {SKAFU__RULE_TEXT, 0, bytes, length};
	ruleevent_value(set, parent, path, &scalar);
}

static void ruleevent_put(struct skafu_rules *set, enum ruleevent_field field, const char *text)
{
	if (set->envelope[field] != SKAFU__RULE_NONE)
		ruleevent_bytes(set, 0, set->envelope[field], text, strlen(text));
}

static void ruleevent_put_number(struct skafu_rules *set, enum ruleevent_field field, uint64_t number)
{
	char digits[24];
	if (set->envelope[field] == SKAFU__RULE_NONE)
		return;
	int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
	struct ruleevent_scalar scalar = {SKAFU__RULE_NUMBER, 0, (const uint8_t *)digits, (size_t)length};
	ruleevent_value(set, 0, set->envelope[field], &scalar);
}

static void ruleevent_put_id(struct skafu_rules *set, enum ruleevent_field field, const uint8_t *id)
{
	char text[SKAFU_ID_TEXT_BYTES];
	if (set->envelope[field] == SKAFU__RULE_NONE)
		return;
	skafu_id_format(id, text);
	ruleevent_put(set, field, text);
}

static void ruleevent_put_tags(struct skafu_rules *set, const skafu_record *record)
{
	uint32_t path = set->envelope[RULEEVENT_TAGS];
	const char *tag = record->tags;
	uint32_t node = path == SKAFU__RULE_NONE ? path : ruleevent_node(set, 0, path, SKAFU__RULE_ARRAY);
	if (node == SKAFU__RULE_NONE)
		return;
	for (uint32_t i = 0; i < record->tag_count; i++) {
		size_t length = strlen(tag);
		ruleevent_bytes(set, node, path, tag, length);
		tag += length + 1;
	}
}

static void ruleevent_put_base64(struct skafu_rules *set, const skafu_record *record)
{
	struct skafu__buf text;
	uint32_t path = set->envelope[RULEEVENT_BASE64];
	if (path == SKAFU__RULE_NONE)
		return;
	skafu__buf_init(&text, set->sys, UINT32_MAX / 2);
	if (skafu__base64_put(&text, record->data, record->data_length) == 0)
		ruleevent_bytes(set, 0, path, text.bytes, text.length);
	else
		set->scratch.failed = text.failed;
	skafu__buf_done(&text);
}

static int32_t ruleevent_put_payload(struct skafu_rules *set, const skafu_record *record)
{
	int32_t code = 0;
	if (record->metadata_length > 0 && set->envelope[RULEEVENT_METADATA] != SKAFU__RULE_NONE)
		code = ruleevent_json(set, 0, set->envelope[RULEEVENT_METADATA], record->metadata,
				      record->metadata_length);
	if (code < 0)
		return code;
	if (!skafu__recordjson_is_json(record)) {
		ruleevent_put_base64(set, record);
		return 0;
	}
	if (set->envelope[RULEEVENT_DATA] == SKAFU__RULE_NONE)
		return 0;
	return ruleevent_json(set, 0, set->envelope[RULEEVENT_DATA], record->data, record->data_length);
}

static void ruleevent_put_texts(struct skafu_rules *set, const skafu_record *record)
{
	char text[SKAFU_TIME_TEXT_BYTES > SKAFU__EVENT_VERSION_BYTES ? SKAFU_TIME_TEXT_BYTES
								     : SKAFU__EVENT_VERSION_BYTES];
	const char *severity = skafu__recordjson_severity(record);
	ruleevent_put(set, RULEEVENT_TYPE, record->type);
	ruleevent_put(set, RULEEVENT_SOURCE, record->source);
	ruleevent_put(set, RULEEVENT_CORRELATION, record->correlation);
	if (severity)
		ruleevent_put(set, RULEEVENT_SEVERITY, severity);
	if (set->envelope[RULEEVENT_VERSION] != SKAFU__RULE_NONE) {
		skafu__recordjson_version(record->event_version, text);
		ruleevent_put(set, RULEEVENT_VERSION, text);
	}
	if (set->envelope[RULEEVENT_TIMESTAMP] != SKAFU__RULE_NONE) {
		skafu_time_format(record->time_ns, text);
		ruleevent_put(set, RULEEVENT_TIMESTAMP, text);
	}
}

int32_t skafu__rule_take_record(struct skafu_rules *set, const skafu_record *record)
{
	if (ruleevent_node(set, SKAFU__RULE_NONE, 0, SKAFU__RULE_OBJECT) == SKAFU__RULE_NONE)
		return SKAFU_ENOMEM;
	ruleevent_put_texts(set, record);
	ruleevent_put_id(set, RULEEVENT_ID, record->id);
	ruleevent_put_number(set, RULEEVENT_SEQUENCE, record->sequence);
	if (record->kind == SKAFU_KIND_EVENT || *record->stream)
		ruleevent_put(set, RULEEVENT_STREAM, record->stream);
	if (record->kind == SKAFU_KIND_EVENT)
		ruleevent_put_number(set, RULEEVENT_STREAM_VERSION, record->stream_version);
	else
		ruleevent_put(set, RULEEVENT_KIND, skafu__recordjson_kind(record->kind));
	if (!skafu__recordjson_is_json(record))
		ruleevent_put(set, RULEEVENT_CONTENT_TYPE, record->content_type);
	if (record->hops != 0)
		ruleevent_put_number(set, RULEEVENT_HOPS, record->hops);
	if (skafu__recordjson_has_cause(record))
		ruleevent_put_id(set, RULEEVENT_CAUSATION, record->causation);
	ruleevent_put_tags(set, record);
	int32_t code = ruleevent_put_payload(set, record);
	return code < 0 ? code : ruleevent_outcome(set);
}
