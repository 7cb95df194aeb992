/*
 * domains_test.c: the flows of templates, analysis, GitHub and figures, and that every type of the document happens.
 */
#include "flow/skafu/flowkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/loopback.h"
#include "collect.h"
#include "deliver.h"

#define PATIENCE INT64_C(60000000000)
#define KEY "sk-ant-test-0123456789"

/* ---- templates ---- */

static const char *row_member(const char *view_name, const char *key, const char *pointer)
{
	static char text[256];
	skafu_view *view = NULL;
	void *value = NULL;
	size_t length = 0;

	kit_assert_ok(skafu_view_open(flow.model, view_name, 0, 0, &view, kit_error));
	kit_assert_ok(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, NULL, kit_error));
	text[0] = '\0';
	if (skafu_view_get(view, NULL, key, strlen(key), &value, &length, NULL) == SKAFU_OK)
		json_get(value, length, pointer, text, sizeof text);
	skafu_bytes_free(value);
	skafu_view_close(view);
	return text;
}

START_TEST(templates)
{
	const char *correlation;

	flow_open();
	ck_assert_str_eq(flow_template("static-site"), "TemplateValidated");
	ck_assert_str_eq(flow_template("static-site"), "refused"); /* it is there already */
	ck_assert_str_eq(row_member("templates", "static-site", "/state"), "valid");
	ck_assert_str_eq(row_member("templates", "static-site", "/template/version"), "1.0.0");

	/* One that is not valid is told with all of its faults, and the one before stays in use. */
	kit_write("bad/template.json", "{\"name\":\"static-site\",\"version\":\"2.0.0\",\"description\":\"x\"}");
	kit_write("bad/files/a.txt", "{{nobody}} and {{#if");
	ck_assert_str_eq(flow_template_folder(kit_path("bad"), "static-site", "2.0.0"), "TemplateInvalidated");
	ck_assert_str_ne(flow_member(SKAFU_KIND_EVENT, "TemplateInvalidated", NULL, "/faults/0/text"), "");
	ck_assert_str_eq(flow_member(SKAFU_KIND_ERROR, "ErrorOccurred", NULL, "/errorCode"), "TEMPLATE_INVALID");
	ck_assert_str_eq(row_member("templates", "static-site", "/state"), "invalid");
	correlation = flow_create("site", "static-site", "{}", PATIENCE);
	flow_settle();
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "TemplateSelected", correlation, "/version"), "1.0.0");
	ck_assert_int_eq(flow_events("ProjectConfigured", correlation), 1);
}
END_TEST

START_TEST(no_template)
{
	const char *correlation;

	flow_open();
	correlation = flow_create("site", "static-site", "{}", PATIENCE);
	flow_settle();
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "ProjectFailed", correlation, "/code"), "TEMPLATE_NOT_FOUND");
	ck_assert_int_eq(flow_events("RepositoryRetired", correlation), 1);
}
END_TEST

START_TEST(bad_variables)
{
	const char *correlation;

	flow_open();
	flow_template("c-service");
	correlation = flow_create("service", "c-service", "{\"port\":\"not a number\"}", PATIENCE);
	flow_settle();
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "TemplateRenderingFailed", correlation, "/code"),
			 "RENDERING_ERROR");
	ck_assert(!kit_exists("projects/service"));
}
END_TEST

/* ---- analysis ---- */

struct api {
	int status;
	const char *headers;
	const char *body;
	int calls;
	char head[2048];
};

static void answer_api(void *user, const struct loopback_request *request, struct loopback_answer *answer)
{
	struct api *api = user;

	api->calls++;
	snprintf(api->head, sizeof api->head, "%s", text_string(&request->head));
	loopback_say(answer, api->status, api->headers, api->body, strlen(api->body));
}

static const char *create_with(struct api *api)
{
	struct loopback *server = loopback_start(answer_api, api);
	const char *correlation;

	setenv("ANTHROPIC_API_KEY", KEY, 1);
	setenv("ANTHROPIC_BASE_URL", loopback_url(server, ""), 1);
	flow_open();
	flow_template("static-site");
	correlation = flow_create("site", "static-site", "{}", PATIENCE);
	flow_settle();
	loopback_stop(server);
	ck_assert_int_eq(flow_events("ProjectConfigured", correlation), 1);
	ck_assert(!flow_log_has(KEY));
	ck_assert_int_ge(api->calls, 1);
	return correlation;
}

START_TEST(a_model_reviews)
{
	struct api api = {
		200, "Content-Type: application/json\r\n",
		"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-test\","
		"\"content\":[{\"type\":\"text\",\"text\":\"A small site.\\n- Add a favicon.\\n- Add a map.\\n"
		"``` site/robots.txt\\nUser-agent: *\\n```\\n\"}],\"stop_reason\":\"end_turn\","
		"\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}",
		0, ""};
	const char *correlation = create_with(&api);

	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "AIAnalysisCompleted", correlation, "/analyser"), "anthropic");
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "AIAnalysisCompleted", correlation, "/summary"),
			 "A small site.");
	ck_assert_int_eq(flow_events("RecommendationGenerated", correlation), 2);
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "RecommendationGenerated", correlation, "/text"),
			 "Add a map.");
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "CodeGenerated", correlation, "/path"), "site/robots.txt");
	ck_assert(!kit_exists("projects/site/site/robots.txt")); /* it is a suggestion */
	ck_assert_ptr_nonnull(strstr(api.head, KEY));
}
END_TEST

START_TEST(the_model_is_busy)
{
	struct api api = {429, "Content-Type: application/json\r\nretry-after: 7\r\n",
			  "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slowly\"}}", 0,
			  ""};
	const char *correlation = create_with(&api);

	ck_assert_int_eq(flow_events("AILimitReached", correlation), 1);
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "AILimitReached", correlation, "/errorType"),
			 "rate_limit_error");
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "AIAnalysisCompleted", correlation, "/analyser"), "offline");
	ck_assert_str_ne(flow_member(SKAFU_KIND_EVENT, "AIAnalysisCompleted", correlation, "/degraded"), "");
	ck_assert_str_eq(flow_member(SKAFU_KIND_ERROR, "ErrorOccurred", correlation, "/errorCode"),
			 "AI_LIMIT_REACHED");
}
END_TEST

/* ---- GitHub ---- */

/* A repository is made there, the push to it fails: it is deleted again. */
static void answer_github(void *user, const struct loopback_request *request, struct loopback_answer *answer)
{
	static const char made[] =
		"{\"id\":1,\"full_name\":\"ada/site\",\"clone_url\":\"http://127.0.0.1:1/none.git\","
		"\"html_url\":\"http://127.0.0.1:1/ada/site\",\"default_branch\":\"main\"}";
	char *seen = user;

	snprintf(seen + strlen(seen), 512 - strlen(seen), "%s %s\n", request->method, request->target);
	if (strcmp(request->method, "POST") == 0)
		loopback_say(answer, 201, "Content-Type: application/json\r\n", made, sizeof made - 1);
	else
		loopback_say(answer, 204, "", "", 0);
}

START_TEST(a_repository_elsewhere)
{
	static const char pattern[] = "{\"eventType\":[\"ProjectFailed\",\"ProjectConfigured\"]}";
	char seen[512] = "";
	struct loopback *server = loopback_start(answer_github, seen);
	skafu_record *end = NULL;
	char correlation[32];

	setenv("GITHUB_TOKEN", "ghp_secret", 1);
	setenv("GITHUB_API_URL", loopback_url(server, ""), 1);
	flow_open();
	flow_template("static-site");
	snprintf(correlation, sizeof correlation, "%s", flow_create("site", "static-site", "{}", PATIENCE));
	kit_assert_ok(skafu_engine_await(flow.engine, correlation, pattern, UINT64_C(30000000000), &end, kit_error));
	ck_assert_str_eq(end->type, "ProjectFailed");
	skafu_record_free(end);
	flow_settle();
	loopback_stop(server);
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "RepositoryCreated", correlation, "/host"), "github");
	ck_assert_int_eq(flow_events("RepositoryRetired", correlation), 1);
	ck_assert_str_eq(seen, "POST /user/repos\nDELETE /repos/ada/site\n");
	ck_assert(!flow_log_has("ghp_secret"));
}
END_TEST

static int deliver_all(const struct text *lines, int *out_known)
{
	int recorded = 0;

	*out_known = 0;
	for (const char *line = lines->bytes, *end = line + lines->length; line < end;) {
		size_t length = strcspn(line, "\n");
		struct delivered delivered;
		struct delivery delivery = {.id = NULL};
		char event[64];

		delivery.event = json_get(line, length, "/event", event, sizeof event);
		kit_assert_ok(skafu_json_find(line, length, "/payload", &delivery.body, &delivery.length, kit_error));
		kit_assert_ok(deliver(&flow, &delivery, &delivered, kit_error));
		recorded += delivered.type != NULL && !delivered.was_there;
		*out_known += delivered.type != NULL && delivered.was_there;
		line += length + 1;
	}
	return recorded;
}

START_TEST(real_deliveries)
{
	struct text lines = {.bytes = NULL};
	int known;
	int recorded;

	if (!kit_data("github-webhooks.jsonl.xz", &lines))
		return;
	flow_open();
	recorded = deliver_all(&lines, &known);
	ck_assert_int_gt(recorded, 5);
	ck_assert_int_eq(known, 0);
	ck_assert_int_eq(deliver_all(&lines, &known), 0);
	ck_assert_int_eq(known, recorded);
	flow_settle();
	ck_assert_int_ge(flow_events("CodePushed", NULL), 1);
	ck_assert_int_ge(flow_events("DeploymentStarted", NULL), 1);
	ck_assert_int_eq(flow_count(SKAFU_KIND_ERROR, "ErrorOccurred", NULL), 0); /* nothing was tried with them */
	text_free(&lines);
}
END_TEST

/* ---- figures ---- */

static void collect_figure(const char *metric, int value)
{
	skafu_command command = {.size = sizeof command, .type = "CollectMetrics", .domain = OBSERVABILITY_DOMAIN};
	skafu_outcome *outcome = NULL;
	char data[256];

	snprintf(data, sizeof data, "{\"figures\":[{\"metric\":\"%s\",\"value\":%d,\"unit\":\"records\"}]}", metric,
		 value);
	command.stream = "observability/figures";
	command.data = data;
	command.data_length = strlen(data);
	kit_assert_ok(skafu_model_execute(flow.model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, kit_error));
	skafu_outcome_free(outcome);
	flow_settle();
}

START_TEST(thresholds)
{
	struct api api = {200, "", "", 0, ""};
	struct loopback *server = loopback_start(answer_api, &api);
	char url[256];

	snprintf(url, sizeof url, "%s", loopback_url(server, "/alerts"));
	setenv("SKAFU_ALERT_URL", url, 1);
	flow_open();
	collect_figure("dead_letters", 0);
	ck_assert_int_eq(flow_events("ThresholdBreached", NULL), 0);
	collect_figure("dead_letters", 2);
	collect_figure("dead_letters", 3); /* still the same alert */
	ck_assert_int_eq(flow_events("ThresholdBreached", NULL), 2);
	ck_assert_int_eq(flow_events("AlertTriggered", NULL), 1);
	ck_assert_int_eq(flow_events("AlertCleared", NULL), 0);
	collect_figure("dead_letters", 0);
	ck_assert_int_eq(flow_events("AlertCleared", NULL), 1);
	collect_figure("dead_letters", 1);
	ck_assert_int_eq(flow_events("AlertTriggered", NULL), 2);
	loopback_stop(server);
	ck_assert_int_eq(api.calls, 2);
	ck_assert_ptr_nonnull(strstr(api.head, "Idempotency-Key: "));
}
END_TEST

/* An alarm of the watch, over a metric of the host, goes the same way. */
START_TEST(alarms)
{
	skafu_alarm_def alarm = {
		.size = sizeof alarm, .name = "too-hot", .metric = "heat", .statistic = SKAFU_METRIC_VALUE};
	uint64_t wait_ns;

	flow_open();
	alarm.direction = SKAFU_ALARM_ABOVE;
	alarm.raise_at = 50;
	alarm.clear_at = 40;
	kit_assert_ok(skafu_alarm_add(flow.watch, &alarm, kit_error));
	kit_assert_ok(skafu_metric_set(flow.watch, "heat", NULL, 99, kit_error));
	for (int i = 0; i < 40 && flow_events("AlertTriggered", NULL) == 0; i++) {
		skafu_engine_run(flow.engine, UINT64_C(100000000), NULL);
		flow_settle();
	}
	ck_assert_int_eq(flow_events("AlertTriggered", NULL), 1);
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "ThresholdBreached", NULL, "/metric"), "too-hot");
	kit_assert_ok(skafu_metric_set(flow.watch, "heat", NULL, 1, kit_error));
	for (int i = 0; i < 40 && flow_events("AlertCleared", NULL) == 0; i++) {
		skafu_engine_run(flow.engine, UINT64_C(100000000), NULL);
		flow_settle();
	}
	ck_assert_int_eq(flow_events("AlertCleared", NULL), 1);
	kit_assert_ok(skafu_watch_step(flow.watch, &wait_ns, kit_error));
}
END_TEST

/* ---- the table ---- */

static const struct produced *entry_of(const char *type)
{
	for (size_t i = 0; i < produced_count; i++)
		if (strcmp(produced[i].type, type) == 0)
			return &produced[i];
	return NULL;
}

static void delete_template(const char *name)
{
	skafu_command command = {.size = sizeof command, .type = "DeleteTemplate", .domain = TEMPLATE_DOMAIN};
	skafu_outcome *outcome = NULL;
	char data[128];
	char stream[320];

	snprintf(data, sizeof data, "{\"template\":\"%s\"}", name);
	command.stream = domain_stream(stream, "template", name);
	command.data = data;
	command.data_length = strlen(data);
	kit_assert_ok(skafu_model_execute(flow.model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, kit_error));
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	skafu_outcome_free(outcome);
}

static void deliver_one(const char *event, const char *body)
{
	struct delivery delivery = {event, NULL, body, strlen(body)};
	struct delivered delivered;

	kit_assert_ok(deliver(&flow, &delivery, &delivered, kit_error));
}

/* Everything that the document names, by what the table says. */
START_TEST(every_type_happens)
{
	struct api api = {529, "", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}",
			  0, ""};

	create_with(&api);
	kit_write("bad/template.json", "{}");
	flow_template_folder(kit_path("bad"), "bad", "0");
	kit_write("poor/template.json",
		  "{\"name\":\"poor\",\"version\":\"1.0.0\",\"description\":\"x\",\"variables\":"
		  "{\"name\":{\"description\":\"n\"}},\"test\":[\"true\"]}");
	kit_write("poor/files/a.c", "int main(void) { return 0; }\n"); /* without a licence: a recommendation */
	ck_assert_str_eq(flow_template_folder(kit_path("poor"), "poor", "1.0.0"), "TemplateValidated");
	flow_create("poor-one", "poor", "{}", PATIENCE);
	flow_settle();
	ck_assert_str_eq(flow_create("poor-one", "poor", "{}", PATIENCE), "");
	delete_template("poor");
	deliver_one("workflow_run",
		    "{\"action\":\"requested\",\"workflow_run\":{\"id\":1,\"name\":\"ci\",\"head_sha\":\"a\","
		    "\"head_branch\":\"main\",\"event\":\"push\",\"run_attempt\":1},"
		    "\"repository\":{\"full_name\":\"o/r\"},\"sender\":{\"login\":\"ada\"}}");
	deliver_one("deployment_status",
		    "{\"deployment_status\":{\"state\":\"failure\",\"created_at\":\"2024-01-02T03:04:05Z\"},"
		    "\"deployment\":{\"id\":7,\"environment\":\"production\",\"sha\":\"abc\"},"
		    "\"repository\":{\"full_name\":\"o/r\"},\"sender\":{\"login\":\"ada\"}}");
	kit_assert_ok(collect(&flow, kit_error));
	collect_figure("dead_letters", 1);
	for (size_t i = 0; i < produced_count; i++)
		ck_assert_msg(!produced[i].is_of_document || flow_events(produced[i].type, NULL) > 0 ||
				      flow_count(SKAFU_KIND_ERROR, produced[i].type, NULL) > 0,
			      "nothing produced %s", produced[i].type);
}
END_TEST

/* And nothing else does: each event is in the table, under its domain. */
START_TEST(no_other_type_happens)
{
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int count = 0;

	flow_open();
	flow_template("static-site");
	flow_create("site", "static-site", "{}", PATIENCE);
	kit_assert_ok(collect(&flow, kit_error));
	flow_settle();
	kit_assert_ok(skafu_read(flow.store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, kit_error));
	while (skafu_cursor_next(cursor, &record, kit_error) == 1) {
		const struct produced *entry = entry_of(record->type);

		ck_assert_msg(entry != NULL, "%s is not in the table", record->type);
		ck_assert_str_eq(entry->domain, record->source);
		count++;
	}
	skafu_cursor_free(cursor);
	ck_assert_int_gt(count, 15);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flows of the domains");
	TCase *tests = tcase_create("flow");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, flow_begin, flow_end);
	tcase_add_test(tests, templates);
	tcase_add_test(tests, no_template);
	tcase_add_test(tests, bad_variables);
	tcase_add_test(tests, a_model_reviews);
	tcase_add_test(tests, the_model_is_busy);
	tcase_add_test(tests, a_repository_elsewhere);
	tcase_add_test(tests, real_deliveries);
	tcase_add_test(tests, thresholds);
	tcase_add_test(tests, alarms);
	tcase_add_test(tests, every_type_happens);
	tcase_add_test(tests, no_other_type_happens);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
