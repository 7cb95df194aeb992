/*
 * upcast.h: events as today's handlers see them: upcasters, their checks as a whole, and the lens through which every
 * handler's records pass.
 *
 * Upcasters form a graph over (type, version).  When the model is frozen the graph has no cycle, and every way
 * through it ends in the newest version of a defined type, so a record takes at most as many steps as there are
 * upcasters.
 *
 * Invariant: stored bytes are never rewritten; all forms of one stored record share its sequence, stream version, id
 * and times, and are told apart by their ordinal, 0, 1, ..., in the member `reserved` of the record.
 */
#ifndef SKAFU__MODEL_UPCAST_H
#define SKAFU__MODEL_UPCAST_H

#include <stdint.h>

#include "base/sys.h"
#include "model/registry.h"
#include "skafu_model.h"

void skafu__upcaster_free_all(const struct skafu__sys *sys, struct skafu__upcaster *first);

/* Gaps, unknown types and cycles: SKAFU_EDEFINITION. */
int32_t skafu__upcast_freeze(const struct skafu__registry *registry, skafu_error *error);

/* What a consumer of these types (none: of all) depends on: changes with every upcaster that can lead to one of them,
 * and does not depend on the order of definition. */
int32_t skafu__upcast_fingerprint(const struct skafu__registry *registry, const char *const *types, size_t count,
				  uint8_t out[16], skafu_error *error);

/* 1 when an upcaster of the type can lead to one of these types. */
int skafu__upcast_leads_to(const struct skafu__type *type, const char *const *types, size_t count);

struct skafu__lens_form;

/* One thread at a time.  What it shows is valid until it looks again. */
struct skafu__lens {
	const struct skafu__registry *registry;
	struct skafu__lens_form *forms; /* memory of what upcasters added */
	const skafu_record **shown;
	uint32_t count;
	uint32_t room;
};

void skafu__lens_init(struct skafu__lens *lens, const struct skafu__registry *registry);
void skafu__lens_done(struct skafu__lens *lens);

/* The forms that a function makes of a record, as an upcaster does, but of any type and version: how many (0: it
 * hides the record), in lens->shown. */
int32_t skafu__lens_mask(struct skafu__lens *lens, skafu_upcast_fn mask, void *user, const skafu_record *record,
			 skafu_error *error);

/* The forms of a stored record: how many (0: it is hidden), in lens->shown.  Calls functions of the host, so only
 * inside skafu__model_call().  SKAFU_ENEWER when the record is newer than the definitions. */
int32_t skafu__lens_look(struct skafu__lens *lens, const skafu_record *stored, skafu_error *error);

#endif
