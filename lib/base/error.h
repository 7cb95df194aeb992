/*
 * error.h: how the inside of the library fills in the error object that a host passed.
 *
 * Invariant: a function that returns a negative code has set the error (if there is one) exactly as it returns, and
 * a function that succeeds has not touched it.  All setters accept NULL and return the code, so that a failing
 * function reads `return skafu__fail(error, SKAFU_EINVAL, "...")`.
 */
#ifndef SKAFU__BASE_ERROR_H
#define SKAFU__BASE_ERROR_H

#include <stdint.h>

#include "skafu_base.h"

/* Set code and message, and forget all particulars.  The message says what happened and what to do. */
int32_t skafu__fail(skafu_error *error, int32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: `what` names the call and its object, errno_value is added in words.  Chooses
 * ENOSPACE, EACCESS, EREADONLY, ENOTFOUND, EEXISTS, ENOMEM or EIO from errno_value. */
int32_t skafu__fail_os(skafu_error *error, int errno_value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int32_t skafu__fail_memory(skafu_error *error);

/* Particulars, set after skafu__fail(). */
void skafu__error_set_sequence(skafu_error *error, uint64_t sequence);
void skafu__error_set_version(skafu_error *error, uint64_t version);
void skafu__error_set_condition(skafu_error *error, uint32_t condition);
void skafu__error_set_item(skafu_error *error, uint32_t item);
void skafu__error_set_batch(skafu_error *error, uint32_t batch);
void skafu__error_set_pid(skafu_error *error, int64_t pid);

/* The code is what a function of the host answered, and no failure of the library. */
void skafu__error_set_hosts(skafu_error *error);

/* Carry a failure from one error object to another (either may be NULL); returns the code. */
int32_t skafu__error_copy(skafu_error *to, const skafu_error *from, int32_t code);

/* For analysers, which read one file at a time: what has failed never answers SKAFU_OK. */
#ifdef SKAFU__ANALYSED
static inline int32_t skafu__failed(int32_t rc)
{
	if (rc >= 0)
		__builtin_unreachable();
	return rc;
}

#define skafu__fail(...) skafu__failed(skafu__fail(__VA_ARGS__))
#define skafu__fail_os(...) skafu__failed(skafu__fail_os(__VA_ARGS__))
#define skafu__fail_memory(error) skafu__failed(skafu__fail_memory(error))
#define skafu__error_copy(to, from, code) skafu__failed(skafu__error_copy(to, from, code))
#endif

/* An error object without an allocation, for code that must keep a failure until later.  Embed it, init it. */
struct skafu_error {
	int32_t code;
	int32_t os;
	uint64_t sequence;
	uint64_t version;
	uint32_t condition;
	uint32_t item;
	uint32_t batch;
	uint32_t is_hosts;
	int64_t pid;
	char message[1024];
};

#endif
