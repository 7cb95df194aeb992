#include "watch/otlp.h"

#include <inttypes.h>
#include <string.h>

#include "codec/jsonpath.h"
#include "watch/number.h"

void skafu__otlp_begin(struct skafu__buf *out, const char *what, const char *list, const char *service)
{
	skafu__buf_printf(out, "{\"resource%s\":[{\"resource\":{\"attributes\":[", what);
	skafu__otlp_attribute(out, 1, "service.name", strlen("service.name"), service, strlen(service));
	skafu__buf_printf(out, "]},\"scope%s\":[{\"scope\":{\"name\":\"libskafu\",\"version\":\"%s\"},\"%s\":[", what,
			  SKAFU_VERSION_STRING, list);
}

void skafu__otlp_end(struct skafu__buf *out)
{
	skafu__buf_put_text(out, "]}]}]}");
}

/* What is not UTF-8 cannot be said in JSON; nothing that is checked at its entry comes here. */
static void otlp_text(struct skafu__buf *out, const char *text, size_t length)
{
	if (skafu__json_quote(out, text, length) == SKAFU_EUTF8)
		skafu__buf_put_text(out, "\"?\"");
}

void skafu__otlp_attribute(struct skafu__buf *out, int is_first, const char *key, size_t key_length,
			   const char *value, size_t value_length)
{
	skafu__buf_put_text(out, is_first ? "{\"key\":" : ",{\"key\":");
	otlp_text(out, key, key_length);
	skafu__buf_put_text(out, ",\"value\":{\"stringValue\":");
	otlp_text(out, value, value_length);
	skafu__buf_put_text(out, "}}");
}

void skafu__otlp_time(struct skafu__buf *out, const char *member, int64_t time_ns)
{
	skafu__buf_printf(out, "\"%s\":\"%" PRId64 "\"", member, time_ns > 0 ? time_ns : 0);
}

/* ---- metrics ------------------------------------------------------------------------------------------------- */

struct otlp_job {
	struct skafu__buf *out;
	struct skafu__buf *values;
	int64_t begin_ns;
	int64_t now_ns;
};

static const char *otlp_unit(const char *name)
{
	if (strstr(name, "_seconds"))
		return "s";
	return strstr(name, "_bytes") ? "By" : "1";
}

static void otlp_family_begin(struct skafu__buf *out, const struct skafu__family *family)
{
	skafu__buf_printf(out, "{\"name\":\"%s\"", family->name);
	if (family->help) {
		skafu__buf_put_text(out, ",\"description\":");
		otlp_text(out, family->help, strlen(family->help));
	}
	skafu__buf_printf(out, ",\"unit\":\"%s\",", otlp_unit(family->name));
	if (family->kind == SKAFU__METRIC_GAUGE)
		skafu__buf_put_text(out, "\"gauge\":{\"dataPoints\":[");
	else if (family->kind == SKAFU__METRIC_COUNTER)
		skafu__buf_put_text(out, "\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,"
					 "\"dataPoints\":[");
	else
		skafu__buf_put_text(out, "\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[");
}

static void otlp_labels(const struct otlp_job *job, const struct skafu__series *series)
{
	const char *at = series->labels;
	const char *name;
	size_t name_length;
	int is_first = 1;
	skafu__buf_put_text(job->out, "{\"attributes\":[");
	while (skafu__labels_next(&at, &name, &name_length, job->values)) {
		const char *value = job->values->length ? (const char *)job->values->bytes : "";
		skafu__otlp_attribute(job->out, is_first, name, name_length, value, job->values->length);
		is_first = 0;
	}
	skafu__buf_put_text(job->out, "],");
}

static void otlp_histogram(const struct otlp_job *job, const struct skafu__copied *copied)
{
	const double *bounds = copied->series->histogram->bounds;
	struct skafu__buf *out = job->out;
	skafu__buf_printf(out, ",\"count\":\"%" PRIu64 "\",\"sum\":", copied->count);
	skafu__number_put(out, copied->sum);
	skafu__buf_put_text(out, ",\"bucketCounts\":[");
	for (uint32_t i = 0; i <= SKAFU__HISTOGRAM_BOUNDS; i++)
		skafu__buf_printf(out, "%s\"%" PRIu64 "\"", i ? "," : "", copied->counts[i]);
	skafu__buf_put_text(out, "],\"explicitBounds\":[");
	for (uint32_t i = 0; i < SKAFU__HISTOGRAM_BOUNDS; i++) {
		skafu__buf_put_text(out, i ? "," : "");
		skafu__number_put(out, bounds[i]);
	}
	skafu__buf_put_text(out, "]}");
}

static void otlp_point(const struct otlp_job *job, const struct skafu__copied *copied)
{
	struct skafu__buf *out = job->out;
	otlp_labels(job, copied->series);
	if (copied->series->family->kind != SKAFU__METRIC_GAUGE) {
		skafu__otlp_time(out, "startTimeUnixNano", job->begin_ns);
		skafu__buf_put_u8(out, ',');
	}
	skafu__otlp_time(out, "timeUnixNano", job->now_ns);
	if (copied->series->histogram) {
		otlp_histogram(job, copied);
		return;
	}
	skafu__buf_put_text(out, ",\"asDouble\":");
	skafu__number_put(out, copied->value);
	skafu__buf_put_u8(out, '}');
}

void skafu__otlp_metrics(struct skafu__buf *out, struct skafu__buf *values, const struct skafu__copy *copy,
			 const char *service, int64_t begin_ns, int64_t now_ns)
{
	struct otlp_job job = {out, values, begin_ns, now_ns};
	skafu__otlp_begin(out, "Metrics", "metrics", service);
	for (size_t i = 0; i < copy->count; i++) {
		const struct skafu__family *family = copy->each[i].series->family;
		int is_first = i == 0 || family != copy->each[i - 1].series->family;
		if (i > 0)
			skafu__buf_put_text(out, is_first ? "]}}," : ",");
		if (is_first)
			otlp_family_begin(out, family);
		otlp_point(&job, &copy->each[i]);
	}
	if (copy->count > 0)
		skafu__buf_put_text(out, "]}}");
	skafu__otlp_end(out);
}
