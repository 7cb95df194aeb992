#include "run/projecting.h"

#include "base/error.h"
#include "base/log.h"
#include "model/projection.h"
#include "run/register.h"
#include "store/store.h"

struct projecting {
	struct skafu__worker worker; /* first */
	skafu_model *model;
	struct skafu__projection *projection;
	int is_halted; /* and it was said */
};

/* What a halted one says it says once, until it goes on. */
static void projecting_tell(struct projecting *own, const struct skafu_error *why)
{
	if (!own->is_halted)
		skafu__log(&own->model->store->log, SKAFU_LOG_ERROR, "projection %s halts: %s", own->worker.name,
			   why->message);
	own->is_halted = 1;
}

static int32_t projecting_step(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done,
			       skafu_error *error)
{
	struct projecting *own = (struct projecting *)(void *)worker;
	struct skafu_error why = {0};
	int64_t deadline = skafu__deadline(&own->model->sys, SKAFU__RUN_WAIT_NS);
	*out_done = 0;
	int32_t rc = skafu__projection_step(own->model, own->projection, inputs_max, deadline, &why);
	if (rc < 0)
		return skafu__error_copy(error, &why, rc);
	if (rc == SKAFU__PROJECTION_HALTED) {
		projecting_tell(own, &why);
		return 0;
	}
	own->is_halted = 0;
	*out_done = rc == SKAFU__PROJECTION_MORE ? inputs_max : 0;
	return rc == SKAFU__PROJECTION_MORE;
}

static void projecting_drop(struct skafu__worker *worker)
{
	struct projecting *own = (struct projecting *)(void *)worker;
	skafu__free(&own->model->sys, own);
}

int32_t skafu__projecting_worker(skafu_engine *engine, struct skafu__component *part, skafu_error *error)
{
	struct skafu__projection *projection = (struct skafu__projection *)(void *)part;
	const char *name = skafu__projection_name(projection);
	if (!skafu__engine_wants(engine, name))
		return 0;
	struct projecting *own = skafu__alloc_zeroed(&engine->sys, 1, sizeof *own);
	if (!own)
		return skafu__fail_memory(error);
	own->model = engine->model;
	own->projection = projection;
	own->worker = (struct skafu__worker){.name = name, .step = projecting_step, .drop = projecting_drop};
	skafu__engine_add_worker(engine, &own->worker);
	atomic_fetch_add(&engine->consumer_count, 1u);
	return 0;
}
