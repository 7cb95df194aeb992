/*
 * verify.c: is everything in the log as it should be?
 *
 * One walk over the commits in short views, so others may write meanwhile: checksums of commits and records, numbers
 * and sequences without gaps, recorded times that never fall, versions of streams, and, when asked for, each entry
 * that follows from a folded commit looked up in the index, the sums of both compared, every segment decoded, the
 * folded rows compared with the row operations, and the hash chain computed again.
 *
 * Memory is bounded: what is remembered of streams and rows has a ceiling, and when that is reached the walk is made
 * in several passes, each looking at its share of the names.
 */
#include "skafu_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/opts.h"
#include "codec/canonical.h"
#include "codec/crc32c.h"
#include "codec/hash.h"
#include "store/chain.h"
#include "store/index.h"
#include "store/manifest_set.h"
#include "store/rows.h"
#include "store/store.h"

#define VERIFY_MAP_BYTES (32u << 20)
#define VERIFY_PASSES_MAX 4096u
#define VERIFY_TOLD_BYTES (1u << 20)

struct verify {
	skafu_store *store;
	skafu_verify_fn tell;
	void *user;
	uint32_t flags;
	struct skafu_verify_report report;
	struct skafu__index_state goal; /* as it was at the start */
	uint64_t up_to;                 /* the last commit that is looked at */
	uint64_t commit; /* reached */
	uint64_t sequence;
	int64_t recorded_ns;
	struct skafu__map streams; /* name -> version, of this pass's share */
	struct skafu__map rows;    /* table and key -> checksum of the value, 0 when deleted; of the folded part */
	uint32_t pass;
	uint32_t passes;
	uint64_t entries[SKAFU__DIMS]; /* that follow from folded commits */
	struct skafu__view *view;
	uint8_t chain[SKAFU__CHAIN_BYTES];
	struct skafu__buf scratch;
	struct skafu__buf told; /* faults, each with its NUL, until the view is closed */
	int32_t stopped;        /* what the host's callback said */
};

/* ---- telling ------------------------------------------------------------------------------------------------- */

/* No code of the host runs while a view is open: what there is to say waits until it is closed.  Faults beyond the
 * ceiling of the buffer are counted all the same. */
static void verify_fault(struct verify *verify, const char *text)
{
	verify->report.faults++;
	if (skafu__buf_put(&verify->told, text, strlen(text) + 1) != 0)
		verify->told.failed = 0;
}

static void verify_close(struct verify *verify, struct skafu__view *view)
{
	skafu__view_close(view);
	size_t at = 0;
	while (verify->tell && verify->stopped == 0 && at < verify->told.length) {
		const char *text = (const char *)verify->told.bytes + at;
		verify->stopped = verify->tell(verify->user, verify->commit, verify->up_to, text);
		at += strlen(text) + 1;
	}
	skafu__buf_clear(&verify->told);
	if (verify->tell && verify->stopped == 0)
		verify->stopped = verify->tell(verify->user, verify->commit, verify->up_to, NULL);
}

static void verify_fault_at(struct verify *verify, const char *what, uint64_t number)
{
	char text[160];
	snprintf(text, sizeof text, "%s %" PRIu64, what, number);
	verify_fault(verify, text);
}

/* ---- what follows from a commit ------------------------------------------------------------------------------ */

static int verify_is_mine(const struct verify *verify, const void *name, size_t length)
{
	return verify->passes == 1 ||
	       skafu__hash64(verify->store->format.hash_key, name, length) % verify->passes == verify->pass;
}

static int32_t verify_name(void *user, const struct skafu__name_def *name)
{
	struct verify *verify = user;
	size_t length;
	const char *text = skafu__names_text(&verify->store->names, name->set, name->id, &length);
	if (!text || length != name->length || memcmp(text, name->name, length) != 0)
		verify_fault_at(verify, "the names contradict the definition in commit", verify->commit + 1);
	return 0;
}

/* Each entry must be found in the runs exactly where it belongs. */
static int32_t verify_entry(void *user, uint32_t dimension, const struct skafu__entry *entry)
{
	struct verify *verify = user;
	struct skafu__entry found[4];
	size_t count;
	uint64_t folded = dimension == SKAFU__DIM_COMMIT ? verify->goal.commit : verify->goal.sequence;
	if (!(verify->flags & SKAFU_VERIFY_INDEX) || verify->pass != 0 || entry->position > folded)
		return 0;
	struct skafu__range range = {entry->position, entry->position, 0, UINT64_MAX, 0};
	struct skafu_error error = {0};
	int32_t rc = skafu__index_collect(verify->view, dimension, entry->key, &range, found, 4, &count, &error);
	verify->report.index_entries++;
	verify->entries[dimension]++;
	if (rc == SKAFU_EDAMAGED)
		verify_fault(verify, error.message);
	else if (rc != 0)
		return rc;
	else if (count == 0 || (skafu__dimension_has_extra(dimension) && found[0].extra != entry->extra))
		verify_fault_at(verify, "the index lacks an entry of record or commit", entry->position);
	return 0;
}

static int32_t verify_event(void *user, const struct skafu__record *record, uint64_t sequence)
{
	struct verify *verify = user;
	if (!verify_is_mine(verify, record->stream, record->stream_length))
		return 0;
	const uint64_t *known = skafu__map_find(&verify->streams, record->stream, record->stream_length);
	if (record->stream_version != (known ? *known : 0) + 1)
		verify_fault_at(verify, "a stream's versions have a gap or repeat at record", sequence);
	int32_t rc =
		skafu__map_insert(&verify->streams, record->stream, record->stream_length, record->stream_version);
	return rc < 0 ? rc : 0;
}

static int32_t verify_row(void *user, const struct skafu__row_op *row, uint64_t commit)
{
	struct verify *verify = user;
	uint8_t key[SKAFU__ROW_KEY_BYTES_MAX];
	size_t length = skafu__row_key_encode(key, row->table, row->key, row->key_length);
	verify->report.rows += verify->pass == 0;
	if (!(verify->flags & SKAFU_VERIFY_INDEX) || commit > verify->goal.commit ||
	    !verify_is_mine(verify, key, length))
		return 0;
	uint64_t sum = 0;
	if (row->operation == SKAFU__ROW_PUT)
		sum = UINT64_C(1) << 32 | skafu__crc32c(0, row->value, row->value_length);
	int32_t rc = skafu__map_insert(&verify->rows, key, length, sum);
	return rc < 0 ? rc : 0;
}

/* ---- one commit ---------------------------------------------------------------------------------------------- */

static void verify_order(struct verify *verify, const struct skafu__commit *commit)
{
	if (commit->number != verify->commit + 1)
		verify_fault_at(verify, "a commit is missing before commit", commit->number);
	if (commit->first_sequence != verify->sequence + 1)
		verify_fault_at(verify, "the sequences have a gap at commit", commit->number);
	if (commit->recorded_ns < verify->recorded_ns)
		verify_fault_at(verify, "the recorded time falls at commit", commit->number);
}

static int32_t verify_chain(struct verify *verify, const struct skafu__commit *commit, skafu_error *error)
{
	if (!(verify->flags & SKAFU_VERIFY_CHAIN) || verify->pass != 0 ||
	    commit->number > verify->goal.chained_commit)
		return 0;
	int32_t rc = skafu__chain_take(verify->store, verify->chain, commit, &verify->scratch, error);
	if (rc != 0)
		return rc == SKAFU_EDAMAGED ? 0 : rc; /* the damage is told by its own check */
	if (commit->number != verify->goal.chained_commit)
		return 0;
	verify->report.chained_up_to = commit->number;
	if (memcmp(verify->chain, verify->goal.chain, SKAFU__CHAIN_BYTES) != 0)
		verify_fault_at(verify, "the hash chain does not lead to the hash that the store keeps at commit",
				commit->number);
	return 0;
}

static int32_t verify_commit(struct verify *verify, const struct skafu__commit *commit, skafu_error *error)
{
	struct skafu__derive_sink sink = {verify, verify_name, verify_entry, verify_event, verify_row};
	uint64_t damaged = 0;
	verify_order(verify, commit);
	int32_t rc = skafu__derive(verify->store->format.hash_key, commit, &sink, 1, &damaged);
	if (rc == SKAFU_EDAMAGED && damaged != 0) {
		verify_fault_at(verify, "the checksum is wrong of record", damaged);
		rc = 0;
	}
	if (rc == 0)
		rc = verify_chain(verify, commit, error);
	verify->commit = commit->number;
	verify->sequence = skafu__commit_last_sequence(commit);
	verify->recorded_ns = commit->recorded_ns;
	if (verify->pass == 0) {
		verify->report.commits++;
		verify->report.records += commit->record_count;
	}
	return rc;
}

/* ---- the walk ------------------------------------------------------------------------------------------------ */

/* 1 there is more, 0 the end of this pass. */
static int32_t verify_walk_view(struct verify *verify, struct skafu__view *view, skafu_error *error)
{
	struct skafu_error own = {0};
	int64_t until = verify->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
	verify->view = view;
	int32_t rc = skafu__view_walk(view, verify->commit, verify->sequence, &own);
	while (rc == 0 && verify->commit < verify->up_to && verify->stopped == 0) {
		rc = skafu__view_walk_next(view, &own);
		if (rc != 1)
			break;
		rc = verify_commit(verify, &view->current,
				   error); /* looks into the index only, so the walk stands still */
		if (rc == 0 && verify->store->sys.monotonic_ns() > until)
			return 1;
	}
	if (rc == SKAFU_EDAMAGED && own.code != 0) {
		verify_fault(verify, own.message); /* nothing behind a damaged chunk can be walked to */
		return 0;
	}
	return rc < 0 ? rc : 0;
}

static int32_t verify_pass(struct verify *verify, skafu_error *error)
{
	int32_t rc = 1;
	verify->commit = 0;
	verify->sequence = 0;
	verify->recorded_ns = INT64_MIN;
	skafu__map_clear(&verify->streams);
	skafu__map_clear(&verify->rows);
	while (rc == 1 && verify->stopped == 0) {
		struct skafu__view view;
		rc = skafu__view_open(verify->store, &view, error);
		if (rc != 0)
			return rc;
		rc = verify_walk_view(verify, &view, error);
		verify_close(verify, &view);
	}
	return rc < 0 ? rc : 0;
}

/* ---- the index by itself ------------------------------------------------------------------------------------- */

static void verify_run(struct verify *verify, struct skafu__view *view, struct skafu__run *run)
{
	for (uint32_t i = 0; i < run->info.segment_count && verify->stopped == 0; i++) {
		struct skafu__segment segment;
		struct skafu_error error = {0};
		int32_t rc = skafu__run_segment(verify->store, view->txn, run, i, &segment, &error);
		if (rc == 0)
			rc = skafu__segment_open(&segment, segment.bytes, segment.length, SKAFU__SEGMENT_DEEP,
						 &error);
		if (rc != 0)
			verify_fault(verify, error.message);
	}
}

/* Every entry of a commit was found; so when the counts agree too, the index has nothing that no commit has.  A tag
 * that an event has twice is one entry, so tags are left out. */
static void verify_counts(struct verify *verify, const struct skafu__view *view, const uint64_t entries[SKAFU__DIMS])
{
	if (view->index.commit != verify->goal.commit || verify->stopped != 0)
		return;
	for (uint32_t dimension = 1; dimension < SKAFU__DIMS; dimension++)
		if (dimension != SKAFU__DIM_TAG && entries[dimension] != verify->entries[dimension])
			verify_fault_at(verify, "the index has other entries than the commits make in dimension",
					dimension);
}

/* The view is the store's current one, so the set is that of its generation. */
static int32_t verify_runs(struct verify *verify, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(verify->store, &view, error);
	if (rc != 0)
		return rc;
	const struct skafu__manifest_set *set = verify->store->manifest;
	uint64_t entries[SKAFU__DIMS] = {0};
	for (uint32_t i = 0; i < set->count; i++) {
		verify_run(verify, &view, set->runs[i]);
		entries[set->runs[i]->info.dimension] += set->runs[i]->info.entry_count;
	}
	verify_counts(verify, &view, entries);
	verify_close(verify, &view);
	return 0;
}

/* Rows that were changed after the folds that were walked are not compared. */
static int verify_row_is_newer(const struct skafu__view *view, const struct verify *verify)
{
	return view->index.commit != verify->goal.commit;
}

static int32_t verify_rows(struct verify *verify, skafu_error *error)
{
	struct skafu__map_entry entry;
	struct skafu__view view;
	size_t at = 0;
	int32_t rc = skafu__view_open(verify->store, &view, error);
	if (rc != 0)
		return rc;
	int newer = verify_row_is_newer(&view, verify);
	while (!newer && skafu__map_next(&verify->rows, &at, &entry) && verify->stopped == 0) {
		struct skafu_error own = {0};
		struct skafu__row_value value = {0};
		MDB_val key = {entry.key_length, (void *)(uintptr_t)entry.key};
		MDB_val bytes;
		int found = mdb_get(view.txn, verify->store->env.tables[SKAFU__TABLE_ROW], &key, &bytes) == 0;
		if (found && skafu__rows_open_folded(&key, &bytes, &value, &own) != 0)
			verify_fault(verify, own.message);
		else if (found != (entry.value != 0) ||
			 (found && (UINT64_C(1) << 32 | skafu__crc32c(0, value.bytes, value.length)) != entry.value))
			verify_fault(verify, "a folded row is not what the commits make of it; reindex the store");
	}
	verify_close(verify, &view);
	return 0;
}

/* ---- all ----------------------------------------------------------------------------------------------------- */

static int32_t verify_begin(struct verify *verify, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(verify->store, &view, error);
	if (rc != 0)
		return rc;
	verify->goal = view.index;
	verify->up_to = view.commit;
	verify_close(verify, &view);
	skafu__chain_start(verify->store->format.birth, verify->chain);
	return 0;
}

/* Passes are repeated with smaller shares when a share does not fit. */
static int32_t verify_passes(struct verify *verify, skafu_error *error)
{
	int32_t rc = 0;
	verify->passes = 1;
	for (verify->pass = 0; rc == 0 && verify->pass < verify->passes && verify->stopped == 0; verify->pass++) {
		struct skafu_verify_report before = verify->report;
		rc = verify_pass(verify, error);
		if (rc == SKAFU_ELIMIT && verify->passes < VERIFY_PASSES_MAX) {
			verify->report = before;
			memset(verify->entries, 0, sizeof verify->entries);
			skafu__chain_start(verify->store->format.birth, verify->chain);
			verify->passes *= 4;
			verify->pass = UINT32_MAX; /* begin again */
			rc = 0;
			continue;
		}
		if (rc == 0 && (verify->flags & SKAFU_VERIFY_INDEX))
			rc = verify_rows(verify, error);
	}
	return rc;
}

static int32_t verify_all(struct verify *verify, skafu_error *error)
{
	int32_t rc = verify_begin(verify, error);
	if (rc == 0)
		rc = verify_passes(verify, error);
	if (rc == 0 && (verify->flags & SKAFU_VERIFY_INDEX) && verify->stopped == 0)
		rc = verify_runs(verify, error);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (rc == 0 && verify->stopped < 0)
		return skafu__fail(error, verify->stopped, "the host stopped the verification");
	return rc;
}

int32_t skafu_store_verify(skafu_store *store, uint32_t flags, skafu_verify_fn tell, void *user,
			   skafu_verify_report *out_report, skafu_error *error)
{
	struct verify verify = {.store = store, .tell = tell, .user = user, .flags = flags};
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = skafu__opts_flags(flags, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, "skafu_store_verify", error);
	if (rc == 0 && (!out_report || out_report->size < 8 || out_report->size > sizeof verify.report))
		rc = skafu__fail(error, SKAFU_EOPTION,
				 "out_report is NULL or its size is not sizeof(skafu_verify_report)");
	if (rc != 0)
		return rc;
	skafu__buf_init(&verify.scratch, &store->sys, SIZE_MAX / 2);
	skafu__buf_init(&verify.told, &store->sys, VERIFY_TOLD_BYTES);
	skafu__map_init(&verify.streams, &store->sys, VERIFY_MAP_BYTES, 0);
	skafu__map_init(&verify.rows, &store->sys, VERIFY_MAP_BYTES, 0);
	rc = verify_all(&verify, error);
	skafu__buf_done(&verify.scratch);
	skafu__buf_done(&verify.told);
	skafu__map_done(&verify.streams);
	skafu__map_done(&verify.rows);
	if (rc == 0) {
		verify.report.size = out_report->size;
		memcpy(out_report, &verify.report, out_report->size);
	}
	return rc;
}
