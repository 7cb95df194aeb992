/*
 * runs.h: runs of index segments in memory, and random entries to make them of.  For the tests of segments.
 */
#ifndef SKAFU_TESTS_RUNS_H
#define SKAFU_TESTS_RUNS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "codec/entry.h"
#include "codec/segment.h"
#include "codec/segment_build.h"

struct run {
	uint8_t **bytes; /* each segment in a block of exactly its size, so that reading beyond it is noticed */
	struct skafu__segment_info *infos;
	uint32_t count;
	uint32_t fail_at; /* the sink fails at this segment; 0: never */
};

static uint64_t runs_state;

static inline uint64_t runs_random(void)
{
	runs_state ^= runs_state << 13;
	runs_state ^= runs_state >> 7;
	runs_state ^= runs_state << 17;
	return runs_state * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint64_t runs_below(uint64_t limit)
{
	return runs_random() % limit;
}

/* From SKAFU_TEST_SEED, or the clock. */
static inline void runs_seed(const char *test)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)skafu__sys_current()->wall_ns();

	printf("%s: SKAFU_TEST_SEED=%llu\n", test, (unsigned long long)seed);
	runs_state = seed ^ UINT64_C(0x9e3779b97f4a7c15);
	runs_state = runs_state ? runs_state : 1;
	runs_random();
}

static inline int32_t run_sink(void *user, const void *bytes, const struct skafu__segment_info *info,
	skafu_error *error)
{
	struct run *run = user;

	(void)error;
	if (run->fail_at && run->count + 1 == run->fail_at)
		return SKAFU_EIO;
	run->bytes = realloc(run->bytes, (run->count + 1) * sizeof *run->bytes);
	run->infos = realloc(run->infos, (run->count + 1) * sizeof *run->infos);
	run->bytes[run->count] = malloc(info->bytes);
	memcpy(run->bytes[run->count], bytes, info->bytes);
	run->infos[run->count++] = *info;
	return SKAFU_OK;
}

static inline int32_t run_load(void *user, uint32_t index, struct skafu__segment *out_segment, skafu_error *error)
{
	struct run *run = user;
	int32_t result;

	if (index >= run->count)
		return 0;
	result = skafu__segment_open(out_segment, run->bytes[index], run->infos[index].bytes, 0, error);
	return result < 0 ? result : 1;
}

static inline void run_done(struct run *run)
{
	for (uint32_t i = 0; i < run->count; i++)
		free(run->bytes[i]);
	free(run->bytes);
	free(run->infos);
	memset(run, 0, sizeof *run);
}

static inline struct skafu__segment_options run_options(struct run *run, size_t bytes_max, int has_extra)
{
	struct skafu__segment_options options;

	memset(&options, 0, sizeof options);
	options.bytes_max = bytes_max;
	options.has_extra = has_extra;
	options.sink = run_sink;
	options.user = run;
	return options;
}

/* The first failure, if any. */
static inline int32_t run_build(struct run *run, const struct skafu__entry *entries, size_t count,
	const struct skafu__segment_options *options)
{
	struct skafu__segment_builder builder;
	int32_t result = skafu__segment_builder_init(&builder, skafu__sys_current(), options, NULL);

	memset(run, 0, sizeof *run);
	for (size_t i = 0; i < count && result == SKAFU_OK; i++)
		result = skafu__segment_builder_add(&builder, &entries[i], NULL);
	if (result == SKAFU_OK)
		result = skafu__segment_builder_finish(&builder, NULL);
	skafu__segment_builder_done(&builder);
	return result;
}

static inline int runs_compare(const void *a, const void *b)
{
	return skafu__entry_compare(a, b);
}

/* Sort, and leave each entry in once. */
static inline size_t runs_settle(struct skafu__entry *entries, size_t count)
{
	size_t kept = 0;

	qsort(entries, count, sizeof *entries, runs_compare);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || skafu__entry_compare(&entries[kept - 1], &entries[i]) != 0)
			entries[kept++] = entries[i];
	return kept;
}

/* A key of a random shape: few small ids, few hashes, many hashes, the ends of the range. */
static inline uint64_t runs_key(unsigned shape)
{
	switch (shape % 6) {
	case 0:
		return runs_below(5);
	case 1:
		return (runs_below(40) + 1) * UINT64_C(0x9e3779b97f4a7c15);
	case 2:
		return runs_random();
	case 3:
		return UINT64_MAX - runs_below(3);
	case 4:
		return runs_below(2) ? 0 : UINT64_MAX - runs_below(2);
	default:
		return UINT64_C(42);
	}
}

/*
 * Random entries, sorted and each once, of a random shape.  Positions begin at `base`; extras are versions of one
 * stream for each key, of two that share it, or anything.
 */
static inline size_t runs_entries(struct skafu__entry *out, size_t count, uint64_t base, int has_extra)
{
	unsigned key_shape = (unsigned)runs_below(6);
	unsigned extra_shape = (unsigned)runs_below(3);
	uint64_t spread = UINT64_C(1) << runs_below(24);
	uint64_t position = base;

	for (size_t i = 0; i < count; i++) {
		position += runs_below(spread) + (has_extra ? runs_below(2) : 1);
		out[i].key = runs_key(key_shape);
		out[i].position = position;
		out[i].extra = 0;
		if (has_extra)
			out[i].extra = extra_shape == 0 ? i + 1 : extra_shape == 1 ? (i % 2
				? i + 1 : i / 3) : runs_random();
	}
	return runs_settle(out, count);
}

#endif
