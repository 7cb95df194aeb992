/*
 * Lesson: replay.  A reaction gives points for orders, and had a mistake.  The repaired one is tried over the history
 * first, with nothing kept; then it is replayed for good, and what it gives is kept once; last, the whole log goes
 * into another store for testers, with the names of the customers masked.
 */
#include <inttypes.h>
#include <skafu.h>
#include <stdio.h>
#include <string.h>

#define ORDERS 30

static const char *const only_reaction[] = {"points"};

/* ---- the reaction ---- */

/* An order without a price is what it could not handle. */
static int32_t give_points(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const int *is_repaired = user;
	char data[48];
	int64_t price = 0;
	skafu_new_record points = {.size = sizeof(points), .stream = "points", .type = "PointsGiven", .data = data};
	int32_t rc = skafu_json_int64(event->data, event->data_length, "/price", &price, error);

	if (rc < 0 && !*is_repaired)
		return rc;
	points.data_length = (size_t)snprintf(data, sizeof(data), "{\"points\":%" PRId64 "}", price / 10);
	return skafu_turn_emit(turn, &points, error);
}

static int32_t define(skafu_model *model, int *is_repaired, skafu_error *error)
{
	static const char *const placed[] = {"OrderPlaced"};
	skafu_source source = {.size = sizeof(source), .types = placed, .type_count = 1,
			       .start = SKAFU_START_NOW};
	skafu_event_def order = {.size = sizeof(order), .domain = "shop", .type = "OrderPlaced"};
	skafu_event_def points = {.size = sizeof(points), .domain = "club", .type = "PointsGiven"};
	skafu_reaction_def reaction = {.size = sizeof(reaction), .domain = "club", .name = "points",
				       .source = &source, .react = give_points, .user = is_repaired};
	int32_t rc = skafu_model_add_domain(model, "shop", error);

	if (rc == 0)
		rc = skafu_model_add_domain(model, "club", error);
	if (rc == 0)
		rc = skafu_model_add_event(model, &order, error);
	if (rc == 0)
		rc = skafu_model_add_event(model, &points, error);
	return rc == 0 ? skafu_model_add_reaction(model, &reaction, error) : rc;
}

/* ---- the history ---- */

static int32_t place_orders(skafu_store *store, skafu_error *error)
{
	skafu_batch *batch = NULL;
	char data[64];
	int32_t rc = skafu_batch_new(store, &batch, error);

	for (int i = 0; rc == 0 && i < ORDERS; i++) {
		skafu_new_record order = {.size = sizeof(order), .stream = "orders", .type = "OrderPlaced",
					  .source = "shop", .data = data};
		const char *form = i % 10 == 9 ? "{\"customer\":\"anna %d\"}"
					       : "{\"customer\":\"anna %d\",\"price\":120}";
		order.data_length = (size_t)snprintf(data, sizeof(data), form, i);
		rc = skafu_batch_add(batch, &order, error);
	}
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	return rc;
}

/* ---- replays ---- */

static int32_t replay(skafu_engine *engine, skafu_store *store, const skafu_replay_opts *opts, const char *what,
		      skafu_error *error)
{
	uint8_t id[16];
	skafu_replay_info info = {.size = sizeof(info)};
	int32_t rc = skafu_replay_start(engine, opts, id, error);

	if (rc == 0)
		rc = skafu_engine_drain(engine, UINT64_C(60000000000), error);
	if (rc == 0)
		rc = skafu_replay_info_get(store, id, &info, error);
	if (rc == 0)
		printf("%s: %" PRIu64 " of %" PRIu64 " records seen, %" PRIu64 " succeeded, %" PRIu64 " failed\n",
		       what, info.done, info.total, info.succeeded, info.failed);
	return rc;
}

static int32_t show_head(skafu_store *store, const char *what, skafu_error *error)
{
	uint64_t head = 0;
	int32_t rc = skafu_store_head(store, &head, error);

	if (rc == 0)
		printf("  %s has %" PRIu64 " records\n", what, head);
	return rc;
}

/* Testers get the orders and not the people. */
static int32_t mask_customer(void *user, const skafu_record *record, skafu_upcast *out, skafu_error *error)
{
	static const char masked[] = "{\"customer\":\"somebody\",\"price\":120}";

	(void)user;
	if (strcmp(record->type, "OrderPlaced") != 0)
		return skafu_upcast_add(out, record->type, record->event_version, record->data, record->data_length,
					error);
	return skafu_upcast_add(out, record->type, record->event_version, masked, sizeof(masked) - 1, error);
}

static int32_t copy_for_testers(skafu_engine *engine, skafu_store *store, skafu_error *error)
{
	skafu_store *test = NULL;
	skafu_record *record = NULL;
	skafu_replay_opts opts = {.size = sizeof(opts), .mask = mask_customer};
	int32_t rc = skafu_store_open_memory(NULL, &test, error);

	opts.target_store = test;
	if (rc == 0)
		rc = replay(engine, store, &opts, "Copied for testers", error);
	if (rc == 0)
		rc = show_head(test, "their log", error);
	if (rc == 0)
		rc = skafu_get(test, 7, &record, error);
	if (rc == 0)
		printf("  an order in it: %.*s\n", (int)record->data_length, (const char *)record->data);
	skafu_record_free(record);
	skafu_store_close(test);
	return rc;
}

static int32_t repair(skafu_engine *engine, skafu_store *store, int *is_repaired, skafu_error *error)
{
	skafu_replay_opts opts = {.size = sizeof(opts), .flags = SKAFU_REPLAY_DRY_RUN, .targets = only_reaction,
				  .target_count = 1};
	int32_t rc = replay(engine, store, &opts, "As it was", error);

	*is_repaired = 1;
	if (rc == 0)
		rc = replay(engine, store, &opts, "Repaired, tried", error);
	if (rc == 0)
		rc = show_head(store, "the log", error);
	opts.flags = SKAFU_REPLAY_REEMIT;
	if (rc == 0)
		rc = replay(engine, store, &opts, "Repaired, for good", error);
	return rc == 0 ? show_head(store, "the log", error) : rc;
}

int main(void)
{
	int is_repaired = 0;
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open_memory(NULL, &store, error);
	if (rc == 0)
		rc = place_orders(store, error);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, error);
	if (rc == 0)
		rc = define(model, &is_repaired, error);
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, error);
	if (rc == 0)
		rc = repair(engine, store, &is_repaired, error);
	if (rc == 0)
		rc = copy_for_testers(engine, store, error);
	if (rc < 0)
		fprintf(stderr, "replay: %s\n", skafu_error_message(error));
	skafu_engine_close(engine);
	skafu_model_close(model);
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}
