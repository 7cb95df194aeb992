/*
 * ident.h: 16-byte identifiers (RFC 9562) from a generator that takes randomness 4 KiB at a time, since a system call
 * for each id costs as much as the append that uses it.  Even so, most of what an id costs are those bytes; where a
 * quicker source is at hand, only a seed for each 4 KiB comes from the system.
 *
 * Invariant: ids strictly ascend in the order in which a generator makes them, also within one millisecond and when
 * the clock steps back; after a fork the buffered randomness is thrown away, so that parent and child never give out
 * the same id.
 */
#ifndef SKAFU__BASE_IDENT_H
#define SKAFU__BASE_IDENT_H

#include <stdint.h>

#include "base/forklock.h"
#include "base/sys.h"

#define SKAFU__IDENT_SEED_BYTES 32u

/* Make many random bytes of a seed of SKAFU__IDENT_SEED_BYTES; whoever does not know it can tell none from others. */
typedef void (*skafu__ident_spread_fn)(const uint8_t *seed, void *out, size_t bytes);

struct skafu__ident {
	struct skafu__forklock lock;
	skafu__ident_spread_fn spread; /* NULL: all randomness comes from the system */
	uint64_t last_ms;
	uint32_t counter; /* 26 bits, rand_a and the top of rand_b, ascending in a millisecond (RFC 9562, method 1) */
	uint32_t random_at;
	uint8_t random[4096];
};

void skafu__ident_init(struct skafu__ident *ident, skafu__ident_spread_fn spread);
void skafu__ident_done(struct skafu__ident *ident);

/* `count` ids, one after another in out.  0, or SKAFU_EIO when there is no randomness; out then holds nothing that
 * may be used.  Any thread, also in a child that was forked while another thread was in here. */
int32_t skafu__ident_new(struct skafu__ident *ident, const struct skafu__sys *sys, uint8_t *out, size_t count);

#define SKAFU__IDENT_STOCK_MAX 16u

/* Ids that were taken together for one user, so that the lock is not taken for each.  Those that the clock has left
 * behind are thrown away, so an id is no older than one that comes from the generator.  Zeroed is empty. */
struct skafu__ident_stock {
	uint64_t ms; /* of the tick in which they were taken */
	uint32_t at;
	uint32_t count;
	uint8_t ids[SKAFU__IDENT_STOCK_MAX][16];
};

/* An id by way of a stock, of which one thread at a time may take, and never a child that was forked since. */
int32_t skafu__ident_take(struct skafu__ident *ident, struct skafu__ident_stock *stock, const struct skafu__sys *sys,
			  uint8_t out[16]);
void skafu__ident_stock_clear(struct skafu__ident_stock *stock);

/* Set the version and variant bits of 16 bytes that come from a hash (version 8). */
void skafu__ident_stamp_v8(uint8_t id[16]);

#endif
