/*
 * cloudevent_test.c: the attributes of a CloudEvent,
	       and a source that is a URI reference for every name and gives the
 * name back.
 */
#include "store/cloudevent.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "util/suite.h"

static struct skafu__buf out;

static void set_up(void)
{
	skafu__buf_init(&out, skafu__sys_current(), 1u << 20);
}

static void tear_down(void)
{
	skafu__buf_done(&out);
}

static void encodes(const char *domain, const char *expected)
{
	skafu__buf_clear(&out);
	skafu__cloudevent_source_put(&out, domain);
	skafu__buf_put_u8(&out, 0);
	ck_assert_str_eq((const char *)out.bytes, expected);
	skafu__cloudevent_source_read((char *)out.bytes);
	ck_assert_str_eq((const char *)out.bytes, domain);
}

START_TEST(a_source_is_a_uri_reference)
{
	encodes("order", "order");
	encodes("my domain", "my%20domain");
	encodes("caf\xc3\xa9", "caf%C3%A9");
	encodes("100%", "100%25");
	encodes("a%20b", "a%2520b");
	encodes("https://x.example/a?b=c", "https://x.example/a?b=c");
	encodes("https://x.example:80/#f", "https://x.example%3A80/%23f");
	encodes("1a:b", "1a%3Ab");
	encodes("/a:b", "/a%3Ab");
	encodes("//host:x", "/%2Fhost%3Ax");
	encodes("[\"\\]", "%5B%22%5C%5D");
}
END_TEST

START_TEST(what_is_no_percent_encoding_stays)
{
	char text[] = "%, %4, %4g, %00, %41%6a";
	skafu__cloudevent_source_read(text);
	ck_assert_str_eq(text, "%, %4, %4g, %00, Aj");
}
END_TEST

START_TEST(the_attributes_of_an_event)
{
	static const uint8_t id[16] = {0x01, 0x8f, 0x33, 0x44, 0x55, 0x66, 0x70, 0x88,
				       0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01};
	skafu_record record = {.size = sizeof record, .kind = SKAFU_KIND_EVENT, .flags = SKAFU_RECORD_IS_JSON,
			       .event_version = 1u << 16, .sequence = 7, .stream_version = 2, .id = id,
				       .causation = id,
			       .stream = "order-1", .type = "Placed", .source = "orders", .correlation = "c",
			       .content_type = "application/json", .tags = "a\0\"b", .tag_count = 2,
			       .data = (const uint8_t *)"{}", .data_length = 2,
			       .metadata = (const uint8_t *)"{\"m\":1}", .metadata_length = 7, .hops = 3};
	ck_assert_int_eq(skafu__cloudevent_put(&out, &record), 0);
	skafu__buf_put_u8(&out, 0);
	ck_assert_str_eq((const char *)out.bytes,
			 "{\"specversion\":\"1.0\",\"id\":\"018f3344-5566-7088-99aa-bbccddeeff01\","
				       "\"source\":\"orders\","
			 "\"type\":\"Placed\",\"subject\":\"order-1\",\"time\":\"1970-01-01T00:00:00Z\","
			 "\"datacontenttype\":\"application/json\",\"sequence\":\"7\",\"streamversion\":\"2\","
			 "\"eventversion\":\"1.0\",\"correlationid\":\"c\","
			 "\"causationid\":\"018f3344-5566-7088-99aa-bbccddeeff01\",\"hops\":\"3\","
			 "\"tags\":\"[\\\"a\\\",\\\"\\\\\\\"b\\\"]\",\"metadata\":\"{\\\"m\\\":1}\",\"data\":{}}");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cloudevent");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, a_source_is_a_uri_reference);
	tcase_add_test(all, what_is_no_percent_encoding_stays);
	tcase_add_test(all, the_attributes_of_an_event);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
