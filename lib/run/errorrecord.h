/*
 * errorrecord.h: what an error says, and the record that it becomes: type ErrorOccurred, kind ERROR, and as data
 *
 *   {"errorCode","errorMessage","context":{"service","function","userId"},"stackTrace","canRetry"}
 *
 * with a member "occurrences" {"count","first","last"} where one record stands for several alike.
 */
#ifndef SKAFU__RUN_ERRORRECORD_H
#define SKAFU__RUN_ERRORRECORD_H

#include <stdint.h>

#include "base/buf.h"
#include "base/sys.h"
#include "skafu_run.h"

#define SKAFU__ERROR_TYPE "ErrorOccurred"

/* Texts may be NULL, which is the same as "", but for source and correlation: NULL leaves them to the log. */
struct skafu__error_fields {
	uint32_t severity; /* SKAFU_SEVERITY_ */
	uint32_t can_retry;
	uint32_t hops; /* one more than what failed */
	uint32_t reserved;
	const char *source;
	const char *code;
	const char *message;
	const char *service;
	const char *function;
	const char *user_id;
	const char *stack_trace;
	const char *correlation;
	const uint8_t *causation; /* NULL: none */
	uint64_t count;           /* of errors that it stands for; 0 and 1: itself */
	int64_t first_ns;         /* when the first of them happened ... */
	int64_t last_ns;          /* ... and the last, which is the record's time; 0: now */
};

/* A copy on one block of memory, with texts that are too long cut at the end of a character and bytes that are no
 * text replaced.  NULL without memory. */
struct skafu__errorrecord_copy {
	struct skafu__errorrecord_copy *next;
	size_t bytes; /* of the block */
	struct skafu__error_fields fields;
	uint8_t causation[16];
};
struct skafu__errorrecord_copy *skafu__errorrecord_copy_new(const struct skafu__sys *sys,
						const struct skafu__error_fields *fields);

/* The record, at the end of the batch.  The fields come from a copy. */
int32_t skafu__errorrecord_add(skafu_batch *batch, const struct skafu__sys *sys,
			       const struct skafu__error_fields *fields, skafu_error *error);

#endif
