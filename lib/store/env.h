/*
 * env.h: the LMDB environment of a log, and every rule of LMDB that must not reach anybody else.
 *
 * Read transactions are pooled, never outlive one call of the library, and belong to no thread (MDB_NOTLS).  A write
 * transaction begins and ends in one function.  The map is reserved large and grown when it is full, which needs that
 * no transaction of this process is open: skafu__env_grow() is called with the store's gate held exclusively.
 * The flags that trade safety for speed (NOSYNC, NOMETASYNC, MAPASYNC, WRITEMAP, NOLOCK) are never set, but NOSYNC
 * for a store in memory, and while a commit is written that is on the disk already (flush.h), and NOMETASYNC for what
 * can be made again.
 */
#ifndef SKAFU__STORE_ENV_H
#define SKAFU__STORE_ENV_H

#include <lmdb.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/sys.h"
#include "skafu_base.h"
#include "store/flush.h"

#define SKAFU__ENV_IDLE_MAX 16

enum skafu__table {
	SKAFU__TABLE_META,
	SKAFU__TABLE_CHUNK,
	SKAFU__TABLE_NAME,
	SKAFU__TABLE_ROW,
	SKAFU__TABLE_RUN,
	SKAFU__TABLE_MANIFEST,
	SKAFU__TABLES
};

struct skafu__env_config {
	const char *file;               /* in the directory; NULL: "log".  The lock file has "-lock" behind it */
	const char *const *table_names; /* at most SKAFU__TABLES; NULL: those of a log */
	uint32_t table_count;
	uint64_t map_bytes;     /* to begin with */
	uint64_t map_bytes_max; /* never beyond */
	uint32_t readers_max;
	int no_sync;
	int lazy_meta; /* 1: the last commits may be lost with the machine, but not the order of them */
	int read_only;
	uint32_t journal_bytes; /* 0: LMDB flushes every commit */
	uint32_t journal_after; /* commits of one process behind each other; few are not worth making the file */
};

struct skafu__env {
	const struct skafu__sys *sys;
	MDB_env *mdb;
	MDB_dbi tables[SKAFU__TABLES];
	struct skafu__env_config config;
	char *data_path;
	char *lock_path;
	dev_t lock_device; /* of the lock file as it was opened; 0 when nothing is to be compared */
	ino_t lock_inode;
	pthread_mutex_t idle_lock;
	MDB_txn *idle[SKAFU__ENV_IDLE_MAX];
	uint32_t idle_count;
	uint32_t writes; /* transactions that were begun; one at a time is */
	struct skafu__flush flush;
	int map_is_lost; /* LMDB has none any more, and does not know that; changed while none is in use */
};

/* Write the files of a new, empty environment (all tables, no records but `format` in the meta table) and close
 * it. */
int32_t skafu__env_create(const struct skafu__sys *sys, const char *directory, const struct skafu__env_config *config,
			  const void *format, size_t format_length, skafu_error *error);

/* Open an environment whose file has passed the preflight.  All or nothing. */
int32_t skafu__env_open(struct skafu__env *env, const struct skafu__sys *sys, const char *directory,
			const struct skafu__env_config *config, skafu_error *error);
void skafu__env_close(struct skafu__env *env);

/* A read transaction of the pool; SKAFU_EMISUSE (without a message) when another process has grown the map, which
 * asks for skafu__env_grow(env, 0). */
int32_t skafu__env_read_begin(struct skafu__env *env, MDB_txn **out_txn, skafu_error *error);
void skafu__env_read_end(struct skafu__env *env, MDB_txn *txn);

/* The write transaction; the same SKAFU_EMISUSE.  Now and then slots of readers that were killed are cleared.
 * SKAFU_EIO: what was committed before could not be flushed. */
int32_t skafu__env_write_begin(struct skafu__env *env, MDB_txn **out_txn, skafu_error *error);

/*
 * Commit it.  0; SKAFU_ENOSPACE: certainly not written, go on when there is room; SKAFU_EFULL: the map is full, grow
 * it; SKAFU_EUNKNOWN: may or may not be on disk, nobody may write until an exclusive reopen.
 */
int32_t skafu__env_write_commit(struct skafu__env *env, MDB_txn *txn, skafu_error *error);

/* The same for a transaction that has done nothing but skafu__env_append(), which puts a value at the end of the
 * table of chunks (0, or LMDB's code).  It is flushed once where that can be. */
int skafu__env_append(struct skafu__env *env, MDB_txn *txn, MDB_val *key, MDB_val *value);

/* The same in two steps: LMDB gives the place of a value; it is filled, and told, before all else is written. */
int skafu__env_reserve(const struct skafu__env *env, MDB_txn *txn, MDB_val *key, MDB_val *value);
void skafu__env_reserved(struct skafu__env *env, const MDB_val *key, const MDB_val *value);
int32_t skafu__env_append_commit(struct skafu__env *env, MDB_txn *txn, skafu_error *error);

/* Put what was in the journal again (recover.h), and flush it.  SKAFU_EFULL: grow the map, and call it again. */
int32_t skafu__env_replay(struct skafu__env *env, const struct skafu__buf *entries, skafu_error *error);

/* A failed put or delete in a write transaction, translated: SKAFU_EFULL when the map is full.  The transaction is
 * of no use then. */
int32_t skafu__env_fail(const struct skafu__env *env, int mdb_rc, const char *what, skafu_error *error);
#ifdef SKAFU__ANALYSED
#include "base/error.h"
#define skafu__env_fail(...) skafu__failed(skafu__env_fail(__VA_ARGS__))
#endif

/* Make the map larger (double; when adopt is 1, as far as another process has written, if it is not yet).  No
 * transaction of this process may be open.  Where a killed reader held pages it frees those instead: whoever finds
 * the map full calls it again.  SKAFU_EFULL at the limit; SKAFU_ENOMEM when there is no room for a larger map, and
 * then it is as it was; but when something else took the room in that moment, the map is gone, and every call says
 * SKAFU_ENOMEM until the environment is opened again. */
int32_t skafu__env_grow(struct skafu__env *env, int adopt, skafu_error *error);

/* SKAFU_EDAMAGED when the lock file was deleted or replaced since it was opened: two writers would not see each
 * other. */
int32_t skafu__env_check_lock(const struct skafu__env *env, skafu_error *error);

#endif
