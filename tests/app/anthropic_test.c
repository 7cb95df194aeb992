/*
 * anthropic_test.c: the Messages API as it was recorded, whole, streamed and in pieces, and every way to fail.
 */
#include "anthropic.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/kit.h"
#include "app/loopback.h"

#define KEY "sk-ant-test-0123456789"

struct script {
	struct text answer;
	size_t piece;
	int reset;
	int hang;
	struct text request; /* the body of the last one */
	char head[2048];
};

static void answer_script(void *user, const struct loopback_request *request, struct loopback_answer *answer)
{
	struct script *script = user;

	text_clear(&script->request);
	text_add(&script->request, text_string(&request->body), request->body.length);
	snprintf(script->head, sizeof script->head, "%s", text_string(&request->head));
	text_add(&answer->bytes, text_string(&script->answer), script->answer.length);
	answer->piece = script->piece;
	answer->reset = script->reset;
	answer->hang = script->hang;
}

static int32_t collect(void *user, const char *text, size_t length)
{
	return text_add(user, text, length);
}

/* Ask once, with this answer of the server; streamed text is checked against the answer's. */
static int32_t ask(struct script *script, int stream, struct anthropic_answer *answer)
{
	struct loopback *server = loopback_start(answer_script, script);
	struct anthropic settings = {KEY, loopback_url(server, ""), NULL, 400};
	struct text streamed = {0};
	struct anthropic_question question = {.system = "Be \"short\".", .text = "Why?\n", .max_tokens = 99};
	int32_t rc;

	if (stream) {
		question.on_text = collect;
		question.user = &streamed;
	}
	rc = anthropic_ask(&settings, &question, answer, kit_error);
	loopback_stop(server);
	if (stream)
		ck_assert_str_eq(text_string(&streamed), text_string(&answer->text));
	ck_assert_ptr_null(strstr(skafu_error_message(kit_error), KEY));
	text_free(&streamed);
	return rc;
}

static void set_answer(struct script *script, int status, const char *headers, const char *body)
{
	struct loopback_answer answer = {0};

	loopback_say(&answer, status, headers, body, strlen(body));
	text_free(&script->answer);
	script->answer = answer.bytes;
}

static void free_script(struct script *script)
{
	text_free(&script->answer);
	text_free(&script->request);
}

/* ---- by hand ---- */

#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define START EVENT("message_start", ",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{\"input_tokens\":5}}")
#define DELTA(text) EVENT("content_block_delta", ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define STOP                                                                                                         \
	EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}")          \
	EVENT("message_stop", "")

START_TEST(question_as_the_api_wants_it)
{
	struct script script = {0};
	struct anthropic_answer answer;
	cJSON *json;

	set_answer(&script, 200, "content-type: text/event-stream\r\n", START DELTA("Be") DELTA("cause.") STOP);
	script.piece = 7;
	kit_assert_ok(ask(&script, 1, &answer));
	ck_assert_str_eq(text_string(&answer.text), "Because.");
	ck_assert_str_eq(answer.stop_reason, "end_turn");
	ck_assert_str_eq(answer.id, "msg_1");
	ck_assert_int_eq(answer.input_tokens, 5);
	ck_assert_int_eq(answer.output_tokens, 2);
	ck_assert_ptr_nonnull(strstr(script.head, "POST /v1/messages HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(script.head, "x-api-key: " KEY "\r\n"));
	ck_assert_ptr_nonnull(strstr(script.head, "anthropic-version: 2023-06-01\r\n"));
	json = cJSON_Parse(script.request.bytes);
	ck_assert_ptr_nonnull(json);
	cJSON_Delete(json);
	ck_assert_str_eq(script.request.bytes, "{\"messages\":[{\"role\":\"user\",\"content\":\"Why?\\n\"}],"
					       "\"model\":\"claude-sonnet-4-5\",\"max_tokens\":99,\"stream\":true,"
					       "\"system\":\"Be \\\"short\\\".\"}");
	anthropic_answer_free(&answer);
	free_script(&script);
}
END_TEST

START_TEST(failures)
{
	static const char over[] =
		"{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow down\"}}";
	static const struct {
		int status;
		const char *headers;
		const char *body;
		int32_t code;
		int64_t wait;
		const char *says;
	} cases[] = {
		{429, "retry-after: 12\r\n", over, SKAFU_EBUSY, 12000, "slow down; it asks to wait 12 s"},
		{529, "", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}", SKAFU_EBUSY, -1, "529"},
		{500, "", "<html>", SKAFU_EIO, -1, "500"},
		{401, "", "{\"type\":\"error\",\"error\":{\"message\":\"invalid key " KEY "\"}}", SKAFU_EACCESS, -1,
		 "401"},
		{400, "", "{\"type\":\"error\",\"error\":{\"message\":\"too\\nlong\"}}", SKAFU_EINVAL, -1,
		 "too long"},
		{200, "", "", SKAFU_EIO, -1, "broke off"},
		{200, "", "{\"type\":\"mess", SKAFU_EIO, -1, "broke off"},
		{200, "", START DELTA("half"), SKAFU_EIO, -1, "broke off"},
		{200, "", START DELTA("half") "data: {oops\n\n", SKAFU_EIO, -1, "not JSON"},
		{200, "",
		 START DELTA("half")
			 EVENT("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"),
		 SKAFU_EBUSY, -1, "Overloaded"},
		{200, "", START EVENT("error", ",\"error\":{\"type\":\"api_error\"}"), SKAFU_EIO, -1, "api_error"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct script script = {0};
		struct anthropic_answer answer;

		set_answer(&script, cases[i].status, cases[i].headers, cases[i].body);
		kit_assert_error(ask(&script, 1, &answer), cases[i].code);
		kit_assert_says(cases[i].says);
		ck_assert_int_eq(answer.limit_reached, cases[i].code == SKAFU_EBUSY);
		ck_assert_int_eq(answer.retry_after_ms, cases[i].wait);
		if (strstr(cases[i].body, "half") != NULL)
			ck_assert_str_eq(text_string(&answer.text), "half");
		anthropic_answer_free(&answer);
		free_script(&script);
	}
}
END_TEST

START_TEST(broken_connections)
{
	for (int way = 0; way < 3; way++) {
		struct script script = {.reset = way == 0, .hang = way == 1};
		struct anthropic_answer answer;

		text_add_string(&script.answer,
				"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" START DELTA("half"));
		kit_assert_error(ask(&script, 1, &answer), way == 1 ? SKAFU_ETIMEOUT : SKAFU_EIO);
		ck_assert_str_eq(text_string(&answer.text), "half");
		ck_assert_int_eq(answer.limit_reached, 0);
		anthropic_answer_free(&answer);
		free_script(&script);
	}
}
END_TEST

START_TEST(settings_of_the_environment)
{
	struct anthropic settings;
	struct anthropic_question question = {.text = "?"};
	struct anthropic_answer answer;

	unsetenv("ANTHROPIC_API_KEY");
	ck_assert_int_eq(anthropic_from_environment(&settings), 0);
	kit_assert_error(anthropic_ask(&settings, &question, &answer, kit_error), SKAFU_EACCESS);
	anthropic_answer_free(&answer);
	setenv("ANTHROPIC_API_KEY", KEY "\r\nX-Evil: 1", 1);
	setenv("ANTHROPIC_BASE_URL", "http://192.0.2.1", 1);
	ck_assert_int_eq(anthropic_from_environment(&settings), 1);
	kit_assert_error(anthropic_ask(&settings, &question, &answer, kit_error), SKAFU_EACCESS);
	anthropic_answer_free(&answer);
	setenv("ANTHROPIC_API_KEY", KEY, 1);
	anthropic_from_environment(&settings);
	kit_assert_error(anthropic_ask(&settings, &question, &answer, kit_error), SKAFU_EACCESS);
	kit_assert_says("without TLS");
	anthropic_answer_free(&answer);
}
END_TEST

/* ---- recorded ---- */

/* The text that a recorded answer holds, found without the code that is tested. */
static void text_of_message(const cJSON *message, struct text *out)
{
	const cJSON *block;

	cJSON_ArrayForEach(block, cJSON_GetObjectItem(message, "content"))
	{
		const cJSON *text = cJSON_GetObjectItem(block, "text");

		if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(block, "type")), "text") == 0)
			text_add_string(out, cJSON_GetStringValue(text));
	}
}

static void text_of_stream(const char *stream, struct text *out)
{
	for (const char *line = stream; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "data:", 5) == 0 && strncmp(line + 5 + (line[5] == ' '), "{", 1) == 0) {
			cJSON *json = cJSON_Parse(line + 5);
			const cJSON *part = cJSON_GetObjectItem(json, "delta");
			const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(part, "type"));

			if (type == NULL) {
				part = cJSON_GetObjectItem(json, "content_block");
				type = cJSON_GetStringValue(cJSON_GetObjectItem(part, "type"));
			}
			if (type != NULL && (strcmp(type, "text_delta") == 0 || strcmp(type, "text") == 0))
				text_add_string(out, cJSON_GetStringValue(cJSON_GetObjectItem(part, "text")));
			cJSON_Delete(json);
		}
	}
}

static void replay_stream(const char *stream, unsigned *count)
{
	struct script script = {.piece = 400};
	struct anthropic_answer answer;
	struct text expected = {0};
	struct text whole = {0};

	/* Some recordings lost their last line ends. */
	text_add_format(&whole, "%s\n\n", stream);
	set_answer(&script, 200, "content-type: text/event-stream; charset=utf-8\r\n", whole.bytes);
	text_free(&whole);
	text_of_stream(stream, &expected);
	kit_assert_ok(ask(&script, 1, &answer));
	ck_assert_str_eq(text_string(&answer.text), text_string(&expected));
	ck_assert_uint_gt(strlen(answer.id), 4);
	ck_assert_uint_gt(strlen(answer.stop_reason), 4);
	ck_assert_int_gt(answer.input_tokens, 0);
	anthropic_answer_free(&answer);
	text_free(&expected);
	free_script(&script);
	++*count;
}

static void replay_message(const cJSON *response, unsigned *count)
{
	const cJSON *body = cJSON_GetObjectItem(response, "body");
	int status = cJSON_GetObjectItem(response, "status_code")->valueint;
	struct script script = {0};
	struct anthropic_answer answer;
	struct text expected = {0};
	char *text = cJSON_PrintUnformatted(body);

	set_answer(&script, status, "content-type: application/json\r\n", text);
	kit_assert_error(ask(&script, 0, &answer), status == 200   ? SKAFU_OK
						   : status == 429 ? SKAFU_EBUSY
								   : SKAFU_EINVAL);
	ck_assert_int_eq(answer.limit_reached, status == 429);
	if (status == 200)
		text_of_message(body, &expected);
	else
		ck_assert_str_eq(answer.error_type, status == 429 ? "rate_limit_error" : "invalid_request_error");
	ck_assert_str_eq(text_string(&answer.text), text_string(&expected));
	anthropic_answer_free(&answer);
	text_free(&expected);
	free_script(&script);
	cJSON_free(text);
	++*count;
}

START_TEST(recorded_answers)
{
	struct text data = {0};
	unsigned streams = 0;
	unsigned messages = 0;
	cJSON *files;
	const cJSON *file;

	if (!kit_data("anthropic-messages-fixtures.json.xz", &data)) {
		printf("the recorded answers are not here\n");
		return;
	}
	files = cJSON_Parse(data.bytes);
	cJSON_ArrayForEach(file, files)
	{
		const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(file, "text"));
		cJSON *exchanges = cJSON_Parse(text);
		const cJSON *exchange;

		if (!cJSON_IsArray(exchanges))
			replay_stream(text, &streams);
		cJSON_ArrayForEach(exchange, exchanges)
		{
			const cJSON *response = cJSON_GetObjectItem(exchange, "response");
			const cJSON *body = cJSON_GetObjectItem(response, "body");

			if (cJSON_IsString(body))
				replay_stream(body->valuestring, &streams);
			else
				replay_message(response, &messages);
		}
		cJSON_Delete(exchanges);
	}
	ck_assert_uint_ge(streams, 16);
	ck_assert_uint_ge(messages, 26);
	cJSON_Delete(files);
	text_free(&data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("anthropic");
	TCase *tcase = tcase_create("anthropic");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, question_as_the_api_wants_it);
	tcase_add_test(tcase, failures);
	tcase_add_test(tcase, broken_connections);
	tcase_add_test(tcase, settings_of_the_environment);
	tcase_add_test(tcase, recorded_answers);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
