#include "run/builtin.h"

#include <string.h>

#include "model/model.h"
#include "run/command.h"
#include "run/deadletter.h"
#include "run/deadletter_retry.h"
#include "run/errorstats.h"
#include "run/errorworker.h"
#include "run/processdef.h"
#include "run/projecting.h"
#include "run/reaction.h"
#include "run/replayworker.h"
#include "run/timerworker.h"

struct builtin_kind {
	const char *kind; /* of components of the model */
	int32_t (*make)(skafu_engine *engine, struct skafu__component *part, skafu_error *error);
};

static const struct builtin_kind builtin_kinds[] = {
	{"process", skafu__processdef_worker},
	{"projection", skafu__projecting_worker},
	{"reaction", skafu__reaction_worker},
};

static int32_t (*const builtin_makers[])(skafu_engine *engine, skafu_error *error) = {
	skafu__command_workers,
	skafu__deadletter_worker,
	skafu__errorworker,
	skafu__errorstats_worker,
	skafu__timerworker_make,
	skafu__replayworker_make,
};

static int32_t builtin_make(skafu_engine *engine, struct skafu__component *part, skafu_error *error)
{
	for (size_t i = 0; i < sizeof builtin_kinds / sizeof *builtin_kinds; i++)
		if (strcmp(builtin_kinds[i].kind, part->kind) == 0)
			return builtin_kinds[i].make(engine, part, error);
	return 0;
}

int32_t skafu__builtin_workers(skafu_engine *engine, skafu_error *error)
{
	int32_t rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof builtin_makers / sizeof *builtin_makers; i++)
		rc = builtin_makers[i](engine, error);
	for (struct skafu__component *part = engine->model->parts; rc == 0 && part; part = part->next)
		rc = builtin_make(engine, part, error);
	return rc;
}

const struct skafu__aside *skafu__builtin_aside(void)
{
	return skafu__deadletter_aside();
}
