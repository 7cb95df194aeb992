#include "codec/split.h"

#include <string.h>

#include "skafu_base.h"

enum { SPLIT_BEFORE = 0, SPLIT_FIRST, SPLIT_ELEMENT, SPLIT_INSIDE, SPLIT_AFTER, SPLIT_OVER };

void skafu__split_init(struct skafu__split *split, const struct skafu__sys *sys, uint32_t form, size_t piece_max)
{
	memset(split, 0, sizeof *split);
	skafu__buf_init(&split->piece, sys, piece_max);
	split->form = form;
	split->piece_max = piece_max;
}

void skafu__split_done(struct skafu__split *split)
{
	skafu__buf_done(&split->piece);
}

static int32_t split_give(struct skafu__split *split)
{
	int32_t result = split->skipping ? SKAFU__SPLIT_TOO_LONG : SKAFU__SPLIT_PIECE;
	split->is_full = 1;
	split->skipping = 0;
	split->number++;
	return result;
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

static int32_t split_line(struct skafu__split *split, const uint8_t *text, size_t length, size_t *taken)
{
	const uint8_t *end = length ? memchr(text, '\n', length) : NULL;
	size_t bytes = end ? (size_t)(end - text) : length;
	size_t room = split->piece_max - split->piece.length;
	size_t kept = split->skipping ? 0 : bytes < room ? bytes : room;
	if (skafu__buf_put(&split->piece, text, kept) != 0) {
		split->piece.failed = 0;
		return SKAFU_ENOMEM;
	}
	if (kept < bytes)
		split->skipping = 1;
	*taken = bytes + (end != NULL);
	return end ? split_give(split) : SKAFU__SPLIT_MORE;
}

/* ---- an array ------------------------------------------------------------------------------------------------ */

static int32_t split_broken(struct skafu__split *split, const char *reason)
{
	split->reason = reason;
	split->state = SPLIT_OVER;
	return SKAFU__SPLIT_BROKEN;
}

/* A byte of an element: 1 when it is the last. */
static int split_inside(struct skafu__split *split, uint8_t byte)
{
	if (split->in_string) {
		if (split->escaped)
			split->escaped = 0;
		else if (byte == '\\')
			split->escaped = 1;
		else if (byte == '"')
			split->in_string = 0;
		return 0;
	}
	if (byte == '"')
		split->in_string = 1;
	else if (byte == '{' || byte == '[')
		split->depth++;
	else if (byte == '}' || byte == ']')
		split->depth--;
	return split->depth == 0;
}

static int32_t split_element(struct skafu__split *split, const uint8_t *text, size_t length, size_t *taken)
{
	size_t bytes = 0;
	int is_last = 0;
	size_t room = split->piece_max - split->piece.length;
	if (!skafu__buf_reserve(&split->piece, length < room ? length : room)) {
		split->piece.failed = 0;
		return SKAFU_ENOMEM;
	}
	while (bytes < length && bytes < room && !is_last)
		is_last = split_inside(split, text[bytes++]);
	skafu__buf_put(&split->piece, text, bytes);
	*taken = bytes;
	if (is_last) {
		split->state = SPLIT_AFTER;
		return split_give(split);
	}
	if (bytes < length)
		return split_broken(split, "an element is longer than the limit");
	return SKAFU__SPLIT_MORE;
}

/* A byte between elements, of which blanks do not count. */
static int32_t split_between(struct skafu__split *split, uint8_t byte)
{
	if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r')
		return SKAFU__SPLIT_MORE;
	if (split->state == SPLIT_BEFORE && byte == '[')
		split->state = SPLIT_FIRST;
	else if ((split->state == SPLIT_FIRST || split->state == SPLIT_ELEMENT) && byte == '{')
		split->state = SPLIT_INSIDE;
	else if ((split->state == SPLIT_FIRST || split->state == SPLIT_AFTER) && byte == ']')
		split->state = SPLIT_OVER;
	else if (split->state == SPLIT_AFTER && byte == ',')
		split->state = SPLIT_ELEMENT;
	else if (split->state == SPLIT_BEFORE)
		return split_broken(split, "an array is expected");
	else if (split->state == SPLIT_OVER)
		return split_broken(split, "something follows the array");
	else
		return split_broken(split, split->state == SPLIT_AFTER ? "a comma or the end of the array is expected"
								       : "an object is expected");
	return SKAFU__SPLIT_MORE;
}

static int32_t split_array(struct skafu__split *split, const uint8_t *text, size_t length, size_t *taken)
{
	size_t at = 0;
	while (at < length && split->state != SPLIT_INSIDE) {
		int32_t rc = split_between(split, text[at]);
		if (rc != SKAFU__SPLIT_MORE)
			return rc;
		if (split->state != SPLIT_INSIDE)
			at++; /* the bracket that begins an element belongs to it */
	}
	*taken = at;
	if (at == length)
		return SKAFU__SPLIT_MORE;
	size_t more = 0;
	int32_t rc = split_element(split, text + at, length - at, &more);
	*taken = at + more;
	return rc;
}

/* ---- both ---------------------------------------------------------------------------------------------------- */

int32_t skafu__split_take(struct skafu__split *split, const void *text, size_t length, size_t *out_taken)
{
	*out_taken = 0;
	if (split->is_full) {
		skafu__buf_clear(&split->piece);
		split->is_full = 0;
	}
	if (split->reason)
		return SKAFU__SPLIT_BROKEN;
	if (length == 0)
		return SKAFU__SPLIT_MORE;
	return split->form == SKAFU__SPLIT_LINES ? split_line(split, text, length, out_taken)
						 : split_array(split, text, length, out_taken);
}

int32_t skafu__split_end(struct skafu__split *split)
{
	if (split->reason)
		return SKAFU__SPLIT_BROKEN;
	if (split->form == SKAFU__SPLIT_ARRAY)
		return split->state == SPLIT_OVER ? SKAFU__SPLIT_MORE
						  : split_broken(split, "the text ends before the array does");
	if (split->is_full || (split->piece.length == 0 && !split->skipping))
		return SKAFU__SPLIT_MORE;
	return split_give(split);
}
