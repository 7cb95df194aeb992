#include "run/replayorder.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "model/projection.h"
#include "run/name.h"
#include "store/store.h"

#define REPLAYORDER_FLAGS                                                                                            \
	(SKAFU_REPLAY_DRY_RUN | SKAFU_REPLAY_REEMIT | SKAFU_REPLAY_ORIGINAL_PACE | SKAFU_REPLAY_RECORDED_FROM |      \
	 SKAFU_REPLAY_RECORDED_TO | SKAFU_REPLAY_UPCAST)

/* ---- the options ----------------------------------------------------------------------------------------------- */

static int32_t replayorder_check_flags(const skafu_replay_opts *opts, skafu_error *error)
{
	uint32_t both = SKAFU_REPLAY_DRY_RUN | SKAFU_REPLAY_REEMIT;
	int32_t rc = skafu__opts_flags(opts->flags, REPLAYORDER_FLAGS, "skafu_replay_opts", error);
	if (rc == 0 && (opts->flags & both) == both)
		rc = skafu__fail(error, SKAFU_EINVAL, "a replay cannot both be dry and re-emit; choose one");
	if (rc == 0 && opts->target_count == 0 && !opts->target_store)
		rc = skafu__fail(error, SKAFU_EINVAL, "the replay has no targets; name some, or give a store");
	if (rc == 0 && opts->target_count != 0 && !opts->targets)
		rc = skafu__fail(error, SKAFU_EINVAL, "target_count is %zu but targets is NULL", opts->target_count);
	if (rc == 0 && !opts->target_store && (opts->mask || (opts->flags & SKAFU_REPLAY_UPCAST)))
		rc = skafu__fail(error, SKAFU_EINVAL, "a mask and upcasters are for target_store, which is NULL");
	if (rc == 0 && opts->target_count == 0 && (opts->flags & SKAFU_REPLAY_REEMIT))
		rc = skafu__fail(error, SKAFU_EINVAL, "there is nothing to re-emit: the replay has no targets but a "
				 "store");
	return rc;
}

static int32_t replayorder_check_rule(const skafu_replay_opts *opts, skafu_error *error)
{
	skafu_rules *rules = NULL;
	size_t length = opts->rule ? strlen(opts->rule) : 0;
	if (!opts->rule)
		return 0;
	if (length > SKAFU__REPLAY_RULE_BYTES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "the rule of the replay has %zu bytes; at most %u are "
				   "possible", length, SKAFU__REPLAY_RULE_BYTES_MAX);
	int32_t rc = skafu_rules_new(&rules, error);
	if (rc == 0)
		rc = skafu_rules_add(rules, opts->rule, length, NULL, error);
	skafu_rules_free(rules);
	return rc;
}

static int32_t replayorder_check_store(skafu_engine *engine, const skafu_replay_opts *opts, skafu_error *error)
{
	uint8_t source[16], target[16];
	if (!opts->target_store)
		return 0;
	int32_t rc = skafu__store_check(opts->target_store, error);
	if (rc == 0)
		rc = skafu_store_incarnation(engine->store, source, error);
	if (rc == 0)
		rc = skafu_store_incarnation(opts->target_store, target, error);
	if (rc == 0 && (opts->target_store == engine->store || memcmp(source, target, 16) == 0))
		rc = skafu__fail(error, SKAFU_EINVAL, "the target store is the store that is replayed; give another "
				 "one");
	if (rc == 0 && opts->target_store->read_only && !(opts->flags & SKAFU_REPLAY_DRY_RUN))
		rc = skafu__fail(error, SKAFU_EREADONLY, "the target store was opened for reading only");
	return rc;
}

/* ---- targets --------------------------------------------------------------------------------------------------- */

static int32_t replayorder_add(struct skafu__replay_plan *plan, uint32_t kind, const char *name, skafu_error *error)
{
	for (uint32_t i = 0; i < plan->target_count; i++)
		if (strcmp(plan->targets[i].name, name) == 0)
			return 0;
	if (plan->target_count == SKAFU__REPLAY_TARGETS_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a replay has at most %u targets", SKAFU__REPLAY_TARGETS_MAX);
	plan->targets[plan->target_count++] = (struct skafu__replay_target){kind, name};
	return 0;
}

/* What kind of target a worker of the engine is; 0: none. */
static uint32_t replayorder_kind(const skafu_engine *engine, const char *name, const char **out_domain,
				 const char **out_name)
{
	const struct skafu__projection *projection = skafu__projection_find(engine->model, name);
	const struct skafu__consumer *consumer = skafu__engine_consumer(engine, name);
	if (projection && skafu__engine_worker(engine, name)) {
		*out_domain = projection->domain ? projection->domain->name : "";
		*out_name = skafu__projection_name(projection);
		return SKAFU_CONSUMER_KIND_PROJECTION;
	}
	if (!consumer ||
	    (consumer->kind != SKAFU_CONSUMER_KIND_REACTION && consumer->kind != SKAFU_CONSUMER_KIND_PROCESS))
		return 0;
	*out_domain = consumer->domain;
	*out_name = consumer->name;
	return consumer->kind;
}

static int32_t replayorder_add_domain(const skafu_engine *engine, const char *domain, struct skafu__replay_plan *plan,
				      skafu_error *error)
{
	uint32_t before = plan->target_count;
	int32_t rc = 0;
	if (!skafu__registry_domain(&engine->model->registry, domain))
		return skafu__fail(error, SKAFU_ENOTFOUND, "the model has no domain %s", domain);
	for (const struct skafu__worker *each = engine->workers; rc == 0 && each; each = each->next) {
		const char *owner = NULL, *name = NULL;
		uint32_t kind = replayorder_kind(engine, each->name, &owner, &name);
		if (kind != 0 && strcmp(owner, domain) == 0)
			rc = replayorder_add(plan, kind, name, error);
	}
	if (rc == 0 && plan->target_count == before)
		rc = skafu__fail(error, SKAFU_ENOTFOUND, "this engine runs no projection, reaction or process of "
				 "domain %s", domain);
	return rc;
}

static int32_t replayorder_add_target(const skafu_engine *engine, const char *name, struct skafu__replay_plan *plan,
				      skafu_error *error)
{
	const char *domain = NULL, *known = NULL;
	size_t length;
	int32_t rc = skafu__name_measure(name, 255, "name of the target", &length, error);
	if (rc != 0)
		return rc;
	if (strncmp(name, "domain:", 7) == 0)
		return replayorder_add_domain(engine, name + 7, plan, error);
	uint32_t kind = replayorder_kind(engine, name, &domain, &known);
	if (kind != 0)
		return replayorder_add(plan, kind, known, error);
	return skafu__fail(error, SKAFU_ENOTFOUND, "this engine runs no projection, reaction or process %s", name);
}

/* ---- the range ------------------------------------------------------------------------------------------------- */

/* The sequence of the first, or last, record of a time; 0: there is none. */
static int32_t replayorder_edge(skafu_engine *engine, const skafu_replay_opts *opts, uint64_t from, uint64_t to,
				uint32_t direction, uint64_t *out, skafu_error *error)
{
	skafu_read_opts read = {.size = sizeof read, .kinds = SKAFU_KINDS_ALL, .flags = direction, .from = from,
				.to = to, .recorded_from_ns = opts->recorded_from_ns,
				.recorded_to_ns = opts->recorded_to_ns};
	skafu_cursor *cursor = NULL;
	const skafu_record *record = NULL;
	read.flags |= opts->flags & SKAFU_REPLAY_RECORDED_FROM ? SKAFU_READ_RECORDED_FROM : 0;
	read.flags |= opts->flags & SKAFU_REPLAY_RECORDED_TO ? SKAFU_READ_RECORDED_TO : 0;
	int32_t rc = skafu_read(engine->store, NULL, 1, &read, &cursor, error);
	if (rc == 0)
		rc = skafu_cursor_next(cursor, &record, error);
	*out = rc == 1 && record ? record->sequence : 0;
	skafu_cursor_free(cursor);
	return rc < 0 ? rc : 0;
}

static int32_t replayorder_empty(skafu_error *error)
{
	return skafu__fail(error, SKAFU_EINVAL, "the range of the replay has no records");
}

/* Recorded times never fall along the log, so a range of them is one of sequences. */
static int32_t replayorder_range(skafu_engine *engine, const skafu_replay_opts *opts, struct skafu__replay_plan *plan,
				 skafu_error *error)
{
	uint64_t head = 0;
	int32_t rc = skafu_store_head(engine->store, &head, error);
	if (rc != 0)
		return rc;
	plan->from = opts->from ? opts->from : 1;
	plan->to = opts->to ? opts->to : head;
	if (opts->to > head)
		return skafu__fail(error, SKAFU_EINVAL, "the log ends at sequence %llu, before %llu",
				   (unsigned long long)head, (unsigned long long)opts->to);
	if (plan->from > plan->to)
		return replayorder_empty(error);
	if (!(opts->flags & (SKAFU_REPLAY_RECORDED_FROM | SKAFU_REPLAY_RECORDED_TO)))
		return 0;
	uint64_t from = plan->from, to = plan->to;
	rc = replayorder_edge(engine, opts, from, to, 0, &plan->from, error);
	if (rc == 0)
		rc = replayorder_edge(engine, opts, from, to, SKAFU_READ_BACKWARD, &plan->to, error);
	return rc == 0 && (plan->from == 0 || plan->to == 0) ? replayorder_empty(error) : rc;
}

static int replayorder_is_whole(skafu_engine *engine, const skafu_replay_opts *opts,
				const struct skafu__replay_plan *plan)
{
	uint64_t head = 0;
	return skafu_store_head(engine->store, &head, NULL) == 0 && plan->from == 1 &&
	       (opts->to == 0 || plan->to == head) && !opts->rule &&
	       !(opts->flags & (SKAFU_REPLAY_RECORDED_FROM | SKAFU_REPLAY_RECORDED_TO));
}

/* A view that is kept is made of everything. */
static int32_t replayorder_check_views(skafu_engine *engine, const skafu_replay_opts *opts,
				       const struct skafu__replay_plan *plan, skafu_error *error)
{
	if (!(opts->flags & SKAFU_REPLAY_REEMIT) || replayorder_is_whole(engine, opts, plan))
		return 0;
	for (uint32_t i = 0; i < plan->target_count; i++)
		if (plan->targets[i].kind == SKAFU_CONSUMER_KIND_PROJECTION)
			return skafu__fail(error, SKAFU_EINVAL,
					   "projection %s can only be kept when it is replayed from the first record "
					   "to the last, without a rule; leave out the range, or "
					   "SKAFU_REPLAY_REEMIT",
					   plan->targets[i].name);
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

int32_t skafu__replay_order_read(skafu_engine *engine, const skafu_replay_opts *opts, struct skafu__replay_plan *plan,
				 skafu_error *error)
{
	int32_t rc = replayorder_check_flags(opts, error);
	memset(plan, 0, sizeof *plan);
	if (rc == 0)
		rc = replayorder_check_rule(opts, error);
	if (rc == 0)
		rc = replayorder_check_store(engine, opts, error);
	for (size_t i = 0; rc == 0 && i < opts->target_count; i++)
		rc = replayorder_add_target(engine, opts->targets[i], plan, error);
	if (rc == 0)
		rc = replayorder_range(engine, opts, plan, error);
	if (rc == 0)
		rc = replayorder_check_views(engine, opts, plan, error);
	if (rc == 0 && opts->target_store)
		rc = skafu_store_birth(opts->target_store, plan->birth, error);
	plan->state = SKAFU_REPLAY_RUNNING;
	plan->flags = opts->flags;
	plan->copies = opts->target_store != NULL;
	plan->masks = opts->mask != NULL;
	plan->rate_max = opts->rate_max;
	plan->rule = opts->rule;
	plan->started_ns = engine->sys.wall_ns();
	return rc;
}
