/*
 * segment_build.h: cuts sorted entries into the segments that segment.h describes.
 *
 * Invariant: a segment depends only on the entries that are in it and on the options, so a build that was interrupted
 * and goes on after the last entry of the last segment gives the same bytes as one that was not.
 */
#ifndef SKAFU__CODEC_SEGMENT_BUILD_H
#define SKAFU__CODEC_SEGMENT_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "codec/entry.h"
#include "codec/segment.h"
#include "skafu_base.h"

/* Takes a full segment; the bytes are borrowed for the call.  A failure ends the building and is passed on.
 * Segments are numbered from the builder's first number. */
typedef int32_t (*skafu__segment_sink)(void *user, const void *bytes, const struct skafu__segment_info *info,
	skafu_error *error);

struct skafu__segment_options {
	size_t bytes_max;      /* of a segment; 0: the default */
	uint64_t base;         /* no position is below it: the first sequence of the run */
	uint32_t first_number; /* of the first segment */
	int has_extra;
	skafu__segment_sink sink;
	void *user;
};

/* Private, but embedded by its users; the memory behind it is bounded by some six times bytes_max. */
struct skafu__segment_builder {
	const struct skafu__sys *sys;
	struct skafu__segment_options options;
	uint8_t *memory;  /* all of the following arrays */
	uint64_t *keys;   /* of this segment */
	struct skafu__segment_block *table; /* of the blocks of the open list */
	uint16_t *starts; /* of the lists of this segment */
	uint8_t *lists;   /* closed lists of this segment */
	uint8_t *codes;   /* of the open list */
	uint8_t *out;     /* a whole segment */
	size_t key_count;
	size_t lists_bytes;
	size_t codes_bytes;
	uint8_t head[20]; /* how the open list begins while it is short */
	size_t head_bytes;
	size_t fixed_bytes; /* of a segment that ended here, without the codes of the open list */
	size_t block_count;
	uint32_t list_count; /* postings of the open list; 0 when none is open */
	uint32_t entry_count;
	uint64_t table_extra_max;
	uint64_t list_extra_max;
	int list_ascending;
	int started;
	struct skafu__entry first;
	struct skafu__entry previous;
	uint32_t segment_count; /* given to the sink so far */
	int32_t failed;
};

int32_t skafu__segment_builder_init(struct skafu__segment_builder *builder, const struct skafu__sys *sys,
	const struct skafu__segment_options *options, skafu_error *error);
void skafu__segment_builder_done(struct skafu__segment_builder *builder);

/* The next entry, above the one before; one that is equal to it is left out.  A failure sticks. */
int32_t skafu__segment_builder_add(struct skafu__segment_builder *builder, const struct skafu__entry *entry,
	skafu_error *error);

/* All of them, in less time than one by one. */
int32_t skafu__segment_builder_add_all(struct skafu__segment_builder *builder, const struct skafu__entry *entries,
	size_t count, skafu_error *error);

/* Give the sink what is left, if anything. */
int32_t skafu__segment_builder_finish(struct skafu__segment_builder *builder, skafu_error *error);

/*
 * Add what a source gives, until it ends (0) or the sink has received `segments_max` segments from this call (1).
 * After a 1 either call again, or throw builder and source away and go on later with new ones, the source beginning
 * after the last entry of the last segment: the segments are the same ones.  The last call is always finish.
 */
int32_t skafu__segment_builder_feed(struct skafu__segment_builder *builder, struct skafu__entry_source *source,
	uint32_t segments_max, skafu_error *error);

#endif
