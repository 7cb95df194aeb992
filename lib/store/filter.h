/*
 * filter.h: beside each run of record ids or of streams, a filter that says of most keys that they are not in it.
 *
 * Appending ids that the host chose asks for each whether the log has it, and the first event of a stream asks for
 * those before it; with the filters nearly all of these questions end without touching a segment.  A filter is a
 * value of the run table under the run's key with the segment number SKAFU__FILTER_NUMBER; it is not in the manifest,
 * since it is only ever an optimisation: a run without one, or with a damaged one, is simply searched.  Runs above
 * SKAFU__FILTER_LEVEL_MAX are few and have none; nor have those of that level that are so large that making it would
 * take long.  It is as large as the run's keys need, but never so small that it would not take pages of its own,
 * where it is found again at once.
 */
#ifndef SKAFU__STORE_FILTER_H
#define SKAFU__STORE_FILTER_H

#include <lmdb.h>
#include <stdint.h>

#include "store/run.h"
#include "store/runbuild.h"

#define SKAFU__FILTER_NUMBER UINT32_MAX
#define SKAFU__FILTER_LEVEL_MAX 2u
#define SKAFU__FILTER_TOP_ENTRIES_MAX (UINT64_C(1) << 21) /* of a run of that level */

/* 1 when runs like this have a filter. */
int skafu__filter_is_wanted(const struct skafu__manifest_run *run);

/* The filter of a run that is complete in `build`; segments that were put are read through the view.  *out is to be
 * freed. */
int32_t skafu__filter_make(struct skafu__view *view, const struct skafu__runbuild *build, uint8_t **out,
			   size_t *out_length, skafu_error *error);

int32_t skafu__filter_put(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *run,
			  const uint8_t *bytes, size_t length, skafu_error *error);
int32_t skafu__filter_delete(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *run,
			     skafu_error *error);

/* 0 when the run certainly has nothing under this hash; 1 when it may, or has no filter. */
int skafu__filter_may_hold(struct skafu__view *view, struct skafu__run *run, uint64_t hash);

#endif
