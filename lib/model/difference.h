/*
 * difference.h: two generations of a projection, row by row in key order.
 *
 * Tables are met by their names, since two builds may have numbered them differently.  The rows are walked some at a
 * time, so that no transaction is open while the host is told; both marks must stay where they are meanwhile.
 */
#ifndef SKAFU__MODEL_DIFFERENCE_H
#define SKAFU__MODEL_DIFFERENCE_H

#include "model/building.h"

/* Count the differences, and tell each of them if `tell` is given.  SKAFU_EBUSY when another process moved one of the
 * two; what `tell` answers when that is negative; 1 when it stopped politely, 0 at the end. */
int32_t skafu__difference_count(struct skafu__building *building, skafu_difference_fn tell, void *user,
				uint64_t *out_count, skafu_error *error);

#endif
