/*
 * process.h: another program, run without a shell, with an environment of its own, a deadline and a limit.
 *
 * What it writes is collected; when its time is over, it and the processes that it started are killed.  Nothing of
 * this process's environment reaches it but PATH and what the caller names, so no key leaks into a child.
 */
#ifndef SKAFU_APP_PROCESS_H
#define SKAFU_APP_PROCESS_H

#include "text.h"

struct process {
	const char *const *command;     /* ended by NULL; the first word is looked for in PATH */
	const char *const *environment; /* "NAME=value", ended by NULL; may be NULL */
	const char *folder;             /* to run in; NULL: here */
	uint32_t timeout_ms;            /* 0: 60,000 */
	size_t output_bytes;            /* what is kept of the output, 0: 1 MiB; the rest is read and dropped */
};

/* Run to the end.  *out_status is the exit status, 128 + the number when a signal ended it; output and errors of the
 * program are added to `out_output` as they come.  A status other than 0 is not a failure of this call.
 * SKAFU_ENOTFOUND when there is no such program, SKAFU_ETIMEOUT when it was killed. */
int32_t process_run(const struct process *process, struct text *out_output, int *out_status, skafu_error *error);

#endif
