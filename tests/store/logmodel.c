#include "store/logmodel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIG_TOKEN 997u /* every so many tokens a payload is large */

/* ---- texts --------------------------------------------------------------------------------------------------- */

static const char *text_of(const char *what, uint32_t number)
{
	static char texts[32][64];
	static unsigned turn;
	char *text = texts[turn++ % 32];

	snprintf(text, sizeof *texts, "%s%u", what, number);
	return text;
}

const char *model_stream(uint32_t number)
{
	static char longest[256];

	if (number == MODEL_STREAMS - 1) { /* a name of the largest length */
		memset(longest, 'n', 255);
		return longest;
	}
	return text_of(number < 12 ? "order-" : number < 18 ? "user-\xc3\xa9-" : "order-items-", number);
}

const char *model_type(uint32_t number)
{
	return text_of(number < 12 ? "Happened" : number < 16 ? "Do" : number < 19 ? "Failed" : "Done", number);
}

const char *model_tag(uint32_t number)
{
	return text_of("tag:", number);
}

const char *model_correlation(uint32_t number)
{
	return text_of("correlation/", number);
}

const char *model_domain(uint32_t number)
{
	return text_of("domain-", number);
}

const char *model_table(uint32_t number)
{
	return text_of("table.", number);
}

const char *model_key(uint32_t number)
{
	return text_of(number % 3 == 0 ? "k" : "key-", number);
}

/* ---- bytes --------------------------------------------------------------------------------------------------- */

static void fill_bytes(uint8_t *to, size_t length, uint32_t token)
{
	for (size_t i = 0; i < length; i++) {
		token = token * 1664525u + 1013904223u;
		to[i] = (uint8_t)(token >> 24);
	}
}

const void *model_payload(uint32_t token, size_t *out_length, const char **out_content_type)
{
	static uint8_t bytes[65536];

	if (token % BIG_TOKEN == 0) {
		*out_content_type = "application/octet-stream";
		*out_length = 4000 + token % 50000;
		fill_bytes(bytes, *out_length, token);
		return bytes;
	}
	if (token % 5 == 1) {
		*out_content_type = "application/octet-stream";
		*out_length = token % 300;
		fill_bytes(bytes, *out_length, token);
		return bytes;
	}
	*out_content_type = "application/json";
	*out_length = (size_t)snprintf((char *)bytes, sizeof bytes, token % 7 ? "{\"n\":%u}" : "[%u]", token);
	return bytes;
}

const char *model_metadata(uint32_t token)
{
	static char text[40];

	if (token % 4 != 0)
		return NULL;
	snprintf(text, sizeof text, " {\"m\": %u}", token);
	return text;
}

const void *model_value(uint32_t token, size_t *out_length)
{
	static uint8_t bytes[20000];

	*out_length = token % 251 == 0 ? 3000 + token % 15000 : token % 40;
	fill_bytes(bytes, *out_length, token);
	return bytes;
}

uint32_t model_event_version(uint32_t token)
{
	return (1 + token % 3) << 16 | token % 5;
}

/* ---- plans --------------------------------------------------------------------------------------------------- */

static int32_t plan_add_record(const struct plan_record *plan, skafu_batch *batch, skafu_error *error)
{
	skafu_new_record record = {.size = sizeof record, .kind = plan->kind};
	const char *tags[MODEL_TAGS];
	char texts[MODEL_TAGS][16];
	static const uint8_t cause[16] = {1, 2, 3};

	if (plan->kind == SKAFU_KIND_EVENT)
		record.stream = model_stream(plan->stream);
	record.type = model_type(plan->type);
	record.source = model_domain(plan->source);
	record.data = model_payload(plan->token, &record.data_length, &record.content_type);
	record.metadata = model_metadata(plan->token);
	record.metadata_length = record.metadata ? strlen(record.metadata) : 0;
	record.event_version = model_event_version(plan->token);
	record.hops = plan->token % 9;
	record.severity = plan->kind == SKAFU_KIND_ERROR ? plan->token % 4 : 0;
	record.causation = plan->token % 3 ? cause : NULL;
	for (uint32_t i = 0; i < MODEL_TAGS; i++)
		if (plan->tags & (1u << i)) {
			snprintf(texts[record.tag_count], sizeof *texts, "%s", model_tag(i));
			tags[record.tag_count] = texts[record.tag_count];
			record.tag_count++;
		}
	record.tags = tags;
	if (plan->correlation)
		record.correlation = model_correlation(plan->correlation - 1u);
	if (plan->id_given)
		record.id = plan->id;
	if (plan->time_given) {
		record.flags = SKAFU_RECORD_TIME;
		record.time_ns = plan->time_ns;
	}
	return skafu_batch_add(batch, &record, error);
}

static int32_t plan_add_row(const struct plan_row *row, skafu_batch *batch, skafu_error *error)
{
	size_t length;
	const void *value = model_value(row->token, &length);
	const char *key = model_key(row->key);

	if (!row->put)
		return skafu_batch_delete_row(batch, model_table(row->table), key, strlen(key), error);
	return skafu_batch_put_row(batch, model_table(row->table), key, strlen(key), value, length, error);
}

skafu_query *plan_query_make(const struct plan_query *plan)
{
	skafu_query *query = NULL;
	int32_t rc = skafu_query_new(&query, NULL);

	for (uint32_t i = 0; rc == 0 && i < plan->items; i++) {
		rc = skafu_query_add_item(query, NULL);
		for (uint32_t k = 0; rc == 0 && k < MODEL_TYPES; k++)
			if (plan->types[i] & (1u << k))
				rc = skafu_query_add_type(query, model_type(k), NULL);
		for (uint32_t k = 0; rc == 0 && k < MODEL_TAGS; k++)
			if (plan->tags[i] & (1u << k))
				rc = skafu_query_add_tag(query, model_tag(k), NULL);
	}
	if (rc == 0)
		return query;
	skafu_query_free(query);
	return NULL;
}

static int32_t plan_add_condition(const struct plan_condition *plan, skafu_batch *batch, skafu_error *error)
{
	size_t length;
	const void *value = model_value(plan->token, &length);
	const char *key = model_key(plan->key);
	skafu_query *query;
	int32_t rc;

	if (plan->kind == PLAN_STREAM)
		return skafu_batch_expect_stream(batch, model_stream(plan->stream), plan->expectation, plan->number,
						 error);
	if (plan->kind == PLAN_ROW && plan->expectation)
		return skafu_batch_expect_row(batch, model_table(plan->table), key, strlen(key), value, length,
					      error);
	if (plan->kind == PLAN_ROW)
		return skafu_batch_expect_no_row(batch, model_table(plan->table), key, strlen(key), error);
	query = plan_query_make(&plan->query);
	rc = query ? skafu_batch_expect_no_match(batch, query, plan->number, error) : SKAFU_ENOMEM;
	skafu_query_free(query);
	return rc;
}

static int32_t plan_add_hide(const struct plan_hide *hide, skafu_batch *batch, skafu_error *error)
{
	switch (hide->kind) {
	case PLAN_TRUNCATE:
		return skafu_batch_truncate_stream(batch, model_stream(hide->stream), hide->number, error);
	case PLAN_DELETE:
		return skafu_batch_delete_stream(batch, model_stream(hide->stream), hide->number, error);
	case PLAN_TOMBSTONE:
		return skafu_batch_tombstone_stream(batch, model_stream(hide->stream), error);
	default:
		return skafu_batch_erase(batch, hide->number, error);
	}
}

int32_t plan_fill(const struct plan *plan, skafu_batch *batch, skafu_error *error)
{
	int32_t rc = 0;

	for (uint32_t i = 0; rc == 0 && i < plan->records_count; i++)
		rc = plan_add_record(&plan->records[i], batch, error);
	for (uint32_t i = 0; rc == 0 && i < plan->rows_count; i++)
		rc = plan_add_row(&plan->rows[i], batch, error);
	for (uint32_t i = 0; rc == 0 && i < plan->conditions_count; i++)
		rc = plan_add_condition(&plan->conditions[i], batch, error);
	for (uint32_t i = 0; rc == 0 && i < plan->hides_count; i++)
		rc = plan_add_hide(&plan->hides[i], batch, error);
	if (rc == 0 && plan->id_given)
		rc = skafu_batch_set_id(batch, plan->id, error);
	return rc;
}

/* ---- hiding -------------------------------------------------------------------------------------------------- */

int model_hides(const struct model *model, uint64_t sequence)
{
	const struct model_record *record = &model->records[sequence - 1];

	return record->plan.kind == SKAFU_KIND_EVENT && record->stream_version < model->before[record->plan.stream];
}

int model_has_events(const struct model *model, uint32_t stream)
{
	return model->versions[stream] != 0 && model->versions[stream] >= model->before[stream];
}

static int judge_tombstones(const struct model *model, const struct plan *plan, struct verdict *out)
{
	for (uint32_t i = 0; i < plan->records_count; i++)
		if (plan->records[i].kind == SKAFU_KIND_EVENT &&
		    model->before[plan->records[i].stream] == UINT64_MAX) {
			out->code = SKAFU_EDELETED;
			out->item = i + 1;
			return 1;
		}
	return 0;
}

static int judge_hide(const struct model *model, const struct plan_hide *hide, struct verdict *out)
{
	uint64_t version = model->versions[hide->stream];
	uint64_t before = hide->kind == PLAN_DELETE ? hide->number + 1 : hide->number;

	if (hide->kind == PLAN_ERASE) {
		out->code = hide->number > model->record_count ? SKAFU_ENOTFOUND : 0;
		out->sequence = out->code ? hide->number : 0;
	} else if (model->before[hide->stream] == UINT64_MAX) {
		out->code = SKAFU_EDELETED;
	} else if (hide->kind != PLAN_TOMBSTONE && (before > version + 1 || before < model->before[hide->stream])) {
		out->code = SKAFU_EINVAL;
		out->version = version;
	}
	return out->code != 0;
}

static int judge_hides(const struct model *model, const struct plan *plan, struct verdict *out)
{
	for (uint32_t i = 0; i < plan->hides_count; i++)
		if (judge_hide(model, &plan->hides[i], out))
			return 1;
	return 0;
}

static void model_hide(struct model *model, const struct plan_hide *hide)
{
	if (hide->kind == PLAN_ERASE && !model->records[hide->number - 1].erased)
		model->records[hide->number - 1].erased = model->commit_count;
	else if (hide->kind == PLAN_TOMBSTONE)
		model->before[hide->stream] = UINT64_MAX;
	else if (hide->kind != PLAN_ERASE)
		model->before[hide->stream] = hide->number + (hide->kind == PLAN_DELETE ? 1 : 0);
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

static int matches_all(const struct plan_query *query)
{
	for (uint32_t i = 0; i < query->items; i++)
		if (!query->types[i] && !query->tags[i])
			return 1;
	return query->items == 0;
}

/* The first item, from 1. */
static uint32_t item_of(const struct plan_query *query, const struct plan_record *record)
{
	if (query->items == 0)
		return 1;
	for (uint32_t i = 0; i < query->items; i++) {
		uint32_t tags = query->tags[i];
		int type_fits = !query->types[i] || (query->types[i] & (1u << record->type));

		if (type_fits && (record->tags & tags) == tags)
			return i + 1;
	}
	return 0;
}

static int same_record(const struct plan_record *given, const struct model_record *stored)
{
	const struct plan_record *was = &stored->plan;

	if (given->kind != was->kind || given->type != was->type || given->source != was->source ||
	    given->tags != was->tags || given->token != was->token)
		return 0;
	if (given->kind == SKAFU_KIND_EVENT && given->stream != was->stream)
		return 0;
	if (given->correlation && given->correlation != was->correlation)
		return 0;
	if (given->id_given && memcmp(given->id, stored->id, 16) != 0)
		return 0;
	return !given->time_given || (was->time_given && given->time_ns == was->time_ns);
}

static int same_value(uint32_t a, uint32_t b)
{
	uint8_t first[20000];
	size_t length;
	size_t other_length;
	const void *value = model_value(a, &length);
	const void *other;

	memcpy(first, value, length);
	other = model_value(b, &other_length);
	return length == other_length && memcmp(first, other, length) == 0;
}

static int same_content(const struct model *model, const struct plan *plan, const struct model_commit *commit)
{
	if (plan->records_count != commit->plan->records_count || plan->rows_count != commit->plan->rows_count ||
	    plan->hides_count != commit->plan->hides_count ||
	    memcmp(plan->hides, commit->plan->hides, sizeof plan->hides) != 0)
		return 0;
	for (uint32_t i = 0; i < plan->records_count; i++)
		if (!same_record(&plan->records[i], &model->records[commit->first_sequence - 1 + i]))
			return 0;
	for (uint32_t i = 0; i < plan->rows_count; i++) {
		const struct plan_row *a = &plan->rows[i];
		const struct plan_row *b = &commit->plan->rows[i];

		if (a->table != b->table || a->key != b->key || a->put != b->put ||
		    (a->put && !same_value(a->token, b->token)))
			return 0;
	}
	return 1;
}

static void judge_retry(const struct model *model, const struct plan *plan, size_t number, struct verdict *out)
{
	const struct model_commit *commit = &model->commits[number];

	if (!same_content(model, plan, commit)) {
		out->code = SKAFU_ECOMMIT;
		out->sequence = commit->plan->records_count ? commit->first_sequence : 0;
		return;
	}
	out->appended.flags = SKAFU_APPENDED_RETRY;
	out->appended.commit = number + 1;
	out->appended.first_sequence = commit->plan->records_count ? commit->first_sequence : 0;
	out->appended.last_sequence =
		commit->plan->records_count ? commit->first_sequence + commit->plan->records_count - 1 : 0;
	out->appended.stream_version = commit->stream_version;
	out->appended.recorded_ns = commit->recorded_ns;
}

static int judge_ids(const struct model *model, const struct plan *plan, struct verdict *out)
{
	for (uint32_t i = 0; i < plan->records_count; i++)
		for (size_t k = 0; plan->records[i].id_given && k < model->record_count; k++)
			if (memcmp(model->records[k].id, plan->records[i].id, 16) == 0) {
				out->code = SKAFU_EDUPLICATE;
				out->item = i + 1;
				out->sequence = k + 1;
				return 1;
			}
	return 0;
}

static int judge_row(const struct model *model, const struct plan_condition *condition, struct verdict *out)
{
	int is = model->row_is[condition->table][condition->key];
	uint32_t token = model->row_token[condition->table][condition->key];

	if (condition->expectation ? is && same_value(token, condition->token) : !is)
		return 0;
	out->code = SKAFU_EROW;
	return 1;
}

static int judge_stream(const struct model *model, const struct plan_condition *condition, struct verdict *out)
{
	uint64_t version = model->versions[condition->stream];
	int holds = 1;

	int is_free = !model_has_events(model, condition->stream) && model->before[condition->stream] != UINT64_MAX;

	if (condition->expectation == SKAFU_EXPECT_NONE)
		holds = version == 0 || is_free;
	if (condition->expectation == SKAFU_EXPECT_EXISTS)
		holds = model_has_events(model, condition->stream);
	if (condition->expectation == SKAFU_EXPECT_EXACT)
		holds = version == condition->number || (condition->number == 0 && is_free);
	if (holds)
		return 0;
	out->code = SKAFU_ECONFLICT;
	out->version = version;
	return 1;
}

static int judge_query(const struct model *model, const struct plan_condition *condition, struct verdict *out)
{
	for (uint64_t i = condition->number; i < model->record_count; i++) {
		const struct plan_record *record = &model->records[i].plan;
		uint32_t item = record->kind == SKAFU_KIND_EVENT && !model_hides(model, i + 1)
					? item_of(&condition->query, record)
					: 0;

		if (item) {
			out->code = SKAFU_EMATCH;
			out->item = item;
			out->sequence = i + 1;
			return 1;
		}
	}
	return 0;
}

/* The conditions that deletes come with stand behind those that were given. */
static int judge_deletes(const struct model *model, const struct plan *plan, struct verdict *out)
{
	uint32_t number = plan->conditions_count;

	for (uint32_t i = 0; i < plan->hides_count; i++) {
		const struct plan_hide *hide = &plan->hides[i];
		struct plan_condition condition = {.kind = PLAN_STREAM, .expectation = SKAFU_EXPECT_EXACT,
						   .number = hide->number, .stream = (uint8_t)hide->stream};

		if (hide->kind != PLAN_DELETE)
			continue;
		number++;
		if (judge_stream(model, &condition, out)) {
			out->condition = number;
			return 1;
		}
	}
	return 0;
}

static int judge_conditions(const struct model *model, const struct plan *plan, struct verdict *out)
{
	for (uint32_t kind = PLAN_ROW; kind <= PLAN_QUERY; kind++) {
		if (kind == PLAN_QUERY && judge_deletes(model, plan, out))
			return 1;
		for (uint32_t i = 0; i < plan->conditions_count; i++) {
			const struct plan_condition *condition = &plan->conditions[i];
			int refused = 0;

			if (condition->kind != kind)
				continue;
			if (kind == PLAN_ROW)
				refused = judge_row(model, condition, out);
			else if (kind == PLAN_STREAM)
				refused = judge_stream(model, condition, out);
			else
				refused = judge_query(model, condition, out);
			if (refused) {
				out->condition = i + 1;
				return 1;
			}
		}
	}
	return 0;
}

static int judge_owners(const struct model *model, const struct plan *plan, struct verdict *out)
{
	for (uint32_t i = 0; i < plan->records_count; i++) {
		const struct plan_record *record = &plan->records[i];
		uint32_t owner = model->owners[record->type];

		if (record->kind <= SKAFU_KIND_COMMAND && owner && owner != record->source + 1u) {
			out->code = SKAFU_EDEFINITION;
			return 1;
		}
	}
	return 0;
}

void model_judge(const struct model *model, const struct plan *plan, const uint8_t id[16], struct verdict *out)
{
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < model->commit_count; i++)
		if (memcmp(model->commits[i].id, id, 16) == 0) {
			judge_retry(model, plan, i, out);
			return;
		}
	if (judge_ids(model, plan, out) || judge_tombstones(model, plan, out) ||
	    judge_conditions(model, plan, out) || judge_hides(model, plan, out) || judge_owners(model, plan, out))
		return;
	out->appended.commit = model->commit_count + 1;
	if (plan->records_count) {
		out->appended.first_sequence = model->record_count + 1;
		out->appended.last_sequence = model->record_count + plan->records_count;
	}
	for (uint32_t i = plan->records_count; i > 0 && !out->appended.stream_version; i--) {
		uint8_t stream = plan->records[i - 1].stream;

		if (plan->records[i - 1].kind != SKAFU_KIND_EVENT)
			continue;
		out->appended.stream_version = model->versions[stream];
		for (uint32_t k = 0; k < i; k++)
			out->appended.stream_version +=
				plan->records[k].kind == SKAFU_KIND_EVENT && plan->records[k].stream == stream;
	}
}

/* ---- appending ----------------------------------------------------------------------------------------------- */

static void *room_for(void *array, size_t count, size_t *room, size_t bytes)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 256;
	array = realloc(array, *room * bytes);
	if (!array)
		abort();
	return array;
}

static void model_add_record(struct model *model, const struct plan_record *plan, const uint8_t id[16],
			     int64_t recorded_ns)
{
	struct model_record *record;

	model->records = room_for(model->records, model->record_count, &model->record_room, sizeof *model->records);
	record = &model->records[model->record_count++];
	record->plan = *plan;
	memcpy(record->id, id, 16);
	record->commit = model->commit_count;
	record->recorded_ns = recorded_ns;
	record->stream_version = 0;
	record->erased = 0;
	if (plan->kind == SKAFU_KIND_EVENT)
		record->stream_version = ++model->versions[plan->stream];
	if (plan->kind <= SKAFU_KIND_COMMAND)
		model->owners[plan->type] = plan->source + 1u;
}

void model_append(struct model *model, const struct plan *plan, const uint8_t id[16], uint8_t (*ids)[16],
		  int64_t recorded_ns)
{
	struct model_commit *commit;

	model->commits = room_for(model->commits, model->commit_count, &model->commit_room, sizeof *model->commits);
	commit = &model->commits[model->commit_count++];
	memset(commit, 0, sizeof *commit);
	memcpy(commit->id, id, 16);
	commit->plan = malloc(sizeof *plan);
	if (!commit->plan)
		abort();
	*commit->plan = *plan;
	commit->first_sequence = model->record_count + 1;
	commit->recorded_ns = recorded_ns;
	for (uint32_t i = 0; i < plan->records_count; i++) {
		model_add_record(model, &plan->records[i], ids[i], recorded_ns);
		if (plan->records[i].kind == SKAFU_KIND_EVENT)
			commit->stream_version = model->records[model->record_count - 1].stream_version;
	}
	for (uint32_t i = 0; i < plan->rows_count; i++) {
		const struct plan_row *row = &plan->rows[i];

		model->row_is[row->table][row->key] = row->put;
		model->row_token[row->table][row->key] = row->token;
	}
	for (uint32_t i = 0; i < plan->hides_count; i++)
		model_hide(model, &plan->hides[i]);
}

void model_free(struct model *model)
{
	for (size_t i = 0; i < model->commit_count; i++)
		free(model->commits[i].plan);
	free(model->records);
	free(model->commits);
	memset(model, 0, sizeof *model);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static int read_wants(const struct model *model, const struct model_read *read, size_t at)
{
	const struct model_record *record = &model->records[at];
	const skafu_read_opts *opts = &read->opts;
	uint32_t kinds = opts->kinds ? opts->kinds : SKAFU_KINDS_EVENTS;
	uint64_t place = read->form == MODEL_STREAM ? record->stream_version : at + 1;

	if (model_hides(model, at + 1))
		return 0;
	if (!(kinds & (1u << record->plan.kind)) || place < opts->from || (opts->to && place > opts->to))
		return 0;
	if ((opts->flags & SKAFU_READ_RECORDED_FROM) && record->recorded_ns < opts->recorded_from_ns)
		return 0;
	if ((opts->flags & SKAFU_READ_RECORDED_TO) && record->recorded_ns > opts->recorded_to_ns)
		return 0;
	switch (read->form) {
	case MODEL_ALL:
		return 1;
	case MODEL_QUERY:
		return matches_all(&read->query) || item_of(&read->query, &record->plan);
	case MODEL_STREAM:
		return record->plan.kind == SKAFU_KIND_EVENT && record->plan.stream == read->number;
	case MODEL_CORRELATION:
		return record->plan.correlation == read->number + 1;
	case MODEL_DOMAIN:
		/* Types of events and commands belong to a domain; errors and outcomes are of who emitted them. */
		return (record->plan.kind <= SKAFU_KIND_COMMAND ? model->owners[record->plan.type]
								: record->plan.source + 1u) == read->number + 1;
	case MODEL_FORMS:
		break;
	}
	return 0;
}

size_t model_select(const struct model *model, const struct model_read *read, uint64_t *out)
{
	int backward = (read->opts.flags & SKAFU_READ_BACKWARD) != 0;
	size_t found = 0;

	for (size_t i = 0; i < model->record_count && found < read->limit; i++) {
		size_t at = backward ? model->record_count - 1 - i : i;

		if (read_wants(model, read, at))
			out[found++] = at + 1;
	}
	return found;
}

static const char *tags_differ(const struct plan_record *plan, const skafu_record *record)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < MODEL_TAGS; i++) {
		const char *tag;

		if (!(plan->tags & (1u << i)))
			continue;
		tag = skafu_record_tag(record, at++);
		if (!tag || strcmp(tag, model_tag(i)) != 0)
			return "tags";
	}
	return at == record->tag_count && !skafu_record_tag(record, at) ? NULL : "tag_count";
}

static const char *content_differs(const struct plan_record *plan, int is_erased, const skafu_record *record)
{
	size_t length;
	const char *content_type;
	const void *payload = model_payload(plan->token, &length, &content_type);
	const char *metadata = model_metadata(plan->token);
	size_t metadata_length = metadata ? strlen(metadata) : 0;
	int is_json = strcmp(content_type, "application/json") == 0;

	if (strcmp(record->content_type, content_type) != 0)
		return "content_type";
	if (is_erased)
		length = 0;
	if (record->data_length != length || (length && memcmp(record->data, payload, length) != 0))
		return "data";
	if (record->metadata_length != metadata_length ||
	    (metadata_length && memcmp(record->metadata, metadata, metadata_length) != 0))
		return "metadata";
	return !(record->flags & SKAFU_RECORD_IS_JSON) == (!is_json || is_erased) ? NULL : "flags";
}

static const char *fixed_differs(const struct model_record *was, const skafu_record *record)
{
	static const uint8_t causes[2][16] = {{0}, {1, 2, 3}};
	const struct plan_record *plan = &was->plan;
	uint32_t token = plan->token;
	char own[37];

	if (record->kind != plan->kind || record->commit != was->commit ||
	    record->stream_version != was->stream_version || record->recorded_ns != was->recorded_ns)
		return "kind, commit, stream_version or recorded_ns";
	if (record->event_version != model_event_version(token) || record->hops != token % 9 ||
	    record->severity != (plan->kind == SKAFU_KIND_ERROR ? token % 4 : 0))
		return "event_version, hops or severity";
	if (memcmp(record->id, was->id, 16) != 0 || memcmp(record->causation, causes[token % 3 != 0], 16) != 0)
		return "id or causation";
	if (plan->time_given && record->time_ns != plan->time_ns)
		return "time_ns";
	skafu_id_format(was->id, own);
	if (strcmp(record->correlation, plan->correlation ? model_correlation(plan->correlation - 1u) : own) != 0)
		return "correlation";
	return NULL;
}

const char *model_differs(const struct model *model, uint64_t sequence, const skafu_record *record, uint64_t commits)
{
	const struct model_record *was;
	const char *difference;
	int is_erased = (record->flags & SKAFU_RECORD_ERASED) != 0;

	if (sequence == 0 || sequence > model->record_count || record->sequence != sequence)
		return "sequence";
	was = &model->records[sequence - 1];
	difference = fixed_differs(was, record);
	if (difference)
		return difference;
	if (is_erased ? !was->erased : was->erased && was->erased <= commits)
		return "whether the payload is erased";
	if (strcmp(record->stream, was->plan.kind == SKAFU_KIND_EVENT ? model_stream(was->plan.stream) : "") != 0)
		return "stream";
	if (strcmp(record->type, model_type(was->plan.type)) != 0 ||
	    strcmp(record->source, model_domain(was->plan.source)) != 0)
		return "type or source";
	difference = tags_differ(&was->plan, record);
	return difference ? difference : content_differs(&was->plan, is_erased, record);
}
