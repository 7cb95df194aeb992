/*
 * rows_test.c: rows: values, expectations, ranges, the moment that a walk shows.
 */
#include "store/rows.h"

#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"

static skafu_store *store;

static void make(void)
{
	store = memory_store();
}

static void drop(void)
{
	skafu_store_close(store);
}

static const char *row(const char *table, const char *key)
{
	static char text[100];
	void *value = NULL;
	size_t length = 0;
	int32_t rc = skafu_row_get(store, table, key, strlen(key), &value, &length, fault);

	if (rc == SKAFU_ENOTFOUND)
		return "none";
	went(rc);
	ck_assert_uint_lt(length, sizeof text);
	memcpy(text, value, length);
	text[length] = 0;
	skafu_bytes_free(value);
	return text;
}

/* The rows of a range as "k=v k=v". */
static const char *rows(const char *table, const char *from, const char *to, uint64_t limit)
{
	static char text[2000];
	skafu_key_range range = {.size = sizeof range, .from = from, .from_length = from ? strlen(from) : 0, .to = to,
				 .to_length = to ? strlen(to) : 0};
	skafu_rows *walk = NULL;
	const skafu_row *each;
	size_t length = 0;
	int32_t rc;

	text[0] = 0;
	went(skafu_rows_open(store, table, &range, limit, &walk, fault));
	while ((rc = skafu_rows_next(walk, &each, fault)) == 1)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s=%.*s", length ? " " : "",
					   (int)each->key_length, (const char *)each->key, (int)each->value_length,
					   (const char *)each->value);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(skafu_rows_next(walk, &each, fault), 0);
	skafu_rows_free(walk);
	return text;
}

START_TEST(values_come_and_go)
{
	ck_assert_str_eq(row("t", "k"), "none");
	append_row(store, "t", "k", "one");
	ck_assert_str_eq(row("t", "k"), "one");
	ck_assert_str_eq(row("t2", "k"), "none");
	append_row(store, "t", "k", "two");
	append_row(store, "t2", "k", "other");
	ck_assert_str_eq(row("t", "k"), "two");
	append_row(store, "t", "k", NULL);
	ck_assert_str_eq(row("t", "k"), "none");
	ck_assert_str_eq(row("t2", "k"), "other");
	append_row(store, "t", "k", "");
	ck_assert_str_eq(row("t", "k"), ""); /* empty, but there */
	append_row(store, "t", "gone", NULL); /* deleting nothing is fine */
}
END_TEST

START_TEST(keys_hold_any_byte)
{
	static const uint8_t key[] = {0, 0xff, 0, 1};
	skafu_batch *batch = batch_of(store);
	void *value = NULL;
	size_t length = 0;

	went(skafu_batch_put_row(batch, "t", key, sizeof key, "\0x", 2, fault));
	appended_by(store, batch);
	went(skafu_row_get(store, "t", key, sizeof key, &value, &length, fault));
	ck_assert(length == 2 && memcmp(value, "\0x", 2) == 0);
	skafu_bytes_free(value);
	refused(SKAFU_ENOTFOUND, skafu_row_get(store, "t", key, 3, &value, &length, fault));
	skafu_bytes_free(NULL);
}
END_TEST

START_TEST(the_last_change_of_a_batch_counts)
{
	skafu_batch *batch = batch_of(store);

	went(skafu_batch_put_row(batch, "t", "a", 1, "1", 1, fault));
	went(skafu_batch_put_row(batch, "t", "a", 1, "2", 1, fault));
	went(skafu_batch_put_row(batch, "t", "b", 1, "1", 1, fault));
	went(skafu_batch_delete_row(batch, "t", "b", 1, fault));
	went(skafu_batch_delete_row(batch, "t", "c", 1, fault));
	went(skafu_batch_put_row(batch, "t", "c", 1, "3", 1, fault));
	appended_by(store, batch);
	ck_assert_str_eq(rows("t", NULL, NULL, SKAFU_NO_LIMIT), "a=2 c=3");
}
END_TEST

/* Append with one expectation: the code. */
static int32_t expecting(const char *key, const char *value)
{
	skafu_batch *batch = batch_of(store);
	int32_t rc;

	if (value)
		went(skafu_batch_expect_row(batch, "t", key, strlen(key), value, strlen(value), fault));
	else
		went(skafu_batch_expect_no_row(batch, "t", key, strlen(key), fault));
	went(skafu_batch_put_row(batch, "t", "k", 1, "new", 3, fault)); /* judged before its own changes */
	rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault);
	skafu_batch_free(batch);
	return rc;
}

START_TEST(expectations_are_judged)
{
	refused(SKAFU_EROW, expecting("k", "v"));
	message_names("does not exist");
	ck_assert_uint_eq(skafu_error_condition(fault), 1);
	went(expecting("k", NULL));
	refused(SKAFU_EROW, expecting("k", NULL));
	message_names("exists already");
	refused(SKAFU_EROW, expecting("k", "old"));
	message_names("another value");
	refused(SKAFU_EROW, expecting("k", "newer"));
	refused(SKAFU_EROW, expecting("k", ""));
	went(expecting("k", "new"));
	append_row(store, "t", "empty", "");
	went(expecting("empty", ""));
	refused(SKAFU_EROW, expecting("empty", NULL));
	append_row(store, "t", "empty", NULL);
	went(expecting("empty", NULL));
	ck_assert_str_eq(row("t", "k"), "new");
}
END_TEST

START_TEST(ranges_are_half_open_and_ordered)
{
	append_row(store, "t", "b", "2");
	append_row(store, "t", "a", "1");
	append_row(store, "t", "ab", "3");
	append_row(store, "u", "aa", "x");
	append_row(store, "t", "c", "4");
	append_row(store, "s", "zz", "x");
	ck_assert_str_eq(rows("t", NULL, NULL, SKAFU_NO_LIMIT), "a=1 ab=3 b=2 c=4");
	ck_assert_str_eq(rows("t", "ab", "c", SKAFU_NO_LIMIT), "ab=3 b=2");
	ck_assert_str_eq(rows("t", "aa", NULL, SKAFU_NO_LIMIT), "ab=3 b=2 c=4");
	ck_assert_str_eq(rows("t", NULL, "ab", SKAFU_NO_LIMIT), "a=1");
	ck_assert_str_eq(rows("t", "b", "b", SKAFU_NO_LIMIT), "");
	ck_assert_str_eq(rows("t", "c", "a", SKAFU_NO_LIMIT), "");
	ck_assert_str_eq(rows("t", NULL, NULL, 2), "a=1 ab=3");
	ck_assert_str_eq(rows("t", NULL, NULL, 0), "");
	ck_assert_str_eq(rows("unknown", NULL, NULL, SKAFU_NO_LIMIT), "");
	ck_assert_str_eq(rows("u", NULL, NULL, SKAFU_NO_LIMIT), "aa=x");
}
END_TEST

START_TEST(a_walk_shows_one_moment)
{
	skafu_rows *walk = NULL;
	const skafu_row *each;

	append_row(store, "t", "a", "1");
	append_row(store, "t", "b", "2");
	went(skafu_rows_open(store, "t", NULL, SKAFU_NO_LIMIT, &walk, fault));
	append_row(store, "t", "a", "9");
	append_row(store, "t", "b", NULL);
	append_row(store, "t", "c", "3");
	ck_assert_int_eq(skafu_rows_next(walk, &each, fault), 1);
	ck_assert(each->value_length == 1 && each->value[0] == '1' && each->size == sizeof *each);
	ck_assert_int_eq(skafu_rows_next(walk, &each, fault), 1);
	ck_assert_uint_eq(each->value[0], '2');
	ck_assert_int_eq(skafu_rows_next(walk, &each, fault), 0);
	skafu_rows_free(walk);
	ck_assert_str_eq(rows("t", NULL, NULL, SKAFU_NO_LIMIT), "a=9 c=3");
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	skafu_rows *walk = NULL;
	const skafu_row *each;
	void *value = NULL;
	size_t length = 0;
	skafu_key_range range = {.size = 1};
	char key[256] = "k";

	refused(SKAFU_EINVAL, skafu_row_get(NULL, "t", "k", 1, &value, &length, fault));
	refused(SKAFU_EINVAL, skafu_row_get(store, NULL, "k", 1, &value, &length, fault));
	refused(SKAFU_EUTF8, skafu_row_get(store, "\xff", "k", 1, &value, &length, fault));
	refused(SKAFU_EINVAL, skafu_row_get(store, "t", NULL, 1, &value, &length, fault));
	refused(SKAFU_EINVAL, skafu_row_get(store, "t", "k", 0, &value, &length, fault));
	refused(SKAFU_EINVAL, skafu_row_get(store, "t", key, 256, &value, &length, fault));
	refused(SKAFU_EINVAL, skafu_row_get(store, "t", "k", 1, NULL, &length, fault));
	refused(SKAFU_EINVAL, skafu_row_get(store, "t", "k", 1, &value, NULL, fault));
	refused(SKAFU_EINVAL, skafu_rows_open(NULL, "t", NULL, 1, &walk, fault));
	refused(SKAFU_EINVAL, skafu_rows_open(store, "", NULL, 1, &walk, fault));
	refused(SKAFU_EOPTION, skafu_rows_open(store, "t", &range, 1, &walk, fault));
	refused(SKAFU_EINVAL, skafu_rows_open(store, "t", NULL, 1, NULL, fault));
	refused(SKAFU_EINVAL, skafu_rows_next(NULL, &each, fault));
	went(skafu_rows_open(store, "t", NULL, 1, &walk, fault));
	refused(SKAFU_EINVAL, skafu_rows_next(walk, NULL, fault));
	skafu_rows_free(walk);
	skafu_rows_free(NULL);
}
END_TEST

START_TEST(rows_survive_a_reopen)
{
	struct tempstore temp;
	skafu_store *memory = store;

	tempstore_new(&temp);
	append_row(temp.store, "t", "a", "1");
	append_row(temp.store, "t", "b", "2");
	append_row(temp.store, "t", "b", NULL);
	tempstore_reopen(&temp);
	store = temp.store;
	ck_assert_str_eq(rows("t", NULL, NULL, SKAFU_NO_LIMIT), "a=1");
	ck_assert_str_eq(row("t", "b"), "none");
	store = memory;
	tempstore_done(&temp);
}
END_TEST

START_TEST(find_says_what_a_view_shows)
{
	struct skafu__view view;
	struct skafu__row_value value = {(const uint8_t *)"x", 1};
	uint32_t table;

	append_row(store, "t", "k", "");
	went(skafu__view_open(store, &view, fault));
	table = skafu__names_find(&store->names, SKAFU__NAME_TABLE, "t", 1);
	went(skafu__rows_find(&view, table, "k", 1, &value, fault));
	ck_assert(value.bytes != NULL && value.length == 0);
	went(skafu__rows_find(&view, table, "l", 1, &value, fault));
	ck_assert_ptr_null(value.bytes);
	went(skafu__rows_find(&view, table + 1, "k", 1, &value, fault));
	ck_assert_ptr_null(value.bytes);
	skafu__view_close(&view);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, values_come_and_go);
	tcase_add_test(tests, keys_hold_any_byte);
	tcase_add_test(tests, the_last_change_of_a_batch_counts);
	tcase_add_test(tests, expectations_are_judged);
	tcase_add_test(tests, ranges_are_half_open_and_ordered);
	tcase_add_test(tests, a_walk_shows_one_moment);
	tcase_add_test(tests, bad_calls_are_refused);
	tcase_add_test(tests, rows_survive_a_reopen);
	tcase_add_test(tests, find_says_what_a_view_shows);
}

int main(void)
{
	return tempstore_main("rows", add);
}
