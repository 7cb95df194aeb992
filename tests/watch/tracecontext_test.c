/*
 * tracecontext_test.c: places in a trace for the host: headers, records with and without one.
 */
#include "skafu_watch.h"

#include <string.h>

#include "codec/trace.h"
#include "watch/watchkit.h"

#define HEADER "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

START_TEST(there_and_back)
{
	skafu_trace_context context = {.size = sizeof context}, other = context;
	char text[SKAFU_TRACEPARENT_BYTES];

	ck_assert_int_eq(skafu_trace_parse(HEADER, &context), 0);
	ck_assert(context.flags == 1 && context.trace_id[0] == 0x4b && context.span_id[7] == 0xb7);
	ck_assert_int_eq(skafu_trace_format(&context, text), 0);
	ck_assert_str_eq(text, HEADER);
	context.flags = 0xfe; /* what nobody knows is not passed on */
	ck_assert_int_eq(skafu_trace_format(&context, text), 0);
	ck_assert_str_eq(text + 53, "00");
	ck_assert_int_eq(skafu_trace_parse("nonsense", &other), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_trace_parse(NULL, &other), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_trace_parse(HEADER, NULL), SKAFU_EINVAL);
	ck_assert_uint_eq(other.trace_id[0], 0);
	ck_assert_int_eq(skafu_trace_format(&other, text), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_trace_format(NULL, text), SKAFU_EINVAL);
	other.size = 8;
	ck_assert_int_eq(skafu_trace_parse(HEADER, &other), SKAFU_EINVAL);
}
END_TEST

static skafu_trace_context place_of(const skafu_record *record)
{
	skafu_trace_context context = {.size = sizeof context};

	ck_assert_int_eq(skafu_trace_of_record(record, &context), 0);
	return context;
}

START_TEST(records)
{
	static const uint8_t id[16] = {1}, cause[16] = {2}, none[16] = {0};
	static const char with[] = "{\"a\":1,\"traceparent\":\"" HEADER "\"}";
	skafu_record record = {.size = sizeof record, .id = id, .causation = none, .correlation = "req-1",
			       .source = "sales", .type = "T", .stream = ""};
	skafu_trace_context own, caused, given = {.size = sizeof given};
	uint8_t expected[16];

	own = place_of(&record);
	skafu__trace_id_of("req-1", expected);
	ck_assert_mem_eq(own.trace_id, expected, 16);
	ck_assert_uint_eq(own.flags, 1);
	record.causation = cause;
	caused = place_of(&record);
	ck_assert_mem_eq(caused.trace_id, own.trace_id, 16);
	ck_assert_mem_ne(caused.span_id, own.span_id, 8);
	skafu__trace_span_of(cause, "sales", "", expected);
	ck_assert_mem_eq(caused.span_id, expected, 8);
	record.metadata = (const uint8_t *)with;
	record.metadata_length = sizeof with - 1;
	ck_assert_int_eq(skafu_trace_parse(HEADER, &given), 0);
	own = place_of(&record);
	ck_assert_mem_eq(own.trace_id, given.trace_id, 16);
	ck_assert_mem_eq(own.span_id, given.span_id, 8);
	ck_assert_int_eq(skafu_trace_of_record(NULL, &own), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_trace_of_record(&record, NULL), SKAFU_EINVAL);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, there_and_back);
	tcase_add_test(tests, records);
}

int main(void)
{
	return tempstore_main("tracecontext", add);
}
