/*
 * rule_index.h: which alternatives a value can make true, found without looking at the others.
 */
#ifndef SKAFU__MODEL_RULE_INDEX_H
#define SKAFU__MODEL_RULE_INDEX_H

#include "model/rule.h"

/* Make the index for all rules there are.  SKAFU_ENOMEM leaves the one before, which is right but knows fewer. */
int32_t skafu__rule_index(struct skafu_rules *set);

/* An event has this value at this path: note the alternatives that it may make true, and the rules that it does. */
void skafu__rule_fire(struct skafu_rules *set, uint32_t path, const struct skafu__rule_value *value);

/* Make an alternative a candidate of this match; `held` is a term that is known to hold, or NONE. */
void skafu__rule_candidate(struct skafu_rules *set, uint32_t choice, uint32_t held);

/* The rule matches. */
void skafu__rule_matched(struct skafu_rules *set, uint32_t rule);

/* 1 when it does already. */
int skafu__rule_is_matched(const struct skafu_rules *set, uint32_t rule);

#endif
