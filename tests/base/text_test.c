/*
 * text_test.c: UTF-8 and names.  The validator is compared with a slow one that is written the other way round: it
 * decodes, and encodes again.
 */
#include "base/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "util/suite.h"

static size_t slow_encode(uint32_t point, uint8_t *out)
{
	if (point < 0x80) {
		out[0] = (uint8_t)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (uint8_t)(0xc0 | point >> 6);
		out[1] = (uint8_t)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (uint8_t)(0xe0 | point >> 12);
		out[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | point >> 18);
	out[1] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (point & 0x3f));
	return 4;
}

static int slow_is_valid(const uint8_t *at, size_t length)
{
	while (length > 0) {
		size_t size = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
		uint32_t point = size == 1 ? at[0] : at[0] & (0x7fu >> size);
		uint8_t again[4];

		if (size > length)
			return 0;
		for (size_t i = 1; i < size; i++)
			point = point << 6 | (at[i] & 0x3f);
		if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			return 0;
		if (slow_encode(point, again) != size || memcmp(again, at, size) != 0)
			return 0;
		at += size;
		length -= size;
	}
	return 1;
}

START_TEST(every_one_two_and_three_bytes)
{
	ck_assert_int_eq(skafu__utf8_is_valid("", 0), 1);
	for (unsigned i = 0; i < 1u << 24; i++) {
		uint8_t bytes[3] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		/* A third byte decides nothing that its neighbours do not: a few of them stand for all. */
		if (bytes[0] < 0xe0 && bytes[2] > 0x02 && (bytes[2] & 0x1e) != 0)
			continue;
		if (i < 256 && skafu__utf8_is_valid(bytes + 2, 1) != slow_is_valid(bytes + 2, 1))
			ck_abort_msg("%02x", i);
		if (i < 65536 && skafu__utf8_is_valid(bytes + 1, 2) != slow_is_valid(bytes + 1, 2))
			ck_abort_msg("%04x", i);
		if (skafu__utf8_is_valid(bytes, 3) != slow_is_valid(bytes, 3))
			ck_abort_msg("%06x", i);
	}
}
END_TEST

START_TEST(four_bytes)
{
	static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};

	for (unsigned i = 0; i < 256 * 256 * 100; i++) {
		uint8_t bytes[4] = {(uint8_t)(i / 25600), (uint8_t)(i / 100), tails[i % 10], tails[i / 10 % 10]};

		if (i / 25600 < 0xec)
			continue;
		if (skafu__utf8_is_valid(bytes, 4) != slow_is_valid(bytes, 4))
			ck_abort_msg("%u", i);
	}
	for (uint32_t point = 0; point <= 0x110000; point++) {
		uint8_t bytes[4];
		size_t size = slow_encode(point, bytes);
		int expected = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);

		if (skafu__utf8_is_valid(bytes, size) != expected)
			ck_abort_msg("U+%04X", (unsigned)point);
		if (size > 1 && skafu__utf8_is_valid(bytes, size - 1))
			ck_abort_msg("U+%04X", (unsigned)point);
	}
}
END_TEST

/* A fault at every place of a long text, so that the step over 8 bytes is tried at every alignment. */
START_TEST(faults_in_long_texts)
{
	uint8_t text[80];

	for (size_t length = 1; length <= sizeof text; length++) {
		memset(text, 'a', sizeof text);
		ck_assert_int_eq(skafu__utf8_is_valid(text, length), 1);
		for (size_t at = 0; at < length; at++) {
			text[at] = 0xff;
			ck_assert_int_eq(skafu__utf8_is_valid(text, length), 0);
			text[at] = 0xc3;
			ck_assert_int_eq(skafu__utf8_is_valid(text, length), 0);
			if (at + 1 < length) {
				text[at + 1] = 0xa9;
				ck_assert_int_eq(skafu__utf8_is_valid(text, length), 1);
				text[at + 1] = 'a';
			}
			text[at] = 'a';
		}
	}
}
END_TEST

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t length = 0;
	unsigned value;

	while (sscanf(hex, " %2x", &value) == 1) {
		out[length++] = (uint8_t)value;
		hex += strspn(hex, " ") + 2;
	}
	return length;
}

START_TEST(published_cases)
{
	const char *folder = getenv("SKAFU_TEST_DATA");
	char path[1024];
	char line[1024];
	unsigned cases = 0;
	FILE *file;

	snprintf(path, sizeof path, "%s/utf8tests.txt", folder ? folder : "../shared/data");
	file = fopen(path, "r");
	if (!file) {
		printf("skipped: no %s\n", path);
		return;
	}
	while (fgets(line, sizeof line, file)) {
		char *kind = strchr(line, ':');
		uint8_t bytes[512];
		size_t length;
		int expected;
		char *text;

		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '#' || !kind)
			continue;
		text = strchr(kind + 1, ':');
		ck_assert_ptr_nonnull(text);
		*text++ = '\0';
		cases++;
		kind += 1 + strspn(kind + 1, " ");
		if (strcmp(kind, "valid") == 0) {
			ck_assert_msg(skafu__utf8_is_valid(text, strlen(text)), "case %s", line);
			continue;
		}
		text[strcspn(text, ":")] = '\0';
		length = from_hex(text, bytes);
		expected = strcmp(kind, "valid hex") == 0;
		ck_assert_msg(skafu__utf8_is_valid(bytes, length) == expected, "case %s", line);
	}
	fclose(file);
	printf("%u published cases\n", cases);
	ck_assert_uint_gt(cases, 100);
}
END_TEST

START_TEST(cutting)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1 + 2 + 3 + 4 + 1 bytes */
	static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

	for (size_t max = 0; max < sizeof expected / sizeof *expected; max++)
		ck_assert_uint_eq(skafu__utf8_cut(text, sizeof text - 1, max), expected[max]);
	ck_assert_uint_eq(skafu__utf8_trim(text, 5), 3);
	ck_assert_uint_eq(skafu__utf8_trim(text, 6), 6);
	ck_assert_uint_eq(skafu__utf8_trim("\x80\x80", 2), 2); /* no UTF-8: left as it is */
	ck_assert_uint_eq(skafu__utf8_trim("\xf0\x80\x80\x80\x80\x80", 6), 6);
	ck_assert_uint_eq(skafu__utf8_trim("", 0), 0);
}
END_TEST

static size_t check(const char *name, size_t max, int32_t expected_code)
{
	skafu_error error;
	size_t length;

	skafu_error_clear(&error);
	length = skafu__name_check(name, max, "stream name", &error);
	ck_assert_int_eq(error.code, expected_code);
	ck_assert_int_eq(length == 0, expected_code != 0);
	if (expected_code)
		ck_assert_ptr_nonnull(strstr(error.message, "stream name"));
	ck_assert_uint_eq(skafu__name_check(name, max, "stream name", NULL), length);
	return length;
}

START_TEST(names)
{
	char name[8];

	check(NULL, 10, SKAFU_EINVAL);
	check("", 10, SKAFU_EINVAL);
	check("", 0, SKAFU_EINVAL);
	check("a", 0, SKAFU_ELIMIT);
	ck_assert_uint_eq(check("abc", 3, 0), 3);
	ck_assert_uint_eq(check("abc", SIZE_MAX, 0), 3);
	check("abcd", 3, SKAFU_ELIMIT);
	check("\xc3", 3, SKAFU_EUTF8);
	check("\xff", 3, SKAFU_EUTF8);
	ck_assert_uint_eq(check(" a/b \xe2\x82\xac", 100, 0), 8);
	for (unsigned i = 1; i < 0x80; i++) {
		snprintf(name, sizeof name, "a%cb", (char)i);
		check(name, 10, i < 0x20 || i == 0x7f ? SKAFU_EUTF8 : 0);
	}
	for (unsigned i = 0x80; i < 0xc0; i++) {
		snprintf(name, sizeof name, "a\xc2%c", (char)i);
		check(name, 10, i < 0xa0 ? SKAFU_EUTF8 : 0);
	}
}
END_TEST

/* Nothing past the limit is read: the bytes behind it belong to nobody. */
START_TEST(names_are_read_up_to_the_limit)
{
	char *name = malloc(6);

	memset(name, 'x', 6);
	check(name, 5, SKAFU_ELIMIT);
	free(name);
}
END_TEST

static int slow_is_name(const char *name, size_t length)
{
	const uint8_t *at = (const uint8_t *)name;
	int controls = 0;

	for (size_t i = 0; i < length; i++)
		controls |= at[i] < 0x20 || at[i] == 0x7f || (at[i] == 0xc2 && at[i + 1] >= 0x80 && at[i + 1] < 0xa0);
	return !controls && slow_is_valid(at, length);
}

/* Two bytes of every kind at any two places of a name of any length; nothing behind its NUL may be read. */
START_TEST(names_are_judged_alike_at_every_place)
{
	static const uint8_t kinds[] = {0x01, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0x9f, 0xa0, 0xc2, 0xc3, 0xff};
	size_t count = sizeof kinds;

	for (size_t length = 1; length < 27; length++) {
		char *name = malloc(length + 1);

		memset(name, 'x', length);
		name[length] = '\0';
		for (size_t pair = 0; pair < length * length * count * count; pair++) {
			size_t first = pair % length;
			size_t second = pair / length % length;
			size_t rest = pair / length / length;

			name[first] = (char)kinds[rest % count];
			name[second] = (char)kinds[rest / count];
			if (skafu__name_check(name, 100, "name", NULL) != (slow_is_name(name, length) ? length : 0))
				ck_abort_msg("length %zu, places %zu %zu, kinds %zu", length, first, second, rest);
			name[first] = 'x';
			name[second] = 'x';
		}
		free(name);
	}
}
END_TEST

START_TEST(printable_ascii_is_known_at_every_place)
{
	for (size_t length = 1; length < 70; length++) {
		char *text = malloc(length);
		size_t wrong = 0;

		memset(text, length % 2 ? ' ' : '~', length);
		for (size_t i = 0; i < length * 256; i++) {
			unsigned byte = i % 256;
			char kept = text[i / 256];

			text[i / 256] = (char)byte;
			int expected = byte >= 0x20 && byte < 0x7f;
			wrong += skafu__text_is_plain(text, length) != expected ||
				 skafu__text_is_plain_portable(text, length) != expected;
			text[i / 256] = kept;
		}
		free(text);
		ck_assert_uint_eq(wrong, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *tcase = tcase_create("text");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, every_one_two_and_three_bytes);
	tcase_add_test(tcase, four_bytes);
	tcase_add_test(tcase, faults_in_long_texts);
	tcase_add_test(tcase, published_cases);
	tcase_add_test(tcase, cutting);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, names_are_read_up_to_the_limit);
	tcase_add_test(tcase, names_are_judged_alike_at_every_place);
	tcase_add_test(tcase, printable_ascii_is_known_at_every_place);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}
