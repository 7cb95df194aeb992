/*
 * model.h: the model object, as the files of lib/model (and lib/run above it) share it.
 *
 * Functions of the host run only inside skafu__model_call(), which remembers the thread for as long as they run: a
 * public function that finds its own thread there was called back, and answers SKAFU_EMISUSE.  No lock of the library
 * is held while they run but the lane of the stream that is decided (lane.h), which nobody waits for without an end.
 *
 * Other files hang what they define into the model as components: one is found by kind and name, has a say when the
 * model is frozen, and is dropped with it.
 */
#ifndef SKAFU__MODEL_MODEL_H
#define SKAFU__MODEL_MODEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/sys.h"
#include "model/handling.h"
#include "model/lane.h"
#include "model/registry.h"
#include "model/statecache.h"
#include "skafu_model.h"

struct skafu__errorbus;
struct skafu__frame; /* a function of the host that runs now */

struct skafu__component {
	struct skafu__component *next;
	const char *kind; /* static: "projection" */
	const char *name; /* lives as long as the part */
	int32_t (*freeze)(struct skafu__component *part, skafu_model *model, skafu_error *error); /* NULL:
	nothing to check */
	void (*drop)(struct skafu__component *part, skafu_model *model);
};

/* Wait until a projection has seen everything up to a sequence: 0, SKAFU_ETIMEOUT ...  With sequence 0: only whether
 * there is such a projection. */
typedef int32_t (*skafu__wait_view_fn)(skafu_model *model, const char *view, uint64_t sequence, int64_t deadline,
				       skafu_error *error);

#define SKAFU__SPARE_BATCHES 4

struct skafu_model {
	struct skafu__sys sys; /* the store's */
	skafu_store *store;
	struct skafu_model_opts opts;
	_Atomic uint32_t references;
	_Atomic uint32_t frozen;
	pthread_mutex_t freeze_lock;
	pthread_mutex_t lock; /* frames and spare batches */
	struct skafu__frame *frames;
	skafu_batch *spare_batches[SKAFU__SPARE_BATCHES];
	struct skafu__registry registry;
	struct skafu__statecache cache;
	struct skafu__lanes lanes;
	struct skafu__handling handling; /* of projections, reactions and processes: one handler at a time */
	struct skafu__component *parts;
	skafu__wait_view_fn wait_view; /* of viewing.h */
	uint8_t upcasters[16];         /* fingerprint of all upcasters; when frozen */
	void *run;                     /* of lib/run, under `lock`; NULL until it needs it */
	void (*drop_run)(skafu_model *model);
	struct skafu__errorbus *errorbus; /* of lib/run too, under `lock` */
	void (*drop_errorbus)(skafu_model *model);
};

/* Every public function begins with one of these.  check: NULL, forked, called back.  may_define: and still open for
 * definitions.  ready: and frozen, which it does when nobody did yet. */
int32_t skafu__model_check(skafu_model *model, skafu_error *error);
int32_t skafu__model_may_define(skafu_model *model, skafu_error *error);
int32_t skafu__model_ready(skafu_model *model, skafu_error *error);

/* A child keeps its model, and with it the definitions, until it is released. */
void skafu__model_hold(skafu_model *model);
void skafu__model_release(skafu_model *model);

/* Run functions of the host.  May be nested. */
typedef int32_t (*skafu__body_fn)(void *arg);
int32_t skafu__model_call(skafu_model *model, skafu__body_fn body, void *arg);

/* SKAFU_EDEFINITION when there is a part of this kind and name; the part belongs to the model on success only. */
int32_t skafu__model_add_component(skafu_model *model, struct skafu__component *part, skafu_error *error);
struct skafu__component *skafu__model_component(const skafu_model *model, const char *kind, const char *name);

/* An empty batch; given back, it keeps its memory for the next who asks. */
int32_t skafu__model_take_batch(skafu_model *model, skafu_batch **out_batch, skafu_error *error);
void skafu__model_give_batch(skafu_model *model, skafu_batch *batch);

#endif
