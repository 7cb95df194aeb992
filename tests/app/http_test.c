/*
 * http_test.c: requests against a server that answers, and one that fails in every way it can.
 */
#include "http.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/kit.h"
#include "app/loopback.h"

#define SECRET "x-key: very-secret-value"

struct note {
	char method[16];
	char target[1024];
	char secret[64];
	char type[64];
	char body[64];
	int requests;
};

/* What the path asks for. */
static void answer_path(void *user, const struct loopback_request *request, struct loopback_answer *answer)
{
	struct note *note = user;
	int status;

	note->requests++;
	snprintf(note->method, sizeof note->method, "%s", request->method);
	snprintf(note->target, sizeof note->target, "%s", request->target);
	snprintf(note->secret, sizeof note->secret, "%s", loopback_header(request, "x-key"));
	snprintf(note->type, sizeof note->type, "%s", loopback_header(request, "content-type"));
	snprintf(note->body, sizeof note->body, "%s", text_string(&request->body));
	if (sscanf(request->target, "/status/%d", &status) == 1)
		loopback_say(answer, status, "Retry-After: 7\r\nX-Thing:  one\r\n", "a body", 6);
	else if (strcmp(request->target, "/date") == 0)
		loopback_say(answer, 429, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT\r\n", "", 0);
	else if (strcmp(request->target, "/redirect") == 0)
		loopback_say(answer, 302, "Location: /status/200\r\n", "", 0);
	else if (strcmp(request->target, "/half") == 0)
		text_add_string(&answer->bytes, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
	else if (strcmp(request->target, "/half-chunked") == 0)
		text_add_string(&answer->bytes,
				"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe");
	else if (strcmp(request->target, "/garbage") == 0)
		text_add_string(&answer->bytes, "what is this?\r\n\r\n");
	else if (strcmp(request->target, "/large") == 0)
		for (int i = 0; i < 30000; i++)
			text_add_string(&answer->bytes, i == 0 ? "HTTP/1.1 200 OK\r\n\r\n" : "0123456789");
	else if (strcmp(request->target, "/long-head") == 0)
		for (int i = 0; i < 10000; i++)
			text_add_string(&answer->bytes, i == 0 ? "HTTP/1.1 200 OK\r\n" : "X-Line: 0123456789\r\n");
	answer->hang = strcmp(request->target, "/hang") == 0;
	answer->reset = strcmp(request->target, "/reset") == 0;
}

static struct loopback *server;
static struct note note;

static void begin(void)
{
	kit_begin();
	memset(&note, 0, sizeof note);
	server = loopback_start(answer_path, &note);
}

static void end(void)
{
	if (server != NULL)
		loopback_stop(server);
	server = NULL;
	kit_end();
}

static void call(const char *path, int32_t expected, struct http_answer *answer)
{
	struct http_request request = {.url = loopback_url(server, path), .secret_header = SECRET, .timeout_ms = 300};

	kit_assert_error(http_call(&request, answer, kit_error), expected);
	ck_assert_ptr_null(strstr(skafu_error_message(kit_error), "very-secret"));
	ck_assert_ptr_null(strstr(skafu_error_message(kit_error), "query"));
}

START_TEST(answers)
{
	struct http_answer answer;
	char value[64];

	call("/status/200?query=1", SKAFU_OK, &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(text_string(&answer.body), "a body");
	ck_assert_int_eq(answer.retry_after_ms, 7000);
	http_header(&answer, "x-thing", value, sizeof value);
	ck_assert_str_eq(value, "one");
	http_header(&answer, "x-other", value, sizeof value);
	ck_assert_str_eq(value, "");
	kit_assert_ok(http_result(&answer, "It", "", kit_error));
	http_answer_free(&answer);
	ck_assert_str_eq(note.method, "GET");
	ck_assert_str_eq(note.target, "/status/200?query=1");
	ck_assert_str_eq(note.secret, "very-secret-value");
	call("/date", SKAFU_OK, &answer);
	ck_assert_int_eq(answer.retry_after_ms, 0);
	http_answer_free(&answer);
}
END_TEST

START_TEST(methods_and_bodies)
{
	static const char *const methods[] = {"POST", "PUT", "DELETE", "HEAD"};

	for (size_t i = 0; i < 4; i++) {
		struct http_request request = {.method = methods[i],
					       .url = loopback_url(server, "/status/200"),
					       .body = i < 2 ? "text" : NULL,
					       .body_length = 4};
		struct http_answer answer;

		kit_assert_ok(http_call(&request, &answer, kit_error));
		ck_assert_str_eq(note.method, methods[i]);
		ck_assert_str_eq(note.body, i < 2 ? "text" : "");
		ck_assert_str_eq(note.type, i < 2 ? "application/octet-stream" : "");
		http_answer_free(&answer);
	}
}
END_TEST

START_TEST(statuses_mean_something)
{
	static const struct {
		const char *path;
		int32_t code;
		int retry;
	} cases[] = {{"/status/201", SKAFU_OK, 0},        {"/status/400", SKAFU_EINVAL, 0},
		     {"/status/401", SKAFU_EACCESS, 0},   {"/status/403", SKAFU_EACCESS, 0},
		     {"/status/404", SKAFU_ENOTFOUND, 0}, {"/status/409", SKAFU_EEXISTS, 0},
		     {"/status/429", SKAFU_EBUSY, 1},     {"/status/500", SKAFU_EIO, 1},
		     {"/status/503", SKAFU_EBUSY, 1},     {"/status/529", SKAFU_EBUSY, 1},
		     {"/redirect", SKAFU_EINVAL, 0}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct http_answer answer;

		call(cases[i].path, SKAFU_OK, &answer);
		kit_assert_error(http_result(&answer, "It", "no", kit_error), cases[i].code);
		ck_assert_int_eq(http_can_retry(cases[i].code), cases[i].retry);
		if (cases[i].code == SKAFU_EBUSY)
			kit_assert_says("it asks to wait 7 s");
		http_answer_free(&answer);
	}
	ck_assert_int_eq(note.requests, (int)(sizeof cases / sizeof *cases)); /* the redirect was not followed */
}
END_TEST

START_TEST(failures)
{
	static const struct {
		const char *path;
		int32_t code;
	} cases[] = {{"/half", SKAFU_EIO},        {"/half-chunked", SKAFU_EIO}, {"/reset", SKAFU_EIO},
		     {"/nothing", SKAFU_EIO},     {"/hang", SKAFU_ETIMEOUT},    {"/garbage", SKAFU_EIO},
		     {"/long-head", SKAFU_ELIMIT}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct http_answer answer;

		call(cases[i].path, cases[i].code, &answer);
		kit_assert_says("127.0.0.1");
		http_answer_free(&answer);
	}
}
END_TEST

START_TEST(nobody_listens)
{
	char url[128];
	struct http_request request = {.url = url};
	struct http_answer answer;

	snprintf(url, sizeof url, "%s", loopback_url(server, "/"));
	loopback_stop(server);
	server = NULL;
	kit_assert_error(http_call(&request, &answer, kit_error), SKAFU_EIO);
	http_answer_free(&answer);
}
END_TEST

static int32_t count_bytes(void *user, const char *bytes, size_t length)
{
	size_t *count = user;

	(void)bytes;
	*count += length;
	return *count > 200000 ? SKAFU_EINTERRUPTED : SKAFU_OK;
}

START_TEST(limits_and_streams)
{
	size_t count = 0;
	struct http_request request = {.url = loopback_url(server, "/large"), .limit = 100000};
	struct http_answer answer;

	kit_assert_error(http_call(&request, &answer, kit_error), SKAFU_ELIMIT);
	ck_assert_uint_le(answer.body.length, 100000);
	http_answer_free(&answer);
	request.limit = 0;
	kit_assert_ok(http_call(&request, &answer, kit_error));
	ck_assert_uint_eq(answer.body.length, 299990);
	http_answer_free(&answer);
	request.on_bytes = count_bytes;
	request.user = &count;
	kit_assert_error(http_call(&request, &answer, kit_error), SKAFU_EINTERRUPTED);
	ck_assert_uint_eq(answer.body.length, 0);
	http_answer_free(&answer);
	/* What is no good answer goes into the body, where the reason is looked for. */
	request.url = loopback_url(server, "/status/500");
	count = 0;
	kit_assert_ok(http_call(&request, &answer, kit_error));
	ck_assert_str_eq(text_string(&answer.body), "a body");
	ck_assert_uint_eq(count, 0);
	http_answer_free(&answer);
}
END_TEST

START_TEST(secrets_and_addresses)
{
	static const char *const bad[] = {"", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
					  "nonsense"};
	struct http_request request = {.url = "http://192.0.2.1/x", .secret_header = SECRET};
	struct http_answer answer;

	kit_assert_error(http_call(&request, &answer, kit_error), SKAFU_EACCESS);
	kit_assert_says("without TLS");
	http_answer_free(&answer);
	request.secret_header = NULL;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		request.url = bad[i];
		kit_assert_error(http_call(&request, &answer, kit_error), SKAFU_EINVAL);
		http_answer_free(&answer);
	}
	ck_assert_int_eq(note.requests, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http");
	TCase *tcase = tcase_create("http");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, answers);
	tcase_add_test(tcase, methods_and_bodies);
	tcase_add_test(tcase, statuses_mean_something);
	tcase_add_test(tcase, failures);
	tcase_add_test(tcase, nobody_listens);
	tcase_add_test(tcase, limits_and_streams);
	tcase_add_test(tcase, secrets_and_addresses);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
