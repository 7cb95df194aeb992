/*
 * split_test.c: the same pieces come out however the text is cut on its way; the limit holds; a wrong array is named.
 */
#include "codec/split.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skafu_base.h"
#include "util/suite.h"

static char pieces[4096];

/* Feed the text in cuts of `step` bytes (0: at random) and write the pieces as "1:abc|2!de|", with ? for a fault. */
static const char *cut(uint32_t form, size_t limit, const char *text, size_t length, size_t step)
{
	struct skafu__split split;
	int32_t rc = SKAFU__SPLIT_MORE;
	size_t at = 0;
	size_t end = 0;
	int out = 0;
	skafu__split_init(&split, skafu__sys_current(), form, limit);
	pieces[0] = 0;
	if (length == 0)
		rc = skafu__split_end(&split);
	while (rc != SKAFU__SPLIT_BROKEN && (at < length || rc != SKAFU__SPLIT_MORE)) {
		size_t taken = 0;
		if (at == end)
			end += step ? step : (size_t)rand() % 7 + 1;
		if (end > length)
			end = length;
		rc = at < length ? skafu__split_take(&split, text + at, end - at, &taken) : SKAFU__SPLIT_MORE;
		at += taken;
		if (at == length && rc == SKAFU__SPLIT_MORE)
			rc = skafu__split_end(&split);
		if (rc == SKAFU__SPLIT_PIECE || rc == SKAFU__SPLIT_TOO_LONG)
			out += snprintf(pieces + out, sizeof pieces - (size_t)out, "%llu%c%.*s|",
					(unsigned long long)split.number, rc == SKAFU__SPLIT_PIECE ? ':' : '!',
					(int)split.piece.length, (const char *)split.piece.bytes);
		if (at == length && rc != SKAFU__SPLIT_MORE && rc != SKAFU__SPLIT_BROKEN) {
			rc = skafu__split_end(&split);
			if (rc == SKAFU__SPLIT_MORE)
				break;
		}
	}
	if (rc == SKAFU__SPLIT_BROKEN)
		snprintf(pieces + out, sizeof pieces - (size_t)out, "?%s", split.reason);
	skafu__split_done(&split);
	return pieces;
}

static void gives(uint32_t form, size_t limit, const char *text, const char *expected)
{
	for (size_t step = 0; step < 12; step++)
		ck_assert_str_eq(cut(form, limit, text, strlen(text), step), expected);
}

START_TEST(lines)
{
	gives(SKAFU__SPLIT_LINES, 100, "", "");
	gives(SKAFU__SPLIT_LINES, 100, "a", "1:a|");
	gives(SKAFU__SPLIT_LINES, 100, "a\n", "1:a|");
	gives(SKAFU__SPLIT_LINES, 100, "a\n\nbc\r\nd", "1:a|2:|3:bc\r|4:d|");
	gives(SKAFU__SPLIT_LINES, 3, "abc\nabcd\nabcdefghijklmnop\nx\nyyyyy", "1:abc|2!abc|3!abc|4:x|5!yyy|");
}
END_TEST

START_TEST(arrays)
{
	gives(SKAFU__SPLIT_ARRAY, 100, " [ ]\n", "");
	gives(SKAFU__SPLIT_ARRAY, 100, "[{}]", "1:{}|");
	gives(SKAFU__SPLIT_ARRAY, 100, "\r\n\t [\t{}\r,\t{} ]\r\n", "1:{}|2:{}|");
	gives(SKAFU__SPLIT_ARRAY, 100, "[{\"a\":\"]}\\\"\"} ,\n{\"b\":[{},[]]}]",
		       "1:{\"a\":\"]}\\\"\"}|2:{\"b\":[{},[]]}|");
	gives(SKAFU__SPLIT_ARRAY, 5, "[{},{1234}]", "1:{}|?an element is longer than the limit");
}
END_TEST

START_TEST(what_is_no_array_is_named)
{
	gives(SKAFU__SPLIT_ARRAY, 100, "\v[]", "?an array is expected");
	gives(SKAFU__SPLIT_ARRAY, 100, "", "?the text ends before the array does");
	gives(SKAFU__SPLIT_ARRAY, 100, "{}", "?an array is expected");
	gives(SKAFU__SPLIT_ARRAY, 100, "[1]", "?an object is expected");
	gives(SKAFU__SPLIT_ARRAY, 100, "[{},]", "1:{}|?an object is expected");
	gives(SKAFU__SPLIT_ARRAY, 100, "[{} {}]", "1:{}|?a comma or the end of the array is expected");
	gives(SKAFU__SPLIT_ARRAY, 100, "[{}] x", "1:{}|?something follows the array");
	gives(SKAFU__SPLIT_ARRAY, 100, "[{}", "1:{}|?the text ends before the array does");
	gives(SKAFU__SPLIT_ARRAY, 100, "[{\"a", "?the text ends before the array does");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("split");
	TCase *all = tcase_create("all");
	tcase_add_test(all, lines);
	tcase_add_test(all, arrays);
	tcase_add_test(all, what_is_no_array_is_named);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
