/*
 * recordread_test.c: what one object becomes, in both forms; and that whatever is wrong with it is named.
 */
#include "store/recordread.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "util/suite.h"

static struct skafu__recordread read;
static struct skafu_error why;

static int32_t take(uint32_t form, const char *text)
{
	static char *copy; /* of its own, so that a sanitizer sees a step beyond it */
	free(copy);
	copy = malloc(strlen(text) + 1);
	memcpy(copy, text, strlen(text));
	why = (struct skafu_error){0};
	return skafu__recordread_take(&read, form, copy, strlen(text), &why);
}

static void set_up(void)
{
	skafu__recordread_init(&read, skafu__sys_current());
}

static void tear_down(void)
{
	take(SKAFU_FORM_LINES, "");
	skafu__recordread_done(&read);
}

static void is_bytes(const void *bytes, size_t length, const char *expected)
{
	ck_assert_uint_eq(length, strlen(expected));
	ck_assert_mem_eq(bytes, expected, length);
}

START_TEST(every_member_of_the_envelope)
{
	uint8_t id[16];
	ck_assert_int_eq(take(SKAFU_FORM_LINES,
			      "{\"eventId\":\"018f3344-5566-7088-99aa-bbccddeeff01\",\"eventType\":\"T\\u00e9\","
			      "\"eventVersion\":\"2.1\",\"source\":\"src\","
				       "\"timestamp\":\"2025-01-18T10:30:00.123Z\","
			      "\"sequenceNumber\":7,\"streamId\":\"s\",\"streamVersion\":4,\"correlationId\":\"c\","
			      "\"causationId\":\"018f3344-5566-7088-99aa-bbccddeeff02\",\"tags\":[\"a\",\"\\\"b\"],"
			      "\"metadata\":{\"m\":1},\"data\":[ 1 ],\"hops\":255,\"severity\":\"ERROR\","
			      "\"recordKind\":\"error\",\"contentType\":\"application/json\"}"),
			 0);
	ck_assert_int_eq(skafu_id_parse("018f3344-5566-7088-99aa-bbccddeeff01", id), 0);
	ck_assert_mem_eq(read.record.id, id, 16);
	ck_assert_int_eq(skafu_id_parse("018f3344-5566-7088-99aa-bbccddeeff02", id), 0);
	ck_assert_mem_eq(read.record.causation, id, 16);
	ck_assert_str_eq(read.record.type, "T\xc3\xa9");
	ck_assert_uint_eq(read.record.event_version, 2u << 16 | 1);
	ck_assert_str_eq(read.record.source, "src");
	ck_assert_int_eq(read.record.time_ns, INT64_C(1737196200123000000));
	ck_assert_uint_eq(read.sequence, 7);
	ck_assert_str_eq(read.record.stream, "s");
	ck_assert_uint_eq(read.stream_version, 4);
	ck_assert_str_eq(read.record.correlation, "c");
	ck_assert_uint_eq(read.record.tag_count, 2);
	ck_assert_str_eq(read.record.tags[1], "\"b");
	is_bytes(read.record.metadata, read.record.metadata_length, "{\"m\":1}");
	is_bytes(read.record.data, read.record.data_length, "[ 1 ]");
	ck_assert_uint_eq(read.record.hops, 255);
	ck_assert_uint_eq(read.record.severity, SKAFU_SEVERITY_ERROR);
	ck_assert_uint_eq(read.record.kind, SKAFU_KIND_ERROR);
}
END_TEST

START_TEST(a_foreign_id_is_hashed_and_kept)
{
	uint8_t id[16];
	ck_assert_int_eq(take(SKAFU_FORM_LINES, "{\"eventId\":\"A\\\"1\",\"eventType\":\"T\",\"source\":\"src\","
						"\"causationId\":\"B\",\"metadata\":{ \"m\":1}}"), 0);
	ck_assert_int_eq(skafu_id_from_text("src", "A\"1", id), 0);
	ck_assert_mem_eq(read.record.id, id, 16);
	ck_assert_int_eq(skafu_id_from_text("src", "B", id), 0);
	ck_assert_mem_eq(read.record.causation, id, 16);
	is_bytes(read.record.metadata, read.record.metadata_length,
		 "{\"importedId\":\"A\\\"1\",\"importedCausationId\":\"B\",\"m\":1}");
	ck_assert_int_eq(take(SKAFU_FORM_LINES, "{\"eventId\":\"x\",\"eventType\":\"T\",\"metadata\":{ }}"), 0);
	is_bytes(read.record.metadata, read.record.metadata_length, "{\"importedId\":\"x\"}");
	ck_assert_int_eq(skafu_id_from_text("default", "x", id), 0);
	ck_assert_mem_eq(read.record.id, id, 16);
	ck_assert_int_eq(take(SKAFU_FORM_LINES, "{\"eventType\":\"T\"}"), 0);
	ck_assert_int_eq(read.has_id, 0);
	ck_assert_ptr_null(read.record.id);
	ck_assert_ptr_null(read.record.metadata);
}
END_TEST

START_TEST(payloads)
{
	ck_assert_int_eq(take(SKAFU_FORM_LINES, "{\"eventType\":\"T\",\"data_base64\":\"/wABeg==\"}"), 0);
	ck_assert_uint_eq(read.record.data_length, 4);
	ck_assert_mem_eq(read.record.data, "\xff\x00\x01z", 4);
	ck_assert_str_eq(read.record.content_type, "application/octet-stream");
	ck_assert_int_eq(take(SKAFU_FORM_LINES, "{\"eventType\":\"T\",\"data\":null,\"tags\":null}"), 0);
	is_bytes(read.record.data, read.record.data_length, "null");
#define CE "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s%20p\",\"type\":\"T\","
	ck_assert_int_eq(take(SKAFU_FORM_CLOUDEVENTS,
		       CE "\"datacontenttype\":\"text/xml\",\"data\":\"<a b=\\\"c\\\"/>\"}"), 0);
	is_bytes(read.record.data, read.record.data_length, "<a b=\"c\"/>");
	ck_assert_str_eq(read.record.source, "/s p");
	ck_assert_str_eq(read.record.stream, "/s p");
	ck_assert_int_eq(take(SKAFU_FORM_CLOUDEVENTS, CE "\"datacontenttype\":\"application/x+json\","
		       "\"data\":\"t\"}"), 0);
	is_bytes(read.record.data, read.record.data_length, "\"t\"");
	ck_assert_int_eq(take(SKAFU_FORM_CLOUDEVENTS, CE "\"data\":{\"x\":1},\"dataschema\":\"u:x\",\"other\":5}"),
		       0);
	is_bytes(read.record.metadata, read.record.metadata_length,
		 "{\"importedId\":\"1\",\"cloudevents\":{\"dataschema\":\"u:x\",\"other\":5}}");
}
END_TEST

struct wrong {
	uint32_t form;
	const char *text;
	const char *names;
};

static const struct wrong wrongs[] = {
	{1, "", "object"},
	{1, "{\"eventType\":\"T\"", "byte 16"},
	{1, "{}", "eventType is missing"},
	{1, "{\"eventType\":1}", "eventType is not a text"},
	{1, "{\"eventType\":\"a\\u0000b\"}", "NUL"},
	{1, "{\"eventType\":\"T\",\"eventType\":\"T\"}", "twice"},
	{1, "{\"eventType\":\"T\",\"evil\":1}", "\"evil\""},
	{1, "{\"eventType\":\"T\",\"eventId\":\"\"}", "eventId"},
	{1, "{\"eventType\":\"T\",\"eventVersion\":\"1\"}", "eventVersion"},
	{1, "{\"eventType\":\"T\",\"eventVersion\":\"01.0\"}", "eventVersion"},
	{1, "{\"eventType\":\"T\",\"eventVersion\":\"1.0 \"}", "eventVersion"},
	{1, "{\"eventType\":\"T\",\"eventVersion\":\"70000.0\"}", "eventVersion"},
	{1, "{\"eventType\":\"T\",\"eventVersion\":\"0.0\"}", "eventVersion"},
	{1, "{\"eventType\":\"T\",\"timestamp\":\"yesterday\"}", "timestamp"},
	{1, "{\"eventType\":\"T\",\"sequenceNumber\":\"7\"}", "sequenceNumber"},
	{1, "{\"eventType\":\"T\",\"sequenceNumber\":18446744073709551616}", "sequenceNumber"},
	{1, "{\"eventType\":\"T\",\"sequenceNumber\":-1}", "sequenceNumber"},
	{1, "{\"eventType\":\"T\",\"streamVersion\":1.5}", "streamVersion"},
	{1, "{\"eventType\":\"T\",\"hops\":256}", "hops"},
	{1, "{\"eventType\":\"T\",\"tags\":{}}", "tags"},
	{1, "{\"eventType\":\"T\",\"tags\":[1]}", "tags"},
	{1, "{\"eventType\":\"T\",\"tags\":[[]]}", "tags"},
	{1, "{\"eventType\":\"T\",\"tags\":[\"\\u0000\"]}", "tag"},
	{1, "{\"eventType\":\"T\",\"metadata\":[]}", "metadata"},
	{1, "{\"eventType\":\"T\",\"data\":1,\"data_base64\":\"\"}", "data_base64"},
	{1, "{\"eventType\":\"T\",\"data_base64\":\"A\"}", "base64"},
	{1, "{\"eventType\":\"T\",\"data\":1,\"contentType\":\"text/plain\"}", "contentType"},
	{1, "{\"eventType\":\"T\",\"severity\":\"BAD\"}", "severity"},
	{1, "{\"eventType\":\"T\",\"recordKind\":\"thing\"}", "recordKind"},
	{1, "{\"eventType\":\"T\",\"data\":{\"a\":1,\"a\":2}}", "strict JSON"},
	{2, "{\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", "specversion is missing"},
	{2, "{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", "specversion"},
	{2, "{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}", "id is missing"},
	{2, "{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}", "source is missing"},
	{2, CE "\"tags\":\"[\"}", "tags"},
	{2, CE "\"metadata\":\"[]\"}", "metadata"},
	{2, CE "\"metadata\":{}}", "metadata"},
	{2, CE "\"sequence\":\"\"}", "sequence"},
};

START_TEST(what_is_wrong_is_named)
{
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		int32_t rc = take(wrongs[i].form, wrongs[i].text);
		ck_assert_msg(rc < 0 && rc == why.code, "%s", wrongs[i].text);
		ck_assert_msg(strstr(why.message, wrongs[i].names), "%s: %s", wrongs[i].text, why.message);
	}
}
END_TEST

START_TEST(too_many_tags)
{
	char text[4096];
	for (int count = 255; count <= 256; count++) {
		int at = snprintf(text, sizeof text, "{\"eventType\":\"T\",\"tags\":[");
		for (int i = 0; i < count; i++)
			at += snprintf(text + at, sizeof text - (size_t)at, "%s\"t\"", i ? "," : "");
		snprintf(text + at, sizeof text - (size_t)at, "]}");
		ck_assert_int_eq(take(SKAFU_FORM_LINES, text), count == 255 ? 0 : SKAFU_ELIMIT);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recordread");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, every_member_of_the_envelope);
	tcase_add_test(all, a_foreign_id_is_hashed_and_kept);
	tcase_add_test(all, payloads);
	tcase_add_test(all, what_is_wrong_is_named);
	tcase_add_test(all, too_many_tags);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
