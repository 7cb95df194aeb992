/*
 * sys.c: the real machine behind struct skafu__sys, the helpers over a table, and the fork mark.
 *
 * Mutable state of the process, and why it may exist: the table that a test put in place (NULL otherwise), and the
 * page of the fork mark with its counter.  All are atomics, so any thread may call anything here.
 */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/opts.h"
#include "skafu_base.h"

#define SYS_SECOND_NS INT64_C(1000000000)

/* ---- the real machine ---------------------------------------------------------------------------------------- */

static void *sys_real_allocate(void *user, size_t bytes)
{
	(void)user;
	return malloc(bytes);
}

static void *sys_real_reallocate(void *user, void *block, size_t bytes)
{
	(void)user;
	return realloc(block, bytes);
}

static void sys_real_release(void *user, void *block)
{
	(void)user;
	free(block);
}

static int64_t sys_clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * SYS_SECOND_NS + (int64_t)now.tv_nsec;
}

static int64_t sys_real_wall_ns(void)
{
	return sys_clock_ns(CLOCK_REALTIME);
}

static int64_t sys_real_wall_tick_ns(void)
{
	int64_t now_ns = sys_clock_ns(CLOCK_REALTIME_COARSE);

	return now_ns != 0 ? now_ns : sys_real_wall_ns(); /* a system may lack that clock */
}

static int64_t sys_real_monotonic_ns(void)
{
	return sys_clock_ns(CLOCK_MONOTONIC);
}

static int sys_real_random(void *out, size_t bytes)
{
	uint8_t *at = out;

	while (bytes > 0) {
		ssize_t got = getrandom(at, bytes, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		at += got;
		bytes -= (size_t)got;
	}
	return 0;
}

/* No descriptor of the library may leak into a program that the host starts. */
static int sys_real_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags | O_CLOEXEC, mode);
}

/* The operation is not the private one: the words lie in a page that several processes share. */
static int sys_real_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	/* What SYS_futex reads is two longs, also where time_t is wider than a long. */
	struct {
		long seconds;
		long nanoseconds;
	} timeout = {0, 0};
	int64_t seconds = timeout_ns / SYS_SECOND_NS;

	if (timeout_ns < 0)
		return syscall(SYS_futex, word, FUTEX_WAIT, expected, NULL, NULL, 0) < 0 ? -1 : 0;
	timeout.seconds = seconds > LONG_MAX ? LONG_MAX : (long)seconds;
	timeout.nanoseconds = (long)(timeout_ns % SYS_SECOND_NS);
	return syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, NULL, 0) < 0 ? -1 : 0;
}

static int sys_real_futex_wake(uint32_t *word, int how_many)
{
	return (int)syscall(SYS_futex, word, FUTEX_WAKE, how_many, NULL, NULL, 0);
}

static int sys_real_poll(int fd, int64_t timeout_ns)
{
	struct pollfd watched = {.fd = fd, .events = POLLIN};
	struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / SYS_SECOND_NS),
				   .tv_nsec = (long)(timeout_ns % SYS_SECOND_NS)};

	return ppoll(&watched, 1, timeout_ns < 0 ? NULL : &timeout, NULL);
}

static int sys_real_storage(uint32_t what)
{
	(void)what;
	return 0;
}

static int sys_forget(int fd)
{
	return posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static const struct skafu__sys sys_real = {
	.user = NULL,
	.allocate = sys_real_allocate,
	.reallocate = sys_real_reallocate,
	.release = sys_real_release,
	.wall_ns = sys_real_wall_ns,
	.wall_tick_ns = sys_real_wall_tick_ns,
	.monotonic_ns = sys_real_monotonic_ns,
	.random = sys_real_random,
	.open = sys_real_open,
	.close = close,
	.read = read,
	.pread = pread,
	.pwrite = pwrite,
	.ftruncate = ftruncate,
	.fstat = fstat,
	.stat = stat,
	.fsync = fsync,
	.fdatasync = fdatasync,
	.forget = sys_forget,
	.rename = rename,
	.unlink = unlink,
	.mkdir = mkdir,
	.rmdir = rmdir,
	.futex_wait = sys_real_futex_wait,
	.futex_wake = sys_real_futex_wake,
	.poll = sys_real_poll,
	.storage = sys_real_storage,
};

/* ---- which table --------------------------------------------------------------------------------------------- */

static _Atomic(const struct skafu__sys *) sys_test_table;

const struct skafu__sys *skafu__sys_current(void)
{
	const struct skafu__sys *table = atomic_load_explicit(&sys_test_table, memory_order_acquire);

	return table ? table : &sys_real;
}

void skafu__sys_override(const struct skafu__sys *table)
{
	atomic_store_explicit(&sys_test_table, table, memory_order_release);
}

int32_t skafu__sys_init(struct skafu__sys *out, const struct skafu_allocator *allocator)
{
	struct skafu_allocator known;
	int32_t result = skafu__opts_read(&known, sizeof known, allocator, "allocator", NULL);
	int given = 0;

	if (result < 0)
		return result;
	if (known.reserved != 0)
		return SKAFU_EOPTION;
	given = (known.allocate != NULL) + (known.reallocate != NULL) + (known.release != NULL);
	if (given != 0 && given != 3)
		return SKAFU_EOPTION;
	*out = *skafu__sys_current();
	if (given == 3) {
		out->user = known.user;
		out->allocate = known.allocate;
		out->reallocate = known.reallocate;
		out->release = known.release;
	}
	return SKAFU_OK;
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

/* A block of 0 bytes would let an allocator answer NULL, which here means failure; and no object may be larger than
 * a pointer difference can say. */
static size_t sys_block_bytes(size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total) || total > PTRDIFF_MAX)
		return 0;
	return total == 0 ? 1 : total;
}

void *skafu__alloc(const struct skafu__sys *sys, size_t bytes)
{
	size_t total = sys_block_bytes(1, bytes);

	return total == 0 ? NULL : sys->allocate(sys->user, total);
}

void *skafu__alloc_zeroed(const struct skafu__sys *sys, size_t count, size_t bytes)
{
	size_t total = sys_block_bytes(count, bytes);
	void *block = total == 0 ? NULL : sys->allocate(sys->user, total);

	if (block)
		memset(block, 0, total);
	return block;
}

void *skafu__realloc_array(const struct skafu__sys *sys, void *block, size_t count, size_t bytes)
{
	size_t total = sys_block_bytes(count, bytes);

	if (total == 0)
		return NULL;
	if (!block)
		return sys->allocate(sys->user, total);
	return sys->reallocate(sys->user, block, total);
}

char *skafu__strdup(const struct skafu__sys *sys, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = skafu__alloc(sys, bytes);

	if (copy)
		memcpy(copy, text, bytes);
	return copy;
}

void skafu__free(const struct skafu__sys *sys, void *block)
{
	if (block)
		sys->release(sys->user, block);
}

/* ---- whole transfers ----------------------------------------------------------------------------------------- */

/* The kernel takes offsets up to the largest off_t; past it, the sum would be undefined. */
static int sys_range_fits(size_t bytes, off_t offset)
{
	off_t end;

	if (offset < 0 || bytes > SSIZE_MAX || __builtin_add_overflow(offset, bytes, &end)) {
		errno = EINVAL;
		return 0;
	}
	return 1;
}

int skafu__open_in(const struct skafu__sys *sys, const char *directory, const char *name, int flags)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%s/%s", directory, name);

	if (length < 0 || (size_t)length >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return sys->open(path, flags, 0);
}

ssize_t skafu__read_at(const struct skafu__sys *sys, int fd, void *buffer, size_t bytes, off_t offset)
{
	uint8_t *at = buffer;
	size_t done = 0;

	if (!sys_range_fits(bytes, offset))
		return -1;
	while (done < bytes) {
		ssize_t got = sys->pread(fd, at + done, bytes - done, offset + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int skafu__write_at(const struct skafu__sys *sys, int fd, const void *buffer, size_t bytes, off_t offset)
{
	const uint8_t *at = buffer;
	size_t done = 0;

	if (!sys_range_fits(bytes, offset))
		return -1;
	while (done < bytes) {
		ssize_t put = sys->pwrite(fd, at + done, bytes - done, offset + (off_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		if (put == 0) { /* no file system should; going on could go on for ever */
			errno = EIO;
			return -1;
		}
		done += (size_t)put;
	}
	return 0;
}

/* ---- deadlines ----------------------------------------------------------------------------------------------- */

int64_t skafu__deadline(const struct skafu__sys *sys, uint64_t timeout_ns)
{
	int64_t deadline;

	if (timeout_ns == SKAFU_WAIT_FOREVER)
		return INT64_MAX;
	/* A finite timeout stays finite, however long: INT64_MAX is taken. */
	if (__builtin_add_overflow(sys->monotonic_ns(), timeout_ns, &deadline) || deadline == INT64_MAX)
		return INT64_MAX - 1;
	return deadline;
}

int64_t skafu__time_left(const struct skafu__sys *sys, int64_t deadline)
{
	int64_t left;
	int64_t now;

	if (deadline == INT64_MAX)
		return -1;
	now = sys->monotonic_ns();
	if (deadline <= now)
		return 0;
	return __builtin_sub_overflow(deadline, now, &left) ? INT64_MAX : left;
}

/* ---- the fork mark ------------------------------------------------------------------------------------------- */

/*
 * One page that the kernel empties in a child (MADV_WIPEONFORK) holds the mark; 0 there means "I am new here".  The
 * counter lies outside that page, so a child inherits it and takes the next number: no mark of an ancestor comes
 * back, which process ids may.  Where the kernel cannot do it, the process id has to serve.
 */
struct sys_fork_page {
	_Atomic uint64_t mark;
};

static _Atomic(struct sys_fork_page *) sys_fork_at;
static _Atomic uint64_t sys_fork_count;
static struct sys_fork_page sys_fork_none; /* its address says that there is no such page */

static struct sys_fork_page *sys_fork_make(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct sys_fork_page *expected = NULL;
	struct sys_fork_page *page = &sys_fork_none;
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map != MAP_FAILED) {
		if (madvise(map, bytes, MADV_WIPEONFORK) == 0)
			page = map;
		else
			munmap(map, bytes);
	}
	if (atomic_compare_exchange_strong(&sys_fork_at, &expected, page))
		return page;
	if (page != &sys_fork_none)
		munmap(map, bytes);
	return expected;
}

uint64_t skafu__fork_mark(void)
{
	struct sys_fork_page *page = atomic_load_explicit(&sys_fork_at, memory_order_acquire);
	uint64_t mark;

	if (!page)
		page = sys_fork_make();
	if (page == &sys_fork_none)
		return (uint64_t)getpid();
	mark = atomic_load_explicit(&page->mark, memory_order_acquire);
	if (mark == 0) {
		uint64_t fresh = atomic_fetch_add(&sys_fork_count, 1) + 1;

		if (atomic_compare_exchange_strong(&page->mark, &mark, fresh))
			mark = fresh;
	}
	return mark;
}
