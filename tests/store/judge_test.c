/*
 * judge_test.c: conditions: which holds, which is reported, and how it is explained.
 */
#include "store/judge.h"

#include <string.h>

#include "store/tempstore.h"

static skafu_store *store;
static skafu_batch *batch;

/* a@2 (1 T1 k:x, 3 T2 k:x k:y), b@1 (2 T1), a command 4, row t/k = v */
static void make(void)
{
	store = memory_store();
	append_event(store, "a", "T1", "k:x");
	append_event(store, "b", "T1", NULL);
	append_event(store, "a", "T2", "k:x k:y");
	batch = batch_of(store);
	add_kind(batch, SKAFU_KIND_COMMAND, "Do");
	appended_by(store, batch);
	append_row(store, "t", "k", "v");
	batch = batch_of(store);
	add_event(batch, "new", "T1", "k:x");
}

static void drop(void)
{
	skafu_batch_free(batch);
	skafu_store_close(store);
}

static void no_match(const char *text, uint64_t after)
{
	skafu_query *query = query_of(text);

	went(skafu_batch_expect_no_match(batch, query, after, fault));
	skafu_query_free(query);
}

static int32_t judged(void)
{
	return skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault);
}

/* One stream expectation: 0, or the code and the version that was found. */
static void stream(const char *name, uint32_t expectation, uint64_t version, int holds, uint64_t found)
{
	skafu_batch *own = batch_of(store);

	went(skafu_batch_put_row(own, "other", "k", 1, "v", 1, fault)); /* streams that are only checked */
	went(skafu_batch_expect_stream(own, name, SKAFU_EXPECT_ANY, 0, fault));
	went(skafu_batch_expect_stream(own, name, expectation, version, fault));
	if (holds) {
		went(skafu_append(store, own, SKAFU_WAIT_FOREVER, NULL, fault));
	} else {
		refused(SKAFU_ECONFLICT, skafu_append(store, own, SKAFU_WAIT_FOREVER, NULL, fault));
		ck_assert_uint_eq(skafu_error_condition(fault), 2);
		ck_assert_uint_eq(skafu_error_version(fault), found);
		message_names(name);
	}
	skafu_batch_free(own);
}

START_TEST(stream_expectations)
{
	stream("a", SKAFU_EXPECT_ANY, 0, 1, 0);
	stream("a", SKAFU_EXPECT_EXISTS, 0, 1, 0);
	stream("a", SKAFU_EXPECT_EXACT, 2, 1, 0);
	stream("a", SKAFU_EXPECT_EXACT, 1, 0, 2);
	stream("a", SKAFU_EXPECT_EXACT, 3, 0, 2);
	stream("a", SKAFU_EXPECT_EXACT, 0, 0, 2);
	stream("a", SKAFU_EXPECT_EXACT, UINT64_MAX, 0, 2);
	stream("a", SKAFU_EXPECT_NONE, 0, 0, 2);
	stream("none", SKAFU_EXPECT_NONE, 0, 1, 0);
	stream("none", SKAFU_EXPECT_EXACT, 0, 1, 0);
	stream("none", SKAFU_EXPECT_EXISTS, 0, 0, 0);
	stream("none", SKAFU_EXPECT_EXACT, 1, 0, 0);
	stream("none", SKAFU_EXPECT_ANY, 0, 1, 0);
}
END_TEST

/* One query: the sequence and item that matched, or 0. */
static void query(const char *text, uint64_t after, uint64_t sequence, uint32_t item)
{
	skafu_batch *own = batch_of(store);
	skafu_batch *kept = batch;

	went(skafu_batch_put_row(own, "other", "k", 1, "v", 1, fault));
	batch = own;
	no_match(text, after);
	batch = kept;
	if (sequence == 0) {
		went(skafu_append(store, own, SKAFU_WAIT_FOREVER, NULL, fault));
	} else {
		refused(SKAFU_EMATCH, skafu_append(store, own, SKAFU_WAIT_FOREVER, NULL, fault));
		ck_assert_uint_eq(skafu_error_sequence(fault), sequence);
		ck_assert_uint_eq(skafu_error_item(fault), item);
		ck_assert_uint_eq(skafu_error_condition(fault), 1);
	}
	skafu_batch_free(own);
}

START_TEST(query_conditions)
{
	query("T1", 0, 1, 1);
	query("T1", 1, 2, 1);
	query("T1", 2, 0, 0);
	query("T3", 0, 0, 0);
	query("k:y", 0, 3, 1);
	query("k:x", 1, 3, 1);
	query("T3 | k:z | T2 k:y", 0, 3, 3);
	query("T1 k:y", 0, 0, 0);
	query("", 0, 1, 1); /* everything */
	query("", 2, 3, 1);
	query("", 3, 0, 0); /* the command at 4 is no event */
	query("Do", 0, 0, 0);
	query("", UINT64_MAX, 0, 0);
	query("T1", 1000, 0, 0);
}
END_TEST

START_TEST(a_batch_never_matches_itself)
{
	no_match("k:x", 3);
	went(skafu_batch_expect_stream(batch, "new", SKAFU_EXPECT_NONE, 0, fault));
	went(skafu_batch_expect_no_row(batch, "t", "l", 1, fault));
	went(skafu_batch_put_row(batch, "t", "l", 1, "v", 1, fault));
	went(judged());
	ck_assert_uint_eq(version_of(store, "new"), 1);
}
END_TEST

/* Rows before streams before queries, whatever the order in which they were added; numbers are of the adding. */
START_TEST(the_order_of_checks)
{
	no_match("T1", 0);
	went(skafu_batch_expect_stream(batch, "a", SKAFU_EXPECT_NONE, 0, fault));
	went(skafu_batch_expect_stream(batch, "b", SKAFU_EXPECT_NONE, 0, fault));
	went(skafu_batch_expect_no_row(batch, "t", "k", 1, fault));
	refused(SKAFU_EROW, judged());
	ck_assert_uint_eq(skafu_error_condition(fault), 4);
	append_row(store, "t", "k", NULL);
	refused(SKAFU_ECONFLICT, judged());
	ck_assert_uint_eq(skafu_error_condition(fault), 2);
	ck_assert_uint_eq(head_of(store), 4);
}
END_TEST

START_TEST(known_ids_come_before_conditions)
{
	skafu_new_record record = event_of("s", "T1");
	skafu_record *first = NULL;

	went(skafu_get(store, 1, &first, fault));
	record.id = first->id;
	went(skafu_batch_add(batch, &record, fault));
	no_match("T1", 0);
	refused(SKAFU_EDUPLICATE, judged());
	ck_assert(skafu_error_sequence(fault) == 1 && skafu_error_item(fault) == 2);
	skafu_record_free(first);
}
END_TEST

START_TEST(a_refusal_changes_nothing)
{
	uint32_t types = store->names.counts[SKAFU__NAME_TYPE];
	skafu_batch *own = batch_of(store);

	add_event(own, "fresh", "FreshType", "fresh:tag");
	went(skafu_batch_expect_stream(own, "fresh", SKAFU_EXPECT_EXISTS, 0, fault));
	refused(SKAFU_ECONFLICT, skafu_append(store, own, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(own);
	ck_assert_uint_eq(store->names.counts[SKAFU__NAME_TYPE], types);
	ck_assert(head_of(store) == 4 && version_of(store, "fresh") == 0);
	went(judged());
	ck_assert_uint_eq(head_of(store), 5);
}
END_TEST

START_TEST(the_outcome_of_a_commit)
{
	struct skafu__view view;
	struct skafu_appended out = {0};

	went(skafu__view_open(store, &view, fault));
	went(skafu__view_commit(&view, 3, 3, fault));
	went(skafu__judge_outcome(&view.current, &out, fault));
	ck_assert(out.commit == 3 && out.first_sequence == 3 && out.last_sequence == 3 && out.stream_version == 2);
	ck_assert(out.size == sizeof out && out.flags == 0 && out.recorded_ns == view.current.recorded_ns);
	went(skafu__view_commit(&view, 5, 4, fault));
	went(skafu__judge_outcome(&view.current, &out, fault));
	ck_assert(out.commit == 5 && out.first_sequence == 0 && out.stream_version == 0);
	skafu__view_close(&view);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, stream_expectations);
	tcase_add_test(tests, query_conditions);
	tcase_add_test(tests, a_batch_never_matches_itself);
	tcase_add_test(tests, the_order_of_checks);
	tcase_add_test(tests, known_ids_come_before_conditions);
	tcase_add_test(tests, a_refusal_changes_nothing);
	tcase_add_test(tests, the_outcome_of_a_commit);
}

int main(void)
{
	return tempstore_main("judge", add);
}
