/*
 * cloudevent.h: a record as a CloudEvent 1.0 in JSON.
 *
 * The attributes of the specification carry what they can: id, source, type, subject (the stream), time,
 * datacontenttype, data.  The rest travels in extension attributes, which are texts: sequence, streamversion,
 * eventversion, correlationid, causationid, severity, recordkind, hops, and tags and metadata as JSON texts.
 *
 * Invariant: source is a URI reference whatever the name of the domain is, and gives that name back.
 */
#ifndef SKAFU__STORE_CLOUDEVENT_H
#define SKAFU__STORE_CLOUDEVENT_H

#include "base/buf.h"
#include "skafu_store.h"

/* The name of the attribute for each skafu__recordread_field. */
extern const char *const skafu__cloudevent_names[];

/* Append the whole object.  0, SKAFU_EUTF8, or the failure of the buffer. */
int32_t skafu__cloudevent_put(struct skafu__buf *out, const skafu_record *record);

/* Append the name of a domain as a URI reference, with what may not stand there percent-encoded. */
void skafu__cloudevent_source_put(struct skafu__buf *out, const char *domain);

/* Decode percents in place; what is no percent-encoding stays, and no NUL is made. */
void skafu__cloudevent_source_read(char *source);

#endif
