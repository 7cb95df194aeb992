/*
 * projection.h: projections as they were defined, and what an engine needs to drive them.
 *
 * A definition becomes rows in the views (store/viewenv.h): one generation in use, perhaps another beside it that is
 * being built (building.h).  Definitions are components of the model and never change once it is frozen.
 */
#ifndef SKAFU__MODEL_PROJECTION_H
#define SKAFU__MODEL_PROJECTION_H

#include <stdint.h>

#include "model/model.h"
#include "store/viewenv.h"

#define SKAFU__PROJECTION_KIND "projection"

struct skafu__projection {
	struct skafu__component part; /* first */
	struct skafu_projection_def def; /* its texts are copies */
	const struct skafu__domain *domain; /* NULL: of the library's own */
	char **types;
	skafu_rules *rules;     /* NULL: no rule */
	skafu_query *query;     /* of the stored types that can become one that it sees; NULL: everything */
	uint8_t fingerprint[16]; /* when frozen */
	int64_t frozen_ns;
	int sees_forms;  /* what upcasters make must be looked at again: is it a type that it sees? */
	uint32_t kinds;      /* of records that it is given: 1 << SKAFU_KIND_, OR'd */
	uint32_t reserved;
	uint32_t trusted[2]; /* generations that the log was found to be the origin of; under model->handling */
};

/* ---- for an engine ------------------------------------------------------------------------------------------- */

/* The projections of a frozen model, in no order; NULL at the end. */
struct skafu__projection *skafu__projection_first(const skafu_model *model);
struct skafu__projection *skafu__projection_next(const struct skafu__projection *projection);
struct skafu__projection *skafu__projection_find(const skafu_model *model, const char *name);
const char *skafu__projection_name(const struct skafu__projection *projection);

#define SKAFU__PROJECTION_IDLE 0   /* at the head, or another program's version is in use and takes care of itself */
#define SKAFU__PROJECTION_MORE 1   /* there is more to do: step again */
#define SKAFU__PROJECTION_HALTED 2 /* its handler failed, now or before: the error says how, and others go on */

/*
 * Bring it, and a version that is built beside it, forward by up to events_max events each.  One of the above, or a
 * negative code when the library could not work (SKAFU_EBUSY at the deadline, SKAFU_EIO, SKAFU_ENOMEM ...), which
 * says nothing about the handler: try later.  Runs functions of the host: the caller is not inside
 * skafu__handling_enter(), holds no lock, and has a pthread cleanup for what it owns.
 */
int32_t skafu__projection_step(skafu_model *model, struct skafu__projection *projection, uint32_t events_max,
			       int64_t deadline, skafu_error *error);

/* How far the view in use has come: 0 when there is none yet. */
int32_t skafu__projection_checkpoint(skafu_model *model, const struct skafu__projection *projection,
				     uint64_t *out_sequence, skafu_error *error);

/* ---- of the library's own -------------------------------------------------------------------------------------- */

/* A projection that is no definition of the model, over records of these kinds; its name begins with "skafu.", as no
 * host's may.  The model is frozen.  Its owner steps it, and drops it before the model. */
int32_t skafu__projection_make(skafu_model *model, const skafu_projection_def *def, uint32_t kinds,
			       struct skafu__projection **out_projection, skafu_error *error);
void skafu__projection_drop(skafu_model *model, struct skafu__projection *projection);

/* The views of the model's store. */
int32_t skafu__projection_views(skafu_model *model, struct skafu__views **out_views, skafu_error *error);

#endif
