/*
 * github.c: github-integration.  Repositories, first commits and what becomes of them.
 *
 *   ProjectCreated     --> RepositoryCreated or RepositoryFailed
 *   DeployProject      DeploymentStarted --> DeploymentCompleted or DeploymentFailed
 *   DeploymentCompleted -> WorkflowTriggered --> WorkflowCompleted
 *   RetireRepository   RepositoryRetired --> the repository is removed, which held nothing but the project
 *
 * With a token the repositories are on GitHub, else they are bare ones in HOME/repositories, and a project's test
 * runs in a fresh clone.  Deliveries of webhooks become events of the same types; those have no member "project".
 */
#include "domains.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "localgit.h"
#include "process.h"

#define WORKFLOW_TIMEOUT_MS 300000
#define WORKFLOW_WORDS 16
#define WORKFLOW_RUNS 10

static const char *const events[] = {
	"RepositoryCreated", "RepositoryFailed",  "RepositoryRetired", "DeploymentStarted", "DeploymentCompleted",
	"DeploymentFailed",  "WorkflowTriggered", "WorkflowCompleted", "CodePushed",        NULL};

/* ---- commands: what they ask for happens; the work is done by reactions ---- */

static int32_t repository_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
				 skafu_error *error)
{
	int deploys = strcmp(command->type, "DeployProject") == 0;
	struct json data = {.rc = SKAFU_OK};
	char project[64];

	(void)user;
	(void)state;
	json_get(command->data, command->data_length, "/project", project, sizeof project);
	json_raw(&data, NULL, command->data, command->data_length);
	return domain_emit(turn, deploys ? "DeploymentStarted" : "RepositoryRetired", NULL, project, &data, error);
}

static int32_t tell_failed(skafu_turn *turn, const char *type, const char *project, int32_t rc, const char *message,
			   skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char stream[320];

	json_open(&data, NULL, '{');
	json_text(&data, "project", project);
	json_text(&data, "code", rc == SKAFU_EEXISTS ? "REPOSITORY_EXISTS" : "GITHUB_ERROR");
	json_text(&data, "message", message);
	json_close(&data, '}');
	return domain_emit(turn, type, domain_stream(stream, "repository", project), project, &data, error);
}

/* ---- creation ---- */

struct repository {
	char name[512]; /* "owner/name", or a path */
	char url[512];
	const char *host;
};

/* The key of the effect is in the repository's description: one that has it is ours, from before a crash. */
static int32_t create_local(const struct world *world, const char *project, const char *mark, struct repository *out,
			    skafu_error *error)
{
	struct text found = {.bytes = NULL};
	int32_t rc;

	snprintf(out->name, sizeof out->name, "%s/repositories/%s.git", world->home, project);
	snprintf(out->url, sizeof out->url, "%s", out->name);
	out->host = "local";
	rc = localgit_create_bare(out->name, NULL, error);
	if (rc == SKAFU_OK)
		rc = files_write(out->name, "description", mark, strlen(mark), 0644, error);
	if (rc != SKAFU_EEXISTS)
		return rc;
	rc = files_read(out->name, "description", 4096, &found, error);
	if (rc == SKAFU_OK && strcmp(text_string(&found), mark) != 0)
		rc = failed(error, SKAFU_EEXISTS, "There is a repository %s of something else.", out->name);
	text_free(&found);
	return rc;
}

static int32_t create_remote(const struct world *world, const char *project, const char *mark, struct repository *out,
			     skafu_error *error)
{
	struct githubapi_repository made = {.id = 0};
	char full_name[300];
	int32_t rc = githubapi_create(&world->github, project, mark, 1, &made, NULL, error);

	if (rc == SKAFU_EEXISTS && world->github.owner != NULL) {
		snprintf(full_name, sizeof full_name, "%s/%s", world->github.owner, project);
		if (githubapi_get(&world->github, full_name, &made, NULL, NULL) == SKAFU_OK &&
		    strcmp(made.description, mark) == 0)
			rc = SKAFU_OK;
	}
	snprintf(out->name, sizeof out->name, "%s", made.full_name);
	snprintf(out->url, sizeof out->url, "%s", made.clone_url);
	out->host = "github";
	return rc;
}

static int32_t tell_created(skafu_turn *turn, const char *project, const struct repository *repository,
			    skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char stream[320];

	json_open(&data, NULL, '{');
	json_text(&data, "project", project);
	json_text(&data, "repository", repository->name);
	json_text(&data, "url", repository->url);
	json_text(&data, "host", repository->host);
	json_close(&data, '}');
	return domain_emit(turn, "RepositoryCreated", domain_stream(stream, "repository", project), project, &data,
			   error);
}

/* Trying again helps when the other side is away or busy; all else is said at once. */
static int is_final(int32_t rc)
{
	return rc == SKAFU_EEXISTS || rc == SKAFU_EINVAL || rc == SKAFU_EACCESS || rc == SKAFU_ENOTFOUND;
}

static int32_t create(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const struct world *world = user;
	struct repository repository = {.host = ""};
	char project[64];
	char mark[96] = "Created by skafu, ";
	uint8_t key[16];
	int32_t rc = skafu_effect(turn, "repository", key, error);

	if (rc != 1)
		return rc;
	skafu_id_format(key, mark + strlen(mark));
	record_get(event, "/name", project, sizeof project);
	if (domain_is_late(event))
		rc = failed(error, SKAFU_EINVAL, "It is too late to create the repository.");
	else if (world->has_github)
		rc = create_remote(world, project, mark, &repository, error);
	else
		rc = create_local(world, project, mark, &repository, error);
	if (is_final(rc))
		return tell_failed(turn, "RepositoryFailed", project, rc, skafu_error_message(error), error);
	return rc == SKAFU_OK ? tell_created(turn, project, &repository, error) : rc;
}

/* ---- the first commit ---- */

static int32_t push(const struct world *world, const skafu_record *event, char commit[65], skafu_error *error)
{
	struct localgit_commit first = {.author = "skafu", .email = "skafu@localhost", .time_ns = event->time_ns};
	char into[1024];
	char url[512];
	char host[16];
	int32_t rc;

	record_get(event, "/into", into, sizeof into);
	record_get(event, "/url", url, sizeof url);
	record_get(event, "/host", host, sizeof host);
	rc = localgit_first_commit(into, &first, commit, error);
	if (rc == SKAFU_OK)
		rc = localgit_set_origin(into, url, error);
	if (rc == SKAFU_OK)
		rc = localgit_push(into, url, NULL, strcmp(host, "github") == 0 ? world->github.token : NULL, error);
	return rc;
}

static int32_t tell_deployed(skafu_turn *turn, const skafu_record *event, const char *project, const char *commit,
			     skafu_error *error)
{
	static const char *const names[] = {"repository", "url", "host", NULL};
	struct json data = {.rc = SKAFU_OK};
	const char *check;
	size_t length;

	json_open(&data, NULL, '{');
	json_text(&data, "project", project);
	domain_copy(&data, event, names);
	json_text(&data, "branch", "main");
	json_text(&data, "commit", commit);
	if (skafu_json_find(event->data, event->data_length, "/check", &check, &length, NULL) == SKAFU_OK)
		json_raw(&data, "check", check, length);
	json_close(&data, '}');
	return domain_emit(turn, "DeploymentCompleted", event->stream, project, &data, error);
}

static int32_t deploy(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	char project[64];
	char commit[65];
	uint8_t key[16];
	int32_t rc;

	if (record_get(event, "/project", project, sizeof project)[0] == '\0')
		return SKAFU_OK; /* somebody else's, told by a webhook */
	rc = skafu_effect(turn, "deploy", key, error);
	if (rc != 1)
		return rc;
	rc = push(user, event, commit, error);
	if (is_final(rc))
		return tell_failed(turn, "DeploymentFailed", project, rc, skafu_error_message(error), error);
	return rc == SKAFU_OK ? tell_deployed(turn, event, project, commit, error) : rc;
}

/* ---- workflows ---- */

static int32_t tell_run(skafu_turn *turn, const skafu_record *event, const struct githubapi_run *run,
			skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char project[64];

	record_get(event, "/project", project, sizeof project);
	json_open(&data, NULL, '{');
	json_text(&data, "project", project);
	json_text(&data, "runner", "github");
	json_text(&data, "workflow", run->name);
	json_number(&data, "runId", run->id);
	json_text(&data, "status", run->status);
	json_text(&data, "commit", run->head_sha);
	json_text(&data, "url", run->html_url);
	json_close(&data, '}');
	return domain_emit(turn, "WorkflowTriggered", event->stream, project, &data, error);
}

/* GitHub starts workflows by itself when it gets a push; here we learn which. */
static int32_t look_for_runs(const struct world *world, const skafu_record *event, skafu_turn *turn,
			     skafu_error *error)
{
	struct githubapi_run runs[WORKFLOW_RUNS];
	char repository[512];
	size_t count = 0;
	int32_t rc = SKAFU_OK;

	record_get(event, "/repository", repository, sizeof repository);
	/* What cannot be asked now will be told by a webhook. */
	if (githubapi_runs(&world->github, repository, runs, WORKFLOW_RUNS, &count, NULL, NULL) != SKAFU_OK)
		return SKAFU_OK;
	for (size_t i = 0; rc == SKAFU_OK && i < count; i++)
		rc = tell_run(turn, event, &runs[i], error);
	return rc;
}

static int32_t trigger(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	static const char *const names[] = {"url", "commit", NULL};
	struct json data = {.rc = SKAFU_OK};
	const char *check;
	size_t length;
	char project[64];
	char host[16];

	if (record_get(event, "/project", project, sizeof project)[0] == '\0')
		return SKAFU_OK;
	if (strcmp(record_get(event, "/host", host, sizeof host), "github") == 0)
		return look_for_runs(user, event, turn, error);
	if (skafu_json_find(event->data, event->data_length, "/check", &check, &length, NULL) != SKAFU_OK)
		return SKAFU_OK;
	json_open(&data, NULL, '{');
	json_text(&data, "project", project);
	json_text(&data, "runner", "local");
	json_text(&data, "workflow", "test");
	json_raw(&data, "command", check, length);
	domain_copy(&data, event, names);
	json_close(&data, '}');
	return domain_emit(turn, "WorkflowTriggered", event->stream, project, &data, error);
}

static size_t words_of(const cJSON *command, const char **out_words)
{
	const cJSON *word;
	size_t count = 0;

	for (word = command != NULL ? command->child : NULL; word != NULL; word = word->next)
		if (cJSON_IsString(word) && count < WORKFLOW_WORDS)
			out_words[count++] = word->valuestring;
	out_words[count] = NULL;
	return count;
}

/* Run the project's test in a fresh clone, as a build server would.  *out_status: its exit status. */
static int32_t test_clone(const char *url, const char *folder, const cJSON *command, struct text *output,
			  int *out_status, skafu_error *error)
{
	const char *words[WORKFLOW_WORDS + 1];
	struct process process = {.command = words, .folder = folder, .timeout_ms = WORKFLOW_TIMEOUT_MS};
	int32_t rc = localgit_clone(url, folder, error);

	if (rc != SKAFU_OK || words_of(command, words) == 0)
		return rc;
	rc = process_run(&process, output, out_status, error);
	if (rc == SKAFU_ENOTFOUND || rc == SKAFU_ETIMEOUT) { /* that is a result too */
		*out_status = rc == SKAFU_ENOTFOUND ? 127 : 124;
		rc = text_add_format(output, "%s\n", skafu_error_message(error));
	}
	return rc;
}

static int32_t tell_tested(skafu_turn *turn, const skafu_record *event, const struct text *output, int status,
			   skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	const char *said = text_string(output);
	char project[64];

	record_get(event, "/project", project, sizeof project);
	json_open(&data, NULL, '{');
	json_text(&data, "project", project);
	json_text(&data, "workflow", "test");
	json_text(&data, "conclusion", status == 0 ? "success" : "failure");
	json_number(&data, "status", status);
	json_text(&data, "output", output->length > 2000 ? said + output->length - 2000 : said);
	json_close(&data, '}');
	return domain_emit(turn, "WorkflowCompleted", event->stream, project, &data, error);
}

static int32_t run(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const char *command;
	size_t length;
	struct text output = {.limit = (size_t)1 << 20};
	char url[512];
	char folder[1200];
	char runner[16];
	uint8_t key[16];
	cJSON *words;
	int status = 0;
	int32_t rc;

	if (strcmp(record_get(event, "/runner", runner, sizeof runner), "local") != 0 ||
	    skafu_json_find(event->data, event->data_length, "/command", &command, &length, NULL) != SKAFU_OK)
		return SKAFU_OK;
	rc = skafu_effect(turn, "workflow", key, error);
	if (rc != 1)
		return rc;
	domain_scratch(user, key, "clone", folder, sizeof folder);
	words = cJSON_ParseWithLength(command, length);
	rc = test_clone(record_get(event, "/url", url, sizeof url), folder, words, &output, &status, error);
	if (rc == SKAFU_OK)
		rc = tell_tested(turn, event, &output, status, error);
	files_remove(folder);
	cJSON_Delete(words);
	text_free(&output);
	return rc;
}

/* ---- undoing ---- */

static int32_t retire(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const struct world *world = user;
	char repository[512];
	char host[16];
	uint8_t key[16];
	int32_t rc = skafu_effect(turn, "retire", key, error);

	if (rc != 1)
		return rc;
	record_get(event, "/repository", repository, sizeof repository);
	if (strcmp(record_get(event, "/host", host, sizeof host), "github") == 0)
		return githubapi_delete(&world->github, repository, NULL, error);
	if (strncmp(repository, world->home, strlen(world->home)) == 0)
		files_remove(repository);
	return SKAFU_OK;
}

/* ---- the definition ---- */

static const struct domain_decider deciders[] = {
	{.name = "repository", .commands = {"DeployProject", "RetireRepository"}, .decide = repository_decide},
	{.name = NULL}};

static const struct domain_reaction reactions[] = {
	{.name = "repository-creation", .types = {"ProjectCreated"}, .react = create},
	{.name = "deployment", .types = {"DeploymentStarted"}, .react = deploy},
	{.name = "workflow-trigger", .types = {"DeploymentCompleted"}, .react = trigger},
	{.name = "workflow-run", .types = {"WorkflowTriggered"}, .react = run},
	{.name = "repository-retirement", .types = {"RepositoryRetired"}, .react = retire},
	{.name = NULL}};

int32_t github_define(skafu_model *model, const struct world *world, skafu_error *error)
{
	static const struct domain domain = {
		.name = GITHUB_DOMAIN, .events = events, .deciders = deciders, .reactions = reactions};

	return domain_define(model, &domain, world, error);
}
