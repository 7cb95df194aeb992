#include "model/statecache.h"

#include <string.h>

#include "model/decider.h"

#define STATECACHE_MANAGED_BYTES 1024u        /* a managed state is taken to be at least so large ... */
#define STATECACHE_MANAGED_BYTES_MAX 65536u   /* ... and, however many events it has seen, at most so */

struct skafu__statecache_entry {
	struct skafu__statecache_entry *newer;
	struct skafu__statecache_entry *older;
	struct skafu__hot *hot;
	size_t bytes;
	size_t key_length;
	uint8_t key[];
};

/* ---- a state --------------------------------------------------------------------------------------------------- */

struct skafu__hot *skafu__hot_new(const struct skafu__sys *sys, const struct skafu__decider *decider)
{
	struct skafu__hot *hot = skafu__alloc_zeroed(sys, 1, sizeof *hot);
	if (!hot)
		return NULL;
	hot->sys = sys;
	hot->decider = decider;
	atomic_init(&hot->references, 1u);
	return hot;
}

void skafu__hot_hold(struct skafu__hot *hot)
{
	atomic_fetch_add(&hot->references, 1u);
}

void skafu__hot_release(struct skafu__hot *hot)
{
	if (!hot || atomic_fetch_sub(&hot->references, 1u) != 1)
		return;
	skafu__state_drop(hot->sys, &hot->decider->state, hot->decider->user, hot->state);
	skafu__free(hot->sys, hot);
}

/* What nobody can measure is guessed from what was folded into it. */
static size_t statecache_weigh(const struct skafu__hot *hot, size_t key_length)
{
	size_t bytes = sizeof(struct skafu__statecache_entry) + sizeof *hot + 2 * key_length + 64;
	if (hot->decider->state.bytes)
		return bytes + hot->decider->state.bytes;
	if (hot->weight > STATECACHE_MANAGED_BYTES_MAX)
		return bytes + STATECACHE_MANAGED_BYTES_MAX;
	return bytes + STATECACHE_MANAGED_BYTES + (size_t)hot->weight;
}

/* ---- the list -------------------------------------------------------------------------------------------------- */

static void statecache_unlink(struct skafu__statecache *cache, struct skafu__statecache_entry *entry)
{
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		cache->newest = entry->older;
	if (entry->older)
		entry->older->newer = entry->newer;
	else
		cache->oldest = entry->newer;
}

static void statecache_link(struct skafu__statecache *cache, struct skafu__statecache_entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	if (cache->newest)
		cache->newest->newer = entry;
	else
		cache->oldest = entry;
	cache->newest = entry;
}

/* Out of the list and the index, onto a list of what is to be freed without the lock. */
static void statecache_remove(struct skafu__statecache *cache, struct skafu__statecache_entry *entry,
			      struct skafu__statecache_entry **gone)
{
	statecache_unlink(cache, entry);
	skafu__map_remove(&cache->index, entry->key, entry->key_length);
	cache->bytes -= entry->bytes;
	entry->older = *gone;
	*gone = entry;
}

/* Functions of the host run here: never under the lock. */
static void statecache_free(struct skafu__statecache *cache, struct skafu__statecache_entry *gone)
{
	while (gone) {
		struct skafu__statecache_entry *next = gone->older;
		skafu__hot_release(gone->hot);
		skafu__free(cache->sys, gone);
		gone = next;
	}
}

static struct skafu__statecache_entry *statecache_find(struct skafu__statecache *cache, const void *key,
						       size_t length)
{
	const uint64_t *found = skafu__map_find(&cache->index, key, length);
	return found ? (struct skafu__statecache_entry *)(uintptr_t)*found : NULL;
}

/* ---- use ------------------------------------------------------------------------------------------------------- */

void skafu__statecache_init(struct skafu__statecache *cache, const struct skafu__sys *sys, uint64_t bytes_max)
{
	memset(cache, 0, sizeof *cache);
	cache->sys = sys;
	cache->bytes_max = bytes_max > SIZE_MAX ? SIZE_MAX : (size_t)bytes_max;
	pthread_mutex_init(&cache->lock, NULL);
	skafu__map_init(&cache->index, sys, SIZE_MAX, 3);
}

void skafu__statecache_done(struct skafu__statecache *cache)
{
	struct skafu__statecache_entry *gone = NULL;
	while (cache->newest)
		statecache_remove(cache, cache->newest, &gone);
	statecache_free(cache, gone);
	skafu__map_done(&cache->index);
	pthread_mutex_destroy(&cache->lock);
}

struct skafu__hot *skafu__statecache_get(struct skafu__statecache *cache, const void *key, size_t length)
{
	struct skafu__hot *hot = NULL;
	pthread_mutex_lock(&cache->lock);
	struct skafu__statecache_entry *entry = statecache_find(cache, key, length);
	if (entry) {
		statecache_unlink(cache, entry);
		statecache_link(cache, entry);
		hot = entry->hot;
		skafu__hot_hold(hot);
	}
	pthread_mutex_unlock(&cache->lock);
	return hot;
}

static int statecache_is_newer(const struct skafu__hot *a, const struct skafu__hot *b)
{
	if (a->hidden != b->hidden)
		return a->hidden > b->hidden;
	return a->version > b->version || a->looked > b->looked;
}

static void statecache_insert(struct skafu__statecache *cache, struct skafu__statecache_entry *entry,
			      struct skafu__statecache_entry **gone)
{
	struct skafu__statecache_entry *known = statecache_find(cache, entry->key, entry->key_length);
	int keep = entry->bytes <= cache->bytes_max && !(known && !statecache_is_newer(entry->hot, known->hot));
	if (keep && known)
		statecache_remove(cache, known, gone);
	if (keep && skafu__map_insert(&cache->index, entry->key, entry->key_length, (uint64_t)(uintptr_t)entry) < 0)
		keep = 0;
	if (!keep) {
		entry->older = *gone;
		*gone = entry;
		return;
	}
	statecache_link(cache, entry);
	cache->bytes += entry->bytes;
	while (cache->bytes > cache->bytes_max)
		statecache_remove(cache, cache->oldest, gone);
}

void skafu__statecache_put(struct skafu__statecache *cache, const void *key, size_t length, struct skafu__hot *hot)
{
	struct skafu__statecache_entry *gone = NULL;
	struct skafu__statecache_entry *entry = skafu__alloc(cache->sys, sizeof *entry + length);
	if (!entry)
		return;
	entry->hot = hot;
	entry->key_length = length;
	entry->bytes = statecache_weigh(hot, length);
	memcpy(entry->key, key, length);
	skafu__hot_hold(hot);
	pthread_mutex_lock(&cache->lock);
	statecache_insert(cache, entry, &gone);
	pthread_mutex_unlock(&cache->lock);
	statecache_free(cache, gone);
}

void skafu__statecache_drop(struct skafu__statecache *cache, const void *key, size_t length)
{
	struct skafu__statecache_entry *gone = NULL;
	pthread_mutex_lock(&cache->lock);
	struct skafu__statecache_entry *entry = statecache_find(cache, key, length);
	if (entry)
		statecache_remove(cache, entry, &gone);
	pthread_mutex_unlock(&cache->lock);
	statecache_free(cache, gone);
}
