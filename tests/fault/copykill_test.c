/*
 * copykill_test.c: a replay copies a log into another store, in a program that is killed again and again: each record
 * is there once, in order, as it was.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "fault/actors.h"
#include "skafu_run.h"
#include "store/tempstore.h"

#define EVENTS 6000u
#define EVENTS_PER_BATCH 250u
#define STREAMS 31u
#define KILLS 25u
#define PAUSE_NS 40000000u

static char scratch[256];
static char from_path[300];
static char to_path[300];
static uint8_t session[16];

static skafu_store *open_at(const char *path, struct skafu_error *error)
{
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};
	skafu_store *store = NULL;

	return actors_open(path, &opts, &store, error) == 0 ? store : NULL;
}

/* The program that copies: it gives the session its target again, and works until it is over. */
static void copy(void *user)
{
	struct skafu_error error = {0};
	skafu_store *from = open_at(from_path, &error);
	skafu_store *to = from ? open_at(to_path, &error) : NULL;
	skafu_replay_opts opts = {.size = sizeof opts, .target_store = to};
	skafu_replay_info info = {.size = sizeof info};
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;
	int32_t rc = to ? skafu_model_open(from, NULL, &model, &error) : error.code;

	(void)user;
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, &error);
	if (rc == 0)
		rc = skafu_replay_info_get(from, session, &info, &error);
	if (rc == 0 && info.state == SKAFU_REPLAY_RUNNING)
		rc = skafu_replay_resume(engine, session, &opts, &error);
	if (rc == 0)
		rc = skafu_engine_drain(engine, 60 * ACTORS_SECOND, &error);
	if (rc != 0 && rc != SKAFU_EBUSY)
		actors_fail("copying stopped with %d: %s", rc, error.message);
	skafu_engine_close(engine);
	skafu_model_close(model);
	skafu_store_close(to);
	skafu_store_close(from);
}

static void fill(skafu_store *store)
{
	skafu_batch *batch = batch_of(store);
	uint32_t count = EVENTS / actors_scale();
	char stream[32];

	for (uint32_t i = 0; i < count; i++) {
		skafu_new_record event = event_of(stream, "Sent");
		snprintf(stream, sizeof stream, "s%u", i * 7 % STREAMS);
		went(skafu_batch_add(batch, &event, fault));
		if (skafu_batch_count(batch) < EVENTS_PER_BATCH && i + 1 != count)
			continue;
		went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
		skafu_batch_clear(batch);
	}
	skafu_batch_free(batch);
}

/* The session is begun, at a rate that gives the killer time, and left to others. */
static void begin(void)
{
	skafu_store *from = open_at(from_path, NULL);
	skafu_store *to = open_at(to_path, NULL);
	skafu_replay_opts opts = {.size = sizeof opts, .target_store = to, .rate_max = 10000 / actors_scale()};
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;

	ck_assert(from && to);
	fill(from);
	went(skafu_model_open(from, NULL, &model, fault));
	went(skafu_engine_open(model, NULL, &engine, fault));
	went(skafu_replay_start(engine, &opts, session, fault));
	skafu_engine_close(engine);
	skafu_model_close(model);
	skafu_store_close(to);
	skafu_store_close(from);
}

static uint32_t kill_copies(void)
{
	uint64_t random = actors_seed("copykill");
	uint32_t kills = 0;

	for (; kills < KILLS / (actors_scale() > 1 ? 5 : 1); kills++) {
		pid_t pid = actors_spawn(copy, NULL);
		actors_nap((int64_t)(actors_random(&random) % PAUSE_NS) * actors_scale());
		actors_kill(pid);
		if (actors_failure())
			ck_abort_msg("%s", actors_failure());
	}
	ck_assert_int_eq(actors_join(actors_spawn(copy, NULL), 100 * ACTORS_SECOND * actors_slack()), 0);
	if (actors_failure())
		ck_abort_msg("%s", actors_failure());
	return kills;
}

/* Record by record: the copy has all of them, in order, and nothing else. */
static uint32_t compare(skafu_store *from, skafu_store *to)
{
	skafu_cursor *left = NULL;
	skafu_cursor *right = NULL;
	const skafu_record *was;
	const skafu_record *is;
	uint32_t count = 0;

	went(skafu_read(from, NULL, SKAFU_NO_LIMIT, NULL, &left, fault));
	went(skafu_read(to, NULL, SKAFU_NO_LIMIT, NULL, &right, fault));
	while (skafu_cursor_next(left, &was, fault) == 1) {
		ck_assert_msg(skafu_cursor_next(right, &is, fault) == 1, "record %" PRIu64 " is not there",
			      was->sequence);
		ck_assert_msg(memcmp(was->id, is->id, 16) == 0, "record %" PRIu64 " is another one", was->sequence);
		ck_assert_str_eq(was->stream, is->stream);
		ck_assert_uint_eq(was->stream_version, is->stream_version);
		count++;
	}
	ck_assert_int_eq(skafu_cursor_next(right, &is, fault), 0);
	skafu_cursor_free(left);
	skafu_cursor_free(right);
	return count;
}

START_TEST(a_copy_is_whole_whoever_is_killed)
{
	skafu_replay_info info = {.size = sizeof info};

	actors_scratch(scratch, "copykill", 1);
	snprintf(from_path, sizeof from_path, "%s/from", scratch);
	snprintf(to_path, sizeof to_path, "%s/to", scratch);
	begin();
	uint32_t kills = kill_copies();
	skafu_store *from = open_at(from_path, NULL);
	skafu_store *to = open_at(to_path, NULL);
	went(skafu_replay_info_get(from, session, &info, fault));
	ck_assert_msg(info.state == SKAFU_REPLAY_DONE, "the session ended in state %u: %s", info.state, info.message);
	ck_assert_uint_eq(info.failed, 0);
	printf("%u records copied under %u kills\n", compare(from, to), kills);
	skafu_store_close(to);
	skafu_store_close(from);
	actors_scratch_gone(scratch);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 150);
	tcase_add_test(tests, a_copy_is_whole_whoever_is_killed);
}

int main(void)
{
	return tempstore_main("copykill", add);
}
