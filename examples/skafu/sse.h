/*
 * sse.h: a stream of server-sent events, taken apart as its bytes come.
 *
 * Lines may end in CR, LF or both, and every cut between two pieces is allowed.  Comments, ids and unknown fields are
 * passed over, as the standard wants it.
 */
#ifndef SKAFU_APP_SSE_H
#define SKAFU_APP_SSE_H

#include "text.h"

#define SSE_EVENT_BYTES ((size_t)1 << 20) /* of one event's data, and of one line */

/* `event` is "message" when the stream names none.  Another result than 0 ends the parsing. */
typedef int32_t (*sse_event_fn)(void *user, const char *event, const char *data, size_t length);

struct sse {
	sse_event_fn on_event;
	void *user;
	struct text line; /* the rest begins as zeros */
	struct text data;
	char event[64];
	int has_data;
	int after_cr;
};

/* SKAFU_ELIMIT for a line or an event that is too long, or what on_event returned. */
int32_t sse_feed(struct sse *sse, const char *bytes, size_t length);
void sse_free(struct sse *sse);

#endif
