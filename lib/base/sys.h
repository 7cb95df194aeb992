/*
 * sys.h: the table of everything that libskafu asks of the machine: memory, clock, randomness, files, wake-ups.
 *
 * No other file of lib/ calls the operating system for these, so a test that replaces an entry reaches every place
 * where a fault can come from.  LMDB makes its own calls; the fault tests interpose those at link time.
 * File calls follow POSIX: -1 and errno.  A table is shared by all threads and never changes once it is in use.
 */
#ifndef SKAFU__BASE_SYS_H
#define SKAFU__BASE_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct skafu_allocator;

struct skafu__sys {
	void *user; /* first argument of the three memory functions */
	void *(*allocate)(void *user, size_t bytes);
	void *(*reallocate)(void *user, void *block, size_t bytes);
	void (*release)(void *user, void *block);

	int64_t (*wall_ns)(void);      /* since 1970, may jump */
	int64_t (*wall_tick_ns)(void); /* the same at the last tick, up to 10 ms ago, at a fifth of the cost */
	int64_t (*monotonic_ns)(void); /* for deadlines, never jumps */
	int (*random)(void *out, size_t bytes);

	int (*open)(const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*read)(int fd, void *buffer, size_t bytes);
	ssize_t (*pread)(int fd, void *buffer, size_t bytes, off_t offset);
	ssize_t (*pwrite)(int fd, const void *buffer, size_t bytes, off_t offset);
	int (*ftruncate)(int fd, off_t bytes);
	int (*fstat)(int fd, struct stat *out);
	int (*stat)(const char *path, struct stat *out);
	int (*fsync)(int fd);
	int (*fdatasync)(int fd);
	int (*forget)(
		int fd); /* drop what the system remembers of a file, so that reading asks the disk; 0 or errno */
	int (*rename)(const char *from, const char *to);
	int (*unlink)(const char *path);
	int (*mkdir)(const char *path, mode_t mode);
	int (*rmdir)(const char *path);

	/* Sleep while *word == expected, at most timeout_ns (-1: for ever).  0 when woken, -1 and errno otherwise. */
	int (*futex_wait)(uint32_t *word, uint32_t expected, int64_t timeout_ns);
	int (*futex_wake)(uint32_t *word, int how_many);

	/* Sleep until a descriptor is readable, at most timeout_ns (-1: for ever).  1 it is, 0 not, -1 and errno. */
	int (*poll)(int fd, int64_t timeout_ns);

	/* Asked where LMDB is about to do something (SKAFU__TESTHOOK_): 0, or the errno with which it shall fail. */
	int (*storage)(uint32_t what);
};

/* The real machine, or what a test put in its place. */
const struct skafu__sys *skafu__sys_current(void);

/* For tests: every object made from now on uses this table; NULL puts the real one back. */
void skafu__sys_override(const struct skafu__sys *table);

/* Copy the current table into *out, with the host's allocator (may be NULL) in place of malloc.
 * SKAFU_EOPTION when the allocator is incomplete. */
int32_t skafu__sys_init(struct skafu__sys *out, const struct skafu_allocator *allocator);

/* Memory.  NULL when there is none; count * bytes that overflows counts as none.  release(NULL) is fine. */
void *skafu__alloc(const struct skafu__sys *sys, size_t bytes);
void *skafu__alloc_zeroed(const struct skafu__sys *sys, size_t count, size_t bytes);
void *skafu__realloc_array(const struct skafu__sys *sys, void *block, size_t count, size_t bytes);
char *skafu__strdup(const struct skafu__sys *sys, const char *text);
void skafu__free(const struct skafu__sys *sys, void *block);

/* Open a file of a directory, which is not made; -1 and errno, ENAMETOOLONG for a path of 4,096 bytes and more. */
int skafu__open_in(const struct skafu__sys *sys, const char *directory, const char *name, int flags);

/* Read or write everything, or fail: short transfers are continued, EINTR repeated.  A read that meets the end of
 * the file returns the bytes that were there. */
ssize_t skafu__read_at(const struct skafu__sys *sys, int fd, void *buffer, size_t bytes, off_t offset);
int skafu__write_at(const struct skafu__sys *sys, int fd, const void *buffer, size_t bytes, off_t offset);

/* A moment on the monotonic clock, timeout_ns from now; INT64_MAX for SKAFU_WAIT_FOREVER. */
int64_t skafu__deadline(const struct skafu__sys *sys, uint64_t timeout_ns);

/* A number above 0 that differs between a process and every child that it forks, and stays the same within one; a few
 * nanoseconds, where getpid() is a system call.  An object that must not be used across a fork remembers it. */
uint64_t skafu__fork_mark(void);

/* Nanoseconds left, never below 0; -1 when the deadline is INT64_MAX (as futex_wait wants it). */
int64_t skafu__time_left(const struct skafu__sys *sys, int64_t deadline);

#endif
