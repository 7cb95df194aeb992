/*
 * watch.h: the watch itself, as the files of this directory share it.
 *
 * `lock` guards table, facts and alarms and is held for short and never while anything of the store is called; probes
 * call from inside of the store's locks.  Spans have a lock of their own.  What outlives skafu_watch_close() (a list,
 * a span) holds a reference.
 */
#ifndef SKAFU__WATCH_WATCH_H
#define SKAFU__WATCH_WATCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/sys.h"
#include "skafu_watch.h"
#include "watch/alarm.h"
#include "watch/facts.h"
#include "watch/series.h"
#include "watch/span.h"

struct skafu__sink;

struct skafu_watch {
	struct skafu__sys sys; /* the store's */
	skafu_store *store;
	char *service;
	_Atomic uint32_t references;
	uint64_t fork_mark;
	uint8_t hash_key[16];
	pthread_mutex_t lock;
	struct skafu__metrics table;
	struct skafu__facts facts;
	struct skafu__alarms alarms;
	struct skafu__sink *first_sink; /* in the order in which they came; none ever goes */
	struct skafu__sink *last_sink;
	uint32_t sink_count;
	uint32_t is_stepping;
	int64_t begin_ns;   /* wall clock, when the watch was opened */
	int64_t stepped_ns; /* monotonic */
	struct skafu__spans spans;
	_Atomic uint32_t is_telling; /* a sink runs, in `teller` */
	pthread_t teller;
	_Atomic uint32_t is_closed;
};

/* Every public function begins with it: NULL, forked, called by a sink. */
int32_t skafu__watch_check(const skafu_watch *watch, skafu_error *error);

void skafu__watch_hold(skafu_watch *watch);
void skafu__watch_release(skafu_watch *watch);

/* Bring the metrics that stand for a state, not for what happened, up to date.  Without the lock. */
void skafu__watch_gather(skafu_watch *watch);

#endif
