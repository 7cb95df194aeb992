/*
 * chain.h: advancing the hash chain, which upkeep does and appends never do.
 *
 * How far the chain reaches, and its hash there, are in the index record; so a copy of that record kept elsewhere is
 * a witness of everything up to it.
 */
#ifndef SKAFU__STORE_CHAIN_H
#define SKAFU__STORE_CHAIN_H

#include <stdint.h>

#include "base/buf.h"
#include "store/view.h"

/* Link a commit that a view stands on: `scratch` is for its canonical form. */
int32_t skafu__chain_take(const skafu_store *store, uint8_t chain[SKAFU__CHAIN_BYTES],
			  const struct skafu__commit *commit, struct skafu__buf *scratch, skafu_error *error);

/* For who has the time: appends wait for the gate, which a step holds while it walks. */
#define SKAFU__CHAIN_WALK_NS UINT64_C(20000000)

/* Link commits for walk_ns, one at least, and install what they gave, waiting for others until the deadline: 1 there
 * are more, 0 there are not, or a failure. */
int32_t skafu__chain_step(skafu_store *store, uint64_t walk_ns, int64_t deadline, skafu_error *error);

/* At the close of a store that was written to: link what a step can, without waiting for others.  Failures do not
 * matter, upkeep comes back to it. */
void skafu__chain_at_close(skafu_store *store);

#endif
