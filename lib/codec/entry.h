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

/* The same question as a number, for keys that nothing predicts: there is no branch in it. */
static inline int skafu__entry_is_above(const struct skafu__entry *a, const struct skafu__entry *b)
{
	return (a->key > b->key) | ((a->key == b->key) & ((a->position > b->position)
		| ((a->position == b->position) & (a->extra > b->extra))));
}

/* Entries that the scratch of a sort has room for; seldom is more than two thirds of it touched. */
static inline size_t skafu__entries_scratch(size_t count)
{
	return 2 * count + 1;
}

/*
 * Sort, quickly when entries with the same key come in order, as those of a log do.  The entries stay as they are;
 * `scratch` has room for skafu__entries_scratch(count) entries, and the result is in it.
 */
const struct skafu__entry *skafu__entries_sort(const struct skafu__entry *entries, size_t count,
	struct skafu__entry *scratch);

/*
 * Something that gives entries in ascending order, a stretch of them at a time.  Those from `at` to `end` come next;
 * who takes one moves `at` on.  When none is left, fill() brings the next stretch: 1 with at least one entry, 0 at
 * the end, or a failure, and is not called again after a 0 or a failure.  A stretch is valid until the next fill().
 * Before a stretch is used up, top_up() may make it longer where that cannot fail; what is left of it may move, and
 * there may be nothing more.  Embed it as the first member; all zero but the functions at the beginning.
 */
struct skafu__entry_source {
	const struct skafu__entry *at;
	const struct skafu__entry *end;
	int32_t (*fill)(struct skafu__entry_source *self);
	void (*top_up)(struct skafu__entry_source *self); /* NULL: it cannot */
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
	const struct skafu__entry *entries;
	size_t count; /* 0 once they are given */
};
void skafu__entry_array_init(struct skafu__entry_array *array, const struct skafu__entry *entries, size_t count);

/*
 * A source that merges others.  It takes what they have ready up to the first entry that may be above one that is not
 * ready, and sorts that: the keys are hashes, so comparing source with source for each entry would be guessing.
 * Quick when of two sources with the same key all positions of the former are below those of the latter, as in runs.
 * Entries that several sources have come out several times, next to each other.
 */
#define SKAFU__MERGE_SOURCES_MAX 64
#define SKAFU__MERGE_CHUNK 1024

struct skafu__merge_options {
	uint64_t drop_below;               /* leave out positions below this one (retention); 0 keeps all */
	const struct skafu__entry *after;  /* leave out everything up to this entry (resume); NULL keeps all */
};

struct skafu__merge {
	struct skafu__entry_source source;
	struct skafu__entry_source *sources[SKAFU__MERGE_SOURCES_MAX];
	size_t live;
	uint64_t drop_below;
	struct skafu__entry after;
	int has_after;
	struct skafu__entry chunk[SKAFU__MERGE_CHUNK];
	struct skafu__entry scratch[SKAFU__MERGE_CHUNK + SKAFU__MERGE_CHUNK / 3 + 1];
};

/* `sources` is copied, the sources themselves are borrowed.  SKAFU_ELIMIT for too many of them. */
int32_t skafu__merge_init(struct skafu__merge *merge, struct skafu__entry_source *const *sources, size_t count,
	const struct skafu__merge_options *options, skafu_error *error);

#endif
