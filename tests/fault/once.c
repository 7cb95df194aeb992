#include "fault/once.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/map.h"
#include "store/store.h"

#define ONCE_STEP_NS UINT64_C(1000000000)

struct once_shared {
	_Atomic uint32_t is_over;
	_Atomic uint32_t started;
};

struct once_actor {
	const struct once *plan;
	struct once_shared *shared;
	const char *path;
};

static void once_tune(void)
{
	static const struct skafu__tuning quick = {.no_sync = 1, .fold_records = 4096};

	skafu__tuning_override(&quick);
}

/* ---- those that are killed ----------------------------------------------------------------------------------- */

static void once_serve(void *arg)
{
	const struct once_actor *actor = arg;
	struct skafu_error error = {0};
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;

	once_tune();
	int32_t rc = actors_open(actor->path, NULL, &store, &error);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, &error);
	if (rc == 0)
		rc = actor->plan->define(actor->plan->user, model, &error);
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, &error);
	atomic_fetch_add(&actor->shared->started, 1u);
	while ((rc == 0 || rc == SKAFU_ETIMEOUT || rc == SKAFU_EBUSY) && !atomic_load(&actor->shared->is_over))
		rc = skafu_engine_run(engine, ONCE_STEP_NS / 20, &error);
	if (rc != 0 && rc != SKAFU_ETIMEOUT)
		actors_fail("an engine stopped with %d: %s", rc, error.message);
	skafu_engine_close(engine);
	skafu_model_close(model);
	skafu_store_close(store);
}

/* ---- the one who kills --------------------------------------------------------------------------------------- */

static void once_check(void)
{
	if (actors_failure())
		ck_abort_msg("%s", actors_failure());
}

static uint32_t once_kill(const struct once *plan, struct once_actor *actor, skafu_store *store, uint64_t *random)
{
	pid_t pids[ONCE_ACTORS_MAX];
	/* Under valgrind a process lives seconds before it does anything: rarer kills, and not so many.
	 * Wherever else it is too slow for the pauses, they grow until some live long enough. */
	uint32_t scale = actors_scale();
	uint32_t kills_min = scale > 1 ? plan->kills / 5 : plan->kills;
	int64_t until = actors_now_ns() + plan->ns_max * actors_slack();
	uint32_t kills = 0;

	for (uint32_t i = 0; i < plan->actors; i++)
		pids[i] = actors_spawn(once_serve, actor);
	for (uint32_t round = 0; kills < kills_min || round % 8 != 0 || !plan->is_done(plan->user, store);
	     round++) {
		uint64_t spread = (uint64_t)(plan->pause_max - plan->pause_min + 1);
		int64_t pause = plan->pause_min + (int64_t)(actors_random(random) % spread);
		actors_nap(pause * scale * (1 + kills / (2 * plan->kills)));
		uint32_t victim = (uint32_t)(actors_random(random) % plan->actors);
		actors_kill(pids[victim]);
		kills++;
		once_check();
		if (actors_now_ns() > until)
			ck_abort_msg("%s: not done after %u kills", plan->topic, kills);
		pids[victim] = actors_spawn(once_serve, actor);
	}
	atomic_store(&actor->shared->is_over, 1u);
	for (uint32_t i = 0; i < plan->actors; i++)
		ck_assert_int_eq(actors_join(pids[i], 20 * ACTORS_SECOND), 0);
	once_check();
	return kills;
}

static void once_judge(const struct once *plan, skafu_store *store)
{
	struct skafu_error error = {0};
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;

	ck_assert_int_eq(skafu_model_open(store, NULL, &model, &error), 0);
	ck_assert_int_eq(plan->define(plan->user, model, &error), 0);
	ck_assert_int_eq(skafu_engine_open(model, NULL, &engine, &error), 0);
	if (skafu_engine_drain(engine, 20 * ONCE_STEP_NS, &error) != 0)
		ck_abort_msg("%s", error.message);
	skafu_engine_close(engine);
	plan->judge(plan->user, store, model);
	skafu_model_close(model);
}

uint32_t once_run(const struct once *plan)
{
	char path[256];
	uint64_t random = actors_seed(plan->topic);
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};
	struct skafu_error error = {0};
	skafu_store *store = NULL;

	once_tune();
	actors_scratch(path, plan->topic, 1);
	strcat(path, "/store");
	if (actors_open(path, &opts, &store, &error) != 0)
		ck_abort_msg("%s", error.message);
	plan->fill(plan->user, store);
	struct once_actor actor = {.plan = plan, .path = path, .shared = actors_share(sizeof *actor.shared)};
	uint32_t kills = once_kill(plan, &actor, store, &random);
	once_judge(plan, store);
	skafu_store_close(store);
	*strrchr(path, '/') = '\0';
	actors_scratch_gone(path);
	return kills;
}

/* ---- counting ------------------------------------------------------------------------------------------------ */

struct once_count once_count(skafu_store *store, uint32_t kind, const char *type)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = 1u << kind};
	struct skafu__map causes;
	struct once_count counted = {0};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;

	skafu__map_init(&causes, &store->sys, SIZE_MAX, 1);
	ck_assert_int_eq(skafu_read(store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, NULL), 0);
	while (skafu_cursor_next(cursor, &record, NULL) == 1) {
		if (type && strcmp(record->type, type) != 0)
			continue;
		counted.count++;
		counted.doubles += skafu__map_insert(&causes, record->causation, 16, 1) == 0;
	}
	skafu_cursor_free(cursor);
	skafu__map_done(&causes);
	return counted;
}
