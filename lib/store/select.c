#include "store/select.h"

#include <string.h>

#include "base/bytes.h"
#include "store/store.h"

#define SELECT_FEW 16 /* sources that are compared one by one */
#define SELECT_KEY_BYTES 12

void skafu__select_init(struct skafu__select *select, const struct skafu__sys *sys, int backward)
{
	memset(select, 0, sizeof *select);
	select->sys = sys;
	select->backward = backward;
	skafu__map_init(&select->known, sys, SIZE_MAX, 0);
}

void skafu__select_done(struct skafu__select *select)
{
	skafu__free(select->sys, select->sources);
	skafu__map_done(&select->known);
	select->sources = NULL;
	select->heap_count = 0;
	select->source_count = 0;
	select->source_room = 0;
}

static const void *select_name(uint8_t to[SELECT_KEY_BYTES], uint32_t dimension, uint64_t key)
{
	skafu__store_u32(to, dimension);
	skafu__store_u64(to + 4, key);
	return to;
}

static int select_has(const struct skafu__select *select, uint32_t dimension, uint64_t key)
{
	uint8_t name[SELECT_KEY_BYTES];
	if (select->source_count > SELECT_FEW)
		return skafu__map_find(&select->known, select_name(name, dimension, key), sizeof name) != NULL;
	for (uint32_t i = 0; i < select->source_count; i++)
		if (select->sources[i].dimension == dimension && select->sources[i].key == key)
			return 1;
	return 0;
}

static int32_t select_note(struct skafu__select *select, uint32_t dimension, uint64_t key)
{
	uint8_t name[SELECT_KEY_BYTES];
	int32_t rc = skafu__map_insert(&select->known, select_name(name, dimension, key), sizeof name, 0);
	return rc < 0 ? rc : 0;
}

/* For a source that is about to be added: from the moment there are many, all of them are in the map. */
static int32_t select_remember(struct skafu__select *select, uint32_t dimension, uint64_t key)
{
	int32_t rc = 0;
	if (select->source_count < SELECT_FEW)
		return 0;
	for (uint32_t i = 0; rc == 0 && select->source_count == SELECT_FEW && i < SELECT_FEW; i++)
		rc = select_note(select, select->sources[i].dimension, select->sources[i].key);
	return rc ? rc : select_note(select, dimension, key);
}

static int32_t select_make_room(struct skafu__select *select)
{
	uint32_t room = select->source_room ? select->source_room * 2 : 4;
	if (select->source_count < select->source_room)
		return 0;
	void *sources = skafu__realloc_array(select->sys, select->sources, room, sizeof *select->sources);
	if (!sources)
		return SKAFU_ENOMEM;
	select->sources = sources;
	select->source_room = room;
	return 0;
}

/* Nothing was collected of a new source, so it may stand anywhere in the heap. */
int32_t skafu__select_add(struct skafu__select *select, uint32_t dimension, uint64_t key,
			  const struct skafu__range *range)
{
	if (select_has(select, dimension, key))
		return 0;
	if (select_make_room(select) != 0 || select_remember(select, dimension, key) != 0)
		return SKAFU_ENOMEM;
	select->sources[select->heap_count++].heap = select->source_count;
	struct skafu__select_source *source = &select->sources[select->source_count++];
	source->dimension = dimension;
	source->key = key;
	source->range = *range;
	source->count = 0;
	source->at = 0;
	source->ended = 0;
	return 0;
}

static uint64_t select_tag_key(const struct skafu__view *view, const char *tag)
{
	return skafu__hash64(view->store->format.hash_key, tag, strlen(tag));
}

static int32_t select_add_rarest_tag(struct skafu__select *select, struct skafu__view *view,
				     const struct skafu__query_item *item, const struct skafu__range *range)
{
	uint64_t best = select_tag_key(view, item->tags[0]);
	uint64_t fewest = item->tag_count > 1 ? skafu__index_estimate(view, SKAFU__DIM_TAG, best) : 0;
	for (uint32_t i = 1; i < item->tag_count; i++) {
		uint64_t key = select_tag_key(view, item->tags[i]);
		uint64_t count = skafu__index_estimate(view, SKAFU__DIM_TAG, key);
		if (count < fewest) {
			fewest = count;
			best = key;
		}
	}
	return skafu__select_add(select, SKAFU__DIM_TAG, best, range);
}

static int32_t select_add_type(struct skafu__select *select, struct skafu__view *view, uint8_t set, const char *type,
			       const struct skafu__range *range)
{
	uint32_t id = skafu__names_find(&view->store->names, set, type, strlen(type));
	return id ? skafu__select_add(select, SKAFU__DIM_TYPE, skafu__type_key(set, id), range) : 0;
}

static int32_t select_add_types(struct skafu__select *select, struct skafu__view *view,
				const struct skafu__query_item *item, const struct skafu__range *range)
{
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < item->type_count; i++) {
		rc = select_add_type(select, view, SKAFU__NAME_TYPE, item->types[i], range);
		if (rc == 0)
			rc = select_add_type(select, view, SKAFU__NAME_NOTE, item->types[i], range);
	}
	return rc;
}

int32_t skafu__select_add_query(struct skafu__select *select, struct skafu__view *view, const skafu_query *query,
				const struct skafu__range *range)
{
	if (skafu__query_matches_all(query))
		return skafu__select_add(select, 0, 0, range);
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < query->item_count; i++) {
		const struct skafu__query_item *item = &query->items[i];
		rc = item->tag_count ? select_add_rarest_tag(select, view, item, range)
				     : select_add_types(select, view, item, range);
	}
	return rc;
}

/* Every sequence of the range, a block at a time. */
static void select_fill_all(struct skafu__select_source *source, int backward)
{
	source->count = 0;
	while (source->count < SKAFU__SELECT_BLOCK && source->range.from <= source->range.to) {
		uint64_t position = backward ? source->range.to-- : source->range.from++;
		source->entries[source->count++] = (struct skafu__entry){0, position, 0};
	}
}

static int32_t select_fill(struct skafu__select_source *source, struct skafu__view *view, skafu_error *error)
{
	source->at = 0;
	if (source->dimension == 0) {
		select_fill_all(source, source->range.backward);
		source->ended = source->count == 0;
		return 0;
	}
	int32_t rc = skafu__index_collect(view, source->dimension, source->key, &source->range, source->entries,
					  SKAFU__SELECT_BLOCK, &source->count, error);
	if (rc != 0) {
		source->count = 0;
		return rc;
	}
	source->ended = source->count < SKAFU__SELECT_BLOCK;
	if (source->count != 0) {
		uint64_t last = source->entries[source->count - 1].position;
		if (source->range.backward)
			source->range.to = last - 1;
		else
			source->range.from = last + 1;
	}
	return 0;
}

/* ---- the next one -------------------------------------------------------------------------------------------- */

/* What orders the heap: the position that a source gives next, or, when that has to be collected first, the one that
 * it gave last, which is before it. */
static uint64_t select_rank(const struct skafu__select *select, uint32_t place)
{
	const struct skafu__select_source *source = &select->sources[select->sources[place].heap];
	if (source->count == 0)
		return select->backward ? UINT64_MAX : 0;
	return source->entries[source->at < source->count ? source->at : source->count - 1].position;
}

static int select_is_before(const struct skafu__select *select, uint32_t a, uint32_t b)
{
	uint64_t x = select_rank(select, a);
	uint64_t y = select_rank(select, b);
	return select->backward ? x > y : x < y;
}

/* The first of the heap went on: put it where it belongs now. */
static void select_sift(struct skafu__select *select)
{
	uint32_t place = 0;
	for (;;) {
		uint32_t best = place;
		for (uint32_t child = 2 * place + 1; child <= 2 * place + 2 && child < select->heap_count; child++)
			if (select_is_before(select, child, best))
				best = child;
		if (best == place)
			return;
		uint32_t index = select->sources[place].heap;
		select->sources[place].heap = select->sources[best].heap;
		select->sources[best].heap = index;
		place = best;
	}
}

/* The source that gives the next candidate, first in the heap; NULL when all are at their end. */
static int32_t select_lead(struct skafu__select *select, struct skafu__view *view, struct skafu__select_source **out,
			   skafu_error *error)
{
	*out = NULL;
	while (select->heap_count != 0) {
		struct skafu__select_source *source = &select->sources[select->sources[0].heap];
		if (source->at < source->count) {
			*out = source;
			return 0;
		}
		if (source->ended) {
			select->sources[0].heap = select->sources[--select->heap_count].heap;
		} else {
			int32_t rc = select_fill(source, view, error);
			if (rc != 0)
				return rc;
		}
		select_sift(select);
	}
	return 0;
}

int32_t skafu__select_next(struct skafu__select *select, struct skafu__view *view, uint64_t *out_sequence,
			   skafu_error *error)
{
	struct skafu__select_source *source;
	uint64_t position;
	do { /* a record that several sources have, or that has a tag twice, comes several times in a row */
		int32_t rc = select_lead(select, view, &source, error);
		if (rc != 0 || !source)
			return rc;
		position = source->entries[source->at++].position;
		select_sift(select);
	} while (position == select->last);
	select->last = position;
	*out_sequence = position;
	return 1;
}
