#include "store/writer.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/key.h"
#include "store/hidden.h"
#include "store/index.h"
#include "store/judge.h"
#include "store/repack.h"
#include "store/store.h"

#define WRITER_CLOCK_SLACK_NS (INT64_C(3600) * 1000000000)
#define WRITER_FETCH_AHEAD 8 /* records between the fetch of a head's slot, that of its key, and their use */

/* ---- begin and end ------------------------------------------------------------------------------------------- */

static int32_t writer_open_txn(struct skafu__writer *writer, skafu_error *error)
{
	skafu_store *store = writer->store;
	int32_t rc = skafu__env_write_begin(&store->env, &writer->txn, error);
	if (rc != SKAFU_EMISUSE)
		return rc;
	rc = skafu__store_grow_map(store, 1, error);
	return rc ? rc : skafu__env_write_begin(&store->env, &writer->txn, error);
}

int32_t skafu__writer_begin(struct skafu__writer *writer, skafu_store *store, skafu_error *error)
{
	memset(writer, 0, sizeof *writer);
	writer->store = store;
	skafu__buf_init(&writer->chunk, &store->sys, SIZE_MAX / 2);
	int32_t rc = writer_open_txn(writer, error);
	if (rc == 0)
		rc = skafu__view_refresh(store, writer->txn, error);
	if (rc == 0)
		rc = skafu__view_of_writer(store, writer->txn, &writer->view, error);
	if (rc == 0)
		rc = skafu__view_last_recorded(&writer->view, &writer->last_recorded_ns, error);
	if (rc != 0) {
		skafu__writer_abort(writer);
		skafu__writer_done(writer);
		return rc;
	}
	writer->head = writer->view.head;
	writer->commit = writer->view.commit;
	writer->now_ns = store->sys.wall_ns();
	memcpy(writer->name_counts, store->names.counts, sizeof writer->name_counts);
	return 0;
}

/* Records that a reader was lent point to their names.  When nobody can write any more, names too many do no harm. */
void skafu__writer_forget(struct skafu__writer *writer)
{
	if (!writer->is_unknown)
		skafu__names_truncate(&writer->store->names, writer->name_counts);
	skafu__view_invalidate(writer->store);
}

void skafu__writer_abort(struct skafu__writer *writer)
{
	if (!writer->txn)
		return;
	skafu__view_of_writer_done(&writer->view);
	mdb_txn_abort(writer->txn);
	writer->txn = NULL;
	if (writer->commits_added != 0 || writer->is_broken)
		skafu__writer_forget(writer);
}

void skafu__writer_done(struct skafu__writer *writer)
{
	skafu__buf_done(&writer->chunk);
}

/* ---- putting chunks ------------------------------------------------------------------------------------------ */

/* What was put is there for readers of the transaction. */
static void writer_was_put(struct skafu__writer *writer)
{
	writer->view.head = writer->head;
	writer->view.commit = writer->commit;
	writer->view.chunk = NULL; /* the page it was on may have moved */
	writer->view.current.size = 0;
}

int32_t skafu__writer_put(struct skafu__writer *writer, skafu_error *error)
{
	uint8_t bytes[SKAFU__CHUNK_KEY_BYTES];
	if (writer->chunk.length == 0)
		return 0;
	skafu__chunk_key_encode(bytes, writer->head, writer->commit);
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value = {writer->chunk.length, writer->chunk.bytes};
	int rc = skafu__env_append(&writer->store->env, writer->txn, &key, &value);
	writer->is_broken |= rc != 0;
	if (rc != 0)
		return skafu__env_fail(&writer->store->env, rc, "writing the log", error);
	skafu__buf_clear(&writer->chunk);
	writer_was_put(writer);
	return 0;
}

int32_t skafu__writer_record(struct skafu__writer *writer, uint64_t sequence, struct skafu__record *out,
			     skafu_error *error)
{
	if (sequence > writer->view.head) {
		int32_t rc = skafu__writer_put(writer, error);
		if (rc != 0)
			return rc;
	}
	return skafu__view_record(&writer->view, sequence, out, error);
}

int32_t skafu__writer_stream_version(struct skafu__writer *writer, const char *stream, size_t length,
				     uint64_t *out_version, skafu_error *error)
{
	uint64_t sequence;
	const uint64_t *known = skafu__map_find(&writer->store->heads, stream, length);
	if (known) {
		*out_version = *known;
		return 0;
	}
	int32_t rc = skafu__writer_put(writer, error); /* what waits may hold the stream's newest event */
	if (rc == 0)
		rc = skafu__index_stream_head(&writer->view, stream, length, out_version, &sequence, error);
	return rc;
}

/* ---- encoding ------------------------------------------------------------------------------------------------ */

static int32_t writer_check_owner(const struct skafu__writer *writer, const skafu_batch *batch, uint32_t index,
				  skafu_error *error)
{
	const struct skafu__batchname *name = &batch->names.list[index];
	const struct skafu__names *names = &writer->store->names;
	uint32_t owner = skafu__names_owner(names, SKAFU__NAME_TYPE, name->id);
	if (name->owner == 0 || owner == 0)
		return 0;
	uint32_t given = name->owner & ~SKAFU__NAME_IS_LOCAL;
	if (batch->names.list[given].id == owner)
		return 0;
	return skafu__fail(error, SKAFU_EDEFINITION, "type %s belongs to domain %s, so domain %s cannot emit it",
			   skafu__batch_name_text(batch, index),
			   skafu__names_text(names, SKAFU__NAME_DOMAIN, owner, NULL),
			   skafu__batch_name_text(batch, given));
}

static struct skafu__name_def writer_name_def(const skafu_batch *batch, uint32_t index)
{
	const struct skafu__batchname *name = &batch->names.list[index];
	struct skafu__name_def def = {.set = name->set, .length = name->length, .id = name->id};
	if (name->owner != 0)
		def.owner = batch->names.list[name->owner & ~SKAFU__NAME_IS_LOCAL].id;
	def.name = skafu__batch_name_text(batch, index);
	return def;
}

/* The id of a name in the store, or 0.  In a batch that is filled again it mostly has one from before, which holds
 * when the store has the same text there. */
static uint32_t writer_find_name(const struct skafu__names *names, const struct skafu__batchname *name,
				 const char *text)
{
	size_t length;
	const char *known = skafu__names_text(names, name->set, name->id, &length);
	if (known && length == name->length && memcmp(known, text, length) == 0)
		return name->id;
	return skafu__names_find(names, name->set, text, name->length);
}

/* Give every name of the batch its id; new ones are defined at once.  A type's domain stands before it. */
static int32_t writer_resolve_names(struct skafu__writer *writer, skafu_batch *batch, skafu_error *error)
{
	struct skafu__names *names = &writer->store->names;
	for (uint32_t i = 0; i < batch->names.count; i++) {
		struct skafu__batchname *name = &batch->names.list[i];
		const char *text = skafu__batch_name_text(batch, i);
		if (!skafu__batchnames_is_used(&batch->names, i))
			continue;
		name->id = writer_find_name(names, name, text);
		int32_t rc = name->id ? writer_check_owner(writer, batch, i, error) : 0;
		if (rc != 0)
			return rc;
		if (name->id != 0)
			continue;
		name->id = names->counts[name->set] + 1;
		struct skafu__name_def def = writer_name_def(batch, i);
		rc = skafu__names_define(names, &def);
		if (rc == SKAFU_ELIMIT)
			return skafu__fail(error, rc,
					   "the store has %u names of this kind, which is the most it takes",
					   SKAFU__NAMES_MAX);
		if (rc != 0)
			return skafu__fail_memory(error);
	}
	return 0;
}

static int writer_is_new_name(const skafu_batch *batch, uint32_t index, const uint32_t counts[SKAFU__NAME_SETS])
{
	return skafu__batchnames_is_used(&batch->names, index) &&
	       batch->names.list[index].id > counts[batch->names.list[index].set];
}

struct writer_layout {
	uint32_t name_count;
	size_t names_bytes;
	size_t rows_bytes;
	size_t records_offset;
	size_t size;
};

static void writer_measure(const skafu_batch *batch, const uint32_t counts[SKAFU__NAME_SETS],
			   struct writer_layout *out)
{
	memset(out, 0, sizeof *out);
	for (uint32_t i = 0; i < batch->names.count; i++) {
		if (!writer_is_new_name(batch, i, counts))
			continue;
		out->name_count++;
		out->names_bytes += SKAFU__NAME_HEADER_BYTES + batch->names.list[i].length + 1u;
	}
	for (uint32_t i = 0; i < batch->row_count; i++)
		out->rows_bytes += SKAFU__ROW_HEADER_BYTES + batch->rows[i].key_length +
				   (size_t)batch->rows[i].value_length;
	out->records_offset = SKAFU__COMMIT_HEADER_BYTES + (size_t)batch->record_count * 4 + out->names_bytes +
			      out->rows_bytes;
	out->size = out->records_offset + batch->records.length;
}

static uint8_t *writer_fill_rows(const skafu_batch *batch, uint8_t *to)
{
	for (uint32_t i = 0; i < batch->row_count; i++) {
		const struct skafu__batch_row *given = &batch->rows[i];
		const uint8_t *key = batch->texts.bytes + given->at;
		struct skafu__row_op row = {.table = batch->names.list[given->table & ~SKAFU__NAME_IS_LOCAL].id,
					    .operation = given->operation, .key_length = given->key_length,
					    .value_length = given->value_length, .key = key,
					    .value = key + given->key_length};
		to = skafu__row_op_write(to, &row);
	}
	return to;
}

static void writer_fill_front(const skafu_batch *batch, const uint32_t counts[SKAFU__NAME_SETS], uint8_t *to)
{
	uint32_t end = 0;
	uint8_t *at = to + SKAFU__COMMIT_HEADER_BYTES;
	for (uint32_t i = 0; i < batch->record_count; i++, at += 4) {
		end += batch->index[i].size;
		skafu__store_u32(at, end);
	}
	for (uint32_t i = 0; i < batch->names.count; i++) {
		if (!writer_is_new_name(batch, i, counts))
			continue;
		struct skafu__name_def def = writer_name_def(batch, i);
		at = skafu__name_def_write(at, &def);
	}
	writer_fill_rows(batch, at);
}

static void writer_patch_name(const skafu_batch *batch, uint8_t *at)
{
	skafu__store_u32(at, batch->names.list[skafu__load_u32(at) & ~SKAFU__NAME_IS_LOCAL].id);
}

struct writer_commit {
	uint8_t *bytes;
	uint8_t *records;
	uint8_t key[SKAFU__CHUNK_KEY_BYTES];
	int is_by_itself; /* it is a value of its own, under this key, and is where LMDB writes it from */
	uint64_t first_sequence;
	int64_t recorded_ns;
	uint64_t stream_version;
	int clock_is_behind;
};

/* What the store adds to a record of a batch: 1, or 0 when its stream's head is not known. */
static int writer_fill_in(const struct skafu__writer *writer, const skafu_batch *batch, uint32_t index,
			  struct writer_commit *commit)
{
	const struct skafu__batch_record *place = &batch->index[index];
	uint8_t *record = skafu__batch_record_bytes(batch, index);
	writer_patch_name(batch, record + SKAFU__RECORD_AT_TYPE);
	writer_patch_name(batch, record + SKAFU__RECORD_AT_SOURCE);
	writer_patch_name(batch, record + SKAFU__RECORD_AT_CONTENT_TYPE);
	if (record[SKAFU__RECORD_AT_KIND] == SKAFU_KIND_EVENT) {
		if (!place->head)
			return 0;
		commit->stream_version = ++*place->head;
		skafu__store_u64(record + SKAFU__RECORD_AT_STREAM_VERSION, commit->stream_version);
	}
	if (!(place->flags & SKAFU__BATCH_TIME_GIVEN))
		skafu__store_u64(record + SKAFU__RECORD_AT_TIME, (uint64_t)writer->now_ns);
	if (commit->clock_is_behind)
		record[SKAFU__RECORD_AT_FLAGS] |= SKAFU_RECORD_CLOCK_BEHIND;
	return 1;
}

/* A record is copied once, together with its CRC, so it is finished in the batch; and then made again what it was,
 * since the batch may be appended once more. */
static void writer_finish_record(struct skafu__writer *writer, const skafu_batch *batch, uint32_t index,
				 struct writer_commit *commit)
{
	uint8_t before[SKAFU__RECORD_AT_ID];
	const struct skafu__batch_record *place = &batch->index[index];
	uint8_t *record = skafu__batch_record_bytes(batch, index);
	memcpy(before, record, sizeof before);
	if (writer_fill_in(writer, batch, index, commit))
		skafu__record_copy_sealed(commit->records + place->at, record, place->size,
					  commit->first_sequence + index);
	else
		writer->is_broken = 1;
	memcpy(record, before, sizeof before);
}

static int64_t writer_recorded(const struct skafu__writer *writer)
{
	return writer->now_ns > writer->last_recorded_ns ? writer->now_ns : writer->last_recorded_ns;
}

/* The last time is what a file says, and may be any. */
static int writer_clock_is_behind(const struct skafu__writer *writer)
{
	return writer->last_recorded_ns >= INT64_MIN + WRITER_CLOCK_SLACK_NS &&
	       writer->now_ns < writer->last_recorded_ns - WRITER_CLOCK_SLACK_NS;
}

static int32_t writer_place_by_itself(struct skafu__writer *writer, const skafu_batch *batch, size_t size,
				      struct writer_commit *commit, skafu_error *error)
{
	skafu__chunk_key_encode(commit->key, writer->head + batch->record_count, writer->commit + 1);
	MDB_val key = {sizeof commit->key, commit->key};
	MDB_val value = {size, NULL};
	int rc = skafu__env_reserve(&writer->store->env, writer->txn, &key, &value);
	writer->is_broken |= rc != 0;
	if (rc != 0)
		return skafu__env_fail(&writer->store->env, rc, "writing the log", error);
	commit->bytes = value.mv_data;
	commit->is_by_itself = 1;
	return 0;
}

/* Where the commit is encoded: behind those that wait, or, when no fold would put it into a chunk with others, where
 * LMDB will write it from. */
static int32_t writer_place(struct skafu__writer *writer, const skafu_batch *batch, size_t size,
			    struct writer_commit *commit, skafu_error *error)
{
	if (writer->chunk.length == 0 && skafu__repack_is_large(writer->store, size))
		return writer_place_by_itself(writer, batch, size, commit, error);
	commit->bytes = skafu__buf_reserve(&writer->chunk, size);
	return commit->bytes ? 0 : skafu__fail_memory(error);
}

static int32_t writer_encode(struct skafu__writer *writer, skafu_batch *batch, const struct writer_layout *layout,
			     const uint32_t counts[SKAFU__NAME_SETS], struct writer_commit *commit,
			     skafu_error *error)
{
	int32_t rc = writer_place(writer, batch, layout->size, commit, error);
	if (rc != 0)
		return rc;
	uint8_t *to = commit->bytes;
	struct skafu__commit_head head = {.size = (uint32_t)layout->size, .record_count = batch->record_count,
					  .row_count = batch->row_count, .name_count = layout->name_count,
					  .records_offset = (uint32_t)layout->records_offset,
					  .number = writer->commit + 1, .first_sequence = writer->head + 1,
					  .recorded_ns = writer_recorded(writer), .id = batch->id};
	skafu__commit_write_head(to, &head);
	writer_fill_front(batch, counts, to);
	commit->records = to + layout->records_offset;
	commit->first_sequence = head.first_sequence;
	commit->recorded_ns = head.recorded_ns;
	commit->clock_is_behind = writer_clock_is_behind(writer);
	for (uint32_t i = 0; i < batch->record_count; i++)
		writer_finish_record(writer, batch, i, commit);
	skafu__commit_seal(to);
	return writer->is_broken ? skafu__fail(error, SKAFU_EINTERNAL,
					       "the head of a stream is missing; please report "
					       "this")
				 : 0;
}

/* ---- heads of streams ---------------------------------------------------------------------------------------- */

/* The head of the stream of a record, by way of the log when the cache does not have it: 1 and it came into the cache
 * now, which may have moved those that were found before. */
static int32_t writer_load_head(struct skafu__writer *writer, struct skafu__batch_record *place, const char *stream,
				size_t length, skafu_error *error)
{
	uint64_t version;
	place->head = skafu__map_find_hashed(&writer->store->heads, place->stream_hash, stream, length);
	if (place->head)
		return 0;
	int32_t rc = skafu__writer_stream_version(writer, stream, length, &version, error);
	return rc ? rc : skafu__map_insert(&writer->store->heads, stream, length, version);
}

static void writer_fetch_heads(const struct skafu__writer *writer, const skafu_batch *batch, uint32_t index)
{
	const struct skafu__map *heads = &writer->store->heads;
	if (index + 2 * WRITER_FETCH_AHEAD < batch->record_count)
		skafu__map_prefetch(heads, batch->index[index + 2 * WRITER_FETCH_AHEAD].stream_hash);
	if (index + WRITER_FETCH_AHEAD < batch->record_count)
		skafu__map_prefetch_key(heads, batch->index[index + WRITER_FETCH_AHEAD].stream_hash);
}

/* 1 when all heads are in the cache but some came just now, so that not every record knows where its own is. */
static int32_t writer_load_heads_once(struct skafu__writer *writer, const skafu_batch *batch, skafu_error *error)
{
	int32_t came = 0;
	for (uint32_t i = 0; i < batch->record_count; i++) {
		const uint8_t *record = skafu__batch_record_bytes(batch, i);
		writer_fetch_heads(writer, batch, i);
		if (record[SKAFU__RECORD_AT_KIND] != SKAFU_KIND_EVENT)
			continue;
		int32_t rc = writer_load_head(writer, &batch->index[i],
					      (const char *)record + SKAFU__RECORD_HEADER_BYTES,
					      record[SKAFU__RECORD_AT_STREAM_LENGTH], error);
		if (rc < 0)
			return rc;
		came |= rc;
	}
	return came;
}

static int32_t writer_load_heads_whole(struct skafu__writer *writer, const skafu_batch *batch, skafu_error *error)
{
	int32_t rc = writer_load_heads_once(writer, batch, error);
	return rc == 1 ? writer_load_heads_once(writer, batch, error) : rc;
}

/* Have the head of every stream that the batch writes to in the cache, and let every event know where, so that
 * encoding cannot fail.  A cache that is full gives up a part of it, and all of it when that was too little: the
 * first time, what the batch needs may have been in that part. */
static int32_t writer_load_heads(struct skafu__writer *writer, const skafu_batch *batch, skafu_error *error)
{
	int32_t rc = writer_load_heads_whole(writer, batch, error);
	if (rc == SKAFU_ELIMIT) {
		skafu__map_thin(&writer->store->heads);
		rc = writer_load_heads_whole(writer, batch, error);
	}
	if (rc == SKAFU_ELIMIT) {
		skafu__map_clear(&writer->store->heads);
		rc = writer_load_heads_whole(writer, batch, error);
	}
	if (rc == SKAFU_ELIMIT)
		return skafu__fail(error, SKAFU_ELIMIT,
				   "the batch writes to more streams than cache_bytes_max has room "
				   "for; append it in several, or raise the limit");
	return rc == SKAFU_ENOMEM ? skafu__fail_memory(error) : rc;
}

/* ---- add ----------------------------------------------------------------------------------------------------- */

/* What was encoded is part of the transaction, or of the chunk that will be. */
static void writer_keep(struct skafu__writer *writer, struct writer_commit *made, size_t size)
{
	if (!made->is_by_itself) {
		skafu__buf_commit(&writer->chunk, size);
		return;
	}
	MDB_val key = {sizeof made->key, made->key};
	MDB_val value = {size, made->bytes};
	skafu__env_reserved(&writer->store->env, &key, &value);
	writer_was_put(writer);
}

/* Take what was just encoded into the overlay, and count it. */
static int32_t writer_accept(struct skafu__writer *writer, const skafu_batch *batch,
			     const struct writer_layout *layout, struct writer_commit *made,
			     struct skafu_appended *out, skafu_error *error)
{
	struct skafu__commit commit;
	writer->is_broken = 1; /* until it is all in */
	int32_t rc = skafu__commit_decode(made->bytes, layout->size, &commit);
	if (rc == 0)
		rc = skafu__view_derive_own(writer->store, &commit, batch->index);
	if (rc == SKAFU_EDAMAGED)
		return skafu__fail(error, SKAFU_EINTERNAL, "the commit that was just encoded does not decode; please "
				   "report this");
	if (rc != 0)
		return skafu__fail_memory(error);
	writer->is_broken = 0;
	writer->commits_added++;
	writer->commit++;
	writer->head += batch->record_count;
	writer_keep(writer, made, layout->size);
	writer->last_recorded_ns = made->recorded_ns;
	*out = (struct skafu_appended){.size = sizeof *out, .commit = writer->commit,
				       .stream_version = made->stream_version, .recorded_ns = made->recorded_ns};
	if (batch->record_count != 0) {
		out->first_sequence = made->first_sequence;
		out->last_sequence = writer->head;
	}
	return 0;
}

static int writer_needs_all_put(const struct skafu__writer *writer, const skafu_batch *batch)
{
	if (!batch->id_is_new || batch->attempted || skafu__map_count(&batch->id_index) != 0)
		return 1;
	if (batch->hides || skafu__hidden_is_in_use(writer->store))
		return 1;
	for (uint32_t i = 0; i < batch->condition_count; i++)
		if (batch->conditions[i].kind != SKAFU__CONDITION_STREAM)
			return 1;
	return 0;
}

static int32_t writer_judge(struct skafu__writer *writer, skafu_batch *batch, struct skafu_appended *out,
			    skafu_error *error)
{
	/* The judge reads records; those that wait in the chunk are put first so that it finds them. */
	if (writer->chunk.length != 0 && writer_needs_all_put(writer, batch)) {
		int32_t rc = skafu__writer_put(writer, error);
		if (rc != 0)
			return rc;
	}
	return skafu__judge(writer, batch, out, error);
}

/* Names of a refused batch are taken back; `counts` are those before it. */
static int32_t writer_refuse(struct skafu__writer *writer, const uint32_t counts[SKAFU__NAME_SETS], int32_t rc)
{
	skafu__names_truncate(&writer->store->names, counts);
	return rc;
}

static int32_t writer_prepare(struct skafu__writer *writer, skafu_batch *batch,
			      const uint32_t counts[SKAFU__NAME_SETS], struct writer_layout *layout,
			      skafu_error *error)
{
	skafu__batch_hash_streams(batch);
	int32_t rc = writer_resolve_names(writer, batch, error);
	if (rc == 0)
		rc = writer_load_heads(writer, batch, error);
	if (rc != 0)
		return rc;
	writer_measure(batch, counts, layout);
	if (layout->size > writer->store->opts.batch_bytes_max)
		return skafu__fail(error, SKAFU_ELIMIT, "the commit would have %zu bytes; at most %u are allowed: "
				   "append it in several batches", layout->size, writer->store->opts.batch_bytes_max);
	if (writer->chunk.length != 0 && writer->chunk.length + layout->size > writer->store->tuning.chunk_bytes)
		return skafu__writer_put(writer, error);
	return 0;
}

int32_t skafu__writer_add(struct skafu__writer *writer, skafu_batch *batch, struct skafu_appended *out,
			  skafu_error *error)
{
	uint32_t counts[SKAFU__NAME_SETS];
	struct writer_layout layout;
	struct writer_commit commit = {0};
	memcpy(counts, writer->store->names.counts, sizeof counts);
	int32_t rc = writer_judge(writer, batch, out, error);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = writer_prepare(writer, batch, counts, &layout, error);
	if (rc != 0)
		return writer_refuse(writer, counts, rc);
	rc = writer_encode(writer, batch, &layout, counts, &commit, error);
	if (rc != 0)
		return writer_refuse(writer, counts, rc);
	return writer_accept(writer, batch, &layout, &commit, out, error);
}

int32_t skafu__writer_commit(struct skafu__writer *writer, skafu_error *error)
{
	skafu_store *store = writer->store;
	skafu__view_of_writer_done(&writer->view);
	MDB_txn *txn = writer->txn;
	writer->txn = NULL;
	skafu__control_begin_commit(&store->control);
	int32_t rc = skafu__env_append_commit(&store->env, txn, error);
	writer->is_unknown = rc == SKAFU_EUNKNOWN;
	if (writer->is_unknown)
		skafu__control_poison(&store->control);
	skafu__control_end_commit(&store->control);
	return rc;
}
