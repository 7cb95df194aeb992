/*
 * diff.c: where two histories part.
 *
 * By commits: both logs are walked side by side in short views, and the canonical forms compared; so a copy is equal
 * to its original whatever was packed, left out or numbered otherwise in it.  By records: both are read side by side,
 * and all that a record says is compared, but not how records were committed nor when they were recorded; so what was
 * exported and imported is equal.
 */
#include "skafu_store.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "codec/canonical.h"
#include "store/recordjson.h"
#include "store/store.h"
#include "store/view.h"

#define DIFF_VIEW_NS 20000000
#define DIFF_BATCH 256u

struct diff {
	skafu_store *stores[2];
	struct skafu_diff result;
	uint64_t commit; /* the last one that is the same */
	int in_bytes;    /* all commits so far were equal to the byte, so names have the same numbers */
	int is_over;
	struct skafu__buf forms[2];
	skafu_progress_fn tell;
	void *user;
};

static uint64_t diff_common_head(const struct diff *diff)
{
	return diff->result.head < diff->result.other_head ? diff->result.head : diff->result.other_head;
}

static int32_t diff_progress(const struct diff *diff, skafu_error *error)
{
	if (!diff->tell || diff->tell(diff->user, diff->result.same_up_to, diff_common_head(diff)) == 0)
		return 0;
	return skafu__fail(error, SKAFU_EINTERRUPTED,
		       "the host stopped the comparison at record %llu, up to which the "
			   "two are the same", (unsigned long long)diff->result.same_up_to);
}

/* ---- by commits ---------------------------------------------------------------------------------------------- */

/* 1 when the commits that two views stand on are the same. */
static int32_t diff_same_commit(struct diff *diff, struct skafu__view views[2], skafu_error *error)
{
	const struct skafu__commit *a = &views[0].current;
	const struct skafu__commit *b = &views[1].current;
	int is_same = a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
	if (diff->in_bytes && is_same)
		return 1;
	diff->in_bytes = 0;
	for (int i = 0; i < 2; i++) {
		skafu__buf_clear(&diff->forms[i]);
		int32_t rc = skafu__commit_canonical(&views[i].current, skafu__names_of, &diff->stores[i]->names,
						     &diff->forms[i]);
		if (rc == SKAFU_ENOMEM || rc == SKAFU_ELIMIT)
			return skafu__fail_memory(error);
		if (rc != 0)
			return skafu__fail(error, SKAFU_EDAMAGED, "commit %llu of the %s store is damaged; verify it",
					   (unsigned long long)views[i].current.number, i ? "other" : "first");
	}
	return diff->forms[0].length == diff->forms[1].length &&
	       memcmp(diff->forms[0].bytes, diff->forms[1].bytes, diff->forms[0].length) == 0;
}

/* Step both views: 1 when both have a commit. */
static int32_t diff_step(struct skafu__view views[2], skafu_error *error)
{
	int32_t first = skafu__view_walk_next(&views[0], error);
	if (first < 0)
		return first;
	int32_t other = skafu__view_walk_next(&views[1], error);
	return other < 0 ? other : first && other;
}

static int32_t diff_walk(struct diff *diff, struct skafu__view views[2], skafu_error *error)
{
	int64_t until = diff->stores[0]->sys.monotonic_ns() + DIFF_VIEW_NS;
	int32_t rc = 0;
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = skafu__view_walk(&views[i], diff->commit, diff->result.same_up_to, error);
	while (rc == 0) {
		rc = diff_step(views, error);
		diff->is_over = rc == 0;
		if (rc <= 0)
			return rc;
		rc = diff_same_commit(diff, views, error);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			diff->result.sequence = diff->result.same_up_to + 1;
			diff->result.commit = views[0].current.number;
			diff->is_over = 1;
			return 0;
		}
		diff->commit = views[0].current.number;
		diff->result.same_up_to = skafu__commit_last_sequence(&views[0].current);
		rc = diff->stores[0]->sys.monotonic_ns() > until;
	}
	return rc < 0 ? rc : 0;
}

static int32_t diff_round(struct diff *diff, skafu_error *error)
{
	struct skafu__view views[2];
	int32_t rc = skafu__view_open_two(diff->stores[0], &views[0], diff->stores[1], &views[1], error);
	if (rc != 0)
		return rc;
	diff->result.head = views[0].head;
	diff->result.other_head = views[1].head;
	rc = diff_walk(diff, views, error);
	skafu__view_close(&views[1]);
	skafu__view_close(&views[0]);
	return rc;
}

static int32_t diff_commits(struct diff *diff, skafu_error *error)
{
	int32_t rc = 0;
	diff->in_bytes = 1;
	while (rc == 0 && !diff->is_over) {
		rc = diff_round(diff, error);
		if (rc == 0)
			rc = diff_progress(diff, error);
	}
	return rc;
}

/* ---- by records ---------------------------------------------------------------------------------------------- */

static int diff_same_bytes(const void *a, size_t a_length, const void *b, size_t b_length)
{
	return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static int diff_same_tags(const skafu_record *a, const skafu_record *b)
{
	for (uint32_t i = 0; a->tag_count == b->tag_count && i < a->tag_count; i++)
		if (strcmp(skafu_record_tag(a, i), skafu_record_tag(b, i)) != 0)
			return 0;
	return a->tag_count == b->tag_count;
}

static int diff_same_record(const skafu_record *a, const skafu_record *b)
{
	int is_json = (a->flags & b->flags & SKAFU_RECORD_IS_JSON) != 0;
	return a->sequence == b->sequence && a->kind == b->kind && a->event_version == b->event_version &&
	       a->stream_version == b->stream_version && a->time_ns == b->time_ns && a->severity == b->severity &&
	       a->hops == b->hops && memcmp(a->id, b->id, SKAFU_ID_BYTES) == 0 &&
	       memcmp(a->causation, b->causation, SKAFU_ID_BYTES) == 0 && strcmp(a->stream, b->stream) == 0 &&
	       strcmp(a->type, b->type) == 0 && strcmp(a->source, b->source) == 0 &&
	       strcmp(a->correlation, b->correlation) == 0 && strcmp(a->content_type, b->content_type) == 0 &&
	       diff_same_tags(a, b) &&
	       skafu__recordjson_same(a->metadata, a->metadata_length, b->metadata, b->metadata_length) &&
	       (is_json ? skafu__recordjson_same(a->data, a->data_length, b->data, b->data_length)
			: diff_same_bytes(a->data, a->data_length, b->data, b->data_length));
}

/* Compare as many as both have of a batch.  1: there are more. */
static int32_t diff_records_batch(struct diff *diff, skafu_cursor *cursors[2], skafu_error *error)
{
	for (uint32_t i = 0; i < DIFF_BATCH; i++) {
		const skafu_record *records[2];
		int32_t first = skafu_cursor_next(cursors[0], &records[0], error);
		if (first < 0)
			return first;
		int32_t other = skafu_cursor_next(cursors[1], &records[1], error);
		if (other <= 0 || first == 0)
			return other < 0 ? other : 0;
		if (!diff_same_record(records[0], records[1])) {
			uint64_t lower = records[0]->sequence < records[1]->sequence ? records[0]->sequence
										     : records[1]->sequence;
			diff->result.sequence = lower;
			return 0;
		}
		diff->result.same_up_to = records[0]->sequence;
	}
	return 1;
}

static int32_t diff_records(struct diff *diff, skafu_error *error)
{
	skafu_cursor *cursors[2] = {NULL, NULL};
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	int32_t rc = 0;
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = skafu_read(diff->stores[i], NULL, SKAFU_NO_LIMIT, &opts, &cursors[i], error);
	if (rc == 0) {
		diff->result.head = skafu_cursor_head(cursors[0]);
		diff->result.other_head = skafu_cursor_head(cursors[1]);
		rc = 1;
	}
	while (rc == 1) {
		rc = diff_records_batch(diff, cursors, error);
		int32_t stopped = rc >= 0 ? diff_progress(diff, error) : 0;
		if (stopped != 0)
			rc = stopped;
	}
	skafu_cursor_free(cursors[0]);
	skafu_cursor_free(cursors[1]);
	return rc;
}

/* ---- the call ------------------------------------------------------------------------------------------------ */

static int32_t diff_check(skafu_store *store, skafu_store *other, uint32_t flags, const skafu_diff *out_diff,
			  skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = skafu__store_check(other, error);
	if (rc == 0)
		rc = skafu__opts_flags(flags, SKAFU_DIFF_RECORDS, "comparison", error);
	if (rc == 0 && !out_diff)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_diff is NULL");
	if (rc == 0 && store == other)
		rc = skafu__fail(error, SKAFU_EINVAL, "both are the same store; it is equal to itself");
	return rc;
}

int32_t skafu_store_diff(skafu_store *store, skafu_store *other, uint32_t flags, skafu_progress_fn tell, void *user,
			 skafu_diff *out_diff, skafu_error *error)
{
	struct diff diff = {.stores = {store, other}, .result = {.size = sizeof diff.result}, .tell = tell,
		       .user = user};
	int32_t rc = diff_check(store, other, flags, out_diff, error);
	if (rc != 0)
		return rc;
	skafu__buf_init(&diff.forms[0], &store->sys, SIZE_MAX / 2);
	skafu__buf_init(&diff.forms[1], &store->sys, SIZE_MAX / 2);
	rc = flags & SKAFU_DIFF_RECORDS ? diff_records(&diff, error) : diff_commits(&diff, error);
	skafu__buf_done(&diff.forms[0]);
	skafu__buf_done(&diff.forms[1]);
	if (rc != 0)
		return rc;
	return skafu__opts_write(out_diff, &diff.result, sizeof diff.result, "skafu_diff", error);
}
