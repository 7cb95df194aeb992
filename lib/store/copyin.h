/*
 * copyin.h: commits that were made elsewhere, written in their order into a store that nobody else writes to.
 *
 * Backup and salvage end here.  Invariant: the store has a whole number of the commits that were given, in order, at
 * every moment; so a copy that was interrupted is a valid, shorter one.
 */
#ifndef SKAFU__STORE_COPYIN_H
#define SKAFU__STORE_COPYIN_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_store.h"

#define SKAFU__COPYIN_ROUND_BYTES (4u << 20) /* what callers gather before they put it */

struct skafu__copyin {
	skafu_store *to;
	uint64_t commit; /* the last one that the store has */
	uint64_t sequence;
};

/* Write whole commits, one after another; the first is the one after copyin->commit.  They are cut into chunks of the
 * usual size, folded and merged on the way. */
int32_t skafu__copyin_put(struct skafu__copyin *copyin, const uint8_t *commits, size_t length, skafu_error *error);

#endif
