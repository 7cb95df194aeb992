#include "model/difference.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "store/viewrow.h"

#define DIFFERENCE_BLOCK_BYTES ((size_t)256 << 10)
#define DIFFERENCE_BLOCK_ROWS 4096u

/* Where the walk is, and what it found since the host was told. */
struct difference_walk {
	struct skafu__building *building;
	skafu_difference_fn tell;
	void *user;
	uint64_t count;
	struct skafu__buf found; /* kind u32, lengths u32 key, live, shadow; then their bytes */
	struct skafu__buf last;  /* key that was compared last */
	int has_last;
	const char *table;
	int32_t live_table; /* -1: not there */
	int32_t shadow_table;
};

/* ---- one difference ------------------------------------------------------------------------------------------ */

static const struct skafu__viewrow difference_none;

static void difference_note(struct difference_walk *walk, uint32_t kind, const struct skafu__viewrow *live,
			    const struct skafu__viewrow *shadow)
{
	const struct skafu__viewrow *named = kind == SKAFU_DIFFERENCE_ADDED ? shadow : live;
	walk->count++;
	if (!walk->tell)
		return;
	skafu__buf_put_u32(&walk->found, kind);
	skafu__buf_put_u32(&walk->found, (uint32_t)named->key_length);
	skafu__buf_put_u32(&walk->found, (uint32_t)live->value.length);
	skafu__buf_put_u32(&walk->found, (uint32_t)shadow->value.length);
	skafu__buf_put(&walk->found, named->key, named->key_length);
	if (live->value.length != 0)
		skafu__buf_put(&walk->found, live->value.bytes, live->value.length);
	if (shadow->value.length != 0)
		skafu__buf_put(&walk->found, shadow->value.bytes, shadow->value.length);
}

struct difference_telling {
	struct difference_walk *walk;
	int32_t answer;
};

static int32_t difference_tell_body(void *arg)
{
	struct difference_telling *telling = arg;
	const struct difference_walk *walk = telling->walk;
	const uint8_t *at = walk->found.bytes;
	const uint8_t *end = at + walk->found.length;
	while (telling->answer == 0 && at < end) {
		skafu_difference difference = {.size = sizeof difference, .kind = skafu__load_u32(at),
					       .table = walk->table, .key_length = skafu__load_u32(at + 4),
					       .live_length = skafu__load_u32(at + 8),
					       .shadow_length = skafu__load_u32(at + 12)};
		difference.key = at + 16;
		at = difference.key + difference.key_length;
		difference.live_value = difference.kind == SKAFU_DIFFERENCE_ADDED ? NULL : at;
		at += difference.live_length;
		difference.shadow_value = difference.kind == SKAFU_DIFFERENCE_MISSING ? NULL : at;
		at += difference.shadow_length;
		telling->answer = walk->tell(walk->user, &difference);
	}
	return telling->answer;
}

static int32_t difference_tell(struct difference_walk *walk)
{
	struct difference_telling telling = {walk, 0};
	if (walk->found.length != 0)
		skafu__model_call(walk->building->model, difference_tell_body, &telling);
	skafu__buf_clear(&walk->found);
	return telling.answer;
}

/* ---- the walk ------------------------------------------------------------------------------------------------ */

/* One of the two, from behind the last key on. */
static int32_t difference_seek(const struct difference_walk *walk, struct skafu__viewtxn *txn, uint32_t generation,
			       int32_t table, struct skafu__viewrow *row, skafu_error *error)
{
	if (table < 0)
		return 0;
	int32_t rc = skafu__viewrow_seek(txn, generation, (uint32_t)table, walk->has_last ? walk->last.bytes : NULL,
					 walk->has_last ? walk->last.length : 0, row, error);
	if (rc == 1 && walk->has_last &&
	    skafu__viewrow_compare(row->key, row->key_length, walk->last.bytes, walk->last.length) == 0)
		rc = skafu__viewrow_next(txn, generation, (uint32_t)table, row, error);
	return rc;
}

struct difference_pair {
	struct skafu__viewtxn *live_txn;
	struct skafu__viewtxn *shadow_txn;
	struct skafu__viewrow live;
	struct skafu__viewrow shadow;
	int32_t has_live;
	int32_t has_shadow;
};

static int difference_order(const struct difference_pair *pair)
{
	if (!pair->has_live || !pair->has_shadow)
		return pair->has_live ? -1 : 1;
	return skafu__viewrow_compare(pair->live.key, pair->live.key_length, pair->shadow.key,
				      pair->shadow.key_length);
}

static int difference_same_value(const struct difference_pair *pair)
{
	const struct skafu__row_value *a = &pair->live.value;
	const struct skafu__row_value *b = &pair->shadow.value;
	return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static int32_t difference_compare(struct difference_walk *walk, struct difference_pair *pair, skafu_error *error)
{
	const struct skafu__viewplace *place = &walk->building->built.place;
	int order = difference_order(pair);
	const struct skafu__viewrow *named = order <= 0 ? &pair->live : &pair->shadow;
	if (order < 0)
		difference_note(walk, SKAFU_DIFFERENCE_MISSING, &pair->live, &difference_none);
	else if (order > 0)
		difference_note(walk, SKAFU_DIFFERENCE_ADDED, &difference_none, &pair->shadow);
	else if (!difference_same_value(pair))
		difference_note(walk, SKAFU_DIFFERENCE_CHANGED, &pair->live, &pair->shadow);
	skafu__buf_clear(&walk->last);
	skafu__buf_put(&walk->last, named->key, named->key_length);
	walk->has_last = 1;
	if (walk->found.failed || walk->last.failed)
		return skafu__fail_memory(error);
	if (order <= 0)
		pair->has_live = skafu__viewrow_next(pair->live_txn, place->live, (uint32_t)walk->live_table,
						     &pair->live, error);
	if (order >= 0 && pair->has_live >= 0)
		pair->has_shadow = skafu__viewrow_next(pair->shadow_txn, place->shadow, (uint32_t)walk->shadow_table,
						       &pair->shadow, error);
	return pair->has_live < 0 ? pair->has_live : pair->has_shadow < 0 ? pair->has_shadow : 0;
}

/* 1 when there is more, 0 at the end of the table. */
static int32_t difference_block_in(struct difference_walk *walk, struct skafu__viewtxn *live,
				   struct skafu__viewtxn *shadow, skafu_error *error)
{
	const struct skafu__viewplace *place = &walk->building->built.place;
	struct difference_pair pair = {.live_txn = live, .shadow_txn = shadow};
	int32_t rc = 0;
	pair.has_live = difference_seek(walk, live, place->live, walk->live_table, &pair.live, error);
	if (pair.has_live < 0)
		return pair.has_live;
	pair.has_shadow = difference_seek(walk, shadow, place->shadow, walk->shadow_table, &pair.shadow, error);
	if (pair.has_shadow < 0)
		return pair.has_shadow;
	for (uint32_t i = 0; rc == 0 && (pair.has_live || pair.has_shadow); i++) {
		if (i == DIFFERENCE_BLOCK_ROWS || walk->found.length > DIFFERENCE_BLOCK_BYTES)
			return 1;
		rc = difference_compare(walk, &pair, error);
	}
	return rc;
}

/* Are both where they were when the comparison began? */
static int32_t difference_check(struct difference_walk *walk, struct skafu__viewtxn *txn, skafu_error *error)
{
	const struct skafu__built *then = &walk->building->built;
	struct skafu__built now;
	skafu__built_init(&now, &walk->building->model->sys);
	int32_t rc = skafu__built_load_in(txn, walk->building->projection->def.name, &now, error);
	if (rc == 0 && (now.place.live != then->place.live || now.place.shadow != then->place.shadow ||
			now.live.sequence != then->live.sequence || now.shadow.sequence != then->shadow.sequence))
		rc = skafu__fail(error, SKAFU_EBUSY, "another process stepped projection %s while it was compared; "
				 "compare again", walk->building->projection->def.name);
	skafu__built_done(&now);
	return rc;
}

/* Two transactions, since each has one place that it is at; a moment between them shows in the marks. */
static int32_t difference_block(struct difference_walk *walk, skafu_error *error)
{
	struct skafu__viewtxn live;
	struct skafu__viewtxn shadow;
	int32_t rc = skafu__viewenv_read(walk->building->views, &live, error);
	if (rc != 0)
		return rc;
	rc = difference_check(walk, &live, error);
	if (rc == 0)
		rc = skafu__viewenv_read_beside(&live, &shadow, error);
	if (rc == 0) {
		rc = difference_check(walk, &shadow, error);
		if (rc == 0)
			rc = difference_block_in(walk, &live, &shadow, error);
		skafu__viewenv_end(&shadow);
	}
	skafu__viewenv_end(&live);
	return rc;
}

static int32_t difference_table(struct difference_walk *walk, const char *table, skafu_error *error)
{
	int32_t more = 1;
	walk->table = table;
	walk->live_table = skafu__viewmark_table(&walk->building->built.live, table);
	walk->shadow_table = skafu__viewmark_table(&walk->building->built.shadow, table);
	walk->has_last = 0;
	while (more == 1) {
		more = difference_block(walk, error);
		if (more < 0)
			return more;
		int32_t answer = difference_tell(walk);
		if (answer < 0)
			return skafu__fail(error, answer, "the comparison was stopped by the host");
		if (answer > 0)
			return 1;
	}
	return 0;
}

static int32_t difference_tables(struct difference_walk *walk, skafu_error *error)
{
	const struct skafu__built *built = &walk->building->built;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < built->live.table_count; i++)
		rc = difference_table(walk, skafu__viewmark_table_name(&built->live, i), error);
	for (uint32_t i = 0; rc == 0 && i < built->shadow.table_count; i++) {
		const char *table = skafu__viewmark_table_name(&built->shadow, i);
		if (skafu__viewmark_table(&built->live, table) < 0)
			rc = difference_table(walk, table, error);
	}
	return rc;
}

/* Also when the host's function did not return. */
static void difference_done(void *arg)
{
	struct difference_walk *walk = arg;
	skafu__buf_done(&walk->found);
	skafu__buf_done(&walk->last);
}

int32_t skafu__difference_count(struct skafu__building *building, skafu_difference_fn tell, void *user,
				uint64_t *out_count, skafu_error *error)
{
	struct difference_walk walk = {.building = building, .tell = tell, .user = user};
	int32_t rc = 0;
	skafu__buf_init(&walk.found, &building->model->sys, SIZE_MAX);
	skafu__buf_init(&walk.last, &building->model->sys, SIZE_MAX);
	pthread_cleanup_push(difference_done, &walk);
	rc = difference_tables(&walk, error);
	pthread_cleanup_pop(1);
	if (rc >= 0)
		*out_count = walk.count;
	return rc;
}
