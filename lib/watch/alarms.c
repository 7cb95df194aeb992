/*
 * alarms.c: alarms as the host sees them: definitions, and the list of how they stand.
 */
#include "skafu_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "watch/alarm.h"
#include "watch/watch.h"

#define ALARMS_TEXT_BYTES_MAX (1024u * 1024 * 1024)

int32_t skafu_alarm_add(skafu_watch *watch, const skafu_alarm_def *def, skafu_error *error)
{
	skafu_alarm_def known;
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0 && !def)
		rc = skafu__fail(error, SKAFU_EINVAL, "the definition of the alarm is NULL");
	if (rc == 0)
		rc = skafu__opts_read(&known, sizeof known, def, "skafu_alarm_def", error);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&watch->lock);
	rc = skafu__alarms_add(&watch->alarms, &known, error);
	pthread_mutex_unlock(&watch->lock);
	return rc;
}

int32_t skafu_alarm_remove(skafu_watch *watch, const char *name, skafu_error *error)
{
	int32_t rc = skafu__watch_check(watch, error);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&watch->lock);
	rc = skafu__alarms_remove(&watch->alarms, name, error);
	pthread_mutex_unlock(&watch->lock);
	return rc;
}

int32_t skafu_alarm_add_defaults(skafu_watch *watch, skafu_error *error)
{
	int32_t rc = skafu__watch_check(watch, error);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&watch->lock);
	rc = skafu__alarms_add_defaults(&watch->alarms, error);
	pthread_mutex_unlock(&watch->lock);
	return rc;
}

/* ---- the list ------------------------------------------------------------------------------------------------ */

struct skafu_alarm_list {
	struct skafu__sys sys;
	struct skafu__alarm_rows rows;
	size_t at;
};

static int alarms_compare(const void *a, const void *b)
{
	const skafu_alarm_info *left = &((const struct skafu__alarm_row *)a)->info;
	const skafu_alarm_info *right = &((const struct skafu__alarm_row *)b)->info;
	int order = strcmp(left->name, right->name);
	return order ? order : strcmp(left->labels, right->labels);
}

/* Offsets become addresses once the texts do not move any more. */
static void alarms_settle(skafu_alarm_list *list)
{
	struct skafu__alarm_row *rows = (struct skafu__alarm_row *)(void *)list->rows.rows.bytes;
	const char *texts = (const char *)list->rows.texts.bytes;
	size_t count = list->rows.rows.length / sizeof *rows;
	for (size_t i = 0; i < count; i++) {
		rows[i].info.name = texts + rows[i].name_at;
		rows[i].info.labels = texts + rows[i].labels_at;
		rows[i].info.message = texts + rows[i].message_at;
	}
	if (count > 1)
		qsort(rows, count, sizeof *rows, alarms_compare);
}

int32_t skafu_alarm_list_open(skafu_watch *watch, uint32_t raised_only, skafu_alarm_list **out_list,
			      skafu_error *error)
{
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0 && !out_list)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_list is NULL; give a place for the list");
	if (rc != 0)
		return rc;
	skafu_alarm_list *list = skafu__alloc_zeroed(&watch->sys, 1, sizeof *list);
	if (!list)
		return skafu__fail_memory(error);
	list->sys = watch->sys;
	skafu__buf_init(&list->rows.rows, &list->sys, ALARMS_TEXT_BYTES_MAX);
	skafu__buf_init(&list->rows.texts, &list->sys, ALARMS_TEXT_BYTES_MAX);
	pthread_mutex_lock(&watch->lock);
	skafu__alarms_copy(&watch->alarms, raised_only != 0, &list->rows);
	pthread_mutex_unlock(&watch->lock);
	if (list->rows.rows.failed || list->rows.texts.failed) {
		skafu_alarm_list_free(list);
		return skafu__fail_memory(error);
	}
	alarms_settle(list);
	*out_list = list;
	return 0;
}

int32_t skafu_alarm_list_next(skafu_alarm_list *list, const skafu_alarm_info **out_alarm, skafu_error *error)
{
	if (!list || !out_alarm)
		return skafu__fail(error, SKAFU_EINVAL, "the list or the place for the alarm is NULL; give both");
	const struct skafu__alarm_row *rows = (const struct skafu__alarm_row *)(const void *)list->rows.rows.bytes;
	if (list->at == list->rows.rows.length / sizeof *rows)
		return 0;
	*out_alarm = &rows[list->at++].info;
	return 1;
}

void skafu_alarm_list_free(skafu_alarm_list *list)
{
	if (!list)
		return;
	struct skafu__sys sys = list->sys;
	skafu__buf_done(&list->rows.rows);
	skafu__buf_done(&list->rows.texts);
	skafu__free(&sys, list);
}
