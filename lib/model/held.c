#include "model/held.h"

#include <string.h>

#define HELD_BLOCK_BYTES ((size_t)64 << 10)
#define HELD_RECORDS_MIN 128u

struct skafu__held_block {
	struct skafu__held_block *next;
	size_t used;
	size_t room;
	_Alignas(8) uint8_t bytes[];
};

void skafu__held_init(struct skafu__held *held, const struct skafu__sys *sys)
{
	memset(held, 0, sizeof *held);
	held->sys = sys;
}

void skafu__held_done(struct skafu__held *held)
{
	if (!held->sys)
		return;
	while (held->blocks) {
		struct skafu__held_block *block = held->blocks;
		held->blocks = block->next;
		skafu__free(held->sys, block);
	}
	skafu__free(held->sys, held->records);
	held->records = NULL;
	held->count = 0;
	held->room = 0;
	held->bytes = 0;
}

void skafu__held_clear(struct skafu__held *held)
{
	while (held->blocks && held->blocks->next) {
		struct skafu__held_block *block = held->blocks;
		held->blocks = block->next;
		skafu__free(held->sys, block);
	}
	if (held->blocks)
		held->blocks->used = 0;
	held->count = 0;
	held->bytes = 0;
}

static uint8_t *held_take(struct skafu__held *held, size_t bytes)
{
	struct skafu__held_block *block = held->blocks;
	if (!block || block->room - block->used < bytes) {
		size_t room = bytes > HELD_BLOCK_BYTES ? bytes : HELD_BLOCK_BYTES;
		block = skafu__alloc(held->sys, sizeof *block + room);
		if (!block)
			return NULL;
		block->next = held->blocks;
		block->used = 0;
		block->room = room;
		held->blocks = block;
	}
	uint8_t *at = block->bytes + block->used;
	block->used += bytes;
	held->bytes += bytes;
	return at;
}

static int32_t held_make_room(struct skafu__held *held)
{
	if (held->count < held->room)
		return 0;
	uint32_t room = held->room ? held->room * 2 : HELD_RECORDS_MIN;
	void *grown = skafu__realloc_array(held->sys, held->records, room, sizeof *held->records);
	if (!grown)
		return SKAFU_ENOMEM;
	held->records = grown;
	held->room = room;
	return 0;
}

static size_t held_tags_bytes(const skafu_record *record)
{
	const char *end = record->tags;
	for (uint32_t i = 0; i < record->tag_count; i++)
		end += strlen(end) + 1;
	return (size_t)(end - record->tags);
}

static void *held_put(uint8_t **at, const void *bytes, size_t length)
{
	uint8_t *here = *at;
	if (length != 0)
		memcpy(here, bytes, length);
	*at += length;
	return here;
}

int32_t skafu__held_add(struct skafu__held *held, const skafu_record *record)
{
	size_t stream = strlen(record->stream) + 1;
	size_t correlation = strlen(record->correlation) + 1;
	size_t tags = held_tags_bytes(record);
	size_t bytes = sizeof *record + 32 + stream + correlation + tags + record->metadata_length +
		       record->data_length;
	uint8_t *at = held_make_room(held) == 0 ? held_take(held, (bytes + 7) & ~(size_t)7) : NULL;
	if (!at)
		return SKAFU_ENOMEM;
	skafu_record *copy = (skafu_record *)(void *)at;
	*copy = *record;
	at += sizeof *copy;
	copy->id = held_put(&at, record->id, 16);
	copy->causation = held_put(&at, record->causation, 16);
	copy->stream = held_put(&at, record->stream, stream);
	copy->correlation = held_put(&at, record->correlation, correlation);
	copy->tags = held_put(&at, record->tags, tags);
	copy->metadata = held_put(&at, record->metadata, record->metadata_length);
	copy->data = held_put(&at, record->data, record->data_length);
	held->records[held->count++] = copy;
	return 0;
}
