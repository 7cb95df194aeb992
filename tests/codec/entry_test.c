/*
 * entry_test.c: order, sorting and merging of index entries, against qsort.
 */
#include "codec/entry.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "codec/runs.h"
#include "util/suite.h"

enum { entries_max = 3000 };

static struct skafu__entry entries[entries_max];
static struct skafu__entry expected[entries_max];
static struct skafu__entry untouched[entries_max];
static struct skafu__entry scratch[2 * entries_max + 1];

START_TEST(order_of_entries)
{
	static const struct skafu__entry ascending[] = {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {0, UINT64_MAX, UINT64_MAX},
		{1, 0, 0}, {UINT64_MAX, 0, 0}};

	for (size_t i = 0; i < 6; i++)
		for (size_t j = 0; j < 6; j++) {
			int order = skafu__entry_compare(&ascending[i], &ascending[j]);

			ck_assert(i < j ? order < 0 : i > j ? order > 0 : order == 0);
		}
}
END_TEST

/* Keys whose leading bytes say nothing, so that the quick way has to be given up; few numbers in two ranges. */
static uint64_t awkward_key(unsigned shape)
{
	if (shape == 7)
		return runs_below(2) << 32 | runs_below(300);
	if (shape == 8)
		return UINT64_C(0x7fffffffffffff00) + runs_below(512);
	if (shape == 6)
		return runs_below(2) << 63 | runs_below(2) << 50 | runs_below(2) << 45 | (runs_random() & 0xffff);
	return runs_key(shape);
}

static void assert_sorted(size_t count)
{
	ck_assert_uint_le(skafu__entries_scratch(count), sizeof scratch / sizeof *scratch);
	memcpy(expected, entries, sizeof entries);
	memcpy(untouched, entries, sizeof entries);
	qsort(expected, count, sizeof *expected, runs_compare);
	ck_assert_mem_eq(skafu__entries_sort(entries, count, scratch), expected, count * sizeof *entries);
	ck_assert_mem_eq(entries, untouched, sizeof entries);
}

/* Any order of positions: slow, but sorted. */
START_TEST(sort_compares_whole_entries)
{
	for (unsigned round = 0; round < 90; round++) {
		size_t count = runs_below(500);

		for (size_t i = 0; i < count; i++)
			entries[i] = (struct skafu__entry){awkward_key(round % 9), runs_below(30), runs_below(3)};
		assert_sorted(count);
	}
}
END_TEST

START_TEST(sort_is_stable)
{
	for (unsigned round = 0; round < 270; round++) {
		size_t count = round < 27 ? round / 9 : runs_below(entries_max);

		for (size_t i = 0; i < count; i++) {
			entries[i].key = awkward_key(round % 9);
			entries[i].position = i;
			entries[i].extra = runs_random();
		}
		assert_sorted(count); /* positions differ, so this is the stable order */
	}
}
END_TEST

/* Deal entries out to sources, some to two of them. */
static size_t deal(struct skafu__entry_array *arrays, struct skafu__entry *const *decks, size_t sources,
	const struct skafu__entry *from, size_t count)
{
	size_t lengths[SKAFU__MERGE_SOURCES_MAX] = {0};
	size_t total = 0;
	uint64_t run = 1 + runs_below(50);
	size_t to = 0;

	for (size_t i = 0; i < count; i++) {
		to = runs_below(run) ? to : runs_below(sources);
		decks[to][lengths[to]++] = from[i];
		total++;
		if (runs_below(20) == 0 && sources > 1) {
			size_t other = (to + 1) % sources;

			decks[other][lengths[other]++] = from[i];
			total++;
		}
	}
	for (size_t i = 0; i < sources; i++)
		skafu__entry_array_init(&arrays[i], decks[i], lengths[i]);
	return total;
}

static void merge_once(size_t sources, size_t count)
{
	struct skafu__entry_array arrays[SKAFU__MERGE_SOURCES_MAX];
	struct skafu__entry_source *list[SKAFU__MERGE_SOURCES_MAX] = {0};
	struct skafu__entry *decks[SKAFU__MERGE_SOURCES_MAX] = {0};
	struct skafu__merge_options options = {0, NULL};
	struct skafu__merge merge;
	struct skafu__entry entry;
	struct skafu__entry last = {0, 0, 0};
	size_t from = 0;
	size_t seen = 0;
	size_t total;

	for (size_t i = 0; i < sources; i++) {
		decks[i] = malloc((count + 1) * sizeof entry);
		list[i] = &arrays[i].source;
	}
	total = sources ? deal(arrays, decks, sources, entries, count) : 0;
	options.drop_below = runs_below(2) && count ? entries[runs_below(count)].position : 0;
	from = runs_below(2) && count ? runs_below(count) : 0;
	options.after = from ? &entries[from - 1] : NULL;
	ck_assert_int_eq(skafu__merge_init(&merge, list, sources, &options, NULL), SKAFU_OK);
	for (size_t i = from; i < count && sources; i++) {
		if (entries[i].position < options.drop_below)
			continue;
		do { /* once or twice */
			ck_assert_int_eq(skafu__entry_next(&merge.source, &entry), 1);
			seen++;
		} while (seen > 1 && skafu__entry_compare(&entry, &last) == 0);
		ck_assert_mem_eq(&entry, &entries[i], sizeof entry);
		last = entry;
	}
	while (skafu__entry_next(&merge.source, &entry) == 1) {
		ck_assert_mem_eq(&entry, &last, sizeof entry);
		seen++;
	}
	if (!options.after && options.drop_below == 0)
		ck_assert_uint_eq(seen, total);
	for (size_t i = 0; i < sources; i++)
		free(decks[i]);
}

START_TEST(merge_gives_everything_in_order)
{
	for (unsigned round = 0; round < 150; round++) {
		size_t most = runs_below(3) ? 400 : entries_max; /* more than a chunk */
		size_t count = runs_entries(entries, 1 + runs_below(most), 1, (int)runs_below(2));
		size_t sources = 1 + runs_below(runs_below(3) ? SKAFU__MERGE_SOURCES_MAX : 4);

		if (round < 6)
			sources = round < 5 ? round : SKAFU__MERGE_SOURCES_MAX;
		merge_once(sources, round == 3 ? 0 : count);
	}
}
END_TEST

struct failing_source {
	struct skafu__entry_source source;
	int left;
	struct skafu__entry entry;
};

static int32_t failing_fill(struct skafu__entry_source *self)
{
	struct failing_source *source = (struct failing_source *)self;

	if (source->left-- == 0)
		return SKAFU_EIO;
	memset(&source->entry, 0, sizeof source->entry);
	source->entry.position = (uint64_t)(100 - source->left);
	self->at = &source->entry;
	self->end = self->at + 1;
	return 1;
}

START_TEST(merge_passes_failures_on)
{
	for (int good = 0; good < 5; good++) {
		struct failing_source failing = {.source = {.fill = failing_fill}, .left = good};
		struct skafu__entry_array array;
		struct skafu__entry_source *list[2] = {&failing.source, &array.source};
		struct skafu__merge merge;
		struct skafu__entry entry;
		int32_t result = 1;
		int given = -1;

		entries[0] = (struct skafu__entry){5, 5, 0};
		skafu__entry_array_init(&array, entries, 1);
		ck_assert_int_eq(skafu__merge_init(&merge, list, 2, NULL, NULL), SKAFU_OK);
		for (; result == 1; given++) {
			result = skafu__entry_next(&merge.source, &entry);
			if (result == 1)
				ck_assert(entry.key == 0 && entry.position == (uint64_t)(102 - good + given));
		}
		ck_assert_int_eq(result, SKAFU_EIO);
		ck_assert_int_eq(given, good); /* all that came before the failure, and no more */
	}
}
END_TEST

START_TEST(too_many_sources)
{
	struct skafu__entry_source *list[SKAFU__MERGE_SOURCES_MAX + 1] = {0};
	struct skafu__merge merge;

	ck_assert_int_eq(skafu__merge_init(&merge, list, SKAFU__MERGE_SOURCES_MAX + 1, NULL, NULL), SKAFU_ELIMIT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("entry");
	TCase *cases = tcase_create("entry");

	runs_seed("entry");
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, order_of_entries);
	tcase_add_test(cases, sort_is_stable);
	tcase_add_test(cases, sort_compares_whole_entries);
	tcase_add_test(cases, merge_gives_everything_in_order);
	tcase_add_test(cases, merge_passes_failures_on);
	tcase_add_test(cases, too_many_sources);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
