#include "store/orphan.h"

#include "store/store.h"
#include "store/writelock.h"

/* The lock of a dead writer is repaired by whoever takes it next, with the number that shows the commit. */
static int orphan_repair(skafu_store *store)
{
	MDB_txn *txn;
	pthread_rwlock_rdlock(&store->gate); /* nobody may change the map under the transaction */
	int32_t rc = skafu__env_write_begin(&store->env, &txn, NULL);
	if (rc == 0)
		mdb_txn_abort(txn);
	pthread_rwlock_unlock(&store->gate);
	if (rc != 0 && rc != SKAFU_EMISUSE) /* a map that has grown is found after the repair */
		return 0;
	skafu__control_end_commit(&store->control);
	return 1;
}

int32_t skafu__orphan_settle(skafu_store *store, int64_t deadline, skafu_error *error)
{
	int32_t rc = skafu__writelock_take(store, deadline, error);
	if (rc != 0)
		return rc;
	if (skafu__control_is_orphaned(&store->control))
		orphan_repair(store);
	skafu__writelock_release(store);
	return 0;
}

int skafu__orphan_adopt(skafu_store *store)
{
	int done = 0;
	if (!skafu__control_is_orphaned(&store->control) || pthread_mutex_trylock(&store->commit_lock) != 0)
		return 0;
	/* Who holds the lock now is about to write, and repairs by that. */
	if (skafu__control_lock(&store->control, 0, NULL) != 0) {
		pthread_mutex_unlock(&store->commit_lock);
		return 0;
	}
	if (skafu__control_is_orphaned(&store->control))
		done = orphan_repair(store);
	skafu__writelock_release(store);
	return done;
}
