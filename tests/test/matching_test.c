/*
 * matching_test.c: each part of a record that can differ, and that only what is given is compared.
 */
#include <check.h>
#include <string.h>

#include "test/matching.h"
#include "util/suite.h"

static struct skafu__kit_text text;
static skafu_record found;
static const uint8_t id[16] = {1};
static const uint8_t none[16];

static void setup(void)
{
	memset(&text, 0, sizeof(text));
	found = (skafu_record){.size = sizeof(found), .kind = SKAFU_KIND_EVENT, .flags = SKAFU_RECORD_IS_JSON,
			       .event_version = 1u << 16, .time_ns = 5, .id = id, .causation = none, .stream = "s",
			       .type = "T", .source = "d", .correlation = "c", .content_type = "application/json",
			       .tags = "a:1\0b:2", .tag_count = 2, .data = (const uint8_t *)"{\"n\":1}",
			       .data_length = 7, .metadata = (const uint8_t *)"{\"m\":1,\"skafu\":{\"key\":\"k\"}}",
			       .metadata_length = 27, .hops = 1};
}

static void teardown(void)
{
	skafu__kit_text_done(&text);
}

static void says(const skafu_new_record *expected, const char *words)
{
	skafu__kit_text_clear(&text);
	ck_assert_uint_eq(skafu__kit_match_record(&text, expected, &found), words != NULL);
	if (words)
		ck_assert_str_eq(text.bytes, words);
}

START_TEST(only_what_is_given)
{
	const skafu_new_record nothing = {.size = sizeof(nothing)};
	const skafu_new_record all = {.size = sizeof(all), .flags = SKAFU_RECORD_TIME, .kind = SKAFU_KIND_EVENT,
				      .event_version = 1u << 16, .stream = "s", .type = "T", .source = "d",
				      .content_type = "application/json", .data = " {\"n\":1.0}", .data_length = 10,
				      .metadata = "{\"m\":1}", .metadata_length = 7,
				      .tags = (const char *const[]){"b:2", "a:1"}, .tag_count = 2, .id = id,
				      .causation = none, .correlation = "c", .time_ns = 5, .hops = 1};

	says(&nothing, NULL);
	says(&all, NULL);
}
END_TEST

#define WITH(...) &(const skafu_new_record){.size = sizeof(skafu_new_record), __VA_ARGS__}

START_TEST(each_part)
{
	static const uint8_t other[16] = {2};

	says(WITH(.type = "U"), "\n  type: expected U, found T");
	says(WITH(.kind = SKAFU_KIND_COMMAND), "\n  kind: expected command, found event");
	says(WITH(.stream = "t"), "\n  stream: expected t, found s");
	says(WITH(.source = "e"), "\n  source: expected e, found d");
	says(WITH(.content_type = "text/plain"), "\n  content type: expected text/plain, found application/json");
	says(WITH(.event_version = 1u << 16 | 2), "\n  version: expected 1.2, found 1.0");
	says(WITH(.data = "{\"n\":2}", .data_length = 7), "\n  data:\n  at /n: expected 2, found 1");
	says(WITH(.metadata = "{\"m\":2}", .metadata_length = 7), "\n  metadata:\n  at /m: expected 2, found 1");
	says(WITH(.tags = (const char *const[]){"a:1"}, .tag_count = 1), "\n  tags: not expected b:2, found it");
	says(WITH(.tags = (const char *const[]){"a:1", "b:2", "c:3"}, .tag_count = 3),
	     "\n  tags: expected c:3, found no such tag");
	says(WITH(.correlation = "x"), "\n  correlation: expected x, found c");
	says(WITH(.id = other), "\n  id: expected 02000000-0000-0000-0000-000000000000, found "
				"01000000-0000-0000-0000-000000000000");
	says(WITH(.causation = id), "\n  causation: expected 01000000-0000-0000-0000-000000000000, found "
				    "00000000-0000-0000-0000-000000000000");
	says(WITH(.hops = 2), "\n  hops: expected 2, found 1");
	says(WITH(.flags = SKAFU_RECORD_TIME), "\n  time: expected 1970-01-01T00:00:00Z, found "
					       "1970-01-01T00:00:00.000000005Z");
}
END_TEST

START_TEST(bytes_that_are_no_document)
{
	found.flags = 0;
	found.content_type = "text/plain";
	says(WITH(.data = "{\"n\":1}", .data_length = 7), NULL);
	says(WITH(.data = "{\"n\": 1}", .data_length = 8), "\n  data: expected {\"n\": 1}, found {\"n\":1}");
}
END_TEST

START_TEST(no_metadata)
{
	found.metadata_length = 0;
	says(WITH(.metadata = "{\"m\":1}", .metadata_length = 7),
	     "\n  metadata:\n  at /m: expected 1, found nothing");
}
END_TEST

START_TEST(commands)
{
	skafu_command command = {.size = sizeof(command), .type = "T", .domain = "d", .key = "k"};

	found.kind = SKAFU_KIND_COMMAND;
	ck_assert_uint_eq(skafu__kit_match_command(&text, &command, &found), 0);
	command.key = "l";
	ck_assert_uint_eq(skafu__kit_match_command(&text, &command, &found), 1);
	ck_assert_str_eq(text.bytes, "\n  key: expected l, found k");
	skafu__kit_text_clear(&text);
	command.key = NULL;
	command.flags = SKAFU_COMMAND_EXPIRES;
	command.expires_ns = 1000000000;
	ck_assert_uint_eq(skafu__kit_match_command(&text, &command, &found), 1);
	ck_assert_str_eq(text.bytes, "\n  expires: expected 1970-01-01T00:00:01Z, found 1970-01-01T00:00:00Z");
}
END_TEST

START_TEST(records_in_words)
{
	skafu__kit_say_record(&text, &found);
	ck_assert_str_eq(text.bytes, "the event T of stream s with {\"n\":1}");
	skafu__kit_text_clear(&text);
	skafu__kit_say_expected(&text, WITH(.kind = SKAFU_KIND_COMMAND));
	ck_assert_str_eq(text.bytes, "a command");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("matching");
	TCase *tests = tcase_create("matching");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, only_what_is_given);
	tcase_add_test(tests, each_part);
	tcase_add_test(tests, bytes_that_are_no_document);
	tcase_add_test(tests, no_metadata);
	tcase_add_test(tests, commands);
	tcase_add_test(tests, records_in_words);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
