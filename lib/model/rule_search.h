/*
 * rule_search.h: which of many literals occur anywhere in a text, in one pass over it (Aho and Corasick).
 *
 * One automaton for all paths of a set, with a root for each path.  Literals are interned texts of the kind
 * FORM + INSIDE.
 */
#ifndef SKAFU__MODEL_RULE_SEARCH_H
#define SKAFU__MODEL_RULE_SEARCH_H

#include "base/buf.h"

struct skafu_rules;

struct skafu__rule_step;

struct skafu__rule_search {
	struct skafu__buf states;
	struct skafu__rule_step *steps; /* hash table from (state, byte) to state */
	size_t step_count;              /* 0 or a power of two */
	uint64_t factor;                /* of the hash; secret */
};

void skafu__rule_search_init(struct skafu__rule_search *search, const struct skafu_rules *set);
void skafu__rule_search_done(struct skafu__rule_search *search);

/* Room for literals of so many bytes under so many roots.  All must be reserved before the first is added. */
int32_t skafu__rule_search_reserve(struct skafu__rule_search *search, size_t bytes, size_t roots);
uint32_t skafu__rule_search_root(struct skafu__rule_search *search);
void skafu__rule_search_add(struct skafu__rule_search *search, uint32_t root, const struct skafu_rules *set,
			    uint32_t literal);

/* After the last literal: link the states.  SKAFU_ENOMEM. */
int32_t skafu__rule_search_link(struct skafu__rule_search *search);

/* The state after one more byte. */
uint32_t skafu__rule_search_step(const struct skafu__rule_search *search, uint32_t state, uint8_t byte);

/* The longest literal that ends in this state, and the state where the next shorter one does; NONE without one. */
uint32_t skafu__rule_search_found(const struct skafu__rule_search *search, uint32_t state, uint32_t *out_shorter);

#endif
