/*
 * failing.c: failing the n-th call, see failing.h.
 *
 * malloc and its kin are defined here on top of glibc's internal names, so that nothing has to be looked up and a
 * failing malloc can not be met while the real one is being found.  Memory of the harness itself never counts.
 */
#undef _FORTIFY_SOURCE
#include "fault/failing.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define FAILING_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAILING_SANITIZED 1
#endif

/* One counter for whatever is not a file call. */
static struct {
	atomic_int armed; /* enum failing_what + 1 */
	atomic_int from_then_on;
	_Atomic uint64_t nth, calls, failures;
	atomic_int error;
} count;

static struct {
	_Atomic int64_t blocks, bytes;
} outstanding;

static int time_flies;
static int64_t time_flown_ns;

static const struct skafu__sys *real_table;
static struct skafu__sys counting_table;

/* 1 when this call is to fail. */
static int count_call(enum failing_what what)
{
	uint64_t call;

	if (atomic_load_explicit(&count.armed, memory_order_relaxed) != (int)what + 1 || iotrace_inside)
		return 0;
	call = atomic_fetch_add(&count.calls, 1) + 1;
	if (call != count.nth && !(count.from_then_on && call > count.nth))
		return 0;
	atomic_fetch_add(&count.failures, 1);
	return 1;
}

void failing_pause(void)
{
	iotrace_inside++;
}

void failing_resume(void)
{
	iotrace_inside--;
}

/* ---- malloc -------------------------------------------------------------------------------------------------- */

#ifndef FAILING_SANITIZED
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

#pragma GCC visibility push(default)

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t bytes)
{
	return count_call(FAILING_MALLOC) ? no_memory() : __libc_malloc(bytes);
}

void *calloc(size_t number, size_t bytes)
{
	return count_call(FAILING_MALLOC) ? no_memory() : __libc_calloc(number, bytes);
}

void *realloc(void *block, size_t bytes)
{
	return count_call(FAILING_MALLOC) ? no_memory() : __libc_realloc(block, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
	void *block;

	if (alignment % sizeof(void *) || (alignment & (alignment - 1)) || !alignment)
		return EINVAL;
	block = count_call(FAILING_MALLOC) ? NULL : __libc_memalign(alignment, bytes);
	if (!block)
		return ENOMEM;
	*out = block;
	return 0;
}

#pragma GCC visibility pop
#endif

int failing_has_malloc(void)
{
	void *(*volatile allocate)(size_t) = malloc; /* through the symbol, as everybody else calls it */
	void *volatile block;
	uint64_t calls;

	count.calls = 0;
	count.nth = 0;
	count.from_then_on = 0;
	count.armed = (int)FAILING_MALLOC + 1;
	block = allocate(1);
	count.armed = 0;
	calls = count.calls;
	free(block);
	return calls == 1;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

/* The table's memory does not count as malloc: it has a class of its own. */
static void *table_allocate(void *user, size_t bytes)
{
	void *block = NULL;

	(void)user;
	if (!count_call(FAILING_ALLOCATION)) {
		failing_pause();
		block = malloc(bytes);
		failing_resume();
	}
	if (block) {
		atomic_fetch_add(&outstanding.blocks, 1);
		atomic_fetch_add(&outstanding.bytes, (int64_t)malloc_usable_size(block));
	}
	return block;
}

static void *table_reallocate(void *user, void *block, size_t bytes)
{
	int64_t was = block ? (int64_t)malloc_usable_size(block) : -1;
	void *bigger;

	(void)user;
	if (count_call(FAILING_ALLOCATION))
		return NULL;
	failing_pause();
	bigger = realloc(block, bytes);
	failing_resume();
	if (bigger) {
		atomic_fetch_add(&outstanding.blocks, was < 0);
		atomic_fetch_add(&outstanding.bytes, (int64_t)malloc_usable_size(bigger) - (was < 0 ? 0 : was));
	}
	return bigger;
}

static void table_release(void *user, void *block)
{
	(void)user;
	if (block) {
		atomic_fetch_sub(&outstanding.blocks, 1);
		atomic_fetch_sub(&outstanding.bytes, (int64_t)malloc_usable_size(block));
	}
	free(block);
}

static int table_error(void)
{
	errno = count.error;
	return -1;
}

static int table_stat(const char *path, struct stat *out)
{
	return count_call(FAILING_STAT) ? table_error() : real_table->stat(path, out);
}

static int table_fstat(int fd, struct stat *out)
{
	return count_call(FAILING_STAT) ? table_error() : real_table->fstat(fd, out);
}

static int table_random(void *out, size_t bytes)
{
	return count_call(FAILING_RANDOM) ? table_error() : real_table->random(out, bytes);
}

/* ---- time ----------------------------------------------------------------------------------------------------- */

static int64_t table_wall_ns(void)
{
	return real_table->wall_ns() + time_flown_ns;
}

static int64_t table_monotonic_ns(void)
{
	return real_table->monotonic_ns() + time_flown_ns;
}

static int table_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	if (timeout_ns < 0)
		return real_table->futex_wait(word, expected, timeout_ns);
	time_flown_ns += timeout_ns;
	errno = ETIMEDOUT;
	return -1;
}

static int table_poll(int fd, int64_t timeout_ns)
{
	int ready = real_table->poll(fd, timeout_ns < 0 ? timeout_ns : 0);

	if (ready == 0)
		time_flown_ns += timeout_ns;
	return ready;
}

void failing_time_flies(int does)
{
	time_flies = does;
}

static void table_take_time(void)
{
	counting_table.wall_ns = table_wall_ns;
	counting_table.wall_tick_ns = table_wall_ns;
	counting_table.monotonic_ns = table_monotonic_ns;
	counting_table.futex_wait = table_futex_wait;
	counting_table.poll = table_poll;
}

void failing_table_put(void)
{
	skafu__sys_override(NULL);
	real_table = skafu__sys_current();
	counting_table = *real_table;
	counting_table.user = NULL;
	counting_table.allocate = table_allocate;
	counting_table.reallocate = table_reallocate;
	counting_table.release = table_release;
	counting_table.stat = table_stat;
	counting_table.fstat = table_fstat;
	counting_table.random = table_random;
	if (time_flies)
		table_take_time();
	outstanding.blocks = 0;
	outstanding.bytes = 0;
	skafu__sys_override(&counting_table);
}

void failing_table_remove(void)
{
	skafu__sys_override(NULL);
}

/* ---- leaks --------------------------------------------------------------------------------------------------- */

static int descriptors_open(void)
{
	struct dirent *entry;
	DIR *list;
	int open_now = 0;

	failing_pause();
	list = opendir("/proc/self/fd");
	while (list && (entry = readdir(list)) != NULL)
		open_now += entry->d_name[0] != '.';
	if (list)
		closedir(list);
	failing_resume();
	return open_now;
}

struct failing_ledger failing_ledger_now(void)
{
	struct failing_ledger now;

	now.blocks = outstanding.blocks;
	now.bytes = outstanding.bytes;
	now.descriptors = descriptors_open();
	return now;
}

int failing_ledger_leaks(const struct failing_ledger *before, char *why, size_t room)
{
	struct failing_ledger now = failing_ledger_now();

	if (now.blocks == before->blocks && now.bytes == before->bytes && now.descriptors == before->descriptors)
		return 0;
	snprintf(why, room, "left behind: %lld blocks, %lld bytes, %d descriptors",
		 (long long)(now.blocks - before->blocks), (long long)(now.bytes - before->bytes),
		 now.descriptors - before->descriptors);
	return 1;
}

/* ---- the driver ---------------------------------------------------------------------------------------------- */

const char *failing_name(enum failing_what what)
{
	if (what == FAILING_ALLOCATION)
		return "allocation";
	if (what == FAILING_MALLOC)
		return "malloc";
	if (what == FAILING_STAT)
		return "stat";
	if (what == FAILING_RANDOM)
		return "random";
	return iotrace_class_name(1u << (what - FAILING_OPEN));
}

static int what_is_file(enum failing_what what)
{
	return what >= FAILING_OPEN && what <= FAILING_MAP;
}

static void arm(const struct failing_case *which)
{
	struct iotrace_fault fault;

	count.calls = 0;
	count.failures = 0;
	count.nth = which->nth;
	count.from_then_on = which->from_then_on;
	count.error = which->error;
	if (!what_is_file(which->what)) {
		count.armed = (int)which->what + 1;
		return;
	}
	fault.classes = 1u << (which->what - FAILING_OPEN);
	fault.nth = which->nth;
	fault.from_then_on = which->from_then_on;
	fault.how = which->how;
	fault.error = which->error;
	iotrace_fail(&fault);
}

/* How many calls were made to fail. */
static uint64_t disarm(const struct failing_case *which)
{
	count.armed = 0;
	if (!what_is_file(which->what))
		return count.failures;
	iotrace_fail(NULL);
	return iotrace_failures();
}

static int act_and_check(const struct failing_test *test, struct failing_case *which, char *why, size_t room)
{
	struct failing_ledger before;
	int result, bad;

	failing_table_put();
	before = failing_ledger_now();
	if (test->prepare && test->prepare(test->user) != 0) {
		snprintf(why, room, "prepare failed");
		failing_table_remove();
		return 1;
	}
	arm(which);
	result = test->act(test->user);
	which->hit = disarm(which) != 0;
	bad = test->check ? test->check(test->user, which, result, why, room) : 0;
	if (!bad)
		bad = failing_ledger_leaks(&before, why, room);
	failing_table_remove();
	return bad;
}

static int one_run(const struct failing_test *test, struct failing_case *which, char *why, size_t room)
{
	struct iolog *log;
	int bad;

	if (test->root && test->log)
		iotrace_start(test->root);
	else if (test->root)
		iotrace_start_thin(test->root);
	bad = act_and_check(test, which, why, room);
	log = test->root ? iotrace_stop() : NULL;
	if (!bad && log && test->log)
		bad = test->log(test->user, which, log, why, room);
	iolog_free(log);
	return bad;
}

static void describe(const struct failing_case *which, const char *why, struct failing_report *report)
{
	static const char *const hows[] = {"not done", "done but reported as failed", "short"};

	if (report->first[0])
		return;
	snprintf(report->first, sizeof(report->first), "%s %llu fails %s (%s, %s): %.200s", failing_name(which->what),
		 (unsigned long long)which->nth, which->from_then_on ? "and all after it" : "once",
		 what_is_file(which->what) ? hows[which->how] : "not done", strerror(which->error), why);
}

/* SKAFU_TEST_SCALE: how many times slower this program is than it should be, so many sites fewer.  Where a sanitizer
 * makes everything slow, what is sampled anyway is sampled more thinly. */
static uint64_t stride_of(const struct failing_test *test)
{
	const char *scale = getenv("SKAFU_TEST_SCALE");
	uint64_t slower = scale && *scale ? strtoull(scale, NULL, 10) : 1;

	if (test->stride > 1 && getenv("CK_TIMEOUT_MULTIPLIER"))
		slower *= 3;

	return (test->stride ? test->stride : 1) * (slower ? slower : 1);
}

uint64_t failing_case_run(const struct failing_test *test, const struct failing_case *which,
			  struct failing_report *report)
{
	uint64_t nth_max = test->nth_max ? test->nth_max : 20000;
	uint64_t stride = stride_of(test);
	uint64_t first_few = stride > 20 ? 1 : 4;
	struct failing_case now = *which;
	char why[300] = "";

	if ((now.what == FAILING_MALLOC && !failing_has_malloc()) || (what_is_file(now.what) && !test->root))
		return 0;
	for (now.nth = 1;; now.nth += now.nth > first_few ? stride : 1) {
		int bad;

		now.hit = 0;
		bad = one_run(test, &now, why, sizeof(why));
		if (!bad && now.nth > nth_max) {
			snprintf(why, sizeof(why), "still more calls after %llu", (unsigned long long)nth_max);
			bad = 1;
		}
		report->runs += (uint64_t)now.hit;
		if (bad) {
			describe(&now, why, report);
			report->failures++;
			return 1;
		}
		if (!now.hit)
			return 0;
	}
}

/* Reading, seeking and closing need no room on the disk. */
static int what_takes_room(enum failing_what what)
{
	return what != FAILING_READ && what != FAILING_SEEK && what != FAILING_CLOSE;
}

/* Once and from then on.  A call that is never made once is never made: 0 then. */
static int once_and_on(const struct failing_test *test, struct failing_case *which, struct failing_report *report)
{
	uint64_t runs = report->runs;
	uint64_t failures = report->failures;

	which->from_then_on = 0;
	failing_case_run(test, which, report);
	if (report->runs == runs && report->failures == failures)
		return 0;
	which->from_then_on = 1;
	failing_case_run(test, which, report);
	return 1;
}

static void file_cases(const struct failing_test *test, enum failing_what what, struct failing_report *report)
{
	int how_last = what == FAILING_READ || what == FAILING_WRITE ? IOTRACE_SHORT : IOTRACE_DONE;
	struct failing_case which;
	int how;

	memset(&which, 0, sizeof(which));
	which.what = what;
	for (how = IOTRACE_NOT_DONE; how <= how_last; how++) {
		which.how = (enum iotrace_how)how;
		which.error = EIO;
		if (!once_and_on(test, &which, report))
			return;
		which.error = ENOSPC;
		if (what_takes_room(what))
			once_and_on(test, &which, report);
	}
}

uint64_t failing_run(const struct failing_test *test, struct failing_report *report)
{
	uint64_t before = report->failures;
	struct failing_case which;
	int what;

	memset(&which, 0, sizeof(which));
	for (what = 0; what < FAILING_WHATS; what++) {
		if (what_is_file((enum failing_what)what)) {
			file_cases(test, (enum failing_what)what, report);
			continue;
		}
		which.what = (enum failing_what)what;
		which.error = what == FAILING_ALLOCATION || what == FAILING_MALLOC ? ENOMEM : EIO;
		once_and_on(test, &which, report);
	}
	return report->failures - before;
}
