/*
 * describe.h: an event as a sentence for people.
 */
#ifndef SKAFU_APP_DESCRIBE_H
#define SKAFU_APP_DESCRIBE_H

#include <skafu_store.h>

/* What happened, with the particulars of the record's data; "" when there is nothing to add to its type. */
void describe(const skafu_record *record, char *out, size_t size);

/* "event", "command", "error", "outcome". */
const char *describe_kind(const skafu_record *record);

#endif
