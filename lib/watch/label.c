#include "watch/label.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* A label as it stands in a text: the value is escaped and without its quotes. */
struct label_place {
	const char *name;
	const char *value;
	size_t name_length;
	size_t value_length;
};

int skafu__metric_name_is_valid(const char *name, size_t length, int is_metric)
{
	if (length == 0 || (name[0] >= '0' && name[0] <= '9'))
		return 0;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		      (is_metric && c == ':')))
			return 0;
	}
	return 1;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* The end of a value from behind its first quote: the place of the other quote, NULL when it is malformed. */
static const char *label_value_end(const char *at)
{
	for (; *at != '"'; at++) {
		if (*at == '\\' && *++at != '\\' && *at != '"' && *at != 'n')
			return NULL;
		if (*at == '\0' || *at == '\n')
			return NULL;
	}
	return at;
}

/* One label and what follows it; NULL when there is none. */
static const char *label_take(const char *at, struct label_place *out)
{
	out->name = at;
	out->name_length = strcspn(at, "=");
	if (!skafu__metric_name_is_valid(at, out->name_length, 0) || strncmp(at + out->name_length, "=\"", 2) != 0)
		return NULL;
	out->value = at + out->name_length + 2;
	const char *end = label_value_end(out->value);
	if (!end)
		return NULL;
	out->value_length = (size_t)(end - out->value);
	return end + 1;
}

static int label_compare(const struct label_place *a, const struct label_place *b)
{
	size_t shorter = a->name_length < b->name_length ? a->name_length : b->name_length;
	int order = memcmp(a->name, b->name, shorter);
	if (order != 0 || a->name_length == b->name_length)
		return order;
	return a->name_length < b->name_length ? -1 : 1;
}

/* Put a label into its place among those before it; 0 when its name is there already. */
static int label_insert(struct label_place *places, size_t count, struct label_place place)
{
	size_t at = count;
	while (at > 0 && label_compare(&places[at - 1], &place) > 0) {
		places[at] = places[at - 1];
		at--;
	}
	places[at] = place;
	return at == 0 || label_compare(&places[at - 1], &place) != 0;
}

static int32_t label_refuse_name(const struct label_place *place, skafu_error *error)
{
	int length = place->name_length < 100 ? (int)place->name_length : 100;
	if (place->name_length >= 2 && memcmp(place->name, "__", 2) == 0)
		return skafu__fail(error, SKAFU_EINVAL, "the label %.*s begins with two underscores, which is kept "
				   "for Prometheus; use another name", length, place->name);
	if (place->name_length == 2 && memcmp(place->name, "le", 2) == 0)
		return skafu__fail(error, SKAFU_EINVAL, "the label le is kept for the buckets of histograms; use "
				   "another name");
	return 0;
}

static int32_t label_split(const char *given, struct label_place *places, size_t *out_count, skafu_error *error)
{
	const char *at = given;
	size_t count = 0;
	while (*at) {
		struct label_place place;
		if (count == SKAFU__LABELS_MAX)
			return skafu__fail(error, SKAFU_ELIMIT, "there are more than %u labels; leave some out",
					   SKAFU__LABELS_MAX);
		size_t offset = (size_t)(at - given);
		at = label_take(at, &place);
		if (!at || (*at == ',' && !at[1]) || (*at && *at != ','))
			return skafu__fail(error, SKAFU_EINVAL, "the labels are malformed at or after byte %zu; "
					   "write name=\"value\" with commas between them, and \\\\, \\\" and \\n "
					   "for a backslash, a quote and a line feed", offset);
		int32_t rc = label_refuse_name(&place, error);
		if (rc != 0)
			return rc;
		if (!label_insert(places, count++, place))
			return skafu__fail(error, SKAFU_EINVAL, "the label %.*s is given twice",
					   (int)place.name_length, place.name);
		at += *at == ',';
	}
	*out_count = count;
	return 0;
}

static size_t label_write(char *to, const struct label_place *place)
{
	memcpy(to, place->name, place->name_length);
	memcpy(to + place->name_length, "=\"", 2);
	memcpy(to + place->name_length + 2, place->value, place->value_length);
	to[place->name_length + 2 + place->value_length] = '"';
	return place->name_length + place->value_length + 3;
}

int32_t skafu__labels_read(const char *given, struct skafu__labels *out, skafu_error *error)
{
	struct label_place places[SKAFU__LABELS_MAX];
	size_t count = 0;
	const char *text = given ? given : "";
	size_t length = strnlen(text, SKAFU__LABELS_BYTES_MAX + 1);
	if (length > SKAFU__LABELS_BYTES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "the labels have more than %u bytes; shorten them",
				   SKAFU__LABELS_BYTES_MAX);
	if (!skafu__utf8_is_valid(text, length))
		return skafu__fail(error, SKAFU_EUTF8, "the labels are not UTF-8");
	int32_t rc = label_split(text, places, &count, error);
	if (rc != 0)
		return rc;
	out->length = 0;
	for (size_t i = 0; i < count; i++) {
		if (i != 0)
			out->text[out->length++] = ',';
		out->length += label_write(out->text + out->length, &places[i]);
	}
	out->text[out->length] = '\0';
	return 0;
}

/* ---- making -------------------------------------------------------------------------------------------------- */

/* Append as it is or escaped; 0 when there is no room. */
static int label_put(struct skafu__labels *out, const char *text, int escape)
{
	for (; *text; text++) {
		int escaped = escape && (*text == '\\' || *text == '"' || *text == '\n');
		if (out->length + (size_t)escaped + 1 > SKAFU__LABELS_BYTES_MAX)
			return 0;
		if (escaped)
			out->text[out->length++] = '\\';
		out->text[out->length++] = escaped && *text == '\n' ? 'n' : *text;
	}
	return 1;
}

int32_t skafu__labels_make(const char *const *names, const char *const *values, size_t count,
			   struct skafu__labels *out)
{
	out->length = 0;
	for (size_t i = 0; i < count; i++) {
		const char *value = values[i] ? values[i] : "";
		if (!skafu__utf8_is_valid(value, strlen(value)))
			return SKAFU_EUTF8;
		if ((i != 0 && !label_put(out, ",", 0)) || !label_put(out, names[i], 0) ||
		    !label_put(out, "=\"", 0) || !label_put(out, value, 1) || !label_put(out, "\"", 0))
			return SKAFU_ELIMIT;
	}
	out->text[out->length] = '\0';
	return 0;
}

int skafu__labels_next(const char **at, const char **out_name, size_t *out_name_length, struct skafu__buf *value)
{
	struct label_place place = {0};
	const char *end = **at ? label_take(*at, &place) : NULL;
	if (!end) /* never malformed: they were made here */
		return 0;
	*at = end + (*end == ',');
	*out_name = place.name;
	*out_name_length = place.name_length;
	skafu__buf_clear(value);
	for (size_t i = 0; i < place.value_length; i++) {
		char c = place.value[i];
		if (c == '\\')
			c = place.value[++i] == 'n' ? '\n' : place.value[i];
		skafu__buf_put_u8(value, (uint8_t)c);
	}
	return 1;
}
