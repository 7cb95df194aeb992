/*
 * replaykit.h: what the tests of replays share: a shop with 100 orders on 7 streams, and targets for replays.
 *
 * Reaction "reserve" answers each Ordered with a Reserved; process "count" keeps a number of Ordered for each stream
 * and emits a Paid with it to "count/<stream>"; projection "totals" counts events by type.
 */
#ifndef SKAFU_TESTS_RUN_REPLAYKIT_H
#define SKAFU_TESTS_RUN_REPLAYKIT_H

#include "run/kit.h"

#define REPLAYKIT_ORDERS 100u

struct replaykit {
	struct kit base;
	uint8_t id[16];      /* of the last session */
	uint32_t acted;      /* by the process */
	uint32_t counted;    /* by the projection */
	uint64_t fail_at;    /* projection and process fail on this sequence */
	int64_t last_number; /* that the process gave */
};

void replaykit_open(struct replaykit *kit); /* all is handled once */
void replaykit_open_files(struct replaykit *kit);
void replaykit_define(struct replaykit *kit);
void replaykit_close(struct replaykit *kit);

/* Another engine of another model, as another process would have it. */
void replaykit_reopen(struct replaykit *kit);

skafu_replay_opts replaykit_opts(const char *target, uint32_t flags); /* NULL: none */
void replaykit_replay(struct replaykit *kit, const skafu_replay_opts *opts); /* start, and drain */
skafu_replay_info replaykit_info(struct replaykit *kit);
uint32_t replaykit_count(struct replaykit *kit, const char *type);

/* The number of a type in the view of "totals". */
int64_t replaykit_total(struct replaykit *kit, const char *type);

#endif
