/*
 * once_test.c: a reaction, a projection and recorded commands in processes that are killed: each input has its
 * effect once, in the order of its key; and a command whose decider is killed between deciding and appending has
 * one outcome.
 */
#include "skafu_run.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "fault/once.h"
#include "store/tempstore.h"

#define ORDERS 100000u
#define ORDERS_PER_BATCH 500u
#define STREAMS 997u
#define COMMAND_EVERY 25u

struct shared {
	_Atomic uint32_t decided;
	_Atomic uint32_t hangs; /* the decider says that it decided, and never returns */
	_Atomic uint32_t planted; /* a fault: the reaction records its effect past its turn */
};

static struct shared *shared;

/* ---- what the processes define ------------------------------------------------------------------------------- */

static int32_t decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		      skafu_error *error)
{
	skafu_new_record noted = {.size = sizeof noted, .type = "Noted"};

	(void)user;
	(void)command;
	(void)state;
	int32_t rc = skafu_turn_emit(turn, &noted, error);
	atomic_fetch_add(&shared->decided, 1u);
	while (atomic_load(&shared->hangs))
		actors_nap(ACTORS_SECOND);
	return rc;
}

static int32_t react(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	char stream[64];
	char data[64];
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = stream, .data = data};
	skafu_command note = {.size = sizeof note, .type = "Note", .stream = event->stream};
	int32_t rc;

	snprintf(stream, sizeof stream, "stock/%s", event->stream);
	reserved.data_length = (size_t)snprintf(data, sizeof data, "{\"of\":%" PRIu64 "}", event->sequence);
	if (atomic_load(&shared->planted)) {
		skafu_batch *batch = NULL;
		reserved.source = "stock";
		reserved.causation = event->id;
		rc = skafu_batch_new(user, &batch, error);
		if (rc == 0)
			rc = skafu_batch_add(batch, &reserved, error);
		if (rc == 0)
			rc = skafu_append(user, batch, SKAFU_WAIT_FOREVER, NULL, error);
		skafu_batch_free(batch);
		actors_nap(ACTORS_MS); /* so that there are kills while some are not committed */
		return rc;
	}
	rc = skafu_turn_emit(turn, &reserved, error);
	if (rc == 0 && event->sequence % COMMAND_EVERY == 0)
		rc = skafu_turn_send(turn, &note, error);
	return rc;
}

static int32_t count(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	return skafu_edit_count(edit, NULL, event->type, strlen(event->type), 1, error);
}

static int32_t define_domain(skafu_model *model, const char *domain, const char *type, skafu_error *error)
{
	skafu_event_def event = {.size = sizeof event, .domain = domain, .type = type};
	int32_t rc = skafu_model_add_domain(model, domain, error);

	return rc == 0 ? skafu_model_add_event(model, &event, error) : rc;
}

static int32_t define(void *user, skafu_model *model, skafu_error *error)
{
	static const char *const ordered[] = {"Ordered"};
	static const char *const commands[] = {"Note"};
	skafu_source source = {.size = sizeof source, .types = ordered, .type_count = 1};
	skafu_decider_def decider = {.size = sizeof decider, .domain = "notes", .name = "notes",
				     .commands = commands, .command_count = 1, .decide = decide};
	skafu_reaction_def reaction = {.size = sizeof reaction, .domain = "stock", .name = "reserve",
				       .source = &source, .react = react, .user = skafu_model_store(model)};
	skafu_projection_def projection = {.size = sizeof projection, .version = 1, .domain = "shop",
					   .name = "totals", .each = count};

	(void)user;
	int32_t rc = define_domain(model, "shop", "Ordered", error);
	if (rc == 0)
		rc = define_domain(model, "stock", "Reserved", error);
	if (rc == 0)
		rc = define_domain(model, "notes", "Noted", error);
	if (rc == 0)
		rc = skafu_model_add_decider(model, &decider, error);
	if (rc == 0)
		rc = skafu_model_add_reaction(model, &reaction, error);
	return rc == 0 ? skafu_model_add_projection(model, &projection, error) : rc;
}

/* ---- the log ------------------------------------------------------------------------------------------------- */

static void fill_orders(skafu_store *store, uint32_t orders)
{
	skafu_batch *batch = batch_of(store);
	char stream[32];

	for (uint32_t i = 0; i < orders; i++) {
		skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = stream,
					  .source = "shop"};
		snprintf(stream, sizeof stream, "order-%u", i * 31 % STREAMS);
		went(skafu_batch_add(batch, &order, fault));
		if ((i + 1) % ORDERS_PER_BATCH != 0 && i + 1 != orders)
			continue;
		went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
		skafu_batch_clear(batch);
	}
	skafu_batch_free(batch);
}

static void fill(void *user, skafu_store *store)
{
	fill_orders(store, *(const uint32_t *)user);
}

static uint32_t effects(const void *user)
{
	return *(const uint32_t *)user;
}

static int is_done(void *user, skafu_store *store)
{
	uint32_t orders = effects(user);

	if (head_of(store) < orders + orders + orders / COMMAND_EVERY * 3)
		return 0;
	return once_count(store, SKAFU_KIND_OUTCOME, NULL).count >= orders / COMMAND_EVERY;
}

/* Effects of one stream come in the order of their causes. */
static void judge_order(skafu_store *store)
{
	static const char *const types[] = {"Reserved"};
	skafu_query *query = query_of(types[0]);
	struct skafu__map last;
	skafu_cursor *cursor = NULL;
	const skafu_record *record;

	skafu__map_init(&last, &store->sys, SIZE_MAX, 1);
	went(skafu_read(store, query, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1) {
		int64_t of = 0;
		went(skafu_json_int64(record->data, record->data_length, "/of", &of, fault));
		const uint64_t *before = skafu__map_find(&last, record->stream, strlen(record->stream));
		ck_assert(!before || *before < (uint64_t)of);
		skafu__map_insert(&last, record->stream, strlen(record->stream), (uint64_t)of);
	}
	skafu_cursor_free(cursor);
	skafu_query_free(query);
	skafu__map_done(&last);
}

static int64_t counted(skafu_view *view, const char *type)
{
	void *value = NULL;
	size_t length = 0;
	int64_t number = 0;

	went(skafu_view_get(view, NULL, type, strlen(type), &value, &length, fault));
	went(skafu_count_value(value, length, &number, fault));
	skafu_bytes_free(value);
	return number;
}

static void judge(void *user, skafu_store *store, skafu_model *model)
{
	uint32_t orders = effects(user);
	struct once_count reserved = once_count(store, SKAFU_KIND_EVENT, "Reserved");
	struct once_count sent = once_count(store, SKAFU_KIND_COMMAND, "Note");
	struct once_count noted = once_count(store, SKAFU_KIND_EVENT, "Noted");
	struct once_count outcomes = once_count(store, SKAFU_KIND_OUTCOME, "Note");
	skafu_view *view = NULL;

	ck_assert_uint_eq(reserved.count, orders);
	ck_assert_uint_eq(reserved.doubles, 0);
	ck_assert_uint_eq(sent.count, orders / COMMAND_EVERY);
	ck_assert_uint_eq(noted.count, sent.count);
	ck_assert_uint_eq(noted.doubles, 0);
	ck_assert_uint_eq(outcomes.count, sent.count);
	ck_assert_uint_eq(outcomes.doubles, 0);
	ck_assert_uint_eq(once_count(store, SKAFU_KIND_ERROR, NULL).count, 0);
	judge_order(store);
	went(skafu_view_open(model, "totals", 0, 0, &view, fault));
	ck_assert_int_eq(counted(view, "Ordered"), orders);
	ck_assert_int_eq(counted(view, "Reserved"), orders);
	ck_assert_int_eq(counted(view, "Noted"), sent.count);
	skafu_view_close(view);
}

static struct once plan_of(const char *topic, uint32_t *orders)
{
	return (struct once){.topic = topic, .actors = 3, .kills = 40, .pause_min = 5 * ACTORS_MS,
			     .pause_max = 120 * ACTORS_MS, .ns_max = 60 * ACTORS_SECOND, .define = define,
			     .fill = fill, .is_done = is_done, .judge = judge, .user = orders};
}

START_TEST(each_input_has_its_effect_once)
{
	uint32_t orders = (actors_slack() > 1 ? ORDERS / 5 : ORDERS) / actors_scale(); /* sanitizers are slow */
	struct once plan = plan_of("once", &orders);

	shared = actors_share(sizeof *shared);
	printf("%u kills\n", once_run(&plan));
}
END_TEST

static void judge_doubles(void *user, skafu_store *store, skafu_model *model)
{
	(void)user;
	(void)model;
	/* Whoever is killed at the right moment doubles it; with the few kills under valgrind perhaps nobody is. */
	if (actors_scale() == 1)
		ck_assert_uint_gt(once_count(store, SKAFU_KIND_EVENT, "Reserved").doubles, 0);
}

static int are_there(void *user, skafu_store *store)
{
	return once_count(store, SKAFU_KIND_EVENT, "Reserved").count >= effects(user);
}

/* The harness has teeth: effects that are recorded past the turn are found twice. */
START_TEST(a_planted_fault_is_seen)
{
	uint32_t orders = 4000 / actors_scale();
	struct once plan = plan_of("planted", &orders);

	shared = actors_share(sizeof *shared);
	atomic_store(&shared->planted, 1u);
	plan.judge = judge_doubles;
	plan.is_done = are_there;
	once_run(&plan);
}
END_TEST

/* ---- between deciding and appending -------------------------------------------------------------------------- */

static const char *hanging_path;

static void serve(void *arg)
{
	struct skafu_error error = {0};
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;

	int32_t rc = actors_open(hanging_path, NULL, &store, &error);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, &error);
	if (rc == 0)
		rc = define(arg, model, &error);
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, &error);
	if (rc == 0)
		rc = skafu_engine_drain(engine, UINT64_C(20000000000), &error);
	if (rc != 0)
		actors_fail("%s", error.message);
	skafu_engine_close(engine);
	skafu_model_close(model);
	skafu_store_close(store);
}

START_TEST(killed_between_deciding_and_appending)
{
	struct tempstore temp;
	skafu_new_record command = {.size = sizeof command, .kind = SKAFU_KIND_COMMAND, .type = "Note",
				    .source = "notes", .stream = "n"};
	skafu_batch *batch;

	shared = actors_share(sizeof *shared);
	tempstore_new(&temp);
	hanging_path = temp.path;
	batch = batch_of(temp.store);
	went(skafu_batch_add(batch, &command, fault));
	appended_by(temp.store, batch);
	for (uint32_t i = 1; i <= 3; i++) {
		atomic_store(&shared->hangs, 1u);
		pid_t pid = actors_spawn(serve, NULL);
		ck_assert_int_eq(actors_await(&shared->decided, i, 20 * ACTORS_SECOND), 1);
		actors_kill(pid);
	}
	atomic_store(&shared->hangs, 0u);
	pid_t pid = actors_spawn(serve, NULL);
	ck_assert_int_eq(actors_join(pid, 20 * ACTORS_SECOND), 0);
	ck_assert_ptr_null(actors_failure());
	ck_assert_uint_eq(once_count(temp.store, SKAFU_KIND_OUTCOME, "Note").count, 1);
	ck_assert_uint_eq(once_count(temp.store, SKAFU_KIND_EVENT, "Noted").count, 1);
	ck_assert_uint_eq(atomic_load(&shared->decided), 4);
	tempstore_done(&temp);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, each_input_has_its_effect_once);
	tcase_add_test(tests, a_planted_fault_is_seen);
	tcase_add_test(tests, killed_between_deciding_and_appending);
}

int main(void)
{
	return tempstore_main("once", add);
}
