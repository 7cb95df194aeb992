/*
 * segment_walk_test.c: walking runs, and merging them: a merge is a sort, and a resumed merge is a merge.
 */
#include "codec/segment_walk.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "codec/index_head.h"
#include "codec/runs.h"
#include "util/suite.h"

enum { entries_max = 6000, sources_max = 8 };

static struct skafu__entry entries[entries_max];
static struct skafu__entry parts[sources_max][entries_max];

static size_t bytes_of(unsigned round)
{
	return round % 3 ? SKAFU__SEGMENT_BYTES_MIN : SKAFU__SEGMENT_BYTES_DEFAULT;
}

static void check_walk(struct skafu__segment_walk *walk, size_t from, size_t count)
{
	struct skafu__entry entry;

	for (size_t i = from; i < count; i++) {
		ck_assert_int_eq(skafu__entry_next(&walk->source, &entry), 1);
		ck_assert_mem_eq(&entry, &entries[i], sizeof entry);
	}
	ck_assert_int_eq(skafu__entry_next(&walk->source, &entry), 0);
}

START_TEST(walk_gives_everything)
{
	for (unsigned round = 0; round < 30; round++) {
		int has_extra = (int)runs_below(2);
		size_t count = runs_entries(entries, 1 + runs_below(entries_max), 0, has_extra);
		struct run run;
		struct skafu__segment_options options = run_options(&run, bytes_of(round), has_extra);
		struct skafu__segment_walk walk;
		size_t skip = 0;

		ck_assert_int_eq(run_build(&run, entries, count, &options), SKAFU_OK);
		skafu__segment_walk_init(&walk, run_load, &run, 0, NULL);
		check_walk(&walk, 0, count);
		for (uint32_t i = 0; i < run.count; skip += run.infos[i++].entry_count)
			if (runs_below(30) == 0) {
				skafu__segment_walk_init(&walk, run_load, &run, i, NULL);
				check_walk(&walk, skip, count);
			}
		run_done(&run);
	}
}
END_TEST

START_TEST(walk_begins_after_an_entry)
{
	for (unsigned round = 0; round < 30; round++) {
		int has_extra = (int)runs_below(2);
		size_t count = runs_entries(entries, 1 + runs_below(entries_max), 1, has_extra);
		struct run run;
		struct skafu__segment_options options = run_options(&run, bytes_of(round), has_extra);

		ck_assert_int_eq(run_build(&run, entries, count, &options), SKAFU_OK);
		for (unsigned i = 0; i < 12; i++) {
			size_t at = i == 0 ? count - 1 : runs_below(count);
			struct skafu__entry after = entries[at];
			struct skafu__segment_walk walk;

			if (i % 3 == 1) /* one that is not there: before this one */
				after.position--;
			if (i % 3 == 2)
				after.key++;
			for (at = 0; at < count && skafu__entry_compare(&entries[at], &after) <= 0;)
				at++;
			skafu__segment_walk_init(&walk, run_load, &run, 0, NULL);
			ck_assert_int_eq(skafu__segment_walk_after(&walk, &after), SKAFU_OK);
			check_walk(&walk, at, count);
		}
		run_done(&run);
	}
}
END_TEST

START_TEST(empty_run)
{
	struct run run = {0};
	struct skafu__entry entry = {1, 1, 0};
	struct skafu__segment_walk walk;

	skafu__segment_walk_init(&walk, run_load, &run, 0, NULL);
	ck_assert_int_eq(skafu__entry_next(&walk.source, &entry), 0);
	ck_assert_int_eq(skafu__segment_walk_after(&walk, &entry), SKAFU_OK);
	ck_assert_int_eq(skafu__entry_next(&walk.source, &entry), 0);
}
END_TEST

START_TEST(mixed_up_segments_are_noticed)
{
	struct skafu__segment_walk walk;
	struct skafu__entry entry;
	struct run run;
	struct skafu__segment_options options = run_options(&run, 256, 0);
	uint8_t *bytes;
	struct skafu__segment_info info;
	int32_t result = 1;

	for (size_t i = 0; i < 1000; i++)
		entries[i] = (struct skafu__entry){i / 300, i, 0};
	ck_assert_int_eq(run_build(&run, entries, 1000, &options), SKAFU_OK);
	ck_assert_uint_gt(run.count, 3);
	bytes = run.bytes[1];
	info = run.infos[1];
	run.bytes[1] = run.bytes[2];
	run.infos[1] = run.infos[2];
	run.bytes[2] = bytes;
	run.infos[2] = info;
	skafu__segment_walk_init(&walk, run_load, &run, 0, NULL);
	while (result > 0)
		result = skafu__entry_next(&walk.source, &entry);
	ck_assert_int_eq(result, SKAFU_EDAMAGED);
	run.bytes[1][60] ^= 1;
	skafu__segment_walk_init(&walk, run_load, &run, 1, NULL);
	ck_assert_int_eq(skafu__entry_next(&walk.source, &entry), SKAFU_EDAMAGED);
	run_done(&run);
}
END_TEST

/* Two keys of a segment changed with each other, under a checksum that is right: a merge must not sort them. */
START_TEST(mixed_up_keys_are_noticed)
{
	for (uint32_t which = 1; which < 58; which++) {
		struct skafu__segment_walk walks[2];
		struct skafu__entry_source *list[2] = {&walks[0].source, &walks[1].source};
		static struct skafu__merge merge;
		struct skafu__entry entry;
		struct run run;
		struct skafu__segment_options options = run_options(&run, 1000, 0);
		int32_t result = 1;
		uint8_t *keys;

		for (size_t i = 0; i < 60; i++)
			entries[i] = (struct skafu__entry){2 * i, i, 0};
		ck_assert_int_eq(run_build(&run, entries, 60, &options), SKAFU_OK);
		ck_assert_uint_eq(run.count, 1);
		keys = run.bytes[0] + SKAFU__SEGMENT_HEAD_BYTES; /* of one byte each */
		keys[which] = (uint8_t)(2 * which + 3);
		skafu__index_seal(run.bytes[0], run.infos[0].bytes, SKAFU__SEGMENT_MAGIC);
		skafu__segment_walk_init(&walks[0], run_load, &run, 0, NULL);
		skafu__segment_walk_init(&walks[1], run_load, &run, 1, NULL);
		ck_assert_int_eq(skafu__merge_init(&merge, list, 2, NULL, NULL), SKAFU_OK);
		while (result > 0)
			result = skafu__entry_next(&merge.source, &entry);
		ck_assert_int_eq(result, SKAFU_EDAMAGED);
		run_done(&run);
	}
}
END_TEST

/* ---- merges -------------------------------------------------------------------------------------------------- */

/* Random entries, dealt out by position as runs are: each takes a range. */
static size_t deal_runs(struct run *runs, size_t sources, size_t bytes_max, int has_extra)
{
	size_t most = runs_below(6) ? 1500 : entries_max;
	size_t count = runs_entries(entries, sources + runs_below(most - sources), 1, has_extra);
	uint64_t top = 0;

	for (size_t i = 0; i < count; i++)
		top = entries[i].position > top ? entries[i].position : top;
	for (size_t i = 0; i < sources; i++) {
		struct skafu__segment_options options = run_options(&runs[i], bytes_max, has_extra);
		size_t length = 0;

		for (size_t j = 0; j < count; j++)
			if (entries[j].position * sources / (top + 1) == i)
				parts[i][length++] = entries[j];
		ck_assert_int_eq(run_build(&runs[i], parts[i], length, &options), SKAFU_OK);
	}
	return count;
}

struct merging {
	struct skafu__segment_walk walks[sources_max];
	struct skafu__entry_source *list[sources_max];
	struct skafu__merge merge;
};

static void merging_begin(struct merging *merging, struct run *runs, size_t sources,
	const struct skafu__merge_options *options)
{
	for (size_t i = 0; i < sources; i++) {
		skafu__segment_walk_init(&merging->walks[i], run_load, &runs[i], 0, NULL);
		if (options->after)
			ck_assert_int_eq(skafu__segment_walk_after(&merging->walks[i], options->after), SKAFU_OK);
		merging->list[i] = &merging->walks[i].source;
	}
	ck_assert_int_eq(skafu__merge_init(&merging->merge, merging->list, sources, options, NULL), SKAFU_OK);
}

/* Merge some segments at a time, with everything made anew in between, as after a crash. */
static void merge_in_portions(struct run *out, struct run *runs, size_t sources, uint64_t drop_below,
	struct skafu__segment_options *options)
{
	struct merging *merging = malloc(sizeof *merging);
	struct skafu__segment_builder builder;
	int32_t result;

	memset(out, 0, sizeof *out);
	options->user = out;
	do {
		struct skafu__merge_options how = {drop_below, NULL};
		struct skafu__entry last;

		if (out->count) {
			const struct skafu__segment_info *info = &out->infos[out->count - 1];

			last = (struct skafu__entry){info->last_key, info->last_position, info->last_extra};
			how.after = &last;
		}
		merging_begin(merging, runs, sources, &how);
		options->first_number = out->count;
		ck_assert_int_eq(skafu__segment_builder_init(&builder, skafu__sys_current(), options, NULL),
			SKAFU_OK);
		result = skafu__segment_builder_feed(&builder, &merging->merge.source, 1 + (uint32_t)runs_below(20),
			NULL);
		if (result == 0)
			ck_assert_int_eq(skafu__segment_builder_finish(&builder, NULL), SKAFU_OK);
		skafu__segment_builder_done(&builder);
	} while (result > 0);
	ck_assert_int_eq(result, SKAFU_OK);
	free(merging);
}

static void check_same(const struct run *a, const struct run *b)
{
	ck_assert_uint_eq(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		ck_assert_mem_eq(&a->infos[i], &b->infos[i], sizeof a->infos[i]);
		ck_assert_mem_eq(a->bytes[i], b->bytes[i], a->infos[i].bytes);
	}
}

START_TEST(merge_equals_sort)
{
	for (unsigned round = 0; round < 24; round++) {
		int has_extra = (int)runs_below(2);
		size_t sources = 1 + runs_below(sources_max);
		struct run runs[sources_max];
		struct run sorted;
		struct run merged;
		struct skafu__segment_options options = run_options(&sorted, bytes_of(round), has_extra);
		size_t count = deal_runs(runs, sources, bytes_of(round + 1), has_extra);
		uint64_t drop_below = runs_below(2) ? entries[runs_below(count)].position : 0;
		size_t kept = 0;

		for (size_t i = 0; i < count; i++)
			if (entries[i].position >= drop_below)
				entries[kept++] = entries[i];
		ck_assert_int_eq(run_build(&sorted, entries, kept, &options), SKAFU_OK);
		merge_in_portions(&merged, runs, sources, drop_below, &options);
		check_same(&sorted, &merged);
		for (size_t i = 0; i < sources; i++)
			run_done(&runs[i]);
		run_done(&sorted);
		run_done(&merged);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment_walk");
	TCase *cases = tcase_create("segment_walk");

	runs_seed("segment_walk");
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, walk_gives_everything);
	tcase_add_test(cases, walk_begins_after_an_entry);
	tcase_add_test(cases, empty_run);
	tcase_add_test(cases, mixed_up_segments_are_noticed);
	tcase_add_test(cases, mixed_up_keys_are_noticed);
	tcase_add_test(cases, merge_equals_sort);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
