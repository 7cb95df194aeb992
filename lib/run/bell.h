/*
 * bell.h: how a caller of lib/run sleeps: until the log may have more, a moment comes, or somebody rings.
 *
 * A store with files is waited for through its waiter's descriptor, which also tells that a process which had the
 * store open has died; so nobody has to look now and then whether there is work to take over.  A store in memory,
 * and one for which the system gives no descriptor, is waited for on the word of the control page.
 *
 * The descriptor is made when somebody wants to sleep or asks for it: to close it takes the kernel some milliseconds,
 * which who only steps through what is there need not pay.
 *
 * A bell wakes too often rather than too late: the caller looks for itself what there is.
 */
#ifndef SKAFU__RUN_BELL_H
#define SKAFU__RUN_BELL_H

#include <stdatomic.h>
#include <stdint.h>

#include "skafu_run.h"

struct skafu__bell {
	skafu_store *store;
	skafu_waiter *waiter;   /* NULL: none yet, or none is to be had */
	_Atomic uint32_t rings; /* counts */
	uint32_t heard;      /* of them, taken */
	uint32_t noted;      /* of them, when the caller began to look */
	uint32_t word;       /* of the control page, likewise */
	uint32_t interrupts; /* of the store, when they were noted */
	uint32_t is_armed;
	uint32_t was_sought; /* the waiter; none is looked for again */
};

int32_t skafu__bell_init(struct skafu__bell *bell, skafu_store *store, skafu_error *error);
void skafu__bell_done(struct skafu__bell *bell);

/* Before looking whether there is work: what happens from here on keeps the next sleep from being one. */
int32_t skafu__bell_attend(struct skafu__bell *bell, skafu_error *error);

/* Sleep until something happened since skafu__bell_attend(), a ring or an interrupt included, or the deadline
 * (monotonic; INT64_MAX: none) passes. */
int32_t skafu__bell_sleep(struct skafu__bell *bell, int64_t deadline, skafu_error *error);

/* For event loops: the descriptor, -1 without one; and let it tell from now on: 1 when something happened already. */
int32_t skafu__bell_fd(struct skafu__bell *bell);
int32_t skafu__bell_arm(struct skafu__bell *bell, skafu_error *error);

/* Wake the sleeper, or the next one.  Any thread; safe in a signal handler. */
void skafu__bell_ring(struct skafu__bell *bell);

/* 1 when it rang since this was asked last. */
int skafu__bell_take_ring(struct skafu__bell *bell);

/* 1 when skafu_store_interrupt() was called since the interrupts were noted. */
void skafu__bell_note_interrupts(struct skafu__bell *bell);
int skafu__bell_is_interrupted(const struct skafu__bell *bell);

/* Let all sleepers of all processes look again, after a change that no record tells of. */
void skafu__bell_wake_all(skafu_store *store);

#endif
