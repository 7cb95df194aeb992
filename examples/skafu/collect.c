/*
 * collect.c: asking engine, store and views, at intervals.
 */
#include "collect.h"

#include <string.h>
#include <unistd.h>

#include "domains.h"
#include "process.h"

/* ---- figures ---- */

static void add_figure(struct json *data, const char *metric, double value, const char *unit)
{
	json_open(data, NULL, '{');
	json_text(data, "metric", metric);
	json_real(data, "value", value);
	json_text(data, "unit", unit);
	json_close(data, '}');
}

struct consumers {
	uint64_t lag;         /* the largest */
	uint64_t publish_p95; /* the largest: recorded to handled */
	uint64_t error_p95;   /* the same of the error bus */
	size_t halted;
};

static int32_t ask_consumers(struct app *app, struct consumers *out, skafu_error *error)
{
	const skafu_consumer_info *info;
	skafu_consumer_list *list = NULL;
	int32_t rc = skafu_consumer_list_open(app->model, &list, error);

	memset(out, 0, sizeof *out);
	while (rc >= 0 && (rc = skafu_consumer_list_next(list, &info, error)) == 1) {
		int is_errors = strcmp(info->name, "error-bus") == 0;

		out->lag = info->lag > out->lag ? info->lag : out->lag;
		out->halted += info->state == SKAFU_CONSUMER_HALTED;
		if (is_errors)
			out->error_p95 = info->publish_p95_ns;
		else if (info->publish_p95_ns > out->publish_p95)
			out->publish_p95 = info->publish_p95_ns;
	}
	skafu_consumer_list_free(list);
	return rc;
}

static int32_t count_dead(struct app *app, uint64_t *out, skafu_error *error)
{
	const skafu_dead_letter *letter;
	skafu_dead_letter_list *list = NULL;
	int32_t rc = skafu_dead_letter_list_open(app->store, NULL, 1000, &list, error);

	*out = 0;
	while (rc >= 0 && (rc = skafu_dead_letter_list_next(list, &letter, error)) == 1)
		(*out)++;
	skafu_dead_letter_list_free(list);
	return rc;
}

static int32_t figures(struct app *app, struct json *data, skafu_error *error)
{
	skafu_engine_stats engine = {.size = sizeof engine};
	skafu_store_stats store = {.size = sizeof store};
	struct consumers consumers;
	uint64_t dead = 0;
	int32_t rc = skafu_engine_stats_get(app->engine, &engine, error);

	if (rc == SKAFU_OK)
		rc = skafu_store_stats_get(app->store, &store, error);
	if (rc == SKAFU_OK)
		rc = ask_consumers(app, &consumers, error);
	if (rc == SKAFU_OK)
		rc = count_dead(app, &dead, error);
	if (rc != SKAFU_OK)
		return rc;
	json_open(data, NULL, '{');
	json_open(data, "figures", '[');
	add_figure(data, "events_published", (double)engine.published, "records");
	add_figure(data, "event_latency_p95_ms", (double)consumers.publish_p95 / 1e6, "ms");
	add_figure(data, "cross_domain_p95_ms", (double)engine.cross_domain_p95_ns / 1e6, "ms");
	add_figure(data, "error_latency_ms", (double)consumers.error_p95 / 1e6, "ms");
	add_figure(data, "consumer_lag", (double)consumers.lag, "records");
	add_figure(data, "dead_letters", (double)dead, "records");
	add_figure(data, "errors_waiting", (double)engine.errors_waiting, "records");
	add_figure(data, "store_bytes", (double)store.file_bytes_used, "bytes");
	json_close(data, ']');
	json_close(data, '}');
	return failed_text(error, data->rc, "the figures");
}

/* ---- health ---- */

static int add_check(struct json *data, const char *name, int is_well)
{
	json_open(data, NULL, '{');
	json_text(data, "check", name);
	json_truth(data, "ok", is_well);
	json_close(data, '}');
	return is_well;
}

static int has_git(void)
{
	static const char *const command[] = {"git", "--version", NULL};
	struct process process = {.command = command, .timeout_ms = 5000};
	struct text output = {.bytes = NULL};
	int status = 1;
	int is_well = process_run(&process, &output, &status, NULL) == SKAFU_OK && status == 0;

	text_free(&output);
	return is_well;
}

static void health(struct app *app, struct json *data)
{
	struct consumers consumers = {.halted = 0};
	uint64_t head;
	uint64_t dead = 0;
	int is_well = 1;

	json_open(data, NULL, '{');
	json_open(data, "checks", '[');
	is_well &= add_check(data, "the log can be read", skafu_store_head(app->store, &head, NULL) == SKAFU_OK);
	is_well &= add_check(data, "the home can be written", access(app->home, W_OK) == 0);
	is_well &= add_check(data, "git is there", has_git());
	is_well &= add_check(data, "no consumer is halted",
			     ask_consumers(app, &consumers, NULL) == SKAFU_OK && consumers.halted == 0);
	is_well &=
		add_check(data, "there are no dead letters", count_dead(app, &dead, NULL) == SKAFU_OK && dead == 0);
	json_close(data, ']');
	json_text(data, "status", is_well ? "ok" : "degraded");
	json_close(data, '}');
}

int32_t collect_health(struct app *app, struct text *out_json, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	int32_t rc;

	health(app, &data);
	rc = data.rc == SKAFU_OK ? text_add(out_json, data.text.bytes, data.text.length) : data.rc;
	json_free(&data);
	return failed_text(error, rc, "the health");
}

/* ---- the dashboard ---- */

static void add_count(struct json *data, skafu_view *view, const char *type, const char *as)
{
	void *value = NULL;
	size_t length;
	int64_t count = 0;

	if (skafu_view_get(view, "types", type, strlen(type), &value, &length, NULL) == SKAFU_OK)
		skafu_count_value(value, length, &count, NULL);
	skafu_bytes_free(value);
	json_number(data, as, count);
}

static int32_t dashboard(struct app *app, struct json *data, skafu_error *error)
{
	skafu_view *view = NULL;
	uint64_t alerts = 0;
	uint64_t head = 0;
	int32_t rc = skafu_view_open(app->model, "dashboard", 0, 0, &view, error);

	if (rc == SKAFU_OK)
		rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, APP_PATIENCE_NS, &head, error);
	if (rc == SKAFU_OK)
		rc = skafu_view_count(view, "alerts", NULL, &alerts, error);
	if (rc == SKAFU_OK) {
		json_open(data, NULL, '{');
		add_count(data, view, "ProjectCreated", "projectsCreated");
		add_count(data, view, "ProjectConfigured", "projectsConfigured");
		add_count(data, view, "ProjectFailed", "projectsFailed");
		add_count(data, view, "TemplateValidated", "templatesValidated");
		json_number(data, "openAlerts", (int64_t)alerts);
		json_number(data, "upTo", (int64_t)head);
		json_close(data, '}');
		rc = failed_text(error, data->rc, "the dashboard");
	}
	skafu_view_close(view);
	return rc;
}

/* ---- all of it ---- */

static int32_t send(struct app *app, const char *type, const char *stream, const char *correlation, struct json *data,
		    skafu_error *error)
{
	skafu_command command = domain_command(type, stream, data);
	skafu_outcome *outcome = NULL;
	int32_t rc;

	command.correlation = correlation;
	rc = data->rc != SKAFU_OK ? failed_text(error, data->rc, type)
				  : skafu_model_execute(app->model, &command, APP_PATIENCE_NS, NULL, &outcome, error);
	skafu_outcome_free(outcome);
	json_free(data);
	return rc;
}

int32_t collect(struct app *app, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char correlation[32];
	int32_t rc = figures(app, &data, error);

	app_correlation(correlation);
	if (rc == SKAFU_OK)
		rc = send(app, "CollectMetrics", "observability/figures", correlation, &data, error);
	if (rc == SKAFU_OK) {
		health(app, &data);
		rc = send(app, "ReportHealth", "observability/health", correlation, &data, error);
	}
	if (rc == SKAFU_OK)
		rc = dashboard(app, &data, error);
	if (rc == SKAFU_OK)
		rc = send(app, "UpdateDashboard", "observability/dashboard", correlation, &data, error);
	json_free(&data);
	return rc;
}
