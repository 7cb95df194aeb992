/*
 * machine.h: the machine of a scenario: a clock that stands still, seeded random bytes, and faults on command.
 *
 * The wall clock moves when the test moves it.  The monotonic clock, by which the library waits and backs off, moves
 * when somebody would wait on it.  Nothing here depends on how fast the real machine is, so a run can be repeated.
 */
#ifndef SKAFU__TEST_MACHINE_H
#define SKAFU__TEST_MACHINE_H

#include <stdint.h>

#include "base/testhook.h"

#define SKAFU__KIT_FAULTS 8u /* SKAFU_FAULT_ and the place of none */

struct skafu__kit_fault {
	uint64_t operations; /* since it was armed */
	uint64_t nth;
	uint64_t count; /* 0: not armed */
};

struct skafu__kit_machine {
	struct skafu_test_hook hook;
	int64_t wall_ns;
	int64_t monotonic_ns;
	uint64_t random;
	uint32_t paused; /* the kit's own calls neither count nor fail */
	uint32_t crashed;
	struct skafu__kit_fault faults[SKAFU__KIT_FAULTS];
};

/* `told` and `user` are for what the library tells. */
void skafu__kit_machine_init(struct skafu__kit_machine *machine, int64_t start_ns, uint64_t seed,
			     void (*told)(void *user, const struct skafu_test_note *note));

/* The next 16 bytes as an id. */
void skafu__kit_machine_id(struct skafu__kit_machine *machine, uint8_t out[16]);

#endif
