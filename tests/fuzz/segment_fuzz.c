/*
 * segment_fuzz.c: whatever the values of the index hold, reading them stays within them.
 *
 * The first byte of the input chooses the kind of value and whether the head is made right, so that the fuzzer need
 * not guess checksums; the rest is the value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bloom.h"
#include "codec/index_head.h"
#include "codec/manifest.h"
#include "codec/segment.h"
#include "codec/segment_walk.h"

struct input {
	const uint8_t *bytes;
	size_t length;
	uint64_t number;
};

static void use_list(const struct skafu__segment *segment, uint32_t index, uint64_t number)
{
	struct skafu__segment_cursor cursor;
	uint32_t moves = 0;

	if (skafu__segment_list(segment, index, &cursor, NULL) < 0)
		return;
	while (skafu__segment_cursor_next(&cursor, NULL) > 0)
		if (++moves > SKAFU__SEGMENT_BYTES_MAX)
			abort();
	if (skafu__segment_list(segment, index, &cursor, NULL) < 0)
		return;
	if (skafu__segment_cursor_seek(&cursor, number, NULL) < 0
		|| skafu__segment_cursor_seek_back(&cursor, number, NULL) < 0
		|| skafu__segment_cursor_seek_extra(&cursor, number, NULL) < 0
		|| skafu__segment_cursor_last(&cursor, NULL) < 0)
		return;
	for (moves = 0; skafu__segment_cursor_prev(&cursor, NULL) > 0;)
		if (++moves > SKAFU__SEGMENT_BYTES_MAX)
			abort();
}

static int32_t load_input(void *user, uint32_t index, struct skafu__segment *out_segment, skafu_error *error)
{
	const struct input *input = user;
	int32_t result = index ? 0 : skafu__segment_open(out_segment, input->bytes, input->length, 0, error);

	return result < 0 ? result : !index;
}

static void use_segment(struct input *input)
{
	struct skafu__segment_cursor cursor;
	struct skafu__segment_walk walk;
	struct skafu__segment segment;
	struct skafu__entry entry = {input->number, 3, 0};
	struct skafu__entry before = {0, 0, 0};
	uint32_t count = 0;

	if (skafu__segment_open(&segment, input->bytes, input->length, 0, NULL) < 0)
		return;
	for (uint32_t i = 0; i < segment.key_count && i < 64; i++)
		use_list(&segment, i, input->number);
	if (skafu__segment_find(&segment, input->number, &cursor, NULL) > 0)
		skafu__segment_find_last(&segment, input->number, &cursor, NULL);
	skafu__segment_walk_init(&walk, load_input, input, 0, NULL);
	skafu__segment_walk_after(&walk, &entry);
	if (skafu__segment_open(&segment, input->bytes, input->length, SKAFU__SEGMENT_DEEP, NULL) < 0)
		return;
	/* What passed the deep check is in order, and of the number that it says. */
	skafu__segment_walk_init(&walk, load_input, input, 0, NULL);
	while (skafu__entry_next(&walk.source, &entry) > 0) {
		if (count++ && skafu__entry_compare(&before, &entry) >= 0)
			abort();
		before = entry;
	}
	if (count != segment.entry_count)
		abort();
}

static void use_part(const struct input *input)
{
	struct skafu__manifest_part part;
	struct skafu__segment_info info;
	uint32_t begin;
	uint32_t end;

	if (skafu__manifest_part_open(&part, input->bytes, input->length, 0, NULL) < 0 || part.run.part_count != 1)
		return;
	part.run.crc = skafu__manifest_parts_crc(0, part.crc);
	if (skafu__manifest_run_check(&part.run, &part, NULL) < 0)
		return;
	skafu__manifest_run_find(&part, input->number, 0, &begin, &end);
	begin = skafu__manifest_run_find_extra(&part, 2, begin, end);
	for (; begin < end; begin++)
		skafu__manifest_run_segment(&part, begin, &info);
}

static void use_root(const struct input *input)
{
	struct skafu__manifest_root root;
	struct skafu__manifest_run run;
	uint32_t begin;
	uint32_t end;

	if (skafu__manifest_root_open(&root, input->bytes, input->length, 0, NULL) < 0)
		return;
	skafu__manifest_root_dimension(&root, (uint8_t)input->number, &begin, &end);
	for (; begin < end; begin++)
		skafu__manifest_root_run(&root, begin, &run);
}

static void use_bloom(const struct input *input)
{
	struct skafu__bloom bloom;

	if (skafu__bloom_open(&bloom, input->bytes, input->length, NULL) == SKAFU_OK)
		skafu__bloom_may_hold(&bloom, input->number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char magics[4][5] = {"SKSG", "SKRM", "SKRT", "SKBF"};
	struct input input;
	uint8_t *copy;

	if (size < 10)
		return 0;
	memcpy(&input.number, data + 1, sizeof input.number);
	input.length = size - 9;
	copy = malloc(input.length); /* of exactly this size, so that reading beyond it is noticed */
	if (!copy)
		return 0;
	memcpy(copy, data + 9, input.length);
	input.bytes = copy;
	if (!(data[0] & 4) && input.length >= SKAFU__INDEX_HEAD_BYTES)
		skafu__index_seal(copy, input.length, magics[data[0] & 3]);
	switch (data[0] & 3) {
	case 0:
		use_segment(&input);
		break;
	case 1:
		use_part(&input);
		break;
	case 2:
		use_root(&input);
		break;
	default:
		use_bloom(&input);
		break;
	}
	free(copy);
	return 0;
}
