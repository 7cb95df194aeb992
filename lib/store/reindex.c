/*
 * reindex.c: all derived tables made again from the commits.
 *
 * The first transaction empties the tables and begins a new epoch of the index record; from then on the store is
 * whole again, only that nothing is folded yet.  The folds and merges that follow are the ordinary ones, cut at the
 * same commits as ever, so what comes out is the same, byte for byte, and a crash in between only leaves less folded.
 */
#include "skafu_store.h"

#include "base/error.h"
#include "store/fold.h"
#include "store/install.h"
#include "store/manifest_set.h"
#include "store/merge.h"
#include "store/store.h"
#include "store/writelock.h"

static int32_t reindex_clear(skafu_store *store, MDB_txn *txn, const struct skafu__index_state *before,
			     skafu_error *error)
{
	static const int tables[] = {SKAFU__TABLE_RUN, SKAFU__TABLE_MANIFEST, SKAFU__TABLE_ROW, SKAFU__TABLE_NAME};
	struct skafu__index_state after = {.epoch = before->epoch + 1,
					   .chained_commit = before->chained_commit,
					   .chained_sequence = before->chained_sequence};
	for (int i = 0; i < SKAFU__CHAIN_BYTES; i++)
		after.chain[i] = before->chain[i];
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		int rc = mdb_drop(txn, store->env.tables[tables[i]], 0);
		if (rc != 0)
			return skafu__env_fail(&store->env, rc, "emptying the index", error);
	}
	return skafu__index_put(store, txn, before, &after, error);
}

/* The index record is read raw: a damaged one, or a damaged manifest, is what a reindex is for.  Without it the epoch
 * is not known, and the clock gives one that was never used. */
static int32_t reindex_clear_once(skafu_store *store, skafu_error *error)
{
	MDB_txn *txn;
	struct skafu__index_state before;
	int32_t rc = skafu__env_write_begin(&store->env, &txn, error);
	if (rc != 0)
		return rc;
	skafu__view_index_or_nothing(store, txn, &before);
	if (before.generation == 0)
		before.epoch = before.generation = (uint64_t)store->sys.wall_ns();
	rc = reindex_clear(store, txn, &before, error);
	if (rc == 0)
		return skafu__env_write_commit(&store->env, txn, error);
	mdb_txn_abort(txn);
	return rc;
}

static int32_t reindex_begin(skafu_store *store, skafu_error *error)
{
	int32_t rc = skafu__writelock_take(store, INT64_MAX, error);
	if (rc != 0)
		return rc;
	rc = reindex_clear_once(store, error);
	while ((rc == SKAFU_EFULL || rc == SKAFU_EMISUSE) &&
	       (rc = skafu__store_grow_at_gate(store, rc == SKAFU_EMISUSE, error)) == 0)
		rc = reindex_clear_once(store, error);
	if (rc == SKAFU_EUNKNOWN)
		skafu__control_poison(&store->control);
	skafu__writelock_release(store);
	return rc;
}

static int32_t reindex_run(skafu_store *store, skafu_error *error)
{
	int32_t rc = reindex_begin(store, error);
	if (rc != 0)
		return rc;
	pthread_rwlock_wrlock(&store->gate);
	skafu__manifest_set_clear(store);
	pthread_rwlock_unlock(&store->gate);
	do
		rc = skafu__fold_from_log(store, INT64_MAX, error);
	while (rc == 1);
	while (rc == 0 && (rc = skafu__merge_step(store, INT64_MAX, error)) == 1)
		rc = 0;
	return rc;
}

int32_t skafu_store_reindex(skafu_store *store, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && store->read_only)
		rc = skafu__fail(error, SKAFU_EREADONLY, "the store is open for reading only");
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&store->fold_lock);
	rc = reindex_run(store, error);
	pthread_mutex_unlock(&store->fold_lock);
	return rc;
}
