/*
 * watchkit.h: for tests of lib/watch: a store in memory with a watch and a clock that stands until it is moved.
 */
#ifndef SKAFU_TESTS_WATCH_WATCHKIT_H
#define SKAFU_TESTS_WATCH_WATCHKIT_H

#include <stdint.h>

#include "base/probe.h"
#include "skafu_watch.h"
#include "store/tempstore.h"

#define KIT_SECOND INT64_C(1000000000)
#define KIT_WALL_BEGIN INT64_C(1700000000000000000)

struct watchkit {
	skafu_store *store;
	skafu_watch *watch;
};

/* The clock of stores opened from now on; monotonic nanoseconds, from which the wall clock differs by a constant. */
extern _Atomic int64_t kit_now_ns;
void kit_clock_install(void);

/* Memory fails in the call number `from` (1: the next one) and all that follow; 0: it never does.  Goes for stores
 * opened after kit_clock_install() and for texts. */
void kit_memory_fails(long from);
extern _Atomic long kit_blocks; /* that are allocated */

void kit_open(struct watchkit *kit, const skafu_watch_opts *opts); /* NULL: defaults */
void kit_close(struct watchkit *kit);

/* Move the clock and step. */
void kit_step(struct watchkit *kit, int64_t seconds);

/* A figure; asserts that there is one. */
double kit_figure(const struct watchkit *kit, const char *name, const char *labels, uint32_t statistic);

/* All metrics as text, which is to be freed with skafu_text_free(). */
char *kit_prometheus(const struct watchkit *kit);
char *kit_otlp(const struct watchkit *kit);
char *kit_spans(const struct watchkit *kit, int32_t expected); /* NULL when none are expected */

/* Report as the layers do. */
void kit_report(const struct watchkit *kit, const struct skafu__probe_event *event);

#endif
