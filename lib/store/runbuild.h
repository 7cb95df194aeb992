/*
 * runbuild.h: segments of a run that is being made, in memory, until a transaction puts them.
 */
#ifndef SKAFU__STORE_RUNBUILD_H
#define SKAFU__STORE_RUNBUILD_H

#include <lmdb.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/segment_build.h"
#include "store/run.h"

struct skafu__runbuild {
	const skafu_store *store;
	struct skafu__manifest_run run; /* what it will be; counts grow as segments come */
	struct skafu__segment_builder builder;
	struct skafu__segment_info *infos; /* of all segments so far, those that are put already included */
	uint32_t info_room;
	uint32_t put_count; /* segments that a transaction has put: their bytes are dropped */
	struct skafu__buf bytes; /* of the segments that are not put yet */
	uint8_t *filter;         /* of a complete run of ids; NULL: none */
	size_t filter_bytes;
	int32_t failed;
};

/* Begin a run, or go on after `done` segments whose infos the caller has filled in. */
int32_t skafu__runbuild_init(struct skafu__runbuild *build, const skafu_store *store,
			     const struct skafu__manifest_run *run);
void skafu__runbuild_done(struct skafu__runbuild *build);

/* Know segments that were put by an earlier transaction. */
int32_t skafu__runbuild_resume(struct skafu__runbuild *build, const struct skafu__segment_info *infos,
			       uint32_t count);

/* Throw away what was added since the last whole segment: the caller feeds the entries after it again. */
int32_t skafu__runbuild_reopen(struct skafu__runbuild *build);

/* Make a whole run of entries, which are sorted in the scratch (as for skafu__entries_sort). */
int32_t skafu__runbuild_fill(struct skafu__runbuild *build, const struct skafu__entry *entries, size_t count,
			     struct skafu__entry *scratch);

/* Put the segments that are not put yet. */
int32_t skafu__runbuild_put(struct skafu__runbuild *build, MDB_txn *txn, skafu_error *error);

/* Put the manifest of a run that is complete. */
int32_t skafu__runbuild_put_manifest(struct skafu__runbuild *build, MDB_txn *txn, skafu_error *error);

#endif
