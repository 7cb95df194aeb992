/*
 * segment_walk.c: goes through the segments of a run.
 *
 * Invariant: `previous` is the entry that the cursor stood on last, so the first entry of a segment has something to
 * be compared with: a run whose segments are mixed up is noticed, not merged.
 */
#include "codec/segment_walk.h"

#include <string.h>

#include "base/error.h"

static void segment_walk_entry(const struct skafu__segment_walk *walk, struct skafu__entry *out_entry)
{
	out_entry->key = walk->cursor.key;
	out_entry->position = skafu__segment_cursor_position(&walk->cursor);
	out_entry->extra = skafu__segment_cursor_extra(&walk->cursor);
}

/* To the first entry of the next segment.  1, 0 at the end of the run, or a failure. */
static int32_t segment_walk_load(struct skafu__segment_walk *walk)
{
	struct skafu__entry entry;
	int32_t result;

	walk->open = 0;
	result = walk->load(walk->user, walk->next_segment, &walk->segment, walk->error);
	if (result <= 0)
		return result;
	walk->next_segment++;
	result = skafu__segment_list(&walk->segment, 0, &walk->cursor, walk->error);
	if (result < 0)
		return result;
	walk->open = 1;
	segment_walk_entry(walk, &entry);
	if (walk->started && skafu__entry_compare(&entry, &walk->previous) <= 0)
		return skafu__fail(walk->error, SKAFU_EDAMAGED,
			"A segment of the index does not follow the one before it; reindex the store.");
	walk->started = 1;
	return 1;
}

/* To the next entry, wherever it is. */
static int32_t segment_walk_step(struct skafu__segment_walk *walk)
{
	int32_t result;

	if (!walk->open)
		return segment_walk_load(walk);
	result = skafu__segment_cursor_next(&walk->cursor, walk->error);
	if (result != 0)
		return result;
	if (walk->cursor.key_index + 1 < walk->segment.key_count)
		return skafu__segment_list(&walk->segment, walk->cursor.key_index + 1, &walk->cursor, walk->error);
	return segment_walk_load(walk);
}

static int32_t segment_walk_next(struct skafu__entry_source *self, struct skafu__entry *out_entry)
{
	struct skafu__segment_walk *walk = (struct skafu__segment_walk *)self;
	int32_t result;

	if (walk->pending)
		walk->pending = 0;
	else if (walk->open && walk->cursor.at + 1 < walk->cursor.filled)
		walk->cursor.at++;
	else if ((result = segment_walk_step(walk)) <= 0)
		return result;
	segment_walk_entry(walk, &walk->previous);
	*out_entry = walk->previous;
	return 1;
}

void skafu__segment_walk_init(struct skafu__segment_walk *walk, skafu__segment_load load, void *user,
	uint32_t first_index, skafu_error *error)
{
	memset(walk, 0, sizeof *walk);
	walk->source.next = segment_walk_next;
	walk->load = load;
	walk->user = user;
	walk->next_segment = first_index;
	walk->error = error;
}

/* Within the open segment, to the first list that can hold something above `after`.  0 when there is none. */
static int32_t segment_walk_seek(struct skafu__segment_walk *walk, const struct skafu__entry *after)
{
	uint32_t index = skafu__segment_lower_bound(&walk->segment, after->key);
	int32_t result;

	if (index == walk->segment.key_count)
		return 0;
	result = skafu__segment_list(&walk->segment, index, &walk->cursor, walk->error);
	if (result > 0 && walk->cursor.key == after->key)
		result = skafu__segment_cursor_seek(&walk->cursor, after->position, walk->error);
	return result < 0 ? result : 1; /* if all of the list is below, the cursor stands on its end */
}

int32_t skafu__segment_walk_after(struct skafu__segment_walk *walk, const struct skafu__entry *after)
{
	int32_t result;

	do {
		walk->started = 0; /* what was skipped is not known, so there is nothing to compare with */
		result = segment_walk_load(walk);
		if (result > 0)
			result = segment_walk_seek(walk, after);
		else if (result == 0)
			return SKAFU_OK;
	} while (result == 0);
	segment_walk_entry(walk, &walk->previous);
	while (result > 0 && skafu__entry_compare(&walk->previous, after) <= 0) {
		result = segment_walk_step(walk);
		if (result > 0)
			segment_walk_entry(walk, &walk->previous);
	}
	if (result < 0)
		return result;
	walk->pending = result;
	return SKAFU_OK;
}
