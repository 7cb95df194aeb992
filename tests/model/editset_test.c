/*
 * editset_test.c: rows in memory against a plain table, ceilings, failing memory.
 */
#include "model/editset.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failing.h"
#include "skafu_base.h"
#include "util/suite.h"

static const uint8_t secret[SKAFU__HASH_KEY_BYTES] = {1, 2, 3};

#define KEYS 500

START_TEST(as_a_plain_table)
{
	static char values[KEYS][40];
	static int present[KEYS];
	struct skafu__editset set;
	struct skafu__editchange *changes;
	size_t count, expected = 0;

	srand(7);
	memset(present, 0, sizeof present);
	skafu__editset_init(&set, skafu__sys_current(), 1 << 20, secret);
	for (int i = 0; i < 20000; i++) {
		int key = rand() % KEYS;
		char name[16];
		uint32_t row;
		size_t length;
		const uint8_t *value;

		snprintf(name, sizeof name, "k%d", key);
		ck_assert_int_eq(skafu__editset_find(&set, (uint32_t)key % 3, name, strlen(name), &row), 0);
		value = skafu__editset_value(&set, row, &length);
		ck_assert_int_eq(value != NULL, present[key] == 1);
		if (value)
			ck_assert_int_eq(length == strlen(values[key]) && memcmp(value, values[key], length) == 0, 1);
		present[key] = rand() % 4 ? 1 : 2;
		snprintf(values[key], sizeof values[key], "%.*s", rand() % 30, "abcdefghijklmnopqrstuvwxyz0123");
		ck_assert_int_eq(skafu__editset_set(&set, row, present[key] == 1 ? SKAFU__EDITROW_PUT
										: SKAFU__EDITROW_DELETED,
						    present[key] == 1 ? values[key] : NULL, strlen(values[key])), 0);
	}
	for (int key = 0; key < KEYS; key++)
		expected += present[key] != 0;
	ck_assert_int_eq(skafu__editset_changes(&set, &changes, &count), 0);
	ck_assert_uint_eq(count, expected);
	for (size_t i = 0; i < count; i++) {
		char digits[16] = "";
		ck_assert_uint_lt(changes[i].name_length, sizeof digits + 2);
		memcpy(digits, changes[i].name + 2, changes[i].name_length - 2);
		int key = atoi(digits);

		ck_assert_int_eq(changes[i].name[0], key % 3);
		ck_assert_int_eq(changes[i].value != NULL, present[key] == 1);
		if (i > 0)
			ck_assert_int_lt(strncmp((const char *)changes[i - 1].name, (const char *)changes[i].name,
						 changes[i - 1].name_length), 1);
	}
	skafu__free(set.sys, changes);
	skafu__editset_clear(&set);
	ck_assert_uint_eq(skafu__editset_bytes(&set), 0);
	skafu__editset_done(&set);
}
END_TEST

/* A row that was only read is no change. */
START_TEST(reading_changes_nothing)
{
	struct skafu__editset set;
	struct skafu__editchange *changes;
	size_t count;
	uint32_t row;

	skafu__editset_init(&set, skafu__sys_current(), 1 << 20, secret);
	ck_assert_int_eq(skafu__editset_find(&set, 0, "a", 1, &row), 0);
	ck_assert_int_eq(skafu__editset_set(&set, row, SKAFU__EDITROW_STORED, "v", 1), 0);
	ck_assert_int_eq(skafu__editset_find(&set, 0, "b", 1, &row), 0);
	ck_assert_int_eq(skafu__editset_set(&set, row, SKAFU__EDITROW_ABSENT, NULL, 0), 0);
	ck_assert_int_eq(skafu__editset_changes(&set, &changes, &count), 0);
	ck_assert_uint_eq(count, 0);
	skafu__free(set.sys, changes);
	skafu__editset_done(&set);
}
END_TEST

START_TEST(ceiling)
{
	struct skafu__editset set;
	static const char large[8192];
	uint32_t row = 0;
	int32_t rc = 0;
	size_t length;

	skafu__editset_init(&set, skafu__sys_current(), 8192, secret);
	ck_assert_int_eq(skafu__editset_find(&set, 0, "a", 1, &row), 0);
	ck_assert_int_eq(skafu__editset_set(&set, row, SKAFU__EDITROW_PUT, "v", 1), 0);
	ck_assert_int_eq(skafu__editset_set(&set, row, SKAFU__EDITROW_PUT, large, sizeof large), SKAFU_ELIMIT);
	ck_assert_int_eq(skafu__editset_value(&set, row, &length)[0], 'v');
	for (int i = 0; i < 1000 && rc == 0; i++)
		rc = skafu__editset_find(&set, 0, &i, sizeof i, &row);
	ck_assert_int_eq(rc, SKAFU_ELIMIT);
	ck_assert_uint_le(skafu__editset_bytes(&set), 8192);
	skafu__editset_done(&set);
}
END_TEST

START_TEST(memory_fails)
{
	struct failing failing;

	failing_init(&failing);
	for (long n = 0; n < 20; n++) {
		struct skafu__editset set;
		struct skafu__editchange *changes = NULL;
		size_t count;
		uint32_t row;
		int32_t rc = 0;

		failing.left = n;
		skafu__editset_init(&set, &failing.sys, 1 << 20, secret);
		for (int i = 0; i < 200 && rc == 0; i++) {
			rc = skafu__editset_find(&set, 0, &i, sizeof i, &row);
			if (rc == 0)
				rc = skafu__editset_set(&set, row, SKAFU__EDITROW_PUT, "value", 5);
		}
		if (rc == 0)
			rc = skafu__editset_changes(&set, &changes, &count);
		failing.left = -1;
		if (rc != 0)
			ck_assert_int_eq(rc, SKAFU_ENOMEM);
		skafu__free(&failing.sys, changes);
		skafu__editset_done(&set);
		ck_assert_int_eq(failing.live, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("editset");
	TCase *tests = tcase_create("editset");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, as_a_plain_table);
	tcase_add_test(tests, reading_changes_nothing);
	tcase_add_test(tests, ceiling);
	tcase_add_test(tests, memory_fails);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
