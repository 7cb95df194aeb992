#include "run/rowchain.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/batch.h"
#include "store/store.h"

#define ROWCHAIN_KEY_BYTES_MAX (255u + 256u)

void skafu__rowchain_init(struct skafu__rowchain *chain, skafu_store *store)
{
	chain->store = store;
	chain->is_empty = 1;
	chain->reserved = 0;
	chain->aside = NULL;
	skafu__map_init(&chain->batches, &store->sys, SIZE_MAX, skafu__load_u64(store->format.hash_key));
}

void skafu__rowchain_done(struct skafu__rowchain *chain)
{
	if (chain->store)
		skafu__map_done(&chain->batches);
}

static size_t rowchain_key(uint8_t out[ROWCHAIN_KEY_BYTES_MAX], const char *table, const void *key,
			   size_t key_length)
{
	size_t length = strnlen(table, 255);
	memcpy(out, key, key_length);
	memcpy(out + key_length, table, length);
	out[key_length + length] = (uint8_t)key_length;
	return key_length + length + 1;
}

int32_t skafu__rowchain_add(struct skafu__rowchain *chain, const skafu_batch *batch, skafu_error *error)
{
	uint8_t key[ROWCHAIN_KEY_BYTES_MAX];
	for (uint32_t i = 0; i < batch->row_count; i++) {
		const struct skafu__batch_row *row = &batch->rows[i];
		const char *table = skafu__batch_name_text(batch, row->table & ~SKAFU__NAME_IS_LOCAL);
		size_t length = rowchain_key(key, table, batch->texts.bytes + row->at, row->key_length);
		if (skafu__map_insert(&chain->batches, key, length, (uint64_t)(uintptr_t)batch) < 0)
			return skafu__fail_memory(error);
		chain->is_empty = 0;
	}
	return 0;
}

void skafu__rowchain_clear(struct skafu__rowchain *chain)
{
	if (chain->is_empty)
		return;
	skafu__map_clear(&chain->batches);
	chain->is_empty = 1;
}

static int32_t rowchain_copy(struct skafu__buf *out, const void *value, size_t length, skafu_error *error)
{
	int32_t rc = skafu__buf_put(out, value, length);
	return rc ? skafu__fail_memory(error) : 1;
}

static int32_t rowchain_get_stored(skafu_store *store, const char *table, const void *key, size_t key_length,
				   struct skafu__buf *out, skafu_error *error)
{
	struct skafu_error own = {0};
	void *value = NULL;
	size_t length = 0;
	int32_t rc = skafu_row_get(store, table, key, key_length, &value, &length, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	rc = rowchain_copy(out, value, length, error);
	skafu_bytes_free(value);
	return rc;
}

int32_t skafu__rowchain_get(const struct skafu__rowchain *chain, skafu_store *store, const skafu_batch *batch,
			    const char *table, const void *key, size_t key_length, struct skafu__buf *out,
			    skafu_error *error)
{
	uint8_t bytes[ROWCHAIN_KEY_BYTES_MAX];
	const uint8_t *value = NULL;
	size_t length = 0;
	int found = batch ? skafu__batch_find_row(batch, table, key, key_length, &value, &length) : 0;
	skafu__buf_clear(out);
	if (found == 0 && chain && !chain->is_empty) {
		size_t whole = rowchain_key(bytes, table, key, key_length);
		const uint64_t *known = skafu__map_find(&chain->batches, bytes, whole);
		if (known)
			found = skafu__batch_find_row((const skafu_batch *)(uintptr_t)*known, table, key, key_length,
						      &value, &length);
	}
	if (found == 0 && chain && chain->aside)
		return skafu__rowaside_get(chain->aside, table, key, key_length, out, error);
	if (found == 0)
		return rowchain_get_stored(store, table, key, key_length, out, error);
	return found == 1 ? rowchain_copy(out, value, length, error) : 0;
}
