/*
 * streams.c: the streams of a store by the prefix of their names.
 *
 * A stream is in the list when readers see an event of it.  The list gathers the names that begin with the prefix in
 * short views, and sorts them.  The memory is bounded; a longer prefix needs less.
 *
 * Where nothing is hidden each stream has its event of version 1, which is found in the index: the first posting of a
 * list shows its version, so the cost grows with the number of streams and not with that of events.  A store that has
 * hidden something walks the log and takes each name at the first event that is to be seen, whichever version that
 * is: what a salvage lost may be the very version that the stream was truncated before.
 */
#include "skafu_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "store/hidden.h"
#include "store/index.h"
#include "store/manifest_set.h"
#include "store/store.h"

#define STREAMS_BYTES_MAX (UINT64_C(64) << 20)

struct streams_place {
	uint32_t at;
	uint32_t length;
};

struct skafu_stream_list {
	skafu_store *store;
	struct skafu__buf names; /* each with its NUL */
	struct skafu__map known; /* the same, while the log is walked */
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

static int streams_has_prefix(const struct skafu__record *record, const char *prefix)
{
	size_t length = strlen(prefix);
	return record->kind == SKAFU_KIND_EVENT && record->stream_length >= length &&
	       memcmp(record->stream, prefix, length) == 0;
}

/* 1 when the list has to take the stream of this event. */
static int32_t streams_is_wanted(struct skafu_stream_list *list, struct skafu__view *view,
				 const struct skafu__record *record, skafu_error *error)
{
	struct skafu__hidden_mark mark;
	if (!skafu__hidden_is_in_use(view->store))
		return record->stream_version == 1;
	if (skafu__map_find(&list->known, record->stream, record->stream_length))
		return 0;
	int32_t rc = skafu__hidden_stream(view, record->stream, record->stream_length, &mark, error);
	if (rc != 0 || record->stream_version < mark.before)
		return rc;
	rc = skafu__map_insert(&list->known, record->stream, record->stream_length, 0);
	return rc < 0 ? rc : 1;
}

/* The list takes the stream of the record at a sequence when that record shows that it has to. */
static int32_t streams_look_at(struct skafu_stream_list *list, struct skafu__view *view, const char *prefix,
			       uint64_t sequence, skafu_error *error)
{
	struct skafu__record record;
	int32_t rc = skafu__view_record(view, sequence, &record, error);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc == 0 && streams_has_prefix(&record, prefix))
		rc = streams_is_wanted(list, view, &record, error);
	if (rc == 1)
		rc = streams_take(list, &record);
	if (rc == SKAFU_ELIMIT)
		return skafu__fail(error, rc, "the names take more than %llu bytes; use a longer prefix",
				   (unsigned long long)STREAMS_BYTES_MAX);
	return rc == SKAFU_ENOMEM ? skafu__fail_memory(error) : rc;
}

/* ---- by the log ---------------------------------------------------------------------------------------------- */

/* Look at sequences from *at on, for as long as a view may live. */
static int32_t streams_gather(struct skafu_stream_list *list, struct skafu__view *view, const char *prefix,
			      uint64_t *at, skafu_error *error)
{
	int64_t until = list->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
	for (; *at <= list->head; ++*at) {
		int32_t rc = streams_look_at(list, view, prefix, *at, error);
		if (rc != 0)
			return rc;
		if (*at % 1024 == 0 && list->store->sys.monotonic_ns() > until) {
			++*at;
			return 0;
		}
	}
	return 0;
}

/* ---- by the index -------------------------------------------------------------------------------------------- */

/* Where the search is: sequences before `at` are done, and of those up to `until`, which is 0 when it rests between
 * two runs, the keys below `key`.  It is not bound to a run, which may have been merged before the next view. */
struct streams_search {
	struct skafu_stream_list *list;
	struct skafu__view *view;
	const char *prefix;
	uint64_t at;
	uint64_t until;
	uint64_t key;
	int64_t deadline;
};

static int streams_is_late(const struct streams_search *search)
{
	return search->list->store->sys.monotonic_ns() > search->deadline;
}

/* The postings of version 1 in one list.  Several, where the names of two streams have one hash. */
static int32_t streams_search_list(struct streams_search *search, struct skafu__segment_cursor *cursor,
				   uint64_t until, skafu_error *error)
{
	int32_t rc = 1;
	while (rc == 1) {
		uint64_t position = skafu__segment_cursor_position(cursor);
		int is_first = skafu__segment_cursor_extra(cursor) == 1;
		if (!is_first && cursor->table && cursor->ascending)
			return 0;
		rc = 0;
		if (is_first && position >= search->at && position <= until && position <= search->list->head)
			rc = streams_look_at(search->list, search->view, search->prefix, position, error);
		if (rc == 0)
			rc = skafu__segment_cursor_next(cursor, error);
	}
	return rc;
}

static int32_t streams_search_segment(struct streams_search *search, const struct skafu__segment *segment,
				      uint64_t until, skafu_error *error)
{
	int32_t rc = 0;
	for (uint32_t i = skafu__segment_lower_bound(segment, search->key); rc == 0 && i < segment->key_count; i++) {
		struct skafu__segment_cursor cursor;
		rc = skafu__segment_list(segment, i, &cursor, error);
		rc = rc < 0 ? rc : streams_search_list(search, &cursor, until, error);
	}
	return rc;
}

/* To the end of a run, or as far as time allows.  A key whose list goes on in the next segment is looked at twice. */
static int32_t streams_search_run(struct streams_search *search, struct skafu__run *run, skafu_error *error)
{
	uint64_t until = search->until != 0 ? search->until : run->info.last_sequence;
	uint32_t begin = 0;
	uint32_t end;
	skafu__manifest_run_find(run->parts, search->key, 0, &begin, &end);
	for (uint32_t i = begin; i < run->info.segment_count; i++) {
		struct skafu__segment segment;
		const skafu_store *store = search->list->store;
		int32_t rc = skafu__run_segment(store, search->view->txn, run, i, &segment, error);
		if (rc == 0)
			rc = streams_search_segment(search, &segment, until, error);
		if (rc != 0)
			return rc;
		search->until = until;
		search->key = segment.last_key;
		if (i + 1 < run->info.segment_count && streams_is_late(search))
			return 0;
	}
	search->at = until + 1;
	search->until = 0;
	search->key = 0;
	return 0;
}

static int32_t streams_search_tail(struct streams_search *search, skafu_error *error)
{
	const struct skafu__entry *entry;
	const struct skafu__overlay *overlay = &search->list->store->overlay;
	size_t count = skafu__overlay_slice(overlay, SKAFU__DIM_STREAM, search->at, search->list->head, &entry);
	for (; count > 0; count--, entry++) {
		int32_t rc = 0;
		search->at = entry->position;
		if (entry->extra == 1)
			rc = streams_look_at(search->list, search->view, search->prefix, entry->position, error);
		if (rc != 0 || (count % 64 == 0 && streams_is_late(search)))
			return rc;
	}
	search->at = search->list->head + 1;
	return 0;
}

/* The run that holds `at`, or the first one behind it; NULL when all that is left is in the tail. */
static struct skafu__run *streams_next_run(const struct streams_search *search)
{
	const struct skafu__manifest_set *set = search->list->store->manifest;
	for (uint32_t i = set->begin[SKAFU__DIM_STREAM]; i < set->begin[SKAFU__DIM_STREAM + 1]; i++)
		if (set->runs[i]->info.last_sequence >= search->at)
			return set->runs[i];
	return NULL;
}

static int32_t streams_search(struct streams_search *search, skafu_error *error)
{
	int32_t rc = 0;
	search->deadline = search->list->store->sys.monotonic_ns() + SKAFU__VIEW_BUDGET_NS / 2;
	do {
		struct skafu__run *run = streams_next_run(search);
		rc = run ? streams_search_run(search, run, error) : streams_search_tail(search, error);
	} while (rc == 0 && search->at <= search->list->head && !streams_is_late(search));
	return rc;
}

/* ---- the list ------------------------------------------------------------------------------------------------ */

static int streams_order(const void *a, const void *b, void *user)
{
	const char *names = user;
	const struct streams_place *x = a;
	const struct streams_place *y = b;
	return strcmp(names + x->at, names + y->at);
}

static void streams_sort(struct skafu_stream_list *list)
{
	size_t kept = 0;
	if (list->count == 0)
		return;
	qsort_r(list->places, list->count, sizeof *list->places, streams_order, list->names.bytes);
	for (size_t i = 1; i < list->count; i++)
		if (streams_order(&list->places[kept], &list->places[i], list->names.bytes) != 0)
			list->places[++kept] = list->places[i];
	list->count = kept + 1;
}

static int32_t streams_fill(struct skafu_stream_list *list, const char *prefix, skafu_error *error)
{
	struct streams_search search = {.list = list, .prefix = prefix, .at = 1};
	int32_t rc = skafu_store_head(list->store, &list->head, error);
	while (rc == 0 && search.at <= list->head) {
		struct skafu__view view;
		rc = skafu__view_open(list->store, &view, error);
		if (rc != 0)
			return rc;
		search.view = &view;
		if (skafu__hidden_is_in_use(list->store))
			rc = streams_gather(list, &view, prefix, &search.at, error);
		else
			rc = streams_search(&search, error);
		skafu__view_close(&view);
	}
	skafu__map_done(&list->known);
	if (rc == 0)
		streams_sort(list);
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
	skafu__map_init(&list->known, &store->sys, SIZE_MAX / 2, skafu__load_u64(store->format.hash_key));
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
	skafu__map_done(&list->known);
	skafu__free(&store->sys, list->places);
	skafu__free(&store->sys, list);
	skafu__store_release(store);
}
