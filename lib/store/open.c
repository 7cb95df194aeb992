#include "store/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/leftover.h"
#include "store/manifest_set.h"
#include "store/preflight.h"
#include "store/recover.h"
#include "store/store.h"
#include "store/view.h"
#include "store/viewenv.h"

#define OPEN_FLAGS \
	(SKAFU_STORE_CREATE | SKAFU_STORE_READONLY | SKAFU_STORE_FORCE_FILESYSTEM | SKAFU_STORE_CHECK)
#define OPEN_STORE_BYTES_MIN (UINT64_C(1) << 20)
#define OPEN_STORE_BYTES_MAX (UINT64_C(1) << 40)
#define OPEN_PAYLOAD_BYTES_MAX (16u << 20)
#define OPEN_BATCH_BYTES_MAX (16u << 20)
#define OPEN_JOURNAL_AFTER 16u
#define OPEN_FAN_IN 16u
#define OPEN_VERIFY_BUDGET_NS UINT64_C(60000000000)
#define OPEN_LOOK_BUDGET_NS UINT64_C(100000000)

/* ---- tuning -------------------------------------------------------------------------------------------------- */

static struct skafu__tuning open_tuning;

void skafu__tuning_override(const struct skafu__tuning *tuning)
{
	if (tuning)
		open_tuning = *tuning;
	else
		memset(&open_tuning, 0, sizeof open_tuning);
}

const struct skafu__tuning *skafu__tuning_current(void)
{
	return &open_tuning;
}

static void open_tune(skafu_store *store)
{
	struct skafu__tuning *tuning = &store->tuning;
	*tuning = open_tuning;
	if (tuning->chunk_bytes == 0)
		tuning->chunk_bytes = 65536 - 16;
	if (tuning->segment_bytes == 0)
		tuning->segment_bytes = SKAFU__SEGMENT_BYTES_DEFAULT;
	if (tuning->map_bytes == 0 || tuning->map_bytes > store->opts.store_bytes_max)
		tuning->map_bytes = store->opts.store_bytes_max;
	if (tuning->journal_bytes == 0)
		tuning->journal_bytes = SKAFU__JOURNAL_BYTES;
	if (tuning->journal_after == 0)
		tuning->journal_after = OPEN_JOURNAL_AFTER;
	uint64_t most = store->opts.overlay_bytes_max / SKAFU__OVERLAY_BYTES_PER_WEIGHT;
	if (tuning->fold_records == 0)
		tuning->fold_records = store->opts.fold_records < most ? store->opts.fold_records : (uint32_t)most;
}

/* ---- options ------------------------------------------------------------------------------------------------- */

static void open_fill_defaults(skafu_store_opts *opts)
{
	if (opts->store_bytes_max == 0)
		opts->store_bytes_max = OPEN_STORE_BYTES_MAX;
	if (opts->name_bytes_max == 0)
		opts->name_bytes_max = 255;
	if (opts->tags_max == 0)
		opts->tags_max = 32;
	if (opts->payload_bytes_max == 0)
		opts->payload_bytes_max = 1u << 20;
	if (opts->batch_bytes_max == 0)
		opts->batch_bytes_max = OPEN_BATCH_BYTES_MAX;
	if (opts->json_depth_max == 0)
		opts->json_depth_max = 64;
	if (opts->readers_max == 0)
		opts->readers_max = 1024;
	if (opts->overlay_bytes_max == 0)
		opts->overlay_bytes_max = 32u << 20;
	if (opts->cache_bytes_max == 0)
		opts->cache_bytes_max = 16u << 20;
	if (opts->fold_records == 0)
		opts->fold_records = 16384;
}

struct open_limit {
	const char *name;
	uint64_t value;
	uint64_t min;
	uint64_t max;
};

static int32_t open_check_limits(const skafu_store_opts *opts, skafu_error *error)
{
	const struct open_limit limits[] = {
		{"store_bytes_max", opts->store_bytes_max, OPEN_STORE_BYTES_MIN, UINT64_C(1) << 46},
		{"name_bytes_max", opts->name_bytes_max, 16, 255},
		{"tags_max", opts->tags_max, 1, 255},
		{"payload_bytes_max", opts->payload_bytes_max, 1, OPEN_PAYLOAD_BYTES_MAX},
		{"batch_bytes_max", opts->batch_bytes_max, 4096, OPEN_BATCH_BYTES_MAX},
		{"json_depth_max", opts->json_depth_max, 1, 64},
		{"readers_max", opts->readers_max, 2, 1u << 16},
		{"overlay_bytes_max", opts->overlay_bytes_max, 1u << 16, UINT64_C(1) << 40},
		{"cache_bytes_max", opts->cache_bytes_max, 1u << 16, UINT64_C(1) << 40},
		{"fold_records", opts->fold_records, 1, 1000000},
	};
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		if (limits[i].value < limits[i].min || limits[i].value > limits[i].max)
			return skafu__fail(error, SKAFU_EOPTION, "%s is %llu; it must be %llu to %llu",
					   limits[i].name, (unsigned long long)limits[i].value,
					   (unsigned long long)limits[i].min, (unsigned long long)limits[i].max);
	return 0;
}

int32_t skafu__open_read_opts(const skafu_store_opts *given, skafu_store_opts *out, skafu_error *error)
{
	int32_t rc = skafu__opts_read(out, sizeof *out, given, "skafu_store_opts", error);
	if (rc == 0)
		rc = skafu__opts_flags(out->flags, OPEN_FLAGS, "skafu_store_opts", error);
	if (rc != 0)
		return rc;
	open_fill_defaults(out);
	return open_check_limits(out, error);
}

/* ---- a new store --------------------------------------------------------------------------------------------- */

static int32_t open_sync_directory(const struct skafu__sys *sys, const char *path, skafu_error *error)
{
	int fd = sys->open(path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return skafu__fail_os(error, errno, "opening the directory %s", path);
	int rc = sys->fsync(fd);
	int reason = errno;
	sys->close(fd);
	return rc == 0 ? 0 : skafu__fail_os(error, reason, "syncing the directory %s", path);
}

static int32_t open_new_format(struct skafu__sys *sys, const struct skafu__format *like,
			       uint8_t out[SKAFU__FORMAT_BYTES], skafu_error *error)
{
	struct skafu__format format = {0};
	if (sys->random(format.birth, 16) != 0 || sys->random(format.incarnation, 16) != 0 ||
	    sys->random(format.hash_key, sizeof format.hash_key) != 0)
		return skafu__fail(error, SKAFU_EIO, "the system gave no random bytes for a new store");
	skafu__ident_stamp_v8(format.birth);
	skafu__ident_stamp_v8(format.incarnation);
	format.created_ns = sys->wall_ns();
	format.fan_in = open_tuning.fan_in ? open_tuning.fan_in : OPEN_FAN_IN;
	if (like) {
		memcpy(format.birth, like->birth, sizeof format.birth);
		memcpy(format.hash_key, like->hash_key, sizeof format.hash_key);
	}
	skafu__format_encode(&format, out);
	return 0;
}

static struct skafu__env_config open_env_config(const skafu_store_opts *opts, int no_sync)
{
	struct skafu__env_config config = {.map_bytes = OPEN_STORE_BYTES_MIN,
					   .map_bytes_max = opts->store_bytes_max,
					   .readers_max = opts->readers_max,
					   .no_sync = no_sync};
	return config;
}

static char *open_join(const struct skafu__sys *sys, const char *directory, const char *name)
{
	size_t bytes = strlen(directory) + strlen(name) + 1;
	char *path = skafu__alloc(sys, bytes);
	if (path)
		snprintf(path, bytes, "%s%s", directory, name);
	return path;
}

static int32_t open_fill_directory(struct skafu__sys *sys, const char *directory, const skafu_store_opts *opts,
				   const struct skafu__format *like, int no_sync, skafu_error *error)
{
	uint8_t format[SKAFU__FORMAT_BYTES];
	struct skafu__env_config config = open_env_config(opts, no_sync);
	int32_t rc = open_new_format(sys, like, format, error);
	if (rc == 0)
		rc = skafu__env_create(sys, directory, &config, format, sizeof format, error);
	if (rc != 0)
		return rc;
	char *lock = open_join(sys, directory, "/log-lock"); /* the first opener makes its own */
	if (lock)
		sys->unlink(lock);
	skafu__free(sys, lock);
	return no_sync ? 0 : open_sync_directory(sys, directory, error);
}

/* The directory that holds `path`. */
static char *open_parent(const struct skafu__sys *sys, const char *path)
{
	char *parent = skafu__strdup(sys, path);
	if (!parent)
		return NULL;
	size_t length = strlen(parent);
	while (length > 1 && parent[length - 1] == '/')
		parent[--length] = 0;
	char *slash = strrchr(parent, '/');
	if (!slash)
		snprintf(parent, 2, "%s", length ? "." : "");
	else
		slash[slash == parent] = 0;
	return parent;
}

static char *open_temporary_name(struct skafu__sys *sys, const char *path)
{
	uint64_t number = 0;
	char suffix[32];
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (sys->random(&number, sizeof number) != 0)
		number = (uint64_t)sys->monotonic_ns();
	snprintf(suffix, sizeof suffix, SKAFU__LEFTOVER_MARK "%016llx", (unsigned long long)number);
	char *name = skafu__alloc(sys, length + sizeof suffix);
	if (name) {
		memcpy(name, path, length);
		memcpy(name + length, suffix, sizeof suffix);
	}
	return name;
}

static int32_t open_rename(struct skafu__sys *sys, const char *temporary, const char *path, const char *parent,
			   skafu_error *error)
{
	if (sys->rename(temporary, path) == 0)
		return open_sync_directory(sys, parent, error);
	int reason = errno;
	skafu__leftover_remove_store(sys, temporary);
	if (reason == ENOTEMPTY || reason == EEXIST || reason == ENOTDIR)
		return skafu__fail(error, SKAFU_EEXISTS, "%s exists already and is not an empty directory", path);
	return skafu__fail_os(error, reason, "moving the new store to %s", path);
}

static int32_t open_make_at(struct skafu__sys *sys, const char *temporary, const char *path,
			    const skafu_store_opts *opts, const struct skafu__format *like, skafu_error *error)
{
	if (sys->mkdir(temporary, 0750) != 0)
		return skafu__fail_os(error, errno, "making the directory %s", temporary);
	int32_t rc = open_fill_directory(sys, temporary, opts, like, 0, error);
	if (rc != 0) {
		skafu__leftover_remove_store(sys, temporary);
		return rc;
	}
	char *parent = open_parent(sys, path);
	if (!parent) {
		skafu__leftover_remove_store(sys, temporary);
		return skafu__fail_memory(error);
	}
	rc = open_rename(sys, temporary, path, parent, error);
	skafu__leftover_remove(sys, parent, path);
	skafu__free(sys, parent);
	return rc;
}

int32_t skafu__open_make(const char *path, const skafu_store_opts *opts, const struct skafu__format *like,
			 skafu_error *error)
{
	struct skafu__sys sys;
	int32_t rc = skafu__sys_init(&sys, opts->allocator);
	if (rc != 0)
		return skafu__fail(error, rc, "the allocator lacks a function or its size");
	char *temporary = open_temporary_name(&sys, path);
	rc = temporary ? open_make_at(&sys, temporary, path, opts, like, error) : skafu__fail_memory(error);
	skafu__free(&sys, temporary);
	return rc;
}

/* ---- file systems -------------------------------------------------------------------------------------------- */

struct open_bad_filesystem {
	uint32_t magic;
	const char *name;
};

static int32_t open_check_filesystem(const char *path, const skafu_store_opts *opts, skafu_error *error)
{
	static const struct open_bad_filesystem bad[] = {
		{0x6969, "NFS"},	 {0x517b, "SMB"},	{0xff534d42u, "CIFS"}, {0xfe534d42u, "SMB2"},
		{0x01021997, "9p"},	 {0x5346414f, "AFS"},	{0x73757245, "Coda"},  {0x00c36400, "Ceph"},
		{0x65735546, "FUSE"},	 {0x7461636f, "OCFS2"}, {0x01161970, "GFS2"},  {0x0bd00bd0, "Lustre"},
	};
	struct statfs status;
	if ((opts->flags & SKAFU_STORE_FORCE_FILESYSTEM) || statfs(path, &status) != 0)
		return 0;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if ((uint32_t)status.f_type == bad[i].magic)
			return skafu__fail(error, SKAFU_EFILESYSTEM,
					   "%s is on a %s file system, where maps and locks of "
					   "several machines do not agree; use a local disk, or force it with "
					   "SKAFU_STORE_FORCE_FILESYSTEM",
					   path, bad[i].name);
	return 0;
}

/* ---- an existing store --------------------------------------------------------------------------------------- */

static int32_t open_allocate(const char *path, const skafu_store_opts *opts, skafu_store **out, skafu_error *error)
{
	struct skafu__sys sys;
	int32_t rc = skafu__sys_init(&sys, opts->allocator);
	if (rc != 0)
		return skafu__fail(error, rc, "the allocator lacks a function or its size");
	skafu_store *store = skafu__alloc_zeroed(&sys, 1, sizeof *store);
	if (!store)
		return skafu__fail_memory(error);
	store->sys = sys;
	store->opts = *opts;
	store->read_only = (opts->flags & SKAFU_STORE_READONLY) != 0;
	store->fork_mark = skafu__fork_mark();
	store->pid = getpid();
	store->control.fd = -1;
	store->control.wake_fd = -1;
	skafu__dirtime_init(&store->dirtime, &store->sys);
	open_tune(store);
	pthread_mutex_init(&store->fold_lock, NULL);
	pthread_mutex_init(&store->commit_lock, NULL);
	pthread_mutex_init(&store->group.lock, NULL);
	pthread_mutex_init(&store->views_lock, NULL);
	pthread_rwlockattr_t prefer_writer;
	pthread_rwlockattr_init(&prefer_writer);
	pthread_rwlockattr_setkind_np(&prefer_writer, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&store->gate, &prefer_writer);
	pthread_rwlockattr_destroy(&prefer_writer);
	skafu__claims_init(&store->claims, &store->sys, &store->control);
	skafu__ident_init(&store->ident, skafu__spread);
	skafu__names_init(&store->names, &store->sys, 0);
	skafu__map_init(&store->heads, &store->sys, opts->cache_bytes_max, 0);
	rc = skafu__overlay_init(&store->overlay, &store->sys);
	if (rc == 0 && path) {
		store->path = skafu__strdup(&store->sys, path);
		rc = store->path ? 0 : SKAFU_ENOMEM;
	}
	if (rc == 0)
		rc = skafu__manifest_set_new(store);
	if (rc != 0) {
		skafu__open_undo(store);
		return skafu__fail_memory(error);
	}
	*out = store;
	return 0;
}

void skafu__open_undo(skafu_store *store)
{
	struct skafu__sys sys = store->sys;
	skafu__viewenv_free(store->views); /* before the control file, whose locks it holds */
	skafu__manifest_set_free(store);
	if (store->env.mdb)
		skafu__env_close(&store->env);
	skafu__control_close(&store->control);
	skafu__dirtime_close(&store->dirtime);
	skafu__claims_done(&store->claims);
	skafu__overlay_done(&store->overlay);
	skafu__fold_space_done(&store->fold_space, &store->sys);
	skafu__names_done(&store->names);
	skafu__map_done(&store->heads);
	skafu__ident_done(&store->ident);
	pthread_rwlock_destroy(&store->gate);
	pthread_mutex_destroy(&store->fold_lock);
	pthread_mutex_destroy(&store->commit_lock);
	pthread_mutex_destroy(&store->group.lock);
	pthread_mutex_destroy(&store->views_lock);
	skafu__log_done(&store->log);
	skafu__free(&sys, store->path);
	skafu__free(&sys, store);
}

/* The host's log sink belongs to the store from here on; before, a failing open gives it back by itself. */
static void open_adopt_log(skafu_store *store)
{
	store->log.write = store->opts.log;
	store->log.user = store->opts.log_user;
	store->log.free_user = store->opts.log_free;
}

/* Nobody has closed the file: the machine may have gone down, or it is a copy from elsewhere.  As many pages as can
 * be seen in a moment are looked at, and else what is looked at always. */
static int32_t open_look_longer(skafu_store *store, int fd, skafu_error *error)
{
	struct skafu__preflight_opts opts = {.level = SKAFU__PREFLIGHT_FULL, .time_ns_max = OPEN_LOOK_BUDGET_NS};
	struct skafu_error own = {0};
	int32_t rc = skafu__preflight_check(&store->sys, fd, &opts, NULL, &own);
	if (rc == SKAFU_ETIMEOUT || rc == SKAFU_ELIMIT)
		return skafu__preflight_check(&store->sys, fd, NULL, NULL, error);
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}

/* The first opener looks at the file before LMDB maps it; after a write with unknown outcome it syncs it first, since
 * what is in memory may not be what is on the disk, and then looks at everything. */
static int32_t open_inspect_fd(skafu_store *store, int fd, skafu_error *error)
{
	struct skafu__preflight_opts opts = {0};
	if (store->control.was_poisoned) {
		int32_t rc = skafu__recover_reread(&store->sys, fd, error);
		if (rc != 0)
			return rc;
		opts.level = SKAFU__PREFLIGHT_FULL;
		opts.time_ns_max = OPEN_VERIFY_BUDGET_NS;
	} else if (store->opts.flags & SKAFU_STORE_CHECK) {
		opts.level = SKAFU__PREFLIGHT_FULL;
		opts.time_ns_max = SKAFU_WAIT_FOREVER;
	} else if (!store->control.was_clean) {
		return open_look_longer(store, fd, error);
	}
	return skafu__preflight_check(&store->sys, fd, &opts, NULL, error);
}

static int32_t open_inspect(skafu_store *store, skafu_error *error)
{
	if (!store->control.was_first)
		return 0;
	int fd = skafu__open_in(&store->sys, store->path, "log", store->control.was_poisoned ? O_RDWR : O_RDONLY);
	if (fd < 0)
		return skafu__fail_os(error, errno, "opening %s/log", store->path);
	int32_t rc = open_inspect_fd(store, fd, error);
	store->sys.close(fd);
	return rc;
}

static int32_t open_read_format(skafu_store *store, skafu_error *error)
{
	MDB_txn *txn;
	int read_only = 0;
	int32_t rc = skafu__env_read_begin(&store->env, &txn, error);
	if (rc == SKAFU_EMISUSE) {
		rc = skafu__store_grow_map(store, 1, error);
		if (rc == 0)
			rc = skafu__env_read_begin(&store->env, &txn, error);
	}
	if (rc != 0)
		return rc;
	MDB_val key = {6, (void *)(uintptr_t)"format"};
	MDB_val value;
	int found = mdb_get(txn, store->env.tables[SKAFU__TABLE_META], &key, &value);
	rc = found ? skafu__fail(error, SKAFU_EFOREIGN, "the log has no format record; it is not a libskafu store")
		   : skafu__format_decode(value.mv_data, value.mv_size, &store->format, &read_only, error);
	skafu__env_read_end(&store->env, txn);
	store->read_only |= read_only;
	if (store->tuning.fan_in == 0)
		store->tuning.fan_in = store->format.fan_in;
	return rc;
}

/* Read what is not folded: checks its checksums, and makes the first append as fast as the next. */
static int32_t open_warm_up(skafu_store *store, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc == 0)
		skafu__view_close(&view);
	return rc;
}

/* Commits that are whole are a store, though what is made from them is damaged: reads that need it fail by
 * themselves, and say what helps. */
static int32_t open_forgive_index(skafu_store *store, int32_t rc, const struct skafu_error *own, skafu_error *error)
{
	if (rc != SKAFU_EDAMAGED || !atomic_load(&store->index_is_damaged))
		return rc ? skafu__error_copy(error, own, rc) : 0;
	struct skafu__log log = {store->opts.log, store->opts.log_user,
				 NULL}; /* the store's own is not adopted yet */
	skafu__log(&log, SKAFU_LOG_WARNING, "the store opens, but not all of it can be read: %s", own->message);
	return 0;
}

static uint64_t open_hash_name(const void *user, const void *key, size_t length)
{
	return skafu__hash64(user, key, length);
}

/* What was in the journal alone goes into the log; then the log is whole by itself. */
static int32_t open_replay(skafu_store *store, const struct skafu__buf *entries, skafu_error *error)
{
	int32_t rc = entries->length ? skafu__env_replay(&store->env, entries, error) : 0;
	while (rc == SKAFU_EFULL && (rc = skafu__store_grow_map(store, 0, error)) == 0)
		rc = skafu__env_replay(&store->env, entries, error);
	if (rc == 0 && store->control.was_first)
		skafu__flush_is_settled(&store->env.flush);
	return rc;
}

static int32_t open_env(skafu_store *store, const char *directory, int no_sync, const struct skafu__buf *entries,
			skafu_error *error)
{
	struct skafu__env_config config = open_env_config(&store->opts, no_sync);
	config.map_bytes = store->tuning.map_bytes;
	if (!no_sync) {
		config.journal_bytes = store->tuning.journal_bytes;
		config.journal_after = store->tuning.journal_after;
	}
	int32_t rc = skafu__env_open(&store->env, &store->sys, directory, &config, error);
	if (rc == 0 && entries)
		rc = open_replay(store, entries, error);
	if (rc == 0)
		rc = open_read_format(store, error);
	if (rc != 0)
		return rc;
	/* Strangers choose names: from here on they are hashed under the store's secret. */
	skafu__map_set_hash(&store->heads, open_hash_name, store->format.hash_key);
	skafu__map_set_hash(&store->names.ids, open_hash_name, store->format.hash_key);
	skafu__map_set_hash(&store->overlay.row_heads, open_hash_name, store->format.hash_key);
	return 0;
}

/* The first opener has the log whole before it looks at it; the others find it so. */
static int32_t open_log(skafu_store *store, skafu_error *error)
{
	struct skafu__buf entries;
	skafu__buf_init(&entries, &store->sys, SIZE_MAX / 2);
	int32_t rc = store->control.was_first ? skafu__recover(&store->sys, store->path, store->control.was_poisoned,
							       &entries, error)
					      : 0;
	if (rc == 0)
		rc = open_inspect(store, error);
	if (rc == 0)
		rc = open_env(store, store->path, (int)store->tuning.no_sync, &entries, error);
	skafu__buf_done(&entries);
	return rc;
}

/* Commit the format record as it is. */
static int32_t open_touch(skafu_store *store, skafu_error *error)
{
	MDB_txn *txn;
	uint8_t bytes[SKAFU__FORMAT_BYTES];
	MDB_val key = {6, (void *)(uintptr_t)"format"};
	MDB_val value;
	int32_t rc = skafu__env_write_begin(&store->env, &txn, error);
	if (rc != 0)
		return rc;
	int failed = mdb_get(txn, store->env.tables[SKAFU__TABLE_META], &key, &value);
	if (failed == 0 && value.mv_size == sizeof bytes) {
		memcpy(bytes, value.mv_data, sizeof bytes);
		value.mv_data = bytes;
		failed = mdb_put(txn, store->env.tables[SKAFU__TABLE_META], &key, &value, 0);
	}
	if (failed == 0)
		return skafu__env_write_commit(&store->env, txn, error);
	mdb_txn_abort(txn);
	return skafu__env_fail(&store->env, failed, "writing the format record", error);
}

/* After a write with unknown outcome the newest meta page may be one that the disk never got, though it is read: a
 * later power cut would take it back.  Two commits write both meta pages, over what the check has found whole.  They
 * take pages that neither of the two trees uses, so nothing is at stake when they fail; a file without room for them
 * is as good as it was. */
static int32_t open_write_metas(skafu_store *store, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = 0;
	for (int i = 0; rc == 0 && store->control.was_poisoned && i < 2; i++)
		rc = open_touch(store, &own);
	if (rc == SKAFU_EFULL || rc == SKAFU_ENOSPACE)
		return 0;
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}

/* These releases of LMDB take the locks of other processes down when they close, in a race. */
static void open_warn_of_lmdb(const skafu_store *store)
{
	int major = 0;
	int minor = 0;
	int patch = 0;
	const char *text = mdb_version(&major, &minor, &patch);
	if (major == 0 && minor == 9 && patch >= 26 && patch <= 31)
		skafu__log(&store->log, SKAFU_LOG_WARNING,
			   "%s can damage the locks of a store that several processes use; "
			   "use 0.9.24, or 0.9.32 and later",
			   text);
}

/* A directory without a log is not ours: leave nothing in it. */
static int32_t open_find_log(const skafu_store *store, skafu_error *error)
{
	struct stat status;
	char *path = open_join(&store->sys, store->path, "/log");
	if (!path)
		return skafu__fail_memory(error);
	int32_t rc = 0;
	if (store->sys.stat(path, &status) != 0)
		rc = errno == ENOENT ? skafu__fail(error, SKAFU_EFOREIGN, "the directory %s holds no libskafu store",
						   store->path)
				     : skafu__fail_os(error, errno, "looking at %s", path);
	else if (!S_ISREG(status.st_mode)) /* opening a pipe could wait for ever */
		rc = skafu__fail(error, SKAFU_EFOREIGN, "%s is not a file, so this is no libskafu store", path);
	skafu__free(&store->sys, path);
	return rc;
}

int32_t skafu__open_directory(const char *path, const skafu_store_opts *opts, skafu_store **out_store,
			      skafu_error *error)
{
	skafu_store *store;
	struct stat status;
	int32_t rc = open_check_filesystem(path, opts, error);
	if (rc == 0)
		rc = open_allocate(path, opts, &store, error);
	if (rc != 0)
		return rc;
	rc = open_find_log(store, error);
	if (rc == 0)
		rc = skafu__control_open(&store->control, &store->sys, path, error);
	if (rc == 0)
		rc = skafu__dirtime_open(&store->dirtime, path, error);
	if (rc == 0)
		rc = open_log(store, error);
	if (rc == 0)
		rc = skafu__control_join_birth(&store->control, store->format.birth, error);
	if (rc == 0)
		rc = open_write_metas(store, error);
	if (rc == 0) {
		struct skafu_error own = {0};
		skafu__control_forgive(&store->control);
		rc = open_forgive_index(store, open_warm_up(store, &own), &own, error);
	}
	if (rc == 0 && store->sys.stat(path, &status) != 0)
		rc = skafu__fail_os(error, errno, "looking at %s", path);
	if (rc == 0)
		rc = skafu__control_admit_others(&store->control, error);
	if (rc != 0) {
		skafu__open_undo(store);
		return rc;
	}
	store->device = status.st_dev;
	store->inode = status.st_ino;
	open_adopt_log(store);
	open_warn_of_lmdb(store);
	*out_store = store;
	return 0;
}

int32_t skafu__store_grow_map(skafu_store *store, int adopt, skafu_error *error)
{
	int32_t rc = skafu__env_grow(&store->env, adopt, error);
	skafu__manifest_set_map_moved(store);
	return rc;
}

int32_t skafu__store_grow_at_gate(skafu_store *store, int adopt, skafu_error *error)
{
	pthread_rwlock_wrlock(&store->gate);
	int32_t rc = skafu__store_grow_map(store, adopt, error);
	pthread_rwlock_unlock(&store->gate);
	return rc;
}

/* ---- in memory ----------------------------------------------------------------------------------------------- */

static int32_t open_memory_in(skafu_store *store, const char *directory, skafu_error *error)
{
	int32_t rc = open_fill_directory(&store->sys, directory, &store->opts, NULL, 1, error);
	if (rc == 0)
		rc = skafu__control_open_private(&store->control, &store->sys, error);
	if (rc == 0)
		rc = open_env(store, directory, 1, NULL, error);
	store->env.lock_inode = 0; /* the lock file is about to go, and that is right */
	return rc ? rc : open_warm_up(store, error);
}

int32_t skafu__open_memory(const skafu_store_opts *opts, skafu_store **out_store, skafu_error *error)
{
	skafu_store *store;
	char directory[64];
	int32_t rc = open_allocate(NULL, opts, &store, error);
	if (rc != 0)
		return rc;
	snprintf(directory, sizeof directory, "/dev/shm/skafu-XXXXXX");
	char *made = mkdtemp(directory);
	if (!made) {
		snprintf(directory, sizeof directory, "/tmp/skafu-XXXXXX");
		made = mkdtemp(directory);
	}
	rc = made ? open_memory_in(store, directory, error)
		  : skafu__fail_os(error, errno, "making a directory for temporary files");
	if (made)
		skafu__leftover_remove_store(&store->sys, directory);
	if (rc != 0) {
		skafu__open_undo(store);
		return rc;
	}
	open_adopt_log(store);
	*out_store = store;
	return 0;
}
