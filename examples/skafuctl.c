/*
 * skafuctl: the operator's tool for any libskafu store, also while its owner is running.
 *
 * Everything it does goes through the public API, so it is also an example of how to read, follow, check and copy a
 * store.  Records are printed in the exported form, one JSON object a line; tables are for people.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skafu_store.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_FAULTS = 3 };

struct context {
	skafu_store *store;
	skafu_error *error;
	int argc;
	char **argv; /* after the path */
	int json;
};

static volatile sig_atomic_t stop_asked;
static skafu_store *stop_store;

static void on_stop(int number)
{
	(void)number;
	stop_asked = 1;
	skafu_store_interrupt(stop_store);
}

static int fail(const struct context *context, const char *what)
{
	fprintf(stderr, "skafuctl: %s: %s (%s)\n", what, skafu_error_message(context->error),
		skafu_result_name(skafu_error_code(context->error)));
	return EXIT_FAILED;
}

/* ---- records ------------------------------------------------------------------------------------------------- */

static int print_record(const struct context *context, const skafu_record *record)
{
	char *text;
	size_t length;
	if (skafu_record_to_json(record, &text, &length, context->error) != 0)
		return fail(context, "printing a record");
	int failed = fwrite(text, 1, length, stdout) != length || putchar('\n') == EOF;
	skafu_text_free(text);
	if (!failed)
		return EXIT_FINE;
	fprintf(stderr, "skafuctl: writing: %s\n", strerror(errno));
	return EXIT_FAILED;
}

/* Print what a cursor gives and free it; *last is the last sequence that was seen. */
static int print_all(const struct context *context, skafu_cursor *cursor, uint64_t *last)
{
	const skafu_record *record;
	int status = EXIT_FINE;
	int32_t rc;
	while (status == EXIT_FINE && (rc = skafu_cursor_next(cursor, &record, context->error)) != 0) {
		if (rc < 0)
			status = fail(context, "reading");
		else
			status = print_record(context, record);
		if (rc > 0)
			*last = record->sequence;
	}
	skafu_cursor_free(cursor);
	return status;
}

/* A number of the command line; `otherwise` when it is not there. */
static int read_number(const struct context *context, int index, uint64_t otherwise, uint64_t *out)
{
	if (index >= context->argc) {
		*out = otherwise;
		return EXIT_FINE;
	}
	char *end;
	errno = 0;
	unsigned long long value = strtoull(context->argv[index], &end, 10);
	if (errno != 0 || *end != 0 || end == context->argv[index] || context->argv[index][0] == '-') {
		fprintf(stderr, "skafuctl: %s is no number\n", context->argv[index]);
		return EXIT_USAGE;
	}
	*out = value;
	return EXIT_FINE;
}

static int command_cat(struct context *context)
{
	uint64_t last = 0;
	skafu_cursor *cursor;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	int status = read_number(context, 0, 0, &opts.from);
	if (status == EXIT_FINE)
		status = read_number(context, 1, 0, &opts.to);
	if (status != EXIT_FINE)
		return status;
	if (skafu_read(context->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, context->error) != 0)
		return fail(context, "reading");
	return print_all(context, cursor, &last);
}

static int follow(struct context *context, uint64_t last)
{
	while (!stop_asked) {
		skafu_cursor *cursor;
		int32_t rc = skafu_store_wait(context->store, last, SKAFU_WAIT_FOREVER, NULL, context->error);
		if (rc == SKAFU_EINTERRUPTED)
			break;
		if (rc != 0)
			return fail(context, "waiting");
		skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL, .from = last + 1};
		if (skafu_read(context->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, context->error) != 0)
			return fail(context, "reading");
		int status = print_all(context, cursor, &last);
		fflush(stdout);
		if (status != EXIT_FINE)
			return status;
	}
	return EXIT_FINE;
}

static int command_tail(struct context *context)
{
	uint64_t head;
	uint64_t count = 10;
	int following = context->argc > 0 && strcmp(context->argv[0], "-f") == 0;
	int status = read_number(context, following, 10, &count);
	if (status != EXIT_FINE)
		return status;
	if (skafu_store_head(context->store, &head, context->error) != 0)
		return fail(context, "reading the head");
	uint64_t last = head > count ? head - count : 0;
	skafu_cursor *cursor;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL, .from = last + 1, .to = head};
	if (head != last) {
		if (skafu_read(context->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, context->error) != 0)
			return fail(context, "reading");
		status = print_all(context, cursor, &last);
	}
	fflush(stdout);
	return status == EXIT_FINE && following ? follow(context, last) : status;
}

static int command_stream(struct context *context)
{
	uint64_t last = 0;
	skafu_cursor *cursor;
	if (context->argc != 1) {
		fprintf(stderr, "skafuctl: name the stream\n");
		return EXIT_USAGE;
	}
	if (skafu_read_stream(context->store, context->argv[0], SKAFU_NO_LIMIT, NULL, &cursor, context->error) != 0)
		return fail(context, "reading the stream");
	return print_all(context, cursor, &last);
}

/* ---- tables -------------------------------------------------------------------------------------------------- */

static int command_streams(struct context *context)
{
	const skafu_stream_info *info;
	skafu_stream_list *list;
	const char *prefix = context->argc > 0 ? context->argv[0] : "";
	if (skafu_stream_list_open(context->store, prefix, SKAFU_NO_LIMIT, &list, context->error) != 0)
		return fail(context, "listing streams");
	int32_t rc;
	while ((rc = skafu_stream_list_next(list, &info, context->error)) == 1) {
		char time[SKAFU_TIME_TEXT_BYTES];
		skafu_time_format(info->last_recorded_ns, time);
		printf("%10" PRIu64 "  %-30s  %s\n", info->version, time, info->name);
	}
	skafu_stream_list_free(list);
	return rc < 0 ? fail(context, "listing streams") : EXIT_FINE;
}

/* The records of a correlation as a tree: each under the one that caused it. */
struct trace {
	skafu_record **records;
	size_t count;
};

static int trace_is_child(const skafu_record *record, const skafu_record *parent)
{
	return memcmp(record->causation, parent->id, SKAFU_ID_BYTES) == 0;
}

static int trace_is_root(const struct trace *trace, const skafu_record *record)
{
	for (size_t i = 0; i < trace->count; i++)
		if (trace_is_child(record, trace->records[i]))
			return 0;
	return 1;
}

static void print_branch(const struct trace *trace, const skafu_record *record, unsigned depth)
{
	char time[SKAFU_TIME_TEXT_BYTES];
	skafu_time_format(record->time_ns, time);
	printf("%8" PRIu64 "  %-30s  %*s%s  %s\n", record->sequence, time, (int)depth * 2, "", record->type,
	       record->stream);
	for (size_t i = 0; depth < 64 && i < trace->count; i++)
		if (trace->records[i]->sequence > record->sequence && trace_is_child(trace->records[i], record))
			print_branch(trace, trace->records[i], depth + 1);
}

static int trace_add(struct context *context, struct trace *trace, const skafu_record *record)
{
	skafu_record **grown = realloc(trace->records, (trace->count + 1) * sizeof *grown);
	if (!grown) {
		fprintf(stderr, "skafuctl: out of memory\n");
		return EXIT_FAILED;
	}
	trace->records = grown;
	if (skafu_record_copy(record, &grown[trace->count], context->error) != 0)
		return fail(context, "copying a record");
	trace->count++;
	return EXIT_FINE;
}

static int trace_load(struct context *context, struct trace *trace, skafu_cursor *cursor)
{
	const skafu_record *record;
	int status = EXIT_FINE;
	int32_t rc = 0;
	while (status == EXIT_FINE && (rc = skafu_cursor_next(cursor, &record, context->error)) == 1)
		status = trace_add(context, trace, record);
	skafu_cursor_free(cursor);
	return rc < 0 ? fail(context, "reading") : status;
}

static int command_trace(struct context *context)
{
	struct trace trace = {0};
	skafu_cursor *cursor;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	if (context->argc != 1) {
		fprintf(stderr, "skafuctl: name the correlation id\n");
		return EXIT_USAGE;
	}
	if (skafu_read_correlation(context->store, context->argv[0], 100000, &opts, &cursor, context->error) != 0)
		return fail(context, "reading");
	int status = trace_load(context, &trace, cursor);
	for (size_t i = 0; status == EXIT_FINE && i < trace.count; i++)
		if (trace_is_root(&trace, trace.records[i]))
			print_branch(&trace, trace.records[i], 0);
	for (size_t i = 0; i < trace.count; i++)
		skafu_record_free(trace.records[i]);
	free(trace.records);
	return status;
}

static int command_stat(struct context *context)
{
	uint8_t id[SKAFU_ID_BYTES];
	char birth[SKAFU_ID_TEXT_BYTES] = "";
	char incarnation[SKAFU_ID_TEXT_BYTES] = "";
	skafu_store_stats stats = {.size = sizeof stats};
	if (skafu_store_stats_get(context->store, &stats, context->error) != 0)
		return fail(context, "reading the figures");
	if (skafu_store_birth(context->store, id, context->error) == 0)
		skafu_id_format(id, birth);
	if (skafu_store_incarnation(context->store, id, context->error) == 0)
		skafu_id_format(id, incarnation);
	const char *form =
		context->json ? "{\"birth\":\"%s\",\"incarnation\":\"%s\",\"head\":%" PRIu64 ",\"commits\":%" PRIu64
				",\"indexedUpTo\":%" PRIu64 ",\"fileBytes\":%" PRIu64 ",\"usedBytes\":%" PRIu64
				",\"runs\":%" PRIu64 ",\"segments\":%" PRIu64 ",\"entries\":%" PRIu64 "}\n"
			      : "birth id      %s\nincarnation   %s\nhead          %" PRIu64
				"\ncommits       %" PRIu64 "\nindexed up to %" PRIu64 "\nfile          %" PRIu64
				" bytes\nin use        %" PRIu64 " bytes\nindex runs    %" PRIu64
				"\nsegments      %" PRIu64 "\nentries       %" PRIu64 "\n";
	printf(form, birth, incarnation, stats.head, stats.commits, stats.indexed_up_to, stats.file_bytes,
	       stats.file_bytes_used, stats.index_runs, stats.index_segments, stats.index_entries);
	return EXIT_FINE;
}

/* ---- upkeep -------------------------------------------------------------------------------------------------- */

static void print_progress(const char *what, uint64_t done, uint64_t total)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64, what, done, total);
}

static int32_t tell_fault(void *user, uint64_t done, uint64_t total, const char *fault)
{
	(void)user;
	if (fault)
		printf("fault: %s\n", fault);
	else
		print_progress("verified", done, total);
	return stop_asked;
}

static int command_verify(struct context *context)
{
	skafu_verify_report report = {.size = sizeof report};
	uint32_t flags = SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN;
	if (skafu_store_verify(context->store, flags, tell_fault, NULL, &report, context->error) != 0)
		return fail(context, "verifying");
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	printf("%" PRIu64 " commits, %" PRIu64 " records, %" PRIu64 " index entries: %" PRIu64 " faults\n",
	       report.commits, report.records, report.index_entries, report.faults);
	return report.faults ? EXIT_FAULTS : EXIT_FINE;
}

static int32_t tell_progress(void *user, uint64_t done, uint64_t total)
{
	(void)user;
	print_progress("copied", done, total);
	return stop_asked;
}

static int command_backup(struct context *context)
{
	uint64_t up_to;
	if (context->argc < 1) {
		fprintf(stderr, "skafuctl: say where the backup shall be\n");
		return EXIT_USAGE;
	}
	int status = read_number(context, 1, 0, &up_to);
	if (status != EXIT_FINE)
		return status;
	if (skafu_store_backup(context->store, context->argv[0], up_to, tell_progress, NULL, context->error) != 0)
		return fail(context, "backing up");
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	return EXIT_FINE;
}

static int command_reindex(struct context *context)
{
	return skafu_store_reindex(context->store, context->error) == 0 ? EXIT_FINE : fail(context, "reindexing");
}

static int command_maintain(struct context *context)
{
	int32_t rc;
	do
		rc = skafu_store_maintain(context->store, UINT64_C(1000000000), context->error);
	while (rc == 1 && !stop_asked);
	return rc < 0 ? fail(context, "maintaining") : EXIT_FINE;
}

/* ---- the command line ---------------------------------------------------------------------------------------- */

struct command {
	const char *name;
	const char *arguments;
	const char *purpose;
	uint32_t store_flags;
	int (*run)(struct context *context);
};

static const struct command commands[] = {
	{"stat", "", "figures about the store", SKAFU_STORE_READONLY, command_stat},
	{"cat", "[FROM [TO]]", "records as JSON lines", SKAFU_STORE_READONLY, command_cat},
	{"tail", "[-f] [COUNT]", "the last records; -f: and those to come", SKAFU_STORE_READONLY, command_tail},
	{"stream", "NAME", "the events of one stream", SKAFU_STORE_READONLY, command_stream},
	{"streams", "[PREFIX]", "streams with version and last time", SKAFU_STORE_READONLY, command_streams},
	{"trace", "CORRELATION", "what followed from what", SKAFU_STORE_READONLY, command_trace},
	{"verify", "", "check everything; exit status 3 when there are faults", SKAFU_STORE_READONLY, command_verify},
	{"backup", "TO [SEQUENCE]", "copy the store, or continue a copy", SKAFU_STORE_READONLY, command_backup},
	{"maintain", "", "do all upkeep that is due", 0, command_maintain},
	{"reindex", "", "make the index again from the commits", 0, command_reindex},
};

static int usage(FILE *to, int status)
{
	fprintf(to, "usage: skafuctl [--json] COMMAND STORE [ARGUMENTS]\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(to, "  %-9s %-14s %s\n", commands[i].name, commands[i].arguments, commands[i].purpose);
	fprintf(to, "\nSTORE is the directory of a libskafu store; its owner may be running.\n"
		    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 verify found faults.\n");
	return status;
}

static int run_command(const struct command *command, const char *path, struct context *context)
{
	skafu_store_opts opts = {.size = sizeof opts, .flags = command->store_flags};
	if (skafu_store_open(path, &opts, &context->store, context->error) != 0)
		return fail(context, path);
	stop_store = context->store;
	signal(SIGINT, on_stop);
	signal(SIGTERM, on_stop);
	int status = command->run(context);
	stop_store = NULL;
	skafu_store_close(context->store);
	return status;
}

int main(int argc, char **argv)
{
	struct context context = {0};
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout, EXIT_FINE);
	if (argc > 1 && strcmp(argv[1], "--json") == 0) {
		context.json = 1;
		argc--;
		argv++;
	}
	if (argc < 3)
		return usage(stderr, EXIT_USAGE);
	if (skafu_error_new(&context.error) != 0)
		return EXIT_FAILED;
	context.argc = argc - 3;
	context.argv = argv + 3;
	int status = EXIT_USAGE;
	size_t i = 0;
	while (i < sizeof commands / sizeof *commands && strcmp(commands[i].name, argv[1]) != 0)
		i++;
	if (i < sizeof commands / sizeof *commands)
		status = run_command(&commands[i], argv[2], &context);
	else
		status = usage(stderr, EXIT_USAGE);
	skafu_error_free(context.error);
	return status;
}
