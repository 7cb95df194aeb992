/*
 * get.c: single answers about the log: one record, the head, the version of a stream.
 */
#include "skafu_store.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "store/hidden.h"
#include "store/index.h"
#include "store/recordview.h"
#include "store/store.h"

static int32_t get_copy(struct skafu__view *view, uint64_t sequence, skafu_record **out_record, skafu_error *error)
{
	struct skafu__record record;
	struct skafu_record found;
	int32_t rc = skafu__hidden_read(view, sequence, &record, error);
	if (rc == SKAFU_ENOTFOUND && sequence <= view->head)
		return skafu__fail(error, SKAFU_ENOTFOUND, "there is no record %llu any more",
				   (unsigned long long)sequence);
	if (rc == SKAFU_ENOTFOUND)
		return skafu__fail(error, SKAFU_ENOTFOUND, "there is no record %llu; the log ends at %llu",
				   (unsigned long long)sequence, (unsigned long long)view->head);
	if (rc != 0)
		return rc;
	rc = skafu__recordview_fill(&found, &record, &view->store->names, error);
	if (rc != 0)
		return rc;
	found.sequence = sequence;
	found.commit = view->current.number;
	found.recorded_ns = view->current.recorded_ns;
	return skafu_record_copy(&found, out_record, error);
}

int32_t skafu_get(skafu_store *store, uint64_t sequence, skafu_record **out_record, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && (sequence == 0 || !out_record))
		rc = skafu__fail(error, SKAFU_EINVAL, "sequences begin at 1, and out_record must not be NULL");
	if (rc == 0)
		rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	rc = get_copy(&view, sequence, out_record, error);
	skafu__view_close(&view);
	return rc;
}

int32_t skafu_get_by_id(skafu_store *store, const uint8_t id[16], skafu_record **out_record, skafu_error *error)
{
	struct skafu__view view;
	uint64_t sequence;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && (!id || !out_record))
		rc = skafu__fail(error, SKAFU_EINVAL, "id or out_record is NULL");
	if (rc == 0)
		rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	rc = skafu__index_find_id(&view, id, &sequence, error);
	if (rc == 0 && sequence == 0)
		rc = skafu__fail(error, SKAFU_ENOTFOUND, "no record has this id");
	if (rc == 0)
		rc = get_copy(&view, sequence, out_record, error);
	skafu__view_close(&view);
	return rc;
}

int32_t skafu_stream_version(skafu_store *store, const char *stream, uint64_t *out_version, skafu_error *error)
{
	struct skafu__view view;
	size_t length;
	uint64_t version;
	uint64_t sequence;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = skafu__name_measure(stream, 255, "stream name", &length, error);
	if (rc == 0 && !out_version)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_version is NULL");
	if (rc == 0)
		rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	rc = skafu__index_stream_head(&view, stream, length, &version, &sequence, error);
	skafu__view_close(&view);
	if (rc == 0)
		*out_version = version;
	return rc;
}

int32_t skafu_store_head(skafu_store *store, uint64_t *out_sequence, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && !out_sequence)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_sequence is NULL");
	if (rc == 0)
		rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	*out_sequence = view.head;
	skafu__view_close(&view);
	return 0;
}

int32_t skafu_store_birth(skafu_store *store, uint8_t out_id[16], skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && !out_id)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_id is NULL");
	if (rc == 0)
		memcpy(out_id, store->format.birth, 16);
	return rc;
}

int32_t skafu_store_incarnation(skafu_store *store, uint8_t out_id[16], skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0 && !out_id)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_id is NULL");
	if (rc == 0)
		memcpy(out_id, store->format.incarnation, 16);
	return rc;
}

const char *skafu_store_path(const skafu_store *store)
{
	return store ? store->path : NULL;
}
