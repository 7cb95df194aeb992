/*
 * conkit.h: a consumer "c" of the domain stock whose handler does what a test says, stepped without an engine.
 */
#ifndef SKAFU_TESTS_RUN_CONKIT_H
#define SKAFU_TESTS_RUN_CONKIT_H

#include "run/consumer.h"
#include "run/kit.h"

struct conkit {
	struct kit kit;
	struct skafu__consumer *consumer;
	skafu_source source;       /* of Ordered, in one partition */
	skafu_retry_policy retry;  /* three attempts without a pause */
	struct skafu__consumer_def def;
	uint32_t handled;
	uint32_t dropped;
	uint64_t trail[64];        /* sequences of the inputs, in order */
	int32_t fails;             /* so many inputs from now on fail with SKAFU_EHOST; below 0: all */
	const char *stream;        /* what is emitted goes there; NULL: nothing is emitted */
	size_t payload;            /* bytes of it */
	/* May be NULL: instead of all that. */
	int32_t (*deed)(struct conkit *kit, const skafu_record *input, struct skafu__step *step, skafu_error *error);
};

void conkit_open(struct conkit *kit);    /* the definition, not the consumer */
void conkit_make(struct conkit *kit);    /* the consumer, with dead letters */
void conkit_drop(struct conkit *kit);    /* the consumer */
void conkit_close(struct conkit *kit);

/* Close, and open anew with things that can be made to fail (base/trouble.h), or without them again. */
void conkit_begin_trouble(struct conkit *kit);
void conkit_end_trouble(struct conkit *kit);

/* Step until there is nothing to do: 0, or the code of a step that failed. */
int32_t conkit_run(struct conkit *kit);

/* How many records "Reserved", and dead letters, there are. */
uint32_t conkit_reserved(struct conkit *kit);
uint64_t conkit_letters(struct conkit *kit);
struct skafu__consumer_row conkit_row(struct conkit *kit);

#endif
