/*
 * skafu_run.h: what happens over time: the engine, subscriptions, reactions, processes, timers, errors, replay.
 *
 * Consumers follow the log: projections, subscriptions, reactions, processes, and the deciders of recorded commands.
 * Each has a durable name and a checkpoint that moves with its output.  The library starts no thread: an engine does
 * work only inside skafu_engine_step() and _run(), called by one thread; any thread may stop or wake it.  Engines of
 * several processes may serve the same consumers: each input takes effect once.
 *
 * The rules for functions of the host are those of skafu_model.h.  Lists are of the moment when they were opened;
 * _next returns 1 and an entry that is lent until the next step, 0 at the end.
 */
#ifndef SKAFU_RUN_H
#define SKAFU_RUN_H

#include "skafu_model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct skafu_engine skafu_engine;
typedef struct skafu_subscription skafu_subscription;

/* ---- failure of a handler ------------------------------------------------------------------------------------ */

#define SKAFU_BACKOFF_EXPONENTIAL 0u
#define SKAFU_BACKOFF_CONSTANT 1u

#define SKAFU_THEN_GO_ON 0u    /* a dead letter, and the next input */
#define SKAFU_THEN_PARK_KEY 1u /* a dead letter, and so for all that follows of the same partition key, in order */
#define SKAFU_THEN_HALT 2u     /* stop this consumer until skafu_consumer_resume() */

/* 1: trying again may help, 0: it will not.  The code is the handler's. */
typedef int32_t (*skafu_worth_fn)(void *user, const skafu_record *input, int32_t code);

/* What follows when a handler fails.  NULL instead of a policy is the same as all zero, but for a process, where it
 * is SKAFU_THEN_PARK_KEY.  Whatever code a function of the host returns counts as an attempt; what the library itself
 * lacks around it (memory, disk, the writer's lock) does not, and the next step handles the input again. */
typedef struct skafu_retry_policy {
	uint32_t size;           /* sizeof(skafu_retry_policy) */
	uint32_t attempts_max;   /* in all; 0: 5 */
	uint32_t backoff;        /* SKAFU_BACKOFF_ */
	uint32_t then;           /* SKAFU_THEN_, when the attempts are used up or not worth it */
	uint64_t delay_ns;       /* before the second attempt; 0: 100 ms */
	uint64_t delay_ns_max;   /* of a growing delay; 0: 1 minute */
	uint32_t jitter_percent; /* each delay is shortened by up to so much, at random; at most 100 */
	uint32_t reserved;       /* 0 */
	skafu_worth_fn worth;    /* NULL: always; gets the consumer's user pointer, or NULL */
} skafu_retry_policy;

/* ---- what a consumer takes ----------------------------------------------------------------------------------- */

#define SKAFU_START_BEGINNING 0u
#define SKAFU_START_NOW 1u   /* after the head at the moment when the name is first used */
#define SKAFU_START_AFTER 2u /* after the sequence in start_after */

#define SKAFU_PARTITION_STREAM 0u
#define SKAFU_PARTITION_CORRELATION 1u
#define SKAFU_PARTITION_TAG 2u /* the first tag that begins with partition_tag */

#define SKAFU_SOURCE_SKIP_NEWER 0x1u /* pass over records newer than the model; else halt with SKAFU_ENEWER */

/* Which records a consumer takes, in what order.  Start and partitions are fixed when the name is first used. */
typedef struct skafu_source {
	uint32_t size;            /* sizeof(skafu_source) */
	uint32_t flags;           /* SKAFU_SOURCE_ */
	const char *const *types; /* none: all */
	size_t type_count;
	const char *rule;    /* a pattern that must match too; NULL: none */
	uint32_t start;      /* SKAFU_START_ */
	uint32_t partitions; /* order is kept within each; 0: 16; 1 keeps the order of the log */
	uint64_t start_after;
	uint32_t kinds;            /* 1 << SKAFU_KIND_, OR'd; 0: events */
	uint32_t partition_by;     /* SKAFU_PARTITION_ */
	const char *partition_tag; /* with SKAFU_PARTITION_TAG: "customer:" */
} skafu_source;

/* ---- subscriptions ------------------------------------------------------------------------------------------- */

#define SKAFU_SUBSCRIPTION_VOLATILE 0x1u /* nothing durable: no name is needed, no checkpoint kept */

typedef struct skafu_subscription_opts {
	uint32_t size;              /* sizeof(skafu_subscription_opts) */
	uint32_t flags;             /* SKAFU_SUBSCRIPTION_ */
	const skafu_source *source; /* NULL: every event from the beginning */
	const skafu_retry_policy *retry;
	uint32_t open_max; /* records handed out and not acknowledged; 0: 1,024 */
	uint32_t reserved; /* 0 */
} skafu_subscription_opts;

/*
 * Follow the log, from history into the present without a seam.  Subscriptions of one name, in any process, share its
 * partitions and take over those of members that die.  Used by one thread at a time.
 */
SKAFU_API int32_t skafu_subscription_open(skafu_model *model, const char *name, const skafu_subscription_opts *opts,
					  skafu_subscription **out_subscription, skafu_error *error);

/* What was not acknowledged will be delivered again, to whoever is there. */
SKAFU_API void skafu_subscription_close(skafu_subscription *subscription);

/* Up to records_max records, as an array of pointers that is lent until the next use; waits up to timeout_ns for the
 * first.  Returns how many, 0 when the time is over, SKAFU_EINTERRUPTED after skafu_store_interrupt(). */
SKAFU_API int32_t skafu_subscription_next(skafu_subscription *subscription, uint32_t records_max, uint64_t timeout_ns,
					  const skafu_record *const **out_records, skafu_error *error);

/* All that was handed out up to this sequence is done.  The first form saves that now; the second puts it into a
 * batch of the host, so that the output and the checkpoint are one commit. */
SKAFU_API int32_t skafu_subscription_ack(skafu_subscription *subscription, uint64_t sequence, skafu_error *error);
SKAFU_API int32_t skafu_subscription_ack_in(skafu_subscription *subscription, uint64_t sequence, skafu_batch *batch,
					    skafu_error *error);

/* The record at this sequence could not be handled: the retry policy decides what follows. */
SKAFU_API int32_t skafu_subscription_fail(skafu_subscription *subscription, uint64_t sequence, int32_t code,
					  const char *message, skafu_error *error);

/* ---- reactions ----------------------------------------------------------------------------------------------- */

/* See an event, answer in the turn.  Called again for the same event only when nothing of the turn was recorded. */
typedef int32_t (*skafu_react_fn)(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error);

typedef struct skafu_reaction_def {
	uint32_t size;  /* sizeof(skafu_reaction_def) */
	uint32_t flags; /* 0 */
	const char *domain;
	const char *name;           /* unique in the store among all consumers */
	const skafu_source *source; /* NULL: every event from the beginning */
	const skafu_retry_policy *retry;
	skafu_react_fn react;
	void *user;
	skafu_free_fn free_user;
} skafu_reaction_def;

/* A reaction belongs to the model, like everything that is defined; an engine runs it. */
SKAFU_API int32_t skafu_model_add_reaction(skafu_model *model, const skafu_reaction_def *def, skafu_error *error);

/* Record a command with all else of the turn, to be decided once by its domain.  What became of it is recorded too,
 * with type, stream and correlation of the command: a consumer of SKAFU_KINDS_OUTCOMES sees it. */
SKAFU_API int32_t skafu_turn_send(skafu_turn *turn, const skafu_command *command, skafu_error *error);

/*
 * May the handler do something to the world outside (mail, payment)?  1: do it now, with this key, which is the same
 * whenever the input is handled again: give it to the other side, so that it can tell repetitions; 0: do not, this
 * is a replay.  The name tells several effects of one turn apart.
 */
SKAFU_API int32_t skafu_effect(skafu_turn *turn, const char *name, uint8_t out_key[16], skafu_error *error);

/* ---- timers -------------------------------------------------------------------------------------------------- */

/*
 * A timer records an event or a command when its time has come, once, also after a restart; who wants to act upon it
 * consumes that record.  The name belongs to the handler, for a process to the instance; setting it again replaces.
 * Times are of the wall clock, whatever it is set to; one that is past, as all before 1970 are, fires at once, and
 * INT64_MAX never.  Cancelling what is not set does nothing.
 */
SKAFU_API int32_t skafu_turn_set_timer(skafu_turn *turn, const char *name, int64_t due_ns,
				       const skafu_new_record *record, skafu_error *error);
SKAFU_API int32_t skafu_turn_cancel_timer(skafu_turn *turn, const char *name, skafu_error *error);

/* The same for hosts, with names of the store, as a part of their commit. */
SKAFU_API int32_t skafu_batch_set_timer(skafu_batch *batch, const char *name, int64_t due_ns,
					const skafu_new_record *record, skafu_error *error);
SKAFU_API int32_t skafu_batch_cancel_timer(skafu_batch *batch, const char *name, skafu_error *error);

typedef struct skafu_timer_info {
	uint32_t size;
	uint32_t reserved;
	int64_t due_ns;
	const char *owner;    /* the consumer; "" for a timer of the host */
	const char *instance; /* of a process; else "" */
	const char *name;
	const char *type; /* of the record to be */
} skafu_timer_info;

/* The timers that are set and due before a time (INT64_MAX: all), in the order of their times.  Read in pages: what
 * is set or fires meanwhile may be there or not. */
typedef struct skafu_timer_list skafu_timer_list;
SKAFU_API int32_t skafu_timer_list_open(skafu_store *store, int64_t before_ns, uint64_t limit,
					skafu_timer_list **out_list, skafu_error *error);
SKAFU_API int32_t skafu_timer_list_next(skafu_timer_list *list, const skafu_timer_info **out_info,
					skafu_error *error);
SKAFU_API void skafu_timer_list_free(skafu_timer_list *list);

/* ---- process managers ---------------------------------------------------------------------------------------- */

#define SKAFU_ROUTE_IGNORE 0   /* not for this process */
#define SKAFU_ROUTE_START 1    /* begin an instance; one that is there already gets it as well */
#define SKAFU_ROUTE_CONTINUE 2 /* for an instance that is there; else ignored */
#define SKAFU_ROUTE_STOP 3     /* as CONTINUE, and the instance completes with it */

/* Which instance is an input for: returns SKAFU_ROUTE_ and puts the instance's name (1 to 128 bytes of text). */
typedef int32_t (*skafu_route_fn)(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error);

/* Act upon an input; the state has evolved with it already. */
typedef int32_t (*skafu_act_fn)(void *user, const skafu_record *input, const void *state, skafu_turn *turn,
				skafu_error *error);

typedef struct skafu_process_def {
	uint32_t size;    /* sizeof(skafu_process_def) */
	uint32_t version; /* instances finish on the version that they began with: keep its definition */
	const char *domain;
	const char *name;             /* at most 126 bytes, unique in the store but for other versions of it */
	const skafu_source *source;   /* its inputs; with SKAFU_KINDS_OUTCOMES also what became of its commands */
	const skafu_state_def *state; /* NULL: none */
	skafu_route_fn route;
	skafu_evolve_fn evolve;
	skafu_act_fn act;
	const skafu_retry_policy *retry; /* HALT and PARK_KEY (and NULL) set the failing instance aside, no other */
	void *user;
	skafu_free_fn free_user;
} skafu_process_def;

SKAFU_API int32_t skafu_model_add_process(skafu_model *model, const skafu_process_def *def, skafu_error *error);

/* Remember how to undo what the process just did: this command is sent if it compensates.  The last one goes first,
 * each next one when the one before was accepted; a refused one sets the instance aside. */
SKAFU_API int32_t skafu_turn_undo_with(skafu_turn *turn, const skafu_command *command, skafu_error *error);

/* Send what was remembered, then end the instance as failed, with a reason.  From now on it gets no inputs, none that
 * starts it either until it has ended, and its timers go. */
SKAFU_API int32_t skafu_turn_compensate(skafu_turn *turn, const char *code, const char *message, skafu_error *error);

/* End the instance.  Its timers go; later inputs are ignored but for one that starts it anew. */
SKAFU_API int32_t skafu_turn_complete(skafu_turn *turn, skafu_error *error);

#define SKAFU_PROCESS_RUNNING 1u
#define SKAFU_PROCESS_COMPENSATING 2u
#define SKAFU_PROCESS_COMPLETED 3u
#define SKAFU_PROCESS_FAILED 4u
#define SKAFU_PROCESS_ASIDE 5u /* its handler failed: see the dead letters; skafu_dead_letters_retry() takes it up */

typedef struct skafu_process_info {
	uint32_t size;
	uint32_t state;   /* SKAFU_PROCESS_ */
	uint32_t version; /* of its definition */
	uint32_t steps;
	uint64_t first_sequence; /* the input that started it */
	uint64_t last_sequence;
	int64_t next_timer_ns; /* 0: none is set */
	const char *name;
	const char *instance;
	const char *correlation;
	const char *code; /* why it failed; "" */
	const char *message;
} skafu_process_info;

/* Instances of a process (NULL: of all) whose state is in the mask 1 << SKAFU_PROCESS_, OR'd (0: any), by name.  Read
 * in pages, each as of its own moment. */
typedef struct skafu_process_list skafu_process_list;
SKAFU_API int32_t skafu_process_list_open(skafu_store *store, const char *name, uint32_t states, uint64_t limit,
					  skafu_process_list **out_list, skafu_error *error);
SKAFU_API int32_t skafu_process_list_next(skafu_process_list *list, const skafu_process_info **out_info,
					  skafu_error *error);
SKAFU_API void skafu_process_list_free(skafu_process_list *list);

/* ---- the engine ---------------------------------------------------------------------------------------------- */

typedef struct skafu_engine_opts {
	uint32_t size;                /* sizeof(skafu_engine_opts) */
	uint32_t hops_max;            /* a record further from its first cause is set aside; 0: 64 */
	const char *const *consumers; /* run only these; none: all of the model */
	size_t consumer_count;
} skafu_engine_opts;

SKAFU_API int32_t skafu_engine_open(skafu_model *model, const skafu_engine_opts *opts, skafu_engine **out_engine,
				    skafu_error *error);

/* Saves lazy checkpoints.  NULL is fine. */
SKAFU_API void skafu_engine_close(skafu_engine *engine);

/* Call fn in steps of the engine for each record; 0 acknowledges it.  NULL opts: every event from the beginning. */
SKAFU_API int32_t skafu_engine_subscribe(skafu_engine *engine, const char *name, const skafu_subscription_opts *opts,
					 skafu_react_fn fn, void *user, skafu_free_fn free_user, skafu_error *error);

/*
 * For event loops: a descriptor that becomes readable when there may be work, and how long the host may sleep on it.
 * Ask for the time before every sleep: it arms the descriptor; 0: there is work, do not sleep; SKAFU_WAIT_FOREVER:
 * the descriptor will tell.
 */
SKAFU_API int32_t skafu_engine_fd(skafu_engine *engine);
SKAFU_API int32_t skafu_engine_timeout(skafu_engine *engine, uint64_t *out_wait_ns, skafu_error *error);

/* Do what is to be done, up to so many inputs: 1 when there is more, 0 when there is nothing to do now.  A failing
 * handler is no failure of this call.  Not from inside a handler: SKAFU_EMISUSE. */
SKAFU_API int32_t skafu_engine_step(skafu_engine *engine, uint32_t inputs_max, skafu_error *error);

/* Step and sleep until the time is over (SKAFU_ETIMEOUT) or the engine is stopped (0). */
SKAFU_API int32_t skafu_engine_run(skafu_engine *engine, uint64_t timeout_ns, skafu_error *error);

/* End skafu_engine_run(), now or, when it does not run, the next one.  Any thread; safe in a signal handler. */
SKAFU_API void skafu_engine_stop(skafu_engine *engine);

/* Step until there is nothing to do but wait for timers, at most so long. */
SKAFU_API int32_t skafu_engine_drain(skafu_engine *engine, uint64_t timeout_ns, skafu_error *error);

/* Record a command from outside, for processes and deciders to take up.  out_appended may be NULL. */
SKAFU_API int32_t skafu_engine_send(skafu_engine *engine, const skafu_command *command, uint64_t timeout_ns,
				    skafu_appended *out_appended, skafu_error *error);

/* Send a command and step, or wait for another process that does, until its outcome is recorded.  After
 * SKAFU_ETIMEOUT the command stands and will be decided. */
SKAFU_API int32_t skafu_engine_execute(skafu_engine *engine, const skafu_command *command, uint64_t timeout_ns,
				       skafu_outcome **out_outcome, skafu_error *error);

/* Step or wait until a record of this correlation matches the pattern, and hand out the first one that does
 * (skafu_record_free): the end of a flow through several domains. */
SKAFU_API int32_t skafu_engine_await(skafu_engine *engine, const char *correlation, const char *pattern,
				     uint64_t timeout_ns, skafu_record **out_record, skafu_error *error);

/* What an outcome record says; SKAFU_EINVAL for other records. */
SKAFU_API int32_t skafu_outcome_read(const skafu_record *record, skafu_outcome **out_outcome, skafu_error *error);

typedef struct skafu_engine_stats {
	uint32_t size; /* set by the caller to sizeof(skafu_engine_stats) */
	uint32_t consumers;
	uint64_t steps;
	uint64_t published; /* records that this process appended */
	uint64_t delivered; /* inputs given to handlers */
	uint64_t emitted;   /* records that handlers gave */
	uint64_t failures;  /* attempts of handlers that failed */
	uint64_t dead_letters;
	uint64_t timers_fired;
	uint64_t timers_pending;
	uint64_t errors_waiting;      /* that could not be appended yet */
	uint64_t errors_lost;         /* that found no room to wait; the log sink has seen them */
	uint64_t cross_domain_p50_ns; /* an event of one domain recorded to its effect in another recorded */
	uint64_t cross_domain_p95_ns;
	uint64_t cross_domain_p99_ns;
} skafu_engine_stats;

/* Any thread. */
SKAFU_API int32_t skafu_engine_stats_get(skafu_engine *engine, skafu_engine_stats *out_stats, skafu_error *error);

/* ---- consumers ----------------------------------------------------------------------------------------------- */

#define SKAFU_CONSUMER_KIND_PROJECTION 1u
#define SKAFU_CONSUMER_KIND_SUBSCRIPTION 2u
#define SKAFU_CONSUMER_KIND_REACTION 3u
#define SKAFU_CONSUMER_KIND_PROCESS 4u
#define SKAFU_CONSUMER_KIND_DECIDER 5u

#define SKAFU_CONSUMER_RUNNING 1u
#define SKAFU_CONSUMER_PAUSED 2u
#define SKAFU_CONSUMER_HALTED 3u  /* by its policy, or by a record that is newer than the model */
#define SKAFU_CONSUMER_ABSENT 4u  /* no living process serves it */

typedef struct skafu_consumer_info {
	uint32_t size;
	uint32_t kind;  /* SKAFU_CONSUMER_KIND_ */
	uint32_t state; /* SKAFU_CONSUMER_RUNNING ... */
	uint32_t partitions;
	const char *name;
	const char *domain; /* "" for a subscription */
	uint64_t sequence;  /* everything up to here is done, in all partitions */
	uint64_t lag;       /* records behind that, of which not all need be for it */
	uint64_t delivered; /* by this process */
	uint64_t failures;
	uint64_t dead_letters;
	uint64_t handle_p50_ns; /* time in the handler; 0 unless it ran here */
	uint64_t handle_p95_ns;
	uint64_t handle_p99_ns;
	uint64_t publish_p50_ns; /* recorded to handled */
	uint64_t publish_p95_ns;
	uint64_t publish_p99_ns;
	int64_t pid; /* a process that serves it; 0: none */
} skafu_consumer_info;

/* All consumers that the store knows, by name; figures of this process for those of the model. */
typedef struct skafu_consumer_list skafu_consumer_list;
SKAFU_API int32_t skafu_consumer_list_open(skafu_model *model, skafu_consumer_list **out_list, skafu_error *error);
SKAFU_API int32_t skafu_consumer_list_next(skafu_consumer_list *list, const skafu_consumer_info **out_info,
					   skafu_error *error);
SKAFU_API void skafu_consumer_list_free(skafu_consumer_list *list);

/* Durable and for all processes.  Rewind: handle again, or skip, so that `sequence` is the last one done; what was
 * recorded before is not recorded twice. */
SKAFU_API int32_t skafu_consumer_pause(skafu_model *model, const char *name, skafu_error *error);
SKAFU_API int32_t skafu_consumer_resume(skafu_model *model, const char *name, skafu_error *error);
SKAFU_API int32_t skafu_consumer_rewind(skafu_model *model, const char *name, uint64_t sequence, skafu_error *error);

/* Forget name and checkpoint.  SKAFU_EBUSY while somebody serves it. */
SKAFU_API int32_t skafu_consumer_remove(skafu_model *model, const char *name, skafu_error *error);

/* ---- dead letters -------------------------------------------------------------------------------------------- */

/* By reference: a dead letter names the record, which is decoded by today's upcasters when it is tried again. */
typedef struct skafu_dead_letter {
	uint32_t size;
	uint32_t attempts;
	uint64_t sequence; /* of the record: read it with skafu_get() */
	int64_t first_ns;
	int64_t last_ns;
	const char *consumer;
	const char *key; /* of its partition: the stream, correlation or tag */
	const char *type;
	const char *correlation;
	const char *message;
	int32_t code;
	uint32_t parked_behind; /* 1: not tried, an earlier one of its key is parked */
} skafu_dead_letter;

typedef struct skafu_dead_letter_filter {
	uint32_t size;        /* sizeof(skafu_dead_letter_filter) */
	uint32_t reserved;    /* 0 */
	const char *consumer; /* NULL: of any */
	const char *key;      /* NULL: any */
	const char *type;
	uint64_t sequence; /* 0: any */
} skafu_dead_letter_filter;

/* A NULL filter takes all.  In the order of consumer, key, sequence. */
typedef struct skafu_dead_letter_list skafu_dead_letter_list;
SKAFU_API int32_t skafu_dead_letter_list_open(skafu_store *store, const skafu_dead_letter_filter *filter,
					      uint64_t limit, skafu_dead_letter_list **out_list, skafu_error *error);
SKAFU_API int32_t skafu_dead_letter_list_next(skafu_dead_letter_list *list, const skafu_dead_letter **out_letter,
					      skafu_error *error);
SKAFU_API void skafu_dead_letter_list_free(skafu_dead_letter_list *list);

/* Try again, now, in the calling thread: of each key in order up to the first that fails again.  out_retried (may be
 * NULL): how many succeeded.  A retry that fails again stays one dead letter.  Where keys are parked, a letter is not
 * tried before an earlier one of its key that the filter leaves out. */
SKAFU_API int32_t skafu_dead_letters_retry(skafu_engine *engine, const skafu_dead_letter_filter *filter,
					   uint64_t limit, uint64_t *out_retried, skafu_error *error);

/* Give up, with a reason that is recorded; what is parked behind goes on at the next step. */
SKAFU_API int32_t skafu_dead_letters_discard(skafu_engine *engine, const skafu_dead_letter_filter *filter,
					     uint64_t limit, const char *reason, uint64_t *out_discarded,
					     skafu_error *error);

/* ---- the error bus ------------------------------------------------------------------------------------------- */

/* An error as the application sees it.  Only code and message must be given.  Exported as an ErrorOccurred with
 * severity and data {errorCode, errorMessage, context {service, function, userId}, stackTrace, canRetry}. */
typedef struct skafu_error_report_def {
	uint32_t size;      /* sizeof(skafu_error_report_def) */
	uint32_t severity;  /* SKAFU_SEVERITY_; 0: an error */
	const char *source; /* domain; NULL: "default" */
	const char *code;   /* "VALIDATION_ERROR" */
	const char *message;
	const char *service;
	const char *function;
	const char *user_id;
	const char *stack_trace;
	const char *correlation;  /* of what failed; NULL: none */
	const uint8_t *causation; /* 16 bytes: the record that failed; NULL: none */
	uint32_t can_retry;       /* 0 or 1 */
	uint32_t reserved;        /* 0 */
} skafu_error_report_def;

/* Record an error.  Handlers that fail are reported by the library.  Many alike in a short time become one record
 * with a count.  When it can not be appended it waits in a bounded ring, and this is still a success.  Any thread. */
SKAFU_API int32_t skafu_error_report(skafu_model *model, const skafu_error_report_def *def, skafu_error *error);

#define SKAFU_ERRORS_BY_CODE 1u
#define SKAFU_ERRORS_BY_SOURCE 2u
#define SKAFU_ERRORS_BY_SEVERITY 3u
#define SKAFU_ERRORS_BY_CORRELATION 4u
#define SKAFU_ERRORS_BY_MINUTE 5u
#define SKAFU_ERRORS_BY_COMMAND 6u /* type of the command that began what failed */

typedef struct skafu_error_summary {
	uint32_t size;
	uint32_t reserved;
	const char *value; /* the code, source, ...; a minute as RFC 3339 */
	uint64_t warnings;
	uint64_t errors;
	uint64_t criticals;
	uint64_t first_sequence;
	uint64_t last_sequence;
	int64_t first_ns;
	int64_t last_ns;
} skafu_error_summary;

/* Error analytics, up to the head: grouped, the most frequent first (minutes: the newest first). */
typedef struct skafu_error_summary_list skafu_error_summary_list;
SKAFU_API int32_t skafu_error_summary_list_open(skafu_model *model, uint32_t by, uint64_t limit, uint64_t timeout_ns,
						skafu_error_summary_list **out_list, skafu_error *error);
SKAFU_API int32_t skafu_error_summary_list_next(skafu_error_summary_list *list,
						const skafu_error_summary **out_summary, skafu_error *error);
SKAFU_API void skafu_error_summary_list_free(skafu_error_summary_list *list);

/* ---- replay -------------------------------------------------------------------------------------------------- */

#define SKAFU_REPLAY_DRY_RUN 0x1u       /* handlers run, nothing that they give is kept anywhere */
#define SKAFU_REPLAY_REEMIT 0x2u        /* keep what they give, under ids derived from the session; else discard it */
#define SKAFU_REPLAY_ORIGINAL_PACE 0x4u /* as far apart as they were recorded, within rate_max */
#define SKAFU_REPLAY_RECORDED_FROM 0x8u /* recorded_from_ns is given */
#define SKAFU_REPLAY_RECORDED_TO 0x10u  /* recorded_to_ns is given */
#define SKAFU_REPLAY_UPCAST 0x20u       /* to target_store: what the upcasters of the model make of each record */

/* Change a record on its way to another store, to mask what must not leave: copy it, with changes, into `out`, as an
 * upcaster does; adding nothing leaves it out. */
typedef skafu_upcast_fn skafu_mask_fn;

typedef struct skafu_replay_opts {
	uint32_t size;  /* sizeof(skafu_replay_opts) */
	uint32_t flags; /* SKAFU_REPLAY_ */
	uint64_t from;  /* first sequence; 0: 1 */
	uint64_t to;    /* last one; 0: the head now */
	int64_t recorded_from_ns;
	int64_t recorded_to_ns;
	const char *rule;           /* a pattern; NULL: everything of the range */
	const char *const *targets; /* names of projections, reactions, processes, or "domain:NAME" */
	size_t target_count;
	skafu_store *target_store; /* append the records there, as they were, and compare; NULL: none */
	skafu_mask_fn mask;        /* for target_store, last of all; NULL: none */
	void *user;
	skafu_free_fn free_user;
	uint64_t rate_max; /* records a second; 0: as fast as it goes */
} skafu_replay_opts;

#define SKAFU_REPLAY_RUNNING 1u
#define SKAFU_REPLAY_PAUSED 2u
#define SKAFU_REPLAY_DONE 3u
#define SKAFU_REPLAY_CANCELLED 4u
#define SKAFU_REPLAY_FAILED 5u

typedef struct skafu_replay_info {
	uint32_t size;  /* set by the caller to sizeof(skafu_replay_info) */
	uint32_t state; /* SKAFU_REPLAY_RUNNING ... */
	uint8_t id[16];
	uint64_t done; /* records of the range that are behind it; sequence is the last of them */
	uint64_t total;
	uint64_t sequence;
	uint64_t matched;   /* records that the rule takes, and that are of kinds and types for a target */
	uint64_t succeeded; /* of a record, by each target that it was for */
	uint64_t failed;
	uint64_t rate;         /* records a second, lately */
	uint64_t remaining_ns; /* at that rate */
	int64_t started_ns;
	int64_t ended_ns; /* 0: not yet */
	int32_t code;     /* of what ended it; 0 unless it failed */
	uint32_t reserved;
	char message[256];
} skafu_replay_info;

/*
 * Begin a session, which steps of the engine carry on; it survives restarts and goes on exactly where it was.
 * External effects are muted.  Live checkpoints do not move.
 */
SKAFU_API int32_t skafu_replay_start(skafu_engine *engine, const skafu_replay_opts *opts, uint8_t out_id[16],
				     skafu_error *error);
SKAFU_API int32_t skafu_replay_pause(skafu_engine *engine, const uint8_t id[16], skafu_error *error);

/* Go on with a session that is paused or failed, or that a restart left without its target store and mask: opts then
 * gives them again, and all else in it is not looked at; NULL when it has neither. */
SKAFU_API int32_t skafu_replay_resume(skafu_engine *engine, const uint8_t id[16], const skafu_replay_opts *opts,
				      skafu_error *error);
SKAFU_API int32_t skafu_replay_cancel(skafu_engine *engine, const uint8_t id[16], skafu_error *error);

/* A session by its id, and all sessions, the newest first. */
SKAFU_API int32_t skafu_replay_info_get(skafu_store *store, const uint8_t id[16], skafu_replay_info *out_info,
					skafu_error *error);

typedef struct skafu_replay_list skafu_replay_list;
SKAFU_API int32_t skafu_replay_list_open(skafu_store *store, uint64_t limit, skafu_replay_list **out_list,
					 skafu_error *error);
SKAFU_API int32_t skafu_replay_list_next(skafu_replay_list *list, const skafu_replay_info **out_info,
					 skafu_error *error);
SKAFU_API void skafu_replay_list_free(skafu_replay_list *list);

/* ---- bisect -------------------------------------------------------------------------------------------------- */

/* Is it so in this state?  1 yes, 0 no. */
typedef int32_t (*skafu_predicate_fn)(void *user, const void *state, skafu_error *error);
typedef int32_t (*skafu_view_predicate_fn)(void *user, skafu_view *view, skafu_error *error);

/*
 * The sequence of the first event that made a predicate true; 0 when none did, or it was true before any.  Over the
 * state that a decider has for a command every event is tried in turn.  Over a view the range is halved: the
 * predicate must stay true once it is.  The functions are not kept: they need no free_user.
 */
SKAFU_API int32_t skafu_bisect_state(skafu_model *model, const skafu_command *command, skafu_predicate_fn predicate,
				     void *user, uint64_t *out_sequence, skafu_error *error);
SKAFU_API int32_t skafu_bisect_view(skafu_model *model, const char *projection, skafu_view_predicate_fn predicate,
				    void *user, uint64_t timeout_ns, uint64_t *out_sequence, skafu_error *error);

#ifdef __cplusplus
}
#endif
#endif
