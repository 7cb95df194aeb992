/*
 * hooks.c: four calls of libc on their way to the kernel, see hooks.h.
 */
#undef _FORTIFY_SOURCE
#include "fault/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define META_END 8192

static _Atomic(hooks_fn) hooks_now;

void hooks_set(hooks_fn hook)
{
	atomic_store(&hooks_now, hook);
}

static int hooks_ask(enum hooks_point point, int after)
{
	hooks_fn hook = atomic_load(&hooks_now);
	int kept = errno;
	int error = hook ? hook(point, after) : 0;

	errno = error ? error : kept;
	return error;
}

static int hooks_sync(int fd, long number)
{
	if (hooks_ask(HOOKS_SYNC, 0))
		return -1;
	int result = (int)syscall(number, fd);
	return hooks_ask(HOOKS_SYNC, 1) ? -1 : result;
}

#pragma GCC visibility push(default)

int fdatasync(int fd)
{
	return hooks_sync(fd, SYS_fdatasync);
}

int fsync(int fd)
{
	return hooks_sync(fd, SYS_fsync);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	enum hooks_point point = HOOKS_PAGES;

	if (atomic_load(&hooks_now) && offset < META_END && (fcntl(fd, F_GETFL) & O_DSYNC))
		point = HOOKS_META;
	if (hooks_ask(point, 0))
		return -1;
	ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, offset);
	return hooks_ask(point, 1) ? -1 : done;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	if (hooks_ask(HOOKS_PAGES, 0))
		return -1;
	ssize_t done = syscall(SYS_writev, fd, parts, count);
	return hooks_ask(HOOKS_PAGES, 1) ? -1 : done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
	return pwrite(fd, bytes, length, offset);
}

#pragma GCC visibility pop
