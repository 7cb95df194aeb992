/*
 * otlpfields.h: is a JSON text a message of OpenTelemetry's protocol?  Judged by the list of its fields, when that
 * lies beside the checkout, and in any case by what the list does not say: the forms of ids and of 64-bit integers.
 */
#ifndef SKAFU_TESTS_WATCH_OTLPFIELDS_H
#define SKAFU_TESTS_WATCH_OTLPFIELDS_H

#include <cjson/cJSON.h>

/* 1 when the list is there. */
int otlpfields_load(void);
void otlpfields_done(void);

/* 1 when the text is a message of this kind, "metrics.v1.MetricsData"; else 0 and in `why` (of 200 bytes) what is
 * wrong. */
int otlpfields_check(const char *text, const char *message, char *why);

/* Member by member: a name, or a number as the place in an array, "resourceSpans/0/resource".  NULL: not there. */
const cJSON *otlpfields_at(const cJSON *root, const char *path);

#endif
