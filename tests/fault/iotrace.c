/*
 * iotrace.c: the file calls of libc, defined once more by the test binary.
 *
 * The order of the log is the order in which the kernel saw the calls: while a directory is followed, a call on one
 * of its files is made and noted under one lock.  A call that fails is not noted, a short one as far as it came.
 *
 * The definitions must be exported by the program, else the dynamic linker gives liblmdb those of libc: they have
 * default visibility here, and the linker exports what a shared library on its command line asks for.
 */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include "fault/iotrace.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fault/iomap.h"
#include "fault/mapkeep.h"

#define FD_COUNT 1024
#define LATE_MAX 256

struct fd_slot {
	uint32_t object; /* IOLOG_NONE: not followed */
	int durable, append;
};

static struct {
	int (*open)(const char *, int, ...);
	int (*openat)(int, const char *, int, ...);
	int (*close)(int);
	ssize_t (*read)(int, void *, size_t);
	ssize_t (*pread)(int, void *, size_t, off_t);
	ssize_t (*write)(int, const void *, size_t);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
	ssize_t (*writev)(int, const struct iovec *, int);
	ssize_t (*pwritev)(int, const struct iovec *, int, off_t);
	off_t (*lseek)(int, off_t, int);
	int (*fsync)(int);
	int (*fdatasync)(int);
	int (*msync)(void *, size_t, int);
	int (*ftruncate)(int, off_t);
	int (*rename)(const char *, const char *);
	int (*unlink)(const char *);
	int (*mkdir)(const char *, mode_t);
	int (*rmdir)(const char *);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	int (*munmap)(void *, size_t);
} real;

_Thread_local int iotrace_inside;

static atomic_int trace_on;
static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;
static struct iolog *trace_log;
static struct fd_slot trace_fds[FD_COUNT];
static struct iotrace_fault trace_fault;
static int trace_failing;
static uint64_t trace_calls, trace_failures;
static enum iolog_plant trace_plant = IOLOG_PLANTS;
static uint64_t trace_begun; /* the operation under way; 0 when it is acknowledged */

/* Writes that a planted fault holds back. */
static struct {
	int fd;
	struct fd_slot *slot;
	off_t at;
	size_t length;
	unsigned char *bytes;
} trace_late[LATE_MAX];
static size_t trace_late_count;

/* ---- the real calls ------------------------------------------------------------------------------------------ */

static void real_find(void *slot, const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (!symbol)
		iolog_die("libc has no %s", name);
	memcpy(slot, &symbol, sizeof(symbol));
}

static void real_resolve(void)
{
	real_find(&real.openat, "openat");
	real_find(&real.close, "close");
	real_find(&real.read, "read");
	real_find(&real.pread, "pread");
	real_find(&real.write, "write");
	real_find(&real.pwrite, "pwrite");
	real_find(&real.writev, "writev");
	real_find(&real.pwritev, "pwritev");
	real_find(&real.lseek, "lseek");
	real_find(&real.fsync, "fsync");
	real_find(&real.fdatasync, "fdatasync");
	real_find(&real.msync, "msync");
	real_find(&real.ftruncate, "ftruncate");
	real_find(&real.rename, "rename");
	real_find(&real.unlink, "unlink");
	real_find(&real.mkdir, "mkdir");
	real_find(&real.rmdir, "rmdir");
	real_find(&real.mmap, "mmap");
	real_find(&real.munmap, "munmap");
	real_find(&real.open, "open"); /* last: it says that the others are there */
}

__attribute__((constructor)) static void real_ready(void)
{
	if (!real.open)
		real_resolve();
}

/* ---- lock, faults -------------------------------------------------------------------------------------------- */

/* 1 with the lock held when this call may have to be followed. */
static int trace_enter(void)
{
	real_ready();
	if (!atomic_load_explicit(&trace_on, memory_order_relaxed) || iotrace_inside)
		return 0;
	iotrace_inside++;
	pthread_mutex_lock(&trace_lock);
	if (trace_log)
		return 1;
	pthread_mutex_unlock(&trace_lock);
	iotrace_inside--;
	return 0;
}

static void trace_leave(void)
{
	int error = errno;

	pthread_mutex_unlock(&trace_lock);
	iotrace_inside--;
	errno = error;
}

static struct fd_slot *trace_fd(int fd)
{
	if (fd < 0 || fd >= FD_COUNT || trace_fds[fd].object == IOLOG_NONE)
		return NULL;
	return &trace_fds[fd];
}

/* As trace_enter, but only for a descriptor that is followed. */
static struct fd_slot *trace_enter_fd(int fd)
{
	struct fd_slot *slot;

	if (!trace_enter())
		return NULL;
	slot = trace_fd(fd);
	if (!slot)
		trace_leave();
	return slot;
}

/* 1 when this call is to fail.  *how is set in any case. */
static int fault_now(unsigned class_bit, enum iotrace_how *how)
{
	*how = IOTRACE_DONE;
	if (!trace_failing || !(trace_fault.classes & class_bit))
		return 0;
	trace_calls++;
	if (trace_calls != trace_fault.nth && !(trace_fault.from_then_on && trace_calls > trace_fault.nth))
		return 0;
	trace_failures++;
	*how = trace_fault.how;
	if (*how == IOTRACE_DONE_ONCE)
		*how = trace_calls == trace_fault.nth ? IOTRACE_DONE : IOTRACE_NOT_DONE;
	return 1;
}

/* The result of a call that gives 0 or -1; done tells the caller whether it is to note it. */
struct verdict {
	int fails;
	int perform;
	int half;
};

static struct verdict fault_verdict(unsigned class_bit)
{
	struct verdict verdict;
	enum iotrace_how how;

	verdict.fails = fault_now(class_bit, &how);
	verdict.half = verdict.fails && how == IOTRACE_SHORT;
	verdict.perform = !verdict.fails || how == IOTRACE_DONE;
	return verdict;
}

static int fault_error(void)
{
	errno = trace_fault.error;
	return -1;
}

/* ---- planted faults ------------------------------------------------------------------------------------------ */

void iotrace_plant(enum iolog_plant plant)
{
	pthread_mutex_lock(&trace_lock);
	trace_plant = plant;
	trace_begun = 0;
	pthread_mutex_unlock(&trace_lock);
}

/* Is the file also written through a descriptor that syncs, as LMDB does with its meta pages? */
static int object_has_syncing(uint32_t object)
{
	size_t fd;

	for (fd = 0; fd < FD_COUNT; fd++) {
		if (trace_fds[fd].object == object && trace_fds[fd].durable)
			return 1;
	}
	return 0;
}

/* Is a write of the file among the first `count` that wait? */
static int plant_has_held(uint32_t object, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (trace_late[i].slot->object == object)
			return 1;
	}
	return 0;
}

/* 1 when the write is to wait.  Of a file that syncs otherwise nothing does: it has no meta page. */
static int plant_holds(int fd, struct fd_slot *slot, const void *bytes, size_t length, off_t at)
{
	if (trace_plant != IOLOG_PLANT_META_FIRST || slot->durable || at < 0 || trace_late_count == LATE_MAX ||
	    !object_has_syncing(slot->object))
		return 0;
	trace_late[trace_late_count].fd = fd;
	trace_late[trace_late_count].slot = slot;
	trace_late[trace_late_count].at = at;
	trace_late[trace_late_count].length = length;
	trace_late[trace_late_count].bytes = iolog_need(length);
	memcpy(trace_late[trace_late_count++].bytes, bytes, length);
	return 1;
}

/* Make the writes that waited, and sync them. */
static void plant_release(void)
{
	size_t i;

	for (i = 0; i < trace_late_count; i++) {
		if (real.pwrite(trace_late[i].fd, trace_late[i].bytes, trace_late[i].length, trace_late[i].at) !=
		    (ssize_t)trace_late[i].length)
			iolog_die("a write that was held back failed");
		iolog_write(trace_log, trace_late[i].slot->object, (uint64_t)trace_late[i].at, trace_late[i].bytes,
			    trace_late[i].length);
		free(trace_late[i].bytes);
	}
	for (i = 0; i < trace_late_count; i++) {
		if (plant_has_held(trace_late[i].slot->object, i))
			continue;
		real.fdatasync(trace_late[i].fd);
		iolog_add(trace_log, IOLOG_SYNC, trace_late[i].slot->object);
	}
	trace_late_count = 0;
}

/* 1 when the sync is to be left out. */
static int plant_skips_sync(uint32_t object)
{
	if (trace_plant == IOLOG_PLANT_EARLY_ACK && trace_begun) {
		iomap_capture(trace_log, NULL);
		iolog_mark(trace_log, IOLOG_ACK, trace_begun);
		trace_begun = 0;
	}
	if (trace_plant == IOLOG_PLANT_SIDE_FILE && !object_has_syncing(object))
		return 1;
	return trace_plant == IOLOG_PLANT_NO_SYNC || plant_has_held(object, trace_late_count);
}

/* ---- control ------------------------------------------------------------------------------------------------- */

static void trace_start(const char *root, int is_thin)
{
	size_t i;

	if (trace_log)
		iolog_die("iotrace_start: %s is being followed already", trace_log->root);
	real_ready();
	iotrace_inside++;
	for (i = 0; i < FD_COUNT; i++)
		trace_fds[i].object = IOLOG_NONE;
	trace_log = is_thin ? iolog_new_thin(root) : iolog_new(root);
	trace_failing = 0;
	trace_plant = IOLOG_PLANTS;
	iotrace_inside--;
	atomic_store(&trace_on, 1);
}

void iotrace_start(const char *root)
{
	trace_start(root, 0);
}

void iotrace_start_thin(const char *root)
{
	trace_start(root, 1);
}

struct iolog *iotrace_stop(void)
{
	struct iolog *log;

	atomic_store(&trace_on, 0);
	iotrace_inside++;
	pthread_mutex_lock(&trace_lock);
	log = trace_log;
	if (log) {
		plant_release();
		iomap_capture(log, NULL);
	}
	iomap_clear();
	trace_log = NULL;
	trace_failing = 0;
	pthread_mutex_unlock(&trace_lock);
	iotrace_inside--;
	return log;
}

void iotrace_mark(enum iolog_kind kind, uint64_t number)
{
	if (!trace_enter())
		return;
	iomap_capture(trace_log, NULL);
	iolog_mark(trace_log, kind, number);
	trace_begun = kind == IOLOG_BEGIN ? number : 0;
	trace_leave();
}

void iotrace_fail(const struct iotrace_fault *fault)
{
	pthread_mutex_lock(&trace_lock);
	trace_failing = fault != NULL;
	if (fault) {
		trace_fault = *fault;
		trace_calls = 0;
		trace_failures = 0;
	}
	pthread_mutex_unlock(&trace_lock);
}

uint64_t iotrace_calls(void)
{
	return trace_calls;
}

uint64_t iotrace_failures(void)
{
	return trace_failures;
}

const char *iotrace_class_name(unsigned class_bit)
{
	static const char *const names[IOTRACE_CLASSES] = {"open",     "close",  "read",   "write", "seek",  "sync",
							   "truncate", "rename", "unlink", "mkdir", "rmdir", "map"};
	unsigned i;

	for (i = 0; i < IOTRACE_CLASSES; i++) {
		if (class_bit == 1u << i)
			return names[i];
	}
	return "?";
}

/* ---- open, close --------------------------------------------------------------------------------------------- */

#pragma GCC visibility push(default)

static int path_absolute(int directory, const char *path, char out[PATH_MAX])
{
	char link[64], base[PATH_MAX];
	ssize_t length;

	if (path[0] == '/')
		return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
	if (directory == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/self/cwd");
	else
		snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
	length = readlink(link, base, sizeof(base) - 1);
	if (length <= 0)
		return 0;
	base[length] = '\0';
	return snprintf(out, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static int path_resolve(int directory, const char *path, uint32_t *parent, char name[256])
{
	char whole[PATH_MAX];

	return path_absolute(directory, path, whole) && iolog_resolve(trace_log, whole, parent, name);
}

static void open_note(int fd, int flags, uint32_t parent, const char *name)
{
	uint32_t object = 0;

	if (parent != IOLOG_NONE) {
		object = iolog_lookup(&trace_log->now, parent, name);
		if (object == IOLOG_NONE && !(flags & O_CREAT)) {
			snprintf(trace_log->broken, sizeof(trace_log->broken), "%.100s appeared unseen", name);
			return;
		}
		if (object == IOLOG_NONE)
			object = iolog_create(trace_log, parent, name, 0);
		else if ((flags & O_TRUNC) && trace_log->objects[object].size_now)
			iolog_truncate(trace_log, object, 0);
	}
	if (fd >= FD_COUNT) {
		snprintf(trace_log->broken, sizeof(trace_log->broken), "descriptor %d is out of range", fd);
		return;
	}
	trace_fds[fd].object = object;
	trace_fds[fd].durable = (flags & O_DSYNC) != 0; /* O_SYNC includes it */
	trace_fds[fd].append = (flags & O_APPEND) != 0;
}

static int trace_open(int directory, const char *path, int flags, mode_t mode)
{
	struct verdict verdict;
	uint32_t parent;
	char name[256];
	int fd = -1;

	if (!trace_enter())
		return real.openat(directory, path, flags, mode);
	if (!path_resolve(directory, path, &parent, name)) {
		fd = real.openat(directory, path, flags, mode);
		trace_leave();
		return fd;
	}
	verdict = fault_verdict(IOTRACE_OPEN);
	if (verdict.perform)
		fd = real.openat(directory, path, flags, mode);
	if (fd >= 0 && (flags & O_TMPFILE) != O_TMPFILE)
		open_note(fd, flags, parent, name);
	if (verdict.fails) {
		if (fd >= 0) {
			if (fd < FD_COUNT)
				trace_fds[fd].object = IOLOG_NONE;
			real.close(fd);
		}
		fd = fault_error();
	}
	trace_leave();
	return fd;
}

static mode_t open_mode(int flags, va_list args)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(args, unsigned) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = open_mode(flags, args);
	va_end(args);
	return trace_open(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = open_mode(flags, args);
	va_end(args);
	return trace_open(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = open_mode(flags, args);
	va_end(args);
	return trace_open(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = open_mode(flags, args);
	va_end(args);
	return trace_open(directory, path, flags, mode);
}

int close(int fd)
{
	struct fd_slot *slot = trace_enter_fd(fd);
	struct verdict verdict;
	int result;

	if (!slot)
		return real.close(fd);
	verdict = fault_verdict(IOTRACE_CLOSE);
	plant_release();
	slot->object = IOLOG_NONE;
	result = real.close(fd);
	if (verdict.fails)
		result = fault_error();
	trace_leave();
	return result;
}

/* ---- read, write, seek --------------------------------------------------------------------------------------- */

ssize_t read(int fd, void *buffer, size_t bytes)
{
	struct verdict verdict;
	ssize_t result;

	if (!trace_enter_fd(fd))
		return real.read(fd, buffer, bytes);
	verdict = fault_verdict(IOTRACE_READ);
	if (verdict.half || !verdict.fails)
		result = real.read(fd, buffer, verdict.half ? (bytes + 1) / 2 : bytes);
	else
		result = fault_error();
	trace_leave();
	return result;
}

ssize_t pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	struct verdict verdict;
	ssize_t result;

	if (!trace_enter_fd(fd))
		return real.pread(fd, buffer, bytes, offset);
	verdict = fault_verdict(IOTRACE_READ);
	if (verdict.half || !verdict.fails)
		result = real.pread(fd, buffer, verdict.half ? (bytes + 1) / 2 : bytes, offset);
	else
		result = fault_error();
	trace_leave();
	return result;
}

ssize_t pread64(int fd, void *buffer, size_t bytes, off64_t offset)
{
	return pread(fd, buffer, bytes, offset);
}

/* One write in one piece, whatever call it came through.  offset < 0: where the descriptor stands. */
static ssize_t write_flat(int fd, struct fd_slot *slot, const void *bytes, size_t length, off_t offset)
{
	struct verdict verdict = fault_verdict(IOTRACE_WRITE);
	off_t at = offset >= 0 ? offset : real.lseek(fd, 0, slot->append ? SEEK_END : SEEK_CUR);
	ssize_t done = -1;

	if (verdict.half)
		length = length / 2;
	if (verdict.perform && plant_holds(fd, slot, bytes, length, at)) {
		if (offset < 0)
			real.lseek(fd, at + (off_t)length, SEEK_SET);
		return verdict.fails ? fault_error() : (ssize_t)length;
	}
	if (verdict.perform || verdict.half)
		done = offset >= 0 ? real.pwrite(fd, bytes, length, offset) : real.write(fd, bytes, length);
	if (done > 0 && at >= 0) {
		iolog_write(trace_log, slot->object, (uint64_t)at, bytes, (size_t)done);
		trace_log->ops[trace_log->op_count - 1].durable = slot->durable && !verdict.fails;
	}
	if (slot->durable)
		plant_release();
	return verdict.fails && !(verdict.half && done > 0) ? fault_error() : done;
}

static ssize_t write_vector(int fd, struct fd_slot *slot, const struct iovec *parts, int count, off_t offset)
{
	size_t length = 0, at = 0;
	unsigned char *flat;
	ssize_t done;
	int i, error;

	for (i = 0; i < count; i++)
		length += parts[i].iov_len;
	flat = iolog_need(length);
	for (i = 0; i < count; i++) {
		if (parts[i].iov_len)
			memcpy(flat + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	done = write_flat(fd, slot, flat, length, offset);
	error = errno;
	free(flat);
	errno = error;
	return done;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	struct fd_slot *slot = trace_enter_fd(fd);
	ssize_t done;

	if (!slot)
		return real.write(fd, bytes, length);
	done = write_flat(fd, slot, bytes, length, -1);
	trace_leave();
	return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	struct fd_slot *slot = trace_enter_fd(fd);
	ssize_t done;

	if (!slot)
		return real.pwrite(fd, bytes, length, offset);
	done = write_flat(fd, slot, bytes, length, offset);
	trace_leave();
	return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
	return pwrite(fd, bytes, length, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	struct fd_slot *slot = trace_enter_fd(fd);
	ssize_t done;

	if (!slot)
		return real.writev(fd, parts, count);
	done = write_vector(fd, slot, parts, count, -1);
	trace_leave();
	return done;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	struct fd_slot *slot = trace_enter_fd(fd);
	ssize_t done;

	if (!slot)
		return real.pwritev(fd, parts, count, offset);
	done = write_vector(fd, slot, parts, count, offset);
	trace_leave();
	return done;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
	return pwritev(fd, parts, count, offset);
}

off_t lseek(int fd, off_t offset, int whence)
{
	struct verdict verdict;
	off_t at = -1;

	if (!trace_enter_fd(fd))
		return real.lseek(fd, offset, whence);
	verdict = fault_verdict(IOTRACE_SEEK);
	if (verdict.perform)
		at = real.lseek(fd, offset, whence);
	if (verdict.fails)
		at = fault_error();
	trace_leave();
	return at;
}

off64_t lseek64(int fd, off64_t offset, int whence)
{
	return lseek(fd, offset, whence);
}

/* ---- sync, size ---------------------------------------------------------------------------------------------- */

static int trace_sync(int fd, int (*call)(int))
{
	struct fd_slot *slot = trace_enter_fd(fd);
	struct verdict verdict;
	int result = -1;

	if (!slot)
		return call(fd);
	if (plant_skips_sync(slot->object)) {
		trace_leave();
		return 0;
	}
	verdict = fault_verdict(IOTRACE_SYNC);
	if (verdict.perform)
		result = call(fd);
	if (result == 0)
		iolog_add(trace_log, IOLOG_SYNC, slot->object);
	if (verdict.fails)
		result = fault_error();
	trace_leave();
	return result;
}

int fsync(int fd)
{
	real_ready();
	return trace_sync(fd, real.fsync);
}

int fdatasync(int fd)
{
	real_ready();
	return trace_sync(fd, real.fdatasync);
}

int msync(void *at, size_t length, int flags)
{
	struct verdict verdict;
	uint32_t object;
	int result = -1;

	if (!trace_enter())
		return real.msync(at, length, flags);
	object = iomap_object(at);
	verdict = fault_verdict(object == IOLOG_NONE ? 0 : IOTRACE_SYNC);
	if (verdict.perform)
		result = real.msync(at, length, flags);
	if (object != IOLOG_NONE && result == 0 && (flags & MS_SYNC)) {
		iomap_capture(trace_log, at);
		iolog_add(trace_log, IOLOG_SYNC, object);
	}
	if (verdict.fails)
		result = fault_error();
	trace_leave();
	return result;
}

int ftruncate(int fd, off_t size)
{
	struct fd_slot *slot = trace_enter_fd(fd);
	struct verdict verdict;
	int result = -1;

	if (!slot)
		return real.ftruncate(fd, size);
	verdict = fault_verdict(IOTRACE_TRUNCATE);
	if (verdict.perform)
		result = real.ftruncate(fd, size);
	if (result == 0)
		iolog_truncate(trace_log, slot->object, (uint64_t)size);
	if (verdict.fails)
		result = fault_error();
	trace_leave();
	return result;
}

int ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

/* ---- names --------------------------------------------------------------------------------------------------- */

int rename(const char *from, const char *to)
{
	char name[256], name_to[256];
	uint32_t parent, parent_to;
	struct verdict verdict;
	int inside, inside_to, result = -1;

	if (!trace_enter())
		return real.rename(from, to);
	inside = path_resolve(AT_FDCWD, from, &parent, name) && parent != IOLOG_NONE;
	inside_to = path_resolve(AT_FDCWD, to, &parent_to, name_to) && parent_to != IOLOG_NONE;
	verdict = fault_verdict(inside || inside_to ? IOTRACE_RENAME : 0);
	if (verdict.perform)
		result = real.rename(from, to);
	if (result == 0 && inside && inside_to)
		iolog_move(trace_log, parent, name, parent_to, name_to);
	else if (result == 0 && (inside || inside_to))
		snprintf(trace_log->broken, sizeof(trace_log->broken), "rename across the followed directory");
	if (verdict.fails)
		result = fault_error();
	trace_leave();
	return result;
}

/* unlink, rmdir: a name goes. */
static int trace_remove(const char *path, int (*call)(const char *), unsigned class_bit)
{
	struct verdict verdict;
	uint32_t parent;
	char name[256];
	int inside, result = -1;

	if (!trace_enter())
		return call(path);
	inside = path_resolve(AT_FDCWD, path, &parent, name) && parent != IOLOG_NONE;
	verdict = fault_verdict(inside ? class_bit : 0);
	if (verdict.perform)
		result = call(path);
	if (result == 0 && inside)
		iolog_remove(trace_log, parent, name);
	if (verdict.fails)
		result = fault_error();
	trace_leave();
	return result;
}

int unlink(const char *path)
{
	real_ready();
	return trace_remove(path, real.unlink, IOTRACE_UNLINK);
}

int rmdir(const char *path)
{
	real_ready();
	return trace_remove(path, real.rmdir, IOTRACE_RMDIR);
}

int mkdir(const char *path, mode_t mode)
{
	struct verdict verdict;
	uint32_t parent;
	char name[256];
	int inside, result = -1;

	if (!trace_enter())
		return real.mkdir(path, mode);
	inside = path_resolve(AT_FDCWD, path, &parent, name) && parent != IOLOG_NONE;
	verdict = fault_verdict(inside ? IOTRACE_MKDIR : 0);
	if (verdict.perform)
		result = real.mkdir(path, mode);
	if (result == 0 && inside)
		iolog_create(trace_log, parent, name, 1);
	if (verdict.fails)
		result = fault_error();
	trace_leave();
	return result;
}

/* ---- maps ---------------------------------------------------------------------------------------------------- */

/* The thread sanitizer maps memory before it can watch anything, and long before our constructor has run. */
#define BEFORE_EVERYTHING __attribute__((no_sanitize("thread")))

static void *plain_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *result = at ? NULL : mapkeep_take(length, protection, flags, fd, offset);

	if (result)
		return result;
	result = real.mmap(at, length, protection, flags, fd, offset);
	mapkeep_made(result, length, protection, flags, fd, offset);
	return result;
}

static void *trace_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	struct fd_slot *slot = trace_enter_fd(fd);
	struct verdict verdict;
	void *result = MAP_FAILED;

	if (!slot)
		return plain_mmap(at, length, protection, flags, fd, offset);
	verdict = fault_verdict(IOTRACE_MAP);
	if (!verdict.fails)
		result = real.mmap(at, length, protection, flags, fd, offset);
	else
		fault_error();
	if (result != MAP_FAILED && (protection & PROT_WRITE) && (flags & MAP_SHARED))
		iomap_add(trace_log, result, length, slot->object, (uint64_t)offset);
	trace_leave();
	return result;
}

BEFORE_EVERYTHING void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (!real.open)
		return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
	if (fd < 0)
		return real.mmap(at, length, protection, flags, fd, offset);
	return trace_mmap(at, length, protection, flags, fd, offset);
}

BEFORE_EVERYTHING void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset)
{
	return mmap(at, length, protection, flags, fd, offset);
}

static int trace_munmap(void *at, size_t length)
{
	int result;

	if (!trace_enter())
		return mapkeep_give(at, length) ? 0 : real.munmap(at, length);
	iomap_capture(trace_log, at);
	iomap_remove(at);
	result = real.munmap(at, length);
	trace_leave();
	return result;
}

BEFORE_EVERYTHING int munmap(void *at, size_t length)
{
	if (!real.open)
		return (int)syscall(SYS_munmap, at, length);
	return trace_munmap(at, length);
}

#pragma GCC visibility pop
