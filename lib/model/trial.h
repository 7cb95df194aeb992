/*
 * trial.h: the handler of a projection over a part of the log, into a view that is thrown away.
 *
 * Invariant: nothing that is read by anybody else changes; no effects are fired; an event that the handler fails on
 * is counted and passed.
 */
#ifndef SKAFU__MODEL_TRIAL_H
#define SKAFU__MODEL_TRIAL_H

#include <stdint.h>

#include "model/building.h"

struct skafu__trial {
	skafu_model *model;
	struct skafu__projection *projection;
	struct skafu__views *views;
	skafu_rules *filter; /* borrowed; NULL: none */
	uint64_t begin;      /* the sequence before the part */
	uint64_t sequence;   /* everything up to here is done */
	uint64_t succeeded;  /* forms of events */
	uint64_t failed;
	int32_t code; /* of the last failure */
	uint32_t reserved;
};

void skafu__trial_init(struct skafu__trial *trial, skafu_model *model, struct skafu__projection *projection,
		       uint64_t begin, skafu_rules *filter);
void skafu__trial_done(struct skafu__trial *trial);

/* Up to events_max events, not beyond `limit`: 1 there is more to do up to there, 0 not, or a code of the library.
 * Runs functions of the host, as skafu__projection_step() does. */
int32_t skafu__trial_advance(struct skafu__trial *trial, uint64_t limit, uint32_t events_max, int64_t deadline,
			     skafu_error *error);

#endif
