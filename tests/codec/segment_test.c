/*
 * segment_test.c: reading of packed segments, against a plain sorted array, and against damaged and hostile bytes.
 */
#include "codec/segment.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/index_head.h"
#include "codec/runs.h"
#include "util/suite.h"

enum { entries_max = 6000 };

static struct skafu__entry entries[entries_max];

/* The entries of one key in one segment. */
struct model {
	const struct skafu__entry *at;
	size_t count;
};

static void check_here(const struct skafu__segment_cursor *cursor, const struct model *model, size_t i)
{
	ck_assert_uint_eq(skafu__segment_cursor_position(cursor), model->at[i].position);
	ck_assert_uint_eq(skafu__segment_cursor_extra(cursor), model->at[i].extra);
}

static void check_both_ways(const struct skafu__segment *segment, const struct model *model)
{
	struct skafu__segment_cursor cursor;
	size_t i;

	ck_assert_int_eq(skafu__segment_find(segment, model->at[0].key, &cursor, NULL), 1);
	ck_assert_uint_eq(skafu__segment_cursor_count(&cursor), model->count);
	for (i = 0; i < model->count; i++) {
		check_here(&cursor, model, i);
		ck_assert_int_eq(skafu__segment_cursor_next(&cursor, NULL), i + 1 < model->count);
	}
	check_here(&cursor, model, i - 1);
	ck_assert_int_eq(skafu__segment_find_last(segment, model->at[0].key, &cursor, NULL), 1);
	while (i-- > 0) {
		check_here(&cursor, model, i);
		ck_assert_int_eq(skafu__segment_cursor_prev(&cursor, NULL), i > 0);
	}
	check_here(&cursor, model, 0);
	ck_assert_int_eq(skafu__segment_cursor_last(&cursor, NULL), 1);
	check_here(&cursor, model, model->count - 1);
	ck_assert_int_eq(skafu__segment_cursor_first(&cursor, NULL), 1);
	check_here(&cursor, model, 0);
}

static void check_seek(struct skafu__segment_cursor *cursor, const struct model *model, uint64_t position)
{
	size_t from = 0;
	size_t to = model->count;

	while (from < model->count && model->at[from].position < position)
		from++;
	ck_assert_int_eq(skafu__segment_cursor_seek(cursor, position, NULL), from < model->count);
	check_here(cursor, model, from < model->count ? from : model->count - 1);
	while (to > 0 && model->at[to - 1].position > position)
		to--;
	ck_assert_int_eq(skafu__segment_cursor_seek_back(cursor, position, NULL), to > 0);
	check_here(cursor, model, to > 0 ? to - 1 : 0);
}

static void check_seek_extra(struct skafu__segment_cursor *cursor, const struct model *model, uint64_t extra)
{
	size_t from = 0;

	while (from < model->count && model->at[from].extra < extra)
		from++;
	ck_assert_int_eq(skafu__segment_cursor_seek_extra(cursor, extra, NULL), from < model->count);
	check_here(cursor, model, from < model->count ? from : model->count - 1);
}

static void check_seeks(const struct skafu__segment *segment, const struct model *model)
{
	struct skafu__segment_cursor cursor;

	ck_assert_int_eq(skafu__segment_find(segment, model->at[0].key, &cursor, NULL), 1);
	check_seek(&cursor, model, 0);
	check_seek(&cursor, model, UINT64_MAX);
	check_seek_extra(&cursor, model, 0);
	check_seek_extra(&cursor, model, UINT64_MAX);
	for (unsigned i = 0; i < 6; i++) {
		const struct skafu__entry *near = &model->at[runs_below(model->count)];

		check_seek(&cursor, model, near->position + runs_below(3) - 1);
		check_seek_extra(&cursor, model, near->extra + runs_below(3) - 1);
	}
}

/* Keys near those that are there, and anything. */
static void check_absent(const struct skafu__segment *segment, const struct skafu__entry *from, size_t count)
{
	for (unsigned i = 0; i < 20; i++) {
		uint64_t key = i % 2 ? runs_random() : from[runs_below(count)].key + runs_below(3) - 1;
		struct skafu__segment_cursor cursor;
		uint32_t bound = skafu__segment_lower_bound(segment, key);
		int present = 0;

		for (size_t j = 0; j < count; j++)
			present |= from[j].key == key;
		ck_assert_uint_le(bound, segment->key_count);
		if (bound > 0)
			ck_assert_uint_lt(skafu__segment_key(segment, bound - 1), key);
		if (bound < segment->key_count)
			ck_assert_uint_ge(skafu__segment_key(segment, bound), key);
		ck_assert_int_eq(skafu__segment_find(segment, key, &cursor, NULL), present);
		ck_assert_int_eq(skafu__segment_find_last(segment, key, &cursor, NULL), present);
	}
}

/* The segment holds exactly these entries. */
/* The keys from any one on are the same as one by one. */
static void check_keys(const struct skafu__segment *segment)
{
	static uint64_t keys[SKAFU__SEGMENT_BYTES_MAX];
	uint32_t begin = (uint32_t)runs_below(segment->key_count);

	skafu__segment_keys(segment, begin, keys, segment->key_count - begin);
	for (uint32_t i = begin; i < segment->key_count; i++)
		ck_assert_uint_eq(keys[i - begin], skafu__segment_key(segment, i));
}

static void check_segment(const struct skafu__segment *segment, const struct skafu__entry *from, size_t count)
{
	uint32_t keys = 0;
	size_t i = 0;

	ck_assert_uint_eq(segment->entry_count, count);
	while (i < count) {
		struct model model = {&from[i], 0};

		while (i < count && from[i].key == model.at->key) {
			i++;
			model.count++;
		}
		ck_assert_uint_eq(skafu__segment_key(segment, keys++), model.at->key);
		check_both_ways(segment, &model);
		check_seeks(segment, &model);
	}
	ck_assert_uint_eq(segment->key_count, keys);
	check_keys(segment);
	check_absent(segment, from, count);
}

static void check_run(const struct run *run, const struct skafu__entry *from, size_t count, int has_extra)
{
	struct skafu__segment segment;
	size_t at = 0;

	for (uint32_t i = 0; i < run->count; i++) {
		const struct skafu__segment_info *info = &run->infos[i];

		ck_assert_int_eq(skafu__segment_open(&segment, run->bytes[i], info->bytes, SKAFU__SEGMENT_DEEP,
			NULL), 0);
		ck_assert_int_eq(skafu__segment_match(&segment, info, NULL), 0);
		ck_assert_int_eq(segment.has_extra, has_extra);
		ck_assert_uint_le(at + segment.entry_count, count);
		check_segment(&segment, &from[at], segment.entry_count);
		at += segment.entry_count;
	}
	ck_assert_uint_eq(at, count);
}

static void random_round(size_t bytes_max, size_t entries_most)
{
	int has_extra = (int)runs_below(2);
	uint64_t base = runs_below(2) ? 0 : runs_below(SKAFU__POSITION_MAX / 2);
	size_t count = runs_entries(entries, 1 + runs_below(entries_most), base, has_extra);
	struct run run;
	struct skafu__segment_options options = run_options(&run, bytes_max, has_extra);

	options.base = base;
	ck_assert_int_eq(run_build(&run, entries, count, &options), SKAFU_OK);
	check_run(&run, entries, count, has_extra);
	run_done(&run);
}

START_TEST(small_segments_like_an_array)
{
	for (unsigned round = 0; round < 40; round++)
		random_round(SKAFU__SEGMENT_BYTES_MIN, 600);
}
END_TEST

START_TEST(large_segments_like_an_array)
{
	for (unsigned round = 0; round < 7; round++)
		random_round(SKAFU__SEGMENT_BYTES_DEFAULT, entries_max);
}
END_TEST

/* Keys that are spread as no hashes are: a bound is looked for where it would be if they were. */
static uint64_t uneven_key(unsigned shape, uint64_t i)
{
	switch (shape) {
	case 0: return i; /* side by side */
	case 1: return i * i * i;
	case 2: return i < 700 ? i : UINT64_MAX - 1400 + i; /* at both ends */
	case 3: return UINT64_C(1) << 63 | (i < 1399 ? i : UINT64_MAX); /* all but one at the beginning */
	case 4: return i == 0 ? 5 : UINT64_MAX - 2800 + 2 * i;
	default: return UINT64_C(1) << i % 64 | (i / 64) << 20;
	}
}

START_TEST(bounds_among_uneven_keys)
{
	for (unsigned shape = 0; shape < 6; shape++)
		for (size_t most = 1; most <= 1400; most += most < 12 ? 1 : 277) {
			struct run run;
			struct skafu__segment_options options = run_options(&run, SKAFU__SEGMENT_BYTES_DEFAULT, 0);
			size_t at = 0;
			size_t count;

			for (size_t i = 0; i < most; i++)
				entries[i] = (struct skafu__entry){uneven_key(shape, i), 9, 0};
			count = runs_settle(entries, most);
			ck_assert_int_eq(run_build(&run, entries, count, &options), SKAFU_OK);
			for (uint32_t i = 0; i < run.count; i++) {
				struct skafu__segment segment;

				ck_assert_int_eq(skafu__segment_open(&segment, run.bytes[i], run.infos[i].bytes, 0,
					NULL), 0);
				for (uint32_t k = 0; k < segment.key_count; k++, at++) {
					uint64_t key = entries[at].key;

					ck_assert_uint_eq(skafu__segment_lower_bound(&segment, key), k);
					if (key != UINT64_MAX)
						ck_assert_uint_eq(skafu__segment_lower_bound(&segment, key + 1),
							k + 1);
					if (key != 0)
						ck_assert_uint_eq(skafu__segment_lower_bound(&segment, key - 1),
							k > 0 && entries[at - 1].key == key - 1 ? k - 1 : k);
				}
			}
			run_done(&run);
		}
}
END_TEST

/* Lengths of lists around the edges of blocks. */
START_TEST(lists_around_a_block)
{
	for (size_t count = 1; count < 5 * SKAFU__SEGMENT_BLOCK; count++) {
		if (count % SKAFU__SEGMENT_BLOCK > 2 && count % SKAFU__SEGMENT_BLOCK < 62 && count % 29)
			continue;
		struct run run;
		struct skafu__segment_options options = run_options(&run, 0, 1);

		for (size_t i = 0; i < count; i++)
			entries[i] = (struct skafu__entry){7, 10 + i / 3, i + 1};
		ck_assert_int_eq(run_build(&run, entries, count, &options), SKAFU_OK);
		ck_assert_uint_eq(run.count, 1);
		check_run(&run, entries, count, 1);
		run_done(&run);
	}
}
END_TEST

/* A segment of a few keys, short lists, a long one, with or without extras. */
static void make_sample(struct run *run, size_t bytes_max, int has_extra)
{
	struct skafu__segment_options options = run_options(run, bytes_max, has_extra);
	size_t count = 0;

	for (uint64_t i = 0; i < 400 && count < entries_max; i++)
		entries[count++] = (struct skafu__entry){i < 100 ? i * i : 10000 + i / 150, 1 + i * (i % 7 + 1) * 3,
			has_extra ? (i % 5 ? i + 1 : i * 1000) : 0};
	count = runs_settle(entries, count);
	ck_assert_int_eq(run_build(run, entries, count, &options), SKAFU_OK);
}

static void every_bit_of(uint8_t *bytes, size_t length)
{
	struct skafu__segment segment;

	for (size_t bit = 0; bit < length * 8; bit++) {
		bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1 << bit % 8);
		ck_assert_int_eq(skafu__segment_open(&segment, bytes, length, 0, NULL), SKAFU_EDAMAGED);
		bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1 << bit % 8);
	}
	ck_assert_int_eq(skafu__segment_open(&segment, bytes, length, SKAFU__SEGMENT_DEEP, NULL), 0);
}

static void every_cut_of(const uint8_t *bytes, size_t length)
{
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *exact = malloc(cut + 1);
		struct skafu__segment segment;

		memcpy(exact, bytes, cut);
		ck_assert_int_eq(skafu__segment_open(&segment, exact, cut, 0, NULL), SKAFU_EDAMAGED);
		free(exact);
	}
}

START_TEST(every_bit_and_every_cut)
{
	for (int has_extra = 0; has_extra < 2; has_extra++)
		for (size_t bytes_max = 256; bytes_max <= 61440; bytes_max += 61184) {
			struct run run;

			make_sample(&run, bytes_max, has_extra);
			for (uint32_t i = 0; i < run.count; i++) {
				every_bit_of(run.bytes[i], run.infos[i].bytes);
				every_cut_of(run.bytes[i], run.infos[i].bytes);
			}
			run_done(&run);
		}
}
END_TEST

/* Many lists at once, as walks read them: what is given is what a cursor gives, and the keys ascend.  From each list
 * on, or, since that takes long, only from those that a walk would begin at. */
static void unpack(const struct skafu__segment *segment, int from_each)
{
	static struct skafu__entry out[2 * SKAFU__SEGMENT_BLOCK];
	struct skafu__segment_cursor cursor;

	for (uint32_t i = 0, next; i < segment->key_count; i = next) {
		uint32_t index = i;
		uint32_t count = skafu__segment_unpack(segment, &index, out, 2 * SKAFU__SEGMENT_BLOCK);
		uint32_t list = i;
		int32_t result = 0;

		ck_assert_uint_le(count, 2 * SKAFU__SEGMENT_BLOCK);
		ck_assert_uint_ge(index, i);
		next = from_each || index == i ? i + 1 : index;
		for (uint32_t at = 0; at < count; at++) {
			if (result == 0)
				ck_assert_int_eq(skafu__segment_list(segment, list++, &cursor, NULL), 1);
			ck_assert_uint_eq(cursor.key, out[at].key);
			ck_assert_uint_eq(skafu__segment_cursor_position(&cursor), out[at].position);
			ck_assert_uint_eq(skafu__segment_cursor_extra(&cursor), out[at].extra);
			ck_assert(at == 0 || out[at].key >= out[at - 1].key);
			result = skafu__segment_cursor_next(&cursor, NULL);
		}
		ck_assert_int_eq(result, 0);
		ck_assert_uint_eq(list, index);
	}
}

/* Use everything of a segment that may be anything.  The answers do not matter, the reading does. */
static void use(const struct skafu__segment *segment)
{
	struct skafu__segment_cursor cursor;

	for (uint32_t i = 0; i < segment->key_count; i++) {
		uint64_t key = skafu__segment_key(segment, i);

		skafu__segment_find(segment, key, &cursor, NULL);
		if (skafu__segment_list(segment, i, &cursor, NULL) < 0)
			continue;
		for (uint32_t moves = 0; moves < SKAFU__SEGMENT_BYTES_MAX; moves++)
			if (skafu__segment_cursor_next(&cursor, NULL) <= 0)
				break;
		if (skafu__segment_list(segment, i, &cursor, NULL) < 0)
			continue;
		if (skafu__segment_cursor_seek(&cursor, runs_below(1000), NULL) < 0
			|| skafu__segment_cursor_seek_back(&cursor, runs_below(1000), NULL) < 0
			|| skafu__segment_cursor_seek_extra(&cursor, runs_below(1000), NULL) < 0)
			continue;
		if (skafu__segment_cursor_last(&cursor, NULL) > 0)
			while (skafu__segment_cursor_prev(&cursor, NULL) > 0)
				;
	}
	for (unsigned i = 0; i < 5; i++)
		if (skafu__segment_find_last(segment, runs_random(), &cursor, NULL) > 0)
			skafu__segment_cursor_prev(&cursor, NULL);
}

static int use_bytes(const uint8_t *bytes, size_t length, unsigned flags)
{
	struct skafu__segment segment;
	int32_t result = skafu__segment_open(&segment, bytes, length, flags, NULL);

	ck_assert(result == SKAFU_OK || result == SKAFU_EDAMAGED || result == SKAFU_ENEWER);
	if (result == SKAFU_OK)
		use(&segment);
	return result == SKAFU_OK;
}

/* A few bytes of a good segment changed, under a checksum that is right. */
START_TEST(hostile_changes)
{
	unsigned opened = 0;
	unsigned deep = 0;

	for (unsigned round = 0; round < 12000; round++) {
		struct run run;
		uint32_t which;
		size_t length;

		if (round % 1000 == 0)
			make_sample(&run, round % 2000 ? 256 : 2048, (round / 2000) % 2);
		which = (uint32_t)runs_below(run.count);
		length = run.infos[which].bytes;
		uint8_t *bytes = malloc(length);
		memcpy(bytes, run.bytes[which], length);
		for (uint64_t changes = 1 + runs_below(3); changes > 0; changes--)
			bytes[runs_below(2) ? runs_below(length) : 16 + runs_below(60)] = (uint8_t)runs_random();
		skafu__index_seal(bytes, length, SKAFU__SEGMENT_MAGIC);
		opened += (unsigned)use_bytes(bytes, length, 0);
		deep += (unsigned)use_bytes(bytes, length, SKAFU__SEGMENT_DEEP);
		free(bytes);
		if (round % 1000 == 999)
			run_done(&run);
	}
	ck_assert_uint_gt(opened, deep);
	ck_assert_uint_gt(deep, 0);
}
END_TEST

/* Anything behind a head that is likely enough to be believed. */
START_TEST(hostile_bytes)
{
	unsigned opened = 0;

	for (unsigned round = 0; round < 30000; round++) {
		size_t length = 16 + runs_below(300);
		uint8_t *bytes = malloc(length);
		uint16_t keys = (uint16_t)(1 + runs_below(6));
		unsigned width = 1 + (unsigned)runs_below(8);

		for (size_t i = 0; i < length; i++)
			bytes[i] = runs_below(3) ? (uint8_t)runs_below(6) : (uint8_t)runs_random();
		if (length > 80 + keys * (width + 2u)) {
			uint64_t last = UINT64_MAX >> (64 - 8 * width);

			bytes[5] = (uint8_t)runs_below(2);
			bytes[6] = (uint8_t)width;
			bytes[7] = 0;
			skafu__store_u32(bytes + 16, keys + (uint32_t)runs_below(30));
			skafu__store_u32(bytes + 20, keys);
			skafu__store_u64(bytes + 24, 5);
			memset(bytes + 48, 0, width);
			last &= skafu__load_u64(bytes + 48 + (keys - 1) * width);
			skafu__store_u64(bytes + 32, 5 + last);
			skafu__store_u64(bytes + 40, runs_below(2) ? 0 : SKAFU__POSITION_MAX - runs_below(200));
			skafu__store_u16(bytes + 48 + keys * width, 0);
			for (uint16_t i = 1; i < keys; i++)
				skafu__store_u16(bytes + 48 + keys * width + i * 2, (uint16_t)(i * runs_below(12)));
		}
		skafu__index_seal(bytes, length, SKAFU__SEGMENT_MAGIC);
		opened += (unsigned)use_bytes(bytes, length, 0);
		use_bytes(bytes, length, SKAFU__SEGMENT_DEEP);
		free(bytes);
	}
	ck_assert_uint_gt(opened, 1000);
}
END_TEST

START_TEST(trusted_leaves_out_the_checksum_only)
{
	struct skafu__segment segment;
	struct run run;

	make_sample(&run, 256, 0);
	run.bytes[0][run.infos[0].bytes - 1] ^= 1;
	ck_assert_int_eq(skafu__segment_open(&segment, run.bytes[0], run.infos[0].bytes, 0, NULL), SKAFU_EDAMAGED);
	ck_assert_int_eq(skafu__segment_open(&segment, run.bytes[0], run.infos[0].bytes, SKAFU__SEGMENT_TRUSTED,
		NULL), 0);
	ck_assert_int_eq(skafu__segment_open(&segment, run.bytes[0], run.infos[0].bytes - 1, SKAFU__SEGMENT_TRUSTED,
		NULL),
		SKAFU_EDAMAGED);
	run_done(&run);
}
END_TEST

static void unpack_bytes(const uint8_t *bytes, size_t length, unsigned flags)
{
	struct skafu__segment segment;

	if (skafu__segment_open(&segment, bytes, length, flags | SKAFU__SEGMENT_TRUSTED, NULL) == SKAFU_OK)
		unpack(&segment, flags != 0);
}

/* Each byte changed in each of a few ways, under a checksum that is right. */
START_TEST(every_byte_is_a_lie)
{
	static const uint8_t values[] = {0, 1, 3, 0x80, 0xff};

	for (int has_extra = 0; has_extra < 2; has_extra++) {
		struct run run;

		make_sample(&run, 256, has_extra);
		for (uint32_t i = 0; i < run.count && i < 4; i++)
			for (size_t at = 8; at < run.infos[i].bytes; at++)
				for (size_t v = 0; v < sizeof values; v++) {
					uint8_t was = run.bytes[i][at];

					run.bytes[i][at] = values[v];
					unpack_bytes(run.bytes[i], run.infos[i].bytes, 0);
					unpack_bytes(run.bytes[i], run.infos[i].bytes, SKAFU__SEGMENT_DEEP);
					run.bytes[i][at] = was;
				}
		run_done(&run);
	}
}
END_TEST

START_TEST(match_knows_the_segment)
{
	struct skafu__segment_info info;
	struct skafu__segment segment;
	struct run run;

	make_sample(&run, 256, 0);
	ck_assert_int_eq(skafu__segment_open(&segment, run.bytes[0], run.infos[0].bytes, 0, NULL), 0);
	ck_assert_int_eq(skafu__segment_match(&segment, &run.infos[0], NULL), 0);
	ck_assert_int_eq(skafu__segment_match(&segment, &run.infos[1], NULL), SKAFU_EDAMAGED);
	for (int member = 0; member < 5; member++) {
		info = run.infos[0];
		info.bytes += member == 0;
		info.crc += member == 1;
		info.entry_count += member == 2;
		info.first_key += member == 3;
		info.last_key += member == 4;
		ck_assert_int_eq(skafu__segment_match(&segment, &info, NULL), SKAFU_EDAMAGED);
	}
	run_done(&run);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment");
	TCase *cases = tcase_create("segment");

	runs_seed("segment");
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, small_segments_like_an_array);
	tcase_add_test(cases, large_segments_like_an_array);
	tcase_add_test(cases, bounds_among_uneven_keys);
	tcase_add_test(cases, lists_around_a_block);
	tcase_add_test(cases, every_bit_and_every_cut);
	tcase_add_test(cases, hostile_changes);
	tcase_add_test(cases, hostile_bytes);
	tcase_add_test(cases, trusted_leaves_out_the_checksum_only);
	tcase_add_test(cases, every_byte_is_a_lie);
	tcase_add_test(cases, match_knows_the_segment);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
