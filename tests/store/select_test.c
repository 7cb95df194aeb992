/*
 * select_test.c: candidates come in order, each once, and none that matches is missing.
 */
#include "store/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failing.h"
#include "codec/hash.h"
#include "store/tempstore.h"

static skafu_store *store;

/* 400 events: type by i % 4, tags by i % 3 and i % 5, a repeated one on every seventh. */
static void make(void)
{
	char text[64];

	store = memory_store();
	for (int i = 1; i <= 400; i++) {
		char type[8];

		snprintf(type, sizeof type, "T%d", i % 4);
		snprintf(text, sizeof text, "three:%d five:%d%s", i % 3, i % 5, i % 7 ? "" : " r:r r:r r:r");
		append_event(store, "s", type, text);
	}
}

static void drop(void)
{
	skafu_store_close(store);
}

/* The candidates of a query, as they come; the number. */
static size_t run(const char *text, struct skafu__range range, uint64_t *out)
{
	skafu_query *query = query_of(text);
	struct skafu__select select;
	struct skafu__view view;
	size_t count = 0;
	int32_t rc;

	went(skafu__view_open(store, &view, fault));
	skafu__select_init(&select, &store->sys, range.backward);
	went(skafu__select_add_query(&select, &view, query, &range));
	while ((rc = skafu__select_next(&select, &view, &out[count], fault)) == 1) {
		ck_assert_uint_le(++count, 400);
		if (count % 37 == 0) { /* another view in between */
			skafu__view_close(&view);
			went(skafu__view_open(store, &view, fault));
		}
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(skafu__select_next(&select, &view, &out[count], fault), 0);
	skafu__select_done(&select);
	skafu__view_close(&view);
	skafu_query_free(query);
	for (size_t i = 1; i < count; i++)
		ck_assert(range.backward ? out[i] < out[i - 1] : out[i] > out[i - 1]);
	for (size_t i = 0; i < count; i++)
		ck_assert(out[i] >= range.from && out[i] <= range.to);
	return count;
}

static int contains(const uint64_t *all, size_t count, uint64_t wanted)
{
	for (size_t i = 0; i < count; i++)
		if (all[i] == wanted)
			return 1;
	return 0;
}

START_TEST(nothing_that_matches_is_missing)
{
	static uint64_t out[500];

	for (int backward = 0; backward < 2; backward++)
		for (uint64_t from = 1; from <= 401; from += 57) {
			struct skafu__range range = {from, 390, 0, UINT64_MAX, backward};
			size_t count = run("T1 three:2 five:3 | T2 | three:0", range, out);

			for (uint64_t i = from; i <= 390; i++)
				if ((i % 4 == 1 && i % 3 == 2 && i % 5 == 3) || i % 4 == 2 || i % 3 == 0)
					ck_assert_int_eq(contains(out, count, i), 1);
		}
}
END_TEST

START_TEST(types_give_exactly_theirs)
{
	static uint64_t out[500];
	struct skafu__range range = {1, 400, 0, UINT64_MAX, 0};

	ck_assert_uint_eq(run("T1", range, out), 100);
	ck_assert_uint_eq(run("T1 T1 T2", range, out), 200);
	ck_assert_uint_eq(run("T1 | T1", range, out), 100);
	ck_assert_uint_eq(run("Unknown", range, out), 0);
	ck_assert_uint_eq(run("", range, out), 400);
	ck_assert_uint_eq(run("r:r", range, out), 57); /* 400 / 7, each once */
	range.to = 0;
	ck_assert_uint_eq(run("T1", range, out), 0);
	ck_assert_uint_eq(run("", range, out), 0);
}
END_TEST

START_TEST(the_rarest_tag_drives)
{
	static uint64_t out[500];
	struct skafu__range range = {1, 400, 0, UINT64_MAX, 0};

	ck_assert_uint_le(run("three:1 r:r", range, out), 134); /* not every sequence */
}
END_TEST

START_TEST(sources_by_hand)
{
	struct skafu__select select;
	struct skafu__view view;
	struct skafu__range range = {10, 20, 0, UINT64_MAX, 0};
	uint64_t key = skafu__hash64(store->format.hash_key, "s", 1);
	uint64_t sequence = 0;

	went(skafu__view_open(store, &view, fault));
	skafu__select_init(&select, &store->sys, 0);
	range.extra_from = 15;
	ck_assert_int_eq(skafu__select_add(&select, SKAFU__DIM_STREAM, key, &range), 0);
	ck_assert_int_eq(skafu__select_add(&select, SKAFU__DIM_STREAM, key, &range), 0); /* known: nothing */
	ck_assert_uint_eq(select.source_count, 1);
	for (uint64_t i = 15; i <= 20; i++) {
		ck_assert_int_eq(skafu__select_next(&select, &view, &sequence, fault), 1);
		ck_assert_uint_eq(sequence, i);
	}
	ck_assert_int_eq(skafu__select_next(&select, &view, &sequence, fault), 0);
	skafu__select_done(&select);
	skafu__view_close(&view);
}
END_TEST

START_TEST(no_memory_is_told)
{
	struct failing failing;
	struct skafu__select select;
	struct skafu__range range = skafu__range_all(0);

	failing_init(&failing);
	failing.left = 1;
	skafu__select_init(&select, &failing.sys, 0);
	for (uint64_t key = 1; key <= 4; key++)
		ck_assert_int_eq(skafu__select_add(&select, SKAFU__DIM_TYPE, key, &range), 0);
	ck_assert_int_eq(skafu__select_add(&select, SKAFU__DIM_TYPE, 5, &range), SKAFU_ENOMEM);
	ck_assert_uint_eq(select.source_count, 4);
	skafu__select_done(&select);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, nothing_that_matches_is_missing);
	tcase_add_test(tests, types_give_exactly_theirs);
	tcase_add_test(tests, the_rarest_tag_drives);
	tcase_add_test(tests, sources_by_hand);
	tcase_add_test(tests, no_memory_is_told);
}

int main(void)
{
	return tempstore_main("select", add);
}
