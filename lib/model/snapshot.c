#include "model/snapshot.h"

#include <pthread.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "model/decider.h"

#define SNAPSHOT_HEADER_BYTES 56u
#define SNAPSHOT_BYTES_MAX (16u << 20) /* no row is larger */

static const char snapshot_table[] = "skafu.snapshots";

static int32_t snapshot_decode(const uint8_t *value, size_t length, uint64_t at, struct skafu__hot *hot,
			       skafu_error *error)
{
	const struct skafu__decider *decider = hot->decider;
	if (length < SNAPSHOT_HEADER_BYTES || memcmp(value, decider->fingerprint, 16) != 0)
		return 0;
	uint64_t looked = skafu__load_u64(value + 24);
	uint64_t last = skafu__load_u64(value + 32);
	if ((at != 0 && (looked > at || last > at)) || skafu__load_u64(value + 48) != hot->hidden)
		return 0;
	const struct skafu__bytes saved = {value + SNAPSHOT_HEADER_BYTES, length - SNAPSHOT_HEADER_BYTES};
	if (decider->state.bytes != 0 && saved.length != decider->state.bytes)
		return 0;
	int32_t rc = skafu__state_restore(hot->sys, &decider->state, decider->user, &saved, &hot->state, error);
	if (rc == SKAFU_ENOMEM)
		return rc;
	if (rc != 0)
		return 0; /* the host cannot read it: fold the events instead */
	hot->version = skafu__load_u64(value + 16);
	hot->looked = looked;
	hot->last = last;
	hot->count = skafu__load_u64(value + 40);
	atomic_store(&hot->saved, hot->count);
	return 1;
}

int32_t skafu__snapshot_get(skafu_store *store, const uint8_t key[16], uint64_t at, struct skafu__hot *hot,
			    skafu_error *error)
{
	void *value = NULL;
	size_t length = 0;
	struct skafu_error own = {0};
	int32_t rc = skafu_row_get(store, snapshot_table, key, 16, &value, &length, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	pthread_cleanup_push(skafu_bytes_free, value);
	rc = snapshot_decode(value, length, at, hot, error);
	pthread_cleanup_pop(1);
	return rc;
}

static int32_t snapshot_encode(struct skafu__buf *out, const struct skafu__hot *hot, skafu_error *error)
{
	const struct skafu__decider *decider = hot->decider;
	skafu__buf_put(out, decider->fingerprint, 16);
	skafu__buf_put_u64(out, hot->version);
	skafu__buf_put_u64(out, hot->looked);
	skafu__buf_put_u64(out, hot->last);
	skafu__buf_put_u64(out, hot->count);
	skafu__buf_put_u64(out, hot->hidden);
	return skafu__state_save(&decider->state, decider->user, hot->state, out, error);
}

static void snapshot_drop(void *value)
{
	skafu__buf_done(value);
}

int32_t skafu__snapshot_put(skafu_batch *batch, const uint8_t key[16], const struct skafu__hot *hot,
			    skafu_error *error)
{
	struct skafu__buf value;
	struct skafu_error own = {0};
	int32_t rc;
	skafu__buf_init(&value, hot->sys, SNAPSHOT_BYTES_MAX);
	pthread_cleanup_push(snapshot_drop, &value);
	rc = snapshot_encode(&value, hot, &own);
	if (rc == 0)
		rc = skafu_batch_put_row(batch, snapshot_table, key, 16, value.bytes, value.length, &own);
	pthread_cleanup_pop(1);
	return rc == SKAFU_ENOMEM ? skafu__error_copy(error, &own, rc) : 0;
}
