#include "run/deadletter_retry.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "run/deadletter.h"
#include "run/deadletter_list.h"
#include "run/errorbus.h"
#include "run/failure.h"
#include "run/quarantine.h"
#include "store/batch.h"
#include "store/store.h"

#define DEADLETTER_WAIT_NS UINT64_C(5000000000)
#define DEADLETTER_LOOK_NS INT64_C(1000000000)
#define DEADLETTER_ROUND 256u /* letters of a key in one look */
#define DEADLETTER_REASON_BYTES_MAX 1023u

/* One letter that is tried, and the consumer whose it is. */
struct retry_letter {
	struct skafu__consumer *consumer;
	const struct skafu__deadletter *letter;
	const skafu_row *row;
	struct skafu__parked parked;
	uint32_t goes_on; /* it is the first of its key, and discarded: what is behind it goes on */
	uint32_t reserved;
};

/* ---- a letter that was taken ----------------------------------------------------------------------------------- */

/* How many letters of the key are left without this one.  The marker knows only of those that were parked: those of
 * an earlier policy that parked nothing count too, else the key went on before the last one. */
static int32_t retry_count_left(const struct retry_letter *retry, skafu_store *store, uint64_t *out_count,
				skafu_error *error)
{
	uint64_t known = retry->parked.count - 1;
	uint64_t found = 0;
	const skafu_row *row;
	skafu_rows *rows = NULL;
	int32_t rc = skafu__deadletter_rows_of_key(store, retry->letter->key, known ? 2 : SKAFU_NO_LIMIT, &rows,
						   error);
	while (rc == 0 && (rc = skafu_rows_next(rows, &row, error)) == 1) {
		found += row->key_length != sizeof retry->letter->key ||
			 memcmp(row->key, retry->letter->key, sizeof retry->letter->key) != 0;
		rc = 0;
	}
	skafu_rows_free(rows);
	if (rc == 0)
		*out_count = known != 0 && found != 0 ? known : found;
	return rc;
}

/* The key goes on behind its last letter. */
static int32_t retry_change_marker(const struct retry_letter *retry, skafu_batch *batch, skafu_error *error)
{
	const struct skafu__deadletter *letter = retry->letter;
	uint64_t left = 0;
	if (!retry->parked.is_there)
		return skafu_batch_expect_no_row(batch, skafu__parked_table, letter->key, SKAFU__PARKED_KEY_BYTES,
						 error);
	int32_t rc = retry_count_left(retry, batch->store, &left, error);
	if (rc == 0)
		rc = skafu__parked_change(batch, letter->key, &retry->parked, letter->consumer, left,
					  retry->goes_on || retry->parked.goes_on, error);
	return rc;
}

/* What every commit about a letter begins with: it is as it was read, and so is the marker of its key. */
static int32_t retry_remove(struct retry_letter *retry, skafu_batch *batch, skafu_error *error)
{
	const struct skafu__deadletter *letter = retry->letter;
	int32_t rc = skafu_batch_expect_row(batch, skafu__deadletter_table, letter->key, sizeof letter->key,
					    retry->row->value, retry->row->value_length, error);
	if (rc == 0)
		rc = skafu_batch_delete_row(batch, skafu__deadletter_table, letter->key, sizeof letter->key, error);
	if (rc == 0)
		rc = retry_change_marker(retry, batch, error);
	/* An instance of a process that was set aside for it. */
	if (rc == 0)
		rc = skafu__quarantine_release(batch->store, letter->consumer, letter->partition_key,
					       letter->sequence, batch, error);
	return rc;
}

static int32_t retry_seal(void *user, struct skafu__step *step, skafu_batch *batch, skafu_error *error)
{
	(void)step;
	return retry_remove(user, batch, error);
}

/* 0 taken; SKAFU_EROW: somebody else was there. */
static int32_t retry_append(struct retry_letter *retry, const struct skafu__step *step, skafu_batch *batch,
			    skafu_error *error)
{
	int32_t rc = retry_remove(retry, batch, error);
	if (rc == 0)
		rc = skafu_batch_set_id(batch, step->commit_id, error);
	if (rc == 0)
		rc = skafu_append(retry->consumer->store, batch, DEADLETTER_WAIT_NS, NULL, error);
	if (rc != SKAFU_ECOMMIT)
		return rc;
	/* What the input gives was recorded before a rewind: only the letter has to go. */
	skafu_batch_clear(batch);
	rc = retry_remove(retry, batch, error);
	return rc ? rc : skafu_append(retry->consumer->store, batch, DEADLETTER_WAIT_NS, NULL, error);
}

/* ---- a letter that failed again -------------------------------------------------------------------------------- */

static int32_t retry_keep(struct retry_letter *retry, skafu_batch *batch, const struct skafu_error *why, int32_t code,
			  skafu_error *error)
{
	struct skafu__deadletter letter = *retry->letter;
	letter.attempts++;
	letter.is_parked_behind = 0;
	letter.code = code;
	letter.message = why->message;
	letter.last_ns = retry->consumer->store->sys.wall_ns();
	skafu_batch_clear(batch);
	int32_t rc = skafu_batch_expect_row(batch, skafu__deadletter_table, letter.key, sizeof letter.key,
					    retry->row->value, retry->row->value_length, error);
	if (rc == 0)
		rc = skafu__deadletter_put(batch, &retry->consumer->store->sys, &letter, error);
	if (rc == 0 && retry->parked.is_there)
		rc = skafu__parked_change(batch, letter.key, &retry->parked, letter.consumer, retry->parked.count, 0,
					  error);
	return rc ? rc : skafu_append(retry->consumer->store, batch, DEADLETTER_WAIT_NS, NULL, error);
}

/* ---- trying one ------------------------------------------------------------------------------------------------ */

/* 1 taken, 0 it failed again or somebody else has it, or a code of the store. */
static int32_t retry_run(struct retry_letter *retry, const skafu_record *input, skafu_batch *batch,
			 skafu_error *error)
{
	struct skafu__consumer *consumer = retry->consumer;
	struct skafu_error own = {0};
	struct skafu__step step;
	skafu__step_init(&step, consumer->model, consumer->name, consumer->domain, consumer->handler, consumer->self);
	step.source = &consumer->source;
	step.seal = retry_seal;
	step.seal_user = retry;
	int32_t rc = skafu__step_run(&step, input, batch, SKAFU__STEP_RETRY, &own);
	int32_t ran = rc;
	if (rc == 0 && !step.committed)
		rc = retry_append(retry, &step, batch, &own);
	skafu__step_done(&step);
	if (rc == 0)
		return 1;
	if (rc == SKAFU_EROW)
		return 0;
	if ((ran == 0 && skafu__failure_is_stores(rc)) || skafu__failure_is_ours(rc, &own))
		return skafu__error_copy(error, &own, rc);
	rc = retry_keep(retry, batch, &own, rc, error);
	return rc == SKAFU_EROW ? 0 : rc;
}

static int32_t retry_read(struct retry_letter *retry, skafu_batch *batch, skafu_error *error)
{
	struct skafu_error own = {0};
	skafu_record *input = NULL;
	int32_t rc = skafu__parked_get(retry->consumer->store, retry->letter->key, &retry->parked, error);
	if (rc < 0)
		return rc;
	rc = skafu_get(retry->consumer->store, retry->letter->sequence, &input, &own);
	if (rc == SKAFU_ENOTFOUND || rc == SKAFU_EGONE)
		rc = retry_keep(retry, batch, &own, rc, error);
	else if (rc == 0)
		rc = retry_run(retry, input, batch, error);
	else
		skafu__error_copy(error, &own, rc);
	skafu_record_free(input);
	skafu__parked_done(&retry->parked);
	return rc;
}

/* ---- letters that stay, and those behind them ------------------------------------------------------------------ */

enum retry_what {
	RETRY_NOTHING,
	RETRY_LEFT_OUT, /* by the filter */
	RETRY_FAILED
};

/* Why a letter of this key stayed.  Letters of a key follow each other, in the order of the log. */
struct retry_before {
	enum retry_what what;
	uint8_t key[SKAFU__PARKED_KEY_BYTES];
};

static void retry_note(struct retry_before *before, const struct skafu__deadletter *letter, enum retry_what what)
{
	before->what = what;
	memcpy(before->key, letter->key, sizeof before->key);
}

static enum retry_what retry_before(const struct retry_before *before, const struct skafu__deadletter *letter)
{
	return memcmp(before->key, letter->key, sizeof before->key) == 0 ? before->what : RETRY_NOTHING;
}

/* ---- trying many ----------------------------------------------------------------------------------------------- */

struct retry_many {
	skafu_engine *engine;
	const struct skafu__deadletter_filter *filter; /* NULL: all */
	uint64_t left;
	uint64_t taken;
	uint64_t waiting; /* were not tried: an earlier one of their key, which the filter leaves out, comes first */
	struct retry_before before;
};

/* 1 when a letter of this key may pass an earlier one of it. */
static int32_t retry_may_pass(const struct retry_letter *retry, skafu_error *error)
{
	struct skafu__parked parked;
	if (retry->consumer->retry.then == SKAFU_THEN_PARK_KEY)
		return 0;
	int32_t rc = skafu__parked_get(retry->consumer->store, retry->letter->key, &parked, error);
	skafu__parked_done(&parked);
	return rc < 0 ? rc : !rc;
}

static int32_t retry_try(struct retry_many *many, struct retry_letter *retry, skafu_error *error)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu__model_take_batch(many->engine->model, &batch, error);
	if (rc == 0)
		rc = retry_read(retry, batch, error);
	skafu__model_give_batch(many->engine->model, batch);
	many->left--;
	many->taken += rc == 1;
	if (rc == 0)
		retry_note(&many->before, retry->letter, RETRY_FAILED);
	return rc < 0 ? rc : 0;
}

static int32_t retry_next(struct retry_many *many, const skafu_row *row, const struct skafu__deadletter *letter,
			  skafu_error *error)
{
	struct retry_letter retry = {.letter = letter, .row = row};
	int32_t rc = 1;
	retry.consumer = skafu__engine_consumer(many->engine, letter->consumer);
	if (!retry.consumer || !retry.consumer->handler)
		return 0;
	if (retry_before(&many->before, letter) == RETRY_LEFT_OUT)
		rc = retry_may_pass(&retry, error);
	many->waiting += rc == 0;
	return rc == 1 ? retry_try(many, &retry, error) : rc;
}

static int32_t retry_rows(struct retry_many *many, skafu_rows *rows, skafu_error *error)
{
	int32_t rc = 0;
	while (rc == 0 && many->left != 0) {
		struct skafu__deadletter letter;
		const skafu_row *row;
		rc = skafu_rows_next(rows, &row, error);
		if (rc != 1)
			return rc;
		rc = skafu__deadletter_decode(row, &letter, error);
		if (rc != 0 || retry_before(&many->before, &letter) == RETRY_FAILED)
			continue;
		if (many->filter && !skafu__deadletter_filter_takes(many->filter, &letter))
			retry_note(&many->before, &letter, RETRY_LEFT_OUT);
		else
			rc = retry_next(many, row, &letter, error);
	}
	return rc;
}

static void retry_tell_waiting(const struct retry_many *many)
{
	if (many->waiting != 0)
		skafu__log(&many->engine->store->log, SKAFU_LOG_WARNING, "%llu dead letters were not tried: earlier "
			   "ones of their keys, which the filter leaves out, come first",
			   (unsigned long long)many->waiting);
}

/* A handler may end its thread here too: the engine is put right by whoever steps next. */
static int32_t retry_filter(skafu_engine *engine, const skafu_dead_letter_filter *filter,
			    struct skafu__deadletter_filter *out, skafu_error *error)
{
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0)
		rc = skafu__deadletter_filter_read(filter, out, error);
	if (rc == 0 && out->is_given[0] && !skafu__engine_consumer(engine, out->texts[0]))
		rc = skafu__fail(error, SKAFU_ENOTFOUND, "this engine runs no consumer %s; ask an engine that does",
				 out->texts[0]);
	return rc;
}

int32_t skafu_dead_letters_retry(skafu_engine *engine, const skafu_dead_letter_filter *filter, uint64_t limit,
				 uint64_t *out_retried, skafu_error *error)
{
	struct skafu__deadletter_filter known;
	skafu_rows *rows = NULL;
	int32_t rc = retry_filter(engine, filter, &known, error);
	if (rc == 0)
		rc = skafu__deadletter_rows(engine->store, &known, &rows, error);
	if (rc != 0)
		return rc;
	struct retry_many many = {.engine = engine, .filter = &known, .left = limit};
	rc = retry_rows(&many, rows, error);
	skafu_rows_free(rows);
	retry_tell_waiting(&many);
	if (out_retried && rc == 0)
		*out_retried = many.taken;
	return rc;
}

/* ---- going on behind a letter that was discarded --------------------------------------------------------------- */

struct deadletter_worker {
	struct skafu__worker worker;
	skafu_engine *engine;
	int64_t look_ns;   /* monotonic: when to look at the markers again */
	uint32_t has_seen; /* a marker, when it looked last */
	uint32_t reserved;
};

/* Try what is parked under a marker that says so: 1 when there may be more of it. */
static int32_t deadletter_go_on(skafu_engine *engine, const skafu_row *marker, uint32_t *done, skafu_error *error)
{
	skafu_rows *rows = NULL;
	struct retry_many many = {.engine = engine, .left = DEADLETTER_ROUND};
	int32_t rc = skafu__deadletter_rows_of_key(engine->store, marker->key, SKAFU_NO_LIMIT, &rows, error);
	if (rc == 0)
		rc = retry_rows(&many, rows, error);
	skafu_rows_free(rows);
	*done += (uint32_t)many.taken;
	return rc ? rc : many.left == 0 && many.taken != 0;
}

/* 1 when there may be more to do at once. */
static int32_t deadletter_look(struct deadletter_worker *self, uint32_t *done, skafu_error *error)
{
	const skafu_row *row;
	skafu_rows *rows = NULL;
	int32_t more = 0;
	int32_t rc = skafu_rows_open(self->engine->store, skafu__parked_table, NULL, SKAFU_NO_LIMIT, &rows, error);
	self->has_seen = 0;
	while (rc == 0 && (rc = skafu_rows_next(rows, &row, error)) == 1) {
		self->has_seen = 1;
		rc = 0;
		if (row->key_length == SKAFU__PARKED_KEY_BYTES && row->value_length > 1 && row->value[1] == 1)
			rc = deadletter_go_on(self->engine, row, done, error);
		more |= rc == 1;
		rc = rc < 0 ? rc : 0;
	}
	skafu_rows_free(rows);
	return rc ? rc : more;
}

static int32_t deadletter_step(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done,
			       skafu_error *error)
{
	struct deadletter_worker *self = (struct deadletter_worker *)(void *)worker;
	int64_t now = self->engine->sys.monotonic_ns();
	(void)inputs_max;
	*out_done = 0;
	if (now < self->look_ns)
		return 0;
	int32_t rc = deadletter_look(self, out_done, error);
	self->look_ns = rc == 1 ? now : now + DEADLETTER_LOOK_NS;
	return rc;
}

/* Without a marker there is nothing to wait for: who parks or discards something in this process says so, and a
 * discard of another process is seen when the engine steps next. */
static int64_t deadletter_due_ns(struct skafu__worker *worker, int is_draining)
{
	const struct deadletter_worker *self = (const struct deadletter_worker *)(const void *)worker;
	return self->has_seen && !is_draining ? self->look_ns : INT64_MAX;
}

static void deadletter_drop(struct skafu__worker *worker)
{
	struct deadletter_worker *self = (struct deadletter_worker *)(void *)worker;
	struct skafu__sys sys = self->engine->sys;
	skafu__free(&sys, self);
}

static const char deadletter_worker_name[] = "skafu.deadletters";

int32_t skafu__deadletter_worker(skafu_engine *engine, skafu_error *error)
{
	struct deadletter_worker *self = skafu__alloc_zeroed(&engine->sys, 1, sizeof *self);
	if (!self)
		return skafu__fail_memory(error);
	self->worker = (struct skafu__worker){.name = deadletter_worker_name, .step = deadletter_step,
					      .due_ns = deadletter_due_ns, .drop = deadletter_drop};
	self->engine = engine;
	skafu__engine_add_worker(engine, &self->worker);
	return 0;
}

/* ---- discarding ------------------------------------------------------------------------------------------------ */

static int32_t discard_put_error(skafu_engine *engine, const struct skafu__deadletter *letter, const char *reason,
				 skafu_batch *batch, skafu_error *error)
{
	const struct skafu__consumer *consumer = skafu__engine_consumer(engine, letter->consumer);
	struct skafu_record *input = NULL;
	const char *domain = consumer ? consumer->domain : NULL;
	struct skafu__error_fields fields = {
		.severity = SKAFU_SEVERITY_WARNING, .source = domain, .code = "DEAD_LETTER_DISCARDED",
		.message = reason, .service = domain, .function = letter->consumer,
		.correlation = letter->correlation};
	int32_t rc = skafu_get(engine->store, letter->sequence, &input, NULL);
	if (rc == 0)
		fields.causation = input->id;
	rc = skafu__errorrecord_add(batch, &engine->sys, &fields, error);
	skafu_record_free(input);
	return rc;
}

/* 1 gone, 0 somebody else changed it meanwhile. */
static int32_t discard_one(skafu_engine *engine, const skafu_row *row, const struct skafu__deadletter *letter,
			   int is_first, const char *reason, skafu_error *error)
{
	struct skafu_error own = {0};
	struct retry_letter discard = {.letter = letter, .row = row, .goes_on = is_first != 0};
	skafu_batch *batch = NULL;
	int32_t rc = skafu__model_take_batch(engine->model, &batch, error);
	if (rc == 0)
		rc = skafu__parked_get(engine->store, letter->key, &discard.parked, error);
	if (rc >= 0)
		rc = discard_put_error(engine, letter, reason, batch, error);
	if (rc == 0)
		rc = retry_remove(&discard, batch, error);
	if (rc == 0)
		rc = skafu_append(engine->store, batch, DEADLETTER_WAIT_NS, NULL, &own);
	skafu__parked_done(&discard.parked);
	skafu__model_give_batch(engine->model, batch);
	if (rc == SKAFU_EROW)
		return 0;
	if (own.code != 0)
		return skafu__error_copy(error, &own, rc);
	return rc ? rc : 1;
}

static int32_t discard_rows(skafu_engine *engine, const struct skafu__deadletter_filter *filter, skafu_rows *rows,
			    uint64_t limit, const char *reason, uint64_t *out_discarded, skafu_error *error)
{
	struct retry_before before = {0};
	uint64_t discarded = 0;
	int32_t rc = 0;
	while (rc >= 0 && discarded < limit) {
		struct skafu__deadletter letter;
		const skafu_row *row;
		rc = skafu_rows_next(rows, &row, error);
		if (rc != 1)
			break;
		rc = skafu__deadletter_decode(row, &letter, error);
		if (rc == 0 && skafu__deadletter_filter_takes(filter, &letter))
			rc = discard_one(engine, row, &letter, retry_before(&before, &letter) == RETRY_NOTHING,
					 reason, error);
		if (rc == 0)
			retry_note(&before, &letter, RETRY_LEFT_OUT);
		discarded += rc == 1;
	}
	*out_discarded = discarded;
	return rc < 0 ? rc : 0;
}

static int32_t discard_check_reason(const char *reason, skafu_error *error)
{
	size_t length;
	return skafu__name_measure(reason, DEADLETTER_REASON_BYTES_MAX, "reason to discard", &length, error);
}

int32_t skafu_dead_letters_discard(skafu_engine *engine, const skafu_dead_letter_filter *filter, uint64_t limit,
				   const char *reason, uint64_t *out_discarded, skafu_error *error)
{
	struct skafu__deadletter_filter known;
	skafu_rows *rows = NULL;
	uint64_t discarded = 0;
	int32_t rc = skafu__engine_check(engine, error);
	if (rc == 0)
		rc = skafu__deadletter_filter_read(filter, &known, error);
	if (rc == 0)
		rc = discard_check_reason(reason, error);
	if (rc == 0)
		rc = skafu__deadletter_rows(engine->store, &known, &rows, error);
	if (rc != 0)
		return rc;
	rc = discard_rows(engine, &known, rows, limit, reason, &discarded, error);
	skafu_rows_free(rows);
	struct skafu__worker *worker = skafu__engine_worker(engine, deadletter_worker_name);
	if (worker && discarded != 0)
		((struct deadletter_worker *)(void *)worker)->look_ns = 0;
	if (out_discarded && rc == 0)
		*out_discarded = discarded;
	return rc;
}
