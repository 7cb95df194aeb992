/*
 * Lesson 4: a process over three domains that ends well, or undoes what it did.
 *
 * Sales takes an order, stock reserves the goods, payment charges the card.  None knows the others: the process
 * "fulfilment" follows their events and sends the commands.  When the card is refused, or nobody answers in time (a
 * durable timer), it cancels the order and releases the goods.  Kill the program anywhere and start it again: it goes
 * on where it was, and nothing is done twice.
 *
 * Usage: saga [directory]
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <skafu_run.h>

#define PATIENCE_NS INT64_C(1000000000) /* minutes or days in real life */
#define CARD_LIMIT 100
#define SILENT_AMOUNT 77 /* our bank never answers when it is asked for so much */

/* ---- the domains: each command makes one event, unless payment has something against it ---- */

static int32_t happened(skafu_turn *turn, const char *type, const skafu_command *command, skafu_error *error)
{
	skafu_new_record event = {.size = sizeof(event), .type = type, .data = command->data};

	event.data_length = command->data_length;
	return skafu_turn_emit(turn, &event, error);
}

static int32_t sales_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			    skafu_error *error)
{
	(void)user;
	(void)state;
	return happened(turn, "OrderPlaced", command, error);
}

static int32_t stock_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			    skafu_error *error)
{
	int reserve = strcmp(command->type, "ReserveGoods") == 0;

	(void)user;
	(void)state;
	return happened(turn, reserve ? "GoodsReserved" : "GoodsReleased", command, error);
}

static int32_t payment_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			      skafu_error *error)
{
	int64_t amount = 0;
	int32_t rc = skafu_json_int64(command->data, command->data_length, "/amount", &amount, error);

	(void)user;
	(void)state;
	if (rc < 0)
		return rc;
	if (amount > CARD_LIMIT)
		return skafu_turn_refuse(turn, "limit", "The card is not good for so much.", error);
	return amount == SILENT_AMOUNT ? 0 : happened(turn, "CardCharged", command, error);
}

/* ---- the process ---- */

typedef struct fulfilment {
	int64_t amount;
} fulfilment;

/* One instance for each correlation: all that follows from one order. */
static int32_t fulfilment_route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	int32_t rc = skafu_writer_put(instance, input->correlation, strlen(input->correlation), error);

	(void)user;
	if (rc < 0)
		return rc;
	return strcmp(input->type, "OrderPlaced") == 0 ? SKAFU_ROUTE_START : SKAFU_ROUTE_CONTINUE;
}

static int32_t fulfilment_evolve(void *user, void *state, const skafu_record *input, skafu_error *error)
{
	fulfilment *f = state;

	(void)user;
	if (strcmp(input->type, "OrderPlaced") != 0)
		return 0;
	return skafu_json_int64(input->data, input->data_length, "/amount", &f->amount, error);
}

/* The order's stream in another domain: "stock/order-1". */
static int32_t tell(skafu_turn *turn, const skafu_record *input, const fulfilment *f, const char *type, int undo,
		    skafu_error *error)
{
	char stream[160], data[64];
	const char *domain = strcmp(type, "ChargeCard") == 0 ? "payment" : "stock";
	skafu_command command = {.size = sizeof(command), .type = type, .stream = stream, .data = data};

	snprintf(stream, sizeof(stream), "%s/%s", domain, input->correlation);
	snprintf(data, sizeof(data), "{\"amount\":%" PRId64 "}", f->amount);
	command.data_length = strlen(data);
	return undo ? skafu_turn_undo_with(turn, &command, error) : skafu_turn_send(turn, &command, error);
}

static int32_t emit(skafu_turn *turn, const skafu_record *input, const char *type, skafu_error *error)
{
	skafu_new_record event = {.size = sizeof(event), .type = type, .stream = input->correlation};

	return skafu_turn_emit(turn, &event, error);
}

static int32_t placed(skafu_turn *turn, const skafu_record *input, const fulfilment *f, skafu_error *error)
{
	skafu_new_record late = {.size = sizeof(late), .type = "OrderExpired", .stream = input->correlation};
	int32_t rc = skafu_turn_set_timer(turn, "deadline", skafu_turn_now(turn) + PATIENCE_NS, &late, error);

	return rc < 0 ? rc : tell(turn, input, f, "ReserveGoods", 0, error);
}

static int32_t cancel(skafu_turn *turn, const skafu_record *input, const char *code, const char *why,
		      skafu_error *error)
{
	int32_t rc = emit(turn, input, "OrderCancelled", error);

	return rc < 0 ? rc : skafu_turn_compensate(turn, code, why, error);
}

/* What became of a command that this process sent: only a no is news, a yes has its event. */
static int32_t answered(skafu_turn *turn, const skafu_record *input, skafu_error *error)
{
	skafu_outcome *outcome = NULL;
	int32_t rc = skafu_outcome_read(input, &outcome, error);

	if (rc == 0 && outcome->decision == SKAFU_DECISION_REFUSED)
		rc = cancel(turn, input, outcome->code, outcome->message, error);
	skafu_outcome_free(outcome);
	return rc;
}

static int32_t fulfilment_act(void *user, const skafu_record *input, const void *state, skafu_turn *turn,
			      skafu_error *error)
{
	int32_t rc;

	(void)user;
	if (input->kind == SKAFU_KIND_OUTCOME)
		return answered(turn, input, error);
	if (strcmp(input->type, "OrderPlaced") == 0)
		return placed(turn, input, state, error);
	if (strcmp(input->type, "OrderExpired") == 0)
		return cancel(turn, input, "expired", "Nobody answered in time.", error);
	if (strcmp(input->type, "GoodsReserved") == 0) {
		rc = tell(turn, input, state, "ReleaseGoods", 1, error); /* if it comes to that */
		return rc < 0 ? rc : tell(turn, input, state, "ChargeCard", 0, error);
	}
	rc = emit(turn, input, "OrderConfirmed", error); /* CardCharged */
	return rc < 0 ? rc : skafu_turn_complete(turn, error);
}

/* ---- the definitions ---- */

typedef struct domain {
	const char *name;
	skafu_decide_fn decide;
	const char *commands[2];
	const char *events[4];
} domain;

static const domain domains[] = {
	{"sales", sales_decide, {"PlaceOrder"}, {"OrderPlaced", "OrderConfirmed", "OrderCancelled", "OrderExpired"}},
	{"stock", stock_decide, {"ReserveGoods", "ReleaseGoods"}, {"GoodsReserved", "GoodsReleased"}},
	{"payment", payment_decide, {"ChargeCard"}, {"CardCharged"}},
};

static int32_t define_domain(skafu_model *model, const domain *d, skafu_error *error)
{
	skafu_decider_def decider = {.size = sizeof(decider), .domain = d->name, .name = d->name};
	int32_t rc = skafu_model_add_domain(model, d->name, error);

	for (size_t i = 0; rc == 0 && i < 4 && d->events[i]; i++) {
		skafu_event_def event = {.size = sizeof(event), .domain = d->name, .type = d->events[i]};

		rc = skafu_model_add_event(model, &event, error);
	}
	decider.decide = d->decide;
	decider.commands = d->commands;
	decider.command_count = d->commands[1] ? 2 : 1;
	return rc == 0 ? skafu_model_add_decider(model, &decider, error) : rc;
}

static int32_t define_process(skafu_model *model, skafu_error *error)
{
	/* Its inputs are events, and the outcomes of the commands of that type. */
	static const char *const types[] = {
		"OrderPlaced", "GoodsReserved", "CardCharged", "OrderExpired", "ReserveGoods", "ChargeCard",
	};
	skafu_source source = {.size = sizeof(source), .types = types};
	skafu_state_def state = {.size = sizeof(state), .version = 1, .bytes = sizeof(fulfilment)};
	skafu_process_def process = {.size = sizeof(process), .version = 1, .domain = "sales", .name = "fulfilment"};

	source.kinds = SKAFU_KINDS_EVENTS | SKAFU_KINDS_OUTCOMES;
	source.type_count = sizeof(types) / sizeof(types[0]);
	source.partition_by = SKAFU_PARTITION_CORRELATION;
	process.source = &source;
	process.state = &state;
	process.route = fulfilment_route;
	process.evolve = fulfilment_evolve;
	process.act = fulfilment_act;
	return skafu_model_add_process(model, &process, error);
}

static int32_t define(skafu_model *model, skafu_error *error)
{
	int32_t rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(domains) / sizeof(domains[0]); i++)
		rc = define_domain(model, &domains[i], error);
	return rc == 0 ? define_process(model, error) : rc;
}

/* ---- the use ---- */

/* All that came of an order, in the order in which it happened. */
static int32_t show(skafu_store *store, const char *id, skafu_error *error)
{
	static const char *const kinds[] = {"", "event", "command", "error", "outcome"};
	skafu_read_opts opts = {.size = sizeof(opts), .kinds = SKAFU_KINDS_ALL};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int32_t rc = skafu_read_correlation(store, id, SKAFU_NO_LIMIT, &opts, &cursor, error);

	while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, error)) > 0)
		printf("  %3" PRIu64 " %-8s %-8s %s\n", record->sequence, record->source,
			kinds[record->kind < 5 ? record->kind : 0], record->type);
	skafu_cursor_free(cursor);
	return rc;
}

static int32_t order(skafu_engine *engine, skafu_store *store, const char *id, const char *data, skafu_error *error)
{
	static const char end[] = "{\"eventType\":[\"OrderConfirmed\",\"OrderCancelled\"]}";
	skafu_command command = {.size = sizeof(command), .type = "PlaceOrder", .stream = id, .data = data};
	skafu_record *record = NULL;
	skafu_outcome *outcome = NULL;
	int32_t rc;

	command.data_length = strlen(data);
	command.correlation = id;
	command.key = id; /* the same order, however often this program runs */
	rc = skafu_engine_execute(engine, &command, UINT64_C(5000000000), &outcome, error);
	if (rc == 0)
		rc = skafu_engine_await(engine, id, end, UINT64_C(5000000000), &record, error);
	if (rc == 0)
		rc = skafu_engine_drain(engine, UINT64_C(5000000000), error); /* let it undo what is to be undone */
	if (rc == 0) {
		printf("%s %s: %s\n", id, data, record->type);
		rc = show(store, id, error);
	}
	skafu_record_free(record);
	skafu_outcome_free(outcome);
	return rc;
}

int main(int argc, char **argv)
{
	skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open(argc > 1 ? argv[1] : "saga.skafu", &opts, &store, error);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, error);
	if (rc == 0)
		rc = define(model, error);
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, error);
	if (rc == 0)
		rc = order(engine, store, "order-1", "{\"amount\":50}", error);
	if (rc == 0)
		rc = order(engine, store, "order-2", "{\"amount\":500}", error);
	if (rc == 0)
		rc = order(engine, store, "order-3", "{\"amount\":77}", error);
	if (rc < 0)
		fprintf(stderr, "saga: %s\n", skafu_error_message(error));
	skafu_engine_close(engine);
	skafu_model_close(model);
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}
