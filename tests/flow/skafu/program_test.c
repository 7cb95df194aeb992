/*
 * program_test.c: the program from outside: its exit statuses and sentences, kills at any moment, the gateway.
 *
 * Skipped when it was not built.  SKAFU_SEED repeats a run of the kills.
 */
#include "flow/skafu/program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "flow/skafu/flowkit.h"
#include "http.h"

#define gives(status, line, text) gives_at(__LINE__, (status), (line), (text))
static void gives_at(int at, int status, const char *line, const char *text)
{
	int got = program_run(line);

	ck_assert_msg(got == status && strstr(program_output, text) != NULL, "line %d: %s gave %d: %.3000s", at, line,
		      got, program_output);
}

START_TEST(commands)
{
	gives(2, "skafu", "usage: skafu");
	gives(0, "skafu --help", "Exit status: 0 done");
	gives(0, "skafu create --help", "--set VARIABLE=VALUE");
	gives(2, "skafu nonsense", "there is no command nonsense");
	gives(1, "skafu projects", "There is nothing at");
	gives(2, "skafu create one", "usage: skafu create NAME");
	gives(0, "skafu create one --template static-site --into p", "one is ready");
	gives(0, "test -f p/one/LICENSE && git -C p/one remote get-url origin", "repositories/one.git");
	gives(3, "skafu create one --template static-site --into p", "Project name already exists");
	gives(3, "skafu create One --template static-site --into p", "3 to 40 small letters");
	gives(4, "skafu create two --template nothing --into p", "There is no valid template \"nothing\"");
	gives(0, "skafu projects", "configured");
	gives(0, "skafu --json projects", "\"state\":\"failed\"");
	gives(0, "skafu show one", "ProjectConfigured");
	gives(0, "skafu show one --code", "--- .editorconfig");
	gives(1, "skafu show nobody", "there is no project nobody");
	gives(0,
	      "skafu trace $(skafu --json projects | sed -n "
	      "'s/.*\"project\":\"one\".*\"correlation\":\"\\([^\"]*\\)\".*/"
	      "\\1/p')",
	      "└─ ");
	gives(1, "skafu trace req-0", "there is no correlation");
	gives(0, "skafu templates", "static-site");
	gives(0, "mkdir t && skafu analyse t", "AIAnalysisCompleted");
	gives(3, "skafu templates add t", "TemplateInvalidated");
	gives(3, "skafu templates validate t", "template.json");
	gives(0, "skafu templates delete static-site", "is deleted");
	gives(3, "skafu templates delete static-site", "There is no valid template");
	gives(0, "skafu errors", "VALIDATION_ERROR");
	gives(0, "skafu errors --by source", "project-management");
	gives(0, "skafu errors --list", "Project name already exists");
	gives(2, "skafu errors --by mood", "--by wants code");
	gives(0, "skafu metrics --collect", "consumer_lag");
	gives(0, "skafu metrics --prometheus", "# TYPE skafu_");
	gives(0, "skafu rebuild", "0 differences");
	gives(0, "skafu projects --at 1", "There are no projects yet");
	gives(0, "skafu resume", "Everything is done.");
	gives(0, "echo '{\"event\":\"ping\",\"payload\":{}}' | skafu webhook -", "1 of kinds that nothing comes of");
	gives(1, "echo '{}' | GITHUB_WEBHOOK_SECRET=x skafu webhook - --event push --signature sha256=00",
	      "skafu: -: ");
}
END_TEST

/* The document's four situations: a domain recovers, the state of before, another log, history for a test. */
START_TEST(replays)
{
	static const char head[] = "skafu --json show one | wc -l; ls home/repositories p | wc -l";
	char before[64];

	gives(0, "skafu create one --template static-site --into p", "one is ready");
	ck_assert_int_eq(program_run(head), 0);
	snprintf(before, sizeof before, "%.60s", program_output);
	/* Handlers run, nothing of the world is touched, nothing is recorded about the project. */
	gives(0, "skafu replay template-rendering repository-creation deployment --dry-run", "0 failed");
	gives(0, "skafu replay project-creation", "done");
	gives(0, "skafu replay projects --reemit", "done");
	gives(0, head, before);
	gives(0, "skafu rebuild", "0 differences");
	gives(0, "skafu projects --at 8", "creating");
	gives(0, "mkdir -p copy/blobs && skafu replay --copy-to copy/log", "done");
	gives(0, "skafu replay --list", "done");
	gives(0, "skafu --home copy projects", "configured");
	gives(2, "skafu replay", "usage: skafu replay");
	gives(1, "skafu replay nobody", "nobody");
}
END_TEST

/* ---- kills ---- */

static int repositories(void)
{
	return (int)kit_count("home/repositories");
}

/* What is in the log after a kill and a resume is what would be there without the kill. */
static void assert_whole(const char *name)
{
	static const char *const once[] = {"ProjectCreated",      "TemplateSelected",  "TemplateRendered",
					   "AIAnalysisCompleted", "RepositoryCreated", "DeploymentStarted",
					   "DeploymentCompleted", "ProjectConfigured"};
	char path[128];

	flow_open();
	if (flow_events("ProjectCreated", NULL) > 0) {
		for (size_t i = 0; i < sizeof once / sizeof *once; i++)
			ck_assert_msg(flow_events(once[i], NULL) == 1, "%s: %d", once[i], flow_events(once[i], NULL));
		ck_assert_int_eq(flow_events("ProjectFailed", NULL), 0);
		/* A git that outlived its parent may have been in the way of the next: that is tried again. */
		ck_assert_msg(!flow_log_has("\"severity\":\"ERROR\""), "%s",
			      flow_member(SKAFU_KIND_ERROR, "ErrorOccurred", NULL, "/errorMessage"));
		ck_assert_int_eq(repositories(), 1);
		snprintf(path, sizeof path, "projects/%s/.git/HEAD", name);
		ck_assert(kit_exists(path));
	}
	flow_close();
}

START_TEST(dies_after)
{
	static const char *const types[] = {"ProjectCreated",      "TemplateSelected",  "RepositoryCreated",
					    "AIAnalysisCompleted", "DeploymentStarted", "DeploymentCompleted"};
	char line[256];

	snprintf(line, sizeof line, "SKAFU_DIE_AFTER=%s skafu create one --template static-site --into projects",
		 types[_i]);
	ck_assert_int_eq(program_run(line), 137);
	gives(0, "skafu resume", "Everything is done.");
	assert_whole("one");
}
END_TEST

static void sleep_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* At random moments, in the middle of effects too, and once more while it is resumed. */
START_TEST(killed_at_any_moment)
{
	static const char *const create[] = {"skafu",       "create", "one",      "--template",
					     "static-site", "--into", "projects", NULL};
	static const char *const resume[] = {"skafu", "resume", NULL};
	const char *given = getenv("SKAFU_SEED");
	unsigned seed = (given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL)) + (unsigned)_i;
	int pid;

	printf("seed %u\n", seed - (unsigned)_i);
	srand(seed);
	pid = program_start(create);
	sleep_ms(rand() % 500);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = program_start(resume);
	sleep_ms(rand() % 150);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(program_run("skafu resume"), 0);
	assert_whole("one");
}
END_TEST

/* ---- the gateway ---- */

struct gateway_run {
	int pid;
	char url[64];
};

static void start_gateway(struct gateway_run *run, int port)
{
	char text[16];
	const char *const words[] = {"skafu", "serve", "--port", text, "--interval", "1", NULL};

	snprintf(text, sizeof text, "%d", port);
	snprintf(run->url, sizeof run->url, "http://127.0.0.1:%d", port);
	run->pid = program_start(words);
}

static int ask(const struct gateway_run *run, const char *method, const char *path, const char *body,
	       struct http_answer *out)
{
	static const char *const headers[] = {"Content-Type: application/json", NULL};
	char url[256];
	struct http_request request = {.method = method,
				       .url = url,
				       .headers = headers,
				       .body = body,
				       .body_length = body != NULL ? strlen(body) : 0,
				       .timeout_ms = 10000};

	snprintf(url, sizeof url, "%s%s", run->url, path);
	*out = (struct http_answer){.status = 0};
	return http_call(&request, out, kit_error) == SKAFU_OK ? out->status : -1;
}

static void asks(const struct gateway_run *run, int status, const char *method, const char *path, const char *body,
		 const char *text)
{
	struct http_answer answer;
	int got = ask(run, method, path, body, &answer);

	ck_assert_msg(got == status && strstr(text_string(&answer.body), text) != NULL, "%s %s gave %d: %s", method,
		      path, got, text_string(&answer.body));
	http_answer_free(&answer);
}

/* The stream, until an event has been seen; another result than 0 ends the call. */
static int32_t look_for_end(void *user, const char *bytes, size_t length)
{
	struct text *seen = user;

	text_add(seen, bytes, length);
	return strstr(text_string(seen), "\"eventType\":\"ProjectConfigured\"") != NULL ? SKAFU_EINTERRUPTED
											: SKAFU_OK;
}

static void follow_events(const struct gateway_run *run)
{
	struct text seen = {.bytes = NULL};
	char url[128];
	struct http_request request = {.url = url, .timeout_ms = 20000, .on_bytes = look_for_end, .user = &seen};
	struct http_answer answer;

	snprintf(url, sizeof url, "%s/events?after=0", run->url);
	ck_assert_int_eq(http_call(&request, &answer, kit_error), SKAFU_EINTERRUPTED);
	ck_assert_ptr_nonnull(strstr(text_string(&seen), "\"eventType\":\"TemplateRendered\""));
	ck_assert_ptr_nonnull(strstr(text_string(&seen), "\nevent: event\ndata: {"));
	http_answer_free(&answer);
	text_free(&seen);
}

START_TEST(gateway)
{
	static const char order[] = "{\"name\":\"site\",\"template\":\"static-site\"}";
	struct gateway_run run;
	struct http_answer answer;
	int status = -1;

	gives(0, "skafu templates add \"$OLDPWD\"/examples/skafu/templates/static-site", "TemplateValidated");
	start_gateway(&run, 20000 + getpid() % 20000);
	for (int i = 0; i < 100 && status != 200; i++) {
		sleep_ms(50);
		status = ask(&run, "GET", "/health", NULL, &answer);
		http_answer_free(&answer);
	}
	asks(&run, 200, "GET", "/health", NULL, "\"status\":\"ok\"");
	asks(&run, 200, "GET", "/", NULL, "EventSource");
	asks(&run, 202, "POST", "/projects", order, "\"correlationId\":\"req-");
	follow_events(&run);
	asks(&run, 409, "POST", "/projects", order, "Project name already exists");
	asks(&run, 400, "POST", "/projects", "{\"name\":\"../x\",\"template\":\"t\"}", "VALIDATION_ERROR");
	asks(&run, 400, "POST", "/projects", "no json", "errorCode");
	asks(&run, 401, "POST", "/webhook", "{}", "SIGNATURE");
	asks(&run, 200, "GET", "/projects", NULL, "\"ProjectConfigured\"");
	asks(&run, 200, "GET", "/metrics", NULL, "# TYPE skafu_");
	asks(&run, 404, "GET", "/nothing", NULL, "NOT_FOUND");
	asks(&run, 405, "POST", "/health", "{}", "METHOD");
	ck_assert(kit_exists("home/projects/site/LICENSE"));
	kill(run.pid, SIGTERM);
	ck_assert_int_eq(waitpid(run.pid, &status, 0), run.pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	flow_open();
	ck_assert_int_gt(flow_events("DashboardUpdated", NULL), 0);
	ck_assert_int_gt(flow_count(SKAFU_KIND_ERROR, "ErrorOccurred", NULL), 1);
}
END_TEST

/* ---- the demonstration ---- */

START_TEST(demonstration)
{
	char line[1024];

	snprintf(line, sizeof line, "cd \"$OLDPWD\" && BUILD=\"${BUILD:-build}\" examples/skafu/demo.sh");
	gives(0, line, "All is well.");
	ck_assert_ptr_null(strstr(program_output, "WRONG"));
	ck_assert_ptr_nonnull(strstr(program_output, "orders is ready"));
	ck_assert_ptr_nonnull(strstr(program_output, "WorkflowCompleted        test: success"));
	ck_assert_ptr_nonnull(strstr(program_output, "RepositoryRetired"));
	ck_assert_ptr_nonnull(strstr(program_output, "Everything is done."));
	ck_assert_ptr_nonnull(strstr(program_output, "└─ "));
	ck_assert_ptr_nonnull(strstr(program_output, "0 faults"));
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tests = tcase_create(name);

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, flow_begin, flow_end);
	suite_add_tcase(suite, tests);
	return tests;
}

int main(void)
{
	Suite *suite;
	TCase *tests, *kills;

	if (!program_find()) {
		printf("the program was not built\n");
		return 77;
	}
	suite = suite_create("the program");
	tests = add_case(suite, "commands");
	kills = add_case(suite, "kills");
	tcase_add_test(tests, commands);
	tcase_add_test(tests, replays);
	tcase_add_test(tests, gateway);
	tcase_add_test(tests, demonstration);
	tcase_add_loop_test(kills, dies_after, 0, 6);
	tcase_add_loop_test(kills, killed_at_any_moment, 0, 8);
	return suite_run(suite);
}
