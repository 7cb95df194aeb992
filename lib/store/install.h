/*
 * install.h: one write transaction that changes derived tables only: a fold, a merge, the chain, what was cleared.
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

/* Puts what was planned, the index record included; called again in a new transaction when the map was full. */
typedef int32_t (*skafu__install_put)(void *plan, MDB_txn *txn, skafu_error *error);

/* Take the right to write, put, commit.  0; 1 when the index record is another one than `before` by now, and nothing
 * was done; or a failure, SKAFU_EBUSY at the deadline. */
int32_t skafu__install_run(skafu_store *store, const struct skafu__index_state *before, skafu__install_put put,
			   void *plan, int64_t deadline, skafu_error *error);

/* Write the index record that follows `before`, with the next generation. */
int32_t skafu__index_put(const skafu_store *store, MDB_txn *txn, const struct skafu__index_state *before,
			 const struct skafu__index_state *after, skafu_error *error);

#endif
