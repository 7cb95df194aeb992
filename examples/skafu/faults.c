/*
 * faults.c: the list of what is wrong.
 */
#include "faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void faults_add(struct faults *faults, const char *where, size_t line, const char *format, ...)
{
	struct fault *fault;
	va_list args;

	faults->count++;
	if (faults->items == NULL)
		faults->items = calloc(FAULTS_KEPT, sizeof *faults->items);
	if (faults->items == NULL || faults->kept == FAULTS_KEPT)
		return;
	fault = &faults->items[faults->kept++];
	snprintf(fault->where, sizeof fault->where, "%s", where);
	fault->line = line;
	va_start(args, format);
	vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
}

void faults_free(struct faults *faults)
{
	free(faults->items);
	*faults = (struct faults){0};
}

int32_t faults_result(const struct faults *faults, skafu_error *error)
{
	const struct fault *first = faults->items;
	char more[64] = "";

	if (faults->count == 0)
		return SKAFU_OK;
	if (faults->count > 1)
		snprintf(more, sizeof more, " (and %zu more)", faults->count - 1);
	if (faults->kept == 0)
		return failed(error, SKAFU_EINVAL, "There are %zu faults.", faults->count);
	if (first->line > 0)
		return failed(error, SKAFU_EINVAL, "%s:%zu: %s%s.", first->where, first->line, first->text, more);
	return failed(error, SKAFU_EINVAL, "%s: %s%s.", first->where, first->text, more);
}
