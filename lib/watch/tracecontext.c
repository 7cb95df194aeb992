/*
 * tracecontext.c: places in a trace, as the host sees them.
 */
#include "skafu_watch.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/trace.h"

static void tracecontext_give(const struct skafu__trace *trace, skafu_trace_context *out)
{
	out->flags = trace->flags;
	memcpy(out->trace_id, trace->trace_id, 16);
	memcpy(out->span_id, trace->span_id, 8);
}

int32_t skafu_trace_parse(const char *traceparent, skafu_trace_context *out_context)
{
	struct skafu__trace trace;
	if (!traceparent || !out_context || out_context->size < sizeof *out_context ||
	    !skafu__trace_parse(traceparent, strlen(traceparent), &trace))
		return SKAFU_EINVAL;
	tracecontext_give(&trace, out_context);
	return 0;
}

int32_t skafu_trace_format(const skafu_trace_context *context, char out_traceparent[56])
{
	static const uint8_t nothing[16] = {0};
	struct skafu__trace trace;
	if (!context || !out_traceparent || context->size < sizeof *context ||
	    memcmp(context->trace_id, nothing, 16) == 0 || memcmp(context->span_id, nothing, 8) == 0)
		return SKAFU_EINVAL;
	memcpy(trace.trace_id, context->trace_id, 16);
	memcpy(trace.span_id, context->span_id, 8);
	trace.flags = (uint8_t)(context->flags & SKAFU__TRACE_SAMPLED);
	skafu__trace_format(&trace, out_traceparent);
	return 0;
}

int32_t skafu_trace_of_record(const skafu_record *record, skafu_trace_context *out_context)
{
	struct skafu__trace trace;
	if (!record || !record->id || !out_context || out_context->size < sizeof *out_context)
		return SKAFU_EINVAL;
	if (record->metadata_length == 0 ||
	    skafu__trace_of_metadata(record->metadata, record->metadata_length, &trace) <= 0) {
		int is_caused = record->causation && (skafu__load_u64(record->causation) != 0 ||
						      skafu__load_u64(record->causation + 8) != 0);
		skafu__trace_id_of(record->correlation ? record->correlation : "", trace.trace_id);
		skafu__trace_span_of(is_caused ? record->causation : record->id, record->source ? record->source : "",
				     "", trace.span_id);
		trace.flags = SKAFU__TRACE_SAMPLED;
	}
	tracecontext_give(&trace, out_context);
	return 0;
}
