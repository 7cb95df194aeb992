#include "model/projection.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/hash.h"
#include "model/upcast.h"

#define PROJECTION_NAME_BYTES_MAX 255u
#define PROJECTION_BATCH 1024u
#define PROJECTION_BATCH_MAX 1000000u
#define PROJECTION_FLAGS \
	(SKAFU_PROJECTION_HOLD | SKAFU_PROJECTION_SKIP_NEWER | SKAFU_PROJECTION_KEEP_HIDDEN)

/* ---- life ---------------------------------------------------------------------------------------------------- */

static void projection_free(const struct skafu__sys *sys, struct skafu__projection *projection)
{
	for (size_t i = 0; projection->types && i < projection->def.type_count; i++)
		skafu__free(sys, projection->types[i]);
	skafu__free(sys, projection->types);
	skafu__free(sys, (void *)(uintptr_t)projection->def.name);
	skafu__free(sys, (void *)(uintptr_t)projection->def.rule);
	skafu_rules_free(projection->rules);
	skafu_query_free(projection->query);
	skafu__free(sys, projection);
}

static void projection_drop(struct skafu__component *part, skafu_model *model)
{
	struct skafu__projection *projection = (struct skafu__projection *)part;
	if (projection->def.free_user)
		projection->def.free_user(projection->def.user);
	projection_free(&model->sys, projection);
}

/* ---- definitions --------------------------------------------------------------------------------------------- */

static int32_t projection_check_form(const skafu_projection_def *def, skafu_error *error)
{
	int forms = (def->each != NULL) + (def->batch != NULL) + (def->key != NULL || def->fold != NULL);
	if (forms != 1)
		return skafu__fail(error, SKAFU_EDEFINITION, "projection %s has %s; give either each, or batch, or "
				   "key with fold", def->name, forms ? "several handlers" : "no handler");
	if ((def->key != NULL) != (def->fold != NULL))
		return skafu__fail(error, SKAFU_EDEFINITION, "projection %s has only one of key and fold; they go "
				   "together", def->name);
	if (def->batch_max > PROJECTION_BATCH_MAX)
		return skafu__fail(error, SKAFU_EDEFINITION, "projection %s asks for batches of %u events; at most "
				   "%u are allowed", def->name, def->batch_max, PROJECTION_BATCH_MAX);
	return 0;
}

static int32_t projection_check(skafu_model *model, const skafu_projection_def *def, skafu_error *error)
{
	const struct skafu__domain *domain;
	size_t length;
	int32_t rc = skafu__name_measure(def->name, PROJECTION_NAME_BYTES_MAX, "name of the projection", &length,
					 error);
	if (rc == 0 && strncmp(def->name, "skafu.", 6) == 0)
		rc = skafu__fail(error, SKAFU_EDEFINITION, "the projection %s has a name of the library's own; "
				 "choose one that does not begin with skafu.", def->name);
	if (rc == 0)
		rc = skafu__opts_flags(def->flags, PROJECTION_FLAGS, "skafu_projection_def", error);
	if (rc == 0)
		rc = projection_check_form(def, error);
	if (rc == 0)
		rc = skafu__registry_need_domain(&model->registry, def->domain, "the projection", &domain, error);
	if (rc == 0 && def->type_count != 0 && !def->types)
		rc = skafu__fail(error, SKAFU_EDEFINITION, "projection %s counts %zu types, but types is NULL",
				 def->name, def->type_count);
	for (size_t i = 0; rc == 0 && i < def->type_count; i++)
		rc = skafu__name_measure(def->types[i], PROJECTION_NAME_BYTES_MAX, "type", &length, error);
	return rc;
}

static int32_t projection_copy_types(const struct skafu__sys *sys, struct skafu__projection *projection,
				     const skafu_projection_def *def, skafu_error *error)
{
	projection->types = skafu__alloc_zeroed(sys, def->type_count + 1, sizeof *projection->types);
	if (!projection->types)
		return skafu__fail_memory(error);
	for (size_t i = 0; i < def->type_count; i++) {
		projection->types[i] = skafu__strdup(sys, def->types[i]);
		if (!projection->types[i])
			return skafu__fail_memory(error);
	}
	projection->def.types = (const char *const *)projection->types;
	return 0;
}

static int32_t projection_copy(const struct skafu__sys *sys, struct skafu__projection *projection,
			       const skafu_projection_def *def, skafu_error *error)
{
	projection->def = *def;
	projection->kinds = SKAFU_KINDS_EVENTS;
	projection->def.domain = NULL; /* see projection->domain */
	projection->def.types = NULL;
	projection->def.rule = NULL;
	projection->def.name = skafu__strdup(sys, def->name);
	if (projection->def.version == 0)
		projection->def.version = 1;
	if (projection->def.batch_max == 0)
		projection->def.batch_max = PROJECTION_BATCH;
	if (!projection->def.name)
		return skafu__fail_memory(error);
	int32_t rc = projection_copy_types(sys, projection, def, error);
	if (rc != 0 || !def->rule)
		return rc;
	projection->def.rule = skafu__strdup(sys, def->rule);
	if (!projection->def.rule)
		return skafu__fail_memory(error);
	rc = skafu_rules_new(&projection->rules, error);
	return rc ? rc : skafu_rules_add(projection->rules, def->rule, strlen(def->rule), NULL, error);
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static int projection_names(const struct skafu__projection *projection, const char *type)
{
	for (size_t i = 0; i < projection->def.type_count; i++)
		if (strcmp(projection->types[i], type) == 0)
			return 1;
	return 0;
}

/* The stored types from which upcasters lead to one that it sees, and those themselves. */
static int32_t projection_make_query(skafu_model *model, struct skafu__projection *projection, skafu_error *error)
{
	int32_t rc = skafu_query_new(&projection->query, error);
	if (rc == 0)
		rc = skafu_query_add_item(projection->query, error);
	for (size_t i = 0; rc == 0 && i < projection->def.type_count; i++)
		rc = skafu_query_add_type(projection->query, projection->types[i], error);
	for (const struct skafu__type *type = model->registry.types; rc == 0 && type; type = type->next) {
		if (!type->upcasters)
			continue;
		projection->sees_forms = 1;
		if (!projection_names(projection, type->name) &&
		    skafu__upcast_leads_to(type, projection->def.types, projection->def.type_count))
			rc = skafu_query_add_type(projection->query, type->name, error);
	}
	return rc;
}

/* By name, so that the order in which types are listed does not count. */
static void projection_sort_types(struct skafu__projection *projection)
{
	for (size_t i = 1; i < projection->def.type_count; i++)
		for (size_t at = i; at > 0 && strcmp(projection->types[at], projection->types[at - 1]) < 0;
		     at--) {
			char *swap = projection->types[at];
			projection->types[at] = projection->types[at - 1];
			projection->types[at - 1] = swap;
		}
}

/* What it passes over for being newer depends on what the model knows. */
static void projection_put_versions(const skafu_model *model, const struct skafu__projection *projection,
				    struct skafu__buf *out)
{
	uint64_t sum = 0; /* the order of definition does not count */
	for (const struct skafu__type *type = model->registry.types; type; type = type->next) {
		uint64_t hash;
		uint8_t name[16];
		const struct skafu__part parts[] = {{type->name, strlen(type->name)},
						    {&type->version, sizeof type->version}};
		if (projection->def.type_count != 0 && !projection_names(projection, type->name))
			continue;
		skafu__blake2b(name, sizeof name, parts, 2);
		memcpy(&hash, name, sizeof hash);
		sum += hash;
	}
	skafu__buf_put_u64(out, sum);
}

static int32_t projection_fingerprint(skafu_model *model, struct skafu__projection *projection, skafu_error *error)
{
	static const char purpose[] = "skafu projection 1";
	const struct skafu_projection_def *def = &projection->def;
	uint8_t upcasters[16];
	struct skafu__buf text;
	int32_t rc = skafu__upcast_fingerprint(&model->registry, def->types, def->type_count, upcasters, error);
	if (rc != 0)
		return rc;
	skafu__buf_init(&text, &model->sys, SIZE_MAX);
	skafu__buf_put_u32(&text, def->version);
	skafu__buf_put_u32(&text, def->flags & SKAFU_PROJECTION_SKIP_NEWER);
	skafu__buf_put_u32(&text, def->rule != NULL);
	if (def->rule)
		skafu__buf_put(&text, def->rule, strlen(def->rule) + 1);
	for (size_t i = 0; i < def->type_count; i++)
		skafu__buf_put(&text, def->types[i], strlen(def->types[i]) + 1);
	if (def->flags & SKAFU_PROJECTION_SKIP_NEWER)
		projection_put_versions(model, projection, &text);
	const struct skafu__part parts[] = {{purpose, sizeof purpose}, {text.bytes, text.length}, {upcasters, 16}};
	rc = text.failed ? skafu__fail_memory(error) : 0;
	if (rc == 0)
		skafu__blake2b(projection->fingerprint, 16, parts, 3);
	skafu__buf_done(&text);
	return rc;
}

static int32_t projection_freeze(struct skafu__component *part, skafu_model *model, skafu_error *error)
{
	struct skafu__projection *projection = (struct skafu__projection *)part;
	for (size_t i = 0; i < projection->def.type_count; i++) {
		const struct skafu__type *type = skafu__registry_type(&model->registry, projection->types[i]);
		if (!type || !type->domain)
			return skafu__fail(error, SKAFU_EDEFINITION, "projection %s sees %s, which is no defined "
					   "event type; define it, or correct the name", projection->def.name,
					   projection->types[i]);
	}
	projection_sort_types(projection);
	skafu_query_free(projection->query); /* of a freeze that failed */
	projection->query = NULL;
	int32_t rc = 0;
	if (projection->def.type_count != 0)
		rc = projection_make_query(model, projection, error);
	if (rc == 0)
		rc = projection_fingerprint(model, projection, error);
	projection->frozen_ns = model->sys.wall_ns();
	return rc;
}

static int32_t projection_add(skafu_model *model, const skafu_projection_def *def, skafu_error *error)
{
	int32_t rc = projection_check(model, def, error);
	if (rc != 0)
		return rc;
	struct skafu__projection *projection = skafu__alloc_zeroed(&model->sys, 1, sizeof *projection);
	if (!projection)
		return skafu__fail_memory(error);
	projection->domain = skafu__registry_domain(&model->registry, def->domain);
	rc = projection_copy(&model->sys, projection, def, error);
	projection->part = (struct skafu__component){.kind = SKAFU__PROJECTION_KIND, .name = projection->def.name,
						     .freeze = projection_freeze, .drop = projection_drop};
	if (rc == 0)
		rc = skafu__model_add_component(model, &projection->part, error);
	if (rc != 0)
		projection_free(&model->sys, projection);
	return rc;
}

int32_t skafu_model_add_projection(skafu_model *model, const skafu_projection_def *def, skafu_error *error)
{
	skafu_projection_def known = {0};
	int32_t rc = skafu__opts_read(&known, sizeof known, def, "skafu_projection_def", error);
	if (rc == 0)
		rc = skafu__model_may_define(model, error);
	if (rc == 0)
		rc = projection_add(model, &known, error);
	if (rc != 0 && known.free_user)
		known.free_user(known.user);
	return rc;
}

/* ---- the library's own --------------------------------------------------------------------------------------- */

int32_t skafu__projection_make(skafu_model *model, const skafu_projection_def *def, uint32_t kinds,
			       struct skafu__projection **out_projection, skafu_error *error)
{
	struct skafu__projection *projection = skafu__alloc_zeroed(&model->sys, 1, sizeof *projection);
	if (!projection)
		return skafu__fail_memory(error);
	int32_t rc = projection_copy(&model->sys, projection, def, error);
	projection->kinds = kinds;
	if (rc == 0)
		rc = projection_freeze(&projection->part, model, error);
	if (rc != 0) {
		projection_free(&model->sys, projection);
		return rc;
	}
	*out_projection = projection;
	return 0;
}

void skafu__projection_drop(skafu_model *model, struct skafu__projection *projection)
{
	if (projection)
		projection_free(&model->sys, projection);
}

/* ---- finding ------------------------------------------------------------------------------------------------- */

static struct skafu__projection *projection_from(struct skafu__component *part)
{
	while (part && strcmp(part->kind, SKAFU__PROJECTION_KIND) != 0)
		part = part->next;
	return (struct skafu__projection *)part;
}

struct skafu__projection *skafu__projection_first(const skafu_model *model)
{
	return projection_from(model->parts);
}

struct skafu__projection *skafu__projection_next(const struct skafu__projection *projection)
{
	return projection_from(projection->part.next);
}

struct skafu__projection *skafu__projection_find(const skafu_model *model, const char *name)
{
	return (struct skafu__projection *)skafu__model_component(model, SKAFU__PROJECTION_KIND, name);
}

const char *skafu__projection_name(const struct skafu__projection *projection)
{
	return projection->def.name;
}

int32_t skafu__projection_views(skafu_model *model, struct skafu__views **out_views, skafu_error *error)
{
	return skafu__viewenv_of(model->store, model->opts.views_bytes_max, out_views, error);
}
