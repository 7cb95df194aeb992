/*
 * page_test.c: single pages decoded, and salvage: all of a sound file, and of a damaged one what is still whole.
 *
 * SKAFU_TEST_SEED sets the seed.
 */
#include "store/page.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/lmdbfile.h"
#include "util/suite.h"

static struct skafu__sys real;
static skafu_error failure;

/* ---- decoding ------------------------------------------------------------------------------------------------ */

/* On any bytes the decoders stay within the page (the sanitizers watch), and nothing random is a whole page. */
START_TEST(test_decode_noise)
{
	uint8_t *page = malloc(PAGE);
	struct skafu__page_meta meta;
	struct skafu__page_node node;
	uint64_t pages;

	seed_rng("decode noise");
	ck_assert_ptr_nonnull(page);
	for (uint32_t round = 0; round < 300; round++) {
		for (size_t i = 0; i < PAGE; i++)
			page[i] = (uint8_t)rng();
		ck_assert_ptr_nonnull(skafu__page_meta(page, 0, &meta));
		skafu__store_u64(page, 7);
		for (uint32_t kind = SKAFU__PAGE_BRANCH; kind <= SKAFU__PAGE_LEAF; kind++) {
			skafu__store_u16(page + 10, (uint16_t)kind);
			skafu__store_u16(page + 12, (uint16_t)(16 + 2 * below(300)));
			skafu__store_u16(page + 14, (uint16_t)(700 + 2 * below(1600)));
			ck_assert_ptr_nonnull(skafu__page_check(page, 7, kind, round % 2));
			ck_assert_uint_le(skafu__page_count(page), 2040);
			for (uint32_t i = 0; i < 2040; i++) {
				if (skafu__page_node(page, kind, i, &node))
					continue;
				ck_assert(node.key >= page);
				ck_assert(node.key + node.key_bytes <= page + PAGE);
				if (node.value)
					ck_assert(node.value + node.value_bytes <= page + PAGE);
			}
		}
		ck_assert_ptr_nonnull(skafu__page_overflow(page, 7, 0, &pages));
	}
	free(page);
}
END_TEST

START_TEST(test_decode_compare)
{
	const uint8_t small[8] = { 0xFF, 0, 0, 0, 0, 0, 0, 0 };
	const uint8_t large[8] = { 0, 1, 0, 0, 0, 0, 0, 0 };

	ck_assert_int_gt(skafu__page_compare(small, 8, large, 8, 0), 0);
	ck_assert_int_lt(skafu__page_compare(small, 8, large, 8, 1), 0);
	ck_assert_int_eq(skafu__page_compare(small, 8, small, 8, 1), 0);
	ck_assert_int_lt(skafu__page_compare(small, 3, small, 8, 0), 0);
	ck_assert_int_eq(skafu__page_compare(small, 8, small, 8, 0), 0);
}
END_TEST

START_TEST(test_decode_table)
{
	const struct skafu__page_table empty = { .root = SKAFU__PAGE_NONE };
	const struct skafu__page_table sound = {
		.depth = 2, .branch_pages = 1, .leaf_pages = 3, .entries = 3, .root = 9
	};
	struct skafu__page_table table = empty;

	ck_assert_ptr_null(skafu__page_table_check(&empty, 1));
	ck_assert_ptr_null(skafu__page_table_check(&sound, 9));
	ck_assert_ptr_nonnull(skafu__page_table_check(&sound, 8));
	table.entries = 1;
	ck_assert_ptr_nonnull(skafu__page_table_check(&table, 9));
	table = sound;
	table.depth = 3;
	ck_assert_ptr_nonnull(skafu__page_table_check(&table, 9));
	table = sound;
	table.depth = 33;
	ck_assert_ptr_nonnull(skafu__page_table_check(&table, 99));
	table = sound;
	table.overflow_pages = UINT64_MAX;
	ck_assert_ptr_nonnull(skafu__page_table_check(&table, 9));
	table = sound;
	table.entries = 2;
	ck_assert_ptr_nonnull(skafu__page_table_check(&table, 9));
}
END_TEST

/* ---- salvage ------------------------------------------------------------------------------------------------- */

/* The values that a walk met, as a sorted list of hashes. */
struct haul {
	uint64_t hashes[1 << 16];
	size_t count;
	uint64_t doubtful;
	uint64_t stop_after; /* 0: never */
};

static uint64_t value_hash(const void *key, size_t key_bytes, const void *value, size_t value_bytes)
{
	MDB_val k = { key_bytes, (void *)(uintptr_t)key };
	MDB_val v = { value_bytes, (void *)(uintptr_t)value };

	return touch(&v, touch(&k, 17) * 1000003 + key_bytes);
}

static int32_t haul_visit(void *user, const struct skafu__page_found *found)
{
	struct haul *haul = user;

	ck_assert_uint_ge(found->key_bytes, 1);
	ck_assert_uint_le(found->key_bytes, SKAFU__PAGE_KEY_MAX);
	haul->doubtful += found->doubtful != 0;
	if (haul->count < sizeof haul->hashes / sizeof haul->hashes[0])
		haul->hashes[haul->count++] =
			value_hash(found->key, found->key_bytes, found->value, found->value_bytes);
	return haul->stop_after && haul->count == haul->stop_after ? SKAFU_EHOST : 0;
}

static int hash_order(const void *a, const void *b)
{
	uint64_t left, right;

	memcpy(&left, a, 8);
	memcpy(&right, b, 8);
	return (left > right) - (left < right);
}

static void lmdb_haul(int fd, struct haul *haul)
{
	MDB_env *env = lmdb_open(fd, MDB_RDONLY);
	MDB_txn *txn;

	haul->count = 0;
	ck_assert_ptr_nonnull(env);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	for (uint32_t i = 0; i < TABLES; i++) {
		MDB_cursor *cursor;
		MDB_val key, value;
		MDB_dbi dbi;

		if (mdb_dbi_open(txn, table_names[i], 0, &dbi) != 0)
			continue;
		ck_assert_int_eq(mdb_cursor_open(txn, dbi, &cursor), 0);
		while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
			haul->hashes[haul->count++] =
				value_hash(key.mv_data, key.mv_size, value.mv_data, value.mv_size);
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	mdb_env_close(env);
	qsort(haul->hashes, haul->count, 8, hash_order);
}

static struct skafu__page_walk_result walked;

static int32_t salvage_into(int fd, uint32_t source, struct haul *haul)
{
	struct skafu__page_walk_opts opts = { .source = source, .visit = haul_visit, .user = haul };

	return skafu__page_walk(&real, fd, &opts, &walked, &failure);
}

static size_t missing(const struct haul *from, struct haul *in)
{
	size_t count = 0;

	qsort(in->hashes, in->count, 8, hash_order);
	for (size_t i = 0; i < from->count; i++)
		count += bsearch(&from->hashes[i], in->hashes, in->count, 8, hash_order) == NULL;
	return count;
}

static struct haul expected, got;

START_TEST(test_salvage_sound)
{
	seed_rng("salvage");
	for (size_t r = 0; r < RECIPES; r++) {
		int fd = recipe_file(&recipes[r]);
		uint64_t newest;

		lmdb_haul(fd, &expected);
		got.count = got.doubtful = 0;
		ck_assert_int_eq(salvage_into(fd, SKAFU__PAGE_WALK_NEWEST, &got), 0);
		ck_assert_uint_eq(walked.damages, 0);
		newest = walked.txn;
		ck_assert_uint_le(newest, recipes[r].commits);
		ck_assert_uint_eq(walked.values, expected.count);
		ck_assert_uint_eq(got.count, expected.count);
		ck_assert_uint_eq(got.doubtful, 0);
		ck_assert_uint_eq(missing(&expected, &got), 0);
		got.count = 0;
		ck_assert_int_eq(salvage_into(fd, SKAFU__PAGE_WALK_OLDER, &got), 0);
		ck_assert_uint_eq(walked.damages, 0);
		ck_assert_uint_eq(walked.txn, newest - 1);
		got.count = 0;
		ck_assert_int_eq(salvage_into(fd, SKAFU__PAGE_WALK_RAW, &got), 0);
		ck_assert_uint_eq(missing(&expected, &got), 0);
		close(fd);
	}
}
END_TEST

/* The older tree is what LMDB showed one commit ago. */
START_TEST(test_salvage_older)
{
	int fd = recipe_file(&recipes[1]);
	MDB_env *env;

	lmdb_haul(fd, &expected);
	env = lmdb_open(fd, MDB_NOSYNC);
	ck_assert_int_eq(random_commit(env, &recipes[1]), 0);
	mdb_env_close(env);
	got.count = 0;
	ck_assert_int_eq(salvage_into(fd, SKAFU__PAGE_WALK_OLDER, &got), 0);
	ck_assert_uint_eq(got.count, expected.count);
	ck_assert_uint_eq(missing(&expected, &got), 0);
	close(fd);
}
END_TEST

/* One bad bit costs one value at most, when the tree and the raw scan are both used. */
START_TEST(test_salvage_one_bit)
{
	uint32_t tree_lost = 0, most = 0, rounds = 0;

	seed_rng("salvage one bit");
	for (size_t r = 1; r < 4; r++) {
		int fd = recipe_file(&recipes[r]);
		size_t bytes = file_bytes(fd);
		uint8_t *map = file_map(fd);

		lmdb_haul(fd, &expected);
		for (uint32_t i = 0; i < 150; i++, rounds++) {
			size_t at = below(bytes / PAGE) * PAGE + (below(2) ? below(48) : below(PAGE));
			uint8_t bit = (uint8_t)(1u << below(8));
			size_t lost;

			map[at] ^= bit;
			got.count = 0;
			salvage_into(fd, SKAFU__PAGE_WALK_NEWEST, &got);
			tree_lost += missing(&expected, &got) > 1;
			ck_assert_int_eq(salvage_into(fd, SKAFU__PAGE_WALK_RAW, &got), 0);
			lost = missing(&expected, &got);
			ck_assert_msg(lost <= 1, "bit %u of byte %zu cost %zu values", bit, at, lost);
			most = lost > most ? (uint32_t)lost : most;
			map[at] ^= bit;
		}
		munmap(map, bytes);
		close(fd);
	}
	printf("salvage: %u single bits, at most %u value lost each; the raw scan was needed %u times\n", rounds,
	       most, tree_lost);
}
END_TEST

/* Whatever the file is, the walk ends, within its memory. */
START_TEST(test_salvage_damage)
{
	int fd, original_fd;
	uint8_t *map, *original;
	size_t bytes;

	seed_rng("salvage damage");
	fd = recipe_file(&recipes[2]);
	original_fd = file_twin(fd);
	bytes = file_bytes(fd);
	map = file_map(fd);
	original = file_map(original_fd);
	for (uint32_t i = 0; i < 300; i++) {
		size_t at, length;

		for (uint32_t n = below(4); n < 4; n++)
			damage(map, bytes, &at, &length);
		for (uint32_t source = 0; source < 3; source++) {
			got.count = 0;
			salvage_into(fd, source, &got);
		}
		memcpy(map, original, bytes);
	}
	munmap(map, bytes);
	munmap(original, bytes);
	close(original_fd);
	close(fd);
}
END_TEST

START_TEST(test_salvage_limits)
{
	struct skafu__sys sys = counted_sys();
	struct skafu__page_walk_opts opts = { .visit = haul_visit, .user = &got };
	int fd = recipe_file(&recipes[2]);
	int32_t result = SKAFU_ENOMEM;

	got.count = 0;
	got.stop_after = 3;
	ck_assert_int_eq(skafu__page_walk(&sys, fd, &opts, &walked, &failure), SKAFU_EHOST);
	ck_assert_uint_eq(got.count, 3);
	got.stop_after = 0;
	for (uint32_t n = 1; result == SKAFU_ENOMEM; n++) {
		allocations = 0;
		allocation_fails_at = n;
		result = skafu__page_walk(&sys, fd, &opts, &walked, &failure);
		ck_assert_uint_eq(memory_now, 0);
	}
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(walked.damages, 0); /* memory that is short is not taken for damage */
	allocation_fails_at = 0;
	for (uint32_t n = 1; n < 20; n++) {
		reads = 0;
		read_fails_at = n;
		got.count = 0;
		skafu__page_walk(&sys, fd, &opts, &walked, &failure);
		ck_assert_uint_eq(memory_now, 0);
	}
	read_fails_at = 0;
	opts.memory_bytes_max = 1000;
	ck_assert_int_eq(skafu__page_walk(&sys, fd, &opts, &walked, &failure), SKAFU_ELIMIT);
	opts.memory_bytes_max = 0;
	opts.time_ns_max = 1;
	clock_step_ns = 10;
	ck_assert_int_eq(skafu__page_walk(&sys, fd, &opts, &walked, &failure), SKAFU_ETIMEOUT);
	poke_u64(fd, 0, 9);
	poke_u64(fd, PAGE, 9);
	ck_assert_int_eq(salvage_into(fd, SKAFU__PAGE_WALK_NEWEST, &got), SKAFU_EDAMAGED);
	ck_assert_int_eq(salvage_into(-1, SKAFU__PAGE_WALK_RAW, &got), SKAFU_EIO);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("page");
	TCase *tests = tcase_create("all");

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (skafu__sys_init(&real, NULL) != 0)
		return 1;
	tcase_add_test(tests, test_decode_noise);
	tcase_add_test(tests, test_decode_compare);
	tcase_add_test(tests, test_decode_table);
	tcase_add_test(tests, test_salvage_sound);
	tcase_add_test(tests, test_salvage_older);
	tcase_add_test(tests, test_salvage_one_bit);
	tcase_add_test(tests, test_salvage_damage);
	tcase_add_test(tests, test_salvage_limits);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
