#include "test/matching.h"

#include <inttypes.h>
#include <string.h>

#include "test/jsondiff.h"

#define MATCHING_KEY_BYTES 256u

/* ---- saying -------------------------------------------------------------------------------------------------- */

static const char *matching_kind(uint32_t kind)
{
	static const char *const names[] = {"event", "event", "command", "error", "outcome"};
	return kind < sizeof names / sizeof *names ? names[kind] : "record";
}

void skafu__kit_say_record(struct skafu__kit_text *text, const skafu_record *record)
{
	skafu__kit_text_say(text, "the %s %s", matching_kind(record->kind), record->type);
	if (record->stream[0])
		skafu__kit_text_say(text, " of stream %s", record->stream);
	skafu__kit_text_say(text, " with ");
	skafu__kit_text_value(text, record->data, record->data_length);
}

void skafu__kit_say_expected(struct skafu__kit_text *text, const skafu_new_record *record)
{
	if (record->type)
		skafu__kit_text_say(text, "the %s %s", matching_kind(record->kind), record->type);
	else
		skafu__kit_text_say(text, "%s %s", record->kind == SKAFU_KIND_COMMAND ? "a" : "an",
				    matching_kind(record->kind));
	if (record->stream)
		skafu__kit_text_say(text, " of stream %s", record->stream);
	if (!record->data)
		return;
	skafu__kit_text_say(text, " with ");
	skafu__kit_text_value(text, record->data, record->data_length);
}

/* ---- parts --------------------------------------------------------------------------------------------------- */

static unsigned matching_text(struct skafu__kit_text *text, const char *what, const char *expected,
			      const char *found)
{
	if (!expected || strcmp(expected, found) == 0)
		return 0;
	skafu__kit_text_say(text, "\n  %s: expected %s, found %s", what, expected, found[0] ? found : "none");
	return 1;
}

static unsigned matching_number(struct skafu__kit_text *text, const char *what, uint32_t expected, uint32_t found)
{
	if (expected == 0 || expected == found)
		return 0;
	skafu__kit_text_say(text, "\n  %s: expected %" PRIu32 ", found %" PRIu32, what, expected, found);
	return 1;
}

static unsigned matching_version(struct skafu__kit_text *text, uint32_t expected, uint32_t found)
{
	if (expected == 0 || expected == found)
		return 0;
	skafu__kit_text_say(text, "\n  version: expected %u.%u, found %u.%u", expected >> 16, expected & 0xffff,
			    found >> 16, found & 0xffff);
	return 1;
}

static unsigned matching_time(struct skafu__kit_text *text, const char *what, int64_t expected, int64_t found)
{
	char one[SKAFU_TIME_TEXT_BYTES];
	char other[SKAFU_TIME_TEXT_BYTES];
	if (expected == found)
		return 0;
	skafu_time_format(expected, one);
	skafu_time_format(found, other);
	skafu__kit_text_say(text, "\n  %s: expected %s, found %s", what, one, other);
	return 1;
}

static unsigned matching_id(struct skafu__kit_text *text, const char *what, const uint8_t *expected,
			    const uint8_t *found)
{
	char one[SKAFU_ID_TEXT_BYTES];
	char other[SKAFU_ID_TEXT_BYTES];
	if (!expected || memcmp(expected, found, SKAFU_ID_BYTES) == 0)
		return 0;
	skafu_id_format(expected, one);
	skafu_id_format(found, other);
	skafu__kit_text_say(text, "\n  %s: expected %s, found %s", what, one, other);
	return 1;
}

static unsigned matching_bytes(struct skafu__kit_text *text, const char *what, const void *expected,
			       size_t expected_length, const void *found, size_t found_length)
{
	if (expected_length == found_length && memcmp(expected, found, found_length) == 0)
		return 0;
	skafu__kit_text_say(text, "\n  %s: expected ", what);
	skafu__kit_text_value(text, expected, expected_length);
	skafu__kit_text_say(text, ", found ");
	skafu__kit_text_value(text, found, found_length);
	return 1;
}

/* ---- documents ----------------------------------------------------------------------------------------------- */

static unsigned matching_json(struct skafu__kit_text *text, const char *what, const void *expected,
			      size_t expected_length, const void *found, size_t found_length, int some_members)
{
	struct skafu__kit_text lines = {0};
	unsigned count = skafu__kit_json_diff(&lines, expected, expected_length, found, found_length, some_members);
	if (count != 0) {
		skafu__kit_text_say(text, "\n  %s:", what);
		if (lines.length == 0)
			skafu__kit_text_say(text, " expected a document, found nothing");
		skafu__kit_text_put(text, lines.bytes ? lines.bytes : "", lines.length);
	}
	if (lines.failed)
		text->failed = lines.failed;
	skafu__kit_text_done(&lines);
	return count;
}

static unsigned matching_data(struct skafu__kit_text *text, const skafu_new_record *expected,
			      const skafu_record *found)
{
	int is_json = (found->flags & SKAFU_RECORD_IS_JSON) &&
		      (!expected->content_type || strcmp(expected->content_type, found->content_type) == 0);
	if (!expected->data)
		return 0;
	if (is_json)
		return matching_json(text, "data", expected->data, expected->data_length, found->data,
				     found->data_length, 0);
	return matching_bytes(text, "data", expected->data, expected->data_length, found->data, found->data_length);
}

/* The library puts members of its own beside those of the host. */
static unsigned matching_metadata(struct skafu__kit_text *text, const skafu_new_record *expected,
				  const skafu_record *found)
{
	if (!expected->metadata)
		return 0;
	if (found->metadata_length == 0)
		return matching_json(text, "metadata", expected->metadata, expected->metadata_length, "{}", 2, 1);
	return matching_json(text, "metadata", expected->metadata, expected->metadata_length, found->metadata,
			     found->metadata_length, 1);
}

/* ---- tags ---------------------------------------------------------------------------------------------------- */

static int matching_has_tag(const skafu_record *record, const char *tag)
{
	for (uint32_t i = 0; i < record->tag_count; i++)
		if (strcmp(skafu_record_tag(record, i), tag) == 0)
			return 1;
	return 0;
}

static int matching_expects_tag(const skafu_new_record *expected, const char *tag)
{
	for (size_t i = 0; i < expected->tag_count; i++)
		if (strcmp(expected->tags[i], tag) == 0)
			return 1;
	return 0;
}

/* All tags, in any order. */
static unsigned matching_tags(struct skafu__kit_text *text, const skafu_new_record *expected,
			      const skafu_record *found)
{
	unsigned count = 0;
	if (expected->tag_count == 0)
		return 0;
	for (size_t i = 0; i < expected->tag_count; i++) {
		if (matching_has_tag(found, expected->tags[i]))
			continue;
		skafu__kit_text_say(text, "\n  tags: expected %s, found no such tag", expected->tags[i]);
		count++;
	}
	for (uint32_t i = 0; i < found->tag_count; i++) {
		const char *tag = skafu_record_tag(found, i);
		if (matching_expects_tag(expected, tag))
			continue;
		skafu__kit_text_say(text, "\n  tags: not expected %s, found it", tag);
		count++;
	}
	return count;
}

/* ---- whole --------------------------------------------------------------------------------------------------- */

unsigned skafu__kit_match_record(struct skafu__kit_text *text, const skafu_new_record *expected,
				 const skafu_record *found)
{
	const char *kind = matching_kind(expected->kind);
	unsigned count = matching_text(text, "kind", kind, matching_kind(found->kind));
	count += matching_text(text, "type", expected->type, found->type);
	if (count != 0)
		return count; /* all else would differ with it */
	count += matching_text(text, "stream", expected->stream, found->stream);
	count += matching_text(text, "source", expected->source, found->source);
	count += matching_text(text, "content type", expected->content_type, found->content_type);
	count += matching_version(text, expected->event_version, found->event_version);
	count += matching_data(text, expected, found);
	count += matching_metadata(text, expected, found);
	count += matching_tags(text, expected, found);
	count += matching_text(text, "correlation", expected->correlation, found->correlation);
	count += matching_id(text, "id", expected->id, found->id);
	count += matching_id(text, "causation", expected->causation, found->causation);
	count += matching_number(text, "hops", expected->hops, found->hops);
	if (expected->flags & SKAFU_RECORD_TIME)
		count += matching_time(text, "time", expected->time_ns, found->time_ns);
	return count;
}

void skafu__kit_command_record(const skafu_command *command, skafu_new_record *out)
{
	*out = (skafu_new_record){.size = sizeof *out, .kind = SKAFU_KIND_COMMAND, .type = command->type,
				  .stream = command->stream, .source = command->domain,
				  .content_type = command->content_type, .data = command->data,
				  .data_length = command->data_length, .metadata = command->metadata,
				  .metadata_length = command->metadata_length, .tags = command->tags,
				  .tag_count = command->tag_count, .id = command->id,
				  .causation = command->causation, .correlation = command->correlation};
}

unsigned skafu__kit_match_command(struct skafu__kit_text *text, const skafu_command *expected,
				  const skafu_record *found)
{
	skafu_new_record record;
	char key[MATCHING_KEY_BYTES] = "";
	int64_t expires_ns = 0;
	skafu__kit_command_record(expected, &record);
	unsigned count = skafu__kit_match_record(text, &record, found);
	if (found->kind != SKAFU_KIND_COMMAND)
		return count;
	if (found->metadata_length != 0) {
		skafu_json_text(found->metadata, found->metadata_length, "/skafu/key", sizeof key, key, NULL);
		skafu_json_int64(found->metadata, found->metadata_length, "/skafu/expires", &expires_ns, NULL);
	}
	count += matching_text(text, "key", expected->key, key);
	if (expected->flags & SKAFU_COMMAND_EXPIRES)
		count += matching_time(text, "expires", expected->expires_ns, expires_ns);
	return count;
}
