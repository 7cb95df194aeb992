#include "model/registry.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/testhook.h"
#include "base/text.h"
#include "model/decider.h"
#include "model/model.h"
#include "model/upcast.h"

#define REGISTRY_NAME_BYTES_MAX 255u
#define REGISTRY_FIRST_VERSION (1u << 16)

/* ---- life ---------------------------------------------------------------------------------------------------- */

void skafu__registry_init(struct skafu__registry *registry, const struct skafu__sys *sys)
{
	memset(registry, 0, sizeof *registry);
	registry->sys = sys;
	skafu__map_init(&registry->type_index, sys, SIZE_MAX, 1);
	skafu__map_init(&registry->command_index, sys, SIZE_MAX, 2);
}

static void registry_free_types(struct skafu__registry *registry)
{
	while (registry->types) {
		struct skafu__type *type = registry->types;
		registry->types = type->next;
		skafu__upcaster_free_all(registry->sys, type->upcasters);
		if (type->free_user)
			type->free_user(type->user);
		skafu__free(registry->sys, type->name);
		skafu__free(registry->sys, type);
	}
}

void skafu__registry_done(struct skafu__registry *registry)
{
	while (registry->deciders) {
		struct skafu__decider *decider = registry->deciders;
		registry->deciders = decider->next;
		skafu__decider_free(registry->sys, decider);
	}
	registry_free_types(registry);
	while (registry->domains) {
		struct skafu__domain *domain = registry->domains;
		registry->domains = domain->next;
		skafu__free(registry->sys, domain->name);
		skafu__free(registry->sys, domain);
	}
	skafu__map_done(&registry->type_index);
	skafu__map_done(&registry->command_index);
}

/* ---- look up ------------------------------------------------------------------------------------------------- */

const struct skafu__domain *skafu__registry_domain(const struct skafu__registry *registry, const char *name)
{
	for (const struct skafu__domain *domain = registry->domains; domain; domain = domain->next)
		if (strcmp(domain->name, name) == 0)
			return domain;
	return NULL;
}

static void *registry_find(const struct skafu__map *map, const char *name)
{
	const uint64_t *found = skafu__map_find(map, name, strlen(name));
	return found ? (void *)(uintptr_t)*found : NULL;
}

struct skafu__type *skafu__registry_type(const struct skafu__registry *registry, const char *name)
{
	return registry_find(&registry->type_index, name);
}

const struct skafu__decider *skafu__registry_command(const struct skafu__registry *registry, const char *name)
{
	return registry_find(&registry->command_index, name);
}

int32_t skafu__registry_need_domain(const struct skafu__registry *registry, const char *name, const char *what,
				    const struct skafu__domain **out_domain, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(name, REGISTRY_NAME_BYTES_MAX, "domain", &length, error);
	if (rc != 0)
		return rc;
	const struct skafu__domain *domain = skafu__registry_domain(registry, name);
	if (!domain)
		return skafu__fail(error, SKAFU_EDEFINITION, "%s names the domain %s, which is not defined; add the "
				   "domain first", what, name);
	*out_domain = domain;
	return 0;
}

/* ---- domains ------------------------------------------------------------------------------------------------- */

static int32_t registry_add_domain(struct skafu__registry *registry, const char *name, skafu_error *error)
{
	struct skafu__domain *domain = skafu__alloc_zeroed(registry->sys, 1, sizeof *domain);
	char *copy = skafu__strdup(registry->sys, name);
	if (!domain || !copy) {
		skafu__free(registry->sys, domain);
		skafu__free(registry->sys, copy);
		return skafu__fail_memory(error);
	}
	domain->name = copy;
	domain->next = registry->domains;
	registry->domains = domain;
	return 0;
}

int32_t skafu_model_add_domain(skafu_model *model, const char *domain, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__model_may_define(model, error);
	if (rc == 0)
		rc = skafu__name_measure(domain, REGISTRY_NAME_BYTES_MAX, "domain", &length, error);
	if (rc != 0)
		return rc;
	if (skafu__registry_domain(&model->registry, domain))
		return skafu__fail(error, SKAFU_EDEFINITION, "domain %s is defined already; add it once", domain);
	return registry_add_domain(&model->registry, domain, error);
}

/* ---- event types --------------------------------------------------------------------------------------------- */

int32_t skafu__registry_make_type(struct skafu__registry *registry, const char *name, struct skafu__type **out_type,
				  skafu_error *error)
{
	struct skafu__type *type = skafu__registry_type(registry, name);
	if (type) {
		*out_type = type;
		return 0;
	}
	type = skafu__alloc_zeroed(registry->sys, 1, sizeof *type);
	char *copy = skafu__strdup(registry->sys, name);
	if (!type || !copy ||
	    skafu__map_insert(&registry->type_index, name, strlen(name), (uint64_t)(uintptr_t)type) < 0) {
		skafu__free(registry->sys, type);
		skafu__free(registry->sys, copy);
		return skafu__fail_memory(error);
	}
	type->name = copy;
	type->next = registry->types;
	registry->types = type;
	*out_type = type;
	return 0;
}

static int32_t registry_check_event(const struct skafu__registry *registry, const skafu_event_def *def,
				    const struct skafu__domain **out_domain, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(def->type, REGISTRY_NAME_BYTES_MAX, "type", &length, error);
	if (rc == 0)
		rc = skafu__registry_need_domain(registry, def->domain, "an event type", out_domain, error);
	if (rc != 0)
		return rc;
	const struct skafu__type *known = skafu__registry_type(registry, def->type);
	if (known && known->domain && known->domain != *out_domain)
		return skafu__fail(error, SKAFU_EDEFINITION, "type %s belongs to domain %s, so domain %s cannot "
				   "define it; choose another name", def->type, known->domain->name, def->domain);
	if (known && known->domain)
		return skafu__fail(error, SKAFU_EDEFINITION, "type %s is defined already; define it once, with its "
				   "newest version", def->type);
	if (def->event_version != 0 && def->event_version < REGISTRY_FIRST_VERSION)
		return skafu__fail(error, SKAFU_EDEFINITION, "type %s has version 0.%u; versions begin with 1.0, "
				   "which is 0x10000", def->type, def->event_version);
	if (def->subject_prefix)
		return skafu__fail(error, SKAFU_EUNSUPPORTED, "type %s asks for sealed payloads, which this version "
				   "of the library cannot make; leave subject_prefix NULL", def->type);
	return 0;
}

static int32_t registry_add_event(struct skafu__registry *registry, const skafu_event_def *def, skafu_error *error)
{
	const struct skafu__domain *domain;
	struct skafu__type *type;
	int32_t rc = registry_check_event(registry, def, &domain, error);
	if (rc == 0)
		rc = skafu__registry_make_type(registry, def->type, &type, error);
	if (rc != 0)
		return rc;
	type->domain = domain;
	type->version = def->event_version ? def->event_version : REGISTRY_FIRST_VERSION;
	type->check = def->check;
	type->user = def->user;
	type->free_user = def->free_user;
	return 0;
}

int32_t skafu_model_add_event(skafu_model *model, const skafu_event_def *def, skafu_error *error)
{
	skafu_event_def known = {0};
	int32_t rc = skafu__opts_read(&known, sizeof known, def, "skafu_event_def", error);
	if (rc == 0)
		rc = skafu__model_may_define(model, error);
	if (rc == 0)
		rc = registry_add_event(&model->registry, &known, error);
	if (rc == 0)
		skafu__testhook_tell(SKAFU__TESTHOOK_TYPE, model, known.type, known.domain,
				     skafu__registry_type(&model->registry, known.type)->version, 0);
	if (rc != 0 && known.free_user)
		known.free_user(known.user);
	return rc;
}

/* ---- what the store remembers -------------------------------------------------------------------------------- */

/* A type of the log belongs to the source of its events; the first one tells. */
static int32_t registry_compare_type(const struct skafu__type *type, skafu_store *store, skafu_error *error)
{
	skafu_query *query = NULL;
	skafu_cursor *cursor = NULL;
	const skafu_record *record = NULL;
	int32_t rc = skafu_query_new(&query, error);
	if (rc == 0)
		rc = skafu_query_add_type(query, type->name, error);
	if (rc == 0)
		rc = skafu_read(store, query, 1, NULL, &cursor, error);
	if (rc == 0)
		rc = skafu_cursor_next(cursor, &record, error);
	if (rc == 1 && record)
		rc = strcmp(record->source, type->domain->name) == 0
			     ? 0
			     : skafu__fail(error, SKAFU_EDEFINITION, "type %s belongs to domain %s in this store, "
					   "and this "
					   "model defines it in domain %s; choose another name for it", type->name,
					   record->source, type->domain->name);
	skafu_cursor_free(cursor);
	skafu_query_free(query);
	return rc;
}

int32_t skafu__registry_freeze(const struct skafu__registry *registry, skafu_store *store, skafu_error *error)
{
	int32_t rc = 0;
	for (const struct skafu__type *type = registry->types; rc == 0 && type; type = type->next)
		if (type->domain)
			rc = registry_compare_type(type, store, error);
	return rc;
}
