/*
 * blob.h: files and folders by their content, beside the log.
 *
 * The name of a blob is the SHA-256 of its bytes, so equal content is kept once, a name in an event always means the
 * same bytes, and damage is seen when they are read.  A blob is on disk, whole, before its name is given out.
 *
 *   FOLDER/ab/cdef...   the blob "abcdef..."
 *   FOLDER/new/...      blobs that are being written; leftovers of a crash may be deleted
 *
 * A folder is the blob of its listing: "skafu-folder 1", then a line for each file in the order of the paths,
 * "- NAME SIZE PATH" or "x NAME SIZE PATH" for one that can be executed.  A remote, when there is one, gets every
 * blob and is asked for those that are missing here.
 */
#ifndef SKAFU_APP_BLOB_H
#define SKAFU_APP_BLOB_H

#include "hash.h"
#include "text.h"

#define BLOB_BYTES ((size_t)32 << 20)
#define BLOB_FOLDER_FILES 2000
#define BLOB_NAME_BYTES HASH_TEXT_BYTES

struct blob_store;

/* Where else blobs are.  `get` adds the bytes to the text; SKAFU_ENOTFOUND when it has none. */
struct blob_remote {
	void *user;
	int32_t (*put)(void *user, const char *name, const void *bytes, size_t length, skafu_error *error);
	int32_t (*get)(void *user, const char *name, struct text *out_bytes, skafu_error *error);
};

int32_t blob_open(const char *folder, const struct blob_remote *remote, struct blob_store **out_store,
		  skafu_error *error);     /* remote: copied, may be NULL */
void blob_close(struct blob_store *store); /* NULL is fine */

int32_t blob_put(struct blob_store *store, const void *bytes, size_t length, char out_name[65], skafu_error *error);

/* Add the bytes to the text.  SKAFU_ENOTFOUND; SKAFU_EDAMAGED when they are not those that the name means. */
int32_t blob_get(struct blob_store *store, const char *name, struct text *out_bytes, skafu_error *error);

/* Is it here, without asking the remote? */
int blob_has(struct blob_store *store, const char *name);

/* Here only; a remote keeps what it has. */
int32_t blob_delete(struct blob_store *store, const char *name, skafu_error *error);

/* Links and other things that are no files are refused. */
int32_t blob_put_folder(struct blob_store *store, const char *folder, char out_name[65], skafu_error *error);

/* Make the folder again, all of it or nothing; the target must not be there, or be empty. */
int32_t blob_get_folder(struct blob_store *store, const char *name, const char *target, skafu_error *error);

#endif
