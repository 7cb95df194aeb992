/*
 * store.c: handles: one store object for each directory in a process, however often it is opened.
 *
 * POSIX locks, which LMDB and the control page stand on, vanish when any descriptor of the file is closed in the
 * process; so a directory must never be opened twice.  The registry finds it by device and inode.
 *
 * Invariant: an object is freed when nobody has a handle and no child (cursor, batch, ...) is alive.  Objects of
 * before a fork are invisible in the child: their memory is left alone.
 */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/forklock.h"
#include "store/chain.h"
#include "store/open.h"
#include "store/writelock.h"

#define STORE_FINISH_WAIT_NS UINT64_C(20000000)

static struct skafu__forklock store_registry_lock = SKAFU__FORKLOCK_INITIALIZER;
static skafu_store *store_registry;

static void store_lock_registry(void)
{
	if (skafu__forklock_take(&store_registry_lock))
		store_registry = NULL; /* what is listed is the parent's */
}

/* ---- checks -------------------------------------------------------------------------------------------------- */

int32_t skafu__store_check(const skafu_store *store, skafu_error *error)
{
	if (!store)
		return skafu__fail(error, SKAFU_EINVAL, "the store is NULL");
	if (store->fork_mark != skafu__fork_mark())
		return skafu__fail(error, SKAFU_EFORK, "the store was opened before a fork; open it again in this "
				   "process");
	return 0;
}

/* ---- references ---------------------------------------------------------------------------------------------- */

static void store_unlink(skafu_store *store)
{
	skafu_store **link = &store_registry;
	while (*link && *link != store)
		link = &(*link)->next;
	if (*link)
		*link = store->next;
}

/* In a child of fork the files belong to the parent: touch nothing. */
static int store_is_foreign(const skafu_store *store)
{
	return store->fork_mark != skafu__fork_mark();
}

static void store_drop(skafu_store *store, uint32_t *count)
{
	store_lock_registry();
	(*count)--;
	int last = store->handles == 0 && store->children == 0;
	if (last)
		store_unlink(store);
	/* Freed under the lock: whoever opens the directory next finds it closed. */
	if (last)
		skafu__open_undo(store);
	skafu__forklock_release(&store_registry_lock);
}

void skafu__store_hold(skafu_store *store)
{
	store_lock_registry();
	store->children++;
	skafu__forklock_release(&store_registry_lock);
}

void skafu__store_release(skafu_store *store)
{
	if (!store_is_foreign(store))
		store_drop(store, &store->children);
}

/* Who cannot have the lock at once leaves the frames to whoever writes or opens next. */
static void store_finish(skafu_store *store)
{
	struct skafu_error ignored = {0};
	if (!store->path || store->read_only || atomic_load(&store->appends) == 0)
		return;
	if (skafu__writelock_take(store, skafu__deadline(&store->sys, STORE_FINISH_WAIT_NS), &ignored) != 0)
		return;
	pthread_rwlock_rdlock(&store->gate);
	if (!store->env.map_is_lost)
		(void)skafu__flush_finish(&store->env.flush, &ignored);
	pthread_rwlock_unlock(&store->gate);
	skafu__writelock_release(store);
}

void skafu_store_close(skafu_store *store)
{
	if (!store || store_is_foreign(store) || store->handles == 0)
		return;
	store_lock_registry();
	int is_last = store->handles == 1;
	skafu__forklock_release(&store_registry_lock);
	if (is_last) {
		skafu__chain_at_close(store);
		store_finish(store);
	}
	store_drop(store, &store->handles);
}

/* ---- the registry -------------------------------------------------------------------------------------------- */

static skafu_store *store_find(dev_t device, ino_t inode)
{
	for (skafu_store *store = store_registry; store; store = store->next)
		if (store->device == device && store->inode == inode)
			return store;
	return NULL;
}

struct store_wish {
	const char *name;
	uint64_t wanted;
	uint64_t actual;
};

/* Only what the second opener asks for explicitly can contradict. */
static int32_t store_compare(const skafu_store *store, const skafu_store_opts *given, skafu_error *error)
{
	const skafu_store_opts *opts = &store->opts;
	const struct store_wish wishes[] = {
		{"store_bytes_max", given->store_bytes_max, opts->store_bytes_max},
		{"name_bytes_max", given->name_bytes_max, opts->name_bytes_max},
		{"tags_max", given->tags_max, opts->tags_max},
		{"payload_bytes_max", given->payload_bytes_max, opts->payload_bytes_max},
		{"batch_bytes_max", given->batch_bytes_max, opts->batch_bytes_max},
		{"json_depth_max", given->json_depth_max, opts->json_depth_max},
		{"readers_max", given->readers_max, opts->readers_max},
		{"overlay_bytes_max", given->overlay_bytes_max, opts->overlay_bytes_max},
		{"cache_bytes_max", given->cache_bytes_max, opts->cache_bytes_max},
		{"fold_records", given->fold_records, opts->fold_records},
	};
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
		if (wishes[i].wanted != 0 && wishes[i].wanted != wishes[i].actual)
			return skafu__fail(error, SKAFU_EOPENED,
					   "the store is open in this process with %s %llu, not "
					   "%llu; open it with the same options",
					   wishes[i].name, (unsigned long long)wishes[i].actual,
					   (unsigned long long)wishes[i].wanted);
	if ((given->flags & SKAFU_STORE_READONLY) != (opts->flags & SKAFU_STORE_READONLY))
		return skafu__fail(error, SKAFU_EOPENED,
				   "the store is open in this process %s; open it with the same "
				   "options",
				   opts->flags & SKAFU_STORE_READONLY ? "for reading only" : "for writing");
	if (given->log || given->allocator)
		return skafu__fail(error, SKAFU_EOPENED,
				   "the store is open in this process already; %s can only be given "
				   "by the first opener",
				   given->log ? "a log sink" : "an allocator");
	return 0;
}

static void store_enter(skafu_store *store)
{
	store->handles = 1;
	store->next = store_registry;
	store_registry = store;
}

/* ---- what is at a path --------------------------------------------------------------------------------------- */

enum store_place { STORE_NOTHING, STORE_EMPTY_DIRECTORY, STORE_DIRECTORY, STORE_OTHER };

static int store_directory_is_empty(const char *path)
{
	DIR *directory = opendir(path);
	if (!directory)
		return 0;
	int empty = 1;
	const struct dirent *entry;
	while (empty && (entry = readdir(directory)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(directory);
	return empty;
}

static int32_t store_look(const char *path, enum store_place *out, struct stat *status, skafu_error *error)
{
	const struct skafu__sys *sys = skafu__sys_current();
	if (!path || !*path)
		return skafu__fail(error, SKAFU_EINVAL, "the path is NULL or empty");
	if (sys->stat(path, status) != 0) {
		if (errno != ENOENT)
			return skafu__fail_os(error, errno, "looking at %s", path);
		*out = STORE_NOTHING;
		return 0;
	}
	if (!S_ISDIR(status->st_mode))
		*out = STORE_OTHER;
	else
		*out = store_directory_is_empty(path) ? STORE_EMPTY_DIRECTORY : STORE_DIRECTORY;
	return 0;
}

static int32_t store_not_one(const char *path, enum store_place place, skafu_error *error)
{
	if (place == STORE_NOTHING)
		return skafu__fail(error, SKAFU_ENOTFOUND, "there is no store at %s; create it, or open it with "
				   "SKAFU_STORE_CREATE", path);
	if (place == STORE_OTHER)
		return skafu__fail(error, SKAFU_EFOREIGN, "%s is not a directory, so it is no libskafu store", path);
	return skafu__fail(error, SKAFU_EFOREIGN, "the directory %s is empty; create a store in it, or open it with "
			   "SKAFU_STORE_CREATE", path);
}

/* ---- open ---------------------------------------------------------------------------------------------------- */

static int32_t store_open_found(const char *path, const skafu_store_opts *given, const skafu_store_opts *opts,
				const struct stat *status, skafu_store **out_store, skafu_error *error)
{
	skafu_store *known = store_find(status->st_dev, status->st_ino);
	if (known) {
		int32_t rc = store_compare(known, given, error);
		if (rc == 0) {
			known->handles++;
			*out_store = known;
		}
		return rc;
	}
	int32_t rc = skafu__open_directory(path, opts, out_store, error);
	if (rc == 0)
		store_enter(*out_store);
	return rc;
}

static int32_t store_open_locked(const char *path, const skafu_store_opts *given, const skafu_store_opts *opts,
				 int must_be_new, skafu_store **out_store, skafu_error *error)
{
	struct stat status;
	enum store_place place = STORE_NOTHING;
	int32_t rc = store_look(path, &place, &status, error);
	if (rc != 0)
		return rc;
	if (must_be_new && place != STORE_NOTHING && place != STORE_EMPTY_DIRECTORY)
		return skafu__fail(error, SKAFU_EEXISTS, "%s exists already and is not an empty directory", path);
	int is_missing = place == STORE_NOTHING || place == STORE_EMPTY_DIRECTORY;
	if (is_missing && !must_be_new && !(opts->flags & SKAFU_STORE_CREATE))
		return store_not_one(path, place, error);
	if (place == STORE_OTHER)
		return store_not_one(path, place, error);
	if (is_missing) {
		struct skafu_error own = {0};
		rc = skafu__open_make(path, opts, NULL, &own);
		if (rc == SKAFU_EEXISTS && !must_be_new)
			rc = 0; /* somebody else was faster */
		else if (rc != 0)
			skafu__error_copy(error, &own, rc);
		if (rc == 0)
			rc = store_look(path, &place, &status, error);
		if (rc != 0)
			return rc;
	}
	return store_open_found(path, given, opts, &status, out_store, error);
}

/* A failing open gives the log sink's user back at once. */
static int32_t store_opened(int32_t rc, const skafu_store_opts *given)
{
	if (rc != 0 && given && given->size >= offsetof(skafu_store_opts, log_free) + sizeof given->log_free &&
	    given->log_free)
		given->log_free(given->log_user);
	return rc;
}

static int32_t store_open(const char *path, const skafu_store_opts *given, int must_be_new, skafu_store **out_store,
			  skafu_error *error)
{
	skafu_store_opts raw = {0};
	skafu_store_opts opts;
	int32_t rc = skafu__open_read_opts(given, &opts, error);
	if (rc == 0 && !out_store)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_store is NULL; give a place for the store");
	if (rc != 0)
		return rc;
	if (given)
		memcpy(&raw, given, given->size < sizeof raw ? given->size : sizeof raw);
	store_lock_registry();
	rc = store_open_locked(path, &raw, &opts, must_be_new, out_store, error);
	skafu__forklock_release(&store_registry_lock);
	return rc;
}

int32_t skafu_store_open(const char *path, const skafu_store_opts *opts, skafu_store **out_store, skafu_error *error)
{
	return store_opened(store_open(path, opts, 0, out_store, error), opts);
}

int32_t skafu_store_create(const char *path, const skafu_store_opts *opts, skafu_store **out_store,
			   skafu_error *error)
{
	return store_opened(store_open(path, opts, 1, out_store, error), opts);
}

int32_t skafu_store_open_memory(const skafu_store_opts *opts, skafu_store **out_store, skafu_error *error)
{
	skafu_store_opts complete;
	int32_t rc = skafu__open_read_opts(opts, &complete, error);
	if (rc == 0 && !out_store)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_store is NULL; give a place for the store");
	if (rc == 0)
		rc = skafu__open_memory(&complete, out_store, error);
	if (rc == 0)
		(*out_store)->handles = 1;
	return store_opened(rc, opts);
}
