#include "run/replaykit.h"

#include <stdio.h>
#include <string.h>

static int32_t fails(const struct replaykit *kit, const skafu_record *record, skafu_error *error)
{
	if (record->sequence != kit->fail_at)
		return 0;
	skafu_error_set(error, SKAFU_EHOST, "the test says so");
	return SKAFU_EHOST;
}

/* ---- the process ----------------------------------------------------------------------------------------------- */

static int32_t route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	(void)user;
	return skafu_writer_put(instance, input->stream, strlen(input->stream), error) < 0 ? SKAFU_EHOST
											     : SKAFU_ROUTE_START;
}

static int32_t evolve(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)error;
	++*(int64_t *)state;
	return 0;
}

static int32_t act(void *user, const skafu_record *input, const void *state, skafu_turn *turn, skafu_error *error)
{
	struct replaykit *kit = user;
	char stream[256], data[64];
	skafu_new_record paid = {.size = sizeof paid, .type = "Paid", .stream = stream, .data = data};

	kit->acted++;
	kit->last_number = *(const int64_t *)state;
	snprintf(stream, sizeof stream, "count/%s", input->stream);
	paid.data_length = (size_t)snprintf(data, sizeof data, "{\"number\":%lld}", (long long)kit->last_number);
	int32_t rc = fails(kit, input, error);
	return rc ? rc : skafu_turn_emit(turn, &paid, error);
}

static void add_process(struct replaykit *kit, const skafu_source *source)
{
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(int64_t)};
	skafu_process_def def = {.size = sizeof def, .version = 1, .domain = "shop", .name = "count",
				 .source = source, .state = &state, .route = route, .evolve = evolve, .act = act,
				 .user = kit};

	went(skafu_model_add_process(kit->base.model, &def, fault));
}

/* ---- the projection -------------------------------------------------------------------------------------------- */

static int32_t each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	struct replaykit *kit = user;
	uint8_t key[16];

	kit->counted++;
	int32_t rc = fails(kit, event, error);
	if (rc != 0)
		return rc;
	ck_assert_int_ge(skafu_edit_effect(edit, event, "told", key, error), 0);
	return skafu_edit_count(edit, NULL, event->type, strlen(event->type), 1, error);
}

static void add_projection(struct replaykit *kit)
{
	skafu_projection_def def = {.size = sizeof def, .version = 1, .domain = "shop", .name = "totals",
				    .each = each, .user = kit};

	went(skafu_model_add_projection(kit->base.model, &def, fault));
}

int64_t replaykit_total(struct replaykit *kit, const char *type)
{
	skafu_view *view = NULL;
	void *value = NULL;
	size_t length = 0;
	int64_t number = 0;

	went(skafu_view_open(kit->base.model, "totals", 0, 0, &view, fault));
	if (skafu_view_get(view, NULL, type, strlen(type), &value, &length, fault) == 0)
		went(skafu_count_value(value, length, &number, fault));
	skafu_bytes_free(value);
	skafu_view_close(view);
	return number;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

void replaykit_define(struct replaykit *kit)
{
	static const char *const ordered[] = {"Ordered"};
	skafu_source source = kit_source(ordered, 1);

	kit_add_reaction(&kit->base, "reserve", &source, NULL, kit_reserve);
	add_process(kit, &source);
	add_projection(kit);
}

static void begin(struct replaykit *kit)
{
	replaykit_define(kit);
	kit_orders(&kit->base, REPLAYKIT_ORDERS, 7);
	kit_run(&kit->base);
	ck_assert_uint_eq(replaykit_count(kit, NULL), 3 * REPLAYKIT_ORDERS);
	kit->acted = 0;
	kit->counted = 0;
	kit->base.handled = 0;
}

void replaykit_open(struct replaykit *kit)
{
	memset(kit, 0, sizeof *kit);
	kit_open(&kit->base);
	begin(kit);
}

void replaykit_open_files(struct replaykit *kit)
{
	memset(kit, 0, sizeof *kit);
	kit_open_files(&kit->base);
	begin(kit);
}

void replaykit_close(struct replaykit *kit)
{
	kit_close(&kit->base);
}

void replaykit_reopen(struct replaykit *kit)
{
	kit_reopen(&kit->base);
	replaykit_define(kit);
	kit_engine(&kit->base);
}

/* ---- sessions -------------------------------------------------------------------------------------------------- */

skafu_replay_opts replaykit_opts(const char *target, uint32_t flags)
{
	static const char *targets[1];

	targets[0] = target;
	return (skafu_replay_opts){.size = sizeof(skafu_replay_opts), .flags = flags, .targets = targets,
				   .target_count = target != NULL};
}

void replaykit_replay(struct replaykit *kit, const skafu_replay_opts *opts)
{
	went(skafu_replay_start(kit->base.engine, opts, kit->id, fault));
	kit_run(&kit->base);
}

skafu_replay_info replaykit_info(struct replaykit *kit)
{
	skafu_replay_info info = {.size = sizeof info};

	went(skafu_replay_info_get(kit->base.store, kit->id, &info, fault));
	return info;
}

uint32_t replaykit_count(struct replaykit *kit, const char *type)
{
	return kit_count(kit->base.store, SKAFU_KIND_EVENT, type);
}
