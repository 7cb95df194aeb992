/*
 * viewing.h: reading what projections made, as fresh as it is asked for.
 *
 * Invariant: what one handle shows never goes back: it remembers how far the view was, and builds it again up to
 * there when the files of the views were lost or damaged in between.
 */
#ifndef SKAFU__MODEL_VIEWING_H
#define SKAFU__MODEL_VIEWING_H

#include <stdint.h>

#include "skafu_model.h"

/* Wait until a projection has seen everything up to a sequence; with sequence 0: is there such a projection?  Steps
 * it when this model defines it.  SKAFU_ETIMEOUT, SKAFU_ENOTFOUND (also when nobody runs it). */
int32_t skafu__viewing_wait(skafu_model *model, const char *name, uint64_t sequence, int64_t deadline,
			    skafu_error *error);

#endif
