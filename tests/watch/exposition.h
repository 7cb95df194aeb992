/*
 * exposition.h: a strict reader of Prometheus' text format 0.0.4, which takes nothing on trust.
 *
 * Refused are: a line that is no comment of a known kind and no sample; HELP or TYPE out of order, twice, or of a
 * family whose lines do not stand together; samples without TYPE or under a name that is not the family's; malformed,
 * unsorted or repeated labels; a sample given twice; counters below 0; histograms whose buckets do not ascend, are
 * not cumulative, have no +Inf, or do not agree with _count; text that is not UTF-8, or has no line feed at its end.
 */
#ifndef SKAFU_TESTS_WATCH_EXPOSITION_H
#define SKAFU_TESTS_WATCH_EXPOSITION_H

#include <stddef.h>

/* The number of samples, or -1 and in `why` (of 200 bytes) what is wrong. */
long exposition_read(const char *text, char *why);

/* The value of a sample by what stands before the blank, "name{a=\"b\"}"; NaN when there is none. */
double exposition_value(const char *text, const char *sample);

#endif
