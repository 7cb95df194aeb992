#include "test/told.h"

#include <string.h>

/* ---- types --------------------------------------------------------------------------------------------------- */

const struct skafu__kit_type *skafu__kit_type(const skafu_scenario *scenario, const char *name)
{
	for (size_t i = 0; i < scenario->type_count; i++)
		if (strcmp(scenario->types[i].name, name) == 0)
			return &scenario->types[i];
	return NULL;
}

static void told_free_type(struct skafu__kit_type *type)
{
	skafu__kit_memory(type->name, 0);
	skafu__kit_memory(type->domain, 0);
}

void skafu__kit_forget_types(skafu_scenario *scenario)
{
	while (scenario->type_count > 0)
		told_free_type(&scenario->types[--scenario->type_count]);
}

static struct skafu__kit_type *told_new_type(skafu_scenario *scenario, const char *name)
{
	struct skafu__kit_type type = {.name = skafu__kit_copy(name)};
	if (!type.name || skafu__kit_grow((void **)&scenario->types, &scenario->type_room, scenario->type_count,
					  sizeof type) != 0) {
		skafu__kit_memory(type.name, 0);
		return NULL;
	}
	scenario->types[scenario->type_count] = type;
	return &scenario->types[scenario->type_count++];
}

/* An upcaster may come before the definition of its type, or after. */
static int32_t told_type(skafu_scenario *scenario, const struct skafu_test_note *note)
{
	struct skafu__kit_type *type = NULL;
	for (size_t i = 0; i < scenario->type_count && !type; i++)
		if (strcmp(scenario->types[i].name, note->name) == 0)
			type = &scenario->types[i];
	if (!type)
		type = told_new_type(scenario, note->name);
	if (!type)
		return SKAFU_ENOMEM;
	if (!note->text || type->domain)
		return 0;
	type->domain = skafu__kit_copy(note->text);
	type->version = (uint32_t)note->number;
	return type->domain ? 0 : SKAFU_ENOMEM;
}

/* ---- effects and failures ------------------------------------------------------------------------------------ */

void skafu__kit_forget_effects(skafu_scenario *scenario)
{
	while (scenario->effect_count > 0) {
		struct skafu__kit_effect *effect = &scenario->effects[--scenario->effect_count];
		skafu__kit_memory(effect->consumer, 0);
		skafu__kit_memory(effect->name, 0);
	}
}

static int32_t told_effect(skafu_scenario *scenario, const struct skafu_test_note *note)
{
	struct skafu__kit_effect effect = {0};
	if (note->number == 0) {
		scenario->muted++;
		return 0;
	}
	for (size_t i = 0; i < scenario->effect_count; i++)
		if (memcmp(scenario->effects[i].key, note->object, 16) == 0)
			return 0;
	memcpy(effect.key, note->object, 16);
	effect.consumer = skafu__kit_copy(note->name);
	effect.name = skafu__kit_copy(note->text);
	if (!effect.consumer || !effect.name ||
	    skafu__kit_grow((void **)&scenario->effects, &scenario->effect_room, scenario->effect_count,
			    sizeof effect) != 0) {
		skafu__kit_memory(effect.consumer, 0);
		skafu__kit_memory(effect.name, 0);
		return SKAFU_ENOMEM;
	}
	scenario->effects[scenario->effect_count++] = effect;
	return 0;
}

void skafu__kit_forget_failures(skafu_scenario *scenario, size_t from)
{
	while (scenario->failure_count > from) {
		struct skafu__kit_failure *failure = &scenario->failures[--scenario->failure_count];
		skafu__kit_memory(failure->consumer, 0);
		skafu__kit_memory(failure->message, 0);
	}
}

/* Attempts that fail alike are one failure. */
static int told_same_failure(const struct skafu__kit_failure *failure, const struct skafu_test_note *note)
{
	return failure->sequence == note->number && failure->code == note->code &&
	       strcmp(failure->consumer, note->name) == 0;
}

static int32_t told_failure(skafu_scenario *scenario, const struct skafu_test_note *note)
{
	struct skafu__kit_failure failure = {.sequence = note->number, .code = note->code};
	for (size_t i = 0; i < scenario->failure_count; i++)
		if (told_same_failure(&scenario->failures[i], note))
			return 0;
	failure.consumer = skafu__kit_copy(note->name);
	failure.message = skafu__kit_copy(note->text ? note->text : "");
	if (!failure.consumer || !failure.message ||
	    skafu__kit_grow((void **)&scenario->failures, &scenario->failure_room, scenario->failure_count,
			    sizeof failure) != 0) {
		skafu__kit_memory(failure.consumer, 0);
		skafu__kit_memory(failure.message, 0);
		return SKAFU_ENOMEM;
	}
	scenario->failures[scenario->failure_count++] = failure;
	return 0;
}

/* ---- scope --------------------------------------------------------------------------------------------------- */

static int32_t told_is_selected(skafu_cursor *cursor, uint64_t sequence, uint64_t *at)
{
	const skafu_record *record = NULL;
	int32_t rc = 1;
	while (*at < sequence && rc == 1) {
		rc = skafu_cursor_next(cursor, &record, NULL);
		*at = rc == 1 ? record->sequence : UINT64_MAX;
	}
	return rc < 0 ? rc : *at == sequence;
}

/* Walk over what the query selects and what was given, both in the order of the log. */
static int32_t told_compare_scope(skafu_scenario *scenario, const skafu_query *query)
{
	skafu_cursor *cursor = NULL;
	uint64_t at = 0;
	int32_t rc = query ? skafu_read(scenario->store, query, SKAFU_NO_LIMIT, NULL, &cursor, NULL) : 0;
	for (size_t i = 0; rc == 0 && i < scenario->given_count && !scenario->scope.is_missing; i++) {
		int32_t selected = query ? told_is_selected(cursor, scenario->given[i], &at) : 0;
		rc = selected < 0 ? selected : 0;
		if (selected != 0)
			continue;
		scenario->scope.is_missing = 1;
		scenario->scope.missing = scenario->given[i];
	}
	skafu_cursor_free(cursor);
	return rc;
}

static void told_scope(skafu_scenario *scenario, const struct skafu_test_note *note)
{
	if (!scenario->scope.is_wanted || scenario->scope.was_asked)
		return;
	scenario->scope.was_asked = 1;
	skafu__kit_pause(scenario);
	scenario->scope.failed = told_compare_scope(scenario, note->object);
	skafu__kit_resume(scenario);
}

void skafu__kit_told(void *user, const struct skafu_test_note *note)
{
	skafu_scenario *scenario = user;
	int32_t rc = 0;
	if (note->kind == SKAFU__TESTHOOK_TYPE && note->object == scenario->model)
		rc = told_type(scenario, note);
	else if (note->kind == SKAFU__TESTHOOK_EFFECT)
		rc = told_effect(scenario, note);
	else if (note->kind == SKAFU__TESTHOOK_FAILED)
		rc = told_failure(scenario, note);
	else if (note->kind == SKAFU__TESTHOOK_SCOPE)
		told_scope(scenario, note);
	if (rc != 0)
		scenario->failed = rc;
}
