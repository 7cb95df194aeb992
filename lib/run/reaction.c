#include "run/reaction.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "run/name.h"
#include "run/retry.h"

static const char reaction_kind[] = "reaction";

struct reaction {
	struct skafu__component part; /* first */
	struct skafu__source source;
	skafu_retry_policy retry;
	const struct skafu__domain *domain;
	char *name;
	skafu_react_fn react;
	void *user;
	skafu_free_fn free_user;
};

/* ---- running ------------------------------------------------------------------------------------------------- */

static int32_t reaction_handle(void *self, const skafu_record *input, struct skafu__step *step, skafu_error *error)
{
	const struct reaction *reaction = self;
	return reaction->react(reaction->user, input, &step->turn, error);
}

static const struct skafu__handler reaction_handler = {.handle = reaction_handle,
						       .turn_kind = SKAFU__TURN_REACTION};

static struct skafu__consumer_def reaction_consumer(struct reaction *reaction)
{
	return (struct skafu__consumer_def){.name = reaction->name, .domain = reaction->domain->name,
					    .kind = SKAFU_CONSUMER_KIND_REACTION, .source = &reaction->source.given,
					    .retry = &reaction->retry, .handler = &reaction_handler, .self = reaction,
					    .user = reaction->user};
}

int32_t skafu__reaction_worker(skafu_engine *engine, struct skafu__component *part, skafu_error *error)
{
	struct reaction *reaction = (struct reaction *)(void *)part;
	struct skafu__consumer_def def = reaction_consumer(reaction);
	if (!skafu__engine_wants(engine, reaction->name))
		return 0;
	return skafu__engine_add_consumer(engine, &def, NULL, error);
}

/* ---- definition ---------------------------------------------------------------------------------------------- */

static int32_t reaction_freeze(struct skafu__component *part, skafu_model *model, skafu_error *error)
{
	struct skafu__consumer_def def = reaction_consumer((struct reaction *)(void *)part);
	return skafu__consumer_check(model, &def, error);
}

static void reaction_release(struct reaction *reaction, skafu_model *model)
{
	skafu__source_done(&reaction->source);
	skafu__free(&model->sys, reaction->name);
	skafu__free(&model->sys, reaction);
}

static void reaction_drop(struct skafu__component *part, skafu_model *model)
{
	struct reaction *reaction = (struct reaction *)(void *)part;
	if (reaction->free_user)
		reaction->free_user(reaction->user);
	reaction_release(reaction, model);
}

static int32_t reaction_fill(struct reaction *reaction, skafu_model *model, const skafu_reaction_def *def,
			     skafu_error *error)
{
	int32_t rc = skafu__run_name_check(model, def->name, reaction_kind, error);
	if (rc == 0)
		rc = skafu__registry_need_domain(&model->registry, def->domain, "a reaction", &reaction->domain,
						 error);
	if (rc == 0 && !def->react)
		rc = skafu__fail(error, SKAFU_EDEFINITION, "reaction %s has no function react", def->name);
	if (rc == 0)
		rc = skafu__retry_read(def->retry, &reaction->retry, error);
	if (rc == 0)
		rc = skafu__source_init(&reaction->source, model->store, def->source, error);
	if (rc != 0)
		return rc;
	reaction->name = skafu__strdup(&model->sys, def->name);
	if (!reaction->name)
		return skafu__fail_memory(error);
	reaction->react = def->react;
	reaction->user = def->user;
	reaction->free_user = def->free_user;
	reaction->part = (struct skafu__component){.kind = reaction_kind, .name = reaction->name,
						   .freeze = reaction_freeze, .drop = reaction_drop};
	return skafu__model_add_component(model, &reaction->part, error);
}

static int32_t reaction_add(skafu_model *model, const skafu_reaction_def *def, skafu_error *error)
{
	struct reaction *reaction = skafu__alloc_zeroed(&model->sys, 1, sizeof *reaction);
	if (!reaction)
		return skafu__fail_memory(error);
	int32_t rc = reaction_fill(reaction, model, def, error);
	if (rc != 0)
		reaction_release(reaction, model);
	return rc;
}

int32_t skafu_model_add_reaction(skafu_model *model, const skafu_reaction_def *def, skafu_error *error)
{
	skafu_reaction_def known = {0};
	int32_t rc = skafu__opts_read(&known, sizeof known, def, "skafu_reaction_def", error);
	if (rc == 0)
		rc = skafu__opts_flags(known.flags, 0, "skafu_reaction_def", error);
	if (rc == 0)
		rc = skafu__model_may_define(model, error);
	if (rc == 0)
		rc = reaction_add(model, &known, error);
	if (rc != 0 && known.free_user)
		known.free_user(known.user);
	return rc;
}
