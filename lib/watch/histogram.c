#include "watch/histogram.h"

#include <float.h>
#include <string.h>

#define HISTOGRAM_WINDOW_NS INT64_C(10000000000)
#define HISTOGRAM_FINE_SHIFT 50u /* of the bits of a double: leaves the exponent and two bits of the fraction */
#define HISTOGRAM_FINE_FIRST ((1023u - 30u) << 2)

static const double histogram_seconds[SKAFU__HISTOGRAM_BOUNDS] = {
	1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
	0.01, 0.025,  0.05, 0.1,  0.25,   0.5,  1,    2.5,    5,    10,   25,     50};
static const double histogram_numbers[SKAFU__HISTOGRAM_BOUNDS] = {
	1,   2.5,   5,   10,  25,    50,  100, 250,   500, 1000, 2500,  5000,
	1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7,  2.5e7, 5e7};

const double *skafu__histogram_bounds(const char *name)
{
	static const char suffix[] = "_seconds";
	size_t length = strlen(name);
	int is_seconds = length >= sizeof suffix - 1 && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
	return is_seconds ? histogram_seconds : histogram_numbers;
}

void skafu__histogram_init(struct skafu__histogram *histogram, const double *bounds)
{
	memset(histogram, 0, sizeof *histogram);
	histogram->bounds = bounds;
}

/* The first bucket whose bound the value does not pass. */
static uint32_t histogram_bucket(const double *bounds, double value)
{
	uint32_t from = 0;
	uint32_t to = SKAFU__HISTOGRAM_BOUNDS;
	while (from < to) {
		uint32_t middle = (from + to) / 2;
		if (value <= bounds[middle])
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

static uint32_t histogram_fine(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	uint64_t place = bits >> HISTOGRAM_FINE_SHIFT;
	if (place <= HISTOGRAM_FINE_FIRST)
		return 0;
	place -= HISTOGRAM_FINE_FIRST;
	return place < SKAFU__HISTOGRAM_FINE ? (uint32_t)place : SKAFU__HISTOGRAM_FINE - 1;
}

static double histogram_fine_from(uint32_t fine)
{
	uint64_t bits = ((uint64_t)fine + HISTOGRAM_FINE_FIRST) << HISTOGRAM_FINE_SHIFT;
	double value;
	memcpy(&value, &bits, sizeof value);
	return fine == 0 ? 0 : value;
}

static int64_t histogram_window_number(int64_t now_ns)
{
	return now_ns / HISTOGRAM_WINDOW_NS + 1;
}

static uint32_t histogram_add_u32(uint32_t a, uint64_t b)
{
	return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

void skafu__histogram_observe(struct skafu__histogram *histogram, double value, uint64_t times, int64_t now_ns)
{
	int64_t number = histogram_window_number(now_ns);
	struct skafu__window *window = &histogram->windows[(uint64_t)number % SKAFU__HISTOGRAM_WINDOWS];
	if (window->number != number) {
		memset(window, 0, sizeof *window);
		window->number = number;
		window->least = value;
		window->most = value;
	}
	window->least = value < window->least ? value : window->least;
	window->most = value > window->most ? value : window->most;
	window->count += times;
	uint32_t *fine = &window->fine[histogram_fine(value)];
	*fine = histogram_add_u32(*fine, times);
	histogram->counts[histogram_bucket(histogram->bounds, value)] += times;
	histogram->count += times;
	histogram->sum += value * (double)times;
	if (histogram->sum > DBL_MAX)
		histogram->sum = DBL_MAX;
}

/* The windows of the last minute as one. */
static void histogram_gather(const struct skafu__histogram *histogram, int64_t now_ns, struct skafu__window *out)
{
	int64_t newest = histogram_window_number(now_ns);
	memset(out, 0, sizeof *out);
	out->least = DBL_MAX;
	for (uint32_t i = 0; i < SKAFU__HISTOGRAM_WINDOWS; i++) {
		const struct skafu__window *window = &histogram->windows[i];
		if (window->count == 0 || window->number + (int64_t)SKAFU__HISTOGRAM_WINDOWS <= newest)
			continue;
		out->least = window->least < out->least ? window->least : out->least;
		out->most = window->most > out->most ? window->most : out->most;
		for (uint32_t f = 0; f < SKAFU__HISTOGRAM_FINE; f++) {
			out->fine[f] = histogram_add_u32(out->fine[f], window->fine[f]);
			out->count += window->fine[f];
		}
	}
}

int skafu__histogram_quantile(const struct skafu__histogram *histogram, double share, int64_t now_ns, double *out)
{
	struct skafu__window all;
	histogram_gather(histogram, now_ns, &all);
	if (all.count == 0)
		return 0;
	double rank = share * (double)all.count;
	double below = 0;
	uint32_t fine = 0;
	while (fine < SKAFU__HISTOGRAM_FINE - 1 && (all.fine[fine] == 0 || below + all.fine[fine] < rank))
		below += all.fine[fine++];
	double from = histogram_fine_from(fine);
	double to = fine == SKAFU__HISTOGRAM_FINE - 1 ? all.most : histogram_fine_from(fine + 1);
	double part = all.fine[fine] ? (rank - below) / all.fine[fine] : 1;
	double value = from + (to - from) * (part > 1 ? 1 : part);
	value = value < all.least ? all.least : value;
	*out = value > all.most ? all.most : value;
	return 1;
}
