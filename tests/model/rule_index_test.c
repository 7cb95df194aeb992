/*
 * rule_index_test.c: what the index finds, how long hostile events take, and the cost of many rules.
 */
#include "model/rule_index.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/rulekit.h"
#include "util/suite.h"

/* ---- hostile input ------------------------------------------------------------------------------------------- */

static char *repeated(const char *head, const char *unit, size_t times, const char *tail)
{
	size_t unit_length = strlen(unit);
	char *text = malloc(strlen(head) + unit_length * times + strlen(tail) + 1);
	char *at = text + sprintf(text, "%s", head);
	for (size_t i = 0; i < times; i++, at += unit_length)
		memcpy(at, unit, unit_length);
	strcpy(at, tail);
	return text;
}

/* Twice the event takes at most about twice the time: generous bounds, since the machine is shared. */
static void check_growth(skafu_rules *rules, const char *head, const char *unit, const char *tail)
{
	double taken[2] = {1e9, 1e9};
	for (int twice = 0; twice < 2; twice++) {
		char *event = repeated(head, unit, twice ? 160000 : 20000, tail);
		for (int run = 0; run < 3; run++) {
			double start = seconds();
			ck_assert_int_ge(match_json(rules, event, NULL, 0), 0);
			double now = seconds() - start;
			taken[twice] = now < taken[twice] ? now : taken[twice];
		}
		free(event);
	}
	ck_assert_msg(taken[1] < 24 * taken[0] + 0.02, "8 times the event took %f, not %f", taken[1], taken[0]);
}

START_TEST(hostile_events_take_linear_time)
{
	skafu_rules *rules;
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	add(rules, "{\"a\":[{\"wildcard\":\"*a*aa*aaa*aaaab*a*b*c\"}]}");
	add(rules, "{\"a\":[{\"anything-but\":{\"wildcard\":\"*a*aa*aaa*aaaa*\"}}]}");
	add(rules, "{\"a\":[{\"suffix\":{\"equals-ignore-case\":\"AAAAB\"}}]}");
	add(rules, "{\"a\":[{\"numeric\":[\">\",5,\"<\",7]}]}");
	add(rules, "{\"a\":[{\"cidr\":\"10.0.0.0/8\"}]}");
	add(rules, "{\"a\":{\"b\":[1],\"c\":[2],\"d\":[{\"exists\":false}]}}");
	check_growth(rules, "{\"a\":\"", "aaaa", "\"}");
	check_growth(rules, "{\"a\":\"", "\\u0061\\u0041", "\"}");
	check_growth(rules, "{\"a\":1", "0", "}");
	check_growth(rules, "{\"a\":0.", "0", "1}");
	check_growth(rules, "{\"a\":1e1", "9", "}");
	check_growth(rules, "{\"a\":[6", ",7.5", "]}");
	check_growth(rules, "{\"a\":[{}", ",{\"b\":1}", ",{\"c\":2}]}");
	check_growth(rules, "{\"a\":[{}", ",[{\"b\":1,\"c\":3}]", "]}");
	check_growth(rules, "{\"x\":[", "{},", "{}]}");
	skafu_rules_free(rules);
}
END_TEST

/* Prefixes of one another, ranges around one another: what is hit is all that is looked at. */
START_TEST(nested_prefixes_and_ranges_are_all_found)
{
	char pattern[600];
	char event[600];
	char letters[301];
	uint32_t numbers[2000];
	skafu_rules *rules;
	memset(letters, 'a', 300);
	letters[300] = '\0';
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(pattern, sizeof pattern, "{\"a\":[{\"prefix\":\"%.*s\"}]}", i, letters);
		add(rules, pattern);
		snprintf(pattern, sizeof pattern, "{\"a\":[{\"suffix\":\"%.*s\"}]}", i, letters);
		add(rules, pattern);
		snprintf(pattern, sizeof pattern, "{\"a\":[{\"numeric\":[\">=\",%d,\"<\",%d]}]}", -i, i + 1);
		add(rules, pattern);
	}
	for (int i = 0; i <= 300; i += 25) {
		snprintf(event, sizeof event, "{\"a\":\"%.*sb%.*s\"}", i, letters, 300 - i, letters);
		int32_t wanted = (i == 300 ? 299 : i) + 1 + (i == 0 ? 299 : 300 - i) + 1;
		ck_assert_int_eq(match_json(rules, event, numbers, COUNT(numbers)), wanted);
		snprintf(event, sizeof event, "{\"a\":%d}", i);
		ck_assert_int_eq(match_json(rules, event, numbers, COUNT(numbers)), 300 - i);
		for (int n = 0; n < 300 - i; n++)
			ck_assert_uint_eq(numbers[n], 3u * (uint32_t)(i + n) + 2);
	}
	skafu_rules_free(rules);
}
END_TEST

/* ---- many rules ---------------------------------------------------------------------------------------------- */

/* Rules as a bus has them: a type and one or two conditions on the payload, of every operator. */
static void many_pattern(char text[300], uint32_t i)
{
	static const char *const kinds[] = {
		"\"customer\":[\"c-%u\"]", "\"path\":[{\"prefix\":\"/tenant/%u/\"}]",
				"\"file\":[{\"suffix\":\"-%u.png\"}]",
		"\"amount\":[{\"numeric\":[\">=\",%u,\"<\",%u]}]", "\"name\":[{\"equals-ignore-case\":\"User%u\"}]",
		"\"url\":[{\"wildcard\":\"https://%u.example/*/edit\"}]",
				"\"url\":[{\"wildcard\":\"*/%u.example/*\"}]", "\"amount\":[%u]",
		"\"customer\":[\"c-%u\"],\"state\":[{\"anything-but\":\"closed\"}],\"gone\":[{\"exists\":false}]"};
	int at = snprintf(text, 300, "{\"eventType\":[\"Type%u\"],\"data\":{", i % 25);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
	at += snprintf(text + at, 300 - (size_t)at, kinds[i % COUNT(kinds)], i, i + 1);
#pragma GCC diagnostic pop
	snprintf(text + at, 300 - (size_t)at, "}}");
}

static double time_of_rules(uint32_t count, uint32_t *out_matches)
{
	char text[300];
	char texts_of[10][300];
	char types_of[10][16];
	skafu_rules *rules;
	double best = 1e9;
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	for (uint32_t i = 0; i < count; i++) {
		many_pattern(text, i);
		add(rules, text);
	}
	for (uint32_t key = 0; key < 10; key++) {
		snprintf(texts_of[key], sizeof texts_of[key],
			 "{\"customer\":\"c-%u\",\"path\":\"/tenant/%u/x\",\"file\":\"img-%u.png\",\"amount\":%u,"
			 "\"name\":\"uSER%u\",\"url\":\"https://%u.example/a/edit\",\"state\":\"open\"}",
			 key, key, key, key, key, key);
		snprintf(types_of[key], sizeof types_of[key], "Type%u", key);
	}
	for (int run = 0; run < 9; run++) {
		double start = seconds();
		*out_matches = 0;
		for (uint32_t i = 0; i < 2000; i++) {
			skafu_record record = make_record(SKAFU_KIND_EVENT, texts_of[i % 10], 1);
			record.type = types_of[i % 10];
			int32_t found = skafu_rules_match(rules, &record, NULL, 0, NULL);
			if (found < 0)
				ck_abort();
			*out_matches += (uint32_t)found;
		}
		double taken = (seconds() - start) / 2000;
		best = taken < best ? taken : best;
	}
	skafu_rules_free(rules);
	return best;
}

START_TEST(ten_thousand_rules_cost_little_more_than_ten)
{
	uint32_t few_matches;
	uint32_t many_matches;
	double few = time_of_rules(10, &few_matches);
	double many = time_of_rules(10000, &many_matches);
	printf("rule_index_test: 10 rules %.2f us, 10,000 rules %.2f us an event: %.2f times\n", few * 1e6,
			many * 1e6,
	       many / few);
	ck_assert_uint_gt(few_matches, 0);
	ck_assert_uint_eq(few_matches, many_matches);
	ck_assert_msg(many < 3 * few + 2e-6, "10,000 rules take %f us, 10 take %f us", many * 1e6, few * 1e6);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule_index");
	TCase *cost = tcase_create("cost");
	tcase_add_test(cost, hostile_events_take_linear_time);
	tcase_add_test(cost, nested_prefixes_and_ranges_are_all_found);
	tcase_add_test(cost, ten_thousand_rules_cost_little_more_than_ten);
	tcase_set_timeout(cost, 60);
	suite_add_tcase(suite, cost);
	return suite_run(suite);
}
