/*
 * creation.c: ProjectCreated, then four things in any order, then the first commit, then ProjectConfigured.
 *
 *   TemplateSelected ---+
 *   TemplateRendered ---+                                        +--> ProjectConfigured
 *   AIAnalysisCompleted +--> DeployProject --> DeploymentCompleted
 *   RepositoryCreated --+
 *
 *   a refusal, TemplateRenderingFailed, RepositoryFailed, DeploymentFailed, an error that was given up, or
 *   ProjectExpired (a durable timer) --> ProjectFailed, and RetireRepository, DiscardRendering as far as needed
 *
 * An instance is a correlation: what a failed attempt left on its way cannot disturb the next one of the same name.
 */
#include "creation.h"

#include <stdio.h>
#include <string.h>

#include "domain.h"

#define CREATION_PATIENCE_NS INT64_C(120000000000) /* when the project names no deadline */

enum creation_step { SELECTED = 1, RENDERED = 2, ANALYSED = 4, HOSTED = 8, READY = 15, DEPLOYED = 16 };

struct creation {
	uint64_t ready_at; /* sequence of the event with which everything was there; 0: not yet */
	uint32_t done;     /* creation_step, OR'd */
	uint32_t reserved;
	int64_t started_ns;
	int64_t score;
	char project[64];
	char template[128];
	char into[1024];
	char repository[512];
	char url[512];
	char host[16];   /* "local", "github" */
	char check[512]; /* the command that tests the project, as JSON, when somebody wants it to be run */
	char wants_check[8];
	char commit[72];
};

/* ---- taking events in ---- */

static void created(struct creation *creation, const skafu_record *event)
{
	record_get(event, "/name", creation->project, sizeof creation->project);
	record_get(event, "/template", creation->template, sizeof creation->template);
	record_get(event, "/into", creation->into, sizeof creation->into);
	record_get(event, "/check", creation->wants_check, sizeof creation->wants_check);
	creation->started_ns = event->recorded_ns;
}

static void rendered(struct creation *creation, const skafu_record *event)
{
	const char *test;
	size_t length;

	if (creation->wants_check[0] == '\0' ||
	    skafu_json_find(event->data, event->data_length, "/test", &test, &length, NULL) != SKAFU_OK ||
	    length >= sizeof creation->check)
		return;
	memcpy(creation->check, test, length);
	creation->check[length] = '\0';
}

static void hosted(struct creation *creation, const skafu_record *event)
{
	record_get(event, "/repository", creation->repository, sizeof creation->repository);
	record_get(event, "/url", creation->url, sizeof creation->url);
	record_get(event, "/host", creation->host, sizeof creation->host);
}

static const struct step {
	const char *type;
	enum creation_step done;
	void (*take)(struct creation *creation, const skafu_record *event);
} steps[] = {{"TemplateSelected", SELECTED, NULL},
	     {"TemplateRendered", RENDERED, rendered},
	     {"AIAnalysisCompleted", ANALYSED, NULL},
	     {"RepositoryCreated", HOSTED, hosted},
	     {"DeploymentCompleted", DEPLOYED, NULL}};

static const struct step *step_of(const char *type)
{
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (strcmp(steps[i].type, type) == 0)
			return &steps[i];
	return NULL;
}

static int32_t creation_evolve(void *user, void *state, const skafu_record *input, skafu_error *error)
{
	struct creation *creation = state;
	const struct step *step = input->kind == SKAFU_KIND_EVENT ? step_of(input->type) : NULL;

	(void)user;
	(void)error;
	if (strcmp(input->type, "ProjectCreated") == 0)
		created(creation, input);
	if (step == NULL)
		return SKAFU_OK;
	creation->done |= (uint32_t)step->done;
	if (creation->done == READY && creation->ready_at == 0)
		creation->ready_at = input->sequence;
	if (step->take != NULL)
		step->take(creation, input);
	if (step->done == ANALYSED)
		creation->score = json_get_number(input->data, input->data_length, "/score");
	if (step->done == DEPLOYED)
		record_get(input, "/commit", creation->commit, sizeof creation->commit);
	return SKAFU_OK;
}

static int32_t creation_route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	int32_t rc = skafu_writer_put(instance, input->correlation, strlen(input->correlation), error);

	(void)user;
	if (rc != SKAFU_OK)
		return rc;
	return strcmp(input->type, "ProjectCreated") == 0 ? SKAFU_ROUTE_START : SKAFU_ROUTE_CONTINUE;
}

/* ---- acting ---- */

static int32_t fail(skafu_turn *turn, const struct creation *creation, const char *code, const char *message,
		    skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char stream[320];
	int32_t rc;

	json_open(&data, NULL, '{');
	json_text(&data, "name", creation->project);
	json_text(&data, "template", creation->template);
	json_text(&data, "code", code);
	json_text(&data, "message", message);
	json_number(&data, "tookMs", (skafu_turn_now(turn) - creation->started_ns) / 1000000);
	json_close(&data, '}');
	rc = domain_emit(turn, "ProjectFailed", domain_stream(stream, "project", creation->project),
			 creation->project, &data, error);
	return rc == SKAFU_OK ? skafu_turn_compensate(turn, code, message, error) : rc;
}

static int32_t begin(skafu_turn *turn, const skafu_record *input, const struct creation *creation, skafu_error *error)
{
	skafu_new_record expired = {.size = sizeof expired, .type = "ProjectExpired"};
	int64_t due_ns = skafu_turn_now(turn) + CREATION_PATIENCE_NS;
	char stream[320];
	char text[64];

	if (skafu_time_parse(record_get(input, "/deadline", text, sizeof text), &due_ns) != SKAFU_OK)
		due_ns = skafu_turn_now(turn) + CREATION_PATIENCE_NS;
	expired.stream = domain_stream(stream, "project", creation->project);
	return skafu_turn_set_timer(turn, "deadline", due_ns, &expired, error);
}

/* How to undo what an event says was done. */
static int32_t remember(skafu_turn *turn, const char *type, const char *kind, const struct creation *creation,
			skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	skafu_command command;
	char stream[320];
	int32_t rc;

	json_open(&data, NULL, '{');
	json_text(&data, "project", creation->project);
	json_text(&data, "into", creation->into);
	json_text(&data, "repository", creation->repository);
	json_text(&data, "host", creation->host);
	json_close(&data, '}');
	command = domain_command(type, domain_stream(stream, kind, creation->project), &data);
	rc = data.rc != SKAFU_OK ? failed_text(error, data.rc, type) : skafu_turn_undo_with(turn, &command, error);
	json_free(&data);
	return rc;
}

static int32_t deploy(skafu_turn *turn, const struct creation *creation, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char stream[320];

	json_open(&data, NULL, '{');
	json_text(&data, "project", creation->project);
	json_text(&data, "into", creation->into);
	json_text(&data, "repository", creation->repository);
	json_text(&data, "url", creation->url);
	json_text(&data, "host", creation->host);
	if (creation->check[0] != '\0')
		json_raw(&data, "check", creation->check, strlen(creation->check));
	json_close(&data, '}');
	return domain_send(turn, "DeployProject", domain_stream(stream, "repository", creation->project), &data,
			   error);
}

static int32_t configured(skafu_turn *turn, const struct creation *creation, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char stream[320];
	int32_t rc;

	json_open(&data, NULL, '{');
	json_text(&data, "name", creation->project);
	json_text(&data, "template", creation->template);
	json_text(&data, "into", creation->into);
	json_text(&data, "repository", creation->url);
	json_text(&data, "commit", creation->commit);
	json_number(&data, "score", creation->score);
	json_number(&data, "tookMs", (skafu_turn_now(turn) - creation->started_ns) / 1000000);
	json_close(&data, '}');
	rc = domain_emit(turn, "ProjectConfigured", domain_stream(stream, "project", creation->project),
			 creation->project, &data, error);
	return rc == SKAFU_OK ? skafu_turn_complete(turn, error) : rc;
}

/* What became of a command: only a no is news, a yes has its event. */
static int32_t answered(skafu_turn *turn, const skafu_record *input, const struct creation *creation,
			skafu_error *error)
{
	skafu_outcome *outcome = NULL;
	int32_t rc = skafu_outcome_read(input, &outcome, error);

	if (rc == SKAFU_OK && outcome->decision == SKAFU_DECISION_REFUSED)
		rc = fail(turn, creation, outcome->code, outcome->message, error);
	skafu_outcome_free(outcome);
	return rc;
}

/* A handler of some domain gave up on an event of this creation.  Warnings are attempts that will be made again. */
static int32_t gave_up(skafu_turn *turn, const skafu_record *input, const struct creation *creation,
		       skafu_error *error)
{
	char code[64];
	char message[512];

	if (input->severity < SKAFU_SEVERITY_ERROR)
		return SKAFU_OK;
	return fail(turn, creation, record_get(input, "/errorCode", code, sizeof code),
		    record_get(input, "/errorMessage", message, sizeof message), error);
}

static int32_t stepped(skafu_turn *turn, const skafu_record *input, const struct step *step,
		       const struct creation *creation, skafu_error *error)
{
	int32_t rc = SKAFU_OK;

	if (step->done == DEPLOYED)
		return configured(turn, creation, error);
	if (step->done == RENDERED)
		rc = remember(turn, "DiscardRendering", "rendering", creation, error);
	if (step->done == HOSTED)
		rc = remember(turn, "RetireRepository", "repository", creation, error);
	return rc == SKAFU_OK && creation->ready_at == input->sequence ? deploy(turn, creation, error) : rc;
}

static int32_t creation_act(void *user, const skafu_record *input, const void *state, skafu_turn *turn,
			    skafu_error *error)
{
	const struct step *step = step_of(input->type);
	char code[64];
	char message[512];

	(void)user;
	if (input->kind == SKAFU_KIND_OUTCOME)
		return answered(turn, input, state, error);
	if (input->kind == SKAFU_KIND_ERROR)
		return gave_up(turn, input, state, error);
	if (strcmp(input->type, "ProjectCreated") == 0)
		return begin(turn, input, state, error);
	if (strcmp(input->type, "ProjectExpired") == 0)
		return fail(turn, state, "EXPIRED", "The project was not ready in time", error);
	if (step != NULL)
		return stepped(turn, input, step, state, error);
	return fail(turn, state, record_get(input, "/code", code, sizeof code),
		    record_get(input, "/message", message, sizeof message), error);
}

/* ---- the definition ---- */

int32_t creation_define(skafu_model *model, const char *domain, skafu_error *error)
{
	/* Its inputs are events, the outcomes of two commands, and errors. */
	static const char *const types[] = {
		"ProjectCreated",      "TemplateSelected",  "TemplateRendered", "TemplateRenderingFailed",
		"AIAnalysisCompleted", "RepositoryCreated", "RepositoryFailed", "DeploymentCompleted",
		"DeploymentFailed",    "ProjectExpired",    "SelectTemplate",   "DeployProject",
		"ErrorOccurred"};
	skafu_source source = {.size = sizeof source, .types = types, .type_count = sizeof types / sizeof *types};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(struct creation)};
	skafu_process_def def = {.size = sizeof def, .version = 1, .domain = domain, .name = "project-creation"};

	source.kinds = SKAFU_KINDS_EVENTS | SKAFU_KINDS_OUTCOMES | SKAFU_KINDS_ERRORS;
	source.partition_by = SKAFU_PARTITION_CORRELATION;
	def.source = &source;
	def.state = &state;
	def.route = creation_route;
	def.evolve = creation_evolve;
	def.act = creation_act;
	return skafu_model_add_process(model, &def, error);
}
