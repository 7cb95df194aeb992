/*
 * pattern_test.c: what matches, against the C library's own expressions, and what is refused.
 */
#include "pattern.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/kit.h"

START_TEST(by_hand)
{
	static const struct {
		const char *pattern;
		const char *text;
		int matches;
	} cases[] = {
		{"^[a-z][a-z0-9-]{1,38}[a-z0-9]$", "order-book2", 1},
		{"^[a-z][a-z0-9-]{1,38}[a-z0-9]$", "order-", 0},
		{"^[a-z]{2}(-[A-Z]{2})?$", "pt-BR", 1},
		{"^[a-z]{2}(-[A-Z]{2})?$", "pt-B", 0},
		{"^a|b$", "xb", 0}, /* both ends hold for both */
		{"^(a|b)*c$", "ababc", 1},
		{"^x{0}y$", "y", 1},
		{"^x{2,}$", "xx", 1},
		{"^x{2,}$", "x", 0},
		{"^(a*)*$", "aaaa", 1},
		{"^[]a]$", "]", 1},
		{"^[^a]$", "a", 0},
		{"^[a-]$", "-", 1},
		{"^a\\.b$", "axb", 0},
		{"^a\\.b$", "a.b", 1},
		{"b", "abc", 1},
		{"", "", 1},
		{"^$", "", 1},
		{"^$", "a", 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_msg(pattern_matches(cases[i].pattern, cases[i].text) == cases[i].matches, "%s on %s",
			      cases[i].pattern, cases[i].text);
}
END_TEST

START_TEST(refused)
{
	static const char *const bad[] = {
		"(",      ")",           "a)",     "(a",      "[",    "[a",
		"[b-a]",  "a**",         "*a",     "?",       "a{",   "a{1",
		"a{2,1}", "a{999}",      "(ab){2}", "a{1}{2}", "\\",   "(a)\\1",
		"\\d",    "[[:alpha:]]", "a^",     "$a",      "a{x}", "((((((((((((((((((a))))))))))))))))))"};
	char many[2048];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!pattern_is_good(bad[i]), "%s", bad[i]);
	memset(many, 'a', sizeof many);
	many[sizeof many - 1] = '\0';
	ck_assert(!pattern_is_good(many));
	ck_assert(!pattern_is_good("a{255}b{255}c{255}d{255}e{255}"));
}
END_TEST

START_TEST(time_does_not_explode)
{
	char text[257];

	memset(text, 'a', 256);
	text[256] = '\0';
	ck_assert(!pattern_matches("^(a*)*(a*)*(a*)*(a*)*(a*)*b$", text));
	ck_assert(!pattern_matches("^(a|a)*(a|a)*(a|a)*(a|a)*b$", text));
	ck_assert(pattern_matches("^a{0,255}a{0,255}a?$", text));
}
END_TEST

/* Random expressions of a small alphabet: the same answer as regcomp() and regexec(), where both take them. */
START_TEST(as_the_c_library)
{
	static const char *const pieces[] = {"a",      "b",          ".",  "[ab]",  "[^a]",    "(a|b)",
					     "(ab)",   "a?",         "b*", "(ab)*", "(a|ba)+", "a{2}",
					     "b{1,2}", "(a(b|c)?)*", "c",  "[a-c]+"};
	unsigned seed = (unsigned)time(NULL);
	unsigned matched = 0;

	srand(seed);
	for (int round = 0; round < 20000; round++) {
		char pattern[128] = "^(";
		char text[12] = "";
		regex_t regex;
		int expected;

		for (int i = rand() % 5; i >= 0; i--) {
			strcat(pattern, pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)]);
			if (rand() % 8 == 0 && i > 0)
				strcat(pattern, "|");
		}
		strcat(pattern, rand() % 2 ? ")$" : ")");
		for (int i = rand() % 8; i > 0; i--)
			strcat(text, rand() % 3 == 0 ? "a" : rand() % 2 ? "b" : "c");
		ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
		expected = regexec(&regex, text, 0, NULL, 0) == 0;
		regfree(&regex);
		matched += (unsigned)expected;
		ck_assert_msg(pattern_matches(pattern, text) == expected, "%s on %s, seed %u", pattern, text, seed);
	}
	ck_assert_uint_gt(matched, 2000);
	ck_assert_uint_lt(matched, 18000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pattern");
	TCase *tcase = tcase_create("pattern");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, by_hand);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, time_does_not_explode);
	tcase_add_test(tcase, as_the_c_library);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
