/*
 * leftover.h: temporary directories that a process left behind when it died while it was making a store.
 */
#ifndef SKAFU__STORE_LEFTOVER_H
#define SKAFU__STORE_LEFTOVER_H

#include "base/sys.h"

#define SKAFU__LEFTOVER_MARK ".new-" /* then 16 hexadecimal digits */

/* Remove those of a store at `path` that nobody has touched for ten minutes.  Best effort: nothing depends on it. */
void skafu__leftover_remove(const struct skafu__sys *sys, const char *parent, const char *path);

/* Remove the files that a store is made of, and the directory. */
void skafu__leftover_remove_store(const struct skafu__sys *sys, const char *directory);

#endif
