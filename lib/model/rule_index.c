/*
 * rule_index.c: the index of a set of rules.
 *
 * Each alternative hangs on one of its terms, that which the fewest others share: an event that meets no condition
 * of this term cannot make it true.  Entries are ordered by path, kind and key:
 *
 *   exact values   found by the id of the value
 *   prefixes       in the order of their bytes; the greatest that is not above a text is found by halving, and all
 *                  others that begin the text are on the chain of its links; suffixes are prefixes of reversed texts
 *   literals       of wildcards with a star at both ends, found by a search over the text (rule_search.h)
 *   ranges         by their lower bound; the entry in the middle of a stretch links to that with the highest upper
 *                  bound in the stretch (an interval tree without pointers)
 *   present        for conditions that no index can serve, as soon as the path has a value
 *
 * An alternative that can be true where nothing is present is looked at for every event.
 */
#include "model/rule_index.h"

#include <string.h>

#include "model/rule_key.h"
#include "model/rule_table.h"

enum ruleindex_kind {
	RULEINDEX_EXACT,
	RULEINDEX_FORM, /* + form */
	RULEINDEX_INSIDE = RULEINDEX_FORM + SKAFU__RULE_INSIDE,
	RULEINDEX_RANGE,
	RULEINDEX_PRESENT
};

struct ruleindex {
	struct skafu_rules *set;
	struct skafu__buf entries; /* as they are made */
	struct skafu__buf sorted;
	struct skafu__rule_search search;
	struct skafu__buf roots; /* uint32_t: path, root; of the search */
	uint32_t choice;
};

/* ---- which term ------------------------------------------------------------------------------------------------ */

static void ruleindex_count_group(struct skafu_rules *set, const struct skafu__rule_group *group,
				  struct skafu__rule_path *path)
{
	const uint32_t *ids = skafu__rule_values(set, group->ids_from);
	if (group->negated) {
		path->broad++;
		return;
	}
	for (uint32_t i = 0; i < group->id_count; i++)
		skafu__rule_id(set, ids[i])->uses++;
	for (uint32_t i = 0; i < group->test_count; i++) {
		const struct skafu__rule_test *test = skafu__rule_test(set, group->tests_from + i);
		if (test->kind == SKAFU__RULE_RANGE)
			path->ranges++;
		else if (test->id != SKAFU__RULE_NONE)
			skafu__rule_id(set, test->id)->uses++;
		else
			path->broad++;
	}
}

static void ruleindex_count(struct skafu_rules *set)
{
	size_t ids = set->ids.length / sizeof(struct skafu__rule_id);
	size_t paths = set->paths.length / sizeof(struct skafu__rule_path);
	for (uint32_t i = 0; i < ids; i++)
		skafu__rule_id(set, i)->uses = 0;
	for (uint32_t i = 0; i < paths; i++)
		skafu__rule_path(set, i)->ranges = skafu__rule_path(set, i)->broad = 0;
	for (uint32_t i = 0; i < skafu__rule_choice_count(set); i++) {
		const struct skafu__rule_choice *choice = skafu__rule_choice(set, i);
		const uint32_t *list = skafu__rule_list(set, choice->terms_from);
		for (uint32_t t = 0; t < choice->term_count; t++) {
			const struct skafu__rule_term *term = skafu__rule_term(set, list[t]);
			struct skafu__rule_path *path = skafu__rule_path(set, term->path);
			path->broad += term->present;
			for (uint32_t g = 0; g < term->group_count; g++)
				ruleindex_count_group(set, skafu__rule_group(set, term->groups_from + g), path);
		}
	}
}

/* How many alternatives an event is likely to bring up if they all hang on terms such as this. */
static uint64_t ruleindex_cost(const struct skafu_rules *set, const struct skafu__rule_term *term)
{
	const struct skafu__rule_path *path = skafu__rule_path(set, term->path);
	uint64_t broad = UINT64_C(1000) + 8 * (uint64_t)path->broad;
	uint64_t cost = term->present ? broad : 0;
	for (uint32_t g = 0; g < term->group_count; g++) {
		const struct skafu__rule_group *group = skafu__rule_group(set, term->groups_from + g);
		const uint32_t *ids = skafu__rule_values(set, group->ids_from);
		if (group->negated) {
			cost += broad;
			continue;
		}
		for (uint32_t i = 0; i < group->id_count; i++)
			cost += skafu__rule_id(set, ids[i])->uses;
		for (uint32_t i = 0; i < group->test_count; i++) {
			const struct skafu__rule_test *test = skafu__rule_test(set, group->tests_from + i);
			if (test->kind == SKAFU__RULE_RANGE)
				cost += 4 + path->ranges / 4;
			else if (test->id != SKAFU__RULE_NONE)
				cost += UINT64_C(2) * skafu__rule_id(set, test->id)->uses;
			else
				cost += broad;
		}
	}
	return cost;
}

/* The term to hang an alternative on; NONE when it can be true without any value. */
static uint32_t ruleindex_choose(const struct skafu_rules *set, const struct skafu__rule_choice *choice)
{
	const uint32_t *list = skafu__rule_list(set, choice->terms_from);
	uint32_t best = SKAFU__RULE_NONE;
	uint64_t best_cost = UINT64_MAX;
	for (uint32_t i = 0; i < choice->term_count; i++) {
		const struct skafu__rule_term *term = skafu__rule_term(set, list[i]);
		uint64_t cost = term->absent ? UINT64_MAX : ruleindex_cost(set, term);
		if (cost < best_cost) {
			best = list[i];
			best_cost = cost;
		}
	}
	return best;
}

/* ---- entries --------------------------------------------------------------------------------------------------- */

static void ruleindex_put(struct ruleindex *index, uint32_t path, uint32_t kind, uint32_t key, uint32_t term)
{
	struct skafu__rule_entry entry = {index->choice, term, path, kind, key, SKAFU__RULE_NONE};
	skafu__buf_put(&index->entries, &entry, sizeof entry);
}

static void ruleindex_put_test(struct ruleindex *index, uint32_t term_number, uint32_t test_number)
{
	const struct skafu__rule_test *test = skafu__rule_test(index->set, test_number);
	uint32_t path = skafu__rule_term(index->set, term_number)->path;
	if (test->kind == SKAFU__RULE_RANGE)
		ruleindex_put(index, path, RULEINDEX_RANGE, test_number, term_number);
	else if (test->kind >= SKAFU__RULE_FORM)
		ruleindex_put(index, path, RULEINDEX_FORM + test->kind - SKAFU__RULE_FORM, test->id, term_number);
	else if (test->id != SKAFU__RULE_NONE)
		ruleindex_put(index, path, RULEINDEX_FORM + test->anchor_form, test->id, SKAFU__RULE_NONE);
	else
		ruleindex_put(index, path, RULEINDEX_PRESENT, 0, SKAFU__RULE_NONE);
}

static void ruleindex_put_term(struct ruleindex *index, uint32_t term_number)
{
	const struct skafu__rule_term *term = skafu__rule_term(index->set, term_number);
	if (term->present)
		ruleindex_put(index, term->path, RULEINDEX_PRESENT, 0, term_number);
	for (uint32_t g = 0; g < term->group_count; g++) {
		const struct skafu__rule_group *group = skafu__rule_group(index->set, term->groups_from + g);
		const uint32_t *ids = skafu__rule_values(index->set, group->ids_from);
		if (group->negated) {
			ruleindex_put(index, term->path, RULEINDEX_PRESENT, 0, SKAFU__RULE_NONE);
			continue;
		}
		for (uint32_t i = 0; i < group->id_count; i++)
			ruleindex_put(index, term->path, RULEINDEX_EXACT, ids[i], term_number);
		for (uint32_t i = 0; i < group->test_count; i++)
			ruleindex_put_test(index, term_number, group->tests_from + i);
	}
}

static int ruleindex_compare_text(const struct skafu_rules *set, uint32_t a, uint32_t b)
{
	const struct skafu__rule_item *left = skafu__rule_text(set, a);
	const struct skafu__rule_item *right = skafu__rule_text(set, b);
	const uint8_t *bytes = set->bytes.bytes;
	return skafu__rule_key_compare(bytes + left->at, left->length, bytes + right->at, right->length);
}

static int ruleindex_compare_lower(const struct skafu_rules *set, uint32_t a, uint32_t b)
{
	const struct skafu__rule_test *left = skafu__rule_test(set, a);
	const struct skafu__rule_test *right = skafu__rule_test(set, b);
	const uint8_t *bytes = set->bytes.bytes;
	int order = skafu__rule_key_compare(bytes + left->at, left->length, bytes + right->at, right->length);
	return order ? order : (left->open & 1) - (right->open & 1);
}

static int ruleindex_compare(const void *user, uint32_t a, uint32_t b)
{
	const struct ruleindex *index = user;
	const struct skafu__rule_entry *entries = (const void *)index->entries.bytes;
	const struct skafu__rule_entry *left = entries + a;
	const struct skafu__rule_entry *right = entries + b;
	if (left->path != right->path)
		return left->path < right->path ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->key == right->key)
		return 0;
	if (left->kind == RULEINDEX_EXACT)
		return left->key < right->key ? -1 : 1;
	if (left->kind == RULEINDEX_RANGE)
		return ruleindex_compare_lower(index->set, left->key, right->key);
	return ruleindex_compare_text(index->set, left->key, right->key);
}

static int32_t ruleindex_sort(struct ruleindex *index)
{
	struct skafu__buf numbers;
	size_t count = index->entries.length / sizeof(struct skafu__rule_entry);
	const struct skafu__rule_entry *entries = (const void *)index->entries.bytes;
	skafu__buf_init(&numbers, index->set->sys, SIZE_MAX / 2);
	uint32_t *order = (uint32_t *)(void *)skafu__buf_reserve(&numbers, (count + 1) * 2 * sizeof(uint32_t));
	if (!order)
		return SKAFU_ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	skafu__rule_sort(order, order + count, count, ruleindex_compare, index);
	for (size_t i = 0; i < count; i++)
		skafu__buf_put(&index->sorted, entries + order[i], sizeof *entries);
	skafu__buf_done(&numbers);
	return index->sorted.failed;
}

static int32_t ruleindex_collect(struct ruleindex *index)
{
	struct skafu_rules *set = index->set;
	uint32_t count = skafu__rule_choice_count(set);
	for (index->choice = 0; index->choice < count; index->choice++) {
		uint32_t term = ruleindex_choose(set, skafu__rule_choice(set, index->choice));
		if (term == SKAFU__RULE_NONE)
			ruleindex_put(index, SKAFU__RULE_NONE, RULEINDEX_PRESENT, 0, SKAFU__RULE_NONE);
		else
			ruleindex_put_term(index, term);
	}
	return index->entries.failed;
}

/* ---- links ----------------------------------------------------------------------------------------------------- */

static int ruleindex_begins(const struct skafu_rules *set, uint32_t id, const uint8_t *text, size_t length)
{
	const struct skafu__rule_item *item = skafu__rule_text(set, id);
	return item->length <= length
		&& (item->length == 0 || memcmp(set->bytes.bytes + item->at, text, item->length) == 0);
}

static uint32_t ruleindex_link_of(const struct skafu_rules *set, uint32_t id)
{
	return skafu__rule_entry(set, skafu__rule_id(set, id)->entries.from)->link;
}

/* Entries of one path and form: the text of each id links to the longest other one that it begins with. */
static void ruleindex_link_texts(struct skafu_rules *set, struct skafu__rule_span span)
{
	uint32_t before = SKAFU__RULE_NONE;
	for (uint32_t i = span.from; i < span.from + span.count; i++) {
		struct skafu__rule_entry *entry = skafu__rule_entry(set, i);
		if (entry->key == before)
			continue;
		const struct skafu__rule_item *item = skafu__rule_text(set, entry->key);
		uint32_t link = before;
		while (link != SKAFU__RULE_NONE
		       && !ruleindex_begins(set, link, set->bytes.bytes + item->at, item->length))
			link = ruleindex_link_of(set, link);
		entry->link = link;
		before = entry->key;
	}
}

static int ruleindex_is_higher(const struct skafu_rules *set, uint32_t a, uint32_t b)
{
	const struct skafu__rule_test *left = skafu__rule_test(set, skafu__rule_entry(set, a)->key);
	const struct skafu__rule_test *right = skafu__rule_test(set, skafu__rule_entry(set, b)->key);
	const uint8_t *bytes = set->bytes.bytes;
	int order = skafu__rule_key_compare(bytes + left->upper_at, left->upper_length, bytes + right->upper_at,
					    right->upper_length);
	return order ? order > 0 : (left->open & 2) < (right->open & 2);
}

/* Returns the entry of the stretch with the highest upper bound.  As deep as the logarithm of its length. */
static uint32_t ruleindex_link_ranges(struct skafu_rules *set, uint32_t from, uint32_t to)
{
	uint32_t middle = from + (to - from) / 2;
	uint32_t highest = middle;
	if (from == to)
		return SKAFU__RULE_NONE;
	uint32_t left = ruleindex_link_ranges(set, from, middle);
	uint32_t right = ruleindex_link_ranges(set, middle + 1, to);
	if (left != SKAFU__RULE_NONE && ruleindex_is_higher(set, left, highest))
		highest = left;
	if (right != SKAFU__RULE_NONE && ruleindex_is_higher(set, right, highest))
		highest = right;
	skafu__rule_entry(set, middle)->link = highest;
	return highest;
}

static struct skafu__rule_span *ruleindex_span(struct skafu__rule_path *path, uint32_t kind)
{
	if (kind == RULEINDEX_RANGE)
		return &path->range;
	return kind == RULEINDEX_PRESENT ? &path->present : &path->form[kind - RULEINDEX_FORM];
}

static void ruleindex_widen(struct skafu__rule_span *span, uint32_t at)
{
	if (span->count++ == 0)
		span->from = at;
}

static void ruleindex_spans(struct skafu_rules *set)
{
	uint32_t count = (uint32_t)(set->entries.length / sizeof(struct skafu__rule_entry));
	set->always = count;
	for (uint32_t i = 0; i < count; i++) {
		const struct skafu__rule_entry *entry = skafu__rule_entry(set, i);
		if (entry->path == SKAFU__RULE_NONE) {
			set->always = i;
			return;
		}
		if (entry->kind < RULEINDEX_RANGE)
			ruleindex_widen(&skafu__rule_id(set, entry->key)->entries, i);
		if (entry->kind != RULEINDEX_EXACT && entry->kind != RULEINDEX_INSIDE)
			ruleindex_widen(ruleindex_span(skafu__rule_path(set, entry->path), entry->kind), i);
	}
}

static void ruleindex_install(struct skafu_rules *set)
{
	const struct skafu__rule_span none = {0, 0};
	size_t paths = set->paths.length / sizeof(struct skafu__rule_path);
	size_t ids = set->ids.length / sizeof(struct skafu__rule_id);
	for (uint32_t i = 0; i < ids; i++)
		skafu__rule_id(set, i)->entries = none;
	for (uint32_t i = 0; i < paths; i++) {
		struct skafu__rule_path *path = skafu__rule_path(set, i);
		memset(path->form, 0, sizeof path->form);
		path->range = path->present = none;
		path->inside = SKAFU__RULE_NONE;
	}
	ruleindex_spans(set);
	for (uint32_t i = 0; i < paths; i++) {
		const struct skafu__rule_path *path = skafu__rule_path(set, i);
		for (uint32_t form = 0; form < SKAFU__RULE_FORMS; form++)
			ruleindex_link_texts(set, path->form[form]);
		ruleindex_link_ranges(set, path->range.from, path->range.from + path->range.count);
	}
	set->indexed = skafu__rule_choice_count(set);
}

/* How many literals there are among the sorted entries, and how long they are together. */
static void ruleindex_measure(const struct ruleindex *index, size_t *out_bytes, size_t *out_literals)
{
	const struct skafu__rule_entry *entry = (const void *)index->sorted.bytes;
	const struct skafu__rule_entry *end = entry + index->sorted.length / sizeof *entry;
	for (; entry < end; entry++) {
		if (entry->kind == RULEINDEX_INSIDE) {
			*out_bytes += skafu__rule_text(index->set, entry->key)->length;
			++*out_literals;
		}
	}
}

/* Make the search for all literals. */
static int32_t ruleindex_search(struct ruleindex *index)
{
	const struct skafu__rule_entry *entries = (const void *)index->sorted.bytes;
	const struct skafu__rule_entry *before = NULL;
	uint32_t root = SKAFU__RULE_NONE;
	size_t bytes = 0;
	size_t literals = 0;
	ruleindex_measure(index, &bytes, &literals);
	int32_t code = skafu__rule_search_reserve(&index->search, bytes, literals);
	for (size_t i = 0; i < index->sorted.length / sizeof *entries && literals && code == 0; i++) {
		if (entries[i].kind != RULEINDEX_INSIDE)
			continue;
		if (!before || before->path != entries[i].path) {
			root = skafu__rule_search_root(&index->search);
			skafu__buf_put(&index->roots, &entries[i].path, sizeof root);
			code = skafu__buf_put(&index->roots, &root, sizeof root);
		}
		if (!before || before->key != entries[i].key)
			skafu__rule_search_add(&index->search, root, index->set, entries[i].key);
		before = &entries[i];
	}
	return code < 0 ? code : skafu__rule_search_link(&index->search);
}

static void ruleindex_take(struct ruleindex *index)
{
	struct skafu_rules *set = index->set;
	const uint32_t *root = (const uint32_t *)(const void *)index->roots.bytes;
	skafu__buf_done(&set->entries);
	skafu__rule_search_done(&set->search);
	set->entries = index->sorted;
	set->search = index->search;
	ruleindex_install(set);
	for (size_t i = 0; i < index->roots.length / (2 * sizeof *root); i++)
		skafu__rule_path(set, root[2 * i])->inside = root[2 * i + 1];
}

int32_t skafu__rule_index(struct skafu_rules *set)
{
	struct ruleindex index = {.set = set};
	skafu__buf_init(&index.entries, set->sys, UINT32_MAX);
	skafu__buf_init(&index.sorted, set->sys, UINT32_MAX);
	skafu__buf_init(&index.roots, set->sys, UINT32_MAX);
	skafu__rule_search_init(&index.search, set);
	ruleindex_count(set);
	int32_t code = ruleindex_collect(&index);
	if (code == 0)
		code = ruleindex_sort(&index);
	if (code == 0)
		code = ruleindex_search(&index);
	if (code == 0) {
		ruleindex_take(&index);
	} else {
		skafu__buf_done(&index.sorted);
		skafu__rule_search_done(&index.search);
	}
	skafu__buf_done(&index.entries);
	skafu__buf_done(&index.roots);
	return code;
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

/* Room was made when the rules were added. */
static void ruleindex_push(struct skafu__buf *buf, uint32_t number)
{
	memcpy(buf->bytes + buf->length, &number, sizeof number);
	buf->length += sizeof number;
}

int skafu__rule_is_matched(const struct skafu_rules *set, uint32_t rule)
{
	return ((const uint64_t *)(const void *)set->rule_seen.bytes)[rule] == set->round;
}

void skafu__rule_matched(struct skafu_rules *set, uint32_t rule)
{
	((uint64_t *)(void *)set->rule_seen.bytes)[rule] = set->round;
	ruleindex_push(&set->matched, rule);
}

void skafu__rule_candidate(struct skafu_rules *set, uint32_t choice_number, uint32_t held)
{
	struct skafu__rule_choice *choice = skafu__rule_choice(set, choice_number);
	int is_new = choice->seen != set->round;
	if (is_new || choice->held == SKAFU__RULE_NONE)
		choice->held = held;
	choice->seen = set->round;
	if (skafu__rule_is_matched(set, choice->rule))
		return;
	if (held != SKAFU__RULE_NONE && choice->term_count == 1)
		skafu__rule_matched(set, choice->rule);
	else if (is_new)
		ruleindex_push(&set->candidates, choice_number);
}

static void ruleindex_hit(struct skafu_rules *set, struct skafu__rule_span span)
{
	for (uint32_t i = span.from; i < span.from + span.count; i++) {
		const struct skafu__rule_entry *entry = skafu__rule_entry(set, i);
		skafu__rule_candidate(set, entry->choice, entry->term);
	}
}

/* All entries of the span whose text begins this one. */
static void ruleindex_fire_text(struct skafu_rules *set, struct skafu__rule_span span, struct skafu__rule_span text)
{
	const uint8_t *bytes = set->scratch.bytes + text.from;
	uint32_t low = span.from;
	uint32_t high = span.from + span.count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct skafu__rule_item *item = skafu__rule_text(set, skafu__rule_entry(set, middle)->key);
		if (skafu__rule_key_compare(set->bytes.bytes + item->at, item->length, bytes, text.count) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	uint32_t id = low > span.from ? skafu__rule_entry(set, low - 1)->key : SKAFU__RULE_NONE;
	for (; id != SKAFU__RULE_NONE; id = ruleindex_link_of(set, id)) {
		if (ruleindex_begins(set, id, bytes, text.count))
			ruleindex_hit(set, skafu__rule_id(set, id)->entries);
	}
}

/* Where a literal was found before, those that it ends with were too. */
static void ruleindex_fire_inside(struct skafu_rules *set, uint32_t state, struct skafu__rule_span text)
{
	const uint8_t *bytes = set->scratch.bytes + text.from;
	for (uint32_t i = 0; i < text.count; i++) {
		state = skafu__rule_search_step(&set->search, state, bytes[i]);
		for (uint32_t at = state; at != SKAFU__RULE_NONE;) {
			uint32_t id = skafu__rule_search_found(&set->search, at, &at);
			if (id == SKAFU__RULE_NONE || skafu__rule_id(set, id)->fired == set->round)
				break;
			skafu__rule_id(set, id)->fired = set->round;
			ruleindex_hit(set, skafu__rule_id(set, id)->entries);
		}
	}
}

static int ruleindex_is_above(const struct skafu_rules *set, const struct skafu__rule_value *value, uint32_t at)
{
	const struct skafu__rule_test *test = skafu__rule_test(set, skafu__rule_entry(set, at)->key);
	int order = skafu__rule_key_compare(set->scratch.bytes + value->key_at, value->key_length,
					    set->bytes.bytes + test->upper_at, test->upper_length);
	return order > 0 || (order == 0 && (test->open & 2));
}

static int ruleindex_is_below(const struct skafu_rules *set, const struct skafu__rule_value *value, uint32_t at)
{
	const struct skafu__rule_test *test = skafu__rule_test(set, skafu__rule_entry(set, at)->key);
	int order = skafu__rule_key_compare(set->scratch.bytes + value->key_at, value->key_length,
					    set->bytes.bytes + test->at, test->length);
	return order < 0 || (order == 0 && (test->open & 1));
}

static void ruleindex_fire_ranges(struct skafu_rules *set, const struct skafu__rule_value *value, uint32_t from,
				  uint32_t to)
{
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		const struct skafu__rule_entry *entry = skafu__rule_entry(set, middle);
		if (ruleindex_is_above(set, value, entry->link))
			return;
		ruleindex_fire_ranges(set, value, from, middle);
		if (ruleindex_is_below(set, value, middle))
			return;
		if (!ruleindex_is_above(set, value, middle))
			skafu__rule_candidate(set, entry->choice, entry->term);
		from = middle + 1;
	}
}

void skafu__rule_fire(struct skafu_rules *set, uint32_t path_number, const struct skafu__rule_value *value)
{
	struct skafu__rule_path *path = skafu__rule_path(set, path_number);
	for (int i = 0; i < 2; i++) {
		if (value->ids[i] != SKAFU__RULE_NONE)
			ruleindex_hit(set, skafu__rule_id(set, value->ids[i])->entries);
	}
	for (uint32_t form = 0; form < SKAFU__RULE_FORMS && value->kind == SKAFU__RULE_TEXT; form++) {
		if (path->form[form].count)
			ruleindex_fire_text(set, path->form[form], value->form[form]);
	}
	if (path->inside != SKAFU__RULE_NONE && value->kind == SKAFU__RULE_TEXT)
		ruleindex_fire_inside(set, path->inside, value->form[0]);
	if (value->key_length && path->range.count)
		ruleindex_fire_ranges(set, value, path->range.from, path->range.from + path->range.count);
	if (path->fired != set->round)
		ruleindex_hit(set, path->present);
	path->fired = set->round;
}
