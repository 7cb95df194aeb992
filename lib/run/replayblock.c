#include "run/replayblock.h"

#include <pthread.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/log.h"
#include "codec/hash.h"
#include "run/failure.h"
#include "run/register.h"
#include "store/batch.h"
#include "store/store.h"

#define REPLAYBLOCK_READ_RECORDS 1024u
#define REPLAYBLOCK_BYTES_MAX (UINT64_C(8) << 20) /* of outputs in one append */
#define REPLAYBLOCK_MEMORY_TRIES 3u
#define REPLAYBLOCK_WAIT_NS UINT64_C(10000000000) /* for a handler in another thread */

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* The index leads to the types when all targets name theirs and no upcaster can make one of another. */
static int replayblock_has_types(const struct skafu__replay_session *session)
{
	if (session->plan.copies || session->kinds != SKAFU_KINDS_EVENTS || !session->has_steps ||
	    session->engine->model->registry.upcaster_count != 0)
		return 0;
	for (uint32_t i = 0; i < session->plan.target_count; i++)
		if (!session->ones[i].has_step || session->ones[i].consumer->source.given.type_count == 0)
			return 0;
	return 1;
}

static int32_t replayblock_make_query(const struct skafu__replay_session *session, skafu_query **out_query,
				      skafu_error *error)
{
	*out_query = NULL;
	if (!replayblock_has_types(session))
		return 0;
	int32_t rc = skafu_query_new(out_query, error);
	for (uint32_t i = 0; i < session->plan.target_count; i++) {
		const struct skafu_source *source = &session->ones[i].consumer->source.given;
		for (size_t t = 0; rc == 0 && t < source->type_count; t++)
			rc = skafu_query_add_type(*out_query, source->types[t], error);
	}
	return rc;
}

static int32_t replayblock_open(struct skafu__replay_session *session, skafu_error *error)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = session->kinds, .from = session->read_to + 1,
				.to = session->plan.to};
	skafu_query *query = NULL;
	if (session->read_to >= session->plan.to) {
		session->reads_all = 1;
		return 0;
	}
	int32_t rc = replayblock_make_query(session, &query, error);
	if (rc == 0)
		rc = skafu_read(session->engine->store, query, SKAFU_NO_LIMIT, &opts, &session->cursor, error);
	skafu_query_free(query);
	return rc;
}

/* Records in hand: 1, or 0 at the end. */
static int32_t replayblock_fill(struct skafu__replay_session *session, skafu_error *error)
{
	int32_t rc = 0;
	if (session->record_at < session->record_count)
		return 1;
	if (!session->cursor && !session->reads_all)
		rc = replayblock_open(session, error);
	if (rc != 0 || session->reads_all)
		return rc;
	rc = skafu_cursor_next_batch(session->cursor, REPLAYBLOCK_READ_RECORDS, &session->records, error);
	session->record_at = 0;
	session->record_count = rc > 0 ? (uint32_t)rc : 0;
	if (rc != 0)
		return rc > 0 ? 1 : rc;
	skafu_cursor_free(session->cursor);
	session->cursor = NULL;
	session->reads_all = 1;
	return 0;
}

int32_t skafu__replay_peek(struct skafu__replay_session *session, const skafu_record **out_record,
			   skafu_error *error)
{
	int32_t rc = replayblock_fill(session, error);
	if (rc == 1)
		*out_record = session->records[session->record_at];
	return rc;
}

/* ---- outputs --------------------------------------------------------------------------------------------------- */

static void replayblock_id(const struct skafu__replay_session *session, const char *purpose, uint32_t target,
			   uint64_t sequence, uint32_t index, uint8_t out[16])
{
	const char *consumer = session->plan.targets[target].name;
	uint8_t numbers[12];
	const struct skafu__part parts[] = {{purpose, strlen(purpose)},
					    {session->id, 16},
					    {consumer, strlen(consumer)},
					    {numbers, sizeof numbers}};
	skafu__store_u64(numbers, sequence);
	skafu__store_u32(numbers + 8, index);
	skafu__blake2b(out, 16, parts, 4);
	skafu__ident_stamp_v8(out);
}

/* Keep the records that the handler gave, under ids of the session. */
static void replayblock_keep(struct skafu__replay_session *session, uint32_t target, uint64_t sequence,
			     skafu_batch *batch)
{
	skafu__batch_keep_records(batch);
	for (uint32_t i = 0; i < batch->record_count; i++) {
		uint8_t id[16];
		replayblock_id(session, "skafu replay record 1", target, sequence, i, id);
		skafu__batch_rename_record(batch, i, id);
	}
	session->output_bytes += skafu__batch_bytes(batch);
	session->outputs[session->output_count] =
		(struct skafu__replay_output){.target = target, .sequence = sequence};
	session->output_count++;
}

static int32_t replayblock_seal(struct skafu__replay_session *session, uint32_t index, skafu_error *error)
{
	const struct skafu__replay_output *output = &session->outputs[index];
	const struct skafu__replay_progress *was =
		index == 0 ? &session->durable : &session->outputs[index - 1].after;
	skafu_batch *batch = session->batches[index];
	uint8_t id[16];
	replayblock_id(session, "skafu replay commit 1", output->target, output->sequence, 0, id);
	int32_t rc = skafu_batch_set_id(batch, id, error);
	if (rc == 0)
		rc = skafu__replay_expect_plan(batch, session->id, &session->value, error);
	if (rc == 0)
		rc = skafu__replay_put_progress(batch, session->id, was, &output->after, error);
	return rc;
}

/* The first one that is not in says what is believed wrongly, or what cannot be recorded. */
static int32_t replayblock_judge(struct skafu__replay_session *session, uint32_t index, int32_t rc, uint32_t flags,
				 skafu_error *error)
{
	const struct skafu__replay_output *output = &session->outputs[index];
	if (rc == 0 && !(flags & SKAFU_APPENDED_RETRY)) {
		session->durable = output->after;
		return 0;
	}
	if (rc == SKAFU_EROW || (rc != 0 && rc != SKAFU_ECOMMIT && skafu__failure_is_stores(rc)))
		return rc;
	session->refused = output->sequence;
	session->refused_target = output->target;
	session->refused_is_known = rc == 0 || rc == SKAFU_ECOMMIT;
	if (!session->refused_is_known)
		skafu__log(&session->engine->store->log, SKAFU_LOG_WARNING,
			   "replay: what %s gives for record %llu cannot be recorded: %s",
			   session->plan.targets[output->target].name, (unsigned long long)output->sequence,
			   error ? error->message : skafu_result_text(rc));
	return SKAFU_EROW;
}

struct replayblock_results {
	int32_t codes[SKAFU__REPLAY_BATCHES];
	skafu_appended places[SKAFU__REPLAY_BATCHES];
	struct skafu_error error;
};

static int32_t replayblock_append(struct skafu__replay_session *session, struct replayblock_results *results,
				  skafu_error *error)
{
	uint32_t count = session->output_count;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		results->codes[i] = 1;
		results->places[i].size = sizeof results->places[i];
		rc = replayblock_seal(session, i, error);
	}
	if (rc != 0)
		return rc;
	int32_t all = skafu_append_many(session->engine->store, session->batches, count, SKAFU__RUN_WAIT_NS,
					results->codes, results->places, &results->error);
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		int32_t code = results->codes[i] == 1 ? all : results->codes[i];
		rc = replayblock_judge(session, i, code, results->places[i].flags, &results->error);
	}
	return rc ? skafu__error_copy(error, &results->error, rc) : 0;
}

static int32_t replayblock_commit(struct skafu__replay_session *session, skafu_error *error)
{
	if (session->output_count == 0)
		return 0;
	struct replayblock_results *results = skafu__alloc_zeroed(&session->engine->sys, 1, sizeof *results);
	int32_t rc = results ? replayblock_append(session, results, error) : skafu__fail_memory(error);
	skafu__free(&session->engine->sys, results);
	session->output_count = 0;
	session->output_bytes = 0;
	return rc;
}

/* ---- one record ------------------------------------------------------------------------------------------------ */

static int32_t replayblock_batch(struct skafu__replay_session *session, skafu_batch **out_batch, skafu_error *error)
{
	*out_batch = session->scratch;
	if (!(session->plan.flags & SKAFU_REPLAY_REEMIT))
		return 0;
	skafu_batch **batch = &session->batches[session->output_count];
	int32_t rc = *batch ? 0 : skafu_batch_new(session->engine->store, batch, error);
	*out_batch = *batch;
	return rc;
}

static void replayblock_count(struct skafu__replay_session *session, struct skafu__replay_one *one, int32_t rc,
			      const skafu_record *record, const struct skafu_error *own)
{
	if (rc == 0) {
		session->reached.succeeded += one->step.taken != 0;
		return;
	}
	session->reached.failed++;
	skafu__log(&session->engine->store->log, SKAFU_LOG_WARNING, "replay: %s failed on record %llu: %s",
		   one->step.consumer, (unsigned long long)record->sequence, own->message);
}

/* The log refused what this target gives for this record. */
static int replayblock_is_refused(const struct skafu__replay_session *session, uint32_t target, uint64_t sequence)
{
	return session->refused == sequence && session->refused_target == target;
}

static int32_t replayblock_ran(struct skafu__replay_session *session, uint32_t target, const skafu_record *record,
			       skafu_batch *batch, int is_warm, skafu_error *error)
{
	struct skafu__replay_one *one = &session->ones[target];
	int32_t rc = 0;
	if (one->target->kind == SKAFU_CONSUMER_KIND_PROCESS)
		rc = skafu__rowaside_take(&session->aside, batch, error);
	if (rc != 0 || is_warm || !(session->plan.flags & SKAFU_REPLAY_REEMIT) || batch->record_count == 0)
		return rc;
	if (!replayblock_is_refused(session, target, record->sequence)) {
		replayblock_keep(session, target, record->sequence, batch);
	} else if (!session->refused_is_known) {
		session->reached.failed++;
		session->reached.succeeded--;
	}
	return 0;
}

/* Without memory a record is tried again, but not for ever. */
static int replayblock_may_try(struct skafu__replay_session *session, const skafu_record *record)
{
	if (session->memory_sequence != record->sequence)
		session->memory_tries = 0;
	session->memory_sequence = record->sequence;
	return ++session->memory_tries < REPLAYBLOCK_MEMORY_TRIES;
}

/* A handler that fails is counted.  Negative: the session cannot go on here. */
static int32_t replayblock_target(struct skafu__replay_session *session, uint32_t target, const skafu_record *record,
				  int is_warm, skafu_error *error)
{
	struct skafu__replay_one *one = &session->ones[target];
	int keeps = (session->plan.flags & SKAFU_REPLAY_REEMIT) != 0;
	struct skafu_error own;
	skafu_batch *batch = NULL;
	own.code = 0;
	if (session->abandoned == record->sequence && session->abandoned_target == target) {
		session->reached.failed += !is_warm;
		return 0;
	}
	int32_t rc = replayblock_batch(session, &batch, error);
	if (rc != 0)
		return rc;
	session->handling = record->sequence;
	session->handling_target = target;
	rc = skafu__step_run_inside(&one->step, record, batch, SKAFU__STEP_MUTED | (keeps ? 0 : SKAFU__STEP_DRY),
				    &own);
	session->handling = 0;
	if (rc == SKAFU_ENOMEM && replayblock_may_try(session, record))
		return skafu__error_copy(error, &own, rc);
	if (!is_warm)
		replayblock_count(session, one, rc, record, &own);
	return rc == 0 ? replayblock_ran(session, target, record, batch, is_warm, error) : 0;
}

/* What `reached` says when a target is done with the record. */
static void replayblock_pass(struct skafu__replay_session *session, uint32_t target, const skafu_record *record)
{
	struct skafu__replay_progress *reached = &session->reached;
	int is_last = target + 1 == session->plan.target_count;
	reached->partial = is_last ? 0 : record->sequence;
	reached->partial_targets = is_last ? 0 : target + 1;
	if (is_last)
		reached->sequence = record->sequence;
}

/* Only processes have something in memory that must be run again. */
static int replayblock_needs(const struct skafu__replay_session *session, uint32_t target, int is_warm)
{
	const struct skafu__replay_one *one = &session->ones[target];
	return one->has_step && (!is_warm || one->target->kind == SKAFU_CONSUMER_KIND_PROCESS);
}

static int32_t replayblock_targets(struct skafu__replay_session *session, const skafu_record *record,
				   skafu_error *error)
{
	const struct skafu__replay_progress *reached = &session->reached;
	int is_old = record->sequence <= session->warm_to;
	uint32_t first = reached->partial == record->sequence ? reached->partial_targets : 0;
	int32_t rc = 0;
	if (!is_old && reached->partial != record->sequence)
		session->reached.matched++;
	for (uint32_t i = 0; rc == 0 && i < session->plan.target_count; i++) {
		uint32_t before = session->output_count;
		int is_warm = is_old || i < first;
		if (replayblock_needs(session, i, is_warm))
			rc = replayblock_target(session, i, record, is_warm, error);
		if (rc == 0 && !is_warm)
			replayblock_pass(session, i, record);
		if (session->output_count != before)
			session->outputs[before].after = session->reached;
	}
	return rc;
}

/* ---- a block --------------------------------------------------------------------------------------------------- */

struct replayblock {
	struct skafu__replay_session *session;
	uint32_t records_max;
	uint32_t done;
	int is_fatal; /* the failure is the session's */
	struct skafu_error *error;
};

static int32_t replayblock_copy(struct replayblock *block, const skafu_record *record)
{
	struct skafu__replay_session *session = block->session;
	if (!session->plan.copies || record->sequence <= session->warm_to)
		return 0;
	int32_t rc = skafu__replay_copy_add(&session->copy, record, block->error);
	block->is_fatal = rc != 0 && rc != SKAFU_ENOMEM && !skafu__failure_is_stores(rc);
	session->reached.succeeded += rc == 0;
	return rc;
}

static int32_t replayblock_record(struct replayblock *block, const skafu_record *record)
{
	struct skafu__replay_session *session = block->session;
	int32_t rc = session->rules ? skafu_rules_match(session->rules, record, NULL, 0, block->error) : 1;
	if (rc < 0)
		return rc;
	if (rc != 0) {
		rc = replayblock_targets(session, record, block->error);
		block->is_fatal = rc == SKAFU_ELIMIT;
		if (rc == 0)
			rc = replayblock_copy(block, record);
	}
	if (rc == 0 && record->sequence > session->warm_to) {
		session->reached.sequence = record->sequence;
		session->reached.partial = 0;
		session->reached.partial_targets = 0;
	}
	return rc;
}

static int replayblock_is_full(const struct skafu__replay_session *session)
{
	return session->output_count + session->plan.target_count > SKAFU__REPLAY_BATCHES ||
	       session->output_bytes > REPLAYBLOCK_BYTES_MAX ||
	       (session->plan.copies && skafu__replay_copy_is_full(&session->copy));
}

static int32_t replayblock_body(void *arg)
{
	struct replayblock *block = arg;
	struct skafu__replay_session *session = block->session;
	int32_t rc = 0;
	while (session->record_at < session->record_count && block->done < block->records_max &&
	       !replayblock_is_full(session)) {
		rc = replayblock_record(block, session->records[session->record_at]);
		if (rc != 0)
			return rc;
		session->record_at++;
		block->done++;
	}
	return 0;
}

static void replayblock_leave(void *arg)
{
	skafu__handling_leave(arg);
}

static int32_t replayblock_call(struct replayblock *block, skafu__body_fn body)
{
	skafu_model *model = block->session->engine->model;
	int64_t deadline = skafu__deadline(&model->sys, REPLAYBLOCK_WAIT_NS);
	int32_t rc = skafu__handling_enter(&model->handling, deadline, block->error);
	if (rc != 0)
		return rc;
	pthread_cleanup_push(replayblock_leave, &model->handling);
	rc = skafu__model_call(model, body, block);
	pthread_cleanup_pop(1);
	return rc;
}

/* The records of the block again, for the copy alone, which looks each one up now. */
static int32_t replayblock_copy_again(void *arg)
{
	struct replayblock *block = arg;
	struct skafu__replay_session *session = block->session;
	int32_t rc = 0;
	for (uint32_t i = session->record_at - block->done; rc == 0 && i < session->record_at; i++) {
		const skafu_record *record = session->records[i];
		int32_t takes = session->rules ? skafu_rules_match(session->rules, record, NULL, 0, block->error) : 1;
		if (takes > 0 && record->sequence > session->warm_to)
			rc = skafu__replay_copy_add(&session->copy, record, block->error);
		rc = takes < 0 ? takes : rc;
	}
	return rc;
}

static int32_t replayblock_flush_copy(struct replayblock *block)
{
	struct skafu__replay_session *session = block->session;
	if (!session->plan.copies)
		return 0;
	int32_t rc = skafu__replay_copy_flush(&session->copy, block->error);
	if (rc == 1) {
		rc = replayblock_call(block, replayblock_copy_again);
		if (rc == 0)
			rc = skafu__replay_copy_flush(&session->copy, block->error);
	}
	block->is_fatal = rc < 0 && rc != SKAFU_EROW && (!skafu__failure_is_stores(rc) || rc == SKAFU_EDAMAGED);
	return rc;
}

int32_t skafu__replay_block(struct skafu__replay_session *session, uint32_t records_max, uint32_t *out_done,
			    int *out_fatal, skafu_error *error)
{
	struct skafu_error own = {0};
	struct replayblock block = {.session = session, .records_max = records_max, .error = &own};
	int32_t rc = replayblock_fill(session, error);
	*out_done = 0;
	*out_fatal = 0;
	if (rc < 0)
		return rc;
	if (rc == 0) { /* what is left of the range is for nobody here */
		session->reached.sequence = session->plan.to;
		return 0;
	}
	rc = replayblock_call(&block, replayblock_body);
	*out_done = block.done;
	if (block.done != 0)
		session->read_to = session->records[session->record_at - 1]->sequence;
	if (rc == 0)
		rc = replayblock_flush_copy(&block);
	if (rc == 0)
		rc = replayblock_commit(session, &own);
	*out_fatal = block.is_fatal;
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}
