#include "run/errorstats.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "model/projection.h"

#define ERRORSTATS_VALUE_BYTES 56u
#define ERRORSTATS_NAME_BYTES 256u
#define ERRORSTATS_STEP_EVENTS 1024u
#define ERRORSTATS_LIST_MAX 100000u
#define ERRORSTATS_EVERY_NS INT64_C(50000000) /* an engine's steps are many, and errors few */

static const char errorstats_name[] = "skafu.errors";

/* By SKAFU_ERRORS_BY_. */
static const char *const errorstats_tables[] = {NULL, "code", "source", "severity", "correlation", "minute",
						 "command"};

#define ERRORSTATS_TABLES (sizeof errorstats_tables / sizeof errorstats_tables[0])

struct errorstats_row {
	uint64_t counts[3]; /* by severity less 1 */
	uint64_t first_sequence;
	uint64_t last_sequence;
	int64_t first_ns;
	int64_t last_ns;
};

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static void errorstats_encode(const struct errorstats_row *row, uint8_t out[ERRORSTATS_VALUE_BYTES])
{
	const uint64_t words[] = {row->counts[0], row->counts[1], row->counts[2], row->first_sequence,
				  row->last_sequence, (uint64_t)row->first_ns, (uint64_t)row->last_ns};
	for (size_t i = 0; i < 7; i++)
		skafu__store_u64(out + i * 8, words[i]);
}

/* A row of another length is none of ours: it counts as empty. */
static void errorstats_decode(const uint8_t *value, size_t length, struct errorstats_row *out)
{
	memset(out, 0, sizeof *out);
	if (length != ERRORSTATS_VALUE_BYTES)
		return;
	for (size_t i = 0; i < 3; i++)
		out->counts[i] = skafu__load_u64(value + i * 8);
	out->first_sequence = skafu__load_u64(value + 24);
	out->last_sequence = skafu__load_u64(value + 32);
	out->first_ns = (int64_t)skafu__load_u64(value + 40);
	out->last_ns = (int64_t)skafu__load_u64(value + 48);
}

/* ---- the handler ----------------------------------------------------------------------------------------------- */

/* What the record counts for: how many errors alike it stands for. */
static int32_t errorstats_occurrences(const skafu_record *record, uint64_t *out_count, skafu_error *error)
{
	struct skafu_error own = {0};
	int64_t count = 1;
	*out_count = 1;
	if (!(record->flags & SKAFU_RECORD_IS_JSON))
		return 0;
	int32_t rc = skafu_json_int64(record->data, record->data_length, "/occurrences/count", &count, &own);
	if (rc == SKAFU_ENOMEM)
		return skafu__error_copy(error, &own, rc);
	if (rc == 0 && count > 1)
		*out_count = (uint64_t)count;
	return 0;
}

static int32_t errorstats_code(const skafu_record *record, char out[ERRORSTATS_NAME_BYTES], skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = SKAFU_ENOTFOUND;
	if (record->flags & SKAFU_RECORD_IS_JSON)
		rc = skafu_json_text(record->data, record->data_length, "/errorCode", ERRORSTATS_NAME_BYTES, out,
				     &own);
	if (rc == SKAFU_ENOMEM)
		return skafu__error_copy(error, &own, rc);
	if (rc != 0)
		out[0] = '\0';
	return 0;
}

static int32_t errorstats_count(const skafu_record *record, uint64_t count, const char *table, const char *key,
				skafu_edit *edit, skafu_error *error)
{
	struct errorstats_row row;
	uint8_t value[ERRORSTATS_VALUE_BYTES];
	const void *old = NULL;
	size_t length = 0, key_length = strnlen(key, ERRORSTATS_NAME_BYTES - 1);
	if (key_length == 0)
		return 0;
	int32_t rc = skafu_edit_get(edit, table, key, key_length, &old, &length, error);
	if (rc < 0)
		return rc;
	errorstats_decode(old, rc == 1 ? length : 0, &row);
	if (row.first_sequence == 0) {
		row.first_sequence = record->sequence;
		row.first_ns = record->recorded_ns;
	}
	row.counts[record->severity - 1] += count;
	row.last_sequence = record->sequence;
	row.last_ns = record->recorded_ns;
	errorstats_encode(&row, value);
	return skafu_edit_put(edit, table, key, key_length, value, sizeof value, error);
}

/* The minute, as "2025-01-18T10:30:00Z". */
static void errorstats_minute(int64_t recorded_ns, char out[SKAFU_TIME_TEXT_BYTES])
{
	const int64_t minute_ns = INT64_C(60000000000);
	int64_t since = recorded_ns % minute_ns;
	skafu_time_format(recorded_ns - (since < 0 ? since + minute_ns : since), out);
}

/* What began the correlation: the command when it was recorded, else whatever came first. */
static int32_t errorstats_origin(skafu_store *store, const skafu_record *record, char out[ERRORSTATS_NAME_BYTES],
				 skafu_error *error)
{
	const uint32_t kinds[] = {SKAFU_KINDS_COMMANDS, SKAFU_KINDS_EVENTS};
	int32_t rc = 0;
	out[0] = '\0';
	for (size_t i = 0; rc == 0 && i < 2; i++) {
		const skafu_read_opts opts = {.size = sizeof opts, .kinds = kinds[i], .to = record->sequence};
		const skafu_record *first = NULL;
		skafu_cursor *cursor = NULL;
		rc = skafu_read_correlation(store, record->correlation, 1, &opts, &cursor, error);
		if (rc == 0)
			rc = skafu_cursor_next(cursor, &first, error);
		if (rc == 1 && first)
			memcpy(out, first->type, strnlen(first->type, ERRORSTATS_NAME_BYTES - 1) + 1);
		skafu_cursor_free(cursor);
	}
	return rc < 0 ? rc : 0;
}

static int32_t errorstats_each(void *user, const skafu_record *record, skafu_edit *edit, skafu_error *error)
{
	static const char *const severities[] = {"WARNING", "ERROR", "CRITICAL"};
	char code[ERRORSTATS_NAME_BYTES], minute[SKAFU_TIME_TEXT_BYTES], command[ERRORSTATS_NAME_BYTES];
	if (record->severity < SKAFU_SEVERITY_WARNING || record->severity > SKAFU_SEVERITY_CRITICAL)
		return 0;
	uint64_t count = 1;
	int32_t rc = errorstats_code(record, code, error);
	errorstats_minute(record->recorded_ns, minute);
	if (rc == 0)
		rc = errorstats_origin(user, record, command, error);
	if (rc == 0)
		rc = errorstats_occurrences(record, &count, error);
	const char *const keys[ERRORSTATS_TABLES] = {NULL, code, record->source, severities[record->severity - 1],
						     record->correlation, minute, command};
	for (size_t i = 1; rc == 0 && i < ERRORSTATS_TABLES; i++)
		rc = errorstats_count(record, count, errorstats_tables[i], keys[i], edit, error);
	return rc;
}

static int32_t errorstats_make(skafu_model *model, struct skafu__projection **out, skafu_error *error)
{
	const skafu_projection_def def = {.size = sizeof def, .version = 1, .name = errorstats_name,
					  .each = errorstats_each, .user = model->store};
	return skafu__projection_make(model, &def, SKAFU_KINDS_ERRORS, out, error);
}

/* ---- the worker ------------------------------------------------------------------------------------------------ */

struct errorstats_worker {
	struct skafu__worker worker; /* first */
	skafu_engine *engine;
	struct skafu__projection *projection;
	uint64_t seen; /* head of the log when it was stepped to its end */
	uint64_t head; /* as it was seen last */
	int64_t next_ns; /* monotonic; not before this */
};

/* A view that cannot be written is no reason for an engine to stop: it is a cache. */
static int32_t errorstats_step(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done,
			       skafu_error *error)
{
	struct errorstats_worker *self = (struct errorstats_worker *)(void *)worker;
	skafu_engine *engine = self->engine;
	int64_t now = engine->sys.monotonic_ns();
	*out_done = 0;
	int32_t rc = skafu_store_head(engine->store, &self->head, error);
	if (rc != 0 || self->head == self->seen || now < self->next_ns)
		return rc;
	uint64_t head = self->head;
	self->next_ns = now + ERRORSTATS_EVERY_NS;
	rc = skafu__projection_step(engine->model, self->projection, inputs_max, now, NULL);
	if (rc >= 0 && rc != SKAFU__PROJECTION_MORE)
		self->seen = head; /* what failed is tried again */
	return rc == SKAFU__PROJECTION_MORE;
}

static int64_t errorstats_due_ns(struct skafu__worker *worker, int is_draining)
{
	const struct errorstats_worker *self = (const struct errorstats_worker *)(const void *)worker;
	return self->head == self->seen || is_draining ? INT64_MAX : self->next_ns;
}

static void errorstats_drop(struct skafu__worker *worker)
{
	struct errorstats_worker *self = (struct errorstats_worker *)(void *)worker;
	struct skafu__sys sys = self->engine->sys;
	skafu__projection_drop(self->engine->model, self->projection);
	skafu__free(&sys, self);
}

int32_t skafu__errorstats_worker(skafu_engine *engine, skafu_error *error)
{
	struct errorstats_worker *self = skafu__alloc_zeroed(&engine->sys, 1, sizeof *self);
	if (!self)
		return skafu__fail_memory(error);
	int32_t rc = errorstats_make(engine->model, &self->projection, error);
	if (rc != 0) {
		skafu__free(&engine->sys, self);
		return rc;
	}
	self->worker = (struct skafu__worker){.name = "skafu.errorstats", .step = errorstats_step,
					      .due_ns = errorstats_due_ns, .drop = errorstats_drop};
	self->engine = engine;
	skafu__engine_add_worker(engine, &self->worker);
	return 0;
}

/* ---- summaries ------------------------------------------------------------------------------------------------- */

struct errorstats_entry {
	struct errorstats_row row;
	char value[ERRORSTATS_NAME_BYTES];
};

struct skafu_error_summary_list {
	skafu_model *model;
	struct errorstats_entry *entries;
	size_t count;
	size_t room;
	size_t limit;
	size_t next;
	uint32_t by;
	skafu_error_summary summary; /* that was lent last */
};

static uint64_t errorstats_total(const struct errorstats_row *row)
{
	return row->counts[0] + row->counts[1] + row->counts[2];
}

static int errorstats_by_count(const void *left, const void *right)
{
	const struct errorstats_entry *a = left, *b = right;
	uint64_t of_a = errorstats_total(&a->row), of_b = errorstats_total(&b->row);
	return of_a != of_b ? (of_a < of_b ? 1 : -1) : strcmp(a->value, b->value);
}

static int errorstats_by_time(const void *left, const void *right)
{
	const struct errorstats_entry *a = left, *b = right;
	return strcmp(b->value, a->value);
}

/* Twice the limit is kept, and cut to the limit now and then: memory stays bounded whatever there is. */
static void errorstats_cut(skafu_error_summary_list *list)
{
	qsort(list->entries, list->count, sizeof *list->entries,
	      list->by == SKAFU_ERRORS_BY_MINUTE ? errorstats_by_time : errorstats_by_count);
	if (list->count > list->limit)
		list->count = list->limit;
}

static int32_t errorstats_take(skafu_error_summary_list *list, const skafu_row *row, skafu_error *error)
{
	if (list->count == list->room && list->room >= 2 * list->limit)
		errorstats_cut(list);
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		void *grown = skafu__realloc_array(&list->model->sys, list->entries, room, sizeof *list->entries);
		if (!grown)
			return skafu__fail_memory(error);
		list->entries = grown;
		list->room = room;
	}
	struct errorstats_entry *entry = &list->entries[list->count++];
	size_t length = row->key_length < ERRORSTATS_NAME_BYTES ? row->key_length : ERRORSTATS_NAME_BYTES - 1;
	memcpy(entry->value, row->key, length);
	entry->value[length] = '\0';
	errorstats_decode(row->value, row->value_length, &entry->row);
	return 0;
}

static int32_t errorstats_read(skafu_error_summary_list *list, skafu_error *error)
{
	const skafu_row *row;
	skafu_view *view = NULL;
	skafu_rows *rows = NULL;
	int32_t rc = skafu_view_open(list->model, errorstats_name, 0, 0, &view, error);
	if (rc == 0)
		rc = skafu_view_rows(view, errorstats_tables[list->by], NULL, SKAFU_NO_LIMIT, &rows, error);
	while (rc == 0 && (rc = skafu_rows_next(rows, &row, error)) == 1)
		rc = errorstats_take(list, row, error);
	skafu_rows_free(rows);
	skafu_view_close(view);
	if (rc == 0)
		errorstats_cut(list);
	return rc;
}

/* Up to the head, with whatever is missing done here. */
static int32_t errorstats_catch_up(skafu_model *model, uint64_t timeout_ns, skafu_error *error)
{
	struct skafu__projection *projection = NULL;
	int64_t deadline = skafu__deadline(&model->sys, timeout_ns);
	int32_t rc = errorstats_make(model, &projection, error);
	while (rc == 0) {
		rc = skafu__projection_step(model, projection, ERRORSTATS_STEP_EVENTS, deadline, error);
		if (rc != SKAFU__PROJECTION_MORE)
			break;
		rc = 0;
		if (timeout_ns != 0 && skafu__time_left(&model->sys, deadline) == 0)
			rc = skafu__fail(error, SKAFU_ETIMEOUT, "the time was over before all errors were summed up; "
					 "what was done is kept, so call again");
	}
	skafu__projection_drop(model, projection);
	if (rc == SKAFU__PROJECTION_HALTED)
		return skafu__fail(error, SKAFU_EINTERNAL, "the summary of errors cannot go on; please report it");
	return rc;
}

static int32_t errorstats_check(skafu_model *model, uint32_t by, skafu_error_summary_list **out_list,
				skafu_error *error)
{
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0 && (by == 0 || by >= ERRORSTATS_TABLES))
		rc = skafu__fail(error, SKAFU_EINVAL, "%u is no way to group errors; give a SKAFU_ERRORS_BY_", by);
	if (rc == 0 && !out_list)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_list is NULL; give a place for the list");
	return rc;
}

int32_t skafu_error_summary_list_open(skafu_model *model, uint32_t by, uint64_t limit, uint64_t timeout_ns,
				      skafu_error_summary_list **out_list, skafu_error *error)
{
	int32_t rc = errorstats_check(model, by, out_list, error);
	if (rc == 0)
		rc = errorstats_catch_up(model, timeout_ns, error);
	if (rc != 0)
		return rc;
	skafu_error_summary_list *list = skafu__alloc_zeroed(&model->sys, 1, sizeof *list);
	if (!list)
		return skafu__fail_memory(error);
	skafu__model_hold(model);
	list->model = model;
	list->by = by;
	list->limit = limit < ERRORSTATS_LIST_MAX ? (size_t)limit : ERRORSTATS_LIST_MAX;
	rc = list->limit ? errorstats_read(list, error) : 0;
	if (rc != 0) {
		skafu_error_summary_list_free(list);
		return rc;
	}
	*out_list = list;
	return 0;
}

int32_t skafu_error_summary_list_next(skafu_error_summary_list *list, const skafu_error_summary **out_summary,
				      skafu_error *error)
{
	if (!list || !out_summary)
		return skafu__fail(error, SKAFU_EINVAL, "the list or the place for its next entry is NULL");
	if (list->next == list->count)
		return 0;
	const struct errorstats_entry *entry = &list->entries[list->next++];
	const struct errorstats_row *row = &entry->row;
	list->summary = (skafu_error_summary){
		.size = sizeof list->summary, .value = entry->value, .warnings = row->counts[0],
		.errors = row->counts[1], .criticals = row->counts[2], .first_sequence = row->first_sequence,
		.last_sequence = row->last_sequence, .first_ns = row->first_ns, .last_ns = row->last_ns};
	*out_summary = &list->summary;
	return 1;
}

void skafu_error_summary_list_free(skafu_error_summary_list *list)
{
	if (!list)
		return;
	skafu_model *model = list->model;
	skafu__free(&model->sys, list->entries);
	skafu__free(&model->sys, list);
	skafu__model_release(model);
}
