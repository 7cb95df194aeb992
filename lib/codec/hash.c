/*
 * hash.c: the hashes of the library, from libsodium; many texts at once by siplanes.c.
 *
 * Mutable state of the process: whether libsodium was prepared (it then picks the quickest code for the processor),
 * and the mask that tests put over hash64.
 */
#include "codec/hash.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/siplanes.h"

_Static_assert(SKAFU__HASH_KEY_BYTES == crypto_shorthash_KEYBYTES, "the key of SipHash-2-4");
_Static_assert(randombytes_SEEDBYTES == 32, "the seed of skafu__spread()");

static _Atomic uint64_t hash_dropped_bits;
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

/* A failure only means that there is no source of randomness; the hashes work without one. */
static void hash_prepare(void)
{
	if (sodium_init() < 0)
		return;
}

uint64_t skafu__hash64(const uint8_t key[SKAFU__HASH_KEY_BYTES], const void *bytes, size_t length)
{
	uint8_t out[crypto_shorthash_BYTES];

	crypto_shorthash(out, length ? bytes : out, length, key);
	return skafu__load_u64(out) & ~atomic_load_explicit(&hash_dropped_bits, memory_order_relaxed);
}

void skafu__hash64_many(const uint8_t key[SKAFU__HASH_KEY_BYTES], const struct skafu__part *parts, size_t count,
			uint64_t *out)
{
	uint64_t kept = ~atomic_load_explicit(&hash_dropped_bits, memory_order_relaxed);
	int has_lanes = skafu__siplanes_are_there();
	size_t i = 0;

	while (i < count) {
		if (has_lanes && count - i >= SKAFU__SIPLANES && skafu__siplanes_fit(parts + i)) {
			skafu__siplanes_hash(key, parts + i, out + i);
			i += SKAFU__SIPLANES;
		} else {
			out[i] = skafu__hash64(key, parts[i].bytes, parts[i].length);
			i++;
		}
	}
	for (i = 0; i < count; i++)
		out[i] &= kept;
}

void skafu__hash64_weaken(unsigned bits)
{
	uint64_t dropped = bits == 0 || bits >= 64 ? 0 : UINT64_MAX << bits;

	atomic_store_explicit(&hash_dropped_bits, dropped, memory_order_relaxed);
}

void skafu__blake2b(void *out, size_t out_bytes, const struct skafu__part *parts, size_t part_count)
{
	crypto_generichash_state state;
	uint8_t digest[crypto_generichash_BYTES_MAX];
	uint8_t length[8];

	pthread_once(&hash_once, hash_prepare);
	memset(out, 0, out_bytes);
	if (out_bytes > sizeof digest || crypto_generichash_init(&state, NULL, 0, out_bytes) != 0)
		return;
	for (size_t i = 0; i < part_count; i++) {
		skafu__store_u64(length, parts[i].length);
		crypto_generichash_update(&state, length, sizeof length);
		if (parts[i].length > 0)
			crypto_generichash_update(&state, parts[i].bytes, parts[i].length);
	}
	crypto_generichash_final(&state, digest, out_bytes);
	memcpy(out, digest, out_bytes);
}

void skafu__spread(const uint8_t seed[32], void *out, size_t bytes)
{
	pthread_once(&hash_once, hash_prepare);
	randombytes_buf_deterministic(out, bytes, seed);
}
