/*
 * hide.c: the host's way to truncate and delete streams and to erase payloads, as parts of a batch.
 *
 * Each becomes a row of a reserved table (hidden.h) that holds an outcome: a version or a sequence, never "all that
 * there is now".  Whether it is possible is judged when the batch is appended.
 */
#include "skafu_store.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "store/batch.h"
#include "store/hidden.h"

static int32_t hide_mark(skafu_batch *batch, const char *stream, const struct skafu__hidden_mark *mark,
			 skafu_error *error)
{
	size_t length;
	uint8_t value[SKAFU__HIDDEN_STREAM_BYTES];
	int32_t rc = skafu__name_measure(stream, 255, "stream name", &length, error);
	if (rc != 0)
		return rc;
	skafu__hidden_mark_encode(mark, value);
	return skafu__batch_put_reserved(batch, SKAFU__HIDDEN_STREAMS, stream, length, value, sizeof value, error);
}

int32_t skafu_batch_truncate_stream(skafu_batch *batch, const char *stream, uint64_t before_version,
				    skafu_error *error)
{
	struct skafu__hidden_mark mark = {before_version, 0};
	if (before_version == 0 || before_version == UINT64_MAX)
		return skafu__fail(error, SKAFU_EINVAL, "versions begin at 1; give the first version that stays");
	return hide_mark(batch, stream, &mark, error);
}

int32_t skafu_batch_delete_stream(skafu_batch *batch, const char *stream, uint64_t version, skafu_error *error)
{
	struct skafu__hidden_mark mark = {version + 1, 0};
	if (version == 0 || version >= UINT64_MAX - 1)
		return skafu__fail(error, SKAFU_EINVAL,
				   "give the version of the stream that is deleted; a stream without events is none");
	uint32_t rows = batch ? batch->row_count : 0;
	uint8_t hides = batch ? batch->hides : 0;
	int32_t rc = hide_mark(batch, stream, &mark, error);
	if (rc != 0 || !batch)
		return rc;
	rc = skafu_batch_expect_stream(batch, stream, SKAFU_EXPECT_EXACT, version, error);
	if (rc != 0) {
		batch->row_count = rows;
		batch->hides = hides;
	}
	return rc;
}

int32_t skafu_batch_tombstone_stream(skafu_batch *batch, const char *stream, skafu_error *error)
{
	struct skafu__hidden_mark mark = {UINT64_MAX, 1};
	return hide_mark(batch, stream, &mark, error);
}

int32_t skafu_batch_erase(skafu_batch *batch, uint64_t sequence, skafu_error *error)
{
	uint8_t key[8];
	if (sequence == 0)
		return skafu__fail(error, SKAFU_EINVAL, "sequences begin at 1; give the one of the record to erase");
	skafu__store_u64_be(key, sequence);
	return skafu__batch_put_reserved(batch, SKAFU__HIDDEN_ERASED, key, sizeof key, NULL, 0, error);
}
