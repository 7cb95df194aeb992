/*
 * salvage.c: what is whole of a damaged store, copied into a new one, without LMDB.
 *
 * The commits are taken in the order of their numbers, each from the best of the places where it was found
 * (salvage_find.h), and as much of it as checks out (salvage_commit.h).  What is missing between them is declared:
 * commits of lost records keep the numbers and sequences in their place, so the new store is a log like any other,
 * with holes.  A stream whose first events were lost begins later, and one that lost its last events may have been
 * truncated behind what is left; commits at the end put the marks of both where they belong.
 *
 * Invariant: nothing comes out that a checksum does not vouch for, and the host is told of everything that is missing
 * as far as what is left can tell.
 */
#include "skafu_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "codec/canonical.h"
#include "store/batch.h"
#include "store/copyin.h"
#include "store/hidden.h"
#include "store/index.h"
#include "store/leftover.h"
#include "store/open.h"
#include "store/rowpages.h"
#include "store/salvage_commit.h"
#include "store/salvage_find.h"
#include "store/store.h"

#define SALVAGE_STREAMS_BYTES ((size_t)256 << 20)
#define SALVAGE_LOST_RECORDS_MAX 150000u /* in one commit */
#define SALVAGE_GAP_MIN (UINT64_C(1) << 16)
#define SALVAGE_MARKS_MAX 1000u /* in one commit */

struct salvage {
	struct skafu__sys sys;
	struct skafu__salvage_find find;
	struct skafu__salvage_commit commit;
	struct skafu__copyin copy;
	struct skafu__buf bytes; /* of one round: whole commits */
	struct skafu__buf canonical;
	struct skafu__map streams; /* name -> version of the last event */
	struct skafu__buf late; /* of streams that do not begin with version 1: u64 version, the name with its NUL */
	int streams_are_too_many;
	skafu_verify_fn tell;
	void *user;
	int32_t stopped;
	struct skafu_salvage_report report;
	uint64_t number; /* of the last commit that came out */
	uint64_t sequence;
	uint8_t chain[SKAFU__CHAIN_BYTES];
};

/* ---- telling ------------------------------------------------------------------------------------------------- */

static void salvage_say(struct salvage *salvage, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void salvage_say(struct salvage *salvage, const char *format, ...)
{
	char text[512];
	va_list list;
	salvage->report.losses++;
	if (!salvage->tell || salvage->stopped)
		return;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	salvage->stopped = salvage->tell(salvage->user, salvage->number, salvage->report.last_commit, text);
}

/* ---- streams ------------------------------------------------------------------------------------------------- */

static int32_t salvage_is_late(struct salvage *salvage, const struct skafu__record *record)
{
	skafu__buf_put_u64(&salvage->late, record->stream_version);
	return skafu__buf_put(&salvage->late, record->stream, record->stream_length + 1u);
}

static int32_t salvage_keep_stream(struct salvage *salvage, const struct skafu__record *record)
{
	int32_t rc = skafu__map_insert(&salvage->streams, record->stream, record->stream_length,
				       record->stream_version);
	if (rc == SKAFU_ELIMIT)
		salvage->streams_are_too_many = 1;
	return rc == SKAFU_ENOMEM ? rc : 0;
}

/* The versions of a stream ascend by one; those that are jumped over are lost. */
static int32_t salvage_stream(struct salvage *salvage, const struct skafu__record *record)
{
	const uint64_t *known = skafu__map_find(&salvage->streams, record->stream, record->stream_length);
	uint64_t before = known ? *known : 0;
	if (!known && salvage->streams_are_too_many)
		return 0;
	salvage->report.streams += known == NULL;
	if (record->stream_version != before + 1) {
		salvage->report.stream_gaps++;
		salvage_say(salvage, "stream %.*s lacks its versions %llu to %llu", (int)record->stream_length,
			    record->stream, (unsigned long long)before + 1,
			    (unsigned long long)record->stream_version - 1);
		if (!known && salvage_is_late(salvage, record) != 0)
			return SKAFU_ENOMEM;
	}
	return salvage_keep_stream(salvage, record);
}

/* ---- one commit ---------------------------------------------------------------------------------------------- */

/* Link what came out last, `from` on, as long as nothing was lost; and compare with what the store knew. */
static int32_t salvage_chain(struct salvage *salvage, size_t from)
{
	struct skafu__commit commit;
	const struct skafu__index_state *index = &salvage->find.index;
	if (salvage->report.commits_lost || salvage->report.records_lost || salvage->report.fronts_lost ||
	    salvage->number > index->chained_commit)
		return 0;
	skafu__buf_clear(&salvage->canonical);
	if (skafu__commit_decode(salvage->bytes.bytes + from, salvage->bytes.length - from, &commit) != 0)
		return 0;
	int32_t rc = skafu__commit_canonical(&commit, skafu__names_of, &salvage->commit.names, &salvage->canonical);
	if (rc != 0)
		return rc == SKAFU_EDAMAGED ? 0 : SKAFU_ENOMEM;
	skafu__chain_link(salvage->chain, salvage->canonical.bytes, salvage->canonical.length);
	if (salvage->number != index->chained_commit)
		return 0;
	if (memcmp(salvage->chain, index->chain, SKAFU__CHAIN_BYTES) == 0)
		salvage->report.chained_up_to = salvage->number;
	else
		salvage_say(salvage, "the hash chain over commits 1 to %llu does not lead to the hash that the store "
			    "keeps: one of them was changed", (unsigned long long)salvage->number);
	return 0;
}

static void salvage_say_damaged(struct salvage *salvage)
{
	const struct skafu__salvage_copy *copy = &salvage->commit.copy;
	if (!copy->front_is_whole) {
		salvage->report.fronts_lost++;
		salvage_say(salvage, "commit %llu has lost its row operations and names",
			    (unsigned long long)copy->commit.number);
	}
	if (copy->lost != 0)
		salvage_say(salvage, "commit %llu (records %llu to %llu) has lost %u of its records",
			    (unsigned long long)copy->commit.number,
			    (unsigned long long)copy->commit.first_sequence,
			    (unsigned long long)copy->commit.first_sequence + copy->commit.record_count - 1,
			    copy->lost);
	salvage->report.records_lost += copy->lost;
}

/* The commit that was loaded last goes out: 1, or 0 when it cannot be used. */
static int32_t salvage_take(struct salvage *salvage)
{
	struct skafu__salvage_commit *commit = &salvage->commit;
	size_t from = salvage->bytes.length;
	int32_t rc = skafu__salvage_commit_write(commit, &salvage->bytes);
	if (rc != 1)
		return rc;
	salvage->number = commit->copy.commit.number;
	salvage->sequence = skafu__commit_last_sequence(&commit->copy.commit);
	salvage->report.commits++;
	salvage->report.records += commit->copy.commit.record_count - commit->copy.lost;
	salvage_say_damaged(salvage);
	rc = salvage_chain(salvage, from);
	for (uint32_t i = 0; rc == 0 && i < commit->copy.commit.record_count; i++) {
		struct skafu__record record;
		if (skafu__salvage_commit_record(commit, i, &record) && record.kind == SKAFU_KIND_EVENT)
			rc = salvage_stream(salvage, &record);
	}
	return rc ? rc : 1;
}

/* ---- holes --------------------------------------------------------------------------------------------------- */

/* 1 when a commit can be the next one, or the one behind a hole that the file may have had room for. */
static int salvage_fits(const struct salvage *salvage, const struct skafu__salvage_place *place)
{
	uint64_t commits = place->number - salvage->number - 1;
	if (place->number <= salvage->number || place->first_sequence <= salvage->sequence)
		return 0;
	uint64_t records = place->first_sequence - salvage->sequence - 1;
	uint64_t most = 16 * salvage->find.file_bytes / SKAFU__COMMIT_HEADER_BYTES + SALVAGE_GAP_MIN;
	return commits <= most && records <= most && records <= commits * SALVAGE_LOST_RECORDS_MAX;
}

static void salvage_lost_id(const struct salvage *salvage, uint64_t number, uint8_t out[16])
{
	const struct skafu__part parts[] = {{"skafu lost commit", 17},
					    {salvage->find.format.birth, 16},
					    {&number, sizeof number}};
	skafu__blake2b(out, 16, parts, 3);
	skafu__ident_stamp_v8(out);
}

static int32_t salvage_flush(struct salvage *salvage, skafu_error *error)
{
	if (salvage->bytes.length == 0)
		return 0;
	int32_t rc = skafu__copyin_put(&salvage->copy, salvage->bytes.bytes, salvage->bytes.length, error);
	skafu__buf_clear(&salvage->bytes);
	return rc;
}

/* Commits of lost records up to the one before a place. */
static int32_t salvage_fill_hole(struct salvage *salvage, const struct skafu__salvage_place *place,
				 int64_t recorded_ns, skafu_error *error)
{
	uint64_t commits = place->number - salvage->number - 1;
	uint64_t records = place->first_sequence - salvage->sequence - 1;
	if (commits == 0)
		return 0;
	salvage_say(salvage, "commits %llu to %llu are lost, with the records %llu to %llu",
		    (unsigned long long)salvage->number + 1, (unsigned long long)place->number - 1,
		    (unsigned long long)salvage->sequence + 1, (unsigned long long)place->first_sequence - 1);
	salvage->report.commits_lost += commits;
	salvage->report.records_lost += records;
	for (; commits != 0; commits--) {
		uint32_t count = (uint32_t)(records > SALVAGE_LOST_RECORDS_MAX ? SALVAGE_LOST_RECORDS_MAX : records);
		uint8_t id[16];
		salvage_lost_id(salvage, salvage->number + 1, id);
		struct skafu__commit_head head = {.number = salvage->number + 1,
						  .first_sequence = salvage->sequence + 1,
						  .recorded_ns = recorded_ns, .id = id};
		if (skafu__salvage_commit_write_lost(&salvage->commit, &head, count, &salvage->bytes) != 0)
			return skafu__fail_memory(error);
		salvage->number++;
		salvage->sequence += count;
		records -= count;
		if (salvage->bytes.length >= SKAFU__COPYIN_ROUND_BYTES) {
			int32_t rc = salvage_flush(salvage, error);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

/* ---- all commits --------------------------------------------------------------------------------------------- */

/* How much of a commit a place has: the larger the better, 0 nothing; the whole is UINT64_MAX. */
static int32_t salvage_weigh(struct salvage *salvage, const struct skafu__salvage_place *place, uint64_t *out)
{
	int32_t rc = salvage_fits(salvage, place) ? skafu__salvage_commit_load(&salvage->commit, place) : 0;
	*out = 0;
	if (rc != 1)
		return rc;
	const struct skafu__salvage_copy *copy = &salvage->commit.copy;
	*out = (uint64_t)(copy->commit.record_count - copy->lost) * 2 + (copy->front_is_whole ? 2 : 0) +
	       (copy->commit.record_count != 0);
	if (copy->front_is_whole && copy->lost == 0)
		*out = UINT64_MAX;
	return 0;
}

/* The best of the places of one number: a whole one of the best rank, else the one that has most.  A loose place that
 * has something of its own but nothing whole is not believed.  NULL when there is none. */
static int32_t salvage_choose(struct salvage *salvage, const struct skafu__salvage_place *places, size_t count,
			      const struct skafu__salvage_place **out)
{
	uint64_t best = 0;
	*out = NULL;
	for (size_t i = 0; i < count && best != UINT64_MAX; i++) {
		uint64_t weight;
		int32_t rc = salvage_weigh(salvage, &places[i], &weight);
		if (rc != 0)
			return rc;
		if (weight > best) {
			best = weight;
			*out = &places[i];
		}
	}
	return 0;
}

/* What the chosen place lacks may be whole in another one of the same commit: in an old copy, say, that was written
 * over in part. */
static int32_t salvage_mend(struct salvage *salvage, const struct skafu__salvage_place *places, size_t count,
			    const struct skafu__salvage_place *chosen)
{
	const struct skafu__salvage_copy *copy = &salvage->commit.copy;
	int32_t rc = 0;
	for (size_t i = 0; rc == 0 && i < count && (!copy->front_is_whole || copy->lost != 0); i++)
		if (&places[i] != chosen && places[i].head_crc == chosen->head_crc &&
		    places[i].rank <= SKAFU__SALVAGE_LOOSE)
			rc = skafu__salvage_commit_mend(&salvage->commit, &places[i]);
	return rc;
}

static int32_t salvage_one(struct salvage *salvage, const struct skafu__salvage_place *places, size_t count,
			   skafu_error *error)
{
	const struct skafu__salvage_place *place;
	int32_t rc = salvage_choose(salvage, places, count, &place);
	if (rc == 0 && place)
		rc = skafu__salvage_commit_load(&salvage->commit, place); /* another was looked at last */
	if (rc < 0)
		return skafu__fail_memory(error);
	if (!place || rc == 0)
		return 0;
	if (salvage_mend(salvage, places, count, place) != 0)
		return skafu__fail_memory(error);
	rc = salvage_fill_hole(salvage, place, salvage->commit.copy.commit.recorded_ns, error);
	if (rc == 0)
		rc = salvage_take(salvage);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	return rc < 0 ? rc : 0;
}

static int32_t salvage_progress(struct salvage *salvage, skafu_error *error)
{
	if (salvage->tell && !salvage->stopped)
		salvage->stopped = salvage->tell(salvage->user, salvage->number, salvage->report.last_commit, NULL);
	if (!salvage->stopped)
		return 0;
	return skafu__fail(error, SKAFU_EINTERRUPTED, "the host stopped the salvage at commit %llu",
			   (unsigned long long)salvage->number);
}

static int32_t salvage_commits(struct salvage *salvage, skafu_error *error)
{
	const struct skafu__salvage_place *places = (const void *)salvage->find.places.bytes;
	size_t count = salvage->find.places.length / sizeof *places;
	int32_t rc = 0;
	salvage->report.last_commit = count ? places[count - 1].number : 0;
	for (size_t at = 0; rc == 0 && at < count;) {
		size_t same = 1;
		while (at + same < count && places[at + same].number == places[at].number)
			same++;
		rc = salvage_one(salvage, places + at, same, error);
		at += same;
		if (rc == 0 && salvage->bytes.length >= SKAFU__COPYIN_ROUND_BYTES) {
			rc = salvage_flush(salvage, error);
			if (rc == 0)
				rc = salvage_progress(salvage, error);
		}
	}
	salvage->report.last_commit = salvage->number;
	return rc ? rc : salvage_flush(salvage, error);
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

/* What the index, or the newest tree, knew of and did not come out. */
static void salvage_say_end(struct salvage *salvage)
{
	const struct skafu__index_state *index = &salvage->find.index;
	uint64_t top = index->commit > index->chained_commit ? index->commit : index->chained_commit;
	uint64_t sequence = index->sequence > index->chained_sequence ? index->sequence : index->chained_sequence;
	if (salvage->find.top > top)
		top = salvage->find.top;
	if (top > salvage->number) {
		salvage->report.commits_lost += top - salvage->number;
		if (sequence > salvage->sequence)
			salvage->report.records_lost += sequence - salvage->sequence;
		salvage_say(salvage, "the commits from %llu up to %llu at least are lost, and their records",
			    (unsigned long long)salvage->number + 1, (unsigned long long)top);
	} else if (!salvage->find.tree_is_whole) {
		salvage_say(salvage,
			    "the tree of the file is damaged, so it is not known whether commit %llu was the "
			    "last one; it may also be one that was being written",
			    (unsigned long long)salvage->number);
	}
	if (salvage->find.read_failed)
		salvage_say(salvage, "the disk did not give all of the file");
	if (!salvage->find.has_format)
		salvage_say(salvage, "the ids of the store are lost: the new one has a birth id of its own");
	if (salvage->streams_are_too_many)
		salvage_say(salvage, "there are more streams than memory may hold, so not all gaps were found");
}

/* ---- marks of streams ---------------------------------------------------------------------------------------- */

static int32_t salvage_put_mark(struct salvage *salvage, skafu_batch *batch, const char *stream, size_t length,
				uint64_t before, skafu_error *error)
{
	const struct skafu__hidden_mark mark = {before, 0};
	uint8_t value[SKAFU__HIDDEN_STREAM_BYTES];
	skafu__hidden_mark_encode(&mark, value);
	int32_t rc = skafu__batch_put_reserved(batch, SKAFU__HIDDEN_STREAMS, stream, length, value, sizeof value,
					       error);
	if (rc != 0 || batch->row_count < SALVAGE_MARKS_MAX)
		return rc;
	rc = skafu_append(salvage->copy.to, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_clear(batch);
	return rc;
}

/* What a commit said of a stream, and the version that it came to. */
static int32_t salvage_look_up(const struct salvage *salvage, const char *stream, size_t length,
			       struct skafu__hidden_mark *out_mark, uint64_t *out_version, skafu_error *error)
{
	struct skafu__view view;
	uint64_t sequence;
	int32_t rc = skafu__view_open(salvage->copy.to, &view, error);
	if (rc != 0)
		return rc;
	rc = skafu__hidden_stream(&view, stream, length, out_mark, error);
	if (rc == 0)
		rc = skafu__index_stream_head(&view, stream, length, out_version, &sequence, error);
	skafu__view_close(&view);
	return rc;
}

/* Say of the streams that begin later that they do, unless a commit has said so. */
static int32_t salvage_mark_late(struct salvage *salvage, skafu_batch *batch, skafu_error *error)
{
	int32_t rc = 0;
	for (size_t at = 0; rc == 0 && at < salvage->late.length;) {
		uint64_t first = skafu__load_u64(salvage->late.bytes + at);
		const char *stream = (const char *)salvage->late.bytes + at + 8;
		size_t length = strlen(stream);
		uint64_t version;
		struct skafu__hidden_mark mark;
		rc = salvage_look_up(salvage, stream, length, &mark, &version, error);
		if (rc == 0 && mark.before < first)
			rc = salvage_put_mark(salvage, batch, stream, length, first, error);
		at += 8 + length + 1;
	}
	return rc;
}

/* A mark behind the next event of its stream, which lost its last ones, would hide what is appended from now on. */
static int32_t salvage_move_mark(struct salvage *salvage, skafu_batch *batch, const char *stream, size_t length,
				 skafu_error *error)
{
	uint64_t version;
	struct skafu__hidden_mark mark;
	int32_t rc = salvage_look_up(salvage, stream, length, &mark, &version, error);
	if (rc != 0 || mark.is_tombstone || mark.before <= version + 1)
		return rc;
	salvage->report.stream_gaps++;
	salvage_say(salvage, "stream %.*s lacks its versions %llu to %llu", (int)length, stream,
		    (unsigned long long)version + 1, (unsigned long long)mark.before - 1);
	return salvage_put_mark(salvage, batch, stream, length, version + 1, error);
}

static int32_t salvage_move_marks(struct salvage *salvage, skafu_batch *batch, skafu_error *error)
{
	const skafu_row *row;
	struct skafu__rowpages pages;
	skafu__rowpages_init(&pages, salvage->copy.to, SKAFU__HIDDEN_STREAMS, SALVAGE_MARKS_MAX);
	int32_t rc = 0;
	while (rc == 0 && (rc = skafu__rowpages_next(&pages, &row, error)) == 1)
		rc = salvage_move_mark(salvage, batch, (const char *)row->key, row->key_length, error);
	skafu__rowpages_done(&pages);
	return rc;
}

static int32_t salvage_marks(struct salvage *salvage, skafu_error *error)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(salvage->copy.to, &batch, error);
	if (rc == 0)
		rc = salvage_mark_late(salvage, batch, error);
	if (rc == 0)
		rc = salvage_move_marks(salvage, batch, error);
	if (rc == 0 && batch->row_count != 0)
		rc = skafu_append(salvage->copy.to, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	return rc;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static int32_t salvage_into(struct salvage *salvage, const char *out_path, skafu_error *error)
{
	skafu_store_opts opts;
	int32_t rc = skafu__open_read_opts(NULL, &opts, error);
	if (rc == 0)
		rc = skafu__open_make(out_path, &opts, salvage->find.has_format ? &salvage->find.format : NULL,
				      error);
	if (rc != 0)
		return rc;
	rc = skafu_store_open(out_path, NULL, &salvage->copy.to, error);
	if (rc == 0) {
		skafu__chain_start(salvage->find.format.birth, salvage->chain);
		rc = salvage_commits(salvage, error);
		if (rc == 0)
			salvage_say_end(salvage);
		if (rc == 0)
			rc = salvage_marks(salvage, error);
		if (rc == 0)
			rc = salvage_progress(salvage, error);
		skafu_store_close(salvage->copy.to);
	}
	if (rc != 0)
		skafu__leftover_remove_store(&salvage->sys, out_path);
	return rc;
}

static int32_t salvage_run(struct salvage *salvage, const int fds[2], const char *out_path, skafu_error *error)
{
	const struct skafu__sys *sys = &salvage->sys;
	skafu__salvage_find_init(&salvage->find, sys, fds[0], fds[1]);
	skafu__buf_init(&salvage->bytes, sys, SIZE_MAX / 2);
	skafu__buf_init(&salvage->canonical, sys, SIZE_MAX / 2);
	skafu__buf_init(&salvage->late, sys, SIZE_MAX / 2);
	skafu__map_init(&salvage->streams, sys, SALVAGE_STREAMS_BYTES, 0);
	int32_t rc = skafu__salvage_find_all(&salvage->find, error);
	skafu__salvage_commit_init(&salvage->commit, sys, &salvage->find);
	if (rc == 0 && salvage->find.places.length == 0 && salvage->find.read_failed)
		rc = skafu__fail(error, SKAFU_EIO, "the disk gives nothing of the file that could be salvaged");
	if (rc == 0 && salvage->find.places.length == 0 && !salvage->find.has_format)
		rc = skafu__fail(error, SKAFU_EFOREIGN, "nothing of a libskafu store was found in the file");
	if (rc == 0)
		rc = salvage_into(salvage, out_path, error);
	skafu__salvage_commit_done(&salvage->commit);
	skafu__salvage_find_done(&salvage->find);
	skafu__buf_done(&salvage->bytes);
	skafu__buf_done(&salvage->canonical);
	skafu__buf_done(&salvage->late);
	skafu__map_done(&salvage->streams);
	return rc;
}

/* The log, and the journal, which a store need not have, and without which as much as can be is salvaged. */
static int32_t salvage_files(struct salvage *salvage, const char *path, const char *out_path, skafu_error *error)
{
	const struct skafu__sys *sys = &salvage->sys;
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
	int fds[2] = {skafu__open_in(sys, path, "log", flags), -1};
	if (fds[0] < 0)
		return skafu__fail_os(error, errno, "opening %s/log", path);
	fds[1] = skafu__open_in(sys, path, "journal", flags);
	int32_t rc = salvage_run(salvage, fds, out_path, error);
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			sys->close(fds[i]);
	return rc;
}

int32_t skafu_store_salvage(const char *path, const char *out_path, skafu_verify_fn tell, void *user,
			    skafu_salvage_report *out_report, skafu_error *error)
{
	struct salvage salvage = {.tell = tell, .user = user};
	if (!path || !*path || !out_path || !*out_path)
		return skafu__fail(error, SKAFU_EINVAL, "give the path of the damaged store and that of the new one");
	if (out_report && (out_report->size < 8 || out_report->size > sizeof *out_report))
		return skafu__fail(error, SKAFU_EOPTION,
				   "the size of out_report is not sizeof(skafu_salvage_report)");
	int32_t rc = skafu__sys_init(&salvage.sys, NULL);
	if (rc != 0)
		return skafu__fail(error, rc, "the system cannot be used");
	rc = salvage_files(&salvage, path, out_path, error);
	if (rc == 0 && out_report) {
		salvage.report.size = out_report->size;
		memcpy(out_report, &salvage.report, out_report->size);
	}
	return rc;
}
