/*
 * replayrow.h: replay sessions as the log remembers them.
 *
 * Table "skafu.replays", two rows a session.  Key: the session's id with every bit turned over, so that the newest
 * comes first, and a byte that says which row.  Values are little endian.
 *
 * 0, the plan: what is to be done, and the state.
 *    0  u8   1, the form       1  u8   state (SKAFU_REPLAY_RUNNING ...)
 *    2  u8   1: records go to another store    3  u8  1: through a mask
 *    4  u32  flags (SKAFU_REPLAY_)
 *    8  u64  first sequence   16  u64  last one     24  u64  records a second at most
 *   32  u64  revision: grows with each change of the plan
 *   40  i64  started          48  i64  ended, 0: not yet
 *   56  i32  code of what ended it                  60  u16  targets    62  u16  0
 *   64  16   birth id of the other store
 *   80  ...  rule NUL ("": none), message NUL, and of each target: kind u8 (SKAFU_CONSUMER_KIND_), name NUL
 *
 * 1, the progress:
 *    0  u8   1, the form       1  u8   0            2  u16  generations
 *    4  u32  how many targets are done with the record after `sequence` that is named next
 *    8  u64  sequence: everything up to here is done
 *   16  u64  the record that only some targets are done with, 0: none
 *   24  u64  matched          32  u64  succeeded    40  u64  failed    48  u64  records a second, lately
 *   56  ...  u32 for each target: the generation of a projection that is built beside for it, 0: none
 *
 * Invariant: whoever writes a progress expects the one before; output of the session is only written in a commit
 * that also writes the progress behind it and expects the plan, so it is there once, and not after a pause.
 */
#ifndef SKAFU__RUN_REPLAYROW_H
#define SKAFU__RUN_REPLAYROW_H

#include <stdint.h>

#include "base/buf.h"
#include "skafu_run.h"

#define SKAFU__REPLAY_TARGETS_MAX 64u
#define SKAFU__REPLAY_RULE_BYTES_MAX 65535u
#define SKAFU__REPLAY_KEY_BYTES 17u
#define SKAFU__REPLAY_PROGRESS_BYTES_MAX (56u + 4u * SKAFU__REPLAY_TARGETS_MAX)

extern const char skafu__replay_table[];

struct skafu__replay_target {
	uint32_t kind; /* SKAFU_CONSUMER_KIND_ */
	const char *name;
};

struct skafu__replay_plan {
	uint32_t state;
	uint32_t flags;
	uint32_t copies;
	uint32_t masks;
	uint64_t from;
	uint64_t to;
	uint64_t rate_max;
	uint64_t revision;
	int64_t started_ns;
	int64_t ended_ns;
	int32_t code;
	uint32_t target_count;
	uint8_t birth[16];
	const char *rule; /* NULL: none.  Texts lie in the value that was read, or with the caller. */
	const char *message;
	struct skafu__replay_target targets[SKAFU__REPLAY_TARGETS_MAX];
};

struct skafu__replay_progress {
	uint64_t sequence;
	uint64_t partial; /* the record that only the first `partial_targets` targets are done with */
	uint32_t partial_targets;
	uint32_t generation_count;
	uint64_t matched;
	uint64_t succeeded;
	uint64_t failed;
	uint64_t rate;
	uint32_t generations[SKAFU__REPLAY_TARGETS_MAX];
};

enum skafu__replay_part { SKAFU__REPLAY_PLAN = 0, SKAFU__REPLAY_PROGRESS = 1 };

void skafu__replay_key(const uint8_t id[16], enum skafu__replay_part part, uint8_t out[SKAFU__REPLAY_KEY_BYTES]);

/* The session and the part that a key names; SKAFU_EDAMAGED when it names none. */
int32_t skafu__replay_key_read(const uint8_t *key, size_t length, uint8_t out_id[16], uint32_t *out_part,
			       skafu_error *error);

/* The value is borrowed by the plan. */
int32_t skafu__replay_plan_decode(const uint8_t *value, size_t length, struct skafu__replay_plan *out,
				  skafu_error *error);
int32_t skafu__replay_plan_encode(const struct skafu__replay_plan *plan, struct skafu__buf *out);

int32_t skafu__replay_progress_decode(const uint8_t *value, size_t length, struct skafu__replay_progress *out,
				      skafu_error *error);
size_t skafu__replay_progress_encode(const struct skafu__replay_progress *progress,
				     uint8_t out[SKAFU__REPLAY_PROGRESS_BYTES_MAX]);

/* Read both rows: 1, or 0 when there is no such session.  `value` is cleared and holds the plan's texts. */
int32_t skafu__replay_load(skafu_store *store, const uint8_t id[16], struct skafu__buf *value,
			   struct skafu__replay_plan *out_plan, struct skafu__replay_progress *out_progress,
			   skafu_error *error);

/* Into a batch: the plan `was` (its encoded value; length 0: there is none) becomes `is`. */
int32_t skafu__replay_put_plan(skafu_batch *batch, const uint8_t id[16], const struct skafu__buf *was,
			       const struct skafu__replay_plan *is, skafu_error *error);
int32_t skafu__replay_expect_plan(skafu_batch *batch, const uint8_t id[16], const struct skafu__buf *was,
				  skafu_error *error);

/* The progress `was` (NULL: there is none) becomes `is`. */
int32_t skafu__replay_put_progress(skafu_batch *batch, const uint8_t id[16], const struct skafu__replay_progress *was,
				   const struct skafu__replay_progress *is, skafu_error *error);

#endif
