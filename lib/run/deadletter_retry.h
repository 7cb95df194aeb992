/*
 * deadletter_retry.h: trying dead letters again, giving them up for good, and going on behind one that was given up.
 *
 * A letter that is taken at last goes in the commit that records what its handler gave, so it is handled once,
 * whoever tries it and how often.  Letters of one key are tried in the order of the log, up to the first that fails;
 * of a consumer that parks keys none is tried before an earlier one of its key, whatever a filter selects.
 */
#ifndef SKAFU__RUN_DEADLETTER_RETRY_H
#define SKAFU__RUN_DEADLETTER_RETRY_H

#include "run/engine.h"

/* The worker that takes up what is parked behind a discarded letter. */
int32_t skafu__deadletter_worker(skafu_engine *engine, skafu_error *error);

#endif
