/*
 * wait.c: sleeping until the log has more.
 *
 * The order is what makes it safe: announce, take the word, look at the log, and only then sleep while the word is
 * the same.  A commit that comes after the look changes the word; one that came before it was seen.
 */
#include "skafu_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/error.h"
#include "store/orphan.h"
#include "store/store.h"
#include "store/view.h"

static int32_t wait_head(skafu_store *store, uint64_t *out_head, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	*out_head = view.head;
	skafu__view_close(&view);
	return 0;
}

/* 1 newer, 0 not yet. */
static int32_t wait_look(skafu_store *store, uint64_t after, uint64_t *head, skafu_error *error)
{
	int32_t rc = wait_head(store, head, error);
	return rc ? rc : *head > after;
}

static int32_t wait_sleep(skafu_store *store, uint64_t after, int64_t deadline, uint64_t *head, skafu_error *error)
{
	/* One that came while nobody waited has ended no wait yet, and ends this one. */
	uint32_t heard = atomic_load(&store->interrupts_heard);
	for (;;) {
		uint32_t word = skafu__control_word(&store->control);
		int32_t rc = wait_look(store, after, head, error);
		if (rc != 0)
			return rc;
		uint32_t interrupts = atomic_load(&store->interrupts);
		if (interrupts != heard) {
			atomic_store(&store->interrupts_heard, interrupts);
			return skafu__fail(error, SKAFU_EINTERRUPTED,
					   "the wait was ended by skafu_store_interrupt()");
		}
		if (skafu__time_left(&store->sys, deadline) == 0)
			return skafu__fail(error, SKAFU_ETIMEOUT, "no record after %llu came in time",
					   (unsigned long long)after);
		if (!skafu__orphan_adopt(store))
			skafu__control_sleep(&store->control, word, deadline);
	}
}

int32_t skafu_store_wait(skafu_store *store, uint64_t after, uint64_t timeout_ns, uint64_t *out_head,
			 skafu_error *error)
{
	uint64_t head = 0;
	int32_t rc = skafu__store_check(store, error);
	if (rc != 0)
		return rc;
	int64_t deadline = skafu__deadline(&store->sys, timeout_ns);
	skafu__control_announce_sleeper(&store->control);
	rc = wait_sleep(store, after, deadline, &head, error);
	skafu__control_withdraw_sleeper(&store->control);
	if (rc < 0)
		return rc;
	if (out_head)
		*out_head = head;
	return 0;
}

void skafu_store_interrupt(skafu_store *store)
{
	if (!store)
		return;
	atomic_fetch_add(&store->interrupts, 1u);
	skafu__control_wake_all(&store->control);
}

/* ---- descriptors --------------------------------------------------------------------------------------------- */

struct skafu_waiter {
	skafu_store *store;
	int fd;
	int armed;
};

int32_t skafu_waiter_new(skafu_store *store, skafu_waiter **out_waiter, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && !out_waiter)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_waiter is NULL");
	if (rc != 0)
		return rc;
	if (!store->control.wake_path)
		return skafu__fail(error, SKAFU_EUNSUPPORTED, "a store in memory has no descriptor to wait on; use "
				   "skafu_store_wait()");
	skafu_waiter *waiter = skafu__alloc_zeroed(&store->sys, 1, sizeof *waiter);
	if (!waiter)
		return skafu__fail_memory(error);
	waiter->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* A writer that is killed before it touches the file still closes it. */
	if (waiter->fd < 0 ||
	    inotify_add_watch(waiter->fd, store->control.wake_path, IN_MODIFY | IN_CLOSE_WRITE) < 0) {
		rc = skafu__fail_os(error, errno, "watching %s", store->control.wake_path);
		if (waiter->fd >= 0)
			store->sys.close(waiter->fd);
		skafu__free(&store->sys, waiter);
		return rc;
	}
	waiter->store = store;
	skafu__store_hold(store);
	*out_waiter = waiter;
	return 0;
}

int32_t skafu_waiter_fd(const skafu_waiter *waiter)
{
	return waiter ? waiter->fd : -1;
}

static void wait_disarm(skafu_waiter *waiter)
{
	if (waiter->armed)
		skafu__control_add_watcher(&waiter->store->control, -1);
	waiter->armed = 0;
}

int32_t skafu_waiter_arm(skafu_waiter *waiter, uint64_t after, skafu_error *error)
{
	uint64_t head = 0;
	if (!waiter)
		return skafu__fail(error, SKAFU_EINVAL, "the waiter is NULL");
	int32_t rc = skafu__store_check(waiter->store, error);
	if (rc != 0)
		return rc;
	if (!waiter->armed)
		skafu__control_add_watcher(&waiter->store->control, 1);
	waiter->armed = 1;
	rc = wait_look(waiter->store, after, &head, error);
	if (rc == 0 && skafu__orphan_adopt(waiter->store))
		rc = wait_look(waiter->store, after, &head, error);
	if (rc != 0)
		wait_disarm(waiter);
	return rc;
}

int32_t skafu_waiter_clear(skafu_waiter *waiter, skafu_error *error)
{
	char events[4096];
	if (!waiter)
		return skafu__fail(error, SKAFU_EINVAL, "the waiter is NULL");
	int32_t rc = skafu__store_check(waiter->store, error);
	if (rc != 0)
		return rc;
	while (waiter->store->sys.read(waiter->fd, events, sizeof events) > 0)
		;
	wait_disarm(waiter);
	return 0;
}

void skafu_waiter_free(skafu_waiter *waiter)
{
	if (!waiter)
		return;
	skafu_store *store = waiter->store;
	if (store->pid == getpid())
		wait_disarm(waiter);
	store->sys.close(waiter->fd);
	skafu__free(&store->sys, waiter);
	skafu__store_release(store);
}
