/*
 * label.h: labels of a series: read, brought into one form, taken apart.
 *
 * The form is that of the inside of Prometheus' braces: name="value",name="value", sorted by name, in a value only
 * the backslash, the quote and the line feed escaped.  So two texts that mean the same labels are the same bytes, and
 * what is exported as Prometheus text needs no further care, whoever chose the values.
 */
#ifndef SKAFU__WATCH_LABEL_H
#define SKAFU__WATCH_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "skafu_base.h"

#define SKAFU__LABELS_BYTES_MAX 1024u
#define SKAFU__LABELS_MAX 16u

struct skafu__labels {
	size_t length;
	char text[SKAFU__LABELS_BYTES_MAX + 1];
};

/* 1 when it is a name of Prometheus: letters, digits and underscores, for a metric colons too; no digit first. */
int skafu__metric_name_is_valid(const char *name, size_t length, int is_metric);

/* Check a host's text (NULL: no labels) and bring it into the form. */
int32_t skafu__labels_read(const char *given, struct skafu__labels *out, skafu_error *error);

/* Make the form from names, which are sorted and valid, and values as they are (NULL: ""). 0, SKAFU_ELIMIT or
 * SKAFU_EUTF8; nothing can be said about it to anybody. */
int32_t skafu__labels_make(const char *const *names, const char *const *values, size_t count,
			   struct skafu__labels *out);

/* Walk over labels in the form: 1 and the next one, 0 at the end.  The value is appended to `value`, which is
 * cleared first, unescaped. */
int skafu__labels_next(const char **at, const char **out_name, size_t *out_name_length, struct skafu__buf *value);

#endif
