/*
 * cursor_test.c: what reads give: directions, bounds, limits, kinds, times, and the moment that a cursor shows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

#define SECOND_NS INT64_C(1000000000)

static skafu_store *store;

/* 1 a T1 x, 2 b T2 x y, 3 command, 4 a T2 y, 5 error, 6 a T1, 7 c T3 x y, 8 outcome; a second apart. */
static void make(void)
{
	clock_install();
	store = memory_store();
	append_event(store, "a", "T1", "k:x");
	clock_offset_ns += SECOND_NS;
	append_event(store, "b", "T2", "k:x k:y");
	clock_offset_ns += SECOND_NS;
	skafu_batch *batch = batch_of(store);
	add_kind(batch, SKAFU_KIND_COMMAND, "Do");
	add_event(batch, "a", "T2", "k:y");
	add_kind(batch, SKAFU_KIND_ERROR, "Failed");
	appended_by(store, batch);
	clock_offset_ns += SECOND_NS;
	append_row(store, "t", "k", "v"); /* moves no head */
	append_event(store, "a", "T1", NULL);
	clock_offset_ns += SECOND_NS;
	batch = batch_of(store);
	skafu_new_record record = event_of("c", "T3");
	static const char *const tags[] = {"k:x", "k:y"};
	record.tags = tags;
	record.tag_count = 2;
	record.source = "elsewhere";
	record.correlation = "one";
	went(skafu_batch_add(batch, &record, fault));
	record = event_of(NULL, "Done");
	record.kind = SKAFU_KIND_OUTCOME;
	record.correlation = "one";
	went(skafu_batch_add(batch, &record, fault));
	appended_by(store, batch);
}

static void drop(void)
{
	skafu_store_close(store);
	clock_remove();
}

static skafu_read_opts bounds(uint32_t flags, uint32_t kinds, uint64_t from, uint64_t to)
{
	skafu_read_opts opts = {.size = sizeof opts, .flags = flags, .kinds = kinds, .from = from, .to = to};

	return opts;
}

static const char *all(uint64_t limit, const skafu_read_opts *opts)
{
	skafu_cursor *cursor = NULL;

	went(skafu_read(store, NULL, limit, opts, &cursor, fault));
	ck_assert_uint_eq(skafu_cursor_head(cursor), 8);
	return sequences_of(cursor);
}

static const char *matching(const char *text, uint32_t flags, uint32_t kinds)
{
	skafu_query *query = query_of(text);
	skafu_read_opts opts = bounds(flags, kinds, 0, 0);
	skafu_cursor *cursor = NULL;

	went(skafu_read(store, query, SKAFU_NO_LIMIT, &opts, &cursor, fault));
	skafu_query_free(query); /* it was copied */
	return sequences_of(cursor);
}

static const char *stream(const char *name, uint64_t limit, uint32_t flags, uint64_t from, uint64_t to)
{
	skafu_read_opts opts = bounds(flags, 0, from, to);
	skafu_cursor *cursor = NULL;

	went(skafu_read_stream(store, name, limit, &opts, &cursor, fault));
	return sequences_of(cursor);
}

START_TEST(everything_in_both_directions)
{
	skafu_read_opts opts = bounds(SKAFU_READ_BACKWARD, 0, 0, 0);

	ck_assert_str_eq(all(SKAFU_NO_LIMIT, NULL), "1 2 4 6 7");
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "7 6 4 2 1");
	opts = bounds(0, SKAFU_KINDS_ALL, 0, 0);
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "1 2 3 4 5 6 7 8");
	opts.flags = SKAFU_READ_BACKWARD;
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "8 7 6 5 4 3 2 1");
	opts = bounds(0, SKAFU_KINDS_COMMANDS | SKAFU_KINDS_OUTCOMES, 0, 0);
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "3 8");
	opts.flags = SKAFU_READ_BACKWARD;
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "8 3");
	opts.kinds = SKAFU_KINDS_ERRORS;
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "5");
}
END_TEST

START_TEST(limits_and_bounds)
{
	skafu_read_opts opts;

	ck_assert_str_eq(all(0, NULL), "");
	ck_assert_str_eq(all(2, NULL), "1 2");
	opts = bounds(SKAFU_READ_BACKWARD, 0, 0, 0);
	ck_assert_str_eq(all(2, &opts), "7 6");
	ck_assert_str_eq(all(0, &opts), "");
	opts = bounds(0, 0, 2, 6);
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "2 4 6");
	opts.flags = SKAFU_READ_BACKWARD;
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "6 4 2");
	ck_assert_str_eq(all(1, &opts), "6");
	opts = bounds(0, 0, 7, 7);
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "7");
	opts = bounds(0, 0, 100, 0);
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "");
	opts.flags = SKAFU_READ_BACKWARD;
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "");
	opts = bounds(0, 0, UINT64_MAX, UINT64_MAX);
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "");
	opts = bounds(SKAFU_READ_BACKWARD, 0, 0, UINT64_MAX);
	ck_assert_str_eq(all(SKAFU_NO_LIMIT, &opts), "7 6 4 2 1");
}
END_TEST

START_TEST(queries)
{
	ck_assert_str_eq(matching("", 0, 0), "1 2 4 6 7");
	ck_assert_str_eq(matching("T1", 0, 0), "1 6");
	ck_assert_str_eq(matching("T1 T3", 0, 0), "1 6 7");
	ck_assert_str_eq(matching("T1 T3", SKAFU_READ_BACKWARD, 0), "7 6 1");
	ck_assert_str_eq(matching("k:x", 0, 0), "1 2 7");
	ck_assert_str_eq(matching("k:x k:y", 0, 0), "2 7");
	ck_assert_str_eq(matching("T2 k:x", 0, 0), "2");
	ck_assert_str_eq(matching("T2 k:x | T1", 0, 0), "1 2 6");
	ck_assert_str_eq(matching("k:x | k:y | T2", SKAFU_READ_BACKWARD, 0), "7 4 2 1"); /* each once */
	ck_assert_str_eq(matching("Unknown", 0, 0), "");
	ck_assert_str_eq(matching("k:z", 0, 0), "");
	ck_assert_str_eq(matching("Do", 0, SKAFU_KINDS_ALL), "3");
	ck_assert_str_eq(matching("Do", 0, 0), "");
	ck_assert_str_eq(matching("Do | T3", 0, SKAFU_KINDS_ALL), "3 7");
}
END_TEST

START_TEST(streams)
{
	skafu_cursor *cursor = NULL;
	skafu_read_opts opts = bounds(0, 0, 5, 0);

	ck_assert_str_eq(stream("a", SKAFU_NO_LIMIT, 0, 0, 0), "1 4 6");
	ck_assert_str_eq(stream("a", SKAFU_NO_LIMIT, SKAFU_READ_BACKWARD, 0, 0), "6 4 1");
	ck_assert_str_eq(stream("a", 1, SKAFU_READ_BACKWARD, 0, 0), "6");
	ck_assert_str_eq(stream("a", SKAFU_NO_LIMIT, 0, 2, 0), "4 6");
	ck_assert_str_eq(stream("a", SKAFU_NO_LIMIT, 0, 2, 2), "4");
	ck_assert_str_eq(stream("a", SKAFU_NO_LIMIT, SKAFU_READ_BACKWARD, 1, 2), "4 1");
	ck_assert_str_eq(stream("a", SKAFU_NO_LIMIT, 0, 3, 99), "6");
	ck_assert_str_eq(stream("none", SKAFU_NO_LIMIT, 0, 0, 0), "");
	ck_assert_str_eq(stream("none", SKAFU_NO_LIMIT, 0, 7, 9), ""); /* does not exist: empty */
	ck_assert_str_eq(stream("a", 0, 0, 0, 0), "");
	ck_assert_str_eq(stream("a", SKAFU_NO_LIMIT, 0, 4, 0), ""); /* the next version: nothing yet */
	refused(SKAFU_EINVAL, skafu_read_stream(store, "a", 1, &opts, &cursor, fault));
	ck_assert_uint_eq(skafu_error_version(fault), 3);
	ck_assert_ptr_null(cursor);
}
END_TEST

START_TEST(correlations_and_domains)
{
	skafu_read_opts opts = bounds(0, SKAFU_KINDS_ALL, 0, 0);
	skafu_cursor *cursor = NULL;

	went(skafu_read_correlation(store, "one", SKAFU_NO_LIMIT, NULL, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), "7");
	went(skafu_read_correlation(store, "one", SKAFU_NO_LIMIT, &opts, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), "7 8");
	went(skafu_read_correlation(store, "two", SKAFU_NO_LIMIT, &opts, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), "");
	went(skafu_read_domain(store, "default", SKAFU_NO_LIMIT, NULL, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), "1 2 4 6");
	opts.flags = SKAFU_READ_BACKWARD;
	opts.kinds = 0;
	went(skafu_read_domain(store, "elsewhere", SKAFU_NO_LIMIT, &opts, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), "7");
	went(skafu_read_domain(store, "nowhere", SKAFU_NO_LIMIT, NULL, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), "");
}
END_TEST

static const char *between(int64_t from, int64_t to, uint32_t flags)
{
	skafu_read_opts opts = bounds(flags, SKAFU_KINDS_ALL, 0, 0);

	opts.recorded_from_ns = from;
	opts.recorded_to_ns = to;
	return all(SKAFU_NO_LIMIT, &opts);
}

START_TEST(recorded_times)
{
	const uint32_t both = SKAFU_READ_RECORDED_FROM | SKAFU_READ_RECORDED_TO;
	int64_t at[9];
	skafu_read_opts opts = bounds(SKAFU_READ_RECORDED_FROM, 0, 0, 0);
	skafu_cursor *cursor = NULL;

	for (uint64_t i = 1; i <= 8; i++) {
		skafu_record *record = NULL;

		went(skafu_get(store, i, &record, fault));
		at[i] = record->recorded_ns;
		skafu_record_free(record);
	}
	ck_assert_str_eq(between(at[3], 0, SKAFU_READ_RECORDED_FROM), "3 4 5 6 7 8");
	ck_assert_str_eq(between(at[2] + 1, 0, SKAFU_READ_RECORDED_FROM), "3 4 5 6 7 8");
	ck_assert_str_eq(between(0, at[3], SKAFU_READ_RECORDED_TO), "1 2 3 4 5");
	ck_assert_str_eq(between(0, at[3] - 1, SKAFU_READ_RECORDED_TO), "1 2");
	ck_assert_str_eq(between(at[2], at[6], both), "2 3 4 5 6");
	ck_assert_str_eq(between(at[2], at[6], both | SKAFU_READ_BACKWARD), "6 5 4 3 2");
	ck_assert_str_eq(between(at[6], at[2], both), "");
	ck_assert_str_eq(between(INT64_MIN, INT64_MAX, both), "1 2 3 4 5 6 7 8");
	ck_assert_str_eq(between(INT64_MAX, 0, SKAFU_READ_RECORDED_FROM), "");
	ck_assert_str_eq(between(0, INT64_MIN, SKAFU_READ_RECORDED_TO), "");
	ck_assert_str_eq(between(0, 0, 0), "1 2 3 4 5 6 7 8"); /* not asked for: not looked at */
	opts.recorded_from_ns = at[3];
	went(skafu_read_stream(store, "a", SKAFU_NO_LIMIT, &opts, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), "4 6");
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	skafu_cursor *cursor = NULL;
	const skafu_record *record = NULL;
	const skafu_record *const *records = NULL;
	skafu_read_opts opts = bounds(8, 0, 0, 0);

	refused(SKAFU_EOPTION, skafu_read(store, NULL, 1, &opts, &cursor, fault));
	opts = bounds(0, 1, 0, 0);
	refused(SKAFU_EOPTION, skafu_read(store, NULL, 1, &opts, &cursor, fault));
	opts = bounds(0, 0x20, 0, 0);
	refused(SKAFU_EOPTION, skafu_read(store, NULL, 1, &opts, &cursor, fault));
	opts = bounds(0, 0, 5, 4);
	refused(SKAFU_EINVAL, skafu_read(store, NULL, 1, &opts, &cursor, fault));
	refused(SKAFU_EINVAL, skafu_read_stream(store, "a", 1, &opts, &cursor, fault));
	opts.size = 0;
	refused(SKAFU_EOPTION, skafu_read(store, NULL, 1, &opts, &cursor, fault));
	refused(SKAFU_EINVAL, skafu_read(NULL, NULL, 1, NULL, &cursor, fault));
	refused(SKAFU_EINVAL, skafu_read(store, NULL, 1, NULL, NULL, fault));
	refused(SKAFU_EINVAL, skafu_read_stream(store, NULL, 1, NULL, &cursor, fault));
	refused(SKAFU_EUTF8, skafu_read_stream(store, "\xff", 1, NULL, &cursor, fault));
	refused(SKAFU_EINVAL, skafu_read_correlation(store, "", 1, NULL, &cursor, fault));
	refused(SKAFU_EINVAL, skafu_read_domain(store, NULL, 1, NULL, &cursor, fault));
	ck_assert_ptr_null(cursor);
	refused(SKAFU_EINVAL, skafu_cursor_next(NULL, &record, fault));
	went(skafu_read(store, NULL, 1, NULL, &cursor, fault));
	refused(SKAFU_EINVAL, skafu_cursor_next(cursor, NULL, fault));
	refused(SKAFU_EINVAL, skafu_cursor_next_batch(cursor, 0, &records, fault));
	refused(SKAFU_EINVAL, skafu_cursor_next_batch(cursor, 1, NULL, fault));
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 1);
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 0);
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 0); /* the end stays the end */
	skafu_cursor_free(cursor);
	skafu_cursor_free(NULL);
	ck_assert_uint_eq(skafu_cursor_head(NULL), 0);
}
END_TEST

START_TEST(a_cursor_shows_one_moment)
{
	skafu_cursor *forward = NULL;
	skafu_cursor *one = NULL;
	skafu_cursor *by_query = NULL;
	skafu_query *query = query_of("T1");

	went(skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &forward, fault));
	went(skafu_read_stream(store, "a", SKAFU_NO_LIMIT, NULL, &one, fault));
	went(skafu_read(store, query, SKAFU_NO_LIMIT, NULL, &by_query, fault));
	for (int i = 0; i < 500; i++)
		append_event(store, "a", "T1", "k:x");
	ck_assert_str_eq(sequences_of(forward), "1 2 4 6 7");
	ck_assert_str_eq(sequences_of(one), "1 4 6");
	ck_assert_str_eq(sequences_of(by_query), "1 6");
	skafu_query_free(query);
}
END_TEST

START_TEST(long_and_large_reads)
{
	skafu_new_record record = event_of("big", "Big");
	static uint8_t data[300000];
	skafu_cursor *cursor = NULL;
	const skafu_record *const *records;
	uint64_t expected = 9;
	int32_t rc;

	record.content_type = "a/b";
	record.data = data;
	for (uint64_t i = 9; i <= 2000; i++) {
		skafu_batch *batch = batch_of(store);

		data[0] = (uint8_t)i;
		record.data_length = i % 400 == 0 ? sizeof data : 1 + i % 100;
		went(skafu_batch_add(batch, &record, fault));
		appended_by(store, batch);
	}
	went(skafu_read_stream(store, "big", SKAFU_NO_LIMIT, NULL, &cursor, fault));
	while ((rc = skafu_cursor_next_batch(cursor, 1000, &records, fault)) > 0)
		for (int32_t i = 0; i < rc; i++, expected++) {
			ck_assert_uint_eq(records[i]->sequence, expected);
			ck_assert_uint_eq(records[i]->stream_version, expected - 8);
			ck_assert_uint_eq(records[i]->data_length,
					  expected % 400 == 0 ? sizeof data : 1 + expected % 100);
			ck_assert_uint_eq(records[i]->data[0], (uint8_t)expected);
		}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(expected, 2001);
	skafu_cursor_free(cursor);
}
END_TEST

START_TEST(a_repeated_tag_gives_the_event_once)
{
	append_event(store, "tagged", "T1", "twice:x twice:x twice:x");
	ck_assert_str_eq(matching("twice:x", 0, 0), "9");
	ck_assert_str_eq(matching("twice:x", SKAFU_READ_BACKWARD, 0), "9");
}
END_TEST

/* Every allocation of opening and reading fails in turn; a failing step can be tried again. */
static long allocations_left = -1;
static long live;

static int no_memory_now(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

static void *some_memory(void *user, size_t bytes)
{
	void *block = no_memory_now() ? NULL : malloc(bytes);

	(void)user;
	live += block != NULL;
	return block;
}

static void *more_memory(void *user, void *block, size_t bytes)
{
	(void)user;
	if (no_memory_now())
		return NULL;
	live += block == NULL;
	return realloc(block, bytes);
}

static void no_more_memory(void *user, void *block)
{
	(void)user;
	live -= block != NULL;
	free(block);
}

START_TEST(a_failing_step_can_be_tried_again)
{
	skafu_allocator allocator = {.size = sizeof allocator, .allocate = some_memory, .reallocate = more_memory,
				     .release = no_more_memory};
	skafu_store_opts opts = {.size = sizeof opts, .allocator = &allocator};
	skafu_store *own = NULL;
	long before;

	went(skafu_store_open_memory(&opts, &own, fault));
	for (int i = 0; i < 5; i++)
		append_event(own, "s", "T", "a:b");
	before = live;
	for (long left = 0; left < 30; left++) {
		skafu_cursor *cursor = NULL;
		const skafu_record *record;
		uint64_t seen = 0;
		int32_t rc;

		allocations_left = left;
		rc = skafu_read_stream(own, "s", SKAFU_NO_LIMIT, NULL, &cursor, fault);
		if (rc == SKAFU_ENOMEM) {
			allocations_left = -1;
			ck_assert_ptr_null(cursor);
			ck_assert_int_eq(live, before);
			continue;
		}
		went(rc);
		while ((rc = skafu_cursor_next(cursor, &record, fault)) != 0) {
			if (rc == 1)
				ck_assert_uint_eq(record->sequence, ++seen);
			else
				ck_assert_int_eq(rc, SKAFU_ENOMEM);
		}
		allocations_left = -1;
		ck_assert_uint_eq(seen, 5);
		skafu_cursor_free(cursor);
		ck_assert_int_eq(live, before);
	}
	skafu_store_close(own);
	ck_assert_int_eq(live, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, everything_in_both_directions);
	tcase_add_test(tests, limits_and_bounds);
	tcase_add_test(tests, queries);
	tcase_add_test(tests, streams);
	tcase_add_test(tests, correlations_and_domains);
	tcase_add_test(tests, recorded_times);
	tcase_add_test(tests, bad_calls_are_refused);
	tcase_add_test(tests, a_cursor_shows_one_moment);
	tcase_add_test(tests, long_and_large_reads);
	tcase_add_test(tests, a_repeated_tag_gives_the_event_once);
	tcase_add_test(tests, a_failing_step_can_be_tried_again);
}

int main(void)
{
	return tempstore_main("cursor", add);
}
