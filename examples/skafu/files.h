/*
 * files.h: the few things that the application does with files.
 *
 * Nothing here follows a symbolic link below the folder that it is given, so a folder of a stranger cannot make the
 * application read or write elsewhere.  Whatever grows has a limit.
 */
#ifndef SKAFU_APP_FILES_H
#define SKAFU_APP_FILES_H

#include <sys/types.h>

#include "text.h"

struct file_entry {
	char *path; /* below the folder, with '/' */
	uint64_t size;
	mode_t mode; /* type and permissions: links and pipes are listed too */
};

struct file_list {
	struct file_entry *entries; /* by path, in the order of bytes; folders are not listed */
	size_t count;
	size_t capacity;
	uint64_t bytes; /* of all regular files */
};

struct file_limits {
	size_t files;
	uint64_t bytes;
	unsigned depth;
	const char *const *skip; /* names of folders to leave out, ended by NULL; may be NULL */
};

/* SKAFU_ELIMIT when the folder has more than the limits allow. */
int32_t files_list(const char *folder, const struct file_limits *limits, struct file_list *out_list,
		   skafu_error *error);
void files_list_free(struct file_list *list);

/* Add the content of a regular file below a folder.  SKAFU_ELIMIT when it has more than `limit` bytes. */
int32_t files_read(const char *folder, const char *path, size_t limit, struct text *out_content, skafu_error *error);

/* Make a file that is not there yet, with the folders above it, and bring it to disk. */
int32_t files_write(const char *folder, const char *path, const void *bytes, size_t length, mode_t mode,
		    skafu_error *error);

/* Bring the names in a folder to disk. */
int32_t files_sync_folder(const char *folder, skafu_error *error);

/* Make a folder and those above it; one that is there already is fine. */
int32_t files_make_folder(const char *folder, skafu_error *error);

/* A new, empty folder beside the target, on the same file system ... */
int32_t files_make_temporary(const char *target, char *out_path, size_t size, skafu_error *error);

/* ... becomes the target, at once and for good.  SKAFU_EEXISTS when the target is there and not an empty folder. */
int32_t files_install(const char *temporary, const char *target, skafu_error *error);

/* Remove a folder with all that is in it, as far as possible. */
void files_remove(const char *folder);

/* NULL for a relative path that stays inside its folder and that no tool takes for an instruction, else a text that
 * says what is wrong: empty or too long, absolute, "." or "..", a control character or backslash, ".git". */
const char *files_path_fault(const char *path);

#endif
