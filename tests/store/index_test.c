/*
 * index_test.c: postings of keys, from the overlay and from runs alike: the same answers before and after folds.
 */
#include "store/index.h"

#include <stdio.h>
#include <string.h>

#include "codec/hash.h"
#include "store/tempstore.h"

static skafu_store *store;

/* 60 events of 3 streams, a tag on every second, an id and a commit id on every tenth. */
static void fill(uint32_t fold_records)
{
	struct skafu__tuning tuning = {.no_sync = 1, .fold_records = fold_records, .fan_in = 2, .segment_bytes = 256,
				       .chunk_bytes = 512};
	char name[16];

	skafu__tuning_override(fold_records ? &tuning : NULL);
	store = memory_store();
	for (uint8_t i = 1; i <= 60; i++) {
		skafu_batch *batch = batch_of(store);
		skafu_new_record record;
		static const char *const tag = "k:even";
		uint8_t id[16] = {0xf0, i};

		snprintf(name, sizeof name, "s%d", i % 3);
		record = event_of(name, i % 2 ? "Odd" : "Even");
		record.tags = &tag;
		record.tag_count = i % 2 == 0;
		record.id = i % 10 == 0 ? id : NULL;
		record.correlation = "cor";
		went(skafu_batch_add(batch, &record, fault));
		if (i % 10 == 0)
			went(skafu_batch_set_id(batch, id, fault));
		appended_by(store, batch);
	}
}

static void drop(void)
{
	skafu_store_close(store);
	skafu__tuning_override(NULL);
}

static uint64_t key_of(const char *text)
{
	return skafu__hash64(store->format.hash_key, text, strlen(text));
}

static size_t collect(struct skafu__view *view, uint32_t dimension, const char *key, struct skafu__range range,
		      struct skafu__entry *out, size_t max)
{
	size_t count = 999;

	went(skafu__index_collect(view, dimension, key_of(key), &range, out, max, &count, fault));
	return count;
}

static void collecting(uint32_t fold_records)
{
	struct skafu__view view;
	struct skafu__entry out[100];
	struct skafu__range range = skafu__range_all(0);

	fill(fold_records);
	went(skafu__view_open(store, &view, fault));
	ck_assert(fold_records == 0 || view.index.sequence > 40);
	ck_assert_uint_eq(collect(&view, SKAFU__DIM_TAG, "k:even", range, out, 100), 30);
	for (size_t i = 0; i < 30; i++)
		ck_assert_uint_eq(out[i].position, 2 * (i + 1));
	ck_assert_uint_eq(collect(&view, SKAFU__DIM_TAG, "k:odd", range, out, 100), 0);
	ck_assert_uint_eq(collect(&view, SKAFU__DIM_TAG, "k:even", skafu__range_all(1), out, 7), 7);
	for (size_t i = 0; i < 7; i++)
		ck_assert_uint_eq(out[i].position, 60 - 2 * i);
	ck_assert_uint_eq(collect(&view, SKAFU__DIM_CORRELATION, "cor", range, out, 100), 60);
	range.from = 31;
	range.to = 33;
	ck_assert_uint_eq(collect(&view, SKAFU__DIM_CORRELATION, "cor", range, out, 100), 3);
	range = skafu__range_all(0);
	range.extra_from = 5;
	range.extra_to = 6;
	ck_assert_uint_eq(collect(&view, SKAFU__DIM_STREAM, "s1", range, out, 100), 2);
	ck_assert(out[0].extra == 5 && out[0].position == 13 && out[1].extra == 6 && out[1].position == 16);
	if (fold_records) /* what is folded is counted, the rest is little */
		ck_assert_uint_ge(skafu__index_estimate(&view, SKAFU__DIM_TAG, key_of("k:even")), 20);
	ck_assert_uint_eq(skafu__index_estimate(&view, SKAFU__DIM_TAG, key_of("k:odd")), 0);
	skafu__view_close(&view);
	drop();
}

static void finding(uint32_t fold_records)
{
	struct skafu__view view;
	uint64_t version = 0;
	uint64_t sequence = 0;
	uint8_t id[16] = {0xf0, 30};

	fill(fold_records);
	went(skafu__view_open(store, &view, fault));
	went(skafu__index_stream_head(&view, "s0", 2, &version, &sequence, fault));
	ck_assert(version == 20 && sequence == 60);
	went(skafu__index_stream_head(&view, "s1", 2, &version, &sequence, fault));
	ck_assert(version == 20 && sequence == 58);
	went(skafu__index_stream_head(&view, "s", 1, &version, &sequence, fault));
	ck_assert(version == 0 && sequence == 0);
	went(skafu__index_find_id(&view, id, &sequence, fault));
	ck_assert_uint_eq(sequence, 30);
	ck_assert_int_eq(skafu__index_find_commit(&view, id, fault), 1);
	ck_assert_uint_eq(view.current.number, 30);
	id[1] = 31;
	went(skafu__index_find_id(&view, id, &sequence, fault));
	ck_assert_uint_eq(sequence, 0);
	ck_assert_int_eq(skafu__index_find_commit(&view, id, fault), 0);
	skafu__view_close(&view);
	drop();
}

START_TEST(postings)
{
	collecting(0);
	collecting(7);
	collecting(1);
}
END_TEST

START_TEST(heads_ids_and_commits)
{
	finding(0);
	finding(7);
	finding(1);
}
END_TEST

/* With two bits of hash nearly every key collides: full names decide. */
START_TEST(collisions_are_told_apart)
{
	skafu__hash64_weaken(2);
	finding(0);
	finding(7);
	skafu__hash64_weaken(0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, postings);
	tcase_add_test(tests, heads_ids_and_commits);
	tcase_add_test(tests, collisions_are_told_apart);
}

int main(void)
{
	return tempstore_main("index", add);
}
