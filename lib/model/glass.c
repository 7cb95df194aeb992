/*
 * glass.c: cursors of the host that show records as the handlers of a model see them.
 */
#include "skafu_model.h"

#include "base/error.h"
#include "model/model.h"
#include "model/upcast.h"
#include "store/cursor.h"

/* Belongs to the cursor, and keeps the model. */
struct glass {
	skafu_model *model;
	struct skafu__lens lens;
	const skafu_record *stored; /* of the look in hand */
	skafu_error *error;
};

static int32_t glass_body(void *arg)
{
	struct glass *glass = arg;
	return skafu__lens_look(&glass->lens, glass->stored, glass->error);
}

/* Upcasters are for events; other records are seen as they are. */
static int32_t glass_look(void *user, const skafu_record *stored, const skafu_record *const **out_shown,
			  uint32_t *out_count, skafu_error *error)
{
	struct glass *glass = user;
	glass->stored = stored;
	glass->error = error;
	if (stored->kind != SKAFU_KIND_EVENT) {
		*out_shown = &glass->stored;
		*out_count = 1;
		return 0;
	}
	int32_t rc = skafu__model_call(glass->model, glass_body, glass);
	if (rc < 0)
		return rc;
	*out_shown = glass->lens.shown;
	*out_count = glass->lens.count;
	return 0;
}

static void glass_done(void *user)
{
	struct glass *glass = user;
	skafu_model *model = glass->model;
	skafu__lens_done(&glass->lens);
	skafu__free(&model->sys, glass);
	skafu__model_release(model);
}

int32_t skafu_model_upcast(skafu_model *model, skafu_cursor *cursor, skafu_error *error)
{
	int32_t rc = skafu__model_ready(model, error);
	if (rc != 0)
		return rc;
	struct glass *glass = skafu__alloc_zeroed(&model->sys, 1, sizeof *glass);
	if (!glass)
		return skafu__fail_memory(error);
	glass->model = model;
	skafu__lens_init(&glass->lens, &model->registry);
	const struct skafu__cursor_lens lens = {glass_look, glass_done, glass};
	rc = skafu__cursor_set_lens(cursor, model->store, &lens, error);
	if (rc != 0) {
		skafu__free(&model->sys, glass);
		return rc;
	}
	skafu__model_hold(model);
	return 0;
}
