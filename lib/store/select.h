/*
 * select.h: candidates for a query: from the index, in the order of their sequences, each once.
 *
 * What comes out is a superset: hashes may collide and an item with several tags is driven by its rarest, so the
 * caller compares each record in full (skafu__query_match).  Nothing that matches is left out.
 */
#ifndef SKAFU__STORE_SELECT_H
#define SKAFU__STORE_SELECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "store/index.h"
#include "store/query.h"

#define SKAFU__SELECT_BLOCK 64

struct skafu__select_source {
	uint32_t dimension; /* 0: every sequence */
	uint64_t key;
	size_t count;
	size_t at;
	int ended;
	uint32_t heap; /* nothing of this source: index of the one at this place of the heap, whose first goes on */
	struct skafu__range range; /* what has not been collected yet */
	struct skafu__entry entries[SKAFU__SELECT_BLOCK];
};

struct skafu__select {
	const struct skafu__sys *sys;
	struct skafu__select_source *sources;
	struct skafu__map known; /* dimension and key of the sources, once there are many */
	uint32_t source_count;
	uint32_t source_room;
	uint32_t heap_count; /* sources that are not at their end */
	uint64_t last; /* candidate that was given; 0: none */
	int backward;
};

void skafu__select_init(struct skafu__select *select, const struct skafu__sys *sys, int backward);
void skafu__select_done(struct skafu__select *select);

/* Add a source by hand, or those of a query; positions (and extras) within the range. */
int32_t skafu__select_add(struct skafu__select *select, uint32_t dimension, uint64_t key,
			  const struct skafu__range *range);
int32_t skafu__select_add_query(struct skafu__select *select, struct skafu__view *view, const skafu_query *query,
				const struct skafu__range *range);

/* 1 and the next candidate, 0 at the end.  The view may be another one each time, but not an older one. */
int32_t skafu__select_next(struct skafu__select *select, struct skafu__view *view, uint64_t *out_sequence,
			   skafu_error *error);

#endif
