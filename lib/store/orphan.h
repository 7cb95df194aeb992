/*
 * orphan.h: a commit whose writer was killed before it could tell anybody.
 *
 * LMDB shows a commit to readers through a number in its lock file, which the writer sets when the meta page is on
 * the disk.  A writer that dies in between leaves a commit that is there for good, but that no process which has the
 * store open sees until the next one writes.  Until then "it is not in the log" would be wrong, and a sleeper would
 * sleep on.
 */
#ifndef SKAFU__STORE_ORPHAN_H
#define SKAFU__STORE_ORPHAN_H

#include "skafu_store.h"

/* When the last writer died inside a commit, let LMDB repair itself, and wake all: 1, look again.  Else 0, at the
 * price of a load while nobody writes.  The caller holds no view and no lock. */
int skafu__orphan_adopt(skafu_store *store);

/* Wait until no writer is in the middle of a commit, and repair what a dead one left: afterwards every commit that
 * will ever be is to be seen, but for those that begin later.  SKAFU_EBUSY, SKAFU_EPOISONED. */
int32_t skafu__orphan_settle(skafu_store *store, int64_t deadline, skafu_error *error);

#endif
