/*
 * register.h: what is durable of a consumer's definition, and the comparison with what the store remembers.
 *
 * Invariant: kind, domain and partitions of a name never change; whoever defines them otherwise is refused with
 * both values.  Where it starts is decided when the name is first used, and is in the row from then on.
 */
#ifndef SKAFU__RUN_REGISTER_H
#define SKAFU__RUN_REGISTER_H

#include "run/consumer.h"

/* Compare, or make the row when there is none.  The consumer has its names and its source; this fills in the row. */
int32_t skafu__register(struct skafu__consumer *consumer, skafu_error *error);

/* How long lib/run waits for other writers before it gives the code to its caller. */
#define SKAFU__RUN_WAIT_NS UINT64_C(10000000000)

#endif
