/*
 * alarm.h: alarms over the table of metrics: definitions, a state for each series, and what is told of changes.
 *
 * An alarm changes its state only when its figure has been beyond the threshold at every step for the whole duration;
 * a step without a figure begins the duration anew and leaves the state.  Steps judge; what changed is marked and
 * told afterwards, outside of the watch's lock, one change at a time, so telling needs no memory and loses nothing.
 * Under the watch's lock, but for the functions that say otherwise.
 */
#ifndef SKAFU__WATCH_ALARM_H
#define SKAFU__WATCH_ALARM_H

#include "skafu_watch.h"
#include "watch/series.h"

#define SKAFU__ALARMS_MAX 1024u
#define SKAFU__ALARM_SINKS_MAX 64u
#define SKAFU__ALARM_MESSAGE_BYTES 2048u

struct skafu__alarm;

struct skafu__alarms {
	const struct skafu__sys *sys;
	struct skafu__alarm *first; /* by name */
	uint32_t count;
	uint32_t raised;
};

void skafu__alarms_init(struct skafu__alarms *alarms, const struct skafu__sys *sys);
void skafu__alarms_done(struct skafu__alarms *alarms);

int32_t skafu__alarms_add(struct skafu__alarms *alarms, const skafu_alarm_def *def, skafu_error *error);
int32_t skafu__alarms_remove(struct skafu__alarms *alarms, const char *name, skafu_error *error);

/* The alarms that most want; all or none. */
int32_t skafu__alarms_add_defaults(struct skafu__alarms *alarms, skafu_error *error);

/* Judge all alarms by the figures of the table.  SKAFU_ENOMEM when a new series found no memory for its state: the
 * others were judged, and it will be next time. */
int32_t skafu__alarms_judge(struct skafu__alarms *alarms, const struct skafu__metrics *table, int64_t now_ns,
			    int64_t wall_ns);

/* A change that is to be told, copied out so that it outlives the lock: 1, or 0 when there is none (any more). */
struct skafu__change {
	skafu_alarm_info info;
	char name[256];
	char labels[SKAFU__LABELS_BYTES_MAX + 1];
	char message[SKAFU__ALARM_MESSAGE_BYTES];
};
int skafu__alarms_next_change(struct skafu__alarms *alarms, struct skafu__change *out);

/* The alarms as they stand, on memory of their own. */
struct skafu__alarm_row {
	skafu_alarm_info info;
	size_t labels_at;
	size_t message_at;
	size_t name_at;
};
struct skafu__alarm_rows {
	struct skafu__buf rows; /* of struct skafu__alarm_row */
	struct skafu__buf texts;
};
void skafu__alarms_copy(const struct skafu__alarms *alarms, int raised_only, struct skafu__alarm_rows *out);

#endif
