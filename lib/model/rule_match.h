/*
 * rule_match.h: whether an alternative of a rule is true of the event that was taken in.
 */
#ifndef SKAFU__MODEL_RULE_MATCH_H
#define SKAFU__MODEL_RULE_MATCH_H

#include "model/rule.h"

int skafu__rule_choice_holds(const struct skafu_rules *set, const struct skafu__rule_choice *choice);

#endif
