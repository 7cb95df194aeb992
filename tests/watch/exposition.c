#include "watch/exposition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LINE_MAX_BYTES 8192
#define FAMILIES_MAX 5000

struct reader {
	char *why;
	const char *all;
	char family[300];
	char type[20];
	int has_samples;
	int has_help;
	char *seen[FAMILIES_MAX]; /* names of families */
	size_t seen_count;
	/* of the histogram that is being read */
	char series[LINE_MAX_BYTES]; /* labels without le */
	double last_bound;
	double last_count;
	int in_series; /* 1 buckets, 2 after +Inf, 3 after _sum */
	long samples;
};

static int wrong(struct reader *reader, const char *what, const char *line)
{
	snprintf(reader->why, 200, "%s: %.120s", what, line);
	return -1;
}

static size_t name_length(const char *text, int colon)
{
	size_t length = 0;

	if (*text >= '0' && *text <= '9')
		return 0;
	while ((text[length] >= 'a' && text[length] <= 'z') || (text[length] >= 'A' && text[length] <= 'Z') ||
	       (text[length] >= '0' && text[length] <= '9') || text[length] == '_' || (colon && text[length] == ':'))
		length++;
	return length;
}

/* A family may be begun once only. */
static int begin_family(struct reader *reader, const char *name, const char *line)
{
	if (strcmp(reader->family, name) == 0)
		return 0;
	if (reader->in_series == 1 || reader->in_series == 2 || reader->in_series == 3)
		return wrong(reader, "a histogram is not complete", line);
	for (size_t i = 0; i < reader->seen_count; i++)
		if (strcmp(reader->seen[i], name) == 0)
			return wrong(reader, "a family is begun twice", line);
	if (reader->family[0] && !reader->has_samples)
		return wrong(reader, "a family has no samples", line);
	if (reader->seen_count == FAMILIES_MAX)
		return wrong(reader, "too many families", line);
	reader->seen[reader->seen_count++] = strdup(name);
	snprintf(reader->family, sizeof reader->family, "%s", name);
	reader->type[0] = '\0';
	reader->has_samples = 0;
	reader->has_help = 0;
	return 0;
}

static int read_comment(struct reader *reader, const char *line)
{
	char name[300];
	int is_help = strncmp(line, "# HELP ", 7) == 0;
	size_t length = name_length(line + 7, 1);

	if (!is_help && strncmp(line, "# TYPE ", 7) != 0)
		return wrong(reader, "an unknown comment", line);
	if (length == 0 || length >= sizeof name || line[7 + length] != ' ')
		return wrong(reader, "a comment without a name", line);
	snprintf(name, sizeof name, "%.*s", (int)length, line + 7);
	if (begin_family(reader, name, line) < 0)
		return -1;
	if (reader->has_samples)
		return wrong(reader, "a comment after samples", line);
	line += 8 + length;
	if (is_help) {
		if (reader->has_help++ || reader->type[0])
			return wrong(reader, "HELP twice or after TYPE", line);
		for (; *line; line++)
			if (*line == '\\' && *++line != '\\' && *line != 'n')
				return wrong(reader, "an escape in HELP", line);
		return 0;
	}
	if (reader->type[0])
		return wrong(reader, "TYPE twice", line);
	if (strcmp(line, "counter") != 0 && strcmp(line, "gauge") != 0 && strcmp(line, "histogram") != 0)
		return wrong(reader, "an unknown type", line);
	snprintf(reader->type, sizeof reader->type, "%s", line);
	return 0;
}

/* Labels from behind the brace: their end, NULL when malformed.  `le` gets the value of le, others go to `rest`. */
static const char *read_labels(const char *at, char *rest, char *le)
{
	char last[300] = "";
	size_t used = 0;

	rest[0] = le[0] = '\0';
	for (;;) {
		size_t length = name_length(at, 0);
		const char *begin = at;
		int is_le = length == 2 && memcmp(at, "le", 2) == 0;
		char name[300];

		if (length == 0 || length >= sizeof name || strncmp(at + length, "=\"", 2) != 0)
			return NULL;
		snprintf(name, sizeof name, "%.*s", (int)length, at);
		if (!is_le && strcmp(last, name) >= 0)
			return NULL; /* twice, or not sorted */
		if (!is_le)
			snprintf(last, sizeof last, "%s", name);
		at += length + 2;
		for (; *at != '"'; at++) {
			if (*at == '\\' && *++at != '\\' && *at != '"' && *at != 'n')
				return NULL;
			if (!*at)
				return NULL;
		}
		if (is_le)
			snprintf(le, 60, "%.*s", (int)(at - begin - 4), begin + 4);
		else
			used += (size_t)snprintf(rest + used, LINE_MAX_BYTES - used, "%.*s,", (int)(at + 1 - begin),
						 begin);
		at++;
		if (*at == '}' && !is_le)
			return at + 1;
		if (*at == '}')
			return at + 1;
		if (*at++ != ',' || is_le) /* le comes last here */
			return NULL;
	}
}

static int read_number(const char *text, double *out)
{
	char *end;

	if (strcmp(text, "+Inf") == 0) {
		*out = INFINITY;
		return 1;
	}
	if (!*text || strspn(text, "0123456789+-.e") != strlen(text))
		return 0;
	*out = strtod(text, &end);
	return *end == '\0' && isfinite(*out);
}

static int read_bucket(struct reader *reader, const char *rest, const char *le, double value, const char *line)
{
	double bound;

	if (!read_number(le, &bound))
		return wrong(reader, "a bucket without a bound", line);
	if (reader->in_series == 0) {
		snprintf(reader->series, sizeof reader->series, "%s", rest);
		reader->last_bound = -INFINITY;
		reader->last_count = 0;
		reader->in_series = 1;
	}
	if (reader->in_series != 1 || strcmp(reader->series, rest) != 0)
		return wrong(reader, "buckets of two series are mixed", line);
	if (bound <= reader->last_bound || value < reader->last_count || value != floor(value))
		return wrong(reader, "buckets do not ascend", line);
	reader->last_bound = bound;
	reader->last_count = value;
	if (isinf(bound))
		reader->in_series = 2;
	return 0;
}

static int read_histogram(struct reader *reader, const char *suffix, const char *rest, const char *le, double value,
			  const char *line)
{
	if (strcmp(suffix, "_bucket") == 0)
		return read_bucket(reader, rest, le, value, line);
	if (le[0] || strcmp(reader->series, rest) != 0)
		return wrong(reader, "a histogram's sum or count has other labels", line);
	if (strcmp(suffix, "_sum") == 0 && reader->in_series == 2) {
		reader->in_series = 3;
		return 0;
	}
	if (strcmp(suffix, "_count") != 0 || reader->in_series != 3)
		return wrong(reader, "a histogram is out of order", line);
	if (value != reader->last_count)
		return wrong(reader, "count is not the bucket of +Inf", line);
	reader->in_series = 0;
	reader->series[0] = '\0';
	return 0;
}

static int check_unique(struct reader *reader, const char *line, size_t length)
{
	const char *at = reader->all;
	int count = 0;

	while ((at = strstr(at, line)) != NULL) {
		count += (at == reader->all || at[-1] == '\n') && at[length] == ' ';
		at += length;
	}
	return count > 1 ? wrong(reader, "a sample twice", line) : 0;
}

static int read_sample(struct reader *reader, const char *line)
{
	static char rest[LINE_MAX_BYTES];
	char le[60] = "", head[LINE_MAX_BYTES];
	size_t length = name_length(line, 1), family = strlen(reader->family);
	const char *at = line + length;
	double value;

	rest[0] = '\0';
	if (length == 0)
		return wrong(reader, "neither comment nor sample", line);
	if (*at == '{' && !(at = read_labels(at + 1, rest, le)))
		return wrong(reader, "malformed labels", line);
	if (*at != ' ' || !read_number(at + 1, &value))
		return wrong(reader, "no value", line);
	if (!reader->type[0] || length < family || memcmp(line, reader->family, family) != 0)
		return wrong(reader, "a sample of no family", line);
	snprintf(head, sizeof head, "%.*s", (int)(at - line), line);
	if (check_unique(reader, head, strlen(head)) < 0)
		return -1;
	reader->samples++;
	reader->has_samples = 1;
	snprintf(head, sizeof head, "%.*s", (int)(length - family), line + family);
	if (strcmp(reader->type, "histogram") == 0)
		return read_histogram(reader, head, rest, le, value, line);
	if (head[0] || le[0])
		return wrong(reader, "a sample of another name", line);
	if (strcmp(reader->type, "counter") == 0 && value < 0)
		return wrong(reader, "a counter below 0", line);
	return 0;
}

static long read_all(struct reader *reader, const char *text)
{
	static char line[LINE_MAX_BYTES];

	if (*text && text[strlen(text) - 1] != '\n')
		return wrong(reader, "no line feed at the end", "");
	if (!skafu__utf8_is_valid(text, strlen(text)))
		return wrong(reader, "not UTF-8", "");
	for (; *text; text += strlen(line) + 1) {
		size_t length = strcspn(text, "\n");

		if (length == 0 || length >= sizeof line)
			return wrong(reader, "an empty or very long line", text);
		memcpy(line, text, length);
		line[length] = '\0';
		if ((line[0] == '#' ? read_comment(reader, line) : read_sample(reader, line)) < 0)
			return -1;
	}
	if (reader->in_series)
		return wrong(reader, "the last histogram is not complete", "");
	if (reader->family[0] && !reader->has_samples)
		return wrong(reader, "the last family has no samples", "");
	return reader->samples;
}

long exposition_read(const char *text, char *why)
{
	struct reader *reader = calloc(1, sizeof *reader);
	long result;

	reader->why = why;
	reader->all = text;
	result = read_all(reader, text);
	for (size_t i = 0; i < reader->seen_count; i++)
		free(reader->seen[i]);
	free(reader);
	return result;
}

double exposition_value(const char *text, const char *sample)
{
	size_t length = strlen(sample);

	for (const char *at = text; (at = strstr(at, sample)) != NULL; at += length)
		if ((at == text || at[-1] == '\n') && at[length] == ' ')
			return strtod(at + length + 1, NULL);
	return NAN;
}
