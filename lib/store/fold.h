/*
 * fold.h: moving what follows from the oldest unfolded commits out of the overlay and into the index.
 *
 * A fold takes the shortest run of commits whose weight reaches the fold mark, so that every process, and a reindex,
 * cuts at the same commits.  It is planned from the overlay while others append and read: entries sorted and packed,
 * small commits packed into larger chunks, rows and names gathered; the overlay holds the entries meanwhile.  Only
 * the installation, puts of finished bytes, is under the writer's locks; when somebody else folded meanwhile, the
 * plan is thrown away.
 *
 * Invariant: index entries, rows, names and the index record change in one transaction.
 */
#ifndef SKAFU__STORE_FOLD_H
#define SKAFU__STORE_FOLD_H

#include <stdint.h>

#include "store/overlay.h"
#include "store/view.h"

/* Where the entries of a dimension are sorted.  Kept from fold to fold, up to a size: memory that is new each time
 * costs as much as the sorting.  Of the store, guarded by its fold lock; all zero at the beginning. */
struct skafu__fold_space {
	struct skafu__entry *scratch;
	size_t room;
};
void skafu__fold_space_done(struct skafu__fold_space *space, const struct skafu__sys *sys);

/* After an append, when the caller's result is published: fold when the mark is passed, else do one step of the
 * merges that the last fold has left.  Failures are for the log sink; the next fold tries again. */
void skafu__fold_after_append(skafu_store *store);

/* The same, of commits read from the log instead of the overlay: for a tail that memory may not hold. */
int32_t skafu__fold_from_log(skafu_store *store, int64_t deadline, skafu_error *error);

/* One fold, if one is due: 1 done, 0 none due, or a failure.  deadline bounds the wait for other writers.  The caller
 * holds the fold lock. */
int32_t skafu__fold_once(skafu_store *store, int64_t deadline, skafu_error *error);

#endif
