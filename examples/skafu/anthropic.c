/*
 * anthropic.c: a question as JSON; the answer as JSON or as a stream of events.
 */
#include "anthropic.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "sse.h"

#define ANTHROPIC_URL "https://api.anthropic.com"
#define ANTHROPIC_MODEL "claude-sonnet-4-5"
#define ANTHROPIC_TIMEOUT_MS 120000
#define ANTHROPIC_SILENCE_MS 60000 /* the API sends pings while it thinks */

struct asking {
	const struct anthropic *settings;
	const struct anthropic_question *question;
	struct anthropic_answer *answer;
	int finished; /* the end of the message came, so nothing is missing */
	char detail[256];
};

int anthropic_from_environment(struct anthropic *out_settings)
{
	const char *key = getenv("ANTHROPIC_API_KEY");

	*out_settings = (struct anthropic){key, getenv("ANTHROPIC_BASE_URL"), getenv("ANTHROPIC_MODEL"), 0};
	return key != NULL && key[0] != '\0';
}

/* ---- reading ---- */

static const cJSON *find(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void take_text(const cJSON *object, const char *key, char *out, size_t size)
{
	const cJSON *item = find(object, key);

	if (cJSON_IsString(item))
		snprintf(out, size, "%s", item->valuestring);
}

static void take_number(const cJSON *object, const char *key, int64_t *out)
{
	const cJSON *item = find(object, key);

	if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 1e15)
		*out = (int64_t)item->valuedouble;
}

static void take_message(struct anthropic_answer *answer, const cJSON *message)
{
	const cJSON *usage = find(message, "usage");

	take_text(message, "id", answer->id, sizeof answer->id);
	take_text(message, "model", answer->model, sizeof answer->model);
	take_text(message, "stop_reason", answer->stop_reason, sizeof answer->stop_reason);
	take_number(usage, "input_tokens", &answer->input_tokens);
	take_number(usage, "output_tokens", &answer->output_tokens);
}

/* The API's own words, unless they hold the key. */
static void take_error(struct asking *asking, const cJSON *error)
{
	take_text(error, "type", asking->answer->error_type, sizeof asking->answer->error_type);
	take_text(error, "message", asking->detail, sizeof asking->detail);
	if (strstr(asking->detail, asking->settings->key) != NULL)
		asking->detail[0] = '\0';
	for (char *at = asking->detail; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20)
			*at = ' ';
	}
}

static int32_t add_text(struct asking *asking, const cJSON *block)
{
	const cJSON *text = find(block, "text");
	size_t length;
	int32_t rc;

	if (!cJSON_IsString(text))
		return SKAFU_OK;
	length = strlen(text->valuestring);
	rc = text_add(&asking->answer->text, text->valuestring, length);
	if (rc == SKAFU_OK && asking->question->on_text != NULL && length > 0)
		rc = asking->question->on_text(asking->question->user, text->valuestring, length);
	return rc;
}

static int is_type(const cJSON *object, const char *type)
{
	const cJSON *item = find(object, "type");

	return cJSON_IsString(item) && strcmp(item->valuestring, type) == 0;
}

/* ---- a stream ---- */

static int32_t take_stream_error(struct asking *asking, const cJSON *json)
{
	take_error(asking, find(json, "error"));
	if (strcmp(asking->answer->error_type, "overloaded_error") == 0 ||
	    strcmp(asking->answer->error_type, "rate_limit_error") == 0)
		return SKAFU_EBUSY;
	return SKAFU_EIO;
}

static int32_t on_event(void *user, const char *event, const char *data, size_t length)
{
	struct asking *asking = user;
	struct anthropic_answer *answer = asking->answer;
	cJSON *json = cJSON_ParseWithLength(data, length);
	int32_t rc = SKAFU_OK;

	(void)event; /* the data names its type too */
	if (json == NULL) {
		snprintf(asking->detail, sizeof asking->detail, "an event of the stream is not JSON");
		return SKAFU_EIO;
	}
	if (is_type(json, "message_start")) {
		take_message(answer, find(json, "message"));
	} else if (is_type(json, "content_block_start") && is_type(find(json, "content_block"), "text")) {
		rc = add_text(asking, find(json, "content_block"));
	} else if (is_type(json, "content_block_delta") && is_type(find(json, "delta"), "text_delta")) {
		rc = add_text(asking, find(json, "delta"));
	} else if (is_type(json, "message_delta")) {
		take_text(find(json, "delta"), "stop_reason", answer->stop_reason, sizeof answer->stop_reason);
		take_number(find(json, "usage"), "output_tokens", &answer->output_tokens);
	} else if (is_type(json, "message_stop")) {
		asking->finished = 1;
	} else if (is_type(json, "error")) {
		rc = take_stream_error(asking, json);
	}
	cJSON_Delete(json);
	return rc;
}

static int32_t on_bytes(void *user, const char *bytes, size_t length)
{
	return sse_feed(user, bytes, length);
}

/* ---- a whole answer ---- */

static int32_t take_body(struct asking *asking, const struct text *body)
{
	cJSON *json = cJSON_ParseWithLength(text_string(body), body->length);
	const cJSON *block;
	int32_t rc = SKAFU_OK;

	if (is_type(json, "error")) {
		take_error(asking, find(json, "error"));
	} else if (is_type(json, "message")) {
		take_message(asking->answer, json);
		cJSON_ArrayForEach(block, find(json, "content"))
		{
			if (rc == SKAFU_OK && is_type(block, "text"))
				rc = add_text(asking, block);
		}
		asking->finished = 1;
	}
	cJSON_Delete(json);
	return rc;
}

/* ---- asking ---- */

static char *write_question(const struct anthropic *settings, const struct anthropic_question *question)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *messages = cJSON_AddArrayToObject(json, "messages");
	cJSON *message = cJSON_CreateObject();
	const char *model = settings->model != NULL ? settings->model : ANTHROPIC_MODEL;
	int whole = cJSON_AddStringToObject(json, "model", model) != NULL;
	char *body = NULL;

	whole &= cJSON_AddNumberToObject(json, "max_tokens",
					 question->max_tokens != 0 ? question->max_tokens : 2048) != NULL;
	whole &= cJSON_AddBoolToObject(json, "stream", question->on_text != NULL) != NULL;
	if (question->system != NULL)
		whole &= cJSON_AddStringToObject(json, "system", question->system) != NULL;
	whole &= cJSON_AddStringToObject(message, "role", "user") != NULL;
	whole &= cJSON_AddStringToObject(message, "content", question->text) != NULL;
	if (!cJSON_AddItemToArray(messages, message))
		cJSON_Delete(message);
	else if (whole)
		body = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return body;
}

static int32_t judge(struct asking *asking, const struct http_answer *answer, int32_t rc, skafu_error *error)
{
	if (rc == SKAFU_OK)
		rc = http_result(answer, "The Messages API", asking->detail, error);
	else if (asking->detail[0] != '\0' || asking->answer->error_type[0] != '\0')
		rc = failed(error, rc, "The Messages API broke off its answer: %s.",
			    asking->detail[0] != '\0' ? asking->detail : asking->answer->error_type);
	if (rc == SKAFU_OK && !asking->finished)
		rc = failed(error, SKAFU_EIO, "The Messages API broke off its answer.");
	asking->answer->limit_reached = rc == SKAFU_EBUSY;
	asking->answer->retry_after_ms = answer->retry_after_ms;
	return rc;
}

static int32_t post(struct asking *asking, const char *url, const char *secret, const char *body, skafu_error *error)
{
	static const char *const headers[] = {"content-type: application/json", "anthropic-version: 2023-06-01",
					      NULL};
	const struct anthropic *settings = asking->settings;
	struct sse sse = {.on_event = on_event, .user = asking};
	struct http_request request = {.method = "POST", .url = url, .headers = headers, .secret_header = secret};
	struct http_answer answer;
	int32_t rc;

	request.body = body;
	request.body_length = strlen(body);
	request.timeout_ms = settings->timeout_ms != 0 ? settings->timeout_ms : ANTHROPIC_TIMEOUT_MS;
	request.silence_ms = ANTHROPIC_SILENCE_MS;
	if (asking->question->on_text != NULL) {
		request.on_bytes = on_bytes;
		request.user = &sse;
	}
	rc = http_call(&request, &answer, error);
	if (rc == SKAFU_OK && answer.body.length > 0)
		rc = take_body(asking, &answer.body);
	rc = judge(asking, &answer, rc, error);
	http_answer_free(&answer);
	sse_free(&sse);
	return rc;
}

int32_t anthropic_ask(const struct anthropic *settings, const struct anthropic_question *question,
		      struct anthropic_answer *out_answer, skafu_error *error)
{
	struct asking asking = {.settings = settings, .question = question, .answer = out_answer};
	char url[512];
	char secret[512];
	char *body;
	int32_t rc;

	*out_answer = (struct anthropic_answer){.retry_after_ms = -1};
	if (settings->key == NULL || settings->key[0] == '\0' || strpbrk(settings->key, "\r\n") != NULL ||
	    (size_t)snprintf(secret, sizeof secret, "x-api-key: %s", settings->key) >= sizeof secret)
		return failed(error, SKAFU_EACCESS, "There is no usable key; put one into ANTHROPIC_API_KEY.");
	snprintf(url, sizeof url, "%s/v1/messages", settings->base_url != NULL ? settings->base_url : ANTHROPIC_URL);
	body = write_question(settings, question);
	rc = body == NULL ? failed(error, SKAFU_ENOMEM, "There is no memory for a question.")
			  : post(&asking, url, secret, body, error);
	cJSON_free(body);
	return rc;
}

void anthropic_answer_free(struct anthropic_answer *answer)
{
	text_free(&answer->text);
}
