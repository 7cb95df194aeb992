/*
 * lmdbfile.h: LMDB files for the tests of preflight and page: made in memory, damaged, read with failing calls.
 */
#ifndef SKAFU__TESTS_STORE_LMDBFILE_H
#define SKAFU__TESTS_STORE_LMDBFILE_H

#include <lmdb.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "store/page.h"

#define PAGE SKAFU__PAGE_BYTES
#define TABLES 6
#define MAP_BYTES ((size_t)1 << 28)
#define RECIPES 7

extern const char *const table_names[TABLES];

/* How the content of a file is made. */
struct recipe {
	uint32_t commits;
	uint32_t puts;      /* of each commit */
	uint32_t keys;      /* different ones */
	uint32_t key_bytes; /* at most */
	uint32_t value_bytes;
	uint32_t deletes; /* per cent of the puts */
	uint32_t tables;
};

extern const struct recipe recipes[RECIPES];

/* Random numbers.  seed_rng() takes SKAFU_TEST_SEED and prints what it took. */
uint64_t rng(void);
uint32_t below(uint64_t limit);
void seed_rng(const char *test);

/* Files are memfds.  LMDB opens them without a lock file. */
int memory_file(void);
MDB_env *lmdb_open(int fd, unsigned flags);
size_t file_bytes(int fd);
int file_twin(int from);
int recipe_file(const struct recipe *recipe);
uint8_t *file_map(int fd);
void poke(int fd, size_t at, const void *bytes, size_t length);
void poke_u64(int fd, size_t at, uint64_t value);
void poke_u16(int fd, size_t at, uint16_t value);

/* These assert nothing, for they run in forked children too: 0, or 1 or LMDB's code. */
int file_copy(int from, int to);
int random_commit(MDB_env *env, const struct recipe *recipe);

/* Mix the bytes of a value into a sum. */
uint64_t touch(const MDB_val *value, uint64_t sum);

/* One random damage to a mapped file; says which bytes have to be put back to undo it. */
void damage(uint8_t *map, size_t bytes, size_t *out_at, size_t *out_bytes);

/* A table of system calls that counts, fails and steps as the numbers say; making it sets them all to 0. */
extern size_t memory_now, memory_peak;
extern uint32_t allocations, allocation_fails_at;
extern uint32_t reads, read_fails_at;
extern int64_t clock_ns, clock_step_ns;

struct skafu__sys counted_sys(void);

#endif
