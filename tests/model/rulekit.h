/*
 * rulekit.h: what the tests of rules share: adding, matching, a record, time used.  For test programs of one file.
 */
#ifndef SKAFU_TESTS_RULEKIT_H
#define SKAFU_TESTS_RULEKIT_H

#include <check.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "skafu_model.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static inline int32_t match_json(skafu_rules *rules, const char *event, uint32_t *numbers, uint32_t max)
{
	return skafu_rules_match_json(rules, event, strlen(event), numbers, max, NULL);
}

static inline uint32_t add(skafu_rules *rules, const char *pattern)
{
	skafu_error *error;
	uint32_t number = UINT32_MAX;
	ck_assert_int_eq(skafu_error_new(&error), 0);
	int32_t code = skafu_rules_add(rules, pattern, strlen(pattern), &number, error);
	ck_assert_msg(code == 0, "%s: %s", pattern, skafu_error_message(error));
	skafu_error_free(error);
	return number;
}

static inline double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline skafu_record make_record(uint32_t kind, const char *data, int is_json)
{
	static const uint8_t id_bytes[16] = {0x01, 0x8f, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1};
	skafu_record record = {.size = sizeof record, .kind = kind, .flags = is_json ? SKAFU_RECORD_IS_JSON : 0};
	record.event_version = 1u << 16;
	record.sequence = 42;
	record.stream_version = 7;
	record.time_ns = 1737196200123000000;
	record.id = id_bytes;
	record.causation = id_bytes;
	record.stream = "order-1";
	record.type = "OrderPlaced";
	record.source = "orders";
	record.correlation = "corr-9";
	record.content_type = "application/json";
	record.tags = "customer:1\0region:eu";
	record.tag_count = 2;
	record.severity = SKAFU_SEVERITY_ERROR;
	record.data = (const uint8_t *)data;
	record.data_length = (uint32_t)strlen(data);
	record.metadata = (const uint8_t *)"{\"user\":\"eve\"}";
	record.metadata_length = 14;
	return record;
}

#endif
