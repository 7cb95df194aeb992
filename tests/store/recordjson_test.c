/*
 * recordjson_test.c: the exported form of a record has exactly the fields of the contract, in order, is strict JSON,
 * and carries the payload byte for byte.
 */
#include "skafu_store.h"

#include <cjson/cJSON.h>
#include <check.h>
#include <string.h>

#include "base/sys.h"
#include "codec/json.h"
#include "util/suite.h"

static const uint8_t id[16] = {0x01, 0x8f, 0x33, 0x44, 0x55, 0x66, 0x70, 0x88,
				0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01};
static const uint8_t nil[16];

static skafu_record an_event(void)
{
	skafu_record record = {.size = sizeof record,
			       .kind = SKAFU_KIND_EVENT,
			       .flags = SKAFU_RECORD_IS_JSON,
			       .event_version = 2u << 16 | 1,
			       .sequence = 7,
			       .commit = 3,
			       .stream_version = 4,
			       .time_ns = INT64_C(1737196200123000000),
			       .recorded_ns = 5,
			       .id = id,
			       .causation = nil,
			       .stream = "project-\"1\"",
			       .type = "ProjectCreated",
			       .source = "project",
			       .correlation = "req-12345",
			       .content_type = "application/json",
			       .tags = "a\0b\0",
			       .tag_count = 2,
			       .data = (const uint8_t *)"{\"n\": 9007199254740993}",
			       .data_length = 23};
	record.metadata = (const uint8_t *)"";
	return record;
}

static void check_text(const skafu_record *record, const char *expected)
{
	char *text;
	size_t length;
	struct skafu__json_fault fault;
	ck_assert_int_eq(skafu_record_to_json(record, &text, &length, NULL), 0);
	ck_assert_uint_eq(strlen(text), length);
	ck_assert_str_eq(text, expected);
	ck_assert_int_eq(skafu__json_check(skafu__sys_current(), text, length, SKAFU__JSON_DEPTH_MAX, &fault), 0);
	cJSON *tree = cJSON_Parse(text);
	ck_assert_ptr_nonnull(tree);
	cJSON_Delete(tree);
	skafu_text_free(text);
}

START_TEST(an_event_has_the_fields_in_order)
{
	skafu_record record = an_event();
	check_text(&record,
		   "{\"eventId\":\"018f3344-5566-7088-99aa-bbccddeeff01\",\"eventType\":\"ProjectCreated\","
		   "\"eventVersion\":\"2.1\",\"source\":\"project\",\"timestamp\":\"2025-01-18T10:30:00.123Z\","
		   "\"sequenceNumber\":7,\"streamId\":\"project-\\\"1\\\"\",\"streamVersion\":4,"
		   "\"correlationId\":\"req-12345\",\"tags\":[\"a\",\"b\"],\"data\":{\"n\": 9007199254740993}}");
}
END_TEST

START_TEST(an_error_has_a_severity_and_no_stream)
{
	skafu_record record = an_event();
	record.kind = SKAFU_KIND_ERROR;
	record.severity = SKAFU_SEVERITY_CRITICAL;
	record.stream = "";
	record.stream_version = 0;
	record.tag_count = 0;
	record.tags = "";
	record.causation = id;
	record.metadata = (const uint8_t *)"{\"m\":1}";
	record.metadata_length = 7;
	char *text;
	size_t length;
	ck_assert_int_eq(skafu_record_to_json(&record, &text, &length, NULL), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"severity\":\"CRITICAL\""));
	ck_assert_ptr_nonnull(strstr(text, "\"causationId\":\"018f3344-5566-7088-99aa-bbccddeeff01\""));
	ck_assert_ptr_nonnull(strstr(text, "\"metadata\":{\"m\":1}"));
	ck_assert_ptr_null(strstr(text, "streamId"));
	skafu_text_free(text);
}
END_TEST

START_TEST(what_is_no_json_is_base64)
{
	skafu_record record = an_event();
	char *text;
	size_t length;
	record.flags = 0;
	record.content_type = "application/octet-stream";
	record.data = (const uint8_t *)"\xff\x00\x01z";
	record.data_length = 4;
	ck_assert_int_eq(skafu_record_to_json(&record, &text, &length, NULL), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"data_base64\":\"/wABeg==\""));
	ck_assert_ptr_null(strstr(text, "\"data\":"));
	skafu_text_free(text);
}
END_TEST

START_TEST(mistakes_are_refused)
{
	skafu_record record = an_event();
	char *text;
	size_t length;
	ck_assert_int_eq(skafu_record_to_json(NULL, &text, &length, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_record_to_json(&record, NULL, &length, NULL), SKAFU_EINVAL);
	skafu_text_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recordjson");
	TCase *all = tcase_create("all");
	tcase_add_test(all, an_event_has_the_fields_in_order);
	tcase_add_test(all, an_error_has_a_severity_and_no_stream);
	tcase_add_test(all, what_is_no_json_is_base64);
	tcase_add_test(all, mistakes_are_refused);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
