/*
 * crashstates.h: from a log of file operations, every disk state that a power cut could leave, at every point.
 *
 * The model.  A sector of 512 bytes is written whole or not at all.  A write that no sync of its file has covered yet
 * may be on the disk or not, page by page, in any combination; the write under way may be torn at any sector.
 * A write through a syncing descriptor is safe once it returned (earlier writes are not).  A file's size is at least
 * what the writes that are there need, and may already be what it would be with all of them, the gap read as zeros.
 * A name made, removed or renamed is safe only after a sync of its directory; before, each such change may be there
 * or not, a rename whole or not at all.  A sync that was under way may have done anything of its work.
 * Files that are written through shared mappings (lock files) may hold anything of: nothing, zeros, what they held.
 *
 * Up to exhaustive_max unsynced writes and names, all their combinations are tried; beyond, prefixes, singles,
 * all but one, and random_count seeded random ones.  Random ones choose sector by sector.
 */
#ifndef TESTS_FAULT_CRASHSTATES_H
#define TESTS_FAULT_CRASHSTATES_H

#include <stddef.h>
#include <stdint.h>

#include "fault/crashset.h"
#include "fault/iolog.h"

enum crash_verdict { CRASH_FINE, CRASH_LOST, CRASH_CORRUPT };

struct crash_point {
	uint64_t acked;         /* so many operations were acknowledged */
	uint64_t begun;         /* so many were begun; those above acked may have happened, in order */
	const struct iolog *log;
	size_t op;              /* the operation of the log at which the power went */
	uint64_t state;         /* hash of the disk state */
};

struct crashstates_options {
	size_t from_op;          /* crashes before this operation of the log are left out */
	unsigned exhaustive_max; /* 0: 10 */
	unsigned random_count;   /* for each new write or name; 0: 8 */
	uint64_t seed;
	uint64_t states_max;     /* of this log; 0: no limit */
	int64_t until_ns;        /* stop at this moment of CLOCK_MONOTONIC; 0: no limit */
	int until_bad;           /* stop at the first state that is not fine */
	unsigned hang_seconds;   /* SIGALRM when 64 states take longer; 0: no watch (in a child: 20) */

	/* Look at the directory and say what is wrong.  It is the working directory, and dir leads there.  It may be
	 * changed; nothing of it may stay open. */
	enum crash_verdict (*verify)(void *user, const char *dir, const struct crash_point *point);
	/* Two equal disk states with equal contexts need to be verified only once.  NULL: acked itself. */
	uint64_t (*context)(void *user, uint64_t acked);
	void *user;

	struct crashset *set;      /* shared with other runs and processes */
	struct crash_tally *tally; /* from crashset_shared */
	const char *label;         /* for the description of a bad state */
};

/* Does the log, applied to what was there before, give the directory as it really is?  Else stops the program. */
void crashstates_validate(const struct iolog *log, const char *label);

/* The same as a question: 1 yes; 0 no, and why. */
int crashstates_matches(const struct iolog *log, char *why, size_t room);

/* Prepare this process for dying of a state: no core file, nothing on standard error. */
void crashstates_may_die(void);

/* Count a verifier that died; status as from waitpid. */
void crash_tally_died(struct crash_tally *tally, const char *label, int status);

/* Enumerate and verify in this process.  where: a scratch directory of the caller. */
void crashstates_run(const struct iolog *log, const char *where, const struct crashstates_options *options);

/* The same in a child; when it dies of a signal (or hangs) that state counts as crashed and another child goes on. */
void crashstates_run_forked(const struct iolog *log, const char *where, const struct crashstates_options *options);

#endif
