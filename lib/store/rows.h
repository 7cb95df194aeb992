/*
 * rows.h: the value of a row as a view shows it: the overlay's, else the folded table's.
 */
#ifndef SKAFU__STORE_ROWS_H
#define SKAFU__STORE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "store/view.h"

struct skafu__row_value {
	const uint8_t *bytes; /* NULL: no such row; valid while the view is open.  Never NULL for an empty value */
	size_t length;
};

int32_t skafu__rows_find(struct skafu__view *view, uint32_t table, const void *key, size_t key_length,
			 struct skafu__row_value *out, skafu_error *error);

/* The value of a row of the folded table, checked. */
int32_t skafu__rows_open_folded(const MDB_val *key, const MDB_val *value, struct skafu__row_value *out,
				skafu_error *error);

/* Rows of another origin, for skafu_rows_next(): made empty, then added to in key order.  SKAFU_ENOMEM, SKAFU_ELIMIT;
 * skafu__rows_fail() puts either into words. */
int32_t skafu__rows_new(skafu_store *store, skafu_rows **out_rows);
int32_t skafu__rows_add(skafu_rows *rows, const void *key, size_t key_length, const struct skafu__row_value *value);
void skafu__rows_clear(skafu_rows *rows);
int32_t skafu__rows_fail(int32_t code, skafu_error *error);

#endif
