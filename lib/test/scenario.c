#include "test/scenario.h"

#include <string.h>

#include "test/told.h"

#define SCENARIO_START_NS INT64_C(1735689600000000000) /* 2025-01-01T00:00:00Z */

/* Address space is scarce under valgrind and with a limit on memory, which tests like to run with. */
#define SCENARIO_STORE_BYTES_MAX (UINT64_C(1) << 30)
#define SCENARIO_VIEWS_BYTES_MAX (UINT64_C(1) << 28)

static _Thread_local skafu_scenario *scenario_here;

/* ---- for the parts ------------------------------------------------------------------------------------------- */

void skafu__kit_pause(skafu_scenario *scenario)
{
	scenario->machine.paused++;
}

void skafu__kit_resume(skafu_scenario *scenario)
{
	scenario->machine.paused--;
}

/* Before anything of the library is called, so that it asks the right machine. */
static int32_t scenario_use(skafu_scenario *scenario, skafu_error *error)
{
	int32_t rc = skafu_test_hook_enter(&scenario->machine.hook);
	if (rc != 0)
		return skafu__kit_fail(error, rc, "this libskafu_test is of another version than libskafu; "
				    "build both "
				       "from the same source");
	scenario_here = scenario;
	return 0;
}

int32_t skafu__kit_enter(skafu_scenario *scenario, skafu_error *error)
{
	if (!scenario)
		return skafu__kit_fail(error, SKAFU_EINVAL, "the scenario is NULL");
	int32_t rc = scenario_use(scenario, error);
	if (rc == 0 && !scenario->model)
		rc = skafu__kit_fail(error, SKAFU_EMISUSE, "the scenario could not be restarted; restart it again or "
				     "free it");
	if (rc == 0 && scenario->failed != 0)
		rc = skafu__kit_fail(error, scenario->failed, "there was no memory to note what happened in the "
				     "scenario; free it");
	return rc;
}

int32_t skafu__kit_differs(skafu_scenario *scenario, skafu_error *error)
{
	if (scenario->report.failed != 0)
		return skafu__kit_fail(error, scenario->report.failed, "the check does not hold, and there is "
				    "no memory "
				       "to say why");
	return 1;
}

int32_t skafu__kit_head(skafu_scenario *scenario, uint64_t *out_head, skafu_error *error)
{
	skafu__kit_pause(scenario);
	int32_t rc = skafu_store_head(scenario->store, out_head, error);
	skafu__kit_resume(scenario);
	return rc;
}

/* ---- begin and end ------------------------------------------------------------------------------------------- */

static int32_t scenario_read_opts(skafu_scenario_opts *known, const skafu_scenario_opts *opts, skafu_error *error)
{
	*known = (skafu_scenario_opts){.size = sizeof *known};
	if (opts && opts->size != sizeof *known)
		return skafu__kit_fail(error, SKAFU_EOPTION, "the size of skafu_scenario_opts is %u and "
				    "should be %zu",
				       opts->size, sizeof *known);
	if (opts)
		*known = *opts;
	if (known->flags & ~(SKAFU_SCENARIO_REPEAT | SKAFU_SCENARIO_START | SKAFU_SCENARIO_ANY_SCOPE))
		return skafu__kit_fail(error, SKAFU_EOPTION, "the flags 0x%x of skafu_scenario_opts are not "
				    "all known",
				       known->flags);
	if (known->start_ns != 0 && !(known->flags & SKAFU_SCENARIO_START))
		return skafu__kit_fail(error, SKAFU_EOPTION, "start_ns is given without SKAFU_SCENARIO_START");
	return 0;
}

static int32_t scenario_open(skafu_scenario *scenario, int is_new, skafu_error *error)
{
	const skafu_store_opts opts = {.size = sizeof opts, .store_bytes_max = SCENARIO_STORE_BYTES_MAX};
	const skafu_model_opts model = {.size = sizeof model, .views_bytes_max = SCENARIO_VIEWS_BYTES_MAX};
	int32_t rc = !scenario->path ? skafu_store_open_memory(&opts, &scenario->store, error)
		     : is_new	     ? skafu_store_create(scenario->path, &opts, &scenario->store, error)
				     : skafu_store_open(scenario->path, &opts, &scenario->store, error);
	if (rc == 0)
		rc = skafu_model_open(scenario->store, &model, &scenario->model, error);
	if (rc == 0)
		return 0;
	skafu_store_close(scenario->store);
	scenario->store = NULL;
	return rc;
}

static void scenario_close(skafu_scenario *scenario)
{
	skafu_engine_close(scenario->engine);
	skafu_model_close(scenario->model);
	skafu_store_close(scenario->store);
	scenario->engine = NULL;
	scenario->model = NULL;
	scenario->store = NULL;
	skafu__kit_forget_types(scenario);
}

static int32_t scenario_begin(skafu_scenario *scenario, const skafu_scenario_opts *opts, skafu_error *error)
{
	int64_t start_ns = opts->flags & SKAFU_SCENARIO_START ? opts->start_ns : SCENARIO_START_NS;
	memset(scenario, 0, sizeof *scenario);
	skafu__kit_machine_init(&scenario->machine, start_ns, opts->seed, skafu__kit_told);
	scenario->flags = opts->flags;
	int32_t rc = scenario_use(scenario, error);
	if (rc == 0 && opts->path) {
		scenario->path = skafu__kit_copy(opts->path);
		if (!scenario->path)
			rc = skafu__kit_fail(error, SKAFU_ENOMEM, "there is no memory for a scenario");
	}
	if (rc != 0)
		return rc;
	skafu__kit_pause(scenario);
	rc = scenario_open(scenario, 1, error);
	skafu__kit_resume(scenario);
	return rc;
}

int32_t skafu_scenario_new(const skafu_scenario_opts *opts, skafu_scenario **out_scenario, skafu_error *error)
{
	skafu_scenario_opts known;
	int32_t rc = scenario_read_opts(&known, opts, error);
	if (rc != 0)
		return rc;
	if (!out_scenario)
		return skafu__kit_fail(error, SKAFU_EINVAL, "out_scenario is NULL; give a place for the scenario");
	skafu_scenario *scenario = skafu__kit_memory(NULL, sizeof *scenario);
	if (!scenario)
		return skafu__kit_fail(error, SKAFU_ENOMEM, "there is no memory for a scenario");
	rc = scenario_begin(scenario, &known, error);
	if (rc != 0) {
		skafu_scenario_free(scenario);
		return rc;
	}
	*out_scenario = scenario;
	return 0;
}

void skafu_scenario_free(skafu_scenario *scenario)
{
	if (!scenario)
		return;
	skafu_test_hook_enter(&scenario->machine.hook);
	skafu__kit_pause(scenario);
	skafu_outcome_free(scenario->outcome);
	scenario_close(scenario);
	skafu__kit_forget_effects(scenario);
	skafu__kit_forget_failures(scenario, 0);
	skafu_test_hook_enter(scenario_here && scenario_here != scenario ? &scenario_here->machine.hook : NULL);
	if (scenario_here == scenario)
		scenario_here = NULL;
	skafu__kit_text_done(&scenario->report);
	skafu__kit_memory(scenario->types, 0);
	skafu__kit_memory(scenario->effects, 0);
	skafu__kit_memory(scenario->failures, 0);
	skafu__kit_memory(scenario->given, 0);
	skafu__kit_memory(scenario->own, 0);
	skafu__kit_memory(scenario->path, 0);
	skafu__kit_memory(scenario, 0);
}

/* ---- looking around ------------------------------------------------------------------------------------------ */

skafu_model *skafu_scenario_model(skafu_scenario *scenario)
{
	return skafu__kit_enter(scenario, NULL) == 0 ? scenario->model : NULL;
}

int32_t skafu_scenario_engine(skafu_scenario *scenario, skafu_engine **out_engine, skafu_error *error)
{
	int32_t rc = skafu__kit_enter(scenario, error);
	if (rc != 0)
		return rc;
	if (!out_engine)
		return skafu__kit_fail(error, SKAFU_EINVAL, "out_engine is NULL; give a place for the engine");
	if (!scenario->engine) {
		skafu__kit_pause(scenario);
		rc = skafu_engine_open(scenario->model, NULL, &scenario->engine, error);
		skafu__kit_resume(scenario);
	}
	if (rc == 0)
		*out_engine = scenario->engine;
	return rc;
}

const char *skafu_scenario_report(const skafu_scenario *scenario)
{
	return scenario && scenario->report.bytes ? scenario->report.bytes : "";
}

int64_t skafu_scenario_now(const skafu_scenario *scenario)
{
	return scenario ? scenario->machine.wall_ns : 0;
}

int32_t skafu_scenario_set_clock(skafu_scenario *scenario, int64_t now_ns, skafu_error *error)
{
	int32_t rc = skafu__kit_enter(scenario, error);
	if (rc == 0)
		scenario->machine.wall_ns = now_ns;
	return rc;
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

int32_t skafu_scenario_fail(skafu_scenario *scenario, uint32_t fault, uint64_t nth, uint64_t count,
			    skafu_error *error)
{
	int32_t rc = skafu__kit_enter(scenario, error);
	if (rc == 0 && (fault < SKAFU_FAULT_MEMORY || fault > SKAFU_FAULT_CRASH))
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "%u is no SKAFU_FAULT_", fault);
	if (rc == 0 && nth == 0 && count != 0)
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "nth is 0; the first operation is number 1");
	if (rc == 0 && fault == SKAFU_FAULT_CRASH && count != 0 && !scenario->path)
		rc = skafu__kit_fail(error, SKAFU_EINVAL, "a scenario in memory has nothing left after a "
				    "crash; give it "
				     "a path");
	if (rc == 0)
		scenario->machine.faults[fault] = (struct skafu__kit_fault){0, nth, count};
	return rc;
}

uint64_t skafu_scenario_operations(const skafu_scenario *scenario, uint32_t fault)
{
	if (!scenario || fault < SKAFU_FAULT_MEMORY || fault > SKAFU_FAULT_CRASH)
		return 0;
	return scenario->machine.faults[fault].operations;
}

/* ---- restart ------------------------------------------------------------------------------------------------- */

/* As a process ends that is killed: what the library keeps lazily is not saved. */
static void scenario_crash(skafu_scenario *scenario)
{
	scenario->machine.crashed = 1;
	scenario_close(scenario);
	scenario->machine.crashed = 0;
	memset(scenario->machine.faults, 0, sizeof scenario->machine.faults);
}

int32_t skafu_scenario_restart(skafu_scenario *scenario, skafu_define_fn define, void *user, skafu_error *error)
{
	if (!scenario || !define)
		return skafu__kit_fail(error, SKAFU_EINVAL, "the scenario or the function that defines is NULL");
	if (!scenario->path)
		return skafu__kit_fail(error, SKAFU_EINVAL, "a scenario in memory has nothing left after a "
				    "restart; give "
				       "it a path");
	int32_t rc = scenario_use(scenario, error);
	if (rc != 0)
		return rc;
	skafu__kit_pause(scenario);
	scenario_crash(scenario);
	rc = scenario_open(scenario, 0, error);
	if (rc == 0)
		rc = define(user, scenario->model, error);
	if (rc < 0)
		scenario_close(scenario);
	skafu__kit_resume(scenario);
	return rc < 0 ? rc : 0;
}
