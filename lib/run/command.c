#include "run/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/json.h"
#include "model/decider.h"
#include "model/execute.h"
#include "run/outcome.h"
#include "run/register.h"
#include "store/batch.h"
#include "store/store.h"

#define COMMAND_KEY_BYTES_MAX 255u
#define COMMAND_KEY_JSON_BYTES (COMMAND_KEY_BYTES_MAX * 6 + 3)
#define COMMAND_TAGS_MAX 255u

/* ---- recording ----------------------------------------------------------------------------------------------- */

static int32_t command_domain(const skafu_model *model, const skafu_command *command, const char **out,
			      skafu_error *error)
{
	const struct skafu__decider *decider = skafu__registry_command(&model->registry, command->type);
	size_t length;
	if (!decider && !command->domain)
		return skafu__fail(error, SKAFU_EDEFINITION, "no decider of this model decides the command %s; name "
				   "the domain that does", command->type);
	if (decider && command->domain && strcmp(command->domain, decider->domain->name) != 0)
		return skafu__fail(error, SKAFU_EDEFINITION, "the command %s is decided by domain %s, not %s",
				   command->type, decider->domain->name, command->domain);
	*out = decider ? decider->domain->name : command->domain;
	return decider ? 0 : skafu__name_measure(command->domain, 255, "domain", &length, error);
}

/* What only a command has, as the member "skafu" in front of what the host gave. */
static int32_t command_put_own(struct skafu__buf *out, const skafu_command *command, skafu_error *error)
{
	char key[COMMAND_KEY_JSON_BYTES];
	size_t length;
	int32_t rc = 0;
	skafu__buf_put_text(out, "{\"skafu\":{");
	if (command->key)
		rc = skafu__name_measure(command->key, COMMAND_KEY_BYTES_MAX, "key", &length, error);
	if (rc == 0 && command->key)
		rc = skafu_json_quote(command->key, sizeof key, key, error);
	if (rc != 0)
		return rc;
	if (command->key)
		skafu__buf_printf(out, "\"key\":%s", key);
	if (command->flags & SKAFU_COMMAND_EXPIRES)
		skafu__buf_printf(out, "%s\"expires\":%" PRId64, command->key ? "," : "", command->expires_ns);
	return skafu__buf_put_text(out, "}");
}

/* That the rest is strict JSON is seen when the record is added. */
static int32_t command_join_metadata(struct skafu__buf *out, const skafu_command *command, skafu_error *error)
{
	const char *given = command->metadata;
	size_t length = command->metadata_length;
	size_t brace = skafu__json_skip_blanks(given, 0, length);
	int32_t rc = command_put_own(out, command, error);
	if (rc != 0)
		return rc;
	if (length != 0 && (brace == length || given[brace] != '{'))
		return skafu__fail(error, SKAFU_EJSON, "the metadata of the command are no JSON object");
	size_t inside = skafu__json_skip_blanks(given, brace + 1, length);
	if (inside < length && given[inside] != '}')
		skafu__buf_put_text(out, ",");
	if (inside < length)
		skafu__buf_put(out, given + inside, length - inside);
	if (length == 0)
		skafu__buf_put_text(out, "}");
	return out->failed ? skafu__fail(error, out->failed, "the metadata of the command find no room") : 0;
}

static int32_t command_check(const skafu_command *command, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__opts_flags(command->flags, SKAFU_COMMAND_EXPIRES, "skafu_command", error);
	if (rc == 0)
		rc = skafu__name_measure(command->type, 255, "command", &length, error);
	if (rc == 0 && ((command->data_length != 0 && !command->data) ||
			(command->metadata_length != 0 && !command->metadata) ||
			(command->tag_count != 0 && !command->tags)))
		rc = skafu__fail(error, SKAFU_EINVAL, "a length or count of the command is not 0, but its bytes are "
				 "NULL");
	if (rc == 0 && command->metadata_length != 0) {
		const char *member;
		size_t member_length;
		if (skafu_json_find(command->metadata, command->metadata_length, "/skafu", &member, &member_length,
				    NULL) == 0)
			rc = skafu__fail(error, SKAFU_EINVAL, "the metadata of the command have a member \"skafu\", "
					 "which the library keeps for itself");
	}
	return rc;
}

static void command_describe(const skafu_command *command, const struct skafu__sending *sending,
			     skafu_new_record *out)
{
	*out = (skafu_new_record){.size = sizeof *out, .kind = SKAFU_KIND_COMMAND, .type = command->type,
				  .stream = command->stream, .content_type = command->content_type,
				  .data = command->data, .data_length = command->data_length,
				  .metadata = command->metadata, .metadata_length = command->metadata_length,
				  .tags = command->tags, .tag_count = command->tag_count, .id = command->id,
				  .hops = sending->hops};
	out->causation = command->causation ? command->causation : sending->causation;
	out->correlation = command->correlation ? command->correlation : sending->correlation;
}

int32_t skafu__command_put(skafu_model *model, const skafu_command *given, const struct skafu__sending *sending,
			   skafu_batch *batch, uint8_t out_id[16], skafu_error *error)
{
	skafu_command command;
	skafu_new_record record;
	struct skafu__buf metadata;
	int32_t rc = given ? 0 : skafu__fail(error, SKAFU_EINVAL, "the command is NULL");
	if (rc == 0)
		rc = skafu__opts_read(&command, sizeof command, given, "skafu_command", error);
	if (rc == 0)
		rc = command_check(&command, error);
	if (rc != 0)
		return rc;
	command_describe(&command, sending, &record);
	rc = command_domain(model, &command, &record.source, error);
	skafu__buf_init(&metadata, &model->sys, model->store->opts.payload_bytes_max);
	if (rc == 0 && (command.key || command.flags)) {
		rc = command_join_metadata(&metadata, &command, error);
		record.metadata = metadata.bytes;
		record.metadata_length = metadata.length;
	}
	if (rc == 0 && sending->turn)
		rc = skafu__turn_metadata(sending->turn, &record, error);
	if (rc == 0)
		rc = skafu_batch_add(batch, &record, error);
	skafu__buf_done(&metadata);
	if (rc == 0 && out_id)
		memcpy(out_id, skafu__batch_id_of(batch, batch->record_count - 1), 16);
	return rc;
}

int32_t skafu_turn_send(skafu_turn *turn, const skafu_command *command, skafu_error *error)
{
	struct skafu__step *step = skafu__step_of(turn, "skafu_turn_send", error);
	if (!step)
		return turn ? SKAFU_EMISUSE : SKAFU_EINVAL;
	struct skafu__sending sending = {.turn = turn->domain ? turn : NULL, .correlation = turn->correlation,
					 .causation = turn->causation, .hops = turn->hops};
	int32_t rc = skafu__command_put(step->model, command, &sending, turn->batch, NULL, error);
	if (rc != 0)
		turn->failed = rc;
	return rc;
}

/* ---- deciding ------------------------------------------------------------------------------------------------ */

/* One recorded command being decided. */
struct command_job {
	struct skafu__step *step;
	const skafu_record *record;
	skafu_command command;
	const char *tags[COMMAND_TAGS_MAX];
	char key[COMMAND_KEY_BYTES_MAX + 1];
	uint32_t attempts;
};

/* What the record says, as the command that it was; the record is of the log, and may say anything. */
static int32_t command_restore(struct command_job *job, skafu_error *error)
{
	const skafu_record *record = job->record;
	skafu_command *command = &job->command;
	*command = (skafu_command){.size = sizeof *command, .type = record->type, .domain = record->source,
				   .stream = record->stream[0] ? record->stream : NULL, .data = record->data,
				   .data_length = record->data_length, .content_type = record->content_type,
				   .metadata = record->metadata_length ? record->metadata : NULL,
				   .metadata_length = record->metadata_length, .tags = job->tags,
				   .tag_count = record->tag_count, .id = record->id,
				   .correlation = record->correlation};
	for (uint32_t i = 0; i < record->tag_count && i < COMMAND_TAGS_MAX; i++)
		job->tags[i] = skafu_record_tag(record, i);
	if (record->metadata_length == 0)
		return 0;
	int32_t rc = skafu_json_text(record->metadata, record->metadata_length, "/skafu/key", sizeof job->key,
				     job->key, error);
	if (rc == 0)
		command->key = job->key;
	if (rc == 0 || rc == SKAFU_ENOTFOUND)
		rc = skafu_json_int64(record->metadata, record->metadata_length, "/skafu/expires",
				      &command->expires_ns, error);
	if (rc == 0)
		command->flags = SKAFU_COMMAND_EXPIRES;
	return rc == SKAFU_ENOTFOUND ? 0 : rc;
}

static int32_t command_add(void *user, skafu_batch *batch, const struct skafu__answer *answer, skafu_error *error)
{
	struct command_job *job = user;
	struct skafu__step *step = job->step;
	struct skafu__told told = {.answer = answer, .attempts = ++job->attempts};
	int32_t rc = skafu__outcome_put(step->model, job->record, &told, batch, error);
	return rc == 0 && step->seal ? step->seal(step->seal_user, step, batch, error) : rc;
}

/* Record an answer that needs no decision. */
static int32_t command_answer(struct command_job *job, const struct skafu__answer *answer, int is_repeated,
			      skafu_error *error)
{
	struct skafu__step *step = job->step;
	struct skafu__told told = {.answer = answer, .attempts = 0, .is_repeated = (uint32_t)is_repeated};
	skafu_batch *batch = step->turn.batch;
	int32_t rc = skafu__outcome_put(step->model, job->record, &told, batch, error);
	if (rc == 0)
		rc = skafu_batch_set_id(batch, step->commit_id, error);
	if (rc == 0 && step->seal)
		rc = step->seal(step->seal_user, step, batch, error);
	if (rc == 0)
		rc = skafu_append(step->model->store, batch, SKAFU__RUN_WAIT_NS, NULL, error);
	return rc;
}

static int32_t command_refuse(struct command_job *job, const char *code, const char *message, skafu_error *error)
{
	const struct skafu__answer answer = {.decision = SKAFU_DECISION_REFUSED, .command = job->record->id,
					     .code = code, .message = message,
					     .correlation = job->record->correlation};
	return command_answer(job, &answer, 0, error);
}

/* The key was decided before, by whatever way: that answer is the outcome of this record too. */
static int32_t command_repeat(struct command_job *job, const skafu_outcome *outcome, skafu_error *error)
{
	const struct skafu__answer answer = {.decision = outcome->decision, .command = outcome->command,
					     .event_count = outcome->event_count,
					     .stream_version = outcome->stream_version, .code = outcome->code,
					     .message = outcome->message, .correlation = outcome->correlation};
	return command_answer(job, &answer, 1, error);
}

static int32_t command_decide(struct command_job *job, skafu_error *error)
{
	struct skafu__step *step = job->step;
	struct skafu__order order;
	skafu_outcome *outcome = NULL;
	int32_t rc = skafu__order_take(step->model, &job->command, &order, error);
	if (rc != 0)
		return rc;
	const struct skafu__companion companion = {.add = command_add, .user = job, .commit_id = step->commit_id,
						   .causation = job->record->id, .now_ns = job->record->recorded_ns,
						   .hops = job->record->hops + 1};
	rc = skafu__execute(step->model, &order, SKAFU__RUN_WAIT_NS, NULL, &companion, &outcome, error);
	if (rc == 0 && (outcome->flags & SKAFU_OUTCOME_REPEATED))
		rc = command_repeat(job, outcome, error);
	skafu_outcome_free(outcome);
	return rc;
}

static int32_t command_handle(void *self, const skafu_record *input, struct skafu__step *step, skafu_error *error)
{
	struct command_job job = {.step = step, .record = input};
	const struct skafu__decider *decider = skafu__registry_command(&step->model->registry, input->type);
	(void)self;
	int32_t rc = command_restore(&job, error);
	if (rc != 0)
		return rc;
	if (!decider || strcmp(decider->domain->name, input->source) != 0)
		rc = command_refuse(&job, "unknown-command", "No decider of the domain decides this command.", error);
	else if ((job.command.flags & SKAFU_COMMAND_EXPIRES) &&
		 step->model->sys.wall_ns() >= job.command.expires_ns)
		rc = command_refuse(&job, "expired", "The command has expired.", error);
	else
		rc = command_decide(&job, error);
	if (rc == SKAFU_ECOMMIT) /* decided before a rewind */
		return 0;
	step->committed = rc == 0;
	return rc;
}

/* ---- workers ------------------------------------------------------------------------------------------------- */

static const struct skafu__handler command_handler = {.handle = command_handle, .turn_kind = SKAFU__TURN_DECIDER,
						      .commits = 1};

static int32_t command_worker(skafu_engine *engine, const char *domain, skafu_error *error)
{
	char name[7 + 256];
	const skafu_source source = {.size = sizeof source, .kinds = SKAFU_KINDS_COMMANDS,
				     .partition_by = SKAFU_PARTITION_STREAM};
	struct skafu__consumer_def def = {.name = name, .domain = domain, .kind = SKAFU_CONSUMER_KIND_DECIDER,
					  .source = &source, .handler = &command_handler};
	snprintf(name, sizeof name, "domain:%s", domain);
	if (!skafu__engine_wants(engine, name))
		return 0;
	return skafu__engine_add_consumer(engine, &def, NULL, error);
}

static int command_decides(const struct skafu__registry *registry, const struct skafu__domain *domain)
{
	for (const struct skafu__decider *decider = registry->deciders; decider; decider = decider->next)
		if (decider->domain == domain)
			return 1;
	return 0;
}

int32_t skafu__command_workers(skafu_engine *engine, skafu_error *error)
{
	const struct skafu__registry *registry = &engine->model->registry;
	int32_t rc = 0;
	for (const struct skafu__domain *domain = registry->domains; rc == 0 && domain; domain = domain->next)
		if (command_decides(registry, domain))
			rc = command_worker(engine, domain->name, error);
	return rc;
}
