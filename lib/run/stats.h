/*
 * stats.h: figures of this process about consumers and engines: counters, and times as histograms.
 *
 * A histogram counts in buckets that are a sixteenth of a power of two wide, so a percentile is at most 6.3 % too
 * large, at a fixed size.  Writing is two relaxed additions, without a lock; a reader sees numbers of about the
 * same moment.
 *
 * Figures of a consumer live in the model under its name: they outlive the engine that made them, and several
 * engines of one model add to the same.
 */
#ifndef SKAFU__RUN_STATS_H
#define SKAFU__RUN_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "skafu_run.h"

#define SKAFU__TIMES_BUCKETS 640u /* up to 2^41 ns, 36 minutes; the last one takes all above */

struct skafu__times {
	_Atomic uint64_t count;
	_Atomic uint64_t buckets[SKAFU__TIMES_BUCKETS];
};

void skafu__times_add(struct skafu__times *times, int64_t took_ns, uint64_t count);

/* The time that a part of all (per mille: 500, 950, 990) did not exceed; 0 when there are none. */
uint64_t skafu__times_part(const struct skafu__times *times, uint32_t per_mille);

#define SKAFU__FIGURES_HALTED 1u /* halted in this process alone: a record newer than the model */

struct skafu__figures {
	struct skafu__figures *next;
	char *name;
	_Atomic uint32_t flags;
	_Atomic uint32_t serving; /* objects of this process that serve it */
	_Atomic uint64_t delivered;
	_Atomic uint64_t emitted;
	_Atomic uint64_t failures;
	_Atomic uint64_t dead_letters;
	struct skafu__times handle;  /* in the handler */
	struct skafu__times publish; /* recorded to handled */
};

/* The figures of a name, made when there are none yet; they live as long as the model. */
int32_t skafu__figures_of(skafu_model *model, const char *name, struct skafu__figures **out, skafu_error *error);

/* NULL when nobody of this process ever served the name. */
struct skafu__figures *skafu__figures_find(skafu_model *model, const char *name);

/* What an engine counts besides. */
struct skafu__engine_figures {
	_Atomic uint64_t steps;
	_Atomic uint64_t delivered;
	_Atomic uint64_t emitted;
	_Atomic uint64_t failures;
	_Atomic uint64_t dead_letters;
	_Atomic uint64_t timers_fired;
	_Atomic uint64_t errors_waiting;
	_Atomic uint64_t errors_lost;
	struct skafu__times cross_domain;
};

#endif
