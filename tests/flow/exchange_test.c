/*
 * exchange_test.c: real histories through import, every kind of read, verify and export.
 *
 * 15,214 events of a hospital and 2,900 of a cloud account are imported as lines of their own form, read in all ways
 * and compared with a plain filter over what was put in, verified, exported and imported again; their CloudEvents are
 * checked against the schema of the specification.  Skipped when ../shared/data is absent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "store/anyrecords.h"
#include "store/tempstore.h"

#define DATA "../shared/data/"
#define EVENTS_MAX 20000

struct event {
	char *stream;
	char *type;
	char *data;
};

static struct event events[EVENTS_MAX];
static uint32_t event_count;
static char *text; /* the lines to import */
static size_t text_length;

static void text_put(const char *line)
{
	size_t length = strlen(line);
	text = realloc(text, text_length + length + 2);
	memcpy(text + text_length, line, length);
	text[text_length + length] = '\n';
	text_length += length + 1;
	text[text_length] = 0;
}

/* One line of the data as a line of the exported form, with an id that is no UUID. */
static void take_line(const char *line, const char *stream_key, const char *type_key, const char *time_key)
{
	cJSON *from = cJSON_Parse(line);
	cJSON *to = cJSON_CreateObject();
	char id[32];
	char type[256];
	ck_assert_ptr_nonnull(from);
	const cJSON *stream = cJSON_GetObjectItemCaseSensitive(from, stream_key);
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(from, type_key);
	const cJSON *time = cJSON_GetObjectItemCaseSensitive(from, time_key);
	ck_assert(cJSON_IsString(stream) && cJSON_IsString(name));
	snprintf(id, sizeof id, "event-%u", event_count);
	snprintf(type, sizeof type, "%s", name->valuestring);
	cJSON_AddStringToObject(to, "eventId", id);
	cJSON_AddStringToObject(to, "eventType", type);
	cJSON_AddStringToObject(to, "streamId", stream->valuestring);
	cJSON_AddStringToObject(to, "correlationId", stream->valuestring);
	if (cJSON_IsString(time) && strchr(time->valuestring, 'T') && strchr(time->valuestring, 'Z'))
		cJSON_AddStringToObject(to, "timestamp", time->valuestring);
	cJSON *tags = cJSON_AddArrayToObject(to, "tags");
	cJSON_AddItemToArray(tags, cJSON_CreateString(stream->valuestring));
	struct event *event = &events[event_count++];
	event->stream = strdup(stream->valuestring);
	event->type = strdup(type);
	event->data = cJSON_PrintUnformatted(from);
	cJSON_AddItemToObject(to, "data", from);
	char *made = cJSON_PrintUnformatted(to);
	text_put(made);
	free(made);
	cJSON_Delete(to);
}

static void load(const char *name, const char *stream_key, const char *type_key, const char *time_key)
{
	static char line[1 << 20];
	char command[256];
	for (uint32_t i = 0; i < event_count; i++) {
		free(events[i].stream);
		free(events[i].type);
		free(events[i].data);
	}
	event_count = 0;
	text_length = 0;
	snprintf(command, sizeof command, "xz -dc " DATA "%s", name);
	FILE *pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	while (fgets(line, sizeof line, pipe))
		take_line(line, stream_key, type_key, time_key);
	pclose(pipe);
}

/* ---- reading against a plain filter -------------------------------------------------------------------------- */

typedef int (*matches_fn)(const struct event *event, const char *what);

static int has_stream(const struct event *event, const char *what)
{
	return strcmp(event->stream, what) == 0;
}

static int has_type(const struct event *event, const char *what)
{
	return strcmp(event->type, what) == 0;
}

/* The cursor gives exactly the events that match, in order, as they were put in; frees it. */
static void compare(skafu_cursor *cursor, matches_fn matches, const char *what)
{
	const skafu_record *record;
	for (uint32_t i = 0; i < event_count; i++) {
		if (matches && !matches(&events[i], what))
			continue;
		ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 1);
		ck_assert_uint_eq(record->sequence, i + 1);
		ck_assert_str_eq(record->stream, events[i].stream);
		ck_assert_str_eq(record->type, events[i].type);
		ck_assert_uint_eq(record->data_length, strlen(events[i].data));
		ck_assert_mem_eq(record->data, events[i].data, record->data_length);
	}
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 0);
	skafu_cursor_free(cursor);
}

static void read_in_all_ways(skafu_store *store)
{
	skafu_cursor *cursor;
	went(skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	compare(cursor, NULL, NULL);
	for (uint32_t i = 0; i < event_count; i += event_count / 25) {
		skafu_query *query;
		went(skafu_read_stream(store, events[i].stream, SKAFU_NO_LIMIT, NULL, &cursor, fault));
		compare(cursor, has_stream, events[i].stream);
		went(skafu_read_correlation(store, events[i].stream, SKAFU_NO_LIMIT, NULL, &cursor, fault));
		compare(cursor, has_stream, events[i].stream);
		went(skafu_query_new(&query, fault));
		went(skafu_query_add_item(query, fault));
		went(skafu_query_add_type(query, events[i].type, fault));
		went(skafu_read(store, query, SKAFU_NO_LIMIT, NULL, &cursor, fault));
		compare(cursor, has_type, events[i].type);
		skafu_query_free(query);
		went(skafu_query_new(&query, fault));
		went(skafu_query_add_item(query, fault));
		went(skafu_query_add_tag(query, events[i].stream, fault));
		went(skafu_read(store, query, SKAFU_NO_LIMIT, NULL, &cursor, fault));
		compare(cursor, has_stream, events[i].stream);
		skafu_query_free(query);
	}
}

/* ---- the schema: the keywords that it uses ------------------------------------------------------------------- */

static int has_kind(const cJSON *value, const char *kind)
{
	return strcmp(kind, "string") == 0	 ? cJSON_IsString(value)
	       : strcmp(kind, "null") == 0	 ? cJSON_IsNull(value)
	       : strcmp(kind, "object") == 0	 ? cJSON_IsObject(value)
	       : strcmp(kind, "array") == 0	 ? cJSON_IsArray(value)
	       : strcmp(kind, "number") == 0	 ? cJSON_IsNumber(value)
	       : strcmp(kind, "boolean") == 0 ? cJSON_IsBool(value)
					      : 0;
}

static int has_format(const char *value, const char *format)
{
	int64_t time;
	if (strcmp(format, "date-time") == 0)
		return skafu_time_parse(value, &time) == 0;
	if (strcmp(format, "uri-reference") == 0)
		return strcspn(value, " \"<>\\^`{|}") == strlen(value);
	return 1;
}

static int is_valid(const cJSON *schema, const cJSON *definitions, const cJSON *value)
{
	const cJSON *reference = cJSON_GetObjectItem(schema, "$ref");
	const cJSON *kind;
	const cJSON *item;
	if (reference)
		return is_valid(cJSON_GetObjectItem(definitions, strrchr(reference->valuestring, '/') + 1),
				definitions, value);
	kind = cJSON_GetObjectItem(schema, "type");
	int fits = !kind || (cJSON_IsString(kind) && has_kind(value, kind->valuestring));
	for (item = cJSON_IsArray(kind) ? kind->child : NULL; item; item = item->next)
		fits |= has_kind(value, item->valuestring);
	const cJSON *least = cJSON_GetObjectItem(schema, "minLength");
	if (least && cJSON_IsString(value))
		fits &= (double)strlen(value->valuestring) >= least->valuedouble;
	const cJSON *format = cJSON_GetObjectItem(schema, "format");
	if (format && cJSON_IsString(value))
		fits &= has_format(value->valuestring, format->valuestring);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(schema, "required"))
		fits &= cJSON_HasObjectItem(value, item->valuestring);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(schema, "properties"))
	{
		const cJSON *member = cJSON_GetObjectItemCaseSensitive(value, item->string);
		fits &= !member || is_valid(item, definitions, member);
	}
	return fits;
}

static cJSON *load_schema(void)
{
	static char bytes[65536];
	bytes[file_read(DATA "cloudevents.schema.json", bytes, sizeof bytes - 1)] = 0;
	return cJSON_Parse(bytes);
}

static void check_cloudevents(skafu_store *store)
{
	size_t length;
	cJSON *schema = load_schema();
	const cJSON *definitions = cJSON_GetObjectItem(schema, "definitions");
	char *array = anyrecords_export(store, SKAFU_FORM_CLOUDEVENTS_ARRAY, &length);
	cJSON *all = cJSON_Parse(array);
	const cJSON *one;
	uint32_t count = 0;
	ck_assert_ptr_nonnull(schema);
	ck_assert(cJSON_IsArray(all));
	cJSON_ArrayForEach(one, all)
	{
		ck_assert_msg(is_valid(schema, definitions, one), "element %u", count + 1);
		count++;
	}
	ck_assert_uint_gt(count, 0);
	cJSON *wrong = cJSON_Parse("{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"a\",\"type\":\"t\"}");
	ck_assert(!is_valid(schema, definitions, wrong)); /* the check has teeth */
	cJSON_Delete(wrong);
	cJSON_Delete(all);
	cJSON_Delete(schema);
	free(array);
}

/* ---- the flows ----------------------------------------------------------------------------------------------- */

static void flow(uint32_t expected)
{
	struct tempstore temp;
	skafu_import_info info;
	skafu_verify_report report = {.size = sizeof report};
	skafu_store *other = memory_store();
	skafu_diff diff = {.size = sizeof diff};
	size_t length;
	ck_assert_uint_eq(event_count, expected);
	tempstore_new(&temp);
	went(anyrecords_import(temp.store, NULL, text, text_length, 65536, &info));
	ck_assert_uint_eq(info.added, expected);
	went(anyrecords_import(temp.store, NULL, text, text_length, 4096, &info));
	ck_assert_uint_eq(info.present, expected);
	read_in_all_ways(temp.store);
	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	ck_assert_uint_eq(report.records, expected);
	check_cloudevents(temp.store);
	char *lines = anyrecords_export(temp.store, SKAFU_FORM_LINES, &length);
	skafu_import_opts opts = {.size = sizeof opts, .flags = SKAFU_IMPORT_SAME_PLACES};
	went(anyrecords_import(other, &opts, lines, length, 65536, &info));
	went(skafu_store_diff(temp.store, other, SKAFU_DIFF_RECORDS, NULL, NULL, &diff, fault));
	ck_assert_uint_eq(diff.sequence, 0);
	ck_assert_uint_eq(diff.same_up_to, expected);
	free(lines);
	skafu_store_close(other);
	tempstore_done(&temp);
}

START_TEST(a_hospital)
{
	load("sepsis-events.jsonl.xz", "case", "type", "time");
	flow(15214);
}
END_TEST

START_TEST(a_cloud_account)
{
	load("cloudtrail-events.jsonl.xz", "eventSource", "eventName", "eventTime");
	flow(2900);
}
END_TEST

START_TEST(random_records_are_valid_cloudevents)
{
	skafu_store *store = memory_store();
	seeded("cloudevents");
	anyrecords_append(store, 500);
	check_cloudevents(store);
	skafu_store_close(store);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, a_hospital);
	tcase_add_test(tests, a_cloud_account);
	tcase_add_test(tests, random_records_are_valid_cloudevents);
}

int main(void)
{
	if (access(DATA "sepsis-events.jsonl.xz", R_OK) != 0) {
		printf("no " DATA "\n");
		return 77;
	}
	return tempstore_main("exchange", add);
}
