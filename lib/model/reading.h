/*
 * reading.h: what a command depends on, and the state that is folded from it.
 *
 * A stream decider may begin with a state that is behind the log: the append's condition finds out.  A decider with a
 * scope always looks at what is new since its state was kept.
 */
#ifndef SKAFU__MODEL_READING_H
#define SKAFU__MODEL_READING_H

#include <stdint.h>

#include "base/buf.h"
#include "model/decider.h"
#include "model/statecache.h"
#include "model/upcast.h"
#include "skafu_model.h"

struct skafu__reading {
	skafu_model *model;
	const struct skafu__decider *decider;
	const char *stream;  /* borrowed; NULL for a scope, or when nothing is read */
	skafu_query *read;   /* of a scope; NULL: nothing is read */
	skafu_query *guard;  /* what must not have new matches; NULL: nothing; may be `read` */
	struct skafu__buf key; /* names the decider and what it reads */
	struct skafu__hot *hot;
	struct skafu__lens lens;
	/* While they are read and made: here, so that they are given back also when a handler does not return. */
	skafu_cursor *cursor;
	struct skafu__hot *making;
	int64_t deadline; /* INT64_MAX: none */
	int saves;        /* the batch holds a snapshot of `hot` */
};

/* Ask the scope, if any.  The command is complete. */
int32_t skafu__reading_begin(struct skafu__reading *reading, skafu_model *model, const struct skafu__decider *decider,
			     const skafu_command *command, skafu_error *error);
void skafu__reading_done(struct skafu__reading *reading); /* also of one that is all zero */

/* The state as of a sequence (0: now, or what was kept). */
int32_t skafu__reading_load(struct skafu__reading *reading, uint64_t at, skafu_error *error);

/* Fold what came since. */
int32_t skafu__reading_catch_up(struct skafu__reading *reading, skafu_error *error);

/* The condition that the reading implies, as number 1 of the batch. */
int32_t skafu__reading_guard(const struct skafu__reading *reading, skafu_batch *batch, skafu_error *error);

/* 1 when nothing that it depends on is newer than the state, 0 when something is. */
int32_t skafu__reading_is_current(const struct skafu__reading *reading, skafu_error *error);

/* Put a snapshot of the state into the batch if one is due. */
int32_t skafu__reading_save(struct skafu__reading *reading, skafu_batch *batch, skafu_error *error);

/* The state for the next command: `own` events of ours follow it in its stream. */
void skafu__reading_keep(struct skafu__reading *reading, uint64_t own);
void skafu__reading_forget(struct skafu__reading *reading);

#endif
