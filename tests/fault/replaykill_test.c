/*
 * replaykill_test.c: processes that carry a replay on are killed at random, and each of them has another version of
 * the handlers: what the session gives for each input is in the log once, and a process's numbers follow one another.
 */
#include "skafu_run.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "fault/once.h"
#include "store/tempstore.h"

#if defined(__SANITIZE_THREAD__)
#define ORDERS 4000u /* it is that much slower */
#else
#define ORDERS 20000u
#endif
#define STREAMS 97u

struct replaykill {
	uint8_t id[16];
	uint64_t live; /* the head when the session began */
	uint32_t is_planted; /* a fault: the reaction records its effect past its turn */
	uint32_t doubles;
};

/* ---- what the processes define --------------------------------------------------------------------------------- */

struct defined {
	const struct replaykill *plan;
	skafu_store *store;
};

static uint32_t orders_all(void)
{
	return ORDERS / actors_scale();
}

/* No two processes give the same. */
static int32_t emit(skafu_turn *turn, const char *type, const char *prefix, const skafu_record *event,
		    int64_t number, skafu_error *error)
{
	char stream[64], data[96];
	skafu_new_record made = {.size = sizeof made, .type = type, .stream = stream, .data = data};

	snprintf(stream, sizeof stream, "%s/%s", prefix, event->stream);
	made.data_length = (size_t)snprintf(data, sizeof data,
					    "{\"of\":%" PRIu64 ",\"number\":%" PRId64 ",\"by\":%d}",
					    event->sequence, number, (int)getpid());
	return skafu_turn_emit(turn, &made, error);
}

static int32_t append_past_turn(skafu_store *store, const skafu_record *event, skafu_error *error)
{
	char data[64];
	skafu_new_record made = {.size = sizeof made, .type = "Reserved", .stream = "past", .source = "shop",
				 .data = data};
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, error);

	made.data_length = (size_t)snprintf(data, sizeof data, "{\"of\":%" PRIu64 ",\"number\":0}",
					    event->sequence);
	if (rc == 0)
		rc = skafu_batch_add(batch, &made, error);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	return rc;
}

static int32_t react(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const struct defined *own = user;

	if (own->plan->is_planted)
		return append_past_turn(own->store, event, error);
	int32_t rc = emit(turn, "Reserved", "stock", event, 0, error);
	/* A second record of every other process: the handler changed in this too. */
	return rc == 0 && getpid() % 2 ? emit(turn, "Extra", "extra", event, 0, error) : rc;
}

static int32_t route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	(void)user;
	int32_t rc = skafu_writer_put(instance, input->stream, strlen(input->stream), error);
	return rc < 0 ? rc : SKAFU_ROUTE_START;
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
	(void)user;
	return emit(turn, "Counted", "count", input, *(const int64_t *)state, error);
}

static int32_t define_events(skafu_model *model, skafu_error *error)
{
	static const char *const types[] = {"Ordered", "Reserved", "Extra", "Counted"};
	int32_t rc = skafu_model_add_domain(model, "shop", error);

	for (size_t i = 0; rc == 0 && i < sizeof types / sizeof *types; i++) {
		skafu_event_def event = {.size = sizeof event, .domain = "shop", .type = types[i]};
		rc = skafu_model_add_event(model, &event, error);
	}
	return rc;
}

static int32_t define(void *user, skafu_model *model, skafu_error *error)
{
	static struct defined own;
	static const char *const ordered[] = {"Ordered"};
	skafu_source source = {.size = sizeof source, .types = ordered, .type_count = 1};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(int64_t)};
	skafu_reaction_def reaction = {.size = sizeof reaction, .domain = "shop", .name = "reserve",
				       .source = &source, .react = react, .user = &own};
	skafu_process_def process = {.size = sizeof process, .version = 1, .domain = "shop", .name = "count",
				     .source = &source, .state = &state, .route = route, .evolve = evolve,
				     .act = act};

	own = (struct defined){user, skafu_model_store(model)};
	int32_t rc = define_events(model, error);
	if (rc == 0)
		rc = skafu_model_add_reaction(model, &reaction, error);
	return rc == 0 ? skafu_model_add_process(model, &process, error) : rc;
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

static void append_orders(skafu_store *store)
{
	skafu_batch *batch = batch_of(store);
	char stream[32];

	for (uint32_t i = 0; i < orders_all(); i++) {
		skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = stream,
					  .source = "shop"};
		snprintf(stream, sizeof stream, "order-%u", i * 31 % STREAMS);
		went(skafu_batch_add(batch, &order, fault));
		if (skafu_batch_count(batch) < 1000 && i + 1 != orders_all())
			continue;
		went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
		skafu_batch_clear(batch);
	}
	skafu_batch_free(batch);
}

/* All is handled live; then the session is begun, and left to others. */
static void fill(void *user, skafu_store *store)
{
	static const char *const targets[] = {"reserve", "count"};
	struct replaykill *plan = user;
	skafu_replay_opts opts = {.size = sizeof opts, .flags = SKAFU_REPLAY_REEMIT, .to = orders_all(),
				  .targets = targets, .target_count = 2};
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;

	append_orders(store);
	went(skafu_model_open(store, NULL, &model, fault));
	went(define(user, model, fault));
	went(skafu_engine_open(model, NULL, &engine, fault));
	went(skafu_engine_drain(engine, UINT64_C(60000000000), fault));
	plan->live = head_of(store);
	went(skafu_replay_start(engine, &opts, plan->id, fault));
	skafu_engine_close(engine);
	skafu_model_close(model);
}

static skafu_replay_info info_of(const struct replaykill *plan, skafu_store *store)
{
	skafu_replay_info info = {.size = sizeof info};

	went(skafu_replay_info_get(store, plan->id, &info, fault));
	return info;
}

static int is_done(void *user, skafu_store *store)
{
	return info_of(user, store).state != SKAFU_REPLAY_RUNNING;
}

/* How many there are behind the live ones; each input has one, and the numbers of a stream follow one another. */
static void judge_type(struct replaykill *plan, skafu_store *store, const char *type, uint32_t expected)
{
	uint8_t *seen = calloc(orders_all() + 1, 1);
	uint32_t *numbers = calloc(STREAMS, sizeof *numbers);
	skafu_read_opts opts = {.size = sizeof opts, .from = plan->live + 1};
	skafu_query *query = query_of(type);
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	uint32_t count = 0;

	went(skafu_read(store, query, SKAFU_NO_LIMIT, &opts, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1) {
		int64_t of = 0, number = 0;
		went(skafu_json_int64(record->data, record->data_length, "/of", &of, fault));
		went(skafu_json_int64(record->data, record->data_length, "/number", &number, fault));
		ck_assert(of > 0 && of <= orders_all());
		plan->doubles += seen[of];
		seen[of] = 1;
		count++;
		if (number != 0)
			ck_assert_int_eq(number, ++numbers[(uint64_t)(of - 1) * 31 % STREAMS]);
	}
	skafu_cursor_free(cursor);
	skafu_query_free(query);
	if (expected != 0 && !plan->is_planted)
		ck_assert_uint_eq(count, expected);
	free(seen);
	free(numbers);
}

static void judge(void *user, skafu_store *store, skafu_model *model)
{
	struct replaykill *plan = user;
	skafu_replay_info info = info_of(plan, store);

	(void)model;
	ck_assert_msg(info.state == SKAFU_REPLAY_DONE, "the session ended in state %u: %s", info.state, info.message);
	ck_assert_uint_eq(info.done, orders_all());
	ck_assert_uint_eq(info.matched, orders_all());
	ck_assert_uint_eq(info.succeeded, 2 * orders_all());
	ck_assert_uint_eq(info.failed, 0);
	judge_type(plan, store, "Reserved", orders_all());
	judge_type(plan, store, "Extra", 0);
	judge_type(plan, store, "Counted", orders_all());
}

static uint32_t run(struct replaykill *plan)
{
	struct once once = {.topic = "replaykill", .actors = 3, .kills = 24, .pause_min = 4 * ACTORS_MS,
			    .pause_max = 60 * ACTORS_MS, .ns_max = 60 * ACTORS_SECOND, .define = define,
			    .fill = fill, .is_done = is_done, .judge = judge, .user = plan};

	return once_run(&once);
}

START_TEST(nothing_is_lost_or_doubled)
{
	struct replaykill plan = {.live = 0};
	uint32_t kills = run(&plan);

	ck_assert_uint_eq(plan.doubles, 0);

	printf("replaykill: %u records for a reaction and a process, %u kills of 3 processes: 0 lost, 0 doubled\n",
	       orders_all(), kills);
}
END_TEST

/* The harness sees it when something is doubled; few inputs and kills need not double any. */
START_TEST(a_planted_fault_is_seen)
{
	struct replaykill plan = {.is_planted = 1};

	if (actors_scale() > 1)
		return;
	run(&plan);
	ck_assert_uint_gt(plan.doubles, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, a_planted_fault_is_seen);
	tcase_add_test(tests, nothing_is_lost_or_doubled);
}

int main(void)
{
	return tempstore_main("replaykill", add);
}
