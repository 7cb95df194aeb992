/*
 * snapshot.h: saved states, in rows of the table "skafu.snapshots" that are written in the commit of a command.
 *
 * A snapshot is a state as it was before its commit's own events, so it costs no flush of its own.  It saves reading,
 * never decides: a row that is missing, of another fingerprint, older than something that was truncated, deleted or
 * erased, or not as it should be is as good as none.
 *
 * Key: 16 bytes, hash of domain, decider and what is read.  Value, little endian:
 *    0  16 bytes  fingerprint of state and upcasters
 *   16  u64       version of the stream, 0 for a query
 *   24  u64       everything up to this sequence was looked at (query)
 *   32  u64       sequence of the last event folded
 *   40  u64       events folded
 *   48  u64       so many commits had hidden something before (store/hidden.h)
 *   56  ...       the saved state
 */
#ifndef SKAFU__MODEL_SNAPSHOT_H
#define SKAFU__MODEL_SNAPSHOT_H

#include "base/buf.h"
#include "model/statecache.h"

/* Read the snapshot of a key into a hot state without a host's state: 1, or 0 when there is none that can be used,
 * which is one that is not as the hot state says of what was hidden.
 * `at` (0: any) is the sequence that it must not be later than.  Calls functions of the host. */
int32_t skafu__snapshot_get(skafu_store *store, const uint8_t key[16], uint64_t at, struct skafu__hot *hot,
			    skafu_error *error);

/* Put the state into a batch.  A state that cannot be saved or is too large for a row is left out. */
int32_t skafu__snapshot_put(skafu_batch *batch, const uint8_t key[16], const struct skafu__hot *hot,
			    skafu_error *error);

#endif
