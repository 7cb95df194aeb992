/*
 * claim.h: who does what among the processes of a store: claims on numbers, which end with their process.
 *
 * A claim is a POSIX record lock of the kernel on one byte of the control file, 2^32 and the number up, so a process
 * that is killed holds none a moment later.  Such locks do not tell the objects of one process apart, so a table in
 * memory stands in front of them; a store in memory has the table alone.
 *
 * A claim decides who works, never what is true: whoever writes states what it expects to find.
 *
 * Invariant: the table holds exactly the numbers that this process claims; no number is claimed twice at once.
 */
#ifndef SKAFU__STORE_CLAIM_H
#define SKAFU__STORE_CLAIM_H

#include <pthread.h>
#include <stdint.h>

#include "base/map.h"
#include "skafu_base.h"

#define SKAFU__CLAIM_BITS 62

struct skafu__control;

struct skafu__claims {
	pthread_mutex_t lock;
	const struct skafu__control *control; /* its file is claimed on; NULL or without a file: this process alone */
	struct skafu__map held;
};

void skafu__claims_init(struct skafu__claims *claims, const struct skafu__sys *sys,
			const struct skafu__control *control);
void skafu__claims_done(struct skafu__claims *claims);

/* 1 it is claimed now, 0 somebody else has it.  Never waits.  Any thread. */
int32_t skafu__claim_try(struct skafu__claims *claims, uint64_t number, skafu_error *error);
void skafu__claim_release(struct skafu__claims *claims, uint64_t number);

/* How many of the numbers first, first + 1 ... are claimed, by whomever, and a process that claims one (may be NULL;
 * 0: none).  Of the moment. */
uint32_t skafu__claim_count(struct skafu__claims *claims, uint64_t first, uint32_t count, int64_t *out_pid);

#endif
