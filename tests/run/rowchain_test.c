/*
 * rowchain_test.c: rows as they will be: a batch before the chain before the log.
 */
#include "run/rowchain.h"

#include <string.h>

#include "store/tempstore.h"

static skafu_store *store;
static skafu_batch *first;
static skafu_batch *second;
static skafu_batch *filling;
static struct skafu__rowchain chain;
static struct skafu__buf value;

static void make(void)
{
	store = memory_store();
	append_row(store, "t", "k", "stored");
	first = batch_of(store);
	second = batch_of(store);
	filling = batch_of(store);
	skafu__rowchain_init(&chain, store);
	skafu__buf_init(&value, &store->sys, 100);
}

static void drop(void)
{
	skafu__rowchain_done(&chain);
	skafu__buf_done(&value);
	skafu_batch_free(first);
	skafu_batch_free(second);
	skafu_batch_free(filling);
	skafu_store_close(store);
}

static void put(skafu_batch *batch, const char *table, const char *key, const char *text)
{
	went(skafu_batch_put_row(batch, table, key, strlen(key), text, strlen(text), fault));
}

static void gives(const char *table, const char *key, const char *expected)
{
	int32_t rc = skafu__rowchain_get(&chain, store, filling, table, key, strlen(key), &value, fault);

	ck_assert_int_eq(rc, expected != NULL);
	if (expected) {
		ck_assert_uint_eq(value.length, strlen(expected));
		ck_assert(memcmp(value.bytes, expected, value.length) == 0);
	}
}

START_TEST(the_newest_counts)
{
	gives("t", "k", "stored");
	gives("t", "none", NULL);
	gives("other", "k", NULL);
	put(first, "t", "k", "one");
	put(first, "t", "k", "one and a half");
	put(first, "u", "k", "of u");
	went(skafu__rowchain_add(&chain, first, fault));
	gives("t", "k", "one and a half");
	gives("u", "k", "of u");
	put(second, "t", "k", "two");
	went(skafu__rowchain_add(&chain, second, fault));
	gives("t", "k", "two");
	put(filling, "t", "k", "three");
	gives("t", "k", "three");
	went(skafu_batch_delete_row(filling, "t", "k", 1, fault));
	gives("t", "k", NULL);
	skafu_batch_clear(filling);
	gives("t", "k", "two");
	skafu__rowchain_clear(&chain);
	gives("t", "k", "stored");
}
END_TEST

START_TEST(a_deletion_is_seen)
{
	went(skafu_batch_delete_row(first, "t", "k", 1, fault));
	went(skafu__rowchain_add(&chain, first, fault));
	gives("t", "k", NULL);
	ck_assert_int_eq(skafu__rowchain_get(NULL, store, NULL, "t", "k", 1, &value, fault), 1);
}
END_TEST

/* The key "k" of "tu" is not the key "kt" of "u". */
START_TEST(tables_and_keys_are_apart)
{
	put(first, "tu", "k", "one");
	put(first, "u", "kt", "two");
	went(skafu__rowchain_add(&chain, first, fault));
	gives("tu", "k", "one");
	gives("u", "kt", "two");
	gives("ktu", "k", NULL);
}
END_TEST

START_TEST(without_memory)
{
	put(first, "t", "k", "a value that finds no room in a buffer of so few bytes");
	went(skafu__rowchain_add(&chain, first, fault));
	value.ceiling = 4;
	refused(SKAFU_ENOMEM, skafu__rowchain_get(&chain, store, NULL, "t", "k", 1, &value, fault));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, the_newest_counts);
	tcase_add_test(tests, a_deletion_is_seen);
	tcase_add_test(tests, tables_and_keys_are_apart);
	tcase_add_test(tests, without_memory);
}

int main(void)
{
	return tempstore_main("rowchain", add);
}
