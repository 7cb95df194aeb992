#include "store/filter.h"

#include "base/error.h"
#include "codec/bloom.h"
#include "codec/key.h"
#include "store/store.h"

#define FILTER_OWN_PAGES_BYTES 2048 /* as in run.c: such a value stays where it is */
#define FILTER_KEYS_AT_ONCE 64u
#define FILTER_KEYS_MIN 1024u       /* a filter for so many takes pages of its own */

int skafu__filter_is_wanted(const struct skafu__manifest_run *run)
{
	if (run->dimension != SKAFU__DIM_ID && run->dimension != SKAFU__DIM_STREAM)
		return 0;
	if (run->level == SKAFU__FILTER_LEVEL_MAX && run->entry_count > SKAFU__FILTER_TOP_ENTRIES_MAX)
		return 0;
	return run->level <= SKAFU__FILTER_LEVEL_MAX && run->entry_count != 0;
}

/* ---- make ---------------------------------------------------------------------------------------------------- */

/* What is done with each segment of a run; `user` is a count or a filter. */
typedef void (*filter_segment_fn)(void *user, const struct skafu__segment *segment);

static void filter_count_keys(void *user, const struct skafu__segment *segment)
{
	*(uint64_t *)user += segment->key_count;
}

static void filter_add_keys(void *user, const struct skafu__segment *segment)
{
	uint64_t keys[FILTER_KEYS_AT_ONCE];
	uint32_t done = 0;
	while (done < segment->key_count) {
		uint32_t count = segment->key_count - done < FILTER_KEYS_AT_ONCE ? segment->key_count - done
										 : FILTER_KEYS_AT_ONCE;
		skafu__segment_keys(segment, done, keys, count);
		skafu__bloom_add(user, keys, count);
		done += count;
	}
}

static int32_t filter_open_stored(struct skafu__view *view, const struct skafu__manifest_run *run,
				  const struct skafu__segment_info *info, struct skafu__segment *out,
				  skafu_error *error)
{
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(bytes, run->dimension, run->run, info->number);
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value;
	int rc = mdb_get(view->txn, view->store->env.tables[SKAFU__TABLE_RUN], &key, &value);
	if (rc != 0)
		return skafu__env_fail(&view->store->env, rc, "reading the index", error);
	return skafu__segment_open(out, value.mv_data, value.mv_size, SKAFU__SEGMENT_TRUSTED, error);
}

/* Segments that were put are read through the view; the others are still in the build. */
static int32_t filter_for_each(struct skafu__view *view, const struct skafu__runbuild *build, filter_segment_fn what,
			       void *user, skafu_error *error)
{
	const uint8_t *at = build->bytes.bytes;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < build->run.segment_count; i++) {
		struct skafu__segment segment;
		const struct skafu__segment_info *info = &build->infos[i];
		if (i < build->put_count) {
			rc = filter_open_stored(view, &build->run, info, &segment, error);
		} else {
			rc = skafu__segment_open(&segment, at, info->bytes, SKAFU__SEGMENT_TRUSTED, error);
			at += info->bytes;
		}
		if (rc == 0)
			what(user, &segment);
	}
	return rc;
}

int32_t skafu__filter_make(struct skafu__view *view, const struct skafu__runbuild *build, uint8_t **out,
			   size_t *out_length, skafu_error *error)
{
	uint64_t keys = 0;
	int32_t rc = filter_for_each(view, build, filter_count_keys, &keys, error);
	if (rc != 0)
		return rc;
	if (keys < FILTER_KEYS_MIN)
		keys = FILTER_KEYS_MIN;
	size_t length = skafu__bloom_bytes(keys);
	uint8_t *filter = length ? skafu__alloc(&build->store->sys, length) : NULL;
	if (!filter)
		return skafu__fail_memory(error);
	skafu__bloom_init(filter, keys);
	rc = filter_for_each(view, build, filter_add_keys, filter, error);
	if (rc != 0) {
		skafu__free(&build->store->sys, filter);
		return rc;
	}
	skafu__bloom_seal(filter, keys);
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

/* No run has more keys than entries. */
static int filter_fits(const struct skafu__bloom *bloom, const struct skafu__manifest_run *run)
{
	return bloom->count == FILTER_KEYS_MIN ||
	       (bloom->count > FILTER_KEYS_MIN && bloom->count <= run->entry_count);
}

/* The filter: where it was before, or looked up and checked; 0 when there is none to be trusted. */
static int filter_find(struct skafu__view *view, struct skafu__run *run, struct skafu__bloom *out)
{
	const uint8_t *known = atomic_load_explicit(&run->filter.bytes, memory_order_relaxed);
	if (known)
		return skafu__bloom_open_again(out, known) == 0 && filter_fits(out, &run->info);
	uint8_t name[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(name, run->info.dimension, run->info.run, SKAFU__FILTER_NUMBER);
	MDB_val key = {sizeof name, name};
	MDB_val value;
	if (mdb_get(view->txn, view->store->env.tables[SKAFU__TABLE_RUN], &key, &value) != 0 ||
	    skafu__bloom_open(out, value.mv_data, value.mv_size, NULL) != 0 || !filter_fits(out, &run->info))
		return 0;
	if (value.mv_size >= FILTER_OWN_PAGES_BYTES)
		atomic_store_explicit(&run->filter.bytes, value.mv_data, memory_order_relaxed);
	return 1;
}

int skafu__filter_may_hold(struct skafu__view *view, struct skafu__run *run, uint64_t hash)
{
	struct skafu__bloom bloom;
	if (!skafu__filter_is_wanted(&run->info) || !filter_find(view, run, &bloom))
		return 1;
	return skafu__bloom_may_hold(&bloom, hash);
}
