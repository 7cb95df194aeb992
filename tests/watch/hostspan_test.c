/*
 * hostspan_test.c: spans of the host: parents, attributes, sampling, limits, and life after the watch.
 */
#include "watch/watch.h"

#include <stdio.h>
#include <string.h>

#include "watch/otlpfields.h"
#include "watch/watchkit.h"

#define SPAN "resourceSpans/0/scopeSpans/0/spans/0"

static struct watchkit kit;

static skafu_span *begun(const skafu_trace_context *parent)
{
	skafu_span *span = NULL;

	went(skafu_span_begin(kit.watch, "GET /orders", SKAFU_SPAN_SERVER, parent, &span, fault));
	return span;
}

static cJSON *taken(void)
{
	char why[200], *text = kit_spans(&kit, 1);
	cJSON *root;

	ck_assert_msg(otlpfields_check(text, "trace.v1.TracesData", why), "%s", why);
	root = cJSON_Parse(text);
	skafu_text_free(text);
	return root;
}

START_TEST(a_span)
{
	skafu_trace_context parent = {.size = sizeof parent}, own = {.size = sizeof own};
	skafu_span *span;
	const cJSON *found;
	char text[56], id[17] = "";
	cJSON *root;

	kit_open(&kit, NULL);
	ck_assert_int_eq(skafu_trace_parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &parent), 0);
	span = begun(&parent);
	went(skafu_span_set(span, "http.method", "GET", fault));
	went(skafu_span_set(span, "http.path", "/\"orders\"\n", fault));
	went(skafu_span_set(span, "http.method", "PUT", fault));
	ck_assert_int_eq(skafu_span_context(span, &own), 0);
	ck_assert_mem_eq(own.trace_id, parent.trace_id, 16);
	ck_assert_mem_ne(own.span_id, parent.span_id, 8);
	kit_now_ns += 5000;
	skafu_span_end(span, SKAFU_EHOST, "it broke");
	root = taken();
	found = otlpfields_at(root, SPAN);
	ck_assert_int_eq(skafu_trace_format(&own, text), 0);
	memcpy(id, text + 36, 16);
	ck_assert_str_eq(otlpfields_at(found, "spanId")->valuestring, id);
	ck_assert_str_eq(otlpfields_at(found, "parentSpanId")->valuestring, "00f067aa0ba902b7");
	ck_assert_str_eq(otlpfields_at(found, "name")->valuestring, "GET /orders");
	ck_assert_int_eq(otlpfields_at(found, "kind")->valueint, 2);
	ck_assert_str_eq(otlpfields_at(found, "startTimeUnixNano")->valuestring, "1700001000000000000");
	ck_assert_str_eq(otlpfields_at(found, "endTimeUnixNano")->valuestring, "1700001000000005000");
	ck_assert_int_eq(cJSON_GetArraySize(otlpfields_at(found, "attributes")), 2);
	ck_assert_str_eq(otlpfields_at(found, "attributes/0/value/stringValue")->valuestring, "/\"orders\"\n");
	ck_assert_str_eq(otlpfields_at(found, "attributes/1/value/stringValue")->valuestring, "PUT");
	ck_assert_str_eq(otlpfields_at(found, "status/message")->valuestring, "it broke");
	cJSON_Delete(root);
	skafu_span_end(begun(NULL), SKAFU_EIO, NULL);
	root = taken();
	ck_assert_str_eq(otlpfields_at(root, SPAN "/status/message")->valuestring, "SKAFU_EIO");
	ck_assert_ptr_null(otlpfields_at(root, SPAN "/parentSpanId"));
	cJSON_Delete(root);
	skafu_span_end(NULL, 0, NULL);
	kit_close(&kit);
}
END_TEST

START_TEST(sampling)
{
	skafu_watch_opts opts = {.size = sizeof opts, .unsampled_percent = 100};
	skafu_trace_context context = {.size = sizeof context};
	skafu_span *span;
	uint32_t sampled = 0;

	kit_open(&kit, &opts);
	span = begun(NULL);
	ck_assert_int_eq(skafu_span_context(span, &context), 0);
	ck_assert_uint_eq(context.flags, 0);
	skafu_span_end(span, 0, NULL);
	context.flags = 1; /* who calls has decided otherwise */
	skafu_span_end(begun(&context), 0, NULL);
	cJSON_Delete(taken());
	kit_close(&kit);
	opts.unsampled_percent = 50;
	kit_open(&kit, &opts);
	for (int i = 0; i < 1000; i++) {
		span = begun(NULL);
		ck_assert_int_eq(skafu_span_context(span, &context), 0);
		sampled += context.flags;
		skafu_span_end(span, 0, NULL);
	}
	ck_assert(sampled > 350 && sampled < 650);
	skafu_text_free(kit_spans(&kit, (int32_t)sampled));
	kit_close(&kit);
}
END_TEST

START_TEST(limits)
{
	skafu_span *span = NULL;
	static char large[20000];
	char key[20];

	kit_open(&kit, NULL);
	memset(large, 'x', sizeof large - 1);
	span = begun(NULL);
	refused(SKAFU_ELIMIT, skafu_span_set(span, "a", large, fault));
	went(skafu_span_set(span, "a", "still works", fault));
	refused(SKAFU_ELIMIT, skafu_span_set(span, large, "b", fault));
	refused(SKAFU_EINVAL, skafu_span_set(span, "", "b", fault));
	refused(SKAFU_EINVAL, skafu_span_set(span, NULL, "b", fault));
	refused(SKAFU_EINVAL, skafu_span_set(span, "a", NULL, fault));
	refused(SKAFU_EINVAL, skafu_span_set(NULL, "a", "b", fault));
	refused(SKAFU_EUTF8, skafu_span_set(span, "a", "\xff", fault));
	for (uint32_t i = 1; i < SKAFU__SPAN_ATTRIBUTES_MAX; i++) {
		snprintf(key, sizeof key, "k%u", i);
		went(skafu_span_set(span, key, "v", fault));
	}
	refused(SKAFU_ELIMIT, skafu_span_set(span, "one more", "v", fault));
	went(skafu_span_set(span, "a", "again", fault));
	large[3000] = '\0';
	skafu_span_end(span, -999, large);
	cJSON_Delete(taken());
	large[300] = '\0';
	refused(SKAFU_ELIMIT, skafu_span_begin(kit.watch, large, SKAFU_SPAN_CLIENT, NULL, &span, fault));
	refused(SKAFU_EINVAL, skafu_span_begin(kit.watch, NULL, SKAFU_SPAN_CLIENT, NULL, &span, fault));
	refused(SKAFU_EINVAL, skafu_span_begin(kit.watch, "s", 0, NULL, &span, fault));
	refused(SKAFU_EINVAL, skafu_span_begin(kit.watch, "s", 6, NULL, &span, fault));
	refused(SKAFU_EINVAL, skafu_span_begin(kit.watch, "s", 1, NULL, NULL, fault));
	refused(SKAFU_EINVAL, skafu_span_begin(NULL, "s", 1, NULL, &span, fault));
	refused(SKAFU_EOPTION, skafu_span_begin(kit.watch, "s", 1, &(skafu_trace_context){0}, &span, fault));
	refused(SKAFU_EINVAL,
		skafu_span_begin(kit.watch, "s", 1, &(skafu_trace_context){.size = sizeof(skafu_trace_context)},
				 &span, fault));
	ck_assert_int_eq(skafu_span_context(NULL, &(skafu_trace_context){.size = sizeof(skafu_trace_context)}),
			 SKAFU_EINVAL);
	kit_close(&kit);
	ck_assert_int_eq(kit_blocks, 0);
}
END_TEST

START_TEST(bad_takes)
{
	char *text = NULL;
	size_t length = 0;

	kit_open(&kit, NULL);
	refused(SKAFU_EINVAL, skafu_spans_take(NULL, 1, &text, &length, fault));
	refused(SKAFU_EINVAL, skafu_spans_take(kit.watch, 0, &text, &length, fault));
	refused(SKAFU_EINVAL, skafu_spans_take(kit.watch, 1, NULL, &length, fault));
	refused(SKAFU_EINVAL, skafu_spans_take(kit.watch, 1, &text, NULL, fault));
	kit_close(&kit);
}
END_TEST

START_TEST(a_span_outlives_the_watch)
{
	skafu_span *span;
	skafu_trace_context context = {.size = sizeof context};

	kit_open(&kit, NULL);
	span = begun(NULL);
	skafu_watch_close(kit.watch);
	skafu_store_close(kit.store);
	went(skafu_span_set(span, "a", "b", fault));
	ck_assert_int_eq(skafu_span_context(span, &context), 0);
	skafu_span_end(span, 0, NULL);
	ck_assert_int_eq(kit_blocks, 0);
	skafu__sys_override(NULL);
}
END_TEST

START_TEST(memory_runs_out)
{
	int32_t rc = SKAFU_ENOMEM;

	for (long from = 1; rc == SKAFU_ENOMEM && from < 20; from++) {
		skafu_span *span = NULL;

		kit_open(&kit, NULL);
		kit_memory_fails(from);
		rc = skafu_span_begin(kit.watch, "s", 1, NULL, &span, fault);
		if (rc == 0)
			rc = skafu_span_set(span, "a", "b", fault);
		skafu_span_end(span, 0, NULL);
		kit_memory_fails(0);
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		kit_close(&kit);
		ck_assert_int_eq(kit_blocks, 0);
	}
	ck_assert_int_eq(rc, 0);
}
END_TEST

static void add(TCase *tests)
{
	otlpfields_load();
	tcase_add_test(tests, a_span);
	tcase_add_test(tests, sampling);
	tcase_add_test(tests, limits);
	tcase_add_test(tests, bad_takes);
	tcase_add_test(tests, a_span_outlives_the_watch);
	tcase_add_test(tests, memory_runs_out);
}

int main(void)
{
	int failed = tempstore_main("hostspan", add);

	otlpfields_done();
	return failed;
}
