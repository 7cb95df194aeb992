#include "model/building.h"

#include <string.h>

#include "base/error.h"
#include "base/testhook.h"
#include "store/hidden.h"
#include "store/store.h" /* the number of the process */
#include "store/viewrow.h"

#define BUILDING_SWEEP_ROWS 4096u

/* ---- what is there ------------------------------------------------------------------------------------------- */

void skafu__built_init(struct skafu__built *built, const struct skafu__sys *sys)
{
	built->place = (struct skafu__viewplace){0};
	skafu__viewmark_init(&built->live, sys);
	skafu__viewmark_init(&built->shadow, sys);
}

void skafu__built_done(struct skafu__built *built)
{
	skafu__viewmark_done(&built->live);
	skafu__viewmark_done(&built->shadow);
}

/* A place that names a generation without a mark is damage. */
static int32_t built_load_mark(struct skafu__viewtxn *txn, uint32_t generation, struct skafu__viewmark *out,
			       skafu_error *error)
{
	if (generation == 0)
		return 0;
	int32_t rc = skafu__viewmark_get(txn, generation, out, error);
	if (rc == 0)
		return skafu__viewenv_damaged(txn, error);
	return rc < 0 ? rc : 0;
}

int32_t skafu__built_load_in(struct skafu__viewtxn *txn, const char *projection, struct skafu__built *out,
			     skafu_error *error)
{
	int32_t rc = skafu__viewmark_get_place(txn, projection, &out->place, error);
	if (rc >= 0)
		rc = built_load_mark(txn, out->place.live, &out->live, error);
	return rc ? rc : built_load_mark(txn, out->place.shadow, &out->shadow, error);
}

int32_t skafu__built_load(struct skafu__views *views, const char *projection, struct skafu__built *out,
			  skafu_error *error)
{
	struct skafu__viewtxn txn;
	int32_t rc = skafu__viewenv_read(views, &txn, error);
	if (rc != 0)
		return rc;
	rc = skafu__built_load_in(&txn, projection, out, error);
	skafu__viewenv_end(&txn);
	return rc;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

int32_t skafu__building_init(struct skafu__building *building, skafu_model *model,
			     struct skafu__projection *projection, struct skafu__views *views, int64_t deadline,
			     skafu_error *error)
{
	memset(building, 0, sizeof *building);
	building->model = model;
	building->projection = projection;
	building->deadline = deadline;
	building->views = views;
	skafu__built_init(&building->built, &model->sys);
	int32_t rc = views ? 0 : skafu__projection_views(model, &building->views, error);
	skafu__stepping_init(&building->stepping, model, projection, building->views);
	return rc;
}

void skafu__building_done(struct skafu__building *building)
{
	if (!building->model)
		return;
	skafu__built_done(&building->built);
	skafu__stepping_done(&building->stepping);
	skafu__free(&building->model->sys, building->changes);
	building->model = NULL;
}

static struct skafu__viewmark *building_mark(struct skafu__building *building, int beside)
{
	return beside ? &building->built.shadow : &building->built.live;
}

static uint32_t building_generation(const struct skafu__building *building, int beside)
{
	return beside ? building->built.place.shadow : building->built.place.live;
}

static int building_is_ours(const struct skafu__building *building, const struct skafu__viewmark *mark)
{
	return memcmp(mark->fingerprint, building->projection->fingerprint, sizeof mark->fingerprint) == 0;
}

int skafu__building_owns(const struct skafu__building *building, int beside)
{
	return building_generation(building, beside) != 0 &&
	       building_is_ours(building, beside ? &building->built.shadow : &building->built.live);
}

/* ---- changes of place ---------------------------------------------------------------------------------------- */

/* A write transaction that shows what was loaded: 1; 0, without one, when something has moved. */
static int32_t building_begin_write(struct skafu__building *building, struct skafu__viewtxn *txn,
				    struct skafu__built *now, skafu_error *error)
{
	const struct skafu__built *then = &building->built;
	int32_t rc = skafu__viewenv_write(building->views, building->deadline, txn, error);
	if (rc != 0)
		return rc;
	rc = skafu__built_load_in(txn, building->projection->def.name, now, error);
	if (rc == 0 && now->place.live == then->place.live && now->place.shadow == then->place.shadow)
		return 1;
	skafu__viewenv_end(txn);
	return rc;
}

static int32_t building_drop(struct skafu__viewtxn *txn, uint32_t generation, struct skafu__viewmark *mark,
			     skafu_error *error)
{
	if (generation == 0)
		return 0;
	mark->flags |= SKAFU__VIEWMARK_DROPPED;
	return skafu__viewmark_put(txn, generation, mark, error);
}

/* A new, empty generation of this definition. */
static int32_t building_begin(struct skafu__building *building, struct skafu__viewtxn *txn, uint32_t flags,
			      uint32_t *out_generation, skafu_error *error)
{
	struct skafu__viewmark mark;
	skafu__viewmark_init(&mark, &building->model->sys);
	memcpy(mark.fingerprint, building->projection->fingerprint, sizeof mark.fingerprint);
	mark.version = building->projection->def.version;
	mark.flags = flags;
	mark.hidden = building->hidden;
	mark.made_ns = building->model->sys.wall_ns();
	mark.pid = building->model->store->pid;
	int32_t rc = skafu__viewmark_next(txn, out_generation, error);
	if (rc == 0)
		rc = skafu__viewmark_put(txn, *out_generation, &mark, error);
	skafu__viewmark_done(&mark);
	return rc;
}

enum building_move {
	BUILDING_BEGIN_LIVE,
	BUILDING_BEGIN_BESIDE,
	BUILDING_BEGIN_AGAIN, /* beside, by the same definition: it is not held */
	BUILDING_FLIP,
	BUILDING_DISCARD,
	BUILDING_RESUME,
	BUILDING_PASS
};

static int32_t building_move_begin(struct skafu__building *building, struct skafu__viewtxn *txn,
				   enum building_move move, struct skafu__built *now, skafu_error *error)
{
	int beside = move != BUILDING_BEGIN_LIVE;
	uint32_t *place = beside ? &now->place.shadow : &now->place.live;
	uint32_t hold = move == BUILDING_BEGIN_BESIDE ? building->projection->def.flags & SKAFU_PROJECTION_HOLD : 0;
	int32_t rc = building_drop(txn, *place, beside ? &now->shadow : &now->live, error);
	return rc ? rc : building_begin(building, txn, hold ? SKAFU__VIEWMARK_HELD : 0, place, error);
}

/* What the old one had told stays told. */
static int32_t building_move_flip(struct skafu__viewtxn *txn, struct skafu__built *now, skafu_error *error)
{
	struct skafu__viewmark *mark = &now->shadow;
	int32_t rc = building_drop(txn, now->place.live, &now->live, error);
	mark->flags &= ~SKAFU__VIEWMARK_HELD;
	mark->muted_to = now->live.sequence > now->live.muted_to ? now->live.sequence : now->live.muted_to;
	if (rc == 0)
		rc = skafu__viewmark_put(txn, now->place.shadow, mark, error);
	now->place.live = now->place.shadow;
	now->place.shadow = 0;
	return rc;
}

static int32_t building_move_resume(struct skafu__viewtxn *txn, struct skafu__built *now, skafu_error *error)
{
	int32_t rc = 0;
	now->live.halt_code = 0;
	now->live.halt_message[0] = 0;
	now->shadow.halt_code = 0;
	now->shadow.halt_message[0] = 0;
	if (now->place.live != 0)
		rc = skafu__viewmark_put(txn, now->place.live, &now->live, error);
	if (rc == 0 && now->place.shadow != 0)
		rc = skafu__viewmark_put(txn, now->place.shadow, &now->shadow, error);
	return rc;
}

static int32_t building_move_pass(struct skafu__viewtxn *txn, struct skafu__built *now, uint64_t sequence,
				  skafu_error *error)
{
	now->live.halt_code = 0;
	now->live.halt_message[0] = 0;
	if (now->live.sequence < sequence) {
		now->live.sequence = sequence;
		memset(now->live.anchor, 0, sizeof now->live.anchor);
	}
	return skafu__viewmark_put(txn, now->place.live, &now->live, error);
}

static int32_t building_move_in(struct skafu__building *building, struct skafu__viewtxn *txn,
				enum building_move move, struct skafu__built *now, skafu_error *error)
{
	int32_t rc = 0;
	switch (move) {
	case BUILDING_BEGIN_LIVE:
		rc = building_drop(txn, now->place.shadow, &now->shadow, error);
		now->place.shadow = 0;
		if (rc == 0)
			rc = building_move_begin(building, txn, move, now, error);
		break;
	case BUILDING_BEGIN_BESIDE:
	case BUILDING_BEGIN_AGAIN:
		rc = building_move_begin(building, txn, move, now, error);
		break;
	case BUILDING_FLIP:
		rc = building_move_flip(txn, now, error);
		break;
	case BUILDING_DISCARD:
		rc = building_drop(txn, now->place.shadow, &now->shadow, error);
		now->place.shadow = 0;
		break;
	case BUILDING_RESUME:
		return building_move_resume(txn, now, error);
	case BUILDING_PASS:
		return building_move_pass(txn, now, building->pass_to, error);
	}
	return rc ? rc : skafu__viewmark_put_place(txn, building->projection->def.name, &now->place, error);
}

/* One change of place on what was loaded: 1, or 0 when something moved meanwhile; then it is loaded anew. */
static int32_t building_move(struct skafu__building *building, enum building_move move, skafu_error *error)
{
	struct skafu__viewtxn txn;
	struct skafu__built now;
	int32_t moved;
	skafu__built_init(&now, &building->model->sys);
	int32_t rc = building_begin_write(building, &txn, &now, error);
	if (rc == 1 && move == BUILDING_FLIP && now.live.sequence != now.shadow.sequence) {
		skafu__viewenv_end(&txn);
		rc = 0;
	}
	moved = rc == 1;
	if (rc == 1) {
		rc = building_move_in(building, &txn, move, &now, error);
		if (rc == 0)
			rc = skafu__viewenv_commit(&txn, error);
		else
			skafu__viewenv_end(&txn);
	}
	skafu__built_done(&now);
	if (rc == 0)
		rc = skafu__built_load(building->views, building->projection->def.name, &building->built, error);
	return rc < 0 ? rc : moved;
}

int32_t skafu__building_begin_beside(struct skafu__building *building, skafu_error *error)
{
	return building_move(building, building->built.place.live ? BUILDING_BEGIN_BESIDE : BUILDING_BEGIN_LIVE,
			     error);
}

int32_t skafu__building_flip(struct skafu__building *building, skafu_error *error)
{
	return building_move(building, BUILDING_FLIP, error);
}

int32_t skafu__building_discard(struct skafu__building *building, skafu_error *error)
{
	return building->built.place.shadow ? building_move(building, BUILDING_DISCARD, error) : 0;
}

int32_t skafu__building_pass(struct skafu__building *building, uint64_t sequence, skafu_error *error)
{
	building->pass_to = sequence;
	return building_move(building, BUILDING_PASS, error);
}

int32_t skafu__building_resume(struct skafu__building *building, skafu_error *error)
{
	return building_move(building, BUILDING_RESUME, error);
}

/* ---- does it belong to this log? ----------------------------------------------------------------------------- */

/* 1 when the log has at this mark what it had when the mark was made, or cannot tell (records may go). */
static int32_t building_is_of_log(struct skafu__building *building, const struct skafu__viewmark *mark,
				  skafu_error *error)
{
	static const uint8_t none[16];
	struct skafu_error own = {0};
	skafu_record *record = NULL;
	uint64_t head;
	int32_t rc = skafu_store_head(building->model->store, &head, error);
	if (rc != 0 || mark->sequence > head)
		return rc;
	if (mark->sequence == 0 || memcmp(mark->anchor, none, sizeof none) == 0)
		return 1;
	rc = skafu_get(building->model->store, mark->sequence, &record, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 1;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	rc = memcmp(record->id, mark->anchor, sizeof mark->anchor) == 0;
	skafu_record_free(record);
	return rc;
}

/* The generations of a log that was put back to an earlier point are thrown away: 1, or 0 when one was.  Asked once
 * for each. */
static int32_t building_trust(struct skafu__building *building, skafu_error *error)
{
	for (int beside = 1; beside >= 0; beside--) {
		uint32_t generation = building_generation(building, beside);
		if (generation == 0 || building->projection->trusted[beside] == generation)
			continue;
		int32_t rc = building_is_of_log(building, building_mark(building, beside), error);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			rc = building_move(building, beside ? BUILDING_DISCARD : BUILDING_BEGIN_LIVE, error);
			return rc < 0 ? rc : 0;
		}
		building->projection->trusted[beside] = generation;
	}
	return 1;
}

/* ---- begin what must be begun -------------------------------------------------------------------------------- */

/* May this definition replace a generation of another one? */
static int building_supersedes(const struct skafu__building *building, const struct skafu__viewmark *mark)
{
	const struct skafu__projection *projection = building->projection;
	if (mark->version != projection->def.version)
		return projection->def.version > mark->version;
	return mark->made_ns <= projection->frozen_ns;
}

int skafu__building_is_outdated(const struct skafu__projection *projection, const struct skafu__viewmark *mark,
				uint64_t hidden)
{
	return mark->hidden < hidden && !(projection->def.flags & SKAFU_PROJECTION_KEEP_HIDDEN);
}

/* 1 when all is begun, 0 when to look again. */
static int32_t building_begin_what_lacks(struct skafu__building *building, skafu_error *error)
{
	const struct skafu__built *built = &building->built;
	int32_t rc;
	if (built->place.live == 0) {
		rc = skafu__building_begin_beside(building, error);
		return rc < 0 ? rc : 0;
	}
	if (skafu__building_owns(building, 1))
		return 1;
	if (skafu__building_owns(building, 0)) {
		if (built->place.shadow != 0 ||
		    !skafu__building_is_outdated(building->projection, &built->live, building->hidden))
			return 1;
		rc = building_move(building, BUILDING_BEGIN_AGAIN, error);
		return rc < 0 ? rc : 0;
	}
	if (!building_supersedes(building, &built->live) ||
	    (built->place.shadow != 0 && !building_supersedes(building, &built->shadow)))
		return 1;
	rc = building_move(building, BUILDING_BEGIN_BESIDE, error);
	return rc < 0 ? rc : 0;
}

int32_t skafu__building_prepare(struct skafu__building *building, skafu_error *error)
{
	struct skafu__hidden_moment moment;
	int32_t rc = skafu__hidden_now(building->model->store, NULL, &moment, error);
	if (rc == 0)
		building->hidden = moment.count;
	while (rc == 0) {
		rc = skafu__built_load(building->views, building->projection->def.name, &building->built, error);
		if (rc == 0)
			rc = building_trust(building, error);
		if (rc == 1)
			rc = building_begin_what_lacks(building, error);
	}
	return rc < 0 ? rc : 0;
}

/* ---- writing a batch ----------------------------------------------------------------------------------------- */

/* The id of the record at the end of the batch. */
static int32_t building_anchor(struct skafu__building *building, struct skafu__viewmark *mark, skafu_error *error)
{
	skafu_record *record = NULL;
	struct skafu_error own = {0};
	memset(mark->anchor, 0, sizeof mark->anchor);
	int32_t rc = mark->sequence ? skafu_get(building->model->store, mark->sequence, &record, &own)
				    : SKAFU_ENOTFOUND;
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	memcpy(mark->anchor, record->id, sizeof mark->anchor);
	skafu_record_free(record);
	return 0;
}

static enum skafu__viewrow_known building_known(const struct skafu__editchange *change, int is_last)
{
	if (is_last)
		return SKAFU__VIEWROW_LAST;
	return change->stored == SKAFU__EDITROW_STORED	? SKAFU__VIEWROW_THERE
	       : change->stored == SKAFU__EDITROW_ABSENT ? SKAFU__VIEWROW_ABSENT
							 : SKAFU__VIEWROW_UNKNOWN;
}

/* In the order of their keys; the first rows of a new generation go behind all others. */
static int32_t building_put_rows(struct skafu__building *building, struct skafu__viewtxn *txn, uint32_t generation,
				 size_t count, struct skafu__viewmark *mark, skafu_error *error)
{
	int is_last = 0;
	int32_t rc = mark->rows == 0 ? skafu__viewrow_is_last(txn, generation, error) : 0;
	if (rc == 1) {
		is_last = 1;
		rc = 0;
	}
	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct skafu__editchange *change = &building->changes[i];
		struct skafu__row_value value = {change->value, change->value_length};
		int difference = 0;
		rc = skafu__viewrow_set(txn, generation, change->name[0], change->name + 1, change->name_length - 1,
					&value, building_known(change, is_last), &difference, error);
		mark->rows += (uint64_t)(int64_t)difference;
	}
	return rc;
}

static int32_t building_write_in(struct skafu__building *building, struct skafu__viewtxn *txn, int beside,
				 size_t count, skafu_error *error)
{
	struct skafu__viewmark *mark = &building->stepping.edit.mark; /* with the tables that it added */
	uint32_t generation = building_generation(building, beside);
	mark->pid = building->model->store->pid;
	int32_t rc = building_put_rows(building, txn, generation, count, mark, error);
	return rc ? rc : skafu__viewmark_put(txn, generation, mark, error);
}

/* Is the mark still where the batch began? */
static int building_is_unmoved(const struct skafu__viewmark *then, const struct skafu__viewmark *now)
{
	return now->sequence == then->sequence && now->halt_code == then->halt_code &&
	       memcmp(now->fingerprint, then->fingerprint, sizeof now->fingerprint) == 0;
}

static int32_t building_write_on(struct skafu__building *building, int beside, size_t count, skafu_error *error)
{
	struct skafu__viewtxn txn;
	struct skafu__built now;
	skafu__built_init(&now, &building->model->sys);
	int32_t rc = building_begin_write(building, &txn, &now, error);
	if (rc == 1 && !building_is_unmoved(building_mark(building, beside), beside ? &now.shadow : &now.live)) {
		skafu__viewenv_end(&txn);
		rc = 0;
	}
	skafu__built_done(&now);
	if (rc != 1)
		return rc;
	rc = building_write_in(building, &txn, beside, count, error);
	if (rc == 0)
		return skafu__viewenv_commit(&txn, error);
	skafu__viewenv_end(&txn);
	return rc;
}

/* Write what was collected, if nobody came before. */
static int32_t building_write(struct skafu__building *building, int beside, skafu_error *error)
{
	struct skafu__stepping *stepping = &building->stepping;
	size_t count = 0;
	if (stepping->reached == stepping->edit.mark.sequence)
		return 0;
	stepping->edit.mark.sequence = stepping->reached;
	stepping->edit.mark.halt_code = 0;
	stepping->edit.mark.halt_message[0] = 0;
	int32_t rc = building_anchor(building, &stepping->edit.mark, error);
	if (rc != 0)
		return rc;
	if (skafu__editset_changes(&stepping->edit.set, &building->changes, &count) != 0)
		return skafu__fail_memory(error);
	rc = building_write_on(building, beside, count, error);
	skafu__free(&building->model->sys, building->changes);
	building->changes = NULL;
	return rc;
}

/* ---- halting ------------------------------------------------------------------------------------------------- */

static void building_describe_halt(struct skafu__viewmark *mark, const struct skafu__stepping *stepping)
{
	size_t length = strlen(stepping->why.message);
	if (length > SKAFU__VIEW_MESSAGE_MAX)
		length = SKAFU__VIEW_MESSAGE_MAX;
	mark->halt_code = stepping->why.code;
	mark->halt_sequence = stepping->culprit;
	memcpy(mark->halt_message, stepping->why.message, length);
	mark->halt_message[length] = 0;
}

/* The handler failed on what is in the views now?  Then say so there; else it failed on what was, which counts for
 * nothing: another process has moved on. */
static int32_t building_halt(struct skafu__building *building, int beside, skafu_error *error)
{
	struct skafu__viewtxn txn;
	struct skafu__built now;
	const struct skafu__viewmark *then = building_mark(building, beside);
	if (then->halt_code == building->stepping.why.code && then->halt_sequence == building->stepping.culprit)
		return 0; /* it is there already */
	skafu__built_init(&now, &building->model->sys);
	struct skafu__viewmark *mark = beside ? &now.shadow : &now.live;
	int32_t rc = building_begin_write(building, &txn, &now, error);
	if (rc == 1 && building_is_unmoved(then, mark)) {
		building_describe_halt(mark, &building->stepping);
		rc = skafu__viewmark_put(&txn, building_generation(building, beside), mark, error);
		if (rc == 0)
			rc = skafu__viewenv_commit(&txn, error);
		else
			skafu__viewenv_end(&txn);
	} else if (rc == 1) {
		skafu__viewenv_end(&txn);
		rc = 0;
	}
	skafu__built_done(&now);
	return rc;
}

static int32_t building_tell_halt(const struct skafu__building *building, const struct skafu__viewmark *mark,
				  skafu_error *error)
{
	skafu__fail(error, mark->halt_code, "projection %s is halted at event %llu: %s",
		    building->projection->def.name, (unsigned long long)mark->halt_sequence, mark->halt_message);
	skafu__error_set_sequence(error, mark->halt_sequence);
	return SKAFU__PROJECTION_HALTED;
}

/* ---- steps --------------------------------------------------------------------------------------------------- */

/* One transaction's worth: _IDLE, _MORE, or _HALTED. */
static int32_t building_advance_once(struct skafu__building *building, int beside, uint64_t limit,
				     uint32_t *events_left, skafu_error *error)
{
	struct skafu__viewmark *mark = building_mark(building, beside);
	struct skafu__stepping_span span = {.mark = mark, .generation = building_generation(building, beside),
					    .limit = limit, .muted_to = beside || building->is_aside ? UINT64_MAX
										    : mark->muted_to};
	/* A program that is too old halts only itself: a newer one may come.  The library's own never stay so. */
	if (mark->halt_code != 0 && mark->halt_code != SKAFU_ENEWER && building->projection->domain)
		return building_tell_halt(building, mark, error);
	int32_t more = skafu__stepping_collect(&building->stepping, &span, *events_left, error);
	if (more < 0)
		return more;
	int32_t rc = more == SKAFU__STEPPING_FAILED ? building_halt(building, beside, error)
						    : building_write(building, beside, error);
	*events_left -= building->stepping.taken < *events_left ? (uint32_t)building->stepping.taken : *events_left;
	if (rc == 0)
		rc = skafu__built_load(building->views, building->projection->def.name, &building->built, error);
	if (rc != 0)
		return rc;
	if (more == SKAFU__STEPPING_FAILED && mark->halt_code != 0) {
		skafu__testhook_tell(SKAFU__TESTHOOK_FAILED, NULL, building->projection->def.name, mark->halt_message,
				     mark->halt_sequence, mark->halt_code);
		return building_tell_halt(building, mark, error);
	}
	/* A batch that was lost to another process is none. */
	if (more != SKAFU__STEPPING_FAILED && mark->sequence == building->stepping.reached)
		building->given += building->stepping.given;
	return more || mark->sequence != building->stepping.reached ? SKAFU__PROJECTION_MORE : SKAFU__PROJECTION_IDLE;
}

int32_t skafu__building_advance(struct skafu__building *building, int beside, uint64_t limit, uint32_t events_max,
				skafu_error *error)
{
	uint32_t generation = building_generation(building, beside);
	uint32_t left = events_max;
	int32_t rc = SKAFU__PROJECTION_MORE;
	while (rc == SKAFU__PROJECTION_MORE && left != 0) {
		rc = building_advance_once(building, beside, limit, &left, error);
		/* Somebody put another one there. */
		if (rc >= 0 && building_generation(building, beside) != generation)
			return SKAFU__PROJECTION_MORE;
	}
	return rc;
}

/* Some rows of a generation that nobody refers to. */
static int32_t building_sweep(struct skafu__building *building, skafu_error *error)
{
	struct skafu__viewtxn txn;
	uint32_t generation;
	int32_t rc = skafu__viewenv_read(building->views, &txn, error);
	if (rc != 0)
		return rc;
	rc = skafu__viewmark_find_dropped(&txn, &generation, error);
	skafu__viewenv_end(&txn);
	if (rc != 1)
		return rc;
	rc = skafu__viewenv_write(building->views, building->deadline, &txn, error);
	if (rc != 0)
		return rc;
	/* It may be gone, which is fine; never is a number given again. */
	rc = skafu__viewrow_sweep(&txn, generation, BUILDING_SWEEP_ROWS, error);
	if (rc == 1)
		rc = skafu__viewmark_delete(&txn, generation, error);
	if (rc == 0)
		rc = skafu__viewenv_commit(&txn, error);
	else
		skafu__viewenv_end(&txn);
	return rc;
}

static int32_t building_step_beside(struct skafu__building *building, uint32_t events_max, skafu_error *error)
{
	if (!skafu__building_owns(building, 1))
		return SKAFU__PROJECTION_IDLE;
	int32_t rc = skafu__building_advance(building, 1, building->built.live.sequence, events_max, error);
	if (rc != SKAFU__PROJECTION_IDLE || !skafu__building_owns(building, 1) ||
	    (building->built.shadow.flags & SKAFU__VIEWMARK_HELD))
		return rc;
	rc = skafu__building_flip(building, error);
	return rc < 0 ? rc : SKAFU__PROJECTION_MORE;
}

static int32_t building_step(struct skafu__building *building, uint32_t events_max, skafu_error *error)
{
	int32_t live = SKAFU__PROJECTION_IDLE;
	int32_t rc = skafu__building_prepare(building, error);
	if (rc == 0 && skafu__building_owns(building, 0))
		live = skafu__building_advance(building, 0, UINT64_MAX, events_max, error);
	if (rc == 0 && live >= 0)
		rc = building_step_beside(building, events_max, live == SKAFU__PROJECTION_HALTED ? NULL : error);
	if (rc < 0 || live < 0)
		return rc < 0 ? rc : live;
	if (rc == SKAFU__PROJECTION_IDLE && live == SKAFU__PROJECTION_IDLE) {
		rc = building_sweep(building, error);
		return rc < 0 ? rc : SKAFU__PROJECTION_IDLE;
	}
	if (live == SKAFU__PROJECTION_MORE || rc == SKAFU__PROJECTION_MORE)
		return SKAFU__PROJECTION_MORE;
	return SKAFU__PROJECTION_HALTED;
}

/* ---- for an engine ------------------------------------------------------------------------------------------- */

static void building_leave(void *arg)
{
	struct skafu__building *building = arg;
	skafu_model *model = building->model;
	skafu__building_done(building);
	skafu__handling_leave(&model->handling);
	skafu__model_release(model);
}

int32_t skafu__projection_step(skafu_model *model, struct skafu__projection *projection, uint32_t events_max,
			       int64_t deadline, skafu_error *error)
{
	struct skafu__building building;
	int32_t rc = skafu__handling_enter(&model->handling, deadline, error);
	if (rc != 0)
		return rc;
	skafu__model_hold(model); /* a handler may close the host's handle */
	building.model = model;
	pthread_cleanup_push(building_leave, &building);
	rc = skafu__building_init(&building, model, projection, NULL, deadline, error);
	if (rc == 0)
		rc = building_step(&building, events_max, error);
	pthread_cleanup_pop(1);
	return rc;
}

int32_t skafu__projection_checkpoint(skafu_model *model, const struct skafu__projection *projection,
				     uint64_t *out_sequence, skafu_error *error)
{
	struct skafu__views *views;
	struct skafu__built built;
	int32_t rc = skafu__projection_views(model, &views, error);
	if (rc != 0)
		return rc;
	skafu__built_init(&built, &model->sys);
	rc = skafu__built_load(views, projection->def.name, &built, error);
	if (rc == 0)
		*out_sequence = built.place.live ? built.live.sequence : 0;
	skafu__built_done(&built);
	return rc;
}
