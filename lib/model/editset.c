#include "model/editset.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/viewrow.h"

#define EDITSET_ROWS_MIN 64u
#define EDITSET_BYTES_MAX ((size_t)2 << 30) /* places are of 32 bits */

void skafu__editset_init(struct skafu__editset *set, const struct skafu__sys *sys, size_t bytes_max,
			 const uint8_t hash_key[SKAFU__HASH_KEY_BYTES])
{
	memset(set, 0, sizeof *set);
	set->sys = sys;
	set->bytes_max = bytes_max < EDITSET_BYTES_MAX ? bytes_max : EDITSET_BYTES_MAX;
	memcpy(set->hash_key, hash_key, sizeof set->hash_key);
	skafu__buf_init(&set->names, sys, bytes_max);
	skafu__buf_init(&set->values, sys, bytes_max);
}

void skafu__editset_done(struct skafu__editset *set)
{
	if (!set->sys)
		return;
	skafu__buf_done(&set->names);
	skafu__buf_done(&set->values);
	skafu__free(set->sys, set->rows);
	skafu__free(set->sys, set->slots);
	set->rows = NULL;
	set->slots = NULL;
	set->slot_count = 0;
	set->count = 0;
	set->room = 0;
}

void skafu__editset_clear(struct skafu__editset *set)
{
	if (set->slots)
		memset(set->slots, 0, set->slot_count * sizeof *set->slots);
	skafu__buf_clear(&set->names);
	skafu__buf_clear(&set->values);
	set->count = 0;
}

/* Counted by what is in use, so that memory which an earlier batch left does not count against this one. */
size_t skafu__editset_bytes(const struct skafu__editset *set)
{
	return set->names.length + set->values.length +
	       (size_t)set->count * (sizeof *set->rows + 2 * sizeof *set->slots);
}

/* ---- finding ------------------------------------------------------------------------------------------------- */

/* A larger table with what the old one has. */
static struct skafu__editslot *editset_rehash(const struct skafu__editset *set, uint32_t slot_count)
{
	struct skafu__editslot *slots = skafu__alloc_zeroed(set->sys, slot_count, sizeof *slots);
	for (uint32_t i = 0; slots && i < set->slot_count; i++) {
		uint32_t slot = set->slots[i].hash & (slot_count - 1);
		if (set->slots[i].row == 0)
			continue;
		while (slots[slot].row != 0)
			slot = (slot + 1) & (slot_count - 1);
		slots[slot] = set->slots[i];
	}
	return slots;
}

/* Room for one more row, with the table at most half full. */
static int32_t editset_make_room(struct skafu__editset *set)
{
	if (set->count < set->room)
		return 0;
	uint32_t room = set->room ? set->room * 2 : EDITSET_ROWS_MIN;
	struct skafu__editslot *slots = editset_rehash(set, room * 2);
	void *grown = slots ? skafu__realloc_array(set->sys, set->rows, room, sizeof *set->rows) : NULL;
	if (!grown) {
		skafu__free(set->sys, slots);
		return SKAFU_ENOMEM;
	}
	skafu__free(set->sys, set->slots);
	set->rows = grown;
	set->room = room;
	set->slots = slots;
	set->slot_count = room * 2;
	return 0;
}

const uint8_t *skafu__editset_name(const struct skafu__editset *set, uint32_t row, size_t *out_length)
{
	*out_length = set->rows[row].name_length;
	return set->names.bytes + set->rows[row].name_at;
}

static int editset_is_named(const struct skafu__editset *set, uint32_t row, const uint8_t *name, size_t length)
{
	const struct skafu__editrow *place = &set->rows[row];
	return place->name_length == length &&
	       memcmp(set->names.bytes + place->name_at, name, length) == 0;
}

/* Room was made, so this cannot fail but for the bytes of the name. */
static int32_t editset_add(struct skafu__editset *set, uint32_t slot, uint32_t hash, const uint8_t *name,
			   size_t length)
{
	size_t at = set->names.length;
	int32_t rc = skafu__buf_put(&set->names, name, length);
	if (rc != 0) {
		set->names.failed = 0;
		return rc;
	}
	set->rows[set->count] = (struct skafu__editrow){.name_at = (uint32_t)at, .name_length = (uint16_t)length};
	set->slots[slot] = (struct skafu__editslot){hash, ++set->count};
	return 0;
}

/* The slot of a name, or the free one where it belongs. */
static uint32_t editset_slot(const struct skafu__editset *set, const uint8_t *name, size_t length, uint32_t hash)
{
	uint32_t slot = hash & (set->slot_count - 1);
	for (; set->slots[slot].row != 0; slot = (slot + 1) & (set->slot_count - 1))
		if (set->slots[slot].hash == hash && editset_is_named(set, set->slots[slot].row - 1, name, length))
			break;
	return slot;
}

int32_t skafu__editset_find_name(struct skafu__editset *set, const uint8_t *name, size_t length, uint32_t hash,
				 uint32_t *out_row)
{
	int32_t rc = editset_make_room(set);
	if (rc != 0)
		return rc;
	uint32_t slot = editset_slot(set, name, length, hash);
	if (set->slots[slot].row != 0) {
		*out_row = set->slots[slot].row - 1;
		return 0;
	}
	if (skafu__editset_bytes(set) + length - 1 + sizeof *set->rows > set->bytes_max)
		return SKAFU_ELIMIT;
	rc = editset_add(set, slot, hash, name, length);
	if (rc == 0)
		*out_row = set->count - 1;
	return rc;
}

int32_t skafu__editset_find(struct skafu__editset *set, uint32_t table, const void *key, size_t key_length,
			    uint32_t *out_row)
{
	uint8_t name[1 + SKAFU__VIEWROW_KEY_MAX];
	name[0] = (uint8_t)table;
	memcpy(name + 1, key, key_length);
	return skafu__editset_find_name(set, name, key_length + 1,
					skafu__editset_hash(set, name, key_length + 1), out_row);
}

/* ---- fetching ahead ------------------------------------------------------------------------------------------ */

uint32_t skafu__editset_hash(const struct skafu__editset *set, const uint8_t *name, size_t length)
{
	return (uint32_t)skafu__hash64(set->hash_key, name, length);
}

void skafu__editset_fetch_slot(const struct skafu__editset *set, uint32_t hash)
{
	if (set->slots)
		__builtin_prefetch(&set->slots[hash & (set->slot_count - 1)]);
}

uint32_t skafu__editset_fetch_row(const struct skafu__editset *set, uint32_t hash)
{
	if (!set->slots)
		return UINT32_MAX;
	uint32_t slot = hash & (set->slot_count - 1);
	while (set->slots[slot].row != 0 && set->slots[slot].hash != hash)
		slot = (slot + 1) & (set->slot_count - 1);
	uint32_t row = set->slots[slot].row - 1; /* of a free slot: none */
	if (row < set->count)
		__builtin_prefetch(&set->rows[row]);
	return row;
}

void skafu__editset_fetch_name(const struct skafu__editset *set, uint32_t row)
{
	if (row < set->count)
		__builtin_prefetch(set->names.bytes + set->rows[row].name_at);
}

void skafu__editset_fetch_value(const struct skafu__editset *set, uint32_t row)
{
	if (row < set->count && set->rows[row].value_room != 0)
		__builtin_prefetch(set->values.bytes + set->rows[row].value_at);
}

/* ---- values -------------------------------------------------------------------------------------------------- */

const uint8_t *skafu__editset_value(const struct skafu__editset *set, uint32_t row, size_t *out_length)
{
	static const uint8_t empty[1];
	const struct skafu__editrow *place = &set->rows[row];
	*out_length = 0;
	if (place->state != SKAFU__EDITROW_STORED && place->state != SKAFU__EDITROW_PUT)
		return NULL;
	*out_length = place->value_length;
	return place->value_length ? set->values.bytes + place->value_at : empty;
}

/* Room in place, or at the end; what was there is then lost until the set is cleared. */
static int32_t editset_make_value_room(struct skafu__editset *set, struct skafu__editrow *place, size_t length)
{
	if (length <= place->value_room)
		return 0;
	size_t room = (length + 7) & ~(size_t)7;
	if (room > UINT32_MAX || skafu__editset_bytes(set) + room > set->bytes_max)
		return SKAFU_ELIMIT;
	if (!skafu__buf_reserve(&set->values, room)) {
		int32_t rc = set->values.failed;
		set->values.failed = 0;
		return rc;
	}
	place->value_at = (uint32_t)set->values.length;
	place->value_room = (uint32_t)room;
	skafu__buf_commit(&set->values, room);
	return 0;
}

size_t skafu__editset_place(const struct skafu__editset *set, const void *value)
{
	uintptr_t at = (uintptr_t)value - (uintptr_t)set->values.bytes;
	return value && set->values.bytes && at < set->values.length ? (size_t)at : SIZE_MAX;
}

const void *skafu__editset_at(const struct skafu__editset *set, size_t place, const void *otherwise)
{
	return place == SIZE_MAX ? otherwise : set->values.bytes + place;
}

int32_t skafu__editset_set(struct skafu__editset *set, uint32_t row, uint32_t state, const void *value,
			   size_t length)
{
	struct skafu__editrow *place = &set->rows[row];
	size_t lent = skafu__editset_place(set, value);
	int32_t rc = value ? editset_make_value_room(set, place, length) : 0;
	if (rc != 0)
		return rc;
	value = skafu__editset_at(set, lent, value);
	if (value && length != 0)
		memmove(set->values.bytes + place->value_at, value, length);
	place->value_length = (uint32_t)length;
	place->state = (uint8_t)state;
	if (state == SKAFU__EDITROW_ABSENT || state == SKAFU__EDITROW_STORED)
		place->stored = (uint8_t)state;
	return 0;
}

/* ---- changes ------------------------------------------------------------------------------------------------- */

static int editset_order(const void *a, const void *b)
{
	const struct skafu__editchange *x = a;
	const struct skafu__editchange *y = b;
	return skafu__viewrow_compare(x->name, x->name_length, y->name, y->name_length);
}

int32_t skafu__editset_changes(const struct skafu__editset *set, struct skafu__editchange **out_changes,
			       size_t *out_count)
{
	size_t count = 0;
	struct skafu__editchange *changes = skafu__alloc(set->sys, ((size_t)set->count + 1) * sizeof *changes);
	if (!changes)
		return SKAFU_ENOMEM;
	for (uint32_t row = 0; row < set->count; row++) {
		if (set->rows[row].state != SKAFU__EDITROW_PUT && set->rows[row].state != SKAFU__EDITROW_DELETED)
			continue;
		struct skafu__editchange *change = &changes[count++];
		change->name = skafu__editset_name(set, row, &change->name_length);
		change->value = skafu__editset_value(set, row, &change->value_length);
		change->stored = set->rows[row].stored;
	}
	qsort(changes, count, sizeof *changes, editset_order);
	*out_changes = changes;
	*out_count = count;
	return 0;
}
