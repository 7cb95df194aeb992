/*
 * step.h: one input, handled once: the turn that its handler fills, and what becomes a commit.
 *
 * A step is prepared for a stored record and run: the record passes through the model's upcasters, and the handler
 * sees each form of it in the same turn.  What the handler gives collects in the turn's batch.  Whoever runs the
 * step then adds what is its own (a checkpoint, a session's progress) and appends the batch, or throws it away: a
 * consumer does the one, a dry run the other.
 *
 * The commit of an input has the id H(consumer, sequence), so that the log itself refuses to take the same input's
 * output twice, whatever happens to checkpoints.
 */
#ifndef SKAFU__RUN_STEP_H
#define SKAFU__RUN_STEP_H

#include <stdint.h>

#include "model/turn.h"
#include "model/upcast.h"
#include "run/rowchain.h"
#include "run/source.h"
#include "skafu_run.h"

struct skafu__step;
struct skafu__failure;

/* What a consumer does with an input, and whose turn it is. */
struct skafu__handler {
	/* Fill the step.  Runs where functions of the host may run.  0, or a negative code: the input failed. */
	int32_t (*handle)(void *self, const skafu_record *input, struct skafu__step *step, skafu_error *error);
	void (*drop)(void *self); /* NULL: nothing to release */
	/* An input is given up: put into that commit what it means for the handler's own rows.  NULL: nothing. */
	int32_t (*give_up)(void *self, const struct skafu__failure *failure, skafu_batch *batch, skafu_error *error);
	uint32_t has_keys;        /* 1: it keeps the order of keys by itself, and names them in step->key */
	uint32_t turn_kind;       /* SKAFU__TURN_; 0: no function of the host is behind it */
	uint32_t commits;         /* 1: the handler appends by itself, see skafu__step_seal() */
};

#define SKAFU__STEP_MUTED 0x1u /* external effects are held back: they were done, or it is a replay */
#define SKAFU__STEP_DRY 0x2u   /* nothing is kept; never for a handler that commits by itself */
#define SKAFU__STEP_AGAIN 0x4u /* the input was done before: a rewind */
#define SKAFU__STEP_RETRY 0x8u /* a dead letter: the handler takes up what it had set aside */

/* What whoever runs the step puts into every commit of it (conditions, checkpoint), for handlers that commit by
 * themselves; may be NULL. */
typedef int32_t (*skafu__seal_fn)(void *user, struct skafu__step *step, skafu_batch *batch, skafu_error *error);

struct skafu__step {
	struct skafu_turn turn; /* turn.extra is the step */
	skafu_model *model;
	const char *consumer;
	const struct skafu__handler *handler;
	void *self;
	struct skafu__source *source; /* which forms the handler sees; NULL: all */
	struct skafu__lens lens;
	const skafu_record *stored;
	uint32_t flags; /* SKAFU__STEP_ */
	uint32_t committed; /* a handler that commits by itself did */
	uint32_t taken;     /* forms that the handler saw */
	uint32_t emitted;   /* records in the batch that the handler gave */
	int32_t rc;
	struct skafu_error *error;
	uint8_t commit_id[16];
	skafu__seal_fn seal;
	void *seal_user;
	const struct skafu__rowchain *chain; /* of the inputs before it that are not in the log yet; NULL: none */
	const char *instance;  /* of the process that acts now; else NULL */
	const char *key;       /* what the failing input belongs to, set by the handler; NULL: its partition's key */
	uint64_t key_sequence; /* of the input that `key` was set for */
	uint32_t is_parked;    /* with a failure: not tried, since an earlier input of the key is set aside */
	uint32_t is_hopeless;  /* with a failure: another attempt would end the same */
	uint32_t write_count; /* other rows that the handler wrote: a commit without records */
	uint32_t reserved;
};

/* The model, the consumer and the source are borrowed. */
void skafu__step_init(struct skafu__step *step, skafu_model *model, const char *consumer, const char *domain,
		      const struct skafu__handler *handler, void *self);
void skafu__step_done(struct skafu__step *step);

/* Run the handler over a stored record with an empty batch of the caller's.  0, or a negative code: its, or that of
 * an upcaster.  SKAFU_ENEWER: the record is newer than the model. */
int32_t skafu__step_run(struct skafu__step *step, const skafu_record *stored, skafu_batch *batch, uint32_t flags,
			skafu_error *error);

/* The same for who is inside skafu__handling_enter() and skafu__model_call() already, for many records. */
int32_t skafu__step_run_inside(struct skafu__step *step, const skafu_record *stored, skafu_batch *batch,
			       uint32_t flags, skafu_error *error);

/* 1 when the batch holds something to append. */
int skafu__step_has_output(const struct skafu__step *step);

/* The id of the commit of an input. */
void skafu__step_commit_id(const char *consumer, uint64_t sequence, uint8_t out[16]);

/* For a handler: put a row, or delete it, in the commit of this input.  What it expects of rows it says to
 * turn.batch; when a row is not as expected, the input is handled again. */
int32_t skafu__step_put_row(struct skafu__step *step, const char *table, const void *key, size_t key_length,
			    const void *value, size_t value_length, skafu_error *error);
int32_t skafu__step_delete_row(struct skafu__step *step, const char *table, const void *key, size_t key_length,
			       skafu_error *error);

/* The step that a turn belongs to, or NULL with SKAFU_EMISUSE set: the turn is closed, or a decider's.  what: the
 * function that asks. */
struct skafu__step *skafu__step_of(skafu_turn *turn, const char *what, skafu_error *error);

#endif
