/*
 * rule_match.c: judging one alternative against the tree of an event.
 *
 * Meaning: a term at a path holds when any value there satisfies it; the values of an array, and of arrays in it, all
 * stand at the path of the array.  Terms that reach into the objects of one array must be satisfied by one and the
 * same object of it.  Where a term may be absent, and nothing else picks an object out, it must be absent in all.
 * An object is no value: a path that leads to one has no value.
 *
 * So each part of an alternative is one of three things at a node: false, true with nothing present, or true with
 * something present.  Time: at most the values of the event times the terms and conditions of the alternative.
 */
#include "model/rule_match.h"

#include <string.h>

#include "model/rule_key.h"

enum rulematch_verdict {
	RULEMATCH_NO,
	RULEMATCH_ABSENT,
	RULEMATCH_PRESENT
};

/* Terms of an alternative that all go through one path. */
struct rulematch_part {
	const uint32_t *terms;
	uint32_t count;
	uint32_t depth;
};

struct rulematch {
	const struct skafu_rules *set;
	uint32_t held;
};

static enum rulematch_verdict rulematch_both(enum rulematch_verdict a, enum rulematch_verdict b)
{
	if (a == RULEMATCH_NO || b == RULEMATCH_NO)
		return RULEMATCH_NO;
	return a > b ? a : b;
}

/* ---- conditions ------------------------------------------------------------------------------------------------ */

static int rulematch_has_id(const uint32_t *ids, uint32_t count, uint32_t id)
{
	uint32_t low = 0;
	while (count > 0) {
		uint32_t half = count / 2;
		if (ids[low + half] == id)
			return 1;
		if (ids[low + half] < id) {
			low += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	return 0;
}

static int rulematch_range(const struct skafu_rules *set, const struct skafu__rule_test *test,
			   const struct skafu__rule_value *value)
{
	const uint8_t *key = set->scratch.bytes + value->key_at;
	const uint8_t *bytes = set->bytes.bytes;
	if (value->key_length == 0)
		return 0;
	int lower = skafu__rule_key_compare(key, value->key_length, bytes + test->at, test->length);
	if (lower < 0 || (lower == 0 && (test->open & 1)))
		return 0;
	int upper = skafu__rule_key_compare(key, value->key_length, bytes + test->upper_at, test->upper_length);
	return upper < 0 || (upper == 0 && !(test->open & 2));
}

static int rulematch_test(const struct skafu_rules *set, const struct skafu__rule_test *test,
			  const struct skafu__rule_value *value)
{
	const uint8_t *wanted = set->bytes.bytes + test->at;
	if (test->kind == SKAFU__RULE_RANGE)
		return rulematch_range(set, test, value);
	if (value->kind != SKAFU__RULE_TEXT)
		return 0;
	uint32_t form = test->kind == SKAFU__RULE_WILDCARD ? 0 : test->kind - SKAFU__RULE_FORM;
	struct skafu__rule_span text = value->form[form];
	const uint8_t *bytes = set->scratch.bytes + text.from;
	if (test->kind == SKAFU__RULE_WILDCARD)
		return skafu__rule_wildcard(wanted, test->length, bytes, text.count);
	return test->length <= text.count && (test->length == 0 || memcmp(wanted, bytes, test->length) == 0);
}

static int rulematch_group(const struct skafu_rules *set, const struct skafu__rule_group *group,
			   const struct skafu__rule_value *value)
{
	const uint32_t *ids = skafu__rule_values(set, group->ids_from);
	for (int i = 0; i < 2; i++) {
		if (value->ids[i] != SKAFU__RULE_NONE && rulematch_has_id(ids, group->id_count, value->ids[i]))
			return 1;
	}
	for (uint32_t i = 0; i < group->test_count; i++) {
		if (rulematch_test(set, skafu__rule_test(set, group->tests_from + i), value))
			return 1;
	}
	return 0;
}

static int rulematch_value(const struct skafu_rules *set, const struct skafu__rule_term *term, uint32_t value_number)
{
	const struct skafu__rule_value *value = skafu__rule_value(set, value_number);
	if (term->present)
		return 1;
	for (uint32_t i = 0; i < term->group_count; i++) {
		const struct skafu__rule_group *group = skafu__rule_group(set, term->groups_from + i);
		if (rulematch_group(set, group, value) != (int)group->negated)
			return 1;
	}
	return 0;
}

/* ---- terms at a node ------------------------------------------------------------------------------------------- */

static enum rulematch_verdict rulematch_absent(const struct skafu_rules *set, const uint32_t *terms, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!skafu__rule_term(set, terms[i])->absent)
			return RULEMATCH_NO;
	}
	return RULEMATCH_ABSENT;
}

/* The values in an array and the arrays in it: PRESENT when one satisfies the term, NO when none of them does, ABSENT
 * when there are none.  As deep as the JSON of the event. */
static enum rulematch_verdict rulematch_scan(const struct skafu_rules *set, const struct skafu__rule_term *term,
					     const struct skafu__rule_node *array)
{
	enum rulematch_verdict seen = RULEMATCH_ABSENT;
	for (uint32_t i = array->first; i != SKAFU__RULE_NONE;) {
		const struct skafu__rule_node *node = skafu__rule_node(set, i);
		enum rulematch_verdict found = RULEMATCH_ABSENT;
		if (node->shape == SKAFU__RULE_VALUE)
			found = rulematch_value(set, term, node->value) ? RULEMATCH_PRESENT : RULEMATCH_NO;
		else if (node->shape == SKAFU__RULE_ARRAY)
			found = rulematch_scan(set, term, node);
		if (found == RULEMATCH_PRESENT)
			return found;
		seen = found == RULEMATCH_NO ? found : seen;
		i = node->next;
	}
	return seen;
}

/* A term whose path ends at this node. */
static enum rulematch_verdict rulematch_here(const struct rulematch *match, uint32_t term_number,
					     const struct skafu__rule_node *node)
{
	const struct skafu__rule_term *term = skafu__rule_term(match->set, term_number);
	enum rulematch_verdict found = RULEMATCH_ABSENT;
	if (term_number == match->held)
		return RULEMATCH_PRESENT;
	if (node->shape == SKAFU__RULE_VALUE)
		return rulematch_value(match->set, term, node->value) ? RULEMATCH_PRESENT : RULEMATCH_NO;
	if (node->shape == SKAFU__RULE_ARRAY)
		found = rulematch_scan(match->set, term, node);
	if (found == RULEMATCH_ABSENT && !term->absent)
		return RULEMATCH_NO;
	return found;
}

/* ---- parts at a node ------------------------------------------------------------------------------------------- */

static enum rulematch_verdict rulematch_part(const struct rulematch *match, struct rulematch_part part, uint32_t at);

/* The path of a term, or that above it which is so deep. */
static uint32_t rulematch_ancestor(const struct skafu_rules *set, uint32_t term, uint32_t depth)
{
	uint32_t path = skafu__rule_term(set, term)->path;
	while (skafu__rule_path(set, path)->depth > depth)
		path = skafu__rule_path(set, path)->parent;
	return path;
}

static uint32_t rulematch_member(const struct skafu_rules *set, const struct skafu__rule_node *object, uint32_t path)
{
	uint32_t at = object->first;
	while (at != SKAFU__RULE_NONE && skafu__rule_node(set, at)->path != path)
		at = skafu__rule_node(set, at)->next;
	return at;
}

static enum rulematch_verdict rulematch_object(const struct rulematch *match, struct rulematch_part part,
					       const struct skafu__rule_node *object)
{
	enum rulematch_verdict verdict = RULEMATCH_ABSENT;
	for (uint32_t from = 0; from < part.count && verdict != RULEMATCH_NO;) {
		uint32_t path = rulematch_ancestor(match->set, part.terms[from], part.depth + 1);
		uint32_t to = from + 1;
		while (to < part.count && rulematch_ancestor(match->set, part.terms[to], part.depth + 1) == path)
			to++;
		struct rulematch_part below = {part.terms + from, to - from, part.depth + 1};
		uint32_t member = rulematch_member(match->set, object, path);
		verdict = rulematch_both(verdict, rulematch_part(match, below, member));
		from = to;
	}
	return verdict;
}

/* One element satisfies all, or all of them have nothing of it. */
static enum rulematch_verdict rulematch_array(const struct rulematch *match, struct rulematch_part part,
					      const struct skafu__rule_node *array)
{
	enum rulematch_verdict verdict = rulematch_absent(match->set, part.terms, part.count);
	for (uint32_t i = array->first; i != SKAFU__RULE_NONE; i = skafu__rule_node(match->set, i)->next) {
		enum rulematch_verdict found = rulematch_part(match, part, i);
		if (found == RULEMATCH_PRESENT)
			return found;
		verdict = found == RULEMATCH_NO ? found : verdict;
	}
	return verdict;
}

static enum rulematch_verdict rulematch_part(const struct rulematch *match, struct rulematch_part part, uint32_t at)
{
	const struct skafu_rules *set = match->set;
	enum rulematch_verdict verdict = RULEMATCH_ABSENT;
	if (at == SKAFU__RULE_NONE)
		return rulematch_absent(set, part.terms, part.count);
	const struct skafu__rule_node *node = skafu__rule_node(set, at);
	/* Terms that end here come before those that go on. */
	while (part.count > 0 && verdict != RULEMATCH_NO
	       && skafu__rule_path(set, skafu__rule_term(set, *part.terms)->path)->depth == part.depth) {
		verdict = rulematch_both(verdict, rulematch_here(match, *part.terms, node));
		part.terms++;
		part.count--;
	}
	if (part.count == 0 || verdict == RULEMATCH_NO)
		return verdict;
	if (node->shape == SKAFU__RULE_OBJECT)
		return rulematch_both(verdict, rulematch_object(match, part, node));
	if (node->shape == SKAFU__RULE_ARRAY)
		return rulematch_both(verdict, rulematch_array(match, part, node));
	return rulematch_both(verdict, rulematch_absent(set, part.terms, part.count));
}

int skafu__rule_choice_holds(const struct skafu_rules *set, const struct skafu__rule_choice *choice)
{
	struct rulematch match = {set, set->several ? SKAFU__RULE_NONE : choice->held};
	struct rulematch_part part = {skafu__rule_list(set, choice->terms_from), choice->term_count, 0};
	return rulematch_part(&match, part, 0) != RULEMATCH_NO;
}
