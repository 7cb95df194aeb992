/*
 * execute.h: load, decide, append, and again when somebody was faster; and the engine's way into a decision.
 *
 * Invariant: an accepted decision is in the log under exactly the condition that its reading implies; a refusal, or a
 * decision to do nothing, is given out only after a look that nothing which it depends on has changed.
 */
#ifndef SKAFU__MODEL_EXECUTE_H
#define SKAFU__MODEL_EXECUTE_H

#include <stdint.h>

#include "model/keyed.h"
#include "skafu_model.h"

/* A command whose members are all filled in: domain, data, content type, correlation.  It borrows what the host
 * gave. */
struct skafu__order {
	skafu_command command;
	const struct skafu__decider *decider;
	uint8_t id[16];     /* of the command */
	uint8_t commit[16]; /* H(domain, key), when there is a key */
	char id_text[SKAFU_ID_TEXT_BYTES];
	int has_key;
};

int32_t skafu__order_take(skafu_model *model, const skafu_command *given, struct skafu__order *out,
			  skafu_error *error);

/*
 * For commands that were recorded: what else goes into the decision's commit (the outcome's record, a checkpoint), on
 * which conditions, and the time and the causation of the record.  A decision with such a companion is always
 * appended.  `add` runs in each attempt, after the conditions of the reading; whatever conflict its own conditions
 * meet ends the execution.
 */
struct skafu__companion {
	int32_t (*add)(void *user, skafu_batch *batch, const struct skafu__answer *answer, skafu_error *error);
	void *user;
	const uint8_t *commit_id; /* NULL: the order's, or a new one */
	const uint8_t *causation; /* of what is emitted; NULL: that of a plain command */
	int64_t now_ns;
	uint32_t hops;
	uint32_t reserved;
};

int32_t skafu__execute(skafu_model *model, const struct skafu__order *order, uint64_t timeout_ns,
		       const skafu_execute_opts *opts, const struct skafu__companion *companion,
		       skafu_outcome **out_outcome, skafu_error *error);

#endif
