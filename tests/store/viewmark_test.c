/*
 * viewmark_test.c: marks and places come back as they were written; numbers are never given twice; bad bytes.
 */
#include "store/viewmark.h"

#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"

static skafu_store *store;
static struct skafu__views *views;

static void make(void)
{
	store = memory_store();
	went(skafu__viewenv_of(store, 0, &views, fault));
}

static void drop(void)
{
	skafu_store_close(store);
}

START_TEST(marks_come_back)
{
	struct skafu__viewtxn txn;
	struct skafu__viewmark mark, read;

	skafu__viewmark_init(&mark, &store->sys);
	skafu__viewmark_init(&read, &store->sys);
	memset(mark.fingerprint, 3, 16);
	memset(mark.anchor, 4, 16);
	mark.sequence = 5;
	mark.muted_to = 6;
	mark.rows = 7;
	mark.made_ns = -8;
	mark.pid = 9;
	mark.version = 10;
	mark.flags = SKAFU__VIEWMARK_HELD;
	mark.halt_code = SKAFU_EHOST;
	mark.halt_sequence = 11;
	snprintf(mark.halt_message, sizeof mark.halt_message, "it failed");
	ck_assert_int_eq(skafu__viewmark_add_table(&mark, "main", fault), 0);
	ck_assert_int_eq(skafu__viewmark_add_table(&mark, "other", fault), 1);
	ck_assert_int_eq(skafu__viewmark_add_table(&mark, "main", fault), 0);
	went(skafu__viewenv_write(views, INT64_MAX, &txn, fault));
	went(skafu__viewmark_put(&txn, 3, &mark, fault));
	went(skafu__viewenv_commit(&txn, fault));
	went(skafu__viewenv_read(views, &txn, fault));
	ck_assert_int_eq(skafu__viewmark_get(&txn, 3, &read, fault), 1);
	ck_assert_int_eq(skafu__viewmark_get(&txn, 4, &read, fault), 0);
	skafu__viewenv_end(&txn);
	ck_assert_int_eq(memcmp(&read, &mark, offsetof(struct skafu__viewmark, table_count)), 0);
	ck_assert_str_eq(read.halt_message, "it failed");
	ck_assert_int_eq(skafu__viewmark_table(&read, "other"), 1);
	ck_assert_int_eq(skafu__viewmark_table(&read, "none"), -1);
	ck_assert_str_eq(skafu__viewmark_table_name(&read, 1), "other");
	ck_assert_ptr_null(skafu__viewmark_table_name(&read, 2));
	skafu__viewmark_done(&mark);
	skafu__viewmark_done(&read);
}
END_TEST

START_TEST(places_and_numbers)
{
	struct skafu__viewtxn txn;
	struct skafu__viewplace place = {4, 5};
	uint32_t first, next;

	went(skafu__viewenv_write(views, INT64_MAX, &txn, fault));
	ck_assert_int_eq(skafu__viewmark_get_place(&txn, "p", &place, fault), 0);
	ck_assert_uint_eq(place.live + place.shadow, 0);
	place = (struct skafu__viewplace){4, 5};
	went(skafu__viewmark_put_place(&txn, "p", &place, fault));
	went(skafu__viewmark_next(&txn, &first, fault));
	went(skafu__viewenv_commit(&txn, fault));
	went(skafu__viewenv_write(views, INT64_MAX, &txn, fault));
	went(skafu__viewmark_next(&txn, &next, fault));
	ck_assert_int_eq(skafu__viewmark_get_place(&txn, "p", &place, fault), 1);
	skafu__viewenv_end(&txn);
	ck_assert_uint_eq(place.live, 4);
	ck_assert_uint_eq(place.shadow, 5);
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(next, 2);
}
END_TEST

START_TEST(dropped_ones_are_found)
{
	struct skafu__viewtxn txn;
	struct skafu__viewmark mark;
	uint32_t generation = 0;

	skafu__viewmark_init(&mark, &store->sys);
	went(skafu__viewenv_write(views, INT64_MAX, &txn, fault));
	went(skafu__viewmark_put(&txn, 1, &mark, fault));
	ck_assert_int_eq(skafu__viewmark_find_dropped(&txn, &generation, fault), 0);
	mark.flags = SKAFU__VIEWMARK_DROPPED;
	went(skafu__viewmark_put(&txn, 2, &mark, fault));
	ck_assert_int_eq(skafu__viewmark_find_dropped(&txn, &generation, fault), 1);
	ck_assert_uint_eq(generation, 2);
	went(skafu__viewmark_delete(&txn, 2, fault));
	ck_assert_int_eq(skafu__viewmark_find_dropped(&txn, &generation, fault), 0);
	skafu__viewenv_end(&txn);
	skafu__viewmark_done(&mark);
}
END_TEST

/* Bytes that pass the checksum and make no sense: damage, not a crash. */
START_TEST(bad_bytes)
{
	static const uint8_t key[4] = {0, 0, 0, 1};
	uint8_t bytes[130];
	struct skafu__viewtxn txn;
	struct skafu__viewmark mark;

	seeded("viewmark_test");
	skafu__viewmark_init(&mark, &store->sys);
	for (int i = 0; i < 300; i++) {
		size_t length = random_below(sizeof bytes);

		for (size_t j = 0; j < length; j++)
			bytes[j] = (uint8_t)random_u64();
		went(skafu__viewenv_write(views, INT64_MAX, &txn, fault));
		went(skafu__viewenv_put(&txn, SKAFU__VIEW_GENERATION, key, 4, bytes, length, fault));
		int32_t rc = skafu__viewmark_get(&txn, 1, &mark, fault);
		ck_assert_int_eq(rc == 1 || rc == SKAFU_EDAMAGED, 1);
		txn.damaged = 0;
		skafu__viewenv_end(&txn);
	}
	skafu__viewmark_done(&mark);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, marks_come_back);
	tcase_add_test(tests, places_and_numbers);
	tcase_add_test(tests, dropped_ones_are_found);
	tcase_add_test(tests, bad_bytes);
}

int main(void)
{
	return tempstore_main("viewmark", add);
}
