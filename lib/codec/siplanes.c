#include "codec/siplanes.h"

#include <string.h>

#include "base/bytes.h"

int skafu__siplanes_fit(const struct skafu__part parts[SKAFU__SIPLANES])
{
	size_t differing = 0;
	for (size_t i = 1; i < SKAFU__SIPLANES; i++)
		differing |= parts[0].length ^ parts[i].length;
	return differing < 8;
}

#if defined(__x86_64__)

#define SIPLANES_INLINE __attribute__((always_inline)) static inline

/* Word i of each of the four states, and of the four messages. */
typedef uint64_t siplanes_word __attribute__((vector_size(8 * SKAFU__SIPLANES)));

SIPLANES_INLINE void siplanes_fill(siplanes_word *out, uint64_t value)
{
	*out = (siplanes_word){value, value, value, value};
}

SIPLANES_INLINE void siplanes_turn(siplanes_word *word, unsigned bits)
{
	siplanes_word left;
	siplanes_word right;
	siplanes_fill(&left, bits);
	siplanes_fill(&right, 64 - bits);
	*word = *word << left | *word >> right;
}

SIPLANES_INLINE void siplanes_round(siplanes_word state[4])
{
	state[0] += state[1];
	siplanes_turn(&state[1], 13);
	state[1] ^= state[0];
	siplanes_turn(&state[0], 32);
	state[2] += state[3];
	siplanes_turn(&state[3], 16);
	state[3] ^= state[2];
	state[0] += state[3];
	siplanes_turn(&state[3], 21);
	state[3] ^= state[0];
	state[2] += state[1];
	siplanes_turn(&state[1], 17);
	state[1] ^= state[2];
	siplanes_turn(&state[2], 32);
}

SIPLANES_INLINE void siplanes_absorb(siplanes_word state[4], const siplanes_word *message)
{
	state[3] ^= *message;
	siplanes_round(state);
	siplanes_round(state);
	state[0] ^= *message;
}

/* "somepseudorandomlygeneratedbytes", under the key. */
SIPLANES_INLINE void siplanes_begin(siplanes_word state[4], const uint8_t *key)
{
	siplanes_fill(&state[0], skafu__load_u64(key) ^ UINT64_C(0x736f6d6570736575));
	siplanes_fill(&state[1], skafu__load_u64(key + 8) ^ UINT64_C(0x646f72616e646f6d));
	siplanes_fill(&state[2], skafu__load_u64(key) ^ UINT64_C(0x6c7967656e657261));
	siplanes_fill(&state[3], skafu__load_u64(key + 8) ^ UINT64_C(0x7465646279746573));
}

SIPLANES_INLINE void siplanes_end(siplanes_word state[4], uint64_t *out)
{
	siplanes_word last;
	siplanes_fill(&last, 0xff);
	state[2] ^= last;
	for (int i = 0; i < 4; i++)
		siplanes_round(state);
	last = state[0] ^ state[1] ^ state[2] ^ state[3];
	memcpy(out, &last, sizeof last);
}

/* What is behind the whole words, up to 7 bytes, none of which may be read past. */
SIPLANES_INLINE uint64_t siplanes_tail(const uint8_t *end, size_t length)
{
	size_t rest = length % 8;
	if (rest == 0)
		return 0;
	if (length >= 8)
		return skafu__load_u64(end - 8) >> (64 - 8 * rest);
	if (rest >= 4)
		return skafu__load_u32(end - rest) | (uint64_t)skafu__load_u32(end - 4) << (8 * (rest - 4));
	return end[-(ptrdiff_t)rest] | (uint64_t)end[-(ptrdiff_t)(rest - rest / 2)] << (8 * (rest / 2)) |
	       (uint64_t)end[-1] << (8 * (rest - 1));
}

/* The tail and, in its top byte, the length. */
SIPLANES_INLINE uint64_t siplanes_last_word(const struct skafu__part *part)
{
	uint64_t length = (uint64_t)part->length << 56;
	return part->length ? length | siplanes_tail((const uint8_t *)part->bytes + part->length, part->length) : 0;
}

SIPLANES_INLINE void siplanes_run(const uint8_t *key, const struct skafu__part *parts, uint64_t *out)
{
	siplanes_word state[4];
	siplanes_word message;
	size_t whole = parts[0].length & ~(size_t)7;
	const uint8_t *texts[SKAFU__SIPLANES] = {parts[0].bytes, parts[1].bytes, parts[2].bytes, parts[3].bytes};
	siplanes_begin(state, key);
	for (size_t at = 0; at < whole; at += 8) {
		message = (siplanes_word){skafu__load_u64(texts[0] + at), skafu__load_u64(texts[1] + at),
					  skafu__load_u64(texts[2] + at), skafu__load_u64(texts[3] + at)};
		siplanes_absorb(state, &message);
	}
	message = (siplanes_word){siplanes_last_word(&parts[0]), siplanes_last_word(&parts[1]),
				  siplanes_last_word(&parts[2]), siplanes_last_word(&parts[3])};
	siplanes_absorb(state, &message);
	siplanes_end(state, out);
}

__attribute__((target("avx2"))) static void siplanes_run_avx2(const uint8_t *key, const struct skafu__part *parts,
							      uint64_t *out)
{
	siplanes_run(key, parts, out);
}

/* This one can rotate a word with one instruction. */
__attribute__((target("avx2,avx512f,avx512vl"))) static void siplanes_run_avx512(const uint8_t *key,
										 const struct skafu__part *parts,
										 uint64_t *out)
{
	siplanes_run(key, parts, out);
}

int skafu__siplanes_are_there(void)
{
	return __builtin_cpu_supports("avx2") != 0;
}

void skafu__siplanes_hash_plain(const uint8_t key[SKAFU__HASH_KEY_BYTES],
				const struct skafu__part parts[SKAFU__SIPLANES], uint64_t out[SKAFU__SIPLANES])
{
	siplanes_run_avx2(key, parts, out);
}

void skafu__siplanes_hash(const uint8_t key[SKAFU__HASH_KEY_BYTES], const struct skafu__part parts[SKAFU__SIPLANES],
			  uint64_t out[SKAFU__SIPLANES])
{
	if (__builtin_cpu_supports("avx512vl"))
		siplanes_run_avx512(key, parts, out);
	else
		siplanes_run_avx2(key, parts, out);
}

#else

int skafu__siplanes_are_there(void)
{
	return 0;
}

void skafu__siplanes_hash_plain(const uint8_t key[SKAFU__HASH_KEY_BYTES],
				const struct skafu__part parts[SKAFU__SIPLANES], uint64_t out[SKAFU__SIPLANES])
{
	for (size_t i = 0; i < SKAFU__SIPLANES; i++)
		out[i] = skafu__hash64(key, parts[i].bytes, parts[i].length);
}

void skafu__siplanes_hash(const uint8_t key[SKAFU__HASH_KEY_BYTES], const struct skafu__part parts[SKAFU__SIPLANES],
			  uint64_t out[SKAFU__SIPLANES])
{
	skafu__siplanes_hash_plain(key, parts, out);
}

#endif
