/*
 * localgit_test.c: commits that are the same everywhere, pushes to a folder and over HTTP with a token.
 */
#include "localgit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/kit.h"
#include "app/loopback.h"
#include "process.h"

static const struct localgit_commit ada = {"Ada", "ada@example.com", INT64_C(1700000000000000000), NULL,
					   "First\n\nBody"};

static void write_project(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/src/a.c", name);
	kit_write(path, "int a;\n");
	snprintf(path, sizeof path, "%s/run.sh", name);
	kit_write_bytes(path, "#!/bin/sh\n", 10, 0755);
	snprintf(path, sizeof path, "%s/.gitignore", name);
	kit_write(path, "/build/\n");
	snprintf(path, sizeof path, "%s/build/out", name);
	kit_write(path, "ignored");
}

static void git_says(const char *folder, const char *const *command, const char *expected)
{
	struct process process = {.command = command, .folder = kit_path(folder)};
	struct text output = {0};
	int status;

	kit_assert_ok(process_run(&process, &output, &status, kit_error));
	ck_assert_str_eq(text_string(&output), expected);
	text_free(&output);
}

START_TEST(the_same_commit_everywhere)
{
	static const char *const files[] = {"git", "ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD", NULL};
	static const char *const author[] = {"git", "log", "-1", "--format=%an <%ae> %at %cn %ct %s", NULL};
	static const char *const branch[] = {"git", "symbolic-ref", "--short", "HEAD", NULL};
	char one[LOCALGIT_ID_BYTES];
	char two[LOCALGIT_ID_BYTES];

	/* What a user may have set must not matter. */
	setenv("GIT_AUTHOR_NAME", "Somebody", 1);
	setenv("GIT_DIR", "/nonexistent", 1);
	write_project("one");
	write_project("two");
	kit_assert_ok(localgit_first_commit(kit_path("one"), &ada, one, kit_error));
	kit_assert_ok(localgit_first_commit(kit_path("two"), &ada, two, kit_error));
	ck_assert_str_eq(one, two);
	ck_assert_uint_eq(strlen(one), 40);
	git_says("one", files, "100644 .gitignore\n100755 run.sh\n100644 src/a.c\n");
	git_says("one", author, "Ada <ada@example.com> 1700000000 Ada 1700000000 First\n");
	git_says("one", branch, "main\n");
	kit_assert_ok(localgit_first_commit(kit_path("one"), &ada, two, kit_error));
	ck_assert_str_eq(one, two);
	kit_write("one/src/a.c", "int b;\n");
	kit_assert_error(localgit_first_commit(kit_path("one"), &ada, two, kit_error), SKAFU_EEXISTS);
}
END_TEST

START_TEST(hooks_do_not_run)
{
	char id[LOCALGIT_ID_BYTES];

	write_project("p");
	kit_write_bytes("p/.git/hooks/pre-commit", "#!/bin/sh\ntouch ../ran\nexit 1\n", 31, 0755);
	kit_assert_ok(localgit_first_commit(kit_path("p"), &ada, id, kit_error));
	ck_assert(!kit_exists("ran"));
}
END_TEST

START_TEST(pushes_to_a_folder)
{
	char id[LOCALGIT_ID_BYTES];
	char tip[LOCALGIT_ID_BYTES];

	write_project("p");
	kit_assert_ok(localgit_create_bare(kit_path("p.git"), NULL, kit_error));
	kit_assert_error(localgit_tip(kit_path("p.git"), NULL, tip, kit_error), SKAFU_ENOTFOUND);
	kit_assert_ok(localgit_first_commit(kit_path("p"), &ada, id, kit_error));
	kit_assert_ok(localgit_push(kit_path("p"), kit_path("p.git"), NULL, NULL, kit_error));
	kit_assert_ok(localgit_push(kit_path("p"), kit_path("p.git"), NULL, NULL, kit_error));
	kit_assert_ok(localgit_create_bare(kit_path("p.git"), NULL, kit_error));
	kit_assert_ok(localgit_tip(kit_path("p.git"), NULL, tip, kit_error));
	ck_assert_str_eq(id, tip);
}
END_TEST

START_TEST(failures_say_why)
{
	char id[LOCALGIT_ID_BYTES];

	write_project("p");
	kit_assert_ok(localgit_first_commit(kit_path("p"), &ada, id, kit_error));
	kit_assert_error(localgit_push(kit_path("p"), kit_path("absent.git"), NULL, NULL, kit_error), SKAFU_EIO);
	kit_assert_says("git push failed");
	kit_assert_error(localgit_push(kit_path("p"), "--exec=touch x", NULL, NULL, kit_error), SKAFU_EINVAL);
	kit_assert_error(localgit_push(kit_path("p"), "ext::touch x", NULL, NULL, kit_error), SKAFU_EIO);
	kit_assert_error(localgit_push(kit_path("p"), "http://192.0.2.1/x.git", NULL, "token", kit_error),
			 SKAFU_EACCESS);
	kit_assert_error(localgit_push(kit_path("p"), kit_path("p"), "no-branch", NULL, kit_error), SKAFU_EIO);
	/* Under valgrind posix_spawn() does not hear that the folder is absent. */
	if (!getenv("SKAFU_TEST_SCALE"))
		kit_assert_error(localgit_first_commit(kit_path("absent"), &ada, id, kit_error), SKAFU_ENOTFOUND);
	ck_assert_int_eq(mkdir(kit_path("empty"), 0755), 0);
	kit_assert_error(localgit_first_commit(kit_path("empty"), &ada, id, kit_error), SKAFU_EIO);
}
END_TEST

/* ---- over HTTP: git's own server side behind a socket ---- */

static const char *header_variable(const struct loopback_request *request, const char *header, const char *variable)
{
	static char text[4][2048];
	static unsigned next;
	char *at = text[next++ % 4];

	snprintf(at, sizeof text[0], "%s=%s", variable, loopback_header(request, header));
	return at;
}

static void run_backend(const struct loopback_request *request, struct text *output)
{
	static const char *const command[] = {"sh", "-c", "git http-backend <\"$INPUT\" 2>/dev/null", NULL};
	char path[1024];
	char query[1024];
	char method[64];
	char root[512];
	char input[512];
	const char *mark = strchr(request->target, '?');
	const char *environment[] = {path,
				     query,
				     method,
				     root,
				     input,
				     "GIT_HTTP_EXPORT_ALL=1",
				     "REMOTE_USER=ada",
				     header_variable(request, "content-type", "CONTENT_TYPE"),
				     header_variable(request, "content-length", "CONTENT_LENGTH"),
				     header_variable(request, "content-encoding", "HTTP_CONTENT_ENCODING"),
				     NULL};
	int status;

	kit_write_bytes("input", text_string(&request->body), request->body.length, 0644);
	snprintf(path, sizeof path, "PATH_INFO=%.*s", (int)strcspn(request->target, "?"), request->target);
	snprintf(query, sizeof query, "QUERY_STRING=%s", mark != NULL ? mark + 1 : "");
	snprintf(method, sizeof method, "REQUEST_METHOD=%s", request->method);
	snprintf(root, sizeof root, "GIT_PROJECT_ROOT=%s", kit_folder);
	snprintf(input, sizeof input, "INPUT=%s/input", kit_folder);
	kit_assert_ok(process_run(&(struct process){.command = command, .environment = environment}, output, &status,
				  kit_error));
}

/* "x-access-token:the-token" in Basic. */
#define BASIC "Basic eC1hY2Nlc3MtdG9rZW46dGhlLXRva2Vu"

static void serve_git(void *user, const struct loopback_request *request, struct loopback_answer *answer)
{
	struct text output = {0};
	const char *body;

	(void)user;
	if (strcmp(loopback_header(request, "authorization"), BASIC) != 0) {
		loopback_say(answer, 401, "WWW-Authenticate: Basic realm=\"git\"\r\n", "", 0);
		return;
	}
	run_backend(request, &output);
	body = strstr(text_string(&output), "\r\n\r\n");
	if (body == NULL || strncmp(output.bytes, "Status:", 7) == 0) {
		loopback_say(answer, 500, "", "", 0);
	} else {
		text_add_string(&answer->bytes, "HTTP/1.1 200 OK\r\nConnection: close\r\n");
		text_add(&answer->bytes, output.bytes, output.length);
	}
	text_free(&output);
}

START_TEST(pushes_over_http_with_a_token)
{
	struct loopback *server = loopback_start(serve_git, NULL);
	char url[128];
	char id[LOCALGIT_ID_BYTES];
	char tip[LOCALGIT_ID_BYTES];

	snprintf(url, sizeof url, "%s", loopback_url(server, "/p.git"));
	write_project("p");
	kit_assert_ok(localgit_create_bare(kit_path("p.git"), NULL, kit_error));
	kit_assert_ok(localgit_first_commit(kit_path("p"), &ada, id, kit_error));
	kit_assert_error(localgit_push(kit_path("p"), url, NULL, NULL, kit_error), SKAFU_EIO);
	kit_assert_error(localgit_push(kit_path("p"), url, NULL, "wrong-token", kit_error), SKAFU_EIO);
	ck_assert_ptr_null(strstr(skafu_error_message(kit_error), "wrong-token"));
	kit_assert_ok(localgit_push(kit_path("p"), url, NULL, "the-token", kit_error));
	kit_assert_ok(localgit_tip(kit_path("p.git"), NULL, tip, kit_error));
	ck_assert_str_eq(id, tip);
	loopback_stop(server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("localgit");
	TCase *tcase = tcase_create("localgit");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_same_commit_everywhere);
	tcase_add_test(tcase, hooks_do_not_run);
	tcase_add_test(tcase, pushes_to_a_folder);
	tcase_add_test(tcase, failures_say_why);
	tcase_add_test(tcase, pushes_over_http_with_a_token);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
