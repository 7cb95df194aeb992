/*
 * localgit.h: repositories on this machine and pushes from it, through the command git.
 *
 * No shell runs, and git sees neither the user's configuration nor hooks nor keys: the same files, author and time
 * give the same commit on every machine.  A token for a push goes through the environment of git alone, so that
 * neither a list of processes nor an error shows it.  Every call may be repeated after a crash.
 */
#ifndef SKAFU_APP_LOCALGIT_H
#define SKAFU_APP_LOCALGIT_H

#include "text.h"

#define LOCALGIT_ID_BYTES 65 /* room for the text of a commit id */

struct localgit_commit {
	const char *author;
	const char *email;
	int64_t time_ns;
	const char *branch;  /* NULL: "main" */
	const char *message; /* NULL: "Initial commit" */
};

/* Make an empty bare repository; one that is there already stays as it is. */
int32_t localgit_create_bare(const char *folder, const char *branch, skafu_error *error);

/* Make a folder a repository whose first commit holds all of its files.  When it has a commit already, that one's id;
 * SKAFU_EEXISTS when its files have changed since. */
int32_t localgit_first_commit(const char *folder, const struct localgit_commit *commit, char out_id[65],
			      skafu_error *error);

/* Push a branch to a URL or to the path of a repository.  `token` may be NULL; it is sent over TLS or to this machine
 * only.  SKAFU_EIO: the other side does not accept it. */
int32_t localgit_push(const char *folder, const char *url, const char *branch, const char *token, skafu_error *error);

/* Name the URL "origin" in a repository; one that has an origin keeps it. */
int32_t localgit_set_origin(const char *folder, const char *url, skafu_error *error);

/* A copy of a repository on this machine, with its files, in a folder that is not there yet. */
int32_t localgit_clone(const char *repository, const char *folder, skafu_error *error);

/* The commit at the tip of a branch.  SKAFU_ENOTFOUND when there is no such branch. */
int32_t localgit_tip(const char *repository, const char *branch, char out_id[65], skafu_error *error);

#endif
