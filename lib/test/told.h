/*
 * told.h: what a scenario hears from the library: types, effects, failures of handlers, the scope of a decider.
 *
 * Called in the middle of the library's work.  What cannot be kept for want of memory is remembered in
 * scenario->failed, so that no check answers from half of the story.
 */
#ifndef SKAFU__TEST_TOLD_H
#define SKAFU__TEST_TOLD_H

#include "test/scenario.h"

/* The function of the hook. */
void skafu__kit_told(void *user, const struct skafu_test_note *note);

const struct skafu__kit_type *skafu__kit_type(const skafu_scenario *scenario, const char *name);

/* Failures from number `from` on are forgotten. */
void skafu__kit_forget_failures(skafu_scenario *scenario, size_t from);
void skafu__kit_forget_types(skafu_scenario *scenario);
void skafu__kit_forget_effects(skafu_scenario *scenario);

#endif
