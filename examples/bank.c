/*
 * Lesson 3: a domain.  A decider looks at the state of an account, which is folded from its events, and says what
 * happens next, or refuses.  A snapshot every 100 events keeps long accounts fast.  A projection turns the events of
 * all accounts into a table of balances, which is then read.
 *
 * Usage: bank [directory]        Run it twice: the account is there already, and opening it again is refused.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <skafu_model.h>

/* ---- the decider: state, evolve, decide ---- */

typedef struct account {
	int64_t balance;
	int64_t open;
} account;

static int32_t account_evolve(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	account *a = state;
	int64_t amount = 0;
	int32_t rc;

	(void)user;
	if (strcmp(event->type, "AccountOpened") == 0) {
		a->open = 1;
		return 0;
	}
	rc = skafu_json_int64(event->data, event->data_length, "/amount", &amount, error);
	if (rc < 0)
		return rc;
	a->balance += strcmp(event->type, "MoneyDeposited") == 0 ? amount : -amount;
	return 0;
}

/* The command's data become the event's: both are {"amount": n}. */
static int32_t happened(skafu_turn *turn, const char *type, const skafu_command *command, skafu_error *error)
{
	skafu_new_record event = {.size = sizeof(event), .type = type};

	event.data = command->data;
	event.data_length = command->data_length;
	return skafu_turn_emit(turn, &event, error);
}

static int32_t account_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			      skafu_error *error)
{
	const account *a = state;
	int64_t amount = 0;

	(void)user;
	if (strcmp(command->type, "OpenAccount") == 0) {
		if (a->open)
			return skafu_turn_refuse(turn, "exists", "The account is open already.", error);
		return happened(turn, "AccountOpened", command, error);
	}
	if (!a->open)
		return skafu_turn_refuse(turn, "unknown", "There is no such account.", error);
	if (skafu_json_int64(command->data, command->data_length, "/amount", &amount, NULL) < 0 || amount <= 0)
		return skafu_turn_refuse(turn, "amount", "The amount must be a whole number above 0.", error);
	if (strcmp(command->type, "Deposit") == 0) {
		if (amount > INT64_MAX - a->balance)
			return skafu_turn_refuse(turn, "amount", "The account cannot hold so much.", error);
		return happened(turn, "MoneyDeposited", command, error);
	}
	if (amount > a->balance)
		return skafu_turn_refuse(turn, "overdrawn", "There is not enough money in the account.", error);
	return happened(turn, "MoneyWithdrawn", command, error);
}

/* ---- the projection: one number for each account ---- */

static int32_t balances_each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	int64_t amount = 0; /* which an account has when it is opened */
	int32_t rc = 0;

	(void)user;
	if (strcmp(event->type, "AccountOpened") != 0)
		rc = skafu_json_int64(event->data, event->data_length, "/amount", &amount, error);
	if (rc < 0)
		return rc;
	if (strcmp(event->type, "MoneyWithdrawn") == 0)
		amount = -amount;
	return skafu_edit_count(edit, NULL, event->stream, strlen(event->stream), amount, error);
}

/* ---- the definitions ---- */

static int32_t define_bank(skafu_model *model, skafu_error *error)
{
	static const char *const types[] = {"AccountOpened", "MoneyDeposited", "MoneyWithdrawn"};
	static const char *const commands[] = {"OpenAccount", "Deposit", "Withdraw"};
	skafu_state_def state = {.size = sizeof(state), .version = 1, .bytes = sizeof(account)};
	skafu_decider_def decider = {.size = sizeof(decider), .domain = "bank", .name = "account"};
	skafu_projection_def balances = {.size = sizeof(balances), .domain = "bank", .name = "balances"};
	int32_t rc = skafu_model_add_domain(model, "bank", error);

	for (size_t i = 0; rc == 0 && i < 3; i++) {
		skafu_event_def event = {.size = sizeof(event), .domain = "bank", .type = types[i]};

		rc = skafu_model_add_event(model, &event, error);
	}
	decider.commands = commands;
	decider.command_count = 3;
	decider.snapshot_every = 100;
	decider.state = &state;
	decider.evolve = account_evolve;
	decider.decide = account_decide;
	if (rc == 0)
		rc = skafu_model_add_decider(model, &decider, error);
	balances.version = 1;
	balances.types = types;
	balances.type_count = 3;
	balances.each = balances_each;
	if (rc == 0)
		rc = skafu_model_add_projection(model, &balances, error);
	return rc;
}

/* ---- the use ---- */

static int32_t order(skafu_model *model, const char *type, const char *data, skafu_error *error)
{
	skafu_command command = {.size = sizeof(command), .type = type, .stream = "account-anna", .data = data};
	skafu_outcome *outcome = NULL;
	int32_t rc;

	command.data_length = strlen(data);
	rc = skafu_model_execute(model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, error);
	if (rc < 0)
		return rc;
	if (outcome->decision == SKAFU_DECISION_REFUSED)
		printf("%-11s %-15s refused: %s\n", type, data, outcome->message);
	else
		printf("%-11s %-15s done, version %" PRIu64 "\n", type, data, outcome->stream_version);
	skafu_outcome_free(outcome);
	return 0;
}

static int32_t use_account(skafu_model *model, skafu_error *error)
{
	static const char *const orders[][2] = {
		{"OpenAccount", "{}"},
		{"Deposit", "{\"amount\":100}"},
		{"Withdraw", "{\"amount\":30}"},
		{"Withdraw", "{\"amount\":5000}"},
	};
	int32_t rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(orders) / sizeof(orders[0]); i++)
		rc = order(model, orders[i][0], orders[i][1], error);
	return rc;
}

static int32_t show_balances(skafu_model *model, skafu_error *error)
{
	skafu_view *view = NULL;
	skafu_rows *rows = NULL;
	const skafu_row *row;
	int64_t balance;
	int32_t rc = skafu_view_open(model, "balances", 0, 0, &view, error);

	/* A view may be behind the log.  Here we want to see what we have just done. */
	if (rc == 0)
		rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, NULL, error);
	if (rc == 0)
		rc = skafu_view_rows(view, NULL, NULL, SKAFU_NO_LIMIT, &rows, error);
	while (rc >= 0 && (rc = skafu_rows_next(rows, &row, error)) > 0) {
		rc = skafu_count_value(row->value, row->value_length, &balance, error);
		if (rc == 0)
			printf("%.*s has %" PRId64 "\n", (int)row->key_length, (const char *)row->key, balance);
	}
	skafu_rows_free(rows);
	skafu_view_close(view);
	return rc;
}

int main(int argc, char **argv)
{
	skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open(argc > 1 ? argv[1] : "bank.skafu", &opts, &store, error);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, error);
	if (rc == 0)
		rc = define_bank(model, error);
	if (rc == 0)
		rc = use_account(model, error);
	if (rc == 0)
		rc = show_balances(model, error);
	if (rc < 0)
		fprintf(stderr, "bank: %s\n", skafu_error_message(error));
	skafu_model_close(model);
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}
