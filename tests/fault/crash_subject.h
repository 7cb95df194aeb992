/*
 * crash_subject.h: what crash.c needs to know of a store to look at its crash states.
 *
 * A workload is the creation, which is operation 1, followed by operations of the subject's list.  Every operation is
 * acknowledged when the function returns.  The subject derives everything from the seed, so that it can say from the
 * workload alone what must be on the disk.
 */
#ifndef TESTS_FAULT_CRASH_SUBJECT_H
#define TESTS_FAULT_CRASH_SUBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "fault/crashstates.h"

struct crash_subject {
	const char *name;
	const char *const *ops; /* names of the operations */
	size_t op_count;
	size_t short_max; /* sequences of up to so many operations are tried completely; 0: 3 */
	size_t long_count; /* length of the long seeded sequences; 0: 40 */

	/* A run of a workload below dir (exists, empty).  NULL when there is no memory. */
	void *(*start)(const char *dir, uint64_t seed);
	/* Before the creation: go without a journal, as a fault needs that turns the order of writes round without
	 * the store seeing it.  NULL: there is none. */
	void (*no_journal)(void *run);
	/* 0 when acknowledged.  Creation leaves the store open. */
	int (*create)(void *run);
	int (*perform)(void *run, size_t op);
	/* Close the store.  What the run knows stays, for verify. */
	void (*close)(void *run);
	void (*free)(void *run);

	/* dir holds what was below the run's dir at the power cut.  Operations 1 .. acked must be there, those up to
	 * begun may be, in order and each whole or not at all; nothing else.  The store must open (unless creation
	 * was not acked: then creating it again must work) and must take more work. */
	enum crash_verdict (*verify)(void *run, const char *dir, uint64_t acked, uint64_t begun);
};

#endif
