#include "model/execute.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/json.h"
#include "model/model.h"
#include "model/reading.h"
#include "model/turn.h"
#include "store/store.h"

#define EXECUTE_ATTEMPTS_MAX 8u
#define EXECUTE_LANE_WAIT_NS INT64_C(50000000)
#define EXECUTE_KEY_BYTES_MAX 255u
#define EXECUTE_CORRELATION_BYTES_MAX 128u

/* ---- the command ----------------------------------------------------------------------------------------------- */

static const char order_json[] = "application/json";

static int32_t order_check_json(const skafu_model *model, const void *text, size_t length, const char *what,
				skafu_error *error)
{
	struct skafu__json_fault fault;
	int32_t rc = skafu__json_check(&model->sys, text, length, SKAFU__JSON_DEPTH_MAX, &fault);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (rc != 0)
		return skafu__fail(error, SKAFU_EJSON, "the %s of the command are not strict JSON: at byte %zu, %s",
				   what,
				   fault.offset, fault.reason);
	return 0;
}

static int32_t order_check_data(const skafu_model *model, skafu_command *command, skafu_error *error)
{
	static const char empty[] = "{}";
	int32_t rc = 0;
	if (!command->content_type)
		command->content_type = order_json;
	if ((command->data_length != 0 && !command->data) || (command->metadata_length != 0 && !command->metadata) ||
	    (command->tag_count != 0 && !command->tags))
		return skafu__fail(error, SKAFU_EINVAL, "a length or count of the command is not 0, but its bytes "
				   "are NULL");
	if (strcmp(command->content_type, order_json) == 0 && command->data_length == 0) {
		command->data = empty;
		command->data_length = sizeof empty - 1;
	} else if (strcmp(command->content_type, order_json) == 0) {
		rc = order_check_json(model, command->data, command->data_length, "data", error);
	}
	if (rc == 0 && command->metadata_length != 0)
		rc = order_check_json(model, command->metadata, command->metadata_length, "metadata", error);
	return rc;
}

static int32_t order_check_names(const skafu_command *command, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(command->type, 255, "command", &length, error);
	if (rc == 0 && command->stream)
		rc = skafu__name_measure(command->stream, 255, "stream name", &length, error);
	if (rc == 0 && command->key)
		rc = skafu__name_measure(command->key, EXECUTE_KEY_BYTES_MAX, "key", &length, error);
	if (rc == 0 && command->correlation)
		rc = skafu__name_measure(command->correlation, EXECUTE_CORRELATION_BYTES_MAX, "correlation id",
					 &length,
					 error);
	return rc;
}

static int32_t order_find_decider(const skafu_model *model, struct skafu__order *order, skafu_error *error)
{
	skafu_command *command = &order->command;
	order->decider = skafu__registry_command(&model->registry, command->type);
	if (!order->decider)
		return skafu__fail(error, SKAFU_ENOTFOUND, "no decider of this model decides the command %s; define "
				   "one, or correct the name", command->type);
	if (command->domain && strcmp(command->domain, order->decider->domain->name) != 0)
		return skafu__fail(error, SKAFU_ENOTFOUND, "the command %s is decided by domain %s, not %s",
				   command->type,
				   order->decider->domain->name, command->domain);
	command->domain = order->decider->domain->name;
	return 0;
}

static int32_t order_identify(struct skafu__order *order, skafu_error *error)
{
	skafu_command *command = &order->command;
	int32_t rc = 0;
	if (command->key) {
		order->has_key = 1;
		skafu__keyed_id(command->domain, command->key, order->commit);
	}
	if (command->id)
		memcpy(order->id, command->id, 16);
	else if (command->key)
		memcpy(order->id, order->commit, 16);
	else
		rc = skafu_id_new(order->id);
	if (rc != 0)
		return skafu__fail(error, rc, "the system gave no random bytes for the id of the command");
	skafu_id_format(order->id, order->id_text);
	return 0;
}

int32_t skafu__order_take(skafu_model *model, const skafu_command *given, struct skafu__order *out,
			  skafu_error *error)
{
	struct skafu__order order = {0};
	int32_t rc = given ? 0 : skafu__fail(error, SKAFU_EINVAL, "the command is NULL");
	if (rc == 0)
		rc = skafu__opts_read(&order.command, sizeof order.command, given, "skafu_command", error);
	if (rc == 0)
		rc = skafu__opts_flags(order.command.flags, SKAFU_COMMAND_EXPIRES, "skafu_command", error);
	if (rc == 0)
		rc = order_check_names(&order.command, error);
	if (rc == 0)
		rc = order_find_decider(model, &order, error);
	if (rc == 0)
		rc = order_check_data(model, &order.command, error);
	if (rc == 0)
		rc = order_identify(&order, error);
	if (rc != 0)
		return rc;
	*out = order;
	out->command.id = out->id;
	if (!out->command.correlation)
		out->command.correlation = out->id_text;
	return 0;
}

/* ---- one execution --------------------------------------------------------------------------------------------- */

struct execute_job {
	skafu_model *model;
	const struct skafu__order *order;
	const struct skafu__companion *companion;
	struct skafu_execute_opts opts;
	int64_t deadline;
	int has_deadline; /* a timeout that is neither for ever nor 0, which means: do not wait */
	uint32_t attempts;
	struct skafu__lane *lane;
	struct skafu__reading reading;
	struct skafu_turn turn;
	skafu_appended appended;
	skafu_outcome *outcome; /* what came of it */
	int is_repeated;        /* which is the answer of an earlier decision under the same key */
	int64_t began_ns;       /* 0: nobody listens */
	int64_t began_monotonic_ns;
};

static void execute_answer(const struct execute_job *job, struct skafu__answer *out)
{
	const struct skafu_turn *turn = &job->turn;
	memset(out, 0, sizeof *out);
	out->decision = turn->refused ? SKAFU_DECISION_REFUSED : SKAFU_DECISION_ACCEPTED;
	out->last_is_own = turn->last_is_own;
	out->event_count = turn->event_count;
	out->command = job->order->id;
	out->code = skafu__turn_refusal_code(turn);
	out->message = skafu__turn_refusal_message(turn);
	out->correlation = job->order->command.correlation;
	if (job->reading.stream)
		out->stream_version = job->reading.hot->version + turn->own_count;
}

static int32_t execute_decide_body(void *arg)
{
	struct execute_job *job = arg;
	const struct skafu__decider *decider = job->order->decider;
	skafu_error *own = job->turn.extra;
	job->turn.is_open = 1;
	int32_t rc = decider->decide(decider->user, &job->order->command, job->reading.hot->state, &job->turn, own);
	job->turn.is_open = 0;
	return rc;
}

static int32_t execute_decide(struct execute_job *job, skafu_error *error)
{
	struct skafu_error own = {0};
	skafu__turn_reset(&job->turn);
	job->turn.extra = &own;
	job->attempts++;
	int32_t rc = skafu__model_call(job->model, execute_decide_body, job);
	job->turn.extra = NULL;
	if (rc >= 0)
		rc = job->turn.failed;
	if (rc == 0)
		return 0;
	if (own.code == 0)
		skafu__fail(&own, rc, job->turn.failed ? "decider %s went on although an event could not be emitted"
							: "decider %s failed", job->order->decider->name);
	skafu__error_set_hosts(&own);
	return skafu__error_copy(error, &own, rc);
}

/* Conditions and rows behind the events.  The condition of the reading is number 1. */
static int32_t execute_complete_batch(struct execute_job *job, skafu_error *error)
{
	const struct skafu__companion *companion = job->companion;
	skafu_batch *batch = job->turn.batch;
	struct skafu__answer answer;
	execute_answer(job, &answer);
	int32_t rc = skafu__reading_guard(&job->reading, batch, error);
	if (rc == 0 && job->order->has_key)
		rc = skafu__keyed_put(batch, &job->model->sys, job->order->commit,
				      companion ? companion->commit_id : NULL, &answer, error);
	if (rc == 0)
		rc = skafu__reading_save(&job->reading, batch, error);
	if (rc == 0 && companion && companion->commit_id)
		rc = skafu_batch_set_id(batch, companion->commit_id, error);
	if (rc == 0 && companion)
		rc = companion->add(companion->user, batch, &answer, error);
	return rc;
}

static uint64_t execute_time_left(const struct execute_job *job)
{
	if (job->deadline == INT64_MAX)
		return SKAFU_WAIT_FOREVER;
	return (uint64_t)skafu__time_left(&job->model->sys, job->deadline);
}

static int32_t execute_check_time(const struct execute_job *job, skafu_error *error)
{
	if (!job->has_deadline || execute_time_left(job) != 0)
		return 0;
	return skafu__fail(error, SKAFU_ETIMEOUT, "the time was over before the command %s was appended, after %u "
			   "decisions", job->order->command.type, job->attempts);
}

/* Does the code mean that what was read has changed?  Other conditions belong to others. */
static int execute_is_conflict(int32_t rc, const struct skafu_error *own)
{
	return (rc == SKAFU_ECONFLICT || rc == SKAFU_EMATCH) && own->condition == 1;
}

/* The key was decided by somebody else meanwhile. */
static int execute_is_repeat(const struct execute_job *job, int32_t rc)
{
	if (!job->order->has_key || (job->companion && job->companion->commit_id))
		return 0;
	return rc == SKAFU_ECOMMIT || rc == SKAFU_EROW || (rc == 0 && (job->appended.flags & SKAFU_APPENDED_RETRY));
}

static void execute_drop_outcome(struct execute_job *job)
{
	skafu_outcome_free(job->outcome);
	job->outcome = NULL;
}

static int32_t execute_answer_again(struct execute_job *job, skafu_error *error)
{
	execute_drop_outcome(job);
	int32_t rc = skafu__keyed_get(job->model->store, &job->model->sys, job->order->commit, &job->outcome, error);
	if (rc == 1)
		job->is_repeated = 1;
	if (rc == 0 && job->attempts != 0)
		return skafu__fail(error, SKAFU_ECOMMIT, "a commit has the id of this command's key, but keeps no "
				   "answer to it");
	return rc;
}

/* 1 appended or answered, 0 decide again. */
static int32_t execute_append(struct execute_job *job, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = execute_complete_batch(job, error);
	if (rc == 0)
		rc = execute_check_time(job, error);
	if (rc != 0)
		return rc;
	job->appended = (skafu_appended){.size = sizeof job->appended};
	rc = skafu_append(job->model->store, job->turn.batch, execute_time_left(job), &job->appended, &own);
	if (execute_is_repeat(job, rc))
		return execute_answer_again(job, error);
	if (rc == 0)
		return 1;
	if (rc == SKAFU_EBUSY) {
		skafu__fail(error, SKAFU_ETIMEOUT, "the time was over while process %lld was writing",
			    (long long)own.pid);
		skafu__error_set_pid(error, own.pid);
		return SKAFU_ETIMEOUT;
	}
	if (!execute_is_conflict(rc, &own) || job->attempts >= job->opts.attempts_max)
		return skafu__error_copy(error, &own, rc);
	return 0;
}

/* Nothing to append: 1 when the decision still holds, 0 decide again. */
static int32_t execute_confirm(struct execute_job *job, skafu_error *error)
{
	int32_t rc = skafu__reading_is_current(&job->reading, error);
	if (rc != 0 || job->attempts < job->opts.attempts_max)
		return rc;
	return skafu__fail(error, SKAFU_ECONFLICT, "what the command %s depends on changed during each of %u "
			   "decisions; try again", job->order->command.type, job->attempts);
}

/* Made before anything is appended: what stands in the log must not fail for want of memory to say so. */
static int32_t execute_make_outcome(struct execute_job *job, skafu_error *error)
{
	struct skafu__answer answer;
	execute_drop_outcome(job);
	execute_answer(job, &answer);
	return skafu__outcome_make(&job->model->sys, &answer, &job->outcome, error);
}

static int32_t execute_attempts(struct execute_job *job, skafu_error *error)
{
	int32_t rc = skafu__reading_load(&job->reading, 0, error);
	while (rc == 0) {
		rc = execute_decide(job, error);
		if (rc == 0)
			rc = execute_make_outcome(job, error);
		if (rc != 0)
			return rc;
		int writes = job->turn.event_count != 0 || job->order->has_key || job->companion;
		rc = writes ? execute_append(job, error) : execute_confirm(job, error);
		if (rc == 0)
			rc = execute_check_time(job, error);
		if (rc == 0)
			rc = skafu__reading_catch_up(&job->reading, error);
	}
	return rc < 0 ? rc : 0;
}

static int64_t execute_lane_wait(const struct execute_job *job)
{
	uint64_t left = execute_time_left(job);
	return left > (uint64_t)EXECUTE_LANE_WAIT_NS ? EXECUTE_LANE_WAIT_NS : (int64_t)left;
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

/* A scope's command may name a stream too: its version is what the store says. */
static int32_t execute_stream_version(struct execute_job *job, skafu_error *error)
{
	const char *stream = job->order->command.stream;
	if (job->reading.stream || !stream)
		return 0;
	if (job->turn.last_is_own) {
		job->outcome->stream_version = job->appended.stream_version;
		return 0;
	}
	int32_t rc = skafu_stream_version(job->model->store, stream, &job->outcome->stream_version, error);
	return job->appended.commit == 0 ? rc : 0; /* what is appended stands, also when it cannot be read */
}

static int32_t execute_report(struct execute_job *job, skafu_error *error)
{
	int32_t rc = execute_stream_version(job, error);
	if (rc != 0)
		return rc;
	job->outcome->attempts = job->attempts;
	job->outcome->commit = job->appended.commit;
	if (job->turn.event_count != 0) {
		job->outcome->first_sequence = job->appended.first_sequence;
		job->outcome->last_sequence = job->appended.first_sequence + job->turn.event_count - 1;
	}
	return 0;
}

static void execute_remember(struct execute_job *job)
{
	if (job->is_repeated || (job->appended.flags & SKAFU_APPENDED_RETRY))
		skafu__reading_forget(&job->reading);
	else
		skafu__reading_keep(&job->reading, job->turn.own_count);
}

static int32_t execute_decided(struct execute_job *job, skafu_error *error)
{
	int32_t rc = skafu__reading_begin(&job->reading, job->model, job->order->decider, &job->order->command,
					  error);
	if (rc != 0)
		return rc;
	if (job->has_deadline)
		job->reading.deadline = job->deadline;
	job->lane = skafu__lane_enter(&job->model->lanes, job->reading.key.bytes, job->reading.key.length,
				      execute_lane_wait(job));
	rc = execute_attempts(job, error);
	if (rc == 0 && !job->is_repeated)
		rc = execute_report(job, error);
	if (rc == 0)
		execute_remember(job);
	return rc;
}

static void execute_prepare_turn(struct execute_job *job)
{
	const skafu_command *command = &job->order->command;
	const struct skafu__companion *companion = job->companion;
	job->turn.registry = &job->model->registry;
	job->turn.domain = job->order->decider->domain;
	job->turn.kind = SKAFU__TURN_DECIDER;
	job->turn.stream = command->stream;
	job->turn.correlation = command->correlation;
	job->turn.causation = companion && companion->causation ? companion->causation
			      : command->causation ? command->causation
						   : job->order->id;
	job->turn.now_ns = companion ? companion->now_ns : job->model->sys.wall_ns();
	job->turn.hops = companion ? companion->hops : 0;
	skafu__turn_continue_trace(&job->turn, command->metadata, command->metadata_length);
}

/* Refused by the clock alone: nothing is read, and nothing is recorded. */
static int32_t execute_expired(struct execute_job *job, skafu_error *error)
{
	const struct skafu__answer answer = {.decision = SKAFU_DECISION_REFUSED, .command = job->order->id,
					     .code = "expired", .message = "The command has expired.",
					     .correlation = job->order->command.correlation};
	return skafu__outcome_make(&job->model->sys, &answer, &job->outcome, error);
}

static int32_t execute_one(struct execute_job *job, skafu_error *error)
{
	const skafu_command *command = &job->order->command;
	int32_t rc = job->order->has_key ? execute_answer_again(job, error) : 0;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if ((command->flags & SKAFU_COMMAND_EXPIRES) && job->turn.now_ns >= command->expires_ns && !job->companion)
		return execute_expired(job, error);
	rc = skafu__model_take_batch(job->model, &job->turn.batch, error);
	return rc ? rc : execute_decided(job, error);
}

/* Everything that the execution holds; also when a function of the host ended the thread. */
static void execute_done(void *arg)
{
	struct execute_job *job = arg;
	skafu__lane_leave(&job->model->lanes, job->lane);
	skafu__reading_done(&job->reading);
	skafu__model_give_batch(job->model, job->turn.batch);
	skafu__turn_done(&job->turn);
	skafu_outcome_free(job->outcome);
	skafu__model_release(job->model);
}

/* ---- waiting for views ----------------------------------------------------------------------------------------- */

/* Names that nobody can wait for are refused before anything is decided. */
static int32_t execute_check_views(const struct execute_job *job, skafu_error *error)
{
	const struct skafu_execute_opts *opts = &job->opts;
	int32_t rc = 0;
	if (opts->wait_view_count == 0)
		return 0;
	if (!opts->wait_views)
		return skafu__fail(error, SKAFU_EINVAL, "wait_view_count is %zu but wait_views is NULL",
				   opts->wait_view_count);
	if (!job->model->wait_view)
		return skafu__fail(error, SKAFU_ENOTFOUND, "there is no projection %s to wait for",
				   opts->wait_views[0]);
	for (size_t i = 0; rc == 0 && i < opts->wait_view_count; i++)
		rc = job->model->wait_view(job->model, opts->wait_views[i], 0, job->deadline, error);
	return rc;
}

static void execute_wait_views(const struct execute_job *job)
{
	const struct skafu_execute_opts *opts = &job->opts;
	skafu_outcome *outcome = job->outcome;
	for (size_t i = 0; outcome->last_sequence != 0 && i < opts->wait_view_count && outcome->wait_result == 0; i++)
		outcome->wait_result = job->model->wait_view(job->model, opts->wait_views[i], outcome->last_sequence,
							     job->deadline, NULL);
}

/* ---- telling who listens --------------------------------------------------------------------------------------- */

static void execute_note_begin(struct execute_job *job)
{
	if (!skafu__probe_is_on(&job->model->store->probe))
		return;
	job->began_ns = job->model->sys.wall_ns();
	job->began_monotonic_ns = job->model->sys.monotonic_ns();
}

static void execute_tell(const struct execute_job *job, int32_t rc)
{
	const skafu_outcome *outcome = rc == 0 ? job->outcome : NULL;
	int64_t took_ns = job->model->sys.monotonic_ns() - job->began_monotonic_ns;
	const skafu_command *command = &job->order->command;
	struct skafu__probe_event event = {
		.kind = SKAFU__PROBE_EXECUTED, .code = rc, .count = job->attempts, .value = took_ns,
		.name = command->type, .domain = job->order->decider->domain->name,
		.decision = outcome ? outcome->decision : 0, .emitted = outcome ? outcome->event_count : 0,
		.text = outcome ? outcome->code : NULL, .metadata_length = (uint32_t)command->metadata_length,
		.metadata = command->metadata, .id = job->turn.causation, .causation = command->causation,
		.type = command->type, .correlation = command->correlation, .begin_ns = job->began_ns,
		.end_ns = job->began_ns + took_ns};
	skafu__probe_tell(&job->model->store->probe, &event);
}

/* A handler may close the host's handle meanwhile, so the model is held. */
static int32_t execute_guarded(struct execute_job *job, skafu_outcome **out_outcome, skafu_error *error)
{
	int32_t rc;
	skafu__model_hold(job->model);
	pthread_cleanup_push(execute_done, job);
	execute_note_begin(job);
	rc = execute_one(job, error);
	if (job->began_ns != 0)
		execute_tell(job, rc);
	if (rc == 0) {
		execute_wait_views(job);
		*out_outcome = job->outcome;
		job->outcome = NULL;
	}
	pthread_cleanup_pop(1);
	return rc;
}

int32_t skafu__execute(skafu_model *model, const struct skafu__order *order, uint64_t timeout_ns,
		       const skafu_execute_opts *opts, const struct skafu__companion *companion,
		       skafu_outcome **out_outcome, skafu_error *error)
{
	struct execute_job job = {.model = model, .order = order, .companion = companion};
	int32_t rc = skafu__opts_read(&job.opts, sizeof job.opts, opts, "skafu_execute_opts", error);
	if (rc != 0)
		return rc;
	if (job.opts.attempts_max == 0)
		job.opts.attempts_max = EXECUTE_ATTEMPTS_MAX;
	job.deadline = skafu__deadline(&model->sys, timeout_ns);
	job.has_deadline = timeout_ns != 0 && timeout_ns != SKAFU_WAIT_FOREVER;
	rc = execute_check_views(&job, error);
	if (rc != 0)
		return rc;
	skafu__turn_init(&job.turn, &model->sys);
	execute_prepare_turn(&job);
	return execute_guarded(&job, out_outcome, error);
}

int32_t skafu_model_execute(skafu_model *model, const skafu_command *command, uint64_t timeout_ns,
			    const skafu_execute_opts *opts, skafu_outcome **out_outcome, skafu_error *error)
{
	struct skafu__order order;
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0 && !out_outcome)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_outcome is NULL; give a place for the outcome");
	if (rc == 0)
		rc = skafu__order_take(model, command, &order, error);
	return rc ? rc : skafu__execute(model, &order, timeout_ns, opts, NULL, out_outcome, error);
}

/* ---- a state to look at ---------------------------------------------------------------------------------------- */

struct skafu_state {
	skafu_model *model;
	struct skafu__hot *hot;
};

struct execute_look {
	skafu_model *model;
	const struct skafu__order *order;
	uint64_t at;
	struct skafu__reading reading;
	skafu_error *error;
};

static int32_t execute_look_body(struct execute_look *look)
{
	struct skafu__reading *reading = &look->reading;
	int32_t rc = skafu__reading_begin(reading, look->model, look->order->decider, &look->order->command,
					  look->error);
	if (rc == 0)
		rc = skafu__reading_load(reading, look->at, look->error);
	if (rc == 0 && look->at == 0)
		rc = skafu__reading_catch_up(reading, look->error);
	if (rc == 0 && look->at == 0)
		skafu__reading_keep(reading, 0);
	return rc;
}

static void execute_look_done(void *arg)
{
	struct execute_look *look = arg;
	skafu__reading_done(&look->reading);
	skafu__model_release(look->model);
}

static int32_t execute_load_state(struct execute_look *look, struct skafu__hot **out_hot)
{
	int32_t rc;
	skafu__model_hold(look->model);
	pthread_cleanup_push(execute_look_done, look);
	rc = execute_look_body(look);
	if (rc == 0) {
		*out_hot = look->reading.hot;
		look->reading.hot = NULL;
	}
	pthread_cleanup_pop(1);
	return rc;
}

static int32_t execute_check_at(skafu_model *model, uint64_t at, skafu_error *error)
{
	uint64_t head;
	int32_t rc = at != 0 ? skafu_store_head(model->store, &head, error) : 0;
	if (rc == 0 && at != 0 && at > head)
		rc = skafu__fail(error, SKAFU_EINVAL, "there is no state as of sequence %llu yet: the log ends at "
				 "%llu", (unsigned long long)at, (unsigned long long)head);
	return rc;
}

int32_t skafu_state_load(skafu_model *model, const skafu_command *command, uint64_t at_sequence,
			 skafu_state **out_state, skafu_error *error)
{
	struct skafu__order order;
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0 && !out_state)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_state is NULL; give a place for the state");
	if (rc == 0)
		rc = skafu__order_take(model, command, &order, error);
	if (rc == 0)
		rc = execute_check_at(model, at_sequence, error);
	if (rc != 0)
		return rc;
	struct execute_look look = {.model = model, .order = &order, .at = at_sequence, .error = error};
	struct skafu__hot *hot = NULL;
	rc = execute_load_state(&look, &hot);
	if (rc != 0)
		return rc;
	skafu_state *state = skafu__alloc_zeroed(&model->sys, 1, sizeof *state);
	if (!state) {
		skafu__hot_release(hot);
		return skafu__fail_memory(error);
	}
	skafu__model_hold(model);
	state->model = model;
	state->hot = hot;
	*out_state = state;
	return 0;
}

const void *skafu_state_data(const skafu_state *state)
{
	return state ? state->hot->state : NULL;
}

uint64_t skafu_state_sequence(const skafu_state *state)
{
	return state ? state->hot->last : 0;
}

void skafu_state_free(skafu_state *state)
{
	if (!state)
		return;
	skafu_model *model = state->model;
	skafu__hot_release(state->hot);
	skafu__free(&model->sys, state);
	skafu__model_release(model);
}
