/*
 * hide_test.c: truncated and deleted streams and erased payloads: every way of reading and every condition agrees, in
 * the store itself, made again by a reindex, and in a copy; and in the copy the bytes are gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/batch.h"
#include "store/tempstore.h"

static struct tempstore temp;

static void setup(void)
{
	tempstore_new(&temp);
}

static void teardown(void)
{
	tempstore_done(&temp);
}

static void add_secret(const char *stream)
{
	skafu_batch *batch = batch_of(temp.store);
	skafu_new_record record = event_of(stream, "Said");

	record.data = "{\"said\":\"the secret word\"}";
	record.data_length = strlen(record.data);
	went(skafu_batch_add(batch, &record, fault));
	appended_by(temp.store, batch);
}

/* Five events of stream a (tag t:1), two of b. */
static void fill(void)
{
	for (int i = 0; i < 5; i++)
		append_event(temp.store, "a", "Happened", "t:1");
	append_event(temp.store, "b", "Happened", "t:1");
	append_event(temp.store, "b", "Other", NULL);
}

static const char *read_stream(const char *stream)
{
	skafu_cursor *cursor;

	went(skafu_read_stream(temp.store, stream, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	return sequences_of(cursor);
}

static const char *read_query(const char *text)
{
	skafu_query *query = text ? query_of(text) : NULL;
	skafu_cursor *cursor;

	went(skafu_read(temp.store, query, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	skafu_query_free(query);
	return sequences_of(cursor);
}

static const char *read_domain(void)
{
	skafu_cursor *cursor;

	went(skafu_read_domain(temp.store, "default", SKAFU_NO_LIMIT, NULL, &cursor, fault));
	return sequences_of(cursor);
}

static int gone(uint64_t sequence)
{
	skafu_record *record = NULL;
	int32_t rc = skafu_get(temp.store, sequence, &record, fault);

	skafu_record_free(record);
	ck_assert(rc == 0 || rc == SKAFU_ENOTFOUND);
	return rc != 0;
}

static uint32_t streams_listed(void)
{
	skafu_stream_list *list;
	const skafu_stream_info *info;
	uint32_t count = 0;

	went(skafu_stream_list_open(temp.store, "", SKAFU_NO_LIMIT, &list, fault));
	while (skafu_stream_list_next(list, &info, fault) == 1)
		count++;
	skafu_stream_list_free(list);
	return count;
}

static int32_t expecting(const char *stream, uint32_t expectation, uint64_t version)
{
	skafu_batch *batch = batch_of(temp.store);
	int32_t rc;

	went(skafu_batch_expect_stream(batch, stream, expectation, version, fault));
	went(skafu_batch_put_row(batch, "probe", "k", 1, NULL, 0, fault));
	rc = skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault);
	skafu_batch_free(batch);
	return rc;
}

static int32_t expecting_no_match(const char *text)
{
	skafu_batch *batch = batch_of(temp.store);
	skafu_query *query = query_of(text);
	int32_t rc;

	went(skafu_batch_expect_no_match(batch, query, 0, fault));
	went(skafu_batch_put_row(batch, "probe", "k", 1, NULL, 0, fault));
	rc = skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault);
	skafu_query_free(query);
	skafu_batch_free(batch);
	return rc;
}

static void verified(void)
{
	skafu_verify_report report = {.size = sizeof report};

	while (skafu_store_maintain(temp.store, SKAFU_WAIT_FOREVER, fault) == 1)
		;
	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	ck_assert_uint_eq(report.chained_up_to, report.commits);
}

/* Look, then again after a fold, after a reindex, and opened anew. */
static void always(void (*look)(void))
{
	look();
	verified();
	look();
	went(skafu_store_reindex(temp.store, fault));
	look();
	tempstore_reopen(&temp);
	look();
	verified();
}

/* Append a batch, called `hiding`, on which one call was made. */
#define appended(call_on_batch) \
	do { \
		skafu_batch *hiding = batch_of(temp.store); \
		went(call_on_batch); \
		appended_by(temp.store, hiding); \
	} while (0)

static void look_at_truncated(void)
{
	ck_assert_str_eq(read_stream("a"), "3 4 5");
	ck_assert_str_eq(read_query(NULL), "3 4 5 6 7");
	ck_assert_str_eq(read_query("t:1"), "3 4 5 6");
	ck_assert_str_eq(read_domain(), "3 4 5 6 7");
	ck_assert(gone(1) && gone(2) && !gone(3));
	ck_assert_uint_eq(version_of(temp.store, "a"), 5);
	ck_assert_uint_eq(streams_listed(), 2);
	ck_assert_int_eq(expecting("a", SKAFU_EXPECT_EXACT, 5), 0);
	ck_assert_int_eq(expecting("a", SKAFU_EXPECT_EXISTS, 0), 0);
	ck_assert_int_eq(expecting("a", SKAFU_EXPECT_NONE, 0), SKAFU_ECONFLICT);
}

START_TEST(truncated)
{
	fill();
	appended(skafu_batch_truncate_stream(hiding, "a", 3, fault));
	always(look_at_truncated);
}
END_TEST

static void look_at_deleted(void)
{
	ck_assert_str_eq(read_stream("a"), "");
	ck_assert_str_eq(read_query("t:1"), "6");
	ck_assert(gone(5));
	ck_assert_uint_eq(version_of(temp.store, "a"), 5);
	ck_assert_uint_eq(streams_listed(), 1);
	ck_assert_int_eq(expecting("a", SKAFU_EXPECT_NONE, 0), 0);
	ck_assert_int_eq(expecting("a", SKAFU_EXPECT_EXACT, 5), 0);
	ck_assert_int_eq(expecting("a", SKAFU_EXPECT_EXISTS, 0), SKAFU_ECONFLICT);
	ck_assert_int_eq(expecting_no_match("t:1"), SKAFU_EMATCH);
}

START_TEST(deleted_softly)
{
	fill();
	appended(skafu_batch_delete_stream(hiding, "a", 5, fault));
	always(look_at_deleted);
	appended(skafu_batch_delete_stream(hiding, "b", 2, fault));
	ck_assert_int_eq(expecting_no_match("t:1"), 0);
	append_event(temp.store, "a", "Happened", "t:2"); /* 8 */
	ck_assert_str_eq(read_stream("a"), "8");
	ck_assert_uint_eq(version_of(temp.store, "a"), 6);
	ck_assert_uint_eq(streams_listed(), 1);
	ck_assert_int_eq(expecting("a", SKAFU_EXPECT_NONE, 0), SKAFU_ECONFLICT);
	verified();
}
END_TEST

START_TEST(deleted_together_with_new_events)
{
	skafu_batch *batch = batch_of(temp.store);

	fill();
	went(skafu_batch_delete_stream(batch, "a", 5, fault));
	add_event(batch, "a", "Happened", NULL);
	appended_by(temp.store, batch);
	ck_assert_str_eq(read_stream("a"), "8");
}
END_TEST

static void look_at_tombstone(void)
{
	skafu_batch *batch = batch_of(temp.store);

	ck_assert_str_eq(read_stream("a"), "");
	ck_assert_uint_eq(streams_listed(), 1);
	add_event(batch, "a", "Happened", NULL);
	refused(SKAFU_EDELETED, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	message_names("stream a");
	skafu_batch_clear(batch);
	went(skafu_batch_truncate_stream(batch, "a", 2, fault));
	refused(SKAFU_EDELETED, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
	ck_assert_int_eq(expecting("a", SKAFU_EXPECT_NONE, 0), SKAFU_ECONFLICT);
}

START_TEST(deleted_for_good)
{
	fill();
	appended(skafu_batch_tombstone_stream(hiding, "a", fault));
	appended(skafu_batch_tombstone_stream(hiding, "never was", fault));
	always(look_at_tombstone);
}
END_TEST

static void look_at_erased(void)
{
	skafu_record *record;
	char *text;
	size_t length;

	went(skafu_get(temp.store, 8, &record, fault));
	ck_assert_uint_eq(record->flags, SKAFU_RECORD_ERASED);
	ck_assert_uint_eq(record->data_length, 0);
	ck_assert_str_eq(record->type, "Said");
	went(skafu_record_to_json(record, &text, &length, fault));
	ck_assert_ptr_null(strstr(text, "secret word"));
	ck_assert_ptr_nonnull(strstr(text, "\"dataErased\":true"));
	skafu_text_free(text);
	skafu_record_free(record);
	ck_assert_str_eq(read_stream("secrets"), "8");
	ck_assert_str_eq(read_query("Said"), "8");
}

START_TEST(erased)
{
	fill();
	add_secret("secrets");
	appended(skafu_batch_erase(hiding, 8, fault));
	always(look_at_erased);
	appended(skafu_batch_erase(hiding, 8, fault)); /* again */
	look_at_erased();
}
END_TEST

START_TEST(what_cannot_be)
{
	skafu_batch *batch = batch_of(temp.store);

	fill();
	refused(SKAFU_EINVAL, skafu_batch_truncate_stream(batch, "a", 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_truncate_stream(batch, "", 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_delete_stream(batch, "a", 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_erase(batch, 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_put_row(batch, "skafu:erased", "k", 1, NULL, 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_delete_row(batch, "skafu:streams", "a", 1, fault));
	ck_assert_uint_eq(batch->row_count, 0);
	went(skafu_batch_truncate_stream(batch, "a", 7, fault));
	refused(SKAFU_EINVAL, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(skafu_error_version(fault), 5);
	skafu_batch_clear(batch);
	went(skafu_batch_delete_stream(batch, "a", 4, fault));
	refused(SKAFU_ECONFLICT, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(skafu_error_condition(fault), 1);
	skafu_batch_clear(batch);
	went(skafu_batch_erase(batch, 8, fault));
	refused(SKAFU_ENOTFOUND, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_clear(batch);
	went(skafu_batch_truncate_stream(batch, "a", 4, fault));
	went(skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_clear(batch);
	went(skafu_batch_truncate_stream(batch, "a", 3, fault));
	refused(SKAFU_EINVAL, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
}
END_TEST

static int file_has(const char *path, const char *text)
{
	static uint8_t bytes[4 << 20];
	size_t length = file_read(path, bytes, sizeof bytes);

	return memmem(bytes, length, text, strlen(text)) != NULL;
}

START_TEST(copies_leave_out_what_is_hidden)
{
	char path[320];
	char log[340];

	fill();
	add_secret("secrets");
	add_secret("cut");
	appended(skafu_batch_erase(hiding, 8, fault));
	appended(skafu_batch_delete_stream(hiding, "cut", 1, fault));
	verified();
	ck_assert(file_has(tempstore_file(&temp, "log"), "secret word"));
	snprintf(path, sizeof path, "%s/copy", temp.directory);
	snprintf(log, sizeof log, "%s/log", path);
	went(skafu_store_backup(temp.store, path, 0, NULL, NULL, fault));
	ck_assert(!file_has(log, "secret word"));
	/* It goes on with a copy whose commits have other bytes than its own. */
	append_event(temp.store, "a", "Happened", NULL);
	went(skafu_store_backup(temp.store, path, 0, NULL, NULL, fault));
	tempstore_close(&temp);
	snprintf(temp.path, sizeof temp.path, "%s/copy", temp.directory);
	tempstore_open(&temp, NULL);
	always(look_at_erased);
	ck_assert_uint_eq(head_of(temp.store), 10);
	ck_assert(gone(9));
}
END_TEST

START_TEST(a_retry_after_the_erasure)
{
	skafu_batch *batch = batch_of(temp.store);
	skafu_new_record record = event_of("s", "Said");
	skafu_appended got = {.size = sizeof got};
	char path[320];
	uint8_t id[16] = {9};

	record.data = "{\"a long payload\":\"that is longer than its digest is\"}";
	record.data_length = strlen(record.data);
	went(skafu_batch_add(batch, &record, fault));
	went(skafu_batch_set_id(batch, id, fault));
	went(skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	appended(skafu_batch_erase(hiding, 1, fault));
	snprintf(path, sizeof path, "%s/copy", temp.directory);
	went(skafu_store_backup(temp.store, path, 0, NULL, NULL, fault));
	went(skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, &got, fault));
	ck_assert_uint_eq(got.flags, SKAFU_APPENDED_RETRY);
	skafu_batch_free(batch);
	tempstore_close(&temp);
	snprintf(temp.path, sizeof temp.path, "%s/copy", temp.directory);
	tempstore_open(&temp, NULL);
	batch = batch_of(temp.store);
	went(skafu_batch_add(batch, &record, fault));
	went(skafu_batch_set_id(batch, id, fault));
	went(skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, &got, fault));
	ck_assert_uint_eq(got.flags, SKAFU_APPENDED_RETRY);
	skafu_batch_free(batch);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, truncated);
	tcase_add_test(tests, deleted_softly);
	tcase_add_test(tests, deleted_together_with_new_events);
	tcase_add_test(tests, deleted_for_good);
	tcase_add_test(tests, erased);
	tcase_add_test(tests, what_cannot_be);
	tcase_add_test(tests, copies_leave_out_what_is_hidden);
	tcase_add_test(tests, a_retry_after_the_erasure);
}

int main(void)
{
	return tempstore_main("hide", add);
}
