/*
 * random.h: random numbers for tests, which can be had again.
 *
 * One sequence for the whole program; one thread at a time may take from it.
 */
#ifndef TESTS_UTIL_RANDOM_H
#define TESTS_UTIL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Begin: by SKAFU_TEST_SEED when it is set, else anywhere; what it was is printed, with the name of the test. */
void seeded(const char *test);

uint64_t random_u64(void);

/* Below a limit, which is at least 1. */
uint32_t random_below(uint32_t limit);
size_t random_index(size_t count);

#endif
