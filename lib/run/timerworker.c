#include "run/timerworker.h"

#include <string.h>

#include "base/error.h"
#include "base/ident.h"
#include "codec/hash.h"
#include "run/register.h"
#include "run/timer.h"
#include "store/batch.h"
#include "store/rowlook.h"
#include "store/store.h"

#define TIMERWORKER_BATCHES 256u
#define TIMERWORKER_BYTES_MAX (UINT64_C(4) << 20) /* of records in one append */
#define TIMERWORKER_LOOK_NS INT64_C(1000000000)
#define TIMERWORKER_STUCK_MAX 64u
#define TIMERWORKER_STUCK_NS INT64_C(60000000000)

/* A timer that cannot be recorded now: its domain lost the type, or it is larger than this process allows. */
struct timerworker_stuck {
	uint8_t key[SKAFU__TIMER_KEY_BYTES];
	int64_t until; /* monotonic */
};

/* A row that is due, as it was read. */
struct timerworker_due {
	uint8_t key[SKAFU__TIMER_KEY_BYTES];
	struct skafu__timer_setting setting;
};

struct timerworker {
	struct skafu__worker worker; /* first */
	const struct skafu__sys *sys;
	skafu_store *store;
	struct skafu__engine_figures *figures;
	uint64_t seen_commit; /* what was set up to it is in next_due */
	uint32_t seen_word;
	uint32_t is_known;    /* next_due is right */
	int64_t next_due;     /* wall clock; INT64_MAX: none */
	uint32_t stuck_count;
	uint32_t due_count;
	struct timerworker_stuck stuck[TIMERWORKER_STUCK_MAX];
	struct timerworker_stuck passed; /* no room for more of them: nothing up to this key is tried until then */
	uint32_t has_passed;
	uint32_t reserved;
	struct timerworker_due due[TIMERWORKER_BATCHES];
	int32_t results[TIMERWORKER_BATCHES];
	skafu_appended places[TIMERWORKER_BATCHES];
	skafu_batch *batches[TIMERWORKER_BATCHES];
	struct skafu__timer timer;
};

/* ---- when ---------------------------------------------------------------------------------------------------- */

static void timerworker_hear(void *user, const uint8_t *key, size_t key_length, int is_put)
{
	struct timerworker *timers = user;
	uint8_t id[16];
	int64_t due_ns;
	if (!is_put || !skafu__timer_key_decode(key, key_length, &due_ns, id))
		return;
	if (due_ns < timers->next_due)
		timers->next_due = due_ns;
	if (timers->has_passed && memcmp(key, timers->passed.key, sizeof timers->passed.key) <= 0)
		timers->has_passed = 0;
}

/* What was set since, by whatever process. */
static int32_t timerworker_look(struct timerworker *timers, skafu_error *error)
{
	uint32_t word = skafu__control_word(&timers->store->control);
	if (timers->is_known && word == timers->seen_word)
		return 0;
	int32_t rc = skafu__rows_changed(timers->store, skafu__timer_table, &timers->seen_commit, timerworker_hear,
					 timers, error);
	if (rc < 0)
		return rc;
	if (rc == 0 || !timers->is_known) {
		timers->next_due = INT64_MIN;
		timers->is_known = 1;
	}
	/* An odd word: a commit is being written, and may be to be seen only later. */
	timers->seen_word = word & 1u ? word - 1 : word;
	return 0;
}

/* When those that could not be recorded are tried again. */
static int64_t timerworker_again_ns(const struct timerworker *timers)
{
	int64_t again = timers->has_passed ? timers->passed.until : INT64_MAX;
	for (uint32_t i = 0; i < timers->stuck_count; i++)
		if (timers->stuck[i].until < again)
			again = timers->stuck[i].until;
	return again;
}

static int64_t timerworker_due_ns(struct skafu__worker *worker, int is_draining)
{
	const struct timerworker *timers = (const struct timerworker *)(const void *)worker;
	if (is_draining || !timers->is_known)
		return INT64_MAX;
	int64_t again = timerworker_again_ns(timers);
	if (timers->next_due == INT64_MAX)
		return again;
	int64_t wall = timers->sys->wall_ns();
	int64_t now = timers->sys->monotonic_ns();
	if (timers->next_due <= wall)
		return now;
	uint64_t wait = (uint64_t)timers->next_due - (uint64_t)wall;
	int64_t due = now + (wait < (uint64_t)TIMERWORKER_LOOK_NS ? (int64_t)wait : TIMERWORKER_LOOK_NS);
	return due < again ? due : again;
}

/* ---- timers that cannot fire --------------------------------------------------------------------------------- */

static struct timerworker_stuck *timerworker_find_stuck(struct timerworker *timers, const void *key)
{
	for (uint32_t i = 0; i < timers->stuck_count; i++)
		if (memcmp(timers->stuck[i].key, key, SKAFU__TIMER_KEY_BYTES) == 0)
			return &timers->stuck[i];
	return NULL;
}

static void timerworker_free_stuck(struct timerworker *timers)
{
	int64_t now = timers->sys->monotonic_ns();
	for (uint32_t i = timers->stuck_count; i-- > 0;)
		if (timers->stuck[i].until <= now)
			timers->stuck[i] = timers->stuck[--timers->stuck_count];
	if (timers->passed.until <= now)
		timers->has_passed = 0;
}

/* Rows are tried in the order of their keys, so all before this one were. */
static void timerworker_pass_over(struct timerworker *timers, const uint8_t *key, int64_t until)
{
	struct timerworker_stuck *passed = &timers->passed;
	if (!timers->has_passed)
		passed->until = until;
	if (!timers->has_passed || memcmp(key, passed->key, sizeof passed->key) > 0)
		memcpy(passed->key, key, sizeof passed->key);
	timers->has_passed = 1;
}

static void timerworker_get_stuck(struct timerworker *timers, const uint8_t *key, const char *why)
{
	int64_t until = timers->sys->monotonic_ns() + TIMERWORKER_STUCK_NS;
	skafu__log(&timers->store->log, SKAFU_LOG_ERROR, "a timer is due and cannot be recorded; it stays, and is "
		   "tried again in a minute: %s", why);
	if (timers->stuck_count == TIMERWORKER_STUCK_MAX) {
		timerworker_pass_over(timers, key, until);
		return;
	}
	struct timerworker_stuck *stuck = &timers->stuck[timers->stuck_count++];
	memcpy(stuck->key, key, sizeof stuck->key);
	stuck->until = until;
}

/* ---- filling ------------------------------------------------------------------------------------------------- */

static void timerworker_commit_id(const uint8_t record_id[16], uint8_t out[16])
{
	static const char purpose[] = "skafu timer commit 1";
	const struct skafu__part parts[] = {{purpose, sizeof purpose}, {record_id, 16}};
	skafu__blake2b(out, 16, parts, 2);
	skafu__ident_stamp_v8(out);
}

static int32_t timerworker_fill(struct timerworker *timers, const struct timerworker_due *due, skafu_batch *batch,
				skafu_error *error)
{
	uint8_t name_value[SKAFU__TIMER_NAME_ROW_BYTES];
	uint8_t commit_id[16];
	const uint8_t *id = due->key + 8;
	skafu_batch_clear(batch);
	timerworker_commit_id(due->setting.record_id, commit_id);
	skafu__timer_setting_encode(&due->setting, name_value);
	int32_t rc = skafu_batch_add(batch, &timers->timer.record, error);
	if (rc == 0)
		rc = skafu_batch_set_id(batch, commit_id, error);
	if (rc == 0)
		rc = skafu_batch_expect_row(batch, skafu__timer_name_table, id, 16, name_value, sizeof name_value,
					    error);
	return rc ? rc : skafu__timer_delete(batch, id, &due->setting, error);
}

static int32_t timerworker_next_batch(struct timerworker *timers, skafu_batch **out, skafu_error *error)
{
	skafu_batch **place = &timers->batches[timers->due_count];
	int32_t rc = *place ? 0 : skafu_batch_new(timers->store, place, error);
	*out = *place;
	return rc;
}

/* 0 taken or left aside; negative: a failure of the store. */
static int32_t timerworker_take(struct timerworker *timers, const skafu_row *row, int64_t due_ns, skafu_error *error)
{
	struct skafu_error own = {0};
	struct timerworker_due *due = &timers->due[timers->due_count];
	skafu_batch *batch = NULL;
	int32_t rc = timerworker_next_batch(timers, &batch, error);
	if (rc != 0)
		return rc;
	memcpy(due->key, row->key, sizeof due->key);
	if (!skafu__timer_decode(row->value, row->value_length, &timers->timer)) {
		timerworker_get_stuck(timers, row->key, "its row is damaged; verify the store");
		return 0;
	}
	due->setting.due_ns = due_ns;
	memcpy(due->setting.record_id, timers->timer.record.id, 16);
	rc = timerworker_fill(timers, due, batch, &own);
	if (rc == SKAFU_ENOMEM)
		return skafu__error_copy(error, &own, rc);
	if (rc != 0)
		timerworker_get_stuck(timers, row->key, own.message);
	else
		timers->due_count++;
	return 0;
}

/* Fill batches for what is due now, and find out when the next timer is.  1 there may be more that is due. */
static int32_t timerworker_gather(struct timerworker *timers, skafu_rows *rows, int64_t wall, uint32_t most,
				  uint32_t limit, skafu_error *error)
{
	const skafu_row *row;
	uint64_t bytes = 0;
	uint32_t seen = 0;
	int32_t rc;
	timers->due_count = 0;
	while ((rc = skafu_rows_next(rows, &row, error)) == 1) {
		uint8_t id[16];
		int64_t due_ns;
		seen++;
		if (!skafu__timer_key_decode(row->key, row->key_length, &due_ns, id) ||
		    timerworker_find_stuck(timers, row->key))
			continue;
		timers->next_due = due_ns;
		if (due_ns > wall)
			return 0;
		bytes += row->value_length;
		if (timers->due_count == most || bytes > TIMERWORKER_BYTES_MAX)
			return 1;
		rc = timerworker_take(timers, row, due_ns, error);
		if (rc != 0)
			return rc;
	}
	timers->next_due = INT64_MAX;
	return rc < 0 ? rc : seen == limit;
}

/* ---- firing -------------------------------------------------------------------------------------------------- */

/* Delete the row that is due, on condition that its name is as it was read. */
static int32_t timerworker_sweep_row(struct timerworker *timers, const struct timerworker_due *due,
				     skafu_batch *batch, const void *value, size_t length, skafu_error *error)
{
	struct skafu_error own = {0};
	const uint8_t *id = due->key + 8;
	skafu_batch_clear(batch);
	int32_t rc = value ? skafu_batch_expect_row(batch, skafu__timer_name_table, id, 16, value, length, &own)
			   : skafu_batch_expect_no_row(batch, skafu__timer_name_table, id, 16, &own);
	if (rc == 0)
		rc = skafu_batch_delete_row(batch, skafu__timer_table, due->key, sizeof due->key, &own);
	if (rc == 0)
		rc = skafu_append(timers->store, batch, SKAFU__RUN_WAIT_NS, NULL, &own);
	return rc == 0 || rc == SKAFU_EROW ? 0 : skafu__error_copy(error, &own, rc);
}

/* What its name leads to is the row that is due, read again: it was set anew to the same moment. */
static int timerworker_is_named(const struct timerworker_due *due, const void *value, size_t length)
{
	struct skafu__timer_setting now;
	return value && skafu__timer_setting_decode(value, length, &now) == 1 && now.due_ns == due->setting.due_ns;
}

/* A row whose name does not lead to it: gone, unless the name leads to it again by then. */
static int32_t timerworker_sweep(struct timerworker *timers, const struct timerworker_due *due, skafu_batch *batch,
				 skafu_error *error)
{
	struct skafu_error own = {0};
	void *value = NULL;
	size_t length = 0;
	int32_t rc = skafu_row_get(timers->store, skafu__timer_name_table, due->key + 8, 16, &value, &length, &own);
	if (rc != 0 && rc != SKAFU_ENOTFOUND)
		return skafu__error_copy(error, &own, rc);
	rc = timerworker_is_named(due, value, length)
		     ? 0
		     : timerworker_sweep_row(timers, due, batch, value, length, error);
	skafu_bytes_free(value);
	return rc;
}

/* The record is in the log: the host chose its id, and used it twice, or another engine was faster. */
static int32_t timerworker_drop(struct timerworker *timers, const struct timerworker_due *due, skafu_batch *batch,
				skafu_error *error)
{
	uint8_t name_value[SKAFU__TIMER_NAME_ROW_BYTES];
	struct skafu_error own = {0};
	skafu_batch_clear(batch);
	skafu__timer_setting_encode(&due->setting, name_value);
	int32_t rc = skafu_batch_expect_row(batch, skafu__timer_name_table, due->key + 8, 16, name_value,
					    sizeof name_value, &own);
	if (rc == 0)
		rc = skafu__timer_delete(batch, due->key + 8, &due->setting, &own);
	if (rc == 0)
		rc = skafu_append(timers->store, batch, SKAFU__RUN_WAIT_NS, NULL, &own);
	if (rc == SKAFU_EROW)
		return timerworker_sweep(timers, due, batch, error);
	return rc == 0 ? 0 : skafu__error_copy(error, &own, rc);
}

static void timerworker_fired(struct timerworker *timers, const struct timerworker_due *due)
{
	skafu_store *store = timers->store;
	int64_t behind_ns;
	atomic_fetch_add_explicit(&timers->figures->timers_fired, 1, memory_order_relaxed);
	if (!__builtin_sub_overflow(store->sys.wall_ns(), due->setting.due_ns, &behind_ns))
		skafu__probe_report(&store->probe, SKAFU__PROBE_TIMER, 1, behind_ns, NULL);
}

/* Of one timer: fired, others were faster, it was set anew, or it cannot be. */
static int32_t timerworker_judge(struct timerworker *timers, uint32_t index, const struct skafu_error *first,
				 skafu_error *error)
{
	const struct timerworker_due *due = &timers->due[index];
	int32_t rc = timers->results[index];
	int is_new = rc == 0 && !(timers->places[index].flags & SKAFU_APPENDED_RETRY);
	if (is_new)
		timerworker_fired(timers, due);
	if (rc == SKAFU_EROW)
		return timerworker_sweep(timers, due, timers->batches[index], error);
	if (rc == SKAFU_EDUPLICATE || rc == SKAFU_ECOMMIT || (rc == 0 && !is_new))
		return timerworker_drop(timers, due, timers->batches[index], error);
	if (rc == SKAFU_EDEFINITION || rc == SKAFU_ELIMIT || rc == SKAFU_EDELETED) {
		timerworker_get_stuck(timers, due->key, first->batch == index + 1 ? first->message
										   : skafu_result_text(rc));
		return 0;
	}
	return rc == 0 ? 0 : skafu__error_copy(error, first, rc);
}

static int32_t timerworker_fire(struct timerworker *timers, skafu_error *error)
{
	struct skafu_error first = {0};
	uint32_t count = timers->due_count;
	int32_t rc = 0;
	if (count == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		timers->results[i] = 1;
		timers->places[i] = (skafu_appended){.size = sizeof timers->places[i]};
	}
	int32_t all = skafu_append_many(timers->store, timers->batches, count, SKAFU__RUN_WAIT_NS, timers->results,
					timers->places, &first);
	/* Refused as a whole, before any was judged. */
	for (uint32_t i = 0; i < count; i++)
		if (timers->results[i] == 1)
			timers->results[i] = all;
	for (uint32_t i = 0; i < count; i++) {
		int32_t judged = timerworker_judge(timers, i, &first, rc == 0 ? error : NULL);
		rc = rc ? rc : judged;
	}
	return rc;
}

static int32_t timerworker_pass(struct timerworker *timers, int64_t wall, uint32_t most, uint32_t *out_done,
				skafu_error *error)
{
	uint8_t from[SKAFU__TIMER_KEY_BYTES + 1] = {0}; /* the last byte: behind the key */
	skafu_key_range range = {.size = sizeof range};
	skafu_rows *rows = NULL;
	uint32_t limit;
	timerworker_free_stuck(timers);
	limit = most + 1 + timers->stuck_count;
	if (timers->has_passed) {
		memcpy(from, timers->passed.key, sizeof timers->passed.key);
		range.from = from;
		range.from_length = sizeof from;
	}
	int32_t rc = skafu_rows_open(timers->store, skafu__timer_table, &range, limit, &rows, error);
	int32_t more = rc ? rc : timerworker_gather(timers, rows, wall, most, limit, error);
	skafu_rows_free(rows);
	if (more < 0) {
		timers->is_known = 0;
		return more;
	}
	*out_done = timers->due_count;
	rc = timerworker_fire(timers, error);
	if (rc != 0) {
		timers->is_known = 0;
		timers->has_passed = 0;
	}
	return rc ? rc : more;
}

/* A stuck timer's moment comes again although nothing is said about it. */
static int timerworker_has_waited(const struct timerworker *timers)
{
	return timers->stuck_count != 0 && timerworker_again_ns(timers) <= timers->sys->monotonic_ns();
}

static int32_t timerworker_step(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done,
				skafu_error *error)
{
	struct timerworker *timers = (struct timerworker *)(void *)worker;
	*out_done = 0;
	int32_t rc = timerworker_look(timers, error);
	if (rc != 0 || (timers->next_due == INT64_MAX && timers->stuck_count == 0))
		return rc;
	int64_t wall = timers->sys->wall_ns();
	if (timers->next_due > wall && !timerworker_has_waited(timers))
		return 0;
	return timerworker_pass(timers, wall, inputs_max < TIMERWORKER_BATCHES ? inputs_max : TIMERWORKER_BATCHES,
				out_done, error);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static void timerworker_drop_worker(struct skafu__worker *worker)
{
	struct timerworker *timers = (struct timerworker *)(void *)worker;
	for (uint32_t i = 0; i < TIMERWORKER_BATCHES; i++)
		skafu_batch_free(timers->batches[i]);
	skafu__free(timers->sys, timers);
}

int32_t skafu__timerworker_make(skafu_engine *engine, skafu_error *error)
{
	struct timerworker *timers = skafu__alloc_zeroed(&engine->model->sys, 1, sizeof *timers);
	if (!timers)
		return skafu__fail_memory(error);
	timers->worker = (struct skafu__worker){.name = "skafu.timers", .step = timerworker_step,
						.due_ns = timerworker_due_ns, .drop = timerworker_drop_worker};
	timers->sys = &engine->model->sys;
	timers->store = engine->store;
	timers->figures = &engine->figures;
	timers->next_due = INT64_MAX;
	skafu__engine_add_worker(engine, &timers->worker);
	return 0;
}
