/*
 * keyed.h: commands with a key are decided once.
 *
 * The commit of a keyed command has the id H(domain, key), so the store itself refuses a second one; and it writes a
 * row of the table "skafu.keys" under that id, which keeps the answer, also when nothing was emitted.  The decision
 * of a recorded command has a commit id of its own, which is in the row then; the row alone keeps it from being made
 * twice.
 *
 * Value, little endian:
 *    0  u8        1, the form
 *    1  u8        decision
 *    2  u8        1: the last event is in the command's stream
 *    3  u8        1: the id of the commit is at the end, because it is not the key of the row
 *    4  u32       number of events
 *    8  u64       version of the command's stream, 0 when it is not known here
 *   16  16 bytes  id of the command
 *   32  ...       code, message, correlation, each with its NUL; the id of the commit
 */
#ifndef SKAFU__MODEL_KEYED_H
#define SKAFU__MODEL_KEYED_H

#include <stdint.h>

#include "base/buf.h"
#include "base/sys.h"
#include "skafu_model.h"

void skafu__keyed_id(const char *domain, const char *key, uint8_t out[16]);

/* What an answer consists of.  Texts are borrowed. */
struct skafu__answer {
	uint32_t decision;
	uint32_t last_is_own;
	uint32_t event_count;
	uint64_t stream_version;
	const uint8_t *command;
	const char *code;
	const char *message;
	const char *correlation;
};

/* Into the batch: its id and the row, which must not be there yet.  commit: the id of the batch; NULL: that of the
 * key. */
int32_t skafu__keyed_put(skafu_batch *batch, const struct skafu__sys *sys, const uint8_t id[16],
			 const uint8_t *commit, const struct skafu__answer *answer, skafu_error *error);

/* The answer that was given before: 1 and an outcome, 0 when there was none. */
int32_t skafu__keyed_get(skafu_store *store, const struct skafu__sys *sys, const uint8_t id[16],
			 skafu_outcome **out_outcome, skafu_error *error);

/* An outcome on its own memory, for skafu_outcome_free(). */
int32_t skafu__outcome_make(const struct skafu__sys *sys, const struct skafu__answer *answer,
			    skafu_outcome **out_outcome, skafu_error *error);

#endif
