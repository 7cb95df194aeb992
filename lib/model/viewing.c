#include "model/viewing.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "model/building.h"
#include "store/hidden.h"
#include "store/store.h" /* the lives of its processes */
#include "store/viewrow.h"

#define VIEWING_STEP_EVENTS 65536u
#define VIEWING_PAUSE_MIN_NS INT64_C(200000)
#define VIEWING_PAUSE_MAX_NS INT64_C(10000000)
#define VIEWING_TRIES 3

struct skafu_view {
	skafu_model *model;
	struct skafu__projection *projection; /* NULL: of another process */
	struct skafu__views *views;
	int is_own;      /* the views are this handle's: as of a sequence */
	uint64_t floor;  /* it was that far once */
	struct skafu__built built;
	char name[];
};

/* ---- waiting ------------------------------------------------------------------------------------------------- */

struct viewing_wish {
	skafu_model *model;
	struct skafu__projection *projection;
	struct skafu__views *views;
	const char *name;
	uint64_t sequence;
	uint64_t hidden; /* so many commits had hidden something when it was wished */
	int64_t deadline;
	int64_t pause_ns;
	int settled; /* this model has nothing more to do for it: another program's version stays in use */
	struct skafu__built *built;
};

static int32_t viewing_too_late(const struct viewing_wish *wish, skafu_error *error)
{
	const struct skafu__built *built = wish->built;
	uint64_t at = built->place.live ? built->live.sequence : 0;
	if (skafu__viewenv_process_lives(wish->views, built->live.pid) && !wish->projection)
		return skafu__fail(error, SKAFU_ETIMEOUT, "projection %s is at sequence %llu and not yet at %llu; "
				   "process %lld runs it", wish->name, (unsigned long long)at,
				   (unsigned long long)wish->sequence, (long long)built->live.pid);
	return skafu__fail(error, SKAFU_ETIMEOUT, "projection %s is at sequence %llu and not yet at %llu; allow more "
			   "time", wish->name, (unsigned long long)at, (unsigned long long)wish->sequence);
}

static int viewing_is_late(const struct viewing_wish *wish)
{
	return skafu__time_left(&wish->model->sys, wish->deadline) == 0;
}

/* This process cannot bring it forward: say why, when nobody else will either. */
static int32_t viewing_is_hopeless(const struct viewing_wish *wish, skafu_error *error)
{
	const struct skafu__built *built = wish->built;
	int runs = built->place.live != 0 && skafu__viewenv_process_lives(wish->views, built->live.pid);
	if (built->place.live != 0 && built->live.halt_code != 0) {
		skafu__fail(error, built->live.halt_code, "projection %s is halted at event %llu: %s", wish->name,
			    (unsigned long long)built->live.halt_sequence, built->live.halt_message);
		return built->live.halt_code;
	}
	if (runs && built->live.pid != (int64_t)wish->model->store->pid)
		return 0;
	if (wish->projection && built->place.shadow != 0)
		return skafu__fail(error, SKAFU_ETIMEOUT,
				   "projection %s was made by version %u and nobody steps that; "
				   "version %u is built beside it and waits for skafu_projection_promote()",
				   wish->name, built->live.version, built->shadow.version);
	return skafu__fail(error, SKAFU_ENOTFOUND, "nobody runs projection %s, which is at sequence %llu; start a "
			   "process whose model defines it", wish->name,
			   (unsigned long long)(built->place.live ? built->live.sequence : 0));
}

static int32_t viewing_pause(struct viewing_wish *wish, skafu_error *error)
{
	uint32_t word = 0;
	if (viewing_is_late(wish))
		return viewing_too_late(wish, error);
	int64_t left = skafu__time_left(&wish->model->sys, wish->deadline);
	int64_t pause_ns = left > 0 && left < wish->pause_ns ? left : wish->pause_ns;
	wish->model->sys.futex_wait(&word, 0, pause_ns);
	if (wish->pause_ns < VIEWING_PAUSE_MAX_NS)
		wish->pause_ns *= 2;
	return 0;
}

/* The log is not that far itself? */
static int32_t viewing_wait_log(const struct viewing_wish *wish, skafu_error *error)
{
	int64_t left = skafu__time_left(&wish->model->sys, wish->deadline);
	uint64_t timeout_ns = left < 0 ? SKAFU_WAIT_FOREVER : (uint64_t)left;
	return skafu_store_wait(wish->model->store, wish->sequence - 1, timeout_ns, NULL, error);
}

/* Rows that another definition made, or that may be of events that are hidden, are not what is wished for, however
 * far they are, while this one can replace them. */
static int viewing_is_reached(const struct viewing_wish *wish)
{
	const struct skafu__viewmark *live = &wish->built->live;
	if (wish->sequence == 0)
		return 1;
	if (wish->built->place.live == 0 || live->sequence < wish->sequence)
		return 0;
	return !wish->projection || wish->settled ||
	       (memcmp(live->fingerprint, wish->projection->fingerprint, sizeof live->fingerprint) == 0 &&
		!skafu__building_is_outdated(wish->projection, live, wish->hidden));
}

/* One thing towards the wish: 0, or why it cannot be. */
static int32_t viewing_further(struct viewing_wish *wish, skafu_error *error)
{
	struct skafu_error own = {0};
	uint64_t head;
	int32_t rc = skafu_store_head(wish->model->store, &head, error);
	if (rc == 0 && head < wish->sequence)
		rc = viewing_wait_log(wish, error);
	if (rc != 0)
		return rc;
	int32_t step = wish->projection ? skafu__projection_step(wish->model, wish->projection, VIEWING_STEP_EVENTS,
								 wish->deadline, &own)
					: SKAFU__PROJECTION_IDLE;
	if (step < 0)
		return skafu__error_copy(error, &own, step);
	wish->settled = step == SKAFU__PROJECTION_IDLE;
	rc = skafu__built_load(wish->views, wish->name, wish->built, error);
	if (rc != 0 || viewing_is_reached(wish))
		return rc;
	if (step == SKAFU__PROJECTION_HALTED)
		return skafu__error_copy(error, &own, own.code);
	if (step == SKAFU__PROJECTION_MORE)
		return viewing_is_late(wish) ? viewing_too_late(wish, error) : 0;
	rc = viewing_is_hopeless(wish, error);
	return rc ? rc : viewing_pause(wish, error);
}

/* wish->built is current after it. */
static int32_t viewing_reach(struct viewing_wish *wish, skafu_error *error)
{
	struct skafu__hidden_moment moment = {0};
	int32_t rc = skafu__built_load(wish->views, wish->name, wish->built, error);
	if (rc == 0 && wish->sequence != 0)
		rc = skafu__hidden_now(wish->model->store, NULL, &moment, error);
	wish->hidden = moment.count;
	wish->pause_ns = VIEWING_PAUSE_MIN_NS;
	while (rc == 0 && !viewing_is_reached(wish))
		rc = viewing_further(wish, error);
	return rc;
}

static int32_t viewing_exists(const struct viewing_wish *wish, skafu_error *error)
{
	int32_t rc = skafu__built_load(wish->views, wish->name, wish->built, error);
	if (rc != 0 || wish->built->place.live != 0 || wish->projection)
		return rc;
	return skafu__fail(error, SKAFU_ENOTFOUND, "there is no projection %s: this model does not define it, and no "
			   "process has run it", wish->name);
}

int32_t skafu__viewing_wait(skafu_model *model, const char *name, uint64_t sequence, int64_t deadline,
			    skafu_error *error)
{
	struct skafu__built built;
	struct viewing_wish wish = {.model = model, .name = name, .sequence = sequence, .deadline = deadline,
				    .built = &built};
	size_t length;
	int32_t rc = skafu__name_measure(name, 255, "name of the projection", &length, error);
	if (rc == 0)
		rc = skafu__projection_views(model, &wish.views, error);
	if (rc != 0)
		return rc;
	wish.projection = skafu__projection_find(model, name);
	skafu__built_init(&built, &model->sys);
	rc = sequence ? viewing_reach(&wish, error) : viewing_exists(&wish, error);
	skafu__built_done(&built);
	return rc;
}

/* ---- open ---------------------------------------------------------------------------------------------------- */

static void viewing_leave(void *arg)
{
	struct skafu__building *building = arg;
	skafu_model *model = building->model;
	skafu__building_done(building);
	skafu__handling_leave(&model->handling);
}

/* Build a view aside, up to a sequence. */
static int32_t viewing_build_in(struct skafu__building *building, uint64_t at_sequence, skafu_error *error)
{
	int32_t rc = skafu__building_prepare(building, error);
	int32_t state = SKAFU__PROJECTION_MORE;
	while (rc == 0 && state == SKAFU__PROJECTION_MORE) {
		state = skafu__building_advance(building, 0, at_sequence, VIEWING_STEP_EVENTS, error);
		if (state < 0)
			return state;
		if (state == SKAFU__PROJECTION_HALTED)
			return building->built.live.halt_code;
		if (state == SKAFU__PROJECTION_MORE &&
		    skafu__time_left(&building->model->sys, building->deadline) == 0)
			rc = skafu__fail(error, SKAFU_ETIMEOUT, "the view as of sequence %llu was not built in time; "
					 "it came to %llu", (unsigned long long)at_sequence,
					 (unsigned long long)building->built.live.sequence);
	}
	return rc;
}

static int32_t viewing_build(struct skafu_view *view, uint64_t at_sequence, int64_t deadline, skafu_error *error)
{
	struct skafu__building building;
	int32_t rc = skafu__viewenv_private(view->model->store, view->model->opts.views_bytes_max, &view->views,
					    error);
	if (rc != 0)
		return rc;
	view->is_own = 1;
	rc = skafu__handling_enter(&view->model->handling, deadline, error);
	if (rc != 0)
		return rc;
	building.model = view->model;
	pthread_cleanup_push(viewing_leave, &building);
	rc = skafu__building_init(&building, view->model, view->projection, view->views, deadline, error);
	building.is_aside = 1;
	if (rc == 0)
		rc = viewing_build_in(&building, at_sequence, error);
	pthread_cleanup_pop(1);
	return rc;
}

static int32_t viewing_check_past(const struct skafu_view *view, uint64_t at_sequence, skafu_error *error)
{
	uint64_t head;
	if (!view->projection)
		return skafu__fail(error, SKAFU_ENOTFOUND, "this model does not define projection %s, and only its "
				   "handler can build the view as of a sequence", view->name);
	int32_t rc = skafu_store_head(view->model->store, &head, error);
	if (rc == 0 && at_sequence > head)
		rc = skafu__fail(error, SKAFU_EINVAL, "the log ends at sequence %llu, before %llu",
				 (unsigned long long)head, (unsigned long long)at_sequence);
	return rc;
}

static int32_t viewing_prepare(struct skafu_view *view, uint64_t at_sequence, int64_t deadline, skafu_error *error)
{
	struct viewing_wish wish = {.model = view->model, .projection = view->projection, .name = view->name,
				    .built = &view->built};
	int32_t rc;
	if (at_sequence != 0) {
		rc = viewing_check_past(view, at_sequence, error);
		if (rc == 0)
			rc = viewing_build(view, at_sequence, deadline, error);
		return rc ? rc : skafu__built_load(view->views, view->name, &view->built, error);
	}
	rc = skafu__projection_views(view->model, &view->views, error);
	wish.views = view->views;
	if (rc == 0)
		rc = viewing_exists(&wish, error);
	if (rc == 0 && view->built.place.live != 0)
		view->floor = view->built.live.sequence;
	return rc;
}

static void viewing_close_view(void *view)
{
	skafu_view_close(view);
}

static int32_t viewing_open(skafu_model *model, const char *name, uint64_t at_sequence, uint64_t timeout_ns,
			    skafu_view **out_view, skafu_error *error)
{
	size_t length = strlen(name);
	int32_t rc;
	skafu_view *view = skafu__alloc_zeroed(&model->sys, 1, sizeof *view + length + 1);
	if (!view)
		return skafu__fail_memory(error);
	memcpy(view->name, name, length);
	view->model = model;
	view->projection = skafu__projection_find(model, name);
	skafu__built_init(&view->built, &model->sys);
	skafu__model_hold(model);
	pthread_cleanup_push(viewing_close_view, view);
	rc = viewing_prepare(view, at_sequence, skafu__deadline(&model->sys, timeout_ns), error);
	pthread_cleanup_pop(rc != 0);
	if (rc == 0)
		*out_view = view;
	return rc;
}

int32_t skafu_view_open(skafu_model *model, const char *projection, uint64_t at_sequence, uint64_t timeout_ns,
			skafu_view **out_view, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__model_ready(model, error);
	if (rc == 0)
		rc = skafu__name_measure(projection, 255, "name of the projection", &length, error);
	if (rc == 0 && !out_view)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_view is NULL; give a place for the view");
	return rc ? rc : viewing_open(model, projection, at_sequence, timeout_ns, out_view, error);
}

void skafu_view_close(skafu_view *view)
{
	if (!view)
		return;
	skafu_model *model = view->model;
	if (view->is_own)
		skafu__viewenv_free(view->views);
	skafu__built_done(&view->built);
	skafu__free(&model->sys, view);
	skafu__model_release(model);
}

/* ---- refresh ------------------------------------------------------------------------------------------------- */

static int32_t viewing_check(const skafu_view *view, skafu_error *error)
{
	if (!view)
		return skafu__fail(error, SKAFU_EINVAL, "the view is NULL");
	return skafu__model_check(view->model, error);
}

static int32_t viewing_refresh(skafu_view *view, uint64_t sequence, int64_t deadline, skafu_error *error)
{
	struct viewing_wish wish = {.model = view->model, .projection = view->projection, .views = view->views,
				    .name = view->name, .sequence = sequence, .deadline = deadline,
				    .built = &view->built};
	int32_t rc = viewing_reach(&wish, error);
	if (rc == 0 && view->built.place.live != 0 && view->built.live.sequence > view->floor)
		view->floor = view->built.live.sequence;
	return rc;
}

static int32_t viewing_target(const skafu_view *view, uint32_t freshness, uint64_t sequence, uint64_t *out,
			      skafu_error *error)
{
	*out = view->floor;
	switch (freshness) {
	case SKAFU_FRESH_ANY:
		return 0;
	case SKAFU_FRESH_HEAD:
		return skafu_store_head(view->model->store, out, error);
	case SKAFU_FRESH_SEQUENCE:
		*out = sequence;
		return 0;
	default:
		return skafu__fail(error, SKAFU_EINVAL, "freshness is %u; use SKAFU_FRESH_ANY, _HEAD or _SEQUENCE",
				   freshness);
	}
}

int32_t skafu_view_refresh(skafu_view *view, uint32_t freshness, uint64_t sequence, uint64_t timeout_ns,
			   uint64_t *out_sequence, skafu_error *error)
{
	uint64_t target;
	int32_t rc = viewing_check(view, error);
	if (rc == 0)
		rc = viewing_target(view, freshness, sequence, &target, error);
	if (rc == 0 && view->is_own && freshness == SKAFU_FRESH_SEQUENCE && sequence > view->built.live.sequence)
		rc = skafu__fail(error, SKAFU_EINVAL, "the view is as of sequence %llu and stays so",
				 (unsigned long long)view->built.live.sequence);
	if (rc == 0 && !view->is_own)
		rc = viewing_refresh(view, target, skafu__deadline(&view->model->sys, timeout_ns), error);
	if (rc == 0 && out_sequence)
		*out_sequence = view->built.place.live ? view->built.live.sequence : 0;
	return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

struct viewing_read {
	skafu_view *view;
	const char *table;
	struct skafu_key_range range;
	const void *prefix; /* instead of a range, when not NULL */
	size_t prefix_length;
	uint64_t limit;
	uint64_t count;
	skafu_rows *rows;   /* NULL: they are only counted */
	void *value;        /* of the one row at range.from */
	size_t value_length;
};

/* Called in a transaction, with the number of the table. */
typedef int32_t (*viewing_read_fn)(struct viewing_read *read, struct skafu__viewtxn *txn, uint32_t table,
				   skafu_error *error);

/* 1: the view is not as far as it was; it was lost. */
static int32_t viewing_read_once(struct viewing_read *read, viewing_read_fn fn, skafu_error *error)
{
	skafu_view *view = read->view;
	struct skafu__viewtxn txn;
	int32_t rc = skafu__viewenv_read(view->views, &txn, error);
	if (rc != 0)
		return rc;
	rc = skafu__built_load_in(&txn, view->name, &view->built, error);
	if (rc == 0 && view->floor != 0 && (view->built.place.live == 0 || view->built.live.sequence < view->floor))
		rc = 1;
	int32_t table = rc == 0 && view->built.place.live != 0 ? skafu__viewmark_table(&view->built.live, read->table)
							       : -1;
	if (rc == 0 && table >= 0)
		rc = fn(read, &txn, (uint32_t)table, error);
	skafu__viewenv_end(&txn);
	return rc;
}

static int32_t viewing_read(struct viewing_read *read, viewing_read_fn fn, skafu_error *error)
{
	skafu_view *view = read->view;
	int32_t rc = 1;
	if (!read->table)
		read->table = "main";
	for (int tries = 0; rc == 1 && tries < VIEWING_TRIES; tries++) {
		struct skafu_error own = {0};
		rc = viewing_read_once(read, fn, &own);
		if (rc == SKAFU_EDAMAGED && view->projection && !view->is_own)
			rc = 1; /* and is made again */
		if (rc < 0)
			return skafu__error_copy(error, &own, rc);
		int32_t again = rc == 1 ? viewing_refresh(view, view->floor, INT64_MAX, error) : 0;
		if (again != 0)
			return again;
	}
	return rc ? skafu__fail(error, SKAFU_EDAMAGED, "the view of projection %s is lost again and again; check the "
				"disk", view->name) : 0;
}

static int32_t viewing_get(struct viewing_read *read, struct skafu__viewtxn *txn, uint32_t table, skafu_error *error)
{
	const struct skafu__sys *sys = skafu__sys_current();
	struct skafu__row_value value;
	int32_t rc = skafu__viewrow_get(txn, read->view->built.place.live, table, read->range.from,
					read->range.from_length, &value, error);
	if (rc != 1)
		return rc;
	read->value = skafu__alloc(sys, value.length ? value.length : 1);
	if (!read->value)
		return skafu__fail_memory(error);
	if (value.length != 0)
		memcpy(read->value, value.bytes, value.length);
	read->value_length = value.length;
	return 0;
}

int32_t skafu_view_get(skafu_view *view, const char *table, const void *key, size_t key_length, void **out_value,
		       size_t *out_length, skafu_error *error)
{
	struct viewing_read read = {.view = view, .table = table, .range = {.from = key, .from_length = key_length}};
	int32_t rc = viewing_check(view, error);
	if (rc == 0 && (!key || key_length == 0 || key_length > SKAFU__VIEWROW_KEY_MAX || !out_value || !out_length))
		rc = skafu__fail(error, SKAFU_EINVAL, "give a key of 1 to %u bytes and places for the value and its "
				 "length", SKAFU__VIEWROW_KEY_MAX);
	if (rc == 0)
		rc = viewing_read(&read, viewing_get, error);
	if (rc == 0 && !read.value)
		rc = skafu__fail(error, SKAFU_ENOTFOUND,
				 "the view of projection %s has no row with this key in table "
				 "%s", view->name, read.table);
	if (rc != 0)
		return rc;
	*out_value = read.value;
	*out_length = read.value_length;
	return 0;
}

static int viewing_is_within(const struct viewing_read *read, const struct skafu__viewrow *row)
{
	if (read->prefix)
		return row->key_length >= read->prefix_length &&
		       memcmp(row->key, read->prefix, read->prefix_length) == 0;
	return !read->range.to ||
	       skafu__viewrow_compare(row->key, row->key_length, read->range.to, read->range.to_length) < 0;
}

static int32_t viewing_walk(struct viewing_read *read, struct skafu__viewtxn *txn, uint32_t table, skafu_error *error)
{
	uint32_t generation = read->view->built.place.live;
	struct skafu__viewrow row;
	const void *from = read->prefix ? read->prefix : read->range.from ? read->range.from : "";
	size_t length = read->prefix ? read->prefix_length : read->range.from ? read->range.from_length : 0;
	read->count = 0;
	if (read->limit == 0)
		return 0;
	int32_t rc = skafu__viewrow_seek(txn, generation, table, from, length, &row, error);
	while (rc == 1 && viewing_is_within(read, &row)) {
		int32_t added = read->rows ? skafu__rows_add(read->rows, row.key, row.key_length, &row.value) : 0;
		if (added != 0)
			return skafu__rows_fail(added, error);
		if (++read->count == read->limit)
			return 0;
		rc = skafu__viewrow_next(txn, generation, table, &row, error);
	}
	return rc < 0 ? rc : 0;
}

/* What an earlier try gathered before the view was found to be damaged is not wanted. */
static int32_t viewing_walk_anew(struct viewing_read *read, struct skafu__viewtxn *txn, uint32_t table,
				 skafu_error *error)
{
	if (read->rows)
		skafu__rows_clear(read->rows);
	return viewing_walk(read, txn, table, error);
}

static int32_t viewing_rows(struct viewing_read *read, skafu_rows **out_rows, skafu_error *error)
{
	int32_t rc;
	if (!out_rows)
		return skafu__fail(error, SKAFU_EINVAL, "out_rows is NULL; give a place for the rows");
	if (skafu__rows_new(read->view->model->store, &read->rows) != 0)
		return skafu__fail_memory(error);
	rc = viewing_read(read, viewing_walk_anew, error);
	if (rc == 0)
		*out_rows = read->rows;
	else
		skafu_rows_free(read->rows);
	return rc;
}

int32_t skafu_view_rows(skafu_view *view, const char *table, const skafu_key_range *range, uint64_t limit,
			skafu_rows **out_rows, skafu_error *error)
{
	struct viewing_read read = {.view = view, .table = table, .limit = limit};
	int32_t rc = viewing_check(view, error);
	if (rc == 0)
		rc = skafu__opts_read(&read.range, sizeof read.range, range, "skafu_key_range", error);
	return rc ? rc : viewing_rows(&read, out_rows, error);
}

int32_t skafu_view_prefix(skafu_view *view, const char *table, const void *prefix, size_t prefix_length,
			  uint64_t limit, skafu_rows **out_rows, skafu_error *error)
{
	struct viewing_read read = {.view = view, .table = table, .limit = limit, .prefix_length = prefix_length};
	int32_t rc = viewing_check(view, error);
	if (rc == 0 && !prefix && prefix_length != 0)
		rc = skafu__fail(error, SKAFU_EINVAL, "the prefix is NULL, but its length is %zu", prefix_length);
	read.prefix = prefix ? prefix : "";
	return rc ? rc : viewing_rows(&read, out_rows, error);
}

int32_t skafu_view_count(skafu_view *view, const char *table, const skafu_key_range *range, uint64_t *out_count,
			 skafu_error *error)
{
	struct viewing_read read = {.view = view, .table = table, .limit = UINT64_MAX};
	int32_t rc = viewing_check(view, error);
	if (rc == 0 && !out_count)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_count is NULL; give a place for the number");
	if (rc == 0)
		rc = skafu__opts_read(&read.range, sizeof read.range, range, "skafu_key_range", error);
	if (rc == 0)
		rc = viewing_read(&read, viewing_walk_anew, error);
	if (rc == 0)
		*out_count = read.count;
	return rc;
}
