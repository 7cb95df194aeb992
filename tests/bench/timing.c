/* Clocks, percentiles, medians over pairs, memory and disk use of the benches. */
#include "bench/timing.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

uint64_t bench_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void bench_sleep_ns(uint64_t wait_ns)
{
	struct timespec t = {(time_t)(wait_ns / 1000000000U), (long)(wait_ns % 1000000000U)};

	nanosleep(&t, NULL);
}

int bench_samples_init(struct bench_samples *s, size_t max)
{
	s->ns = calloc(max, sizeof(*s->ns));
	s->count = 0;
	s->max = max;
	return s->ns == NULL ? -1 : 0;
}

void bench_samples_free(struct bench_samples *s)
{
	free(s->ns);
	s->ns = NULL;
}

void bench_samples_add(struct bench_samples *s, uint64_t ns)
{
	if (s->count < s->max)
		s->ns[s->count++] = ns;
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

double bench_samples_us(struct bench_samples *s, double fraction)
{
	if (s->count == 0)
		return 0;
	qsort(s->ns, s->count, sizeof(*s->ns), compare_ns);
	return (double)s->ns[(size_t)(fraction * (double)(s->count - 1))] / 1000.0;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(const double *values, unsigned count)
{
	double sorted[BENCH_PAIRS_MAX];

	if (count == 0)
		return 0;
	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare_doubles);
	if (count % 2 == 0)
		return (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
	return sorted[count / 2];
}

struct bench_ratio bench_series_ratio(const struct bench_series *s, unsigned own_figure, unsigned reference_figure)
{
	struct bench_ratio ratio = {0, 0, 0};
	double each[BENCH_PAIRS_MAX];
	unsigned i, count = s->own_count < s->reference_count ? s->own_count : s->reference_count;

	for (i = 0; i < count; i++) {
		double below = s->reference[reference_figure][i];

		each[i] = below > 0 ? s->own[own_figure][i] / below : 0;
		if (i == 0 || each[i] < ratio.low)
			ratio.low = each[i];
		if (each[i] > ratio.high)
			ratio.high = each[i];
	}
	ratio.middle = bench_median(each, count);
	return ratio;
}

uint64_t bench_rss_anon_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long long kib = 0;
	char line[128];

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "RssAnon: %llu", &kib) == 1)
			break;
	}
	fclose(f);
	return (uint64_t)kib * 1024;
}

/* nftw hands its callback no argument; one bench process walks one directory at a time. */
static uint64_t walk_bytes;

static int add_file(const char *path, const struct stat *st, int kind, struct FTW *level)
{
	(void)path;
	(void)level;
	if (kind == FTW_F)
		walk_bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *level)
{
	(void)st;
	(void)kind;
	(void)level;
	remove(path);
	return 0;
}

uint64_t bench_dir_bytes(const char *dir)
{
	walk_bytes = 0;
	nftw(dir, add_file, 16, FTW_PHYS);
	return walk_bytes;
}

int bench_dir_make(const char *dir)
{
	return mkdir(dir, 0777) == 0 || errno == EEXIST ? 0 : -1;
}

void bench_dir_remove(const char *dir)
{
	nftw(dir, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
}
