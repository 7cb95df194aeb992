/*
 * rule_parse_test.c: which patterns are refused, and that the refusal says where; the limits of patterns.
 */
#include "model/rule_parse.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/rulekit.h"
#include "util/suite.h"

/* ---- what is refused ----------------------------------------------------------------------------------------- */

struct refusal {
	const char *pattern;
	size_t offset;
	const char *place; /* in the message */
	const char *reason;
};

static const struct refusal refusals[] = {
	{"", 0, "top", ""},
	{"[1]", 0, "top", "JSON object"},
	{"5", 0, "top", "JSON object"},
	{"{}", 1, "top", "empty"},
	{"{\"a\":[1],}", 9, "top", ""},
	{"{\"a\":[1],\"a\":[2]}", 10, "top", "twice"},
	{"{\"a\":1}", 5, "\"a\"", "list"},
	{"{\"a\":\"x\"}", 6, "\"a\"", "list"},
	{"{\"a\":[]}", 6, "\"a\"", "empty"},
	{"{\"a\":{}}", 6, "\"a\"", "empty"},
	{"{\"a\":[[1]]}", 6, "\"a\"", "no lists"},
	{"{\"a\":{\"b\":[{}]}}", 12, "\"a.b\"", "operator"},
	{"{\"a\":[{\"like\":1}]}", 8, "\"a\"", "no such operator"},
	{"{\"a\":[{\"prefix\":1}]}", 16, "\"a\"", "string"},
	{"{\"a\":[{\"prefix\":[\"x\"]}]}", 16, "\"a\"", "string"},
	{"{\"a\":[{\"prefix\":{\"x\":\"y\"}}]}", 18, "\"a\"", "equals-ignore-case"},
	{"{\"a\":[{\"prefix\":{\"equals-ignore-case\":{\"equals-ignore-case\":\"x\"}}}]}", 38, "\"a\"", "string"},
	{"{\"a\":[{\"prefix\":\"x\",\"suffix\":\"y\"}]}", 21, "\"a\"", "one operator"},
	{"{\"a\":[{\"equals-ignore-case\":{\"prefix\":\"x\"}}]}", 28, "\"a\"", "string"},
	{"{\"a\":[{\"wildcard\":\"a**\"}]}", 19, "\"a\"", "side by side"},
	{"{\"a\":[{\"wildcard\":\"a\\\\b\"}]}", 19, "\"a\"", "backslash"},
	{"{\"a\":[{\"wildcard\":\"a\\\\\"}]}", 19, "\"a\"", "backslash"},
	{"{\"a\":[{\"wildcard\":true}]}", 18, "\"a\"", "string"},
	{"{\"a\":[{\"anything-but\":[]}]}", 23, "\"a\"", "empty"},
	{"{\"a\":[{\"anything-but\":[1,\"x\"]}]}", 26, "\"a\"", "not both"},
	{"{\"a\":[{\"anything-but\":null}]}", 22, "\"a\"", "anything-but"},
	{"{\"a\":[{\"anything-but\":[true]}]}", 23, "\"a\"", "anything-but"},
	{"{\"a\":[{\"anything-but\":{\"numeric\":[\"=\",1]}}]}", 24, "\"a\"", "anything-but"},
	{"{\"a\":[{\"anything-but\":{\"prefix\":\"\"}}]}", 33, "\"a\"", "empty"},
	{"{\"a\":[{\"anything-but\":{\"suffix\":[]}}]}", 33, "\"a\"", "empty"},
	{"{\"a\":[{\"numeric\":5}]}", 17, "\"a\"", "list"},
	{"{\"a\":[{\"numeric\":[]}]}", 18, "\"a\"", "empty"},
	{"{\"a\":[{\"numeric\":[\"!=\",5]}]}", 19, "\"a\"", "<="},
	{"{\"a\":[{\"numeric\":[5]}]}", 18, "\"a\"", "<="},
	{"{\"a\":[{\"numeric\":[\"<\"]}]}", 21, "\"a\"", "number"},
	{"{\"a\":[{\"numeric\":[\"<\",\"5\"]}]}", 23, "\"a\"", "number"},
	{"{\"a\":[{\"numeric\":[\"<\",5,\"<\",6]}]}", 25, "\"a\"", "upper"},
	{"{\"a\":[{\"numeric\":[\">\",5,\"<\",5]}]}", 19, "\"a\"", "no number"},
	{"{\"a\":[{\"numeric\":[\">\",6,\"<=\",5]}]}", 19, "\"a\"", "no number"},
	{"{\"a\":[{\"numeric\":[\"=\",5,\"<\",6]}]}", 25, "\"a\"", "beside"},
	{"{\"a\":[{\"numeric\":[\"=\",1e99999999999]}]}", 22, "\"a\"", "exponent"},
	{"{\"a\":[{\"exists\":1}]}", 16, "\"a\"", "true or false"},
	{"{\"a\":[{\"cidr\":5}]}", 14, "\"a\"", "cidr"},
	{"{\"a\":[{\"cidr\":\"10.0.0.0\"}]}", 15, "\"a\"", "network"},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/33\"}]}", 15, "\"a\"", "network"},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/\"}]}", 15, "\"a\"", "network"},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/08\"}]}", 15, "\"a\"", "network"},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/-1\"}]}", 15, "\"a\"", "network"},
	{"{\"a\":[{\"cidr\":\"::/129\"}]}", 15, "\"a\"", "network"},
	{"{\"a\":[{\"cidr\":\"10.0.0/8\"}]}", 15, "\"a\"", "network"},
	{"{\"a\":[{\"cidr\":\"\\u0000::/8\"}]}", 15, "\"a\"", "network"},
	{"{\"a\":[{\"cidr\":\"\"}]}", 15, "\"a\"", "network"},
	{"{\"$or\":5}", 7, "top", "$or"},
	{"{\"$or\":[]}", 8, "top", "two"},
	{"{\"$or\":[{\"a\":[1]}]}", 17, "top", "two"},
	{"{\"$or\":[1,2]}", 8, "top", "$or"},
	{"{\"d\":{\"$or\":[{\"a\":[1]},{}]}}", 24, "\"d\"", "empty"},
	{"{\"\":[]}", 5, "top", "empty"},
	{"{\"x\\ny\":[]}", 9, "\"x?y\"", "empty"},
};

START_TEST(bad_patterns_are_refused_with_their_place)
{
	skafu_error *error;
	skafu_rules *rules;
	uint32_t number = 77;
	char byte[40];
	ck_assert_int_eq(skafu_error_new(&error), 0);
	ck_assert_int_eq(skafu_rules_new(&rules, error), 0);
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const struct refusal *refusal = &refusals[i];
		skafu_error_clear(error);
		int32_t code = skafu_rules_add(rules, refusal->pattern, strlen(refusal->pattern), &number, error);
		const char *message = skafu_error_message(error);
		snprintf(byte, sizeof byte, " byte %zu, ", refusal->offset);
		ck_assert_msg(code == SKAFU_EPATTERN, "%s: %d", refusal->pattern, code);
		ck_assert_int_eq(skafu_error_code(error), SKAFU_EPATTERN);
		ck_assert_msg(strstr(message, byte) && strstr(message, refusal->place)
			      && strstr(message, refusal->reason), "%s: %s", refusal->pattern, message);
		ck_assert_int_eq(skafu_rules_add(rules, refusal->pattern, strlen(refusal->pattern), &number, NULL),
				 SKAFU_EPATTERN);
	}
	ck_assert_uint_eq(number, 77);
	ck_assert_int_eq(match_json(rules, "{\"a\":1}", NULL, 0), 0);
	ck_assert_uint_eq(add(rules, "{\"a\":[1]}"), 0);
	ck_assert_int_eq(match_json(rules, "{\"a\":1}", NULL, 0), 1);
	skafu_rules_free(rules);
	skafu_error_free(error);
}
END_TEST

START_TEST(limits_of_patterns_are_kept)
{
	static char pattern[SKAFU__RULE_PATTERN_BYTES_MAX + 100];
	skafu_rules *rules;
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	for (int over = 0; over < 2; over++) {
		int32_t wanted = over ? SKAFU_EPATTERN : 0;
		char *at = pattern;
		for (uint32_t i = 0; i < SKAFU__RULE_DEPTH_MAX + (uint32_t)over; i++)
			at += sprintf(at, "{\"a\":");
		at += sprintf(at, "[1]");
		for (uint32_t i = 0; i < SKAFU__RULE_DEPTH_MAX + (uint32_t)over; i++)
			*at++ = '}';
		ck_assert_int_eq(skafu_rules_add(rules, pattern, (size_t)(at - pattern), NULL, NULL), wanted);

		at = pattern + sprintf(pattern, "{\"a\":[{\"wildcard\":\"");
		for (int i = 0; i < 32 + over; i++)
			at += sprintf(at, "x*");
		at += sprintf(at, "\"}]}");
		ck_assert_int_eq(skafu_rules_add(rules, pattern, (size_t)(at - pattern), NULL, NULL), wanted);

		at = pattern + sprintf(pattern, "{\"f\":[0]");
		for (uint32_t i = 1; i < SKAFU__RULE_FIELDS_MAX + (uint32_t)over; i++)
			at += sprintf(at, ",\"f%u\":[1]", i);
		at += sprintf(at, "}");
		ck_assert_int_eq(skafu_rules_add(rules, pattern, (size_t)(at - pattern), NULL, NULL), wanted);

		/* 10 x 10 x 10 alternatives, then one more */
		at = pattern + sprintf(pattern, "{");
		for (int level = 0; level < 3; level++) {
			at += sprintf(at, "%s\"x%d\":{\"$or\":[", level ? "," : "", level);
			for (int i = 0; i < 10 + (over && !level); i++)
				at += sprintf(at, "%s{\"f%d\":[1]}", i ? "," : "", i);
			at += sprintf(at, "]}");
		}
		at += sprintf(at, "}");
		ck_assert_int_eq(skafu_rules_add(rules, pattern, (size_t)(at - pattern), NULL, NULL), wanted);

		memset(pattern, ' ', sizeof pattern);
		memcpy(pattern, "{\"a\":[1]}", 9);
		ck_assert_int_eq(skafu_rules_add(rules, pattern, SKAFU__RULE_PATTERN_BYTES_MAX + (size_t)over, NULL,
				NULL),
				 wanted);

		at = pattern + sprintf(pattern, "{\"a\":[1");
		memset(at, '0', 999 + (size_t)over);
		at += 999 + over;
		at[-1] = '1';
		at += sprintf(at, "]}");
		ck_assert_int_eq(skafu_rules_add(rules, pattern, (size_t)(at - pattern), NULL, NULL), wanted);
	}
	ck_assert_int_eq(match_json(rules, "{\"a\":1}", NULL, 0), 1);
	skafu_rules_free(rules);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule_parse");
	TCase *refused = tcase_create("refused");
	tcase_add_test(refused, bad_patterns_are_refused_with_their_place);
	tcase_add_test(refused, limits_of_patterns_are_kept);
	tcase_set_timeout(refused, 60);
	suite_add_tcase(suite, refused);
	return suite_run(suite);
}
