/*
 * cli.c: options, lines, colours, signals.
 */
#include "cli.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "describe.h"

/* ---- the command line ---- */

static void take_out(struct cli *cli, int at, int count)
{
	cli->argc -= count;
	memmove(&cli->argv[at], &cli->argv[at + count], (size_t)(cli->argc - at + 1) * sizeof *cli->argv);
}

int cli_option(struct cli *cli, const char *name, const char **out_value)
{
	size_t length = strlen(name);

	for (int i = 0; i < cli->argc && strcmp(cli->argv[i], "--") != 0; i++) {
		const char *argument = cli->argv[i];

		if (strncmp(argument, name, length) != 0)
			continue;
		if (argument[length] == '=' && out_value != NULL) {
			*out_value = argument + length + 1;
			take_out(cli, i, 1);
			return 1;
		}
		if (argument[length] != '\0' || (out_value != NULL && i + 1 >= cli->argc))
			continue;
		if (out_value != NULL)
			*out_value = cli->argv[i + 1];
		take_out(cli, i, out_value != NULL ? 2 : 1);
		return 1;
	}
	return 0;
}

int cli_number(struct cli *cli, const char *name, uint64_t *out)
{
	const char *text = NULL;
	char *end;

	if (!cli_option(cli, name, &text))
		return CLI_FINE;
	if (text[0] < '0' || text[0] > '9')
		return cli_usage("%s wants a number, not \"%s\"", name, text);
	*out = strtoull(text, &end, 10);
	return *end == '\0' ? CLI_FINE : cli_usage("%s wants a number, not \"%s\"", name, text);
}

int cli_usage(const char *format, ...)
{
	va_list args;

	fputs("skafu: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CLI_USAGE;
}

/* ---- output ---- */

int cli_fail(const struct cli *cli, const char *what)
{
	fflush(stdout);
	fprintf(stderr, "skafu: %s: %s\n", what, skafu_error_message(cli->error));
	return cli_stopped() ? CLI_STOPPED : CLI_FAILED;
}

int cli_written(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_FINE;
	perror("skafu: standard output cannot be written");
	return CLI_FAILED;
}

const char *cli_colour(const struct cli *cli, const char *name)
{
	static const char *const colours[][2] = {{"dim", "\033[2m"},     {"bold", "\033[1m"},    {"red", "\033[31m"},
						 {"green", "\033[32m"},  {"yellow", "\033[33m"}, {"blue", "\033[34m"},
						 {"purple", "\033[35m"}, {"cyan", "\033[36m"},   {"off", "\033[0m"}};

	for (size_t i = 0; cli->colours && i < sizeof colours / sizeof *colours; i++)
		if (strcmp(colours[i][0], name) == 0)
			return colours[i][1];
	return "";
}

const char *cli_domain_colour(const struct cli *cli, const char *domain)
{
	static const char *const colours[][2] = {{"project-management", "bold"},
						 {"template-management", "cyan"},
						 {"ai-integration", "purple"},
						 {"github-integration", "blue"},
						 {"observability", "dim"}};

	for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
		if (strcmp(colours[i][0], domain) == 0)
			return cli_colour(cli, colours[i][1]);
	return "";
}

static void print_exported(const skafu_record *record)
{
	char *text = NULL;
	size_t length;

	if (skafu_record_to_json(record, &text, &length, NULL) == SKAFU_OK)
		printf("%s\n", text);
	skafu_text_free(text);
}

void cli_record(const struct cli *cli, const skafu_record *record)
{
	char sentence[400];
	const char *colour =
		record->kind == SKAFU_KIND_ERROR ? cli_colour(cli, "red") : cli_domain_colour(cli, record->source);

	if (cli->json) {
		print_exported(record);
		fflush(stdout);
		return;
	}
	describe(record, sentence, sizeof sentence);
	if (cli->colours)
		fputs("\r\033[K", stdout);
	printf("  %6.3f s  %s%-19s  %-23s%s  %s\n", (double)(record->recorded_ns - cli->begun_ns) / 1e9, colour,
	       record->source, record->type, cli_colour(cli, "off"), sentence);
	fflush(stdout);
}

void cli_doing(const struct cli *cli, const char *what)
{
	if (cli->colours && isatty(STDOUT_FILENO)) {
		printf("\r\033[K%s%s ...%s", cli_colour(cli, "dim"), what, cli_colour(cli, "off"));
		fflush(stdout);
	}
}

/* ---- signals ---- */

static struct app *volatile signal_app;
static volatile sig_atomic_t was_stopped;

static void stop(int number)
{
	(void)number;
	was_stopped = 1;
	if (signal_app == NULL)
		return;
	skafu_store_interrupt(signal_app->store);
	if (signal_app->engine != NULL)
		skafu_engine_stop(signal_app->engine);
}

void cli_signals(struct app *app)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = app != NULL ? stop : SIG_DFL;
	signal_app = app;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int cli_stopped(void)
{
	return was_stopped;
}

/* ---- following ---- */

struct following {
	const struct cli *cli;
	char correlation[160];
	const char *die_after;
};

/* For tests and the demonstration: SKAFU_DIE_AFTER names a type of event, with which this process ends at once, as if
 * the power had failed. */
static int32_t print_followed(void *user, const skafu_record *record, skafu_turn *turn, skafu_error *error)
{
	struct following *following = user;

	(void)turn;
	(void)error;
	if (following->correlation[0] != '\0' && strcmp(record->correlation, following->correlation) != 0)
		return SKAFU_OK;
	cli_record(following->cli, record);
	if (following->die_after != NULL && strcmp(following->die_after, record->type) == 0)
		raise(SIGKILL);
	return SKAFU_OK;
}

int32_t cli_follow(struct cli *cli, const char *correlation, skafu_error *error)
{
	skafu_source source = {.size = sizeof source, .start = SKAFU_START_NOW, .partitions = 1};
	skafu_subscription_opts opts = {.size = sizeof opts, .flags = SKAFU_SUBSCRIPTION_VOLATILE, .source = &source};
	struct following *following = calloc(1, sizeof *following);

	if (following == NULL)
		return failed(error, SKAFU_ENOMEM, "There is no memory.");
	source.kinds = SKAFU_KINDS_EVENTS | SKAFU_KINDS_ERRORS;
	following->cli = cli;
	following->die_after = getenv("SKAFU_DIE_AFTER");
	snprintf(following->correlation, sizeof following->correlation, "%s", correlation != NULL ? correlation : "");
	return skafu_engine_subscribe(cli->app.engine, NULL, &opts, print_followed, following, free, error);
}

int cli_refused(const struct cli *cli, const skafu_outcome *outcome)
{
	fflush(stdout);
	fprintf(stderr, "%sskafu: refused: %s (%s, correlation %s)%s\n", cli_colour(cli, "red"), outcome->message,
		outcome->code, outcome->correlation, cli_colour(cli, "off"));
	return CLI_REFUSED;
}

int32_t cli_view(struct cli *cli, const char *name, uint64_t at_sequence, skafu_view **out_view)
{
	skafu_view *view = NULL;
	int32_t rc = skafu_view_open(cli->app.model, name, at_sequence, APP_PATIENCE_NS, &view, cli->error);

	if (rc == SKAFU_OK && at_sequence == 0)
		rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, APP_PATIENCE_NS, NULL, cli->error);
	if (rc == SKAFU_OK)
		*out_view = view;
	else
		skafu_view_close(view);
	return rc;
}
