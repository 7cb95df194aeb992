/*
 * split.h: cutting a text that comes in pieces of any size into lines, or into the elements of one JSON array.
 *
 * Invariant: however the text was cut on its way, the same pieces come out under the same numbers; no piece is longer
 * than the limit, so memory is bounded.  A piece is not checked to be JSON: only quotes and brackets are looked at,
 * and a wrong array is found out by the check of its elements.
 */
#ifndef SKAFU__CODEC_SPLIT_H
#define SKAFU__CODEC_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum skafu__split_form { SKAFU__SPLIT_LINES = 1, SKAFU__SPLIT_ARRAY };

enum skafu__split_result {
	SKAFU__SPLIT_MORE = 0, /* all that was given is taken */
	SKAFU__SPLIT_PIECE,    /* split->piece is a whole one */
	SKAFU__SPLIT_TOO_LONG, /* it was too long: split->piece is its beginning, the rest of the line is gone */
	SKAFU__SPLIT_BROKEN    /* the array is none: see split->reason; nothing can follow */
};

struct skafu__split {
	struct skafu__buf piece;
	size_t piece_max;
	uint64_t number; /* of the piece, from 1 */
	uint32_t form;
	uint32_t state;
	uint32_t depth; /* of brackets in the element */
	uint8_t is_full;   /* the piece was given out: the next take begins a new one */
	uint8_t in_string;
	uint8_t escaped;
	uint8_t skipping; /* the line is too long */
	const char *reason;
};

void skafu__split_init(struct skafu__split *split, const struct skafu__sys *sys, uint32_t form, size_t piece_max);
void skafu__split_done(struct skafu__split *split);

/* Take some of the text: *out_taken says how much.  A SKAFU__SPLIT_ result, or SKAFU_ENOMEM, after which the same
 * bytes may be given again from *out_taken on. */
int32_t skafu__split_take(struct skafu__split *split, const void *text, size_t length, size_t *out_taken);

/* The text is at its end: PIECE or TOO_LONG for a last line without its newline, BROKEN for an array that lacks its
 * end, else MORE. */
int32_t skafu__split_end(struct skafu__split *split);

#endif
