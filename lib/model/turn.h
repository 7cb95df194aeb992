/*
 * turn.h: what a handler does about its input, collected until it is appended as one commit.
 *
 * Deciders emit and refuse; lib/run, which shares this object, adds what reactions and processes may do besides.
 *
 * Invariant: a turn in which something was refused or could not be recorded does not reach the log, whatever the
 * handler returns: `failed` sticks.
 */
#ifndef SKAFU__MODEL_TURN_H
#define SKAFU__MODEL_TURN_H

#include <stdint.h>

#include "base/buf.h"
#include "model/registry.h"
#include "skafu_model.h"

enum skafu__turn_kind { SKAFU__TURN_DECIDER = 1, SKAFU__TURN_REACTION, SKAFU__TURN_PROCESS };

struct skafu_turn {
	const struct skafu__registry *registry;
	const struct skafu__domain *domain; /* source of what is emitted */
	skafu_batch *batch;
	uint32_t kind;
	uint32_t hops;
	const char *stream;       /* of an event that names none; NULL: it must */
	const char *correlation;
	const uint8_t *causation; /* NULL: none */
	int64_t now_ns;
	int32_t is_open;      /* the handler runs */
	int32_t failed;       /* the code of what could not be recorded */
	uint32_t event_count;
	uint32_t own_count;   /* of these, to `stream` */
	uint32_t last_is_own; /* the last one was */
	uint32_t refused;
	struct skafu__buf refusal; /* code and message, each with its NUL */
	void *extra;               /* of lib/run */
};

void skafu__turn_init(struct skafu_turn *turn, const struct skafu__sys *sys);
void skafu__turn_done(struct skafu_turn *turn);

/* Before the handler runs, also again: nothing emitted, nothing refused, an empty batch. */
void skafu__turn_reset(struct skafu_turn *turn);

const char *skafu__turn_refusal_code(const struct skafu_turn *turn);
const char *skafu__turn_refusal_message(const struct skafu_turn *turn);

#endif
