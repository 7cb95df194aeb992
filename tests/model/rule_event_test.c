/*
 * rule_event_test.c: records as rules see them: as their exported form.
 */
#include "model/rule_event.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/rulekit.h"
#include "store/recordjson.h"
#include "util/suite.h"

static const char *const record_patterns[] = {
	"{\"eventId\":[\"018f0000-0000-7000-8000-000000000001\"]}",
	"{\"eventType\":[{\"prefix\":\"Order\"}]}",
	"{\"eventVersion\":[\"1.0\"]}",
	"{\"source\":[\"orders\"]}",
	"{\"timestamp\":[{\"prefix\":\"2025-01-18T\"}]}",
	"{\"sequenceNumber\":[{\"numeric\":[\">\",41]}]}",
	"{\"streamId\":[{\"wildcard\":\"order-*\"}]}",
	"{\"streamVersion\":[7]}",
	"{\"correlationId\":[\"corr-9\"]}",
	"{\"causationId\":[{\"exists\":true}]}",
	"{\"tags\":[\"region:eu\"]}",
	"{\"tags\":[\"region:us\"]}",
	"{\"metadata\":{\"user\":[\"eve\"]}}",
	"{\"data\":{\"amount\":[{\"numeric\":[\">\",1]}]},\"tags\":[{\"prefix\":\"customer:\"}]}",
	"{\"data\":[5]}",
	"{\"data_base64\":[{\"exists\":true}]}",
	"{\"data_base64\":[\"eyJhbW91bnQiOjJ9\"]}",
	"{\"severity\":[\"ERROR\"]}",
	"{\"severity\":[{\"exists\":false}]}",
	"{\"data\":{\"amount\":[{\"exists\":false}]}}",
	"{\"kind\":[{\"exists\":true}]}",
};

/* A record matches as its exported form does. */
START_TEST(records_match_as_their_exported_form)
{
	static const char *const payloads[] = {"{\"amount\":2}", "{\"amount\":[0,{\"amount\":9}]}", "5", "[5,6]", ""};
	uint32_t as_record[32];
	uint32_t as_json[32];
	skafu_rules *rules;
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	for (size_t i = 0; i < COUNT(record_patterns); i++)
		add(rules, record_patterns[i]);
	for (unsigned variant = 0; variant < 4 * 2 * 5; variant++) {
		skafu_record record = make_record(1 + variant % 4, payloads[variant / 8], variant / 4 % 2);
		struct skafu__buf text;
		skafu__buf_init(&text, skafu__sys_current(), SIZE_MAX);
		ck_assert_int_eq(skafu__recordjson_put(&text, &record), 0);
		int32_t found = skafu_rules_match(rules, &record, as_record, COUNT(as_record), NULL);
		ck_assert_int_eq(found, skafu_rules_match_json(rules, (const char *)text.bytes, text.length, as_json,
							       COUNT(as_json), NULL));
		ck_assert_int_gt(found, 5);
		ck_assert_mem_eq(as_record, as_json, (size_t)found * sizeof *as_json);
		skafu__buf_done(&text);
	}
	skafu_record event = make_record(SKAFU_KIND_EVENT, "{\"amount\":2}", 1);
	/* all but tags us, data 5, base64 twice, severity, amount absent, kind */
	ck_assert_int_eq(skafu_rules_match(rules, &event, as_record, 3, NULL), 14);
	ck_assert(as_record[0] == 0 && as_record[1] == 1 && as_record[2] == 2);
	event.data = (const uint8_t *)"{\"amount\":[";
	event.data_length = 11;
	ck_assert_int_eq(skafu_rules_match(rules, &event, NULL, 0, NULL), SKAFU_EJSON);
	skafu_rules_free(rules);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule_event");
	TCase *records = tcase_create("records");
	tcase_add_test(records, records_match_as_their_exported_form);
	tcase_set_timeout(records, 60);
	suite_add_tcase(suite, records);
	return suite_run(suite);
}
