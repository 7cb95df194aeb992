/*
 * entry.h: the entries of the index: their order, sorting, and merging of sorted sources.
 *
 * An entry says that a key (a 64-bit hash or a small id) occurs at a position (a sequence), with one number beside
 * it: the version of a stream at that position, or the number of a commit; 0 in dimensions that need none.  Entries
 * are ordered by key, position, extra, in this order; two entries that are equal in all three are one entry.
 */
#ifndef SKAFU__CODEC_ENTRY_H
#define SKAFU__CODEC_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_base.h"

struct skafu__entry {
	uint64_t key;
	uint64_t position;
	uint64_t extra;
};

/* Below, at or above 0, as memcmp. */
static inline int skafu__entry_compare(const struct skafu__entry *a, const struct skafu__entry *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->position != b->position)
		return a->position < b->position ? -1 : 1;
	return a->extra == b->extra ? 0 : a->extra < b->extra ? -1 : 1;
}

/*
 * Sort by key, keeping the order of entries with the same key: entries that arrive with ascending positions leave
 * in the order above.  `scratch` has room for `count` entries too.
 */
void skafu__entries_sort(struct skafu__entry *entries, size_t count, struct skafu__entry *scratch);

/*
 * Something that gives entries in ascending order, a stretch of them at a time.  Those from `at` to `end` come next;
 * who takes one moves `at` on.  When none is left, fill() brings the next stretch: 1 with at least one entry, 0 at
 * the end, or a failure, and is not called again after a 0 or a failure.  A stretch is valid until the next fill().
 * Embed it as the first member; all zero but `fill` at the beginning.
 */
struct skafu__entry_source {
	const struct skafu__entry *at;
	const struct skafu__entry *end;
	int32_t (*fill)(struct skafu__entry_source *self);
};

/* One entry: 1, 0 at the end, or a failure. */
static inline int32_t skafu__entry_next(struct skafu__entry_source *source, struct skafu__entry *out_entry)
{
	int32_t result = source->at != source->end ? 1 : source->fill(source);

	if (result > 0)
		*out_entry = *source->at++;
	return result;
}

/* A source over sorted entries in memory, borrowed. */
struct skafu__entry_array {
	struct skafu__entry_source source;
	const struct skafu__entry *entries; /* NULL once they are given */
	size_t count;
};
void skafu__entry_array_init(struct skafu__entry_array *array, const struct skafu__entry *entries, size_t count);

/*
 * A source that merges others.  Lends their stretches on and copies nothing.  Entries that several sources have come
 * out several times, next to each other.
 */
#define SKAFU__MERGE_SOURCES_MAX 64

struct skafu__merge_options {
	uint64_t drop_below;               /* leave out positions below this one (retention); 0 keeps all */
	const struct skafu__entry *after;  /* leave out everything up to this entry (resume); NULL keeps all */
};

struct skafu__merge {
	struct skafu__entry_source source;
	struct skafu__entry_source *sources[SKAFU__MERGE_SOURCES_MAX];
	uint64_t keys[SKAFU__MERGE_SOURCES_MAX]; /* of the entry that each source gives next */
	size_t live;
	size_t leader; /* the source whose stretch was given last */
	uint64_t drop_below;
	struct skafu__entry after;
	int has_after;
	int primed;
};

/* `sources` is copied, the sources themselves are borrowed.  SKAFU_ELIMIT for too many of them. */
int32_t skafu__merge_init(struct skafu__merge *merge, struct skafu__entry_source *const *sources, size_t count,
	const struct skafu__merge_options *options, skafu_error *error);

#endif
