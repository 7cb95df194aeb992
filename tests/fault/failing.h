/*
 * failing.h: does a call survive when the n-th thing that it asks of the machine fails, for every n?
 *
 * A test gives three functions: prepare (nothing fails), act (the n-th call fails), check (nothing fails again).  The
 * driver runs them for n = 1, 2, ... until act no longer reaches the n-th call, and each time looks for what was left
 * behind: blocks and bytes of the system table, open descriptors.
 *
 * Everything that the library asks goes through struct skafu__sys, which the driver overrides; LMDB's own calls go
 * through the libc calls that iotrace.c and failing.c define, where those of the table arrive as well.
 */
#ifndef TESTS_FAULT_FAILING_H
#define TESTS_FAULT_FAILING_H

#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "fault/iotrace.h"

enum failing_what {
	FAILING_ALLOCATION, /* allocate and reallocate of the system table */
	FAILING_MALLOC,     /* malloc, calloc, realloc, posix_memalign of anybody else: LMDB */
	FAILING_OPEN,       /* from here on: file calls, of the table and of LMDB, below the root of the test */
	FAILING_CLOSE,
	FAILING_READ,
	FAILING_WRITE,
	FAILING_SEEK,
	FAILING_SYNC,
	FAILING_TRUNCATE,
	FAILING_RENAME,
	FAILING_UNLINK,
	FAILING_MKDIR,
	FAILING_RMDIR,
	FAILING_MAP,
	FAILING_STAT,   /* stat and fstat of the system table */
	FAILING_RANDOM, /* random of the system table */
	FAILING_WHATS
};

struct failing_case {
	enum failing_what what;
	int from_then_on; /* 0: only the n-th fails */
	enum iotrace_how how;
	int error; /* errno of file calls */
	uint64_t nth;
	int hit; /* for check: act did reach the n-th call */
};

struct failing_test {
	const char *root; /* directory of the files; NULL: none (then only memory and random can fail) */
	int (*prepare)(void *user); /* 0, or it stops everything */
	int (*act)(void *user);
	/* result: what act returned.  0, or 1 and a sentence in why. */
	int (*check)(void *user, const struct failing_case *which, int result, char *why, size_t room);
	/* May be NULL.  The log of prepare, act and check, to enumerate its crash states.  As check. */
	int (*log)(void *user, const struct failing_case *which, const struct iolog *log, char *why, size_t room);
	void *user;
	uint64_t nth_max; /* more than that is taken for a loop; 0: 20,000 */
	uint64_t stride;  /* of the calls after the first few only every so-manyth; 0: all */
};

struct failing_report {
	uint64_t runs; /* in which the n-th call was reached */
	uint64_t failures;
	char first[400]; /* the first failure in words */
};

/* One case with all n.  Adds to the report; returns the number of failures (it stops at the first of each case). */
uint64_t failing_case_run(const struct failing_test *test, const struct failing_case *which,
			  struct failing_report *report);

/* Everything that can fail: memory once and from then on; each class of file calls with EIO and, where room is taken,
 * ENOSPC, once and from then on, not done and done but reported, writes and reads also cut short; random. */
uint64_t failing_run(const struct failing_test *test, struct failing_report *report);

const char *failing_name(enum failing_what what);

/* Nothing fails and nothing is counted between these two, for what a test does on its own account in act. */
void failing_pause(void);
void failing_resume(void);

/* 0 where malloc can not be replaced: under a sanitizer or valgrind.  Cases of FAILING_MALLOC are then left out. */
int failing_has_malloc(void);

/* ---- leaks --------------------------------------------------------------------------------------------------- */

struct failing_ledger {
	int64_t blocks, bytes; /* of the system table, since failing_table_put */
	int descriptors;       /* open in this process */
};

/* 1: with the table in place a wait with an end takes no time, and its clocks move on; for one thread. */
void failing_time_flies(int does);

/* Put the counting table in place of the real one, and back.  failing_case_run does this by itself. */
void failing_table_put(void);
void failing_table_remove(void);
struct failing_ledger failing_ledger_now(void);

/* 1 and a sentence when something more is outstanding than before. */
int failing_ledger_leaks(const struct failing_ledger *before, char *why, size_t room);

#endif
