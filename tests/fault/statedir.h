/*
 * statedir.h: a directory that is turned from one disk state into the next by writing only what differs.
 *
 * Each object of a log keeps one file in a pool for good; the files of the shown directory are hard links to them.
 * The pool files stay mapped, so showing a state is a comparison of memory and a few copies.  Whatever a verifier
 * changed, made or removed is found by that comparison and by listing the directory, and put right.
 */
#ifndef TESTS_FAULT_STATEDIR_H
#define TESTS_FAULT_STATEDIR_H

#include <stddef.h>
#include <stdint.h>

#define STATEDIR_SECTOR 512

struct statedir;

struct statedir_want {
	char path[512]; /* relative; a directory comes before what is in it */
	uint32_t object;
	int directory;
	uint64_t size;
	const unsigned char *const *sectors; /* one for each 512 bytes of size; NULL: all sectors are zero */
};

/* A scratch directory below /dev/shm, or below TMPDIR or /tmp when there is none; statedir_scratch_gone removes it,
 * and any other tree. */
void statedir_scratch(char out[256], const char *topic);
void statedir_scratch_gone(const char *path);

/* where: a directory that exists and belongs to the caller.  bytes_max[i]: the largest size of object i. */
struct statedir *statedir_new(const char *where, size_t objects, const uint64_t *bytes_max);
void statedir_free(struct statedir *dir);

/* The shown directory; it does not move. */
const char *statedir_path(const struct statedir *dir);

/* Make the directory hold exactly these entries. */
void statedir_show(struct statedir *dir, const struct statedir_want *wants, size_t count);

#endif
