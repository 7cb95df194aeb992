/*
 * trouble.h: does a call come through when the n-th thing of a kind that it asks of the machine fails, for every n?
 *
 * For units that are smaller than the calls of tests/fault/failcalls_test.c: the table of lib/base/sys.h is replaced,
 * so objects made after trouble_put() get no memory, no look at the log or no room on the disk when it is their turn.
 * What LMDB asks by itself does not fail here.
 */
#ifndef TESTS_BASE_TROUBLE_H
#define TESTS_BASE_TROUBLE_H

#include <stdint.h>

enum trouble_what {
	TROUBLE_MEMORY, /* an allocation: SKAFU_ENOMEM */
	TROUBLE_READ,   /* a read transaction cannot begin: SKAFU_EIO */
	TROUBLE_WRITE,  /* a commit finds no room on the disk: SKAFU_ENOSPACE */
	TROUBLE_WHATS,
	/* What follows leaves an unknown outcome, and a store that has to be opened again: not for trouble_each(). */
	TROUBLE_LOST_WRITE = TROUBLE_WHATS,
	TROUBLE_LOST_SYNC
};

/* From here on, until trouble_remove(), which asserts that all blocks were given back. */
void trouble_put(void);
void trouble_remove(void);

/* The code that a call gives then. */
int32_t trouble_code(enum trouble_what what);

/* Fail the thing number left from now on (0: the next one), once; below 0: nothing.  1 when that has happened. */
void trouble_set(enum trouble_what what, long left);
int trouble_has_hit(void);
long trouble_left(void);

/* 1: what is asked from here on comes, and is not counted, until 0.  For functions of a host: what they ask for is
 * their own affair. */
void trouble_pause(int is_paused);

/* Call act again and again while the 1st, 2nd, ... thing fails, until it no longer asks for so many.  Asserts that
 * each call gives 0 or the code of the trouble.  Returns how many calls gave the code.  act leaves behind what the
 * next call needs; it may call trouble_set(what, -1) when what it looks at is over. */
uint32_t trouble_each(enum trouble_what what, int32_t (*act)(void *user), void *user);

#endif
