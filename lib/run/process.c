#include "run/process.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/writer.h"
#include "run/timer.h"
#include "store/batch.h"
#include "store/store.h"

/* ---- the instance's row -------------------------------------------------------------------------------------- */

int32_t skafu__process_load(struct skafu__process_run *run, const char *instance, skafu_error *error)
{
	uint8_t key[255];
	size_t length = skafu__instance_key(run->process->name, instance, key);
	skafu__instance_reset(&run->instance, instance);
	int32_t rc = skafu__rowchain_get(run->step->chain, run->model->store, run->step->turn.batch,
					 skafu__process_table, key, length, &run->before, error);
	run->was_there = rc == 1;
	if (rc != 1)
		return rc;
	rc = skafu__instance_decode(run->before.bytes, run->before.length, &run->instance, error);
	return rc ? rc : 1;
}

/* A row that the batch itself holds has its expectation already: that of the form before in the same turn. */
static int32_t process_expect(const struct skafu__process_run *run, const uint8_t *key, size_t length,
			      skafu_error *error)
{
	skafu_batch *batch = run->step->turn.batch;
	const uint8_t *value;
	size_t value_length;
	if (skafu__batch_find_row(batch, skafu__process_table, key, length, &value, &value_length) != 0)
		return 0;
	if (!run->was_there)
		return skafu_batch_expect_no_row(batch, skafu__process_table, key, length, error);
	return skafu_batch_expect_row(batch, skafu__process_table, key, length, run->before.bytes,
				      run->before.length, error);
}

int32_t skafu__process_store(struct skafu__process_run *run, skafu_error *error)
{
	uint8_t key[255];
	size_t length = skafu__instance_key(run->process->name, run->instance.name, key);
	int32_t rc = skafu__instance_encode(&run->instance, &run->encoded);
	if (rc == SKAFU_ELIMIT)
		return skafu__fail(error, SKAFU_ELIMIT, "instance %s of process %s, with its state and the commands "
				   "that undo, takes more than %zu bytes", run->instance.name, run->process->name,
				   run->encoded.ceiling);
	if (rc != 0)
		return skafu__fail_memory(error);
	rc = process_expect(run, key, length, error);
	if (rc == 0)
		rc = skafu__step_put_row(run->step, skafu__process_table, key, length, run->encoded.bytes,
					 run->encoded.length, error);
	return rc;
}

static int32_t process_cancel_timers(struct skafu__process_run *run, skafu_error *error)
{
	struct skafu__instance *instance = &run->instance;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < instance->timer_count; i++)
		rc = skafu__timer_delete(run->step->turn.batch, instance->timers[i].id, &instance->timers[i].setting,
					 error);
	instance->timer_count = 0;
	return rc;
}

int32_t skafu__process_end(struct skafu__process_run *run, uint32_t state, skafu_error *error)
{
	struct skafu__instance *instance = &run->instance;
	int32_t rc = process_cancel_timers(run, error);
	instance->state = state;
	instance->undo_count = 0;
	skafu__buf_clear(&instance->undos);
	skafu__buf_clear(&instance->saved);
	return rc;
}

/* ---- a failure that concerns an instance --------------------------------------------------------------------- */

void skafu__process_note_failing(struct skafu__process_run *run)
{
	run->failing = run->step->stored->sequence;
	memcpy(run->failing_name, run->instance.name, sizeof run->failing_name);
	run->step->key = run->failing_name;
	run->step->key_sequence = run->failing;
}

int32_t skafu__process_fail(struct skafu__process_run *run, int32_t code, skafu_error *error)
{
	(void)error; /* the sentence is there; it is the attempts that end */
	run->step->is_hopeless = 1;
	return code;
}

static int32_t process_park(struct skafu__process_run *run, skafu_error *error)
{
	run->step->is_parked = 1;
	return skafu__fail(error, SKAFU_EHOST, "instance %s of process %s is set aside since record %llu; what comes "
			   "for it waits behind", run->instance.name, run->process->name,
			   (unsigned long long)run->instance.aside_sequence);
}

/* A function of the host failed, perhaps without a word. */
static int32_t process_said(const struct skafu__process_run *run, int32_t rc, const char *function,
			    struct skafu_error *own, skafu_error *error)
{
	if (rc >= 0)
		return 0;
	if (own->code == 0)
		skafu__fail(own, rc, "the function %s of process %s failed", function, run->process->name);
	skafu__error_set_hosts(own);
	return skafu__error_copy(error, own, rc);
}

/* ---- the state ----------------------------------------------------------------------------------------------- */

/* A step that its thread left in the middle has its state here still. */
static void process_drop_state(struct skafu__process_run *run)
{
	if (run->state)
		skafu__state_drop(run->sys, &run->version->state, run->version->user, run->state);
	run->state = NULL;
}

static int32_t process_make_state(struct skafu__process_run *run, skafu_error *error)
{
	const struct skafu__process_version *version = run->version;
	const struct skafu__instance *instance = &run->instance;
	const struct skafu__bytes saved = {instance->saved.bytes, instance->saved.length};
	if (!version->has_state)
		return 0;
	if (instance->steps == 0)
		return skafu__state_make(run->sys, &version->state, version->user, &run->state, error);
	if (instance->state_version == version->state.version)
		return skafu__state_restore(run->sys, &version->state, version->user, &saved, &run->state, error);
	skafu__fail(error, SKAFU_EDEFINITION, "instance %s of process %s has a state of version %u, and version "
		    "%u of the process is defined with a state of version %u; give the changed one a version of its "
		    "own",
		    instance->name, run->process->name, instance->state_version, version->number,
		    version->state.version);
	return skafu__process_fail(run, SKAFU_EDEFINITION, error);
}

static int32_t process_save_state(struct skafu__process_run *run, skafu_error *error)
{
	const struct skafu__process_version *version = run->version;
	skafu__buf_clear(&run->instance.saved);
	run->instance.state_version = version->state.version;
	if (!version->has_state)
		return 0;
	return skafu__state_save(&version->state, version->user, run->state, &run->instance.saved, error);
}

/* ---- a step of an instance ----------------------------------------------------------------------------------- */

static int32_t process_evolve(struct skafu__process_run *run, const skafu_record *input, skafu_error *error)
{
	struct skafu_error own = {0};
	if (!run->version->has_state)
		return 0;
	int32_t rc = run->version->evolve(run->version->user, run->state, input, &own);
	return process_said(run, rc, "evolve", &own, error);
}

static int32_t process_act(struct skafu__process_run *run, const skafu_record *input, skafu_error *error)
{
	struct skafu_error own = {0};
	struct skafu__step *step = run->step;
	step->instance = run->instance.name;
	int32_t rc = run->version->act(run->version->user, input, run->state, &step->turn, &own);
	step->instance = NULL;
	if (rc >= 0 && step->turn.failed)
		rc = step->turn.failed;
	return process_said(run, rc, "act", &own, error);
}

/* What the handler decided about the instance takes effect. */
static int32_t process_conclude(struct skafu__process_run *run, int32_t action, skafu_error *error)
{
	struct skafu__instance *instance = &run->instance;
	if (instance->state == SKAFU_PROCESS_COMPENSATING) {
		skafu__buf_clear(&instance->saved);
		int32_t rc = process_cancel_timers(run, error);
		return rc ? rc : skafu__process_undo_next(run, error);
	}
	if (instance->state == SKAFU_PROCESS_COMPLETED || action == SKAFU_ROUTE_STOP)
		return skafu__process_end(run, SKAFU_PROCESS_COMPLETED, error);
	return process_save_state(run, error);
}

/* An instance that is taken up again stays aside until the last of its dead letters is gone. */
static void process_stay_aside(struct skafu__instance *instance, const struct skafu__instance *before)
{
	if (before->state != SKAFU_PROCESS_ASIDE || skafu__instance_has_ended(instance))
		return;
	instance->resume_state = instance->state;
	instance->state = SKAFU_PROCESS_ASIDE;
	instance->aside_sequence = before->aside_sequence;
	instance->parked = before->parked;
	if (instance->resume_state != SKAFU_PROCESS_RUNNING)
		return;
	memcpy(instance->code, before->code, sizeof instance->code);
	memcpy(instance->message, before->message, sizeof instance->message);
}

static void process_count(struct skafu__process_run *run)
{
	struct skafu__instance *instance = &run->instance;
	instance->steps += instance->steps != UINT32_MAX;
	instance->last_sequence = run->step->stored->sequence;
}

/* The timer that recorded this input is no longer set. */
static void process_forget_fired(struct skafu__instance *instance, const skafu_record *input)
{
	for (uint32_t i = 0; i < instance->timer_count; i++) {
		if (memcmp(instance->timers[i].setting.record_id, input->id, 16) != 0)
			continue;
		skafu__instance_forget_timer(instance, &instance->timers[i]);
		return;
	}
}

static int32_t process_run_step(struct skafu__process_run *run, const skafu_record *input, int32_t action,
				skafu_error *error)
{
	int32_t rc = process_make_state(run, error);
	process_forget_fired(&run->instance, input);
	if (rc == 0)
		rc = process_evolve(run, input, error);
	if (rc == 0)
		rc = process_act(run, input, error);
	process_count(run);
	if (rc == 0)
		rc = process_conclude(run, action, error);
	process_drop_state(run);
	return rc;
}

static int32_t process_step(struct skafu__process_run *run, const skafu_record *input, int32_t action,
			    skafu_error *error)
{
	struct skafu__instance *instance = &run->instance;
	struct skafu__instance before = {.state = instance->state, .aside_sequence = instance->aside_sequence,
					 .parked = instance->parked};
	if (instance->state == SKAFU_PROCESS_ASIDE) {
		memcpy(before.code, instance->code, sizeof before.code);
		memcpy(before.message, instance->message, sizeof before.message);
		instance->state = instance->resume_state;
		instance->resume_state = 0;
		instance->code[0] = '\0';
		instance->message[0] = '\0';
	}
	instance->aside_sequence = 0;
	instance->parked = 0;
	int32_t rc = process_run_step(run, input, action, error);
	process_stay_aside(instance, &before);
	if (rc == 0)
		rc = skafu__process_store(run, error);
	if (rc != 0)
		skafu__process_note_failing(run);
	return rc;
}

/* ---- which instance ------------------------------------------------------------------------------------------ */

static int process_is_defined(const struct skafu__process *process, uint32_t number)
{
	for (const struct skafu__process_version *each = process->versions; each; each = each->next)
		if (each->number == number)
			return 1;
	return 0;
}

/* What is known of it being set aside stays: it is taken up again. */
static void process_keep_aside(struct skafu__instance *instance, const struct skafu__instance *before)
{
	instance->resume_state = SKAFU_PROCESS_RUNNING;
	instance->aside_sequence = before->aside_sequence;
	instance->parked = before->parked;
	memcpy(instance->code, before->code, sizeof instance->code);
	memcpy(instance->message, before->message, sizeof instance->message);
}

static void process_begin(struct skafu__process_run *run, const skafu_record *input)
{
	struct skafu__instance *instance = &run->instance;
	const struct skafu__instance before = *instance;
	size_t length = skafu__utf8_cut(input->correlation, strlen(input->correlation),
					sizeof instance->correlation - 1);
	int is_aside = before.state == SKAFU_PROCESS_ASIDE;
	skafu__instance_reset(instance, before.name);
	instance->state = is_aside ? SKAFU_PROCESS_ASIDE : SKAFU_PROCESS_RUNNING;
	if (is_aside)
		process_keep_aside(instance, &before);
	instance->version = run->version->number;
	instance->first_sequence = run->step->stored->sequence;
	memcpy(instance->correlation, input->correlation, length);
	instance->correlation[length] = '\0';
}

static int32_t process_missing(struct skafu__process_run *run, skafu_error *error)
{
	skafu__fail(error, SKAFU_EDEFINITION, "instance %s of process %s began with version %u, which is not defined "
		    "here; add that definition beside the newer one, and retry the dead letter", run->instance.name,
		    run->process->name, run->instance.version);
	skafu__process_note_failing(run);
	return skafu__process_fail(run, SKAFU_EDEFINITION, error);
}

/* May an instance that is set aside take this input now? */
static int process_may_take_up(const struct skafu__process_run *run)
{
	const struct skafu__instance *instance = &run->instance;
	return (run->step->flags & SKAFU__STEP_RETRY) != 0 &&
	       (instance->aside_sequence == 0 || instance->aside_sequence == run->step->stored->sequence);
}

static int32_t process_wait_behind(struct skafu__process_run *run, skafu_error *error)
{
	int32_t rc = process_park(run, error);
	skafu__process_note_failing(run);
	return rc;
}

static int32_t process_offer_new(struct skafu__process_run *run, const skafu_record *input, int32_t action,
				 skafu_error *error)
{
	if (action != SKAFU_ROUTE_START || run->version != run->process->versions)
		return 0;
	process_begin(run, input);
	return process_step(run, input, action, error);
}

/* The instance is loaded.  Only the version that it began with may touch it. */
static int32_t process_offer_running(struct skafu__process_run *run, const skafu_record *input, int32_t action,
				     skafu_error *error)
{
	const struct skafu__instance *instance = &run->instance;
	int is_aside = instance->state == SKAFU_PROCESS_ASIDE;
	int is_mine = instance->version == run->version->number;
	if (!is_mine && (run->version != run->process->versions ||
			 process_is_defined(run->process, instance->version)))
		return 0;
	if (instance->state == SKAFU_PROCESS_COMPENSATING || instance->resume_state == SKAFU_PROCESS_COMPENSATING)
		return 0;
	if (is_aside && !process_may_take_up(run))
		return process_wait_behind(run, error);
	if (instance->flags & SKAFU__INSTANCE_UNBEGUN)
		return process_offer_new(run, input, action, error);
	if (!is_mine)
		return process_missing(run, error);
	return process_step(run, input, action, error);
}

static int32_t process_offer(struct skafu__process_run *run, const skafu_record *input, int32_t action,
			     const char *name, skafu_error *error)
{
	int32_t rc = skafu__process_load(run, name, error);
	if (rc < 0)
		return rc;
	if (rc == 0 || skafu__instance_has_ended(&run->instance))
		return process_offer_new(run, input, action, error);
	return process_offer_running(run, input, action, error);
}

/* ---- routing ------------------------------------------------------------------------------------------------- */

static int32_t process_read_name(struct skafu__process_run *run, const struct skafu_writer *writer, char *out,
				 skafu_error *error)
{
	size_t length;
	if (run->name.failed == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (run->name.failed || !writer->put || memchr(run->name.bytes ? run->name.bytes : (const uint8_t *)"", 0,
						       run->name.length))
		return skafu__fail(error, SKAFU_EINVAL, "the function route of process %s named no instance, or one "
				   "of more than %u bytes or with a NUL in it", run->process->name,
				   SKAFU__INSTANCE_NAME_BYTES_MAX);
	if (run->name.bytes)
		memcpy(out, run->name.bytes, run->name.length);
	out[run->name.length] = '\0';
	return skafu__name_measure(out, SKAFU__INSTANCE_NAME_BYTES_MAX, "instance", &length, error);
}

static int32_t process_route(struct skafu__process_run *run, const skafu_record *input, skafu_error *error)
{
	struct skafu_writer writer = {.buf = &run->name};
	struct skafu_error own = {0};
	char name[SKAFU__INSTANCE_NAME_BYTES_MAX + 1];
	skafu__buf_clear(&run->name);
	int32_t action = run->version->route(run->version->user, input, &writer, &own);
	if (action < 0)
		return process_said(run, action, "route", &own, error);
	if (action == SKAFU_ROUTE_IGNORE)
		return 0;
	if (action > SKAFU_ROUTE_STOP)
		return skafu__fail(error, SKAFU_EINVAL, "the function route of process %s returned %d, which is no "
				   "SKAFU_ROUTE_", run->process->name, (int)action);
	int32_t rc = process_read_name(run, &writer, name, error);
	return rc ? rc : process_offer(run, input, action, name, error);
}

int32_t skafu__process_handle(void *self, const skafu_record *input, struct skafu__step *step, skafu_error *error)
{
	struct skafu__process_run *run = self;
	uint32_t index = 0;
	process_drop_state(run);
	run->step = step;
	run->failing = 0;
	int32_t rc = input->kind == SKAFU_KIND_OUTCOME ? skafu__process_answer(run, input, error) : 0;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	for (const struct skafu__process_version *each = run->process->versions; rc == 0 && each;
	     each = each->next) {
		int32_t takes = skafu__source_takes(&run->sources[index++], input, error);
		run->version = each;
		if (takes != 0)
			rc = takes < 0 ? takes : process_route(run, input, error);
	}
	return rc;
}

/* ---- timers -------------------------------------------------------------------------------------------------- */

int skafu__process_find_timer(struct skafu__step *step, const uint8_t id[16], struct skafu__timer_setting *out)
{
	struct skafu__process_run *run = step->self;
	const struct skafu__instance_timer *timer = skafu__instance_timer(&run->instance, id);
	if (timer)
		*out = timer->setting;
	return timer != NULL;
}

/* Timers that recorded something which this process did not take are still on the list. */
static int32_t process_sweep_timers(struct skafu__process_run *run, skafu_error *error)
{
	struct skafu__instance *instance = &run->instance;
	for (uint32_t i = instance->timer_count; i-- > 0;) {
		struct skafu__timer_setting now;
		struct skafu__instance_timer *timer = &instance->timers[i];
		int32_t rc = skafu__timer_find(run->model->store, run->step->chain, run->step->turn.batch, timer->id,
					       &now, error);
		if (rc < 0)
			return rc;
		if (rc == 0 || memcmp(now.record_id, timer->setting.record_id, 16) != 0)
			skafu__instance_forget_timer(instance, timer);
	}
	return 0;
}

int32_t skafu__process_note_timer(struct skafu__step *step, const uint8_t id[16], int64_t due_ns,
				  const uint8_t record_id[16], skafu_error *error)
{
	struct skafu__process_run *run = step->self;
	struct skafu__timer_setting setting = {.due_ns = due_ns};
	memcpy(setting.record_id, record_id, 16);
	if (skafu__instance_note_timer(&run->instance, id, &setting))
		return 0;
	int32_t rc = process_sweep_timers(run, error);
	if (rc == 0 && !skafu__instance_note_timer(&run->instance, id, &setting))
		rc = skafu__fail(error, SKAFU_ELIMIT, "instance %s of process %s has %u timers already; cancel some, "
				 "or set one anew", run->instance.name, run->process->name,
				 SKAFU__INSTANCE_TIMERS_MAX);
	return rc;
}

void skafu__process_forget_timer(struct skafu__step *step, const uint8_t id[16])
{
	struct skafu__process_run *run = step->self;
	struct skafu__instance_timer *timer = skafu__instance_timer(&run->instance, id);
	if (timer)
		skafu__instance_forget_timer(&run->instance, timer);
}
