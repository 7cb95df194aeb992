#include "skafu_run.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "run/instance.h"
#include "run/timer.h"
#include "store/rowpages.h"
#include "store/store.h"

#define PROCESSLIST_PAGE 64u
#define PROCESSLIST_STATES ((2u << SKAFU_PROCESS_ASIDE) - 2)

struct skafu_process_list {
	skafu_store *store;
	uint64_t limit; /* entries that may still come */
	uint32_t states;
	struct skafu__rowpages pages;
	char name[SKAFU__PROCESS_NAME_BYTES_MAX + 1];
	struct skafu__instance instance;
	skafu_process_info info;
};

/* ---- life ---------------------------------------------------------------------------------------------------- */

static int32_t processlist_check(skafu_store *store, const char *name, uint32_t states,
				 skafu_process_list *const *out_list, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && name)
		rc = skafu__name_measure(name, SKAFU__PROCESS_NAME_BYTES_MAX, "process", &length, error);
	if (rc == 0 && (states & ~PROCESSLIST_STATES) != 0)
		rc = skafu__fail(error, SKAFU_EINVAL, "states is 0x%x, which has bits that are no 1 << "
				 "SKAFU_PROCESS_", states);
	if (rc == 0 && !out_list)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_list is NULL; give a place for the list");
	return rc;
}

/* From name NUL to name 1. */
static void processlist_bound(skafu_process_list *list, const char *name)
{
	char to[SKAFU__PROCESS_NAME_BYTES_MAX + 1];
	size_t length = strlen(name) + 1;
	memcpy(to, name, length);
	to[length - 1] = 1;
	skafu__rowpages_bound(&list->pages, name, length, to, length);
}

int32_t skafu_process_list_open(skafu_store *store, const char *name, uint32_t states, uint64_t limit,
				skafu_process_list **out_list, skafu_error *error)
{
	int32_t rc = processlist_check(store, name, states, out_list, error);
	if (rc != 0)
		return rc;
	skafu_process_list *list = skafu__alloc_zeroed(&store->sys, 1, sizeof *list);
	if (!list)
		return skafu__fail_memory(error);
	list->store = store;
	list->limit = limit;
	list->states = states ? states : PROCESSLIST_STATES;
	skafu__instance_init(&list->instance, &store->sys);
	skafu__rowpages_init(&list->pages, store, skafu__process_table, PROCESSLIST_PAGE);
	if (name)
		processlist_bound(list, name);
	skafu__store_hold(store);
	*out_list = list;
	return 0;
}

void skafu_process_list_free(skafu_process_list *list)
{
	if (!list)
		return;
	skafu_store *store = list->store;
	skafu__rowpages_done(&list->pages);
	skafu__instance_done(&list->instance);
	skafu__free(&store->sys, list);
	skafu__store_release(store);
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static int32_t processlist_read(skafu_process_list *list, const skafu_row *row, skafu_error *error)
{
	const uint8_t *nul = memchr(row->key, 0, row->key_length);
	size_t name_length = nul ? (size_t)(nul - row->key) : 0;
	size_t instance_length = nul ? row->key_length - name_length - 1 : 0;
	if (name_length == 0 || name_length > SKAFU__PROCESS_NAME_BYTES_MAX || instance_length == 0 ||
	    instance_length > SKAFU__INSTANCE_NAME_BYTES_MAX)
		return skafu__fail(error, SKAFU_EDAMAGED, "the key of a process instance is damaged; verify the "
				   "store");
	char instance[SKAFU__INSTANCE_NAME_BYTES_MAX + 1];
	memcpy(list->name, row->key, name_length + 1);
	memcpy(instance, nul + 1, instance_length);
	instance[instance_length] = '\0';
	skafu__instance_reset(&list->instance, instance);
	return skafu__instance_decode(row->value, row->value_length, &list->instance, error);
}

/* The earliest timer that has not fired meanwhile. */
static int32_t processlist_next_timer(skafu_process_list *list, int64_t *out_ns, skafu_error *error)
{
	const struct skafu__instance *instance = &list->instance;
	*out_ns = 0;
	for (uint32_t i = 0; i < instance->timer_count; i++) {
		const struct skafu__instance_timer *timer = &instance->timers[i];
		struct skafu__timer_setting now;
		if (*out_ns != 0 && timer->setting.due_ns >= *out_ns)
			continue;
		int32_t rc = skafu__timer_find(list->store, NULL, NULL, timer->id, &now, error);
		if (rc < 0)
			return rc;
		if (rc == 1 && memcmp(now.record_id, timer->setting.record_id, 16) == 0)
			*out_ns = timer->setting.due_ns;
	}
	return 0;
}

static int32_t processlist_lend(skafu_process_list *list, const skafu_process_info **out, skafu_error *error)
{
	const struct skafu__instance *instance = &list->instance;
	list->info = (skafu_process_info){
		.size = sizeof list->info, .state = instance->state, .version = instance->version,
		.steps = instance->steps, .first_sequence = instance->first_sequence,
		.last_sequence = instance->last_sequence, .name = list->name, .instance = instance->name,
		.correlation = instance->correlation, .code = instance->code, .message = instance->message};
	int32_t rc = processlist_next_timer(list, &list->info.next_timer_ns, error);
	if (rc != 0)
		return rc;
	*out = &list->info;
	list->limit -= list->limit != SKAFU_NO_LIMIT;
	return 1;
}

int32_t skafu_process_list_next(skafu_process_list *list, const skafu_process_info **out_info, skafu_error *error)
{
	if (!list || !out_info)
		return skafu__fail(error, SKAFU_EINVAL, "the list or out_info is NULL");
	int32_t rc = skafu__store_check(list->store, error);
	if (rc != 0)
		return rc;
	while (list->limit != 0) {
		const skafu_row *row;
		rc = skafu__rowpages_next(&list->pages, &row, error);
		if (rc != 1)
			return rc;
		rc = processlist_read(list, row, error);
		if (rc != 0)
			return rc;
		if (list->states & (1u << list->instance.state))
			return processlist_lend(list, out_info, error);
	}
	return 0;
}
