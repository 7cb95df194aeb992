/*
 * githubapi_test.c: the REST API's answers, its limits and its refusals.
 */
#include "githubapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/kit.h"
#include "app/loopback.h"

#define TOKEN "ghp_test0123456789"

struct script {
	int status;
	const char *headers;
	const char *body;
	char line[1100]; /* the request's first line */
	char authorization[64];
	char question[256];
};

static void serve(void *user, const struct loopback_request *request, struct loopback_answer *answer)
{
	struct script *script = user;

	snprintf(script->line, sizeof script->line, "%s %s", request->method, request->target);
	snprintf(script->authorization, sizeof script->authorization, "%s",
		 loopback_header(request, "authorization"));
	snprintf(script->question, sizeof script->question, "%s", text_string(&request->body));
	if (script->status == 0) /* half of an answer */
		text_add_string(&answer->bytes, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\":1,");
	else if (script->status == 204)
		text_add_string(&answer->bytes, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
	else
		loopback_say(answer, script->status, script->headers, script->body, strlen(script->body));
}

static struct loopback *server;
static struct script script;
static struct githubapi settings;

static void begin(void)
{
	static char url[64];

	kit_begin();
	memset(&script, 0, sizeof script);
	script.headers = "";
	server = loopback_start(serve, &script);
	snprintf(url, sizeof url, "%s", loopback_url(server, ""));
	settings = (struct githubapi){TOKEN, url, NULL, 1000};
}

static void end(void)
{
	ck_assert_ptr_null(strstr(skafu_error_message(kit_error), TOKEN));
	loopback_stop(server);
	kit_end();
}

#define REPOSITORY                                                                                                   \
	"{\"id\":1296269,\"full_name\":\"ada/orders\",\"private\":true,\"html_url\":\"https://h\","                  \
	"\"clone_url\":\"https://c\",\"default_branch\":\"main\"}"

START_TEST(repositories)
{
	struct githubapi_repository repository;
	struct githubapi_limit limit;

	script.status = 201;
	script.headers = "X-RateLimit-Remaining: 4999\r\n";
	script.body = REPOSITORY;
	kit_assert_ok(githubapi_create(&settings, "orders", "It's \"good\"", 1, &repository, &limit, kit_error));
	ck_assert_str_eq(script.line, "POST /user/repos");
	ck_assert_str_eq(script.authorization, "Bearer " TOKEN);
	ck_assert_str_eq(script.question,
			 "{\"name\":\"orders\",\"description\":\"It's \\\"good\\\"\",\"private\":true}");
	ck_assert_int_eq(repository.id, 1296269);
	ck_assert_str_eq(repository.full_name, "ada/orders");
	ck_assert_str_eq(repository.clone_url, "https://c");
	ck_assert_int_eq(repository.is_private, 1);
	ck_assert_int_eq(limit.remaining, 4999);
	ck_assert_int_eq(limit.retry_after_ms, -1);
	settings.owner = "an-org";
	kit_assert_ok(githubapi_create(&settings, "orders", "", 0, &repository, NULL, kit_error));
	ck_assert_str_eq(script.line, "POST /orgs/an-org/repos");
	script.status = 200;
	kit_assert_ok(githubapi_get(&settings, "ada/orders", &repository, NULL, kit_error));
	ck_assert_str_eq(script.line, "GET /repos/ada/orders");
	script.status = 204;
	kit_assert_ok(githubapi_delete(&settings, "ada/orders", NULL, kit_error));
	ck_assert_str_eq(script.line, "DELETE /repos/ada/orders");
	script.status = 404;
	kit_assert_ok(githubapi_delete(&settings, "ada/orders", NULL, kit_error));
	kit_assert_error(githubapi_get(&settings, "ada/orders", &repository, NULL, kit_error), SKAFU_ENOTFOUND);
}
END_TEST

START_TEST(runs)
{
	struct githubapi_run found[2];
	size_t count = 9;

	script.status = 200;
	script.body =
		"{\"total_count\":3,\"workflow_runs\":["
		"{\"id\":3,\"name\":\"ci\",\"event\":\"push\",\"status\":\"completed\",\"conclusion\":\"success\","
		"\"head_sha\":\"abc\",\"html_url\":\"https://r\"},"
		"{\"id\":2,\"status\":\"queued\",\"conclusion\":null},{\"id\":1}]}";
	kit_assert_ok(githubapi_runs(&settings, "ada/orders", found, 2, &count, NULL, kit_error));
	ck_assert_str_eq(script.line, "GET /repos/ada/orders/actions/runs?per_page=2");
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(found[0].id, 3);
	ck_assert_str_eq(found[0].conclusion, "success");
	ck_assert_str_eq(found[1].status, "queued");
	ck_assert_str_eq(found[1].conclusion, "");
	script.body = "{}";
	kit_assert_error(githubapi_runs(&settings, "ada/orders", found, 2, &count, NULL, kit_error), SKAFU_EIO);
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(limits)
{
	struct githubapi_repository repository;
	struct githubapi_limit limit;
	char headers[128];

	snprintf(headers, sizeof headers, "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: %lld\r\n",
		 (long long)(skafu_time_now() / 1000000000 + 100));
	script.status = 403;
	script.headers = headers;
	script.body = "{\"message\":\"API rate limit exceeded\"}";
	kit_assert_error(githubapi_get(&settings, "a/b", &repository, &limit, kit_error), SKAFU_EBUSY);
	ck_assert_int_eq(limit.remaining, 0);
	ck_assert_int_gt(limit.retry_after_ms, 90000);
	ck_assert_int_le(limit.retry_after_ms, 100000);
	script.headers = "Retry-After: 30\r\n";
	kit_assert_error(githubapi_get(&settings, "a/b", &repository, &limit, kit_error), SKAFU_EBUSY);
	ck_assert_int_eq(limit.retry_after_ms, 30000);
	kit_assert_says("wait 30 s");
	script.headers = "X-RateLimit-Remaining: 7\r\n";
	kit_assert_error(githubapi_get(&settings, "a/b", &repository, &limit, kit_error), SKAFU_EACCESS);
}
END_TEST

START_TEST(refusals)
{
	static const struct {
		int status;
		const char *body;
		int32_t code;
		const char *says;
	} cases[] = {
		{422,
		 "{\"message\":\"Repository creation failed.\",\"errors\":[{\"message\":\"name already exists on "
		 "this "
		 "account\"}]}",
		 SKAFU_EEXISTS, "already exists"},
		{422, "{\"message\":\"Validation Failed\"}", SKAFU_EINVAL, "Validation Failed"},
		{401, "{\"message\":\"Bad credentials\"}", SKAFU_EACCESS, "Bad credentials"},
		{500, "<html>", SKAFU_EIO, "500"},
		{201, "[]", SKAFU_EIO, "not a JSON object"},
		{201, "{\"id\":1,\"full_name\":\"../x\",\"clone_url\":\"c\"}", SKAFU_EIO, "not a repository"},
		{0, "", SKAFU_EIO, "no whole answer"},
	};
	static const char *const bad[] = {"", "a/b", "a b", "..", ".", "a?b", "\xc3\xa9"};
	struct githubapi_repository repository;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		script.status = cases[i].status;
		script.body = cases[i].body;
		kit_assert_error(githubapi_create(&settings, "orders", "", 0, &repository, NULL, kit_error),
				 cases[i].code);
		kit_assert_says(cases[i].says);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		kit_assert_error(githubapi_create(&settings, bad[i], "", 0, &repository, NULL, kit_error),
				 SKAFU_EINVAL);
	kit_assert_error(githubapi_get(&settings, "a", &repository, NULL, kit_error), SKAFU_EINVAL);
	kit_assert_error(githubapi_get(&settings, "a/b/c", &repository, NULL, kit_error), SKAFU_EINVAL);
	settings.base_url = "http://192.0.2.1";
	kit_assert_error(githubapi_get(&settings, "a/b", &repository, NULL, kit_error), SKAFU_EACCESS);
	kit_assert_says("without TLS");
	settings.token = "";
	kit_assert_error(githubapi_get(&settings, "a/b", &repository, NULL, kit_error), SKAFU_EACCESS);
	unsetenv("GITHUB_TOKEN");
	ck_assert_int_eq(githubapi_from_environment(&settings), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("githubapi");
	TCase *tcase = tcase_create("githubapi");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, repositories);
	tcase_add_test(tcase, runs);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, refusals);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
