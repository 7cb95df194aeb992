/*
 * once.h: does every input take effect exactly once?  Several processes serve the same consumers of one store and
 * are killed at random, again and again, until there is nothing left to do; then the log is counted.
 *
 * A plan says what the processes define and how the log is judged.  For consumers of every kind: reactions,
 * commands, projections, processes, timers, replays.
 */
#ifndef TESTS_FAULT_ONCE_H
#define TESTS_FAULT_ONCE_H

#include <stdint.h>

#include "fault/actors.h"
#include "skafu_run.h"

#define ONCE_ACTORS_MAX 8u

struct once {
	const char *topic;
	uint32_t actors;
	uint32_t kills;    /* at least so many, however fast they are */
	int64_t pause_min; /* between two kills, in ns */
	int64_t pause_max;
	int64_t ns_max;    /* for all of it */

	/* In each process: 0, or a code, which fails the test. */
	int32_t (*define)(void *user, skafu_model *model, skafu_error *error);

	/* In the parent, before any process: fill the log. */
	void (*fill)(void *user, skafu_store *store);

	/* In the parent, now and then: 1 when all effects are there. */
	int (*is_done)(void *user, skafu_store *store);

	/* In the parent, at the end, with an engine of its own drained. */
	void (*judge)(void *user, skafu_store *store, skafu_model *model);
	void *user;
};

/* Run the plan; fails the test with what an actor said, or when time is up.  Returns how often somebody was
 * killed. */
uint32_t once_run(const struct once *plan);

/* How many records of a kind and type there are, and whether no two have the same cause. */
struct once_count {
	uint32_t count;
	uint32_t doubles;
};
struct once_count once_count(skafu_store *store, uint32_t kind, const char *type);

#endif
