/*
 * entry.c: sorting and merging of index entries.
 *
 * Invariant: the sort is stable, so entries that were collected in the order of the log are in the order of the
 * index afterwards; the merge gives every entry of its sources exactly as often as they have it, in order.
 */
#include "codec/entry.h"

#include <string.h>

#include "base/error.h"

enum {
	entry_radix = 256,
	entry_key_bytes = 8,
	entry_quick_bytes = 3, /* enough leading bytes to tell most of some 100,000 hashes apart */
	entry_shift_budget = 4 /* moves per entry that the insertion sort may make before it gives up */
};

/* ---- sort ---------------------------------------------------------------------------------------------------- */

/* The shifts of the key bytes that are not the same in all entries, lowest byte first. */
static unsigned entry_varying_bytes(const struct skafu__entry *entries, size_t count,
	unsigned shifts[entry_key_bytes])
{
	uint64_t varying = 0;
	unsigned found = 0;
	size_t i;

	for (i = 1; i < count; i++)
		varying |= entries[i].key ^ entries[0].key;
	for (i = 0; i < entry_key_bytes; i++)
		if ((varying >> (i * 8)) & 0xff)
			shifts[found++] = (unsigned)i * 8;
	return found;
}

static void entry_radix_pass(const struct skafu__entry *from, struct skafu__entry *to, size_t count, unsigned shift)
{
	size_t places[entry_radix] = {0};
	size_t next = 0;
	size_t i;

	for (i = 0; i < count; i++)
		places[(from[i].key >> shift) & 0xff]++;
	for (i = 0; i < entry_radix; i++) {
		size_t here = places[i];

		places[i] = next;
		next += here;
	}
	for (i = 0; i < count; i++)
		to[places[(from[i].key >> shift) & 0xff]++] = from[i];
}

/* One pass for each of the bytes, the lowest first; the result is in `entries`. */
static void entry_radix_sort(struct skafu__entry *entries, size_t count, struct skafu__entry *scratch,
	const unsigned *shifts, unsigned passes)
{
	struct skafu__entry *from = entries;
	struct skafu__entry *to = scratch;
	unsigned i;

	for (i = 0; i < passes; i++) {
		struct skafu__entry *swap = from;

		entry_radix_pass(from, to, count, shifts[i]);
		from = to;
		to = swap;
	}
	if (from != entries)
		memcpy(entries, from, count * sizeof *entries);
}

/* Finish what is sorted but for neighbours.  0 when that turns out to be wrong; the entries are then in another
 * order, but those with the same key still follow each other as they did. */
static int entry_insertion_sort(struct skafu__entry *entries, size_t count)
{
	size_t budget = count * entry_shift_budget;
	size_t i;

	for (i = 1; i < count; i++) {
		struct skafu__entry moving;
		size_t to = i;

		if (entries[i - 1].key <= entries[i].key)
			continue;
		moving = entries[i];
		for (; to > 0 && entries[to - 1].key > moving.key; to--)
			entries[to] = entries[to - 1];
		entries[to] = moving;
		if (i - to > budget)
			return 0;
		budget -= i - to;
	}
	return 1;
}

void skafu__entries_sort(struct skafu__entry *entries, size_t count, struct skafu__entry *scratch)
{
	unsigned shifts[entry_key_bytes];
	unsigned varying;

	if (count < 2)
		return;
	varying = entry_varying_bytes(entries, count, shifts);
	/* Hashes differ in all eight bytes, but the leading ones already put nearly all of them in their places. */
	if (varying > entry_quick_bytes) {
		entry_radix_sort(entries, count, scratch, shifts + varying - entry_quick_bytes, entry_quick_bytes);
		if (entry_insertion_sort(entries, count))
			return;
	}
	entry_radix_sort(entries, count, scratch, shifts, varying);
}

/* ---- sources ------------------------------------------------------------------------------------------------- */

static int32_t entry_array_fill(struct skafu__entry_source *self)
{
	struct skafu__entry_array *array = (struct skafu__entry_array *)self;

	if (array->count == 0)
		return 0;
	self->at = array->entries;
	self->end = array->entries + array->count;
	array->count = 0;
	return 1;
}

void skafu__entry_array_init(struct skafu__entry_array *array, const struct skafu__entry *entries, size_t count)
{
	memset(array, 0, sizeof *array);
	array->source.fill = entry_array_fill;
	array->entries = entries;
	array->count = count;
}

/* ---- merge --------------------------------------------------------------------------------------------------- */

/* See to it that a source has its next entry ready, or drop it at its end.  1, 0 or a failure. */
static int32_t entry_merge_ready(struct skafu__merge *merge, size_t which)
{
	struct skafu__entry_source *source = merge->sources[which];
	int32_t result = source->at != source->end ? 1 : source->fill(source);

	if (result > 0) {
		merge->keys[which] = source->at->key;
	} else if (result == 0) {
		merge->live--;
		merge->sources[which] = merge->sources[merge->live];
		merge->keys[which] = merge->keys[merge->live];
	}
	return result;
}

static int32_t entry_merge_prime(struct skafu__merge *merge)
{
	size_t i = 0;

	while (i < merge->live) {
		int32_t result = entry_merge_ready(merge, i);

		if (result < 0)
			return result;
		i += result > 0;
	}
	merge->primed = 1;
	return SKAFU_OK;
}

/* The source with the smallest entry, and the lowest position at which another one has its key.  The smallest key is
 * found without branches, since keys are hashes and nothing predicts them. */
static size_t entry_merge_elect(const struct skafu__merge *merge, uint64_t *out_rival)
{
	uint64_t key = merge->keys[0];
	uint64_t rival = UINT64_MAX;
	size_t best = 0;
	size_t i;

	for (i = 1; i < merge->live; i++) {
		uint64_t other = merge->keys[i];
		uint64_t is_lower = 0 - (uint64_t)(other < key);

		key ^= (key ^ other) & is_lower;
		best ^= (best ^ i) & (size_t)is_lower;
	}
	for (i = best + 1; i < merge->live; i++) {
		if (merge->keys[i] != key)
			continue;
		if (skafu__entry_compare(merge->sources[i]->at, merge->sources[best]->at) < 0) {
			rival = merge->sources[best]->at->position;
			best = i;
		} else if (merge->sources[i]->at->position < rival) {
			rival = merge->sources[i]->at->position;
		}
	}
	*out_rival = rival;
	return best;
}

/* Lend the longest stretch that no other source has an entry within: runs hold many postings of a key together. */
static void entry_merge_lend(struct skafu__merge *merge)
{
	uint64_t rival;
	size_t leader = entry_merge_elect(merge, &rival);
	struct skafu__entry_source *source = merge->sources[leader];
	const struct skafu__entry *at = source->at;
	uint64_t key = at->key;

	merge->leader = leader;
	merge->source.at = at++;
	while (at != source->end && at->key == key && at->position < rival)
		at++;
	merge->source.end = at;
	source->at = at;
}

static int entry_merge_drops(const struct skafu__merge *merge, const struct skafu__entry *entry)
{
	return entry->position < merge->drop_below ||
	       (merge->has_after && skafu__entry_compare(entry, &merge->after) <= 0);
}

static int32_t entry_merge_fill(struct skafu__entry_source *self)
{
	struct skafu__merge *merge = (struct skafu__merge *)self;

	do {
		int32_t result = merge->primed ? entry_merge_ready(merge, merge->leader) : entry_merge_prime(merge);

		if (result < 0)
			return result;
		if (merge->live == 0)
			return 0;
		entry_merge_lend(merge);
		while (self->at != self->end && entry_merge_drops(merge, self->at))
			self->at++;
	} while (self->at == self->end);
	return 1;
}

int32_t skafu__merge_init(struct skafu__merge *merge, struct skafu__entry_source *const *sources, size_t count,
	const struct skafu__merge_options *options, skafu_error *error)
{
	size_t i;

	if (count > SKAFU__MERGE_SOURCES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "%zu runs cannot be merged at once; the limit is %d.", count,
			SKAFU__MERGE_SOURCES_MAX);
	memset(merge, 0, sizeof *merge);
	merge->source.fill = entry_merge_fill;
	for (i = 0; i < count; i++)
		merge->sources[i] = sources[i];
	merge->live = count;
	merge->drop_below = options ? options->drop_below : 0;
	if (options && options->after) {
		merge->after = *options->after;
		merge->has_after = 1;
	}
	return SKAFU_OK;
}
