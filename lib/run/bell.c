#include "run/bell.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "store/control.h"
#include "store/orphan.h"
#include "store/store.h"

/* Without a descriptor the death of another process is noticed by looking. */
#define BELL_LOOK_NS INT64_C(100000000)

int32_t skafu__bell_init(struct skafu__bell *bell, skafu_store *store, skafu_error *error)
{
	memset(bell, 0, sizeof *bell);
	bell->store = store;
	atomic_init(&bell->rings, 0u);
	return skafu__store_check(store, error);
}

void skafu__bell_done(struct skafu__bell *bell)
{
	skafu_waiter_free(bell->waiter);
	bell->waiter = NULL;
}

/* Emptied before the look and not before the sleep: what comes during the look is still there then. */
int32_t skafu__bell_attend(struct skafu__bell *bell, skafu_error *error)
{
	int32_t rc = 0;
	if (bell->is_armed)
		rc = skafu_waiter_clear(bell->waiter, error);
	bell->is_armed = 0;
	bell->noted = atomic_load(&bell->rings);
	bell->word = skafu__control_word(&bell->store->control);
	return rc;
}

/* Only memory may come later. */
static int32_t bell_seek_waiter(struct skafu__bell *bell, skafu_error *error)
{
	struct skafu_error own = {0};
	if (bell->was_sought)
		return 0;
	int32_t rc = skafu_waiter_new(bell->store, &bell->waiter, &own);
	if (rc == SKAFU_ENOMEM || rc == SKAFU_EFORK)
		return skafu__error_copy(error, &own, rc);
	bell->was_sought = 1;
	return 0;
}

int32_t skafu__bell_fd(struct skafu__bell *bell)
{
	return bell_seek_waiter(bell, NULL) ? -1 : skafu_waiter_fd(bell->waiter);
}

/* ---- sleeping ------------------------------------------------------------------------------------------------ */

static int bell_is_disturbed(const struct skafu__bell *bell)
{
	return skafu__control_word(&bell->store->control) != bell->word || atomic_load(&bell->rings) != bell->noted ||
	       skafu__bell_is_interrupted(bell);
}

/* Whatever changes the word from now on touches the descriptor. */
int32_t skafu__bell_arm(struct skafu__bell *bell, skafu_error *error)
{
	int32_t rc = bell_seek_waiter(bell, error);
	if (rc == 0 && !bell->waiter)
		return bell_is_disturbed(bell);
	if (rc == 0)
		rc = skafu_waiter_arm(bell->waiter, UINT64_MAX, error);
	if (rc < 0)
		return rc;
	bell->is_armed = 1;
	return bell_is_disturbed(bell);
}

static int32_t bell_poll(struct skafu__bell *bell, int64_t deadline, skafu_error *error)
{
	int32_t rc = skafu__bell_arm(bell, error);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	const struct skafu__sys *sys = &bell->store->sys;
	if (sys->poll(skafu_waiter_fd(bell->waiter), skafu__time_left(sys, deadline)) < 0 && errno != EINTR)
		return skafu__fail_os(error, errno, "waiting for the log");
	return 0;
}

static void bell_doze(struct skafu__bell *bell, int64_t deadline)
{
	struct skafu__control *control = &bell->store->control;
	int64_t until = bell->store->sys.monotonic_ns() + BELL_LOOK_NS;
	if (control->fd >= 0 && until < deadline)
		deadline = until;
	skafu__control_announce_sleeper(control);
	if (!bell_is_disturbed(bell) && !skafu__orphan_adopt(bell->store))
		skafu__control_sleep(control, bell->word, deadline);
	skafu__control_withdraw_sleeper(control);
}

int32_t skafu__bell_sleep(struct skafu__bell *bell, int64_t deadline, skafu_error *error)
{
	int32_t rc = bell_seek_waiter(bell, error);
	if (rc != 0 || bell->waiter)
		return rc ? rc : bell_poll(bell, deadline, error);
	bell_doze(bell, deadline);
	return 0;
}

/* ---- rings --------------------------------------------------------------------------------------------------- */

void skafu__bell_ring(struct skafu__bell *bell)
{
	atomic_fetch_add(&bell->rings, 1u);
	skafu__control_wake_all(&bell->store->control);
}

int skafu__bell_take_ring(struct skafu__bell *bell)
{
	uint32_t rings = atomic_load(&bell->rings);
	int rang = rings != bell->heard;
	bell->heard = rings;
	return rang;
}

void skafu__bell_note_interrupts(struct skafu__bell *bell)
{
	bell->interrupts = atomic_load(&bell->store->interrupts);
}

int skafu__bell_is_interrupted(const struct skafu__bell *bell)
{
	return atomic_load(&bell->store->interrupts) != bell->interrupts;
}

void skafu__bell_wake_all(skafu_store *store)
{
	skafu__control_wake_all(&store->control);
}
