/*
 * program.h: the program `skafu` as it was built, run with a home in the folder of the test.
 */
#ifndef TESTS_FLOW_SKAFU_PROGRAM_H
#define TESTS_FLOW_SKAFU_PROGRAM_H

/* 0 when it was not built ($BUILD/examples/skafu); then the test is skipped. */
int program_find(void);

/* Run a command line of sh in the test's folder, with `skafu` in the PATH; the exit status, 128 + the number of the
 * signal that ended it.  What it printed is in program_output, errors too. */
extern char program_output[1 << 17];
int program_run(const char *line);

/* Start skafu with these words (ended by NULL), without waiting; its process id. */
int program_start(const char *const *words);

#endif
