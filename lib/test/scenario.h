/*
 * scenario.h: a scenario, and what its parts share.
 *
 * Invariant: `seen` is the sequence up to which records were checked, given, or appended by the test itself; what
 * lies behind it came of a `when` and waits to be checked.  Effects before `effects_seen` likewise.  While a public
 * function of the kit runs, and until another scenario of the thread is used, the thread asks this one's machine.
 */
#ifndef SKAFU__TEST_SCENARIO_H
#define SKAFU__TEST_SCENARIO_H

#include <stdint.h>

#include "skafu_test.h"
#include "test/machine.h"
#include "test/wording.h"

/* An event type that the model defines, or (no domain) takes into upcasters. */
struct skafu__kit_type {
	char *name;
	char *domain;
	uint32_t version;
};

/* Each once, however often a handler asks for it with the same key. */
struct skafu__kit_effect {
	char *consumer;
	char *name;
	uint8_t key[16];
};

struct skafu__kit_failure {
	char *consumer;
	char *message;
	uint64_t sequence;
	int32_t code;
};

/* What the scope of the command that is being executed selects. */
struct skafu__kit_scope {
	uint32_t is_wanted;
	uint32_t was_asked;
	uint32_t is_missing; /* a given event is outside of it */
	int32_t failed;
	uint64_t missing; /* its sequence */
};

struct skafu_scenario {
	struct skafu__kit_machine machine; /* first: the hook's user is the scenario too */
	uint32_t flags;
	uint32_t muted; /* effects that a handler asked for and must not do */
	char *path;     /* NULL: in memory */
	skafu_store *store;
	skafu_model *model;
	skafu_engine *engine;
	uint64_t seen;
	skafu_outcome *outcome; /* of the last command */
	struct skafu__kit_scope scope;
	struct skafu__kit_text report;
	struct skafu__kit_type *types;
	size_t type_count;
	size_t type_room;
	struct skafu__kit_effect *effects;
	size_t effect_count;
	size_t effect_room;
	size_t effects_seen;
	struct skafu__kit_failure *failures; /* since the last `when` */
	size_t failure_count;
	size_t failure_room;
	uint64_t *given; /* sequences */
	size_t given_count;
	size_t given_room;
	uint64_t *own; /* sequences of the events of `when`, which nobody expects */
	size_t own_count;
	size_t own_room;
	int32_t failed; /* something told could not be kept */
};

/* Every public function begins with it: from here on the thread asks this scenario's machine.  SKAFU_EINVAL for NULL,
 * SKAFU_EMISUSE after a restart that failed. */
int32_t skafu__kit_enter(skafu_scenario *scenario, skafu_error *error);

/* A check that does not hold: 1, with what was put into the report; or SKAFU_ENOMEM when that found no room. */
int32_t skafu__kit_differs(skafu_scenario *scenario, skafu_error *error);

/* The scenario's own calls into the library neither count nor fail. */
void skafu__kit_pause(skafu_scenario *scenario);
void skafu__kit_resume(skafu_scenario *scenario);

int32_t skafu__kit_head(skafu_scenario *scenario, uint64_t *out_head, skafu_error *error);

#endif
