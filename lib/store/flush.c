#include "store/flush.h"

#include <string.h>

#include "base/error.h"

void skafu__flush_init(struct skafu__flush *flush, const struct skafu__sys *sys)
{
	memset(flush, 0, sizeof *flush);
	pthread_mutex_init(&flush->lock, NULL);
	skafu__journal_init(&flush->journal, sys);
}

void skafu__flush_done(struct skafu__flush *flush)
{
	skafu__flush_release(flush);
	skafu__journal_done(&flush->journal);
	pthread_mutex_destroy(&flush->lock);
}

int32_t skafu__flush_attach(struct skafu__flush *flush, MDB_env *mdb, const char *directory, uint32_t bytes,
			    uint32_t make_after)
{
	flush->mdb = mdb;
	flush->make_after = make_after;
	return skafu__journal_attach(&flush->journal, directory, bytes);
}

static int flush_is_off(const struct skafu__flush *flush)
{
	return flush->journal.path == NULL;
}

static uint64_t flush_newest(const struct skafu__flush *flush)
{
	MDB_envinfo info;
	mdb_env_info(flush->mdb, &info);
	return info.me_last_txnid;
}

/* ---- the reader that holds the base -------------------------------------------------------------------------- */

static void flush_drop_base(struct skafu__flush *flush)
{
	if (flush->base)
		mdb_txn_abort(flush->base);
	flush->base = NULL;
	atomic_store(&flush->has_base, 0);
}

/* The newest snapshot, which is on the disk, becomes the base: 1, or 0. */
static int flush_take_base(struct skafu__flush *flush)
{
	mdb_filehandle_t fd;
	uint64_t own = atomic_load(&flush->own_txn);
	pthread_mutex_lock(&flush->lock);
	int taken = mdb_txn_begin(flush->mdb, NULL, MDB_RDONLY, &flush->base) == 0;
	atomic_store(&flush->has_base, taken);
	if (taken && (mdb_txn_id(flush->base) != own || mdb_env_get_fd(flush->mdb, &fd) != 0 ||
		      !skafu__journal_begin(&flush->journal, fd, own))) {
		flush_drop_base(flush);
		taken = 0;
	}
	pthread_mutex_unlock(&flush->lock);
	return taken;
}

void skafu__flush_look(struct skafu__flush *flush, uint64_t txn)
{
	if (!atomic_load(&flush->has_base) || txn <= atomic_load(&flush->own_txn) ||
	    pthread_mutex_trylock(&flush->lock) != 0)
		return;
	if (flush->base && flush_newest(flush) != atomic_load(&flush->own_txn))
		flush_drop_base(flush); /* whoever wrote since has made the frames void */
	pthread_mutex_unlock(&flush->lock);
}

void skafu__flush_release(struct skafu__flush *flush)
{
	pthread_mutex_lock(&flush->lock);
	flush_drop_base(flush);
	pthread_mutex_unlock(&flush->lock);
}

/* ---- before a transaction ------------------------------------------------------------------------------------ */

void skafu__flush_is_settled(struct skafu__flush *flush)
{
	if (!flush_is_off(flush))
		atomic_store(&flush->own_txn, flush_newest(flush));
}

static int32_t flush_failed(struct skafu__flush *flush, const char *why, skafu_error *error)
{
	atomic_store(&flush->must_poison, 1);
	return skafu__fail(error, SKAFU_EIO, "flushing what was committed before failed (%s); close the store in all "
			   "processes and open it again", why);
}

/* Another process has committed, or the base was let go: all that is there goes to the disk, and no frame counts. */
static int32_t flush_settle(struct skafu__flush *flush, uint64_t newest, skafu_error *error)
{
	struct skafu_error own = {0};
	skafu__flush_release(flush);
	skafu__journal_end(&flush->journal);
	flush->own_commits = 0;
	skafu__journal_look_again(&flush->journal);
	int has_frames = skafu__journal_has_frames(&flush->journal);
	if (has_frames < 0)
		return skafu__fail(error, SKAFU_EIO, "the journal cannot be read, so nothing can be written");
	if (has_frames) {
		int rc = mdb_env_sync(flush->mdb, 1);
		if (rc != 0)
			return flush_failed(flush, mdb_strerror(rc), error);
		if (skafu__journal_discard(&flush->journal, &own) != 0)
			return flush_failed(flush, own.message, error);
	}
	atomic_store(&flush->own_txn, newest);
	return 0;
}

/* No other process has written.  One that began to, and did not commit, may still have called the frames void that
 * this one goes on with, or have left a frame. */
static int flush_is_undisturbed(struct skafu__flush *flush, uint64_t newest)
{
	if (newest != atomic_load(&flush->own_txn))
		return 0;
	if (skafu__journal_is_begun(&flush->journal))
		return atomic_load(&flush->has_base) && skafu__journal_is_as_left(&flush->journal);
	if (flush->own_commits != 0)
		return 1;
	skafu__journal_look_again(&flush->journal);
	return !skafu__journal_is_over(&flush->journal, newest);
}

int32_t skafu__flush_begin(struct skafu__flush *flush, skafu_error *error)
{
	if (flush_is_off(flush))
		return 0;
	uint64_t newest = flush_newest(flush);
	skafu__journal_clear(&flush->journal);
	if (flush_is_undisturbed(flush, newest))
		return 0;
	return flush_settle(flush, newest, error);
}

int32_t skafu__flush_finish(struct skafu__flush *flush, skafu_error *error)
{
	if (flush_is_off(flush) || !flush->journal.is_ready)
		return 0;
	return flush_settle(flush, flush_newest(flush), error);
}

/* ---- the transaction ----------------------------------------------------------------------------------------- */

void skafu__flush_gather(struct skafu__flush *flush, const MDB_val *key, const MDB_val *value)
{
	if (!flush_is_off(flush))
		skafu__journal_gather(&flush->journal, key->mv_data, key->mv_size, value->mv_data, value->mv_size);
}

/* A first commit of this process always goes the long way: where two take turns, frames would cost more than they
 * save. */
static int flush_may_begin(struct skafu__flush *flush)
{
	skafu__journal_look_again(&flush->journal);
	uint32_t after = skafu__journal_exists(&flush->journal) ? 1 : flush->make_after;
	return flush->own_commits >= after && skafu__journal_prepare(&flush->journal) && flush_take_base(flush);
}

int32_t skafu__flush_frame(struct skafu__flush *flush, MDB_txn *txn, skafu_error *error)
{
	struct skafu__journal *journal = &flush->journal;
	if (flush_is_off(flush) || !skafu__journal_fits(journal))
		return 0;
	if (!skafu__journal_is_begun(journal) && !flush_may_begin(flush))
		return 0;
	int32_t rc = skafu__journal_write(journal, mdb_txn_id(txn), error);
	if (rc == 1)
		journal->bytes = 0; /* it cannot be written: not tried again */
	return rc < 0 ? rc : rc == 0;
}

int32_t skafu__flush_older(struct skafu__flush *flush, skafu_error *error)
{
	if (flush_is_off(flush) || !atomic_load(&flush->has_base))
		return 0;
	int rc = mdb_env_sync(flush->mdb, 1);
	return rc ? flush_failed(flush, mdb_strerror(rc), error) : 0;
}

/* A transaction that changed nothing is none, and LMDB has flushed nothing. */
static void flush_note(struct skafu__flush *flush, int is_in_journal)
{
	uint64_t newest = flush_newest(flush);
	if (newest == atomic_load(&flush->own_txn))
		return;
	atomic_store(&flush->own_txn, newest);
	flush->own_commits++;
	if (is_in_journal)
		return;
	flush_drop_base(flush);
	skafu__journal_end(&flush->journal);
}

int skafu__flush_commit(struct skafu__flush *flush, MDB_txn *txn, int is_in_journal)
{
	if (flush_is_off(flush))
		return mdb_txn_commit(txn);
	pthread_mutex_lock(&flush->lock);
	if (is_in_journal)
		mdb_env_set_flags(flush->mdb, MDB_NOSYNC, 1);
	int rc = mdb_txn_commit(txn);
	if (is_in_journal)
		mdb_env_set_flags(flush->mdb, MDB_NOSYNC, 0);
	if (rc == 0)
		flush_note(flush, is_in_journal);
	pthread_mutex_unlock(&flush->lock);
	return rc;
}

int32_t skafu__flush_take_back(struct skafu__flush *flush, skafu_error *error)
{
	return skafu__journal_take_back(&flush->journal, error);
}

int32_t skafu__flush_wipe(struct skafu__flush *flush, skafu_error *error)
{
	int32_t rc = flush_is_off(flush) ? 0 : flush_settle(flush, flush_newest(flush), error);
	if (rc == 0 && !flush_is_off(flush) && skafu__journal_wipe(&flush->journal) != 0)
		rc = skafu__fail(error, SKAFU_EIO, "what was erased could not be taken out of the journal");
	return rc;
}
