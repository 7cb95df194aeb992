/*
 * do_outside.c: analyse and webhook: what comes from outside of any project.
 */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyser.h"
#include "deliver.h"
#include "domains.h"
#include "webhook.h"

/* ---- analyse ---- */

static int32_t ask(struct cli *cli, const char *folder, const char *correlation, skafu_outcome **out_outcome)
{
	struct app_request request = {"analyse-folder", getenv("USER"), correlation};
	struct json data = {.rc = SKAFU_OK};
	skafu_command command;
	char stream[320];
	int32_t rc;

	json_open(&data, NULL, '{');
	json_text(&data, "folder", folder);
	json_text(&data, "analyser", cli->app.world.has_anthropic ? "anthropic" : ANALYSER_NAME);
	json_close(&data, '}');
	command = domain_command("AnalyseFolder", domain_stream(stream, "analysis", correlation), &data);
	rc = failed_text(cli->error, data.rc, "the request");
	if (rc == SKAFU_OK)
		rc = app_execute(&cli->app, &request, AI_DOMAIN, &command, out_outcome, cli->error);
	json_free(&data);
	return rc;
}

int do_analyse(struct cli *cli)
{
	static const char pattern[] = "{\"eventType\":[\"AIAnalysisCompleted\"]}";
	skafu_outcome *outcome = NULL;
	skafu_record *end = NULL;
	struct stat stat_of;
	char folder[PATH_MAX];
	char correlation[32];
	int32_t rc;

	if (realpath(cli->argv[0], folder) == NULL || stat(folder, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode))
		return cli_usage("there is no folder %s", cli->argv[0]);
	app_correlation(correlation);
	rc = cli_follow(cli, correlation, cli->error);
	if (rc == SKAFU_OK)
		rc = ask(cli, folder, correlation, &outcome);
	cli_doing(cli, "reading");
	if (rc == SKAFU_OK)
		rc = skafu_engine_await(cli->app.engine, correlation, pattern, APP_PATIENCE_NS * 10, &end,
					cli->error);
	if (rc == SKAFU_OK)
		rc = app_settle(&cli->app, APP_PATIENCE_NS, cli->error);
	skafu_outcome_free(outcome);
	skafu_record_free(end);
	return rc == SKAFU_OK ? CLI_FINE : cli_fail(cli, cli->argv[0]);
}

/* ---- webhook ---- */

struct tally {
	uint64_t recorded;
	uint64_t known;
	uint64_t ignored;
};

static int take(struct cli *cli, const struct delivery *delivery, struct tally *tally)
{
	struct delivered delivered;

	if (deliver(&cli->app, delivery, &delivered, cli->error) != SKAFU_OK)
		return cli_fail(cli, delivery->event);
	tally->ignored += delivered.type == NULL;
	tally->known += delivered.type != NULL && delivered.was_there;
	tally->recorded += delivered.type != NULL && !delivered.was_there;
	if (!cli->json && delivered.type != NULL)
		printf("  %-20s %s%s\n", delivery->event, delivered.type,
		       delivered.was_there ? ", known already" : "");
	return CLI_FINE;
}

/* A line {"event": ..., "delivery": ..., "payload": {...}}. */
static int take_line(struct cli *cli, const char *line, size_t length, struct tally *tally)
{
	char event[64];
	char id[128];
	struct delivery delivery = {.event = event, .id = id};

	json_get(line, length, "/event", event, sizeof event);
	json_get(line, length, "/delivery", id, sizeof id);
	if (skafu_json_find(line, length, "/payload", &delivery.body, &delivery.length, cli->error) != SKAFU_OK)
		return cli_fail(cli, "a line of deliveries");
	if (id[0] == '\0')
		delivery.id = NULL;
	return take(cli, &delivery, tally);
}

static int take_lines(struct cli *cli, const struct text *content, struct tally *tally)
{
	int status = CLI_FINE;

	for (const char *line = content->bytes, *end = line + content->length; status == CLI_FINE && line < end;) {
		size_t length = strcspn(line, "\n");

		if (length > 0)
			status = take_line(cli, line, length, tally);
		line += length + 1;
	}
	return status;
}

static int read_all(FILE *from, struct text *out)
{
	char buffer[65536];
	size_t length;

	while ((length = fread(buffer, 1, sizeof buffer, from)) > 0)
		if (text_add(out, buffer, length) != SKAFU_OK)
			return -1;
	return ferror(from) ? -1 : 0;
}

/* With --event the file is the body of one delivery, checked when there is a secret; else it has one a line. */
static int take_file(struct cli *cli, const char *path, const struct delivery *given, const char *signature,
		     struct tally *tally)
{
	const char *secret = getenv("GITHUB_WEBHOOK_SECRET");
	struct delivery delivery = *given;
	struct text content = {.limit = (size_t)256 << 20};
	FILE *opened = strcmp(path, "-") == 0 ? NULL : fopen(path, "rb");
	FILE *from = strcmp(path, "-") == 0 ? stdin : opened;
	int status = CLI_FINE;

	if (from == NULL || read_all(from, &content) != 0) {
		fprintf(stderr, "skafu: %s: %s\n", path, strerror(errno));
		status = CLI_FAILED;
	} else if (given->event == NULL) {
		status = take_lines(cli, &content, tally);
	} else if (secret != NULL &&
		   webhook_check(secret, text_string(&content), content.length, signature, cli->error) != SKAFU_OK) {
		status = cli_fail(cli, path);
	} else {
		delivery.body = text_string(&content);
		delivery.length = content.length;
		status = take(cli, &delivery, tally);
	}
	if (opened != NULL)
		fclose(opened);
	text_free(&content);
	return status;
}

int do_webhook(struct cli *cli)
{
	struct delivery given = {.event = NULL};
	const char *signature = NULL;
	struct tally tally = {0};
	int status = CLI_FINE;

	cli_option(cli, "--event", &given.event);
	cli_option(cli, "--delivery", &given.id);
	cli_option(cli, "--signature", &signature);
	if (cli->argc < 1)
		return cli_usage("usage: skafu webhook FILE... [--event TYPE [--delivery ID] [--signature S]]");
	for (int i = 0; i < cli->argc && status == CLI_FINE; i++)
		status = take_file(cli, cli->argv[i], &given, signature, &tally);
	if (status == CLI_FINE && app_settle(&cli->app, APP_PATIENCE_NS, cli->error) != SKAFU_OK)
		status = cli_fail(cli, "handling the deliveries");
	printf(cli->json ? "{\"recorded\":%llu,\"known\":%llu,\"ignored\":%llu}\n"
			 : "%llu recorded, %llu known already, %llu of kinds that nothing comes of\n",
	       (unsigned long long)tally.recorded, (unsigned long long)tally.known,
	       (unsigned long long)tally.ignored);
	return status;
}
