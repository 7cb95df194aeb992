/*
 * cursor.c: reading: a plan of where candidates come from, and blocks of records copied out of short views.
 *
 * Between two calls a cursor holds no snapshot: it remembers where it is and the head that it was opened at, and
 * since the log only grows, a later view bounded by that head shows the same records.  Each fill copies records up
 * to a bound in bytes and time; a failing fill leaves the cursor where it was.
 *
 * Invariant: every record that leaves the library had its checksum checked and its full names compared.
 */
#include "store/cursor.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "store/hidden.h"
#include "store/index.h"
#include "store/query.h"
#include "store/recordview.h"
#include "store/select.h"
#include "store/store.h"

#define CURSOR_BLOCK_RECORDS 128
#define CURSOR_AHEAD 16 /* records that are fetched at once: memory answers one by one much later */
#define CURSOR_BLOCK_BYTES (56u << 10) /* so that malloc takes it from its heap, and a cursor is cheap to open */
#define CURSOR_BLOCK_BYTES_MAX (64u << 20) /* one record may be large */
#define CURSOR_READ_FLAGS (SKAFU_READ_BACKWARD | SKAFU_READ_RECORDED_FROM | SKAFU_READ_RECORDED_TO)

enum cursor_filter { CURSOR_ANY, CURSOR_QUERY, CURSOR_STREAM, CURSOR_CORRELATION, CURSOR_DOMAIN };

struct skafu_cursor {
	skafu_store *store;
	struct skafu__select select;
	skafu_query *query;
	char *name; /* of the stream, correlation or domain */
	enum cursor_filter filter;
	uint32_t kinds;
	uint32_t domain;
	int by_scan; /* every sequence in order: no candidates are needed */
	int backward;
	int ended;
	uint64_t head;
	uint64_t at; /* by_scan: next sequence to look at */
	uint64_t last;
	uint64_t version_from; /* of a stream */
	uint64_t version_to;
	uint64_t left; /* of the limit */
	uint64_t ahead[CURSOR_AHEAD]; /* candidates that were not looked at yet, did not fit, or failed */
	uint32_t ahead_at;
	uint32_t ahead_count;
	struct skafu__buf bytes;
	struct skafu_record *records;
	const struct skafu_record *
		*pointers; /* to them, for batches: hosts that know a smaller struct step by these */
	uint32_t count; /* of the block */
	uint32_t next;
	struct skafu__cursor_lens lens; /* look NULL: none */
	const skafu_record *const *shown; /* of the stored record before `next`, when there is a lens */
	uint32_t shown_count;
	uint32_t shown_next;
};

/* ---- which records ------------------------------------------------------------------------------------------- */

/* Types of events and commands belong to a domain; errors and outcomes are of the domain that emitted them. */
static int cursor_is_of_domain(const struct skafu_cursor *cursor, const struct skafu__record *record)
{
	if (skafu__type_set(record->kind) != SKAFU__NAME_TYPE)
		return record->source == cursor->domain;
	return skafu__names_owner(&cursor->store->names, SKAFU__NAME_TYPE, record->type) == cursor->domain;
}

static int cursor_wants(const struct skafu_cursor *cursor, const struct skafu__record *record)
{
	if (!(cursor->kinds & (1u << record->kind)))
		return 0;
	switch (cursor->filter) {
	case CURSOR_ANY:
		return 1;
	case CURSOR_QUERY:
		return skafu__query_match(cursor->query, record, &cursor->store->names) != 0;
	case CURSOR_STREAM:
		return strcmp(record->stream, cursor->name) == 0;
	case CURSOR_CORRELATION:
		return strcmp(record->correlation, cursor->name) == 0;
	case CURSOR_DOMAIN:
		return cursor_is_of_domain(cursor, record);
	}
	return 0;
}

/* The next sequence to look at: 1, or 0 at the end. */
static int32_t cursor_candidate(struct skafu_cursor *cursor, struct skafu__view *view, uint64_t *out,
				skafu_error *error)
{
	if (!cursor->by_scan)
		return skafu__select_next(&cursor->select, view, out, error);
	if (cursor->at == 0 || (cursor->backward ? cursor->at < cursor->last : cursor->at > cursor->last))
		return 0;
	*out = cursor->at;
	cursor->at = cursor->backward ? cursor->at - 1 : cursor->at + 1;
	return 1;
}

/* ---- blocks -------------------------------------------------------------------------------------------------- */

/* Keep the record whose bytes lie at the end of the block.  1 or a failure. */
static int32_t cursor_take(struct skafu_cursor *cursor, const struct skafu__view_place *place,
			   const struct skafu__record *record, skafu_error *error)
{
	struct skafu_record *out = &cursor->records[cursor->count];
	int32_t rc = skafu__recordview_fill(out, record, &cursor->store->names, error);
	if (rc != 0)
		return rc;
	skafu__buf_commit(&cursor->bytes, place->size);
	cursor->count++;
	out->sequence = place->sequence;
	out->commit = place->commit;
	out->recorded_ns = place->recorded_ns;
	return 1;
}

/* One candidate, read into the block at once, since nearly all are wanted: 1 go on, 0 the block is full. */
static int32_t cursor_look_at(struct skafu_cursor *cursor, struct skafu__view *view,
			      const struct skafu__view_place *place, skafu_error *error)
{
	struct skafu__record record;
	if (cursor->count != 0 && cursor->bytes.length + place->size > CURSOR_BLOCK_BYTES)
		return 0;
	if (cursor->by_scan)
		skafu__view_fetch_beside(place, cursor->backward);
	uint8_t *copy = skafu__buf_reserve(&cursor->bytes, place->size);
	if (!copy)
		return skafu__fail_memory(error);
	int32_t rc = skafu__hidden_read_copy(view, place, copy, &record, error);
	if (rc == SKAFU_ENOTFOUND)
		return 1;
	if (rc == 0 && !cursor_wants(cursor, &record))
		return 1;
	return rc ? rc : cursor_take(cursor, place, &record, error);
}

/* Have candidates ahead, not many more than can be taken: 1, or 0 when there are none any more. */
static int32_t cursor_look_ahead(struct skafu_cursor *cursor, struct skafu__view *view, skafu_error *error)
{
	uint64_t wanted = CURSOR_BLOCK_RECORDS - cursor->count;
	int32_t rc = 1;
	if (cursor->ahead_at < cursor->ahead_count)
		return 1;
	if (wanted > cursor->left - cursor->count)
		wanted = cursor->left - cursor->count;
	if (wanted > CURSOR_AHEAD)
		wanted = CURSOR_AHEAD;
	cursor->ahead_at = 0;
	cursor->ahead_count = 0;
	while (rc == 1 && cursor->ahead_count < wanted) {
		rc = cursor_candidate(cursor, view, &cursor->ahead[cursor->ahead_count], error);
		cursor->ahead_count += rc == 1;
	}
	/* A failure after some candidates comes up again when they are gone. */
	return cursor->ahead_count != 0 ? 1 : rc;
}

/* Look at the candidates ahead: 1 go on, 0 the block is full.  All are located before the first one is read. */
static int32_t cursor_take_ahead(struct skafu_cursor *cursor, struct skafu__view *view, skafu_error *error)
{
	struct skafu__view_place places[CURSOR_AHEAD];
	uint32_t end = cursor->ahead_at;
	int32_t rc = 1;
	for (; end < cursor->ahead_count; end++) {
		int32_t located = skafu__view_locate(view, cursor->ahead[end], &places[end], NULL);
		if (located == SKAFU_ENOTFOUND)
			places[end].bytes = NULL;
		else if (located != 0)
			break;
		else if (!cursor->by_scan)
			skafu__view_fetch(&places[end]);
	}
	for (; rc == 1 && cursor->ahead_at < end; cursor->ahead_at += rc == 1)
		if (places[cursor->ahead_at].bytes)
			rc = cursor_look_at(cursor, view, &places[cursor->ahead_at], error);
	if (rc == 1 && end < cursor->ahead_count) /* once more, to say what is wrong */
		rc = skafu__view_locate(view, cursor->ahead[end], &places[end], error);
	return rc;
}

static int32_t cursor_fill_from(struct skafu_cursor *cursor, struct skafu__view *view, skafu_error *error)
{
	const struct skafu__sys *sys = &cursor->store->sys;
	int64_t until = sys->monotonic_ns() + SKAFU__VIEW_BUDGET_NS;
	uint32_t rounds = 0;
	int32_t rc = 1;
	while (rc == 1 && cursor->count < CURSOR_BLOCK_RECORDS && cursor->count < cursor->left) {
		rc = cursor_look_ahead(cursor, view, error);
		if (rc == 0)
			cursor->ended = 1;
		if (rc == 1)
			rc = cursor_take_ahead(cursor, view, error);
		if (++rounds % (1024 / CURSOR_AHEAD) == 0 && sys->monotonic_ns() > until)
			break;
	}
	return rc;
}

/* Room for the largest block from the start, so that records never move while one is being filled. */
static int32_t cursor_make_room(struct skafu_cursor *cursor, skafu_error *error)
{
	if (cursor->records)
		return 0;
	const struct skafu__sys *sys = &cursor->store->sys;
	struct skafu_record *records = skafu__realloc_array(sys, NULL, CURSOR_BLOCK_RECORDS, sizeof *records);
	const struct skafu_record **pointers =
		skafu__realloc_array(sys, NULL, CURSOR_BLOCK_RECORDS, sizeof *pointers);
	if (!records || !pointers || !skafu__buf_reserve(&cursor->bytes, CURSOR_BLOCK_BYTES)) {
		skafu__free(sys, records);
		skafu__free(sys, pointers);
		skafu__buf_clear(&cursor->bytes);
		return skafu__fail_memory(error);
	}
	for (uint32_t i = 0; i < CURSOR_BLOCK_RECORDS; i++)
		pointers[i] = &records[i];
	cursor->records = records;
	cursor->pointers = pointers;
	return 0;
}

/* Fill the next block; returns only with records, at the end, or failing.  Failing gives the records before it. */
static int32_t cursor_fill(struct skafu_cursor *cursor, skafu_error *error)
{
	int32_t rc = cursor_make_room(cursor, error);
	cursor->next = 0;
	cursor->count = 0;
	skafu__buf_clear(&cursor->bytes);
	while (rc >= 0 && cursor->count == 0 && !cursor->ended) {
		struct skafu__view view;
		rc = skafu__view_open(cursor->store, &view, error);
		if (rc != 0)
			return rc;
		rc = cursor_fill_from(cursor, &view, error);
		skafu__view_close(&view);
	}
	if (rc < 0 && cursor->count == 0)
		return rc;
	cursor->left -= cursor->count;
	if (cursor->left == 0)
		cursor->ended = 1;
	return 0;
}

static int32_t cursor_ready(struct skafu_cursor *cursor, const void *out, skafu_error *error)
{
	if (!cursor || !out)
		return skafu__fail(error, SKAFU_EINVAL, "the cursor or the place for what it gives is NULL");
	int32_t rc = skafu__store_check(cursor->store, error);
	if (rc != 0)
		return rc;
	if (cursor->next == cursor->count && !cursor->ended)
		rc = cursor_fill(cursor, error);
	if (rc != 0)
		return rc;
	return cursor->next < cursor->count;
}

int32_t skafu__cursor_set_lens(skafu_cursor *cursor, const skafu_store *store, const struct skafu__cursor_lens *lens,
			       skafu_error *error)
{
	if (!cursor)
		return skafu__fail(error, SKAFU_EINVAL, "the cursor is NULL");
	if (cursor->store != store)
		return skafu__fail(error, SKAFU_EMISUSE, "the cursor reads another store than the model's");
	if (cursor->records || cursor->lens.look)
		return skafu__fail(error, SKAFU_EMISUSE, "the cursor was stepped, or shows records upcast already; "
				   "do it once, before the first step");
	cursor->lens = *lens;
	return 0;
}

/* Records as the lens shows them: 1, or 0 at the end.  A record on which the lens fails is looked at again. */
static int32_t cursor_ready_shown(struct skafu_cursor *cursor, const void *out, skafu_error *error)
{
	while (cursor->shown_next == cursor->shown_count) {
		int32_t rc = cursor_ready(cursor, out, error);
		if (rc != 1)
			return rc;
		rc = cursor->lens.look(cursor->lens.user, &cursor->records[cursor->next], &cursor->shown,
				       &cursor->shown_count, error);
		cursor->shown_next = 0;
		if (rc < 0) {
			cursor->shown_count = 0;
			return rc;
		}
		cursor->next++;
	}
	return out ? 1 : skafu__fail(error, SKAFU_EINVAL, "the place for what the cursor gives is NULL");
}

int32_t skafu_cursor_next(skafu_cursor *cursor, const skafu_record **out_record, skafu_error *error)
{
	int has_lens = cursor && cursor->lens.look;
	int32_t rc = has_lens ? cursor_ready_shown(cursor, out_record, error)
			      : cursor_ready(cursor, out_record, error);
	if (rc == 1)
		*out_record = has_lens ? cursor->shown[cursor->shown_next++] : &cursor->records[cursor->next++];
	return rc;
}

/* As many as lie together: of what a lens shows, what it shows of one stored record. */
int32_t skafu_cursor_next_batch(skafu_cursor *cursor, uint32_t records_max,
				const skafu_record *const **out_records, skafu_error *error)
{
	int has_lens = cursor && cursor->lens.look;
	if (records_max == 0)
		return skafu__fail(error, SKAFU_EINVAL, "records_max is 0; ask for at least one record");
	int32_t rc = has_lens ? cursor_ready_shown(cursor, out_records, error)
			      : cursor_ready(cursor, out_records, error);
	if (rc != 1)
		return rc;
	uint32_t *next = has_lens ? &cursor->shown_next : &cursor->next;
	uint32_t given = (has_lens ? cursor->shown_count : cursor->count) - *next;
	if (given > records_max)
		given = records_max;
	*out_records = (has_lens ? cursor->shown : cursor->pointers) + *next;
	*next += given;
	return (int32_t)given;
}

uint64_t skafu_cursor_head(const skafu_cursor *cursor)
{
	return cursor ? cursor->head : 0;
}

void skafu_cursor_free(skafu_cursor *cursor)
{
	if (!cursor)
		return;
	skafu_store *store = cursor->store;
	if (cursor->lens.done)
		cursor->lens.done(cursor->lens.user);
	skafu__select_done(&cursor->select);
	skafu_query_free(cursor->query);
	skafu__buf_done(&cursor->bytes);
	skafu__free(&store->sys, cursor->name);
	skafu__free(&store->sys, cursor->records);
	skafu__free(&store->sys, cursor->pointers);
	skafu__free(&store->sys, cursor);
	skafu__store_release(store);
}

/* ---- bounds by time ------------------------------------------------------------------------------------------ */

/* The first sequence recorded at or after a time (head + 1 when there is none): recorded times never fall. */
static int32_t cursor_find_time(struct skafu__view *view, int64_t recorded_ns, uint64_t *out, skafu_error *error)
{
	uint64_t low = 1;
	uint64_t high = view->head + 1;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct skafu__record record;
		int32_t rc = skafu__view_record(view, middle, &record, error);
		if (rc != 0 && rc != SKAFU_ENOTFOUND)
			return rc;
		if (rc == 0 && view->current.recorded_ns >= recorded_ns)
			high = middle;
		else
			low = middle + 1;
	}
	*out = low;
	return 0;
}

static int32_t cursor_bound_times(struct skafu__view *view, const struct skafu_read_opts *opts,
				  struct skafu__range *range, skafu_error *error)
{
	uint64_t bound;
	int32_t rc = 0;
	if (opts->flags & SKAFU_READ_RECORDED_FROM) {
		rc = cursor_find_time(view, opts->recorded_from_ns, &bound, error);
		if (rc == 0 && bound > range->from)
			range->from = bound;
	}
	if (rc == 0 && (opts->flags & SKAFU_READ_RECORDED_TO) && opts->recorded_to_ns != INT64_MAX) {
		rc = cursor_find_time(view, opts->recorded_to_ns + 1, &bound, error);
		if (rc == 0 && bound - 1 < range->to)
			range->to = bound - 1;
	}
	return rc;
}

/* ---- open ---------------------------------------------------------------------------------------------------- */

struct cursor_request {
	enum cursor_filter filter;
	const skafu_query *query;
	const char *name;
	uint64_t limit;
	struct skafu_read_opts opts;
};

static int32_t cursor_check(skafu_store *store, const struct skafu_read_opts *given, struct cursor_request *request,
			    void *out, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = skafu__opts_read(&request->opts, sizeof request->opts, given, "skafu_read_opts", error);
	if (rc == 0)
		rc = skafu__opts_flags(request->opts.flags, CURSOR_READ_FLAGS, "skafu_read_opts", error);
	if (rc == 0)
		rc = skafu__opts_flags(request->opts.kinds, SKAFU_KINDS_ALL, "skafu_read_opts (kinds)", error);
	if (rc != 0)
		return rc;
	if (!out)
		return skafu__fail(error, SKAFU_EINVAL, "out_cursor is NULL; give a place for the cursor");
	if (request->opts.to != 0 && request->opts.from > request->opts.to)
		return skafu__fail(error, SKAFU_EINVAL, "from (%llu) is behind to (%llu)",
				   (unsigned long long)request->opts.from, (unsigned long long)request->opts.to);
	return 0;
}

static int32_t cursor_add_kinds(struct skafu_cursor *cursor, const struct skafu__range *range, uint32_t from)
{
	int32_t rc = 0;
	for (uint32_t kind = from; rc == 0 && kind <= SKAFU_KIND_OUTCOME; kind++)
		if (cursor->kinds & (1u << kind))
			rc = skafu__select_add(&cursor->select, SKAFU__DIM_KIND, kind, range);
	return rc;
}

static int32_t cursor_add_domain(struct skafu_cursor *cursor, const struct skafu__range *range)
{
	const struct skafu__names *names = &cursor->store->names;
	int32_t rc = 0;
	cursor->domain = skafu__names_find(names, SKAFU__NAME_DOMAIN, cursor->name, strlen(cursor->name));
	for (uint32_t id = 1; cursor->domain != 0 && rc == 0 && id <= names->counts[SKAFU__NAME_TYPE]; id++)
		if (skafu__names_owner(names, SKAFU__NAME_TYPE, id) == cursor->domain)
			rc = skafu__select_add(&cursor->select, SKAFU__DIM_TYPE, id, range);
	return cursor->domain != 0 && rc == 0 ? cursor_add_kinds(cursor, range, SKAFU_KIND_ERROR) : rc;
}

static int32_t cursor_plan_stream(struct skafu_cursor *cursor, struct skafu__view *view,
				  const struct cursor_request *request, struct skafu__range *range,
				  skafu_error *error)
{
	uint64_t version;
	uint64_t sequence;
	size_t length = strlen(cursor->name);
	struct skafu__hidden_mark mark;
	int32_t rc = skafu__hidden_stream(view, cursor->name, length, &mark, error);
	if (rc == 0)
		rc = skafu__index_stream_head(view, cursor->name, length, &version, &sequence, error);
	if (rc != 0)
		return rc;
	if (version != 0 && request->opts.from > version + 1) {
		skafu__fail(error, SKAFU_EINVAL,
			    "version %llu is beyond the end of stream %s, which is at version %llu",
			    (unsigned long long)request->opts.from, cursor->name, (unsigned long long)version);
		skafu__error_set_version(error, version);
		return SKAFU_EINVAL;
	}
	range->extra_from = request->opts.from > mark.before ? request->opts.from : mark.before;
	range->extra_to = request->opts.to ? request->opts.to : UINT64_MAX;
	uint64_t key = skafu__hash64(cursor->store->format.hash_key, cursor->name, length);
	return skafu__select_add(&cursor->select, SKAFU__DIM_STREAM, key, range);
}

static int32_t cursor_plan_scan(struct skafu_cursor *cursor, const struct skafu__range *range)
{
	if (!(cursor->kinds & SKAFU_KINDS_EVENTS))
		return cursor_add_kinds(cursor, range, SKAFU_KIND_COMMAND);
	cursor->by_scan = 1;
	cursor->at = range->from > range->to ? 0 : cursor->backward ? range->to : range->from;
	cursor->last = cursor->backward ? range->from : range->to;
	return 0;
}

static int32_t cursor_plan_by(struct skafu_cursor *cursor, struct skafu__view *view,
			      const struct cursor_request *request, struct skafu__range *range, skafu_error *error)
{
	const uint8_t *key = cursor->store->format.hash_key;
	switch (cursor->filter) {
	case CURSOR_ANY:
		return cursor_plan_scan(cursor, range);
	case CURSOR_QUERY:
		return skafu__select_add_query(&cursor->select, view, cursor->query, range);
	case CURSOR_STREAM:
		return cursor_plan_stream(cursor, view, request, range, error);
	case CURSOR_CORRELATION:
		return skafu__select_add(&cursor->select, SKAFU__DIM_CORRELATION,
					 skafu__hash64(key, cursor->name, strlen(cursor->name)), range);
	case CURSOR_DOMAIN:
		return cursor_add_domain(cursor, range);
	}
	return 0;
}

static int32_t cursor_plan(struct skafu_cursor *cursor, const struct cursor_request *request, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(cursor->store, &view, error);
	if (rc != 0)
		return rc;
	struct skafu__range range = {1, view.head, 0, UINT64_MAX, cursor->backward};
	cursor->head = view.head;
	if (cursor->filter != CURSOR_STREAM) {
		range.from = request->opts.from ? request->opts.from : 1;
		range.to = request->opts.to != 0 && request->opts.to < view.head ? request->opts.to : view.head;
	}
	rc = cursor_bound_times(&view, &request->opts, &range, error);
	if (rc == 0)
		rc = cursor_plan_by(cursor, &view, request, &range, error);
	skafu__view_close(&view);
	return rc == SKAFU_ENOMEM ? skafu__fail_memory(error) : rc;
}

/* An empty query is a scan of everything. */
static int32_t cursor_copy_request(struct skafu_cursor *cursor, const struct cursor_request *request)
{
	const struct skafu__sys *sys = &cursor->store->sys;
	cursor->filter = request->filter;
	if (cursor->filter == CURSOR_QUERY && skafu__query_matches_all(request->query))
		cursor->filter = CURSOR_ANY;
	if (cursor->filter == CURSOR_QUERY) {
		cursor->query = skafu__query_copy(request->query);
		if (!cursor->query)
			return SKAFU_ENOMEM;
	}
	if (request->name) {
		cursor->name = skafu__strdup(sys, request->name);
		if (!cursor->name)
			return SKAFU_ENOMEM;
	}
	return 0;
}

static int32_t cursor_open(skafu_store *store, const struct cursor_request *request, skafu_cursor **out_cursor,
			   skafu_error *error)
{
	skafu_cursor *cursor = skafu__alloc_zeroed(&store->sys, 1, sizeof *cursor);
	if (!cursor)
		return skafu__fail_memory(error);
	cursor->store = store;
	cursor->backward = (request->opts.flags & SKAFU_READ_BACKWARD) != 0;
	cursor->kinds = request->opts.kinds ? request->opts.kinds : SKAFU_KINDS_EVENTS;
	cursor->left = request->limit;
	cursor->ended = request->limit == 0;
	skafu__select_init(&cursor->select, &store->sys, cursor->backward);
	skafu__buf_init(&cursor->bytes, &store->sys, CURSOR_BLOCK_BYTES_MAX);
	skafu__store_hold(store);
	int32_t rc = cursor_copy_request(cursor, request);
	rc = rc ? skafu__fail_memory(error) : cursor_plan(cursor, request, error);
	if (rc != 0) {
		skafu_cursor_free(cursor);
		return rc;
	}
	*out_cursor = cursor;
	return 0;
}

int32_t skafu_read(skafu_store *store, const skafu_query *query, uint64_t limit, const skafu_read_opts *opts,
		   skafu_cursor **out_cursor, skafu_error *error)
{
	struct cursor_request request = {.filter = CURSOR_QUERY, .query = query, .limit = limit};
	int32_t rc = cursor_check(store, opts, &request, out_cursor, error);
	return rc ? rc : cursor_open(store, &request, out_cursor, error);
}

static int32_t cursor_open_named(skafu_store *store, struct cursor_request *request, const char *what,
				 const skafu_read_opts *opts, skafu_cursor **out_cursor, skafu_error *error)
{
	size_t length;
	int32_t rc = cursor_check(store, opts, request, out_cursor, error);
	if (rc == 0)
		rc = skafu__name_measure(request->name, 255, what, &length, error);
	return rc ? rc : cursor_open(store, request, out_cursor, error);
}

int32_t skafu_read_stream(skafu_store *store, const char *stream, uint64_t limit, const skafu_read_opts *opts,
			  skafu_cursor **out_cursor, skafu_error *error)
{
	struct cursor_request request = {.filter = CURSOR_STREAM, .name = stream, .limit = limit};
	return cursor_open_named(store, &request, "stream name", opts, out_cursor, error);
}

int32_t skafu_read_correlation(skafu_store *store, const char *correlation, uint64_t limit,
			       const skafu_read_opts *opts, skafu_cursor **out_cursor, skafu_error *error)
{
	struct cursor_request request = {.filter = CURSOR_CORRELATION, .name = correlation, .limit = limit};
	return cursor_open_named(store, &request, "correlation id", opts, out_cursor, error);
}

int32_t skafu_read_domain(skafu_store *store, const char *domain, uint64_t limit, const skafu_read_opts *opts,
			  skafu_cursor **out_cursor, skafu_error *error)
{
	struct cursor_request request = {.filter = CURSOR_DOMAIN, .name = domain, .limit = limit};
	return cursor_open_named(store, &request, "domain", opts, out_cursor, error);
}
