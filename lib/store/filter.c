#include "store/filter.h"

#include "base/error.h"
#include "codec/bloom.h"
#include "codec/key.h"
#include "store/store.h"

#define FILTER_OWN_PAGES_BYTES 2048 /* as in run.c: such a value stays where it is */

int skafu__filter_is_wanted(const struct skafu__manifest_run *run)
{
	if (run->dimension != SKAFU__DIM_ID && run->dimension != SKAFU__DIM_STREAM)
		return 0;
	if (run->level == SKAFU__FILTER_LEVEL_MAX && run->entry_count > SKAFU__FILTER_TOP_ENTRIES_MAX)
		return 0;
	return run->level <= SKAFU__FILTER_LEVEL_MAX && run->entry_count != 0;
}

/* ---- make ---------------------------------------------------------------------------------------------------- */

static int32_t filter_add_segment(void *filter, const void *bytes, size_t length, skafu_error *error)
{
	struct skafu__segment segment;
	int32_t rc = skafu__segment_open(&segment, bytes, length, SKAFU__SEGMENT_TRUSTED, error);
	for (uint32_t i = 0; rc == 0 && i < segment.key_count; i++)
		skafu__bloom_add(filter, skafu__segment_key(&segment, i));
	return rc;
}

static int32_t filter_add_stored(struct skafu__view *view, void *filter, const struct skafu__manifest_run *run,
				 const struct skafu__segment_info *info, skafu_error *error)
{
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(bytes, run->dimension, run->run, info->number);
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value;
	int rc = mdb_get(view->txn, view->store->env.tables[SKAFU__TABLE_RUN], &key, &value);
	if (rc != 0)
		return skafu__env_fail(&view->store->env, rc, "reading the index", error);
	return filter_add_segment(filter, value.mv_data, value.mv_size, error);
}

static int32_t filter_fill(struct skafu__view *view, const struct skafu__runbuild *build, void *filter,
			   skafu_error *error)
{
	const uint8_t *at = build->bytes.bytes;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < build->run.segment_count; i++) {
		const struct skafu__segment_info *info = &build->infos[i];
		if (i < build->put_count) {
			rc = filter_add_stored(view, filter, &build->run, info, error);
			continue;
		}
		rc = filter_add_segment(filter, at, info->bytes, error);
		at += info->bytes;
	}
	return rc;
}

int32_t skafu__filter_make(struct skafu__view *view, const struct skafu__runbuild *build, uint8_t **out,
			   size_t *out_length, skafu_error *error)
{
	size_t length = skafu__bloom_bytes(build->run.entry_count);
	uint8_t *filter = length ? skafu__alloc(&build->store->sys, length) : NULL;
	if (!filter)
		return skafu__fail_memory(error);
	skafu__bloom_init(filter, build->run.entry_count);
	int32_t rc = filter_fill(view, build, filter, error);
	if (rc != 0) {
		skafu__free(&build->store->sys, filter);
		return rc;
	}
	skafu__bloom_seal(filter, build->run.entry_count);
	*out = filter;
	*out_length = length;
	return 0;
}

/* ---- keep ---------------------------------------------------------------------------------------------------- */

int32_t skafu__filter_put(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *run,
			  const uint8_t *bytes, size_t length, skafu_error *error)
{
	uint8_t name[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(name, run->dimension, run->run, SKAFU__FILTER_NUMBER);
	MDB_val key = {sizeof name, name};
	MDB_val value = {length, (void *)(uintptr_t)bytes};
	int rc = mdb_put(txn, store->env.tables[SKAFU__TABLE_RUN], &key, &value, 0);
	return rc ? skafu__env_fail(&store->env, rc, "writing the filter of an index run", error) : 0;
}

int32_t skafu__filter_delete(const skafu_store *store, MDB_txn *txn, const struct skafu__manifest_run *run,
			     skafu_error *error)
{
	uint8_t name[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(name, run->dimension, run->run, SKAFU__FILTER_NUMBER);
	MDB_val key = {sizeof name, name};
	int rc = mdb_del(txn, store->env.tables[SKAFU__TABLE_RUN], &key, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return skafu__env_fail(&store->env, rc, "dropping the filter of an index run", error);
	return 0;
}

/* ---- ask ----------------------------------------------------------------------------------------------------- */

/* The filter's bytes: where they were before, or looked up and checked; NULL when there is none to be trusted. */
static const uint8_t *filter_find(struct skafu__view *view, struct skafu__run *run, size_t length)
{
	const uint8_t *known = atomic_load_explicit(&run->filter.bytes, memory_order_relaxed);
	if (known)
		return known;
	uint8_t name[SKAFU__RUN_KEY_BYTES];
	struct skafu__bloom bloom;
	skafu__run_key_encode(name, run->info.dimension, run->info.run, SKAFU__FILTER_NUMBER);
	MDB_val key = {sizeof name, name};
	MDB_val value;
	if (mdb_get(view->txn, view->store->env.tables[SKAFU__TABLE_RUN], &key, &value) != 0 ||
	    value.mv_size != length || skafu__bloom_open(&bloom, value.mv_data, value.mv_size, 0, NULL) != 0)
		return NULL;
	if (length >= FILTER_OWN_PAGES_BYTES)
		atomic_store_explicit(&run->filter.bytes, value.mv_data, memory_order_relaxed);
	return value.mv_data;
}

int skafu__filter_may_hold(struct skafu__view *view, struct skafu__run *run, uint64_t hash)
{
	struct skafu__bloom bloom;
	if (!skafu__filter_is_wanted(&run->info))
		return 1;
	size_t length = skafu__bloom_bytes(run->info.entry_count);
	const uint8_t *bytes = filter_find(view, run, length);
	if (!bytes || skafu__bloom_open(&bloom, bytes, length, 1, NULL) != 0)
		return 1;
	return skafu__bloom_may_hold(&bloom, hash);
}
