/*
 * number_test.c: numbers as text that reads back, whatever the locale.
 */
#include "watch/number.h"

#include <float.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static const char *put(double value)
{
	static char text[64];
	struct skafu__buf buf;

	skafu__buf_init(&buf, skafu__sys_current(), 64);
	ck_assert_int_eq(skafu__number_put(&buf, value), 0);
	ck_assert_uint_lt(buf.length, sizeof text);
	memcpy(text, buf.bytes, buf.length);
	text[buf.length] = '\0';
	skafu__buf_done(&buf);
	return text;
}

START_TEST(shortest_forms)
{
	char text[32];

	ck_assert_str_eq(put(0), "0");
	ck_assert_str_eq(put(-7), "-7");
	ck_assert_str_eq(put(0.1), "0.1");
	ck_assert_str_eq(put(2.5e-06), "2.5e-06");
	ck_assert_str_eq(put(9007199254740992.0), "9007199254740992");
	ck_assert_str_eq(put(0.1 + 0.2), "0.30000000000000004");
	ck_assert_str_eq(put(1e300), "1e+300");
	skafu__number_short(0.123456789, text);
	ck_assert_str_eq(text, "0.123457");
}
END_TEST

START_TEST(they_read_back)
{
	seeded("number");
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = random_u64();
		double value;

		memcpy(&value, &bits, sizeof value);
		if (value != value || value - value != 0)
			continue;
		ck_assert(strtod(put(value), NULL) == value);
	}
	ck_assert(strtod(put(DBL_MAX), NULL) == DBL_MAX);
	ck_assert(strtod(put(DBL_MIN), NULL) == DBL_MIN);
}
END_TEST

START_TEST(under_a_locale_with_a_comma)
{
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8"};
	const char *was = NULL;

	for (size_t i = 0; !was && i < sizeof names / sizeof *names; i++)
		was = setlocale(LC_NUMERIC, names[i]);
	if (!was)
		printf("no such locale here\n");
	ck_assert_str_eq(put(0.5), "0.5");
	ck_assert_str_eq(put(-1.25e-9), "-1.25e-09");
	setlocale(LC_NUMERIC, "C");
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, shortest_forms);
	tcase_add_test(tests, they_read_back);
	tcase_add_test(tests, under_a_locale_with_a_comma);
}

int main(void)
{
	return tempstore_main("number", add);
}
