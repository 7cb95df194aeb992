/*
 * segment_walk.h: all entries of a run, in order, as a source for merges.
 *
 * Invariant: what comes out ascends from segment to segment; one segment at a time is in use, and no memory but that.
 */
#ifndef SKAFU__CODEC_SEGMENT_WALK_H
#define SKAFU__CODEC_SEGMENT_WALK_H

#include <stdint.h>

#include "codec/entry.h"
#include "codec/segment.h"
#include "skafu_base.h"

#define SKAFU__SEGMENT_WALK_AHEAD (4 * SKAFU__SEGMENT_BLOCK)

/* Opens the segment at an index of the run into *out_segment: 1, or 0 when there are no more, or a failure.  The
 * bytes stay valid until the next call with the same user. */
typedef int32_t (*skafu__segment_load)(void *user, uint32_t index, struct skafu__segment *out_segment,
	skafu_error *error);

/* All entries of the segments of a run, one segment at a time.  SKAFU_EDAMAGED when a segment does not follow the one
 * before. */
struct skafu__segment_walk {
	struct skafu__entry_source source;
	skafu__segment_load load;
	void *user;
	skafu_error *error;
	uint32_t next_segment;
	int open;
	int in_list; /* the cursor stands on the last posting that was given of a list of several blocks */
	int started; /* `previous` is the last entry of the stretch before */
	struct skafu__entry previous;
	uint32_t next_key; /* index of the first list that was not begun yet */
	struct skafu__entry ahead[SKAFU__SEGMENT_WALK_AHEAD]; /* the stretch: a block, or several short lists */
	struct skafu__segment segment;
	struct skafu__segment_cursor cursor;
};

/* From the first entry of the segment at an index; `after` (or NULL) leaves out everything up to that entry without
 * decoding the lists before it.  `error` is told of failures of next() and may be NULL. */
void skafu__segment_walk_init(struct skafu__segment_walk *walk, skafu__segment_load load, void *user,
	uint32_t first_index, skafu_error *error);
int32_t skafu__segment_walk_after(struct skafu__segment_walk *walk, const struct skafu__entry *after);

#endif
