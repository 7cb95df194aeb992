/*
 * segment.c: the reader of packed segments; segment.h has the layout.
 *
 * Invariant: every offset, width and count that comes from the bytes is compared with the bytes that are there at the
 * moment it is used, so not even a segment that was opened unchecked makes the reader leave it.
 */
#include "codec/segment.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/index_head.h"

enum {
	segment_varint_shift_max = 63,
	segment_list_bytes_min = 1,
	segment_no_block = -1
};

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* The number of `width` bytes that ends at `end`.  At least eight bytes of the segment's head are before every such
 * number, so reading eight that end there is safe where eight that begin there might not be. */
static inline uint64_t segment_load_before(const uint8_t *end, unsigned width)
{
	return width ? skafu__load_u64(end - 8) >> (64 - 8 * width) : 0;
}

static int segment_varint_long(const uint8_t **at, const uint8_t *end, uint64_t *out_value)
{
	const uint8_t *from = *at;
	uint64_t value = 0;
	unsigned shift = 0;
	uint64_t byte;

	do {
		if (from == end || shift > segment_varint_shift_max)
			return 0;
		byte = *from++;
		value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if ((byte == 0 && shift > 7) || (shift > 64 && byte > 1))
		return 0;
	*at = from;
	*out_value = value;
	return 1;
}

/* 0 when there is no well-formed varint before `end`. */
static inline int segment_varint(const uint8_t **at, const uint8_t *end, uint64_t *out_value)
{
	const uint8_t *from = *at;

	if (from != end && from[0] < 0x80) {
		*out_value = from[0];
		*at = from + 1;
		return 1;
	}
	if (end - from >= 2 && from[1] < 0x80 && from[1] != 0) {
		*out_value = (from[0] & 0x7fu) | (uint64_t)from[1] << 7;
		*at = from + 2;
		return 1;
	}
	return segment_varint_long(at, end, out_value);
}

/* ---- open ---------------------------------------------------------------------------------------------------- */

static int32_t segment_damaged(skafu_error *error, const char *what)
{
	return skafu__fail(error, SKAFU_EDAMAGED, "A segment of the index has %s; reindex the store.", what);
}

static int32_t segment_list_damaged(const struct skafu__segment_cursor *cursor, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED,
		"A segment of the index has a broken list for the key %016llx; reindex the store.",
		(unsigned long long)cursor->key);
}

static void segment_read_head(struct skafu__segment *segment, const uint8_t *bytes, size_t length)
{
	memset(segment, 0, sizeof *segment);
	segment->bytes = bytes;
	segment->length = length;
	segment->has_extra = (bytes[5] & SKAFU__SEGMENT_HAS_EXTRA) != 0;
	segment->key_width = bytes[6];
	segment->crc = skafu__load_u32(bytes + 8);
	segment->entry_count = skafu__load_u32(bytes + 16);
	segment->key_count = skafu__load_u16(bytes + 20);
	segment->first_key = skafu__load_u64(bytes + 24);
	segment->last_key = skafu__load_u64(bytes + 32);
	segment->base = skafu__load_u64(bytes + 40);
}

static int32_t segment_check_directory(struct skafu__segment *segment, skafu_error *error)
{
	size_t room = segment->length - SKAFU__SEGMENT_HEAD_BYTES;
	size_t keys_bytes;

	if (segment->bytes[5] & ~SKAFU__SEGMENT_HAS_EXTRA || segment->bytes[7] != 0
		|| skafu__load_u16(segment->bytes + 22) != 0)
		return segment_damaged(error, "flags that do not exist");
	if (segment->key_width < 1 || segment->key_width > 8 || segment->base > SKAFU__POSITION_MAX)
		return segment_damaged(error, "an impossible key width or base");
	keys_bytes = segment->key_count * (size_t)segment->key_width;
	if (segment->key_count == 0
		|| keys_bytes + segment->key_count * (size_t)(2 + segment_list_bytes_min) > room)
		return segment_damaged(error, "a wrong number of keys");
	segment->starts = segment->bytes + SKAFU__SEGMENT_HEAD_BYTES + keys_bytes;
	segment->lists = segment->starts + segment->key_count * sizeof(uint16_t);
	segment->lists_bytes = (size_t)(segment->bytes + segment->length - segment->lists);
	if (segment->entry_count < segment->key_count || segment->entry_count > segment->lists_bytes)
		return segment_damaged(error, "a wrong number of entries");
	if (skafu__segment_key(segment, 0) != segment->first_key
		|| skafu__segment_key(segment, segment->key_count - 1) != segment->last_key
		|| skafu__load_u16(segment->starts) != 0)
		return segment_damaged(error, "other keys than it says");
	return SKAFU_OK;
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

uint64_t skafu__segment_key(const struct skafu__segment *segment, uint32_t index)
{
	const uint8_t *keys = segment->bytes + SKAFU__SEGMENT_HEAD_BYTES;

	return segment->first_key
		+ segment_load_before(keys + (index + (size_t)1) * segment->key_width, segment->key_width);
}

void skafu__segment_keys(const struct skafu__segment *segment, uint32_t index, uint64_t *out, uint32_t count)
{
	const uint8_t *end = segment->bytes + SKAFU__SEGMENT_HEAD_BYTES + (index + (size_t)1) * segment->key_width;
	size_t width = segment->key_width;
	uint64_t first = segment->first_key;
	uint32_t i;

	for (i = 0; i < count; i++, end += width)
		out[i] = first + segment_load_before(end, (unsigned)width);
}

#define SEGMENT_NEAR 8u   /* keys that lie together in memory: to look at one of them costs what all cost */
#define SEGMENT_GUESSES 2 /* the first is wrong by the root of the number of keys, the second by the root of that */

/* A part of the keys: below < target <= above, of those that each stand for, less the first key. */
struct segment_bracket {
	uint32_t below;
	uint32_t above;
	uint64_t key_below;
	uint64_t key_above;
};

static uint64_t segment_offset(const struct skafu__segment *segment, uint32_t index)
{
	const uint8_t *ends = segment->bytes + SKAFU__SEGMENT_HEAD_BYTES + segment->key_width;

	return segment_load_before(ends + (size_t)index * segment->key_width, segment->key_width);
}

/* Where the target would be if the keys were spread evenly, which hashes nearly are. */
static uint32_t segment_guess(const struct segment_bracket *bracket, uint64_t target)
{
	uint64_t span = bracket->key_above - bracket->key_below;
	uint64_t part = target - bracket->key_below;
	int shift = span > UINT32_MAX ? 32 - __builtin_clzll(span) : 0;

	return bracket->below
		+ (uint32_t)((part >> shift) * (bracket->above - bracket->below) / (span >> shift));
}

static void segment_narrow(const struct skafu__segment *segment, struct segment_bracket *bracket, uint64_t target)
{
	uint32_t near = SEGMENT_NEAR;
	uint32_t guess = 0;
	int i;

	for (i = 0; i < SEGMENT_GUESSES && bracket->above - bracket->below > SEGMENT_NEAR; i++) {
		uint64_t key;

		guess = segment_guess(bracket, target);
		key = segment_offset(segment, guess);
		if (key < target) {
			bracket->below = guess;
			bracket->key_below = key;
		} else {
			bracket->above = guess;
			bracket->key_above = key;
		}
	}
	/* The end that a guess has moved is near; now the other one, by steps that grow. */
	for (; bracket->below == guess && bracket->above - guess > near; near *= 2) {
		if (segment_offset(segment, guess + near) < target)
			bracket->below = guess += near;
		else
			bracket->above = guess + near;
	}
	for (; bracket->above == guess && guess - bracket->below > near; near *= 2) {
		if (segment_offset(segment, guess - near) < target)
			bracket->below = guess - near;
		else
			bracket->above = guess -= near;
	}
}

uint32_t skafu__segment_lower_bound(const struct skafu__segment *segment, uint64_t key)
{
	struct segment_bracket bracket = {0, segment->key_count - 1, 0, segment->last_key - segment->first_key};
	uint64_t target = key - segment->first_key;
	uint32_t left;

	if (key <= segment->first_key)
		return 0;
	if (key > segment->last_key)
		return segment->key_count;
	segment_narrow(segment, &bracket, target);
	for (left = bracket.above - bracket.below; left > 1;) { /* nothing predicts hashes: no branches on keys */
		uint32_t half = left / 2;

		bracket.below += segment_offset(segment, bracket.below + half) < target ? half : 0;
		left -= half;
	}
	return bracket.below + 1;
}

/* ---- lists --------------------------------------------------------------------------------------------------- */

/* Decode what follows the posting that the cursor holds already, until `end` or until the block is full.  0 when the
 * codes are malformed or there are too many of them. */
static int segment_decode_plain(struct skafu__segment_cursor *cursor, const uint8_t *at, const uint8_t *end)
{
	uint64_t position = cursor->positions[0];
	uint32_t filled = 1;
	uint64_t delta;

	while (at != end) {
		if (filled == SKAFU__SEGMENT_BLOCK || !segment_varint(&at, end, &delta))
			return 0;
		if (delta == 0 || delta > SKAFU__POSITION_MAX - position)
			return 0;
		position += delta;
		cursor->positions[filled++] = position;
	}
	cursor->filled = filled;
	return 1;
}

static int segment_decode_extra(struct skafu__segment_cursor *cursor, const uint8_t *at, const uint8_t *end)
{
	uint64_t position = cursor->positions[0];
	uint64_t extra = cursor->extras[0];
	uint32_t filled = 1;

	while (at != end) {
		uint64_t before = extra;
		uint64_t jump = 0;
		uint64_t code;

		if (filled == SKAFU__SEGMENT_BLOCK || !segment_varint(&at, end, &code))
			return 0;
		if ((code & 1) && !segment_varint(&at, end, &jump))
			return 0;
		extra += 1 + (jump >> 1 ^ (0 - (jump & 1)));
		code >>= 1;
		if (code > SKAFU__POSITION_MAX - position || (code == 0 && extra <= before))
			return 0;
		position += code;
		cursor->positions[filled] = position;
		cursor->extras[filled++] = extra;
	}
	cursor->filled = filled;
	return 1;
}

static int segment_decode(struct skafu__segment_cursor *cursor, const uint8_t *at, const uint8_t *end)
{
	return cursor->segment->has_extra ? segment_decode_extra(cursor, at, end)
		: segment_decode_plain(cursor, at, end);
}

/* A list of one block: `head` is its first number, `at` what follows. */
static int segment_parse_short(struct skafu__segment_cursor *cursor, uint64_t head, const uint8_t *at,
	const uint8_t *end)
{
	const struct skafu__segment *segment = cursor->segment;
	uint64_t offset = segment->has_extra ? head >> 2 : head >> 1;

	if (offset > SKAFU__POSITION_MAX - segment->base)
		return 0;
	cursor->positions[0] = segment->base + offset;
	cursor->extras[0] = 1;
	if (segment->has_extra && (head & 2) && !segment_varint(&at, end, &cursor->extras[0]))
		return 0;
	if (!segment_decode(cursor, at, end))
		return 0;
	cursor->table = NULL;
	cursor->block_count = 1;
	cursor->block = 0;
	cursor->count = cursor->filled;
	return 1;
}

static size_t segment_row_bytes(const struct skafu__segment_cursor *cursor)
{
	return cursor->position_width + cursor->extra_width + sizeof(uint16_t);
}

/* A list of several blocks; none of them is decoded yet. */
static int segment_parse_blocks(struct skafu__segment_cursor *cursor, uint64_t head, const uint8_t *at,
	const uint8_t *end)
{
	uint64_t count = head >> 2;

	if (count <= SKAFU__SEGMENT_BLOCK || count > SKAFU__SEGMENT_BYTES_MAX || at == end)
		return 0;
	cursor->count = (uint32_t)count;
	cursor->ascending = (head & 2) != 0;
	cursor->position_width = *at & 15;
	cursor->extra_width = *at >> 4;
	at++;
	if (cursor->position_width < 1 || cursor->position_width > 8 || cursor->extra_width > 8
		|| (cursor->extra_width != 0) != cursor->segment->has_extra)
		return 0;
	cursor->block_count = (cursor->count + SKAFU__SEGMENT_BLOCK - 1) / SKAFU__SEGMENT_BLOCK;
	if (cursor->block_count * segment_row_bytes(cursor) > (size_t)(end - at))
		return 0;
	cursor->table = at;
	cursor->codes = at + cursor->block_count * segment_row_bytes(cursor);
	cursor->codes_end = end;
	cursor->block = (uint32_t)segment_no_block;
	return 1;
}

/* Where the list of the key at an index begins among the lists; behind the last key, where they end. */
static inline size_t segment_list_start(const struct skafu__segment *segment, uint32_t index)
{
	return index < segment->key_count ? skafu__load_u16(segment->starts + index * sizeof(uint16_t))
		: segment->lists_bytes;
}

static int segment_parse(struct skafu__segment_cursor *cursor, const struct skafu__segment *segment, uint32_t index)
{
	size_t start = segment_list_start(segment, index);
	size_t stop = segment_list_start(segment, index + 1);
	const uint8_t *at = segment->lists + start;
	const uint8_t *end = segment->lists + stop;
	uint64_t head;

	cursor->segment = segment;
	cursor->key_index = index;
	cursor->at = 0;
	if (start >= stop || stop > segment->lists_bytes || !segment_varint(&at, end, &head))
		return 0;
	return head & 1 ? segment_parse_blocks(cursor, head, at, end) : segment_parse_short(cursor, head, at, end);
}

/* The following postings of a list of one block, of which out[0] is known.  Their number with it; 0: malformed. */
static inline uint32_t segment_unpack_rest(const uint8_t *at, const uint8_t *end, struct skafu__entry *out,
	int has_extra)
{
	struct skafu__entry entry = out[0];
	uint32_t filled = 1;

	while (at != end) {
		uint64_t before = entry.extra;
		uint64_t jump = 0;
		uint64_t code;

		if (filled == SKAFU__SEGMENT_BLOCK || !segment_varint(&at, end, &code))
			return 0;
		if (has_extra) {
			if ((code & 1) && !segment_varint(&at, end, &jump))
				return 0;
			entry.extra += 1 + (jump >> 1 ^ (0 - (jump & 1)));
			code >>= 1;
		}
		if (code > SKAFU__POSITION_MAX - entry.position || (code == 0 && entry.extra <= before))
			return 0;
		entry.position += code;
		out[filled++] = entry;
	}
	return filled;
}

/* As segment_varint(), for a number whose length nothing predicts, as that of the first of a list: there is no branch
 * on the usual lengths.  `readable` is the end of what may be read, not below `end`. */
static inline int segment_varint_evenly(const uint8_t **at, const uint8_t *end, const uint8_t *readable,
	uint64_t *out_value)
{
	uint32_t bytes;
	uint32_t stops;
	uint32_t mask; /* of the bytes of the number */

	if (readable - *at < (ptrdiff_t)sizeof bytes)
		return segment_varint(at, end, out_value);
	bytes = skafu__load_u32(*at);
	stops = ~bytes & 0x80808080u;
	if (stops == 0)
		return segment_varint_long(at, end, out_value);
	mask = stops ^ (stops - 1);
	bytes &= mask;
	*at += (unsigned)__builtin_ctz(stops) / 8 + 1;
	if (*at > end || (bytes <= mask >> 8 && mask > 0xff)) /* with a last byte of 0 it is too long */
		return 0;
	bytes = (bytes & 0x7f007f) | (bytes >> 1 & 0x3f803f80);
	*out_value = (bytes & 0x3fff) | (bytes >> 2 & 0xfffc000);
	return 1;
}

/* One list, if it is of one block; `out` has room for that, and has the key already. */
static inline uint32_t segment_unpack_list(const struct skafu__segment *segment, size_t start, size_t stop,
	struct skafu__entry *out, int has_extra)
{
	const uint8_t *readable = segment->lists + segment->lists_bytes;
	const uint8_t *at = segment->lists + start;
	const uint8_t *end = segment->lists + stop;
	uint64_t extra = 0;
	uint64_t head;
	uint64_t offset;

	if (start >= stop || stop > segment->lists_bytes || !segment_varint_evenly(&at, end, readable, &head)
		|| (head & 1))
		return 0;
	offset = head >> 1;
	if (has_extra) {
		offset = head >> 2;
		extra = 1;
		if ((head & 2) && !segment_varint_evenly(&at, end, readable, &extra))
			return 0;
	}
	if (offset > SKAFU__POSITION_MAX - segment->base)
		return 0;
	out->position = segment->base + offset;
	out->extra = extra;
	return at == end ? 1 : segment_unpack_rest(at, end, out, has_extra);
}

/* Inlined where `has_extra` is known, which is a third of the work. */
__attribute__((always_inline)) static inline uint32_t segment_unpack_lists(const struct skafu__segment *from,
	uint32_t *index, struct skafu__entry *out, uint32_t room, int has_extra)
{
	const struct skafu__segment segment = *from; /* nothing that is written could change it */
	const uint8_t *keys = segment.bytes + SKAFU__SEGMENT_HEAD_BYTES;
	size_t start = segment_list_start(&segment, *index);
	uint32_t filled = 0;
	uint32_t i;

	for (i = *index; i < segment.key_count && room - filled >= SKAFU__SEGMENT_BLOCK; i++) {
		size_t stop = segment_list_start(&segment, i + 1);
		uint32_t count;

		out[filled].key = segment.first_key
			+ segment_load_before(keys + (i + (size_t)1) * segment.key_width, segment.key_width);
		if (filled > 0 && out[filled].key <= out[filled - 1].key)
			break;
		count = segment_unpack_list(&segment, start, stop, out + filled, has_extra);
		if (count == 0)
			break;
		start = stop;
		filled += count;
	}
	*index = i;
	return filled;
}

uint32_t skafu__segment_unpack(const struct skafu__segment *segment, uint32_t *index, struct skafu__entry *out,
	uint32_t room)
{
	return segment->has_extra ? segment_unpack_lists(segment, index, out, room, 1)
		: segment_unpack_lists(segment, index, out, room, 0);
}

/* ---- blocks -------------------------------------------------------------------------------------------------- */

static const uint8_t *segment_row(const struct skafu__segment_cursor *cursor, uint32_t block)
{
	return cursor->table + block * segment_row_bytes(cursor);
}

/* The first position of a block, less the base. */
static uint64_t segment_row_offset(const struct skafu__segment_cursor *cursor, uint32_t block)
{
	return segment_load_before(segment_row(cursor, block) + cursor->position_width, cursor->position_width);
}

static uint64_t segment_row_extra(const struct skafu__segment_cursor *cursor, uint32_t block)
{
	return segment_load_before(segment_row(cursor, block) + cursor->position_width + cursor->extra_width,
		cursor->extra_width);
}

static size_t segment_row_end(const struct skafu__segment_cursor *cursor, uint32_t block)
{
	return skafu__load_u16(segment_row(cursor, block) + cursor->position_width + cursor->extra_width);
}

/* Decode a block of a list in blocks.  0 when it is broken. */
static int segment_decode_block(struct skafu__segment_cursor *cursor, uint32_t block)
{
	uint32_t last = cursor->block_count - 1;
	uint32_t want = block < last ? SKAFU__SEGMENT_BLOCK : cursor->count - last * SKAFU__SEGMENT_BLOCK;
	size_t codes_bytes = (size_t)(cursor->codes_end - cursor->codes);
	size_t start = block ? segment_row_end(cursor, block - 1) : 0;
	size_t stop = segment_row_end(cursor, block);
	uint64_t offset = segment_row_offset(cursor, block);

	cursor->block = (uint32_t)segment_no_block;
	if (start > stop || stop > codes_bytes || (block == last && stop != codes_bytes))
		return 0;
	if (offset > SKAFU__POSITION_MAX - cursor->segment->base)
		return 0;
	cursor->positions[0] = cursor->segment->base + offset;
	cursor->extras[0] = segment_row_extra(cursor, block);
	if (!segment_decode(cursor, cursor->codes + start, cursor->codes + stop) || cursor->filled != want)
		return 0;
	cursor->block = block;
	return 1;
}

/* Stand on the first posting of a block.  1 or a failure. */
static int32_t segment_enter(struct skafu__segment_cursor *cursor, uint32_t block, skafu_error *error)
{
	if (cursor->block != block && !segment_decode_block(cursor, block))
		return segment_list_damaged(cursor, error);
	cursor->at = 0;
	return 1;
}

/* The same on the last posting. */
static int32_t segment_enter_end(struct skafu__segment_cursor *cursor, uint32_t block, skafu_error *error)
{
	int32_t result = segment_enter(cursor, block, error);

	if (result > 0)
		cursor->at = cursor->filled - 1;
	return result;
}

/* ---- cursor -------------------------------------------------------------------------------------------------- */

int32_t skafu__segment_list(const struct skafu__segment *segment, uint32_t index,
	struct skafu__segment_cursor *cursor, skafu_error *error)
{
	cursor->key = skafu__segment_key(segment, index);
	if (!segment_parse(cursor, segment, index))
		return segment_list_damaged(cursor, error);
	return segment_enter(cursor, 0, error);
}

int32_t skafu__segment_find(const struct skafu__segment *segment, uint64_t key, struct skafu__segment_cursor *cursor,
	skafu_error *error)
{
	uint32_t index = skafu__segment_lower_bound(segment, key);

	if (index == segment->key_count || skafu__segment_key(segment, index) != key)
		return 0;
	return skafu__segment_list(segment, index, cursor, error);
}

int32_t skafu__segment_find_last(const struct skafu__segment *segment, uint64_t key,
	struct skafu__segment_cursor *cursor, skafu_error *error)
{
	uint32_t index = skafu__segment_lower_bound(segment, key);

	if (index == segment->key_count || skafu__segment_key(segment, index) != key)
		return 0;
	cursor->key = key;
	if (!segment_parse(cursor, segment, index))
		return segment_list_damaged(cursor, error);
	return segment_enter_end(cursor, cursor->block_count - 1, error);
}

int32_t skafu__segment_cursor_next(struct skafu__segment_cursor *cursor, skafu_error *error)
{
	if (cursor->at + 1 < cursor->filled) {
		cursor->at++;
		return 1;
	}
	return cursor->block + 1 < cursor->block_count ? segment_enter(cursor, cursor->block + 1, error) : 0;
}

int32_t skafu__segment_cursor_prev(struct skafu__segment_cursor *cursor, skafu_error *error)
{
	if (cursor->at > 0) {
		cursor->at--;
		return 1;
	}
	return cursor->block > 0 ? segment_enter_end(cursor, cursor->block - 1, error) : 0;
}

int32_t skafu__segment_cursor_first(struct skafu__segment_cursor *cursor, skafu_error *error)
{
	return segment_enter(cursor, 0, error);
}

int32_t skafu__segment_cursor_last(struct skafu__segment_cursor *cursor, skafu_error *error)
{
	return segment_enter_end(cursor, cursor->block_count - 1, error);
}

/* ---- seek ---------------------------------------------------------------------------------------------------- */

typedef uint64_t (*segment_row_number)(const struct skafu__segment_cursor *cursor, uint32_t block);

/* The first block whose number in the table is at least `value`; block_count when there is none. */
static uint32_t segment_block_bound(const struct skafu__segment_cursor *cursor, segment_row_number number,
	uint64_t value)
{
	uint32_t begin = 0;
	uint32_t end = cursor->block_count;

	while (begin < end) {
		uint32_t middle = begin + (end - begin) / 2;

		if (number(cursor, middle) < value)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

/* From the first posting of `block`, forward to the first number that is at least `value`.  1, 0 or a failure. */
static int32_t segment_scan(struct skafu__segment_cursor *cursor, const uint64_t *numbers, uint64_t value,
	uint32_t block, skafu_error *error)
{
	int32_t result = segment_enter(cursor, block, error);

	while (result > 0 && numbers[cursor->at] < value)
		result = skafu__segment_cursor_next(cursor, error);
	return result;
}

int32_t skafu__segment_cursor_seek(struct skafu__segment_cursor *cursor, uint64_t position, skafu_error *error)
{
	uint64_t base = cursor->segment->base;
	uint32_t block = 0;

	if (cursor->table && position > base)
		block = segment_block_bound(cursor, segment_row_offset, position - base);
	/* The posting that is looked for may be in the block before the one that begins at or above it. */
	return segment_scan(cursor, cursor->positions, position, block ? block - 1 : 0, error);
}

int32_t skafu__segment_cursor_seek_back(struct skafu__segment_cursor *cursor, uint64_t position, skafu_error *error)
{
	uint64_t base = cursor->segment->base;
	uint32_t block = 0;
	int32_t result;

	if (cursor->table && position >= base && position < UINT64_MAX)
		block = segment_block_bound(cursor, segment_row_offset, position - base + 1);
	else if (position == UINT64_MAX)
		block = cursor->block_count;
	result = segment_enter_end(cursor, block ? block - 1 : 0, error);
	while (result > 0 && cursor->positions[cursor->at] > position)
		result = skafu__segment_cursor_prev(cursor, error);
	return result;
}

int32_t skafu__segment_cursor_seek_extra(struct skafu__segment_cursor *cursor, uint64_t extra, skafu_error *error)
{
	uint32_t block = 0;

	if (!cursor->segment->has_extra) {
		int32_t result = extra ? skafu__segment_cursor_last(cursor, error)
			: skafu__segment_cursor_first(cursor, error);

		return result < 0 || extra == 0 ? result : 0;
	}
	if (cursor->table && cursor->ascending)
		block = segment_block_bound(cursor, segment_row_extra, extra);
	return segment_scan(cursor, cursor->extras, extra, block ? block - 1 : 0, error);
}

/* ---- check everything ---------------------------------------------------------------------------------------- */

static int32_t segment_check_list(const struct skafu__segment *segment, uint32_t index, uint64_t *entry_count,
	skafu_error *error)
{
	struct skafu__segment_cursor cursor;
	struct skafu__entry before = {0};
	int32_t result = skafu__segment_list(segment, index, &cursor, error);

	if (result < 0)
		return result;
	*entry_count += cursor.count;
	while (result > 0) {
		before.position = skafu__segment_cursor_position(&cursor);
		before.extra = skafu__segment_cursor_extra(&cursor);
		result = skafu__segment_cursor_next(&cursor, error);
		if (result > 0) {
			struct skafu__entry here = {0};

			here.position = skafu__segment_cursor_position(&cursor);
			here.extra = skafu__segment_cursor_extra(&cursor);
			if (skafu__entry_compare(&here, &before) <= 0
				|| (cursor.table && cursor.ascending && here.extra < before.extra))
				return segment_list_damaged(&cursor, error);
		}
	}
	return result;
}

static int32_t segment_check_all(const struct skafu__segment *segment, skafu_error *error)
{
	uint64_t entry_count = 0;
	uint32_t i;

	for (i = 0; i < segment->key_count; i++) {
		int32_t result;

		if (i > 0 && skafu__segment_key(segment, i) <= skafu__segment_key(segment, i - 1))
			return segment_damaged(error, "keys out of order");
		result = segment_check_list(segment, i, &entry_count, error);
		if (result < 0)
			return result;
	}
	if (entry_count != segment->entry_count)
		return segment_damaged(error, "another number of entries than it says");
	return SKAFU_OK;
}

int32_t skafu__segment_open(struct skafu__segment *segment, const void *bytes, size_t length, unsigned flags,
	skafu_error *error)
{
	struct skafu__segment opened;
	int32_t result = skafu__index_check(bytes, length, SKAFU__SEGMENT_MAGIC, flags & SKAFU__SEGMENT_TRUSTED,
		error);

	if (result < 0)
		return result;
	if (length < SKAFU__SEGMENT_HEAD_BYTES || length > SKAFU__SEGMENT_BYTES_MAX)
		return segment_damaged(error, "an impossible length");
	segment_read_head(&opened, bytes, length);
	result = segment_check_directory(&opened, error);
	if (result == SKAFU_OK && (flags & SKAFU__SEGMENT_DEEP))
		result = segment_check_all(&opened, error);
	if (result < 0)
		return result;
	*segment = opened;
	return SKAFU_OK;
}

int32_t skafu__segment_match(const struct skafu__segment *segment, const struct skafu__segment_info *info,
	skafu_error *error)
{
	if (segment->length != info->bytes || segment->crc != info->crc || segment->entry_count != info->entry_count
		|| segment->first_key != info->first_key || segment->last_key != info->last_key)
		return segment_damaged(error, "another content than its manifest says");
	return SKAFU_OK;
}
