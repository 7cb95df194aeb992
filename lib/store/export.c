/*
 * export.c: the records of a store as text, in pieces that the host asks for.
 *
 * Invariant: what comes out is the records of one moment, in their order, each once; a step that fails gives nothing
 * and can be tried again, and then goes on with the same record.
 */
#include "skafu_store.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/cloudevent.h"
#include "store/recordjson.h"
#include "store/store.h"

#define EXPORT_PIECE_BYTES (64u << 10)

struct skafu_export {
	skafu_store *store;
	skafu_cursor *cursor;
	uint32_t form;
	uint32_t is_over;
	uint64_t records;
	uint64_t sequence;
	uint64_t to;
	const skafu_record *pending; /* lent by the cursor, and not written yet */
	struct skafu__buf text;
};

static int32_t export_read_opts(const skafu_export_opts *given, skafu_export_opts *out, skafu_error *error)
{
	int32_t rc = skafu__opts_read(out, sizeof *out, given, "skafu_export_opts", error);
	if (rc == 0 && (out->form > SKAFU_FORM_CLOUDEVENTS_ARRAY || (out->kinds & ~SKAFU_KINDS_ALL) != 0 ||
			out->reserved != 0))
		rc = skafu__fail(error, SKAFU_EOPTION,
			       "form, kinds or reserved of skafu_export_opts has a value that "
				 "this library does not know");
	if (out->form == 0)
		out->form = SKAFU_FORM_LINES;
	if (out->kinds == 0)
		out->kinds = SKAFU_KINDS_ALL;
	return rc;
}

static int32_t export_start(skafu_export *made, const skafu_query *query, const skafu_export_opts *opts,
			    skafu_error *error)
{
	skafu_read_opts read = {.size = sizeof read, .kinds = opts->kinds, .from = opts->from, .to = opts->to};
	int32_t rc = skafu_read(made->store, query, SKAFU_NO_LIMIT, &read, &made->cursor, error);
	if (rc != 0)
		return rc;
	made->to = skafu_cursor_head(made->cursor);
	if (opts->to != 0 && opts->to < made->to)
		made->to = opts->to;
	return 0;
}

int32_t skafu_export_open(skafu_store *store, const skafu_query *query, const skafu_export_opts *opts,
			  skafu_export **out_export, skafu_error *error)
{
	skafu_export_opts complete = {0};
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = export_read_opts(opts, &complete, error);
	if (rc == 0 && !out_export)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_export is NULL; give a place for the export");
	if (rc != 0)
		return rc;
	skafu_export *made = skafu__alloc_zeroed(&store->sys, 1, sizeof *made);
	if (!made)
		return skafu__fail_memory(error);
	made->store = store;
	made->form = complete.form;
	skafu__buf_init(&made->text, &store->sys, SIZE_MAX / 2);
	rc = export_start(made, query, &complete, error);
	if (rc != 0) {
		skafu__free(&store->sys, made);
		return rc;
	}
	skafu__store_hold(store);
	*out_export = made;
	return 0;
}

/* ---- steps --------------------------------------------------------------------------------------------------- */

static int32_t export_put(skafu_export *exporting, skafu_error *error)
{
	int32_t rc;
	size_t before = exporting->text.length;
	int is_array = exporting->form == SKAFU_FORM_CLOUDEVENTS_ARRAY;
	if (is_array)
		skafu__buf_put_text(&exporting->text, exporting->records ? ",\n" : "[\n");
	if (exporting->form == SKAFU_FORM_LINES)
		rc = skafu__recordjson_put(&exporting->text, exporting->pending);
	else
		rc = skafu__cloudevent_put(&exporting->text, exporting->pending);
	if (!is_array)
		skafu__buf_put_u8(&exporting->text, '\n');
	if (rc == 0)
		rc = exporting->text.failed;
	if (rc == 0) {
		exporting->records++;
		exporting->sequence = exporting->pending->sequence;
		exporting->pending = NULL;
		return 0;
	}
	exporting->text.length = before;
	exporting->text.failed = 0;
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	skafu__fail(error, rc, "record %llu has a name that is not valid UTF-8, so it cannot be written as JSON",
		    (unsigned long long)exporting->pending->sequence);
	skafu__error_set_sequence(error, exporting->pending->sequence);
	return rc;
}

static int32_t export_end(skafu_export *exporting, skafu_error *error)
{
	if (exporting->form == SKAFU_FORM_CLOUDEVENTS_ARRAY &&
	    skafu__buf_put_text(&exporting->text, exporting->records ? "\n]\n" : "[]\n") != 0) {
		exporting->text.failed = 0;
		return skafu__fail_memory(error);
	}
	exporting->is_over = 1;
	return 0;
}

/* Fill the piece.  A failure after the first record is left for the next step, which meets it again. */
static int32_t export_fill(skafu_export *exporting, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = 1;
	while (rc > 0 && exporting->text.length < EXPORT_PIECE_BYTES) {
		if (!exporting->pending)
			rc = skafu_cursor_next(exporting->cursor, &exporting->pending, &own);
		if (rc == 0)
			rc = export_end(exporting, &own);
		else if (rc > 0)
			rc = export_put(exporting, &own) < 0 ? own.code : 1;
	}
	return rc < 0 && exporting->text.length == 0 ? skafu__error_copy(error, &own, rc) : 0;
}

int32_t skafu_export_next(skafu_export *exporting, const char **out_text, size_t *out_length, skafu_error *error)
{
	if (!exporting || !out_text || !out_length)
		return skafu__fail(error, SKAFU_EINVAL, "the export or the place for its text is NULL; give all");
	int32_t rc = skafu__store_check(exporting->store, error);
	if (rc != 0)
		return rc;
	skafu__buf_clear(&exporting->text);
	if (exporting->is_over)
		return 0;
	rc = export_fill(exporting, error);
	if (rc != 0 || exporting->text.length == 0)
		return rc;
	*out_text = (const char *)exporting->text.bytes;
	*out_length = exporting->text.length;
	return 1;
}

int32_t skafu_export_info_get(const skafu_export *exporting, skafu_export_info *out_info, skafu_error *error)
{
	if (!exporting || !out_info)
		return skafu__fail(error, SKAFU_EINVAL, "the export or the place for its figures is NULL");
	skafu_export_info info = {.size = sizeof info, .records = exporting->records,
				  .sequence = exporting->sequence, .to = exporting->to};
	return skafu__opts_write(out_info, &info, sizeof info, "skafu_export_info", error);
}

void skafu_export_free(skafu_export *exporting)
{
	if (!exporting)
		return;
	skafu_store *store = exporting->store;
	skafu_cursor_free(exporting->cursor);
	skafu__buf_done(&exporting->text);
	skafu__free(&store->sys, exporting);
	skafu__store_release(store);
}
