/*
 * crashset.c: an open hash set of 64-bit keys and a tally in shared memory, without locks.
 */
#include "fault/crashset.h"

#include <sys/mman.h>

#include "fault/iolog.h"

void *crashset_shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		iolog_die("no shared memory for %zu bytes", bytes);
	return memory;
}

void crashset_unshare(void *memory, size_t bytes)
{
	munmap(memory, bytes);
}

static size_t set_bytes(size_t slots)
{
	return sizeof(struct crashset) + slots * sizeof(uint64_t);
}

struct crashset *crashset_new(size_t states)
{
	struct crashset *set;
	size_t slots = 1024;

	while (slots < states * 2)
		slots *= 2;
	set = crashset_shared(set_bytes(slots));
	set->slots = slots;
	return set;
}

void crashset_free(struct crashset *set)
{
	if (set)
		crashset_unshare(set, set_bytes(set->slots));
}

int crashset_add(struct crashset *set, uint64_t key)
{
	size_t i = (size_t)(key >> 1) & (set->slots - 1);

	if (!key)
		key = 1;
	if (atomic_load_explicit(&set->used, memory_order_relaxed) > set->slots / 10 * 9)
		iolog_die("the set of crash states is full (%zu)", set->slots);
	for (;; i = (i + 1) & (set->slots - 1)) {
		uint64_t there = atomic_load_explicit(&set->at[i], memory_order_relaxed);

		if (there == key)
			return 0;
		if (there)
			continue;
		if (atomic_compare_exchange_strong(&set->at[i], &there, key)) {
			atomic_fetch_add(&set->used, 1);
			return 1;
		}
		if (there == key)
			return 0;
	}
}

int crash_tally_bad(const struct crash_tally *tally)
{
	return tally->lost || tally->corrupt || tally->crashed;
}
