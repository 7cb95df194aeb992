/*
 * faults.h: everything that is wrong with a thing, not only the first.
 *
 * Who repairs a template wants the whole list.  It keeps at most FAULTS_KEPT and counts the others, so a hostile
 * template cannot fill the memory with its faults.
 */
#ifndef SKAFU_APP_FAULTS_H
#define SKAFU_APP_FAULTS_H

#include "text.h"

#define FAULTS_KEPT 100

struct fault {
	char where[256]; /* a path, cut when it is longer */
	size_t line;     /* from 1; 0 when the fault has no line */
	char text[256];
};

struct faults {
	struct fault *items;
	size_t count; /* all of them */
	size_t kept;
};

/* Without memory the fault is counted but not kept. */
void faults_add(struct faults *faults, const char *where, size_t line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void faults_free(struct faults *faults);

/* SKAFU_OK when there are none, else SKAFU_EINVAL with the first of them as the error. */
int32_t faults_result(const struct faults *faults, skafu_error *error);

#endif
