/*
 * onceprocess_test.c: processes and timers in programs that are killed: every step of every instance is taken once,
 * every timer fires once, and what is undone is undone once and in order.
 */
#include "skafu_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "fault/once.h"
#include "store/tempstore.h"

#define ORDERS 4000u
#define ORDERS_PER_BATCH 500u
#define UNDOS 2u /* of an order that fails */

static _Atomic uint32_t *planted; /* a fault: the process records past its turn */

struct memory {
	int64_t number;
	uint64_t inputs;
};

/* ---- what the programs define ---------------------------------------------------------------------------------- */

static int32_t decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		      skafu_error *error)
{
	skafu_new_record event = {.size = sizeof event, .type = command->type[0] == 'U' ? "Undone" : "Done",
				  .data = command->data, .data_length = command->data_length};

	(void)user;
	(void)state;
	return skafu_turn_emit(turn, &event, error);
}

static int32_t route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	int32_t rc = skafu_writer_put(instance, input->correlation, strlen(input->correlation), error);

	(void)user;
	if (rc < 0)
		return rc;
	return strcmp(input->type, "Ordered") == 0 ? SKAFU_ROUTE_START : SKAFU_ROUTE_CONTINUE;
}

static int32_t evolve(void *user, void *state, const skafu_record *input, skafu_error *error)
{
	struct memory *memory = state;

	(void)user;
	memory->inputs++;
	if (strcmp(input->type, "Ordered") != 0)
		return 0;
	return skafu_json_int64(input->data, input->data_length, "/n", &memory->number, error);
}

static int32_t past_the_turn(skafu_store *store, const skafu_record *input, skafu_error *error)
{
	skafu_new_record woke = {.size = sizeof woke, .type = "Woke", .stream = "planted", .source = "shop",
				 .causation = input->id};
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, error);

	if (rc == 0)
		rc = skafu_batch_add(batch, &woke, error);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	actors_nap(ACTORS_MS); /* so that there are kills while some are not committed */
	return rc;
}

static int32_t begin(void *user, const skafu_record *input, const struct memory *memory, skafu_turn *turn,
		     skafu_error *error)
{
	char data[40];
	skafu_new_record woke = {.size = sizeof woke, .type = "Woke", .stream = input->stream};
	skafu_new_record never = {.size = sizeof never, .type = "Never", .stream = input->stream};
	skafu_command order = {.size = sizeof order, .type = "Do", .stream = input->stream};
	skafu_command undo = {.size = sizeof undo, .type = "Undo", .stream = input->stream, .data = data};
	int64_t now = skafu_turn_now(turn);

	if (atomic_load(planted))
		return past_the_turn(user, input, error);
	int32_t rc = skafu_turn_set_timer(turn, "wake", now + memory->number % 5 * ACTORS_MS, &woke, error);
	if (rc == 0)
		rc = skafu_turn_set_timer(turn, "never", now + 3600 * ACTORS_SECOND, &never, error);
	for (uint32_t i = 0; rc == 0 && i < UNDOS; i++) {
		undo.data_length = (size_t)snprintf(data, sizeof data, "{\"undo\":%u}", i);
		rc = skafu_turn_undo_with(turn, &undo, error);
	}
	return rc ? rc : skafu_turn_send(turn, &order, error);
}

static int32_t act(void *user, const skafu_record *input, const void *state, skafu_turn *turn, skafu_error *error)
{
	const struct memory *memory = state;

	if (strcmp(input->type, "Ordered") == 0)
		return begin(user, input, memory, turn, error);
	if (memory->number % 4 == 0)
		return skafu_turn_compensate(turn, "fourth", "One of four fails.", error);
	return skafu_turn_complete(turn, error);
}

static int32_t define(void *user, skafu_model *model, skafu_error *error)
{
	static const char *const types[] = {"Ordered", "Woke", "Never", "Done", "Undone"};
	static const char *const inputs[] = {"Ordered", "Woke"};
	static const char *const commands[] = {"Do", "Undo"};
	skafu_source source = {.size = sizeof source, .types = inputs, .type_count = 2,
			       .partition_by = SKAFU_PARTITION_CORRELATION};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(struct memory)};
	skafu_decider_def decider = {.size = sizeof decider, .domain = "shop", .name = "shop", .commands = commands,
				     .command_count = 2, .decide = decide};
	skafu_process_def process = {.size = sizeof process, .version = 1, .domain = "shop", .name = "orders",
				     .source = &source, .state = &state, .route = route, .evolve = evolve, .act = act,
				     .user = skafu_model_store(model)};

	(void)user;
	int32_t rc = skafu_model_add_domain(model, "shop", error);
	for (size_t i = 0; rc == 0 && i < sizeof types / sizeof *types; i++) {
		skafu_event_def event = {.size = sizeof event, .domain = "shop", .type = types[i]};
		rc = skafu_model_add_event(model, &event, error);
	}
	if (rc == 0)
		rc = skafu_model_add_decider(model, &decider, error);
	return rc == 0 ? skafu_model_add_process(model, &process, error) : rc;
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

static void fill(void *user, skafu_store *store)
{
	uint32_t orders = *(const uint32_t *)user;
	skafu_batch *batch = batch_of(store);
	char stream[32];
	char data[32];

	for (uint32_t i = 0; i < orders; i++) {
		skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = stream, .data = data,
					  .source = "shop"};
		snprintf(stream, sizeof stream, "order-%u", i);
		order.data_length = (size_t)snprintf(data, sizeof data, "{\"n\":%u}", i);
		went(skafu_batch_add(batch, &order, fault));
		if ((i + 1) % ORDERS_PER_BATCH != 0 && i + 1 != orders)
			continue;
		went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
		skafu_batch_clear(batch);
	}
	skafu_batch_free(batch);
}

static uint32_t instances(skafu_store *store, uint32_t state, uint32_t steps)
{
	skafu_process_list *list = NULL;
	const skafu_process_info *info;
	uint32_t count = 0;

	went(skafu_process_list_open(store, "orders", 1u << state, SKAFU_NO_LIMIT, &list, fault));
	while (skafu_process_list_next(list, &info, fault) == 1) {
		ck_assert_uint_eq(info->steps, steps);
		count++;
	}
	skafu_process_list_free(list);
	return count;
}

static int is_done(void *user, skafu_store *store)
{
	uint32_t orders = *(const uint32_t *)user;

	return once_count(store, SKAFU_KIND_EVENT, "Woke").count >= orders &&
	       once_count(store, SKAFU_KIND_OUTCOME, "Undo").count >= orders / 4 * UNDOS;
}

/* The last that was remembered goes first. */
static void judge_undos(skafu_store *store)
{
	skafu_query *query = query_of("Undone");
	struct skafu__map seen;
	skafu_cursor *cursor = NULL;
	const skafu_record *record;

	skafu__map_init(&seen, &store->sys, SIZE_MAX, 1);
	went(skafu_read(store, query, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1) {
		int64_t which = -1;
		const uint64_t *before = skafu__map_find(&seen, record->stream, strlen(record->stream));
		uint64_t count = before ? *before : 0;
		went(skafu_json_int64(record->data, record->data_length, "/undo", &which, fault));
		ck_assert_int_eq(which, (int64_t)(UNDOS - 1 - count));
		skafu__map_insert(&seen, record->stream, strlen(record->stream), count + 1);
	}
	skafu_cursor_free(cursor);
	skafu_query_free(query);
	skafu__map_done(&seen);
}

static void judge(void *user, skafu_store *store, skafu_model *model)
{
	uint32_t orders = *(const uint32_t *)user;
	struct once_count woke = once_count(store, SKAFU_KIND_EVENT, "Woke");
	struct once_count sent = once_count(store, SKAFU_KIND_COMMAND, "Do");
	struct once_count done = once_count(store, SKAFU_KIND_EVENT, "Done");
	struct once_count undos = once_count(store, SKAFU_KIND_COMMAND, "Undo");
	struct once_count undone = once_count(store, SKAFU_KIND_EVENT, "Undone");
	skafu_timer_list *list = NULL;
	const skafu_timer_info *info;

	(void)model;
	ck_assert_uint_eq(woke.count, orders);
	ck_assert_uint_eq(woke.doubles, 0);
	ck_assert_uint_eq(sent.count, orders);
	ck_assert_uint_eq(sent.doubles, 0);
	ck_assert_uint_eq(done.count, orders);
	ck_assert_uint_eq(done.doubles, 0);
	ck_assert_uint_eq(undos.count, orders / 4 * UNDOS);
	ck_assert_uint_eq(undos.doubles, 0);
	ck_assert_uint_eq(undone.count, orders / 4 * UNDOS);
	ck_assert_uint_eq(once_count(store, SKAFU_KIND_EVENT, "Never").count, 0);
	ck_assert_uint_eq(once_count(store, SKAFU_KIND_ERROR, NULL).count, 0);
	ck_assert_uint_eq(instances(store, SKAFU_PROCESS_COMPLETED, 2), orders - orders / 4);
	ck_assert_uint_eq(instances(store, SKAFU_PROCESS_FAILED, 2 + UNDOS), orders / 4);
	judge_undos(store);
	went(skafu_timer_list_open(store, INT64_MAX, 1, &list, fault));
	ck_assert_int_eq(skafu_timer_list_next(list, &info, fault), 0);
	skafu_timer_list_free(list);
	printf("%u instances, %u timers, %u commands that undo: none lost, none double\n", orders, woke.count,
	       undos.count);
}

static struct once plan_of(const char *topic, uint32_t *orders)
{
	return (struct once){.topic = topic, .actors = 3, .kills = 40, .pause_min = 5 * ACTORS_MS,
			     .pause_max = 120 * ACTORS_MS, .ns_max = 60 * ACTORS_SECOND, .define = define,
			     .fill = fill, .is_done = is_done, .judge = judge, .user = orders};
}

START_TEST(each_step_and_timer_once)
{
	uint32_t orders = ORDERS / actors_scale();
	struct once plan = plan_of("onceprocess", &orders);

	planted = actors_share(sizeof *planted);
	printf("%u kills\n", once_run(&plan));
}
END_TEST

static void judge_doubles(void *user, skafu_store *store, skafu_model *model)
{
	(void)user;
	(void)model;
	/* Whoever is killed at the right moment doubles it; with the few kills under valgrind perhaps nobody is. */
	if (actors_scale() == 1)
		ck_assert_uint_gt(once_count(store, SKAFU_KIND_EVENT, "Woke").doubles, 0);
}

static int are_there(void *user, skafu_store *store)
{
	return once_count(store, SKAFU_KIND_EVENT, "Woke").count >= *(const uint32_t *)user;
}

START_TEST(a_planted_fault_is_seen)
{
	uint32_t orders = 2000 / actors_scale();
	struct once plan = plan_of("plantedprocess", &orders);

	planted = actors_share(sizeof *planted);
	atomic_store(planted, 1u);
	plan.judge = judge_doubles;
	plan.is_done = are_there;
	once_run(&plan);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, each_step_and_timer_once);
	tcase_add_test(tests, a_planted_fault_is_seen);
}

int main(void)
{
	return tempstore_main("onceprocess", add);
}
