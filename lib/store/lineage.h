/*
 * lineage.h: what a store was copied from, and how far it shares the history of each.
 *
 * The record "lineage" of the meta table, absent in a store that is no copy:
 *    0  u32  magic "SKLN"        4  u32  version 1
 *    8  u32  number of ancestors, at most 64, the nearest first
 *   12  u32  0
 *   16       of each ancestor 88 bytes:
 *             0  16   birth id         16  16   incarnation       32  u64  last sequence that is shared
 *            40  u64  last commit      48  32   its chain hash at it; all zero: not known
 *            80  i64  when the copy was begun
 *            u32  CRC32C of all before
 *
 * Invariant: it never says more than the store has.  A copy writes it with nothing shared before the first commit,
 * and anew when it ends, so an interrupted one says less.
 */
#ifndef SKAFU__STORE_LINEAGE_H
#define SKAFU__STORE_LINEAGE_H

#include <stdint.h>

#include "skafu_store.h"

#define SKAFU__LINEAGE_MAX 64u
#define SKAFU__LINEAGE_BYTES_MAX (16 + 88 * SKAFU__LINEAGE_MAX + 4)

struct skafu__lineage {
	uint32_t count;
	struct skafu_lineage entries[SKAFU__LINEAGE_MAX];
};

size_t skafu__lineage_encode(const struct skafu__lineage *lineage, uint8_t out[SKAFU__LINEAGE_BYTES_MAX]);
int32_t skafu__lineage_decode(const void *bytes, size_t length, struct skafu__lineage *out, skafu_error *error);

/* The record of a store; count 0 when it has none. */
int32_t skafu__lineage_load(skafu_store *store, struct skafu__lineage *out, skafu_error *error);

/* Write down that `to` shares the history of `from`, and of what that was copied from, up to a commit. */
int32_t skafu__lineage_store(skafu_store *to, skafu_store *from, uint64_t commit, uint64_t sequence,
			     skafu_error *error);

#endif
