/*
 * observability.c: figures of the system are events too, so that they can be followed, replayed and reacted upon.
 *
 *   CollectMetrics, ReportHealth, UpdateDashboard (collect.c, at intervals)
 *                                            MetricCollected, SystemHealthCheck, DashboardUpdated
 *   ProjectConfigured, ProjectFailed, TemplateRendered --> MetricCollected
 *   MetricCollected beyond its threshold   --> ThresholdBreached
 *   ReportAlarm (an alarm of the watch)        ThresholdBreached, ThresholdRestored
 *   ThresholdBreached                      --> AlertTriggered, once until the figure is back --> AlertCleared
 *   AlertTriggered                         --> a sentence in the log, a POST to SKAFU_ALERT_URL
 */
#include "domains.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

static const char *const events[] = {"MetricCollected", "ThresholdBreached", "ThresholdRestored", "AlertTriggered",
				     "AlertCleared",    "DashboardUpdated",  "SystemHealthCheck", NULL};

/* ---- thresholds ---- */

/* What the architecture's document promises, and what must not be there at all. */
static const struct threshold {
	const char *metric;
	double most;
} thresholds[] = {{"event_latency_p95_ms", 100}, {"cross_domain_p95_ms", 500}, {"error_latency_ms", 1000},
		  {"dead_letters", 0},           {"errors_waiting", 0},        {"project_creation_ms", 60000}};

static const struct threshold *threshold_of(const char *metric)
{
	for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++)
		if (strcmp(thresholds[i].metric, metric) == 0)
			return &thresholds[i];
	return NULL;
}

static double number_of(const skafu_record *record, const char *pointer)
{
	const char *member;
	size_t length;
	char text[64];

	if (skafu_json_find(record->data, record->data_length, pointer, &member, &length, NULL) != SKAFU_OK ||
	    length >= sizeof text)
		return 0;
	memcpy(text, member, length);
	text[length] = '\0';
	return strtod(text, NULL);
}

/* The threshold that the metric is beyond; NULL: it has none or is within it. */
static const struct threshold *exceeded(const skafu_record *metric)
{
	char name[160];
	const struct threshold *threshold = threshold_of(record_get(metric, "/metric", name, sizeof name));

	return threshold != NULL && number_of(metric, "/value") > threshold->most ? threshold : NULL;
}

/* ---- commands of collect.c ---- */

static int32_t emit_metric(skafu_turn *turn, const char *metric, double value, const char *unit, const char *project,
			   skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char stream[320];

	json_open(&data, NULL, '{');
	json_text(&data, "metric", metric);
	json_real(&data, "value", value);
	json_text(&data, "unit", unit);
	json_close(&data, '}');
	return domain_emit(turn, "MetricCollected", domain_stream(stream, "metric", metric), project, &data, error);
}

static int32_t emit_figures(const skafu_command *command, skafu_turn *turn, skafu_error *error)
{
	cJSON *data = cJSON_ParseWithLength(command->data, command->data_length);
	const cJSON *figure;
	int32_t rc = SKAFU_OK;

	cJSON_ArrayForEach(figure, cJSON_GetObjectItemCaseSensitive(data, "figures"))
	{
		const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(figure, "metric"));
		const char *unit = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(figure, "unit"));
		const cJSON *value = cJSON_GetObjectItemCaseSensitive(figure, "value");

		if (rc == SKAFU_OK && name != NULL && unit != NULL && cJSON_IsNumber(value))
			rc = emit_metric(turn, name, value->valuedouble, unit, NULL, error);
	}
	cJSON_Delete(data);
	return rc;
}

static int32_t decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		      skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	const char *type = "DashboardUpdated";

	(void)user;
	(void)state;
	if (strcmp(command->type, "CollectMetrics") == 0)
		return emit_figures(command, turn, error);
	if (strcmp(command->type, "ReportHealth") == 0)
		type = "SystemHealthCheck";
	if (strcmp(command->type, "ReportAlarm") == 0)
		type = json_get_truth(command->data, command->data_length, "/raised") ? "ThresholdBreached"
										      : "ThresholdRestored";
	json_raw(&data, NULL, command->data, command->data_length);
	return domain_emit(turn, type, NULL, NULL, &data, error);
}

/* ---- figures out of other domains' events ---- */

static int32_t measure(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const char *tag = skafu_record_tag(event, 0);
	const char *project = tag != NULL && strncmp(tag, "project:", 8) == 0 ? tag + 8 : NULL;

	(void)user;
	if (strcmp(event->type, "TemplateRendered") == 0)
		return emit_metric(turn, "rendered_files", number_of(event, "/files"), "files", project, error);
	return emit_metric(turn,
			   strcmp(event->type, "ProjectFailed") == 0 ? "project_failure_ms" : "project_creation_ms",
			   number_of(event, "/tookMs"), "ms", project, error);
}

static int32_t compare(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	const struct threshold *threshold = exceeded(event);

	(void)user;
	if (threshold == NULL)
		return SKAFU_OK;
	json_open(&data, NULL, '{');
	json_text(&data, "metric", threshold->metric);
	json_real(&data, "value", number_of(event, "/value"));
	json_real(&data, "threshold", threshold->most);
	json_text(&data, "severity", "WARNING");
	json_close(&data, '}');
	return domain_emit(turn, "ThresholdBreached", event->stream, NULL, &data, error);
}

/* ---- alerts: one for each figure, as long as it is beyond its threshold ---- */

struct alert {
	uint64_t breaches;
};

static int32_t alert_route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	char metric[160];
	int32_t rc;

	(void)user;
	record_get(input, "/metric", metric, 128);
	if (metric[0] == '\0')
		return SKAFU_ROUTE_IGNORE;
	rc = skafu_writer_put(instance, metric, strlen(metric), error);
	if (rc != SKAFU_OK)
		return rc;
	if (strcmp(input->type, "ThresholdBreached") == 0)
		return SKAFU_ROUTE_START;
	return strcmp(input->type, "MetricCollected") == 0 && exceeded(input) ? SKAFU_ROUTE_CONTINUE
									      : SKAFU_ROUTE_STOP;
}

static int32_t alert_evolve(void *user, void *state, const skafu_record *input, skafu_error *error)
{
	struct alert *alert = state;

	(void)user;
	(void)error;
	alert->breaches += strcmp(input->type, "ThresholdBreached") == 0;
	return SKAFU_OK;
}

static int32_t alert_act(void *user, const skafu_record *input, const void *state, skafu_turn *turn,
			 skafu_error *error)
{
	static const char *const names[] = {"metric", "severity", NULL};
	const struct alert *alert = state;
	int is_raised = strcmp(input->type, "ThresholdBreached") == 0;
	struct json data = {.rc = SKAFU_OK};
	char metric[160];
	char message[320];

	(void)user;
	if (is_raised ? alert->breaches > 1 : strcmp(input->type, "MetricCollected") == 0 && exceeded(input))
		return SKAFU_OK; /* it is known already */
	snprintf(message, sizeof message, "%s is %g, %s", record_get(input, "/metric", metric, sizeof metric),
		 number_of(input, "/value"), is_raised ? "beyond its threshold" : "within its threshold again");
	json_open(&data, NULL, '{');
	domain_copy(&data, input, names);
	json_real(&data, "value", number_of(input, "/value"));
	json_text(&data, "message", message);
	json_close(&data, '}');
	return domain_emit(turn, is_raised ? "AlertTriggered" : "AlertCleared", input->stream, NULL, &data, error);
}

static int32_t define_alerts(skafu_model *model, skafu_error *error)
{
	static const char *const types[] = {"ThresholdBreached", "ThresholdRestored", "MetricCollected"};
	skafu_source source = {.size = sizeof source, .types = types, .type_count = 3};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(struct alert)};
	skafu_process_def def = {.size = sizeof def, .version = 1, .domain = OBSERVABILITY_DOMAIN, .name = "alerts"};

	def.source = &source;
	def.state = &state;
	def.route = alert_route;
	def.evolve = alert_evolve;
	def.act = alert_act;
	return skafu_model_add_process(model, &def, error);
}

/* ---- notification ---- */

static int32_t post(const struct world *world, const skafu_record *event, const uint8_t key[16], skafu_error *error)
{
	char id[SKAFU_ID_TEXT_BYTES];
	char once[80];
	const char *const headers[] = {"Content-Type: application/json", once, NULL};
	struct http_request request = {.method = "POST",
				       .url = world->alert_url,
				       .headers = headers,
				       .body = event->data,
				       .body_length = event->data_length,
				       .timeout_ms = 5000};
	struct http_answer answer = {.status = 0};
	int32_t rc;

	skafu_id_format(key, id);
	snprintf(once, sizeof once, "Idempotency-Key: %s", id);
	rc = http_call(&request, &answer, error);
	if (rc == SKAFU_OK)
		rc = http_result(&answer, "The receiver of alerts", "", error);
	http_answer_free(&answer);
	return rc;
}

static int32_t notify(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const struct world *world = user;
	char message[320];
	uint8_t key[16];
	int32_t rc = skafu_effect(turn, "alert", key, error);

	if (rc != 1)
		return rc;
	if (world->alert != NULL)
		world->alert(world->alert_user, record_get(event, "/message", message, sizeof message));
	return world->alert_url != NULL ? post(world, event, key, error) : SKAFU_OK;
}

/* ---- the dashboard: how often each type and domain was seen, the last figures, the open alerts ---- */

static int32_t put_last(const skafu_record *event, const char *table, const char *key, skafu_edit *edit,
			skafu_error *error)
{
	return skafu_edit_put(edit, table, key, strlen(key), event->data, event->data_length, error);
}

static int32_t dashboard_each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	char metric[160];
	int32_t rc = skafu_edit_count(edit, "types", event->type, strlen(event->type), 1, error);

	(void)user;
	if (rc == SKAFU_OK)
		rc = skafu_edit_count(edit, "domains", event->source, strlen(event->source), 1, error);
	record_get(event, "/metric", metric, sizeof metric);
	if (rc == SKAFU_OK && metric[0] != '\0' && strcmp(event->type, "MetricCollected") == 0)
		rc = put_last(event, "metrics", metric, edit, error);
	if (rc == SKAFU_OK && metric[0] != '\0' && strcmp(event->type, "AlertTriggered") == 0)
		rc = put_last(event, "alerts", metric, edit, error);
	if (rc == SKAFU_OK && metric[0] != '\0' && strcmp(event->type, "AlertCleared") == 0)
		rc = skafu_edit_delete(edit, "alerts", metric, strlen(metric), error);
	if (rc == SKAFU_OK && strcmp(event->type, "SystemHealthCheck") == 0)
		rc = put_last(event, "health", "last", edit, error);
	return rc;
}

/* ---- the definition ---- */

static const struct domain_decider deciders[] = {
	{.name = "observability",
	 .commands = {"CollectMetrics", "ReportAlarm", "ReportHealth", "UpdateDashboard"},
	 .decide = decide},
	{.name = NULL}};

static const struct domain_reaction reactions[] = {
	{.name = "measuring", .types = {"ProjectConfigured", "ProjectFailed", "TemplateRendered"}, .react = measure},
	{.name = "thresholds", .types = {"MetricCollected"}, .react = compare},
	{.name = "notification", .types = {"AlertTriggered"}, .react = notify},
	{.name = NULL}};

static const struct domain_view views[] = {{.name = "dashboard", .each = dashboard_each}, {.name = NULL}};

int32_t observability_define(skafu_model *model, const struct world *world, skafu_error *error)
{
	static const struct domain domain = {.name = OBSERVABILITY_DOMAIN,
					     .events = events,
					     .deciders = deciders,
					     .reactions = reactions,
					     .views = views};
	int32_t rc = domain_define(model, &domain, world, error);

	return rc == SKAFU_OK ? define_alerts(model, error) : rc;
}
