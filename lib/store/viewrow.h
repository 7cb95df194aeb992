/*
 * viewrow.h: the rows of one generation of a projection.
 *
 * Key: u32 big endian generation, u8 number of the table, the host's key; value: sealed, so that a row that was
 * damaged or is found under another key is noticed when it is read.
 */
#ifndef SKAFU__STORE_VIEWROW_H
#define SKAFU__STORE_VIEWROW_H

#include "store/rows.h"
#include "store/viewenv.h"

#define SKAFU__VIEWROW_KEY_MAX 255u
#define SKAFU__VIEWROW_HEAD_BYTES 5u

/* 1 and the value, valid while the transaction is; 0 when there is no such row. */
int32_t skafu__viewrow_get(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table, const void *key,
			   size_t key_length, struct skafu__row_value *out, skafu_error *error);

struct skafu__viewrow {
	const uint8_t *key;
	size_t key_length;
	struct skafu__row_value value;
};

/* Rows from a key on, in key order.  1 and a row, valid until the next step; 0 at the end of the table. */
int32_t skafu__viewrow_seek(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table, const void *from,
			    size_t from_length, struct skafu__viewrow *out, skafu_error *error);
int32_t skafu__viewrow_next(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table,
			    struct skafu__viewrow *out, skafu_error *error);

/* What is known of a row before it is set. */
enum skafu__viewrow_known {
	SKAFU__VIEWROW_UNKNOWN,
	SKAFU__VIEWROW_ABSENT,
	SKAFU__VIEWROW_THERE,
	SKAFU__VIEWROW_LAST /* absent, and behind every row of every generation */
};

/* Put or (value NULL) delete.  `difference` is what that did to the number of rows: -1, 0 or 1. */
int32_t skafu__viewrow_set(struct skafu__viewtxn *txn, uint32_t generation, uint32_t table, const void *key,
			   size_t key_length, const struct skafu__row_value *value, enum skafu__viewrow_known known,
			   int *difference, skafu_error *error);

/* 1 when the rows of a generation, if it has any, would be the last ones, 0 when not. */
int32_t skafu__viewrow_is_last(struct skafu__viewtxn *txn, uint32_t generation, skafu_error *error);

/* Delete up to rows_max rows of a generation: 1 when that were all. */
int32_t skafu__viewrow_sweep(struct skafu__viewtxn *txn, uint32_t generation, uint32_t rows_max, skafu_error *error);

/* -1, 0, 1 as a sorts before, with or after b: the order of the rows. */
int skafu__viewrow_compare(const void *a, size_t a_length, const void *b, size_t b_length);

#endif
