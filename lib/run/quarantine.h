/*
 * quarantine.h: instances of processes that are set aside because an input of theirs failed, and how they come back.
 *
 * The input that failed becomes a dead letter, and those that come for the instance meanwhile become dead letters
 * that are parked behind it.  The instance's row names the first and counts the others.  A retry runs the handler
 * with SKAFU__STEP_RETRY, in the order of the inputs; whoever ends a dead letter, because it was handled now or is
 * discarded, calls skafu__quarantine_release() for the same batch.  When none is left the instance goes on.
 *
 * Invariant: an instance that is set aside takes no input but those that are retried, the first one first.
 */
#ifndef SKAFU__RUN_QUARANTINE_H
#define SKAFU__RUN_QUARANTINE_H

#include <stdint.h>

#include "run/consumer.h"
#include "skafu_run.h"

/* For the handler of processes: into the commit that sets an input aside. */
int32_t skafu__quarantine_give_up(void *self, const struct skafu__failure *failure, skafu_batch *batch,
				  skafu_error *error);

/* Into the batch that ends a dead letter of a process.  instance: the key of the dead letter.  Works without an
 * engine, and does nothing for an instance that is not set aside. */
int32_t skafu__quarantine_release(skafu_store *store, const char *process, const char *instance, uint64_t sequence,
				  skafu_batch *batch, skafu_error *error);

#endif
