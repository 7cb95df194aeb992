/*
 * then.c: what came of it: each check compares one expectation with what is there, and says how they differ.
 *
 * Invariant: a check changes nothing but the scenario's place in what came, which moves past what was looked at
 * whether it was as expected or not.
 */
#include "skafu_test.h"

#include <inttypes.h>
#include <string.h>

#include "test/jsondiff.h"
#include "test/matching.h"
#include "test/scenario.h"

#define THEN_SHOWN_MAX 5u
#define THEN_VIEW_NS UINT64_C(10000000000)

static int32_t then_begin(skafu_scenario *scenario, skafu_error *error)
{
	int32_t rc = skafu__kit_enter(scenario, error);
	if (rc != 0)
		return rc;
	skafu__kit_text_clear(&scenario->report);
	skafu__kit_pause(scenario);
	return 0;
}

/* Every check ends here: 0 when it holds, else 1 or a negative code. */
static int32_t then_end(skafu_scenario *scenario, int32_t rc, skafu_error *error)
{
	skafu__kit_resume(scenario);
	return rc > 0 ? skafu__kit_differs(scenario, error) : rc;
}

/* ---- what came ----------------------------------------------------------------------------------------------- */

static int then_is_own(const skafu_scenario *scenario, uint64_t sequence)
{
	for (size_t i = 0; i < scenario->own_count; i++)
		if (scenario->own[i] == sequence)
			return 1;
	return 0;
}

static int32_t then_open(skafu_scenario *scenario, skafu_cursor **out_cursor, skafu_error *error)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_EVENTS | SKAFU_KINDS_COMMANDS,
				.from = scenario->seen + 1};
	return skafu_read(scenario->store, NULL, SKAFU_NO_LIMIT, &opts, out_cursor, error);
}

static int32_t then_next(skafu_scenario *scenario, skafu_cursor *cursor, const skafu_record **out_record,
			 skafu_error *error)
{
	int32_t rc;
	do
		rc = skafu_cursor_next(cursor, out_record, error);
	while (rc == 1 && then_is_own(scenario, (*out_record)->sequence));
	return rc;
}

/* Why nothing more came is often known. */
static void then_say_why(skafu_scenario *scenario)
{
	struct skafu__kit_text *text = &scenario->report;
	const skafu_outcome *outcome = scenario->outcome;
	if (outcome && outcome->decision == SKAFU_DECISION_REFUSED)
		skafu__kit_text_say(text, "\n  The command was refused: %s (%s)", outcome->message, outcome->code);
	for (size_t i = 0; i < scenario->failure_count && i < THEN_SHOWN_MAX; i++)
		skafu__kit_text_say(text, "\n  %s failed: %s (%s)", scenario->failures[i].consumer,
				    scenario->failures[i].message, skafu_result_name(scenario->failures[i].code));
}

/* An expectation that no record could be made of is a mistake of the test. */
static int32_t then_check_expectation(skafu_scenario *scenario, const skafu_new_record *expected, skafu_error *error)
{
	skafu_new_record record = *expected;
	skafu_batch *batch = NULL;
	record.stream = record.stream ? record.stream : "any";
	record.type = record.type ? record.type : "Any";
	if (record.kind == 0)
		record.kind = SKAFU_KIND_EVENT;
	int32_t rc = skafu_batch_new(scenario->store, &batch, error);
	if (rc == 0)
		rc = skafu_batch_add(batch, &record, error);
	skafu_batch_free(batch);
	return rc;
}

static int32_t then_compare(skafu_scenario *scenario, const skafu_new_record *expected, const skafu_command *command,
			    const skafu_record *found)
{
	struct skafu__kit_text lines = {0};
	unsigned count = command ? skafu__kit_match_command(&lines, command, found)
				 : skafu__kit_match_record(&lines, expected, found);
	if (count != 0) {
		skafu__kit_text_say(&scenario->report, "Expected ");
		skafu__kit_say_expected(&scenario->report, expected);
		skafu__kit_text_say(&scenario->report, ",\nfound ");
		skafu__kit_say_record(&scenario->report, found);
		skafu__kit_text_put(&scenario->report, lines.bytes ? lines.bytes : "", lines.length);
	}
	if (lines.failed)
		scenario->report.failed = lines.failed;
	skafu__kit_text_done(&lines);
	return count != 0;
}

static int32_t then_record(skafu_scenario *scenario, const skafu_new_record *expected, const skafu_command *command,
			   skafu_error *error)
{
	const skafu_record *found = NULL;
	skafu_cursor *cursor = NULL;
	int32_t rc = then_check_expectation(scenario, expected, error);
	if (rc == 0)
		rc = then_open(scenario, &cursor, error);
	if (rc == 0)
		rc = then_next(scenario, cursor, &found, error);
	if (rc == 1 && found) {
		scenario->seen = found->sequence;
		rc = then_compare(scenario, expected, command, found);
	} else if (rc == 0) {
		skafu__kit_text_say(&scenario->report, "Expected ");
		skafu__kit_say_expected(&scenario->report, expected);
		skafu__kit_text_say(&scenario->report, ", found that nothing more came.");
		then_say_why(scenario);
		rc = 1;
	}
	skafu_cursor_free(cursor);
	return rc;
}

int32_t skafu_scenario_then_event(skafu_scenario *scenario, const skafu_new_record *event, skafu_error *error)
{
	int32_t rc = then_begin(scenario, error);
	if (rc != 0)
		return rc;
	if (!event || event->size != sizeof *event || event->kind > SKAFU_KIND_EVENT)
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "the event is NULL, of another kind, or of another "
				    "size than "
				     "skafu_new_record");
	else
		rc = then_record(scenario, event, NULL, error);
	return then_end(scenario, rc, error);
}

int32_t skafu_scenario_then_command(skafu_scenario *scenario, const skafu_command *command, skafu_error *error)
{
	skafu_new_record record;
	int32_t rc = then_begin(scenario, error);
	if (rc != 0)
		return rc;
	if (!command || command->size != sizeof *command) {
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "the command is NULL or of another size than "
				    "skafu_command");
	} else {
		skafu__kit_command_record(command, &record);
		rc = then_record(scenario, &record, command, error);
	}
	return then_end(scenario, rc, error);
}

/* ---- effects ------------------------------------------------------------------------------------------------- */

static int32_t then_effect(skafu_scenario *scenario, const char *consumer, const char *name)
{
	struct skafu__kit_text *text = &scenario->report;
	if (scenario->effects_seen == scenario->effect_count) {
		skafu__kit_text_say(text, "Expected the effect %s of %s, found that no more effects came.", name,
				    consumer);
		if (scenario->muted != 0)
			skafu__kit_text_say(text, "\n  Effects were asked for and held back, since their "
					    "input had been "
					    "handled before: %u", scenario->muted);
		then_say_why(scenario);
		return 1;
	}
	const struct skafu__kit_effect *effect = &scenario->effects[scenario->effects_seen++];
	if (strcmp(effect->consumer, consumer) == 0 && strcmp(effect->name, name) == 0)
		return 0;
	skafu__kit_text_say(text, "Expected the effect %s of %s,\nfound the effect %s of %s", name, consumer,
			    effect->name, effect->consumer);
	return 1;
}

int32_t skafu_scenario_then_effect(skafu_scenario *scenario, const char *consumer, const char *name,
				   skafu_error *error)
{
	int32_t rc = then_begin(scenario, error);
	if (rc != 0)
		return rc;
	if (!consumer || !name)
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "the consumer or the name of the effect is NULL");
	else
		rc = then_effect(scenario, consumer, name);
	return then_end(scenario, rc, error);
}

/* ---- nothing ------------------------------------------------------------------------------------------------- */

static void then_say_nothing(skafu_scenario *scenario, unsigned count)
{
	if (count == 0)
		skafu__kit_text_say(&scenario->report, "Expected nothing more, found:");
	if (count < THEN_SHOWN_MAX)
		skafu__kit_text_say(&scenario->report, "\n  ");
}

static int32_t then_nothing(skafu_scenario *scenario, skafu_error *error)
{
	const skafu_record *record = NULL;
	skafu_cursor *cursor = NULL;
	unsigned count = 0;
	int32_t rc = then_open(scenario, &cursor, error);
	while (rc == 0 && (rc = then_next(scenario, cursor, &record, error)) == 1) {
		then_say_nothing(scenario, count);
		if (count++ < THEN_SHOWN_MAX)
			skafu__kit_say_record(&scenario->report, record);
		scenario->seen = record->sequence;
		rc = 0;
	}
	skafu_cursor_free(cursor);
	for (; scenario->effects_seen < scenario->effect_count; scenario->effects_seen++) {
		const struct skafu__kit_effect *effect = &scenario->effects[scenario->effects_seen];
		then_say_nothing(scenario, count);
		if (count++ < THEN_SHOWN_MAX)
			skafu__kit_text_say(&scenario->report, "the effect %s of %s", effect->name, effect->consumer);
	}
	if (count > THEN_SHOWN_MAX)
		skafu__kit_text_say(&scenario->report, "\n  and %u more", count - THEN_SHOWN_MAX);
	return rc < 0 ? rc : count != 0;
}

int32_t skafu_scenario_then_nothing(skafu_scenario *scenario, skafu_error *error)
{
	int32_t rc = then_begin(scenario, error);
	return rc ? rc : then_end(scenario, then_nothing(scenario, error), error);
}

/* ---- refusals and failures ----------------------------------------------------------------------------------- */

static int32_t then_refused(skafu_scenario *scenario, const char *code)
{
	const skafu_outcome *outcome = scenario->outcome;
	struct skafu__kit_text *text = &scenario->report;
	if (outcome && outcome->decision == SKAFU_DECISION_REFUSED && strcmp(outcome->code, code) == 0)
		return 0;
	skafu__kit_text_say(text, "Expected that the command is refused as %s, found that ", code);
	if (!outcome)
		skafu__kit_text_say(text, "the last `when` executed no command.");
	else if (outcome->decision == SKAFU_DECISION_REFUSED)
		skafu__kit_text_say(text, "it was refused as %s: %s", outcome->code, outcome->message);
	else
		skafu__kit_text_say(text, "it was accepted, with %" PRIu32 " events.", outcome->event_count);
	return 1;
}

int32_t skafu_scenario_then_refused(skafu_scenario *scenario, const char *code, skafu_error *error)
{
	int32_t rc = then_begin(scenario, error);
	if (rc != 0)
		return rc;
	rc = code ? then_refused(scenario, code)
		  : skafu__kit_fail(error, SKAFU_EINVAL, "the code of the refusal is NULL");
	return then_end(scenario, rc, error);
}

static int32_t then_failed(skafu_scenario *scenario, const char *consumer, int32_t code)
{
	struct skafu__kit_text *text = &scenario->report;
	for (size_t i = 0; i < scenario->failure_count; i++)
		if (scenario->failures[i].code == code && strcmp(scenario->failures[i].consumer, consumer) == 0)
			return 0;
	skafu__kit_text_say(text, "Expected that %s fails with %s, found that ", consumer, skafu_result_name(code));
	skafu__kit_text_say(text, scenario->failure_count ? "others failed:" : "no handler failed.");
	for (size_t i = 0; i < scenario->failure_count && i < THEN_SHOWN_MAX; i++)
		skafu__kit_text_say(text, "\n  %s at record %" PRIu64 ": %s (%s)", scenario->failures[i].consumer,
				    scenario->failures[i].sequence, scenario->failures[i].message,
				    skafu_result_name(scenario->failures[i].code));
	return 1;
}

int32_t skafu_scenario_then_failed(skafu_scenario *scenario, const char *consumer, int32_t code, skafu_error *error)
{
	int32_t rc = then_begin(scenario, error);
	if (rc != 0)
		return rc;
	if (!consumer || code >= 0)
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "the consumer is NULL, or the code is no failure");
	else
		rc = then_failed(scenario, consumer, code);
	return then_end(scenario, rc, error);
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

struct then_row {
	const char *projection;
	const char *table;
	const void *key;
	size_t key_length;
	const void *value; /* NULL: there shall be no row */
	size_t value_length;
};

static void then_say_row(skafu_scenario *scenario, const struct then_row *row)
{
	struct skafu__kit_text *text = &scenario->report;
	skafu__kit_text_say(text, "Expected %s row in table %s of %s under ", row->value ? "a" : "no",
			    row->table ? row->table : "main", row->projection);
	skafu__kit_text_value(text, row->key, row->key_length);
	if (!row->value)
		return;
	skafu__kit_text_say(text, " with ");
	skafu__kit_text_value(text, row->value, row->value_length);
}

static int then_is_object(const void *value, size_t length)
{
	const char *member;
	size_t member_length;
	return length != 0 && memchr("{[", *(const char *)value, 2) != NULL &&
	       skafu_json_find(value, length, "", &member, &member_length, NULL) == 0 && member_length == length;
}

/* Documents by their meaning, everything else by its bytes. */
static unsigned then_rows_differ(struct skafu__kit_text *text, const struct then_row *row, const void *found,
				 size_t found_length)
{
	if (row->value_length == found_length && memcmp(row->value, found, found_length) == 0)
		return 0;
	if (!then_is_object(row->value, row->value_length) || !then_is_object(found, found_length))
		return 1;
	return skafu__kit_json_diff(text, row->value, row->value_length, found, found_length, 0);
}

static int32_t then_compare_row(skafu_scenario *scenario, const struct then_row *row, const void *found,
				size_t found_length)
{
	struct skafu__kit_text lines = {0};
	if (!found && !row->value)
		return 0;
	if (found && row->value && then_rows_differ(&lines, row, found, found_length) == 0)
		return 0;
	then_say_row(scenario, row);
	skafu__kit_text_say(&scenario->report, ",\nfound ");
	if (found)
		skafu__kit_text_value(&scenario->report, found, found_length);
	else
		skafu__kit_text_say(&scenario->report, "no such row.");
	skafu__kit_text_put(&scenario->report, lines.bytes ? lines.bytes : "", lines.length);
	if (lines.failed)
		scenario->report.failed = lines.failed;
	skafu__kit_text_done(&lines);
	then_say_why(scenario);
	return 1;
}

static int32_t then_row(skafu_scenario *scenario, const struct then_row *row, skafu_error *error)
{
	skafu_view *view = NULL;
	void *found = NULL;
	size_t found_length = 0;
	int32_t rc = skafu_view_open(scenario->model, row->projection, 0, THEN_VIEW_NS, &view, error);
	if (rc == 0)
		rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, THEN_VIEW_NS, NULL, error);
	if (rc == 0)
		rc = skafu_view_get(view, row->table, row->key, row->key_length, &found, &found_length, error);
	if (rc == 0 || (rc == SKAFU_ENOTFOUND && view))
		rc = then_compare_row(scenario, row, found, found_length);
	skafu_bytes_free(found);
	skafu_view_close(view);
	return rc;
}

int32_t skafu_scenario_then_row(skafu_scenario *scenario, const char *projection, const char *table, const void *key,
				size_t key_length, const void *value, size_t value_length, skafu_error *error)
{
	const struct then_row row = {projection, table, key, key_length, value, value_length};
	int32_t rc = then_begin(scenario, error);
	if (rc != 0)
		return rc;
	if (!projection || !key || key_length == 0 || (!value && value_length != 0))
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "the projection or the key is NULL or empty, or there is a "
				     "length without a value");
	else
		rc = then_row(scenario, &row, error);
	return then_end(scenario, rc, error);
}

/* ---- processes ----------------------------------------------------------------------------------------------- */

static const char *then_state(uint32_t state)
{
	static const char *const names[] = {"not there", "running", "compensating", "completed", "failed", "aside"};
	return names[state < sizeof names / sizeof *names ? state : 0];
}

/* 1 when the list has that instance. */
static int32_t then_find_instance(skafu_process_list *list, const char *instance, const skafu_process_info **out,
				  skafu_error *error)
{
	int32_t rc = skafu_process_list_next(list, out, error);
	while (rc == 1 && strcmp((*out)->instance, instance) != 0)
		rc = skafu_process_list_next(list, out, error);
	return rc;
}

static int32_t then_process(skafu_scenario *scenario, const char *process, const char *instance, uint32_t state,
			    skafu_error *error)
{
	const skafu_process_info *info = NULL;
	skafu_process_list *list = NULL;
	int32_t rc = skafu_process_list_open(scenario->store, process, 0, SKAFU_NO_LIMIT, &list, error);
	if (rc == 0)
		rc = then_find_instance(list, instance, &info, error);
	uint32_t found = rc == 1 && info ? info->state : 0;
	if (rc >= 0 && found == state) {
		rc = 0;
	} else if (rc >= 0) {
		skafu__kit_text_say(&scenario->report, "Expected instance %s of process %s to be %s, found it %s",
				    instance, process, then_state(state), then_state(found));
		if (rc == 1 && info && info->code[0])
			skafu__kit_text_say(&scenario->report, ": %s (%s)", info->message, info->code);
		rc = 1;
		then_say_why(scenario);
	}
	skafu_process_list_free(list);
	return rc;
}

int32_t skafu_scenario_then_process(skafu_scenario *scenario, const char *process, const char *instance,
				    uint32_t state, skafu_error *error)
{
	int32_t rc = then_begin(scenario, error);
	if (rc != 0)
		return rc;
	if (!process || !instance || state < SKAFU_PROCESS_RUNNING || state > SKAFU_PROCESS_ASIDE)
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "the process or the instance is NULL, or %u is no "
				     "SKAFU_PROCESS_", state);
	else
		rc = then_process(scenario, process, instance, state, error);
	return then_end(scenario, rc, error);
}
