/*
 * callscene.h: a scene in which one public function is called while the machine fails, for model, run, watch and kit.
 *
 * A scene has a store with a history, a model of two domains over it with one definition of every sort, and an
 * engine.  A row of a table says what a function needs (prepare) and how it is called (act).  callscene_main() fails
 * everything in each row and demands: a code of the right kind, or success; the store as it was after a failure and
 * as after any call after a success; no leak; and with the fault gone the same call works, the engine comes to rest,
 * and what stands in the store then is what stands there when nothing had failed.
 */
#ifndef TESTS_FAULT_CALLSCENE_H
#define TESTS_FAULT_CALLSCENE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "skafu_run.h"
#include "skafu_test.h"
#include "skafu_watch.h"

#define CALL_BARE 0x1u     /* the model has no definitions */
#define CALL_NO_MODEL 0x2u /* there is a store only */
#define CALL_NO_STORE 0x4u /* there is nothing */
#define CALL_NO_ENGINE 0x8u
#define CALL_STEPWISE 0x10u /* several things, each wholly or not at all: a failure may come after some of them */
#define CALL_ANEW 0x20u     /* each call does it once more: after an unknown outcome it may have been done twice */
#define CALL_WAITS 0x40u    /* may tell its time is over, or that the store must be opened again */
#define CALL_CLOSES 0x80u   /* cannot be called a second time */
#define CALL_QUIET 0x100u   /* may succeed although something failed, and make up for it later */

/* Where in the model's functions the call of `inside` is made. */
enum call_place {
	CALL_PLACE_NONE,
	CALL_IN_DECIDER,
	CALL_IN_REACTION,
	CALL_IN_PROCESS,
	CALL_IN_ROUTE,
	CALL_IN_EACH,
	CALL_IN_KEY,
	CALL_IN_UPCASTER
};

/* What a function of the host has in its hands there; NULL what is not. */
struct call_hands {
	const skafu_record *input;
	skafu_turn *turn;
	skafu_edit *edit;
	skafu_writer *writer;
	skafu_upcast *upcast;
	skafu_error *error;
};

struct callscene;

struct callrow {
	const char *name; /* of the function */
	int32_t (*prepare)(struct callscene *scene); /* NULL: nothing */
	int32_t (*act)(struct callscene *scene);
	int32_t (*inside)(struct callscene *scene, const struct call_hands *hands);
	enum call_place place;
	unsigned flags;
};

struct callscene {
	const struct callrow *row;
	char root[256];
	char path[300];
	skafu_store *store;
	skafu_model *model;
	skafu_engine *engine;
	/* What rows make; released by the scene. */
	skafu_store *other;
	skafu_state *state;
	skafu_view *view;
	skafu_rows *rows;
	skafu_outcome *outcome;
	skafu_record *record;
	skafu_cursor *cursor;
	skafu_batch *batch;
	skafu_rules *rules;
	skafu_subscription *subscription;
	skafu_consumer_list *consumers;
	skafu_dead_letter_list *letters;
	skafu_error_summary_list *summaries;
	skafu_replay_list *replays;
	skafu_timer_list *timers;
	skafu_process_list *processes;
	skafu_watch *watch;
	skafu_span *span;
	skafu_alarm_list *alarms;
	skafu_scenario *scenario;
	skafu_error *made;
	char *text;
	void *bytes;
	uint8_t replay[16];
	uint64_t sequence; /* of what prepare appended */
	uint64_t acks;
	uint32_t sums_version; /* of the projection "sums" */
	uint32_t freed;        /* users of definitions */
	uint32_t given;        /* to definitions */
	int is_armed;          /* the next call inside is the one that fails */
	int was_inside;
	int is_broken;         /* the handler of "broken" fails */
	int32_t code;          /* of the call inside */
	struct skafu_error error;
};

/* ---- for rows ------------------------------------------------------------------------------------------------- */

int32_t callscene_define(struct callscene *scene, skafu_model *model); /* everything */
int32_t callscene_domains(struct callscene *scene, skafu_model *model);

/* Make `run` go through the function of the host that calls `inside`; everything but that one call succeeds. */
int32_t callscene_inside(struct callscene *scene, int32_t (*run)(struct callscene *scene));

/* Append an Ordered; the commit has an id made of the stream, so that a second time is a repetition. */
int32_t callscene_order(struct callscene *scene, const char *stream, const char *data);
skafu_command callscene_command(const char *type, const char *stream, const char *key);
int32_t callscene_drain(struct callscene *scene);
void callscene_free_user(void *user);

/* ---- the program ---------------------------------------------------------------------------------------------- */

/* stride: of the sites of each kind of failure every stride-th after the first few; 1: all. */
int callscene_main(const char *name, const struct callrow *rows, size_t count, uint64_t stride);

#endif
