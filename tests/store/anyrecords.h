/*
 * anyrecords.h: records of every kind and shape that a store takes, at random; and stores full of them.
 */
#ifndef SKAFU_TESTS_STORE_ANYRECORDS_H
#define SKAFU_TESTS_STORE_ANYRECORDS_H

#include <stdint.h>

#include "skafu_store.h"

/* Append `count` records in commits of random size, with random_below() of tempstore.h. */
void anyrecords_append(skafu_store *store, uint32_t count);

/* The whole export of a store in a form, with a NUL; free() it. */
char *anyrecords_export(skafu_store *store, uint32_t form, size_t *out_length);

/* Import the text in pieces of `step` bytes; the code of the call that ended it. */
int32_t anyrecords_import(skafu_store *store, const skafu_import_opts *opts, const char *text, size_t length,
			  size_t step, skafu_import_info *out_info);

#endif
