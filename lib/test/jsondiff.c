#include "test/jsondiff.h"

#include <string.h>

#define JSONDIFF_DEPTH_MAX 64u /* the library's own limit */
#define JSONDIFF_EXPONENT_MAX INT64_C(1000000000000000)

struct jsondiff_span {
	const char *at;
	const char *end;
};

/* The way from the root to what is looked at: names as they stand in the document, or numbers. */
struct jsondiff_step {
	struct jsondiff_span name;
	size_t index;
};

struct jsondiff {
	struct skafu__kit_text *text;
	unsigned count;
	unsigned depth;
	int some_members;
	struct jsondiff_step way[JSONDIFF_DEPTH_MAX];
};

/* ---- walking over a document --------------------------------------------------------------------------------- */

static const char *jsondiff_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* Behind the text that begins here. */
static const char *jsondiff_skip_text(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at < end ? at + 1 : end;
}

static int jsondiff_ends_word(char c)
{
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind the value that begins here. */
static const char *jsondiff_skip(const char *at, const char *end)
{
	unsigned open = 0;
	do {
		at = jsondiff_blanks(at, end);
		if (at >= end)
			return end;
		if (*at == '"') {
			at = jsondiff_skip_text(at, end);
		} else if (*at == '{' || *at == '[') {
			open++;
			at++;
		} else if (*at == '}' || *at == ']') {
			open--;
			at++;
		} else if (*at == ',' || *at == ':') {
			at++;
		} else {
			while (at < end && !jsondiff_ends_word(*at))
				at++;
		}
	} while (open != 0);
	return at;
}

static struct jsondiff_span jsondiff_trim(const void *document, size_t length)
{
	const char *at = document;
	struct jsondiff_span span = {at, at + length};
	span.at = jsondiff_blanks(at, span.end);
	while (span.end > span.at && jsondiff_blanks(span.end - 1, span.end) == span.end)
		span.end--;
	return span;
}

/* The next member of an object or element of an array, from a place inside of it; 0 at the end.  The name of an
 * element is empty. */
static int jsondiff_next(const char **at, const char *end, int is_object, struct jsondiff_span *name,
			 struct jsondiff_span *value)
{
	const char *here = jsondiff_blanks(*at, end);
	if (here < end && *here == ',')
		here = jsondiff_blanks(here + 1, end);
	if (here >= end || *here == '}' || *here == ']')
		return 0;
	*name = (struct jsondiff_span){here, here};
	if (is_object) {
		here = jsondiff_skip_text(here, end);
		name->end = here;
		here = jsondiff_blanks(here, end);
		here = jsondiff_blanks(here < end ? here + 1 : end, end);
	}
	value->at = here;
	value->end = jsondiff_skip(here, end);
	*at = value->end;
	return value->end > value->at;
}

/* ---- texts --------------------------------------------------------------------------------------------------- */

static uint32_t jsondiff_hex(const char *at, const char *end)
{
	uint32_t value = 0;
	for (unsigned i = 0; i < 4 && at < end; i++, at++) {
		uint32_t digit = *at <= '9' ? (uint32_t)(*at - '0') : ((uint32_t)*at | 0x20u) - 'a' + 10u;
		value = value << 4 | (digit & 15u);
	}
	return value;
}

static uint32_t jsondiff_utf8(const char **at, const char *end)
{
	uint32_t first = (uint8_t)*(*at)++;
	unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	uint32_t point = more ? first & (0x3fu >> more) : first;
	for (; more > 0 && *at < end; more--)
		point = point << 6 | ((uint8_t)*(*at)++ & 0x3fu);
	return point;
}

/* A \u escape, of which two may be one character. */
static uint32_t jsondiff_escaped_point(const char **at, const char *end)
{
	uint32_t point = jsondiff_hex(*at, end);
	*at = end - *at < 4 ? end : *at + 4;
	if (point < 0xd800 || point > 0xdbff || end - *at < 6 || (*at)[0] != '\\')
		return point;
	uint32_t low = jsondiff_hex(*at + 2, end);
	*at += 6;
	return 0x10000u + ((point - 0xd800u) << 10) + (low - 0xdc00u);
}

static uint32_t jsondiff_escape(const char **at, const char *end)
{
	char c = *(*at)++;
	switch (c) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case 'u': return jsondiff_escaped_point(at, end);
	default: return (uint8_t)c;
	}
}

/* The next character of a text between its quotes; 0 at the end and 1 before. */
static int jsondiff_point(struct jsondiff_span *text, uint32_t *out)
{
	if (text->at >= text->end)
		return 0;
	if (*text->at != '\\' || text->at + 1 >= text->end) {
		*out = jsondiff_utf8(&text->at, text->end);
		return 1;
	}
	text->at++;
	*out = jsondiff_escape(&text->at, text->end);
	return 1;
}

static struct jsondiff_span jsondiff_inside(struct jsondiff_span quoted)
{
	if (quoted.end - quoted.at >= 2) {
		quoted.at++;
		quoted.end--;
	}
	return quoted;
}

static int jsondiff_same_text(struct jsondiff_span a, struct jsondiff_span b)
{
	uint32_t one = 0;
	uint32_t other = 0;
	a = jsondiff_inside(a);
	b = jsondiff_inside(b);
	for (;;) {
		int more = jsondiff_point(&a, &one);
		if (more != jsondiff_point(&b, &other))
			return 0;
		if (!more)
			return 1;
		if (one != other)
			return 0;
	}
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* A number as sign, digits without zeros at either end, and the power of ten of the first of them. */
struct jsondiff_number {
	int is_negative;
	const char *first;
	size_t digits; /* 0: the number is 0 */
	int64_t power;
};

static int64_t jsondiff_exponent(const char *at, const char *end)
{
	int is_negative = at < end && *at == '-';
	int64_t value = 0;
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	for (; at < end && value < JSONDIFF_EXPONENT_MAX; at++)
		value = value * 10 + (*at - '0');
	return is_negative ? -value : value;
}

static struct jsondiff_number jsondiff_number(struct jsondiff_span span)
{
	struct jsondiff_number number = {.is_negative = *span.at == '-'};
	int64_t place = 0; /* digits before the point, less those behind it until the first that counts */
	size_t seen = 0;
	int is_behind = 0;
	const char *at = span.at + number.is_negative;
	for (; at < span.end && *at != 'e' && *at != 'E'; at++) {
		if (*at == '.') {
			is_behind = 1;
			continue;
		}
		if (number.first)
			seen++;
		else if (*at != '0')
			number.first = at, seen = 1;
		if (number.first && *at != '0')
			number.digits = seen;
		if (!is_behind && number.first)
			place++;
		else if (is_behind && !number.first)
			place--;
	}
	number.power = place + (at < span.end ? jsondiff_exponent(at + 1, span.end) : 0);
	return number;
}

static int jsondiff_same_number(struct jsondiff_span a, struct jsondiff_span b)
{
	struct jsondiff_number one = jsondiff_number(a);
	struct jsondiff_number other = jsondiff_number(b);
	if (one.digits == 0 || other.digits == 0)
		return one.digits == other.digits;
	if (one.is_negative != other.is_negative || one.digits != other.digits || one.power != other.power)
		return 0;
	for (size_t i = 0; i < one.digits; i++, one.first++, other.first++) {
		one.first += *one.first == '.';
		other.first += *other.first == '.';
		if (*one.first != *other.first)
			return 0;
	}
	return 1;
}

/* ---- saying -------------------------------------------------------------------------------------------------- */

static void jsondiff_say_way(const struct jsondiff *diff)
{
	struct skafu__kit_text *text = diff->text;
	skafu__kit_text_say(text, diff->depth ? "\n  at " : "\n  the whole");
	for (unsigned i = 0; i < diff->depth; i++) {
		struct jsondiff_span name = jsondiff_inside(diff->way[i].name);
		skafu__kit_text_say(text, "/");
		if (diff->way[i].name.at == diff->way[i].name.end)
			skafu__kit_text_say(text, "%zu", diff->way[i].index);
		for (; name.at < name.end; name.at++) {
			int is_special = *name.at == '~' || *name.at == '/';
			skafu__kit_text_put(text, is_special ? (*name.at == '~' ? "~0" : "~1") : name.at,
					    is_special ? 2 : 1);
		}
	}
	skafu__kit_text_say(text, ": ");
}

static void jsondiff_say(struct jsondiff *diff, const struct jsondiff_span *expected,
			 const struct jsondiff_span *found)
{
	if (diff->count++ >= SKAFU__KIT_DIFFERENCES_MAX)
		return;
	jsondiff_say_way(diff);
	skafu__kit_text_say(diff->text, expected ? "expected " : "nothing expected");
	if (expected)
		skafu__kit_text_value(diff->text, expected->at, (size_t)(expected->end - expected->at));
	skafu__kit_text_say(diff->text, found ? ", found " : ", found nothing");
	if (found)
		skafu__kit_text_value(diff->text, found->at, (size_t)(found->end - found->at));
}

/* ---- comparing ----------------------------------------------------------------------------------------------- */

static void jsondiff_values(struct jsondiff *diff, struct jsondiff_span expected, struct jsondiff_span found);

static int jsondiff_find(struct jsondiff_span object, struct jsondiff_span wanted, struct jsondiff_span *value)
{
	const char *at = object.at + 1;
	struct jsondiff_span name;
	while (jsondiff_next(&at, object.end, 1, &name, value))
		if (jsondiff_same_text(name, wanted))
			return 1;
	return 0;
}

static void jsondiff_objects(struct jsondiff *diff, struct jsondiff_span expected, struct jsondiff_span found)
{
	struct jsondiff_step *step = &diff->way[diff->depth++];
	struct jsondiff_span value;
	struct jsondiff_span other;
	const char *at = expected.at + 1;
	while (diff->count < SKAFU__KIT_DIFFERENCES_MAX && jsondiff_next(&at, expected.end, 1, &step->name, &value)) {
		if (jsondiff_find(found, step->name, &other))
			jsondiff_values(diff, value, other);
		else
			jsondiff_say(diff, &value, NULL);
	}
	at = found.at + 1;
	while (diff->count < SKAFU__KIT_DIFFERENCES_MAX && !(diff->some_members && diff->depth == 1) &&
	       jsondiff_next(&at, found.end, 1, &step->name, &value))
		if (!jsondiff_find(expected, step->name, &other))
			jsondiff_say(diff, NULL, &value);
	diff->depth--;
}

static void jsondiff_arrays(struct jsondiff *diff, struct jsondiff_span expected, struct jsondiff_span found)
{
	struct jsondiff_step *step = &diff->way[diff->depth++];
	struct jsondiff_span value;
	struct jsondiff_span other;
	const char *at = expected.at + 1;
	const char *there = found.at + 1;
	int more = 1;
	for (size_t i = 0; more && diff->count < SKAFU__KIT_DIFFERENCES_MAX; i++) {
		int has_value = jsondiff_next(&at, expected.end, 0, &step->name, &value);
		int has_other = jsondiff_next(&there, found.end, 0, &step->name, &other);
		step->name.end = step->name.at;
		step->index = i;
		more = has_value || has_other;
		if (has_value && has_other)
			jsondiff_values(diff, value, other);
		else if (more)
			jsondiff_say(diff, has_value ? &value : NULL, has_other ? &other : NULL);
	}
	diff->depth--;
}

static int jsondiff_is_number(struct jsondiff_span value)
{
	return *value.at == '-' || (*value.at >= '0' && *value.at <= '9');
}

static int jsondiff_same_scalar(struct jsondiff_span expected, struct jsondiff_span found)
{
	size_t length = (size_t)(expected.end - expected.at);
	if (jsondiff_is_number(expected) && jsondiff_is_number(found))
		return jsondiff_same_number(expected, found);
	if (*expected.at == '"' && *found.at == '"')
		return jsondiff_same_text(expected, found);
	return length == (size_t)(found.end - found.at) && memcmp(expected.at, found.at, length) == 0;
}

static void jsondiff_values(struct jsondiff *diff, struct jsondiff_span expected, struct jsondiff_span found)
{
	int can_enter = diff->depth < JSONDIFF_DEPTH_MAX;
	if (can_enter && *expected.at == '{' && *found.at == '{')
		jsondiff_objects(diff, expected, found);
	else if (can_enter && *expected.at == '[' && *found.at == '[')
		jsondiff_arrays(diff, expected, found);
	else if (!jsondiff_same_scalar(expected, found))
		jsondiff_say(diff, &expected, &found);
}

unsigned skafu__kit_json_diff(struct skafu__kit_text *text, const void *expected, size_t expected_length,
			      const void *found, size_t found_length, int some_members)
{
	struct jsondiff diff = {.text = text, .some_members = some_members};
	struct jsondiff_span one = jsondiff_trim(expected, expected_length);
	struct jsondiff_span other = jsondiff_trim(found, found_length);
	if (one.at == one.end || other.at == other.end)
		return one.at == one.end && other.at == other.end ? 0 : 1;
	jsondiff_values(&diff, one, other);
	return diff.count < SKAFU__KIT_DIFFERENCES_MAX ? diff.count : SKAFU__KIT_DIFFERENCES_MAX;
}
