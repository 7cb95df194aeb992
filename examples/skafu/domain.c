/*
 * domain.c: tables become definitions of the library.
 */
#include "domain.h"

#include <stdio.h>
#include <string.h>

#include "files.h"
#include "http.h"

/* ---- definitions ---- */

static size_t count_of(const char *const *names, size_t most)
{
	size_t count = 0;

	while (count < most && names[count] != NULL)
		count++;
	return count;
}

static int32_t define_events(skafu_model *model, const struct domain *domain, skafu_error *error)
{
	int32_t rc = SKAFU_OK;

	for (size_t i = 0; rc == SKAFU_OK && domain->events[i] != NULL; i++) {
		skafu_event_def def = {.size = sizeof def, .domain = domain->name, .type = domain->events[i]};

		rc = skafu_model_add_event(model, &def, error);
	}
	return rc;
}

static int32_t define_decider(skafu_model *model, const char *domain, const struct domain_decider *decider,
			      skafu_error *error)
{
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = decider->state_bytes};
	skafu_decider_def def = {.size = sizeof def, .domain = domain, .name = decider->name};

	def.commands = decider->commands;
	def.command_count = count_of(decider->commands, 5);
	def.state = decider->state_bytes > 0 ? &state : NULL;
	def.evolve = decider->evolve;
	def.decide = decider->decide;
	def.scope = decider->scope;
	return skafu_model_add_decider(model, &def, error);
}

/* The world may be away for a moment: try again a few times, quickly, since somebody waits for a project. */
static const skafu_retry_policy patience = {.size = sizeof patience,
					    .attempts_max = 4,
					    .delay_ns = UINT64_C(200000000),
					    .delay_ns_max = UINT64_C(2000000000),
					    .jitter_percent = 25};

static int32_t define_reaction(skafu_model *model, const char *domain, const struct domain_reaction *reaction,
			       const struct world *world, skafu_error *error)
{
	skafu_source source = {.size = sizeof source, .types = reaction->types};
	skafu_reaction_def def = {.size = sizeof def, .domain = domain, .name = reaction->name};

	source.type_count = count_of(reaction->types, 5);
	def.source = &source;
	def.retry = &patience;
	def.react = reaction->react;
	def.user = (void *)(uintptr_t)world;
	return skafu_model_add_reaction(model, &def, error);
}

static int32_t define_view(skafu_model *model, const char *domain, const struct domain_view *view, skafu_error *error)
{
	skafu_projection_def def = {.size = sizeof def, .flags = SKAFU_PROJECTION_HOLD, .version = 1};

	def.domain = domain;
	def.name = view->name;
	def.types = view->types;
	def.type_count = count_of(view->types, DOMAIN_TYPES);
	def.each = view->each;
	return skafu_model_add_projection(model, &def, error);
}

int32_t domain_define(skafu_model *model, const struct domain *domain, const struct world *world, skafu_error *error)
{
	int32_t rc = skafu_model_add_domain(model, domain->name, error);

	if (rc == SKAFU_OK)
		rc = define_events(model, domain, error);
	for (size_t i = 0; rc == SKAFU_OK && domain->deciders != NULL && domain->deciders[i].name != NULL; i++)
		rc = define_decider(model, domain->name, &domain->deciders[i], error);
	for (size_t i = 0; rc == SKAFU_OK && domain->reactions != NULL && domain->reactions[i].name != NULL; i++)
		rc = define_reaction(model, domain->name, &domain->reactions[i], world, error);
	for (size_t i = 0; rc == SKAFU_OK && domain->views != NULL && domain->views[i].name != NULL; i++)
		rc = define_view(model, domain->name, &domain->views[i], error);
	return rc;
}

/* ---- events and commands ---- */

const char *record_get(const skafu_record *record, const char *pointer, char *out, size_t size)
{
	return json_get(record->data, record->data_length, pointer, out, size);
}

int32_t domain_emit(skafu_turn *turn, const char *type, const char *stream, const char *project, struct json *data,
		    skafu_error *error)
{
	char tag[300];
	const char *const tags[] = {tag};
	skafu_new_record event = {.size = sizeof event, .type = type, .stream = stream, .tags = tags};
	int32_t rc;

	snprintf(tag, sizeof tag, "project:%s", project != NULL ? project : "");
	event.tag_count = project != NULL && project[0] != '\0';
	event.data = data->text.bytes;
	event.data_length = data->text.length;
	rc = data->rc != SKAFU_OK ? failed_text(error, data->rc, type) : skafu_turn_emit(turn, &event, error);
	json_free(data);
	return rc;
}

skafu_command domain_command(const char *type, const char *stream, const struct json *data)
{
	skafu_command command = {.size = sizeof command, .type = type, .stream = stream};

	command.data = data->text.bytes;
	command.data_length = data->text.length;
	return command;
}

int32_t domain_send(skafu_turn *turn, const char *type, const char *stream, struct json *data, skafu_error *error)
{
	skafu_command command = domain_command(type, stream, data);
	int32_t rc =
		data->rc != SKAFU_OK ? failed_text(error, data->rc, type) : skafu_turn_send(turn, &command, error);

	json_free(data);
	return rc;
}

void domain_copy(struct json *data, const skafu_record *record, const char *const *names)
{
	char pointer[64];
	char value[1024];

	for (size_t i = 0; names[i] != NULL; i++) {
		snprintf(pointer, sizeof pointer, "/%s", names[i]);
		json_text(data, names[i], record_get(record, pointer, value, sizeof value));
	}
}

const char *domain_stream(char *out, const char *kind, const char *name)
{
	snprintf(out, 320, "%s/%s", kind, name);
	return out;
}

void domain_scratch(const struct world *world, const uint8_t key[16], const char *what, char *out, size_t size)
{
	char id[SKAFU_ID_TEXT_BYTES];

	skafu_id_format(key, id);
	snprintf(out, size, "%s/work/%s-%s", world->home, id, what);
	files_remove(out);
}

int domain_is_late(const skafu_record *record)
{
	char text[64];
	int64_t deadline_ns;

	return skafu_time_parse(record_get(record, "/deadline", text, sizeof text), &deadline_ns) == SKAFU_OK &&
	       skafu_time_now() > deadline_ns;
}
