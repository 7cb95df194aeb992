/*
 * import.c: records from text into a store, so that doing it again adds nothing.
 *
 * Lines are gathered into batches of one commit each.  Every record has an id that follows from the text, so a commit
 * that is there already is found by its id, and a record that came in another commit by its own; it is then compared
 * with the line in full.  A batch that is refused is cut in halves until the line that is to blame stands alone.
 *
 * Invariant: lines are settled in their order, each once: added, present, blank or bad.  A failure that is no line's
 * fault settles nothing and loses nothing; the next call goes on from there.
 */
#include "skafu_store.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/map.h"
#include "base/opts.h"
#include "codec/hash.h"
#include "codec/json.h"
#include "codec/split.h"
#include "store/batch.h"
#include "store/recordread.h"
#include "store/store.h"

#define IMPORT_LINE_BYTES (32u << 20)
#define IMPORT_LINE_BYTES_MIN 16u
#define IMPORT_BATCH_RECORDS 1000u
#define IMPORT_BATCH_RECORDS_MAX 100000u
#define IMPORT_BAD_TEXT_BYTES 1024u /* of a line that is too long */
#define IMPORT_ORIGIN_BYTES_MAX 4096u

/* A line of the batch. */
struct import_line {
	uint64_t number;
	size_t at; /* in texts */
	size_t length;
	uint32_t is_settled;
	uint32_t reserved;
};

/* A line that was set aside, in front of its reason with its NUL and its text, in `bads`. */
struct import_aside {
	uint64_t line;
	int64_t code;
	uint64_t reason_length;
	uint64_t text_length;
};

struct skafu_import {
	skafu_store *store;
	struct skafu_import_opts opts;
	char *origin;
	struct skafu__split split;
	struct skafu__recordread read;
	skafu_batch *batch;
	int batch_is_ready; /* it holds all lines that are not settled */
	uint64_t timeout_ns; /* of this call */

	struct skafu__buf texts;
	struct import_line *lines;
	uint32_t line_count;
	struct skafu__map versions; /* of the streams in the batch, to compare places */
	uint64_t next_sequence;     /* that the batch expects for its next record; 0: not known yet */

	struct skafu__buf rest; /* what was fed and not split yet */
	size_t rest_at;
	int32_t has_piece; /* SKAFU__SPLIT_PIECE or TOO_LONG: it waits in split */
	int is_stuck;      /* a failure that was no line's fault: nothing may be fed */
	int is_finished;

	struct skafu__buf bads;
	size_t bads_at;
	struct skafu_import_bad bad;
	struct skafu_import_info info;
	struct skafu_error failure; /* the bad line that ended the import; code 0 before */
};

/* ---- life ---------------------------------------------------------------------------------------------------- */

static int32_t import_read_opts(const skafu_import_opts *given, skafu_import_opts *out, skafu_error *error)
{
	int32_t rc = skafu__opts_read(out, sizeof *out, given, "skafu_import_opts", error);
	if (rc == 0)
		rc = skafu__opts_flags(out->flags, SKAFU_IMPORT_SET_ASIDE | SKAFU_IMPORT_SAME_PLACES,
				       "skafu_import_opts", error);
	if (rc != 0)
		return rc;
	if (out->form == 0)
		out->form = SKAFU_FORM_LINES;
	if (out->line_bytes_max == 0)
		out->line_bytes_max = IMPORT_LINE_BYTES;
	if (out->batch_records == 0)
		out->batch_records = IMPORT_BATCH_RECORDS;
	if (!out->origin)
		out->origin = "";
	if (out->form > SKAFU_FORM_CLOUDEVENTS_ARRAY || out->reserved != 0)
		return skafu__fail(error, SKAFU_EOPTION,
			       "form or reserved of skafu_import_opts has a value that this "
				   "library does not know");
	if (out->line_bytes_max < IMPORT_LINE_BYTES_MIN || out->batch_records > IMPORT_BATCH_RECORDS_MAX ||
	    strlen(out->origin) > IMPORT_ORIGIN_BYTES_MAX)
		return skafu__fail(error, SKAFU_EINVAL,
			       "line_bytes_max is below %u, batch_records above %u, or origin "
				   "longer than %u bytes", IMPORT_LINE_BYTES_MIN, IMPORT_BATCH_RECORDS_MAX,
				   IMPORT_ORIGIN_BYTES_MAX);
	return 0;
}

static int32_t import_make(skafu_import *made, skafu_error *error)
{
	const struct skafu__sys *sys = &made->store->sys;
	uint32_t form = made->opts.form == SKAFU_FORM_CLOUDEVENTS_ARRAY ? SKAFU__SPLIT_ARRAY : SKAFU__SPLIT_LINES;
	skafu__split_init(&made->split, sys, form, made->opts.line_bytes_max);
	skafu__recordread_init(&made->read, sys);
	skafu__buf_init(&made->texts, sys, SIZE_MAX / 2);
	skafu__buf_init(&made->rest, sys, SIZE_MAX / 2);
	skafu__buf_init(&made->bads, sys, SIZE_MAX / 2);
	skafu__map_init(&made->versions, sys, SIZE_MAX, skafu__load_u64(made->store->format.hash_key));
	made->info.size = sizeof made->info;
	made->origin = skafu__strdup(sys, made->opts.origin);
	made->lines = skafu__realloc_array(sys, NULL, made->opts.batch_records, sizeof *made->lines);
	if (!made->origin || !made->lines)
		return skafu__fail_memory(error);
	return skafu_batch_new(made->store, &made->batch, error);
}

static void import_undo(skafu_import *importing)
{
	const struct skafu__sys *sys = &importing->store->sys;
	skafu_batch_free(importing->batch);
	skafu__map_done(&importing->versions);
	skafu__buf_done(&importing->bads);
	skafu__buf_done(&importing->rest);
	skafu__buf_done(&importing->texts);
	skafu__recordread_done(&importing->read);
	skafu__split_done(&importing->split);
	skafu__free(sys, importing->lines);
	skafu__free(sys, importing->origin);
	skafu__free(sys, importing);
}

int32_t skafu_import_open(skafu_store *store, const skafu_import_opts *opts, skafu_import **out_import,
			  skafu_error *error)
{
	skafu_import_opts complete = {0};
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = import_read_opts(opts, &complete, error);
	if (rc == 0 && !out_import)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_import is NULL; give a place for the import");
	if (rc == 0 && store->read_only)
		rc = skafu__fail(error, SKAFU_EREADONLY, "the store is open for reading only, so nothing can be "
				 "imported");
	if (rc != 0)
		return rc;
	skafu_import *made = skafu__alloc_zeroed(&store->sys, 1, sizeof *made);
	if (!made)
		return skafu__fail_memory(error);
	made->store = store;
	made->opts = complete;
	rc = import_make(made, error);
	if (rc != 0) {
		import_undo(made);
		return rc;
	}
	skafu__store_hold(store);
	*out_import = made;
	return 0;
}

void skafu_import_free(skafu_import *importing)
{
	if (!importing)
		return;
	skafu_store *store = importing->store;
	import_undo(importing);
	skafu__store_release(store);
}

/* ---- bad lines ----------------------------------------------------------------------------------------------- */

/* Codes that blame the text, not the machine. */
static int import_blames_text(int32_t code)
{
	return code == SKAFU_EINVAL || code == SKAFU_ELIMIT || code == SKAFU_EUTF8 || code == SKAFU_EJSON ||
	       code == SKAFU_EDEFINITION || skafu_result_is_conflict(code);
}

static int32_t import_set_aside(skafu_import *importing, uint64_t number, const char *text, size_t length,
				const struct skafu_error *why, skafu_error *error)
{
	struct import_aside aside = {.line = number, .code = why->code, .reason_length = strlen(why->message),
				     .text_length = length};
	size_t before = importing->bads.length;
	skafu__buf_put(&importing->bads, &aside, sizeof aside);
	skafu__buf_put(&importing->bads, why->message, aside.reason_length + 1);
	skafu__buf_put(&importing->bads, text, length);
	if (importing->bads.failed == 0)
		return 0;
	importing->bads.length = before;
	importing->bads.failed = 0;
	return skafu__fail_memory(error);
}

/* A bad line: kept for the host, or the end of the import.  0 when it may go on. */
static int32_t import_bad(skafu_import *importing, uint64_t number, const char *text, size_t length,
			  const struct skafu_error *why, skafu_error *error)
{
	if (importing->opts.flags & SKAFU_IMPORT_SET_ASIDE) {
		int32_t rc = import_set_aside(importing, number, text, length, why, error);
		if (rc != 0)
			return rc;
	} else {
		importing->failure = *why;
		skafu__fail(&importing->failure, why->code, "line %llu: %s", (unsigned long long)number,
			       why->message);
	}
	importing->info.bad++;
	importing->info.settled++;
	importing->info.bad_line = number;
	return importing->failure.code ? skafu__error_copy(error, &importing->failure, importing->failure.code) : 0;
}

/* ---- a batch ------------------------------------------------------------------------------------------------- */

/* A record without an id gets one that follows from where it stands and what it says. */
static void import_make_id(skafu_import *importing, uint64_t number, const char *text, size_t length)
{
	uint8_t id[SKAFU_ID_BYTES];
	uint8_t place[8];
	const struct skafu__part parts[] = {{"skafu import", sizeof "skafu import"},
					    {importing->origin, strlen(importing->origin)},
					    {place, sizeof place},
					    {text, length}};
	skafu__store_u64(place, number);
	skafu__blake2b(id, sizeof id, parts, sizeof parts / sizeof *parts);
	skafu__ident_stamp_v8(id);
	skafu__recordread_set_id(&importing->read, id);
}

static int32_t import_parse(skafu_import *importing, uint64_t number, const char *text, size_t length,
			    struct skafu_error *why)
{
	while (length > 0 && memchr(" \t\r", text[length - 1], 3))
		length--; /* so that the id does not depend on how lines end */
	int32_t rc = skafu__recordread_take(&importing->read, importing->opts.form, text, length, why);
	if (rc == 0 && !importing->read.has_id)
		import_make_id(importing, number, text, length);
	return rc;
}

/* The line must say the next version of its stream, and the first of a stream in a batch is a condition of it. */
static int32_t import_expect_version(skafu_import *importing, struct skafu_error *why)
{
	const struct skafu__recordread *read = &importing->read;
	size_t length = strlen(read->record.stream ? read->record.stream : "");
	if (read->record.kind != SKAFU_KIND_EVENT || length == 0)
		return 0;
	if (read->stream_version == 0)
		return skafu__fail(why, SKAFU_EINVAL, "the record has no stream version, which shall be kept");
	const uint64_t *last = skafu__map_find(&importing->versions, read->record.stream, length);
	if (last && *last + 1 != read->stream_version)
		return skafu__fail(why, SKAFU_ECONFLICT, "the record is version %llu of its stream, and would become "
				   "%llu", (unsigned long long)read->stream_version, (unsigned long long)*last + 1);
	if (!last) {
		int32_t rc = skafu_batch_expect_stream(importing->batch, read->record.stream, SKAFU_EXPECT_EXACT,
						       read->stream_version - 1, why);
		if (rc != 0)
			return rc;
	}
	int32_t rc = skafu__map_insert(&importing->versions, read->record.stream, length, read->stream_version);
	return rc < 0 ? skafu__fail_memory(why) : 0;
}

static int32_t import_expect_places(skafu_import *importing, struct skafu_error *why)
{
	const struct skafu__recordread *read = &importing->read;
	if (!(importing->opts.flags & SKAFU_IMPORT_SAME_PLACES))
		return 0;
	if (read->sequence == 0)
		return skafu__fail(why, SKAFU_EINVAL, "the record has no sequence, which shall be kept");
	if (importing->next_sequence != 0 && read->sequence != importing->next_sequence)
		return skafu__fail(why, SKAFU_ECONFLICT, "the record has sequence %llu, and would become %llu",
				   (unsigned long long)read->sequence, (unsigned long long)importing->next_sequence);
	int32_t rc = import_expect_version(importing, why);
	if (rc == 0)
		importing->next_sequence = read->sequence + 1;
	return rc;
}

static void import_batch_clear(skafu_import *importing)
{
	skafu_batch_clear(importing->batch);
	skafu__map_clear(&importing->versions);
	importing->next_sequence = 0;
	importing->batch_is_ready = 0;
}

/* Put the record that was read into the batch. */
static int32_t import_batch_add(skafu_import *importing, struct skafu_error *why)
{
	const struct skafu__recordread *read = &importing->read;
	int32_t rc = read->is_erased ? skafu__batch_add_erased(importing->batch, &read->record, why)
				     : skafu_batch_add(importing->batch, &read->record, why);
	return rc ? rc : import_expect_places(importing, why);
}

/* The batch of the lines from..to that are not settled.  All were added once, so a failure is the machine's. */
static int32_t import_batch_of(skafu_import *importing, uint32_t from, uint32_t to, skafu_error *error)
{
	import_batch_clear(importing);
	for (uint32_t i = from; i < to; i++) {
		const struct import_line *line = &importing->lines[i];
		struct skafu_error why = {0};
		if (line->is_settled)
			continue;
		int32_t rc = import_parse(importing, line->number, (const char *)importing->texts.bytes + line->at,
					  line->length, &why);
		if (rc == 0)
			rc = import_batch_add(importing, &why);
		if (rc != 0)
			return skafu__error_copy(error, &why, rc);
	}
	return 0;
}

/* ---- settling ------------------------------------------------------------------------------------------------ */

static void import_mark(skafu_import *importing, uint32_t from, uint32_t to, uint64_t *counter)
{
	for (uint32_t i = from; i < to; i++) {
		if (importing->lines[i].is_settled)
			continue;
		importing->lines[i].is_settled = 1;
		importing->info.settled++;
		++*counter;
	}
}

static int32_t import_bad_line(skafu_import *importing, uint32_t index, const struct skafu_error *why,
			       skafu_error *error)
{
	struct import_line *line = &importing->lines[index];
	int32_t rc = import_bad(importing, line->number, (const char *)importing->texts.bytes + line->at,
		       line->length,
				why, error);
	if (rc == 0 || importing->failure.code != 0)
		line->is_settled = 1;
	return rc;
}

/* Is the record of a line in the store?  1 yes, the same; 0 no; ECONFLICT with *why when it says something else. */
static int32_t import_is_present(skafu_import *importing, const struct import_line *line, struct skafu_error *why)
{
	skafu_record *record;
	int32_t rc = import_parse(importing, line->number, (const char *)importing->texts.bytes + line->at,
				  line->length, why);
	if (rc == 0)
		rc = skafu_get_by_id(importing->store, importing->read.record.id, &record, why);
	if (rc != 0)
		return rc == SKAFU_ENOTFOUND ? 0 : rc;
	int is_same = skafu__recordread_is(&importing->read, record);
	int is_moved = (importing->opts.flags & SKAFU_IMPORT_SAME_PLACES) &&
		       importing->read.sequence != record->sequence;
	if (!is_same || is_moved)
		rc = skafu__fail(why, SKAFU_EDUPLICATE, "the store has a record of this id at sequence %llu%s",
				 (unsigned long long)record->sequence,
				 is_same ? ", another place" : ", and it says something else");
	skafu_record_free(record);
	return rc ? rc : 1;
}

static int32_t import_settle(skafu_import *importing, uint32_t from, uint32_t to, skafu_error *error);

/* Look every line up.  *out_found counts those that are settled by it. */
static int32_t import_look_up(skafu_import *importing, uint32_t from, uint32_t to, uint32_t *out_found,
			      skafu_error *error)
{
	for (uint32_t i = from; i < to; i++) {
		struct skafu_error why = {0};
		if (importing->lines[i].is_settled)
			continue;
		int32_t rc = import_is_present(importing, &importing->lines[i], &why);
		if (rc == 0)
			continue;
		++*out_found;
		if (rc == 1) {
			import_mark(importing, i, i + 1, &importing->info.present);
			continue;
		}
		if (!import_blames_text(rc))
			return skafu__error_copy(error, &why, rc);
		/* What stands before the bad line goes first. */
		rc = importing->opts.flags & SKAFU_IMPORT_SET_ASIDE ? 0 : import_settle(importing, from, i, error);
		if (rc == 0)
			rc = import_bad_line(importing, i, &why, error);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int32_t import_check_head(skafu_import *importing, struct skafu_error *why)
{
	uint64_t head;
	uint64_t first = importing->next_sequence - skafu_batch_count(importing->batch);
	int32_t rc = 0;
	if (!(importing->opts.flags & SKAFU_IMPORT_SAME_PLACES))
		return 0;
	rc = skafu_store_head(importing->store, &head, why);
	if (rc == 0 && head >= first)
		return skafu__fail(why, SKAFU_EDUPLICATE, "the record has sequence %llu, which the store has given "
				   "away", (unsigned long long)first);
	if (rc == 0 && head + 1 < first)
		return skafu__fail(why, SKAFU_ECONFLICT, "the record has sequence %llu, and would become %llu",
				   (unsigned long long)first, (unsigned long long)head + 1);
	return rc;
}

/* Append the batch as it is.  A commit that is in the log is no new one wherever its records stand. */
static int32_t import_append(skafu_import *importing, uint32_t from, uint32_t to, struct skafu_error *why)
{
	skafu_appended appended = {.size = sizeof appended};
	int32_t rc = import_check_head(importing, why);
	if (rc == 0)
		rc = skafu_append(importing->store, importing->batch, importing->timeout_ns, &appended, why);
	if (rc != 0)
		return rc;
	import_mark(importing, from, to,
		    appended.flags & SKAFU_APPENDED_RETRY ? &importing->info.present : &importing->info.added);
	if ((importing->opts.flags & SKAFU_IMPORT_SAME_PLACES) &&
		       appended.last_sequence + 1 != importing->next_sequence)
		return skafu__fail(why, SKAFU_EMISUSE, "somebody else appends to the store, so records cannot keep "
				   "their places; the last import came to sequence %llu",
				   (unsigned long long)appended.last_sequence);
	return 0;
}

static int32_t import_settle_apart(skafu_import *importing, uint32_t from, uint32_t to, const struct skafu_error *why,
				   skafu_error *error)
{
	uint32_t found = 0;
	int32_t rc;
	if (why->code == SKAFU_EDUPLICATE || why->code == SKAFU_ECOMMIT) {
		rc = import_look_up(importing, from, to, &found, error);
		if (rc != 0 || found > 0)
			return rc ? rc : import_settle(importing, from, to, error);
	}
	if (to - from == 1)
		return import_bad_line(importing, from, why, error);
	uint32_t middle = from + (to - from) / 2;
	rc = import_settle(importing, from, middle, error);
	return rc ? rc : import_settle(importing, middle, to, error);
}

/* Settle the lines from..to.  As deep as the batch can be halved, twice. */
static int32_t import_settle(skafu_import *importing, uint32_t from, uint32_t to, skafu_error *error)
{
	struct skafu_error why = {0};
	int32_t rc = 0;
	while (from < to && importing->lines[from].is_settled)
		from++;
	while (from < to && importing->lines[to - 1].is_settled)
		to--;
	if (from == to)
		return 0;
	if (!importing->batch_is_ready)
		rc = import_batch_of(importing, from, to, &why);
	importing->batch_is_ready = 0;
	if (rc == 0)
		rc = import_append(importing, from, to, &why);
	if (rc == 0)
		return 0;
	if (!import_blames_text(rc))
		return skafu__error_copy(error, &why, rc);
	return import_settle_apart(importing, from, to, &why, error);
}

/* Settle all that is gathered, and begin a new batch. */
static int32_t import_flush(skafu_import *importing, skafu_error *error)
{
	int32_t rc = import_settle(importing, 0, importing->line_count, error);
	if (rc != 0)
		return rc;
	importing->line_count = 0;
	skafu__buf_clear(&importing->texts);
	import_batch_clear(importing);
	importing->batch_is_ready = 1;
	return 0;
}

/* ---- a line -------------------------------------------------------------------------------------------------- */

static int import_is_blank(const char *text, size_t length)
{
	return skafu__json_skip_blanks(text, 0, length) == length;
}

/* Remember a line whose record is in the batch. */
static int32_t import_keep(skafu_import *importing, uint64_t number, const char *text, size_t length,
			   struct skafu_error *why)
{
	struct import_line *line = &importing->lines[importing->line_count];
	size_t at = importing->texts.length;
	if (skafu__buf_put(&importing->texts, text, length) != 0) {
		importing->texts.failed = 0;
		importing->batch_is_ready = 0; /* it has a record too many */
		return skafu__fail_memory(why);
	}
	*line = (struct import_line){.number = number, .at = at, .length = length};
	importing->line_count++;
	return 0;
}

/* Take a record into the batch; when the batch as it is cannot have it, then into the next one. */
static int32_t import_take_record(skafu_import *importing, uint64_t number, const char *text, size_t length,
				  struct skafu_error *why)
{
	int32_t rc = 0;
	if (!importing->batch_is_ready)
		rc = import_batch_of(importing, 0, importing->line_count, why);
	importing->batch_is_ready = 0;
	if (rc == 0)
		rc = import_parse(importing, number, text, length, why);
	else if (import_blames_text(rc))
		return skafu__fail(why, SKAFU_EINTERNAL, "a line was taken once and is refused now");
	if (rc == 0)
		rc = import_batch_add(importing, why);
	importing->batch_is_ready = rc == 0;
	return rc ? rc : import_keep(importing, number, text, length, why);
}

static int32_t import_line(skafu_import *importing, uint64_t number, const char *text, size_t length,
			   skafu_error *error)
{
	struct skafu_error why = {0};
	int32_t rc = import_take_record(importing, number, text, length, &why);
	if (rc != 0 && import_blames_text(rc)) {
		/* What comes before the line is settled, and then the line stands alone. */
		rc = import_flush(importing, error);
		if (rc != 0)
			return rc;
		rc = import_take_record(importing, number, text, length, &why);
	}
	if (rc == 0)
		return 0;
	if (!import_blames_text(rc))
		return skafu__error_copy(error, &why, rc);
	return import_bad(importing, number, text, length, &why, error);
}

static int32_t import_piece(skafu_import *importing, skafu_error *error)
{
	struct skafu_error why = {0};
	int32_t rc = 0;
	const char *text = (const char *)importing->split.piece.bytes;
	size_t length = importing->split.piece.length;
	uint64_t number = importing->split.number;
	if (importing->line_count == importing->opts.batch_records ||
	    importing->texts.length + length > importing->store->opts.batch_bytes_max)
		rc = import_flush(importing, error);
	if (rc != 0)
		return rc;
	if (importing->has_piece == SKAFU__SPLIT_TOO_LONG) {
		rc = import_flush(importing, error);
		skafu__fail(&why, SKAFU_ELIMIT, "it is longer than %u bytes", importing->opts.line_bytes_max);
		if (rc == 0)
			rc = import_bad(importing, number, text,
					length < IMPORT_BAD_TEXT_BYTES ? length : IMPORT_BAD_TEXT_BYTES, &why, error);
		return rc;
	}
	if (!import_is_blank(text, length))
		return import_line(importing, number, text, length, error);
	importing->info.settled++;
	return 0;
}

/* ---- feeding ------------------------------------------------------------------------------------------------- */

/* The array is none: nothing after it can be read, whatever the options say. */
static int32_t import_broken(skafu_import *importing, skafu_error *error)
{
	int32_t rc = import_flush(importing, error);
	if (rc != 0)
		return rc;
	importing->info.bad++;
	importing->info.bad_line = importing->split.number + 1;
	skafu__fail(&importing->failure, SKAFU_EJSON, "after element %llu: %s",
		    (unsigned long long)importing->split.number, importing->split.reason);
	return skafu__error_copy(error, &importing->failure, SKAFU_EJSON);
}

/* What the splitter says: settle a piece.  The piece waits when that fails. */
static int32_t import_split_result(skafu_import *importing, int32_t result, skafu_error *error)
{
	if (result == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (result == SKAFU__SPLIT_BROKEN)
		return import_broken(importing, error);
	if (result == SKAFU__SPLIT_MORE)
		return 0;
	if (importing->has_piece == 0)
		importing->info.lines++;
	importing->has_piece = result;
	int32_t rc = import_piece(importing, error);
	if (rc == 0 || importing->failure.code != 0)
		importing->has_piece = 0;
	return rc;
}

static int32_t import_go_on(skafu_import *importing, skafu_error *error)
{
	int32_t rc = 0;
	if (importing->has_piece != 0)
		rc = import_split_result(importing, importing->has_piece, error);
	while (rc == 0 && importing->rest_at < importing->rest.length) {
		size_t taken;
		int32_t result = skafu__split_take(&importing->split, importing->rest.bytes + importing->rest_at,
						   importing->rest.length - importing->rest_at, &taken);
		importing->rest_at += taken;
		importing->info.bytes += taken;
		rc = import_split_result(importing, result, error);
	}
	return rc;
}

static int32_t import_check(skafu_import *importing, uint64_t timeout_ns, skafu_error *error)
{
	if (!importing)
		return skafu__fail(error, SKAFU_EINVAL, "the import is NULL");
	int32_t rc = skafu__store_check(importing->store, error);
	if (rc != 0)
		return rc;
	if (importing->failure.code != 0)
		return skafu__error_copy(error, &importing->failure, importing->failure.code);
	importing->timeout_ns = timeout_ns;
	skafu__buf_clear(&importing->bads);
	importing->bads_at = 0;
	return 0;
}

int32_t skafu_import_feed(skafu_import *importing, const void *bytes, size_t length, uint64_t timeout_ns,
			  skafu_error *error)
{
	int32_t rc = import_check(importing, timeout_ns, error);
	if (rc == 0 && length != 0 && !bytes)
		rc = skafu__fail(error, SKAFU_EINVAL, "length is %zu but bytes is NULL", length);
	if (rc == 0 && importing->is_finished)
		rc = skafu__fail(error, SKAFU_EMISUSE, "the import is finished; open another one");
	if (rc == 0 && importing->is_stuck && length != 0)
		rc = skafu__fail(error, SKAFU_EMISUSE, "an earlier call failed and has kept what it was given; go on "
				 "by feeding no bytes");
	if (rc != 0)
		return rc;
	if (length != 0) {
		skafu__buf_clear(&importing->rest);
		importing->rest_at = 0;
		if (skafu__buf_put(&importing->rest, bytes, length) != 0)
			return skafu__fail_memory(error); /* nothing was taken */
	}
	rc = import_go_on(importing, error);
	importing->is_stuck = rc != 0 && importing->failure.code == 0;
	return rc;
}

int32_t skafu_import_finish(skafu_import *importing, uint64_t timeout_ns, skafu_error *error)
{
	int32_t rc = import_check(importing, timeout_ns, error);
	if (rc != 0)
		return rc;
	rc = import_go_on(importing, error);
	if (rc == 0)
		rc = import_split_result(importing, skafu__split_end(&importing->split), error);
	if (rc == 0)
		rc = import_flush(importing, error);
	if (rc == 0)
		importing->is_finished = 1;
	importing->is_stuck = rc != 0 && importing->failure.code == 0;
	return rc;
}

/* ---- looking ------------------------------------------------------------------------------------------------- */

int32_t skafu_import_info_get(const skafu_import *importing, skafu_import_info *out_info, skafu_error *error)
{
	if (!importing || !out_info)
		return skafu__fail(error, SKAFU_EINVAL, "the import or the place for its figures is NULL");
	return skafu__opts_write(out_info, &importing->info, sizeof importing->info, "skafu_import_info", error);
}

int32_t skafu_import_bad_next(skafu_import *importing, const skafu_import_bad **out_bad, skafu_error *error)
{
	struct import_aside aside;
	if (!importing || !out_bad)
		return skafu__fail(error, SKAFU_EINVAL, "the import or the place for the line is NULL");
	if (importing->bads_at == importing->bads.length)
		return 0;
	const uint8_t *at = importing->bads.bytes + importing->bads_at;
	memcpy(&aside, at, sizeof aside);
	at += sizeof aside;
	importing->bad = (struct skafu_import_bad){.size = sizeof importing->bad,
						   .code = (int32_t)aside.code,
						   .line = aside.line,
						   .reason = (const char *)at,
						   .text = (const char *)at + aside.reason_length + 1,
						   .text_length = aside.text_length};
	importing->bads_at += sizeof aside + aside.reason_length + 1 + aside.text_length;
	*out_bad = &importing->bad;
	return 1;
}
