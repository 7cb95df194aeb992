#include "run/step.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/testhook.h"
#include "codec/hash.h"
#include "model/model.h"

#define STEP_EFFECT_NAME_BYTES_MAX 255u
#define STEP_WAIT_NS UINT64_C(10000000000) /* for a handler in another thread */

void skafu__step_init(struct skafu__step *step, skafu_model *model, const char *consumer, const char *domain,
		      const struct skafu__handler *handler, void *self)
{
	memset(step, 0, sizeof *step);
	step->model = model;
	step->consumer = consumer;
	step->handler = handler;
	step->self = self;
	skafu__turn_init(&step->turn, &model->sys);
	step->turn.registry = &model->registry;
	step->turn.domain = domain ? skafu__registry_domain(&model->registry, domain) : NULL;
	step->turn.kind = handler ? handler->turn_kind : 0;
	step->turn.extra = step;
	skafu__lens_init(&step->lens, &model->registry);
}

void skafu__step_done(struct skafu__step *step)
{
	skafu__turn_done(&step->turn);
	skafu__lens_done(&step->lens);
}

void skafu__step_commit_id(const char *consumer, uint64_t sequence, uint8_t out[16])
{
	static const char purpose[] = "skafu consumer commit 1";
	uint8_t number[8];
	const struct skafu__part parts[] = {
		{purpose, sizeof purpose}, {consumer, strlen(consumer)}, {number, sizeof number}};
	skafu__store_u64(number, sequence);
	skafu__blake2b(out, 16, parts, 3);
	skafu__ident_stamp_v8(out);
}

int skafu__step_has_output(const struct skafu__step *step)
{
	return skafu_batch_count(step->turn.batch) != 0 || step->write_count != 0;
}

/* ---- run ----------------------------------------------------------------------------------------------------- */

/* What a function of the host answered, or left unsaid.  Where the library's own code is between it and the step,
 * that says which failures are the host's. */
static void step_blame(struct skafu__step *step, int32_t rc, int32_t code)
{
	uint32_t kind = step->turn.kind;
	if (rc < 0 && kind != SKAFU__TURN_REACTION && kind != SKAFU__TURN_SUBSCRIPTION)
		return;
	if (step->error->code == 0)
		skafu__fail(step->error, code, rc < 0 ? "the handler of consumer %s failed"
						      : "consumer %s went on although something could not be "
							"recorded", step->consumer);
	skafu__error_set_hosts(step->error);
}

/* One form of the record, as the handler sees it. */
static int32_t step_handle(struct skafu__step *step, const skafu_record *form)
{
	int32_t rc = step->source ? skafu__source_takes(step->source, form, step->error) : 1;
	if (rc <= 0)
		return rc;
	step->taken++;
	step->turn.is_open = 1;
	rc = step->handler->handle(step->self, form, step, step->error);
	step->turn.is_open = 0;
	int32_t code = rc < 0 ? rc : step->turn.failed;
	if (code != 0)
		step_blame(step, rc, code);
	return code;
}

/* Only events have upcasters. */
static int32_t step_body(void *arg)
{
	struct skafu__step *step = arg;
	if (step->stored->kind != SKAFU_KIND_EVENT)
		return step_handle(step, step->stored);
	int32_t rc = skafu__lens_look(&step->lens, step->stored, step->error);
	for (uint32_t i = 0; rc >= 0 && i < step->lens.count; i++)
		rc = step_handle(step, step->lens.shown[i]);
	return rc;
}

static void step_prepare(struct skafu__step *step, const skafu_record *stored, skafu_batch *batch, uint32_t flags)
{
	step->stored = stored;
	step->flags = flags;
	step->committed = 0;
	step->taken = 0;
	step->emitted = 0;
	step->write_count = 0;
	step->instance = NULL;
	step->key = NULL;
	step->is_parked = 0;
	step->is_hopeless = 0;
	step->turn.batch = batch;
	step->turn.stream = NULL;
	step->turn.correlation = stored->correlation;
	step->turn.causation = stored->id;
	/* The log's time never falls; when it is far ahead of the clock, the clock's is the better one. */
	step->turn.now_ns = stored->flags & SKAFU_RECORD_CLOCK_BEHIND ? stored->time_ns : stored->recorded_ns;
	step->turn.hops = stored->hops + 1;
	skafu__turn_reset(&step->turn);
	if (step->turn.domain)
		skafu__turn_continue_trace(&step->turn, stored->metadata, stored->metadata_length);
	/* Ids of a process's timers come from it, also when nothing is kept. */
	if (!(flags & SKAFU__STEP_DRY) || step->turn.kind == SKAFU__TURN_PROCESS)
		skafu__step_commit_id(step->consumer, stored->sequence, step->commit_id);
}

/* A type that the consumer does not take is not newer than what it knows. */
static int step_may_pass(const struct skafu__step *step, int32_t rc)
{
	return rc == SKAFU_ENEWER && step->taken == 0 && step->source &&
	       !skafu__source_has_type(step->source, step->stored->kind, step->stored->type);
}

static void step_leave(void *arg)
{
	skafu__handling_leave(arg);
}

/* Functions of the host run one at a time, but for those of deciders. */
static int32_t step_call(struct skafu__step *step)
{
	struct skafu__handling *handling = &step->model->handling;
	int32_t rc;
	if (step->turn.kind == 0 || step->turn.kind == SKAFU__TURN_DECIDER)
		return skafu__model_call(step->model, step_body, step);
	rc = skafu__handling_enter(handling, skafu__deadline(&step->model->sys, STEP_WAIT_NS), step->error);
	if (rc != 0)
		return rc;
	pthread_cleanup_push(step_leave, handling);
	rc = skafu__model_call(step->model, step_body, step);
	pthread_cleanup_pop(1);
	return rc;
}

static int32_t step_finish(struct skafu__step *step, int32_t rc, struct skafu_error *own, skafu_error *error)
{
	step->error = NULL;
	step->turn.is_open = 0;
	step->emitted = skafu_batch_count(step->turn.batch);
	if (rc >= 0 || step_may_pass(step, rc))
		return 0;
	if (own->code == 0)
		skafu__fail(own, rc, "the handler of consumer %s failed", step->consumer);
	return skafu__error_copy(error, own, rc);
}

int32_t skafu__step_run(struct skafu__step *step, const skafu_record *stored, skafu_batch *batch, uint32_t flags,
			skafu_error *error)
{
	struct skafu_error own = {0};
	step_prepare(step, stored, batch, flags);
	step->error = &own; /* cppcheck-suppress autoVariables; step_finish takes it out again */
	int32_t rc = step_call(step);
	return step_finish(step, rc, &own, error);
}

int32_t skafu__step_run_inside(struct skafu__step *step, const skafu_record *stored, skafu_batch *batch,
			       uint32_t flags, skafu_error *error)
{
	struct skafu_error own;
	own.code = 0;
	own.is_hosts = 0;
	own.message[0] = '\0';
	step_prepare(step, stored, batch, flags);
	step->error = &own; /* cppcheck-suppress autoVariables; step_finish takes it out again */
	int32_t rc = step_body(step);
	return step_finish(step, rc, &own, error);
}

/* ---- for handlers -------------------------------------------------------------------------------------------- */

int32_t skafu__step_put_row(struct skafu__step *step, const char *table, const void *key, size_t key_length,
			    const void *value, size_t value_length, skafu_error *error)
{
	int32_t rc = skafu_batch_put_row(step->turn.batch, table, key, key_length, value, value_length, error);
	step->write_count += rc == 0;
	return rc;
}

int32_t skafu__step_delete_row(struct skafu__step *step, const char *table, const void *key, size_t key_length,
			       skafu_error *error)
{
	int32_t rc = skafu_batch_delete_row(step->turn.batch, table, key, key_length, error);
	step->write_count += rc == 0;
	return rc;
}

struct skafu__step *skafu__step_of(skafu_turn *turn, const char *what, skafu_error *error)
{
	if (!turn) {
		skafu__fail(error, SKAFU_EINVAL, "the turn is NULL");
		return NULL;
	}
	if (!turn->is_open || turn->kind == SKAFU__TURN_DECIDER) {
		skafu__fail(error, SKAFU_EMISUSE, turn->is_open ? "%s is called by a decider; what follows from its "
								  "events is for reactions and processes"
								: "%s is called outside of the handler that the turn "
								  "was given to", what);
		return NULL;
	}
	return turn->extra;
}

int32_t skafu_effect(skafu_turn *turn, const char *name, uint8_t out_key[16], skafu_error *error)
{
	static const char purpose[] = "skafu effect 1";
	struct skafu__step *step = skafu__step_of(turn, "skafu_effect", error);
	if (!step)
		return turn ? SKAFU_EMISUSE : SKAFU_EINVAL;
	if (!name || !out_key)
		return skafu__fail(error, SKAFU_EINVAL, "the name of the effect or the place for its key is NULL");
	size_t length = strnlen(name, STEP_EFFECT_NAME_BYTES_MAX + 1);
	if (length > STEP_EFFECT_NAME_BYTES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "the name of an effect has more than %u bytes",
				   STEP_EFFECT_NAME_BYTES_MAX);
	if (step->flags & (SKAFU__STEP_MUTED | SKAFU__STEP_DRY)) {
		skafu__testhook_tell(SKAFU__TESTHOOK_EFFECT, NULL, step->consumer, name, 0, 0);
		return 0;
	}
	const struct skafu__part parts[] = {
		{purpose, sizeof purpose}, {step->commit_id, sizeof step->commit_id}, {name, length}};
	skafu__blake2b(out_key, 16, parts, 3);
	skafu__ident_stamp_v8(out_key);
	skafu__testhook_tell(SKAFU__TESTHOOK_EFFECT, out_key, step->consumer, name, 1, 0);
	return 1;
}
