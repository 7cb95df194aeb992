/*
 * append.c: callers, and the groups in which they reach the disk.
 *
 * A flush costs the same for one commit and for a hundred, so callers who come at the same time share one.  Each
 * puts a request into the queue; the one who finds the queue empty leads: it takes the commit lock (waiting while
 * the group before is flushed), lingers a moment for the company that the last group had, takes the whole queue,
 * writes it, and wakes each follower through a futex word of its own.  No thread of the library is needed.
 *
 * Who completes what: a request is in the queue, or in the hands of a leader, or done.  A caller whose deadline
 * passes takes its request out of the queue itself; once a leader has it, it waits for the result, however long the
 * flush takes, since the outcome would be unknown otherwise.  A leader that gives up hands the lead to the next in
 * the queue.
 */
#include "skafu_store.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/batch.h"
#include "store/fold.h"
#include "store/index.h"
#include "store/judge.h"
#include "store/orphan.h"
#include "store/published.h"
#include "store/store.h"
#include "store/writelock.h"
#include "store/writer.h"

#define APPEND_BATCHES_MAX 65536u
#define APPEND_LINGER_DIVISOR 4
#define APPEND_SETTLE_NS UINT64_C(10000000000)

enum append_phase { APPEND_WAITING = 0, APPEND_LEADING = 1, APPEND_DONE = 2 };

struct skafu__request {
	struct skafu__request *next;
	skafu_batch *const *batches;
	int32_t *results;
	struct skafu_appended *outcomes;
	struct skafu_error *errors; /* one for each batch */
	uint32_t count;
	uint32_t taken; /* a leader has it */
	int64_t deadline;
	_Atomic uint32_t phase; /* futex word */
};

/* ---- the queue ----------------------------------------------------------------------------------------------- */

/* 1 when the queue was empty: the caller leads. */
static int append_enqueue(struct skafu__group *group, struct skafu__request *request)
{
	pthread_mutex_lock(&group->lock);
	int leads = group->first == NULL;
	if (leads)
		group->first = request;
	else
		group->last->next = request;
	group->last = request;
	group->count++;
	pthread_mutex_unlock(&group->lock);
	return leads;
}

static struct skafu__request *append_take_all(struct skafu__group *group)
{
	pthread_mutex_lock(&group->lock);
	struct skafu__request *all = group->first;
	for (struct skafu__request *each = all; each; each = each->next)
		each->taken = 1;
	group->first = NULL;
	group->last = NULL;
	group->last_count = group->count;
	group->count = 0;
	pthread_mutex_unlock(&group->lock);
	return all;
}

static void append_wake(const skafu_store *store, struct skafu__request *request, uint32_t phase)
{
	atomic_store(&request->phase, phase);
	store->sys.futex_wake((uint32_t *)&request->phase, 1);
}

/* Take a request out of the queue: 1, or 0 when a leader has it.  The lead passes on with the first place. */
static int append_withdraw(skafu_store *store, struct skafu__request *request)
{
	struct skafu__group *group = &store->group;
	pthread_mutex_lock(&group->lock);
	int mine = !request->taken;
	if (mine) {
		struct skafu__request *before = NULL;
		struct skafu__request **link = &group->first;
		while (*link != request) {
			before = *link;
			link = &(*link)->next;
		}
		*link = request->next;
		if (group->last == request)
			group->last = before;
		group->count--;
		if (!before && group->first)
			append_wake(store, group->first, APPEND_LEADING);
	}
	pthread_mutex_unlock(&group->lock);
	return mine;
}

static uint32_t append_queued(struct skafu__group *group)
{
	pthread_mutex_lock(&group->lock);
	uint32_t count = group->count;
	pthread_mutex_unlock(&group->lock);
	return count;
}

/* ---- the leader ---------------------------------------------------------------------------------------------- */

/* Followers that were just woken come back a moment later: a leader that leaves at once carries half of them. */
static void append_linger(skafu_store *store)
{
	struct skafu__group *group = &store->group;
	if (store->tuning.linger_off || group->last_count < 2)
		return;
	int64_t until = store->sys.monotonic_ns() + group->commit_ns / APPEND_LINGER_DIVISOR;
	while (append_queued(group) < group->last_count && store->sys.monotonic_ns() < until)
		sched_yield();
}

static void append_refuse_rest(struct skafu__request *request, uint32_t from, int32_t code,
			       const struct skafu_error *error)
{
	for (; request; request = request->next, from = 0) {
		for (uint32_t i = from; i < request->count; i++) {
			request->results[i] = code;
			skafu__error_copy(&request->errors[i], error, code);
		}
	}
}

/* All batches of all requests in order.  0, or the code that ended the transaction, from which on none was judged. */
static int32_t append_judge_all(struct skafu__writer *writer, struct skafu__request *all, struct skafu_error *error)
{
	for (struct skafu__request *request = all; request; request = request->next) {
		for (uint32_t i = 0; i < request->count; i++) {
			struct skafu_error *own = &request->errors[i];
			int32_t rc = skafu__writer_add(writer, request->batches[i], &request->outcomes[i], own);
			if (writer->is_broken)
				return skafu__error_copy(error, own, rc);
			request->results[i] = rc;
			if (rc < 0)
				skafu__probe_report(&writer->store->probe, SKAFU__PROBE_REFUSED, 1, -(int64_t)rc,
						    NULL);
		}
	}
	return 0;
}

static void append_mark_attempted(struct skafu__request *all)
{
	for (struct skafu__request *request = all; request; request = request->next)
		for (uint32_t i = 0; i < request->count; i++)
			if (request->results[i] == 0)
				request->batches[i]->attempted = 1;
}

static void append_report(skafu_store *store, const struct skafu__request *all, uint32_t commits, int64_t took_ns)
{
	if (!skafu__probe_is_on(&store->probe))
		return;
	skafu__probe_report(&store->probe, SKAFU__PROBE_COMMIT, commits, took_ns, NULL);
	for (const struct skafu__request *request = all; request; request = request->next)
		for (uint32_t i = 0; i < request->count; i++)
			if (request->results[i] == 0)
				skafu__published_report(store, request->batches[i], &request->outcomes[i]);
}

static void append_note_time(skafu_store *store, int64_t took_ns)
{
	struct skafu__group *group = &store->group;
	group->commit_ns = group->commit_ns == 0 ? took_ns : (group->commit_ns * 7 + took_ns) / 8;
}

static uint64_t append_count_records(const struct skafu__request *all)
{
	uint64_t count = 0;
	for (const struct skafu__request *request = all; request; request = request->next)
		for (uint32_t i = 0; i < request->count; i++)
			if (request->results[i] == 0 && !(request->outcomes[i].flags & SKAFU_APPENDED_RETRY) &&
			    request->outcomes[i].first_sequence != 0)
				count += request->outcomes[i].last_sequence - request->outcomes[i].first_sequence + 1;
	return count;
}

/* The flush, without the gate: readers go on. */
static int32_t append_flush(skafu_store *store, struct skafu__writer *writer, const struct skafu__request *all,
			    struct skafu_error *error)
{
	int64_t before = store->sys.monotonic_ns();
	int32_t rc = skafu__writer_commit(writer, error);
	int64_t took = store->sys.monotonic_ns() - before;
	append_note_time(store, took);
	if (rc != 0)
		return rc;
	atomic_fetch_add(&store->appends, writer->commits_added);
	atomic_fetch_add(&store->records, append_count_records(all));
	atomic_fetch_add(&store->flushes, 1u);
	append_report(store, all, writer->commits_added, took);
	return 0;
}

static int32_t append_write_once(skafu_store *store, struct skafu__request *all, struct skafu_error *error)
{
	struct skafu__writer writer;
	pthread_rwlock_wrlock(&store->gate);
	int32_t rc = skafu__writer_begin(&writer, store, error);
	if (rc != 0) {
		pthread_rwlock_unlock(&store->gate);
		return rc;
	}
	rc = append_judge_all(&writer, all, error);
	if (rc == 0)
		rc = skafu__writer_put(&writer, error);
	if (rc != 0 || writer.commits_added == 0) {
		skafu__writer_abort(&writer);
		pthread_rwlock_unlock(&store->gate);
		skafu__writer_done(&writer);
		return rc;
	}
	pthread_rwlock_unlock(&store->gate);
	append_mark_attempted(all);
	rc = append_flush(store, &writer, all, error);
	if (rc != 0) {
		pthread_rwlock_wrlock(&store->gate);
		skafu__writer_forget(&writer);
		pthread_rwlock_unlock(&store->gate);
	}
	skafu__writer_done(&writer);
	return rc;
}

/* A map that is full grows by itself, and the group is written again. */
static void append_write(skafu_store *store, struct skafu__request *all)
{
	struct skafu_error error = {0};
	int32_t rc = append_write_once(store, all, &error);
	while (rc == SKAFU_EFULL && (rc = skafu__store_grow_at_gate(store, 0, &error)) == 0)
		rc = append_write_once(store, all, &error);
	if (rc != 0)
		append_refuse_rest(all, 0, rc, &error);
}

static void append_finish(const skafu_store *store, struct skafu__request *all, struct skafu__request *own)
{
	while (all) {
		struct skafu__request *next = all->next; /* gone once its owner is woken */
		if (all != own)
			append_wake(store, all, APPEND_DONE);
		all = next;
	}
}

/* Lead the group of this request.  A leader that cannot get the lock in its own time leaves; the lead passes on. */
static void append_lead(skafu_store *store, struct skafu__request *own)
{
	struct skafu_error error = {0};
	int32_t rc = skafu__writelock_take(store, own->deadline, &error);
	if (rc != 0) {
		append_withdraw(store, own);
		own->next = NULL;
		append_refuse_rest(own, 0, rc, &error);
		return;
	}
	append_linger(store);
	struct skafu__request *all = append_take_all(&store->group);
	append_write(store, all);
	skafu__writelock_release(store);
	append_finish(store, all, own);
	skafu__fold_after_append(store);
}

static void append_follow(skafu_store *store, struct skafu__request *request)
{
	for (;;) {
		uint32_t phase = atomic_load(&request->phase);
		if (phase == APPEND_DONE)
			return;
		if (phase == APPEND_LEADING) {
			append_lead(store, request);
			return;
		}
		int64_t left = skafu__time_left(&store->sys, request->deadline);
		if (left == 0 && append_withdraw(store, request)) {
			struct skafu_error error = {0};
			skafu__fail(&error, SKAFU_EBUSY,
				    "another thread of this process (%lld) is writing and did not "
				    "finish in time; try again, or allow more time",
				    (long long)store->pid);
			skafu__error_set_pid(&error, store->pid);
			request->next = NULL;
			append_refuse_rest(request, 0, SKAFU_EBUSY, &error);
			return;
		}
		/* Past the deadline a leader has the request: wait for its result. */
		store->sys.futex_wait((uint32_t *)&request->phase, APPEND_WAITING, left == 0 ? -1 : left);
	}
}

/* ---- public -------------------------------------------------------------------------------------------------- */

static int32_t append_check_batch(const skafu_store *store, skafu_batch *batch, skafu_error *error)
{
	if (!batch)
		return skafu__fail(error, SKAFU_EINVAL, "the batch is NULL");
	if (batch->store != store)
		return skafu__fail(error, SKAFU_EMISUSE, "the batch was made for another store");
	if (batch->record_count == 0 && batch->row_count == 0)
		return skafu__fail(error, SKAFU_EINVAL, "the batch is empty; add a record or a row operation");
	skafu__batch_hash_streams(batch);
	return skafu__batch_fix_id(batch, error);
}

static int32_t append_check(skafu_store *store, skafu_batch *const *batches, uint32_t count, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc != 0)
		return rc;
	if (store->read_only)
		return skafu__fail(error, SKAFU_EREADONLY, "the store is open for reading only");
	if (count == 0 || count > APPEND_BATCHES_MAX || !batches)
		return skafu__fail(error, SKAFU_EINVAL, "give 1 to %u batches", APPEND_BATCHES_MAX);
	for (uint32_t i = 0; i < count; i++) {
		rc = append_check_batch(store, batches[i], error);
		if (rc != 0) {
			skafu__error_set_batch(error, i + 1);
			return rc;
		}
	}
	return 0;
}

static void append_run(skafu_store *store, struct skafu__request *request)
{
	if (append_enqueue(&store->group, request))
		append_lead(store, request);
	else
		append_follow(store, request);
}

static int32_t append_copy_out(const struct skafu_appended *from, struct skafu_appended *to, skafu_error *error)
{
	if (!to)
		return 0;
	if (to->size < sizeof(uint32_t) || to->size > sizeof *from)
		return skafu__fail(error, SKAFU_EOPTION,
				   "skafu_appended has size %u; set it to sizeof(skafu_appended)", to->size);
	uint32_t size = to->size;
	memcpy(to, from, size);
	to->size = size;
	return 0;
}

static int32_t append_check_out(const struct skafu_appended *out, skafu_error *error)
{
	if (out && (out->size < 8 || out->size > sizeof *out || out->size % 8 != 0))
		return skafu__fail(error, SKAFU_EOPTION,
				   "skafu_appended has size %u; set it to sizeof(skafu_appended)", out->size);
	return 0;
}

int32_t skafu_append(skafu_store *store, skafu_batch *batch, uint64_t timeout_ns,
		     skafu_appended *out_appended, skafu_error *error)
{
	int32_t result = 0;
	struct skafu_appended outcome = {0};
	struct skafu_error own = {0};
	int32_t rc = append_check_out(out_appended, error);
	if (rc == 0)
		rc = append_check(store, &batch, 1, error);
	if (rc != 0)
		return rc;
	struct skafu__request request = {.batches = &batch, .results = &result, .outcomes = &outcome, .errors = &own,
					 .count = 1, .deadline = skafu__deadline(&store->sys, timeout_ns)};
	append_run(store, &request);
	if (result != 0)
		return skafu__error_copy(error, &own, result);
	return append_copy_out(&outcome, out_appended, error);
}

/* What append_many needs for its batches, in one block. */
struct append_many_memory {
	int32_t *results;
	struct skafu_appended *outcomes;
	struct skafu_error *errors;
};

static int32_t append_many_alloc(const skafu_store *store, uint32_t count, struct append_many_memory *out,
				 skafu_error *error)
{
	out->results = skafu__alloc_zeroed(&store->sys, count, sizeof *out->results);
	out->outcomes = skafu__alloc_zeroed(&store->sys, count, sizeof *out->outcomes);
	out->errors = skafu__alloc_zeroed(&store->sys, count, sizeof *out->errors);
	return out->results && out->outcomes && out->errors ? 0 : skafu__fail_memory(error);
}

static void append_many_free(const skafu_store *store, struct append_many_memory *memory)
{
	skafu__free(&store->sys, memory->results);
	skafu__free(&store->sys, memory->outcomes);
	skafu__free(&store->sys, memory->errors);
}

/* Element i of the caller's array, whose elements are as long as he was compiled to believe. */
static struct skafu_appended *append_nth_out(struct skafu_appended *out_appended, uint32_t i)
{
	return out_appended ? (struct skafu_appended *)(void *)((char *)out_appended + (size_t)i * out_appended->size)
			    : NULL;
}

static int32_t append_many_report(const struct append_many_memory *memory, uint32_t count, int32_t *out_results,
				  skafu_appended *out_appended, skafu_error *error)
{
	int32_t first = 0;
	for (uint32_t i = 0; i < count; i++) {
		int32_t rc = memory->results[i];
		if (out_results)
			out_results[i] = rc;
		if (rc == 0 && out_appended)
			append_copy_out(&memory->outcomes[i], append_nth_out(out_appended, i), NULL);
		if (rc == 0 || first != 0)
			continue;
		first = skafu__error_copy(error, &memory->errors[i], rc);
		skafu__error_set_batch(error, i + 1);
	}
	return first;
}

static int append_has_twice(skafu_batch *const *batches, uint32_t count)
{
	int twice = 0;
	for (uint32_t i = 0; i < count; i++)
		batches[i]->mark = 0;
	for (uint32_t i = 0; i < count; i++) {
		twice |= batches[i]->mark;
		batches[i]->mark = 1;
	}
	return twice;
}

int32_t skafu_append_many(skafu_store *store, skafu_batch *const *batches, uint32_t count, uint64_t timeout_ns,
			  int32_t *out_results, skafu_appended *out_appended, skafu_error *error)
{
	struct append_many_memory memory = {0};
	int32_t rc = append_check(store, batches, count, error);
	if (rc == 0 && append_has_twice(batches, count))
		rc = skafu__fail(error, SKAFU_EINVAL, "a batch is given twice");
	for (uint32_t i = 0; rc == 0 && out_appended && i < count; i++)
		rc = append_check_out(append_nth_out(out_appended, i), error);
	if (rc != 0)
		return rc;
	rc = append_many_alloc(store, count, &memory, error);
	if (rc == 0) {
		struct skafu__request request = {.batches = batches, .results = memory.results,
						 .outcomes = memory.outcomes, .errors = memory.errors, .count = count,
						 .deadline = skafu__deadline(&store->sys, timeout_ns)};
		append_run(store, &request);
		rc = append_many_report(&memory, count, out_results, out_appended, error);
	}
	append_many_free(store, &memory);
	return rc;
}

static int32_t append_find_commit(skafu_store *store, const uint8_t id[16], struct skafu_appended *out,
				  skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	rc = skafu__index_find_commit(&view, id, error);
	if (rc == 1)
		rc = skafu__judge_outcome(&view.current, out, error);
	else if (rc == 0)
		rc = skafu__fail(error, SKAFU_ENOTFOUND, "no commit in the log has this id");
	skafu__view_close(&view);
	return rc;
}

int32_t skafu_commit_status(skafu_store *store, const uint8_t id[16], skafu_appended *out_appended,
			    skafu_error *error)
{
	struct skafu_error own = {0};
	struct skafu_appended outcome;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = append_check_out(out_appended, error);
	if (rc == 0 && !id)
		rc = skafu__fail(error, SKAFU_EINVAL, "the commit id is NULL");
	if (rc != 0)
		return rc;
	rc = append_find_commit(store, id, &outcome, &own);
	if (rc == SKAFU_ENOTFOUND) {
		/* "Is not and will not be" can only be said when nobody is in the middle of writing it. */
		rc = skafu__orphan_settle(store, skafu__deadline(&store->sys, APPEND_SETTLE_NS), &own);
		if (rc == 0)
			rc = append_find_commit(store, id, &outcome, &own);
	}
	return rc ? skafu__error_copy(error, &own, rc) : append_copy_out(&outcome, out_appended, error);
}
