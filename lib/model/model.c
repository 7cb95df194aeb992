#include "model/model.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "model/decider.h"
#include "model/upcast.h"
#include "model/viewing.h"
#include "store/store.h" /* for the store's memory and its life; everything else goes through skafu_store.h */

#define MODEL_CACHE_BYTES_MAX (UINT64_C(16) << 20)
#define MODEL_EDIT_BYTES_MAX (UINT64_C(16) << 20)

/* Lies on the stack of the thread that called the host's function. */
struct skafu__frame {
	struct skafu__frame *next;
	skafu_model *model;
	pthread_t thread;
};

/* ---- life ---------------------------------------------------------------------------------------------------- */

static skafu_model *model_make(skafu_store *store, const struct skafu_model_opts *opts)
{
	skafu_model *model = skafu__alloc_zeroed(&store->sys, 1, sizeof *model);
	if (!model)
		return NULL;
	model->sys = store->sys;
	model->store = store;
	model->opts = *opts;
	if (model->opts.cache_bytes_max == 0)
		model->opts.cache_bytes_max = MODEL_CACHE_BYTES_MAX;
	if (model->opts.edit_bytes_max == 0)
		model->opts.edit_bytes_max = MODEL_EDIT_BYTES_MAX;
	atomic_init(&model->references, 1u);
	pthread_mutex_init(&model->freeze_lock, NULL);
	pthread_mutex_init(&model->lock, NULL);
	skafu__registry_init(&model->registry, &model->sys);
	skafu__statecache_init(&model->cache, &model->sys, model->opts.cache_bytes_max);
	skafu__lanes_init(&model->lanes, &model->sys);
	skafu__handling_init(&model->handling);
	model->wait_view = skafu__viewing_wait;
	return model;
}

int32_t skafu_model_open(skafu_store *store, const skafu_model_opts *opts, skafu_model **out_model,
			 skafu_error *error)
{
	struct skafu_model_opts known;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = skafu__opts_read(&known, sizeof known, opts, "skafu_model_opts", error);
	if (rc == 0)
		rc = skafu__opts_flags(known.flags, 0, "skafu_model_opts", error);
	if (rc == 0 && !out_model)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_model is NULL; give a place for the model");
	if (rc != 0)
		return rc;
	skafu_model *model = model_make(store, &known);
	if (!model)
		return skafu__fail_memory(error);
	skafu__store_hold(store);
	*out_model = model;
	return 0;
}

static void model_destroy(skafu_model *model)
{
	struct skafu__sys sys = model->sys;
	skafu_store *store = model->store;
	if (model->errorbus)
		model->drop_errorbus(model); /* may still append */
	skafu__statecache_done(&model->cache);
	if (model->run)
		model->drop_run(model);
	while (model->parts) {
		struct skafu__component *part = model->parts;
		model->parts = part->next;
		part->drop(part, model);
	}
	for (size_t i = 0; i < SKAFU__SPARE_BATCHES; i++)
		skafu_batch_free(model->spare_batches[i]);
	skafu__registry_done(&model->registry);
	skafu__lanes_done(&model->lanes);
	skafu__handling_done(&model->handling);
	pthread_mutex_destroy(&model->lock);
	pthread_mutex_destroy(&model->freeze_lock);
	skafu__free(&sys, model);
	skafu__store_release(store);
}

void skafu__model_hold(skafu_model *model)
{
	atomic_fetch_add(&model->references, 1u);
}

void skafu__model_release(skafu_model *model)
{
	if (atomic_fetch_sub(&model->references, 1u) == 1)
		model_destroy(model);
}

void skafu_model_close(skafu_model *model)
{
	if (model)
		skafu__model_release(model);
}

skafu_store *skafu_model_store(const skafu_model *model)
{
	return model ? model->store : NULL;
}

/* ---- functions of the host ----------------------------------------------------------------------------------- */

static void model_enter(struct skafu__frame *frame)
{
	pthread_mutex_lock(&frame->model->lock);
	frame->next = frame->model->frames;
	frame->model->frames = frame;
	pthread_mutex_unlock(&frame->model->lock);
}

static void model_leave(void *arg)
{
	struct skafu__frame *frame = arg;
	pthread_mutex_lock(&frame->model->lock);
	struct skafu__frame **link = &frame->model->frames;
	while (*link != frame)
		link = &(*link)->next;
	*link = frame->next;
	pthread_mutex_unlock(&frame->model->lock);
}

/* The cleanup runs too when the function ends its thread: nothing may be left that points into its stack. */
int32_t skafu__model_call(skafu_model *model, skafu__body_fn body, void *arg)
{
	struct skafu__frame frame = {.model = model, .thread = pthread_self()};
	int32_t rc;
	model_enter(&frame);
	pthread_cleanup_push(model_leave, &frame);
	rc = body(arg);
	pthread_cleanup_pop(1);
	return rc;
}

static int model_is_called_back(skafu_model *model)
{
	int found = 0;
	pthread_mutex_lock(&model->lock);
	for (const struct skafu__frame *frame = model->frames; frame && !found; frame = frame->next)
		found = pthread_equal(frame->thread, pthread_self());
	pthread_mutex_unlock(&model->lock);
	return found;
}

/* The store is asked first: in a forked child the model's lock may be held by a thread that is not there. */
int32_t skafu__model_check(skafu_model *model, skafu_error *error)
{
	if (!model)
		return skafu__fail(error, SKAFU_EINVAL, "the model is NULL");
	int32_t rc = skafu__store_check(model->store, error);
	if (rc == 0 && model_is_called_back(model))
		rc = skafu__fail(error, SKAFU_EMISUSE, "a function of a definition called the library with its own "
				 "model; it may only use the objects that it is given");
	return rc;
}

/* ---- freeze -------------------------------------------------------------------------------------------------- */

int32_t skafu__model_may_define(skafu_model *model, skafu_error *error)
{
	int32_t rc = skafu__model_check(model, error);
	if (rc == 0 && atomic_load(&model->frozen))
		rc = skafu__fail(error, SKAFU_EMISUSE, "the model is in use, so no definition can be added to it any "
				 "more; define everything first, or open another model");
	return rc;
}

static int32_t model_freeze_parts(skafu_model *model, skafu_error *error)
{
	int32_t rc = 0;
	for (struct skafu__component *part = model->parts; rc == 0 && part; part = part->next)
		if (part->freeze)
			rc = part->freeze(part, model, error);
	return rc;
}

static int32_t model_freeze(skafu_model *model, skafu_error *error)
{
	int32_t rc = skafu__upcast_freeze(&model->registry, error);
	if (rc == 0)
		rc = skafu__registry_freeze(&model->registry, model->store, error);
	if (rc == 0)
		rc = skafu__upcast_fingerprint(&model->registry, NULL, 0, model->upcasters, error);
	if (rc != 0)
		return rc;
	skafu__decider_freeze(&model->registry, model->upcasters);
	return model_freeze_parts(model, error);
}

int32_t skafu__model_ready(skafu_model *model, skafu_error *error)
{
	int32_t rc = skafu__model_check(model, error);
	if (rc != 0 || atomic_load(&model->frozen))
		return rc;
	pthread_mutex_lock(&model->freeze_lock);
	if (!atomic_load(&model->frozen)) {
		rc = model_freeze(model, error);
		if (rc == 0)
			atomic_store(&model->frozen, 1u);
	}
	pthread_mutex_unlock(&model->freeze_lock);
	return rc;
}

int32_t skafu_model_freeze(skafu_model *model, skafu_error *error)
{
	return skafu__model_ready(model, error);
}

/* ---- parts --------------------------------------------------------------------------------------------------- */

struct skafu__component *skafu__model_component(const skafu_model *model, const char *kind, const char *name)
{
	for (struct skafu__component *part = model->parts; part; part = part->next)
		if (strcmp(part->kind, kind) == 0 && strcmp(part->name, name) == 0)
			return part;
	return NULL;
}

int32_t skafu__model_add_component(skafu_model *model, struct skafu__component *part, skafu_error *error)
{
	if (skafu__model_component(model, part->kind, part->name))
		return skafu__fail(error, SKAFU_EDEFINITION, "there is a %s %s already; choose another name",
				   part->kind,
				   part->name);
	part->next = model->parts;
	model->parts = part;
	return 0;
}

/* ---- batches ------------------------------------------------------------------------------------------------- */

int32_t skafu__model_take_batch(skafu_model *model, skafu_batch **out_batch, skafu_error *error)
{
	skafu_batch *batch = NULL;
	pthread_mutex_lock(&model->lock);
	for (size_t i = 0; i < SKAFU__SPARE_BATCHES && !batch; i++) {
		batch = model->spare_batches[i];
		model->spare_batches[i] = NULL;
	}
	pthread_mutex_unlock(&model->lock);
	if (!batch)
		return skafu_batch_new(model->store, out_batch, error);
	*out_batch = batch;
	return 0;
}

void skafu__model_give_batch(skafu_model *model, skafu_batch *batch)
{
	if (!batch)
		return;
	skafu_batch_clear(batch);
	pthread_mutex_lock(&model->lock);
	for (size_t i = 0; i < SKAFU__SPARE_BATCHES && batch; i++) {
		if (model->spare_batches[i])
			continue;
		model->spare_batches[i] = batch;
		batch = NULL;
	}
	pthread_mutex_unlock(&model->lock);
	skafu_batch_free(batch);
}
