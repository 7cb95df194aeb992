/*
 * oncedead_test.c: inputs that cannot be handled, in programs that are killed: each is set aside once, nothing else
 * is, keys keep their order behind one that is parked, and when the handlers are mended every input has been taken
 * once.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "fault/once.h"
#include "run/deadletter.h"
#include "store/tempstore.h"

#define EVENTS 20000u
#define STREAMS 200u
#define EVENTS_PER_BATCH 500u
#define RETRY_KILLS 25u
#define RETRY_PAUSE_NS 30000000u
#define POISON_EVERY 101u /* so that the poison of a stream is somewhere in it */

/* Whole batches. */
static uint32_t events_all(void)
{
	return (EVENTS / actors_scale() + EVENTS_PER_BATCH - 1) / EVENTS_PER_BATCH * EVENTS_PER_BATCH;
}

static _Atomic uint32_t *mended;

/* One reaction goes on behind a letter, the other keeps the key in order. */
static const char *const names[] = {"goes-on", "parks"};
static const char *const results[] = {"WentOn", "InOrder"};

static int32_t react(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	skafu_new_record done = {.size = sizeof done, .type = user, .stream = event->stream, .data = event->data,
				 .data_length = event->data_length};
	int64_t bad = 0;
	int32_t rc = skafu_json_int64(event->data, event->data_length, "/bad", &bad, error);

	if (rc == 0 && bad && !atomic_load(mended)) {
		skafu_error_set(error, SKAFU_EHOST, "poison");
		return SKAFU_EHOST;
	}
	return rc ? rc : skafu_turn_emit(turn, &done, error);
}

static int32_t define(void *user, skafu_model *model, skafu_error *error)
{
	static const char *const inputs[] = {"Sent"};
	const skafu_source source = {.size = sizeof source, .types = inputs, .type_count = 1};
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 1};
	skafu_event_def sent = {.size = sizeof sent, .domain = "mail", .type = inputs[0]};
	int32_t rc = skafu_model_add_domain(model, "mail", error);

	(void)user;
	if (rc == 0)
		rc = skafu_model_add_event(model, &sent, error);
	for (size_t i = 0; rc == 0 && i < 2; i++) {
		skafu_event_def event = {.size = sizeof event, .domain = "mail", .type = results[i]};
		skafu_reaction_def def = {.size = sizeof def, .domain = "mail", .name = names[i], .source = &source,
					  .retry = &retry, .react = react, .user = (void *)(uintptr_t)results[i]};
		retry.then = i == 0 ? SKAFU_THEN_GO_ON : SKAFU_THEN_PARK_KEY;
		rc = skafu_model_add_event(model, &event, error);
		if (rc == 0)
			rc = skafu_model_add_reaction(model, &def, error);
	}
	return rc;
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

static int is_poison(uint32_t number)
{
	return number % POISON_EVERY == 7;
}

static void fill(void *user, skafu_store *store)
{
	skafu_batch *batch = batch_of(store);
	char stream[32];
	char data[48];

	(void)user;
	for (uint32_t i = 0; i < events_all(); i++) {
		skafu_new_record sent = {.size = sizeof sent, .type = "Sent", .stream = stream, .data = data,
					 .source = "mail"};
		snprintf(stream, sizeof stream, "box-%u", i % STREAMS);
		sent.data_length = (size_t)snprintf(data, sizeof data, "{\"n\":%u,\"bad\":%d}", i, is_poison(i));
		went(skafu_batch_add(batch, &sent, fault));
		if ((i + 1) % EVENTS_PER_BATCH != 0)
			continue;
		went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
		skafu_batch_clear(batch);
	}
	skafu_batch_free(batch);
}

static uint64_t letters(skafu_store *store, size_t which)
{
	uint64_t count = 0;
	went(skafu__deadletter_count(store, names[which], &count, fault));
	return count;
}

static int is_done(void *user, skafu_store *store)
{
	(void)user;
	for (size_t i = 0; i < 2; i++)
		if (once_count(store, SKAFU_KIND_EVENT, results[i]).count + letters(store, i) < events_all())
			return 0;
	return 1;
}

/* What must be set aside: all poison, and for the one that parks, what follows it in its stream. */
static uint32_t expected_letters(size_t which)
{
	uint8_t is_parked[STREAMS] = {0};
	uint32_t count = 0;

	for (uint32_t i = 0; i < events_all(); i++) {
		is_parked[i % STREAMS] |= (uint8_t)is_poison(i);
		count += which == 0 ? (uint32_t)is_poison(i) : is_parked[i % STREAMS];
	}
	return count;
}

/* Of each stream the numbers ascend: also those that were parked and came later. */
static void judge_order(skafu_store *store)
{
	skafu_query *query = query_of(results[1]);
	struct skafu__map last;
	skafu_cursor *cursor = NULL;
	const skafu_record *record;

	skafu__map_init(&last, &store->sys, SIZE_MAX, 1);
	went(skafu_read(store, query, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1) {
		int64_t number = -1;
		const uint64_t *before = skafu__map_find(&last, record->stream, strlen(record->stream));
		went(skafu_json_int64(record->data, record->data_length, "/n", &number, fault));
		ck_assert(!before || *before < (uint64_t)number + 1);
		skafu__map_insert(&last, record->stream, strlen(record->stream), (uint64_t)number + 1);
	}
	skafu_cursor_free(cursor);
	skafu_query_free(query);
	skafu__map_done(&last);
}

/* A program of an operator that tries letters again, a few at a time, until it is killed or there are none. */
static void retry_letters(void *path)
{
	struct skafu_error error = {0};
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;
	uint64_t retried = 1;
	int32_t rc = actors_open(path, NULL, &store, &error);

	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, &error);
	if (rc == 0)
		rc = define(NULL, model, &error);
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, &error);
	while (rc == 0 && retried != 0)
		rc = skafu_dead_letters_retry(engine, NULL, 40, &retried, &error);
	if (rc != 0 && rc != SKAFU_EBUSY)
		actors_fail("trying letters again: %d: %s", rc, error.message);
	skafu_engine_close(engine);
	skafu_model_close(model);
	skafu_store_close(store);
}

/* It is killed again and again while it does so. */
static void retry_under_kills(skafu_store *store)
{
	uint64_t random = actors_seed("oncedead retry");
	uint32_t kills = 0;
	char path[400];

	snprintf(path, sizeof path, "%s", skafu_store_path(store));
	for (; kills < RETRY_KILLS / (actors_scale() > 1 ? 5 : 1); kills++) {
		pid_t pid = actors_spawn(retry_letters, path);
		actors_nap((int64_t)(actors_random(&random) % RETRY_PAUSE_NS) * actors_scale());
		actors_kill(pid);
		if (actors_failure())
			ck_abort_msg("%s", actors_failure());
	}
	printf("letters tried again under %u kills: %u are left\n", kills,
	       (unsigned)(letters(store, 0) + letters(store, 1)));
}

static void judge(void *user, skafu_store *store, skafu_model *model)
{
	skafu_engine *engine = NULL;
	uint64_t retried = 0, set_aside = letters(store, 0) + letters(store, 1);

	(void)user;
	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_eq(letters(store, i), expected_letters(i));
	atomic_store(mended, 1u);
	retry_under_kills(store);
	uint64_t left = letters(store, 0) + letters(store, 1);
	went(skafu_engine_open(model, NULL, &engine, fault));
	went(skafu_dead_letters_retry(engine, NULL, SKAFU_NO_LIMIT, &retried, fault));
	ck_assert_uint_eq(retried, left);
	went(skafu_engine_drain(engine, UINT64_C(10000000000), fault));
	skafu_engine_close(engine);
	for (size_t i = 0; i < 2; i++) {
		struct once_count taken = once_count(store, SKAFU_KIND_EVENT, results[i]);
		ck_assert_uint_eq(taken.count, events_all());
		ck_assert_uint_eq(taken.doubles, 0);
		ck_assert_uint_eq(letters(store, i), 0);
	}
	judge_order(store);
	printf("%u inputs of two handlers, %u set aside and taken later: none lost, none double, keys in order\n",
	       2 * events_all(), (unsigned)set_aside);
}

START_TEST(each_input_is_taken_or_set_aside_once)
{
	const struct once plan = {.topic = "oncedead", .actors = 3, .kills = 30, .pause_min = 5 * ACTORS_MS,
				  .pause_max = 120 * ACTORS_MS, .ns_max = 90 * ACTORS_SECOND, .define = define,
				  .fill = fill, .is_done = is_done, .judge = judge};

	mended = actors_share(sizeof *mended);
	printf("%u kills\n", once_run(&plan));
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 150);
	tcase_add_test(tests, each_input_is_taken_or_set_aside_once);
}

int main(void)
{
	return tempstore_main("oncedead", add);
}
