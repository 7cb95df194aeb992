/*
 * flowkit.c: the application for tests.
 */
#include "flow/skafu/flowkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct app flow;

void flow_begin(void)
{
	static const char *const names[] = {"GITHUB_TOKEN",      "GITHUB_OWNER", "GITHUB_API_URL",
					    "ANTHROPIC_API_KEY", "S3_ENDPOINT",  "SKAFU_ALERT_URL",
					    "ANTHROPIC_BASE_URL"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	/* These tests are about what follows from what; how long a disk takes is for others. */
	if (access("/dev/shm", W_OK | X_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	kit_begin();
}

void flow_end(void)
{
	flow_close();
	kit_end();
}

void flow_open(void)
{
	kit_assert_ok(app_open(&flow, kit_path("home"), APP_ENGINE, kit_error));
}

void flow_close(void)
{
	app_close(&flow);
}

void flow_only(const char *const *consumers, size_t count)
{
	skafu_engine_opts opts = {.size = sizeof opts, .consumers = consumers, .consumer_count = count};

	skafu_engine_close(flow.engine);
	flow.engine = NULL;
	kit_assert_ok(skafu_engine_open(flow.model, &opts, &flow.engine, kit_error));
}

void flow_settle(void)
{
	kit_assert_ok(app_settle(&flow, APP_PATIENCE_NS, kit_error));
}

/* ---- doing ---- */

static int32_t execute(const char *domain, const char *type, const char *stream, const char *correlation,
		       const char *data, uint32_t *out_decision)
{
	struct app_request request = {"test", "user-123", correlation};
	skafu_command command = {.size = sizeof command, .type = type, .stream = stream, .data = data};
	skafu_outcome *outcome = NULL;
	int32_t rc;

	command.data_length = strlen(data);
	rc = app_execute(&flow, &request, domain, &command, &outcome, kit_error);
	*out_decision = rc == SKAFU_OK ? outcome->decision : 0;
	skafu_outcome_free(outcome);
	return rc;
}

const char *flow_template_folder(const char *folder, const char *name, const char *version)
{
	static char type[64];
	char blob[BLOB_NAME_BYTES];
	char data[1024];
	char stream[320];
	char correlation[32];
	uint32_t decision;

	app_correlation(correlation);
	kit_assert_ok(blob_put_folder(flow.world.blobs, folder, blob, kit_error));
	snprintf(data, sizeof data,
		 "{\"template\":\"%s\",\"version\":\"%s\",\"description\":\"of a test\",\"blob\":\"%s\"}", name,
		 version, blob);
	kit_assert_ok(execute(TEMPLATE_DOMAIN, "UploadTemplate", domain_stream(stream, "template", name), correlation,
			      data, &decision));
	flow_settle();
	snprintf(type, sizeof type, "%s",
		 decision == SKAFU_DECISION_REFUSED                     ? "refused"
		 : flow_events("TemplateValidated", correlation) == 1   ? "TemplateValidated"
		 : flow_events("TemplateInvalidated", correlation) == 1 ? "TemplateInvalidated"
									: "nothing");
	return type;
}

const char *flow_template(const char *name)
{
	char folder[256];

	snprintf(folder, sizeof folder, "examples/skafu/templates/%s", name);
	return flow_template_folder(folder, name, "1.0.0");
}

const char *flow_create(const char *name, const char *template, const char *variables, int64_t patience_ns)
{
	static char correlation[32];
	char deadline[SKAFU_TIME_TEXT_BYTES];
	char data[2048];
	char stream[320];
	uint32_t decision;

	app_correlation(correlation);
	skafu_time_format(skafu_time_now() + patience_ns, deadline);
	snprintf(data, sizeof data,
		 "{\"name\":\"%s\",\"template\":\"%s\",\"into\":\"%s/projects/%s\",\"deadline\":\"%s\","
		 "\"variables\":%s,\"check\":\"\"}",
		 name, template, kit_folder, name, deadline, variables);
	kit_assert_ok(execute(PROJECT_DOMAIN, "CreateProject", domain_stream(stream, "project", name), correlation,
			      data, &decision));
	return decision == SKAFU_DECISION_ACCEPTED ? correlation : "";
}

void flow_append(const char *type, const char *domain, const char *correlation, const char *project, const char *data)
{
	char tag[128];
	const char *const tags[] = {tag};
	skafu_new_record event = {.size = sizeof event,
				  .type = type,
				  .source = domain,
				  .stream = project,
				  .correlation = correlation,
				  .tags = tags,
				  .tag_count = 1,
				  .data = data};
	skafu_batch *batch = NULL;

	snprintf(tag, sizeof tag, "project:%s", project);
	event.data_length = strlen(data);
	kit_assert_ok(skafu_batch_new(flow.store, &batch, kit_error));
	kit_assert_ok(skafu_batch_add(batch, &event, kit_error));
	kit_assert_ok(skafu_append(flow.store, batch, SKAFU_WAIT_FOREVER, NULL, kit_error));
	skafu_batch_free(batch);
}

/* ---- asking ---- */

/* The number of them; the last one is copied, to be freed. */
static int find(uint32_t kind, const char *type, const char *correlation, skafu_record **out_last)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = 1u << kind};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int count = 0;

	*out_last = NULL;
	if (correlation != NULL)
		kit_assert_ok(
			skafu_read_correlation(flow.store, correlation, SKAFU_NO_LIMIT, &opts, &cursor, kit_error));
	else
		kit_assert_ok(skafu_read(flow.store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, kit_error));
	while (skafu_cursor_next(cursor, &record, kit_error) == 1) {
		if (strcmp(record->type, type) != 0)
			continue;
		count++;
		skafu_record_free(*out_last);
		kit_assert_ok(skafu_record_copy(record, out_last, kit_error));
	}
	skafu_cursor_free(cursor);
	return count;
}

int flow_count(uint32_t kind, const char *type, const char *correlation)
{
	skafu_record *last;
	int count = find(kind, type, correlation, &last);

	skafu_record_free(last);
	return count;
}

const char *flow_member(uint32_t kind, const char *type, const char *correlation, const char *pointer)
{
	static char text[2048];
	skafu_record *last;

	find(kind, type, correlation, &last);
	text[0] = '\0';
	if (last != NULL)
		record_get(last, pointer, text, sizeof text);
	skafu_record_free(last);
	return text;
}

int flow_log_has(const char *text)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int found = 0;

	kit_assert_ok(skafu_read(flow.store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, kit_error));
	while (!found && skafu_cursor_next(cursor, &record, kit_error) == 1) {
		char *json = NULL;
		size_t length;

		kit_assert_ok(skafu_record_to_json(record, &json, &length, kit_error));
		found = strstr(json, text) != NULL;
		skafu_text_free(json);
	}
	skafu_cursor_free(cursor);
	return found;
}
