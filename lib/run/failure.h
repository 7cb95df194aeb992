/*
 * failure.h: inputs that could not be handled: counting attempts, blocking the partition, giving up.
 *
 * Invariant: a partition never passes an input that failed until the input was handled, or was set aside in a
 * commit together with the checkpoint; so order within a partition holds also through failures.
 */
#ifndef SKAFU__RUN_FAILURE_H
#define SKAFU__RUN_FAILURE_H

#include "run/consumer.h"

/* 1 when an append was refused by what the store is or lacks, and not for what should be appended: it is not the
 * handler's doing, and not for ever. */
int skafu__failure_is_stores(int32_t code);

/* 1 when a step failed for want of something that the library itself needed (memory, the disk, the writer's lock):
 * the handler has not failed, so it is no attempt, and the input is handled again when the next step finds it. */
int skafu__failure_is_ours(int32_t code, const struct skafu_error *error);

/* Before the handler: 1 when the input must be set aside (too many hops, parked behind another one, attempts used
 * up), with what is said about it. */
int32_t skafu__failure_before(struct skafu__consumer *consumer, struct skafu__partition *partition,
			      const skafu_record *input, struct skafu__failure *out, skafu_error *error);

/* The handler found that an earlier input of the same key is set aside: so is this one, without an attempt. */
int32_t skafu__failure_park(struct skafu__consumer *consumer, struct skafu__partition *partition,
			    const skafu_record *input, int32_t code, const char *message, skafu_error *error);

/* Into the commit that sets an input aside: the consumer halts. */
int32_t skafu__failure_halt(struct skafu__consumer *consumer, const struct skafu__failure *failure,
			    skafu_batch *batch, skafu_error *error);

/* It is set aside. */
void skafu__failure_given_up(struct skafu__consumer *consumer, const struct skafu__failure *failure);

/* The handler ended its thread at this input. */
void skafu__failure_abandoned(struct skafu__consumer *consumer, struct skafu__partition *partition,
			      uint64_t sequence);

#endif
