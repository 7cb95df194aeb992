/*
 * house.h: a small model for the tests of the kit, with everything in it that the kit looks at.
 *
 * Domain "house": the command Ask makes an Asked, or is refused when its data have "no".  The reaction "answer" makes
 * of each Asked an Answered in the stream "answers", sends the command Note, and does the effect "mail"; it fails
 * while house->fails, and forgets itself when house->forgets: the second time it adds what it did not the first time.
 * Wait sets a timer that records a Rang.  The process "talk" begins with Asked and ends with Rang.  The projection
 * "asked" keeps {"stream":...,"n":...} for each stream of Asked and halts at data with "poison".
 * Domain "school": Enrol is decided over the tag of its course, or a wrong tag when house->is_blind.
 */
#ifndef TESTS_TEST_HOUSE_H
#define TESTS_TEST_HOUSE_H

#include "skafu_test.h"

struct house {
	uint32_t fails;
	uint32_t handled;
	uint32_t forgets;
	uint32_t is_blind;
	uint32_t loops;
	uint32_t freed;
};

/* A skafu_define_fn; user is a struct house. */
int32_t house_define(void *user, skafu_model *model, skafu_error *error);

/* A scenario with the house in it. */
skafu_scenario *house_scenario(struct house *house, uint32_t flags, const char *path);

skafu_new_record house_event(const char *stream, const char *type, const char *data);
skafu_command house_command(const char *stream, const char *type, const char *data);

/* Asserting forms; then() wants an event of that type. */
void house_given(skafu_scenario *scenario, const char *stream, const char *type, const char *data);
void house_when(skafu_scenario *scenario, const char *stream, const char *type, const char *data);
void house_then(skafu_scenario *scenario, const char *type);

/* What the check answered and said. */
void house_says(skafu_scenario *scenario, int32_t rc, const char *report);

#endif
