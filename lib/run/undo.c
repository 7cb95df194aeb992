#include "run/undo.h"

#include <string.h>

#include "base/bytes.h"

#define UNDO_FORM 1u
#define UNDO_MEMBERS 6u
#define UNDO_EXPIRES 128u

static void undo_put_text(struct skafu__buf *out, const char *text)
{
	size_t length = strlen(text);
	skafu__buf_put_u8(out, (uint8_t)length);
	skafu__buf_put(out, text, length + 1);
}

static void undo_put_bytes(struct skafu__buf *out, const void *bytes, size_t length)
{
	if (length != 0)
		skafu__buf_put(out, bytes, length);
}

int32_t skafu__undo_encode(const skafu_command *command, struct skafu__buf *out)
{
	const char *const members[UNDO_MEMBERS] = {command->type, command->domain, command->stream,
						   command->content_type, command->key, command->correlation};
	uint32_t flags = command->flags & SKAFU_COMMAND_EXPIRES ? UNDO_EXPIRES : 0;
	for (uint32_t i = 0; i < UNDO_MEMBERS; i++)
		flags |= members[i] ? 1u << i : 0;
	skafu__buf_clear(out);
	skafu__buf_put_u8(out, UNDO_FORM);
	skafu__buf_put_u8(out, (uint8_t)flags);
	skafu__buf_put_u16(out, (uint16_t)command->tag_count);
	skafu__buf_put_u64(out, (uint64_t)command->expires_ns);
	for (uint32_t i = 0; i < UNDO_MEMBERS; i++)
		if (members[i])
			undo_put_text(out, members[i]);
	for (size_t i = 0; i < command->tag_count; i++)
		undo_put_text(out, command->tags[i]);
	skafu__buf_put_u32(out, (uint32_t)command->data_length);
	skafu__buf_put_u32(out, (uint32_t)command->metadata_length);
	undo_put_bytes(out, command->data, command->data_length);
	undo_put_bytes(out, command->metadata, command->metadata_length);
	return out->failed;
}

static const char *undo_take_text(struct skafu__reader *reader)
{
	size_t length = skafu__reader_u8(reader);
	const char *text = (const char *)skafu__reader_take(reader, length + 1);
	if (text && memchr(text, 0, length + 1) == text + length)
		return text;
	reader->failed = 1;
	return NULL;
}

static void undo_take_members(struct skafu__reader *reader, uint32_t flags, skafu_command *command)
{
	const char *members[UNDO_MEMBERS] = {NULL};
	for (uint32_t i = 0; i < UNDO_MEMBERS; i++)
		members[i] = flags & (1u << i) ? undo_take_text(reader) : NULL;
	command->type = members[0];
	command->domain = members[1];
	command->stream = members[2];
	command->content_type = members[3];
	command->key = members[4];
	command->correlation = members[5];
}

int skafu__undo_decode(const void *bytes, size_t length, struct skafu__undo *out)
{
	struct skafu__reader reader;
	skafu_command *command = &out->command;
	memset(out, 0, sizeof *out);
	skafu__reader_init(&reader, bytes, length);
	uint32_t form = skafu__reader_u8(&reader);
	uint32_t flags = skafu__reader_u8(&reader);
	command->size = sizeof *command;
	command->flags = flags & UNDO_EXPIRES ? SKAFU_COMMAND_EXPIRES : 0;
	command->tag_count = skafu__reader_u16(&reader);
	command->expires_ns = (int64_t)skafu__reader_u64(&reader);
	if (reader.failed || form != UNDO_FORM || command->tag_count > 255)
		return 0;
	undo_take_members(&reader, flags, command);
	for (size_t i = 0; i < command->tag_count; i++)
		out->tags[i] = undo_take_text(&reader);
	command->tags = command->tag_count ? out->tags : NULL;
	command->data_length = skafu__reader_u32(&reader);
	command->metadata_length = skafu__reader_u32(&reader);
	const uint8_t *data = skafu__reader_take(&reader, command->data_length);
	const uint8_t *metadata = skafu__reader_take(&reader, command->metadata_length);
	command->data = command->data_length ? data : NULL;
	command->metadata = command->metadata_length ? metadata : NULL;
	return !reader.failed && skafu__reader_left(&reader) == 0 && command->type;
}
