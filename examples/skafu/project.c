/*
 * project.c: project-management.  A name belongs to one project; a creation ends configured, or undone.
 *
 * The process "project-creation" follows the events of one correlation.  Template, analysis, files and repository
 * come in any order; then the first commit is asked for, and with it the project is configured.  A refusal, a failure
 * of any domain or the deadline ends it: what was made is undone, the last first, and the name is free again.
 */
#include "domains.h"

#include <stdio.h>
#include <string.h>

#include "creation.h"

static const char *const events[] = {"ProjectCreated", "ProjectConfigured", "ProjectFailed", "ProjectExpired", NULL};

/* ---- CreateProject ---- */

struct name_state {
	int64_t taken;
};

/* A creation that failed gives the name back. */
static int32_t name_evolve(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	struct name_state *name = state;

	(void)user;
	(void)error;
	name->taken = strcmp(event->type, "ProjectCreated") == 0;
	return SKAFU_OK;
}

/* The decision depends on the events of this name, wherever they are: two who want it at once cannot both have it. */
static int32_t name_scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
			  skafu_error *error)
{
	char name[128];
	char tag[160];
	int32_t rc = skafu_query_add_item(read, error);

	(void)user;
	(void)guard;
	snprintf(tag, sizeof tag, "project:%s",
		 json_get(command->data, command->data_length, "/name", name, sizeof name));
	if (rc == SKAFU_OK)
		rc = skafu_query_add_type(read, "ProjectCreated", error);
	if (rc == SKAFU_OK)
		rc = skafu_query_add_type(read, "ProjectFailed", error);
	return rc == SKAFU_OK ? skafu_query_add_tag(read, tag, error) : rc;
}

/* 3 to 40 small letters, digits and '-', as the templates want it. */
static int is_name(const char *name)
{
	size_t length = strlen(name);

	return length >= 3 && length <= 40 && name[0] >= 'a' && name[0] <= 'z' && name[length - 1] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static int32_t name_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			   skafu_error *error)
{
	const struct name_state *known = state;
	char name[128];
	char into[1024];
	struct json data = {.rc = SKAFU_OK};

	(void)user;
	json_get(command->data, command->data_length, "/name", name, sizeof name);
	if (!is_name(name))
		return skafu_turn_refuse(
			turn, "VALIDATION_ERROR",
			"A project name has 3 to 40 small letters, digits and '-', and begins with a "
			"letter",
			error);
	if (json_get(command->data, command->data_length, "/into", into, sizeof into)[0] != '/')
		return skafu_turn_refuse(turn, "VALIDATION_ERROR", "The folder of a project is an absolute path",
					 error);
	if (known->taken)
		return skafu_turn_refuse(turn, "VALIDATION_ERROR", "Project name already exists", error);
	json_raw(&data, NULL, command->data, command->data_length);
	return domain_emit(turn, "ProjectCreated", NULL, name, &data, error);
}

/* ---- the view of all projects: a row for each, JSON with what is known by now ---- */

/* Does an event of this type belong into this row, and is new there?  Late news of an earlier attempt under the same
 * name do not belong to the present one. */
static int is_news(const skafu_record *event, const void *row, size_t length)
{
	char correlation[160];
	char pointer[160];
	const char *member;
	size_t member_length;

	if (strcmp(event->type, "ProjectCreated") == 0)
		return 1;
	snprintf(pointer, sizeof pointer, "/%s", event->type);
	return length > 0 &&
	       strcmp(json_get(row, length, "/correlation", correlation, sizeof correlation), event->correlation) ==
		       0 &&
	       skafu_json_find(row, length, pointer, &member, &member_length, NULL) == SKAFU_ENOTFOUND;
}

/* The row with the event's data under the name of its type. */
static int32_t add_step(const skafu_record *event, const void *row, size_t length, struct json *out)
{
	size_t begun = length > 0 && strcmp(event->type, "ProjectCreated") != 0 ? length - 1 : 0;

	if (begun > 0) { /* all but the closing bracket */
		out->rc = text_add(&out->text, row, begun);
	} else {
		json_open(out, NULL, '{');
		json_text(out, "correlation", event->correlation);
	}
	json_raw(out, event->type, (const char *)event->data, event->data_length);
	json_close(out, '}');
	return out->rc;
}

static int32_t projects_each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	struct json row = {.rc = SKAFU_OK};
	const char *tag = skafu_record_tag(event, 0);
	const void *old = NULL;
	size_t length = 0;
	int32_t rc;

	(void)user;
	if (tag == NULL || strncmp(tag, "project:", 8) != 0)
		return SKAFU_OK;
	rc = skafu_edit_get(edit, NULL, tag + 8, strlen(tag + 8), &old, &length, error);
	if (rc < 0)
		return rc;
	if (!is_news(event, old, length))
		return SKAFU_OK;
	rc = failed_text(error, add_step(event, old, length, &row), "the row of a project");
	if (rc == SKAFU_OK)
		rc = skafu_edit_put(edit, NULL, tag + 8, strlen(tag + 8), row.text.bytes, row.text.length, error);
	json_free(&row);
	return rc;
}

/* ---- the definition ---- */

static const struct domain_decider deciders[] = {{.name = "project-name",
						  .commands = {"CreateProject"},
						  .state_bytes = sizeof(struct name_state),
						  .evolve = name_evolve,
						  .decide = name_decide,
						  .scope = name_scope},
						 {.name = NULL}};

static const struct domain_view views[] = {
	{.name = "projects",
	 .types = {"ProjectCreated", "TemplateSelected", "TemplateRendered", "AIAnalysisCompleted",
		   "RepositoryCreated", "DeploymentCompleted", "WorkflowCompleted", "ProjectConfigured",
		   "ProjectFailed"},
	 .each = projects_each},
	{.name = NULL}};

int32_t project_define(skafu_model *model, const struct world *world, skafu_error *error)
{
	static const struct domain domain = {
		.name = PROJECT_DOMAIN, .events = events, .deciders = deciders, .views = views};
	int32_t rc = domain_define(model, &domain, world, error);

	return rc == SKAFU_OK ? creation_define(model, PROJECT_DOMAIN, error) : rc;
}
