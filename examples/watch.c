/*
 * Watch a store at work: its metrics as Prometheus text, an alarm that is raised and cleared, a trace.
 * Usage: watch       Uses a store in memory; prints what does not depend on the machine.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <skafu.h>

static int32_t append_orders(skafu_store *store, int count, const char *traceparent, skafu_error *error)
{
	char metadata[100];
	skafu_new_record event = {.size = sizeof(event), .stream = "order-1", .type = "OrderPlaced",
				  .source = "sales"};
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, error);

	event.metadata = metadata;
	event.metadata_length = (size_t)snprintf(metadata, sizeof metadata, "{\"traceparent\":\"%s\"}", traceparent);
	for (int i = 0; rc == 0 && i < count; i++)
		rc = skafu_batch_add(batch, &event, error);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	return rc;
}

/* A request at a gateway: a span, whose place in the trace goes with the records. */
static int32_t serve(skafu_watch *watch, skafu_store *store, skafu_error *error)
{
	skafu_trace_context context = {.size = sizeof(context)};
	char traceparent[SKAFU_TRACEPARENT_BYTES];
	skafu_span *span = NULL;
	int32_t rc = skafu_span_begin(watch, "POST /orders", SKAFU_SPAN_SERVER, NULL, &span, error);

	if (rc == 0)
		rc = skafu_span_set(span, "http.request.method", "POST", error);
	if (rc == 0)
		rc = skafu_span_context(span, &context);
	if (rc == 0)
		rc = skafu_trace_format(&context, traceparent);
	if (rc == 0)
		rc = append_orders(store, 3, traceparent, error);
	if (rc == 0)
		rc = skafu_metric_add(watch, "http_requests_total", "method=\"POST\",path=\"/orders\"", 1, error);
	skafu_span_end(span, rc, rc < 0 ? skafu_error_message(error) : NULL);
	return rc;
}

/* The lines of the text that begin so. */
static void print_lines(const char *text, const char *beginning)
{
	for (; *text; text += strcspn(text, "\n") + 1)
		if (strncmp(text, beginning, strlen(beginning)) == 0)
			printf("%.*s\n", (int)strcspn(text, "\n"), text);
}

static int32_t print_metrics(skafu_watch *watch, skafu_error *error)
{
	char *text = NULL;
	size_t length = 0;
	int32_t rc = skafu_metrics_prometheus(watch, &text, &length, error);

	if (rc == 0) {
		print_lines(text, "# TYPE http_requests_total");
		print_lines(text, "http_requests_total");
		print_lines(text, "# HELP skafu_published_total");
		print_lines(text, "# TYPE skafu_published_total");
		print_lines(text, "skafu_published_total");
		print_lines(text, "skafu_commits_total");
	}
	skafu_text_free(text);
	return rc;
}

static void print_alarm(void *user, const skafu_alarm_info *alarm)
{
	(void)user;
	printf("%s %s: %s\n", alarm->name, alarm->raised ? "raised" : "cleared", alarm->message);
}

/* Set the depth of a queue and let the watch look at it; an event loop would do something else meanwhile. */
static int32_t show_depth(skafu_watch *watch, double depth, skafu_error *error)
{
	uint64_t wait_ns = 0;
	int32_t rc = skafu_metric_set(watch, "queue_depth", NULL, depth, error);

	if (rc == 0)
		rc = skafu_watch_step(watch, &wait_ns, error);
	if (rc == 0) {
		struct timespec rest = {.tv_sec = (time_t)(wait_ns / 1000000000),
					.tv_nsec = (long)(wait_ns % 1000000000)};

		nanosleep(&rest, NULL);
		rc = skafu_watch_step(watch, NULL, error);
	}
	return rc;
}

static int32_t show_alarm(skafu_watch *watch, skafu_error *error)
{
	skafu_alarm_def def = {.size = sizeof(def), .name = "queue-is-long", .metric = "queue_depth",
			       .statistic = SKAFU_METRIC_VALUE, .raise_at = 100, .clear_at = 50};
	int32_t rc = skafu_alarm_add_sink(watch, print_alarm, NULL, NULL, error);

	if (rc == 0)
		rc = skafu_alarm_add(watch, &def, error);
	if (rc == 0)
		rc = show_depth(watch, 250, error);
	if (rc == 0)
		rc = show_depth(watch, 10, error);
	return rc;
}

static int32_t print_trace(skafu_watch *watch, skafu_error *error)
{
	char *text = NULL;
	size_t length = 0;
	int32_t rc = skafu_spans_take(watch, 100, &text, &length, error);

	if (rc > 0)
		printf("%d span: %s\n", (int)rc,
		       strstr(text, "\"name\":\"POST /orders\"") ? "POST /orders" : "another");
	skafu_text_free(text);
	return rc;
}

int main(void)
{
	skafu_watch_opts opts = {.size = sizeof(opts), .service = "shop"};
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	skafu_watch *watch = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open_memory(NULL, &store, error);
	if (rc == 0)
		rc = skafu_watch_open(store, &opts, &watch, error);
	if (rc == 0)
		rc = serve(watch, store, error);
	if (rc == 0)
		rc = print_metrics(watch, error);
	if (rc == 0)
		rc = show_alarm(watch, error);
	if (rc == 0)
		rc = print_trace(watch, error);
	if (rc < 0)
		fprintf(stderr, "watch: %s\n", skafu_error_message(error));
	skafu_watch_close(watch);
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}
