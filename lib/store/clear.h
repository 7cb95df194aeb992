/*
 * clear.h: payloads that nobody may see any more go from the file, and their space can be used again.
 *
 * A commit that holds such payloads (erased, or of events of truncated and deleted streams) is written anew without
 * them.  Their digests stay, so the canonical form, the hash chain, sequences and versions stay, too, and every other
 * record stays byte for byte.
 *
 * How far it came is in the index record: commits up to `cleared_commit` hold no payload that was hidden when
 * `cleared_count` commits had hidden something.  When more is hidden later, it begins anew at the end of its way.
 * Only what is folded is touched: the commits after that belong to the overlay and to the fold that packs them.
 */
#ifndef SKAFU__STORE_CLEAR_H
#define SKAFU__STORE_CLEAR_H

#include <stdint.h>

#include "base/buf.h"
#include "codec/rewrite.h"
#include "store/view.h"

/* Append the commit that the view stands on to `out`, without what may not be seen: 1 something was left out, 0 it
 * is the same, byte for byte. */
int32_t skafu__clear_commit(struct skafu__view *view, struct skafu__rewrite *rewrite, struct skafu__buf *out,
			    skafu_error *error);

/* Clear a bounded number of chunks: 1 there is more, 0 there is not, or a failure.  The caller holds the fold
 * lock. */
int32_t skafu__clear_step(skafu_store *store, int64_t deadline, skafu_error *error);

#endif
