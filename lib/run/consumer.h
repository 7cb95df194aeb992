/*
 * consumer.h: who follows the log under a durable name: the heart of lib/run.
 *
 * How the pieces fit.  Reactions, processes, the deciders of recorded commands and subscriptions each make a
 * consumer from a name, a kind, a domain, a source, a policy and a handler (step.h).  A reaction or process is a
 * component of the model; skafu_engine_open() walks the components and lets the table in builtin.c make a worker
 * (worker.h) of each kind; a consumer that is driven by a handler is such a worker.  Timers, replay sessions,
 * projections and the error bus are workers without a consumer and have their line in the other table there.  A
 * pull subscription uses a consumer without a handler and takes the records out by itself (skafu__consumer_fetch).
 *
 * Order.  A consumer has partitions (source.h), and each a checkpoint in the log (checkpoint.h).  One cursor goes
 * forward from the lowest checkpoint.  A record goes to its partition when that one is claimed here, is not
 * blocked, and has not passed it.  `scanned` is how far the cursor came; a partition has done everything up to
 * max(its position, scanned) unless it is blocked or behind, and then up to its position.
 *
 * Once.  The commit of an input holds its output and the checkpoint, expects the checkpoint and the consumer's row
 * as they were, and has an id made of consumer and sequence.  Claims (claim.h) only keep two processes from doing
 * the same work twice; when they do, one commit of the two is refused, and its consumer reads the checkpoint again.
 * Inputs without output move the checkpoint lazily: 1,024 records, 1 s, close.
 *
 * Failure.  A handler that fails blocks its partition, until retry.h says to try again or to give up.  Giving up
 * asks `aside`: it fills the commit that records the dead letter, and the checkpoint goes into the same one.  What
 * the library itself lacked while it prepared or recorded an input is no failure of the handler: the step fails, and
 * the next one begins with that input.
 */
#ifndef SKAFU__RUN_CONSUMER_H
#define SKAFU__RUN_CONSUMER_H

#include <stdint.h>

#include "run/checkpoint.h"
#include "run/source.h"
#include "run/stats.h"
#include "run/step.h"
#include "run/worker.h"
#include "skafu_run.h"

#define SKAFU__STEP_BATCHES 256u /* commits in one append */

struct skafu__consumer;

struct skafu__partition {
	uint32_t number;
	uint8_t is_claimed;
	uint8_t is_blocked; /* until blocked_until */
	uint8_t is_stale;   /* its checkpoint must be read again */
	uint8_t repeats;    /* how often its next input met a row that was not as expected */
	struct skafu__checkpoint durable; /* as the log has it, as far as is known */
	struct skafu__checkpoint chained; /* as it will be when the batches of this step are in */
	uint64_t position;                /* done up to here; see above */
	uint64_t mark;                    /* highest input ever done, saved or not */
	int64_t blocked_until;            /* monotonic */
	uint64_t open;                    /* lowest one handed out and not acknowledged; 0: none */
	uint64_t failing;                 /* sequence whose handler failed; 0: none */
	int64_t first_failed_ns;          /* wall clock */
	uint32_t attempts;                /* at it */
	uint32_t is_behind;               /* the cursor must go back to its position */
	uint64_t contended;               /* sequence at which others were faster last */
	uint32_t contentions;             /* how often in a row */
	uint32_t reserved;
};

/* An input that failed for good, or that is parked behind one. */
struct skafu__failure {
	struct skafu__partition *partition;
	const skafu_record *input; /* as it is stored */
	const char *key;           /* of its partition */
	const char *message;
	int64_t first_ns;
	int64_t last_ns;
	int32_t code;
	uint32_t attempts;
	uint32_t is_parked_behind;
	uint32_t reserved;
};

/* What is done about inputs that are set aside: the dead letters' part.  A consumer without it goes on, and the log
 * sink is told. */
struct skafu__aside {
	/* Fill the batch (empty but for the conditions of the consumer) with the dead letter and error record. */
	int32_t (*give_up)(struct skafu__consumer *consumer, const struct skafu__failure *failure, skafu_batch *batch,
			   skafu_error *error);

	/* For SKAFU_THEN_PARK_KEY, before the handler runs: 1 when an earlier input of the key is parked, so this
	 * one is set aside too.  expect: put into the commit of an input that is handled what must still hold. */
	int32_t (*is_parked)(struct skafu__consumer *consumer, const char *key, skafu_error *error);
	int32_t (*expect)(struct skafu__consumer *consumer, const char *key, skafu_batch *batch, skafu_error *error);

	/* An attempt failed; there may be more.  May be NULL. */
	void (*failed)(struct skafu__consumer *consumer, const struct skafu__failure *failure);
};

struct skafu__consumer_def {
	const char *name; /* NULL with is_volatile */
	const char *domain; /* NULL: none */
	uint32_t kind;    /* SKAFU_CONSUMER_KIND_ */
	uint32_t is_volatile; /* nothing durable: no rows, no claims */
	const skafu_source *source;
	const skafu_retry_policy *retry;
	const struct skafu__handler *handler; /* NULL: records are fetched */
	void *self; /* of the handler; dropped with the consumer, and when making it fails */
	void *user; /* of the policy's worth() */
};

struct skafu__consumer {
	struct skafu__worker worker; /* first: a consumer with a handler is one */
	skafu_model *model;
	skafu_store *store;
	char *name;
	char *domain; /* NULL: none */
	uint32_t kind;
	uint32_t is_volatile;
	uint32_t hops_max;
	uint32_t is_halted_here; /* a record is newer than the model */
	struct skafu__source source;
	skafu_retry_policy retry;
	const struct skafu__handler *handler;
	void *self;
	void *user;
	const struct skafu__aside *aside;
	struct skafu__figures *figures;
	struct skafu__engine_figures *engine; /* NULL: no engine */

	struct skafu__consumer_row row; /* as it was read last */
	struct skafu__consumer_bytes row_bytes;
	uint32_t seen_word; /* of the control page, when the row was read */
	uint32_t has_seen;

	struct skafu__partition *partitions;
	uint32_t partition_count; /* as the row says */
	uint32_t claimed;
	uint32_t is_member; /* membership.c */
	uint32_t member_slot;
	uint64_t claim_base;
	int64_t balanced_ns;  /* when shares were last looked at */
	uint32_t is_balance_due;
	uint32_t must_rescan;

	skafu_cursor *cursor;
	uint64_t scanned;
	int64_t flush_due_ns; /* monotonic; INT64_MAX: nothing is to be saved */
	int64_t lag_due_ns;   /* monotonic; when its lag is told again */
	uint64_t unsaved;     /* records passed since the checkpoints were saved */

	struct skafu__step step;
	struct skafu__rowchain chain; /* rows in the batches that wait */
	skafu_batch *batches[SKAFU__STEP_BATCHES];
	struct skafu__pending *pending; /* what the batches are for: deliver.c */
	uint32_t pending_count;
	uint32_t judged_count;
	void *results;    /* of the batches that are judged now, from the first; NULL: none are */
	skafu_record *refused; /* the input that the log refused, with the policy now; NULL: none is */
	uint32_t changed; /* bits of what was changed in the row and is not taken in yet: consumer.c */
	struct skafu__partition *handling; /* whose input is with the handler now */
	uint64_t handling_sequence;
};

/* Make it, and let the store know its name: refused with SKAFU_EDEFINITION and both values when the store remembers
 * it otherwise.  On failure def->self was dropped. */
int32_t skafu__consumer_new(skafu_model *model, const struct skafu__consumer_def *def,
			    struct skafu__consumer **out_consumer, skafu_error *error);
void skafu__consumer_free(struct skafu__consumer *consumer); /* without saving */

/* The check alone, for freeze: nothing is written. */
int32_t skafu__consumer_check(skafu_model *model, const struct skafu__consumer_def *def, skafu_error *error);

/* ---- for those that take records out by themselves ----------------------------------------------------------- */

/* See what others changed, claim and give back: 1 when records may be taken, 0 when it is paused, halted, or has no
 * partition. */
int32_t skafu__consumer_attend(struct skafu__consumer *consumer, skafu_error *error);

/* The next record for this consumer, stored form, lent until the next call: 1, 0 at the end of the log. */
int32_t skafu__consumer_fetch(struct skafu__consumer *consumer, const skafu_record **out_record,
			      struct skafu__partition **out_partition, skafu_error *error);

/* ---- for handlers -------------------------------------------------------------------------------------------- */

/* Into a commit for an input of a partition: conditions and checkpoint.  For those that fill a commit of their
 * own. */
int32_t skafu__consumer_seal(struct skafu__consumer *consumer, struct skafu__partition *partition, uint64_t sequence,
			     skafu_batch *batch, skafu_error *error);

/* Save all checkpoints that moved: SKAFU_EROW when somebody else moved one of them, and then nothing is saved. */
int32_t skafu__consumer_save(struct skafu__consumer *consumer, skafu_error *error);

/* The same, now and then, for checkpoints that moved without output; a consumer that reads something else meanwhile
 * forgets it. */
int32_t skafu__consumer_flush(struct skafu__consumer *consumer, skafu_error *error);

/* The input failed: block the partition, or give it up.  0, or a code of the store. */
int32_t skafu__consumer_failed(struct skafu__consumer *consumer, struct skafu__partition *partition,
			       const skafu_record *input, int32_t code, const char *message, skafu_error *error);

/* Everything up to here is done in the partition (but not saved). */
uint64_t skafu__consumer_done(const struct skafu__consumer *consumer, const struct skafu__partition *partition);

/* Read the checkpoint again; when somebody else moved it, go on from there. */
int32_t skafu__consumer_reload(struct skafu__consumer *consumer, struct skafu__partition *partition,
			       skafu_error *error);

int32_t skafu__consumer_reload_all(struct skafu__consumer *consumer, skafu_error *error);

/* Handle what lies behind this sequence again, at once (0) or at a moment of the monotonic clock. */
void skafu__consumer_return(struct skafu__consumer *consumer, struct skafu__partition *partition, uint64_t sequence,
			    int64_t blocked_until);

#endif
