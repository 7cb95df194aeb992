#include "run/processdef.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "run/name.h"
#include "run/process.h"
#include "run/quarantine.h"
#include "run/retry.h"
#include "store/store.h"

static const char processdef_kind[] = "process";

/* ---- the consumer -------------------------------------------------------------------------------------------- */

/* What all versions take together.  A rule can only be given on when there is one version. */
struct processdef_union {
	skafu_source source;
	const char **types;
};

static size_t processdef_count_types(const struct skafu__process *process)
{
	size_t count = 0;
	for (const struct skafu__process_version *each = process->versions; each; each = each->next) {
		if (each->source.given.type_count == 0)
			return 0;
		count += each->source.given.type_count;
	}
	return count;
}

static int32_t processdef_unite(const struct skafu__process *process, const struct skafu__sys *sys,
				struct processdef_union *out, skafu_error *error)
{
	size_t count = processdef_count_types(process);
	out->source = process->versions->source.given;
	out->types = skafu__alloc(sys, (count + 1) * sizeof *out->types);
	if (!out->types)
		return skafu__fail_memory(error);
	size_t at = 0;
	for (const struct skafu__process_version *each = process->versions; each; each = each->next) {
		out->source.kinds |= each->source.given.kinds;
		for (size_t i = 0; count != 0 && i < each->source.given.type_count; i++)
			out->types[at++] = each->source.given.types[i];
	}
	if (process->versions->next)
		out->source.rule = NULL;
	out->source.kinds |= SKAFU_KINDS_OUTCOMES;
	out->source.types = count ? out->types : NULL;
	out->source.type_count = count;
	return 0;
}

static void processdef_run_drop(void *self)
{
	struct skafu__process_run *run = self;
	if (run->state)
		skafu__state_drop(run->sys, &run->version->state, run->version->user, run->state);
	for (uint32_t i = 0; run->sources && i < run->version_count; i++)
		skafu__source_done(&run->sources[i]);
	skafu__free(run->sys, run->sources);
	skafu__instance_done(&run->instance);
	skafu__buf_done(&run->before);
	skafu__buf_done(&run->encoded);
	skafu__buf_done(&run->name);
	skafu__buf_done(&run->command);
	skafu__free(run->sys, run);
}

static const struct skafu__handler processdef_handler = {
	.handle = skafu__process_handle, .drop = processdef_run_drop, .turn_kind = SKAFU__TURN_PROCESS,
	.give_up = skafu__quarantine_give_up, .has_keys = 1};

static int32_t processdef_make_sources(struct skafu__process_run *run, skafu_error *error)
{
	uint32_t count = 0;
	for (const struct skafu__process_version *each = run->process->versions; each; each = each->next)
		count++;
	run->sources = skafu__alloc_zeroed(run->sys, count, sizeof *run->sources);
	if (!run->sources)
		return skafu__fail_memory(error);
	int32_t rc = 0;
	for (const struct skafu__process_version *each = run->process->versions; rc == 0 && each; each = each->next)
		rc = skafu__source_init(&run->sources[run->version_count++], run->model->store, &each->source.given,
					error);
	return rc;
}

static int32_t processdef_make_run(const struct skafu__process *process, skafu_model *model,
				   struct skafu__process_run **out, skafu_error *error)
{
	struct skafu__process_run *run = skafu__alloc_zeroed(&model->sys, 1, sizeof *run);
	size_t row_max = model->store->opts.payload_bytes_max;
	if (!run)
		return skafu__fail_memory(error);
	run->sys = &model->sys;
	run->model = model;
	run->process = process;
	run->sets_aside = process->versions->retry.then != SKAFU_THEN_GO_ON;
	skafu__instance_init(&run->instance, run->sys);
	skafu__buf_init(&run->before, run->sys, SIZE_MAX / 2);
	skafu__buf_init(&run->encoded, run->sys, row_max);
	skafu__buf_init(&run->name, run->sys, SKAFU__INSTANCE_NAME_BYTES_MAX);
	skafu__buf_init(&run->command, run->sys, row_max);
	int32_t rc = processdef_make_sources(run, error);
	if (rc != 0) {
		processdef_run_drop(run);
		return rc;
	}
	*out = run;
	return 0;
}

/* Only the failing instance stops, so the consumer itself goes on whatever the policy says. */
static struct skafu__consumer_def processdef_consumer(const struct skafu__process *process,
						      const struct processdef_union *united,
						      skafu_retry_policy *retry)
{
	*retry = process->versions->retry;
	if (retry->then == SKAFU_THEN_HALT)
		retry->then = SKAFU_THEN_PARK_KEY;
	return (struct skafu__consumer_def){.name = process->name, .domain = process->domain->name,
					    .kind = SKAFU_CONSUMER_KIND_PROCESS, .source = &united->source,
					    .retry = retry, .handler = &processdef_handler,
					    .user = process->versions->user};
}

int32_t skafu__processdef_worker(skafu_engine *engine, struct skafu__component *part, skafu_error *error)
{
	struct skafu__process *process = (struct skafu__process *)(void *)part;
	struct processdef_union united = {0};
	struct skafu__process_run *run = NULL;
	struct skafu__consumer *consumer = NULL;
	skafu_retry_policy retry;
	if (!skafu__engine_wants(engine, process->name))
		return 0;
	int32_t rc = processdef_unite(process, &engine->model->sys, &united, error);
	if (rc == 0)
		rc = processdef_make_run(process, engine->model, &run, error);
	if (rc == 0) {
		struct skafu__consumer_def def = processdef_consumer(process, &united, &retry);
		def.self = run;
		rc = skafu__engine_add_consumer(engine, &def, &consumer, error);
	}
	if (consumer)
		consumer->source.whole_kinds = SKAFU_KINDS_OUTCOMES;
	skafu__free(&engine->model->sys, united.types);
	return rc;
}

/* ---- the component ------------------------------------------------------------------------------------------- */

static int32_t processdef_freeze(struct skafu__component *part, skafu_model *model, skafu_error *error)
{
	struct skafu__process *process = (struct skafu__process *)(void *)part;
	struct processdef_union united = {0};
	skafu_retry_policy retry;
	int32_t rc = processdef_unite(process, &model->sys, &united, error);
	if (rc == 0) {
		struct skafu__consumer_def def = processdef_consumer(process, &united, &retry);
		rc = skafu__consumer_check(model, &def, error);
	}
	skafu__free(&model->sys, united.types);
	return rc;
}

static void processdef_version_free(struct skafu__process_version *version, skafu_model *model)
{
	skafu__source_done(&version->source);
	skafu__free(&model->sys, version);
}

static void processdef_drop(struct skafu__component *part, skafu_model *model)
{
	struct skafu__process *process = (struct skafu__process *)(void *)part;
	while (process->versions) {
		struct skafu__process_version *version = process->versions;
		process->versions = version->next;
		if (version->free_user)
			version->free_user(version->user);
		processdef_version_free(version, model);
	}
	skafu__free(&model->sys, process->name);
	skafu__free(&model->sys, process);
}

/* ---- checks -------------------------------------------------------------------------------------------------- */

static int32_t processdef_check_name(const skafu_model *model, const skafu_process_def *def, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(def->name, SKAFU__PROCESS_NAME_BYTES_MAX, "process", &length, error);
	return rc ? rc : skafu__run_name_check(model, def->name, processdef_kind, error);
}

static int32_t processdef_check_functions(const skafu_process_def *def, skafu_error *error)
{
	if (!def->route || !def->act)
		return skafu__fail(error, SKAFU_EDEFINITION, "process %s has no function %s", def->name,
				   def->route ? "act" : "route");
	if (def->version == 0)
		return skafu__fail(error, SKAFU_EDEFINITION, "process %s has no version; begin with 1", def->name);
	if (!def->state != !def->evolve)
		return skafu__fail(error, SKAFU_EDEFINITION, "process %s has %s; give both or none", def->name,
				   def->state ? "a state and no function evolve" : "a function evolve and no state");
	return 0;
}

static int32_t processdef_check_state(const skafu_process_def *def, struct skafu__process_version *version,
				      skafu_error *error)
{
	char what[160] = "process ";
	if (!def->state)
		return 0;
	strncat(what, def->name, sizeof what - 9);
	int32_t rc = skafu__state_check(def->state, &version->state, what, error);
	if (rc == 0 && !skafu__state_can_save(&version->state))
		rc = skafu__fail(error, SKAFU_EDEFINITION, "process %s has a managed state without the functions "
				 "save and load; it is saved with each step, so give both", def->name);
	version->has_state = 1;
	return rc;
}

static int processdef_is_like(const struct skafu_source *a, const struct skafu_source *b)
{
	const char *a_tag = a->partition_tag ? a->partition_tag : "";
	const char *b_tag = b->partition_tag ? b->partition_tag : "";
	return a->partitions == b->partitions && a->partition_by == b->partition_by && strcmp(a_tag, b_tag) == 0;
}

/* Versions of a process are one consumer. */
static int32_t processdef_check_kin(const struct skafu__process *process,
				    const struct skafu__process_version *version, const struct skafu__domain *domain,
				    skafu_error *error)
{
	if (process->domain != domain)
		return skafu__fail(error, SKAFU_EDEFINITION, "version %u of process %s is of domain %s, another "
				   "one of domain %s; all versions belong to one", version->number,
				   process->name, domain->name, process->domain->name);
	for (const struct skafu__process_version *each = process->versions; each; each = each->next) {
		if (each->number == version->number)
			return skafu__fail(error, SKAFU_EDEFINITION, "process %s has a version %u already; raise the "
					   "version of the new definition", process->name, version->number);
		if (!processdef_is_like(&each->source.given, &version->source.given))
			return skafu__fail(error, SKAFU_EDEFINITION, "versions %u and %u of process %s have "
					   "different partitions; they are fixed when the name is first used",
					   each->number, version->number, process->name);
	}
	return 0;
}

/* ---- adding -------------------------------------------------------------------------------------------------- */

static int32_t processdef_fill(struct skafu__process_version *version, skafu_model *model,
			       const skafu_process_def *def, skafu_error *error)
{
	int32_t rc = processdef_check_functions(def, error);
	if (rc == 0)
		rc = processdef_check_state(def, version, error);
	if (rc == 0)
		rc = skafu__retry_read(def->retry, &version->retry, error);
	if (rc == 0)
		rc = skafu__source_init(&version->source, model->store, def->source, error);
	if (rc == 0 && !def->retry)
		version->retry.then = SKAFU_THEN_PARK_KEY;
	version->number = def->version;
	version->route = def->route;
	version->evolve = def->evolve;
	version->act = def->act;
	version->user = def->user;
	version->free_user = def->free_user;
	return rc;
}

static void processdef_insert(struct skafu__process *process, struct skafu__process_version *version)
{
	struct skafu__process_version **link = &process->versions;
	while (*link && (*link)->number > version->number)
		link = &(*link)->next;
	version->next = *link;
	*link = version;
}

static int32_t processdef_make(skafu_model *model, const char *name, const struct skafu__domain *domain,
			       struct skafu__process **out, skafu_error *error)
{
	struct skafu__process *process = skafu__alloc_zeroed(&model->sys, 1, sizeof *process);
	char *copy = process ? skafu__strdup(&model->sys, name) : NULL;
	if (!copy) {
		skafu__free(&model->sys, process);
		return skafu__fail_memory(error);
	}
	process->name = copy;
	process->domain = domain;
	process->part = (struct skafu__component){.kind = processdef_kind, .name = copy, .freeze = processdef_freeze,
						  .drop = processdef_drop};
	int32_t rc = skafu__model_add_component(model, &process->part, error);
	if (rc != 0) {
		skafu__free(&model->sys, process);
		skafu__free(&model->sys, copy);
		return rc;
	}
	*out = process;
	return 0;
}

static int32_t processdef_join(skafu_model *model, const skafu_process_def *def,
			       struct skafu__process_version *version, skafu_error *error)
{
	const struct skafu__domain *domain;
	struct skafu__component *part = skafu__model_component(model, processdef_kind, def->name);
	struct skafu__process *process = (struct skafu__process *)(void *)part;
	int32_t rc = skafu__registry_need_domain(&model->registry, def->domain, "a process", &domain, error);
	if (rc == 0 && process)
		rc = processdef_check_kin(process, version, domain, error);
	else if (rc == 0)
		rc = processdef_make(model, def->name, domain, &process, error);
	if (rc == 0)
		processdef_insert(process, version);
	return rc;
}

static int32_t processdef_add(skafu_model *model, const skafu_process_def *def, skafu_error *error)
{
	int32_t rc = processdef_check_name(model, def, error);
	if (rc != 0)
		return rc;
	struct skafu__process_version *version = skafu__alloc_zeroed(&model->sys, 1, sizeof *version);
	if (!version)
		return skafu__fail_memory(error);
	rc = processdef_fill(version, model, def, error);
	if (rc == 0)
		rc = processdef_join(model, def, version, error);
	if (rc != 0)
		processdef_version_free(version, model);
	return rc;
}

int32_t skafu_model_add_process(skafu_model *model, const skafu_process_def *def, skafu_error *error)
{
	skafu_process_def known = {0};
	int32_t rc = skafu__opts_read(&known, sizeof known, def, "skafu_process_def", error);
	if (rc == 0)
		rc = skafu__model_may_define(model, error);
	if (rc == 0)
		rc = processdef_add(model, &known, error);
	if (rc != 0 && known.free_user)
		known.free_user(known.user);
	return rc;
}
