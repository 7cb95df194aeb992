#include "run/timer.h"

#include <string.h>

#include "base/error.h"
#include "base/ident.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/hash.h"
#include "model/decider.h"
#include "model/model.h"
#include "run/process.h"
#include "run/step.h"
#include "store/batch.h"
#include "store/rowlook.h"
#include "store/store.h"
#include "store/view.h"

#define TIMER_NAME_BYTES_MAX 255u
#define TIMER_SEARCH_ROWS 256u /* of a batch of the host */

static int32_t timer_check_name(const char *name, skafu_error *error)
{
	size_t length;
	return skafu__name_measure(name, TIMER_NAME_BYTES_MAX, "timer name", &length, error);
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

int32_t skafu__timer_find(skafu_store *store, const struct skafu__rowchain *chain, const skafu_batch *batch,
			  const uint8_t id[16], struct skafu__timer_setting *out, skafu_error *error)
{
	struct skafu__buf value;
	skafu__buf_init(&value, &store->sys, SIZE_MAX / 2);
	int32_t rc = skafu__rowchain_get(chain, store, batch, skafu__timer_name_table, id, 16, &value, error);
	if (rc == 1)
		rc = skafu__timer_setting_decode(value.bytes, value.length, out);
	skafu__buf_done(&value);
	return rc;
}

static int32_t timer_delete_before(skafu_batch *batch, const uint8_t id[16],
				   const struct skafu__timer_setting *before, skafu_error *error)
{
	uint8_t key[SKAFU__TIMER_KEY_BYTES];
	skafu__timer_key_encode(before->due_ns, id, key);
	return skafu_batch_delete_row(batch, skafu__timer_table, key, sizeof key, error);
}

int32_t skafu__timer_delete(skafu_batch *batch, const uint8_t id[16], const struct skafu__timer_setting *before,
			    skafu_error *error)
{
	uint32_t row_count = batch ? batch->row_count : 0;
	int32_t rc = timer_delete_before(batch, id, before, error);
	if (rc == 0)
		rc = skafu_batch_delete_row(batch, skafu__timer_name_table, id, 16, error);
	if (rc != 0 && batch)
		batch->row_count = row_count;
	return rc;
}

static int32_t timer_put_rows(skafu_batch *batch, const uint8_t id[16], const struct skafu__timer_setting *setting,
			      const struct skafu__buf *value, skafu_error *error)
{
	uint8_t key[SKAFU__TIMER_KEY_BYTES];
	uint8_t name_value[SKAFU__TIMER_NAME_ROW_BYTES];
	skafu__timer_key_encode(setting->due_ns, id, key);
	skafu__timer_setting_encode(setting, name_value);
	int32_t rc = skafu_batch_put_row(batch, skafu__timer_table, key, sizeof key, value->bytes, value->length,
					 error);
	if (rc == 0)
		rc = skafu_batch_put_row(batch, skafu__timer_name_table, id, 16, name_value, sizeof name_value,
					 error);
	return rc;
}

int32_t skafu__timer_put(skafu_batch *batch, const struct skafu__timer_name *name, int64_t due_ns,
			 const skafu_new_record *record, const struct skafu__timer_setting *before,
			 skafu_error *error)
{
	uint8_t id[16];
	struct skafu__timer_setting setting = {.due_ns = due_ns};
	struct skafu__buf value;
	uint32_t row_count = batch->row_count;
	memcpy(setting.record_id, record->id, 16);
	skafu__timer_id(name, id);
	skafu__buf_init(&value, &batch->store->sys, SIZE_MAX / 2);
	int32_t rc = skafu__timer_encode(name, record, &value) ? skafu__fail_memory(error) : 0;
	if (rc == 0 && value.length > batch->store->opts.payload_bytes_max)
		rc = skafu__fail(error, SKAFU_ELIMIT, "timer %s and its record take %zu bytes; at most %u are "
				 "allowed", name->name, value.length, batch->store->opts.payload_bytes_max);
	if (rc == 0 && before)
		rc = timer_delete_before(batch, id, before, error);
	if (rc == 0)
		rc = timer_put_rows(batch, id, &setting, &value, error);
	if (rc != 0)
		batch->row_count = row_count;
	skafu__buf_done(&value);
	return rc;
}

int32_t skafu__timer_count(skafu_store *store, uint64_t *out_count, skafu_error *error)
{
	return skafu__rows_count(store, skafu__timer_name_table, out_count, error);
}

/* ---- a batch of the host ------------------------------------------------------------------------------------- */

/* An append of an event whose type is another domain's is refused, and so a timer with one. */
static int32_t timer_check_domain(skafu_store *store, const skafu_new_record *record, skafu_error *error)
{
	struct skafu__view view;
	const char *source = record->source ? record->source : "default";
	if (record->kind > SKAFU_KIND_EVENT)
		return 0;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	uint32_t type = skafu__names_find(&store->names, SKAFU__NAME_TYPE, record->type, strlen(record->type));
	uint32_t owner = type ? skafu__names_owner(&store->names, SKAFU__NAME_TYPE, type) : 0;
	const char *domain = owner ? skafu__names_text(&store->names, SKAFU__NAME_DOMAIN, owner, NULL) : NULL;
	skafu__view_close(&view);
	if (!domain || strcmp(domain, source) == 0)
		return 0;
	return skafu__fail(error, SKAFU_EDEFINITION, "a timer shall record %s of domain %s, but the type belongs to "
			   "domain %s", record->type, source, domain);
}

/* As if it were appended now. */
static int32_t timer_check_record(skafu_store *store, const skafu_new_record *record, skafu_error *error)
{
	skafu_batch *scratch = NULL;
	int32_t rc = skafu_batch_new(store, &scratch, error);
	if (rc == 0)
		rc = skafu_batch_add(scratch, record, error);
	skafu_batch_free(scratch);
	return rc;
}

static int32_t timer_check_batch(const skafu_batch *batch, skafu_error *error)
{
	if (!batch)
		return skafu__fail(error, SKAFU_EINVAL, "the batch is NULL");
	int32_t rc = skafu__store_check(batch->store, error);
	if (rc == 0 && batch->attempted)
		rc = skafu__fail(error, SKAFU_EMISUSE, "the batch was appended already; clear it before you fill it "
				 "again");
	return rc;
}

/* How it is set before.  In a large batch what the batch itself did is not looked for: the row of an earlier time
 * that is left over then is swept when that time comes. */
static int32_t timer_find_in_batch(const skafu_batch *batch, const uint8_t id[16], struct skafu__timer_setting *out,
				   skafu_error *error)
{
	return skafu__timer_find(batch->store, NULL, batch->row_count <= TIMER_SEARCH_ROWS ? batch : NULL, id, out,
				 error);
}

static int32_t timer_set_in_batch(skafu_batch *batch, const char *name, int64_t due_ns,
				  const skafu_new_record *record, skafu_error *error)
{
	uint8_t id[16];
	const struct skafu__timer_name whole = {"", "", name};
	struct skafu__timer_setting before;
	skafu__timer_id(&whole, id);
	int32_t rc = timer_find_in_batch(batch, id, &before, error);
	if (rc < 0)
		return rc;
	return skafu__timer_put(batch, &whole, due_ns, record, rc == 1 ? &before : NULL, error);
}

int32_t skafu_batch_set_timer(skafu_batch *batch, const char *name, int64_t due_ns, const skafu_new_record *record,
			      skafu_error *error)
{
	skafu_new_record known;
	uint8_t record_id[16];
	int32_t rc = timer_check_batch(batch, error);
	if (rc == 0)
		rc = timer_check_name(name, error);
	if (rc == 0 && !record)
		rc = skafu__fail(error, SKAFU_EINVAL, "the record is NULL; say what the timer shall record");
	if (rc == 0)
		rc = skafu__opts_read(&known, sizeof known, record, "skafu_new_record", error);
	if (rc == 0)
		rc = timer_check_record(batch->store, &known, error);
	if (rc == 0)
		rc = timer_check_domain(batch->store, &known, error);
	if (rc != 0)
		return rc;
	if (!known.id) {
		if (skafu__ident_new(&batch->store->ident, &batch->store->sys, record_id, 1) != 0)
			return skafu__fail(error, SKAFU_EIO, "there is no randomness for the id of a timer's record");
		known.id = record_id;
	}
	return timer_set_in_batch(batch, name, due_ns, &known, error);
}

int32_t skafu_batch_cancel_timer(skafu_batch *batch, const char *name, skafu_error *error)
{
	uint8_t id[16];
	struct skafu__timer_setting before;
	int32_t rc = timer_check_batch(batch, error);
	if (rc == 0)
		rc = timer_check_name(name, error);
	if (rc != 0)
		return rc;
	const struct skafu__timer_name whole = {"", "", name};
	skafu__timer_id(&whole, id);
	rc = timer_find_in_batch(batch, id, &before, error);
	if (rc == 1)
		return skafu__timer_delete(batch, id, &before, error);
	if (rc == 0 && batch->row_count > TIMER_SEARCH_ROWS)
		rc = skafu_batch_delete_row(batch, skafu__timer_name_table, id, sizeof id, error);
	return rc;
}

/* ---- a turn -------------------------------------------------------------------------------------------------- */

static int32_t timer_fill_command(struct skafu_turn *turn, const skafu_new_record *given, skafu_new_record *out,
				  skafu_error *error)
{
	int32_t rc = skafu__opts_read(out, sizeof *out, given, "skafu_new_record", error);
	if (rc != 0)
		return rc;
	const struct skafu__decider *decider = out->type ? skafu__registry_command(turn->registry, out->type) : NULL;
	if (!decider && !out->source)
		return skafu__fail(error, SKAFU_EDEFINITION, "a timer shall send the command %s, which no decider of "
				   "this model decides; give its domain as the source", out->type ? out->type : "");
	if (!out->source)
		out->source = decider->domain->name;
	if (!out->correlation)
		out->correlation = turn->correlation;
	if (!out->causation)
		out->causation = turn->causation;
	if (out->hops == 0)
		out->hops = turn->hops;
	return skafu__turn_metadata(turn, out, error);
}

static int32_t timer_fill(struct skafu__step *step, int64_t due_ns, const skafu_new_record *given,
			  skafu_new_record *out, skafu_error *error)
{
	struct skafu_turn *turn = &step->turn;
	uint32_t kind = given->size >= offsetof(skafu_new_record, kind) + sizeof given->kind ? given->kind : 0;
	int32_t rc = kind == SKAFU_KIND_COMMAND ? timer_fill_command(turn, given, out, error)
						: skafu__turn_fill(turn, given, out, error);
	if (rc != 0)
		return rc;
	if (out->hops == turn->hops && due_ns > turn->now_ns &&
	    (uint64_t)due_ns - (uint64_t)turn->now_ns >= (uint64_t)SKAFU__TIMER_HOPS_RESTART_NS)
		out->hops = 0;
	return timer_check_record(step->model->store, out, error);
}

static void timer_record_id(const struct skafu__step *step, const uint8_t id[16], int64_t due_ns, uint8_t out[16])
{
	static const char purpose[] = "skafu timer record 1";
	const struct skafu__part parts[] = {
		{purpose, sizeof purpose}, {step->commit_id, 16}, {id, 16}, {&due_ns, sizeof due_ns}};
	skafu__blake2b(out, 16, parts, 4);
	skafu__ident_stamp_v8(out);
}

/* How the timer is set before: a process knows its own. */
static int32_t timer_find_in_step(struct skafu__step *step, const uint8_t id[16], struct skafu__timer_setting *out,
				  skafu_error *error)
{
	if (step->turn.kind == SKAFU__TURN_PROCESS)
		return skafu__process_find_timer(step, id, out);
	return skafu__timer_find(step->model->store, step->chain, step->turn.batch, id, out, error);
}

static int32_t timer_set_in_step(struct skafu__step *step, const char *name, int64_t due_ns,
				 const skafu_new_record *given, skafu_error *error)
{
	uint8_t id[16];
	uint8_t record_id[16];
	skafu_new_record record;
	struct skafu__timer_setting before;
	const struct skafu__timer_name whole = {step->consumer, step->instance ? step->instance : "", name};
	int32_t rc = timer_check_name(name, error);
	if (rc == 0 && !given)
		rc = skafu__fail(error, SKAFU_EINVAL, "the record is NULL; say what the timer shall record");
	if (rc == 0)
		rc = timer_fill(step, due_ns, given, &record, error);
	if (rc != 0)
		return rc;
	skafu__timer_id(&whole, id);
	timer_record_id(step, id, due_ns, record_id);
	if (!record.id)
		record.id = record_id;
	int32_t found = timer_find_in_step(step, id, &before, error);
	rc = found < 0 ? found : 0;
	if (rc == 0 && step->turn.kind == SKAFU__TURN_PROCESS)
		rc = skafu__process_note_timer(step, id, due_ns, record.id, error);
	if (rc == 0)
		rc = skafu__timer_put(step->turn.batch, &whole, due_ns, &record, found == 1 ? &before : NULL, error);
	step->write_count += rc == 0;
	return rc;
}

static struct skafu__step *timer_step_of(skafu_turn *turn, const char *what, skafu_error *error)
{
	struct skafu__step *step = skafu__step_of(turn, what, error);
	if (step && turn->kind != SKAFU__TURN_REACTION && turn->kind != SKAFU__TURN_PROCESS) {
		skafu__fail(error, SKAFU_EMISUSE, "%s is called by a subscription, which has no timers; make it a "
			    "reaction", what);
		return NULL;
	}
	return step;
}

int32_t skafu_turn_set_timer(skafu_turn *turn, const char *name, int64_t due_ns, const skafu_new_record *record,
			     skafu_error *error)
{
	struct skafu__step *step = timer_step_of(turn, "skafu_turn_set_timer", error);
	if (!step)
		return turn ? SKAFU_EMISUSE : SKAFU_EINVAL;
	int32_t rc = timer_set_in_step(step, name, due_ns, record, error);
	if (rc != 0)
		turn->failed = rc;
	return rc;
}

static int32_t timer_cancel_in_step(struct skafu__step *step, const char *name, skafu_error *error)
{
	uint8_t id[16];
	struct skafu__timer_setting before;
	const struct skafu__timer_name whole = {step->consumer, step->instance ? step->instance : "", name};
	int32_t rc = timer_check_name(name, error);
	if (rc != 0)
		return rc;
	skafu__timer_id(&whole, id);
	rc = timer_find_in_step(step, id, &before, error);
	if (rc != 1)
		return rc;
	rc = skafu__timer_delete(step->turn.batch, id, &before, error);
	if (rc == 0 && step->turn.kind == SKAFU__TURN_PROCESS)
		skafu__process_forget_timer(step, id);
	step->write_count += rc == 0;
	return rc;
}

int32_t skafu_turn_cancel_timer(skafu_turn *turn, const char *name, skafu_error *error)
{
	struct skafu__step *step = timer_step_of(turn, "skafu_turn_cancel_timer", error);
	if (!step)
		return turn ? SKAFU_EMISUSE : SKAFU_EINVAL;
	int32_t rc = timer_cancel_in_step(step, name, error);
	if (rc != 0)
		turn->failed = rc;
	return rc;
}
