#include "run/kit.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

/* ---- domains ------------------------------------------------------------------------------------------------- */

static int32_t decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		      skafu_error *error)
{
	struct kit *kit = user;
	skafu_new_record event = {.size = sizeof event, .type = "Ordered"};

	(void)state;
	kit->decided++;
	if (strcmp(command->type, "Refuse") == 0)
		return skafu_turn_refuse(turn, "no", "The shop is \"closed\".", error);
	if (strcmp(command->type, "Fail") == 0)
		return SKAFU_EHOST;
	return strcmp(command->type, "Order") == 0 ? skafu_turn_emit(turn, &event, error) : 0;
}

static int32_t evolve(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)error;
	++*(uint64_t *)state;
	return 0;
}

static void add_event_type(skafu_model *model, const char *domain, const char *type)
{
	skafu_event_def def = {.size = sizeof def, .domain = domain, .type = type};

	went(skafu_model_add_event(model, &def, fault));
}

void kit_domains(skafu_model *model, struct kit *kit)
{
	static const char *const commands[] = {"Order", "Refuse", "Nothing", "Fail"};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(uint64_t)};
	skafu_decider_def def = {.size = sizeof def, .domain = "shop", .name = "shop", .commands = commands,
				 .command_count = 4, .state = &state, .evolve = evolve, .decide = decide,
				 .user = kit};

	went(skafu_model_add_domain(model, "shop", fault));
	went(skafu_model_add_domain(model, "stock", fault));
	add_event_type(model, "shop", "Ordered");
	add_event_type(model, "shop", "Paid");
	add_event_type(model, "shop", "Cancelled");
	add_event_type(model, "stock", "Reserved");
	went(skafu_model_add_decider(model, &def, fault));
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static void open_model(struct kit *kit)
{
	went(skafu_model_open(kit->store, NULL, &kit->model, fault));
	kit_domains(kit->model, kit);
}

void kit_open(struct kit *kit)
{
	memset(kit, 0, sizeof *kit);
	kit->store = memory_store();
	open_model(kit);
}

void kit_open_files(struct kit *kit)
{
	memset(kit, 0, sizeof *kit);
	tempstore_new(&kit->temp);
	kit->store = kit->temp.store;
	open_model(kit);
}

void kit_close(struct kit *kit)
{
	kit_stop(kit);
	skafu_model_close(kit->model);
	if (kit->temp.store)
		tempstore_done(&kit->temp);
	else
		skafu_store_close(kit->store);
}

void kit_reopen(struct kit *kit)
{
	kit_stop(kit);
	skafu_model_close(kit->model);
	open_model(kit);
}

void kit_reopen_files(struct kit *kit)
{
	kit_stop(kit);
	skafu_model_close(kit->model);
	tempstore_reopen(&kit->temp);
	kit->store = kit->temp.store;
	open_model(kit);
}

void kit_stop(struct kit *kit)
{
	skafu_engine_close(kit->engine);
	kit->engine = NULL;
}

void kit_engine(struct kit *kit)
{
	if (!kit->engine)
		went(skafu_engine_open(kit->model, NULL, &kit->engine, fault));
}

void kit_run(struct kit *kit)
{
	kit_engine(kit);
	went(skafu_engine_drain(kit->engine, UINT64_C(20000000000), fault));
}

void kit_freed(void *user)
{
	((struct kit *)user)->freed++;
}

/* ---- reactions ----------------------------------------------------------------------------------------------- */

int32_t kit_reserve(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	struct kit *kit = user;
	char stream[256];
	uint8_t key[16];
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = stream};

	kit->handled++;
	kit->last = event->sequence;
	if (kit->fails != 0) {
		kit->fails--;
		skafu_error_set(error, SKAFU_EHOST, "the shelf is empty");
		return SKAFU_EHOST;
	}
	if (skafu_effect(turn, "mail", key, error) == 1)
		kit->effects++;
	else
		kit->muted++;
	snprintf(stream, sizeof stream, "stock/%s", event->stream);
	return skafu_turn_emit(turn, &reserved, error);
}

void kit_add_reaction(struct kit *kit, const char *name, const skafu_source *source, const skafu_retry_policy *retry,
		      skafu_react_fn react)
{
	skafu_reaction_def def = {.size = sizeof def, .domain = "stock", .name = name, .source = source,
				  .retry = retry, .react = react, .user = kit, .free_user = kit_freed};

	went(skafu_model_add_reaction(kit->model, &def, fault));
}

skafu_source kit_source(const char *const *types, size_t count)
{
	return (skafu_source){.size = sizeof(skafu_source), .types = types, .type_count = count};
}

/* ---- records ------------------------------------------------------------------------------------------------- */

uint64_t kit_order(struct kit *kit, const char *stream)
{
	skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = stream, .source = "shop"};
	skafu_batch *batch = batch_of(kit->store);

	went(skafu_batch_add(batch, &order, fault));
	return appended_by(kit->store, batch).last_sequence;
}

void kit_orders(struct kit *kit, uint32_t count, uint32_t streams)
{
	skafu_batch *batch = batch_of(kit->store);
	char stream[32];

	for (uint32_t i = 0; i < count; i++) {
		skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = stream,
					  .source = "shop"};
		snprintf(stream, sizeof stream, "order-%u", i % streams);
		went(skafu_batch_add(batch, &order, fault));
	}
	appended_by(kit->store, batch);
}

uint32_t kit_count(skafu_store *store, uint32_t kind, const char *type)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = 1u << kind};
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	uint32_t count = 0;

	went(skafu_read(store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1)
		count += !type || strcmp(record->type, type) == 0;
	skafu_cursor_free(cursor);
	return count;
}

struct skafu__consumer *kit_consumer(struct kit *kit, const char *name)
{
	struct skafu__consumer *consumer = skafu__engine_consumer(kit->engine, name);

	ck_assert_ptr_nonnull(consumer);
	return consumer;
}
