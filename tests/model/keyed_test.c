/*
 * keyed_test.c: the answer to a key as a row: there and back, cut, of another form, without memory.
 */
#include "model/keyed.h"

#include <check.h>
#include <string.h>

#include "base/error.h"
#include "base/failing.h"
#include "model/fixture.h"
#include "util/suite.h"

static struct fixture bank;
static uint8_t id[16];
static const uint8_t command[16] = {1, 2, 3};

static void open_bank(void)
{
	fixture_open(&bank);
	skafu__keyed_id("bank", "k", id);
}

static void close_bank(void)
{
	fixture_close(&bank);
}

START_TEST(ids)
{
	uint8_t other[16];

	skafu__keyed_id("bank", "k", other);
	ck_assert(memcmp(id, other, 16) == 0);
	skafu__keyed_id("ban", "kk", other);
	ck_assert(memcmp(id, other, 16) != 0);
	skafu__keyed_id("bankk", "", other);
	ck_assert(memcmp(id, other, 16) != 0);
	ck_assert_uint_eq(id[6] >> 4, 8); /* a UUID of version 8 */
}
END_TEST

static const struct skafu__answer answer = {.decision = SKAFU_DECISION_REFUSED, .event_count = 7,
					    .stream_version = 9, .command = command, .code = "no",
					    .message = "Never.", .correlation = "c"};

static int32_t put(const uint8_t *commit)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(bank.store, &batch, NULL);

	if (rc == 0)
		rc = skafu__keyed_put(batch, skafu__sys_current(), id, commit, &answer, NULL);
	if (rc == 0)
		rc = skafu_append(bank.store, batch, 0, NULL, NULL);
	skafu_batch_free(batch);
	return rc;
}

/* In a commit with the id of the key, or with another one. */
START_TEST(there_and_back)
{
	static const uint8_t other[16] = {9, 9};
	skafu_outcome *outcome = NULL;

	ck_assert_int_eq(skafu__keyed_get(bank.store, skafu__sys_current(), id, &outcome, &bank.error), 0);
	ck_assert_int_eq(put(_i ? other : NULL), 0);
	ck_assert_int_eq(skafu_commit_status(bank.store, _i ? other : id, NULL, NULL), 0);
	ck_assert_int_eq(skafu__keyed_get(bank.store, skafu__sys_current(), id, &outcome, &bank.error), 1);
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_REFUSED);
	ck_assert_uint_eq(outcome->flags, SKAFU_OUTCOME_REPEATED);
	ck_assert_uint_eq(outcome->event_count, 7);
	ck_assert_uint_eq(outcome->stream_version, 9);
	ck_assert_uint_eq(outcome->commit, 1);
	ck_assert_str_eq(outcome->code, "no");
	ck_assert_str_eq(outcome->message, "Never.");
	ck_assert_str_eq(outcome->correlation, "c");
	ck_assert(memcmp(outcome->command, command, 16) == 0);
	skafu_outcome_free(outcome);
}
END_TEST

static int32_t get_changed(const void *value, size_t length)
{
	skafu_batch *batch = NULL;
	skafu_outcome *outcome = NULL;

	ck_assert_int_eq(skafu_batch_new(bank.store, &batch, NULL), 0);
	ck_assert_int_eq(skafu_batch_put_row(batch, "skafu.keys", id, 16, value, length, NULL), 0);
	ck_assert_int_eq(skafu_append(bank.store, batch, 0, NULL, NULL), 0);
	skafu_batch_free(batch);
	int32_t rc = skafu__keyed_get(bank.store, skafu__sys_current(), id, &outcome, &bank.error);
	skafu_outcome_free(outcome);
	return rc;
}

START_TEST(rows_that_are_not_right)
{
	void *value = NULL;
	size_t length = 0;

	ck_assert_int_eq(put(_i ? command : NULL), 0);
	ck_assert_int_eq(skafu_row_get(bank.store, "skafu.keys", id, 16, &value, &length, NULL), 0);
	for (size_t cut = 0; cut < length; cut++)
		ck_assert_int_eq(get_changed(value, cut), cut < 35 ? SKAFU_ENEWER : SKAFU_EDAMAGED);
	ck_assert_int_eq(get_changed(value, length), 1);
	((uint8_t *)value)[0] = 2;
	ck_assert_int_eq(get_changed(value, length), SKAFU_ENEWER);
	skafu_bytes_free(value);
}
END_TEST

START_TEST(without_memory)
{
	struct failing failing;
	skafu_outcome *outcome = NULL;

	failing_init(&failing);
	failing.left = 0;
	ck_assert_int_eq(skafu__outcome_make(&failing.sys, &answer, &outcome, NULL), SKAFU_ENOMEM);
	ck_assert_int_eq(put(NULL), 0);
	ck_assert_int_eq(skafu__keyed_get(bank.store, &failing.sys, id, &outcome, NULL), SKAFU_ENOMEM);
	skafu_batch *batch = NULL;
	ck_assert_int_eq(skafu_batch_new(bank.store, &batch, NULL), 0);
	ck_assert_int_eq(skafu__keyed_put(batch, &failing.sys, id, NULL, &answer, NULL), SKAFU_ENOMEM);
	skafu_batch_free(batch);
	ck_assert_ptr_null(outcome);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keyed");
	TCase *tests = tcase_create("keyed");

	tcase_add_checked_fixture(tests, open_bank, close_bank);
	tcase_add_test(tests, ids);
	tcase_add_loop_test(tests, there_and_back, 0, 2);
	tcase_add_loop_test(tests, rows_that_are_not_right, 0, 2);
	tcase_add_test(tests, without_memory);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
