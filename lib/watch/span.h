/*
 * span.h: spans that ended and wait to be taken, and how work that probes report becomes spans.
 *
 * Ids of the library's spans follow from records (codec/trace.h), so a record's parent is found without a memory of
 * it: the work that a domain did about the record's causation.  Of several consumers of a domain that make something
 * of one record only the first can have that id; a small table remembers which did.
 *
 * Invariant: at most spans_max spans wait; the oldest go first, and are counted.  Under a lock of its own, inside
 * which nothing else is taken.
 */
#ifndef SKAFU__WATCH_SPAN_H
#define SKAFU__WATCH_SPAN_H

#include <pthread.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/probe.h"
#include "codec/trace.h"

#define SKAFU__SPAN_RECENT 256u
#define SKAFU__SPAN_ATTRIBUTES_MAX 64u
#define SKAFU__SPAN_ATTRIBUTE_BYTES_MAX 16384u /* of all attributes of a span */

/* A span that has ended, in one block: behind it lie the name, the message, and each attribute's key and value, each
 * with its NUL. */
struct skafu__ended {
	struct skafu__ended *next;
	struct skafu__trace trace;
	uint8_t parent[8];
	uint8_t has_parent;
	uint8_t kind;
	uint16_t attributes;
	int32_t code;
	int64_t begin_ns;
	int64_t end_ns;
	char texts[];
};

struct skafu__spans {
	const struct skafu__sys *sys;
	pthread_mutex_t lock;
	struct skafu__ended *first;
	struct skafu__ended *last;
	uint32_t count;
	uint32_t max;
	uint32_t unsampled_percent;
	uint64_t dropped;
	uint64_t recent[SKAFU__SPAN_RECENT]; /* span id and consumer of who has it, hashed together */
	uint64_t recent_ids[SKAFU__SPAN_RECENT];
};

void skafu__spans_init(struct skafu__spans *spans, const struct skafu__sys *sys, uint32_t max,
		       uint32_t unsampled_percent);
void skafu__spans_done(struct skafu__spans *spans);

/* Make spans of what a probe reports; nothing when it is no work about a record, or its trace is left out. */
void skafu__spans_of(struct skafu__spans *spans, const struct skafu__probe_event *event);

/* A span to be, filled in by whoever ends it. */
struct skafu__ending {
	struct skafu__trace trace;
	const uint8_t *parent; /* NULL: it begins the trace */
	const char *name;
	const char *message;
	const char *attributes; /* key NUL value NUL ... */
	size_t attribute_bytes;
	uint32_t attribute_count;
	uint32_t kind;
	int32_t code;
	int64_t begin_ns;
	int64_t end_ns;
};
void skafu__spans_end(struct skafu__spans *spans, const struct skafu__ending *ending);

/* How many spans were lost so far. */
uint64_t skafu__spans_lost(struct skafu__spans *spans);

/* Take up to `most` of the oldest spans out: how many, and the first of the list. */
uint32_t skafu__spans_detach(struct skafu__spans *spans, uint32_t most, struct skafu__ended **out_first);

/* Give them back, as the oldest, or free them. */
void skafu__spans_attach(struct skafu__spans *spans, struct skafu__ended *first, uint32_t count);
void skafu__spans_free(const struct skafu__spans *spans, struct skafu__ended *first);

/* A list as one ExportTraceServiceRequest; the failure is in the buffer. */
void skafu__spans_write(struct skafu__buf *out, const struct skafu__ended *first, const char *service);

#endif
