/*
 * failcalls_test.c: every public function of skafu_store.h, while the n-th thing that it asks of the machine fails.
 *
 * For each function the driver of failing.h fails each allocation (ours and LMDB's) and each system call in turn:
 * once and from then on; not done, and done but reported as failed.  Then nothing may be left behind, the code must
 * be of the right kind, the store must be as it was unless the call succeeded or said that it does not know, and it
 * must work.
 */
#include "fault/failing.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "fault/actors.h"
#include "fault/statedir.h"
#include "skafu_store.h"
#include "store/store.h"
#include "util/suite.h"

#define SEEDS 6u /* commits of the store before the call */
#define CLOSED 1u /* the call works on a path; no store is open before it */
#define ABSENT 2u /* and there is none */
#define APPENDS 4u /* commit number SEEDS + 1 of writer 0 */
#define MAKES 8u   /* a store that is not there yet */

struct scene;
typedef int32_t (*scene_fn)(struct scene *scene);

struct call {
	const char *name;
	scene_fn prepare; /* NULL: nothing */
	scene_fn act;
	unsigned flags;
};

struct scene {
	const struct call *call;
	char root[256];
	char path[300];
	skafu_store *store;
	skafu_batch *batch;
	skafu_batch *batches[3];
	skafu_query *query;
	skafu_cursor *cursor;
	skafu_rows *rows;
	skafu_stream_list *list;
	skafu_waiter *waiter;
	skafu_record *record;
	skafu_store *other;
	skafu_export *exporting;
	skafu_import *importing;
	void *bytes;
	int32_t results[3]; /* of the batches of skafu_append_many */
	struct skafu_error error;
};

/* The store before the call: all of it in the tail, or folded into the index. */
static struct template {
	uint8_t *log;
	size_t bytes;
} templates[2];
static const struct template *template_now;

/* ---- the calls ----------------------------------------------------------------------------------------------- */

static const skafu_store_opts scene_opts = {.size = sizeof scene_opts, .fold_records = 3};
static const skafu_store_opts scene_opts_create = {.size = sizeof scene_opts_create, .flags = SKAFU_STORE_CREATE};

static int32_t act_open(struct scene *s)
{
	return skafu_store_open(s->path, &scene_opts, &s->store, &s->error);
}

static int32_t act_open_check(struct scene *s)
{
	skafu_store_opts opts = scene_opts;

	opts.flags |= SKAFU_STORE_CHECK;
	return skafu_store_open(s->path, &opts, &s->store, &s->error);
}

static int32_t act_open_create(struct scene *s)
{
	return skafu_store_open(s->path, &scene_opts_create, &s->store, &s->error);
}

static int32_t act_create(struct scene *s)
{
	return skafu_store_create(s->path, NULL, &s->store, &s->error);
}

static int32_t act_open_memory(struct scene *s)
{
	return skafu_store_open_memory(NULL, &s->store, &s->error);
}

static int32_t act_close(struct scene *s)
{
	skafu_store_close(s->store);
	s->store = NULL;
	return 0;
}

static int32_t act_head(struct scene *s)
{
	uint64_t head = 0;
	return skafu_store_head(s->store, &head, &s->error);
}

static int32_t act_birth(struct scene *s)
{
	uint8_t id[16];
	return skafu_store_birth(s->store, id, &s->error);
}

static int32_t act_incarnation(struct scene *s)
{
	uint8_t id[16];
	return skafu_store_incarnation(s->store, id, &s->error);
}

static int32_t act_path(struct scene *s)
{
	return skafu_store_path(s->store) ? 0 : SKAFU_EINTERNAL;
}

static int32_t act_stats(struct scene *s)
{
	skafu_store_stats stats = {.size = sizeof stats};
	return skafu_store_stats_get(s->store, &stats, &s->error);
}

static int32_t make_batch(struct scene *s)
{
	return skafu_batch_new(s->store, &s->batch, &s->error);
}

static int32_t fill_batch(struct scene *s)
{
	int32_t rc = make_batch(s);
	return rc ? rc : actors_fill(s->batch, 0, SEEDS + 1, &s->error);
}

static int32_t act_batch_fill(struct scene *s)
{
	uint32_t before = skafu_batch_count(s->batch);
	skafu_new_record record = {.size = sizeof record, .stream = "another", .type = "Happened", .source = "domain",
				   .data = "{\"a\":[1,2]}", .data_length = 11, .metadata = "{}", .metadata_length = 2,
				   .correlation = "corr"};
	int32_t rc = skafu_batch_add(s->batch, &record, &s->error);
	return skafu_batch_count(s->batch) == before + (rc == 0) ? rc : SKAFU_EINTERNAL;
}

static int32_t act_batch_clear(struct scene *s)
{
	skafu_batch_clear(s->batch);
	return skafu_batch_count(s->batch) == 0 ? 0 : SKAFU_EINTERNAL;
}

static int32_t act_batch_free(struct scene *s)
{
	skafu_batch_free(s->batch);
	s->batch = NULL;
	return 0;
}

static int32_t act_record_id(struct scene *s)
{
	uint8_t id[16];
	return skafu_batch_record_id(s->batch, 0, id);
}

static int32_t act_set_id(struct scene *s)
{
	return skafu_batch_set_id(s->batch, (const uint8_t *)"0123456789abcdef", &s->error);
}

static int32_t act_batch_id(struct scene *s)
{
	uint8_t id[16];
	return skafu_batch_id(s->batch, id, &s->error);
}

static int32_t act_expect_stream(struct scene *s)
{
	return skafu_batch_expect_stream(s->batch, "own-0", SKAFU_EXPECT_EXISTS, 0, &s->error);
}

static int32_t act_put_row(struct scene *s)
{
	return skafu_batch_put_row(s->batch, "table", "k", 1, "value", 5, &s->error);
}

static int32_t act_truncate(struct scene *s)
{
	return skafu_batch_truncate_stream(s->batch, "stream", 2, &s->error);
}

static int32_t act_delete_stream(struct scene *s)
{
	return skafu_batch_delete_stream(s->batch, "stream", 2, &s->error);
}

static int32_t act_tombstone(struct scene *s)
{
	return skafu_batch_tombstone_stream(s->batch, "stream", &s->error);
}

static int32_t act_erase(struct scene *s)
{
	return skafu_batch_erase(s->batch, 2, &s->error);
}

static int32_t act_delete_row(struct scene *s)
{
	return skafu_batch_delete_row(s->batch, "table", "k", 1, &s->error);
}

static int32_t act_expect_row(struct scene *s)
{
	return skafu_batch_expect_row(s->batch, "table", "row", 3, "value", 5, &s->error);
}

static int32_t act_expect_no_row(struct scene *s)
{
	return skafu_batch_expect_no_row(s->batch, "table", "absent", 6, &s->error);
}

static int32_t act_query_new(struct scene *s)
{
	return skafu_query_new(&s->query, &s->error);
}

static int32_t act_query_item(struct scene *s)
{
	return skafu_query_add_item(s->query, &s->error);
}

static int32_t query_item(struct scene *s)
{
	int32_t rc = act_query_new(s);
	return rc ? rc : act_query_item(s);
}

static int32_t act_query_type(struct scene *s)
{
	return skafu_query_add_type(s->query, "Worked", &s->error);
}

static int32_t act_query_tag(struct scene *s)
{
	return skafu_query_add_tag(s->query, "writer:0", &s->error);
}

static int32_t act_query_free(struct scene *s)
{
	skafu_query_free(s->query);
	s->query = NULL;
	return 0;
}

static int32_t query_full(struct scene *s)
{
	int32_t rc = query_item(s);
	if (rc == 0)
		rc = act_query_type(s);
	return rc ? rc : act_query_tag(s);
}

static int32_t batch_and_query(struct scene *s)
{
	int32_t rc = query_full(s);
	return rc ? rc : fill_batch(s);
}

static int32_t act_expect_no_match(struct scene *s)
{
	return skafu_batch_expect_no_match(s->batch, s->query, 1000, &s->error);
}

/* Every kind of condition, so that the judge reaches everything. */
static int32_t fill_batch_wholly(struct scene *s)
{
	int32_t rc = batch_and_query(s);
	if (rc == 0)
		rc = act_expect_no_match(s);
	if (rc == 0)
		rc = act_expect_stream(s);
	if (rc == 0)
		rc = act_expect_row(s);
	if (rc == 0)
		rc = act_expect_no_row(s);
	return rc ? rc : act_put_row(s);
}

static int32_t act_append(struct scene *s)
{
	return skafu_append(s->store, s->batch, ACTORS_SECOND, NULL, &s->error);
}

static int32_t fill_many(struct scene *s)
{
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < 3; i++) {
		rc = skafu_batch_new(s->store, &s->batches[i], &s->error);
		if (rc == 0)
			rc = actors_fill(s->batches[i], i, SEEDS + 1, &s->error);
	}
	return rc;
}

static int32_t act_append_many(struct scene *s)
{
	return skafu_append_many(s->store, s->batches, 3, ACTORS_SECOND, s->results, NULL, &s->error);
}

static int32_t act_commit_status(struct scene *s)
{
	uint8_t id[16];
	actors_commit_id(0, 2, id);
	return skafu_commit_status(s->store, id, NULL, &s->error);
}

static int32_t act_read(struct scene *s)
{
	return skafu_read(s->store, NULL, SKAFU_NO_LIMIT, NULL, &s->cursor, &s->error);
}

static int32_t act_read_query(struct scene *s)
{
	return skafu_read(s->store, s->query, SKAFU_NO_LIMIT, NULL, &s->cursor, &s->error);
}

static int32_t act_read_stream(struct scene *s)
{
	return skafu_read_stream(s->store, "own-0", SKAFU_NO_LIMIT, NULL, &s->cursor, &s->error);
}

static int32_t act_read_correlation(struct scene *s)
{
	return skafu_read_correlation(s->store, "corr", SKAFU_NO_LIMIT, NULL, &s->cursor, &s->error);
}

static int32_t act_read_domain(struct scene *s)
{
	return skafu_read_domain(s->store, "default", SKAFU_NO_LIMIT, NULL, &s->cursor, &s->error);
}

/* Read on after a failure: a step that fails can be tried again, and skips nothing. */
static int32_t act_cursor_next(struct scene *s)
{
	const skafu_record *record;
	int32_t failed = 0;
	uint64_t last = 0;
	int32_t rc;
	for (int tries = 0; tries < 200; tries++) {
		rc = skafu_cursor_next(s->cursor, &record, &s->error);
		if (rc == 0)
			return failed;
		if (rc < 0) {
			failed = rc;
			if (tries > 100)
				return failed;
			continue;
		}
		if (record->sequence != last + 1)
			return SKAFU_EINTERNAL;
		last = record->sequence;
	}
	return SKAFU_EINTERNAL;
}

static int32_t act_cursor_batch(struct scene *s)
{
	const skafu_record *const *records;
	int32_t rc = skafu_cursor_next_batch(s->cursor, 5, &records, &s->error);
	return rc < 0 ? rc : 0;
}

static int32_t act_cursor_head(struct scene *s)
{
	return skafu_cursor_head(s->cursor) != 0 ? 0 : SKAFU_EINTERNAL;
}

static int32_t act_cursor_free(struct scene *s)
{
	skafu_cursor_free(s->cursor);
	s->cursor = NULL;
	return 0;
}

static int32_t act_get(struct scene *s)
{
	return skafu_get(s->store, 3, &s->record, &s->error);
}

static int32_t act_get_by_id(struct scene *s)
{
	uint8_t id[16];
	skafu_id_from_text("actors", "0/2/0", id);
	return skafu_get_by_id(s->store, id, &s->record, &s->error);
}

static int32_t act_record_copy(struct scene *s)
{
	skafu_record *copy = NULL;
	int32_t rc = skafu_record_copy(s->record, &copy, &s->error);
	skafu_record_free(copy);
	return rc;
}

static int32_t act_record_tag(struct scene *s)
{
	return skafu_record_tag(s->record, 0) ? 0 : SKAFU_EINTERNAL;
}

static int32_t act_record_free(struct scene *s)
{
	skafu_record_free(s->record);
	s->record = NULL;
	return 0;
}

static int32_t act_record_json(struct scene *s)
{
	char *text = NULL;
	size_t length = 0;
	int32_t rc = skafu_record_to_json(s->record, &text, &length, &s->error);
	if (rc == 0)
		skafu_text_free(text);
	return rc;
}

static int32_t act_stream_version(struct scene *s)
{
	uint64_t version = 0;
	return skafu_stream_version(s->store, "shared", &version, &s->error);
}

static int32_t act_list_open(struct scene *s)
{
	return skafu_stream_list_open(s->store, "", SKAFU_NO_LIMIT, &s->list, &s->error);
}

static int32_t act_list_next(struct scene *s)
{
	const skafu_stream_info *info;
	int32_t rc;
	while ((rc = skafu_stream_list_next(s->list, &info, &s->error)) == 1)
		;
	return rc;
}

static int32_t act_list_free(struct scene *s)
{
	skafu_stream_list_free(s->list);
	s->list = NULL;
	return 0;
}

static int32_t act_row_get(struct scene *s)
{
	size_t length = 0;
	return skafu_row_get(s->store, "table", "row", 3, &s->bytes, &length, &s->error);
}

static int32_t act_bytes_free(struct scene *s)
{
	skafu_bytes_free(s->bytes);
	s->bytes = NULL;
	return 0;
}

static int32_t act_rows_open(struct scene *s)
{
	return skafu_rows_open(s->store, "table", NULL, SKAFU_NO_LIMIT, &s->rows, &s->error);
}

static int32_t act_rows_next(struct scene *s)
{
	const skafu_row *row;
	int32_t rc;
	while ((rc = skafu_rows_next(s->rows, &row, &s->error)) == 1)
		;
	return rc;
}

static int32_t act_rows_free(struct scene *s)
{
	skafu_rows_free(s->rows);
	s->rows = NULL;
	return 0;
}

static int32_t act_wait(struct scene *s)
{
	return skafu_store_wait(s->store, 1, 0, NULL, &s->error);
}

static int32_t act_interrupt(struct scene *s)
{
	skafu_store_interrupt(s->store);
	return 0;
}

static int32_t act_waiter_new(struct scene *s)
{
	return skafu_waiter_new(s->store, &s->waiter, &s->error);
}

static int32_t act_waiter_fd(struct scene *s)
{
	return skafu_waiter_fd(s->waiter) >= 0 ? 0 : SKAFU_EINTERNAL;
}

static int32_t act_waiter_arm(struct scene *s)
{
	int32_t rc = skafu_waiter_arm(s->waiter, 1, &s->error);
	return rc < 0 ? rc : 0;
}

static int32_t act_waiter_clear(struct scene *s)
{
	return skafu_waiter_clear(s->waiter, &s->error);
}

static int32_t act_waiter_free(struct scene *s)
{
	skafu_waiter_free(s->waiter);
	s->waiter = NULL;
	return 0;
}

static int32_t act_maintain(struct scene *s)
{
	int32_t rc = skafu_store_maintain(s->store, 0, &s->error);
	for (int i = 0; rc == 1 && i < 100; i++)
		rc = skafu_store_maintain(s->store, 1, &s->error);
	return rc < 0 ? rc : 0;
}

static int32_t act_verify(struct scene *s)
{
	skafu_verify_report report = {.size = sizeof report};
	return skafu_store_verify(s->store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, &s->error);
}

static int32_t act_reindex(struct scene *s)
{
	return skafu_store_reindex(s->store, &s->error);
}

static int32_t act_backup(struct scene *s)
{
	char path[400];
	snprintf(path, sizeof path, "%s/copy", s->root);
	return skafu_store_backup(s->store, path, 0, NULL, NULL, &s->error);
}

static int32_t act_fork(struct scene *s)
{
	char path[400];
	snprintf(path, sizeof path, "%s/copy", s->root);
	return skafu_store_fork(s->store, path, 0, NULL, NULL, &s->error);
}

static int32_t act_lineage(struct scene *s)
{
	skafu_lineage lineage = {.size = sizeof lineage};
	int32_t rc = skafu_store_lineage(s->store, 0, &lineage, &s->error);
	return rc == SKAFU_ENOTFOUND ? 0 : rc;
}

static int32_t act_check_position(struct scene *s)
{
	uint8_t incarnation[16] = {1};
	int32_t rc = skafu_store_check_position(s->store, incarnation, 1, &s->error);
	return rc == SKAFU_ESTALE ? 0 : rc;
}

/* The other store, in memory, so that every failure is of the one that the scene looks after. */
static int32_t make_other(struct scene *s)
{
	return skafu_store_open_memory(NULL, &s->other, &s->error);
}

static int32_t act_diff(struct scene *s)
{
	skafu_diff diff = {.size = sizeof diff};
	return skafu_store_diff(s->store, s->other, 0, NULL, NULL, &diff, &s->error);
}

static int32_t act_diff_records(struct scene *s)
{
	skafu_diff diff = {.size = sizeof diff};
	return skafu_store_diff(s->store, s->other, SKAFU_DIFF_RECORDS, NULL, NULL, &diff, &s->error);
}

static int32_t act_export_open(struct scene *s)
{
	skafu_export_opts opts = {.size = sizeof opts, .form = SKAFU_FORM_CLOUDEVENTS_ARRAY};
	return skafu_export_open(s->store, NULL, &opts, &s->exporting, &s->error);
}

static int32_t act_export_next(struct scene *s)
{
	const char *text;
	size_t length;
	int32_t rc;
	while ((rc = skafu_export_next(s->exporting, &text, &length, &s->error)) == 1)
		;
	return rc;
}

static int32_t act_export_info(struct scene *s)
{
	skafu_export_info info = {.size = sizeof info};
	return skafu_export_info_get(s->exporting, &info, &s->error);
}

static int32_t act_export_free(struct scene *s)
{
	skafu_export_free(s->exporting);
	s->exporting = NULL;
	return 0;
}

static int32_t act_import_open(struct scene *s)
{
	return skafu_import_open(s->store, NULL, &s->importing, &s->error);
}

/* The batch of writer 0, as the text that a store with nothing else exports. */
static struct {
	char bytes[8192];
	size_t length;
} import_text;

static int32_t make_import_text(void)
{
	skafu_store *store = NULL;
	skafu_batch *batch = NULL;
	skafu_export *exporting = NULL;
	const char *text = NULL;
	int32_t rc = skafu_store_open_memory(NULL, &store, NULL);
	if (rc == 0)
		rc = skafu_batch_new(store, &batch, NULL);
	if (rc == 0)
		rc = actors_fill(batch, 0, SEEDS + 1, NULL);
	if (rc == 0)
		rc = skafu_append(store, batch, ACTORS_SECOND, NULL, NULL);
	if (rc == 0)
		rc = skafu_export_open(store, NULL, NULL, &exporting, NULL);
	if (rc == 0 && skafu_export_next(exporting, &text, &import_text.length, NULL) == 1 &&
	    import_text.length <= sizeof import_text.bytes)
		memcpy(import_text.bytes, text, import_text.length);
	else
		rc = rc ? rc : SKAFU_EINTERNAL;
	skafu_export_free(exporting);
	skafu_batch_free(batch);
	skafu_store_close(store);
	return rc;
}

static int32_t prepare_import(struct scene *s)
{
	int32_t rc = import_text.length ? 0 : make_import_text();
	return rc ? rc : act_import_open(s);
}

static int32_t act_import_feed(struct scene *s)
{
	return skafu_import_feed(s->importing, import_text.bytes, import_text.length, ACTORS_SECOND, &s->error);
}

static int32_t prepare_import_fed(struct scene *s)
{
	int32_t rc = prepare_import(s);
	return rc ? rc : act_import_feed(s);
}

static int32_t act_import_finish(struct scene *s)
{
	return skafu_import_finish(s->importing, ACTORS_SECOND, &s->error);
}

static int32_t act_import_info(struct scene *s)
{
	skafu_import_info info = {.size = sizeof info};
	return skafu_import_info_get(s->importing, &info, &s->error);
}

static int32_t act_import_bad(struct scene *s)
{
	const skafu_import_bad *bad;
	return skafu_import_bad_next(s->importing, &bad, &s->error);
}

static int32_t act_import_free(struct scene *s)
{
	skafu_import_free(s->importing);
	s->importing = NULL;
	return 0;
}

static int32_t act_salvage(struct scene *s)
{
	char path[400];
	skafu_salvage_report report = {.size = sizeof report};
	snprintf(path, sizeof path, "%s/copy", s->root);
	int32_t rc = skafu_store_salvage(s->path, path, NULL, NULL, &report, &s->error);
	return rc == 0 && report.losses != 0 ? SKAFU_EIO
					     : rc; /* a read that failed lost something, and it was told */
}

static const struct call calls[] = {
	{"skafu_store_open", NULL, act_open, CLOSED},
	{"skafu_store_open", NULL, act_open_check, CLOSED},
	{"skafu_store_open", NULL, act_open_create, CLOSED | ABSENT | MAKES},
	{"skafu_store_create", NULL, act_create, CLOSED | ABSENT | MAKES},
	{"skafu_store_open_memory", NULL, act_open_memory, CLOSED},
	{"skafu_store_close", NULL, act_close, 0},
	{"skafu_store_head", NULL, act_head, 0},
	{"skafu_store_birth", NULL, act_birth, 0},
	{"skafu_store_incarnation", NULL, act_incarnation, 0},
	{"skafu_store_path", NULL, act_path, 0},
	{"skafu_store_stats_get", NULL, act_stats, 0},
	{"skafu_batch_new", NULL, make_batch, 0},
	{"skafu_batch_free", fill_batch, act_batch_free, 0},
	{"skafu_batch_clear", fill_batch, act_batch_clear, 0},
	{"skafu_batch_add", make_batch, act_batch_fill, 0},
	{"skafu_batch_count", fill_batch, act_batch_fill, 0},
	{"skafu_batch_record_id", fill_batch, act_record_id, 0},
	{"skafu_batch_set_id", make_batch, act_set_id, 0},
	{"skafu_batch_id", make_batch, act_batch_id, 0},
	{"skafu_batch_expect_stream", make_batch, act_expect_stream, 0},
	{"skafu_batch_expect_no_match", batch_and_query, act_expect_no_match, 0},
	{"skafu_batch_put_row", make_batch, act_put_row, 0},
	{"skafu_batch_truncate_stream", make_batch, act_truncate, 0},
	{"skafu_batch_delete_stream", make_batch, act_delete_stream, 0},
	{"skafu_batch_tombstone_stream", make_batch, act_tombstone, 0},
	{"skafu_batch_erase", make_batch, act_erase, 0},
	{"skafu_batch_delete_row", make_batch, act_delete_row, 0},
	{"skafu_batch_expect_row", make_batch, act_expect_row, 0},
	{"skafu_batch_expect_no_row", make_batch, act_expect_no_row, 0},
	{"skafu_append", fill_batch, act_append, APPENDS},
	{"skafu_append", fill_batch_wholly, act_append, APPENDS},
	{"skafu_append_many", fill_many, act_append_many, APPENDS},
	{"skafu_commit_status", NULL, act_commit_status, 0},
	{"skafu_query_new", NULL, act_query_new, 0},
	{"skafu_query_free", query_full, act_query_free, 0},
	{"skafu_query_add_item", act_query_new, act_query_item, 0},
	{"skafu_query_add_type", query_item, act_query_type, 0},
	{"skafu_query_add_tag", query_item, act_query_tag, 0},
	{"skafu_read", NULL, act_read, 0},
	{"skafu_read", query_full, act_read_query, 0},
	{"skafu_read_stream", NULL, act_read_stream, 0},
	{"skafu_read_correlation", NULL, act_read_correlation, 0},
	{"skafu_read_domain", NULL, act_read_domain, 0},
	{"skafu_cursor_next", act_read, act_cursor_next, 0},
	{"skafu_cursor_next_batch", act_read, act_cursor_batch, 0},
	{"skafu_cursor_head", act_read, act_cursor_head, 0},
	{"skafu_cursor_free", act_read, act_cursor_free, 0},
	{"skafu_get", NULL, act_get, 0},
	{"skafu_get_by_id", NULL, act_get_by_id, 0},
	{"skafu_record_copy", act_get, act_record_copy, 0},
	{"skafu_record_tag", act_get, act_record_tag, 0},
	{"skafu_record_free", act_get, act_record_free, 0},
	{"skafu_record_to_json", act_get, act_record_json, 0},
	{"skafu_text_free", act_get, act_record_json, 0},
	{"skafu_stream_version", NULL, act_stream_version, 0},
	{"skafu_stream_list_open", NULL, act_list_open, 0},
	{"skafu_stream_list_next", act_list_open, act_list_next, 0},
	{"skafu_stream_list_free", act_list_open, act_list_free, 0},
	{"skafu_row_get", NULL, act_row_get, 0},
	{"skafu_bytes_free", act_row_get, act_bytes_free, 0},
	{"skafu_rows_open", NULL, act_rows_open, 0},
	{"skafu_rows_next", act_rows_open, act_rows_next, 0},
	{"skafu_rows_free", act_rows_open, act_rows_free, 0},
	{"skafu_store_wait", NULL, act_wait, 0},
	{"skafu_store_interrupt", NULL, act_interrupt, 0},
	{"skafu_waiter_new", NULL, act_waiter_new, 0},
	{"skafu_waiter_fd", act_waiter_new, act_waiter_fd, 0},
	{"skafu_waiter_arm", act_waiter_new, act_waiter_arm, 0},
	{"skafu_waiter_clear", act_waiter_new, act_waiter_clear, 0},
	{"skafu_waiter_free", act_waiter_new, act_waiter_free, 0},
	{"skafu_store_maintain", NULL, act_maintain, 0},
	{"skafu_store_fork", NULL, act_fork, 0},
	{"skafu_store_lineage", NULL, act_lineage, 0},
	{"skafu_store_check_position", NULL, act_check_position, 0},
	{"skafu_store_diff", make_other, act_diff, 0},
	{"skafu_store_diff", make_other, act_diff_records, 0},
	{"skafu_export_open", NULL, act_export_open, 0},
	{"skafu_export_next", act_export_open, act_export_next, 0},
	{"skafu_export_info_get", act_export_open, act_export_info, 0},
	{"skafu_export_free", act_export_open, act_export_free, 0},
	{"skafu_import_open", NULL, act_import_open, 0},
	{"skafu_import_feed", prepare_import, act_import_feed, 0},
	{"skafu_import_finish", prepare_import_fed, act_import_finish, APPENDS},
	{"skafu_import_info_get", prepare_import_fed, act_import_info, 0},
	{"skafu_import_bad_next", prepare_import_fed, act_import_bad, 0},
	{"skafu_import_free", prepare_import_fed, act_import_free, 0},
	{"skafu_store_verify", NULL, act_verify, 0},
	{"skafu_store_reindex", NULL, act_reindex, 0},
	{"skafu_store_backup", NULL, act_backup, 0},
	{"skafu_store_salvage", NULL, act_salvage, CLOSED},
};

#define CALLS (sizeof calls / sizeof *calls)

/* ---- the scene ----------------------------------------------------------------------------------------------- */

static void scene_release(struct scene *s)
{
	skafu_batch_free(s->batch);
	for (uint32_t i = 0; i < 3; i++)
		skafu_batch_free(s->batches[i]);
	skafu_query_free(s->query);
	skafu_cursor_free(s->cursor);
	skafu_rows_free(s->rows);
	skafu_stream_list_free(s->list);
	skafu_waiter_free(s->waiter);
	skafu_record_free(s->record);
	skafu_export_free(s->exporting);
	skafu_import_free(s->importing);
	skafu_store_close(s->other);
	s->other = NULL;
	s->exporting = NULL;
	s->importing = NULL;
	skafu_bytes_free(s->bytes);
	s->batch = NULL;
	memset(s->batches, 0, sizeof s->batches);
	s->query = NULL;
	s->cursor = NULL;
	s->rows = NULL;
	s->list = NULL;
	s->waiter = NULL;
	s->record = NULL;
	s->bytes = NULL;
}

static void template_make(const char *path, int is_folded, struct template *out)
{
	char name[320];
	skafu_store *store = NULL;
	struct stat status;
	skafu_batch *batch = NULL;

	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE, .fold_records = is_folded ? 3 : 0};
	ck_assert_int_eq(skafu_store_open(path, &opts, &store, NULL), 0);
	for (uint64_t i = 1; i <= SEEDS; i++)
		ck_assert_int_eq(actors_append(store, (uint32_t)(i - 1) % 3, (i + 2) / 3, 0, NULL, NULL), 0);
	ck_assert_int_eq(skafu_batch_new(store, &batch, NULL), 0);
	ck_assert_int_eq(skafu_batch_put_row(batch, "table", "row", 3, "value", 5, NULL), 0);
	ck_assert_int_eq(skafu_append(store, batch, 0, NULL, NULL), 0);
	skafu_batch_free(batch);
	skafu_store_close(store);
	snprintf(name, sizeof name, "%s/log", path);
	ck_assert_int_eq(stat(name, &status), 0);
	out->bytes = (size_t)status.st_size;
	out->log = malloc(out->bytes);
	int fd = open(name, O_RDONLY);
	ck_assert_int_eq(read(fd, out->log, out->bytes), (ssize_t)out->bytes);
	close(fd);
}

static void directory_empty(const char *path)
{
	static const char *const names[] = {"log", "log-lock", "control", "wake", "journal"};
	char name[500];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(name, sizeof name, "%s/%s", path, names[i]);
		unlink(name);
	}
	rmdir(path);
}

static void scene_empty(const struct scene *s)
{
	char copy[400];

	directory_empty(s->path);
	snprintf(copy, sizeof copy, "%s/copy", s->root);
	directory_empty(copy);
}

static int scene_prepare(void *user)
{
	struct scene *s = user;
	char name[400];

	scene_empty(s);
	memset(&s->error, 0, sizeof s->error);
	for (int i = 0; i < 3; i++)
		s->results[i] = SKAFU_EINTERNAL; /* a call that refuses at once writes none */
	if (!(s->call->flags & ABSENT)) {
		snprintf(name, sizeof name, "%s/log", s->path);
		if (mkdir(s->path, 0700) != 0)
			return 1;
		int fd = open(name, O_RDWR | O_CREAT, 0600);
		int bad = fd < 0 || write(fd, template_now->log, template_now->bytes) != (ssize_t)template_now->bytes;
		close(fd);
		if (bad)
			return 1;
	}
	if (!(s->call->flags & CLOSED) && skafu_store_open(s->path, &scene_opts, &s->store, NULL) != 0)
		return 1;
	return s->call->prepare ? s->call->prepare(s) != 0 : 0;
}

static int scene_act(void *user)
{
	struct scene *s = user;

	return s->call->act(s);
}

static int scene_right_code(const struct failing_case *which, int32_t rc)
{
	if (which->what == FAILING_ALLOCATION || which->what == FAILING_MALLOC)
		return rc == SKAFU_ENOMEM;
	if (rc == SKAFU_EUNKNOWN || rc == SKAFU_EIO)
		return 1;
	if (which->what == FAILING_READ && which->how == IOTRACE_SHORT && rc == SKAFU_EDAMAGED)
		return 1; /* a read that ends early is how a file that was cut shows itself */
	if (which->what == FAILING_WRITE && which->how == IOTRACE_SHORT && rc == SKAFU_ENOSPACE)
		return 1; /* and a write that ends early, a disk that is full */
	return which->error == ENOSPC && rc == SKAFU_ENOSPACE;
}

static uint64_t scene_base(const struct scene *s)
{
	uint64_t events = 0;

	for (uint64_t i = 1; !(s->call->flags & ABSENT) && i <= SEEDS; i++)
		events += actors_events((uint32_t)(i - 1) % 3, (i + 2) / 3);
	return events;
}

/* The store as it is: every record reads well, and there are as many as there must be.  Returns which of the call's
 * batches are in it, a bit each; -1 with a reason. */
static int scene_audit(const struct scene *s, skafu_store *store, char *why, size_t room)
{
	struct skafu_error error = {0};
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	uint64_t count = 0;
	uint64_t acts = 0;
	uint32_t mask = 0;
	int32_t rc = skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, &error);

	while (rc == 0 && (rc = skafu_cursor_next(cursor, &record, &error)) == 1) {
		uint32_t writer = 0;
		uint32_t index = 0;
		uint64_t number = 0;
		if (record->sequence != ++count || !actors_parse(record, &writer, &number, &index))
			rc = SKAFU_EDAMAGED;
		else
			rc = 0;
		if (number == SEEDS + 1) {
			mask |= 1u << writer;
			acts++;
		}
	}
	skafu_cursor_free(cursor);
	uint64_t wanted = 0;
	for (uint32_t i = 0; i < 3; i++)
		wanted += mask & 1u << i ? actors_events(i, SEEDS + 1) : 0;
	if (rc == 0 && acts == wanted && count - acts == scene_base(s))
		return (int)mask;
	snprintf(why, room, "reads %" PRIu64 " records, %" PRIu64 " of them of the call: %s %.100s", count, acts,
		 skafu_result_name(rc), error.message);
	return rc == SKAFU_EPOISONED ? SKAFU_EPOISONED : -1;
}

/* What must be in the log after a code that leaves no doubt. */
static int scene_promised(const struct scene *s, int32_t result)
{
	int mask = 0;

	if (!(s->call->flags & APPENDS))
		return 0;
	if (s->call->act != act_append_many || result == 0)
		return result != 0 ? 0 : s->call->act == act_append_many ? 7 : 1;
	for (int i = 0; i < 3; i++)
		mask |= s->results[i] == 0 ? 1 << i : 0;
	return mask;
}

/* After the call, in the same handle or after an open: it has what the code promised, no more and no less. */
static int scene_works(const struct scene *s, skafu_store *store, int32_t result, char *why, size_t room)
{
	int mask = scene_audit(s, store, why, room);

	if (mask < 0)
		return mask;
	if (result != SKAFU_EUNKNOWN && mask != scene_promised(s, result)) {
		snprintf(why, room, "%s, and batches 0x%x in the log", skafu_result_name(result), (unsigned)mask);
		return 1;
	}
	return 0;
}

/* may_refuse: the fold that follows an append may have had an unknown outcome, which stops all writing. */
static int scene_writes(skafu_store *store, uint64_t number, int may_refuse, char *why, size_t room)
{
	struct skafu_error error = {0};
	uint64_t before = 0;
	uint64_t after = 0;
	uint8_t id[16];
	skafu_batch *batch = NULL;

	if (skafu_store_head(store, &before, &error) != 0)
		goto failed;
	if (skafu_batch_new(store, &batch, &error) != 0)
		goto failed;
	snprintf((char *)id, sizeof id, "row%" PRIu64, number);
	if (skafu_batch_put_row(batch, "probe", id, 4, &number, sizeof number, &error) != 0 ||
	    skafu_append(store, batch, ACTORS_SECOND, NULL, &error) != 0)
		goto failed;
	skafu_batch_free(batch);
	if (skafu_store_head(store, &after, &error) == 0 && after == before)
		return 0;
failed:
	skafu_batch_free(batch);
	if (may_refuse && error.code == SKAFU_EPOISONED)
		return 0;
	snprintf(why, room, "it does not write afterwards: %s: %.150s", skafu_result_name(error.code), error.message);
	return 1;
}

static int scene_goes_on(const struct scene *s, int32_t result, int may_refuse, char *why, size_t room)
{
	int bad = scene_works(s, s->store, result, why, room);

	if (bad == SKAFU_EPOISONED && may_refuse)
		return 0;
	return bad || scene_writes(s->store, 1, may_refuse, why, room);
}

static int scene_reopen(struct scene *s, int32_t result, char *why, size_t room)
{
	struct skafu_error error = {0};
	skafu_store *store = NULL;
	const skafu_store_opts *opts = s->call->flags & MAKES ? &scene_opts_create : &scene_opts;
	int32_t rc = skafu_store_open(s->path, opts, &store, &error);
	int bad;

	if (rc != 0) {
		snprintf(why, room, "it does not open afterwards: %s: %.150s", skafu_result_name(rc), error.message);
		return 1;
	}
	bad = scene_works(s, store, result, why, room) || scene_writes(store, 2, 0, why, room);
	skafu_store_close(store);
	return bad;
}

static int scene_check(void *user, const struct failing_case *which, int result, char *why, size_t room)
{
	struct scene *s = user;
	int is_memory = s->call->act == act_open_memory;
	int may_refuse = which->hit && (s->call->act == act_maintain || (s->call->flags & APPENDS) != 0) &&
			 which->what >= FAILING_OPEN && which->what <= FAILING_MAP;
	int bad = 0;

	if (result < 0 && (!which->hit || !scene_right_code(which, result))) {
		snprintf(why, room, "%s: %s: %.200s", which->hit ? "wrong kind of code" : "failed by itself",
			 skafu_result_name(result), s->error.message);
		bad = 1;
	}
	if (result < 0 && s->error.code != 0 && s->error.code != result) {
		snprintf(why, room, "returned %s, error says %s", skafu_result_name(result),
			 skafu_result_name(s->error.code));
		bad = 1;
	}
	scene_release(s);
	if (!bad && s->store && !is_memory && result != SKAFU_EUNKNOWN)
		bad = scene_goes_on(s, result, may_refuse, why, room);
	skafu_store_close(s->store);
	s->store = NULL;
	if (!bad && !is_memory)
		bad = scene_reopen(s, result, why, room);
	if (bad && getenv("SKAFU_TEST_VERBOSE"))
		printf("%s: %s %" PRIu64 " how %d errno %d%s: %s\n", s->call->name, failing_name(which->what),
		       which->nth, (int)which->how, which->error, which->from_then_on ? " and on" : "", why);
	return bad;
}

/* ---- tests --------------------------------------------------------------------------------------------------- */

static struct scene scene;
static uint64_t sites_all;

static void setup(void)
{
	char root[256];

	statedir_scratch(root, "failcalls");
	ck_assert_ptr_nonnull(realpath(root, scene.root));
	snprintf(scene.path, sizeof scene.path, "%s/store", scene.root);
	for (int i = 0; i < 2; i++) {
		template_make(scene.path, i, &templates[i]);
		scene_empty(&scene);
	}
}

static void teardown(void)
{
	failing_table_remove();
	for (int i = 0; i < 2; i++)
		free(templates[i].log);
	statedir_scratch_gone(scene.root);
	printf("%zu calls, %" PRIu64 " sites made to fail\n", CALLS, sites_all);
}

START_TEST(every_call_fails_cleanly)
{
	struct failing_test test = {.root = scene.root, .prepare = scene_prepare, .act = scene_act,
				    .check = scene_check, .user = &scene, .nth_max = 2000};
	struct failing_report report = {0, 0, ""};
	int64_t before = actors_now_ns();

	if (actors_slack() > 1 && (size_t)_i < CALLS)
		return; /* where everything is slow the folded one of the two stores has to do */
	scene.call = &calls[(size_t)_i % CALLS];
	template_now = &templates[(size_t)_i / CALLS];
	failing_run(&test, &report);
	sites_all += report.runs;
	if (getenv("SKAFU_TEST_VERBOSE"))
		printf("%-28s %5" PRIu64 " sites %6.2f s\n", scene.call->name, report.runs,
		       (double)(actors_now_ns() - before) / 1e9);
	ck_assert_msg(report.failures == 0, "%s: %" PRIu64 " kinds of failure; %s", scene.call->name, report.failures,
		      report.first);
}
END_TEST

/* The table above names every function of the header. */
START_TEST(every_function_is_in_the_table)
{
	FILE *header = fopen("include/skafu_store.h", "r");
	char line[300];
	int missing = 0;

	if (!header) {
		printf("not run where include/skafu_store.h is: not checked\n");
		return;
	}
	while (fgets(line, sizeof line, header)) {
		char *at = strncmp(line, "SKAFU_API", 9) == 0 ? strstr(line, "skafu_") : NULL;
		while (at && strcspn(at, "(") > strcspn(at, " *;,\n"))
			at = strstr(at + 1, "skafu_");
		if (!at || at[strcspn(at, "(")] == 0)
			continue;
		at[strcspn(at, "(")] = 0;
		size_t i = 0;
		while (i < CALLS && strcmp(calls[i].name, at) != 0)
			i++;
		if (i == CALLS) {
			printf("%s is not in the table\n", at);
			missing++;
		}
	}
	fclose(header);
	ck_assert_int_eq(missing, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("failcalls");
	TCase *tests = tcase_create("failcalls");

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* LMDB asks for megabytes that it hardly touches: they must come untouched, each time. */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	tcase_add_unchecked_fixture(tests, setup, teardown);
	tcase_add_test(tests, every_function_is_in_the_table);
	tcase_add_loop_test(tests, every_call_fails_cleanly, 0, 2 * (int)CALLS);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
