/*
 * consumers.c: the operator's side of consumers: who there is, how far each is, and pause, resume, rewind, remove.
 *
 * Each of these is one commit that raises the generation of the consumer's row.  Whoever serves the consumer
 * expects the row as it was, so from that commit on nothing is recorded in ignorance of it.
 */
#include "skafu_run.h"

#include <string.h>

#include "base/error.h"
#include "model/model.h"
#include "run/bell.h"
#include "run/checkpoint.h"
#include "run/deadletter.h"
#include "run/membership.h"
#include "run/register.h"
#include "run/stats.h"
#include "store/store.h"

#define CONSUMERS_ATTEMPTS_MAX 64u

/* ---- list ---------------------------------------------------------------------------------------------------- */

struct skafu_consumer_list {
	skafu_model *model;
	skafu_rows *rows;
	skafu_consumer_info info;
	struct skafu__consumer_row row;
	char name[256];
};

int32_t skafu_consumer_list_open(skafu_model *model, skafu_consumer_list **out_list, skafu_error *error)
{
	int32_t rc = skafu__model_check(model, error);
	if (rc == 0 && !out_list)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_list is NULL; give a place for the list");
	if (rc != 0)
		return rc;
	skafu_consumer_list *list = skafu__alloc_zeroed(&model->sys, 1, sizeof *list);
	if (!list)
		return skafu__fail_memory(error);
	rc = skafu_rows_open(model->store, skafu__consumer_table, NULL, SKAFU_NO_LIMIT, &list->rows, error);
	if (rc != 0) {
		skafu__free(&model->sys, list);
		return rc;
	}
	skafu__model_hold(model);
	list->model = model;
	*out_list = list;
	return 0;
}

void skafu_consumer_list_free(skafu_consumer_list *list)
{
	if (!list)
		return;
	skafu_model *model = list->model;
	skafu_rows_free(list->rows);
	skafu__free(&model->sys, list);
	skafu__model_release(model);
}

/* The lowest of its partitions. */
static int32_t consumers_sequence(skafu_store *store, const char *name, const struct skafu__consumer_row *row,
				  uint64_t *out, skafu_error *error)
{
	uint64_t lowest = UINT64_MAX;
	for (uint32_t i = 0; i < row->partitions && i < SKAFU__PARTITIONS_MAX; i++) {
		struct skafu__checkpoint found = {0};
		int32_t rc = skafu__checkpoint_get(store, name, i, &found, error);
		if (rc < 0)
			return rc;
		uint64_t sequence = rc == 1 ? found.sequence : row->start;
		lowest = sequence < lowest ? sequence : lowest;
	}
	*out = lowest;
	return 0;
}

static void consumers_fill_figures(const struct skafu__figures *figures, skafu_consumer_info *info)
{
	if (!figures)
		return;
	info->delivered = atomic_load_explicit(&figures->delivered, memory_order_relaxed);
	info->failures = atomic_load_explicit(&figures->failures, memory_order_relaxed);
	info->handle_p50_ns = skafu__times_part(&figures->handle, 500);
	info->handle_p95_ns = skafu__times_part(&figures->handle, 950);
	info->handle_p99_ns = skafu__times_part(&figures->handle, 990);
	info->publish_p50_ns = skafu__times_part(&figures->publish, 500);
	info->publish_p95_ns = skafu__times_part(&figures->publish, 950);
	info->publish_p99_ns = skafu__times_part(&figures->publish, 990);
	if (info->state == SKAFU_CONSUMER_RUNNING && (atomic_load(&figures->flags) & SKAFU__FIGURES_HALTED))
		info->state = SKAFU_CONSUMER_HALTED;
}

static int32_t consumers_fill(skafu_consumer_list *list, skafu_error *error)
{
	skafu_store *store = list->model->store;
	skafu_consumer_info *info = &list->info;
	uint64_t head = 0;
	memset(info, 0, sizeof *info);
	info->size = sizeof *info;
	info->name = list->name;
	info->domain = list->row.domain;
	info->kind = list->row.kind;
	info->state = list->row.state;
	info->partitions = list->row.partitions;
	skafu__membership_count(store, list->name, &info->pid);
	consumers_fill_figures(skafu__figures_find(list->model, list->name), info);
	if (info->state == SKAFU_CONSUMER_RUNNING && info->pid == 0)
		info->state = SKAFU_CONSUMER_ABSENT;
	int32_t rc = consumers_sequence(store, list->name, &list->row, &info->sequence, error);
	if (rc == 0)
		rc = skafu_store_head(store, &head, error);
	if (rc == 0)
		rc = skafu__deadletter_count(store, list->name, &info->dead_letters, error);
	if (rc == 0 && head > info->sequence)
		info->lag = head - info->sequence;
	return rc;
}

int32_t skafu_consumer_list_next(skafu_consumer_list *list, const skafu_consumer_info **out_info, skafu_error *error)
{
	const skafu_row *row = NULL;
	int32_t rc = list && out_info ? skafu__model_check(list->model, error)
				      : skafu__fail(error, SKAFU_EINVAL, "the list or the place for its entry is "
						    "NULL");
	if (rc == 0)
		rc = skafu_rows_next(list->rows, &row, error);
	if (rc != 1 || !row)
		return rc;
	memcpy(list->name, row->key, row->key_length);
	list->name[row->key_length] = '\0';
	rc = skafu__consumer_row_decode(row->value, row->value_length, &list->row, error);
	if (rc == 0)
		rc = consumers_fill(list, error);
	if (rc != 0)
		return rc;
	*out_info = &list->info;
	return 1;
}

/* ---- changes ------------------------------------------------------------------------------------------------- */

struct consumers_change {
	skafu_model *model;
	const char *name;
	uint32_t state;    /* to be; 0: as it is */
	uint32_t removes;
	uint32_t rewinds;
	uint64_t sequence; /* of a rewind */
};

static int32_t consumers_put_checkpoints(const struct consumers_change *change, const struct skafu__consumer_row *row,
					 skafu_batch *batch, skafu_error *error)
{
	int32_t rc = 0;
	for (uint32_t i = 0; rc >= 0 && i < row->partitions && i < SKAFU__PARTITIONS_MAX; i++) {
		struct skafu__checkpoint was = {0};
		rc = skafu__checkpoint_get(change->model->store, change->name, i, &was, error);
		if (rc < 0)
			return rc;
		struct skafu__checkpoint next = {1, 0, change->sequence, was.mark};
		rc = skafu__checkpoint_expect(batch, change->name, i, &was, error);
		if (rc == 0 && !change->removes)
			rc = skafu__checkpoint_put(batch, change->name, i, &next, error);
		else if (rc == 0 && was.is_there)
			rc = skafu__checkpoint_delete(batch, change->name, i, error);
	}
	return rc;
}

static int32_t consumers_fill_batch(const struct consumers_change *change, skafu_batch *batch, skafu_error *error)
{
	struct skafu__consumer_row row;
	struct skafu__consumer_bytes bytes;
	int32_t rc = skafu__consumer_row_get(change->model->store, change->name, &row, &bytes, error);
	if (rc == 0)
		rc = skafu__fail(error, SKAFU_ENOTFOUND, "the store knows no consumer %s", change->name);
	if (rc != 1)
		return rc;
	rc = skafu__consumer_row_expect(batch, change->name, &bytes, error);
	if (rc == 0 && (change->removes || change->rewinds))
		rc = consumers_put_checkpoints(change, &row, batch, error);
	if (rc == 0 && change->removes)
		return skafu__consumer_row_delete(batch, change->name, error);
	row.generation = change->rewinds ? ((row.generation >> 32) + 1) << 32 : row.generation + 1;
	if (change->state != 0) {
		row.state = change->state;
		row.halt_sequence = 0;
		row.halt_code = 0;
		row.message[0] = '\0';
	}
	return rc ? rc : skafu__consumer_row_put(batch, change->name, &row, error);
}

static int32_t consumers_try(const struct consumers_change *change, skafu_error *error)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu__model_take_batch(change->model, &batch, error);
	if (rc == 0)
		rc = consumers_fill_batch(change, batch, error);
	if (rc == 0)
		rc = skafu_append(change->model->store, batch, SKAFU__RUN_WAIT_NS, NULL, error);
	skafu__model_give_batch(change->model, batch);
	return rc;
}

static int32_t consumers_change(const struct consumers_change *change, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = SKAFU_EROW;
	for (uint32_t i = 0; rc == SKAFU_EROW && i < CONSUMERS_ATTEMPTS_MAX; i++)
		rc = consumers_try(change, &own);
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	skafu__bell_wake_all(change->model->store);
	return 0;
}

static int32_t consumers_check(skafu_model *model, const char *name, skafu_error *error)
{
	int32_t rc = skafu__model_check(model, error);
	if (rc == 0 && (!name || strnlen(name, SKAFU__CONSUMER_NAME_BYTES_MAX + 1) > SKAFU__CONSUMER_NAME_BYTES_MAX ||
			!name[0]))
		rc = skafu__fail(error, SKAFU_EINVAL, "the name of the consumer is NULL, empty or too long");
	return rc;
}

int32_t skafu_consumer_pause(skafu_model *model, const char *name, skafu_error *error)
{
	struct consumers_change change = {.model = model, .name = name, .state = SKAFU_CONSUMER_PAUSED};
	int32_t rc = consumers_check(model, name, error);
	return rc ? rc : consumers_change(&change, error);
}

int32_t skafu_consumer_resume(skafu_model *model, const char *name, skafu_error *error)
{
	struct consumers_change change = {.model = model, .name = name, .state = SKAFU_CONSUMER_RUNNING};
	int32_t rc = consumers_check(model, name, error);
	return rc ? rc : consumers_change(&change, error);
}

int32_t skafu_consumer_rewind(skafu_model *model, const char *name, uint64_t sequence, skafu_error *error)
{
	struct consumers_change change = {.model = model, .name = name, .rewinds = 1, .sequence = sequence};
	uint64_t head = 0;
	int32_t rc = consumers_check(model, name, error);
	if (rc == 0)
		rc = skafu_store_head(model->store, &head, error);
	if (rc == 0 && sequence > head)
		rc = skafu__fail(error, SKAFU_EINVAL, "consumer %s cannot go to sequence %llu: the log ends at %llu",
				 name, (unsigned long long)sequence, (unsigned long long)head);
	return rc ? rc : consumers_change(&change, error);
}

int32_t skafu_consumer_remove(skafu_model *model, const char *name, skafu_error *error)
{
	struct consumers_change change = {.model = model, .name = name, .removes = 1};
	int64_t pid = 0;
	int32_t rc = consumers_check(model, name, error);
	if (rc == 0 && skafu__membership_count(model->store, name, &pid) != 0) {
		rc = skafu__fail(error, SKAFU_EBUSY, "process %lld serves consumer %s; close it there first",
				 (long long)pid, name);
		skafu__error_set_pid(error, pid);
	}
	return rc ? rc : consumers_change(&change, error);
}
