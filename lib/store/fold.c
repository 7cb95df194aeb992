#include "store/fold.h"

#include <string.h>

#include "base/error.h"
#include "codec/key.h"
#include "codec/sealed.h"
#include "store/manifest_set.h"
#include "store/filter.h"
#include "store/install.h"
#include "store/merge.h"
#include "store/repack.h"
#include "store/runbuild.h"
#include "store/store.h"

#define FOLD_LOCK_WAIT_NS UINT64_C(2000000000)
#define FOLD_SPACE_BYTES_KEPT ((size_t)8 << 20) /* what 16 Ki events with a handful of tags need */

/* ---- the plan ------------------------------------------------------------------------------------------------ */

struct fold_plan {
	skafu_store *store;
	const struct skafu__overlay *source; /* what is folded */
	struct skafu__index_state before;
	uint64_t commit; /* the last one that is folded */
	uint64_t sequence;
	struct skafu__fold_space *space;
	const struct skafu__entry *entries[SKAFU__DIMS]; /* where the source has them, which is held */
	size_t entry_counts[SKAFU__DIMS];
	struct skafu__runbuild builds[SKAFU__DIMS];
	struct skafu__buf rows; /* row_op encodings: the last value of each key */
	struct skafu__repack repack;
};

static void fold_plan_done(struct fold_plan *plan)
{
	for (uint32_t i = 1; i < SKAFU__DIMS; i++)
		skafu__runbuild_done(&plan->builds[i]);
	skafu__buf_done(&plan->rows);
	skafu__repack_done(&plan->repack);
}

void skafu__fold_space_done(struct skafu__fold_space *space, const struct skafu__sys *sys)
{
	skafu__free(sys, space->scratch);
	memset(space, 0, sizeof *space);
}

/* Give back what an unusual fold needed. */
static void fold_space_trim(struct skafu__fold_space *space, const struct skafu__sys *sys)
{
	if (space->room > FOLD_SPACE_BYTES_KEPT / sizeof *space->scratch)
		skafu__fold_space_done(space, sys);
}

/* Room for so many entries, somewhat more for the next time; what was there is lost. */
static struct skafu__entry *fold_space_room(struct skafu__fold_space *space, const struct skafu__sys *sys,
					    size_t count)
{
	size_t room = count + count / 8;
	if (count <= space->room)
		return space->scratch;
	skafu__free(sys, space->scratch);
	space->scratch = skafu__realloc_array(sys, NULL, room, sizeof *space->scratch);
	space->room = space->scratch ? room : 0;
	return space->scratch;
}

static void fold_find_entries(struct fold_plan *plan)
{
	for (uint32_t i = 1; i < SKAFU__DIMS; i++) {
		int by_commit = i == SKAFU__DIM_COMMIT;
		uint64_t from = (by_commit ? plan->before.commit : plan->before.sequence) + 1;
		uint64_t to = by_commit ? plan->commit : plan->sequence;
		plan->entry_counts[i] = skafu__overlay_slice(plan->source, i, from, to, &plan->entries[i]);
	}
}

static int32_t fold_copy_rows(struct fold_plan *plan)
{
	const struct skafu__overlay *overlay = plan->source;
	const struct skafu__overlay_row *row;
	size_t at = 0;
	while ((row = skafu__overlay_row_next(overlay, &at, plan->commit)) != NULL) {
		if (row->commit <= plan->before.commit)
			continue;
		struct skafu__row_op op = {.table = row->table, .operation = row->operation,
					   .key_length = row->key_length, .value_length = row->value_length,
					   .key = skafu__overlay_row_key(overlay, row),
					   .value = skafu__overlay_row_value(overlay, row)};
		uint8_t *to = skafu__buf_reserve(&plan->rows, skafu__row_op_bytes(&op));
		if (!to)
			return SKAFU_ENOMEM;
		skafu__row_op_write(to, &op);
		skafu__buf_commit(&plan->rows, skafu__row_op_bytes(&op));
	}
	return 0;
}

/* What needs the overlay and the snapshot: 1 when a fold is due. */
static int32_t fold_copy(struct fold_plan *plan, struct skafu__view *view, skafu_error *error)
{
	const struct skafu__overlay *overlay = plan->source;
	const struct skafu__overlay_mark *cut = skafu__overlay_cut(overlay, plan->store->tuning.fold_records);
	if (!cut || cut->commit > view->commit || overlay->base != view->index.commit)
		return 0;
	plan->before = view->index;
	plan->commit = cut->commit;
	plan->sequence = cut->last_sequence;
	fold_find_entries(plan);
	if (fold_copy_rows(plan) != 0)
		return skafu__fail_memory(error);
	if (skafu__repack_is_needless(plan->store, cut->bytes_min_up_to, cut->names_up_to))
		return 1;
	int32_t rc = skafu__repack_plan(&plan->repack, view, plan->before.commit, plan->before.sequence, plan->commit,
					error);
	return rc ? rc : 1;
}

/* All segments are in memory, so no view is needed. */
static int32_t fold_make_filter(struct skafu__runbuild *build)
{
	if (!skafu__filter_is_wanted(&build->run))
		return 0;
	return skafu__filter_make(NULL, build, &build->filter, &build->filter_bytes, NULL);
}

static int32_t fold_build_dimension(struct fold_plan *plan, uint32_t dimension)
{
	size_t count = plan->entry_counts[dimension];
	int by_commit = dimension == SKAFU__DIM_COMMIT;
	if (count == 0)
		return 0;
	struct skafu__manifest_run run = {
		.dimension = (uint8_t)dimension,
		.run = skafu__run_number(0, plan->before.folds),
		.first_sequence = (by_commit ? plan->before.commit : plan->before.sequence) + 1,
		.last_sequence = by_commit ? plan->commit : plan->sequence};
	struct skafu__entry *scratch = fold_space_room(plan->space, &plan->store->sys, skafu__entries_scratch(count));
	if (!scratch)
		return SKAFU_ENOMEM;
	int32_t rc = skafu__runbuild_init(&plan->builds[dimension], plan->store, &run);
	if (rc == 0)
		rc = skafu__runbuild_fill(&plan->builds[dimension], plan->entries[dimension], count, scratch);
	return rc ? rc : fold_make_filter(&plan->builds[dimension]);
}

static int32_t fold_build(struct fold_plan *plan, skafu_error *error)
{
	for (uint32_t i = 1; i < SKAFU__DIMS; i++)
		if (fold_build_dimension(plan, i) != 0)
			return skafu__fail_memory(error);
	return 1;
}

/* What is folded is held until it is packed, so that others can append and read meanwhile. */
static int32_t fold_plan_overlay(struct fold_plan *plan, skafu_error *error)
{
	skafu_store *store = plan->store;
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	plan->source = &store->overlay;
	rc = fold_copy(plan, &view, error);
	if (rc == 1)
		skafu__overlay_hold(&store->overlay);
	skafu__view_close(&view);
	if (rc != 1)
		return rc;
	rc = fold_build(plan, error);
	pthread_rwlock_wrlock(&store->gate);
	skafu__overlay_let_go(&store->overlay);
	pthread_rwlock_unlock(&store->gate);
	return rc;
}

/* ---- the installation ---------------------------------------------------------------------------------------- */

static int32_t fold_put_rows(const struct fold_plan *plan, MDB_txn *txn, skafu_error *error)
{
	const skafu_store *store = plan->store;
	const uint8_t *at = plan->rows.bytes;
	const uint8_t *end = at + plan->rows.length;
	while (at < end) {
		uint8_t bytes[SKAFU__ROW_KEY_BYTES_MAX];
		struct skafu__row_op op;
		skafu__commit_next_row(&at, &op);
		MDB_val key = {skafu__row_key_encode(bytes, op.table, op.key, op.key_length), bytes};
		MDB_val value = {SKAFU__SEALED_HEAD_BYTES + op.value_length, NULL};
		int rc = op.operation == SKAFU__ROW_PUT
				 ? mdb_put(txn, store->env.tables[SKAFU__TABLE_ROW], &key, &value, MDB_RESERVE)
				 : mdb_del(txn, store->env.tables[SKAFU__TABLE_ROW], &key, NULL);
		if (rc == 0 && op.operation == SKAFU__ROW_PUT)
			skafu__sealed_write(value.mv_data, bytes, key.mv_size, op.value, op.value_length);
		if (rc != 0 && rc != MDB_NOTFOUND)
			return skafu__env_fail(&store->env, rc, "writing rows", error);
	}
	return 0;
}

static int32_t fold_put_runs(struct fold_plan *plan, MDB_txn *txn, skafu_error *error)
{
	struct skafu__root_edit edit;
	int32_t rc = skafu__root_edit_begin(plan->store, txn, &edit, error);
	for (uint32_t i = 1; rc == 0 && i < SKAFU__DIMS; i++) {
		struct skafu__runbuild *build = &plan->builds[i];
		if (!build->store)
			continue;
		rc = skafu__runbuild_put(build, txn, error);
		if (rc == 0)
			rc = skafu__runbuild_put_manifest(build, txn, error);
		if (rc == 0 && skafu__root_edit_add(&edit, &build->run) != 0)
			rc = skafu__fail_memory(error);
	}
	if (rc == 0)
		rc = skafu__root_edit_put(plan->store, txn, &edit, error);
	skafu__root_edit_done(&edit);
	return rc;
}

static int32_t fold_put(void *user, MDB_txn *txn, skafu_error *error)
{
	struct fold_plan *plan = user;
	struct skafu__index_state after = plan->before;
	int32_t rc = fold_put_runs(plan, txn, error);
	if (rc == 0)
		rc = fold_put_rows(plan, txn, error);
	if (rc == 0)
		rc = skafu__repack_put(&plan->repack, txn, error);
	if (rc != 0)
		return rc;
	after.sequence = plan->sequence;
	after.commit = plan->commit;
	after.folds++;
	return skafu__index_put(plan->store, txn, &plan->before, &after, error);
}

static int32_t fold_run(skafu_store *store, struct skafu__fold_space *space,
			int32_t (*make)(struct fold_plan *plan, skafu_error *error), int64_t deadline,
			skafu_error *error)
{
	struct fold_plan plan = {.store = store, .space = space};
	skafu__buf_init(&plan.rows, &store->sys, SIZE_MAX / 2);
	skafu__repack_init(&plan.repack, store);
	int32_t rc = make(&plan, error);
	if (rc == 1) {
		int64_t before = store->sys.monotonic_ns();
		rc = skafu__install_run(store, &plan.before, fold_put, &plan, deadline, error);
		if (rc == 0) {
			atomic_fetch_add(&store->folds, 1u);
			skafu__probe_report(&store->probe, SKAFU__PROBE_FOLD, plan.sequence - plan.before.sequence,
					    store->sys.monotonic_ns() - before, NULL);
		}
		rc = rc < 0 ? rc : 1;
	}
	fold_plan_done(&plan);
	return rc;
}

int32_t skafu__fold_once(skafu_store *store, int64_t deadline, skafu_error *error)
{
	int32_t rc = fold_run(store, &store->fold_space, fold_plan_overlay, deadline, error);
	fold_space_trim(&store->fold_space, &store->sys);
	return rc;
}

/* ---- without the store's overlay ----------------------------------------------------------------------------- */

static int32_t fold_sink_name(void *user, const struct skafu__name_def *name)
{
	(void)user;
	(void)name;
	return 0;
}

static int32_t fold_sink_entries(void *user, uint32_t dimension, const struct skafu__entry *entries, size_t count)
{
	return skafu__overlay_add_entries(user, dimension, entries, count);
}

static int32_t fold_sink_row(void *user, const struct skafu__row_op *row, uint64_t commit)
{
	return skafu__overlay_add_row(user, row, commit);
}

/* Derive the commits after the index into an overlay of our own, until there are enough for a fold. */
static int32_t fold_gather(skafu_store *store, struct skafu__view *view, struct skafu__overlay *own,
			   skafu_error *error)
{
	struct skafu__derive_sink sink = {own, fold_sink_name, fold_sink_entries, NULL, fold_sink_row};
	skafu__overlay_reset(own, view->index.commit, view->index.sequence);
	int32_t rc = skafu__view_walk(view, view->index.commit, view->index.sequence, error);
	while (rc == 0 && skafu__overlay_weight(own) < store->tuning.fold_records) {
		uint64_t damaged = 0;
		rc = skafu__view_walk_next(view, error);
		if (rc <= 0)
			return rc;
		rc = skafu__derive(store->format.hash_key, &view->current, &sink, SKAFU__CHECK_ALL, &damaged);
		if (rc == 0)
			rc = skafu__overlay_cover(own, &view->current);
		if (rc == SKAFU_EDAMAGED)
			return skafu__fail(error, rc,
					   "record %llu is damaged; restore a backup, or salvage what is whole",
					   (unsigned long long)damaged);
		if (rc != 0)
			return skafu__fail_memory(error);
	}
	return rc;
}

static int32_t fold_plan_log(struct fold_plan *plan, skafu_error *error)
{
	struct skafu__view view;
	struct skafu__overlay own;
	if (skafu__overlay_init(&own, &plan->store->sys) != 0)
		return skafu__fail_memory(error);
	int32_t rc = skafu__view_open_bare(plan->store, &view, error);
	if (rc == 0) {
		plan->source = &own; /* cppcheck-suppress autoVariables; it is taken out below */
		rc = fold_gather(plan->store, &view, &own, error);
		if (rc == 0)
			rc = fold_copy(plan, &view, error);
		skafu__view_close(&view);
	}
	if (rc == 1)
		rc = fold_build(plan, error);
	plan->source = NULL;
	skafu__overlay_done(&own);
	return rc;
}

int32_t skafu__fold_from_log(skafu_store *store, int64_t deadline, skafu_error *error)
{
	struct skafu__fold_space space = {0}; /* its own: the fold lock need not be held */
	int32_t rc = fold_run(store, &space, fold_plan_log, deadline, error);
	skafu__fold_space_done(&space, &store->sys);
	return rc;
}

/* ---- when ---------------------------------------------------------------------------------------------------- */

/* Whether a fold is due, without planning one. */
static int fold_is_due(skafu_store *store)
{
	pthread_rwlock_rdlock(&store->gate);
	int due = skafu__overlay_weight(&store->overlay) >= store->tuning.fold_records;
	pthread_rwlock_unlock(&store->gate);
	return due;
}

/* A fold makes one run a dimension, and each of fan_in runs is merged once a level, a large one in many steps:
 * somewhat more than that keeps the number of runs bounded. */
static uint32_t fold_merge_steps(const skafu_store *store)
{
	return 2 + 4 * SKAFU__DIMS / store->tuning.fan_in;
}

/* Up to so many of the merge steps that folds have left to do. */
static int32_t fold_merge(skafu_store *store, uint32_t steps_max, int64_t deadline, skafu_error *error)
{
	int32_t rc = 1;
	for (; rc == 1 && steps_max > 0 && atomic_load(&store->merge_steps_due) > 0; steps_max--) {
		rc = skafu__merge_step(store, deadline, error);
		atomic_store(&store->merge_steps_due, rc == 1 ? atomic_load(&store->merge_steps_due) - 1 : 0);
	}
	return rc;
}

/* What the fold before has left is done first, so that appends that fold each time do not outrun the merges. */
static int32_t fold_all(skafu_store *store, int64_t deadline, skafu_error *error)
{
	int32_t rc = fold_merge(store, UINT32_MAX, deadline, error);
	if (rc >= 0)
		rc = skafu__fold_once(store, deadline, error);
	while (rc == 1 && fold_is_due(store))
		rc = skafu__fold_once(store, deadline, error);
	if (rc >= 0)
		atomic_store(&store->merge_steps_due, fold_merge_steps(store));
	return rc;
}

/* One append folds, and each of the next ones does a step of the merges: no append has to wait for all of it. */
void skafu__fold_after_append(skafu_store *store)
{
	struct skafu_error error = {0};
	int is_due = fold_is_due(store);
	if ((!is_due && atomic_load(&store->merge_steps_due) == 0) || pthread_mutex_trylock(&store->fold_lock) != 0)
		return;
	int64_t deadline = skafu__deadline(&store->sys, FOLD_LOCK_WAIT_NS);
	int32_t rc = is_due ? fold_all(store, deadline, &error) : fold_merge(store, 1, deadline, &error);
	pthread_mutex_unlock(&store->fold_lock);
	if (rc < 0)
		skafu__log(&store->log, SKAFU_LOG_WARNING,
			   "folding into the index failed and will be tried again: %s", error.message);
}
