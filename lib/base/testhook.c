/*
 * testhook.c: a system table that asks the hook of the calling thread, and where there is none the table below it.
 *
 * Mutable state of the process, and why it may exist: the hook of each thread; the table, which is filled once, under
 * a lock, before it is used; and the table below it.  All stay as they are in a process that enters no hook.
 */
#include "base/testhook.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/forklock.h"
#include "base/sys.h"

static _Thread_local const struct skafu_test_hook *testhook_here;
static _Atomic(const struct skafu__sys *) testhook_below;
static struct skafu__forklock testhook_lock = SKAFU__FORKLOCK_INITIALIZER;
static struct skafu__sys testhook_table;

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct skafu__sys *testhook_machine(void)
{
	const struct skafu__sys *below = atomic_load_explicit(&testhook_below, memory_order_acquire);
	return below ? below : skafu__sys_current();
}

static int testhook_fails(uint32_t what)
{
	const struct skafu_test_hook *hook = testhook_here;
	return hook ? hook->fails(hook->user, what) : 0;
}

static void *testhook_allocate(void *user, size_t bytes)
{
	const struct skafu__sys *machine = testhook_machine();
	(void)user;
	return testhook_fails(SKAFU__TESTHOOK_MEMORY) ? NULL : machine->allocate(machine->user, bytes);
}

static void *testhook_reallocate(void *user, void *block, size_t bytes)
{
	const struct skafu__sys *machine = testhook_machine();
	(void)user;
	return testhook_fails(SKAFU__TESTHOOK_MEMORY) ? NULL : machine->reallocate(machine->user, block, bytes);
}

static void testhook_release(void *user, void *block)
{
	const struct skafu__sys *machine = testhook_machine();
	(void)user;
	machine->release(machine->user, block);
}

static int64_t testhook_wall_ns(void)
{
	const struct skafu_test_hook *hook = testhook_here;
	return hook ? hook->wall_ns(hook->user) : testhook_machine()->wall_ns();
}

static int64_t testhook_wall_tick_ns(void)
{
	const struct skafu_test_hook *hook = testhook_here;
	return hook ? hook->wall_ns(hook->user) : testhook_machine()->wall_tick_ns();
}

static int64_t testhook_monotonic_ns(void)
{
	const struct skafu_test_hook *hook = testhook_here;
	return hook ? hook->monotonic_ns(hook->user) : testhook_machine()->monotonic_ns();
}

static int testhook_random(void *out, size_t bytes)
{
	const struct skafu_test_hook *hook = testhook_here;
	return hook ? hook->random(hook->user, out, bytes) : testhook_machine()->random(out, bytes);
}

/* Nobody else moves the clock of a hook, so a wait that is bounded by it would never end. */
static int testhook_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	const struct skafu_test_hook *hook = testhook_here;
	if (!hook || timeout_ns < 0)
		return testhook_machine()->futex_wait(word, expected, timeout_ns);
	hook->sleep(hook->user, timeout_ns);
	errno = ETIMEDOUT;
	return -1;
}

/* Likewise; what is readable already needs no wait. */
static int testhook_poll(int fd, int64_t timeout_ns)
{
	const struct skafu_test_hook *hook = testhook_here;
	if (!hook || timeout_ns < 0)
		return testhook_machine()->poll(fd, timeout_ns);
	int ready = testhook_machine()->poll(fd, 0);
	if (ready == 0)
		hook->sleep(hook->user, timeout_ns);
	return ready;
}

/* A caller is inside of the hook, which is why the table below is never asked for this. */
static int testhook_storage(uint32_t what)
{
	return testhook_fails(what);
}

static void testhook_fill(const struct skafu__sys *below)
{
	testhook_table = *below;
	testhook_table.user = NULL;
	testhook_table.allocate = testhook_allocate;
	testhook_table.reallocate = testhook_reallocate;
	testhook_table.release = testhook_release;
	testhook_table.wall_ns = testhook_wall_ns;
	testhook_table.wall_tick_ns = testhook_wall_tick_ns;
	testhook_table.monotonic_ns = testhook_monotonic_ns;
	testhook_table.random = testhook_random;
	testhook_table.futex_wait = testhook_futex_wait;
	testhook_table.poll = testhook_poll;
	testhook_table.storage = testhook_storage;
}

/* The table stays when hooks are left: objects that know it may outlive them.  Only a test of the library itself
 * puts another one below it. */
static void testhook_put_table(void)
{
	const struct skafu__sys *current = skafu__sys_current();
	if (current == &testhook_table)
		return;
	testhook_fill(current);
	atomic_store_explicit(&testhook_below, current, memory_order_release);
	skafu__sys_override(&testhook_table);
}

/* ---- for the kit --------------------------------------------------------------------------------------------- */

int32_t skafu_test_hook_enter(const struct skafu_test_hook *hook)
{
	if (hook && hook->size != sizeof *hook)
		return SKAFU_EOPTION;
	if (hook) {
		skafu__forklock_take(&testhook_lock);
		testhook_put_table();
		skafu__forklock_release(&testhook_lock);
	}
	testhook_here = hook;
	return SKAFU_OK;
}

void *skafu_test_hook_memory(void *block, size_t bytes)
{
	const struct skafu__sys *machine = testhook_machine();
	if (bytes != 0)
		return skafu__realloc_array(machine, block, 1, bytes);
	skafu__free(machine, block);
	return NULL;
}

/* ---- for the library ----------------------------------------------------------------------------------------- */

void skafu__testhook_tell(uint32_t kind, const void *object, const char *name, const char *text, uint64_t number,
			  int32_t code)
{
	const struct skafu_test_hook *hook = testhook_here;
	if (!hook)
		return;
	const struct skafu_test_note note = {kind, code, number, object, name, text};
	hook->told(hook->user, &note);
}
