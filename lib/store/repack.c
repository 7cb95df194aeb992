#include "store/repack.h"

#include <string.h>

#include "base/error.h"
#include "codec/sealed.h"
#include "store/store.h"

void skafu__repack_init(struct skafu__repack *repack, skafu_store *store)
{
	memset(repack, 0, sizeof *repack);
	repack->store = store;
	skafu__buf_init(&repack->bytes, &store->sys, SIZE_MAX / 2);
	skafu__buf_init(&repack->names, &store->sys, SIZE_MAX / 2);
}

void skafu__repack_done(struct skafu__repack *repack)
{
	skafu__buf_done(&repack->bytes);
	skafu__buf_done(&repack->names);
	skafu__free(&repack->store->sys, repack->chunks);
	repack->chunks = NULL;
}

/* ---- plan ---------------------------------------------------------------------------------------------------- */

static int32_t repack_take_names(struct skafu__repack *repack, const struct skafu__commit *commit)
{
	const uint8_t *at = commit->names;
	for (uint32_t i = 0; i < commit->name_count; i++) {
		struct skafu__name_def def;
		const uint8_t *from = at;
		skafu__commit_next_name(&at, &def);
		if (skafu__buf_put(&repack->names, from, (size_t)(at - from)) != 0)
			return SKAFU_ENOMEM;
	}
	return 0;
}

int skafu__repack_is_large(const skafu_store *store, size_t bytes)
{
	return bytes > store->tuning.chunk_bytes / 2;
}

/* A chunk is no smaller than a commit in it. */
int skafu__repack_is_needless(const skafu_store *store, size_t bytes_min, uint64_t names)
{
	return names == 0 && skafu__repack_is_large(store, bytes_min);
}

static int32_t repack_take_chunk(struct skafu__repack *repack, const struct skafu__view *view)
{
	size_t max = repack->store->tuning.chunk_bytes;
	if (repack->count == repack->room) {
		size_t room = repack->room ? repack->room * 2 : 64;
		void *grown = skafu__realloc_array(&repack->store->sys, repack->chunks, room, sizeof *repack->chunks);
		if (!grown)
			return SKAFU_ENOMEM;
		repack->chunks = grown;
		repack->room = room;
	}
	int is_large = skafu__repack_is_large(repack->store, view->chunk_length);
	if (repack->groups == 0 || is_large || repack->group_bytes + view->chunk_length > max) {
		repack->groups++;
		repack->group_bytes = 0;
	}
	repack->chunks[repack->count++] = (struct skafu__repack_chunk){view->chunk_key, repack->bytes.length,
								       view->chunk_length, repack->groups};
	repack->group_bytes = is_large ? max : repack->group_bytes + view->chunk_length;
	if (is_large)
		return 0;
	return skafu__buf_put(&repack->bytes, view->chunk, view->chunk_length) ? SKAFU_ENOMEM : 0;
}

int32_t skafu__repack_plan(struct skafu__repack *repack, struct skafu__view *view, uint64_t after,
			   uint64_t after_sequence, uint64_t last, skafu_error *error)
{
	const uint8_t *seen = NULL;
	int32_t rc = skafu__view_walk(view, after, after_sequence, error);
	while (rc == 0) {
		rc = skafu__view_walk_next(view, error);
		if (rc <= 0)
			return rc;
		if (view->current.number > last)
			return 0;
		rc = repack_take_names(repack, &view->current);
		/* Only chunks whose commits are all folded: the others get their turn. */
		if (rc == 0 && view->chunk != seen && view->chunk_key.last_commit <= last)
			rc = repack_take_chunk(repack, view);
		seen = view->chunk;
		if (rc != 0)
			return skafu__fail_memory(error);
	}
	return rc;
}

/* ---- put ----------------------------------------------------------------------------------------------------- */

static int32_t repack_put_names(const struct skafu__repack *repack, MDB_txn *txn, skafu_error *error)
{
	const uint8_t *at = repack->names.bytes;
	const uint8_t *end = repack->names.length ? at + repack->names.length : at;
	while (at < end) {
		struct skafu__name_def def;
		uint8_t bytes[SKAFU__NAME_KEY_BYTES];
		const uint8_t *from = at;
		skafu__commit_next_name(&at, &def);
		skafu__name_key_encode(bytes, def.set, def.id);
		MDB_val key = {sizeof bytes, bytes};
		MDB_val value = {SKAFU__SEALED_HEAD_BYTES + (size_t)(at - from), NULL};
		int rc = mdb_put(txn, repack->store->env.tables[SKAFU__TABLE_NAME], &key, &value, MDB_RESERVE);
		if (rc != 0)
			return skafu__env_fail(&repack->store->env, rc, "writing names", error);
		skafu__sealed_write(value.mv_data, bytes, sizeof bytes, from, (size_t)(at - from));
	}
	return 0;
}

static int repack_delete(const struct skafu__repack *repack, MDB_txn *txn, const struct skafu__repack_chunk *chunk)
{
	uint8_t bytes[SKAFU__CHUNK_KEY_BYTES];
	skafu__chunk_key_encode(bytes, chunk->key.last_sequence, chunk->key.last_commit);
	MDB_val key = {sizeof bytes, bytes};
	return mdb_del(txn, repack->store->env.tables[SKAFU__TABLE_CHUNK], &key, NULL);
}

/* Chunks first .. end - 1 of one group become one, under the key of the last. */
static int32_t repack_put_group(const struct skafu__repack *repack, MDB_txn *txn, size_t first, size_t end,
				skafu_error *error)
{
	uint8_t bytes[SKAFU__CHUNK_KEY_BYTES];
	size_t length = 0;
	int rc = 0;
	for (size_t i = first; rc == 0 && i < end; i++) {
		length += repack->chunks[i].length;
		rc = repack_delete(repack, txn, &repack->chunks[i]);
	}
	const struct skafu__chunk_key *last = &repack->chunks[end - 1].key;
	skafu__chunk_key_encode(bytes, last->last_sequence, last->last_commit);
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value = {length, repack->bytes.bytes + repack->chunks[first].at};
	if (rc == 0)
		rc = mdb_put(txn, repack->store->env.tables[SKAFU__TABLE_CHUNK], &key, &value, 0);
	return rc ? skafu__env_fail(&repack->store->env, rc, "packing commits", error) : 0;
}

int32_t skafu__repack_put(const struct skafu__repack *repack, MDB_txn *txn, skafu_error *error)
{
	int32_t rc = repack_put_names(repack, txn, error);
	size_t first = 0;
	while (rc == 0 && first < repack->count) {
		size_t end = first + 1;
		while (end < repack->count && repack->chunks[end].group == repack->chunks[first].group)
			end++;
		if (end - first > 1)
			rc = repack_put_group(repack, txn, first, end, error);
		first = end;
	}
	return rc;
}
