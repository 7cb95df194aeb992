/*
 * segment_walk.c: goes through the segments of a run.
 *
 * Invariant: `previous` is the last entry of the stretch before, so the first entry of the next has something to be
 * compared with: a run whose segments or lists are mixed up is noticed, not merged.
 */
#include "codec/segment_walk.h"

#include <string.h>

#include "base/error.h"

static int32_t segment_walk_give(struct skafu__segment_walk *walk, uint32_t count)
{
	walk->source.at = walk->ahead;
	walk->source.end = walk->ahead + count;
	return 1;
}

/* What the cursor's block holds from where it stands. */
static int32_t segment_walk_give_block(struct skafu__segment_walk *walk)
{
	struct skafu__segment_cursor *cursor = &walk->cursor;
	uint32_t count = 0;

	for (uint32_t i = cursor->at; i < cursor->filled; i++)
		walk->ahead[count++] = (struct skafu__entry){cursor->key, cursor->positions[i],
			walk->segment.has_extra ? cursor->extras[i] : 0};
	cursor->at = cursor->filled - 1;
	walk->in_list = 1;
	return segment_walk_give(walk, count);
}

/* The next lists: several when they are short, else the beginning of one.  1 or a failure. */
static int32_t segment_walk_more(struct skafu__segment_walk *walk)
{
	uint32_t count = skafu__segment_unpack(&walk->segment, &walk->next_key, walk->ahead,
		SKAFU__SEGMENT_WALK_AHEAD);
	int32_t result;

	if (count > 0)
		return segment_walk_give(walk, count);
	result = skafu__segment_list(&walk->segment, walk->next_key, &walk->cursor, walk->error);
	if (result < 0)
		return result;
	walk->next_key++;
	return segment_walk_give_block(walk);
}

/* The next stretch of the open segment.  1, 0 at its end, or a failure. */
static int32_t segment_walk_within(struct skafu__segment_walk *walk)
{
	if (walk->in_list) {
		int32_t result = skafu__segment_cursor_next(&walk->cursor, walk->error);

		if (result != 0)
			return result < 0 ? result : segment_walk_give_block(walk);
		walk->in_list = 0;
	}
	return walk->next_key < walk->segment.key_count ? segment_walk_more(walk) : 0;
}

/* The first stretch of the next segment.  1, 0 at the end of the run, or a failure. */
static int32_t segment_walk_load(struct skafu__segment_walk *walk)
{
	int32_t result;

	walk->open = 0;
	result = walk->load(walk->user, walk->next_segment, &walk->segment, walk->error);
	if (result <= 0)
		return result;
	walk->next_segment++;
	walk->next_key = 0;
	walk->in_list = 0;
	result = segment_walk_within(walk);
	walk->open = result > 0;
	return result;
}

static int32_t segment_walk_fill(struct skafu__entry_source *self)
{
	struct skafu__segment_walk *walk = (struct skafu__segment_walk *)self;
	int32_t result;

	if (walk->started)
		walk->previous = self->end[-1];
	result = walk->open ? segment_walk_within(walk) : 0;
	if (result == 0)
		result = segment_walk_load(walk);
	if (result <= 0)
		return result;
	if (walk->started && !skafu__entry_is_above(self->at, &walk->previous)) {
		self->at = self->end;
		return skafu__fail(walk->error, SKAFU_EDAMAGED,
			"The lists of a run of the index do not follow each other in order; reindex the store.");
	}
	walk->started = 1;
	return 1;
}

/* More short lists of the open segment behind what is left. */
static void segment_walk_top_up(struct skafu__entry_source *self)
{
	struct skafu__segment_walk *walk = (struct skafu__segment_walk *)self;
	size_t left = (size_t)(self->end - self->at);
	uint32_t next_key = walk->next_key;
	uint32_t count;

	if (!walk->open || walk->in_list || left == 0 || left > SKAFU__SEGMENT_WALK_AHEAD / 2)
		return;
	memmove(walk->ahead, self->at, left * sizeof *self->at);
	segment_walk_give(walk, (uint32_t)left);
	count = skafu__segment_unpack(&walk->segment, &next_key, walk->ahead + left,
		SKAFU__SEGMENT_WALK_AHEAD - (uint32_t)left);
	/* What is out of order is left to be found by the next fill. */
	if (count == 0 || !skafu__entry_is_above(&walk->ahead[left], &walk->ahead[left - 1]))
		return;
	walk->next_key = next_key;
	self->end += count;
}

void skafu__segment_walk_init(struct skafu__segment_walk *walk, skafu__segment_load load, void *user,
	uint32_t first_index, skafu_error *error)
{
	memset(walk, 0, sizeof *walk);
	walk->source.fill = segment_walk_fill;
	walk->source.top_up = segment_walk_top_up;
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
	if (result < 0)
		return result;
	walk->next_key = index + 1;
	return segment_walk_give_block(walk); /* if all of the list is below, that is its end */
}

int32_t skafu__segment_walk_after(struct skafu__segment_walk *walk, const struct skafu__entry *after)
{
	struct skafu__entry_source *source = &walk->source;
	int32_t result;

	do {
		source->at = source->end; /* nothing of a segment that is skipped is given */
		walk->started = 0; /* what was skipped is not known, so there is nothing to compare with */
		result = segment_walk_load(walk);
		if (result > 0)
			result = segment_walk_seek(walk, after);
		else if (result == 0)
			return SKAFU_OK;
	} while (result == 0);
	walk->started = 1;
	while (result > 0 && skafu__entry_compare(source->at, after) <= 0)
		result = ++source->at != source->end ? 1 : segment_walk_fill(source);
	return result < 0 ? result : SKAFU_OK;
}
