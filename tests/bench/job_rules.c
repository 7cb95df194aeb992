/*
 * The rule job, of libskafu alone: what it costs to find the rules that match an event, of `streams` rules. Each rule
 * names one of 25 types and has a condition on the payload, of one operator after the other; an event matches the
 * one that was made for its number, in a small set as in a large one.
 */
#include "bench/job.h"

#include <stdio.h>
#include <string.h>

#include "skafu_model.h"

#define RULE_OPERATORS 8
#define RULE_TYPES 25
#define RULE_TURNS 9

static int rule_condition(char *text, size_t room, uint32_t i)
{
	switch (i % RULE_OPERATORS) {
	case 0: return snprintf(text, room, "\"customer\":[\"c-%u\"]", i);
	case 1: return snprintf(text, room, "\"path\":[{\"prefix\":\"/tenant/%u/\"}]", i);
	case 2: return snprintf(text, room, "\"file\":[{\"suffix\":\"-%u.png\"}]", i);
	case 3: return snprintf(text, room, "\"amount\":[{\"numeric\":[\">=\",%u,\"<\",%u]}]", i, i + 1);
	case 4: return snprintf(text, room, "\"name\":[{\"equals-ignore-case\":\"User%u\"}]", i);
	case 5: return snprintf(text, room, "\"url\":[{\"wildcard\":\"https://%u.example/*/edit\"}]", i);
	case 6: return snprintf(text, room, "\"amount\":[%u]", i);
	default: return snprintf(text, room, "\"customer\":[\"c-%u\"],\"state\":[{\"anything-but\":\"closed\"}]", i);
	}
}

static int32_t rules_fill(skafu_rules *rules, uint32_t count)
{
	char text[300], condition[200];
	uint32_t i, number;
	int32_t rc = 0;

	for (i = 0; rc == 0 && i < count; i++) {
		int length;

		rule_condition(condition, sizeof(condition), i);
		length = snprintf(text, sizeof(text), "{\"eventType\":[\"Type%u\"],\"data\":{%s}}", i % RULE_TYPES,
			condition);
		rc = skafu_rules_add(rules, text, (size_t)length, &number, NULL);
	}
	return rc;
}

/* Events of the numbers that both sets have rules for. */
#define RULE_EVENTS 10

struct rule_event {
	char type[16];
	char data[300];
	skafu_record record;
};

static void rules_make_event(struct rule_event *event, uint32_t key)
{
	static const uint8_t id[16] = {0x01, 0x8f, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1};
	int length = snprintf(event->data, sizeof(event->data),
		"{\"customer\":\"c-%u\",\"path\":\"/tenant/%u/x\",\"file\":\"img-%u.png\",\"amount\":%u,"
		"\"name\":\"uSER%u\",\"url\":\"https://%u.example/a/edit\",\"state\":\"open\"}",
		key, key, key, key, key, key);

	snprintf(event->type, sizeof(event->type), "Type%u", key % RULE_TYPES);
	event->record = (skafu_record){.size = sizeof(event->record), .kind = SKAFU_KIND_EVENT,
		.flags = SKAFU_RECORD_IS_JSON, .event_version = 1u << 16, .sequence = 1, .stream_version = 1,
		.stream = "s", .source = "a", .correlation = "c", .content_type = "application/json", .tags = ""};
	event->record.id = event->record.causation = id;
	event->record.type = event->type;
	event->record.data = (const uint8_t *)event->data;
	event->record.data_length = (uint32_t)length;
	event->record.metadata = (const uint8_t *)"";
}

static int64_t rules_turn(skafu_rules *rules, const struct rule_event *events, uint64_t count)
{
	int64_t matches = 0;
	uint64_t i;

	for (i = 0; i < count; i++) {
		int32_t found = skafu_rules_match(rules, &events[i % RULE_EVENTS].record, NULL, 0, NULL);

		if (found <= 0)
			return -1; /* every event was made to match */
		matches += found;
	}
	return matches;
}

/* The least of several turns by the clock of the processor: what others do at the same time is not asked. */
int bench_rules_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	struct rule_event events[RULE_EVENTS];
	skafu_rules *rules = NULL;
	uint64_t least = UINT64_MAX;
	uint32_t i;
	int failed = skafu_rules_new(&rules, NULL) != 0 || rules_fill(rules, job->streams) != 0;

	for (i = 0; i < RULE_EVENTS; i++)
		rules_make_event(&events[i], i);
	for (i = 0; !failed && i < RULE_TURNS; i++) {
		uint64_t start = bench_cpu_ns(), took;

		failed = rules_turn(rules, events, job->events) < 0;
		took = bench_cpu_ns() - start;
		least = took < least ? took : least;
	}
	skafu_rules_free(rules);
	figures[RULES_EVENT_US] = (double)least / 1e3 / (double)job->events;
	return failed ? -1 : 0;
}
