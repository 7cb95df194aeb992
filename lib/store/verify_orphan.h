/*
 * verify_orphan.h: keys of the index tables that nothing leads to: a part of a verification.
 */
#ifndef SKAFU__STORE_VERIFY_ORPHAN_H
#define SKAFU__STORE_VERIFY_ORPHAN_H

#include "store/verify.h"

/* Look at every key of the tables run and manifest.  What a merge that is under way has written is no orphan. */
int32_t skafu__verify_orphans(struct skafu__verify *verify, skafu_error *error);

#endif
