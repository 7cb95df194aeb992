#include "run/bisect.h"

#include <string.h>

#include "base/error.h"
#include "model/execute.h"
#include "model/model.h"
#include "model/reading.h"

#define BISECT_BLOCK_RECORDS 256u

/* ---- the state of a decider ------------------------------------------------------------------------------------ */

struct bisect {
	skafu_model *model;
	const struct skafu__decider *decider;
	struct skafu__reading reading; /* says what the command reads; folds nothing itself */
	void *state;
	skafu_predicate_fn predicate;
	void *user;
	const skafu_record *const *records;
	uint32_t count;
	uint64_t found;
	int is_found; /* found is 0 when the predicate holds before any event */
	struct skafu_error why;
};

static int32_t bisect_ask(struct bisect *bisect, uint64_t sequence)
{
	int32_t rc = bisect->predicate(bisect->user, bisect->state, &bisect->why);
	if (rc < 0 && bisect->why.code == 0)
		skafu__fail(&bisect->why, rc, "the predicate failed at event %llu", (unsigned long long)sequence);
	if (rc <= 0)
		return rc;
	bisect->found = sequence;
	bisect->is_found = 1;
	return 0;
}

static int32_t bisect_evolve(struct bisect *bisect, const skafu_record *stored)
{
	const struct skafu__decider *decider = bisect->decider;
	int32_t rc = skafu__lens_look(&bisect->reading.lens, stored, &bisect->why);
	for (uint32_t i = 0; rc >= 0 && i < bisect->reading.lens.count; i++)
		rc = decider->evolve(decider->user, bisect->state, bisect->reading.lens.shown[i], &bisect->why);
	if (rc < 0 && bisect->why.code == 0)
		skafu__fail(&bisect->why, rc, "decider %s cannot evolve with event %llu", decider->name,
			    (unsigned long long)stored->sequence);
	return rc < 0 ? rc : bisect_ask(bisect, stored->sequence);
}

static int32_t bisect_block_body(void *arg)
{
	struct bisect *bisect = arg;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && !bisect->is_found && i < bisect->count; i++)
		rc = bisect_evolve(bisect, bisect->records[i]);
	return rc;
}

static int32_t bisect_begin_body(void *arg)
{
	struct bisect *bisect = arg;
	const struct skafu__decider *decider = bisect->decider;
	int32_t rc = skafu__state_make(&bisect->model->sys, &decider->state, decider->user, &bisect->state,
				       &bisect->why);
	return rc ? rc : bisect_ask(bisect, 0);
}

static int32_t bisect_open(struct bisect *bisect)
{
	skafu_store *store = bisect->model->store;
	if (bisect->reading.stream)
		return skafu_read_stream(store, bisect->reading.stream, SKAFU_NO_LIMIT, NULL,
					 &bisect->reading.cursor, &bisect->why);
	if (!bisect->reading.read)
		return 0; /* it depends on no event */
	return skafu_read(store, bisect->reading.read, SKAFU_NO_LIMIT, NULL, &bisect->reading.cursor, &bisect->why);
}

static int32_t bisect_walk(struct bisect *bisect)
{
	int32_t rc = skafu__model_call(bisect->model, bisect_begin_body, bisect);
	if (rc == 0 && !bisect->is_found)
		rc = bisect_open(bisect);
	while (rc == 0 && !bisect->is_found && bisect->reading.cursor) {
		rc = skafu_cursor_next_batch(bisect->reading.cursor, BISECT_BLOCK_RECORDS, &bisect->records,
					     &bisect->why);
		if (rc <= 0)
			break;
		bisect->count = (uint32_t)rc;
		rc = skafu__model_call(bisect->model, bisect_block_body, bisect);
	}
	return rc;
}

/* Also when a function of the host ended the thread. */
static void bisect_done(void *arg)
{
	struct bisect *bisect = arg;
	const struct skafu__decider *decider = bisect->decider;
	if (bisect->state)
		skafu__state_drop(&bisect->model->sys, &decider->state, decider->user, bisect->state);
	skafu__reading_done(&bisect->reading);
	skafu__model_release(bisect->model);
}

static int32_t bisect_run(struct bisect *bisect, const struct skafu__order *order)
{
	int32_t rc;
	skafu__model_hold(bisect->model);
	pthread_cleanup_push(bisect_done, bisect);
	rc = skafu__reading_begin(&bisect->reading, bisect->model, bisect->decider, &order->command, &bisect->why);
	if (rc == 0)
		rc = bisect_walk(bisect);
	pthread_cleanup_pop(1);
	return rc;
}

int32_t skafu_bisect_state(skafu_model *model, const skafu_command *command, skafu_predicate_fn predicate, void *user,
			   uint64_t *out_sequence, skafu_error *error)
{
	struct skafu__order order;
	struct bisect bisect = {.model = model, .predicate = predicate, .user = user};
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0 && (!predicate || !out_sequence))
		rc = skafu__fail(error, SKAFU_EINVAL, "the predicate or the place for the sequence is NULL");
	if (rc == 0)
		rc = skafu__order_take(model, command, &order, error);
	if (rc != 0)
		return rc;
	bisect.decider = order.decider;
	if (!order.decider->has_state)
		return skafu__fail(error, SKAFU_EINVAL, "decider %s keeps no state, so there is nothing to look at",
				   order.decider->name);
	rc = bisect_run(&bisect, &order);
	if (rc < 0)
		return skafu__error_copy(error, &bisect.why, rc);
	*out_sequence = bisect.found;
	return 0;
}

/* ---- a view ---------------------------------------------------------------------------------------------------- */

struct bisect_view {
	skafu_model *model;
	const char *projection;
	skafu_view_predicate_fn predicate;
	void *user;
	int64_t deadline;
};

static uint64_t bisect_time_left(const struct bisect_view *bisect)
{
	if (bisect->deadline == INT64_MAX)
		return SKAFU_WAIT_FOREVER;
	return (uint64_t)skafu__time_left(&bisect->model->sys, bisect->deadline);
}

static void bisect_close_view(void *view)
{
	skafu_view_close(view);
}

/* 1 it is so as of this event, 0 it is not.  The predicate reads the view through the library, so it is no function
 * of a definition. */
static int32_t bisect_view_at(const struct bisect_view *bisect, uint64_t sequence, skafu_error *error)
{
	struct skafu_error own = {0};
	skafu_view *view = NULL;
	int32_t rc = skafu_view_open(bisect->model, bisect->projection, sequence, bisect_time_left(bisect), &view,
				     error);
	if (rc != 0)
		return rc;
	pthread_cleanup_push(bisect_close_view, view);
	rc = bisect->predicate(bisect->user, view, &own);
	pthread_cleanup_pop(1);
	if (rc >= 0)
		return rc != 0;
	if (own.code == 0)
		skafu__fail(&own, rc, "the predicate failed as of event %llu", (unsigned long long)sequence);
	return skafu__error_copy(error, &own, rc);
}

/* It is so as of `high` and not before `low`. */
static int32_t bisect_halve(const struct bisect_view *bisect, uint64_t low, uint64_t high, uint64_t *out,
			    skafu_error *error)
{
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		int32_t rc = bisect_view_at(bisect, middle, error);
		if (rc < 0)
			return rc;
		if (rc == 1)
			high = middle;
		else
			low = middle + 1;
	}
	*out = high;
	return 0;
}

int32_t skafu_bisect_view(skafu_model *model, const char *projection, skafu_view_predicate_fn predicate, void *user,
			  uint64_t timeout_ns, uint64_t *out_sequence, skafu_error *error)
{
	uint64_t head = 0, found = 0;
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0 && (!projection || !predicate || !out_sequence))
		rc = skafu__fail(error, SKAFU_EINVAL, "the projection, the predicate or the place for the sequence "
				 "is NULL");
	if (rc == 0)
		rc = skafu_store_head(model->store, &head, error);
	if (rc != 0)
		return rc;
	const struct bisect_view bisect = {model, projection, predicate, user,
					   skafu__deadline(&model->sys, timeout_ns)};
	rc = head ? bisect_view_at(&bisect, head, error) : 0;
	if (rc == 1)
		rc = bisect_halve(&bisect, 1, head, &found, error);
	if (rc == 0)
		*out_sequence = found;
	return rc;
}
