/*
 * writelock.h: the right to write, for one thread of one process at a time.
 */
#ifndef SKAFU__STORE_WRITELOCK_H
#define SKAFU__STORE_WRITELOCK_H

#include <stdint.h>

#include "skafu_store.h"

/* commit_lock, then control; SKAFU_EBUSY at the deadline, naming who holds it; SKAFU_EPOISONED; SKAFU_EDAMAGED when a
 * file through which processes agree was deleted or replaced. */
int32_t skafu__writelock_take(skafu_store *store, int64_t deadline, skafu_error *error);
void skafu__writelock_release(skafu_store *store);

#endif
