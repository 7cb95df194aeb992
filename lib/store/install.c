#include "store/install.h"

#include <string.h>

#include "base/error.h"
#include "store/store.h"
#include "store/writelock.h"

static int32_t install_open_txn(skafu_store *store, MDB_txn **out_txn, skafu_error *error)
{
	int32_t rc = skafu__env_write_begin(&store->env, out_txn, error);
	if (rc != SKAFU_EMISUSE)
		return rc;
	rc = skafu__store_grow_at_gate(store, 1, error);
	return rc ? rc : skafu__env_write_begin(&store->env, out_txn, error);
}

static int32_t install_is_overtaken(skafu_store *store, MDB_txn *txn, const struct skafu__index_state *before,
				    skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_of_writer(store, txn, &view, error);
	if (rc != 0)
		return rc;
	skafu__view_of_writer_done(&view);
	return view.index.generation != before->generation;
}

static int32_t install_once(skafu_store *store, const struct skafu__index_state *before, skafu__install_put put,
			    void *plan, skafu_error *error)
{
	MDB_txn *txn = NULL;
	int32_t rc = install_open_txn(store, &txn, error);
	if (rc != 0)
		return rc;
	rc = install_is_overtaken(store, txn, before, error);
	if (rc == 0)
		rc = put(plan, txn, error);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = skafu__env_write_commit(&store->env, txn, error);
	if (rc == SKAFU_EUNKNOWN)
		skafu__control_poison(&store->control);
	return rc;
}

int32_t skafu__install_run(skafu_store *store, const struct skafu__index_state *before, skafu__install_put put,
			   void *plan, int64_t deadline, skafu_error *error)
{
	int32_t rc = skafu__writelock_take(store, deadline, error);
	if (rc != 0)
		return rc;
	do
		rc = install_once(store, before, put, plan, error);
	while (rc == SKAFU_EFULL && skafu__store_grow_at_gate(store, 0, error) == 0);
	skafu__writelock_release(store);
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
