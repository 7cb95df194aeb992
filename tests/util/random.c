#include "util/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t random_state;

void seeded(const char *test)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	random_state = given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_nsec * 2654435761u + (uint64_t)getpid();
	printf("%s: SKAFU_TEST_SEED=%" PRIu64 "\n", test, random_state);
}

/* splitmix64 */
uint64_t random_u64(void)
{
	uint64_t x = random_state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint32_t random_below(uint32_t limit)
{
	return (uint32_t)(random_u64() >> 32) % limit;
}

size_t random_index(size_t count)
{
	return (size_t)(random_u64() >> 11) % count;
}
