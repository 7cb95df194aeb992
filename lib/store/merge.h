/*
 * merge.h: fan_in neighbouring runs of one level made into one of the next, a bounded piece at a time.
 *
 * A merge is due when every fold that its run covers has happened; lower levels go first.  Its segments are put
 * under a run number that the root does not name yet, with a record of how far it came, so that any process can go
 * on; the last piece names the run, drops its inputs, and begins a new generation.  What comes out depends only on
 * the inputs, so two processes that do the same piece write the same bytes.
 */
#ifndef SKAFU__STORE_MERGE_H
#define SKAFU__STORE_MERGE_H

#include <stdint.h>

#include "skafu_store.h"

/* Do a piece: 1 there is more to do, 0 there is not, or a failure. */
int32_t skafu__merge_step(skafu_store *store, int64_t deadline, skafu_error *error);

#endif
