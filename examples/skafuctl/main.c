/*
 * skafuctl: the operator's tool for any libskafu store, also while its owner is running.
 *
 * Everything it does goes through the public API, so it is also an example of how to read, follow, check, copy and
 * exchange a store.  This file has the table of commands and takes the command line apart.
 */
#include "ctl.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct ctl_command commands[] = {
	{"stat", "", "figures about the store",
	 "Shows ids, size, how far index and hash chain reach, and what the store was copied from.\n",
	 SKAFU_STORE_READONLY, 0, 0, ctl_stat, 0},
	{"cat", "[FROM [TO]]", "records in their order",
	 "Prints the records from sequence FROM to TO.  On a terminal a line for people, else the exported form,\n"
	 "one JSON object a line, as with --json.\n"
	 "  --type TYPE   only events of this type    --tag TAG      only events with this tag\n"
	 "  --reverse     the newest first            --limit COUNT  at most so many\n",
	 SKAFU_STORE_READONLY, 0, 2, ctl_cat, 0},
	{"tail", "[-f] [COUNT]", "the last records; with -f those to come as well",
	 "Prints the last COUNT records (10).  With -f it goes on with new ones until it is interrupted, sleeping "
	 "in\n"
	 "between.\n",
	 SKAFU_STORE_READONLY, 0, 1, ctl_tail, 0},
	{"grep", "RULE [FROM [TO]]", "records that match a rule",
	 "RULE is a pattern in the EventBridge language, over the names of the exported form, such as\n"
	 "  '{\"eventType\":[{\"prefix\":\"Order\"}],\"data\":{\"amount\":[{\"numeric\":[\">\",100]}]}}'\n"
	 "Exit status 1 when nothing matched.\n",
	 SKAFU_STORE_READONLY, 1, 3, ctl_grep, 0},
	{"stream", "NAME", "the events of one stream",
	 "Prints the events of the stream, in the order of their versions.\n", SKAFU_STORE_READONLY, 1, 1,
	 ctl_stream, 0},
	{"streams", "[PREFIX]", "streams with version and last time",
	 "Lists the streams whose names begin with PREFIX.  It reads the whole log.\n", SKAFU_STORE_READONLY, 0, 1,
	 ctl_streams, 0},
	{"types", "", "types with domain and count",
	 "Lists the types of all records, with the domain that emits them and how many there are.  It reads the "
	 "whole\n"
	 "log.\n",
	 SKAFU_STORE_READONLY, 0, 0, ctl_types, 0},
	{"trace", "CORRELATION", "what followed from what",
	 "Prints the records of a correlation as a tree: each under the one that caused it.\n", SKAFU_STORE_READONLY,
	 1, 1, ctl_trace, 0},
	{"verify", "", "check everything",
	 "Checks every commit, record, index entry and the hash chain, while others use the store.\n"
	 "When nobody has the store open, every page of the file is looked at before that.\n"
	 "Exit status 3 when there are faults.\n",
	 SKAFU_STORE_READONLY | SKAFU_STORE_CHECK, 0, 0, ctl_verify, 0},
	{"backup", "TO [SEQUENCE]", "copy the store, or continue a copy",
	 "Copies the log, up to SEQUENCE, into a store at TO, while others write.  A copy of this store that is "
	 "there\n"
	 "already gets what is new.\n",
	 SKAFU_STORE_READONLY, 1, 2, ctl_backup, 0},
	{"restore", "TO [SEQUENCE]", "make a store from a backup",
	 "STORE is the backup.  The new store at TO must not exist; with SEQUENCE it is as it was then.\n"
	 "Consumers that have seen more are told, since it is another incarnation.\n",
	 SKAFU_STORE_READONLY, 1, 2, ctl_restore, 0},
	{"fork", "TO [SEQUENCE]", "begin another future of the store",
	 "As backup, but the copy is a store of its own, and remembers where it comes from.\n", SKAFU_STORE_READONLY,
	 1, 2, ctl_fork, 0},
	{"diff", "OTHER", "where two stores part",
	 "Compares whole commits; with --records only what the records say, so that an import is equal to what was\n"
	 "exported.  Exit status 3 when they part; 0 when one is a beginning of the other, or they are equal.\n",
	 SKAFU_STORE_READONLY, 1, 1, ctl_diff, 0},
	{"export", "[FILE]", "records as text",
	 "Writes to FILE or standard output.\n"
	 "  --form lines|cloudevents|array   the exported form, a record a line (default); CloudEvents, an event a\n"
	 "                                   line; CloudEvents in one array\n"
	 "  --from N, --to N                 only these sequences\n",
	 SKAFU_STORE_READONLY, 0, 1, ctl_export, 0},
	{"import", "[FILE]", "records from text",
	 "Reads FILE or standard input, and makes the store if there is none.  Importing again adds nothing, so "
	 "after\n"
	 "an interruption it is simply done again.  A bad line ends it and is named.\n"
	 "  --form lines|cloudevents|array   as of export\n"
	 "  --set-aside FILE                 write bad lines there and go on; exit status 3 when there were any\n"
	 "  --same-places                    records must get the sequence that they have in the text\n"
	 "  --origin NAME                    for the ids of records without one; default: the name of FILE\n",
	 SKAFU_STORE_CREATE, 0, 1, ctl_import, 0},
	{"consumers", "[ACTION NAME [SEQUENCE]]", "who follows the store, and how far",
	 "Lists the consumers with state, the sequence up to which all is done, lag, dead letters and the\n"
	 "process that serves them.  ACTION is pause, resume, remove, or rewind to SEQUENCE, the last one that\n"
	 "shall count as done.\n",
	 0, 0, 3, ctl_consumers, 0},
	{"deadletters", "[CONSUMER]", "records that handlers could not take",
	 "Lists them with sequence, attempts, last attempt, consumer/key and why.  Exit status 3 when there are\n"
	 "any.\n"
	 "Programs retry and discard them, see skafu_dead_letter_list_open(3).\n"
	 "  --key KEY     only of this stream, correlation or tag    --type TYPE   only records of this type\n",
	 SKAFU_STORE_READONLY, 0, 1, ctl_deadletters, 0},
	{"processes", "[NAME]", "instances of processes",
	 "Lists the instances with state, steps, and why they failed.\n", SKAFU_STORE_READONLY, 0, 1,
	 ctl_processes, 0},
	{"timers", "", "timers that are set", "Lists them in the order of their times.\n", SKAFU_STORE_READONLY, 0, 0,
	 ctl_timers, 0},
	{"errors", "", "what the recorded errors amount to",
	 "  --by WAY   code (default), source, severity, correlation, minute or command\n", 0, 0, 0, ctl_errors, 0},
	{"replay", "[TO]", "append the records to another store, or list replays",
	 "Appends the records as they were to the store at TO, which is made when there is none.  After an\n"
	 "interruption it is simply done again.  Without TO: the replay sessions of the store.\n"
	 "  --from N, --to N   only these sequences    --rule RULE   only what matches\n"
	 "  --rate N           at most so many records a second\n",
	 0, 0, 1, ctl_replay, 0},
	{"maintain", "", "do all upkeep that is due", "Folds, merges, and advances the hash chain.\n", 0, 0, 0,
	 ctl_maintain, 0},
	{"reindex", "", "make the index again from the commits", "No other process may write meanwhile.\n", 0, 0, 0,
	 ctl_reindex, 0},
	{"salvage", "TO", "copy what is whole of a damaged store",
	 "Makes a new store at TO of what is whole in a store that does not open or verify.  No process may have it\n"
	 "open.  Exit status 3 when something was lost.\n",
	 0, 1, 1, ctl_salvage, 1},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static int main_usage(FILE *to, int status)
{
	fprintf(to, "usage: skafuctl [--json] COMMAND STORE [ARGUMENTS]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-11s %-24s %s\n", commands[i].name, commands[i].arguments, commands[i].purpose);
	fprintf(to, "\nSTORE is the directory of a libskafu store; its owner may be running.\n"
		    "skafuctl COMMAND --help tells more.  --json gives lines for scripts, --no-color no colours.\n"
		    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 something was found, 130 interrupted.\n");
	return status;
}

static int main_help(const struct ctl_command *command)
{
	printf("usage: skafuctl [--json] %s STORE %s\n\n%s\n", command->name, command->arguments, command->lesson);
	return CTL_FINE;
}

static const struct ctl_command *main_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int main_run(const struct ctl_command *command, struct ctl *ctl)
{
	skafu_store_opts opts = {.size = sizeof opts, .flags = command->store_flags};
	if (command->is_closed)
		return command->run(ctl);
	if (skafu_store_open(ctl->path, &opts, &ctl->store, ctl->error) != 0)
		return ctl_fail(ctl, ctl->path);
	ctl_signals(ctl->store);
	int status = command->run(ctl);
	ctl_progress_end();
	ctl_signals(NULL);
	skafu_store_close(ctl->store);
	int written = ctl_written();
	return status == CTL_FINE ? written : status;
}

/* Flags may stand before the store as well; options with a value may not, since nobody could tell them apart. */
static void main_move_flags(struct ctl *ctl)
{
	for (int i = 1; i < ctl->argc && ctl->argc > 1 && ctl->argv[1][0] == '-' && ctl->argv[1][1] != 0; i++) {
		char *flag = ctl->argv[1];
		memmove(&ctl->argv[1], &ctl->argv[2], (size_t)(ctl->argc - 2) * sizeof *ctl->argv);
		ctl->argv[ctl->argc - 1] = flag;
	}
}

static int main_command(struct ctl *ctl)
{
	const struct ctl_command *command = main_find(ctl->argv[0]);
	if (!command) {
		fprintf(stderr, "skafuctl: there is no command %s\n", ctl->argv[0]);
		return main_usage(stderr, CTL_USAGE);
	}
	if (ctl_option(ctl, "--help", NULL) || ctl_option(ctl, "-h", NULL))
		return main_help(command);
	main_move_flags(ctl);
	if (ctl->argc < 2 + command->argc_min)
		return ctl_usage("usage: skafuctl %s STORE %s", command->name, command->arguments);
	ctl->path = ctl->argv[1];
	ctl->argc -= 2;
	ctl->argv += 2;
	if (skafu_error_new(&ctl->error) != 0)
		return CTL_FAILED;
	int status = main_run(command, ctl);
	skafu_error_free(ctl->error);
	return status;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.argc = argc - 1, .argv = argv + 1};
	const struct ctl_command *asked;
	signal(SIGPIPE, SIG_IGN);
	ctl.json = ctl_option(&ctl, "--json", NULL);
	ctl.is_plain = !isatty(STDOUT_FILENO);
	ctl.colours = !ctl.json && !ctl.is_plain && !getenv("NO_COLOR");
	if (ctl_option(&ctl, "--no-color", NULL))
		ctl.colours = 0;
	if (ctl.argc > 0 && strcmp(ctl.argv[0], "help") == 0 && ctl.argc > 1 && (asked = main_find(ctl.argv[1])))
		return main_help(asked);
	if (ctl.argc > 0 && (strcmp(ctl.argv[0], "--help") == 0 || strcmp(ctl.argv[0], "-h") == 0 ||
			     strcmp(ctl.argv[0], "help") == 0))
		return main_usage(stdout, CTL_FINE);
	if (ctl.argc > 0 && strcmp(ctl.argv[0], "--version") == 0)
		return printf("skafuctl %s\n", skafu_version_text()) < 0;
	if (ctl.argc == 0)
		return main_usage(stderr, CTL_USAGE);
	return main_command(&ctl);
}
