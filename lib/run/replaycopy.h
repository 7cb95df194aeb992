/*
 * replaycopy.h: records of a replay on their way into another store, block by block: masked, appended, read back.
 *
 * In the other store, table "skafu.replay_copies", key: the session's id; value: u8 1, the form; u64 little endian:
 * the source's sequence up to which all is there.  It moves in the commit of the records, so a session that goes on
 * after a kill, or with another process beside it, adds nothing twice.  Records that are there already, from another
 * session, are compared and passed.
 *
 * Invariant: flush succeeds only when every record of the block was found in the other store as it was meant.
 */
#ifndef SKAFU__RUN_REPLAYCOPY_H
#define SKAFU__RUN_REPLAYCOPY_H

#include <stdint.h>

#include "base/buf.h"
#include "model/upcast.h"
#include "skafu_run.h"

struct skafu__replay_copy {
	skafu_model *model; /* of the source */
	skafu_store *to;    /* held */
	skafu_mask_fn mask; /* NULL: none */
	void *user;
	uint32_t upcasts;
	uint32_t is_dry;
	uint8_t session[16];
	skafu_batch *batch;
	struct skafu__lens lens;  /* upcasters */
	struct skafu__lens masks; /* the mask */
	struct skafu__buf meant;  /* of each record to be: id and digest */
	struct skafu__buf scratch;
	uint64_t copied_to; /* as the other store says */
	uint64_t first;     /* of the block; 0: it is empty */
	uint64_t last;
	uint32_t looks; /* records may be there already: look each one up */
	uint32_t is_known; /* copied_to was read */
};

void skafu__replay_copy_init(struct skafu__replay_copy *copy, skafu_model *model, const uint8_t session[16]);
void skafu__replay_copy_done(struct skafu__replay_copy *copy);

/* Before the first block, and when another process may have been there. */
int32_t skafu__replay_copy_begin(struct skafu__replay_copy *copy, skafu_error *error);

/* Add a record to the block.  Calls functions of the host: only inside skafu__model_call(). */
int32_t skafu__replay_copy_add(struct skafu__replay_copy *copy, const skafu_record *record, skafu_error *error);
int skafu__replay_copy_is_full(const struct skafu__replay_copy *copy);

/* Append and read back: 0; 1 when some records are there already, and the block must be added again; SKAFU_EROW when
 * another process was there. */
int32_t skafu__replay_copy_flush(struct skafu__replay_copy *copy, skafu_error *error);
void skafu__replay_copy_clear(struct skafu__replay_copy *copy);

#endif
