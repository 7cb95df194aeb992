/*
 * rule_table.h: interned paths and texts of rules, and sorting.
 */
#ifndef SKAFU__MODEL_RULE_TABLE_H
#define SKAFU__MODEL_RULE_TABLE_H

#include "model/rule.h"

/* find: the number, or NONE.  intern: 0 and the number, which is new when it is the highest. */
uint32_t skafu__rule_find(const struct skafu_rules *set, const struct skafu__rule_table *table,
			  const struct skafu__rule_item *wanted, const uint8_t *bytes);
int32_t skafu__rule_intern(struct skafu_rules *set, struct skafu__rule_table *table,
			   const struct skafu__rule_item *wanted, const uint8_t *bytes, uint32_t *out_number);

/* The path below `parent` with this name, NONE when no rule has it. */
uint32_t skafu__rule_child(const struct skafu_rules *set, uint32_t parent, const uint8_t *name, size_t length);

/* Sort numbers by a comparison, stably; `spare` has room for as many. */
typedef int (*skafu__rule_compare_fn)(const void *user, uint32_t a, uint32_t b);
void skafu__rule_sort(uint32_t *numbers, uint32_t *spare, size_t count, skafu__rule_compare_fn compare,
		      const void *user);

#endif
