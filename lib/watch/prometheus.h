/*
 * prometheus.h: metrics as text of the exposition format 0.0.4.
 *
 * Families stand in the order of their names, series in that of their labels; a family of the library has a HELP.
 */
#ifndef SKAFU__WATCH_PROMETHEUS_H
#define SKAFU__WATCH_PROMETHEUS_H

#include "base/buf.h"
#include "watch/series.h"

/* Append a sorted copy; the failure is in the buffer. */
void skafu__prometheus_write(struct skafu__buf *out, const struct skafu__copy *copy);

#endif
