/*
 * process.h: process managers: definitions, and what happens with an input.
 *
 * A definition is a component of the model with one or more versions; an engine makes one consumer of it.  An input
 * is offered to the versions, newest first: the newest one may start instances, each continues those that began with
 * it.  What an input does to an instance is one commit: what the handler gave, the instance's row (instance.h), its
 * timers, and the checkpoint.
 *
 * Outcomes of commands that undo come in beside the source of the definition: table "skafu.undos", key: id of the
 * command's record, value: u8 1, the form; the key of the instance's row.
 *
 * Setting aside.  When an input is given up and the policy says so, the same commit sets the instance aside; inputs
 * that come for it meanwhile become dead letters that are parked behind the first.  A retry runs the handler with
 * SKAFU__STEP_RETRY; see quarantine.h.
 */
#ifndef SKAFU__RUN_PROCESS_H
#define SKAFU__RUN_PROCESS_H

#include <stdint.h>

#include "model/decider.h"
#include "model/model.h"
#include "run/consumer.h"
#include "run/engine.h"
#include "run/instance.h"
#include "run/source.h"
#include "run/step.h"

extern const char skafu__undo_table[];

struct skafu__process_version {
	struct skafu__process_version *next; /* the one before it */
	uint32_t number;
	uint32_t has_state;
	struct skafu_state_def state;
	skafu_route_fn route;
	skafu_evolve_fn evolve;
	skafu_act_fn act;
	void *user;
	skafu_free_fn free_user;
	struct skafu__source source;
	skafu_retry_policy retry;
};

struct skafu__process {
	struct skafu__component part; /* first */
	char *name;
	const struct skafu__domain *domain;
	struct skafu__process_version *versions; /* the newest first */
};

/* A process in an engine: what a step needs. */
struct skafu__process_run {
	const struct skafu__sys *sys;
	skafu_model *model;
	const struct skafu__process *process;
	struct skafu__source *sources; /* of the versions, in their order: matching is for one thread */
	uint32_t version_count;
	uint32_t sets_aside; /* the policy says so */
	struct skafu__step *step; /* that is being run */
	const struct skafu__process_version *version;
	struct skafu__instance instance;
	struct skafu__buf before;  /* the row as it was read */
	struct skafu__buf encoded; /* and as it will be */
	struct skafu__buf name;
	struct skafu__buf command;
	uint32_t was_there; /* `before` is a row */
	uint32_t reserved;
	void *state;
	uint64_t failing; /* the input that an instance failed at, 0: none */
	char failing_name[SKAFU__INSTANCE_NAME_BYTES_MAX + 1];
};

/* The handler's function: see step.h. */
int32_t skafu__process_handle(void *self, const skafu_record *input, struct skafu__step *step, skafu_error *error);

/* Load an instance after what the step's batches do: 1 it is there, 0 not. */
int32_t skafu__process_load(struct skafu__process_run *run, const char *instance, skafu_error *error);

/* Put its row into the step's batch, on condition that it still is as it was read. */
int32_t skafu__process_store(struct skafu__process_run *run, skafu_error *error);

/* It is over: nothing stays but who it was. */
int32_t skafu__process_end(struct skafu__process_run *run, uint32_t state, skafu_error *error);

/* Send the next command that undoes, or end as failed when there is none. */
int32_t skafu__process_undo_next(struct skafu__process_run *run, skafu_error *error);

/* An outcome may answer a command that undoes: 1 when it did, 0 when it is somebody else's. */
int32_t skafu__process_answer(struct skafu__process_run *run, const skafu_record *outcome, skafu_error *error);

/* The input fails because of the current instance, which is set aside when it is given up. */
void skafu__process_note_failing(struct skafu__process_run *run);

/* The current instance cannot take this input, and another try will not help; returns the code. */
int32_t skafu__process_fail(struct skafu__process_run *run, int32_t code, skafu_error *error);

/* Timers of the current instance, for timer.c. */
int skafu__process_find_timer(struct skafu__step *step, const uint8_t id[16], struct skafu__timer_setting *out);
int32_t skafu__process_note_timer(struct skafu__step *step, const uint8_t id[16], int64_t due_ns,
				  const uint8_t record_id[16], skafu_error *error);
void skafu__process_forget_timer(struct skafu__step *step, const uint8_t id[16]);

#endif
