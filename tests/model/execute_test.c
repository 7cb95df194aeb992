/*
 * execute_test.c: decide and append: outcomes, conflicts, keys, expiry, deadlines, threads, memory that runs out.
 */
#include "model/execute.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failing.h"
#include "model/fixture.h"
#include "model/model.h"
#include "store/store.h"
#include "util/suite.h"

static struct fixture bank;

static void open_bank(void)
{
	fixture_open(&bank);
	fixture_define_bank(&bank, 0);
}

static void close_bank(void)
{
	fixture_close(&bank);
	ck_assert_uint_eq(bank.freed, 1);
}

START_TEST(outcomes)
{
	skafu_outcome *outcome = fixture_execute(&bank, "Open", "a", 0);
	skafu_record *record = NULL;
	char text[SKAFU_ID_TEXT_BYTES];

	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	ck_assert_uint_eq(outcome->attempts, 1);
	ck_assert_uint_eq(outcome->commit, 1);
	ck_assert_uint_eq(outcome->first_sequence, 1);
	ck_assert_uint_eq(outcome->last_sequence, 1);
	ck_assert_uint_eq(outcome->stream_version, 1);
	ck_assert_uint_eq(outcome->event_count, 1);
	ck_assert_str_eq(outcome->code, "");
	skafu_id_format(outcome->command, text);
	ck_assert_str_eq(outcome->correlation, text);
	ck_assert_int_eq(skafu_get(bank.store, 1, &record, NULL), 0);
	ck_assert_str_eq(record->source, "bank");
	ck_assert_str_eq(record->type, "Opened");
	ck_assert_str_eq(record->correlation, text);
	ck_assert_uint_eq(record->event_version, 1u << 16);
	ck_assert(memcmp(record->causation, outcome->command, 16) == 0);
	skafu_record_free(record);
	skafu_outcome_free(outcome);
	outcome = fixture_execute(&bank, "Open", "a", 0);
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_REFUSED);
	ck_assert_str_eq(outcome->code, "exists");
	ck_assert_str_eq(outcome->message, "The account is open already.");
	ck_assert_uint_eq(outcome->commit, 0);
	ck_assert_uint_eq(outcome->first_sequence, 0);
	ck_assert_uint_eq(outcome->stream_version, 1);
	skafu_outcome_free(outcome);
	outcome = fixture_execute(&bank, "Nothing", "a", 0);
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	ck_assert_uint_eq(outcome->event_count, 0);
	skafu_outcome_free(outcome);
	skafu_outcome_free(NULL);
}
END_TEST

START_TEST(mistakes)
{
	skafu_outcome *outcome = NULL;
	skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = "a"};
	const char *views[] = {"none"};
	skafu_execute_opts opts = {.size = sizeof opts, .wait_views = views, .wait_view_count = 1};

	ck_assert_int_eq(skafu_model_execute(NULL, &command, 0, NULL, &outcome, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_model_execute(bank.model, NULL, 0, NULL, &outcome, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, &opts, &outcome, NULL), SKAFU_ENOTFOUND);
	command.type = "Unknown";
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, &bank.error), SKAFU_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(bank.error.message, "Unknown"));
	command.type = "Deposit";
	command.domain = "shop";
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, NULL), SKAFU_ENOTFOUND);
	command.domain = "bank";
	command.stream = NULL;
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, NULL), SKAFU_EINVAL);
	command.stream = "a";
	command.data = "{\"amount\":1,}";
	command.data_length = 13;
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, NULL), SKAFU_EJSON);
	command.flags = 0x80;
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, NULL), SKAFU_EOPTION);
	command.flags = 0;
	command.size = 0;
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, NULL), SKAFU_EOPTION);
	ck_assert_int_eq(fixture_try(&bank, "Fail", "a", NULL, &outcome), SKAFU_EHOST);
	ck_assert_str_eq(bank.error.message, "the host failed");
	ck_assert_ptr_null(outcome);
	ck_assert_uint_eq(fixture_version(&bank, "a"), 0);
}
END_TEST

/* A command data that the decider's event cannot carry: evolve fails later, with the sequence at hand. */
START_TEST(a_failing_evolve_throws_the_state_away)
{
	skafu_outcome *outcome = NULL;

	fixture_append(&bank, "a", "Deposited", 0, "{\"amount\":\"much\"}");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(fixture_try(&bank, "Deposit", "a", NULL, &outcome), SKAFU_EINVAL);
	ck_assert_uint_eq(fixture_version(&bank, "a"), 1);
}
END_TEST

START_TEST(a_conflict_folds_only_what_is_new)
{
	skafu_outcome_free(fixture_execute(&bank, "Open", "a", 0));
	for (int i = 0; i < 10; i++)
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 1));
	ck_assert_int_eq(fixture_balance(&bank, "a"), 10);
	bank.evolved = 0;
	fixture_append(&bank, "a", "Deposited", 0, "{\"amount\":100}"); /* as another process would */
	skafu_outcome *outcome = fixture_execute(&bank, "Withdraw", "a", 110);
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	ck_assert_uint_eq(outcome->attempts, 2);
	ck_assert_uint_eq(bank.evolved, 1);
	ck_assert_uint_eq(outcome->stream_version, 13);
	skafu_outcome_free(outcome);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 0);
	ck_assert_uint_eq(bank.evolved, 2);
}
END_TEST

/* The refusal was decided upon a state that is behind: it must be found out although nothing is appended. */
START_TEST(a_stale_refusal_is_not_given_out)
{
	skafu_outcome_free(fixture_execute(&bank, "Open", "a", 0));
	ck_assert_int_eq(fixture_balance(&bank, "a"), 0);
	skafu_outcome_free(fixture_execute(&bank, "Withdraw", "a", 5)); /* keeps the state */
	fixture_append(&bank, "a", "Deposited", 0, "{\"amount\":5}");
	skafu_outcome *outcome = fixture_execute(&bank, "Withdraw", "a", 5);
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	ck_assert_uint_eq(outcome->attempts, 2);
	skafu_outcome_free(outcome);
}
END_TEST

/* ---- keys ------------------------------------------------------------------------------------------------------ */

START_TEST(keys)
{
	skafu_outcome *first = NULL;
	skafu_outcome *again = NULL;
	static const char *const types[] = {"Deposit", "Withdraw", "Nothing"};
	static const char *const names[] = {"k1", "k2", "k3"};

	for (int i = 0; i < 3; i++) {
		uint64_t version = fixture_version(&bank, "a");

		ck_assert_int_eq(fixture_try(&bank, types[i], "a", names[i], &first), 0);
		if (i == 1) /* 5 are there, so it is accepted; refuse by another key */
			ck_assert_uint_eq(first->decision, SKAFU_DECISION_ACCEPTED);
		version += first->event_count;
		fixture_reopen_model(&bank); /* no memory of it in this process */
		bank.freed = 0;
		fixture_define_bank(&bank, 0);
		bank.decided = 0;
		ck_assert_int_eq(fixture_try(&bank, types[i], "a", names[i], &again), 0);
		ck_assert_uint_eq(bank.decided, 0);
		ck_assert_uint_eq(again->flags, SKAFU_OUTCOME_REPEATED);
		ck_assert_uint_eq(again->decision, first->decision);
		ck_assert_uint_eq(again->commit, first->commit);
		ck_assert_uint_ne(again->commit, 0);
		ck_assert_uint_eq(again->first_sequence, first->first_sequence);
		ck_assert_uint_eq(again->last_sequence, first->last_sequence);
		ck_assert_uint_eq(again->stream_version, first->stream_version);
		ck_assert_uint_eq(again->event_count, first->event_count);
		ck_assert_str_eq(again->correlation, first->correlation);
		ck_assert(memcmp(again->command, first->command, 16) == 0);
		ck_assert_uint_eq(fixture_version(&bank, "a"), version);
		skafu_outcome_free(first);
		skafu_outcome_free(again);
	}
}
END_TEST

START_TEST(a_refusal_under_a_key_stays)
{
	skafu_outcome *outcome = NULL;

	ck_assert_int_eq(fixture_try(&bank, "Withdraw", "a", "k", &outcome), 0);
	ck_assert_str_eq(outcome->code, "overdrawn");
	skafu_outcome_free(outcome);
	skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 100));
	ck_assert_int_eq(fixture_try(&bank, "Withdraw", "a", "k", &outcome), 0);
	ck_assert_uint_eq(outcome->flags, SKAFU_OUTCOME_REPEATED);
	ck_assert_str_eq(outcome->code, "overdrawn");
	ck_assert_str_eq(outcome->message, "There is not enough money.");
	skafu_outcome_free(outcome);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 100);
}
END_TEST

START_TEST(expiry)
{
	skafu_outcome *outcome = NULL;
	skafu_command command = {.size = sizeof command, .type = "Nothing", .stream = "a",
				 .flags = SKAFU_COMMAND_EXPIRES, .expires_ns = skafu_time_now() - 1};

	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, NULL), 0);
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_REFUSED);
	ck_assert_str_eq(outcome->code, "expired");
	ck_assert_uint_eq(bank.decided, 0);
	skafu_outcome_free(outcome);
	command.expires_ns = skafu_time_now() + INT64_C(60000000000);
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, NULL), 0);
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	skafu_outcome_free(outcome);
}
END_TEST

/* ---- attempts and time ----------------------------------------------------------------------------------------- */

static uint32_t meddle_left;
static int meddle_sleeps;

/* Somebody is always faster. */
static int32_t meddle(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		      skafu_error *error)
{
	skafu_new_record event = {
		.size = sizeof event, .type = "Deposited", .data = "{\"amount\":1}", .data_length = 12};

	(void)user;
	(void)command;
	(void)state;
	if (meddle_left > 0) {
		meddle_left--;
		fixture_append(&bank, "m", "Deposited", 0, "{\"amount\":1}");
	}
	if (meddle_sleeps)
		usleep(30000);
	return skafu_turn_emit(turn, &event, error);
}

static void define_meddler(void)
{
	static const char *const commands[] = {"Meddle"};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(struct account)};
	skafu_decider_def def = {.size = sizeof def, .domain = "bank", .name = "meddler", .commands = commands,
				 .command_count = 1, .state = &state, .evolve = fixture_evolve, .decide = meddle,
				 .user = &bank};

	ck_assert_int_eq(skafu_model_add_decider(bank.model, &def, NULL), 0);
}

START_TEST(attempts_are_bounded)
{
	skafu_outcome *outcome = NULL;
	skafu_command command = {.size = sizeof command, .type = "Meddle", .stream = "m"};
	skafu_execute_opts opts = {.size = sizeof opts, .attempts_max = 3};

	define_meddler();
	meddle_left = 3;
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, &opts, &outcome, &bank.error), SKAFU_ECONFLICT);
	ck_assert_uint_eq(bank.error.version, 3);
	ck_assert_uint_eq(fixture_version(&bank, "m"), 3);
	meddle_left = 7;
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, NULL), 0);
	ck_assert_uint_eq(outcome->attempts, 8);
	ck_assert_uint_eq(outcome->stream_version, 11);
	skafu_outcome_free(outcome);
}
END_TEST

START_TEST(time_runs_out)
{
	skafu_outcome *outcome = NULL;
	skafu_command command = {.size = sizeof command, .type = "Meddle", .stream = "m"};

	define_meddler();
	meddle_left = 0;
	meddle_sleeps = 1;
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 10000000, NULL, &outcome, NULL), SKAFU_ETIMEOUT);
	ck_assert_uint_eq(fixture_version(&bank, "m"), 0);
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, UINT64_C(10000000000), NULL, &outcome, NULL), 0);
	skafu_outcome_free(outcome);
	ck_assert_int_eq(skafu_model_execute(bank.model, &command, 0, NULL, &outcome, NULL), 0);
	skafu_outcome_free(outcome);
	meddle_sleeps = 0;
}
END_TEST

/* ---- called back ----------------------------------------------------------------------------------------------- */

static int32_t called_back;
static int closes_model;

static int32_t call_back(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			 skafu_error *error)
{
	skafu_outcome *outcome = NULL;
	skafu_command inner = *command;

	(void)user;
	(void)state;
	(void)turn;
	if (closes_model)
		skafu_model_close(bank.model);
	else
		called_back = skafu_model_execute(bank.model, &inner, SKAFU_WAIT_FOREVER, NULL, &outcome, error);
	return called_back;
}

static void define_caller(void)
{
	static const char *const commands[] = {"Call"};
	skafu_decider_def def = {.size = sizeof def, .domain = "bank", .name = "caller", .commands = commands,
				 .command_count = 1, .decide = call_back};

	ck_assert_int_eq(skafu_model_add_decider(bank.model, &def, NULL), 0);
}

START_TEST(a_handler_that_calls_back)
{
	skafu_outcome *outcome = NULL;

	define_caller();
	closes_model = 0;
	ck_assert_int_eq(fixture_try(&bank, "Call", "a", NULL, &outcome), SKAFU_EMISUSE);
	ck_assert_int_eq(called_back, SKAFU_EMISUSE);
	ck_assert_ptr_nonnull(strstr(bank.error.message, "its own model"));
	skafu_outcome_free(fixture_execute(&bank, "Open", "a", 0)); /* and all goes on */
	closes_model = 1;
	called_back = 0;
	ck_assert_int_eq(fixture_try(&bank, "Call", "a", NULL, &outcome), 0);
	skafu_outcome_free(outcome);
	ck_assert_uint_eq(bank.freed, 1); /* closed when the last call was over */
	bank.model = NULL;
}
END_TEST

static int32_t end_thread(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			  skafu_error *error)
{
	(void)user;
	(void)command;
	(void)state;
	(void)turn;
	(void)error;
	pthread_exit(NULL);
}

static void *execute_end(void *arg)
{
	skafu_outcome *outcome = NULL;

	fixture_try(&bank, "End", "a", NULL, &outcome);
	return arg;
}

/* Not permitted, but nobody else is held up, and nothing is lost. */
START_TEST(a_handler_that_ends_its_thread)
{
	static const char *const commands[] = {"End"};
	skafu_decider_def def = {.size = sizeof def, .domain = "bank", .name = "ender", .commands = commands,
				 .command_count = 1, .decide = end_thread};
	pthread_t thread;

	ck_assert_int_eq(skafu_model_add_decider(bank.model, &def, NULL), 0);
	pthread_create(&thread, NULL, execute_end, NULL);
	pthread_join(thread, NULL);
	skafu_outcome_free(fixture_execute(&bank, "Open", "a", 0));
	ck_assert_ptr_null(bank.model->frames);
	ck_assert_uint_eq(atomic_load(&bank.model->references), 1);
	ck_assert_ptr_null(bank.model->lanes.first);
}
END_TEST

/* ---- threads --------------------------------------------------------------------------------------------------- */

#define THREADS 8
#define ROUNDS 40

static void *deposit(void *arg)
{
	struct fixture *fixture = arg;
	struct skafu_error error = {0};
	uintptr_t failed = 0;

	for (int i = 0; i < ROUNDS; i++) {
		skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = "shared",
					 .data = "{\"amount\":1}", .data_length = 12};
		skafu_outcome *outcome = NULL;
		int32_t rc;

		do /* where threads are slow, one may lose every race that it is allowed */
			rc = skafu_model_execute(fixture->model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome,
						 &error);
		while (rc == SKAFU_ECONFLICT && getenv("SKAFU_TEST_SCALE"));
		failed += rc != 0;
		skafu_outcome_free(outcome);
	}
	return (void *)failed;
}

START_TEST(no_update_is_lost)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, deposit, &bank), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	ck_assert_uint_eq(fixture_version(&bank, "shared"), THREADS * ROUNDS);
	ck_assert_int_eq(fixture_balance(&bank, "shared"), THREADS * ROUNDS);
}
END_TEST

static void *deposit_once(void *arg)
{
	skafu_outcome *outcome = NULL;
	struct skafu_error error = {0};
	skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = arg, .key = "once",
				 .data = "{\"amount\":1}", .data_length = 12};
	int32_t rc = skafu_model_execute(bank.model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, &error);
	uintptr_t sequence = rc == 0 ? (uintptr_t)outcome->first_sequence : 0;

	skafu_outcome_free(outcome);
	return (void *)sequence;
}

/* One key from many threads, on streams of their own, so that only the key can stop the second. */
START_TEST(one_key_from_many_threads)
{
	pthread_t threads[THREADS];
	char streams[THREADS][16];

	for (int i = 0; i < THREADS; i++) {
		snprintf(streams[i], sizeof streams[i], "s%d", i);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, deposit_once, streams[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *sequence = NULL;

		pthread_join(threads[i], &sequence);
		ck_assert_uint_eq((uintptr_t)sequence, 1);
	}
	uint64_t head;
	ck_assert_int_eq(skafu_store_head(bank.store, &head, NULL), 0);
	ck_assert_uint_eq(head, 1);
}
END_TEST

/* ---- as of ----------------------------------------------------------------------------------------------------- */

START_TEST(a_state_as_of_a_sequence)
{
	skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = "a"};
	skafu_state *state = NULL;

	skafu_outcome_free(fixture_execute(&bank, "Open", "a", 0));
	for (int i = 1; i <= 5; i++) {
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 1));
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "b", 1));
	}
	for (uint64_t at = 1; at <= 11; at++) {
		ck_assert_int_eq(skafu_state_load(bank.model, &command, at, &state, &bank.error), 0);
		ck_assert_int_eq(((const struct account *)skafu_state_data(state))->balance, (int64_t)at / 2);
		ck_assert_uint_eq(skafu_state_sequence(state), at <= 1 ? 1 : at / 2 * 2);
		skafu_state_free(state);
	}
	ck_assert_int_eq(skafu_state_load(bank.model, &command, 12, &state, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_state_load(bank.model, &command, 0, NULL, NULL), SKAFU_EINVAL);
	command.stream = "none";
	ck_assert_int_eq(skafu_state_load(bank.model, &command, 0, &state, NULL), 0);
	ck_assert_uint_eq(skafu_state_sequence(state), 0);
	skafu_model_close(bank.model); /* the state keeps it */
	bank.model = NULL;
	ck_assert_int_eq(((const struct account *)skafu_state_data(state))->balance, 0);
	skafu_state_free(state);
	skafu_state_free(NULL);
	ck_assert_ptr_null(skafu_state_data(NULL));
}
END_TEST

/* ---- a companion ----------------------------------------------------------------------------------------------- */

static int32_t add_row(void *user, skafu_batch *batch, const struct skafu__answer *answer, skafu_error *error)
{
	ck_assert_uint_eq(answer->decision, SKAFU_DECISION_REFUSED);
	return skafu_batch_put_row(batch, "outcomes", user, 1, answer->code, strlen(answer->code), error);
}

START_TEST(a_companion_records_a_refusal)
{
	skafu_command command = {.size = sizeof command, .type = "Withdraw", .stream = "a", .data = "{\"amount\":1}",
				 .data_length = 12};
	static const uint8_t id[16] = {7};
	char key[] = "x";
	struct skafu__companion companion = {.add = add_row, .user = key, .commit_id = id, .now_ns = 5};
	struct skafu__order order;
	skafu_outcome *outcome = NULL;
	void *value = NULL;
	size_t length = 0;

	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	ck_assert_int_eq(skafu__order_take(bank.model, &command, &order, &bank.error), 0);
	ck_assert_int_eq(skafu__execute(bank.model, &order, 0, NULL, &companion, &outcome, &bank.error), 0);
	ck_assert_str_eq(outcome->code, "overdrawn");
	ck_assert_uint_eq(outcome->commit, 1);
	skafu_outcome_free(outcome);
	ck_assert_int_eq(skafu_row_get(bank.store, "outcomes", key, 1, &value, &length, NULL), 0);
	ck_assert(length == 9 && memcmp(value, "overdrawn", 9) == 0);
	skafu_bytes_free(value);
	ck_assert_int_eq(skafu_commit_status(bank.store, id, NULL, NULL), 0);
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static int32_t run_without_memory(struct failing *failing, long left)
{
	skafu_outcome *outcome = NULL;
	int32_t rc;

	failing->left = -1;
	memset(&bank, 0, sizeof bank);
	skafu__sys_override(&failing->sys);
	fixture_open(&bank);
	fixture_append(&bank, "a", "Deposited", 0, "{\"amount\":1}");
	failing->left = left;
	rc = skafu_model_add_domain(bank.model, "bank", &bank.error);
	failing->left = -1;
	if (rc == 0) {
		fixture_reopen_model(&bank);
		fixture_define_bank(&bank, 1);
		failing->left = left;
		rc = fixture_try(&bank, "Deposit", "a", "k", &outcome);
		if (rc == 0)
			skafu_outcome_free(outcome);
		if (rc == 0)
			rc = fixture_try(&bank, "Deposit", "a", "l", &outcome);
		if (rc == 0)
			skafu_outcome_free(outcome);
		failing->left = -1;
	}
	/* Whatever failed, the log says what happened, and it goes on. */
	if (bank.freed == 0 && skafu_model_freeze(bank.model, NULL) == 0 && rc == SKAFU_ENOMEM) {
		int32_t again = fixture_try(&bank, "Deposit", "a", "k", &outcome);

		if (again == 0) {
			ck_assert_uint_eq(outcome->stream_version, 2);
			skafu_outcome_free(outcome);
		} else {
			ck_assert_int_eq(again, SKAFU_ENOTFOUND); /* the domain failed, so there is no decider */
		}
	}
	fixture_close(&bank);
	skafu__sys_override(NULL);
	return rc;
}

static struct skafu__probe_event told;
static uint32_t tellings;

static void hear_executions(void *user, const struct skafu__probe_event *event)
{
	(void)user;
	if (event->kind != SKAFU__PROBE_EXECUTED)
		return;
	told = *event;
	tellings++;
	ck_assert(event->id != NULL && event->correlation != NULL && event->begin_ns > 0);
	ck_assert(event->end_ns == event->begin_ns + event->value && event->value >= 0);
}

START_TEST(who_listens_is_told)
{
	skafu_outcome *outcome = NULL;

	ck_assert_int_eq(skafu__probe_listen(&bank.store->probe, hear_executions, NULL), 0);
	tellings = 0;
	skafu_outcome_free(fixture_execute(&bank, "Open", "a", 0));
	ck_assert_uint_eq(tellings, 1);
	ck_assert(told.decision == SKAFU_DECISION_ACCEPTED && told.emitted == 1 && told.code == 0 && told.count == 1);
	ck_assert_str_eq(told.name, "Open");
	ck_assert_str_eq(told.domain, "bank");
	skafu_outcome_free(fixture_execute(&bank, "Withdraw", "a", 100));
	ck_assert(told.decision == SKAFU_DECISION_REFUSED && told.emitted == 0 && told.code == 0);
	ck_assert_int_lt(fixture_try(&bank, "Fail", "a", NULL, &outcome), 0);
	ck_assert(tellings == 3 && told.decision == 0 && told.code < 0);
	skafu__probe_leave(&bank.store->probe, hear_executions);
	skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 1));
	ck_assert_uint_eq(tellings, 3);
}
END_TEST

START_TEST(memory_runs_out_anywhere)
{
	struct failing failing;
	long left = 0;

	failing_init(&failing);
	for (;; left++) {
		int32_t rc = run_without_memory(&failing, left);

		ck_assert_int_eq(failing.live, 0);
		if (rc == 0)
			break;
		ck_assert_int_eq(rc, SKAFU_ENOMEM);
		ck_assert_int_lt(left, 2000);
	}
	ck_assert_int_gt(left, 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("execute");
	TCase *tests = tcase_create("execute");
	TCase *alone = tcase_create("memory");

	tcase_add_checked_fixture(tests, open_bank, close_bank);
	tcase_add_test(tests, outcomes);
	tcase_add_test(tests, mistakes);
	tcase_add_test(tests, a_failing_evolve_throws_the_state_away);
	tcase_add_test(tests, a_conflict_folds_only_what_is_new);
	tcase_add_test(tests, a_stale_refusal_is_not_given_out);
	tcase_add_test(tests, keys);
	tcase_add_test(tests, a_refusal_under_a_key_stays);
	tcase_add_test(tests, expiry);
	tcase_add_test(tests, attempts_are_bounded);
	tcase_add_test(tests, time_runs_out);
	tcase_add_test(tests, a_handler_that_calls_back);
	tcase_add_test(tests, a_handler_that_ends_its_thread);
	tcase_add_test(tests, no_update_is_lost);
	tcase_add_test(tests, one_key_from_many_threads);
	tcase_add_test(tests, a_state_as_of_a_sequence);
	tcase_add_test(tests, a_companion_records_a_refusal);
	tcase_add_test(tests, who_listens_is_told);
	tcase_add_test(alone, memory_runs_out_anywhere);
	tcase_set_timeout(tests, 30);
	tcase_set_timeout(alone, 30);
	suite_add_tcase(suite, tests);
	suite_add_tcase(suite, alone);
	return suite_run(suite);
}
