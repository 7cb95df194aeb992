/*
 * rule.c: sets of rules: adding and matching.
 *
 * Invariant: a refused pattern leaves the set with the rules it had.  What a lack of memory leaves of it (interned
 * texts) costs room and changes no answer.  New rules are looked at one by one until the index is made anew, which
 * happens when they are many or nothing was added for a while; the memory of a match is kept for the next.
 */
#include "model/rule.h"

#include <string.h>

#include "base/error.h"
#include "base/sys.h"
#include "codec/json.h"
#include "model/rule_event.h"
#include "model/rule_index.h"
#include "model/rule_match.h"
#include "model/rule_parse.h"
#include "model/rule_table.h"

#define RULES_LOOSE_MAX 64u /* alternatives outside of the index */
#define RULES_IDLE_MAX 4u   /* matches with such, until it is made anew */
#define RULES_KEPT_BYTES (1u << 20)
#define RULES_BYTES_MAX (UINT32_MAX / 2)

/* How far the set was filled before a rule was added. */
struct rules_mark {
	size_t choices;
	size_t lists;
	size_t terms;
	size_t groups;
	size_t values;
	size_t tests;
};

static const struct skafu__rule_path rules_root = {.parent = SKAFU__RULE_NONE, .inside = SKAFU__RULE_NONE};

/* ---- making and freeing ---------------------------------------------------------------------------------------- */

static void rules_each_buf(struct skafu_rules *set, void (*act)(const struct skafu__sys *sys, struct skafu__buf *buf))
{
	struct skafu__buf *const all[] = {
		&set->names.items, &set->texts.items, &set->bytes,	  &set->paths,	    &set->ids,
		&set->choices,	   &set->lists,	      &set->terms,	  &set->groups,	    &set->values,
		&set->tests,	   &set->entries,     &set->scratch,	  &set->nodes,	    &set->event_values,
		&set->candidates,  &set->matched,     &set->rule_seen};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		act(set->sys, all[i]);
}

static void rules_init_buf(const struct skafu__sys *sys, struct skafu__buf *buf)
{
	skafu__buf_init(buf, sys, RULES_BYTES_MAX);
}

static void rules_done_buf(const struct skafu__sys *sys, struct skafu__buf *buf)
{
	(void)sys;
	skafu__buf_done(buf);
}

void skafu_rules_free(skafu_rules *rules)
{
	if (!rules)
		return;
	rules_each_buf(rules, rules_done_buf);
	skafu__rule_search_done(&rules->search);
	skafu__free(rules->sys, rules->names.slots);
	skafu__free(rules->sys, rules->texts.slots);
	skafu__free(rules->sys, rules);
}

int32_t skafu_rules_new(skafu_rules **out_rules, skafu_error *error)
{
	const struct skafu__sys *sys = skafu__sys_current();
	if (!out_rules)
		return skafu__fail(error, SKAFU_EINVAL, "out_rules is NULL; give a place for the set.");
	struct skafu_rules *set = skafu__alloc_zeroed(sys, 1, sizeof *set);
	if (!set)
		return skafu__fail_memory(error);
	set->sys = sys;
	rules_each_buf(set, rules_init_buf);
	skafu__rule_search_init(&set->search, set);
	memset(set->envelope, 0xFF, sizeof set->envelope);
	int32_t code = 0;
	if (sys->random(set->hash_key, sizeof set->hash_key) != 0)
		code = skafu__fail(error, SKAFU_EIO, "The system gives no random bytes; try again later.");
	else if (!skafu__buf_reserve(&set->values, sizeof(uint32_t))
		 || skafu__buf_put(&set->paths, &rules_root, sizeof rules_root) < 0)
		code = skafu__fail_memory(error);
	if (code < 0) {
		skafu_rules_free(set);
		return code;
	}
	*out_rules = set;
	return 0;
}

/* ---- adding ---------------------------------------------------------------------------------------------------- */

struct rules_adding {
	struct skafu_rules *set;
	const struct skafu__draft *draft;
	uint32_t *paths; /* of the draft, in the set */
};

/* The number of a path or text; what goes with a new one is put beside it, for which there is room before it is. */
static int32_t rules_intern(struct skafu_rules *set, struct skafu__rule_table *table,
			    const struct skafu__rule_item *wanted, const uint8_t *bytes, uint32_t *out_number)
{
	const struct skafu__rule_id fresh = {0};
	struct skafu__rule_path path = {.parent = wanted->owner, .inside = SKAFU__RULE_NONE};
	int is_path = table == &set->names;
	struct skafu__buf *beside = is_path ? &set->paths : &set->ids;
	size_t each = is_path ? sizeof path : sizeof fresh;
	uint32_t known = (uint32_t)(table->items.length / sizeof(struct skafu__rule_item));
	if (!skafu__buf_reserve(beside, each))
		return beside->failed;
	int32_t code = skafu__rule_intern(set, table, wanted, bytes, out_number);
	if (code < 0 || *out_number < known)
		return code;
	if (!is_path)
		return skafu__buf_put(beside, &fresh, each);
	path.depth = skafu__rule_path(set, wanted->owner)->depth + 1;
	skafu__rule_path(set, wanted->owner)->children++;
	return skafu__buf_put(beside, &path, each);
}

static int32_t rules_add_paths(struct rules_adding *adding)
{
	const struct skafu__draft_path *paths = (const void *)adding->draft->paths.bytes;
	size_t count = adding->draft->paths.length / sizeof *paths;
	adding->paths = skafu__alloc_zeroed(adding->set->sys, count, sizeof *adding->paths);
	if (!adding->paths)
		return SKAFU_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct skafu__rule_item wanted = {.length = paths[i].length};
		if (paths[i].parent != SKAFU__RULE_NONE)
			wanted.owner = adding->paths[paths[i].parent];
		uint32_t name = 0;
		int32_t code = rules_intern(adding->set, &adding->set->names, &wanted,
					    adding->draft->bytes.bytes + paths[i].at, &name);
		if (code < 0)
			return code;
		adding->paths[i] = name + 1; /* path 0, the event, has no name */
	}
	return 0;
}

static int32_t rules_put_bytes(struct skafu_rules *set, const struct skafu__draft *draft, uint32_t *at,
		uint32_t length)
{
	uint32_t place = (uint32_t)set->bytes.length;
	int32_t code = skafu__buf_put(&set->bytes, draft->bytes.bytes + *at, length);
	*at = place;
	return code;
}

static int32_t rules_text_id(const struct rules_adding *adding, uint32_t path, uint32_t kind,
			     struct skafu__rule_span text, uint32_t *out_id)
{
	struct skafu__rule_item wanted = {.owner = path, .kind = kind, .length = text.count};
	const uint8_t *bytes = text.count ? adding->draft->bytes.bytes + text.from : (const uint8_t *)"";
	return rules_intern(adding->set, &adding->set->texts, &wanted, bytes, out_id);
}

static uint32_t rules_needs(const struct skafu__draft *draft, const struct skafu__draft_atom *atom)
{
	switch (atom->kind) {
	case SKAFU__RULE_TEXT:
		return SKAFU__RULE_NEED_TEXT;
	case SKAFU__RULE_FOLD:
		return SKAFU__RULE_NEED_FOLD;
	case SKAFU__RULE_NUMBER:
		return SKAFU__RULE_NEED_NUMBER;
	case SKAFU__RULE_RANGE:
		return draft->bytes.bytes[atom->at] == 'n' ? SKAFU__RULE_NEED_NUMBER : SKAFU__RULE_NEED_ADDRESS;
	case SKAFU__RULE_WILDCARD:
		return SKAFU__RULE_NEED_FORM(0) | SKAFU__RULE_NEED_FORM(atom->anchor_form & SKAFU__RULE_REVERSED);
	default:
		return atom->kind < SKAFU__RULE_FORM ? SKAFU__RULE_NEED_WORD
						     : SKAFU__RULE_NEED_FORM(atom->kind - SKAFU__RULE_FORM);
	}
}

static int32_t rules_add_test(const struct rules_adding *adding, uint32_t path, const struct skafu__draft_atom *atom)
{
	struct skafu_rules *set = adding->set;
	struct skafu__rule_test test = {.kind = atom->kind, .id = SKAFU__RULE_NONE, .open = atom->open};
	const struct skafu__rule_span text = {atom->at, atom->length};
	const struct skafu__rule_span anchor = {atom->anchor_at, atom->anchor_length};
	int32_t code = 0;
	test.at = atom->at;
	test.length = atom->length;
	test.upper_at = atom->upper_at;
	test.upper_length = atom->upper_length;
	test.anchor_form = atom->anchor_form;
	if (atom->kind >= SKAFU__RULE_FORM)
		code = rules_text_id(adding, path, atom->kind, text, &test.id);
	else if (atom->anchor_length)
		code = rules_text_id(adding, path, SKAFU__RULE_FORM + atom->anchor_form, anchor, &test.id);
	if (code == 0 && atom->kind >= SKAFU__RULE_FORM)
		test.at = skafu__rule_text(set, test.id)->at;
	else if (code == 0)
		code = rules_put_bytes(set, adding->draft, &test.at, test.length);
	if (code == 0 && atom->kind == SKAFU__RULE_RANGE)
		code = rules_put_bytes(set, adding->draft, &test.upper_at, test.upper_length);
	return code < 0 ? code : skafu__buf_put(&set->tests, &test, sizeof test);
}

static int rules_compare_numbers(const void *user, uint32_t a, uint32_t b)
{
	(void)user;
	return a < b ? -1 : a > b;
}

/* Sort numbers in a buffer from `from` on. */
static int32_t rules_sort(struct skafu_rules *set, struct skafu__buf *buf, size_t from,
		skafu__rule_compare_fn compare)
{
	uint32_t *numbers = (uint32_t *)(void *)(buf->bytes + from);
	size_t count = (buf->length - from) / sizeof *numbers;
	skafu__buf_clear(&set->scratch);
	uint32_t *spare = (uint32_t *)(void *)skafu__buf_reserve(&set->scratch, count * sizeof *spare);
	if (!spare)
		return set->scratch.failed;
	skafu__rule_sort(numbers, spare, count, compare, set);
	return 0;
}

static int32_t rules_add_group(const struct rules_adding *adding, uint32_t path,
			       const struct skafu__draft_group *group)
{
	struct skafu_rules *set = adding->set;
	const struct skafu__buf *from = group->negated ? &adding->draft->unwanted : &adding->draft->wanted;
	const struct skafu__draft_atom *atoms = (const void *)from->bytes;
	const struct skafu__draft_atom *atom = atoms + group->from;
	struct skafu__rule_group added = {.negated = group->negated};
	size_t values = set->values.length;
	size_t tests = set->tests.length;
	int32_t code = 0;
	for (uint32_t i = 0; i < group->count && code == 0; i++, atom++) {
		const struct skafu__rule_span text = {atom->at, atom->length};
		uint32_t id = 0;
		skafu__rule_path(set, path)->needs |= rules_needs(adding->draft, atom);
		if (atom->kind > SKAFU__RULE_NULL) {
			code = rules_add_test(adding, path, atom);
			continue;
		}
		code = rules_text_id(adding, path, atom->kind, text, &id);
		if (code == 0)
			code = skafu__buf_put(&set->values, &id, sizeof id);
	}
	added.ids_from = (uint32_t)(values / sizeof(uint32_t));
	added.id_count = (uint32_t)((set->values.length - values) / sizeof(uint32_t));
	added.tests_from = (uint32_t)(tests / sizeof(struct skafu__rule_test));
	added.test_count = (uint32_t)((set->tests.length - tests) / sizeof(struct skafu__rule_test));
	if (code == 0 && added.id_count)
		code = rules_sort(set, &set->values, values, rules_compare_numbers);
	return code < 0 ? code : skafu__buf_put(&set->groups, &added, sizeof added);
}

static int32_t rules_add_terms(const struct rules_adding *adding)
{
	struct skafu_rules *set = adding->set;
	const struct skafu__draft_field *field = (const void *)adding->draft->fields.bytes;
	const struct skafu__draft_group *groups = (const void *)adding->draft->groups.bytes;
	size_t count = adding->draft->fields.length / sizeof *field;
	int32_t code = 0;
	for (size_t i = 0; i < count && code == 0; i++, field++) {
		struct skafu__rule_term term = {.path = adding->paths[field->path],
				.group_count = field->group_count};
		term.absent = field->absent;
		term.present = field->present;
		term.groups_from = (uint32_t)(set->groups.length / sizeof(struct skafu__rule_group));
		for (uint32_t g = 0; g < field->group_count && code == 0; g++)
			code = rules_add_group(adding, term.path, &groups[field->groups_from + g]);
		if (code == 0)
			code = skafu__buf_put(&set->terms, &term, sizeof term);
		if (code == 0)
			skafu__rule_path(set, term.path)->terms++;
	}
	return code;
}

/* The order of a walk through the trie: a path comes before what is below it. */
static int rules_compare_terms(const void *user, uint32_t a, uint32_t b)
{
	const struct skafu_rules *set = user;
	uint32_t left = skafu__rule_term(set, a)->path;
	uint32_t right = skafu__rule_term(set, b)->path;
	uint32_t left_depth = skafu__rule_path(set, left)->depth;
	uint32_t right_depth = skafu__rule_path(set, right)->depth;
	for (uint32_t depth = left_depth; depth > right_depth; depth--)
		left = skafu__rule_path(set, left)->parent;
	for (uint32_t depth = right_depth; depth > left_depth; depth--)
		right = skafu__rule_path(set, right)->parent;
	if (left == right)
		return (left_depth > right_depth) - (left_depth < right_depth);
	while (skafu__rule_path(set, left)->parent != skafu__rule_path(set, right)->parent) {
		left = skafu__rule_path(set, left)->parent;
		right = skafu__rule_path(set, right)->parent;
	}
	return left < right ? -1 : 1;
}

static int32_t rules_add_choices(const struct rules_adding *adding, uint32_t first_term)
{
	struct skafu_rules *set = adding->set;
	const uint32_t *word = (const uint32_t *)(const void *)adding->draft->choices.words.bytes;
	int32_t code = 0;
	for (uint32_t i = 0; i < adding->draft->choices.count && code == 0; i++) {
		struct skafu__rule_choice choice = {.rule = set->rule_count, .term_count = *word++};
		size_t start = set->lists.length;
		choice.terms_from = (uint32_t)(start / sizeof(uint32_t));
		choice.held = SKAFU__RULE_NONE;
		for (uint32_t t = 0; t < choice.term_count; t++) {
			uint32_t term = first_term + *word++;
			skafu__buf_put(&set->lists, &term, sizeof term);
		}
		code = set->lists.failed;
		if (code == 0)
			code = rules_sort(set, &set->lists, start, rules_compare_terms);
		if (code == 0)
			code = skafu__buf_put(&set->choices, &choice, sizeof choice);
	}
	return code;
}

/* What a match needs and must not fail for. */
static int32_t rules_add_room(struct skafu_rules *set)
{
	const uint64_t never = 0;
	size_t rules = (size_t)set->rule_count + 1;
	skafu__buf_clear(&set->candidates);
	skafu__buf_clear(&set->matched);
	set->rule_seen.length = set->rule_count * sizeof never;
	if (!skafu__buf_reserve(&set->candidates, skafu__rule_choice_count(set) * sizeof(uint32_t))
	    || !skafu__buf_reserve(&set->matched, rules * 2 * sizeof(uint32_t)))
		return SKAFU_ENOMEM;
	return skafu__buf_put(&set->rule_seen, &never, sizeof never);
}

static int32_t rules_add_draft(struct skafu_rules *set, const struct skafu__draft *draft)
{
	struct rules_adding adding = {.set = set, .draft = draft};
	uint32_t first_term = (uint32_t)(set->terms.length / sizeof(struct skafu__rule_term));
	int32_t code = rules_add_paths(&adding);
	if (code == 0)
		code = rules_add_terms(&adding);
	if (code == 0)
		code = rules_add_choices(&adding, first_term);
	if (code == 0)
		code = rules_add_room(set);
	skafu__free(set->sys, adding.paths);
	return code;
}

static void rules_undo(struct skafu_rules *set, const struct rules_mark *mark)
{
	struct skafu__buf *const failed[] = {&set->names.items, &set->texts.items, &set->bytes,	     &set->paths,
					     &set->ids,		&set->scratch,	   &set->candidates, &set->matched,
					     &set->rule_seen,	&set->choices,	   &set->lists,	     &set->terms,
					     &set->groups,	&set->values,	   &set->tests};
	set->choices.length = mark->choices;
	set->lists.length = mark->lists;
	set->terms.length = mark->terms;
	set->groups.length = mark->groups;
	set->values.length = mark->values;
	set->tests.length = mark->tests;
	for (size_t i = 0; i < sizeof failed / sizeof *failed; i++)
		failed[i]->failed = 0;
}

static void rules_find_envelope(struct skafu_rules *set)
{
	for (uint32_t i = 0; i < SKAFU__RULE_ENVELOPE; i++) {
		const char *name = skafu__rule_envelope[i];
		set->envelope[i] = skafu__rule_child(set, 0, (const uint8_t *)name, strlen(name));
	}
}

static int32_t rules_commit(struct skafu_rules *set, const struct skafu__draft *draft, uint32_t *out_number,
			    skafu_error *error)
{
	const struct rules_mark mark = {set->choices.length, set->lists.length,	 set->terms.length,
					set->groups.length,  set->values.length, set->tests.length};
	int32_t code = rules_add_draft(set, draft);
	if (code < 0) {
		rules_undo(set, &mark);
		if (code == SKAFU_ELIMIT)
			return skafu__fail(error, code, "The set of rules is full; use another one for more.");
		return skafu__fail_memory(error);
	}
	rules_find_envelope(set);
	set->idle = 0;
	if (out_number)
		*out_number = set->rule_count;
	set->rule_count++;
	return 0;
}

int32_t skafu_rules_add(skafu_rules *rules, const char *pattern, size_t length, uint32_t *out_number,
			skafu_error *error)
{
	struct skafu__draft draft;
	if (!rules || !pattern)
		return skafu__fail(error, SKAFU_EINVAL, "The set of rules or the pattern is NULL; give both.");
	if (rules->rule_count >= SKAFU__RULE_RULES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "The set has 1,000,000 rules; use another one for more.");
	skafu__draft_init(&draft, rules->sys);
	int32_t code = skafu__draft_parse(&draft, pattern, length, error);
	if (code == 0)
		code = rules_commit(rules, &draft, out_number, error);
	skafu__draft_done(&draft);
	return code;
}

/* ---- matching -------------------------------------------------------------------------------------------------- */

static void rules_begin(struct skafu_rules *set)
{
	uint32_t loose = skafu__rule_choice_count(set) - set->indexed;
	if (loose > RULES_LOOSE_MAX || (loose > 0 && ++set->idle >= RULES_IDLE_MAX))
		(void)skafu__rule_index(set); /* without memory the index before still serves */
	set->round++;
	set->several = 0;
	skafu__buf_clear(&set->scratch);
	skafu__buf_clear(&set->nodes);
	skafu__buf_clear(&set->event_values);
	skafu__buf_clear(&set->candidates);
	skafu__buf_clear(&set->matched);
}

/* One large event must not keep its memory for ever. */
static void rules_end(struct skafu_rules *set)
{
	struct skafu__buf *const kept[] = {&set->scratch, &set->nodes, &set->event_values};
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		if (kept[i]->capacity > RULES_KEPT_BYTES)
			skafu__buf_done(kept[i]);
	}
}

static void rules_judge(struct skafu_rules *set)
{
	uint32_t entries = (uint32_t)(set->entries.length / sizeof(struct skafu__rule_entry));
	for (uint32_t i = set->always; i < entries; i++)
		skafu__rule_candidate(set, skafu__rule_entry(set, i)->choice, SKAFU__RULE_NONE);
	for (uint32_t i = set->indexed; i < skafu__rule_choice_count(set); i++)
		skafu__rule_candidate(set, i, SKAFU__RULE_NONE);
	const uint32_t *candidates = (const uint32_t *)(const void *)set->candidates.bytes;
	size_t count = set->candidates.length / sizeof *candidates;
	for (size_t i = 0; i < count; i++) {
		const struct skafu__rule_choice *choice = skafu__rule_choice(set, candidates[i]);
		if (!skafu__rule_is_matched(set, choice->rule) && skafu__rule_choice_holds(set, choice))
			skafu__rule_matched(set, choice->rule);
	}
}

static int32_t rules_finish(struct skafu_rules *set, uint32_t *out_numbers, uint32_t numbers_max)
{
	rules_judge(set);
	uint32_t *matched = (uint32_t *)(void *)set->matched.bytes;
	uint32_t count = (uint32_t)(set->matched.length / sizeof *matched);
	uint32_t given = count < numbers_max ? count : numbers_max;
	if (given) {
		skafu__rule_sort(matched, matched + count, count, rules_compare_numbers, NULL);
		memcpy(out_numbers, matched, given * sizeof *matched);
	}
	rules_end(set);
	return (int32_t)count;
}

static int32_t rules_fail(struct skafu_rules *set, int32_t code, skafu_error *error)
{
	rules_end(set);
	if (code == SKAFU_EJSON)
		return skafu__fail(error, code,
				"The event is no strict JSON object, so no rule can be matched to it.");
	return skafu__fail_memory(error);
}

int32_t skafu_rules_match(skafu_rules *rules, const skafu_record *record, uint32_t *out_numbers, uint32_t numbers_max,
			  skafu_error *error)
{
	if (!rules || !record || (!out_numbers && numbers_max))
		return skafu__fail(error, SKAFU_EINVAL,
				"The set of rules, the record or the place for numbers is NULL.");
	rules_begin(rules);
	int32_t code = skafu__rule_take_record(rules, record);
	return code < 0 ? rules_fail(rules, code, error) : rules_finish(rules, out_numbers, numbers_max);
}

int32_t skafu_rules_match_json(skafu_rules *rules, const char *json, size_t length, uint32_t *out_numbers,
			       uint32_t numbers_max, skafu_error *error)
{
	struct skafu__json_fault fault;
	if (!rules || !json || (!out_numbers && numbers_max))
		return skafu__fail(error, SKAFU_EINVAL,
				"The set of rules, the event or the place for numbers is NULL.");
	if (length > SKAFU__RULE_EVENT_BYTES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "The event has more than 64 MiB; match a smaller one.");
	int32_t code = skafu__json_check(rules->sys, json, length, SKAFU__JSON_DEPTH_MAX, &fault);
	if (code == SKAFU_EJSON)
		return skafu__fail(error, code, "The event is no strict JSON: byte %zu: %s.", fault.offset,
				fault.reason);
	if (code < 0)
		return skafu__fail_memory(error);
	rules_begin(rules);
	code = skafu__rule_take_json(rules, (const uint8_t *)json, length);
	return code < 0 ? rules_fail(rules, code, error) : rules_finish(rules, out_numbers, numbers_max);
}
