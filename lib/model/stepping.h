/*
 * stepping.h: events of the log, through the lens and the filters of a projection, into its handler: what one
 * transaction on the views will write.
 *
 * Nothing is written here.  What the handler does is collected in memory from the mark of a generation on; the owner
 * writes it on condition that the mark is still the same (building.h).  A handler that fails is run again with fewer
 * events, until all that come before the event it fails on can be written and that event is alone.
 */
#ifndef SKAFU__MODEL_STEPPING_H
#define SKAFU__MODEL_STEPPING_H

#include <stdint.h>

#include "model/edit.h"
#include "model/held.h"
#include "model/projection.h"
#include "model/upcast.h"

struct skafu__stepping {
	skafu_model *model;
	struct skafu__projection *projection;
	struct skafu__views *views;
	struct skafu_edit edit;
	struct skafu__lens lens;
	struct skafu__held held;  /* the batch in hand */
	struct skafu__buf chosen; /* pointers to the events of one row */
	struct skafu__buf value;  /* that a fold writes */
	skafu_cursor *cursor;
	uint64_t from;    /* first sequence of the try */
	uint64_t reached; /* everything up to here is in the edit */
	uint64_t taken;   /* stored records that the try has looked at ... */
	uint64_t settled; /* ... of which the handler is done with so many */
	uint64_t given;   /* forms that the handler was given in the try */
	skafu_rules *filter; /* of whoever steps: stored records must match it too; NULL: none */
	uint64_t culprit; /* sequence of the record in hand */
	int exact;        /* the failure is that record's, not that of a batch */
	int handler_failed;
	struct skafu_error why;
};

void skafu__stepping_init(struct skafu__stepping *stepping, skafu_model *model, struct skafu__projection *projection,
			  struct skafu__views *views);
void skafu__stepping_done(struct skafu__stepping *stepping); /* also of one that is all zero */

struct skafu__stepping_span {
	const struct skafu__viewmark *mark; /* where it begins */
	uint32_t generation;
	uint64_t limit;    /* not beyond this sequence */
	uint64_t muted_to; /* no effects up to here */
};

#define SKAFU__STEPPING_FAILED 2

/*
 * Collect up to events_max events: 0 when all up to the limit and the head is in the edit, 1 when there is more, or
 * SKAFU__STEPPING_FAILED when the handler fails on the very first event (stepping->why, stepping->culprit).  A
 * negative code is a failure of the library.
 */
int32_t skafu__stepping_collect(struct skafu__stepping *stepping, const struct skafu__stepping_span *span,
				uint32_t events_max, skafu_error *error);

#endif
