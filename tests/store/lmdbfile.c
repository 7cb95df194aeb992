/*
 * lmdbfile.c: the files of lmdbfile.h, and what is done to them.
 */
#include "store/lmdbfile.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

const char *const table_names[TABLES] = { "meta", "chunk", "run", "manifest", "row", "name" };

/* ---- random numbers ------------------------------------------------------------------------------------------ */

static uint64_t rng_state = 88172645463325252u;

uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

uint32_t below(uint64_t limit)
{
	return (uint32_t)(rng() % limit);
}

void seed_rng(const char *test)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 20250118;

	rng_state = seed * 0x9E3779B97F4A7C15u | 1;
	printf("%s: seed %" PRIu64 "\n", test, seed);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

int memory_file(void)
{
	int fd = memfd_create("preflight", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

MDB_env *lmdb_open(int fd, unsigned flags)
{
	MDB_env *env;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (mdb_env_create(&env) != 0)
		return NULL;
	mdb_env_set_maxdbs(env, 64);
	mdb_env_set_mapsize(env, MAP_BYTES);
	if (mdb_env_open(env, path, flags | MDB_NOSUBDIR | MDB_NOLOCK, 0600) != 0) {
		mdb_env_close(env);
		return NULL;
	}
	return env;
}

size_t file_bytes(int fd)
{
	struct stat about;

	ck_assert_int_eq(fstat(fd, &about), 0);
	return (size_t)about.st_size;
}

/* Called in the worker too, so it asserts nothing. */
int file_copy(int from, int to)
{
	struct stat about;
	uint8_t *copy;
	ssize_t bytes;
	int failed = 1;

	if (fstat(from, &about) != 0 || ftruncate(to, 0) != 0)
		return 1;
	bytes = (ssize_t)about.st_size;
	copy = malloc((size_t)bytes + 1);
	if (copy)
		failed = pread(from, copy, (size_t)bytes, 0) != bytes || pwrite(to, copy, (size_t)bytes, 0) != bytes;
	free(copy);
	return failed;
}

int file_twin(int from)
{
	int fd = memory_file();

	ck_assert_int_eq(file_copy(from, fd), 0);
	return fd;
}

const struct recipe recipes[RECIPES] = {
	{ 1, 3, 10, 16, 30, 0, 1 },          /* one leaf */
	{ 12, 12, 200, 16, 200, 20, 6 },     /* all tables, two levels */
	{ 20, 6, 60, 16, 15000, 30, 3 },     /* big values, a free list */
	{ 5, 120, 400, 500, 20, 5, 2 },      /* long keys: deep trees */
	{ 3, 900, 100000, 508, 4, 0, 1 },    /* five levels */
	{ 2, 3000, 100000, 16, 40, 0, 6 },   /* small values */
	{ 60, 4, 40, 20, 6000, 60, 6 },      /* many small commits */
};

/* These two return LMDB's code and assert nothing: the worker calls them too. */
static int random_change(MDB_txn *txn, MDB_dbi dbi, const struct recipe *recipe)
{
	static uint8_t bytes[1 << 17];
	char text[512];
	size_t shortest = recipe->key_bytes > 500 ? recipe->key_bytes : 8;
	MDB_val key = { .mv_size = shortest + below(recipe->key_bytes - shortest + 1), .mv_data = text };
	MDB_val value = { .mv_size = below(recipe->value_bytes + 1), .mv_data = bytes };
	int rc;

	memset(text, 'k', sizeof text);
	skafu__store_u64_be(text, below(recipe->keys));
	memset(bytes, (int)below(256), value.mv_size);
	if (below(100) >= recipe->deletes)
		return mdb_put(txn, dbi, &key, &value, 0);
	rc = mdb_del(txn, dbi, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int random_commit(MDB_env *env, const struct recipe *recipe)
{
	MDB_txn *txn;
	MDB_dbi dbi[TABLES];
	int rc = mdb_txn_begin(env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < recipe->tables; i++)
		rc = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &dbi[i]);
	for (uint32_t i = 0; rc == 0 && i < recipe->puts; i++)
		rc = random_change(txn, dbi[below(recipe->tables)], recipe);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

int recipe_file(const struct recipe *recipe)
{
	int fd = memory_file();
	MDB_env *env = lmdb_open(fd, MDB_NOSYNC);

	ck_assert_ptr_nonnull(env);
	for (uint32_t i = 0; i < recipe->commits; i++)
		ck_assert_int_eq(random_commit(env, recipe), 0);
	mdb_env_close(env);
	return fd;
}

uint64_t touch(const MDB_val *value, uint64_t sum)
{
	const uint8_t *bytes = value->mv_data;

	for (size_t i = 0; i < value->mv_size; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

void poke(int fd, size_t at, const void *bytes, size_t length)
{
	ck_assert_int_eq(pwrite(fd, bytes, length, (off_t)at), (ssize_t)length);
}

void poke_u64(int fd, size_t at, uint64_t value)
{
	uint8_t bytes[8];

	skafu__store_u64(bytes, value);
	poke(fd, at, bytes, 8);
}

void poke_u16(int fd, size_t at, uint16_t value)
{
	uint8_t bytes[2];

	skafu__store_u16(bytes, value);
	poke(fd, at, bytes, 2);
}

uint8_t *file_map(int fd)
{
	uint8_t *map = mmap(NULL, file_bytes(fd), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(map, MAP_FAILED);
	return map;
}

/* ---- random damage ------------------------------------------------------------------------------------------- */

/* One damage; *out_at and *out_bytes say what has to be put back from the original. */
void damage(uint8_t *map, size_t bytes, size_t *out_at, size_t *out_bytes)
{
	size_t pages = bytes / PAGE;
	size_t page = below(3) == 0 ? below(pages < 12 ? pages : 12) : below(pages);
	/* Heads and pointers are hit as often as values, though they are a small part of the page. */
	size_t at = page * PAGE + (below(2) ? below(64) : below(PAGE));

	*out_at = page * PAGE;
	*out_bytes = PAGE;
	switch (below(8)) {
	case 0:
		memset(map + page * PAGE, 0, PAGE);
		break;
	case 1: {
		size_t other = below(pages);
		uint8_t held[PAGE];

		memcpy(held, map + page * PAGE, PAGE);
		memcpy(map + page * PAGE, map + other * PAGE, PAGE);
		memcpy(map + other * PAGE, held, PAGE);
		*out_at = 0;
		*out_bytes = bytes;
		break;
	}
	case 2:
	case 3:
		for (uint32_t i = 0; i < 8; i++)
			map[page * PAGE + below(PAGE)] ^= (uint8_t)(1u << below(8));
		break;
	case 4:
		map[at] = (uint8_t)below(256);
		break;
	default:
		map[at] ^= (uint8_t)(1u << below(8));
	}
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

size_t memory_now, memory_peak;
uint32_t allocations, allocation_fails_at;
uint32_t reads, read_fails_at;
int64_t clock_ns, clock_step_ns;

static void *counted_allocate(void *user, size_t bytes)
{
	size_t *block;

	(void)user;
	if (++allocations == allocation_fails_at)
		return NULL;
	block = malloc(bytes + 16);
	ck_assert_ptr_nonnull(block);
	block[0] = bytes;
	memory_now += bytes;
	memory_peak = memory_now > memory_peak ? memory_now : memory_peak;
	return block + 2;
}

static void counted_release(void *user, void *block)
{
	size_t *real_block = block;

	(void)user;
	if (!block)
		return;
	memory_now -= real_block[-2];
	free(real_block - 2);
}

static void *counted_reallocate(void *user, void *block, size_t bytes)
{
	void *grown = counted_allocate(user, bytes);

	if (grown && block) {
		size_t had = ((size_t *)block)[-2];

		memcpy(grown, block, had < bytes ? had : bytes);
		counted_release(user, block);
	}
	return grown;
}

static ssize_t counted_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	if (++reads == read_fails_at) {
		errno = EIO;
		return -1;
	}
	return pread(fd, buffer, bytes, offset);
}

static int64_t stepping_clock(void)
{
	clock_ns += clock_step_ns;
	return clock_ns;
}

struct skafu__sys counted_sys(void)
{
	struct skafu__sys sys;

	ck_assert_int_eq(skafu__sys_init(&sys, NULL), 0);

	sys.allocate = counted_allocate;
	sys.reallocate = counted_reallocate;
	sys.release = counted_release;
	sys.pread = counted_pread;
	sys.monotonic_ns = stepping_clock;
	memory_now = memory_peak = 0;
	allocations = reads = allocation_fails_at = read_fails_at = 0;
	clock_ns = clock_step_ns = 0;
	return sys;
}
