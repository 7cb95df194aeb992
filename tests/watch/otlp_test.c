/*
 * otlp_test.c: metrics as OTLP/JSON: a message by the list of fields, with the figures that were given.
 */
#include "watch/otlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/otlpfields.h"
#include "watch/watchkit.h"

#define METRICS "resourceMetrics/0/scopeMetrics/0/metrics"

static const cJSON *metric_named(const cJSON *root, const char *name)
{
	const cJSON *metric;

	cJSON_ArrayForEach(metric,
			   otlpfields_at(root, METRICS)) if (strcmp(otlpfields_at(metric, "name")->valuestring,
								    name) == 0) return metric;
	ck_abort_msg("no metric %s", name);
	return NULL;
}

START_TEST(the_list_has_teeth)
{
	char why[200];

	if (!otlpfields_load()) {
		printf("the list of fields is not here\n");
		return;
	}
	ck_assert(otlpfields_check("{\"resourceMetrics\":[]}", "metrics.v1.MetricsData", why));
	ck_assert(!otlpfields_check("{\"resourceSpans\":[]}", "metrics.v1.MetricsData", why));
	ck_assert(!otlpfields_check("{\"traceId\":\"AAAA\"}", "trace.v1.Span", why));
	ck_assert(!otlpfields_check("{\"kind\":9}", "trace.v1.Span", why));
	ck_assert(!otlpfields_check("{\"startTimeUnixNano\":5}", "trace.v1.Span", why));
	ck_assert(!otlpfields_check("{\"gauge\":{},\"sum\":{}}", "metrics.v1.Metric", why));
	ck_assert(!otlpfields_check("{\"bucketCounts\":[1]}", "metrics.v1.HistogramDataPoint", why));
	ck_assert(!otlpfields_check("{", "trace.v1.Span", why));
	otlpfields_done();
}
END_TEST

START_TEST(figures_arrive)
{
	skafu_watch_opts opts = {.size = sizeof opts, .service = "shop \"north\""};
	struct watchkit kit;
	char why[200], *text;
	const cJSON *metric, *point;
	cJSON *root;

	otlpfields_load();
	kit_open(&kit, &opts);
	went(skafu_metric_add(kit.watch, "orders_total", "shop=\"a\\\"b\\nc\",x=\"1\"", 2.5, fault));
	went(skafu_metric_add(kit.watch, "orders_total", "shop=\"z\"", 1, fault));
	went(skafu_metric_set(kit.watch, "depth_bytes", NULL, -1, fault));
	went(skafu_metric_observe(kit.watch, "call_seconds", NULL, 0.25, fault));
	kit_now_ns += KIT_SECOND;
	text = kit_otlp(&kit);
	ck_assert_msg(otlpfields_check(text, "metrics.v1.MetricsData", why), "%s", why);
	root = cJSON_Parse(text);
	ck_assert_str_eq(
		otlpfields_at(root, "resourceMetrics/0/resource/attributes/0/value/stringValue")->valuestring,
		opts.service);
	metric = metric_named(root, "orders_total");
	ck_assert(cJSON_IsTrue(otlpfields_at(metric, "sum/isMonotonic")));
	ck_assert_int_eq(otlpfields_at(metric, "sum/aggregationTemporality")->valueint, 2);
	point = otlpfields_at(metric, "sum/dataPoints/0");
	ck_assert_str_eq(otlpfields_at(point, "attributes/0/key")->valuestring, "shop");
	ck_assert_str_eq(otlpfields_at(point, "attributes/0/value/stringValue")->valuestring, "a\"b\nc");
	ck_assert_str_eq(otlpfields_at(point, "startTimeUnixNano")->valuestring, "1700001000000000000");
	ck_assert_str_eq(otlpfields_at(point, "timeUnixNano")->valuestring, "1700001001000000000");
	ck_assert(otlpfields_at(point, "asDouble")->valuedouble == 2.5);
	ck_assert(otlpfields_at(metric, "sum/dataPoints/1/asDouble")->valuedouble == 1);
	metric = metric_named(root, "depth_bytes");
	ck_assert(otlpfields_at(metric, "gauge/dataPoints/0/asDouble")->valuedouble == -1);
	ck_assert_str_eq(otlpfields_at(metric, "unit")->valuestring, "By");
	metric = metric_named(root, "call_seconds");
	point = otlpfields_at(metric, "histogram/dataPoints/0");
	ck_assert_str_eq(otlpfields_at(point, "count")->valuestring, "1");
	ck_assert_int_eq(cJSON_GetArraySize(otlpfields_at(point, "bucketCounts")), SKAFU__HISTOGRAM_BOUNDS + 1);
	ck_assert_int_eq(cJSON_GetArraySize(otlpfields_at(point, "explicitBounds")), SKAFU__HISTOGRAM_BOUNDS);
	ck_assert_str_eq(otlpfields_at(point, "bucketCounts/16")->valuestring, "1"); /* up to 0.25 */
	ck_assert_str_eq(otlpfields_at(metric, "unit")->valuestring, "s");
	ck_assert(cJSON_IsString(otlpfields_at(metric_named(root, "skafu_log_records"), "description")));
	cJSON_Delete(root);
	skafu_text_free(text);
	kit_close(&kit);
	otlpfields_done();
}
END_TEST

START_TEST(memory_runs_out_anywhere)
{
	struct watchkit kit;
	char *text = NULL;
	size_t length = 0;
	int32_t rc = SKAFU_ENOMEM;

	kit_open(&kit, NULL);
	went(skafu_metric_observe(kit.watch, "x", "l=\"v\"", 1, fault));
	for (long from = 1; rc == SKAFU_ENOMEM && from < 1000; from++) {
		kit_memory_fails(from);
		rc = skafu_metrics_otlp(kit.watch, &text, &length, fault);
		kit_memory_fails(0);
		ck_assert((rc == 0) == (text != NULL));
	}
	ck_assert_int_eq(rc, 0);
	skafu_text_free(text);
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, the_list_has_teeth);
	tcase_add_test(tests, figures_arrive);
	tcase_add_test(tests, memory_runs_out_anywhere);
}

int main(void)
{
	return tempstore_main("otlp", add);
}
