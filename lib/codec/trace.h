/*
 * trace.h: places in a trace: the W3C traceparent, where metadata carry one, and ids that follow from records.
 *
 * A traceparent is "00-<32 hex digits of the trace>-<16 of the span>-<2 of flags>", in lower case; of a later version
 * what comes after these is passed over.
 *
 * Ids that nobody gave are derived, so that every process finds the same for the same record without a word: the
 * trace from the correlation, the span of a piece of work from the id of what caused it and the domain that does it.
 * A derived id is a keyed hash under a key that all know: it identifies, and proves nothing.
 */
#ifndef SKAFU__CODEC_TRACE_H
#define SKAFU__CODEC_TRACE_H

#include <stddef.h>
#include <stdint.h>

#define SKAFU__TRACE_SAMPLED 1u
#define SKAFU__TRACEPARENT_BYTES 56u /* with the NUL */

struct skafu__trace {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t flags;
};

/* 1 when the text is a traceparent, else 0 and nothing is written. */
int skafu__trace_parse(const char *text, size_t length, struct skafu__trace *out);
void skafu__trace_format(const struct skafu__trace *trace, char out[SKAFU__TRACEPARENT_BYTES]);

/* 1 when the metadata, a strict JSON object, have a member "traceparent" that is one; 0 when they have no such
 * member; -1 when they have one that is none, or may have: a name with escapes is not looked at. */
int skafu__trace_of_metadata(const void *metadata, size_t length, struct skafu__trace *out);

/* The trace of a correlation; never all zero. */
void skafu__trace_id_of(const char *correlation, uint8_t out[16]);

/* The span of the work that a domain does about what has this id; `part` tells several apart ("" for that from which
 * effects come).  Never all zero. */
void skafu__trace_span_of(const uint8_t id[16], const char *domain, const char *part, uint8_t out[8]);

/* Whether a trace is left out, for one that begins here: by its id, so that all processes agree. */
int skafu__trace_is_left_out(const uint8_t trace_id[16], uint32_t percent);

#endif
