/*
 * writer.h: one write transaction, in which batches are judged, encoded and put, each alone and in order.
 *
 * Commits gather in `chunk` and are put as one value, up to the tuning's chunk size; a commit that would hardly share
 * one is a value by itself, and is encoded where LMDB will write it from.  Everything that follows from a commit goes
 * into the overlay at once, so the next batch is judged against it; when the transaction fails, overlay and heads are
 * thrown away and the new names taken back.
 *
 * The caller holds commit_lock and the control lock throughout, and the gate exclusively but during _commit.
 */
#ifndef SKAFU__STORE_WRITER_H
#define SKAFU__STORE_WRITER_H

#include <lmdb.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/batch.h"
#include "store/view.h"

struct skafu__writer {
	skafu_store *store;
	MDB_txn *txn;
	struct skafu__view view; /* of this transaction: what was put, not what waits in chunk */
	struct skafu__buf chunk;
	uint64_t head; /* including what waits in chunk */
	uint64_t commit;
	int64_t last_recorded_ns;
	int64_t now_ns;
	uint32_t name_counts[SKAFU__NAME_SETS]; /* before the transaction */
	uint32_t commits_added;
	int is_broken;
	int is_unknown; /* the flush failed, and readers may have seen what it wrote */
};

int32_t skafu__writer_begin(struct skafu__writer *writer, skafu_store *store, skafu_error *error);

/* Judge a batch and add it, or refuse it and leave all as it was.  When is_broken is set afterwards, the failure is
 * no refusal and the transaction must be aborted. */
int32_t skafu__writer_add(struct skafu__writer *writer, skafu_batch *batch, struct skafu_appended *out,
			  skafu_error *error);

/* Put what waits.  After it the gate may be given up for the flush. */
int32_t skafu__writer_put(struct skafu__writer *writer, skafu_error *error);

/* Flush to disk.  SKAFU_EUNKNOWN poisons the store. */
int32_t skafu__writer_commit(struct skafu__writer *writer, skafu_error *error);

/* Undo in memory what was not written; the gate is held exclusively. */
void skafu__writer_abort(struct skafu__writer *writer);
void skafu__writer_forget(struct skafu__writer *writer);

/* Release what the writer holds; the last call always. */
void skafu__writer_done(struct skafu__writer *writer);

/* For the judge: a record, wherever it is; puts what waits when the record is there. */
int32_t skafu__writer_record(struct skafu__writer *writer, uint64_t sequence, struct skafu__record *out,
			     skafu_error *error);

/* The version of a stream after everything that was added. */
int32_t skafu__writer_stream_version(struct skafu__writer *writer, const char *stream, size_t length,
				     uint64_t *out_version, skafu_error *error);

#endif
