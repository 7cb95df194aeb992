/*
 * stats_test.c: percentiles against sorted numbers, and figures that live with their model.
 */
#include "run/stats.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run/kit.h"

#define NUMBERS 20000

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

START_TEST(percentiles)
{
	static const uint32_t parts[] = {1, 500, 950, 990, 1000};
	static uint64_t numbers[NUMBERS];
	static struct skafu__times times;

	seeded("percentiles");
	memset(&times, 0, sizeof times);
	ck_assert_uint_eq(skafu__times_part(&times, 500), 0);
	for (size_t i = 0; i < NUMBERS; i++) {
		numbers[i] = random_u64() >> (24 + random_below(39));
		skafu__times_add(&times, (int64_t)numbers[i], 1);
	}
	qsort(numbers, NUMBERS, sizeof *numbers, compare);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		uint64_t rank = ((uint64_t)NUMBERS * parts[i] + 999) / 1000;
		uint64_t exact = numbers[rank - 1];
		uint64_t said = skafu__times_part(&times, parts[i]);
		ck_assert_uint_ge(said, exact);
		ck_assert_uint_le(said, exact + exact / 15 + 1);
	}
}
END_TEST

START_TEST(ends_of_the_scale)
{
	static struct skafu__times times;

	memset(&times, 0, sizeof times);
	skafu__times_add(&times, -5, 1);
	ck_assert_uint_eq(skafu__times_part(&times, 1000), 0);
	skafu__times_add(&times, 7, 3);
	ck_assert_uint_eq(skafu__times_part(&times, 500), 7);
	skafu__times_add(&times, INT64_MAX, 100);
	ck_assert_uint_gt(skafu__times_part(&times, 990), UINT64_C(1) << 40);
}
END_TEST

START_TEST(figures_live_with_the_model)
{
	static struct kit kit;
	struct skafu__figures *one = NULL;
	struct skafu__figures *again = NULL;

	kit_open(&kit);
	ck_assert_ptr_null(skafu__figures_find(kit.model, "one"));
	went(skafu__figures_of(kit.model, "one", &one, fault));
	went(skafu__figures_of(kit.model, "two", &again, fault));
	went(skafu__figures_of(kit.model, "one", &again, fault));
	ck_assert_ptr_eq(one, again);
	ck_assert_ptr_eq(one, skafu__figures_find(kit.model, "one"));
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, percentiles);
	tcase_add_test(tests, ends_of_the_scale);
	tcase_add_test(tests, figures_live_with_the_model);
}

int main(void)
{
	return tempstore_main("stats", add);
}
