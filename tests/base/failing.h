/*
 * failing.h: a table of lib/base/sys.h whose memory runs out on command and which counts what is not given back.
 * For test programs of one file; the table is the real one in everything else.
 */
#ifndef SKAFU_TESTS_FAILING_H
#define SKAFU_TESTS_FAILING_H

#include <stdlib.h>

#include "base/sys.h"

struct failing {
	struct skafu__sys sys;
	long left; /* how many calls succeed until one fails; below 0: all do */
	long live; /* blocks that were not released */
};

static int failing_now(struct failing *failing)
{
	if (failing->left < 0)
		return 0;
	if (failing->left == 0)
		return 1;
	failing->left--;
	return 0;
}

static void *failing_allocate(void *user, size_t bytes)
{
	struct failing *failing = user;
	void *block = failing_now(failing) ? NULL : malloc(bytes);

	failing->live += block != NULL;
	return block;
}

static void *failing_reallocate(void *user, void *block, size_t bytes)
{
	return failing_now(user) ? NULL : realloc(block, bytes);
}

static void failing_release(void *user, void *block)
{
	struct failing *failing = user;

	failing->live--;
	free(block);
}

static void failing_init(struct failing *failing)
{
	failing->sys = *skafu__sys_current();
	failing->sys.user = failing;
	failing->sys.allocate = failing_allocate;
	failing->sys.reallocate = failing_reallocate;
	failing->sys.release = failing_release;
	failing->left = -1;
	failing->live = 0;
}

#endif
