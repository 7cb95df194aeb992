/*
 * segment_build_test.c: the bytes of segments, their limits, and what a builder refuses.
 */
#include "codec/segment_build.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/failing.h"
#include "codec/index_head.h"
#include "codec/runs.h"
#include "util/suite.h"

enum { entries_max = 20000 };

static struct skafu__entry entries[entries_max];

static void check_bytes(const struct skafu__entry *from, size_t count, int has_extra, const uint8_t *expected,
	size_t length)
{
	struct run run;
	struct skafu__segment_options options = run_options(&run, 0, has_extra);

	options.base = 100;
	options.first_number = 9;
	ck_assert_int_eq(run_build(&run, from, count, &options), SKAFU_OK);
	ck_assert_uint_eq(run.count, 1);
	ck_assert_uint_eq(run.infos[0].number, 9);
	ck_assert_uint_eq(run.infos[0].bytes, length);
	ck_assert_uint_eq(run.infos[0].crc, skafu__index_checksum(run.bytes[0], length));
	ck_assert_mem_eq(run.bytes[0], expected, 8);
	ck_assert_mem_eq(run.bytes[0] + 16, expected + 16, length - 16);
	run_done(&run);
}

/* The layout is a promise: these bytes were worked out by hand from the description in segment.h. */
START_TEST(layout_without_extra)
{
	static const struct skafu__entry three[] = {{5, 100, 0}, {5, 101, 0}, {5, 301, 0}, {0x305, 163, 0},
		{0x306, 164, 0}};
	static const uint8_t expected[] = {'S', 'K', 'S', 'G', 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 3, 0,
		0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 3, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 3, 1, 3, 0, 0, 4, 0, 5, 0, 0, 1, 0xc8, 1, 126, 0x80, 1};

	check_bytes(three, 5, 0, expected, sizeof expected);
}
END_TEST

START_TEST(layout_with_extra)
{
	static const struct skafu__entry four[] = {{5, 101, 1}, {5, 103, 2}, {5, 104, 7}, {5, 104, 8}, {5, 105, 3},
		{6, 100, 9}};
	static const uint8_t expected[] = {'S', 'K', 'S', 'G', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 2, 0,
		0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0,
		0, 1, 0, 0, 7, 0, 4, 4, 3, 8, 0, 3, 11, 2, 9};

	check_bytes(four, 6, 1, expected, sizeof expected);
}
END_TEST

START_TEST(layout_in_blocks)
{
	uint8_t expected[48 + 1 + 2 + 2 + 1 + 2 * 4 + 63 + 1] = {'S', 'K', 'S', 'G', 1, 1, 1, 0, [16] = 66, [20] = 1,
		[24] = 5, [32] = 5, [40] = 100, [51] = 0x8b, 2, 0x11, 0, 1, 63, 0, 64, 65, 64, 0};

	for (uint64_t i = 0; i < 66; i++)
		entries[i] = (struct skafu__entry){5, 100 + i, i + 1};
	memset(expected + 48 + 1 + 2 + 2 + 1 + 2 * 4, 2, 64);
	check_bytes(entries, 66, 1, expected, sizeof expected);
}
END_TEST

/* No segment is above its limit, and none but the last could have held what comes next. */
START_TEST(segments_are_full)
{
	for (unsigned round = 0; round < 150; round++) {
		int has_extra = (int)runs_below(2);
		size_t bytes_max = round % 3 ? 256 + runs_below(3000) : round % 2 ? 65535 : 256;
		size_t count = runs_entries(entries, 1 + runs_below(bytes_max > 4000 ? entries_max : 3000), 0,
			has_extra);
		struct run run;
		struct skafu__segment_options options = run_options(&run, bytes_max, has_extra);
		uint64_t total = 0;

		ck_assert_int_eq(run_build(&run, entries, count, &options), SKAFU_OK);
		for (uint32_t i = 0; i < run.count; i++) {
			const struct skafu__segment_info *info = &run.infos[i];

			ck_assert_uint_le(info->bytes, bytes_max);
			ck_assert_uint_eq(info->number, i);
			ck_assert_uint_eq(info->first_key, entries[total].key);
			ck_assert_uint_eq(info->first_position, entries[total].position);
			total += info->entry_count;
			ck_assert_uint_eq(info->last_key, entries[total - 1].key);
			ck_assert_uint_eq(info->last_position, entries[total - 1].position);
			ck_assert_uint_eq(info->last_extra, entries[total - 1].extra);
			/* wider keys or a wider table may be what did not fit: a quarter at most */
			if (i + 1 < run.count)
				ck_assert_uint_ge(info->bytes, bytes_max - bytes_max / 4 - 40);
		}
		ck_assert_uint_eq(total, count);
		run_done(&run);
	}
}
END_TEST

START_TEST(largest_extra_of_the_last_key)
{
	static const struct skafu__entry some[] = {{1, 1, 900}, {2, 1, 5}, {2, 2, 80}, {2, 3, 6}};
	struct run run;
	struct skafu__segment_options options = run_options(&run, 0, 1);

	ck_assert_int_eq(run_build(&run, some, 4, &options), SKAFU_OK);
	ck_assert_uint_eq(run.infos[0].last_extra, 6);
	ck_assert_uint_eq(run.infos[0].last_extra_max, 80);
	run_done(&run);
}
END_TEST

static int32_t build_two(struct skafu__entry first, struct skafu__entry second, int has_extra)
{
	struct skafu__entry both[2] = {first, second};
	struct run run;
	struct skafu__segment_options options = run_options(&run, 0, has_extra);
	int32_t result;

	options.base = 10;
	result = run_build(&run, both, 2, &options);
	run_done(&run);
	return result;
}

START_TEST(wrong_entries_are_refused)
{
	struct skafu__entry first = {5, 20, 0};

	ck_assert_int_eq(build_two(first, (struct skafu__entry){5, 21, 0}, 0), SKAFU_OK);
	ck_assert_int_eq(build_two(first, (struct skafu__entry){5, 19, 0}, 0), SKAFU_EINVAL);
	ck_assert_int_eq(build_two(first, (struct skafu__entry){4, 21, 0}, 0), SKAFU_EINVAL);
	ck_assert_int_eq(build_two(first, (struct skafu__entry){6, 9, 0}, 0), SKAFU_EINVAL);
	ck_assert_int_eq(build_two(first, (struct skafu__entry){6, 10, 1}, 0), SKAFU_EINVAL);
	ck_assert_int_eq(build_two(first, (struct skafu__entry){6, 10, 1}, 1), SKAFU_OK);
	ck_assert_int_eq(build_two(first, (struct skafu__entry){6, SKAFU__POSITION_MAX, 0}, 0), SKAFU_OK);
	ck_assert_int_eq(build_two(first, (struct skafu__entry){6, SKAFU__POSITION_MAX + 1, 0}, 0), SKAFU_ELIMIT);
	first.extra = 7;
	ck_assert_int_eq(build_two(first, (struct skafu__entry){5, 20, 6}, 1), SKAFU_EINVAL);
}
END_TEST

START_TEST(equal_entries_are_one)
{
	static const struct skafu__entry same[] = {{5, 20, 1}, {5, 20, 1}, {5, 20, 2}, {5, 20, 2}, {5, 21, 2}};
	struct run run;
	struct skafu__segment_options options = run_options(&run, 0, 1);

	ck_assert_int_eq(run_build(&run, same, 5, &options), SKAFU_OK);
	ck_assert_uint_eq(run.infos[0].entry_count, 3);
	run_done(&run);
}
END_TEST

START_TEST(a_failure_sticks)
{
	struct skafu__segment_builder builder;
	struct skafu_error error = {0};
	struct run run = {0};
	struct skafu__segment_options options = run_options(&run, 256, 0);
	int32_t result = SKAFU_OK;
	uint64_t i = 0;

	run.fail_at = 3;
	ck_assert_int_eq(skafu__segment_builder_init(&builder, skafu__sys_current(), &options, NULL), SKAFU_OK);
	for (; i < 10000 && result == SKAFU_OK; i++)
		result = skafu__segment_builder_add(&builder, &(struct skafu__entry){i, i, 0}, NULL);
	ck_assert_int_eq(result, SKAFU_EIO);
	ck_assert_uint_eq(run.count, 2);
	ck_assert_int_eq(skafu__segment_builder_add(&builder, &(struct skafu__entry){i, i, 0}, &error), SKAFU_EIO);
	ck_assert_int_eq(error.code, SKAFU_EIO);
	ck_assert_int_eq(skafu__segment_builder_finish(&builder, &error), SKAFU_EIO);
	ck_assert_uint_eq(run.count, 2);
	skafu__segment_builder_done(&builder);
	skafu__segment_builder_done(&builder);
	skafu__segment_builder_done(NULL);
	run_done(&run);
}
END_TEST

START_TEST(options_and_memory)
{
	struct skafu__segment_builder builder;
	struct failing failing;
	struct run run = {0};
	struct skafu__segment_options options = run_options(&run, 255, 0);

	failing_init(&failing);
	ck_assert_int_eq(skafu__segment_builder_init(&builder, &failing.sys, &options, NULL), SKAFU_EINVAL);
	options.bytes_max = 65536;
	ck_assert_int_eq(skafu__segment_builder_init(&builder, &failing.sys, &options, NULL), SKAFU_EINVAL);
	options.bytes_max = 0;
	options.base = SKAFU__POSITION_MAX + 1;
	ck_assert_int_eq(skafu__segment_builder_init(&builder, &failing.sys, &options, NULL), SKAFU_ELIMIT);
	options.base = 0;
	failing.left = 0;
	ck_assert_int_eq(skafu__segment_builder_init(&builder, &failing.sys, &options, NULL), SKAFU_ENOMEM);
	failing.left = 1;
	ck_assert_int_eq(skafu__segment_builder_init(&builder, &failing.sys, &options, NULL), SKAFU_OK);
	ck_assert_int_eq(skafu__segment_builder_finish(&builder, NULL), SKAFU_OK); /* nothing to write */
	ck_assert_uint_eq(run.count, 0);
	skafu__segment_builder_done(&builder);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

static void check_same(const struct run *a, const struct run *b)
{
	ck_assert_uint_eq(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		ck_assert_mem_eq(&a->infos[i], &b->infos[i], sizeof a->infos[i]);
		ck_assert_mem_eq(a->bytes[i], b->bytes[i], a->infos[i].bytes);
	}
}

/* Feed in portions: the builder goes on where it stopped. */
START_TEST(feed_stops_and_goes_on)
{
	for (unsigned round = 0; round < 40; round++) {
		size_t count = runs_entries(entries, 1 + runs_below(3000), 0, 1);
		struct run whole;
		struct run portions = {0};
		struct skafu__segment_options options = run_options(&whole, 256, 1);
		struct skafu__segment_builder builder;
		struct skafu__entry_array array;
		int32_t result;

		ck_assert_int_eq(run_build(&whole, entries, count, &options), SKAFU_OK);
		options.user = &portions;
		skafu__entry_array_init(&array, entries, count);
		ck_assert_int_eq(skafu__segment_builder_init(&builder, skafu__sys_current(), &options, NULL),
			SKAFU_OK);
		do {
			uint32_t before = portions.count;
			uint32_t most = 1 + (uint32_t)runs_below(4);

			result = skafu__segment_builder_feed(&builder, &array.source, most, NULL);
			ck_assert_uint_le(portions.count - before, most);
			ck_assert_int_eq(result, portions.count - before == most);
		} while (result > 0);
		ck_assert_int_eq(result, SKAFU_OK);
		ck_assert_int_eq(skafu__segment_builder_finish(&builder, NULL), SKAFU_OK);
		skafu__segment_builder_done(&builder);
		check_same(&whole, &portions);
		run_done(&whole);
		run_done(&portions);
	}
}
END_TEST

/* Two heaps of entries, each of which ends a segment. */
static void build_twice(struct run *run, size_t first, size_t second, int together)
{
	struct skafu__segment_options options = run_options(run, 0, 0);
	struct skafu__segment_builder builder;

	memset(run, 0, sizeof *run);
	ck_assert_int_eq(skafu__segment_builder_init(&builder, skafu__sys_current(), &options, NULL), SKAFU_OK);
	for (size_t i = 0; i < first + second; i++) {
		if (i == first)
			ck_assert_int_eq(skafu__segment_builder_finish(&builder, NULL), SKAFU_OK);
		if (!together)
			ck_assert_int_eq(skafu__segment_builder_add(&builder, &entries[i], NULL), SKAFU_OK);
		else if (i == 0 || i == first)
			ck_assert_int_eq(skafu__segment_builder_add_all(&builder, &entries[i], i ? second : first,
				NULL), SKAFU_OK);
	}
	ck_assert_int_eq(skafu__segment_builder_finish(&builder, NULL), SKAFU_OK);
	skafu__segment_builder_done(&builder);
}

/* After a segment that was ended by hand, the next one begins with its own first key, not with the last one's. */
START_TEST(entries_after_an_end)
{
	struct run single;
	struct run together;

	for (size_t i = 0; i < 400; i++)
		entries[i] = (struct skafu__entry){1000 + 300 * i, 7 + i, 0};
	build_twice(&single, 150, 250, 0);
	build_twice(&together, 150, 250, 1);
	ck_assert_uint_eq(single.count, 2);
	ck_assert_uint_eq(single.infos[1].first_key, entries[150].key);
	check_same(&single, &together);
	run_done(&single);
	run_done(&together);
}
END_TEST

/* What goes wrong in the middle, or nothing. */
static void spoil(struct skafu__entry *at, uint64_t base)
{
	switch (runs_below(6)) {
	case 0:
		at->key = at[-1].key - 1;
		break;
	case 1:
		at->position = SKAFU__POSITION_MAX + 1;
		break;
	case 2:
		at->position = base - 1;
		break;
	case 3:
		*at = at[-1]; /* not wrong: it is left out */
		break;
	case 4:
		at->extra = runs_random();
		break;
	default:
		at->key = UINT64_MAX;
	}
}

static int32_t build_at_once(struct run *run, const struct skafu__entry *from, size_t count,
	const struct skafu__segment_options *options)
{
	struct skafu__segment_builder builder;
	int32_t result = skafu__segment_builder_init(&builder, skafu__sys_current(), options, NULL);

	memset(run, 0, sizeof *run);
	while (count > 0 && result == SKAFU_OK) {
		size_t some = runs_below(3) ? 1 + runs_below(count) : count;

		result = skafu__segment_builder_add_all(&builder, from, some, NULL);
		from += some;
		count -= some;
	}
	if (result == SKAFU_OK)
		result = skafu__segment_builder_finish(&builder, NULL);
	skafu__segment_builder_done(&builder);
	return result;
}

/* Entries that are given together make the segments that they make one by one, and fail where these do. */
START_TEST(many_at_once_are_as_one_by_one)
{
	unsigned failures = 0;

	for (unsigned round = 0; round < 600; round++) {
		int has_extra = (int)runs_below(2);
		size_t bytes_max = round % 3 ? 256 + runs_below(3000) : round % 2 ? 65535 : 256;
		size_t count = runs_entries(entries, 2 + runs_below(bytes_max > 4000 ? entries_max - 2 : 3000), 5,
			has_extra);
		struct run single;
		struct run together;
		struct skafu__segment_options options = run_options(&single, bytes_max, has_extra);
		int32_t result;

		options.base = 5;
		if (round % 4 == 0 && count > 1)
			spoil(&entries[1 + runs_below(count - 1)], options.base);
		result = run_build(&single, entries, count, &options);
		failures += result < 0;
		options.user = &together;
		ck_assert_int_eq(build_at_once(&together, entries, count, &options), result);
		check_same(&single, &together);
		run_done(&single);
		run_done(&together);
	}
	ck_assert_uint_gt(failures, 20);
}
END_TEST

/* Positions at the very end of the range, where the usual way has to be left. */
START_TEST(far_positions_at_once)
{
	for (unsigned round = 0; round < 60; round++) {
		size_t count = 1 + runs_below(400);
		struct run single;
		struct run together;
		struct skafu__segment_options options = run_options(&single, 1024, 1);
		int32_t result;

		for (size_t i = 0; i < count; i++)
			entries[i] = (struct skafu__entry){runs_key(round), SKAFU__POSITION_MAX + 1 - runs_below(2)
				- runs_below(2) * runs_below(UINT64_C(1) << 30), runs_random()};
		if (round % 2)
			for (size_t i = 0; i < count; i++)
				entries[i].position -= 1;
		options.base = round % 3 ? 0 : SKAFU__POSITION_MAX - (UINT64_C(1) << 31);
		count = runs_settle(entries, count);
		result = run_build(&single, entries, count, &options);
		options.user = &together;
		ck_assert_int_eq(build_at_once(&together, entries, count, &options), result);
		check_same(&single, &together);
		run_done(&single);
		run_done(&together);
	}
}
END_TEST

/* Twice the distance from the base of such a position does not fit into a number. */
START_TEST(no_position_is_too_large_to_be_refused)
{
	for (unsigned bit = 62; bit < 64; bit++) {
		for (size_t wrong = 0; wrong < 200; wrong++) {
			struct run run;
			struct skafu__segment_options options = run_options(&run, 0, wrong % 2);

			for (size_t i = 0; i < 200; i++)
				entries[i] = (struct skafu__entry){i / (1 + wrong % 3), 10 + i, 0};
			entries[wrong].position |= UINT64_C(1) << bit;
			options.base = 10;
			runs_settle(entries, 200);
			ck_assert_int_eq(build_at_once(&run, entries, 200, &options), SKAFU_ELIMIT);
			run_done(&run);
		}
	}
}
END_TEST

/* A last key that is not the largest one must not make the keys seem narrower than they are. */
START_TEST(keys_are_not_taken_for_narrow)
{
	for (size_t bytes_max = 256; bytes_max < 20000; bytes_max *= 2) {
		struct run single;
		struct run together;
		struct skafu__segment_options options = run_options(&single, bytes_max, 0);
		struct skafu__segment_builder builder;

		memset(&together, 0, sizeof together);
		for (size_t i = 0; i < 1000; i++)
			entries[i] = (struct skafu__entry){i << 50, i, 0};
		entries[999].key = 1;
		ck_assert_int_eq(run_build(&single, entries, 1000, &options), SKAFU_EINVAL);
		options.user = &together;
		ck_assert_int_eq(skafu__segment_builder_init(&builder, skafu__sys_current(), &options, NULL),
			SKAFU_OK);
		ck_assert_int_eq(skafu__segment_builder_add_all(&builder, entries, 1000, NULL), SKAFU_EINVAL);
		skafu__segment_builder_done(&builder);
		check_same(&single, &together);
		run_done(&single);
		run_done(&together);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment_build");
	TCase *cases = tcase_create("segment_build");

	runs_seed("segment_build");
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, layout_without_extra);
	tcase_add_test(cases, layout_with_extra);
	tcase_add_test(cases, layout_in_blocks);
	tcase_add_test(cases, segments_are_full);
	tcase_add_test(cases, largest_extra_of_the_last_key);
	tcase_add_test(cases, wrong_entries_are_refused);
	tcase_add_test(cases, equal_entries_are_one);
	tcase_add_test(cases, a_failure_sticks);
	tcase_add_test(cases, options_and_memory);
	tcase_add_test(cases, feed_stops_and_goes_on);
	tcase_add_test(cases, entries_after_an_end);
	tcase_add_test(cases, many_at_once_are_as_one_by_one);
	tcase_add_test(cases, far_positions_at_once);
	tcase_add_test(cases, no_position_is_too_large_to_be_refused);
	tcase_add_test(cases, keys_are_not_taken_for_narrow);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
