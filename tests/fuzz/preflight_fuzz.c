/*
 * preflight_fuzz.c: any bytes as a data file, for preflight and for both manners of salvage.
 *
 * The file lies in memory: the table of system calls is replaced.  Files that pass FULL are what the check exists
 * for: LMDB gets them and must read all of it.
 *
 * The first byte of the input picks one of the sound files that are made at the start, and the rest are changes to
 * it, of 5 bytes each: page, offset in the page (14 bits; the other two say what: set, flip, or set the three bytes
 * that follow, too), value.  255 as the first byte: the rest is the file itself.
 */
#include <errno.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/page.h"
#include "store/preflight.h"

#define BASES 6
#define PAGE SKAFU__PAGE_BYTES

static uint8_t *bases[BASES];
static size_t base_bytes[BASES];
static uint8_t *work;
static const uint8_t *input;
static size_t input_bytes;
static volatile uint64_t touched;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
	if (!condition)
		abort();
}

static ssize_t input_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	size_t at = (size_t)offset;

	(void)fd;
	if (offset < 0) {
		errno = EINVAL;
		return -1;
	}
	if (at >= input_bytes)
		return 0;
	if (bytes > input_bytes - at)
		bytes = input_bytes - at;
	memcpy(buffer, input + at, bytes);
	return (ssize_t)bytes;
}

static int input_fstat(int fd, struct stat *out)
{
	(void)fd;
	memset(out, 0, sizeof *out);
	out->st_size = (off_t)input_bytes;
	return 0;
}

static uint64_t sum_of(const uint8_t *bytes, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static int32_t visit(void *user, const struct skafu__page_found *found)
{
	(void)user;
	touched += sum_of(found->key, found->key_bytes) + sum_of(found->value, found->value_bytes);
	if (found->table)
		touched += sum_of(found->table, found->table_bytes);
	return 0;
}

static void scan_table(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, value;

	if (mdb_cursor_open(txn, dbi, &cursor) != 0)
		return;
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		char name[512] = { 0 };
		MDB_dbi child;

		touched += sum_of(key.mv_data, key.mv_size) + sum_of(value.mv_data, value.mv_size);
		memcpy(name, key.mv_data, key.mv_size);
		if (dbi == 1 && mdb_dbi_open(txn, name, 0, &child) == 0)
			scan_table(txn, child);
	}
	mdb_cursor_close(cursor);
}

static MDB_env *open_env(int fd, unsigned flags)
{
	char path[64];
	MDB_env *env = NULL;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	demand(mdb_env_create(&env) == 0);
	mdb_env_set_maxdbs(env, 16);
	mdb_env_set_mapsize(env, 1 << 20);
	if (mdb_env_open(env, path, flags | MDB_NOLOCK | MDB_NOSUBDIR, 0600) == 0)
		return env;
	mdb_env_close(env);
	return NULL;
}

static void scan(void)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	demand(fd >= 0 && write(fd, input, input_bytes) == (ssize_t)input_bytes);
	env = open_env(fd, MDB_RDONLY);
	if (env && mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0) {
		if (mdb_dbi_open(txn, NULL, 0, &dbi) == 0)
			scan_table(txn, dbi);
		mdb_txn_abort(txn);
	}
	mdb_env_close(env);
	close(fd);
}

/* Few keys and many changes: two tables, deletes, long keys in one file, values over several pages in another. */
static void fill(MDB_env *env, unsigned base)
{
	static char key_bytes[400], value_bytes[12000];

	for (unsigned commit = 0; commit < base * 3; commit++) {
		MDB_txn *txn;
		MDB_dbi dbi;

		demand(mdb_txn_begin(env, NULL, 0, &txn) == 0);
		demand(mdb_dbi_open(txn, commit % 3 ? "chunk" : "row", MDB_CREATE, &dbi) == 0);
		for (unsigned i = 0; i < base * 2; i++) {
			unsigned number = (commit * 7 + i * 5) % 41;
			MDB_val key = { base == 3 ? 400 : 8, key_bytes };
			MDB_val value = { base == 4 ? number * 290 : number, value_bytes };

			memset(key_bytes, (int)number + 1, sizeof key_bytes);
			if (number % 3 == commit % 3)
				mdb_del(txn, dbi, &key, NULL);
			else
				demand(mdb_put(txn, dbi, &key, &value, 0) == 0);
		}
		demand(mdb_txn_commit(txn) == 0);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	size_t largest = 0;

	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < BASES; i++) {
		int fd = memfd_create("base", MFD_CLOEXEC);
		MDB_env *env = open_env(fd, MDB_NOSYNC);
		struct stat about;

		demand(env != NULL);
		fill(env, i);
		mdb_env_close(env);
		demand(fstat(fd, &about) == 0);
		base_bytes[i] = (size_t)about.st_size;
		bases[i] = malloc(base_bytes[i]);
		demand(bases[i] && pread(fd, bases[i], base_bytes[i], 0) == (ssize_t)base_bytes[i]);
		largest = base_bytes[i] > largest ? base_bytes[i] : largest;
		close(fd);
	}
	work = malloc(largest);
	demand(work != NULL);
	return 0;
}

/* The file that the input describes. */
static void make_input(const uint8_t *data, size_t size)
{
	unsigned base = data[0] % BASES;

	input = data + 1;
	input_bytes = size - 1;
	if (data[0] == 255)
		return;
	memcpy(work, bases[base], base_bytes[base]);
	for (size_t i = 1; i + 5 <= size; i += 5) {
		unsigned place = data[i + 1] | (unsigned)data[i + 2] << 8;
		size_t at = data[i] % (base_bytes[base] / PAGE) * PAGE + (place & 4095);

		if (place >> 14 == 0)
			work[at] = (uint8_t)(work[at] ^ data[i + 3]);
		else
			work[at] = data[i + 3];
		if (place >> 14 == 3 && (place & 4095) < 4092)
			memset(work + at + 1, data[i + 4], 3);
	}
	input = work;
	input_bytes = base_bytes[base];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skafu__preflight_opts opts = { .level = SKAFU__PREFLIGHT_QUICK, .whole_pages_max = 1 };
	struct skafu__page_walk_opts walk = { .visit = visit };
	struct skafu__page_walk_result walked;
	struct skafu__sys sys;
	skafu_error error;
	int32_t quick;

	if (size == 0 || skafu__sys_init(&sys, NULL) != 0)
		return 0;
	make_input(data, size);
	sys.pread = input_pread;
	sys.fstat = input_fstat;
	quick = skafu__preflight_check(&sys, 0, &opts, NULL, &error);
	opts.level = SKAFU__PREFLIGHT_FULL;
	if (skafu__preflight_check(&sys, 0, &opts, NULL, &error) == 0) {
		demand(quick == 0); /* what FULL accepts, QUICK must not refuse */
		scan();
	}
	for (walk.source = 0; walk.source < 3; walk.source++)
		skafu__page_walk(&sys, 0, &walk, &walked, &error);
	return 0;
}
