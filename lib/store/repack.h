/*
 * repack.h: small commits that lie next to each other packed into one chunk, and the names that commits define.
 *
 * A chunk is written by one append; many small ones waste space and make scans slow, so the fold concatenates
 * neighbours up to the tuning's chunk size.  The bytes of the commits do not change.  A chunk that is already large
 * is left where it is: it was written once, for good.
 */
#ifndef SKAFU__STORE_REPACK_H
#define SKAFU__STORE_REPACK_H

#include <lmdb.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/key.h"
#include "store/view.h"

struct skafu__repack_chunk {
	struct skafu__chunk_key key;
	size_t at; /* in bytes, of the group it belongs to */
	size_t length;
	uint32_t group; /* chunks of one group become one */
};

struct skafu__repack {
	skafu_store *store;
	struct skafu__buf bytes;
	struct skafu__buf names; /* name_def encodings */
	struct skafu__repack_chunk *chunks;
	size_t count;
	size_t room;
	uint32_t groups;
	size_t group_bytes; /* of the open one */
};

void skafu__repack_init(struct skafu__repack *repack, skafu_store *store);
void skafu__repack_done(struct skafu__repack *repack);

/* 1 for a chunk that fills more than half of what a chunk may be: it will not share one with another of its kind. */
int skafu__repack_is_large(const skafu_store *store, size_t bytes);

/* 1 when nothing is to be done for commits that define so many names, and the smallest of which has so many bytes. */
int skafu__repack_is_needless(const skafu_store *store, size_t bytes_min, uint64_t names);

/* Go over the commits after `after` (whose last sequence is after_sequence) up to `last`. */
int32_t skafu__repack_plan(struct skafu__repack *repack, struct skafu__view *view, uint64_t after,
			   uint64_t after_sequence, uint64_t last, skafu_error *error);

int32_t skafu__repack_put(const struct skafu__repack *repack, MDB_txn *txn, skafu_error *error);

#endif
