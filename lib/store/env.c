#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/testhook.h"
#include "store/recover.h"

#undef skafu__env_fail /* a macro when analysed */

#define ENV_FULL_BYTES (UINT64_C(64) * 4096)
#define ENV_FULL_BLOCKS 64 /* a file system with fewer free blocks counts as full when a write failed */
#define ENV_MAP_BYTES_MIN (UINT64_C(1) << 20)
#define ENV_MAP_BYTES_PLENTY (UINT64_C(1) << 40)
#define ENV_PAGE_BYTES 4096u
#define ENV_WRITES_PER_CHECK 256u /* which asks the kernel once for each process that reads */
#define ENV_LOCK_HEADER_BYTES 192 /* of LMDB's lock file: the header and the first reader */
#define ENV_LOCK_READER_BYTES 64

static const char *const env_table_names[SKAFU__TABLES] = {"meta", "chunk", "name", "row", "run", "manifest"};

/* ---- failures ------------------------------------------------------------------------------------------------ */

/* A process may have a limit of its own, which also shows as a write that ends early. */
static int env_limit_is_reached(const struct skafu__env *env)
{
	struct rlimit limit;
	struct stat status;
	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
	    env->sys->stat(env->data_path, &status) != 0)
		return 0;
	return (uint64_t)status.st_size + ENV_FULL_BYTES >= (uint64_t)limit.rlim_cur;
}

static int env_disk_is_full(const struct skafu__env *env)
{
	struct statvfs space;
	if (env_limit_is_reached(env))
		return 1;
	if (statvfs(env->data_path, &space) != 0)
		return 0;
	return space.f_bavail < ENV_FULL_BLOCKS;
}

int32_t skafu__env_fail(const struct skafu__env *env, int mdb_rc, const char *what, skafu_error *error)
{
	switch (mdb_rc) {
	case MDB_MAP_FULL:
		return skafu__fail(error, SKAFU_EFULL, "%s: the store has reached the size of its map", what);
	case MDB_MAP_RESIZED:
		return SKAFU_EMISUSE;
	case MDB_READERS_FULL:
		return skafu__fail(error, SKAFU_EBUSY, "%s: all %u reader slots of the store are taken; close idle "
				   "processes or open the store first with a larger readers_max", what,
				   env->config.readers_max);
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_BAD_DBI:
	case MDB_NOTFOUND:
		return skafu__fail(error, SKAFU_EDAMAGED, "%s: the structure of the store is damaged (%s); restore a "
				   "backup or salvage it", what, mdb_strerror(mdb_rc));
	case MDB_PANIC:
		return skafu__fail(error, SKAFU_EPOISONED, "%s: an earlier write failed half way; close the store in "
				   "all processes and open it again", what);
	case MDB_TXN_FULL:
		return skafu__fail(error, SKAFU_ELIMIT, "%s: the batch touches too many pages; split it", what);
	default:
		if (mdb_rc > 0)
			return skafu__fail_os(error, mdb_rc, "%s", what);
		return skafu__fail(error, SKAFU_EINTERNAL, "%s: %s", what, mdb_strerror(mdb_rc));
	}
}

/* ---- open and create ----------------------------------------------------------------------------------------- */

static char *env_path(const struct skafu__sys *sys, const char *directory, const struct skafu__env_config *config,
		      const char *ending)
{
	const char *name = config->file ? config->file : "log";
	size_t bytes = strlen(directory) + strlen(name) + strlen(ending) + 2;
	char *path = skafu__alloc(sys, bytes);
	if (path)
		snprintf(path, bytes, "%s/%s%s", directory, name, ending);
	return path;
}

/*
 * LMDB makes its lock file by ftruncate and writes it through a map, where a block that the disk has no room for is a
 * SIGBUS in the host.  So the blocks are taken before.  An empty lock file is nobody else's: the first opener is
 * alone.
 */
static int env_reserve_lock(const struct skafu__sys *sys, const char *path, uint32_t readers_max)
{
	static const uint8_t zeros[4096];
	struct stat status = {0};
	size_t left = ENV_LOCK_HEADER_BYTES + (size_t)(readers_max - 1) * ENV_LOCK_READER_BYTES;
	int fd = sys->open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
	int rc = fd < 0 || sys->fstat(fd, &status) != 0 ? errno : 0;
	for (off_t at = 0; rc == 0 && status.st_size == 0 && left != 0;) {
		size_t bytes = left < sizeof zeros ? left : sizeof zeros;
		if (skafu__write_at(sys, fd, zeros, bytes, at) != 0)
			rc = errno;
		at += (off_t)bytes;
		left -= bytes;
	}
	if (rc != 0 && fd >= 0 && status.st_size == 0)
		(void)sys->ftruncate(fd, 0);
	if (fd >= 0)
		sys->close(fd);
	return rc;
}

static int env_try_map(MDB_env *mdb, const char *path, const struct skafu__env_config *config, uint64_t map_bytes)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (config->no_sync ? MDB_NOSYNC : 0) |
			 (config->lazy_meta ? MDB_NOMETASYNC : 0) | (config->read_only ? MDB_RDONLY : 0);
	int rc = mdb_env_set_maxdbs(mdb, SKAFU__TABLES + 2);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(mdb, config->readers_max);
	if (rc == 0)
		rc = mdb_env_set_mapsize(mdb, (size_t)map_bytes);
	return rc ? rc : mdb_env_open(mdb, path, flags, 0640);
}

/* A large map costs only address space, but some systems have little of that: then take less, and grow later.
 * valgrind says EINVAL of a map that it has no room for. */
static int env_open_mdb(MDB_env **out, const char *path, const struct skafu__env_config *config)
{
	uint64_t map_bytes = config->map_bytes;
	for (;;) {
		MDB_env *mdb;
		int rc = mdb_env_create(&mdb);
		if (rc != 0)
			return rc;
		rc = env_try_map(mdb, path, config, map_bytes);
		if (rc == 0) {
			*out = mdb;
			return 0;
		}
		mdb_env_close(mdb);
		if ((rc != ENOMEM && rc != EINVAL) || map_bytes / 2 < ENV_MAP_BYTES_MIN)
			return rc;
		map_bytes /= 2;
	}
}

static int env_open_tables(const struct skafu__env_config *config, MDB_txn *txn, MDB_dbi *tables, unsigned flags)
{
	const char *const *names = config->table_names ? config->table_names : env_table_names;
	uint32_t count = config->table_names ? config->table_count : SKAFU__TABLES;
	for (uint32_t i = 0; i < count; i++) {
		int rc = mdb_dbi_open(txn, names[i], flags, &tables[i]);
		/* Without the first it is somebody else's file, without another one it is a damaged store. */
		if (rc == MDB_NOTFOUND && i != SKAFU__TABLE_META)
			return MDB_CORRUPTED;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int env_fill_new(MDB_env *mdb, const struct skafu__env_config *config, const void *format,
			size_t format_length)
{
	MDB_dbi tables[SKAFU__TABLES];
	MDB_txn *txn;
	int rc = mdb_txn_begin(mdb, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	MDB_val key = {6, (void *)(uintptr_t)"format"};
	MDB_val value = {format_length, (void *)(uintptr_t)format};
	rc = env_open_tables(config, txn, tables, MDB_CREATE);
	if (rc == 0)
		rc = mdb_put(txn, tables[SKAFU__TABLE_META], &key, &value, 0);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

int32_t skafu__env_create(const struct skafu__sys *sys, const char *directory, const struct skafu__env_config *config,
			  const void *format, size_t format_length, skafu_error *error)
{
	struct skafu__env env = {.sys = sys, .config = *config};
	env.data_path = env_path(sys, directory, config, "");
	env.lock_path = env_path(sys, directory, config, "-lock");
	int rc = env.data_path && env.lock_path ? env_reserve_lock(sys, env.lock_path, config->readers_max) : ENOMEM;
	if (rc == 0)
		rc = env_open_mdb(&env.mdb, env.data_path, config);
	if (rc == 0) {
		rc = env_fill_new(env.mdb, config, format, format_length);
		if (rc == 0 && !config->no_sync)
			rc = mdb_env_sync(env.mdb, 1);
		mdb_env_close(env.mdb);
	}
	int32_t result = rc ? skafu__env_fail(&env, rc, "creating the log", error) : 0;
	skafu__free(sys, env.data_path);
	skafu__free(sys, env.lock_path);
	return result;
}

static int env_load_tables(struct skafu__env *env)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return rc;
	rc = env_open_tables(&env->config, txn, env->tables, 0);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn); /* a commit keeps the table handles, an abort would close them */
}

static void env_remember_lock(struct skafu__env *env)
{
	struct stat status;
	if (env->sys->stat(env->lock_path, &status) != 0)
		return;
	env->lock_device = status.st_dev;
	env->lock_inode = status.st_ino;
}

int32_t skafu__env_open(struct skafu__env *env, const struct skafu__sys *sys, const char *directory,
			const struct skafu__env_config *config, skafu_error *error)
{
	memset(env, 0, sizeof *env);
	env->sys = sys;
	env->config = *config;
	env->data_path = env_path(sys, directory, config, "");
	env->lock_path = env_path(sys, directory, config, "-lock");
	pthread_mutex_init(&env->idle_lock, NULL);
	skafu__flush_init(&env->flush, sys);
	int rc = env->data_path && env->lock_path ? env_reserve_lock(sys, env->lock_path, config->readers_max)
						  : ENOMEM;
	if (rc == 0)
		rc = env_open_mdb(&env->mdb, env->data_path, config);
	if (rc == 0 && config->journal_bytes != 0 &&
	    skafu__flush_attach(&env->flush, env->mdb, directory, config->journal_bytes, config->journal_after) != 0)
		rc = ENOMEM;
	if (rc == 0) {
		int dead;
		mdb_filehandle_t fd;
		mdb_reader_check(env->mdb, &dead);
		if (mdb_env_get_fd(env->mdb, &fd) == 0)
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		rc = env_load_tables(env);
	}
	if (rc != 0) {
		int32_t result = rc == MDB_NOTFOUND ? skafu__fail(error, SKAFU_EFOREIGN,
								  "the log lacks the tables of a "
								  "libskafu store; it belongs to another program")
						    : skafu__env_fail(env, rc, "opening the log", error);
		skafu__env_close(env);
		return result;
	}
	env_remember_lock(env);
	return 0;
}

void skafu__env_close(struct skafu__env *env)
{
	while (env->idle_count > 0)
		mdb_txn_abort(env->idle[--env->idle_count]);
	skafu__flush_done(&env->flush);
	if (env->mdb)
		mdb_env_close(env->mdb);
	skafu__free(env->sys, env->data_path);
	skafu__free(env->sys, env->lock_path);
	pthread_mutex_destroy(&env->idle_lock);
	memset(env, 0, sizeof *env);
}

/* ---- transactions -------------------------------------------------------------------------------------------- */

static MDB_txn *env_take_idle(struct skafu__env *env)
{
	pthread_mutex_lock(&env->idle_lock);
	MDB_txn *txn = env->idle_count ? env->idle[--env->idle_count] : NULL;
	pthread_mutex_unlock(&env->idle_lock);
	return txn;
}

static int32_t env_has_map(const struct skafu__env *env, skafu_error *error)
{
	if (!env->map_is_lost)
		return 0;
	return skafu__fail(error, SKAFU_ENOMEM, "the map of the log was lost, as there was no room for a larger one; "
			   "close the store and open it again");
}

static int env_begin_fresh(struct skafu__env *env, MDB_txn **out)
{
	int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, out);
	if (rc != MDB_READERS_FULL)
		return rc;
	int dead;
	mdb_reader_check(env->mdb, &dead); /* slots of killed processes */
	return mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, out);
}

int32_t skafu__env_read_begin(struct skafu__env *env, MDB_txn **out_txn, skafu_error *error)
{
	int rc = env->sys->storage(SKAFU__TESTHOOK_READ);
	if (rc != 0)
		return skafu__fail_os(error, rc, "reading the log");
	int32_t result = env_has_map(env, error);
	if (result != 0)
		return result;
	MDB_txn *txn = env_take_idle(env);
	if (txn) {
		rc = mdb_txn_renew(txn);
		if (rc != 0)
			mdb_txn_abort(txn);
	} else {
		rc = env_begin_fresh(env, &txn);
	}
	if (rc != 0)
		return skafu__env_fail(env, rc, "reading the log", error);
	skafu__flush_look(&env->flush, mdb_txn_id(txn));
	*out_txn = txn;
	return 0;
}

void skafu__env_read_end(struct skafu__env *env, MDB_txn *txn)
{
	mdb_txn_reset(txn);
	pthread_mutex_lock(&env->idle_lock);
	int kept = env->idle_count < SKAFU__ENV_IDLE_MAX;
	if (kept)
		env->idle[env->idle_count++] = txn;
	pthread_mutex_unlock(&env->idle_lock);
	if (!kept)
		mdb_txn_abort(txn);
}

/* A reader that was killed keeps every page that was freed since it began, until its slot is taken from it. */
static int env_drop_dead_readers(struct skafu__env *env)
{
	int dead = 0;
	mdb_reader_check(env->mdb, &dead);
	return dead;
}

int32_t skafu__env_write_begin(struct skafu__env *env, MDB_txn **out_txn, skafu_error *error)
{
	int32_t result = env_has_map(env, error);
	if (result != 0)
		return result;
	result = skafu__flush_begin(&env->flush, error);
	if (result != 0)
		return result;
	if (++env->writes % ENV_WRITES_PER_CHECK == 0)
		env_drop_dead_readers(env);
	int rc = mdb_txn_begin(env->mdb, NULL, 0, out_txn);
	return rc ? skafu__env_fail(env, rc, "writing the log", error) : 0;
}

/*
 * What a failed commit means.  LMDB writes pages that nothing refers to yet, syncs them, and writes the meta page
 * last. When that last write fails it marks the environment, and every later begin says so: only then, or when a sync
 * failed, may the commit have happened.  A disk that is full shows while the pages are written (a short write as
 * EIO).
 */
static int32_t env_commit_failed(struct skafu__env *env, int rc, skafu_error *error)
{
	MDB_txn *probe;
	int begin = mdb_txn_begin(env->mdb, NULL, 0, &probe);
	if (begin == 0)
		mdb_txn_abort(probe);
	if (begin != MDB_PANIC) {
		if (rc == MDB_MAP_FULL)
			return skafu__env_fail(env, rc, "writing the log", error);
		if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG || (rc == EIO && env_disk_is_full(env)))
			return skafu__fail(error, SKAFU_ENOSPACE, "the disk is full; nothing was appended, and the "
					   "store works again when there is room");
		if (rc == ENOMEM)
			return skafu__fail_memory(error);
	}
	int32_t result = skafu__fail(error, SKAFU_EUNKNOWN, "writing the log failed (%s) and may have taken effect; "
				     "close the store in all processes, open it again and ask for the commit's "
				     "status", mdb_strerror(rc));
	return result;
}

/* What is in the journal of a commit that LMDB certainly refused goes, else it would come back. */
static int32_t env_commit_refused(struct skafu__env *env, int rc, int is_in_journal, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t result = env_commit_failed(env, rc, error);
	if (result == SKAFU_EUNKNOWN || !is_in_journal || skafu__flush_take_back(&env->flush, &own) == 0)
		return result;
	return skafu__error_copy(error, &own, SKAFU_EUNKNOWN);
}

/* Have the transaction ready for LMDB's commit: 1 when it is on the disk in the journal, 0 when not; on failure it is
 * aborted. */
static int32_t env_prepare(struct skafu__env *env, MDB_txn *txn, int may_be_in_journal, skafu_error *error)
{
	int rc = env->sys->storage(SKAFU__TESTHOOK_WRITE);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return env_commit_failed(env, rc, error);
	}
	int32_t result = may_be_in_journal ? skafu__flush_frame(&env->flush, txn, error) : 0;
	if (result == 0)
		result = skafu__flush_older(&env->flush, error);
	if (result < 0)
		mdb_txn_abort(txn);
	return result;
}

static int32_t env_commit(struct skafu__env *env, MDB_txn *txn, int may_be_in_journal, skafu_error *error)
{
	int32_t is_in_journal = env_prepare(env, txn, may_be_in_journal, error);
	if (is_in_journal < 0)
		return is_in_journal;
	int rc = skafu__flush_commit(&env->flush, txn, is_in_journal);
	if (rc != 0)
		return env_commit_refused(env, rc, is_in_journal, error);
	rc = env->sys->storage(SKAFU__TESTHOOK_SYNC);
	return rc ? env_commit_failed(env, rc, error) : 0;
}

int32_t skafu__env_write_commit(struct skafu__env *env, MDB_txn *txn, skafu_error *error)
{
	return env_commit(env, txn, 0, error);
}

int skafu__env_append(struct skafu__env *env, MDB_txn *txn, MDB_val *key, MDB_val *value)
{
	skafu__flush_gather(&env->flush, key, value);
	return mdb_put(txn, env->tables[SKAFU__TABLE_CHUNK], key, value, MDB_APPEND);
}

int skafu__env_reserve(const struct skafu__env *env, MDB_txn *txn, MDB_val *key, MDB_val *value)
{
	return mdb_put(txn, env->tables[SKAFU__TABLE_CHUNK], key, value, MDB_APPEND | MDB_RESERVE);
}

void skafu__env_reserved(struct skafu__env *env, const MDB_val *key, const MDB_val *value)
{
	skafu__flush_gather(&env->flush, key, value);
}

int32_t skafu__env_append_commit(struct skafu__env *env, MDB_txn *txn, skafu_error *error)
{
	return env_commit(env, txn, 1, error);
}

int32_t skafu__env_replay(struct skafu__env *env, const struct skafu__buf *entries, skafu_error *error)
{
	MDB_txn *txn;
	struct skafu__recover_entry entry;
	size_t at = 0;
	int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
	if (rc != 0)
		return skafu__env_fail(env, rc, "putting back what the journal holds", error);
	while (rc == 0 && skafu__recover_next(entries, &at, &entry)) {
		MDB_val key = {entry.key_length, (void *)(uintptr_t)entry.key};
		MDB_val value = {entry.length, (void *)(uintptr_t)entry.value};
		rc = skafu__env_append(env, txn, &key, &value);
	}
	if (rc == 0)
		return skafu__env_write_commit(env, txn, error);
	mdb_txn_abort(txn);
	if (rc == MDB_KEYEXIST)
		return skafu__fail(error, SKAFU_EDAMAGED, "the journal does not go on where the log ends; restore a "
				   "backup, or salvage what is whole");
	return skafu__env_fail(env, rc, "putting back what the journal holds", error);
}

/* ---- growth -------------------------------------------------------------------------------------------------- */

static int env_has_room(uint64_t bytes)
{
	void *room = mmap(NULL, (size_t)bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return 0;
	munmap(room, (size_t)bytes);
	return 1;
}

/* Make the map this large, or, when there is no room for that, as large as can be, but `least`.  LMDB gives the old
 * map up before it asks for the new one, and crashes later when it gets none: so the room is looked for before, and
 * LMDB is not asked any more when another thread was faster.  A limit of the process counts what is added; beyond
 * the size where room is plenty, all has to lie together. */
static int env_set_map(struct skafu__env *env, uint64_t now, uint64_t wanted, uint64_t least)
{
	while (!env_has_room(wanted > ENV_MAP_BYTES_PLENTY ? wanted : wanted - now)) {
		uint64_t less = now + (wanted - now) / 2 / ENV_MAP_BYTES_MIN * ENV_MAP_BYTES_MIN;
		if (less <= now || less < least)
			return ENOMEM;
		wanted = less;
	}
	int rc = mdb_env_set_mapsize(env->mdb, (size_t)wanted);
	env->map_is_lost = rc != 0;
	return rc;
}

/* Another process has written beyond the end of this map; another thread may have adopted that already. */
static int32_t env_adopt(struct skafu__env *env, const MDB_envinfo *info, skafu_error *error)
{
	uint64_t needed = ((uint64_t)info->me_last_pgno + 1) * ENV_PAGE_BYTES;
	uint64_t bytes = info->me_mapsize;
	while (bytes < needed)
		bytes *= 2;
	if (bytes == info->me_mapsize)
		return 0;
	int rc = env_set_map(env, info->me_mapsize, bytes, needed);
	return rc ? skafu__env_fail(env, rc, "adopting a larger map", error) : 0;
}

int32_t skafu__env_grow(struct skafu__env *env, int adopt, skafu_error *error)
{
	int32_t result = env_has_map(env, error);
	if (result != 0)
		return result;
	while (env->idle_count > 0)
		mdb_txn_abort(env->idle[--env->idle_count]);
	MDB_envinfo info;
	mdb_env_info(env->mdb, &info);
	if (adopt && ((uint64_t)info.me_last_pgno + 1) * ENV_PAGE_BYTES <= info.me_mapsize)
		return 0; /* another thread was faster, and may be writing over a base by now */
	skafu__flush_release(&env->flush);
	if (adopt)
		return env_adopt(env, &info, error);
	if (env_drop_dead_readers(env) != 0)
		return 0; /* there may be room now */
	uint64_t bytes = (uint64_t)info.me_mapsize * 2;
	if (bytes > env->config.map_bytes_max)
		bytes = env->config.map_bytes_max;
	if (bytes <= info.me_mapsize)
		return skafu__fail(error, SKAFU_EFULL,
				   "the store has reached its limit of %llu bytes; open it with a "
				   "larger store_bytes_max",
				   (unsigned long long)env->config.map_bytes_max);
	int rc = env_set_map(env, info.me_mapsize, bytes, info.me_mapsize + ENV_MAP_BYTES_MIN);
	return rc ? skafu__env_fail(env, rc, "growing the map", error) : 0;
}

int32_t skafu__env_check_lock(const struct skafu__env *env, skafu_error *error)
{
	struct stat status;
	if (env->lock_inode == 0)
		return 0;
	int rc = env->sys->stat(env->lock_path, &status);
	if (rc != 0 && errno != ENOENT && errno != ENOTDIR)
		return skafu__fail_os(error, errno, "looking at %s", env->lock_path);
	if (rc == 0 && status.st_dev == env->lock_device && status.st_ino == env->lock_inode)
		return 0;
	return skafu__fail(error, SKAFU_EDAMAGED, "the lock file %s was deleted or replaced while the store is open; "
			   "close the store in all processes and open it again", env->lock_path);
}
