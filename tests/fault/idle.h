/*
 * idle.h: processes that wait for a store, and what that costs: shared by waiting_test.c and waiting_long_test.c.
 */
#ifndef TESTS_FAULT_IDLE_H
#define TESTS_FAULT_IDLE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

struct idle_waiter {
	_Atomic uint32_t ready; /* 1: about to sleep */
	_Atomic uint64_t seen;  /* head that it woke with */
	_Atomic int64_t woke_ns;
	const char *path;
	uint64_t after;
	int through_fd; /* poll on skafu_waiter_fd(), else skafu_store_wait() */
	int rounds;     /* how often it waits, each time after what it has seen; 0: for ever */
};

/* Spawn a process that waits as told; `waiter` is shared memory. */
pid_t idle_spawn(struct idle_waiter *waiter);

/* Until it sleeps: its first thread has stood still for a while. */
int idle_settled(pid_t pid);

/* 0 when a process did not run at all, not one instruction, for that long; else what it did in words. */
int idle_runs(pid_t pid, int64_t ns, char *why, uint64_t room);

#endif
