/*
 * replay.c: how a host begins, pauses, resumes and cancels replays.
 *
 * A change of a session is a commit that expects the plan as it was read; when somebody was faster it is read again.
 */
#include "skafu_run.h"

#include <string.h>

#include "base/error.h"
#include "base/ident.h"
#include "base/opts.h"
#include "run/register.h"
#include "run/replayorder.h"
#include "run/replayworker.h"
#include "store/store.h"

#define REPLAY_TRIES_MAX 64u

/* ---- start ----------------------------------------------------------------------------------------------------- */

/* What only this process has.  The user pointer is the session's from here on. */
static void replay_attach(struct skafu__replay_session *session, const skafu_replay_opts *opts)
{
	session->target_store = opts->target_store;
	if (opts->target_store)
		skafu__store_hold(opts->target_store);
	session->mask = opts->mask;
	session->user = opts->user;
	session->free_user = opts->free_user;
}

static int32_t replay_record(skafu_engine *engine, const uint8_t id[16], const struct skafu__replay_plan *plan,
			     skafu_error *error)
{
	static const struct skafu__buf absent = {0};
	struct skafu__replay_progress begin = {.sequence = plan->from - 1};
	skafu_batch *batch = NULL;
	int32_t rc = skafu__model_take_batch(engine->model, &batch, error);
	if (rc == 0)
		rc = skafu__replay_put_plan(batch, id, &absent, plan, error);
	if (rc == 0)
		rc = skafu__replay_put_progress(batch, id, NULL, &begin, error);
	if (rc == 0)
		rc = skafu_append(engine->store, batch, SKAFU__RUN_WAIT_NS, NULL, error);
	skafu__model_give_batch(engine->model, batch);
	return rc;
}

/* All that can fail comes before the session is recorded. */
static int32_t replay_fill(struct skafu__replay_session *session, const struct skafu__replay_plan *plan,
			   skafu_error *error)
{
	if (skafu__replay_plan_encode(plan, &session->value) != 0)
		return skafu__fail_memory(error);
	session->durable.sequence = plan->from - 1;
	return skafu__replay_plan_decode(session->value.bytes, session->value.length, &session->plan, error);
}

static int32_t replay_begin(skafu_engine *engine, const skafu_replay_opts *opts, uint8_t out_id[16],
			    skafu_error *error)
{
	struct skafu__replay_session *session = NULL;
	struct skafu__replay_plan plan;
	uint8_t id[16];
	int32_t rc = skafu__replay_order_read(engine, opts, &plan, error);
	if (rc == 0 && skafu_id_new(id) != 0)
		rc = skafu__fail(error, SKAFU_EIO, "the system gives no random bytes for the id of the replay");
	if (rc == 0)
		rc = skafu__replay_session_new(engine, id, &session, error);
	if (rc == 0)
		rc = replay_fill(session, &plan, error);
	if (rc == 0)
		rc = replay_record(engine, id, &plan, error);
	if (rc != 0) {
		skafu__replay_session_free(session);
		return rc;
	}
	replay_attach(session, opts);
	skafu__replayworker_add(engine, session);
	memcpy(out_id, id, 16);
	return 0;
}

int32_t skafu_replay_start(skafu_engine *engine, const skafu_replay_opts *opts, uint8_t out_id[16],
			   skafu_error *error)
{
	skafu_replay_opts known = {0};
	int32_t rc = skafu__opts_read(&known, sizeof known, opts, "skafu_replay_opts", error);
	if (rc == 0)
		rc = skafu__engine_check(engine, error);
	if (rc == 0 && !out_id)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_id is NULL; give a place for the id");
	if (rc == 0)
		rc = replay_begin(engine, &known, out_id, error);
	if (rc != 0 && known.free_user)
		known.free_user(known.user);
	return rc;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

/* A session as it is in the log, for a change. */
struct replay_change {
	skafu_engine *engine;
	const uint8_t *id;
	struct skafu__buf value;
	struct skafu__replay_plan plan;
	struct skafu__replay_progress progress;
};

typedef int32_t (*replay_change_fn)(struct replay_change *change, skafu_error *error);

static int32_t replay_unknown(skafu_error *error)
{
	return skafu__fail(error, SKAFU_ENOTFOUND, "the store has no replay of this id");
}

static int replay_has_ended(const struct skafu__replay_plan *plan)
{
	return plan->state == SKAFU_REPLAY_DONE || plan->state == SKAFU_REPLAY_CANCELLED;
}

static int32_t replay_ended(const struct skafu__replay_plan *plan, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EINVAL, "the replay %s; start another one",
			   plan->state == SKAFU_REPLAY_DONE ? "is done" : "was cancelled");
}

static int32_t replay_change_once(struct replay_change *change, replay_change_fn fn, skafu_error *error)
{
	skafu_engine *engine = change->engine;
	skafu_batch *batch = NULL;
	int32_t rc = skafu__replay_load(engine->store, change->id, &change->value, &change->plan, &change->progress,
					error);
	if (rc != 1)
		return rc == 0 ? replay_unknown(error) : rc;
	rc = fn(change, error);
	if (rc != 1)
		return rc;
	change->plan.revision++;
	rc = skafu__model_take_batch(engine->model, &batch, error);
	if (rc == 0)
		rc = skafu__replay_put_plan(batch, change->id, &change->value, &change->plan, error);
	if (rc == 0)
		rc = skafu_append(engine->store, batch, SKAFU__RUN_WAIT_NS, NULL, error);
	skafu__model_give_batch(engine->model, batch);
	return rc;
}

/* fn: 1 the plan is changed, 0 there is nothing to change, or why not. */
static int32_t replay_change(skafu_engine *engine, const uint8_t id[16], replay_change_fn fn, skafu_error *error)
{
	struct replay_change change = {.engine = engine, .id = id};
	struct skafu_error own = {0};
	int32_t rc = SKAFU_EROW;
	skafu__buf_init(&change.value, &engine->sys, SIZE_MAX);
	for (uint32_t i = 0; rc == SKAFU_EROW && i < REPLAY_TRIES_MAX; i++)
		rc = replay_change_once(&change, fn, &own);
	skafu__buf_done(&change.value);
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}

/* Every function that steers a session begins with it; what this engine has of it in memory is saved first. */
static int32_t replay_take(skafu_engine *engine, const uint8_t id[16], struct skafu__replay_session **out_session,
			   skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0 && !id)
		rc = skafu__fail(error, SKAFU_EINVAL, "the id of the replay is NULL");
	if (rc != 0)
		return rc;
	*out_session = skafu__replayworker_session(engine, id);
	if (!*out_session)
		return 0;
	rc = skafu__replay_session_save(*out_session, &own);
	if (rc != 0)
		skafu__replay_session_close(*out_session);
	return rc == 0 || rc == SKAFU_EROW ? 0 : skafu__error_copy(error, &own, rc);
}

static int32_t replay_to_paused(struct replay_change *change, skafu_error *error)
{
	if (replay_has_ended(&change->plan))
		return replay_ended(&change->plan, error);
	if (change->plan.state != SKAFU_REPLAY_RUNNING)
		return 0;
	change->plan.state = SKAFU_REPLAY_PAUSED;
	return 1;
}

int32_t skafu_replay_pause(skafu_engine *engine, const uint8_t id[16], skafu_error *error)
{
	struct skafu__replay_session *session = NULL;
	int32_t rc = replay_take(engine, id, &session, error);
	if (rc == 0)
		rc = replay_change(engine, id, replay_to_paused, error);
	if (rc == 0 && session)
		session->has_seen = 0;
	return rc;
}

static int32_t replay_to_cancelled(struct replay_change *change, skafu_error *error)
{
	if (change->plan.state == SKAFU_REPLAY_CANCELLED)
		return 0;
	if (replay_has_ended(&change->plan))
		return replay_ended(&change->plan, error);
	change->plan.state = SKAFU_REPLAY_CANCELLED;
	change->plan.ended_ns = change->engine->sys.wall_ns();
	return 1;
}

int32_t skafu_replay_cancel(skafu_engine *engine, const uint8_t id[16], skafu_error *error)
{
	struct skafu__replay_session *session = NULL;
	int32_t rc = replay_take(engine, id, &session, error);
	if (rc == 0)
		rc = replay_change(engine, id, replay_to_cancelled, error);
	if (rc == 0 && session)
		skafu__replayworker_wake(engine, session);
	return rc;
}

/* ---- resume ---------------------------------------------------------------------------------------------------- */

static int32_t replay_to_running(struct replay_change *change, skafu_error *error)
{
	if (replay_has_ended(&change->plan))
		return replay_ended(&change->plan, error);
	if (change->plan.state == SKAFU_REPLAY_RUNNING)
		return 0;
	change->plan.state = SKAFU_REPLAY_RUNNING;
	change->plan.code = 0;
	change->plan.message = "";
	change->plan.ended_ns = 0;
	return 1;
}

/* The same store and a mask, or none, as when it was begun. */
static int32_t replay_check_attachment(const struct skafu__replay_plan *plan, const skafu_replay_opts *opts,
				       skafu_error *error)
{
	uint8_t birth[16] = {0};
	int32_t rc = opts->target_store ? skafu_store_birth(opts->target_store, birth, error) : 0;
	if (rc != 0)
		return rc;
	if (plan->copies != (opts->target_store != NULL) || plan->masks != (opts->mask != NULL) ||
	    memcmp(birth, plan->birth, 16) != 0)
		return skafu__fail(error, SKAFU_EINVAL, "the replay was begun with %s%s; give the same again",
				   plan->copies ? "another target store" : "no target store",
				   plan->masks ? " and a mask" : plan->copies ? " or without a mask" : "");
	return 0;
}

/* A session that is known here already keeps what it has. */
static int32_t replay_reattach(skafu_engine *engine, const uint8_t id[16], const skafu_replay_opts *opts,
			       skafu_error *error)
{
	struct skafu__replay_session *session = NULL;
	int32_t rc = skafu__replay_session_new(engine, id, &session, error);
	if (rc == 0)
		rc = skafu__replay_session_load(session, error);
	if (rc == 0)
		rc = replay_unknown(error);
	if (rc == 1)
		rc = replay_check_attachment(&session->plan, opts, error);
	if (rc == 0) {
		session->target_store = opts->target_store; /* for the question only */
		rc = skafu__replay_session_is_for(session, error) ? 0 : SKAFU_ENOTFOUND;
		session->target_store = NULL;
	}
	if (rc == 0)
		rc = replay_change(engine, id, replay_to_running, error);
	if (rc != 0) {
		skafu__replay_session_free(session);
		return rc;
	}
	replay_attach(session, opts);
	session->plan.state = SKAFU_REPLAY_RUNNING;
	session->has_seen = 0;
	skafu__replayworker_add(engine, session);
	return 0;
}

static int32_t replay_resume(skafu_engine *engine, const uint8_t id[16], const skafu_replay_opts *opts,
			     int *out_kept, skafu_error *error)
{
	struct skafu__replay_session *session = NULL;
	int32_t rc = replay_take(engine, id, &session, error);
	if (rc == 0 && !session && opts->size != 0) {
		rc = replay_reattach(engine, id, opts, error);
		*out_kept = rc == 0;
		return rc;
	}
	if (rc == 0 && session && !skafu__replay_session_is_for(session, error))
		rc = SKAFU_ENOTFOUND;
	if (rc == 0)
		rc = replay_change(engine, id, replay_to_running, error);
	if (rc == 0)
		skafu__replayworker_wake(engine, session);
	return rc;
}

int32_t skafu_replay_resume(skafu_engine *engine, const uint8_t id[16], const skafu_replay_opts *opts,
			    skafu_error *error)
{
	skafu_replay_opts known = {0};
	int kept = 0;
	int32_t rc = opts ? skafu__opts_read(&known, sizeof known, opts, "skafu_replay_opts", error) : 0;
	if (rc == 0)
		rc = replay_resume(engine, id, &known, &kept, error);
	if (!kept && known.free_user)
		known.free_user(known.user);
	return rc;
}
