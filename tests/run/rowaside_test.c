/*
 * rowaside_test.c: rows that a replay keeps in memory: the last change counts, the log is not seen, and there is an
 * end to it.
 */
#include "run/rowaside.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "run/rowchain.h"
#include "store/store.h"
#include "store/tempstore.h"

static skafu_store *store;
static skafu_batch *batch;
static struct skafu__rowaside aside;
static struct skafu__buf out;

static void setup(void)
{
	store = memory_store();
	batch = batch_of(store);
	skafu__rowaside_init(&aside, store, 4096);
	skafu__buf_init(&out, &store->sys, SIZE_MAX);
}

static void teardown(void)
{
	skafu__buf_done(&out);
	skafu__rowaside_done(&aside);
	skafu_batch_free(batch);
	skafu_store_close(store);
}

static int32_t get(const char *table, const char *key)
{
	skafu__buf_clear(&out);
	return skafu__rowaside_get(&aside, table, key, strlen(key), &out, fault);
}

START_TEST(the_last_change_counts)
{
	went(skafu_batch_put_row(batch, "a", "k", 1, "one", 3, fault));
	went(skafu_batch_put_row(batch, "b", "k", 1, "two", 3, fault));
	went(skafu__rowaside_take(&aside, batch, fault));
	ck_assert_int_eq(get("a", "k"), 1);
	ck_assert_mem_eq(out.bytes, "one", 3);
	ck_assert_int_eq(get("b", "k"), 1);
	ck_assert_int_eq(get("c", "k"), 0);
	skafu_batch_clear(batch);
	went(skafu_batch_put_row(batch, "a", "k", 1, "", 0, fault));
	went(skafu_batch_delete_row(batch, "b", "k", 1, fault));
	went(skafu__rowaside_take(&aside, batch, fault));
	ck_assert_int_eq(get("a", "k"), 1);
	ck_assert_uint_eq(out.length, 0);
	ck_assert_int_eq(get("b", "k"), 0);
}
END_TEST

START_TEST(the_log_is_not_seen_through_it)
{
	struct skafu__rowchain chain;
	skafu_batch *own = batch_of(store);

	went(skafu_batch_put_row(own, "a", "live", 4, "1", 1, fault));
	appended_by(store, own);
	skafu__rowchain_init(&chain, store);
	ck_assert_int_eq(skafu__rowchain_get(&chain, store, NULL, "a", "live", 4, &out, fault), 1);
	chain.aside = &aside;
	ck_assert_int_eq(skafu__rowchain_get(&chain, store, NULL, "a", "live", 4, &out, fault), 0);
	skafu__rowchain_done(&chain);
}
END_TEST

START_TEST(there_is_an_end_to_it)
{
	char key[16];
	int32_t rc = 0;
	uint32_t count = 0;

	while (rc == 0 && count < 1000) {
		skafu_batch_clear(batch);
		snprintf(key, sizeof key, "%u", count++);
		went(skafu_batch_put_row(batch, "a", key, strlen(key), key, strlen(key), fault));
		rc = skafu__rowaside_take(&aside, batch, fault);
	}
	ck_assert_int_eq(rc, SKAFU_ELIMIT);
	ck_assert_uint_gt(count, 20);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_last_change_counts);
	tcase_add_test(tests, the_log_is_not_seen_through_it);
	tcase_add_test(tests, there_is_an_end_to_it);
}

int main(void)
{
	return tempstore_main("rowaside", add);
}
