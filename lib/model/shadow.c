/*
 * shadow.c: what a host can ask of a projection as a whole: a step, a rebuild beside, a comparison, an exchange.
 */
#include "skafu_model.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/building.h"
#include "model/difference.h"

#define SHADOW_STEP_EVENTS 65536u

/* A call on one projection, inside the turnstile of handlers. */
struct shadow_call {
	struct skafu__building building;
	skafu_model *model;
	skafu_difference_fn tell;
	void *user;
	uint64_t differences;
	uint64_t differences_max;
};

typedef int32_t (*shadow_fn)(struct shadow_call *call, skafu_error *error);

static int32_t shadow_find(skafu_model *model, const char *name, struct skafu__projection **out, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0)
		rc = skafu__name_measure(name, 255, "name of the projection", &length, error);
	if (rc != 0)
		return rc;
	*out = skafu__projection_find(model, name);
	if (*out)
		return 0;
	return skafu__fail(error, SKAFU_ENOTFOUND,
			   "this model defines no projection %s; do it in a process that does",
			   name);
}

static void shadow_leave(void *arg)
{
	struct shadow_call *call = arg;
	skafu_model *model = call->model;
	skafu__building_done(&call->building);
	skafu__handling_leave(&model->handling);
	skafu__model_release(model);
}

static int32_t shadow_run(skafu_model *model, const char *name, struct shadow_call *call, shadow_fn fn,
			  skafu_error *error)
{
	struct skafu__projection *projection;
	int64_t deadline = skafu__deadline(skafu__sys_current(), SKAFU__BUILDING_WAIT_NS);
	int32_t rc = shadow_find(model, name, &projection, error);
	if (rc == 0)
		rc = skafu__handling_enter(&model->handling, deadline, error);
	if (rc != 0)
		return rc;
	call->model = model;
	skafu__model_hold(model);
	pthread_cleanup_push(shadow_leave, call);
	rc = skafu__building_init(&call->building, model, projection, NULL, INT64_MAX, error);
	if (rc == 0)
		rc = skafu__building_prepare(&call->building, error);
	if (rc == 0)
		rc = fn(call, error);
	pthread_cleanup_pop(1);
	return rc;
}

/* ---- step ---------------------------------------------------------------------------------------------------- */

int32_t skafu_projection_step(skafu_model *model, const char *name, uint32_t events_max, skafu_error *error)
{
	struct skafu__projection *projection;
	struct skafu_error own = {0};
	int32_t rc = shadow_find(model, name, &projection, error);
	if (rc == 0 && events_max == 0)
		rc = skafu__fail(error, SKAFU_EINVAL, "events_max is 0; allow at least one event");
	if (rc != 0)
		return rc;
	rc = skafu__projection_step(model, projection, events_max,
				    skafu__deadline(&model->sys, SKAFU__BUILDING_WAIT_NS), &own);
	if (rc == SKAFU__PROJECTION_HALTED)
		rc = own.code;
	return rc < 0 ? skafu__error_copy(error, &own, rc) : rc;
}

/* ---- rebuild, resume, discard -------------------------------------------------------------------------------- */

static int32_t shadow_rebuild(struct shadow_call *call, skafu_error *error)
{
	const struct skafu__built *built = &call->building.built;
	int32_t rc = 0;
	if (skafu__building_owns(&call->building, 0) && built->live.sequence == 0 && built->place.shadow == 0)
		return 0; /* it is only begun */
	while (rc == 0)
		rc = skafu__building_begin_beside(&call->building, error);
	return rc < 0 ? rc : 0;
}

int32_t skafu_projection_rebuild(skafu_model *model, const char *name, skafu_error *error)
{
	struct shadow_call call = {0};
	return shadow_run(model, name, &call, shadow_rebuild, error);
}

static int32_t shadow_resume(struct shadow_call *call, skafu_error *error)
{
	int32_t rc = 0;
	while (rc == 0)
		rc = skafu__building_resume(&call->building, error);
	return rc < 0 ? rc : 0;
}

int32_t skafu_projection_resume(skafu_model *model, const char *name, skafu_error *error)
{
	struct shadow_call call = {0};
	return shadow_run(model, name, &call, shadow_resume, error);
}

static int32_t shadow_none(const struct shadow_call *call, skafu_error *error)
{
	return skafu__fail(error, SKAFU_ENOTFOUND, "nothing is built beside projection %s; begin with "
			   "skafu_projection_rebuild()", call->building.projection->def.name);
}

static int32_t shadow_discard(struct shadow_call *call, skafu_error *error)
{
	int32_t rc = 0;
	if (call->building.built.place.shadow == 0)
		return shadow_none(call, error);
	while (rc == 0 && call->building.built.place.shadow != 0)
		rc = skafu__building_discard(&call->building, error);
	return rc < 0 ? rc : 0;
}

int32_t skafu_projection_discard(skafu_model *model, const char *name, skafu_error *error)
{
	struct shadow_call call = {0};
	return shadow_run(model, name, &call, shadow_discard, error);
}

/* ---- compare and promote ------------------------------------------------------------------------------------- */

static int32_t shadow_halted(const struct skafu__viewmark *mark)
{
	return mark->halt_code ? mark->halt_code : SKAFU_EINTERNAL;
}

/* Bring the one beside to where the one in use is. */
static int32_t shadow_align(struct shadow_call *call, skafu_error *error)
{
	struct skafu__building *building = &call->building;
	if (building->built.place.shadow == 0)
		return shadow_none(call, error);
	if (!skafu__building_owns(building, 1))
		return skafu__fail(error, SKAFU_EDEFINITION,
				   "beside projection %s another program builds version %u; "
				   "do it in a process of that program", building->projection->def.name,
				   building->built.shadow.version);
	while (building->built.place.shadow != 0 && building->built.shadow.sequence < building->built.live.sequence) {
		int32_t rc = skafu__building_advance(building, 1, building->built.live.sequence, SHADOW_STEP_EVENTS,
						     error);
		if (rc < 0)
			return rc;
		if (rc == SKAFU__PROJECTION_HALTED)
			return shadow_halted(&building->built.shadow);
	}
	return building->built.place.shadow ? 0 : shadow_none(call, error);
}

static int32_t shadow_compare(struct shadow_call *call, skafu_error *error)
{
	int32_t rc = shadow_align(call, error);
	if (rc == 0)
		rc = skafu__difference_count(&call->building, call->tell, call->user, &call->differences, error);
	return rc;
}

int32_t skafu_projection_compare(skafu_model *model, const char *name, skafu_difference_fn tell, void *user,
				 uint64_t *out_differences, skafu_error *error)
{
	struct shadow_call call = {.tell = tell, .user = user};
	int32_t rc = shadow_run(model, name, &call, shadow_compare, error);
	if (rc >= 0 && out_differences)
		*out_differences = call.differences;
	return rc < 0 ? rc : 0;
}

/* What was compared is what is put in use: the exchange looks whether both are still there. */
static int32_t shadow_promote(struct shadow_call *call, skafu_error *error)
{
	int32_t rc = 0;
	while (rc == 0) {
		rc = call->differences_max == SKAFU_NO_LIMIT ? shadow_align(call, error) : shadow_compare(call,
													  error);
		if (rc == 0 && call->differences > call->differences_max)
			return skafu__fail(error, SKAFU_EROW, "%llu rows of projection %s differ, more than the %llu "
					   "that are allowed; the view in use stays",
					   (unsigned long long)call->differences,
					   call->building.projection->def.name,
					   (unsigned long long)call->differences_max);
		if (rc == 0)
			rc = skafu__building_flip(&call->building, error);
	}
	return rc < 0 ? rc : 0;
}

int32_t skafu_projection_promote(skafu_model *model, const char *name, uint64_t differences_max, skafu_error *error)
{
	struct shadow_call call = {.differences_max = differences_max};
	return shadow_run(model, name, &call, shadow_promote, error);
}

/* ---- info ---------------------------------------------------------------------------------------------------- */

static uint32_t shadow_state(const struct skafu__built *built, const struct skafu__projection *projection)
{
	const uint8_t *live = built->live.fingerprint;
	if (built->place.live == 0)
		return SKAFU_VIEW_LIVE;
	if (built->live.halt_code != 0)
		return SKAFU_VIEW_HALTED;
	if (projection && memcmp(live, projection->fingerprint, 16) != 0)
		return SKAFU_VIEW_STALE;
	if (built->place.shadow != 0 && memcmp(live, built->shadow.fingerprint, 16) != 0)
		return SKAFU_VIEW_STALE;
	return SKAFU_VIEW_LIVE;
}

static void shadow_describe(const struct skafu__built *built, const struct skafu__projection *projection,
			    const struct skafu__views *views, struct skafu_projection_info *out)
{
	out->state = shadow_state(built, projection);
	out->version = projection ? projection->def.version : 0;
	if (built->place.live != 0) {
		out->version = built->live.version;
		out->sequence = built->live.sequence;
		out->rows = built->live.rows;
		out->pid = skafu__viewenv_process_lives(views, built->live.pid) ? built->live.pid : 0;
	}
	if (built->place.shadow != 0) {
		out->shadow_version = built->shadow.version;
		out->shadow_sequence = built->shadow.sequence;
	}
	out->lag = out->head > out->sequence ? out->head - out->sequence : 0;
}

static int32_t shadow_info(skafu_model *model, const char *name, struct skafu_projection_info *out,
			   skafu_error *error)
{
	struct skafu__built built;
	struct skafu__views *views;
	const struct skafu__projection *projection = skafu__projection_find(model, name);
	int32_t rc = skafu__projection_views(model, &views, error);
	if (rc != 0)
		return rc;
	skafu__built_init(&built, &model->sys);
	rc = skafu__built_load(views, name, &built, error);
	if (rc == 0 && built.place.live == 0 && !projection)
		rc = skafu__fail(error, SKAFU_ENOTFOUND, "there is no projection %s: this model does not define it, "
				 "and no process has run it", name);
	if (rc == 0)
		rc = skafu_store_head(model->store, &out->head, error);
	if (rc == 0)
		shadow_describe(&built, projection, views, out);
	skafu__built_done(&built);
	return rc;
}

int32_t skafu_projection_info_get(skafu_model *model, const char *name, skafu_projection_info *out_info,
				  skafu_error *error)
{
	struct skafu_projection_info info = {.size = sizeof info};
	size_t length;
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0)
		rc = skafu__name_measure(name, 255, "name of the projection", &length, error);
	if (rc == 0 && (!out_info || out_info->size < 8 || out_info->size > sizeof info))
		rc = skafu__fail(error, SKAFU_EOPTION, "out_info is NULL or its size is not "
				 "sizeof(skafu_projection_info)");
	if (rc == 0)
		rc = shadow_info(model, name, &info, error);
	if (rc != 0)
		return rc;
	info.size = out_info->size;
	memcpy(out_info, &info, info.size);
	return 0;
}
