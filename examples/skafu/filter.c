/*
 * filter.c: splitting a name into words and joining them again; escaping.
 */
#include "filter.h"

#include <string.h>

struct spelling {
	const char *name;
	int words;       /* 0: character by character */
	char joint;      /* between words, 0: none */
	int first_upper; /* the first letter of the first word ... */
	int next_upper;  /* ... and of those after it */
	int upper;       /* without words: to upper case */
};

static const struct spelling spellings[] = {
	{"upper", 0, 0, 0, 0, 1},   {"lower", 0, 0, 0, 0, 0}, {"snake", 1, '_', 0, 0, 0},
	{"kebab", 1, '-', 0, 0, 0}, {"camel", 1, 0, 0, 1, 0}, {"pascal", 1, 0, 1, 1, 0},
};

static int is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static int is_word(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static char to_case(char c, int upper)
{
	if (upper && c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	if (!upper && is_upper(c))
		return (char)(c - 'A' + 'a');
	return c;
}

/* Does a word begin at this character of the value? */
static int begins_word(const char *value, size_t at)
{
	if (!is_word(value[at]))
		return 0;
	if (at == 0 || !is_word(value[at - 1]))
		return 1;
	if (!is_upper(value[at]))
		return 0;
	return !is_upper(value[at - 1]) || (is_word(value[at + 1]) && to_case(value[at + 1], 1) != value[at + 1]);
}

static const struct spelling *find_spelling(const char *filter)
{
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
		if (strcmp(spellings[i].name, filter) == 0)
			return &spellings[i];
	}
	return NULL;
}

/* What stands for a character inside a text of the format, or NULL. */
static const char *escape_json(char c)
{
	return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
}

static const char *escape_html(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static int32_t escape_all(const char *value, const char *(*escape)(char), struct text *out)
{
	int32_t rc = SKAFU_OK;

	for (; *value != '\0' && rc == SKAFU_OK; value++) {
		const char *escaped = escape(*value);

		rc = escaped != NULL ? text_add_string(out, escaped) : text_add(out, value, 1);
	}
	return rc;
}

int32_t filter_apply(const char *filter, const char *value, struct text *out)
{
	const struct spelling *spelling = find_spelling(filter);
	size_t words = 0;
	int32_t rc = SKAFU_OK;

	if (strcmp(filter, "json") == 0)
		return escape_all(value, escape_json, out);
	if (strcmp(filter, "html") == 0)
		return escape_all(value, escape_html, out);
	if (spelling == NULL)
		return SKAFU_ENOTFOUND;
	for (size_t i = 0; value[i] != '\0' && rc == SKAFU_OK; i++) {
		int begins = spelling->words && begins_word(value, i);
		int upper = spelling->words ? begins && (words > 0 ? spelling->next_upper : spelling->first_upper)
					    : spelling->upper;
		char c = to_case(value[i], upper);

		if (begins && words++ > 0 && spelling->joint != 0)
			rc = text_add(out, &spelling->joint, 1);
		if (rc == SKAFU_OK && (!spelling->words || is_word(value[i])))
			rc = text_add(out, &c, 1);
	}
	return rc;
}
