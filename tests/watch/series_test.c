/*
 * series_test.c: kinds, the ceiling, names that collide, rates, copies; memory that runs out anywhere.
 */
#include "watch/series.h"

#include <stdio.h>
#include <string.h>

#include "base/failing.h"
#include "skafu_watch.h"
#include "store/tempstore.h"

static const uint8_t key[16] = {1};
static struct skafu__metrics table;
static struct failing failing;

static void begin(uint32_t series_max)
{
	failing_init(&failing);
	skafu__metrics_init(&table, &failing.sys, series_max, key);
}

static void end(void)
{
	skafu__metrics_done(&table);
	ck_assert_int_eq(failing.live, 0);
}

static int32_t enter(const char *name, uint32_t kind, const char *text, struct skafu__series **out)
{
	struct skafu__labels labels;

	went(skafu__labels_read(text, &labels, fault));
	return skafu__metrics_enter(&table, name, NULL, kind, &labels, out, fault);
}

START_TEST(kinds_stay)
{
	struct skafu__series *a = NULL, *b = NULL;

	begin(10);
	went(enter("x", SKAFU__METRIC_COUNTER, "a=\"1\"", &a));
	went(enter("x", SKAFU__METRIC_COUNTER, "a=\"1\"", &b));
	ck_assert_ptr_eq(a, b);
	went(enter("x", SKAFU__METRIC_COUNTER, "a=\"2\"", &b));
	ck_assert_ptr_ne(a, b);
	refused(SKAFU_EDEFINITION, enter("x", SKAFU__METRIC_GAUGE, "", &b));
	refused(SKAFU_EDEFINITION, enter("x", SKAFU__METRIC_HISTOGRAM, "a=\"1\"", &b));
	ck_assert(table.count == 2 && table.family_count == 1);
	end();
}
END_TEST

START_TEST(names_that_collide)
{
	struct skafu__series *series = NULL;

	begin(10);
	went(enter("x_count", SKAFU__METRIC_GAUGE, "", &series));
	refused(SKAFU_EDEFINITION, enter("x", SKAFU__METRIC_HISTOGRAM, "", &series));
	went(enter("y", SKAFU__METRIC_HISTOGRAM, "", &series));
	refused(SKAFU_EDEFINITION, enter("y_bucket", SKAFU__METRIC_COUNTER, "", &series));
	refused(SKAFU_EDEFINITION, enter("y_sum", SKAFU__METRIC_GAUGE, "", &series));
	refused(SKAFU_EDEFINITION, enter("y_count", SKAFU__METRIC_HISTOGRAM, "", &series));
	went(enter("y_counts", SKAFU__METRIC_GAUGE, "", &series));
	went(enter("_sum", SKAFU__METRIC_GAUGE, "", &series));
	end();
}
END_TEST

START_TEST(there_is_a_ceiling)
{
	struct skafu__series *series = NULL;
	char text[40];

	begin(3);
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "n=\"%d\"", i);
		went(enter("x", SKAFU__METRIC_GAUGE, text, &series));
	}
	refused(SKAFU_ELIMIT, enter("x", SKAFU__METRIC_GAUGE, "n=\"3\"", &series));
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "other%d", i);
		refused(SKAFU_ELIMIT, enter(text, SKAFU__METRIC_GAUGE, "", &series));
	}
	went(enter("x", SKAFU__METRIC_GAUGE, "n=\"2\"", &series));
	ck_assert(table.count == 3 && table.family_count == 1 && table.dropped == 101);
	end();
}
END_TEST

START_TEST(rates)
{
	struct skafu__series *counter = NULL, *gauge = NULL, *histogram = NULL;
	double value = -1;

	begin(10);
	went(enter("c", SKAFU__METRIC_COUNTER, "", &counter));
	went(enter("g", SKAFU__METRIC_GAUGE, "", &gauge));
	went(enter("h", SKAFU__METRIC_HISTOGRAM, "", &histogram));
	skafu__series_add(counter, 10);
	gauge->value = 100;
	skafu__histogram_observe(histogram->histogram, 1, 4, 1);
	ck_assert(!skafu__series_figure(counter, SKAFU_METRIC_RATE, 1, &value));
	skafu__metrics_step(&table, 2);
	ck_assert(skafu__series_figure(counter, SKAFU_METRIC_RATE, 1, &value) && value == 5);
	ck_assert(skafu__series_figure(histogram, SKAFU_METRIC_RATE, 1, &value) && value == 2);
	ck_assert(!skafu__series_figure(gauge, SKAFU_METRIC_RATE, 1, &value)); /* a gauge does not begin at 0 */
	gauge->value = 90;
	skafu__metrics_step(&table, 5);
	ck_assert(skafu__series_figure(gauge, SKAFU_METRIC_RATE, 1, &value) && value == -2);
	ck_assert(skafu__series_figure(counter, SKAFU_METRIC_RATE, 1, &value) && value == 0);
	ck_assert(!skafu__series_figure(counter, SKAFU_METRIC_P50, 1, &value));
	ck_assert(skafu__series_figure(histogram, SKAFU_METRIC_P50, 1, &value) && value == 1);
	ck_assert(skafu__series_figure(histogram, SKAFU_METRIC_VALUE, 1, &value) && value == 4);
	skafu__series_add(counter, 1.7e308);
	skafu__series_add(counter, 1.7e308);
	ck_assert(counter->value - counter->value == 0);
	end();
}
END_TEST

START_TEST(copies_are_sorted)
{
	static const char *const names[] = {"b", "a", "c"};
	struct skafu__series *series = NULL;
	struct skafu__copy copy = {0};

	begin(100);
	for (int i = 9; i >= 0; i--) {
		char text[40];

		snprintf(text, sizeof text, "n=\"%d\"", i);
		for (size_t k = 0; k < 3; k++)
			went(enter(names[k], SKAFU__METRIC_GAUGE, text, &series));
	}
	ck_assert_int_eq(skafu__copy_make(&copy, &failing.sys, 29), 0);
	ck_assert(!skafu__copy_take(&copy, &table));
	ck_assert_int_eq(skafu__copy_make(&copy, &failing.sys, 30), 0);
	ck_assert(skafu__copy_take(&copy, &table));
	skafu__copy_sort(&copy);
	for (size_t i = 1; i < copy.count; i++) {
		const struct skafu__series *one = copy.each[i - 1].series, *two = copy.each[i].series;
		int order = strcmp(one->family->name, two->family->name);

		ck_assert(order < 0 || (order == 0 && strcmp(one->labels, two->labels) < 0));
	}
	skafu__copy_done(&copy, &failing.sys);
	end();
}
END_TEST

START_TEST(memory_runs_out_anywhere)
{
	for (long left = 0; left < 100; left++) {
		struct skafu__series *series = NULL;
		int32_t rc = 0;
		char text[40];
		int i;

		begin(100);
		failing.left = left;
		for (i = 0; rc == 0 && i < 20; i++) {
			snprintf(text, sizeof text, "m%d", i / 2);
			rc = enter(text, SKAFU__METRIC_HISTOGRAM, i % 2 ? "a=\"1\"" : "", &series);
		}
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		failing.left = -1;
		if (rc != 0) { /* nothing is left half made */
			ck_assert_uint_eq(table.count, (uint32_t)i - 1);
			went(enter(text, SKAFU__METRIC_HISTOGRAM, (i - 1) % 2 ? "a=\"1\"" : "", &series));
		}
		end();
		if (rc == 0 && i == 20)
			return;
	}
	ck_abort_msg("memory never sufficed");
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, kinds_stay);
	tcase_add_test(tests, names_that_collide);
	tcase_add_test(tests, there_is_a_ceiling);
	tcase_add_test(tests, rates);
	tcase_add_test(tests, copies_are_sorted);
	tcase_add_test(tests, memory_runs_out_anywhere);
}

int main(void)
{
	return tempstore_main("series", add);
}
