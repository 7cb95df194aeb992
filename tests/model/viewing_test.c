/*
 * viewing_test.c: reading views: freshness, ranges against a table, moments of the past, lost and damaged files.
 */
#include "model/viewing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/projection.h"
#include "model/viewkit.h"
#include "store/viewenv.h"
#include "util/suite.h"

static struct fixture bank;
static struct viewkit kit;

static void begin(void)
{
	memset(&kit, 0, sizeof kit);
	fixture_open(&bank);
	viewkit_define_events(&bank);
	viewkit_add(&bank, &kit, 1);
}

static void end(void)
{
	fixture_close(&bank);
}

static void refused(int32_t rc, int32_t code, const char *words)
{
	ck_assert_int_eq(rc, code);
	if (!strstr(bank.error.message, words))
		ck_abort_msg("\"%s\" is not in: %s", words, bank.error.message);
}

static skafu_view *view_of(uint64_t at_sequence)
{
	skafu_view *view = NULL;

	ck_assert_int_eq(skafu_view_open(bank.model, "balances", at_sequence, SKAFU_WAIT_FOREVER, &view, &bank.error),
			 0);
	return view;
}

START_TEST(fresh_as_asked)
{
	skafu_view *view = view_of(0);
	uint64_t at = 99;

	for (int i = 0; i < 6; i++)
		viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(skafu_view_refresh(view, SKAFU_FRESH_ANY, 0, 0, &at, &bank.error), 0);
	ck_assert_uint_eq(at, 0);
	ck_assert_str_eq(viewkit_text(view, NULL), "");
	ck_assert_int_eq(skafu_view_refresh(view, SKAFU_FRESH_SEQUENCE, 3, 0, &at, &bank.error), 0);
	ck_assert_uint_ge(at, 3);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, 0, &at, &bank.error), 0);
	ck_assert_uint_eq(at, 7);
	ck_assert_str_eq(viewkit_text(view, NULL), "a=7");
	refused(skafu_view_refresh(view, SKAFU_FRESH_SEQUENCE, 8, 20000000, &at, &bank.error), SKAFU_ETIMEOUT, "");
	refused(skafu_view_refresh(view, 9, 8, 0, &at, &bank.error), SKAFU_EINVAL, "freshness");
	skafu_view_close(view);
}
END_TEST

/* A command waits for the view. */
START_TEST(execute_waits_for_a_view)
{
	static const char *const views[] = {"balances"};
	static const char *const none[] = {"none"};
	skafu_execute_opts opts = {.size = sizeof opts, .wait_views = views, .wait_view_count = 1};
	skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = "x", .data = "{\"amount\":4}",
				 .data_length = 12};
	skafu_outcome *outcome = NULL;
	struct fixture other;

	fixture_open(&other);
	fixture_define_bank(&other, 0);
	viewkit_add(&other, &kit, 1);
	ck_assert_int_eq(skafu_model_execute(other.model, &command, SKAFU_WAIT_FOREVER, &opts, &outcome,
					     &other.error),
			 0);
	ck_assert_int_eq(outcome->wait_result, 0);
	ck_assert_str_eq(viewkit_rows(&other), "x=4");
	skafu_outcome_free(outcome);
	opts.wait_views = none;
	ck_assert_int_eq(skafu_model_execute(other.model, &command, 0, &opts, &outcome, &other.error),
			 SKAFU_ENOTFOUND);
	fixture_close(&other);
}
END_TEST

/* A model without the definition reads, and says that nobody runs it. */
START_TEST(without_a_definition)
{
	skafu_view *view = NULL;

	viewkit_deposit(&bank, "a", 1);
	fixture_reopen_model(&bank);
	refused(skafu_view_open(bank.model, "balances", 0, 0, &view, &bank.error), SKAFU_ENOTFOUND, "balances");
	viewkit_redefine(&bank, &kit, 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	fixture_reopen_model(&bank);
	view = view_of(0);
	ck_assert_str_eq(viewkit_text(view, NULL), "a=1");
	viewkit_deposit(&bank, "a", 1);
	refused(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, NULL, &bank.error), SKAFU_ENOTFOUND,
		"nobody runs");
	skafu_view_close(view);
	refused(skafu_view_open(bank.model, "balances", 1, 0, &view, &bank.error), SKAFU_ENOTFOUND, "handler");
}
END_TEST

START_TEST(moments_of_the_past)
{
	char expected[64];
	skafu_view *view = NULL;

	kit.effects = 1;
	for (int i = 1; i <= 40; i++)
		viewkit_deposit(&bank, i % 2 ? "a" : "b", i);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	kit.allowed = 0;
	for (uint64_t at = 1; at <= 40; at += 3) {
		int a = 0, b = 0;

		for (int i = 1; i <= (int)at; i++)
			*(i % 2 ? &a : &b) += i;
		snprintf(expected, sizeof expected, b ? "a=%d b=%d" : "a=%d", a, b);
		view = view_of(at);
		ck_assert_str_eq(viewkit_text(view, NULL), expected);
		ck_assert_int_eq(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, 0, NULL, &bank.error), 0);
		ck_assert_str_eq(viewkit_text(view, NULL), expected);
		refused(skafu_view_refresh(view, SKAFU_FRESH_SEQUENCE, at + 1, 0, NULL, &bank.error), SKAFU_EINVAL,
			"stays");
		skafu_view_close(view);
	}
	ck_assert_uint_eq(kit.allowed, 0);
	ck_assert_uint_eq(viewkit_info(&bank).sequence, 40);
	refused(skafu_view_open(bank.model, "balances", 41, 0, &view, &bank.error), SKAFU_EINVAL,
		"ends at sequence 40");
	kit.fail_at = 5;
	kit.fail_code = SKAFU_EHOST;
	refused(skafu_view_open(bank.model, "balances", 9, 0, &view, &bank.error), SKAFU_EHOST, "event 5");
	ck_assert_uint_eq(viewkit_info(&bank).state, SKAFU_VIEW_LIVE);
}
END_TEST

/* ---- ranges against a plain table ---------------------------------------------------------------------------- */

#define KEYS 400

static char keys[KEYS][12];
static int64_t numbers[KEYS];

static int by_bytes(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void check_range(skafu_view *view, const char *from, const char *to, uint64_t limit)
{
	skafu_key_range range = {.size = sizeof range, .from = from, .from_length = from ? strlen(from) : 0, .to = to,
				 .to_length = to ? strlen(to) : 0};
	skafu_rows *rows = NULL;
	const skafu_row *row;
	uint64_t count = 0, all = 0;
	int64_t number;

	ck_assert_int_eq(skafu_view_rows(view, NULL, &range, limit, &rows, &bank.error), 0);
	for (int i = 0; i < KEYS; i++) {
		if (numbers[i] == 0 || (from && strcmp(keys[i], from) < 0) || (to && strcmp(keys[i], to) >= 0))
			continue;
		if (all++ >= limit)
			continue;
		ck_assert_int_eq(skafu_rows_next(rows, &row, &bank.error), 1);
		ck_assert_int_eq(row->key_length == strlen(keys[i]) && memcmp(row->key, keys[i],
									      row->key_length) == 0,
				 1);
		ck_assert_int_eq(skafu_count_value(row->value, row->value_length, &number, NULL), 0);
		ck_assert_int_eq(number, numbers[i]);
	}
	ck_assert_int_eq(skafu_rows_next(rows, &row, &bank.error), 0);
	skafu_rows_free(rows);
	ck_assert_int_eq(skafu_view_count(view, NULL, &range, &count, &bank.error), 0);
	ck_assert_uint_eq(count, all);
}

static void check_prefix(skafu_view *view, const char *prefix)
{
	skafu_rows *rows = NULL;
	const skafu_row *row;

	ck_assert_int_eq(skafu_view_prefix(view, NULL, prefix, strlen(prefix), SKAFU_NO_LIMIT, &rows, &bank.error),
			 0);
	for (int i = 0; i < KEYS; i++) {
		if (numbers[i] == 0 || strncmp(keys[i], prefix, strlen(prefix)) != 0)
			continue;
		ck_assert_int_eq(skafu_rows_next(rows, &row, &bank.error), 1);
		ck_assert_int_eq(memcmp(row->key, keys[i], row->key_length), 0);
	}
	ck_assert_int_eq(skafu_rows_next(rows, &row, &bank.error), 0);
	skafu_rows_free(rows);
}

START_TEST(ranges)
{
	skafu_view *view = view_of(0);

	srand(3);
	memset(numbers, 0, sizeof numbers);
	for (int i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof keys[i], "%c%d", 'a' + i % 3, i * 7 % 1000);
	qsort(keys, KEYS, sizeof keys[0], by_bytes);
	for (int round = 0; round < 8; round++) {
		for (int i = 0; i < 100; i++) {
			int at = rand() % KEYS;

			viewkit_deposit(&bank, keys[at], i + 1);
			numbers[at] += i + 1;
		}
		ck_assert_int_eq(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, 0, NULL, &bank.error), 0);
		check_range(view, NULL, NULL, SKAFU_NO_LIMIT);
		for (int i = 0; i < 20; i++) {
			char prefix[3] = {(char)('a' + rand() % 4), (char)(i % 2 ? '0' + rand() % 10 : 0), 0};

			check_range(view, keys[rand() % KEYS], keys[rand() % KEYS], SKAFU_NO_LIMIT);
			check_range(view, i % 2 ? NULL : prefix, keys[rand() % KEYS], (uint64_t)(rand() % 20));
			check_prefix(view, prefix);
		}
		check_prefix(view, "");
	}
	skafu_view_close(view);
}
END_TEST

START_TEST(single_rows)
{
	skafu_view *view = view_of(0);
	void *value = NULL;
	size_t length;
	int64_t number;

	viewkit_deposit(&bank, "a", 5);
	ck_assert_int_eq(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, 0, NULL, &bank.error), 0);
	ck_assert_int_eq(skafu_view_get(view, NULL, "a", 1, &value, &length, &bank.error), 0);
	ck_assert_int_eq(skafu_count_value(value, length, &number, NULL), 0);
	ck_assert_int_eq(number, 5);
	skafu_bytes_free(value);
	ck_assert_int_eq(skafu_view_get(view, "main", "a", 1, &value, &length, &bank.error), 0);
	skafu_bytes_free(value);
	refused(skafu_view_get(view, NULL, "b", 1, &value, &length, &bank.error), SKAFU_ENOTFOUND, "no row");
	refused(skafu_view_get(view, "other", "a", 1, &value, &length, &bank.error), SKAFU_ENOTFOUND, "other");
	refused(skafu_view_get(view, NULL, "a", 0, &value, &length, &bank.error), SKAFU_EINVAL, "key");
	refused(skafu_view_get(view, NULL, "a", 1, NULL, &length, &bank.error), SKAFU_EINVAL, "places");
	ck_assert_int_eq(skafu_view_get(NULL, NULL, "a", 1, &value, &length, &bank.error), SKAFU_EINVAL);
	refused(skafu_view_rows(view, NULL, NULL, 1, NULL, &bank.error), SKAFU_EINVAL, "out_rows");
	refused(skafu_view_prefix(view, NULL, NULL, 1, 1, NULL, &bank.error), SKAFU_EINVAL, "prefix");
	refused(skafu_view_count(view, NULL, NULL, NULL, &bank.error), SKAFU_EINVAL, "out_count");
	skafu_view_close(view);
}
END_TEST

/* A damaged row costs a rebuild, and changes no answer. */
START_TEST(damage_changes_no_answer)
{
	struct skafu__views *views;
	struct skafu__viewtxn txn;
	uint8_t name[] = {0, 0, 0, 1, 0, 'b'};
	MDB_val key = {sizeof name, name}, value = {12, (void *)(uintptr_t)"another one!"};
	skafu_view *view;

	viewkit_deposit(&bank, "a", 5);
	viewkit_deposit(&bank, "b", 6);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	view = view_of(0);
	ck_assert_int_eq(skafu__projection_views(bank.model, &views, &bank.error), 0);
	ck_assert_int_eq(skafu__viewenv_write(views, INT64_MAX, &txn, &bank.error), 0);
	ck_assert_int_eq(mdb_put(txn.txn, skafu__viewenv_table(views, SKAFU__VIEW_ROW), &key, &value, 0), 0);
	ck_assert_int_eq(skafu__viewenv_commit(&txn, &bank.error), 0);
	ck_assert_str_eq(viewkit_text(view, NULL), "a=5 b=6");
	skafu_view_close(view);
}
END_TEST

/* The handle may outlive its model. */
START_TEST(lives_of_handles)
{
	skafu_view *view;

	viewkit_deposit(&bank, "a", 5);
	view = view_of(0);
	skafu_model_close(bank.model);
	bank.model = NULL;
	ck_assert_int_eq(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, 0, NULL, &bank.error), 0);
	ck_assert_str_eq(viewkit_text(view, NULL), "a=5");
	skafu_view_close(view);
	skafu_view_close(NULL);
	ck_assert_uint_eq(kit.freed, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("viewing");
	TCase *tests = tcase_create("viewing");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, fresh_as_asked);
	tcase_add_test(tests, execute_waits_for_a_view);
	tcase_add_test(tests, without_a_definition);
	tcase_add_test(tests, moments_of_the_past);
	tcase_add_test(tests, ranges);
	tcase_add_test(tests, single_rows);
	tcase_add_test(tests, damage_changes_no_answer);
	tcase_add_test(tests, lives_of_handles);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
