/*
 * ask.c: what a host asks of an engine: take this command, tell what became of it, wait for the end of a flow.
 *
 * A command with a key has a record id that is made of domain and key, so sending it again finds the record that is
 * there, and its outcome.
 */
#include "skafu_run.h"

#include <string.h>

#include "base/error.h"
#include "base/ident.h"
#include "base/opts.h"
#include "codec/hash.h"
#include "model/decider.h"
#include "run/command.h"
#include "run/engine.h"
#include "run/timer.h"
#include "store/store.h"

/* ---- sending ------------------------------------------------------------------------------------------------- */

struct ask_sent {
	uint8_t id[16];
	skafu_appended places;
};

static void ask_key_id(const skafu_model *model, const skafu_command *command, uint8_t out[16])
{
	static const char purpose[] = "skafu sent command 1";
	const struct skafu__decider *decider =
		command->type ? skafu__registry_command(&model->registry, command->type) : NULL;
	const char *domain = command->domain ? command->domain : decider ? decider->domain->name : "";
	const struct skafu__part parts[] = {
		{purpose, sizeof purpose}, {domain, strlen(domain)}, {command->key, strlen(command->key)}};
	skafu__blake2b(out, 16, parts, 3);
	skafu__ident_stamp_v8(out);
}

/* A key that was sent before: whatever else the command says now, the record of then stands. */
static int32_t ask_was_sent(const skafu_engine *engine, const skafu_command *command, skafu_batch *batch,
			    struct ask_sent *sent, int32_t rc, struct skafu_error *own)
{
	uint8_t commit[16];
	if (rc != SKAFU_ECOMMIT || !command->key)
		return rc;
	rc = skafu_batch_id(batch, commit, own);
	if (rc == 0)
		rc = skafu_commit_status(engine->store, commit, &sent->places, own);
	if (rc == 0)
		sent->places.flags |= SKAFU_APPENDED_RETRY;
	return rc;
}

static int32_t ask_append(skafu_engine *engine, const skafu_command *command, uint64_t timeout_ns,
			  struct ask_sent *sent, skafu_error *error)
{
	static const struct skafu__sending nobody = {0};
	struct skafu_error own = {0};
	skafu_batch *batch = NULL;
	int32_t rc = skafu__model_take_batch(engine->model, &batch, &own);
	if (rc == 0)
		rc = skafu__command_put(engine->model, command, &nobody, batch, sent->id, &own);
	sent->places = (skafu_appended){.size = sizeof sent->places};
	if (rc == 0) {
		rc = skafu_append(engine->store, batch, timeout_ns, &sent->places, &own);
		rc = ask_was_sent(engine, command, batch, sent, rc, &own);
	}
	skafu__model_give_batch(engine->model, batch);
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}

static int32_t ask_send(skafu_engine *engine, const skafu_command *given, uint64_t timeout_ns, struct ask_sent *sent,
			skafu_error *error)
{
	skafu_command command;
	uint8_t key_id[16];
	int32_t rc = given ? 0 : skafu__fail(error, SKAFU_EINVAL, "the command is NULL");
	if (rc == 0)
		rc = skafu__opts_read(&command, sizeof command, given, "skafu_command", error);
	if (rc != 0)
		return rc;
	if (command.key && !command.id) {
		ask_key_id(engine->model, &command, key_id);
		command.id = key_id;
	}
	return ask_append(engine, &command, timeout_ns, sent, error);
}

int32_t skafu_engine_send(skafu_engine *engine, const skafu_command *command, uint64_t timeout_ns,
			  skafu_appended *out_appended, skafu_error *error)
{
	struct ask_sent sent;
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0 && out_appended && (out_appended->size < 8 || out_appended->size > sizeof sent.places))
		rc = skafu__fail(error, SKAFU_EOPTION, "out_appended has size %u; set it to sizeof(skafu_appended)",
				 out_appended->size);
	if (rc == 0)
		rc = ask_send(engine, command, timeout_ns, &sent, error);
	if (rc != 0 || !out_appended)
		return rc;
	uint32_t size = out_appended->size;
	memcpy(out_appended, &sent.places, size);
	out_appended->size = size;
	return 0;
}

/* ---- looking along a correlation ----------------------------------------------------------------------------- */

/* 1 and stop, 0 and go on. */
typedef int32_t (*ask_match_fn)(void *user, const skafu_record *record, skafu_error *error);

struct ask_look {
	const char *correlation;
	uint32_t kinds;
	uint64_t seen; /* everything of it up to here was looked at */
	ask_match_fn match;
	void *user;
};

static int32_t ask_look(void *user, skafu_engine *engine, skafu_error *error)
{
	struct ask_look *look = user;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = look->kinds, .from = look->seen + 1};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	uint64_t head = 0;
	int32_t rc = skafu_store_head(engine->store, &head, error);
	if (rc != 0 || head <= look->seen)
		return rc;
	opts.to = head;
	rc = skafu_read_correlation(engine->store, look->correlation, SKAFU_NO_LIMIT, &opts, &cursor, error);
	int32_t found = 0;
	while (rc >= 0 && found == 0 && (rc = skafu_cursor_next(cursor, &record, error)) == 1)
		found = look->match(look->user, record, error);
	if (rc == 0)
		look->seen = head;
	skafu_cursor_free(cursor);
	return rc < 0 ? rc : found;
}

/* ---- execute ------------------------------------------------------------------------------------------------- */

struct ask_outcome {
	const uint8_t *id;
	skafu_outcome *outcome;
};

static int32_t ask_is_outcome(void *user, const skafu_record *record, skafu_error *error)
{
	struct ask_outcome *ask = user;
	if (memcmp(record->causation, ask->id, 16) != 0)
		return 0;
	int32_t rc = skafu_outcome_read(record, &ask->outcome, error);
	return rc ? rc : 1;
}

/* The record says what it correlates with: one that was there before may say something else than this command. */
static int32_t ask_wait(skafu_engine *engine, const struct ask_sent *sent, uint64_t timeout_ns,
			skafu_outcome **out_outcome, skafu_error *error)
{
	struct skafu_error own = {0};
	struct ask_outcome ask = {.id = sent->id};
	skafu_record *record = NULL;
	int32_t rc = skafu_get(engine->store, sent->places.first_sequence, &record, error);
	if (rc != 0)
		return rc;
	struct ask_look look = {.correlation = record->correlation, .kinds = SKAFU_KINDS_OUTCOMES,
				.seen = record->sequence, .match = ask_is_outcome, .user = &ask};
	rc = skafu__engine_until(engine, timeout_ns, ask_look, &look, &own);
	if (rc == SKAFU_ETIMEOUT)
		skafu__fail(error, rc, "the command %s stands as record %llu and was not decided in time; it will be "
			    "when its domain runs", record->type, (unsigned long long)record->sequence);
	else if (rc != 0)
		skafu__error_copy(error, &own, rc);
	if (rc == 0 && (sent->places.flags & SKAFU_APPENDED_RETRY))
		ask.outcome->flags |= SKAFU_OUTCOME_REPEATED;
	if (rc == 0)
		*out_outcome = ask.outcome;
	skafu_record_free(record);
	return rc;
}

static uint64_t ask_time_left(const skafu_engine *engine, int64_t deadline)
{
	return deadline == INT64_MAX ? SKAFU_WAIT_FOREVER : (uint64_t)skafu__time_left(&engine->sys, deadline);
}

int32_t skafu_engine_execute(skafu_engine *engine, const skafu_command *command, uint64_t timeout_ns,
			     skafu_outcome **out_outcome, skafu_error *error)
{
	struct ask_sent sent;
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0 && !out_outcome)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_outcome is NULL; give a place for the outcome");
	if (rc != 0)
		return rc;
	int64_t deadline = skafu__deadline(&engine->sys, timeout_ns);
	rc = ask_send(engine, command, timeout_ns, &sent, error);
	return rc ? rc : ask_wait(engine, &sent, ask_time_left(engine, deadline), out_outcome, error);
}

/* ---- await --------------------------------------------------------------------------------------------------- */

struct ask_pattern {
	skafu_rules *rules;
	skafu_record *record;
};

static int32_t ask_is_match(void *user, const skafu_record *record, skafu_error *error)
{
	struct ask_pattern *ask = user;
	int32_t rc = skafu_rules_match(ask->rules, record, NULL, 0, error);
	if (rc <= 0)
		return rc;
	rc = skafu_record_copy(record, &ask->record, error);
	return rc ? rc : 1;
}

static int32_t ask_await(skafu_engine *engine, const char *correlation, struct ask_pattern *ask, uint64_t timeout_ns,
			 skafu_error *error)
{
	struct skafu_error own = {0};
	struct ask_look look = {.correlation = correlation, .kinds = SKAFU_KINDS_ALL, .match = ask_is_match,
				.user = ask};
	int32_t rc = skafu__engine_until(engine, timeout_ns, ask_look, &look, &own);
	if (rc == SKAFU_ETIMEOUT)
		return skafu__fail(error, rc, "no record of correlation %s matched in time", correlation);
	return rc ? skafu__error_copy(error, &own, rc) : 0;
}

int32_t skafu_engine_await(skafu_engine *engine, const char *correlation, const char *pattern, uint64_t timeout_ns,
			   skafu_record **out_record, skafu_error *error)
{
	struct ask_pattern ask = {0};
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0 && (!correlation || !pattern || !out_record))
		rc = skafu__fail(error, SKAFU_EINVAL, "the correlation, the pattern or the place for the record is "
				 "NULL");
	if (rc == 0)
		rc = skafu_rules_new(&ask.rules, error);
	if (rc == 0)
		rc = skafu_rules_add(ask.rules, pattern, strlen(pattern), NULL, error);
	if (rc == 0)
		rc = ask_await(engine, correlation, &ask, timeout_ns, error);
	skafu_rules_free(ask.rules);
	if (rc == 0)
		*out_record = ask.record;
	return rc;
}

/* ---- figures ------------------------------------------------------------------------------------------------- */

static uint64_t ask_load(const _Atomic uint64_t *figure)
{
	return atomic_load_explicit(figure, memory_order_relaxed);
}

int32_t skafu_engine_stats_get(skafu_engine *engine, skafu_engine_stats *out_stats, skafu_error *error)
{
	skafu_engine_stats stats = {.size = sizeof stats};
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0 && (!out_stats || out_stats->size < 8 || out_stats->size > sizeof stats))
		rc = skafu__fail(error, SKAFU_EOPTION, "out_stats is NULL or its size is not "
				 "sizeof(skafu_engine_stats)");
	if (rc == 0)
		rc = skafu__timer_count(engine->store, &stats.timers_pending, error);
	if (rc != 0)
		return rc;
	const struct skafu__engine_figures *figures = &engine->figures;
	stats.consumers = atomic_load(&engine->consumer_count);
	stats.steps = ask_load(&figures->steps);
	stats.published = ask_load(&engine->store->records);
	stats.delivered = ask_load(&figures->delivered);
	stats.emitted = ask_load(&figures->emitted);
	stats.failures = ask_load(&figures->failures);
	stats.dead_letters = ask_load(&figures->dead_letters);
	stats.timers_fired = ask_load(&figures->timers_fired);
	stats.errors_waiting = ask_load(&figures->errors_waiting);
	stats.errors_lost = ask_load(&figures->errors_lost);
	stats.cross_domain_p50_ns = skafu__times_part(&figures->cross_domain, 500);
	stats.cross_domain_p95_ns = skafu__times_part(&figures->cross_domain, 950);
	stats.cross_domain_p99_ns = skafu__times_part(&figures->cross_domain, 990);
	stats.size = out_stats->size;
	memcpy(out_stats, &stats, out_stats->size);
	return 0;
}
