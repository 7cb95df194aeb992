/*
 * building.h: the generations of a projection: which one is in use, which is built beside it, and who may write what.
 *
 * Invariants:
 *   What a batch changed and the mark of its generation are written in one transaction, on condition that the mark is
 *   still where the batch began: processes that step the same projection lose a batch to one another, never a change.
 *   A generation is written only under the fingerprint that it was begun with; another definition gets another one.
 *   The generation beside never passes the one in use, so it takes its place exactly when both have seen the same,
 *   and until then it fires no effects, which the one in use has fired.
 *   A generation remembers how much was hidden when it was begun (store/hidden.h).  When more was hidden since, it
 *   may be of events that readers do not see any more: another one is built beside it, unless the definition says
 *   that what it made stays.
 *
 * When programs of different versions run at once, the higher version wins; of two with the same version but other
 * upcasters, types or rules, the one that was started last.  The program that lost leaves the rows alone.
 */
#ifndef SKAFU__MODEL_BUILDING_H
#define SKAFU__MODEL_BUILDING_H

#include <stdint.h>

#include "model/projection.h"
#include "model/stepping.h"
#include "store/viewmark.h"

#define SKAFU__BUILDING_WAIT_NS (UINT64_C(10) * 1000000000) /* for other writers, where the caller has no deadline */

/* What is there now. */
struct skafu__built {
	struct skafu__viewplace place;
	struct skafu__viewmark live; /* meaningful when place.live is not 0, and so on */
	struct skafu__viewmark shadow;
};

void skafu__built_init(struct skafu__built *built, const struct skafu__sys *sys);
void skafu__built_done(struct skafu__built *built);
int32_t skafu__built_load(struct skafu__views *views, const char *projection, struct skafu__built *out,
			  skafu_error *error);
int32_t skafu__built_load_in(struct skafu__viewtxn *txn, const char *projection, struct skafu__built *out,
			     skafu_error *error);

/* Everything that a call needs; the caller is inside skafu__handling_enter(). */
struct skafu__building {
	skafu_model *model;
	struct skafu__projection *projection;
	struct skafu__views *views;
	int64_t deadline;
	int is_aside; /* of a moment of the past: no effects */
	uint64_t hidden; /* so many commits have hidden something */
	struct skafu__built built;
	struct skafu__stepping stepping;
	struct skafu__editchange *changes;
	uint64_t given;   /* forms that the handler took, and that are written */
	uint64_t pass_to; /* see skafu__building_pass() */
};

int32_t skafu__building_init(struct skafu__building *building, skafu_model *model,
			     struct skafu__projection *projection, struct skafu__views *views, int64_t deadline,
			     skafu_error *error);
void skafu__building_done(struct skafu__building *building); /* also of one that is all zero */

/* Load, throw away what does not belong to this log, and begin what must be begun.  Afterwards building->built is
 * current. */
int32_t skafu__building_prepare(struct skafu__building *building, skafu_error *error);

/* Up to events_max events, and not beyond `limit`: SKAFU__PROJECTION_IDLE, _MORE, _HALTED or a negative code. */
int32_t skafu__building_advance(struct skafu__building *building, int beside, uint64_t limit, uint32_t events_max,
				skafu_error *error);

/* May this generation of the definition hold what is hidden now?  `hidden` is the count of now, or an earlier one. */
int skafu__building_is_outdated(const struct skafu__projection *projection, const struct skafu__viewmark *mark,
				uint64_t hidden);

/* The generation in use, or the one beside it, was begun by this very definition. */
int skafu__building_owns(const struct skafu__building *building, int beside);

/* Begin a new generation beside, by this definition, in place of what is there. */
int32_t skafu__building_begin_beside(struct skafu__building *building, skafu_error *error);

/* Put the one beside in use, if both have seen the same: 1, or 0 when not (yet). */
int32_t skafu__building_flip(struct skafu__building *building, skafu_error *error);

/* Throw the one beside away: 1, or 0 when there is none. */
int32_t skafu__building_discard(struct skafu__building *building, skafu_error *error);

/* Count everything up to a sequence as seen by the generation in use, without the handler: where a part of the log
 * begins, or past an event that the handler fails on. */
int32_t skafu__building_pass(struct skafu__building *building, uint64_t sequence, skafu_error *error);

/* Forget that the handler failed. */
int32_t skafu__building_resume(struct skafu__building *building, skafu_error *error);

#endif
