/* Clocks, percentiles, medians over pairs, memory and disk use of the benches. */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_PAIRS_MAX 5
#define BENCH_FIGURES 9

uint64_t bench_now_ns(void);
uint64_t bench_cpu_ns(void); /* of the process, all threads */
void bench_sleep_ns(uint64_t wait_ns);

/* Collects latencies; those beyond the capacity are not kept, so size it for the run. */
struct bench_samples {
	uint64_t *ns;
	size_t count;
	size_t max;
};

int bench_samples_init(struct bench_samples *s, size_t max);
void bench_samples_free(struct bench_samples *s);
void bench_samples_add(struct bench_samples *s, uint64_t ns);
/* Sorts in place; fraction 0..1; microseconds. 0 without samples. */
double bench_samples_us(struct bench_samples *s, double fraction);

/* The figures of up to five interleaved pairs. A count of 0 means that this side was not measured. */
struct bench_series {
	double own[BENCH_FIGURES][BENCH_PAIRS_MAX];
	double reference[BENCH_FIGURES][BENCH_PAIRS_MAX];
	unsigned own_count;
	unsigned reference_count;
};

struct bench_ratio {
	double middle, low, high;
};

double bench_median(const double *values, unsigned count);
/* own / reference of each pair: their median and spread. All 0 when either side is absent. */
struct bench_ratio bench_series_ratio(const struct bench_series *s, unsigned own_figure, unsigned reference_figure);

uint64_t bench_rss_anon_bytes(void);
/* Blocks that the files of a directory occupy. */
uint64_t bench_dir_bytes(const char *dir);
int bench_dir_make(const char *dir);
void bench_dir_remove(const char *dir);

#endif
