/*
 * creation_test.c: the document's creation flow: one correlation, any order, one winner, compensation, deadline.
 */
#include "flow/skafu/flowkit.h"

#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE INT64_C(60000000000)

START_TEST(becomes_a_project)
{
	static const char *const sequence[] = {"ProjectCreated",      "TemplateSelected",    "TemplateRendered",
					       "AIAnalysisRequested", "AIAnalysisCompleted", "RepositoryCreated",
					       "CodeGenerated",       "DeploymentStarted",   "DeploymentCompleted",
					       "ProjectConfigured"};
	const char *correlation;

	flow_open();
	ck_assert_str_eq(flow_template("c-library"), "TemplateValidated");
	correlation = flow_create("queue", "c-library", "{\"license\":\"ISC\"}", PATIENCE);
	flow_settle();
	for (size_t i = 0; i < sizeof sequence / sizeof *sequence; i++)
		ck_assert_msg(flow_events(sequence[i], correlation) == 1, "%s: %d", sequence[i],
			      flow_events(sequence[i], correlation));
	ck_assert_int_eq(flow_count(SKAFU_KIND_ERROR, "ErrorOccurred", correlation), 0);
	ck_assert(kit_exists("projects/queue/LICENSE"));
	ck_assert(kit_exists("projects/queue/.git/HEAD"));
	ck_assert(kit_exists("home/repositories/queue.git/HEAD"));
	ck_assert_uint_eq(kit_count("home/work"), 0);
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "ProjectConfigured", correlation, "/commit"),
			 flow_member(SKAFU_KIND_EVENT, "DeploymentCompleted", correlation, "/commit"));
}
END_TEST

/* ---- any order ---- */

static const char *const answers[4][3] = {
	{"TemplateSelected", TEMPLATE_DOMAIN, "{}"},
	{"TemplateRendered", TEMPLATE_DOMAIN, "{\"into\":\"/x\"}"},
	{"AIAnalysisCompleted", AI_DOMAIN, "{\"score\":7}"},
	{"RepositoryCreated", GITHUB_DOMAIN, "{\"repository\":\"r\",\"url\":\"u\",\"host\":\"local\"}"}};

/* The n-th of the 24 orders. */
static void permute(int n, int order[4])
{
	int left[4] = {0, 1, 2, 3};

	for (int i = 0, sizes = 6, count = 4; i < 4; i++, count--) {
		int at = n / sizes % count;

		order[i] = left[at];
		for (int j = at; j + 1 < count; j++)
			left[j] = left[j + 1];
		sizes = count > 2 ? sizes / (count - 1) : 1;
	}
}

START_TEST(in_any_order)
{
	static const char *const only[] = {"project-creation", "domain:" PROJECT_DOMAIN};
	int seen[4][4] = {{0}};

	flow_open();
	flow_only(only, 2);
	for (int n = 0; n < 24; n++) {
		int order[4];
		char name[32];
		char correlation[32];

		permute(n, order);
		snprintf(name, sizeof name, "any-order-%d", n);
		snprintf(correlation, sizeof correlation, "%s", flow_create(name, "t", "{}", PATIENCE));
		for (int i = 0; i < 4; i++) {
			seen[i][order[i]]++;
			ck_assert_int_eq(flow_count(SKAFU_KIND_COMMAND, "DeployProject", correlation), 0);
			flow_append(answers[order[i]][0], answers[order[i]][1], correlation, name,
				    answers[order[i]][2]);
			if (n % 2 == 0) /* one by one, and all at once */
				flow_settle();
		}
		flow_settle();
		ck_assert_int_eq(flow_count(SKAFU_KIND_COMMAND, "DeployProject", correlation), 1);
		flow_append("DeploymentCompleted", GITHUB_DOMAIN, correlation, name, "{\"commit\":\"c\"}");
		flow_settle();
		ck_assert_int_eq(flow_events("ProjectConfigured", correlation), 1);
		ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "ProjectConfigured", correlation, "/repository"), "u");
	}
	for (int i = 0; i < 16; i++) /* each answer came six times at each place */
		ck_assert_int_eq(seen[i / 4][i % 4], 6);
}
END_TEST

/* ---- one name, one project ---- */

struct racer {
	pthread_t thread;
	const char *name;
	uint32_t decision;
	char code[64];
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	skafu_command command = {.size = sizeof command, .type = "CreateProject", .domain = PROJECT_DOMAIN};
	skafu_outcome *outcome = NULL;
	char data[256];
	char stream[320];

	snprintf(data, sizeof data, "{\"name\":\"%s\",\"template\":\"t\",\"into\":\"/nowhere\"}", racer->name);
	command.stream = domain_stream(stream, "project", racer->name);
	command.data = data;
	command.data_length = strlen(data);
	if (skafu_model_execute(flow.model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, NULL) == SKAFU_OK) {
		racer->decision = outcome->decision;
		snprintf(racer->code, sizeof racer->code, "%s", outcome->code);
	}
	skafu_outcome_free(outcome);
	return NULL;
}

START_TEST(who_comes_first_has_the_name)
{
	flow_open();
	for (int round = 0; round < 5; round++) {
		struct racer racers[4] = {{.name = NULL}};
		char name[32];
		int accepted = 0;

		snprintf(name, sizeof name, "wanted-%d", round);
		for (int i = 0; i < 4; i++) {
			racers[i].name = name;
			ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
		}
		for (int i = 0; i < 4; i++) {
			pthread_join(racers[i].thread, NULL);
			accepted += racers[i].decision == SKAFU_DECISION_ACCEPTED;
			if (racers[i].decision != SKAFU_DECISION_ACCEPTED)
				ck_assert_str_eq(racers[i].code, "VALIDATION_ERROR");
		}
		ck_assert_int_eq(accepted, 1);
	}
	ck_assert_int_eq(flow_events("ProjectCreated", NULL), 5);
}
END_TEST

/* The example of the document, field for field. */
START_TEST(a_taken_name_is_on_the_error_bus)
{
	static const char *const members[][2] = {{"/errorCode", "VALIDATION_ERROR"},
						 {"/errorMessage", "Project name already exists"},
						 {"/context/service", PROJECT_DOMAIN},
						 {"/context/function", "test"},
						 {"/context/userId", "user-123"}};
	static const char *const only[] = {"domain:" PROJECT_DOMAIN};

	flow_open();
	flow_only(only, 1);
	ck_assert_str_ne(flow_create("twice", "t", "{}", PATIENCE), "");
	ck_assert_str_eq(flow_create("twice", "t", "{}", PATIENCE), "");
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(flow_member(SKAFU_KIND_ERROR, "ErrorOccurred", NULL, members[i][0]), members[i][1]);
	ck_assert(flow_log_has("\"source\":\"project-management\""));
	ck_assert(flow_log_has("\"severity\":\"ERROR\""));
	ck_assert(flow_log_has("\"canRetry\":false"));
	ck_assert_str_eq(flow_create("No Name", "t", "{}", PATIENCE), "");
	ck_assert_str_eq(flow_create("..", "t", "{}", PATIENCE), "");
}
END_TEST

/* ---- what fails is undone ---- */

START_TEST(a_folder_in_the_way)
{
	const char *correlation;
	char *kept;

	flow_open();
	flow_template("c-library");
	kit_write("projects/queue/mine", "mine");
	correlation = flow_create("queue", "c-library", "{}", PATIENCE);
	flow_settle();
	ck_assert_int_eq(flow_events("TemplateRenderingFailed", correlation), 1);
	ck_assert_int_eq(flow_events("ProjectFailed", correlation), 1);
	ck_assert_int_eq(flow_events("RepositoryRetired", correlation), 1);
	ck_assert_int_eq(flow_events("RenderingDiscarded", correlation), 0);
	ck_assert_int_eq(flow_events("ProjectConfigured", correlation), 0);
	ck_assert(!kit_exists("home/repositories/queue.git/HEAD"));
	kept = kit_read("projects/queue/mine");
	ck_assert_str_eq(kept, "mine");
	free(kept);
	ck_assert_str_eq(flow_member(SKAFU_KIND_ERROR, "ErrorOccurred", correlation, "/errorCode"), "FOLDER_EXISTS");
	/* The name is free again. */
	ck_assert_int_eq(unlink(kit_path("projects/queue/mine")), 0);
	correlation = flow_create("queue", "c-library", "{}", PATIENCE);
	flow_settle();
	ck_assert_int_eq(flow_events("ProjectConfigured", correlation), 1);
}
END_TEST

/* All is there but the first commit, which fails: repository and files go, in this order or the other way round, as
 * they came. */
START_TEST(all_of_it_is_undone)
{
	static const char *const all_but_deployment[] = {
		"project-creation", "template-selection",  "template-rendering",     "analysis",
		"analysis-request", "repository-creation", "domain:" PROJECT_DOMAIN, "domain:" TEMPLATE_DOMAIN,
		"domain:" AI_DOMAIN};
	char correlation[32];

	flow_open();
	flow_template("c-library");
	flow_only(all_but_deployment, 9);
	snprintf(correlation, sizeof correlation, "%s", flow_create("queue", "c-library", "{}", PATIENCE));
	flow_settle();
	ck_assert(kit_exists("projects/queue/LICENSE"));
	flow_append("DeploymentFailed", GITHUB_DOMAIN, correlation, "queue",
		    "{\"code\":\"X\",\"message\":\"no room\"}");
	flow_close();
	flow_open();
	flow_settle();
	ck_assert_int_eq(flow_events("ProjectFailed", correlation), 1);
	ck_assert_int_eq(flow_events("RenderingDiscarded", correlation), 1);
	ck_assert_int_eq(flow_events("RepositoryRetired", correlation), 1);
	ck_assert(!kit_exists("projects/queue"));
	ck_assert_uint_eq(kit_count("home/discarded"), 1);
	ck_assert(!kit_exists("home/repositories/queue.git/HEAD"));
}
END_TEST

START_TEST(nobody_answers_in_time)
{
	static const char *const only[] = {"project-creation", "domain:" PROJECT_DOMAIN};
	static const char pattern[] = "{\"eventType\":[\"ProjectFailed\"]}";
	skafu_record *end = NULL;
	char correlation[32];

	flow_open();
	flow_only(only, 2);
	snprintf(correlation, sizeof correlation, "%s", flow_create("silent", "t", "{}", INT64_C(300000000)));
	kit_assert_ok(skafu_engine_await(flow.engine, correlation, pattern, UINT64_C(10000000000), &end, kit_error));
	skafu_record_free(end);
	ck_assert_int_eq(flow_events("ProjectExpired", correlation), 1);
	ck_assert_str_eq(flow_member(SKAFU_KIND_EVENT, "ProjectFailed", correlation, "/code"), "EXPIRED");
	/* Answers that come too late: nothing is made any more. */
	flow_close();
	flow_open();
	flow_settle();
	ck_assert_int_eq(flow_events("RepositoryCreated", correlation), 0);
	ck_assert_int_eq(flow_events("RepositoryFailed", correlation), 1);
	ck_assert_int_eq(flow_events("ProjectFailed", correlation), 1);
}
END_TEST

/* A handler that cannot do its work gives up at last: the process sees the error of its correlation. */
START_TEST(a_handler_gives_up)
{
	static const char pattern[] = "{\"eventType\":[\"ProjectFailed\",\"ProjectConfigured\"]}";
	skafu_record *end = NULL;
	char correlation[32];

	flow_open();
	flow_template("static-site");
	kit_write("home/repositories/blocked.git", "a file where a repository shall be");
	snprintf(correlation, sizeof correlation, "%s", flow_create("blocked", "static-site", "{}", PATIENCE));
	kit_assert_ok(skafu_engine_await(flow.engine, correlation, pattern, UINT64_C(30000000000), &end, kit_error));
	ck_assert_str_eq(end->type, "ProjectFailed");
	skafu_record_free(end);
	flow_settle();
	ck_assert_int_eq(flow_events("RenderingDiscarded", correlation), 1);
	ck_assert_int_gt(flow_count(SKAFU_KIND_ERROR, "ErrorOccurred", correlation), 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("creation of projects");
	TCase *tests = tcase_create("flow");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, flow_begin, flow_end);
	tcase_add_test(tests, becomes_a_project);
	tcase_add_test(tests, in_any_order);
	tcase_add_test(tests, who_comes_first_has_the_name);
	tcase_add_test(tests, a_taken_name_is_on_the_error_bus);
	tcase_add_test(tests, a_folder_in_the_way);
	tcase_add_test(tests, all_of_it_is_undone);
	tcase_add_test(tests, nobody_answers_in_time);
	tcase_add_test(tests, a_handler_gives_up);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
