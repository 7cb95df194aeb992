/*
 * statecache.h: states that were folded, kept between commands within a budget of bytes; the one used longest ago
 * goes first.
 *
 * A kept state is shared and never changes: who has more events to fold makes a copy first.  It may be behind the log
 * at any time, or of events that are hidden now, which costs a conflict or a look, never a wrong decision.
 */
#ifndef SKAFU__MODEL_STATECACHE_H
#define SKAFU__MODEL_STATECACHE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/sys.h"
#include "skafu_model.h"

struct skafu__decider;

/* A state and how far it is. */
struct skafu__hot {
	const struct skafu__sys *sys;
	const struct skafu__decider *decider;
	void *state;
	uint64_t version; /* of the stream; 0 for a query */
	uint64_t looked;  /* of a query: everything up to this sequence was looked at */
	uint64_t last;    /* sequence of the last event folded; 0: none */
	uint64_t count;   /* stored events folded since the first */
	uint64_t hidden;  /* so many commits had hidden something before it was read (store/hidden.h) */
	uint64_t weight;  /* bytes of the events folded, for guessing how large a managed state is */
	_Atomic uint64_t known; /* version that the stream is known to have reached; may be more than `version` */
	_Atomic uint64_t saved; /* count of the newest snapshot known */
	_Atomic uint32_t references;
};

/* An empty hot state without a host's state in it. */
struct skafu__hot *skafu__hot_new(const struct skafu__sys *sys, const struct skafu__decider *decider);
void skafu__hot_hold(struct skafu__hot *hot);
void skafu__hot_release(struct skafu__hot *hot); /* the last one drops the host's state; NULL is fine */

struct skafu__statecache_entry;

struct skafu__statecache {
	const struct skafu__sys *sys;
	pthread_mutex_t lock;
	struct skafu__map index;
	struct skafu__statecache_entry *newest;
	struct skafu__statecache_entry *oldest;
	size_t bytes;
	size_t bytes_max;
};

void skafu__statecache_init(struct skafu__statecache *cache, const struct skafu__sys *sys, uint64_t bytes_max);
void skafu__statecache_done(struct skafu__statecache *cache);

/* The state of a key, held for the caller; NULL when there is none. */
struct skafu__hot *skafu__statecache_get(struct skafu__statecache *cache, const void *key, size_t length);

/* Keep a state; not kept when it is larger than the budget, when there is no memory, or when a newer one is there. */
void skafu__statecache_put(struct skafu__statecache *cache, const void *key, size_t length, struct skafu__hot *hot);
void skafu__statecache_drop(struct skafu__statecache *cache, const void *key, size_t length);

#endif
