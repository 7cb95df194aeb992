/*
 * probe.c: listeners come and go while others report.
 *
 * Mutable state of the process, and why it may exist: one lock under which listeners of any store are entered and
 * taken out, which is rare.  Who reports takes no lock: it counts itself into `inside` and looks again which
 * listeners there are; who leaves takes its bit away and waits until nobody is inside.  Both steps are sequentially
 * consistent, so either the reporter sees that the bit is gone, or the leaver sees the reporter.
 */
#include "base/probe.h"

#include <sched.h>

#include "base/forklock.h"
#include "skafu_base.h"

static struct skafu__forklock probe_lock = SKAFU__FORKLOCK_INITIALIZER;

static int32_t probe_enter(struct skafu__probe *probe, skafu__probe_fn notify, void *user)
{
	uint32_t listening = atomic_load(&probe->listening);
	uint32_t free_place = SKAFU__PROBE_LISTENERS;
	for (uint32_t i = 0; i < SKAFU__PROBE_LISTENERS; i++) {
		if (!(listening & 1u << i))
			free_place = i;
		else if (probe->listeners[i].notify == notify)
			return SKAFU_EEXISTS;
	}
	if (free_place == SKAFU__PROBE_LISTENERS)
		return SKAFU_ELIMIT;
	probe->listeners[free_place] = (struct skafu__listener){notify, user};
	atomic_fetch_or(&probe->listening, 1u << free_place);
	return 0;
}

int32_t skafu__probe_listen(struct skafu__probe *probe, skafu__probe_fn notify, void *user)
{
	skafu__forklock_take(&probe_lock);
	int32_t rc = probe_enter(probe, notify, user);
	skafu__forklock_release(&probe_lock);
	return rc;
}

void skafu__probe_leave(struct skafu__probe *probe, skafu__probe_fn notify)
{
	skafu__forklock_take(&probe_lock);
	uint32_t listening = atomic_load(&probe->listening);
	for (uint32_t i = 0; i < SKAFU__PROBE_LISTENERS; i++) {
		if (!(listening & 1u << i) || probe->listeners[i].notify != notify)
			continue;
		atomic_fetch_and(&probe->listening, ~(1u << i));
		while (atomic_load(&probe->inside) != 0)
			sched_yield();
	}
	skafu__forklock_release(&probe_lock);
}

void skafu__probe_tell(struct skafu__probe *probe, const struct skafu__probe_event *event)
{
	atomic_fetch_add(&probe->inside, 1u);
	uint32_t listening = atomic_load(&probe->listening);
	for (uint32_t i = 0; listening >> i != 0; i++)
		if (listening & 1u << i)
			probe->listeners[i].notify(probe->listeners[i].user, event);
	atomic_fetch_sub(&probe->inside, 1u);
}
