/*
 * jsonmarks_test.c: the marks of texts of every length, in every form, against a loop over their bytes.
 */
#include "codec/jsonmarks.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/random.h"
#include "util/suite.h"

#define WINDOW_BYTES ((size_t)SKAFU__JSONMARKS_BLOCK * SKAFU__JSONMARKS_WORDS)

typedef void (*marks_fn)(const uint8_t *begin, const uint8_t *at, const uint8_t *end, uint64_t *words);

static const marks_fn forms[] = {skafu__jsonmarks, skafu__jsonmarks_plain, skafu__jsonmarks_portable};

static int is_marked(uint8_t byte)
{
	return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
}

static void compare(const uint8_t *begin, const uint8_t *at, const uint8_t *end)
{
	for (size_t form = 0; form < 3; form++) {
		uint64_t words[SKAFU__JSONMARKS_WORDS];
		memset(words, 0x5a, sizeof words);
		forms[form](begin, at, end, words);
		for (size_t i = 0; i < WINDOW_BYTES; i++) {
			const uint8_t *byte = at + i;
			uint64_t bit = words[i / SKAFU__JSONMARKS_BLOCK] >> i % SKAFU__JSONMARKS_BLOCK & 1;
			if (byte > end && i % SKAFU__JSONMARKS_BLOCK == 0)
				break;
			if (bit != (byte < end ? (uint64_t)is_marked(*byte) : byte == end))
				ck_abort_msg("form %zu, byte %zu of %zu", form, (size_t)(byte - begin),
					     (size_t)(end - begin));
			if (byte == end && i % SKAFU__JSONMARKS_BLOCK == SKAFU__JSONMARKS_BLOCK - 1)
				break;
		}
	}
}

/* The text has its memory for itself, so that valgrind and the sanitizer see what is read beside it. */
static void compare_all_windows(const uint8_t *bytes, size_t length)
{
	uint8_t *text = malloc(length ? length : 1);
	memcpy(text, bytes, length);
	for (size_t at = 0; at <= length; at += SKAFU__JSONMARKS_BLOCK)
		compare(text, text + at, text + length);
	free(text);
}

START_TEST(every_byte_at_every_place)
{
	uint8_t text[70];
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t place = 0; place < sizeof text; place++) {
			memset(text, place % 2 ? 0x7f : ' ', sizeof text);
			text[place] = (uint8_t)byte;
			compare_all_windows(text, sizeof text);
		}
	}
}
END_TEST

START_TEST(texts_of_any_length)
{
	static uint8_t text[2 * 1024 + 100];
	for (size_t length = 0; length <= sizeof text; length += length < 200 ? 1 : 1 + random_index(31)) {
		for (size_t i = 0; i < length; i++)
			text[i] = (uint8_t)(random_below(4) ? 'a' + random_below(26) : random_below(256));
		compare_all_windows(text, length);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jsonmarks");
	TCase *tests = tcase_create("all");

	seeded("jsonmarks_test");
	tcase_add_test(tests, every_byte_at_every_place);
	tcase_add_test(tests, texts_of_any_length);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
