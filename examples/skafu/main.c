/*
 * skafu: makes new services: a project from a template, analysed, in a repository, with its first commit.
 *
 * An example of libskafu: all that happens are events, five domains react to each other's, and whatever is
 * interrupted goes on.  This file has the table of commands and takes the command line apart.
 */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command commands[] = {
	{"create", "NAME --template TEMPLATE [--into DIR]", "make a new project",
	 "Makes the project DIR/NAME from a template, looks it over, and puts it into a git repository with\n"
	 "its first commit.  Each line that is printed is an event in the log.  When a step fails, or takes\n"
	 "longer than the timeout, what was made is undone.  TEMPLATE is a name of `skafu templates`, or the\n"
	 "path of a folder.\n"
	 "  --into DIR            where to make it; default: here\n"
	 "  --set VARIABLE=VALUE  a variable of the template; may be given several times\n"
	 "  --check               run the project's own test in a fresh clone afterwards\n"
	 "  --timeout SECONDS     default: 120\n"
	 "With GITHUB_TOKEN the repository is on GitHub, else below the home.  With ANTHROPIC_API_KEY a model\n"
	 "reviews the project, else fixed rules do.\n"
	 "  skafu create orders --template c-service --into ~/src\n",
	 1, 99, do_create, APP_ENGINE, 0},
	{"resume", "", "go on with what was interrupted",
	 "Lets everything that is recorded and not done yet be done: also after a kill, a crash or a power\n"
	 "failure.\n",
	 0, 0, do_resume, APP_ENGINE, 0},
	{"templates", "[list|add|validate|delete] ...", "what projects are made from",
	 "  skafu templates                   those that are there\n"
	 "  skafu templates add FOLDER...     take them in, by content; each is validated first\n"
	 "  skafu templates validate FOLDER   say all that is wrong with one, and change nothing\n"
	 "  skafu templates delete NAME       projects made from it stay as they are\n"
	 "A template is a folder with a template.json and its files in files/.\n",
	 0, 99, do_templates, APP_ENGINE, 0},
	{"projects", "[--at SEQUENCE]", "all projects and what became of them",
	 "A line for each project, with its correlation; with --at as it was when the log ended there.\n",
	 0, 2, do_projects, 0, 0},
	{"show", "NAME [--code]", "the history of a project",
	 "All events about a project.  --code prints the code that its analysis suggests; nothing is ever\n"
	 "written into a project without being asked.\n",
	 1, 2, do_show, 0, 0},
	{"trace", "CORRELATION", "what followed from what",
	 "All records of a correlation as a tree: each below the one that caused it.\n", 1, 1, do_trace, 0, 0},
	{"analyse", "DIR", "look over any folder",
	 "Reads the files and says what is missing or risky.  Without ANTHROPIC_API_KEY fixed rules do that,\n"
	 "offline.\n",
	 1, 1, do_analyse, APP_ENGINE, 0},
	{"webhook", "FILE...", "take in deliveries of GitHub",
	 "FILE has one delivery a line, {\"event\": ..., \"delivery\": ..., \"payload\": {...}}; - is standard\n"
	 "input.\n"
	 "  --event TYPE       the file is the body of one delivery with this X-GitHub-Event ...\n"
	 "  --delivery ID      ... this X-GitHub-Delivery ...\n"
	 "  --signature TEXT   ... and this X-Hub-Signature-256, checked with GITHUB_WEBHOOK_SECRET\n"
	 "A delivery that comes again is recorded once.\n",
	 1, 99, do_webhook, APP_ENGINE, 0},
	{"errors", "[--by WHAT | --list]", "what went wrong",
	 "Counts the errors --by code, source, severity, correlation, minute or command (default: code).\n"
	 "  --list [--limit N]   the last errors themselves, the newest first\n",
	 0, 4, do_errors, 0, 0},
	{"metrics", "[--collect] [--prometheus]", "figures",
	 "How often each type of event and each domain was seen, the last figures, open alerts, health.\n"
	 "  --collect      take figures now, as events\n"
	 "  --prometheus   the figures of this process in the text format of Prometheus\n",
	 0, 2, do_metrics, APP_ENGINE, 0},
	{"rebuild", "", "make the views anew and compare",
	 "Builds each view from the first event on, beside the one in use, compares them row by row, and puts\n"
	 "the new one in use.  Exit status 1 when a row differed.\n",
	 0, 0, do_rebuild, 0, 0},
	{"replay", "TARGET... | --copy-to DIR | --list", "history again, through handlers or into another log",
	 "Gives records of the log to reactions, processes and views again; TARGET is the name of one, or\n"
	 "domain:NAME.  Nothing is done to the world outside, and what they give is thrown away.  A session that\n"
	 "is cut off goes on.\n"
	 "  --reemit              keep what they give, under ids of this session\n"
	 "  --dry-run             keep nothing anywhere\n"
	 "  --copy-to DIR         append the records to the log in DIR instead, as they were, for tests\n"
	 "  --from N, --to N      only these sequences      --rule PATTERN   only records that match\n"
	 "  --rate N              at most N records a second\n"
	 "  skafu replay template-rendering --dry-run\n",
	 0, 99, do_replay, APP_ENGINE, 0},
	{"serve", "[--port N]", "the gateway, with a page that shows the flow",
	 "Listens on 127.0.0.1 (port 8750) until it is interrupted, and does all work that is due.\n"
	 "  GET  /               a page that shows the events as they happen\n"
	 "  POST /projects       {\"name\": ..., \"template\": ..., \"variables\": {...}}\n"
	 "  GET  /projects       all projects\n"
	 "  GET  /events         live, as server-sent events; Last-Event-ID or ?after=N goes on from there\n"
	 "  POST /webhook        deliveries of GitHub, signed with GITHUB_WEBHOOK_SECRET\n"
	 "  GET  /metrics        for Prometheus         GET /health   200 or 503\n"
	 "  --interval SECONDS   between collections of figures; default: 15\n",
	 0, 4, do_serve, APP_ENGINE, 0},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static int usage(FILE *to, int status)
{
	fprintf(to, "usage: skafu [--home DIR] [--json] COMMAND [ARGUMENTS]\n\n"
		    "Makes new services from templates.  To begin:\n"
		    "  skafu create orders --template c-service --into .\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %-38s %s\n", commands[i].name, commands[i].arguments, commands[i].purpose);
	fprintf(to,
		"\nskafu COMMAND --help tells more.  --json gives lines for scripts, --no-color no colours.\n"
		"Everything is kept in the home: --home, SKAFU_HOME, or ~/.local/share/skafu.\n"
		"Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 failed and undone, 5 not over in time,\n"
		"130 interrupted.\n");
	return status;
}

static int help(const struct cli_command *command)
{
	printf("usage: skafu %s %s\n\n%s", command->name, command->arguments, command->lesson);
	return CLI_FINE;
}

static const struct cli_command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char *home_of(struct cli *cli)
{
	static char home_of_user[900];
	const char *home = getenv("SKAFU_HOME");
	const char *data = getenv("XDG_DATA_HOME");

	cli_option(cli, "--home", &home);
	if (home != NULL && home[0] != '\0')
		return home;
	if (data != NULL && data[0] == '/')
		snprintf(home_of_user, sizeof home_of_user, "%s/skafu", data);
	else
		snprintf(home_of_user, sizeof home_of_user, "%s/.local/share/skafu",
			 getenv("HOME") != NULL ? getenv("HOME") : ".");
	return home_of_user;
}

static void alert(void *user, const char *sentence)
{
	const struct cli *cli = user;

	fprintf(stderr, "%sskafu: alert: %s%s\n", cli_colour(cli, "yellow"), sentence, cli_colour(cli, "off"));
}

static int run(const struct cli_command *command, struct cli *cli)
{
	int status;
	int written;

	if (app_open(&cli->app, cli->home, command->app_flags, cli->error) != SKAFU_OK)
		return cli_fail(cli, cli->home);
	cli->app.world.alert = alert;
	cli->app.world.alert_user = cli;
	cli_signals(&cli->app);
	status = command->run(cli);
	cli_signals(NULL);
	app_close(&cli->app);
	written = cli_written();
	return status == CLI_FINE ? written : status;
}

static int dispatch(struct cli *cli)
{
	const struct cli_command *command = find(cli->argv[0]);
	int status;

	if (command == NULL) {
		fprintf(stderr, "skafu: there is no command %s\n", cli->argv[0]);
		return usage(stderr, CLI_USAGE);
	}
	cli->argc--;
	cli->argv++;
	if (cli_option(cli, "--help", NULL) || cli_option(cli, "-h", NULL))
		return help(command);
	cli->home = home_of(cli);
	if (cli->argc < command->argc_min || cli->argc > command->argc_max)
		return cli_usage("usage: skafu %s %s", command->name, command->arguments);
	if (skafu_error_new(&cli->error) != SKAFU_OK)
		return CLI_FAILED;
	status = run(command, cli);
	skafu_error_free(cli->error);
	return status;
}

int main(int argc, char **argv)
{
	struct cli cli = {.argc = argc - 1, .argv = argv + 1, .begun_ns = skafu_time_now()};
	const struct cli_command *asked;
	const char *home = NULL;

	signal(SIGPIPE, SIG_IGN);
	if (cli.argc > 1 && cli_option(&cli, "--home", &home))
		setenv("SKAFU_HOME", home, 1);
	cli.json = cli_option(&cli, "--json", NULL);
	cli.colours = !cli.json && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	if (cli_option(&cli, "--no-color", NULL))
		cli.colours = 0;
	if (cli.argc > 1 && strcmp(cli.argv[0], "help") == 0 && (asked = find(cli.argv[1])) != NULL)
		return help(asked);
	if (cli.argc > 0 && (strcmp(cli.argv[0], "--help") == 0 || strcmp(cli.argv[0], "-h") == 0 ||
			     strcmp(cli.argv[0], "help") == 0))
		return usage(stdout, CLI_FINE);
	if (cli.argc > 0 && strcmp(cli.argv[0], "--version") == 0)
		return printf("skafu %s\n", skafu_version_text()) < 0;
	return cli.argc > 0 ? dispatch(&cli) : usage(stderr, CLI_USAGE);
}
