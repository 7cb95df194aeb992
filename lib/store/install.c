#include "store/install.h"

#include <string.h>

#include "base/error.h"
#include "store/store.h"

static int32_t install_is_overtaken(const struct skafu__install *install, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_of_writer(install->store, install->txn, &view, error);
	if (rc != 0)
		return rc;
	skafu__view_of_writer_done(&view);
	return view.index.generation != install->before->generation;
}

int32_t skafu__install_begin(struct skafu__install *install, skafu_error *error)
{
	skafu_store *store = install->store;
	install->txn = NULL;
	int32_t rc = skafu__env_write_begin(&store->env, &install->txn, error);
	if (rc == SKAFU_EMISUSE) {
		pthread_rwlock_wrlock(&store->gate);
		rc = skafu__store_grow_map(store, 1, error);
		pthread_rwlock_unlock(&store->gate);
		if (rc == 0)
			rc = skafu__env_write_begin(&store->env, &install->txn, error);
	}
	if (rc != 0)
		return rc;
	rc = install_is_overtaken(install, error);
	if (rc != 0) {
		mdb_txn_abort(install->txn);
		install->txn = NULL;
	}
	return rc;
}

int32_t skafu__install_end(struct skafu__install *install, int32_t rc, skafu_error *error)
{
	skafu_store *store = install->store;
	MDB_txn *txn = install->txn;
	install->txn = NULL;
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = skafu__env_write_commit(&store->env, txn, error);
	if (rc == SKAFU_EUNKNOWN)
		skafu__control_poison(&store->control);
	return rc;
}

int32_t skafu__install_grow(struct skafu__install *install, skafu_error *error)
{
	skafu_store *store = install->store;
	pthread_rwlock_wrlock(&store->gate);
	int32_t rc = skafu__store_grow_map(store, 0, error);
	pthread_rwlock_unlock(&store->gate);
	return rc;
}

int32_t skafu__index_put(const skafu_store *store, MDB_txn *txn, const struct skafu__index_state *before,
			 const struct skafu__index_state *after, skafu_error *error)
{
	uint8_t bytes[SKAFU__INDEX_BYTES];
	struct skafu__index_state next = *after;
	next.generation = before->generation + 1;
	skafu__index_state_encode(&next, bytes);
	MDB_val key = {5, (void *)(uintptr_t)"index"};
	MDB_val value = {sizeof bytes, bytes};
	int rc = mdb_put(txn, store->env.tables[SKAFU__TABLE_META], &key, &value, 0);
	return rc ? skafu__env_fail(&store->env, rc, "writing the index record", error) : 0;
}
