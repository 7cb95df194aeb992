#include "run/replaysession.h"

#include <string.h>

#include "base/error.h"
#include "base/probe.h"
#include "base/text.h"
#include "codec/hash.h"
#include "run/register.h"
#include "store/batch.h"
#include "store/store.h"

#define REPLAYSESSION_ASIDE_BYTES_MAX ((size_t)64 << 20)
#define REPLAYSESSION_MESSAGE_BYTES_MAX 255u

/* ---- life ------------------------------------------------------------------------------------------------------ */

int32_t skafu__replay_session_new(skafu_engine *engine, const uint8_t id[16],
				  struct skafu__replay_session **out_session, skafu_error *error)
{
	struct skafu__replay_session *session = skafu__alloc_zeroed(&engine->sys, 1, sizeof *session);
	if (!session)
		return skafu__fail_memory(error);
	session->engine = engine;
	memcpy(session->id, id, 16);
	skafu__buf_init(&session->value, &engine->sys, SIZE_MAX);
	*out_session = session;
	return 0;
}

void skafu__replay_session_free(struct skafu__replay_session *session)
{
	if (!session)
		return;
	struct skafu__sys sys = session->engine->sys;
	skafu__replay_session_close(session);
	skafu__replay_session_unclaim(session);
	if (session->target_store)
		skafu__store_release(session->target_store);
	if (session->free_user)
		session->free_user(session->user);
	skafu__buf_done(&session->value);
	skafu__free(&sys, session);
}

int32_t skafu__replay_session_load(struct skafu__replay_session *session, skafu_error *error)
{
	uint32_t word = skafu__control_word(&session->engine->store->control);
	int32_t rc = skafu__replay_load(session->engine->store, session->id, &session->value, &session->plan,
					&session->durable, error);
	session->has_seen = rc == 1 && (word & 1u) == 0;
	session->seen_word = word;
	return rc;
}

/* ---- claims ---------------------------------------------------------------------------------------------------- */

static uint64_t replaysession_number(const struct skafu__replay_session *session)
{
	return skafu__hash64(session->engine->store->format.hash_key, session->id, 16) >>
	       (64 - SKAFU__CLAIM_BITS);
}

int32_t skafu__replay_session_claim(struct skafu__replay_session *session, skafu_error *error)
{
	if (session->is_claimed)
		return 1;
	int32_t rc = skafu__claim_try(&session->engine->store->claims, replaysession_number(session), error);
	session->is_claimed = rc == 1;
	return rc;
}

void skafu__replay_session_unclaim(struct skafu__replay_session *session)
{
	if (session->is_claimed && skafu__store_check(session->engine->store, NULL) == 0)
		skafu__claim_release(&session->engine->store->claims, replaysession_number(session));
	session->is_claimed = 0;
}

/* ---- who may carry it on --------------------------------------------------------------------------------------- */

static struct skafu__projection *replaysession_projection(const skafu_engine *engine, const char *name)
{
	return skafu__engine_worker(engine, name) ? skafu__projection_find(engine->model, name) : NULL;
}

static int replaysession_has(const skafu_engine *engine, const struct skafu__replay_target *target)
{
	const struct skafu__consumer *consumer = skafu__engine_consumer(engine, target->name);
	if (target->kind == SKAFU_CONSUMER_KIND_PROJECTION)
		return replaysession_projection(engine, target->name) != NULL;
	return consumer && consumer->kind == target->kind;
}

int skafu__replay_session_is_for(const struct skafu__replay_session *session, skafu_error *error)
{
	const struct skafu__replay_plan *plan = &session->plan;
	if (plan->copies && !session->target_store) {
		skafu__fail(error, SKAFU_ENOTFOUND, "the replay copies to another store%s, which this process was "
			    "not given; give them to skafu_replay_resume()", plan->masks ? " through a mask" : "");
		return 0;
	}
	for (uint32_t i = 0; i < plan->target_count; i++) {
		if (replaysession_has(session->engine, &plan->targets[i]))
			continue;
		skafu__fail(error, SKAFU_ENOTFOUND, "this engine does not run %s, which is a target of the replay",
			    plan->targets[i].name);
		return 0;
	}
	return 1;
}

/* ---- setting up ------------------------------------------------------------------------------------------------ */

static void replaysession_set_up_step(struct skafu__replay_session *session, struct skafu__replay_one *one)
{
	struct skafu__consumer *consumer = one->consumer;
	skafu__step_init(&one->step, consumer->model, consumer->name, consumer->domain, consumer->handler,
			 consumer->self);
	one->step.source = &consumer->source;
	one->step.chain = one->target->kind == SKAFU_CONSUMER_KIND_PROCESS ? &session->chain : &session->nochain;
	one->has_step = 1;
	session->has_steps = 1;
	session->kinds |= consumer->source.given.kinds;
	/* Answers to what a process undoes come in beside its source. */
	if (one->target->kind == SKAFU_CONSUMER_KIND_PROCESS)
		session->kinds |= SKAFU_KINDS_OUTCOMES;
}

static void replaysession_set_up_one(struct skafu__replay_session *session, uint32_t index)
{
	struct skafu__replay_one *one = &session->ones[index];
	one->target = &session->plan.targets[index];
	if (one->target->kind != SKAFU_CONSUMER_KIND_PROJECTION) {
		one->consumer = skafu__engine_consumer(session->engine, one->target->name);
		replaysession_set_up_step(session, one);
		return;
	}
	one->projection = replaysession_projection(session->engine, one->target->name);
	one->is_rebuild = (session->plan.flags & SKAFU_REPLAY_REEMIT) != 0;
	if (one->is_rebuild)
		return;
	skafu__trial_init(&one->trial, session->engine->model, one->projection, session->plan.from - 1,
			  session->rules);
	one->has_trial = 1;
}

static int replaysession_has_memory(const struct skafu__replay_session *session)
{
	for (uint32_t i = 0; i < session->plan.target_count; i++)
		if (session->plan.targets[i].kind == SKAFU_CONSUMER_KIND_PROCESS)
			return 1;
	return 0;
}

static int32_t replaysession_set_up_copy(struct skafu__replay_session *session, skafu_error *error)
{
	struct skafu__replay_copy *copy = &session->copy;
	if (!session->plan.copies)
		return 0;
	skafu__replay_copy_init(copy, session->engine->model, session->id);
	copy->to = session->target_store;
	skafu__store_hold(copy->to);
	copy->mask = session->mask;
	copy->user = session->user;
	copy->upcasts = (session->plan.flags & SKAFU_REPLAY_UPCAST) != 0;
	copy->is_dry = (session->plan.flags & SKAFU_REPLAY_DRY_RUN) != 0;
	session->kinds = SKAFU_KINDS_ALL;
	return skafu__replay_copy_begin(copy, error);
}

static int32_t replaysession_set_up(struct skafu__replay_session *session, skafu_error *error)
{
	const struct skafu__replay_plan *plan = &session->plan;
	skafu_engine *engine = session->engine;
	int32_t rc = 0;
	skafu__rowaside_init(&session->aside, engine->store, REPLAYSESSION_ASIDE_BYTES_MAX);
	skafu__rowaside_init(&session->nothing, engine->store, 0);
	skafu__rowchain_init(&session->chain, engine->store);
	skafu__rowchain_init(&session->nochain, engine->store);
	session->chain.aside = &session->aside;
	session->nochain.aside = &session->nothing;
	session->ones = skafu__alloc_zeroed(&engine->sys, plan->target_count + 1u, sizeof *session->ones);
	session->outputs = skafu__alloc_zeroed(&engine->sys, SKAFU__REPLAY_BATCHES, sizeof *session->outputs);
	if (!session->ones || !session->outputs)
		return skafu__fail_memory(error);
	if (plan->rule) {
		rc = skafu_rules_new(&session->rules, error);
		if (rc == 0)
			rc = skafu_rules_add(session->rules, plan->rule, strlen(plan->rule), NULL, error);
	}
	if (rc == 0)
		rc = skafu_batch_new(engine->store, &session->scratch, error);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < plan->target_count; i++)
		replaysession_set_up_one(session, i);
	return replaysession_set_up_copy(session, error);
}

static void replaysession_begin(struct skafu__replay_session *session)
{
	const struct skafu__replay_plan *plan = &session->plan;
	int is_paced = (plan->flags & SKAFU_REPLAY_ORIGINAL_PACE) != 0 || plan->rate_max != 0;
	session->reached = session->durable;
	session->has_cursor = session->has_steps || plan->copies || is_paced;
	if (!session->kinds)
		session->kinds = SKAFU_KINDS_EVENTS;
	session->warm_to = session->durable.sequence;
	session->read_to = replaysession_has_memory(session) ? plan->from - 1 : session->durable.sequence;
	session->saved_ns = session->engine->sys.monotonic_ns();
	session->saved_done = session->durable.sequence;
	session->told_succeeded = session->durable.succeeded;
	session->told_failed = session->durable.failed;
	session->free_ns = session->saved_ns;
	session->is_open = 1;
}

int32_t skafu__replay_session_open(struct skafu__replay_session *session, skafu_error *error)
{
	int32_t rc = replaysession_set_up(session, error);
	if (rc == 0)
		replaysession_begin(session);
	else
		skafu__replay_session_close(session);
	return rc;
}

static void replaysession_close_ones(struct skafu__replay_session *session)
{
	for (uint32_t i = 0; session->ones && i < session->plan.target_count; i++) {
		if (session->ones[i].has_step)
			skafu__step_done(&session->ones[i].step);
		if (session->ones[i].has_trial)
			skafu__trial_done(&session->ones[i].trial);
	}
	skafu__free(&session->engine->sys, session->ones);
	session->ones = NULL;
}

void skafu__replay_session_close(struct skafu__replay_session *session)
{
	const struct skafu__sys *sys = &session->engine->sys;
	skafu_cursor_free(session->cursor);
	session->cursor = NULL;
	session->record_count = session->record_at = 0;
	session->records = NULL;
	replaysession_close_ones(session);
	skafu_rules_free(session->rules);
	session->rules = NULL;
	skafu__rowchain_done(&session->chain);
	skafu__rowchain_done(&session->nochain);
	memset(&session->chain, 0, sizeof session->chain);
	memset(&session->nochain, 0, sizeof session->nochain);
	skafu__rowaside_done(&session->aside);
	skafu__rowaside_done(&session->nothing);
	skafu_batch_free(session->scratch);
	session->scratch = NULL;
	for (uint32_t i = 0; i < SKAFU__REPLAY_BATCHES; i++) {
		skafu_batch_free(session->batches[i]);
		session->batches[i] = NULL;
	}
	skafu__free(sys, session->outputs);
	session->outputs = NULL;
	session->output_count = 0;
	session->output_bytes = 0;
	skafu__replay_copy_done(&session->copy);
	session->has_steps = session->has_cursor = session->reads_all = session->kinds = 0;
	session->has_pace = 0;
	session->is_open = 0;
}

/* ---- saving ---------------------------------------------------------------------------------------------------- */

/* Lately: since it was saved last, but not of a moment. */
static void replaysession_measure(struct skafu__replay_session *session)
{
	int64_t now = session->engine->sys.monotonic_ns();
	int64_t took = now - session->saved_ns;
	if (took >= INT64_C(50000000) || session->reached.rate == 0) {
		double seconds = (double)(took > 0 ? took : 1) / 1e9;
		double rate = (double)(session->reached.sequence - session->saved_done) / seconds;
		session->reached.rate = rate < 1e15 ? (uint64_t)rate : UINT64_C(1000000000000000);
		session->saved_done = session->reached.sequence;
		session->saved_ns = now;
	}
}

void skafu__replay_session_tell(struct skafu__replay_session *session)
{
	struct skafu__probe *probe = &session->engine->store->probe;
	uint64_t succeeded = session->reached.succeeded - session->told_succeeded;
	uint64_t failed = session->reached.failed - session->told_failed;
	if (succeeded + failed != 0)
		skafu__probe_report(probe, SKAFU__PROBE_REPLAYED, succeeded + failed, (int64_t)failed,
				    skafu__replay_table);
	session->told_succeeded = session->reached.succeeded;
	session->told_failed = session->reached.failed;
}

int32_t skafu__replay_session_save(struct skafu__replay_session *session, skafu_error *error)
{
	skafu_batch *batch = NULL;
	if (!session->is_open)
		return 0;
	replaysession_measure(session);
	if (memcmp(&session->durable, &session->reached, sizeof session->durable) == 0)
		return 0;
	int32_t rc = skafu__model_take_batch(session->engine->model, &batch, error);
	if (rc == 0)
		rc = skafu__replay_put_progress(batch, session->id, &session->durable, &session->reached, error);
	if (rc == 0)
		rc = skafu_append(session->engine->store, batch, SKAFU__RUN_WAIT_NS, NULL, error);
	skafu__model_give_batch(session->engine->model, batch);
	if (rc == 0)
		session->durable = session->reached;
	return rc;
}

static int32_t replaysession_end_in(struct skafu__replay_session *session, const struct skafu__replay_plan *plan,
				    skafu_error *error)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu__model_take_batch(session->engine->model, &batch, error);
	if (rc == 0)
		rc = skafu__replay_put_plan(batch, session->id, &session->value, plan, error);
	if (rc == 0)
		rc = skafu__replay_put_progress(batch, session->id, &session->durable, &session->reached, error);
	if (rc == 0)
		rc = skafu_append(session->engine->store, batch, SKAFU__RUN_WAIT_NS, NULL, error);
	skafu__model_give_batch(session->engine->model, batch);
	return rc;
}

int32_t skafu__replay_session_end(struct skafu__replay_session *session, uint32_t state, int32_t code,
				  const char *message, skafu_error *error)
{
	char text[REPLAYSESSION_MESSAGE_BYTES_MAX + 1];
	struct skafu__replay_plan plan = session->plan;
	size_t length = skafu__utf8_cut(message, strlen(message), REPLAYSESSION_MESSAGE_BYTES_MAX);
	memcpy(text, message, length);
	text[length] = '\0';
	plan.state = state;
	plan.code = code;
	plan.message = text;
	plan.revision++;
	plan.ended_ns = session->engine->sys.wall_ns();
	replaysession_measure(session);
	int32_t rc = replaysession_end_in(session, &plan, error);
	if (rc != 0)
		return rc;
	skafu__replay_session_tell(session);
	skafu__probe_report(&session->engine->store->probe, SKAFU__PROBE_REPLAY_DONE, 1, -(int64_t)code,
			    skafu__replay_table);
	skafu__replay_session_close(session);
	skafu__replay_session_unclaim(session);
	session->has_seen = 0;
	session->has_ended = 1;
	return 0;
}
