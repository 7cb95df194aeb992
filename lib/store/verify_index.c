/*
 * verify_index.c: is what is derived from the commits what they make of it, no less and no more?
 *
 * Each entry that follows from a folded commit is looked up; all runs are decoded, and a sum over their entries,
 * which does not depend on an order, must be the sum over the entries that follow: so there is none besides.  Folds
 * and merges go on meanwhile: runs are walked by position, and a run that was merged away half way is counted anew
 * from its successor.
 *
 * A row that is expected is kept as the CRC32C of its value with flags above it.  The table is walked in the order of
 * its keys; before each view the operations of commits that were folded since are taken in, and a row behind the walk
 * that they touch counts as seen.
 */
#include "store/verify_index.h"

#include <string.h>

#include "base/error.h"
#include "codec/bloom.h"
#include "codec/crc32c.h"
#include "codec/key.h"
#include "codec/sealed.h"
#include "store/filter.h"
#include "store/index.h"
#include "store/manifest_set.h"
#include "store/rows.h"
#include "store/store.h"

#define VERIFY_ROW_IS (UINT64_C(1) << 32)
#define VERIFY_ROW_SEEN (UINT64_C(1) << 33)
#define VERIFY_FOUND_MAX 64u

/* ---- sums ---------------------------------------------------------------------------------------------------- */

static uint64_t verify_mix(const struct skafu__entry *entry)
{
	uint64_t sum = entry->key * UINT64_C(0x9e3779b97f4a7c15) + entry->position * UINT64_C(0xbf58476d1ce4e5b9) +
		       entry->extra * UINT64_C(0x94d049bb133111eb);
	sum ^= sum >> 31;
	sum *= UINT64_C(0xd6e8feb86659fd93);
	sum ^= sum >> 29;
	return sum * UINT64_C(0x9e3779b97f4a7c15);
}

/* Tags that a record has twice, or whose hashes collide, are one entry: 1 when it is known. */
static int verify_tag_is_known(struct skafu__verify *verify, const struct skafu__entry *entry)
{
	if (entry->position != verify->tag_position)
		skafu__buf_clear(&verify->tag_keys);
	verify->tag_position = entry->position;
	for (size_t at = 0; at < verify->tag_keys.length; at += sizeof entry->key)
		if (memcmp(verify->tag_keys.bytes + at, &entry->key, sizeof entry->key) == 0)
			return 1;
	skafu__buf_put(&verify->tag_keys, &entry->key, sizeof entry->key);
	return 0;
}

int32_t skafu__verify_add_entry(struct skafu__verify *verify, uint32_t dimension, const struct skafu__entry *entry)
{
	if (dimension == SKAFU__DIM_TAG && verify_tag_is_known(verify, entry))
		return 0;
	struct skafu__verify_item item = {*entry, dimension};
	verify->sums[dimension] += verify_mix(entry);
	verify->counts[dimension]++;
	verify->report.index_entries++;
	return skafu__buf_put(&verify->items, &item, sizeof item) || verify->tag_keys.failed ? SKAFU_ENOMEM : 0;
}

/* ---- looking up ---------------------------------------------------------------------------------------------- */

/* A view for looking into the index.  When that cannot be opened it is one fault, and the rest goes on without. */
static int32_t verify_open(struct skafu__verify *verify, struct skafu__view *view, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = skafu__view_open(verify->store, view, &own);
	if (rc != SKAFU_EDAMAGED)
		return rc ? skafu__error_copy(error, &own, rc) : 0;
	skafu__verify_fault(verify, "the index cannot be opened: %s", own.message);
	verify->index_is_lost = 1;
	return 0;
}

/* 1 when the entry is where it belongs; damage on the way to it is told by the walk of the runs too. */
static int32_t verify_find(struct skafu__view *view, const struct skafu__verify_item *item, skafu_error *error)
{
	struct skafu__entry found[VERIFY_FOUND_MAX];
	size_t count = 0;
	const struct skafu__entry *entry = &item->entry;
	struct skafu__range range = {entry->position, entry->position, 0, UINT64_MAX, 0};
	int32_t rc = skafu__index_collect(view, item->dimension, entry->key, &range, found, VERIFY_FOUND_MAX, &count,
					  error);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < count; i++)
		if (found[i].position == entry->position && found[i].extra == entry->extra)
			return 1;
	return 0;
}

static int32_t verify_look_up(struct skafu__verify *verify, struct skafu__view *view,
			      const struct skafu__verify_item *item, skafu_error *error)
{
	struct skafu_error own = {0};
	const char *what = item->dimension == SKAFU__DIM_COMMIT ? "commit" : "record";
	unsigned long long position = item->entry.position;
	int32_t rc = verify_find(view, item, &own);
	if (rc == SKAFU_EDAMAGED)
		skafu__verify_fault(verify, "%s %llu cannot be found in dimension %u of the index: %s", what,
				    position, item->dimension, own.message);
	else if (rc < 0)
		return skafu__error_copy(error, &own, rc);
	else if (rc == 0)
		skafu__verify_fault(verify, "dimension %u of the index lacks an entry of %s %llu; reindex the store",
				    item->dimension, what, position);
	return 0;
}

int32_t skafu__verify_lookups(struct skafu__verify *verify, skafu_error *error)
{
	const struct skafu__verify_item *items = (const void *)verify->items.bytes;
	size_t count = verify->items.length / sizeof *items;
	size_t at = 0;
	while (at < count && !skafu__verify_is_over(verify)) {
		struct skafu__view view;
		int32_t rc = verify_open(verify, &view, error);
		if (rc != 0)
			return rc;
		if (verify->index_is_lost)
			break;
		int64_t until = verify->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
		while (rc == 0 && at < count && verify->store->sys.monotonic_ns() <= until)
			rc = verify_look_up(verify, &view, &items[at++], error);
		skafu__view_close(&view);
		if (rc != 0)
			return rc;
		skafu__verify_flush(verify);
	}
	skafu__buf_clear(&verify->items);
	return 0;
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static uint64_t verify_row_value(const void *bytes, size_t length)
{
	return VERIFY_ROW_IS | skafu__crc32c(0, bytes, length);
}

/* `seen` is VERIFY_ROW_SEEN for a row that the walk will not come to any more. */
static int32_t verify_put_row(struct skafu__verify *verify, const struct skafu__row_op *row, const uint8_t *key,
			      size_t length, uint64_t seen)
{
	uint64_t value = row->operation == SKAFU__ROW_PUT ? verify_row_value(row->value, row->value_length) : 0;
	int32_t rc = skafu__map_insert(&verify->rows, key, length, value | seen);
	return rc < 0 ? rc : 0;
}

int32_t skafu__verify_add_row(struct skafu__verify *verify, const struct skafu__row_op *row)
{
	uint8_t key[SKAFU__ROW_KEY_BYTES_MAX];
	size_t length = skafu__row_key_encode(key, row->table, row->key, row->key_length);
	return skafu__verify_is_mine(verify, key, length) ? verify_put_row(verify, row, key, length, 0) : 0;
}

/* Where the walk through the table is. */
struct verify_row_walk {
	struct skafu__verify *verify;
	uint64_t commit; /* the rows that are expected are those after this one */
	uint64_t sequence;
	uint8_t key[SKAFU__ROW_KEY_BYTES_MAX]; /* the last one that was compared */
	size_t key_length;
};

static int verify_row_is_behind(const struct verify_row_walk *walk, const uint8_t *key, size_t length)
{
	int order = memcmp(key, walk->key, length < walk->key_length ? length : walk->key_length);
	return order < 0 || (order == 0 && length <= walk->key_length);
}

static int32_t verify_take_rows(struct verify_row_walk *walk, const struct skafu__commit *commit)
{
	const uint8_t *at = commit->rows;
	for (uint32_t i = 0; i < commit->row_count; i++) {
		uint8_t key[SKAFU__ROW_KEY_BYTES_MAX];
		struct skafu__row_op row;
		skafu__commit_next_row(&at, &row);
		size_t length = skafu__row_key_encode(key, row.table, row.key, row.key_length);
		if (!skafu__verify_is_mine(walk->verify, key, length))
			continue;
		int32_t rc = verify_put_row(walk->verify, &row, key, length,
					    verify_row_is_behind(walk, key, length) ? VERIFY_ROW_SEEN : 0);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* What was folded since the view before.  1: the rows cannot be compared any more (a reindex, or too many). */
static int32_t verify_follow(struct verify_row_walk *walk, struct skafu__view *view, skafu_error *error)
{
	if (view->index.commit < walk->commit)
		return 1;
	if (view->index.commit == walk->commit)
		return 0;
	int32_t rc = skafu__view_walk(view, walk->commit, walk->sequence, error);
	while (rc == 0 && walk->commit < view->index.commit) {
		rc = skafu__view_walk_next(view, error);
		if (rc <= 0)
			break;
		rc = verify_take_rows(walk, &view->current);
		walk->commit = view->current.number;
		walk->sequence = skafu__commit_last_sequence(&view->current);
	}
	/* Damage there is not in what this walk looks at. */
	return rc == SKAFU_ELIMIT || rc == SKAFU_EDAMAGED ? 1 : rc;
}

static void verify_compare_row(struct verify_row_walk *walk, const MDB_val *key, const MDB_val *value)
{
	struct skafu__verify *verify = walk->verify;
	struct skafu__row_value row = {0};
	uint64_t *expected = skafu__map_find(&verify->rows, key->mv_data, key->mv_size);
	if (skafu__rows_open_folded(key, value, &row, NULL) != 0) {
		skafu__verify_fault(verify, "a folded row of table %u is damaged; reindex the store",
				    skafu__load_u32_be(key->mv_data));
	} else if (verify->has_hole) {
		return;
	} else if (!expected || (*expected & ~VERIFY_ROW_SEEN) != verify_row_value(row.bytes, row.length)) {
		skafu__verify_fault(verify,
				    "a folded row of table %u is not what the commits make of it; reindex the "
				    "store",
				    skafu__load_u32_be(key->mv_data));
	}
	if (expected)
		*expected |= VERIFY_ROW_SEEN;
}

/* Compare on from walk->key: 1 there is more. */
static int32_t verify_row_table(struct verify_row_walk *walk, MDB_cursor *cursor)
{
	int64_t until = walk->verify->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
	MDB_val key = {walk->key_length, walk->key};
	MDB_val value;
	int rc = mdb_cursor_get(cursor, &key, &value, walk->key_length ? MDB_SET_RANGE : MDB_FIRST);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		if (walk->verify->store->sys.monotonic_ns() > until)
			return 1;
		if (verify_row_is_behind(walk, key.mv_data, key.mv_size) && walk->key_length)
			continue;
		if (key.mv_size < 5 || key.mv_size > sizeof walk->key) {
			skafu__verify_fault(walk->verify,
					    "the table of rows has a key that no row has; reindex the store");
			continue;
		}
		if (skafu__verify_is_mine(walk->verify, key.mv_data, key.mv_size))
			verify_compare_row(walk, &key, &value);
		memcpy(walk->key, key.mv_data, key.mv_size);
		walk->key_length = key.mv_size;
	}
	return rc == MDB_NOTFOUND ? 0 : SKAFU_EDAMAGED;
}

/* One view's share: 1 there is more, 0 the end was reached, 2 nothing can be said any more. */
static int32_t verify_rows_in_view(struct verify_row_walk *walk, skafu_error *error)
{
	struct skafu__view view;
	MDB_cursor *cursor;
	skafu_store *store = walk->verify->store;
	int32_t rc = skafu__view_open_bare(store, &view, error);
	if (rc != 0)
		return rc;
	rc = verify_follow(walk, &view, error);
	if (rc == 1) {
		rc = 2;
	} else if (rc == 0) {
		int opened = mdb_cursor_open(view.txn, store->env.tables[SKAFU__TABLE_ROW], &cursor);
		rc = opened ? skafu__env_fail(&store->env, opened, "reading rows", error)
			    : verify_row_table(walk, cursor);
		if (!opened)
			mdb_cursor_close(cursor);
	}
	skafu__view_close(&view);
	return rc;
}

static void verify_rows_missing(struct skafu__verify *verify)
{
	struct skafu__map_entry entry;
	size_t at = 0;
	while (skafu__map_next(&verify->rows, &at, &entry))
		if ((entry.value & VERIFY_ROW_IS) && !(entry.value & VERIFY_ROW_SEEN))
			skafu__verify_fault(verify,
					    "a row of table %u is missing in the folded table; reindex the store",
					    skafu__load_u32_be(entry.key));
}

int32_t skafu__verify_rows(struct skafu__verify *verify, skafu_error *error)
{
	struct verify_row_walk walk = {
		.verify = verify, .commit = verify->goal.commit, .sequence = verify->goal.sequence};
	int32_t rc = 1;
	while (rc == 1 && !skafu__verify_is_over(verify)) {
		rc = verify_rows_in_view(&walk, error);
		skafu__verify_flush(verify);
	}
	if (rc == 0 && !verify->has_hole && !skafu__verify_is_over(verify))
		verify_rows_missing(verify);
	return rc < 0 ? rc : 0;
}

/* ---- runs ---------------------------------------------------------------------------------------------------- */

/* Where the walk through the runs of a dimension is. */
struct verify_run_walk {
	struct skafu__verify *verify;
	uint32_t dimension;
	uint64_t goal; /* positions up to here were walked in the commits */
	uint64_t from; /* those before are in `sum` and `count` */
	uint64_t sum;
	uint64_t count;
	uint32_t run; /* the run that is being walked, and how far; 0 segments: none */
	uint32_t crc;
	uint32_t segments;
	uint64_t run_sum;
	uint64_t run_count;
};

static int32_t verify_segment(struct verify_run_walk *walk, const struct skafu__segment *segment)
{
	for (uint32_t i = 0; i < segment->key_count; i++) {
		struct skafu__segment_cursor cursor;
		int32_t rc = skafu__segment_list(segment, i, &cursor, NULL);
		while (rc == 1) {
			struct skafu__entry entry = {
				skafu__segment_key(segment, i), skafu__segment_cursor_position(&cursor),
				skafu__dimension_has_extra(walk->dimension) ? skafu__segment_cursor_extra(&cursor)
									    : 0};
			if (entry.position >= walk->from && entry.position <= walk->goal) {
				walk->run_sum += verify_mix(&entry);
				walk->run_count++;
			}
			rc = skafu__segment_cursor_next(&cursor, NULL);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* One segment, past every cache: what is in the file now is decoded in full. */
static void verify_run_segment(struct verify_run_walk *walk, struct skafu__view *view, struct skafu__run *run)
{
	struct skafu__segment segment;
	struct skafu__segment_info info;
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	skafu__manifest_run_segment(run->parts, walk->segments, &info);
	skafu__run_key_encode(bytes, run->info.dimension, run->info.run, info.number);
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value;
	const char *fault = NULL;
	struct skafu_error error = {0};
	if (mdb_get(view->txn, walk->verify->store->env.tables[SKAFU__TABLE_RUN], &key, &value) != 0)
		fault = "it is missing";
	else if (skafu__segment_open(&segment, value.mv_data, value.mv_size, SKAFU__SEGMENT_DEEP, &error) != 0 ||
		 skafu__segment_match(&segment, &info, &error) != 0 || verify_segment(walk, &segment) != 0)
		fault = error.code ? error.message : "its lists are damaged";
	if (fault)
		skafu__verify_fault(walk->verify,
				    "segment %u of index run %u, dimension %u, with %s %llu to %llu: %s; reindex "
				    "the store",
				    info.number, run->info.run, run->info.dimension,
				    run->info.dimension == SKAFU__DIM_COMMIT ? "commits" : "records",
				    (unsigned long long)run->info.first_sequence,
				    (unsigned long long)run->info.last_sequence, fault);
	walk->segments++;
}

static void verify_run_filter(struct verify_run_walk *walk, struct skafu__view *view, const struct skafu__run *run)
{
	struct skafu__bloom bloom;
	uint8_t bytes[SKAFU__RUN_KEY_BYTES];
	if (!skafu__filter_is_wanted(&run->info))
		return;
	skafu__run_key_encode(bytes, run->info.dimension, run->info.run, SKAFU__FILTER_NUMBER);
	MDB_val key = {sizeof bytes, bytes};
	MDB_val value;
	if (mdb_get(view->txn, walk->verify->store->env.tables[SKAFU__TABLE_RUN], &key, &value) != 0 ||
	    skafu__bloom_open(&bloom, value.mv_data, value.mv_size, NULL) != 0)
		skafu__verify_fault(walk->verify,
				    "the filter of index run %u, dimension %u, is damaged or missing, so "
				    "ids or streams are found more slowly; reindex the store",
				    run->info.run, run->info.dimension);
}

/* The run that holds the position to go on from; NULL when all up to the goal were walked. */
static struct skafu__run *verify_next_run(const struct verify_run_walk *walk)
{
	const struct skafu__manifest_set *set = walk->verify->store->manifest;
	for (uint32_t i = set->begin[walk->dimension]; i < set->begin[walk->dimension + 1u]; i++) {
		struct skafu__run *run = set->runs[i];
		if (run->info.last_sequence >= walk->from)
			return run->info.first_sequence <= walk->goal ? run : NULL;
	}
	return NULL;
}

static void verify_begin_run(struct verify_run_walk *walk, const struct skafu__run *run)
{
	if (walk->segments != 0 && walk->run == run->info.run && walk->crc == run->info.crc)
		return;
	walk->run = run->info.run;
	walk->crc = run->info.crc;
	walk->segments = 0;
	walk->run_sum = 0;
	walk->run_count = 0;
}

static void verify_end_run(struct verify_run_walk *walk, const struct skafu__run *run)
{
	walk->sum += walk->run_sum;
	walk->count += walk->run_count;
	walk->from = run->info.last_sequence + 1;
	walk->segments = 0;
	walk->run_sum = 0;
	walk->run_count = 0;
}

/* 1 there is more, 0 the dimension is done, 2 it cannot be compared any more. */
static int32_t verify_runs_in_view(struct verify_run_walk *walk, struct skafu__view *view)
{
	struct skafu__run *run;
	int64_t until = walk->verify->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
	if (view->index.commit < walk->verify->goal.commit)
		return 2;
	while ((run = verify_next_run(walk)) != NULL) {
		verify_begin_run(walk, run);
		while (walk->segments < run->info.segment_count) {
			verify_run_segment(walk, view, run);
			if (walk->verify->store->sys.monotonic_ns() > until)
				return 1;
		}
		verify_run_filter(walk, view, run);
		verify_end_run(walk, run);
	}
	return 0;
}

static int32_t verify_dimension(struct skafu__verify *verify, uint32_t dimension, skafu_error *error)
{
	struct verify_run_walk walk = {.verify = verify, .dimension = dimension, .from = 1};
	walk.goal = dimension == SKAFU__DIM_COMMIT ? verify->goal.commit : verify->goal.sequence;
	uint64_t faults = verify->report.faults;
	int32_t state = 1;
	while (state == 1 && !skafu__verify_is_over(verify)) {
		struct skafu__view view;
		int32_t rc = verify_open(verify, &view, error);
		if (rc != 0 || verify->index_is_lost)
			return rc;
		state = verify_runs_in_view(&walk, &view);
		skafu__view_close(&view);
		skafu__verify_flush(verify);
	}
	if (state == 0 && !verify->has_hole && faults == verify->report.faults &&
	    (walk.sum != verify->sums[dimension] || walk.count != verify->counts[dimension]))
		skafu__verify_fault(verify,
				    "dimension %u of the index has %llu entries up to commit %llu where the commits "
				    "make %llu, or others; reindex the store",
				    dimension, (unsigned long long)walk.count,
				    (unsigned long long)verify->goal.commit,
				    (unsigned long long)verify->counts[dimension]);
	return 0;
}

int32_t skafu__verify_runs(struct skafu__verify *verify, skafu_error *error)
{
	int32_t rc = 0;
	for (uint32_t dimension = 1; rc == 0 && dimension < SKAFU__DIMS && !skafu__verify_is_over(verify);
	     dimension++)
		rc = verify_dimension(verify, dimension, error);
	return rc;
}

/* ---- names --------------------------------------------------------------------------------------------------- */

/* 1 when the value says what the commits say; those of commits beyond the walk are not known. */
static int verify_name_is_right(const struct skafu__verify *verify, const MDB_val *key, const MDB_val *value,
				int is_beyond_right)
{
	struct skafu__name_def name;
	uint8_t expected[SKAFU__NAME_KEY_BYTES];
	const uint8_t *at;
	size_t length;
	size_t known_length = 0;
	if (skafu__sealed_read(key->mv_data, key->mv_size, value->mv_data, value->mv_size, &at, &length) != 0 ||
	    length < SKAFU__NAME_HEADER_BYTES + 2 || length != SKAFU__NAME_HEADER_BYTES + at[1] + 1u)
		return 0;
	skafu__commit_next_name(&at, &name);
	skafu__name_key_encode(expected, name.set, name.id);
	if (key->mv_size != sizeof expected || memcmp(key->mv_data, expected, sizeof expected) != 0)
		return 0;
	const char *known = skafu__names_text(&verify->names, name.set, name.id, &known_length);
	if (!known)
		return is_beyond_right;
	return known_length == name.length && memcmp(known, name.name, known_length) == 0 &&
	       skafu__names_owner(&verify->names, name.set, name.id) == name.owner;
}

static void verify_name_counts(struct skafu__verify *verify, const uint32_t counts[SKAFU__NAME_SETS])
{
	for (uint32_t set = 1; set < SKAFU__NAME_SETS; set++)
		if (counts[set] < verify->folded_names[set])
			skafu__verify_fault(verify,
					    "the table of names has %u of the %u names of set %u; reindex the store",
					    counts[set], verify->folded_names[set], set);
}

static int32_t verify_names_in_view(struct skafu__verify *verify, struct skafu__view *view, MDB_cursor *cursor)
{
	MDB_val key;
	MDB_val value;
	uint32_t counts[SKAFU__NAME_SETS] = {0};
	int is_beyond_right = view->index.commit > verify->up_to;
	int rc;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		const uint8_t *bytes = key.mv_data;
		if (!verify_name_is_right(verify, &key, &value, is_beyond_right))
			skafu__verify_fault(verify,
					    "a value of the table of names (set %u) is not what the commits define; "
					    "reindex the store",
					    key.mv_size ? bytes[0] : 0u);
		else
			counts[bytes[0]]++;
	}
	verify_name_counts(verify, counts);
	return rc;
}

int32_t skafu__verify_name_table(struct skafu__verify *verify, skafu_error *error)
{
	struct skafu__view view;
	MDB_cursor *cursor;
	const struct skafu__env *env = &verify->store->env;
	if (verify->has_hole)
		return 0;
	int32_t rc = skafu__view_open_bare(verify->store, &view, error);
	if (rc != 0)
		return rc;
	int found = mdb_cursor_open(view.txn, env->tables[SKAFU__TABLE_NAME], &cursor);
	if (found == 0) {
		found = MDB_NOTFOUND;
		if (view.index.commit >= verify->goal.commit)
			found = verify_names_in_view(verify, &view, cursor);
		mdb_cursor_close(cursor);
	}
	if (found != MDB_NOTFOUND)
		rc = skafu__env_fail(env, found, "reading the names", error);
	skafu__view_close(&view);
	return rc;
}
