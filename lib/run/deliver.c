#include "run/deliver.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/probe.h"
#include "model/model.h"
#include "run/failure.h"
#include "run/membership.h"
#include "run/register.h"
#include "store/batch.h"
#include "store/store.h"

#define DELIVER_LAZY_NS INT64_C(1000000000)
#define DELIVER_LAZY_RECORDS 1024u
#define DELIVER_BYTES_MAX (UINT64_C(8) << 20) /* in the batches of one append */
#define DELIVER_REPEATS_MAX 16u
#define DELIVER_AGAIN_NS INT64_C(2000000)
#define DELIVER_CONTENTIONS_MAX 100u /* at one input, in a row */

/* ---- saving lazily ------------------------------------------------------------------------------------------- */

void skafu__deliver_want_flush(struct skafu__consumer *consumer)
{
	if (consumer->flush_due_ns == INT64_MAX && !consumer->is_volatile)
		consumer->flush_due_ns = consumer->store->sys.monotonic_ns() + DELIVER_LAZY_NS;
}

static struct skafu__checkpoint deliver_reached(const struct skafu__consumer *consumer,
						const struct skafu__partition *partition)
{
	struct skafu__checkpoint reached = {.is_there = 1, .mark = partition->mark};
	reached.sequence = skafu__consumer_done(consumer, partition);
	if (partition->open != 0 && reached.sequence >= partition->open)
		reached.sequence = partition->open - 1;
	if (reached.mark < partition->durable.mark)
		reached.mark = partition->durable.mark;
	return reached;
}

/* How many checkpoints the batch holds. */
static int32_t deliver_fill_flush(struct skafu__consumer *consumer, skafu_batch *batch, skafu_error *error)
{
	int32_t count = 0;
	int32_t rc = skafu__consumer_row_expect(batch, consumer->name, &consumer->row_bytes, error);
	for (uint32_t i = 0; rc == 0 && i < consumer->partition_count; i++) {
		const struct skafu__partition *partition = &consumer->partitions[i];
		struct skafu__checkpoint reached = deliver_reached(consumer, partition);
		if (!partition->is_claimed || reached.sequence <= partition->durable.sequence)
			continue;
		rc = skafu__checkpoint_expect(batch, consumer->name, i, &partition->durable, error);
		if (rc == 0)
			rc = skafu__checkpoint_put(batch, consumer->name, i, &reached, error);
		count++;
	}
	return rc ? rc : count;
}

static void deliver_flushed(struct skafu__consumer *consumer)
{
	for (uint32_t i = 0; i < consumer->partition_count; i++) {
		struct skafu__partition *partition = &consumer->partitions[i];
		struct skafu__checkpoint reached = deliver_reached(consumer, partition);
		if (!partition->is_claimed || reached.sequence <= partition->durable.sequence)
			continue;
		partition->durable = reached;
		partition->chained = reached;
	}
}

int32_t skafu__consumer_save(struct skafu__consumer *consumer, skafu_error *error)
{
	skafu_batch *batch = NULL;
	if (consumer->is_volatile)
		return 0;
	int32_t rc = skafu__model_take_batch(consumer->model, &batch, error);
	int32_t count = rc == 0 ? deliver_fill_flush(consumer, batch, error) : rc;
	rc = count > 0 ? skafu_append(consumer->store, batch, SKAFU__RUN_WAIT_NS, NULL, error) : count;
	skafu__model_give_batch(consumer->model, batch);
	if (rc != 0)
		return rc;
	deliver_flushed(consumer);
	consumer->flush_due_ns = INT64_MAX;
	consumer->unsaved = 0;
	return 0;
}

int32_t skafu__consumer_flush(struct skafu__consumer *consumer, skafu_error *error)
{
	struct skafu_error own = {0};
	if (consumer->flush_due_ns == INT64_MAX)
		return 0;
	int32_t rc = skafu__consumer_save(consumer, &own);
	if (rc == SKAFU_EROW)
		return skafu__consumer_reload_all(consumer, error);
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}

int32_t skafu__deliver_flush_if_due(struct skafu__consumer *consumer, skafu_error *error)
{
	if (consumer->flush_due_ns == INT64_MAX || consumer->is_volatile)
		return 0;
	if (consumer->unsaved < DELIVER_LAZY_RECORDS &&
	    consumer->store->sys.monotonic_ns() < consumer->flush_due_ns)
		return 0;
	return skafu__consumer_flush(consumer, error);
}

/* ---- sealing ------------------------------------------------------------------------------------------------- */

int32_t skafu__consumer_seal(struct skafu__consumer *consumer, struct skafu__partition *partition, uint64_t sequence,
			     skafu_batch *batch, skafu_error *error)
{
	if (consumer->is_volatile)
		return 0;
	int32_t rc = skafu__consumer_row_expect(batch, consumer->name, &consumer->row_bytes, error);
	/* What was done before a rewind is kept from being done twice by the id of its commit alone. */
	if (rc != 0 || sequence <= partition->chained.mark)
		return rc;
	struct skafu__checkpoint next = {.is_there = 1, .sequence = sequence, .mark = sequence};
	rc = skafu__checkpoint_expect(batch, consumer->name, partition->number, &partition->chained, error);
	if (rc == 0)
		rc = skafu__checkpoint_put(batch, consumer->name, partition->number, &next, error);
	return rc;
}

static int32_t deliver_seal(struct skafu__consumer *consumer, struct skafu__partition *partition,
			    const skafu_record *stored, skafu_batch *batch, skafu_error *error)
{
	const struct skafu__aside *aside = consumer->aside;
	int32_t rc = skafu__consumer_seal(consumer, partition, stored->sequence, batch, error);
	if (rc == 0 && !consumer->is_volatile)
		rc = skafu_batch_set_id(batch, consumer->step.commit_id, error);
	if (rc == 0 && aside && aside->expect && consumer->retry.then == SKAFU_THEN_PARK_KEY &&
	    !consumer->handler->has_keys)
		rc = aside->expect(consumer, skafu__source_key(&consumer->source, stored), batch, error);
	return rc;
}

/* For handlers that commit by themselves. */
static int32_t deliver_seal_own(void *user, struct skafu__step *step, skafu_batch *batch, skafu_error *error)
{
	struct skafu__consumer *consumer = user;
	return skafu__consumer_seal(consumer, consumer->handling, step->stored->sequence, batch, error);
}

int32_t skafu__deliver_init(struct skafu__consumer *consumer, skafu_error *error)
{
	skafu__step_init(&consumer->step, consumer->model, consumer->name, consumer->domain, consumer->handler,
			 consumer->self);
	consumer->step.source = &consumer->source;
	consumer->step.seal = deliver_seal_own;
	consumer->step.seal_user = consumer;
	consumer->step.chain = &consumer->chain;
	skafu__rowchain_init(&consumer->chain, consumer->store);
	if (!consumer->handler)
		return 0;
	consumer->pending = skafu__alloc_zeroed(&consumer->store->sys, SKAFU__STEP_BATCHES,
						sizeof *consumer->pending);
	return consumer->pending ? 0 : skafu__fail_memory(error);
}

void skafu__deliver_done(struct skafu__consumer *consumer)
{
	if (consumer->step.model)
		skafu__step_done(&consumer->step);
	skafu__rowchain_done(&consumer->chain);
	for (uint32_t i = 0; i < SKAFU__STEP_BATCHES; i++)
		skafu_batch_free(consumer->batches[i]);
	skafu__free(&consumer->store->sys, consumer->pending);
}

/* ---- committing ---------------------------------------------------------------------------------------------- */

/* What stands before an input of this partition is handled again, and the input after it. */
static int deliver_goes_back(const struct skafu__partition *partition, uint64_t sequence)
{
	return (partition->is_blocked || partition->is_behind) && partition->position < sequence;
}

/* An input is handled again, as one that stands behind it may be already. */
static void deliver_again(struct skafu__consumer *consumer, struct skafu__partition *partition, uint64_t sequence,
			  int64_t blocked_until)
{
	if (!deliver_goes_back(partition, sequence))
		skafu__consumer_return(consumer, partition, sequence - 1, blocked_until);
}

static void deliver_crossed(const struct skafu__consumer *consumer, const struct skafu__pending *pending,
			    int64_t took_ns)
{
	const struct skafu__probe_event event = {
		.kind = SKAFU__PROBE_CROSS_DOMAIN, .count = pending->emitted, .value = took_ns,
		.name = consumer->name, .domain = consumer->domain, .from = pending->from};
	skafu__times_add(&consumer->engine->cross_domain, took_ns, 1);
	if (skafu__probe_is_on(&consumer->store->probe))
		skafu__probe_tell(&consumer->store->probe, &event);
}

static void deliver_succeeded(struct skafu__consumer *consumer, const struct skafu__pending *pending,
			      const skafu_appended *appended)
{
	struct skafu__partition *partition = pending->partition;
	int is_new = !(appended->flags & SKAFU_APPENDED_RETRY);
	partition->repeats = 0;
	if (partition->failing == pending->sequence)
		partition->failing = 0;
	if (pending->mark != 0 && is_new)
		partition->durable = (struct skafu__checkpoint){1, 0, pending->sequence, pending->mark};
	else if (pending->mark != 0)
		partition->is_stale = 1;
	if (!is_new)
		return;
	atomic_fetch_add_explicit(&consumer->figures->emitted, pending->emitted, memory_order_relaxed);
	if (!consumer->engine)
		return;
	atomic_fetch_add_explicit(&consumer->engine->emitted, pending->emitted, memory_order_relaxed);
	if (pending->from && pending->emitted != 0)
		deliver_crossed(consumer, pending, appended->recorded_ns - pending->recorded_ns);
}

/* The input is read again: the cursor is elsewhere by now. */
static int32_t deliver_refused(struct skafu__consumer *consumer, const struct skafu__pending *pending, int32_t rc,
			       const char *message, skafu_error *error)
{
	int32_t read = skafu_get(consumer->store, pending->sequence, &consumer->refused, error);
	pending->partition->chained = pending->partition->durable;
	if (read == 0)
		read = skafu__consumer_failed(consumer, pending->partition, consumer->refused, rc, message, error);
	else
		skafu__consumer_return(consumer, pending->partition, pending->sequence - 1, 0);
	skafu_record_free(consumer->refused);
	consumer->refused = NULL;
	return read;
}

static int32_t deliver_moved(struct skafu__consumer *consumer, const struct skafu__pending *pending,
			     const char *message, skafu_error *error)
{
	struct skafu__partition *partition = pending->partition;
	partition->is_stale = 1;
	consumer->has_seen = 0;
	if (++partition->repeats > DELIVER_REPEATS_MAX)
		return deliver_refused(consumer, pending, SKAFU_EROW, message, error);
	skafu__consumer_return(consumer, partition, pending->sequence - 1, 0);
	return 0;
}

struct deliver_results {
	int32_t codes[SKAFU__STEP_BATCHES];
	skafu_appended places[SKAFU__STEP_BATCHES];
	struct skafu_error error;
};

/* The first refusal of a partition says where to go on; those behind it follow from it. */
static int32_t deliver_judge(struct skafu__consumer *consumer, const struct deliver_results *results, uint32_t index,
			     skafu_error *error)
{
	const struct skafu__pending *pending = &consumer->pending[index];
	struct skafu__partition *partition = pending->partition;
	int32_t rc = results->codes[index];
	const char *message = results->error.batch == index + 1 ? results->error.message : skafu_result_text(rc);
	if (rc == 0)
		deliver_succeeded(consumer, pending, &results->places[index]);
	if (rc == 0 || deliver_goes_back(partition, pending->sequence))
		return 0;
	if (rc == SKAFU_ECOMMIT) { /* recorded before, by a handler that gave something else then */
		partition->is_stale |= pending->mark != 0;
		return 0;
	}
	if (rc == SKAFU_EROW)
		return deliver_moved(consumer, pending, message, error);
	if (!skafu__failure_is_stores(rc))
		return deliver_refused(consumer, pending, rc, message, error);
	skafu__consumer_return(consumer, partition, pending->sequence - 1, 0);
	partition->is_stale = 1;
	return skafu__error_copy(error, &results->error, rc);
}

static int32_t deliver_settle(struct skafu__consumer *consumer, skafu_error *error)
{
	int32_t rc = 0;
	for (uint32_t i = 0; i < consumer->partition_count; i++) {
		struct skafu__partition *partition = &consumer->partitions[i];
		partition->chained = partition->durable;
		if (rc == 0 && partition->is_claimed && partition->is_stale)
			rc = skafu__consumer_reload(consumer, partition, error);
	}
	return rc;
}

static int32_t deliver_append(struct skafu__consumer *consumer, struct deliver_results *results, uint32_t count,
			      skafu_error *error)
{
	int32_t rc = 0;
	for (uint32_t i = 0; i < count; i++)
		results->places[i].size = sizeof results->places[i];
	int32_t all = skafu_append_many(consumer->store, consumer->batches, count, SKAFU__RUN_WAIT_NS, results->codes,
					results->places, &results->error);
	/* Refused as a whole, before any was judged. */
	for (uint32_t i = 0; all != 0 && i < count && results->codes[i] == 1; i++)
		results->codes[i] = all;
	for (uint32_t i = 0; i < count; i++) {
		int32_t judged = deliver_judge(consumer, results, i, rc == 0 ? error : NULL);
		if (rc == 0)
			rc = judged;
	}
	int32_t settled = deliver_settle(consumer, rc == 0 ? error : NULL);
	return rc ? rc : settled;
}

int32_t skafu__deliver_commit(struct skafu__consumer *consumer, skafu_error *error)
{
	uint32_t count = consumer->pending_count;
	if (count == 0) {
		skafu__rowchain_clear(&consumer->chain); /* of a batch that could not be kept */
		return 0;
	}
	struct deliver_results *results = skafu__alloc_zeroed(&consumer->store->sys, 1, sizeof *results);
	consumer->pending_count = 0;
	if (!results) {
		skafu__rowchain_clear(&consumer->chain);
		for (uint32_t i = count; i > 0; i--)
			skafu__consumer_return(consumer, consumer->pending[i - 1].partition,
					       consumer->pending[i - 1].sequence - 1, 0);
		return skafu__fail_memory(error);
	}
	for (uint32_t i = 0; i < count; i++)
		results->codes[i] = 1;
	consumer->results = results;
	consumer->judged_count = count;
	int32_t rc = deliver_append(consumer, results, count, error);
	consumer->results = NULL;
	skafu__rowchain_clear(&consumer->chain);
	skafu__free(&consumer->store->sys, results);
	return rc;
}

/* ---- one input ----------------------------------------------------------------------------------------------- */

static void deliver_tell(const struct skafu__consumer *consumer, const skafu_record *stored, int64_t took,
			 int64_t now)
{
	struct skafu__probe *probe = &consumer->store->probe;
	struct skafu__probe_event event = {
		.kind = consumer->kind == SKAFU_CONSUMER_KIND_PROCESS ? SKAFU__PROBE_STEP : SKAFU__PROBE_HANDLED,
		.count = 1, .value = took, .name = consumer->name,
		.domain = consumer->domain, .from = stored->source, .record_kind = stored->kind,
		.emitted = consumer->step.emitted, .metadata_length = stored->metadata_length, .id = stored->id,
		.causation = stored->causation, .type = stored->type, .correlation = stored->correlation,
		.metadata = stored->metadata, .sequence = stored->sequence, .recorded_ns = stored->recorded_ns,
		.begin_ns = now - took, .end_ns = now};
	skafu__probe_tell(probe, &event);
	skafu__probe_report(probe, SKAFU__PROBE_DELIVERED, 1, now - took - stored->recorded_ns, consumer->name);
}

static void deliver_measure(struct skafu__consumer *consumer, const skafu_record *stored, int64_t began)
{
	const struct skafu__sys *sys = &consumer->store->sys;
	int64_t took = sys->monotonic_ns() - began;
	int64_t now = sys->wall_ns();
	skafu__times_add(&consumer->figures->handle, took, 1);
	skafu__times_add(&consumer->figures->publish, now - stored->recorded_ns, 1);
	atomic_fetch_add_explicit(&consumer->figures->delivered, 1, memory_order_relaxed);
	if (consumer->engine)
		atomic_fetch_add_explicit(&consumer->engine->delivered, 1, memory_order_relaxed);
	if (skafu__probe_is_on(&consumer->store->probe))
		deliver_tell(consumer, stored, took, now);
}

static int32_t deliver_batch(struct skafu__consumer *consumer, skafu_batch **out, skafu_error *error)
{
	skafu_batch **place = &consumer->batches[consumer->pending_count];
	int32_t rc = *place ? 0 : skafu_batch_new(consumer->store, place, error);
	*out = *place;
	return rc;
}

/* A domain of the model other than the consumer's: its name lives as long as the model. */
static const char *deliver_foreign(const struct skafu__consumer *consumer, const skafu_record *stored)
{
	if (!consumer->domain || strcmp(consumer->domain, stored->source) == 0)
		return NULL;
	const struct skafu__domain *domain = skafu__registry_domain(&consumer->model->registry, stored->source);
	return domain ? domain->name : NULL;
}

/* The step has run well: keep its batch when there is something in it. */
static int32_t deliver_keep(struct skafu__consumer *consumer, struct skafu__partition *partition,
			    const skafu_record *stored, skafu_batch *batch, skafu_error *error)
{
	if (!skafu__step_has_output(&consumer->step))
		return 0;
	int32_t rc = deliver_seal(consumer, partition, stored, batch, error);
	if (rc == 0 && consumer->step.write_count != 0)
		rc = skafu__rowchain_add(&consumer->chain, batch, error);
	if (rc != 0)
		return rc;
	struct skafu__pending *pending = &consumer->pending[consumer->pending_count++];
	memset(pending, 0, sizeof *pending);
	pending->partition = partition;
	pending->sequence = stored->sequence;
	pending->recorded_ns = stored->recorded_ns;
	pending->emitted = consumer->step.emitted;
	pending->from = deliver_foreign(consumer, stored);
	if (!consumer->is_volatile && stored->sequence > partition->chained.mark) {
		pending->mark = stored->sequence;
		partition->chained = (struct skafu__checkpoint){1, 0, stored->sequence, stored->sequence};
	}
	return 0;
}

static void deliver_mark(struct skafu__partition *partition, uint64_t sequence)
{
	if (partition->mark < sequence)
		partition->mark = sequence;
}

static void deliver_handled(struct skafu__partition *partition, uint64_t sequence)
{
	deliver_mark(partition, sequence);
	if (partition->failing == sequence)
		partition->failing = 0;
}

/* Others were faster, or the writer is busy: soon again, and it counts as no attempt.  A function of the host may say
 * the same whatever is tried, so it is not believed for ever. */
static int deliver_is_contention(const struct skafu__consumer *consumer, struct skafu__partition *partition,
				 uint64_t sequence, int32_t rc)
{
	if ((rc != SKAFU_ECONFLICT && rc != SKAFU_EMATCH && rc != SKAFU_EROW && rc != SKAFU_EBUSY &&
	     rc != SKAFU_ETIMEOUT) || (!consumer->step.handler->commits && consumer->step.taken != 0))
		return 0;
	if (partition->contended != sequence)
		partition->contentions = 0;
	partition->contended = sequence;
	return partition->contentions++ < DELIVER_CONTENTIONS_MAX;
}

static int32_t deliver_contended(struct skafu__consumer *consumer, struct skafu__partition *partition,
				 const skafu_record *stored, skafu_error *error)
{
	consumer->has_seen = 0;
	deliver_again(consumer, partition, stored->sequence, consumer->store->sys.monotonic_ns() + DELIVER_AGAIN_NS);
	return skafu__consumer_reload(consumer, partition, error); /* when it was moved, it goes on from there */
}

/* The record is newer than this model: others may know it, so they get the partitions. */
static int32_t deliver_newer(struct skafu__consumer *consumer, struct skafu__partition *partition,
			     const skafu_record *stored, const char *message, skafu_error *error)
{
	if (consumer->source.given.flags & SKAFU_SOURCE_SKIP_NEWER) {
		deliver_handled(partition, stored->sequence);
		return 0;
	}
	int32_t rc = skafu__deliver_commit(consumer, error);
	deliver_again(consumer, partition, stored->sequence, 0);
	if (rc == 0)
		rc = skafu__consumer_flush(consumer, error);
	consumer->is_halted_here = 1;
	atomic_fetch_or(&consumer->figures->flags, SKAFU__FIGURES_HALTED);
	skafu__membership_leave(consumer);
	skafu__log(&consumer->store->log, SKAFU_LOG_ERROR,
		   "consumer %s halts in this process at record %llu, which is "
		   "newer than its model: %s",
		   consumer->name, (unsigned long long)stored->sequence, message);
	return rc;
}

/* The handler committed by itself, and our seal with it: unless the commit was there before. */
static int32_t deliver_committed(struct skafu__consumer *consumer, struct skafu__partition *partition,
				 uint64_t sequence, skafu_error *error)
{
	struct skafu__checkpoint found = {0};
	if (consumer->is_volatile || sequence <= partition->chained.mark)
		return 0;
	int32_t rc = skafu__checkpoint_get(consumer->store, consumer->name, partition->number, &found, error);
	if (rc != 1 || found.sequence != sequence)
		return rc < 0 ? rc : skafu__consumer_reload(consumer, partition, error);
	partition->durable = found;
	partition->chained = found;
	return 0;
}

/* The step ends here, and the next one begins with it. */
static int32_t deliver_put_off(struct skafu__consumer *consumer, struct skafu__partition *partition,
			       const skafu_record *stored, int32_t rc, const struct skafu_error *own,
			       skafu_error *error)
{
	deliver_again(consumer, partition, stored->sequence, 0);
	return skafu__error_copy(error, own, rc);
}

static int32_t deliver_ran(struct skafu__consumer *consumer, struct skafu__partition *partition,
			   const skafu_record *stored, int32_t rc, struct skafu_error *own, skafu_error *error)
{
	skafu_batch *batch = consumer->step.turn.batch;
	uint32_t waiting = consumer->pending_count;
	if (rc == 0 && !consumer->step.handler->commits)
		rc = deliver_keep(consumer, partition, stored, batch, own);
	else if (rc == 0 && consumer->step.committed)
		rc = deliver_committed(consumer, partition, stored->sequence, own);
	if (rc == 0 && consumer->pending_count > waiting) { /* until the log takes its output, attempts count */
		deliver_mark(partition, stored->sequence);
		return 0;
	}
	if (rc == 0) {
		deliver_handled(partition, stored->sequence);
		return 0;
	}
	if (rc == SKAFU_ENEWER)
		return deliver_newer(consumer, partition, stored, own->message, error);
	if (deliver_is_contention(consumer, partition, stored->sequence, rc))
		return deliver_contended(consumer, partition, stored, error);
	if (skafu__failure_is_ours(rc, own))
		return deliver_put_off(consumer, partition, stored, rc, own, error);
	if (consumer->step.is_parked)
		return skafu__failure_park(consumer, partition, stored, rc, own->message, error);
	return skafu__consumer_failed(consumer, partition, stored, rc, own->message, error);
}

static int32_t deliver_run(struct skafu__consumer *consumer, struct skafu__partition *partition,
			   const skafu_record *stored, skafu_error *error)
{
	struct skafu_error own = {0};
	skafu_batch *batch = NULL;
	int32_t rc = deliver_batch(consumer, &batch, error);
	if (rc != 0) {
		skafu__consumer_return(consumer, partition, stored->sequence - 1, 0);
		return rc;
	}
	uint32_t flags = stored->sequence <= partition->mark ? SKAFU__STEP_AGAIN | SKAFU__STEP_MUTED : 0;
	int64_t began = consumer->store->sys.monotonic_ns();
	consumer->handling = partition;
	consumer->handling_sequence = stored->sequence;
	rc = skafu__step_run(&consumer->step, stored, batch, flags, &own);
	if (consumer->step.taken != 0)
		deliver_measure(consumer, stored, began);
	rc = deliver_ran(consumer, partition, stored, rc, &own, error);
	consumer->handling = NULL;
	return rc;
}

static int32_t deliver_one(struct skafu__consumer *consumer, struct skafu__partition *partition,
			   const skafu_record *stored, skafu_error *error)
{
	struct skafu__failure failure;
	int32_t rc = skafu__failure_before(consumer, partition, stored, &failure, error);
	if (rc == 1)
		return skafu__deliver_give_up(consumer, &failure, error);
	if (rc == 0)
		return deliver_run(consumer, partition, stored, error);
	skafu__consumer_return(consumer, partition, stored->sequence - 1, 0);
	return rc;
}

/* ---- giving up ----------------------------------------------------------------------------------------------- */

static int32_t deliver_fill_aside(struct skafu__consumer *consumer, struct skafu__failure *failure,
				  skafu_batch *batch, skafu_error *error)
{
	int halts = consumer->retry.then == SKAFU_THEN_HALT;
	int32_t rc = 0;
	if (!halts)
		rc = skafu__consumer_seal(consumer, failure->partition, failure->input->sequence, batch, error);
	else if (!consumer->is_volatile)
		rc = skafu__consumer_row_expect(batch, consumer->name, &consumer->row_bytes, error);
	if (rc == 0 && consumer->aside)
		rc = consumer->aside->give_up(consumer, failure, batch, error);
	if (rc == 0 && halts && !consumer->is_volatile)
		rc = skafu__failure_halt(consumer, failure, batch, error);
	if (rc == 0 && consumer->handler && consumer->handler->give_up)
		rc = consumer->handler->give_up(consumer->self, failure, batch, error);
	return rc;
}

static int32_t deliver_append_aside(struct skafu__consumer *consumer, struct skafu__failure *failure,
				    skafu_error *error)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu__model_take_batch(consumer->model, &batch, error);
	if (rc == 0)
		rc = deliver_fill_aside(consumer, failure, batch, error);
	/* Nothing to write: a rewound input without dead letters, or a volatile consumer. */
	if (rc == 0 && (batch->record_count != 0 || batch->row_count != 0))
		rc = skafu_append(consumer->store, batch, SKAFU__RUN_WAIT_NS, NULL, error);
	skafu__model_give_batch(consumer->model, batch);
	return rc;
}

/* The log did not take it: the last attempt is made again, since nothing else knows what it said. */
static void deliver_not_given_up(struct skafu__partition *partition, uint64_t sequence)
{
	if (partition->failing == sequence && partition->attempts != 0)
		partition->attempts--;
}

int32_t skafu__deliver_give_up(struct skafu__consumer *consumer, struct skafu__failure *failure, skafu_error *error)
{
	struct skafu__partition *partition = failure->partition;
	uint64_t sequence = failure->input->sequence;
	struct skafu_error own = {0};
	int32_t rc = skafu__deliver_commit(consumer, error);
	if (rc != 0 || deliver_goes_back(partition, sequence)) {
		deliver_not_given_up(partition, sequence);
		deliver_again(consumer, partition, sequence, 0);
		return rc;
	}
	rc = deliver_append_aside(consumer, failure, &own);
	consumer->has_seen = 0;
	if (rc != 0)
		deliver_not_given_up(partition, sequence);
	if (rc == SKAFU_EROW)
		return deliver_contended(consumer, partition, failure->input, error);
	if (rc != 0) {
		skafu__consumer_return(consumer, partition, sequence - 1, 0);
		return skafu__error_copy(error, &own, rc);
	}
	skafu__failure_given_up(consumer, failure);
	if (consumer->retry.then == SKAFU_THEN_HALT) { /* tried anew when it is resumed */
		skafu__consumer_return(consumer, partition, sequence - 1, 0);
		partition->failing = 0;
		return 0;
	}
	if (!consumer->is_volatile && sequence > partition->chained.mark)
		partition->durable = partition->chained = (struct skafu__checkpoint){1, 0, sequence, sequence};
	deliver_handled(partition, sequence);
	return 0;
}

/* ---- the worker ---------------------------------------------------------------------------------------------- */

static int deliver_is_full(const struct skafu__consumer *consumer, uint64_t *bytes, uint32_t before)
{
	if (consumer->pending_count > before)
		*bytes += skafu__batch_bytes(consumer->batches[before]);
	return consumer->pending_count == SKAFU__STEP_BATCHES || *bytes > DELIVER_BYTES_MAX;
}

/* 1 there may be more, 0 the end of the log. */
static int32_t deliver_inputs(struct skafu__consumer *consumer, uint32_t inputs_max, uint32_t *done,
			      skafu_error *error)
{
	uint64_t bytes = 0;
	while (*done < inputs_max && consumer->row.state == SKAFU_CONSUMER_RUNNING && !consumer->is_halted_here) {
		struct skafu__partition *partition = NULL;
		const skafu_record *record = NULL;
		uint32_t before = consumer->pending_count;
		int32_t rc = skafu__consumer_fetch(consumer, &record, &partition, error);
		if (rc != 1)
			return rc;
		uint64_t sequence = record->sequence;
		rc = deliver_one(consumer, partition, record, error);
		if (rc != 0)
			return rc;
		(*done)++;
		int is_again = partition->failing == sequence && consumer->pending_count > before;
		/* What failed before is judged before another failure of its partition could take its place. */
		if (deliver_is_full(consumer, &bytes, before) || is_again)
			return 1;
	}
	return 1;
}

/* How far behind it is, once a second while somebody wants to know. */
static void deliver_tell_lag(struct skafu__consumer *consumer)
{
	uint64_t head = 0;
	if (!skafu__probe_is_on(&consumer->store->probe) || consumer->scanned == UINT64_MAX)
		return;
	int64_t now = consumer->store->sys.monotonic_ns();
	if (now < consumer->lag_due_ns || skafu_store_head(consumer->store, &head, NULL) != 0)
		return;
	consumer->lag_due_ns = now + DELIVER_LAZY_NS;
	skafu__probe_report(&consumer->store->probe, SKAFU__PROBE_LAG, 1,
			    head > consumer->scanned ? (int64_t)(head - consumer->scanned) : 0, consumer->name);
}

int32_t skafu__deliver_step(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done,
			    skafu_error *error)
{
	struct skafu__consumer *consumer = (struct skafu__consumer *)(void *)worker;
	*out_done = 0;
	int32_t rc = skafu__consumer_attend(consumer, error);
	if (rc == 0) /* paused, halted or without a share: what was done before is still to be saved */
		return skafu__deliver_flush_if_due(consumer, error);
	if (rc < 0)
		return rc;
	int32_t more = deliver_inputs(consumer, inputs_max, out_done, error);
	rc = skafu__deliver_commit(consumer, more < 0 ? NULL : error);
	if (more < 0 || rc != 0)
		return more < 0 ? more : rc;
	rc = skafu__deliver_flush_if_due(consumer, error);
	if (rc != 0)
		return rc;
	deliver_tell_lag(consumer);
	return consumer->is_halted_here ? 0 : more || consumer->must_rescan;
}

int64_t skafu__deliver_due_ns(struct skafu__worker *worker, int is_draining)
{
	const struct skafu__consumer *consumer = (const struct skafu__consumer *)(void *)worker;
	int64_t due = is_draining ? INT64_MAX : skafu__membership_due_ns(consumer);
	if (!is_draining && consumer->flush_due_ns < due)
		due = consumer->flush_due_ns;
	if (consumer->row.state != SKAFU_CONSUMER_RUNNING || consumer->is_halted_here)
		return due;
	for (uint32_t i = 0; i < consumer->partition_count; i++) {
		const struct skafu__partition *partition = &consumer->partitions[i];
		if (partition->is_claimed && partition->is_blocked && partition->blocked_until < due)
			due = partition->blocked_until;
	}
	return due;
}

static int32_t deliver_flush(struct skafu__worker *worker, skafu_error *error)
{
	return skafu__consumer_flush((struct skafu__consumer *)(void *)worker, error);
}

/* What the handlers before gave is handled again; the input that ended the thread counts as a failed attempt. */
static void deliver_abandon(struct skafu__worker *worker)
{
	struct skafu__consumer *consumer = (struct skafu__consumer *)(void *)worker;
	struct skafu__partition *partition = consumer->handling;
	uint32_t count = consumer->results ? consumer->judged_count : consumer->pending_count;
	for (uint32_t i = count; i > 0; i--)
		skafu__consumer_return(consumer, consumer->pending[i - 1].partition,
				       consumer->pending[i - 1].sequence - 1, 0);
	consumer->pending_count = 0;
	skafu__free(&consumer->store->sys, consumer->results); /* what is in the log is met by its id */
	consumer->results = NULL;
	skafu_record_free(consumer->refused);
	consumer->refused = NULL;
	skafu__rowchain_clear(&consumer->chain);
	for (uint32_t i = 0; i < consumer->partition_count; i++)
		consumer->partitions[i].chained = consumer->partitions[i].durable;
	consumer->handling = NULL;
	consumer->step.turn.is_open = 0;
	if (partition)
		skafu__failure_abandoned(consumer, partition, consumer->handling_sequence);
}

static void deliver_drop(struct skafu__worker *worker)
{
	skafu__consumer_free((struct skafu__consumer *)(void *)worker);
}

void skafu__deliver_make_worker(struct skafu__consumer *consumer)
{
	consumer->worker = (struct skafu__worker){.name = consumer->name, .step = skafu__deliver_step,
						  .due_ns = skafu__deliver_due_ns, .flush = deliver_flush,
						  .abandon = deliver_abandon, .drop = deliver_drop};
}
