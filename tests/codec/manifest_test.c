/*
 * manifest_test.c: lists of runs and segments, searched like arrays, and refused when anything in them is wrong.
 */
#include "codec/manifest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/index_head.h"
#include "codec/runs.h"
#include "util/suite.h"

enum { segments_max = 700, parts_max = 700, runs_max = 60, entries_max = 4000 };

static struct skafu__entry entries[entries_max];

/* A run with its parts encoded and opened. */
struct sample {
	struct skafu__manifest_run run;
	uint8_t *bytes[parts_max];
	size_t lengths[parts_max];
	struct skafu__manifest_part parts[parts_max];
};

static void sample_done(struct sample *sample)
{
	for (uint32_t i = 0; i < sample->run.part_count; i++)
		free(sample->bytes[i]);
	free(sample);
}

static struct sample *sample_make(const struct skafu__segment_info *segments, uint32_t count, size_t bytes_max)
{
	struct sample *sample = calloc(1, sizeof *sample);
	struct skafu__manifest_run *run = &sample->run;

	run->dimension = 3;
	run->level = 1;
	run->run = 77;
	run->first_sequence = 1;
	run->last_sequence = 1000000;
	run->segment_count = count;
	for (uint32_t i = 0; i < count; i++)
		run->entry_count += segments[i].entry_count;
	run->part_count = skafu__manifest_part_count(count, bytes_max);
	ck_assert_uint_le(run->part_count, parts_max);
	for (uint32_t i = 0; i < run->part_count; i++) {
		size_t length = skafu__manifest_part_bytes(count, i, bytes_max);
		uint32_t crc = 0;

		ck_assert_uint_le(length, bytes_max);
		sample->bytes[i] = malloc(length);
		sample->lengths[i] = length;
		ck_assert_int_eq(skafu__manifest_part_encode(sample->bytes[i], run, segments, i, bytes_max, &crc,
			NULL), 0);
		run->crc = skafu__manifest_parts_crc(run->crc, crc);
		ck_assert_int_eq(skafu__manifest_part_open(&sample->parts[i], sample->bytes[i], length, 0, NULL), 0);
		ck_assert_uint_eq(sample->parts[i].crc, crc);
	}
	ck_assert_int_eq(skafu__manifest_run_check(run, sample->parts, NULL), SKAFU_OK);
	return sample;
}

/* Segments as a builder makes them. */
static uint32_t real_segments(struct run *run)
{
	int has_extra = (int)runs_below(2);
	size_t count = runs_entries(entries, 1 + runs_below(entries_max), 1, has_extra);
	struct skafu__segment_options options = run_options(run, SKAFU__SEGMENT_BYTES_MIN, has_extra);

	do
		ck_assert_int_eq(run_build(run, entries, count, &options), SKAFU_OK);
	while (run->count > segments_max && (run_done(run), count /= 2) > 0);
	return run->count;
}

/* Which segments really have the key at the position or above, by opening all of them. */
static void check_find(const struct sample *sample, const struct run *run, uint64_t key, uint64_t position)
{
	uint32_t begin;
	uint32_t end;

	skafu__manifest_run_find(sample->parts, key, position, &begin, &end);
	ck_assert_uint_le(begin, end);
	ck_assert_uint_le(end, run->count);
	for (uint32_t i = 0; i < run->count; i++) {
		const struct skafu__segment_info *info = &run->infos[i];
		int can = info->first_key <= key && info->last_key >= key
			&& (info->last_key > key || info->last_position >= position);

		ck_assert_int_eq(i >= begin && i < end, can);
	}
}

static void check_find_extra(const struct sample *sample, const struct run *run, uint64_t key, uint64_t extra)
{
	uint32_t begin;
	uint32_t end;
	uint32_t found;

	skafu__manifest_run_find(sample->parts, key, 0, &begin, &end);
	found = skafu__manifest_run_find_extra(sample->parts, extra, begin, end);
	ck_assert(begin == end ? found == end : found >= begin && found < end);
	for (uint32_t i = begin; i <= found && i < end; i++) {
		struct skafu__segment_cursor cursor;
		struct skafu__segment segment;
		int32_t has;

		ck_assert_int_eq(skafu__segment_open(&segment, run->bytes[i], run->infos[i].bytes, 0, NULL), 0);
		has = skafu__segment_find(&segment, key, &cursor, NULL);
		has = has > 0 ? skafu__segment_cursor_seek_extra(&cursor, extra, NULL) : 0;
		if (i < found)
			ck_assert_int_eq(has, 0);
		else if (found + 1 < end)
			ck_assert_int_eq(has, 1);
	}
}

START_TEST(runs_are_found_like_in_an_array)
{
	for (unsigned round = 0; round < 60; round++) {
		static const size_t limits[] = {128, 256, 1000, 61440};
		struct run run;
		uint32_t count = real_segments(&run);
		struct sample *sample = sample_make(run.infos, count, limits[round % 4]);

		for (uint32_t i = 0; i < count; i++) {
			struct skafu__segment_info info;

			skafu__manifest_run_segment(sample->parts, i, &info);
			ck_assert_mem_eq(&info, &run.infos[i], sizeof info);
		}
		for (unsigned i = 0; i < 40; i++) {
			const struct skafu__segment_info *near = &run.infos[runs_below(count)];
			uint64_t key = (i % 2 ? near->first_key : near->last_key) + (i % 5 ? 0 : runs_below(3) - 1);
			uint64_t position = (i % 3 ? near->first_position : near->last_position) + runs_below(3) - 1;

			check_find(sample, &run, key, i % 4 ? position : 0);
			check_find(sample, &run, runs_random(), 0);
			check_find_extra(sample, &run, key, near->last_extra + runs_below(3) - 1);
		}
		sample_done(sample);
		run_done(&run);
	}
}
END_TEST

START_TEST(parts_are_what_the_run_says)
{
	struct skafu__segment_info segments[3] = {{1, 300, 0, 1, 5, 7, 5, 9, 0, 0}, {2, 300, 0, 1, 6, 7, 6, 9, 0, 0},
		{3, 300, 0, 1, 7, 7, 7, 9, 0, 0}};
	struct skafu__manifest_run run = {1, 0, 1, 1, 50, 3, 3, 2, 0};
	struct skafu__manifest_part part;
	uint8_t bytes[192];
	uint32_t crc;

	ck_assert_int_eq(skafu__manifest_part_encode(bytes, &run, segments, 0, 127, &crc, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu__manifest_part_encode(bytes, &run, segments, 2, 192, &crc, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu__manifest_part_encode(bytes, &run, segments, 0, 128, &crc, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu__manifest_part_encode(bytes, &run, segments, 0, 192, &crc, NULL), SKAFU_OK);
	ck_assert_int_eq(skafu__manifest_part_open(&part, bytes, 192, 0, NULL), SKAFU_OK);
	/* neither part 1 nor any other begins at 0 with two of three */
	for (uint32_t number = 0; number < 4; number++)
		for (uint32_t first = 0; first < 4; first++) {
			skafu__store_u32(bytes + 20, number);
			skafu__store_u32(bytes + 32, first);
			skafu__index_seal(bytes, 192, "SKRM");
			ck_assert_int_eq(skafu__manifest_part_open(&part, bytes, 192, 0, NULL),
				number == 0 && first == 0 ? SKAFU_OK : SKAFU_EDAMAGED);
		}
}
END_TEST

START_TEST(empty_run)
{
	struct sample *sample = sample_make(NULL, 0, 256);
	uint32_t begin;
	uint32_t end;

	ck_assert_uint_eq(sample->run.part_count, 1);
	skafu__manifest_run_find(sample->parts, 5, 0, &begin, &end);
	ck_assert_uint_eq(begin, end);
	sample_done(sample);
}
END_TEST

/* The layout is a promise. */
START_TEST(layout)
{
	struct skafu__segment_info info = {11, 300, 0x01020304, 12, 13, 14, 15, 16, 17, 18};
	struct skafu__manifest_run run = {2, 3, 4, 5, 6, 12, 1, 1, 0x05060708};
	static const uint8_t part[] = {'S', 'K', 'R', 'M', 1, 2, 3, 0, 0, 0, 0, 0, 128, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0,
		0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
		12, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 44, 1, 0, 0, 4, 3, 2, 1, 12, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0,
		14, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0,
			18};
	static const uint8_t root[72] = {'S', 'K', 'R', 'T', 1, 0, 0, 0, 0, 0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0, 0, 0,
		0, 0,
		2, 3, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0,
		1, 0, 0, 0, 1, 0, 0, 0, 8, 7, 6, 5};
	uint8_t bytes[128];
	uint32_t crc = 0;

	ck_assert_int_eq(skafu__manifest_part_encode(bytes, &run, &info, 0, 128, &crc, NULL), SKAFU_OK);
	ck_assert_uint_eq(crc, skafu__load_u32(bytes + 8));
	memset(bytes + 8, 0, 4);
	ck_assert_mem_eq(bytes, part, sizeof part);
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, &run, 1, NULL), SKAFU_OK);
	memset(bytes + 8, 0, 4);
	ck_assert_mem_eq(bytes, root, sizeof root);
}
END_TEST

START_TEST(sizes)
{
	ck_assert_uint_eq(skafu__manifest_part_rows(127), 0);
	ck_assert_uint_eq(skafu__manifest_part_rows(128), 1);
	ck_assert_uint_eq(skafu__manifest_part_rows(SKAFU__MANIFEST_PART_BYTES_DEFAULT), 959);
	ck_assert_uint_eq(skafu__manifest_part_count(0, 128), 1);
	ck_assert_uint_eq(skafu__manifest_part_count(959, 61440), 1);
	ck_assert_uint_eq(skafu__manifest_part_count(960, 61440), 2);
	ck_assert_uint_eq(skafu__manifest_part_bytes(960, 1, 61440), 128);
	ck_assert_uint_eq(skafu__manifest_part_bytes(960, 2, 61440), 64);
	ck_assert_uint_eq(skafu__manifest_root_bytes(0), 24);
	ck_assert_uint_eq(skafu__manifest_root_bytes(2), 120);
	ck_assert_uint_eq(skafu__manifest_root_bytes(UINT32_MAX), 0);
}
END_TEST

START_TEST(parts_that_do_not_belong_together)
{
	struct run run;
	uint32_t count;
	struct sample *sample;
	struct skafu__manifest_run other;
	struct skafu__manifest_part part;

	do
		count = real_segments(&run);
	while (count < 9 && (run_done(&run), 1));
	sample = sample_make(run.infos, count, 256);
	other = sample->run;
	other.crc++;
	ck_assert_int_eq(skafu__manifest_run_check(&other, sample->parts, NULL), SKAFU_EDAMAGED);
	other = sample->run;
	other.run++;
	ck_assert_int_eq(skafu__manifest_run_check(&other, sample->parts, NULL), SKAFU_EDAMAGED);
	part = sample->parts[0];
	sample->parts[0] = sample->parts[1];
	sample->parts[1] = part;
	ck_assert_int_eq(skafu__manifest_run_check(&sample->run, sample->parts, NULL), SKAFU_EDAMAGED);
	sample->parts[1] = sample->parts[0];
	sample->parts[0] = part;
	ck_assert_int_eq(skafu__manifest_run_check(&sample->run, sample->parts, NULL), SKAFU_OK);
	for (int member = 0; member < 11; member++) {
		struct skafu__manifest_run was = sample->parts[1].run;

		part = sample->parts[1];
		other = sample->run;
		other.dimension ^= member == 0;
		other.level ^= member == 1;
		other.first_sequence += member == 2;
		other.last_sequence += member == 3;
		other.entry_count += member == 4;
		other.segment_count += member == 5;
		sample->parts[1].run.part_count += member == 6;
		sample->parts[1].part += member == 7;
		sample->parts[1].first_index += member == 8;
		sample->parts[1].entry_count += member == 9;
		sample->parts[1].run.run += member == 10;
		ck_assert_int_eq(skafu__manifest_run_check(&other, sample->parts, NULL), SKAFU_EDAMAGED);
		sample->parts[1] = part;
		sample->parts[1].run = was;
	}
	ck_assert_int_eq(skafu__manifest_run_check(&sample->run, sample->parts, NULL), SKAFU_OK);
	sample_done(sample);
	run_done(&run);
}
END_TEST

static struct skafu__segment_info good_segment(void)
{
	return (struct skafu__segment_info){1, 300, 0, 10, 5, 7, 5, 9, 3, 3};
}

static int32_t encode_two(const struct skafu__segment_info *second)
{
	struct skafu__segment_info segments[2] = {good_segment(), *second};
	struct skafu__manifest_run run = {1, 0, 1, 1, 50, 0, 2, 1, 0};
	uint8_t bytes[192];
	uint32_t crc;

	run.entry_count = (uint64_t)segments[0].entry_count + segments[1].entry_count;
	return skafu__manifest_part_encode(bytes, &run, segments, 0, sizeof bytes, &crc, NULL);
}

START_TEST(wrong_segments_are_refused)
{
	struct skafu__segment_info segment = good_segment();

	segment.first_position = 9;
	ck_assert_int_eq(encode_two(&segment), SKAFU_OK);
	segment.first_position = 8;
	ck_assert_int_eq(encode_two(&segment), SKAFU_EINVAL);
	segment = good_segment();
	segment.first_key = 4;
	ck_assert_int_eq(encode_two(&segment), SKAFU_EINVAL);
	segment.first_key = segment.last_key = 6;
	ck_assert_int_eq(encode_two(&segment), SKAFU_OK);
	segment.last_extra_max = 2;
	ck_assert_int_eq(encode_two(&segment), SKAFU_EINVAL);
	segment.last_extra_max = 3;
	segment.bytes = SKAFU__SEGMENT_BYTES_MAX + 1;
	ck_assert_int_eq(encode_two(&segment), SKAFU_EINVAL);
	segment.bytes = 300;
	segment.entry_count = 0;
	ck_assert_int_eq(encode_two(&segment), SKAFU_EINVAL);
	segment.entry_count = 1;
	segment.last_position = SKAFU__POSITION_MAX + 1;
	ck_assert_int_eq(encode_two(&segment), SKAFU_EINVAL);
}
END_TEST

/* ---- root ---------------------------------------------------------------------------------------------------- */

static uint32_t random_runs(struct skafu__manifest_run *runs)
{
	uint32_t count = (uint32_t)runs_below(runs_max);
	uint64_t sequence = 1;
	uint8_t dimension = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (runs_below(5) == 0) {
			dimension = (uint8_t)(dimension + 1 + runs_below(3));
			sequence = 1;
		}
		runs[i] = (struct skafu__manifest_run){dimension, (uint8_t)runs_below(4), (uint32_t)runs_random(),
			sequence,
			sequence + runs_below(1000), 0, (uint32_t)runs_below(50), 1, (uint32_t)runs_random()};
		runs[i].entry_count = runs[i].segment_count * UINT64_C(3);
		sequence = runs[i].last_sequence + 1 + runs_below(2);
	}
	return count;
}

static int same_run(const struct skafu__manifest_run *a, const struct skafu__manifest_run *b)
{
	return a->dimension == b->dimension && a->level == b->level && a->run == b->run
		&& a->first_sequence == b->first_sequence && a->last_sequence == b->last_sequence
		&& a->entry_count == b->entry_count && a->segment_count == b->segment_count
		&& a->part_count == b->part_count && a->crc == b->crc;
}

START_TEST(root_like_an_array)
{
	for (unsigned round = 0; round < 200; round++) {
		struct skafu__manifest_run runs[runs_max];
		uint32_t count = random_runs(runs);
		size_t length = skafu__manifest_root_bytes(count);
		uint8_t *bytes = malloc(length);
		struct skafu__manifest_root root;
		uint32_t begin;
		uint32_t end;

		ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, count, NULL), SKAFU_OK);
		ck_assert_int_eq(skafu__manifest_root_open(&root, bytes, length, 0, NULL), SKAFU_OK);
		ck_assert_uint_eq(root.run_count, count);
		for (uint32_t i = 0; i < count; i++) {
			struct skafu__manifest_run run;

			skafu__manifest_root_run(&root, i, &run);
			ck_assert(same_run(&run, &runs[i]));
		}
		for (unsigned dimension = 0; dimension < 20; dimension++) {
			skafu__manifest_root_dimension(&root, (uint8_t)dimension, &begin, &end);
			ck_assert(begin <= end && end <= count);
			for (uint32_t i = 0; i < count; i++)
				ck_assert_int_eq(i >= begin && i < end, runs[i].dimension == dimension);
		}
		free(bytes);
	}
}
END_TEST

START_TEST(wrong_runs_are_refused)
{
	struct skafu__manifest_run runs[2] = {{1, 0, 1, 1, 50, 10, 2, 1, 0}, {1, 0, 2, 51, 60, 10, 2, 2, 0}};
	uint8_t bytes[24 + 96];

	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, 2, NULL), SKAFU_OK);
	runs[1].first_sequence = 50;
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, 2, NULL), SKAFU_EINVAL);
	runs[1].dimension = 2;
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, 2, NULL), SKAFU_OK);
	runs[1].dimension = 0;
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, 2, NULL), SKAFU_EINVAL);
	runs[1].dimension = 2;
	runs[1].first_sequence = 61;
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, 2, NULL), SKAFU_EINVAL);
	runs[1].first_sequence = 51;
	runs[1].part_count = 3;
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, 2, NULL), SKAFU_EINVAL);
	runs[1].part_count = 0;
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, 2, NULL), SKAFU_EINVAL);
	runs[1].part_count = 1;
	runs[1].entry_count = 1;
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, 2, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu__manifest_root_encode(bytes, runs, UINT32_MAX, NULL), SKAFU_EINVAL);
}
END_TEST

/* ---- damage -------------------------------------------------------------------------------------------------- */

static int32_t open_either(const uint8_t *bytes, size_t length, unsigned flags)
{
	struct skafu__manifest_root root;
	struct skafu__manifest_part part;
	struct skafu__segment_info info;
	struct skafu__manifest_run run;
	uint32_t begin;
	uint32_t end;
	int32_t result;

	if (length > 3 && bytes[3] == 'T') {
		result = skafu__manifest_root_open(&root, bytes, length, flags, NULL);
		for (uint32_t i = 0; result == SKAFU_OK && i < root.run_count; i++)
			skafu__manifest_root_run(&root, i, &run);
		if (result == SKAFU_OK)
			skafu__manifest_root_dimension(&root, 1, &begin, &end);
		return result;
	}
	result = skafu__manifest_part_open(&part, bytes, length, flags, NULL);
	if (result == SKAFU_OK && part.run.part_count == 1) {
		part.run.crc = skafu__manifest_parts_crc(0, part.crc);
		if (skafu__manifest_run_check(&part.run, &part, NULL) < 0)
			return SKAFU_EDAMAGED;
		skafu__manifest_run_find(&part, runs_random(), 5, &begin, &end);
		ck_assert(begin <= end && end <= part.segment_count);
		for (uint32_t i = 0; i < part.segment_count; i++)
			skafu__manifest_run_segment(&part, i, &info);
		skafu__manifest_run_find_extra(&part, 9, 0, part.segment_count);
	}
	return result;
}

static void every_bit_and_cut(uint8_t *bytes, size_t length)
{
	for (size_t bit = 0; bit < length * 8; bit++) {
		bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1 << bit % 8);
		ck_assert_int_eq(open_either(bytes, length, 0), SKAFU_EDAMAGED);
		bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1 << bit % 8);
	}
	ck_assert_int_eq(open_either(bytes, length, 0), SKAFU_OK);
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *exact = malloc(cut + 1);

		memcpy(exact, bytes, cut);
		ck_assert_int_eq(open_either(exact, cut, 0), SKAFU_EDAMAGED);
		free(exact);
	}
}

/* Random bytes here and there, under a checksum that is right. */
static unsigned hostile_rounds(const uint8_t *good, size_t length, const char magic[4])
{
	unsigned opened = 0;

	for (unsigned round = 0; round < 6000; round++) {
		size_t cut = runs_below(4) ? length : 16 + runs_below(length - 15);
		uint8_t *bytes = malloc(cut);

		memcpy(bytes, good, cut);
		for (uint64_t changes = 1 + runs_below(3); changes > 0; changes--)
			bytes[runs_below(cut)] = (uint8_t)runs_below(runs_below(2) ? 4 : 256);
		skafu__index_seal(bytes, cut, magic);
		opened += open_either(bytes, cut, 0) == SKAFU_OK;
		free(bytes);
	}
	return opened;
}

START_TEST(damage_is_noticed_and_lies_are_bounded)
{
	for (unsigned round = 0; round < 4; round++) {
		struct skafu__manifest_run runs[runs_max];
		struct run run;
		uint32_t count = real_segments(&run);
		struct sample *sample = sample_make(run.infos, count > 30 ? 30 : count, round % 2 ? 256 : 61440);
		uint8_t *root;
		size_t length;
		unsigned opened;

		do
			count = random_runs(runs);
		while (count == 0 || count > 20);
		length = skafu__manifest_root_bytes(count);
		root = malloc(length);
		ck_assert_int_eq(skafu__manifest_root_encode(root, runs, count, NULL), SKAFU_OK);
		every_bit_and_cut(root, length);
		every_bit_and_cut(sample->bytes[0], sample->lengths[0]);
		opened = hostile_rounds(root, length, "SKRT");
		ck_assert(opened > 0 && opened < 6000);
		opened = hostile_rounds(sample->bytes[0], sample->lengths[0], "SKRM");
		ck_assert(opened > 0 && opened < 6000);
		root[length - 5] ^= 1; /* a CRC of parts: nothing but the checksum can know */
		ck_assert_int_eq(open_either(root, length, SKAFU__MANIFEST_TRUSTED), SKAFU_OK);
		ck_assert_int_eq(open_either(root, length, 0), SKAFU_EDAMAGED);
		free(root);
		sample_done(sample);
		run_done(&run);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("manifest");
	TCase *cases = tcase_create("manifest");

	runs_seed("manifest");
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, runs_are_found_like_in_an_array);
	tcase_add_test(cases, parts_are_what_the_run_says);
	tcase_add_test(cases, empty_run);
	tcase_add_test(cases, layout);
	tcase_add_test(cases, sizes);
	tcase_add_test(cases, parts_that_do_not_belong_together);
	tcase_add_test(cases, wrong_segments_are_refused);
	tcase_add_test(cases, root_like_an_array);
	tcase_add_test(cases, wrong_runs_are_refused);
	tcase_add_test(cases, damage_is_noticed_and_lies_are_bounded);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
