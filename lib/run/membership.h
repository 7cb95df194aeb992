/*
 * membership.h: how the processes that serve a consumer share its partitions.
 *
 * Of the claims (claim.h) a consumer has 2,048, from a number that is a hash of its name: partition p is number p,
 * and member slot s number 1,024 + s.  Whoever serves it holds a slot, so that all can be counted; each keeps at
 * most its fair share of partitions, ceil(partitions / members), and takes free ones up to it.  Shares are looked
 * at when something happened, at most every 100 ms.
 */
#ifndef SKAFU__RUN_MEMBERSHIP_H
#define SKAFU__RUN_MEMBERSHIP_H

#include "run/consumer.h"

/* Give back what is too much and claim what is free, when it is time. */
int32_t skafu__membership_balance(struct skafu__consumer *consumer, skafu_error *error);

/* When it wants to be asked again; INT64_MAX: when something happens. */
int64_t skafu__membership_due_ns(const struct skafu__consumer *consumer);

/* Give everything back, at once.  Nothing is saved. */
void skafu__membership_leave(struct skafu__consumer *consumer);

/* How many objects of all processes serve a consumer, and the process of one of them (may be NULL). */
uint32_t skafu__membership_count(skafu_store *store, const char *name, int64_t *out_pid);

#endif
