/*
 * do_look.c: projects, show, trace.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "domains.h"

/* ---- projects ---- */

static int has(const void *row, size_t length, const char *pointer)
{
	const char *member;
	size_t member_length;

	return skafu_json_find(row, length, pointer, &member, &member_length, NULL) == SKAFU_OK;
}

static const char *state_of(const void *row, size_t length)
{
	if (has(row, length, "/ProjectConfigured"))
		return "configured";
	return has(row, length, "/ProjectFailed") ? "failed" : "creating";
}

static void print_project(const struct cli *cli, const skafu_row *row)
{
	const char *state = state_of(row->value, row->value_length);
	char template[128];
	char into[1024];
	char correlation[160];

	if (cli->json) {
		printf("{\"project\":\"%.*s\",\"state\":\"%s\",\"history\":%.*s}\n", (int)row->key_length,
		       (const char *)row->key, state, (int)row->value_length, (const char *)row->value);
		return;
	}
	json_get(row->value, row->value_length, "/ProjectCreated/template", template, sizeof template);
	json_get(row->value, row->value_length, "/ProjectCreated/into", into, sizeof into);
	json_get(row->value, row->value_length, "/correlation", correlation, sizeof correlation);
	printf("%s%-16.*s%s %s%-10s%s  %-16s %s  %s\n", cli_colour(cli, "bold"), (int)row->key_length,
	       (const char *)row->key, cli_colour(cli, "off"), cli_colour(cli, state[0] == 'f' ? "red" : "green"),
	       state, cli_colour(cli, "off"), template, correlation, into);
}

int do_projects(struct cli *cli)
{
	const skafu_row *row;
	skafu_view *view = NULL;
	skafu_rows *rows = NULL;
	uint64_t count = 0;
	uint64_t at = 0;
	int status = cli_number(cli, "--at", &at);
	int32_t rc;

	if (status != CLI_FINE || cli->argc > 0)
		return cli_usage("usage: skafu projects [--at SEQUENCE]");
	rc = cli_view(cli, "projects", at, &view);
	if (rc == SKAFU_OK)
		rc = skafu_view_rows(view, NULL, NULL, SKAFU_NO_LIMIT, &rows, cli->error);
	while (rc >= 0 && (rc = skafu_rows_next(rows, &row, cli->error)) == 1) {
		print_project(cli, row);
		count++;
	}
	skafu_rows_free(rows);
	skafu_view_close(view);
	if (rc < 0)
		return cli_fail(cli, "listing projects");
	if (count == 0 && !cli->json)
		printf("There are no projects yet: skafu create NAME --template TEMPLATE --into DIR\n");
	return CLI_FINE;
}

/* ---- show ---- */

static void print_code(struct cli *cli, const skafu_record *record)
{
	struct text code = {.bytes = NULL};
	char blob[BLOB_NAME_BYTES];
	char path[256];

	record_get(record, "/blob", blob, sizeof blob);
	if (blob_get(cli->app.world.blobs, blob, &code, NULL) == SKAFU_OK)
		printf("--- %s\n%s", record_get(record, "/path", path, sizeof path), text_string(&code));
	text_free(&code);
}

/* All events about a project, in their order, whichever attempt they belong to. */
static int32_t print_history(struct cli *cli, const char *name, int with_code)
{
	char tag[300];
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	skafu_query *query = NULL;
	int32_t rc = skafu_query_new(&query, cli->error);

	snprintf(tag, sizeof tag, "project:%.250s", name);
	if (rc == SKAFU_OK)
		rc = skafu_query_add_item(query, cli->error);
	if (rc == SKAFU_OK)
		rc = skafu_query_add_tag(query, tag, cli->error);
	if (rc == SKAFU_OK)
		rc = skafu_read(cli->app.store, query, SKAFU_NO_LIMIT, NULL, &cursor, cli->error);
	while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, cli->error)) == 1) {
		if (cli->begun_ns == 0)
			cli->begun_ns = record->recorded_ns;
		if (!with_code)
			cli_record(cli, record);
		else if (strcmp(record->type, "CodeGenerated") == 0)
			print_code(cli, record);
	}
	skafu_cursor_free(cursor);
	skafu_query_free(query);
	return rc;
}

int do_show(struct cli *cli)
{
	int with_code = cli_option(cli, "--code", NULL);

	if (cli->argc != 1)
		return cli_usage("usage: skafu show NAME [--code]");
	cli->begun_ns = 0;
	if (print_history(cli, cli->argv[0], with_code) < 0)
		return cli_fail(cli, "reading the project");
	if (cli->begun_ns != 0)
		return CLI_FINE;
	fprintf(stderr, "skafu: there is no project %s\n", cli->argv[0]);
	return CLI_FAILED;
}

/* ---- trace ---- */

struct tree {
	skafu_record **records;
	size_t *causes; /* place of the record that caused each, or its own when none of the tree did */
	size_t count;
	size_t capacity;
};

static int32_t keep(struct tree *tree, const skafu_record *record, skafu_error *error)
{
	if (tree->count == tree->capacity) {
		size_t capacity = tree->capacity > 0 ? 2 * tree->capacity : 64;
		skafu_record **grown = realloc(tree->records, capacity * sizeof *grown);

		if (grown == NULL)
			return failed(error, SKAFU_ENOMEM, "There is no memory for the trace.");
		tree->records = grown;
		tree->capacity = capacity;
	}
	return skafu_record_copy(record, &tree->records[tree->count++], error);
}

static int32_t read_tree(struct cli *cli, const char *correlation, struct tree *tree)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int32_t rc = skafu_read_correlation(cli->app.store, correlation, SKAFU_NO_LIMIT, &opts, &cursor, cli->error);

	while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, cli->error)) == 1) {
		size_t before = tree->count;

		rc = keep(tree, record, cli->error);
		if (rc != SKAFU_OK)
			tree->count = before;
	}
	skafu_cursor_free(cursor);
	return rc;
}

static int32_t find_causes(struct tree *tree, skafu_error *error)
{
	tree->causes = calloc(tree->count + 1, sizeof *tree->causes);
	if (tree->causes == NULL)
		return failed(error, SKAFU_ENOMEM, "There is no memory for the trace.");
	for (size_t i = 0; i < tree->count; i++) {
		size_t cause = 0;

		while (cause < i && memcmp(tree->records[cause]->id, tree->records[i]->causation, 16) != 0)
			cause++;
		tree->causes[i] = cause;
	}
	return SKAFU_OK;
}

static size_t next_child(const struct tree *tree, size_t parent, size_t from)
{
	while (from < tree->count && (from == parent || tree->causes[from] != parent))
		from++;
	return from;
}

static void print_node(const struct cli *cli, const skafu_record *record, const char *stem, const char *twig)
{
	char sentence[300];
	const char *kind = record->kind == SKAFU_KIND_EVENT ? "" : describe_kind(record);
	const char *colour =
		record->kind == SKAFU_KIND_ERROR ? cli_colour(cli, "red") : cli_domain_colour(cli, record->source);

	describe(record, sentence, sizeof sentence);
	printf("%6" PRIu64 " %7.3f s  %s%s%s%s%s%s%s  %s%s%s\n", record->sequence,
	       (double)(record->recorded_ns - cli->begun_ns) / 1e9, stem, twig, colour, record->type,
	       cli_colour(cli, "off"), kind[0] != '\0' ? " " : "", kind, cli_colour(cli, "dim"), sentence,
	       cli_colour(cli, "off"));
}

static void print_branch(const struct cli *cli, const struct tree *tree, size_t parent, const char *stem)
{
	size_t child = next_child(tree, parent, 0);

	while (child < tree->count) {
		size_t following = next_child(tree, parent, child + 1);
		int is_last = following >= tree->count;
		char deeper[200];

		print_node(cli, tree->records[child], stem, is_last ? "└─ " : "├─ ");
		snprintf(deeper, sizeof deeper, "%.150s%s", stem, is_last ? "   " : "│  ");
		print_branch(cli, tree, child, deeper);
		child = following;
	}
}

static void print_tree(struct cli *cli, const struct tree *tree)
{
	cli->begun_ns = tree->records[0]->recorded_ns;
	for (size_t i = 0; i < tree->count; i++) {
		if (cli->json)
			cli_record(cli, tree->records[i]);
		if (cli->json || tree->causes[i] != i)
			continue;
		print_node(cli, tree->records[i], "", "");
		print_branch(cli, tree, i, "");
	}
}

int do_trace(struct cli *cli)
{
	struct tree tree = {.records = NULL};
	int32_t rc = read_tree(cli, cli->argv[0], &tree);
	int status = CLI_FINE;

	if (rc >= 0)
		rc = find_causes(&tree, cli->error);
	if (rc < 0) {
		status = cli_fail(cli, "reading the trace");
	} else if (tree.count == 0) {
		fprintf(stderr, "skafu: there is no correlation %s\n", cli->argv[0]);
		status = CLI_FAILED;
	} else {
		print_tree(cli, &tree);
	}
	for (size_t i = 0; i < tree.count; i++)
		skafu_record_free(tree.records[i]);
	free(tree.records);
	free(tree.causes);
	return status;
}
