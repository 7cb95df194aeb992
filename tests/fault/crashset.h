/*
 * crashset.h: memory that the processes of a crash run share: the set of states that were looked at, and the tally.
 *
 * A state is put into the set before it is verified, so that a process that dies of it does not meet it again.
 */
#ifndef TESTS_FAULT_CRASHSET_H
#define TESTS_FAULT_CRASHSET_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct crashset {
	size_t slots; /* a power of two */
	_Atomic uint64_t used;
	_Atomic uint64_t at[];
};

struct crash_tally {
	_Atomic uint64_t states;  /* different ones, verified */
	_Atomic uint64_t lost;    /* something acknowledged is gone */
	_Atomic uint64_t corrupt; /* refused for ever, or a wrong answer */
	_Atomic uint64_t crashed; /* the verifier died of a signal; these count as corrupt too */
	_Atomic int described;
	char first[600]; /* the first bad state in words */
};

/* Zeroed memory that survives a fork as one and the same. */
void *crashset_shared(size_t bytes);
void crashset_unshare(void *memory, size_t bytes);

/* A set for about so many states.  It stops the program when it gets full. */
struct crashset *crashset_new(size_t states);
void crashset_free(struct crashset *set);

/* 1 when key was not there yet. */
int crashset_add(struct crashset *set, uint64_t key);

int crash_tally_bad(const struct crash_tally *tally);

#endif
