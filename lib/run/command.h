/*
 * command.h: commands that are recorded, and decided once by their domain.
 *
 * A recorded command is a record of kind COMMAND: type, stream, data, tags and correlation are those of the
 * command, source is the domain that decides it, and the metadata hold a member "skafu" with "key" and "expires"
 * (nanoseconds) where the command has them.  The consumer "domain:<domain>" takes it up.  What became of it is a
 * record of kind OUTCOME with the same type, stream and correlation, caused by the command's record, and the data
 * {"decision","code","message","events","streamVersion","attempts","repeated"}; the events of the decision are the
 * records right before it in the same commit.
 */
#ifndef SKAFU__RUN_COMMAND_H
#define SKAFU__RUN_COMMAND_H

#include <stdint.h>

#include "model/turn.h"
#include "run/engine.h"
#include "skafu_run.h"

/* Into a batch: the record of a command.  What it leaves out (correlation, causation) is the caller's to give; hops
 * counts reactions.  out_id (may be NULL): the id of the record. */
struct skafu__sending {
	skafu_turn *turn; /* whose trace it continues; NULL: none */
	const char *correlation;
	const uint8_t *causation;
	uint32_t hops;
	uint32_t reserved;
};
int32_t skafu__command_put(skafu_model *model, const skafu_command *command, const struct skafu__sending *sending,
			   skafu_batch *batch, uint8_t out_id[16], skafu_error *error);

/* A worker for each domain of the model that has deciders. */
int32_t skafu__command_workers(skafu_engine *engine, skafu_error *error);

#endif
