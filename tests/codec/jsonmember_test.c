/*
 * jsonmember_test.c: the members of an object come out as they stand there, and what is accepted is what the strict
 * check accepts; shown on cases, and on thousands of objects with one byte changed.
 */
#include "codec/jsonmember.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/suite.h"

static struct skafu__json_member member;

/* The number of members, or the code. */
static int32_t walk(const char *text, size_t length)
{
	struct skafu__json_members members;
	int32_t rc;
	skafu__json_members_init(&members, skafu__sys_current(), text, length, SKAFU__JSON_DEPTH_MAX);
	while ((rc = skafu__json_members_next(&members, &member)) == 1)
		;
	if (rc == SKAFU_EJSON)
		ck_assert_ptr_nonnull(members.fault.reason);
	return rc ? rc : (int32_t)members.count;
}

START_TEST(members_as_they_stand)
{
	static const char text[] = " { \"a\" : 1 ,\"b\\n\":[ {\"}\":\"]\\\"\"} ] , \"c\":\"x,}\" ,\"\":null}\r\n";
	static const char *const names[] = {"a", "b\\n", "c", ""};
	static const char *const values[] = {"1", "[ {\"}\":\"]\\\"\"} ]", "\"x,}\"", "null"};
	struct skafu__json_members members;
	skafu__json_members_init(&members, skafu__sys_current(), text, strlen(text), 64);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(skafu__json_members_next(&members, &member), 1);
		ck_assert_uint_eq(member.name_length, strlen(names[i]));
		ck_assert_mem_eq(member.name, names[i], strlen(names[i]));
		ck_assert_uint_eq(member.value_length, strlen(values[i]));
		ck_assert_mem_eq(member.value, values[i], strlen(values[i]));
		ck_assert_ptr_eq(member.value, text + member.offset);
	}
	ck_assert_int_eq(skafu__json_members_next(&members, &member), 0);
}
END_TEST

START_TEST(broken_objects_are_refused)
{
	static const char *const broken[] = {"", " ", "{", "[]", "1", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
		       "{\"a\" 1}",
					     "{\"a\":1}x", "{\"a\":1}{}", "{a:1}", "{\"a\":1 2}", "{\"a\":[1}",
						       "{\"a\":[1,]}",
					     "{\"a\":\"", "{\"a\\\":1}", "{\"a\":01}", "{\"a\":tru}", "{\"a\":[}]}",
					     "{\"a\":1", "{\"a\":1,\"b", "{\"\\ud800\":1}", "\xef\xbb\xbf{}",
						       "{\"a\":1]"};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		ck_assert_msg(walk(broken[i], strlen(broken[i])) == SKAFU_EJSON, "%s", broken[i]);
	ck_assert_int_eq(walk("{}", 2), 0);
	ck_assert_int_eq(walk("{ }\n", 4), 0);
	ck_assert_int_eq(walk("{\"a\":1}\0", 8), SKAFU_EJSON);
}
END_TEST

START_TEST(a_value_may_be_as_deep_as_a_document)
{
	char text[256];
	for (int depth = 63; depth <= 65; depth++) {
		int at = snprintf(text, sizeof text, "{\"a\":");
		for (int i = 0; i < depth; i++)
			text[at++] = '[';
		for (int i = 0; i < depth; i++)
			text[at++] = ']';
		text[at++] = '}';
		ck_assert_int_eq(walk(text, (size_t)at), depth <= 64 ? 1 : SKAFU_EJSON);
	}
}
END_TEST

/* Objects without a name twice, one byte changed: accepted by both or by neither. */
START_TEST(it_agrees_with_the_check)
{
	static const char *const texts[] = {"{\"a\":1,\"b\":[1,2,{\"c\":\"\\u00e9\"}],\"d\":{\"e\":{}}}",
					    "{ \"x\" : \"a\\\\\" , \"y\" : -1.5e+3 ,\"z\":[[],\"}\",\"]\"]}\n"};
	static const char strange[] = "{}[]\",:\\0 1eatu\n\x01\xc3";
	unsigned seed = 20261;
	unsigned accepted = 0;
	printf("seed %u\n", seed);
	for (int i = 0; i < 100000; i++) {
		char text[80];
		const char *from = texts[i % 2];
		size_t length = strlen(from);
		memcpy(text, from, length);
		for (int k = 0; k < 1 + i % 3; k++) {
			seed = seed * 1103515245u + 12345u;
			text[(seed >> 16) % length] = strange[(seed >> 8) % (sizeof strange)];
		}
		int32_t rc = walk(text, length);
		int32_t expected = skafu__json_check(skafu__sys_current(), text, length, 64, NULL);
		int is_object = text[strspn(text, " \n")] == '{';
		if (expected == 0 && is_object)
			ck_assert_msg(rc >= 0, "%.*s", (int)length, text);
		else if (rc >= 0) /* a name twice is left to the caller */
			ck_assert_msg(expected == SKAFU_EJSON && rc > 1, "%.*s", (int)length, text);
		accepted += rc >= 0;
	}
	ck_assert_uint_gt(accepted, 1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jsonmember");
	TCase *all = tcase_create("all");
	tcase_add_test(all, members_as_they_stand);
	tcase_add_test(all, broken_objects_are_refused);
	tcase_add_test(all, a_value_may_be_as_deep_as_a_document);
	tcase_add_test(all, it_agrees_with_the_check);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
