/*
 * subscription.c: following the log from outside of an engine: records are pulled, and acknowledged.
 *
 * What was handed out and not acknowledged is in `open`, in the order of handing out; each partition knows the
 * lowest of its own, and its checkpoint never passes that.  A record that stands for several events of today is
 * handed out form by form, and is acknowledged when the last of them is.
 */
#include "skafu_run.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "model/model.h"
#include "run/bell.h"
#include "run/builtin.h"
#include "run/consumer.h"
#include "run/deliver.h"
#include "run/engine.h"
#include "run/failure.h"
#include "run/membership.h"
#include "run/name.h"
#include "store/store.h"

#define SUBSCRIPTION_OPEN_DEFAULT 1024u
#define SUBSCRIPTION_OPEN_MAX 1048576u

struct subscription_open {
	uint64_t sequence;
	struct skafu__partition *partition;
	uint32_t waiting; /* forms of it that are not handed out yet */
	uint32_t reserved;
};

struct skafu_subscription {
	struct skafu__consumer *consumer;
	struct skafu__bell bell;
	struct subscription_open *open;
	uint32_t open_count;
	uint32_t open_max;
	uint32_t is_unsure; /* a batch of the host holds checkpoints, and may be in the log by now */
	skafu_batch *batch; /* which steps want, and which stays empty */
	skafu_record **forms; /* copies, of records lent and, behind them, of those that wait */
	uint32_t form_count;
	uint32_t form_room;
	uint32_t lent_count;
};

/* ---- forms --------------------------------------------------------------------------------------------------- */

static int32_t subscription_collect(void *self, const skafu_record *form, struct skafu__step *step,
				    skafu_error *error)
{
	skafu_subscription *subscription = self;
	const struct skafu__sys *sys = &subscription->consumer->store->sys;
	(void)step;
	if (subscription->form_count == subscription->form_room) {
		uint32_t room = subscription->form_room ? subscription->form_room * 2 : 64;
		skafu_record **forms =
			skafu__realloc_array(sys, subscription->forms, room, sizeof *subscription->forms);
		if (!forms)
			return skafu__fail_memory(error);
		subscription->forms = forms;
		subscription->form_room = room;
	}
	int32_t rc = skafu_record_copy(form, &subscription->forms[subscription->form_count], error);
	subscription->form_count += rc == 0;
	return rc;
}

static const struct skafu__handler subscription_collector = {.handle = subscription_collect};

static void subscription_drop_forms(skafu_subscription *subscription, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < from + count; i++)
		skafu_record_free(subscription->forms[i]);
	subscription->form_count -= count;
	memmove(subscription->forms + from, subscription->forms + from + count,
		(subscription->form_count - from) * sizeof *subscription->forms);
}

static void subscription_take_back(skafu_subscription *subscription)
{
	if (subscription->lent_count != 0)
		subscription_drop_forms(subscription, 0, subscription->lent_count);
	subscription->lent_count = 0;
}

/* ---- open records -------------------------------------------------------------------------------------------- */

static void subscription_find_lowest(skafu_subscription *subscription)
{
	struct skafu__consumer *consumer = subscription->consumer;
	for (uint32_t i = 0; i < consumer->partition_count; i++)
		consumer->partitions[i].open = 0;
	for (uint32_t i = 0; i < subscription->open_count; i++) {
		const struct subscription_open *open = &subscription->open[i];
		if (open->partition->open == 0 || open->sequence < open->partition->open)
			open->partition->open = open->sequence;
	}
}

/* Keep those of which `keeps` says so; forms that wait go with their record. */
typedef int (*subscription_keeps_fn)(const struct subscription_open *open, const void *arg);

static void subscription_sieve(skafu_subscription *subscription, subscription_keeps_fn keeps, const void *arg)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < subscription->open_count; i++) {
		const struct subscription_open open = subscription->open[i];
		if (keeps(&open, arg)) {
			subscription->open[kept++] = open;
			continue;
		}
		for (uint32_t j = subscription->lent_count; open.waiting != 0 && j < subscription->form_count;)
			if (subscription->forms[j]->sequence == open.sequence)
				subscription_drop_forms(subscription, j, 1);
			else
				j++;
	}
	subscription->open_count = kept;
	subscription_find_lowest(subscription);
}

/* Partitions that went to somebody else take their records with them.  Of one that goes back, what lies behind the
 * place where it goes on comes again; what lies before does not, and stays out. */
static int subscription_is_ours(const struct subscription_open *open, const void *arg)
{
	const struct skafu__partition *partition = open->partition;
	(void)arg;
	return partition->is_claimed && open->sequence > partition->durable.sequence &&
	       (!partition->is_behind || open->sequence <= partition->position);
}

static int subscription_is_beyond(const struct subscription_open *open, const void *arg)
{
	const uint64_t *sequence = arg;
	return open->sequence > *sequence || open->waiting != 0;
}

static int subscription_is_before(const struct subscription_open *open, const void *arg)
{
	const struct subscription_open *failed = arg;
	return open->partition != failed->partition || open->sequence < failed->sequence;
}

/* ---- fetching ------------------------------------------------------------------------------------------------ */

static int32_t subscription_keep(skafu_subscription *subscription, struct skafu__partition *partition,
				 uint64_t sequence, uint32_t forms)
{
	struct skafu__consumer *consumer = subscription->consumer;
	if (forms == 0)
		return 0;
	subscription->open[subscription->open_count++] =
		(struct subscription_open){.sequence = sequence, .partition = partition, .waiting = forms};
	if (partition->open == 0)
		partition->open = sequence;
	atomic_fetch_add_explicit(&consumer->figures->delivered, forms, memory_order_relaxed);
	return 0;
}

struct subscription_taking {
	skafu_subscription *subscription;
	struct skafu__partition *partition;
	uint64_t sequence;
	uint32_t before; /* forms */
};

/* It comes again, at once.  Also when an upcaster or mask did not return. */
static void subscription_put_back(void *arg)
{
	const struct subscription_taking *taking = arg;
	skafu_subscription *subscription = taking->subscription;
	if (subscription->form_count > taking->before)
		subscription_drop_forms(subscription, taking->before, subscription->form_count - taking->before);
	skafu__consumer_return(subscription->consumer, taking->partition, taking->sequence - 1, 0);
}

static int32_t subscription_run(struct subscription_taking *taking, const skafu_record *stored, skafu_error *error)
{
	skafu_subscription *subscription = taking->subscription;
	struct skafu__consumer *consumer = subscription->consumer;
	int32_t rc;
	pthread_cleanup_push(subscription_put_back, taking);
	rc = skafu__step_run(&consumer->step, stored, subscription->batch, 0, error);
	if (rc == SKAFU_ENEWER && (consumer->source.given.flags & SKAFU_SOURCE_SKIP_NEWER))
		rc = 0;
	pthread_cleanup_pop(rc != 0);
	return rc;
}

static int32_t subscription_take(skafu_subscription *subscription, struct skafu__partition *partition,
				 const skafu_record *stored, skafu_error *error)
{
	struct skafu__consumer *consumer = subscription->consumer;
	struct skafu__failure failure;
	struct subscription_taking taking = {subscription, partition, stored->sequence, subscription->form_count};
	int32_t rc = skafu__failure_before(consumer, partition, stored, &failure, error);
	if (rc == 1 && partition->open == 0)
		return skafu__deliver_give_up(consumer, &failure, error);
	if (rc == 1) {
		/* Parked, but what goes before it is still out: it comes again. */
		skafu__consumer_return(consumer, partition, taking.sequence - 1,
				       consumer->store->sys.monotonic_ns() + 10000000);
		return 0;
	}
	if (rc < 0) {
		subscription_put_back(&taking);
		return rc;
	}
	rc = subscription_run(&taking, stored, error);
	return rc ? rc : subscription_keep(subscription, partition, taking.sequence,
					   subscription->form_count - taking.before);
}

/* Forms until there are enough: 0 there is nothing more now, or a code. */
static int32_t subscription_fill(skafu_subscription *subscription, uint32_t wanted, skafu_error *error)
{
	int32_t rc = skafu__consumer_attend(subscription->consumer, error);
	subscription_sieve(subscription, subscription_is_ours, NULL);
	while (rc == 1 && subscription->form_count < wanted && subscription->open_count < subscription->open_max) {
		struct skafu__partition *partition = NULL;
		const skafu_record *record = NULL;
		rc = skafu__consumer_fetch(subscription->consumer, &record, &partition, error);
		if (rc != 1)
			return rc;
		rc = subscription_take(subscription, partition, record, error);
		rc = rc < 0 ? rc : 1;
	}
	return rc;
}

static int32_t subscription_lend(skafu_subscription *subscription, uint32_t records_max,
				 const skafu_record *const **out_records)
{
	uint32_t count = subscription->form_count < records_max ? subscription->form_count : records_max;
	for (uint32_t i = 0, at = 0; i < count; i++) {
		while (subscription->open[at].sequence != subscription->forms[i]->sequence ||
		       subscription->open[at].waiting == 0)
			at++;
		subscription->open[at].waiting--;
	}
	subscription->lent_count = count;
	*out_records = (const skafu_record *const *)subscription->forms;
	return (int32_t)count;
}

/* ---- saving -------------------------------------------------------------------------------------------------- */

/* Was the host's batch appended?  The checkpoints tell. */
static int32_t subscription_settle(skafu_subscription *subscription, skafu_error *error)
{
	struct skafu__consumer *consumer = subscription->consumer;
	int32_t rc = 0;
	for (uint32_t i = 0; rc >= 0 && subscription->is_unsure && i < consumer->partition_count; i++) {
		struct skafu__partition *partition = &consumer->partitions[i];
		struct skafu__checkpoint found = {0};
		if (!partition->is_claimed || partition->chained.sequence == partition->durable.sequence)
			continue;
		rc = skafu__checkpoint_get(consumer->store, consumer->name, i, &found, error);
		if (rc == 1 && found.sequence == partition->chained.sequence)
			partition->durable = found;
		partition->chained = partition->durable;
	}
	if (rc < 0)
		return rc;
	if (subscription->is_unsure)
		subscription_sieve(subscription, subscription_is_ours, NULL);
	subscription->is_unsure = 0;
	return 0;
}

static int32_t subscription_check(skafu_subscription *subscription, skafu_error *error)
{
	if (!subscription)
		return skafu__fail(error, SKAFU_EINVAL, "the subscription is NULL");
	return skafu__model_check(subscription->consumer->model, error);
}

static int32_t subscription_lost(const skafu_subscription *subscription, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EROW, "what was handed out of %s is not this subscription's any more: it was "
			   "paused, rewound or taken over, and will be delivered to whoever has it now",
			   subscription->consumer->name);
}

/* Acknowledge up to a sequence: the marks move, the open records go. */
static void subscription_acknowledge(skafu_subscription *subscription, uint64_t sequence)
{
	for (uint32_t i = 0; i < subscription->open_count; i++) {
		const struct subscription_open *open = &subscription->open[i];
		if (open->sequence <= sequence && open->waiting == 0 && open->partition->mark < open->sequence)
			open->partition->mark = open->sequence;
	}
	subscription_sieve(subscription, subscription_is_beyond, &sequence);
}

int32_t skafu_subscription_ack(skafu_subscription *subscription, uint64_t sequence, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = subscription_check(subscription, error);
	if (rc == 0)
		rc = subscription_settle(subscription, error);
	if (rc != 0)
		return rc;
	struct skafu__consumer *consumer = subscription->consumer;
	subscription_acknowledge(subscription, sequence);
	rc = skafu__consumer_save(consumer, &own);
	for (uint32_t i = 0; i < consumer->partition_count; i++)
		consumer->partitions[i].repeats = 0;
	if (rc == SKAFU_EROW) {
		rc = skafu__consumer_reload_all(consumer, error);
		subscription_sieve(subscription, subscription_is_ours, NULL);
		return rc ? rc : subscription_lost(subscription, error);
	}
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}

/* The highest sequence up to which all that was handed out of the partition is done; 0: nothing is. */
static uint64_t subscription_reached(const skafu_subscription *subscription, const struct skafu__partition *partition,
				     uint64_t sequence)
{
	uint64_t reached = 0;
	uint64_t lowest = UINT64_MAX;
	for (uint32_t i = 0; i < subscription->open_count; i++) {
		const struct subscription_open *open = &subscription->open[i];
		if (open->partition != partition)
			continue;
		if (open->sequence <= sequence && open->waiting == 0 && open->sequence > reached)
			reached = open->sequence;
		else if ((open->sequence > sequence || open->waiting != 0) && open->sequence < lowest)
			lowest = open->sequence;
	}
	return reached < lowest ? reached : lowest - 1;
}

static int32_t subscription_put(skafu_subscription *subscription, uint64_t sequence, skafu_batch *batch,
				skafu_error *error)
{
	struct skafu__consumer *consumer = subscription->consumer;
	int32_t rc = skafu__consumer_row_expect(batch, consumer->name, &consumer->row_bytes, error);
	for (uint32_t i = 0; rc == 0 && i < consumer->partition_count; i++) {
		struct skafu__partition *partition = &consumer->partitions[i];
		uint64_t reached = subscription_reached(subscription, partition, sequence);
		struct skafu__checkpoint next = {1, 0, reached, partition->durable.mark};
		if (!partition->is_claimed || reached <= partition->chained.sequence)
			continue;
		if (next.mark < reached)
			next.mark = reached;
		rc = skafu__checkpoint_expect(batch, consumer->name, i, &partition->chained, error);
		if (rc == 0)
			rc = skafu__checkpoint_put(batch, consumer->name, i, &next, error);
		if (rc == 0)
			partition->chained = next;
	}
	return rc;
}

int32_t skafu_subscription_ack_in(skafu_subscription *subscription, uint64_t sequence, skafu_batch *batch,
				  skafu_error *error)
{
	int32_t rc = subscription_check(subscription, error);
	if (rc == 0 && !batch)
		rc = skafu__fail(error, SKAFU_EINVAL, "the batch is NULL");
	if (rc == 0 && subscription->consumer->is_volatile)
		rc = skafu__fail(error, SKAFU_EMISUSE, "a volatile subscription keeps no checkpoint, so there is "
				 "nothing to put into a batch; use skafu_subscription_ack()");
	if (rc != 0)
		return rc;
	subscription->is_unsure = 1;
	return subscription_put(subscription, sequence, batch, error);
}

/* ---- next ---------------------------------------------------------------------------------------------------- */

static int32_t subscription_sleep(skafu_subscription *subscription, int64_t deadline, skafu_error *error)
{
	struct skafu__consumer *consumer = subscription->consumer;
	int64_t due = skafu__deliver_due_ns(&consumer->worker, 0);
	return skafu__bell_sleep(&subscription->bell, due < deadline ? due : deadline, error);
}

/* 1 there is something, 0 the time is over. */
static int32_t subscription_wait(skafu_subscription *subscription, uint32_t wanted, uint64_t timeout_ns,
				 skafu_error *error)
{
	struct skafu__consumer *consumer = subscription->consumer;
	int64_t deadline = skafu__deadline(&consumer->store->sys, timeout_ns);
	skafu__bell_note_interrupts(&subscription->bell);
	for (;;) {
		int32_t rc = skafu__bell_attend(&subscription->bell, error);
		if (rc == 0)
			rc = subscription_fill(subscription, wanted, error);
		if (rc >= 0 && subscription->form_count != 0)
			return 1;
		if (rc >= 0 && skafu__bell_is_interrupted(&subscription->bell))
			return skafu__fail(error, SKAFU_EINTERRUPTED, "the wait was ended by "
					   "skafu_store_interrupt()");
		if (rc >= 0)
			rc = skafu__deliver_flush_if_due(consumer, error);
		if (rc < 0 || skafu__time_left(&consumer->store->sys, deadline) == 0)
			return rc;
		rc = consumer->must_rescan ? 0 : subscription_sleep(subscription, deadline, error);
		if (rc < 0)
			return rc;
	}
}

int32_t skafu_subscription_next(skafu_subscription *subscription, uint32_t records_max, uint64_t timeout_ns,
				const skafu_record *const **out_records, skafu_error *error)
{
	int32_t rc = subscription_check(subscription, error);
	if (rc == 0 && (records_max == 0 || !out_records))
		rc = skafu__fail(error, SKAFU_EINVAL, "records_max is 0, or out_records is NULL");
	if (rc == 0)
		subscription_take_back(subscription);
	if (rc == 0)
		rc = subscription_settle(subscription, error);
	if (rc == 0 && subscription->form_count == 0 && subscription->open_count == subscription->open_max)
		rc = skafu__fail(error, SKAFU_ELIMIT, "%u records are handed out and not acknowledged; acknowledge "
				 "them before you ask for more", subscription->open_count);
	if (rc == 0)
		rc = subscription_wait(subscription, records_max, timeout_ns, error);
	return rc == 1 ? subscription_lend(subscription, records_max, out_records) : rc;
}

/* ---- fail ---------------------------------------------------------------------------------------------------- */

static int32_t subscription_find(const skafu_subscription *subscription, uint64_t sequence,
				 struct subscription_open *out, skafu_error *error)
{
	out->partition = NULL;
	for (uint32_t i = 0; i < subscription->open_count; i++)
		if (subscription->open[i].sequence == sequence)
			*out = subscription->open[i];
	if (!out->partition)
		return skafu__fail(error, SKAFU_ENOTFOUND, "record %llu is not handed out, or acknowledged already",
				   (unsigned long long)sequence);
	if (out->partition->open != sequence)
		return skafu__fail(error, SKAFU_EMISUSE, "record %llu was handed out before record %llu, in the same "
				   "partition; acknowledge it first", (unsigned long long)out->partition->open,
				   (unsigned long long)sequence);
	return 0;
}

int32_t skafu_subscription_fail(skafu_subscription *subscription, uint64_t sequence, int32_t code,
				const char *message, skafu_error *error)
{
	struct subscription_open failed = {0};
	skafu_record *record = NULL;
	int32_t rc = subscription_check(subscription, error);
	if (rc == 0 && code >= 0)
		rc = skafu__fail(error, SKAFU_EINVAL, "the code of a failure is negative, not %d", code);
	if (rc == 0)
		rc = subscription_settle(subscription, error);
	if (rc == 0) {
		subscription_sieve(subscription, subscription_is_ours, NULL);
		rc = subscription_find(subscription, sequence, &failed, error);
	}
	if (rc == 0)
		rc = skafu_get(subscription->consumer->store, sequence, &record, error);
	if (rc != 0)
		return rc;
	/* It and what follows in its partition comes again. */
	subscription_sieve(subscription, subscription_is_before, &failed);
	failed.partition->is_blocked = 0; /* by a record that waited behind it */
	failed.partition->is_behind = 0;
	rc = skafu__consumer_failed(subscription->consumer, failed.partition, record, code,
				    message ? message : skafu_result_text(code), error);
	/* Given up: what follows was withdrawn, too. */
	if (rc == 0 && !failed.partition->is_blocked && !failed.partition->is_behind)
		skafu__consumer_return(subscription->consumer, failed.partition, sequence, 0);
	skafu_record_free(record);
	return rc;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static int32_t subscription_read_opts(const skafu_subscription_opts *given, const char *name,
				      skafu_subscription_opts *out, skafu_error *error)
{
	int32_t rc = skafu__opts_read(out, sizeof *out, given, "skafu_subscription_opts", error);
	if (rc == 0)
		rc = skafu__opts_flags(out->flags, SKAFU_SUBSCRIPTION_VOLATILE, "skafu_subscription_opts", error);
	if (rc == 0 && out->open_max > SUBSCRIPTION_OPEN_MAX)
		rc = skafu__fail(error, SKAFU_ELIMIT, "open_max is %u; at most %u are possible", out->open_max,
				 SUBSCRIPTION_OPEN_MAX);
	if (rc == 0 && (name || !(out->flags & SKAFU_SUBSCRIPTION_VOLATILE)))
		rc = skafu__run_name_check(NULL, name, "subscription", error);
	if (rc == 0 && out->open_max == 0)
		out->open_max = SUBSCRIPTION_OPEN_DEFAULT;
	return rc;
}

static struct skafu__consumer_def subscription_def(const char *name, const skafu_subscription_opts *opts)
{
	return (struct skafu__consumer_def){.name = name, .kind = SKAFU_CONSUMER_KIND_SUBSCRIPTION,
					    .is_volatile = opts->flags & SKAFU_SUBSCRIPTION_VOLATILE,
					    .source = opts->source, .retry = opts->retry};
}

static int32_t subscription_fill_new(skafu_subscription *subscription, skafu_model *model, const char *name,
				     const skafu_subscription_opts *opts, skafu_error *error)
{
	struct skafu__consumer_def def = subscription_def(name, opts);
	int32_t rc = skafu__consumer_new(model, &def, &subscription->consumer, error);
	if (rc == 0)
		rc = skafu__bell_init(&subscription->bell, model->store, error);
	if (rc == 0)
		rc = skafu_batch_new(model->store, &subscription->batch, error);
	if (rc != 0)
		return rc;
	subscription->open_max = opts->open_max;
	subscription->open = skafu__alloc_zeroed(&model->sys, opts->open_max, sizeof *subscription->open);
	if (!subscription->open)
		return skafu__fail_memory(error);
	subscription->consumer->aside = skafu__builtin_aside();
	subscription->consumer->step.handler = &subscription_collector;
	subscription->consumer->step.self = subscription;
	return 0;
}

static void subscription_destroy(skafu_subscription *subscription, const skafu_model *model)
{
	struct skafu__sys sys = model->sys;
	for (uint32_t i = 0; i < subscription->form_count; i++)
		skafu_record_free(subscription->forms[i]);
	if (subscription->bell.store)
		skafu__bell_done(&subscription->bell);
	skafu_batch_free(subscription->batch);
	skafu__consumer_free(subscription->consumer);
	skafu__free(&sys, subscription->forms);
	skafu__free(&sys, subscription->open);
	skafu__free(&sys, subscription);
}

int32_t skafu_subscription_open(skafu_model *model, const char *name, const skafu_subscription_opts *opts,
				skafu_subscription **out_subscription, skafu_error *error)
{
	skafu_subscription_opts known;
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0 && !out_subscription)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_subscription is NULL; give a place for it");
	if (rc == 0)
		rc = subscription_read_opts(opts, name, &known, error);
	if (rc != 0)
		return rc;
	skafu_subscription *subscription = skafu__alloc_zeroed(&model->sys, 1, sizeof *subscription);
	if (!subscription)
		return skafu__fail_memory(error);
	skafu__model_hold(model);
	rc = subscription_fill_new(subscription, model, name, &known, error);
	if (rc == 0)
		*out_subscription = subscription;
	else
		subscription_destroy(subscription, model);
	skafu__model_release(model);
	return rc;
}

void skafu_subscription_close(skafu_subscription *subscription)
{
	if (!subscription)
		return;
	skafu_model *model = subscription->consumer->model;
	skafu__model_hold(model);
	subscription_destroy(subscription, model);
	skafu__model_release(model);
}

/* ---- in an engine -------------------------------------------------------------------------------------------- */

struct subscription_callback {
	struct skafu__sys sys;
	skafu_react_fn fn;
	void *user;
	skafu_free_fn free_user;
};

static int32_t subscription_call(void *self, const skafu_record *record, struct skafu__step *step, skafu_error *error)
{
	const struct subscription_callback *callback = self;
	return callback->fn(callback->user, record, &step->turn, error);
}

static void subscription_drop(void *self)
{
	struct subscription_callback *callback = self;
	struct skafu__sys sys = callback->sys;
	if (callback->free_user)
		callback->free_user(callback->user);
	skafu__free(&sys, callback);
}

static const struct skafu__handler subscription_caller = {.handle = subscription_call, .drop = subscription_drop,
							  .turn_kind = SKAFU__TURN_SUBSCRIPTION};

static int32_t subscription_add(skafu_engine *engine, const char *name, const skafu_subscription_opts *opts,
				const struct subscription_callback *given, skafu_error *error)
{
	struct skafu__consumer_def def = subscription_def(name, opts);
	struct subscription_callback *callback = skafu__alloc(&engine->sys, sizeof *callback);
	if (!callback) {
		if (given->free_user)
			given->free_user(given->user);
		return skafu__fail_memory(error);
	}
	*callback = *given;
	def.handler = &subscription_caller;
	def.self = callback;
	def.user = callback->user;
	return skafu__engine_add_consumer(engine, &def, NULL, error);
}

int32_t skafu_engine_subscribe(skafu_engine *engine, const char *name, const skafu_subscription_opts *opts,
			       skafu_react_fn fn, void *user, skafu_free_fn free_user, skafu_error *error)
{
	skafu_subscription_opts known;
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0 && !fn)
		rc = skafu__fail(error, SKAFU_EINVAL, "fn is NULL; give the function that takes the records");
	if (rc == 0)
		rc = subscription_read_opts(opts, name, &known, error);
	if (rc == 0 && name && skafu__engine_worker(engine, name))
		rc = skafu__fail(error, SKAFU_EEXISTS, "this engine runs a consumer %s already", name);
	if (rc != 0) {
		if (free_user)
			free_user(user);
		return rc;
	}
	struct subscription_callback callback = {.sys = engine->sys, .fn = fn, .user = user, .free_user = free_user};
	return subscription_add(engine, name, &known, &callback, error);
}
