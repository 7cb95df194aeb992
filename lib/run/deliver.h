/*
 * deliver.h: a consumer with a handler at work: inputs in, commits out.
 *
 * A step takes inputs one after another; each that gives output fills a batch, and all batches go to the log in one
 * append.  The checkpoints in them are chained: each expects what the one before it in the same partition wrote.
 * So when one is refused, those behind it are too, and their inputs are handled again.
 */
#ifndef SKAFU__RUN_DELIVER_H
#define SKAFU__RUN_DELIVER_H

#include "run/consumer.h"

/* What a batch of the step is for. */
struct skafu__pending {
	struct skafu__partition *partition;
	uint64_t sequence;
	uint64_t mark; /* of the checkpoint in it; 0: none is */
	int64_t recorded_ns; /* of the input */
	uint32_t emitted;
	uint32_t reserved;
	const char *from; /* the domain that the input came from, when it is another one; else NULL */
};

int32_t skafu__deliver_init(struct skafu__consumer *consumer, skafu_error *error);
void skafu__deliver_done(struct skafu__consumer *consumer);

/* Let an engine step it. */
void skafu__deliver_make_worker(struct skafu__consumer *consumer);
int32_t skafu__deliver_step(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done,
			    skafu_error *error);

int64_t skafu__deliver_due_ns(struct skafu__worker *worker, int is_draining);

/* Save when it is time. */
int32_t skafu__deliver_flush_if_due(struct skafu__consumer *consumer, skafu_error *error);

/* Something moved that will have to be saved in a while. */
void skafu__deliver_want_flush(struct skafu__consumer *consumer);

/* Set an input aside for good: the commits before it, then the dead letter with the checkpoint in one commit. */
int32_t skafu__deliver_give_up(struct skafu__consumer *consumer, struct skafu__failure *failure, skafu_error *error);

/* Append what the handlers gave so far. */
int32_t skafu__deliver_commit(struct skafu__consumer *consumer, skafu_error *error);

#endif
