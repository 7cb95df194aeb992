#include "test/when.h"

#include <inttypes.h>
#include <string.h>

#include "test/told.h"

#define WHEN_STEP_INPUTS 1024u
#define WHEN_STEPS_MAX 10000u  /* without coming to rest: ten million inputs */
#define WHEN_WAITS_MAX 10000u  /* attempts of handlers that fail */
#define WHEN_WAIT_NS UINT64_C(10000000000)

/* ---- running ------------------------------------------------------------------------------------------------- */

static int32_t when_step(skafu_scenario *scenario, skafu_error *error)
{
	for (uint32_t i = 0; i < WHEN_STEPS_MAX; i++) {
		int32_t rc = skafu_engine_step(scenario->engine, WHEN_STEP_INPUTS, error);
		if (rc != 1)
			return rc;
	}
	return skafu__kit_fail(error, SKAFU_ELIMIT, "the scenario does not come to rest: something that is recorded "
			       "leads to itself again, or a timer sets itself without moving on");
}

/* Until all is done, or its next attempt lies ahead: then that is now. */
static int32_t when_drain(skafu_scenario *scenario, skafu_error *error)
{
	for (uint32_t i = 0; i < WHEN_WAITS_MAX; i++) {
		uint64_t wait_ns = 0;
		int32_t rc = when_step(scenario, error);
		if (rc == 0)
			rc = skafu_engine_drain(scenario->engine, 0, error);
		if (rc != SKAFU_ETIMEOUT)
			return rc;
		rc = skafu_engine_timeout(scenario->engine, &wait_ns, error);
		if (rc != 0)
			return rc;
		if (wait_ns < INT64_MAX)
			scenario->machine.hook.sleep(scenario->machine.hook.user, (int64_t)wait_ns);
	}
	return skafu__kit_fail(error, SKAFU_ELIMIT, "the scenario does not come to rest: a handler fails again and "
			       "again, and its policy has no end");
}

static int32_t when_run(skafu_scenario *scenario, skafu_error *error)
{
	int32_t rc = when_drain(scenario, error);
	if (rc == 0 && scenario->failed != 0)
		rc = skafu__kit_fail(error, scenario->failed, "there was no memory to note what happened");
	return rc;
}

/* ---- a second time ------------------------------------------------------------------------------------------- */

static int32_t when_rewind_all(skafu_scenario *scenario, uint64_t before, skafu_error *error)
{
	const skafu_consumer_info *info = NULL;
	skafu_consumer_list *list = NULL;
	int32_t rc = skafu_consumer_list_open(scenario->model, &list, error);
	while (rc == 0 && (rc = skafu_consumer_list_next(list, &info, error)) == 1) {
		int is_one = info->kind == SKAFU_CONSUMER_KIND_REACTION || info->kind == SKAFU_CONSUMER_KIND_PROCESS;
		rc = is_one ? skafu_consumer_rewind(scenario->model, info->name, before, error) : 0;
	}
	skafu_consumer_list_free(list);
	return rc;
}

static void when_say_more(skafu_scenario *scenario, int *is_said)
{
	if (!*is_said)
		skafu__kit_text_say(&scenario->report, "Expected that reactions and processes add nothing "
				    "when they are "
				    "given their input again; found:");
	*is_said = 1;
}

static int32_t when_look_for_records(skafu_scenario *scenario, uint64_t after, int *is_said, skafu_error *error)
{
	const skafu_record *record = NULL;
	skafu_cursor *cursor = NULL;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_EVENTS | SKAFU_KINDS_COMMANDS,
				.from = after + 1};
	int32_t rc = skafu_read(scenario->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, error);
	while (rc == 0 && (rc = skafu_cursor_next(cursor, &record, error)) == 1) {
		when_say_more(scenario, is_said);
		skafu__kit_text_say(&scenario->report, "\n  the %s %s", record->kind == SKAFU_KIND_EVENT ? "event"
										    : "command", record->type);
		if (record->stream[0])
			skafu__kit_text_say(&scenario->report, " of stream %s", record->stream);
		rc = 0;
	}
	skafu_cursor_free(cursor);
	return rc;
}

static void when_look_for_effects(skafu_scenario *scenario, size_t effects, size_t failures, int *is_said)
{
	for (size_t i = effects; i < scenario->effect_count; i++) {
		when_say_more(scenario, is_said);
		skafu__kit_text_say(&scenario->report, "\n  the effect %s of %s", scenario->effects[i].name,
				    scenario->effects[i].consumer);
	}
	for (size_t i = failures; i < scenario->failure_count; i++) {
		const struct skafu__kit_failure *failure = &scenario->failures[i];
		when_say_more(scenario, is_said);
		skafu__kit_text_say(&scenario->report, "\n  a failure of %s at record %" PRIu64 ": %s (%s)",
				    failure->consumer, failure->sequence, failure->message,
				    skafu_result_name(failure->code));
	}
}

static int32_t when_repeat(skafu_scenario *scenario, uint64_t before, skafu_error *error)
{
	size_t effects = scenario->effect_count;
	size_t failures = scenario->failure_count;
	uint64_t head = 0;
	int is_said = 0;
	int32_t rc = skafu_store_head(scenario->store, &head, error);
	if (rc == 0)
		rc = when_rewind_all(scenario, before, error);
	if (rc == 0)
		rc = when_run(scenario, error);
	if (rc == 0)
		rc = when_look_for_records(scenario, head, &is_said, error);
	if (rc != 0)
		return rc;
	when_look_for_effects(scenario, effects, failures, &is_said);
	skafu__kit_forget_failures(scenario, failures);
	return is_said ? skafu__kit_differs(scenario, error) : 0;
}

int32_t skafu__kit_settle(skafu_scenario *scenario, uint64_t before, skafu_error *error)
{
	int32_t rc = when_run(scenario, error);
	if (rc != 0 || !(scenario->flags & SKAFU_SCENARIO_REPEAT))
		return rc;
	skafu__kit_pause(scenario);
	rc = when_repeat(scenario, before, error);
	skafu__kit_resume(scenario);
	return rc;
}

/* ---- begin --------------------------------------------------------------------------------------------------- */

/* What belongs to the `when` before is over.  The consumers begin before anything happens. */
static int32_t when_begin(skafu_scenario *scenario, uint64_t *out_before, skafu_error *error)
{
	skafu_engine *engine;
	int32_t rc = skafu__kit_enter(scenario, error);
	if (rc != 0)
		return rc;
	skafu__kit_text_clear(&scenario->report);
	skafu__kit_forget_failures(scenario, 0);
	skafu_outcome_free(scenario->outcome);
	scenario->outcome = NULL;
	scenario->muted = 0;
	rc = skafu_scenario_engine(scenario, &engine, error);
	return rc ? rc : skafu__kit_head(scenario, out_before, error);
}

/* What the model knows is filled in: an event belongs to the domain of its type and is of its newest version. */
static int32_t when_complete(const skafu_scenario *scenario, const skafu_new_record *event, skafu_new_record *out,
			     skafu_error *error)
{
	if (!event || event->size != sizeof *event || !event->type)
		return skafu__kit_fail(error, SKAFU_EINVAL, "the event is NULL, has no type, or another size than "
				       "skafu_new_record");
	const struct skafu__kit_type *type = skafu__kit_type(scenario, event->type);
	*out = *event;
	if (event->kind > SKAFU_KIND_EVENT)
		return 0;
	if (!type)
		return skafu__kit_fail(error, SKAFU_EDEFINITION, "the model has no event type %s; define it, "
				    "or correct "
				       "the name", event->type);
	if (!out->source)
		out->source = type->domain;
	if (out->event_version == 0)
		out->event_version = type->version;
	return 0;
}

static int32_t when_append(skafu_scenario *scenario, const skafu_new_record *event, uint64_t *out_sequence,
			   skafu_error *error)
{
	skafu_appended appended = {.size = sizeof appended};
	skafu_new_record record;
	skafu_batch *batch = NULL;
	int32_t rc = when_complete(scenario, event, &record, error);
	if (rc == 0)
		rc = skafu_batch_new(scenario->store, &batch, error);
	if (rc == 0)
		rc = skafu_batch_add(batch, &record, error);
	if (rc == 0)
		rc = skafu_append(scenario->store, batch, WHEN_WAIT_NS, &appended, error);
	skafu_batch_free(batch);
	if (rc == 0)
		*out_sequence = appended.last_sequence;
	return rc;
}

static int32_t when_note(skafu_scenario *scenario, uint64_t **list, size_t *room, size_t *count, uint64_t sequence,
			 skafu_error *error)
{
	if (skafu__kit_grow((void **)list, room, *count, sizeof **list) != 0) {
		scenario->failed = SKAFU_ENOMEM;
		return skafu__kit_fail(error, SKAFU_ENOMEM, "there is no memory to note what happened");
	}
	(*list)[(*count)++] = sequence;
	return 0;
}

/* ---- given --------------------------------------------------------------------------------------------------- */

static int32_t when_give_all(skafu_scenario *scenario, const skafu_new_record *event, uint64_t before,
			     skafu_error *error)
{
	uint64_t sequence = 0;
	int32_t rc = when_append(scenario, event, &sequence, error);
	if (rc == 0 && event->kind <= SKAFU_KIND_EVENT)
		rc = when_note(scenario, &scenario->given, &scenario->given_room, &scenario->given_count, sequence,
			       error);
	return rc ? rc : skafu__kit_settle(scenario, before, error);
}

static int32_t when_give(skafu_scenario *scenario, const skafu_new_record *event, uint64_t before, skafu_error *error)
{
	int32_t rc = when_give_all(scenario, event, before, error);
	if (rc < 0)
		return rc;
	skafu__kit_forget_failures(scenario, 0);
	scenario->effects_seen = scenario->effect_count;
	int32_t own = skafu__kit_head(scenario, &scenario->seen, error);
	return own ? own : rc;
}

int32_t skafu_scenario_given(skafu_scenario *scenario, const skafu_new_record *event, skafu_error *error)
{
	uint64_t before = 0;
	int32_t rc = when_begin(scenario, &before, error);
	if (rc != 0)
		return rc;
	skafu__kit_pause(scenario);
	rc = when_give(scenario, event, before, error);
	skafu__kit_resume(scenario);
	return rc;
}

/* ---- when ---------------------------------------------------------------------------------------------------- */

static int32_t when_judge_scope(skafu_scenario *scenario, skafu_error *error)
{
	const struct skafu__kit_scope *scope = &scenario->scope;
	skafu_record *record = NULL;
	if (scope->failed != 0)
		return skafu__kit_fail(error, scope->failed, "the events that the scope of the decider "
				    "selects could not "
				       "be read");
	if (!scope->is_missing)
		return 0;
	int32_t rc = skafu_get(scenario->store, scope->missing, &record, error);
	if (rc != 0)
		return rc;
	skafu__kit_text_say(&scenario->report, "Expected that the scope of the decider selects what is given; "
			    "found that "
			    "it leaves out the event %s of stream %s", record->type, record->stream);
	for (uint32_t i = 0; i < record->tag_count; i++)
		skafu__kit_text_say(&scenario->report, "%s%s", i ? ", " : ", with the tags "
				    "", skafu_record_tag(record, i));
	skafu_record_free(record);
	return skafu__kit_differs(scenario, error);
}

/* The id of a command is part of the run. */
static int32_t when_execute(skafu_scenario *scenario, const skafu_command *given, skafu_error *error)
{
	uint8_t id[SKAFU_ID_BYTES];
	skafu_command command;
	if (!given || given->size != sizeof command)
		return skafu__kit_fail(error, SKAFU_EINVAL, "the command is NULL or has another size than "
				       "skafu_command");
	command = *given;
	if (!command.id && !command.key) {
		skafu__kit_machine_id(&scenario->machine, id);
		command.id = id;
	}
	memset(&scenario->scope, 0, sizeof scenario->scope);
	scenario->scope.is_wanted = !(scenario->flags & SKAFU_SCENARIO_ANY_SCOPE);
	int32_t rc = skafu_model_execute(scenario->model, &command, WHEN_WAIT_NS, NULL, &scenario->outcome, error);
	scenario->scope.is_wanted = 0;
	return rc;
}

int32_t skafu_scenario_when(skafu_scenario *scenario, const skafu_command *command, skafu_error *error)
{
	uint64_t before = 0;
	int32_t rc = when_begin(scenario, &before, error);
	if (rc == 0)
		rc = when_execute(scenario, command, error);
	if (rc == 0)
		rc = skafu__kit_settle(scenario, before, error);
	if (rc != 0)
		return rc;
	skafu__kit_pause(scenario);
	rc = when_judge_scope(scenario, error);
	skafu__kit_resume(scenario);
	return rc;
}

/* The event itself is not what came of it; what is waiting to be checked stays so. */
int32_t skafu_scenario_when_event(skafu_scenario *scenario, const skafu_new_record *event, skafu_error *error)
{
	uint64_t before = 0;
	uint64_t sequence = 0;
	int32_t rc = when_begin(scenario, &before, error);
	if (rc == 0)
		rc = when_append(scenario, event, &sequence, error);
	if (rc == 0)
		rc = when_note(scenario, &scenario->own, &scenario->own_room, &scenario->own_count, sequence, error);
	return rc ? rc : skafu__kit_settle(scenario, before, error);
}

int32_t skafu_scenario_when_time(skafu_scenario *scenario, int64_t now_ns, skafu_error *error)
{
	uint64_t before = 0;
	int32_t rc = when_begin(scenario, &before, error);
	if (rc != 0)
		return rc;
	scenario->machine.wall_ns = now_ns;
	return skafu__kit_settle(scenario, before, error);
}
