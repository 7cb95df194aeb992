/*
 * get_test.c: single answers: a record by sequence and by id, the head, versions, who the store is.
 */
#include <string.h>

#include "store/tempstore.h"

static skafu_store *store;

static void make(void)
{
	store = memory_store();
}

static void drop(void)
{
	skafu_store_close(store);
}

START_TEST(a_record_has_all_that_was_given)
{
	static const uint8_t id[16] = {1, 2, 3};
	static const uint8_t cause[16] = {4, 5, 6};
	static const char *const tags[] = {"k:x", "k:y"};
	skafu_new_record given = event_of("stream", "Type");
	skafu_batch *batch = batch_of(store);
	skafu_record *record = NULL;
	skafu_record *same = NULL;

	given.source = "domain";
	given.event_version = 2 << 16 | 7;
	given.content_type = "text/plain";
	given.data = "hello";
	given.data_length = 5;
	given.metadata = "{\"a\":1}";
	given.metadata_length = 7;
	given.tags = tags;
	given.tag_count = 2;
	given.id = id;
	given.causation = cause;
	given.correlation = "cor";
	given.time_ns = 42;
	given.hops = 3;
	went(skafu_batch_add(batch, &given, fault));
	appended_by(store, batch);
	went(skafu_get(store, 1, &record, fault));
	ck_assert(record->size == sizeof *record && record->kind == SKAFU_KIND_EVENT && record->flags == 0);
	ck_assert(record->sequence == 1 && record->commit == 1 && record->stream_version == 1);
	ck_assert_str_eq(record->stream, "stream");
	ck_assert_str_eq(record->type, "Type");
	ck_assert_str_eq(record->source, "domain");
	ck_assert_str_eq(record->content_type, "text/plain");
	ck_assert_str_eq(record->correlation, "cor");
	ck_assert(record->event_version == (2 << 16 | 7) && record->time_ns == 42 && record->hops == 3);
	ck_assert_mem_eq(record->id, id, 16);
	ck_assert_mem_eq(record->causation, cause, 16);
	ck_assert(record->data_length == 5 && memcmp(record->data, "hello", 5) == 0);
	ck_assert(record->metadata_length == 7 && memcmp(record->metadata, "{\"a\":1}", 7) == 0);
	ck_assert_str_eq(skafu_record_tag(record, 1), "k:y");
	went(skafu_get_by_id(store, id, &same, fault));
	ck_assert_uint_eq(same->sequence, 1);
	skafu_record_free(same);
	skafu_record_free(record);
}
END_TEST

START_TEST(defaults_are_filled_in)
{
	skafu_record *record = NULL;
	char id[37];

	append_event(store, "s", "T", NULL);
	went(skafu_get(store, 1, &record, fault));
	ck_assert_str_eq(record->source, "default");
	ck_assert_str_eq(record->content_type, "application/json");
	ck_assert(record->data_length == 2 && memcmp(record->data, "{}", 2) == 0);
	ck_assert(record->flags == SKAFU_RECORD_IS_JSON && record->event_version == 1 << 16);
	ck_assert(record->metadata_length == 0 && record->tag_count == 0);
	ck_assert_int_eq(record->time_ns, record->recorded_ns);
	skafu_id_format(record->id, id);
	ck_assert_str_eq(record->correlation, id);
	skafu_record_free(record);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	static const uint8_t id[16] = {9};
	skafu_record *record = NULL;
	uint64_t number = 77;
	uint8_t out[16];

	refused(SKAFU_EINVAL, skafu_get(store, 0, &record, fault));
	refused(SKAFU_ENOTFOUND, skafu_get(store, 1, &record, fault));
	append_event(store, "s", "T", NULL);
	refused(SKAFU_ENOTFOUND, skafu_get(store, 2, &record, fault));
	message_names("1");
	refused(SKAFU_ENOTFOUND, skafu_get(store, UINT64_MAX, &record, fault));
	refused(SKAFU_EINVAL, skafu_get(store, 1, NULL, fault));
	refused(SKAFU_EINVAL, skafu_get(NULL, 1, &record, fault));
	refused(SKAFU_ENOTFOUND, skafu_get_by_id(store, id, &record, fault));
	refused(SKAFU_EINVAL, skafu_get_by_id(store, NULL, &record, fault));
	refused(SKAFU_EINVAL, skafu_get_by_id(store, id, NULL, fault));
	refused(SKAFU_EINVAL, skafu_get_by_id(NULL, id, &record, fault));
	refused(SKAFU_EINVAL, skafu_stream_version(store, NULL, &number, fault));
	refused(SKAFU_EUTF8, skafu_stream_version(store, "\xfe", &number, fault));
	refused(SKAFU_EINVAL, skafu_stream_version(store, "s", NULL, fault));
	refused(SKAFU_EINVAL, skafu_stream_version(NULL, "s", &number, fault));
	refused(SKAFU_EINVAL, skafu_store_head(store, NULL, fault));
	refused(SKAFU_EINVAL, skafu_store_head(NULL, &number, fault));
	refused(SKAFU_EINVAL, skafu_store_birth(store, NULL, fault));
	refused(SKAFU_EINVAL, skafu_store_birth(NULL, out, fault));
	refused(SKAFU_EINVAL, skafu_store_incarnation(store, NULL, fault));
	refused(SKAFU_EINVAL, skafu_store_incarnation(NULL, out, fault));
	ck_assert(!record && number == 77);
}
END_TEST

START_TEST(a_store_keeps_its_birth)
{
	struct tempstore temp;
	uint8_t birth[16];
	uint8_t incarnation[16];
	uint8_t again[16];

	tempstore_new(&temp);
	went(skafu_store_birth(temp.store, birth, fault));
	went(skafu_store_incarnation(temp.store, incarnation, fault));
	ck_assert_mem_ne(birth, incarnation, 16);
	tempstore_reopen(&temp);
	went(skafu_store_birth(temp.store, again, fault));
	ck_assert_mem_eq(birth, again, 16);
	went(skafu_store_incarnation(temp.store, again, fault));
	ck_assert_mem_eq(incarnation, again, 16);
	ck_assert_str_eq(skafu_store_path(temp.store), temp.path);
	tempstore_done(&temp);
}
END_TEST

START_TEST(versions_and_head)
{
	ck_assert(head_of(store) == 0 && version_of(store, "s") == 0);
	append_event(store, "s", "T", NULL);
	append_event(store, "s", "T", NULL);
	append_row(store, "t", "k", "v");
	ck_assert(head_of(store) == 2 && version_of(store, "s") == 2 && version_of(store, "S") == 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, a_record_has_all_that_was_given);
	tcase_add_test(tests, defaults_are_filled_in);
	tcase_add_test(tests, bad_calls_are_refused);
	tcase_add_test(tests, a_store_keeps_its_birth);
	tcase_add_test(tests, versions_and_head);
}

int main(void)
{
	return tempstore_main("get", add);
}
