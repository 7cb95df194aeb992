/*
 * span_test.c: spans of the library: a flow through two domains makes one tree, with and without a traceparent.
 */
#include "watch/span.h"

#include <stdio.h>
#include <string.h>

#include "watch/otlpfields.h"
#include "watch/watchkit.h"

#define SPANS "resourceSpans/0/scopeSpans/0/spans"
#define HEADER "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct watchkit kit;
static const uint8_t command[16] = {1}, paid[16] = {2}, shipped[16] = {3};

static const cJSON *span_named(const cJSON *root, const char *name)
{
	const cJSON *span;

	cJSON_ArrayForEach(span, otlpfields_at(root, SPANS)) if (strcmp(otlpfields_at(span, "name")->valuestring,
									name) == 0) return span;
	ck_abort_msg("no span %s", name);
	return NULL;
}

static const char *text_of(const cJSON *root, const char *span, const char *member)
{
	const cJSON *found = otlpfields_at(span_named(root, span), member);

	return found ? found->valuestring : "";
}

static cJSON *taken(int32_t expected)
{
	char why[200], *text = kit_spans(&kit, expected);
	cJSON *root;

	ck_assert_msg(otlpfields_check(text, "trace.v1.TracesData", why), "%s in %s", why, text);
	root = cJSON_Parse(text);
	skafu_text_free(text);
	return root;
}

static int64_t at_ms(int64_t ms)
{
	return KIT_WALL_BEGIN + ms * 1000000;
}

/* Pay -> Paid -> (shipping) -> Shipped -> (mail). */
static void report_flow(const char *metadata)
{
	struct skafu__probe_event execute = {.kind = SKAFU__PROBE_EXECUTED,
					     .name = "Pay",
					     .type = "Pay",
					     .domain = "sales",
					     .count = 1,
					     .decision = 1,
					     .emitted = 1,
					     .id = command,
					     .correlation = "req-1",
					     .begin_ns = at_ms(0),
					     .end_ns = at_ms(2)};
	struct skafu__probe_event step = {.kind = SKAFU__PROBE_STEP,
					  .name = "shipping",
					  .type = "Paid",
					  .domain = "logistics",
					  .from = "sales",
					  .count = 1,
					  .text = "order-1",
					  .emitted = 1,
					  .id = paid,
					  .causation = command,
					  .correlation = "req-1",
					  .sequence = 1,
					  .recorded_ns = at_ms(2),
					  .begin_ns = at_ms(5),
					  .end_ns = at_ms(9)};
	struct skafu__probe_event failed = {.kind = SKAFU__PROBE_FAILED,
					    .value = 120,
					    .text = "no \"mail\" server",
					    .name = "mailer",
					    .type = "Shipped",
					    .domain = "mail",
					    .from = "logistics",
					    .count = 1,
					    .attempt = 1,
					    .id = shipped,
					    .causation = paid,
					    .correlation = "req-1",
					    .recorded_ns = at_ms(9),
					    .begin_ns = at_ms(10),
					    .end_ns = at_ms(11)};
	struct skafu__probe_event handled = failed;

	handled.kind = SKAFU__PROBE_HANDLED;
	handled.attempt = 2;
	handled.begin_ns = at_ms(20);
	handled.end_ns = at_ms(21);
	if (metadata) {
		execute.metadata = (const uint8_t *)metadata;
		execute.metadata_length = (uint32_t)strlen(metadata);
	}
	kit_report(&kit, &execute);
	kit_report(&kit, &step);
	kit_report(&kit, &failed);
	kit_report(&kit, &handled);
}

START_TEST(one_tree)
{
	cJSON *root;
	const cJSON *span;
	const char *work;
	uint32_t handles = 0;

	kit_open(&kit, NULL);
	report_flow(NULL);
	root = taken(6);
	cJSON_ArrayForEach(span, otlpfields_at(root, SPANS))
	{
		ck_assert_str_eq(otlpfields_at(span, "traceId")->valuestring,
				 text_of(root, "execute Pay", "traceId"));
		if (strcmp(otlpfields_at(span, "name")->valuestring, "handle Shipped") == 0) {
			ck_assert_str_eq(otlpfields_at(span, "parentSpanId")->valuestring,
					 text_of(root, "deliver Shipped", "spanId"));
			handles++;
		}
	}
	ck_assert_uint_eq(handles, 2);
	ck_assert_str_eq(text_of(root, "execute Pay", "parentSpanId"), "");
	ck_assert_str_eq(text_of(root, "deliver Paid", "parentSpanId"), text_of(root, "execute Pay", "spanId"));
	ck_assert_str_eq(text_of(root, "step shipping", "parentSpanId"), text_of(root, "deliver Paid", "spanId"));
	work = text_of(root, "step shipping", "spanId");
	ck_assert_str_eq(text_of(root, "deliver Shipped", "parentSpanId"), work);
	ck_assert_str_eq(text_of(root, "deliver Paid", "startTimeUnixNano"), "1700000000002000000");
	ck_assert_str_eq(text_of(root, "deliver Paid", "endTimeUnixNano"), "1700000000005000000");
	span = span_named(root, "handle Shipped"); /* the first, which failed */
	ck_assert_int_eq(otlpfields_at(span, "status/code")->valueint, 2);
	ck_assert_str_eq(otlpfields_at(span, "status/message")->valuestring, "no \"mail\" server");
	ck_assert_int_eq(otlpfields_at(span, "kind")->valueint, SKAFU_SPAN_CONSUMER);
	ck_assert_ptr_null(otlpfields_at(span_named(root, "step shipping"), "status"));
	cJSON_Delete(root);
	ck_assert_ptr_null(kit_spans(&kit, 0));
	kit_close(&kit);
}
END_TEST

START_TEST(a_traceparent_decides)
{
	cJSON *root;

	kit_open(&kit, &(skafu_watch_opts){.size = sizeof(skafu_watch_opts), .unsampled_percent = 100});
	report_flow("{\"traceparent\":\"" HEADER "\"}");
	root = taken(1); /* the others of this flow say no traceparent here, and begin a trace that is left out */
	ck_assert_str_eq(text_of(root, "execute Pay", "traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
	ck_assert_str_eq(text_of(root, "execute Pay", "parentSpanId"), "00f067aa0ba902b7");
	cJSON_Delete(root);
	kit_close(&kit);
	kit_open(&kit, NULL);
	report_flow("{\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\"}");
	cJSON_Delete(taken(5));
	kit_close(&kit);
}
END_TEST

/* Two consumers of one domain make something of one record: their spans have different ids all the same. */
START_TEST(ids_differ)
{
	struct skafu__probe_event event = {.kind = SKAFU__PROBE_HANDLED,
					   .name = "a",
					   .type = "T",
					   .domain = "d",
					   .count = 1,
					   .emitted = 1,
					   .id = paid,
					   .correlation = "c",
					   .begin_ns = at_ms(1),
					   .end_ns = at_ms(2)};
	cJSON *root;
	const cJSON *list;

	kit_open(&kit, NULL);
	kit_report(&kit, &event);
	event.name = "b";
	kit_report(&kit, &event);
	event.emitted = 0;
	event.name = "c";
	kit_report(&kit, &event);
	root = taken(3);
	list = otlpfields_at(root, SPANS);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(otlpfields_at(cJSON_GetArrayItem(list, i), "spanId")->valuestring,
					 otlpfields_at(cJSON_GetArrayItem(list, k), "spanId")->valuestring);
	cJSON_Delete(root);
	kit_close(&kit);
}
END_TEST

START_TEST(what_makes_no_span)
{
	struct skafu__probe_event event = {.kind = SKAFU__PROBE_HANDLED, .count = 1, .name = "a", .id = paid};

	kit_open(&kit, NULL);
	kit_report(&kit, &event); /* no time */
	event.begin_ns = at_ms(1);
	event.id = NULL;
	kit_report(&kit, &event); /* no subject */
	event.id = paid;
	event.kind = SKAFU__PROBE_DELIVERED;
	kit_report(&kit, &event);
	ck_assert_ptr_null(kit_spans(&kit, 0));
	event.kind = SKAFU__PROBE_HANDLED; /* the least that makes one: everything else missing */
	kit_report(&kit, &event);
	cJSON_Delete(taken(1));
	kit_close(&kit);
}
END_TEST

START_TEST(the_oldest_go_first)
{
	cJSON *root;
	const cJSON *list;

	kit_open(&kit, &(skafu_watch_opts){.size = sizeof(skafu_watch_opts), .spans_max = 5});
	for (int i = 0; i < 12; i++) {
		skafu_span *span = NULL;
		char name[20];

		snprintf(name, sizeof name, "s%d", i);
		went(skafu_span_begin(kit.watch, name, SKAFU_SPAN_CLIENT, NULL, &span, fault));
		skafu_span_end(span, 0, NULL);
	}
	root = taken(5);
	list = otlpfields_at(root, SPANS);
	ck_assert_str_eq(otlpfields_at(list, "0/name")->valuestring, "s7");
	ck_assert_str_eq(otlpfields_at(list, "4/name")->valuestring, "s11");
	cJSON_Delete(root);
	kit_step(&kit, 1);
	ck_assert(kit_figure(&kit, "skafu_spans_dropped_total", NULL, SKAFU_METRIC_VALUE) == 7);
	kit_close(&kit);
}
END_TEST

START_TEST(hostile_texts)
{
	char large[5000];
	struct skafu__probe_event event = {.kind = SKAFU__PROBE_FAILED,
					   .value = 61,
					   .name = large,
					   .type = large,
					   .domain = large,
					   .from = large,
					   .text = large,
					   .correlation = large,
					   .count = 1,
					   .id = paid,
					   .causation = command,
					   .recorded_ns = at_ms(9),
					   .begin_ns = at_ms(1),
					   .end_ns = at_ms(0)};

	kit_open(&kit, NULL);
	memset(large, '"', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	kit_report(&kit, &event);
	large[200] = '\0';
	kit_report(&kit, &event);
	strcpy(large, "\xff\xfe");
	event.metadata = (const uint8_t *)"{\"traceparent\":1}";
	event.metadata_length = 17;
	kit_report(&kit, &event);
	cJSON_Delete(taken(6));
	kit_close(&kit);
}
END_TEST

START_TEST(memory_runs_out)
{
	char *text = NULL;
	size_t length = 0;
	int32_t rc = SKAFU_ENOMEM;

	kit_open(&kit, NULL);
	kit_memory_fails(1);
	report_flow(NULL);
	kit_memory_fails(0);
	ck_assert_ptr_null(kit_spans(&kit, 0));
	report_flow(NULL);
	for (long from = 1; rc == SKAFU_ENOMEM && from < 100; from++) { /* nothing is lost by a failing export */
		kit_memory_fails(from);
		rc = skafu_spans_take(kit.watch, 4, &text, &length, fault);
		kit_memory_fails(0);
		ck_assert((rc > 0) == (text != NULL));
	}
	ck_assert_int_eq(rc, 4);
	skafu_text_free(text);
	cJSON_Delete(taken(2));
	kit_step(&kit, 1);
	ck_assert(kit_figure(&kit, "skafu_spans_dropped_total", NULL, SKAFU_METRIC_VALUE) == 6);
	kit_close(&kit);
	ck_assert_int_eq(kit_blocks, 0);
}
END_TEST

static void add(TCase *tests)
{
	otlpfields_load();
	tcase_add_test(tests, one_tree);
	tcase_add_test(tests, a_traceparent_decides);
	tcase_add_test(tests, ids_differ);
	tcase_add_test(tests, what_makes_no_span);
	tcase_add_test(tests, the_oldest_go_first);
	tcase_add_test(tests, hostile_texts);
	tcase_add_test(tests, memory_runs_out);
}

int main(void)
{
	int failed = tempstore_main("span", add);

	otlpfields_done();
	return failed;
}
