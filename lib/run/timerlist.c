#include "skafu_run.h"

#include <string.h>

#include "base/error.h"
#include "run/timerrow.h"
#include "store/rowpages.h"
#include "store/store.h"

#define TIMERLIST_PAGE 256u

struct skafu_timer_list {
	skafu_store *store;
	uint64_t limit; /* entries that may still come */
	struct skafu__rowpages pages;
	struct skafu__timer timer;
	skafu_timer_info info;
};

int32_t skafu_timer_list_open(skafu_store *store, int64_t before_ns, uint64_t limit, skafu_timer_list **out_list,
			      skafu_error *error)
{
	static const uint8_t no_id[16] = {0};
	uint8_t to[SKAFU__TIMER_KEY_BYTES];
	int32_t rc = skafu__store_check(store, error);
	if (rc != 0)
		return rc;
	if (!out_list)
		return skafu__fail(error, SKAFU_EINVAL, "out_list is NULL; give a place for the list");
	skafu_timer_list *list = skafu__alloc_zeroed(&store->sys, 1, sizeof *list);
	if (!list)
		return skafu__fail_memory(error);
	list->store = store;
	list->limit = limit;
	skafu__rowpages_init(&list->pages, store, skafu__timer_table, TIMERLIST_PAGE);
	skafu__timer_key_encode(before_ns, no_id, to);
	if (before_ns != INT64_MAX)
		skafu__rowpages_bound(&list->pages, NULL, 0, to, sizeof to);
	skafu__store_hold(store);
	*out_list = list;
	return 0;
}

void skafu_timer_list_free(skafu_timer_list *list)
{
	if (!list)
		return;
	skafu_store *store = list->store;
	skafu__rowpages_done(&list->pages);
	skafu__free(&store->sys, list);
	skafu__store_release(store);
}

/* A row that its name does not lead to is left over from an earlier setting. */
static int32_t timerlist_is_set(skafu_timer_list *list, const skafu_row *row, int64_t *out_due_ns, skafu_error *error)
{
	struct skafu__timer_setting setting = {0};
	struct skafu_error own = {0};
	uint8_t id[16];
	void *value = NULL;
	size_t length = 0;
	if (!skafu__timer_key_decode(row->key, row->key_length, out_due_ns, id) ||
	    !skafu__timer_decode(row->value, row->value_length, &list->timer))
		return skafu__fail(error, SKAFU_EDAMAGED, "the row of a timer is damaged; verify the store");
	int32_t rc = skafu_row_get(list->store, skafu__timer_name_table, id, sizeof id, &value, &length, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	int is_set = skafu__timer_setting_decode(value, length, &setting) && setting.due_ns == *out_due_ns &&
		     memcmp(setting.record_id, list->timer.record.id, 16) == 0;
	skafu_bytes_free(value);
	return is_set;
}

static void timerlist_lend(skafu_timer_list *list, int64_t due_ns, const skafu_timer_info **out)
{
	list->info = (skafu_timer_info){.size = sizeof list->info, .due_ns = due_ns,
					.owner = list->timer.name.owner, .instance = list->timer.name.instance,
					.name = list->timer.name.name, .type = list->timer.record.type};
	*out = &list->info;
	list->limit -= list->limit != SKAFU_NO_LIMIT;
}

int32_t skafu_timer_list_next(skafu_timer_list *list, const skafu_timer_info **out_info, skafu_error *error)
{
	if (!list || !out_info)
		return skafu__fail(error, SKAFU_EINVAL, "the list or out_info is NULL");
	int32_t rc = skafu__store_check(list->store, error);
	if (rc != 0)
		return rc;
	while (list->limit != 0) {
		const skafu_row *row;
		int64_t due_ns = 0;
		rc = skafu__rowpages_next(&list->pages, &row, error);
		if (rc != 1)
			return rc;
		rc = timerlist_is_set(list, row, &due_ns, error);
		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		timerlist_lend(list, due_ns, out_info);
		return 1;
	}
	return 0;
}
