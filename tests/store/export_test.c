/*
 * export_test.c: an export gives the records of its moment, each once, in every form; and what was exported and
 * imported again comes out equal to the byte.
 */
#include "store/anyrecords.h"

#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

START_TEST(every_line_is_the_exported_form)
{
	skafu_store *store = memory_store();
	skafu_cursor *cursor;
	const skafu_record *record;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	size_t length;
	anyrecords_append(store, 500);
	char *text = anyrecords_export(store, SKAFU_FORM_LINES, &length);
	char *at = text;
	went(skafu_read(store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1) {
		char *line;
		size_t line_length;
		went(skafu_record_to_json(record, &line, &line_length, fault));
		ck_assert_mem_eq(at, line, line_length);
		ck_assert_int_eq(at[line_length], '\n');
		at += line_length + 1;
		skafu_text_free(line);
	}
	ck_assert_int_eq(*at, 0);
	skafu_cursor_free(cursor);
	free(text);
	skafu_store_close(store);
}
END_TEST

START_TEST(what_comes_back_is_equal_to_the_byte)
{
	static const uint32_t forms[] = {SKAFU_FORM_LINES, SKAFU_FORM_CLOUDEVENTS, SKAFU_FORM_CLOUDEVENTS_ARRAY};
	seeded("export");
	for (int round = 0; round < 12; round++) {
		skafu_store *store = memory_store();
		skafu_store *other = memory_store();
		skafu_import_info info;
		skafu_import_opts opts = {.size = sizeof opts, .form = forms[round % 3],
					  .flags = round % 2 ? SKAFU_IMPORT_SAME_PLACES : 0,
					  .batch_records = 1 + random_below(100)};
		size_t length;
		size_t again_length;
		anyrecords_append(store, 300);
		char *text = anyrecords_export(store, opts.form, &length);
		went(anyrecords_import(other, &opts, text, length, 1 + random_below(5000), &info));
		ck_assert_uint_eq(info.added, 300);
		ck_assert_uint_eq(info.lines, 300);
		ck_assert_uint_eq(info.settled, 300);
		ck_assert_uint_eq(info.bytes, length);
		char *again = anyrecords_export(other, opts.form, &again_length);
		ck_assert_uint_eq(length, again_length);
		ck_assert_mem_eq(text, again, length);
		/* The other forms as well: nothing was lost that this one does not show. */
		size_t lines_length;
		size_t other_length;
		char *lines = anyrecords_export(store, SKAFU_FORM_LINES, &lines_length);
		char *other_lines = anyrecords_export(other, SKAFU_FORM_LINES, &other_length);
		ck_assert_str_eq(lines, other_lines);
		free(lines);
		free(other_lines);
		free(text);
		free(again);
		skafu_store_close(other);
		skafu_store_close(store);
	}
}
END_TEST

START_TEST(a_part_of_the_log)
{
	skafu_store *store = memory_store();
	skafu_export *exporting;
	const char *text;
	size_t length;
	skafu_export_opts opts = {.size = sizeof opts, .from = 2, .to = 3};
	skafu_export_info info = {.size = sizeof info};
	skafu_query *query = query_of("B");
	append_event(store, "s", "A", NULL);
	append_event(store, "s", "B", NULL);
	append_event(store, "s", "B", NULL);
	append_event(store, "s", "B", NULL);
	went(skafu_export_open(store, NULL, &opts, &exporting, fault));
	append_event(store, "s", "A", NULL); /* after the moment */
	ck_assert_int_eq(skafu_export_next(exporting, &text, &length, fault), 1);
	ck_assert_int_eq(skafu_export_next(exporting, &text, &length, fault), 0);
	ck_assert_int_eq(skafu_export_next(exporting, &text, &length, fault), 0);
	went(skafu_export_info_get(exporting, &info, fault));
	ck_assert_uint_eq(info.records, 2);
	ck_assert_uint_eq(info.sequence, 3);
	ck_assert_uint_eq(info.to, 3);
	skafu_export_free(exporting);
	opts = (skafu_export_opts){.size = sizeof opts, .form = SKAFU_FORM_CLOUDEVENTS_ARRAY};
	went(skafu_export_open(store, query, &opts, &exporting, fault));
	ck_assert_int_eq(skafu_export_next(exporting, &text, &length, fault), 1);
	went(skafu_export_info_get(exporting, &info, fault));
	ck_assert_uint_eq(info.records, 3);
	skafu_store_close(store); /* the export keeps it open */
	ck_assert_int_eq(skafu_export_next(exporting, &text, &length, fault), 0);
	skafu_export_free(exporting);
	skafu_query_free(query);
}
END_TEST

START_TEST(nothing_is_an_empty_export)
{
	skafu_store *store = memory_store();
	size_t length;
	char *text = anyrecords_export(store, SKAFU_FORM_LINES, &length);
	ck_assert_str_eq(text, "");
	free(text);
	text = anyrecords_export(store, SKAFU_FORM_CLOUDEVENTS_ARRAY, &length);
	ck_assert_str_eq(text, "[]\n");
	free(text);
	skafu_store_close(store);
}
END_TEST

START_TEST(mistakes_are_refused)
{
	skafu_store *store = memory_store();
	skafu_export *exporting;
	const char *text;
	size_t length;
	skafu_export_info info = {.size = 4};
	skafu_export_opts opts = {.size = sizeof opts, .form = 4};
	refused(SKAFU_EOPTION, skafu_export_open(store, NULL, &opts, &exporting, fault));
	opts = (skafu_export_opts){.size = sizeof opts, .kinds = 1};
	refused(SKAFU_EOPTION, skafu_export_open(store, NULL, &opts, &exporting, fault));
	opts = (skafu_export_opts){.size = sizeof opts, .reserved = 1};
	refused(SKAFU_EOPTION, skafu_export_open(store, NULL, &opts, &exporting, fault));
	refused(SKAFU_EINVAL, skafu_export_open(NULL, NULL, NULL, &exporting, fault));
	refused(SKAFU_EINVAL, skafu_export_open(store, NULL, NULL, NULL, fault));
	went(skafu_export_open(store, NULL, NULL, &exporting, fault));
	refused(SKAFU_EINVAL, skafu_export_next(exporting, NULL, &length, fault));
	refused(SKAFU_EINVAL, skafu_export_next(NULL, &text, &length, fault));
	refused(SKAFU_EOPTION, skafu_export_info_get(exporting, &info, fault));
	refused(SKAFU_EINVAL, skafu_export_info_get(exporting, NULL, fault));
	skafu_export_free(exporting);
	skafu_export_free(NULL);
	skafu_store_close(store);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, every_line_is_the_exported_form);
	tcase_add_test(tests, what_comes_back_is_equal_to_the_byte);
	tcase_add_test(tests, a_part_of_the_log);
	tcase_add_test(tests, nothing_is_an_empty_export);
	tcase_add_test(tests, mistakes_are_refused);
}

int main(void)
{
	return tempstore_main("export", add);
}
