#include "fault/callsrun.h"

#include <string.h>

#include "fault/actors.h"

#define DUE_NOW INT64_C(1000)
#define FAR_NS INT64_C(4000000000000000000)

/* ---- definitions ---------------------------------------------------------------------------------------------- */

static int32_t domains(struct callscene *s)
{
	return callscene_domains(s, s->model);
}

static int32_t react(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)turn;
	(void)error;
	return 0;
}

static int32_t route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	(void)user;
	(void)input;
	(void)instance;
	(void)error;
	return SKAFU_ROUTE_IGNORE;
}

static int32_t act(void *user, const skafu_record *input, const void *state, skafu_turn *turn, skafu_error *error)
{
	(void)user;
	(void)input;
	(void)state;
	(void)turn;
	(void)error;
	return 0;
}

static const char *const types[] = {"Ordered", "Paid"};
static const skafu_source choosy = {.size = sizeof choosy, .types = types, .type_count = 2,
				    .rule = "{\"source\":[\"shop\"]}", .partition_by = SKAFU_PARTITION_TAG,
				    .partition_tag = "customer:"};

static int32_t act_add_reaction(struct callscene *s)
{
	skafu_reaction_def def = {.size = sizeof def, .domain = "stock", .name = "another", .source = &choosy,
				  .react = react, .user = s, .free_user = callscene_free_user};

	s->given++;
	return skafu_model_add_reaction(s->model, &def, &s->error);
}

static int32_t act_add_process(struct callscene *s)
{
	skafu_process_def def = {.size = sizeof def, .version = 1, .domain = "shop", .name = "another",
				 .source = &choosy, .route = route, .act = act, .user = s,
				 .free_user = callscene_free_user};

	s->given++;
	return skafu_model_add_process(s->model, &def, &s->error);
}

/* ---- subscriptions -------------------------------------------------------------------------------------------- */

static int32_t act_subscription_open(struct callscene *s)
{
	return skafu_subscription_open(s->model, "pull", NULL, &s->subscription, &s->error);
}

static int32_t subscribe_anew(struct callscene *s)
{
	skafu_subscription_close(s->subscription);
	s->subscription = NULL;
	return act_subscription_open(s);
}

static int32_t act_subscription_next(struct callscene *s)
{
	const skafu_record *const *records = NULL;
	int32_t rc = skafu_subscription_next(s->subscription, 2, ACTORS_SECOND, &records, &s->error);

	s->acks = rc > 0 ? records[rc - 1]->sequence : 0;
	return rc > 0 ? 0 : rc == 0 ? SKAFU_ETIMEOUT : rc;
}

static int32_t take_two(struct callscene *s)
{
	int32_t rc = subscribe_anew(s);

	return rc ? rc : act_subscription_next(s);
}

static int32_t take_one(struct callscene *s)
{
	const skafu_record *const *records = NULL;
	int32_t rc = subscribe_anew(s);

	if (rc == 0)
		rc = skafu_subscription_next(s->subscription, 1, ACTORS_SECOND, &records, &s->error);
	s->acks = rc > 0 ? records[0]->sequence : 0;
	return rc > 0 ? 0 : rc == 0 ? SKAFU_ETIMEOUT : rc;
}

static int32_t act_ack(struct callscene *s)
{
	return skafu_subscription_ack(s->subscription, s->acks, &s->error);
}

static int32_t act_subscription_close(struct callscene *s)
{
	skafu_subscription_close(s->subscription);
	s->subscription = NULL;
	return 0;
}

static int32_t take_two_and_batch(struct callscene *s)
{
	int32_t rc = take_two(s);

	return rc ? rc : skafu_batch_new(s->store, &s->batch, &s->error);
}

static int32_t act_ack_in(struct callscene *s)
{
	return skafu_subscription_ack_in(s->subscription, s->acks, s->batch, &s->error);
}

static int32_t act_fail(struct callscene *s)
{
	return skafu_subscription_fail(s->subscription, s->acks, SKAFU_EHOST, "no", &s->error);
}

/* ---- in the functions of consumers ---------------------------------------------------------------------------- */

static int32_t order(struct callscene *s)
{
	return callscene_order(s, "new", NULL);
}

static int32_t drain(struct callscene *s)
{
	return skafu_engine_drain(s->engine, UINT64_C(100000000000), &s->error);
}

static int32_t inside_send(struct callscene *s, const struct call_hands *hands)
{
	skafu_command pay = callscene_command("Pay", "elsewhere", NULL);

	(void)s;
	return skafu_turn_send(hands->turn, &pay, hands->error);
}

static int32_t inside_effect(struct callscene *s, const struct call_hands *hands)
{
	uint8_t key[16];

	(void)s;
	return skafu_effect(hands->turn, "mail", key, hands->error);
}

static int32_t inside_set_timer(struct callscene *s, const struct call_hands *hands)
{
	skafu_new_record late = {.size = sizeof late, .type = "Reserved", .stream = "timed"};

	(void)s;
	return skafu_turn_set_timer(hands->turn, "soon", DUE_NOW, &late, hands->error);
}

static int32_t inside_cancel_timer(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_turn_cancel_timer(hands->turn, "late", hands->error);
}

static int32_t inside_undo_with(struct callscene *s, const struct call_hands *hands)
{
	skafu_command undo = callscene_command("Refuse", "undo", NULL);

	(void)s;
	return skafu_turn_undo_with(hands->turn, &undo, hands->error);
}

static int32_t inside_compensate(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_turn_compensate(hands->turn, "limit", "Too much.", hands->error);
}

static int32_t inside_complete(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_turn_complete(hands->turn, hands->error);
}

static int32_t inside_writer(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_writer_put(hands->writer, "", 0, hands->error);
}

/* ---- timers --------------------------------------------------------------------------------------------------- */

static int32_t make_batch(struct callscene *s)
{
	return skafu_batch_new(s->store, &s->batch, &s->error);
}

static int32_t set_timer(struct callscene *s, int64_t due_ns)
{
	skafu_new_record late = {.size = sizeof late, .type = "Late", .stream = "timed", .source = "shop"};

	return skafu_batch_set_timer(s->batch, "another", due_ns, &late, &s->error);
}

static int32_t act_set_timer(struct callscene *s)
{
	return set_timer(s, FAR_NS);
}

static int32_t act_cancel_timer(struct callscene *s)
{
	return skafu_batch_cancel_timer(s->batch, "host", &s->error);
}

/* A timer of the host that is due. */
static int32_t timer_due(struct callscene *s)
{
	int32_t rc = make_batch(s);

	if (rc == 0)
		rc = set_timer(s, DUE_NOW);
	if (rc == 0)
		rc = skafu_batch_set_id(s->batch, (const uint8_t *)"a timer, set once", &s->error);
	if (rc == 0)
		rc = skafu_append(s->store, s->batch, ACTORS_SECOND, NULL, &s->error);
	return rc == SKAFU_ECOMMIT ? 0 : rc; /* the record to be has a new id the second time */
}

static int32_t act_timer_list(struct callscene *s)
{
	const skafu_timer_info *info;
	int32_t rc = skafu_timer_list_open(s->store, INT64_MAX, SKAFU_NO_LIMIT, &s->timers, &s->error);

	while (rc == 0 && (rc = skafu_timer_list_next(s->timers, &info, &s->error)) == 1)
		rc = 0;
	return rc;
}

static int32_t act_process_list(struct callscene *s)
{
	const skafu_process_info *info;
	int32_t rc = skafu_process_list_open(s->store, NULL, 0, SKAFU_NO_LIMIT, &s->processes, &s->error);

	while (rc == 0 && (rc = skafu_process_list_next(s->processes, &info, &s->error)) == 1)
		rc = 0;
	return rc;
}

/* ---- the engine ----------------------------------------------------------------------------------------------- */

static int32_t act_engine_open(struct callscene *s)
{
	skafu_engine_close(s->engine);
	s->engine = NULL;
	return skafu_engine_open(s->model, NULL, &s->engine, &s->error);
}

static int32_t act_engine_close(struct callscene *s)
{
	skafu_engine_close(s->engine);
	s->engine = NULL;
	return 0;
}

static int32_t order_and_drain(struct callscene *s)
{
	int32_t rc = order(s);

	return rc ? rc : drain(s);
}

static int32_t act_engine_subscribe(struct callscene *s)
{
	return skafu_engine_subscribe(s->engine, "push", NULL, react, s, NULL, &s->error);
}

static int32_t act_timeout(struct callscene *s)
{
	uint64_t wait_ns = 0;

	return skafu_engine_timeout(s->engine, &wait_ns, &s->error);
}

static int32_t act_step(struct callscene *s)
{
	int32_t rc = skafu_engine_step(s->engine, 1000, &s->error);

	return rc < 0 ? rc : 0;
}

static int32_t act_run(struct callscene *s)
{
	int32_t rc = skafu_engine_run(s->engine, ACTORS_SECOND, &s->error);

	return rc == SKAFU_ETIMEOUT ? 0 : rc;
}

static int32_t act_send(struct callscene *s)
{
	skafu_command command = callscene_command("Order", "sent", "sent");

	return skafu_engine_send(s->engine, &command, ACTORS_SECOND, NULL, &s->error);
}

static int32_t act_execute(struct callscene *s)
{
	skafu_command command = callscene_command("Order", "sent", "sent");

	return skafu_engine_execute(s->engine, &command, 100 * ACTORS_SECOND, &s->outcome, &s->error);
}

static int32_t act_await(struct callscene *s)
{
	return skafu_engine_await(s->engine, "new", "{\"eventType\":[\"Reserved\"]}", 100 * ACTORS_SECOND,
				  &s->record, &s->error);
}

static int32_t outcome_record(struct callscene *s)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_OUTCOMES};
	const skafu_record *record = NULL;
	int32_t rc = skafu_read(s->store, NULL, 1, &opts, &s->cursor, &s->error);

	if (rc == 0)
		rc = skafu_cursor_next(s->cursor, &record, &s->error);
	return rc < 0 ? rc : rc == 0 ? SKAFU_ENOTFOUND : skafu_record_copy(record, &s->record, &s->error);
}

static int32_t act_outcome_read(struct callscene *s)
{
	return skafu_outcome_read(s->record, &s->outcome, &s->error);
}

static int32_t act_engine_stats(struct callscene *s)
{
	skafu_engine_stats stats = {.size = sizeof stats};

	return skafu_engine_stats_get(s->engine, &stats, &s->error);
}

/* ---- consumers ------------------------------------------------------------------------------------------------ */

static int32_t act_consumer_list(struct callscene *s)
{
	const skafu_consumer_info *info;
	int32_t rc = skafu_consumer_list_open(s->model, &s->consumers, &s->error);

	while (rc == 0 && (rc = skafu_consumer_list_next(s->consumers, &info, &s->error)) == 1)
		rc = 0;
	return rc;
}

static int32_t act_pause(struct callscene *s)
{
	return skafu_consumer_pause(s->model, "reserve", &s->error);
}

static int32_t act_consumer_resume(struct callscene *s)
{
	return skafu_consumer_resume(s->model, "reserve", &s->error);
}

static int32_t act_rewind(struct callscene *s)
{
	return skafu_consumer_rewind(s->model, "reserve", 1, &s->error);
}

static int32_t act_remove(struct callscene *s)
{
	int32_t rc = skafu_consumer_remove(s->model, "pull", &s->error);

	return rc == SKAFU_ENOTFOUND ? 0 : rc; /* the second time it is done */
}

/* ---- dead letters and errors ---------------------------------------------------------------------------------- */

static int32_t act_letter_list(struct callscene *s)
{
	const skafu_dead_letter *letter;
	int32_t rc = skafu_dead_letter_list_open(s->store, NULL, SKAFU_NO_LIMIT, &s->letters, &s->error);

	while (rc == 0 && (rc = skafu_dead_letter_list_next(s->letters, &letter, &s->error)) == 1)
		rc = 0;
	return rc;
}

static int32_t act_letters_retry(struct callscene *s)
{
	return skafu_dead_letters_retry(s->engine, NULL, 100, NULL, &s->error);
}

static int32_t act_letters_discard(struct callscene *s)
{
	return skafu_dead_letters_discard(s->engine, NULL, 100, "nobody wants it", NULL, &s->error);
}

static int32_t act_error_report(struct callscene *s)
{
	skafu_error_report_def def = {.size = sizeof def, .source = "shop", .code = "NEW",
				      .message = "Not seen before.",
				      .service = "till", .function = "pay", .user_id = "u", .stack_trace = "a\nb",
				      .correlation = "new"};

	return skafu_error_report(s->model, &def, &s->error);
}

static int32_t act_summaries(struct callscene *s)
{
	const skafu_error_summary *summary;
	int32_t rc = skafu_error_summary_list_open(s->model, SKAFU_ERRORS_BY_CODE, SKAFU_NO_LIMIT, ACTORS_SECOND,
						   &s->summaries, &s->error);

	while (rc == 0 && (rc = skafu_error_summary_list_next(s->summaries, &summary, &s->error)) == 1)
		rc = 0;
	return rc;
}

/* ---- replay --------------------------------------------------------------------------------------------------- */

static int32_t act_replay_start(struct callscene *s)
{
	static const char *const targets[] = {"reserve", "payment", "totals"};
	skafu_replay_opts opts = {.size = sizeof opts, .flags = SKAFU_REPLAY_DRY_RUN, .targets = targets,
				  .target_count = 3, .rule = "{\"source\":[\"shop\"]}"};

	return skafu_replay_start(s->engine, &opts, s->replay, &s->error);
}

static int32_t replay_running(struct callscene *s)
{
	return act_replay_start(s);
}

static int32_t act_replay_pause(struct callscene *s)
{
	return skafu_replay_pause(s->engine, s->replay, &s->error);
}

static int32_t replay_paused(struct callscene *s)
{
	int32_t rc = replay_running(s);

	return rc ? rc : act_replay_pause(s);
}

static int32_t act_replay_resume(struct callscene *s)
{
	return skafu_replay_resume(s->engine, s->replay, NULL, &s->error);
}

static int32_t act_replay_cancel(struct callscene *s)
{
	return skafu_replay_cancel(s->engine, s->replay, &s->error);
}

static int32_t act_replay_info(struct callscene *s)
{
	skafu_replay_info info = {.size = sizeof info};

	return skafu_replay_info_get(s->store, s->replay, &info, &s->error);
}

static int32_t act_replay_list(struct callscene *s)
{
	const skafu_replay_info *info;
	int32_t rc = skafu_replay_list_open(s->store, SKAFU_NO_LIMIT, &s->replays, &s->error);

	while (rc == 0 && (rc = skafu_replay_list_next(s->replays, &info, &s->error)) == 1)
		rc = 0;
	return rc;
}

/* Into another store, in memory, so that the failures are of the one that the scene looks after. */
static int32_t copy_running(struct callscene *s)
{
	skafu_replay_opts opts = {.size = sizeof opts};
	int32_t rc = s->other ? 0 : skafu_store_open_memory(NULL, &s->other, &s->error);

	opts.target_store = s->other;
	return rc ? rc : skafu_replay_start(s->engine, &opts, s->replay, &s->error);
}

/* ---- bisect --------------------------------------------------------------------------------------------------- */

static int32_t is_two(void *user, const void *state, skafu_error *error)
{
	(void)user;
	(void)error;
	return *(const uint64_t *)state >= 2;
}

static int32_t act_bisect_state(struct callscene *s)
{
	skafu_command command = callscene_command("Order", "a", NULL);
	uint64_t sequence = 0;

	return skafu_bisect_state(s->model, &command, is_two, NULL, &sequence, &s->error);
}

static int32_t has_reserved(void *user, skafu_view *view, skafu_error *error)
{
	uint64_t count = 0;
	int32_t rc = skafu_view_count(view, NULL, NULL, &count, error);

	(void)user;
	return rc ? rc : count > 1;
}

static int32_t act_bisect_view(struct callscene *s)
{
	uint64_t sequence = 0;

	return skafu_bisect_view(s->model, "totals", has_reserved, NULL, 10 * ACTORS_SECOND, &sequence, &s->error);
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

#define STEPS (CALL_STEPWISE | CALL_WAITS | CALL_QUIET)

const struct callrow callsrun_rows[] = {
	{"skafu_model_add_reaction", domains, act_add_reaction, NULL, 0, CALL_BARE},
	{"skafu_model_add_process", domains, act_add_process, NULL, 0, CALL_BARE},
	{"skafu_subscription_open", NULL, act_subscription_open, NULL, 0, CALL_NO_ENGINE},
	{"skafu_subscription_next", subscribe_anew, act_subscription_next, NULL, 0, CALL_NO_ENGINE | STEPS},
	{"skafu_subscription_ack", take_two, act_ack, NULL, 0, CALL_NO_ENGINE},
	{"skafu_subscription_ack_in", take_two_and_batch, act_ack_in, NULL, 0, CALL_NO_ENGINE},
	{"skafu_subscription_fail", take_one, act_fail, NULL, 0, CALL_NO_ENGINE},
	{"skafu_subscription_close", take_two, act_subscription_close, NULL, 0, CALL_NO_ENGINE | CALL_QUIET},
	{"skafu_turn_send", order, drain, inside_send, CALL_IN_REACTION, STEPS},
	{"skafu_effect", order, drain, inside_effect, CALL_IN_REACTION, STEPS},
	{"skafu_turn_set_timer", order, drain, inside_set_timer, CALL_IN_REACTION, STEPS},
	{"skafu_turn_cancel_timer", order, drain, inside_cancel_timer, CALL_IN_REACTION, STEPS},
	{"skafu_turn_undo_with", order, drain, inside_undo_with, CALL_IN_PROCESS, STEPS},
	{"skafu_turn_compensate", order, drain, inside_compensate, CALL_IN_PROCESS, STEPS},
	{"skafu_turn_complete", order, drain, inside_complete, CALL_IN_PROCESS, STEPS},
	{"skafu_writer_put", order, drain, inside_writer, CALL_IN_ROUTE, STEPS},
	{"skafu_batch_set_timer", make_batch, act_set_timer, NULL, 0, 0},
	{"skafu_batch_cancel_timer", make_batch, act_cancel_timer, NULL, 0, 0},
	{"skafu_timer_list_open", NULL, act_timer_list, NULL, 0, CALL_NO_ENGINE},
	{"skafu_timer_list_next", NULL, act_timer_list, NULL, 0, CALL_NO_ENGINE},
	{"skafu_process_list_open", NULL, act_process_list, NULL, 0, CALL_NO_ENGINE},
	{"skafu_process_list_next", NULL, act_process_list, NULL, 0, CALL_NO_ENGINE},
	{"skafu_engine_open", NULL, act_engine_open, NULL, 0, CALL_NO_ENGINE | CALL_STEPWISE},
	{"skafu_engine_close", order_and_drain, act_engine_close, NULL, 0, CALL_QUIET},
	{"skafu_engine_subscribe", NULL, act_engine_subscribe, NULL, 0, CALL_STEPWISE},
	{"skafu_engine_timeout", NULL, act_timeout, NULL, 0, 0},
	{"skafu_engine_step", order, act_step, NULL, 0, STEPS},
	{"skafu_engine_step", timer_due, act_step, NULL, 0, STEPS},
	{"skafu_engine_run", order, act_run, NULL, 0, STEPS},
	{"skafu_engine_drain", order, drain, NULL, 0, STEPS},
	{"skafu_engine_send", NULL, act_send, NULL, 0, 0},
	{"skafu_engine_execute", NULL, act_execute, NULL, 0, STEPS},
	{"skafu_engine_await", order, act_await, NULL, 0, STEPS},
	{"skafu_outcome_read", outcome_record, act_outcome_read, NULL, 0, CALL_NO_MODEL},
	{"skafu_engine_stats_get", NULL, act_engine_stats, NULL, 0, 0},
	{"skafu_consumer_list_open", NULL, act_consumer_list, NULL, 0, 0},
	{"skafu_consumer_list_next", NULL, act_consumer_list, NULL, 0, 0},
	{"skafu_consumer_pause", NULL, act_pause, NULL, 0, 0},
	{"skafu_consumer_resume", act_pause, act_consumer_resume, NULL, 0, 0},
	{"skafu_consumer_rewind", NULL, act_rewind, NULL, 0, 0},
	{"skafu_consumer_remove", NULL, act_remove, NULL, 0, 0},
	{"skafu_dead_letter_list_open", NULL, act_letter_list, NULL, 0, CALL_NO_ENGINE},
	{"skafu_dead_letter_list_next", NULL, act_letter_list, NULL, 0, CALL_NO_ENGINE},
	{"skafu_dead_letters_retry", NULL, act_letters_retry, NULL, 0, CALL_STEPWISE | CALL_WAITS},
	{"skafu_dead_letters_discard", NULL, act_letters_discard, NULL, 0, CALL_STEPWISE | CALL_WAITS},
	{"skafu_error_report", NULL, act_error_report, NULL, 0, 0},
	{"skafu_error_summary_list_open", NULL, act_summaries, NULL, 0, 0},
	{"skafu_error_summary_list_next", NULL, act_summaries, NULL, 0, 0},
	{"skafu_replay_start", NULL, act_replay_start, NULL, 0, CALL_ANEW},
	{"skafu_replay_pause", replay_running, act_replay_pause, NULL, 0, CALL_ANEW},
	{"skafu_replay_resume", replay_paused, act_replay_resume, NULL, 0, CALL_ANEW},
	{"skafu_replay_cancel", replay_running, act_replay_cancel, NULL, 0, CALL_ANEW},
	{"skafu_replay_info_get", replay_running, act_replay_info, NULL, 0, CALL_ANEW},
	{"skafu_replay_list_open", NULL, act_replay_list, NULL, 0, CALL_NO_ENGINE},
	{"skafu_replay_list_next", NULL, act_replay_list, NULL, 0, CALL_NO_ENGINE},
	{"skafu_engine_drain", replay_running, drain, NULL, 0, STEPS | CALL_ANEW},
	{"skafu_engine_drain", copy_running, drain, NULL, 0, STEPS | CALL_ANEW},
	{"skafu_bisect_state", NULL, act_bisect_state, NULL, 0, CALL_NO_ENGINE},
	{"skafu_bisect_view", NULL, act_bisect_view, NULL, 0, CALL_NO_ENGINE},
};
const size_t callsrun_count = sizeof callsrun_rows / sizeof *callsrun_rows;
