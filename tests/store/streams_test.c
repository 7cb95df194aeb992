/*
 * streams_test.c: the streams of a store by prefix, in order, with what they are at.
 */
#include <stdio.h>
#include <string.h>

#include "codec/hash.h"
#include "store/store.h"
#include "store/tempstore.h"

static skafu_store *store;

static void make(void)
{
	store = memory_store();
	append_event(store, "b", "T", NULL);
	append_event(store, "ab", "T", NULL);
	append_event(store, "a", "T", NULL);
	append_event(store, "ab", "T", NULL);
	append_event(store, "a/1", "T", NULL);
}

static void drop(void)
{
	skafu_store_close(store);
}

static const char *streams(const char *prefix, uint64_t limit)
{
	static char text[1000];
	skafu_stream_list *list = NULL;
	const skafu_stream_info *info;
	size_t length = 0;
	int32_t rc;

	text[0] = 0;
	went(skafu_stream_list_open(store, prefix, limit, &list, fault));
	while ((rc = skafu_stream_list_next(list, &info, fault)) == 1) {
		ck_assert(info->size == sizeof *info && info->last_recorded_ns > 0);
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s@%u#%u", length ? " " : "",
					   info->name, (unsigned)info->version, (unsigned)info->last_sequence);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(skafu_stream_list_next(list, &info, fault), 0);
	skafu_stream_list_free(list);
	return text;
}

START_TEST(prefixes_and_limits)
{
	ck_assert_str_eq(streams("", SKAFU_NO_LIMIT), "a@1#3 a/1@1#5 ab@2#4 b@1#1");
	ck_assert_str_eq(streams("a", SKAFU_NO_LIMIT), "a@1#3 a/1@1#5 ab@2#4");
	ck_assert_str_eq(streams("a/", SKAFU_NO_LIMIT), "a/1@1#5");
	ck_assert_str_eq(streams("ab", SKAFU_NO_LIMIT), "ab@2#4");
	ck_assert_str_eq(streams("abc", SKAFU_NO_LIMIT), "");
	ck_assert_str_eq(streams("", 2), "a@1#3 a/1@1#5");
	ck_assert_str_eq(streams("", 0), "");
}
END_TEST

START_TEST(records_that_are_no_events_make_no_stream)
{
	skafu_batch *batch = batch_of(store);
	skafu_new_record record = event_of("ghost", "Do");

	record.kind = SKAFU_KIND_COMMAND;
	went(skafu_batch_add(batch, &record, fault));
	appended_by(store, batch);
	ck_assert_str_eq(streams("g", SKAFU_NO_LIMIT), "");
	ck_assert_uint_eq(version_of(store, "ghost"), 0);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	skafu_stream_list *list = NULL;
	const skafu_stream_info *info;

	refused(SKAFU_EINVAL, skafu_stream_list_open(NULL, "", 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_stream_list_open(store, NULL, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_stream_list_open(store, "", 1, NULL, fault));
	refused(SKAFU_EUTF8, skafu_stream_list_open(store, "\n", 1, &list, fault));
	ck_assert_ptr_null(list);
	refused(SKAFU_EINVAL, skafu_stream_list_next(NULL, &info, fault));
	went(skafu_stream_list_open(store, "", 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_stream_list_next(list, NULL, fault));
	skafu_stream_list_free(list);
	skafu_stream_list_free(NULL);
}
END_TEST

/* _i: 0 all in the tail; 1 folds and merges all the time; 2 the same, and most names share their hash with others. */
START_TEST(many_streams_are_found)
{
	const struct skafu__tuning tuning = {.fan_in = 2, .segment_bytes = 256, .fold_records = 7};
	char name[32];
	skafu_stream_list *list = NULL;
	const skafu_stream_info *info;
	uint32_t seen = 0;

	if (_i > 0) {
		drop();
		skafu__tuning_override(&tuning);
		store = memory_store();
		skafu__tuning_override(NULL);
	}
	if (_i == 2)
		skafu__hash64_weaken(7);
	for (uint32_t i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "many-%04u", (i * 7919u) % 3000);
		append_event(store, name, "T", NULL);
		append_event(store, i % 2 ? "many-0000" : "few", "T", NULL);
	}
	went(skafu_stream_list_open(store, "many-", SKAFU_NO_LIMIT, &list, fault));
	while (skafu_stream_list_next(list, &info, fault) == 1) {
		snprintf(name, sizeof name, "many-%04u", seen++);
		ck_assert_str_eq(info->name, name);
	}
	ck_assert_uint_eq(seen, 3000);
	skafu_stream_list_free(list);
	skafu__hash64_weaken(0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, prefixes_and_limits);
	tcase_add_test(tests, records_that_are_no_events_make_no_stream);
	tcase_add_test(tests, bad_calls_are_refused);
	tcase_add_loop_test(tests, many_streams_are_found, 0, 3);
}

int main(void)
{
	return tempstore_main("streams", add);
}
