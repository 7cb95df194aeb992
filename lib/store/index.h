/*
 * index.h: postings of a key, wherever they are: in the runs for what is folded, in the overlay for the rest.
 */
#ifndef SKAFU__STORE_INDEX_H
#define SKAFU__STORE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "codec/entry.h"
#include "store/overlay.h"
#include "store/view.h"

/* Up to `max` postings of a key that the view shows, within the range and in its direction; *out_count of them. */
int32_t skafu__index_collect(struct skafu__view *view, uint32_t dimension, uint64_t key,
			     const struct skafu__range *range, struct skafu__entry *out, size_t max,
			     size_t *out_count, skafu_error *error);

/* How many postings a key has, roughly and quickly: to begin with the rarest. */
uint64_t skafu__index_estimate(struct skafu__view *view, uint32_t dimension, uint64_t key);

/* Version and last sequence of a stream that the view shows; 0 when it does not exist. */
int32_t skafu__index_stream_head(struct skafu__view *view, const char *stream, size_t length, uint64_t *out_version,
				 uint64_t *out_sequence, skafu_error *error);

/* The sequence of the record with an id; 0 when there is none. */
int32_t skafu__index_find_id(struct skafu__view *view, const uint8_t id[16], uint64_t *out_sequence,
			     skafu_error *error);

/* The commit with an id: 1 and view->current, 0 when there is none. */
int32_t skafu__index_find_commit(struct skafu__view *view, const uint8_t id[16], skafu_error *error);

/* Everything in a direction. */
static inline struct skafu__range skafu__range_all(int backward)
{
	struct skafu__range range = {1, UINT64_MAX - 1, 0, UINT64_MAX, backward};
	return range;
}

#endif
