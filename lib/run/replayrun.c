#include "run/replayrun.h"

#include "base/error.h"
#include "run/register.h"
#include "run/replayblock.h"
#include "store/store.h"

#define REPLAYRUN_SAVE_NS INT64_C(1000000000)
#define REPLAYRUN_BULK 16u           /* so many times more records when nothing is kept and no pace is asked */
#define REPLAYRUN_BULK_NS INT64_C(5000000)
#define REPLAYRUN_BURST_NS INT64_C(100000000)
#define REPLAYRUN_SECOND_NS UINT64_C(1000000000)

/* ---- pace ------------------------------------------------------------------------------------------------------ */

/* What a record takes of the time. */
static int64_t replayrun_cost_ns(const struct skafu__replay_session *session)
{
	uint64_t rate = session->plan.rate_max;
	return rate && rate < REPLAYRUN_SECOND_NS ? (int64_t)(REPLAYRUN_SECOND_NS / rate) : 0;
}

/* A bucket that holds what 100 ms give, at least one record. */
static uint32_t replayrun_tokens(struct skafu__replay_session *session, int64_t now, uint32_t wanted)
{
	int64_t cost = replayrun_cost_ns(session);
	int64_t burst = cost > REPLAYRUN_BURST_NS ? cost : REPLAYRUN_BURST_NS;
	if (cost == 0)
		return wanted;
	if (session->free_ns < now - burst)
		session->free_ns = now - burst;
	if (session->free_ns > now)
		return 0;
	int64_t tokens = (now - session->free_ns) / cost;
	return tokens < (int64_t)wanted ? (uint32_t)tokens : wanted;
}

/* When the record in hand may go, at the pace at which it was recorded. */
static int64_t replayrun_moment(struct skafu__replay_session *session, const skafu_record *record, int64_t now)
{
	if (!session->has_pace) {
		session->has_pace = 1;
		session->pace_record_ns = record->recorded_ns;
		session->pace_ns = now;
	}
	return session->pace_ns + (record->recorded_ns - session->pace_record_ns);
}

/* How many records may go now. */
static int32_t replayrun_allow(struct skafu__replay_session *session, uint32_t wanted, uint32_t *out_count,
			       skafu_error *error)
{
	const skafu_record *record = NULL;
	int64_t now = session->engine->sys.monotonic_ns();
	*out_count = replayrun_tokens(session, now, wanted);
	if (!(session->plan.flags & SKAFU_REPLAY_ORIGINAL_PACE) || *out_count == 0)
		return 0;
	int32_t rc = skafu__replay_peek(session, &record, error);
	if (rc != 1 || record->sequence <= session->warm_to)
		return rc < 0 ? rc : 0;
	int64_t moment = replayrun_moment(session, record, now);
	if (moment > now) {
		session->free_ns = moment - replayrun_cost_ns(session);
		*out_count = 0;
	} else {
		*out_count = 1;
	}
	return 0;
}

static int replayrun_is_paced(const struct skafu__replay_session *session)
{
	return session->plan.rate_max != 0 || (session->plan.flags & SKAFU_REPLAY_ORIGINAL_PACE) != 0;
}

static void replayrun_spend(struct skafu__replay_session *session, uint32_t count)
{
	session->free_ns += replayrun_cost_ns(session) * (int64_t)count;
}

/* ---- projections ----------------------------------------------------------------------------------------------- */

/* Each trial comes to where the records are; without any, all go on by themselves. */
static int32_t replayrun_trial(struct skafu__replay_session *session, struct skafu__replay_one *one, uint64_t limit,
			       uint32_t events_max, skafu_error *error)
{
	struct skafu__trial *trial = &one->trial;
	int64_t deadline = skafu__deadline(&session->engine->sys, SKAFU__RUN_WAIT_NS);
	if (trial->sequence < session->warm_to && limit > session->warm_to)
		limit = session->warm_to;
	int is_warm = trial->sequence < session->warm_to;
	uint64_t succeeded = trial->succeeded, failed = trial->failed;
	int32_t rc = skafu__trial_advance(trial, limit, events_max, deadline, error);
	if (is_warm)
		return rc;
	session->reached.succeeded += trial->succeeded - succeeded;
	session->reached.failed += trial->failed - failed;
	if (!session->has_cursor)
		session->reached.matched += trial->succeeded - succeeded + (trial->failed - failed);
	return rc;
}

static int32_t replayrun_trials(struct skafu__replay_session *session, uint32_t events_max, int *more,
				skafu_error *error)
{
	uint64_t limit = session->has_cursor ? session->reached.sequence : session->plan.to;
	uint64_t lowest = session->plan.to;
	int any = 0;
	for (uint32_t i = 0; i < session->plan.target_count; i++) {
		struct skafu__replay_one *one = &session->ones[i];
		if (!one->has_trial)
			continue;
		int32_t rc = replayrun_trial(session, one, limit, events_max, error);
		if (rc < 0)
			return rc;
		any = 1;
		*more |= one->trial.sequence < limit;
		lowest = one->trial.sequence < lowest ? one->trial.sequence : lowest;
	}
	if (any && !session->has_cursor && lowest > session->reached.sequence)
		session->reached.sequence = lowest;
	return 0;
}

/* Save which generation it is that the session waits for. */
static int32_t replayrun_note(struct skafu__replay_session *session, uint32_t index, uint32_t generation,
			      skafu_error *error)
{
	struct skafu__replay_progress *reached = &session->reached;
	reached->generation_count = session->plan.target_count;
	reached->generations[index] = generation;
	return skafu__replay_session_save(session, error);
}

struct replayrun_rebuild {
	struct skafu__building building;
	skafu_model *model;
};

static void replayrun_leave(void *arg)
{
	struct replayrun_rebuild *rebuild = arg;
	skafu_model *model = rebuild->model;
	skafu__building_done(&rebuild->building);
	skafu__handling_leave(&model->handling);
	skafu__model_release(model);
}

/* Begin a generation beside: its number in *generation.  An empty view in use is begun anew itself. */
static int32_t replayrun_begin_beside(struct skafu__building *building, uint32_t *generation, skafu_error *error)
{
	int32_t rc = 0;
	while (rc == 0)
		rc = skafu__building_begin_beside(building, error);
	if (rc < 0)
		return rc;
	*generation = building->built.place.shadow ? building->built.place.shadow : building->built.place.live;
	return 0;
}

/* 1: it is in use and complete.  0: more to do.  SKAFU_EGONE: somebody put another one there. */
static int32_t replayrun_advance(struct skafu__building *building, uint32_t generation, uint64_t to,
				 uint32_t events_max, skafu_error *error)
{
	const struct skafu__built *built = &building->built;
	int beside = built->place.shadow == generation;
	if (!beside && built->place.live != generation)
		return skafu__fail(error, SKAFU_EGONE, "the view of projection %s that the replay builds was thrown "
				   "away or replaced by somebody else", skafu__projection_name(building->projection));
	if (!beside && built->live.sequence >= to)
		return 1;
	int32_t rc = skafu__building_advance(building, beside, beside ? built->live.sequence : UINT64_MAX, events_max,
					     error);
	if (rc == SKAFU__PROJECTION_HALTED)
		return SKAFU_EHOST;
	if (rc != SKAFU__PROJECTION_IDLE || !beside)
		return rc < 0 ? rc : 0;
	rc = skafu__building_flip(building, error);
	return rc < 0 ? rc : 0;
}

static int32_t replayrun_rebuild_in(struct skafu__replay_session *session, uint32_t index,
				    struct skafu__building *building, uint32_t events_max, skafu_error *error)
{
	struct skafu__replay_one *one = &session->ones[index];
	uint32_t generation = session->reached.generations[index];
	int32_t rc = skafu__building_prepare(building, error);
	if (rc == 0 && generation == 0) {
		rc = replayrun_begin_beside(building, &generation, error);
		return rc ? rc : replayrun_note(session, index, generation, error);
	}
	if (rc == 0)
		rc = replayrun_advance(building, generation, session->plan.to, events_max, error);
	one->is_rebuilt = rc == 1;
	session->reached.succeeded += one->is_rebuilt; /* as a whole */
	return rc < 0 ? rc : 0;
}

static int32_t replayrun_rebuild(struct skafu__replay_session *session, uint32_t index, uint32_t events_max,
				 skafu_error *error)
{
	skafu_model *model = session->engine->model;
	struct replayrun_rebuild rebuild = {.model = model};
	int64_t deadline = skafu__deadline(&model->sys, SKAFU__RUN_WAIT_NS);
	int32_t rc = skafu__handling_enter(&model->handling, deadline, error);
	if (rc != 0)
		return rc;
	skafu__model_hold(model);
	pthread_cleanup_push(replayrun_leave, &rebuild);
	rc = skafu__building_init(&rebuild.building, model, session->ones[index].projection, NULL, deadline, error);
	if (rc == 0)
		rc = replayrun_rebuild_in(session, index, &rebuild.building, events_max, error);
	pthread_cleanup_pop(1);
	return rc;
}

/* The sequence of a session that only rebuilds is that of the last one to come to an end. */
static int32_t replayrun_rebuilds(struct skafu__replay_session *session, uint32_t events_max, int *more, int *fatal,
				  skafu_error *error)
{
	int all = 1;
	for (uint32_t i = 0; i < session->plan.target_count; i++) {
		struct skafu__replay_one *one = &session->ones[i];
		if (!one->is_rebuild || one->is_rebuilt)
			continue;
		int32_t rc = replayrun_rebuild(session, i, events_max, error);
		if (rc < 0) {
			*fatal = rc == SKAFU_EGONE || rc == SKAFU_EHOST;
			return rc;
		}
		all = all && one->is_rebuilt;
	}
	*more |= !all;
	if (all && !session->has_cursor)
		session->reached.sequence = session->plan.to;
	return 0;
}

/* ---- a step ---------------------------------------------------------------------------------------------------- */

static int32_t replayrun_records(struct skafu__replay_session *session, uint32_t inputs_max, uint32_t *done,
				 int *fatal, skafu_error *error)
{
	int64_t until = session->engine->sys.monotonic_ns() + REPLAYRUN_BULK_NS;
	uint32_t rounds = replayrun_is_paced(session) || (session->plan.flags & SKAFU_REPLAY_REEMIT) ? 1
													: REPLAYRUN_BULK;
	while (rounds-- != 0 && session->reached.sequence < session->plan.to) {
		uint32_t count = 0, took = 0;
		int32_t rc = replayrun_allow(session, inputs_max, &count, error);
		if (rc == 0 && count != 0)
			rc = skafu__replay_block(session, count, &took, fatal, error);
		if (rc != 0 || count == 0)
			return rc;
		replayrun_spend(session, took);
		*done += took;
		if (session->engine->sys.monotonic_ns() > until)
			break;
	}
	return 0;
}

static int replayrun_is_complete(const struct skafu__replay_session *session)
{
	if (session->reached.sequence < session->plan.to)
		return 0;
	for (uint32_t i = 0; i < session->plan.target_count; i++) {
		const struct skafu__replay_one *one = &session->ones[i];
		if ((one->has_trial && one->trial.sequence < session->plan.to) ||
		    (one->is_rebuild && !one->is_rebuilt))
			return 0;
	}
	return 1;
}

static int32_t replayrun_work(struct skafu__replay_session *session, uint32_t inputs_max, uint32_t *done, int *fatal,
			      skafu_error *error)
{
	int more = 0;
	uint32_t events_max = inputs_max * REPLAYRUN_BULK;
	int32_t rc = 0;
	if (session->has_cursor)
		rc = replayrun_records(session, inputs_max, done, fatal, error);
	if (rc == 0)
		rc = replayrun_trials(session, events_max, &more, error);
	if (rc == 0)
		rc = replayrun_rebuilds(session, events_max, &more, fatal, error);
	if (rc != 0)
		return rc;
	if (more && *done == 0)
		*done = inputs_max;
	return more || *done != 0;
}

/* Open it anew from what is durable, by the next step. */
static int32_t replayrun_failed(struct skafu__replay_session *session, int32_t rc, int fatal,
				struct skafu_error *own, skafu_error *error)
{
	if (fatal)
		return skafu__replay_session_end(session, SKAFU_REPLAY_FAILED, rc, own->message, error);
	skafu__replay_session_close(session);
	session->has_seen = 0;
	return rc == SKAFU_EROW ? 1 : skafu__error_copy(error, own, rc);
}

static int32_t replayrun_ended(struct skafu__replay_session *session, int32_t rc, struct skafu_error *own,
			       skafu_error *error)
{
	return rc == 0 ? 0 : replayrun_failed(session, rc, 0, own, error);
}

int32_t skafu__replay_run(struct skafu__replay_session *session, uint32_t inputs_max, uint32_t *out_done,
			  skafu_error *error)
{
	struct skafu_error own = {0};
	int fatal = 0;
	int32_t more = replayrun_work(session, inputs_max, out_done, &fatal, &own);
	if (more < 0) {
		int32_t rc = replayrun_failed(session, more, fatal, &own, &own);
		return rc < 0 ? replayrun_ended(session, rc, &own, error) : rc;
	}
	skafu__replay_session_tell(session);
	if (replayrun_is_complete(session))
		return replayrun_ended(session, skafu__replay_session_end(session, SKAFU_REPLAY_DONE, 0, "", &own),
				       &own, error);
	if (session->engine->sys.monotonic_ns() - session->saved_ns < REPLAYRUN_SAVE_NS)
		return more;
	int32_t rc = skafu__replay_session_save(session, &own);
	return rc == 0 ? more : replayrun_ended(session, rc, &own, error);
}

int64_t skafu__replay_due_ns(const struct skafu__replay_session *session, int is_draining)
{
	int64_t cost = replayrun_cost_ns(session);
	int64_t next = session->free_ns + (cost ? cost : 0);
	int64_t save = session->saved_ns + REPLAYRUN_SAVE_NS;
	if (!session->is_open)
		return INT64_MAX;
	if (!replayrun_is_paced(session))
		next = is_draining ? INT64_MAX : save;
	return is_draining || next < save ? next : save;
}
