#include "store/view.h"

#include <string.h>

#include "base/error.h"
#include "codec/sealed.h"
#include "store/fold.h"
#include "store/manifest_set.h"
#include "store/store.h"

#define VIEW_TAIL_FOLDS 8u
#define VIEW_FETCH_BYTES 512u
#define VIEW_FETCH_AHEAD_BYTES 3072 /* what lies side by side: so far before its turn that memory has answered */
#define VIEW_FOLD_WAIT_NS UINT64_C(200000000) /* readers hardly wait for writers */

/* ---- state --------------------------------------------------------------------------------------------------- */

static int32_t view_load_index(skafu_store *store, MDB_txn *txn, struct skafu__index_state *out, skafu_error *error)
{
	MDB_val key = {5, (void *)(uintptr_t)"index"};
	MDB_val value;
	int rc = mdb_get(txn, store->env.tables[SKAFU__TABLE_META], &key, &value);
	if (rc == MDB_NOTFOUND) {
		memset(out, 0, sizeof *out);
		return 0;
	}
	if (rc != 0)
		return skafu__env_fail(&store->env, rc, "reading the index record", error);
	return skafu__index_state_decode(value.mv_data, value.mv_size, out, error);
}

static int32_t view_damaged_chunk(const struct skafu__chunk_key *key, skafu_error *error)
{
	skafu__fail(error, SKAFU_EDAMAGED,
		    "the chunk of commits up to number %llu (record %llu) is damaged; restore a "
		    "backup, or salvage what is whole",
		    (unsigned long long)key->last_commit, (unsigned long long)key->last_sequence);
	skafu__error_set_sequence(error, key->last_sequence);
	return SKAFU_EDAMAGED;
}

static int32_t view_take_chunk(struct skafu__view *view, const MDB_val *key, const MDB_val *value, skafu_error *error)
{
	view->current.size = 0;
	view->chunk = value->mv_data;
	view->chunk_length = value->mv_size;
	view->commit_at = 0;
	if (!skafu__chunk_key_decode(key->mv_data, key->mv_size, &view->chunk_key)) {
		view->chunk = NULL;
		return skafu__fail(error, SKAFU_EDAMAGED, "a key of the chunk table is damaged; restore a backup, or "
				   "salvage what is whole");
	}
	return 0;
}

/* Move the chunk cursor: 1 when there is a chunk, 0 when not. */
static int32_t view_move(struct skafu__view *view, MDB_val *key, MDB_cursor_op operation, skafu_error *error)
{
	MDB_val value;
	int rc = 0;
	if (!view->chunks)
		rc = mdb_cursor_open(view->txn, view->store->env.tables[SKAFU__TABLE_CHUNK], &view->chunks);
	if (rc == 0)
		rc = mdb_cursor_get(view->chunks, key, &value, operation);
	if (rc == MDB_NOTFOUND) {
		view->chunk = NULL;
		view->current.size = 0;
		return 0;
	}
	if (rc != 0)
		return skafu__env_fail(&view->store->env, rc, "reading the log", error);
	int32_t result = view_take_chunk(view, key, &value, error);
	return result ? result : 1;
}

static int32_t view_load_head(struct skafu__view *view, skafu_error *error)
{
	MDB_val key;
	int32_t rc = view_move(view, &key, MDB_LAST, error);
	if (rc < 0)
		return rc;
	view->head = rc ? view->chunk_key.last_sequence : 0;
	view->commit = rc ? view->chunk_key.last_commit : 0;
	if (view->index.sequence > view->head || view->index.commit > view->commit)
		return skafu__fail(error, SKAFU_EDAMAGED,
				   "the log ends at commit %llu but its index at %llu; restore "
				   "a backup, or salvage what is whole",
				   (unsigned long long)view->commit, (unsigned long long)view->index.commit);
	return 0;
}

/* What is damaged can be made again from the commits, so an open goes on. */
static int32_t view_derived_failed(skafu_store *store, int32_t rc)
{
	if (rc == SKAFU_EDAMAGED)
		atomic_store(&store->index_is_damaged, 1);
	return rc;
}

static int32_t view_load(skafu_store *store, MDB_txn *txn, struct skafu__view *view, skafu_error *error)
{
	memset(view, 0, sizeof *view);
	view->store = store;
	view->txn = txn;
	int32_t rc = view_derived_failed(store, view_load_index(store, txn, &view->index, error));
	return rc ? rc : view_load_head(view, error);
}

static int32_t view_load_commits(skafu_store *store, MDB_txn *txn, struct skafu__view *view, skafu_error *error)
{
	memset(view, 0, sizeof *view);
	view->store = store;
	view->txn = txn;
	int32_t rc = view_load_index(store, txn, &view->index, NULL);
	view->index_is_damaged = rc == SKAFU_EDAMAGED;
	return rc && rc != SKAFU_EDAMAGED ? rc : view_load_head(view, error);
}

static void view_unload(struct skafu__view *view)
{
	if (view->chunks)
		mdb_cursor_close(view->chunks);
	view->chunks = NULL;
}

/* ---- within a chunk ------------------------------------------------------------------------------------------ */

/* Decode the commit at commit_at; the bytes of a chunk end exactly with its last commit.  view->shallow: only as far
 * as reading single records needs. */
static int32_t view_decode_here(struct skafu__view *view, skafu_error *error)
{
	const uint8_t *bytes = view->chunk + view->commit_at;
	size_t length = view->chunk_length - view->commit_at;
	int32_t rc = view->shallow ? skafu__commit_decode_quick(bytes, length, &view->current)
				   : skafu__commit_decode(bytes, length, &view->current);
	if (rc == 0 && view->current.number <= view->chunk_key.last_commit &&
	    skafu__commit_last_sequence(&view->current) <= view->chunk_key.last_sequence)
		return 0;
	view->current.size = 0;
	return view_damaged_chunk(&view->chunk_key, error);
}

/* Step to the next commit of the chunk: 1, or 0 at its end. */
static int32_t view_step_in_chunk(struct skafu__view *view, skafu_error *error)
{
	view->commit_at += view->current.size;
	view->current.size = 0;
	if (view->commit_at >= view->chunk_length)
		return 0;
	int32_t rc = view_decode_here(view, error);
	return rc ? rc : 1;
}

static int view_commit_holds(const struct skafu__view *view, uint64_t sequence)
{
	return view->current.size != 0 && sequence - view->current.first_sequence < view->current.record_count;
}

/* Skip to the commit that holds a sequence by what the commits before it say unchecked: 1, or 0 when that leads
 * nowhere, which may be right or damage. */
static int view_skip_in_chunk(struct skafu__view *view, uint64_t sequence)
{
	size_t at = view->commit_at;
	uint32_t size;
	while ((size = skafu__commit_size_before(view->chunk + at, view->chunk_length - at, sequence)) != 0)
		at += size;
	if (at >= view->chunk_length)
		return 0;
	view->commit_at = at;
	return view_decode_here(view, NULL) == 0 && view_commit_holds(view, sequence);
}

/* The commit of this chunk that holds a sequence, which is not above the chunk's last. */
static int32_t view_find_in_chunk(struct skafu__view *view, uint64_t sequence, skafu_error *error)
{
	if (view->current.size != 0 && view->current.first_sequence > sequence)
		view->commit_at = 0;
	size_t from = view->commit_at;
	if (view_skip_in_chunk(view, sequence))
		return 0;
	view->commit_at = from;
	int32_t rc = view_decode_here(view, error);
	while (rc == 0 &&
	       (view->current.record_count == 0 || skafu__commit_last_sequence(&view->current) < sequence)) {
		rc = view_step_in_chunk(view, error);
		if (rc == 0)
			return view_damaged_chunk(&view->chunk_key, error);
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}

static int view_chunk_may_hold(const struct skafu__view *view, uint64_t sequence)
{
	return view->chunk && view->current.size != 0 && view->current.record_count != 0 &&
	       view->current.first_sequence <= sequence && sequence <= view->chunk_key.last_sequence;
}

static int32_t view_seek_sequence(struct skafu__view *view, uint64_t sequence, skafu_error *error)
{
	uint8_t bytes[SKAFU__CHUNK_KEY_BYTES];
	skafu__chunk_key_encode(bytes, sequence, 0);
	MDB_val key = {sizeof bytes, bytes};
	return view_move(view, &key, MDB_SET_RANGE, error);
}

static int32_t view_damaged_record(uint64_t sequence, skafu_error *error)
{
	skafu__fail(error, SKAFU_EDAMAGED, "record %llu is damaged; restore a backup, or salvage what is whole",
		    (unsigned long long)sequence);
	skafu__error_set_sequence(error, sequence);
	return SKAFU_EDAMAGED;
}

/* The view stands on a commit behind a sequence that no commit seems to hold.  Keys of chunks have no checksum, so a
 * damaged one could hide what its chunk holds: SKAFU_ENOTFOUND when the chunk before ends where its key says. */
static int32_t view_confirm_hole(struct skafu__view *view, uint64_t sequence, skafu_error *error)
{
	MDB_val key;
	uint64_t next = view->current.number;
	uint64_t last = 0;
	int32_t rc = view->commit_at == 0 ? view_move(view, &key, MDB_PREV, error) : 0;
	if (rc <= 0)
		return rc ? rc : SKAFU_ENOTFOUND;
	rc = view_decode_here(view, error) == 0 ? 1 : SKAFU_EDAMAGED;
	while (rc == 1) {
		last = view->current.number;
		rc = view_step_in_chunk(view, error);
	}
	if (rc == 0 && last + 1 != next)
		return view_damaged_record(sequence, error);
	return rc ? rc : SKAFU_ENOTFOUND;
}

/* Go to the commit that holds a sequence; SKAFU_ENOTFOUND without a message when none does. */
static int32_t view_find_sequence(struct skafu__view *view, uint64_t sequence, skafu_error *error)
{
	if (!view_chunk_may_hold(view, sequence)) {
		int32_t rc = view_seek_sequence(view, sequence, error);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return view_damaged_record(sequence, error);
	}
	int32_t rc = view_find_in_chunk(view, sequence, error);
	if (rc != 0)
		return rc;
	return view->current.first_sequence > sequence ? view_confirm_hole(view, sequence, error) : 0;
}

/* Enough of a record for the processor to notice the direction and to fetch the rest by itself. */
void skafu__view_fetch(const struct skafu__view_place *place)
{
	uint32_t end = place->size < VIEW_FETCH_BYTES ? place->size : VIEW_FETCH_BYTES;
	for (uint32_t at = 0; at < end; at += 64)
		__builtin_prefetch(place->bytes + at);
}

/* Always as many bytes: the end of a loop that depends on the size would be guessed wrongly.  The place may lie
 * behind everything that is mapped, since this is only a hint. */
void skafu__view_fetch_beside(const struct skafu__view_place *place, int backward)
{
	uintptr_t here = (uintptr_t)place->bytes;
	uintptr_t at = backward ? here - VIEW_FETCH_AHEAD_BYTES : here + VIEW_FETCH_AHEAD_BYTES;
	for (uint32_t i = 0; i < VIEW_FETCH_BYTES; i += 64)
		__builtin_prefetch((const void *)(at + i));
}

int32_t skafu__view_locate(struct skafu__view *view, uint64_t sequence, struct skafu__view_place *out,
			   skafu_error *error)
{
	if (sequence == 0 || sequence > view->head)
		return SKAFU_ENOTFOUND;
	view->shallow = 1;
	if (!view_commit_holds(view, sequence)) {
		int32_t rc = view_find_sequence(view, sequence, error);
		if (rc != 0)
			return rc;
	}
	uint32_t index = (uint32_t)(sequence - view->current.first_sequence);
	if (skafu__commit_place(&view->current, index, &out->bytes, &out->size) != 0)
		return view_damaged_record(sequence, error);
	out->sequence = sequence;
	out->commit = view->current.number;
	out->recorded_ns = view->current.recorded_ns;
	return 0;
}

int32_t skafu__view_record_copy(const struct skafu__view_place *place, uint8_t *to, struct skafu__record *out,
				skafu_error *error)
{
	if (skafu__commit_record_copy(place->bytes, place->size, place->sequence, to, out) != 0)
		return view_damaged_record(place->sequence, error);
	return 0;
}

int32_t skafu__view_record(struct skafu__view *view, uint64_t sequence, struct skafu__record *out,
			   skafu_error *error)
{
	struct skafu__view_place place;
	int32_t rc = skafu__view_locate(view, sequence, &place, error);
	if (rc != 0)
		return rc;
	skafu__view_fetch(&place);
	if (skafu__commit_record_at(place.bytes, place.size, sequence, SKAFU__CHECK_ALL, out) != 0)
		return view_damaged_record(sequence, error);
	return 0;
}

/* ---- commits ------------------------------------------------------------------------------------------------- */

static int32_t view_seek_commit(struct skafu__view *view, uint64_t number, uint64_t last_sequence, skafu_error *error)
{
	uint8_t bytes[SKAFU__CHUNK_KEY_BYTES];
	skafu__chunk_key_encode(bytes, last_sequence, number);
	MDB_val key = {sizeof bytes, bytes};
	view->shallow = 0;
	int32_t rc = view_move(view, &key, MDB_SET_RANGE, error);
	if (rc <= 0)
		return rc;
	rc = view_decode_here(view, error);
	while (rc == 0 && view->current.number < number) {
		rc = view_step_in_chunk(view, error);
		if (rc == 0)
			return view_damaged_chunk(&view->chunk_key, error);
		rc = rc < 0 ? rc : 0;
	}
	return rc < 0 ? rc : 1;
}

int32_t skafu__view_commit(struct skafu__view *view, uint64_t number, uint64_t last_sequence, skafu_error *error)
{
	int32_t rc = view_seek_commit(view, number, last_sequence, error);
	if (rc < 0)
		return rc;
	if (rc == 1 && view->current.number == number)
		return 0;
	return skafu__fail(error, SKAFU_EDAMAGED, "the index names commit %llu, which is not in the log; reindex the "
			   "store", (unsigned long long)number);
}

int32_t skafu__view_walk(struct skafu__view *view, uint64_t after, uint64_t after_sequence, skafu_error *error)
{
	if (after >= view->commit) {
		view->chunk = NULL;
		return 0;
	}
	int32_t rc = view_seek_commit(view, after + 1, after_sequence, error);
	if (rc < 0)
		return rc;
	if (rc == 0 || view->current.number != after + 1)
		return skafu__fail(error, SKAFU_EDAMAGED, "commit %llu is missing in the log; restore a backup, or "
				   "salvage what is whole", (unsigned long long)after + 1);
	view->current.size = 0; /* the first next() gives it, and looks again where it is */
	return 0;
}

int32_t skafu__view_walk_next(struct skafu__view *view, skafu_error *error)
{
	if (!view->chunk)
		return 0;
	uint64_t before = view->current.size ? view->current.number : 0;
	int32_t rc;
	if (view->current.size == 0) {
		rc = view_decode_here(view, error);
		return rc ? rc : 1;
	}
	rc = view_step_in_chunk(view, error);
	if (rc == 0) {
		MDB_val key;
		rc = view_move(view, &key, MDB_NEXT, error);
		if (rc == 1)
			rc = view_decode_here(view, error) == 0 ? 1 : SKAFU_EDAMAGED;
	}
	if (rc == 1 && view->current.number != before + 1)
		return skafu__fail(error, SKAFU_EDAMAGED, "commit %llu is missing in the log; restore a backup, or "
				   "salvage what is whole", (unsigned long long)before + 1);
	return rc;
}

int32_t skafu__view_last_recorded(struct skafu__view *view, int64_t *out_ns, skafu_error *error)
{
	MDB_val key;
	const struct skafu__overlay *overlay = &view->store->overlay;
	if (overlay->mark_count != 0 && overlay->covered == view->commit) {
		*out_ns = overlay->covered_recorded_ns;
		return 0;
	}
	view->shallow = 1;
	int32_t rc = view_move(view, &key, MDB_LAST, error);
	if (rc <= 0) {
		*out_ns = INT64_MIN;
		return rc;
	}
	rc = view_decode_here(view, error);
	int64_t recorded_ns = INT64_MIN;
	while (rc == 0) {
		recorded_ns = view->current.recorded_ns;
		rc = view_step_in_chunk(view, error);
		if (rc == 0) {
			*out_ns = recorded_ns;
			return 0;
		}
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}

/* ---- the overlay of a view ----------------------------------------------------------------------------------- */

static int32_t view_sink_name(void *user, const struct skafu__name_def *name)
{
	skafu_store *store = user;
	return skafu__names_define(&store->names, name);
}

static int32_t view_sink_entries(void *user, uint32_t dimension, const struct skafu__entry *entries, size_t count)
{
	skafu_store *store = user;
	return skafu__overlay_add_entries(&store->overlay, dimension, entries, count);
}

static int32_t view_sink_event(void *user, const struct skafu__record *record, uint64_t sequence)
{
	skafu_store *store = user;
	(void)sequence;
	int32_t rc = skafu__map_insert(&store->heads, record->stream, record->stream_length, record->stream_version);
	for (int tries = 0; rc == SKAFU_ELIMIT && tries < 2; tries++) {
		/* A cache: it gives up a part, or begins anew, rather than grow. */
		if (tries == 0)
			skafu__map_thin(&store->heads);
		else
			skafu__map_clear(&store->heads);
		rc = skafu__map_insert(&store->heads, record->stream, record->stream_length, record->stream_version);
	}
	return rc < 0 ? rc : 0;
}

static int32_t view_sink_row(void *user, const struct skafu__row_op *row, uint64_t commit)
{
	skafu_store *store = user;
	return skafu__overlay_add_row(&store->overlay, row, commit);
}

int32_t skafu__view_derive(skafu_store *store, const struct skafu__commit *commit, uint64_t *out_damaged)
{
	struct skafu__derive_sink sink = {store, view_sink_name, view_sink_entries, view_sink_event, view_sink_row};
	int32_t rc = skafu__derive(store->format.hash_key, commit, &sink, SKAFU__CHECK_ALL, out_damaged);
	return rc ? rc : skafu__overlay_cover(&store->overlay, commit);
}

int32_t skafu__view_derive_own(skafu_store *store, const struct skafu__commit *commit,
			       const struct skafu__batch_record *made)
{
	struct skafu__derive_sink sink = {store, view_sink_name, view_sink_entries, NULL, view_sink_row};
	int32_t rc = skafu__derive_made(store->format.hash_key, commit, made, &sink);
	return rc ? rc : skafu__overlay_cover(&store->overlay, commit);
}

static int32_t view_load_name(skafu_store *store, const MDB_val *key, const MDB_val *value)
{
	struct skafu__name_def name;
	const uint8_t *at;
	size_t length;
	if (skafu__sealed_read(key->mv_data, key->mv_size, value->mv_data, value->mv_size, &at, &length) != 0)
		return SKAFU_EDAMAGED;
	if (length < SKAFU__NAME_HEADER_BYTES + 2 || length != SKAFU__NAME_HEADER_BYTES + at[1] + 1u)
		return SKAFU_EDAMAGED;
	skafu__commit_next_name(&at, &name);
	return skafu__names_define(&store->names, &name);
}

/* The names of folded commits, from their table: ids ascend within a set, as define demands. */
static int32_t view_load_names(skafu_store *store, MDB_txn *txn, skafu_error *error)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int rc = mdb_cursor_open(txn, store->env.tables[SKAFU__TABLE_NAME], &cursor);
	if (rc != 0)
		return skafu__env_fail(&store->env, rc, "reading the names", error);
	int32_t result = 0;
	while (result == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		result = view_load_name(store, &key, &value);
	mdb_cursor_close(cursor);
	if (result == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (result != 0)
		return skafu__fail(error, SKAFU_EDAMAGED, "the table of names is damaged; reindex the store");
	return rc == MDB_NOTFOUND ? 0 : skafu__env_fail(&store->env, rc, "reading the names", error);
}

static int32_t view_derive_failed(skafu_store *store, const struct skafu__commit *commit, int32_t rc,
				  uint64_t damaged, skafu_error *error)
{
	uint64_t number = commit->number;
	skafu__view_invalidate(store);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (damaged)
		return view_damaged_record(damaged, error);
	return skafu__fail(error, SKAFU_EDAMAGED,
			   "commit %llu contradicts the commits before it; restore a backup, or "
			   "salvage what is whole",
			   (unsigned long long)number);
}

static int32_t view_take_in(skafu_store *store, struct skafu__view *view, skafu_error *error)
{
	int32_t rc = skafu__view_walk(view, store->overlay.covered, store->overlay.covered_sequence, error);
	while (rc == 0) {
		uint64_t damaged = 0;
		rc = skafu__view_walk_next(view, error);
		if (rc <= 0)
			return rc;
		rc = skafu__view_derive(store, &view->current, &damaged);
		if (rc != 0)
			return view_derive_failed(store, &view->current, rc, damaged, error);
	}
	return rc;
}

int32_t skafu__view_refresh(skafu_store *store, MDB_txn *txn, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = view_load(store, txn, &view, error);
	int was_reindexed = rc == 0 && store->overlay.base > view.index.commit;
	if (rc == 0 && (was_reindexed || store->overlay.base < view.index.commit ||
			store->overlay.covered > view.commit)) {
		/* Heads are right only for what was taken in, and nothing of what another process folded was. */
		if (store->overlay.covered > view.commit || store->overlay.covered < view.index.commit)
			skafu__view_invalidate(store);
		rc = view_derived_failed(store, view_load_names(store, txn, error));
		if (rc == 0) /* else the names are asked for again */
			skafu__overlay_reset(&store->overlay, view.index.commit, view.index.sequence);
	}
	if (rc == 0)
		rc = view_derived_failed(store, skafu__manifest_set_load(store, txn, &view.index, error));
	if (rc == 0)
		rc = view_take_in(store, &view, error);
	view_unload(&view);
	return rc;
}

void skafu__view_invalidate(skafu_store *store)
{
	skafu__map_clear(&store->heads);
	skafu__overlay_reset(&store->overlay, 0, 0);
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

static int view_fits(const skafu_store *store, const struct skafu__view *view)
{
	return store->overlay.covered >= view->commit && store->overlay.base <= view->index.commit &&
	       store->manifest->generation == view->index.generation && store->manifest->epoch == view->index.epoch;
}

static int32_t view_catch_up(skafu_store *store, int adopt, skafu_error *error)
{
	MDB_txn *txn;
	pthread_rwlock_wrlock(&store->gate);
	int32_t rc = adopt ? skafu__store_grow_map(store, 1, error) : 0;
	if (rc == 0)
		rc = skafu__env_read_begin(&store->env, &txn, error);
	if (rc == 0) {
		rc = skafu__view_refresh(store, txn, error);
		skafu__env_read_end(&store->env, txn);
	}
	pthread_rwlock_unlock(&store->gate);
	return rc == SKAFU_EMISUSE ? 0 : rc;
}

/* Whether more has to be taken in than the overlay should ever hold: what a reindex or a restore that goes on, or was
 * interrupted, leaves unfolded. */
static int view_tail_is_long(const skafu_store *store, const struct skafu__view *view)
{
	const struct skafu__overlay *overlay = &store->overlay;
	int goes_on = overlay->base <= view->index.commit && overlay->covered >= view->index.commit;
	uint64_t commit = goes_on ? overlay->covered : view->index.commit;
	uint64_t sequence = goes_on ? overlay->covered_sequence : view->index.sequence;
	uint64_t long_tail = VIEW_TAIL_FOLDS * (uint64_t)store->tuning.fold_records;
	return commit <= view->commit && sequence <= view->head &&
	       view->commit - commit + (view->head - sequence) >= long_tail;
}

/* Fold a part of a long tail straight from the log: 1 done, look again; 0 it has to be taken in as it is. */
static int view_shorten_tail(skafu_store *store)
{
	struct skafu_error ignored = {0};
	int64_t deadline = skafu__deadline(&store->sys, VIEW_FOLD_WAIT_NS);
	return !store->read_only && skafu__fold_from_log(store, deadline, &ignored) == 1;
}

int32_t skafu__view_open(skafu_store *store, struct skafu__view *view, skafu_error *error)
{
	for (;;) {
		MDB_txn *txn;
		int is_long = 0;
		pthread_rwlock_rdlock(&store->gate);
		int32_t rc = skafu__env_read_begin(&store->env, &txn, error);
		int adopt = rc == SKAFU_EMISUSE;
		if (rc == 0) {
			rc = view_load(store, txn, view, error);
			if (rc == 0 && view_fits(store, view))
				return 0;
			is_long = rc == 0 && view_tail_is_long(store, view);
			view_unload(view);
			skafu__env_read_end(&store->env, txn);
		}
		pthread_rwlock_unlock(&store->gate);
		if (rc != 0 && !adopt)
			return rc;
		if (is_long && view_shorten_tail(store))
			continue;
		rc = view_catch_up(store, adopt, error);
		if (rc != 0)
			return rc;
	}
}

typedef int32_t (*view_load_fn)(skafu_store *store, MDB_txn *txn, struct skafu__view *view, skafu_error *error);

static int32_t view_open_with(skafu_store *store, view_load_fn load, struct skafu__view *view, skafu_error *error)
{
	for (;;) {
		MDB_txn *txn;
		pthread_rwlock_rdlock(&store->gate);
		int32_t rc = skafu__env_read_begin(&store->env, &txn, error);
		int adopt = rc == SKAFU_EMISUSE;
		if (rc == 0) {
			rc = load(store, txn, view, error);
			if (rc == 0)
				return 0;
			view_unload(view);
			skafu__env_read_end(&store->env, txn);
		}
		pthread_rwlock_unlock(&store->gate);
		if (!adopt)
			return rc;
		pthread_rwlock_wrlock(&store->gate);
		rc = skafu__store_grow_map(store, 1, error);
		pthread_rwlock_unlock(&store->gate);
		if (rc != 0)
			return rc;
	}
}

int32_t skafu__view_open_bare(skafu_store *store, struct skafu__view *view, skafu_error *error)
{
	return view_open_with(store, view_load, view, error);
}

int32_t skafu__view_open_commits(skafu_store *store, struct skafu__view *view, skafu_error *error)
{
	return view_open_with(store, view_load_commits, view, error);
}

void skafu__view_index_or_nothing(skafu_store *store, MDB_txn *txn, struct skafu__index_state *out)
{
	if (view_load_index(store, txn, out, NULL) != 0)
		memset(out, 0, sizeof *out);
}

void skafu__view_close(struct skafu__view *view)
{
	view_unload(view);
	skafu__env_read_end(&view->store->env, view->txn);
	pthread_rwlock_unlock(&view->store->gate);
}

int32_t skafu__view_open_two(skafu_store *one, struct skafu__view *view, skafu_store *other,
			     struct skafu__view *other_view, skafu_error *error)
{
	if ((uintptr_t)one > (uintptr_t)other)
		return skafu__view_open_two(other, other_view, one, view, error);
	int32_t rc = skafu__view_open(one, view, error);
	if (rc != 0)
		return rc;
	rc = skafu__view_open(other, other_view, error);
	if (rc != 0)
		skafu__view_close(view);
	return rc;
}

int32_t skafu__view_of_writer(skafu_store *store, MDB_txn *txn, struct skafu__view *view, skafu_error *error)
{
	int32_t rc = view_load(store, txn, view, error);
	if (rc != 0)
		view_unload(view);
	return rc;
}

void skafu__view_of_writer_done(struct skafu__view *view)
{
	view_unload(view);
}
