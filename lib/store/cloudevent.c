#include "store/cloudevent.h"

#include <string.h>

#include "base/text.h"
#include "codec/base64.h"
#include "codec/jsonpath.h"
#include "store/recordjson.h"
#include "store/recordread.h"

const char *const skafu__cloudevent_names[SKAFU__READ_FIELDS] = {
	"id", "type", "eventversion", "source", "time", "sequence", "subject", "streamversion",
	"correlationid", "causationid", "tags", "metadata", "data", "data_base64", "severity", "recordkind",
	"datacontenttype", "hops", "dataerased", "specversion"};

/* ---- source -------------------------------------------------------------------------------------------------- */

static int cloudevent_is_letter(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static int cloudevent_is_plain(char byte)
{
	return cloudevent_is_letter(byte) || (byte >= '0' && byte <= '9') || (byte && strchr("-._~/!$&'()*+,;=?",
		       byte));
}

/* The length of a scheme and its colon, 0 without one. */
static size_t cloudevent_scheme(const char *text)
{
	size_t length = 0;
	if (!cloudevent_is_letter(text[0]))
		return 0;
	while (cloudevent_is_letter(text[length]) || (text[length] && strchr("0123456789+-.", text[length])))
		length++;
	return text[length] == ':' ? length + 1 : 0;
}

void skafu__cloudevent_source_put(struct skafu__buf *out, const char *domain)
{
	size_t scheme = cloudevent_scheme(domain);
	skafu__buf_put(out, domain, scheme);
	for (const char *at = domain + scheme; *at; at++) {
		/* Two slashes begin an authority, which has a grammar of its own: only behind a scheme. */
		if (cloudevent_is_plain(*at) && !(scheme == 0 && at == domain + 1 && domain[0] == '/' && *at == '/'))
			skafu__buf_put_u8(out, (uint8_t)*at);
		else
			skafu__buf_printf(out, "%%%02X", (unsigned)(uint8_t)*at);
	}
}

static int cloudevent_hex(char digit)
{
	static const char digits[] = "0123456789ABCDEF";
	char upper = digit >= 'a' && digit <= 'f' ? (char)(digit - 32) : digit;
	const char *at = upper ? strchr(digits, upper) : NULL;
	return at ? (int)(at - digits) : -1;
}

void skafu__cloudevent_source_read(char *source)
{
	char *to = source;
	for (const char *at = source; *at; at++) {
		int high = *at == '%' ? cloudevent_hex(at[1]) : -1;
		int low = high >= 0 ? cloudevent_hex(at[2]) : -1;
		if (low < 0 || (high == 0 && low == 0)) {
			*to++ = *at;
			continue;
		}
		*to++ = (char)(high << 4 | low);
		at += 2;
	}
	*to = 0;
}

/* ---- the object ---------------------------------------------------------------------------------------------- */

static void cloudevent_name(struct skafu__buf *out, const char *name)
{
	skafu__buf_printf(out, ",\"%s\":", name);
}

static int32_t cloudevent_bytes(struct skafu__buf *out, const char *name, const void *text, size_t length)
{
	cloudevent_name(out, name);
	return skafu__json_quote(out, text, length);
}

static int32_t cloudevent_text(struct skafu__buf *out, const char *name, const char *text)
{
	return cloudevent_bytes(out, name, text, strlen(text));
}

static void cloudevent_number(struct skafu__buf *out, const char *name, uint64_t number)
{
	skafu__buf_printf(out, ",\"%s\":\"%llu\"", name, (unsigned long long)number);
}

static int32_t cloudevent_head(struct skafu__buf *out, const skafu_record *record)
{
	char id[SKAFU_ID_TEXT_BYTES];
	char time[SKAFU_TIME_TEXT_BYTES];
	skafu_id_format(record->id, id);
	skafu_time_format(record->time_ns, time);
	skafu__buf_printf(out, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"", id);
	skafu__cloudevent_source_put(out, record->source);
	skafu__buf_put_u8(out, '"');
	int32_t rc = cloudevent_text(out, "type", record->type);
	if (rc == 0 && *record->stream)
		rc = cloudevent_text(out, "subject", record->stream);
	if (rc == 0)
		rc = cloudevent_text(out, "time", time);
	if (rc == 0)
		rc = cloudevent_text(out, "datacontenttype", record->content_type);
	return rc;
}

/* The list as JSON, and that as a text. */
static int32_t cloudevent_tags(struct skafu__buf *out, const skafu_record *record)
{
	struct skafu__buf list;
	const char *tag = record->tags;
	if (record->tag_count == 0)
		return 0;
	skafu__buf_init(&list, out->sys, SIZE_MAX / 2);
	for (uint32_t i = 0; i < record->tag_count; i++, tag += strlen(tag) + 1) {
		skafu__buf_put_u8(&list, i ? ',' : '[');
		skafu__json_quote(&list, tag, strlen(tag));
	}
	skafu__buf_put_u8(&list, ']');
	int32_t rc = list.failed ? list.failed : cloudevent_bytes(out, "tags", list.bytes, list.length);
	skafu__buf_done(&list);
	return rc;
}

static int32_t cloudevent_extensions(struct skafu__buf *out, const skafu_record *record)
{
	char text[SKAFU_ID_TEXT_BYTES];
	char version[SKAFU__EVENT_VERSION_BYTES];
	const char *severity = skafu__recordjson_severity(record);
	skafu__recordjson_version(record->event_version, version);
	cloudevent_number(out, "sequence", record->sequence);
	if (record->kind == SKAFU_KIND_EVENT)
		cloudevent_number(out, "streamversion", record->stream_version);
	else
		cloudevent_text(out, "recordkind", skafu__recordjson_kind(record->kind));
	cloudevent_text(out, "eventversion", version);
	int32_t rc = cloudevent_text(out, "correlationid", record->correlation);
	if (rc == 0 && skafu__recordjson_has_cause(record)) {
		skafu_id_format(record->causation, text);
		rc = cloudevent_text(out, "causationid", text);
	}
	if (rc == 0 && severity)
		rc = cloudevent_text(out, "severity", severity);
	if (rc == 0 && record->hops != 0)
		cloudevent_number(out, "hops", record->hops);
	if (rc == 0)
		rc = cloudevent_tags(out, record);
	if (rc == 0 && record->metadata_length > 0)
		rc = cloudevent_bytes(out, "metadata", record->metadata, record->metadata_length);
	return rc;
}

int32_t skafu__cloudevent_put(struct skafu__buf *out, const skafu_record *record)
{
	int32_t rc = cloudevent_head(out, record);
	if (rc == 0)
		rc = cloudevent_extensions(out, record);
	if (rc != 0)
		return rc;
	if (record->flags & SKAFU_RECORD_ERASED) {
		cloudevent_name(out, "dataerased");
		skafu__buf_put_text(out, "true");
	} else if (skafu__recordjson_is_json(record)) {
		cloudevent_name(out, "data");
		skafu__recordjson_put_value(out, record->data, record->data_length);
	} else {
		cloudevent_name(out, "data_base64");
		skafu__buf_put_u8(out, '"');
		skafu__base64_put(out, record->data, record->data_length);
		skafu__buf_put_u8(out, '"');
	}
	skafu__buf_put_u8(out, '}');
	return out->failed;
}
