/*
 * subject_lmdb.c: a small careful store on raw LMDB, to prove the crash harness on something that is known.
 *
 * dir/store/log: table "event", 8-byte big-endian position -> number, length, bytes made from the seed; table "row",
 * a few keys that are overwritten and deleted.  Creation works in a temporary name, as LMDB's own is not crash-safe.
 * What must be there after n operations is known as a digest of all records.
 */
#include "fault/subject_lmdb.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS_MAX 512
#define RUN_OPS_MAX 256
#define RECORD_MAX 6000
#define ROWS 6
#define MAP_BYTES ((size_t)8 << 20)

enum { OP_APPEND, OP_BATCH, OP_LARGE, OP_ROW, OP_ROW_DROP, OP_TRIM, OP_REOPEN, OP_COUNT };

static const char *const lmdb_ops[OP_COUNT] = {"append", "batch", "large", "row", "row-drop", "trim", "reopen"};

struct lmdb_run {
	char dir[300];
	uint64_t seed;
	MDB_env *env;
	MDB_dbi events, rows;
	uint64_t first, next; /* events first .. next-1 are there */
	unsigned char row_there[ROWS];
	uint64_t row_version[ROWS];
	uint64_t done;                     /* operations */
	uint64_t digests[RUN_OPS_MAX + 1]; /* after each */
};

static uint64_t lmdb_mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

static void key_put(unsigned char out[8], uint64_t value)
{
	int i;

	for (i = 7; i >= 0; i--, value >>= 8)
		out[i] = (unsigned char)value;
}

/* Content of an event or of a row, from seed and number only. */
static size_t record_make(uint64_t seed, uint64_t number, int large, unsigned char out[RECORD_MAX])
{
	uint64_t state = lmdb_mix(seed ^ number * 0x9e3779b97f4a7c15u);
	size_t i, length = large ? 4500 + (size_t)(state % 1400) : 20 + (size_t)(state % 200);

	for (i = 0; i < length; i++) {
		if (i % 8 == 0)
			state += 0x9e3779b97f4a7c15u;
		out[i] = (unsigned char)(state >> (i % 8 * 8));
	}
	return length;
}

static uint64_t record_digest(const void *key, size_t key_length, const void *bytes, size_t length)
{
	const unsigned char *parts[2] = {key, bytes};
	size_t lengths[2] = {key_length, length};
	uint64_t hash = length * 0x9e3779b97f4a7c15u, word;
	size_t p, i;

	for (p = 0; p < 2; p++) {
		for (i = 0; i + 8 <= lengths[p]; i += 8) {
			memcpy(&word, parts[p] + i, 8);
			hash = ((hash << 25 | hash >> 39) ^ word) * 0xbf58476d1ce4e5b9u;
		}
		for (; i < lengths[p]; i++)
			hash = (hash ^ parts[p][i]) * 0x100000001b3u;
	}
	return lmdb_mix(hash);
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

static int env_open(const char *path, MDB_env **out)
{
	MDB_env *env;
	int rc = mdb_env_create(&env);

	if (rc)
		return rc;
	rc = mdb_env_set_maxdbs(env, 4);
	if (!rc)
		rc = mdb_env_set_mapsize(env, MAP_BYTES);
	if (!rc)
		rc = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
	if (rc)
		mdb_env_close(env);
	else
		*out = env;
	return rc;
}

static int tables_open(MDB_env *env, unsigned flags, MDB_dbi *events, MDB_dbi *rows)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(env, NULL, flags ? 0 : MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = mdb_dbi_open(txn, "event", flags, events);
	if (!rc)
		rc = mdb_dbi_open(txn, "row", flags, rows);
	if (!rc)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int sync_path(const char *path)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int store_reopen(struct lmdb_run *run)
{
	char path[400];
	int rc;

	snprintf(path, sizeof(path), "%s/store/log", run->dir);
	rc = env_open(path, &run->env);
	return rc ? rc : tables_open(run->env, 0, &run->events, &run->rows);
}

/* The store below dir, whatever an earlier attempt left. */
static int store_make(const char *dir)
{
	char store[400], fresh[420], lock[440], final[420];
	MDB_dbi events, rows;
	MDB_env *env;
	int rc;

	snprintf(store, sizeof(store), "%s/store", dir);
	snprintf(fresh, sizeof(fresh), "%s/new", store);
	snprintf(lock, sizeof(lock), "%s/new-lock", store);
	snprintf(final, sizeof(final), "%s/log", store);
	mkdir(store, 0700);
	unlink(fresh);
	unlink(lock);
	rc = env_open(fresh, &env);
	if (rc)
		return rc;
	rc = tables_open(env, MDB_CREATE, &events, &rows);
	if (!rc)
		rc = mdb_env_sync(env, 1);
	mdb_env_close(env);
	unlink(lock);
	if (rc || sync_path(fresh) || rename(fresh, final) || sync_path(store))
		return -1;
	return sync_path(dir);
}

/* ---- operations ---------------------------------------------------------------------------------------------- */

static int put_event(struct lmdb_run *run, MDB_txn *txn, int large)
{
	unsigned char key[8], bytes[RECORD_MAX];
	MDB_val k = {8, key}, v = {0, bytes};

	if (run->next >= EVENTS_MAX)
		return 0;
	key_put(key, run->next);
	v.mv_size = record_make(run->seed, run->next, large, bytes);
	run->digests[run->done] += record_digest(key, 8, bytes, v.mv_size);
	run->next++;
	return mdb_put(txn, run->events, &k, &v, MDB_APPEND);
}

static void row_digest(struct lmdb_run *run, size_t row, int sign)
{
	unsigned char key[2] = {'r', (unsigned char)row}, bytes[RECORD_MAX];
	size_t length = record_make(run->seed + 1 + row, run->row_version[row], 0, bytes);
	uint64_t digest = record_digest(key, 2, bytes, length);

	if (run->row_there[row])
		run->digests[run->done] += sign > 0 ? digest : 0 - digest;
}

static int put_row(struct lmdb_run *run, MDB_txn *txn, int drop)
{
	size_t row = (size_t)(lmdb_mix(run->seed + run->done) % ROWS);
	unsigned char key[2] = {'r', (unsigned char)row}, bytes[RECORD_MAX];
	MDB_val k = {2, key}, v = {0, bytes};
	int was = run->row_there[row], rc;

	row_digest(run, row, -1);
	run->row_there[row] = !drop;
	run->row_version[row]++;
	row_digest(run, row, 1);
	v.mv_size = record_make(run->seed + 1 + row, run->row_version[row], 0, bytes);
	if (!drop)
		return mdb_put(txn, run->rows, &k, &v, 0);
	rc = mdb_del(txn, run->rows, &k, NULL);
	return rc == MDB_NOTFOUND && !was ? 0 : rc;
}

/* Drop the oldest event. */
static int trim_event(struct lmdb_run *run, MDB_txn *txn)
{
	unsigned char key[8];
	MDB_val k = {8, key}, v;
	int rc;

	if (run->first == run->next)
		return 0;
	key_put(key, run->first++);
	rc = mdb_get(txn, run->events, &k, &v);
	if (rc)
		return rc;
	run->digests[run->done] -= record_digest(key, 8, v.mv_data, v.mv_size);
	return mdb_del(txn, run->events, &k, NULL);
}

static int op_in_txn(struct lmdb_run *run, MDB_txn *txn, size_t op)
{
	int rc = 0, i;

	if (op == OP_APPEND || op == OP_LARGE)
		return put_event(run, txn, op == OP_LARGE);
	if (op == OP_ROW || op == OP_ROW_DROP)
		return put_row(run, txn, op == OP_ROW_DROP);
	if (op == OP_TRIM)
		return trim_event(run, txn);
	for (i = 0; i < 5 && !rc; i++)
		rc = put_event(run, txn, 0);
	return rc ? rc : put_row(run, txn, 0);
}

static int lmdb_perform(void *opaque, size_t op)
{
	struct lmdb_run *run = opaque;
	MDB_txn *txn;
	int rc;

	if (run->done >= RUN_OPS_MAX)
		return -1;
	run->digests[run->done + 1] = run->digests[run->done];
	run->done++;
	if (op == OP_REOPEN) {
		mdb_env_close(run->env);
		run->env = NULL;
		return store_reopen(run);
	}
	rc = mdb_txn_begin(run->env, NULL, 0, &txn);
	if (rc)
		return rc;
	rc = op_in_txn(run, txn, op);
	if (!rc)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static void *lmdb_start(const char *dir, uint64_t seed)
{
	struct lmdb_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	snprintf(run->dir, sizeof(run->dir), "%s", dir);
	run->seed = seed;
	run->first = run->next = 1;
	return run;
}

static int lmdb_create(void *opaque)
{
	struct lmdb_run *run = opaque;
	int rc = store_make(run->dir);

	run->done = 1;
	return rc ? rc : store_reopen(run);
}

static void lmdb_close(void *opaque)
{
	struct lmdb_run *run = opaque;

	if (run->env)
		mdb_env_close(run->env);
	run->env = NULL;
}

static void lmdb_free(void *opaque)
{
	if (opaque)
		lmdb_close(opaque);
	free(opaque);
}

/* ---- verifying ----------------------------------------------------------------------------------------------- */

static int table_digest(MDB_txn *txn, MDB_dbi table, uint64_t *sum)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, table, &cursor);

	if (rc)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
		*sum += record_digest(k.mv_data, k.mv_size, v.mv_data, v.mv_size);
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int store_digest(MDB_env *env, MDB_dbi events, MDB_dbi rows, uint64_t *sum)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

	*sum = 0;
	if (rc)
		return rc;
	rc = table_digest(txn, events, sum);
	if (!rc)
		rc = table_digest(txn, rows, sum);
	mdb_txn_abort(txn);
	return rc;
}

/* The store must take one more event and give it back with all the others. */
static int store_goes_on(MDB_env *env, MDB_dbi events, MDB_dbi rows, uint64_t sum)
{
	unsigned char key[8];
	MDB_val k = {8, key}, v = {5, "again"};
	uint64_t after;
	MDB_txn *txn;
	int rc = mdb_txn_begin(env, NULL, 0, &txn);

	if (rc)
		return rc;
	key_put(key, UINT64_MAX);
	rc = mdb_put(txn, events, &k, &v, MDB_APPEND);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	if (!rc)
		rc = store_digest(env, events, rows, &after);
	return rc ? rc : after != sum + record_digest(key, 8, "again", 5);
}

static enum crash_verdict store_verify(const struct lmdb_run *run, MDB_env *env, uint64_t acked, uint64_t begun)
{
	MDB_dbi events, rows;
	uint64_t sum, n;

	if (tables_open(env, 0, &events, &rows) || store_digest(env, events, rows, &sum))
		return CRASH_CORRUPT;
	for (n = acked; n <= begun; n++) {
		if (n > 0 && run->digests[n] == sum)
			return store_goes_on(env, events, rows, sum) ? CRASH_CORRUPT : CRASH_FINE;
	}
	for (n = 1; n < acked; n++) {
		if (run->digests[n] == sum)
			return CRASH_LOST;
	}
	return CRASH_CORRUPT;
}

static enum crash_verdict lmdb_verify(void *opaque, const char *dir, uint64_t acked, uint64_t begun)
{
	const struct lmdb_run *run = opaque;
	enum crash_verdict verdict;
	char path[400];
	MDB_env *env;

	snprintf(path, sizeof(path), "%s/store/log", dir);
	if (access(path, F_OK) != 0)
		return acked ? CRASH_LOST : store_make(dir) ? CRASH_CORRUPT : CRASH_FINE;
	if (env_open(path, &env))
		return CRASH_CORRUPT;
	verdict = store_verify(run, env, acked, begun);
	mdb_env_close(env);
	return verdict;
}

const struct crash_subject crash_subject_lmdb = {
	.name = "raw LMDB",
	.ops = lmdb_ops,
	.op_count = OP_COUNT,
	.start = lmdb_start,
	.create = lmdb_create,
	.perform = lmdb_perform,
	.close = lmdb_close,
	.free = lmdb_free,
	.verify = lmdb_verify,
};
