/*
 * idle.c: processes that wait, see idle.h.
 */
#include "fault/idle.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/error.h"
#include "fault/actors.h"
#include "skafu_store.h"

static void idle_poll(skafu_waiter *waiter, struct idle_waiter *w, uint64_t after)
{
	struct skafu_error error = {0};
	struct pollfd event = {.fd = skafu_waiter_fd(waiter), .events = POLLIN};
	int32_t armed;

	while ((armed = skafu_waiter_arm(waiter, after, &error)) == 0) {
		atomic_store(&w->ready, 1u);
		if (poll(&event, 1, -1) != 1)
			actors_fail("poll");
		skafu_waiter_clear(waiter, NULL);
	}
	if (armed < 0)
		actors_fail("arm: %s", error.message);
	skafu_waiter_clear(waiter, NULL);
}

static void idle_run(void *user)
{
	struct idle_waiter *w = user;
	skafu_store *store = NULL;
	skafu_waiter *waiter = NULL;
	struct skafu_error error = {0};
	uint64_t head = w->after;

	if (actors_open(w->path, NULL, &store, &error) != 0)
		actors_fail("opening: %s", error.message);
	if (w->through_fd && skafu_waiter_new(store, &waiter, &error) != 0)
		actors_fail("waiter: %s", error.message);
	for (int i = 0; w->rounds == 0 || i < w->rounds; i++) {
		if (w->through_fd)
			idle_poll(waiter, w, head);
		atomic_store(&w->ready, 1u);
		if (skafu_store_wait(store, head, SKAFU_WAIT_FOREVER, &head, &error) != 0)
			actors_fail("waiting: %s", error.message);
		atomic_store(&w->woke_ns, actors_now_ns());
		atomic_store(&w->seen, head);
	}
	skafu_waiter_free(waiter);
	skafu_store_close(store);
}

pid_t idle_spawn(struct idle_waiter *waiter)
{
	atomic_store(&waiter->ready, 0u);
	atomic_store(&waiter->seen, 0u);
	pid_t pid = actors_spawn(idle_run, waiter);
	return actors_await(&waiter->ready, 1, 10 * ACTORS_SECOND) ? pid : -1;
}

int idle_settled(pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		int64_t before = actors_cpu_ns(pid);
		actors_nap(20 * ACTORS_MS);
		if (actors_cpu_ns(pid) == before)
			return 1;
	}
	return 0;
}

int idle_runs(pid_t pid, int64_t ns, char *why, uint64_t room)
{
	int64_t cpu = actors_cpu_ns(pid);
	int64_t switches = actors_switches(pid);

	actors_nap(ns);
	cpu = actors_cpu_ns(pid) - cpu;
	switches = actors_switches(pid) - switches;
	snprintf(why, room, "%" PRId64 " ns of the processor, %" PRId64 " times asleep", cpu, switches);
	return cpu != 0 || switches != 0;
}
