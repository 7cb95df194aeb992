/*
 * rule_key_test.c: keys in the order of their values, case by the table of the library and by libc, wildcards.
 */
#include "model/rule_key.h"

#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wctype.h>

#include "base/bytes.h"
#include "base/failing.h"
#include "codec/jsonpath.h"
#include "model/rulekit.h"
#include "util/suite.h"

/* For loops of a million turns: check writes something down for each assertion that holds. */
#define DEMAND(condition, ...) \
	do { \
		if (!(condition)) \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)

static struct skafu__buf out;

static void set_up(void)
{
	skafu__buf_init(&out, skafu__sys_current(), 1 << 20);
}

static void tear_down(void)
{
	skafu__buf_done(&out);
}

static uint64_t random_state;

static unsigned below(unsigned limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 11) % limit);
}

static int sign(int order)
{
	return (order > 0) - (order < 0);
}

static int compare_keys(const char *a, size_t a_length, const char *b, size_t b_length)
{
	skafu__buf_clear(&out);
	DEMAND(skafu__rule_key_number(&out, (const uint8_t *)a, a_length) == 0, "no key");
	size_t middle = out.length;
	DEMAND(skafu__rule_key_number(&out, (const uint8_t *)b, b_length) == 0, "no key");
	return sign(skafu__rule_key_compare(out.bytes, middle, out.bytes + middle, out.length - middle));
}

static void random_number(char text[64])
{
	char *at = text;
	unsigned digits = 1 + below(4);
	at += sprintf(at, "%s%s", below(3) ? "" : "-", below(3) ? "" : "0");
	if (at > text && at[-1] == '0')
		digits = 0;
	for (unsigned i = 0; i < digits; i++)
		at += sprintf(at, "%u", i ? below(2) * below(10) : 1 + below(9));
	if (digits == 0 || below(2)) {
		*at++ = '.';
		for (unsigned i = 1 + below(4); i > 0; i--)
			at += sprintf(at, "%u", below(2) * below(10));
	}
	if (below(2))
		at += sprintf(at, "%s%s%u", below(2) ? "e" : "E", below(2) ? "-" : below(2) ? "+" : "", below(6));
	*at = '\0';
}

START_TEST(keys_of_numbers_have_their_order)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
	unsigned equal = 0;
	char a[64];
	char b[64];
	printf("rule_key_test: SKAFU_TEST_SEED=%llu\n", (unsigned long long)seed);
	random_state = seed | 1;
	for (int i = 0; i < 200000; i++) {
		random_number(a);
		random_number(b);
		int order = sign(skafu__json_number_compare(a, strlen(a), b, strlen(b)));
		int ours = compare_keys(a, strlen(a), b, strlen(b));
		DEMAND(order == ours, "%s and %s: %d, not %d", a, b, ours, order);
		equal += order == 0;
	}
	ck_assert_uint_gt(equal, 100);
}
END_TEST

/* One digit beyond what a pattern may have: unequal to all that it can say, and between the right ones. */
START_TEST(long_numbers_keep_their_place)
{
	static char longer[2100];
	static char shorter[2100];
	for (int negative = 0; negative < 2; negative++) {
		char *from = longer + sprintf(longer, "%s0.", negative ? "-" : "");
		memset(from, '3', 2000);
		strcpy(shorter, longer);
		size_t head = (size_t)(from - longer);
		int above = negative ? -1 : 1;
		ck_assert_int_eq(compare_keys(longer, head + 2000, shorter, head + 1000), above);
		shorter[head + 999] = '4';
		ck_assert_int_eq(compare_keys(longer, head + 2000, shorter, head + 1000), -above);
		ck_assert_int_eq(skafu__rule_number_fits((const uint8_t *)longer, head + 1000), 1);
		ck_assert_int_eq(skafu__rule_number_fits((const uint8_t *)longer, head + 1001), 0);
		/* zeros at the end are no digits that count */
		memset(from + 1000, '0', 1000);
		ck_assert_int_eq(skafu__rule_number_fits((const uint8_t *)longer, head + 2000), 1);
		ck_assert_int_eq(compare_keys(longer, head + 2000, longer, head + 1000), 0);
	}
	ck_assert_int_eq(compare_keys("1e99999999999999999999", 22, "1e1000000000", 12), 1);
	ck_assert_int_eq(compare_keys("1e-99999999999999999999", 23, "0", 1), 1);
	ck_assert_int_eq(compare_keys("-1e99999999999999999999", 23, "-1e1000000000", 13), -1);
	ck_assert_int_eq(skafu__rule_number_fits((const uint8_t *)"1e1000000001", 12), 0);
	ck_assert_int_eq(skafu__rule_number_fits((const uint8_t *)"0e99999999999", 13), 1);
}
END_TEST

START_TEST(keys_of_networks_hold_their_addresses)
{
	uint8_t first[17];
	uint8_t last[17];
	uint8_t key[17];
	char text[40];
	for (int bits = 0; bits <= 32; bits++) {
		int length = snprintf(text, sizeof text, "170.170.170.170/%d", bits);
		ck_assert_uint_eq(skafu__rule_key_network((const uint8_t *)text, (size_t)length, first, last), 5);
		uint32_t low = skafu__load_u32_be(first + 1);
		uint32_t high = skafu__load_u32_be(last + 1);
		uint32_t mask = bits ? UINT32_MAX << (32 - bits) : 0;
		ck_assert_uint_eq(low, 0xAAAAAAAAu & mask);
		ck_assert_uint_eq(high, (0xAAAAAAAAu & mask) | ~mask);
	}
	for (int bits = 0; bits <= 128; bits++) {
		int length = snprintf(text, sizeof text, "ffff::ffff/%d", bits);
		ck_assert_uint_eq(skafu__rule_key_network((const uint8_t *)text, (size_t)length, first, last), 17);
		ck_assert_int_le(memcmp(first, last, 17), 0);
		ck_assert_int_eq(memcmp(first, last, 17) == 0, bits == 128);
		ck_assert_uint_eq(skafu__rule_key_address((const uint8_t *)"FFFF:0::FFFF", 12, key), 17);
		ck_assert(memcmp(first, key, 17) <= 0 && memcmp(key, last, 17) <= 0);
	}
	static const char *const none[] = {"", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", ":::", "1::2::3",
					   "::1%lo", "1.2.3.4 ", "12345::",
							"::ffff:1.2.3.4.5:6:7:8:9:aaaa:bbbb:cccc:dd"};
	for (size_t i = 0; i < COUNT(none); i++)
		ck_assert_uint_eq(skafu__rule_key_address((const uint8_t *)none[i], strlen(none[i]), key), 0);
}
END_TEST

static uint32_t fold_one(uint32_t character)
{
	uint8_t text[4];
	uint32_t folded = 0;
	size_t length = skafu__json_utf8_write(character, text);
	skafu__buf_clear(&out);
	DEMAND(skafu__rule_fold(&out, text, length) == 0, "U+%04X", character);
	DEMAND(out.length > 0 && out.length <= length + length / 2, "U+%04X", character);
	size_t bytes = out.length;
	folded = bytes == 1 ? out.bytes[0] : out.bytes[0] & (0xFFu >> (bytes + 1));
	for (size_t i = 1; i < bytes; i++)
		folded = folded << 6 | (out.bytes[i] & 0x3Fu);
	return folded;
}

/* Folding once is enough, and whatever libc holds for one letter in two cases is one for us too, where it is sure. */
START_TEST(case_folds_as_others_do)
{
	unsigned changed = 0;
	locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	for (uint32_t c = 1; c < 0x110000; c++) {
		if (c >= 0xD800 && c < 0xE000)
			continue;
		uint32_t folded = fold_one(c);
		changed += folded != c;
		DEMAND(fold_one(folded) == folded, "U+%04X", c);
		if (c < 128)
			ck_assert_uint_eq(folded, c >= 'A' && c <= 'Z' ? c + 32 : c);
		if (!unicode || c >= 0x2C00)
			continue; /* newer letters depend on the age of libc */
		uint32_t upper = (uint32_t)towupper_l((wint_t)c, unicode);
		if (towlower_l((wint_t)upper, unicode) == c)
			DEMAND(fold_one(upper) == folded, "U+%04X and U+%04X", upper, c);
	}
	ck_assert_uint_gt(changed, 1400);
	if (unicode)
		freelocale(unicode);
	else
		printf("rule_key_test: no locale C.UTF-8, so case is not compared with that of libc\n");
}
END_TEST

START_TEST(bytes_that_are_no_text_stay)
{
	static const uint8_t broken[] = {'A', 0xC3, 0xFF, 'B', 0xE2, 0x84, 0xF0, 'Z', 0xC3};
	ck_assert_int_eq(skafu__rule_fold(&out, broken, sizeof broken), 0);
	ck_assert_uint_eq(out.length, sizeof broken);
	ck_assert_mem_eq(out.bytes, "a\xC3\xFF" "b\xE2\x84\xF0z\xC3", sizeof broken);
	for (size_t length = 0; length < 6; length++) {
		uint8_t text[] = "abcde";
		skafu__rule_reverse(text, length);
		for (size_t i = 0; i < length; i++)
			ck_assert_int_eq(text[i], "abcde"[length - 1 - i]);
	}
}
END_TEST

static int plain_wildcard(const char *pattern, const char *text)
{
	if (*pattern == '*')
		return plain_wildcard(pattern + 1, text) || (*text && plain_wildcard(pattern, text + 1));
	return *pattern == *text && (!*text || plain_wildcard(pattern + 1, text + 1));
}

START_TEST(wildcards_match_as_the_plain_ones)
{
	random_state = 0x9E3779B97F4A7C15;
	int matched = 0;
	for (int round = 0; round < 100000; round++) {
		char pattern[16] = "";
		char text[16] = "";
		size_t stars = 0;
		for (size_t i = 0, length = below(8); i < length; i++) {
			pattern[i] = "ab*"[below(i && pattern[i - 1] == '*' ? 2 : 3)];
			stars += pattern[i] == '*';
		}
		for (size_t i = 0, length = below(10); i < length; i++)
			text[i] = "ab"[below(2)];
		if (!stars)
			continue;
		skafu__buf_clear(&out);
		for (const char *at = pattern;; at++) {
			size_t literal = strcspn(at, "*");
			skafu__buf_put_u32(&out, (uint32_t)literal);
			skafu__buf_put(&out, at, literal);
			at += literal;
			if (!*at)
				break;
		}
		int ours = skafu__rule_wildcard(out.bytes, out.length, (const uint8_t *)text, strlen(text));
		DEMAND(ours == plain_wildcard(pattern, text), "%s on %s: %d", pattern, text, ours);
		matched += ours;
	}
	ck_assert_int_gt(matched, 1000);
}
END_TEST

START_TEST(a_lack_of_memory_is_said)
{
	static struct failing failing;
	struct skafu__buf none;
	failing_init(&failing);
	failing.left = 0;
	skafu__buf_init(&none, &failing.sys, 1 << 20);
	ck_assert_int_eq(skafu__rule_key_number(&none, (const uint8_t *)"1", 1), SKAFU_ENOMEM);
	skafu__buf_clear(&none);
	ck_assert_int_eq(skafu__rule_fold(&none, (const uint8_t *)"A", 1), SKAFU_ENOMEM);
	ck_assert_uint_eq(none.length, 0);
	skafu__buf_done(&none);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule_key");
	TCase *keys = tcase_create("keys");
	tcase_add_checked_fixture(keys, set_up, tear_down);
	tcase_add_test(keys, keys_of_numbers_have_their_order);
	tcase_add_test(keys, long_numbers_keep_their_place);
	tcase_add_test(keys, keys_of_networks_hold_their_addresses);
	tcase_add_test(keys, case_folds_as_others_do);
	tcase_add_test(keys, bytes_that_are_no_text_stay);
	tcase_add_test(keys, wildcards_match_as_the_plain_ones);
	tcase_add_test(keys, a_lack_of_memory_is_said);
	suite_add_tcase(suite, keys);
	return suite_run(suite);
}
