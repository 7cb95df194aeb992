#include "run/replayrow.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/batch.h"
#include "store/store.h"

#define REPLAYROW_FORM 1u
#define REPLAYROW_PLAN_BYTES 80u
#define REPLAYROW_PROGRESS_BYTES 56u

const char skafu__replay_table[] = "skafu.replays";

/* ---- keys ------------------------------------------------------------------------------------------------------ */

void skafu__replay_key(const uint8_t id[16], enum skafu__replay_part part, uint8_t out[SKAFU__REPLAY_KEY_BYTES])
{
	for (size_t i = 0; i < 16; i++)
		out[i] = (uint8_t)~id[i];
	out[16] = (uint8_t)part;
}

static int32_t replayrow_damaged(skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED,
			   "what the store remembers of a replay is damaged; verify the store");
}

static int32_t replayrow_newer(skafu_error *error)
{
	return skafu__fail(error, SKAFU_ENEWER, "what the store remembers of a replay is in a form that this version "
			   "of the library does not know");
}

int32_t skafu__replay_key_read(const uint8_t *key, size_t length, uint8_t out_id[16], uint32_t *out_part,
			       skafu_error *error)
{
	if (length != SKAFU__REPLAY_KEY_BYTES || key[16] > SKAFU__REPLAY_PROGRESS)
		return replayrow_damaged(error);
	for (size_t i = 0; i < 16; i++)
		out_id[i] = (uint8_t)~key[i];
	*out_part = key[16];
	return 0;
}

/* ---- the plan -------------------------------------------------------------------------------------------------- */

static void replayrow_read_numbers(struct skafu__reader *reader, struct skafu__replay_plan *plan)
{
	plan->state = skafu__reader_u8(reader);
	plan->copies = skafu__reader_u8(reader);
	plan->masks = skafu__reader_u8(reader);
	plan->flags = skafu__reader_u32(reader);
	plan->from = skafu__reader_u64(reader);
	plan->to = skafu__reader_u64(reader);
	plan->rate_max = skafu__reader_u64(reader);
	plan->revision = skafu__reader_u64(reader);
	plan->started_ns = (int64_t)skafu__reader_u64(reader);
	plan->ended_ns = (int64_t)skafu__reader_u64(reader);
	plan->code = (int32_t)skafu__reader_u32(reader);
	plan->target_count = skafu__reader_u16(reader);
	skafu__reader_u16(reader);
	const uint8_t *birth = skafu__reader_take(reader, 16);
	if (birth)
		memcpy(plan->birth, birth, 16);
}

/* A text with its NUL. */
static const char *replayrow_read_text(struct skafu__reader *reader)
{
	size_t left = skafu__reader_left(reader);
	const uint8_t *end = left ? memchr(reader->at, 0, left) : NULL;
	if (!end) {
		reader->failed = 1;
		return "";
	}
	return (const char *)skafu__reader_take(reader, (size_t)(end - reader->at) + 1);
}

static void replayrow_read_targets(struct skafu__reader *reader, struct skafu__replay_plan *plan)
{
	for (uint32_t i = 0; i < plan->target_count && !reader->failed; i++) {
		plan->targets[i].kind = skafu__reader_u8(reader);
		plan->targets[i].name = replayrow_read_text(reader);
		if (plan->targets[i].kind < SKAFU_CONSUMER_KIND_PROJECTION ||
		    plan->targets[i].kind > SKAFU_CONSUMER_KIND_DECIDER)
			reader->failed = 1;
	}
}

static int replayrow_is_sane(const struct skafu__replay_plan *plan)
{
	return plan->state >= SKAFU_REPLAY_RUNNING && plan->state <= SKAFU_REPLAY_FAILED && plan->from != 0 &&
	       plan->from <= plan->to && plan->to < UINT64_MAX;
}

int32_t skafu__replay_plan_decode(const uint8_t *value, size_t length, struct skafu__replay_plan *out,
				  skafu_error *error)
{
	struct skafu__replay_plan plan = {0};
	struct skafu__reader reader;
	skafu__reader_init(&reader, value, length);
	if (skafu__reader_u8(&reader) != REPLAYROW_FORM)
		return replayrow_newer(error);
	replayrow_read_numbers(&reader, &plan);
	plan.rule = replayrow_read_text(&reader);
	plan.message = replayrow_read_text(&reader);
	if (plan.target_count > SKAFU__REPLAY_TARGETS_MAX)
		return replayrow_damaged(error);
	replayrow_read_targets(&reader, &plan);
	if (reader.failed || skafu__reader_left(&reader) != 0 || !replayrow_is_sane(&plan))
		return replayrow_damaged(error);
	if (plan.rule[0] == '\0')
		plan.rule = NULL;
	*out = plan;
	return 0;
}

int32_t skafu__replay_plan_encode(const struct skafu__replay_plan *plan, struct skafu__buf *out)
{
	const char *rule = plan->rule ? plan->rule : "";
	const char *message = plan->message ? plan->message : "";
	skafu__buf_clear(out);
	skafu__buf_put_u8(out, REPLAYROW_FORM);
	skafu__buf_put_u8(out, (uint8_t)plan->state);
	skafu__buf_put_u8(out, (uint8_t)plan->copies);
	skafu__buf_put_u8(out, (uint8_t)plan->masks);
	skafu__buf_put_u32(out, plan->flags);
	skafu__buf_put_u64(out, plan->from);
	skafu__buf_put_u64(out, plan->to);
	skafu__buf_put_u64(out, plan->rate_max);
	skafu__buf_put_u64(out, plan->revision);
	skafu__buf_put_u64(out, (uint64_t)plan->started_ns);
	skafu__buf_put_u64(out, (uint64_t)plan->ended_ns);
	skafu__buf_put_u32(out, (uint32_t)plan->code);
	skafu__buf_put_u16(out, (uint16_t)plan->target_count);
	skafu__buf_put_u16(out, 0);
	skafu__buf_put(out, plan->birth, 16);
	skafu__buf_put(out, rule, strlen(rule) + 1);
	skafu__buf_put(out, message, strlen(message) + 1);
	for (uint32_t i = 0; i < plan->target_count; i++) {
		skafu__buf_put_u8(out, (uint8_t)plan->targets[i].kind);
		skafu__buf_put(out, plan->targets[i].name, strlen(plan->targets[i].name) + 1);
	}
	return out->failed;
}

/* ---- the progress ---------------------------------------------------------------------------------------------- */

int32_t skafu__replay_progress_decode(const uint8_t *value, size_t length, struct skafu__replay_progress *out,
				      skafu_error *error)
{
	struct skafu__replay_progress progress = {0};
	struct skafu__reader reader;
	skafu__reader_init(&reader, value, length);
	if (skafu__reader_u8(&reader) != REPLAYROW_FORM)
		return replayrow_newer(error);
	skafu__reader_u8(&reader);
	progress.generation_count = skafu__reader_u16(&reader);
	progress.partial_targets = skafu__reader_u32(&reader);
	progress.sequence = skafu__reader_u64(&reader);
	progress.partial = skafu__reader_u64(&reader);
	progress.matched = skafu__reader_u64(&reader);
	progress.succeeded = skafu__reader_u64(&reader);
	progress.failed = skafu__reader_u64(&reader);
	progress.rate = skafu__reader_u64(&reader);
	if (progress.generation_count > SKAFU__REPLAY_TARGETS_MAX)
		return replayrow_damaged(error);
	for (uint32_t i = 0; i < progress.generation_count; i++)
		progress.generations[i] = skafu__reader_u32(&reader);
	if (reader.failed || skafu__reader_left(&reader) != 0 || progress.sequence == UINT64_MAX)
		return replayrow_damaged(error);
	*out = progress;
	return 0;
}

size_t skafu__replay_progress_encode(const struct skafu__replay_progress *progress,
				     uint8_t out[SKAFU__REPLAY_PROGRESS_BYTES_MAX])
{
	memset(out, 0, REPLAYROW_PROGRESS_BYTES);
	out[0] = REPLAYROW_FORM;
	skafu__store_u16(out + 2, (uint16_t)progress->generation_count);
	skafu__store_u32(out + 4, progress->partial_targets);
	skafu__store_u64(out + 8, progress->sequence);
	skafu__store_u64(out + 16, progress->partial);
	skafu__store_u64(out + 24, progress->matched);
	skafu__store_u64(out + 32, progress->succeeded);
	skafu__store_u64(out + 40, progress->failed);
	skafu__store_u64(out + 48, progress->rate);
	for (uint32_t i = 0; i < progress->generation_count; i++)
		skafu__store_u32(out + REPLAYROW_PROGRESS_BYTES + (size_t)i * 4, progress->generations[i]);
	return REPLAYROW_PROGRESS_BYTES + (size_t)progress->generation_count * 4;
}

/* ---- in the store ---------------------------------------------------------------------------------------------- */

static int32_t replayrow_get(skafu_store *store, const uint8_t id[16], enum skafu__replay_part part, void **out_value,
			     size_t *out_length, skafu_error *error)
{
	uint8_t key[SKAFU__REPLAY_KEY_BYTES];
	struct skafu_error own = {0};
	skafu__replay_key(id, part, key);
	int32_t rc = skafu_row_get(store, skafu__replay_table, key, sizeof key, out_value, out_length, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	return rc == 0 ? 1 : skafu__error_copy(error, &own, rc);
}

static int32_t replayrow_load_progress(skafu_store *store, const uint8_t id[16], struct skafu__replay_progress *out,
				       skafu_error *error)
{
	void *value = NULL;
	size_t length = 0;
	int32_t rc = replayrow_get(store, id, SKAFU__REPLAY_PROGRESS, &value, &length, error);
	if (rc == 0)
		return replayrow_damaged(error);
	if (rc == 1)
		rc = skafu__replay_progress_decode(value, length, out, error);
	skafu_bytes_free(value);
	return rc;
}

int32_t skafu__replay_load(skafu_store *store, const uint8_t id[16], struct skafu__buf *value,
			   struct skafu__replay_plan *out_plan, struct skafu__replay_progress *out_progress,
			   skafu_error *error)
{
	void *bytes = NULL;
	size_t length = 0;
	int32_t rc = replayrow_get(store, id, SKAFU__REPLAY_PLAN, &bytes, &length, error);
	if (rc != 1)
		return rc;
	skafu__buf_clear(value);
	rc = skafu__buf_put(value, bytes, length) != 0 ? skafu__fail_memory(error) : 0;
	skafu_bytes_free(bytes);
	if (rc == 0)
		rc = skafu__replay_plan_decode(value->bytes, value->length, out_plan, error);
	if (rc == 0)
		rc = replayrow_load_progress(store, id, out_progress, error);
	return rc ? rc : 1;
}

int32_t skafu__replay_expect_plan(skafu_batch *batch, const uint8_t id[16], const struct skafu__buf *was,
				  skafu_error *error)
{
	uint8_t key[SKAFU__REPLAY_KEY_BYTES];
	skafu__replay_key(id, SKAFU__REPLAY_PLAN, key);
	if (was->length == 0)
		return skafu_batch_expect_no_row(batch, skafu__replay_table, key, sizeof key, error);
	return skafu_batch_expect_row(batch, skafu__replay_table, key, sizeof key, was->bytes, was->length, error);
}

int32_t skafu__replay_put_plan(skafu_batch *batch, const uint8_t id[16], const struct skafu__buf *was,
			       const struct skafu__replay_plan *is, skafu_error *error)
{
	uint8_t key[SKAFU__REPLAY_KEY_BYTES];
	struct skafu__buf value;
	skafu__replay_key(id, SKAFU__REPLAY_PLAN, key);
	skafu__buf_init(&value, &batch->store->sys, SIZE_MAX);
	int32_t rc = skafu__replay_expect_plan(batch, id, was, error);
	if (rc == 0 && skafu__replay_plan_encode(is, &value) != 0)
		rc = skafu__fail_memory(error);
	if (rc == 0)
		rc = skafu_batch_put_row(batch, skafu__replay_table, key, sizeof key, value.bytes, value.length,
					 error);
	skafu__buf_done(&value);
	return rc;
}

int32_t skafu__replay_put_progress(skafu_batch *batch, const uint8_t id[16], const struct skafu__replay_progress *was,
				   const struct skafu__replay_progress *is, skafu_error *error)
{
	uint8_t key[SKAFU__REPLAY_KEY_BYTES];
	uint8_t value[SKAFU__REPLAY_PROGRESS_BYTES_MAX];
	int32_t rc;
	skafu__replay_key(id, SKAFU__REPLAY_PROGRESS, key);
	if (was) {
		size_t length = skafu__replay_progress_encode(was, value);
		rc = skafu_batch_expect_row(batch, skafu__replay_table, key, sizeof key, value, length, error);
	} else {
		rc = skafu_batch_expect_no_row(batch, skafu__replay_table, key, sizeof key, error);
	}
	size_t length = skafu__replay_progress_encode(is, value);
	if (rc == 0)
		rc = skafu_batch_put_row(batch, skafu__replay_table, key, sizeof key, value, length, error);
	return rc;
}
