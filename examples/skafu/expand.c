/*
 * expand.c: one pass over the source with a stack of open conditions.
 */
#include "expand.h"

#include <string.h>

#include "filter.h"

#define EXPAND_DEPTH 16
#define EXPAND_TAG_BYTES 255

struct branch {
	size_t line;
	int taken; /* is what stands here written? */
	int other; /* would {{else}} be? */
	int else_seen;
};

struct expansion {
	const char *source;
	size_t length;
	size_t at; /* the next byte to look at */
	size_t line;
	const struct values *values;
	const char *where;
	struct text *out;
	struct faults *faults;
	struct branch branches[EXPAND_DEPTH];
	size_t depth;
};

const char *values_find(const struct values *values, const char *name)
{
	for (size_t i = 0; i < values->count; i++) {
		if (strcmp(values->items[i].name, name) == 0)
			return values->items[i].text;
	}
	return NULL;
}

/* ---- output ---- */

static int is_active(const struct expansion *expansion)
{
	return expansion->depth == 0 || expansion->branches[expansion->depth - 1].taken;
}

static void put(struct expansion *expansion, const char *bytes, size_t length)
{
	if (expansion->out == NULL || !is_active(expansion))
		return;
	if (text_add(expansion->out, bytes, length) != SKAFU_OK)
		faults_add(expansion->faults, expansion->where, expansion->line, "the expansion is too large");
}

/* ---- words of a tag ---- */

static char *trim(char *text)
{
	size_t length;

	while (*text == ' ' || *text == '\t')
		text++;
	length = strlen(text);
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	text[length] = '\0';
	return text;
}

static const char *lookup(const struct values *values, const char *name, const char *where, size_t line,
			  struct faults *faults)
{
	const char *text = values_find(values, name);

	if (text == NULL)
		faults_add(faults, where, line, "there is no variable \"%s\"", name);
	return text;
}

/* Put the value through the filters of "snake | upper". */
static int32_t filter_all(struct expansion *expansion, char *filters, struct text *value)
{
	int32_t rc = SKAFU_OK;

	while (filters != NULL && rc == SKAFU_OK) {
		struct text next = {0};
		char *filter = filters;

		filters = strpbrk(filter, "|.");
		if (filters != NULL)
			*filters++ = '\0';
		filter = trim(filter);
		rc = filter_apply(filter, text_string(value), &next);
		if (rc == SKAFU_ENOTFOUND)
			faults_add(expansion->faults, expansion->where, expansion->line, "there is no filter \"%s\"",
				   filter);
		text_free(value);
		*value = next;
	}
	return rc;
}

static void put_variable(struct expansion *expansion, char *tag)
{
	struct text value = {0};
	char *filters = strpbrk(tag, "|.");
	const char *found;
	int32_t rc;

	if (filters != NULL)
		*filters++ = '\0';
	found = lookup(expansion->values, trim(tag), expansion->where, expansion->line, expansion->faults);
	rc = text_add_string(&value, found != NULL ? found : "");
	if (rc == SKAFU_OK)
		rc = filter_all(expansion, filters, &value);
	if (rc == SKAFU_OK)
		put(expansion, text_string(&value), value.length);
	else if (rc != SKAFU_ENOTFOUND)
		faults_add(expansion->faults, expansion->where, expansion->line, "there is no memory for a value");
	text_free(&value);
}

/* ---- conditions ---- */

/* The text between the quotes, or NULL. */
static const char *unquote(char *text)
{
	size_t length = strlen(text);

	if (length < 2 || text[0] != '"' || text[length - 1] != '"')
		return NULL;
	text[length - 1] = '\0';
	return text + 1;
}

static int32_t compare(char *condition, char *sign, const struct values *values, const char *where, size_t line,
		       struct faults *faults)
{
	int wants_equal = sign[0] == '=';
	const char *operand = unquote(trim(sign + 2));
	const char *value;

	*sign = '\0';
	if (operand == NULL) {
		faults_add(faults, where, line, "a comparison needs a text in quotes on the right");
		return SKAFU_EINVAL;
	}
	value = lookup(values, trim(condition), where, line, faults);
	return value == NULL ? SKAFU_EINVAL : (strcmp(value, operand) == 0) == wants_equal;
}

int32_t expand_condition(const char *condition, const struct values *values, const char *where, size_t line,
			 struct faults *faults)
{
	char copy[EXPAND_TAG_BYTES + 1];
	char *name;
	char *sign;
	const char *value;
	size_t length = strlen(condition);
	int negated;

	if (length >= sizeof copy) {
		faults_add(faults, where, line, "a condition has more than %d bytes", EXPAND_TAG_BYTES);
		return SKAFU_EINVAL;
	}
	memcpy(copy, condition, length + 1);
	sign = strstr(copy, "==");
	if (sign == NULL)
		sign = strstr(copy, "!=");
	if (sign != NULL)
		return compare(copy, sign, values, where, line, faults);
	name = trim(copy);
	negated = name[0] == '!';
	value = lookup(values, trim(name + negated), where, line, faults);
	if (value == NULL)
		return SKAFU_EINVAL;
	return (value[0] != '\0' && strcmp(value, "false") != 0 && strcmp(value, "0") != 0) != negated;
}

static void begin_if(struct expansion *expansion, const char *condition)
{
	struct branch *branch = &expansion->branches[expansion->depth];
	int active = is_active(expansion);
	int32_t truth =
		expand_condition(condition, expansion->values, expansion->where, expansion->line, expansion->faults);

	if (expansion->depth == EXPAND_DEPTH) {
		faults_add(expansion->faults, expansion->where, expansion->line,
			   "conditions are nested more than %d deep", EXPAND_DEPTH);
		expansion->at = expansion->length; /* what follows could only be misunderstood */
		expansion->depth = 0;
		return;
	}
	*branch = (struct branch){
		.line = expansion->line, .taken = active && truth == 1, .other = active && truth == 0};
	expansion->depth++;
}

static void begin_else(struct expansion *expansion)
{
	struct branch *branch = &expansion->branches[expansion->depth > 0 ? expansion->depth - 1 : 0];

	if (expansion->depth == 0 || branch->else_seen) {
		faults_add(expansion->faults, expansion->where, expansion->line, "{{else}} belongs to no {{#if}}");
		return;
	}
	branch->taken = branch->other;
	branch->else_seen = 1;
}

static void end_if(struct expansion *expansion)
{
	if (expansion->depth == 0)
		faults_add(expansion->faults, expansion->where, expansion->line, "{{/if}} belongs to no {{#if}}");
	else
		expansion->depth--;
}

/* ---- tags ---- */

static int is_block(const char *tag)
{
	return strncmp(tag, "#if ", 4) == 0 || strcmp(tag, "else") == 0 || strcmp(tag, "/if") == 0 ||
	       strcmp(tag, "end") == 0;
}

static void do_tag(struct expansion *expansion, char *tag)
{
	const char *literal = unquote(tag);

	if (literal != NULL)
		put(expansion, literal, strlen(literal));
	else if (strncmp(tag, "#if ", 4) == 0)
		begin_if(expansion, tag + 4);
	else if (strcmp(tag, "else") == 0)
		begin_else(expansion);
	else if (strcmp(tag, "/if") == 0 || strcmp(tag, "end") == 0)
		end_if(expansion);
	else
		put_variable(expansion, tag);
}

/* The end of a tag that begins at `begin`, after its braces; 0 when it has none on its line. */
static size_t tag_end(const struct expansion *expansion, size_t begin)
{
	int quoted = 0;

	for (size_t at = begin + 2; at + 1 < expansion->length && at - begin <= EXPAND_TAG_BYTES; at++) {
		char c = expansion->source[at];

		if (c == '\n')
			return 0;
		if (c == '"')
			quoted = !quoted;
		if (!quoted && c == '}' && expansion->source[at + 1] == '}')
			return at + 2;
	}
	return 0;
}

/* When nothing but blanks stands around [begin, end) on its line, widen it to the whole line. */
static void widen_to_line(const struct expansion *expansion, size_t *begin, size_t *end)
{
	const char *source = expansion->source;
	size_t from = *begin;
	size_t to = *end;

	while (from > 0 && (source[from - 1] == ' ' || source[from - 1] == '\t'))
		from--;
	while (to < expansion->length && (source[to] == ' ' || source[to] == '\t' || source[to] == '\r'))
		to++;
	if ((from == 0 || source[from - 1] == '\n') && to < expansion->length && source[to] == '\n') {
		*begin = from;
		*end = to + 1;
	}
}

static size_t next_tag(const struct expansion *expansion)
{
	const char *found = expansion->source + expansion->at;
	size_t left = expansion->length - expansion->at;

	while ((found = memmem(found, left, "{{", 2)) != NULL) {
		if (found == expansion->source || found[-1] != '$')
			return (size_t)(found - expansion->source);
		found += 2;
		left = expansion->length - (size_t)(found - expansion->source);
	}
	return expansion->length;
}

static void put_to(struct expansion *expansion, size_t end)
{
	put(expansion, expansion->source + expansion->at, end - expansion->at);
	for (size_t i = expansion->at; i < end; i++)
		expansion->line += expansion->source[i] == '\n';
	expansion->at = end;
}

static void expand_next(struct expansion *expansion)
{
	char tag[EXPAND_TAG_BYTES + 1];
	char *word;
	size_t begin = next_tag(expansion);
	size_t end = begin < expansion->length ? tag_end(expansion, begin) : 0;
	size_t from = begin;

	if (end == 0) {
		put_to(expansion, begin);
		if (begin < expansion->length) {
			faults_add(expansion->faults, expansion->where, expansion->line,
				   "{{ is not closed on its line");
			put_to(expansion, begin + 2);
		}
		return;
	}
	memcpy(tag, expansion->source + begin + 2, end - begin - 4);
	tag[end - begin - 4] = '\0';
	word = trim(tag);
	if (is_block(word))
		widen_to_line(expansion, &from, &end);
	put_to(expansion, from > expansion->at ? from : expansion->at);
	expansion->at = end;
	do_tag(expansion, word);
	for (size_t i = begin; i < end; i++)
		expansion->line += expansion->source[i] == '\n';
}

void expand(const char *source, size_t length, const struct values *values, const char *where, struct text *out,
	    struct faults *faults)
{
	struct expansion expansion = {.source = source,
				      .length = length,
				      .line = 1,
				      .values = values,
				      .where = where,
				      .out = out,
				      .faults = faults};

	while (expansion.at < length)
		expand_next(&expansion);
	while (expansion.depth > 0) {
		expansion.depth--;
		faults_add(faults, where, expansion.branches[expansion.depth].line, "{{#if}} has no {{/if}}");
	}
}
