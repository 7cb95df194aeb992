/*
 * ctl.h: what the commands of skafuctl share: the command line as it was taken apart, output for people and for
 * scripts, progress, and the ways to fail.
 *
 * A command is a function that gets a struct ctl and returns the exit status.  To add one: write it, declare it here,
 * and give it a line in the table of main.c.
 */
#ifndef SKAFUCTL_CTL_H
#define SKAFUCTL_CTL_H

#include <stdint.h>
#include <stdio.h>

#include "skafu_store.h"

enum ctl_status {
	CTL_FINE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_FOUND = 3, /* faults, differences, bad lines */
	CTL_STOPPED = 130
};

struct ctl {
	skafu_store *store;
	skafu_error *error;
	const char *path; /* of the store */
	int argc;         /* what is left after options were taken out */
	char **argv;
	int json;     /* lines for scripts */
	int is_plain; /* standard output is no terminal */
	int colours;
};

struct ctl_command {
	const char *name;
	const char *arguments;
	const char *purpose;
	const char *lesson;   /* for --help */
	uint32_t store_flags; /* how it opens the store */
	int argc_min;
	int argc_max;
	int (*run)(struct ctl *ctl);
	int is_closed; /* it does not open the store */
};

/* ---- the command line ---- */

/* Take an option out of the arguments: 1 when it was there.  *out_value (NULL: a flag without one) is its value. */
int ctl_option(struct ctl *ctl, const char *name, const char **out_value);

/* A number from a text; CTL_USAGE with a message when it is none.  text NULL: *out stays. */
int ctl_number(const char *text, uint64_t *out);

/* The value of an option as a number. */
int ctl_number_option(struct ctl *ctl, const char *name, uint64_t *out);

/* CTL_USAGE with a message when an argument is left that nobody took, or there are too many. */
int ctl_no_more(const struct ctl *ctl, int most);

/* The form that --form names; SKAFU_FORM_LINES without one. */
int ctl_form_option(struct ctl *ctl, uint32_t *out_form);

int ctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- output ---- */

/* Say what failed, with the message of ctl->error. */
int ctl_fail(const struct ctl *ctl, const char *what);

/* Say that a file could not be read or written; quiet when the reader of a pipe has gone. */
int ctl_fail_file(const char *what);

/* CTL_FINE, or what became of writing to standard output. */
int ctl_written(void);

const char *ctl_colour(const struct ctl *ctl,
		       const char *name); /* "dim" "bold" "red" "green" "yellow" "blue" "off" */
void ctl_quote(const char *text);         /* as a JSON string, on standard output */

/* A name, on a terminal: control characters cannot be in it, but those of other directions can. */
void ctl_record(const struct ctl *ctl, const skafu_record *record, uint32_t depth);

/* Print what a cursor gives and free it; *last (may be NULL) is the last sequence that was seen. */
int ctl_records(struct ctl *ctl, skafu_cursor *cursor, uint64_t *last);

/* One line on a terminal, drawn again and again; nothing else anywhere. */
void ctl_progress(const char *what, uint64_t done, uint64_t total);
void ctl_progress_end(void);

/* A skafu_progress_fn: user is the word for what is done. */
int32_t ctl_tell(void *user, uint64_t done, uint64_t total);

/* ---- signals ---- */

void ctl_signals(skafu_store *store); /* interrupts of the user end waits on this store; NULL: none */
int ctl_stopped(void);

/* ---- the commands ---- */

int ctl_cat(struct ctl *ctl);
int ctl_tail(struct ctl *ctl);
int ctl_stream(struct ctl *ctl);
int ctl_grep(struct ctl *ctl);
int ctl_stat(struct ctl *ctl);
int ctl_streams(struct ctl *ctl);
int ctl_types(struct ctl *ctl);
int ctl_trace(struct ctl *ctl);
int ctl_verify(struct ctl *ctl);
int ctl_maintain(struct ctl *ctl);
int ctl_reindex(struct ctl *ctl);
int ctl_salvage(struct ctl *ctl);
int ctl_backup(struct ctl *ctl);
int ctl_restore(struct ctl *ctl);
int ctl_fork(struct ctl *ctl);
int ctl_diff(struct ctl *ctl);
int ctl_export(struct ctl *ctl);
int ctl_import(struct ctl *ctl);
int ctl_consumers(struct ctl *ctl);
int ctl_deadletters(struct ctl *ctl);
int ctl_processes(struct ctl *ctl);
int ctl_timers(struct ctl *ctl);
int ctl_errors(struct ctl *ctl);
int ctl_replay(struct ctl *ctl);

#endif
