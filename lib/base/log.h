/*
 * log.h: the host's log sink, or silence.
 */
#ifndef SKAFU__BASE_LOG_H
#define SKAFU__BASE_LOG_H

#include <stdint.h>

#include "skafu_base.h"

struct skafu__log {
	skafu_log_fn write; /* NULL: silence */
	void *user;
	skafu_free_fn free_user;
};

void skafu__log(const struct skafu__log *log, int32_t level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void skafu__log_done(struct skafu__log *log); /* calls free_user once */

#endif
