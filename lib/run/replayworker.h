/*
 * replayworker.h: an engine's part in replays: it finds the sessions that it may carry on, claims them, and steps
 * them in turn.
 */
#ifndef SKAFU__RUN_REPLAYWORKER_H
#define SKAFU__RUN_REPLAYWORKER_H

#include "run/replaysession.h"

int32_t skafu__replayworker_make(skafu_engine *engine, skafu_error *error);

/* The session of that id that this engine knows; NULL when it knows none. */
struct skafu__replay_session *skafu__replayworker_session(skafu_engine *engine, const uint8_t id[16]);

/* It belongs to the engine from here on. */
void skafu__replayworker_add(skafu_engine *engine, struct skafu__replay_session *session);

/* Its plan changed: look at it before it goes on. */
void skafu__replayworker_wake(skafu_engine *engine, struct skafu__replay_session *session);

#endif
