/*
 * rowlook_test.c: what changed in a table since somebody looked, and how many rows there are, also over folds.
 */
#include "store/rowlook.h"

#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"

static char told[500];

static void hear(void *user, const uint8_t *key, size_t key_length, int is_put)
{
	(void)user;
	size_t length = strlen(told);
	snprintf(told + length, sizeof told - length, "%s%.*s", is_put ? "+" : "-", (int)key_length,
		 (const char *)key);
}

static const char *changed(skafu_store *store, uint64_t *commit)
{
	told[0] = '\0';
	int32_t rc = skafu__rows_changed(store, "t", commit, hear, NULL, fault);
	ck_assert_int_ge(rc, 0);
	return rc ? told : "anew";
}

START_TEST(changes_are_told_once)
{
	skafu_store *store = memory_store();
	uint64_t commit = 0;

	ck_assert_str_eq(changed(store, &commit), "");
	append_row(store, "t", "a", "1");
	append_row(store, "other", "x", "1");
	append_row(store, "t", "b", "1");
	append_row(store, "t", "a", NULL);
	ck_assert_str_eq(changed(store, &commit), "+a+b-a");
	ck_assert_str_eq(changed(store, &commit), "");
	append_event(store, "s", "T", NULL);
	ck_assert_str_eq(changed(store, &commit), "");
	append_row(store, "t", "c", "1");
	ck_assert_str_eq(changed(store, &commit), "+c");
	skafu_store_close(store);
}
END_TEST

/* What a fold took away unseen is not made up for. */
START_TEST(folds_are_noticed)
{
	struct skafu__tuning tiny = {.no_sync = 1, .fold_records = 7, .fan_in = 2};
	struct tempstore temp;
	uint64_t commit = 0;
	uint64_t old = 0;
	char key[20];

	tempstore_make(&temp);
	skafu__tuning_override(&tiny);
	tempstore_open(&temp, NULL);
	changed(temp.store, &commit);
	old = commit;
	for (int i = 0; i < 100; i++) {
		char expected[22];
		snprintf(key, sizeof key, "%03d", i);
		snprintf(expected, sizeof expected, "+%s", key);
		append_row(temp.store, "t", key, "v");
		const char *got = changed(temp.store, &commit);
		ck_assert_msg(strcmp(got, expected) == 0 || strcmp(got, "anew") == 0, "%s", got);
	}
	ck_assert_str_eq(changed(temp.store, &old), "anew");
	ck_assert_uint_eq(old, commit);
	tempstore_done(&temp);
}
END_TEST

START_TEST(rows_are_counted)
{
	struct skafu__tuning tiny = {.no_sync = 1, .fold_records = 7, .fan_in = 2};
	struct tempstore temp;
	uint8_t there[50] = {0};
	uint64_t expected = 0;
	uint64_t count = 99;
	char key[20];

	seeded("rowlook");
	tempstore_make(&temp);
	skafu__tuning_override(&tiny);
	tempstore_open(&temp, NULL);
	went(skafu__rows_count(temp.store, "t", &count, fault));
	ck_assert_uint_eq(count, 0);
	for (int i = 0; i < 400; i++) {
		uint32_t k = random_below(50);
		int put = (int)random_below(2);
		snprintf(key, sizeof key, "%u", k);
		append_row(temp.store, "t", key, put ? "v" : NULL);
		append_row(temp.store, "u", key, "v");
		expected += (uint64_t)put - there[k];
		there[k] = (uint8_t)put;
		went(skafu__rows_count(temp.store, "t", &count, fault));
		ck_assert_uint_eq(count, expected);
	}
	tempstore_done(&temp);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, changes_are_told_once);
	tcase_add_test(tests, folds_are_noticed);
	tcase_add_test(tests, rows_are_counted);
}

int main(void)
{
	return tempstore_main("rowlook", add);
}
