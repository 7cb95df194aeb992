/*
 * siplanes.h: SipHash-2-4 of four texts at once.
 *
 * One SipHash is a chain of additions and rotations in which each waits for the one before; four side by side in
 * vector registers take little more time than one.  An event has half a dozen texts to hash, which made this the
 * dearest part of taking it in.
 *
 * Invariant: gives the values of skafu__hash64(), without the mask that tests put over it.
 */
#ifndef SKAFU__CODEC_SIPLANES_H
#define SKAFU__CODEC_SIPLANES_H

#include <stdint.h>

#include "codec/hash.h"

#define SKAFU__SIPLANES 4u

/* 1 when this processor has registers that make it worth while. */
int skafu__siplanes_are_there(void);

/* 1 when the lengths of four texts allow to hash them together: each has as many whole words of 8 bytes. */
int skafu__siplanes_fit(const struct skafu__part parts[SKAFU__SIPLANES]);

/* Only where they are there, and of texts that fit. */
void skafu__siplanes_hash(const uint8_t key[SKAFU__HASH_KEY_BYTES], const struct skafu__part parts[SKAFU__SIPLANES],
			  uint64_t out[SKAFU__SIPLANES]);

/* For tests: the same, as where registers cannot rotate. */
void skafu__siplanes_hash_plain(const uint8_t key[SKAFU__HASH_KEY_BYTES],
				const struct skafu__part parts[SKAFU__SIPLANES], uint64_t out[SKAFU__SIPLANES]);

#endif
