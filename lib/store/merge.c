/*
 * merge.c
 *
 * Layout of the progress record, little endian: u32 magic "SKPG", u32 CRC32C of all that follows, u32 count, u32 0,
 * then for each segment 64 bytes: u32 number, bytes, crc, entry count; u64 first key, first position, last key, last
 * position, last extra, largest extra of the last key.
 */
#include "store/merge.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/crc32c.h"
#include "codec/key.h"
#include "store/filter.h"
#include "store/install.h"
#include "store/manifest_set.h"
#include "store/runbuild.h"
#include "store/store.h"

#define MERGE_PROGRESS_MAGIC 0x47504b53u
#define MERGE_PROGRESS_HEAD_BYTES 16u
#define MERGE_INFO_BYTES 64u
#define MERGE_SEGMENTS_PER_VIEW 8u /* the gate is held shared meanwhile, so not for long */
#define MERGE_SEGMENTS_PER_STEP 24u /* an append waits for one */
#define MERGE_LEVEL_MAX 14u
#define MERGE_INPUTS_MAX SKAFU__FAN_IN_MAX

struct merge_job {
	skafu_store *store;
	struct skafu__index_state before;
	struct skafu__manifest_run run; /* to be made */
	uint32_t inputs[MERGE_INPUTS_MAX];
	uint32_t input_count;
	struct skafu__runbuild build;
	int complete;
};

/* ---- which merge is due -------------------------------------------------------------------------------------- */

static uint64_t merge_power(uint64_t base, uint32_t exponent)
{
	uint64_t power = 1;
	while (exponent-- > 0)
		power = power > UINT64_MAX / base ? UINT64_MAX : power * base;
	return power;
}

static int merge_run_is_due(const skafu_store *store, const struct skafu__manifest_run *run, uint64_t folds)
{
	uint64_t fan_in = store->tuning.fan_in;
	uint64_t group = skafu__run_ordinal(run) / fan_in;
	uint64_t covered = merge_power(fan_in, run->level + 1u);
	return run->level < MERGE_LEVEL_MAX && covered != UINT64_MAX && (group + 1) <= folds / covered;
}

/* The first run of the lowest level that waits to be merged; NULL when none does. */
static const struct skafu__manifest_run *merge_find_due(const skafu_store *store, uint64_t folds)
{
	const struct skafu__manifest_set *set = store->manifest;
	const struct skafu__manifest_run *best = NULL;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct skafu__manifest_run *run = &set->runs[i]->info;
		if (merge_run_is_due(store, run, folds) && (!best || run->level < best->level))
			best = run;
	}
	return best;
}

static void merge_choose_inputs(struct merge_job *job, const struct skafu__manifest_run *first)
{
	const struct skafu__manifest_set *set = job->store->manifest;
	uint32_t fan_in = job->store->tuning.fan_in;
	uint32_t group = skafu__run_ordinal(first) / fan_in;
	job->run = (struct skafu__manifest_run){.dimension = first->dimension,
						.level = (uint8_t)(first->level + 1u),
						.run = skafu__run_number(first->level + 1u, group)};
	job->input_count = 0;
	for (uint32_t i = set->begin[first->dimension]; i < set->begin[first->dimension + 1u]; i++) {
		const struct skafu__manifest_run *run = &set->runs[i]->info;
		if (run->level != first->level || skafu__run_ordinal(run) / fan_in != group ||
		    job->input_count == MERGE_INPUTS_MAX)
			continue;
		if (job->input_count == 0)
			job->run.first_sequence = run->first_sequence;
		job->run.last_sequence = run->last_sequence;
		job->inputs[job->input_count++] = run->run;
	}
}

/* ---- progress ------------------------------------------------------------------------------------------------ */

static void merge_info_encode(uint8_t *to, const struct skafu__segment_info *info)
{
	skafu__store_u32(to, info->number);
	skafu__store_u32(to + 4, info->bytes);
	skafu__store_u32(to + 8, info->crc);
	skafu__store_u32(to + 12, info->entry_count);
	skafu__store_u64(to + 16, info->first_key);
	skafu__store_u64(to + 24, info->first_position);
	skafu__store_u64(to + 32, info->last_key);
	skafu__store_u64(to + 40, info->last_position);
	skafu__store_u64(to + 48, info->last_extra);
	skafu__store_u64(to + 56, info->last_extra_max);
}

static void merge_info_decode(const uint8_t *from, struct skafu__segment_info *info)
{
	info->number = skafu__load_u32(from);
	info->bytes = skafu__load_u32(from + 4);
	info->crc = skafu__load_u32(from + 8);
	info->entry_count = skafu__load_u32(from + 12);
	info->first_key = skafu__load_u64(from + 16);
	info->first_position = skafu__load_u64(from + 24);
	info->last_key = skafu__load_u64(from + 32);
	info->last_position = skafu__load_u64(from + 40);
	info->last_extra = skafu__load_u64(from + 48);
	info->last_extra_max = skafu__load_u64(from + 56);
}

static MDB_val merge_progress_key(const struct skafu__manifest_run *run, uint8_t bytes[SKAFU__RUN_KEY_BYTES])
{
	skafu__run_key_encode(bytes, run->dimension, run->run, SKAFU__MANIFEST_PROGRESS);
	return (MDB_val){SKAFU__RUN_KEY_BYTES, bytes};
}

static int merge_progress_is_whole(const MDB_val *value)
{
	const uint8_t *at = value->mv_data;
	if (value->mv_size < MERGE_PROGRESS_HEAD_BYTES || skafu__load_u32(at) != MERGE_PROGRESS_MAGIC)
		return 0;
	if ((value->mv_size - MERGE_PROGRESS_HEAD_BYTES) / MERGE_INFO_BYTES != skafu__load_u32(at + 8) ||
	    (value->mv_size - MERGE_PROGRESS_HEAD_BYTES) % MERGE_INFO_BYTES != 0)
		return 0;
	return skafu__load_u32(at + 4) == skafu__crc32c(0, at + 8, value->mv_size - 8);
}

/* Go on where somebody stopped.  A record that is not whole only costs its work: the merge begins anew. */
static int32_t merge_load_progress(struct merge_job *job, struct skafu__view *view, skafu_error *error)
{
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	MDB_val key = merge_progress_key(&job->run, bytes);
	MDB_val value;
	int rc = mdb_get(view->txn, job->store->env.tables[SKAFU__TABLE_MANIFEST], &key, &value);
	if (rc != 0 || !merge_progress_is_whole(&value))
		return 0;
	uint32_t count = skafu__load_u32((const uint8_t *)value.mv_data + 8);
	struct skafu__segment_info *infos = skafu__realloc_array(&job->store->sys, NULL, count + 1u, sizeof *infos);
	if (!infos)
		return skafu__fail_memory(error);
	for (uint32_t i = 0; i < count; i++)
		merge_info_decode((const uint8_t *)value.mv_data + MERGE_PROGRESS_HEAD_BYTES +
					  (size_t)i * MERGE_INFO_BYTES,
				  &infos[i]);
	int32_t result = skafu__runbuild_resume(&job->build, infos, count);
	skafu__free(&job->store->sys, infos);
	return result ? skafu__fail_memory(error) : 0;
}

static int32_t merge_put_progress(const struct merge_job *job, MDB_txn *txn, skafu_error *error)
{
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	uint32_t count = job->build.run.segment_count;
	size_t length = MERGE_PROGRESS_HEAD_BYTES + (size_t)count * MERGE_INFO_BYTES;
	uint8_t *record = skafu__alloc(&job->store->sys, length);
	if (!record)
		return skafu__fail_memory(error);
	skafu__store_u32(record, MERGE_PROGRESS_MAGIC);
	skafu__store_u32(record + 8, count);
	skafu__store_u32(record + 12, 0);
	for (uint32_t i = 0; i < count; i++)
		merge_info_encode(record + MERGE_PROGRESS_HEAD_BYTES + (size_t)i * MERGE_INFO_BYTES,
				  &job->build.infos[i]);
	skafu__store_u32(record + 4, skafu__crc32c(0, record + 8, length - 8));
	MDB_val key = merge_progress_key(&job->run, bytes);
	MDB_val value = {length, record};
	int rc = mdb_put(txn, job->store->env.tables[SKAFU__TABLE_MANIFEST], &key, &value, 0);
	skafu__free(&job->store->sys, record);
	return rc ? skafu__env_fail(&job->store->env, rc, "writing the index manifest", error) : 0;
}

static int32_t merge_drop_progress(const struct merge_job *job, MDB_txn *txn, skafu_error *error)
{
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	MDB_val key = merge_progress_key(&job->run, bytes);
	int rc = mdb_del(txn, job->store->env.tables[SKAFU__TABLE_MANIFEST], &key, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return skafu__env_fail(&job->store->env, rc, "writing the index manifest", error);
	return 0;
}

/* ---- merging ------------------------------------------------------------------------------------------------- */

struct merge_input {
	struct skafu__segment_walk walk;
	struct skafu__view *view;
	struct skafu__run *run;
};

/* What is too large for the stack of a host's thread. */
struct merge_space {
	struct skafu__merge merge;
	struct merge_input inputs[];
};

static int32_t merge_load_segment(void *user, uint32_t index, struct skafu__segment *out, skafu_error *error)
{
	struct merge_input *input = user;
	if (index >= input->run->info.segment_count)
		return 0;
	int32_t rc = skafu__run_segment(input->view->store, input->view->txn, input->run, index, out, error);
	return rc ? rc : 1;
}

/* The last entry that the new run has already. */
static int merge_last_entry(const struct merge_job *job, struct skafu__entry *out)
{
	uint32_t count = job->build.run.segment_count;
	if (count == 0)
		return 0;
	const struct skafu__segment_info *info = &job->build.infos[count - 1];
	*out = (struct skafu__entry){info->last_key, info->last_position, info->last_extra};
	return 1;
}

static int32_t merge_open_input(const struct merge_job *job, struct merge_input *input, struct skafu__view *view,
				uint32_t number, skafu_error *error)
{
	struct skafu__entry after;
	uint32_t begin = 0;
	uint32_t end;
	input->view = view;
	input->run = skafu__manifest_set_find(job->store->manifest, job->run.dimension, number);
	if (!input->run)
		return skafu__fail(error, SKAFU_EINTERNAL, "an input of a merge vanished; please report this");
	if (!merge_last_entry(job, &after)) {
		skafu__segment_walk_init(&input->walk, merge_load_segment, input, 0, error);
		return 0;
	}
	skafu__manifest_run_find(input->run->parts, after.key, after.position, &begin, &end);
	skafu__segment_walk_init(&input->walk, merge_load_segment, input, begin, error);
	return skafu__segment_walk_after(&input->walk, &after);
}

static int32_t merge_feed(struct merge_job *job, struct merge_space *space, struct skafu__view *view,
			  skafu_error *error)
{
	struct skafu__entry_source *sources[MERGE_INPUTS_MAX];
	struct skafu__merge *merge = &space->merge;
	for (uint32_t i = 0; i < job->input_count; i++) {
		int32_t rc = merge_open_input(job, &space->inputs[i], view, job->inputs[i], error);
		if (rc != 0)
			return rc;
		sources[i] = &space->inputs[i].walk.source;
	}
	struct skafu__merge_options options = {0};
	int32_t rc = skafu__merge_init(merge, sources, job->input_count, &options, error);
	if (rc != 0)
		return rc;
	rc = skafu__segment_builder_feed(&job->build.builder, &merge->source, MERGE_SEGMENTS_PER_VIEW, error);
	if (rc == 0) {
		job->complete = 1;
		rc = skafu__segment_builder_finish(&job->build.builder, error);
	}
	return rc < 0 ? rc : 0;
}

/* One view's share of the merge; the view is of the generation that the job was planned on, or the job is over. */
static int32_t merge_in_view(struct merge_job *job, struct skafu__view *view, skafu_error *error)
{
	struct merge_space *space = skafu__alloc(&job->store->sys,
						 sizeof *space + job->input_count * sizeof *space->inputs);
	if (!space)
		return skafu__fail_memory(error);
	int32_t rc = skafu__runbuild_reopen(&job->build) ? skafu__fail_memory(error)
							 : merge_feed(job, space, view, error);
	skafu__free(&job->store->sys, space);
	return rc;
}

/* 1 a merge was planned and its first segments are made, 0 none is due. */
static int32_t merge_begin(struct merge_job *job, struct skafu__view *view, skafu_error *error)
{
	const struct skafu__manifest_run *due = merge_find_due(job->store, view->index.folds);
	if (!due)
		return 0;
	job->before = view->index;
	merge_choose_inputs(job, due);
	if (skafu__runbuild_init(&job->build, job->store, &job->run) != 0)
		return skafu__fail_memory(error);
	int32_t rc = merge_load_progress(job, view, error);
	if (rc == 0)
		rc = merge_in_view(job, view, error);
	return rc ? rc : 1;
}

/* When the run is complete: its filter, made while the lock is not held. */
static int32_t merge_make_filter(struct merge_job *job, skafu_error *error)
{
	struct skafu__view view;
	if (!job->complete || !skafu__filter_is_wanted(&job->build.run))
		return 0;
	int32_t rc = skafu__view_open(job->store, &view, error);
	if (rc != 0)
		return rc;
	rc = skafu__filter_make(&view, &job->build, &job->build.filter, &job->build.filter_bytes, error);
	skafu__view_close(&view);
	return rc;
}

static int32_t merge_go_on(struct merge_job *job, skafu_error *error)
{
	uint32_t first = job->build.put_count;
	while (!job->complete && job->build.run.segment_count - first < MERGE_SEGMENTS_PER_STEP) {
		struct skafu__view view;
		int32_t rc = skafu__view_open(job->store, &view, error);
		if (rc != 0)
			return rc;
		int same = view.index.generation == job->before.generation;
		rc = same ? merge_in_view(job, &view, error) : 0;
		skafu__view_close(&view);
		if (rc != 0 || !same)
			return rc;
	}
	return merge_make_filter(job, error);
}

/* ---- installation -------------------------------------------------------------------------------------------- */

static int32_t merge_swap(struct merge_job *job, MDB_txn *txn, skafu_error *error)
{
	struct skafu__root_edit edit;
	int32_t rc = skafu__runbuild_put_manifest(&job->build, txn, error);
	if (rc == 0)
		rc = skafu__root_edit_begin(job->store, txn, &edit, error);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < job->input_count; i++) {
		struct skafu__manifest_run input;
		if (!skafu__root_edit_remove(&edit, job->run.dimension, job->inputs[i], &input))
			rc = skafu__fail(error, SKAFU_EINTERNAL, "an input of a merge vanished; please report this");
		else
			rc = skafu__manifest_delete_run(job->store, txn, &input, error);
	}
	if (rc == 0 && skafu__root_edit_add(&edit, &job->build.run) != 0)
		rc = skafu__fail_memory(error);
	if (rc == 0)
		rc = skafu__root_edit_put(job->store, txn, &edit, error);
	skafu__root_edit_done(&edit);
	if (rc == 0)
		rc = merge_drop_progress(job, txn, error);
	return rc ? rc : skafu__index_put(job->store, txn, &job->before, &job->before, error);
}

static int32_t merge_put(void *user, MDB_txn *txn, skafu_error *error)
{
	struct merge_job *job = user;
	int32_t rc = skafu__runbuild_put(&job->build, txn, error);
	if (rc != 0)
		return rc;
	return job->complete ? merge_swap(job, txn, error) : merge_put_progress(job, txn, error);
}

/* Somebody else was faster: what is due now is seen the next time. */
static int32_t merge_install(struct merge_job *job, int64_t deadline, skafu_error *error)
{
	int32_t rc = skafu__install_run(job->store, &job->before, merge_put, job, deadline, error);
	return rc < 0 ? rc : 0;
}

int32_t skafu__merge_step(skafu_store *store, int64_t deadline, skafu_error *error)
{
	struct merge_job job = {.store = store};
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	rc = merge_begin(&job, &view, error);
	skafu__view_close(&view);
	if (rc == 1) {
		int64_t before = store->sys.monotonic_ns();
		rc = merge_go_on(&job, error);
		if (rc == 0)
			rc = merge_install(&job, deadline, error);
		if (rc == 0 && job.complete) {
			atomic_fetch_add(&store->merges, 1u);
			skafu__probe_report(&store->probe, SKAFU__PROBE_MERGE, job.build.run.entry_count,
					    store->sys.monotonic_ns() - before, NULL);
		}
		rc = rc ? rc : 1;
	}
	skafu__runbuild_done(&job.build);
	return rc;
}
