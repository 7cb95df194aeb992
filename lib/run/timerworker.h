/*
 * timerworker.h: the worker of an engine that lets timers fire.
 *
 * Due is what the wall clock says, so a timer keeps its date when the clock is set; waiting is by the monotonic
 * clock, but never longer than a second while a timer is pending, so that a clock which was set is seen.
 *
 * It keeps in memory when the next timer is due, and nothing else: after a commit it asks the store which timers were
 * set meanwhile, and reads the table only when that moment comes.  So a step costs the same with a million pending
 * timers as with none.  The moment may be too early, when the timer was cancelled, but never too late.
 *
 * Firing is one commit for each timer, many in one append: it deletes both rows, expects the second as it was, and
 * appends the record under the id that was fixed when the timer was set.  Of several engines one succeeds.
 */
#ifndef SKAFU__RUN_TIMERWORKER_H
#define SKAFU__RUN_TIMERWORKER_H

#include "run/engine.h"

int32_t skafu__timerworker_make(skafu_engine *engine, skafu_error *error);

#endif
