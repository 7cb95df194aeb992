#include "store/select.h"

#include <string.h>

#include "store/store.h"

void skafu__select_init(struct skafu__select *select, const struct skafu__sys *sys, int backward)
{
	memset(select, 0, sizeof *select);
	select->sys = sys;
	select->backward = backward;
}

void skafu__select_done(struct skafu__select *select)
{
	skafu__free(select->sys, select->sources);
	select->sources = NULL;
	select->source_count = 0;
	select->source_room = 0;
}

static int select_has(const struct skafu__select *select, uint32_t dimension, uint64_t key)
{
	for (uint32_t i = 0; i < select->source_count; i++)
		if (select->sources[i].dimension == dimension && select->sources[i].key == key)
			return 1;
	return 0;
}

int32_t skafu__select_add(struct skafu__select *select, uint32_t dimension, uint64_t key,
			  const struct skafu__range *range)
{
	if (select_has(select, dimension, key))
		return 0;
	if (select->source_count == select->source_room) {
		uint32_t room = select->source_room ? select->source_room * 2 : 4;
		void *grown = skafu__realloc_array(select->sys, select->sources, room, sizeof *select->sources);
		if (!grown)
			return SKAFU_ENOMEM;
		select->sources = grown;
		select->source_room = room;
	}
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

/* The position a source stands on; 0 when it is at its end. */
static int32_t select_head(struct skafu__select_source *source, struct skafu__view *view, uint64_t *out,
			   skafu_error *error)
{
	if (source->at == source->count && !source->ended) {
		int32_t rc = select_fill(source, view, error);
		if (rc != 0)
			return rc;
	}
	*out = source->at < source->count ? source->entries[source->at].position : 0;
	return 0;
}

int32_t skafu__select_next(struct skafu__select *select, struct skafu__view *view, uint64_t *out_sequence,
			   skafu_error *error)
{
	uint64_t best = 0;
	for (uint32_t i = 0; i < select->source_count; i++) {
		uint64_t head;
		int32_t rc = select_head(&select->sources[i], view, &head, error);
		if (rc != 0)
			return rc;
		if (head != 0 && (best == 0 || (select->backward ? head > best : head < best)))
			best = head;
	}
	if (best == 0)
		return 0;
	for (uint32_t i = 0; i < select->source_count; i++) {
		struct skafu__select_source *source = &select->sources[i];
		while (source->at < source->count && source->entries[source->at].position == best)
			source->at++; /* a record that has a tag twice has two postings */
	}
	*out_sequence = best;
	return 1;
}
