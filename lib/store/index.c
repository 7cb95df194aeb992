#include "store/index.h"

#include <string.h>

#include "base/error.h"
#include "store/filter.h"
#include "store/manifest_set.h"
#include "store/store.h"

#define INDEX_CANDIDATES 16 /* postings looked at at once; more than one only when hashes collide */

static uint64_t index_folded_up_to(const struct skafu__view *view, uint32_t dimension)
{
	return dimension == SKAFU__DIM_COMMIT ? view->index.commit : view->index.sequence;
}

static uint64_t index_visible_up_to(const struct skafu__view *view, uint32_t dimension)
{
	return dimension == SKAFU__DIM_COMMIT ? view->commit : view->head;
}

static size_t index_collect_tail(const struct skafu__view *view, uint32_t dimension, uint64_t key,
				 const struct skafu__range *range, struct skafu__entry *out, size_t max)
{
	struct skafu__range tail = *range;
	uint64_t folded = index_folded_up_to(view, dimension);
	uint64_t visible = index_visible_up_to(view, dimension);
	if (tail.from <= folded)
		tail.from = folded + 1;
	if (tail.to > visible)
		tail.to = visible;
	return skafu__overlay_collect(&view->store->overlay, dimension, key, &tail, out, max);
}

static int index_run_is_outside(const struct skafu__run *run, const struct skafu__range *range)
{
	return run->info.last_sequence < range->from || run->info.first_sequence > range->to;
}

/* The runs of a dimension do not overlap, so going through them in order gives the postings in order. */
static int32_t index_collect_runs(struct skafu__view *view, uint32_t dimension, uint64_t key,
				  const struct skafu__range *range, struct skafu__entry *out, size_t max,
				  size_t *count, skafu_error *error)
{
	const struct skafu__manifest_set *set = view->store->manifest;
	uint32_t begin = set->begin[dimension];
	uint32_t end = set->begin[dimension + 1];
	int32_t rc = 0;
	for (uint32_t i = begin; rc == 0 && i < end && *count < max; i++) {
		struct skafu__run *run = set->runs[range->backward ? end - 1 - (i - begin) : i];
		if (index_run_is_outside(run, range))
			continue;
		if (skafu__filter_may_hold(view, run, key))
			rc = skafu__run_collect(view, run, key, range, out, max, count, error);
	}
	return rc;
}

static int32_t index_collect(struct skafu__view *view, uint32_t dimension, uint64_t key,
			     const struct skafu__range *range, struct skafu__entry *out, size_t max, size_t *count,
			     skafu_error *error)
{
	*count = 0;
	if (range->backward)
		*count = index_collect_tail(view, dimension, key, range, out, max);
	int32_t rc = index_collect_runs(view, dimension, key, range, out, max, count, error);
	if (rc == 0 && !range->backward)
		*count += index_collect_tail(view, dimension, key, range, out + *count, max - *count);
	return rc;
}

int32_t skafu__index_collect(struct skafu__view *view, uint32_t dimension, uint64_t key,
			     const struct skafu__range *range, struct skafu__entry *out, size_t max,
			     size_t *out_count, skafu_error *error)
{
	size_t count;
	int32_t rc = index_collect(view, dimension, key, range, out, max, &count, error);
	if (rc == 0)
		*out_count = count;
	return rc;
}

uint64_t skafu__index_estimate(struct skafu__view *view, uint32_t dimension, uint64_t key)
{
	const struct skafu__manifest_set *set = view->store->manifest;
	uint64_t total = 0;
	for (uint32_t i = set->begin[dimension]; i < set->begin[dimension + 1]; i++) {
		uint64_t count;
		if (skafu__run_count(view, set->runs[i], key, &count, NULL) == 0)
			total += count;
	}
	return total;
}

/* Walks the postings of a key in blocks, for those who look at the records behind them. */
struct index_walk {
	struct skafu__view *view;
	uint32_t dimension;
	uint64_t key;
	struct skafu__range range;
	struct skafu__entry entries[INDEX_CANDIDATES];
	size_t count;
	size_t at;
	int ended;
};

static void index_walk_begin(struct index_walk *walk, struct skafu__view *view, uint32_t dimension, uint64_t key)
{
	memset(walk, 0, sizeof *walk);
	walk->view = view;
	walk->dimension = dimension;
	walk->key = key;
	walk->range = skafu__range_all(1);
}

/* Newest first: 1 and an entry, 0 at the end. */
static int32_t index_walk_next(struct index_walk *walk, struct skafu__entry *out, skafu_error *error)
{
	if (walk->at == walk->count) {
		if (walk->ended)
			return 0;
		int32_t rc = skafu__index_collect(walk->view, walk->dimension, walk->key, &walk->range, walk->entries,
						  INDEX_CANDIDATES, &walk->count, error);
		if (rc != 0)
			return rc;
		walk->at = 0;
		walk->ended = walk->count < INDEX_CANDIDATES;
		if (walk->count == 0)
			return 0;
		walk->range.to = walk->entries[walk->count - 1].position - 1;
	}
	*out = walk->entries[walk->at++];
	return 1;
}

/* A posting that leads to no record means that index and log contradict each other. */
static int32_t index_read(struct skafu__view *view, uint64_t sequence, struct skafu__record *out, skafu_error *error)
{
	int32_t rc = skafu__view_record(view, sequence, out, error);
	if (rc != SKAFU_ENOTFOUND)
		return rc;
	skafu__fail(error, SKAFU_EDAMAGED, "the index names record %llu, which is not in the log; reindex the store",
		    (unsigned long long)sequence);
	skafu__error_set_sequence(error, sequence);
	return SKAFU_EDAMAGED;
}

int32_t skafu__index_stream_head(struct skafu__view *view, const char *stream, size_t length, uint64_t *out_version,
				 uint64_t *out_sequence, skafu_error *error)
{
	struct index_walk walk;
	struct skafu__entry entry = {0};
	uint64_t key = skafu__hash64(view->store->format.hash_key, stream, length);
	index_walk_begin(&walk, view, SKAFU__DIM_STREAM, key);
	int32_t rc;
	while ((rc = index_walk_next(&walk, &entry, error)) == 1) {
		struct skafu__record record;
		rc = index_read(view, entry.position, &record, error);
		if (rc != 0)
			return rc;
		if (record.stream_length == length && memcmp(record.stream, stream, length) == 0) {
			*out_version = record.stream_version;
			*out_sequence = entry.position;
			return 0;
		}
	}
	if (rc == 0) {
		*out_version = 0;
		*out_sequence = 0;
	}
	return rc;
}

int32_t skafu__index_find_id(struct skafu__view *view, const uint8_t id[16], uint64_t *out_sequence,
			     skafu_error *error)
{
	struct index_walk walk;
	struct skafu__entry entry = {0};
	index_walk_begin(&walk, view, SKAFU__DIM_ID, skafu__hash64(view->store->format.hash_key, id, 16));
	int32_t rc;
	while ((rc = index_walk_next(&walk, &entry, error)) == 1) {
		struct skafu__record record;
		rc = index_read(view, entry.position, &record, error);
		if (rc != 0)
			return rc;
		if (memcmp(record.id, id, 16) == 0) {
			*out_sequence = entry.position;
			return 0;
		}
	}
	if (rc == 0)
		*out_sequence = 0;
	return rc;
}

int32_t skafu__index_find_commit(struct skafu__view *view, const uint8_t id[16], skafu_error *error)
{
	struct index_walk walk;
	struct skafu__entry entry = {0};
	index_walk_begin(&walk, view, SKAFU__DIM_COMMIT, skafu__hash64(view->store->format.hash_key, id, 16));
	int32_t rc;
	while ((rc = index_walk_next(&walk, &entry, error)) == 1) {
		rc = skafu__view_commit(view, entry.position, entry.extra, error);
		if (rc != 0)
			return rc;
		if (memcmp(view->current.id, id, 16) == 0)
			return 1;
	}
	return rc;
}
