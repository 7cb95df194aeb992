/*
 * hooks.h: stopping, killing or failing a process at a chosen point of LMDB's commit.
 *
 * The test binary defines fdatasync, fsync, pwrite and writev; the dynamic linker prefers these to libc's, so LMDB's
 * calls arrive here.  Not to be linked together with iotrace.c, which defines the same calls.
 */
#ifndef TESTS_FAULT_HOOKS_H
#define TESTS_FAULT_HOOKS_H

enum hooks_point {
	HOOKS_PAGES, /* pwrite of anything else, writev */
	HOOKS_SYNC,  /* fdatasync, fsync */
	HOOKS_META   /* pwrite below two pages through a descriptor that syncs: the meta page of a commit */
};

/* Called before (after is 0) and after the call is made.  0: go on; an errno: report that the call failed with it,
 * and before it, do not make the call. */
typedef int (*hooks_fn)(enum hooks_point point, int after);

/* NULL: nothing is hooked.  For the whole process; a child of fork inherits it. */
void hooks_set(hooks_fn hook);

#endif
