#include "run/stats.h"

#include <string.h>

#include "base/error.h"
#include "base/sys.h"
#include "model/model.h"

#define STATS_FINE_BITS 4u /* sixteen buckets to a power of two */
#define STATS_FINE (1u << STATS_FINE_BITS)

/* ---- histograms ---------------------------------------------------------------------------------------------- */

static uint32_t stats_bucket(uint64_t value)
{
	if (value < STATS_FINE)
		return (uint32_t)value;
	uint32_t top = 63u - (uint32_t)__builtin_clzll(value);
	uint32_t bucket = (top - STATS_FINE_BITS + 1) * STATS_FINE +
			  (uint32_t)(value >> (top - STATS_FINE_BITS)) % STATS_FINE;
	return bucket < SKAFU__TIMES_BUCKETS ? bucket : SKAFU__TIMES_BUCKETS - 1;
}

/* The largest value of a bucket. */
static uint64_t stats_bucket_top(uint32_t bucket)
{
	if (bucket < STATS_FINE)
		return bucket;
	uint32_t shift = bucket / STATS_FINE - 1;
	return ((uint64_t)(STATS_FINE + bucket % STATS_FINE + 1) << shift) - 1;
}

void skafu__times_add(struct skafu__times *times, int64_t took_ns, uint64_t count)
{
	uint32_t bucket = stats_bucket(took_ns > 0 ? (uint64_t)took_ns : 0);
	atomic_fetch_add_explicit(&times->buckets[bucket], count, memory_order_relaxed);
	atomic_fetch_add_explicit(&times->count, count, memory_order_relaxed);
}

uint64_t skafu__times_part(const struct skafu__times *times, uint32_t per_mille)
{
	uint64_t count = atomic_load_explicit(&times->count, memory_order_relaxed);
	uint64_t wanted = (count * per_mille + 999) / 1000;
	uint64_t seen = 0;
	uint32_t last = 0;
	if (count == 0)
		return 0;
	for (uint32_t i = 0; i < SKAFU__TIMES_BUCKETS; i++) {
		uint64_t here = atomic_load_explicit(&times->buckets[i], memory_order_relaxed);
		seen += here;
		if (here != 0)
			last = i;
		if (here != 0 && seen >= wanted)
			break;
	}
	return stats_bucket_top(last);
}

/* ---- figures of consumers ------------------------------------------------------------------------------------ */

static void stats_drop(skafu_model *model)
{
	struct skafu__figures *figures = model->run;
	while (figures) {
		struct skafu__figures *next = figures->next;
		skafu__free(&model->sys, figures->name);
		skafu__free(&model->sys, figures);
		figures = next;
	}
	model->run = NULL;
}

static struct skafu__figures *stats_find(const skafu_model *model, const char *name)
{
	struct skafu__figures *figures = model->run;
	while (figures && strcmp(figures->name, name) != 0)
		figures = figures->next;
	return figures;
}

static struct skafu__figures *stats_make(skafu_model *model, const char *name)
{
	struct skafu__figures *figures = skafu__alloc_zeroed(&model->sys, 1, sizeof *figures);
	char *copy = skafu__strdup(&model->sys, name);
	if (!figures || !copy) {
		skafu__free(&model->sys, figures);
		skafu__free(&model->sys, copy);
		return NULL;
	}
	figures->name = copy;
	figures->next = model->run;
	model->drop_run = stats_drop;
	model->run = figures;
	return figures;
}

struct skafu__figures *skafu__figures_find(skafu_model *model, const char *name)
{
	pthread_mutex_lock(&model->lock);
	struct skafu__figures *figures = stats_find(model, name);
	pthread_mutex_unlock(&model->lock);
	return figures;
}

int32_t skafu__figures_of(skafu_model *model, const char *name, struct skafu__figures **out, skafu_error *error)
{
	pthread_mutex_lock(&model->lock);
	struct skafu__figures *figures = stats_find(model, name);
	if (!figures)
		figures = stats_make(model, name);
	pthread_mutex_unlock(&model->lock);
	if (!figures)
		return skafu__fail_memory(error);
	*out = figures;
	return 0;
}
