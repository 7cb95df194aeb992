/*
 * dirtime.h: whether files came or went in the store's directory, at the price of one look at its time.
 *
 * Processes agree through the lock of LMDB and the control file.  Who deletes or replaces one of them splits the
 * processes into two camps that do not see each other's locks, so every writer makes sure that they are the ones
 * that it opened.  Two paths take a tenth of a small commit to walk; the time of the directory changes with every
 * name that comes, goes or is renamed, and is read from a descriptor.
 *
 * Invariant: a change is never missed.  Times of files advance in steps, so a second change could hide behind the
 * time of the first: a time is trusted once it is older than such a step can be.
 * Where steps are small it is trusted soon, and at first only until it is twice as old: a step that was longer than
 * any should be is found out.
 */
#ifndef SKAFU__STORE_DIRTIME_H
#define SKAFU__STORE_DIRTIME_H

#include <stdint.h>
#include <time.h>

#include "base/sys.h"
#include "skafu_base.h"

struct skafu__dirtime {
	const struct skafu__sys *sys;
	int fd; /* -1: there is no directory to look at (a store in memory) */
	int is_trusted;
	int64_t until_ns; /* of the monotonic clock; INT64_MAX: for good */
	struct timespec trusted;
	struct timespec seen; /* by the last look */
};

/* Without a directory until it is opened. */
void skafu__dirtime_init(struct skafu__dirtime *dirtime, const struct skafu__sys *sys);
int32_t skafu__dirtime_open(struct skafu__dirtime *dirtime, const char *directory, skafu_error *error);
void skafu__dirtime_close(struct skafu__dirtime *dirtime);

/* 1 when no name came or went since the look before the last skafu__dirtime_trust(); 0 when that may be. */
int skafu__dirtime_is_same(struct skafu__dirtime *dirtime);

/* After a look that said 0, the caller found all files in their places. */
void skafu__dirtime_trust(struct skafu__dirtime *dirtime);

#endif
