#include "store/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define CONTROL_BYTES 4096
#define CONTROL_MAGIC 0x50434b53u
#define CONTROL_VERSION 1u
#define CONTROL_LOCK_WRITER 0
#define CONTROL_LOCK_PRESENT 1
#define CONTROL_LOCK_ADMITTED 2
#define CONTROL_ODD_SLEEP_NS 10000000 /* how long to believe that a commit is being written */
#define CONTROL_OPEN_WAIT_NS 5000000000
#define CONTROL_RETRY_MIN_NS 20000
#define CONTROL_RETRY_MAX_NS 2000000

struct skafu__control_page {
	uint32_t magic;
	uint32_t version;
	uint8_t birth[16];
	uint64_t pid_namespace;
	_Atomic uint32_t poison;
	_Atomic uint32_t word;
	_Atomic uint32_t sleepers;
	_Atomic uint32_t watchers;
	_Atomic uint32_t clean;
};

/* ---- kernel locks -------------------------------------------------------------------------------------------- */

static int control_try_lock(const struct skafu__control *control, int byte, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	int rc;
	do
		rc = fcntl(control->fd, F_SETLK, &lock);
	while (rc != 0 && errno == EINTR);
	return rc;
}

/* A sleep that a test can see: on a word that nobody wakes. */
static void control_pause(const struct skafu__sys *sys, int64_t pause_ns)
{
	uint32_t word = 0;
	sys->futex_wait(&word, 0, pause_ns);
}

static int64_t control_holder(const struct skafu__control *control, int byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	if (fcntl(control->fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

/* By another process, whatever namespace its number is of. */
static int control_is_held(const struct skafu__control *control, int byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return fcntl(control->fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int control_lock_is_held(int errno_value)
{
	return errno_value == EACCES || errno_value == EAGAIN;
}

/* Retry with growing pauses: POSIX locks have no deadline of their own.  0, or errno. */
static int control_lock_until(const struct skafu__control *control, int byte, short type, int64_t deadline)
{
	int64_t pause_ns = CONTROL_RETRY_MIN_NS;
	while (control_try_lock(control, byte, type) != 0) {
		if (!control_lock_is_held(errno))
			return errno;
		int64_t left = skafu__time_left(control->sys, deadline);
		if (left == 0)
			return EAGAIN;
		int64_t sleep_ns = left > 0 && left < pause_ns ? left : pause_ns;
		control_pause(control->sys, sleep_ns);
		if (pause_ns < CONTROL_RETRY_MAX_NS)
			pause_ns *= 2;
	}
	return 0;
}

/* ---- open ---------------------------------------------------------------------------------------------------- */

static uint64_t control_pid_namespace(const struct skafu__sys *sys)
{
	struct stat status;
	return sys->stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino : 0;
}

static char *control_join(const struct skafu__sys *sys, const char *directory, const char *name)
{
	size_t bytes = strlen(directory) + strlen(name) + 2;
	char *path = skafu__alloc(sys, bytes);
	if (path)
		snprintf(path, bytes, "%s/%s", directory, name);
	return path;
}

/* A process that dies in the middle of it leaves a poison mark where it was. */
static void control_make_page(struct skafu__control *control)
{
	struct skafu__control_page *page = control->page;
	control->was_poisoned = page->magic == CONTROL_MAGIC && atomic_load(&page->poison) != 0;
	control->was_clean = page->magic == CONTROL_MAGIC && atomic_load(&page->clean) == 1;
	atomic_store(&page->clean, 0u);
	if (!control->was_poisoned)
		atomic_store(&page->poison, 0u);
	atomic_store(&page->word, 0u);
	atomic_store(&page->sleepers, 0u);
	atomic_store(&page->watchers, 0u);
	memset(page->birth, 0, sizeof page->birth);
	page->pid_namespace = control_pid_namespace(control->sys);
	page->version = CONTROL_VERSION;
	page->magic = CONTROL_MAGIC;
}

static int32_t control_wrong_page(const struct skafu__control *control, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED, "%s is not the control page of this store; close the store in all "
			   "processes and open it again, which makes a new one", control->path);
}

static int32_t control_check_page(const struct skafu__control *control, skafu_error *error)
{
	const struct skafu__control_page *page = control->page;
	if (page->magic != CONTROL_MAGIC || page->version != CONTROL_VERSION)
		return control_wrong_page(control, error);
	if (page->pid_namespace != control_pid_namespace(control->sys))
		return skafu__fail(error, SKAFU_EUNSUPPORTED,
				   "the store is open in another pid namespace (container); "
				   "processes that share a store must share a pid namespace");
	return 0;
}

int32_t skafu__control_join_birth(struct skafu__control *control, const uint8_t birth[16], skafu_error *error)
{
	if (control->was_first)
		memcpy(control->page->birth, birth, sizeof control->page->birth);
	if (memcmp(control->page->birth, birth, sizeof control->page->birth) != 0)
		return control_wrong_page(control, error);
	return 0;
}

static int32_t control_open_files(struct skafu__control *control, const char *directory, skafu_error *error)
{
	const struct skafu__sys *sys = control->sys;
	struct stat status;
	control->path = control_join(sys, directory, "control");
	control->wake_path = control_join(sys, directory, "wake");
	if (!control->path || !control->wake_path)
		return skafu__fail_memory(error);
	control->fd = sys->open(control->path, O_RDWR | O_CREAT, 0640);
	if (control->fd < 0)
		return skafu__fail_os(error, errno, "opening %s", control->path);
	if (sys->fstat(control->fd, &status) != 0)
		return skafu__fail_os(error, errno, "looking at %s", control->path);
	control->device = status.st_dev;
	control->inode = status.st_ino;
	control->wake_fd = sys->open(control->wake_path, O_RDWR | O_CREAT, 0640);
	if (control->wake_fd < 0)
		return skafu__fail_os(error, errno, "opening %s", control->wake_path);
	if (status.st_size < CONTROL_BYTES && sys->ftruncate(control->fd, CONTROL_BYTES) != 0)
		return skafu__fail_os(error, errno, "writing %s", control->path);
	return 0;
}

static int32_t control_lock_failed(const struct skafu__control *control, int errno_value, skafu_error *error)
{
	if (!control_lock_is_held(errno_value))
		return skafu__fail_os(error, errno_value, "locking %s", control->path);
	int64_t pid = control_holder(control, CONTROL_LOCK_PRESENT);
	skafu__fail(error, SKAFU_EBUSY, "process %lld is opening the store and has not finished; try again",
		    (long long)pid);
	skafu__error_set_pid(error, pid);
	return SKAFU_EBUSY;
}

/* Be the first, or join those who are in.  Whoever waited for a first opener that then failed or died has nobody to
 * join: the page is not made and the log not looked at, so all who waited begin anew, and one becomes the first. */
static int32_t control_take_place(struct skafu__control *control, skafu_error *error)
{
	int64_t deadline = skafu__deadline(control->sys, CONTROL_OPEN_WAIT_NS);
	long pause_ns = CONTROL_RETRY_MIN_NS;
	for (;;) {
		control->was_first = control_try_lock(control, CONTROL_LOCK_PRESENT, F_WRLCK) == 0;
		if (control->was_first)
			return 0;
		int rc = control_lock_until(control, CONTROL_LOCK_PRESENT, F_RDLCK, deadline);
		if (rc == 0 && control_is_held(control, CONTROL_LOCK_ADMITTED))
			rc = control_try_lock(control, CONTROL_LOCK_ADMITTED, F_RDLCK) == 0 ? 0 : errno;
		else if (rc == 0)
			rc = ESRCH;
		if (rc != ESRCH)
			return rc ? control_lock_failed(control, rc, error) : 0;
		control_try_lock(control, CONTROL_LOCK_PRESENT, F_UNLCK);
		if (skafu__time_left(control->sys, deadline) == 0)
			return control_lock_failed(control, EAGAIN, error);
		/* Two that try in step would keep each other out: their numbers differ. */
		control_pause(control->sys, pause_ns + getpid() % 97 * 1000L);
		pause_ns = pause_ns < CONTROL_RETRY_MAX_NS ? pause_ns * 2 : pause_ns;
	}
}

/* A page that was made by ftruncate may have no block; the first touch of its map would then be a SIGBUS on a full
 * disk. Writing what it holds takes the block; the first opener is alone with it. */
static int32_t control_own_block(const struct skafu__control *control, skafu_error *error)
{
	uint8_t bytes[CONTROL_BYTES] = {0};
	if (skafu__read_at(control->sys, control->fd, bytes, sizeof bytes, 0) < 0)
		return skafu__fail_os(error, errno, "reading %s", control->path);
	if (skafu__write_at(control->sys, control->fd, bytes, sizeof bytes, 0) != 0)
		return skafu__fail_os(error, errno, "writing %s", control->path);
	return 0;
}

static int32_t control_enter(struct skafu__control *control, skafu_error *error)
{
	int32_t rc = control_take_place(control, error);
	if (rc == 0 && control->was_first)
		rc = control_own_block(control, error);
	if (rc != 0)
		return rc;
	void *page = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, control->fd, 0);
	if (page == MAP_FAILED)
		return skafu__fail_os(error, errno, "mapping %s", control->path);
	control->page = page;
	if (!control->was_first)
		return control_check_page(control, error);
	control_make_page(control);
	return 0;
}

int32_t skafu__control_open(struct skafu__control *control, const struct skafu__sys *sys, const char *directory,
			    skafu_error *error)
{
	memset(control, 0, sizeof *control);
	control->sys = sys;
	control->fd = -1;
	control->wake_fd = -1;
	int32_t rc = control_open_files(control, directory, error);
	if (rc == 0)
		rc = control_enter(control, error);
	if (rc != 0)
		skafu__control_close(control);
	return rc;
}

void skafu__control_forgive(struct skafu__control *control)
{
	if (control->was_first)
		atomic_store(&control->page->poison, 0u);
}

int32_t skafu__control_admit_others(struct skafu__control *control, skafu_error *error)
{
	control->is_in_use = 1;
	if (!control->was_first || control->fd < 0)
		return 0;
	skafu__control_forgive(control);
	if (control_try_lock(control, CONTROL_LOCK_ADMITTED, F_RDLCK) != 0 ||
	    control_try_lock(control, CONTROL_LOCK_PRESENT, F_RDLCK) != 0)
		return skafu__fail_os(error, errno, "locking %s", control->path);
	return 0;
}

int32_t skafu__control_open_private(struct skafu__control *control, const struct skafu__sys *sys, skafu_error *error)
{
	memset(control, 0, sizeof *control);
	control->sys = sys;
	control->fd = -1;
	control->wake_fd = -1;
	control->was_first = 1;
	void *page = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return skafu__fail_os(error, errno, "mapping a page");
	control->page = page;
	return 0;
}

/* Whoever can have the store alone is the last. */
static void control_leave(struct skafu__control *control)
{
	if (control->page && control->fd >= 0 && control->is_in_use &&
	    control_try_lock(control, CONTROL_LOCK_PRESENT, F_WRLCK) == 0)
		atomic_store(&control->page->clean, 1u);
}

void skafu__control_close(struct skafu__control *control)
{
	control_leave(control);
	if (control->page)
		munmap(control->page, CONTROL_BYTES);
	if (control->wake_fd >= 0)
		control->sys->close(control->wake_fd);
	if (control->fd >= 0)
		control->sys->close(control->fd); /* gives up all locks */
	skafu__free(control->sys, control->path);
	skafu__free(control->sys, control->wake_path);
	control->page = NULL;
	control->path = NULL;
	control->wake_path = NULL;
	control->fd = -1;
	control->wake_fd = -1;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static int32_t control_was_lost(const struct skafu__control *control, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED, "%s was deleted, replaced or cut while the store is open; close "
			   "the store in all processes and open it again", control->path);
}

static int32_t control_check_file(const struct skafu__control *control, skafu_error *error)
{
	struct stat status;
	if (control->fd < 0)
		return 0;
	if (control->sys->fstat(control->fd, &status) != 0)
		return skafu__fail_os(error, errno, "looking at %s", control->path);
	return status.st_nlink == 0 || status.st_size < CONTROL_BYTES ? control_was_lost(control, error) : 0;
}

int32_t skafu__control_check_path(const struct skafu__control *control, skafu_error *error)
{
	struct stat status;
	if (!control->path)
		return 0;
	int rc = control->sys->stat(control->path, &status);
	if (rc != 0 && errno != ENOENT && errno != ENOTDIR)
		return skafu__fail_os(error, errno, "looking at %s", control->path);
	return rc == 0 && status.st_dev == control->device && status.st_ino == control->inode
		       ? 0
		       : control_was_lost(control, error);
}

static int32_t control_may_write(struct skafu__control *control, skafu_error *error)
{
	int32_t rc = control_check_file(control, error); /* before the page is touched, which may be gone with it */
	if (rc == 0 && atomic_load(&control->page->poison) != 0)
		return skafu__fail(error, SKAFU_EPOISONED,
				   "an earlier write had an unknown outcome; close the store in "
				   "all processes and open it again");
	return rc;
}

int32_t skafu__control_lock(struct skafu__control *control, int64_t deadline, skafu_error *error)
{
	int rc = control->fd < 0 ? 0 : control_lock_until(control, CONTROL_LOCK_WRITER, F_WRLCK, deadline);
	if (rc != 0 && !control_lock_is_held(rc))
		return skafu__fail_os(error, rc, "locking %s", control->path);
	if (rc != 0) {
		int64_t pid = control_holder(control, CONTROL_LOCK_WRITER);
		skafu__fail(error, SKAFU_EBUSY,
			    "process %lld is writing to the store and did not finish in time; try "
			    "again, or allow more time",
			    (long long)pid);
		skafu__error_set_pid(error, pid);
		return SKAFU_EBUSY;
	}
	int32_t result = control_may_write(control, error);
	if (result != 0)
		skafu__control_unlock(control);
	return result;
}

void skafu__control_unlock(struct skafu__control *control)
{
	if (control->fd >= 0)
		control_try_lock(control, CONTROL_LOCK_WRITER, F_UNLCK);
}

void skafu__control_poison(struct skafu__control *control)
{
	atomic_store(&control->page->poison, 1u);
}

/* ---- waking -------------------------------------------------------------------------------------------------- */

static void control_set_word(struct skafu__control *control, uint32_t odd)
{
	struct skafu__control_page *page = control->page;
	uint32_t word = atomic_load(&page->word);
	uint32_t next;
	/* Others add to it too (skafu__control_wake_all), and a value that a sleeper took must not come back. */
	do
		next = (word & 1u) == odd ? word + 2 : word + 1;
	while (!atomic_compare_exchange_weak(&page->word, &word, next));
	if (atomic_load(&page->sleepers) != 0)
		control->sys->futex_wake((uint32_t *)&page->word, INT_MAX);
}

static void control_touch(struct skafu__control *control)
{
	if (control->wake_fd >= 0 && atomic_load(&control->page->watchers) != 0) {
		/* Only that it is written matters, not what or whether it reaches the disk. */
		ssize_t ignored = control->sys->pwrite(control->wake_fd, "1", 1, 0);
		(void)ignored;
	}
}

void skafu__control_begin_commit(struct skafu__control *control)
{
	control_set_word(control, 1);
}

void skafu__control_end_commit(struct skafu__control *control)
{
	control_set_word(control, 0);
	control_touch(control);
}

uint32_t skafu__control_word(const struct skafu__control *control)
{
	return atomic_load(&control->page->word);
}

void skafu__control_announce_sleeper(struct skafu__control *control)
{
	atomic_fetch_add(&control->page->sleepers, 1u);
}

void skafu__control_withdraw_sleeper(struct skafu__control *control)
{
	uint32_t sleepers = atomic_load(&control->page->sleepers);
	while (sleepers != 0 && !atomic_compare_exchange_weak(&control->page->sleepers, &sleepers, sleepers - 1))
		;
}

int skafu__control_is_orphaned(const struct skafu__control *control)
{
	return (atomic_load(&control->page->word) & 1u) != 0 && control->fd >= 0 &&
	       !control_is_held(control, CONTROL_LOCK_WRITER);
}

void skafu__control_sleep(struct skafu__control *control, uint32_t word, int64_t deadline)
{
	int64_t left = skafu__time_left(control->sys, deadline);
	if (left == 0)
		return;
	if ((word & 1u) != 0 && (left < 0 || left > CONTROL_ODD_SLEEP_NS))
		left = CONTROL_ODD_SLEEP_NS;
	control->sys->futex_wait((uint32_t *)&control->page->word, word, left);
}

void skafu__control_wake_all(struct skafu__control *control)
{
	atomic_fetch_add(&control->page->word, 2u);
	control->sys->futex_wake((uint32_t *)&control->page->word, INT_MAX);
	control_touch(control);
}

void skafu__control_add_watcher(struct skafu__control *control, int32_t difference)
{
	uint32_t watchers = atomic_load(&control->page->watchers);
	uint32_t changed;
	do
		changed = difference < 0 && watchers == 0 ? 0 : watchers + (uint32_t)difference;
	while (!atomic_compare_exchange_weak(&control->page->watchers, &watchers, changed));
}

/* ---- views --------------------------------------------------------------------------------------------------- */

int skafu__control_views_lock(const struct skafu__control *control, int byte, int exclusive, int64_t deadline)
{
	return control->fd < 0 ? 0 : control_lock_until(control, byte, exclusive ? F_WRLCK : F_RDLCK, deadline);
}

void skafu__control_views_unlock(const struct skafu__control *control, int byte)
{
	if (control->fd >= 0)
		control_try_lock(control, byte, F_UNLCK);
}

int64_t skafu__control_views_holder(const struct skafu__control *control, int byte)
{
	return control->fd < 0 ? 0 : control_holder(control, byte);
}
