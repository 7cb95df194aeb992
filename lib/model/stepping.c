#include "model/stepping.h"

#include <string.h>

#include "base/error.h"
#include "model/writer.h"
#include "store/store.h" /* the secret of its hashes */

#define STEPPING_BLOCK_RECORDS 1024u
#define STEPPING_FETCH_AHEAD 8u /* rows between the fetch of a value and its use */

void skafu__stepping_init(struct skafu__stepping *stepping, skafu_model *model, struct skafu__projection *projection,
			  struct skafu__views *views)
{
	memset(stepping, 0, sizeof *stepping);
	stepping->model = model;
	stepping->projection = projection;
	stepping->views = views;
	skafu__edit_init(&stepping->edit, &model->sys, (size_t)model->opts.edit_bytes_max,
			 model->store->format.hash_key);
	stepping->edit.projection = projection->def.name;
	skafu__lens_init(&stepping->lens, &model->registry);
	skafu__held_init(&stepping->held, &model->sys);
	skafu__buf_init(&stepping->chosen, &model->sys, SIZE_MAX);
	skafu__buf_init(&stepping->value, &model->sys, (size_t)model->opts.edit_bytes_max);
}

void skafu__stepping_done(struct skafu__stepping *stepping)
{
	if (!stepping->model)
		return;
	skafu_cursor_free(stepping->cursor);
	skafu__edit_done(&stepping->edit);
	skafu__lens_done(&stepping->lens);
	skafu__held_done(&stepping->held);
	skafu__buf_done(&stepping->chosen);
	skafu__buf_done(&stepping->value);
	stepping->model = NULL;
}

/* ---- failures ------------------------------------------------------------------------------------------------ */

/* What a function of the host gave back, or overlooked: 0, or the failure in stepping->why. */
static int32_t stepping_judge(struct skafu__stepping *stepping, int32_t rc, const char *what)
{
	const struct skafu_edit *edit = &stepping->edit;
	if (edit->failed != 0) {
		stepping->handler_failed = !edit->library;
		return skafu__error_copy(&stepping->why, &edit->why, edit->failed);
	}
	if (rc >= 0)
		return rc;
	/* The library's own ones have nobody who would resume them: what they meet now is tried again. */
	stepping->handler_failed = stepping->projection->domain != NULL;
	if (stepping->why.code != 0)
		stepping->why.code = rc;
	else
		skafu__fail(&stepping->why, rc, "%s of projection %s failed at event %llu", what,
			    stepping->projection->def.name, (unsigned long long)stepping->culprit);
	return rc;
}

static int32_t stepping_no_memory(struct skafu__stepping *stepping)
{
	return skafu__fail_memory(&stepping->why);
}

/* ---- key and fold -------------------------------------------------------------------------------------------- */

static int32_t stepping_keys(struct skafu__stepping *stepping)
{
	const struct skafu_projection_def *def = &stepping->projection->def;
	struct skafu_edit *edit = &stepping->edit;
	int32_t rc = 0;
	skafu__edit_begin_keys(edit);
	edit->phase = SKAFU__EDIT_KEYS;
	for (uint32_t i = 0; rc == 0 && i < stepping->held.count; i++) {
		edit->event = i;
		rc = stepping_judge(stepping, def->key(def->user, stepping->held.records[i], edit, &stepping->why),
				    "the key function");
		rc = rc > 0 ? 0 : rc;
	}
	edit->phase = SKAFU__EDIT_CLOSED;
	return rc ? rc : stepping_judge(stepping, skafu__edit_end_keys(edit, &stepping->why), "naming keys");
}

/* The events of a row, in their order. */
static int32_t stepping_choose(struct skafu__stepping *stepping, uint32_t row, skafu_fold *fold)
{
	const struct skafu__editlink *links =
		(const struct skafu__editlink *)(const void *)stepping->edit.links.bytes;
	skafu__buf_clear(&stepping->chosen);
	for (uint32_t at = stepping->edit.set.rows[row].first; at != 0; at = links[at].next)
		skafu__buf_put(&stepping->chosen, &stepping->held.records[links[at].event],
			       sizeof *stepping->held.records);
	if (stepping->chosen.failed)
		return stepping_no_memory(stepping);
	fold->events = (const skafu_record *const *)(const void *)stepping->chosen.bytes;
	fold->event_count = (uint32_t)(stepping->chosen.length / sizeof *fold->events);
	return 0;
}

static int32_t stepping_keep_fold(struct skafu__stepping *stepping, uint32_t row, int32_t answer, int put)
{
	struct skafu__editset *set = &stepping->edit.set;
	size_t length;
	if (answer > 0 && !skafu__editset_value(set, row, &length))
		return 0;
	if (answer == 0 && !put)
		return 0;
	int32_t rc = answer > 0 ? skafu__editset_set(set, row, SKAFU__EDITROW_DELETED, NULL, 0)
				: skafu__editset_set(set, row, SKAFU__EDITROW_PUT,
						     stepping->value.length ? stepping->value.bytes
									    : (const uint8_t *)"",
						     stepping->value.length);
	if (rc != SKAFU_ELIMIT)
		return rc ? stepping_no_memory(stepping) : 0;
	stepping->handler_failed = 1;
	return skafu__fail(&stepping->why, rc,
			   "what the batch changes takes more than edit_bytes_max; open the model "
			   "with more");
}

static int32_t stepping_fold_row(struct skafu__stepping *stepping, uint32_t row)
{
	const struct skafu_projection_def *def = &stepping->projection->def;
	struct skafu_writer writer = {.buf = &stepping->value};
	skafu_fold fold = {.size = sizeof fold};
	const uint8_t *name = skafu__editset_name(&stepping->edit.set, row, &fold.key_length);
	int32_t rc = stepping_choose(stepping, row, &fold);
	if (rc != 0)
		return rc;
	fold.key = name + 1;
	fold.key_length--;
	fold.value = skafu__editset_value(&stepping->edit.set, row, &fold.value_length);
	skafu__buf_clear(&stepping->value);
	rc = stepping_judge(stepping, def->fold(def->user, &fold, &writer, &stepping->why), "the fold function");
	/* Also when the function passed the code on: it is no failure of its own. */
	if (stepping->value.failed) {
		stepping->handler_failed = stepping->value.failed == SKAFU_ELIMIT;
		return skafu__fail(&stepping->why, stepping->value.failed,
				   "a fold of projection %s wrote a value for "
				   "which there is no room", def->name);
	}
	return rc < 0 ? rc : stepping_keep_fold(stepping, row, rc, writer.put);
}

static int32_t stepping_fold(struct skafu__stepping *stepping)
{
	const struct skafu__buf *touched = &stepping->edit.touched;
	int32_t rc = stepping_keys(stepping);
	if (rc == 0)
		rc = stepping_judge(stepping, skafu__edit_learn_touched(&stepping->edit, &stepping->why), "reading");
	const uint32_t *rows = (const uint32_t *)(const void *)touched->bytes;
	for (size_t i = 0, count = touched->length / sizeof *rows; rc == 0 && i < count; i++) {
		if (count - i > STEPPING_FETCH_AHEAD)
			skafu__editset_fetch_value(&stepping->edit.set, rows[i + STEPPING_FETCH_AHEAD]);
		rc = stepping_fold_row(stepping, rows[i]);
	}
	return rc;
}

/* ---- batches ------------------------------------------------------------------------------------------------- */

static int32_t stepping_run_batch(struct skafu__stepping *stepping)
{
	const struct skafu_projection_def *def = &stepping->projection->def;
	struct skafu__held *held = &stepping->held;
	int32_t rc = 0;
	if (held->count == 0)
		return 0;
	stepping->exact = 0;
	if (def->fold) {
		rc = stepping_fold(stepping);
	} else {
		stepping->edit.phase = SKAFU__EDIT_ROWS;
		rc = stepping_judge(stepping, def->batch(def->user, held->records, held->count, &stepping->edit,
							 &stepping->why), "the handler");
		stepping->edit.phase = SKAFU__EDIT_CLOSED;
	}
	skafu__held_clear(held);
	return rc < 0 ? rc : 0;
}

static int32_t stepping_hold(struct skafu__stepping *stepping, const skafu_record *event)
{
	if (skafu__held_add(&stepping->held, event) != 0)
		return stepping_no_memory(stepping);
	return 0;
}

static int stepping_batch_is_full(const struct skafu__stepping *stepping)
{
	return stepping->held.count >= stepping->projection->def.batch_max ||
	       stepping->held.bytes > (size_t)stepping->model->opts.edit_bytes_max / 2;
}

/* ---- one event ----------------------------------------------------------------------------------------------- */

static int stepping_is_seen(const struct skafu__projection *projection, const skafu_record *event)
{
	if (!projection->sees_forms)
		return 1;
	for (size_t i = 0; i < projection->def.type_count; i++)
		if (strcmp(projection->types[i], event->type) == 0)
			return 1;
	return 0;
}

static int32_t stepping_event(struct skafu__stepping *stepping, const skafu_record *event)
{
	const struct skafu__projection *projection = stepping->projection;
	int32_t rc = 1;
	if (!stepping_is_seen(projection, event))
		return 0;
	if (projection->rules)
		rc = skafu_rules_match(projection->rules, event, NULL, 0, &stepping->why);
	if (rc <= 0)
		return rc;
	stepping->given++;
	if (!projection->def.each)
		return stepping_hold(stepping, event);
	stepping->edit.phase = SKAFU__EDIT_ROWS;
	rc = projection->def.each(projection->def.user, event, &stepping->edit, &stepping->why);
	stepping->edit.phase = SKAFU__EDIT_CLOSED;
	rc = stepping_judge(stepping, rc, "the handler");
	return rc < 0 ? rc : 0;
}

/* A record that this model is too old for, or whose upcaster fails, is as if the handler had failed on it. */
static int32_t stepping_look(struct skafu__stepping *stepping, const skafu_record *stored)
{
	int32_t rc = skafu__lens_look(&stepping->lens, stored, &stepping->why);
	if (rc >= 0)
		return rc;
	if (rc == SKAFU_ENEWER && (stepping->projection->def.flags & SKAFU_PROJECTION_SKIP_NEWER))
		return 0;
	stepping->handler_failed = rc != SKAFU_ENOMEM;
	return rc;
}

/* Only events have upcasters. */
static int32_t stepping_forms(struct skafu__stepping *stepping, const skafu_record *stored)
{
	if (stored->kind != SKAFU_KIND_EVENT)
		return stepping_event(stepping, stored);
	int32_t rc = stepping_look(stepping, stored);
	for (int32_t i = 0, count = rc; rc >= 0 && i < count; i++)
		rc = stepping_event(stepping, stepping->lens.shown[i]);
	return rc;
}

static int32_t stepping_record(struct skafu__stepping *stepping, const skafu_record *stored)
{
	stepping->culprit = stored->sequence;
	stepping->exact = 1;
	if (stepping->why.code != 0)
		skafu_error_clear(&stepping->why); /* which a handler met, and got over */
	int32_t rc = stepping->filter ? skafu_rules_match(stepping->filter, stored, NULL, 0, &stepping->why) : 1;
	if (rc > 0)
		rc = stepping_forms(stepping, stored);
	if (rc < 0)
		return rc;
	stepping->taken++;
	if (stepping->projection->def.each) {
		stepping->settled = stepping->taken;
	} else if (stepping_batch_is_full(stepping)) {
		rc = stepping_run_batch(stepping);
		if (rc == 0)
			stepping->settled = stepping->taken;
	}
	return rc;
}

/* ---- a try --------------------------------------------------------------------------------------------------- */

struct stepping_block {
	struct skafu__stepping *stepping;
	const skafu_record *const *records;
	uint32_t count;
	uint32_t done;
	int full; /* so much is changed that it should be written first */
};

static int32_t stepping_block_body(void *arg)
{
	struct stepping_block *block = arg;
	struct skafu__stepping *stepping = block->stepping;
	int32_t rc = 0;
	while (rc == 0 && block->done < block->count && !block->full) {
		rc = stepping_record(stepping, block->records[block->done]);
		if (rc != 0)
			break;
		stepping->reached = block->records[block->done++]->sequence;
		block->full = skafu__editset_bytes(&stepping->edit.set) > stepping->edit.set.bytes_max / 8 * 7;
	}
	return rc;
}

static int32_t stepping_rest_body(void *arg)
{
	struct skafu__stepping *stepping = arg;
	int32_t rc = stepping_run_batch(stepping);
	if (rc == 0)
		stepping->settled = stepping->taken;
	return rc;
}

static int32_t stepping_open(struct skafu__stepping *stepping, const struct skafu__stepping_span *span,
			     uint64_t events_max)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = stepping->projection->kinds,
				.from = span->mark->sequence + 1};
	opts.to = span->limit == UINT64_MAX ? 0 : span->limit;
	skafu_cursor_free(stepping->cursor);
	stepping->cursor = NULL;
	return skafu_read(stepping->model->store, stepping->projection->query, events_max, &opts, &stepping->cursor,
			  &stepping->why);
}

/* Read to the end of the try: 1 when it was full before, else 0. */
static int32_t stepping_walk(struct skafu__stepping *stepping)
{
	struct stepping_block block = {.stepping = stepping};
	for (;;) {
		int32_t rc = skafu_cursor_next_batch(stepping->cursor, STEPPING_BLOCK_RECORDS, &block.records,
						     &stepping->why);
		if (rc <= 0)
			return rc;
		block.count = (uint32_t)rc;
		block.done = 0;
		rc = skafu__model_call(stepping->model, stepping_block_body, &block);
		if (rc != 0 || block.full)
			return rc ? rc : 1;
	}
}

static int32_t stepping_try(struct skafu__stepping *stepping, const struct skafu__stepping_span *span,
			    uint64_t events_max)
{
	memset(&stepping->why, 0, sizeof stepping->why);
	stepping->handler_failed = 0;
	stepping->taken = 0;
	stepping->settled = 0;
	stepping->given = 0;
	stepping->reached = span->mark->sequence;
	skafu__held_clear(&stepping->held);
	int32_t rc = skafu__edit_begin(&stepping->edit, stepping->views, span->generation, span->mark,
				       &stepping->why);
	stepping->edit.muted_to = span->muted_to;
	if (span->mark->sequence >= span->limit)
		return rc;
	if (rc == 0)
		rc = stepping_open(stepping, span, events_max);
	if (rc != 0)
		return rc;
	uint64_t head = skafu_cursor_head(stepping->cursor);
	rc = stepping_walk(stepping);
	if (rc >= 0) {
		int32_t rest = skafu__model_call(stepping->model, stepping_rest_body, stepping);
		rc = rest ? rest : rc;
	}
	skafu_cursor_free(stepping->cursor);
	stepping->cursor = NULL;
	if (rc != 0 || stepping->taken >= events_max)
		return rc < 0 ? rc : 1;
	uint64_t end = head < span->limit ? head : span->limit;
	if (stepping->reached < end)
		stepping->reached = end;
	return 0;
}

/* With how many events to try again; 0: it is the first one that fails. */
static uint64_t stepping_fewer(const struct skafu__stepping *stepping)
{
	if (stepping->settled != 0)
		return stepping->settled;
	if (stepping->exact)
		return stepping->taken;
	return stepping->taken / 2;
}

int32_t skafu__stepping_collect(struct skafu__stepping *stepping, const struct skafu__stepping_span *span,
				uint32_t events_max, skafu_error *error)
{
	uint64_t events = events_max;
	for (;;) {
		int32_t rc = stepping_try(stepping, span, events);
		if (rc >= 0)
			return events < events_max ? 1 : rc;
		if (!stepping->handler_failed)
			return skafu__error_copy(error, &stepping->why, rc);
		events = stepping_fewer(stepping);
		if (events == 0)
			return SKAFU__STEPPING_FAILED;
	}
}
