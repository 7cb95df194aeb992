#include "base/trouble.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "base/sys.h"
#include "base/testhook.h"
#include "skafu_base.h"

#define TROUBLE_CALLS_MAX 20000u

static struct skafu__sys table;
static _Atomic long live;
static _Atomic long left;
static _Atomic int has_hit;
static _Atomic int is_paused;
static enum trouble_what now;

static int is_due(enum trouble_what what)
{
	if (what != now || left < 0 || is_paused)
		return 0;
	if (left-- != 0)
		return 0;
	has_hit = 1;
	return 1;
}

static void *allocate(void *user, size_t bytes)
{
	(void)user;
	void *block = is_due(TROUBLE_MEMORY) ? NULL : malloc(bytes);
	live += block != NULL;
	return block;
}

static void *reallocate(void *user, void *block, size_t bytes)
{
	(void)user;
	if (!block)
		return allocate(user, bytes);
	return is_due(TROUBLE_MEMORY) ? NULL : realloc(block, bytes);
}

static void release(void *user, void *block)
{
	(void)user;
	live -= block != NULL;
	free(block);
}

static int storage(uint32_t what)
{
	if (what == SKAFU__TESTHOOK_READ && is_due(TROUBLE_READ))
		return EIO;
	if (what == SKAFU__TESTHOOK_SYNC && is_due(TROUBLE_LOST_SYNC))
		return EIO;
	if (what != SKAFU__TESTHOOK_WRITE)
		return 0;
	return is_due(TROUBLE_WRITE) ? ENOSPC : is_due(TROUBLE_LOST_WRITE) ? EIO : 0;
}

void trouble_put(void)
{
	table = *skafu__sys_current();
	table.allocate = allocate;
	table.reallocate = reallocate;
	table.release = release;
	table.storage = storage;
	live = 0;
	left = -1;
	is_paused = 0;
	skafu__sys_override(&table);
}

void trouble_remove(void)
{
	skafu__sys_override(NULL);
	ck_assert_int_eq(live, 0);
}

int32_t trouble_code(enum trouble_what what)
{
	static const int32_t codes[TROUBLE_WHATS] = {SKAFU_ENOMEM, SKAFU_EIO, SKAFU_ENOSPACE};

	return codes[what];
}

void trouble_set(enum trouble_what what, long count)
{
	now = what;
	left = count;
	if (count >= 0)
		has_hit = 0;
}

int trouble_has_hit(void)
{
	return has_hit;
}

long trouble_left(void)
{
	return left;
}

void trouble_pause(int pause)
{
	is_paused = pause;
}

uint32_t trouble_each(enum trouble_what what, int32_t (*act)(void *user), void *user)
{
	uint32_t refusals = 0;

	for (uint32_t nth = 0; nth < TROUBLE_CALLS_MAX; nth++) {
		trouble_set(what, nth);
		int32_t rc = act(user);
		trouble_set(what, -1);
		if (rc != 0 && rc != trouble_code(what))
			ck_abort_msg("trouble %d, number %u: code %d, not %d", (int)what, nth, rc,
				     trouble_code(what));
		refusals += rc != 0;
		if (!has_hit)
			return refusals;
	}
	ck_abort_msg("trouble %d: there is no end of what is asked", (int)what);
	return 0;
}
