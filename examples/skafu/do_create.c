/*
 * do_create.c: create and resume.
 */
#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domains.h"

struct order {
	char name[128];
	char template[256];
	char into[PATH_MAX];
	char correlation[32];
	struct json data;
	uint64_t timeout_s;
};

/* ---- the order, from the command line ---- */

static int take_variable(struct json *variables, const char *text)
{
	const char *sign = strchr(text, '=');
	char name[64];

	if (sign == NULL || sign == text || (size_t)(sign - text) >= sizeof name)
		return cli_usage("--set wants NAME=VALUE, not \"%s\"", text);
	snprintf(name, sizeof name, "%.*s", (int)(sign - text), text);
	json_text(variables, name, sign + 1);
	return CLI_FINE;
}

/* DIR/NAME, absolute. */
static int take_folder(struct order *order, const char *folder)
{
	char here[PATH_MAX];

	if (folder[0] != '/' && getcwd(here, sizeof here) == NULL)
		return cli_usage("the working folder is gone");
	if ((size_t)snprintf(order->into, sizeof order->into, "%s%s%s/%s", folder[0] == '/' ? "" : here,
			     folder[0] == '/' ? "" : "/", folder, order->name) >= 1000)
		return cli_usage("the path of the folder is too long");
	return CLI_FINE;
}

/* A template is a name, or the path of a folder, which is added first. */
static int take_template(struct cli *cli, struct order *order, const char *template)
{
	char folder[PATH_MAX];
	char copy[PATH_MAX];
	const char *slash;

	snprintf(copy, sizeof copy, "%s", template);
	while (strlen(copy) > 1 && copy[strlen(copy) - 1] == '/')
		copy[strlen(copy) - 1] = '\0';
	slash = strrchr(copy, '/');
	snprintf(order->template, sizeof order->template, "%.250s", slash != NULL ? slash + 1 : copy);
	if (slash != NULL)
		return templates_add(cli, copy, 1);
	return templates_find(copy, folder, sizeof folder) ? templates_add(cli, folder, 1) : CLI_FINE;
}

static int take_order(struct cli *cli, struct order *order)
{
	const char *template = NULL;
	const char *folder = ".";
	const char *variable;
	char deadline[SKAFU_TIME_TEXT_BYTES];
	int is_checked = cli_option(cli, "--check", NULL);
	int status = cli_number(cli, "--timeout", &order->timeout_s);

	cli_option(cli, "--template", &template);
	cli_option(cli, "--into", &folder);
	json_open(&order->data, NULL, '{');
	json_open(&order->data, "variables", '{');
	while (status == CLI_FINE && cli_option(cli, "--set", &variable))
		status = take_variable(&order->data, variable);
	json_close(&order->data, '}');
	if (status != CLI_FINE)
		return status;
	if (template == NULL || cli->argc != 1)
		return cli_usage("usage: skafu create NAME --template TEMPLATE [--into DIR] [--set VARIABLE=VALUE]");
	snprintf(order->name, sizeof order->name, "%s", cli->argv[0]);
	status = take_folder(order, folder);
	if (status == CLI_FINE)
		status = take_template(cli, order, template);
	skafu_time_format(skafu_time_now() + (int64_t)order->timeout_s * 1000000000, deadline);
	json_text(&order->data, "name", order->name);
	json_text(&order->data, "template", order->template);
	json_text(&order->data, "into", order->into);
	json_text(&order->data, "deadline", deadline);
	json_text(&order->data, "check", is_checked ? "yes" : "");
	json_close(&order->data, '}');
	return status;
}

/* ---- following it to its end ---- */

static int tell_end(const struct cli *cli, const struct order *order, const skafu_record *end)
{
	char text[1024];
	int is_ready = strcmp(end->type, "ProjectConfigured") == 0;
	size_t length;

	if (cli->json)
		return is_ready ? CLI_FINE : CLI_UNDONE;
	if (!is_ready) {
		length = strlen(record_get(end, "/message", text, sizeof text));
		fflush(stdout);
		fprintf(stderr, "%sskafu: %s was not created: %s%s%s  What had been made was undone.\n",
			cli_colour(cli, "red"), order->name, text, length > 0 && text[length - 1] == '.' ? "" : ".",
			cli_colour(cli, "off"));
		return CLI_UNDONE;
	}
	printf("%s%s is ready%s in %s\n", cli_colour(cli, "green"), order->name, cli_colour(cli, "off"), order->into);
	printf("Its repository is %s\n", record_get(end, "/repository", text, sizeof text));
	printf("See how it came to be: skafu trace %s\n", order->correlation);
	return CLI_FINE;
}

static int await_end(struct cli *cli, const struct order *order)
{
	static const char pattern[] = "{\"eventType\":[\"ProjectConfigured\",\"ProjectFailed\"]}";
	skafu_record *end = NULL;
	uint64_t timeout_ns = (order->timeout_s + 10) * UINT64_C(1000000000); /* the process has its own, sooner */
	int32_t rc = skafu_engine_await(cli->app.engine, order->correlation, pattern, timeout_ns, &end, cli->error);
	int status;

	if (cli_stopped()) {
		skafu_record_free(end);
		fprintf(stderr, "\nskafu: interrupted; `skafu resume` goes on where it was\n");
		return CLI_STOPPED;
	}
	if (rc == SKAFU_ETIMEOUT) {
		fprintf(stderr, "skafu: %s is not ready after %llu s; `skafu resume` goes on with it\n", order->name,
			(unsigned long long)order->timeout_s);
		return CLI_LATE;
	}
	/* Then what else follows: the test of the project, or what is to be undone. */
	if (rc == SKAFU_OK)
		rc = app_settle(&cli->app, APP_PATIENCE_NS * 10, cli->error);
	status = rc == SKAFU_OK ? tell_end(cli, order, end) : cli_fail(cli, "following the project");
	skafu_record_free(end);
	return status;
}

static int create(struct cli *cli, struct order *order)
{
	struct app_request request = {"create-project", getenv("USER"), order->correlation};
	skafu_outcome *outcome = NULL;
	skafu_command command;
	char stream[320];
	int status;
	int32_t rc = failed_text(cli->error, order->data.rc, "the order");

	app_correlation(order->correlation);
	command = domain_command("CreateProject", domain_stream(stream, "project", order->name), &order->data);
	if (rc == SKAFU_OK)
		rc = cli_follow(cli, order->correlation, cli->error);
	if (rc == SKAFU_OK)
		rc = app_execute(&cli->app, &request, PROJECT_DOMAIN, &command, &outcome, cli->error);
	if (rc != SKAFU_OK)
		return cli_fail(cli, "creating the project");
	if (outcome->decision == SKAFU_DECISION_REFUSED) {
		app_settle(&cli->app, APP_PATIENCE_NS, NULL);
		status = cli_refused(cli, outcome);
	} else {
		cli_doing(cli, "working");
		status = await_end(cli, order);
	}
	skafu_outcome_free(outcome);
	return status;
}

int do_create(struct cli *cli)
{
	struct order order = {.timeout_s = 120};
	int status = take_order(cli, &order);

	if (status == CLI_FINE)
		status = create(cli, &order);
	json_free(&order.data);
	return status;
}

/* ---- resume ---- */

int do_resume(struct cli *cli)
{
	const skafu_process_info *info;
	skafu_process_list *list = NULL;
	uint64_t waiting = 0;
	int32_t rc = cli_follow(cli, NULL, cli->error);

	if (rc == SKAFU_OK)
		rc = app_settle(&cli->app, APP_PATIENCE_NS * 10, cli->error);
	if (rc == SKAFU_OK)
		rc = skafu_process_list_open(cli->app.store, "project-creation", 1u << SKAFU_PROCESS_RUNNING,
					     SKAFU_NO_LIMIT, &list, cli->error);
	while (rc >= 0 && (rc = skafu_process_list_next(list, &info, cli->error)) == 1)
		waiting++;
	skafu_process_list_free(list);
	if (rc < 0)
		return cli_fail(cli, "going on");
	if (!cli->json && waiting > 0)
		printf("%llu projects wait for something; run this again later, or skafu serve.\n",
		       (unsigned long long)waiting);
	else if (!cli->json)
		printf("Everything is done.\n");
	return CLI_FINE;
}
