/*
 * reading_test.c: scopes, what guards them, states that are kept, and upcasters on the way in.
 */
#include "model/reading.h"

#include <check.h>
#include <string.h>

#include "model/fixture.h"
#include "model/model.h"
#include "util/suite.h"

static struct fixture bank;
static int scope_does;

static void open_bank(void)
{
	fixture_open(&bank);
	fixture_define_bank(&bank, 0);
	scope_does = 0;
}

static void close_bank(void)
{
	fixture_close(&bank);
}

/* 0: reads and guards deposits; 1: adds nothing; 2: reads all, guards withdrawals; 3: fails; 4: guards only. */
static int32_t scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
		     skafu_error *error)
{
	(void)user;
	(void)command;
	if (scope_does == 0)
		return skafu_query_add_type(read, "Deposited", error);
	if (scope_does == 2)
		return skafu_query_add_item(read, error) ? -1 : skafu_query_add_type(guard, "Withdrawn", error);
	if (scope_does == 4)
		return skafu_query_add_type(guard, "Opened", error);
	return scope_does == 3 ? SKAFU_EHOST : 0;
}

static void define_scoped(void)
{
	static const char *const commands[] = {"Sum"};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(struct account)};
	skafu_decider_def def = {.size = sizeof def, .domain = "bank", .name = "sum", .commands = commands,
				 .command_count = 1, .state = &state, .evolve = fixture_evolve,
				 .decide = fixture_decide, .scope = scope, .user = &bank};

	ck_assert_int_eq(skafu_model_add_decider(bank.model, &def, &bank.error), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
}

static int32_t begin(struct skafu__reading *reading)
{
	skafu_command command = {.size = sizeof command, .type = "Sum"};

	return skafu__reading_begin(reading, bank.model, skafu__registry_command(&bank.model->registry, "Sum"),
				    &command,
				    &bank.error);
}

static const struct account *account(const struct skafu__reading *reading)
{
	return reading->hot->state;
}

START_TEST(a_query_looks_at_what_is_new)
{
	struct skafu__reading reading;

	define_scoped();
	fixture_append(&bank, "a", "Deposited", 0, "{\"amount\":3}");
	fixture_append(&bank, "b", "Deposited", 0, "{\"amount\":4}");
	fixture_append(&bank, "b", "Withdrawn", 0, "{\"amount\":4}");
	ck_assert_int_eq(begin(&reading), 0);
	ck_assert_int_eq(skafu__reading_load(&reading, 0, &bank.error), 0);
	ck_assert_int_eq(account(&reading)->balance, 7);
	ck_assert_uint_eq(reading.hot->looked, 3);
	ck_assert_uint_eq(reading.hot->last, 2);
	ck_assert_int_eq(skafu__reading_is_current(&reading, NULL), 1);
	skafu__reading_keep(&reading, 0);
	fixture_append(&bank, "c", "Withdrawn", 0, "{\"amount\":1}");
	ck_assert_int_eq(skafu__reading_is_current(&reading, NULL), 1); /* not in its scope */
	fixture_append(&bank, "c", "Deposited", 0, "{\"amount\":10}");
	ck_assert_int_eq(skafu__reading_is_current(&reading, NULL), 0);
	skafu__reading_done(&reading);
	bank.evolved = 0;
	ck_assert_int_eq(begin(&reading), 0);
	ck_assert_int_eq(skafu__reading_load(&reading, 0, &bank.error), 0);
	ck_assert_int_eq(account(&reading)->balance, 17);
	ck_assert_uint_eq(bank.evolved, 1);
	skafu__reading_done(&reading);
	ck_assert_int_eq(begin(&reading), 0);
	ck_assert_int_eq(skafu__reading_load(&reading, 1, &bank.error), 0);
	ck_assert_int_eq(account(&reading)->balance, 3);
	skafu__reading_done(&reading);
}
END_TEST

START_TEST(what_guards)
{
	struct skafu__reading reading;

	define_scoped();
	fixture_append(&bank, "a", "Opened", 0, "{}");
	scope_does = 1; /* reads nothing, so nothing can contradict it */
	ck_assert_int_eq(begin(&reading), 0);
	ck_assert_ptr_null(reading.read);
	ck_assert_ptr_null(reading.guard);
	ck_assert_int_eq(skafu__reading_load(&reading, 0, &bank.error), 0);
	ck_assert_int_eq(account(&reading)->events, 0);
	ck_assert_int_eq(skafu__reading_is_current(&reading, NULL), 1);
	skafu__reading_done(&reading);
	scope_does = 2; /* reads all, and only withdrawals matter */
	ck_assert_int_eq(begin(&reading), 0);
	ck_assert_int_eq(skafu__reading_load(&reading, 0, &bank.error), 0);
	ck_assert_int_eq(account(&reading)->events, 1);
	fixture_append(&bank, "a", "Deposited", 0, "{\"amount\":10}");
	ck_assert_int_eq(skafu__reading_is_current(&reading, NULL), 1);
	fixture_append(&bank, "a", "Withdrawn", 0, "{\"amount\":10}");
	ck_assert_int_eq(skafu__reading_is_current(&reading, NULL), 0);
	ck_assert_int_eq(skafu__reading_catch_up(&reading, &bank.error), 0);
	ck_assert_int_eq(account(&reading)->events, 3);
	skafu__reading_done(&reading);
	scope_does = 4;
	ck_assert_int_eq(begin(&reading), 0);
	ck_assert_ptr_null(reading.read);
	ck_assert_ptr_nonnull(reading.guard);
	ck_assert_int_eq(skafu__reading_load(&reading, 0, &bank.error), 0);
	ck_assert_int_eq(skafu__reading_is_current(&reading, NULL), 1); /* what was there before is known */
	fixture_append(&bank, "b", "Opened", 0, "{}");
	ck_assert_int_eq(skafu__reading_is_current(&reading, NULL), 0);
	skafu__reading_done(&reading);
	scope_does = 3;
	ck_assert_int_eq(begin(&reading), SKAFU_EHOST);
	ck_assert_ptr_nonnull(strstr(bank.error.message, "scope of decider sum"));
	skafu__reading_done(&reading);
}
END_TEST

/* An old deposit counted cents in two amounts. */
static int32_t split(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	int32_t rc = skafu_upcast_add(out, "Deposited", 2u << 16, "{\"amount\":2}", 12, error);

	(void)user;
	(void)stored;
	return rc == 0 ? skafu_upcast_add(out, "Withdrawn", 1u << 16, "{\"amount\":1}", 12, error) : rc;
}

START_TEST(old_events_are_upcast_on_the_way_in)
{
	static const char *const types[] = {"Deposited", "Withdrawn"};
	static const uint32_t versions[] = {2u << 16, 1u << 16};
	skafu_upcaster_def def = {.size = sizeof def, .from_version = 1u << 16, .to_count = 2, .type = "Deposited",
				  .upcast = split, .to_types = types, .to_versions = versions};

	fixture_append(&bank, "a", "Deposited", 0, "{}");
	fixture_append(&bank, "a", "Deposited", 2u << 16, "{\"amount\":5}");
	skafu__registry_type(&bank.model->registry, "Deposited")->version = 2u << 16;
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, &def, NULL), 0);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 6);
	ck_assert_uint_eq(bank.evolved, 3);
	skafu_outcome *outcome = fixture_execute(&bank, "Deposit", "a", 1);
	ck_assert_uint_eq(outcome->stream_version, 3); /* stored events count, not forms */
	skafu_outcome_free(outcome);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 7);
}
END_TEST

START_TEST(records_from_the_future_stop_it)
{
	skafu_outcome *outcome = NULL;

	fixture_append(&bank, "a", "Deposited", 3u << 16, "{\"amount\":5}");
	ck_assert_int_eq(fixture_try(&bank, "Deposit", "a", NULL, &outcome), SKAFU_ENEWER);
	ck_assert_uint_eq(bank.error.sequence, 1);
}
END_TEST

/* What is kept in memory is of events that are hidden now: a decision on it does not stand. */
START_TEST(kept_states_do_not_outlive_what_is_hidden)
{
	skafu_outcome *outcome = NULL;

	for (int i = 0; i < 5; i++)
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 10));
	fixture_hide(&bank, FIXTURE_ERASE, NULL, 5);
	outcome = fixture_execute(&bank, "Withdraw", "a", 50);
	ck_assert_int_eq(outcome->decision, SKAFU_DECISION_REFUSED);
	ck_assert_str_eq(outcome->code, "overdrawn");
	skafu_outcome_free(outcome);
	fixture_hide(&bank, FIXTURE_TRUNCATE, "a", 3);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 20);
	outcome = fixture_execute(&bank, "Withdraw", "a", 15);
	ck_assert_int_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	ck_assert_uint_eq(outcome->stream_version, 6);
	skafu_outcome_free(outcome);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 5);
}
END_TEST

/* An empty stream, whose versions go on. */
START_TEST(a_deleted_stream_begins_anew)
{
	skafu_outcome *outcome = NULL;

	for (int round = 1; round <= 3; round++) {
		uint64_t before = (uint64_t)(round - 1) * 3;

		outcome = fixture_execute(&bank, "Open", "a", 0);
		ck_assert_int_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
		ck_assert_uint_eq(outcome->stream_version, before + 1);
		skafu_outcome_free(outcome);
		outcome = fixture_execute(&bank, "Open", "a", 0);
		ck_assert_int_eq(outcome->decision, SKAFU_DECISION_REFUSED);
		skafu_outcome_free(outcome);
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 10));
		outcome = fixture_execute(&bank, "Deposit", "a", 10);
		ck_assert_uint_eq(outcome->stream_version, before + 3);
		skafu_outcome_free(outcome);
		ck_assert_int_eq(fixture_balance(&bank, "a"), 20);
		fixture_hide(&bank, FIXTURE_DELETE, "a", before + 3);
		if (round == 2)
			fixture_reopen_model(&bank), fixture_define_bank(&bank, 0);
		ck_assert_int_eq(fixture_balance(&bank, "a"), 0);
		outcome = fixture_execute(&bank, "Withdraw", "a", 1);
		ck_assert_int_eq(outcome->decision, SKAFU_DECISION_REFUSED);
		skafu_outcome_free(outcome);
	}
	fixture_hide(&bank, FIXTURE_TOMBSTONE, "a", 0);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 0);
	ck_assert_int_eq(fixture_try(&bank, "Deposit", "a", NULL, &outcome), SKAFU_EDELETED);
}
END_TEST

START_TEST(a_query_does_not_keep_what_is_hidden)
{
	struct skafu__reading reading = {0};

	define_scoped();
	for (int i = 0; i < 4; i++)
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 1));
	ck_assert_int_eq(begin(&reading), 0);
	ck_assert_int_eq(skafu__reading_load(&reading, 0, &bank.error), 0);
	ck_assert_int_eq(((const struct account *)reading.hot->state)->balance, 4);
	fixture_hide(&bank, FIXTURE_ERASE, NULL, 2);
	ck_assert_int_eq(skafu__reading_is_current(&reading, &bank.error), 0);
	ck_assert_int_eq(skafu__reading_catch_up(&reading, &bank.error), 0);
	ck_assert_int_eq(((const struct account *)reading.hot->state)->balance, 3);
	ck_assert_int_eq(skafu__reading_is_current(&reading, &bank.error), 1);
	skafu__reading_keep(&reading, 0);
	skafu__reading_done(&reading);
	fixture_hide(&bank, FIXTURE_TRUNCATE, "a", 4);
	ck_assert_int_eq(begin(&reading), 0);
	ck_assert_int_eq(skafu__reading_load(&reading, 0, &bank.error), 0);
	ck_assert_int_eq(((const struct account *)reading.hot->state)->balance, 1);
	skafu__reading_done(&reading);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reading");
	TCase *tests = tcase_create("reading");

	tcase_add_checked_fixture(tests, open_bank, close_bank);
	tcase_add_test(tests, a_query_looks_at_what_is_new);
	tcase_add_test(tests, what_guards);
	tcase_add_test(tests, old_events_are_upcast_on_the_way_in);
	tcase_add_test(tests, records_from_the_future_stop_it);
	tcase_add_test(tests, kept_states_do_not_outlive_what_is_hidden);
	tcase_add_test(tests, a_deleted_stream_begins_anew);
	tcase_add_test(tests, a_query_does_not_keep_what_is_hidden);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
