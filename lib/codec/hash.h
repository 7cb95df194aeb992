/*
 * hash.h: the hashes of the library, from libsodium; many texts at once by siplanes.h.
 *
 * skafu__hash64 is SipHash-2-4 under a key of the store: it places names in the index and, being keyed with secret
 * random bytes, gives a stranger who chooses names no way to make them collide.  A match is always confirmed by
 * comparing the full names.  BLAKE2b-256 makes the chain, BLAKE2b-128 the derived ids.
 */
#ifndef SKAFU__CODEC_HASH_H
#define SKAFU__CODEC_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SKAFU__HASH_KEY_BYTES 16

uint64_t skafu__hash64(const uint8_t key[SKAFU__HASH_KEY_BYTES], const void *bytes, size_t length);

struct skafu__part {
	const void *bytes;
	size_t length;
};

/* The same for many texts; quickest where those that follow each other have about the same length. */
void skafu__hash64_many(const uint8_t key[SKAFU__HASH_KEY_BYTES], const struct skafu__part *parts, size_t count,
			uint64_t *out);

/* For tests, and for the whole process: keep only the low `bits` bits of every hash64 (0: all 64), so that collisions
 * happen all the time. */
void skafu__hash64_weaken(unsigned bits);

/* BLAKE2b over up to four parts, each preceded by its length in 8 bytes, so that no two lists of parts give the same
 * input.  out_bytes 16 to 64. */
void skafu__blake2b(void *out, size_t out_bytes, const struct skafu__part *parts, size_t part_count);

/* Up to 256 GiB that nobody can tell from random bytes who does not know the 32 of the seed (ChaCha20). */
void skafu__spread(const uint8_t seed[32], void *out, size_t bytes);

#endif
