/*
 * metric_test.c: figures of the host: what is taken, what is refused, what can be asked.
 */
#include "watch/watch.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "watch/exposition.h"
#include "watch/watchkit.h"

static struct watchkit kit;

START_TEST(figures)
{
	kit_open(&kit, NULL);
	went(skafu_metric_add(kit.watch, "c", NULL, 2, fault));
	went(skafu_metric_add(kit.watch, "c", "", 3, fault));
	ck_assert(kit_figure(&kit, "c", NULL, SKAFU_METRIC_VALUE) == 5);
	kit_step(&kit, 2);
	ck_assert(kit_figure(&kit, "c", NULL, SKAFU_METRIC_RATE) == 2.5);
	went(skafu_metric_set(kit.watch, "g", "x=\"1\"", -DBL_MAX, fault));
	ck_assert(kit_figure(&kit, "g", "x=\"1\"", SKAFU_METRIC_VALUE) == -DBL_MAX);
	for (int i = 1; i <= 100; i++)
		went(skafu_metric_observe(kit.watch, "h", NULL, i, fault));
	ck_assert(kit_figure(&kit, "h", NULL, SKAFU_METRIC_VALUE) == 100);
	ck_assert(fabs(kit_figure(&kit, "h", NULL, SKAFU_METRIC_P50) - 50) < 7);
	ck_assert(fabs(kit_figure(&kit, "h", NULL, SKAFU_METRIC_P95) - 95) < 7);
	ck_assert(kit_figure(&kit, "h", NULL, SKAFU_METRIC_P99) <= 100);
	kit_close(&kit);
}
END_TEST

START_TEST(refusals)
{
	double value = 7;
	char large[300];

	kit_open(&kit, NULL);
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	refused(SKAFU_EINVAL, skafu_metric_add(NULL, "c", NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_metric_add(kit.watch, NULL, NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_metric_add(kit.watch, "", NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_metric_add(kit.watch, "1c", NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_metric_add(kit.watch, "c d", NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_metric_add(kit.watch, "c\n", NULL, 1, fault));
	refused(SKAFU_ELIMIT, skafu_metric_add(kit.watch, large, NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_metric_add(kit.watch, "skafu_mine", NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_metric_add(kit.watch, "c", NULL, -1, fault));
	refused(SKAFU_EINVAL, skafu_metric_add(kit.watch, "c", NULL, (double)NAN, fault));
	refused(SKAFU_EINVAL, skafu_metric_set(kit.watch, "c", NULL, (double)INFINITY, fault));
	refused(SKAFU_EINVAL, skafu_metric_observe(kit.watch, "c", NULL, -0.5, fault));
	refused(SKAFU_EINVAL, skafu_metric_observe(kit.watch, "c", "x", 1, fault));
	refused(SKAFU_ENOTFOUND, skafu_metric_get(kit.watch, "c", NULL, SKAFU_METRIC_VALUE, &value, fault));
	went(skafu_metric_add(kit.watch, "c", NULL, 0, fault));
	refused(SKAFU_EDEFINITION, skafu_metric_set(kit.watch, "c", NULL, 1, fault));
	refused(SKAFU_ENOTFOUND, skafu_metric_get(kit.watch, "c", "x=\"1\"", SKAFU_METRIC_VALUE, &value, fault));
	refused(SKAFU_ENOTFOUND, skafu_metric_get(kit.watch, "c", NULL, SKAFU_METRIC_RATE, &value, fault));
	refused(SKAFU_ENOTFOUND, skafu_metric_get(kit.watch, "c", NULL, SKAFU_METRIC_P50, &value, fault));
	refused(SKAFU_EINVAL, skafu_metric_get(kit.watch, "c", NULL, 0, &value, fault));
	refused(SKAFU_EINVAL, skafu_metric_get(kit.watch, "c", NULL, 6, &value, fault));
	refused(SKAFU_EINVAL, skafu_metric_get(kit.watch, "c", NULL, SKAFU_METRIC_VALUE, NULL, fault));
	refused(SKAFU_EINVAL, skafu_metric_get(NULL, "c", NULL, SKAFU_METRIC_VALUE, &value, fault));
	refused(SKAFU_EINVAL, skafu_metrics_prometheus(kit.watch, NULL, NULL, fault));
	refused(SKAFU_EINVAL, skafu_metrics_otlp(NULL, NULL, NULL, fault));
	ck_assert(value == 7);
	kit_close(&kit);
}
END_TEST

#define ROUNDS 3000

static void *use_all(void *user)
{
	const char *labels = user;

	for (int i = 0; i < ROUNDS; i++) {
		kit_report(&kit, &(struct skafu__probe_event){.kind = SKAFU__PROBE_HANDLED,
							      .count = 1,
							      .value = 5,
							      .name = labels,
							      .id = (const uint8_t *)"0123456789abcdef",
							      .begin_ns = KIT_WALL_BEGIN,
							      .end_ns = KIT_WALL_BEGIN});
		skafu_metric_add(kit.watch, "c", labels, 1, NULL);
		skafu_metric_observe(kit.watch, "h", labels, 1, NULL);
	}
	return NULL;
}

static void *export_all(void *user)
{
	for (int i = 0; i < 100; i++) {
		char *text = NULL;
		size_t length;

		kit_now_ns += KIT_SECOND;
		skafu_watch_step(kit.watch, NULL, NULL);
		if (skafu_metrics_prometheus(kit.watch, &text, &length, NULL) == 0)
			skafu_text_free(text);
		if (skafu_spans_take(kit.watch, 100, &text, &length, NULL) > 0)
			skafu_text_free(text);
	}
	return user;
}

START_TEST(any_thread)
{
	static char labels[3][20] = {"a=\"1\"", "a=\"2\"", "a=\"2\""};
	pthread_t threads[4];
	char why[200], *text;

	kit_open(&kit, NULL);
	went(skafu_alarm_add_defaults(kit.watch, fault));
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_all, labels[i]), 0);
	ck_assert_int_eq(pthread_create(&threads[3], NULL, export_all, NULL), 0);
	for (int i = 0; i < 100; i++)
		append_event(kit.store, "s", "T", NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert(kit_figure(&kit, "c", "a=\"1\"", SKAFU_METRIC_VALUE) == ROUNDS);
	ck_assert(kit_figure(&kit, "c", "a=\"2\"", SKAFU_METRIC_VALUE) == 2 * ROUNDS);
	ck_assert(kit_figure(&kit, "h", "a=\"2\"", SKAFU_METRIC_VALUE) == 2 * ROUNDS);
	text = kit_prometheus(&kit);
	ck_assert_msg(exposition_read(text, why) > 0, "%s", why);
	ck_assert(exposition_value(text, "skafu_commits_total") == 100);
	ck_assert(exposition_value(text, "skafu_handled_total{consumer=\"a=\\\"2\\\"\"}") == 2 * ROUNDS);
	skafu_text_free(text);
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, figures);
	tcase_add_test(tests, refusals);
	tcase_add_test(tests, any_thread);
}

int main(void)
{
	return tempstore_main("metric", add);
}
