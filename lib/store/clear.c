#include "store/clear.h"

#include <string.h>

#include "base/error.h"
#include "store/hidden.h"
#include "store/install.h"
#include "store/store.h"

/* A step ends when it has taken so long, since its view holds the gate, or has so much to write, since others wait
 * for that and the file may grow by some of these before what was freed is used.  One chunk may be larger. */
#define CLEAR_TIME_NS 20000000
#define CLEAR_STEP_BYTES (1u << 20)

/* ---- a commit ------------------------------------------------------------------------------------------------ */

/* 1: the payload was left out. */
static int32_t clear_record(struct skafu__view *view, uint32_t index, struct skafu__rewrite *rewrite,
			    skafu_error *error)
{
	struct skafu__record record;
	uint64_t sequence = view->current.first_sequence + index;
	if (skafu__commit_record(&view->current, index, 1, &record) != 0)
		return skafu__fail(error, SKAFU_EDAMAGED,
				   "record %llu is damaged; restore a backup, or salvage what is whole",
				   (unsigned long long)sequence);
	int32_t rc = skafu__hidden_payload(view, sequence, &record, error);
	if (rc < 0)
		return rc;
	const uint8_t *bytes = (const uint8_t *)record.stream - SKAFU__RECORD_HEADER_BYTES;
	int32_t put = rc ? skafu__rewrite_erase(rewrite, &record, sequence)
			 : skafu__rewrite_keep(rewrite, bytes, record.size);
	return put ? skafu__fail_memory(error) : rc;
}

int32_t skafu__clear_commit(struct skafu__view *view, struct skafu__rewrite *rewrite, struct skafu__buf *out,
			    skafu_error *error)
{
	const struct skafu__commit *commit = &view->current;
	int32_t left_out = 0;
	skafu__rewrite_begin(rewrite);
	for (uint32_t i = 0; skafu__hidden_is_in_use(view->store) && i < commit->record_count; i++) {
		int32_t rc = clear_record(view, i, rewrite, error);
		if (rc < 0)
			return rc;
		left_out |= rc;
	}
	int32_t rc;
	if (left_out) {
		struct skafu__rewrite_part names;
		struct skafu__rewrite_part rows;
		struct skafu__commit_head head = {.number = commit->number, .first_sequence = commit->first_sequence,
						  .recorded_ns = commit->recorded_ns, .id = commit->id};
		skafu__rewrite_parts(commit, &names, &rows);
		rc = skafu__rewrite_end(rewrite, &head, &names, &rows, out);
	} else {
		rc = skafu__buf_put(out, commit->bytes, commit->size);
	}
	return rc ? skafu__fail_memory(error) : left_out;
}

/* ---- plan ---------------------------------------------------------------------------------------------------- */

struct clear_chunk {
	struct skafu__chunk_key key;
	size_t at; /* in bytes */
	size_t length;
};

struct clear_plan {
	skafu_store *store;
	struct skafu__rewrite rewrite;
	struct skafu__buf bytes;
	struct skafu__buf chunks; /* struct clear_chunk, one after another */
	struct skafu__index_state before;
	struct skafu__index_state after;
};

static void clear_plan_init(struct clear_plan *plan, skafu_store *store)
{
	memset(plan, 0, sizeof *plan);
	plan->store = store;
	skafu__rewrite_init(&plan->rewrite, &store->sys);
	skafu__buf_init(&plan->bytes, &store->sys, SIZE_MAX / 2);
	skafu__buf_init(&plan->chunks, &store->sys, SIZE_MAX / 2);
}

static void clear_plan_done(struct clear_plan *plan)
{
	skafu__rewrite_done(&plan->rewrite);
	skafu__buf_done(&plan->bytes);
	skafu__buf_done(&plan->chunks);
}

/* The next commit of the chunk that the view is in. */
static int32_t clear_next_commit(struct skafu__view *view, uint64_t last_commit, skafu_error *error)
{
	int32_t rc = skafu__view_walk_next(view, error);
	if (rc == 0)
		return skafu__fail(error, SKAFU_EDAMAGED, "the chunk of commit %llu ends before it; restore a "
				   "backup, or salvage what is whole", (unsigned long long)last_commit);
	return rc < 0 ? rc : 0;
}

/* The whole chunk that the view has come to, without what may not be seen: 1 something was left out, 0 it is the
 * same.  What lies before the commit that the view stands on was looked at before. */
static int32_t clear_copy_chunk(struct clear_plan *plan, struct skafu__view *view, skafu_error *error)
{
	uint64_t last_commit = view->chunk_key.last_commit;
	int32_t left_out = 0;
	if (skafu__buf_put(&plan->bytes, view->chunk, view->commit_at) != 0)
		return skafu__fail_memory(error);
	for (;;) {
		int32_t rc = skafu__clear_commit(view, &plan->rewrite, &plan->bytes, error);
		if (rc < 0)
			return rc;
		left_out |= rc;
		if (view->current.number == last_commit)
			return left_out;
		rc = clear_next_commit(view, last_commit, error);
		if (rc != 0)
			return rc;
	}
}

/* The chunk that the view has come to goes into the plan when it changes, and counts as cleared. */
static int32_t clear_take_chunk(struct clear_plan *plan, struct skafu__view *view, skafu_error *error)
{
	struct clear_chunk chunk = {.key = view->chunk_key, .at = plan->bytes.length};
	int32_t changes = clear_copy_chunk(plan, view, error);
	if (changes < 0)
		return changes;
	chunk.length = plan->bytes.length - chunk.at;
	if (!changes)
		plan->bytes.length = chunk.at;
	else if (skafu__buf_put(&plan->chunks, &chunk, sizeof chunk) != 0)
		return skafu__fail_memory(error);
	plan->after.cleared_commit = chunk.key.last_commit;
	plan->after.cleared_sequence = chunk.key.last_sequence;
	return 0;
}

/* 1 there is more, 0 this was all that is folded. */
static int32_t clear_walk(struct clear_plan *plan, struct skafu__view *view, skafu_error *error)
{
	int64_t until = plan->store->sys.monotonic_ns() + CLEAR_TIME_NS;
	int32_t rc = skafu__view_walk(view, plan->after.cleared_commit, plan->after.cleared_sequence, error);
	while (rc == 0) {
		rc = skafu__view_walk_next(view, error);
		if (rc <= 0)
			return rc;
		if (view->chunk_key.last_commit > plan->before.commit)
			return 0;
		rc = clear_take_chunk(plan, view, error);
		if (rc == 0 && (plan->bytes.length > CLEAR_STEP_BYTES || plan->store->sys.monotonic_ns() > until))
			return 1;
	}
	return rc;
}

static int32_t clear_make(struct clear_plan *plan, struct skafu__view *view, skafu_error *error)
{
	uint64_t count;
	int32_t rc = skafu__hidden_count(view, &count, error);
	plan->before = plan->after = view->index;
	if (rc != 0 || count == 0)
		return rc;
	if (plan->after.cleared_count == 0)
		plan->after.cleared_count = count;
	rc = clear_walk(plan, view, error);
	if (rc == 0 && plan->after.cleared_count != count) {
		/* What was hidden since this way began may lie behind us. */
		plan->after.cleared_count = count;
		plan->after.cleared_commit = plan->after.cleared_sequence = 0;
		rc = 1;
	}
	return rc;
}

/* ---- install ------------------------------------------------------------------------------------------------- */

static int32_t clear_put(void *user, MDB_txn *txn, skafu_error *error)
{
	const struct clear_plan *plan = user;
	for (size_t at = 0; at < plan->chunks.length; at += sizeof(struct clear_chunk)) {
		struct clear_chunk chunk;
		uint8_t bytes[SKAFU__CHUNK_KEY_BYTES];
		memcpy(&chunk, plan->chunks.bytes + at, sizeof chunk);
		skafu__chunk_key_encode(bytes, chunk.key.last_sequence, chunk.key.last_commit);
		MDB_val key = {sizeof bytes, bytes};
		MDB_val value = {chunk.length, plan->bytes.bytes + chunk.at};
		int rc = mdb_put(txn, plan->store->env.tables[SKAFU__TABLE_CHUNK], &key, &value, 0);
		if (rc != 0)
			return skafu__env_fail(&plan->store->env, rc, "clearing payloads", error);
	}
	int32_t rc = plan->chunks.length ? skafu__flush_wipe(&plan->store->env.flush, error) : 0;
	return rc ? rc : skafu__index_put(plan->store, txn, &plan->before, &plan->after, error);
}

static int clear_moved(const struct clear_plan *plan)
{
	return plan->after.cleared_commit != plan->before.cleared_commit ||
	       plan->after.cleared_count != plan->before.cleared_count;
}

int32_t skafu__clear_step(skafu_store *store, int64_t deadline, skafu_error *error)
{
	struct clear_plan plan;
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	clear_plan_init(&plan, store);
	rc = clear_make(&plan, &view, error);
	skafu__view_close(&view);
	if (rc >= 0 && clear_moved(&plan)) {
		int32_t result = skafu__install_run(store, &plan.before, clear_put, &plan, deadline, error);
		rc = result ? result : rc; /* 1 also when somebody else was faster: look again */
	}
	clear_plan_done(&plan);
	return rc;
}
