/*
 * rule_parse.c: reading the patterns of rules.
 *
 * Invariant: what is accepted has a meaning in each part, so a typing error in a pattern is told and not matched
 * against nothing for ever.  Work and memory for a pattern are bounded by the limits in rule.h.
 */
#include "model/rule_parse.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/json.h"
#include "codec/jsonpath.h"
#include "model/rule_key.h"

#define RULEPARSE_ATOMS_MAX 262144u /* in all alternatives */
#define RULEPARSE_PLACE_BYTES 200u

struct ruleparse {
	struct skafu__draft *draft;
	const uint8_t *text;
	struct skafu__json_walk walk;
	uint32_t path; /* where in the event; NONE at the top */
	skafu_error *error;
};

/* ---- drafts ---------------------------------------------------------------------------------------------------- */

void skafu__draft_init(struct skafu__draft *draft, const struct skafu__sys *sys)
{
	*draft = (struct skafu__draft){.sys = sys};
	skafu__buf_init(&draft->bytes, sys, UINT32_MAX / 2);
	skafu__buf_init(&draft->paths, sys, UINT32_MAX / 2);
	skafu__buf_init(&draft->wanted, sys, UINT32_MAX / 2);
	skafu__buf_init(&draft->unwanted, sys, UINT32_MAX / 2);
	skafu__buf_init(&draft->groups, sys, UINT32_MAX / 2);
	skafu__buf_init(&draft->fields, sys, UINT32_MAX / 2);
	skafu__buf_init(&draft->choices.words, sys, UINT32_MAX / 2);
}

void skafu__draft_done(struct skafu__draft *draft)
{
	skafu__buf_done(&draft->bytes);
	skafu__buf_done(&draft->paths);
	skafu__buf_done(&draft->wanted);
	skafu__buf_done(&draft->unwanted);
	skafu__buf_done(&draft->groups);
	skafu__buf_done(&draft->fields);
	skafu__buf_done(&draft->choices.words);
}

static const struct skafu__draft_path *ruleparse_path(const struct ruleparse *p, uint32_t index)
{
	return (const struct skafu__draft_path *)(const void *)p->draft->paths.bytes + index;
}

/* ---- failures -------------------------------------------------------------------------------------------------- */

/* The path in words, "data.amount", the end of it when it is long. */
static void ruleparse_place(const struct ruleparse *p, char out[RULEPARSE_PLACE_BYTES])
{
	size_t at = RULEPARSE_PLACE_BYTES - 1;
	out[at] = '\0';
	for (uint32_t index = p->path; index != SKAFU__RULE_NONE;) {
		const struct skafu__draft_path *path = ruleparse_path(p, index);
		const char *name = (const char *)p->draft->bytes.bytes + path->at;
		size_t length = skafu__utf8_cut(name, path->length, 60);
		if (length + 1 > at)
			break;
		if (out[at])
			out[--at] = '.';
		at -= length;
		memcpy(out + at, name, length);
		index = path->parent;
	}
	memmove(out, out + at, RULEPARSE_PLACE_BYTES - at);
	for (; *out; out++)
		*out = (uint8_t)*out < ' ' ? '?' : *out;
}

static int32_t ruleparse_fail(const struct ruleparse *p, size_t offset, const char *reason)
{
	char place[RULEPARSE_PLACE_BYTES];
	ruleparse_place(p, place);
	return skafu__fail(p->error, SKAFU_EPATTERN, "The pattern is wrong at byte %zu, %s%s%s: %s.", offset,
			   place[0] ? "in \"" : "at the top", place, place[0] ? "\"" : "", reason);
}

static int32_t ruleparse_full(const struct ruleparse *p, int32_t code)
{
	if (code == SKAFU_ENOMEM)
		return skafu__fail_memory(p->error);
	return ruleparse_fail(p, p->walk.at, "it is too large from here on");
}

static int32_t ruleparse_put(const struct ruleparse *p, struct skafu__buf *buf, const void *bytes, size_t length)
{
	int32_t code = skafu__buf_put(buf, bytes, length);
	return code < 0 ? ruleparse_full(p, code) : 0;
}

static int32_t ruleparse_next(struct ruleparse *p, struct skafu__json_token *token)
{
	if (skafu__json_next(&p->walk, token) == 1)
		return 0;
	return ruleparse_fail(p, p->walk.at, "it ends too early");
}

static int ruleparse_is(const struct ruleparse *p, const struct skafu__json_token *token, const char *text)
{
	return !token->escaped && token->length == strlen(text)
		&& memcmp(p->text + token->offset, text, token->length) == 0;
}

static int32_t ruleparse_end(struct ruleparse *p)
{
	struct skafu__json_token token;
	int32_t code = ruleparse_next(p, &token);
	if (code == 0 && token.kind != SKAFU__JSON_OBJECT_END)
		code = ruleparse_fail(p, token.offset, "a condition has one operator only");
	return code;
}

/* ---- texts ----------------------------------------------------------------------------------------------------- */

/* The text of a name or string, appended to the bytes of the draft. */
static int32_t ruleparse_text(struct ruleparse *p, const struct skafu__json_token *token, uint32_t *out_at,
			      uint32_t *out_length)
{
	struct skafu__buf *bytes = &p->draft->bytes;
	uint32_t at = (uint32_t)bytes->length;
	int32_t code = skafu__json_unescape(bytes, p->text + token->offset, token->length);
	if (code == SKAFU_EJSON)
		return ruleparse_fail(p, token->offset, "this is no JSON string");
	if (code < 0)
		return ruleparse_full(p, code);
	*out_at = at;
	*out_length = (uint32_t)bytes->length - at;
	return 0;
}

/* Bring the text of an atom, the last of the bytes, into a form. */
static int32_t ruleparse_shape(struct ruleparse *p, struct skafu__draft_atom *atom, uint32_t form)
{
	struct skafu__buf *bytes = &p->draft->bytes;
	if (form & SKAFU__RULE_FOLDED) {
		uint32_t at = (uint32_t)bytes->length;
		if (!skafu__buf_reserve(bytes, 4 + 3 * (size_t)atom->length))
			return ruleparse_full(p, bytes->failed);
		skafu__rule_fold(bytes, bytes->bytes + atom->at, atom->length);
		atom->at = at;
		atom->length = (uint32_t)bytes->length - at;
	}
	if (form & SKAFU__RULE_REVERSED)
		skafu__rule_reverse(bytes->bytes + atom->at, atom->length);
	return 0;
}

/* What stands before the next star, unescaped, with its length in front of it. */
struct ruleparse_wildcard {
	const uint8_t *at;
	const uint8_t *end;
	uint32_t stars;
};

/* 1 when a star ended the literal, 0 when the text did, a failure with *reason. */
static int32_t ruleparse_literal(struct ruleparse_wildcard *w, struct skafu__buf *out, const char **reason)
{
	size_t start = out->length;
	skafu__buf_put_u32(out, 0);
	while (w->at < w->end && *w->at != '*') {
		if (*w->at == '\\') {
			w->at++;
			if (w->at == w->end || (*w->at != '*' && *w->at != '\\')) {
				*reason = "in a wildcard a backslash stands before a star or a backslash only";
				return SKAFU_EPATTERN;
			}
		}
		skafu__buf_put_u8(out, *w->at++);
	}
	if (out->failed)
		return out->failed;
	skafu__store_u32(out->bytes + start, (uint32_t)(out->length - start - 4));
	if (w->at == w->end)
		return 0;
	if (w->stars > 0 && out->length == start + 4) {
		*reason = "a wildcard must not have two stars side by side";
		return SKAFU_EPATTERN;
	}
	w->at++;
	if (++w->stars > SKAFU__RULE_STARS_MAX) {
		*reason = "a wildcard has at most 32 stars";
		return SKAFU_EPATTERN;
	}
	return 1;
}

/* The longest literal of a compiled wildcard: where its length stands. */
static uint32_t ruleparse_longest(const uint8_t *bytes, uint32_t at, uint32_t end)
{
	uint32_t longest = at;
	for (; at < end; at += 4 + skafu__load_u32(bytes + at)) {
		if (skafu__load_u32(bytes + at) > skafu__load_u32(bytes + longest))
			longest = at;
	}
	return longest;
}

/* The text by which a wildcard can be found: what it begins with, else what it ends with, reversed, else what is
 * somewhere in it; `last` is its last literal. */
static int32_t ruleparse_anchor(struct ruleparse *p, struct skafu__draft_atom *atom, uint32_t last)
{
	struct skafu__buf *bytes = &p->draft->bytes;
	uint32_t from = ruleparse_longest(bytes->bytes, atom->at, atom->at + atom->length);
	atom->anchor_form = SKAFU__RULE_INSIDE;
	if (skafu__load_u32(bytes->bytes + atom->at)) {
		from = atom->at;
		atom->anchor_form = 0;
	} else if (skafu__load_u32(bytes->bytes + last)) {
		from = last;
		atom->anchor_form = SKAFU__RULE_REVERSED;
	}
	atom->anchor_length = skafu__load_u32(bytes->bytes + from);
	atom->anchor_at = (uint32_t)bytes->length;
	if (!skafu__buf_reserve(bytes, atom->anchor_length))
		return ruleparse_full(p, bytes->failed);
	skafu__buf_put(bytes, bytes->bytes + from + 4, atom->anchor_length);
	if (atom->anchor_form == SKAFU__RULE_REVERSED)
		skafu__rule_reverse(bytes->bytes + atom->anchor_at, atom->anchor_length);
	return 0;
}

/* Turn the text of an atom, as it was written, into the literals between its stars. */
static int32_t ruleparse_wildcard(struct ruleparse *p, struct skafu__draft_atom *atom, size_t offset)
{
	struct skafu__buf *bytes = &p->draft->bytes;
	const char *reason = NULL;
	uint32_t last;
	int32_t more;
	/* Room for all at once, so that the text, which lies in the same bytes, does not move. */
	if (!skafu__buf_reserve(bytes, atom->length + 4 * (SKAFU__RULE_STARS_MAX + 2)))
		return ruleparse_full(p, bytes->failed);
	struct ruleparse_wildcard w = {bytes->bytes + atom->at, bytes->bytes + atom->at + atom->length, 0};
	atom->at = (uint32_t)bytes->length;
	do {
		last = (uint32_t)bytes->length;
		more = ruleparse_literal(&w, bytes, &reason);
	} while (more == 1);
	if (more == SKAFU_EPATTERN)
		return ruleparse_fail(p, offset, reason);
	if (more < 0)
		return ruleparse_full(p, more);
	atom->length = (uint32_t)bytes->length - atom->at;
	if (w.stars)
		return ruleparse_anchor(p, atom, last);
	atom->kind = SKAFU__RULE_TEXT;
	atom->at += 4;
	atom->length -= 4;
	return 0;
}

/* One text of an operator: kind is TEXT, FOLD, WILDCARD or FORM + form. */
static int32_t ruleparse_one(struct ruleparse *p, struct skafu__buf *to, uint32_t kind,
			     const struct skafu__json_token *token)
{
	struct skafu__draft_atom atom = {.kind = kind};
	int32_t code;
	if (token->kind != SKAFU__JSON_STRING)
		return ruleparse_fail(p, token->offset, "this operator takes a string");
	code = ruleparse_text(p, token, &atom.at, &atom.length);
	if (code < 0)
		return code;
	if (to == &p->draft->unwanted && kind >= SKAFU__RULE_FORM && atom.length == 0)
		return ruleparse_fail(p, token->offset,
				"an empty text begins and ends every text, so this excludes all");
	if (kind == SKAFU__RULE_WILDCARD)
		code = ruleparse_wildcard(p, &atom, token->offset);
	else if (kind == SKAFU__RULE_FOLD)
		code = ruleparse_shape(p, &atom, SKAFU__RULE_FOLDED);
	else if (kind >= SKAFU__RULE_FORM)
		code = ruleparse_shape(p, &atom, kind - SKAFU__RULE_FORM);
	return code < 0 ? code : ruleparse_put(p, to, &atom, sizeof atom);
}

/* The value of a text operator: a string; behind anything-but a list of them too; behind prefix and suffix also
 * {"equals-ignore-case": ...}. */
static int32_t ruleparse_texts(struct ruleparse *p, struct skafu__buf *to, uint32_t kind)
{
	struct skafu__json_token token;
	int32_t code = ruleparse_next(p, &token);
	if (code < 0)
		return code;
	if (token.kind == SKAFU__JSON_OBJECT_BEGIN && kind >= SKAFU__RULE_FORM
	    && !((kind - SKAFU__RULE_FORM) & SKAFU__RULE_FOLDED)) {
		code = ruleparse_next(p, &token);
		if (code == 0 && !(token.kind == SKAFU__JSON_NAME && ruleparse_is(p, &token, "equals-ignore-case")))
			return ruleparse_fail(p, token.offset, "only \"equals-ignore-case\" may stand here");
		if (code == 0)
			code = ruleparse_texts(p, to, kind + SKAFU__RULE_FOLDED);
		return code < 0 ? code : ruleparse_end(p);
	}
	if (token.kind != SKAFU__JSON_ARRAY_BEGIN || to != &p->draft->unwanted)
		return ruleparse_one(p, to, kind, &token);
	for (size_t count = 0;; count++) {
		code = ruleparse_next(p, &token);
		if (code == 0 && token.kind == SKAFU__JSON_ARRAY_END)
			return count ? 0 : ruleparse_fail(p, token.offset, "a list must not be empty");
		if (code == 0)
			code = ruleparse_one(p, to, kind, &token);
		if (code < 0)
			return code;
	}
}

/* ---- numbers and networks -------------------------------------------------------------------------------------- */

static int32_t ruleparse_number(struct ruleparse *p, const struct skafu__json_token *token, uint32_t *out_at,
				uint32_t *out_length)
{
	struct skafu__buf *bytes = &p->draft->bytes;
	if (token->kind != SKAFU__JSON_NUMBER)
		return ruleparse_fail(p, token->offset, "a number must stand here");
	if (!skafu__rule_number_fits(p->text + token->offset, token->length))
		return ruleparse_fail(p, token->offset, "a number has at most 1,000 digits and a moderate exponent");
	*out_at = (uint32_t)bytes->length;
	int32_t code = skafu__rule_key_number(bytes, p->text + token->offset, token->length);
	if (code < 0)
		return ruleparse_full(p, code);
	*out_length = (uint32_t)bytes->length - *out_at;
	return 0;
}

static int32_t ruleparse_exact_number(struct ruleparse *p, struct skafu__buf *to,
				      const struct skafu__json_token *token)
{
	struct skafu__draft_atom atom = {.kind = SKAFU__RULE_NUMBER};
	int32_t code = ruleparse_number(p, token, &atom.at, &atom.length);
	return code < 0 ? code : ruleparse_put(p, to, &atom, sizeof atom);
}

static int32_t ruleparse_bound(struct ruleparse *p, struct skafu__draft_atom *range, uint32_t bounds_seen[2],
			       const struct skafu__json_token *operation)
{
	struct skafu__json_token number;
	int is_upper = operation->length > 0 && p->text[operation->offset] == '<';
	int closed = ruleparse_is(p, operation, is_upper ? "<=" : ">=");
	if (operation->kind != SKAFU__JSON_STRING || (!closed && !ruleparse_is(p, operation, is_upper ? "<" : ">")))
		return ruleparse_fail(p, operation->offset, "one of < <= = >= > must stand here");
	if (bounds_seen[is_upper]++)
		return ruleparse_fail(p, operation->offset, "a range has one lower and one upper bound");
	int32_t code = ruleparse_next(p, &number);
	if (code == 0 && is_upper)
		code = ruleparse_number(p, &number, &range->upper_at, &range->upper_length);
	else if (code == 0)
		code = ruleparse_number(p, &number, &range->at, &range->length);
	if (code == 0 && !closed)
		range->open = (uint8_t)(range->open | (is_upper ? 2 : 1));
	return code;
}

static int32_t ruleparse_check_range(struct ruleparse *p, const struct skafu__draft_atom *range, size_t offset)
{
	const uint8_t *bytes = p->draft->bytes.bytes;
	int order = skafu__rule_key_compare(bytes + range->at, range->length, bytes + range->upper_at,
					    range->upper_length);
	if (order > 0 || (order == 0 && range->open))
		return ruleparse_fail(p, offset, "no number lies in this range");
	return 0;
}

static int32_t ruleparse_range(struct ruleparse *p, struct skafu__buf *to, struct skafu__json_token *token)
{
	struct skafu__draft_atom range = {.kind = SKAFU__RULE_RANGE, .at = (uint32_t)p->draft->bytes.length};
	uint32_t bounds_seen[2] = {0, 0};
	size_t offset = token->offset;
	/* The keys before and behind those of all numbers. */
	int32_t code = ruleparse_put(p, &p->draft->bytes, "nn\377", 3);
	range.length = 1;
	range.upper_at = range.at + 1;
	range.upper_length = 2;
	while (code == 0 && token->kind != SKAFU__JSON_ARRAY_END) {
		code = ruleparse_bound(p, &range, bounds_seen, token);
		if (code == 0)
			code = ruleparse_next(p, token);
	}
	if (code == 0)
		code = ruleparse_check_range(p, &range, offset);
	return code < 0 ? code : ruleparse_put(p, to, &range, sizeof range);
}

static int32_t ruleparse_numeric(struct ruleparse *p, struct skafu__buf *to)
{
	struct skafu__json_token token;
	int32_t code = ruleparse_next(p, &token);
	if (code == 0 && token.kind != SKAFU__JSON_ARRAY_BEGIN)
		return ruleparse_fail(p, token.offset, "numeric takes a list such as [\">\", 0, \"<=\", 5]");
	if (code == 0)
		code = ruleparse_next(p, &token);
	if (code == 0 && token.kind == SKAFU__JSON_ARRAY_END)
		return ruleparse_fail(p, token.offset, "a list must not be empty");
	if (code < 0)
		return code;
	if (token.kind != SKAFU__JSON_STRING || !ruleparse_is(p, &token, "="))
		return ruleparse_range(p, to, &token);
	code = ruleparse_next(p, &token);
	if (code == 0)
		code = ruleparse_exact_number(p, to, &token);
	if (code == 0)
		code = ruleparse_next(p, &token);
	if (code == 0 && token.kind != SKAFU__JSON_ARRAY_END)
		return ruleparse_fail(p, token.offset, "nothing may stand beside \"=\" and its number");
	return code;
}

static int32_t ruleparse_cidr(struct ruleparse *p, struct skafu__buf *to)
{
	struct skafu__draft_atom range = {.kind = SKAFU__RULE_RANGE};
	struct skafu__buf *bytes = &p->draft->bytes;
	uint8_t keys[2][SKAFU__RULE_ADDRESS_BYTES];
	struct skafu__json_token token;
	uint32_t at = 0;
	uint32_t length = 0;
	int32_t code = ruleparse_next(p, &token);
	if (code == 0 && token.kind != SKAFU__JSON_STRING)
		return ruleparse_fail(p, token.offset, "cidr takes a string such as \"10.0.0.0/8\"");
	if (code == 0)
		code = ruleparse_text(p, &token, &at, &length);
	if (code < 0)
		return code;
	size_t key_length = skafu__rule_key_network(bytes->bytes + at, length, keys[0], keys[1]);
	if (!key_length)
		return ruleparse_fail(p, token.offset, "this is no IPv4 or IPv6 network with a prefix length");
	range.at = (uint32_t)bytes->length;
	range.length = range.upper_length = (uint32_t)key_length;
	range.upper_at = range.at + range.length;
	code = ruleparse_put(p, bytes, keys[0], key_length);
	if (code == 0)
		code = ruleparse_put(p, bytes, keys[1], key_length);
	return code < 0 ? code : ruleparse_put(p, to, &range, sizeof range);
}

/* ---- conditions ------------------------------------------------------------------------------------------------ */

static uint32_t ruleparse_text_kind(const struct ruleparse *p, const struct skafu__json_token *name)
{
	if (ruleparse_is(p, name, "prefix"))
		return SKAFU__RULE_FORM;
	if (ruleparse_is(p, name, "suffix"))
		return SKAFU__RULE_FORM + SKAFU__RULE_REVERSED;
	if (ruleparse_is(p, name, "equals-ignore-case"))
		return SKAFU__RULE_FOLD;
	if (ruleparse_is(p, name, "wildcard"))
		return SKAFU__RULE_WILDCARD;
	return 0;
}

/* Behind anything-but: strings or numbers, one or a list, but not both kinds. */
static int32_t ruleparse_but_value(struct ruleparse *p, const struct skafu__json_token *token, uint32_t kind)
{
	if (token->kind != kind || (kind != SKAFU__JSON_STRING && kind != SKAFU__JSON_NUMBER))
		return ruleparse_fail(p, token->offset,
				"anything-but takes strings or numbers, not both, or an operator");
	if (kind == SKAFU__JSON_NUMBER)
		return ruleparse_exact_number(p, &p->draft->unwanted, token);
	return ruleparse_one(p, &p->draft->unwanted, SKAFU__RULE_TEXT, token);
}

static int32_t ruleparse_but_list(struct ruleparse *p)
{
	struct skafu__json_token token;
	uint32_t kind = 0;
	int32_t code = 0;
	while (code == 0) {
		code = ruleparse_next(p, &token);
		if (code == 0 && token.kind == SKAFU__JSON_ARRAY_END)
			return kind ? 0 : ruleparse_fail(p, token.offset, "a list must not be empty");
		if (code == 0)
			kind = kind ? kind : token.kind;
		if (code == 0)
			code = ruleparse_but_value(p, &token, kind);
	}
	return code;
}

static int32_t ruleparse_but_operator(struct ruleparse *p)
{
	struct skafu__json_token name;
	int32_t code = ruleparse_next(p, &name);
	if (code < 0)
		return code;
	uint32_t kind = name.kind == SKAFU__JSON_NAME ? ruleparse_text_kind(p, &name) : 0;
	if (!kind)
		return ruleparse_fail(p, name.offset,
				      "anything-but knows prefix, suffix, equals-ignore-case and wildcard");
	code = ruleparse_texts(p, &p->draft->unwanted, kind);
	return code < 0 ? code : ruleparse_end(p);
}

static int32_t ruleparse_but(struct ruleparse *p)
{
	struct skafu__draft_group group = {.negated = 1};
	struct skafu__json_token token;
	size_t before = p->draft->unwanted.length;
	int32_t code = ruleparse_next(p, &token);
	if (code < 0)
		return code;
	if (token.kind == SKAFU__JSON_OBJECT_BEGIN)
		code = ruleparse_but_operator(p);
	else if (token.kind == SKAFU__JSON_ARRAY_BEGIN)
		code = ruleparse_but_list(p);
	else
		code = ruleparse_but_value(p, &token, token.kind);
	if (code < 0)
		return code;
	group.from = (uint32_t)(before / sizeof(struct skafu__draft_atom));
	group.count = (uint32_t)((p->draft->unwanted.length - before) / sizeof(struct skafu__draft_atom));
	return ruleparse_put(p, &p->draft->groups, &group, sizeof group);
}

static int32_t ruleparse_exists(struct ruleparse *p, struct skafu__draft_field *field)
{
	struct skafu__json_token token;
	int32_t code = ruleparse_next(p, &token);
	if (code < 0)
		return code;
	if (token.kind == SKAFU__JSON_TRUE)
		field->present = 1;
	else if (token.kind == SKAFU__JSON_FALSE)
		field->absent = 1;
	else
		return ruleparse_fail(p, token.offset, "exists takes true or false");
	return 0;
}

/* {"operator": ...}, after its brace. */
static int32_t ruleparse_operator(struct ruleparse *p, struct skafu__draft_field *field)
{
	struct skafu__json_token name;
	int32_t code = ruleparse_next(p, &name);
	if (code < 0)
		return code;
	uint32_t kind = name.kind == SKAFU__JSON_NAME ? ruleparse_text_kind(p, &name) : 0;
	if (kind)
		code = ruleparse_texts(p, &p->draft->wanted, kind);
	else if (name.kind == SKAFU__JSON_OBJECT_END)
		return ruleparse_fail(p, name.offset, "an operator must stand in this object");
	else if (ruleparse_is(p, &name, "anything-but"))
		code = ruleparse_but(p);
	else if (ruleparse_is(p, &name, "numeric"))
		code = ruleparse_numeric(p, &p->draft->wanted);
	else if (ruleparse_is(p, &name, "cidr"))
		code = ruleparse_cidr(p, &p->draft->wanted);
	else if (ruleparse_is(p, &name, "exists"))
		code = ruleparse_exists(p, field);
	else
		return ruleparse_fail(p, name.offset, "there is no such operator");
	return code < 0 ? code : ruleparse_end(p);
}

/* One element of the list of a field. */
static int32_t ruleparse_element(struct ruleparse *p, struct skafu__draft_field *field,
				 const struct skafu__json_token *token)
{
	struct skafu__draft_atom word = {0};
	switch (token->kind) {
	case SKAFU__JSON_OBJECT_BEGIN:
		return ruleparse_operator(p, field);
	case SKAFU__JSON_STRING:
		return ruleparse_one(p, &p->draft->wanted, SKAFU__RULE_TEXT, token);
	case SKAFU__JSON_NUMBER:
		return ruleparse_exact_number(p, &p->draft->wanted, token);
	case SKAFU__JSON_TRUE:
		word.kind = SKAFU__RULE_TRUE;
		break;
	case SKAFU__JSON_FALSE:
		word.kind = SKAFU__RULE_FALSE;
		break;
	case SKAFU__JSON_NULL:
		word.kind = SKAFU__RULE_NULL;
		break;
	default:
		return ruleparse_fail(p, token->offset, "a list holds values and operators, no lists");
	}
	return ruleparse_put(p, &p->draft->wanted, &word, sizeof word);
}

static size_t ruleparse_atoms(const struct ruleparse *p)
{
	return (p->draft->wanted.length + p->draft->unwanted.length) / sizeof(struct skafu__draft_atom);
}

static int32_t ruleparse_close_field(struct ruleparse *p, struct skafu__draft_field *field, size_t wanted_before)
{
	struct skafu__draft_group group = {.from = (uint32_t)(wanted_before / sizeof(struct skafu__draft_atom))};
	group.count = (uint32_t)(p->draft->wanted.length / sizeof(struct skafu__draft_atom)) - group.from;
	int32_t code = group.count ? ruleparse_put(p, &p->draft->groups, &group, sizeof group) : 0;
	if (code < 0)
		return code;
	field->group_count = (uint32_t)(p->draft->groups.length / sizeof group) - field->groups_from;
	field->atoms = (uint32_t)ruleparse_atoms(p) - field->atoms + field->absent + field->present;
	return ruleparse_put(p, &p->draft->fields, field, sizeof *field);
}

/* The list of a field, after its bracket. */
static int32_t ruleparse_field(struct ruleparse *p)
{
	struct skafu__draft_field field = {.path = p->path};
	struct skafu__json_token token;
	size_t wanted_before = p->draft->wanted.length;
	int32_t code = 0;
	field.groups_from = (uint32_t)(p->draft->groups.length / sizeof(struct skafu__draft_group));
	field.atoms = (uint32_t)ruleparse_atoms(p);
	if (p->draft->fields.length / sizeof field >= SKAFU__RULE_FIELDS_MAX)
		return ruleparse_fail(p, p->walk.at, "a pattern has at most 1,000 fields");
	for (size_t count = 0; code == 0; count++) {
		code = ruleparse_next(p, &token);
		if (code < 0)
			break;
		if (token.kind == SKAFU__JSON_ARRAY_END) {
			if (!count)
				return ruleparse_fail(p, token.offset, "a list must not be empty");
			return ruleparse_close_field(p, &field, wanted_before);
		}
		code = ruleparse_element(p, &field, &token);
	}
	return code;
}

/* ---- alternatives ---------------------------------------------------------------------------------------------- */

static int32_t ruleparse_copy(struct ruleparse *p, struct skafu__draft_choices *to,
			      const struct skafu__draft_choices *from)
{
	if (to->count + from->count > SKAFU__RULE_CHOICES_MAX)
		return ruleparse_fail(p, p->walk.at, "with all its $or it has more than 1,000 alternatives");
	if (to->words.length + from->words.length > sizeof(uint32_t) * SKAFU__RULE_TERMS_MAX)
		return ruleparse_fail(p, p->walk.at, "its $or and fields together are too many");
	to->count += from->count;
	return ruleparse_put(p, &to->words, from->words.bytes, from->words.length);
}

/* Add the last field to each alternative: from back to front, where all moves to its last place at once. */
static int32_t ruleparse_append(struct ruleparse *p, struct skafu__draft_choices *choices)
{
	uint32_t field = (uint32_t)(p->draft->fields.length / sizeof(struct skafu__draft_field)) - 1;
	struct skafu__draft_choices longer = {.count = choices->count};
	const uint32_t *from = (const uint32_t *)(const void *)choices->words.bytes;
	size_t bytes = choices->words.length + sizeof(uint32_t) * choices->count;
	if (bytes > sizeof(uint32_t) * SKAFU__RULE_TERMS_MAX)
		return ruleparse_fail(p, p->walk.at, "its $or and fields together are too many");
	skafu__buf_init(&longer.words, p->draft->sys, bytes);
	uint32_t *to = (uint32_t *)(void *)skafu__buf_reserve(&longer.words, bytes);
	if (!to)
		return ruleparse_full(p, longer.words.failed);
	for (uint32_t i = 0; i < choices->count; i++) {
		uint32_t count = *from++;
		*to++ = count + 1;
		memcpy(to, from, count * sizeof *to);
		to[count] = field;
		from += count;
		to += count + 1;
	}
	skafu__buf_commit(&longer.words, bytes);
	skafu__buf_done(&choices->words);
	*choices = longer;
	choices->words.ceiling = UINT32_MAX / 2;
	return 0;
}

static int32_t ruleparse_object(struct ruleparse *p, struct skafu__draft_choices *choices);

/* One branch of $or: the alternatives as they were before it, narrowed by the branch, are added to `sum`. */
static int32_t ruleparse_branch(struct ruleparse *p, const struct skafu__draft_choices *before,
				struct skafu__draft_choices *sum)
{
	struct skafu__draft_choices mine = {0};
	skafu__buf_init(&mine.words, p->draft->sys, UINT32_MAX / 2);
	int32_t code = ruleparse_copy(p, &mine, before);
	if (code == 0)
		code = ruleparse_object(p, &mine);
	if (code == 0)
		code = ruleparse_copy(p, sum, &mine);
	skafu__buf_done(&mine.words);
	return code;
}

static int32_t ruleparse_branches(struct ruleparse *p, const struct skafu__draft_choices *before,
				  struct skafu__draft_choices *sum)
{
	struct skafu__json_token token;
	int32_t code = ruleparse_next(p, &token);
	if (code == 0 && token.kind != SKAFU__JSON_ARRAY_BEGIN)
		return ruleparse_fail(p, token.offset, "$or takes a list of patterns");
	for (size_t count = 0; code == 0; count++) {
		code = ruleparse_next(p, &token);
		if (code < 0)
			break;
		if (token.kind == SKAFU__JSON_ARRAY_END)
			return count > 1 ? 0 : ruleparse_fail(p, token.offset, "$or takes at least two patterns");
		if (token.kind != SKAFU__JSON_OBJECT_BEGIN)
			return ruleparse_fail(p, token.offset, "$or takes a list of patterns");
		code = ruleparse_branch(p, before, sum);
	}
	return code;
}

static int32_t ruleparse_or(struct ruleparse *p, struct skafu__draft_choices *choices)
{
	struct skafu__draft_choices sum = {0};
	skafu__buf_init(&sum.words, p->draft->sys, UINT32_MAX / 2);
	int32_t code = ruleparse_branches(p, choices, &sum);
	if (code < 0) {
		skafu__buf_done(&sum.words);
		return code;
	}
	skafu__buf_done(&choices->words);
	*choices = sum;
	return 0;
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static int32_t ruleparse_enter(struct ruleparse *p, const struct skafu__json_token *name)
{
	struct skafu__draft_path path = {.parent = p->path, .depth = 1};
	uint32_t index = (uint32_t)(p->draft->paths.length / sizeof path);
	if (p->path != SKAFU__RULE_NONE)
		path.depth += ruleparse_path(p, p->path)->depth;
	if (path.depth > SKAFU__RULE_DEPTH_MAX)
		return ruleparse_fail(p, name->offset, "fields are nested more than 32 deep");
	int32_t code = ruleparse_text(p, name, &path.at, &path.length);
	if (code == 0)
		code = ruleparse_put(p, &p->draft->paths, &path, sizeof path);
	if (code == 0)
		p->path = index;
	return code;
}

/* A name and what it stands for. */
static int32_t ruleparse_member(struct ruleparse *p, const struct skafu__json_token *name,
				struct skafu__draft_choices *choices)
{
	struct skafu__json_token token;
	uint32_t outer = p->path;
	if (ruleparse_is(p, name, "$or"))
		return ruleparse_or(p, choices);
	int32_t code = ruleparse_enter(p, name);
	if (code == 0)
		code = ruleparse_next(p, &token);
	if (code != 0)
		return code;
	if (token.kind == SKAFU__JSON_OBJECT_BEGIN) {
		code = ruleparse_object(p, choices);
	} else if (token.kind == SKAFU__JSON_ARRAY_BEGIN) {
		code = ruleparse_field(p);
		if (code == 0)
			code = ruleparse_append(p, choices);
	} else {
		code = ruleparse_fail(p, token.offset, "a field takes a list of what it may be, or an object");
	}
	p->path = outer;
	return code;
}

/* The members of a pattern object, after its brace: each alternative must satisfy all of them. */
static int32_t ruleparse_object(struct ruleparse *p, struct skafu__draft_choices *choices)
{
	struct skafu__json_token token;
	int32_t code = 0;
	for (size_t count = 0; code == 0; count++) {
		code = ruleparse_next(p, &token);
		if (code < 0)
			break;
		if (token.kind == SKAFU__JSON_OBJECT_END)
			return count ? 0 : ruleparse_fail(p, token.offset, "an object must not be empty");
		code = ruleparse_member(p, &token, choices);
	}
	return code;
}

/* How many entries the index could need for all alternatives together. */
static int32_t ruleparse_check_size(struct ruleparse *p)
{
	const struct skafu__draft_field *fields = (const void *)p->draft->fields.bytes;
	const uint32_t *word = (const uint32_t *)(const void *)p->draft->choices.words.bytes;
	size_t atoms = 0;
	for (uint32_t i = 0; i < p->draft->choices.count; i++) {
		for (uint32_t count = *word++; count > 0; count--)
			atoms += fields[*word++].atoms;
	}
	if (atoms > RULEPARSE_ATOMS_MAX)
		return ruleparse_fail(p, p->walk.at, "its $or and lists together are too large");
	return 0;
}

int32_t skafu__draft_parse(struct skafu__draft *draft, const char *pattern, size_t length, skafu_error *error)
{
	static const uint32_t no_fields = 0;
	struct ruleparse p = {.draft = draft, .text = (const uint8_t *)pattern, .path = SKAFU__RULE_NONE};
	struct skafu__json_fault fault;
	struct skafu__json_token token;
	p.error = error;
	skafu__json_walk_init(&p.walk, pattern, length);
	if (length > SKAFU__RULE_PATTERN_BYTES_MAX)
		return ruleparse_fail(&p, SKAFU__RULE_PATTERN_BYTES_MAX, "a pattern has at most 64 KiB");
	int32_t code = skafu__json_check(draft->sys, pattern, length, SKAFU__JSON_DEPTH_MAX, &fault);
	if (code == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (code < 0)
		return ruleparse_fail(&p, fault.offset, fault.reason);
	/* Empty texts, too, have a place in the bytes. */
	if (!skafu__buf_reserve(&draft->bytes, length))
		return skafu__fail_memory(error);
	code = ruleparse_next(&p, &token);
	if (code == 0 && token.kind != SKAFU__JSON_OBJECT_BEGIN)
		return ruleparse_fail(&p, token.offset, "a pattern is a JSON object");
	draft->choices.count = 1;
	if (code == 0)
		code = ruleparse_put(&p, &draft->choices.words, &no_fields, sizeof no_fields);
	if (code == 0)
		code = ruleparse_object(&p, &draft->choices);
	return code < 0 ? code : ruleparse_check_size(&p);
}
