/*
 * do_templates.c: add, validate, list and delete templates.
 */
#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domains.h"
#include "render.h"

/* ---- those that came with the program ---- */

static int has_manifest(const char *folder)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%.4000s/template.json", folder);
	return access(path, R_OK) == 0;
}

/* In SKAFU_TEMPLATES, in the source tree of a program that was built there, or in the share folder beside it. */
int templates_find(const char *name, char *out, size_t size)
{
	static const char *const places[] = {"../../examples/skafu/templates", "../share/skafu/templates"};
	const char *given = getenv("SKAFU_TEMPLATES");
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

	if (given != NULL) {
		snprintf(out, size, "%s/%s", given, name);
		return has_manifest(out);
	}
	program[length > 0 ? length : 0] = '\0';
	if (strrchr(program, '/') != NULL)
		*strrchr(program, '/') = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(out, size, "%.2000s/%s/%s", program, places[i], name);
		if (has_manifest(out))
			return 1;
	}
	return 0;
}

/* ---- faults ---- */

static void print_faults(const struct cli *cli, const char *folder, const struct faults *faults)
{
	for (size_t i = 0; i < faults->kept; i++)
		printf("%s%s/%s:%zu:%s %s\n", cli_colour(cli, "red"), folder, faults->items[i].where,
		       faults->items[i].line, cli_colour(cli, "off"), faults->items[i].text);
	if (faults->count > faults->kept)
		printf("... and %zu more\n", faults->count - faults->kept);
}

static int validate(struct cli *cli, const char *folder)
{
	struct faults faults = {0};
	int status = CLI_FINE;

	if (render_validate(folder, &faults, cli->error) != SKAFU_OK)
		status = cli_fail(cli, folder);
	else if (faults.count > 0)
		status = CLI_REFUSED;
	print_faults(cli, folder, &faults);
	if (status == CLI_FINE && !cli->json)
		printf("%s is a valid template.\n", folder);
	faults_free(&faults);
	return status;
}

/* ---- adding ---- */

/* Name and version come from the manifest.  Without a good one, the folder's name: that is validated and fails. */
static void name_of(const char *folder, struct json *data, char name[128])
{
	struct manifest *manifest = NULL;
	struct faults faults = {0};
	const char *slash = strrchr(folder, '/');
	const char *version = "";
	const char *description = "";

	snprintf(name, 128, "%s", slash != NULL ? slash + 1 : folder);
	if (manifest_read(folder, &manifest, &faults, NULL) == SKAFU_OK && manifest != NULL) {
		snprintf(name, 128, "%s", manifest_name(manifest));
		version = manifest_version(manifest);
		description = manifest_description(manifest);
	}
	json_text(data, "template", name);
	json_text(data, "version", version);
	json_text(data, "description", description);
	manifest_free(manifest);
	faults_free(&faults);
}

static int32_t upload(struct cli *cli, const char *folder, const char *correlation, skafu_outcome **out_outcome)
{
	struct app_request request = {"upload-template", getenv("USER"), correlation};
	struct json data = {.rc = SKAFU_OK};
	char blob[BLOB_NAME_BYTES];
	char name[128];
	char stream[320];
	skafu_command command;
	int32_t rc = blob_put_folder(cli->app.world.blobs, folder, blob, cli->error);

	json_open(&data, NULL, '{');
	name_of(folder, &data, name);
	json_text(&data, "blob", blob);
	json_close(&data, '}');
	command = domain_command("UploadTemplate", domain_stream(stream, "template", name), &data);
	if (rc == SKAFU_OK)
		rc = failed_text(cli->error, data.rc, "the template");
	if (rc == SKAFU_OK)
		rc = app_execute(&cli->app, &request, TEMPLATE_DOMAIN, &command, out_outcome, cli->error);
	json_free(&data);
	return rc;
}

int templates_add(struct cli *cli, const char *folder, int is_quiet)
{
	static const char pattern[] = "{\"eventType\":[\"TemplateValidated\",\"TemplateInvalidated\"]}";
	skafu_outcome *outcome = NULL;
	skafu_record *end = NULL;
	char correlation[32];
	int status = CLI_FINE;
	int32_t rc;

	app_correlation(correlation);
	rc = upload(cli, folder, correlation, &outcome);
	if (rc == SKAFU_OK && outcome->decision == SKAFU_DECISION_ACCEPTED)
		rc = skafu_engine_await(cli->app.engine, correlation, pattern, APP_PATIENCE_NS, &end, cli->error);
	if (rc != SKAFU_OK)
		status = cli_fail(cli, folder);
	else if (end != NULL && (!is_quiet || strcmp(end->type, "TemplateInvalidated") == 0))
		cli_record(cli, end);
	else if (end == NULL && !is_quiet && !cli->json)
		printf("%s: %s.\n", folder, outcome->message);
	if (end != NULL && strcmp(end->type, "TemplateInvalidated") == 0)
		status = CLI_REFUSED;
	skafu_outcome_free(outcome);
	skafu_record_free(end);
	return status;
}

static int add(struct cli *cli)
{
	int status = CLI_FINE;

	for (int i = 1; i < cli->argc && !cli_stopped(); i++) {
		char folder[PATH_MAX];
		int one;

		if (realpath(cli->argv[i], folder) == NULL)
			return cli_usage("there is no folder %s", cli->argv[i]);
		one = templates_add(cli, folder, 0);
		status = one != CLI_FINE ? one : status;
	}
	return app_settle(&cli->app, APP_PATIENCE_NS, cli->error) == SKAFU_OK ? status
									      : cli_fail(cli, "adding templates");
}

/* ---- deleting, listing ---- */

static int delete (struct cli *cli, const char *name)
{
	char correlation[32];
	struct app_request request = {"delete-template", getenv("USER"), correlation};
	struct json data = {.rc = SKAFU_OK};
	skafu_outcome *outcome = NULL;
	skafu_command command;
	char stream[320];
	int status = CLI_FINE;
	int32_t rc;

	app_correlation(correlation);
	json_open(&data, NULL, '{');
	json_text(&data, "template", name);
	json_close(&data, '}');
	command = domain_command("DeleteTemplate", domain_stream(stream, "template", name), &data);
	rc = data.rc != SKAFU_OK ? failed_text(cli->error, data.rc, "the name")
				 : app_execute(&cli->app, &request, TEMPLATE_DOMAIN, &command, &outcome, cli->error);
	if (rc != SKAFU_OK || outcome == NULL)
		status = cli_fail(cli, "deleting the template");
	else if (outcome->decision == SKAFU_DECISION_REFUSED)
		status = cli_refused(cli, outcome);
	else if (!cli->json)
		printf("%s is deleted; projects made from it stay as they are.\n", name);
	skafu_outcome_free(outcome);
	json_free(&data);
	return status;
}

static void print_template(const struct cli *cli, const skafu_row *row)
{
	char version[64];
	char state[32];
	char description[300];

	if (cli->json) {
		printf("%.*s\n", (int)row->value_length, (const char *)row->value);
		return;
	}
	json_get(row->value, row->value_length, "/template/version", version, sizeof version);
	json_get(row->value, row->value_length, "/template/description", description, sizeof description);
	json_get(row->value, row->value_length, "/state", state, sizeof state);
	printf("%s%-16.*s%s %-8s %-8s %s\n", cli_colour(cli, "bold"), (int)row->key_length, (const char *)row->key,
	       cli_colour(cli, "off"), version, state, description);
}

static int list(struct cli *cli)
{
	const skafu_row *row;
	skafu_view *view = NULL;
	skafu_rows *rows = NULL;
	uint64_t count = 0;
	int32_t rc = cli_view(cli, "templates", 0, &view);

	if (rc == SKAFU_OK)
		rc = skafu_view_rows(view, NULL, NULL, SKAFU_NO_LIMIT, &rows, cli->error);
	while (rc >= 0 && (rc = skafu_rows_next(rows, &row, cli->error)) == 1) {
		print_template(cli, row);
		count++;
	}
	skafu_rows_free(rows);
	skafu_view_close(view);
	if (rc < 0)
		return cli_fail(cli, "listing templates");
	if (count == 0 && !cli->json)
		printf("There are no templates yet: skafu templates add FOLDER\n");
	return CLI_FINE;
}

int do_templates(struct cli *cli)
{
	const char *what = cli->argc > 0 ? cli->argv[0] : "list";

	if (strcmp(what, "list") == 0)
		return list(cli);
	if (strcmp(what, "add") == 0 && cli->argc > 1)
		return add(cli);
	if (strcmp(what, "validate") == 0 && cli->argc == 2)
		return validate(cli, cli->argv[1]);
	if (strcmp(what, "delete") == 0 && cli->argc == 2)
		return delete (cli, cli->argv[1]);
	return cli_usage("usage: skafu templates [list | add FOLDER... | validate FOLDER | delete NAME]");
}
