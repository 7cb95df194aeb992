#include "run/rowaside.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/batch.h"
#include "store/store.h"

#define ROWASIDE_KEY_BYTES_MAX (255u + 256u)

struct skafu__rowaside_value {
	uint8_t *bytes; /* NULL: the row was deleted */
	size_t length;
};

void skafu__rowaside_init(struct skafu__rowaside *aside, skafu_store *store, size_t bytes_max)
{
	memset(aside, 0, sizeof *aside);
	aside->sys = &store->sys;
	aside->bytes_max = bytes_max;
	skafu__map_init(&aside->places, aside->sys, SIZE_MAX, skafu__load_u64(store->format.hash_key));
}

void skafu__rowaside_done(struct skafu__rowaside *aside)
{
	if (!aside->sys)
		return;
	for (uint32_t i = 0; i < aside->count; i++)
		skafu__free(aside->sys, aside->values[i].bytes);
	skafu__free(aside->sys, aside->values);
	skafu__map_done(&aside->places);
	memset(aside, 0, sizeof *aside);
}

static size_t rowaside_key(uint8_t out[ROWASIDE_KEY_BYTES_MAX], const char *table, const void *key, size_t key_length)
{
	size_t length = strnlen(table, 255);
	memcpy(out, key, key_length);
	memcpy(out + key_length, table, length);
	out[key_length + length] = (uint8_t)key_length;
	return key_length + length + 1;
}

static int32_t rowaside_make_room(struct skafu__rowaside *aside)
{
	uint32_t room = aside->room ? aside->room * 2 : 64;
	if (aside->count < aside->room)
		return 0;
	struct skafu__rowaside_value *grown = skafu__realloc_array(aside->sys, aside->values, room, sizeof *grown);
	if (!grown)
		return SKAFU_ENOMEM;
	aside->values = grown;
	aside->room = room;
	return 0;
}

/* The place of a row, made when there is none. */
static struct skafu__rowaside_value *rowaside_place(struct skafu__rowaside *aside, const uint8_t *key,
						    size_t length)
{
	const uint64_t *known = skafu__map_find(&aside->places, key, length);
	if (known)
		return &aside->values[*known];
	if (rowaside_make_room(aside) != 0 || skafu__map_insert(&aside->places, key, length, aside->count) < 0)
		return NULL;
	aside->values[aside->count] = (struct skafu__rowaside_value){NULL, 0};
	aside->bytes += length + sizeof *aside->values + sizeof(uint64_t) * 4;
	return &aside->values[aside->count++];
}

static int32_t rowaside_set(struct skafu__rowaside *aside, const uint8_t *key, size_t key_length,
			    const uint8_t *value, size_t length, int is_put, skafu_error *error)
{
	struct skafu__rowaside_value *place = rowaside_place(aside, key, key_length);
	uint8_t *bytes = NULL;
	if (place && is_put)
		bytes = skafu__alloc(aside->sys, length ? length : 1);
	if (!place || (is_put && !bytes))
		return skafu__fail_memory(error);
	if (bytes && length != 0)
		memcpy(bytes, value, length);
	skafu__free(aside->sys, place->bytes);
	aside->bytes -= place->length;
	*place = (struct skafu__rowaside_value){bytes, is_put ? length : 0};
	aside->bytes += place->length;
	return 0;
}

int32_t skafu__rowaside_take(struct skafu__rowaside *aside, const skafu_batch *batch, skafu_error *error)
{
	uint8_t key[ROWASIDE_KEY_BYTES_MAX];
	for (uint32_t i = 0; i < batch->row_count; i++) {
		const struct skafu__batch_row *row = &batch->rows[i];
		const char *table = skafu__batch_name_text(batch, row->table & ~SKAFU__NAME_IS_LOCAL);
		const uint8_t *bytes = batch->texts.bytes + row->at;
		size_t length = rowaside_key(key, table, bytes, row->key_length);
		int32_t rc = rowaside_set(aside, key, length, bytes + row->key_length, row->value_length,
					  row->operation == SKAFU__ROW_PUT, error);
		if (rc != 0)
			return rc;
	}
	if (aside->bytes > aside->bytes_max)
		return skafu__fail(error, SKAFU_ELIMIT,
				   "the instances that the replay began take more than %zu bytes of memory; replay "
				   "a shorter range, or with a rule",
				   aside->bytes_max);
	return 0;
}

int32_t skafu__rowaside_get(const struct skafu__rowaside *aside, const char *table, const void *key,
			    size_t key_length, struct skafu__buf *out, skafu_error *error)
{
	uint8_t bytes[ROWASIDE_KEY_BYTES_MAX];
	const uint64_t *known = skafu__map_find(&aside->places, bytes, rowaside_key(bytes, table, key, key_length));
	if (!known || !aside->values[*known].bytes)
		return 0;
	return skafu__buf_put(out, aside->values[*known].bytes, aside->values[*known].length) != 0
		       ? skafu__fail_memory(error)
		       : 1;
}
