/*
 * open.h: bringing a store object up from its directory, and the files of a new one into being.
 */
#ifndef SKAFU__STORE_OPEN_H
#define SKAFU__STORE_OPEN_H

#include "skafu_store.h"
#include "store/state.h"

/* Options with every default filled in; SKAFU_EOPTION, SKAFU_EINVAL. */
int32_t skafu__open_read_opts(const skafu_store_opts *given, skafu_store_opts *out, skafu_error *error);

/* Make the directory of a store, all or nothing: in a temporary directory beside it, synced, then renamed.  `like`
 * (NULL: none) gives the birth id and hash key of a store that this one is to be a copy of. */
int32_t skafu__open_make(const char *path, const skafu_store_opts *opts, const struct skafu__format *like,
			 skafu_error *error);

/* A store object on an existing directory.  opts are complete. */
int32_t skafu__open_directory(const char *path, const skafu_store_opts *opts, skafu_store **out_store,
			      skafu_error *error);

/* A store object on files that nobody else can see. */
int32_t skafu__open_memory(const skafu_store_opts *opts, skafu_store **out_store, skafu_error *error);

/* Close the files and free everything. */
void skafu__open_undo(skafu_store *store);

#endif
