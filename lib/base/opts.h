/*
 * opts.h: the rule of sized options structs (after libbpf): the caller states sizeof as it was compiled; a smaller
 * struct takes defaults for what it lacks, a larger one is accepted when all that we do not know is zero.
 */
#ifndef SKAFU__BASE_OPTS_H
#define SKAFU__BASE_OPTS_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_base.h"

/* Copy the caller's struct (NULL: all defaults) into `known`, which is known_bytes large and begins with a uint32_t
 * size.  SKAFU_EOPTION with a sentence that names `what` when the rule is broken. */
int32_t skafu__opts_read(void *known, size_t known_bytes, const void *given, const char *what, skafu_error *error);

/* SKAFU_EOPTION, naming the first bit, when flags has a bit that is not in allowed. */
int32_t skafu__opts_flags(uint32_t flags, uint32_t allowed, const char *what, skafu_error *error);

/* The other way: fill a struct whose size the caller has set, at least 8 and at most that of `value`, which begins
 * with a size as well.  SKAFU_EOPTION with a sentence that names `what`. */
int32_t skafu__opts_write(void *out, const void *value, size_t value_bytes, const char *what, skafu_error *error);

#endif
