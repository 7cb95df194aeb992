/*
 * replayrun.h: one step of a replay session: a block of records through its targets, and what comes of it.
 */
#ifndef SKAFU__RUN_REPLAYRUN_H
#define SKAFU__RUN_REPLAYRUN_H

#include "run/replaysession.h"

/* Do up to inputs_max records of a session that is open and claimed: 1 there is more to do now, 0 not, or a negative
 * code of the store. */
int32_t skafu__replay_run(struct skafu__replay_session *session, uint32_t inputs_max, uint32_t *out_done,
			  skafu_error *error);

/* On the monotonic clock: when its pace lets the next record go, or the progress is to be saved. */
int64_t skafu__replay_due_ns(const struct skafu__replay_session *session, int is_draining);

#endif
