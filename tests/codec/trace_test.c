/*
 * trace_test.c: the traceparent of W3C, in texts and in metadata; derived ids.
 */
#include "codec/trace.h"

#include <check.h>
#include <string.h>

#include "util/suite.h"

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static int parse(const char *text)
{
	struct skafu__trace trace;

	return skafu__trace_parse(text, strlen(text), &trace);
}

START_TEST(headers)
{
	struct skafu__trace trace = {{0}, {0}, 9};
	char text[SKAFU__TRACEPARENT_BYTES];

	ck_assert(skafu__trace_parse(GOOD, strlen(GOOD), &trace));
	ck_assert(trace.trace_id[0] == 0x4b && trace.trace_id[15] == 0x36);
	ck_assert(trace.span_id[1] == 0xf0 && trace.span_id[7] == 0xb7 && trace.flags == 1);
	skafu__trace_format(&trace, text);
	ck_assert_str_eq(text, GOOD);
	ck_assert(parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe"));
	ck_assert(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be"));
	ck_assert(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
}
END_TEST

START_TEST(what_is_no_header)
{
	static const char *const bad[] = {
		"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", /* version 0 ends here */
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
		"0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b:-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\x80",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!parse(bad[i]), "%s is taken", bad[i]);
	/* Each byte matters: no single change of version 0 to another printable sign is taken but for digits. */
	for (size_t i = 0; i < sizeof GOOD - 1; i++) {
		char text[] = GOOD;

		text[i] = 'G';
		ck_assert(!parse(text));
	}
}
END_TEST

static int find(const char *metadata)
{
	struct skafu__trace trace;

	return skafu__trace_of_metadata(metadata, strlen(metadata), &trace);
}

START_TEST(metadata)
{
	ck_assert_int_eq(find("{\"traceparent\":\"" GOOD "\"}"), 1);
	ck_assert_int_eq(find(" { \"a\" : [1,{\"traceparent\":7}], \"traceparent\" : \"" GOOD "\" , \"b\":{}}"), 1);
	ck_assert_int_eq(find(""), 0);
	ck_assert_int_eq(find("{}"), 0);
	ck_assert_int_eq(find("{\"a\":{\"traceparent\":\"" GOOD "\"}}"), 0);
	ck_assert_int_eq(find("{\"a\":\"traceparent\"}"), 0);
	ck_assert_int_eq(find("{\"traceparent\":7}"), -1);
	ck_assert_int_eq(find("{\"traceparent\":\"nonsense\"}"), -1);
	ck_assert_int_eq(find("{\"traceparent\":\"\\u00300-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}"),
			 -1);
	ck_assert_int_eq(find("{\"\\u0074raceparent\":1}"), -1);
}
END_TEST

START_TEST(derived_ids)
{
	static const uint8_t id[16] = {1, 2, 3}, other[16] = {1, 2, 4};
	uint8_t a[16], b[16], s[8], t[8];
	uint32_t left_out = 0;

	skafu__trace_id_of("req-1", a);
	skafu__trace_id_of("req-1", b);
	ck_assert_mem_eq(a, b, 16);
	ck_assert(memcmp(a, a + 8, 8) != 0);
	skafu__trace_id_of("req-2", b);
	ck_assert_mem_ne(a, b, 16);
	skafu__trace_span_of(id, "sales", "", s);
	skafu__trace_span_of(id, "sales", "", t);
	ck_assert_mem_eq(s, t, 8);
	skafu__trace_span_of(other, "sales", "", t);
	ck_assert_mem_ne(s, t, 8);
	skafu__trace_span_of(id, "sale", "s", t); /* where one ends and the other begins matters */
	ck_assert_mem_ne(s, t, 8);
	for (int i = 0; i < 4000; i++) {
		char text[16] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), (char)('a' + i / 676), 0};

		skafu__trace_id_of(text, a);
		ck_assert(!skafu__trace_is_left_out(a, 0));
		ck_assert(skafu__trace_is_left_out(a, 100));
		left_out += (uint32_t)skafu__trace_is_left_out(a, 25);
	}
	ck_assert(left_out > 800 && left_out < 1200);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, headers);
	tcase_add_test(tests, what_is_no_header);
	tcase_add_test(tests, metadata);
	tcase_add_test(tests, derived_ids);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
