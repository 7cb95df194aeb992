/*
 * engine.h: an engine: the workers of one process, stepped by one thread.
 *
 * What an engine runs comes from two tables in builtin.c: component kinds of the model ("reaction", "process") with
 * the function that makes a worker of such a component, and workers that every engine has (deciders of recorded
 * commands, projections, timers, replay sessions, errors).
 *
 * Invariant: between two calls no worker holds a lock or a snapshot; a step that a function of the host leaves by
 * ending its thread is put right before anybody else can step.
 */
#ifndef SKAFU__RUN_ENGINE_H
#define SKAFU__RUN_ENGINE_H

#include <stdatomic.h>
#include <stdint.h>

#include "model/model.h"
#include "run/bell.h"
#include "run/consumer.h"
#include "run/stats.h"
#include "run/worker.h"
#include "skafu_run.h"

struct skafu_engine {
	struct skafu__sys sys;
	skafu_model *model;
	skafu_store *store;
	uint32_t hops_max;
	_Atomic uint32_t is_stepping; /* in this moment */
	char **only; /* names to run; NULL: all */
	size_t only_count;
	struct skafu__worker *workers;
	struct skafu__worker *next;    /* whose turn it is; NULL: the first */
	struct skafu__worker *current; /* in whose step the thread is */
	uint32_t worker_count;
	_Atomic uint32_t consumer_count;
	struct skafu__bell bell;
	int64_t chain_due_ns; /* when the hash chain may go on */
	uint32_t chained_word;
	int chain_is_behind;  /* some of it was left the last time */
	uint32_t has_more;    /* the last step left something to do */
	struct skafu__engine_figures figures;
};

/* Every public function of an engine begins with it: NULL, forked, called from inside a handler. */
int32_t skafu__engine_check(skafu_engine *engine, skafu_error *error);

/* Does the host want this worker in this engine? */
int skafu__engine_wants(const skafu_engine *engine, const char *name);

/* The worker belongs to the engine from here on. */
void skafu__engine_add_worker(skafu_engine *engine, struct skafu__worker *worker);
struct skafu__worker *skafu__engine_worker(const skafu_engine *engine, const char *name);

/* The consumer of that name, NULL when this engine runs none: for replay and dead letters. */
struct skafu__consumer *skafu__engine_consumer(const skafu_engine *engine, const char *name);

/* Make a consumer and add it as a worker. */
int32_t skafu__engine_add_consumer(skafu_engine *engine, const struct skafu__consumer_def *def,
				   struct skafu__consumer **out_consumer, skafu_error *error);

/* Step or sleep until `is_done` says 1 or fails, or the deadline passes (SKAFU_ETIMEOUT): the loop that running,
 * draining and waiting for something share.  is_done is asked before each sleep. */
typedef int32_t (*skafu__engine_done_fn)(void *user, skafu_engine *engine, skafu_error *error);
int32_t skafu__engine_until(skafu_engine *engine, uint64_t timeout_ns, skafu__engine_done_fn is_done, void *user,
			    skafu_error *error);

#endif
