/*
 * statedir.c: showing disk states, see statedir.h.
 */
#include "fault/statedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/iolog.h"

struct pool_file {
	int fd;
	ino_t inode;
	unsigned char *map;
	size_t room; /* bytes mapped; a file larger than that was made so by the verifier and is cut first */
};

/* A directory of the shown state that is kept open for listing. */
struct kept_list {
	char below[256];
	DIR *list;
	ino_t inode;
};

#define KEPT_MAX 8
#define POOL_NAME_BYTES 24

struct statedir {
	char where[256];
	char shown[300];
	int shown_fd, pool_fd;
	struct pool_file *files;
	size_t count;
	unsigned char *present; /* of each wanted entry, while showing */
	ino_t *inodes; /* of the present directories */
	size_t present_room, inode_room;
	struct kept_list kept[KEPT_MAX];
};

/* ---- scratch ------------------------------------------------------------------------------------------------- */

void statedir_scratch(char out[256], const char *topic)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");

	snprintf(out, 256, "%s/skafu-%s-XXXXXX", base && *base ? base : "/tmp", topic);
	if (!mkdtemp(out))
		iolog_die("cannot make a directory %s", out);
}

static int scratch_remove(const char *path, const struct stat *info, int what, struct FTW *walk)
{
	(void)info;
	(void)what;
	(void)walk;
	return remove(path) != 0 && errno != ENOENT;
}

void statedir_scratch_gone(const char *path)
{
	nftw(path, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- pool ---------------------------------------------------------------------------------------------------- */

static void pool_name(size_t object, char out[POOL_NAME_BYTES])
{
	snprintf(out, POOL_NAME_BYTES, "%zu", object);
}

static void pool_open(struct statedir *dir, size_t object, uint64_t bytes_max)
{
	struct pool_file *file = &dir->files[object];
	char name[POOL_NAME_BYTES];
	struct stat info;

	pool_name(object, name);
	file->room = ((size_t)bytes_max / 4096 + 1) * 4096;
	file->fd = openat(dir->pool_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file->fd < 0 || fstat(file->fd, &info) != 0)
		iolog_die("cannot make %s/pool/%s", dir->where, name);
	file->inode = info.st_ino;
	file->map = mmap(NULL, file->room, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	if (file->map == MAP_FAILED)
		iolog_die("cannot map %s/pool/%s", dir->where, name);
}

static int directory_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		iolog_die("cannot open %s", path);
	return fd;
}

struct statedir *statedir_new(const char *where, size_t objects, const uint64_t *bytes_max)
{
	struct statedir *dir = iolog_need(sizeof(*dir));
	char pool[PATH_MAX];
	size_t i;

	snprintf(dir->where, sizeof(dir->where), "%s", where);
	snprintf(dir->shown, sizeof(dir->shown), "%s/state", where);
	snprintf(pool, sizeof(pool), "%s/pool", where);
	statedir_scratch_gone(dir->shown);
	statedir_scratch_gone(pool);
	if (mkdir(pool, 0700) != 0 || mkdir(dir->shown, 0700) != 0)
		iolog_die("cannot make %s", dir->shown);
	dir->shown_fd = directory_open(dir->shown);
	dir->pool_fd = directory_open(pool);
	dir->count = objects;
	dir->files = iolog_need(objects * sizeof(*dir->files));
	for (i = 0; i < objects; i++)
		pool_open(dir, i, bytes_max[i]);
	return dir;
}

void statedir_free(struct statedir *dir)
{
	char pool[PATH_MAX];
	size_t i;

	if (!dir)
		return;
	for (i = 0; i < KEPT_MAX; i++) {
		if (dir->kept[i].list)
			closedir(dir->kept[i].list);
	}
	for (i = 0; i < dir->count; i++) {
		munmap(dir->files[i].map, dir->files[i].room);
		close(dir->files[i].fd);
	}
	close(dir->shown_fd);
	close(dir->pool_fd);
	snprintf(pool, sizeof(pool), "%s/pool", dir->where);
	statedir_scratch_gone(pool);
	statedir_scratch_gone(dir->shown);
	free(dir->files);
	free(dir->present);
	free(dir->inodes);
	free(dir);
}

const char *statedir_path(const struct statedir *dir)
{
	return dir->shown;
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static size_t want_find(const struct statedir_want *wants, size_t count, const char *path)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(wants[i].path, path) == 0)
			break;
	}
	return i;
}

/* A directory from its beginning; inode 0: whatever it is.  Opening it anew each time would cost more than this. */
static DIR *names_list(struct statedir *dir, const char *below, ino_t inode)
{
	struct kept_list *kept = NULL;
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < KEPT_MAX; i++) {
		kept = &dir->kept[i];
		if (!kept->list || strcmp(kept->below, below) == 0)
			break;
	}
	if (i == KEPT_MAX)
		kept = &dir->kept[KEPT_MAX - 1];
	if (kept->list && strcmp(kept->below, below) == 0 && (!inode || kept->inode == inode)) {
		rewinddir(kept->list);
		return kept->list;
	}
	if (kept->list)
		closedir(kept->list);
	snprintf(path, sizeof(path), "%s/%s", dir->shown, below);
	snprintf(kept->below, sizeof(kept->below), "%s", below);
	kept->inode = inode;
	kept->list = opendir(path);
	if (!kept->list)
		iolog_die("cannot list %s", path);
	return kept->list;
}

/* Is this entry wanted, and the right thing? */
static int name_right(struct statedir *dir, const struct statedir_want *want, const struct dirent *entry)
{
	if (want->directory)
		return entry->d_type == DT_DIR;
	return entry->d_ino == dir->files[want->object].inode;
}

/* Mostly it is a file that the verifier made. */
static void name_drop(const struct statedir *dir, const char *relative)
{
	char path[PATH_MAX];

	if (unlinkat(dir->shown_fd, relative, 0) == 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir->shown, relative);
	statedir_scratch_gone(path);
}

/* Keep what is wanted, as what it is wanted; remove the rest. */
static void names_sweep(struct statedir *dir, const char *below, ino_t inode, const struct statedir_want *wants,
			size_t count)
{
	DIR *list = names_list(dir, below, inode);
	size_t i, prefix = strlen(below);
	char relative[512];
	struct dirent *entry;

	memcpy(relative, below, prefix + 1);
	if (prefix)
		relative[prefix++] = '/';
	while ((entry = readdir(list)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (prefix + strlen(entry->d_name) >= sizeof(relative))
			iolog_die("a path below %s is too long", below);
		memcpy(relative + prefix, entry->d_name, strlen(entry->d_name) + 1);
		i = want_find(wants, count, relative);
		if (i < count && name_right(dir, &wants[i], entry)) {
			dir->present[i] = (unsigned char)(1 + (wants[i].directory != 0));
			dir->inodes[i] = entry->d_ino;
			continue;
		}
		name_drop(dir, relative);
	}
	for (i = 0; i < count; i++) {
		if (dir->present[i] != 2)
			continue;
		dir->present[i] = 1;
		names_sweep(dir, wants[i].path, dir->inodes[i], wants, count);
	}
}

static void names_make(struct statedir *dir, const struct statedir_want *want)
{
	char name[POOL_NAME_BYTES];
	int result;

	if (want->directory) {
		result = mkdirat(dir->shown_fd, want->path, 0700);
	} else {
		pool_name(want->object, name);
		result = linkat(dir->pool_fd, name, dir->shown_fd, want->path, 0);
	}
	if (result != 0)
		iolog_die("cannot make %s/%s: %s", dir->shown, want->path, strerror(errno));
}

/* ---- content ------------------------------------------------------------------------------------------------- */

static void content_show(struct pool_file *file, const struct statedir_want *want)
{
	static const unsigned char zero[STATEDIR_SECTOR];
	size_t at, i, size = (size_t)want->size;
	struct stat info;

	if (size > file->room)
		iolog_die("a state of %zu bytes is larger than its object ever was", size);
	if (fstat(file->fd, &info) != 0 || (info.st_size != (off_t)size && ftruncate(file->fd, (off_t)size) != 0))
		iolog_die("cannot set the size of a state file");
	for (at = 0, i = 0; at < size; at += STATEDIR_SECTOR, i++) {
		size_t bytes = size - at < STATEDIR_SECTOR ? size - at : STATEDIR_SECTOR;
		const unsigned char *wanted = want->sectors ? want->sectors[i] : zero;

		if (memcmp(file->map + at, wanted, bytes) != 0)
			memcpy(file->map + at, wanted, bytes);
	}
}

void statedir_show(struct statedir *dir, const struct statedir_want *wants, size_t count)
{
	size_t i;

	dir->present = iolog_grow(dir->present, &dir->present_room, count + 1, 1);
	dir->inodes = iolog_grow(dir->inodes, &dir->inode_room, count + 1, sizeof(*dir->inodes));
	memset(dir->present, 0, count);
	names_sweep(dir, "", 0, wants, count);
	for (i = 0; i < count; i++) {
		if (!dir->present[i])
			names_make(dir, &wants[i]);
		if (!wants[i].directory)
			content_show(&dir->files[wants[i].object], &wants[i]);
	}
}
