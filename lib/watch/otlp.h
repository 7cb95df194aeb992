/*
 * otlp.h: the JSON form of OpenTelemetry's protocol, as far as the library speaks it.
 *
 * Of the JSON mapping of Protocol Buffers: 64-bit integers are strings, doubles are numbers, enumerations are
 * numbers; ids are hex digits, as OTLP demands against that mapping.
 */
#ifndef SKAFU__WATCH_OTLP_H
#define SKAFU__WATCH_OTLP_H

#include "base/buf.h"
#include "watch/series.h"

/* The beginning and the end around what a library of a service has to say: `what` is "Metrics" or "Spans", `list`
 * "metrics" or "spans". */
void skafu__otlp_begin(struct skafu__buf *out, const char *what, const char *list, const char *service);
void skafu__otlp_end(struct skafu__buf *out);

/* One member of a list of attributes, with a comma in front unless it is the first. */
void skafu__otlp_attribute(struct skafu__buf *out, int is_first, const char *key, size_t key_length,
			   const char *value, size_t value_length);

void skafu__otlp_time(struct skafu__buf *out, const char *member, int64_t time_ns); /* "member":"time" */

/* A sorted copy of all metrics as one ExportMetricsServiceRequest.  `values` is a buffer for the moment. */
void skafu__otlp_metrics(struct skafu__buf *out, struct skafu__buf *values, const struct skafu__copy *copy,
			 const char *service, int64_t begin_ns, int64_t now_ns);

#endif
