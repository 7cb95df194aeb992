#include "store/recordview.h"

#include <string.h>

#include "base/error.h"
#include "base/sys.h"

static int32_t recordview_fill_names(struct skafu_record *out, const struct skafu__record *record,
				     const struct skafu__names *names, skafu_error *error)
{
	out->type = skafu__names_text(names, skafu__type_set(record->kind), record->type, NULL);
	out->source = skafu__names_text(names, SKAFU__NAME_DOMAIN, record->source, NULL);
	out->content_type = skafu__names_text(names, SKAFU__NAME_CONTENT_TYPE, record->content_type, NULL);
	if (out->type && out->source && out->content_type)
		return 0;
	return skafu__fail(error, SKAFU_EDAMAGED,
			   "a record refers to a name that the table of names does not have; reindex the store");
}

int32_t skafu__recordview_fill(struct skafu_record *out, const struct skafu__record *record,
			       const struct skafu__names *names, skafu_error *error)
{
	out->size = sizeof *out;
	out->kind = record->kind;
	out->flags = record->flags;
	out->event_version = record->event_version;
	out->stream_version = record->stream_version;
	out->time_ns = record->time_ns;
	out->id = record->id;
	out->causation = record->causation;
	out->stream = record->stream;
	out->correlation = record->correlation;
	out->tags = record->tags;
	out->data = record->data;
	out->metadata = record->metadata;
	out->data_length = record->data_length;
	out->metadata_length = record->metadata_length;
	out->tag_count = record->tag_count;
	out->severity = record->severity;
	out->hops = record->hops;
	out->reserved = 0;
	return recordview_fill_names(out, record, names, error);
}

const char *skafu_record_tag(const skafu_record *record, uint32_t index)
{
	if (!record || index >= record->tag_count)
		return NULL;
	const char *tag = record->tags;
	while (index-- > 0)
		tag += strlen(tag) + 1;
	return tag;
}

/* ---- copies -------------------------------------------------------------------------------------------------- */

static size_t recordview_tags_bytes(const skafu_record *record)
{
	const char *end = record->tags;
	for (uint32_t i = 0; i < record->tag_count; i++)
		end += strlen(end) + 1;
	return (size_t)(end - record->tags);
}

/* Takes memory from one block, front to back. */
static void *recordview_put(uint8_t **at, const void *bytes, size_t length)
{
	uint8_t *here = *at;
	if (length != 0)
		memcpy(here, bytes, length);
	*at += length;
	return here;
}

static const char *recordview_put_text(uint8_t **at, const char *text)
{
	return recordview_put(at, text, strlen(text) + 1);
}

int32_t skafu_record_copy(const skafu_record *record, skafu_record **out_record, skafu_error *error)
{
	if (!record || !out_record)
		return skafu__fail(error, SKAFU_EINVAL, "record or out_record is NULL");
	const char *texts[] = {record->stream, record->type, record->source, record->correlation,
			       record->content_type};
	size_t tags_bytes = recordview_tags_bytes(record);
	size_t bytes = sizeof *record + 32 + tags_bytes + record->data_length + record->metadata_length;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		bytes += strlen(texts[i]) + 1;
	struct skafu_record *copy = skafu__alloc(skafu__sys_current(), bytes);
	if (!copy)
		return skafu__fail_memory(error);
	*copy = *record;
	uint8_t *at = (uint8_t *)(copy + 1);
	copy->id = recordview_put(&at, record->id, 16);
	copy->causation = recordview_put(&at, record->causation, 16);
	copy->stream = recordview_put_text(&at, record->stream);
	copy->type = recordview_put_text(&at, record->type);
	copy->source = recordview_put_text(&at, record->source);
	copy->correlation = recordview_put_text(&at, record->correlation);
	copy->content_type = recordview_put_text(&at, record->content_type);
	copy->tags = recordview_put(&at, record->tags, tags_bytes);
	copy->metadata = recordview_put(&at, record->metadata, record->metadata_length);
	copy->data = recordview_put(&at, record->data, record->data_length);
	*out_record = copy;
	return 0;
}

void skafu_record_free(skafu_record *record)
{
	skafu__free(skafu__sys_current(), record);
}
