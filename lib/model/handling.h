/*
 * handling.h: handlers of a model run one at a time (those of deciders, checks and upcasters of commands aside).
 *
 * Whoever runs handlers of projections, reactions or processes goes through here first: an engine that steps in one
 * thread and a view that is refreshed in another never run two at once.  No lock is held in between, only a mark, so
 * a handler that never returns hangs nobody beyond the deadline.  A thread that ends in a handler must still leave:
 * the caller has a cleanup for that.
 */
#ifndef SKAFU__MODEL_HANDLING_H
#define SKAFU__MODEL_HANDLING_H

#include <pthread.h>
#include <stdint.h>

#include "skafu_base.h"

struct skafu__handling {
	pthread_mutex_t lock;
	pthread_cond_t free;
	int busy;
};

void skafu__handling_init(struct skafu__handling *handling);
void skafu__handling_done(struct skafu__handling *handling);

/* SKAFU_EBUSY when another thread is still at it at the deadline (INT64_MAX: never). */
int32_t skafu__handling_enter(struct skafu__handling *handling, int64_t deadline, skafu_error *error);
void skafu__handling_leave(struct skafu__handling *handling);

#endif
