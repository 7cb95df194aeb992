/*
 * skafu_test.h: a kit to test what is built on libskafu: given, when, then; a clock that you turn; faults.
 *
 * A library of its own (libskafu_test) over the public headers, for any test framework or none: a check returns 0
 * when it holds and 1 when it does not, and skafu_scenario_report() then says in words what was expected and what was
 * found.  Negative codes are failures of the kit's own calls.  A scenario is used by one thread.
 */
#ifndef SKAFU_TEST_H
#define SKAFU_TEST_H

#include "skafu_run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct skafu_scenario skafu_scenario;

/* ---- scenario ------------------------------------------------------------------------------------------------ */

#define SKAFU_SCENARIO_REPEAT 0x1u    /* give reactions and processes every input twice: the second adds nothing */
#define SKAFU_SCENARIO_START 0x2u     /* start_ns is given */
#define SKAFU_SCENARIO_ANY_SCOPE 0x4u /* do not check that a decider's scope selects the given events */

typedef struct skafu_scenario_opts {
	uint32_t size;    /* sizeof(skafu_scenario_opts) */
	uint32_t flags;   /* SKAFU_SCENARIO_ */
	const char *path; /* a directory for a store on disk; NULL: in memory */
	int64_t start_ns; /* of the clock, with SKAFU_SCENARIO_START; else 2025-01-01T00:00:00Z */
	uint64_t seed;    /* of ids and jitter: the same seed gives the same run; 0 is a seed too */
} skafu_scenario_opts;

/*
 * A fresh store with a model without definitions: add the same ones as in production.  Both clocks stand still: the
 * wall clock until you move it, the one by which the library waits until it would wait, which then takes no time.
 * From here on this thread sees the clock of the scenario that it used last, also in skafu_time_now(), until that is
 * freed.  SKAFU_EEXISTS when there is something at the path already; SKAFU_EOPTION when this kit was built with
 * another version of libskafu.
 */
SKAFU_API int32_t skafu_scenario_new(const skafu_scenario_opts *opts, skafu_scenario **out_scenario,
				     skafu_error *error);
SKAFU_API void skafu_scenario_free(skafu_scenario *scenario);

/* Borrowed, until a restart: to add definitions to, and to look around with; free what you got from them (views,
 * cursors, states) before the scenario.  The engine is opened when it is first asked for, or by the first `given` or
 * `when`.  The model is NULL after a restart that failed. */
SKAFU_API skafu_model *skafu_scenario_model(skafu_scenario *scenario);
SKAFU_API int32_t skafu_scenario_engine(skafu_scenario *scenario, skafu_engine **out_engine, skafu_error *error);

/* What the last check that did not hold has to say; "" when all did.  Lent until the next check. */
SKAFU_API const char *skafu_scenario_report(const skafu_scenario *scenario);

/* ---- given --------------------------------------------------------------------------------------------------- */

/* This has happened.  Consumers have seen it, and what they made of it, and all that was not checked before, is not
 * expected any more.  A source and version that are left out are those of the type in the model; a type that the
 * model does not know is SKAFU_EDEFINITION. 1 as for `when`. */
SKAFU_API int32_t skafu_scenario_given(skafu_scenario *scenario, const skafu_new_record *event, skafu_error *error);

/* ---- when ---------------------------------------------------------------------------------------------------- */

/*
 * Execute a command; or append an event; or move the clock.  Then the engine runs until nothing is left to do:
 * attempts of handlers that fail included, timers that are due later not.  A handler that fails is seen with
 * skafu_scenario_then_failed(), a refusal with skafu_scenario_then_refused().
 *
 * 1 and a report when a given event is not selected by the scope of the decider (unless SKAFU_SCENARIO_ANY_SCOPE), or
 * when reactions and processes that were given the new records a second time recorded more, did another effect or
 * failed (SKAFU_SCENARIO_REPEAT).  A negative code: the command, the event or the engine failed, as with a fault that
 * was armed; SKAFU_ELIMIT: it does not come to rest.
 */
SKAFU_API int32_t skafu_scenario_when(skafu_scenario *scenario, const skafu_command *command, skafu_error *error);
SKAFU_API int32_t skafu_scenario_when_event(skafu_scenario *scenario, const skafu_new_record *event,
					    skafu_error *error);
SKAFU_API int32_t skafu_scenario_when_time(skafu_scenario *scenario, int64_t now_ns, skafu_error *error);

/* ---- then ---------------------------------------------------------------------------------------------------- */

/*
 * What came of it, in order, each taken off the list as it is checked, whether it is as expected or not.  Events and
 * commands, as they stand in the log, are one list; effects, once for each key, another.  The event of a `when` is in
 * none.  Of an event and a command only what is given is compared: JSON by its meaning, of metadata the members that
 * are given, tags in any order.  Then nothing: no more came, in either list.
 */
SKAFU_API int32_t skafu_scenario_then_event(skafu_scenario *scenario, const skafu_new_record *event,
					    skafu_error *error);
SKAFU_API int32_t skafu_scenario_then_command(skafu_scenario *scenario, const skafu_command *command,
					      skafu_error *error);
SKAFU_API int32_t skafu_scenario_then_effect(skafu_scenario *scenario, const char *consumer, const char *name,
					     skafu_error *error);
SKAFU_API int32_t skafu_scenario_then_nothing(skafu_scenario *scenario, skafu_error *error);

/* The last command was refused with this code. */
SKAFU_API int32_t skafu_scenario_then_refused(skafu_scenario *scenario, const char *code, skafu_error *error);

/* The handler of this consumer, or of this projection, failed with this code since the last `when`; all attempts
 * at one record are one failure.  For commands that were sent the consumer is "domain:NAME". */
SKAFU_API int32_t skafu_scenario_then_failed(skafu_scenario *scenario, const char *consumer, int32_t code,
					     skafu_error *error);

/* The view of a projection has this row (value NULL: does not have it).  Objects and arrays of JSON are compared by
 * their meaning, all else by its bytes. */
SKAFU_API int32_t skafu_scenario_then_row(skafu_scenario *scenario, const char *projection, const char *table,
					  const void *key, size_t key_length, const void *value, size_t value_length,
					  skafu_error *error);

/* An instance of a process is in this state, SKAFU_PROCESS_. */
SKAFU_API int32_t skafu_scenario_then_process(skafu_scenario *scenario, const char *process, const char *instance,
					      uint32_t state, skafu_error *error);

/* ---- clock --------------------------------------------------------------------------------------------------- */

/* Where the clock stands, and setting it without letting anything run: also backwards. */
SKAFU_API int64_t skafu_scenario_now(const skafu_scenario *scenario);
SKAFU_API int32_t skafu_scenario_set_clock(skafu_scenario *scenario, int64_t now_ns, skafu_error *error);

/* ---- faults -------------------------------------------------------------------------------------------------- */

#define SKAFU_FAULT_MEMORY 1u /* an allocation */
#define SKAFU_FAULT_READ 2u   /* reading a file */
#define SKAFU_FAULT_WRITE 3u  /* writing a file */
#define SKAFU_FAULT_SYNC 4u   /* flushing to disk */
#define SKAFU_FAULT_SPACE 5u  /* a write, for want of space */
#define SKAFU_FAULT_APPEND 6u /* a commit conflicts, as if another had been faster */
#define SKAFU_FAULT_CRASH 7u  /* from a write on nothing succeeds, until skafu_scenario_restart() */

/*
 * Let the nth (1, 2, ...) and the following count-1 operations of this kind from now on fail; replaces what was armed
 * of the same kind; count 0 disarms.  Operations are transactions of the store and of its views, not calls of the
 * system; an append with conditions, of which the first is then said not to hold.  Those of `when` and of your own
 * calls count, those of `given`, of checks, and of a second time do not.  After a failing write or sync the store
 * takes no more writes (SKAFU_EUNKNOWN, SKAFU_EPOISONED) until a restart; so a crash needs a path.
 */
SKAFU_API int32_t skafu_scenario_fail(skafu_scenario *scenario, uint32_t fault, uint64_t nth, uint64_t count,
				      skafu_error *error);

/* How many operations of a kind there were since it was armed: failing each in turn is a loop over this number. */
SKAFU_API uint64_t skafu_scenario_operations(const skafu_scenario *scenario, uint32_t fault);

/* Define everything in a model; 0 or a negative code.  Called once for each time that the scenario starts. */
typedef int32_t (*skafu_define_fn)(void *user, skafu_model *model, skafu_error *error);

/* End as a process that is killed, open again and define again; all faults are disarmed.  What was not checked yet
 * still can be.  Needs a path.  The function is not kept: it needs no free_user.  When this fails the scenario can
 * only be restarted or freed. */
SKAFU_API int32_t skafu_scenario_restart(skafu_scenario *scenario, skafu_define_fn define, void *user,
					 skafu_error *error);

#ifdef __cplusplus
}
#endif
#endif
