/*
 * entry.c: sorting and merging of index entries.
 *
 * Invariant: whatever the keys are, what a sort gives ascends by whole entries; the merge gives every entry of its
 * sources exactly as often as they have it, in order.
 */
#include "codec/entry.h"

#include <string.h>

#include "base/error.h"

enum {
	entry_radix = 256,
	entry_few_bytes = 2,
	entry_digit_bits = 11,
	entry_digit_bits_few = 8, /* counting more digits than there are entries would cost more than the entries */
	entry_few = 2048,
	entry_gather_ahead = 24, /* how far ahead memory is asked for */
	entry_shift_budget = 4 /* moves per entry that the insertion sort may make before it gives up */
};

/* ---- sort ---------------------------------------------------------------------------------------------------- */

/*
 * What is sorted is not the entries but words: as many leading bits of the key as there is room for before the place
 * of the entry.  The leading two digits of the keys, less the least one, put nearly all hashes in their places, and
 * small numbers entirely; the entries then move once.
 */
struct entry_form {
	uint64_t least; /* key */
	uint64_t place; /* mask of the bits of a word that hold the place of its entry */
	unsigned shift; /* of what is left of a key then, so that the largest one fills a word */
	unsigned digit_bits;
};

struct entry_digits {
	uint32_t first[1 << entry_digit_bits]; /* where the next word with that digit goes */
	uint32_t second[1 << entry_digit_bits];
};

static struct entry_form entry_form_of(uint64_t least, uint64_t most, size_t count)
{
	struct entry_form form;

	form.least = least;
	form.place = UINT64_MAX >> __builtin_clzll(count);
	form.shift = (unsigned)__builtin_clzll((most - least) | 1);
	form.digit_bits = count <= entry_few ? entry_digit_bits_few : entry_digit_bits;
	return form;
}

static inline size_t entry_first_digit(struct entry_form form, uint64_t word)
{
	return (size_t)(word >> (64 - form.digit_bits));
}

static inline size_t entry_second_digit(struct entry_form form, uint64_t word)
{
	return (size_t)(word << form.digit_bits >> (64 - form.digit_bits));
}

/* Make the words, and count their digits; if `by_group`, one word for all entries with the same key that follow each
 * other.  Their number. */
static inline size_t entry_make_words(struct entry_form form, const struct skafu__entry *entries, size_t count,
	uint64_t *words, struct entry_digits *digits, int by_group)
{
	uint64_t before = ~entries[0].key;
	size_t made = 0;
	size_t i;

	memset(digits->first, 0, sizeof *digits->first << form.digit_bits);
	memset(digits->second, 0, sizeof *digits->second << form.digit_bits);
	for (i = 0; i < count; i++) {
		uint64_t key = entries[i].key;
		uint64_t word = ((key - form.least) << form.shift & ~form.place) | i;
		uint32_t is_new = !by_group || key != before;

		words[made] = word;
		made += is_new;
		digits->first[entry_first_digit(form, word)] += is_new;
		digits->second[entry_second_digit(form, word)] += is_new;
		before = key;
	}
	return made;
}

/* From how often each digit occurs to where the first word with it goes. */
static void entry_digits_sum(uint32_t *counts, unsigned digit_bits)
{
	uint32_t *end = counts + ((size_t)1 << digit_bits);
	uint32_t next = 0;

	for (; counts != end; counts++) {
		uint32_t here = *counts;

		*counts = next;
		next += here;
	}
}

/* The words by their leading digits, which were counted; `space` is for as many. */
static void entry_sort_words(struct entry_form form, uint64_t *words, size_t count, uint64_t *space,
	struct entry_digits *digits)
{
	size_t i;

	entry_digits_sum(digits->first, form.digit_bits);
	entry_digits_sum(digits->second, form.digit_bits);
	for (i = 0; i < count; i++)
		space[digits->second[entry_second_digit(form, words[i])]++] = words[i];
	for (i = 0; i < count; i++)
		words[digits->first[entry_first_digit(form, space[i])]++] = space[i];
}

/* Finish words that are sorted but for neighbours.  It may give up: other passes come after it. */
static void entry_finish_words(uint64_t *words, size_t count)
{
	size_t budget = count;
	uint64_t before = words[0];
	size_t i;

	for (i = 1; i < count; i++) {
		uint64_t moving = words[i];
		size_t to = i;

		if (before <= moving) {
			before = moving;
			continue;
		}
		for (; to > 0 && words[to - 1] > moving && budget > 0; to--, budget--)
			words[to] = words[to - 1];
		words[to] = moving;
		before = words[i];
	}
}

/* The entries in the order of the words.  1 when they ascend; equal ones are not told from others. */
static inline int entry_gather(const struct skafu__entry *entries, size_t count, const uint64_t *words,
	uint64_t place, struct skafu__entry *out, int by_group)
{
	const struct skafu__entry *end = out + count;
	const struct skafu__entry *last = entries + count - 1;
	uint64_t key_before = 0;
	uint64_t position_before = 0;
	size_t wrong = 0;

	while (out != end) {
		const struct skafu__entry *from = &entries[*words & place];
		struct skafu__entry entry;

		/* The entries of a log are more than a cache near the processor holds. */
		if (!by_group && end - out > entry_gather_ahead)
			__builtin_prefetch(&entries[words[entry_gather_ahead] & place]);
		words++;
		do {
			entry = *from;
			/* above the one before; the largest key is taken for wrong, which costs another look */
			wrong += key_before >= entry.key + (position_before < entry.position);
			*out++ = entry;
			key_before = entry.key;
			position_before = entry.position;
		} while (by_group && from != last && (++from)->key == entry.key);
	}
	return wrong == 0;
}

/* Finish what is sorted but for neighbours.  0 when it would take more moves than `budget`; the entries are then in
 * another order, but those with the same key that followed each other in order still do. */
static int entry_insertion_sort(struct skafu__entry *entries, size_t count, size_t budget)
{
	size_t i;

	for (i = 1; i < count; i++) {
		struct skafu__entry moving;
		size_t to = i;

		if (!skafu__entry_is_above(&entries[i - 1], &entries[i]))
			continue;
		moving = entries[i];
		for (; to > 0 && skafu__entry_is_above(&entries[to - 1], &moving); to--)
			entries[to] = entries[to - 1];
		entries[to] = moving;
		if (i - to > budget)
			return 0;
		budget -= i - to;
	}
	return 1;
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

/* One pass for each byte in which the keys differ, the lowest first: for few such bytes, or when the leading digits
 * say little.  `to`, where the entries may be, and `space` have room for all of them; the one that has the result. */
static struct skafu__entry *entry_radix_sort(const struct skafu__entry *entries, size_t count,
	struct skafu__entry *to, struct skafu__entry *space, uint64_t differing)
{
	const struct skafu__entry *from = entries;
	unsigned shift;

	for (shift = 0; shift < 64; shift += 8) {
		struct skafu__entry *next = from == to ? space : to;

		if (((differing >> shift) & 0xff) == 0)
			continue;
		entry_radix_pass(from, next, count, shift);
		from = next;
	}
	if (from == entries && entries != to)
		memcpy(to, entries, count * sizeof *to);
	to = from == space ? space : to;
	entry_insertion_sort(to, count, SIZE_MAX); /* those with the same key */
	return to;
}

static unsigned entry_differing_bytes(uint64_t differing)
{
	unsigned bytes = 0;

	for (; differing; differing >>= 8)
		bytes += (differing & 0xff) != 0;
	return bytes;
}

/* By the leading digits of keys that lie within a range.  Groups pay for what is merged, where the entries of a key
 * follow each other; those of a log seldom do.  Behind the room for them `scratch` has room for a word for each;
 * `space` has room for all of them, and may be where they are or begin where the words are. */
__attribute__((always_inline)) static inline struct skafu__entry *entry_sort_hashes(uint64_t least, uint64_t most,
	const struct skafu__entry *entries, size_t count, struct skafu__entry *scratch, struct skafu__entry *space,
	int by_group)
{
	struct entry_form form = entry_form_of(least, most, count);
	uint64_t *words = (uint64_t *)(void *)(scratch + count);
	struct entry_digits digits;
	size_t made = entry_make_words(form, entries, count, words, &digits, by_group);

	entry_sort_words(form, words, made, (uint64_t *)(void *)scratch, &digits);
	entry_finish_words(words, made);
	if (entry_gather(entries, count, words, form.place, scratch, by_group)
		|| entry_insertion_sort(scratch, count, count * entry_shift_budget))
		return scratch;
	return entry_radix_sort(scratch, count, scratch, space, UINT64_MAX);
}

/* The bits that are not the same in all keys; of hashes, the first few tell enough. */
static uint64_t entry_differing_bits(const struct skafu__entry *entries, size_t count)
{
	uint64_t differing = 0;
	size_t i;

	for (i = 1; i < count; i++) {
		differing |= entries[i].key ^ entries[0].key;
		if (i % 64 == 0 && differing >> 63 && entry_differing_bytes(differing) > entry_few_bytes)
			break;
	}
	return differing;
}

const struct skafu__entry *skafu__entries_sort(const struct skafu__entry *entries, size_t count,
	struct skafu__entry *scratch)
{
	struct skafu__entry *space = scratch + count;
	uint64_t differing = entry_differing_bits(entries, count);
	uint64_t below; /* mask of these bits and of those between them */

	if (entry_differing_bytes(differing) <= entry_few_bytes || count > UINT32_MAX)
		return entry_radix_sort(entries, count, scratch, space, differing);
	below = UINT64_MAX >> __builtin_clzll(differing);
	return entry_sort_hashes(entries[0].key & ~below, entries[0].key | below, entries, count, scratch, space,
		0);
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

/* Take a source that is at its end out; the others stay in their order. */
static void entry_merge_remove(struct skafu__merge *merge, size_t which)
{
	merge->live--;
	memmove(&merge->sources[which], &merge->sources[which + 1],
		(merge->live - which) * sizeof(struct skafu__entry_source *));
}

/* How many entries a source may give at once, so that what all of them give has room. */
static size_t entry_merge_share(const struct skafu__merge *merge)
{
	return SKAFU__MERGE_CHUNK / merge->live;
}

/* See to it that every source has its next entries ready, if possible as many as it may give. */
static int32_t entry_merge_ready(struct skafu__merge *merge)
{
	size_t i = 0;

	while (i < merge->live) {
		struct skafu__entry_source *source = merge->sources[i];
		int32_t result = source->at != source->end ? 1 : source->fill(source);

		if (result < 0)
			return result;
		if (result == 0) {
			entry_merge_remove(merge, i);
			continue;
		}
		if (source->top_up && (size_t)(source->end - source->at) < entry_merge_share(merge))
			source->top_up(source);
		i++;
	}
	return SKAFU_OK;
}

/* The end of what a source may give. */
static const struct skafu__entry *entry_merge_reach(const struct skafu__merge *merge, size_t which)
{
	const struct skafu__entry_source *source = merge->sources[which];
	size_t share = entry_merge_share(merge);

	return (size_t)(source->end - source->at) > share ? source->at + share : source->end;
}

/* The last entry up to which all that the sources have is in reach. */
static const struct skafu__entry *entry_merge_bound(const struct skafu__merge *merge)
{
	const struct skafu__entry *bound = entry_merge_reach(merge, 0) - 1;
	size_t i;

	for (i = 1; i < merge->live; i++) {
		const struct skafu__entry *last = entry_merge_reach(merge, i) - 1;

		if (skafu__entry_is_above(bound, last))
			bound = last;
	}
	return bound;
}

/* The end of those entries of a source that are not above the bound. */
static const struct skafu__entry *entry_merge_limit(const struct skafu__merge *merge, size_t which,
	const struct skafu__entry *bound)
{
	const struct skafu__entry *begin = merge->sources[which]->at;
	size_t left = (size_t)(entry_merge_reach(merge, which) - begin);

	while (left > 0) {
		size_t half = left / 2;

		if (skafu__entry_is_above(&begin[half], bound)) {
			left = half;
		} else {
			begin += half + 1;
			left -= half + 1;
		}
	}
	return begin;
}

static int entry_merge_drops(const struct skafu__merge *merge, const struct skafu__entry *entry)
{
	return entry->position < merge->drop_below ||
	       (merge->has_after && skafu__entry_compare(entry, &merge->after) <= 0);
}

/* The next entries of a source, up to the bound, behind the others in the chunk.  Their number. */
static size_t entry_merge_take(struct skafu__merge *merge, size_t which, const struct skafu__entry *bound,
	size_t count)
{
	struct skafu__entry_source *source = merge->sources[which];
	const struct skafu__entry *from = source->at;
	const struct skafu__entry *limit = entry_merge_limit(merge, which, bound);
	struct skafu__entry *to = merge->chunk + count;

	source->at = limit;
	if (merge->drop_below == 0 && !merge->has_after) {
		memcpy(to, from, (size_t)(limit - from) * sizeof *to);
		return (size_t)(limit - from);
	}
	for (; from != limit; from++)
		if (!entry_merge_drops(merge, from))
			*to++ = *from;
	return (size_t)(to - merge->chunk) - count;
}

/* Everything up to the bound, sorted: 1 with at least one entry, or 0. */
static int entry_merge_give(struct skafu__merge *merge)
{
	const struct skafu__entry bound = *entry_merge_bound(merge);
	uint64_t least = bound.key;
	size_t givers = 0;
	size_t count = 0;
	size_t i;

	for (i = 0; i < merge->live; i++) {
		const struct skafu__entry *next = merge->sources[i]->at;
		size_t more;

		if (skafu__entry_is_above(next, &bound))
			continue;
		least = next->key < least ? next->key : least;
		more = entry_merge_take(merge, i, &bound, count);
		count += more;
		givers += more > 0;
	}
	merge->source.at = givers > 1 ? entry_sort_hashes(least, bound.key, merge->chunk, count, merge->scratch,
		merge->chunk, 1) : merge->chunk;
	merge->source.end = merge->source.at + count;
	return count > 0;
}

static int32_t entry_merge_fill(struct skafu__entry_source *self)
{
	struct skafu__merge *merge = (struct skafu__merge *)self;

	do {
		int32_t result = entry_merge_ready(merge);

		if (result < 0 || merge->live == 0)
			return result;
	} while (!entry_merge_give(merge));
	return 1;
}

int32_t skafu__merge_init(struct skafu__merge *merge, struct skafu__entry_source *const *sources, size_t count,
	const struct skafu__merge_options *options, skafu_error *error)
{
	size_t i;

	if (count > SKAFU__MERGE_SOURCES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "%zu runs cannot be merged at once; the limit is %d.", count,
			SKAFU__MERGE_SOURCES_MAX);
	memset(&merge->source, 0, sizeof merge->source);
	merge->source.fill = entry_merge_fill;
	for (i = 0; i < count; i++)
		merge->sources[i] = sources[i];
	merge->live = count;
	merge->drop_below = options ? options->drop_below : 0;
	merge->has_after = options && options->after;
	if (merge->has_after)
		merge->after = *options->after;
	return SKAFU_OK;
}
