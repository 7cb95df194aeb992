/*
 * verify.c: is everything in the log as it should be?
 *
 * One walk over the chunks in short views, so others may write meanwhile: keys of chunks, checksums of commits and
 * records, numbers and sequences without gaps, recorded times that never fall, versions of streams, names; and, when
 * asked for, the hash chain, and everything that is derived (verify_index.h).
 *
 * Memory is bounded: streams and rows are remembered up to a ceiling; when that is reached, the walk is made again
 * for shares of them, each split until it fits.  Damage does not end the walk: it goes on with the next chunk, and no
 * longer expects what only the unreadable part could have told.
 */
#include "store/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "codec/canonical.h"
#include "codec/key.h"
#include "store/chain.h"
#include "store/store.h"
#include "store/verify_index.h"
#include "store/verify_orphan.h"

#define VERIFY_MAP_BYTES (32u << 20)
#define VERIFY_MODULUS_MAX (UINT64_C(1) << 24)
#define VERIFY_SPLIT 4u
#define VERIFY_SHARES_MAX 48u
#define VERIFY_ITEMS_BYTES_MAX (1u << 20) /* looked up before the walk goes on */
#define VERIFY_TOLD_BYTES_MAX (1u << 20)

/* ---- telling ------------------------------------------------------------------------------------------------- */

void skafu__verify_fault(struct skafu__verify *verify, const char *format, ...)
{
	char text[512];
	va_list list;
	verify->report.faults++;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	/* Faults beyond the ceiling are counted all the same. */
	if (verify->tell && skafu__buf_put(&verify->told, text, strlen(text) + 1) != 0)
		verify->told.failed = 0;
}

int32_t skafu__verify_flush(struct skafu__verify *verify)
{
	size_t at = 0;
	while (verify->tell && verify->stopped == 0 && at < verify->told.length) {
		const char *text = (const char *)verify->told.bytes + at;
		verify->stopped = verify->tell(verify->user, verify->commit, verify->up_to, text);
		at += strlen(text) + 1;
	}
	skafu__buf_clear(&verify->told);
	return verify->stopped;
}

static void verify_progress(struct skafu__verify *verify)
{
	if (skafu__verify_flush(verify) == 0 && verify->tell)
		verify->stopped = verify->tell(verify->user, verify->commit, verify->up_to, NULL);
}

int skafu__verify_is_over(const struct skafu__verify *verify)
{
	return verify->stopped != 0 || verify->index_is_lost;
}

/* ---- records ------------------------------------------------------------------------------------------------- */

int skafu__verify_is_mine(const struct skafu__verify *verify, const void *name, size_t length)
{
	return verify->share.modulus == 1 ||
	       skafu__hash64(verify->store->format.hash_key, name, length) % verify->share.modulus ==
		       verify->share.residue;
}

/* Keep a value of this share, or note that the share does not fit. */
static int32_t verify_keep(struct skafu__verify *verify, const struct skafu__record *record)
{
	int32_t rc =
		skafu__map_insert(&verify->streams, record->stream, record->stream_length, record->stream_version);
	if (rc != SKAFU_ELIMIT)
		return rc < 0 ? rc : 0;
	verify->share_is_full = 1;
	verify->share.told_up_to = verify->commit;
	return 0;
}

static int32_t verify_stream(struct skafu__verify *verify, const struct skafu__record *record, uint64_t sequence)
{
	if (verify->share_is_full || !skafu__verify_is_mine(verify, record->stream, record->stream_length))
		return 0;
	const uint64_t *known = skafu__map_find(&verify->streams, record->stream, record->stream_length);
	uint64_t before = known ? *known : 0;
	int is_right = verify->has_hole || verify->has_lost ? record->stream_version > before
							    : record->stream_version == before + 1;
	if (!is_right && verify->commit >= verify->share.told_up_to)
		skafu__verify_fault(verify, "record %llu has version %llu of stream %.*s, which follows version %llu",
				    (unsigned long long)sequence, (unsigned long long)record->stream_version,
				    (int)record->stream_length, record->stream, (unsigned long long)before);
	return verify_keep(verify, record);
}

static void verify_names_of(struct skafu__verify *verify, const struct skafu__record *record, uint64_t sequence)
{
	const struct skafu__names *names = &verify->names;
	if (!verify->is_first || verify->has_hole)
		return;
	if (!skafu__names_text(names, skafu__type_set(record->kind), record->type, NULL) ||
	    !skafu__names_text(names, SKAFU__NAME_DOMAIN, record->source, NULL) ||
	    !skafu__names_text(names, SKAFU__NAME_CONTENT_TYPE, record->content_type, NULL))
		skafu__verify_fault(verify, "record %llu refers to a name that no commit before it defines",
				    (unsigned long long)sequence);
}

/* 1 when all records of a commit could be read. */
static int32_t verify_records(struct skafu__verify *verify, const struct skafu__commit *commit)
{
	int are_whole = 1;
	for (uint32_t i = 0; i < commit->record_count; i++) {
		struct skafu__record record;
		uint64_t sequence = commit->first_sequence + i;
		int32_t rc = 0;
		if (skafu__commit_record(commit, i, SKAFU__CHECK_ALL, &record) != 0) {
			if (verify->is_first)
				skafu__verify_fault(verify, "record %llu (commit %llu) is damaged",
						    (unsigned long long)sequence, (unsigned long long)commit->number);
			are_whole = 0;
			verify->has_hole = 1;
			continue;
		}
		if (record.kind == SKAFU__KIND_LOST) {
			verify->has_lost = 1;
			continue;
		}
		verify_names_of(verify, &record, sequence);
		if (record.kind == SKAFU_KIND_EVENT)
			rc = verify_stream(verify, &record, sequence);
		if (rc != 0)
			return rc;
	}
	return are_whole;
}

/* ---- what follows from a commit ------------------------------------------------------------------------------ */

static int32_t verify_sink_name(void *user, const struct skafu__name_def *name)
{
	struct skafu__verify *verify = user;
	if (!verify->is_first)
		return 0;
	int32_t rc = skafu__names_define(&verify->names, name);
	if (rc == SKAFU_ENOMEM)
		return rc;
	if (rc != 0 && !verify->has_hole)
		skafu__verify_fault(verify, "commit %llu defines name %u of set %u against the commits before it",
				    (unsigned long long)verify->commit, name->id, name->set);
	return 0;
}

static int verify_is_folded(const struct skafu__verify *verify)
{
	return (verify->flags & SKAFU_VERIFY_INDEX) && verify->commit <= verify->goal.commit;
}

static int32_t verify_sink_entries(void *user, uint32_t dimension, const struct skafu__entry *entries, size_t count)
{
	struct skafu__verify *verify = user;
	int32_t rc = 0;
	if (!verify->is_first || !verify_is_folded(verify))
		return 0;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = skafu__verify_add_entry(verify, dimension, &entries[i]);
	return rc;
}

static int32_t verify_sink_row(void *user, const struct skafu__row_op *row, uint64_t commit)
{
	struct skafu__verify *verify = user;
	(void)commit;
	verify->report.rows += verify->is_first ? 1u : 0u;
	if (!verify_is_folded(verify) || verify->share_is_full)
		return 0;
	int32_t rc = skafu__verify_add_row(verify, row);
	if (rc != SKAFU_ELIMIT)
		return rc;
	verify->share_is_full = 1;
	verify->share.told_up_to = verify->commit;
	return 0;
}

/* ---- one commit ---------------------------------------------------------------------------------------------- */

static void verify_order(struct skafu__verify *verify, const struct skafu__commit *commit)
{
	unsigned long long number = commit->number;
	if (commit->number != verify->commit + 1)
		skafu__verify_fault(verify,
				    "commit %llu follows commit %llu: those between are missing, with the records "
				    "from %llu",
				    number, (unsigned long long)verify->commit,
				    (unsigned long long)verify->sequence + 1);
	else if (commit->first_sequence != verify->sequence + 1)
		skafu__verify_fault(verify, "commit %llu begins with record %llu, after record %llu", number,
				    (unsigned long long)commit->first_sequence, (unsigned long long)verify->sequence);
	if (commit->recorded_ns < verify->recorded_ns)
		skafu__verify_fault(verify, "the recorded time falls at commit %llu (record %llu)", number,
				    (unsigned long long)commit->first_sequence);
}

static int32_t verify_chain(struct skafu__verify *verify, const struct skafu__commit *commit)
{
	if (!(verify->flags & SKAFU_VERIFY_CHAIN) || verify->has_hole || commit->number > verify->goal.chained_commit)
		return 0;
	skafu__buf_clear(&verify->scratch);
	int32_t rc = skafu__commit_canonical(commit, skafu__names_of, &verify->names, &verify->scratch);
	if (rc == SKAFU_EDAMAGED)
		return 0; /* a name is missing, which was told */
	if (rc != 0)
		return rc;
	skafu__chain_link(verify->chain, verify->scratch.bytes, verify->scratch.length);
	if (commit->number != verify->goal.chained_commit)
		return 0;
	if (memcmp(verify->chain, verify->goal.chain, SKAFU__CHAIN_BYTES) == 0)
		verify->report.chained_up_to = commit->number;
	else
		skafu__verify_fault(verify,
				    "the hash chain over commits 1 to %llu does not lead to the hash that the "
				    "store keeps: one of them was changed",
				    (unsigned long long)commit->number);
	return 0;
}

/* The index record names commits by number and last sequence. */
static void verify_marks(struct skafu__verify *verify)
{
	const struct skafu__index_state *goal = &verify->goal;
	if (verify->commit <= goal->commit)
		memcpy(verify->folded_names, verify->names.counts, sizeof verify->folded_names);
	if ((verify->commit == goal->commit && verify->sequence != goal->sequence) ||
	    (verify->commit == goal->chained_commit && verify->sequence != goal->chained_sequence))
		skafu__verify_fault(verify,
				    "the index record says that commit %llu ends with another record than %llu",
				    (unsigned long long)verify->commit, (unsigned long long)verify->sequence);
}

static int32_t verify_commit(struct skafu__verify *verify, const struct skafu__commit *commit)
{
	struct skafu__derive_sink sink = {verify, verify_sink_name, verify_sink_entries, NULL, verify_sink_row};
	if (verify->is_first) {
		verify_order(verify, commit);
		verify->report.commits++;
		verify->report.records += commit->record_count;
	}
	verify->commit = commit->number;
	verify->sequence = skafu__commit_last_sequence(commit);
	verify->recorded_ns = commit->recorded_ns;
	/* Names first: the records of a commit refer to those that it defines. */
	const uint8_t *at = commit->names;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < commit->name_count; i++) {
		struct skafu__name_def name;
		skafu__commit_next_name(&at, &name);
		rc = verify_sink_name(verify, &name);
	}
	if (rc == 0)
		rc = verify_records(verify, commit);
	if (rc == 1) {
		sink.name = verify_sink_name; /* known by now, so it only compares */
		rc = skafu__derive(verify->store->format.hash_key, commit, &sink, SKAFU__CHECK_TEXTS, NULL);
	}
	if (rc == 0 && verify->is_first) {
		rc = verify_chain(verify, commit);
		verify_marks(verify);
	}
	return rc;
}

/* ---- one chunk ----------------------------------------------------------------------------------------------- */

static void verify_skip_chunk(struct skafu__verify *verify, const struct skafu__chunk_key *key)
{
	if (verify->is_first)
		skafu__verify_fault(verify,
				    "the chunk of commits %llu to %llu is damaged: records %llu to %llu cannot be "
				    "read",
				    (unsigned long long)verify->commit + 1, (unsigned long long)key->last_commit,
				    (unsigned long long)verify->sequence + 1, (unsigned long long)key->last_sequence);
	verify->has_hole = 1;
	verify->commit = key->last_commit;
	verify->sequence = key->last_sequence;
}

/* Commits that were walked before the chunk was packed with others are left out. */
static int32_t verify_chunk(struct skafu__verify *verify, const struct skafu__chunk_key *key, const MDB_val *value)
{
	const uint8_t *bytes = value->mv_data;
	size_t at = 0;
	while (at < value->mv_size) {
		struct skafu__commit commit;
		if (skafu__commit_decode(bytes + at, value->mv_size - at, &commit) != 0 ||
		    commit.number > key->last_commit) {
			verify_skip_chunk(verify, key);
			return 0;
		}
		at += commit.size;
		int32_t rc = commit.number > verify->commit && commit.number <= verify->up_to
				     ? verify_commit(verify, &commit)
				     : 0;
		if (rc != 0)
			return rc;
	}
	if (verify->commit < verify->up_to &&
	    (verify->commit != key->last_commit || verify->sequence != key->last_sequence))
		verify_skip_chunk(verify, key);
	return 0;
}

static int verify_is_behind(const struct skafu__verify *verify, int64_t until)
{
	return verify->items.length > VERIFY_ITEMS_BYTES_MAX || verify->store->sys.monotonic_ns() > until;
}

/* Walk on from verify->at: 1 there is more, 0 the walk is at its end. */
static int32_t verify_walk_cursor(struct skafu__verify *verify, MDB_cursor *cursor, skafu_error *error)
{
	uint8_t bytes[SKAFU__CHUNK_KEY_BYTES];
	int64_t until = verify->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
	skafu__chunk_key_encode(bytes, verify->at.last_sequence, verify->at.last_commit + 1);
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value;
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && verify->commit < verify->up_to) {
		if (!skafu__chunk_key_decode(key.mv_data, key.mv_size, &verify->at))
			return skafu__fail(error, SKAFU_EDAMAGED,
					   "a key of the chunk table is damaged after commit %llu; "
					   "salvage the store",
					   (unsigned long long)verify->commit);
		int32_t result = verify_chunk(verify, &verify->at, &value);
		if (result != 0)
			return result;
		if (verify_is_behind(verify, until))
			return verify->commit < verify->up_to;
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		return skafu__env_fail(&verify->store->env, rc, "walking the log", error);
	if (rc == MDB_NOTFOUND && verify->is_first && verify->commit < verify->up_to)
		skafu__verify_fault(verify, "the log ends at commit %llu, before commit %llu",
				    (unsigned long long)verify->commit, (unsigned long long)verify->up_to);
	return 0;
}

static int32_t verify_walk_view(struct skafu__verify *verify, skafu_error *error)
{
	struct skafu__view view;
	MDB_cursor *cursor;
	int32_t rc = skafu__view_open_commits(verify->store, &view, error);
	if (rc != 0)
		return rc;
	int opened = mdb_cursor_open(view.txn, verify->store->env.tables[SKAFU__TABLE_CHUNK], &cursor);
	if (opened == 0) {
		rc = verify_walk_cursor(verify, cursor, error);
		mdb_cursor_close(cursor);
	} else {
		rc = skafu__env_fail(&verify->store->env, opened, "walking the log", error);
	}
	skafu__view_close(&view);
	return rc;
}

/* ---- the walk ------------------------------------------------------------------------------------------------ */

static int32_t verify_walk(struct skafu__verify *verify, skafu_error *error)
{
	int32_t rc = 1;
	memset(&verify->at, 0, sizeof verify->at);
	verify->commit = 0;
	verify->sequence = 0;
	verify->recorded_ns = INT64_MIN;
	verify->has_hole = 0;
	verify->has_lost = 0;
	verify->share_is_full = 0;
	skafu__map_clear(&verify->streams);
	skafu__map_clear(&verify->rows);
	while (rc == 1 && verify->stopped == 0) {
		rc = verify_walk_view(verify, error);
		int32_t looked = rc < 0 ? 0 : skafu__verify_lookups(verify, error);
		if (looked < 0)
			return looked;
		verify_progress(verify);
	}
	return rc < 0 ? rc : 0;
}

/* The walk for one share; what does not fit becomes more shares. */
static int32_t verify_share(struct skafu__verify *verify, struct skafu__verify_share *shares, uint32_t *count,
			    skafu_error *error)
{
	verify->share = shares[--*count];
	int32_t rc = verify_walk(verify, error);
	verify->is_first = 0;
	if (rc != 0 || verify->stopped != 0)
		return rc;
	if (!verify->share_is_full) {
		rc = verify->flags & SKAFU_VERIFY_INDEX ? skafu__verify_rows(verify, error) : 0;
		skafu__verify_flush(verify);
		return rc;
	}
	if (verify->share.modulus >= VERIFY_MODULUS_MAX || *count + VERIFY_SPLIT > VERIFY_SHARES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT,
				   "the streams and rows of the log cannot be split finely enough to be "
				   "verified");
	for (uint64_t i = VERIFY_SPLIT; i-- > 0;)
		shares[(*count)++] = (struct skafu__verify_share){verify->share.modulus * VERIFY_SPLIT,
								  verify->share.residue + i * verify->share.modulus,
								  verify->share.told_up_to};
	return 0;
}

static int32_t verify_begin(struct skafu__verify *verify, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open_commits(verify->store, &view, error);
	if (rc != 0)
		return rc;
	verify->goal = view.index;
	verify->up_to = view.commit;
	if (view.index_is_damaged) {
		skafu__verify_fault(verify, "the index record of the store is damaged; reindex the store");
		verify->index_is_lost = 1;
	}
	skafu__view_close(&view);
	verify->is_first = 1;
	skafu__chain_start(verify->store->format.birth, verify->chain);
	return 0;
}

static int32_t verify_all(struct skafu__verify *verify, skafu_error *error)
{
	struct skafu__verify_share shares[VERIFY_SHARES_MAX] = {{1, 0, 0}};
	uint32_t count = 1;
	int32_t rc = verify_begin(verify, error);
	while (rc == 0 && count != 0 && verify->stopped == 0)
		rc = verify_share(verify, shares, &count, error);
	if (rc == 0 && (verify->flags & SKAFU_VERIFY_INDEX) && !skafu__verify_is_over(verify))
		rc = skafu__verify_runs(verify, error);
	if (rc == 0 && (verify->flags & SKAFU_VERIFY_INDEX) && !skafu__verify_is_over(verify))
		rc = skafu__verify_name_table(verify, error);
	if (rc == 0 && (verify->flags & SKAFU_VERIFY_INDEX) && !skafu__verify_is_over(verify))
		rc = skafu__verify_orphans(verify, error);
	skafu__verify_flush(verify);
	if (rc == SKAFU_ENOMEM || rc == SKAFU_ELIMIT)
		return error && error->code == rc ? rc : skafu__fail_memory(error);
	if (rc == 0 && verify->stopped < 0)
		return skafu__fail(error, verify->stopped, "the host stopped the verification at commit %llu",
				   (unsigned long long)verify->commit);
	return rc;
}

int32_t skafu__verify_run(skafu_store *store, uint32_t flags, skafu_verify_fn tell, void *user, uint32_t map_bytes,
			  skafu_verify_report *out_report, skafu_error *error)
{
	struct skafu__verify verify = {.store = store, .tell = tell, .user = user, .flags = flags};
	skafu__buf_init(&verify.told, &store->sys, VERIFY_TOLD_BYTES_MAX);
	skafu__buf_init(&verify.scratch, &store->sys, SIZE_MAX / 2);
	skafu__buf_init(&verify.items, &store->sys, SIZE_MAX / 2);
	skafu__buf_init(&verify.tag_keys, &store->sys, SIZE_MAX / 2);
	skafu__map_init(&verify.streams, &store->sys, map_bytes, 0);
	skafu__map_init(&verify.rows, &store->sys, map_bytes, 0);
	skafu__names_init(&verify.names, &store->sys, 0);
	int32_t rc = verify_all(&verify, error);
	skafu__names_done(&verify.names);
	skafu__map_done(&verify.rows);
	skafu__map_done(&verify.streams);
	skafu__buf_done(&verify.tag_keys);
	skafu__buf_done(&verify.items);
	skafu__buf_done(&verify.scratch);
	skafu__buf_done(&verify.told);
	if (rc != 0)
		return rc;
	verify.report.size = out_report->size;
	memcpy(out_report, &verify.report, out_report->size);
	return 0;
}

int32_t skafu_store_verify(skafu_store *store, uint32_t flags, skafu_verify_fn tell, void *user,
			   skafu_verify_report *out_report, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = skafu__opts_flags(flags, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, "skafu_store_verify", error);
	if (rc == 0 && (!out_report || out_report->size < 8 || out_report->size > sizeof *out_report))
		rc = skafu__fail(error, SKAFU_EOPTION,
				 "out_report is NULL or its size is not sizeof(skafu_verify_report)");
	return rc ? rc : skafu__verify_run(store, flags, tell, user, VERIFY_MAP_BYTES, out_report, error);
}
