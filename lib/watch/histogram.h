/*
 * histogram.h: how often values of which size were observed: for ever in the buckets that are exported, and finely
 * over the last minute, from which quantiles are read.
 *
 * The fine buckets divide each power of two into four, from 2^-30 to 2^34, so a quantile is off by an eighth at most,
 * and not at all when all values are alike.  The minute is six windows of ten seconds; one that is ten seconds old
 * and more counts whole until it is dropped, so the minute has 50 to 60 seconds.
 */
#ifndef SKAFU__WATCH_HISTOGRAM_H
#define SKAFU__WATCH_HISTOGRAM_H

#include <stdint.h>

#define SKAFU__HISTOGRAM_BOUNDS 24u
#define SKAFU__HISTOGRAM_FINE 256u
#define SKAFU__HISTOGRAM_WINDOWS 6u

struct skafu__window {
	int64_t number; /* since the clock began; 0: nothing is in it */
	uint64_t count;
	double least;
	double most;
	uint32_t fine[SKAFU__HISTOGRAM_FINE];
};

struct skafu__histogram {
	const double *bounds;                          /* SKAFU__HISTOGRAM_BOUNDS of them, ascending */
	uint64_t counts[SKAFU__HISTOGRAM_BOUNDS + 1]; /* not cumulative; the last is of what lies beyond */
	uint64_t count;
	double sum;
	struct skafu__window windows[SKAFU__HISTOGRAM_WINDOWS];
};

/* The bounds for a metric of this name: 1, 2.5, 5, 10 ... from a microsecond to 50 seconds for what is counted in
 * seconds, from 1 to 50 million for all else. */
const double *skafu__histogram_bounds(const char *name);

void skafu__histogram_init(struct skafu__histogram *histogram, const double *bounds);

/* `times` observations of one value that is not negative, at a moment of the monotonic clock. */
void skafu__histogram_observe(struct skafu__histogram *histogram, double value, uint64_t times, int64_t now_ns);

/* The value below which a share of the last minute's observations lies; 0 when there were none, else 1. */
int skafu__histogram_quantile(const struct skafu__histogram *histogram, double share, int64_t now_ns, double *out);

#endif
