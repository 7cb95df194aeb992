/*
 * preflight_test.c: real LMDB files pass, damaged ones are refused, and what is not refused LMDB survives.
 *
 * The files live in memory (memfd), so nothing is left behind.  LMDB reads the doubtful ones in a worker process: it
 * takes an order, opens the file, reads everything, and answers; when it dies or is silent for a second, that is
 * counted and a new one is started.
 *
 * SKAFU_TEST_SEED sets the seed, SKAFU_TEST_DAMAGES the number of random damages (20,000).
 */
#include "store/preflight.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/lmdbfile.h"
#include "store/page.h"
#include "util/suite.h"

static struct skafu__sys real;
static skafu_error failure;

/* ---- running the check --------------------------------------------------------------------------------------- */

static struct skafu__preflight_result outcome;

static int32_t check_level(int fd, uint32_t level)
{
	struct skafu__preflight_opts opts = { .level = level };

	skafu_error_clear(&failure);
	return skafu__preflight_check(&real, fd, &opts, &outcome, &failure);
}

static int32_t check_full(int fd)
{
	return check_level(fd, SKAFU__PREFLIGHT_FULL);
}

static void expect_pass(int fd)
{
	int32_t result = check_full(fd);

	ck_assert_msg(result == 0, "refused: %s", failure.message);
	ck_assert_uint_eq(outcome.whole, 1);
	result = check_level(fd, SKAFU__PREFLIGHT_QUICK);
	ck_assert_msg(result == 0, "refused quickly: %s", failure.message);
}

static void expect_code(int fd, int32_t code, const char *part)
{
	int32_t result = check_full(fd);

	ck_assert_msg(result == code, "%s instead of %s: %s", skafu_result_name(result), skafu_result_name(code),
		      failure.message);
	ck_assert_int_eq(failure.code, code);
	ck_assert_msg(strstr(failure.message, part) != NULL, "no \"%s\" in: %s", part, failure.message);
}

/* ---- the worker that lets LMDB read -------------------------------------------------------------------------- */

struct worker {
	pid_t pid;
	int orders;
	int answers;
	int file;
	int scratch;
};

static uint64_t lmdb_scan_table(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	uint64_t sum = 0;
	int rc;

	if (mdb_cursor_open(txn, dbi, &cursor) != 0)
		return 0;
	for (rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST); rc == 0;
	     rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		MDB_val again;

		sum = touch(&value, touch(&key, sum));
		if (mdb_get(txn, dbi, &key, &again) == 0)
			sum ^= again.mv_size;
	}
	for (rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST); rc == 0;
	     rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV))
		sum = touch(&key, sum);
	mdb_cursor_close(cursor);
	return sum;
}

static uint64_t lmdb_scan(MDB_env *env)
{
	MDB_txn *txn;
	MDB_dbi main_table, dbi;
	uint64_t sum = 0;

	if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0)
		return 0;
	if (mdb_dbi_open(txn, NULL, 0, &main_table) == 0)
		sum = lmdb_scan_table(txn, main_table);
	for (uint32_t i = 0; i < TABLES; i++)
		if (mdb_dbi_open(txn, table_names[i], 0, &dbi) == 0)
			sum ^= lmdb_scan_table(txn, dbi);
	mdb_txn_abort(txn);
	return sum;
}

/* Write to a copy, then check the copy: LMDB must have kept it sound.  0 when so. */
static int lmdb_write(int file, int scratch)
{
	static const struct recipe recipe = { 3, 25, 200, 20, 9000, 40, 6 };
	MDB_env *env;
	int rc = 0;

	if (file_copy(file, scratch) != 0)
		return 1;
	env = lmdb_open(scratch, MDB_NOSYNC);
	if (!env)
		return 1;
	for (uint32_t i = 0; rc == 0 && i < recipe.commits; i++)
		rc = random_commit(env, &recipe);
	lmdb_scan(env);
	mdb_env_close(env);
	return rc != 0 || check_full(scratch) != 0;
}

static void set_alarm(int milliseconds)
{
	struct itimerval timer = { .it_value = { milliseconds / 1000, milliseconds % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Orders: 's' scan; 'q' scan, but have no patience; 'w' write to a copy. */
static void worker_main(const struct worker *worker, int orders, int answers)
{
	struct rlimit none = { 0, 0 };
	char order;

	/* The check library's own handler would kill the whole process group. */
	signal(SIGALRM, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
	/* LMDB says why it aborts; the counts are enough. */
	if (!freopen("/dev/null", "w", stderr))
		_exit(1);
	while (read(orders, &order, 1) == 1) {
		char answer = 'k';

		set_alarm(order == 'q' ? 50 : 1000);
		if (order == 'w') {
			answer = lmdb_write(worker->file, worker->scratch) ? 'b' : 'k';
		} else {
			MDB_env *env = lmdb_open(worker->file, MDB_RDONLY);

			if (env) {
				volatile uint64_t sum = lmdb_scan(env);

				(void)sum;
				mdb_env_close(env);
			} else {
				answer = 'r';
			}
		}
		set_alarm(0);
		if (write(answers, &answer, 1) != 1)
			break;
	}
	_exit(0);
}

static void worker_start(struct worker *worker)
{
	int orders[2], answers[2];

	fflush(NULL);
	ck_assert_int_eq(pipe(orders), 0);
	ck_assert_int_eq(pipe(answers), 0);
	worker->pid = fork();
	ck_assert_int_ge(worker->pid, 0);
	if (worker->pid == 0) {
		close(orders[1]);
		close(answers[0]);
		worker_main(worker, orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	worker->orders = orders[1];
	worker->answers = answers[0];
}

static int worker_stop(struct worker *worker)
{
	int status = 0;

	close(worker->orders);
	close(worker->answers);
	ck_assert_int_eq(waitpid(worker->pid, &status, 0), worker->pid);
	return status;
}

/* 'k' done, 'r' LMDB refused, 'b' the written copy is bad, 's' died by a signal, 'h' hung. */
static char worker_run(struct worker *worker, char order)
{
	char answer;
	int status;

	ck_assert_int_eq(write(worker->orders, &order, 1), 1);
	if (read(worker->answers, &answer, 1) == 1)
		return answer;
	status = worker_stop(worker);
	worker_start(worker);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? 'h' : 's';
}

/* ---- what is sound passes ------------------------------------------------------------------------------------ */

START_TEST(test_sound_files)
{
	uint32_t deepest = 0;

	seed_rng("sound files");
	for (size_t r = 0; r < RECIPES; r++) {
		int fd = recipe_file(&recipes[r]);
		uint8_t page[PAGE];
		struct skafu__page_meta meta;

		expect_pass(fd);
		ck_assert_int_eq(check_full(fd), 0);
		ck_assert_uint_eq(outcome.tables, recipes[r].tables);
		ck_assert_uint_le(outcome.txn, recipes[r].commits); /* a commit without effect takes no number */
		ck_assert_uint_eq(outcome.file_bytes, file_bytes(fd));
		ck_assert_uint_eq(outcome.map_bytes, MAP_BYTES);
		ck_assert_int_eq(pread(fd, page, PAGE, (off_t)(outcome.txn & 1) * PAGE), (ssize_t)PAGE);
		ck_assert_ptr_null(skafu__page_meta(page, outcome.txn & 1, &meta));
		ck_assert_uint_eq(meta.last_page, outcome.last_page);
		for (uint64_t i = 2; i <= outcome.last_page; i++) {
			uint32_t depth = 0;

			/* Depth: the records of the tables lie in the leaf of the main table. */
			if (i == meta.main.root) {
				struct skafu__page_node node;
				struct skafu__page_table table;

				ck_assert_int_eq(pread(fd, page, PAGE, (off_t)i * PAGE), (ssize_t)PAGE);
				for (uint32_t n = 0; n < skafu__page_count(page); n++) {
					ck_assert_ptr_null(skafu__page_node(page, SKAFU__PAGE_LEAF, n, &node));
					skafu__page_table(node.value, &table);
					depth = table.depth > depth ? table.depth : depth;
				}
			}
			deepest = depth > deepest ? depth : deepest;
		}
		close(fd);
	}
	ck_assert_uint_ge(deepest, 5);
}
END_TEST

/* After every commit of long random histories, tables dropped and made again among them. */
START_TEST(test_sound_histories)
{
	uint32_t commits = 0;
	uint64_t lost = 0;

	seed_rng("sound histories");
	for (uint32_t round = 0; round < 12; round++) {
		const struct recipe recipe = { 60, 1 + below(60), 20 + below(400), 8 + below(500), 1 + below(20000),
					       below(90), 1 + below(TABLES) };
		int fd = memory_file();
		MDB_env *env = lmdb_open(fd, MDB_NOSYNC);

		ck_assert_ptr_nonnull(env);
		expect_pass(fd); /* no commit yet */
		for (uint32_t i = 0; i < recipe.commits; i++, commits++) {
			ck_assert_int_eq(random_commit(env, &recipe), 0);
			if (below(10) == 0) {
				MDB_txn *txn;
				MDB_dbi dbi;

				ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
				ck_assert_int_eq(mdb_dbi_open(txn, table_names[0], 0, &dbi), 0);
				ck_assert_int_eq(mdb_drop(txn, dbi, (int)below(2)), 0);
				ck_assert_int_eq(mdb_txn_commit(txn), 0);
			}
			expect_pass(fd);
			lost += outcome.pages_lost;
		}
		mdb_env_close(env);
		close(fd);
	}
	printf("sound histories: %u commits checked, %" PRIu64 " pages lost by LMDB\n", commits, lost);
}
END_TEST

/* Pages that were taken from the end and given back in one transaction are never written: the file is short. */
START_TEST(test_sound_short_file)
{
	uint32_t seen = 0;

	seed_rng("short file");
	for (uint32_t round = 0; round < 40; round++) {
		int fd = recipe_file(&recipes[6]);
		MDB_env *env = lmdb_open(fd, MDB_NOSYNC);
		MDB_txn *txn;
		MDB_dbi dbi;

		for (uint32_t i = 0; i < 6; i++) {
			static uint8_t bytes[200000];
			MDB_val key = { 3, "big" };
			MDB_val value = { 100000 + below(100000), bytes };

			ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
			ck_assert_int_eq(mdb_dbi_open(txn, table_names[1], 0, &dbi), 0);
			ck_assert_int_eq(mdb_put(txn, dbi, &key, &value, 0), 0);
			ck_assert_int_eq(mdb_del(txn, dbi, &key, NULL), 0);
			ck_assert_int_eq(mdb_txn_commit(txn), 0);
			expect_pass(fd);
			seen += file_bytes(fd) < (outcome.last_page + 1) * PAGE;
		}
		mdb_env_close(env);
		close(fd);
	}
	printf("short file: %u of 240 ended early\n", seen);
	ck_assert_uint_gt(seen, 0);
}
END_TEST

/* ---- what is not a store ------------------------------------------------------------------------------------- */

static int flagged_file(const char *name, unsigned flags)
{
	int fd = memory_file();
	MDB_env *env = lmdb_open(fd, MDB_NOSYNC);
	MDB_val key = { 8, "01234567" };
	MDB_txn *txn;
	MDB_dbi dbi;

	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, name, flags | (name ? MDB_CREATE : 0u), &dbi), 0);
	ck_assert_int_eq(mdb_put(txn, dbi, &key, &key, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	return fd;
}

START_TEST(test_foreign)
{
	static const unsigned flags[] = { MDB_REVERSEKEY, MDB_DUPSORT, MDB_INTEGERKEY, MDB_DUPSORT | MDB_DUPFIXED };
	int fd = memory_file();
	uint8_t noise[10000];

	expect_code(fd, SKAFU_EFOREIGN, "empty");
	memset(noise, 'x', sizeof noise);
	poke(fd, 0, noise, 100);
	expect_code(fd, SKAFU_EFOREIGN, "LMDB");
	poke(fd, 0, noise, sizeof noise);
	expect_code(fd, SKAFU_EFOREIGN, "LMDB");
	close(fd);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		fd = flagged_file("t", flags[i]);
		expect_code(fd, SKAFU_EFOREIGN, "flags");
		close(fd);
		fd = flagged_file(NULL, flags[i]);
		expect_code(fd, SKAFU_EFOREIGN, "main table has flags");
		close(fd);
	}
	fd = flagged_file(NULL, 0);
	expect_code(fd, SKAFU_EFOREIGN, "besides tables");
	close(fd);
}
END_TEST

START_TEST(test_unsupported)
{
	int fd = recipe_file(&recipes[0]);
	int other = file_twin(fd);
	uint8_t head[4096];
	static const uint8_t swapped[4] = { 0xBE, 0xEF, 0xC0, 0xDE };
	static const uint8_t native[4] = { 0xDE, 0xC0, 0xEF, 0xBE };
	static const uint8_t version[4] = { 2, 0, 0, 0 };
	static const uint8_t page_16k[4] = { 0, 0x40, 0, 0 };

	poke(other, 16, swapped, 4);
	expect_code(other, SKAFU_EUNSUPPORTED, "byte order");
	memset(head, 0, sizeof head);
	poke(other, 0, head, 24);
	poke(other, 12, native, 4);
	expect_code(other, SKAFU_EUNSUPPORTED, "word size");
	ck_assert_int_eq(file_copy(fd, other), 0);
	poke(other, 20, version, 4);
	expect_code(other, SKAFU_EDAMAGED, "page 0");
	poke(other, PAGE + 20, version, 4);
	expect_code(other, SKAFU_EUNSUPPORTED, "version 2");
	ck_assert_int_eq(file_copy(fd, other), 0);
	ck_assert_int_eq(pread(fd, head, sizeof head, 0), (ssize_t)sizeof head);
	poke(other, 40, page_16k, 4);
	expect_code(other, SKAFU_EDAMAGED, "page 0");
	poke(other, 16384, head, sizeof head);
	expect_code(other, SKAFU_EUNSUPPORTED, "16384");
	close(fd);
	close(other);
}
END_TEST

/* ---- crafted damage ------------------------------------------------------------------------------------------ */

static const uint8_t *newest_meta(const uint8_t *map)
{
	return map + (skafu__load_u64(map + 144) > skafu__load_u64(map + PAGE + 144) ? 0 : PAGE);
}

/* The first page of a kind that is in use, so that a change of it matters. */
static uint64_t live_page(int fd, uint32_t kind)
{
	uint8_t *map = file_map(fd);
	uint64_t pages = file_bytes(fd) / PAGE;
	uint64_t found = 0;

	for (uint64_t i = 2; i < pages && !found; i++) {
		uint8_t *flags = map + i * PAGE + 10;

		if (skafu__load_u16(flags) != kind || skafu__load_u64(map + i * PAGE) != i)
			continue;
		skafu__store_u16(flags, 0x30);
		if (check_full(fd) != 0)
			found = i;
		skafu__store_u16(flags, (uint16_t)kind);
	}
	munmap(map, (size_t)pages * PAGE);
	ck_assert_uint_gt(found, 0);
	return found;
}

START_TEST(test_crafted_meta)
{
	int fd = recipe_file(&recipes[2]);
	int other = file_twin(fd);
	uint8_t *map = file_map(fd);
	size_t meta = (size_t)(newest_meta(map) - map);
	uint64_t txn = skafu__load_u64(map + meta + 144);
	const struct {
		size_t at;
		uint64_t value;
		const char *part;
	} cases[] = {
		{ meta, 7, "head is not that of a meta page" },
		{ meta + 32, 1 << 12, "size of the map" },
		{ meta + 32, UINT64_MAX, "size of the map" },
		{ meta + 80, 1, "root" },
		{ meta + 80, UINT64_MAX - 1, "root" },
		{ meta + 80, UINT64_MAX, "without a root" },
		{ meta + 128, 1 << 30, "root" },
		{ meta + 104, UINT64_MAX, "more pages" },
		{ meta + 120, 0, "contradict" },
		{ meta + 136, 0, "last page is impossible" },
		{ meta + 136, 1 << 16, "" },
		{ meta + 136, UINT64_MAX, "last page is impossible" },
		{ meta + 144, txn + 1, "transaction number" },
		{ meta + 144, txn + 2, "consecutive" },
		{ meta + 144, txn - 4, "consecutive" },
		{ meta + 144, UINT64_MAX, "transaction number" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_int_eq(file_copy(fd, other), 0);
		poke_u64(other, cases[i].at, cases[i].value);
		expect_code(other, SKAFU_EDAMAGED, cases[i].part);
		/* QUICK sees all of that as well. */
		ck_assert_int_eq(check_level(other, SKAFU__PREFLIGHT_QUICK), SKAFU_EDAMAGED);
	}
	munmap(map, file_bytes(fd));
	close(fd);
	close(other);
}
END_TEST

START_TEST(test_crafted_pages)
{
	int fd = recipe_file(&recipes[3]);
	int other = file_twin(fd);
	size_t leaf = (size_t)live_page(fd, SKAFU__PAGE_LEAF) * PAGE;
	size_t branch = (size_t)live_page(fd, SKAFU__PAGE_BRANCH) * PAGE;
	uint8_t *map = file_map(fd);
	size_t node = leaf + skafu__load_u16(map + leaf + 16);
	size_t child = branch + skafu__load_u16(map + branch + 18);
	const struct {
		size_t at;
		uint16_t value;
		const char *part;
	} cases[] = {
		{ leaf, 1, "number of another page" },
		{ leaf + 10, SKAFU__PAGE_BRANCH, "not the leaf" },
		{ leaf + 10, SKAFU__PAGE_LEAF | 0x10, "not the leaf" },
		{ leaf + 12, 16, "too few" },
		{ leaf + 12, 17, "bounds" },
		{ leaf + 12, 4098, "bounds" },
		{ leaf + 14, 4098, "bounds" },
		{ leaf + 14, 14, "bounds" },
		{ leaf + 16, 0, "outside" },
		{ leaf + 16, 17, "outside" },
		{ leaf + 16, 4094, "outside" },
		{ leaf + 16, 20, "" },
		{ node, 60000, "value reaches" },
		{ node + 4, 4, "flags" },
		{ node + 4, SKAFU__NODE_BIG | SKAFU__NODE_TABLE, "flags" },
		{ node + 6, 0, "empty" },
		{ node + 6, 512, "too long" },
		{ branch + 10, SKAFU__PAGE_LEAF, "" },
		{ branch + 12, 18, "too few" },
		{ child, (uint16_t)(branch / PAGE), "" }, /* a cycle */
		{ child, 0, "not a page of the file" },
		{ child + 4, 1, "not a page of the file" },
		{ child + 6, 0, "empty" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_int_eq(file_copy(fd, other), 0);
		poke_u16(other, cases[i].at, cases[i].value);
		expect_code(other, SKAFU_EDAMAGED, cases[i].part);
	}
	/* Keys in the wrong order: swap two pointers. */
	ck_assert_int_eq(file_copy(fd, other), 0);
	poke(other, leaf + 16, map + leaf + 18, 2);
	poke(other, leaf + 18, map + leaf + 16, 2);
	expect_code(other, SKAFU_EDAMAGED, "out of order");
	munmap(map, file_bytes(fd));
	close(fd);
	close(other);
}
END_TEST

START_TEST(test_crafted_order_of_pages)
{
	int fd = recipe_file(&recipes[4]);
	size_t branch = (size_t)live_page(fd, SKAFU__PAGE_BRANCH) * PAGE;
	uint8_t *map = file_map(fd);
	uint8_t *first = map + branch + skafu__load_u16(map + branch + 18);
	uint8_t saved[8];

	/* A separator below a key to its left; then two children exchanged. */
	memcpy(saved, first + 8, 8);
	memset(first + 8, 0, 8);
	expect_code(fd, SKAFU_EDAMAGED, "");
	memcpy(first + 8, saved, 8);
	expect_pass(fd);
	if (skafu__page_count(map + branch) > 2) {
		uint8_t *second = map + branch + skafu__load_u16(map + branch + 20);
		uint8_t child[6];

		memcpy(child, first, 6);
		memcpy(first, second, 6);
		memcpy(second, child, 6);
		expect_code(fd, SKAFU_EDAMAGED, "do not follow");
	}
	munmap(map, file_bytes(fd));
	close(fd);
}
END_TEST

START_TEST(test_crafted_overflow)
{
	int fd = recipe_file(&recipes[2]);
	size_t big = (size_t)live_page(fd, SKAFU__PAGE_OVERFLOW) * PAGE;
	uint8_t *map = file_map(fd);
	uint8_t saved[16];

	memcpy(saved, map + big, 16);
	skafu__store_u32(map + big + 12, 0);
	expect_code(fd, SKAFU_EDAMAGED, "larger than its overflow pages");
	skafu__store_u32(map + big + 12, UINT32_MAX);
	expect_code(fd, SKAFU_EDAMAGED, "overflow pages than its record");
	skafu__store_u32(map + big + 12, skafu__load_u32(saved + 12) + 1);
	expect_code(fd, SKAFU_EDAMAGED, "");
	memcpy(map + big, saved, 16);
	skafu__store_u64(map + big, 1);
	expect_code(fd, SKAFU_EDAMAGED, "number of another page");
	munmap(map, file_bytes(fd));
	close(fd);
}
END_TEST

/* The value of the first free-list record, when its leaf is the root. */
static uint8_t *free_record(uint8_t *map, uint8_t **out_key)
{
	uint64_t root = skafu__load_u64(newest_meta(map) + 80);
	uint8_t *page = map + root * PAGE;
	uint8_t *node = page + skafu__load_u16(page + 16);

	ck_assert_uint_eq(skafu__load_u16(page + 10), SKAFU__PAGE_LEAF);
	ck_assert_uint_eq(skafu__load_u16(node + 4), 0);
	*out_key = node + 8;
	return node + 16;
}

START_TEST(test_crafted_free_list)
{
	int fd = recipe_file(&recipes[6]);
	uint8_t *map = file_map(fd);
	uint8_t *key;
	uint8_t *list = free_record(map, &key);
	uint64_t count = skafu__load_u64(list);
	uint64_t txn = skafu__load_u64(key);
	const struct {
		uint8_t *at;
		uint64_t value;
		const char *part;
	} cases[] = {
		{ list, count + 100000, "counts more" },
		{ list, UINT64_MAX, "counts more" },
		{ list + 8, 1, "not a page" },
		{ list + 8, UINT64_MAX - 1, "not a page" },
		{ list + 8, skafu__load_u64(newest_meta(map) + 128), "" }, /* the root of the main table */
		{ key, 0, "never was" },
		{ key, txn + (1 << 20), "" },
	};

	ck_assert_uint_gt(count, 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t saved = skafu__load_u64(cases[i].at);

		skafu__store_u64(cases[i].at, cases[i].value);
		expect_code(fd, SKAFU_EDAMAGED, cases[i].part);
		ck_assert_int_eq(check_level(fd, SKAFU__PREFLIGHT_QUICK), SKAFU_EDAMAGED);
		skafu__store_u64(cases[i].at, saved);
		expect_pass(fd);
	}
	munmap(map, file_bytes(fd));
	close(fd);
}
END_TEST

/* ---- memory, time, faults ------------------------------------------------------------------------------------ */

/* Two meta pages that claim what the test wants, in a file as long as the test wants (sparse). */
static int claims_file(uint64_t last_page, uint64_t bytes)
{
	int fd = recipe_file(&recipes[0]);

	for (size_t meta = 0; meta < 2; meta++) {
		poke_u64(fd, meta * PAGE + 136, last_page);
		poke_u64(fd, meta * PAGE + 32, (last_page + 1) * PAGE);
	}
	ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

START_TEST(test_huge_claims)
{
	struct skafu__sys sys = counted_sys();
	struct skafu__preflight_opts opts = { .level = SKAFU__PREFLIGHT_FULL };
	int fd = claims_file((uint64_t)1 << 33, 65536);

	/* 64 KiB that claim 32 TiB. */
	ck_assert_int_eq(skafu__preflight_check(&sys, fd, &opts, NULL, &failure), SKAFU_EDAMAGED);
	ck_assert_uint_le(memory_peak, 1 << 20);
	close(fd);
	/* 1 TiB of nothing: 32 MiB of bits, and the rest of the file is never read. */
	fd = claims_file(((uint64_t)1 << 28) - 1, (uint64_t)1 << 40);
	ck_assert_int_eq(skafu__preflight_check(&sys, fd, &opts, NULL, &failure), 0);
	ck_assert_uint_le(memory_peak, 64 << 20);
	ck_assert_uint_le(reads, 20);
	/* 4 TiB need 128 MiB, unless allowed. */
	close(fd);
	fd = claims_file(((uint64_t)1 << 30) - 1, (uint64_t)1 << 42);
	memory_peak = 0;
	ck_assert_int_eq(skafu__preflight_check(&sys, fd, &opts, NULL, &failure), SKAFU_ELIMIT);
	ck_assert_uint_le(memory_peak, 64 << 20);
	opts.memory_bytes_max = 1000;
	ck_assert_int_eq(skafu__preflight_check(&sys, fd, &opts, NULL, &failure), SKAFU_ELIMIT);
	close(fd);
	ck_assert_uint_eq(memory_now, 0);
}
END_TEST

START_TEST(test_time_limit)
{
	struct skafu__sys sys = counted_sys();
	struct skafu__preflight_opts opts = { .level = SKAFU__PREFLIGHT_FULL };
	int fd = recipe_file(&recipes[4]);

	clock_step_ns = 300000000;
	ck_assert_int_eq(skafu__preflight_check(&sys, fd, &opts, NULL, &failure), SKAFU_ETIMEOUT);
	ck_assert_uint_le(reads, 64 * 5);
	opts.time_ns_max = SKAFU_WAIT_FOREVER;
	ck_assert_int_eq(skafu__preflight_check(&sys, fd, &opts, NULL, &failure), 0);
	close(fd);
}
END_TEST

START_TEST(test_failing_calls)
{
	struct skafu__sys sys = counted_sys();
	struct skafu__preflight_opts opts = { .level = SKAFU__PREFLIGHT_FULL };
	int fd = recipe_file(&recipes[2]);
	int32_t result = SKAFU_ENOMEM;
	uint32_t n;

	for (n = 1; result == SKAFU_ENOMEM; n++) {
		allocations = 0;
		allocation_fails_at = n;
		result = skafu__preflight_check(&sys, fd, &opts, NULL, &failure);
		ck_assert_uint_eq(memory_now, 0);
	}
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(n, 5); /* three allocations, then the run that succeeded */
	allocation_fails_at = 0;
	for (n = 1, result = SKAFU_EIO; result == SKAFU_EIO; n++) {
		reads = 0;
		read_fails_at = n;
		result = skafu__preflight_check(&sys, fd, &opts, NULL, &failure);
		ck_assert_uint_eq(memory_now, 0);
	}
	ck_assert_int_eq(result, 0);
	ck_assert_uint_gt(n, 10);
	close(fd);
	result = skafu__preflight_check(&sys, -1, NULL, NULL, &failure);
	ck_assert_int_eq(result, SKAFU_EIO);
}
END_TEST

/* QUICK on a larger store reads a few pages, finds damage where it promises to, and says that it left things out. */
START_TEST(test_quick)
{
	const struct recipe recipe = { 6, 6000, 1000000, 16, 300, 0, 2 };
	struct skafu__sys sys = counted_sys();
	struct skafu__preflight_opts opts = { .whole_pages_max = 8 };
	struct skafu__preflight_result result = { 0 };
	int fd;
	uint64_t found = 0, pages;

	seed_rng("quick");
	fd = recipe_file(&recipe);
	ck_assert_int_eq(skafu__preflight_check(&sys, fd, &opts, &result, &failure), 0);
	ck_assert_uint_eq(result.whole, 0);
	ck_assert_uint_eq(result.pages_lost, 0);
	ck_assert_uint_lt(reads, 40);
	pages = file_bytes(fd) / PAGE;
	ck_assert_uint_gt(pages, 1000);
	for (uint64_t i = 0; i < pages; i++) {
		uint8_t page[PAGE], zero[PAGE] = { 0 };

		ck_assert_int_eq(pread(fd, page, PAGE, (off_t)(i * PAGE)), (ssize_t)PAGE);
		poke(fd, i * PAGE, zero, PAGE);
		found += skafu__preflight_check(&sys, fd, &opts, NULL, &failure) != 0;
		poke(fd, i * PAGE, page, PAGE);
	}
	/* Both meta pages, the main table, the free list, root to first and to last leaf of two tables. */
	ck_assert_uint_ge(found, 2 + 1 + 1 + 2 * 3);
	ck_assert_int_eq(ftruncate(fd, (off_t)((pages - 1) * PAGE)), 0);
	ck_assert_int_ne(skafu__preflight_check(&sys, fd, &opts, NULL, &failure), 0);
	close(fd);
}
END_TEST

/* ---- random damage ------------------------------------------------------------------------------------------- */

struct tally {
	uint32_t damages;
	uint32_t refused;
	uint32_t passed;
	uint32_t written;
	uint32_t crashes; /* after a pass */
	uint32_t hangs;
	uint32_t bad_writes;
	uint32_t refused_tried; /* given to LMDB nevertheless, to see what the refusal is worth */
	uint32_t refused_died;
};

static void judge(struct worker *worker, int fd, struct tally *tally)
{
	char answer;

	tally->damages++;
	if (check_full(fd) != 0) {
		ck_assert_int_eq(failure.code < 0, 1);
		tally->refused++;
		if (tally->refused_tried < 500 && tally->refused % 12 == 0) {
			tally->refused_tried++;
			answer = worker_run(worker, 'q');
			tally->refused_died += answer == 's' || answer == 'h';
		}
		return;
	}
	tally->passed++;
	answer = worker_run(worker, 's');
	if (answer == 'k' && tally->passed % 3 == 0) {
		tally->written++;
		answer = worker_run(worker, 'w');
	}
	tally->crashes += answer == 's';
	tally->hangs += answer == 'h';
	tally->bad_writes += answer == 'b' || answer == 'r';
}

static void damage_recipe(const struct recipe *recipe, uint32_t rounds, struct tally *tally)
{
	int fd = recipe_file(recipe);
	int original_fd = file_twin(fd);
	size_t bytes = file_bytes(fd);
	uint8_t *map = file_map(fd);
	uint8_t *original = file_map(original_fd);
	struct worker worker = { .file = fd, .scratch = memory_file() };

	expect_pass(fd);
	worker_start(&worker);
	for (uint32_t i = 0; i < rounds; i++) {
		size_t at, length;

		damage(map, bytes, &at, &length);
		judge(&worker, fd, tally);
		memcpy(map + at, original + at, length);
	}
	munmap(map, bytes);
	/* Cut at every page, and within it. */
	for (size_t cut = 0; cut < bytes; cut += PAGE / 2) {
		ck_assert_int_eq(ftruncate(fd, (off_t)cut), 0);
		judge(&worker, fd, tally);
		ck_assert_int_eq(file_copy(original_fd, fd), 0);
	}
	worker_stop(&worker);
	munmap(original, bytes);
	close(worker.scratch);
	close(original_fd);
	close(fd);
}

START_TEST(test_random_damage)
{
	static const size_t used[] = { 0, 1, 2, 3, 6 };
	const char *given = getenv("SKAFU_TEST_DAMAGES");
	uint32_t rounds = given ? (uint32_t)strtoul(given, NULL, 0) : 20000;
	struct tally tally = { 0 };

	seed_rng("random damage");
	for (size_t i = 0; i < 5; i++)
		damage_recipe(&recipes[used[i]], rounds / 5, &tally);
	printf("random damage: %u damages, %u refused, %u passed; after a pass LMDB: %u crashes, %u hangs in %u "
	       "scans, %u unsound files after %u writings; of %u refused files LMDB died on %u\n",
	       tally.damages, tally.refused, tally.passed, tally.crashes, tally.hangs, tally.passed, tally.bad_writes,
	       tally.written, tally.refused_tried, tally.refused_died);
	ck_assert_uint_eq(tally.crashes, 0);
	ck_assert_uint_eq(tally.hangs, 0);
	ck_assert_uint_eq(tally.bad_writes, 0);
	ck_assert_uint_gt(tally.passed, 0);
	ck_assert_uint_gt(tally.refused_died, 0); /* the damages have teeth */
}
END_TEST

START_TEST(test_random_files)
{
	int fd = memory_file();
	int sound = recipe_file(&recipes[0]);
	uint8_t metas[2 * PAGE];
	static uint8_t bytes[65536];

	seed_rng("random files");
	ck_assert_int_eq(pread(sound, metas, sizeof metas, 0), (ssize_t)sizeof metas);
	for (uint32_t i = 0; i < 4000; i++) {
		size_t length = i < 2000 ? (size_t)i * 33 % 65537 : below(65537);

		for (size_t at = 0; at < length; at++)
			bytes[at] = (uint8_t)rng();
		if (i % 2 && length >= sizeof metas)
			memcpy(bytes, metas, sizeof metas);
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		poke(fd, 0, bytes, length);
		ck_assert_int_ne(check_full(fd), 0);
		ck_assert_int_ne(check_level(fd, SKAFU__PREFLIGHT_QUICK), 0);
	}
	close(fd);
	close(sound);
}
END_TEST

static Suite *preflight_suite(void)
{
	Suite *suite = suite_create("preflight");
	TCase *tests = tcase_create("all");

	tcase_set_timeout(tests, 240);
	tcase_add_test(tests, test_sound_files);
	tcase_add_test(tests, test_sound_histories);
	tcase_add_test(tests, test_sound_short_file);
	tcase_add_test(tests, test_foreign);
	tcase_add_test(tests, test_unsupported);
	tcase_add_test(tests, test_crafted_meta);
	tcase_add_test(tests, test_crafted_pages);
	tcase_add_test(tests, test_crafted_order_of_pages);
	tcase_add_test(tests, test_crafted_overflow);
	tcase_add_test(tests, test_crafted_free_list);
	tcase_add_test(tests, test_huge_claims);
	tcase_add_test(tests, test_time_limit);
	tcase_add_test(tests, test_failing_calls);
	tcase_add_test(tests, test_quick);
	tcase_add_test(tests, test_random_damage);
	tcase_add_test(tests, test_random_files);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (skafu__sys_init(&real, NULL) != 0)
		return 1;
	return suite_run(preflight_suite());
}
