/*
 * do_tell.c: errors and metrics.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collect.h"
#include "json.h"

/* ---- errors ---- */

static const struct grouping {
	const char *name;
	uint32_t by;
} groupings[] = {{"code", SKAFU_ERRORS_BY_CODE},         {"source", SKAFU_ERRORS_BY_SOURCE},
		 {"severity", SKAFU_ERRORS_BY_SEVERITY}, {"correlation", SKAFU_ERRORS_BY_CORRELATION},
		 {"minute", SKAFU_ERRORS_BY_MINUTE},     {"command", SKAFU_ERRORS_BY_COMMAND}};

static void print_summary(const struct cli *cli, const skafu_error_summary *summary)
{
	char time[SKAFU_TIME_TEXT_BYTES];
	struct json line = {.rc = SKAFU_OK};

	skafu_time_format(summary->last_ns, time);
	if (!cli->json) {
		printf("%s%8" PRIu64 "%s %8" PRIu64 " %8" PRIu64 "  %-30s %s\n", cli_colour(cli, "red"),
		       summary->errors + summary->criticals, cli_colour(cli, "off"), summary->criticals,
		       summary->warnings, time, summary->value);
		return;
	}
	json_open(&line, NULL, '{');
	json_text(&line, "value", summary->value);
	json_number(&line, "warnings", (int64_t)summary->warnings);
	json_number(&line, "errors", (int64_t)summary->errors);
	json_number(&line, "criticals", (int64_t)summary->criticals);
	json_text(&line, "last", time);
	json_close(&line, '}');
	printf("%s\n", text_string(&line.text));
	json_free(&line);
}

static int summarise(struct cli *cli, uint32_t by)
{
	const skafu_error_summary *summary;
	skafu_error_summary_list *list = NULL;
	int32_t rc = skafu_error_summary_list_open(cli->app.model, by, 1000, APP_PATIENCE_NS, &list, cli->error);

	if (rc == SKAFU_OK && !cli->json)
		printf("%s%8s %8s %8s  %-30s %s%s\n", cli_colour(cli, "bold"), "errors", "critical", "warnings",
		       "last", "of", cli_colour(cli, "off"));
	while (rc >= 0 && (rc = skafu_error_summary_list_next(list, &summary, cli->error)) == 1)
		print_summary(cli, summary);
	skafu_error_summary_list_free(list);
	return rc < 0 ? cli_fail(cli, "reading the errors") : CLI_FINE;
}

/* The last errors themselves, the newest first. */
static int list_errors(struct cli *cli, uint64_t limit)
{
	skafu_read_opts opts = {.size = sizeof opts, .flags = SKAFU_READ_BACKWARD, .kinds = SKAFU_KINDS_ERRORS};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int32_t rc = skafu_read(cli->app.store, NULL, limit, &opts, &cursor, cli->error);

	while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, cli->error)) == 1)
		cli_record(cli, record);
	skafu_cursor_free(cursor);
	return rc < 0 ? cli_fail(cli, "reading the errors") : CLI_FINE;
}

int do_errors(struct cli *cli)
{
	const char *by = "code";
	uint64_t limit = 20;
	int is_list = cli_option(cli, "--list", NULL);
	int status = cli_number(cli, "--limit", &limit);

	cli_option(cli, "--by", &by);
	if (status != CLI_FINE || cli->argc > 0)
		return cli_usage("usage: skafu errors [--by WHAT | --list [--limit N]]");
	if (is_list)
		return list_errors(cli, limit);
	for (size_t i = 0; i < sizeof groupings / sizeof *groupings; i++)
		if (strcmp(groupings[i].name, by) == 0)
			return summarise(cli, groupings[i].by);
	return cli_usage("--by wants code, source, severity, correlation, minute or command");
}

/* ---- metrics ---- */

static int32_t print_rows(struct cli *cli, skafu_view *view, const char *table, const char *title)
{
	const skafu_row *row;
	skafu_rows *rows = NULL;
	int32_t rc = skafu_view_rows(view, table, NULL, SKAFU_NO_LIMIT, &rows, cli->error);

	if (rc == SKAFU_OK && !cli->json)
		printf("%s%s%s\n", cli_colour(cli, "bold"), title, cli_colour(cli, "off"));
	while (rc >= 0 && (rc = skafu_rows_next(rows, &row, cli->error)) == 1) {
		int64_t count = 0;

		printf(cli->json ? "{\"%s\":\"%.*s\",\"value\":" : "  %.0s%-26.*s ", table, (int)row->key_length,
		       (const char *)row->key);
		if (row->value_length == 8 &&
		    skafu_count_value(row->value, row->value_length, &count, NULL) == SKAFU_OK)
			printf("%" PRId64, count);
		else
			printf("%.*s", (int)row->value_length, (const char *)row->value);
		printf(cli->json ? "}\n" : "\n");
	}
	skafu_rows_free(rows);
	return rc;
}

static int print_prometheus(struct cli *cli)
{
	char *text = NULL;
	size_t length;

	if (skafu_metrics_prometheus(cli->app.watch, &text, &length, cli->error) != SKAFU_OK)
		return cli_fail(cli, "reading the metrics");
	fwrite(text, 1, length, stdout);
	skafu_text_free(text);
	return CLI_FINE;
}

int do_metrics(struct cli *cli)
{
	skafu_view *view = NULL;
	int is_prometheus = cli_option(cli, "--prometheus", NULL);
	int32_t rc = SKAFU_OK;

	if (cli_option(cli, "--collect", NULL)) {
		rc = collect(&cli->app, cli->error);
		if (rc == SKAFU_OK)
			rc = app_settle(&cli->app, APP_PATIENCE_NS, cli->error);
	}
	if (rc == SKAFU_OK && is_prometheus)
		return print_prometheus(cli);
	if (rc == SKAFU_OK)
		rc = cli_view(cli, "dashboard", 0, &view);
	if (rc == SKAFU_OK)
		rc = print_rows(cli, view, "domains", "events of each domain");
	if (rc == SKAFU_OK)
		rc = print_rows(cli, view, "types", "events of each type");
	if (rc == SKAFU_OK)
		rc = print_rows(cli, view, "metrics", "the last figures");
	if (rc == SKAFU_OK)
		rc = print_rows(cli, view, "alerts", "open alerts");
	if (rc == SKAFU_OK)
		rc = print_rows(cli, view, "health", "health");
	skafu_view_close(view);
	return rc < 0 ? cli_fail(cli, "reading the metrics") : CLI_FINE;
}
