/*
 * rowpages_test.c: pages of any size give each row once and in order, also when rows come and go between two calls
 * and when a page cannot be read.
 */
#include "store/rowpages.h"

#include <stdio.h>
#include <string.h>

#include "base/trouble.h"
#include "store/tempstore.h"

static struct tempstore temp;

static void make(void)
{
	tempstore_new(&temp);
}

static void drop(void)
{
	tempstore_done(&temp);
}

/* The keys that come, with blanks between them; lent until the next call. */
static const char *keys_of(struct skafu__rowpages *pages)
{
	static char text[1000];
	const skafu_row *row = NULL;
	size_t length = 0;
	int32_t rc;

	text[0] = '\0';
	while ((rc = skafu__rowpages_next(pages, &row, fault)) == 1)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s", length ? " " : "",
					   (int)row->key_length, (const char *)row->key);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(skafu__rowpages_next(pages, &row, fault), 0); /* the end stays the end */
	return text;
}

static void put_keys(const char *keys)
{
	char key[2] = {0};

	for (; *keys; keys++) {
		key[0] = *keys;
		append_row(temp.store, "letters", key, "v");
	}
}

START_TEST(pages_of_any_size)
{
	struct skafu__rowpages pages;

	put_keys("hbdacgef");
	for (uint32_t rows = 1; rows <= 10; rows++) {
		skafu__rowpages_init(&pages, temp.store, "letters", rows);
		ck_assert_str_eq(keys_of(&pages), "a b c d e f g h");
		skafu__rowpages_done(&pages);
		skafu__rowpages_init(&pages, temp.store, "letters", rows);
		skafu__rowpages_bound(&pages, "c", 1, "g", 1);
		ck_assert_str_eq(keys_of(&pages), "c d e f");
		skafu__rowpages_done(&pages);
		skafu__rowpages_init(&pages, temp.store, "letters", rows);
		skafu__rowpages_bound(&pages, NULL, 0, "b", 1);
		ck_assert_str_eq(keys_of(&pages), "a");
		skafu__rowpages_done(&pages);
		skafu__rowpages_init(&pages, temp.store, "nothing", rows);
		ck_assert_str_eq(keys_of(&pages), "");
		skafu__rowpages_done(&pages);
	}
}
END_TEST

START_TEST(keys_of_any_length)
{
	struct skafu__rowpages pages;
	const skafu_row *row = NULL;
	char key[256];

	memset(key, 'k', sizeof key);
	for (size_t length = 253; length <= 255; length++) {
		key[length] = '\0';
		append_row(temp.store, "letters", key, "v");
		key[length] = 'k';
	}
	skafu__rowpages_init(&pages, temp.store, "letters", 1);
	for (size_t length = 253; length <= 255; length++) {
		ck_assert_int_eq(skafu__rowpages_next(&pages, &row, fault), 1);
		ck_assert_uint_eq(row->key_length, length);
	}
	ck_assert_int_eq(skafu__rowpages_next(&pages, &row, fault), 0);
	skafu__rowpages_done(&pages);
}
END_TEST

START_TEST(rows_come_and_go)
{
	struct skafu__rowpages pages;
	const skafu_row *row = NULL;

	put_keys("bdfh");
	skafu__rowpages_init(&pages, temp.store, "letters", 2);
	ck_assert_int_eq(skafu__rowpages_next(&pages, &row, fault), 1);
	put_keys("aceg");
	append_row(temp.store, "letters", "f", NULL);
	ck_assert_str_eq(keys_of(&pages), "d e g h"); /* d was in the page already, c came within it */
	skafu__rowpages_done(&pages);
}
END_TEST

/* A page that cannot be read is read by the next call. */
START_TEST(a_failure_loses_no_row)
{
	struct skafu__rowpages pages;
	const skafu_row *row = NULL;

	trouble_put();
	tempstore_reopen(&temp);
	put_keys("abcde");
	skafu__rowpages_init(&pages, temp.store, "letters", 2);
	for (char key = 'a'; key <= 'e'; key++) {
		int32_t rc;

		trouble_set(TROUBLE_MEMORY, 0);
		rc = skafu__rowpages_next(&pages, &row, fault);
		ck_assert_int_eq(rc, trouble_has_hit() ? SKAFU_ENOMEM : 1);
		trouble_set(TROUBLE_MEMORY, -1);
		if (rc != 1)
			ck_assert_int_eq(skafu__rowpages_next(&pages, &row, fault), 1);
		ck_assert_int_eq(*(const char *)row->key, key);
	}
	skafu__rowpages_done(&pages);
	tempstore_close(&temp);
	trouble_remove();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, pages_of_any_size);
	tcase_add_test(tests, keys_of_any_length);
	tcase_add_test(tests, rows_come_and_go);
	tcase_add_test(tests, a_failure_loses_no_row);
}

int main(void)
{
	return tempstore_main("rowpages", add);
}
