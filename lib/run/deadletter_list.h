/*
 * deadletter_list.h: which dead letters a filter takes, and where in their table they lie.
 */
#ifndef SKAFU__RUN_DEADLETTER_LIST_H
#define SKAFU__RUN_DEADLETTER_LIST_H

#include <stdint.h>

#include "run/deadletter.h"
#include "skafu_run.h"

#define SKAFU__DEADLETTER_TEXT_BYTES 256u

/* A copy of what the host asked for: consumer, key, type. */
struct skafu__deadletter_filter {
	uint32_t is_given[3];
	uint32_t reserved;
	uint64_t sequence; /* 0: any */
	char texts[3][SKAFU__DEADLETTER_TEXT_BYTES];
};

int32_t skafu__deadletter_filter_read(const skafu_dead_letter_filter *given, struct skafu__deadletter_filter *out,
				      skafu_error *error);
int skafu__deadletter_filter_takes(const struct skafu__deadletter_filter *filter,
				   const struct skafu__deadletter *letter);

/* The rows among which the letters are; each is still to be asked for. */
int32_t skafu__deadletter_rows(skafu_store *store, const struct skafu__deadletter_filter *filter,
			       skafu_rows **out_rows, skafu_error *error);

#endif
