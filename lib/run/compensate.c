#include "run/compensate.h"

#include <string.h>

#include "base/error.h"
#include "base/ident.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/hash.h"
#include "run/command.h"
#include "run/undo.h"
#include "store/store.h"

#define COMPENSATE_FORM 1u
#define COMPENSATE_CODE_BYTES_MAX 255u

const char skafu__undo_table[] = "skafu.undos";

/* ---- sending ------------------------------------------------------------------------------------------------- */

/* Another one each time that the command is sent. */
static void compensate_id(const struct skafu__process_run *run, uint8_t out[16])
{
	static const char purpose[] = "skafu undo 1";
	const struct skafu__instance *instance = &run->instance;
	const uint64_t place[3] = {instance->first_sequence, instance->steps, instance->undo_count};
	const struct skafu__part parts[] = {{purpose, sizeof purpose},
					    {run->process->name, strlen(run->process->name)},
					    {instance->name, strlen(instance->name)}, {place, sizeof place}};
	skafu__blake2b(out, 16, parts, 4);
	skafu__ident_stamp_v8(out);
}

/* Where the outcome will find its way back. */
static int32_t compensate_await(struct skafu__process_run *run, const uint8_t id[16], skafu_error *error)
{
	uint8_t value[1 + 255];
	value[0] = COMPENSATE_FORM;
	size_t length = skafu__instance_key(run->process->name, run->instance.name, value + 1);
	memcpy(run->instance.awaited, id, 16);
	return skafu__step_put_row(run->step, skafu__undo_table, id, 16, value, length + 1, error);
}

static int32_t compensate_send(struct skafu__process_run *run, uint32_t hops, skafu_error *error)
{
	struct skafu__step *step = run->step;
	struct skafu__undo undo;
	uint8_t id[16];
	size_t length = 0;
	struct skafu__sending sending = {.turn = &step->turn, .correlation = step->turn.correlation,
					 .causation = step->turn.causation, .hops = hops};
	const uint8_t *bytes = skafu__instance_last_undo(&run->instance, &length);
	if (!bytes)
		return skafu__process_end(run, SKAFU_PROCESS_FAILED, error);
	if (!skafu__undo_decode(bytes, length, &undo))
		return skafu__fail(error, SKAFU_EDAMAGED, "a command that instance %s of process %s keeps is "
				   "damaged; verify the store", run->instance.name, run->process->name);
	compensate_id(run, id);
	undo.command.id = id;
	int32_t rc = skafu__command_put(run->model, &undo.command, &sending, step->turn.batch, NULL, error);
	return rc ? rc : compensate_await(run, id, error);
}

int32_t skafu__process_undo_next(struct skafu__process_run *run, skafu_error *error)
{
	return compensate_send(run, run->step->turn.hops, error);
}

/* ---- answers ------------------------------------------------------------------------------------------------- */

/* The name of the instance that waits for this outcome: 1, or 0 when none of this process does. */
static int32_t compensate_find(struct skafu__process_run *run, const skafu_record *outcome,
			       char out[SKAFU__INSTANCE_NAME_BYTES_MAX + 1], skafu_error *error)
{
	size_t prefix = strlen(run->process->name) + 1;
	struct skafu__buf *value = &run->encoded;
	int32_t rc = skafu__rowchain_get(run->step->chain, run->model->store, run->step->turn.batch,
					 skafu__undo_table, outcome->causation, 16, value, error);
	if (rc != 1)
		return rc;
	if (value->length < 1 + prefix + 1 || value->length > 1 + prefix + SKAFU__INSTANCE_NAME_BYTES_MAX ||
	    value->bytes[0] != COMPENSATE_FORM || memcmp(value->bytes + 1, run->process->name, prefix) != 0)
		return 0;
	size_t length = value->length - 1 - prefix;
	memcpy(out, value->bytes + 1 + prefix, length);
	out[length] = '\0';
	return 1;
}

static int32_t compensate_go_on(struct skafu__process_run *run, const skafu_record *outcome, int is_accepted,
				skafu_error *error)
{
	struct skafu__instance *instance = &run->instance;
	int is_aside = instance->state == SKAFU_PROCESS_ASIDE;
	if (is_accepted)
		skafu__instance_pop_undo(instance);
	memset(instance->awaited, 0, sizeof instance->awaited);
	instance->steps += instance->steps != UINT32_MAX;
	instance->last_sequence = outcome->sequence;
	int32_t rc = skafu__step_delete_row(run->step, skafu__undo_table, outcome->causation, 16, error);
	/* As far from its cause as the one before: they are as many as were remembered, and no loop. */
	if (rc == 0)
		rc = compensate_send(run, outcome->hops ? outcome->hops - 1 : 0, error);
	if (rc == 0 && is_aside && skafu__instance_has_ended(instance)) {
		instance->resume_state = 0;
		instance->aside_sequence = 0;
		instance->parked = 0;
	}
	return rc ? rc : skafu__process_store(run, error);
}

static int32_t compensate_refused(struct skafu__process_run *run, const skafu_record *outcome,
				  const skafu_outcome *said, skafu_error *error)
{
	skafu__fail(error, SKAFU_EHOST, "instance %s of process %s compensates, and the command %s was refused: %s: "
		    "%s; mend what stands against it, and retry the dead letter, which sends it again",
		    run->instance.name, run->process->name, outcome->type, said->code, said->message);
	return skafu__process_fail(run, SKAFU_EHOST, error);
}

static int32_t compensate_judge(struct skafu__process_run *run, const skafu_record *outcome, skafu_error *error)
{
	skafu_outcome *said = NULL;
	int32_t rc = skafu_outcome_read(outcome, &said, error);
	if (rc != 0)
		return rc;
	int is_accepted = said->decision == SKAFU_DECISION_ACCEPTED;
	if (is_accepted || (run->step->flags & SKAFU__STEP_RETRY))
		rc = compensate_go_on(run, outcome, is_accepted, error);
	else
		rc = compensate_refused(run, outcome, said, error);
	skafu_outcome_free(said);
	return rc;
}

int32_t skafu__process_answer(struct skafu__process_run *run, const skafu_record *outcome, skafu_error *error)
{
	char name[SKAFU__INSTANCE_NAME_BYTES_MAX + 1];
	int32_t rc = compensate_find(run, outcome, name, error);
	if (rc != 1)
		return rc;
	rc = skafu__process_load(run, name, error);
	if (rc < 0)
		return rc;
	if (rc == 0 || memcmp(run->instance.awaited, outcome->causation, 16) != 0) {
		rc = skafu__step_delete_row(run->step, skafu__undo_table, outcome->causation, 16, error);
		return rc ? rc : 1;
	}
	rc = compensate_judge(run, outcome, error);
	if (rc == 0)
		return 1;
	skafu__process_note_failing(run);
	return rc;
}

/* ---- turns --------------------------------------------------------------------------------------------------- */

/* The process that acts in this turn, NULL with the error set. */
static struct skafu__process_run *compensate_run_of(skafu_turn *turn, const char *what, skafu_error *error)
{
	struct skafu__step *step = skafu__step_of(turn, what, error);
	if (!step)
		return NULL;
	if (turn->kind != SKAFU__TURN_PROCESS || !step->instance) {
		skafu__fail(error, SKAFU_EMISUSE, "%s is for the function act of a process", what);
		return NULL;
	}
	struct skafu__process_run *run = step->self;
	if (run->instance.state == SKAFU_PROCESS_RUNNING)
		return run;
	skafu__fail(error, SKAFU_EMISUSE, "%s is called after the instance was ended in the same turn", what);
	return NULL;
}

/* Whatever this turn could not do must not go unnoticed. */
static int32_t compensate_sticks(skafu_turn *turn, int32_t rc)
{
	if (rc != 0)
		turn->failed = rc;
	return rc;
}

static int32_t compensate_no_run(skafu_turn *turn)
{
	return turn ? compensate_sticks(turn, SKAFU_EMISUSE) : SKAFU_EINVAL;
}

/* As if it were sent now: what is wrong with it is said here. */
static int32_t compensate_check(struct skafu__process_run *run, const skafu_command *command, skafu_error *error)
{
	skafu_batch *scratch = NULL;
	struct skafu__sending sending = {.correlation = run->step->turn.correlation,
					 .causation = run->step->turn.causation, .hops = run->step->turn.hops};
	int32_t rc = skafu_batch_new(run->model->store, &scratch, error);
	if (rc == 0)
		rc = skafu__command_put(run->model, command, &sending, scratch, NULL, error);
	skafu_batch_free(scratch);
	return rc;
}

static int32_t compensate_remember(struct skafu__process_run *run, const skafu_command *given, skafu_error *error)
{
	skafu_command command;
	int32_t rc = compensate_check(run, given, error);
	if (rc == 0)
		rc = skafu__opts_read(&command, sizeof command, given, "skafu_command", error);
	if (rc != 0)
		return rc;
	if (!command.correlation)
		command.correlation = run->step->turn.correlation;
	rc = skafu__undo_encode(&command, &run->command);
	if (rc == 0)
		rc = skafu__instance_push_undo(&run->instance, run->command.bytes, run->command.length);
	if (rc == SKAFU_ELIMIT)
		return skafu__fail(error, SKAFU_ELIMIT, "instance %s of process %s remembers %u commands that undo, "
				   "or this one is too large; at most %u are kept", run->instance.name,
				   run->process->name, run->instance.undo_count, SKAFU__INSTANCE_UNDOS_MAX);
	return rc ? skafu__fail_memory(error) : 0;
}

int32_t skafu_turn_undo_with(skafu_turn *turn, const skafu_command *command, skafu_error *error)
{
	struct skafu__process_run *run = compensate_run_of(turn, "skafu_turn_undo_with", error);
	if (!run)
		return compensate_no_run(turn);
	return compensate_sticks(turn, compensate_remember(run, command, error));
}

static int32_t compensate_check_reason(const char *code, const char *message, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(code, COMPENSATE_CODE_BYTES_MAX, "code of a failure", &length, error);
	if (rc == 0 && message &&
	    strnlen(message, SKAFU__INSTANCE_MESSAGE_BYTES_MAX + 1) > SKAFU__INSTANCE_MESSAGE_BYTES_MAX)
		rc = skafu__fail(error, SKAFU_ELIMIT, "the message of a failure has more than %u bytes",
				 SKAFU__INSTANCE_MESSAGE_BYTES_MAX);
	if (rc == 0 && message && !skafu__utf8_is_valid(message, strlen(message)))
		rc = skafu__fail(error, SKAFU_EUTF8, "the message of a failure is not UTF-8");
	return rc;
}

int32_t skafu_turn_compensate(skafu_turn *turn, const char *code, const char *message, skafu_error *error)
{
	struct skafu__process_run *run = compensate_run_of(turn, "skafu_turn_compensate", error);
	if (!run)
		return compensate_no_run(turn);
	int32_t rc = compensate_check_reason(code, message, error);
	if (rc != 0)
		return compensate_sticks(turn, rc);
	run->instance.state = SKAFU_PROCESS_COMPENSATING;
	memcpy(run->instance.code, code, strlen(code) + 1);
	run->instance.message[0] = '\0';
	if (message)
		memcpy(run->instance.message, message, strlen(message) + 1);
	return 0;
}

int32_t skafu_turn_complete(skafu_turn *turn, skafu_error *error)
{
	struct skafu__process_run *run = compensate_run_of(turn, "skafu_turn_complete", error);
	if (!run)
		return compensate_no_run(turn);
	run->instance.state = SKAFU_PROCESS_COMPLETED;
	return 0;
}
