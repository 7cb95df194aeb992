/*
 * lane.h: threads of one process that decide about the same stream go one after another, so that they need not find
 * out by a conflict each time.
 *
 * Only an optimisation: the append's condition is what protects the stream.  So nobody waits long: who does not get
 * the lane in time goes without it, and a function of the host that waits for another thread cannot hang both.
 */
#ifndef SKAFU__MODEL_LANE_H
#define SKAFU__MODEL_LANE_H

#include <pthread.h>
#include <stdint.h>

#include "base/sys.h"

struct skafu__lane;

struct skafu__lanes {
	const struct skafu__sys *sys;
	pthread_mutex_t lock;
	struct skafu__lane *first;
};

void skafu__lanes_init(struct skafu__lanes *lanes, const struct skafu__sys *sys);
void skafu__lanes_done(struct skafu__lanes *lanes);

/* The lane of a key, or NULL when it was not free in time. */
struct skafu__lane *skafu__lane_enter(struct skafu__lanes *lanes, const void *key, size_t length, int64_t wait_ns);
void skafu__lane_leave(struct skafu__lanes *lanes, struct skafu__lane *lane); /* NULL is fine */

#endif
