/*
 * registry.h: what a model knows: domains, event types with their upcasters, deciders and the commands they claim.
 *
 * Definitions are added by one thread and never change once the model is frozen, so after that everybody reads them
 * without a lock.  All texts are copies.
 *
 * Invariant: whatever is in the registry was checked as far as it can be alone; what takes the whole (targets and
 * cycles of upcasters, what the store remembers) is checked by skafu__registry_freeze().
 */
#ifndef SKAFU__MODEL_REGISTRY_H
#define SKAFU__MODEL_REGISTRY_H

#include <stdint.h>

#include "base/map.h"
#include "base/sys.h"
#include "skafu_model.h"

struct skafu__decider;
struct skafu__upcaster;

struct skafu__domain {
	struct skafu__domain *next;
	char *name;
};

/* An event type; one that is only upcast from, and was never defined, has no domain. */
struct skafu__type {
	struct skafu__type *next;
	char *name;
	const struct skafu__domain *domain;
	uint32_t version; /* the newest */
	skafu_check_fn check;
	void *user;
	skafu_free_fn free_user;
	struct skafu__upcaster *upcasters; /* by ascending version that they take */
};

struct skafu__registry {
	const struct skafu__sys *sys;
	struct skafu__domain *domains;
	struct skafu__type *types;
	struct skafu__decider *deciders;
	struct skafu__map type_index;    /* name -> struct skafu__type */
	struct skafu__map command_index; /* name -> struct skafu__decider */
	uint32_t upcaster_count;
	uint32_t decider_count;
};

void skafu__registry_init(struct skafu__registry *registry, const struct skafu__sys *sys);
void skafu__registry_done(struct skafu__registry *registry);

const struct skafu__domain *skafu__registry_domain(const struct skafu__registry *registry, const char *name);
struct skafu__type *skafu__registry_type(const struct skafu__registry *registry, const char *name);
const struct skafu__decider *skafu__registry_command(const struct skafu__registry *registry, const char *name);

/* The domain, or SKAFU_EDEFINITION with a sentence that says what wants it ("decider account"). */
int32_t skafu__registry_need_domain(const struct skafu__registry *registry, const char *name, const char *what,
				    const struct skafu__domain **out_domain, skafu_error *error);

/* The type of that name, made when it is not there yet. */
int32_t skafu__registry_make_type(struct skafu__registry *registry, const char *name, struct skafu__type **out_type,
				  skafu_error *error);

/* Does the store agree?  Every type that it has events of belongs to the domain that this model says. */
int32_t skafu__registry_freeze(const struct skafu__registry *registry, skafu_store *store, skafu_error *error);

#endif
