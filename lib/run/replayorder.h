/*
 * replayorder.h: what the host asks a replay to do becomes a plan (replayrow.h), or a refusal that says why.
 */
#ifndef SKAFU__RUN_REPLAYORDER_H
#define SKAFU__RUN_REPLAYORDER_H

#include "run/engine.h"
#include "run/replayrow.h"

/* Check the options, find the targets in the engine, and the range in the log.  The texts of the plan are those of
 * the options and the engine. */
int32_t skafu__replay_order_read(skafu_engine *engine, const skafu_replay_opts *opts, struct skafu__replay_plan *out,
				 skafu_error *error);

#endif
