#include "model/edit.h"

#include <string.h>

#include "base/bytes.h"
#include "base/ident.h"
#include "base/testhook.h"
#include "base/text.h"
#include "codec/hash.h"
#include "skafu_model.h"
#include "store/viewrow.h"

#define EDIT_MAIN "main"
#define EDIT_COUNT_BYTES 8u

/* ---- life ---------------------------------------------------------------------------------------------------- */

void skafu__edit_init(struct skafu_edit *edit, const struct skafu__sys *sys, size_t bytes_max,
		      const uint8_t hash_key[SKAFU__HASH_KEY_BYTES])
{
	memset(edit, 0, sizeof *edit);
	skafu__editset_init(&edit->set, sys, bytes_max, hash_key);
	skafu__viewmark_init(&edit->mark, sys);
	skafu__buf_init(&edit->links, sys, bytes_max);
	skafu__buf_init(&edit->touched, sys, bytes_max);
	skafu__buf_init(&edit->names, sys, SIZE_MAX);
}

void skafu__edit_done(struct skafu_edit *edit)
{
	if (!edit->set.sys)
		return;
	skafu__editset_done(&edit->set);
	skafu__viewmark_done(&edit->mark);
	skafu__buf_done(&edit->links);
	skafu__buf_done(&edit->touched);
	skafu__buf_done(&edit->names);
}

int32_t skafu__edit_begin(struct skafu_edit *edit, struct skafu__views *views, uint32_t generation,
			  const struct skafu__viewmark *mark, skafu_error *error)
{
	skafu__editset_clear(&edit->set);
	edit->views = views;
	edit->generation = generation;
	edit->effects = 0;
	edit->failed = 0;
	edit->library = 0;
	edit->phase = SKAFU__EDIT_CLOSED;
	return skafu__viewmark_copy(&edit->mark, mark, error);
}

void skafu__edit_begin_keys(struct skafu_edit *edit)
{
	const uint32_t *touched = (const uint32_t *)(const void *)edit->touched.bytes;
	for (size_t i = 0; i < edit->touched.length / sizeof *touched; i++)
		if (touched[i] < edit->set.count)
			edit->set.rows[touched[i]].first = 0;
	skafu__buf_clear(&edit->touched);
	skafu__buf_clear(&edit->links);
	skafu__buf_clear(&edit->names);
	edit->named_count = 0;
}

/* ---- failures ------------------------------------------------------------------------------------------------ */

/* Remember what must not be overlooked, and tell the handler. */
static int32_t edit_failed(struct skafu_edit *edit, int32_t rc, int library, const struct skafu_error *own,
			   skafu_error *error)
{
	if (edit->failed == 0) {
		edit->failed = rc;
		edit->library = library;
		skafu__error_copy(&edit->why, own, rc);
	}
	return skafu__error_copy(error, own, rc);
}

/* A set that cannot take more. */
static int32_t edit_refused(struct skafu_edit *edit, int32_t rc, skafu_error *error)
{
	struct skafu_error own = {0};
	if (rc == SKAFU_ELIMIT)
		skafu__fail(&own, rc, "what the batch changes takes more than edit_bytes_max, %zu bytes; open the "
			    "model with more, or change less for one event", edit->set.bytes_max);
	else
		skafu__fail_memory(&own);
	return edit_failed(edit, rc, rc != SKAFU_ELIMIT, &own, error);
}

/* ---- finding rows -------------------------------------------------------------------------------------------- */

static int32_t edit_check_key(const void *key, size_t key_length, skafu_error *error)
{
	if (key && key_length >= 1 && key_length <= SKAFU__VIEWROW_KEY_MAX)
		return 0;
	return skafu__fail(error, SKAFU_EINVAL, "give a key of 1 to %u bytes", SKAFU__VIEWROW_KEY_MAX);
}

static int32_t edit_check(const struct skafu_edit *edit, enum skafu__edit_phase phase, const void *key,
			  size_t key_length, skafu_error *error)
{
	if (!edit)
		return skafu__fail(error, SKAFU_EINVAL, "the edit is NULL");
	if (edit->phase != phase)
		return skafu__fail(error, SKAFU_EMISUSE, edit->phase == SKAFU__EDIT_KEYS
				   ? "a key function only names keys; read and write rows in the fold"
				   : "the edit is used outside of its handler, or a key is named outside of a key "
				     "function");
	return edit_check_key(key, key_length, error);
}

/* The number of a table; one that is not there yet is added. */
static int32_t edit_table(struct skafu_edit *edit, const char *table, uint32_t *out, skafu_error *error)
{
	struct skafu_error own = {0};
	size_t length;
	if (!table)
		table = EDIT_MAIN;
	int32_t number = skafu__viewmark_table(&edit->mark, table);
	if (number < 0) {
		int32_t rc = skafu__name_measure(table, 255, "table name", &length, error);
		if (rc != 0)
			return rc;
		number = skafu__viewmark_add_table(&edit->mark, table, &own);
	}
	if (number < 0)
		return edit_failed(edit, number, number == SKAFU_ENOMEM, &own, error);
	*out = (uint32_t)number;
	return 0;
}

static int32_t edit_learn_in(struct skafu_edit *edit, struct skafu__viewtxn *txn, uint32_t row, uint32_t table,
			     const void *key, size_t key_length, skafu_error *error)
{
	struct skafu__row_value value;
	int32_t rc = skafu__viewrow_get(txn, edit->generation, table, key, key_length, &value, error);
	if (rc < 0)
		return rc;
	rc = skafu__editset_set(&edit->set, row, rc ? SKAFU__EDITROW_STORED : SKAFU__EDITROW_ABSENT, value.bytes,
				value.length);
	return rc ? edit_refused(edit, rc, error) : 0;
}

/* What is stored under a key. */
static int32_t edit_learn(struct skafu_edit *edit, uint32_t row, uint32_t table, const void *key, size_t key_length,
			  skafu_error *error)
{
	struct skafu__viewtxn txn;
	struct skafu_error own = {0};
	if (edit->set.rows[row].state != SKAFU__EDITROW_UNKNOWN)
		return 0;
	if (edit->mark.rows == 0)
		return skafu__editset_set(&edit->set, row, SKAFU__EDITROW_ABSENT, NULL, 0);
	int32_t rc = skafu__viewenv_read(edit->views, &txn, &own);
	if (rc != 0)
		return edit_failed(edit, rc, 1, &own, error);
	rc = edit_learn_in(edit, &txn, row, table, key, key_length, &own);
	skafu__viewenv_end(&txn);
	return rc ? edit_failed(edit, rc, 1, &own, error) : 0;
}

/* The row of a key, known. */
static int32_t edit_row(struct skafu_edit *edit, const char *table, const void *key, size_t key_length,
			uint32_t *out_row, skafu_error *error)
{
	uint32_t number;
	int32_t rc = edit_check(edit, SKAFU__EDIT_ROWS, key, key_length, error);
	if (rc == 0)
		rc = edit_table(edit, table, &number, error);
	if (rc != 0)
		return rc;
	rc = skafu__editset_find(&edit->set, number, key, key_length, out_row);
	if (rc != 0)
		return edit_refused(edit, rc, error);
	return edit_learn(edit, *out_row, number, key, key_length, error);
}

/* ---- the handler's verbs ------------------------------------------------------------------------------------- */

int32_t skafu_edit_get(skafu_edit *edit, const char *table, const void *key, size_t key_length,
		       const void **out_value, size_t *out_length, skafu_error *error)
{
	uint32_t row;
	size_t length;
	if (!out_value || !out_length)
		return skafu__fail(error, SKAFU_EINVAL, "out_value or out_length is NULL; give places for both");
	int32_t rc = edit_row(edit, table, key, key_length, &row, error);
	if (rc != 0)
		return rc;
	const uint8_t *value = skafu__editset_value(&edit->set, row, &length);
	if (!value)
		return 0;
	*out_value = value;
	*out_length = length;
	return 1;
}

static int32_t edit_put(struct skafu_edit *edit, uint32_t row, const void *value, size_t length, skafu_error *error)
{
	int32_t rc = skafu__editset_set(&edit->set, row, SKAFU__EDITROW_PUT, value, length);
	return rc ? edit_refused(edit, rc, error) : 0;
}

int32_t skafu_edit_put(skafu_edit *edit, const char *table, const void *key, size_t key_length, const void *value,
		       size_t value_length, skafu_error *error)
{
	uint32_t row;
	if (!value && value_length != 0)
		return skafu__fail(error, SKAFU_EINVAL, "the value is NULL, but its length is %zu", value_length);
	size_t lent = edit ? skafu__editset_place(&edit->set, value) : SIZE_MAX;
	int32_t rc = edit_row(edit, table, key, key_length, &row, error);
	if (rc != 0)
		return rc;
	value = skafu__editset_at(&edit->set, lent, value);
	return edit_put(edit, row, value ? value : "", value_length, error);
}

int32_t skafu_edit_delete(skafu_edit *edit, const char *table, const void *key, size_t key_length,
			  skafu_error *error)
{
	uint32_t row;
	int32_t rc = edit_row(edit, table, key, key_length, &row, error);
	if (rc == 0 && skafu__editset_value(&edit->set, row, &(size_t){0}))
		rc = skafu__editset_set(&edit->set, row, SKAFU__EDITROW_DELETED, NULL, 0);
	return rc;
}

int32_t skafu_count_value(const void *value, size_t value_length, int64_t *out_count, skafu_error *error)
{
	if (!out_count)
		return skafu__fail(error, SKAFU_EINVAL, "out_count is NULL; give a place for the number");
	if (!value || value_length != EDIT_COUNT_BYTES)
		return skafu__fail(error, SKAFU_EINVAL, "the row is no number of skafu_edit_count(): it has %zu "
				   "bytes, not %u", value ? value_length : 0, EDIT_COUNT_BYTES);
	*out_count = (int64_t)skafu__load_u64(value);
	return 0;
}

int32_t skafu_edit_count(skafu_edit *edit, const char *table, const void *key, size_t key_length, int64_t delta,
			 skafu_error *error)
{
	uint32_t row;
	size_t length;
	int64_t count = 0;
	uint8_t bytes[EDIT_COUNT_BYTES];
	int32_t rc = edit_row(edit, table, key, key_length, &row, error);
	if (rc != 0)
		return rc;
	const uint8_t *value = skafu__editset_value(&edit->set, row, &length);
	if (value)
		rc = skafu_count_value(value, length, &count, error);
	if (rc != 0)
		return rc;
	if (__builtin_add_overflow(count, delta, &count))
		return skafu__fail(error, SKAFU_ELIMIT, "the count would leave the range of 64 bits; keep it in "
				   "several rows");
	skafu__store_u64(bytes, (uint64_t)count);
	return edit_put(edit, row, bytes, sizeof bytes, error);
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

static const struct skafu__editlink *edit_link(const struct skafu_edit *edit, uint32_t number)
{
	return (const struct skafu__editlink *)(const void *)edit->links.bytes + number;
}

static int32_t edit_chain(struct skafu_edit *edit, uint32_t row, uint32_t event)
{
	struct skafu__editrow *place = &edit->set.rows[row];
	struct skafu__editlink link = {event, 0};
	if (place->first != 0 && edit_link(edit, place->last)->event == event)
		return 0; /* named twice for one event */
	if (edit->links.length == 0)
		skafu__buf_put(&edit->links, &link, sizeof link); /* number 0 means none */
	uint32_t number = (uint32_t)(edit->links.length / sizeof link);
	if (place->first == 0)
		skafu__buf_put(&edit->touched, &row, sizeof row);
	skafu__buf_put(&edit->links, &link, sizeof link);
	if (edit->links.failed || edit->touched.failed)
		return edit->links.failed ? edit->links.failed : edit->touched.failed;
	if (place->first == 0)
		place->first = number;
	else
		((struct skafu__editlink *)(void *)edit->links.bytes)[place->last].next = number;
	place->last = number;
	return 0;
}

/* Find the rows of the keys that were named, and chain their events. */
int32_t skafu__edit_end_keys(struct skafu_edit *edit, skafu_error *error)
{
	uint32_t row;
	int32_t rc = 0;
	for (uint32_t i = 0; i < edit->named_count; i++)
		edit->named[i].row = skafu__editset_fetch_row(&edit->set, edit->named[i].hash);
	for (uint32_t i = 0; i < edit->named_count; i++)
		skafu__editset_fetch_name(&edit->set, edit->named[i].row);
	for (uint32_t i = 0; rc == 0 && i < edit->named_count; i++) {
		const struct skafu__editname *named = &edit->named[i];
		rc = skafu__editset_find_name(&edit->set, edit->names.bytes + named->at, named->length, named->hash,
					      &row);
		if (rc == 0)
			rc = edit_chain(edit, row, named->event);
	}
	skafu__buf_clear(&edit->names);
	edit->named_count = 0;
	return rc ? edit_refused(edit, rc, error) : 0;
}

static int32_t edit_name(struct skafu_edit *edit, uint32_t table, const void *key, size_t key_length)
{
	struct skafu__editname *named = &edit->named[edit->named_count];
	uint8_t number = (uint8_t)table;
	*named = (struct skafu__editname){.event = edit->event, .at = (uint32_t)edit->names.length,
					  .length = (uint32_t)key_length + 1};
	skafu__buf_put(&edit->names, &number, 1);
	skafu__buf_put(&edit->names, key, key_length);
	if (edit->names.failed)
		return edit->names.failed;
	named->hash = skafu__editset_hash(&edit->set, edit->names.bytes + named->at, named->length);
	skafu__editset_fetch_slot(&edit->set, named->hash);
	edit->named_count++;
	return 0;
}

int32_t skafu_edit_key(skafu_edit *edit, const void *key, size_t key_length, skafu_error *error)
{
	uint32_t table;
	int32_t rc = edit_check(edit, SKAFU__EDIT_KEYS, key, key_length, error);
	if (rc == 0)
		rc = edit_table(edit, EDIT_MAIN, &table, error);
	if (rc != 0)
		return rc;
	rc = edit_name(edit, table, key, key_length);
	if (rc != 0)
		return edit_refused(edit, rc, error);
	return edit->named_count == SKAFU__EDIT_NAMED_MAX ? skafu__edit_end_keys(edit, error) : 0;
}

static int32_t edit_learn_rows(struct skafu_edit *edit, struct skafu__viewtxn *txn, skafu_error *error)
{
	const uint32_t *touched = (const uint32_t *)(const void *)edit->touched.bytes;
	int32_t rc = 0;
	for (size_t i = 0; rc == 0 && i < edit->touched.length / sizeof *touched; i++) {
		size_t length;
		const uint8_t *name = skafu__editset_name(&edit->set, touched[i], &length);
		if (edit->set.rows[touched[i]].state != SKAFU__EDITROW_UNKNOWN)
			continue;
		if (edit->mark.rows == 0)
			rc = skafu__editset_set(&edit->set, touched[i], SKAFU__EDITROW_ABSENT, NULL, 0);
		else
			rc = edit_learn_in(edit, txn, touched[i], name[0], name + 1, length - 1, error);
	}
	return rc;
}

int32_t skafu__edit_learn_touched(struct skafu_edit *edit, skafu_error *error)
{
	struct skafu__viewtxn txn;
	struct skafu_error own = {0};
	if (edit->mark.rows == 0)
		return edit_learn_rows(edit, NULL, error);
	int32_t rc = skafu__viewenv_read(edit->views, &txn, &own);
	if (rc != 0)
		return edit_failed(edit, rc, 1, &own, error);
	rc = edit_learn_rows(edit, &txn, &own);
	skafu__viewenv_end(&txn);
	return rc ? edit_failed(edit, rc, 1, &own, error) : 0;
}

/* ---- effects ------------------------------------------------------------------------------------------------- */

int32_t skafu_edit_effect(skafu_edit *edit, const skafu_record *event, const char *name, uint8_t out_key[16],
			  skafu_error *error)
{
	static const char purpose[] = "skafu effect 1";
	uint8_t bytes[20];
	size_t length;
	if (!edit || !event || !out_key)
		return skafu__fail(error, SKAFU_EINVAL, "the edit, the event or out_key is NULL");
	if (edit->phase != SKAFU__EDIT_ROWS)
		return skafu__fail(error, SKAFU_EMISUSE, "effects belong into the functions each and batch");
	int32_t rc = skafu__name_measure(name, 255, "name of the effect", &length, error);
	if (rc != 0)
		return rc;
	if (event->sequence <= edit->muted_to) {
		skafu__testhook_tell(SKAFU__TESTHOOK_EFFECT, NULL, edit->projection, name, 0, 0);
		return 0;
	}
	memcpy(bytes, event->id, 16);
	skafu__store_u32(bytes + 16, event->reserved);
	const struct skafu__part parts[] = {{purpose, sizeof purpose},
					    {edit->projection, strlen(edit->projection)},
					    {bytes, sizeof bytes},
					    {name, length}};
	skafu__blake2b(out_key, 16, parts, 4);
	skafu__ident_stamp_v8(out_key);
	edit->effects++;
	skafu__testhook_tell(SKAFU__TESTHOOK_EFFECT, out_key, edit->projection, name, 1, 0);
	return 1;
}
