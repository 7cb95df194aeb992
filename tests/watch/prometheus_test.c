/*
 * prometheus_test.c: what is exported passes a strict reader, whose teeth are shown first.
 */
#include "watch/prometheus.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "watch/exposition.h"
#include "watch/watchkit.h"

START_TEST(the_reader_has_teeth)
{
	static const char *const bad[] = {
		"# TYPE a counter\na 1", "a 1\n", "# TYPE a counter\n\na 1\n", "# TYPE a counter\nb 1\n",
		"# TYPE a counter\na -1\n", "# TYPE a counter\na x\n", "# TYPE a counter\na  1\n",
		"# TYPE a counter\na 1\na 1\n", "# TYPE a counter\na{b=\"1\"} 1\na{b=\"1\"} 2\n",
		"# TYPE a counter\n# TYPE a counter\na 1\n", "# TYPE a counter\na 1\n# HELP a b\n",
		"# TYPE a counter\n# TYPE b counter\nb 1\n",
		"# TYPE a counter\na 1\n# TYPE b counter\nb 1\n# TYPE a counter\n", "# EOF\n",
		"# TYPE a counter\na{b=\"1\" } 1\n", "# TYPE a counter\na{b=\"1} 1\n", "# TYPE a counter\na{} 1\n",
		"# TYPE a counter\na{b=\"1\",b=\"2\"} 1\n", "# TYPE a counter\na{c=\"1\",b=\"2\"} 1\n",
		"# TYPE a counter\na{b=\"\\t\"} 1\n", "# TYPE a counter\na{b=\"\xff\"} 1\n", "# TYPE a thing\na 1\n",
		"# HELP a \\x\n# TYPE a counter\na 1\n",
		"# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
		"# TYPE a histogram\na_bucket{le=\"2\"} 1\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
		"# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
		"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n",
		"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\n",
		"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\n",
		"# TYPE a histogram\na_bucket{b=\"1\",le=\"+Inf\"} 1\na_sum{b=\"2\"} 1\na_count{b=\"1\"} 1\n",
		"# TYPE a histogram\na 1\n", "# TYPE a gauge\na_sum 1\n",
	};
	char why[200];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(exposition_read(bad[i], why) < 0, "taken: %s", bad[i]);
	ck_assert_int_eq(exposition_read("", why), 0);
	ck_assert_int_eq(exposition_read("# HELP a b\\n\n# TYPE a counter\na{b=\"x,\\\"}\"} 1\n"
					 "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1e-3\nh_count 1\n",
					 why),
			 4);
}
END_TEST

START_TEST(all_kinds)
{
	struct watchkit kit;
	char why[200], *text;

	kit_open(&kit, NULL);
	went(skafu_metric_add(kit.watch, "http_requests_total", "path=\"/\",method=\"GET\"", 2, fault));
	went(skafu_metric_add(kit.watch, "http_requests_total", "method=\"GET\",path=\"/\"", 0.5, fault));
	went(skafu_metric_set(kit.watch, "queue:depth", NULL, -3.25, fault));
	went(skafu_metric_observe(kit.watch, "call_seconds", "to=\"mail\"", 0.003, fault));
	went(skafu_metric_observe(kit.watch, "call_seconds", "to=\"mail\"", 70, fault));
	text = kit_prometheus(&kit);
	ck_assert_msg(exposition_read(text, why) > 0, "%s", why);
	ck_assert(exposition_value(text, "http_requests_total{method=\"GET\",path=\"/\"}") == 2.5);
	ck_assert(exposition_value(text, "queue:depth") == -3.25);
	ck_assert(exposition_value(text, "call_seconds_bucket{to=\"mail\",le=\"0.0025\"}") == 0);
	ck_assert(exposition_value(text, "call_seconds_bucket{to=\"mail\",le=\"0.005\"}") == 1);
	ck_assert(exposition_value(text, "call_seconds_bucket{to=\"mail\",le=\"50\"}") == 1);
	ck_assert(exposition_value(text, "call_seconds_bucket{to=\"mail\",le=\"+Inf\"}") == 2);
	ck_assert(exposition_value(text, "call_seconds_count{to=\"mail\"}") == 2);
	ck_assert(exposition_value(text, "call_seconds_sum{to=\"mail\"}") == 70.003);
	ck_assert(isnan(exposition_value(text, "nothing")));
	skafu_text_free(text);
	kit_close(&kit);
}
END_TEST

/* Whatever the host and the stranger say, the text stays one that can be read. */
START_TEST(hostile_labels)
{
	static const char *const pieces[] = {"\\\\", "\\\"", "\\n", "}", "{", ",", "=", " ", "#", "\xf0\x9f\x98\x80",
					     "le", "\t", "\r", "\x01", "\xe2\x80\xa8"};
	struct watchkit kit;
	char why[200], *text;

	seeded("prometheus");
	kit_open(&kit, NULL);
	for (int i = 0; i < 150; i++) {
		char labels[400] = "a=\"";
		struct skafu__probe_event event = {.kind = SKAFU__PROBE_HANDLED, .count = 1, .value = 5000};

		for (uint32_t k = random_below(20); k > 0; k--)
			strcat(labels, pieces[random_below(sizeof pieces / sizeof *pieces)]);
		event.name = labels; /* raw quotes and backslashes: escaped by the library */
		kit_report(&kit, &event);
		strcat(labels, "\"");
		went(skafu_metric_observe(kit.watch, "hostile", labels, 1, fault));
	}
	text = kit_prometheus(&kit);
	ck_assert_msg(exposition_read(text, why) > 300, "%s", why);
	skafu_text_free(text);
	kit_close(&kit);
}
END_TEST

START_TEST(memory_runs_out_anywhere)
{
	struct watchkit kit;
	char *text = NULL;
	size_t length = 0;
	int32_t rc = SKAFU_ENOMEM;
	long before;

	kit_open(&kit, NULL);
	for (int i = 0; i < 20; i++) {
		char labels[40];

		snprintf(labels, sizeof labels, "n=\"%d\"", i);
		went(skafu_metric_observe(kit.watch, "x", labels, 1, fault));
	}
	skafu_text_free(kit_prometheus(&kit));
	before = kit_blocks;
	for (long from = 1; rc == SKAFU_ENOMEM && from < 1000; from++) {
		kit_memory_fails(from);
		rc = skafu_metrics_prometheus(kit.watch, &text, &length, fault);
		kit_memory_fails(0);
		ck_assert(rc == SKAFU_ENOMEM || rc == 0);
		ck_assert((rc == 0) == (text != NULL));
	}
	ck_assert_int_eq(rc, 0);
	skafu_text_free(text);
	ck_assert_int_eq(kit_blocks, before);
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, the_reader_has_teeth);
	tcase_add_test(tests, all_kinds);
	tcase_add_test(tests, hostile_labels);
	tcase_add_test(tests, memory_runs_out_anywhere);
}

int main(void)
{
	return tempstore_main("prometheus", add);
}
