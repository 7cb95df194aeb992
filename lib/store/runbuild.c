#include "store/runbuild.h"

#include <string.h>

#include "base/error.h"
#include "codec/key.h"
#include "store/filter.h"
#include "store/manifest_set.h"
#include "store/store.h"

static int32_t runbuild_room(struct skafu__runbuild *build, uint32_t count)
{
	if (count <= build->info_room)
		return 0;
	uint32_t room = build->info_room ? build->info_room * 2 : 8;
	while (room < count)
		room *= 2;
	void *grown = skafu__realloc_array(&build->store->sys, build->infos, room, sizeof *build->infos);
	if (!grown)
		return SKAFU_ENOMEM;
	build->infos = grown;
	build->info_room = room;
	return 0;
}

static int32_t runbuild_sink(void *user, const void *bytes, const struct skafu__segment_info *info,
			     skafu_error *error)
{
	struct skafu__runbuild *build = user;
	if (runbuild_room(build, build->run.segment_count + 1) != 0 ||
	    skafu__buf_put(&build->bytes, bytes, info->bytes))
		return skafu__fail_memory(error);
	build->infos[build->run.segment_count++] = *info;
	build->run.entry_count += info->entry_count;
	return 0;
}

static int32_t runbuild_open(struct skafu__runbuild *build, uint32_t first_number)
{
	struct skafu__segment_options options = {.bytes_max = build->store->tuning.segment_bytes,
						 .base = build->run.first_sequence,
						 .first_number = first_number,
						 .has_extra = skafu__dimension_has_extra(build->run.dimension),
						 .sink = runbuild_sink,
						 .user = build};
	return skafu__segment_builder_init(&build->builder, &build->store->sys, &options, NULL);
}

int32_t skafu__runbuild_init(struct skafu__runbuild *build, const skafu_store *store,
			     const struct skafu__manifest_run *run)
{
	memset(build, 0, sizeof *build);
	build->store = store;
	build->run = *run;
	skafu__buf_init(&build->bytes, &store->sys, SIZE_MAX / 2);
	return runbuild_open(build, 0);
}

int32_t skafu__runbuild_resume(struct skafu__runbuild *build, const struct skafu__segment_info *infos,
			       uint32_t count)
{
	if (runbuild_room(build, count) != 0)
		return SKAFU_ENOMEM;
	memcpy(build->infos, infos, count * sizeof *infos);
	for (uint32_t i = 0; i < count; i++)
		build->run.entry_count += infos[i].entry_count;
	build->run.segment_count = count;
	build->put_count = count;
	return skafu__runbuild_reopen(build);
}

int32_t skafu__runbuild_reopen(struct skafu__runbuild *build)
{
	skafu__segment_builder_done(&build->builder);
	return runbuild_open(build, build->run.segment_count);
}

void skafu__runbuild_done(struct skafu__runbuild *build)
{
	if (!build->store)
		return;
	skafu__segment_builder_done(&build->builder);
	skafu__buf_done(&build->bytes);
	skafu__free(&build->store->sys, build->infos);
	skafu__free(&build->store->sys, build->filter);
	memset(build, 0, sizeof *build);
}

int32_t skafu__runbuild_fill(struct skafu__runbuild *build, const struct skafu__entry *entries, size_t count,
			     struct skafu__entry *scratch)
{
	const struct skafu__entry *sorted = skafu__entries_sort(entries, count, scratch);
	int32_t rc = skafu__segment_builder_add_all(&build->builder, sorted, count, NULL);
	return rc ? rc : skafu__segment_builder_finish(&build->builder, NULL);
}

int32_t skafu__runbuild_put(struct skafu__runbuild *build, MDB_txn *txn, skafu_error *error)
{
	size_t at = 0;
	for (uint32_t i = build->put_count; i < build->run.segment_count; i++) {
		uint8_t bytes[SKAFU__RUN_KEY_BYTES];
		const struct skafu__segment_info *info = &build->infos[i];
		skafu__run_key_encode(bytes, build->run.dimension, build->run.run, info->number);
		MDB_val key = {sizeof bytes, bytes};
		MDB_val value = {info->bytes, build->bytes.bytes + at};
		int rc = mdb_put(txn, build->store->env.tables[SKAFU__TABLE_RUN], &key, &value, 0);
		if (rc != 0)
			return skafu__env_fail(&build->store->env, rc, "writing the index", error);
		at += info->bytes;
	}
	return 0;
}

int32_t skafu__runbuild_put_manifest(struct skafu__runbuild *build, MDB_txn *txn, skafu_error *error)
{
	int32_t rc = skafu__manifest_put_run(build->store, txn, &build->run, build->infos, error);
	if (rc == 0 && build->filter)
		rc = skafu__filter_put(build->store, txn, &build->run, build->filter, build->filter_bytes, error);
	return rc;
}
