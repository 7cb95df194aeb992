/*
 * fold_test.c: when appends fold and merge: one of them never has all the work, and together they keep up with it.
 */
#include "store/fold.h"

#include <pthread.h>
#include <stdio.h>

#include "store/tempstore.h"

#define FOLD_RECORDS 32u
#define FAN_IN 4u
#define APPENDS 1500u

static skafu_store *store;
static skafu_store_stats stats;

static void make(void)
{
	struct skafu__tuning tuning = {.fold_records = FOLD_RECORDS, .fan_in = FAN_IN};

	skafu__tuning_override(&tuning);
	store = memory_store();
	stats = (skafu_store_stats){.size = sizeof stats};
}

static void drop(void)
{
	skafu_store_close(store);
	skafu__tuning_override(NULL);
}

/* A few streams, types and tags, so that each dimension has runs. */
static void append(unsigned number, uint32_t records)
{
	static const char *const streams[] = {"a", "b", "c", "d"};
	skafu_batch *batch = batch_of(store);

	for (uint32_t i = 0; i < records; i++)
		add_event(batch, streams[(number + i) % 4], "T", "tag");
	appended_by(store, batch);
	went(skafu_store_stats_get(store, &stats, fault));
}

START_TEST(an_append_folds_or_does_one_step_of_the_merges)
{
	uint64_t folds = 0, merges = 0;

	for (unsigned i = 0; i < APPENDS; i++) {
		append(i, 1);
		ck_assert_uint_le(stats.folds - folds + stats.merges - merges, 1);
		folds = stats.folds;
		merges = stats.merges;
	}
	ck_assert_uint_ge(folds, APPENDS / FOLD_RECORDS - 1);
	ck_assert_uint_gt(merges, folds);
}
END_TEST

/* At most so many runs: of each dimension fewer than fan_in a level, and those of the last fold. */
static void runs_are_few(void)
{
	uint64_t levels = 1;

	for (uint64_t folds = stats.folds; folds >= FAN_IN; folds /= FAN_IN)
		levels++;
	ck_assert_uint_le(stats.index_runs, SKAFU__DIMS * (FAN_IN - 1) * levels + SKAFU__DIMS);
}

/* _i: records of an append; from 32 on each of them folds. */
START_TEST(the_merges_keep_up)
{
	for (unsigned i = 0; i < APPENDS / (unsigned)_i + 100; i++) {
		append(i, (uint32_t)_i);
		runs_are_few();
	}
	ck_assert_uint_gt(stats.folds, 40);
}
END_TEST

static void tune(uint32_t fan_in)
{
	struct skafu__tuning tuning = {.fold_records = 2, .fan_in = fan_in, .no_sync = 1};

	skafu__tuning_override(&tuning);
}

/* A store goes on as it was made, whatever is usual today.  _i: how it was made. */
START_TEST(a_store_keeps_its_fan_in)
{
	struct tempstore temp;
	skafu_verify_report report = {.size = sizeof report};

	tune((uint32_t)_i);
	tempstore_make(&temp);
	tempstore_open(&temp, NULL);
	for (int i = 0; i < 60; i++)
		append_event(temp.store, "s", "T", "tag");
	tune(0);
	tempstore_reopen(&temp);
	ck_assert_uint_eq(temp.store->tuning.fan_in, _i ? (unsigned)_i : 16);
	for (int i = 0; i < 600; i++)
		append_event(temp.store, "s", "T", "tag");
	ck_assert_uint_eq(version_of(temp.store, "s"), 660);
	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	tempstore_done(&temp);
}
END_TEST

/* Large commits are left where they are, but what they name is known when they are folded. */
START_TEST(names_of_large_commits_are_folded)
{
	struct tempstore temp;
	skafu_verify_report report = {.size = sizeof report};
	char type[16];

	tune(0);
	tempstore_make(&temp);
	tempstore_open(&temp, NULL);
	for (int commit = 0; commit < 3; commit++) {
		skafu_batch *batch = batch_of(temp.store);

		for (int i = 0; i < 400; i++) {
			snprintf(type, sizeof type, "T%d", commit * 7 + i % 7);
			add_event(batch, "s", type, NULL);
		}
		appended_by(temp.store, batch);
		ck_assert_uint_eq(temp.store->overlay.mark_count, 0); /* folded */
	}
	tempstore_reopen(&temp);
	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	ck_assert_uint_eq(temp.store->names.counts[SKAFU__NAME_TYPE], 21);
	tempstore_done(&temp);
}
END_TEST

#define WRITERS 3
#define BATCHES 60
#define BATCH_EVENTS 70

static void *writer(void *user)
{
	skafu_error *own = NULL;
	uint64_t failed = skafu_error_new(&own) != 0;

	for (int i = 0; i < BATCHES; i++) {
		skafu_batch *batch = NULL;
		skafu_appended got = {.size = sizeof got};

		failed += skafu_batch_new(user, &batch, own) != 0;
		for (int event = 0; event < BATCH_EVENTS; event++) {
			skafu_new_record record = event_of(event % 2 ? "a" : "b", "T");

			failed += skafu_batch_add(batch, &record, own) != 0;
		}
		failed += skafu_append(user, batch, SKAFU_WAIT_FOREVER, &got, own) != 0;
		skafu_batch_free(batch);
	}
	skafu_error_free(own);
	return (void *)(uintptr_t)failed;
}

/* What one of them folds is read where the others add to it, and where it is soon not needed any more. */
START_TEST(others_append_while_one_folds)
{
	struct skafu__tuning tuning = {.fold_records = 500, .fan_in = FAN_IN, .no_sync = 1};
	skafu_verify_report report = {.size = sizeof report};
	struct tempstore temp;
	pthread_t threads[WRITERS];

	skafu__tuning_override(&tuning);
	tempstore_make(&temp);
	tempstore_open(&temp, NULL);
	for (int i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, writer, temp.store), 0);
	for (int i = 0; i < WRITERS; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	went(skafu_store_stats_get(temp.store, &stats, fault));
	ck_assert_uint_gt(stats.folds, 10);
	ck_assert_uint_eq(version_of(temp.store, "a"), WRITERS * BATCHES * BATCH_EVENTS / 2);
	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	tempstore_done(&temp);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, names_of_large_commits_are_folded);
	tcase_add_test(tests, others_append_while_one_folds);
	tcase_add_loop_test(tests, a_store_keeps_its_fan_in, 0, 1);
	tcase_add_loop_test(tests, a_store_keeps_its_fan_in, 2, 4);
	tcase_add_loop_test(tests, a_store_keeps_its_fan_in, 8, 9);
	tcase_add_test(tests, an_append_folds_or_does_one_step_of_the_merges);
	tcase_add_loop_test(tests, the_merges_keep_up, 1, 3);
	tcase_add_loop_test(tests, the_merges_keep_up, 10, 11);
	tcase_add_loop_test(tests, the_merges_keep_up, 31, 34);
	tcase_add_loop_test(tests, the_merges_keep_up, 100, 101);
}

int main(void)
{
	return tempstore_main("fold", add);
}
