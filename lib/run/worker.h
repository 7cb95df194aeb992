/*
 * worker.h: one thing that an engine carries on: a consumer, the projections, the timers, a replay session.
 *
 * An engine owns a list of workers and, in each step, asks them in turn, with a fair share of the inputs that the
 * host allows.  A worker keeps no lock and no snapshot between two calls.  All calls come from the thread that
 * steps.
 */
#ifndef SKAFU__RUN_WORKER_H
#define SKAFU__RUN_WORKER_H

#include <stdint.h>

#include "skafu_run.h"

struct skafu__worker {
	struct skafu__worker *next;
	const char *name; /* lives as long as the worker */

	/* Do up to inputs_max, and say how many it did: 1 when there is more to do now, 0 when not, or a negative
	 * code of the store.  A handler that fails is no failure. */
	int32_t (*step)(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done, skafu_error *error);

	/* The moment of the monotonic clock at which it wants to step though no record came; INT64_MAX: none.
	 * is_draining: only moments that draining must wait for, which are attempts of handlers that failed. */
	int64_t (*due_ns)(struct skafu__worker *worker, int is_draining);

	/* Save what is kept lazily; NULL: nothing is. */
	int32_t (*flush)(struct skafu__worker *worker, skafu_error *error);

	/* The thread left a step in the middle: the host's function ended it.  NULL: nothing to do. */
	void (*abandon)(struct skafu__worker *worker);
	void (*drop)(struct skafu__worker *worker);
};

#endif
