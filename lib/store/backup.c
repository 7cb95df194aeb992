/*
 * backup.c: a copy of the log's commits in a store of its own, made while others write.
 *
 * A backup is logical: the bytes of the commits, in their order, with their ids, sequences and times; the index of
 * the copy is made by the copy.  It has the birth id of the original and an incarnation of its own, so a consumer
 * that comes to a restored store with a later sequence can be told.  Going on with an existing backup copies what is
 * new, after a check that the backup is a beginning of this very log.  Payloads that nobody may see any more (erased,
 * or of events of truncated and deleted streams) are left out of what is copied from then on: their digests stay, so
 * the canonical form, and with it the hash chain, is the same.
 *
 * Invariant: what is copied is always a prefix, ending with a whole commit; a backup that was interrupted is a valid,
 * shorter one.  The lineage of the copy never says more than it has.
 *
 * A fork is the same under a birth id of its own; its lineage says what it goes on with.
 */
#include "skafu_store.h"

#include <string.h>

#include "base/error.h"
#include "codec/canonical.h"
#include "codec/rewrite.h"
#include "store/clear.h"
#include "store/copyin.h"
#include "store/lineage.h"
#include "store/open.h"
#include "store/store.h"
#include "store/view.h"

struct backup {
	skafu_store *from;
	struct skafu__copyin copy;
	uint64_t up_to;          /* sequence */
	struct skafu__buf bytes; /* of one round: whole commits */
	struct skafu__rewrite rewrite;
	int at_end;
	int is_fork;
};

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* Gather the commits of one round: until the size, the end of the log, or the sequence that is asked for. */
static int32_t backup_gather(struct backup *backup, struct skafu__view *view, skafu_error *error)
{
	int32_t rc = skafu__view_walk(view, backup->copy.commit, backup->copy.sequence, error);
	while (rc == 0 && backup->bytes.length < SKAFU__COPYIN_ROUND_BYTES) {
		rc = skafu__view_walk_next(view, error);
		if (rc < 0)
			return rc;
		if (rc == 0 || skafu__commit_last_sequence(&view->current) > backup->up_to) {
			backup->at_end = 1;
			return 0;
		}
		rc = skafu__clear_commit(view, &backup->rewrite, &backup->bytes, error);
		rc = rc < 0 ? rc : 0;
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

/* ---- the copy ------------------------------------------------------------------------------------------------ */

/* 1 when the commits that two views stand on say the same, whatever was left out of them. */
static int32_t backup_same_commit(struct backup *backup, const struct skafu__view *mine,
				  const struct skafu__view *its, skafu_error *error)
{
	struct skafu__buf other;
	skafu__buf_init(&other, &backup->from->sys, SIZE_MAX / 2);
	skafu__buf_clear(&backup->bytes);
	int32_t rc = skafu__commit_canonical(&mine->current, skafu__names_of, &mine->store->names, &backup->bytes);
	if (rc == 0)
		rc = skafu__commit_canonical(&its->current, skafu__names_of, &its->store->names, &other);
	if (rc == 0)
		rc = backup->bytes.length == other.length &&
		     memcmp(backup->bytes.bytes, other.bytes, other.length) == 0;
	else if (rc == SKAFU_EDAMAGED)
		rc = skafu__fail(error, rc, "commit %llu is damaged, here or in the copy; verify both",
				 (unsigned long long)mine->current.number);
	else
		rc = skafu__fail_memory(error);
	skafu__buf_done(&other);
	skafu__buf_clear(&backup->bytes);
	return rc;
}

/* The newest commit of the copy must be a commit of this log. */
static int32_t backup_is_prefix(struct backup *backup, struct skafu__view *mine, struct skafu__view *its,
				skafu_error *error)
{
	backup->copy.commit = its->commit;
	backup->copy.sequence = its->head;
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
	rc = backup_same_commit(backup, mine, its, error);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return skafu__fail(error, SKAFU_EEXISTS,
			   "commit %llu of the copy is not the one of this log; it is a copy of "
			   "another history",
			   (unsigned long long)its->commit);
}

/* What is at the path was begun as a copy of this store: it has its birth id, or the fork says so. */
static int32_t backup_is_copy(const struct backup *backup, skafu_error *error)
{
	struct skafu__lineage lineage;
	if (!backup->is_fork && memcmp(backup->from->format.birth, backup->copy.to->format.birth, 16) != 0)
		return skafu__fail(error, SKAFU_EEXISTS, "there is another store at the path of the backup");
	if (!backup->is_fork)
		return 0;
	int32_t rc = skafu__lineage_load(backup->copy.to, &lineage, error);
	if (rc == 0 && (lineage.count == 0 ||
			memcmp(lineage.entries[0].incarnation, backup->from->format.incarnation, 16) != 0 ||
			memcmp(backup->from->format.birth, backup->copy.to->format.birth, 16) == 0))
		return skafu__fail(error, SKAFU_EEXISTS,
			       "there is a store at the path of the fork that is no fork of "
				   "this one");
	return rc;
}

static int32_t backup_compare(struct backup *backup, skafu_error *error)
{
	struct skafu__view mine;
	struct skafu__view its;
	int32_t rc = backup_is_copy(backup, error);
	if (rc == 0)
		rc = skafu__view_open_two(backup->from, &mine, backup->copy.to, &its, error);
	if (rc != 0)
		return rc;
	rc = backup_is_prefix(backup, &mine, &its, error);
	if (backup->up_to > mine.head)
		backup->up_to = mine.head;
	skafu__view_close(&its);
	skafu__view_close(&mine);
	return rc;
}

static int32_t backup_rounds(struct backup *backup, skafu_progress_fn tell, void *user, skafu_error *error)
{
	int32_t rc = 0;
	while (rc == 0 && !backup->at_end) {
		rc = backup_read_round(backup, error);
		if (rc == 0 && backup->bytes.length != 0)
			rc = skafu__copyin_put(&backup->copy, backup->bytes.bytes, backup->bytes.length, error);
		if (rc == 0 && tell && tell(user, backup->copy.sequence, backup->up_to) != 0)
			return skafu__fail(error, SKAFU_EINTERRUPTED,
					   "the host stopped the backup at record %llu; it is "
					   "valid, and can be continued",
					   (unsigned long long)backup->copy.sequence);
	}
	return rc;
}

/* Open the copy, or make an empty one that is this store's in everything but its incarnation,
	       and in a fork its birth.
 * Before anything is in it, it says where it comes from. */
static int32_t backup_open_target(struct backup *backup, const char *path, skafu_error *error)
{
	struct skafu_error own = {0}; /* that there is one already is no failure, and must not look like one */
	const skafu_store *from = backup->from;
	int32_t made = skafu__open_make(path, &from->opts, backup->is_fork ? NULL : &from->format, &own);
	if (made != 0 && made != SKAFU_EEXISTS)
		return skafu__error_copy(error, &own, made);
	int32_t rc = skafu_store_open(path, NULL, &backup->copy.to, error);
	if (rc == 0 && made == 0)
		rc = skafu__lineage_store(backup->copy.to, backup->from, 0, 0, error);
	return rc;
}

/* Copy, and write down how far it came, also when it was stopped. */
static int32_t backup_run(struct backup *backup, skafu_progress_fn tell, void *user, skafu_error *error)
{
	struct skafu_error own = {0};
	if (backup->copy.to == backup->from)
		return skafu__fail(error, SKAFU_EINVAL, "a store cannot be its own copy");
	int32_t rc = backup_compare(backup, error);
	if (rc != 0)
		return rc;
	rc = backup_rounds(backup, tell, user, &own);
	if (rc == 0)
		return skafu__lineage_store(backup->copy.to, backup->from, backup->copy.commit, backup->copy.sequence,
					    error);
	(void)skafu__lineage_store(backup->copy.to, backup->from, backup->copy.commit, backup->copy.sequence, NULL);
	return skafu__error_copy(error, &own, rc);
}

static int32_t backup_to(struct backup *backup, const char *path, skafu_progress_fn tell, void *user,
			 skafu_error *error)
{
	int32_t rc = skafu__store_check(backup->from, error);
	if (rc == 0 && (!path || !*path))
		rc = skafu__fail(error, SKAFU_EINVAL, "the path of the copy is NULL or empty");
	if (rc != 0)
		return rc;
	skafu__buf_init(&backup->bytes, &backup->from->sys, SIZE_MAX / 2);
	skafu__rewrite_init(&backup->rewrite, &backup->from->sys);
	rc = backup_open_target(backup, path, error);
	if (rc == 0)
		rc = backup_run(backup, tell, user, error);
	skafu__rewrite_done(&backup->rewrite);
	skafu__buf_done(&backup->bytes);
	skafu_store_close(backup->copy.to);
	return rc;
}

int32_t skafu_store_backup(skafu_store *store, const char *path, uint64_t up_to, skafu_progress_fn tell, void *user,
			   skafu_error *error)
{
	struct backup backup = {.from = store, .up_to = up_to ? up_to : UINT64_MAX};
	return backup_to(&backup, path, tell, user, error);
}

int32_t skafu_store_fork(skafu_store *store, const char *path, uint64_t up_to, skafu_progress_fn tell, void *user,
			 skafu_error *error)
{
	struct backup backup = {.from = store, .up_to = up_to ? up_to : UINT64_MAX, .is_fork = 1};
	return backup_to(&backup, path, tell, user, error);
}
