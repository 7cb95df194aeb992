/*
 * rowchain.h: rows as they will be when the batches that a step has filled are in the log.
 *
 * A consumer handles many inputs before it appends what came of them with one flush.  A handler that keeps rows (a
 * process its instances, a reaction its timers) must see those of the inputs before its own, which are not in the
 * log yet.  What it bases its commit on it also expects there, so a chain that breaks, because one of its commits was
 * refused, takes nothing wrong into the log.
 */
#ifndef SKAFU__RUN_ROWCHAIN_H
#define SKAFU__RUN_ROWCHAIN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "run/rowaside.h"
#include "skafu_store.h"

struct skafu__rowchain {
	skafu_store *store;
	struct skafu__map batches; /* key and table -> the batch that changes this row last */
	uint32_t is_empty;
	uint32_t reserved;
	struct skafu__rowaside *aside; /* a replay: rows that no batch has are read here; NULL: in the log */
};

void skafu__rowchain_init(struct skafu__rowchain *chain, skafu_store *store);
void skafu__rowchain_done(struct skafu__rowchain *chain);

/* The batch will be appended after those that were added before; it must not change until the chain is cleared. */
int32_t skafu__rowchain_add(struct skafu__rowchain *chain, const skafu_batch *batch, skafu_error *error);

/* The batches were appended, or given up: the log says what there is. */
void skafu__rowchain_clear(struct skafu__rowchain *chain);

/* The value of a row after a batch that is being filled (NULL: none), the chain (NULL: none) and the log, newest
 * first: 1 and the value in `out`, which is cleared first; 0 when there is no such row. */
int32_t skafu__rowchain_get(const struct skafu__rowchain *chain, skafu_store *store, const skafu_batch *batch,
			    const char *table, const void *key, size_t key_length, struct skafu__buf *out,
			    skafu_error *error);

#endif
