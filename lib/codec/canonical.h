/*
 * canonical.h: the canonical form of a commit, and the hash chain over it.
 *
 * The chain starts as BLAKE2b-256 of the text "skafu chain 1" and the birth id of the store; each commit makes it
 * BLAKE2b-256 of the chain before it and the commit's canonical form.  Each part is preceded by its length in 8
 * bytes, little endian.  Whoever has the hash at commit N can tell whether any of the first N commits was changed
 * since.
 */
#ifndef SKAFU__CODEC_CANONICAL_H
#define SKAFU__CODEC_CANONICAL_H

#include "codec/commit.h"

#define SKAFU__CHAIN_HASH_BYTES 32

void skafu__chain_start(const uint8_t birth[16], uint8_t out[SKAFU__CHAIN_HASH_BYTES]);
void skafu__chain_link(uint8_t chain[SKAFU__CHAIN_HASH_BYTES], const void *canonical, size_t length);

/* Full names instead of ids, fixed layout, the same for every physical form of the commit, appended to *out.
 * `name_of` gives the text of a name (NULL: unknown, which is SKAFU_EDAMAGED). */
typedef const char *(*skafu__name_of_fn)(const void *user, uint8_t set, uint32_t id, size_t *out_length);
int32_t skafu__commit_canonical(const struct skafu__commit *commit, skafu__name_of_fn name_of, const void *user,
				struct skafu__buf *out);

#endif
