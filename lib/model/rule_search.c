/*
 * rule_search.c: finding many literals at once.
 *
 * Invariant: the states of a root are the beginnings of its literals; a state falls back to the longest other
 * beginning that it ends with.  A step for each byte goes one deeper or falls back, so a text takes steps in
 * proportion to its length, whatever the literals are.
 */
#include "model/rule_search.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "model/rule.h"
#include "model/rule_table.h"

struct rulesearch_state {
	uint32_t parent;
	uint32_t depth;
	uint32_t fall;    /* NONE for a root */
	uint32_t shorter; /* the next state on the way of falls in which a literal ends */
	uint32_t literal;
	uint32_t byte;
};

struct skafu__rule_step {
	uint64_t key; /* state << 8 | byte, + 1; 0 for a free place */
	uint64_t to;
};

static struct rulesearch_state *rulesearch_state(const struct skafu__rule_search *search, uint32_t index)
{
	return (struct rulesearch_state *)(void *)search->states.bytes + index;
}

static uint32_t rulesearch_count(const struct skafu__rule_search *search)
{
	return (uint32_t)(search->states.length / sizeof(struct rulesearch_state));
}

void skafu__rule_search_init(struct skafu__rule_search *search, const struct skafu_rules *set)
{
	*search = (struct skafu__rule_search){.factor = skafu__load_u64(set->hash_key) | 1};
	skafu__buf_init(&search->states, set->sys, UINT32_MAX);
}

void skafu__rule_search_done(struct skafu__rule_search *search)
{
	skafu__free(search->states.sys, search->steps);
	skafu__buf_done(&search->states);
	search->steps = NULL;
	search->step_count = 0;
}

int32_t skafu__rule_search_reserve(struct skafu__rule_search *search, size_t bytes, size_t roots)
{
	size_t step_count = 16;
	if (roots == 0)
		return 0;
	while (step_count < 2 * bytes)
		step_count *= 2;
	search->steps = skafu__alloc_zeroed(search->states.sys, step_count, sizeof *search->steps);
	if (!search->steps || !skafu__buf_reserve(&search->states, (bytes + roots) * sizeof(struct rulesearch_state)))
		return SKAFU_ENOMEM;
	search->step_count = step_count;
	return 0;
}

/* The place of a step, or the free one where it belongs. */
static struct skafu__rule_step *rulesearch_place(const struct skafu__rule_search *search, uint32_t state,
		uint8_t byte)
{
	uint64_t key = ((uint64_t)state << 8 | byte) + 1;
	uint64_t hash = key * search->factor;
	size_t at = (size_t)(hash ^ hash >> 32) & (search->step_count - 1);
	while (search->steps[at].key && search->steps[at].key != key)
		at = (at + 1) & (search->step_count - 1);
	return &search->steps[at];
}

static uint32_t rulesearch_put(struct skafu__rule_search *search, uint32_t parent, uint8_t byte)
{
	struct rulesearch_state state = {.parent = parent, .fall = SKAFU__RULE_NONE, .byte = byte};
	uint32_t index = rulesearch_count(search);
	state.shorter = state.literal = SKAFU__RULE_NONE;
	if (parent != SKAFU__RULE_NONE)
		state.depth = rulesearch_state(search, parent)->depth + 1;
	skafu__buf_put(&search->states, &state, sizeof state);
	return index;
}

uint32_t skafu__rule_search_root(struct skafu__rule_search *search)
{
	return rulesearch_put(search, SKAFU__RULE_NONE, 0);
}

void skafu__rule_search_add(struct skafu__rule_search *search, uint32_t root, const struct skafu_rules *set,
			    uint32_t literal)
{
	const struct skafu__rule_item *item = skafu__rule_text(set, literal);
	const uint8_t *text = set->bytes.bytes + item->at;
	uint32_t state = root;
	for (uint32_t i = 0; i < item->length; i++) {
		struct skafu__rule_step *step = rulesearch_place(search, state, text[i]);
		if (!step->key) {
			step->key = ((uint64_t)state << 8 | text[i]) + 1;
			step->to = rulesearch_put(search, state, text[i]);
		}
		state = (uint32_t)step->to;
	}
	rulesearch_state(search, state)->literal = literal;
}

uint32_t skafu__rule_search_step(const struct skafu__rule_search *search, uint32_t state, uint8_t byte)
{
	for (;;) {
		const struct skafu__rule_step *step = rulesearch_place(search, state, byte);
		if (step->key)
			return (uint32_t)step->to;
		uint32_t fall = rulesearch_state(search, state)->fall;
		if (fall == SKAFU__RULE_NONE)
			return state;
		state = fall;
	}
}

/* Where a state falls to, when all that are less deep are linked. */
static void rulesearch_link_state(const struct skafu__rule_search *search, struct rulesearch_state *state)
{
	const struct rulesearch_state *parent;
	if (state->parent == SKAFU__RULE_NONE)
		return;
	parent = rulesearch_state(search, state->parent);
	if (parent->fall == SKAFU__RULE_NONE)
		state->fall = state->parent;
	else
		state->fall = skafu__rule_search_step(search, parent->fall, (uint8_t)state->byte);
	const struct rulesearch_state *fall = rulesearch_state(search, state->fall);
	state->shorter = fall->literal == SKAFU__RULE_NONE ? fall->shorter : state->fall;
}

static int rulesearch_compare(const void *user, uint32_t a, uint32_t b)
{
	uint32_t left = rulesearch_state(user, a)->depth;
	uint32_t right = rulesearch_state(user, b)->depth;
	return left < right ? -1 : left > right;
}

int32_t skafu__rule_search_link(struct skafu__rule_search *search)
{
	uint32_t count = rulesearch_count(search);
	struct skafu__buf numbers;
	if (count == 0)
		return 0;
	skafu__buf_init(&numbers, search->states.sys, SIZE_MAX / 2);
	uint32_t *order = (uint32_t *)(void *)skafu__buf_reserve(&numbers, 2 * sizeof(uint32_t) * count);
	if (!order)
		return SKAFU_ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	skafu__rule_sort(order, order + count, count, rulesearch_compare, search);
	for (uint32_t i = 0; i < count; i++)
		rulesearch_link_state(search, rulesearch_state(search, order[i]));
	skafu__buf_done(&numbers);
	return 0;
}

uint32_t skafu__rule_search_found(const struct skafu__rule_search *search, uint32_t state_number,
		uint32_t *out_shorter)
{
	const struct rulesearch_state *state = rulesearch_state(search, state_number);
	if (state->literal == SKAFU__RULE_NONE && state->shorter != SKAFU__RULE_NONE)
		state = rulesearch_state(search, state->shorter);
	*out_shorter = state->shorter;
	return state->literal;
}
