#include "run/replayworker.h"

#include <string.h>

#include "base/error.h"
#include "run/replayrun.h"
#include "store/store.h"

#define REPLAYWORKER_LOOK_NS INT64_C(100000000)

struct replayworker {
	struct skafu__worker worker; /* first */
	skafu_engine *engine;
	struct skafu__replay_session *sessions;
	struct skafu__replay_session *current; /* in whose step the thread is */
	int64_t look_ns;                       /* monotonic: not before */
	uint32_t seen_word;                    /* of the control page, when all rows were looked at */
	uint32_t has_seen;
	uint32_t has_foreign; /* another process carries one on */
	uint32_t reserved;
};

static const char replayworker_name[] = "skafu.replays";

static struct replayworker *replayworker_of(skafu_engine *engine)
{
	return (struct replayworker *)(void *)skafu__engine_worker(engine, replayworker_name);
}

struct skafu__replay_session *skafu__replayworker_session(skafu_engine *engine, const uint8_t id[16])
{
	struct skafu__replay_session *session = replayworker_of(engine)->sessions;
	while (session && memcmp(session->id, id, 16) != 0)
		session = session->next;
	return session;
}

void skafu__replayworker_add(skafu_engine *engine, struct skafu__replay_session *session)
{
	struct replayworker *self = replayworker_of(engine);
	session->next = self->sessions;
	self->sessions = session;
	engine->has_more = 1;
}

void skafu__replayworker_wake(skafu_engine *engine, struct skafu__replay_session *session)
{
	replayworker_of(engine)->has_seen = 0;
	replayworker_of(engine)->look_ns = 0;
	if (session)
		session->has_seen = 0;
	engine->has_more = 1;
}

/* ---- finding --------------------------------------------------------------------------------------------------- */

static int32_t replayworker_meet(struct replayworker *self, const uint8_t id[16], skafu_error *error)
{
	struct skafu__replay_session *session = NULL;
	if (skafu__replayworker_session(self->engine, id))
		return 0;
	int32_t rc = skafu__replay_session_new(self->engine, id, &session, error);
	if (rc == 0)
		rc = skafu__replay_session_load(session, error);
	if (rc == 1 && session->plan.state == SKAFU_REPLAY_RUNNING && skafu__replay_session_is_for(session, NULL))
		skafu__replayworker_add(self->engine, session);
	else
		skafu__replay_session_free(session);
	return rc < 0 ? rc : 0;
}

/* A row that this version cannot read is for another one. */
static int32_t replayworker_row(struct replayworker *self, const skafu_row *row, skafu_error *error)
{
	uint8_t id[16];
	uint32_t part = 0;
	int32_t rc = skafu__replay_key_read(row->key, row->key_length, id, &part, NULL);
	if (rc != 0 || part != SKAFU__REPLAY_PLAN || row->value_length < 2 || row->value[0] != 1 ||
	    row->value[1] != SKAFU_REPLAY_RUNNING)
		return 0;
	rc = replayworker_meet(self, id, error);
	return rc == SKAFU_EDAMAGED || rc == SKAFU_ENEWER ? 0 : rc;
}

static int32_t replayworker_look(struct replayworker *self, int64_t now, skafu_error *error)
{
	skafu_store *store = self->engine->store;
	uint32_t word = skafu__control_word(&store->control);
	skafu_rows *rows = NULL;
	const skafu_row *row;
	if (now < self->look_ns || (self->has_seen && self->seen_word == word))
		return 0;
	int32_t rc = skafu_rows_open(store, skafu__replay_table, NULL, SKAFU_NO_LIMIT, &rows, error);
	while (rc == 0 && (rc = skafu_rows_next(rows, &row, error)) == 1)
		rc = replayworker_row(self, row, error);
	skafu_rows_free(rows);
	self->look_ns = now + REPLAYWORKER_LOOK_NS;
	self->has_seen = rc == 0 && (word & 1u) == 0;
	self->seen_word = word;
	return rc;
}

/* ---- attending ------------------------------------------------------------------------------------------------- */

/* Is the plan as it was?  1, or 0. */
static int32_t replayworker_is_same(const struct skafu__replay_session *session, skafu_error *error)
{
	uint8_t key[SKAFU__REPLAY_KEY_BYTES];
	struct skafu_error own = {0};
	void *value = NULL;
	size_t length = 0;
	skafu__replay_key(session->id, SKAFU__REPLAY_PLAN, key);
	int32_t rc = skafu_row_get(session->engine->store, skafu__replay_table, key, sizeof key, &value, &length,
				   &own);
	if (rc != 0)
		return rc == SKAFU_ENOTFOUND ? 0 : skafu__error_copy(error, &own, rc);
	rc = length == session->value.length && memcmp(value, session->value.bytes, length) == 0;
	skafu_bytes_free(value);
	return rc;
}

/* Paused from elsewhere: what was done is kept, when nobody else went on. */
static int32_t replayworker_reload(struct skafu__replay_session *session, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = skafu__replay_session_save(session, &own);
	skafu__replay_session_close(session);
	if (rc != 0 && rc != SKAFU_EROW)
		return skafu__error_copy(error, &own, rc);
	rc = skafu__replay_session_load(session, error);
	if (rc == 0)
		session->has_ended = 1;
	return rc < 0 ? rc : 0;
}

static int32_t replayworker_attend(struct skafu__replay_session *session, skafu_error *error)
{
	uint32_t word = skafu__control_word(&session->engine->store->control);
	if (session->has_seen && session->seen_word == word)
		return 0;
	int32_t rc = session->is_open ? replayworker_is_same(session, error) : 0;
	if (rc == 1) {
		session->has_seen = (word & 1u) == 0;
		session->seen_word = word;
		return 0;
	}
	if (rc == 0)
		rc = replayworker_reload(session, error);
	if (rc == 0 && session->plan.state != SKAFU_REPLAY_RUNNING)
		skafu__replay_session_unclaim(session);
	return rc;
}

/* A session that is over, or waits and could be met again, is forgotten. */
static int replayworker_is_over(const struct skafu__replay_session *session)
{
	uint32_t state = session->plan.state;
	if (session->has_ended || state == SKAFU_REPLAY_DONE || state == SKAFU_REPLAY_CANCELLED)
		return 1;
	return state != SKAFU_REPLAY_RUNNING && !session->target_store;
}

static void replayworker_forget(struct replayworker *self, struct skafu__replay_session *session)
{
	struct skafu__replay_session **link = &self->sessions;
	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	skafu__replay_session_free(session);
}

/* ---- stepping -------------------------------------------------------------------------------------------------- */

/* 1 there is more, 0 not.  A session that is claimed anew is read anew. */
static int32_t replayworker_session(struct replayworker *self, struct skafu__replay_session *session,
				    uint32_t inputs_max, uint32_t *done, skafu_error *error)
{
	int was_claimed = session->is_claimed != 0;
	int32_t rc = skafu__replay_session_claim(session, error);
	if (rc != 1) {
		self->has_foreign = 1;
		return rc;
	}
	if (!was_claimed || !session->is_open) {
		skafu__replay_session_close(session);
		rc = skafu__replay_session_load(session, error);
		if (rc != 1 || session->plan.state != SKAFU_REPLAY_RUNNING)
			return rc < 0 ? rc : 1;
		rc = skafu__replay_session_open(session, error);
		if (rc != 0)
			return rc;
	}
	return skafu__replay_run(session, inputs_max, done, error);
}

static int32_t replayworker_one(struct replayworker *self, struct skafu__replay_session *session,
				uint32_t inputs_max, uint32_t *done, skafu_error *error)
{
	self->current = session;
	int32_t rc = replayworker_attend(session, error);
	if (rc == 0 && session->plan.state == SKAFU_REPLAY_RUNNING && !session->has_ended)
		rc = replayworker_session(self, session, inputs_max, done, error);
	self->current = NULL;
	if (replayworker_is_over(session))
		replayworker_forget(self, session);
	return rc;
}

static int32_t replayworker_step(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done,
				 skafu_error *error)
{
	struct replayworker *self = (struct replayworker *)(void *)worker;
	int64_t now = self->engine->sys.monotonic_ns();
	int32_t more = 0;
	*out_done = 0;
	int32_t rc = replayworker_look(self, now, error);
	self->has_foreign = 0;
	for (struct skafu__replay_session *next, *each = self->sessions; rc == 0 && each; each = next) {
		uint32_t done = 0;
		next = each->next;
		rc = replayworker_one(self, each, inputs_max, &done, error);
		*out_done += done;
		more |= rc == 1;
		rc = rc == 1 ? 0 : rc;
	}
	if (self->has_foreign && self->look_ns <= now) /* its claim is tried again then */
		self->look_ns = now + REPLAYWORKER_LOOK_NS;
	return rc ? rc : more;
}

static int64_t replayworker_due_ns(struct skafu__worker *worker, int is_draining)
{
	const struct replayworker *self = (const struct replayworker *)(const void *)worker;
	int64_t due = self->has_foreign && !is_draining ? self->look_ns : INT64_MAX;
	for (const struct skafu__replay_session *each = self->sessions; each; each = each->next) {
		int64_t own = each->plan.state == SKAFU_REPLAY_RUNNING ? skafu__replay_due_ns(each, is_draining)
								       : INT64_MAX;
		due = own < due ? own : due;
	}
	return due;
}

/* What somebody else moved is read when the session goes on. */
static int32_t replayworker_flush(struct skafu__worker *worker, skafu_error *error)
{
	struct replayworker *self = (struct replayworker *)(void *)worker;
	int32_t rc = 0;
	for (struct skafu__replay_session *each = self->sessions; each; each = each->next) {
		struct skafu_error own = {0};
		int32_t saved = skafu__replay_session_save(each, &own);
		if (saved == SKAFU_EROW)
			skafu__replay_session_close(each);
		else if (saved != 0 && rc == 0)
			rc = skafu__error_copy(error, &own, saved);
	}
	return rc;
}

static void replayworker_abandon(struct skafu__worker *worker)
{
	struct replayworker *self = (struct replayworker *)(void *)worker;
	struct skafu__replay_session *session = self->current;
	self->current = NULL;
	if (!session)
		return;
	if (session->handling != 0) {
		session->abandoned = session->handling;
		session->abandoned_target = session->handling_target;
	}
	session->handling = 0;
	skafu__replay_session_close(session);
	session->has_seen = 0;
}

static void replayworker_drop(struct skafu__worker *worker)
{
	struct replayworker *self = (struct replayworker *)(void *)worker;
	struct skafu__sys sys = self->engine->sys;
	while (self->sessions) {
		struct skafu__replay_session *session = self->sessions;
		self->sessions = session->next;
		skafu__replay_session_free(session);
	}
	skafu__free(&sys, self);
}

int32_t skafu__replayworker_make(skafu_engine *engine, skafu_error *error)
{
	struct replayworker *self = skafu__alloc_zeroed(&engine->sys, 1, sizeof *self);
	if (!self)
		return skafu__fail_memory(error);
	self->worker = (struct skafu__worker){.name = replayworker_name, .step = replayworker_step,
					      .due_ns = replayworker_due_ns, .flush = replayworker_flush,
					      .abandon = replayworker_abandon, .drop = replayworker_drop};
	self->engine = engine;
	skafu__engine_add_worker(engine, &self->worker);
	return 0;
}
