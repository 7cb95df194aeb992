#include "store/manifest_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "codec/key.h"
#include "store/filter.h"
#include "store/store.h"

static MDB_val manifest_root_key(void)
{
	static uint8_t zero;
	MDB_val key = {1, &zero};
	return key;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

int32_t skafu__manifest_set_new(skafu_store *store)
{
	store->manifest = skafu__alloc_zeroed(&store->sys, 1, sizeof *store->manifest);
	return store->manifest ? 0 : SKAFU_ENOMEM;
}

static void manifest_free_runs(const skafu_store *store, struct skafu__run **runs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		skafu__run_free(store, runs[i]);
	skafu__free(&store->sys, runs);
}

void skafu__manifest_set_free(skafu_store *store)
{
	if (!store->manifest)
		return;
	manifest_free_runs(store, store->manifest->runs, store->manifest->count);
	skafu__free(&store->sys, store->manifest);
	store->manifest = NULL;
}

void skafu__manifest_set_clear(skafu_store *store)
{
	struct skafu__manifest_set *set = store->manifest;
	manifest_free_runs(store, set->runs, set->count);
	memset(set, 0, sizeof *set);
}

void skafu__manifest_set_map_moved(skafu_store *store)
{
	for (uint32_t i = 0; store->manifest && i < store->manifest->count; i++)
		skafu__run_forget_places(store->manifest->runs[i]);
}

void skafu__manifest_set_count(const skafu_store *store, uint64_t *runs, uint64_t *segments, uint64_t *entries)
{
	const struct skafu__manifest_set *set = store->manifest;
	*runs = set->count;
	*segments = 0;
	*entries = 0;
	for (uint32_t i = 0; i < set->count; i++) {
		*segments += set->runs[i]->info.segment_count;
		*entries += set->runs[i]->info.entry_count;
	}
}

struct skafu__run *skafu__manifest_set_find(const struct skafu__manifest_set *set, uint32_t dimension,
					    uint32_t number)
{
	for (uint32_t i = set->begin[dimension]; i < set->begin[dimension + 1]; i++)
		if (set->runs[i]->info.run == number)
			return set->runs[i];
	return NULL;
}

/* ---- load ---------------------------------------------------------------------------------------------------- */

/* 1 and the root, 0 when the index has none yet. */
static int32_t manifest_open_root(const skafu_store *store, MDB_txn *txn, struct skafu__manifest_root *out,
				  skafu_error *error)
{
	MDB_val key = manifest_root_key();
	MDB_val value;
	int rc = mdb_get(txn, store->env.tables[SKAFU__TABLE_MANIFEST], &key, &value);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__env_fail(&store->env, rc, "reading the index manifest", error);
	int32_t result = skafu__manifest_root_open(out, value.mv_data, value.mv_size, 0, error);
	return result ? result : 1;
}

static struct skafu__run *manifest_known(const struct skafu__manifest_set *set,
					 const struct skafu__manifest_run *info)
{
	struct skafu__run *run = skafu__manifest_set_find(set, info->dimension, info->run);
	return run && run->info.crc == info->crc && run->info.entry_count == info->entry_count ? run : NULL;
}

static int manifest_holds(struct skafu__run *const *runs, uint32_t count, const struct skafu__run *run)
{
	for (uint32_t i = 0; i < count; i++)
		if (runs[i] == run)
			return 1;
	return 0;
}

/* Make the list of the new generation, taking over the objects of runs that stay. */
static int32_t manifest_load_runs(skafu_store *store, MDB_txn *txn, const struct skafu__manifest_root *root,
				  struct skafu__run **runs, uint32_t *count, skafu_error *error)
{
	for (uint32_t i = 0; i < root->run_count; i++) {
		struct skafu__manifest_run info;
		skafu__manifest_root_run(root, i, &info);
		if (info.dimension == 0 || info.dimension >= SKAFU__DIMS)
			return skafu__fail(error, SKAFU_EDAMAGED,
					   "the index manifest names dimension %u; reindex the "
					   "store",
					   info.dimension);
		runs[i] = manifest_known(store->manifest, &info);
		int32_t rc = runs[i] ? 0 : skafu__run_load(store, txn, &info, &runs[i], error);
		if (rc != 0)
			return rc;
		*count = i + 1;
	}
	return 0;
}

static void manifest_set_bounds(struct skafu__manifest_set *set)
{
	uint32_t at = 0;
	for (uint32_t dimension = 0; dimension <= SKAFU__DIMS; dimension++) {
		while (at < set->count && set->runs[at]->info.dimension < dimension)
			at++;
		set->begin[dimension] = at;
	}
}

static void manifest_replace(skafu_store *store, struct skafu__run **runs, uint32_t count, uint64_t generation)
{
	struct skafu__manifest_set *set = store->manifest;
	for (uint32_t i = 0; i < set->count; i++)
		if (!manifest_holds(runs, count, set->runs[i]))
			skafu__run_free(store, set->runs[i]);
	skafu__free(&store->sys, set->runs);
	set->runs = runs;
	set->count = count;
	set->generation = generation;
	manifest_set_bounds(set);
}

int32_t skafu__manifest_set_load(skafu_store *store, MDB_txn *txn, const struct skafu__index_state *state,
				 skafu_error *error)
{
	struct skafu__manifest_root root;
	uint32_t count = 0;
	if (store->manifest->epoch != state->epoch)
		skafu__manifest_set_clear(store);
	store->manifest->epoch = state->epoch;
	if (store->manifest->generation == state->generation)
		return 0;
	int32_t rc = manifest_open_root(store, txn, &root, error);
	if (rc < 0)
		return rc;
	if (rc == 0 && state->folds != 0)
		return skafu__fail(error, SKAFU_EDAMAGED, "the index manifest is missing; reindex the store");
	if (rc == 0)
		root.run_count = 0;
	struct skafu__run **runs = skafu__alloc_zeroed(&store->sys, root.run_count + 1u, sizeof *runs);
	if (!runs)
		return skafu__fail_memory(error);
	rc = manifest_load_runs(store, txn, &root, runs, &count, error);
	if (rc == 0) {
		manifest_replace(store, runs, count, state->generation);
		return 0;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!manifest_holds(store->manifest->runs, store->manifest->count, runs[i]))
			skafu__run_free(store, runs[i]);
	skafu__free(&store->sys, runs);
	return rc;
}

/* ---- edit ---------------------------------------------------------------------------------------------------- */

int32_t skafu__root_edit_begin(const skafu_store *store, MDB_txn *txn, struct skafu__root_edit *edit,
			       skafu_error *error)
{
	struct skafu__manifest_root root = {0};
	memset(edit, 0, sizeof *edit);
	edit->sys = &store->sys;
	int32_t rc = manifest_open_root(store, txn, &root, error);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; rc == 1 && i < root.run_count; i++) {
		struct skafu__manifest_run run;
		skafu__manifest_root_run(&root, i, &run);
		if (skafu__root_edit_add(edit, &run) != 0) {
			skafu__root_edit_done(edit);
			return skafu__fail_memory(error);
		}
	}
	return 0;
}

void skafu__root_edit_done(struct skafu__root_edit *edit)
{
	if (edit->sys)
		skafu__free(edit->sys, edit->runs);
	memset(edit, 0, sizeof *edit);
}

int32_t skafu__root_edit_add(struct skafu__root_edit *edit, const struct skafu__manifest_run *run)
{
	if (edit->count == edit->room) {
		uint32_t room = edit->room ? edit->room * 2 : 64;
		void *grown = skafu__realloc_array(edit->sys, edit->runs, room, sizeof *edit->runs);
		if (!grown)
			return SKAFU_ENOMEM;
		edit->runs = grown;
		edit->room = room;
	}
	edit->runs[edit->count++] = *run;
	return 0;
}

int skafu__root_edit_remove(struct skafu__root_edit *edit, uint32_t dimension, uint32_t number,
			    struct skafu__manifest_run *out)
{
	for (uint32_t i = 0; i < edit->count; i++) {
		if (edit->runs[i].dimension != dimension || edit->runs[i].run != number)
			continue;
		*out = edit->runs[i];
		memmove(&edit->runs[i], &edit->runs[i + 1], (edit->count - i - 1) * sizeof *edit->runs);
		edit->count--;
		return 1;
	}
	return 0;
}

static int manifest_order(const void *a, const void *b)
{
	const struct skafu__manifest_run *x = a;
	const struct skafu__manifest_run *y = b;
	if (x->dimension != y->dimension)
		return x->dimension < y->dimension ? -1 : 1;
	return x->first_sequence < y->first_sequence ? -1 : x->first_sequence > y->first_sequence;
}

static int32_t manifest_put(const skafu_store *store, MDB_txn *txn, MDB_val key, const void *bytes, size_t length,
			    skafu_error *error)
{
	MDB_val value = {length, (void *)(uintptr_t)bytes};
	int rc = mdb_put(txn, store->env.tables[SKAFU__TABLE_MANIFEST], &key, &value, 0);
	return rc ? skafu__env_fail(&store->env, rc, "writing the index manifest", error) : 0;
}

int32_t skafu__root_edit_put(const skafu_store *store, MDB_txn *txn, struct skafu__root_edit *edit,
			     skafu_error *error)
{
	if (edit->count != 0)
		qsort(edit->runs, edit->count, sizeof *edit->runs, manifest_order);
	size_t length = skafu__manifest_root_bytes(edit->count);
	uint8_t *bytes = skafu__alloc(&store->sys, length);
	if (!bytes)
		return skafu__fail_memory(error);
	int32_t rc = skafu__manifest_root_encode(bytes, edit->runs, edit->count, error);
	if (rc == 0)
		rc = manifest_put(store, txn, manifest_root_key(), bytes, length, error);
	skafu__free(&store->sys, bytes);
	return rc;
}

int32_t skafu__manifest_put_run(const skafu_store *store, MDB_txn *txn, struct skafu__manifest_run *run,
				const struct skafu__segment_info *segments, skafu_error *error)
{
	const size_t max = SKAFU__MANIFEST_PART_BYTES_DEFAULT;
	uint8_t *bytes = skafu__alloc(&store->sys, max);
	if (!bytes)
		return skafu__fail_memory(error);
	run->part_count = skafu__manifest_part_count(run->segment_count, max);
	run->crc = 0;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < run->part_count; i++) {
		uint8_t key[SKAFU__RUN_KEY_BYTES];
		uint32_t crc;
		skafu__run_key_encode(key, run->dimension, run->run, i);
		rc = skafu__manifest_part_encode(bytes, run, segments, i, max, &crc, error);
		if (rc != 0)
			break;
		run->crc = skafu__manifest_parts_crc(run->crc, crc);
		rc = manifest_put(store, txn, (MDB_val){sizeof key, key}, bytes,
				  skafu__manifest_part_bytes(run->segment_count, i, max), error);
	}
	skafu__free(&store->sys, bytes);
	return rc;
}

static int32_t manifest_delete(const skafu_store *store, MDB_txn *txn, int table,
			       const struct skafu__manifest_run *run, uint32_t number, skafu_error *error)
{
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(bytes, run->dimension, run->run, number);
	MDB_val key = {sizeof bytes, bytes};
	int rc = mdb_del(txn, store->env.tables[table], &key, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return skafu__env_fail(&store->env, rc, "dropping an index run", error);
	return 0;
}

int32_t skafu__manifest_delete_run(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *run,
				   skafu_error *error)
{
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < run->segment_count; i++)
		rc = manifest_delete(store, txn, SKAFU__TABLE_RUN, run, i, error); /* segments are numbered from 0 */
	for (uint32_t i = 0; rc == 0 && i < run->part_count; i++)
		rc = manifest_delete(store, txn, SKAFU__TABLE_MANIFEST, run, i, error);
	if (rc == 0 && skafu__filter_is_wanted(run))
		rc = skafu__filter_delete(store, txn, run, error);
	return rc;
}
