#include "run/engine.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "run/builtin.h"
#include "run/deliver.h"
#include "run/errorworker.h"
#include "store/chain.h"
#include "store/store.h"

#define ENGINE_HOPS_MAX 64u
#define ENGINE_HOPS_LARGEST 254u
#define ENGINE_ROUND 256u       /* inputs of one worker before it is the next one's turn */
#define ENGINE_STEP_INPUTS 1024u
#define ENGINE_CHAIN_WALK_NS UINT64_C(2000000)
#define ENGINE_CHAIN_WAIT_NS INT64_C(2000000)  /* for who writes at that moment */
#define ENGINE_CHAIN_REST_NS INT64_C(1000000000)
#define ENGINE_CHAIN_SHARE 50 /* of the engine's time, while the chain is behind: one part in so many */
#define ENGINE_LOOK_NS UINT64_C(10000000) /* in an event loop without a descriptor */

/* ---- checks -------------------------------------------------------------------------------------------------- */

int32_t skafu__engine_check(skafu_engine *engine, skafu_error *error)
{
	if (!engine)
		return skafu__fail(error, SKAFU_EINVAL, "the engine is NULL");
	return skafu__model_check(engine->model, error);
}

int skafu__engine_wants(const skafu_engine *engine, const char *name)
{
	for (size_t i = 0; i < engine->only_count; i++)
		if (strcmp(engine->only[i], name) == 0)
			return 1;
	return engine->only_count == 0;
}

/* ---- workers ------------------------------------------------------------------------------------------------- */

/* In the order in which they came. */
void skafu__engine_add_worker(skafu_engine *engine, struct skafu__worker *worker)
{
	struct skafu__worker **link = &engine->workers;
	while (*link)
		link = &(*link)->next;
	worker->next = NULL;
	*link = worker;
	engine->worker_count++;
}

struct skafu__worker *skafu__engine_worker(const skafu_engine *engine, const char *name)
{
	struct skafu__worker *worker = engine->workers;
	while (worker && strcmp(worker->name, name) != 0)
		worker = worker->next;
	return worker;
}

struct skafu__consumer *skafu__engine_consumer(const skafu_engine *engine, const char *name)
{
	struct skafu__worker *worker = skafu__engine_worker(engine, name);
	return worker && worker->step == skafu__deliver_step ? (struct skafu__consumer *)(void *)worker : NULL;
}

int32_t skafu__engine_add_consumer(skafu_engine *engine, const struct skafu__consumer_def *def,
				   struct skafu__consumer **out_consumer, skafu_error *error)
{
	struct skafu__consumer *consumer;
	int32_t rc = skafu__consumer_new(engine->model, def, &consumer, error);
	if (rc != 0)
		return rc;
	consumer->hops_max = engine->hops_max;
	consumer->engine = &engine->figures;
	consumer->aside = skafu__builtin_aside();
	skafu__deliver_make_worker(consumer);
	skafu__engine_add_worker(engine, &consumer->worker);
	atomic_fetch_add(&engine->consumer_count, 1u);
	if (out_consumer)
		*out_consumer = consumer;
	return 0;
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

static int32_t engine_copy_names(skafu_engine *engine, const skafu_engine_opts *opts, skafu_error *error)
{
	if (opts->consumer_count == 0)
		return 0;
	if (!opts->consumers || opts->consumer_count > UINT32_MAX)
		return skafu__fail(error, SKAFU_EINVAL, "consumer_count is %zu but consumers is NULL",
				   opts->consumer_count);
	engine->only = skafu__alloc_zeroed(&engine->sys, opts->consumer_count, sizeof *engine->only);
	if (!engine->only)
		return skafu__fail_memory(error);
	for (size_t i = 0; i < opts->consumer_count; i++) {
		if (!opts->consumers[i])
			return skafu__fail(error, SKAFU_EINVAL, "name %zu of the consumers is NULL", i);
		engine->only[i] = skafu__strdup(&engine->sys, opts->consumers[i]);
		if (!engine->only[i])
			return skafu__fail_memory(error);
		engine->only_count++;
	}
	return 0;
}

static int32_t engine_check_names(const skafu_engine *engine, skafu_error *error)
{
	for (size_t i = 0; i < engine->only_count; i++)
		if (!skafu__engine_worker(engine, engine->only[i]))
			return skafu__fail(error, SKAFU_ENOTFOUND, "the engine shall run %s, but the model has no "
					   "consumer of that name", engine->only[i]);
	return 0;
}

static int32_t engine_fill(skafu_engine *engine, const skafu_engine_opts *opts, skafu_error *error)
{
	int32_t rc = engine_copy_names(engine, opts, error);
	if (rc == 0)
		rc = skafu__bell_init(&engine->bell, engine->store, error);
	if (rc == 0)
		rc = skafu__builtin_workers(engine, error);
	return rc ? rc : engine_check_names(engine, error);
}

static void engine_destroy(skafu_engine *engine)
{
	struct skafu__sys sys = engine->sys;
	skafu_model *model = engine->model;
	while (engine->workers) {
		struct skafu__worker *worker = engine->workers;
		engine->workers = worker->next;
		worker->drop(worker);
	}
	skafu__bell_done(&engine->bell);
	for (size_t i = 0; i < engine->only_count; i++)
		skafu__free(&sys, engine->only[i]);
	skafu__free(&sys, engine->only);
	skafu__free(&sys, engine);
	skafu__model_release(model);
}

int32_t skafu_engine_open(skafu_model *model, const skafu_engine_opts *opts, skafu_engine **out_engine,
			  skafu_error *error)
{
	skafu_engine_opts known;
	int32_t rc = skafu__opts_read(&known, sizeof known, opts, "skafu_engine_opts", error);
	if (rc == 0)
		rc = skafu__model_ready(model, error);
	if (rc == 0 && !out_engine)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_engine is NULL; give a place for the engine");
	if (rc == 0 && known.hops_max > ENGINE_HOPS_LARGEST)
		rc = skafu__fail(error, SKAFU_EINVAL, "hops_max is %u; at most %u are possible", known.hops_max,
				 ENGINE_HOPS_LARGEST);
	if (rc != 0)
		return rc;
	skafu_engine *engine = skafu__alloc_zeroed(&model->sys, 1, sizeof *engine);
	if (!engine)
		return skafu__fail_memory(error);
	engine->sys = model->sys;
	engine->model = model;
	engine->store = model->store;
	engine->hops_max = known.hops_max ? known.hops_max : ENGINE_HOPS_MAX;
	skafu__model_hold(model);
	rc = engine_fill(engine, &known, error);
	if (rc != 0) {
		engine_destroy(engine);
		return rc;
	}
	*out_engine = engine;
	return 0;
}

static int32_t engine_flush(skafu_engine *engine, skafu_error *error)
{
	int32_t rc = 0;
	for (struct skafu__worker *worker = engine->workers; worker; worker = worker->next) {
		int32_t own = worker->flush ? worker->flush(worker, rc == 0 ? error : NULL) : 0;
		rc = rc ? rc : own;
	}
	return rc;
}

/* A handler that closes its own engine would pull the ground from under it: nothing happens. */
void skafu_engine_close(skafu_engine *engine)
{
	if (!engine)
		return;
	int32_t rc = skafu__model_check(engine->model, NULL);
	if (rc == SKAFU_EMISUSE)
		return;
	if (rc == 0)
		engine_flush(engine, NULL);
	engine_destroy(engine);
}

/* ---- stepping ------------------------------------------------------------------------------------------------ */

struct engine_step {
	skafu_engine *engine;
	uint32_t inputs_max;
	skafu_error *error;
	int is_over;
};

/* Also when a function of the host ended the thread. */
static void engine_leave(void *arg)
{
	struct engine_step *step = arg;
	skafu_engine *engine = step->engine;
	if (!step->is_over && engine->current && engine->current->abandon)
		engine->current->abandon(engine->current);
	engine->current = NULL;
	atomic_store(&engine->is_stepping, 0u);
}

/* One worker: how much of the budget it used; 1 in *more when it has more to do. */
static int32_t engine_ask(skafu_engine *engine, uint32_t budget, uint32_t *done, int *more, skafu_error *error)
{
	struct skafu__worker *worker = engine->next ? engine->next : engine->workers;
	engine->next = worker->next;
	engine->current = worker;
	int32_t rc = worker->step(worker, budget < ENGINE_ROUND ? budget : ENGINE_ROUND, done, error);
	if (rc < 0)
		skafu__errorworker_failed(engine, rc, error);
	engine->current = NULL;
	*more |= rc == 1 || *done != 0;
	return rc < 0 ? rc : 0;
}

/* Once around without anything done, and there is nothing to do: what one worker gives is there for the next. */
static int32_t engine_work(skafu_engine *engine, uint32_t inputs_max, skafu_error *error)
{
	uint32_t left = inputs_max;
	int more = 1;
	while (more && left != 0) {
		uint32_t before = left;
		more = 0;
		for (uint32_t i = 0; i < engine->worker_count && left != 0; i++) {
			uint32_t done = 0;
			int32_t rc = engine_ask(engine, left, &done, &more, error);
			if (rc != 0)
				return rc;
			left -= done < left ? done : left;
		}
		if (left == before)
			break; /* workers that only look again must not turn in here */
	}
	return more;
}

/* A piece that left some of the chain to do is followed by the next the later the longer it took. */
static int64_t engine_chain_rest_ns(int64_t took_ns, int is_behind)
{
	int64_t rest = took_ns < ENGINE_CHAIN_REST_NS / ENGINE_CHAIN_SHARE ? took_ns * ENGINE_CHAIN_SHARE
									   : ENGINE_CHAIN_REST_NS;
	return is_behind ? rest : ENGINE_CHAIN_REST_NS;
}

/* The hash chain goes on while there is nothing else to do, in pieces so short that an event which comes meanwhile
 * hardly waits; it is nobody's hurry.  1: it did, so look again before you sleep. */
static int engine_upkeep(skafu_engine *engine)
{
	skafu_store *store = engine->store;
	int64_t start = engine->sys.monotonic_ns();
	uint32_t word = skafu__control_word(&store->control);
	int is_new = engine->chain_is_behind || word != engine->chained_word;
	if (store->read_only || !is_new || start < engine->chain_due_ns)
		return 0;
	if (pthread_mutex_trylock(&store->fold_lock) != 0)
		return 0;
	int64_t deadline = start + (int64_t)ENGINE_CHAIN_WALK_NS + ENGINE_CHAIN_WAIT_NS;
	int32_t rc = skafu__chain_step(store, ENGINE_CHAIN_WALK_NS, deadline, NULL);
	pthread_mutex_unlock(&store->fold_lock);
	engine->chain_is_behind = rc == 1;
	int64_t end = engine->sys.monotonic_ns();
	engine->chain_due_ns = end + engine_chain_rest_ns(end - start, rc == 1);
	engine->chained_word = skafu__control_word(&store->control);
	return engine->chained_word != word;
}

static int32_t engine_step_body(struct engine_step *step)
{
	skafu_engine *engine = step->engine;
	int32_t rc = skafu__bell_attend(&engine->bell, step->error);
	skafu__bell_note_interrupts(&engine->bell);
	atomic_fetch_add_explicit(&engine->figures.steps, 1, memory_order_relaxed);
	if (rc == 0)
		rc = engine_work(engine, step->inputs_max, step->error);
	if (rc == 0)
		rc = engine_upkeep(engine);
	engine->has_more = rc == 1;
	return rc;
}

static int32_t engine_step(skafu_engine *engine, uint32_t inputs_max, skafu_error *error)
{
	struct engine_step step = {engine, inputs_max, error, 0};
	int32_t rc;
	if (atomic_exchange(&engine->is_stepping, 1u))
		return skafu__fail(error, SKAFU_EMISUSE,
				   "another thread is stepping this engine; give each thread an "
				   "engine of its own");
	pthread_cleanup_push(engine_leave, &step);
	rc = engine_step_body(&step);
	step.is_over = 1;
	pthread_cleanup_pop(1);
	return rc;
}

int32_t skafu_engine_step(skafu_engine *engine, uint32_t inputs_max, skafu_error *error)
{
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0 && inputs_max == 0)
		rc = skafu__fail(error, SKAFU_EINVAL, "inputs_max is 0; allow at least one input");
	return rc ? rc : engine_step(engine, inputs_max, error);
}

/* ---- sleeping ------------------------------------------------------------------------------------------------ */

static int64_t engine_due_ns(const skafu_engine *engine, int is_draining)
{
	int64_t due = INT64_MAX;
	for (struct skafu__worker *worker = engine->workers; worker; worker = worker->next) {
		int64_t own = worker->due_ns ? worker->due_ns(worker, is_draining) : INT64_MAX;
		due = own < due ? own : due;
	}
	return due;
}

int32_t skafu_engine_fd(skafu_engine *engine)
{
	return engine ? skafu__bell_fd(&engine->bell) : -1;
}

int32_t skafu_engine_timeout(skafu_engine *engine, uint64_t *out_wait_ns, skafu_error *error)
{
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0 && !out_wait_ns)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_wait_ns is NULL; give a place for the time");
	if (rc == 0)
		rc = engine->has_more ? 1 : skafu__bell_arm(&engine->bell, error);
	if (rc < 0)
		return rc;
	int64_t due = engine_due_ns(engine, 0);
	uint64_t wait = due == INT64_MAX ? SKAFU_WAIT_FOREVER : (uint64_t)skafu__time_left(&engine->sys, due);
	if (skafu__bell_fd(&engine->bell) < 0 && wait > ENGINE_LOOK_NS)
		wait = ENGINE_LOOK_NS;
	*out_wait_ns = rc == 1 ? 0 : wait;
	return 0;
}

static int32_t engine_sleep(skafu_engine *engine, int64_t deadline, skafu_error *error)
{
	int64_t due = engine_due_ns(engine, 0);
	return skafu__bell_sleep(&engine->bell, due < deadline ? due : deadline, error);
}

int32_t skafu__engine_until(skafu_engine *engine, uint64_t timeout_ns, skafu__engine_done_fn is_done, void *user,
			    skafu_error *error)
{
	int64_t deadline = skafu__deadline(&engine->sys, timeout_ns);
	for (;;) {
		int32_t rc = engine_step(engine, ENGINE_STEP_INPUTS, error);
		int32_t done = rc < 0 ? rc : is_done(user, engine, error);
		if (done != 0)
			return done < 0 ? done : 0;
		if (skafu__time_left(&engine->sys, deadline) == 0)
			return skafu__fail(error, SKAFU_ETIMEOUT, "the time of the engine is over");
		if (rc == 0)
			rc = engine_sleep(engine, deadline, error);
		if (rc < 0)
			return rc;
	}
}

static int32_t engine_is_stopped(void *user, skafu_engine *engine, skafu_error *error)
{
	(void)user;
	(void)error;
	return skafu__bell_take_ring(&engine->bell);
}

int32_t skafu_engine_run(skafu_engine *engine, uint64_t timeout_ns, skafu_error *error)
{
	int32_t rc = skafu__engine_check(engine, error);
	return rc ? rc : skafu__engine_until(engine, timeout_ns, engine_is_stopped, NULL, error);
}

void skafu_engine_stop(skafu_engine *engine)
{
	if (engine)
		skafu__bell_ring(&engine->bell);
}

static int32_t engine_is_drained(void *user, skafu_engine *engine, skafu_error *error)
{
	(void)user;
	if (engine->has_more || engine_due_ns(engine, 1) != INT64_MAX)
		return 0;
	int32_t rc = engine_flush(engine, error);
	return rc ? rc : 1;
}

int32_t skafu_engine_drain(skafu_engine *engine, uint64_t timeout_ns, skafu_error *error)
{
	int32_t rc = skafu__engine_check(engine, error);
	return rc ? rc : skafu__engine_until(engine, timeout_ns, engine_is_drained, NULL, error);
}
