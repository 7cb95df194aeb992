/*
 * facts.h: what probes report, as the library's own metrics.  skafu-metrics(7) lists them.
 *
 * A fact finds its series by a short key of its own, so that labels are made into text once for a series and not once
 * for an event.  Under the watch's lock.
 */
#ifndef SKAFU__WATCH_FACTS_H
#define SKAFU__WATCH_FACTS_H

#include "base/map.h"
#include "base/probe.h"
#include "skafu_store.h"
#include "watch/series.h"

#define SKAFU__FACTS_MAX 64u

struct skafu__facts {
	struct skafu__metrics *table;
	struct skafu__map by_values; /* fact, values of its labels -> series */
	struct skafu__series *plain[SKAFU__FACTS_MAX]; /* of facts without labels, once it is there */
	double replayed;
	double replayed_well;
};

void skafu__facts_init(struct skafu__facts *facts, struct skafu__metrics *table, const uint8_t *hash_key);
void skafu__facts_done(struct skafu__facts *facts);

void skafu__facts_take(struct skafu__facts *facts, const struct skafu__probe_event *event, int64_t now_ns);

/* Figures of the store and of the watch itself, as they stand. */
struct skafu__standing {
	const struct skafu_store_stats *stats; /* NULL: the store did not say */
	double spans_dropped;
	double alarms_raised;
};
void skafu__facts_standing(struct skafu__facts *facts, const struct skafu__standing *standing);

/* The name of a fact by number, from 0, and what it says; NULL after the last.  For the page that lists them. */
const char *skafu__facts_name(uint32_t number, const char **out_help, uint32_t *out_kind);

#endif
