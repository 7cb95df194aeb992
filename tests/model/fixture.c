/*
 * fixture.c: a model with a bank in it.
 */
#include "model/fixture.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/sys.h"

void fixture_open(struct fixture *fixture)
{
	skafu_store_opts opts = {.size = sizeof opts, .store_bytes_max = UINT64_C(1) << 28}; /* as valgrind allows */

	memset(fixture, 0, sizeof *fixture);
	ck_assert_int_eq(skafu_store_open_memory(&opts, &fixture->store, &fixture->error), 0);
	ck_assert_int_eq(skafu_model_open(fixture->store, NULL, &fixture->model, &fixture->error), 0);
}

void fixture_close(struct fixture *fixture)
{
	skafu_model_close(fixture->model);
	skafu_store_close(fixture->store);
}

void fixture_reopen_model(struct fixture *fixture)
{
	skafu_model_close(fixture->model);
	ck_assert_int_eq(skafu_model_open(fixture->store, NULL, &fixture->model, &fixture->error), 0);
}

void fixture_freed(void *user)
{
	((struct fixture *)user)->freed++;
}

int32_t fixture_evolve(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	struct fixture *fixture = user;
	struct account *account = state;
	int64_t amount = 0;
	int32_t rc = 0;

	__atomic_fetch_add(&fixture->evolved, 1, __ATOMIC_RELAXED);
	account->events++;
	if (strcmp(event->type, "Opened") == 0)
		account->is_open = 1;
	else if (!(event->flags & SKAFU_RECORD_ERASED))
		rc = skafu_json_int64(event->data, event->data_length, "/amount", &amount, error);
	account->balance += strcmp(event->type, "Withdrawn") == 0 ? -amount : amount;
	return rc;
}

int32_t fixture_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		       skafu_error *error)
{
	struct fixture *fixture = user;
	const struct account *account = state;
	skafu_new_record event = {.size = sizeof event, .data = command->data, .data_length = command->data_length};
	int64_t amount = 0;

	__atomic_fetch_add(&fixture->decided, 1, __ATOMIC_RELAXED);
	skafu_json_int64(command->data, command->data_length, "/amount", &amount, NULL);
	if (strcmp(command->type, "Nothing") == 0)
		return 0;
	if (strcmp(command->type, "Fail") == 0) {
		skafu_error_set(error, SKAFU_EHOST, "the host failed");
		return SKAFU_EHOST;
	}
	if (strcmp(command->type, "Open") == 0 && account->is_open)
		return skafu_turn_refuse(turn, "exists", "The account is open already.", error);
	if (strcmp(command->type, "Withdraw") == 0 && amount > account->balance)
		return skafu_turn_refuse(turn, "overdrawn", "There is not enough money.", error);
	event.type = strcmp(command->type, "Open") == 0	     ? "Opened"
		     : strcmp(command->type, "Withdraw") == 0 ? "Withdrawn"
							      : "Deposited";
	return skafu_turn_emit(turn, &event, error);
}

void fixture_event(struct fixture *fixture, const char *type)
{
	skafu_event_def event = {.size = sizeof event, .domain = "bank", .type = type};

	ck_assert_int_eq(skafu_model_add_event(fixture->model, &event, &fixture->error), 0);
}

void fixture_define_bank(struct fixture *fixture, uint32_t snapshot_every)
{
	static const char *const commands[] = {"Open", "Deposit", "Withdraw", "Nothing", "Fail"};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(struct account)};
	skafu_decider_def def = {.size = sizeof def, .domain = "bank", .name = "account", .commands = commands,
				 .command_count = 5, .state = &state, .evolve = fixture_evolve,
				 .decide = fixture_decide, .user = fixture, .free_user = fixture_freed};

	def.snapshot_every = snapshot_every;
	ck_assert_int_eq(skafu_model_add_domain(fixture->model, "bank", &fixture->error), 0);
	fixture_event(fixture, "Opened");
	fixture_event(fixture, "Deposited");
	fixture_event(fixture, "Withdrawn");
	ck_assert_int_eq(skafu_model_add_decider(fixture->model, &def, &fixture->error), 0);
}

skafu_outcome *fixture_execute(struct fixture *fixture, const char *type, const char *stream, int64_t amount)
{
	char data[64];
	skafu_command command = {.size = sizeof command, .type = type, .stream = stream, .data = data};
	skafu_outcome *outcome = NULL;
	int32_t rc;

	command.data_length = (size_t)snprintf(data, sizeof data, "{\"amount\":%" PRId64 "}", amount);
	rc = skafu_model_execute(fixture->model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, &fixture->error);
	if (rc != 0)
		ck_abort_msg("%s: %d %s", type, rc, fixture->error.message);
	return outcome;
}

int32_t fixture_try(struct fixture *fixture, const char *type, const char *stream, const char *key,
		    skafu_outcome **out)
{
	static const char data[] = "{\"amount\":5}";
	skafu_command command = {.size = sizeof command, .type = type, .stream = stream, .key = key, .data = data,
				 .data_length = sizeof data - 1};

	return skafu_model_execute(fixture->model, &command, SKAFU_WAIT_FOREVER, NULL, out, &fixture->error);
}

int64_t fixture_balance(struct fixture *fixture, const char *stream)
{
	skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = stream};
	skafu_state *state = NULL;
	int64_t balance;

	ck_assert_int_eq(skafu_state_load(fixture->model, &command, 0, &state, &fixture->error), 0);
	balance = ((const struct account *)skafu_state_data(state))->balance;
	skafu_state_free(state);
	return balance;
}

uint64_t fixture_version(struct fixture *fixture, const char *stream)
{
	uint64_t version = 0;

	ck_assert_int_eq(skafu_stream_version(fixture->store, stream, &version, &fixture->error), 0);
	return version;
}

void fixture_append(struct fixture *fixture, const char *stream, const char *type, uint32_t version, const char *data)
{
	skafu_new_record event = {.size = sizeof event,
				  .stream = stream,
				  .type = type,
				  .source = "bank",
				  .data = data,
				  .event_version = version};
	skafu_batch *batch = NULL;

	event.data_length = strlen(data);
	ck_assert_int_eq(skafu_batch_new(fixture->store, &batch, &fixture->error), 0);
	ck_assert_int_eq(skafu_batch_add(batch, &event, &fixture->error), 0);
	ck_assert_int_eq(skafu_append(fixture->store, batch, SKAFU_WAIT_FOREVER, NULL, &fixture->error), 0);
	skafu_batch_free(batch);
}

void fixture_hide(struct fixture *fixture, enum fixture_hide how, const char *stream, uint64_t number)
{
	skafu_error *error = &fixture->error;
	skafu_batch *batch = NULL;
	int32_t rc;

	ck_assert_int_eq(skafu_batch_new(fixture->store, &batch, error), 0);
	rc = how == FIXTURE_TRUNCATE ? skafu_batch_truncate_stream(batch, stream, number, error)
	     : how == FIXTURE_DELETE ? skafu_batch_delete_stream(batch, stream, number, error)
	     : how == FIXTURE_ERASE  ? skafu_batch_erase(batch, number, error)
				     : skafu_batch_tombstone_stream(batch, stream, error);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(skafu_append(fixture->store, batch, SKAFU_WAIT_FOREVER, NULL, error), 0);
	skafu_batch_free(batch);
}
