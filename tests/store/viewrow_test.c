/*
 * viewrow_test.c: rows of generations against a plain table, sweeping, damage.
 */
#include "store/viewrow.h"

#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"
#include "store/viewenv.h"

#define KEYS 300

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

static void begin_write(struct skafu__viewtxn *txn)
{
	went(skafu__viewenv_write(views, INT64_MAX, txn, fault));
}

static int set(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table, const char *key, const char *value)
{
	struct skafu__row_value bytes = {(const uint8_t *)value, value ? strlen(value) : 0};
	int difference = 9;

	went(skafu__viewrow_set(txn, generation, table, key, strlen(key), &bytes, SKAFU__VIEWROW_UNKNOWN,
				&difference, fault));
	return difference;
}

START_TEST(differences)
{
	struct skafu__viewtxn txn;

	begin_write(&txn);
	ck_assert_int_eq(set(&txn, 1, 0, "a", "1"), 1);
	ck_assert_int_eq(set(&txn, 1, 0, "a", "longer than before"), 0);
	ck_assert_int_eq(set(&txn, 1, 0, "a", NULL), -1);
	ck_assert_int_eq(set(&txn, 1, 0, "a", NULL), 0);
	ck_assert_int_eq(set(&txn, 1, 0, "a", ""), 1);
	went(skafu__viewenv_commit(&txn, fault));
}
END_TEST

static size_t walk(uint32_t generation, uint32_t table, const char *from, size_t from_length, char *text)
{
	struct skafu__viewtxn txn;
	struct skafu__viewrow row;
	size_t count = 0;
	int32_t rc;

	went(skafu__viewenv_read(views, &txn, fault));
	text[0] = 0;
	for (rc = skafu__viewrow_seek(&txn, generation, table, from, from_length, &row, fault); rc == 1;
	     rc = skafu__viewrow_next(&txn, generation, table, &row, fault), count++)
		strncat(text, (const char *)row.key, row.key_length);
	went(rc);
	skafu__viewenv_end(&txn);
	return count;
}

START_TEST(tables_and_generations_are_apart)
{
	struct skafu__viewtxn txn;
	char text[100], long_key[300];

	begin_write(&txn);
	for (uint32_t i = 0; i < 4; i++) {
		set(&txn, 1 + i / 2, i % 2, "a", "1");
		set(&txn, 1 + i / 2, i % 2, "b", "2");
		set(&txn, 1 + i / 2, i % 2, "bb", "3");
	}
	went(skafu__viewenv_commit(&txn, fault));
	ck_assert_uint_eq(walk(1, 1, "", 0, text), 3);
	ck_assert_str_eq(text, "abbb");
	ck_assert_uint_eq(walk(1, 1, "b", 1, text), 2);
	ck_assert_uint_eq(walk(1, 1, "c", 1, text), 0);
	ck_assert_uint_eq(walk(2, 1, "bb", 2, text), 1);
	ck_assert_uint_eq(walk(3, 0, "", 0, text), 0);
	ck_assert_uint_eq(walk(1, 2, "", 0, text), 0);
	/* A bound beyond the length of keys still has its place. */
	memset(long_key, 'a', sizeof long_key);
	ck_assert_uint_eq(walk(1, 0, long_key, sizeof long_key, text), 2);
}
END_TEST

START_TEST(sweeping)
{
	struct skafu__viewtxn txn;
	char key[16], text[8192];

	begin_write(&txn);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "k%d", i);
		set(&txn, 7, (uint32_t)i % 5, key, "value");
	}
	set(&txn, 6, 0, "before", "1");
	set(&txn, 8, 0, "after", "1");
	ck_assert_int_eq(skafu__viewrow_sweep(&txn, 7, 600, fault), 0);
	ck_assert_int_eq(skafu__viewrow_sweep(&txn, 7, 600, fault), 1);
	ck_assert_int_eq(skafu__viewrow_sweep(&txn, 7, 600, fault), 1);
	ck_assert_int_eq(skafu__viewrow_sweep(&txn, 9, 600, fault), 1);
	went(skafu__viewenv_commit(&txn, fault));
	for (uint32_t table = 0; table < 5; table++)
		ck_assert_uint_eq(walk(7, table, "", 0, text), 0);
	ck_assert_uint_eq(walk(6, 0, "", 0, text), 1);
	ck_assert_uint_eq(walk(8, 0, "", 0, text), 1);
}
END_TEST

START_TEST(as_a_plain_table)
{
	static char values[KEYS][64];
	struct skafu__viewtxn txn;

	seeded("viewrow_test");
	memset(values, 0, sizeof values);
	for (int round = 0; round < 60; round++) {
		begin_write(&txn);
		for (int i = 0; i < 40; i++) {
			uint32_t at = random_below(KEYS);
			char key[8];

			snprintf(key, sizeof key, "%u", at);
			if (random_below(4) == 0) {
				ck_assert_int_eq(set(&txn, 1, 0, key, NULL), values[at][0] ? -1 : 0);
				values[at][0] = 0;
				continue;
			}
			int expected = values[at][0] ? 0 : 1;
			snprintf(values[at], sizeof values[at], "v%0*u", (int)random_below(50) + 1, at);
			ck_assert_int_eq(set(&txn, 1, 0, key, values[at]), expected);
		}
		went(skafu__viewenv_commit(&txn, fault));
		went(skafu__viewenv_read(views, &txn, fault));
		for (uint32_t at = 0; at < KEYS; at++) {
			struct skafu__row_value value;
			char key[8];

			snprintf(key, sizeof key, "%u", at);
			ck_assert_int_eq(skafu__viewrow_get(&txn, 1, 0, key, strlen(key), &value, fault),
					 values[at][0] != 0);
			if (values[at][0])
				ck_assert_int_eq(value.length == strlen(values[at]) &&
						 memcmp(value.bytes, values[at], value.length) == 0, 1);
		}
		skafu__viewenv_end(&txn);
	}
}
END_TEST

START_TEST(order)
{
	ck_assert_int_eq(skafu__viewrow_compare("a", 1, "a", 1), 0);
	ck_assert_int_eq(skafu__viewrow_compare("a", 1, "ab", 2), -1);
	ck_assert_int_eq(skafu__viewrow_compare("b", 1, "ab", 2), 1);
	ck_assert_int_eq(skafu__viewrow_compare("", 0, "a", 1), -1);
	ck_assert_int_eq(skafu__viewrow_compare("\x7f", 1, "\x80", 1), -1);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, differences);
	tcase_add_test(tests, tables_and_generations_are_apart);
	tcase_add_test(tests, sweeping);
	tcase_add_test(tests, as_a_plain_table);
	tcase_add_test(tests, order);
}

int main(void)
{
	return tempstore_main("viewrow", add);
}
