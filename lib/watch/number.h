/*
 * number.h: numbers as text that reads back as the same number, the same under every locale of the host.
 */
#ifndef SKAFU__WATCH_NUMBER_H
#define SKAFU__WATCH_NUMBER_H

#include "base/buf.h"

/* Append a finite number in the form that JSON and Prometheus share: at most 17 digits, a point, an exponent. */
int32_t skafu__number_put(struct skafu__buf *out, double value);

/* The same for people, with six digits; `out` has room for 32 bytes. */
void skafu__number_short(double value, char out[32]);

#endif
