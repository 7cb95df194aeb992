#include "store/lineage.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/opts.h"
#include "codec/canonical.h"
#include "codec/crc32c.h"
#include "store/chain.h"
#include "store/store.h"
#include "store/view.h"
#include "store/writelock.h"

#define LINEAGE_MAGIC 0x4e4c4b53u
#define LINEAGE_VERSION 1u
#define LINEAGE_HEADER_BYTES 16u
#define LINEAGE_ENTRY_BYTES 88u
#define LINEAGE_VIEW_NS 20000000
#define LINEAGE_LOCK_WAIT_NS UINT64_C(10000000000)

/* ---- bytes --------------------------------------------------------------------------------------------------- */

size_t skafu__lineage_encode(const struct skafu__lineage *lineage, uint8_t out[SKAFU__LINEAGE_BYTES_MAX])
{
	uint8_t *at = out + LINEAGE_HEADER_BYTES;
	skafu__store_u32(out, LINEAGE_MAGIC);
	skafu__store_u32(out + 4, LINEAGE_VERSION);
	skafu__store_u32(out + 8, lineage->count);
	skafu__store_u32(out + 12, 0);
	for (uint32_t i = 0; i < lineage->count; i++, at += LINEAGE_ENTRY_BYTES) {
		const struct skafu_lineage *entry = &lineage->entries[i];
		memcpy(at, entry->birth, 16);
		memcpy(at + 16, entry->incarnation, 16);
		skafu__store_u64(at + 32, entry->sequence);
		skafu__store_u64(at + 40, entry->commit);
		memcpy(at + 48, entry->chain, 32);
		skafu__store_u64(at + 80, (uint64_t)entry->made_ns);
	}
	skafu__store_u32(at, skafu__crc32c(0, out, (size_t)(at - out)));
	return (size_t)(at - out) + 4;
}

static int lineage_is_whole(const uint8_t *at, size_t length)
{
	if (length < LINEAGE_HEADER_BYTES + 4 || skafu__load_u32(at) != LINEAGE_MAGIC ||
	    skafu__load_u32(at + 4) != LINEAGE_VERSION || skafu__load_u32(at + 8) > SKAFU__LINEAGE_MAX)
		return 0;
	return length == LINEAGE_HEADER_BYTES + LINEAGE_ENTRY_BYTES * skafu__load_u32(at + 8) + 4 &&
	       skafu__load_u32(at + length - 4) == skafu__crc32c(0, at, length - 4);
}

int32_t skafu__lineage_decode(const void *bytes, size_t length, struct skafu__lineage *out, skafu_error *error)
{
	const uint8_t *at = bytes;
	if (!lineage_is_whole(at, length))
		return skafu__fail(error, SKAFU_EDAMAGED,
			       "the lineage record of the store is damaged; the log is not, "
				   "so make another copy of it");
	out->count = skafu__load_u32(at + 8);
	at += LINEAGE_HEADER_BYTES;
	for (uint32_t i = 0; i < out->count; i++, at += LINEAGE_ENTRY_BYTES) {
		struct skafu_lineage *entry = &out->entries[i];
		memset(entry, 0, sizeof *entry);
		entry->size = sizeof *entry;
		memcpy(entry->birth, at, 16);
		memcpy(entry->incarnation, at + 16, 16);
		entry->sequence = skafu__load_u64(at + 32);
		entry->commit = skafu__load_u64(at + 40);
		memcpy(entry->chain, at + 48, 32);
		entry->made_ns = (int64_t)skafu__load_u64(at + 80);
	}
	return 0;
}

/* ---- the record ---------------------------------------------------------------------------------------------- */

static MDB_val lineage_key(void)
{
	return (MDB_val){7, (void *)(uintptr_t)"lineage"};
}

int32_t skafu__lineage_load(skafu_store *store, struct skafu__lineage *out, skafu_error *error)
{
	struct skafu__view view;
	MDB_val key = lineage_key();
	MDB_val value;
	int32_t rc = skafu__view_open_bare(store, &view, error);
	if (rc != 0)
		return rc;
	int found = mdb_get(view.txn, store->env.tables[SKAFU__TABLE_META], &key, &value);
	out->count = 0;
	if (found == 0)
		rc = skafu__lineage_decode(value.mv_data, value.mv_size, out, error);
	else if (found != MDB_NOTFOUND)
		rc = skafu__env_fail(&store->env, found, "reading the lineage record", error);
	skafu__view_close(&view);
	return rc;
}

static int32_t lineage_write(skafu_store *to, const uint8_t *bytes, size_t length, skafu_error *error)
{
	MDB_txn *txn;
	MDB_val key = lineage_key();
	MDB_val value = {length, (void *)(uintptr_t)bytes};
	int32_t rc = skafu__env_write_begin(&to->env, &txn, error);
	if (rc != 0)
		return rc;
	int put = mdb_put(txn, to->env.tables[SKAFU__TABLE_META], &key, &value, 0);
	if (put != 0) {
		mdb_txn_abort(txn);
		return skafu__env_fail(&to->env, put, "writing the lineage record", error);
	}
	return skafu__env_write_commit(&to->env, txn, error);
}

static int32_t lineage_put(skafu_store *to, const struct skafu__lineage *lineage, skafu_error *error)
{
	uint8_t bytes[SKAFU__LINEAGE_BYTES_MAX];
	size_t length = skafu__lineage_encode(lineage, bytes);
	int32_t rc = skafu__writelock_take(to, skafu__deadline(&to->sys, LINEAGE_LOCK_WAIT_NS), error);
	if (rc != 0)
		return rc;
	rc = lineage_write(to, bytes, length, error);
	while (rc == SKAFU_EFULL && (rc = skafu__store_grow_at_gate(to, 0, error)) == 0)
		rc = lineage_write(to, bytes, length, error);
	if (rc == SKAFU_EUNKNOWN)
		skafu__control_poison(&to->control);
	skafu__writelock_release(to);
	return rc;
}

/* ---- the chain hash ------------------------------------------------------------------------------------------ */

/* Go on from *state to a commit, in short views.  1: there is more to do. */
static int32_t lineage_chain_round(skafu_store *from, struct skafu__index_state *state, uint64_t commit,
				   struct skafu__buf *scratch, skafu_error *error)
{
	struct skafu__view view;
	int64_t until = from->sys.monotonic_ns() + LINEAGE_VIEW_NS;
	int32_t rc = skafu__view_open(from, &view, error);
	if (rc != 0)
		return rc;
	rc = skafu__view_walk(&view, state->chained_commit, state->chained_sequence, error);
	while (rc == 0 && state->chained_commit < commit) {
		rc = skafu__view_walk_next(&view, error);
		if (rc == 1)
			rc = skafu__chain_take(from, state->chain, &view.current, scratch, error);
		if (rc != 0)
			break;
		state->chained_commit = view.current.number;
		state->chained_sequence = skafu__commit_last_sequence(&view.current);
		rc = from->sys.monotonic_ns() > until;
	}
	skafu__view_close(&view);
	return rc < 0 ? rc : state->chained_commit < commit;
}

/* Start from the hash that upkeep has come to, or the last copy had, when that is not beyond. */
static void lineage_chain_start(const skafu_store *from, const struct skafu__lineage *before, uint64_t commit,
				struct skafu__index_state *state)
{
	const struct skafu_lineage *last = &before->entries[0];
	if (state->chained_commit != 0 && state->chained_commit <= commit)
		return;
	state->chained_commit = 0;
	state->chained_sequence = 0;
	skafu__chain_start(from->format.birth, state->chain);
	if (before->count == 0 || memcmp(last->incarnation, from->format.incarnation, 16) != 0 ||
	    last->commit > commit || last->commit == 0)
		return;
	state->chained_commit = last->commit;
	state->chained_sequence = last->sequence;
	memcpy(state->chain, last->chain, SKAFU__CHAIN_BYTES);
}

static int32_t lineage_chain(skafu_store *from, const struct skafu__lineage *before, uint64_t commit,
			     uint8_t chain[SKAFU__CHAIN_BYTES], skafu_error *error)
{
	struct skafu__view view;
	struct skafu__buf scratch;
	int32_t rc = skafu__view_open(from, &view, error);
	if (rc != 0)
		return rc;
	struct skafu__index_state state = view.index;
	skafu__view_close(&view);
	lineage_chain_start(from, before, commit, &state);
	skafu__buf_init(&scratch, &from->sys, SIZE_MAX / 2);
	do
		rc = lineage_chain_round(from, &state, commit, &scratch, error);
	while (rc == 1);
	skafu__buf_done(&scratch);
	if (rc == 0)
		memcpy(chain, state.chain, SKAFU__CHAIN_BYTES);
	return rc;
}

/* ---- making it ----------------------------------------------------------------------------------------------- */

static int lineage_has(const struct skafu__lineage *lineage, const uint8_t incarnation[16])
{
	for (uint32_t i = 0; i < lineage->count; i++)
		if (memcmp(lineage->entries[i].incarnation, incarnation, 16) == 0)
			return 1;
	return 0;
}

/* Add an ancestor, cut to what the copy has of the history. */
static void lineage_add(struct skafu__lineage *lineage, const struct skafu_lineage *entry, uint64_t commit,
			uint64_t sequence)
{
	if (lineage->count == SKAFU__LINEAGE_MAX || lineage_has(lineage, entry->incarnation))
		return;
	struct skafu_lineage *added = &lineage->entries[lineage->count++];
	*added = *entry;
	if (added->sequence > sequence)
		added->sequence = sequence;
	if (added->commit > commit) {
		added->commit = commit;
		memset(added->chain, 0, sizeof added->chain);
	}
}

/* A record that is damaged says nothing, and a lineage may say less than there was: it keeps nobody from a copy. */
static int32_t lineage_load_known(skafu_store *store, struct skafu__lineage *out, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = skafu__lineage_load(store, out, &own);
	if (rc == SKAFU_EDAMAGED) {
		out->count = 0;
		return 0;
	}
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}

int32_t skafu__lineage_store(skafu_store *to, skafu_store *from, uint64_t commit, uint64_t sequence,
			     skafu_error *error)
{
	struct skafu__lineage before;
	struct skafu__lineage beyond;
	struct skafu__lineage after = {0};
	struct skafu_lineage nearest = {.size = sizeof nearest, .sequence = sequence, .commit = commit,
					.made_ns = to->format.created_ns};
	memcpy(nearest.birth, from->format.birth, 16);
	memcpy(nearest.incarnation, from->format.incarnation, 16);
	int32_t rc = lineage_load_known(to, &before, error);
	if (rc == 0)
		rc = lineage_load_known(from, &beyond, error);
	if (rc == 0)
		rc = lineage_chain(from, &before, commit, nearest.chain, error);
	if (rc != 0)
		return rc;
	lineage_add(&after, &nearest, commit, sequence);
	for (uint32_t i = 0; i < beyond.count; i++)
		lineage_add(&after, &beyond.entries[i], commit, sequence);
	for (uint32_t i = 0; i < before.count; i++)
		lineage_add(&after, &before.entries[i], commit, sequence);
	return lineage_put(to, &after, error);
}

/* ---- asking -------------------------------------------------------------------------------------------------- */

int32_t skafu_store_lineage(skafu_store *store, uint32_t index, skafu_lineage *out_lineage, skafu_error *error)
{
	struct skafu__lineage lineage;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && !out_lineage)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_lineage is NULL");
	if (rc == 0)
		rc = skafu__lineage_load(store, &lineage, error);
	if (rc != 0)
		return rc;
	if (index >= lineage.count)
		return skafu__fail(error, SKAFU_ENOTFOUND, "the store knows of %u stores that it was copied from",
				   lineage.count);
	return skafu__opts_write(out_lineage, &lineage.entries[index], sizeof lineage.entries[index], "skafu_lineage",
				 error);
}

static int32_t lineage_stale(const skafu_store *store, const uint8_t incarnation[16], uint64_t sequence,
			     uint64_t shared, skafu_error *error)
{
	char own[SKAFU_ID_TEXT_BYTES];
	char other[SKAFU_ID_TEXT_BYTES];
	skafu_id_format(store->format.incarnation, own);
	skafu_id_format(incarnation, other);
	skafu__fail(error, SKAFU_ESTALE,
		    "record %llu was seen in incarnation %s, of which this store, incarnation %s, has the "
		    "records up to %llu; begin again from there",
		    (unsigned long long)sequence, other, own, (unsigned long long)shared);
	skafu__error_set_sequence(error, shared);
	return SKAFU_ESTALE;
}

int32_t skafu_store_check_position(skafu_store *store, const uint8_t incarnation[16], uint64_t sequence,
				   skafu_error *error)
{
	struct skafu__lineage lineage;
	uint64_t shared = 0;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && !incarnation)
		rc = skafu__fail(error, SKAFU_EINVAL, "incarnation is NULL");
	if (rc != 0)
		return rc;
	if (memcmp(incarnation, store->format.incarnation, 16) == 0) {
		rc = skafu_store_head(store, &shared, error);
	} else {
		rc = skafu__lineage_load(store, &lineage, error);
		for (uint32_t i = 0; rc == 0 && i < lineage.count; i++)
			if (memcmp(lineage.entries[i].incarnation, incarnation, 16) == 0)
				shared = lineage.entries[i].sequence;
	}
	if (rc != 0 || sequence <= shared)
		return rc;
	return lineage_stale(store, incarnation, sequence, shared, error);
}
