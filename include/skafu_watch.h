/*
 * skafu_watch.h: seeing a store at work: metrics, alarms, traces.
 *
 * A watch listens to one store of this process and to all that runs over it, and takes figures of the host as well.
 * Nothing is measured until there is a watch; with one, each event costs some nanoseconds.  Functions may be called
 * by any thread, but skafu_watch_step() by one at a time; sinks are called inside it only.
 */
#ifndef SKAFU_WATCH_H
#define SKAFU_WATCH_H

#include "skafu_store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct skafu_watch skafu_watch;
typedef struct skafu_span skafu_span;

typedef struct skafu_watch_opts {
	uint32_t size;              /* sizeof(skafu_watch_opts) */
	uint32_t series_max;        /* of metrics; more are refused and counted; 0: 4,096 */
	uint32_t spans_max;         /* ended and not taken yet; the oldest go first; 0: 4,096 */
	uint32_t unsampled_percent; /* traces that begin here and are left out; a traceparent decides for its own */
	const char *service;        /* the resource "service.name" of what is exported; NULL: "skafu" */
} skafu_watch_opts;

/* One watch a store and process: SKAFU_EEXISTS.  It keeps the store open. */
SKAFU_API int32_t skafu_watch_open(skafu_store *store, const skafu_watch_opts *opts, skafu_watch **out_watch,
				   skafu_error *error);
SKAFU_API void skafu_watch_close(skafu_watch *watch); /* NULL is fine */

/* ---- metrics ------------------------------------------------------------------------------------------------- */

/*
 * Names are those of Prometheus; labels are the inside of the braces, "consumer=\"mail\",domain=\"sales\"", or NULL.
 * The library's own begin with skafu_ and are listed in skafu-metrics(7).  A name is a counter, a gauge or a
 * histogram by its first use; another use is SKAFU_EDEFINITION.
 */
SKAFU_API int32_t skafu_metric_add(skafu_watch *watch, const char *name, const char *labels, double amount,
				   skafu_error *error);
SKAFU_API int32_t skafu_metric_set(skafu_watch *watch, const char *name, const char *labels, double value,
				   skafu_error *error);
SKAFU_API int32_t skafu_metric_observe(skafu_watch *watch, const char *name, const char *labels, double value,
				       skafu_error *error);

#define SKAFU_METRIC_VALUE 1u /* of a counter or gauge; the number of observations of a histogram */
#define SKAFU_METRIC_RATE 2u  /* of the same, a second, between the last two steps */
#define SKAFU_METRIC_P50 3u   /* of a histogram, over the last minute */
#define SKAFU_METRIC_P95 4u
#define SKAFU_METRIC_P99 5u

/* One figure now; SKAFU_ENOTFOUND when there is no such series, or nothing was observed. */
SKAFU_API int32_t skafu_metric_get(skafu_watch *watch, const char *name, const char *labels, uint32_t statistic,
				   double *out_value, skafu_error *error);

/* All metrics as Prometheus text (exposition format 0.0.4), or as an OTLP/JSON ExportMetricsServiceRequest.  Free
 * *out_text with skafu_text_free(). */
SKAFU_API int32_t skafu_metrics_prometheus(skafu_watch *watch, char **out_text, size_t *out_length,
					   skafu_error *error);
SKAFU_API int32_t skafu_metrics_otlp(skafu_watch *watch, char **out_text, size_t *out_length, skafu_error *error);

/* ---- alarms -------------------------------------------------------------------------------------------------- */

#define SKAFU_ALARM_ABOVE 0u
#define SKAFU_ALARM_BELOW 1u

/* Raised when the figure has been beyond raise_at for raise_after_ns; cleared when it has been back within clear_at,
 * which lies on the good side of raise_at, for clear_after_ns.  No figure is the state as it was. */
typedef struct skafu_alarm_def {
	uint32_t size;     /* sizeof(skafu_alarm_def) */
	uint32_t severity; /* SKAFU_SEVERITY_; 0: a warning */
	const char *name;  /* unique in the watch */
	const char *metric;
	const char *labels; /* NULL: every series of the metric, each with a state of its own */
	uint32_t statistic; /* SKAFU_METRIC_ */
	uint32_t direction; /* SKAFU_ALARM_ABOVE or SKAFU_ALARM_BELOW */
	double raise_at;
	double clear_at;
	uint64_t raise_after_ns;
	uint64_t clear_after_ns;
} skafu_alarm_def;

SKAFU_API int32_t skafu_alarm_add(skafu_watch *watch, const skafu_alarm_def *def, skafu_error *error);
SKAFU_API int32_t skafu_alarm_remove(skafu_watch *watch, const char *name, skafu_error *error);

/* The alarms of the user's document (latency, failed deliveries, error spikes, cross-domain failures, lag) with
 * thresholds that suit most; remove and add those that do not suit you. */
SKAFU_API int32_t skafu_alarm_add_defaults(skafu_watch *watch, skafu_error *error);

typedef struct skafu_alarm_info {
	uint32_t size;
	uint32_t raised; /* 1 or 0 */
	uint32_t severity;
	uint32_t reserved;
	const char *name;
	const char *labels; /* of the series; "" */
	double value;
	double threshold;    /* that was crossed last */
	int64_t since_ns;    /* in this state */
	const char *message; /* a sentence for people */
} skafu_alarm_info;

/* Told about each alarm that is raised or cleared.  It may not call the watch.  Its user pointer is released once,
 * with the watch, or before adding it fails. */
typedef void (*skafu_alarm_fn)(void *user, const skafu_alarm_info *alarm);

SKAFU_API int32_t skafu_alarm_add_sink(skafu_watch *watch, skafu_alarm_fn fn, void *user, skafu_free_fn free_user,
				       skafu_error *error);

/* Take figures and judge alarms, when a second or more has passed since the last time; out_wait_ns (may be NULL): how
 * long until it is worth calling again. */
SKAFU_API int32_t skafu_watch_step(skafu_watch *watch, uint64_t *out_wait_ns, skafu_error *error);

/* The alarms as they stand, by name; raised ones only, or all. */
typedef struct skafu_alarm_list skafu_alarm_list;
SKAFU_API int32_t skafu_alarm_list_open(skafu_watch *watch, uint32_t raised_only, skafu_alarm_list **out_list,
					skafu_error *error);
SKAFU_API int32_t skafu_alarm_list_next(skafu_alarm_list *list, const skafu_alarm_info **out_alarm,
					skafu_error *error);
SKAFU_API void skafu_alarm_list_free(skafu_alarm_list *list);

/* ---- traces -------------------------------------------------------------------------------------------------- */

/* A place in a trace: the W3C trace context. */
typedef struct skafu_trace_context {
	uint32_t size;  /* set by the caller, also where it is filled in */
	uint32_t flags; /* 1: sampled */
	uint8_t trace_id[16];
	uint8_t span_id[8];
} skafu_trace_context;

#define SKAFU_TRACEPARENT_BYTES 56 /* 55 characters and the NUL */

/* To and from a traceparent header.  A record whose metadata has a member "traceparent" continues that trace, and
 * what handlers make of it does too; other records belong to a trace derived from their correlation. */
SKAFU_API int32_t skafu_trace_parse(const char *traceparent, skafu_trace_context *out_context);
SKAFU_API int32_t skafu_trace_format(const skafu_trace_context *context, char out_traceparent[56]);
SKAFU_API int32_t skafu_trace_of_record(const skafu_record *record, skafu_trace_context *out_context);

#define SKAFU_SPAN_INTERNAL 1u /* numbers of OTLP */
#define SKAFU_SPAN_SERVER 2u
#define SKAFU_SPAN_CLIENT 3u
#define SKAFU_SPAN_PRODUCER 4u
#define SKAFU_SPAN_CONSUMER 5u

/*
 * A span of the host (a request at its gateway, a call to an external service).  Spans of commands, handlers, events
 * and processes come from the library.  Without a parent a new trace begins.  Used by one thread at a time.
 */
SKAFU_API int32_t skafu_span_begin(skafu_watch *watch, const char *name, uint32_t kind,
				   const skafu_trace_context *parent, skafu_span **out_span, skafu_error *error);
SKAFU_API int32_t skafu_span_set(skafu_span *span, const char *attribute, const char *value, skafu_error *error);
SKAFU_API int32_t skafu_span_context(const skafu_span *span, skafu_trace_context *out_context);

/* End and free it: 0, or the code and message of what failed (NULL: none).  NULL span is fine. */
SKAFU_API void skafu_span_end(skafu_span *span, int32_t code, const char *message);

/* Take up to spans_max ended spans out, as one OTLP/JSON ExportTraceServiceRequest.  Returns how many, 0 when there
 * are none.  Free *out_text with skafu_text_free(). */
SKAFU_API int32_t skafu_spans_take(skafu_watch *watch, uint32_t spans_max, char **out_text, size_t *out_length,
				   skafu_error *error);

#ifdef __cplusplus
}
#endif
#endif
