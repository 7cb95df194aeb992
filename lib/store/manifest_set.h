/*
 * manifest_set.h: the runs of the index, as of one generation of the index record.
 *
 * Invariant: the set that a view sees is of the view's generation: it is replaced under the gate held exclusively,
 * and view_open lets no view begin on another one.  Runs that both generations have keep their object.
 *
 * In the manifest table: the root under the single byte 0, the parts of a run under its key, and what an unfinished
 * merge has reached under the same key with the part number SKAFU__MANIFEST_PROGRESS.
 */
#ifndef SKAFU__STORE_MANIFEST_SET_H
#define SKAFU__STORE_MANIFEST_SET_H

#include <lmdb.h>

#include "store/run.h"

#define SKAFU__MANIFEST_PROGRESS UINT32_MAX

struct skafu__manifest_set {
	uint64_t generation;
	uint64_t epoch; /* of the index record: a reindex makes other values under the same keys */
	struct skafu__run **runs; /* by dimension, oldest sequences first */
	uint32_t count;
	uint32_t begin[SKAFU__DIMS + 1]; /* of each dimension */
};

int32_t skafu__manifest_set_new(skafu_store *store);
void skafu__manifest_set_free(skafu_store *store);

/* Load the runs of the root in a transaction whose index record is this one.  The gate is held exclusively. */
int32_t skafu__manifest_set_load(skafu_store *store, MDB_txn *txn, const struct skafu__index_state *state,
				 skafu_error *error);

/* Throw all runs away, so that the next load reads them anew. */
void skafu__manifest_set_clear(skafu_store *store);

/* The map moved (the gate is held exclusively). */
void skafu__manifest_set_map_moved(skafu_store *store);

void skafu__manifest_set_count(const skafu_store *store, uint64_t *runs, uint64_t *segments, uint64_t *entries);

/* The run with a number; NULL when the set has none. */
struct skafu__run *skafu__manifest_set_find(const struct skafu__manifest_set *set, uint32_t dimension,
					    uint32_t number);

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* The runs that a root lists, in a list that can be changed. */
struct skafu__root_edit {
	const struct skafu__sys *sys;
	struct skafu__manifest_run *runs;
	uint32_t count;
	uint32_t room;
};

int32_t skafu__root_edit_begin(const skafu_store *store, MDB_txn *txn, struct skafu__root_edit *edit,
			       skafu_error *error);
void skafu__root_edit_done(struct skafu__root_edit *edit);
int32_t skafu__root_edit_add(struct skafu__root_edit *edit, const struct skafu__manifest_run *run);
/* 1 and the run when it was listed. */
int skafu__root_edit_remove(struct skafu__root_edit *edit, uint32_t dimension, uint32_t number,
			    struct skafu__manifest_run *out);
int32_t skafu__root_edit_put(const skafu_store *store, MDB_txn *txn, struct skafu__root_edit *edit,
			     skafu_error *error);

/* Put the parts of a new run; fills in part_count and crc of *run. */
int32_t skafu__manifest_put_run(const skafu_store *store, MDB_txn *txn, struct skafu__manifest_run *run,
				const struct skafu__segment_info *segments, skafu_error *error);

/* Delete parts and segments of a run that the root is about not to list any more. */
int32_t skafu__manifest_delete_run(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *run,
				   skafu_error *error);

#endif
