/*
 * install.h: one write transaction that changes derived tables only.
 *
 * Invariant: it begins from the very index record that the change was planned on (else nothing is done), and ends
 * with a new generation of it, so no reader ever mixes runs of two generations.
 */
#ifndef SKAFU__STORE_INSTALL_H
#define SKAFU__STORE_INSTALL_H

#include <lmdb.h>
#include <stdint.h>

#include "store/state.h"
#include "store/view.h"

struct skafu__install {
	skafu_store *store;
	const struct skafu__index_state *before;
	MDB_txn *txn;
};

/* The caller holds commit_lock and control.  1: the index record is another one by now, nothing was begun. */
int32_t skafu__install_begin(struct skafu__install *install, skafu_error *error);

/* Commit when rc is 0, else abort and pass rc on.  SKAFU_EFULL: grow the map and begin again. */
int32_t skafu__install_end(struct skafu__install *install, int32_t rc, skafu_error *error);
int32_t skafu__install_grow(struct skafu__install *install, skafu_error *error);

/* Write the index record that follows `before`, with the next generation. */
int32_t skafu__index_put(const skafu_store *store, MDB_txn *txn, const struct skafu__index_state *before,
			 const struct skafu__index_state *after, skafu_error *error);

#endif
