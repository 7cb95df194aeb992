/*
 * gateway.c: routes, one small function each, and the live stream of events.
 *
 * Nothing that comes in names a folder: projects of the gateway are made in HOME/projects.  A request from a page of
 * another origin cannot create anything, since it could not set the content type without being asked for.
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "deliver.h"
#include "domains.h"
#include "webhook.h"

#define GATEWAY_TIMEOUT_S 30
#define GATEWAY_CONNECTIONS 64
#define GATEWAY_CREATION_S 120
#define GATEWAY_BEAT_NS UINT64_C(500000000)
#define GATEWAY_BEATS_IDLE 10

struct gateway {
	struct app *app;
	struct MHD_Daemon *daemon;
	atomic_int is_stopping;
};

struct request {
	struct gateway *gateway;
	struct MHD_Connection *connection;
	const char *method;
	const char *path;
	struct text body;
	int is_too_large;
	skafu_error *error;
};

/* ---- answers ---- */

static enum MHD_Result answer(struct request *request, unsigned status, const char *type, const void *body,
			      size_t length)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(length, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_json(struct request *request, unsigned status, struct json *json)
{
	enum MHD_Result result = json->rc == SKAFU_OK ? answer(request, status, "application/json",
							       text_string(&json->text), json->text.length)
						      : MHD_NO;

	json_free(json);
	return result;
}

static enum MHD_Result answer_error(struct request *request, unsigned status, const char *code, const char *message)
{
	struct json json = {.rc = SKAFU_OK};

	json_open(&json, NULL, '{');
	json_text(&json, "errorCode", code);
	json_text(&json, "errorMessage", message);
	json_close(&json, '}');
	return answer_json(request, status, &json);
}

static enum MHD_Result answer_failure(struct request *request)
{
	return answer_error(request, 500, skafu_result_name(skafu_error_code(request->error)),
			    skafu_error_message(request->error));
}

static const char *header(struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* ---- POST /projects ---- */

static void write_order(const struct request *request, struct json *data, char name[128])
{
	const char *body = text_string(&request->body);
	const char *variables;
	size_t length;
	char template[256];
	char into[1100];
	char deadline[SKAFU_TIME_TEXT_BYTES];

	json_get(body, request->body.length, "/name", name, 128);
	json_get(body, request->body.length, "/template", template, sizeof template);
	snprintf(into, sizeof into, "%s/projects/%s", request->gateway->app->home, name);
	skafu_time_format(skafu_time_now() + INT64_C(1000000000) * GATEWAY_CREATION_S, deadline);
	json_open(data, NULL, '{');
	if (skafu_json_find(body, request->body.length, "/variables", &variables, &length, NULL) == SKAFU_OK)
		json_raw(data, "variables", variables, length);
	json_text(data, "name", name);
	json_text(data, "template", template);
	json_text(data, "into", into);
	json_text(data, "deadline", deadline);
	json_text(data, "check", json_get_truth(body, request->body.length, "/check") ? "yes" : "");
	json_close(data, '}');
}

static enum MHD_Result tell_outcome(struct request *request, const skafu_outcome *outcome)
{
	struct json json = {.rc = SKAFU_OK};

	if (outcome->decision == SKAFU_DECISION_REFUSED)
		return answer_error(request, strstr(outcome->message, "exists") != NULL ? 409 : 400, outcome->code,
				    outcome->message);
	json_open(&json, NULL, '{');
	json_text(&json, "correlationId", outcome->correlation);
	json_number(&json, "sequenceNumber", (int64_t)outcome->first_sequence);
	json_close(&json, '}');
	return answer_json(request, 202, &json);
}

static enum MHD_Result create_project(struct request *request)
{
	struct app *app = request->gateway->app;
	char correlation[32];
	struct app_request asked = {"create-project", NULL, correlation};
	const char *type = header(request, "Content-Type");
	struct json data = {.rc = SKAFU_OK};
	skafu_outcome *outcome = NULL;
	skafu_command command;
	char name[128];
	char stream[320];
	enum MHD_Result result;
	int32_t rc;

	if (type == NULL || strncmp(type, "application/json", 16) != 0)
		return answer_error(request, 415, "UNSUPPORTED", "Send application/json");
	write_order(request, &data, name);
	app_correlation(correlation);
	command = domain_command("CreateProject", domain_stream(stream, "project", name), &data);
	command.correlation = correlation;
	command.key = header(request, "Idempotency-Key");
	rc = failed_text(request->error, data.rc, "the order");
	if (rc == SKAFU_OK)
		rc = skafu_model_execute(app->model, &command, APP_PATIENCE_NS, NULL, &outcome, request->error);
	if (rc == SKAFU_OK && outcome->decision == SKAFU_DECISION_REFUSED)
		rc = app_report(app, &asked, PROJECT_DOMAIN, outcome, request->error);
	if (rc == SKAFU_EJSON)
		result = answer_error(request, 400, "INVALID_JSON", "The body is not a JSON object as it should be");
	else
		result = rc == SKAFU_OK ? tell_outcome(request, outcome) : answer_failure(request);
	skafu_outcome_free(outcome);
	json_free(&data);
	return result;
}

/* ---- POST /webhook ---- */

static enum MHD_Result take_webhook(struct request *request)
{
	struct delivery delivery = {header(request, "X-GitHub-Event"), header(request, "X-GitHub-Delivery"),
				    text_string(&request->body), request->body.length};
	struct delivered delivered = {.type = NULL};
	struct json json = {.rc = SKAFU_OK};

	if (webhook_check(getenv("GITHUB_WEBHOOK_SECRET"), delivery.body, delivery.length,
			  header(request, "X-Hub-Signature-256"), request->error) != SKAFU_OK)
		return answer_error(request, 401, "SIGNATURE", skafu_error_message(request->error));
	if (delivery.event == NULL)
		return answer_error(request, 400, "VALIDATION_ERROR", "There is no X-GitHub-Event");
	if (deliver(request->gateway->app, &delivery, &delivered, request->error) != SKAFU_OK)
		return answer_error(request, 400, "VALIDATION_ERROR", skafu_error_message(request->error));
	json_open(&json, NULL, '{');
	json_text(&json, "eventType", delivered.type != NULL ? delivered.type : "");
	json_truth(&json, "known", delivered.was_there);
	json_close(&json, '}');
	return answer_json(request, 202, &json);
}

/* ---- GET ---- */

static enum MHD_Result get_projects(struct request *request)
{
	const skafu_row *row;
	struct json json = {.rc = SKAFU_OK};
	skafu_view *view = NULL;
	skafu_rows *rows = NULL;
	char name[256];
	int32_t rc = skafu_view_open(request->gateway->app->model, "projects", 0, 0, &view, request->error);

	if (rc == SKAFU_OK)
		rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, APP_PATIENCE_NS, NULL, request->error);
	if (rc == SKAFU_OK)
		rc = skafu_view_rows(view, NULL, NULL, SKAFU_NO_LIMIT, &rows, request->error);
	json_open(&json, NULL, '{');
	while (rc >= 0 && (rc = skafu_rows_next(rows, &row, request->error)) == 1) {
		snprintf(name, sizeof name, "%.*s", (int)row->key_length, (const char *)row->key);
		json_raw(&json, name, (const char *)row->value, row->value_length);
	}
	json_close(&json, '}');
	skafu_rows_free(rows);
	skafu_view_close(view);
	if (rc >= 0)
		return answer_json(request, 200, &json);
	json_free(&json);
	return answer_failure(request);
}

static enum MHD_Result get_metrics(struct request *request)
{
	char *text = NULL;
	size_t length;
	enum MHD_Result result;

	if (skafu_metrics_prometheus(request->gateway->app->watch, &text, &length, request->error) != SKAFU_OK)
		return answer_failure(request);
	result = answer(request, 200, "text/plain; version=0.0.4", text, length);
	skafu_text_free(text);
	return result;
}

static enum MHD_Result get_health(struct request *request)
{
	struct text health = {.bytes = NULL};
	enum MHD_Result result;

	if (collect_health(request->gateway->app, &health, request->error) != SKAFU_OK)
		return answer_failure(request);
	result = answer(request, strstr(text_string(&health), "\"status\":\"ok\"") != NULL ? 200 : 503,
			"application/json", text_string(&health), health.length);
	text_free(&health);
	return result;
}

static enum MHD_Result get_page(struct request *request)
{
	return answer(request, 200, "text/html; charset=utf-8", gateway_page, strlen(gateway_page));
}

/* ---- GET /events: the log as it grows ---- */

struct stream {
	struct gateway *gateway;
	skafu_subscription *subscription;
	struct text pending; /* not sent yet, from `at` on */
	size_t at;
	unsigned idle;
};

static int32_t write_event(struct stream *stream, const skafu_record *record)
{
	char *text = NULL;
	size_t length;
	int32_t rc = skafu_record_to_json(record, &text, &length, NULL);

	if (rc == SKAFU_OK)
		rc = text_add_format(&stream->pending, "id: %llu\nevent: %s\ndata: %s\n\n",
				     (unsigned long long)record->sequence,
				     record->kind == SKAFU_KIND_ERROR ? "problem" : "event", text);
	skafu_text_free(text);
	return rc;
}

static int32_t fetch(struct stream *stream)
{
	const skafu_record *const *records;
	int32_t count = skafu_subscription_next(stream->subscription, 32, GATEWAY_BEAT_NS, &records, NULL);
	int32_t rc = count < 0 && count != SKAFU_EINTERRUPTED ? count : SKAFU_OK;

	for (int32_t i = 0; rc == SKAFU_OK && i < count; i++)
		rc = write_event(stream, records[i]);
	if (rc == SKAFU_OK && count > 0)
		rc = skafu_subscription_ack(stream->subscription, records[count - 1]->sequence, NULL);
	/* A word now and then, which finds out that nobody listens any more. */
	stream->idle = count > 0 ? 0 : stream->idle + 1;
	if (rc == SKAFU_OK && stream->idle % GATEWAY_BEATS_IDLE == 1)
		rc = text_add_string(&stream->pending, ": waiting\n\n");
	return rc;
}

static ssize_t read_stream(void *user, uint64_t position, char *out, size_t room)
{
	struct stream *stream = user;
	size_t length;

	(void)position;
	while (stream->at == stream->pending.length) {
		text_clear(&stream->pending);
		stream->at = 0;
		if (atomic_load(&stream->gateway->is_stopping))
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (fetch(stream) != SKAFU_OK)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	length = stream->pending.length - stream->at;
	length = length < room ? length : room;
	memcpy(out, stream->pending.bytes + stream->at, length);
	stream->at += length;
	return (ssize_t)length;
}

static void free_stream(void *user)
{
	struct stream *stream = user;

	skafu_subscription_close(stream->subscription);
	text_free(&stream->pending);
	free(stream);
}

static struct stream *open_stream(struct request *request)
{
	const char *after = header(request, "Last-Event-ID");
	skafu_source source = {.size = sizeof source, .start = SKAFU_START_NOW, .partitions = 1};
	skafu_subscription_opts opts = {.size = sizeof opts, .flags = SKAFU_SUBSCRIPTION_VOLATILE, .source = &source};
	struct stream *stream = calloc(1, sizeof *stream);

	if (after == NULL)
		after = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "after");
	if (stream == NULL)
		return NULL;
	source.kinds = SKAFU_KINDS_EVENTS | SKAFU_KINDS_ERRORS;
	if (after != NULL && after[0] >= '0' && after[0] <= '9') {
		source.start = SKAFU_START_AFTER;
		source.start_after = strtoull(after, NULL, 10);
	}
	stream->gateway = request->gateway;
	if (skafu_subscription_open(request->gateway->app->model, NULL, &opts, &stream->subscription,
				    request->error) == SKAFU_OK)
		return stream;
	free(stream);
	return NULL;
}

static enum MHD_Result get_events(struct request *request)
{
	struct stream *stream = open_stream(request);
	struct MHD_Response *response;
	enum MHD_Result result;

	if (stream == NULL)
		return answer_failure(request);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 65536, read_stream, stream, free_stream);
	if (response == NULL) {
		free_stream(stream);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", "text/event-stream");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	result = MHD_queue_response(request->connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- requests ---- */

static const struct route {
	const char *method;
	const char *path;
	enum MHD_Result (*serve)(struct request *request);
} routes[] = {
	{"GET", "/", get_page},         {"GET", "/projects", get_projects}, {"POST", "/projects", create_project},
	{"GET", "/events", get_events}, {"POST", "/webhook", take_webhook}, {"GET", "/metrics", get_metrics},
	{"GET", "/health", get_health}};

/* A page of another name that resolves to this machine must not get in. */
static int is_for_us(struct request *request)
{
	const char *host = header(request, "Host");

	return host != NULL && (strncmp(host, "127.0.0.1:", 10) == 0 || strncmp(host, "localhost:", 10) == 0);
}

static enum MHD_Result serve(struct request *request)
{
	int has_path = 0;

	if (!is_for_us(request))
		return answer_error(request, 421, "MISDIRECTED", "This is not the host that was meant");
	if (request->is_too_large)
		return answer_error(request, 413, "TOO_LARGE", "The body is too large");
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		if (strcmp(routes[i].path, request->path) != 0)
			continue;
		has_path = 1;
		if (strcmp(routes[i].method, request->method) == 0)
			return routes[i].serve(request);
	}
	return has_path ? answer_error(request, 405, "METHOD", "This path is there for another method")
			: answer_error(request, 404, "NOT_FOUND", "There is nothing at this path");
}

/* Called for the head, for each piece of the body, and when all is there. */
static enum MHD_Result take(void *user, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *upload, size_t *upload_length, void **context)
{
	struct request *request = *context;

	(void)version;
	if (request == NULL) {
		request = calloc(1, sizeof *request);
		if (request == NULL || skafu_error_new(&request->error) != SKAFU_OK) {
			free(request);
			return MHD_NO;
		}
		request->body.limit = WEBHOOK_BYTES;
		*context = request;
		return MHD_YES;
	}
	request->gateway = user;
	request->connection = connection;
	request->method = method;
	request->path = url;
	if (*upload_length == 0)
		return serve(request);
	if (text_add(&request->body, upload, *upload_length) != SKAFU_OK)
		request->is_too_large = 1;
	*upload_length = 0;
	return MHD_YES;
}

static void done(void *user, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
	struct request *request = *context;

	(void)user;
	(void)connection;
	(void)code;
	if (request == NULL)
		return;
	text_free(&request->body);
	skafu_error_free(request->error);
	free(request);
	*context = NULL;
}

/* ---- life ---- */

int32_t gateway_start(struct app *app, uint16_t port, struct gateway **out_gateway, skafu_error *error)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct gateway *gateway = calloc(1, sizeof *gateway);

	if (gateway == NULL)
		return failed(error, SKAFU_ENOMEM, "There is no memory for the gateway.");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	gateway->app = app;
	gateway->daemon = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, port, NULL, NULL,
		take, gateway, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, done, NULL,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)GATEWAY_TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)GATEWAY_CONNECTIONS, MHD_OPTION_END);
	if (gateway->daemon == NULL) {
		free(gateway);
		return failed(error, SKAFU_EIO, "The port %u cannot be had; name another one with --port.", port);
	}
	*out_gateway = gateway;
	return SKAFU_OK;
}

uint16_t gateway_port(const struct gateway *gateway)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(gateway->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info != NULL ? info->port : 0;
}

void gateway_stop(struct gateway *gateway)
{
	if (gateway == NULL)
		return;
	atomic_store(&gateway->is_stopping, 1);
	MHD_stop_daemon(gateway->daemon);
	free(gateway);
}
