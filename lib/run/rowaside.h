/*
 * rowaside.h: rows that a replay keeps in memory, in place of those of the log.
 *
 * A process that is replayed begins without instances and must find those that the replay began, while the log has
 * those that live.  Invariant: nothing in here reaches the log, and nothing of the log is seen through it.
 */
#ifndef SKAFU__RUN_ROWASIDE_H
#define SKAFU__RUN_ROWASIDE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "skafu_store.h"

struct skafu__rowaside_value;

struct skafu__rowaside {
	const struct skafu__sys *sys;
	struct skafu__map places; /* key and table -> index of its value */
	struct skafu__rowaside_value *values;
	uint32_t count;
	uint32_t room;
	size_t bytes;
	size_t bytes_max;
};

void skafu__rowaside_init(struct skafu__rowaside *aside, skafu_store *store, size_t bytes_max);
void skafu__rowaside_done(struct skafu__rowaside *aside);

/* Take over what a batch does to rows.  SKAFU_ELIMIT when it becomes too much. */
int32_t skafu__rowaside_take(struct skafu__rowaside *aside, const skafu_batch *batch, skafu_error *error);

/* 1 and the value, appended to `out`; 0 when there is no such row. */
int32_t skafu__rowaside_get(const struct skafu__rowaside *aside, const char *table, const void *key,
			    size_t key_length, struct skafu__buf *out, skafu_error *error);

#endif
