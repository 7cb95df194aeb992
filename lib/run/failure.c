#include "run/failure.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/probe.h"
#include "base/testhook.h"
#include "base/text.h"
#include "model/model.h"
#include "run/deliver.h"
#include "run/retry.h"
#include "store/store.h"

/* What passes, or is for whoever runs the engine to mend; all else says something about the input. */
static int failure_may_pass(int32_t code)
{
	switch (code) {
	case SKAFU_EBUSY:
	case SKAFU_ETIMEOUT:
	case SKAFU_EINTERRUPTED:
	case SKAFU_ENOSPACE:
	case SKAFU_EIO:
	case SKAFU_EUNKNOWN:
	case SKAFU_EPOISONED:
	case SKAFU_EREADONLY:
	case SKAFU_EFULL:
	case SKAFU_EACCESS:
	case SKAFU_ENOMEM:
		return 1;
	default:
		return 0;
	}
}

int skafu__failure_is_stores(int32_t code)
{
	return code <= SKAFU_EBUSY && code != SKAFU_EGONE && code != SKAFU_EHOST && code != SKAFU_EABSENT;
}

int skafu__failure_is_ours(int32_t code, const struct skafu_error *error)
{
	return !error->is_hosts && failure_may_pass(code);
}

static void failure_describe(struct skafu__consumer *consumer, struct skafu__partition *partition,
			     const skafu_record *input, struct skafu__failure *out)
{
	memset(out, 0, sizeof *out);
	out->partition = partition;
	out->input = input;
	out->key = consumer->step.key && consumer->step.key_sequence == input->sequence
			   ? consumer->step.key
			   : skafu__source_key(&consumer->source, input);
	out->last_ns = consumer->store->sys.wall_ns();
	out->first_ns = partition->failing == input->sequence ? partition->first_failed_ns : out->last_ns;
	out->attempts = partition->failing == input->sequence ? partition->attempts : 0;
	out->message = "";
}

static void failure_count(struct skafu__consumer *consumer, struct skafu__partition *partition, uint64_t sequence)
{
	if (partition->failing != sequence) {
		partition->failing = sequence;
		partition->attempts = 0;
		partition->first_failed_ns = consumer->store->sys.wall_ns();
	}
	partition->attempts++;
	atomic_fetch_add_explicit(&consumer->figures->failures, 1, memory_order_relaxed);
	if (consumer->engine)
		atomic_fetch_add_explicit(&consumer->engine->failures, 1, memory_order_relaxed);
}

static void failure_tell_test(const struct skafu__consumer *consumer, const struct skafu__failure *failure)
{
	skafu__testhook_tell(SKAFU__TESTHOOK_FAILED, NULL, consumer->name, failure->message,
			     failure->input->sequence, failure->code);
}

static void failure_tell(const struct skafu__consumer *consumer, const struct skafu__failure *failure)
{
	const skafu_record *input = failure->input;
	struct skafu__probe_event event = {
		.kind = SKAFU__PROBE_FAILED, .code = failure->code, .count = 1, .value = -(int64_t)failure->code,
		.name = consumer->name, .domain = consumer->domain, .from = input->source, .text = failure->message,
		.record_kind = input->kind, .attempt = failure->attempts, .metadata_length = input->metadata_length,
		.id = input->id, .causation = input->causation, .type = input->type,
		.correlation = input->correlation, .metadata = input->metadata, .sequence = input->sequence,
		.recorded_ns = input->recorded_ns, .end_ns = failure->last_ns};
	if (skafu__probe_is_on(&consumer->store->probe))
		skafu__probe_tell(&consumer->store->probe, &event);
	failure_tell_test(consumer, failure);
}

/* ---- is it worth another try? -------------------------------------------------------------------------------- */

struct failure_question {
	const struct skafu__consumer *consumer;
	const skafu_record *input;
	int32_t code;
};

static int32_t failure_ask(void *arg)
{
	const struct failure_question *question = arg;
	const struct skafu__consumer *consumer = question->consumer;
	return consumer->retry.worth(consumer->user, question->input, question->code);
}

static int64_t failure_delay(struct skafu__consumer *consumer, const struct skafu__partition *partition,
			     const skafu_record *input, int32_t code)
{
	struct failure_question question = {consumer, input, code};
	uint64_t random = 0;
	if (consumer->step.is_hopeless && consumer->step.key_sequence == input->sequence)
		return -1;
	if (consumer->retry.worth && skafu__model_call(consumer->model, failure_ask, &question) == 0)
		return -1;
	if (consumer->retry.jitter_percent != 0)
		consumer->store->sys.random(&random, sizeof random);
	return skafu__retry_delay(&consumer->retry, partition->attempts, random);
}

int32_t skafu__consumer_failed(struct skafu__consumer *consumer, struct skafu__partition *partition,
			       const skafu_record *input, int32_t code, const char *message, skafu_error *error)
{
	struct skafu__failure failure;
	failure_count(consumer, partition, input->sequence);
	failure_describe(consumer, partition, input, &failure);
	failure.code = code;
	failure.message = message;
	failure_tell(consumer, &failure);
	if (consumer->aside && consumer->aside->failed)
		consumer->aside->failed(consumer, &failure);
	int64_t delay = failure_delay(consumer, partition, input, code);
	if (delay < 0)
		return skafu__deliver_give_up(consumer, &failure, error);
	int64_t until = consumer->store->sys.monotonic_ns() + delay;
	skafu__consumer_return(consumer, partition, input->sequence - 1, until > 0 ? until : 1);
	return 0;
}

int32_t skafu__failure_park(struct skafu__consumer *consumer, struct skafu__partition *partition,
			    const skafu_record *input, int32_t code, const char *message, skafu_error *error)
{
	struct skafu__failure failure;
	failure_describe(consumer, partition, input, &failure);
	failure.code = code;
	failure.message = message;
	failure.is_parked_behind = 1;
	return skafu__deliver_give_up(consumer, &failure, error);
}

void skafu__failure_abandoned(struct skafu__consumer *consumer, struct skafu__partition *partition, uint64_t sequence)
{
	failure_count(consumer, partition, sequence);
	int64_t delay = skafu__retry_delay(&consumer->retry, partition->attempts, 0);
	/* What went before it was lost and comes first. */
	if (partition->is_behind && partition->position < sequence - 1)
		return;
	skafu__consumer_return(consumer, partition, sequence - 1,
			       delay < 0 ? 0 : consumer->store->sys.monotonic_ns() + delay);
}

/* ---- before the handler -------------------------------------------------------------------------------------- */

int32_t skafu__failure_before(struct skafu__consumer *consumer, struct skafu__partition *partition,
			      const skafu_record *input, struct skafu__failure *out, skafu_error *error)
{
	if (input->hops > consumer->hops_max) {
		failure_describe(consumer, partition, input, out);
		out->code = SKAFU_ELIMIT;
		out->message = "too many reactions led to this record; look for handlers that answer each other";
		failure_tell_test(consumer, out);
		return 1;
	}
	if (partition->failing == input->sequence && partition->attempts >= consumer->retry.attempts_max) {
		failure_describe(consumer, partition, input, out);
		out->code = SKAFU_EHOST;
		out->message = "the handler ended its thread";
		failure_tell_test(consumer, out);
		return 1;
	}
	if (consumer->retry.then != SKAFU_THEN_PARK_KEY || !consumer->aside || !consumer->aside->is_parked ||
	    (consumer->handler && consumer->handler->has_keys))
		return 0;
	int32_t rc = consumer->aside->is_parked(consumer, skafu__source_key(&consumer->source, input), error);
	if (rc != 1)
		return rc;
	failure_describe(consumer, partition, input, out);
	out->is_parked_behind = 1;
	return 1;
}

/* ---- set aside ----------------------------------------------------------------------------------------------- */

int32_t skafu__failure_halt(struct skafu__consumer *consumer, const struct skafu__failure *failure,
			    skafu_batch *batch, skafu_error *error)
{
	struct skafu__consumer_row row = consumer->row;
	size_t length = skafu__utf8_cut(failure->message, strlen(failure->message), sizeof row.message - 1);
	row.state = SKAFU_CONSUMER_HALTED;
	row.generation++;
	row.halt_sequence = failure->input->sequence;
	row.halt_code = failure->code;
	memcpy(row.message, failure->message, length);
	row.message[length] = '\0';
	return skafu__consumer_row_put(batch, consumer->name, &row, error);
}

static void failure_tell_dead_letter(const struct skafu__consumer *consumer, const struct skafu__failure *failure)
{
	const struct skafu__probe_event event = {
		.kind = SKAFU__PROBE_DEAD_LETTER, .count = 1, .code = failure->code,
		.value = -(int64_t)failure->code, .name = consumer->name, .domain = consumer->domain,
		.from = failure->input->source};
	if (skafu__probe_is_on(&consumer->store->probe))
		skafu__probe_tell(&consumer->store->probe, &event);
}

void skafu__failure_given_up(struct skafu__consumer *consumer, const struct skafu__failure *failure)
{
	int halts = consumer->retry.then == SKAFU_THEN_HALT;
	if (halts)
		consumer->row.state = SKAFU_CONSUMER_HALTED;
	atomic_fetch_add_explicit(&consumer->figures->dead_letters, 1, memory_order_relaxed);
	if (consumer->engine)
		atomic_fetch_add_explicit(&consumer->engine->dead_letters, 1, memory_order_relaxed);
	failure_tell_dead_letter(consumer, failure);
	skafu__log(&consumer->store->log, SKAFU_LOG_WARNING,
		   "consumer %s sets record %llu aside after %u attempts%s: %s", consumer->name,
		   (unsigned long long)failure->input->sequence, failure->attempts, halts ? " and halts" : "",
		   failure->message);
}
