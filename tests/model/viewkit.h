/*
 * viewkit.h: projections for tests, over the bank of fixture.h: one number for each stream, the sum of its amounts.
 */
#ifndef SKAFU_TESTS_MODEL_VIEWKIT_H
#define SKAFU_TESTS_MODEL_VIEWKIT_H

#include "model/fixture.h"

enum viewkit_form { VIEWKIT_EACH, VIEWKIT_BATCH, VIEWKIT_FOLD };

/* The user of a projection: what its handlers do, and what they did. */
struct viewkit {
	enum viewkit_form form;
	int64_t factor;      /* of every amount; 0: 1 */
	uint64_t fail_at;    /* fails on the event with this sequence; 0: never */
	int32_t fail_code;
	int effects;         /* asks for an effect for every event */
	int end_thread;      /* the thread ends at the event fail_at */
	uint32_t calls;
	uint32_t events;
	uint32_t allowed;    /* effects */
	uint32_t largest;    /* events in one call */
	uint8_t effect[16];  /* key of the last one */
	uint32_t freed;
	void (*each)(struct viewkit *kit, const skafu_record *event); /* called for every event; may be NULL */
};

/* The domain "bank" with its three event types. */
void viewkit_define_events(struct fixture *fixture);

/* A definition of projection "balances" over it, to be changed before it is added. */
skafu_projection_def viewkit_def(struct viewkit *kit);
void viewkit_add(struct fixture *fixture, struct viewkit *kit, uint32_t version);

/* Another model over the same store with events and projection. */
void viewkit_redefine(struct fixture *fixture, struct viewkit *kit, uint32_t version);

void viewkit_deposit(struct fixture *fixture, const char *stream, int64_t amount);

/* Step to the head, at most so many events at a time; returns the last result. */
int32_t viewkit_step(struct fixture *fixture, uint32_t events_max);

/* The rows of table "main" as "key=number key=number", of the view as it is, or refreshed to the head. */
const char *viewkit_rows(struct fixture *fixture);
const char *viewkit_fresh_rows(struct fixture *fixture);
const char *viewkit_text(skafu_view *view, const char *table);

skafu_projection_info viewkit_info(struct fixture *fixture);

#endif
