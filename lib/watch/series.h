/*
 * series.h: all metrics of a watch: families (a name with a kind), and in each its series (one for each set of
 * labels).
 *
 * Invariant: there are never more series than series_max; what finds no room is counted and changes nothing.  A
 * family has at least one series, so names are bounded too.  Families and series stay where they are until the table
 * is released, so their names and labels may be lent without a lock.  All else under the watch's lock.
 */
#ifndef SKAFU__WATCH_SERIES_H
#define SKAFU__WATCH_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "skafu_base.h"
#include "watch/histogram.h"
#include "watch/label.h"

#define SKAFU__METRIC_NAME_BYTES_MAX 255u

enum skafu__metric_kind { SKAFU__METRIC_COUNTER = 1, SKAFU__METRIC_GAUGE, SKAFU__METRIC_HISTOGRAM };

struct skafu__series {
	struct skafu__series *next; /* in the family */
	const struct skafu__family *family;
	struct skafu__histogram *histogram;
	double value; /* of a counter or gauge */
	double at_step; /* the value, or number of observations, at the last step */
	double rate;
	uint8_t has_at_step;
	uint8_t has_rate;
	uint16_t labels_length;
	char labels[];
};

struct skafu__family {
	struct skafu__family *next;
	struct skafu__series *first;
	struct skafu__series *last;
	const char *help; /* static; NULL for those of the host */
	uint32_t kind;    /* SKAFU__METRIC_ */
	uint32_t count;
	const char *name;
};

struct skafu__metrics {
	const struct skafu__sys *sys;
	struct skafu__map families; /* name -> family */
	struct skafu__map series;   /* address of the family, labels -> series */
	struct skafu__family *first;
	uint32_t family_count;
	uint32_t count;
	uint32_t series_max;
	double dropped;
};

/* hash_key: 16 secret bytes, since strangers choose labels. */
void skafu__metrics_init(struct skafu__metrics *table, const struct skafu__sys *sys, uint32_t series_max,
		       const uint8_t *hash_key);
void skafu__metrics_done(struct skafu__metrics *table);

struct skafu__family *skafu__metrics_family(const struct skafu__metrics *table, const char *name);
struct skafu__series *skafu__metrics_find(const struct skafu__metrics *table, const char *name,
					const struct skafu__labels *labels);

/* The series, made when there is none.  SKAFU_EDEFINITION when the name is of another kind or collides with what a
 * histogram exports, SKAFU_ELIMIT (counted) when there is no room, SKAFU_ENOMEM. */
int32_t skafu__metrics_enter(struct skafu__metrics *table, const char *name, const char *help, uint32_t kind,
			   const struct skafu__labels *labels, struct skafu__series **out, skafu_error *error);

/* Add to a counter; it never becomes infinite. */
void skafu__series_add(struct skafu__series *series, double amount);

/* What a statistic (SKAFU_METRIC_) says: 0 when there is no figure. */
int skafu__series_figure(const struct skafu__series *series, uint32_t statistic, int64_t now_ns, double *out);

/* A step: take the rates since the last one, `seconds` ago. */
void skafu__metrics_step(struct skafu__metrics *table, double seconds);

/* A copy of all figures at one moment, families by name and series by labels; names, labels and bounds are lent. */
struct skafu__copied {
	const struct skafu__series *series;
	double value;
	double sum;
	uint64_t count;
	uint64_t counts[SKAFU__HISTOGRAM_BOUNDS + 1];
};

struct skafu__copy {
	struct skafu__copied *each;
	size_t count;
	size_t room;
};

/* In three parts, so that the lock is held for the middle one only: 0 from the middle one means that there was not
 * room enough, so make more. */
int32_t skafu__copy_make(struct skafu__copy *copy, const struct skafu__sys *sys, size_t room);
int skafu__copy_take(struct skafu__copy *copy, const struct skafu__metrics *table);
void skafu__copy_sort(struct skafu__copy *copy);
void skafu__copy_done(struct skafu__copy *copy, const struct skafu__sys *sys);

#endif
