/*
 * stats.c: figures about a store, taken from one moment.
 */
#include "skafu_store.h"

#include <string.h>

#include "base/error.h"
#include "store/manifest_set.h"
#include "store/store.h"
#include "store/view.h"

#define STATS_PAGE_BYTES 4096u

static void stats_file(const skafu_store *store, struct skafu_store_stats *out)
{
	struct stat status;
	MDB_envinfo info;
	if (store->env.data_path && store->sys.stat(store->env.data_path, &status) == 0)
		out->file_bytes = (uint64_t)status.st_size;
	mdb_env_info(store->env.mdb, &info);
	out->file_bytes_used = ((uint64_t)info.me_last_pgno + 1) * STATS_PAGE_BYTES;
}

/* Pages that the free list names are not used. */
static void stats_subtract_free(const skafu_store *store, MDB_txn *txn, struct skafu_store_stats *out)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	uint64_t pages = 0;
	if (mdb_cursor_open(txn, 0, &cursor) != 0)
		return;
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		size_t count;
		memcpy(&count, value.mv_data, sizeof count);
		pages += count;
	}
	mdb_cursor_close(cursor);
	(void)store;
	uint64_t bytes = pages * STATS_PAGE_BYTES;
	out->file_bytes_used -= bytes < out->file_bytes_used ? bytes : out->file_bytes_used;
}

static void stats_fill(skafu_store *store, struct skafu__view *view, struct skafu_store_stats *out)
{
	out->head = view->head;
	out->commits = view->commit;
	out->indexed_up_to = view->index.sequence;
	out->chained_up_to = view->index.chained_commit;
	stats_file(store, out);
	stats_subtract_free(store, view->txn, out);
	out->overlay_bytes = skafu__overlay_bytes(&store->overlay);
	out->cache_bytes = skafu__map_bytes(&store->heads);
	skafu__manifest_set_count(store, &out->index_runs, &out->index_segments, &out->index_entries);
	out->appends = atomic_load(&store->appends);
	out->flushes = atomic_load(&store->flushes);
	out->folds = atomic_load(&store->folds);
	out->merges = atomic_load(&store->merges);
}

int32_t skafu_store_stats_get(skafu_store *store, skafu_store_stats *out_stats, skafu_error *error)
{
	struct skafu__view view;
	struct skafu_store_stats stats = {.size = sizeof stats};
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && (!out_stats || out_stats->size < 8 || out_stats->size > sizeof stats))
		rc = skafu__fail(error, SKAFU_EOPTION,
				 "out_stats is NULL or its size is not sizeof(skafu_store_stats)");
	if (rc == 0)
		rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	stats_fill(store, &view, &stats);
	skafu__view_close(&view);
	stats.size = out_stats->size;
	memcpy(out_stats, &stats, out_stats->size);
	return 0;
}
