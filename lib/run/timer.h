/*
 * timer.h: setting and cancelling timers, in a batch of the host or in the turn of a reaction or process.
 *
 * What will be recorded is checked when the timer is set, as far as it can be, so that firing hardly ever fails.  The
 * id of the record to be is fixed then too: a timer that was fired by two engines at once is one record, and one
 * that is set anew is another record.
 *
 * A record that a reaction or process lets a timer record counts its hops anew when the timer is due a second or more
 * after the input: a process that does something every minute is no loop, one that does it at once is.
 */
#ifndef SKAFU__RUN_TIMER_H
#define SKAFU__RUN_TIMER_H

#include <stdint.h>

#include "run/rowchain.h"
#include "run/timerrow.h"
#include "skafu_run.h"

#define SKAFU__TIMER_HOPS_RESTART_NS INT64_C(1000000000)

/* How a timer is set now, after a batch and a chain (may be NULL): 1 and the setting, 0 when it is not. */
int32_t skafu__timer_find(skafu_store *store, const struct skafu__rowchain *chain, const skafu_batch *batch,
			  const uint8_t id[16], struct skafu__timer_setting *out, skafu_error *error);

/* Into a batch: set a timer, whose record has its id and all else, in place of an earlier setting (NULL: none is
 * known). */
int32_t skafu__timer_put(skafu_batch *batch, const struct skafu__timer_name *name, int64_t due_ns,
			 const skafu_new_record *record, const struct skafu__timer_setting *before,
			 skafu_error *error);

/* Into a batch: cancel it. */
int32_t skafu__timer_delete(skafu_batch *batch, const uint8_t id[16], const struct skafu__timer_setting *before,
			    skafu_error *error);

/* How many are set. */
int32_t skafu__timer_count(skafu_store *store, uint64_t *out_count, skafu_error *error);

#endif
