/*
 * streams.c: the streams of a store by the prefix of their names.
 *
 * A stream begins with its event of version 1, or with the version that it was truncated before, and those events are
 * what the list is made of: it walks the log in short views, gathers the names that begin with the prefix, and sorts
 * them.  The memory is bounded; a longer prefix needs less.
 */
#include "skafu_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "store/hidden.h"
#include "store/index.h"
#include "store/store.h"

#define STREAMS_BYTES_MAX (UINT64_C(64) << 20)

struct streams_place {
	uint32_t at;
	uint32_t length;
};

struct skafu_stream_list {
	skafu_store *store;
	struct skafu__buf names; /* each with its NUL */
	struct streams_place *places;
	size_t count;
	size_t room;
	size_t next;
	uint64_t left;
	uint64_t head;
	struct skafu_stream_info info; /* lent */
};

static int32_t streams_take(struct skafu_stream_list *list, const struct skafu__record *record)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		void *grown = skafu__realloc_array(&list->store->sys, list->places, room, sizeof *list->places);
		if (!grown)
			return SKAFU_ENOMEM;
		list->places = grown;
		list->room = room;
	}
	struct streams_place place = {(uint32_t)list->names.length, record->stream_length};
	int32_t rc = skafu__buf_put(&list->names, record->stream, record->stream_length + 1u);
	if (rc == 0)
		list->places[list->count++] = place;
	return rc;
}

/* 1 when a stream of the list begins with this event. */
static int32_t streams_begins_one(struct skafu__view *view, const struct skafu__record *record, const char *prefix,
				  size_t length, skafu_error *error)
{
	struct skafu__hidden_mark mark;
	if (record->kind != SKAFU_KIND_EVENT || record->stream_length < length ||
	    memcmp(record->stream, prefix, length) != 0)
		return 0;
	if (!skafu__hidden_is_in_use(view->store))
		return record->stream_version == 1;
	int32_t rc = skafu__hidden_stream(view, record->stream, record->stream_length, &mark, error);
	return rc ? rc : record->stream_version == (mark.before > 1 ? mark.before : 1);
}

/* Look at sequences from *at on, for as long as a view may live. */
static int32_t streams_gather(struct skafu_stream_list *list, struct skafu__view *view, const char *prefix,
			      uint64_t *at, skafu_error *error)
{
	size_t length = strlen(prefix);
	int64_t until = list->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
	for (; *at <= list->head; ++*at) {
		struct skafu__record record;
		int32_t rc = skafu__view_record(view, *at, &record, error);
		if (rc == 0)
			rc = streams_begins_one(view, &record, prefix, length, error);
		if (rc == 1)
			rc = streams_take(list, &record);
		if (rc == SKAFU_ELIMIT)
			return skafu__fail(error, rc, "the names take more than %llu bytes; use a longer prefix",
					   (unsigned long long)STREAMS_BYTES_MAX);
		if (rc == SKAFU_ENOMEM)
			return skafu__fail_memory(error);
		if (rc != 0 && rc != SKAFU_ENOTFOUND)
			return rc;
		if (*at % 1024 == 0 && list->store->sys.monotonic_ns() > until) {
			++*at;
			return 0;
		}
	}
	return 0;
}

static int streams_order(const void *a, const void *b, void *user)
{
	const char *names = user;
	const struct streams_place *x = a;
	const struct streams_place *y = b;
	return strcmp(names + x->at, names + y->at);
}

static int32_t streams_fill(struct skafu_stream_list *list, const char *prefix, skafu_error *error)
{
	uint64_t at = 1;
	int32_t rc = skafu_store_head(list->store, &list->head, error);
	while (rc == 0 && at <= list->head) {
		struct skafu__view view;
		rc = skafu__view_open(list->store, &view, error);
		if (rc != 0)
			return rc;
		rc = streams_gather(list, &view, prefix, &at, error);
		skafu__view_close(&view);
	}
	if (rc == 0 && list->count != 0)
		qsort_r(list->places, list->count, sizeof *list->places, streams_order, list->names.bytes);
	return rc;
}

static int32_t streams_check(skafu_store *store, const char *prefix, skafu_stream_list **out_list,
			     skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && (!prefix || !out_list))
		rc = skafu__fail(error, SKAFU_EINVAL, "prefix or out_list is NULL; \"\" lists all streams");
	if (rc == 0 && *prefix)
		rc = skafu__name_measure(prefix, 255, "prefix", &length, error);
	return rc;
}

int32_t skafu_stream_list_open(skafu_store *store, const char *prefix, uint64_t limit, skafu_stream_list **out_list,
			       skafu_error *error)
{
	int32_t rc = streams_check(store, prefix, out_list, error);
	if (rc != 0)
		return rc;
	skafu_stream_list *list = skafu__alloc_zeroed(&store->sys, 1, sizeof *list);
	if (!list)
		return skafu__fail_memory(error);
	list->store = store;
	list->left = limit;
	skafu__buf_init(&list->names, &store->sys, STREAMS_BYTES_MAX);
	skafu__store_hold(store);
	rc = limit == 0 ? 0 : streams_fill(list, prefix, error);
	if (rc != 0) {
		skafu_stream_list_free(list);
		return rc;
	}
	*out_list = list;
	return 0;
}

static int32_t streams_describe(struct skafu_stream_list *list, struct skafu__view *view, skafu_error *error)
{
	const struct streams_place *place = &list->places[list->next];
	struct skafu_stream_info info = {.size = sizeof info};
	struct skafu__record record;
	info.name = (const char *)list->names.bytes + place->at;
	int32_t rc =
		skafu__index_stream_head(view, info.name, place->length, &info.version, &info.last_sequence, error);
	if (rc == 0)
		rc = skafu__view_record(view, info.last_sequence, &record, error);
	if (rc != 0)
		return rc;
	info.last_recorded_ns = view->current.recorded_ns;
	list->info = info;
	return 0;
}

int32_t skafu_stream_list_next(skafu_stream_list *list, const skafu_stream_info **out_info, skafu_error *error)
{
	struct skafu__view view;
	if (!list || !out_info)
		return skafu__fail(error, SKAFU_EINVAL, "list or out_info is NULL");
	int32_t rc = skafu__store_check(list->store, error);
	if (rc != 0 || list->next == list->count || list->left == 0)
		return rc;
	rc = skafu__view_open(list->store, &view, error);
	if (rc != 0)
		return rc;
	rc = streams_describe(list, &view, error);
	skafu__view_close(&view);
	if (rc != 0)
		return rc;
	list->next++;
	list->left--;
	*out_info = &list->info;
	return 1;
}

void skafu_stream_list_free(skafu_stream_list *list)
{
	if (!list)
		return;
	skafu_store *store = list->store;
	skafu__buf_done(&list->names);
	skafu__free(&store->sys, list->places);
	skafu__free(&store->sys, list);
	skafu__store_release(store);
}
