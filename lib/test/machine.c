#include "test/machine.h"

#include <errno.h>
#include <string.h>

#include "skafu_test.h"

#define MACHINE_MONOTONIC_NS INT64_C(1000000000)

/* ---- clock and random ---------------------------------------------------------------------------------------- */

static int64_t machine_wall_ns(void *user)
{
	const struct skafu__kit_machine *machine = user;
	return machine->wall_ns;
}

static int64_t machine_monotonic_ns(void *user)
{
	const struct skafu__kit_machine *machine = user;
	return machine->monotonic_ns;
}

static void machine_sleep(void *user, int64_t time_ns)
{
	struct skafu__kit_machine *machine = user;
	if (__builtin_add_overflow(machine->monotonic_ns, time_ns, &machine->monotonic_ns))
		machine->monotonic_ns = INT64_MAX;
}

/* SplitMix64: every seed, 0 too, begins a sequence of its own. */
static uint64_t machine_next(struct skafu__kit_machine *machine)
{
	uint64_t mixed = machine->random += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

static int machine_random(void *user, void *out, size_t bytes)
{
	struct skafu__kit_machine *machine = user;
	uint8_t *at = out;
	while (bytes > 0) {
		uint64_t word = machine_next(machine);
		size_t part = bytes < sizeof word ? bytes : sizeof word;
		memcpy(at, &word, part);
		at += part;
		bytes -= part;
	}
	return 0;
}

void skafu__kit_machine_id(struct skafu__kit_machine *machine, uint8_t out[16])
{
	machine_random(machine, out, 16);
	out[6] = (uint8_t)((out[6] & 0x0f) | 0x80);
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

/* Count an operation of a kind: 1 when it is to fail. */
static int machine_count(struct skafu__kit_machine *machine, uint32_t kind)
{
	struct skafu__kit_fault *fault = &machine->faults[kind];
	fault->operations++;
	return fault->count != 0 && fault->operations >= fault->nth && fault->operations - fault->nth < fault->count;
}

/* A write is asked for all that can happen to one; each counts. */
static int machine_write(struct skafu__kit_machine *machine)
{
	int fails = machine_count(machine, SKAFU_FAULT_WRITE) ? EIO : 0;
	if (machine_count(machine, SKAFU_FAULT_SPACE) && fails == 0)
		fails = ENOSPC;
	if (machine_count(machine, SKAFU_FAULT_CRASH)) {
		machine->crashed = 1;
		fails = EIO;
	}
	return fails;
}

static int machine_fails(void *user, uint32_t what)
{
	struct skafu__kit_machine *machine = user;
	if (machine->crashed && what != SKAFU__TESTHOOK_MEMORY && what != SKAFU__TESTHOOK_APPEND)
		return EIO;
	if (machine->paused)
		return 0;
	switch (what) {
	case SKAFU__TESTHOOK_MEMORY: return machine_count(machine, SKAFU_FAULT_MEMORY) ? ENOMEM : 0;
	case SKAFU__TESTHOOK_READ: return machine_count(machine, SKAFU_FAULT_READ) ? EIO : 0;
	case SKAFU__TESTHOOK_WRITE: return machine_write(machine);
	case SKAFU__TESTHOOK_SYNC: return machine_count(machine, SKAFU_FAULT_SYNC) ? EIO : 0;
	case SKAFU__TESTHOOK_APPEND: return machine_count(machine, SKAFU_FAULT_APPEND) ? EAGAIN : 0;
	default: return 0;
	}
}

void skafu__kit_machine_init(struct skafu__kit_machine *machine, int64_t start_ns, uint64_t seed,
			     void (*told)(void *user, const struct skafu_test_note *note))
{
	*machine = (struct skafu__kit_machine){
		.hook = {.size = sizeof machine->hook, .user = machine, .wall_ns = machine_wall_ns,
			 .monotonic_ns = machine_monotonic_ns, .random = machine_random, .sleep = machine_sleep,
			 .fails = machine_fails, .told = told},
		.wall_ns = start_ns,
		.monotonic_ns = MACHINE_MONOTONIC_NS,
		.random = seed};
}
