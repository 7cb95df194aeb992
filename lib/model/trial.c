#include "model/trial.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"

void skafu__trial_init(struct skafu__trial *trial, skafu_model *model, struct skafu__projection *projection,
		       uint64_t begin, skafu_rules *filter)
{
	memset(trial, 0, sizeof *trial);
	trial->model = model;
	trial->projection = projection;
	trial->begin = begin;
	trial->sequence = begin;
	trial->filter = filter;
}

void skafu__trial_done(struct skafu__trial *trial)
{
	skafu__viewenv_free(trial->views);
	trial->views = NULL;
	trial->model = NULL;
}

static void trial_leave(void *arg)
{
	struct skafu__building *building = arg;
	skafu_model *model = building->model;
	skafu__building_done(building);
	skafu__handling_leave(&model->handling);
	skafu__model_release(model);
}

/* The part of the log begins behind what counts as seen. */
static int32_t trial_prepare(struct skafu__trial *trial, struct skafu__building *building, skafu_error *error)
{
	int32_t rc = skafu__building_prepare(building, error);
	while (rc == 0 && building->built.live.sequence < trial->begin) {
		rc = skafu__building_pass(building, trial->begin, error);
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}

/* Past the event that the handler failed on. */
static int32_t trial_pass(struct skafu__trial *trial, struct skafu__building *building, skafu_error *error)
{
	const struct skafu__viewmark *live = &building->built.live;
	trial->failed++;
	trial->code = live->halt_code;
	int32_t rc = skafu__building_pass(building, live->halt_sequence, error);
	return rc < 0 ? rc : SKAFU__PROJECTION_MORE;
}

static int32_t trial_run(struct skafu__trial *trial, struct skafu__building *building, uint64_t limit,
			 uint32_t events_max, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = trial_prepare(trial, building, error);
	if (rc != 0)
		return rc;
	rc = skafu__building_advance(building, 0, limit, events_max, &own);
	if (rc == SKAFU__PROJECTION_HALTED)
		rc = trial_pass(trial, building, error);
	else if (rc < 0)
		return skafu__error_copy(error, &own, rc);
	trial->succeeded += building->given;
	trial->sequence = building->built.live.sequence;
	return rc < 0 ? rc : trial->sequence < limit;
}

int32_t skafu__trial_advance(struct skafu__trial *trial, uint64_t limit, uint32_t events_max, int64_t deadline,
			     skafu_error *error)
{
	struct skafu__building building;
	skafu_model *model = trial->model;
	if (trial->sequence >= limit)
		return 0;
	int32_t rc = trial->views ? 0
				  : skafu__viewenv_private(model->store, model->opts.views_bytes_max, &trial->views,
							   error);
	if (rc == 0)
		rc = skafu__handling_enter(&model->handling, deadline, error);
	if (rc != 0)
		return rc;
	skafu__model_hold(model);
	building.model = model;
	pthread_cleanup_push(trial_leave, &building);
	rc = skafu__building_init(&building, model, trial->projection, trial->views, deadline, error);
	building.is_aside = 1;
	building.stepping.filter = trial->filter;
	if (rc == 0)
		rc = trial_run(trial, &building, limit, events_max, error);
	pthread_cleanup_pop(1);
	return rc;
}
