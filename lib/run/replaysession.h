/*
 * replaysession.h: a replay session as an engine carries it on.
 *
 * A session is known by its id, open when its targets are set up in memory, and claimed while this process carries it
 * on.  `reached` is how far it came in memory and `durable` what the log says.  What is discarded moves the durable
 * progress now and then; what is kept is appended in commits that each move it (replayrow.h).  After a kill, or when
 * a commit is refused because somebody else was there, the session is opened anew from what is durable: processes and
 * views that it has in memory are run again over what comes before, and nothing of that is kept or counted.
 */
#ifndef SKAFU__RUN_REPLAYSESSION_H
#define SKAFU__RUN_REPLAYSESSION_H

#include <stdint.h>

#include "model/trial.h"
#include "run/engine.h"
#include "run/replaycopy.h"
#include "run/replayrow.h"
#include "run/rowchain.h"
#include "run/step.h"

#define SKAFU__REPLAY_BATCHES 256u /* commits in one append */

struct skafu__replay_one {
	const struct skafu__replay_target *target;
	struct skafu__consumer *consumer;     /* reaction, process */
	struct skafu__projection *projection; /* else */
	struct skafu__step step;
	struct skafu__trial trial;
	uint32_t has_step;
	uint32_t has_trial;
	uint32_t is_rebuild; /* the projection is built beside, and put in use */
	uint32_t is_rebuilt;
};

/* An output that waits to be appended. */
struct skafu__replay_output {
	uint32_t target;
	uint32_t reserved;
	uint64_t sequence;
	struct skafu__replay_progress after;
};

struct skafu__replay_session {
	struct skafu__replay_session *next;
	skafu_engine *engine;
	uint8_t id[16];
	struct skafu__buf value; /* of the plan's row */
	struct skafu__replay_plan plan;
	struct skafu__replay_progress durable;
	struct skafu__replay_progress reached;

	/* What only this process has. */
	skafu_store *target_store;
	skafu_mask_fn mask;
	void *user;
	skafu_free_fn free_user;

	uint32_t is_claimed;
	uint32_t is_open;
	uint32_t seen_word; /* of the control page, when the plan was looked at */
	uint32_t has_seen;
	uint32_t has_ended;

	/* While it is open. */
	skafu_rules *rules;
	struct skafu__replay_one *ones;
	uint32_t has_steps;
	uint32_t has_cursor; /* records are read here; else only trials and rebuilds do something */
	uint32_t reads_all;  /* the cursor came to its end */
	uint32_t kinds;
	uint64_t warm_to; /* what was done before is run again up to here */
	uint64_t read_to; /* the cursor is behind this one */
	skafu_cursor *cursor;
	const skafu_record *const *records;
	uint32_t record_count;
	uint32_t record_at;
	struct skafu__rowaside aside;
	struct skafu__rowchain chain;   /* of processes */
	struct skafu__rowaside nothing;
	struct skafu__rowchain nochain; /* of reactions */
	skafu_batch *scratch;
	skafu_batch *batches[SKAFU__REPLAY_BATCHES];
	struct skafu__replay_output *outputs;
	uint32_t output_count;
	uint32_t memory_tries; /* of the record below */
	uint64_t memory_sequence;
	uint64_t output_bytes;
	struct skafu__replay_copy copy;

	/* With whom the thread is now, and who ended its thread: that one is not asked again. */
	uint64_t handling;
	uint64_t abandoned;
	uint32_t handling_target;
	uint32_t abandoned_target;

	/* An output that the log refused: (0: none).  known: because it is there. */
	uint64_t refused;
	uint32_t refused_target;
	uint32_t refused_is_known;

	/* Pace. */
	int64_t free_ns; /* monotonic: the next record may go */
	int64_t pace_record_ns;
	int64_t pace_ns;
	uint32_t has_pace;
	uint32_t reserved;
	int64_t saved_ns; /* monotonic: when the progress was saved last */
	uint64_t saved_done;
	uint64_t told_succeeded; /* to the probes */
	uint64_t told_failed;
};

/* Everything that another process needs is in the log; the rest is attached. */
int32_t skafu__replay_session_new(skafu_engine *engine, const uint8_t id[16],
				  struct skafu__replay_session **out_session, skafu_error *error);
void skafu__replay_session_free(struct skafu__replay_session *session);

/* Read the rows: 1, or 0 when there is no such session. */
int32_t skafu__replay_session_load(struct skafu__replay_session *session, skafu_error *error);

/* May this engine carry it on?  1, or 0 with the reason in the error. */
int skafu__replay_session_is_for(const struct skafu__replay_session *session, skafu_error *error);

/* Set up what carries it on, from what is loaded; close forgets it, and what is not saved. */
int32_t skafu__replay_session_open(struct skafu__replay_session *session, skafu_error *error);
void skafu__replay_session_close(struct skafu__replay_session *session);

/* Move the durable progress to where it is: 0, SKAFU_EROW when somebody else moved it. */
int32_t skafu__replay_session_save(struct skafu__replay_session *session, skafu_error *error);

/* The session is over, with a code. */
int32_t skafu__replay_session_end(struct skafu__replay_session *session, uint32_t state, int32_t code,
				  const char *message, skafu_error *error);

/* Claim it for this process: 1, or 0 when another one has it. */
int32_t skafu__replay_session_claim(struct skafu__replay_session *session, skafu_error *error);
void skafu__replay_session_unclaim(struct skafu__replay_session *session);

void skafu__replay_session_tell(struct skafu__replay_session *session);

#endif
