/* Raw LMDB; see peer_lmdb.h for what it does and does not do. */
#include "bench/peer_lmdb.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/timing.h"

#define MAP_BYTES ((size_t)64 << 30)

struct lmdb_store {
	MDB_env *env;
	MDB_dbi dbi;
	size_t last;
};

static int lmdb_failed(int rc, const char *what)
{
	if (rc != 0)
		fprintf(stderr, "raw LMDB: %s: %s\n", what, mdb_strerror(rc));
	return rc != 0 ? -1 : 0;
}

static void lmdb_close(void *store)
{
	struct lmdb_store *s = store;

	if (s == NULL)
		return;
	if (s->env != NULL)
		mdb_env_close(s->env);
	free(s);
}

static int lmdb_head(struct lmdb_store *s)
{
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	MDB_val key, value;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_open(txn, s->dbi, &cursor);
	if (rc == 0) {
		rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
		if (rc == 0)
			memcpy(&s->last, key.mv_data, sizeof(s->last)); /* LMDB aligns keys to two bytes only */
		else if (rc == MDB_NOTFOUND)
			rc = 0;
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return rc;
}

static int lmdb_prepare(struct lmdb_store *s, const char *dir, unsigned flags)
{
	MDB_txn *txn = NULL;
	char path[512];
	int rc;

	snprintf(path, sizeof(path), "%s/raw.mdb", dir);
	rc = mdb_env_create(&s->env);
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, MAP_BYTES);
	if (rc == 0)
		rc = mdb_env_open(s->env, path, MDB_NOSUBDIR | flags, 0666);
	if (rc == 0)
		rc = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (rc == 0) {
		rc = mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &s->dbi);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	return rc == 0 ? lmdb_head(s) : rc;
}

static int lmdb_open(void **store, const char *dir, const struct bench_store_options *options)
{
	struct lmdb_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	if (lmdb_failed(lmdb_prepare(s, dir, options->sync && !options->bulk ? 0 : MDB_NOSYNC), "open") != 0) {
		lmdb_close(s);
		return -1;
	}
	*store = s;
	return 0;
}

static int lmdb_append(void *store, unsigned caller, const struct bench_event *events, size_t count)
{
	struct lmdb_store *s = store;
	size_t i, last = s->last;
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

	(void)caller;
	if (rc != 0)
		return lmdb_failed(rc, "begin");
	for (i = 0; i < count && rc == 0; i++) {
		size_t sequence = ++last;
		MDB_val key = {sizeof(sequence), &sequence};
		MDB_val value = {bench_record_bytes(&events[i]), NULL};

		rc = mdb_put(txn, s->dbi, &key, &value, MDB_APPEND | MDB_RESERVE);
		if (rc == 0)
			bench_record_encode(&events[i], value.mv_data);
	}
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	if (rc == 0)
		s->last = last;
	return lmdb_failed(rc, "append");
}

static int lmdb_flush(void *store)
{
	struct lmdb_store *s = store;

	return lmdb_failed(mdb_env_sync(s->env, 1), "sync");
}

static int lmdb_scan(void *store, struct bench_sum *sum)
{
	struct lmdb_store *s = store;
	MDB_cursor *cursor;
	MDB_txn *txn;
	MDB_val key, value;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return lmdb_failed(rc, "begin");
	rc = mdb_cursor_open(txn, s->dbi, &cursor);
	if (rc == 0) {
		while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
			bench_record_touch(value.mv_data, value.mv_size, sum);
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return lmdb_failed(rc == MDB_NOTFOUND ? 0 : rc, "scan");
}

static int lmdb_by_sequence(void *store, uint64_t sequence, struct bench_sum *sum)
{
	struct lmdb_store *s = store;
	size_t number = sequence;
	MDB_val key = {sizeof(number), &number}, value;
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return lmdb_failed(rc, "begin");
	rc = mdb_get(txn, s->dbi, &key, &value);
	if (rc == 0)
		bench_record_touch(value.mv_data, value.mv_size, sum);
	mdb_txn_abort(txn);
	return lmdb_failed(rc, "get");
}

static int lmdb_wait(void *store, uint64_t after, uint64_t wait_ns, uint64_t *head)
{
	struct lmdb_store *s = store;
	uint64_t end = bench_now_ns() + wait_ns;

	for (;;) {
		if (lmdb_failed(lmdb_head(s), "head") != 0)
			return -1;
		if (s->last > after || bench_now_ns() >= end)
			break;
		bench_sleep_ns(1000000);
	}
	*head = s->last;
	return 0;
}

const struct bench_subject bench_lmdb = {
	.name = "raw LMDB",
	.open = lmdb_open,
	.close = lmdb_close,
	.append = lmdb_append,
	.flush = lmdb_flush,
	.scan = lmdb_scan,
	.by_sequence = lmdb_by_sequence,
	.wait = lmdb_wait,
};
