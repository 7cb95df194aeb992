/*
 * overlay_test.c: postings and row versions in memory, compared with arrays that are searched from end to end.
 */
#include "store/overlay.h"

#include <string.h>

#include "base/failing.h"
#include "codec/madecommit.h"
#include "store/tempstore.h"

#define POSTINGS 3000u
#define KEYS 23u

static struct skafu__entry all[POSTINGS];

/* Postings can be found once their commit is covered. */
static void cover(struct skafu__overlay *overlay, uint64_t number)
{
	struct skafu__commit commit;
	struct skafu__buf buf;

	skafu__buf_init(&buf, skafu__sys_current(), 1 << 20);
	made_commit(&buf);
	ck_assert_int_eq(skafu__commit_decode(buf.bytes, buf.length, &commit), 0);
	commit.number = number;
	ck_assert_int_eq(skafu__overlay_cover(overlay, &commit), 0);
	skafu__buf_done(&buf);
}

static void take(struct skafu__overlay *overlay, uint32_t dimension, const struct skafu__entry *entries, size_t count)
{
	ck_assert_int_eq(skafu__overlay_add_entries(overlay, dimension, entries, count), 0);
}

/* Some at a time. */
static void fill(struct skafu__overlay *overlay)
{
	uint64_t position = 100;
	uint32_t taken = 0;

	for (uint32_t i = 0; i < POSTINGS; i++) {
		position += random_below(3); /* several entries at one position */
		all[i] = (struct skafu__entry){random_below(KEYS) * UINT64_C(0x100000001), position,
					       random_below(50)};
		if (random_below(4) == 0 || i % 100 == 99) {
			take(overlay, SKAFU__DIM_TAG, &all[taken], i + 1 - taken);
			taken = i + 1;
		}
		if (i % 100 == 99)
			cover(overlay, i / 100 + 1);
	}
}

static size_t search(uint64_t key, const struct skafu__range *range, struct skafu__entry *out, size_t max)
{
	size_t found = 0;

	for (uint32_t i = 0; i < POSTINGS && found < max; i++) {
		const struct skafu__entry *entry = &all[range->backward ? POSTINGS - 1 - i : i];

		if (entry->key == key && entry->position >= range->from && entry->position <= range->to &&
		    entry->extra >= range->extra_from && entry->extra <= range->extra_to)
			out[found++] = *entry;
	}
	return found;
}

START_TEST(collect_agrees_with_a_search)
{
	static struct skafu__entry wanted[POSTINGS];
	static struct skafu__entry got[POSTINGS];
	struct skafu__overlay overlay;

	ck_assert_int_eq(skafu__overlay_init(&overlay, skafu__sys_current()), 0);
	fill(&overlay);
	for (int round = 0; round < 3000; round++) {
		struct skafu__range range = {random_below(3500), random_below(3500), 0, UINT64_MAX,
					     (int)random_below(2)};
		uint64_t key = random_below(KEYS + 1) * UINT64_C(0x100000001);
		size_t max = random_below(3) ? POSTINGS : random_below(20);
		size_t count;

		if (random_below(3) == 0) {
			range.extra_from = random_below(50);
			range.extra_to = random_below(50);
		}
		if (random_below(10) == 0)
			range.to = UINT64_MAX - 1;
		count = search(key, &range, wanted, max);
		ck_assert_uint_eq(skafu__overlay_collect(&overlay, SKAFU__DIM_TAG, key, &range, got, max), count);
		ck_assert(memcmp(got, wanted, count * sizeof *got) == 0);
	}
	skafu__overlay_done(&overlay);
}
END_TEST

START_TEST(slice_is_by_position)
{
	struct skafu__overlay overlay;
	const struct skafu__entry *first;

	ck_assert_int_eq(skafu__overlay_init(&overlay, skafu__sys_current()), 0);
	fill(&overlay);
	for (int round = 0; round < 1000; round++) {
		uint64_t from = random_below(3500);
		uint64_t to = random_below(10) ? from + random_below(500) : UINT64_MAX;
		size_t count = skafu__overlay_slice(&overlay, SKAFU__DIM_TAG, from, to, &first);
		size_t wanted = 0;
		size_t before = 0;

		for (uint32_t i = 0; i < POSTINGS; i++) {
			wanted += all[i].position >= from && all[i].position <= to;
			before += all[i].position < from;
		}
		ck_assert_uint_eq(count, wanted);
		ck_assert(count == 0 || memcmp(first, &all[before], count * sizeof *first) == 0);
	}
	ck_assert_uint_eq(skafu__overlay_slice(&overlay, SKAFU__DIM_TYPE, 0, UINT64_MAX, &first), 0);
	skafu__overlay_done(&overlay);
}
END_TEST

/* Entries of a dimension that tell in which round they were added. */
static void take_round(struct skafu__overlay *overlay, uint64_t round, size_t count)
{
	for (uint64_t i = 0; i < count; i++)
		take(overlay, SKAFU__DIM_ID, &(struct skafu__entry){round, i + 1, 0}, 1);
}

static void assert_round(const struct skafu__entry *entries, uint64_t round, size_t count)
{
	for (uint64_t i = 0; i < count; i++)
		ck_assert(entries[i].key == round && entries[i].position == i + 1);
}

START_TEST(what_is_held_stays_as_it_is)
{
	for (int what = 0; what < 8; what++) {
		const struct skafu__entry *before;
		const struct skafu__entry *now;
		struct skafu__overlay overlay;
		size_t bytes;

		ck_assert_int_eq(skafu__overlay_init(&overlay, skafu__sys_current()), 0);
		take_round(&overlay, 1, 64); /* the array is full */
		ck_assert_uint_eq(skafu__overlay_slice(&overlay, SKAFU__DIM_ID, 1, 60, &before), 60);
		skafu__overlay_hold(&overlay);
		if (what & 1)
			take(&overlay, SKAFU__DIM_ID, &(struct skafu__entry){1, 65, 0}, 1);
		if (what & 2)
			skafu__overlay_reset(&overlay, 0, 0);
		if (what & 4) {
			skafu__overlay_reset(&overlay, 0, 0);
			take_round(&overlay, 2, 300);
			ck_assert_uint_eq(skafu__overlay_slice(&overlay, SKAFU__DIM_ID, 1, 300, &now), 300);
			assert_round(now, 2, 300);
		}
		assert_round(before, 1, 60);
		bytes = skafu__overlay_bytes(&overlay);
		skafu__overlay_let_go(&overlay);
		ck_assert_uint_eq(bytes - skafu__overlay_bytes(&overlay), what ? 64 * sizeof *before : 0);
		take_round(&overlay, 3, what ? 0 : 300);
		skafu__overlay_hold(&overlay); /* and once more, to the end */
		take_round(&overlay, 3, 300);
		skafu__overlay_done(&overlay);
	}
}
END_TEST

START_TEST(dimensions_are_apart_and_reset_forgets)
{
	struct skafu__overlay overlay;
	struct skafu__entry entry = {7, 8, 9};
	struct skafu__entry out;
	struct skafu__range range = {1, 100, 0, UINT64_MAX, 0};

	ck_assert_int_eq(skafu__overlay_init(&overlay, skafu__sys_current()), 0);
	for (uint32_t dimension = 1; dimension < SKAFU__DIMS; dimension++) {
		ck_assert_uint_eq(skafu__overlay_collect(&overlay, dimension, 7, &range, &out, 1), 0);
		take(&overlay, dimension, &entry, 1);
		cover(&overlay, dimension);
		ck_assert_uint_eq(skafu__overlay_collect(&overlay, dimension, 7, &range, &out, 1), 1);
		ck_assert_uint_eq(skafu__overlay_collect(&overlay, dimension, 8, &range, &out, 1), 0);
	}
	ck_assert_uint_gt(skafu__overlay_bytes(&overlay), 0);
	skafu__overlay_reset(&overlay, 40, 50);
	ck_assert(overlay.base == 40 && overlay.covered == 40 && overlay.covered_sequence == 50);
	for (uint32_t dimension = 1; dimension < SKAFU__DIMS; dimension++)
		ck_assert_uint_eq(skafu__overlay_collect(&overlay, dimension, 7, &range, &out, 1), 0);
	skafu__overlay_done(&overlay);
}
END_TEST

static struct skafu__row_op row_of(uint32_t table, const char *key, const char *value)
{
	struct skafu__row_op row = {table, value ? SKAFU__ROW_PUT : SKAFU__ROW_DELETE, (uint8_t)strlen(key),
				    value ? (uint32_t)strlen(value) : 0, (const uint8_t *)key,
				    (const uint8_t *)value};

	return row;
}

static void put(struct skafu__overlay *overlay, uint32_t table, const char *key, const char *value, uint64_t commit)
{
	struct skafu__row_op row = row_of(table, key, value);

	ck_assert_int_eq(skafu__overlay_add_row(overlay, &row, commit), 0);
}

static const char *value_at(const struct skafu__overlay *overlay, uint32_t table, const char *key, uint64_t commit)
{
	static char text[64];
	const struct skafu__overlay_row *row = skafu__overlay_row_find(overlay, table, key, strlen(key), commit);

	if (!row)
		return "nothing";
	if (row->operation == SKAFU__ROW_DELETE)
		return "deleted";
	ck_assert_uint_eq(row->key_length, strlen(key));
	ck_assert(memcmp(skafu__overlay_row_key(overlay, row), key, row->key_length) == 0);
	memcpy(text, skafu__overlay_row_value(overlay, row), row->value_length);
	text[row->value_length] = 0;
	return text;
}

static size_t found_of(const struct skafu__overlay *overlay, uint64_t key)
{
	const struct skafu__range all_of_it = {0, UINT64_MAX, 0, UINT64_MAX, 0};
	struct skafu__entry got[4];

	return skafu__overlay_collect(overlay, SKAFU__DIM_TAG, key, &all_of_it, got, 4);
}

/* One entry of each key, linked now and then; a key that is not there is looked for up to a free slot, of which there
 * must be some. */
static void put_keys(struct skafu__overlay *overlay, uint64_t keys, uint64_t linked)
{
	for (uint64_t i = 0; i < keys; i++) {
		take(overlay, SKAFU__DIM_TAG, &(struct skafu__entry){3 * i, i, 0}, 1);
		if (linked != 0 && i % linked == 0)
			ck_assert_uint_eq(found_of(overlay, 1), 0);
	}
	ck_assert_uint_eq(found_of(overlay, 1), 0);
	for (uint64_t i = 0; i < keys; i++)
		ck_assert_uint_eq(found_of(overlay, 3 * i), 1);
}

START_TEST(every_key_has_a_slot)
{
	struct skafu__overlay overlay;

	for (uint64_t keys = 1; keys < 300; keys++) {
		ck_assert_int_eq(skafu__overlay_init(&overlay, skafu__sys_current()), 0);
		for (int i = 0; keys % 3 == 0 && i < 1000; i++) { /* many of one key, whose slots are left over */
			take(&overlay, SKAFU__DIM_TAG, &(struct skafu__entry){1, 1, 0}, 1);
			ck_assert_uint_ne(found_of(&overlay, 1), 0);
		}
		skafu__overlay_reset(&overlay, 1, 1);
		put_keys(&overlay, keys, 0);
		skafu__overlay_reset(&overlay, 1, 1);
		put_keys(&overlay, 3 * keys, keys % 7);
		skafu__overlay_done(&overlay);
	}
}
END_TEST

START_TEST(rows_have_versions)
{
	struct skafu__overlay overlay;

	ck_assert_int_eq(skafu__overlay_init(&overlay, skafu__sys_current()), 0);
	put(&overlay, 1, "k", "one", 5);
	put(&overlay, 2, "k", "other", 5);
	put(&overlay, 1, "k", "two", 7);
	put(&overlay, 1, "k", "three", 7); /* of several in one commit the last one counts */
	put(&overlay, 1, "k", NULL, 9);
	put(&overlay, 1, "k2", "", 9);
	ck_assert_str_eq(value_at(&overlay, 1, "k", 4), "nothing");
	ck_assert_str_eq(value_at(&overlay, 1, "k", 5), "one");
	ck_assert_str_eq(value_at(&overlay, 1, "k", 6), "one");
	ck_assert_str_eq(value_at(&overlay, 1, "k", 8), "three");
	ck_assert_str_eq(value_at(&overlay, 1, "k", UINT64_MAX), "deleted");
	ck_assert_str_eq(value_at(&overlay, 2, "k", UINT64_MAX), "other");
	ck_assert_str_eq(value_at(&overlay, 1, "k2", 9), "");
	ck_assert_str_eq(value_at(&overlay, 3, "k", 9), "nothing");
	skafu__overlay_done(&overlay);
}
END_TEST

START_TEST(walking_rows_gives_each_key_once)
{
	struct skafu__overlay overlay;
	char key[4] = "k??";
	size_t at = 0;
	uint32_t seen = 0;

	ck_assert_int_eq(skafu__overlay_init(&overlay, skafu__sys_current()), 0);
	for (int i = 0; i < 500; i++) {
		key[1] = (char)('a' + i % 20);
		key[2] = (char)('a' + i % 5);
		put(&overlay, 1, key, "v", (uint64_t)i + 1);
	}
	while (skafu__overlay_row_next(&overlay, &at, UINT64_MAX))
		seen++;
	ck_assert_uint_eq(seen, 20);
	at = seen = 0;
	while (skafu__overlay_row_next(&overlay, &at, 7)) /* only 7 had been written then */
		seen++;
	ck_assert_uint_eq(seen, 7);
	skafu__overlay_done(&overlay);
}
END_TEST

START_TEST(covered_commits_are_cut_by_weight)
{
	struct skafu__overlay overlay;
	struct skafu__commit commit;
	struct skafu__buf buf;
	uint64_t before = 0;

	skafu__buf_init(&buf, skafu__sys_current(), 1 << 20);
	made_commit(&buf);
	ck_assert_int_eq(skafu__commit_decode(buf.bytes, buf.length, &commit), 0);
	ck_assert_int_eq(skafu__overlay_init(&overlay, skafu__sys_current()), 0);
	skafu__overlay_reset(&overlay, MADE_NUMBER - 1, MADE_SEQUENCE - 1);
	ck_assert_uint_eq(skafu__overlay_weight(&overlay), 0);
	ck_assert_ptr_null(skafu__overlay_cut(&overlay, 1));
	const uint32_t size = commit.size;
	commit.name_count = 3;
	for (uint64_t i = 0; i < 20; i++) {
		commit.size = i < 10 ? size + (uint32_t)i : i == 10 ? size - 10 : size;
		ck_assert_int_eq(skafu__overlay_cover(&overlay, &commit), 0);
		ck_assert_uint_eq(overlay.covered, commit.number);
		ck_assert_uint_eq(overlay.covered_sequence, skafu__commit_last_sequence(&commit));
		ck_assert_uint_ge(skafu__overlay_weight(&overlay), before + MADE_RECORDS);
		before = skafu__overlay_weight(&overlay);
		commit.number++;
		commit.first_sequence += MADE_RECORDS;
	}
	for (uint64_t weight = 1; weight <= before + 1; weight++) {
		const struct skafu__overlay_mark *mark = skafu__overlay_cut(&overlay, weight);

		if (weight > before) {
			ck_assert_ptr_null(mark);
			break;
		}
		ck_assert_ptr_nonnull(mark);
		ck_assert_uint_ge(mark->weight_up_to, weight);
		ck_assert_uint_eq(mark->names_up_to, (mark->commit - MADE_NUMBER + 1) * commit.name_count);
		ck_assert_uint_eq(mark->bytes_min_up_to, mark->commit < MADE_NUMBER + 10 ? size : size - 10);
		ck_assert(mark->commit == MADE_NUMBER || mark[-1].weight_up_to < weight); /* the first that does */
	}
	skafu__overlay_reset(&overlay, 100, 200);
	ck_assert_uint_eq(skafu__overlay_weight(&overlay), 0);
	skafu__overlay_done(&overlay);
	skafu__buf_done(&buf);
}
END_TEST

/* Every allocation fails once; what went in before is still right. */
START_TEST(no_memory_loses_nothing)
{
	for (long left = 0; left < 40; left++) {
		struct failing failing;
		struct skafu__overlay overlay;
		struct skafu__range range = {1, UINT64_MAX - 1, 0, UINT64_MAX, 0};
		static struct skafu__entry out[600];
		size_t stored = 0;

		failing_init(&failing);
		failing.left = left;
		if (skafu__overlay_init(&overlay, &failing.sys) != 0) {
			ck_assert_int_eq(failing.live, 0);
			continue;
		}
		for (uint64_t i = 1; i <= 300; i++) {
			const struct skafu__entry two[] = {{i % 3, i, 0}, {(i + 1) % 3, i, 0}};
			struct skafu__row_op row = row_of(1, i % 2 ? "a" : "b", "value");

			if (skafu__overlay_add_entries(&overlay, SKAFU__DIM_ID, two, 2) == 0)
				stored += 2;
			else
				break;
			if (skafu__overlay_add_row(&overlay, &row, i) != 0)
				break;
			if (i == 20 && left % 2)
				skafu__overlay_hold(&overlay);
		}
		failing.left = -1;
		cover(&overlay, 1);
		ck_assert_uint_eq(skafu__overlay_collect(&overlay, SKAFU__DIM_ID, 0, &range, out, 600) +
					  skafu__overlay_collect(&overlay, SKAFU__DIM_ID, 1, &range, out, 600) +
					  skafu__overlay_collect(&overlay, SKAFU__DIM_ID, 2, &range, out, 600),
				  stored);
		skafu__overlay_done(&overlay);
		ck_assert_int_eq(failing.live, 0);
	}
}
END_TEST

static void add(TCase *tests)
{
	seeded("overlay_test");
	tcase_add_test(tests, collect_agrees_with_a_search);
	tcase_add_test(tests, slice_is_by_position);
	tcase_add_test(tests, what_is_held_stays_as_it_is);
	tcase_add_test(tests, dimensions_are_apart_and_reset_forgets);
	tcase_add_test(tests, every_key_has_a_slot);
	tcase_add_test(tests, rows_have_versions);
	tcase_add_test(tests, walking_rows_gives_each_key_once);
	tcase_add_test(tests, covered_commits_are_cut_by_weight);
	tcase_add_test(tests, no_memory_loses_nothing);
}

int main(void)
{
	return tempstore_main("overlay", add);
}
