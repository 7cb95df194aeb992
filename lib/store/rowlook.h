/*
 * rowlook.h: what a caller that keeps something of a table in memory needs to keep it right: which rows changed since
 * it looked last, and how many rows there are.
 *
 * Changes are found in the overlay, which holds every commit that is not folded; when some that the caller has not
 * seen are folded already it is told so, and reads the table anew.
 */
#ifndef SKAFU__STORE_ROWLOOK_H
#define SKAFU__STORE_ROWLOOK_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_store.h"

/* A row was put or deleted; the bytes are lent.  Runs under the store's gate: it may only look. */
typedef void (*skafu__row_changed_fn)(void *user, const uint8_t *key, size_t key_length, int is_put);

/* Tell all changes of a table by commits after *inout_commit, in their order, and move that to the newest commit.  1:
 * all were told; 0: some are gone, so none was.  Several puts of one key are told one by one. */
int32_t skafu__rows_changed(skafu_store *store, const char *table, uint64_t *inout_commit, skafu__row_changed_fn tell,
			    void *user, skafu_error *error);

/* The rows of a table, counted without reading them. */
int32_t skafu__rows_count(skafu_store *store, const char *table, uint64_t *out_count, skafu_error *error);

#endif
