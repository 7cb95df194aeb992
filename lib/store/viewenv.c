#include "store/viewenv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/crc32c.h"
#include "codec/sealed.h"
#include "store/leftover.h"
#include "store/preflight.h"
#include "store/store.h"

#define VIEWENV_HEADER_BYTES 44
#define VIEWENV_OPEN_WAIT_NS (UINT64_C(10) * 1000000000)
#define VIEWENV_LOOK_NS (UINT64_C(200) * 1000000) /* for looking at all of a file; beyond, at what an open needs */

static const char viewenv_magic[8] = {'S', 'K', 'A', 'F', 'U', 'V', 'W', '2'};
static const char *const viewenv_tables[] = {"meta", "projection", "generation", "row"};

struct skafu__views {
	skafu_store *store;
	const struct skafu__sys *sys;
	struct skafu__env env;
	struct skafu__env_config config;
	char *path;      /* of the data file; NULL: files without a name */
	char *lock_path;
	char *new_path;
	int is_open;
	dev_t device; /* of the data file, as it was opened */
	ino_t inode;
	pthread_mutex_t write_lock;
	pthread_rwlock_t gate;
};

/* ---- failures ------------------------------------------------------------------------------------------------ */

static int viewenv_is_wreck(int32_t rc)
{
	return rc == SKAFU_EDAMAGED || rc == SKAFU_EFOREIGN || rc == SKAFU_EUNSUPPORTED || rc == SKAFU_ENEWER;
}

int32_t skafu__viewenv_damaged(struct skafu__viewtxn *txn, skafu_error *error)
{
	txn->damaged = 1;
	return skafu__fail(error, SKAFU_EDAMAGED, "the file of the views is damaged; it was thrown away and is made "
			   "again from the log: refresh the view and read again");
}

/* What the environment says about a failure is in the words of the log. */
static int32_t viewenv_say(const struct skafu__views *views, int32_t rc, const skafu_error *own, skafu_error *error)
{
	if (rc == SKAFU_EFULL)
		return skafu__fail(error, rc, "the views have reached their limit of %llu bytes; open the model with "
				   "a larger views_bytes_max",
				   (unsigned long long)views->config.map_bytes);
	if (rc == SKAFU_ENOSPACE)
		return skafu__fail(error, rc, "the disk is full; the views stay as they were, and go on when there "
				   "is room");
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	return skafu__fail(error, rc, "the views: %s", own->message);
}

int32_t skafu__viewenv_fail(struct skafu__viewtxn *txn, int mdb_rc, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = skafu__env_fail(&txn->views->env, mdb_rc, "a transaction", &own);
	if (rc == SKAFU_EDAMAGED)
		return skafu__viewenv_damaged(txn, error);
	return viewenv_say(txn->views, rc, &own, error);
}

/* ---- the header ---------------------------------------------------------------------------------------------- */

static void viewenv_header(const skafu_store *store, uint8_t out[VIEWENV_HEADER_BYTES])
{
	memcpy(out, viewenv_magic, 8);
	memcpy(out + 8, store->format.birth, 16);
	memcpy(out + 24, store->format.incarnation, 16);
	skafu__store_u32(out + 40, skafu__crc32c(0, out, 40));
}

/* 0 when these are the views of this store. */
static int32_t viewenv_check_header(struct skafu__views *views, skafu_error *error)
{
	uint8_t wanted[VIEWENV_HEADER_BYTES];
	MDB_txn *txn;
	int32_t rc = skafu__env_read_begin(&views->env, &txn, error);
	if (rc == SKAFU_EMISUSE) { /* somebody's map is larger */
		rc = skafu__env_grow(&views->env, 1, error);
		if (rc == 0)
			rc = skafu__env_read_begin(&views->env, &txn, error);
	}
	if (rc != 0)
		return rc;
	MDB_val key = {6, (void *)(uintptr_t)"format"};
	MDB_val value;
	viewenv_header(views->store, wanted);
	if (mdb_get(txn, views->env.tables[SKAFU__VIEW_META], &key, &value) != 0 || value.mv_size != sizeof wanted ||
	    memcmp(value.mv_data, wanted, sizeof wanted) != 0)
		rc = skafu__fail(error, SKAFU_EFOREIGN, "they belong to another store");
	skafu__env_read_end(&views->env, txn);
	return rc;
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static void viewenv_throw_away(const struct skafu__views *views)
{
	views->sys->unlink(views->path);
	views->sys->unlink(views->lock_path);
}

static int32_t viewenv_make(const struct skafu__views *views, skafu_error *error)
{
	uint8_t header[VIEWENV_HEADER_BYTES];
	char lock[4096];
	struct skafu__env_config config = views->config;
	config.file = "views.new";
	snprintf(lock, sizeof lock, "%s-lock", views->new_path);
	viewenv_header(views->store, header);
	views->sys->unlink(views->new_path);
	views->sys->unlink(lock);
	int32_t rc = skafu__env_create(views->sys, views->store->path, &config, header, sizeof header, error);
	views->sys->unlink(lock);
	views->sys->unlink(views->lock_path);
	if (rc == 0 && views->sys->rename(views->new_path, views->path) != 0)
		rc = skafu__fail_os(error, errno, "moving the new views to %s", views->path);
	if (rc != 0)
		views->sys->unlink(views->new_path);
	return rc;
}

/* All of the file when that is quickly done, else what opening it and the first steps in it need. */
static int32_t viewenv_look_at(const struct skafu__views *views, int fd, skafu_error *error)
{
	struct skafu__preflight_opts opts = {.level = SKAFU__PREFLIGHT_FULL, .time_ns_max = VIEWENV_LOOK_NS};
	int32_t rc = skafu__preflight_check(views->sys, fd, &opts, NULL, error);
	if (rc != SKAFU_ETIMEOUT && rc != SKAFU_ELIMIT)
		return rc;
	opts.level = SKAFU__PREFLIGHT_QUICK;
	opts.time_ns_max = 0;
	return skafu__preflight_check(views->sys, fd, &opts, NULL, error);
}

/* Is there a file, and one that can be mapped?  Only the first may look, as others may write to it. */
static int32_t viewenv_look(const struct skafu__views *views, int is_first, int *out_exists, skafu_error *error)
{
	struct stat status;
	*out_exists = 0;
	if (views->sys->stat(views->path, &status) != 0)
		return errno == ENOENT ? 0 : skafu__fail_os(error, errno, "looking at %s", views->path);
	*out_exists = 1;
	if (!is_first)
		return 0;
	if (!S_ISREG(status.st_mode))
		return skafu__fail(error, SKAFU_EIO, "%s is not a file; move it away", views->path);
	int fd = views->sys->open(views->path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return skafu__fail_os(error, errno, "opening %s", views->path);
	int32_t rc = viewenv_look_at(views, fd, error);
	views->sys->close(fd);
	return rc;
}

static int32_t viewenv_map(struct skafu__views *views, skafu_error *error)
{
	struct stat status;
	int32_t rc = skafu__env_open(&views->env, views->sys, views->store->path, &views->config, error);
	if (rc != 0)
		return rc;
	rc = viewenv_check_header(views, error);
	if (rc == 0 && views->sys->stat(views->path, &status) != 0)
		rc = skafu__fail_os(error, errno, "looking at %s", views->path);
	if (rc != 0) {
		skafu__env_close(&views->env);
		return rc;
	}
	views->device = status.st_dev;
	views->inode = status.st_ino;
	views->is_open = 1;
	return 0;
}

/* What is there, or, when that is no good, new files. */
static int32_t viewenv_find(struct skafu__views *views, int is_first, skafu_error *error)
{
	struct skafu_error own = {0};
	int exists;
	int32_t rc = viewenv_look(views, is_first, &exists, &own);
	if (rc == 0 && !exists && views->store->read_only)
		return skafu__fail(error, SKAFU_ENOTFOUND, "there are no views, and the store is open for reading "
				   "only; let a process that may write run the projection");
	if (rc == 0 && exists)
		rc = viewenv_map(views, &own);
	if (rc == 0 && exists)
		return 0;
	if (rc != 0 && (!viewenv_is_wreck(rc) || views->store->read_only))
		return viewenv_say(views, rc, &own, error);
	if (exists)
		skafu__log(&views->store->log, SKAFU_LOG_WARNING, "the views are thrown away and made again: %s",
			   own.message);
	viewenv_throw_away(views);
	rc = viewenv_make(views, &own);
	if (rc == 0)
		rc = viewenv_map(views, &own);
	return rc ? viewenv_say(views, rc, &own, error) : 0;
}

/* The gate is held exclusively. */
static int32_t viewenv_open(struct skafu__views *views, skafu_error *error)
{
	const struct skafu__control *control = &views->store->control;
	int64_t deadline = skafu__deadline(views->sys, VIEWENV_OPEN_WAIT_NS);
	int held = skafu__control_views_lock(control, SKAFU__CONTROL_VIEWS_OPENING, 1, deadline);
	if (held != 0)
		return skafu__fail(error, SKAFU_EBUSY, "process %lld is opening the views and has not finished; try "
				   "again", (long long)skafu__control_views_holder(control,
										   SKAFU__CONTROL_VIEWS_OPENING));
	int is_first = skafu__control_views_lock(control, SKAFU__CONTROL_VIEWS_PRESENT, 1,
						 skafu__deadline(views->sys, 0)) == 0;
	int32_t rc = viewenv_find(views, is_first, error);
	if (rc == 0 && skafu__control_views_lock(control, SKAFU__CONTROL_VIEWS_PRESENT, 0, deadline) != 0)
		rc = skafu__fail_os(error, errno, "locking the views");
	if (rc == 0)
		(void)skafu__control_views_lock(control, SKAFU__CONTROL_VIEWS_PROCESS + (int)views->store->pid, 1,
						deadline);
	else
		skafu__control_views_unlock(control, SKAFU__CONTROL_VIEWS_PRESENT);
	skafu__control_views_unlock(control, SKAFU__CONTROL_VIEWS_OPENING);
	return rc;
}

static int32_t viewenv_open_unnamed(struct skafu__views *views, skafu_error *error)
{
	uint8_t header[VIEWENV_HEADER_BYTES];
	char directory[64] = "/dev/shm/skafu-XXXXXX";
	char *made = mkdtemp(directory);
	if (!made) {
		snprintf(directory, sizeof directory, "/tmp/skafu-XXXXXX");
		made = mkdtemp(directory);
	}
	if (!made)
		return skafu__fail_os(error, errno, "making a directory for temporary files");
	viewenv_header(views->store, header);
	int32_t rc = skafu__env_create(views->sys, directory, &views->config, header, sizeof header, error);
	if (rc == 0)
		rc = skafu__env_open(&views->env, views->sys, directory, &views->config, error);
	views->is_open = rc == 0;
	skafu__leftover_remove_store(views->sys, directory);
	return rc;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static char *viewenv_name(const struct skafu__views *views, const char *ending)
{
	size_t bytes = strlen(views->store->path) + strlen(ending) + 1;
	char *path = skafu__alloc(views->sys, bytes);
	if (path)
		snprintf(path, bytes, "%s%s", views->store->path, ending);
	return path;
}

static struct skafu__views *viewenv_new(skafu_store *store, uint64_t bytes_max, int is_named)
{
	struct skafu__views *views = skafu__alloc_zeroed(&store->sys, 1, sizeof *views);
	if (!views)
		return NULL;
	views->store = store;
	views->sys = &store->sys;
	views->config = (struct skafu__env_config){.file = "views", .table_names = viewenv_tables, .table_count = 4,
						   .readers_max = store->opts.readers_max,
						   .no_sync = !is_named || store->tuning.no_sync, .lazy_meta = 1};
	views->config.map_bytes = bytes_max ? bytes_max : store->opts.store_bytes_max;
	views->config.map_bytes_max = views->config.map_bytes;
	pthread_mutex_init(&views->write_lock, NULL);
	pthread_rwlock_init(&views->gate, NULL);
	if (!is_named)
		return views;
	views->path = viewenv_name(views, "/views");
	views->lock_path = viewenv_name(views, "/views-lock");
	views->new_path = viewenv_name(views, "/views.new");
	if (views->path && views->lock_path && views->new_path)
		return views;
	skafu__viewenv_free(views);
	return NULL;
}

void skafu__viewenv_free(struct skafu__views *views)
{
	if (!views)
		return;
	const struct skafu__control *control = &views->store->control;
	if (views->is_open)
		skafu__env_close(&views->env);
	if (views->path) {
		skafu__control_views_unlock(control, SKAFU__CONTROL_VIEWS_PRESENT);
		skafu__control_views_unlock(control, SKAFU__CONTROL_VIEWS_PROCESS + (int)views->store->pid);
	}
	pthread_mutex_destroy(&views->write_lock);
	pthread_rwlock_destroy(&views->gate);
	skafu__free(views->sys, views->path);
	skafu__free(views->sys, views->lock_path);
	skafu__free(views->sys, views->new_path);
	skafu__free(views->sys, views);
}

int32_t skafu__viewenv_private(skafu_store *store, uint64_t bytes_max, struct skafu__views **out_views,
			       skafu_error *error)
{
	struct skafu__views *views = viewenv_new(store, bytes_max, 0);
	if (!views)
		return skafu__fail_memory(error);
	int32_t rc = viewenv_open_unnamed(views, error);
	if (rc != 0) {
		skafu__viewenv_free(views);
		return rc;
	}
	*out_views = views;
	return 0;
}

int32_t skafu__viewenv_of(skafu_store *store, uint64_t bytes_max, struct skafu__views **out_views,
			  skafu_error *error)
{
	int32_t rc = 0;
	pthread_mutex_lock(&store->views_lock);
	if (!store->views && !store->path)
		rc = skafu__viewenv_private(store, bytes_max, &store->views, error);
	else if (!store->views)
		store->views = viewenv_new(store, bytes_max, 1);
	if (rc == 0 && !store->views)
		rc = skafu__fail_memory(error);
	if (rc == 0)
		*out_views = store->views;
	pthread_mutex_unlock(&store->views_lock);
	return rc;
}

skafu_store *skafu__viewenv_store(const struct skafu__views *views)
{
	return views->store;
}

MDB_dbi skafu__viewenv_table(const struct skafu__views *views, enum skafu__view_table table)
{
	return views->env.tables[table];
}

int skafu__viewenv_process_lives(const struct skafu__views *views, int64_t pid)
{
	if (pid == (int64_t)views->store->pid)
		return 1;
	return pid > 0 && pid < (1 << 22) &&
	       skafu__control_views_holder(&views->store->control, SKAFU__CONTROL_VIEWS_PROCESS + (int)pid) == pid;
}

/* ---- transactions -------------------------------------------------------------------------------------------- */

static int viewenv_is_current(const struct skafu__views *views)
{
	struct stat status;
	if (!views->is_open || !views->path)
		return views->is_open;
	return views->sys->stat(views->path, &status) == 0 && status.st_dev == views->device &&
	       status.st_ino == views->inode;
}

static void viewenv_close(struct skafu__views *views)
{
	if (views->is_open)
		skafu__env_close(&views->env);
	views->is_open = 0;
}

static int32_t viewenv_reopen(struct skafu__views *views, skafu_error *error)
{
	int32_t rc = 0;
	pthread_rwlock_wrlock(&views->gate);
	if (!viewenv_is_current(views)) {
		viewenv_close(views);
		rc = views->path ? viewenv_open(views, error) : viewenv_open_unnamed(views, error);
	}
	pthread_rwlock_unlock(&views->gate);
	return rc;
}

static int32_t viewenv_adopt_map(struct skafu__views *views, skafu_error *error)
{
	struct skafu_error own = {0};
	pthread_rwlock_wrlock(&views->gate);
	int32_t rc = views->is_open ? skafu__env_grow(&views->env, 1, &own) : 0;
	pthread_rwlock_unlock(&views->gate);
	return rc ? viewenv_say(views, rc, &own, error) : 0;
}

/* Take the gate, with the files of now behind it. */
static int32_t viewenv_enter(struct skafu__views *views, skafu_error *error)
{
	for (;;) {
		pthread_rwlock_rdlock(&views->gate);
		if (viewenv_is_current(views))
			return 0;
		pthread_rwlock_unlock(&views->gate);
		int32_t rc = viewenv_reopen(views, error);
		if (rc != 0)
			return rc;
	}
}

static int32_t viewenv_begin(struct skafu__views *views, struct skafu__viewtxn *txn, skafu_error *error)
{
	for (;;) {
		struct skafu_error own = {0};
		int32_t rc = viewenv_enter(views, error);
		if (rc != 0)
			return rc;
		rc = txn->writes ? skafu__env_write_begin(&views->env, &txn->txn, &own)
				 : skafu__env_read_begin(&views->env, &txn->txn, &own);
		if (rc == 0)
			return 0;
		pthread_rwlock_unlock(&views->gate);
		if (rc != SKAFU_EMISUSE)
			return viewenv_say(views, rc, &own, error);
		rc = viewenv_adopt_map(views, error);
		if (rc != 0)
			return rc;
	}
}

int32_t skafu__viewenv_read(struct skafu__views *views, struct skafu__viewtxn *out_txn, skafu_error *error)
{
	*out_txn = (struct skafu__viewtxn){.views = views};
	return viewenv_begin(views, out_txn, error);
}

int32_t skafu__viewenv_read_beside(struct skafu__viewtxn *first, struct skafu__viewtxn *out_txn, skafu_error *error)
{
	struct skafu_error own = {0};
	*out_txn = (struct skafu__viewtxn){.views = first->views, .first = first};
	int32_t rc = skafu__env_read_begin(&first->views->env, &out_txn->txn, &own);
	if (rc == SKAFU_EMISUSE)
		return 1;
	return rc ? viewenv_say(first->views, rc, &own, error) : 0;
}

static int32_t viewenv_busy(const struct skafu__views *views, skafu_error *error)
{
	int64_t pid = skafu__control_views_holder(&views->store->control, SKAFU__CONTROL_VIEWS_WRITER);
	skafu__fail(error, SKAFU_EBUSY, "process %lld is writing to the views; try again, or give more time",
		    (long long)(pid ? pid : (int64_t)views->store->pid));
	skafu__error_set_pid(error, pid);
	return SKAFU_EBUSY;
}

static int32_t viewenv_lock(struct skafu__views *views, int64_t deadline, skafu_error *error)
{
	struct timespec until = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
	int rc = pthread_mutex_trylock(&views->write_lock);
	if (rc != 0)
		rc = deadline == INT64_MAX ? pthread_mutex_lock(&views->write_lock)
					   : pthread_mutex_clocklock(&views->write_lock, CLOCK_MONOTONIC, &until);
	if (rc != 0)
		return viewenv_busy(views, error);
	if (!views->path ||
	    skafu__control_views_lock(&views->store->control, SKAFU__CONTROL_VIEWS_WRITER, 1, deadline) == 0)
		return 0;
	pthread_mutex_unlock(&views->write_lock);
	return viewenv_busy(views, error);
}

static void viewenv_unlock(struct skafu__views *views)
{
	if (views->path)
		skafu__control_views_unlock(&views->store->control, SKAFU__CONTROL_VIEWS_WRITER);
	pthread_mutex_unlock(&views->write_lock);
}

int32_t skafu__viewenv_write(struct skafu__views *views, int64_t deadline, struct skafu__viewtxn *out_txn,
			     skafu_error *error)
{
	if (views->store->read_only && views->path)
		return skafu__fail(error, SKAFU_EREADONLY, "the store is open for reading only, so no projection can "
				   "be stepped; let a process that may write run it");
	int32_t rc = viewenv_lock(views, deadline, error);
	if (rc != 0)
		return rc;
	*out_txn = (struct skafu__viewtxn){.views = views, .writes = 1};
	rc = viewenv_begin(views, out_txn, error);
	if (rc != 0)
		viewenv_unlock(views);
	return rc;
}

/* Close, and remove the files: whoever has them open finds other ones at the next transaction. */
static void viewenv_wreck(struct skafu__views *views)
{
	if (views->store->read_only && views->path)
		return;
	pthread_rwlock_wrlock(&views->gate);
	if (views->path && viewenv_is_current(views))
		viewenv_throw_away(views);
	viewenv_close(views);
	pthread_rwlock_unlock(&views->gate);
}

static void viewenv_leave(struct skafu__viewtxn *txn)
{
	if (txn->first) {
		txn->first->damaged |= txn->damaged;
		txn->txn = NULL;
		return;
	}
	pthread_rwlock_unlock(&txn->views->gate);
	if (txn->writes)
		viewenv_unlock(txn->views);
	if (txn->damaged)
		viewenv_wreck(txn->views);
	txn->txn = NULL;
}

void skafu__viewenv_end(struct skafu__viewtxn *txn)
{
	if (!txn->txn)
		return;
	if (txn->rows)
		mdb_cursor_close(txn->rows);
	txn->rows = NULL;
	if (txn->writes)
		mdb_txn_abort(txn->txn);
	else
		skafu__env_read_end(&txn->views->env, txn->txn);
	viewenv_leave(txn);
}

int32_t skafu__viewenv_commit(struct skafu__viewtxn *txn, skafu_error *error)
{
	struct skafu_error own = {0};
	if (txn->rows)
		mdb_cursor_close(txn->rows);
	txn->rows = NULL;
	int32_t rc = skafu__env_write_commit(&txn->views->env, txn->txn, &own);
	txn->damaged |= rc == SKAFU_EUNKNOWN || rc == SKAFU_EPOISONED || rc == SKAFU_EDAMAGED;
	viewenv_leave(txn);
	if (rc == SKAFU_EUNKNOWN)
		return skafu__fail(error, SKAFU_EIO, "writing the views failed; they were thrown away and are made "
				   "again from the log (%s)", own.message);
	return rc ? viewenv_say(txn->views, rc, &own, error) : 0;
}

/* ---- values -------------------------------------------------------------------------------------------------- */

int32_t skafu__viewenv_get(struct skafu__viewtxn *txn, enum skafu__view_table table, const void *key,
			   size_t key_length, const uint8_t **out_value, size_t *out_length, skafu_error *error)
{
	MDB_val name = {key_length, (void *)(uintptr_t)key};
	MDB_val value;
	int rc = mdb_get(txn->txn, txn->views->env.tables[table], &name, &value);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__viewenv_fail(txn, rc, error);
	if (skafu__sealed_read(key, key_length, value.mv_data, value.mv_size, out_value, out_length) != 0)
		return skafu__viewenv_damaged(txn, error);
	return 1;
}

int32_t skafu__viewenv_put(struct skafu__viewtxn *txn, enum skafu__view_table table, const void *key,
			   size_t key_length, const void *value, size_t length, skafu_error *error)
{
	MDB_val name = {key_length, (void *)(uintptr_t)key};
	MDB_val place = {length + SKAFU__SEALED_HEAD_BYTES, NULL};
	int rc = mdb_put(txn->txn, txn->views->env.tables[table], &name, &place, MDB_RESERVE);
	if (rc != 0)
		return skafu__viewenv_fail(txn, rc, error);
	skafu__sealed_write(place.mv_data, key, key_length, value, length);
	return 0;
}

int32_t skafu__viewenv_delete(struct skafu__viewtxn *txn, enum skafu__view_table table, const void *key,
			      size_t key_length, skafu_error *error)
{
	MDB_val name = {key_length, (void *)(uintptr_t)key};
	int rc = mdb_del(txn->txn, txn->views->env.tables[table], &name, NULL);
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : skafu__viewenv_fail(txn, rc, error);
}
