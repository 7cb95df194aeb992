/*
 * fold.h: moving what the overlay holds into the index, and what keeps the index small.
 */
#ifndef SKAFU__STORE_FOLD_H
#define SKAFU__STORE_FOLD_H

#include <stdint.h>

#include "skafu_store.h"

/* After an append, when the caller's result is published: fold when the mark is passed.  Failures are for the log
 * sink; the next append tries again. */
void skafu__fold_after_append(skafu_store *store);

#endif
