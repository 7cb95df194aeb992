/*
 * app.c: opening, closing, and what the host does besides stepping the engine.
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domains.h"
#include "files.h"

/* ---- opening ---- */

static int32_t make_home(const char *home, skafu_error *error)
{
	static const char *const folders[] = {"", "/work", "/discarded", "/repositories", "/projects", NULL};
	char path[900];
	int32_t rc = SKAFU_OK;

	for (size_t i = 0; rc == SKAFU_OK && folders[i] != NULL; i++) {
		snprintf(path, sizeof path, "%s%s", home, folders[i]);
		rc = files_make_folder(path, error);
	}
	return rc;
}

/* Keys and addresses come from the environment, and stay in this process. */
static int32_t open_world(struct app *app, skafu_error *error)
{
	struct world *world = &app->world;
	char blobs[900];
	int has_s3 = s3_from_environment(&app->s3);

	world->home = app->home;
	world->has_anthropic = anthropic_from_environment(&world->anthropic);
	world->has_github = githubapi_from_environment(&world->github);
	world->alert_url = getenv("SKAFU_ALERT_URL");
	app->remote = s3_remote(&app->s3);
	snprintf(blobs, sizeof blobs, "%s/blobs", app->home);
	return blob_open(blobs, has_s3 ? &app->remote : NULL, &world->blobs, error);
}

static int32_t define(struct app *app, skafu_error *error)
{
	static int32_t (*const domains[])(skafu_model *, const struct world *, skafu_error *) = {
		project_define, template_define, ai_define, github_define, observability_define};
	int32_t rc = SKAFU_OK;

	for (size_t i = 0; rc == SKAFU_OK && i < sizeof domains / sizeof *domains; i++)
		rc = domains[i](app->model, &app->world, error);
	return rc;
}

static void take_alarm(void *user, const skafu_alarm_info *alarm)
{
	struct app *app = user;
	struct app_alarm *kept;

	if (app->alarm_count == APP_ALARMS)
		return;
	kept = &app->alarms[app->alarm_count++];
	snprintf(kept->name, sizeof kept->name, "%s%s%s", alarm->name, alarm->labels[0] != '\0' ? " " : "",
		 alarm->labels);
	snprintf(kept->message, sizeof kept->message, "%s", alarm->message);
	kept->value = alarm->value;
	kept->threshold = alarm->threshold;
	kept->raised = (int)alarm->raised;
	kept->severity = alarm->severity;
}

/* What goes wrong in a domain is an event first; from here it goes to the error bus. */
static const struct failure {
	uint32_t severity;
	uint32_t can_retry;
	const char *code; /* when the event has none */
} failures[] = {{SKAFU_SEVERITY_ERROR, 0, "PROJECT_FAILED"},    {SKAFU_SEVERITY_WARNING, 0, "TEMPLATE_INVALID"},
		{SKAFU_SEVERITY_ERROR, 0, "RENDERING_ERROR"},   {SKAFU_SEVERITY_ERROR, 0, "GITHUB_ERROR"},
		{SKAFU_SEVERITY_ERROR, 0, "DEPLOYMENT_FAILED"}, {SKAFU_SEVERITY_WARNING, 1, "AI_LIMIT_REACHED"}};
static const char *const failure_types[] = {"ProjectFailed",    "TemplateInvalidated", "TemplateRenderingFailed",
					    "RepositoryFailed", "DeploymentFailed",    "AILimitReached"};
#define FAILURES (sizeof failures / sizeof *failures)

static int32_t open_engine(struct app *app, skafu_error *error)
{
	skafu_source source = {
		.size = sizeof source, .types = failure_types, .type_count = FAILURES, .partitions = 1};
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &source};
	int32_t rc = skafu_watch_open(app->store, NULL, &app->watch, error);

	if (rc == SKAFU_OK)
		rc = skafu_alarm_add_defaults(app->watch, error);
	if (rc == SKAFU_OK)
		rc = skafu_alarm_add_sink(app->watch, take_alarm, app, NULL, error);
	if (rc == SKAFU_OK)
		rc = skafu_engine_open(app->model, NULL, &app->engine, error);
	if (rc == SKAFU_OK)
		rc = skafu_subscription_open(app->model, "error-bus", &opts, &app->failures, error);
	return rc;
}

static int32_t open_all(struct app *app, uint32_t flags, skafu_error *error)
{
	skafu_store_opts opts = {.size = sizeof opts, .flags = flags & APP_ENGINE ? SKAFU_STORE_CREATE : 0};
	char path[900];
	int32_t rc = open_world(app, error);

	snprintf(path, sizeof path, "%s/log", app->home);
	if (rc == SKAFU_OK)
		rc = skafu_store_open(path, &opts, &app->store, error);
	if (rc == SKAFU_OK)
		rc = skafu_model_open(app->store, NULL, &app->model, error);
	if (rc == SKAFU_OK)
		rc = define(app, error);
	if (rc == SKAFU_OK)
		rc = skafu_model_freeze(app->model, error);
	return rc == SKAFU_OK && flags & APP_ENGINE ? open_engine(app, error) : rc;
}

int32_t app_open(struct app *app, const char *home, uint32_t flags, skafu_error *error)
{
	char *absolute;
	int32_t rc = flags & APP_ENGINE ? make_home(home, error) : SKAFU_OK;

	memset(app, 0, sizeof *app);
	if (rc != SKAFU_OK)
		return rc;
	absolute = realpath(home, NULL);
	if (absolute == NULL || strlen(absolute) >= sizeof app->home - 200)
		rc = failed(error, SKAFU_ENOTFOUND,
			    "There is nothing at %s yet; create a project, or name another place with --home.", home);
	else
		snprintf(app->home, sizeof app->home, "%s", absolute);
	free(absolute);
	if (rc == SKAFU_OK)
		rc = open_all(app, flags, error);
	if (rc != SKAFU_OK)
		app_close(app);
	return rc;
}

void app_close(struct app *app)
{
	skafu_subscription_close(app->failures);
	skafu_engine_close(app->engine);
	skafu_watch_close(app->watch);
	skafu_model_close(app->model);
	skafu_store_close(app->store);
	blob_close(app->world.blobs);
	app->failures = NULL;
	app->engine = NULL;
	app->watch = NULL;
	app->model = NULL;
	app->store = NULL;
	app->world.blobs = NULL;
}

/* ---- commands ---- */

void app_correlation(char out[32])
{
	uint8_t id[SKAFU_ID_BYTES];
	char text[SKAFU_ID_TEXT_BYTES];

	skafu_id_new(id);
	skafu_id_format(id, text);
	snprintf(out, 32, "req-%s", text + 24); /* the random end of the id */
}

int32_t app_report(struct app *app, const struct app_request *request, const char *source,
		   const skafu_outcome *outcome, skafu_error *error)
{
	skafu_error_report_def report = {.size = sizeof report, .severity = SKAFU_SEVERITY_ERROR, .source = source};

	report.code = outcome->code;
	report.message = outcome->message;
	report.service = source;
	report.function = request->function;
	report.user_id = request->user;
	report.correlation = outcome->correlation;
	report.causation = outcome->command;
	return skafu_error_report(app->model, &report, error);
}

int32_t app_execute(struct app *app, const struct app_request *request, const char *domain,
		    const skafu_command *command, skafu_outcome **out_outcome, skafu_error *error)
{
	skafu_command given = *command;
	int32_t rc;

	given.domain = domain;
	given.correlation = request->correlation;
	rc = skafu_engine_execute(app->engine, &given, APP_PATIENCE_NS, out_outcome, error);
	if (rc == SKAFU_OK && (*out_outcome)->decision == SKAFU_DECISION_REFUSED &&
	    strcmp((*out_outcome)->code, "UNCHANGED") != 0)
		rc = app_report(app, request, domain, *out_outcome, error);
	return rc;
}

/* ---- failures to the error bus ---- */

static const struct failure *failure_of(const char *type)
{
	size_t i = 0;

	while (i + 1 < FAILURES && strcmp(failure_types[i], type) != 0)
		i++;
	return &failures[i];
}

static int32_t report_failure(struct app *app, const skafu_record *event, skafu_error *error)
{
	const struct failure *failure = failure_of(event->type);
	skafu_error_report_def report = {.size = sizeof report, .source = event->source, .service = event->source};
	char code[64];
	char message[512];

	if (record_get(event, "/message", message, sizeof message)[0] == '\0' &&
	    record_get(event, "/faults/0/text", message, sizeof message)[0] == '\0')
		snprintf(message, sizeof message, "%s happened to %s", event->type, event->stream);
	record_get(event, "/code", code, sizeof code);
	report.severity = failure->severity;
	report.can_retry = failure->can_retry;
	report.code = code[0] != '\0' ? code : failure->code;
	report.message = message;
	report.function = event->type;
	report.correlation = event->correlation;
	report.causation = event->id;
	return skafu_error_report(app->model, &report, error);
}

static int32_t report_failures(struct app *app, skafu_error *error)
{
	const skafu_record *const *records;
	int32_t count;
	int32_t rc = SKAFU_OK;

	while ((count = skafu_subscription_next(app->failures, 64, 0, &records, error)) > 0) {
		for (int32_t i = 0; rc == SKAFU_OK && i < count; i++)
			rc = report_failure(app, records[i], error);
		if (rc == SKAFU_OK)
			rc = skafu_subscription_ack(app->failures, records[count - 1]->sequence, error);
		if (rc != SKAFU_OK)
			return rc;
	}
	return count;
}

/* ---- alarms to observability ---- */

static int32_t report_alarm(struct app *app, const struct app_alarm *alarm, skafu_error *error)
{
	static const char *const severities[] = {"WARNING", "WARNING", "ERROR", "CRITICAL"};
	struct json data = {.rc = SKAFU_OK};
	skafu_outcome *outcome = NULL;
	skafu_command command;
	char stream[320];
	int32_t rc;

	json_open(&data, NULL, '{');
	json_text(&data, "metric", alarm->name);
	json_text(&data, "severity", severities[alarm->severity & 3]);
	json_truth(&data, "raised", alarm->raised);
	json_real(&data, "value", alarm->value);
	json_real(&data, "threshold", alarm->threshold);
	json_text(&data, "message", alarm->message);
	json_close(&data, '}');
	command = domain_command("ReportAlarm", domain_stream(stream, "metric", alarm->name), &data);
	rc = data.rc != SKAFU_OK ? failed_text(error, data.rc, "an alarm")
				 : skafu_model_execute(app->model, &command, APP_PATIENCE_NS, NULL, &outcome, error);
	skafu_outcome_free(outcome);
	json_free(&data);
	return rc;
}

int32_t app_tend(struct app *app, skafu_error *error)
{
	int32_t rc = report_failures(app, error);

	if (rc == SKAFU_OK)
		rc = skafu_watch_step(app->watch, NULL, error);
	for (size_t i = 0; rc == SKAFU_OK && i < app->alarm_count; i++)
		rc = report_alarm(app, &app->alarms[i], error);
	app->alarm_count = 0;
	return rc;
}

int32_t app_settle(struct app *app, uint64_t timeout_ns, skafu_error *error)
{
	int32_t rc = skafu_engine_drain(app->engine, timeout_ns, error);

	if (rc == SKAFU_OK)
		rc = app_tend(app, error);
	return rc == SKAFU_OK ? skafu_engine_drain(app->engine, timeout_ns, error) : rc;
}
