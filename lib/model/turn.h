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
#include "codec/trace.h"
#include "model/registry.h"
#include "skafu_model.h"

enum skafu__turn_kind {
	SKAFU__TURN_DECIDER = 1,
	SKAFU__TURN_REACTION,
	SKAFU__TURN_PROCESS,
	SKAFU__TURN_SUBSCRIPTION /* belongs to no domain: it emits nothing */
};

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
	struct skafu__buf metadata; /* of the event that is being emitted, with the traceparent */
	char traceparent[SKAFU__TRACEPARENT_BYTES]; /* that what is emitted continues; "": none */
	void *extra;               /* of lib/run */
};

void skafu__turn_init(struct skafu_turn *turn, const struct skafu__sys *sys);
void skafu__turn_done(struct skafu_turn *turn);

/* Before the handler runs, also again: nothing emitted, nothing refused, an empty batch. */
void skafu__turn_reset(struct skafu_turn *turn);

/* The input belongs to a trace when its metadata say so: then what is emitted does too, as the work of this turn's
 * domain, and without a word of the handler.  After domain and causation are set. */
void skafu__turn_continue_trace(struct skafu_turn *turn, const void *metadata, size_t length);

/* Metadata of a record to be: what the handler gave, and the traceparent that it lacks.  Lent until the next use of
 * the turn. */
int32_t skafu__turn_metadata(struct skafu_turn *turn, skafu_new_record *record, skafu_error *error);

/* An event as it would be emitted: checked, and with everything filled in that the handler left out.  Its bytes are
 * the handler's and the turn's. */
int32_t skafu__turn_fill(skafu_turn *turn, const skafu_new_record *given, skafu_new_record *out, skafu_error *error);

const char *skafu__turn_refusal_code(const struct skafu_turn *turn);
const char *skafu__turn_refusal_message(const struct skafu_turn *turn);

#endif
