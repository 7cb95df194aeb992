/*
 * cli.h: what the commands of the program share: the command line as it was taken apart, output for people and for
 * scripts, signals, and the ways to fail.
 *
 * A command is a function that gets a struct cli and returns the exit status.  To add one: write it, declare it here,
 * and give it a line in the table of main.c.
 */
#ifndef SKAFU_APP_CLI_H
#define SKAFU_APP_CLI_H

#include "app.h"

enum cli_status {
	CLI_FINE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_REFUSED = 3, /* the command was decided, with no */
	CLI_UNDONE = 4,  /* it failed later, and was undone */
	CLI_LATE = 5,    /* not over in time; it goes on with `skafu resume` */
	CLI_STOPPED = 130
};

struct cli {
	struct app app;
	skafu_error *error;
	const char *home;
	int argc; /* what is left after options were taken out */
	char **argv;
	int json; /* lines for scripts */
	int colours;
	int64_t begun_ns;
};

struct cli_command {
	const char *name;
	const char *arguments;
	const char *purpose;
	const char *lesson; /* for --help */
	int argc_min;
	int argc_max;
	int (*run)(struct cli *cli);
	uint32_t app_flags;
	int has_no_app;
};

/* ---- the command line ---- */

/* Take an option out of the arguments: 1 when it was there.  *out_value (NULL: a flag without one) is its value. */
int cli_option(struct cli *cli, const char *name, const char **out_value);

/* The value of an option as a number; *out stays without it.  CLI_USAGE with a message when it is none. */
int cli_number(struct cli *cli, const char *name, uint64_t *out);
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- output ---- */

/* Say what failed, with the message of cli->error. */
int cli_fail(const struct cli *cli, const char *what);

/* CLI_FINE, or what became of writing to standard output. */
int cli_written(void);

const char *cli_colour(const struct cli *cli,
		       const char *name); /* "dim" "bold" "red" "green" "yellow" "blue" "off" */
const char *cli_domain_colour(const struct cli *cli, const char *domain);

/* A record as a line: its time since the begin, domain, type and what it says; or as exported, for scripts. */
void cli_record(const struct cli *cli, const skafu_record *record);

/* A word about what is being done, on a terminal only, taken away by the next line. */
void cli_doing(const struct cli *cli, const char *what);

/* An interrupt of the user ends the engine's run and all waits. */
void cli_signals(struct app *app); /* NULL: none */
int cli_stopped(void);

/* Print each record of the correlation (NULL: all) from now on, while the engine runs. */
int32_t cli_follow(struct cli *cli, const char *correlation, skafu_error *error);

/* A refusal as a sentence; CLI_REFUSED. */
int cli_refused(const struct cli *cli, const skafu_outcome *outcome);

/* A view as fresh as the log, or as it was at a sequence (not 0). */
int32_t cli_view(struct cli *cli, const char *name, uint64_t at_sequence, skafu_view **out_view);

/* ---- the commands ---- */

int do_create(struct cli *cli);
int do_resume(struct cli *cli);
int do_templates(struct cli *cli);
int do_projects(struct cli *cli);
int do_show(struct cli *cli);
int do_trace(struct cli *cli);
int do_analyse(struct cli *cli);
int do_webhook(struct cli *cli);
int do_errors(struct cli *cli);
int do_metrics(struct cli *cli);
int do_rebuild(struct cli *cli);
int do_replay(struct cli *cli);
int do_serve(struct cli *cli);

/* Upload a template from a folder and let it be validated: CLI_FINE when it can be used, also when it was there. */
int templates_add(struct cli *cli, const char *folder, int is_quiet);

/* The folder of a template of this name that came with the program; 0 when there is none. */
int templates_find(const char *name, char *out, size_t size);

#endif
