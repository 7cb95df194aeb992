/*
 * histogram_test.c: buckets against a count by hand, quantiles against sorted values, the minute.
 */
#include "watch/histogram.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

#define SECOND INT64_C(1000000000)

static struct skafu__histogram histogram;

static double quantile(double share, int64_t now)
{
	double value = -1;

	ck_assert(skafu__histogram_quantile(&histogram, share, now, &value));
	return value;
}

START_TEST(bounds)
{
	const double *seconds = skafu__histogram_bounds("x_seconds"), *others = skafu__histogram_bounds("x_bytes");

	ck_assert(seconds[0] == 1e-6 && seconds[SKAFU__HISTOGRAM_BOUNDS - 1] == 50);
	ck_assert(others[0] == 1 && others[SKAFU__HISTOGRAM_BOUNDS - 1] == 5e7);
	ck_assert_ptr_eq(skafu__histogram_bounds("seconds"), others);
	ck_assert_ptr_eq(skafu__histogram_bounds(""), others);
	for (size_t i = 1; i < SKAFU__HISTOGRAM_BOUNDS; i++)
		ck_assert(seconds[i] > seconds[i - 1] && others[i] > others[i - 1]);
	skafu__histogram_init(&histogram, others);
	for (size_t i = 0; i < SKAFU__HISTOGRAM_BOUNDS; i++) { /* a bound belongs to its own bucket */
		skafu__histogram_observe(&histogram, others[i], 1, SECOND);
		ck_assert_uint_eq(histogram.counts[i], 1);
	}
	skafu__histogram_observe(&histogram, 1e9, 3, SECOND);
	ck_assert_uint_eq(histogram.counts[SKAFU__HISTOGRAM_BOUNDS], 3);
	skafu__histogram_observe(&histogram, 0, 2, SECOND);
	ck_assert_uint_eq(histogram.counts[0], 3);
	ck_assert_uint_eq(histogram.count, SKAFU__HISTOGRAM_BOUNDS + 5);
}
END_TEST

START_TEST(alike_values_are_exact)
{
	double value;

	skafu__histogram_init(&histogram, skafu__histogram_bounds("x_seconds"));
	ck_assert(!skafu__histogram_quantile(&histogram, 0.5, 0, &value));
	skafu__histogram_observe(&histogram, 0.0123, 1000, 7 * SECOND);
	ck_assert(quantile(0.5, 7 * SECOND) == 0.0123 && quantile(0.99, 7 * SECOND) == 0.0123);
	ck_assert(fabs(histogram.sum - 12.3) < 1e-9);
	skafu__histogram_init(&histogram, skafu__histogram_bounds("x_seconds"));
	skafu__histogram_observe(&histogram, 0, 1, SECOND);
	ck_assert(quantile(0.95, SECOND) == 0);
	skafu__histogram_observe(&histogram, DBL_MAX, 5, SECOND);
	ck_assert(quantile(0.95, SECOND) > 1e307 && histogram.sum == DBL_MAX);
	skafu__histogram_observe(&histogram, DBL_MIN, 100, SECOND);
	ck_assert(quantile(0.5, SECOND) >= 0 && quantile(0.5, SECOND) < 1e-8);
}
END_TEST

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

START_TEST(quantiles_are_off_by_an_eighth_at_most)
{
	static double values[5000];
	static const double shares[] = {0.5, 0.95, 0.99};

	seeded("histogram");
	for (int round = 0; round < 50; round++) {
		size_t count = 1 + random_below(5000);

		skafu__histogram_init(&histogram, skafu__histogram_bounds("x_seconds"));
		for (size_t i = 0; i < count; i++) {
			values[i] = exp((double)random_below(20000) / 1000.0 - 12.0);
			skafu__histogram_observe(&histogram, values[i], 1, SECOND);
		}
		qsort(values, count, sizeof *values, compare);
		for (size_t s = 0; s < 3; s++) {
			double truth = values[(size_t)ceil(shares[s] * (double)count) - 1];

			ck_assert(fabs(quantile(shares[s], SECOND) - truth) <= truth * 0.26);
		}
		ck_assert(quantile(0.5, SECOND) <= quantile(0.95, SECOND));
		ck_assert(quantile(0.95, SECOND) <= quantile(0.99, SECOND));
	}
}
END_TEST

START_TEST(the_minute_goes_by)
{
	double value;

	skafu__histogram_init(&histogram, skafu__histogram_bounds("x_seconds"));
	skafu__histogram_observe(&histogram, 5, 100, 0);
	for (int64_t now = 0; now < 60; now++)
		ck_assert(quantile(0.5, now * SECOND) == 5);
	ck_assert(!skafu__histogram_quantile(&histogram, 0.5, 60 * SECOND, &value));
	skafu__histogram_observe(&histogram, 1, 1, 65 * SECOND); /* the same window anew */
	ck_assert(quantile(0.99, 65 * SECOND) == 1);
	ck_assert_uint_eq(histogram.count, 101);
	skafu__histogram_observe(&histogram, 9, UINT64_C(1) << 40, 66 * SECOND); /* counts do not run over */
	ck_assert(quantile(0.5, 66 * SECOND) >= 8);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, bounds);
	tcase_add_test(tests, alike_values_are_exact);
	tcase_add_test(tests, quantiles_are_off_by_an_eighth_at_most);
	tcase_add_test(tests, the_minute_goes_by);
}

int main(void)
{
	return tempstore_main("histogram", add);
}
