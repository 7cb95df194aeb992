/*
 * outcome.h: what became of a recorded command, as a record and as the object that hosts read; see command.h.
 */
#ifndef SKAFU__RUN_OUTCOME_H
#define SKAFU__RUN_OUTCOME_H

#include <stdint.h>

#include "model/keyed.h"
#include "model/model.h"
#include "skafu_run.h"

struct skafu__told {
	const struct skafu__answer *answer;
	uint32_t attempts;
	uint32_t is_repeated; /* its key was decided before: the events are elsewhere */
};

/* Into a batch, behind the events of the decision. */
int32_t skafu__outcome_put(skafu_model *model, const skafu_record *command, const struct skafu__told *told,
			   skafu_batch *batch, skafu_error *error);

#endif
