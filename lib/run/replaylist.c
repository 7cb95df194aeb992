/*
 * replaylist.c: what the store remembers of replays, for hosts and operators.
 */
#include "skafu_run.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "run/replayrow.h"
#include "store/store.h"

struct skafu_replay_list {
	skafu_store *store;
	skafu_rows *rows;
	uint64_t left;
	struct skafu__buf value;
	skafu_replay_info info;
};

/* Never more than 292 years. */
static uint64_t replaylist_remaining_ns(uint64_t records, uint64_t rate)
{
	double remaining_ns = (double)records / (double)rate * 1e9;
	return remaining_ns < 9.2e18 ? (uint64_t)remaining_ns : INT64_MAX;
}

static void replaylist_describe(const uint8_t id[16], const struct skafu__replay_plan *plan,
				const struct skafu__replay_progress *progress, skafu_replay_info *out)
{
	size_t length = plan->message ? strnlen(plan->message, sizeof out->message - 1) : 0;
	uint64_t sequence = progress->sequence < plan->to ? progress->sequence : plan->to;
	memset(out, 0, sizeof *out);
	out->size = sizeof *out;
	memcpy(out->id, id, 16);
	out->state = plan->state;
	out->total = plan->to - plan->from + 1;
	out->done = sequence >= plan->from ? sequence - plan->from + 1 : 0;
	out->sequence = out->done ? sequence : 0;
	out->matched = progress->matched;
	out->succeeded = progress->succeeded;
	out->failed = progress->failed;
	out->rate = progress->rate;
	out->started_ns = plan->started_ns;
	out->ended_ns = plan->ended_ns;
	out->code = plan->code;
	memcpy(out->message, plan->message ? plan->message : "", length);
	if (progress->rate != 0 && plan->ended_ns == 0)
		out->remaining_ns = replaylist_remaining_ns(out->total - out->done, progress->rate);
}

/* 1 and what is known of it, 0 when there is none. */
static int32_t replaylist_get(skafu_store *store, const uint8_t id[16], struct skafu__buf *value,
			      skafu_replay_info *out, skafu_error *error)
{
	struct skafu__replay_plan plan;
	struct skafu__replay_progress progress;
	int32_t rc = skafu__replay_load(store, id, value, &plan, &progress, error);
	if (rc == 1)
		replaylist_describe(id, &plan, &progress, out);
	return rc;
}

int32_t skafu_replay_info_get(skafu_store *store, const uint8_t id[16], skafu_replay_info *out_info,
			      skafu_error *error)
{
	skafu_replay_info info;
	struct skafu__buf value;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && (!id || !out_info))
		rc = skafu__fail(error, SKAFU_EINVAL, "the id of the replay or out_info is NULL");
	if (rc != 0)
		return rc;
	skafu__buf_init(&value, &store->sys, SIZE_MAX);
	rc = replaylist_get(store, id, &value, &info, error);
	skafu__buf_done(&value);
	if (rc == 0)
		return skafu__fail(error, SKAFU_ENOTFOUND, "the store has no replay of this id");
	return rc < 0 ? rc : skafu__opts_write(out_info, &info, sizeof info, "skafu_replay_info", error);
}

/* ---- the list -------------------------------------------------------------------------------------------------- */

int32_t skafu_replay_list_open(skafu_store *store, uint64_t limit, skafu_replay_list **out_list, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && !out_list)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_list is NULL; give a place for the list");
	if (rc != 0)
		return rc;
	struct skafu_replay_list *list = skafu__alloc_zeroed(&store->sys, 1, sizeof *list);
	if (!list)
		return skafu__fail_memory(error);
	list->store = store;
	list->left = limit;
	skafu__buf_init(&list->value, &store->sys, SIZE_MAX);
	skafu__store_hold(store);
	rc = skafu_rows_open(store, skafu__replay_table, NULL, SKAFU_NO_LIMIT, &list->rows, error);
	if (rc != 0) {
		skafu_replay_list_free(list);
		return rc;
	}
	*out_list = list;
	return 0;
}

void skafu_replay_list_free(skafu_replay_list *list)
{
	if (!list)
		return;
	skafu_store *store = list->store;
	skafu_rows_free(list->rows);
	skafu__buf_done(&list->value);
	skafu__free(&store->sys, list);
	skafu__store_release(store);
}

/* The plan, and the row behind it. */
static int32_t replaylist_read(skafu_replay_list *list, const skafu_row *row, const uint8_t id[16],
			       skafu_error *error)
{
	struct skafu__replay_plan plan;
	struct skafu__replay_progress progress;
	uint8_t next_id[16];
	uint32_t part = 0;
	skafu__buf_clear(&list->value);
	if (skafu__buf_put(&list->value, row->value, row->value_length) != 0)
		return skafu__fail_memory(error);
	int32_t rc = skafu__replay_plan_decode(list->value.bytes, list->value.length, &plan, error);
	if (rc != 0)
		return rc;
	rc = skafu_rows_next(list->rows, &row, error);
	if (rc == 1)
		rc = skafu__replay_key_read(row->key, row->key_length, next_id, &part, error);
	else if (rc == 0)
		rc = SKAFU_EDAMAGED;
	if (rc == SKAFU_EDAMAGED || (rc == 0 && (part != SKAFU__REPLAY_PROGRESS || memcmp(id, next_id, 16) != 0)))
		return skafu__fail(error, SKAFU_EDAMAGED, "a replay has no row for its progress; verify the store");
	if (rc == 0)
		rc = skafu__replay_progress_decode(row->value, row->value_length, &progress, error);
	if (rc == 0)
		replaylist_describe(id, &plan, &progress, &list->info);
	return rc;
}

int32_t skafu_replay_list_next(skafu_replay_list *list, const skafu_replay_info **out_info, skafu_error *error)
{
	const skafu_row *row;
	uint8_t id[16];
	uint32_t part = 0;
	if (!list || !out_info)
		return skafu__fail(error, SKAFU_EINVAL, "the list or out_info is NULL");
	int32_t rc = list->left ? skafu_rows_next(list->rows, &row, error) : 0;
	if (rc != 1)
		return rc;
	rc = skafu__replay_key_read(row->key, row->key_length, id, &part, error);
	if (rc == 0 && part != SKAFU__REPLAY_PLAN)
		rc = skafu__fail(error, SKAFU_EDAMAGED, "a replay has no row for its plan; verify the store");
	if (rc == 0)
		rc = replaylist_read(list, row, id, error);
	if (rc != 0)
		return rc;
	list->left--;
	*out_info = &list->info;
	return 1;
}
