/*
 * files.c: walking, reading and writing below one folder, link-safe.
 *
 * Every step goes from a descriptor of a folder to the next name with O_NOFOLLOW, so a link that is put in the way
 * between two steps is an error and not a way out.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

/* ---- listing ---- */

struct walk {
	const struct file_limits *limits;
	struct file_list *list;
	const char *folder;
	skafu_error *error;
	char path[4096]; /* below the folder */
};

static int32_t walk_add(struct walk *walk, const struct stat *status)
{
	struct file_list *list = walk->list;
	struct file_entry *entry;

	if (list->count >= walk->limits->files)
		return failed(walk->error, SKAFU_ELIMIT, "%s has more than %zu files.", walk->folder,
			      walk->limits->files);
	if (S_ISREG(status->st_mode))
		list->bytes += (uint64_t)status->st_size;
	if (list->bytes > walk->limits->bytes)
		return failed(walk->error, SKAFU_ELIMIT, "%s has more than %llu bytes.", walk->folder,
			      (unsigned long long)walk->limits->bytes);
	if (list->count == list->capacity) {
		size_t capacity = list->capacity != 0 ? list->capacity * 2 : 64;

		entry = realloc(list->entries, capacity * sizeof *entry);
		if (entry == NULL)
			return failed(walk->error, SKAFU_ENOMEM, "There is no memory for the list of %s.",
				      walk->folder);
		list->entries = entry;
		list->capacity = capacity;
	}
	entry = &list->entries[list->count];
	entry->path = strdup(walk->path);
	if (entry->path == NULL)
		return failed(walk->error, SKAFU_ENOMEM, "There is no memory for the list of %s.", walk->folder);
	entry->size = (uint64_t)status->st_size;
	entry->mode = status->st_mode;
	list->count++;
	return SKAFU_OK;
}

static int walk_skips(const struct walk *walk, const char *name)
{
	for (const char *const *skip = walk->limits->skip; skip != NULL && *skip != NULL; skip++) {
		if (strcmp(*skip, name) == 0)
			return 1;
	}
	return 0;
}

static int32_t walk_folder(struct walk *walk, int fd, unsigned depth);

static int32_t walk_entry(struct walk *walk, int fd, const char *name, unsigned depth)
{
	size_t length = strlen(walk->path);
	struct stat status;
	int inner;
	int32_t rc;

	if (length + strlen(name) + 2 > sizeof walk->path)
		return failed(walk->error, SKAFU_ELIMIT, "A path in %s is too long.", walk->folder);
	snprintf(walk->path + length, sizeof walk->path - length, "%s%s", length > 0 ? "/" : "", name);
	if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
		rc = failed_os(walk->error, errno, "%s/%s cannot be looked at", walk->folder, walk->path);
	} else if (!S_ISDIR(status.st_mode)) {
		rc = walk_add(walk, &status);
	} else if (walk_skips(walk, name)) {
		rc = SKAFU_OK;
	} else if (depth >= walk->limits->depth) {
		rc = failed(walk->error, SKAFU_ELIMIT, "%s has folders more than %u deep.", walk->folder, depth);
	} else {
		inner = openat(fd, name, FILES_FOLDER_FLAGS);
		rc = inner < 0 ? failed_os(walk->error, errno, "%s/%s cannot be read", walk->folder, walk->path)
			       : walk_folder(walk, inner, depth + 1);
	}
	walk->path[length] = '\0';
	return rc;
}

/* Takes the descriptor over. */
static int32_t walk_folder(struct walk *walk, int fd, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	int32_t rc = SKAFU_OK;

	if (dir == NULL) {
		rc = failed_os(walk->error, errno, "%s cannot be read", walk->folder);
		close(fd);
		return rc;
	}
	while (rc == SKAFU_OK && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = walk_entry(walk, dirfd(dir), entry->d_name, depth);
	}
	closedir(dir);
	return rc;
}

static int compare_entries(const void *left, const void *right)
{
	return strcmp(((const struct file_entry *)left)->path, ((const struct file_entry *)right)->path);
}

int32_t files_list(const char *folder, const struct file_limits *limits, struct file_list *out_list,
		   skafu_error *error)
{
	struct file_list list = {0};
	struct walk walk = {.limits = limits, .list = &list, .folder = folder, .error = error};
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int32_t rc;

	if (fd < 0)
		return failed_os(error, errno, "The folder %s cannot be read", folder);
	rc = walk_folder(&walk, fd, 0);
	if (rc != SKAFU_OK) {
		files_list_free(&list);
		return rc;
	}
	if (list.count > 1)
		qsort(list.entries, list.count, sizeof *list.entries, compare_entries);
	*out_list = list;
	return SKAFU_OK;
}

void files_list_free(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].path);
	free(list->entries);
	*list = (struct file_list){0};
}

/* ---- one file ---- */

/* Open the folder that holds the last name of the path; `make` makes what is missing on the way. */
static int open_parent(const char *folder, const char *path, int make, const char **out_name)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash;

	while (fd >= 0 && (slash = strchr(path, '/')) != NULL) {
		char name[256];
		int inner;

		if (slash == path || (size_t)(slash - path) >= sizeof name) {
			close(fd);
			errno = EINVAL;
			return -1;
		}
		memcpy(name, path, (size_t)(slash - path));
		name[slash - path] = '\0';
		if (make)
			mkdirat(fd, name, 0777);
		inner = openat(fd, name, FILES_FOLDER_FLAGS);
		close(fd);
		fd = inner;
		path = slash + 1;
	}
	*out_name = path;
	return fd;
}

/* What open() let through; the text is what the file has, or unchanged in length after a failure. */
static int32_t read_all(int fd, size_t limit, struct text *content)
{
	char block[16384];
	size_t before = content->length;
	int32_t rc = SKAFU_OK;
	ssize_t got;

	while (rc == SKAFU_OK && (got = read(fd, block, sizeof block)) != 0) {
		if (got < 0)
			rc = errno == EINTR ? SKAFU_OK : SKAFU_EIO;
		else if (content->length - before + (size_t)got > limit)
			rc = SKAFU_ELIMIT;
		else
			rc = text_add(content, block, (size_t)got);
	}
	if (rc != SKAFU_OK)
		content->length = before;
	return rc;
}

static int32_t read_open(int fd, const char *where, size_t limit, struct text *content, skafu_error *error)
{
	struct stat status;
	int32_t rc;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return failed(error, SKAFU_EINVAL, "%s is not a regular file.", where);
	rc = read_all(fd, limit, content);
	if (rc == SKAFU_ELIMIT)
		return failed(error, rc, "The file %s has more than %zu bytes.", where, limit);
	if (rc != SKAFU_OK)
		return failed(error, rc, "The file %s cannot be read whole.", where);
	return SKAFU_OK;
}

int32_t files_read(const char *folder, const char *path, size_t limit, struct text *out_content, skafu_error *error)
{
	char where[512];
	const char *name = path;
	int parent = open_parent(folder, path, 0, &name);
	int fd = parent < 0 ? -1 : openat(parent, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int32_t rc;

	snprintf(where, sizeof where, "%s/%s", folder, path);
	if (fd < 0)
		rc = failed_os(error, errno, "The file %s cannot be read", where);
	else
		rc = read_open(fd, where, limit, out_content, error);
	if (fd >= 0)
		close(fd);
	if (parent >= 0)
		close(parent);
	return rc;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		bytes += put;
		length -= (size_t)put;
	}
	return fsync(fd);
}

int32_t files_write(const char *folder, const char *path, const void *bytes, size_t length, mode_t mode,
		    skafu_error *error)
{
	const char *name = path;
	int parent = open_parent(folder, path, 1, &name);
	int fd = parent < 0 ? -1 : openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int32_t rc = SKAFU_OK;

	if (fd < 0) {
		rc = failed_os(error, errno, "The file %s/%s cannot be made", folder, path);
	} else if (write_all(fd, bytes, length) != 0) {
		rc = failed_os(error, errno, "The file %s/%s cannot be written", folder, path);
		unlinkat(parent, name, 0);
	}
	if (fd >= 0)
		close(fd);
	if (parent >= 0 && rc == SKAFU_OK && fsync(parent) != 0)
		rc = failed_os(error, errno, "The folder of %s/%s cannot be brought to disk", folder, path);
	if (parent >= 0)
		close(parent);
	return rc;
}

/* ---- folders ---- */

int32_t files_sync_folder(const char *folder, skafu_error *error)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int32_t rc = SKAFU_OK;

	if (fd < 0 || fsync(fd) != 0)
		rc = failed_os(error, errno, "The folder %s cannot be brought to disk", folder);
	if (fd >= 0)
		close(fd);
	return rc;
}

int32_t files_make_folder(const char *folder, skafu_error *error)
{
	char path[4096];
	size_t length = strlen(folder);
	struct stat status;

	if (length == 0 || length >= sizeof path)
		return failed(error, SKAFU_EINVAL, "The name of a folder is empty or too long.");
	memcpy(path, folder, length + 1);
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			return failed_os(error, errno, "The folder %s cannot be made", path);
		path[i] = i < length ? '/' : '\0';
	}
	if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
		return failed(error, SKAFU_EEXISTS, "%s is there and is not a folder.", folder);
	return SKAFU_OK;
}

static void remove_in(int parent, const char *name)
{
	int fd = openat(parent, name, FILES_FOLDER_FLAGS);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		unlinkat(parent, name, 0);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_in(dirfd(dir), entry->d_name);
	}
	closedir(dir);
	unlinkat(parent, name, AT_REMOVEDIR);
}

void files_remove(const char *folder)
{
	remove_in(AT_FDCWD, folder);
}

int32_t files_make_temporary(const char *target, char *out_path, size_t size, skafu_error *error)
{
	size_t length = strlen(target);
	size_t parent;
	uint8_t id[SKAFU_ID_BYTES];
	char name[SKAFU_ID_TEXT_BYTES];

	while (length > 1 && target[length - 1] == '/')
		length--;
	parent = length;
	while (parent > 0 && target[parent - 1] != '/')
		parent--;
	if (length == 0 || parent == length)
		return failed(error, SKAFU_EINVAL, "\"%s\" cannot be made.", target);
	skafu_id_new(id);
	skafu_id_format(id, name);
	if ((size_t)snprintf(out_path, size, "%.*s.new-%s", (int)parent, target, name) >= size)
		return failed(error, SKAFU_EINVAL, "The path is too long.");
	if (mkdir(out_path, 0777) != 0)
		return failed_os(error, errno, "A folder beside %s cannot be made", target);
	return SKAFU_OK;
}

int32_t files_install(const char *temporary, const char *target, skafu_error *error)
{
	char parent[4096];
	const char *slash = strrchr(temporary, '/');

	/* A rename replaces an empty folder and nothing else. */
	if (rename(temporary, target) != 0)
		return errno == ENOTDIR || errno == EEXIST || errno == ENOTEMPTY
			       ? failed(error, SKAFU_EEXISTS, "%s is there already; name another target.", target)
			       : failed_os(error, errno, "%s cannot be made", target);
	snprintf(parent, sizeof parent, "%.*s", slash != NULL ? (int)(slash - temporary) + 1 : 1,
		 slash != NULL ? temporary : ".");
	return files_sync_folder(parent, error);
}

/* ---- paths ---- */

static const char *name_fault(const char *name, size_t length)
{
	if (length == 0)
		return "a name in the path is empty";
	if (length > 255)
		return "a name in the path has more than 255 bytes";
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return "the path has \".\" or \"..\" in it";
	if (length == 4 && strncasecmp(name, ".git", 4) == 0)
		return "the path goes into \".git\"";
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '\\')
			return "the path has a control character or a backslash in it";
	}
	return NULL;
}

const char *files_path_fault(const char *path)
{
	const char *fault = NULL;

	if (path[0] == '\0')
		return "the path is empty";
	if (path[0] == '/')
		return "the path is absolute";
	if (strlen(path) > 1024)
		return "the path has more than 1,024 bytes";
	while (fault == NULL) {
		size_t length = strcspn(path, "/");

		fault = name_fault(path, length);
		if (path[length] == '\0')
			break;
		path += length + 1;
	}
	return fault;
}
