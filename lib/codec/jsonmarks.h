/*
 * jsonmarks.h: which bytes of a JSON text do not stand for themselves in a string.
 *
 * They are the quote, the backslash, the control characters and every byte above 0x7F.  Bit i of word w stands for
 * byte 64 w + i, so that whoever reads strings goes from mark to mark, and where the next one is does not wait for
 * what the one before it was.
 */
#ifndef SKAFU__CODEC_JSONMARKS_H
#define SKAFU__CODEC_JSONMARKS_H

#include <stdint.h>

#define SKAFU__JSONMARKS_BLOCK 64u /* bytes that a word stands for */
#define SKAFU__JSONMARKS_WORDS 16u /* as many as are made at once */

/* The words from the block at `at` on, which is a whole number of blocks behind `begin`, and not beyond `end`:
 * SKAFU__JSONMARKS_WORDS of them, or up to the one that has a mark for `end`, where every text has one.  What `begin`
 * to `end` leave out is not read. */
void skafu__jsonmarks(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
		      uint64_t words[SKAFU__JSONMARKS_WORDS]);

/* The forms for processors without AVX-512, and without SSE2, for tests to compare with. */
void skafu__jsonmarks_plain(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
			    uint64_t words[SKAFU__JSONMARKS_WORDS]);
void skafu__jsonmarks_portable(const uint8_t *begin, const uint8_t *at, const uint8_t *end,
			       uint64_t words[SKAFU__JSONMARKS_WORDS]);

#endif
