/*
 * bitrot.h: a store damaged at random, thousands of times, and looked at through the public API: every answer is
 * right, or an error; and what salvage gives is right and has all that the damage did not touch.
 */
#ifndef SKAFU_TESTS_FAULT_BITROT_H
#define SKAFU_TESTS_FAULT_BITROT_H

#include <stddef.h>
#include <stdint.h>

enum bitrot_kind { BITROT_BIT, BITROT_BITS, BITROT_ZEROS, BITROT_SWAP, BITROT_RANDOM, BITROT_FORGED, BITROT_KINDS };

struct bitrot_report {
	uint64_t runs;
	uint64_t refused;    /* at open */
	uint64_t errors;     /* by a read or a verification */
	uint64_t unharmed;   /* everything was right, and verified */
	uint64_t salvaged;
	uint64_t wrong;      /* a silent wrong answer, or less salvaged than was there */
	uint64_t crashes;
	uint64_t slow;       /* more than a second of processor time */
	char first[400];     /* what went wrong first */
};

/* Damage it `runs` times in the given manner, or until the seconds are over. */
void bitrot_run(enum bitrot_kind kind, uint64_t runs, double seconds, uint64_t seed, struct bitrot_report *report);

#endif
