/*
 * segment_build.c: the writer of packed segments.
 *
 * Invariant: `fixed_bytes` + `codes_bytes` is never below what the segment would take if it ended now, so whatever
 * was accepted fits into bytes_max.
 */
#include "codec/segment_build.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/index_head.h"

struct skafu__segment_block {
	uint64_t position;
	uint64_t extra;
	size_t end; /* of its codes */
};

enum {
	segbuild_together = 1024,      /* lists that are written at once end among so many entries */
	segbuild_short_end = 1 << 28, /* four bytes of a varint hold what is below */
	segbuild_usual_distance = segbuild_short_end / 4, /* two flags may come below it */
	segbuild_code_bytes = 20,      /* at most, of one posting: two varints */
	segbuild_blocks_head_bytes = 4 /* at most, of a list in blocks: 65,535 << 2 as a varint, and the widths */
};

/* ---- memory -------------------------------------------------------------------------------------------------- */

static size_t segbuild_keys_max(size_t bytes_max)
{
	return bytes_max / 4 + 1; /* at least one byte of key and list and two of offset each */
}

static size_t segbuild_table_max(size_t bytes_max)
{
	return bytes_max / SKAFU__SEGMENT_BLOCK + 2;
}

static int32_t segbuild_allocate(struct skafu__segment_builder *builder, skafu_error *error)
{
	size_t bytes_max = builder->options.bytes_max;
	size_t keys = segbuild_keys_max(bytes_max);
	size_t table = segbuild_table_max(bytes_max);
	size_t room = bytes_max + segbuild_code_bytes + sizeof(uint64_t);
	uint8_t *at;

	at = skafu__alloc(builder->sys, keys * sizeof(uint64_t) + table * sizeof *builder->table
		+ keys * sizeof(uint16_t) + 3 * room);
	if (!at)
		return skafu__fail_memory(error);
	builder->memory = at;
	builder->keys = (uint64_t *)(void *)at;
	at += keys * sizeof(uint64_t);
	builder->table = (struct skafu__segment_block *)(void *)at;
	at += table * sizeof *builder->table;
	builder->starts = (uint16_t *)(void *)at;
	at += keys * sizeof(uint16_t);
	builder->lists = at;
	builder->codes = at + room;
	builder->out = at + 2 * room;
	return SKAFU_OK;
}

int32_t skafu__segment_builder_init(struct skafu__segment_builder *builder, const struct skafu__sys *sys,
	const struct skafu__segment_options *options, skafu_error *error)
{
	size_t bytes_max = options->bytes_max ? options->bytes_max : SKAFU__SEGMENT_BYTES_DEFAULT;

	if (bytes_max < SKAFU__SEGMENT_BYTES_MIN || bytes_max > SKAFU__SEGMENT_BYTES_MAX)
		return skafu__fail(error, SKAFU_EINVAL,
			"An index segment of at most %zu bytes is not possible; take %d to %d.",
			bytes_max, SKAFU__SEGMENT_BYTES_MIN, SKAFU__SEGMENT_BYTES_MAX);
	if (options->base > SKAFU__POSITION_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "An index run cannot begin above the sequence 2^62.");
	memset(builder, 0, sizeof *builder);
	builder->sys = sys;
	builder->options = *options;
	builder->options.bytes_max = bytes_max;
	return segbuild_allocate(builder, error);
}

void skafu__segment_builder_done(struct skafu__segment_builder *builder)
{
	if (!builder || !builder->memory)
		return;
	skafu__free(builder->sys, builder->memory);
	memset(builder, 0, sizeof *builder);
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* A varint of a number below 2^28; four bytes are written, which the next ones overwrite.  Nothing predicts how long
 * the varints of an index are, so there is no branch on that. */
static inline size_t segbuild_short_varint(uint8_t *to, uint32_t value)
{
	static const uint32_t go_on[] = {0, 0x80, 0x8080, 0x808080}; /* the flags of all bytes but the last */
	/* Each sum reaches the highest bit if the value has more than 7, 14 and 21 bits. */
	size_t more = ((value + 0x7fffff80) >> 31) + ((value + 0x7fffc000) >> 31) + ((value + 0x7fe00000) >> 31);

	/* Doubling is shifting by one; three times a number and the number itself is shifting by two. */
	value += 3 * (value & 0xfffc000);
	value += value & 0x3f803f80;
	skafu__store_u32(to, value | go_on[more]);
	return more + 1;
}

/* Any varint; at least four bytes are written. */
static inline size_t segbuild_varint(uint8_t *to, uint64_t value)
{
	if (value < segbuild_short_end)
		return segbuild_short_varint(to, (uint32_t)value);
	return skafu__varint_write(to, value);
}

/* Bytes that a number needs, at least 1. */
static inline unsigned segbuild_width(uint64_t value)
{
	return value ? (71u - (unsigned)__builtin_clzll(value)) / 8 : 1;
}

/* The low `width` bytes; up to 8 are written, which the next ones overwrite. */
static inline uint8_t *segbuild_store(uint8_t *to, uint64_t value, unsigned width)
{
	skafu__store_u64(to, value);
	return to + width;
}

/* ---- lists --------------------------------------------------------------------------------------------------- */

static size_t segbuild_directory_bytes(const struct skafu__segment_builder *builder, size_t keys, uint64_t key)
{
	return SKAFU__SEGMENT_HEAD_BYTES + keys * (segbuild_width(key - builder->first.key) + sizeof(uint16_t));
}

/* The numbers of a posting at a distance from the one before it, or of the first one of a short list, which is at a
 * distance from the base and follows an extra of 0.  An extra that follows needs no number of its own. */
static inline size_t segbuild_write_posting(uint8_t *to, uint64_t distance, uint64_t extra, uint64_t extra_before,
	int is_first, int has_extra)
{
	uint64_t jump;
	size_t bytes;
	size_t more;

	if (!has_extra)
		return segbuild_varint(to, distance << is_first);
	jump = extra - extra_before - 1;
	bytes = segbuild_varint(to, (distance << 1 | (jump != 0)) << is_first);
	more = segbuild_varint(to + bytes, is_first ? extra : jump << 1 ^ (0 - (jump >> 63)));
	return bytes + (more & (0 - (size_t)(jump != 0)));
}

/* Begin the list of a new key.  0 when the segment has no room for it, which cannot happen to its first key. */
static int segbuild_open_list(struct skafu__segment_builder *builder, const struct skafu__entry *entry)
{
	size_t fixed;

	if (builder->key_count == 0)
		builder->first = *entry;
	builder->head_bytes = segbuild_write_posting(builder->head, entry->position - builder->options.base,
		entry->extra, 0, 1, builder->options.has_extra);
	fixed = segbuild_directory_bytes(builder, builder->key_count + 1, entry->key) + builder->lists_bytes
		+ builder->head_bytes;
	if (fixed > builder->options.bytes_max)
		return 0;
	builder->fixed_bytes = fixed;
	builder->keys[builder->key_count] = entry->key;
	builder->starts[builder->key_count++] = (uint16_t)builder->lists_bytes;
	builder->codes_bytes = 0;
	builder->list_count = 1;
	builder->list_ascending = 1;
	builder->list_extra_max = entry->extra;
	builder->table[0].position = entry->position - builder->options.base;
	builder->table[0].extra = entry->extra;
	builder->table_extra_max = entry->extra;
	builder->block_count = 1;
	return 1;
}

static unsigned segbuild_extra_width(const struct skafu__segment_builder *builder, uint64_t extra_max)
{
	return builder->options.has_extra ? segbuild_width(extra_max) : 0;
}

/* The posting begins a block, so the table gets a row, and perhaps wider ones.  0 when there is no room. */
static int segbuild_add_block(struct skafu__segment_builder *builder, const struct skafu__entry *entry)
{
	uint64_t offset = entry->position - builder->options.base;
	uint64_t extra_max = entry->extra > builder->table_extra_max ? entry->extra : builder->table_extra_max;
	unsigned row = segbuild_width(offset) + segbuild_extra_width(builder, extra_max) + 2;
	size_t fixed = segbuild_directory_bytes(builder, builder->key_count, entry->key) + builder->lists_bytes
		+ segbuild_blocks_head_bytes + (builder->block_count + 1) * row;

	if (fixed + builder->codes_bytes > builder->options.bytes_max)
		return 0;
	builder->fixed_bytes = fixed;
	builder->table_extra_max = extra_max;
	builder->table[builder->block_count - 1].end = builder->codes_bytes;
	builder->table[builder->block_count].position = offset;
	builder->table[builder->block_count].extra = entry->extra;
	builder->block_count++;
	return 1;
}

/* One more posting of the open list.  0 when there is no room. */
static int segbuild_append(struct skafu__segment_builder *builder, const struct skafu__entry *entry)
{
	size_t bytes;

	if (builder->list_count % SKAFU__SEGMENT_BLOCK == 0) {
		if (!segbuild_add_block(builder, entry))
			return 0;
	} else {
		bytes = segbuild_write_posting(builder->codes + builder->codes_bytes,
			entry->position - builder->previous.position, entry->extra, builder->previous.extra, 0,
			builder->options.has_extra);
		if (builder->fixed_bytes + builder->codes_bytes + bytes > builder->options.bytes_max)
			return 0;
		builder->codes_bytes += bytes;
	}
	builder->list_count++;
	if (entry->extra < builder->previous.extra)
		builder->list_ascending = 0;
	if (entry->extra > builder->list_extra_max)
		builder->list_extra_max = entry->extra;
	return 1;
}

static size_t segbuild_write_table(uint8_t *to, struct skafu__segment_builder *builder)
{
	unsigned position_width = segbuild_width(builder->table[builder->block_count - 1].position);
	unsigned extra_width = segbuild_extra_width(builder, builder->table_extra_max);
	uint64_t count = builder->list_count;
	uint8_t *at = to;
	size_t i;

	builder->table[builder->block_count - 1].end = builder->codes_bytes;
	at += segbuild_varint(at, count << 2 | (uint64_t)builder->list_ascending << 1 | 1);
	*at++ = (uint8_t)(position_width | extra_width << 4);
	for (i = 0; i < builder->block_count; i++) {
		at = segbuild_store(at, builder->table[i].position, position_width);
		at = segbuild_store(at, builder->table[i].extra, extra_width);
		skafu__store_u16(at, (uint16_t)builder->table[i].end);
		at += 2;
	}
	return (size_t)(at - to);
}

/* Put the open list behind the closed ones. */
static void segbuild_close_list(struct skafu__segment_builder *builder)
{
	uint8_t *at = builder->lists + builder->lists_bytes;
	size_t bytes;

	if (builder->list_count == 0)
		return;
	if (builder->block_count > 1) {
		bytes = segbuild_write_table(at, builder);
	} else {
		memcpy(at, builder->head, sizeof builder->head); /* a fixed size is quicker; there is room */
		bytes = builder->head_bytes;
	}
	if (builder->codes_bytes)
		memcpy(at + bytes, builder->codes, builder->codes_bytes);
	builder->lists_bytes += bytes + builder->codes_bytes;
	builder->list_count = 0;
}

/* ---- segments ------------------------------------------------------------------------------------------------ */

/* Everything but the common head; returns the length. */
static size_t segbuild_write(struct skafu__segment_builder *builder)
{
	uint8_t *out = builder->out;
	uint64_t first = builder->first.key;
	unsigned width = segbuild_width(builder->previous.key - first);
	uint8_t *at = out + SKAFU__SEGMENT_HEAD_BYTES;
	size_t i;

	out[5] = builder->options.has_extra ? SKAFU__SEGMENT_HAS_EXTRA : 0;
	out[6] = (uint8_t)width;
	out[7] = 0;
	skafu__store_u32(out + 16, builder->entry_count);
	skafu__store_u16(out + 20, (uint16_t)builder->key_count);
	skafu__store_u16(out + 22, 0);
	skafu__store_u64(out + 24, first);
	skafu__store_u64(out + 32, builder->previous.key);
	skafu__store_u64(out + 40, builder->options.base);
	for (i = 0; i < builder->key_count; i++)
		at = segbuild_store(at, builder->keys[i] - first, width);
	for (i = 0; i < builder->key_count; i++, at += 2)
		skafu__store_u16(at, builder->starts[i]);
	memcpy(at, builder->lists, builder->lists_bytes);
	return (size_t)(at - out) + builder->lists_bytes;
}

static int32_t segbuild_emit(struct skafu__segment_builder *builder, skafu_error *error)
{
	struct skafu__segment_info info = {0};
	size_t bytes;
	int32_t result;

	segbuild_close_list(builder);
	bytes = segbuild_write(builder);
	info.number = builder->options.first_number + builder->segment_count;
	info.bytes = (uint32_t)bytes;
	info.crc = skafu__index_seal(builder->out, bytes, SKAFU__SEGMENT_MAGIC);
	info.entry_count = builder->entry_count;
	info.first_key = builder->first.key;
	info.first_position = builder->first.position;
	info.last_key = builder->previous.key;
	info.last_position = builder->previous.position;
	info.last_extra = builder->previous.extra;
	info.last_extra_max = builder->list_extra_max;
	result = builder->options.sink(builder->options.user, builder->out, &info, error);
	if (result < 0) {
		builder->failed = result;
		return result;
	}
	builder->segment_count++;
	builder->key_count = 0;
	builder->lists_bytes = 0;
	builder->entry_count = 0;
	return SKAFU_OK;
}

static int32_t segbuild_refuse(struct skafu__segment_builder *builder, int32_t code, const char *why,
	skafu_error *error)
{
	builder->failed = code;
	return skafu__fail(error, code, "An entry of the index %s; please report this.", why);
}

/* `order` is how the entry compares with the one before it. */
static int32_t segbuild_judge(struct skafu__segment_builder *builder, const struct skafu__entry *entry, int order,
	skafu_error *error)
{
	if (builder->failed)
		return skafu__fail(error, builder->failed, "Building the index failed before; begin again.");
	if (order < 0)
		return segbuild_refuse(builder, SKAFU_EINVAL, "is not above the one before it", error);
	if (entry->position < builder->options.base)
		return segbuild_refuse(builder, SKAFU_EINVAL, "lies below the first sequence of its run", error);
	if (entry->position > SKAFU__POSITION_MAX)
		return segbuild_refuse(builder, SKAFU_ELIMIT, "has a sequence above 2^62", error);
	if (entry->extra && !builder->options.has_extra)
		return segbuild_refuse(builder, SKAFU_EINVAL, "has an extra number in a run without them", error);
	return SKAFU_OK;
}

static int32_t segbuild_place(struct skafu__segment_builder *builder, const struct skafu__entry *entry,
	skafu_error *error)
{
	int32_t result;

	if (builder->key_count && entry->key == builder->previous.key) {
		if (segbuild_append(builder, entry))
			return SKAFU_OK;
	} else {
		segbuild_close_list(builder);
		if (segbuild_open_list(builder, entry))
			return SKAFU_OK;
	}
	result = segbuild_emit(builder, error);
	if (result < 0)
		return result;
	segbuild_open_list(builder, entry);
	return SKAFU_OK;
}

int32_t skafu__segment_builder_add(struct skafu__segment_builder *builder, const struct skafu__entry *entry,
	skafu_error *error)
{
	int order = builder->started ? skafu__entry_compare(entry, &builder->previous) : 1;
	int32_t result = segbuild_judge(builder, entry, order, error);

	if (result < 0 || order == 0)
		return result;
	result = segbuild_place(builder, entry, error);
	if (result < 0)
		return result;
	builder->previous = *entry;
	builder->started = 1;
	builder->entry_count++;
	return SKAFU_OK;
}

int32_t skafu__segment_builder_finish(struct skafu__segment_builder *builder, skafu_error *error)
{
	if (builder->failed)
		return skafu__fail(error, builder->failed, "Building the index failed before; begin again.");
	return builder->key_count ? segbuild_emit(builder, error) : SKAFU_OK;
}

/* ---- many entries at once ------------------------------------------------------------------------------------ */

/* The largest extra of the list that ends before `end`. */
static uint64_t segbuild_list_extra_max(const struct skafu__entry *begin, const struct skafu__entry *end)
{
	uint64_t extra_max = 0;
	uint64_t key = end[-1].key;

	for (; end != begin && end[-1].key == key; end--)
		extra_max = end[-1].extra > extra_max ? end[-1].extra : extra_max;
	return extra_max;
}

/* Whether a posting at this distance from the one before, of the same key, may be where it is; not all that may be
 * pass, but nearly all that are. */
static inline int segbuild_is_usual(const struct skafu__entry *entry, uint64_t distance, int has_extra)
{
	return distance - 1 < segbuild_usual_distance && (has_extra || entry->extra == 0);
}

/* From a position such as this one, no whole list nor the rest of a block of usual postings leads too far. */
static inline int segbuild_is_near(uint64_t position)
{
	return position <= SKAFU__POSITION_MAX - (uint64_t)segbuild_short_end * SKAFU__SEGMENT_BLOCK;
}

/* Where lists are written, and what was written last. */
struct segbuild_pen {
	uint64_t *keys;
	uint16_t *starts;
	uint8_t *lists;
	size_t key_count; /* with that of the list that is being written */
	size_t bytes;
	uint64_t base;
	uint64_t key;
	uint64_t offset; /* of its position from the base */
	uint64_t extra;
};

/* Write postings from `at` on, as long as they are usual and, if `looks_ahead`, not of a list that is longer than a
 * block.  Where it stopped.  Whether one begins a list is not predictable, so nothing branches on that. */
__attribute__((always_inline)) static inline const struct skafu__entry *segbuild_write_plain(
	struct segbuild_pen *in_out, const struct skafu__entry *at, const struct skafu__entry *end, int looks_ahead)
{
	struct segbuild_pen pen = *in_out;

	for (; at < end; at++) {
		uint64_t key = at->key;
		uint64_t same = 0 - (uint64_t)(key == pen.key); /* a mask */
		uint64_t offset = at->position - pen.base;
		/* the distance; of the first of a list twice the offset, which leaves room for a flag, and wraps for
		 * an offset beyond all positions */
		uint64_t number = 2 * offset - ((offset + pen.offset) & same);

		pen.keys[pen.key_count] = key;
		pen.starts[pen.key_count] = (uint16_t)pen.bytes;
		pen.key_count += 1 + same;
		if (key < pen.key || (looks_ahead && at[SKAFU__SEGMENT_BLOCK].key == key)
			|| number + same >= 2 * segbuild_usual_distance || (at->extra | offset >> 62) != 0)
			break;
		pen.bytes += segbuild_short_varint(pen.lists + pen.bytes, (uint32_t)number);
		pen.key = key;
		pen.offset = offset;
	}
	*in_out = pen;
	return at;
}

/* The same where postings have an extra. */
__attribute__((always_inline)) static inline const struct skafu__entry *segbuild_write_versions(
	struct segbuild_pen *in_out, const struct skafu__entry *at, const struct skafu__entry *end, int looks_ahead)
{
	struct segbuild_pen pen = *in_out;

	for (; at < end; at++) {
		const struct skafu__entry entry = *at;
		uint64_t same = 0 - (uint64_t)(entry.key == pen.key);
		uint64_t offset = entry.position - pen.base;
		uint64_t distance = offset - (pen.offset & same);

		pen.keys[pen.key_count] = entry.key;
		pen.starts[pen.key_count] = (uint16_t)pen.bytes;
		pen.key_count += 1 + same;
		if (entry.key < pen.key || (looks_ahead && at[SKAFU__SEGMENT_BLOCK].key == entry.key)
			|| distance + same >= segbuild_usual_distance)
			break;
		pen.bytes += segbuild_write_posting(pen.lists + pen.bytes, distance, entry.extra, pen.extra & same,
			(int)(1 + same), 1);
		pen.key = entry.key;
		pen.offset = offset;
		pen.extra = entry.extra;
	}
	*in_out = pen;
	return at;
}

/* So many of the entries certainly fit into the segment, if no key is larger than that of the last of them. */
static size_t segbuild_fitting(const struct skafu__segment_builder *builder, const struct skafu__entry *entries,
	size_t count)
{
	size_t width = segbuild_width(entries[count - 1].key - builder->first.key) + sizeof *builder->starts;
	size_t used = SKAFU__SEGMENT_HEAD_BYTES + builder->key_count * width + builder->lists_bytes;
	size_t most = width + (builder->options.has_extra ? segbuild_code_bytes : sizeof(uint32_t));
	size_t fitting = used < builder->options.bytes_max ? (builder->options.bytes_max - used) / most : 0;

	return fitting < count ? fitting : count;
}

/*
 * Write whole short lists, the first of them of a new key, as long as all is as usual and another key follows, which
 * tells that a list is whole.  The number of entries that were taken; who calls deals with the next one.  A list that
 * is too long or goes on behind these entries is not begun.
 */
__attribute__((always_inline)) static inline size_t segbuild_write_lists(struct skafu__segment_builder *builder,
	const struct skafu__entry *entries, size_t count, int has_extra)
{
	struct segbuild_pen pen = {builder->keys, builder->starts, builder->lists, builder->key_count,
		builder->lists_bytes, builder->options.base, builder->previous.key, 0, 0};
	const struct skafu__entry *end = entries + segbuild_fitting(builder, entries, count);
	const struct skafu__entry *near_end = count > SKAFU__SEGMENT_BLOCK ? entries + count - SKAFU__SEGMENT_BLOCK
		: entries;
	const struct skafu__entry *stop = entries;

	near_end = near_end < end ? near_end : end;
	stop = has_extra ? segbuild_write_versions(&pen, stop, near_end, 1)
		: segbuild_write_plain(&pen, stop, near_end, 1);
	if (stop == near_end) /* from here on a list that is longer than a block cannot be whole */
		stop = has_extra ? segbuild_write_versions(&pen, stop, end, 0)
			: segbuild_write_plain(&pen, stop, end, 0);
	if (stop == end || stop->key == pen.key)
		while (stop != entries && stop[-1].key == pen.key)
			stop--;
	/* The width is not that of the widest key if the last one is not the largest, which is refused in the end. */
	if (stop == entries || stop[-1].key > entries[count - 1].key)
		return 0;
	builder->key_count = pen.key_count - 1;
	builder->lists_bytes = pen.starts[pen.key_count - 1];
	return (size_t)(stop - entries);
}

/* The same where there is something to go on from. */
static size_t segbuild_add_lists(struct skafu__segment_builder *builder, const struct skafu__entry *entries,
	size_t count)
{
	size_t taken;

	if (builder->failed || builder->key_count == 0 || entries[0].key == builder->previous.key
		|| !segbuild_is_near(builder->options.base))
		return 0;
	segbuild_close_list(builder);
	taken = builder->options.has_extra ? segbuild_write_lists(builder, entries, count, 1)
		: segbuild_write_lists(builder, entries, count, 0);
	if (taken == 0)
		return 0;
	builder->list_extra_max = segbuild_list_extra_max(entries, entries + taken);
	builder->previous = entries[taken - 1];
	builder->entry_count += (uint32_t)taken;
	return taken;
}

/* Write more postings of the open list, until something is not as usual or there is no room.  Their number. */
static size_t segbuild_write_codes(struct skafu__segment_builder *builder, const struct skafu__entry *entries,
	size_t count)
{
	size_t room = builder->options.bytes_max - builder->fixed_bytes - builder->codes_bytes;
	size_t fitting = room / sizeof(uint32_t);
	const struct skafu__entry *end = entries + (fitting < count ? fitting : count);
	const struct skafu__entry *at = entries;
	uint8_t *to = builder->codes + builder->codes_bytes;
	uint64_t key = builder->previous.key;
	uint64_t position = builder->previous.position;

	for (; at < end && at->key == key; at++) {
		uint64_t distance = at->position - position;

		if (!segbuild_is_usual(at, distance, 0))
			break;
		to += segbuild_short_varint(to, (uint32_t)distance);
		position = at->position;
	}
	builder->codes_bytes = (size_t)(to - builder->codes);
	return (size_t)(at - entries);
}

/* The same where postings have an extra. */
static size_t segbuild_write_code_pairs(struct skafu__segment_builder *builder, const struct skafu__entry *entries,
	size_t count)
{
	struct skafu__entry before = builder->previous;
	size_t bytes_max = builder->options.bytes_max - builder->fixed_bytes;
	uint8_t *codes = builder->codes;
	size_t bytes = builder->codes_bytes;
	uint64_t extra_max = builder->list_extra_max;
	int descends = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct skafu__entry entry = entries[i];
		uint64_t distance = entry.position - before.position;
		size_t more;

		if (entry.key != before.key || !segbuild_is_usual(&entry, distance, 1))
			break;
		more = segbuild_write_posting(codes + bytes, distance, entry.extra, before.extra, 0, 1);
		if (bytes + more > bytes_max)
			break;
		bytes += more;
		descends |= entry.extra < before.extra;
		extra_max = entry.extra > extra_max ? entry.extra : extra_max;
		before = entry;
	}
	builder->codes_bytes = bytes;
	builder->list_ascending &= !descends;
	builder->list_extra_max = extra_max;
	return i;
}

static size_t segbuild_add_codes(struct skafu__segment_builder *builder, const struct skafu__entry *entries,
	size_t count)
{
	size_t room = (0u - builder->list_count) % SKAFU__SEGMENT_BLOCK;
	size_t taken;

	if (builder->failed || builder->list_count == 0 || !segbuild_is_near(builder->previous.position))
		return 0;
	count = count < room ? count : room;
	taken = builder->options.has_extra ? segbuild_write_code_pairs(builder, entries, count)
		: segbuild_write_codes(builder, entries, count);
	if (taken == 0)
		return 0;
	builder->list_count += (uint32_t)taken;
	builder->previous = entries[taken - 1];
	builder->entry_count += (uint32_t)taken;
	return taken;
}

/* Some of the entries, at least one; their number, or a failure.  Only the last one may begin a segment. */
static int32_t segbuild_add_some(struct skafu__segment_builder *builder, const struct skafu__entry *entries,
	size_t count, skafu_error *error)
{
	size_t most = count < segbuild_together ? count : segbuild_together;
	size_t taken = segbuild_add_lists(builder, entries, most);
	int32_t result;

	if (taken == 0)
		taken = segbuild_add_codes(builder, entries, most);
	if (taken > 0)
		return (int32_t)taken;
	result = skafu__segment_builder_add(builder, entries, error);
	return result < 0 ? result : 1;
}

int32_t skafu__segment_builder_add_all(struct skafu__segment_builder *builder, const struct skafu__entry *entries,
	size_t count, skafu_error *error)
{
	while (count > 0) {
		int32_t taken = segbuild_add_some(builder, entries, count, error);

		if (taken < 0)
			return taken;
		entries += taken;
		count -= (size_t)taken;
	}
	return SKAFU_OK;
}

int32_t skafu__segment_builder_feed(struct skafu__segment_builder *builder, struct skafu__entry_source *source,
	uint32_t segments_max, skafu_error *error)
{
	uint32_t before = builder->segment_count;

	while (builder->segment_count - before < segments_max) {
		int32_t result = source->at != source->end ? 1 : source->fill(source);

		if (result <= 0)
			return result;
		result = segbuild_add_some(builder, source->at, (size_t)(source->end - source->at), error);
		if (result < 0)
			return result;
		source->at += result;
	}
	return 1;
}
