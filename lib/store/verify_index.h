/*
 * verify_index.h: the checks of everything that is derived from the commits, as parts of a verification.
 */
#ifndef SKAFU__STORE_VERIFY_INDEX_H
#define SKAFU__STORE_VERIFY_INDEX_H

#include "store/verify.h"

/* Take an entry, or a row operation, of a folded commit into the sums.  SKAFU_ENOMEM. */
int32_t skafu__verify_add_entry(struct skafu__verify *verify, uint32_t dimension, const struct skafu__entry *entry);
int32_t skafu__verify_add_row(struct skafu__verify *verify, const struct skafu__row_op *row);

/* Look up the entries that were added since. */
int32_t skafu__verify_lookups(struct skafu__verify *verify, skafu_error *error);

/* Compare the folded rows with this share's. */
int32_t skafu__verify_rows(struct skafu__verify *verify, skafu_error *error);

/* Decode all runs, and compare what they hold with the sums; the table of names. */
int32_t skafu__verify_runs(struct skafu__verify *verify, skafu_error *error);
int32_t skafu__verify_name_table(struct skafu__verify *verify, skafu_error *error);

#endif
