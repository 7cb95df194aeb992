#include "run/timerrow.h"

#include <string.h>

#include "base/bytes.h"
#include "base/ident.h"
#include "codec/hash.h"

#define TIMERROW_FORM 1u
#define TIMERROW_TEXTS 8u

#define TIMERROW_HAS_CAUSATION 0x1u
#define TIMERROW_HAS_STREAM 0x2u
#define TIMERROW_HAS_TIME 0x4u
#define TIMERROW_HAS_CORRELATION 0x8u

const char skafu__timer_table[] = "skafu.timers";
const char skafu__timer_name_table[] = "skafu.timer_names";

void skafu__timer_id(const struct skafu__timer_name *name, uint8_t out[16])
{
	static const char purpose[] = "skafu timer 1";
	const struct skafu__part parts[] = {{purpose, sizeof purpose}, {name->owner, strlen(name->owner)},
					    {name->instance, strlen(name->instance)},
					    {name->name, strlen(name->name)}};
	skafu__blake2b(out, 16, parts, 4);
}

/* ---- keys and settings --------------------------------------------------------------------------------------- */

void skafu__timer_setting_encode(const struct skafu__timer_setting *setting,
				 uint8_t out[SKAFU__TIMER_NAME_ROW_BYTES])
{
	out[0] = TIMERROW_FORM;
	skafu__store_u64(out + 1, (uint64_t)setting->due_ns);
	memcpy(out + 9, setting->record_id, 16);
}

int skafu__timer_setting_decode(const void *value, size_t length, struct skafu__timer_setting *out)
{
	const uint8_t *bytes = value;
	if (length != SKAFU__TIMER_NAME_ROW_BYTES || bytes[0] != TIMERROW_FORM)
		return 0;
	out->due_ns = (int64_t)skafu__load_u64(bytes + 1);
	memcpy(out->record_id, bytes + 9, 16);
	return 1;
}

void skafu__timer_key_encode(int64_t due_ns, const uint8_t id[16], uint8_t out[SKAFU__TIMER_KEY_BYTES])
{
	skafu__store_u64_be(out, (uint64_t)due_ns ^ (UINT64_C(1) << 63));
	memcpy(out + 8, id, 16);
}

int skafu__timer_key_decode(const void *key, size_t length, int64_t *out_due_ns, uint8_t out_id[16])
{
	if (length != SKAFU__TIMER_KEY_BYTES)
		return 0;
	*out_due_ns = (int64_t)(skafu__load_u64_be(key) ^ (UINT64_C(1) << 63));
	memcpy(out_id, (const uint8_t *)key + 8, 16);
	return 1;
}

/* ---- the record to be ---------------------------------------------------------------------------------------- */

static uint8_t timerrow_flags(const skafu_new_record *record)
{
	uint32_t flags = record->causation ? TIMERROW_HAS_CAUSATION : 0;
	if (record->stream)
		flags |= TIMERROW_HAS_STREAM;
	if (record->time_ns != 0 || (record->flags & SKAFU_RECORD_TIME))
		flags |= TIMERROW_HAS_TIME;
	if (record->correlation)
		flags |= TIMERROW_HAS_CORRELATION;
	return (uint8_t)flags;
}

static size_t timerrow_tag_bytes(const skafu_new_record *record)
{
	size_t bytes = 0;
	for (size_t i = 0; i < record->tag_count; i++)
		bytes += strlen(record->tags[i]) + 1;
	return bytes;
}

static const char *timerrow_or_empty(const char *text)
{
	return text ? text : "";
}

static void timerrow_put_id(struct skafu__buf *out, const uint8_t *id)
{
	static const uint8_t none[16] = {0};
	skafu__buf_put(out, id ? id : none, 16);
}

static void timerrow_put_head(struct skafu__buf *out, const skafu_new_record *record, const char *const *texts)
{
	skafu__buf_put_u8(out, TIMERROW_FORM);
	skafu__buf_put_u8(out, (uint8_t)(record->kind ? record->kind : SKAFU_KIND_EVENT));
	skafu__buf_put_u8(out, (uint8_t)record->severity);
	skafu__buf_put_u8(out, (uint8_t)record->hops);
	skafu__buf_put_u32(out, record->event_version);
	skafu__buf_put_u8(out, timerrow_flags(record));
	for (size_t i = 0; i < TIMERROW_TEXTS; i++)
		skafu__buf_put_u8(out, (uint8_t)strlen(texts[i]));
	skafu__buf_put_u8(out, (uint8_t)record->tag_count);
	skafu__buf_put_u16(out, (uint16_t)timerrow_tag_bytes(record));
	skafu__buf_put_u32(out, (uint32_t)record->data_length);
	skafu__buf_put_u32(out, (uint32_t)record->metadata_length);
	skafu__buf_put_u64(out, (uint64_t)record->time_ns);
	timerrow_put_id(out, record->id);
	timerrow_put_id(out, record->causation);
}

int32_t skafu__timer_encode(const struct skafu__timer_name *name, const skafu_new_record *record,
			    struct skafu__buf *out)
{
	const char *const texts[TIMERROW_TEXTS] = {
		name->owner, name->instance, name->name, record->type, timerrow_or_empty(record->stream),
		record->source ? record->source : "default",
		record->content_type ? record->content_type : "application/json",
		timerrow_or_empty(record->correlation)};
	skafu__buf_clear(out);
	timerrow_put_head(out, record, texts);
	for (size_t i = 0; i < TIMERROW_TEXTS; i++)
		skafu__buf_put(out, texts[i], strlen(texts[i]) + 1);
	for (size_t i = 0; i < record->tag_count; i++)
		skafu__buf_put(out, record->tags[i], strlen(record->tags[i]) + 1);
	if (record->data_length != 0)
		skafu__buf_put(out, record->data, record->data_length);
	if (record->metadata_length != 0)
		skafu__buf_put(out, record->metadata, record->metadata_length);
	return out->failed;
}

/* A text of a known length with its NUL, and none before. */
static const char *timerrow_take_text(struct skafu__reader *reader, size_t length)
{
	const char *text = (const char *)skafu__reader_take(reader, length + 1);
	if (!text || memchr(text, 0, length + 1) != text + length) {
		reader->failed = 1;
		return "";
	}
	return text;
}

static void timerrow_take_tags(struct skafu__reader *reader, struct skafu__timer *out, size_t bytes)
{
	const char *at = (const char *)skafu__reader_take(reader, bytes);
	for (size_t i = 0; at && i < out->record.tag_count; i++) {
		const char *end = bytes ? memchr(at, 0, bytes) : NULL;
		if (!end) {
			reader->failed = 1;
			return;
		}
		out->tags[i] = at;
		bytes -= (size_t)(end - at) + 1;
		at = end + 1;
	}
	reader->failed |= bytes != 0;
	out->record.tags = out->record.tag_count ? out->tags : NULL;
}

static void timerrow_take_texts(struct skafu__reader *reader, struct skafu__timer *out, const uint8_t *lengths,
				uint32_t flags)
{
	out->name.owner = timerrow_take_text(reader, lengths[0]);
	out->name.instance = timerrow_take_text(reader, lengths[1]);
	out->name.name = timerrow_take_text(reader, lengths[2]);
	out->record.type = timerrow_take_text(reader, lengths[3]);
	const char *stream = timerrow_take_text(reader, lengths[4]);
	out->record.stream = flags & TIMERROW_HAS_STREAM ? stream : NULL;
	out->record.source = timerrow_take_text(reader, lengths[5]);
	out->record.content_type = timerrow_take_text(reader, lengths[6]);
	const char *correlation = timerrow_take_text(reader, lengths[7]);
	out->record.correlation = flags & TIMERROW_HAS_CORRELATION ? correlation : NULL;
}

int skafu__timer_decode(const void *value, size_t length, struct skafu__timer *out)
{
	struct skafu__reader reader;
	skafu_new_record *record = &out->record;
	memset(out, 0, sizeof *out);
	skafu__reader_init(&reader, value, length);
	uint32_t form = skafu__reader_u8(&reader);
	record->size = sizeof *record;
	record->kind = skafu__reader_u8(&reader);
	record->severity = skafu__reader_u8(&reader);
	record->hops = skafu__reader_u8(&reader);
	record->event_version = skafu__reader_u32(&reader);
	uint32_t flags = skafu__reader_u8(&reader);
	const uint8_t *lengths = skafu__reader_take(&reader, TIMERROW_TEXTS);
	record->tag_count = skafu__reader_u8(&reader);
	size_t tag_bytes = skafu__reader_u16(&reader);
	record->data_length = skafu__reader_u32(&reader);
	record->metadata_length = skafu__reader_u32(&reader);
	record->time_ns = (int64_t)skafu__reader_u64(&reader);
	record->flags = flags & TIMERROW_HAS_TIME ? SKAFU_RECORD_TIME : 0;
	record->id = skafu__reader_take(&reader, 16);
	const uint8_t *causation = skafu__reader_take(&reader, 16);
	record->causation = flags & TIMERROW_HAS_CAUSATION ? causation : NULL;
	if (reader.failed || form != TIMERROW_FORM)
		return 0;
	timerrow_take_texts(&reader, out, lengths, flags);
	timerrow_take_tags(&reader, out, tag_bytes);
	const uint8_t *data = skafu__reader_take(&reader, record->data_length);
	record->data = record->data_length ? data : NULL;
	record->metadata = skafu__reader_take(&reader, record->metadata_length);
	return !reader.failed && skafu__reader_left(&reader) == 0;
}
