/*
 * when.h: given and when: what happens to a scenario, and letting everybody answer to it until nothing is left to do.
 *
 * Waiting for an attempt of a handler that failed costs no time: the monotonic clock is put forward.  Timers wait for
 * the wall clock, which only the test moves.
 */
#ifndef SKAFU__TEST_WHEN_H
#define SKAFU__TEST_WHEN_H

#include "test/scenario.h"

/* 0; 1 when a second time added something (SKAFU_SCENARIO_REPEAT, inputs after `before`); or a negative code. */
int32_t skafu__kit_settle(skafu_scenario *scenario, uint64_t before, skafu_error *error);

#endif
