#include "store/recordread.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/jsonmember.h"
#include "codec/jsonpath.h"
#include "store/cloudevent.h"
#include "store/recordjson.h"

#define RECORDREAD_ROOM 1024 /* for what is put around the foreign ids, and the NULs of texts */

static const char recordread_json[] = "application/json";

static const char *const recordread_envelope[SKAFU__READ_FIELDS] = {
	"eventId", "eventType", "eventVersion", "source", "timestamp", "sequenceNumber", "streamId", "streamVersion",
	"correlationId", "causationId", "tags", "metadata", "data", "data_base64", "severity", "recordKind",
	"contentType", "hops", "dataErased", NULL};

void skafu__recordread_init(struct skafu__recordread *read, const struct skafu__sys *sys)
{
	memset(read, 0, sizeof *read);
	read->sys = sys;
	skafu__buf_init(&read->texts, sys, SIZE_MAX / 2);
	skafu__buf_init(&read->extras, sys, SIZE_MAX / 2);
}

void skafu__recordread_done(struct skafu__recordread *read)
{
	skafu__buf_done(&read->texts);
	skafu__buf_done(&read->extras);
}

static const char *const *recordread_names(uint32_t form)
{
	return form == SKAFU_FORM_LINES ? recordread_envelope : skafu__cloudevent_names;
}

/* ---- members ------------------------------------------------------------------------------------------------- */

static int32_t recordread_bad(const struct skafu__recordread *read, const char *const *names, uint32_t field,
			      const char *what, skafu_error *error)
{
	(void)read;
	return skafu__fail(error, SKAFU_EINVAL, "%s is not %s", names[field], what);
}

static uint32_t recordread_field(const char *const *names, const struct skafu__json_member *member)
{
	uint32_t field = 0;
	while (field < SKAFU__READ_FIELDS &&
	       !(names[field] && strlen(names[field]) == member->name_length &&
		 memcmp(names[field], member->name, member->name_length) == 0))
		field++;
	return field;
}

/* An attribute without a meaning goes to the metadata as it is. */
static int32_t recordread_keep(struct skafu__recordread *read, const struct skafu__json_member *member,
			       skafu_error *error)
{
	skafu__buf_put_text(&read->extras, read->extras.length ? ",\"" : "\"");
	skafu__buf_put(&read->extras, member->name, member->name_length);
	skafu__buf_put_text(&read->extras, "\":");
	skafu__buf_put(&read->extras, member->value, member->value_length);
	return read->extras.failed ? skafu__fail_memory(error) : 0;
}

static int32_t recordread_member(struct skafu__recordread *read, uint32_t form,
				 const struct skafu__json_member *member, skafu_error *error)
{
	uint32_t field = recordread_field(recordread_names(form), member);
	if (field == SKAFU__READ_FIELDS && form != SKAFU_FORM_LINES)
		return recordread_keep(read, member, error);
	if (field == SKAFU__READ_FIELDS)
		return skafu__fail(error, SKAFU_EINVAL, "the member \"%.*s\" is not of the exported form",
				   (int)(member->name_length < 100 ? member->name_length : 100), member->name);
	if (read->fields[field].text)
		return skafu__fail(error, SKAFU_EJSON, "the member \"%s\" is there twice",
				   recordread_names(form)[field]);
	int is_null = member->value_length == 4 && memcmp(member->value, "null", 4) == 0;
	if (is_null && field != SKAFU__READ_DATA)
		return 0;
	read->fields[field].text = member->value;
	read->fields[field].length = member->value_length;
	return 0;
}

static int32_t recordread_members(struct skafu__recordread *read, uint32_t form, const char *text, size_t length,
				  skafu_error *error)
{
	struct skafu__json_members members;
	struct skafu__json_member member;
	int32_t rc;
	skafu__json_members_init(&members, read->sys, text, length, SKAFU__JSON_DEPTH_MAX);
	while ((rc = skafu__json_members_next(&members, &member)) == 1) {
		rc = recordread_member(read, form, &member, error);
		if (rc != 0)
			return rc;
	}
	if (rc == SKAFU_EJSON)
		return skafu__fail(error, rc, "this is not strict JSON: at byte %zu, %s", members.fault.offset,
				   members.fault.reason);
	return rc ? skafu__fail_memory(error) : 0;
}

/* ---- values -------------------------------------------------------------------------------------------------- */

/* The bytes of a string, with a NUL, in read->texts, which has room for all and does not move. */
static int32_t recordread_string(struct skafu__recordread *read, const char *const *names, uint32_t field,
				 const char **out, size_t *out_length, skafu_error *error)
{
	const struct skafu__recordread_value *value = &read->fields[field];
	size_t at = read->texts.length;
	if (value->length < 2 || value->text[0] != '"')
		return recordread_bad(read, names, field, "a text", error);
	int32_t rc = skafu__json_unescape(&read->texts, value->text + 1, value->length - 2);
	if (rc != 0)
		return recordread_bad(read, names, field, "a text", error);
	*out = (const char *)read->texts.bytes + at;
	*out_length = read->texts.length - at;
	skafu__buf_put_u8(&read->texts, 0);
	return 0;
}

/* A name: a text in which no NUL hides a rest.  Absent: *out stays. */
static int32_t recordread_name(struct skafu__recordread *read, const char *const *names, uint32_t field,
			       const char **out, skafu_error *error)
{
	const char *text = "";
	size_t length = 0;
	if (!read->fields[field].text)
		return 0;
	int32_t rc = recordread_string(read, names, field, &text, &length, error);
	if (rc != 0)
		return rc;
	if (strlen(text) != length)
		return skafu__fail(error, SKAFU_EUTF8, "%s has a NUL in it", names[field]);
	*out = text;
	return 0;
}

/* A whole number of JSON, or a text that is one. */
static int32_t recordread_number(struct skafu__recordread *read, const char *const *names, uint32_t field,
				 uint64_t max, uint64_t *out, skafu_error *error)
{
	const char *text = read->fields[field].text;
	size_t length = read->fields[field].length;
	uint64_t number = 0;
	if (!text)
		return 0;
	if (names != recordread_envelope && length > 2 && text[0] == '"') {
		text++;
		length -= 2;
	}
	for (size_t i = 0; i < length; i++) {
		uint64_t digit = (uint64_t)(uint8_t)text[i] - '0';
		if (digit > 9 || number > (max - digit) / 10)
			return recordread_bad(read, names, field, "a whole number in its range", error);
		number = number * 10 + digit;
	}
	*out = number;
	return 0;
}

/* An id: a UUID as it is, any other text by its hash. */
static int32_t recordread_id(struct skafu__recordread *read, const char *const *names, uint32_t field,
			     const char *source, uint8_t out[SKAFU_ID_BYTES], const char **foreign,
			     size_t *foreign_length, skafu_error *error)
{
	const char *text = "";
	int32_t rc = recordread_name(read, names, field, &text, error);
	if (rc != 0 || skafu_id_parse(text, out) == 0)
		return rc;
	if (*text == 0 || skafu_id_from_text(source, text, out) != 0)
		return recordread_bad(read, names, field, "an id", error);
	*foreign = read->fields[field].text;
	*foreign_length = read->fields[field].length;
	return 0;
}

/* ---- the parts of a record ----------------------------------------------------------------------------------- */

static int32_t recordread_ids(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	const char *source = "default"; /* as it stands there, also when a CloudEvent spells it as a URI */
	int32_t rc = recordread_name(read, names, SKAFU__READ_SOURCE, &source, error);
	if (rc == 0 && read->fields[SKAFU__READ_ID].text) {
		rc = recordread_id(read, names, SKAFU__READ_ID, source, read->id, &read->foreign_id,
				   &read->foreign_id_length, error);
		read->record.id = read->id;
		read->has_id = 1;
	}
	if (rc == 0 && read->fields[SKAFU__READ_CAUSATION].text) {
		rc = recordread_id(read, names, SKAFU__READ_CAUSATION, source, read->causation, &read->foreign_cause,
				   &read->foreign_cause_length, error);
		read->record.causation = read->causation;
	}
	read->record.source = source;
	if (rc == 0 && names != recordread_envelope && read->fields[SKAFU__READ_SOURCE].text)
		skafu__cloudevent_source_read((char *)(uintptr_t)source);
	return rc;
}

static int32_t recordread_version(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	const char *text = NULL;
	unsigned major = 0;
	unsigned minor = 0;
	int end = 0;
	char again[SKAFU__EVENT_VERSION_BYTES] = "";
	int32_t rc = recordread_name(read, names, SKAFU__READ_VERSION, &text, error);
	if (rc != 0 || !text)
		return rc;
	/* NOLINTNEXTLINE(cert-err34-c): five digits always fit, and what was read is compared with the text below */
	if (strlen(text) < sizeof again && sscanf(text, "%5u.%5u%n", &major, &minor, &end) == 2 && major <= 0xFFFF &&
	    minor <= 0xFFFF) {
		read->record.event_version = major << 16 | minor;
		skafu__recordjson_version(read->record.event_version, again);
	}
	if (strcmp(again, text) != 0 || read->record.event_version == 0)
		return recordread_bad(read, names, SKAFU__READ_VERSION, "a version, as \"1.0\"", error);
	return 0;
}

static int32_t recordread_time(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	const char *text = NULL;
	int32_t rc = recordread_name(read, names, SKAFU__READ_TIME, &text, error);
	if (rc != 0 || !text)
		return rc;
	if (skafu_time_parse(text, &read->record.time_ns) != 0)
		return recordread_bad(read, names, SKAFU__READ_TIME, "a time, as \"2025-01-18T10:30:00Z\"", error);
	read->record.flags |= SKAFU_RECORD_TIME;
	return 0;
}

static int32_t recordread_kind(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	const char *kind = NULL;
	const char *severity = NULL;
	skafu_record known = {.kind = SKAFU_KIND_ERROR};
	int32_t rc = recordread_name(read, names, SKAFU__READ_KIND, &kind, error);
	if (rc == 0)
		rc = recordread_name(read, names, SKAFU__READ_SEVERITY, &severity, error);
	if (rc != 0)
		return rc;
	read->record.kind = severity ? SKAFU_KIND_ERROR : SKAFU_KIND_EVENT;
	for (uint32_t i = SKAFU_KIND_EVENT; kind && i <= SKAFU_KIND_OUTCOME + 1; i++) {
		if (i > SKAFU_KIND_OUTCOME)
			return recordread_bad(read, names, SKAFU__READ_KIND, "event, command, error or outcome",
					      error);
		read->record.kind = i;
		if (strcmp(kind, skafu__recordjson_kind(i)) == 0)
			break;
	}
	if (!severity)
		return 0;
	for (known.severity = SKAFU_SEVERITY_WARNING; known.severity <= SKAFU_SEVERITY_CRITICAL; known.severity++)
		if (strcmp(severity, skafu__recordjson_severity(&known)) == 0)
			break;
	read->record.severity = known.severity;
	if (known.severity > SKAFU_SEVERITY_CRITICAL)
		return recordread_bad(read, names, SKAFU__READ_SEVERITY, "WARNING, ERROR or CRITICAL", error);
	return 0;
}

static int32_t recordread_places(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	uint64_t hops = 0;
	int32_t rc = recordread_number(read, names, SKAFU__READ_SEQUENCE, UINT64_MAX, &read->sequence, error);
	if (rc == 0)
		rc = recordread_number(read, names, SKAFU__READ_STREAM_VERSION, UINT64_MAX, &read->stream_version,
				       error);
	if (rc == 0)
		rc = recordread_number(read, names, SKAFU__READ_HOPS, 255, &hops, error);
	read->record.hops = (uint32_t)hops;
	return rc;
}

static int32_t recordread_names_of(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	int32_t rc = recordread_name(read, names, SKAFU__READ_TYPE, &read->record.type, error);
	if (rc == 0 && !read->record.type)
		return skafu__fail(error, SKAFU_EINVAL, "%s is missing", names[SKAFU__READ_TYPE]);
	if (rc == 0)
		rc = recordread_name(read, names, SKAFU__READ_STREAM, &read->record.stream, error);
	if (rc == 0)
		rc = recordread_name(read, names, SKAFU__READ_CORRELATION, &read->record.correlation, error);
	if (rc == 0)
		rc = recordread_name(read, names, SKAFU__READ_CONTENT_TYPE, &read->record.content_type, error);
	return rc;
}

/* A CloudEvent can carry only texts, so lists and objects travel as the JSON text of themselves. */
static int32_t recordread_unwrap(struct skafu__recordread *read, const char *const *names, uint32_t field,
				 skafu_error *error)
{
	struct skafu__recordread_value *value = &read->fields[field];
	const char *text;
	size_t length;
	if (!value->text || names == recordread_envelope)
		return 0;
	int32_t rc = recordread_string(read, names, field, &text, &length, error);
	if (rc == 0)
		rc = skafu__json_check(read->sys, text, length, SKAFU__JSON_DEPTH_MAX, NULL);
	if (rc == SKAFU_EJSON)
		return recordread_bad(read, names, field, "the text of strict JSON", error);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	value->text = text;
	value->length = length;
	return rc;
}

static int32_t recordread_tags(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	struct skafu__json_walk walk;
	struct skafu__json_token token;
	int32_t rc = recordread_unwrap(read, names, SKAFU__READ_TAGS, error);
	const struct skafu__recordread_value *value = &read->fields[SKAFU__READ_TAGS];
	if (rc != 0 || !value->text)
		return rc;
	skafu__json_walk_init(&walk, value->text, value->length);
	for (size_t i = 0; skafu__json_next(&walk, &token) == 1; i++) {
		size_t at = read->texts.length;
		if (i == 0 && token.kind == SKAFU__JSON_ARRAY_BEGIN)
			continue;
		if (token.kind == SKAFU__JSON_ARRAY_END)
			return 0;
		if (i == 0 || token.kind != SKAFU__JSON_STRING)
			break;
		if (read->record.tag_count == SKAFU__RECORDREAD_TAGS_MAX)
			return skafu__fail(error, SKAFU_ELIMIT, "there are more than %u tags",
					   SKAFU__RECORDREAD_TAGS_MAX);
		skafu__json_unescape(&read->texts, value->text + token.offset, token.length);
		if (memchr(read->texts.bytes + at, 0, read->texts.length - at))
			return skafu__fail(error, SKAFU_EUTF8, "a tag has a NUL in it");
		skafu__buf_put_u8(&read->texts, 0);
		read->tags[read->record.tag_count++] = (const char *)read->texts.bytes + at;
	}
	return recordread_bad(read, names, SKAFU__READ_TAGS, "a list of texts", error);
}

/* ---- payload and metadata ------------------------------------------------------------------------------------ */

/* A content type of which CloudEvents says that data is JSON, and not a text that stands for bytes. */
static int recordread_says_json(const char *type)
{
	size_t length = strcspn(type, "; ");
	return length >= 5 && (memcmp(type + length - 5, "/json", 5) == 0 || memcmp(type + length - 5, "+json",
		       5) == 0);
}

static int32_t recordread_data(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	skafu_new_record *record = &read->record;
	const struct skafu__recordread_value *data = &read->fields[SKAFU__READ_DATA];
	const char *text;
	if (!record->content_type)
		record->content_type = recordread_json;
	record->data = data->text;
	record->data_length = data->length;
	if (strcmp(record->content_type, recordread_json) == 0)
		return 0;
	if (names == recordread_envelope)
		return skafu__fail(error, SKAFU_EINVAL, "data is JSON, and contentType says something else; use "
				   "data_base64");
	if (data->text[0] != '"' || recordread_says_json(record->content_type))
		return 0;
	int32_t rc = recordread_string(read, names, SKAFU__READ_DATA, &text, &record->data_length, error);
	record->data = text;
	return rc;
}

static int32_t recordread_base64(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	const char *text = "";
	size_t length = 0;
	size_t at;
	int32_t rc = recordread_string(read, names, SKAFU__READ_BASE64, &text, &length, error);
	if (rc != 0)
		return rc;
	at = read->texts.length;
	if (skafu__base64_read(&read->texts, text, length) != 0)
		return recordread_bad(read, names, SKAFU__READ_BASE64, "base64", error);
	if (!read->record.content_type)
		read->record.content_type = "application/octet-stream";
	read->record.data = read->texts.bytes + at;
	read->record.data_length = read->texts.length - at;
	return 0;
}

static int32_t recordread_payload(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	int has_data = read->fields[SKAFU__READ_DATA].text != NULL;
	int has_base64 = read->fields[SKAFU__READ_BASE64].text != NULL;
	const struct skafu__recordread_value *erased = &read->fields[SKAFU__READ_ERASED];
	if (has_data && has_base64)
		return skafu__fail(error, SKAFU_EINVAL, "there are both data and data_base64");
	if (erased->text && (erased->length != 4 || memcmp(erased->text, "true", 4) != 0))
		return recordread_bad(read, names, SKAFU__READ_ERASED, "true", error);
	read->is_erased = erased->text != NULL;
	if (read->is_erased && (has_data || has_base64))
		return skafu__fail(error, SKAFU_EINVAL, "there is a payload, and %s says that there is none",
				   names[SKAFU__READ_ERASED]);
	if (has_base64)
		return recordread_base64(read, names, error);
	return has_data ? recordread_data(read, names, error) : 0;
}

static void recordread_put_extra(struct skafu__buf *out, const char *name, const char *value, size_t length)
{
	if (!value)
		return;
	skafu__buf_printf(out, "\"%s\":", name);
	skafu__buf_put(out, value, length);
	skafu__buf_put_u8(out, ',');
}

/* The metadata, with what it has to keep put in front of its members. */
static int32_t recordread_metadata(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	int32_t rc = recordread_unwrap(read, names, SKAFU__READ_METADATA, error);
	const char *text = read->fields[SKAFU__READ_METADATA].text;
	size_t length = read->fields[SKAFU__READ_METADATA].length;
	if (rc != 0)
		return rc;
	if (text && text[strspn(text, " \t\r\n")] != '{')
		return recordread_bad(read, names, SKAFU__READ_METADATA, "an object", error);
	read->record.metadata = text;
	read->record.metadata_length = text ? length : 0;
	if (!read->foreign_id && !read->foreign_cause && read->extras.length == 0)
		return 0;
	size_t at = read->texts.length;
	skafu__buf_put_u8(&read->texts, '{');
	recordread_put_extra(&read->texts, "importedId", read->foreign_id, read->foreign_id_length);
	recordread_put_extra(&read->texts, "importedCausationId", read->foreign_cause, read->foreign_cause_length);
	if (read->extras.length) {
		skafu__buf_put_text(&read->texts, "\"cloudevents\":{");
		skafu__buf_put(&read->texts, read->extras.bytes, read->extras.length);
		skafu__buf_put_text(&read->texts, "},");
	}
	size_t brace = text ? strspn(text, " \t\r\n{") : 0;
	if (text && text[brace] != '}')
		skafu__buf_put(&read->texts, text + brace, length - brace);
	else
		read->texts.bytes[read->texts.length - 1] = '}'; /* over the comma */
	read->record.metadata = read->texts.bytes + at;
	read->record.metadata_length = read->texts.length - at;
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static int32_t recordread_cloudevent(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	static const uint32_t required[] = {SKAFU__READ_SPECVERSION, SKAFU__READ_ID, SKAFU__READ_SOURCE};
	const struct skafu__recordread_value *version = &read->fields[SKAFU__READ_SPECVERSION];
	for (size_t i = 0; i < sizeof required / sizeof *required; i++)
		if (!read->fields[required[i]].text)
			return skafu__fail(error, SKAFU_EINVAL, "%s is missing, which every CloudEvent has",
					   names[required[i]]);
	if (version->length != 5 || memcmp(version->text, "\"1.0\"", 5) != 0)
		return recordread_bad(read, names, SKAFU__READ_SPECVERSION, "\"1.0\"", error);
	return 0;
}

static int32_t recordread_parts(struct skafu__recordread *read, const char *const *names, skafu_error *error)
{
	int32_t rc = names == recordread_envelope ? 0 : recordread_cloudevent(read, names, error);
	if (rc == 0)
		rc = recordread_names_of(read, names, error);
	if (rc == 0)
		rc = recordread_ids(read, names, error);
	if (rc == 0)
		rc = recordread_version(read, names, error);
	if (rc == 0)
		rc = recordread_time(read, names, error);
	if (rc == 0)
		rc = recordread_kind(read, names, error);
	if (rc == 0)
		rc = recordread_places(read, names, error);
	if (rc == 0)
		rc = recordread_tags(read, names, error);
	if (rc == 0)
		rc = recordread_payload(read, names, error);
	return rc ? rc : recordread_metadata(read, names, error);
}

int32_t skafu__recordread_take(struct skafu__recordread *read, uint32_t form, const char *text, size_t length,
			       skafu_error *error)
{
	skafu__buf_clear(&read->texts);
	skafu__buf_clear(&read->extras);
	memset(read->fields, 0, sizeof read->fields);
	memset(&read->record, 0, sizeof read->record);
	read->record.size = sizeof read->record;
	read->record.tags = read->tags;
	read->sequence = 0;
	read->stream_version = 0;
	read->is_erased = 0;
	read->has_id = 0;
	read->foreign_id = NULL;
	read->foreign_cause = NULL;
	int32_t rc = recordread_members(read, form, text, length, error);
	if (rc != 0)
		return rc;
	/* All texts together, some of them twice, so that none moves while others are added. */
	if (!skafu__buf_reserve(&read->texts, 3 * length + RECORDREAD_ROOM))
		return skafu__fail_memory(error);
	rc = recordread_parts(read, recordread_names(form), error);
	if (rc == 0 && form != SKAFU_FORM_LINES && !read->record.stream && read->record.kind == SKAFU_KIND_EVENT)
		read->record.stream = read->record.source;
	return rc;
}

void skafu__recordread_set_id(struct skafu__recordread *read, const uint8_t id[SKAFU_ID_BYTES])
{
	memcpy(read->id, id, SKAFU_ID_BYTES);
	read->record.id = read->id;
}

/* ---- comparison ---------------------------------------------------------------------------------------------- */

static int recordread_same_bytes(const void *a, size_t a_length, const void *b, size_t b_length)
{
	return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static int recordread_same_text(const char *said, const char *otherwise, const char *has)
{
	return strcmp(said ? said : otherwise, has) == 0;
}

static int recordread_same_tags(const skafu_new_record *said, const skafu_record *has)
{
	if (said->tag_count != has->tag_count)
		return 0;
	for (uint32_t i = 0; i < has->tag_count; i++)
		if (strcmp(said->tags[i], skafu_record_tag(has, i)) != 0)
			return 0;
	return 1;
}

static int recordread_same_payload(const struct skafu__recordread *read, const skafu_record *has)
{
	const skafu_new_record *said = &read->record;
	int is_json = !said->content_type || strcmp(said->content_type, recordread_json) == 0;
	if ((has->flags & SKAFU_RECORD_ERASED) || read->is_erased)
		return 1; /* nobody can tell any more; nothing shall bring it back, nor does an import take it away */
	if (is_json && said->data_length == 0)
		return recordread_same_bytes("{}", 2, has->data, has->data_length);
	if (is_json)
		return skafu__recordjson_same(said->data, said->data_length, has->data, has->data_length);
	return recordread_same_bytes(said->data, said->data_length, has->data, has->data_length);
}

int skafu__recordread_is(const struct skafu__recordread *read, const skafu_record *record)
{
	static const uint8_t nil[SKAFU_ID_BYTES];
	const skafu_new_record *said = &read->record;
	char own[SKAFU_ID_TEXT_BYTES];
	skafu_id_format(read->id, own);
	return memcmp(read->id, record->id, SKAFU_ID_BYTES) == 0 && said->kind == record->kind &&
	       said->severity == record->severity && said->hops == record->hops &&
	       (said->event_version ? said->event_version : 1u << 16) == record->event_version &&
	       (!(said->flags & SKAFU_RECORD_TIME) || said->time_ns == record->time_ns) &&
	       memcmp(said->causation ? said->causation : nil, record->causation, SKAFU_ID_BYTES) == 0 &&
	       recordread_same_text(said->type, "", record->type) &&
	       recordread_same_text(said->source, "default", record->source) &&
	       recordread_same_text(said->stream, "", record->stream) &&
	       recordread_same_text(said->correlation, own, record->correlation) &&
	       recordread_same_text(said->content_type, recordread_json, record->content_type) &&
	       recordread_same_tags(said, record) &&
	       skafu__recordjson_same(said->metadata, said->metadata_length, record->metadata,
				      record->metadata_length) &&
	       recordread_same_payload(read, record);
}
