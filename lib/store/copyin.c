#include "store/copyin.h"

#include "base/error.h"
#include "store/fold.h"
#include "store/merge.h"
#include "store/store.h"
#include "store/view.h"
#include "store/writelock.h"

#define COPYIN_LOCK_WAIT_NS UINT64_C(10000000000)

static int32_t copyin_put_chunk(const struct skafu__copyin *copyin, MDB_txn *txn, const uint8_t *bytes, size_t length,
				const struct skafu__commit *last, skafu_error *error)
{
	uint8_t name[SKAFU__CHUNK_KEY_BYTES];
	skafu__chunk_key_encode(name, skafu__commit_last_sequence(last), last->number);
	MDB_val key = {sizeof name, name};
	MDB_val value = {length, (void *)(uintptr_t)bytes};
	int rc = mdb_put(txn, copyin->to->env.tables[SKAFU__TABLE_CHUNK], &key, &value, MDB_APPEND);
	return rc ? skafu__env_fail(&copyin->to->env, rc, "writing the copy", error) : 0;
}

/* Cut the round into chunks of the usual size; every commit is checked once more on its way. */
static int32_t copyin_put_round(const struct skafu__copyin *copyin, MDB_txn *txn, const uint8_t *commits,
				size_t length, struct skafu__commit *out_last, skafu_error *error)
{
	const uint8_t *start = commits;
	const uint8_t *at = start;
	const uint8_t *end = start + length;
	struct skafu__commit last = {0};
	while (at < end) {
		struct skafu__commit commit;
		if (skafu__commit_decode(at, (size_t)(end - at), &commit) != 0)
			return skafu__fail(error, SKAFU_EDAMAGED,
					   "a commit was damaged on its way to the copy; verify the store");
		if (at > start && (size_t)(at - start) + commit.size > copyin->to->tuning.chunk_bytes) {
			int32_t rc = copyin_put_chunk(copyin, txn, start, (size_t)(at - start), &last, error);
			if (rc != 0)
				return rc;
			start = at;
		}
		last = commit;
		at += commit.size;
	}
	*out_last = last;
	return copyin_put_chunk(copyin, txn, start, (size_t)(end - start), &last, error);
}

/* The same transaction shape as an install: nobody else may have written to the copy meanwhile. */
static int32_t copyin_write_round(const struct skafu__copyin *copyin, const uint8_t *commits, size_t length,
				  struct skafu__commit *out_last, skafu_error *error)
{
	MDB_txn *txn;
	skafu_store *to = copyin->to;
	int32_t rc = skafu__env_write_begin(&to->env, &txn, error);
	if (rc != 0)
		return rc;
	struct skafu__view view;
	rc = skafu__view_of_writer(to, txn, &view, error);
	if (rc == 0) {
		skafu__view_of_writer_done(&view);
		if (view.commit != copyin->commit)
			rc = skafu__fail(error, SKAFU_EMISUSE,
					 "somebody writes to the copy; it must be left alone until it is done");
	}
	if (rc == 0)
		rc = copyin_put_round(copyin, txn, commits, length, out_last, error);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return skafu__env_write_commit(&to->env, txn, error);
}

/* Fold what was written before more comes, so that memory stays bounded. */
static int32_t copyin_fold(skafu_store *to, int64_t deadline, skafu_error *error)
{
	int32_t rc;
	pthread_mutex_lock(&to->fold_lock);
	do
		rc = skafu__fold_once(to, deadline, error);
	while (rc == 1);
	if (rc == 0)
		rc = skafu__merge_step(to, deadline, error);
	pthread_mutex_unlock(&to->fold_lock);
	return rc < 0 ? rc : 0;
}

int32_t skafu__copyin_put(struct skafu__copyin *copyin, const uint8_t *commits, size_t length, skafu_error *error)
{
	skafu_store *to = copyin->to;
	struct skafu__commit last = {0};
	int64_t deadline = skafu__deadline(&to->sys, COPYIN_LOCK_WAIT_NS);
	int32_t rc = skafu__writelock_take(to, deadline, error);
	if (rc != 0)
		return rc;
	rc = copyin_write_round(copyin, commits, length, &last, error);
	while (rc == SKAFU_EFULL && (rc = skafu__store_grow_at_gate(to, 0, error)) == 0)
		rc = copyin_write_round(copyin, commits, length, &last, error);
	if (rc == SKAFU_EUNKNOWN)
		skafu__control_poison(&to->control);
	skafu__writelock_release(to);
	if (rc != 0)
		return rc;
	copyin->commit = last.number;
	copyin->sequence = skafu__commit_last_sequence(&last);
	return copyin_fold(to, skafu__deadline(&to->sys, COPYIN_LOCK_WAIT_NS), error);
}
