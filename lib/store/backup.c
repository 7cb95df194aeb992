/*
 * backup.c: a copy of the log's commits in a store of its own, made while others write.
 *
 * A backup is logical: the bytes of the commits, in their order, with their ids, sequences and times; the index of
 * the copy is made by the copy.  It has the birth id of the original and an incarnation of its own, so a consumer
 * that comes to a restored store with a later sequence can be told.  Going on with an existing backup copies what is
 * new, after a check that the backup is a beginning of this very log.
 *
 * Invariant: what is copied is always a prefix, ending with a whole commit; a backup that was interrupted is a valid,
 * shorter one.
 */
#include "skafu_store.h"

#include <string.h>

#include "base/error.h"
#include "store/fold.h"
#include "store/merge.h"
#include "store/open.h"
#include "store/store.h"
#include "store/view.h"
#include "store/writelock.h"

#define BACKUP_ROUND_BYTES (4u << 20)
#define BACKUP_LOCK_WAIT_NS UINT64_C(10000000000)

struct backup {
	skafu_store *from;
	skafu_store *to;
	uint64_t up_to; /* sequence */
	uint64_t commit; /* the last one that the copy has */
	uint64_t sequence;
	struct skafu__buf bytes; /* of one round: whole commits */
	uint64_t round_commit;
	uint64_t round_sequence;
	int at_end;
};

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* Gather the commits of one round: until the size, the end of the log, or the sequence that is asked for. */
static int32_t backup_gather(struct backup *backup, struct skafu__view *view, skafu_error *error)
{
	int32_t rc = skafu__view_walk(view, backup->commit, backup->sequence, error);
	while (rc == 0 && backup->bytes.length < BACKUP_ROUND_BYTES) {
		rc = skafu__view_walk_next(view, error);
		if (rc < 0)
			return rc;
		if (rc == 0 || skafu__commit_last_sequence(&view->current) > backup->up_to) {
			backup->at_end = 1;
			return 0;
		}
		rc = skafu__buf_put(&backup->bytes, view->current.bytes, view->current.size)
			     ? skafu__fail_memory(error)
			     : 0;
		backup->round_commit = view->current.number;
		backup->round_sequence = skafu__commit_last_sequence(&view->current);
	}
	return rc;
}

static int32_t backup_read_round(struct backup *backup, skafu_error *error)
{
	struct skafu__view view;
	skafu__buf_clear(&backup->bytes);
	int32_t rc = skafu__view_open(backup->from, &view, error);
	if (rc != 0)
		return rc;
	rc = backup_gather(backup, &view, error);
	skafu__view_close(&view);
	return rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static int32_t backup_put_chunk(const struct backup *backup, MDB_txn *txn, const uint8_t *bytes, size_t length,
				const struct skafu__commit *last, skafu_error *error)
{
	uint8_t name[SKAFU__CHUNK_KEY_BYTES];
	skafu__chunk_key_encode(name, skafu__commit_last_sequence(last), last->number);
	MDB_val key = {sizeof name, name};
	MDB_val value = {length, (void *)(uintptr_t)bytes};
	int rc = mdb_put(txn, backup->to->env.tables[SKAFU__TABLE_CHUNK], &key, &value, MDB_APPEND);
	return rc ? skafu__env_fail(&backup->to->env, rc, "writing the copy", error) : 0;
}

/* Cut the round into chunks of the usual size; every commit is checked once more on its way. */
static int32_t backup_put_round(const struct backup *backup, MDB_txn *txn, skafu_error *error)
{
	const uint8_t *start = backup->bytes.bytes;
	const uint8_t *at = start;
	const uint8_t *end = start + backup->bytes.length;
	struct skafu__commit last = {0};
	while (at < end) {
		struct skafu__commit commit;
		if (skafu__commit_decode(at, (size_t)(end - at), &commit) != 0)
			return skafu__fail(error, SKAFU_EDAMAGED,
					   "a commit was damaged on its way to the copy; verify the "
					   "store");
		if (at > start && (size_t)(at - start) + commit.size > backup->to->tuning.chunk_bytes) {
			int32_t rc = backup_put_chunk(backup, txn, start, (size_t)(at - start), &last, error);
			if (rc != 0)
				return rc;
			start = at;
		}
		last = commit;
		at += commit.size;
	}
	return backup_put_chunk(backup, txn, start, (size_t)(end - start), &last, error);
}

/* The same transaction shape as an install: nobody else may have written to the copy meanwhile. */
static int32_t backup_write_round(struct backup *backup, skafu_error *error)
{
	MDB_txn *txn;
	skafu_store *to = backup->to;
	int32_t rc = skafu__env_write_begin(&to->env, &txn, error);
	if (rc != 0)
		return rc;
	struct skafu__view view;
	rc = skafu__view_of_writer(to, txn, &view, error);
	if (rc == 0) {
		skafu__view_of_writer_done(&view);
		if (view.commit != backup->commit)
			rc = skafu__fail(error, SKAFU_EMISUSE,
					 "somebody writes to the copy; a backup must be left alone");
	}
	if (rc == 0)
		rc = backup_put_round(backup, txn, error);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return skafu__env_write_commit(&to->env, txn, error);
}

static int32_t backup_grow(skafu_store *to, skafu_error *error)
{
	pthread_rwlock_wrlock(&to->gate);
	int32_t rc = skafu__store_grow_map(to, 0, error);
	pthread_rwlock_unlock(&to->gate);
	return rc;
}

/* Fold what was written before more comes, so that memory stays bounded. */
static int32_t backup_fold(skafu_store *to, int64_t deadline, skafu_error *error)
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

static int32_t backup_store_round(struct backup *backup, skafu_error *error)
{
	int64_t deadline = skafu__deadline(&backup->to->sys, BACKUP_LOCK_WAIT_NS);
	int32_t rc = skafu__writelock_take(backup->to, deadline, error);
	if (rc != 0)
		return rc;
	rc = backup_write_round(backup, error);
	while (rc == SKAFU_EFULL && (rc = backup_grow(backup->to, error)) == 0)
		rc = backup_write_round(backup, error);
	if (rc == SKAFU_EUNKNOWN)
		skafu__control_poison(&backup->to->control);
	skafu__writelock_release(backup->to);
	if (rc != 0)
		return rc;
	backup->commit = backup->round_commit;
	backup->sequence = backup->round_sequence;
	return backup_fold(backup->to, skafu__deadline(&backup->to->sys, BACKUP_LOCK_WAIT_NS), error);
}

/* ---- the copy ------------------------------------------------------------------------------------------------ */

/* The newest commit of the copy must be a commit of this log, to the byte. */
static int32_t backup_is_prefix(struct backup *backup, struct skafu__view *mine, struct skafu__view *its,
				skafu_error *error)
{
	backup->commit = its->commit;
	backup->sequence = its->head;
	if (its->commit == 0)
		return 0;
	int32_t rc = skafu__view_commit(its, its->commit, its->head, error);
	if (rc == 0 && (mine->commit < its->commit || mine->head < its->head))
		return skafu__fail(error, SKAFU_EEXISTS,
				   "the copy has commits that this log does not have; it is a copy of "
				   "another history");
	if (rc == 0)
		rc = skafu__view_commit(mine, its->commit, its->head, error);
	if (rc != 0)
		return rc;
	if (mine->current.size == its->current.size &&
	    memcmp(mine->current.bytes, its->current.bytes, mine->current.size) == 0)
		return 0;
	return skafu__fail(error, SKAFU_EEXISTS,
			   "commit %llu of the copy is not the one of this log; it is a copy of "
			   "another history",
			   (unsigned long long)its->commit);
}

static int32_t backup_compare(struct backup *backup, skafu_error *error)
{
	struct skafu__view mine;
	struct skafu__view its;
	if (memcmp(backup->from->format.birth, backup->to->format.birth, 16) != 0)
		return skafu__fail(error, SKAFU_EEXISTS, "there is another store at the path of the backup");
	int32_t rc = skafu__view_open(backup->from, &mine, error);
	if (rc != 0)
		return rc;
	rc = skafu__view_open(backup->to, &its, error);
	if (rc == 0) {
		rc = backup_is_prefix(backup, &mine, &its, error);
		skafu__view_close(&its);
	}
	if (backup->up_to > mine.head)
		backup->up_to = mine.head;
	skafu__view_close(&mine);
	return rc;
}

static int32_t backup_rounds(struct backup *backup, skafu_progress_fn tell, void *user, skafu_error *error)
{
	int32_t rc = 0;
	while (rc == 0 && !backup->at_end) {
		rc = backup_read_round(backup, error);
		if (rc == 0 && backup->bytes.length != 0)
			rc = backup_store_round(backup, error);
		if (rc == 0 && tell && tell(user, backup->sequence, backup->up_to) != 0)
			return skafu__fail(error, SKAFU_EINTERRUPTED,
					   "the host stopped the backup at record %llu; it is "
					   "valid, and can be continued",
					   (unsigned long long)backup->sequence);
	}
	return rc;
}

/* Open the copy, or make an empty one that is this store's in everything but its incarnation. */
static int32_t backup_open_target(const skafu_store *from, const char *path, skafu_store **out, skafu_error *error)
{
	struct skafu_error own = {0}; /* that there is one already is no failure, and must not look like one */
	int32_t rc = skafu__open_make(path, &from->opts, &from->format, &own);
	if (rc != 0 && rc != SKAFU_EEXISTS)
		return skafu__error_copy(error, &own, rc);
	return skafu_store_open(path, NULL, out, error);
}

int32_t skafu_store_backup(skafu_store *store, const char *path, uint64_t up_to, skafu_progress_fn tell, void *user,
			   skafu_error *error)
{
	struct backup backup = {.from = store, .up_to = up_to ? up_to : UINT64_MAX};
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && (!path || !*path))
		rc = skafu__fail(error, SKAFU_EINVAL, "the path of the backup is NULL or empty");
	if (rc == 0)
		rc = backup_open_target(store, path, &backup.to, error);
	if (rc != 0)
		return rc;
	skafu__buf_init(&backup.bytes, &store->sys, SIZE_MAX / 2);
	if (backup.to == store)
		rc = skafu__fail(error, SKAFU_EINVAL, "a store cannot be its own backup");
	if (rc == 0)
		rc = backup_compare(&backup, error);
	if (rc == 0)
		rc = backup_rounds(&backup, tell, user, error);
	skafu__buf_done(&backup.bytes);
	skafu_store_close(backup.to);
	return rc;
}
