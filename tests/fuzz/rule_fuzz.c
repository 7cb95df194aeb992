/*
 * rule_fuzz.c: any bytes as patterns and events.
 *
 * The input is texts with a zero byte between them: the last is the event, the others are patterns.  A pattern is
 * taken or refused; the answer to an event is the same before and after the rules are indexed, alone and among
 * others, for a JSON text and for a record that carries it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "skafu_model.h"

#define FUZZ_RULES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
	if (!condition)
		abort();
}

static skafu_rules *new_rules(void)
{
	skafu_rules *rules;
	demand(skafu_rules_new(&rules, NULL) == 0);
	return rules;
}

/* Returns 1 when the rule matches, 0 when not or when the event is none. */
static int match_alone(const char *pattern, size_t length, const char *event, size_t event_length)
{
	skafu_rules *rules = new_rules();
	uint32_t number = 1;
	int32_t first = 0;
	demand(skafu_rules_add(rules, pattern, length, NULL, NULL) == 0);
	for (int round = 0; round < 6; round++) {
		int32_t found = skafu_rules_match_json(rules, event, event_length, &number, 1, NULL);
		demand(found == SKAFU_EJSON || found == 0 || (found == 1 && number == 0));
		demand(round == 0 || found == first);
		first = found;
	}
	skafu_rules_free(rules);
	return first == 1;
}

static void match_record(skafu_rules *rules, const char *event, size_t length, uint32_t flags)
{
	static const uint8_t id[16];
	skafu_record record = {.size = sizeof record, .kind = SKAFU_KIND_EVENT, .flags = flags};
	record.id = record.causation = id;
	record.stream = record.type = record.source = record.correlation = record.content_type = "a";
	record.tags = "a\0b";
	record.tag_count = 2;
	record.data = record.metadata = (const uint8_t *)event;
	record.data_length = (uint32_t)length;
	record.metadata_length = flags ? (uint32_t)length : 0;
	int32_t code = skafu_rules_match(rules, &record, NULL, 0, NULL);
	demand(code >= 0 || code == SKAFU_EJSON);
}

static int add(skafu_rules *rules, const char *pattern, size_t length)
{
	struct skafu_error error = {.code = 0};
	int32_t code = skafu_rules_add(rules, pattern, length, NULL, &error);
	demand(code == 0 || (code == SKAFU_EPATTERN && error.code == code && strstr(error.message, " byte ")));
	return code == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *patterns[FUZZ_RULES];
	size_t lengths[FUZZ_RULES];
	uint32_t numbers[FUZZ_RULES];
	int32_t count = 0;
	int32_t wanted = 0;
	const char *at = (const char *)data;
	const char *end = at + size;
	const char *zero;
	skafu_rules *rules = new_rules();
	while (at < end && count < FUZZ_RULES && (zero = memchr(at, 0, (size_t)(end - at))) != NULL) {
		if (add(rules, at, (size_t)(zero - at))) {
			patterns[count] = at;
			lengths[count++] = (size_t)(zero - at);
		}
		at = zero + 1;
	}
	size_t length = (size_t)(end - at);
	const char *event = length ? at : "";
	for (int32_t i = 0; i < count; i++)
		wanted += match_alone(patterns[i], lengths[i], event, length);
	for (int round = 0; round < 6; round++) {
		int32_t found = skafu_rules_match_json(rules, event, length, numbers, FUZZ_RULES, NULL);
		demand(found == wanted || (found == SKAFU_EJSON && wanted == 0));
	}
	match_record(rules, event, length, 0);
	match_record(rules, event, length, SKAFU_RECORD_IS_JSON);
	skafu_rules_free(rules);
	return 0;
}
