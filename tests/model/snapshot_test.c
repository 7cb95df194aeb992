/*
 * snapshot_test.c: snapshots save reading and are never wrong: other fingerprints, damage, as of a sequence.
 */
#include "model/snapshot.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "model/decider.h"
#include "model/fixture.h"
#include "model/model.h"
#include "util/suite.h"

static struct fixture bank;

static void open_bank(void)
{
	fixture_open(&bank);
	fixture_define_bank(&bank, 5);
}

static void close_bank(void)
{
	fixture_close(&bank);
}

static void deposit(int times)
{
	for (int i = 0; i < times; i++)
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 1));
}

static void begin_anew(void)
{
	fixture_reopen_model(&bank);
	fixture_define_bank(&bank, 5);
	bank.evolved = 0;
}

/* The only row of the table. */
static size_t row(uint8_t key[16], uint8_t *value, size_t size)
{
	skafu_rows *rows = NULL;
	const skafu_row *each;
	size_t length = 0;

	ck_assert_int_eq(skafu_rows_open(bank.store, "skafu.snapshots", NULL, SKAFU_NO_LIMIT, &rows, NULL), 0);
	while (skafu_rows_next(rows, &each, NULL) == 1) {
		ck_assert_uint_eq(length, 0);
		ck_assert_uint_eq(each->key_length, 16);
		ck_assert_uint_le(each->value_length, size);
		memcpy(key, each->key, 16);
		memcpy(value, each->value, each->value_length);
		length = each->value_length;
	}
	skafu_rows_free(rows);
	return length;
}

static void put_row(const uint8_t key[16], const uint8_t *value, size_t length)
{
	skafu_batch *batch = NULL;

	ck_assert_int_eq(skafu_batch_new(bank.store, &batch, NULL), 0);
	ck_assert_int_eq(skafu_batch_put_row(batch, "skafu.snapshots", key, 16, value, length, NULL), 0);
	ck_assert_int_eq(skafu_append(bank.store, batch, SKAFU_WAIT_FOREVER, NULL, NULL), 0);
	skafu_batch_free(batch);
}

START_TEST(every_so_many_events)
{
	uint8_t key[16], value[256];
	uint64_t commits;
	skafu_store_stats stats = {.size = sizeof stats};

	deposit(5);
	ck_assert_uint_eq(row(key, value, sizeof value), 0);
	deposit(1); /* it holds what was before its own event */
	ck_assert_uint_eq(row(key, value, sizeof value), 56 + sizeof(struct account));
	ck_assert_int_eq(skafu_store_stats_get(bank.store, &stats, NULL), 0);
	commits = stats.commits;
	ck_assert_uint_eq(commits, 6); /* and takes no commit of its own */
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 6);
	ck_assert_uint_eq(bank.evolved, 1);
	deposit(100);
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 106);
	ck_assert_uint_le(bank.evolved, 5);
}
END_TEST

START_TEST(another_definition_ignores_it)
{
	skafu_upcaster_def hide = {.size = sizeof hide, .from_version = 1u << 16, .type = "Unheard"};

	deposit(11);
	begin_anew();
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, &hide, NULL), 0);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 11);
	ck_assert_uint_eq(bank.evolved, 11);
	begin_anew();
	((struct skafu__decider *)(uintptr_t)skafu__registry_command(&bank.model->registry, "Open"))->state.version++;
	ck_assert_int_eq(fixture_balance(&bank, "a"), 11);
	ck_assert_uint_eq(bank.evolved, 11);
}
END_TEST

START_TEST(whatever_the_row_holds)
{
	uint8_t key[16], value[256], changed[256];
	size_t length;

	deposit(11);
	length = row(key, value, sizeof value);
	for (size_t cut = 0; cut < length; cut++) {
		put_row(key, value, cut);
		begin_anew();
		ck_assert_int_eq(fixture_balance(&bank, "a"), 11);
		ck_assert_uint_eq(bank.evolved, 11);
	}
	for (size_t i = 0; i < 16; i++) {
		memcpy(changed, value, length);
		changed[i] ^= 1;
		put_row(key, changed, length);
		begin_anew();
		ck_assert_int_eq(fixture_balance(&bank, "a"), 11);
		ck_assert_uint_eq(bank.evolved, 11);
	}
	memcpy(changed, value, length);
	changed[16] = 200; /* of a stream longer than there is */
	put_row(key, changed, length);
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 11);
	ck_assert_uint_eq(bank.evolved, 11);
}
END_TEST

START_TEST(as_of_a_sequence_before_it)
{
	skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = "a"};

	deposit(23);
	begin_anew();
	for (uint64_t at = 1; at <= 23; at++) {
		skafu_state *state = NULL;

		ck_assert_int_eq(skafu_state_load(bank.model, &command, at, &state, NULL), 0);
		ck_assert_int_eq(((const struct account *)skafu_state_data(state))->balance, (int64_t)at);
		skafu_state_free(state);
	}
}
END_TEST

/* A snapshot of events that are hidden now is not used, also when the stream goes on, and a new one is. */
START_TEST(older_than_what_was_hidden)
{
	deposit(23);
	begin_anew();
	fixture_balance(&bank, "a");
	ck_assert_uint_le(bank.evolved, 5);
	fixture_hide(&bank, FIXTURE_ERASE, NULL, 3);
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 22);
	ck_assert_uint_eq(bank.evolved, 23);
	fixture_hide(&bank, FIXTURE_TRUNCATE, "a", 11);
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 13);
	ck_assert_uint_eq(bank.evolved, 13);
	deposit(1);
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 14);
	ck_assert_uint_le(bank.evolved, 1);
	fixture_hide(&bank, FIXTURE_DELETE, "a", 24);
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 0);
	ck_assert_uint_eq(bank.evolved, 0);
	deposit(12);
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 12);
	ck_assert_uint_le(bank.evolved, 5);
	fixture_hide(&bank, FIXTURE_ERASE, NULL, 1); /* of another time: it is not known whose, so all is read */
	begin_anew();
	ck_assert_int_eq(fixture_balance(&bank, "a"), 12);
	ck_assert_uint_eq(bank.evolved, 12);
}
END_TEST

/* Nor does one that was hidden behind come back through a state as of an earlier moment. */
START_TEST(as_of_a_sequence_after_hiding)
{
	skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = "a"};

	deposit(23);
	fixture_hide(&bank, FIXTURE_ERASE, NULL, 2);
	begin_anew();
	for (uint64_t at = 2; at <= 23; at++) {
		skafu_state *state = NULL;

		ck_assert_int_eq(skafu_state_load(bank.model, &command, at, &state, NULL), 0);
		ck_assert_int_eq(((const struct account *)skafu_state_data(state))->balance, (int64_t)at - 1);
		skafu_state_free(state);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tests = tcase_create("snapshot");

	tcase_add_checked_fixture(tests, open_bank, close_bank);
	tcase_add_test(tests, every_so_many_events);
	tcase_add_test(tests, another_definition_ignores_it);
	tcase_add_test(tests, whatever_the_row_holds);
	tcase_add_test(tests, as_of_a_sequence_before_it);
	tcase_add_test(tests, older_than_what_was_hidden);
	tcase_add_test(tests, as_of_a_sequence_after_hiding);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
