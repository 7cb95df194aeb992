/*
 * blob.c: the store of blobs.
 */
#include "blob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define BLOB_HEAD "skafu-folder 1\n"

struct blob_store {
	char folder[3072];
	struct blob_remote remote;
	int has_remote;
};

int32_t blob_open(const char *folder, const struct blob_remote *remote, struct blob_store **out_store,
		  skafu_error *error)
{
	struct blob_store *store = calloc(1, sizeof *store);
	char new_folder[4096];
	int32_t rc;

	if (store == NULL)
		return failed(error, SKAFU_ENOMEM, "There is no memory for a store of blobs.");
	if ((size_t)snprintf(store->folder, sizeof store->folder, "%s", folder) >= sizeof store->folder) {
		free(store);
		return failed(error, SKAFU_EINVAL, "The path of the blobs is too long.");
	}
	if (remote != NULL) {
		store->remote = *remote;
		store->has_remote = 1;
	}
	snprintf(new_folder, sizeof new_folder, "%s/new", folder);
	rc = files_make_folder(new_folder, error);
	if (rc != SKAFU_OK) {
		free(store);
		return rc;
	}
	*out_store = store;
	return SKAFU_OK;
}

void blob_close(struct blob_store *store)
{
	free(store);
}

/* ---- one blob ---- */

/* "ab/cdef..."; 0 when this is no name. */
static int path_of(const char *name, char *out_path, size_t size)
{
	uint8_t hash[HASH_BYTES];

	if (!hash_parse(name, hash))
		return 0;
	snprintf(out_path, size, "%.2s/%s", name, name + 2);
	return 1;
}

static int is_named(const char *name, const struct text *bytes, size_t from)
{
	char actual[BLOB_NAME_BYTES];

	hash_sha256_text(text_string(bytes) + from, bytes->length - from, actual);
	return strcmp(actual, name) == 0;
}

static int32_t get_local(struct blob_store *store, const char *name, struct text *out_bytes, skafu_error *error)
{
	size_t before = out_bytes->length;
	char path[BLOB_NAME_BYTES + 2];
	int32_t rc;

	if (!path_of(name, path, sizeof path))
		return failed(error, SKAFU_EINVAL, "\"%.80s\" is not the name of a blob.", name);
	rc = files_read(store->folder, path, BLOB_BYTES, out_bytes, error);
	if (rc == SKAFU_OK && !is_named(name, out_bytes, before)) {
		out_bytes->length = before;
		return failed(error, SKAFU_EDAMAGED, "The blob %s is damaged; put its content again.", name);
	}
	return rc;
}

static int32_t move_into_place(struct blob_store *store, const char *temporary, const char *path, skafu_error *error)
{
	char from[4096];
	char to[4096];
	char folder[4096];
	int made;

	snprintf(from, sizeof from, "%s/%s", store->folder, temporary);
	snprintf(to, sizeof to, "%s/%s", store->folder, path);
	snprintf(folder, sizeof folder, "%s/%.2s", store->folder, path);
	made = mkdir(folder, 0777) == 0;
	if (rename(from, to) != 0) {
		int os_error = errno;

		unlink(from);
		return failed_os(error, os_error, "The blob %s cannot be kept", path);
	}
	if (made) {
		int32_t rc = files_sync_folder(store->folder, error);

		if (rc != SKAFU_OK)
			return rc;
	}
	return files_sync_folder(folder, error);
}

static int32_t put_local(struct blob_store *store, const void *bytes, size_t length, const char *name,
			 skafu_error *error)
{
	uint8_t id[SKAFU_ID_BYTES];
	char id_text[SKAFU_ID_TEXT_BYTES];
	char temporary[64];
	char path[BLOB_NAME_BYTES + 2];
	struct text known = {0};
	int32_t rc;

	/* What is there and good is not written again; what is damaged is replaced. */
	rc = get_local(store, name, &known, NULL);
	text_free(&known);
	if (rc == SKAFU_OK)
		return SKAFU_OK;
	rc = skafu_id_new(id);
	if (rc != SKAFU_OK)
		return failed(error, rc, "A name for a new blob cannot be made.");
	skafu_id_format(id, id_text);
	snprintf(temporary, sizeof temporary, "new/%s", id_text);
	path_of(name, path, sizeof path);
	rc = files_write(store->folder, temporary, bytes, length, 0444, error);
	return rc != SKAFU_OK ? rc : move_into_place(store, temporary, path, error);
}

int32_t blob_put(struct blob_store *store, const void *bytes, size_t length, char out_name[65], skafu_error *error)
{
	char name[BLOB_NAME_BYTES];
	int32_t rc;

	if (length > BLOB_BYTES)
		return failed(error, SKAFU_ELIMIT, "A blob has at most %zu bytes.", BLOB_BYTES);
	hash_sha256_text(bytes, length, name);
	rc = put_local(store, bytes, length, name, error);
	if (rc == SKAFU_OK && store->has_remote)
		rc = store->remote.put(store->remote.user, name, bytes, length, error);
	if (rc == SKAFU_OK)
		memcpy(out_name, name, sizeof name);
	return rc;
}

int32_t blob_get(struct blob_store *store, const char *name, struct text *out_bytes, skafu_error *error)
{
	struct text fetched = {.limit = BLOB_BYTES};
	int32_t rc = get_local(store, name, out_bytes, error);

	if ((rc != SKAFU_ENOTFOUND && rc != SKAFU_EDAMAGED) || !store->has_remote)
		return rc;
	rc = store->remote.get(store->remote.user, name, &fetched, error);
	if (rc == SKAFU_OK && !is_named(name, &fetched, 0))
		rc = failed(error, SKAFU_EDAMAGED, "What the remote gave for the blob %s is something else.", name);
	if (rc == SKAFU_OK)
		rc = put_local(store, text_string(&fetched), fetched.length, name, error);
	if (rc == SKAFU_OK)
		rc = failed_text(error, text_add(out_bytes, text_string(&fetched), fetched.length), "a blob");
	text_free(&fetched);
	return rc;
}

int blob_has(struct blob_store *store, const char *name)
{
	struct text bytes = {0};
	int32_t rc = get_local(store, name, &bytes, NULL);

	text_free(&bytes);
	return rc == SKAFU_OK;
}

int32_t blob_delete(struct blob_store *store, const char *name, skafu_error *error)
{
	char path[BLOB_NAME_BYTES + 2];
	char whole[4096];

	if (!path_of(name, path, sizeof path))
		return failed(error, SKAFU_EINVAL, "\"%.80s\" is not the name of a blob.", name);
	snprintf(whole, sizeof whole, "%s/%s", store->folder, path);
	if (unlink(whole) != 0)
		return failed_os(error, errno, "The blob %s cannot be deleted", name);
	snprintf(whole, sizeof whole, "%s/%.2s", store->folder, path);
	return files_sync_folder(whole, error);
}

/* ---- folders ---- */

static int32_t put_entry(struct blob_store *store, const char *folder, const struct file_entry *entry,
			 struct text *listing, skafu_error *error)
{
	const char *fault = files_path_fault(entry->path);
	struct text content = {0};
	char name[BLOB_NAME_BYTES];
	int32_t rc;

	if (!S_ISREG(entry->mode))
		return failed(error, SKAFU_EINVAL, "%s/%s is a link or no regular file.", folder, entry->path);
	if (fault != NULL)
		return failed(error, SKAFU_EINVAL, "%s/%s cannot be kept: %s.", folder, entry->path, fault);
	rc = files_read(folder, entry->path, BLOB_BYTES, &content, error);
	if (rc == SKAFU_OK)
		rc = blob_put(store, text_string(&content), content.length, name, error);
	if (rc == SKAFU_OK)
		rc = failed_text(error,
				 text_add_format(listing, "%c %s %zu %s\n", (entry->mode & 0111) != 0 ? 'x' : '-',
						 name, content.length, entry->path),
				 "the listing of a folder");
	text_free(&content);
	return rc;
}

int32_t blob_put_folder(struct blob_store *store, const char *folder, char out_name[65], skafu_error *error)
{
	static const struct file_limits limits = {BLOB_FOLDER_FILES, (uint64_t)4 * BLOB_BYTES, 32, NULL};
	struct text listing = {0};
	struct file_list list = {0};
	int32_t rc = files_list(folder, &limits, &list, error);

	if (rc == SKAFU_OK)
		rc = failed_text(error, text_add_string(&listing, BLOB_HEAD), "the listing of a folder");
	for (size_t i = 0; i < list.count && rc == SKAFU_OK; i++)
		rc = put_entry(store, folder, &list.entries[i], &listing, error);
	if (rc == SKAFU_OK)
		rc = blob_put(store, listing.bytes, listing.length, out_name, error);
	files_list_free(&list);
	text_free(&listing);
	return rc;
}

/* One line of a listing, without its end: 0 when it is not of the form. */
static int parse_line(char *line, mode_t *mode, const char **name, const char **path)
{
	char *end;

	if ((line[0] != '-' && line[0] != 'x') || line[1] != ' ' || strlen(line) < 2 + HASH_TEXT_BYTES ||
	    line[2 + HASH_TEXT_BYTES - 1] != ' ')
		return 0;
	*mode = line[0] == 'x' ? 0777 : 0666;
	*name = line + 2;
	line[2 + HASH_TEXT_BYTES - 1] = '\0';
	line += 2 + HASH_TEXT_BYTES;
	strtoull(line, &end, 10);
	if (end == line || *end != ' ')
		return 0;
	*path = end + 1;
	return files_path_fault(*path) == NULL;
}

static int32_t get_entry(struct blob_store *store, char *line, const char *into, skafu_error *error)
{
	struct text content = {0};
	const char *name;
	const char *path;
	mode_t mode;
	int32_t rc;

	if (!parse_line(line, &mode, &name, &path))
		return failed(error, SKAFU_EDAMAGED, "The listing of a folder is malformed.");
	rc = blob_get(store, name, &content, error);
	if (rc == SKAFU_OK)
		rc = files_write(into, path, text_string(&content), content.length, mode, error);
	text_free(&content);
	return rc;
}

static int32_t get_entries(struct blob_store *store, struct text *listing, const char *into, skafu_error *error)
{
	size_t head = strlen(BLOB_HEAD);
	size_t count = 0;
	char *line;
	char *end;
	int32_t rc = SKAFU_OK;

	if (listing->length < head || memcmp(listing->bytes, BLOB_HEAD, head) != 0)
		return failed(error, SKAFU_EINVAL, "The blob is not that of a folder.");
	for (line = listing->bytes + head; rc == SKAFU_OK && *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		if (end == NULL || ++count > BLOB_FOLDER_FILES)
			return failed(error, SKAFU_EDAMAGED, "The listing of a folder is malformed or too long.");
		*end = '\0';
		rc = get_entry(store, line, into, error);
	}
	return rc;
}

int32_t blob_get_folder(struct blob_store *store, const char *name, const char *target, skafu_error *error)
{
	struct text listing = {0};
	char temporary[4096];
	int32_t rc = blob_get(store, name, &listing, error);

	if (rc == SKAFU_OK)
		rc = files_make_temporary(target, temporary, sizeof temporary, error);
	if (rc == SKAFU_OK) {
		rc = get_entries(store, &listing, temporary, error);
		if (rc == SKAFU_OK)
			rc = files_install(temporary, target, error);
		if (rc != SKAFU_OK)
			files_remove(temporary);
	}
	text_free(&listing);
	return rc;
}
