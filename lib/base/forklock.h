/*
 * forklock.h: a lock of the process that a forked child can take, whoever held it in the parent.
 *
 * A thread that does not exist in the child may have held the lock at the fork, and what the lock guards may be
 * half changed or belong to the parent.  So the first who takes it in a child takes it over: the lock is made anew,
 * and the taker is told to make what it guards anew, too.
 *
 * Invariant: of all threads that take the lock first in a process exactly one is told so, and it is alone until it
 * releases the lock.
 */
#ifndef SKAFU__BASE_FORKLOCK_H
#define SKAFU__BASE_FORKLOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct skafu__forklock {
	pthread_mutex_t mutex;
	_Atomic uint64_t mark; /* of the process that it belongs to; its complement while it is taken over */
};

/* For static ones: it belongs to nobody, so the first who takes it takes it over. */
#define SKAFU__FORKLOCK_INITIALIZER {.mutex = PTHREAD_MUTEX_INITIALIZER}

void skafu__forklock_init(struct skafu__forklock *lock); /* of this process */
void skafu__forklock_done(struct skafu__forklock *lock);

/* 1: what it guards is of another process, or was never made; the caller makes it anew. */
int skafu__forklock_take(struct skafu__forklock *lock);
void skafu__forklock_release(struct skafu__forklock *lock);

#endif
