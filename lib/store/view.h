/*
 * view.h: a moment of the log, for the length of one call: an LMDB snapshot, and the overlay that fits it.
 *
 * Invariant: while a view is open the store's gate is held shared, the overlay holds every commit after the view's
 * index state up to the view's head, and no pointer into the snapshot moves.  A view never outlives the function that
 * opened it, runs no code of the host, and is closed after at most SKAFU__VIEW_BUDGET_NS by those who walk.
 */
#ifndef SKAFU__STORE_VIEW_H
#define SKAFU__STORE_VIEW_H

#include <lmdb.h>
#include <stdint.h>

#include "codec/commit.h"
#include "codec/key.h"
#include "skafu_store.h"
#include "store/state.h"

struct skafu__batch_record;

#define SKAFU__VIEW_BUDGET_NS 50000000

struct skafu__view {
	skafu_store *store;
	MDB_txn *txn;
	MDB_cursor *chunks; /* opened by the first seek */
	uint64_t head;      /* sequence of the newest record that the view shows */
	uint64_t commit;    /* number of the newest commit that it shows */
	struct skafu__index_state index;
	int index_is_damaged; /* by skafu__view_open_commits(): index is empty then */

	/* The chunk that the last seek came to, and where in it. */
	const uint8_t *chunk;
	size_t chunk_length;
	struct skafu__chunk_key chunk_key;
	size_t commit_at;
	struct skafu__commit current; /* decoded at commit_at; size 0 when none */
	int shallow;                  /* it was decoded for its records alone */
};

/* Open a view of now; brings the overlay up to date first. */
int32_t skafu__view_open(skafu_store *store, struct skafu__view *view, skafu_error *error);
void skafu__view_close(struct skafu__view *view);

/* Views of two stores, both or none.  Whoever compares the same two opens them in the same order, so that two who do
 * cannot wait for each other in a circle. */
int32_t skafu__view_open_two(skafu_store *one, struct skafu__view *view, skafu_store *other,
			     struct skafu__view *other_view, skafu_error *error);

/* A view on a write transaction: the caller holds the gate exclusively and has refreshed the overlay. */
int32_t skafu__view_of_writer(skafu_store *store, MDB_txn *txn, struct skafu__view *view, skafu_error *error);
void skafu__view_of_writer_done(struct skafu__view *view);

/* A view without an overlay: only commits can be walked and records read. */
int32_t skafu__view_open_bare(skafu_store *store, struct skafu__view *view, skafu_error *error);

/* The same, also when the index record is damaged. */
int32_t skafu__view_open_commits(skafu_store *store, struct skafu__view *view, skafu_error *error);

/* The index record of a transaction, or an empty one when it is missing or damaged. */
void skafu__view_index_or_nothing(skafu_store *store, MDB_txn *txn, struct skafu__index_state *out);

/* Bring overlay, names and heads up to the newest commit of a transaction.  The gate is held exclusively. */
int32_t skafu__view_refresh(skafu_store *store, MDB_txn *txn, skafu_error *error);

/* Throw overlay and heads away, so that the next view builds them anew; names stay, since what was committed once is
 * never defined differently.  The gate is held exclusively. */
void skafu__view_invalidate(skafu_store *store);

/* Take a commit into overlay, names and heads.  The gate is held exclusively. */
int32_t skafu__view_derive(skafu_store *store, const struct skafu__commit *commit, uint64_t *out_damaged);

/* The same for a commit that the writer just made of these records: its names and heads are in already. */
int32_t skafu__view_derive_own(skafu_store *store, const struct skafu__commit *commit,
			       const struct skafu__batch_record *made);

/* The record at a sequence, checked; SKAFU_ENOTFOUND (without a message) when there is none.  The bytes are valid
 * while the view is open. */
int32_t skafu__view_record(struct skafu__view *view, uint64_t sequence, struct skafu__record *out,
			   skafu_error *error);

/* The same in steps, for who wants several records: where one lies, and then a copy of it, checked and decoded on the
 * way; `to` has room for place->size bytes.  Between them memory may be told to fetch the bytes, or those that lie a
 * few records after (or before) them, for who reads one record after the other. */
struct skafu__view_place {
	const uint8_t *bytes;
	uint32_t size;
	uint64_t sequence;
	uint64_t commit;
	int64_t recorded_ns;
};
int32_t skafu__view_locate(struct skafu__view *view, uint64_t sequence, struct skafu__view_place *out,
			   skafu_error *error);
void skafu__view_fetch(const struct skafu__view_place *place);
void skafu__view_fetch_beside(const struct skafu__view_place *place, int backward);
int32_t skafu__view_record_copy(const struct skafu__view_place *place, uint8_t *to, struct skafu__record *out,
				skafu_error *error);

/* The commit with a number and last sequence (both from the index), decoded into view->current. */
int32_t skafu__view_commit(struct skafu__view *view, uint64_t number, uint64_t last_sequence, skafu_error *error);

/* Walk commits in order: start at the first commit with a number above `after`, whose last sequence is at least
 * after_sequence; next returns 1 with view->current, 0 at the end. */
int32_t skafu__view_walk(struct skafu__view *view, uint64_t after, uint64_t after_sequence, skafu_error *error);
int32_t skafu__view_walk_next(struct skafu__view *view, skafu_error *error);

/* The recorded time of the newest commit; INT64_MIN when there is none.  The caller holds the gate. */
int32_t skafu__view_last_recorded(struct skafu__view *view, int64_t *out_ns, skafu_error *error);

#endif
